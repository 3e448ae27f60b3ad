"""Routes: how each arrow gets from node to node without passing through others.

A straight line where nothing is in its way, a loop for a variable that needs itself, a rail along
its row for what has no axis; else the cheapest of many curves. Equal surroundings give equal
routes, so that a route is searched once for all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import atan2, hypot, pi, radians

import numpy as np

from unroll.drawing.columns import follows, lag_of
from unroll.drawing.costs import CLEARANCE, HOPELESS, line_cost, node_cost, sample_all, shape_cost
from unroll.drawing.detours import detour
from unroll.drawing.geometry import (
    ARROW_GAP,
    Array,
    Curve,
    length,
    moved,
    polar,
    reverse,
    rounded,
    sample,
    straight,
)
from unroll.drawing.lanes import Lane
from unroll.drawing.rails import APART, Rail, candidates
from unroll.drawing.scene import Point
from unroll.drawing.space import Space
from unroll.drawing.taps import Taps
from unroll.drawing.trunks import Trunks
from unroll.drawing.unfolding import Arrow, Key, Plan
from unroll.graph.folded import Link
from unroll.symbolic.trees import LEFT

SQUARE = 0.42  # side of a delay, in node radii
_TURNS = tuple(radians(d) for d in range(-120, 121, 15))
_BUS = 1.5  # between cells and what feeds them all, in node radii
_PULLS = (0.25, 0.4, 0.6, 0.85, 1.15)


def route(
    plan: Plan,
    points: dict[Key, Point],
    radius: float,
    *,
    folded: bool,
    width: float = 0.0,
    bank: Sequence[str] = (),
) -> tuple[dict[Arrow, Curve], int]:
    """A curve from centre to centre for each arrow (loops and curves start at the circles).

    And how many arrows found no way that is free of nodes. width: between the outer ones of the
    lines that an arrow is drawn as, px; bank: the parameters that stand in one (see
    `unroll.drawing.banks`).
    """
    space = Space(radius)
    for key in plan.nodes:
        space.add_node(points[key])
    router = _Router(plan, points, radius, folded, width, space)
    if not folded and not width:  # two strands side by side on one trunk could not be told apart
        for arrow, way in router.trunks().items():
            router.accept(arrow, way)
    tapped = [a for a in plan.arrows if a.source[0] in bank and a.target[0] not in bank]
    ways = (router.directly, router.loop, router.arc, router.bus, router.rail, router.around)
    for attempt in ways:
        waiting = [a for a in plan.arrows if a not in router.routes and a not in tapped]
        if attempt == router.around:  # short ones first: long ones go around them
            waiting.sort(key=router.span)
        for arrow in waiting:
            if (curve := attempt(arrow)) is not None:
                router.accept(arrow, curve)
    if tapped:  # last: they find their way between all others
        for arrow, way in router.taps(tapped).items():
            router.accept(arrow, way)
    return router.routes, router.blocked


class _Router:
    """What is routed so far: the state of one call of `route`."""

    def __init__(
        self,
        plan: Plan,
        points: dict[Key, Point],
        radius: float,
        folded: bool,
        width: float,
        space: Space,
    ) -> None:
        self.plan, self.points, self.radius, self.folded = plan, points, radius, folded
        self.width, self.space = width, space
        self.clearance = CLEARANCE + width / 2
        self.routes: dict[Arrow, Curve] = {}
        self.pairs: set[frozenset[Key]] = set()
        self.loops: dict[tuple[Key, int], int] = {}
        self.risers: list[Rail] = []
        self.blocked = 0
        self.known: dict[tuple[Link, float, float], Curve] = {}

    def trunks(self) -> dict[Arrow, Curve]:
        """The ways of states that several variables of another step need."""
        trunks = Trunks(
            self.plan, self.points, self.radius, self.clearance, self.width, self._clear
        )
        return trunks.route()

    def taps(self, arrows: Sequence[Arrow]) -> dict[Arrow, Curve]:
        """The ways from a bank of parameters."""
        keys = {arrow.source for arrow in arrows}
        taps = Taps(self.points, keys, self.routes, self.radius, self.clearance)
        found = taps.route(arrows)
        self.blocked += len(arrows) - len(found)
        return found | {
            a: straight(self.points[a.source], self.points[a.target])
            for a in arrows
            if a not in found
        }

    def accept(self, arrow: Arrow, curve: Curve) -> None:
        self.routes[arrow] = curve
        self.pairs.add(frozenset((arrow.source, arrow.target)))
        self.space.add_curve(curve)

    def span(self, arrow: Arrow) -> float:
        """How far apart the ends are, px."""
        a, b = self.points[arrow.source], self.points[arrow.target]
        return round(hypot(b[0] - a[0], b[1] - a[1]), 3)

    def directly(self, arrow: Arrow) -> Curve | None:
        """A straight line, where the way is free and no other arrow has it."""
        ends = frozenset((arrow.source, arrow.target))
        if len(ends) == 1 or ends in self.pairs or self._on_rail(arrow):
            return None
        line = straight(self.points[arrow.source], self.points[arrow.target])
        return line if self._clear(line, arrow) else None

    def loop(self, arrow: Arrow) -> Curve | None:
        """From a node to itself, each further loop around the one before."""
        if arrow.source != arrow.target:
            return None
        # a tree's left children loop on the left, so that the circuit shows both sides
        sides = (-1, 1) if arrow.link.via == LEFT else (1, -1)
        if len(arrow.link.to) > 1 and self._loops(arrow, 1) > self._loops(arrow, -1):
            sides = (-1, 1)  # of several axes to wait along, every other one has the left side
        place = arrow.source, sides[0]
        count = self.loops.get(place, 0)
        self.loops[place] = count + 1
        center, r = self.points[arrow.source], self.radius
        for side in sides:
            reach = (2.2 + 1.6 * count) * r + (0.5 + 2.5 * count) * self.width
            curve = _loop(center, r, reach, radians(40 + 14 * count), side)
            if self._clear(curve, arrow):
                return curve
        self.blocked += 1
        return curve

    def _loops(self, arrow: Arrow, side: int) -> int:
        return self.loops.get((arrow.source, side), 0)

    def arc(self, arrow: Arrow) -> Curve | None:
        """Above the row, the higher the farther apart: what is read of all that came before."""
        a, b = self.points[arrow.source], self.points[arrow.target]
        if not arrow.link.over or abs(a[1] - b[1]) > 1 or abs(a[0] - b[0]) < 1:
            return None
        curve = _arc(a, b, self.radius)
        return curve if self._clear(curve, arrow) else None

    def bus(self, arrow: Arrow) -> Curve | None:
        """Beside the cells of a column (above those of a row), which one variable feeds them all."""
        if not isinstance(self.plan.nodes[arrow.target].variable, Lane):
            return None
        across = arrow.source[1] is None
        if across and not isinstance(self.plan.nodes[arrow.source].variable, Lane):
            return None
        (ax, ay), (bx, by) = self.points[arrow.source], self.points[arrow.target]
        if abs(ay - by if across else ax - bx) > 1:
            return None
        near, aside = 1.3 * self.radius, _BUS * self.radius
        if across:
            step = near if ax < bx else -near
            points = ((ax, ay), (ax + step, ay - aside), (bx - step, by - aside), (bx, by))
        else:
            step = near if ay < by else -near
            points = ((ax, ay), (ax + aside, ay + step), (bx + aside, by - step), (bx, by))
        curve = rounded(points, 0.8 * self.radius)
        return curve if self._clear(curve, arrow) else None

    def rail(self, arrow: Arrow) -> Curve | None:
        """Beside the column, in the first lane that is free, then along the row of the single."""
        if not self._on_rail(arrow):
            return None
        outward = arrow.source[1] is None
        single, moving = (arrow.source, arrow.target) if outward else (arrow.target, arrow.source)
        end, start = self.points[single], self.points[moving]
        best: Rail | None = None
        for found in candidates(start, end, self._level(single, outward), self.radius):
            best = best or found
            if self._clear(found.riser, arrow) and found.is_apart(self.risers, self.radius):
                best = found
                break
        else:
            self.blocked += 1
        assert best is not None
        self.risers.append(best)
        return reverse(best.curve) if outward else best.curve

    def _level(self, single: Key, outward: bool) -> float:
        """How much lower a rail runs than its single stands, where another runs the other way."""
        y = self.points[single][1]
        ways = {a.source == single for a in self.plan.arrows if self._on_rail(a, single)}
        if len(ways) < 2:
            return 0.0
        below = all(self.points[key][1] <= y for key in self.plan.nodes)
        return self.radius * (-APART if outward == below else APART)

    def around(self, arrow: Arrow) -> Curve | None:
        """The cheapest curve among those that leave and arrive at all kinds of angles."""
        a, b = self.points[arrow.source], self.points[arrow.target]
        shape = (arrow.link, round(b[0] - a[0], 1), round(b[1] - a[1], 1))
        known = self.known.get(shape)
        if known is not None and self._clear(curve := moved(known, *a), arrow):
            return curve
        curve = self._cheapest(arrow, a, b)
        self.known[shape] = moved(curve, -a[0], -a[1])
        return curve

    def _cheapest(self, arrow: Arrow, a: Point, b: Point) -> Curve:
        r, distance = self.radius, hypot(b[0] - a[0], b[1] - a[1])
        heading = atan2(a[1] - b[1], b[0] - a[0])
        curves, bends = [], []
        for out in _TURNS:
            for back in _TURNS:
                for pull in _PULLS:
                    leave, arrive = heading + out, heading + pi + back
                    reach = pull * distance
                    curves.append(
                        (
                            polar(a, r, leave),
                            polar(a, r + reach, leave),
                            polar(b, r + ARROW_GAP + reach, arrive),
                            polar(b, r + ARROW_GAP, arrive),
                        )
                    )
                    bends.append(abs(out + back))
        grid = sample_all(np.asarray(curves))
        nodes, lines = self._around(a, b)
        cost = 0.8 * np.asarray(bends) + self._side_cost(arrow, a, b, grid.mean(axis=1))
        cost += shape_cost(grid, r) + node_cost(grid, nodes, np.asarray((a, b)), r, self.clearance)
        promising = np.argsort(cost, kind="stable")[:150]
        delayed = self.folded and _is_delayed(arrow.link)
        near = 8.0 + self.width
        apart = 1.5 * r + 2 * self.width if delayed else near
        cost[promising] += line_cost(grid[promising], lines, near, apart)
        ordered = promising[np.argsort(cost[promising], kind="stable")]
        for i in ordered[cost[ordered] < HOPELESS]:
            if self._clear((curves[i],), arrow):
                return (curves[i],)
        around = detour(a, b, self._around(a, b)[0], r, self.clearance)
        if around is None or not self._clear(around, arrow):
            self.blocked += 1
        return around or (curves[ordered[0]],)

    def _around(self, a: Point, b: Point) -> tuple[Array, Array]:
        """Nodes other than the ends, and points of lines, near the way from a to b."""
        reach = 3 * self.radius
        left, right = min(a[0], b[0]) - reach, max(a[0], b[0]) + reach
        found = []
        for points in (self.space.nodes_near(left, right), self.space.points_near(left, right)):
            inside = (points[:, 1] > min(a[1], b[1]) - reach) & (
                points[:, 1] < max(a[1], b[1]) + reach
            )
            found.append(points[inside])
        nodes, lines = found
        for end in (a, b):
            nodes = nodes[np.hypot(*(nodes - end).T) > 1]
        return nodes, lines[::2]

    def _side_cost(self, arrow: Arrow, a: Point, b: Point, mean: Array) -> Array:
        """Penalty for curves (their mean points) on the side where they are not expected.

        Delays of the circuit bulge to the right (those of left children to the left), other bends to the left or upwards.
        """
        sign = -1.0 if self.folded and _is_delayed(arrow.link) else 1.0
        sign = -sign if arrow.link.via == LEFT else sign
        middle = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        if abs(b[0] - a[0]) < abs(b[1] - a[1]):
            return np.asarray(np.where(sign * (mean[:, 0] - middle[0]) > 0, 2.0, 0.0))
        return np.asarray(np.where(mean[:, 1] > middle[1], 1.0, 0.0))

    def _on_rail(self, arrow: Arrow, single: Key | None = None) -> bool:
        """Whether one end has no axis, and the other has one; the single, if it is named."""
        ends = [key for key in (arrow.source, arrow.target) if key[1] is None]
        return len(ends) == 1 and single in (None, ends[0])

    def _clear(self, curve: Curve, arrow: Arrow) -> bool:
        points = sample(curve, max(25, int(length(curve) / 6 / len(curve))))
        nodes = self.space.nodes_near(points[:, 0].min() - 60, points[:, 0].max() + 60)
        for end in (self.points[arrow.source], self.points[arrow.target]):
            nodes = nodes[np.hypot(*(nodes - end).T) > 1]
        if not len(nodes):
            return True
        gaps = np.hypot(*np.moveaxis(points[:, None] - nodes[None], -1, 0))
        return float(gaps.min()) >= self.radius + self.clearance


def _is_delayed(link: Link) -> bool:
    return bool(lag_of(link) or link.via) or follows(link)


def _arc(a: Point, b: Point, radius: float) -> Curve:
    """From node to node over those between, the steeper the farther."""
    distance = abs(b[0] - a[0])
    angle = radians(90 - 420 * radius / distance)
    leave, arrive = (angle, pi - angle) if a[0] < b[0] else (pi - angle, angle)
    reach = 0.36 * distance - 0.6 * radius
    return (
        (
            polar(a, radius, leave),
            polar(a, radius + reach, leave),
            polar(b, radius + ARROW_GAP + reach, arrive),
            polar(b, radius + ARROW_GAP, arrive),
        ),
    )


def _loop(center: Point, radius: float, reach: float, angle: float, side: int) -> Curve:
    """Out at +angle, vertical where it is farthest from the node, back at -angle."""
    x, y = center
    rise = radius * (0.95 + 0.5 * (reach / radius - 2.2))
    pull = 0.62 * (reach - radius * float(np.cos(angle)))

    def mirrored(p: Point) -> Point:
        return x + side * (p[0] - x), p[1]

    out = polar(center, radius, angle)
    back = polar(center, radius + ARROW_GAP, -angle)
    far = (x + reach, y)
    ahead = (out[0] + pull * 0.72, out[1] - pull * 0.42)
    behind = (back[0] + pull * 0.72, back[1] + pull * 0.42)
    upper = (out, ahead, (far[0], y - rise * 0.72), far)
    lower = (far, (far[0], y + rise * 0.72), behind, back)
    first = tuple(mirrored(p) for p in upper)
    second = tuple(mirrored(p) for p in lower)
    return (
        (first[0], first[1], first[2], first[3]),
        (second[0], second[1], second[2], second[3]),
    )
