"""Lines: strands as they are seen, with their delays and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import hypot

import numpy as np

from unroll.drawing.annotating import STEEP, Places, beside_line, beside_square, place_together
from unroll.drawing.columns import follows, lag_of
from unroll.drawing.fans import is_carried
from unroll.drawing.flows import Strand
from unroll.drawing.geometry import (
    ARROW_GAP,
    Array,
    Curve,
    arc_fraction,
    arrowhead,
    beside,
    commands,
    cut,
    length,
    moved,
    point_at,
    reverse,
    sample,
    trimmed,
)
from unroll.drawing.labels import SIZE, Label, stacked
from unroll.drawing.lanes import Lane
from unroll.drawing.marks import cut_at, cut_mark, opened, set_back
from unroll.drawing.naming import Naming
from unroll.drawing.routing import SQUARE
from unroll.drawing.scene import Group, Item, Path, Point, Rectangle
from unroll.drawing.space import Space
from unroll.drawing.unfolding import Arrow, Key
from unroll.drawing.view import DASH, View, marked

_NEAR = 50.0  # px of a rail before a riser
_LONGEST = 8.2 * SIZE  # local derivatives that are longer are written as ∂h/∂s, px


@dataclass(frozen=True, slots=True)
class Line:
    """A strand as it is seen: between the circles, without what the arrowhead covers."""

    strand: Strand
    visible: Curve
    shaft: Curve
    head: tuple[Point, ...]

    def moved(self, strand: Strand, dx: float, dy: float) -> Line:
        """The line of an equal strand elsewhere."""
        head = tuple((x + dx, y + dy) for x, y in self.head)
        return Line(strand, moved(self.visible, dx, dy), moved(self.shaft, dx, dy), head)


def visible_lines(view: View) -> list[Line]:
    """All strands of a view; those that look alike are worked out once."""
    known: dict[object, Line] = {}
    found = []
    for strand in view.strands:
        curve = view.curves[strand.arrow]
        x, y = view.points[strand.arrow.source]
        shape = (
            tuple((round(px - x, 3), round(py - y, 3)) for cubic in curve for px, py in cubic),
            (strand.flow, strand.offset, strand.width),
        )
        if shape not in known:
            known[shape] = _line(view, strand).moved(strand, -x, -y)
        found.append(known[shape].moved(strand, x, y))
    return found


def _line(view: View, strand: Strand) -> Line:
    arrow = strand.arrow
    curve = view.curves[arrow]
    tail, head = view.points[arrow.source], view.points[arrow.target]
    if strand.flow == "backward":
        curve, tail, head = reverse(curve), head, tail
    curve = trimmed(beside(curve, strand.offset), tail, head, view.radius, ARROW_GAP)
    shaft, polygon = arrowhead(curve, _head_scale(strand.width))
    return Line(strand, curve, shaft, polygon)


def _head_scale(width: float) -> float:
    """Heads grow with their lines, more slowly."""
    return 1.0 if width <= 1.25 else 1.1 + 0.22 * max(0.0, width - 1.5)


def delays(view: View, lines: list[Line]) -> dict[Strand, tuple[Point, ...]]:
    """Where the delays of the circuit's arrows stand, away from other lines: one a step, up to three.

    Both strands of an arrow pass through the same ones, which belong to the first.
    """
    found: dict[Strand, tuple[Point, ...]] = {line.strand: () for line in lines}
    if view.name != "folded":
        return found
    courses = {line.strand: sample(line.visible) for line in lines}
    circles = {key: _circle(point, view.radius) for key, point in view.points.items()}
    for line in lines:
        arrow = line.strand.arrow
        shared = line.strand.offset and line.strand.flow == "backward"
        if _waits(arrow) and not shared:
            others = [c for strand, c in courses.items() if strand.arrow != arrow]
            others += [
                _outline(p, side_of_delay(view, s)) for s, squares in found.items() for p in squares
            ]
            others += [c for k, c in circles.items() if k not in (arrow.source, arrow.target)]
            found[line.strand] = _squares(view, line, np.concatenate([*others, np.zeros((0, 2))]))
    return found


def _waits(arrow: Arrow) -> bool:
    """Whether an arrow of the circuit passes through delays."""
    link = arrow.link
    return bool(lag_of(link) or link.via) or (follows(link) and arrow.source == arrow.target)


def _circle(center: Point, radius: float) -> Array:
    """Points of a node's outline."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.asarray(center) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _outline(center: Point, side: float) -> Array:
    """Points of a square: its middle, its corners, and halfway between them."""
    steps = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    return np.asarray(center) + steps * side / 2


