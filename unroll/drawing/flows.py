"""Flows: the strands of an arrow, forward as the equations run, backward as gradients do."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx

from unroll.drawing.unfolding import Arrow
from unroll.graph.folded import FoldedGraph

OFFSET = 6.5  # px from the middle, where both strands of an arrow are shown


@dataclass(frozen=True, slots=True)
class Strand:
    """One line of an arrow. offset: to its own left-hand side, px; flow: forward or backward."""

    arrow: Arrow
    flow: str
    paint: str
    width: float = 1.25
    offset: float = 0.0
    labelled: bool = True


def carriers(graph: FoldedGraph, objective: str | None) -> frozenset[str]:
    """Variables that have a gradient: those that reach the objective, inputs excepted.

    Without an objective, all that something else needs: a gradient may come from what is left out.
    """
    inputs = {v.name for v in graph.variables if v.role == "input"}
    names = {v.name for v in graph.variables}
    if objective in names:
        reached = nx.ancestors(nx.DiGraph(graph), objective) | {objective}
    else:
        reached = names
    return frozenset(reached - inputs)


def strands(arrow: Arrow, flow: str, gradient: frozenset[str]) -> tuple[Strand, ...]:
    """The lines that an arrow is drawn as."""
    carries = arrow.link.source in gradient and arrow.link.target in gradient and not arrow.cut
    if flow == "none":
        return (Strand(arrow, "forward", "ink"),)
    if flow == "forward" or (flow == "both" and not carries):
        return (Strand(arrow, "forward", "forward"),)
    if flow == "both":
        return (
            Strand(arrow, "forward", "forward", offset=OFFSET),
            Strand(arrow, "backward", "backward", width=1.5, offset=OFFSET),
        )
    if carries:
        return (Strand(arrow, "backward", "backward", width=1.5),)
    return (Strand(arrow, "forward", "faint", labelled=False),)
