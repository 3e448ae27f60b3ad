"""Tidy trees: where the slices of a tree's nodes stand, whatever its shape.

As Reingold & Tilford (1981) ask: a parent above the middle of its children, subtrees side by side
without touching, equal ones drawn alike. Leaves stand in one row, in their order; an inner node stands
one level above its highest child, so that a level never meets another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unroll.drawing.scene import Point
from unroll.symbolic.trees import Tree


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the centres of a slice's nodes reach from its anchor, px: never negative."""

    left: float = 0.0
    right: float = 0.0
    above: float = 0.0
    below: float = 0.0


_SLOPE = 0.25  # of a branch: how far it rises, at least, for what it goes aside
Contour = dict[int, tuple[float, float]]  # leftmost and rightmost x of each level, px


def tidy(tree: Tree, extents: Sequence[Extent], column: float, row: float) -> list[Point]:
    """Anchors of the slices of nodes 1..n; y is 0 at the leaves and falls upwards.

    extents: one for each node; column, row: least distances of centres beside and above each other.
    """
    heights = tree.heights
    shifts = [0.0] * len(tree)  # of each node's anchor from that of its parent
    contours: list[Contour] = []
    for node, children in enumerate(tree.children):
        contour = _beside_each_other(children, contours, shifts, column)
        extent = extents[node]
        contour[heights[node]] = -extent.left, extent.right
        contours.append(contour)
    xs = [0.0] * len(tree)
    for node in range(len(tree), 0, -1):  # parents come after their children
        for child in tree.children[node - 1]:
            xs[child - 1] = xs[node - 1] + shifts[child - 1]
    first = xs[0]
    levels = _levels(tree, extents, shifts, row)
    return [(x - first, levels[height]) for x, height in zip(xs, heights)]


def _levels(
    tree: Tree, extents: Sequence[Extent], shifts: Sequence[float], row: float
) -> list[float]:
    """y of the anchors of each level: far enough above all that the level below holds.

    And above the children that stand farthest aside, so that no branch is flat.
    """
    count = 1 + max(tree.heights)
    above, below = [0.0] * count, [0.0] * count
    for extent, height in zip(extents, tree.heights):
        above[height] = max(above[height], extent.above)
        below[height] = max(below[height], extent.below)
    aside: list[dict[int, float]] = [{} for _ in range(count)]
    for children, height in zip(tree.children, tree.heights):
        for child in children:
            low = tree.heights[child - 1]
            aside[height][low] = max(aside[height].get(low, 0.0), abs(shifts[child - 1]))
    ys = [0.0]
    for height in range(1, count):
        free = ys[-1] - above[height - 1] - row - below[height]
        ys.append(min(free, *(ys[low] - _SLOPE * x for low, x in aside[height].items())))
    return ys


def _beside_each_other(
    children: Sequence[int], contours: Sequence[Contour], shifts: list[float], column: float
) -> Contour:
    """The contour of a node's subtrees, each as close to those on its left as the pitch allows.

    Everything is counted from the middle between the first child and the last one, where their
    parent will stand; `shifts` of the children are filled in.
    """
    merged: Contour = {}
    at: list[float] = []
    for child in children:
        own = contours[child - 1]
        shared = [merged[level][1] + column - own[level][0] for level in own if level in merged]
        at.append(max(shared, default=0.0))
        for level, (low, high) in own.items():
            left = merged[level][0] if level in merged else low + at[-1]
            merged[level] = left, high + at[-1]
    middle = (at[0] + at[-1]) / 2 if at else 0.0
    for child, x in zip(children, at):
        shifts[child - 1] = x - middle
    return {level: (low - middle, high - middle) for level, (low, high) in merged.items()}