def _squares(view: View, line: Line, others: Array) -> tuple[Point, ...]:
    """The squares on one line: in its middle, or where they keep clear of other lines."""
    link = line.strand.arrow.link
    count = 1 if link.via else min(abs(lag_of(link) or 1), 3)
    side = side_of_delay(view, line.strand)
    curve = view.curves[line.strand.arrow]
    apart = 1.7 * side / length(curve)
    tried = []
    for middle in (0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68):
        shares = [middle + (i - (count - 1) / 2) * apart for i in range(count)]
        squares = tuple(point_at(curve, arc_fraction(curve, share)) for share in shares)
        clear = min(
            (float(np.abs(others - p).max(axis=1).min(initial=np.inf)) for p in squares),
            default=np.inf,
        )
        if clear >= side / 2 + 3:
            return squares
        tried.append((clear, squares))
    return max(tried, key=lambda pair: pair[0])[1]


def place_cuts(view: View, lines: list[Line]) -> dict[Strand, float]:
    """Where on lines that no gradient goes back along the cut is marked, away from other lines."""
    cut = [line for line in lines if line.strand.arrow.cut]
    if not cut:
        return {}
    courses = {line.strand: sample(line.visible) for line in lines}
    found = {}
    for line in cut:
        others = [c for strand, c in courses.items() if strand != line.strand]
        found[line.strand] = cut_at(line.visible, np.concatenate([*others, np.zeros((0, 2))]))
    return found


def arriving(view: View, lines: list[Line]) -> dict[Key, list[Point]]:
    """Where gradients arrive, by node."""
    found: dict[Key, list[Point]] = {}
    for line in lines:
        source = line.strand.arrow.source
        if line.strand.flow == "backward" and not view.plan.nodes[source].ghost:
            found.setdefault(source, []).append(line.head[0])
    return found


def side_of_delay(view: View, strand: Strand) -> float:
    """The side of a square, which covers both strands where there are two."""
    return max(SQUARE * view.radius, 2 * abs(strand.offset) + 5)


def place_labels(
    view: View, space: Space, lines: list[Line], squares: Mapping[Strand, tuple[Point, ...]]
) -> tuple[dict[Strand, Group], int]:
    """Labels of lines: those of one link all at the same place along their lines, if possible."""
    at = {strand.arrow: found for strand, found in squares.items() if found}
    together: dict[tuple[object, str], list[tuple[Line, Label, Places]]] = {}
    spoken = _spoken_for(view, lines)
    for line in lines:
        label, below = _text_of(view, line.strand)
        if label is not None and line.strand not in spoken:
            places = _places(view, line, label, at.get(line.strand.arrow, ()), below)
            key = line.strand.arrow.link, line.strand.flow
            together.setdefault(key, []).append((line, label, places))
    found: dict[Strand, Group] = {}
    crowded = 0
    for group in together.values():
        placed, missed = place_together(space, [(label, places) for _, label, places in group])
        crowded += missed
        for (line, label, _), center in zip(group, placed):
            found[line.strand] = marked(view, label.at(*center, line.strand.paint))
    return found, crowded


def _spoken_for(view: View, lines: list[Line]) -> set[Strand]:
    """Strands whose label stands at another one: of a fan only the straightest into each node."""
    nearest: dict[tuple[object, ...], tuple[float, Strand]] = {}
    fans = [line.strand for line in lines if line.strand.arrow.link.over]
    for strand in fans:
        arrow = strand.arrow
        key = arrow.link, arrow.target, strand.flow
        aside = abs(view.points[arrow.source][0] - view.points[arrow.target][0])
        if key not in nearest or aside < nearest[key][0]:
            nearest[key] = aside, strand
    kept = {strand for _, strand in nearest.values()}
    return {s for s in fans if s not in kept and None not in (s.arrow.source[1], s.arrow.target[1])}


