"""Schematics: the parts of a model as boxes, and what passes between them.

A part (module) is a box around variables; what one part reads of another is an arrow, with a delay
where it reads the step before. The boxes stand in rows; an arrow runs straight where both boxes
face each other, and around the right-hand side where others stand between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from unroll.drawing.boxes import outline_of
from unroll.drawing.geometry import Curve, arrowhead, commands, point_at, rounded, straight
from unroll.drawing.labels import SIZE, Label
from unroll.drawing.layout import MARGIN
from unroll.drawing.naming import Naming
from unroll.drawing.scene import (
    Bounds,
    Group,
    Item,
    Path,
    Point,
    Rectangle,
    Scene,
    bounds_of,
)
from unroll.drawing.settings import Settings
from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph
from unroll.symbolic.expressions import Reference

_HEIGHT, _BETWEEN, _GAP = 3.4 * SIZE, 5.2 * SIZE, 4.2 * SIZE  # of a box; rows, boxes apart, px
_PADDING, _CELL = 1.2 * SIZE, 3.0 * SIZE  # inside of a box; width of a cell, px
_LEAST = 4.0 * SIZE  # of what is inside, so that the arrows of a box keep apart, px
_SQUARE, _APART, _TIP = 11.0, 2.6 * SIZE, 1.5  # of a delay; two arrows; a tip from its box, px
_SIZE = 0.9 * SIZE  # of titles, px
_VIEW = (("view", "folded"),)


@dataclass(frozen=True)
class _Way:
    """What passes from one part to another: variables, and whether of the step before."""

    source: str
    target: str
    delayed: bool
    names: tuple[str, ...]


def draw_schematic(
    graph: FoldedGraph,
    settings: Settings,
    naming: Naming,
    lengths: Mapping[str, int],
    title: str,
    description: str,
) -> Scene:
    """The parts that the settings name, in their rows.

    lengths: of other axes, by name: as many cells has a box whose variables run over them.
    Raises UnrollError where no parts are named, and for one that no row holds.
    """
    rows = [[name.strip() for name in row.split("|")] for row in settings.schematic]
    _check(graph, settings, rows)
    boxes = _placed(graph, settings, rows, lengths, naming)
    items: list[Item] = [
        _box(naming.title(name, _SIZE), box, _cells(graph, settings.modules[name], lengths), name)
        for name, box in boxes.items()
    ]
    ways = _ways(graph, settings)
    right = max(box.right for box in boxes.values())
    items += [_edge(naming, way, curve) for way, curve in _routes(ways, boxes, rows, right)]
    bounds = bounds_of(items).grown(MARGIN)
    return Scene(tuple(items), bounds, title, description)


def _check(graph: FoldedGraph, settings: Settings, rows: Sequence[Sequence[str]]) -> None:
    if not settings.modules:
        raise UnrollError(
            "this recurrence has no schematic",
            remedy="A template's [figure] names its modules, and their rows as schematic.",
        )
    standing = {name for row in rows for name in row}
    for name in settings.modules:
        if name not in standing:
            raise UnrollError(f"the module {name!r} stands in no row of the schematic")
    for name in sorted(standing - set(settings.modules)):
        raise UnrollError(f"the schematic has no module {name!r}")
    for names in settings.modules.values():
        for name in names:
            if name not in graph:
                raise UnrollError(f"there is no variable {name!r} in this recurrence")


# --- boxes -----------------------------------------------------------------------------------------


def _placed(
    graph: FoldedGraph,
    settings: Settings,
    rows: Sequence[Sequence[str]],
    lengths: Mapping[str, int],
    naming: Naming,
) -> dict[str, Bounds]:
    """Rows of boxes, all rows as wide as the widest, the boxes of a row equally wide."""

    def need(name: str) -> float:
        cells = _cells(graph, settings.modules[name], lengths) * _CELL
        return max(naming.title(name, _SIZE).width, cells, _LEAST) + 2 * _PADDING

    width = max(len(row) * max(map(need, row)) + (len(row) - 1) * _GAP for row in rows)
    found, y = {}, 0.0
    for row in rows:
        each = (width - (len(row) - 1) * _GAP) / len(row)
        tall = any(_cells(graph, settings.modules[name], lengths) for name in row)
        height = _HEIGHT + (_CELL if tall else 0.0)
        for i, name in enumerate(row):
            x = i * (each + _GAP)
            found[name] = Bounds(x, y, x + each, y + height)
        y += height + _BETWEEN
    return found


def _cells(graph: FoldedGraph, names: Sequence[str], lengths: Mapping[str, int]) -> int:
    """How many cells a part has: as many as its variables have rows beyond the steps of time."""
    axes = {axis.name: axis.length for axis in graph.axes}
    counts = [
        lengths.get(axes[letter], 3)
        for name in names
        for letter in graph.nodes[name]["variable"].axes[1:]
        if len(names) == 1
    ]
    return max(counts, default=0)


def _box(title: Label, box: Bounds, cells: int, name: str) -> Group:
    x, y = box.center
    items: list[Item] = [Path(outline_of(box))]
    if cells:
        left, top = x - cells * _CELL / 2, box.bottom - _CELL - _PADDING / 2
        items += [
            Rectangle(left + i * _CELL, top, _CELL, _CELL, "ink", "shade", 1.25)
            for i in range(cells)
        ]
        y = (box.top + top) / 2
    items.append(title.at(x, y))
    return Group("box", tuple(items), (*_VIEW, ("name", name)), name)


# --- ways ------------------------------------------------------------------------------------------


def _ways(graph: FoldedGraph, settings: Settings) -> list[_Way]:
    """The links between parts as one way for each pair and delay; inside of a part only delays."""
    part = {name: title for title, names in settings.modules.items() for name in names}
    found: dict[tuple[str, str, bool], dict[str, None]] = {}
    for link in graph.links:
        if link.source not in part or link.target not in part:
            continue
        delayed = any(link.lags)
        ends = part[link.source], part[link.target]
        if ends[0] != ends[1] or delayed:
            found.setdefault((*ends, delayed), {})[link.source] = None
    return [_Way(*key, tuple(names)) for key, names in found.items()]


def _routes(
    ways: Sequence[_Way],
    boxes: Mapping[str, Bounds],
    rows: Sequence[Sequence[str]],
    right: float,
) -> list[tuple[_Way, Curve]]:
    """A curve for each way."""
    at = {name: (i, k) for i, row in enumerate(rows) for k, name in enumerate(row)}
    facing = nx.Graph()
    for upper, lower in pairwise(rows):
        facing.add_edges_from((a, b) for a in upper for b in lower if _shared(boxes[a], boxes[b]))
    for row in rows:
        facing.add_edges_from(pairwise(row))
    found, outer = [], 0
    for way in ways:
        a, b = boxes[way.source], boxes[way.target]
        if way.source == way.target:
            found.append((way, _loop(a)))
        elif facing.has_edge(way.source, way.target):
            both = [w for w in ways if {w.source, w.target} == {way.source, way.target}]
            share = (both.index(way) + 1) / (len(both) + 1)
            lateral = at[way.source][0] == at[way.target][0]
            found.append((way, _across(a, b, share, len(both), lateral)))
        else:
            outer += 1
            found.append((way, _around(a, b, right + outer * _APART)))
    return found


def _shared(a: Bounds, b: Bounds) -> bool:
    return min(a.right, b.right) - max(a.left, b.left) > 1


def _across(a: Bounds, b: Bounds, share: float, count: int, lateral: bool) -> Curve:
    """A straight line between two boxes that face each other."""
    if lateral:
        y = a.top + share * a.height
        ends = (a.right, b.left - _TIP) if a.left < b.left else (a.left, b.right + _TIP)
        return straight((ends[0], y), (ends[1], y))
    low, high = max(a.left, b.left), min(a.right, b.right)
    x = (low + high) / 2 + (share - 0.5) * (count + 1) * min(_APART, (high - low) / (count + 1))
    ends = (a.bottom, b.top - _TIP) if a.top < b.top else (a.top, b.bottom + _TIP)
    return straight((x, ends[0]), (x, ends[1]))


def _loop(box: Bounds) -> Curve:
    """Out at the left and in again, through the delay."""
    y, x, up = box.center[1], box.left, 0.3 * box.height
    way: tuple[Point, ...] = (
        (x, y - up),
        (x - _APART, y - up),
        (x - _APART, y + up),
        (x - _TIP, y + up),
    )
    return rounded(way, 12.0)


def _around(a: Bounds, b: Bounds, x: float) -> Curve:
    (_, ay), (_, by) = a.center, b.center
    return rounded(((a.right, ay), (x, ay), (x, by), (b.right + _TIP, by)), 12.0)


def _edge(naming: Naming, way: _Way, curve: Curve) -> Group:
    shaft, head = arrowhead(curve, 1.1)
    x, y = _middle(curve)
    items: list[Item] = [
        Path(commands(shaft), width=1.5),
        Path((("M", head[0]), *(("L", p) for p in head[1:]), ("Z", ())), None, "ink"),
    ]
    if way.delayed:
        half = _SQUARE / 2
        square = Rectangle(x - half, y - half, _SQUARE, _SQUARE, fill="ink")
        items.append(Group("delay", (square,), _VIEW, "delay of one step"))
    label = naming.factors(tuple(Reference(name) for name in way.names))
    aside = (_SQUARE / 2 if way.delayed else 0.0) + 5.5
    start, stop = curve[0][0], curve[-1][3]
    if way.source != way.target and abs(start[1] - stop[1]) < 1:
        items.append(label.at(x, y - aside - label.height / 2))
    else:
        side = -1 if way.source == way.target else 1
        items.append(label.at(x + side * (aside + label.width / 2), y))
    data = (
        *_VIEW,
        ("source", way.source),
        ("target", way.target),
        ("label", ", ".join(way.names)),
        ("lag", str(int(way.delayed))),
        ("flow", "forward"),
    )
    return Group("edge", tuple(items), data, f"{way.source} to {way.target}, {label.text}")


def _middle(curve: Curve) -> Point:
    """Half way, on the straight part of a way around corners."""
    longest = max(curve, key=lambda c: abs(c[3][0] - c[0][0]) + abs(c[3][1] - c[0][1]))
    if len(curve) > 2:
        longest = max(
            (c for c in curve if abs(c[3][0] - c[0][0]) < 1),
            key=lambda c: abs(c[3][1] - c[0][1]),
            default=longest,
        )
    return point_at((longest,), 0.5)
