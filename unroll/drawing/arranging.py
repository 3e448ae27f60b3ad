"""Rows of a picture of several parts: each part's own, the parts at one height or one upon the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from unroll.drawing.lanes import Lane
from unroll.drawing.parts import Parts
from unroll.drawing.rows import Rows, arrange, bridges, names_in
from unroll.graph.folded import FoldedGraph, Variable, build

LEFT, RIGHT = -1, 1
_SQUARE = 6.8  # pitch of columns with inputs inside of cells, in node radii
_ASIDE = -1.5  # of an input from the column of the cell that it feeds, in node radii


def arrange_parts(graph: FoldedGraph, parts: Parts, given: Sequence[str] = ()) -> Rows:
    """Rows of the unfolded view of a graph whose variables live on columns; given: as `arrange`."""
    given = _lanes_named(graph, given)
    stands = _stands(graph, parts)
    cells = [] if given else _cells(graph)
    rest = _without_buses(_without(graph, [*stands, *cells]))
    if len(parts.lines) == 1:
        rows = arrange(rest, given)
    else:
        rows = _together(rest, parts, given)
    rows = _with_cells(graph, _with_room_for_fans(rest, rows), cells)
    return _with_stands(graph, parts, rows, stands)


def _cells(graph: FoldedGraph) -> list[str]:
    """Inputs with a value for each row and column, as the pixels of an image."""
    return [
        v.name for v in graph.variables if isinstance(v, Lane) and v.ranges and v.role == "input"
    ]


def _with_cells(graph: FoldedGraph, rows: Rows, cells: Sequence[str]) -> Rows:
    """Each below its first user, a little to the left, where no edge between cells runs."""
    row, offset = dict(rows.row), dict(rows.offset)
    for name in cells:
        users = [row[k.target] for k in graph.links if k.source == name and k.target in row]
        at = min(users, default=0)
        row = {n: r + (r >= at) for n, r in row.items()}
        row[name], offset[name] = at, _ASIDE
    late = [k for k in graph.links if k.lag and isinstance(graph.nodes[k.target]["variable"], Lane)]
    diagonal = any(k.source != k.target for k in late)
    wide = max(rows.pitch, _SQUARE if cells and diagonal else 0.0)
    return replace(rows, row=row, offset=offset, pitch=wide)


def _without_buses(graph: FoldedGraph) -> FoldedGraph:
    """Without the links from one variable to several lanes of another: they run beside the columns.

    Lanes that nothing is carried along stand in one row, above what they need.
    """
    fed: dict[tuple[str, str], set[str]] = {}
    of = {v.name: v.of for v in graph.variables if isinstance(v, Lane)}
    carried = {k.source for k in graph.links if k.lag} & {k.target for k in graph.links if k.lag}
    of = {name: whole for name, whole in of.items() if name in carried}
    for link in graph.links:
        if link.target in of and link.source not in of and link.lag == 0:
            fed.setdefault((link.source, of[link.target]), set()).add(link.target)
    kept = tuple(
        k
        for k in graph.links
        if k.lag != 0 or len(fed.get((k.source, of.get(k.target, "")), ())) < 2
    )
    return build(graph.variables, kept, graph.axes)


def _without(graph: FoldedGraph, names: Collection[str]) -> FoldedGraph:
    if not names:
        return graph
    return _only(graph, [v.name for v in graph.variables if v.name not in names])


def _only(graph: FoldedGraph, names: Collection[str]) -> FoldedGraph:
    variables = tuple(v for v in graph.variables if v.name in names)
    links = tuple(k for k in graph.links if k.source in names and k.target in names)
    return build(variables, links, graph.axes)


def _lanes_named(graph: FoldedGraph, given: Sequence[str]) -> list[str]:
    """Rows with each variable's lanes, those of the last place on top, in rows of their own."""
    lanes: dict[str, list[str]] = {}
    for v in graph.variables:
        if isinstance(v, Lane):
            lanes.setdefault(v.of, []).append(v.name)
    ranks = {v.name: v.places for v in graph.variables if isinstance(v, Lane)}
    found: list[str] = []
    for row in given:
        names = names_in([row])
        plain = [n for n in names if n not in lanes]
        split = [n for name in names for n in lanes.get(name, ())]
        split.sort(key=lambda n: [0 if i is None else i.offset for i in ranks[n]], reverse=True)
        found += split
        if plain:
            found.append(" ".join(plain))
    return found


