"""Graphviz as the engine of a layout: `dot` places the nodes of a plan and bends its arrows.

It is told what a picture of a recurrence means, and no coordinates: a step's computation points
upwards, the nodes of a variable stand in a row in the order of time, what a frame holds stays
together. Everything else is its own; circles, arrowheads and labels are those of every figure.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np

from unroll.drawing.geometry import Curve, reverse, sample
from unroll.drawing.placing import Grid
from unroll.drawing.routing import route
from unroll.drawing.scene import Point
from unroll.drawing.unfolding import Arrow, Key, Plan
from unroll.errors import UnrollError

ENGINES = ("dot",)
LARGEST = 1500  # nodes and arrows; dot takes seconds for as many
_Places = tuple[dict[Key, Point], dict[Arrow, Curve]]
_INCH = 72.0  # our px are its points
_FREE = 3.0  # around a circle and the strands that run beside an arrow, px
_CLOSEST = 0.35  # a share of the distance of nodes
_NOTHING, _FRAMES, _STEPS = range(3)  # what stays together
# Steps kept together stand in any order, those that are not are torn apart: what is tried in turn.
# Less and less at last, since Graphviz at times finds no curves (shortest.c) or loses an edge in 2.43.
_HINTS = (
    (_STEPS, 1, "true"),
    (_STEPS, -1, "true"),
    (_FRAMES, 1, "true"),
    (_STEPS, 1, "polyline"),
    (_NOTHING, 1, "true"),
    (_NOTHING, 1, "polyline"),
)


def arrange_by(
    engine: str,
    plan: Plan,
    grid: Grid,
    *,
    width: float = 0.0,
    boxes: Mapping[str, Sequence[str]] | None = None,
) -> tuple[dict[Key, Point], dict[Arrow, Curve], int]:
    """Where the nodes of a plan stand, and the arrows' curves from centre to centre, px.

    And how many arrows run through a node, though one that dot leads through goes our own way. width: between the outer lines that an arrow is drawn as; boxes: variables by the frame that is
    drawn around them. Raises UnrollError where Graphviz is not installed, and for a plan that is
    too large for it.
    """
    check_size(engine, len(plan.nodes) + len(plan.arrows))
    reach = grid.radius + width / 2
    points, curves = _best(engine, plan, grid, width, boxes or {})
    if stuck := _blocked(points, curves, reach):
        own, _ = route(plan, points, grid.radius, folded=not _is_unfolded(plan), width=width)
        curves |= {arrow: own[arrow] for arrow in stuck}
    return points, curves, len(_blocked(points, curves, reach))


def check_size(engine: str, count: int) -> None:
    """Raises UnrollError for more nodes and edges than an engine lays out in seconds."""
    if count > LARGEST:
        raise UnrollError(
            f"the graph is too large for {engine}, which sees every step",
            remedy="Draw fewer steps, leave some out (elide), or leave out the engine.",
        )


def _best(
    engine: str, plan: Plan, grid: Grid, width: float, boxes: Mapping[str, Sequence[str]]
) -> _Places:
    """The first layout in which time runs from left to right, or that in which it nearly does."""
    tried: list[tuple[int, _Places]] = []
    problem = ""
    for hints in _HINTS:
        answer = _ask(engine, _request(plan, grid, width, boxes, *hints))
        if isinstance(answer, str):
            problem = answer
            continue
        points, curves = _read(plan, answer)
        rightwards, leftwards = _order(plan, points)
        side = -1 if leftwards > rightwards else 1
        tried.append((min(rightwards, leftwards), _moved(points, curves, side)))
        if not tried[-1][0]:
            break
    if not tried:
        raise UnrollError(
            f"Graphviz could not lay out this graph: {problem}",
            remedy="Leave out the engine: the layout is then our own.",
        )
    return min(tried, key=lambda each: each[0])[1]


def _moved(points: dict[Key, Point], curves: dict[Arrow, Curve], side: int) -> _Places:
    """A layout with its first node at the origin. side: -1 for its mirror image."""
    x, y = next(iter(points.values()), (0.0, 0.0))

    def at(point: Point) -> Point:
        return side * (point[0] - x), point[1] - y

    return (
        {key: at(point) for key, point in points.items()},
        {
            arrow: tuple((at(a), at(b), at(c), at(d)) for a, b, c, d in curve)
            for arrow, curve in curves.items()
        },
    )


def _blocked(
    points: Mapping[Key, Point], curves: Mapping[Arrow, Curve], reach: float
) -> list[Arrow]:
    """The arrows that run through a node that is not theirs. reach: from its centre, px."""
    found = []
    for arrow, curve in curves.items():
        others = [p for key, p in points.items() if key not in (arrow.source, arrow.target)]
        if others:
            gaps = sample(curve)[:, None] - np.asarray(others)
            if (np.hypot(gaps[..., 0], gaps[..., 1]) < reach).any():
                found.append(arrow)
    return found


def _order(plan: Plan, points: Mapping[Key, Point]) -> tuple[int, int]:
    """How many neighbours in time stand left and right of the next; none in a tree."""
    if any(arrow.link.via for arrow in plan.arrows):
        return 0, 0
    pairs = [pair for row in _rows(plan) for pair in pairwise(row)]
    rightwards = sum(points[one][0] < points[other][0] for one, other in pairs)
    return rightwards, len(pairs) - rightwards


# --- the request -------------------------------------------------------------------------------


def _request(
    plan: Plan,
    grid: Grid,
    width: float,
    boxes: Mapping[str, Sequence[str]],
    together: int,
    listed: int,
    splines: str,
) -> str:
    """The plan as DOT: nodes by number, and nothing that a user wrote.

    together: whether what is in a frame, and the nodes of a step, stay together; listed: 1, or -1
    for the last node first; splines: true or polyline.
    """
    import graphviz

    size = 2 * (grid.radius + _FREE) + width
    grows = any(arrow.link.via for arrow in plan.arrows)
    digraph = graphviz.Digraph(
        graph_attr={
            "newrank": "true",
            "nodesep": f"{_between(plan) * (grid.column - size) / _INCH:.3f}",
            "ordering": "in" if grows and _is_unfolded(plan) else "",  # children as they come
            "rankdir": "BT",
            "splines": splines,
            "ranksep": f"{(grid.row - size) / _INCH:.3f}",
        },
        node_attr={
            "fixedsize": "true",
            "height": f"{size / _INCH:.4f}",
            "label": "",
            "shape": "circle",
            "width": f"{size / _INCH:.4f}",
        },
        edge_attr={"arrowhead": "none", "headclip": "false", "tailclip": "false"},
    )
    number = {key: f"n{i}" for i, key in enumerate(plan.nodes)}
    for name in list(number.values())[::listed]:
        digraph.node(name)
    for k, names in enumerate((*boxes.values(), ())):
        framed = k < len(boxes) and together != _NOTHING
        with digraph.subgraph(name=f"cluster{k}" if framed else None) as frame:
            for step, keys in _steps(plan, names, boxes):
                apart = step is not None and together == _STEPS and not grows
                with frame.subgraph(name=f"cluster{k}.{step}" if apart else None) as slice:
                    for key in keys:
                        slice.node(number[key])
    if not grows:
        for row in _rows(plan):
            with digraph.subgraph(graph_attr={"rank": "same"}) as same:
                for key in row:
                    same.node(number[key])
            for one, next_one in pairwise(row):
                digraph.edge(number[one], number[next_one], style="invis", weight="4")
    for i, arrow in enumerate(plan.arrows):
        ends = number[arrow.source], number[arrow.target]
        tail, head = reversed(ends) if _is_early(arrow) else ends
        rises = "true" if _rises(plan, arrow) else "false"
        digraph.edge(tail, head, id=str(i), constraint=rises)
    return str(digraph.source)


def _between(plan: Plan) -> float:
    """How far nodes and lines are apart, as a share of what two nodes in a row are in our own layout.

    dot keeps lines as far from each other as nodes: the more there are from a step to the next,
    the closer they lie.
    """
    columns = {column for _, column in plan.nodes}
    lateral = sum(not _rises(plan, arrow) for arrow in plan.arrows)
    return max(_CLOSEST, min(1.0, sqrt(len(columns) / max(1, lateral))))


def _steps(
    plan: Plan, names: Sequence[str], boxes: Mapping[str, Sequence[str]]
) -> list[tuple[int | None, list[Key]]]:
    """Of the variables in a frame, or those in none, the nodes of each step."""
    found: dict[int | None, list[Key]] = {}
    framed = {name for held in boxes.values() for name in held}
    for key, node in plan.nodes.items():
        if node.name in names if names else node.name not in framed:
            found.setdefault(key[1], []).append(key)
    return list(found.items())


def _is_unfolded(plan: Plan) -> bool:
    return any(column is not None for _, column in plan.nodes)


def _rows(plan: Plan) -> list[list[Key]]:
    """The nodes of each variable, in the order of time."""
    found: dict[str, list[Key]] = defaultdict(list)
    for key in sorted((k for k in plan.nodes if k[1] is not None), key=lambda k: k[1] or 0):
        found[key[0]].append(key)
    return [row for row in found.values() if len(row) > 1]


def _rises(plan: Plan, arrow: Arrow) -> bool:
    """Whether the head of an arrow stands above its tail: not from one step to another.

    From the steps of one length to those of another, as where attention reads an encoder, it does.
    """
    if arrow.link.via:
        return arrow.source != arrow.target
    (_, before), (_, after) = arrow.source, arrow.target
    if before is None and after is None:
        return not any(arrow.link.lags)
    ends = (plan.nodes[arrow.source].variable, plan.nodes[arrow.target].variable)
    letters = {variable.axes[:1] for variable in ends}
    return None in (before, after) or before == after or len(letters) > 1


def _is_early(arrow: Arrow) -> bool:
    """Whether an arrow leads back in time; dot sees it the other way round."""
    (_, before), (_, after) = arrow.source, arrow.target
    return before is not None and after is not None and after < before and not arrow.link.via


# --- the answer --------------------------------------------------------------------------------


def _ask(engine: str, source: str) -> Any:
    """What Graphviz makes of DOT, read from JSON; a text where it makes nothing of it."""
    import graphviz

    try:
        answer = graphviz.pipe(engine, "json0", source.encode(), quiet=True)
    except graphviz.ExecutableNotFound:
        raise UnrollError(
            f"the layout by {engine} needs Graphviz, and there is no program {engine!r} here",
            remedy="Install it (apt install graphviz, brew install graphviz, "
            "winget install graphviz), or leave out the engine: the layout is then our own.",
        ) from None
    except graphviz.CalledProcessError as failure:
        said = (failure.stderr or b"").decode(errors="replace").strip().splitlines()
        return said[-1] if said else str(failure)
    return json.loads(answer)


def _read(plan: Plan, found: Any) -> tuple[dict[Key, Point], dict[Arrow, Curve]]:
    """The answer, by the plan's nodes and arrows."""
    keys = list(plan.nodes)
    points = {
        keys[int(node["name"][1:])]: _point(node["pos"])
        for node in found.get("objects", ())
        if node["name"].startswith("n")
    }
    curves: dict[Arrow, Curve] = {}
    for edge in found.get("edges", ()):
        if "id" in edge:
            arrow = plan.arrows[int(edge["id"])]
            curve = _curve(edge["pos"])
            curves[arrow] = reverse(curve) if _is_early(arrow) else curve
    return points, curves


def _point(pos: str) -> Point:
    x, y = pos.split(",")
    return float(x), -float(y)


def _curve(pos: str) -> Curve:
    """The cubics of `x,y x,y ...`, 3n + 1 points."""
    points = [_point(pair) for pair in pos.split()]
    return tuple(
        (points[i], points[i + 1], points[i + 2], points[i + 3])
        for i in range(0, len(points) - 3, 3)
    )
