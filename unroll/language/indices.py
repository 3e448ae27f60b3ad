"""What a script means: indices, a part of the name, a transpose or a power."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unroll.errors import UnrollError, nearest
from unroll.language.histories import Stretch
from unroll.language.scanner import MARK, NAME, NUMBER, Lines, Token
from unroll.language.survey import LEAVES, NODE, PAIR, ROOT, Survey
from unroll.language.symbols import Script, Symbol, fold, read_symbols
from unroll.symbolic.expressions import Index, Range
from unroll.symbolic.trees import CHILDREN, LEFT, NEIGHBOURS, PARENT, RIGHT

_OFFSET = r"([+-][0-9]+)?"
_NUMBER = re.compile(r"[+-]?[0-9]+")
_HALF = re.compile(r"([a-z])([+-][0-9]{1,9})/2")  # leapfrog: half a step late
_LONGEST_PLACE = 12  # tokens of what is looked up
_PART = re.compile(r"[^\W_]+")
_LENGTH = re.compile(rf"([A-Za-z][A-Za-z0-9_]*?){_OFFSET}")
_ENTRY = re.compile(r"([a-z](?:[+-][0-9]+)?),([1-9][0-9]*)")
_UNKNOWN_LAG = re.compile(r"([a-z])([+-])((?:[+-]?[A-Za-z0-9]+)+)")
_FAR = re.compile(r"([a-z_]+)\((?:[a-z_]+\(|[a-z][+-]|[a-z]\)[+-])")
_SIGNS = {"*": "star", "-": "minus", "+": "plus", "⊤": ""}
_STRETCH = re.compile(r"([<>]=?)(.+)|([^:.<>]+)(?::|\.\.)([^:.<>]+)")
_ORDER = "^_[("  # `h_t^{(l)}` is h[l, t]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A symbol with its meaning; tail: scripts that belong to the expression, in order."""

    name: str
    indices: tuple[Index, ...]
    tail: tuple[Script, ...]
    parts: tuple[str, ...]


def is_matrix(name: str) -> bool:
    """Whether a name is a matrix by convention: a capital, but no difference like Δt."""
    return name[:1].isupper() and not name.startswith("Delta")


def resolve(symbol: Symbol, survey: Survey, lines: Lines) -> Resolved:
    """What a name and its scripts mean, given what the text says elsewhere."""
    return _Resolving(symbol, survey, lines).resolve()


Undecided = list[tuple[int, Script]]  # with the number of parts before the script


