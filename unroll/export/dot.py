"""DOT, through the graphviz package: nodes pinned where the scene has them, for `neato -n`."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot

import graphviz

from unroll.drawing.scene import Circle, Group, Path, Point, Scene
from unroll.drawing.theme import Theme, palette

_POINTS = 0.75


def write_dot(scene: Scene, theme: str = "light") -> str:
    """The scene's nodes and edges as DOT source. Positions are in points, y upwards."""
    colors = palette(theme)
    digraph = graphviz.Digraph(
        graph_attr={
            "label": graphviz.escape(scene.title),
            "bgcolor": colors.color("background"),
            "fontcolor": colors.color("ink"),
            "splines": "true",
            "outputorder": "edgesfirst",
        },
        node_attr={"shape": "circle", "fixedsize": "true", "fontname": "serif", "fontsize": "9"},
        edge_attr={"fontname": "serif", "fontsize": "9", "arrowsize": "0.7"},
    )
    placed: dict[tuple[str | None, str], list[tuple[str, Circle]]] = {}
    for group in _of_kind(scene, "node", "ghost"):
        key = group.fact("view"), _reference(group)
        same = placed.setdefault(key, [])
        name = f"{key[0]}/{key[1]}".replace(":", "_") + "'" * len(same)  # a colon means a port
        circle = next(i for i in group.items if isinstance(i, Circle))
        same.append((name, circle))
        look = _node(group, circle, colors)
        digraph.node(name, graphviz.escape(key[1]), _attributes=look)
    for group in _of_kind(scene, "edge"):
        ends = zip(("source", "target"), _ends(group))
        tail, head = (
            _nearest(placed[group.fact("view"), group.fact(end) or ""], at) for end, at in ends
        )
        text = graphviz.escape(group.fact("label") or "")
        digraph.edge(tail, head, text, _attributes=_edge(group, colors))
    return str(digraph.source)


def _ends(group: Group) -> tuple[Point, Point]:
    """Where an edge starts, and the tip of its arrow."""
    first, second = [i.commands[0][1] for i in group.items if isinstance(i, Path)][:2]
    return (first[0], first[1]), (second[0], second[1])


def _nearest(nodes: list[tuple[str, Circle]], at: Point) -> str:
    """Of nodes called the same (as the ghosts at both ends), the one that an edge touches."""
    return min(nodes, key=lambda node: hypot(node[1].x - at[0], node[1].y - at[1]))[0]


def _of_kind(scene: Scene, *kinds: str) -> Iterator[Group]:
    return (g for g in scene.groups() if g.kind in kinds)


def _reference(group: Group) -> str:
    index = group.fact("index")
    name = group.fact("name") or ""
    return name if index is None else f"{name}[{index}]"


def _node(group: Group, circle: Circle, colors: Theme) -> dict[str, str]:
    ink = colors.color("ink")
    diameter = 2 * circle.radius * _POINTS / 72
    return {
        "pos": f"{circle.x * _POINTS:.2f},{-circle.y * _POINTS:.2f}!",
        "width": f"{diameter:.3f}",
        "color": ink,
        "fontcolor": ink,
        "style": "dashed" if group.kind == "ghost" else "solid",
    }


def _edge(group: Group, colors: Theme) -> dict[str, str]:
    flow = group.fact("flow") or "forward"
    line = next(i for i in group.items if isinstance(i, Path) and i.stroke)
    color = colors.color(line.stroke or "ink")
    look = {"color": color, "fontcolor": color}
    lag = group.fact("lag")
    if group.fact("view") == "folded" and lag not in (None, "0"):
        look["arrowtail"], look["dir"] = "box", "both"
    if line.dash:
        look["style"] = "dashed"
    if flow == "backward":
        look["constraint"] = "false"
    return look
