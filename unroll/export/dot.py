"""DOT, through the graphviz package: nodes pinned where the scene has them, for `neato -n`."""

from __future__ import annotations

from collections.abc import Iterator

import graphviz

from unroll.drawing.scene import Circle, Group, Path, Scene
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
        node_attr={"shape": "circle", "fixedsize": "true", "fontname": "serif"},
        edge_attr={"fontname": "serif", "arrowsize": "0.7"},
    )
    names = {}
    for group in _of_kind(scene, "node", "ghost"):
        name = _name(group.fact("view"), _reference(group))
        if name not in names:
            names[name] = True
            digraph.node(name, graphviz.escape(_reference(group)), _node(group, colors))
    for group in _of_kind(scene, "edge"):
        ends = (_name(group.fact("view"), group.fact(end) or "") for end in ("source", "target"))
        tail, head = ends
        digraph.edge(tail, head, graphviz.escape(group.fact("label") or ""), _edge(group, colors))
    return str(digraph.source)


def _of_kind(scene: Scene, *kinds: str) -> Iterator[Group]:
    return (g for g in scene.groups() if g.kind in kinds)


def _reference(group: Group) -> str:
    index = group.fact("index")
    name = group.fact("name") or ""
    return name if index is None else f"{name}[{index}]"


def _name(view: str | None, reference: str) -> str:
    """A node's identity: quoted by graphviz, without the colon that would make a port of it."""
    return f"{view}/{reference}".replace(":", "_")


def _node(group: Group, colors: Theme) -> dict[str, str]:
    circle = next(i for i in group.items if isinstance(i, Circle))
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
