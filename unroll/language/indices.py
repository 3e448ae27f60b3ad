"""What a script means: an index, a part of the name, a transpose or a power."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unroll.errors import UnrollError
from unroll.language.scanner import MARK, NAME, NUMBER, Lines, Token
from unroll.language.survey import Survey
from unroll.language.symbols import Script, Symbol, fold, read_symbols
from unroll.symbolic.expressions import Index

_OFFSET = r"([+-][0-9]+)?"
_NUMBER = re.compile(r"[+-]?[0-9]+")
_HALF = re.compile(r"([a-z])([+-][0-9]{1,9})/2")  # leapfrog: half a step late
_LONGEST_PLACE = 12  # tokens of what is looked up
_PART = re.compile(r"[^\W_]+")
_LENGTH = re.compile(rf"([A-Za-z][A-Za-z0-9_]*?){_OFFSET}")
_ENTRY = re.compile(r"([a-z](?:[+-][0-9]+)?),([1-9][0-9]*)")
_SIGNS = {"*": "star", "-": "minus", "+": "plus", "⊤": ""}
_ONE_AXIS = "only one axis can be read so far"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A symbol with its meaning; tail: scripts that belong to the expression, in order."""

    name: str
    index: Index | None
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
        self.index: Index | None = None
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
        return Resolved(name, self.index, tuple(self.tail), tuple(self.parts))

    def decide(self, name: str, undecided: Undecided) -> str:
        """A number or the length: an index on a name that is indexed elsewhere, else a part.

        Before brackets it is a part: `a_1[t]` is the variable `a_1`.
        """
        bracketed = any(script.kind == "[" for script in self.symbol.scripts)
        indexed = name in self.survey.indexed and not bracketed
        for position, script in reversed(undecided):
            index = self.point(script.flat)
            if indexed and index is not None:
                self.put(index, script)
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
        if self.index is not None and script.flat.isdigit():
            self.tail.append(script)  # an entry of the value there
            return
        index = self.letter(script.flat) or self.point(script.flat)
        if index is None and self.is_indexed(script.tokens[1:-1]):
            self.tail.append(script)  # E[x_t]
            return
        if index is None and script.flat.startswith("<"):
            raise self.error(
                f"{self.symbol.token.text}[{script.flat}], a whole history, cannot be read so far",
                script,
                "Refer to single steps, as in y[t-1].",
            )
        if index is None:
            match = _LENGTH.fullmatch(script.flat)
            assert match is not None
            raise self.error(
                f"nothing binds the index {match[1]}",
                script,
                f"The axis is {self.survey.axis}: write {self.symbol.token.text}"
                f"[{self.survey.axis}{match[2] or ''}], or declare a length: "
                f"{self.survey.axis} = 1..{match[1]}.",
            )
        self.put(index, script)

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
        return resolve(items[0], self.survey, self.lines).index is not None

    def refuse_lookup(self, script: Script) -> None:
        """`E_{x_t}` is a row of E for some, and a column for others."""
        (symbol,) = read_symbols(_inside(script.tokens), self.lines)
        assert isinstance(symbol, Symbol)
        place = resolve(symbol, self.survey, self.lines)
        shown = f"{place.name}[{place.index}]"
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
        self.put(index, script)
        return _bracketed(inside[comma + 1 :], script)

    def parenthesis(self, script: Script, undecided: Undecided) -> None:
        index = self.letter(script.flat)
        if self.survey.signal and index is not None and not self.tail:
            self.put(index, script)
        elif self.survey.signal and self.index is None and _NUMBER.fullmatch(script.flat):
            undecided.append((len(self.parts), script))
        else:
            self.tail.append(script)

    def below(self, script: Script, undecided: Undecided) -> None:
        flat = script.flat
        index = self.letter(flat)
        if index is None and (half := _HALF.fullmatch(flat)) is not None:
            index = self.letter(f"{half[1]}{(int(half[2]) + 1) // 2:+d}")
            if index is not None:
                self.parts.append("half")
        if index is not None:
            self.put(index, script)
        elif (pair := _ENTRY.fullmatch(flat)) is not None and self.letter(pair[1]) is not None:
            index = self.letter(pair[1])
            assert index is not None
            self.put(index, script)  # mathematics counts entries from 1
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
            self.put(Index("", int(start[1])), script)
        elif self.point(flat) is not None:
            undecided.append((len(self.parts), script))
        else:
            self.part(script)

    def above(self, script: Script, undecided: Undecided) -> None:
        flat = script.flat
        name = "_".join([self.symbol.token.text, *self.parts])
        if (
            flat == "⊤"
            or (flat == "T" and not script.wrapper)
            or (flat == "'" and is_matrix(name))
            or (flat == "'" and self.index is not None)
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
                self.put(index, script)
            self.tail.append(Script("T", "", "", script.tokens, script.start, script.stop))
        elif flat in _SIGNS or flat == "'":
            self.parts.append(_SIGNS.get(flat, "prime"))
        elif (script.wrapper or self.survey.raised) and self.letter(flat) is not None:
            index = self.letter(flat)
            assert index is not None
            self.put(index, script)
        elif script.wrapper and self.point(flat) is not None:
            undecided.append((len(self.parts), script))
        elif (name, flat) in self.survey.powers:
            self.rename(flat)
        elif self.belongs(script, name):
            self.part(script)
        else:
            self.power(script)

    def rename(self, exponent: str) -> None:
        """`sigma_t^2`, where the left side defines it, is the variable `sigma2`."""
        token = self.symbol.token
        if self.parts:
            self.parts[-1] += exponent
        else:
            self.symbol = replace(self.symbol, token=replace(token, text=token.text + exponent))

    def belongs(self, script: Script, name: str) -> bool:
        """Whether a superscript is a part of the name rather than an exponent."""
        flat = script.flat
        if not _PART.fullmatch(flat) or flat.isdigit():
            return False
        if script.wrapper:
            return True
        if flat[0].isdigit() or flat in self.survey.letters or flat in ("T", "tau"):
            return False
        if flat in self.survey.bare and not (is_matrix(name) and flat in self.survey.defined):
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
                f"{self.symbol.token.text} has two indices here, {' and '.join(letters)}; {_ONE_AXIS}",
                script,
                f"Index it by {self.survey.axis} alone; vectors need no index for their entries.",
            )
        if re.fullmatch("-[0-9]+", flat):  # c_{-1}, as sums over lags of both signs write it
            flat = flat.replace("-", "minus")
        number = re.fullmatch(r"([0-9]+)(\D.*)", flat)
        pieces = number.groups() if number else (flat,)
        if not _PART.fullmatch(flat) or any(self.like_index(p) for p in pieces):
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
        self.put(left, script)

    # --- indices ------------------------------------------------------------------

    def letter(self, flat: str) -> Index | None:
        match = re.fullmatch(rf"([a-z]){_OFFSET}", fold(flat))
        if match is None or match[1] not in self.survey.letters:
            return None
        return Index(match[1], _int(match[2]))

    def point(self, flat: str) -> Index | None:
        """A number, or the length of the axis."""
        if _NUMBER.fullmatch(flat):
            return Index("", _int(flat))
        match = _LENGTH.fullmatch(flat)
        if match is None:
            return None
        lengths = self.survey.lengths | {"T", "tau", self.survey.length}
        if match[1] not in lengths and not re.fullmatch("T_[a-z]", match[1]):
            return None
        length = self.survey.length
        offset = _int(match[2])
        return Index("", int(length) + offset) if length.isdigit() else Index(length, offset)

    def put(self, index: Index, script: Script) -> None:
        if self.index is not None:
            raise self.error(
                f"{self.symbol.token.text} has two indices, {self.index} and {index}; {_ONE_AXIS}",
                script,
                "Write one of them into the name.",
            )
        self.index = index

    def error(self, message: str, script: Script, remedy: str) -> UnrollError:
        span = self.lines.span(script.start, script.stop)
        return UnrollError(message, remedy=remedy, source=self.lines.source, span=span)


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
