"""Apart: in the circuit, what a step gets from the step before as a node of its own.

A cell of long short-term memory is drawn with its inputs from below: x^(t), and h^(t-1), which the
circuit would otherwise bring around through as many delays as there are gates.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from unroll.drawing.lanes import Lane
from unroll.graph.folded import FoldedGraph, Link, build
from unroll.symbolic.expressions import Index


def set_apart(graph: FoldedGraph, names: Collection[str]) -> FoldedGraph:
    """The graph in which each earlier value of these variables is another variable.

    names: variables on the time axis; others stay as they are.
    """
    if not names:
        return graph
    earlier: dict[str, Lane] = {}
    links = [_instead(graph, link, names, earlier) for link in graph.links]
    return build((*graph.variables, *earlier.values()), tuple(links), graph.axes)


def _instead(
    graph: FoldedGraph, link: Link, names: Collection[str], earlier: dict[str, Lane]
) -> Link:
    """The link, reading the earlier value where it reads back."""
    variable = graph.nodes[link.source]["variable"]
    if link.source not in names or not link.lag or link.over or len(link.at) != 1:
        return link
    name = f"{link.source}[{link.at[0]}]"
    earlier.setdefault(
        name,
        Lane(
            name,
            "input",
            variable.axes,
            variable.ranges,
            of=link.source,
            places=(Index(link.at[0].base, link.at[0].offset),),
        ),
    )
    return replace(link, source=name, at=link.to)
