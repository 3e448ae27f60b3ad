"""Layout: a folded graph to a scene. One slice decides; no engine sees the unrolled graph, unless one
is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from unroll.drawing.annotating import CROWDED
from unroll.drawing.apart import set_apart
from unroll.drawing.arranging import arrange_parts
from unroll.drawing.banks import banked
from unroll.drawing.boxes import frames
from unroll.drawing.columns import Timeline, follows, lag_of, numbered, spanning, window
from unroll.drawing.engine import arrange_by, check_size
from unroll.drawing.flows import OFFSET, Accents, accented, carriers, nodes_on_path
from unroll.drawing.geometry import Curve, arrowhead, commands, straight
from unroll.drawing.glyphs import glyph
from unroll.drawing.growing import grow, place_tree
from unroll.drawing.labels import SIZE, Label, preceded
from unroll.drawing.lanes import Lane
from unroll.drawing.mixing import column_of, mixed, mixed_rows
from unroll.drawing.naming import Naming
from unroll.drawing.painting import Painted, paint
from unroll.drawing.parts import Parts, in_parts
from unroll.drawing.placing import Grid, grid, place
from unroll.drawing.repeating import Symbols, is_periodic, repeat, shortened
from unroll.drawing.routing import route
from unroll.drawing.rows import Rows, arrange
from unroll.drawing.scene import Group, Item, Path, Point, Scene, bounds_of, moved
from unroll.drawing.settings import Settings
from unroll.drawing.unfolding import Arrow, Key, Plan, circuit, unfold
from unroll.drawing.values import Block
from unroll.drawing.view import View
from unroll.graph.folded import FoldedGraph, Link
from unroll.graph.unrolled import UnrolledGraph
from unroll.symbolic.recurrence import Axis

MARGIN = 12.0
UNFOLD, UNFOLD_GAP = 78.0, 26.0  # the arrow between both views and the space beside it, px
_LARGEST = 2.3 * SIZE  # a radius beyond which labels shrink first
_ROOMIER = (
    (1.0, 1.0),
    (1.0, 1.14),
    (1.14, 1.0),
    (1.14, 1.14),
    (1.3, 1.3),
    (1.5, 1.5),
    (1.8, 1.8),
    (2.2, 2.2),
    (2.6, 2.6),
)
_ROOMIEST = ((3.2, 3.2), (4.0, 4.0))  # for the long labels of local derivatives


@dataclass(frozen=True, slots=True)
class Options:
    """What a figure shows; see `unroll.figure.draw`.

    lengths: of other axes than time, by name, where they are known; spread: the graph over columns
    alone, of a recurrence on several axes; glyphs: the curves of functions by the variable that they
    make; finer: the graph of the one step that is drawn finer than the others; opened: its index.
    """

    view: str = "both"
    steps: int | None = None  # None: the symbolic window
    flow: str = "none"
    elide: str = "auto"
    settings: Settings = field(default_factory=Settings)
    glyphs: Mapping[str, Sequence[float]] = field(default_factory=dict)
    naming: Naming = field(default_factory=Naming)
    accents: Accents = field(default_factory=Accents)
    title: str = ""
    description: str = ""
    valued: bool = False  # steps differ by their values: no slice is repeated
    grown: UnrolledGraph | None = None  # of a recurrence over the nodes of a tree
    lengths: Mapping[str, int] = field(default_factory=dict)
    spread: FoldedGraph | None = None
    finer: FoldedGraph | None = None
    opened: str = ""
    engine: str = ""  # of Graphviz, in place of our own placing and routing


@dataclass(frozen=True, slots=True)
class Blocks:
    """Values and gradients beside nodes, by node."""

    values: Mapping[Key, Block] = field(default_factory=dict)
    gradients: Mapping[Key, Block] = field(default_factory=dict)


def timelines(graph: FoldedGraph, options: Options) -> Parts:
    """The columns that the options ask for: of each length that variables run over, its own."""
    counted = {v.axes[0] for v in graph.variables if v.axes} or {graph.axis}
    first = {a.length: a for a in reversed(graph.axes) if a.name in counted}
    axes = [a for a in graph.axes if first.get(a.length) == a]
    return in_parts(graph, tuple(_timeline(graph, a, options, len(axes)) for a in axes))


def _timeline(graph: FoldedGraph, axis: Axis, options: Options, count: int) -> Timeline:
    steps = options.steps if axis == graph.axes[0] else None
    steps = options.lengths.get(axis.length, steps)
    if steps is None and count > 1 and axis.length.isdigit():
        steps = int(axis.length)
    if steps is None:
        first = options.settings.first
        return spanning(graph, axis) if count > 1 else window(graph, axis, first)
    if repeats(graph, options):
        return shortened(graph, steps)
    return numbered(graph, steps, options.elide, axis)


def repeats(graph: FoldedGraph, options: Options) -> bool:
    """Whether the figure is so long that one slice is drawn once and repeated."""
    if options.grown is not None or options.valued or options.accents.tell_steps_apart:
        return False
    if options.engine:  # it sees every step
        return False
    lengths = {a.name: a.length for a in graph.axes}
    lanes = any(isinstance(v, Lane) for v in graph.variables)
    several = len({lengths[v.axes[0]] for v in graph.variables if v.axes}) > 1
    if lanes or several or any(link.over for link in graph.links):
        return False
    return is_periodic(graph, options.steps, options.elide)


def lay_out(
    graph: FoldedGraph, options: Options, blocks: Blocks | None = None, aside: tuple[Item, ...] = ()
) -> Scene:
    """The scene of a folded graph. blocks: what stands beside nodes; aside: right of the figure."""
    blocks = blocks or Blocks()
    spread = options.spread or graph
    graph = set_apart(graph, options.settings.split)
    line = timelines(spread, options) if options.view != "folded" else Parts((), ())
    if options.engine:
        check_size(options.engine, sum(len(part.columns) for part in line.lines))
    plans = _plans(graph, spread, line, options)
    labels, radius = _labels(plans, options)
    rows = {"folded": banked(graph, arrange(graph, options.settings.rows))}
    same = options.grown is not None or options.view == "folded"
    rows["unfolded"] = (
        rows["folded"] if same else arrange_parts(spread, line, options.settings.rows)
    )
    if options.finer is not None:
        finer, column = arrange_parts(options.finer, line), column_of(line, options.opened)
        rows["unfolded"] = mixed_rows(rows["unfolded"], finer, plans["unfolded"], column)
    if not same:
        rows["unfolded"] = banked(options.finer or spread, rows["unfolded"])
    base = _grid(radius, blocks)
    painted: dict[str, Painted] = {}
    least: int | None = None
    long = _ROOMIEST if any(link.local for link in graph.links) else ()
    for wider, taller in (*_ROOMIER, *long):
        across, even = base.across * wider, options.finer is None
        roomy = Grid(radius, base.row * taller, base.column * wider, across, wider, even, base.bank)
        tried = {
            name: _painted(
                graph if name == "folded" else spread,
                plan,
                name,
                rows[name],
                line,
                roomy,
                labels[name],
                options,
                blocks,
            )
            for name, plan in plans.items()
        }
        crowded = sum(p.crowded for p in tried.values())
        if least is None or crowded < least:
            least, painted, chosen = crowded, tried, roomy
        if not crowded:
            break
    views = {name: p.items for name, p in painted.items()}
    symbols: Symbols = ()
    if "unfolded" in views and repeats(spread, options):
        views["unfolded"], symbols = repeat(
            spread, line.lines[0], painted["unfolded"], options.steps or 0
        )
    items = _side_by_side(graph, rows, chosen, views, options)
    if aside:
        box, other = bounds_of(items), bounds_of(aside)
        dx = box.right + 2.2 * SIZE - other.left
        items += tuple(moved(i, dx, box.center[1] - other.center[1]) for i in aside)
    bounds = bounds_of(items).grown(MARGIN)
    return Scene(items, bounds, options.title, options.description, symbols)


def _plans(
    graph: FoldedGraph, spread: FoldedGraph, line: Parts, options: Options
) -> dict[str, Plan]:
    plans = {}
    if options.view != "unfolded":
        plans["folded"] = circuit(graph)
    if options.view != "folded":
        plans["unfolded"] = unfolded_plan(spread, line, options)
    return plans


def unfolded_plan(spread: FoldedGraph, line: Parts, options: Options) -> Plan:
    """Nodes and arrows of the unfolded view."""
    if options.grown is not None:
        return grow(options.grown)
    plan = unfold(spread, line, options.settings.ghosts)
    if options.finer is None:
        return plan
    finer = unfold(options.finer, line, options.settings.ghosts)
    return mixed(plan, finer, column_of(line, options.opened))


def _labels(
    plans: Mapping[str, Plan], options: Options
) -> tuple[dict[str, dict[Key, Label]], float]:
    """The nodes' labels, and the radius that holds the largest; very large ones are set smaller."""
    naming = options.naming
    labels = {
        view: {key: naming.node(node) for key, node in plan.nodes.items()}
        for view, plan in plans.items()
    }
    room = 0.2 * SIZE
    for view, plan in plans.items():
        for key, node in plan.nodes.items():
            excess = (labels[view][key].half_diagonal + room) / _LARGEST
            if excess > 1:
                labels[view][key] = naming.node(node, SIZE * max(0.62, 1 / excess))
    largest = max(
        (label.half_diagonal for found in labels.values() for label in found.values()), default=0.0
    )
    radius = max(1.56 * SIZE, largest + room)
    for view, plan in plans.items():
        for key in _with_glyphs(plan, options):
            curve, spoken = options.glyphs[key[0]], labels[view][key].text
            labels[view][key] = glyph(curve, spoken, 1.1 * radius)
    return labels, radius


