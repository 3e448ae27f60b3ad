"""Pieces: what straight pieces of a trunk cost, many at once, amid what lies around them.

Arrays of pieces are (pieces, 2), of lines (lines, 2, 2): start and end, each x and y in px.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unroll.drawing.geometry import Array
from unroll.drawing.scene import Point

LEVEL, UPRIGHT = 0, 1  # along which axis a line runs
HIT = 1e4  # what runs through a node costs more than this
_STEEP = 35.0  # degrees between two arrows into one node, at least
_GRAIN = 4.0  # between places of a line, px
_SPACING = 6.0  # between places of a piece, px
_CROSSING = 1.6  # what a crossing costs
_CLOSE, _MERGED = 0.5, 3.0  # and 6 px along another line, along another trunk
_LEANING = 0.3  # the sine of the angle below which two lines count as parallel


@dataclass(frozen=True, eq=False)
class Head:
    """The node that pieces lead to, and the other ends of its other arrows."""

    center: Point
    entering: tuple[Point, ...]


@dataclass(frozen=True, eq=False)
class Ground:
    """What lies around the trunk of one fan.

    reach: from the centre of a node to lines that are clear of it; near: between lines that could
    be told apart; lines: arrows on their expected ways; laid: trunks; words: (left, right, y) of the
    names of functions beside nodes.
    """

    radius: float
    reach: float
    near: float
    source: Point
    nodes: Array
    lines: Array
    laid: Array
    words: Sequence[tuple[float, float, float]]

    def costs(self, starts: Array, ends: Array, head: Head | None = None) -> Array:
        """What pieces cost: their length, what they cross, what they are close to; (pieces,).

        HIT where one runs through a node other than the source and the head, 0 for one without length.
        """
        sizes = np.hypot(*(ends - starts).T)
        nodes = self.nodes[_apart(self.nodes, self.source)]
        if head is not None:
            nodes = nodes[_apart(nodes, head.center)]
        gaps = _distances(nodes, starts, ends)
        tight = np.clip(0.8 * self.radius - (gaps - self.radius), 0, None).sum(axis=1)
        cost = sizes / self.radius + 1.5 * tight / self.radius
        if head is not None:
            cost += _turns(head, starts, ends)
        for lines, price in ((self.lines, _CLOSE), (self.laid, _MERGED)):
            if len(lines):
                cost += _CROSSING * _crossed(lines, starts, ends)
                cost += price * self._beside(lines, starts, ends, head)
        cost[gaps.min(axis=1, initial=np.inf) < self.reach] = HIT
        cost[sizes < 1] = 0.0
        return np.asarray(cost)

    def _beside(self, lines: Array, starts: Array, ends: Array, head: Head | None) -> Array:
        """How many places of each piece lie beside parallel lines, those at the head excepted."""
        sizes = np.maximum(np.hypot(*(ends - starts).T), 1e-9)
        along = (ends - starts) / sizes[:, None]
        ways = lines[:, 1] - lines[:, 0]
        lengths = np.maximum(np.hypot(*ways.T), 1e-9)
        sines = np.abs(ways[:, 0] * along[:, 1:] - ways[:, 1] * along[:, :1]) / lengths
        low, high = np.minimum(starts, ends) - self.near, np.maximum(starts, ends) + self.near
        meet = (lines.min(axis=1) <= high[:, None]) & (low[:, None] <= lines.max(axis=1))
        piece, line = np.nonzero((sines < _LEANING) & meet.all(axis=2))
        found = np.zeros(len(starts))
        if not len(piece):
            return found
        run = np.arange(_SPACING / 2, sizes[piece].max(), _SPACING)
        places = starts[piece, None] + run[:, None] * along[piece, None]
        near = _gaps(places, lines[line][:, None]) < self.near
        near &= run < sizes[piece, None]
        if head is not None:
            near &= np.hypot(*np.moveaxis(places - head.center, -1, 0)) > 1.2 * self.radius
        beside = np.zeros((len(starts), len(run)), dtype=bool)
        np.logical_or.at(beside, piece, near)
        return np.asarray(beside.sum(axis=1), dtype=float)

    def summed(self, at: float, axis: int, targets: Sequence[Point]) -> tuple[float, Array]:
        """What a line along an axis costs up to each of its places.

        Answers with the first place, and the costs from there on, a place every few px.
        """
        other = 1 - axis
        known = np.concatenate([self.nodes, np.asarray([self.source, *targets])])
        low = float(known[:, axis].min()) - 4 * self.radius
        count = int((known[:, axis].max() + 4 * self.radius - low) / _GRAIN) + 2
        run = low + _GRAIN * np.arange(count)
        cost = np.zeros(count)
        nodes = self.nodes[np.abs(self.nodes[:, other] - at) < 2 * self.reach]
        for node in nodes[_apart(nodes, self.source)]:
            gaps = np.hypot(run - node[axis], at - node[other])
            cost[gaps < self.reach] += HIT
            room = np.clip(0.8 - (gaps - self.radius) / self.radius, 0, None)
            cost += 1.5 * room * _GRAIN / self.radius
        for left, right, y in self.words:
            if axis == LEVEL and abs(at - y) < 0.5 * self.radius:
                cost += _CLOSE * ((run > left) & (run < right))
            if axis == UPRIGHT and left < at < right:
                cost += _CLOSE * (np.abs(run - y) < 0.5 * self.radius)
        for lines, price in ((self.lines, _CLOSE), (self.laid, _MERGED)):
            cost += self._passed(lines, price, at, run, axis)
        return low, np.concatenate([[0.0], np.cumsum(cost)])

    def between(self, sums: tuple[float, Array], start: float, end: float) -> float:
        """What the piece of such a line from one place to another costs."""
        low, costs = sums
        i, j = (
            min(max(round((p - low) / _GRAIN), 0), len(costs) - 1)
            for p in (min(start, end), max(start, end))
        )
        return float(costs[j] - costs[i]) + abs(end - start) / self.radius

    def _passed(self, lines: Array, price: float, at: float, run: Array, axis: int) -> Array:
        """What other lines make the places of a line along an axis cost."""
        cost = np.zeros(len(run))
        if not len(lines):
            return cost
        a, b = lines[:, 0], lines[:, 1]
        way = b - a
        across, size = way[:, 1 - axis], np.maximum(np.hypot(*way.T), 1e-9)
        meets = (a[:, 1 - axis] - at) * (b[:, 1 - axis] - at) < -1e-6
        share = (at - a[meets, 1 - axis]) / across[meets]
        places = np.rint((a[meets, axis] + share * way[meets, axis] - run[0]) / _GRAIN).astype(int)
        inside = places[(places >= 0) & (places < len(run))]
        np.add.at(cost, inside, _CROSSING)
        near = (np.abs(across) / size < _LEANING) & (
            np.minimum(np.abs(a[:, 1 - axis] - at), np.abs(b[:, 1 - axis] - at)) < 3 * self.near
        )
        if near.any():
            points = np.full((len(run), 2), at)
            points[:, axis] = run
            gaps = _gaps(points[:, None], lines[near]).min(axis=1)
            cost += price * (_GRAIN / _SPACING) * (gaps < self.near)
        return cost


def _apart(nodes: Array, place: Point) -> Array:
    """Which nodes stand elsewhere."""
    return np.asarray(np.hypot(*(nodes - place).T) >= 1)


def _turns(head: Head, starts: Array, ends: Array) -> Array:
    """How much too close to another arrow of the same node each piece arrives."""
    cost = np.zeros(len(starts))
    angles = np.degrees(np.arctan2(starts[:, 1] - ends[:, 1], starts[:, 0] - ends[:, 0]))
    for other in head.entering:
        towards = np.degrees(np.arctan2(other[1] - ends[:, 1], other[0] - ends[:, 0]))
        apart = np.abs((angles - towards + 180) % 360 - 180)
        cost += 8 * np.clip(1 - apart / _STEEP, 0, None)
    return cost


def _gaps(places: Array, lines: Array) -> Array:
    """From places (..., 2) to segments (..., 2, 2), axes before the last ones broadcast."""
    starts = lines[..., 0, :]
    ways = lines[..., 1, :] - starts
    squares = np.maximum((ways**2).sum(axis=-1), 1e-9)
    share = np.clip(((places - starts) * ways).sum(axis=-1) / squares, 0, 1)
    return np.asarray(np.hypot(*np.moveaxis(places - starts - share[..., None] * ways, -1, 0)))


def _distances(places: Array, starts: Array, ends: Array) -> Array:
    """From pieces to places, (pieces, places)."""
    return _gaps(places, np.stack([starts, ends], axis=1)[:, None])


def _crossed(lines: Array, starts: Array, ends: Array) -> Array:
    """How many of the lines each piece crosses."""
    a, b = starts[:, None], ends[:, None]
    way, ways = b - a, lines[:, 1] - lines[:, 0]

    def side(way: Array, places: Array) -> Array:
        return np.asarray(way[..., 0] * places[..., 1] - way[..., 1] * places[..., 0])

    here = side(way, lines[:, 0] - a) * side(way, lines[:, 1] - a) < -1e-6
    there = side(ways, a - lines[:, 0]) * side(ways, b - lines[:, 0]) < -1e-6
    return np.asarray((here & there).sum(axis=1))
