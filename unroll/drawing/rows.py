"""Rows: which variable stands in which row of a slice, and how far from the slice's spine.

Rows follow the longest path over the links within a step, inputs at the bottom. A variable that
reaches itself (or a neighbour in its row) across steps gets a row of its own, so that its lane
runs straight. An operation stands just below the first one that needs it, or, where it takes a
state from the step before straight to that state, in its lane. An input that feeds losses only stands above them; beside what else they need,
where they are sums over all steps.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import networkx as nx

from unroll.drawing.columns import lag_of
from unroll.drawing.gutters import fanned, named, pitch, raised
from unroll.drawing.ordering import Levels, Name, straightened, untangled, upwards
from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph, Variable

_LIFT = 0.36  # between rows where labels stand at the branches of a trunk, in pitches of rows


@dataclass(frozen=True, slots=True)
class Rows:
    """Row (0 is the bottom) and offset from the spine (in node radii) of each variable.

    single: variables without an axis, each in a row of its own below or above all others; stands:
    those of them that stand beside a part of the columns, its number and -1 (left) or 1 (right).
    pitch: of the columns at least, in node radii; own: offsets of single nodes, by variable and
    column, where columns differ; raised: what stands a little farther above the row below; bank: parameters that
    stand side by side in the lowest rows (see `unroll.drawing.banks`), offset in pitches of the bank.
    """

    row: dict[str, int]
    offset: dict[str, float]
    single: frozenset[str]
    stands: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    pitch: float = 0.0
    own: Mapping[tuple[str, int | None], float] = field(default_factory=dict)
    raised: frozenset[str] = frozenset()
    bank: tuple[str, ...] = ()

    def height(self, name: str) -> float:
        """How high a variable stands, in pitches of rows."""
        low = {self.row[n] for n in self.raised if self.row[n] <= self.row[name]}
        return self.row[name] + _LIFT * len(low - {0})

    def offset_at(self, key: tuple[str, int | None]) -> float:
        """The offset of a node, by variable and column."""
        return self.own.get(key, self.offset[key[0]])

    @property
    def count(self) -> int:
        return 1 + max(self.row.values(), default=0)


def arrange(graph: FoldedGraph, given: Sequence[str] = ()) -> Rows:
    """Rows of a folded graph; `given` names them top to bottom, each with one or more names.

    Raises UnrollError where a name stands in two rows.
    """
    between = bridges(graph)
    moving = [v for v in graph.variables if v.ranges or v.name in between]
    single = [v for v in graph.variables if v not in moving]
    inner = within_step(graph, [v.name for v in moving])
    lanes: dict[str, str] = {}
    if given:
        levels: Levels = [list(names) for names in _given(graph, moving, given)]
    else:
        lanes = _carriers(graph, inner)
        levels, inner = untangled(_found(graph, moving, inner, lanes), inner, lanes)
    below, above = _singles(graph, single)
    ordered = [*_alone(below), *levels, *_alone(above)]
    row = {n: i for i, names in enumerate(ordered) for n in names if isinstance(n, str)}
    fans = fanned(graph, row)
    near, wide = _neighbours(graph, inner), named(graph, fans)
    offset = upwards(ordered, near, lanes, wide)
    if any(v.made for v in moving):
        offset = straightened(ordered, near, lanes, wide, offset)
    shown = {n: x for n, x in offset.items() if isinstance(n, str)}
    return Rows(
        row,
        shown,
        frozenset(v.name for v in single),
        pitch=pitch(fans, row, shown, wide),
        raised=raised(graph, fans, row),
    )


def names_in(rows: Sequence[str]) -> list[str]:
    """The names in rows such as `["L", "y, o", "h"]`; a lane's own commas stay: `M[*,1]`."""
    return [name for row in rows for name in re.split(r"[\s,]+(?![^\[]*\])", row) if name]