class _Resolving:
    def __init__(self, symbol: Symbol, survey: Survey, lines: Lines) -> None:
        self.symbol = symbol
        self.survey = survey
        self.lines = lines
        self.parts: list[str] = []
        self.places: dict[str, tuple[Index, ...]] = {}
        self.tail: list[Script] = []

    def resolve(self) -> Resolved:
        undecided: Undecided = []
        for script in self.symbol.scripts:
            if script.kind == "[" and self.tail and self.tail[-1].kind == "(":
                raise self.error(
                    "what stands in brackets cannot be indexed",
                    script,
                    "Index names only: tanh(h[t-1]), not tanh(h)[t-1].",
                )
            if script.kind == "[":
                self.bracket(script)
            elif script.kind == "(":
                self.parenthesis(script, undecided)
            elif self.tail and self.tail[-1].kind == "(":
                transposed = script.kind == "^" and script.flat in ("T", "⊤", "'")
                self.tail.append(replace(script, kind="T") if transposed else script)
            elif script.kind == "_":
                self.below(script, undecided)
            else:
                self.above(script, undecided)
        name = "_".join([self.symbol.token.text, *self.parts])
        if undecided:
            name = self.decide(name, undecided)
        indices = tuple(i for kind in _ORDER for i in self.places.get(kind, ()))
        return Resolved(name, indices, tuple(self.tail), tuple(self.parts))

    def decide(self, name: str, undecided: Undecided) -> str:
        """A number or a length: an index on a name that has more of them elsewhere, else a part.

        Before brackets it is a part: `a_1[t]` is the variable `a_1`.
        """
        bracketed = any(script.kind == "[" for script in self.symbol.scripts)
        free = 0 if bracketed else self.survey.ranks.get(name, 0)
        free -= sum(map(len, self.places.values()))
        unknown = name not in self.survey.ranks and not bracketed
        for position, script in reversed(undecided):
            indices = self.several(script.flat)
            shown = unknown and "," in script.flat and any(i.base for i in indices)
            if indices and (len(indices) <= free or shown):
                self.put(indices, script)
            elif unknown and self.glued(script.flat):
                self.parts.insert(position, script.flat)
            elif script.kind == "(":
                self.tail.insert(0, script)
            else:
                last = self.parts[position:]
                del self.parts[position:]
                self.part(script)
                self.parts += last
        return "_".join([self.symbol.token.text, *self.parts])

    # --- kinds of scripts ---------------------------------------------------------

    def bracket(self, script: Script) -> None:
        if self.places and script.flat.isdigit():
            self.tail.append(script)  # an entry of the value there
            return
        items = script.flat.split(",")
        found = [self.letter(i) or self.stretch(i) or self.point(i) for i in items]
        indices = tuple(i for i in found if i is not None)
        if len(indices) == len(items):
            self.put(indices, script)
        elif not indices and self.is_indexed(script.tokens[1:-1]):
            self.tail.append(script)  # E[x_t]
        elif len(items) > 1 and not indices:
            self.tail.append(script)  # W[h, x]: a concatenation
        else:
            raise self.unbound(items[found.index(None)], script)

    def unbound(self, item: str, script: Script) -> UnrollError:
        name, axis = self.symbol.token.text, self.survey.axis
        node = NODE.fullmatch(item)
        if node is not None:
            known = nearest(node[1], (*NEIGHBOURS[:3], CHILDREN), 0.5) or LEFT
            return self.error(
                f"{node[1]}({node[2]}) is no neighbour of a node",
                script,
                f"Write {name}[{known}({node[2]})]; the neighbours are "
                f"{LEFT}, {RIGHT}, {PARENT} and {CHILDREN}.",
            )
        item = item.lstrip("<>=")
        match = _LENGTH.fullmatch(item)
        letter, offset = (match[1], match[2] or "") if match else (item, "")
        return self.error(
            f"nothing binds the index {letter}",
            script,
            f"The axis is {axis}: write {name}[{axis}{offset}], or declare a length: "
            f"{axis} = 1..{letter}.",
        )

    # --- entries ------------------------------------------------------------------

    def is_indexed(self, tokens: Sequence[Token]) -> bool:
        """Whether one name with an index stands there, as in `E[x_t]` and `E_{x_t}`."""
        if not 3 <= len(tokens) <= _LONGEST_PLACE or tokens[0].kind != NAME:
            return False
        if tokens[0].text in ("T", "n"):  # T_x, n_x: lengths
            return False
        items = read_symbols(tokens, self.lines)
        if len(items) != 1 or not isinstance(items[0], Symbol):
            return False
        if any(s.kind == "^" for s in items[0].scripts):
            return False
        return bool(resolve(items[0], self.survey, self.lines).indices)

    def refuse_lookup(self, script: Script) -> None:
        """`E_{x_t}` is a row of E for some, and a column for others."""
        (symbol,) = read_symbols(_inside(script.tokens), self.lines)
        assert isinstance(symbol, Symbol)
        place = resolve(symbol, self.survey, self.lines)
        shown = f"{place.name}[{', '.join(map(str, place.indices))}]"
        name = "_".join([self.symbol.token.text, *self.parts])
        raise self.error(
            f"{shown} is looked up in {name}, and it is open where",
            script,
            f"Write {name}[{shown}, :] for a row, {name}[:, {shown}] for a column, "
            f"{name}[{shown}] for an entry of a vector; they count from 0.",
        )

    def entry(self, script: Script) -> Script | None:
        """The bracket that `_{t,y_t}` means behind the index, which is put."""
        inside = _inside(script.tokens)
        comma = next((at for at, t in enumerate(inside) if t.text == ","), None)
        if comma is None or not self.is_indexed(inside[comma + 1 :]):
            return None
        index = self.letter("".join(t.text for t in inside[:comma]))
        if index is None:
            return None
        self.put((index,), script)
        return _bracketed(inside[comma + 1 :], script)

    def parenthesis(self, script: Script, undecided: Undecided) -> None:
        items = script.flat.split(",")
        indices = self.several(script.flat)
        letters = [self.letter(item) for item in items]
        several = len(items) == 1 or self.symbol.token.text not in self.survey.bare
        turned = all(s.kind == "T" for s in self.tail)  # w^T(n)
        if not self.survey.signal or not turned or not indices or not several:
            self.tail.append(script)
        elif any(letters):
            self.put(indices, script)
        elif not self.places:
            undecided.append((len(self.parts), script))
        else:
            self.tail.append(script)

    def below(self, script: Script, undecided: Undecided) -> None:
        flat, token = script.flat, self.symbol.token.text
        index = self.letter(flat) or self.stretch(flat)
        if f"{token}_{flat}" in self.survey.shown and token not in self.survey.defined:
            self.parts.append(flat)
            return
        if index is None and (half := _HALF.fullmatch(flat)) is not None:
            index = self.letter(f"{half[1]}{(int(half[2]) + 1) // 2:+d}")
            if index is not None:
                self.parts.append("half")
        if index is not None:
            self.put((index,), script)
        elif (pair := _ENTRY.fullmatch(flat)) is not None and self.is_entry(pair[1]):
            index = self.letter(pair[1])
            assert index is not None
            self.put((index,), script)  # mathematics counts entries from 1
            self.tail.append(replace(script, kind="[", flat=str(int(pair[2][:10]) - 1)))
        elif self.is_indexed(_inside(script.tokens)):
            self.refuse_lookup(script)
        elif (place := self.entry(script)) is not None:
            self.tail.append(place)
        elif ":" in flat:  # B_{:,o_t}
            self.tail.append(_bracketed(_inside(script.tokens), script))
        elif "|" in flat:
            self.conditional(script)
        elif (start := re.fullmatch(rf"{self.survey.axis}=([0-9]+)", flat)) is not None:
            self.put((Index("", int(start[1])),), script)
        elif not self.listed(script):
            if self.several(flat) or self.glued(flat):
                undecided.append((len(self.parts), script))
            else:
                self.part(script)

    def above(self, script: Script, undecided: Undecided) -> None:
        flat = script.flat
        name = "_".join([self.symbol.token.text, *self.parts])
        index = self.letter(flat) or self.stretch(flat)
        layered = self.symbol.token.text in self.survey.layered
        if (
            flat == "⊤"
            or (flat == "T" and not script.wrapper)
            or (flat == "'" and is_matrix(name))
            or (flat == "'" and self.places)
        ):
            self.tail.append(Script("T", "", "", script.tokens, script.start, script.stop))
        elif flat in ("-T", "-⊤") and is_matrix(name):  # the inverse, transposed
            number = replace(script.tokens[-1], kind=NUMBER, text="1")
            minus = number.like(MARK, "-")
            self.tail.append(Script("T", "", "", script.tokens, script.start, script.stop))
            self.power(replace(script, flat="-1", tokens=(minus, number)))
        elif (both := re.fullmatch(r"[(<⟨\[](.+)[)>⟩\]],?([⊤T])", flat)) is not None:
            index = self.letter(both[1]) or self.point(both[1])
            if index is None:
                self.part(replace(script, flat=both[1]))
            else:
                self.put((index,), script)
            self.tail.append(Script("T", "", "", script.tokens, script.start, script.stop))
        elif flat in _SIGNS or flat == "'":
            self.parts.append(_SIGNS.get(flat, "prime"))
        elif index is not None and (
            script.wrapper or isinstance(index, Stretch) or index.base in self.survey.raised
        ):
            self.put((index,), script)
        elif (two := PAIR.fullmatch(flat)) is not None and self.several(f"{two[1]},{two[2]}"):
            self.put(self.several(f"{two[1]},{two[2]}"), script)  # a^{[l]<t>}
        elif script.wrapper and self.listed(script):
            pass
        elif (script.wrapper and self.several(flat)) or (layered and flat.isdigit()):
            undecided.append((len(self.parts), script))
        elif (name, flat) in self.survey.powers or self.is_numbered(flat):
            self.rename(flat)
        elif self.belongs(script, name):
            self.part(script)
        else:
            self.power(script)

    def is_entry(self, letter: str) -> bool:
        """Whether a number beside an index picks an entry, and is no second index."""
        name = "_".join([self.symbol.token.text, *self.parts])
        return self.letter(letter) is not None and self.survey.ranks.get(name, 0) < 2

    def listed(self, script: Script) -> bool:
        """Read `t,i`, `i-1,j`, `ij`, or `enc,t`, a part of the name with an index, where letters
        show that it is one."""
        flat = self.glued(script.flat) or script.flat
        if "," not in flat:
            return False
        items = flat.split(",")
        found = [self.letter(i) or self.stretch(i) for i in items]
        words = [i for i, index in zip(items, found) if index is None]
        if not words:
            self.put(tuple(i for i in found if i is not None), script)
        elif any(found) and all(len(w) > 1 and w.isalpha() and not self.point(w) for w in words):
            self.parts += words
            self.put(tuple(i for i in found if i is not None), script)
        else:
            return False
        return True

    def glued(self, flat: str) -> str:
        """`ij` and `i0` as `i,j` and `i,0`, where all letters are indices and no two the same."""
        letters = [c for c in flat if not c.isdigit()]
        fits = len(flat) > 1 and flat.isalnum() and len(set(letters)) == len(letters) > 0
        return ",".join(flat) if fits and set(letters) <= set(self.survey.letters) else ""

    def several(self, flat: str) -> tuple[Index, ...]:
        """Indices separated by commas, or none where one of them is none."""
        items = (self.glued(flat) or flat).split(",")
        found = [self.letter(i) or self.stretch(i) or self.point(i) for i in items]
        return tuple(i for i in found if i is not None) if None not in found else ()

    def rename(self, exponent: str) -> None:
        """`sigma_t^2`, where the left side defines it, is the variable `sigma2`."""
        token = self.symbol.token
        if self.parts:
            self.parts[-1] += exponent
        else:
            self.symbol = replace(self.symbol, token=replace(token, text=token.text + exponent))

    def is_numbered(self, flat: str) -> bool:
        return flat.isdigit() and self.symbol.token.text in self.survey.numbered

    def belongs(self, script: Script, name: str) -> bool:
        """Whether a superscript is a part of the name rather than an exponent."""
        flat = script.flat
        if not _PART.fullmatch(flat) or flat.isdigit():
            return False
        if script.wrapper:
            return True
        if flat[0].isdigit() or flat in self.survey.letters or flat in ("T", "tau"):
            return False
        named = is_matrix(name) or flat in self.survey.indexed
        if flat in self.survey.bare and not (named and flat in self.survey.defined):
            return False
        return len(flat) > 1 or is_matrix(name) or flat in self.survey.indexed

    def power(self, script: Script) -> None:
        if self.tail and self.tail[-1].kind == "^":
            raise self.error(
                "two exponents stand on one name",
                script,
                "Write which power is meant: (x ** 2) ** 3, or x ** (2 ** 3).",
            )
        self.tail.append(script)

    def part(self, script: Script) -> None:
        flat = re.sub("[,_|]", "", script.flat).replace("'", "prime").replace("*", "star")
        letters = [p for p in re.split(r"[^A-Za-z0-9+-]+", script.flat) if p]
        if "," in script.flat and any(self.letter(p) is not None for p in letters):
            raise self.error(
                f"{self.symbol.token.text} has two indices here, {' and '.join(letters)}, "
                "and not all of them are axes",
                script,
                f"Index it by {self.survey.axis} alone; vectors need no index for their entries.",
            )
        if re.fullmatch("-[0-9]+", flat):  # c_{-1}, as sums over lags of both signs write it
            flat = flat.replace("-", "minus")
        number = re.fullmatch(r"([0-9]+)(\D.*)", flat)
        pieces = number.groups() if number else (flat,)
        if not _PART.fullmatch(flat) or any(self.like_index(p) for p in pieces):
            self.refuse_lag(script)
            where = "subscript" if script.kind == "_" else "superscript"
            raise self.error(
                f"the {where} {script.flat!r} is neither an index nor a part of a name"
                if len(script.flat) < 20
                else f"this {where} is neither an index nor a part of a name",
                script,
                f"An index is {self.survey.axis}, {self.survey.axis}-1, {self.survey.axis}+1 "
                "or a number.",
            )
        self.parts += pieces

    def refuse_lag(self, script: Script) -> None:
        """`s_{t-m}` reaches back by what is not known when the equations are read."""
        if is_far(script.flat):
            raise too_far(self.symbol.token.text, script, self.survey, self.lines)
        match = _UNKNOWN_LAG.fullmatch(script.flat)
        if match is None or match[1] not in self.survey.letters:
            return
        name, sign = self.symbol.token.text, match[2]
        raise self.error(
            f"the index {script.flat} of {name} reaches {'back' if sign == '-' else 'ahead'} "
            f"by {match[3]}, and only a number of steps can be read",
            script,
            f"Write the number, as in {name}[{match[1]}{sign}12] for {match[3]} = 12.",
        )

    def like_index(self, part: str) -> bool:
        """Whether a part of a name would be taken for an index in plain text."""
        return part in self.survey.letters or re.match("[tkni][A-Z]", part) is not None

    def conditional(self, script: Script) -> None:
        """`{k|k-1}` and `{k|k}`: the prediction and the update are two variables over k."""
        left, right = (self.letter(part) for part in script.flat.split("|", 1))
        if left is None or right is None or left.offset - right.offset not in (0, 1):
            raise self.error(
                f"the subscript {script.flat!r} cannot be read",
                script,
                f"Read are {{{self.survey.axis}|{self.survey.axis}-1}} and "
                f"{{{self.survey.axis}|{self.survey.axis}}}.",
            )
        if left.offset != right.offset:
            self.parts.append("pred")
        self.put((left,), script)

    # --- indices ------------------------------------------------------------------

    def letter(self, flat: str) -> Index | None:
        match = re.fullmatch(rf"([a-z]){_OFFSET}", fold(flat))
        if match is not None and match[1] in self.survey.letters:
            return Index(match[1], _int(match[2]))
        node = NODE.fullmatch(flat)
        if node is not None and node[1] in NEIGHBOURS and node[2] in self.survey.letters:
            return Index(node[2], 0, node[1])
        return None

    def stretch(self, flat: str) -> Stretch | None:
        """`<t`, `<=t`, `1:t-1`, `children(n)`: many places at once."""
        node = NODE.fullmatch(flat)
        if node is not None and node[1] == CHILDREN and node[2] in self.survey.letters:
            above = Index(node[2], 0, CHILDREN)
            return Stretch(node[2], within=Range("", parent=above))
        match = _STRETCH.fullmatch(flat)
        if match is None:
            return None
        start = stop = None
        if match[1]:
            at = self.letter(match[2])
            by = {"<": -1, ">": 1}.get(match[1], 0)
            if at is None or at.via:
                return None
            start, stop = (None, at.shift(by)) if match[1][0] == "<" else (at.shift(by), None)
        else:
            ends = [self.letter(i) or self.point(i) for i in (match[3], match[4])]
            if None in ends:
                return None
            start, stop = ends
            if all(i is not None and not i.base for i in ends):
                return None  # entries
        bases = [i.base for i in (stop, start) if i is not None]
        base = next((b for b in bases if b in self.survey.letters), self.survey.axis)
        start = None if start == Index("", 1) else start
        return Stretch(base, within=Range("", start, stop))

    def point(self, flat: str) -> Index | None:
        """A number, or the length of an axis."""
        if _NUMBER.fullmatch(flat):
            return Index("", _int(flat))
        match = _LENGTH.fullmatch(flat)
        if match is None:
            return None
        known = {*self.survey.lengths, "T", "tau"}
        if self.survey.trees:
            known |= {LEAVES, ROOT, "n_nodes", "n_leaves"}
        if match[1] not in known and not re.fullmatch("T_[a-z]", match[1]):
            return None
        return Index(match[1], _int(match[2]))

    def put(self, indices: tuple[Index, ...], script: Script) -> None:
        kind = script.kind
        if kind in self.places or (self.places and (kind == "[" or "[" in self.places)):
            name = self.symbol.token.text
            before = [str(i) for held in self.places.values() for i in held]
            both = ", ".join([*before, *map(str, indices)])
            raise self.error(
                f"{name} has indices in two places, {' and '.join(before)} and "
                f"{' and '.join(map(str, indices))}",
                script,
                f"Write them in one bracket, as in {name}[{both}].",
            )
        self.places[kind] = indices

    def error(self, message: str, script: Script, remedy: str) -> UnrollError:
        span = self.lines.span(script.start, script.stop)
        return UnrollError(message, remedy=remedy, source=self.lines.source, span=span)


