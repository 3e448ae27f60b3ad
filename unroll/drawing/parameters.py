"""Parameters in a picture: labels of edges, nodes that all steps share, or a copy for each step.

And what stands on the edges on the way back: the weights, or the whole local derivatives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from unroll.drawing.extents import spread_over
from unroll.drawing.lanes import Division, Lane, divide
from unroll.errors import UnrollError, nearest
from unroll.graph.folded import FoldedGraph, Variable, build
from unroll.symbolic.recurrence import Recurrence
from unroll.symbolic.shapes import DEFAULT_LENGTH, infer
from unroll.symbolic.sharing import copies
from unroll.symbolic.signatures import Shape

WAYS = ("labels", "nodes", "copies")


@dataclass(frozen=True, slots=True)
class Parameters:
    """How parameters are shown.

    names: those that are nodes; copied: whether each step has its own; dims: sizes that are said,
    where local derivatives stand on the edges, None where only weights do.
    """

    names: frozenset[str] = frozenset()
    copied: bool = False
    dims: Mapping[str, Shape] | None = None

    def divided(self, recurrence: Recurrence) -> Division:
        """The recurrence with those nodes, and what its columns and rows are."""
        return divide(recurrence, self.names, self._shapes(recurrence))

    def _shapes(self, recurrence: Recurrence) -> Mapping[str, Shape] | None:
        if self.dims is None:
            return None
        known = {
            n: d for n, d in self.dims.items() if n in {*recurrence.names, *recurrence.lengths}
        }
        return infer(recurrence, known, DEFAULT_LENGTH)

    def columns(self, recurrence: Recurrence, lengths: Mapping[str, int]) -> FoldedGraph | None:
        """The graph over columns alone, where that is not the folded graph itself."""
        if not self.copied:
            return spread_over(self.divided(recurrence), lengths)
        unshared, of = copies(recurrence, self.names)
        division = divide(unshared, self.names | {*of}, self._shapes(unshared))
        return _named(spread_over(division, lengths) or division.graph, of)


def read(asked: str, recurrence: Recurrence, dims: Mapping[str, Shape] | None = None) -> Parameters:
    """What `nodes`, `copies:W,U` ask for. Raises UnrollError for another way, and for no parameter."""
    way, _, listed = asked.partition(":")
    if way not in WAYS or (listed and way == "labels"):
        raise UnrollError(
            f"there are no parameters {asked!r}",
            remedy="Choose labels, nodes or copies; of some only as in copies:W,U.",
        )
    if way == "labels":
        return Parameters(dims=dims)
    names = [n.strip() for n in listed.split(",")] if listed else list(recurrence.parameters)
    for name in names:
        if name not in recurrence.parameters:
            close = nearest(name, recurrence.parameters)
            known = ", ".join(recurrence.parameters) or "none"
            raise UnrollError(
                f"there is no parameter {name!r} in this recurrence",
                remedy=f"Did you mean {close!r}?" if close else f"Its parameters are: {known}.",
            )
    return Parameters(frozenset(names), way == "copies", dims)


def _named(graph: FoldedGraph, of: Mapping[str, str]) -> FoldedGraph:
    """A graph in which copies are called as what they are copies of, at their step."""

    def renamed(variable: Variable) -> Variable:
        name = variable.of if isinstance(variable, Lane) else variable.name
        if name not in of:
            return variable
        if isinstance(variable, Lane):
            return replace(variable, of=of[name])
        facts = (variable.role, variable.axes, variable.ranges)
        return Lane(variable.name, *facts, of=of[name], places=(None,))

    return build(tuple(map(renamed, graph.variables)), graph.links, graph.axes)
