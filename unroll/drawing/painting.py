"""Painting: a view as groups of the scene, with every label in a free place."""

from __future__ import annotations

from dataclasses import dataclass

from unroll.drawing.beside import place_blocks, place_names
from unroll.drawing.lines import (
    arriving,
    delays,
    edge,
    place_cuts,
    place_labels,
    side_of_delay,
    visible_lines,
)
from unroll.drawing.marks import cut_box, place_sums, set_back, set_forth
from unroll.drawing.scene import Bounds, Circle, Group, Item
from unroll.drawing.space import Space
from unroll.drawing.unfolding import Arrow, Key, Node
from unroll.drawing.view import DASH, View, marked


@dataclass(frozen=True, slots=True)
class Painted:
    """Groups by the column that they belong to (None: to none), and how many labels had no room."""

    groups: tuple[tuple[int | None, Group], ...]
    crowded: int

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(group for _, group in self.groups)


def paint(view: View) -> Painted:
    """The view's edges, then its nodes."""
    lines = visible_lines(view)
    space = Space(view.radius)
    for point in view.points.values():
        space.add_node(point)
    for line in lines:
        space.add_curve(line.visible)
    squares = delays(view, lines)
    cuts = place_cuts(view, lines)
    for line in lines:
        if line.strand in cuts:
            space.add_box(cut_box(line.visible, cuts[line.strand]))
    for strand, found in squares.items():
        for center in found:
            half = side_of_delay(view, strand) / 2
            space.add_box(Bounds(*center, *center).grown(half))
    beside_nodes: dict[Key, list[Group]] = {key: [] for key in view.plan.nodes}
    sums = place_sums(view, space, arriving(view, lines)) if view.sums else {}
    for key, sign in sums.items():
        beside_nodes[key].append(sign)
    gradients, crowded = place_blocks(view, space, beside_nodes)
    if gradients:
        crowded += place_names(view, space, beside_nodes, gradients)
    labels, missed = place_labels(view, space, lines, squares)
    crowded += missed
    if not gradients:
        crowded += place_names(view, space, beside_nodes, gradients)
    shared = {strand for strand, found in squares.items() if found and strand.offset}
    edges = [
        (
            _column(line.strand.arrow),
            edge(view, line, squares[line.strand], labels.get(line.strand), cuts.get(line.strand)),
        )
        for line in sorted(lines, key=lambda line: line.strand in shared)  # over both strands
    ]
    nodes = [
        (key[1], _node(view, node, beside_nodes[key])) for key, node in view.plan.nodes.items()
    ]
    return Painted(tuple(edges + nodes), crowded)


def _column(arrow: Arrow) -> int | None:
    return arrow.target[1] if arrow.target[1] is not None else arrow.source[1]


def _node(view: View, node: Node, extras: list[Group]) -> Group:
    x, y = view.points[node.key]
    data = [("view", view.name), ("name", node.name)]
    if node.index_text is not None:
        data.append(("index", node.index_text))
    data.append(("role", node.variable.role))
    for fact, blocks in (("value", view.values), ("gradient", view.gradients)):
        if node.key in blocks:
            data.append((fact, blocks[node.key].json))
    fill = "shade" if node.key in view.units else None
    circle = Circle(x, y, view.radius, fill=fill, dash=DASH if node.ghost else None)
    label = marked(view, view.labels[node.key].at(x, y))
    kind = "ghost" if node.ghost else "node"
    items: tuple[Item, ...] = (circle, label, *extras)
    if view.on_path is not None:
        on_path = node.key in view.on_path
        items = tuple(map(set_forth if on_path else set_back, items))
        data += [("path", "true")] if on_path else []
    return Group(kind, items, tuple(data), _spoken(node))


def _spoken(node: Node) -> str:
    return f"{node.variable.role} {node.reference}"
