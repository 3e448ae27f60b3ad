"""Where labels go: beside the line that they belong to, at the first place where nothing else is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import cos, radians, sin

from unroll.drawing.geometry import Curve, direction_at, point_at, polar
from unroll.drawing.labels import Label
from unroll.drawing.scene import Bounds, Point
from unroll.drawing.space import Space

STEEP = 0.35  # lines that lean less than this (the sine of the angle) count as vertical
GAP = 5.5  # between a line and its label, px
_FARTHER, _FARTHEST = (
    (0.0, 8.0, 14.0),
    (24.0, 34.0),
)  # px, where there is no room at the line itself
_LATE = (0.72, 0.64, 0.8, 0.56, 0.48, 0.86, 0.4, 0.32, 0.24, 0.92, 0.16)
_ALONG = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82, 0.1, 0.9)


@dataclass(frozen=True, slots=True)
class Places:
    """Centres that a label may take, best first: good ones, and poor ones for want of room.

    far: beyond another line, rather than on one.
    """

    good: tuple[Point, ...]
    poor: tuple[Point, ...] = ()
    far: tuple[Point, ...] = ()


def beside_line(
    curve: Curve, label: Label, *, own_side: bool, below: bool = False, late: bool = False
) -> Places:
    """Places for a label at a line.

    own_side: on the left-hand side of the line's direction, as where two strands run side by side
    (the other side is poor then); otherwise left of vertical lines and above lateral ones, or
    (below) the other way round. late: rather near the head than in the middle.
    """
    order = list(product(_FARTHER, (1, -1)))
    count = 1 if own_side else 2

    def centers(pairs: Iterable[tuple[float, int]]) -> tuple[Point, ...]:
        found = (_along(curve, label, *pair, own_side, below, late) for pair in pairs)
        return tuple(point for points in found for point in points)

    far = product(_FARTHEST, (1, -1))
    return Places(centers(order[:count]), centers(order[count:]), centers(far))


def _along(
    curve: Curve, label: Label, farther: float, flip: int, own_side: bool, below: bool, late: bool
) -> Iterator[Point]:
    for t in _LATE if late else _ALONG:
        x, y = point_at(curve, t)
        dx, dy = direction_at(curve, t)
        nx, ny = dy, -dx
        if not own_side and (ny > STEEP or (abs(ny) <= STEEP and nx > 0)):
            nx, ny = -nx, -ny
        side = -flip if below else flip
        reach = GAP + farther + (abs(nx) * label.width + abs(ny) * label.height) / 2
        yield x + side * nx * reach, y + side * ny * reach


def around_node(
    center: Point, radius: float, width: float, height: float, angles: Iterable[float], gap: float
) -> Iterator[Point]:
    """Centres for a box that touches a node's surroundings with its nearest corner."""
    for angle in angles:
        x, y = polar(center, radius + gap, radians(angle))
        right, up = cos(radians(angle)), sin(radians(angle))
        yield (
            x + (width / 2 if right > 0.01 else -width / 2 if right < -0.01 else 0),
            y - (height / 2 if up > 0.01 else -height / 2 if up < -0.01 else 0),
        )


def beside_square(
    center: Point, side: float, label: Label, *, leftwards: bool = False, lower: int = 0
) -> Iterator[Point]:
    """Centres for a label at a delay: to its right, to its left, above, below.

    lower: 1 for the lower one of two labels that stand there, -1 for the upper one.
    """
    x, y = center
    across = side / 2 + GAP + label.width / 2
    upright = side / 2 + GAP + label.height / 2
    first = -1 if leftwards else 1
    if lower:
        yield x + first * across, y + lower * (label.height + GAP) / 2
    yield x + first * across, y
    yield x - first * across, y
    yield x, y - upright
    yield x, y + upright


POOR, FAR, CROWDED = 1, 7, 8  # what a label costs that took a poor place, a far one, or has none


def place_together(
    space: Space, members: Sequence[tuple[Label, Places]]
) -> tuple[list[Point], int]:
    """Centres of labels that belong together, all at the same of their places if possible.

    And what they cost: nothing where all have good places.
    """
    best = []
    for choices in zip(*(_tiers(p) for _, p in members)):
        boxes = [[m[0].bounds(*p) for p in places] for m, places in zip(members, choices)]
        count = min(len(b) for b in boxes)
        best.append(_common_place(space, boxes, count) if count else None)
    placed, cost = [], 0
    for label, places in members:
        center, price = _first_free(label, places, best, space)
        space.add_box(label.bounds(*center))
        placed.append(center)
        cost += price
    return placed, cost


def _tiers(places: Places) -> tuple[tuple[Point, ...], ...]:
    return places.good, places.poor, places.far


def _first_free(
    label: Label, places: Places, best: Sequence[int | None], space: Space
) -> tuple[Point, int]:
    """The first free centre, the common ones before others; else the first that is but on a line."""
    tried: list[Point] = []
    for tier, common, price in zip(_tiers(places), best, (0, POOR, FAR)):
        first = [] if common is None else [tier[common]]
        for center in (*first, *tier):
            if space.is_free(label.bounds(*center)):
                return center, price
        tried += tier
    on_line = (c for c in tried if space.is_free(label.bounds(*c), from_lines=-1.0))
    return next(on_line, tried[0]), CROWDED


def _common_place(space: Space, boxes: list[list[Bounds]], count: int) -> int:
    """The first of the places that most labels can take."""
    best, most = 0, -1
    for i in range(count):
        free = _number_free(space, [b[i] for b in boxes], most)
        if free > most:
            best, most = i, free
        if most == len(boxes):
            break
    return best


def _number_free(space: Space, boxes: Sequence[Bounds], least: int) -> int:
    """How many boxes are free; any number up to the least where there cannot be more."""
    left = len(boxes)
    for box in boxes:
        if left <= least:
            break
        left -= not space.is_free(box)
    return left
