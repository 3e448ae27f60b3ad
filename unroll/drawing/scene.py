"""The scene: the small frozen vocabulary between layout and file formats.

Units are CSS pixels, x to the right, y downwards. A paint is the *name* of a colour (`ink`,
`forward`, `signed+07`), which a theme resolves, so that one scene serves every theme. Groups
know what they are (kind and data), shapes do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Union

Point = tuple[float, float]
Command = tuple[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """An axis-parallel rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def center(self) -> Point:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def moved(self, dx: float, dy: float) -> Bounds:
        return Bounds(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def grown(self, by: float) -> Bounds:
        return Bounds(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def overlaps(self, other: Bounds) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Circle:
    x: float
    y: float
    radius: float
    stroke: str | None = "ink"
    fill: str | None = None
    width: float = 1.25
    dash: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A box with its upper left corner at (x, y)."""

    x: float
    y: float
    w: float
    h: float
    stroke: str | None = None
    fill: str | None = "ink"
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Path:
    """Commands M, L, C (absolute coordinates) and Z."""

    commands: tuple[Command, ...]
    stroke: str | None = "ink"
    fill: str | None = None
    width: float = 1.25
    dash: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """Filled contours around an origin, shared by many labels: a word, a letter, a digit.

    Commands M, L, Q, C and Z in absolute coordinates; the bounds are those of the ink.
    """

    commands: tuple[Command, ...]
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Ink:
    """An outline placed with its origin at (x, y).

    tex: the formula that it shows, without dollar signs, for formats that set type themselves, and
    its font size; the inks and texts of its label that follow without TeX are part of it.
    """

    outline: Outline
    x: float
    y: float
    fill: str = "ink"
    tex: str = ""
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Text:
    """Letters that no bundled font has (such as CJK): centred at (x, y), set in the viewer's font."""

    text: str
    x: float
    y: float
    size: float
    width: float
    fill: str = "ink"


@dataclass(frozen=True, slots=True)
class Stamp:
    """The symbol of this name, moved by (dx, dy)."""

    symbol: str
    dx: float
    dy: float = 0.0
    kind: str | None = None
    data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Items that mean something together.

    kind: node, ghost, edge, delay, label, value, box, caption, legend, unfold, slice, or a view.
    data: facts in a fixed order, such as ("name", "h"), ("index", "t-1").
    text: what a screen reader says.
    """

    kind: str
    items: tuple[Item, ...]
    data: tuple[tuple[str, str], ...] = ()
    text: str | None = None

    def fact(self, key: str) -> str | None:
        return dict(self.data).get(key)


Shape = Union[Circle, Rectangle, Path, Ink, Text]
Item = Union[Shape, Stamp, Group]


@dataclass(frozen=True, slots=True)
class Scene:
    """A figure: items inside bounds, symbols for what repeats, and its title and description."""

    items: tuple[Item, ...]
    bounds: Bounds
    title: str
    description: str
    symbols: tuple[tuple[str, tuple[Item, ...]], ...] = ()

    def groups(self, kind: str | None = None) -> Iterator[Group]:
        """All groups (of a kind), outermost first, in drawing order; symbols not included."""
        stack = list(reversed(self.items))
        while stack:
            item = stack.pop()
            if isinstance(item, Group):
                if kind is None or item.kind == kind:
                    yield item
                stack.extend(reversed(item.items))


def moved(item: Item, dx: float, dy: float) -> Item:
    """The item at another place."""
    if isinstance(item, Group):
        return replace(item, items=tuple(moved(i, dx, dy) for i in item.items))
    if isinstance(item, Path):
        return replace(item, commands=shifted(item.commands, dx, dy))
    if isinstance(item, Stamp):
        return Stamp(item.symbol, item.dx + dx, item.dy + dy, item.kind, item.data)
    return replace(item, x=item.x + dx, y=item.y + dy)


def shifted(commands: Iterable[Command], dx: float, dy: float) -> tuple[Command, ...]:
    """Path commands at another place."""
    return tuple(
        (letter, tuple(v + (dy if i % 2 else dx) for i, v in enumerate(numbers)))
        for letter, numbers in commands
    )


def bounds_of(items: Iterable[Item]) -> Bounds:
    """The smallest bounds around the items, stroke widths included."""
    found = [b for item in items if not isinstance(item, Stamp) for b in _bounds(item)]
    if not found:
        return Bounds(0.0, 0.0, 0.0, 0.0)
    return Bounds(
        min(b.left for b in found),
        min(b.top for b in found),
        max(b.right for b in found),
        max(b.bottom for b in found),
    )


def _bounds(item: Item) -> Iterator[Bounds]:
    if isinstance(item, Group):
        for child in item.items:
            yield from _bounds(child)
    elif isinstance(item, Circle):
        reach = item.radius + (item.width / 2 if item.stroke else 0)
        yield Bounds(item.x, item.y, item.x, item.y).grown(reach)
    elif isinstance(item, Rectangle):
        box = Bounds(item.x, item.y, item.x + item.w, item.y + item.h)
        yield box.grown(item.width / 2 if item.stroke else 0)
    elif isinstance(item, Path):
        points = list(_touched(item.commands))
        if points:
            xs, ys = zip(*points)
            box = Bounds(min(xs), min(ys), max(xs), max(ys))
            yield box.grown(item.width / 2 if item.stroke else 0)
    elif isinstance(item, Ink):
        yield item.outline.bounds.moved(item.x, item.y)
    elif isinstance(item, Text):
        half = item.width / 2, item.size / 2
        yield Bounds(item.x - half[0], item.y - half[1], item.x + half[0], item.y + half[1])


def _touched(commands: Iterable[Command]) -> Iterator[Point]:
    """Points that a path goes through, close enough for its bounds."""
    at = (0.0, 0.0)
    for letter, numbers in commands:
        points = list(zip(numbers[0::2], numbers[1::2]))
        if letter == "C":
            a, b, c = points
            for i in range(1, 16):
                u = i / 16
                k = (1 - u) ** 3, 3 * (1 - u) ** 2 * u, 3 * (1 - u) * u * u, u**3
                yield (
                    k[0] * at[0] + k[1] * a[0] + k[2] * b[0] + k[3] * c[0],
                    k[0] * at[1] + k[1] * a[1] + k[2] * b[1] + k[3] * c[1],
                )
        if points:
            at = points[-1]
            yield at
