"""What a text as a whole says about its names: the axis, who is indexed, who stands bare."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from unroll.language.scanner import Lines, Token
from unroll.language.statements import FOR
from unroll.language.sums import Bounds
from unroll.language.symbols import AXIS_LETTERS, Item, Script, Symbol, all_symbols, fold

_OFFSET = re.compile(r"([a-z])[+-][0-9]+")
_LETTER = re.compile(r"([a-z])([+-][0-9]+)?")
_LENGTH = re.compile(r"([A-Za-z][A-Za-z0-9_]*?)([+-][0-9]+)?")


@dataclass(frozen=True, slots=True)
class Survey:
    """axis, length: the axis letter and its length, as declared or understood.

    binders: letters that sums bind instead of the axis letter; lengths: names for its length.
    raised: `h^t` is an index (the left side says so); signal: so is `x(n)`.
    indexed, bare, defined: names by how they are used; powers: (name, exponent) defined so.
    """

    axis: str = "t"
    length: str = "tau"
    declared: bool = False
    binders: frozenset[str] = frozenset()
    lengths: frozenset[str] = frozenset()
    raised: bool = False
    signal: bool = False
    indexed: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    defined: frozenset[str] = frozenset()
    powers: frozenset[tuple[str, str]] = frozenset()

    @property
    def letters(self) -> frozenset[str]:
        return self.binders | {self.axis}


def survey_axis(
    statements: Sequence[Sequence[Item]], bounds: Sequence[Bounds], lines: Lines
) -> Survey:
    """The axis letter, by what the text shows of it. Raises UnrollError where there are two."""
    heads = [head for s in statements if (head := head_of(s)) is not None]
    strong: dict[str, Token] = {}
    weak: Counter[str] = Counter()
    raised = signal = False
    binders = {b.letter for b in bounds if re.fullmatch("[a-z]", b.letter)}
    for item in (i for s in statements for i in all_symbols(s)):
        for script in item.scripts:
            letter = _strong(script)
            if letter is not None:
                strong.setdefault(letter, item.token)
    declared = [d for s in statements if (d := _declaration(s)) is not None]
    for letter, _, token in declared:
        strong[letter] = token
    for letter, token in _ranged(statements):
        strong.setdefault(letter, token)
    for head in heads:
        for script in head.scripts:
            match = _LETTER.fullmatch(fold(script.flat))
            if match is None or match[1] not in AXIS_LETTERS:
                continue
            alone = len(head.scripts) == 1
            if script.kind == "(" and alone:
                signal = True
                strong.setdefault(match[1], head.token)
            elif script.kind == "^" and not script.wrapper and alone:
                raised = True
                weak[match[1]] += 1
            else:
                weak[match[1]] += 1
    main = [letter for letter in strong if letter not in binders]
    if not main and weak:
        best = max(weak.values())
        main = [next(letter for letter in AXIS_LETTERS if weak[letter] == best)]
    if not main:
        main = sorted(binders) if len(binders) == 1 else []
    if len(main) > 1:
        other = next(letter for letter in main if letter != main[0])
        raise lines.error(
            f"two letters are used as indices, {main[0]} and {other}; "
            "only one axis can be read so far",
            strong[other],
            f"Use {main[0]} for both, or give what {other} counts names of its own, as in "
            f"h1[{main[0]}] and h2[{main[0]}].",
        )
    axis = main[0] if main else "t"
    length = next((to for letter, to, _ in declared if letter == axis), "tau")
    uppers = {m[1] for b in bounds if (m := _LENGTH.fullmatch(b.upper))}
    return Survey(
        axis=axis,
        length=length,
        declared=any(letter == axis for letter, _, _ in declared),
        binders=frozenset(binders - {axis}),
        lengths=frozenset((uppers - {axis}) | _range_lengths(statements)),
        raised=raised,
        signal=signal,
    )


def head_of(statement: Sequence[Item]) -> Symbol | None:
    """The symbol that a statement defines."""
    first = statement[0] if statement else None
    return first if isinstance(first, Symbol) else None


def _strong(script: Script) -> str | None:
    """The letter that a script can only mean as an index."""
    if script.kind == "[" or (script.wrapper in ("<", "[") and script.kind in "_^"):
        match = _LETTER.fullmatch(fold(script.flat.removeprefix("<")))
    elif script.kind == "_" or (script.kind == "^" and script.wrapper):
        flat = fold(script.flat.removesuffix("⊤").removesuffix(","))
        parts = flat.split("|") if "|" in flat else [flat]
        match = next((m for p in parts if (m := _OFFSET.fullmatch(p)) is not None), None)
    else:
        return None
    return match[1] if match else None


def _declaration(statement: Sequence[Item]) -> tuple[str, str, Token] | None:
    """`k = 1..n_x`: the letter and the length."""
    if not any(isinstance(i, Token) and i.text == ".." for i in statement):
        return None
    if any(isinstance(i, Token) and i.kind == FOR for i in statement):
        return None
    head = head_of(statement)
    last = statement[-1]
    if head is None or head.scripts or len(statement) != 5:
        return None
    length = plain_name(last) if isinstance(last, Symbol) else last.text
    return head.token.text, length, head.token


def _ranged(statements: Iterable[Sequence[Item]]) -> Iterable[tuple[str, Token]]:
    """Letters that ranges (`for t > 1`) name."""
    for statement in statements:
        ranged = False
        for item in statement:
            ranged = ranged or (isinstance(item, Token) and item.kind == FOR)
            if ranged and isinstance(item, Symbol) and not item.scripts:
                if re.fullmatch("[a-z]", item.token.text):
                    yield item.token.text, item.token
                break


def _range_lengths(statements: Iterable[Sequence[Item]]) -> set[str]:
    """Names that bound a range."""
    found = set()
    for statement in statements:
        dots = False
        for item in statement:
            dots = dots or (isinstance(item, Token) and (item.text == ".." or item.kind == FOR))
            if dots and isinstance(item, Symbol) and not re.fullmatch("[a-z]", item.token.text):
                found.add(plain_name(item))
    return found


def plain_name(symbol: Symbol) -> str:
    """A name with all its scripts in it: `n_x`, `T_x`."""
    return "_".join([symbol.token.text, *(s.flat for s in symbol.scripts)])


def survey_names(survey: Survey, uses: Iterable[tuple[str, bool, bool]]) -> Survey:
    """The survey with the names' uses: (name, is indexed, is called)."""
    uses = list(uses)
    indexed = frozenset(name for name, has_index, _ in uses if has_index)
    bare = frozenset(name for name, has_index, called in uses if not has_index and not called)
    return replace(survey, indexed=indexed, bare=bare)
