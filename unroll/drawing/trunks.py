"""Trunks: a state that several variables of another step need goes there as one line with branches.

Out of its node, along a gutter between two columns, along a rail below (or above) the row of those
that need it, and from there a riser into each. Every arrow has its whole way; what several share
lies on top of each other. The ways of one step hold for all that look alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unroll.drawing.columns import lag_of
from unroll.drawing.geometry import Array, Curve, moved, rounded
from unroll.drawing.gutters import FAR
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
_STEEP = 35.0  # degrees between two arrows into one node, at least
_WORD = 0.6, 2.8  # where the name of a function stands left of a node, in node radii
_GRAIN = 4.0  # between places of a line, px
_HIT = 1e4  # what runs through a node costs more than this
_CROSSING = 1.6  # what a crossing costs
_CLOSE, _MERGED = 0.5, 3.0  # and 6 px along another line, along another trunk


@dataclass(frozen=True, slots=True)
class Fan:
    """Arrows from one node to nodes of another column, at other heights."""

    source: Key
    arrows: tuple[Arrow, ...]


def fans(plan: Plan, points: dict[Key, Point]) -> list[Fan]:
    """What a trunk is drawn for, the largest first: two arrows or more, one of them over several rows;
    or one to an operation that is far below or above."""
    found: dict[tuple[Key, int], list[Arrow]] = defaultdict(list)
    for arrow in plan.arrows:
        (name, start), (_, stop) = arrow.source, arrow.target
        level = abs(points[arrow.source][1] - points[arrow.target][1]) < 1
        if is_carried(arrow.link) and start is not None and stop is not None and not level:
            found[(name, start), stop].append(arrow)
    heights = sorted({round(y, 3) for _, y in points.values()})
    chosen = []
    for (source, _), arrows in found.items():
        targets = {arrow.target for arrow in arrows}
        rows = [
            abs(heights.index(round(points[t][1], 3)) - heights.index(round(points[source][1], 3)))
            for t in targets
        ]
        made = any(plan.nodes[t].variable.made for t in targets)
        if max(rows) > (1 if len(targets) > 1 else FAR if made else len(heights)):
            chosen.append(Fan(source, tuple(arrows)))
    return sorted(chosen, key=lambda fan: (_ghosts(plan, fan), -len(fan.arrows)))


def _ghosts(plan: Plan, fan: Fan) -> int:
    """How many ends are ghosts: where others stand at both ends, a way is found that holds for all."""
    return sum(plan.nodes[k].ghost for a in fan.arrows for k in (a.source, a.target))


def is_carried(link: Link) -> bool:
    """Whether a link takes a state to a later (or, for leads, an earlier) step, and no sum of them."""
    return bool(lag_of(link)) and not link.over and not link.via


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
        self.fans = fans(plan, points)
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
        self.points, self.radius = trunks.points, trunks.radius
        self.fan, self.reach = fan, trunks.reach
        self.near = 8.0 + trunks.width
        self.source = self.points[fan.source]
        self.targets = {a: self.points[a.target] for a in fan.arrows}
        places = [self.source, *self.targets.values()]
        self.left, self.right = min(x for x, _ in places), max(x for x, _ in places)
        margin = 2 * self.radius
        inside = (trunks.nodes[:, 0] > self.left - margin) & (
            trunks.nodes[:, 0] < self.right + margin
        )
        self.nodes = trunks.nodes[inside]
        expected = [(self.points[a.source], self.points[a.target]) for a in trunks.others]
        self.lines = self._close(expected)
        self.laid = self._close(trunks.laid)
        self.words = [
            (x - _WORD[1] * self.radius, x - _WORD[0] * self.radius, y + 0.9 * self.radius)
            for key, node in trunks.plan.nodes.items()
            if node.variable.sign and not node.variable.made
            for x, y in [self.points[key]]
            if self.left < x < self.right + margin
        ]
        self.sums: dict[tuple[int, float], tuple[float, Array]] = {}
        self.entering = {
            a.target: [self.points[b.source] for b in trunks.others if b.target == a.target]
            + [self.points[b.target] for b in trunks.others if b.source == a.target]
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

    def best(self) -> dict[Arrow, tuple[Point, ...]]:
        """A way for each arrow; none where every trunk runs through nodes."""
        by_height: dict[float, list[Arrow]] = defaultdict(list)
        for arrow, (_, y) in self.targets.items():
            by_height[round(y, 3)].append(arrow)
        rails = {y: self._rails(arrows) for y, arrows in by_height.items()}
        branches = {}
        for x in self._gutters():
            found = [self._row(x, rails[y], arrows) for y, arrows in by_height.items()]
            if all(price < _HIT for price, _ in found):
                branches[x] = found
        least, ways = _HIT, {}
        for exit_cost, start in self._exits():
            for x, found in branches.items():
                corner = x, start[-1][1]
                cost = exit_cost + sum(price for price, _ in found)
                if cost >= least:
                    continue
                cost += self._level(corner[1], start[-1][0], x)
                tails = {a: tail for _, branch in found for a, tail in branch.items()}
                for end in _ends(corner[1], [tail[0][1] for tail in tails.values()]):
                    if cost < least:
                        cost += self._upright(x, corner[1], end)
                if cost < least:
                    least = cost
                    ways = {a: (*start, corner, *tail) for a, tail in tails.items()}
        return ways

    def _exits(self) -> Iterator[tuple[float, tuple[Point, ...]]]:
        """Out of the source: level, or slanting into the space above or below its row."""
        x, y = self.source
        side = 1 if np.mean([tx for tx, _ in self.targets.values()]) > x else -1
        yield 0.0, ((x, y),)
        for down in (1, -1):
            for height in _HEIGHTS[:4]:
                turn = x + 0.9 * side * self.radius, y + down * height * self.radius
                yield 2.0 + self._cost((x, y), turn), ((x, y), turn)

    def _gutters(self) -> list[float]:
        count = int((self.right - self.left) / (_STEP * self.radius))
        step = _STEP * self.radius
        return [self.left + k * step for k in range(3, count)]

    def _rails(self, arrows: Sequence[Arrow]) -> list[tuple[float, dict[Arrow, Point]]]:
        """Where rails for the targets of one row may run: cost, and each arrow's foot on the rail."""
        y = self.targets[arrows[0]][1]
        found = []
        for down in (1, -1):
            for height in _HEIGHTS:
                cost = 1.5 * abs(height - _RISER) + 0.5 * (down < 0)
                feet = {}
                for arrow in arrows:
                    risers = []
                    for aside in _RISERS:
                        foot = (
                            self.targets[arrow][0] + aside * self.radius,
                            y + down * height * self.radius,
                        )
                        price = self._cost(foot, self.targets[arrow], arrow) + abs(aside)
                        risers.append((price, foot))
                    price, feet[arrow] = min(risers)
                    cost += price
                if cost < _HIT:
                    found.append((cost, feet))
        return found

    def _row(
        self, x: float, rails: Sequence[tuple[float, dict[Arrow, Point]]], arrows: Sequence[Arrow]
    ) -> tuple[float, dict[Arrow, tuple[Point, ...]]]:
        """From a gutter into the targets of one row: cost, and ways from the gutter on."""
        target = self.targets[arrows[0]]
        best: tuple[float, dict[Arrow, tuple[Point, ...]]] = _HIT, {}
        if len({a.target for a in arrows}) == 1:
            for aside in _SLANTS if abs(x - target[0]) > _BRANCH * self.radius else ():
                foot = x, target[1] + aside * self.radius
                price = self._cost(foot, target, arrows[0]) + 0.5 * abs(aside)
                if price < best[0]:
                    best = price, dict.fromkeys(arrows, (foot, target))
        for cost, feet in rails:
            y = next(iter(feet.values()))[1]
            for end in _ends(x, [foot[0] for foot in feet.values()]):
                if cost < best[0]:
                    cost += self._level(y, x, end)
            if cost < best[0]:
                best = cost, {a: ((x, y), foot, self.targets[a]) for a, foot in feet.items()}
        return best

    def _level(self, y: float, start: float, end: float) -> float:
        """What a level piece of a trunk costs."""
        return self._piece(y, start, end, 0)

    def _upright(self, x: float, start: float, end: float) -> float:
        """What an upright piece of a trunk costs."""
        return self._piece(x, start, end, 1)

    def _piece(self, at: float, start: float, end: float, axis: int) -> float:
        key = axis, at
        if key not in self.sums:
            self.sums[key] = self._summed(at, axis)
        low, sums = self.sums[key]
        i, j = (
            min(max(round((p - low) / _GRAIN), 0), len(sums) - 1)
            for p in (min(start, end), max(start, end))
        )
        return float(sums[j] - sums[i]) + abs(end - start) / self.radius

    def _summed(self, at: float, axis: int) -> tuple[float, Array]:
        """What a line along an axis (0: level, 1: upright) costs up to each of its places.

        Answers with the first place, and the costs from there on, a place every few px.
        """
        other = 1 - axis
        known = np.concatenate([self.nodes, np.asarray([self.source, *self.targets.values()])])
        low = float(known[:, axis].min()) - 4 * self.radius
        count = int((known[:, axis].max() + 4 * self.radius - low) / _GRAIN) + 2
        run = low + _GRAIN * np.arange(count)
        cost = np.zeros(count)
        for node in self.nodes[np.abs(self.nodes[:, other] - at) < 2 * self.reach]:
            if np.hypot(*(node - self.source)) < 1:
                continue
            gaps = np.hypot(run - node[axis], at - node[other])
            cost[gaps < self.reach] += _HIT
            room = np.clip(0.8 - (gaps - self.radius) / self.radius, 0, None)
            cost += 1.5 * room * _GRAIN / self.radius
        for left, right, y in self.words:
            if axis == 0 and abs(at - y) < 0.5 * self.radius:
                cost += _CLOSE * ((run > left) & (run < right))
            if axis == 1 and left < at < right:
                cost += _CLOSE * (np.abs(run - y) < 0.5 * self.radius)
        for lines, price in ((self.lines, _CLOSE), (self.laid, _MERGED)):
            cost += self._passed(lines, price, at, run, axis)
        return low, np.concatenate([[0.0], np.cumsum(cost)])

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
        near = (np.abs(across) / size < 0.3) & (
            np.minimum(np.abs(a[:, 1 - axis] - at), np.abs(b[:, 1 - axis] - at)) < 3 * self.near
        )
        if near.any():
            points = np.full((len(run), 2), at)
            points[:, axis] = run
            gaps = _nearest(points, lines[near])
            cost += price * (_GRAIN / 6) * (gaps < self.near)
        return cost

    def _cost(self, a: Point, b: Point, into: Arrow | None = None) -> float:
        """What a straight piece of a trunk costs: its length, what it crosses, what it is close to."""
        start, end = np.asarray(a), np.asarray(b)
        size = float(np.hypot(*(end - start)))
        if size < 1:
            return 0.0
        cost = size / self.radius
        gaps = _distances(self.nodes, start, end)
        own = np.hypot(*(self.nodes - self.source).T) < 1
        if into is not None:
            own |= np.hypot(*(self.nodes - self.targets[into]).T) < 1
        gaps = gaps[~own]
        if len(gaps) and gaps.min() < self.reach:
            return _HIT
        cost += (
            1.5
            * float(np.clip(0.8 * self.radius - (gaps - self.radius), 0, None).sum())
            / (self.radius)
        )
        if into is not None:
            cost += self._turn(into, a, b)
        for lines, price in ((self.lines, _CLOSE), (self.laid, _MERGED)):
            if len(lines):
                cost += _CROSSING * _crossed(lines, start, end)
                cost += price * self._beside(lines, start, end, into)
        return cost

    def _turn(self, arrow: Arrow, a: Point, b: Point) -> float:
        """How much too close to another arrow of the same node one arrives."""
        cost = 0.0
        angle = np.degrees(np.arctan2(a[1] - b[1], a[0] - b[0]))
        for other in self.entering[arrow.target]:
            towards = np.degrees(np.arctan2(other[1] - b[1], other[0] - b[0]))
            apart = abs((angle - towards + 180) % 360 - 180)
            cost += 8 * max(0.0, 1 - apart / _STEEP)
        return cost

    def _beside(self, lines: Array, start: Array, end: Array, into: Arrow | None) -> float:
        """How many places 6 px apart along a piece lie beside parallel lines."""
        along = (end - start) / np.hypot(*(end - start))
        ways = lines[:, 1] - lines[:, 0]
        sizes = np.maximum(np.hypot(*ways.T), 1e-9)
        parallel = np.abs(ways[:, 0] * along[1] - ways[:, 1] * along[0]) / sizes < 0.3
        lines = lines[parallel]
        if not len(lines):
            return 0.0
        size = float(np.hypot(*(end - start)))
        places = start + np.arange(3.0, size, 6.0)[:, None] * along
        if into is not None:
            keep = np.hypot(*(places - self.targets[into]).T) > 1.2 * self.radius
            places = places[keep]
        if not len(places):
            return 0.0
        gaps = _nearest(places, lines)
        return float((gaps < self.near).sum())


