"""What an unfolded picture shows: nodes and arrows of the columns, not yet placed.

In-arrows of a shown step are complete. What is left out gets arrows from the last shown step only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from unroll.drawing.columns import Column, Timeline
from unroll.graph.folded import FoldedGraph, Link, Variable
from unroll.symbolic.expressions import Index

Key = tuple[str, int | None]  # variable and column; None in the folded view and without an axis


@dataclass(frozen=True, slots=True)
class Node:
    """A variable at a step. index: None without an axis; ghost: dashed, standing for others."""

    key: Key
    variable: Variable
    index: Index | None
    ghost: bool = False
    elided: bool = False

    @property
    def name(self) -> str:
        return self.variable.name

    @property
    def index_text(self) -> str | None:
        return "..." if self.elided else None if self.index is None else str(self.index)

    @property
    def reference(self) -> str:
        """As the machine-readable attributes name it: `h[t-1]`, `h[...]`, `C`."""
        return self.name if self.index_text is None else f"{self.name}[{self.index_text}]"


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge between two nodes, for a link. dashed: an end of it is left out."""

    link: Link
    source: Key
    target: Key
    dashed: bool = False


@dataclass(frozen=True)
class Plan:
    """Nodes by key, and arrows in the order of the links, each from left to right."""

    nodes: dict[Key, Node]
    arrows: tuple[Arrow, ...]

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The links that the arrows stand for."""
        return tuple(dict.fromkeys(arrow.link for arrow in self.arrows))

    @cached_property
    def joint(self) -> frozenset[str]:
        """Variables that several links lead to."""
        counts = Counter(link.target for link in self.links)
        return frozenset(name for name, count in counts.items() if count > 1)

    @cached_property
    def fanning(self) -> frozenset[str]:
        """Variables that several others need at another step."""
        ends = {(link.source, link.target) for link in self.links if link.lag}
        counts = Counter(source for source, _ in ends)
        return frozenset(name for name, count in counts.items() if count > 1)


def circuit(graph: FoldedGraph) -> Plan:
    """The folded graph: one node a variable."""
    nodes: dict[Key, Node] = {
        (v.name, None): Node((v.name, None), v, None) for v in graph.variables
    }
    arrows = tuple(Arrow(k, (k.source, None), (k.target, None)) for k in graph.links)
    return Plan(nodes, arrows)


def unfold(graph: FoldedGraph, line: Timeline) -> Plan:
    """The columns' nodes and the arrows between them."""
    variables = {v.name: v for v in graph.variables}
    arrows: list[Arrow] = []
    seen: set[Arrow] = set()
    for link in graph.links:
        for arrow in _arrows(variables, line, link):
            if arrow not in seen:
                seen.add(arrow)
                arrows.append(arrow)
    ends = {key for arrow in arrows for key in (arrow.source, arrow.target)}
    nodes: dict[Key, Node] = {}
    for variable in graph.variables:
        if not variable.ranges:
            nodes[variable.name, None] = Node((variable.name, None), variable, None)
            continue
        for i, column in enumerate(line.columns):
            key = variable.name, i
            if _shown(line, variable, column, key in ends):
                nodes[key] = _node(line, variable, key, column)
    return Plan(nodes, tuple(a for a in arrows if a.source in nodes and a.target in nodes))


def _shown(line: Timeline, variable: Variable, column: Column, used: bool) -> bool:
    if column.inner:
        return _covers(line, variable, column)
    if not column.is_step:
        return used
    return used or (line.exists(variable, column.first) and _inside(line, column))


def _inside(line: Timeline, column: Column) -> bool:
    return line.origin < column.first <= line.end


def _covers(line: Timeline, variable: Variable, column: Column) -> bool:
    first = line.chosen_range(variable, column.first)
    return first is not None and first == line.chosen_range(variable, column.last)


def _node(line: Timeline, variable: Variable, key: Key, column: Column) -> Node:
    if column.index is None:
        return Node(key, variable, None, ghost=True, elided=True)
    return Node(key, variable, column.index, ghost=not line.exists(variable, column.first))


def _arrows(variables: dict[str, Variable], line: Timeline, link: Link) -> Iterator[Arrow]:
    source, target = variables[link.source], variables[link.target]
    if not target.ranges:
        for i in _sources(line, source, link, None):
            yield Arrow(link, (source.name, i), (target.name, None), _left_out(line, i))
        return
    for j, column in enumerate(line.columns):
        if column.is_step:
            if not line.holds(link, target, column.first):
                continue
            for i in _sources(line, source, link, column.first):
                yield Arrow(link, (source.name, i), (target.name, j), _left_out(line, i))
        elif column.inner:
            yield from _into_gap(line, link, source, target, j)
        elif link.lag:
            yield from _into_ghost(line, link, source, target, j)


def _sources(
    line: Timeline, source: Variable, link: Link, position: int | None
) -> Iterator[int | None]:
    """Columns that an equation reads from when its target lies at a position."""
    if not source.ranges or not link.at:
        yield None
    elif link.over:
        for i, column in enumerate(line.columns):
            if (column.is_step and line.exists(source, column.first) and _inside(line, column)) or (
                column.inner and _covers(line, source, column)
            ):
                yield i
    else:
        at = line.position(link.at[0], position or 0)
        found = line.column(at)
        if found is not None and _readable(line, source, found, at):
            yield found


def _readable(line: Timeline, source: Variable, column: int, position: int) -> bool:
    """Inputs exist where they are given; a state has an initial value outside of its range."""
    if source.role != "input":
        return True
    shown = line.columns[column]
    return (shown.is_step or shown.inner) and line.exists(source, position)


def _left_out(line: Timeline, column: int | None) -> bool:
    """Whether an arrow from a column is dashed. Where steps are left out inside, only those are."""
    if column is None or line.columns[column].is_step:
        return False
    return line.columns[column].inner or not any(c.inner for c in line.columns)


def _into_gap(
    line: Timeline, link: Link, source: Variable, target: Variable, j: int
) -> Iterator[Arrow]:
    """Arrows inside a left-out column, and into its first (for leads, last) step."""
    column = line.columns[j]
    if not (_covers(line, target, column) and line.holds(link, target, column.first)):
        return
    if link.lag == 0:
        if _covers(line, source, column):
            yield Arrow(link, (source.name, j), (target.name, j))
        return
    edge = column.last if link.lag is not None and link.lag < 0 else column.first
    for i in _sources(line, source, link, edge):
        if i != j:
            yield Arrow(link, (source.name, i), (target.name, j), dashed=True)


def _into_ghost(
    line: Timeline, link: Link, source: Variable, target: Variable, j: int
) -> Iterator[Arrow]:
    """An arrow to what comes after the last column (for leads, before the first)."""
    column, lag = line.columns[j], link.lag or 0
    position = column.first if lag > 0 else column.last
    if not line.exists(target, position):
        return
    for i in _sources(line, source, link, position):
        if i is not None and line.columns[i].is_step:
            yield Arrow(link, (source.name, i), (target.name, j), dashed=True)