def _with_glyphs(plan: Plan, options: Options) -> frozenset[Key]:
    """Nodes that show the curve of the function that makes them."""
    return frozenset(
        k for k, node in plan.nodes.items() if k[0] in options.glyphs and not node.ghost
    )


def _words(plan: Plan, options: Options) -> dict[Key, Label]:
    """What stands beside nodes: in the circuit a word; the name of what has a glyph inside."""
    found = {}
    shown = _with_glyphs(plan, options)
    for key, node in plan.nodes.items():
        word = options.settings.names.get(key[0]) if node.index is None else None
        if word is not None and (shown or not options.glyphs):
            sign = None if key in shown else node.variable.sign
            found[key] = _named(word, sign, options.naming)
        elif key in shown and not node.variable.made:
            found[key] = options.naming.node(node)
    return found


def _named(word: str, sign: str | None, naming: Naming) -> Label:
    """A word, behind the sign of the operation that it names the result of."""
    title = naming.title(word, 0.8 * SIZE)
    return title if sign is None else preceded(naming.formula(sign, sign, 0.8 * SIZE), title)


def _grid(radius: float, blocks: Blocks) -> Grid:
    """The pitches; wider and higher where values stand beside nodes."""
    bare = grid(radius)
    shown = [*blocks.values.values(), *blocks.gradients.values()]
    if not shown:
        return bare
    width = max(b.width for b in shown)
    height = sum(
        max((b.height for b in found.values()), default=0.0)
        for found in (blocks.values, blocks.gradients)
    )
    return Grid(
        radius,
        max(bare.row, 1.8 * radius + height + (2.3 if blocks.gradients else 1.4) * SIZE),
        max(bare.column, 0.6 * radius + width + 10 + radius),
        radius,
        bank=1.6 * radius + width + 10,
    )