def within_step(graph: FoldedGraph, names: Sequence[str]) -> nx.DiGraph:
    """The links that stay inside one step, between these variables."""
    chosen = set(names)
    inner = nx.DiGraph()
    inner.add_nodes_from(names)
    for link in graph.links:
        if (
            lag_of(link) == 0
            and {link.source, link.target} <= chosen
            and link.source != link.target
        ):
            inner.add_edge(link.source, link.target)
    for link in graph.links:  # a sum over steps, and one step of another axis: where that fits
        within = {link.source, link.target} <= chosen and lag_of(link) is None and not link.via
        if within and link.source not in nx.descendants(inner, link.target) | {link.target}:
            inner.add_edge(link.source, link.target)
    return inner


def bridges(graph: FoldedGraph) -> frozenset[str]:
    """Variables without an axis that lead from one length to another, as a context does."""
    lengths = {a.name: a.length for a in graph.axes}
    moving = {v.name: lengths.get(v.axes[0]) for v in graph.variables if v.ranges and v.axes}
    if len(set(moving.values())) < 2:
        return frozenset()
    reached = nx.DiGraph((link.source, link.target) for link in graph.links)
    found = set()
    for variable in graph.variables:
        if not variable.ranges and variable.name in reached:
            before = {moving.get(n) for n in nx.ancestors(reached, variable.name)} - {None}
            after = {moving.get(n) for n in nx.descendants(reached, variable.name)} - {None}
            if before and after - before:
                found.add(variable.name)
    return frozenset(found)


def _found(
    graph: FoldedGraph, variables: Sequence[Variable], inner: nx.DiGraph, lanes: Mapping[str, str]
) -> list[list[str]]:
    names = [v.name for v in variables]
    inputs = {v.name for v in variables if v.role == "input"}
    losses = {v.name for v in graph.variables if v.role == "loss"}
    rank = _longest_path(inner, {n: int(n not in inputs) for n in names})
    for name in inputs:
        users = list(inner.successors(name))
        if users and set(users) <= losses:
            on_top = not any(link.source in users for link in graph.links)
            rank[name] = max(rank[u] for u in users) + (1 if on_top else -1)
        elif total := _totals(graph, name) & losses:
            rank[name] = _beside(graph, rank, inputs, total)
        else:
            rank[name] = 0
    for name in reversed(list(nx.topological_sort(inner))):
        users = [rank[u] for u in inner.successors(name)]
        if users and _is_operation(graph, name):
            rank[name] = min(users) - (name not in lanes)
    late = {k.target for k in graph.links if lag_of(k) and _is_operation(graph, k.target)}
    names.sort(key=lambda n: n not in late)  # what comes from the left stands on the left
    return _split(graph, names, rank, lanes)


def _is_operation(graph: FoldedGraph, name: str) -> bool:
    """Whether a node stands for a step of a calculation, and for no variable of the text."""
    return bool(graph.nodes[name]["variable"].made)


def _carriers(graph: FoldedGraph, inner: nx.DiGraph) -> dict[str, str]:
    """Operations that take a state from the step before straight to that state."""
    return {
        link.target: link.source
        for link in graph.links
        if lag_of(link) == 1
        and not link.factors
        and _is_operation(graph, link.target)
        and list(inner.succ[link.target]) == [link.source]
    }


def _totals(graph: FoldedGraph, name: str) -> set[str]:
    """Variables without an axis, if only such need this one."""
    users = {link.target for link in graph.links if link.source == name}
    return users if users <= {v.name for v in graph.variables if not v.ranges} else set()


def _beside(graph: FoldedGraph, rank: dict[str, int], inputs: set[str], totals: set[str]) -> int:
    """The row of the highest variable that a total needs; above it, where a lane runs there."""
    needed = {k.source for k in graph.links if k.target in totals} & set(rank) - inputs
    top = max((rank[n] for n in needed), default=0)
    row = [n for n, r in rank.items() if r == top and n not in inputs]
    return top + any(_is_lane(graph, n, row) for n in row)


def _longest_path(inner: nx.DiGraph, least: dict[str, int]) -> dict[str, int]:
    rank: dict[str, int] = {}
    for name in nx.topological_sort(inner):
        rank[name] = max([least[name], *(rank[s] + 1 for s in inner.predecessors(name))])
    return rank


