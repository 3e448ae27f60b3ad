"""Characters to tokens: the first reading of a text, which knows no LaTeX and no grammar.

Every token keeps the stretch of the user's text that it was read from, through all later readings,
so that an error can put its caret there.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from unroll.errors import Source, Span, UnrollError

LONGEST_TEXT = 60_000
LONGEST_EQUATION = 20_000
MOST_EQUATIONS = 1_000
DEEPEST = 200

NAME, NUMBER, MARK, COMMAND, NEWLINE, QUAD = (
    "name",
    "number",
    "mark",
    "command",
    "newline",
    "quad",
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text.

    text: what it says, in plain spelling; start, stop: where it stands in the source.
    glued: no space before it; whole: letters that belong together (`\\mathrm{net}`).
    bold: set in bold; spaced: a thin space stands before it, which ends a function's argument.
    """

    kind: str
    text: str
    start: int
    stop: int
    glued: bool = False
    whole: bool = False
    bold: bool = False
    spaced: bool = False

    def like(self, kind: str, text: str, glued: bool = False) -> Token:
        """Another token that stands at the same place."""
        return Token(kind, text, self.start, self.stop, glued)

    def at(self, glued: bool) -> Token:
        return replace(self, glued=glued)


class Lines:
    """Where the lines of a source start, to turn offsets into lines and columns."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._lines = source.text.splitlines(keepends=True) or [""]
        self._starts = list(accumulate((len(line) for line in self._lines[:-1]), initial=0))

    def span(self, start: int, stop: int) -> Span:
        """The span of a stretch of the text, cut at the end of its first line."""
        at = bisect_right(self._starts, start) - 1
        width = len(self._lines[at].rstrip("\n"))
        column = min(start - self._starts[at], width)
        return Span(at + 1, column + 1, max(1, min(stop - self._starts[at], width) - column))

    def error(
        self, message: str, first: Token, remedy: str | None = None, last: Token | None = None
    ) -> UnrollError:
        """An error about the stretch from one token to another."""
        span = self.span(first.start, max(first.stop, (last or first).stop))
        return UnrollError(message, remedy=remedy, source=self.source, span=span)


GREEK = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omicron",
    "pi",
    "rho",
    "sigma",
    "tau",
    "upsilon",
    "phi",
    "chi",
    "psi",
    "omega",
    "Gamma",
    "Delta",
    "Theta",
    "Lambda",
    "Xi",
    "Pi",
    "Sigma",
    "Upsilon",
    "Phi",
    "Psi",
    "Omega",
]
ACCENTS = {
    "\u0302": "hat",
    "\u0303": "tilde",
    "\u0304": "bar",
    "\u0305": "bar",
    "\u0307": "dot",
    "\u0308": "ddot",
    "\u030c": "check",
    "\u20d7": "",
}
_VARIANTS = {"\u03c2": "sigma", "\u2113": "ell", "\u03d5": "phi", "\u03f5": "epsilon"}
_SUBSCRIPT = "\u2080-\u208e\u2090-\u209c\u1d62-\u1d6a\u2c7c"
_SUPERSCRIPT = "\u00b2\u00b3\u00b9\u2070\u2071\u2074-\u207f\u1d2c-\u1d61\u02b0-\u02b8\u02e0-\u02e4\u1d9c-\u1dbf"
_COMBINING = "\u0300-\u036f\u20d0-\u20ff"
_FRACTION = "\u00bc-\u00be\u2150-\u215f"
_LETTER = rf"(?:(?![{_SUBSCRIPT}{_SUPERSCRIPT}{_FRACTION}])[^\W\d_][{_COMBINING}]*)"
CJK = "[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]"
_GREEK = "[\u0370-\u03ff]"  # stands alone: `αx` is a product
_ROMAN = rf"(?!{_GREEK}|{CJK}){_LETTER}"
_TOKEN = re.compile(
    rf"""
    (?P<space>[ \t\u00a0\u00ad\u2000-\u200d\u202f\u205f-\u2064\u3000\ufeff]+|\#[^\n]*)
    |(?P<newline>\n)
    |(?P<command>\\(?:[A-Za-z]+\*?|.|\n)?)
    |(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>{_GREEK}[{_COMBINING}]*[0-9]*|{CJK}+[0-9]*|(?:{_ROMAN})(?:{_ROMAN}|[0-9])*)
    |(?P<sub>[{_SUBSCRIPT}]+)
    |(?P<sup>[{_SUPERSCRIPT}]+)
    |(?P<mark>:=|\*\*|<=|>=|==|!=|\.\.\.|\.\.|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# Marks that are written in many ways, by the one spelling that later readings know.
_MARKS = {
    ":=": "=", "←": "=", "≡": "=", "≜": "=", "≔": "=", "≐": "=", "＝": "=",
    "−": "-", "–": "-", "—": "-", "－": "-", "＋": "+",
    "⊙": "*", "∘": "*", "◦": "*", "∗": "*", "＊": "*", "⋅": "·", "∙": "·", "•": "·", "×": "·",
    "÷": "/", "∕": "/", "≤": "<=", "≥": ">=", "≠": "!=", "⩽": "<=", "⩾": ">=",
    "...": "…", "⋯": "…", "‥": "..", "⟨": "⟨", "〈": "⟨", "⟩": "⟩", "〉": "⟩",
    "∣": "|", "∥": "‖", "Σ": "∑", "Π": "∏", "′": "'", "’": "'", "⊺": "⊤",
    "（": "(", "）": ")", "，": ",", "、": ",", "；": ";", "。": ".", "［": "[", "］": "]",
    "｛": "{", "｝": "}", "：": ":",
}  # fmt: skip


def scan(source: Source) -> list[Token]:
    """The tokens of a text. Raises UnrollError on characters that cannot be shown or read."""
    text = source.text
    if len(text) > LONGEST_TEXT:
        raise UnrollError(
            f"the text has {len(text)} characters; at most {LONGEST_TEXT} are read",
            remedy="Leave out what is not an equation.",
        )
    _refuse_hidden(source)
    tokens: list[Token] = []
    glued = False
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind == "space":
            glued = False
            continue
        tokens += _read(kind, match[0], match.start(), match.end(), glued)
        glued = True
    return _with_norms(tokens)


def _read(kind: str, text: str, start: int, stop: int, glued: bool) -> Iterator[Token]:
    if kind in ("sub", "sup"):
        script = Token(MARK, "_" if kind == "sub" else "^", start, stop, glued)
        yield script
        yield script.like(MARK, "{", True)
        for match in _TOKEN.finditer(unicodedata.normalize("NFKC", text).replace("−", "-")):
            yield from _read(str(match.lastgroup), match[0], start, stop, True)
        yield script.like(MARK, "}", True)
    elif kind == NAME:
        yield Token(NAME, spell(text), start, stop, glued)
    elif kind == MARK and len(text) == 1 and unicodedata.category(text) == "No":
        yield Token(NUMBER, repr(unicodedata.numeric(text)), start, stop, glued)  # ½
    else:
        yield Token(kind, _MARKS.get(text, text), start, stop, glued)


def _with_norms(tokens: list[Token]) -> list[Token]:
    """Tokens in which `||v||` is `‖v‖`: two bars, and the next bars of the line are two as well.

    `|a||b|` and `||a| - |b||` stay what they are: absolute values.
    """
    bars = [i for i, token in enumerate(tokens) if token.text == "|" and token.kind == MARK]
    places = set(bars)
    pairs = {i for i in bars if i + 1 in places and tokens[i + 1].glued}
    found: dict[int, Token] = {}
    at = 0
    while at < len(bars):
        first = bars[at]
        second = bars[at + 2] if at + 3 < len(bars) else -1
        inside = tokens[first + 2 : second]
        if {first, second} <= pairs and inside and all(t.kind != "newline" for t in inside):
            for i in (first, second):
                wide = tokens[i]
                found[i] = Token(MARK, "‖", wide.start, tokens[i + 1].stop, wide.glued)
            at += 4
        else:  # past this absolute value
            at += 2
    gone = {i + 1 for i in found}
    return [found.get(i, token) for i, token in enumerate(tokens) if i not in gone]


def spell(word: str) -> str:
    """A name in plain spelling: `ŷ` is `yhat`, `θ` is `theta`; other letters stay."""
    spelt = []
    for letter in unicodedata.normalize("NFC", word):
        if letter in _VARIANTS:
            spelt.append(_VARIANTS[letter])
            continue
        plain, *marks = list(unicodedata.normalize("NFKD", letter))
        greek = unicodedata.name(plain, "").split()
        if greek[:1] == ["GREEK"] and greek[-1].lower() in (*GREEK, "lamda"):
            plain = greek[-1].lower().replace("lamda", "lambda")
            spelt.append(plain.capitalize() if "CAPITAL" in greek else plain)
        elif marks and all(mark in ACCENTS for mark in marks):
            spelt.append(plain)
        elif letter in ACCENTS:
            spelt.append(ACCENTS[letter])
            continue
        else:
            spelt.append(unicodedata.normalize("NFKC", letter))
            continue
        spelt += [ACCENTS.get(mark, "") for mark in marks]
    return "".join(spelt)


def _refuse_hidden(source: Source) -> None:
    """Control and bidirectional characters, named by code point and never echoed."""
    for at, char in enumerate(source.text):
        if char.isascii() and (char.isprintable() or char in "\t\n"):
            continue
        category = unicodedata.category(char)
        if category in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") or (
            category == "Cf" and not _TOKEN.fullmatch(char)["space"]  # type: ignore[index]
        ):
            name = unicodedata.name(char, "a control character")
            raise UnrollError(
                f"the text contains U+{ord(char):04X} ({name.lower()}), which cannot be seen",
                remedy="Delete it, or type the line again.",
                source=source,
                span=Lines(source).span(at, at + 1),
            )
