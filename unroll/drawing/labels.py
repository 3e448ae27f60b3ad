"""Labels: mathematics as outlines, by matplotlib's mathtext in Computer Modern or STIX.

Only fonts that matplotlib brings along are used, so that a label looks the same everywhere.
Letters that none of them has (such as CJK) are left to the viewer's font, at one em each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.path import Path as Contours
from matplotlib.textpath import TextToPath

from unroll.drawing.scene import Bounds, Command, Group, Ink, Outline, Shape, Text

SIZE = 17.0  # font size F of a figure, in px
NUMBER = "#"  # where the running number of a step stands in a label's TeX
Array = np.ndarray[Any, Any]
_EM = 100.0  # mathtext is parsed at this size once and scaled
FONTS = ("cm", "stix")
_CIRCLE = r"\bigcirc"  # keeps the place of a letter that is set by the viewer, with one em
_FOREIGN = {"cm": _CIRCLE, "stix": rf"{_CIRCLE}\hspace{{0.158}}"}
_BOLD = r"\boldsymbol"
# Where copies lie that make a letter of Computer Modern bold, hundredths of an em: matplotlib has
# no bold italic of it, and TeX's `\pmb` does the same.
_OVERPRINTS = ((-1.5, 0.0), (-0.75, 0.9), (0.75, -0.9), (1.5, 0.0))
_ACCENTED = re.compile(
    r"(\\(?:hat|tilde|bar|check|dot|ddot|overrightarrow|overleftarrow)"
    r"\{(?:[^{}]|\{[^{}]*\})*\})\^\{(?:\\!)?"
)
_ESCAPES = {c: "\\" + c for c in "$%&#_{}"} | {
    "\\": r"\backslash{}",
    "^": r"\^{}",
    "~": r"\sim{}",
    " ": r"\ ",
}
_TYPED = {c: "\\" + c for c in "$%&#_{}"} | {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
}


@dataclass(frozen=True, slots=True)
class Label:
    """Placeable shapes whose ink is centred on the origin; `text` is what a screen reader says."""

    text: str
    shapes: tuple[Ink | Text, ...]
    width: float
    height: float

    @property
    def half_diagonal(self) -> float:
        return float(np.hypot(self.width, self.height)) / 2

    def bounds(self, x: float, y: float) -> Bounds:
        """Where the ink lies when the label is centred at (x, y)."""
        half = self.width / 2, self.height / 2
        return Bounds(x - half[0], y - half[1], x + half[0], y + half[1])

    def at(self, x: float, y: float, paint: str = "ink") -> Group:
        """The label centred at (x, y)."""
        return Group("label", self.shapes_at(x, y, paint), (), self.text)

    def shapes_at(self, x: float, y: float, paint: str = "ink") -> tuple[Shape, ...]:
        return tuple(replace(s, x=s.x + x, y=s.y + y, fill=paint) for s in self.shapes)


@dataclass(frozen=True, slots=True)
class _Glyph:
    name: str
    contours: Contours  # at 100 px, y upwards
    x: float
    y: float
    scale: float


def math(
    tex: str, text: str, size: float = SIZE, number: str | None = None, font: str = "cm"
) -> Label:
    """A formula. `number` stands where the TeX has `#`; letters are shared between numbers.

    tex: mathtext without dollar signs; what it cannot parse is set upright as it is. font: cm
    (Computer Modern) or stix.
    """
    source, tex = tex if number is None else tex.replace(NUMBER, number), tight(tex, font)
    if number is None:
        return _sourced(_label(text, (_whole(tex, size, font),)), source, size)
    parts = _numbered(tex, len(number), size, font)
    if parts is None:
        whole = _whole(tex.replace(NUMBER, number), size, font)
        return _sourced(_label(text, (whole,)), source, size)
    fixed, slots = parts
    digits = tuple(
        (_digit(digit, scale, size, font), x, y) for digit, (x, y, scale) in zip(number, slots)
    )
    return _sourced(_label(text, (fixed, *digits)), source, size)


def words(text: str, size: float = SIZE, font: str = "cm") -> Label:
    """Upright text, as it is."""
    upright = rf"\mathrm{{{escape(text)}}}"
    return _sourced(_label(text, (_whole(upright, size, font),)), rf"\text{{{typed(text)}}}", size)


def stacked(upper: Label, lower: Label, gap: float = 3.0) -> Label:
    """One label above another, as one."""
    half = (upper.height + gap + lower.height) / 2
    parts = (
        (upper.shapes, 0.0, upper.height / 2 - half),
        (lower.shapes, 0.0, half - lower.height / 2),
    )
    return _label(f"{upper.text} {lower.text}", parts)


def preceded(sign: Label, label: Label, gap: float = 0.45 * SIZE) -> Label:
    """A label behind a sign, which is not read out."""
    half = (sign.width + gap + label.width) / 2
    parts = (
        (sign.shapes, sign.width / 2 - half, 0.0),
        (label.shapes, half - label.width / 2, 0.0),
    )
    return _label(label.text, parts)


def escape(text: str) -> str:
    """TeX that shows a text as it is."""
    printable = (c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return "".join(_ESCAPES.get(c, c) for c in printable)


def typed(text: str) -> str:
    """LaTeX that shows a text as it is, outside of mathematics."""
    printable = (c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return "".join(_TYPED.get(c, c) for c in printable)


def tight(tex: str, font: str = "cm") -> str:
    """TeX's own spacing of raised indices: `h^{\\!(t{-}1)}`, `W^{\\!\\top}`.

    Not behind an accent, which reaches as far as the letter, and not in STIX, whose letters end
    where their box does; behind an arrow, which is longer, the index moves away.
    """
    closer = r"\!" if font == "cm" else ""
    tex = re.sub(r"\^\{\s*(\(|\\langle)", lambda m: f"^{{{closer}{m[1]}", tex)
    tex = re.sub(_ACCENTED, lambda m: f"{m[1]}^{{" + (r"\;" if "arrow" in m[1] else ""), tex)
    tex = re.sub(r"\^\{?\s*\\top\s*\}?", lambda _: rf"^{{{closer}\top}}", tex)
    tex = tex.replace(r"\ldots", "...").replace(r"\cdots", "...")
    tex = tex.replace(r"\bmod", r"\;\mathrm{mod}\;")
    tex = re.sub(r"\\([gl]e)(?![a-z])", r"\\\1q", tex)  # mathtext knows the longer name only
    return re.sub(r"(?<=[\w#])\s*([-+])\s*(?=\d)", r"{\1}", tex)


def _sourced(label: Label, tex: str, size: float) -> Label:
    """The label, its first ink saying which TeX the label shows."""
    for i, shape in enumerate(label.shapes):
        if isinstance(shape, Ink):
            told = replace(shape, tex=tex, size=size)
            return replace(label, shapes=(*label.shapes[:i], told, *label.shapes[i + 1 :]))
    return label


_Part = tuple[tuple[Ink | Text, ...], float, float]


def _label(text: str, parts: tuple[_Part, ...]) -> Label:
    """Parts at their places, moved so that their ink is centred."""
    placed: list[Ink | Text] = []
    for shapes, dx, dy in parts:
        for s in shapes:
            placed.append(replace(s, x=s.x + dx, y=s.y + dy))
    boxes = [_box(s) for s in placed]
    if not boxes:
        return Label(text, (), 0.0, 0.0)
    box = Bounds(
        min(b.left for b in boxes),
        min(b.top for b in boxes),
        max(b.right for b in boxes),
        max(b.bottom for b in boxes),
    )
    dx, dy = box.center
    centred = tuple(replace(s, x=s.x - dx, y=s.y - dy) for s in placed)
    return Label(text, centred, box.width, box.height)


def _box(shape: Ink | Text) -> Bounds:
    if isinstance(shape, Ink):
        return shape.outline.bounds.moved(shape.x, shape.y)
    half = shape.width / 2, shape.size / 2
    return Bounds(shape.x - half[0], shape.y - half[1], shape.x + half[0], shape.y + half[1])


@lru_cache(maxsize=4096)
def _whole(tex: str, size: float, font: str) -> _Part:
    """A formula as one outline, and a text for each letter that no font has."""
    shown, foreign = _foreign(tex, font)
    glyphs = _parse(shown, font)
    place = _parse(_CIRCLE, font)[0].name if foreign else None
    letters = iter(foreign)
    texts: list[Ink | Text] = []
    kept = []
    for glyph in glyphs:
        if glyph.name == place:
            em = glyph.scale * size
            x = glyph.x * size / _EM + em / 2
            texts.append(Text(next(letters, ""), x, -glyph.y * size / _EM - 0.38 * em, em, em))
        else:
            kept.append(glyph)
    outline = _outline(tuple(kept), size)
    inks: tuple[Ink | Text, ...] = (Ink(outline, 0.0, 0.0),) if outline.commands else ()
    return inks + tuple(texts), 0.0, 0.0


@lru_cache(maxsize=1024)
def _numbered(
    tex: str, digits: int, size: float, font: str
) -> tuple[_Part, tuple[tuple[float, float, float], ...]] | None:
    """What stays the same in a label for all numbers of so many digits, and where the digits go.

    The digits of both fonts are equally wide: where a formula differs with 00 and 11 in it,
    there they are.
    """
    if _foreign(tex, font)[1]:
        return None
    zeros = _parse(tex.replace(NUMBER, "0" * digits), font)
    ones = _parse(tex.replace(NUMBER, "1" * digits), font)
    differ = [a.name != b.name for a, b in zip(zeros, ones)]
    if len(zeros) != len(ones) or sum(differ) != digits:
        return None
    fixed = tuple(g for g, d in zip(zeros, differ) if not d)
    slots = tuple(
        (g.x * size / _EM, -g.y * size / _EM, g.scale) for g, d in zip(zeros, differ) if d
    )
    return ((Ink(_outline(fixed, size), 0.0, 0.0),), 0.0, 0.0), slots


@lru_cache(maxsize=256)
def _digit(digit: str, scale: float, size: float, font: str) -> tuple[Ink | Text, ...]:
    (glyph,) = _parse(digit, font)
    return (Ink(_outline((_Glyph(digit, glyph.contours, 0.0, 0.0, scale),), size), 0.0, 0.0),)


def _foreign(tex: str, font: str) -> tuple[str, str]:
    """The formula with a place kept for each letter that no bundled font has, and these letters."""
    letters = "".join(c for c in tex if not _has_glyph(c))
    if not letters:
        return tex, ""
    return "".join(c if _has_glyph(c) else f"{{{_FOREIGN[font]}}}" for c in tex), letters


@lru_cache(maxsize=1024)
def _has_glyph(character: str) -> bool:
    if ord(character) < 128:
        return True
    return bool(get_font(findfont("STIXGeneral")).get_char_index(ord(character)))


@lru_cache(maxsize=8192)
def _parse(tex: str, font: str) -> tuple[_Glyph, ...]:
    """Glyphs of a formula at 100 px, y upwards from the baseline."""
    glyphs = _parsed(tex, font)
    if font != "cm" or _BOLD not in tex:
        return glyphs
    light = _parsed(tex.replace(_BOLD, ""), font)
    if len(light) != len(glyphs):
        return glyphs
    return tuple(
        _bold(glyph) if glyph.name != marked.name else glyph for glyph, marked in zip(light, glyphs)
    )


def _parsed(tex: str, font: str) -> tuple[_Glyph, ...]:
    converter, properties = _converter(font)
    try:
        found, contours, rules = converter.get_glyphs_mathtext(properties, f"${tex}$")
    except ValueError:  # not mathtext: show the letters themselves
        plain = escape(re.sub(r"[^\w ()+\-]", "", tex))
        upright = rf"$\mathrm{{{plain}}}$"
        found, contours, rules = converter.get_glyphs_mathtext(properties, upright)
    glyphs = [
        _Glyph(n, Contours(*contours[n]), float(x), float(y), float(s)) for n, x, y, s in found
    ]
    glyphs += [_Glyph("rule", Contours(*rule), 0.0, 0.0, 1.0) for rule in rules]
    return tuple(glyphs)


@lru_cache(maxsize=2)
def _converter(font: str) -> tuple[TextToPath, FontProperties]:
    return TextToPath(), FontProperties(math_fontfamily=font)


def _bold(glyph: _Glyph) -> _Glyph:
    """A letter printed over itself, a little apart."""
    vertices = np.asarray(glyph.contours.vertices, dtype=float)
    if not vertices.size:
        return glyph
    copies = np.concatenate([vertices + shift for shift in _OVERPRINTS])
    codes = np.tile(np.asarray(glyph.contours.codes), len(_OVERPRINTS))
    return replace(glyph, name=f"{glyph.name}-bold", contours=Contours(copies, codes))


def _outline(glyphs: tuple[_Glyph, ...], size: float) -> Outline:
    """Glyphs at a size as one outline, y downwards."""
    inked = [g for g in glyphs if np.size(g.contours.vertices)]
    if not inked:
        return Outline((), Bounds(0.0, 0.0, 0.0, 0.0))
    flip = [size / _EM, -size / _EM]
    placed = [
        (np.asarray(g.contours.vertices, dtype=float) * g.scale + [g.x, g.y]) * flip for g in inked
    ]
    codes = np.concatenate([np.asarray(g.contours.codes) for g in inked])
    vertices = np.concatenate(placed)
    box = Contours(vertices, codes).get_extents()
    bounds = Bounds(float(box.x0), float(box.y0), float(box.x1), float(box.y1))
    return Outline(_commands(vertices, codes), bounds)


_LETTERS = {
    Contours.MOVETO: ("M", 1),
    Contours.LINETO: ("L", 1),
    Contours.CURVE3: ("Q", 2),
    Contours.CURVE4: ("C", 3),
    Contours.CLOSEPOLY: ("Z", 1),
}


def _commands(points: Array, kinds: Array) -> tuple[Command, ...]:
    found: list[Command] = []
    i = 0
    while i < len(kinds):
        letter, count = _LETTERS[kinds[i]]
        numbers = () if letter == "Z" else tuple(points[i : i + count].ravel().tolist())
        found.append((letter, numbers))
        i += count
    return tuple(found)
