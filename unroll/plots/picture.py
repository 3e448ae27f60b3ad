"""A plot as a value, and how all plots look: the palette and the letters of the other figures.

One unit of a matplotlib figure here is a pixel of the SVG (a figure has 72 to the inch).
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from unroll.drawing.theme import LEVELS, THEMES, Theme, palette
from unroll.errors import UnrollError
from unroll.files import write

SUFFIXES = (".svg", ".pdf", ".png")
LABEL, TICK = 16.0, 13.0  # px
_PIXELS = 2.0  # of a PNG, per px
_HASH = "unroll"  # what matplotlib's own ids are made from
_OTHERS = {  # after the palette's ink, forward and backward: told apart by all kinds of colour vision
    "light": ("#009e73", "#a2468a", "#8a6d00"),
    "dark": ("#35c79b", "#e08cc8", "#e6d36a"),
}


@dataclass(frozen=True)
class Picture:
    """A plot. In a notebook it shows itself.

    figure: matplotlib's; theme: light or dark; title, description: for screen readers and files.
    """

    figure: Figure
    theme: str
    title: str
    description: str

    def svg(self) -> str:
        """The plot as an SVG document: letters as outlines, the same bytes each time."""
        out = BytesIO()
        canvas: Any = FigureCanvasSVG(self.figure)
        with settings(), mpl.rc_context({"svg.hashsalt": _HASH, "svg.fonttype": "path"}):
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            canvas.print_svg(out, metadata=nothing)
        return _own(out.getvalue().decode(), self.title, self.description)

    def render(self, suffix: str) -> str | bytes:
        """The plot in the format of a suffix (`.pdf`), as text or bytes."""
        if suffix == ".svg":
            return self.svg()
        out = BytesIO()
        canvas: Any
        with settings():
            if suffix == ".pdf":
                facts = {"Title": self.title, "Subject": self.description, "CreationDate": None}
                canvas = FigureCanvasPdf(self.figure)
                canvas.print_pdf(out, metadata=facts)
            else:
                dpi, self.figure.dpi = self.figure.dpi, 72 * _PIXELS
                facts = {"Title": self.title, "Software": None}
                canvas = FigureCanvasAgg(self.figure)
                canvas.print_png(out, metadata=facts)
                self.figure.dpi = dpi
        return out.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plot, whole or not at all, in the format of the path's suffix.

        .svg .pdf .png. Raises UnrollError for another suffix and a path that cannot be written.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in SUFFIXES:
            raise UnrollError(
                f"cannot tell the format of {os.fspath(path)!r} by its suffix",
                remedy=f"Use one of: {' '.join(SUFFIXES)}",
            )
        write(path, self.render(suffix))

    def __repr__(self) -> str:
        width, height = self.figure.get_size_inches() * 72
        return f"<Picture {self.title!r}, {width:.0f} x {height:.0f} px>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": self.title}


@contextmanager
def settings() -> Iterator[None]:
    """How plots are made and written: Computer Modern, whatever the user's own settings; letters that it lacks are boxes, silently."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams["mathtext.fontset"] = "cm"
        warnings.simplefilter("ignore")
        yield


# --- style ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """The colours of one theme."""

    theme: Theme

    def __getattr__(self, paint: str) -> str:
        try:
            return self.theme.color(paint)
        except KeyError:
            raise AttributeError(paint) from None

    def distinct(self, count: int) -> list[str]:
        """Colours to tell curves apart; from the seventh on they begin anew."""
        own = [self.theme.color(p) for p in ("ink", "forward", "backward")]
        known = [own[0], own[2], own[1], *_OTHERS[self.theme.name]]
        return [known[i % len(known)] for i in range(count)]

    def around(self, values: Sequence[float], middle: float) -> list[str]:
        """Colours on the signed map: ink in the middle, one side below it, the other above."""
        low = sorted({v for v in values if v < middle})
        high = sorted({v for v in values if v > middle}, reverse=True)
        found = []
        for value in values:
            side = low if value < middle else high
            if value == middle:
                found.append(self.theme.color("ink"))
                continue
            level = LEVELS - round((LEVELS - 7) * side.index(value) / max(1, len(side)))
            found.append(self.theme.color(f"signed{'-' if value < middle else '+'}{level:02d}"))
        return found

    def ramp(self) -> LinearSegmentedColormap:
        """From next to nothing to much: the backward side of the signed map."""
        cells = [self.theme.color(f"signed+{i:02d}") for i in range(1, LEVELS + 1)]
        return LinearSegmentedColormap.from_list("backward", cells)


def style(theme: str) -> Style:
    """The style of a theme, light or dark. Raises UnrollError for another."""
    if theme in set(THEMES) - set(_OTHERS):
        raise UnrollError("a plot is light or dark", remedy="Choose --theme light or --theme dark.")
    return Style(palette(theme))


def blank(look: Style, width: float, height: float) -> Figure:
    """An empty figure, in px."""
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    figure.patch.set_facecolor(look.background)
    return figure


def panel(figure: Figure, look: Style, box: tuple[float, float, float, float]) -> Axes:
    """Axes whose frame is at `left, bottom, width, height`, in px, with two thin lines for axes."""
    width, height = figure.get_size_inches() * 72
    left, bottom, w, h = box
    axes = figure.add_axes((left / width, bottom / height, w / width, h / height))
    axes.set_facecolor("none")
    for side, line in axes.spines.items():
        line.set_visible(side in ("left", "bottom"))
        line.set_color(look.faint)
        line.set_linewidth(1)
    axes.tick_params(color=look.faint, labelcolor=look.ink, labelsize=TICK, length=5, width=1)
    axes.tick_params(which="minor", color=look.faint, length=3, width=0.7)
    for own in (axes.xaxis, axes.yaxis):
        own.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    return axes