def _painted(
    graph: FoldedGraph,
    plan: Plan,
    name: str,
    rows: Rows,
    line: Parts,
    grid: Grid,
    labels: Mapping[Key, Label],
    options: Options,
    blocks: Blocks,
) -> Painted:
    folded = name == "folded"
    flow = "none" if folded and options.view == "both" else options.flow
    gradient = carriers(graph, options.naming.objective)
    accents = Accents() if folded and options.view == "both" else options.accents
    drawn = accented(plan, flow, gradient, accents)
    reached = {s.arrow.source for s in drawn if s.flow == "backward"}
    width = 2 * OFFSET if flow == "both" else 0.0
    points, curves, blocked = _placed(plan, rows, None if folded else line, grid, options, width)
    view = View(
        name,
        plan,
        points,
        curves,
        drawn,
        labels,
        grid.radius,
        options.naming,
        frozenset(key for key in reached if not plan.nodes[key].ghost),
        {} if folded else blocks.values,
        {} if folded else blocks.gradients,
        _words(plan, options),
        _with_glyphs(plan, options),
        accents.sums,
        nodes_on_path(plan, accents),
        bool(options.engine),
    )
    painted = paint(view)
    boxes = frames(view, [group for _, group in painted.groups], options.settings.boxes)
    groups = (*((None, box) for box in boxes), *painted.groups)
    return replace(painted, groups=groups, crowded=painted.crowded + CROWDED * blocked)


