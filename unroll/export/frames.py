"""Frames: a scene at each of its moments, what is pending faint, what is active emphasised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from unroll.drawing.scene import Circle, Group, Ink, Item, Path, Rectangle, Scene, Text
from unroll.drawing.sweeping import State, played, state, sweep

_HEAVIER, _FAINT = 2.2, "shade"


def each_frame(scene: Scene) -> Iterator[Scene]:
    """The scene before its first moment, at each of them, and at last as it is."""
    moments = sweep(scene)
    marked = played(scene, moments)
    for k in range(len(moments) + 1):
        items = tuple(_shown(item, k, None) for item in marked.items)
        yield replace(scene, items=items)
    yield scene


def _shown(item: Item, k: int, around: State | None) -> Item:
    """An item at moment k; around: the state of the group that it is in."""
    if isinstance(item, Group):
        now = state(item, k) or around
        return replace(item, items=tuple(_shown(i, k, now) for i in item.items))
    if around == "pending":
        return _faint(item)
    if around == "active" and isinstance(item, (Circle, Path)) and item.stroke:
        return replace(item, width=item.width * _HEAVIER)
    return item


def _faint(item: Item) -> Item:
    if isinstance(item, (Ink, Text)):
        return replace(item, fill=_FAINT)
    if isinstance(item, (Circle, Rectangle, Path)):
        stroke = _FAINT if item.stroke else None
        return replace(item, stroke=stroke, fill=_FAINT if item.fill else None)
    return item
