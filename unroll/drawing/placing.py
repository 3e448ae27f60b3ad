"""Coordinates: a node's row gives its height, its column and its offset in the slice the rest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from unroll.drawing.parts import Parts
from unroll.drawing.rows import Rows
from unroll.drawing.scene import Point
from unroll.drawing.unfolding import Key, Plan

COLUMN, ROW, CLEAR = 4.2, 3.25, 2.2  # column pitch, row pitch, free space, in node radii
_APART = 0.5  # more between two parts, in column pitches


@dataclass(frozen=True, slots=True)
class Grid:
    """One node radius for a figure, the pitches of rows and columns, and the unit of offsets, px.

    wider: how many times what they need columns get, so that more lines fit between them.
    """

    radius: float
    row: float
    column: float
    across: float
    wider: float = 1.0


def grid(radius: float) -> Grid:
    return Grid(radius, ROW * radius, COLUMN * radius, radius)


def place(plan: Plan, rows: Rows, grid: Grid, parts: Parts | None = None) -> dict[Key, Point]:
    """Where each node's centre lies, the folded view's spine or the first column at x = 0."""
    columns = sorted({c for _, c in plan.nodes if c is not None})
    pitch = _pitch(plan, rows, grid, columns, parts)
    spine = {column: i * pitch for i, column in enumerate(columns)}
    if parts is not None and len(parts.lines) > 1:
        spine = _in_parts(parts, rows, columns, pitch)
    xs = [spine[c] for c in columns if not _is_outside(plan, c)] or [0.0]
    middle = (xs[0] + xs[-1]) / 2
    placed = {}
    for key in plan.nodes:
        name, column = key
        y = -rows.row[name] * grid.row
        at = spine[column] if column is not None else middle
        if name in rows.stands:
            assert parts is not None
            at = _beside(parts, spine, rows.stands[name], pitch)
        placed[key] = (at + rows.offset[name] * grid.across, y)
    return placed


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


def _pitch(plan: Plan, rows: Rows, grid: Grid, columns: list[int], parts: Parts | None) -> float:
    """Between columns: one pitch for all, as much as the nodes of any two neighbours need."""
    extents: dict[int, dict[int, tuple[float, float]]] = {c: {} for c in columns}
    for name, column in plan.nodes:
        if column is None:
            continue
        row, x = rows.row[name], rows.offset[name] * grid.across
        low, high = extents[column].get(row, (x, x))
        extents[column][row] = min(low, x), max(high, x)
    free = (2 + CLEAR) * grid.radius
    firsts = {line.start for line in parts.lines} if parts else set()
    needs = [
        (before[row][1] - low + free) * grid.wider
        for before, after in (
            (extents[a], extents[b]) for a, b in pairwise(columns) if b not in firsts
        )
        for row, (low, _) in after.items()
        if row in before
    ]
    return max([grid.column, rows.pitch * grid.across, *needs])
