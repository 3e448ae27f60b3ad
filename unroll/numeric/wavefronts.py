"""Waves: points of several axes, or nodes of a tree, that can be computed all at once.

In `D[i, j]` from `D[i-1, j]` and `D[i, j-1]` all points with the same i + j are independent of one
another (Lamport 1974): m + n waves instead of m times n steps. In a tree the nodes of one height are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf

import numpy as np
from numpy.typing import NDArray

from unroll.numeric.needs import Need, Piece, side
from unroll.numeric.terms import Place, Scope
from unroll.symbolic.expressions import references
from unroll.symbolic.ordering import FORWARD, Walk
from unroll.symbolic.recurrence import Axis, Recurrence
from unroll.symbolic.trees import Tree

STEEPEST = 3  # weights of an axis that are tried: -3..3


@dataclass(frozen=True, slots=True)
class Wavefront:
    """A loop over waves: the axes whose letters it binds, where these run, the iterable's source."""

    axes: tuple[str, ...]
    sides: tuple[tuple[int, int], ...]
    source: str


def wavefront(
    recurrence: Recurrence,
    scope: Scope,
    pieces: Sequence[Piece],
    needs: Sequence[Need],
    walk: Walk,
    at: Mapping[str, Place],
) -> Wavefront | None:
    """The waves of pieces in a cycle; None where a plain loop does as well, or nothing else does."""
    if at or any(p.box != pieces[0].box for p in pieces):
        return None
    axes = recurrence.axes_of(pieces[0].name)
    if any(recurrence.axes_of(p.name) != axes for p in pieces):
        return None
    sides = tuple(side(recurrence, pieces[0], a.name) for a in axes)
    if len(axes) == 1 and axes[0].leaves:
        return _by_height(scope, axes[0], sides, needs, walk)
    if len(axes) < 2 or _has_matrices(scope, pieces):
        return None
    weights = _weights([_exact(need, axes) for need in needs])
    if weights is None or sum(w != 0 for w in weights) < 2:
        return None
    ends = [
        f"({scope.at(a, axis.length)}, {scope.at(b, axis.length)})"
        for (a, b), axis in zip(sides, axes)
    ]
    source = f"waves({', '.join(ends)}, weights={weights})"
    return Wavefront(tuple(a.name for a in axes), sides, source)


def _by_height(
    scope: Scope, axis: Axis, sides: tuple[tuple[int, int], ...], needs: Sequence[Need], walk: Walk
) -> Wavefront | None:
    """Nodes of a tree, those of one height at once, if all wait for children, or for parents."""
    if any(inf not in map(abs, need.along(axis.name)) for need in needs):
        return None
    first, last = sides[0]
    ways = "" if walk.direction == FORWARD else ", up=False"
    source = f"levels({scope.words[f'tree {axis.name}']}, {first}, {last}{ways})"
    return Wavefront((axis.name,), sides, source)


def _has_matrices(scope: Scope, pieces: Sequence[Piece]) -> bool:
    """Whether matrices would have to be gathered, which costs more than a loop."""
    return any(
        r.indices and len(scope.shapes[r.name]) > 1
        for p in pieces
        for r in references(p.equation.expression)
    )


def _exact(need: Need, axes: tuple[Axis, ...]) -> tuple[float, ...] | None:
    """The distance along each axis, where it is the same everywhere."""
    spans = [need.along(a.name) for a in axes]
    return tuple(low for low, _ in spans) if all(a == b for a, b in spans) else None


def _weights(distances: Sequence[tuple[float, ...] | None]) -> tuple[int, ...] | None:
    """Small whole numbers with which every distance but zero adds up to at least one."""
    known = [d for d in distances if d is not None]
    if len(known) < len(distances):
        return None
    moving = [d for d in known if any(d)]
    tries = product(range(-STEEPEST, STEEPEST + 1), repeat=len(known[0]))
    fitting = (w for w in tries if all(sum(a * b for a, b in zip(w, d)) >= 1 for d in moving))
    return min(fitting, key=lambda w: (sum(map(abs, w)), w), default=None)


def waves(
    *sides: tuple[int, int], weights: tuple[int, ...]
) -> Iterator[tuple[NDArray[np.intp], ...]]:
    """The points of a box in waves of equal weighted sum, the smallest first: an array an axis."""
    ranges = [np.arange(first, last + 1) for first, last in sides]
    points = [grid.reshape(-1) for grid in np.meshgrid(*ranges, indexing="ij")]
    number = sum(w * p for w, p in zip(weights, points))
    order = np.argsort(number, kind="stable")
    cuts = np.flatnonzero(np.diff(np.asarray(number)[order])) + 1
    for wave in np.split(order, cuts):
        yield tuple(p[wave] for p in points)


def levels(tree: Tree, first: int, last: int, up: bool = True) -> Iterator[NDArray[np.intp]]:
    """The nodes first..last of a tree by height, the lowest first, or the highest."""
    heights = np.array(tree.heights)[first - 1 : last]
    found = [np.flatnonzero(heights == h) + first for h in np.unique(heights)]
    yield from found if up else reversed(found)
