"""The one exception of the package: what was wrong, where, and what to write instead; a warning."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Source:
    """A text from a user and the name it goes by in messages."""

    text: str
    name: str = "recurrence"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source: 1-based line and column, and how many characters it covers."""

    line: int
    column: int
    width: int = 1


class UnrollError(Exception):
    """Input that cannot be used. `str(error)` is the whole message, with the line and a caret.

    message: what is wrong; remedy: what to write instead; source and span: where.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        source: Source | None = None,
        span: Span | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.source = source
        self.span = span

    def __str__(self) -> str:
        parts = [self.message]
        if self.source is not None and self.span is not None:
            lines = self.source.text.splitlines()
            parts[0] = (
                f"{self.source.name}, line {self.span.line}, column {self.span.column}: {parts[0]}"
            )
            if 1 <= self.span.line <= len(lines):
                parts += _excerpt(lines[self.span.line - 1], self.span)
        if self.remedy:
            parts.append(self.remedy)
        return "\n".join(parts)


class NonFiniteWarning(RuntimeWarning):
    """A run that ceased to be finite.

    name, step: what was first to be inf or nan, and at which step (None for what has none).
    """

    def __init__(self, message: str, name: str, step: int | tuple[int, ...] | None) -> None:
        super().__init__(message)
        self.name = name
        self.step = step


def _excerpt(line: str, span: Span) -> list[str]:
    """The line with a caret below, cut to a window around the caret where it is long."""
    visible = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    at = min(span.column - 1, len(visible))
    start = max(0, at - 60)
    stop = min(len(visible), start + 110)
    head = "…" if start else ""
    tail = "…" if stop < len(visible) else ""
    width = max(1, min(span.width, stop - at))
    pad = " " * (len(head) + display_width(visible[start:at]))
    return [f"  {head}{visible[start:stop]}{tail}", f"  {pad}{'^' * width}"]


def display_width(text: str) -> int:
    """Columns that a text takes in a terminal: wide characters two, combining marks none."""
    import unicodedata

    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def nearest(word: str, words: Iterable[str], likeness: float = 0.7) -> str | None:
    """The one of `words` that `word` is most likely a misspelling of, if any is as like as that."""
    found = get_close_matches(word, sorted(words), n=1, cutoff=likeness)
    return found[0] if found else None


def slip(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` is a slip of the keys away from: stricter than `nearest`.

    A slip is one letter more, less, other or swapped; two in words of seven letters and more.
    """
    allowed = 2 if len(word) >= 7 else 1
    near = [
        (d, w)
        for w in words
        if len(w) > 3 and (d := _slips(word, w, allowed)) <= allowed and not _another(word, w)
    ]
    return min(near)[1] if near and len(word) > 3 else None


def _another(a: str, b: str) -> bool:
    """Whether two short words differ in one consonant: `cell` is not meant to be `ceil`."""
    other = [x + y for x, y in zip(a, b) if x != y]
    return len(a) == len(b) <= 5 and len(other) == 1 and not set(other[0]) <= set("aeiou")


def _slips(a: str, b: str, allowed: int) -> int:
    """How many slips lead from one word to the other (optimal string alignment distance)."""
    if abs(len(a) - len(b)) > allowed:
        return allowed + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before = before, row
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y)))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], older[j - 2] + 1)
    return row[-1]