def name_axes(axes: Axes, look: Style, across: str, up: str) -> None:
    """What the axes are, as text with mathematics between dollars."""
    axes.set_xlabel(words(across), color=look.ink, fontsize=LABEL, labelpad=8)
    axes.set_ylabel(words(up), color=look.ink, fontsize=LABEL, labelpad=8)


def write_beside(
    axes: Axes, text: str, x: float, y: float, color: str, size: float = TICK, **options: Any
) -> None:
    """A text at a point of the axes' data."""
    options = {"ha": "left", "va": "center", **options}
    axes.text(x, y, words(text), color=color, fontsize=size, **options)


def note(axes: Axes, look: Style, text: str) -> None:
    """A remark above the frame, where no curve is."""
    style: dict[str, Any] = {"color": look.ink, "fontsize": TICK, "transform": axes.transAxes}
    axes.text(0.0, 1.02, words(text), ha="left", va="bottom", **style)


def whole_steps(axes: Axes, last: int) -> None:
    """A horizontal axis of steps 0..last, with ticks at whole numbers."""
    axes.set_xlim(0, max(1, last))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))


def decades(axes: Axes, which: str = "y") -> None:
    """A logarithmic axis with powers of ten at its ticks."""
    axes.set_yscale("log") if which == "y" else axes.set_xscale("log")
    own = axes.yaxis if which == "y" else axes.xaxis
    own.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
    own.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def labels_apart(heights: Sequence[float], gap: float) -> list[float]:
    """Heights moved as little as needed so that no two are nearer than `gap`, order kept."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    found = [heights[i] for i in order]
    for _ in range(100):
        moved = False
        for i in range(len(found) - 1):
            lack = gap - (found[i + 1] - found[i])
            if lack > 1e-9:
                found[i] -= lack / 2
                found[i + 1] += lack / 2
                moved = True
        if not moved:
            break
    places = [0.0] * len(heights)
    for at, height in zip(order, found):
        places[at] = height
    return places


def legend(
    axes: Axes, look: Style, names: Sequence[str], colors: Sequence[str], title: str
) -> None:
    """A column of short lines with names, to the right of the frame."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    size = axes.get_position().size * figure.get_size_inches() * 72
    x, y = 1 + 18 / size[0], 1 - 10 / size[1]
    axes.text(
        x, y, words(title), color=look.ink, fontsize=TICK, va="center", transform=axes.transAxes
    )
    for row, (name, color) in enumerate(zip(names, colors), 1):
        at = y - 23 * row / size[1]
        axes.plot(
            [x, x + 26 / size[0]],
            [at, at],
            color=color,
            linewidth=2,
            transform=axes.transAxes,
            clip_on=False,
        )
        axes.text(
            x + 34 / size[0],
            at,
            words(name),
            color=look.ink,
            fontsize=TICK,
            va="center",
            transform=axes.transAxes,
        )


# --- text -------------------------------------------------------------------------------


def words(text: str) -> str:
    """Text for matplotlib in Computer Modern: words upright, what stands between dollars as it is."""
    parts = text.split("$")
    shown = []
    for i, part in enumerate(parts):
        if i % 2 == 0 and part:
            shown.append(rf"\mathrm{{{_plain(part)}}}")
        elif part:
            shown.append(part)
    return f"${''.join(shown)}$" if shown else ""


def _plain(text: str) -> str:
    from unroll.drawing.labels import escape as escaped

    return escaped(text)


def number(value: float) -> str:
    """A number as mathematics, in as few digits as it needs."""
    shown = f"{value:.6g}"
    return f"${shown}$" if "e" not in shown else power(value)


def power(value: float) -> str:
    """A power of ten as mathematics; other numbers by their factor."""
    import math

    exponent = math.floor(math.log10(abs(value)) + 1e-9) if value else 0
    factor = value / 10.0**exponent
    if exponent in (0, 1):
        return f"${value:.6g}$"
    front = "" if abs(factor - 1) < 1e-9 else rf"{factor:.3g} \cdot "
    return f"${front}10^{{{exponent}}}$"


def _own(document: str, title: str, description: str) -> str:
    """Matplotlib's SVG with a title, a description and ids that no other figure on a page has.

    Ids are counted in the order in which they appear: a digest of rounded numbers would not be the
    same on every processor.
    """
    start = document.index("<svg")
    head = document[start : document.index(">", start) + 1]
    body = document[document.index(">", start) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.S)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.S)
    body = re.sub(r'\bd="[^"]+"', lambda m: " ".join(m[0].split()), body)  # a line for each point
    body = re.sub(r"\n +", "\n", body)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    assert box is not None
    ids = dict.fromkeys(re.findall(r'\bid="([^"]+)"', body))
    prefix = "u" + sha256((title + body).encode()).hexdigest()[:8]
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', body))
    names = {old: f"{prefix}-{i}" for i, old in enumerate(i for i in ids if i in used)}
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{names[m[1]]}"' if m[1] in names else "", body)
    body = re.sub(r'(url\(#|href="#)([^")]+)', lambda m: m[1] + names[m[2]], body)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'id="{prefix}" width="{box[1]}" height="{box[2]}" viewBox="0 0 {box[1]} {box[2]}" '
        f'role="img" aria-labelledby="{prefix}-title {prefix}-desc" data-unroll="1">\n'
        f'<title id="{prefix}-title">{escape(_visible(title))}</title>\n'
        f'<desc id="{prefix}-desc">{escape(_visible(description))}</desc>{body}'
    )


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
