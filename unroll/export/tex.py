"""TeX: numbers, names, formulas and text, all escaped here and nowhere else.

Everything is printable ASCII but letters inside of `\\text`, so that pdfLaTeX, XeLaTeX and LuaLaTeX
read it alike. Letters of East Asia stand in `\\unrollcjk{...}`, which a document may define as it
likes.
"""

from __future__ import annotations

import re
import unicodedata

from unroll.drawing.labels import typed

POINTS = 0.75  # big points a px
_EAST = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+")
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_SPECIAL = re.compile(r"(?<!\\)((?:\\\\)*)([%$#&])")
_LATIN_LIKE = frozenset(
    [
        "Alpha",
        "Beta",
        "Epsilon",
        "Zeta",
        "Eta",
        "Iota",
        "Kappa",
        "Mu",
        "Nu",
        "Omicron",
        "Rho",
        "Tau",
        "Chi",
        "omicron",
    ]
)


def number(value: float) -> str:
    """At most two decimals, no trailing zeros, no minus zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def points(pixels: float) -> str:
    """A length in px as a TeX dimension in big points (72 an inch), as wide as in the SVG."""
    return f"{number(pixels * POINTS)}bp"


def formula(tex: str) -> str:
    """The TeX of a label as mathematics, every letter in a form that all engines know."""
    tex = _SPECIAL.sub(r"\1\\\2", tex.replace(r".\!.\!.\!", r"\ldots"))
    inside = _text_spans(tex)
    out, at = "", 0
    for match in _FOREIGN.finditer(tex):
        out += tex[at : match.start()]
        texts = any(a <= match.start() < b for a, b in inside)
        out += _eastern(match[0]) if texts else "".join(map(_symbol, _runs(match[0])))
        at = match.end()
    return f"${out}{tex[at:]}$"


def text(words: str) -> str:
    """A text as it is."""
    return _eastern(typed(words))


def comment(words: str) -> str:
    """A text on one line behind a percent sign."""
    return "% " + " ".join("".join(c if c.isprintable() else " " for c in words).split())


def label(name: str) -> str:
    """A name of a node: letters and digits as they are, anything else by its code point."""
    return "".join(
        c if c.isascii() and (c.isalnum() or c in "-+") else f"_{ord(c):x}" for c in name
    )


def foreign(document: str) -> list[str]:
    """The characters that pdfLaTeX may not know: neither ASCII nor of East Asia, sorted."""
    found = set(_FOREIGN.findall(_EAST.sub("", document)))
    return sorted(set("".join(found)))


def is_eastern(document: str) -> bool:
    """Whether a document has letters of East Asia."""
    return _EAST.search(document) is not None


def _text_spans(tex: str) -> list[tuple[int, int]]:
    """Where the arguments of `\\text` start and end."""
    found = []
    for match in re.finditer(r"\\text\{", tex):
        depth, end = 1, match.end()
        while depth and end < len(tex):
            step = 2 if tex[end] == "\\" else 1
            depth += {"{": 1, "}": -1}.get(tex[end], 0)
            end += step
        found.append((match.end(), end))
    return found


def _runs(letters: str) -> list[str]:
    """Greek letters one by one, everything else together."""
    return [run for run in re.split("([\u0370-\u03ff])", letters) if run]


def _symbol(letters: str) -> str:
    """Letters that are not ASCII, in mathematics."""
    if len(letters) == 1 and (greek := _greek(letters)):
        return greek
    return rf"\text{{{_eastern(letters)}}}"


def _greek(letter: str) -> str:
    """The command of a Greek letter; the Latin letter where TeX has no other; nothing for others."""
    found = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(letter, ""))
    if found is None:
        return ""
    word = found[2].lower().replace("lamda", "lambda")
    word = word if found[1] == "SMALL" else word.capitalize()
    if word not in _LATIN_LIKE:
        return rf"\{word} "
    latin = {"Eta": "H", "Nu": "N", "Rho": "P", "Chi": "X"}.get(word, word[0])
    return rf"\mathrm{{{latin}}}" if word != "omicron" else "o"


def _eastern(words: str) -> str:
    return _EAST.sub(lambda match: rf"\unrollcjk{{{match[0]}}}", words)
