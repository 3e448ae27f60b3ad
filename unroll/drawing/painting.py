"""Painting: a placed and routed view as groups of the scene, with every label in a free place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from unroll.drawing.annotating import around_node, beside_line, beside_square, first_free
from unroll.drawing.flows import Strand
from unroll.drawing.geometry import (
    Curve,
    arc_fraction,
    arrowhead,
    beside,
    commands,
    length,
    point_at,
    reverse,
    trimmed,
)
from unroll.drawing.labels import Label
from unroll.drawing.naming import Naming
from unroll.drawing.routing import SQUARE
from unroll.drawing.scene import Bounds, Circle, Group, Item, Path, Point, Rectangle
from unroll.drawing.space import Space
from unroll.drawing.unfolding import Arrow, Key, Node, Plan
from unroll.drawing.values import Block

DASH = (4.2, 3.2)
FUNCTION_ANGLES = (225, 210, 240, 315, 135, 45)
BADGE_ANGLES = (-62, -50, -40, -75, -125, -140, 62, 45, 125, 140)
VALUE_ANGLES = (58, 45, 122, 135, -58, -45, -122)
GRADIENT_ANGLES = (-58, -45, -122, -135, 58, 45, 122)


@dataclass(frozen=True, slots=True)
class View:
    """What is painted: a plan, where its nodes are and how its arrows run.

    name: folded or unfolded; blocks: values and gradients beside nodes; badges: nodes that show
    the name of their gradient.
    """

    name: str
    plan: Plan
    points: Mapping[Key, Point]
    curves: Mapping[Arrow, Curve]
    strands: tuple[Strand, ...]
    labels: Mapping[Key, Label]
    radius: float
    naming: Naming
    axis: str
    badges: frozenset[Key] = frozenset()
    values: Mapping[Key, Block] = field(default_factory=dict)
    gradients: Mapping[Key, Block] = field(default_factory=dict)

    @property
    def data(self) -> tuple[tuple[str, str], ...]:
        return (("view", self.name),)


@dataclass(frozen=True, slots=True)
class Painted:
    """Groups by the column that they belong to (None: to none), and how many labels had no room."""

    groups: tuple[tuple[int | None, Group], ...]
    crowded: int

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(group for _, group in self.groups)


@dataclass(frozen=True, slots=True)
class _Line:
    """A strand as it is seen: between the circles, without what the arrowhead covers."""

    strand: Strand
    visible: Curve
    shaft: Curve
    head: tuple[Point, ...]


def paint(view: View) -> Painted:
    """The view's edges, then its nodes."""
    lines = [_line(view, strand) for strand in view.strands]
    space = Space(view.radius)
    for point in view.points.values():
        space.add_node(point)
    for line in lines:
        space.add_curve(line.visible)
    squares = {line.strand: _squares(view, line) for line in lines}
    for found in squares.values():
        for center in found:
            half = SQUARE * view.radius / 2
            space.add_box(Bounds(*center, *center).grown(half))
    beside_nodes: dict[Key, list[Group]] = {key: [] for key in view.plan.nodes}
    crowded = _place_blocks(view, space, beside_nodes)
    labels, missed = _place_labels(view, space, lines, squares)
    crowded += missed + _place_names(view, space, beside_nodes)
    edges = [
        (
            _column(line.strand.arrow),
            _edge(view, line, squares[line.strand], labels.get(line.strand)),
        )
        for line in lines
    ]
    nodes = [
        (key[1], _node(view, node, beside_nodes[key])) for key, node in view.plan.nodes.items()
    ]
    return Painted(tuple(edges + nodes), crowded)


def _column(arrow: Arrow) -> int | None:
    return arrow.target[1] if arrow.target[1] is not None else arrow.source[1]


# --- lines ---------------------------------------------------------------------------------------


def _line(view: View, strand: Strand) -> _Line:
    arrow = strand.arrow
    curve = view.curves[arrow]
    tail, head = view.points[arrow.source], view.points[arrow.target]
    if strand.flow == "backward":
        curve, tail, head = reverse(curve), head, tail
    curve = trimmed(beside(curve, strand.offset), tail, head, view.radius, 1.5)
    shaft, polygon = arrowhead(curve, 1.1 if strand.width > 1.25 else 1.0)
    return _Line(strand, curve, shaft, polygon)


