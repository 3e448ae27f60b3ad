"""Marks on flows: where a gradient is cut, where several add up, and what is not on a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import atan2, cos, degrees, hypot, radians, sin, tau

import numpy as np

from unroll.drawing.geometry import Curve, arc_fraction, cut, direction_at, length, point_at, polar
from unroll.drawing.scene import Bounds, Circle, Group, Item, Path, Point
from unroll.drawing.space import Space
from unroll.drawing.unfolding import Key
from unroll.drawing.view import View

STROKE, APART, LEAN = 13.0, 5.0, 62.0  # of a cut: its strokes, what lies between, px; degrees
SUM, SUM_GAP = 6.5, 5.0  # radius of a sum, between it and its node, px
_STRONGER = 1.6  # times as wide is the outline of a node on a path
_KEPT = ("signed", "digits")  # paints that mean a number


def cut_at(curve: Curve, others: np.ndarray) -> float:
    """Where on a curve its cut goes: in the middle, or where no other line (n, 2) is near."""
    tried = []
    for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.28, 0.72):
        t = arc_fraction(curve, share)
        x, y = point_at(curve, t)
        clear = np.hypot(others[:, 0] - x, others[:, 1] - y).min(initial=np.inf)
        if clear >= STROKE:
            return t
        tried.append((float(clear), t))
    return max(tried)[1]


def cut_mark(view: View, curve: Curve, t: float, paint: str) -> Group:
    """Two oblique strokes across a line."""
    (x, y), (dx, dy) = point_at(curve, t), direction_at(curve, t)
    angle = atan2(dy, dx) - radians(LEAN)
    reach = STROKE / 2 * cos(angle), STROKE / 2 * sin(angle)
    strokes = []
    for side in (-0.5, 0.5):
        at = x + side * APART * dx, y + side * APART * dy
        ends = (at[0] - reach[0], at[1] - reach[1]), (at[0] + reach[0], at[1] + reach[1])
        strokes.append(Path((("M", ends[0]), ("L", ends[1])), paint, None, 1.75))
    return Group("cut", tuple(strokes), view.data, "cut: no gradient passes")


def cut_box(curve: Curve, t: float) -> Bounds:
    """What a cut covers, for labels to keep away from."""
    point = point_at(curve, t)
    return Bounds(*point, *point).grown(STROKE / 2 + 1)


def opened(curve: Curve, t: float) -> tuple[Curve, Curve]:
    """The curve before and after the gap between the strokes of a cut."""
    half = APART / 2 / max(length(curve), 1.0)
    return cut(curve, 0.0, max(0.0, t - half)), cut(curve, min(1.0, t + half), 1.0)


def place_sums(view: View, space: Space, arriving: Mapping[Key, list[Point]]) -> dict[Key, Group]:
    """A plus in a circle at each node where several gradients arrive, amid them.

    arriving: where they touch the nodes. It touches the node where the way from each of them is the
    shortest, or beside that where something else is.
    """
    found = {}
    for key, points in arriving.items():
        if len(points) < 2:
            continue
        center = view.points[key]
        angles = [degrees(atan2(center[1] - y, x - center[0])) for x, y in points]
        middle = _amid(angles)
        around = [middle + side * turn for turn in range(0, 181, 6) for side in (1, -1)]
        places = [polar(center, view.radius + SUM_GAP + SUM, radians(a)) for a in around]
        boxes = [Bounds(*p, *p).grown(SUM) for p in places]
        free = (p for p, b in zip(places, boxes) if space.is_free(b, from_nodes=1.0, from_lines=2))
        x, y = next(free, places[0])
        space.add_box(Bounds(x, y, x, y).grown(SUM))
        found[key] = _sum(view, x, y, len(points))
    return found


def _amid(angles: list[float]) -> float:
    """The direction between several, in degrees; of opposite ones, that a quarter turn ahead."""
    east = sum(cos(radians(a)) for a in angles)
    north = sum(sin(radians(a)) for a in angles)
    if hypot(east, north) < 1e-6:
        return angles[0] + 90
    return degrees(atan2(north, east) % tau)


def _sum(view: View, x: float, y: float, count: int) -> Group:
    arm = 0.55 * SUM
    plus = Path(
        (("M", (x - arm, y)), ("L", (x + arm, y)), ("M", (x, y - arm)), ("L", (x, y + arm))),
        "backward",
        None,
        1.3,
    )
    circle = Circle(x, y, SUM, "backward", None, 1.3)
    return Group("sum", (circle, plus), view.data, f"sum of {count} gradients")


def set_back(item: Item) -> Item:
    """An item as it looks beside a path: faint, but for colours that mean a number."""
    if isinstance(item, Group):
        return replace(item, items=tuple(set_back(i) for i in item.items))
    changes: dict[str, str] = {}
    for attribute in ("stroke", "fill"):
        paint = getattr(item, attribute, None)
        if paint is not None and paint != "shade" and not paint.startswith(_KEPT):
            changes[attribute] = "faint"
    return replace(item, **changes) if changes else item  # type: ignore[arg-type]


def set_forth(item: Item) -> Item:
    """A node's outline as it looks on a path."""
    return replace(item, width=_STRONGER * item.width) if isinstance(item, Circle) else item