def _places(
    view: View,
    line: Line,
    label: Label,
    delays: tuple[Point, ...],
    below: bool,
) -> Places:
    strand, link = line.strand, line.strand.arrow.link
    below = below or _leans_inwards(view, strand)
    at_line = beside_line(
        _labelled_part(line),
        label,
        own_side=strand.offset > 0 and not below,
        below=below,
        late=bool(link.lag) and link.source in view.plan.fanning,
    )
    if (rail := _end_of_rail(line)) is not None:
        on_rail = beside_line(rail, label, own_side=strand.offset > 0, late=True)
        at_line = Places((*at_line.good, *on_rail.good), at_line.poor, at_line.far)
    if not delays:
        return at_line
    middle = delays[len(delays) // 2]
    at_square = beside_square(
        middle,
        side_of_delay(view, strand),
        label,
        leftwards=middle[0] < view.points[strand.arrow.source][0] - 1,
        lower=0 if not strand.offset else 1 if strand.flow == "backward" else -1,
    )
    return Places((*at_square, *at_line.good), at_line.poor, at_line.far)


def _leans_inwards(view: View, strand: Strand) -> bool:
    """Whether a steep branch of a tree has its left-hand side, where labels stand, inside."""
    if not strand.arrow.link.via or strand.offset:
        return False
    ends = (view.points[strand.arrow.source], view.points[strand.arrow.target])
    (high_x, high), (low_x, low) = sorted(ends, key=lambda p: p[1])
    return 0 < low_x - high_x <= STEEP * hypot(low_x - high_x, low - high)


def _labelled_part(line: Line) -> Curve:
    """Of a rail, the part beside its column: there every label stands alike; of a branch of a trunk,
    what no other one shares."""
    curve = line.visible
    if len(curve) < 4:
        return curve
    if _branches(line):
        return curve[:1] if line.strand.flow == "backward" else curve[-1:]
    return (max(curve, key=lambda c: abs(c[3][1] - c[0][1]) - abs(c[3][0] - c[0][0])),)


def _branches(line: Line) -> bool:
    """Whether a line is (or may be) one of those that a trunk branches into."""
    arrow = line.strand.arrow
    carried = is_carried(arrow.link) and None not in (arrow.source[1], arrow.target[1])
    return carried and len(line.visible) > 3


def _end_of_rail(line: Line) -> Curve | None:
    """What lies just before the riser of a branch, where a label may stand, too."""
    if not _branches(line):
        return None
    back = line.strand.flow == "backward"
    rail = line.visible[2:3] if back else line.visible[-3:-2]
    share = min(1.0, _NEAR / max(length(rail), 1.0))
    return cut(rail, 0.0, share) if back else cut(rail, 1 - share, 1.0)


def edge(
    view: View,
    line: Line,
    squares: tuple[Point, ...],
    label: Group | None,
    cut: float | None = None,
) -> Group:
    """The group of a strand. cut: where on it is marked that no gradient goes back along it."""
    strand, arrow = line.strand, line.strand.arrow
    nodes = view.plan.nodes
    tail, head = nodes[arrow.source].reference, nodes[arrow.target].reference
    text = arrow.link.label
    if strand.flow == "backward":
        tail, head = head, tail
        text = _factors_at(view, strand).text if arrow.link.backward else ""
    data = [("view", view.name), ("source", tail), ("target", head)]
    if text:
        data.append(("label", text))
    lags = _lags(view, arrow)
    if lags is not None:
        data.append(("lag", lags))
    if arrow.link.via:
        data.append(("via", arrow.link.via))
    data.append(("flow", strand.flow))
    if arrow.cut:
        data.append(("cut", "true"))
    if strand.norm is not None:
        data.append(("norm", f"{strand.norm:.6g}"))
    if strand.on_path:
        data.append(("path", "true"))
    dash = DASH if arrow.dashed else None
    outline = (("M", line.head[0]), *(("L", p) for p in line.head[1:]), ("Z", ()))
    shaft = commands(line.shaft)
    if cut is not None and not strand.labelled:  # what carries values is whole
        before, after = opened(line.shaft, cut)
        shaft = commands(before) + commands(after)
    items: list[Item] = [
        Path(shaft, strand.paint, None, strand.width, dash),
        Path(outline, None, strand.paint),
    ]
    if cut is not None:
        paint = "ink" if strand.paint == "ink" else "backward"
        items.append(cut_mark(view, line.visible, cut, paint))
    side = side_of_delay(view, strand)
    for x, y in squares:
        paint = "ink" if strand.offset else strand.paint
        square = Rectangle(x - side / 2, y - side / 2, side, side, fill=paint)
        passes = f"from {arrow.link.via}" if arrow.link.via else "delay of one step"
        items.append(Group("delay", (square,), view.data, passes))
    if label is not None:
        items.append(label)
    spoken = f"{tail} to {head}" + (f", {text}" if text else "")
    if strand.norm is not None:
        spoken += f", gradient of norm {strand.norm:.3g}"
    shown = tuple(map(set_back, items)) if strand.on_path is False else tuple(items)
    return Group("edge", shown, tuple(data), spoken)


def _lags(view: View, arrow: Arrow) -> str | None:
    """How far back the tail lies, one number an axis; None where that is not the same everywhere."""
    link = arrow.link
    if len(link.lags) > 1:
        return ",".join("*" if lag is None else str(lag) for lag in link.lags)
    ends = [view.plan.nodes[key].variable for key in (arrow.source, arrow.target)]
    if link.lag is None or not all(isinstance(v, Lane) for v in ends):
        return None if link.lag is None else str(link.lag)
    places = [v.places for v in ends if isinstance(v, Lane)]
    if [i is None for i in places[0]] != [i is None for i in places[1]]:
        return str(link.lag)
    pairs = zip(*places)
    return ",".join(
        str(link.lag if a is None or b is None else b.offset - a.offset) for a, b in pairs
    )


def _text_of(view: View, strand: Strand) -> tuple[Label | None, bool]:
    """The label of a strand, and whether it goes to the other side than usual.

    In the circuit it says which neighbour in a tree is meant, too, and, where there are several axes
    to wait along, which step.
    """
    label, below = _factors_of(view, strand)
    mark = _mark(strand.arrow, view.naming)
    if view.name == "unfolded" or mark is None or strand.flow == "backward":
        return label, below
    return (mark if label is None else stacked(label, mark)), below


def _mark(arrow: Arrow, naming: Naming) -> Label | None:
    """What stands at a delay of the circuit."""
    link, size = arrow.link, 0.8 * SIZE
    if link.via:
        return naming.title(link.via, size)
    if follows(link):
        within = next(r for r in link.over if r.stop is not None)
        assert within.stop is not None
        early = within.stop.offset == -1
        last = replace(within.stop, offset=within.stop.offset + early)
        sign = "<" if early else r"\leq"
        return naming.places((last,), size, sign, "<" if early else "<=")
    waiting = [i for i, lag in zip(link.at, link.lags) if lag]
    if not waiting or len(link.to) < 2:
        return None
    return naming.places(waiting, size)


def _factors_of(view: View, strand: Strand) -> tuple[Label | None, bool]:
    link = strand.arrow.link
    if not strand.labelled:
        return None, False
    if strand.flow == "backward" and link.local and link.backward:
        return _local_derivative(view, strand), False
    if link.backward if strand.flow == "backward" else link.factors:
        return _factors_at(view, strand), False
    if strand.flow == "backward":
        return None, False
    function = view.plan.nodes[strand.arrow.target].variable.function
    if function is not None and _names_function(view, strand.arrow):
        return view.naming.function(function), True
    return None, False


def _factors_at(view: View, strand: Strand) -> Label:
    """What stands on an arrow, at the step of its target."""
    link, target = strand.arrow.link, view.plan.nodes[strand.arrow.target]
    factors = link.backward if strand.flow == "backward" else link.factors
    axis = target.variable.axes[0] if target.variable.axes else ""
    return view.naming.factors(factors, axis, target.index)


def _local_derivative(view: View, strand: Strand) -> Label:
    """Written out, or, where that is too long for a picture, as ∂h/∂s."""
    label = _factors_at(view, strand)
    if label.width <= _LONGEST:
        return label
    nodes = view.plan.nodes
    return view.naming.derivative(nodes[strand.arrow.target], nodes[strand.arrow.source])


def _names_function(view: View, arrow: Arrow) -> bool:
    """An opaque function stands at the one arrow into what it makes; in the circuit at one of them."""
    if view.name == "folded":
        into = [link for link in view.plan.links if link.target == arrow.link.target]
        inside = [link for link in into if lag_of(link) == 0] or into
        return arrow.link == inside[0]
    return arrow.link.target not in view.plan.joint
