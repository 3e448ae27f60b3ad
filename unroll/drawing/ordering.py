"""Order and offsets inside a slice: few crossings, and everybody near what it needs.

The layered method of Sugiyama, Tagawa & Toda (1981): a link over several rows keeps a place in
each of them, rows are ordered by the barycentres of their neighbours, and offsets are as close to
what is linked below as the order and the least distances allow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations, pairwise

import networkx as nx

SPREAD = 2.9  # between neighbours of one row, in node radii
_PASSING = 1.7  # between a node and a link that passes its row
_WRITTEN = 2.4  # more, where a word stands between two nodes
_SWEEPS = 6
Name = str | tuple[str, str, int]  # a variable, or the place of a link in a row that it passes
Levels = list[list[Name]]
Near = Mapping[Name, Sequence[Name]]  # what is linked to each


def untangled(
    levels: Sequence[Sequence[str]], inner: nx.DiGraph, before: Mapping[str, str]
) -> tuple[Levels, nx.DiGraph]:
    """Rows (bottom to top) with places for the links that pass them, in an order of few crossings.

    inner: the links within a step; before: variables that stand just left of another one.
    Answers with the links cut at the rows, too.
    """
    rows, cut = _with_places(levels, inner)
    best, least = rows, _crossings(rows, cut)
    for sweep in range(_SWEEPS):
        if not least:
            break
        upwards = sweep % 2 == 0
        rows = _swept(rows, cut.pred if upwards else cut.succ, before, upwards)
        count = _crossings(rows, cut)
        if count < least:
            best, least = rows, count
    return best, cut


def upwards(
    rows: Levels, near: Near, lanes: Mapping[str, str], wide: Collection[str] = ()
) -> dict[Name, float]:
    """Row by row, as close to what is linked and stands below as the order allows."""
    found: dict[Name, float] = {}
    for names in rows:
        wishes = {}
        for name in names:
            placed = [found[other] for other in near.get(name, ()) if other in found]
            if placed and name not in lanes:
                wishes[name] = sum(placed) / len(placed)
        found.update(offsets(names, wishes, wide))
    return found


def straightened(
    rows: Levels,
    near: Near,
    lanes: Mapping[str, str],
    wide: Collection[str],
    start: Mapping[Name, float],
) -> dict[Name, float]:
    """Offsets once more from the top down, so that chains stand upright.

    What leads to one other thing, and alone does so, goes right below it; what is at the bottom goes
    below the middle of all that needs it; everything else stays, as far as these leave it. Of what
    passes rows only that moves which starts at the bottom.
    """
    level = {name: i for i, names in enumerate(rows) for name in names}
    found = dict(start)

    def starts(name: Name) -> bool:
        """Whether it is no place of a link, or one of a link from what needs nothing."""
        ends = (name,) if isinstance(name, str) else name[:2]
        low = min(ends, key=lambda n: level[n])
        return isinstance(name, str) or all(level[o] >= level[low] for o in near[low] if o in level)

    for i, names in reversed(list(enumerate(rows))):
        wishes = {}
        for name in names:
            linked = [o for o in near.get(name, ()) if o in level]
            above = [o for o in linked if level[o] > i]
            beside = [o for a in above for o in near[a] if o in level and level[o] < level[a]]
            chained = len(above) == len(beside) == 1 and above[0] not in lanes
            rooted = len(above) == len(linked) > 1
            wishes[name] = found[name]
            if (chained and all(map(starts, (name, *above)))) or (
                rooted and all(isinstance(n, str) for n in above)
            ):
                wishes[name] = sum(found[o] for o in above) / len(above)
        found.update(offsets(names, {n: x for n, x in wishes.items() if n not in lanes}, wide))
    return found


def offsets(
    names: Sequence[Name], wishes: Mapping[Name, float], wide: Collection[str] = ()
) -> dict[Name, float]:
    """Places along a row, in this order: as close to the wishes as the least distances allow.

    Least squares, by pooling neighbours that would come too close to each other. wide: names with
    something written on their left.
    """
    reach = [0.0]
    for a, b in pairwise(names):
        reach.append(reach[-1] + _least(a, b) + _WRITTEN * (b in wide))
    pools: list[tuple[float, int, int]] = []  # sum of wishes, how many wish, how many there are
    for name, at in zip(names, reach):
        pools.append((wishes[name] - at, 1, 1) if name in wishes else (0.0, 0, 1))
        while len(pools) > 1 and _too_close(pools[-2], pools[-1]):
            last, before = pools.pop(), pools.pop()
            pools.append((before[0] + last[0], before[1] + last[1], before[2] + last[2]))
    shifts = [
        total / max(wishing, 1) if wishing else -reach[-1] / 2
        for total, wishing, size in pools
        for _ in range(size)
    ]
    return {name: at + shift for name, at, shift in zip(names, reach, shifts)}


def _too_close(left: tuple[float, int, int], right: tuple[float, int, int]) -> bool:
    """Who has no wish goes with its neighbour."""
    return not (left[1] and right[1]) or left[0] / left[1] >= right[0] / right[1]


def _least(a: Name, b: Name) -> float:
    return SPREAD if isinstance(a, str) and isinstance(b, str) else _PASSING


def _with_places(levels: Sequence[Sequence[str]], inner: nx.DiGraph) -> tuple[Levels, nx.DiGraph]:
    row = {name: i for i, names in enumerate(levels) for name in names}
    rows: Levels = [list(names) for names in levels]
    cut = nx.DiGraph()
    for source, target in inner.edges:
        if row[source] == row[target]:
            continue
        low, high = sorted((row[source], row[target]))
        down = row[source] > row[target]
        places: list[Name] = [(source, target, i) for i in range(low + 1, high)]
        for i, place in zip(range(low + 1, high), places):
            rows[i].append(place)
        ends: tuple[Name, Name] = (target, source) if down else (source, target)
        nx.add_path(cut, (ends[0], *places, ends[1]))
    return rows, cut


def _swept(
    rows: Levels, linked: Mapping[Name, Iterable[Name]], before: Mapping[str, str], upwards: bool
) -> Levels:
    """Every row sorted by the mean place of its neighbours in the row visited before."""
    found = [list(names) for names in rows]
    at: dict[Name, float] = {}
    for i in range(len(rows)) if upwards else reversed(range(len(rows))):
        middle = {n: k - (len(found[i]) - 1) / 2 for k, n in enumerate(found[i])}
        for name in found[i]:
            near = [at[o] for o in linked.get(name, ()) if o in at]
            at[name] = sum(near) / len(near) if near else middle[name]
        for name, other in before.items():
            if name in middle and other in middle:
                at[name] = at[other] - 1e-6
        found[i].sort(key=lambda n: at[n])
        at.update({n: k - (len(found[i]) - 1) / 2 for k, n in enumerate(found[i])})
    return found


def _crossings(rows: Levels, cut: nx.DiGraph) -> int:
    at = {name: k for names in rows for k, name in enumerate(names)}
    count = 0
    for names in rows:
        lines = [(at[n], at[m]) for n in names if n in cut for m in cut.succ[n]]
        count += sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(lines, 2))
    return count
