"""The picture of a page: the unfolded graph in pieces, with frames that the page fills with numbers.

A picture whose nodes have room beside them shows numbers there, and arrows of both passes side by
side. Where that would grow far beyond a screen, nodes carry their numbers as strips inside, and the
way back lights up on the arrows of the way there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import atan2, ceil, cos, floor, hypot, sin
from typing import TYPE_CHECKING, Any

from unroll.drawing.geometry import ARROW_LENGTH, ARROW_WIDTH
from unroll.drawing.scene import Circle, Group, Item, Path, Rectangle, Scene, bounds_of
from unroll.errors import UnrollError
from unroll.export.svg import write_svg
from unroll.stepper.story import Story

if TYPE_CHECKING:
    from unroll.interface import Recurrence
    from unroll.numeric.trace import Trace

_BESIDE = ("caption", "legend")  # what the page shows in panels of its own
_ROOMY = 2.9  # as much wider may a picture with numbers beside its nodes be than one without
_MANY = 8  # arrows of a slice; with more of them it is not even tried
_OVER = 2.2  # width of an arrow of the way back, over that of the way there


def picture_of(
    recurrence: Recurrence, trace: Trace, story: Story, hidden: Sequence[str], **options: str
) -> dict[str, Any]:
    """The unfolded picture: its head, its definitions, and each group with its ends.

    items: [left, top, right, bottom, node or None, number of a pattern, values...]; patterns: texts and
    numbers of the values that stand between them.
    """
    scene = _scene(recurrence, trace, story, hidden, options)
    kept = [item for item in scene.items if not _is_beside(item)]
    scene = replace(scene, items=tuple(kept), bounds=bounds_of(kept).grown(10))
    head, _, rest = write_svg(scene, "light", transparent=True).partition("<defs>\n")
    if not rest:
        head, _, rest = head.partition("</desc>\n")
        head, rest = f"{head}</desc>\n", f"</defs>\n{rest}"
    defs, _, body = rest.partition("</defs>\n")
    groups = body.removesuffix("</svg>\n").splitlines()
    assert len(groups) == len(kept)
    patterns, packed = pack(groups)
    return {
        "head": head,
        "defs": defs,
        "left": scene.bounds.left,
        "top": scene.bounds.top,
        "patterns": patterns,
        "items": [[*_ends(item), *row] for item, row in zip(kept, packed)],
    }


def _scene(
    recurrence: Recurrence,
    trace: Trace,
    story: Story,
    hidden: Sequence[str],
    options: dict[str, Any],
) -> Scene:
    """With numbers beside the nodes, or inside them where that makes the picture far smaller."""
    options = {**options, "hide": hidden, "view": "unfolded"}
    is_tree = any(axis.leaves for axis in trace.forward.axes)
    if not is_tree:
        options["elide"] = "none"

    def roomy() -> Scene:
        flow = "both" if trace.gradients else "forward"
        scene = recurrence.draw(flow=flow, values=trace, **options).scene
        return replace(scene, items=tuple(_emptied(item) for item in scene.items))

    if is_tree:
        return roomy()
    try:
        lengths = dict(trace.sizes.lengths)
        small = recurrence.draw(flow="forward", steps=lengths, **options).scene
    except UnrollError:  # what only a run can say how to draw
        return roomy()
    slices = {(_bare(g, "source"), _bare(g, "target")) for g in small.groups("edge")}
    if len(slices) <= _MANY:
        found = roomy()
        if found.bounds.width <= _ROOMY * small.bounds.width:
            return found
    return _with_strips(small, _back(story))


def _bare(edge: Group, end: str) -> str:
    return (edge.fact(end) or "").split("[")[0]


def _back(story: Story) -> set[tuple[str, str]]:
    """The ends of every arrow of the way back, tail first."""
    found = set()
    for n in range(1, len(story) + 1):
        found |= {(s, t) for s, t, flow in story.instance(n).edges if flow == "backward"}
    return found


def _is_beside(item: Item) -> bool:
    return isinstance(item, Group) and item.kind in _BESIDE


def _ends(item: Item) -> list[Any]:
    box = bounds_of([item])
    node = None
    if isinstance(item, Group) and item.kind == "node":
        index = item.fact("index")
        node = (item.fact("name") or "") + (f"[{index}]" if index is not None else "")
    return [floor(box.left), floor(box.top), ceil(box.right), ceil(box.bottom), node]


# --- frames --------------------------------------------------------------------------------------


def _emptied(item: Item) -> Item:
    """A node whose values are empty frames."""
    if not isinstance(item, Group) or item.kind not in ("node", "ghost"):
        return item
    inner: list[Item] = []
    for child in item.items:
        if isinstance(child, Group) and child.kind == "value":
            box = bounds_of([child])
            back = any(isinstance(i, Rectangle) and i.stroke == "backward" for i in child.items)
            frame = (box.left, box.top, box.width, box.height)
            inner.append(_frame(frame, back, child.data))
        else:
            inner.append(child)
    data = tuple((k, v) for k, v in item.data if k not in ("value", "gradient"))
    return replace(item, items=tuple(inner), data=data)


def _frame(
    box: tuple[float, float, float, float], back: bool, data: tuple[tuple[str, str], ...]
) -> Group:
    frame = Rectangle(*box, "backward" if back else "ink", None, 0.9)
    return Group("value", (frame,), (*data, ("of", "gradient" if back else "value")))


def _with_strips(scene: Scene, back: set[tuple[str, str]]) -> Scene:
    """Strips inside the nodes, the gradient's above and the value's below; arrows for the way back."""
    items: list[Item] = []
    for item in scene.items:
        if not isinstance(item, Group):
            items.append(item)
        elif item.kind in ("node", "ghost"):
            items.append(_stripped(item))
        else:
            items.append(item)
            if item.kind == "edge":
                over = _returned(item, back)
                items += [over] if over else []
    return replace(scene, items=tuple(items))


def _stripped(node: Group) -> Group:
    circle = next((i for i in node.items if isinstance(i, Circle)), None)
    if circle is None:
        return node
    x, y, r = circle.x, circle.y, circle.radius
    data = (("view", "unfolded"),)
    below = _frame((x - 0.62 * r, y + 0.46 * r, 1.24 * r, 0.24 * r), False, data)
    above = _frame((x - 0.62 * r, y - 0.7 * r, 1.24 * r, 0.24 * r), True, data)
    return replace(node, items=(*node.items, below, above))


def _returned(edge: Group, back: set[tuple[str, str]]) -> Group | None:
    """An arrow the other way on the line of an arrow; None where no gradient comes along it."""
    source, target = edge.fact("source") or "", edge.fact("target") or ""
    line = next((i for i in edge.items if isinstance(i, Path) and i.stroke), None)
    if (target, source) not in back or line is None:
        return None
    start = line.commands[0][1]
    tip = (start[0], start[1])
    rest = next(
        (p for _, p in line.commands[1:] if p and hypot(p[0] - tip[0], p[1] - tip[1]) > 1), None
    )
    if rest is None:
        return None
    angle = atan2(tip[1] - rest[1], tip[0] - rest[0])
    long, half = 1.1 * ARROW_LENGTH, 0.55 * ARROW_WIDTH

    def turned(x: float, y: float) -> tuple[str, tuple[float, ...]]:
        at = (
            tip[0] + x * cos(angle) - y * sin(angle),
            tip[1] + x * sin(angle) + y * cos(angle),
        )
        return "L", at

    polygon = (turned(-1.5, 0), turned(-long - 1.5, -half), turned(-0.72 * long - 1.5, 0))
    head = (("M", polygon[0][1]), *polygon[1:], turned(-long - 1.5, half), ("Z", ()))
    swapped = {"source": target, "target": source, "flow": "backward"}
    data = tuple((k, swapped.get(k, v)) for k, v in edge.data if k != "label")
    own = (
        replace(line, stroke="backward", width=_OVER),
        Path(head, stroke=None, fill="backward"),
    )
    return Group("edge", own, (*data, ("over", "1")), f"{target} to {source}")


# --- packing ---------------------------------------------------------------------------------------

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def pack(texts: Iterable[str]) -> tuple[list[list[str | int]], list[list[Any]]]:
    """Texts that differ in numbers only, as a pattern and their numbers: steps look alike.

    Answers with the patterns, texts and numbers of values in turns, and for each text the number of its
    pattern and its values: what is the same in all, or said before, is not said again.
    """
    rows: dict[tuple[str, ...], list[tuple[int, list[str]]]] = {}
    count = 0
    for count, text in enumerate(texts, 1):
        key = tuple(_NUMBER.split(text))
        rows.setdefault(key, []).append((count - 1, _NUMBER.findall(text)))
    patterns: list[list[str | int]] = []
    packed: list[list[Any]] = [[] for _ in range(count)]
    for key, found in rows.items():
        columns = list(zip(*(numbers for _, numbers in found)))
        pattern: list[str | int] = [key[0]]
        own: dict[tuple[str, ...], int] = {}
        for column, after in zip(columns, key[1:]):
            if len(set(column)) > 1:
                pattern += [own.setdefault(column, len(own)), after]
            else:
                last = pattern.pop()
                pattern.append(f"{last}{column[0]}{after}")
        for k, (place, _) in enumerate(found):
            packed[place] = [len(patterns), *(_plain(column[k]) for column in own)]
        patterns.append(pattern)
    return patterns, packed


def _plain(text: str) -> int | float | str:
    """A number that a script writes as it is written here."""
    number = float(text) if "." in text else int(text)
    return number if str(number) == text and abs(number) < 10**15 else text
