"""What an unfolded picture shows: nodes and arrows of the columns, not yet placed.

In-arrows of a shown step are complete. What is left out gets arrows from the last shown step only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from unroll.drawing.columns import Column, Timeline, follows
from unroll.drawing.lanes import Lane, origin
from unroll.drawing.parts import Parts
from unroll.graph.folded import FoldedGraph, Link, Variable
from unroll.symbolic.expressions import Index

Key = tuple[str, int | None]  # variable and column; None in the folded view and without an axis


@dataclass(frozen=True, slots=True)
class Node:
    """A variable at a step. index: None without a column; ghost: dashed, standing for others."""

    key: Key
    variable: Variable
    index: Index | None
    ghost: bool = False
    elided: bool = False

    @property
    def name(self) -> str:
        """The variable's name in the text."""
        return origin(self.variable)

    @property
    def indices(self) -> tuple[Index | None, ...]:
        """All indices of the variable, those of its row included; None for an ellipsis."""
        if isinstance(self.variable, Lane):
            return tuple(self.index if i is None else i for i in self.variable.places)
        return (self.index,) if self.elided or self.index is not None else ()

    @property
    def index_text(self) -> str | None:
        return ",".join("..." if i is None else str(i) for i in self.indices) or None

    @property
    def reference(self) -> str:
        """As the machine-readable attributes name it: `h[t-1]`, `h[...]`, `C`."""
        return self.name if self.index_text is None else f"{self.name}[{self.index_text}]"


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge between two nodes, for a link.

    dashed: an end of it is left out; cut: no gradient goes back along it.
    """

    link: Link
    source: Key
    target: Key
    dashed: bool = False
    cut: bool = False


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
        counts.update(link.target for link in self.links if follows(link))
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


def unfold(graph: FoldedGraph, line: Parts, ghosts: bool = True) -> Plan:
    """The columns' nodes and the arrows between them.

    ghosts: whether to show what stands for others, before and after the columns.
    """
    variables = {v.name: v for v in graph.variables}
    arrows: list[Arrow] = []
    seen: set[Arrow] = set()
    for link in graph.links:
        for arrow in _arrows(variables, line, link):
            arrow = _marked(line, variables[link.target], arrow)
            if arrow not in seen:
                seen.add(arrow)
                arrows.append(arrow)
    ends = {key for arrow in arrows for key in (arrow.source, arrow.target)}
    nodes: dict[Key, Node] = {}
    for variable in graph.variables:
        if not variable.ranges:
            nodes[variable.name, None] = Node((variable.name, None), variable, None)
            continue
        own = line.of(variable)
        for i, column in own.each():
            key = variable.name, i
            if _shown(own, variable, column, key in ends):
                nodes[key] = _node(own, variable, key, column)
    if not ghosts:
        nodes = {key: node for key, node in nodes.items() if not node.ghost}
    return Plan(nodes, tuple(a for a in arrows if a.source in nodes and a.target in nodes))


def _marked(parts: Parts, target: Variable, arrow: Arrow) -> Arrow:
    """An arrow, cut where the steps have numbers and its link is cut there."""
    if arrow.link.cut is None or not target.ranges or arrow.target[1] is None:
        return arrow
    line = parts.of(target)
    index = line.columns[arrow.target[1] - line.start].index
    if index is None or index.base or not arrow.link.to:
        return arrow
    steps = {arrow.link.to[0].base: index.offset, line.length: line.end}
    return replace(arrow, cut=arrow.link.is_cut(steps))


def _shown(line: Timeline, variable: Variable, column: Column, used: bool) -> bool:
    if column.inner:
        return _covers(line, variable, column)
    if not column.is_step:
        return used
    return used or (line.exists(variable, column.first) and _inside(line, variable, column))


def _inside(line: Timeline, variable: Variable, column: Column) -> bool:
    """Whether a column is one of the axis; for a lane on a boundary, too, where it has an equation."""
    edge = isinstance(variable, Lane) and variable.role != "input"
    return line.origin < column.first + edge and column.first <= line.end


def _covers(line: Timeline, variable: Variable, column: Column) -> bool:
    first = line.chosen_range(variable, column.first)
    return first is not None and first == line.chosen_range(variable, column.last)


def _node(line: Timeline, variable: Variable, key: Key, column: Column) -> Node:
    if column.index is None:
        return Node(key, variable, None, ghost=True, elided=True)
    return Node(key, variable, column.index, ghost=not line.exists(variable, column.first))


def _arrows(variables: dict[str, Variable], parts: Parts, link: Link) -> Iterator[Arrow]:
    source, target = variables[link.source], variables[link.target]
    there = parts.of(source) if source.ranges else parts.lines[0]
    if not target.ranges:
        for i in _sources(there, source, link, None):
            yield Arrow(link, (source.name, i), (target.name, None), _left_out(there, i))
        return
    line = parts.of(target)
    for j, column in line.each():
        if column.is_step:
            if not line.holds(link, target, column.first):
                continue
            for i in _sources(there, source, link, column.first):
                yield Arrow(link, (source.name, i), (target.name, j), _left_out(there, i))
        elif column.inner:
            yield from _into_gap(line, there, link, source, target, j, column)
        elif link.lag or follows(link):
            yield from _into_ghost(line, there, link, source, target, j, column)


def _sources(
    line: Timeline, source: Variable, link: Link, position: int | None
) -> Iterator[int | None]:
    """Columns that an equation reads from when its target lies at a position."""
    if not source.ranges or not link.at:
        yield None
    elif any(link.at[0].base == r.axis for r in link.over):
        low, high = _reach(line, link, position or 0)
        for i, column in line.each():
            first, last = column.first - link.at[0].offset, column.last - link.at[0].offset
            if low <= first and last <= high and _is_summed(line, source, column):
                yield i
    else:
        at = line.position(link.at[0], position or 0)
        found = line.column(at)
        if found is not None and _readable(line, link, source, found, at):
            yield found


def _reach(line: Timeline, link: Link, position: int) -> tuple[int, int]:
    """The first and last step that a reduction reads."""
    within = next(r for r in link.over if r.axis == link.at[0].base)
    low = line.origin if within.start is None else line.position(within.start, position)
    high = line.end if within.stop is None else line.position(within.stop, position)
    return low, high


def _is_summed(line: Timeline, source: Variable, column: Column) -> bool:
    if column.is_step:
        within = line.origin < column.first <= line.end
        return within and line.exists(source, column.first)
    return column.inner and _covers(line, source, column)


def _readable(line: Timeline, link: Link, source: Variable, column: int, position: int) -> bool:
    """Inputs exist where they are given; a state has an initial value outside of its range.

    An input that a shown step reads ahead is shown even where it is left out.
    """
    if source.role != "input":
        return True
    shown = line.columns[column - line.start]
    ahead = link.lag is not None and link.lag < 0
    return (shown.is_step or shown.inner or ahead) and line.exists(source, position)


def _left_out(line: Timeline, column: int | None) -> bool:
    """Whether an arrow from a column is dashed. Where steps are left out inside, only those are."""
    if column is None or line.columns[column - line.start].is_step:
        return False
    return line.columns[column - line.start].inner or not any(c.inner for c in line.columns)


def _into_gap(
    line: Timeline,
    there: Timeline,
    link: Link,
    source: Variable,
    target: Variable,
    j: int,
    column: Column,
) -> Iterator[Arrow]:
    """Arrows inside a left-out column, and into its first (for leads, last) step."""
    if not (_covers(line, target, column) and line.holds(link, target, column.first)):
        return
    if link.lag == 0:
        if _covers(there, source, column):
            yield Arrow(link, (source.name, j), (target.name, j))
        return
    edge = column.last if link.lag is not None and link.lag < 0 else column.first
    for i in _sources(there, source, link, edge):
        if i != j:
            yield Arrow(link, (source.name, i), (target.name, j), dashed=True)


def _into_ghost(
    line: Timeline,
    there: Timeline,
    link: Link,
    source: Variable,
    target: Variable,
    j: int,
    column: Column,
) -> Iterator[Arrow]:
    """An arrow to what comes after the last column (for leads, before the first).

    What reads an input ahead carries nothing on: nothing is shown of it before the first column.
    """
    if source.role == "input" and link.lag is not None and link.lag < 0:
        return
    position = column.last if (link.lag or 0) < 0 else column.first
    if not line.exists(target, position):
        return
    for i in _sources(there, source, link, position):
        if i is not None and there.columns[i - there.start].is_step:
            yield Arrow(link, (source.name, i), (target.name, j), dashed=True)