def _ends(start: float, places: Sequence[float]) -> list[float]:
    """How far a line from a start reaches to pass all places: to one side of it, or to both."""
    low, high = min(places), max(places)
    return [low] * (low < start) + [high] * (high > start)


def _nearest(places: Array, lines: Array) -> Array:
    """From each place to the nearest of some segments, (n, 2, 2)."""
    ways = lines[:, 1] - lines[:, 0]
    from_start = places[:, None] - lines[None, :, 0]
    squares = np.maximum((ways**2).sum(axis=1), 1e-9)
    share = np.clip((from_start * ways).sum(axis=2) / squares, 0, 1)
    gaps = np.hypot(*np.moveaxis(from_start - share[..., None] * ways, -1, 0))
    return np.asarray(gaps.min(axis=1))


def _distances(places: Array, a: Array, b: Array) -> Array:
    """From each place to the segment from a to b."""
    way = b - a
    square = max(float(way @ way), 1e-9)
    share = np.clip((places - a) @ way / square, 0, 1)
    return np.asarray(np.hypot(*(places - a - share[:, None] * way).T))


def _crossed(lines: Array, a: Array, b: Array) -> int:
    """How many of the lines a segment crosses."""
    way = b - a
    ways = lines[:, 1] - lines[:, 0]

    def side(way: Array, places: Array) -> Array:
        return np.asarray(way[..., 0] * places[..., 1] - way[..., 1] * places[..., 0])

    here = side(way, lines[:, 0] - a) * side(way, lines[:, 1] - a) < -1e-6
    there = side(ways, a - lines[:, 0]) * side(ways, b - lines[:, 0]) < -1e-6
    return int((here & there).sum())


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
