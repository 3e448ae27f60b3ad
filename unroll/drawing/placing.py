"""Coordinates: a node's row gives its height, its column and its offset in the slice the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise

from unroll.drawing.banks import depth
from unroll.drawing.parts import Parts
from unroll.drawing.rows import Rows
from unroll.drawing.scene import Point
from unroll.drawing.unfolding import Key, Plan

COLUMN, ROW, CLEAR = 4.2, 3.25, 2.2  # column pitch, row pitch, free space, in node radii
_BESIDE, _GAP = 2.8, 1.4  # of the nodes of a bank, and for a stem between them; in node radii
_APART = 0.5  # more between two parts, in column pitches


@dataclass(frozen=True, slots=True)
class Grid:
    """One node radius for a figure, the pitches of rows and columns, and the unit of offsets, px.

    wider: how many times what they need columns get, so that more lines fit between them; even:
    whether all columns are equally far apart, as where all steps look alike; bank: the pitch of a bank
    at least.
    """

    radius: float
    row: float
    column: float
    across: float
    wider: float = 1.0
    even: bool = True
    bank: float = 0.0


def grid(radius: float) -> Grid:
    return Grid(radius, ROW * radius, COLUMN * radius, radius)


def place(plan: Plan, rows: Rows, grid: Grid, parts: Parts | None = None) -> dict[Key, Point]:
    """Where each node's centre lies, the folded view's spine or the first column at x = 0."""
    columns = sorted({c for _, c in plan.nodes if c is not None})
    pitches = _pitches(plan, rows, grid, columns, parts)
    pitch = max([grid.column, rows.pitch * grid.across, *pitches])
    steps = [pitch for _ in pitches] if grid.even else [max(grid.column, p) for p in pitches]
    spine = dict(zip(columns, accumulate(steps, initial=0.0)))
    if parts is not None and len(parts.lines) > 1:
        spine = _in_parts(parts, rows, columns, pitch)
    xs = [spine[c] for c in columns if not _is_outside(plan, c)] or [0.0]
    middle = (xs[0] + xs[-1]) / 2
    placed = {}
    for key in plan.nodes:
        name, column = key
        y = -rows.height(name) * grid.row
        at = spine[column] if column is not None else middle
        if name in rows.stands:
            assert parts is not None
            at = _beside(parts, spine, rows.stands[name], pitch)
        placed[key] = (at + rows.offset_at(key) * grid.across, y)
    return placed | _in_bank(rows, grid, placed)


def _in_bank(rows: Rows, grid: Grid, placed: Mapping[Key, Point]) -> dict[Key, Point]:
    """The parameters of a bank, below the middle of all that stands above them."""
    if not rows.bank:
        return {}
    others = [x for (name, _), (x, _) in placed.items() if name not in rows.bank]
    middle = (min(others, default=0.0) + max(others, default=0.0)) / 2
    count = 1 + max(rows.row[name] for name in rows.bank)
    pitch = max(grid.bank, _BESIDE * grid.radius, _GAP * count * grid.radius)
    return {
        (name, None): (
            middle + rows.offset[name] * pitch,
            placed[name, None][1] + depth(rows) * grid.radius,
        )
        for name in rows.bank
        if (name, None) in placed
    }


def _is_outside(plan: Plan, column: int) -> bool:
    """Whether a column holds ghosts only."""
    return all(node.ghost for key, node in plan.nodes.items() if key[1] == column)


def _in_parts(parts: Parts, rows: Rows, columns: list[int], pitch: float) -> dict[int, float]:
    """x of each column, part by part; those that are stacked with their first steps in line."""
    spine: dict[int, float] = {}
    start = 0.0
    led = {part for part, side in rows.stands.values() if side < 0}
    for k, line in enumerate(parts.lines):
        own = [i for i, _ in line.each() if i in columns]
        before = sum(c.first < 1 for i, c in line.each() if i in own)
        if parts.stacked:
            start = -before * pitch
        elif k:
            start += pitch * (1.0 if k in led else _APART)
        spine |= {c: start + i * pitch for i, c in enumerate(own)}
        start += len(own) * pitch
    return spine


def _beside(parts: Parts, spine: dict[int, float], stand: tuple[int, int], pitch: float) -> float:
    """x of what stands left or right of a part."""
    part, side = stand
    own = [spine[i] for i, _ in parts.lines[part].each() if i in spine]
    if parts.stacked:
        own = list(spine.values())
    return min(own) - pitch if side < 0 else max(own) + pitch


def _pitches(
    plan: Plan, rows: Rows, grid: Grid, columns: list[int], parts: Parts | None
) -> list[float]:
    """From each column to the next, as much as the nodes of both need."""
    extents: dict[int, dict[int, tuple[float, float]]] = {c: {} for c in columns}
    for name, column in plan.nodes:
        if column is None:
            continue
        row, x = rows.row[name], rows.offset_at((name, column)) * grid.across
        low, high = extents[column].get(row, (x, x))
        extents[column][row] = min(low, x), max(high, x)
    free = (2 + CLEAR) * grid.radius
    firsts = {line.start for line in parts.lines} if parts else set()
    if not grid.even:  # a wide slice stands alone: its neighbours do not reach into its rows
        extents = {column: _in_all_rows(found) for column, found in extents.items()}
    found = []
    for a, b in pairwise(columns):
        before, after = extents[a], extents[b]
        needs = [
            (before[row][1] - low + free) * grid.wider
            for row, (low, _) in after.items()
            if row in before and b not in firsts
        ]
        found.append(max(needs, default=0.0))
    return found


def _in_all_rows(extents: dict[int, tuple[float, float]]) -> dict[int, tuple[float, float]]:
    """How far a column reaches to both sides, as if all of it stood in one row."""
    lows, highs = zip(*extents.values())
    return {0: (min(lows), max(highs))}
