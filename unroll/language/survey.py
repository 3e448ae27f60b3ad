"""What a text as a whole says about its names: the axes, who is indexed, who stands bare."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from unroll.language.commands import CLOSING, OPENING
from unroll.language.scanner import MARK, NUMBER, Lines, Token
from unroll.language.statements import FOR
from unroll.language.sums import REDUCTIONS, Bounds
from unroll.language.symbols import AXIS_LETTERS, Item, Script, Symbol, all_symbols, fold
from unroll.symbolic.trees import CHILDREN, NEIGHBOURS

_OFFSET = re.compile(r"([a-z])[+-][0-9]+")
_LETTER = re.compile(r"([a-z])([+-][0-9]+)?")
_LENGTH = re.compile(r"([A-Za-z][A-Za-z0-9_]*?)([+-][0-9]+)?")
_PART = re.compile(r"(?:<=?|>=?|[^:.,]+(?::|\.\.))([a-z])(?:[+-][0-9]+)?")  # `<t`, `1:t-1`
NODE = re.compile(r"([a-z_]+)\(([a-z])\)")
PAIR = re.compile(r"[(\[]?([^()\[\]<>⟨⟩]+)[)\]][<⟨(\[]([^()\[\]<>⟨⟩]+)[)>⟩\]]?")
LEAVES, ROOT = "leaves", "root"


@dataclass(frozen=True, slots=True)
class Survey:
    """axis: the letter of the time axis; letters: all index letters, in the order of appearance.

    declared: lengths by letter; lengths: letters by the names of lengths; shown: those that are no index of a
    name, as `n_l` at the end of a range; trees: letters of tree nodes.
    raised: letters for which `h^t` is an index (the left side says so); layered: names raised so
    beside a lower index; signal: `x(n)` is an index, too.
    indexed, bare, defined: names by how they are used; powers: (name, exponent) defined so;
    numbered: names that have numbers above them, since a 1 there is no power; bold:
    indexed names set in bold; ranks: how many index
    letters a name has.
    """

    axis: str = "t"
    letters: tuple[str, ...] = ("t",)
    declared: Mapping[str, str] = field(default_factory=dict)
    lengths: Mapping[str, str] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()
    trees: frozenset[str] = frozenset()
    raised: frozenset[str] = frozenset()
    layered: frozenset[str] = frozenset()
    signal: bool = False
    indexed: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    defined: frozenset[str] = frozenset()
    powers: frozenset[tuple[str, str]] = frozenset()
    numbered: frozenset[str] = frozenset()
    bold: frozenset[str] = frozenset()
    ranks: Mapping[str, int] = field(default_factory=dict)


def survey_axes(
    statements: Sequence[Sequence[Item]], bounds: Sequence[Bounds], lines: Lines
) -> Survey:
    """The index letters, by what the text shows of them. Raises UnrollError on two lengths."""
    return _Evidence(statements, bounds, lines).survey()


class _Evidence:
    """What shows that a letter is an index, gathered from the whole text."""

    def __init__(
        self, statements: Sequence[Sequence[Item]], bounds: Sequence[Bounds], lines: Lines
    ) -> None:
        self.statements = statements
        self.bounds = bounds
        self.lines = lines
        self.heads = [h for s in statements if (h := head_of(s)) is not None]
        self.symbols = [y for s in statements for y in all_symbols(s)]
        self.trees: set[str] = set()
        self.declared = self.declarations()

    def survey(self) -> Survey:
        binders = {b.letter for b in self.bounds if re.fullmatch("[a-z]", b.letter)}
        binders |= set(self.reduced())
        shown = [letter for y in self.symbols for s in y.scripts for letter in self.strong(s)]
        shown += [*self.declared, *self.ranged(), *self.times()]
        self.trees |= {b.of[1] for b in self.bounds if b.of[1]}
        self.trees |= {b.letter for b in self.bounds if b.of[0] == LEAVES}
        shown += sorted(self.trees)
        raised, layered = self.raised()
        shown += sorted(raised if layered else ())
        signal = self.signals(shown)
        if not set(shown) - binders:
            shown += self.weak()
        letters = self.beside({*shown, *binders})
        raised |= set(self.raised_alone()) & letters
        order = [*self.in_order(letters), *sorted(letters)]
        axis = self.time(letters, list(dict.fromkeys(order)))
        return Survey(
            axis=axis,
            letters=tuple(dict.fromkeys(order)) or (axis,),
            declared=self.declared,
            lengths={**{f"n_{x}": x for x in letters}, **dict(self.shown_lengths(letters, axis))},
            shown=frozenset(
                {n for n, _ in self.shown_lengths(letters, axis)}
                | {f"n_{x}" for x in letters - {axis}}
                | ({"n_nodes", "n_leaves"} if self.trees else set())
            ),
            trees=frozenset(self.trees),
            raised=frozenset(raised),
            layered=frozenset(layered),
            signal=signal,
            numbered=frozenset(self.numbered()),
        )

    # --- letters --------------------------------------------------------------------

    def strong(self, script: Script) -> Iterator[str]:
        """The letters that a script can only mean as indices."""
        for node in NODE.finditer(script.flat if script.kind != "(" else ""):
            if node[1] in (*NEIGHBOURS, CHILDREN):
                self.trees.add(node[2])
                yield node[2]
        flat = fold(script.flat.removesuffix("⊤").removesuffix(","))
        sure = script.kind == "[" or (script.wrapper in ("<", "[") and script.kind in "_^")
        if sure and (alone := _LETTER.fullmatch(flat.removeprefix("<"))) is not None:
            yield alone[1]
        if script.kind == "^" and (two := PAIR.fullmatch(script.flat)) is not None:
            letters = [_LETTER.fullmatch(fold(item)) for item in two.groups()]
            if None not in letters:
                yield from (m[1] for m in letters if m is not None)
        if not (sure or script.kind == "_" or (script.kind == "^" and script.wrapper)):
            return
        for item in flat.split(","):
            for part in fold(item).split("|"):
                match = _OFFSET.fullmatch(part) or _PART.fullmatch(part)
                if match is not None:
                    yield match[1]

    def times(self) -> Iterator[str]:
        """A left side at `t` shows that it is an index, whatever else stands beside it."""
        for head in self.heads:
            scripts = [s for s in head.scripts if s.kind == "_" or s.wrapper]
            if len(head.scripts) > 1 and any(s.flat == "t" for s in scripts):
                yield "t"

    def declarations(self) -> dict[str, str]:
        """`k = 1..n_x`: lengths by letter."""
        found: dict[str, str] = {}
        for statement in self.statements:
            declared = _declaration(statement)
            if declared is None:
                continue
            letter, length, token = declared
            if found.setdefault(letter, length) != length:
                raise self.lines.error(
                    f"the length of {letter} is given twice: {found[letter]} and {length}",
                    token,
                    f"Keep one of the two, or let another letter run over 1..{length}.",
                )
        return found

    def ranged(self) -> Iterator[str]:
        """Letters that ranges (`for t > 1`, `n in leaves`) name."""
        for statement in self.statements:
            ranged = expected = False
            for at, item in enumerate(statement):
                if isinstance(item, Token):
                    ranged = ranged or item.kind == FOR
                    expected = expected or item.kind == FOR or (ranged and item.text == ",")
                elif expected and not item.scripts and re.fullmatch("[a-z]", item.token.text):
                    yield item.token.text
                    expected = False
                    if [_text(i) for i in statement[at + 1 : at + 3]][1:] in ([LEAVES], [ROOT]):
                        self.trees.add(item.token.text)
                elif expected:
                    expected = False

    def reduced(self) -> Iterator[str]:
        """Letters that reductions bind: the `t` of `sum(L_t, t)`, the `s` of `max(v, s < t)`."""
        for statement in self.statements:
            for at, item in enumerate(statement):
                if not isinstance(item, Symbol) or item.token.text not in REDUCTIONS:
                    continue
                if item.scripts and item.scripts[-1].kind == "(":
                    body, *inner = item.scripts[-1].flat.split(",")
                    numbers = body.isdigit()
                    yield from (i for i in inner if re.fullmatch("[a-z]", i) and not numbers)
                yield from self.places(statement, at + 1)

    def places(self, statement: Sequence[Item], at: int) -> Iterator[str]:
        """Letters that begin an argument but the first of the call whose bracket opens there."""
        depth = 0
        for position in range(at, len(statement)):
            item = statement[position]
            if isinstance(item, Symbol):
                before = _text(statement[position - 1])
                behind = [_text(i) for i in statement[position + 1 : position + 3]]
                if depth != 1 or before != "," or item.scripts:
                    continue
                letter = item.token.text
                if re.fullmatch("[a-z]", letter) and behind[:1] and behind[0] in _AFTER_LETTER:
                    if behind[0] in ("in", "∈"):
                        self.trees.add(letter)
                    if behind[0] not in (")", ",") or self.is_index(letter):
                        yield letter
            elif item.kind == MARK:
                depth += (item.text in OPENING) - (item.text in CLOSING)
                if depth < 1:
                    return

    def is_index(self, letter: str) -> bool:
        """Whether a letter stands below, above or in a bracket behind some name."""
        return any(
            letter in re.split(r"[^A-Za-z]+", s.flat) or (s.kind == "_" and letter in s.flat)
            for y in self.symbols
            for s in y.scripts
            if s.kind != "("
        )

    def raised(self) -> tuple[set[str], set[str]]:
        """Letters that bare superscripts index beside a lower index, `h_t^l`, and those names."""
        letters, names = set(), set()
        for head in self.heads:
            above = [s for s in head.scripts if s.kind == "^" and not s.wrapper]
            if not above or len(head.scripts) < 2:
                continue
            match = _LETTER.fullmatch(fold(above[0].flat))
            if match is None or match[1] not in AXIS_LETTERS:
                continue
            flats = {
                fold(s.flat)
                for y in self.symbols
                for s in y.scripts
                if y.token.text == head.token.text and s.kind == "^" and not s.wrapper
            }
            places = {f for f in flats if (m := _LETTER.fullmatch(f)) and m[1] == match[1]}
            if len(places) > 1:
                letters.add(match[1])
                names.add(head.token.text)
        return letters, names

    def numbered(self) -> Iterator[str]:
        r"""The `W` of `W^1 x_{t-1} + W^2 x_t`; `x^{k}` written out for k = 1 is a power."""
        text = self.lines.source.text
        for symbol in self.symbols:
            for script in symbol.scripts:
                ones = [t for t in script.tokens if t.kind == NUMBER]
                written = bool(ones) and text[ones[0].start : ones[0].stop] == "1"
                if script.kind == "^" and not script.wrapper and script.flat == "1" and written:
                    yield symbol.token.text

    def raised_alone(self) -> Iterator[str]:
        """The `t` of left sides like `h^t`."""
        for head in self.heads:
            for script in head.scripts if len(head.scripts) == 1 else ():
                match = _LETTER.fullmatch(fold(script.flat))
                if script.kind == "^" and not script.wrapper and match is not None:
                    yield match[1] if match[1] in AXIS_LETTERS else ""

    def signals(self, shown: list[str]) -> bool:
        """Whether `x(n)` and `D(i, j)` are indices: the left side says so."""
        found = False
        for head in self.heads:
            if not head.scripts or head.scripts[-1].kind != "(" or len(head.scripts) > 2:
                continue
            items = [_LETTER.fullmatch(fold(i)) for i in head.scripts[-1].flat.split(",")]
            letters = [m[1] for m in items if m is not None and m[1] in AXIS_LETTERS]
            if len(letters) < len(items) or (len(items) > 1 and not self.has_lag(head)):
                continue
            if len(head.scripts) == 2 and not _LETTER.fullmatch(fold(head.scripts[0].flat)):
                continue  # alpha_t(j) has two indices, f_x(t) one
            found = True
            shown += letters
        return found

    def has_lag(self, head: Symbol) -> bool:
        return any(
            s.kind == "(" and any(_OFFSET.fullmatch(fold(i)) for i in s.flat.split(","))
            for y in self.symbols
            for s in y.scripts
            if y.token.text == head.token.text
        )

    def weak(self) -> list[str]:
        """The letter that left sides have most often, where nothing else shows one."""
        found: Counter[str] = Counter()
        several: list[str] = []
        for head in self.heads:
            for script in head.scripts:
                letters = [
                    m[1]
                    for item in script.flat.split(",")
                    if (m := _LETTER.fullmatch(fold(item))) and m[1] in AXIS_LETTERS
                ]
                if script.kind == "(":
                    continue
                found.update(letters)
                if len(letters) == len(script.flat.split(",")) > 1:
                    several += letters
        if several:
            return several
        best = max(found.values(), default=0)
        return [letter for letter in AXIS_LETTERS if found[letter] == best][:1] if best else []

    def beside(self, letters: set[str]) -> set[str]:
        """With the letters that stand on a left side and beside an index letter: `e_{ij}`."""
        while True:
            found = set(letters)
            for statement in self.statements:
                head = head_of(statement)
                if head is None:
                    continue
                own = {x for s in head.scripts for x in _several(s)}
                for symbol in all_symbols(statement):
                    for script in symbol.scripts:
                        several = _several(script)
                        if len(several) > 1 and found & set(several):
                            found |= set(several) & own
            if found == letters:
                return letters
            letters = found

    # --- order and lengths ------------------------------------------------------------

    def in_order(self, letters: set[str]) -> Iterator[str]:
        """Letters as they appear: on left sides first."""
        for symbol in (*self.heads, *self.symbols):
            for script in sorted(symbol.scripts, key=lambda s: s.kind != "^"):
                for letter in re.findall("[a-z]+", script.flat):
                    yield from (c for c in (letter, *letter) if c in letters)

    def time(self, letters: set[str], order: Sequence[str]) -> str:
        """`t` if it is an index, else the first that is declared, else the first that appears."""
        if "t" in letters or not letters:
            return "t"
        declared = [letter for letter in self.declared if letter in letters]
        return (declared or list(order))[0]

    def shown_lengths(self, letters: set[str], axis: str) -> Iterator[tuple[str, str]]:
        """Names that ranges end with, each with its letter."""
        for statement in self.statements:
            for name, letter in _range_lengths(statement):
                yield name, letter if letter in letters else axis
        for bound in self.bounds:
            match = _LENGTH.fullmatch(bound.upper.replace("{", "").replace("}", ""))
            if match is not None and match[1] not in letters:
                yield match[1], bound.letter or axis
        yield from ((n, letter) for letter, n in self.declared.items() if not n.isdigit())


_AFTER_LETTER = frozenset({")", ",", "<", "<=", ">", ">=", "=", "in", "∈"})


def _text(item: Item) -> str:
    return item.token.text if isinstance(item, Symbol) else item.text


def _several(script: Script) -> list[str]:
    """The letters of a script that may be several indices: `ij`, `t,i`, `i-1,j`, `i`."""
    if script.kind not in "_^[":
        return []
    if script.kind == "_" and re.fullmatch(f"[{AXIS_LETTERS}]{{2,3}}", script.flat):
        letters = list(script.flat)
        return letters if len(set(letters)) == len(letters) and script.flat != "in" else []
    found = [_LETTER.fullmatch(fold(item)) for item in script.flat.split(",")]
    return [m[1] for m in found if m is not None]


def head_of(statement: Sequence[Item]) -> Symbol | None:
    """The symbol that a statement defines."""
    first = statement[0] if statement else None
    return first if isinstance(first, Symbol) else None


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


def _range_lengths(statement: Sequence[Item]) -> Iterator[tuple[str, str]]:
    """Names that bound a range, each with the letter before it; one in brackets ends with them."""
    ranged = False
    letter = ""
    depth = within = 0
    for item in statement:
        if not isinstance(item, Symbol):
            depth += (item.text in "([{") - (item.text in ")]}") if item.text else 0
            if item.text == ".." or item.kind == FOR:
                ranged, within = True, depth
            ranged = ranged and depth >= within
            continue
        if re.fullmatch("[a-z]", item.token.text) and not item.scripts:
            letter = item.token.text
        elif ranged and plain_name(item) not in (LEAVES, ROOT):
            yield plain_name(item), letter


def plain_name(symbol: Symbol) -> str:
    """A name with all its scripts in it: `n_x`, `T_x`."""
    return "_".join([symbol.token.text, *(s.flat for s in symbol.scripts)])


def survey_names(survey: Survey, uses: Iterable[tuple[str, int, bool]]) -> Survey:
    """The survey with the names' uses: (name, how many indices, is called)."""
    uses = list(uses)
    ranks: dict[str, int] = {}
    for name, count, _ in uses:
        ranks[name] = max(count, ranks.get(name, 0))
    indexed = frozenset(name for name, count, _ in uses if count)
    bare = frozenset(name for name, count, called in uses if not count and not called)
    return replace(survey, indexed=indexed, bare=bare, ranks=ranks)
