"""Mermaid: the scene as the text of a flowchart, for pages that draw it themselves."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot

from unroll.drawing.scene import Circle, Group, Path, Point, Scene

_SHOWN = ("node", "ghost")


def write_mermaid(scene: Scene) -> str:
    """The nodes and edges of the scene, each view in a frame of its own; backward edges dotted."""
    names: dict[str | None, list[tuple[str, str, Circle]]] = {}
    lines = ["---", f"title: {_quoted(scene.title)}", "---", "flowchart LR"]
    views: dict[str, list[str]] = {}
    for group in scene.groups():
        if group.kind in _SHOWN and isinstance(group.items[0], Circle):
            view, reference = group.fact("view") or "", _reference(group)
            known = names.setdefault(view, [])
            name = f"{view}{len(known)}"
            known.append((reference, name, group.items[0]))
            style = ":::ghost" if group.kind == "ghost" else ""
            views.setdefault(view, []).append(f"{name}(({_quoted(reference)})){style}")
    for view, nodes in views.items():
        lines.append(f"  subgraph {view}")
        lines += [f"    {node}" for node in nodes]
        lines.append("  end")
    lines += [f"  {edge}" for edge in _edges(scene, names)]
    lines.append("  classDef ghost stroke-dasharray:4 3")
    return "\n".join(lines) + "\n"


def _edges(scene: Scene, names: dict[str | None, list[tuple[str, str, Circle]]]) -> Iterator[str]:
    for group in scene.groups("edge"):
        ends = _ends(group)
        known = names.get(group.fact("view") or "", [])
        pair = [
            _nearest([n for n in known if n[0] == group.fact(end)], at)
            for end, at in zip(("source", "target"), ends)
        ]
        if None in pair:
            continue
        arrow = "-.->" if group.fact("flow") == "backward" else "-->"
        label = group.fact("label") or ""
        folded, lag = group.fact("view") == "folded", group.fact("lag") or "0"
        if folded and lag not in ("0", ""):
            label = f"{label} ■".strip()
        text = f"|{_quoted(label)}|" if label else ""
        yield f"{pair[0]} {arrow}{text} {pair[1]}"


def _ends(group: Group) -> tuple[Point, Point]:
    first, second = [i.commands[0][1] for i in group.items if isinstance(i, Path)][:2]
    return (first[0], first[1]), (second[0], second[1])


def _nearest(nodes: list[tuple[str, str, Circle]], at: Point) -> str | None:
    found = min(nodes, key=lambda n: hypot(n[2].x - at[0], n[2].y - at[1]), default=None)
    return None if found is None else found[1]


def _reference(group: Group) -> str:
    name, index = group.fact("name") or "", group.fact("index")
    return name if index is None else f"{name}[{index}]"


def _quoted(text: str) -> str:
    """Text in quotes, what Mermaid or HTML would read in it as character references."""
    plain = (c if c.isprintable() else " " for c in text)
    return (
        '"'
        + "".join(c if c.isalnum() or c in " .,-+=/[]()" else f"#{ord(c)};" for c in plain)
        + '"'
    )