def is_far(flat: str) -> bool:
    """Whether an index is a neighbour of a neighbour, or one with an offset."""
    match = _FAR.match(flat)
    return match is not None and match[1] in (*NEIGHBOURS, CHILDREN)


def too_far(name: str, script: Script, survey: Survey, lines: Lines) -> UnrollError:
    node = min(survey.trees, default="n")
    first = script.flat.partition("(")[0]
    return UnrollError(
        f"{script.flat} is not a neighbour of the node {node}, and a node sees no further",
        remedy=f"Give what is seen from the neighbour a name of its own, as in g[{node}] = "
        f"{name}[{RIGHT}({node})], and use g[{first}({node})].",
        source=lines.source,
        span=lines.span(script.start, script.stop),
    )


def _inside(tokens: Sequence[Token]) -> Sequence[Token]:
    """The tokens of a script without its braces."""
    return tokens[1:-1] if tokens and tokens[0].text == "{" else tokens


def _bracketed(place: Sequence[Token], script: Script) -> Script:
    """The bracket behind a name that a place below it means."""
    opening, closing = (place[0].like(MARK, mark) for mark in "[]")
    flat = "".join(t.text for t in place)
    return Script("[", flat, "", (opening, *place, closing), script.start, script.stop)


def _int(text: str | None) -> int:
    return int(text[:10]) if text else 0
