"""Values as rows of signed coloured cells, with numbers in them while they are few."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Any, Protocol

import numpy as np

from unroll.drawing.labels import Label, math
from unroll.drawing.scene import Group, Item, Rectangle
from unroll.drawing.theme import level
from unroll.symbolic.sizes import Sizes

Array = np.ndarray[Any, Any]

DIGITS = 9.0  # font size of numbers, px
FEW = 4  # entries (or columns of a matrix) that are shown with numbers
PADDING, HEIGHT, SMALL = 2.5, 14.0, 7.0  # of cells, px


class Trace(Protocol):
    """What drawing reads from the result of a run. Arrays are (steps, ...) for what has steps."""

    @property
    def steps(self) -> int: ...

    @property
    def parameters(self) -> tuple[str, ...]: ...

    @property
    def sizes(self) -> Sizes: ...

    @property
    def values(self) -> Mapping[str, Any]: ...

    @property
    def gradients(self) -> Mapping[str, str]: ...

    @property
    def rows(self) -> Mapping[str, Any]: ...

    def __getitem__(self, name: str) -> Any: ...

    def initial(self, name: str) -> Any: ...

    def gradient(self, name: str) -> Any: ...

    def contributions(self, name: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Scale:
    """How numbers of one kind are shown: the largest magnitude, and decimals."""

    largest: float
    decimals: int

    def text(self, value: float, whole: bool = False) -> str:
        """The number as it stands in a cell; whole: one of nothing but whole numbers."""
        if not isfinite(value):
            return "?" if value != value else r"\infty" if value > 0 else r"-\infty"
        if value and (self.largest >= 1e4 or self.largest < 1e-3):
            digits, exponent = f"{value:.0e}".split("e")
            return rf"{digits}{{\cdot}}10^{{{int(exponent)}}}"
        shown = f"{value:.{0 if whole else self.decimals}f}"
        return shown[1:] if shown.startswith("-") and not float(shown) else shown


@dataclass(frozen=True, slots=True)
class Block:
    """Cells in lines, to be put beside a node or under a caption; px."""

    kind: str
    rows: tuple[tuple[float, ...], ...]
    scale: Scale
    cell: tuple[float, float]
    numbers: bool
    whole: bool
    frame: str
    json: str

    @property
    def width(self) -> float:
        return max(len(row) for row in self.rows) * self.cell[0]

    @property
    def height(self) -> float:
        return len(self.rows) * self.cell[1]

    def at(self, left: float, top: float, view: str) -> Group:
        """The block with its upper left corner there."""
        w, h = self.cell
        items: list[Item] = []
        for i, row in enumerate(self.rows):
            for j, value in enumerate(row):
                x, y, shade = left + j * w, top + i * h, level(value, self.scale.largest)
                items.append(Rectangle(x, y, w, h, fill=f"signed{shade:+03d}"))
                if self.numbers:
                    number = number_label(self.scale.text(value, self.whole))
                    items += number.shapes_at(x + w / 2, y + h / 2, f"digits{shade:+03d}")
        for i, row in enumerate(self.rows):
            items.append(
                Rectangle(left, top + i * h, len(row) * w, h, self.frame, None, 0.9)
                if len(self.rows) == 1
                else Rectangle(left, top, self.width, self.height, self.frame, None, 0.9)
            )
            if len(self.rows) > 1:
                break
        return Group("value", tuple(items), (("view", view),), self.json)


def scale_of(arrays: Iterable[Array]) -> Scale:
    """The scale that shows all of these arrays: two significant digits of the largest entry."""
    finite = [np.abs(a[np.isfinite(a)]) for a in map(np.asarray, arrays)]
    largest = max((float(a.max()) for a in finite if a.size), default=0.0)
    if not largest or all(map(is_whole, finite)):
        return Scale(largest, 0)
    order = floor(log10(largest))
    return Scale(largest, min(max(2 - max(order, 0), 1 - order, 0), 4))


def cell_size(arrays: Iterable[Array], scale: Scale) -> tuple[float, float]:
    """Cells that hold the longest number of these arrays, px."""
    shown = [a for a in arrays if a.size <= 64]
    texts = {scale.text(float(v), is_whole(a)) for a in shown for v in np.ravel(a)}
    widest = max((number_label(t).width for t in texts), default=0.0)
    return max(HEIGHT + 2, ceil(widest + 2 * PADDING)), HEIGHT


def block(
    array: Array, scale: Scale, cell: tuple[float, float], frame: str, kind: str = "value"
) -> Block:
    """A vector as a row, a matrix as it is; many entries as small cells in several rows."""
    array = np.asarray(array, dtype=float)
    matrix = array.reshape(1, -1) if array.ndim < 2 else array.reshape(array.shape[0], -1)
    numbers = matrix.shape[1] <= FEW and matrix.shape[0] <= FEW + 2
    if not numbers:
        cell = (SMALL, SMALL)
        if array.ndim < 2:
            matrix = _wrapped(matrix[0])
    rows = tuple(tuple(v for v in row.tolist() if v is not None) for row in matrix)
    return Block(kind, rows, scale, cell, numbers, is_whole(array), frame, to_json(array))


def _wrapped(vector: Array) -> Array:
    """A long vector in lines of equal length, the last one filled up with nothing."""
    columns = len(vector) if len(vector) <= 16 else max(16, ceil((2.5 * len(vector)) ** 0.5))
    lines = ceil(len(vector) / columns)
    padded = np.full(lines * columns, None, dtype=object)
    padded[: len(vector)] = vector
    return padded.reshape(lines, columns)


def to_json(array: Array) -> str:
    """The numbers as JSON, what is not finite as null.

    To twelve digits: the last ones differ between machines, and figures should not.
    """

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(v) for v in value]
        return float(f"{value:.12g}") if isfinite(value) else None

    return json.dumps(clean(np.asarray(array, dtype=float).tolist()), separators=(",", ":"))


def is_whole(array: Array) -> bool:
    """Whether there are whole numbers only, as in classes and one-hot vectors."""
    return bool(np.all(array == np.round(array)))


def number_label(text: str) -> Label:
    return math(text, text, DIGITS)