def _placed(
    plan: Plan, rows: Rows, line: Parts | None, grid: Grid, options: Options, width: float
) -> tuple[dict[Key, Point], dict[Arrow, Curve], int]:
    """Where nodes stand and how arrows run, and how many run through a node. line: None if folded."""
    if options.engine:
        boxes = options.settings.boxes
        return arrange_by(options.engine, plan, grid, width=width, boxes=boxes)
    if options.grown is None or line is None:
        points = place(plan, rows, grid, line)
    else:
        points = place_tree(plan, options.grown, grid, rows, options.settings.rows)
    found = route(plan, points, grid.radius, folded=line is None, width=width, bank=rows.bank)
    return points, *found


def _side_by_side(
    graph: FoldedGraph,
    rows: Mapping[str, Rows],
    grid: Grid,
    views: Mapping[str, tuple[Item, ...]],
    options: Options,
) -> tuple[Item, ...]:
    """The circuit, the Unfold arrow at the height of the recurrence, the unfolded graph."""
    if options.view != "both":
        return views[options.view]
    circuit_items, unfolded = views["folded"], views["unfolded"]
    right = bounds_of(circuit_items).right
    y = -grid.row * _recurrent_row(graph, rows["folded"])
    if options.engine or rows["folded"].row != rows["unfolded"].row:  # each has rows of its own
        y = bounds_of(unfolded).center[1]
        up = y - bounds_of(circuit_items).center[1]
        circuit_items = tuple(moved(item, 0.0, up) for item in circuit_items)
    start = right + UNFOLD_GAP
    stop = start + UNFOLD
    shaft, head = arrowhead(straight((start, y), (stop, y)), 1.15)
    word = options.naming.phrase("unfold")
    arrow = Group(
        "unfold",
        (
            Path(commands(shaft), width=1.5),
            Path((("M", head[0]), *(("L", p) for p in head[1:]), ("Z", ())), None, "ink"),
            word.at((start + stop) / 2 - 3, y - 7 - word.height / 2),
        ),
        (),
        "unfold",
    )
    dx = stop + UNFOLD_GAP - bounds_of(unfolded).left
    return (*circuit_items, arrow, *(moved(item, dx, 0.0) for item in unfolded))


def _recurrent_row(graph: FoldedGraph, rows: Rows) -> float:
    found = [
        (rows.height(link.source) + rows.height(link.target)) / 2
        for link in graph.links
        if lag_of(link)
    ]
    loops = [rows.height(k.source) for k in graph.links if _waits(k) and k.source == k.target]
    return loops[0] if loops else found[0] if found else (rows.count - 1) / 2


def _waits(link: Link) -> bool:
    return bool(lag_of(link)) or follows(link)