def _stands(graph: FoldedGraph, parts: Parts) -> dict[str, tuple[int, int]]:
    """Variables without a column that stand beside a part: of a row alone, or between two parts."""
    variables = {v.name: v for v in graph.variables}
    between = bridges(graph)
    found = {}
    for name, variable in variables.items():
        if variable.ranges:
            continue
        users = [variables[k.target] for k in graph.links if k.source == name]
        needs = [variables[k.source] for k in graph.links if k.target == name]
        reached = [parts.number(v) for v in users if v.ranges]
        if name in between and reached:
            part = min(reached)
            found[name] = (0, RIGHT) if parts.stacked else (part, LEFT)
        elif isinstance(variable, Lane):
            side = LEFT if reached else RIGHT
            own = reached or [parts.number(v) for v in needs if v.ranges] or [0]
            found[name] = own[0], side
    return found


def _together(graph: FoldedGraph, parts: Parts, given: Sequence[str]) -> Rows:
    """The parts' rows: one upon the other, or with their lowest states at one height."""
    row: dict[str, int] = {}
    offset: dict[str, float] = {}
    base = 0
    found: list[tuple[Rows, int]] = []
    for k in range(len(parts.lines)):
        own = [v for v in graph.variables if v.ranges and parts.number(v) == k]
        names = {v.name for v in own}
        kept = [" ".join(n for n in names_in([r]) if n in names) for r in given]
        rows = arrange(_only(graph, names), [r for r in kept if r])
        found.append((rows, _lowest_state(own, rows)))
    top = max(state for _, state in found)
    for rows, state in found:
        shift = base if parts.stacked else top - state
        row |= {n: r + shift for n, r in rows.row.items()}
        offset |= rows.offset
        base += rows.count
    plain = [v.name for v in graph.variables if not v.ranges]
    single = arrange(graph).row
    height = 1 + max(row.values())
    low = min(row.values())
    below = [n for n in plain if single[n] < min(single[m] for m in row)]
    for place, name in enumerate(reversed(below), 1):
        row[name], offset[name] = low - place, 0.0
    for place, name in enumerate(n for n in plain if n not in below):
        row[name], offset[name] = height + place, 0.0
    pitch = max(rows.pitch for rows, _ in found)
    raised = frozenset().union(*(rows.raised for rows, _ in found))
    return Rows(_from_zero(row), offset, frozenset(plain), pitch=pitch, raised=raised)


def _lowest_state(variables: Sequence[Variable], rows: Rows) -> int:
    return min((rows.row[v.name] for v in variables if v.role == "state"), default=0)


def _from_zero(row: Mapping[str, int]) -> dict[str, int]:
    low = min(row.values(), default=0)
    return {n: r - low for n, r in row.items()}


def _with_room_for_fans(graph: FoldedGraph, rows: Rows) -> Rows:
    """Twice the height between rows where every step of one leads to every step of the other."""
    moving = {v.name for v in graph.variables if v.ranges}
    pairs: dict[tuple[str, str], int] = {}
    for link in graph.links:
        pair = link.source, link.target
        if link.lag is None and link.at and set(pair) <= moving and link.source != link.target:
            pairs[pair] = pairs.get(pair, 0) + (2 if link.over else 1)
    wide = set()
    for (source, target), count in pairs.items():
        low, high = sorted((rows.row[source], rows.row[target]))
        if count > 1 and high == low + 1:
            wide.add(low)
    row = {n: r + sum(w < r for w in wide) for n, r in rows.row.items()}
    return replace(rows, row=row)


def _with_stands(
    graph: FoldedGraph, parts: Parts, rows: Rows, stands: Mapping[str, tuple[int, int]]
) -> Rows:
    """What stands beside the columns: a row's own in that row, a context below what it leads to."""
    variables = {v.name: v for v in graph.variables}
    row, offset = dict(rows.row), dict(rows.offset)
    for name in stands:
        near = [k.target for k in graph.links if k.source == name and k.target in rows.row]
        near += [k.source for k in graph.links if k.target == name and k.source in rows.row]
        heights = [rows.row[n] for n in near if variables[n].ranges]
        if isinstance(variables[name], Lane):
            row[name] = min(heights, default=0)
        else:
            part, _ = stands[name]
            own = [
                rows.row[v.name]
                for v in graph.variables
                if v.ranges and (parts.number(v) == part or parts.stacked)
            ]
            row[name] = max(min(heights), 0) if parts.stacked else min(own) - 1
        offset[name] = 0.0
    single = rows.single | set(stands)
    return replace(
        rows, row=_from_zero(row), offset=offset, single=frozenset(single), stands=dict(stands)
    )
