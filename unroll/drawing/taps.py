"""Taps: the ways from a bank of parameters below a figure into all that need them.

From each parameter a stem leads up to a level track of its own; from the track a tap rises into
each node that needs the parameter, through a maze of square cells: level and upright, around nodes,
across other lines but not along them. What one step's taps do, those of the others do as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from math import atan2, hypot, pi, radians

import networkx as nx
import numpy as np

from unroll.drawing.banks import EDGE, TRACK
from unroll.drawing.geometry import Array, Curve, rounded, sample
from unroll.drawing.scene import Point
from unroll.drawing.unfolding import Arrow, Key

_CELL = 0.42  # side of a cell, in node radii
_HOP = 1.5, 2.4  # of the straight end of a tap, from the middle of its node; in node radii
_PORT = radians(24)  # between two arrows at a node, at least
_TURN, _CROSS, _ALONG = 3.0, 3.0, 2.0  # what ways cost, in cells
_BESIDE = 0.35  # for each cell beside another tap
_ROUND = 0.5  # of corners, in node radii
_NONE = -1
_STEPS = ((1, 0), (0, -1), (-1, 0), (0, 1))  # right, up, left, down; even ones are level
_DOWN = 3
Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tap:
    """A way from a node down to the tracks: cells, the first one before the node."""

    cells: tuple[Cell, ...]
    cost: float


class Taps:
    """The state of one search for all taps of a view.

    points: centres of all nodes; bank: those of parameters; routes: what is drawn already.
    """

    def __init__(
        self,
        points: Mapping[Key, Point],
        bank: Set[Key],
        routes: Mapping[Arrow, Curve],
        radius: float,
        clearance: float,
    ) -> None:
        self.points, self.radius, self.reach = points, radius, radius + clearance
        self.bank = {key: points[key] for key in points if key in bank}
        self.nodes = np.asarray([p for k, p in points.items() if k not in bank], dtype=float)
        self.maze = _Maze.around(self.nodes, self._pitch(), radius, self.reach)
        self.ports: dict[Key, list[float]] = defaultdict(list)
        for arrow, curve in routes.items():
            self.maze.mark(sample(curve, 40))
            self._mark_ports(arrow, curve)

    def _pitch(self) -> float:
        """How far the same variable's nodes in two columns are apart; 0 where there is one column."""
        own: dict[str, list[float]] = defaultdict(list)
        for (name, column), (x, _) in self.points.items():
            if column is not None:
                own[name].append(x)
        gaps = [b - a for found in own.values() for a, b in pairwise(sorted(found)) if b - a > 1]
        return min(gaps, default=0.0)

    def _mark_ports(self, arrow: Arrow, curve: Curve) -> None:
        for key in (arrow.source, arrow.target):
            x, y = self.points[key]
            places = sample(curve, 40)
            gaps = np.abs(np.hypot(places[:, 0] - x, places[:, 1] - y) - 1.3 * self.radius)
            px, py = places[int(gaps.argmin())]
            self.ports[key].append(atan2(py - y, px - x))

    def route(self, arrows: Sequence[Arrow]) -> dict[Arrow, Curve]:
        """Curves from centre to centre; none for an arrow that finds no way."""
        columns = sorted({a.target[1] for a in arrows if a.target[1] is not None})
        middle = columns[len(columns) // 2] if columns else 0
        ordered = sorted(  # a slice in the middle is the model of all; what is near goes first
            arrows,
            key=lambda a: (abs((a.target[1] or 0) - middle), -self.points[a.target][1]),
        )
        found: dict[Arrow, Tap] = {}
        known: dict[tuple[str, str], tuple[Cell, Tap]] = {}
        for arrow in ordered:
            net = list(self.bank).index(arrow.source)
            goals = self._goals(arrow.target)
            kind = arrow.source[0], arrow.target[0]
            home = self.maze.cell(self.points[arrow.target])
            tap = self._again(known, kind, home, goals, net) or self.maze.search(goals, net)
            if tap is None:
                continue
            self.maze.use(tap, net)
            known.setdefault(kind, (home, tap))
            found[arrow] = tap
            x, y = self.points[arrow.target]
            px, py = self.maze.place(tap.cells[0])
            self.ports[arrow.target].append(atan2(py - y, px - x))
        levels = self._tracks(found)
        return {
            arrow: rounded(self._points(arrow, tap, levels[arrow.source]), _ROUND * self.radius)
            for arrow, tap in found.items()
        }

    def _again(
        self,
        known: Mapping[tuple[str, str], tuple[Cell, Tap]],
        kind: tuple[str, str],
        home: Cell,
        goals: Mapping[Cell, float],
        net: int,
    ) -> Tap | None:
        """The way of the same arrow at another step, where it is as good here."""
        if kind not in known:
            return None
        (i, j), tap = known[kind]
        dx, dy = home[0] - i, home[1] - j
        if dy:
            return None
        cells = tuple((x + dx, y) for x, y in tap.cells)
        cost = self.maze.price(cells, net) + goals.get(cells[0], np.inf)
        return Tap(cells, tap.cost) if cost <= tap.cost + _TURN else None

    def _goals(self, key: Key) -> dict[Cell, float]:
        """Cells from which a straight piece leads into a node, and what each costs."""
        x, y = self.points[key]
        others = self.nodes[np.hypot(self.nodes[:, 0] - x, self.nodes[:, 1] - y) > 1]
        found: dict[Cell, float] = {}
        for cell in self.maze.near((x, y), _HOP[1] * self.radius):
            px, py = self.maze.place(cell)
            far = hypot(px - x, py - y)
            angle = atan2(py - y, px - x)
            taken = [abs((angle - used + pi) % (2 * pi) - pi) for used in self.ports[key]]
            if far < _HOP[0] * self.radius or min(taken, default=pi) < _PORT:
                continue
            ends = np.linspace((px, py), (x, y), 8)
            if len(others) and _gap(ends, others) < self.reach:
                continue
            found[cell] = far / self.maze.side
        return found

    def _tracks(self, found: Mapping[Arrow, Tap]) -> dict[Key, float]:
        """The heights of the tracks: no stem lies on another parameter's tap, few cross."""
        lanes: dict[Key, list[float]] = {key: [] for key in self.bank}
        for arrow, tap in found.items():
            lanes[arrow.source].append(self.maze.place(tap.cells[-1])[0])
        spans = {
            key: (min([x, *lanes[key]]), max([x, *lanes[key]])) for key, (x, _) in self.bank.items()
        }
        near = 0.8 * self.maze.side

        def crossings(low: Key, high: Key) -> float:
            """What it costs that one track runs below another."""
            (a, b), (c, d) = spans[low], spans[high]
            stem = self.bank[high][0]
            cost = float(a < stem < b) + sum(c < x < d for x in lanes[low])
            return cost + 1000 * any(abs(stem - x) < near for x in lanes[low])

        order = list(self.bank)
        better = nx.DiGraph()
        better.add_nodes_from(order)
        better.add_edges_from(
            (a, b)
            for a in order
            for b in order
            if a != b and crossings(b, a) >= 1000 > crossings(a, b)
        )
        if nx.is_directed_acyclic_graph(better):
            order = list(nx.lexicographical_topological_sort(better, key=order.index))
        for _ in order:  # neighbours change places while that helps
            for i in range(len(order) - 1):
                if crossings(order[i + 1], order[i]) < crossings(order[i], order[i + 1]):
                    order[i], order[i + 1] = order[i + 1], order[i]
        top = min(y for _, y in self.bank.values()) - EDGE * self.radius
        return {key: top - i * TRACK * self.radius for i, key in enumerate(order)}

    def _points(self, arrow: Arrow, tap: Tap, level: float) -> tuple[Point, ...]:
        x, y = self.bank[arrow.source]
        way = [self.maze.place(cell) for cell in reversed(tap.cells)]
        lane = way[0][0]
        return _plain([(x, y), (x, level), (lane, level), *way, self.points[arrow.target]])


@dataclass
class _Maze:
    """Square cells over a figure, and what runs through them.

    blocked: by nodes, (columns, rows); lined: cells with lines; used: by which tap, level and
    upright, (2, columns, rows). The last row is where tracks begin.
    """

    left: float
    top: float
    side: float
    height: float
    blocked: Array
    lined: Array
    used: Array

    @classmethod
    def around(cls, nodes: Array, pitch: float, radius: float, reach: float) -> _Maze:
        """Cells so wide that a whole number of them fits between two columns."""
        side = _CELL * radius
        if pitch:
            side = pitch / round(pitch / side)
        (left, top), (right, bottom) = nodes.min(axis=0), nodes.max(axis=0)
        margin = 7 * radius
        across = int((right - left + 2 * margin) / side) + 1
        left -= round(margin / side) * side
        top -= 3 * radius
        height = _CELL * radius
        down = int((bottom + EDGE * radius - top) / height) + 1
        x = left + side * np.arange(across)[:, None]
        y = top + height * np.arange(down)[None, :]
        blocked = np.zeros((across, down), dtype=bool)
        for at, height_ in nodes:
            blocked |= np.hypot(x - at, y - height_) < reach
        lined = np.zeros((across, down), dtype=bool)
        used = np.full((2, across, down), _NONE)
        return cls(left, top, side, height, blocked, lined, used)

    @property
    def shape(self) -> tuple[int, int]:
        return self.blocked.shape[0], self.blocked.shape[1]

    def cell(self, point: Point) -> Cell:
        return round((point[0] - self.left) / self.side), round((point[1] - self.top) / self.height)

    def place(self, cell: Cell) -> Point:
        return self.left + cell[0] * self.side, self.top + cell[1] * self.height

    def inside(self, cell: Cell) -> bool:
        return 0 <= cell[0] < self.shape[0] and 0 <= cell[1] < self.shape[1]

    def near(self, point: Point, reach: float) -> Iterator[Cell]:
        """Free cells within reach of a point."""
        i, j = self.cell(point)
        n = int(reach / min(self.side, self.height)) + 1
        for dx in range(-n, n + 1):
            for dy in range(-n, n + 1):
                cell = i + dx, j + dy
                if self.inside(cell) and not self.blocked[cell]:
                    x, y = self.place(cell)
                    if hypot(x - point[0], y - point[1]) <= reach:
                        yield cell

    def mark(self, points: Array) -> None:
        """Remember that a line runs through these points."""
        i = np.rint((points[:, 0] - self.left) / self.side).astype(int)
        j = np.rint((points[:, 1] - self.top) / self.height).astype(int)
        held = (i >= 0) & (i < self.shape[0]) & (j >= 0) & (j < self.shape[1])
        self.lined[i[held], j[held]] = True

    def use(self, tap: Tap, net: int) -> None:
        for before, after in pairwise(tap.cells):
            way = 0 if before[1] == after[1] else 1
            self.used[way, before[0], before[1]] = net
            self.used[way, after[0], after[1]] = net
        first = tap.cells[0]  # the straight end: nothing turns or passes here
        self.used[:, first[0], first[1]] = net

    def price(self, cells: Sequence[Cell], net: int) -> float:
        """What a way from a node down to the tracks costs; infinite where it is not free."""
        cost, last = 0.0, _NONE
        for before, after in pairwise(cells):
            d = _STEPS.index((after[0] - before[0], after[1] - before[1]))
            if not self.inside(after) or not self.inside(before):
                return float("inf")
            cost += self._step(before, after, d, last, net)
            last = d
        return cost

    def _step(self, at: Cell, to: Cell, d: int, last: int, net: int) -> float:
        """What it costs to go on from one cell to the next."""
        if self.blocked[to]:
            return float("inf")
        way = 0 if d % 2 == 0 else 1
        i, j = to
        cost = 1.0
        if last not in (_NONE, d):
            if self.used[way, at[0], at[1]] not in (_NONE, net):
                return float("inf")  # a corner on another tap could not be told from its own
            cost += _TURN
        if self.used[way, i, j] not in (_NONE, net):
            return float("inf")
        if self.used[1 - way, i, j] not in (_NONE, net):
            cost += _CROSS
        if self.lined[to]:
            cost += _ALONG
        for k in (-1, 1):
            beside = (i + k, j) if way else (i, j + k)
            if self.inside(beside) and self.used[(way, *beside)] not in (_NONE, net):
                cost += _BESIDE
        return cost

    def search(self, goals: Mapping[Cell, float], net: int) -> Tap | None:
        """The cheapest way from one of the cells before a node down to the tracks."""
        bottom = self.shape[1] - 1
        heap: list[tuple[float, Cell, int]] = []
        came: dict[tuple[Cell, int], tuple[Cell, int]] = {}
        best: dict[tuple[Cell, int], float] = {}
        for cell, cost in goals.items():
            if self.used[:, cell[0], cell[1]].max() == _NONE:
                best[cell, _NONE] = cost
                heappush(heap, (cost, cell, _NONE))
        while heap:
            cost, cell, last = heappop(heap)
            if best[cell, last] < cost:
                continue
            if cell[1] == bottom and last == _DOWN:
                return Tap(tuple(_back(came, (cell, last))), cost)
            for d, (dx, dy) in enumerate(_STEPS):
                if last != _NONE and (d - last) % 4 == 2:
                    continue
                to = cell[0] + dx, cell[1] + dy
                if not self.inside(to) or (to[1] == bottom and d != _DOWN):
                    continue
                more = cost + self._step(cell, to, d, last, net)
                if more < best.get((to, d), float("inf")):
                    best[to, d] = more
                    came[to, d] = cell, last
                    heappush(heap, (more, to, d))
        return None


def _back(came: Mapping[tuple[Cell, int], tuple[Cell, int]], state: tuple[Cell, int]) -> list[Cell]:
    cells = [state[0]]
    while state in came:
        state = came[state]
        cells.append(state[0])
    return cells[::-1]


def _gap(places: Array, points: Array) -> float:
    between = places[:, None] - points[None]
    return float(np.hypot(between[..., 0], between[..., 1]).min())


def _plain(points: Sequence[Point]) -> tuple[Point, ...]:
    """The polyline without points in the middle of a straight piece."""
    kept: list[Point] = []
    for point in points:
        if kept and hypot(point[0] - kept[-1][0], point[1] - kept[-1][1]) < 0.5:
            continue
        if len(kept) > 1:
            (ax, ay), (bx, by) = kept[-2], kept[-1]
            if abs((bx - ax) * (point[1] - by) - (by - ay) * (point[0] - bx)) < 1e-6:
                kept.pop()
        kept.append(point)
    return tuple(kept)
