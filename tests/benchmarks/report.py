"""What was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .implementations import BASELINE, OURS
from .measuring import Record, Timing

TARGET = 1.1  # of the baseline's time, but for tiny
TINY, ALLOWANCE = 1.25, 50e-6  # there, with seconds for checking arguments


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(
        [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        + [f"| {' | '.join(row)} |" for row in rows]
    )


def ratios(records: Sequence[Record]) -> str:
    """A row a problem, a column an implementation that ran at all: the baseline's time, ratios."""
    timed = {r.name for r in records if isinstance(r.found, Timing)}
    ran = [name for name in dict.fromkeys(r.name for r in records) if name in timed]
    problems: dict[tuple[str, str], dict[str, str]] = {}
    for record in records:
        cells = problems.setdefault((record.kind, record.size), {})
        cells[record.name] = cell(record)
    rows = [
        [" ".join(problem), *(cells.get(name, "–") for name in ran)]
        for problem, cells in problems.items()
    ]
    return markdown(["problem", *ran], rows)


def cell(record: Record) -> str:
    """Three digits."""
    if isinstance(record.found, str):
        return "–"
    if record.name == BASELINE:
        return f"{digits(record.found.seconds * 1e3)} ms"
    return digits(record.found.ratio)


def digits(value: float) -> str:
    """Three significant digits, never in scientific notation.

    >>> digits(1749.6), digits(0.05333), digits(2.5)
    ('1750', '0.0533', '2.5')
    """
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def beyond(records: Sequence[Record], name: str = OURS) -> list[str]:
    """Problems where one implementation is slower than it should be, in words."""
    lines = []
    bases = {
        (r.kind, r.size, r.dtype): r.found.seconds
        for r in records
        if r.name == BASELINE and isinstance(r.found, Timing)
    }
    for record in records:
        if record.name != name or isinstance(record.found, str):
            continue
        limit = TARGET
        if record.size == "tiny":
            limit = TINY + ALLOWANCE / bases[record.kind, record.size, record.dtype]
        if record.found.ratio > limit:
            lines.append(
                f"{record.kind} {record.size} {record.dtype}: {name} takes "
                f"{digits(record.found.ratio)}, at most {digits(limit)} is the aim"
            )
    return lines


def left_out(records: Sequence[Record]) -> list[str]:
    """Who did not run and why; once for one that never did."""
    ran = {r.name for r in records if isinstance(r.found, Timing)}
    lines: dict[str, None] = {}
    for r in records:
        if isinstance(r.found, str):
            of = f", {r.kind}" if r.name in ran else ""
            lines[f"left out: {r.name}{of}: {r.found}"] = None
    return list(lines)
