"""The unrolled graph: one node a variable and step, for a given number of steps.

Folding it gives the folded graph back: `fold(unroll(r)) == fold(r)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import networkx as nx

from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph, Link, Variable, build, fold
from unroll.symbolic.expressions import Index, Range
from unroll.symbolic.recurrence import Equation, Recurrence
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.trees import CHILDREN

Place = int | tuple[int, ...] | None  # a step; one for each axis; None for what has no axis
Node = tuple[str, Place]


class UnrolledGraph(nx.DiGraph):  # type: ignore[misc]
    """A networkx DAG on (name, step), on (name, (layer, step)) where there are several axes.

    A node carries its `Variable` and whether it is a `boundary`: read, but out of the range where
    its variable is defined, hence an initial value. An edge carries the `Link` it repeats, and whether
    it is `cut`: no gradient goes back along it.
    """

    @property
    def sizes(self) -> Sizes:
        """How long the axes are."""
        sizes: Sizes = self.graph["sizes"]
        return sizes

    @property
    def steps(self) -> int:
        """Length of the time axis."""
        return self.sizes[self.graph["axes"][0].length]

    def fold(self) -> FoldedGraph:
        """The folded graph that this one repeats."""
        variables = dict.fromkeys(data["variable"] for _, data in self.nodes(data=True))
        links = dict.fromkeys(
            link for _, _, data in self.edges(data=True) for link in data["links"]
        )
        return build(tuple(variables), tuple(links), self.graph["axes"])


def unroll(recurrence: Recurrence, steps: int | Mapping[str, int] | Sizes) -> UnrolledGraph:
    """The unrolled graph. steps: the length of every axis, or lengths by name.

    Raises UnrollError for a length below one.
    """
    sizes = steps if isinstance(steps, Sizes) else recurrence.sizes(steps)
    for name, length in sizes.lengths:
        if length < 1:
            raise UnrollError(
                f"a recurrence cannot be unrolled for {name} = {length} steps", remedy="Take 1."
            )
    folded = fold(recurrence)
    graph = UnrolledGraph(sizes=sizes, axes=recurrence.axes)
    for variable in folded.variables:
        for at in _points(recurrence, variable, sizes):
            graph.add_node((variable.name, at), variable=variable, boundary=False)
    for link in folded.links:
        for source, target, cut in _edges(recurrence, link, sizes):
            for node, name in ((source, link.source), (target, link.target)):
                if node not in graph:
                    variable = folded.nodes[name]["variable"]
                    graph.add_node(node, variable=variable, boundary=True)
            if graph.has_edge(source, target):
                data = graph.edges[source, target]
                data["links"] += (link,)
                data["cut"] = data["cut"] and cut
            else:
                graph.add_edge(source, target, links=(link,), cut=cut)
    nx.freeze(graph)
    return graph


def place(at: tuple[int, ...]) -> Place:
    """A point as nodes name it: the number itself on one axis."""
    return None if not at else at[0] if len(at) == 1 else at


def _points(recurrence: Recurrence, variable: Variable, sizes: Sizes) -> Iterator[Place]:
    """Where a variable is defined, an input used; in the order of the axes."""
    if not variable.ranges:
        yield None
        return
    if variable.name in recurrence.defined:
        boxes = [box for _, box in recurrence.boxes(variable.name, sizes)]
    else:
        boxes = [
            tuple(tuple(recurrence.position(i, sizes) for i in side) for side in bounds)  # type: ignore[misc]
            for bounds in variable.ranges
        ]
    points = {p for box in boxes for p in product(*(range(a, b + 1) for a, b in box))}
    yield from (place(p) for p in sorted(points))


def _edges(recurrence: Recurrence, link: Link, sizes: Sizes) -> Iterator[tuple[Node, Node, bool]]:
    """Every (source, target) that a link stands for, and whether it is cut there."""
    letters = [i.base for i in link.to]
    for equation, box in recurrence.boxes(link.target, sizes):
        if not _holds(recurrence, equation, link):
            continue
        for point in product(*(range(a, b + 1) for a, b in box)):
            target = (link.target, place(point))
            here = dict(zip(letters, point))
            for inner in _bound(recurrence, link.over, sizes, here):
                at = tuple(recurrence.position(i, sizes, inner) for i in link.at)
                yield (
                    (link.source, place(at)),
                    target,
                    link.is_cut({**dict(sizes.lengths), **inner}),
                )


def _bound(
    recurrence: Recurrence, over: tuple[Range, ...], sizes: Sizes, here: Mapping[str, int]
) -> Iterator[Mapping[str, int]]:
    """Where the letters are that reductions bind, for each of their steps."""
    if not over:
        yield here
        return
    first, *rest = over
    for step in steps_of(recurrence, first, sizes, here):
        yield from _bound(recurrence, tuple(rest), sizes, {**here, first.axis: step})


def steps_of(
    recurrence: Recurrence, within: Range, sizes: Sizes, here: Mapping[str, int]
) -> range | tuple[int, ...]:
    """The steps over which a reduction's letter runs, where outer letters are `here`."""
    if within.parent is not None:
        node = recurrence.position(Index(within.parent.base), sizes, here)
        tree = sizes.tree(recurrence.letters[within.parent.base].length)
        assert within.parent.via in ("", CHILDREN)
        return tree.children[node - 1] if 1 <= node <= len(tree) else ()
    first, last = recurrence.span(within, sizes, here, here)
    return range(first, last + 1)


def _holds(recurrence: Recurrence, equation: Equation, link: Link) -> bool:
    """Whether an equation is the one a link was read from."""
    return equation.target.indices == link.to and recurrence.bounds(equation) == link.within
