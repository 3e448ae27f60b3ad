"""Reading a scene: a line and its arrowhead, a formula and its letters, an edge and its nodes.

For formats that have words of their own for these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import hypot

from unroll.drawing.scene import Circle, Command, Group, Ink, Item, Path, Point, Stamp, Text

HEAD = 8.5, 6.2, 0.28  # of an arrow at scale 1: length and width, px; the inset, of the length
BODIES = ("node", "ghost")


def with_heads(items: Iterable[Item]) -> Iterator[tuple[Item, Path | None]]:
    """Each item, a line with the arrowhead that follows it."""
    waiting: Path | None = None
    for item in items:
        if waiting is not None:
            if _is_head(item, waiting):
                yield waiting, item if isinstance(item, Path) else None
                waiting = None
                continue
            yield waiting, None
            waiting = None
        if isinstance(item, Path) and item.stroke and not item.fill:
            waiting = item
        else:
            yield item, None
    if waiting is not None:
        yield waiting, None


def scale_of(head: Path) -> float:
    """How large an arrowhead is, by its width."""
    (ax, ay), (bx, by) = end_of(head.commands[1]), end_of(head.commands[3])
    return round(hypot(ax - bx, ay - by) / HEAD[1], 2)


def end_of(command: Command) -> Point:
    """The point at which a command of a path ends."""
    return command[1][-2], command[1][-1]


def shaft_and_tip(edge: Group) -> tuple[Path, Point] | None:
    """The line of an edge, and the tip of its arrow; None for an edge without."""
    for item, head in with_heads(edge.items):
        if isinstance(item, Path) and head is not None:
            return item, end_of(head.commands[0])
    return None


def circle_of(group: Group) -> Circle | None:
    """The circle of a node."""
    return next((i for i in group.items if isinstance(i, Circle)), None)


def reference(body: Group) -> str:
    """The name of a node with its index, as edges call it: h[t-1]; in the circuit h."""
    index, name = body.fact("index"), body.fact("name") or ""
    return name if index is None else f"{name}[{index}]"


def is_called(body: Group, edge: Group, end: str) -> bool:
    """Whether a node is what an edge calls its source or its target."""
    return body.fact("view") == edge.fact("view") and reference(body) == edge.fact(end)


def apart(circle: Circle, at: Point) -> float:
    """How far a point is from the middle of a circle."""
    return hypot(circle.x - at[0], circle.y - at[1])


def is_lettering(items: Sequence[Item]) -> bool:
    """Whether there is something, and all of it is letters."""
    return bool(items) and all(isinstance(i, (Ink, Text)) for i in items)


def formulas(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Runs that show one formula each: an ink with TeX, and what follows without."""
    run: list[Item] = []
    for item in items:
        leads = isinstance(item, Ink) and bool(item.tex)
        if leads and run and any(isinstance(i, Ink) for i in run):
            yield run
            run = []
        run.insert(0, item) if leads else run.append(item)
    if run:
        yield run


def shapes(items: Iterable[Item]) -> Iterator[Item]:
    """All shapes in items, those of symbols not included."""
    for item in items:
        if isinstance(item, Group):
            yield from shapes(item.items)
        elif not isinstance(item, Stamp):
            yield item


def _is_head(item: Item, line: Path) -> bool:
    """Whether a path is the filled stealth at the end of a line."""
    if not isinstance(item, Path) or item.stroke or item.fill != line.stroke:
        return False
    if [letter for letter, _ in item.commands] != ["M", "L", "L", "L", "Z"]:
        return False
    tip, end = end_of(item.commands[0]), end_of(line.commands[-1])
    return hypot(tip[0] - end[0], tip[1] - end[1]) < 1.2 * HEAD[0] * scale_of(item)
