"""PNG, PDF and EPS through matplotlib's canvases: the same scene, no state, no dates."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_ps import FigureCanvasPS
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font_names
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Contours
from matplotlib.text import Text as Letters
from matplotlib.transforms import Affine2D

from unroll.drawing.scene import (
    Circle,
    Command,
    Group,
    Ink,
    Path,
    Rectangle,
    Scene,
    Shape,
    Stamp,
    Text,
    moved,
    shifted,
)
from unroll.drawing.theme import Theme, palette
from unroll.errors import UnrollError
from unroll.export.measures import scale_to

PIXELS = 2.0  # of a PNG, per px of the scene
_POINTS = 0.75  # PDF and PostScript points per px
_WIDEST = {"png": 65_000 / PIXELS, "pdf": 14_400 / _POINTS, "eps": 14_400 / _POINTS}
_CODES = {
    "M": (Contours.MOVETO,),
    "L": (Contours.LINETO,),
    "Q": (Contours.CURVE3,) * 2,
    "C": (Contours.CURVE4,) * 3,
    "Z": (Contours.CLOSEPOLY,),
}
_FONTS = ("Noto Serif CJK SC", "Noto Serif CJK JP", "Noto Sans CJK SC", "Songti SC", "SimSun")


def write_raster(
    scene: Scene,
    kind: str,
    theme: str = "light",
    *,
    width: float | str | None = None,
    transparent: bool = False,
) -> bytes:
    """The scene as a PNG (two pixels a unit), PDF or EPS (three quarters of a point a unit).

    kind: png, pdf or eps; width: in px, or as `measures.width` reads it; transparent: no background.
    Raises UnrollError for a width that is none, and a scene too large for that format.
    """
    scale = scale_to(scene, width)
    size = scale * max(scene.bounds.width, scene.bounds.height)
    if size > _WIDEST[kind]:
        raise UnrollError(
            f"the figure is {size:.0f} px long, too long for .{kind}",
            remedy='Leave out steps in the middle (elide="auto"), or save it as .svg.',
        )
    colors = palette(theme)
    figure = figure_of(scene, colors, scale=scale)
    if transparent:
        figure.patch.set_alpha(0.0)
    out = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that no font on this machine has is a box
        if kind == "png":
            canvas: Any = FigureCanvasAgg(figure)
            canvas.print_png(out, metadata={"Title": scene.title, "Software": None})
        elif kind == "pdf":
            facts = {"Title": scene.title, "Subject": scene.description, "CreationDate": None}
            canvas = FigureCanvasPdf(figure)
            canvas.print_pdf(out, metadata=facts)
        else:
            _print_eps(figure, out)
    return out.getvalue()


def _print_eps(figure: Figure, out: BytesIO) -> None:
    canvas: Any = FigureCanvasPS(figure)
    raw = BytesIO()
    canvas.print_eps(raw, metadata={"Creator": "unroll"})
    lines = raw.getvalue().splitlines(keepends=True)
    out.write(b"".join(line for line in lines if not line.startswith(b"%%CreationDate")))


def figure_of(scene: Scene, theme: Theme, pixels: float = PIXELS, *, scale: float = 1.0) -> Figure:
    """A matplotlib figure of the scene's size whose artists lie in the scene's coordinates.

    One artist a shape, in drawing order; pixels: per px of the figure; scale: px of the figure per
    px of the scene.
    """
    b = scene.bounds
    inches = scale / 96
    figure = Figure(figsize=(b.width * inches, b.height * inches), dpi=96 * pixels)
    figure.patch.set_facecolor(theme.color("background"))
    place = Affine2D().translate(-b.left, -b.bottom).scale(1 / b.width, -1 / b.height)
    transform = place + figure.transFigure
    symbols = dict(scene.symbols)
    for shape in _shapes(scene.items, symbols):
        artist = _artist(shape, theme, scale * _POINTS)
        artist.set_transform(transform)
        figure.add_artist(artist)
    return figure


def _shapes(items: Any, symbols: dict[str, Any]) -> Iterator[Shape]:
    for item in items:
        if isinstance(item, Group):
            yield from _shapes(item.items, symbols)
        elif isinstance(item, Stamp):
            inside = (moved(i, item.dx, item.dy) for i in symbols[item.symbol])
            yield from _shapes(inside, symbols)
        else:
            yield item


def _artist(shape: Shape, theme: Theme, points: float) -> Any:
    """points: per px of the scene, in which matplotlib measures text and lines."""
    if isinstance(shape, Text):
        return Letters(
            shape.x,
            shape.y,
            shape.text,
            color=theme.color(shape.fill),
            fontproperties=_font(shape.size * points),
            ha="center",
            va="center_baseline",
            parse_math=False,
        )
    if isinstance(shape, Ink):
        contours = _contours(shifted(shape.outline.commands, shape.x, shape.y))
        return PathPatch(contours, facecolor=theme.color(shape.fill), edgecolor="none", linewidth=0)
    if isinstance(shape, Circle):
        # from the right and clockwise, as in SVG: dashes begin at the same place
        turned = Affine2D().rotate_deg(90).scale(shape.radius).translate(shape.x, shape.y)
        contours = turned.transform_path(Contours.unit_circle())
    elif isinstance(shape, Rectangle):
        x, y, right, low = shape.x, shape.y, shape.x + shape.w, shape.y + shape.h
        corners = [(x, y), (right, y), (right, low), (x, low), (x, y)]
        contours = Contours(corners, closed=True)
    else:
        contours = _contours(shape.commands)
    return _patch(shape, contours, theme, points)


def _patch(
    shape: Circle | Rectangle | Path, contours: Contours, theme: Theme, points: float
) -> PathPatch:
    width = shape.width * theme.weight(shape.stroke)
    patch = PathPatch(
        contours,
        facecolor=theme.color(shape.fill) if shape.fill else "none",
        edgecolor=theme.color(shape.stroke) if shape.stroke else "none",
        linewidth=width * points if shape.stroke else 0,
        capstyle="butt",
        joinstyle="miter",
    )
    dash = None if isinstance(shape, Rectangle) else shape.dash
    if dash and shape.stroke:  # matplotlib measures dashes in line widths
        patch.set_linestyle((0, tuple(d / width for d in dash)))
    return patch


def _contours(commands: tuple[Command, ...]) -> Contours:
    vertices: list[tuple[float, float]] = []
    codes: list[Any] = []
    for letter, numbers in commands:
        pairs = list(zip(numbers[0::2], numbers[1::2])) or [(0.0, 0.0)]
        vertices += pairs
        codes += _CODES[letter]
    return Contours(vertices, codes)


def _font(points: float) -> FontProperties:
    known = set(get_font_names())
    family = [f for f in _FONTS if f in known] or ["serif"]
    return FontProperties(family=family, size=points)
