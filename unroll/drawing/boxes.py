"""Boxes: a frame with a title around the nodes of some variables, as around an encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from unroll.drawing.geometry import Array, box_distance, sample
from unroll.drawing.labels import SIZE, Label
from unroll.drawing.lines import visible_lines
from unroll.drawing.scene import Bounds, Command, Group, Path, Point, bounds_of
from unroll.drawing.view import View

_PADDING = 0.75  # between nodes and their frame, in node radii
_CORNER = 10.0  # radius of a frame's corners, px
_INSET = 8.0  # of a title from its frame, px


def frames(
    view: View, painted: Sequence[Group], boxes: Mapping[str, Sequence[str]]
) -> tuple[Group, ...]:
    """A frame for each title whose variables have nodes in the view, its title in a free corner."""
    taken = [bounds_of([g]) for group in painted for g in group.items if isinstance(g, Group)]
    lines = [sample(line.visible) for line in visible_lines(view)]
    points = np.concatenate([*lines, np.zeros((0, 2))])
    found = []
    for title, names in boxes.items():
        own = [p for key, p in view.points.items() if view.plan.nodes[key].name in names]
        if own:
            found.append(_frame(view, title, own, points, taken))
    return tuple(found)


def _frame(
    view: View, title: str, own: Sequence[Point], points: Array, taken: Sequence[Bounds]
) -> Group:
    reach = (1 + _PADDING) * view.radius
    xs, ys = zip(*own)
    label = view.naming.title(title, 0.9 * SIZE)
    inner = Bounds(min(xs) - reach, min(ys) - reach, max(xs) + reach, max(ys) + reach)
    nodes = np.asarray(list(view.points.values()))
    places = list(_corners(inner, label))
    free = (p for p in places if _is_free(label.bounds(*p), points, nodes, taken, view.radius))
    at = next(free, places[-1])
    room = label.bounds(*at).grown(_INSET)
    outer = Bounds(
        inner.left, min(inner.top, room.top), inner.right, max(inner.bottom, room.bottom)
    )
    data = (*view.data, ("name", title))
    path = Path(outline_of(outer), "faint", None, 1.25)
    return Group("box", (path, label.at(*at)), data, title)


def _corners(inner: Bounds, label: Label) -> Iterator[Point]:
    """Inside the corners and the middle of the upper and the lower edge; then above the nodes."""
    left, right = inner.left + _INSET + label.width / 2, inner.right - _INSET - label.width / 2
    top, low = inner.top + _INSET + label.height / 2, inner.bottom - _INSET - label.height / 2
    for y in (top, low):
        for x in (left, (left + right) / 2, right):
            yield x, y
    yield left, inner.top - _INSET - label.height / 2


def _is_free(
    box: Bounds, points: Array, nodes: Array, taken: Sequence[Bounds], radius: float
) -> bool:
    around = box.grown(3.0)
    if any(around.overlaps(other) for other in taken):
        return False
    return box_distance(nodes, box) > radius + 3 and box_distance(points, box) > 3


def outline_of(box: Bounds) -> tuple[Command, ...]:
    """The outline of a box with round corners, as path commands."""
    r, k = _CORNER, 0.448 * _CORNER  # k: a quarter of a circle as a cubic
    a, b, c, d = box.left, box.top, box.right, box.bottom
    return (
        ("M", (a + r, b)),
        ("L", (c - r, b)),
        ("C", (c - k, b, c, b + k, c, b + r)),
        ("L", (c, d - r)),
        ("C", (c, d - k, c - k, d, c - r, d)),
        ("L", (a + r, d)),
        ("C", (a + k, d, a, d - k, a, d - r)),
        ("L", (a, b + r)),
        ("C", (a, b + k, a + k, b, a + r, b)),
        ("Z", ()),
    )
