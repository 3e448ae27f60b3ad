"""Flows: the strands of an arrow, forward as the equations run, backward as gradients do.

A strand may say more than its direction: how large the gradient is that flows along it, and whether
it is part of a path that is pointed out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import networkx as nx

from unroll.drawing.norms import Norms, legend
from unroll.drawing.paths import Waypoints, between
from unroll.drawing.scene import Item
from unroll.drawing.unfolding import Arrow, Key, Plan
from unroll.graph.folded import FoldedGraph

WIDER = 2.2  # times as wide are the lines of a path
OFFSET = 6.5  # px from the middle, where both strands of an arrow are shown


@dataclass(frozen=True, slots=True)
class Strand:
    """One line of an arrow.

    offset: to its own left-hand side, px; flow: forward or backward; norm: of the gradient that
    flows along it, where that is shown; on_path: None where no path is pointed out.
    """

    arrow: Arrow
    flow: str
    paint: str
    width: float = 1.25
    offset: float = 0.0
    labelled: bool = True
    norm: float | None = None
    on_path: bool | None = None


@dataclass(frozen=True, slots=True)
class Accents:
    """What is shown of flows besides where they go.

    sums: a sign where several gradients arrive at one node; path: nodes between which arrows stand
    out; norms: how large the gradients are that flow along arrows.
    """

    sums: bool = False
    path: Waypoints = ()
    norms: Norms | None = None

    @property
    def tell_steps_apart(self) -> bool:
        """Whether steps look different, so that no slice may be repeated."""
        return bool(self.path) or self.norms is not None


def accented(
    plan: Plan, flow: str, gradient: frozenset[str], accents: Accents
) -> tuple[Strand, ...]:
    """The strands of all arrows of a plan.

    Raises UnrollError where the path that is asked for is not there.
    """
    found = tuple(s for arrow in plan.arrows for s in strands(arrow, flow, gradient))
    if accents.norms is not None:
        found = tuple(_by_norm(plan, s, accents.norms) for s in found)
    if not accents.path:
        return found
    route = between(plan, accents.path)
    two = {s.arrow for s in found if s.flow == "backward"} if flow == "both" else set()
    return tuple(
        _on_path(s, s.arrow in route.arrows and (s.flow == route.flow or s.arrow not in two))
        for s in found
    )


def legends(accents: Accents) -> tuple[Item, ...]:
    """What stands beside the figure."""
    return () if accents.norms is None else (legend(accents.norms),)


def nodes_on_path(plan: Plan, accents: Accents) -> frozenset[Key] | None:
    """The nodes of the path that is pointed out; None where none is."""
    return between(plan, accents.path).nodes if accents.path else None


def _by_norm(plan: Plan, strand: Strand, norms: Norms) -> Strand:
    norm = norms.of(plan, strand.arrow) if strand.flow == "backward" else None
    if norm is None:
        return strand
    return replace(strand, norm=norm, width=norms.width(norm), paint=norms.paint(norm))


def _on_path(strand: Strand, on_path: bool) -> Strand:
    return replace(strand, on_path=on_path, width=WIDER * strand.width if on_path else strand.width)


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
