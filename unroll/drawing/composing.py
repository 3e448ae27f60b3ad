"""Composing: several figures as one, side by side or in rows at one scale, each with its caption."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf

from unroll.drawing.labels import SIZE, Label, words
from unroll.drawing.scene import Circle, Group, Item, Scene, Stamp, bounds_of, moved
from unroll.errors import UnrollError, nearest

_BETWEEN, _BELOW = 2.6 * SIZE, 1.1 * SIZE  # of two panels; of a panel and its caption, px
_MARGIN = 12.0


def side_by_side(
    scenes: Sequence[Scene],
    captions: Sequence[str] = (),
    title: str | None = None,
    columns: int | None = None,
) -> Scene:
    """The scenes from left to right, what they have in common in a row at the same height.

    captions: one for each, or none; columns: after how many a new row begins (None: never). Raises
    UnrollError for another number of captions, no column, and without a scene.
    """
    if not scenes:
        raise UnrollError("there is no figure to compose")
    if captions and len(captions) != len(scenes):
        raise UnrollError(
            f"{len(scenes)} figures have {len(captions)} captions",
            remedy="Give each figure one, or none at all.",
        )
    if columns is not None and columns < 1:
        raise UnrollError(f"cannot compose {columns} columns", remedy="Ask for at least one.")
    count = min(columns or len(scenes), len(scenes))
    under: list[Label | None] = list(map(words, captions)) if captions else [None] * len(scenes)
    wide = [
        max(bounds_of(scene.items).width, caption.width if caption else 0.0)
        for scene, caption in zip(scenes, under)
    ]
    columned = [max(wide[k::count]) for k in range(count)]
    panels: list[Item] = []
    top = 0.0
    for first in range(0, len(scenes), count):
        row = range(first, min(first + count, len(scenes)))
        downs = [_height(scenes[k], scenes[first]) for k in row]
        boxes = [bounds_of(scenes[k].items) for k in row]
        if first:  # the first row stays where its first panel is
            top -= min(box.top + down for box, down in zip(boxes, downs))
        low = top + max(box.bottom + down for box, down in zip(boxes, downs))
        for k, box, down in zip(row, boxes, downs):
            middle = sum(columned[: k - first]) + (k - first) * _BETWEEN + columned[k - first] / 2
            dx = middle - (box.left + box.right) / 2
            items = [moved(_renamed(item, k), dx, top + down) for item in scenes[k].items]
            if (caption := under[k]) is not None:
                at = middle, low + _BELOW + caption.height / 2
                items.append(Group("caption", (caption.at(*at),), (), caption.text))
            said = (("panel", str(k + 1)), *((("name", captions[k]),) if captions else ()))
            panels.append(Group("panel", tuple(items), said, scenes[k].title))
        top = bounds_of(panels).bottom + _BETWEEN
    names = [f"{c}: {s.title}" for c, s in zip(captions, scenes)] or [s.title for s in scenes]
    return Scene(
        tuple(panels),
        bounds_of(panels).grown(_MARGIN),
        title or "; ".join(names),
        " ".join(scene.description for scene in scenes),
        tuple(
            (f"panel-{k + 1}-{name}", tuple(_renamed(i, k) for i in held))
            for k, scene in enumerate(scenes)
            for name, held in scene.symbols
        ),
    )


def cropped(scene: Scene, said: float | str = 0.0) -> Scene:
    """The scene with other bounds: what lies outside of them is cut off.

    said: a margin around what is drawn, in px; or nodes, as in `h[2], o[4]`, around which a margin
    as usual is left. Raises UnrollError for a negative margin and a node that is not there.
    """
    number = _number(said)
    if number is not None:
        if not 0 <= number < inf:
            raise UnrollError(f"cannot crop to a margin of {said}", remedy="Choose one from 0 px.")
        return replace(scene, bounds=bounds_of(scene.items).grown(number))
    nodes = {_called(g): g for g in scene.groups() if g.kind in ("node", "ghost")}
    asked = re.findall(r"[^\s,\[]+(?:\[[^\]]*\])?", str(said))
    for name in asked or [str(said)]:
        if name not in nodes:
            close = nearest(name, nodes)
            raise UnrollError(
                f"there is no node {name!r} in this figure",
                remedy=f"Did you mean {close!r}?" if close else "Name nodes as in h[2], o[4].",
            )
    return replace(scene, bounds=bounds_of(nodes[name] for name in asked).grown(_MARGIN))


def _number(said: float | str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None


def _called(node: Group) -> str:
    """A node as it is named in equations: `h[t-1]`."""
    index = node.fact("index")
    return (node.fact("name") or "") + (f"[{index}]" if index is not None else "")


def _height(scene: Scene, first: Scene) -> float:
    """How far a scene moves down so that its rows are level with those of the first."""
    theirs, own = dict(_rows(first)), dict(_rows(scene))
    both = [name for name in theirs if name in own]
    if both:
        return theirs[both[0]] - own[both[0]]
    return bounds_of(first.items).bottom - bounds_of(scene.items).bottom


def _rows(scene: Scene) -> Iterator[tuple[str, float]]:
    """The height of each variable, states before others."""
    nodes = [g for g in scene.groups("node") if g.items and isinstance(g.items[0], Circle)]
    nodes.sort(key=lambda g: g.fact("role") != "state")
    for node in reversed(nodes):
        circle = node.items[0]
        if isinstance(circle, Circle):
            yield node.fact("name") or "", circle.y


def _renamed(item: Item, panel: int) -> Item:
    """The item, repeating symbols of its own panel."""
    if isinstance(item, Stamp):
        return replace(item, symbol=f"panel-{panel + 1}-{item.symbol}")
    if isinstance(item, Group):
        return replace(item, items=tuple(_renamed(i, panel) for i in item.items))
    return item
