"""Space: what lies where in a figure while it is being laid out, found by its x.

A builder that lives for one layout; nothing else keeps it.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from unroll.drawing.geometry import Array, Cubic, Curve, box_distance, cut, sample
from unroll.drawing.scene import Bounds, Point

_STRIP = 128.0  # px; things are kept by the vertical strips that they touch
_RAIL = 1200.0  # px
_EMPTY = np.zeros((0, 2))


class Space:
    """Nodes (circles of one radius), points of curves, and boxes."""

    def __init__(self, radius: float) -> None:
        self.radius = radius
        self._nodes: dict[int, list[Point]] = defaultdict(list)
        self._points: dict[int, list[Array]] = defaultdict(list)
        self._boxes: dict[int, list[Bounds]] = defaultdict(list)

    def add_node(self, center: Point) -> None:
        self._nodes[int(center[0] // _STRIP)].append(center)

    def add_curve(self, curve: Curve) -> None:
        """Remember a curve by points at most about 3 px apart.

        Of a very long level piece (a rail along many columns) only the ends: the same rail goes on
        there.
        """
        points = np.concatenate([_spaced(cubic) for cubic in curve])
        strips = points[:, 0] // _STRIP
        for strip in np.unique(strips):
            self._points[int(strip)].append(points[strips == strip])

    def add_box(self, box: Bounds) -> None:
        for strip in range(int(box.left // _STRIP), int(box.right // _STRIP) + 1):
            self._boxes[strip].append(box)

    def nodes_near(self, left: float, right: float) -> Array:
        """Centres of nodes in the strips from left to right, (n, 2)."""
        found = [p for s in _strips(left, right) for p in self._nodes.get(s, ())]
        return np.asarray(found) if found else _EMPTY

    def points_near(self, left: float, right: float) -> Array:
        """Points of curves in the strips from left to right, (n, 2)."""
        found = [p for s in _strips(left, right) for p in self._points.get(s, ())]
        return np.concatenate(found) if found else _EMPTY

    def is_free(self, box: Bounds, from_nodes: float = 2.0, from_lines: float = 3.0) -> bool:
        """Whether a box keeps its distance from nodes, lines and other boxes."""
        near = _strips(box.left - self.radius - 8, box.right + self.radius + 8)
        around = box.grown(2.0)
        if any(around.overlaps(other) for s in near for other in self._boxes.get(s, ())):
            return False
        nodes = [p for s in near for p in self._nodes.get(s, ())]
        if nodes and box_distance(np.asarray(nodes), box) < self.radius + from_nodes:
            return False
        lines = [p for s in near for p in self._points.get(s, ())]
        return not lines or box_distance(np.concatenate(lines), box) >= from_lines


def _spaced(cubic: Cubic) -> Array:
    rough = float(np.hypot(*np.diff(sample((cubic,), 9), axis=0).T).sum())
    if rough > _RAIL and abs(cubic[3][1] - cubic[0][1]) < 1:
        share = _RAIL / 2 / rough
        parts = (*cut((cubic,), 0.0, share), *cut((cubic,), 1 - share, 1.0))
        return np.concatenate([_spaced(part) for part in parts])
    return sample((cubic,), max(9, int(rough / 3)))


def _strips(left: float, right: float) -> range:
    return range(int(left // _STRIP), int(right // _STRIP) + 1)