def _squares(view: View, line: _Line) -> tuple[Point, ...]:
    """Where the delays of an arrow of the circuit stand: one a step, up to three."""
    lag = line.strand.arrow.link.lag
    if view.name != "folded" or not lag:
        return ()
    count = min(abs(lag), 3)
    curve = view.curves[line.strand.arrow]
    apart = 1.7 * SQUARE * view.radius / length(curve)
    shares = [0.5 + (i - (count - 1) / 2) * apart for i in range(count)]
    return tuple(point_at(curve, arc_fraction(curve, share)) for share in shares)


def _place_labels(
    view: View, space: Space, lines: list[_Line], squares: Mapping[Strand, tuple[Point, ...]]
) -> tuple[dict[Strand, Group], int]:
    """Labels of lines: those of one link all at the same place along their lines, if possible."""
    together: dict[tuple[object, str], list[tuple[_Line, Label, list[Point]]]] = {}
    for line in lines:
        label, below = _text_of(view, line.strand)
        if label is not None:
            places = list(_places(view, line, label, squares, below))
            key = line.strand.arrow.link, line.strand.flow
            together.setdefault(key, []).append((line, label, places))
    found: dict[Strand, Group] = {}
    crowded = 0
    for group in together.values():
        boxes = [[label.bounds(*p) for p in places] for _, label, places in group]
        count = min(len(b) for b in boxes)
        best = _common_place(space, boxes, count)
        for line, label, places in group:
            center, fits = first_free(label, [places[best], *places], space)
            space.add_box(label.bounds(*center))
            crowded += not fits
            found[line.strand] = _marked(view, label.at(*center, line.strand.paint))
    return found, crowded


def _common_place(space: Space, boxes: list[list[Bounds]], count: int) -> int:
    """The first of the places that most labels can take."""
    best, most = 0, -1
    for i in range(count):
        free = sum(space.is_free(b[i]) for b in boxes)
        if free > most:
            best, most = i, free
        if most == len(boxes):
            break
    return best


