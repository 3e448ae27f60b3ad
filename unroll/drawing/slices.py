"""Slices of a tree: how the variables of one node stand around the place of its state.

What leads to the state stands in rows below it, as in a step. What is made from it (an output, a
loss, a target) must not be in the way of the branch to the parent: it stands beside the state, on
the outer side; at the root above it. Where branches come from below, an input stands beside the
state, too, on the side that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import networkx as nx

from unroll.drawing.placing import Grid
from unroll.drawing.rows import Rows, arrange
from unroll.drawing.scene import Point
from unroll.drawing.trees import Extent
from unroll.graph.folded import FoldedGraph, Link, Variable, build
from unroll.symbolic.expressions import Index

LEFT, ROOT, RIGHT = -1, 0, 1  # where outputs go
_ASIDE = 0.8  # from a state to its outputs, in column pitches
_HERE = (Index("n"),)  # any letter: within a slice everything is at the same node


@dataclass(frozen=True)
class Slice:
    """What exists at a node: variables, the pairs (source, target) that are linked there, and its side.

    states: names whose values go to other nodes; they have the tree's own places.
    """

    variables: tuple[Variable, ...]
    pairs: frozenset[tuple[str, str]]
    states: frozenset[str]
    side: int
    inner: bool = False  # whether branches come from below

    @property
    def graph(self) -> nx.DiGraph:
        """The links within the slice."""
        graph = nx.DiGraph()
        graph.add_nodes_from(v.name for v in self.variables)
        graph.add_edges_from(pair for pair in sorted(self.pairs) if pair[0] != pair[1])
        return graph

    @property
    def core(self) -> frozenset[str]:
        """The states, and what they need within the slice; everything, where there is no state."""
        graph = self.graph
        states = self.states & set(graph)
        found = states.union(*(nx.ancestors(graph, name) for name in states))
        return frozenset(found or graph)

    @property
    def feeding(self) -> frozenset[str]:
        """Inputs that branches from below would run through, if they stood below the state.

        They have one user each, which is a state; where anything else leads to states there are
        rows for all of it anyway.
        """
        graph, core = self.graph, self.core
        inputs = {v.name for v in self.variables if v.role == "input" and v.name in core}
        users = [list(graph.successors(name)) for name in inputs]
        alone = all(len(u) == 1 and u[0] in self.states for u in users)
        fits = self.inner and alone and core - inputs <= self.states
        return frozenset(inputs if fits else ())


def arrange_slice(part: Slice, grid: Grid, given: Sequence[str] = ()) -> dict[str, Point]:
    """The place of each variable, seen from the slice's anchor: px, y downwards.

    given: rows, top to bottom, as `rows.arrange` takes them.
    """
    feeding = part.feeding
    core = part.core - feeding
    outer = frozenset(v.name for v in part.variables) - core - feeding
    if part.side == ROOT:
        rows = arrange(_folded(part, core | outer), given or _crown(part, core))
        placed = _anchored(_places(rows, grid), part.states)
    else:
        rows = arrange(_folded(part, core), given)
        placed = _anchored(_places(rows, grid), part.states)
        if outer:
            column = _places(arrange(_folded(part, outer)), grid)
            placed |= _aside(column, part.side, _reach(placed, part.side), grid)
    side = part.side if part.side and not outer else -part.side or LEFT
    return placed | _inputs(part, placed, side, grid)


def extent(places: Iterable[Point]) -> Extent:
    """How far places reach from the anchor."""
    xs, ys = zip((0.0, 0.0), *places)
    return Extent(-min(xs), max(xs), -min(ys), max(ys))


def _folded(part: Slice, names: frozenset[str]) -> FoldedGraph:
    """Some variables of a slice and the links among them, as the folded graph of one step."""
    here = ((_HERE[0], _HERE[0]),)
    variables = tuple(replace(v, ranges=(here,)) for v in part.variables if v.name in names)
    order = [v.name for v in variables]
    pairs = [(a, b) for a in order for b in order if (a, b) in part.pairs]
    return build(variables, tuple(Link(a, b, _HERE, _HERE) for a, b in pairs), ())


def _places(rows: Rows, grid: Grid) -> dict[str, Point]:
    return {n: (rows.offset[n] * grid.across, -row * grid.row) for n, row in rows.row.items()}


def _anchored(places: Mapping[str, Point], states: frozenset[str]) -> dict[str, Point]:
    """Places seen from the highest state; between several, from their middle."""
    chosen = [places[n] for n in states if n in places] or list(places.values())
    top = min(y for _, y in chosen)
    xs = [x for x, y in chosen if y == top]
    middle = (min(xs) + max(xs)) / 2
    return {name: (x - middle, y - top) for name, (x, y) in places.items()}


def _crown(part: Slice, core: frozenset[str]) -> list[str]:
    """Rows of the root's slice, top to bottom: targets stand on the right of what they are compared with."""
    names = frozenset(v.name for v in part.variables) - part.feeding
    losses = {v.name for v in part.variables if v.role == "loss"}
    graph = part.graph
    rows = arrange(_folded(part, names))
    levels = [[n for n in rows.row if rows.row[n] == i] for i in range(rows.count)]
    for variable in part.variables:
        users = set(graph.successors(variable.name))
        if variable.name not in names or variable.role != "input" or not users or users - losses:
            continue
        below = min(rows.row[u] for u in users) - 1
        if below >= 0 and not core & set(levels[below]):
            levels[rows.row[variable.name]].remove(variable.name)
            levels[below].append(variable.name)
    return [", ".join(level) for level in reversed(levels) if level]


def _inputs(part: Slice, placed: Mapping[str, Point], side: int, grid: Grid) -> dict[str, Point]:
    """Inputs beside the states that they feed, one farther out than the other."""
    graph = part.graph
    found: dict[str, Point] = {}
    for variable in part.variables:
        if variable.name in part.feeding:
            _, y = placed[next(graph.successors(variable.name))]
            beside = [side * x for x, at in (*placed.values(), *found.values()) if at == y]
            found[variable.name] = side * (max(beside) + _ASIDE * grid.column), y
    return found


def _reach(places: Mapping[str, Point], side: int) -> float:
    return max(side * x for x, _ in places.values())


def _aside(column: Mapping[str, Point], side: int, reach: float, grid: Grid) -> dict[str, Point]:
    """Outputs beside their core, the lowest one at the height of the state."""
    nearest = min(side * x for x, _ in column.values())
    low = max(y for _, y in column.values())
    across = side * (reach + _ASIDE * grid.column - nearest)
    return {name: (x + across, y - low) for name, (x, y) in column.items()}
