"""Fans: arrows of one state to variables of another step, several rows away, for which trunks are drawn."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from unroll.drawing.columns import lag_of
from unroll.drawing.gutters import FAR
from unroll.drawing.scene import Point
from unroll.drawing.unfolding import Arrow, Key, Plan
from unroll.graph.folded import Link


@dataclass(frozen=True, slots=True)
class Fan:
    """Arrows from one node to nodes of another column, at other heights."""

    source: Key
    arrows: tuple[Arrow, ...]


def fans_of(plan: Plan, points: dict[Key, Point]) -> list[Fan]:
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
