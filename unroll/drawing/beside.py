"""What stands beside nodes: values, gradients, and the names of functions and gradients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from unroll.drawing.annotating import CROWDED, Places, around_node, place_together
from unroll.drawing.labels import Label
from unroll.drawing.scene import Bounds, Group
from unroll.drawing.space import Space
from unroll.drawing.unfolding import Key
from unroll.drawing.values import Block
from unroll.drawing.view import View, marked

FUNCTION_ANGLES = (225, 210, 240, 315, 135, 45)
BADGE_ANGLES = (-69, -60, 69, 60, -45, 45, -111, -125, 111, 125, -140, 140)
FARTHER, FARTHEST = (0.0, 9.0, 18.0), (30.0, 44.0)  # more, where there is no room, px
FUNCTION_GAP, BADGE_GAP = 3.5, 6.0  # between a node and what stands at it, px
VALUE_ANGLES = (58, 45, 122, 135, -58, -45, -122)
GRADIENT_ANGLES = (-58, -45, -122, -135, 58, 45, 122)
LEVEL_ANGLES = (-30, -15, 15, 30, 165, 195, 75, 105)  # further ones, between a tree's branches


def place_blocks(
    view: View, space: Space, groups: dict[Key, list[Group]]
) -> tuple[dict[Key, Bounds], int]:
    """Values and gradients, for all steps of a variable at the same side where that is free.

    Answers with the boxes of the gradients, and how many blocks had no room.
    """
    crowded = 0
    boxes: dict[Key, Bounds] = {}
    branched = view.name == "unfolded" and (
        view.uneven or any(a.link.via for a in view.plan.arrows)
    )
    for blocks, angles in ((view.values, VALUE_ANGLES), (view.gradients, GRADIENT_ANGLES)):
        alike: dict[tuple[str, int], list[Key]] = {}
        for key in blocks:
            side = leaning(view, key) if branched else 0
            alike.setdefault((key[0], side), []).append(key)
        for (_, side), keys in alike.items():
            tried = [*angles, *LEVEL_ANGLES] if branched else list(angles)
            tried = [180 - a for a in tried] if side < 0 else tried
            chosen, misses = _best_angle(view, space, blocks, keys, tried)
            crowded += 0 if branched else CROWDED * misses
            for key in keys:
                angle = chosen
                if misses and branched:  # nodes of a tree are not steps: each may have its own side
                    angle, missed = _best_angle(view, space, blocks, [key], tried)
                    crowded += CROWDED * missed
                box = _block_box(view, blocks[key], key, angle)
                space.add_box(box)
                groups[key].append(blocks[key].at(box.left, box.top, view.name))
                if blocks is view.gradients:
                    boxes[key] = box
    return boxes, crowded


def leaning(view: View, key: Key) -> int:
    """On which side of its parent a node of a tree stands: -1 left, 1 right; 0 for any other node."""
    x, y = view.points[key]
    ends = [a for a in view.plan.arrows if a.link.via and key in (a.source, a.target)]
    others = [view.points[a.target if a.source == key else a.source] for a in ends]
    above = [other for other in others if other[1] < y]
    return 0 if not above or view.name == "folded" else -1 if x < above[0][0] else 1


def _best_angle(
    view: View,
    space: Space,
    blocks: Mapping[Key, Block],
    keys: list[Key],
    angles: Iterable[float],
) -> tuple[float, int]:
    found: list[tuple[int, float]] = []
    for angle in angles:
        misses = sum(not space.is_free(_block_box(view, blocks[k], k, angle)) for k in keys)
        if not misses:
            return angle, 0
        found.append((misses, angle))
    misses, chosen = min(found, key=lambda pair: pair[0])
    return chosen, misses


def _block_box(view: View, block: Block, key: Key, angle: float) -> Bounds:
    (center,) = around_node(view.points[key], view.radius, block.width, block.height, (angle,), 4.0)
    half = block.width / 2, block.height / 2
    return Bounds(
        center[0] - half[0], center[1] - half[1], center[0] + half[0], center[1] + half[1]
    )


def place_names(
    view: View, space: Space, groups: dict[Key, list[Group]], gradients: Mapping[Key, Bounds]
) -> int:
    """Names of opaque functions and of gradients, for all steps of a variable at the same side."""
    reached = {arrow.target for arrow in view.plan.arrows}
    functions: dict[str, list[tuple[Key, Label, Places]]] = {}
    badges: dict[str, list[tuple[Key, Label, Places]]] = {}
    for key, node in view.plan.nodes.items():
        variable = node.variable
        label = None
        if view.name == "unfolded" and key in reached and node.name in view.plan.joint:
            label = view.naming.function(variable.function) if variable.function else None
        if key in view.beside:
            label = view.beside[key]
        elif variable.sign and not variable.made and not node.ghost and key not in view.units:
            label = view.naming.sign(variable.sign)
        if label is not None:
            places = _around(view, key, label, FUNCTION_ANGLES, FUNCTION_GAP)
            functions.setdefault(node.name, []).append((key, label, places))
        if key in view.badges:
            label = view.naming.gradient(node)
            places = _around(view, key, label, BADGE_ANGLES, BADGE_GAP, gradients.get(key))
            places = _with_farthest(view, key, label, places)
            badges.setdefault(node.name, []).append((key, label, places))
    crowded = 0
    for names, color in ((functions, "ink"), (badges, "backward")):
        for members in names.values():
            placed, missed = place_together(space, [m[1:] for m in members])
            crowded += missed
            for (key, label, _), center in zip(members, placed):
                groups[key].append(marked(view, label.at(*center, color)))
    return crowded


def _around(
    view: View,
    key: Key,
    label: Label,
    angles: tuple[int, ...],
    gap: float,
    box: Bounds | None = None,
) -> Places:
    """Places for a name at a node; under the node's gradient, where that is shown."""
    rings = [
        around_node(view.points[key], view.radius, label.width, label.height, angles, gap + more)
        for more in FARTHER
    ]
    near, *far = [tuple(ring) for ring in rings]
    if box is not None:
        near = ((box.left + label.width / 2, box.bottom + 3.5 + label.height / 2), *near)
    return Places(near, tuple(place for ring in far for place in ring))


def _with_farthest(view: View, key: Key, label: Label, places: Places) -> Places:
    """Places for the name of a gradient, which says whose it is: beyond a line, too, at the worst."""
    size = label.width, label.height
    angles = (*BADGE_ANGLES, *LEVEL_ANGLES)
    rings = [
        around_node(view.points[key], view.radius, *size, angles, BADGE_GAP + more)
        for more in FARTHEST
    ]
    return Places(places.good, places.poor, tuple(place for ring in rings for place in ring))
