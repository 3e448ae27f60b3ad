"""Measures: how wide a figure is on paper or screen, and how small that makes its text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from unroll.drawing.labels import SIZE
from unroll.drawing.scene import Group, Ink, Item, Scene, Stamp, Text
from unroll.errors import UnrollError

_PX = {
    "px": 1.0,
    "pt": 96 / 72,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 96 / 25.4,
}
_COLUMNS = {"1": 8.6 * _PX["cm"], "2": 17.8 * _PX["cm"]}  # of a paper set in two columns
_LEAST, _MOST = 16.0, 1e6  # px


def width(said: float | str) -> float:
    """A width in px: a number of px, or a text such as 640px, 8.6cm, 86mm, 3.4in, 243pt, 1col, 2col.

    1col and 2col are one and both columns of a paper, 8.6 and 17.8 cm wide. Raises UnrollError for
    anything else, and for a width that no figure has.
    """
    found = _parsed(said)
    if found is None:
        raise UnrollError(
            f"there is no width {said!r}",
            remedy="Write a number of px, or 8.6cm, 86mm, 3.4in, 243pt, 1col, 2col.",
        )
    if not _LEAST <= found <= _MOST:
        raise UnrollError(
            f"a figure cannot be {said} wide",
            remedy=f"Choose something from {_LEAST:.0f} px to {_MOST:.0f} px.",
        )
    return found


def _parsed(said: float | str) -> float | None:
    if isinstance(said, bool):
        return None
    if isinstance(said, (int, float)):
        return float(said) if math.isfinite(said) else None
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", said, re.ASCII)
    if match is None:
        return None
    if match[2] == "col":
        return _COLUMNS.get(match[1])
    unit = _PX.get(match[2] or "px")
    return None if unit is None else float(match[1]) * unit


def scale_to(scene: Scene, said: float | str | None) -> float:
    """By how much a scene is to be enlarged to have a width; 1 where none is said."""
    return 1.0 if said is None else width(said) / scene.bounds.width


def smallest_text(scene: Scene, said: float | str | None = None) -> float:
    """The font size of a scene's smallest text at a width, in px; infinite without any text."""
    symbols = (i for _, items in scene.symbols for i in items)
    sizes = [*_sizes(scene.items), *_sizes(symbols)]
    return scale_to(scene, said) * min(sizes, default=math.inf)


def _sizes(items: object) -> Iterator[float]:
    stack: list[Item] = list(items)  # type: ignore[call-overload]
    while stack:
        item = stack.pop()
        if isinstance(item, Group):
            stack.extend(item.items)
        elif isinstance(item, Text):
            yield item.size
        elif isinstance(item, Ink) and not isinstance(item, Stamp):
            yield item.size or SIZE