def _split(
    graph: FoldedGraph, names: Sequence[str], rank: dict[str, int], lanes: Mapping[str, str]
) -> list[list[str]]:
    """Names by rank, each lane in a row of its own."""
    levels: list[list[str]] = []
    for value in sorted(set(rank.values())):
        row = [n for n in names if rank[n] == value and n not in lanes]
        carriers = {s: [n for n in names if lanes.get(n) == s] for s in row}
        alone = [n for n in row if carriers[n] or (len(row) > 1 and _is_lane(graph, n, row))]
        rest = [n for n in row if n not in alone]
        levels += [[*carriers[n], n] for n in alone]
        if rest:
            levels.append(rest)
    return levels


def _is_lane(graph: FoldedGraph, name: str, row: Sequence[str]) -> bool:
    return any(
        lag_of(link)
        and name in (link.source, link.target)
        and {link.source, link.target} <= set(row)
        for link in graph.links
    )


def _given(
    graph: FoldedGraph, variables: Sequence[Variable], given: Sequence[str]
) -> list[list[str]]:
    """The rows as named. Of those left out, an input joins the row below its first user on the
    left, any other variable stands just above what it needs."""
    levels = [names_in([row]) for row in reversed(given)]
    named = [n for row in levels for n in row]
    twice = sorted({n for n in named if named.count(n) > 1})
    if twice:
        raise UnrollError(f"{twice[0]!r} stands in two rows", remedy="Name each variable once.")
    names = [v.name for v in variables]
    place = {n: float(i) for i, row in enumerate(levels) for n in row}
    inner = within_step(graph, names)
    joining = []
    for name in nx.topological_sort(inner):
        users = [place[s] for s in inner.successors(name) if s in place]
        if name not in place and not inner.pred[name] and users:
            place[name] = max(min(users) - 1, 0.0)
            joining.append(name)
        elif name not in place:
            before = [place[s] for s in inner.predecessors(name) if s in place]
            low = max(before, default=min(users, default=0.0) - 1)
            place[name] = (low + min((a for a in users if a > low), default=low + 1)) / 2
    ordered = joining + [n for n in named if n in names]
    ordered += [n for n in names if n not in ordered]
    return [[n for n in ordered if place[n] == at] for at in sorted({place[n] for n in names})]


def _singles(graph: FoldedGraph, single: Sequence[Variable]) -> tuple[list[str], list[str]]:
    """Variables without an axis: those that steps need go below, the others above."""
    names = [v.name for v in single]
    needed = {link.source for link in graph.links if link.source in names}
    reached = nx.DiGraph((link.source, link.target) for link in graph.links)
    moving = {v.name for v in graph.variables if v.ranges}
    below = [n for n in names if n in needed and nx.descendants(reached, n) & moving]
    order = _longest_path(
        nx.DiGraph(
            [
                (link.source, link.target)
                for link in graph.links
                if {link.source, link.target} <= set(names)
            ]
            + [(n, n + "\0") for n in names]
        ),
        {n: 0 for name in names for n in (name, name + "\0")},
    )
    for variable in single:  # a target stands above its loss, as it does at every step
        users = {link.target for link in graph.links if link.source == variable.name}
        final = users <= set(names) and not users & needed
        if variable.role == "input" and users and final:
            order[variable.name] = 1 + max(order[user] for user in users)
    below.sort(key=lambda n: (order[n], names.index(n)))
    above = sorted((n for n in names if n not in below), key=lambda n: (order[n], names.index(n)))
    return below, above


def _alone(names: Sequence[str]) -> Levels:
    return [[name] for name in names]


def _neighbours(graph: FoldedGraph, inner: nx.DiGraph) -> dict[Name, list[Name]]:
    """What is linked to each variable within a step, or over all of them."""
    pairs: list[tuple[Name, Name]] = list(inner.edges)
    pairs += [(link.source, link.target) for link in graph.links if lag_of(link) is None]
    near: dict[Name, list[Name]] = defaultdict(list)
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
    return near
