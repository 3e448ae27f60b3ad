"""Very long figures: one slice is drawn once and repeated, its number put together from digits.

A short sequence is laid out instead of the long one; its middle column becomes the slice, what
comes after it moves to the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from unroll.drawing.columns import Column, Timeline, numbered
from unroll.drawing.labels import Label
from unroll.drawing.naming import Naming
from unroll.drawing.painting import Painted
from unroll.drawing.scene import Circle, Group, Ink, Item, Shape, Stamp, moved
from unroll.drawing.unfolding import Node, Plan
from unroll.graph.folded import FoldedGraph
from unroll.symbolic.expressions import Index, references

LONG = 400  # steps from which on slices are repeated
Symbols = tuple[tuple[str, tuple[Item, ...]], ...]


def middle_of(graph: FoldedGraph) -> int:
    """The step that becomes the slice: no start and no end is within its reach."""
    return 4 + max((abs(link.lag) for link in graph.links if link.lag), default=0)


def is_periodic(graph: FoldedGraph, steps: int | None, elide: str) -> bool:
    """Whether all but the first and last steps look the same, and there are many of them."""
    if steps is None or steps <= LONG or elide != "none" or graph.length.isdigit():
        return False
    numbers = [
        index.offset
        for link in graph.links
        for index in (*link.at, *link.to, *(i for side in link.within for i in side))
        if not index.base
    ]
    return (
        all(v.ranges for v in graph.variables)
        and not any(link.cut is not None for link in graph.links)
        and max(numbers, default=0) < middle_of(graph)
        and not any(r.indices for k in graph.links for f in k.factors for r in references(f))
    )


def shortened(graph: FoldedGraph, steps: int) -> Timeline:
    """The columns of a short sequence; those after the middle bear the numbers of the last steps."""
    middle = middle_of(graph)
    short = 2 * middle - 1
    line = numbered(graph, short, "none")
    return replace(
        line,
        columns=tuple(_renamed(c, steps - short) if c.first > middle else c for c in line.columns),
    )


def _renamed(column: Column, by: int) -> Column:
    assert column.index is not None
    return replace(column, index=column.index.shift(by))


def repeat(
    graph: FoldedGraph, line: Timeline, plan: Plan, painted: Painted, steps: int, naming: Naming
) -> tuple[tuple[Item, ...], Symbols]:
    """The items of the long figure, and the symbols that they repeat."""
    middle = middle_of(graph)
    at = next(i for i, c in enumerate(line.columns) if c.first == middle)
    repeats = steps - (2 * middle - 1) + 1
    before = [g for column, g in painted.groups if column is None or column < at]
    slice_groups = [g for column, g in painted.groups if column == at]
    after = [g for column, g in painted.groups if column is not None and column > at]
    nodes = {node.name: node for key, node in plan.nodes.items() if key[1] == at}
    numbers = range(middle, middle + repeats)
    pitch = _pitch(slice_groups, after)
    symbols: list[tuple[str, tuple[Item, ...]]] = []
    for digits in range(len(str(numbers[0])), len(str(numbers[-1])) + 1):
        labels = {name: _label(naming, node, digits) for name, node in nodes.items()}
        symbols.append((f"slice-{digits}", tuple(_slice(slice_groups, labels))))
        for place in range(digits):
            for digit in "0123456789":
                shapes = tuple(_digit(naming, slice_groups, nodes, digits, place, digit))
                symbols.append((f"digit-{digits}-{place}-{digit}", shapes))
    items: list[Item] = [*before]
    for k, number in enumerate(numbers):
        text = str(number)
        data = (("view", "unfolded"), ("step", text))
        items.append(Stamp(f"slice-{len(text)}", k * pitch, 0.0, "slice", data))
        items += [
            Stamp(f"digit-{len(text)}-{place}-{digit}", k * pitch)
            for place, digit in enumerate(text)
        ]
    items += [moved(group, (repeats - 1) * pitch, 0.0) for group in after]
    return tuple(items), tuple(symbols)


def _pitch(groups: list[Group], after: list[Group]) -> float:
    """How far the same node of the next column lies to the right."""
    here, there = (
        {_place(g)[0]: _place(g)[1] for g in gs if _place(g)[0]} for gs in (groups, after[::-1])
    )
    return next(there[name] - x for name, x in here.items() if name in there)


def _place(group: Group) -> tuple[str | None, float]:
    circle = next((i for i in group.items if isinstance(i, Circle)), None)
    return (group.fact("name"), circle.x) if circle is not None else (None, 0.0)


def _label(naming: Naming, node: Node, digits: int) -> Label:
    """A node's label with a number of so many digits (which are equally wide)."""
    return naming.node(replace(node, index=Index("", int("8" * digits))))


def _slice(groups: list[Group], labels: dict[str, Label]) -> Iterator[Item]:
    """The shapes of a slice, without the digits; names of gradients bear numbers and are left out."""
    for group in groups:
        name = group.fact("name")
        circle = next((i for i in group.items if isinstance(i, Circle)), None)
        if name is None or circle is None:
            yield from _shapes(group)
            continue
        yield circle
        label = labels[name]
        for shape in label.shapes_at(circle.x, circle.y)[:1]:
            yield replace(shape, tex="") if isinstance(shape, Ink) else shape
        for extra in group.items[2:]:
            yield from (s for s in _shapes(extra) if s.fill != "backward")


def _digit(
    naming: Naming, groups: list[Group], nodes: dict[str, Node], digits: int, place: int, digit: str
) -> Iterator[Item]:
    """A digit at its place in the labels of all nodes of a slice."""
    for group in groups:
        name = group.fact("name")
        circle = next((i for i in group.items if isinstance(i, Circle)), None)
        if name is None or circle is None:
            continue
        frame = _label(naming, nodes[name], digits).shapes[1:]
        written = naming.node(replace(nodes[name], index=Index("", int(digit)))).shapes[1:]
        if len(frame) == digits and isinstance(shape := written[0], Ink):
            yield Ink(shape.outline, frame[place].x + circle.x, frame[place].y + circle.y)


def _shapes(item: Item) -> Iterator[Shape]:
    if isinstance(item, Group):
        for child in item.items:
            yield from _shapes(child)
    elif not isinstance(item, Stamp):
        yield item