def _places(
    view: View,
    line: _Line,
    label: Label,
    squares: Mapping[Strand, tuple[Point, ...]],
    below: bool,
) -> Iterator[Point]:
    delays = squares[line.strand]
    if delays:
        middle = delays[len(delays) // 2]
        leftwards = middle[0] < view.points[line.strand.arrow.source][0] - 1
        yield from beside_square(middle, SQUARE * view.radius, label, leftwards=leftwards)
    yield from beside_line(
        _labelled_part(line.visible),
        label,
        own_side=line.strand.offset > 0 and not below,
        below=below,
        late=_fans_out(view, line.strand.arrow),
    )


def _labelled_part(curve: Curve) -> Curve:
    """Of a rail, the part beside its column: there every label stands alike."""
    if len(curve) < 4:
        return curve
    return (max(curve, key=lambda c: abs(c[3][1] - c[0][1]) - abs(c[3][0] - c[0][0])),)


def _fans_out(view: View, arrow: Arrow) -> bool:
    """Whether several variables of another step need the source: labels then stand at the heads."""
    lagged = (a.link for a in view.plan.arrows if a.link.lag)
    names = {link.target for link in lagged if link.source == arrow.link.source}
    return bool(arrow.link.lag) and len(names) > 1


def _edge(view: View, line: _Line, squares: tuple[Point, ...], label: Group | None) -> Group:
    strand, arrow = line.strand, line.strand.arrow
    nodes = view.plan.nodes
    tail, head = nodes[arrow.source].reference, nodes[arrow.target].reference
    text = arrow.link.label
    if strand.flow == "backward":
        tail, head = head, tail
        text = view.naming.factors(arrow.link.backward).text if arrow.link.backward else ""
    data = [("view", view.name), ("source", tail), ("target", head)]
    if text:
        data.append(("label", text))
    if arrow.link.lag is not None:
        data.append(("lag", str(arrow.link.lag)))
    data.append(("flow", strand.flow))
    dash = DASH if arrow.dashed else None
    outline = (("M", line.head[0]), *(("L", p) for p in line.head[1:]), ("Z", ()))
    items: list[Item] = [
        Path(commands(line.shaft), strand.paint, None, strand.width, dash),
        Path(outline, None, strand.paint),
    ]
    side = SQUARE * view.radius
    for x, y in squares:
        square = Rectangle(x - side / 2, y - side / 2, side, side, fill=strand.paint)
        items.append(Group("delay", (square,), view.data, "delay of one step"))
    if label is not None:
        items.append(label)
    spoken = f"{tail} to {head}" + (f", {text}" if text else "")
    return Group("edge", tuple(items), tuple(data), spoken)


# --- labels of lines -----------------------------------------------------------------------------


def _text_of(view: View, strand: Strand) -> tuple[Label | None, bool]:
    """The label of a strand, and whether it goes to the other side than usual."""
    link = strand.arrow.link
    if not strand.labelled:
        return None, False
    factors = link.backward if strand.flow == "backward" else link.factors
    if factors:
        at = view.plan.nodes[strand.arrow.target].index
        return view.naming.factors(factors, view.axis, at), False
    if strand.flow == "backward":
        return None, False
    function = view.plan.nodes[strand.arrow.target].variable.function
    if function is not None and _names_function(view, strand.arrow):
        return view.naming.function(function), True
    return None, False


def _names_function(view: View, arrow: Arrow) -> bool:
    """An opaque function stands at the one arrow into what it makes; in the circuit at one of them."""
    into = (
        [a for a in view.plan.arrows if a.target == arrow.target] if view.name == "folded" else []
    )
    if into:
        inside = [a for a in into if a.link.lag == 0] or into
        return arrow == inside[0]
    return arrow.link.target not in _joint(view)


def _joint(view: View) -> frozenset[str]:
    """Variables made by an opaque function of several references."""
    links: dict[str, set[object]] = {}
    for arrow in view.plan.arrows:
        links.setdefault(arrow.link.target, set()).add(arrow.link)
    return frozenset(name for name, found in links.items() if len(found) > 1)


# --- what stands beside nodes --------------------------------------------------------------------


def _place_blocks(view: View, space: Space, groups: dict[Key, list[Group]]) -> int:
    """Values and gradients, for all steps of a variable at the same side where that is free."""
    crowded = 0
    for blocks, angles in ((view.values, VALUE_ANGLES), (view.gradients, GRADIENT_ANGLES)):
        for name in dict.fromkeys(key[0] for key in blocks):
            keys = [key for key in blocks if key[0] == name]
            chosen, misses = _best_angle(view, space, blocks, keys, angles)
            crowded += misses
            for key in keys:
                box = _block_box(view, blocks[key], key, chosen)
                space.add_box(box)
                groups[key].append(blocks[key].at(box.left, box.top, view.name))
    return crowded


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


def _place_names(view: View, space: Space, groups: dict[Key, list[Group]]) -> int:
    """Names of opaque functions and of gradients beside their nodes."""
    crowded = 0
    joint = _joint(view)
    reached = {arrow.target for arrow in view.plan.arrows}
    for key, node in view.plan.nodes.items():
        names: list[tuple[Label, tuple[int, ...], str]] = []
        function = node.variable.function
        if view.name == "unfolded" and function and key in reached and node.name in joint:
            names.append((view.naming.function(function), FUNCTION_ANGLES, "ink"))
        if key in view.badges:
            names.append((view.naming.gradient(node), BADGE_ANGLES, "backward"))
        for label, angles, color in names:
            places = around_node(
                view.points[key], view.radius, label.width, label.height, angles, 3.5
            )
            center, free = first_free(label, places, space)
            space.add_box(label.bounds(*center))
            crowded += not free
            groups[key].append(_marked(view, label.at(*center, color)))
    return crowded


def _marked(view: View, group: Group) -> Group:
    return Group(group.kind, group.items, view.data, group.text)


# --- nodes ---------------------------------------------------------------------------------------


def _node(view: View, node: Node, extras: list[Group]) -> Group:
    x, y = view.points[node.key]
    data = [("view", view.name), ("name", node.name)]
    if node.index_text is not None:
        data.append(("index", node.index_text))
    data.append(("role", node.variable.role))
    for fact, blocks in (("value", view.values), ("gradient", view.gradients)):
        if node.key in blocks:
            data.append((fact, blocks[node.key].json))
    circle = Circle(x, y, view.radius, dash=DASH if node.ghost else None)
    label = _marked(view, view.labels[node.key].at(x, y))
    kind = "ghost" if node.ghost else "node"
    return Group(kind, (circle, label, *extras), tuple(data), _spoken(node))


def _spoken(node: Node) -> str:
    return f"{node.variable.role} {node.reference}"
