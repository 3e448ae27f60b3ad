"""The unrolled graph: one node a variable and step, for a given number of steps.

Folding it gives the folded graph back: `fold(unroll(r)) == fold(r)`.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph, Link, Variable, build, fold
from unroll.symbolic.expressions import Index
from unroll.symbolic.recurrence import Equation, Recurrence

Node = tuple[str, int | None]  # (name, step); the step is None for what has no axis


class UnrolledGraph(nx.DiGraph):  # type: ignore[misc]
    """A networkx DAG on (name, step).

    A node carries its `Variable` and whether it is a `boundary`: read, but out of the range where
    its variable is defined, hence an initial value. An edge carries the `Link` it repeats.
    """

    @property
    def steps(self) -> int:
        return int(self.graph["steps"])

    def fold(self) -> FoldedGraph:
        """The folded graph that this one repeats."""
        variables = dict.fromkeys(data["variable"] for _, data in self.nodes(data=True))
        links = dict.fromkeys(
            link for _, _, data in self.edges(data=True) for link in data["links"]
        )
        return build(tuple(variables), tuple(links), self.graph["axis"], self.graph["length"])


def unroll(recurrence: Recurrence, steps: int) -> UnrolledGraph:
    """The unrolled graph for `steps` steps. Raises UnrollError if that is not at least one."""
    if steps < 1:
        raise UnrollError(f"a recurrence cannot be unrolled for {steps} steps", remedy="Take 1.")
    folded = fold(recurrence)
    graph = UnrolledGraph(steps=steps, axis=folded.axis, length=folded.length)
    for variable in folded.variables:
        for at in _steps_of(recurrence, variable, steps):
            graph.add_node((variable.name, at), variable=variable, boundary=False)
    for link in folded.links:
        for source, target in _edges(recurrence, link, steps):
            for node, name in ((source, link.source), (target, link.target)):
                if node not in graph:
                    variable = folded.nodes[name]["variable"]
                    graph.add_node(node, variable=variable, boundary=True)
            if graph.has_edge(source, target):
                graph.edges[source, target]["links"] += (link,)
            else:
                graph.add_edge(source, target, links=(link,))
    nx.freeze(graph)
    return graph


def _steps_of(recurrence: Recurrence, variable: Variable, steps: int) -> Iterator[int | None]:
    if not variable.ranges:
        yield None
    elif variable.name in recurrence.defined:
        for _, first, last in recurrence.pieces(variable.name, steps):
            yield from range(first, last + 1)
    else:
        ranges = (_span(recurrence, r, steps) for r in variable.ranges)
        yield from sorted({at for first, last in ranges for at in range(first, last + 1)})


def _span(recurrence: Recurrence, bounds: tuple[Index, Index], steps: int) -> tuple[int, int]:
    first, last = (recurrence.position(i, steps) for i in bounds)
    return first, last


def _edges(recurrence: Recurrence, link: Link, steps: int) -> Iterator[tuple[Node, Node]]:
    """Every (source, target) that a link stands for."""

    def at(index: Index | None, step: int) -> int | None:
        return None if index is None else recurrence.position(index, steps, step)

    targets: Iterator[int] | range
    if link.within is None:
        targets = range(1)
    else:
        targets = (
            step
            for equation, first, last in recurrence.pieces(link.target, steps)
            if _holds(recurrence, equation, link)
            for step in range(first, last + 1)
        )
    for step in targets:
        target = (link.target, None if link.within is None else step)
        if link.over is not None and link.at is not None:
            for inner in range(1, steps + 1):
                yield (link.source, at(link.at, inner)), target
        else:
            yield (link.source, at(link.at, step)), target


def _holds(recurrence: Recurrence, equation: Equation, link: Link) -> bool:
    """Whether an equation is the one a link was read from."""
    return equation.index == link.to and recurrence.range_of(equation) == link.within
