"""Composing: several figures as one, side by side at one scale, each with its caption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from unroll.drawing.labels import SIZE, words
from unroll.drawing.scene import Circle, Group, Item, Scene, Stamp, bounds_of, moved
from unroll.errors import UnrollError

_BETWEEN, _BELOW = 2.6 * SIZE, 1.1 * SIZE  # of two panels; of a panel and its caption, px
_MARGIN = 12.0


def side_by_side(
    scenes: Sequence[Scene], captions: Sequence[str] = (), title: str | None = None
) -> Scene:
    """The scenes from left to right, what they have in common at the same height.

    captions: one for each, or none. Raises UnrollError for another number, and without a scene.
    """
    if not scenes:
        raise UnrollError("there is no figure to compose")
    if captions and len(captions) != len(scenes):
        raise UnrollError(
            f"{len(scenes)} figures have {len(captions)} captions",
            remedy="Give each figure one, or none at all.",
        )
    heights = [_height(scene, scenes[0]) for scene in scenes]
    low = max(bounds_of(scene.items).bottom + dy for scene, dy in zip(scenes, heights))
    panels: list[Item] = []
    symbols: list[tuple[str, tuple[Item, ...]]] = []
    x = 0.0
    for k, (scene, dy) in enumerate(zip(scenes, heights)):
        box = bounds_of(scene.items)
        caption = words(captions[k]) if captions else None
        width = max(box.width, caption.width if caption else 0.0)
        dx = x + (width - box.width) / 2 - box.left
        items = [moved(_renamed(item, k), dx, dy) for item in scene.items]
        if caption is not None:
            middle = x + width / 2, low + _BELOW + caption.height / 2
            items.append(Group("caption", (caption.at(*middle),), (), caption.text))
        said = (("panel", str(k + 1)), *((("name", captions[k]),) if captions else ()))
        panels.append(Group("panel", tuple(items), said, scene.title))
        symbols += [
            (f"panel-{k + 1}-{name}", tuple(_renamed(i, k) for i in held))
            for name, held in scene.symbols
        ]
        x += width + _BETWEEN
    names = [f"{c}: {s.title}" for c, s in zip(captions, scenes)] or [s.title for s in scenes]
    return Scene(
        tuple(panels),
        bounds_of(panels).grown(_MARGIN),
        title or "; ".join(names),
        " ".join(scene.description for scene in scenes),
        tuple(symbols),
    )


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
