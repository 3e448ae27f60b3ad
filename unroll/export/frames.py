"""Frames: the pictures of a staged scene, one a moment; only what changes is drawn again."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from unroll.drawing.scene import Group, Item
from unroll.drawing.sweeping import State, state
from unroll.drawing.theme import palette
from unroll.export.raster import PIXELS, figure_of
from unroll.export.staging import EMPHASIS, FAINT, Stage

Array = np.ndarray[Any, Any]
Box = tuple[int, int, int, int]  # left, bottom, right, top: pixels from the lower left corner

_ROUND = 2  # pixels around an artist that its smooth edge may touch


@dataclass(frozen=True)
class _Part:
    """An artist, the groups around it from the inside out, and the box of its pixels."""

    artist: Any
    around: tuple[Group, ...]
    box: Box

    def alpha(self, k: int) -> float:
        """How much of it is seen at moment k."""
        found: State | None = next((s for g in self.around if (s := state(g, k))), None)
        if self.around and self.around[-1].kind == EMPHASIS:
            return 1.0 if found == "active" else 0.0
        return FAINT if found == "pending" else 1.0


def each_frame(stage: Stage, theme: str = "light", pixels: float = PIXELS) -> Iterator[Array]:
    """RGBA pictures (rows, columns, 4): before the first moment, at each, and the finished one.

    pixels: per px of the scene. The last picture is what `write_raster` makes of the scene.
    """
    figure = figure_of(stage.scene, palette(theme), pixels)
    canvas: Any = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()
    around = list(_around(stage.scene.items, ()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that no font on this machine has is a box
        parts = [
            _Part(artist, groups, _box(artist, renderer))
            for artist, groups in zip(figure.artists, around, strict=True)
        ]
        parts.sort(key=lambda part: part.artist.get_zorder())  # as matplotlib draws them
        shown: list[float] = []
        whole = (0, 0, round(renderer.width), round(renderer.height))
        picture = np.zeros((whole[3], whole[2], 4), np.uint8)
        for k in range(len(stage.moments) + 2):
            alphas = [part.alpha(k) for part in parts]
            changed = [p.box for p, a, b in zip(parts, alphas, shown) if a != b]
            shown = alphas
            for box in _joined(changed) if k else [whole]:
                renderer.clear()
                figure.patch.draw(renderer)
                for part, alpha in zip(parts, alphas):
                    if alpha and _meet(part.box, box):
                        _draw(part.artist, alpha, renderer)
                rows = slice(whole[3] - box[3], whole[3] - box[1])
                columns = slice(box[0], box[2])
                picture[rows, columns] = np.asarray(canvas.buffer_rgba())[rows, columns]
            yield picture.copy()


def _around(items: Iterable[Item], groups: tuple[Group, ...]) -> Iterator[tuple[Group, ...]]:
    """For each shape the groups around it, from the inside out."""
    for item in items:
        if isinstance(item, Group):
            yield from _around(item.items, (item, *groups))
        else:
            yield groups


def _box(artist: Any, renderer: Any) -> Box:
    extent = artist.get_window_extent(renderer)
    width = artist.get_linewidth() if hasattr(artist, "get_linewidth") else 0.0
    edge = _ROUND + width * renderer.dpi / 72 * 2  # a miter reaches farther than half the width
    return (
        max(0, floor(extent.x0 - edge)),
        max(0, floor(extent.y0 - edge)),
        min(round(renderer.width), ceil(extent.x1 + edge)),
        min(round(renderer.height), ceil(extent.y1 + edge)),
    )


def _draw(artist: Any, alpha: float, renderer: Any) -> None:
    """Draw an artist, faint or not: whole, for one that is cut off looks another way at the cut."""
    artist.set_alpha(alpha if alpha != 1.0 else None)
    artist.draw(renderer)


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _joined(boxes: Iterable[Box]) -> list[Box]:
    """Boxes that do not meet, and cover at least the same."""
    found: list[Box] = []
    for box in boxes:
        while meeting := [b for b in found if _meet(b, box)]:
            found = [b for b in found if b not in meeting]
            each = (box, *meeting)
            box = (
                min(b[0] for b in each),
                min(b[1] for b in each),
                max(b[2] for b in each),
                max(b[3] for b in each),
            )
        found.append(box)
    return found
