"""Detours: the shortest way around nodes, for an arrow that no single curve gets to its head."""

from __future__ import annotations

from math import pi

import networkx as nx
import numpy as np

from unroll.drawing.geometry import Array, Curve, polar, rounded
from unroll.drawing.scene import Point

_AROUND = 8  # waypoints around each node
_EASE = 4.0  # px that a waypoint keeps beyond the clearance, for the rounding of its corner


def detour(a: Point, b: Point, nodes: Array, radius: float, clearance: float) -> Curve | None:
    """The shortest polyline from a to b that keeps clear of nodes, its corners rounded.

    nodes: centres of all but the two ends, (n, 2). None where there is no way.
    """
    reach = radius + clearance + _EASE
    angles = [2 * pi * k / _AROUND for k in range(_AROUND)]
    ring = [polar((float(x), float(y)), reach, angle) for x, y in nodes for angle in angles]
    ends = np.asarray((a, b))
    points = np.concatenate([ends, np.asarray(ring).reshape(-1, 2)])
    to_nodes = _gaps(points, nodes).min(axis=1) >= radius + clearance
    to_ends = _gaps(points, ends).min(axis=1) >= radius + clearance
    free = to_nodes & to_ends
    free[:2] = True
    points = points[free]
    graph = nx.Graph()
    for i in range(len(points) - 1):
        others = points[i + 1 :]
        seen = _visible(points[i], others, nodes, radius + clearance)
        if i > 1:  # only the ends' own arrows may pass over them
            seen &= _visible(points[i], others, ends, radius + clearance)
        steps = np.hypot(*(others - points[i]).T)
        for j in np.flatnonzero(seen):  # a turn costs a little, so that few are taken
            graph.add_edge(i, i + 1 + int(j), weight=float(steps[j]) + radius / 2)
    if not (graph.has_node(0) and graph.has_node(1) and nx.has_path(graph, 0, 1)):
        return None
    way = nx.dijkstra_path(graph, 0, 1)
    return rounded(tuple((float(points[i][0]), float(points[i][1])) for i in way), 0.6 * radius)


def _visible(start: Array, ends: Array, nodes: Array, distance: float) -> Array:
    """Which of the ends a straight line from the start reaches at a distance from all nodes."""
    if not len(nodes):
        return np.ones(len(ends), dtype=bool)
    along = ends - start
    square = np.maximum((along**2).sum(axis=1), 1e-9)
    share = np.clip(((nodes[None] - start) * along[:, None]).sum(axis=2) / square[:, None], 0, 1)
    nearest = start + share[..., None] * along[:, None]
    gaps = np.hypot(*np.moveaxis(nearest - nodes[None], -1, 0))
    return np.asarray(gaps.min(axis=1) >= distance - 1e-6)


def _gaps(points: Array, nodes: Array) -> Array:
    if not len(nodes):
        return np.full((len(points), 1), np.inf)
    return np.asarray(np.hypot(*np.moveaxis(points[:, None] - nodes[None], -1, 0)))
