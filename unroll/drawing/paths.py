"""Paths: the shortest ways between nodes of a picture, along its arrows or against them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from unroll.drawing.unfolding import Arrow, Key, Plan
from unroll.errors import UnrollError, nearest

Waypoints = tuple[str, ...]  # as nodes are referred to: `L[5]`, `h[1]`
_ARROW = re.compile(r"\s*(?:->|→)\s*")


@dataclass(frozen=True, slots=True)
class Way:
    """Arrows and nodes of a path. flow: forward, as the arrows run, or backward."""

    arrows: frozenset[Arrow]
    nodes: frozenset[Key]
    flow: str


def waypoints(text: str) -> Waypoints:
    """The nodes that a text names: `L[5] -> h[3] -> h[1]`. Raises UnrollError for fewer than two."""
    found = tuple(re.sub(r"\s+", "", name) for name in _ARROW.split(text.strip()))
    if len(found) < 2 or not all(found):
        raise UnrollError(
            f"{text!r} is no path between two nodes",
            remedy='Say from where to where, as in "L[5] -> h[1]".',
        )
    return found


def between(plan: Plan, names: Waypoints) -> Way:
    """All shortest paths from each of these nodes to the next, in the direction of the first.

    Where no arrows lead on, gradients may lead back. Raises UnrollError for a node that the picture
    does not have, and where nothing leads from one to the next.
    """
    keys = [_key(plan, name) for name in names]
    graph = nx.DiGraph((a.source, a.target) for a in plan.arrows)
    graph.add_nodes_from(plan.nodes)
    back = nx.DiGraph((a.source, a.target) for a in plan.arrows if not a.cut).reverse()
    back.add_nodes_from(plan.nodes)
    for flow, course in (("forward", graph), ("backward", back)):
        if all(nx.has_path(course, a, b) for a, b in pairwise(keys)):
            steps = {
                step
                for a, b in pairwise(keys)
                for path in nx.all_shortest_paths(course, a, b)
                for step in pairwise(path)
            }
            ends = steps if flow == "forward" else {(b, a) for a, b in steps}
            arrows = frozenset(a for a in plan.arrows if (a.source, a.target) in ends)
            nodes = frozenset(key for step in steps for key in step) | frozenset(keys)
            return Way(arrows, nodes, flow)
    first, last = next(
        (
            (a, b)
            for a, b in pairwise(names)
            if not any(nx.has_path(g, _key(plan, a), _key(plan, b)) for g in (graph, back))
        ),
        (names[0], names[-1]),
    )
    raise UnrollError(
        f"no path leads from {first} to {last}, neither along the arrows nor back",
        remedy="Name two nodes of which one is computed from the other.",
    )


def _key(plan: Plan, name: str) -> Key:
    """The node of a name. Ghosts have one, too; what is left out has none."""
    known = {node.reference: key for key, node in plan.nodes.items() if not node.elided}
    if name in known:
        return known[name]
    close = nearest(name, known)
    raise UnrollError(
        f"there is no node {name} in this figure",
        remedy=f"Did you mean {close}? A node is named as in h[1], and only where it is shown."
        if close
        else "A node is named as in h[1], and only where it is shown.",
    )
