"""Trunks: a state that several variables of another step need goes there as one line with branches.

Out of its node, along a gutter between two columns, along a rail below (or above) the row of those
that need it, and from there a riser into each. Every arrow has its whole way; what several share
lies on top of each other. The ways of one step hold for all that look alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from unroll.drawing.fans import Fan, fans_of
from unroll.drawing.geometry import Array, Curve, moved, rounded
from unroll.drawing.pieces import HIT, LEVEL, UPRIGHT, Ground, Head
from unroll.drawing.scene import Point
from unroll.drawing.unfolding import Arrow, Key, Plan
from unroll.graph.folded import Link

_ROUND = 0.5  # of the corners, in node radii
_RISERS = (0.0, -0.6, 0.6, -0.9, 0.9, -1.3, 1.3)  # from a target's middle, in node radii
_HEIGHTS = (1.5, 1.8, 2.1, 2.5, 3.0)  # of a rail from its row, in node radii
_RISER = 2.1  # of them, the one that leaves room for a label at each riser
_SLANTS = (0.0, 0.9, -0.9, 1.3, -1.3)  # of a branch from a gutter, in node radii
_BRANCH = 2.3  # from a gutter to the middle of a target beside it, at least, in node radii
_STEP = 0.4  # between gutters to choose from, in node radii
_WORD = 0.6, 2.8  # where the name of a function stands left of a node, in node radii
Ways = dict[Arrow, tuple[Point, ...]]


class Trunks:
    """The ways of all fans: the state of one call of `route`.

    clear: whether a way keeps clear of nodes; width: between the outer lines of an arrow, px.
    """

    def __init__(
        self,
        plan: Plan,
        points: dict[Key, Point],
        radius: float,
        clearance: float,
        width: float,
        clear: Callable[[Curve, Arrow], bool],
    ) -> None:
        self.plan, self.points, self.radius = plan, points, radius
        self.clear, self.width = clear, width
        self.reach = radius + clearance
        self.fans = fans_of(plan, points)
        self.nodes = np.asarray(list(points.values()), dtype=float).reshape(-1, 2)
        members = {arrow for fan in self.fans for arrow in fan.arrows}
        self.others = [a for a in plan.arrows if a not in members and a.source != a.target]
        self.known: dict[tuple[Link, float, float], Curve] = {}
        self.laid: list[tuple[Point, Point]] = []  # segments of trunks that have their place

    def route(self) -> dict[Arrow, Curve]:
        """Curves from centre to centre; none for a fan that finds no way."""
        found: dict[Arrow, Curve] = {}
        for fan in self.fans:
            curves = self._again(fan) or self._first(fan)
            for arrow, curve in curves.items():
                found[arrow] = curve
                self.laid += _segments(curve)
        return found

    def linked(self, key: Key) -> list[Key]:
        """The other ends of the arrows of a node that no trunk takes."""
        into = [a.source for a in self.others if a.target == key]
        return into + [a.target for a in self.others if a.source == key]

    def _again(self, fan: Fan) -> dict[Arrow, Curve]:
        """As where the same links led the same way, if that is free here."""
        x, y = self.points[fan.source]
        curves = {}
        for arrow in fan.arrows:
            known = self.known.get(self._shape(arrow))
            if known is None or not self.clear(curve := moved(known, x, y), arrow):
                return {}
            curves[arrow] = curve
        return curves

    def _shape(self, arrow: Arrow) -> tuple[Link, float, float]:
        (ax, ay), (bx, by) = self.points[arrow.source], self.points[arrow.target]
        return arrow.link, round(bx - ax, 1), round(by - ay, 1)

    def _first(self, fan: Fan) -> dict[Arrow, Curve]:
        search = _Search(self, fan)
        ways = search.best()
        x, y = self.points[fan.source]
        curves = {a: rounded(_plain(way), _ROUND * self.radius) for a, way in ways.items()}
        if not all(self.clear(curve, arrow) for arrow, curve in curves.items()):
            return {}
        for arrow, curve in curves.items():
            self.known[self._shape(arrow)] = moved(curve, -x, -y)
        return curves


class _Search:
    """The cheapest trunk for one fan among all gutters, rails and risers."""

    def __init__(self, trunks: Trunks, fan: Fan) -> None:
        points, self.radius = trunks.points, trunks.radius
        self.source = points[fan.source]
        self.targets = {a: points[a.target] for a in fan.arrows}
        places = [self.source, *self.targets.values()]
        self.left, self.right = min(x for x, _ in places), max(x for x, _ in places)
        margin = 2 * self.radius
        inside = (trunks.nodes[:, 0] > self.left - margin) & (
            trunks.nodes[:, 0] < self.right + margin
        )
        words = [
            (x - _WORD[1] * self.radius, x - _WORD[0] * self.radius, y + 0.9 * self.radius)
            for key, node in trunks.plan.nodes.items()
            if node.variable.sign and not node.variable.made
            for x, y in [points[key]]
            if self.left < x < self.right + margin
        ]
        self.ground = Ground(
            self.radius,
            trunks.reach,
            8.0 + trunks.width,
            self.source,
            trunks.nodes[inside],
            self._close((points[a.source], points[a.target]) for a in trunks.others),
            self._close(trunks.laid),
            words,
        )
        self.sums: dict[tuple[int, float], tuple[float, Array]] = {}
        self.heads = {
            a: Head(points[a.target], tuple(points[k] for k in trunks.linked(a.target)))
            for a in fan.arrows
        }

    def _close(self, lines: Iterable[tuple[Point, Point]]) -> Array:
        """Those of the lines that reach into the fan's surroundings, (n, 2, 2)."""
        kept = [
            (a, b)
            for a, b in lines
            if max(a[0], b[0]) > self.left - 40 and min(a[0], b[0]) < self.right + 40
        ]
        return np.asarray(kept, dtype=float).reshape(-1, 2, 2)

    def best(self) -> Ways:
        """A way for each arrow; none where every trunk runs through nodes."""
        by_height: dict[float, list[Arrow]] = defaultdict(list)
        for arrow, (_, y) in self.targets.items():
            by_height[round(y, 3)].append(arrow)
        gutters = self._gutters()
        rows = [self._row(gutters, arrows) for arrows in by_height.values()]
        branches = {}
        for x, found in zip(gutters, zip(*rows)):
            if all(price < HIT for price, _ in found):
                tails = {a: tail for _, ways in found for a, tail in ways.items()}
                branches[x] = sum(price for price, _ in found), tails
        least, best = HIT, {}
        for exit_cost, start in self._exits():
            for x, (price, tails) in branches.items():
                corner = x, start[-1][1]
                cost = exit_cost + price
                if cost >= least:
                    continue
                cost += self._piece(corner[1], start[-1][0], x, LEVEL)
                for end in _ends(corner[1], [tail[0][1] for tail in tails.values()]):
                    if cost < least:
                        cost += self._piece(x, corner[1], end, UPRIGHT)
                if cost < least:
                    least = cost
                    best = {a: (*start, corner, *tail) for a, tail in tails.items()}
        return best

    def _exits(self) -> Iterator[tuple[float, tuple[Point, ...]]]:
        """Out of the source: level, or slanting into the space above or below its row."""
        x, y = self.source
        side = 1 if np.mean([tx for tx, _ in self.targets.values()]) > x else -1
        yield 0.0, ((x, y),)
        turns = [
            (x + 0.9 * side * self.radius, y + down * height * self.radius)
            for down in (1, -1)
            for height in _HEIGHTS[:4]
        ]
        costs = self.ground.costs(np.asarray([self.source] * len(turns)), np.asarray(turns))
        for cost, turn in zip(costs, turns):
            yield 2.0 + float(cost), ((x, y), turn)

    def _gutters(self) -> list[float]:
        count = int((self.right - self.left) / (_STEP * self.radius))
        step = _STEP * self.radius
        return [self.left + k * step for k in range(3, count)]

    def _row(self, gutters: Sequence[float], arrows: Sequence[Arrow]) -> list[tuple[float, Ways]]:
        """From each gutter into the targets of one row: cost, and ways from the gutter on."""
        rails = self._rails(arrows)
        found = []
        for x, best in zip(gutters, self._slants(gutters, arrows)):
            for cost, feet in rails:
                y = next(iter(feet.values()))[1]
                for end in _ends(x, [foot[0] for foot in feet.values()]):
                    if cost < best[0]:
                        cost += self._piece(y, x, end, LEVEL)
                if cost < best[0]:
                    best = cost, {a: ((x, y), foot, self.targets[a]) for a, foot in feet.items()}
            found.append(best)
        return found

    def _slants(
        self, gutters: Sequence[float], arrows: Sequence[Arrow]
    ) -> list[tuple[float, Ways]]:
        """Straight branches from each gutter into the one target of a row, at HIT where none is."""
        target = self.targets[arrows[0]]
        found: list[tuple[float, Ways]] = [(HIT, {})] * len(gutters)
        far = [k for k, x in enumerate(gutters) if abs(x - target[0]) > _BRANCH * self.radius]
        if not far or len({a.target for a in arrows}) > 1:
            return found
        feet = [(gutters[k], target[1] + aside * self.radius) for k in far for aside in _SLANTS]
        costs = self._into(arrows[0], feet).reshape(len(far), -1) + 0.5 * np.abs(_SLANTS)
        for row, k in enumerate(far):
            i = int(costs[row].argmin())
            if costs[row, i] < HIT:
                way = feet[row * len(_SLANTS) + i], target
                found[k] = float(costs[row, i]), dict.fromkeys(arrows, way)
        return found

    def _rails(self, arrows: Sequence[Arrow]) -> list[tuple[float, dict[Arrow, Point]]]:
        """Where rails for the targets of one row may run: cost, and each arrow's foot on the rail."""
        levels = [(down, height) for down in (1, -1) for height in _HEIGHTS]
        total = np.asarray([1.5 * abs(h - _RISER) + 0.5 * (down < 0) for down, h in levels])
        feet: list[dict[Arrow, Point]] = [{} for _ in levels]
        for arrow in arrows:
            x, y = self.targets[arrow]
            tried = [
                (x + aside * self.radius, y + down * height * self.radius)
                for down, height in levels
                for aside in _RISERS
            ]
            costs = self._into(arrow, tried).reshape(len(levels), -1) + np.abs(_RISERS)
            for k, row in enumerate(costs):
                feet[k][arrow] = min(zip(row, tried[k * len(_RISERS) :]))[1]
            total += costs.min(axis=1)
        return [(float(cost), own) for cost, own in zip(total, feet) if cost < HIT]

    def _into(self, arrow: Arrow, starts: Sequence[Point]) -> Array:
        """What straight pieces into an arrow's target cost."""
        ends = np.asarray([self.targets[arrow]] * len(starts))
        return self.ground.costs(np.asarray(starts), ends, self.heads[arrow])

    def _piece(self, at: float, start: float, end: float, axis: int) -> float:
        """What a level or upright piece of a trunk costs."""
        key = axis, at
        if key not in self.sums:
            self.sums[key] = self.ground.summed(at, axis, list(self.targets.values()))
        return self.ground.between(self.sums[key], start, end)


def _ends(start: float, places: Sequence[float]) -> list[float]:
    """How far a line from a start reaches to pass all places: to one side of it, or to both."""
    low, high = min(places), max(places)
    return [low] * (low < start) + [high] * (high > start)


def _plain(points: Sequence[Point]) -> tuple[Point, ...]:
    """The polyline without corners that are none."""
    kept = [points[0]]
    for before, at, after in zip(points, points[1:], points[2:]):
        cross = (at[0] - kept[-1][0]) * (after[1] - at[1]) - (at[1] - kept[-1][1]) * (
            after[0] - at[0]
        )
        if abs(cross) > 1e-6 and at != before:
            kept.append(at)
    return (*kept, points[-1])


def _segments(curve: Curve) -> list[tuple[Point, Point]]:
    """The long pieces of a curve."""
    ends = [(cubic[0], cubic[3]) for cubic in curve]
    return [(a, b) for a, b in ends if abs(a[0] - b[0]) + abs(a[1] - b[1]) > 12]
