"""Coordinates: a node's row gives its height, its column and its offset in the slice the rest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from unroll.drawing.rows import Rows
from unroll.drawing.scene import Point
from unroll.drawing.unfolding import Key, Plan

COLUMN, ROW, CLEAR = 4.2, 3.25, 2.2  # column pitch, row pitch, free space, in node radii


@dataclass(frozen=True, slots=True)
class Grid:
    """One node radius for a figure, the pitches of rows and columns, and the unit of offsets, px."""

    radius: float
    row: float
    column: float
    across: float


def grid(radius: float) -> Grid:
    return Grid(radius, ROW * radius, COLUMN * radius, radius)


def place(plan: Plan, rows: Rows, grid: Grid) -> dict[Key, Point]:
    """Where each node's centre lies, the folded view's spine or the first column at x = 0."""
    columns = sorted({c for _, c in plan.nodes if c is not None})
    spine = _spines(plan, rows, grid, columns)
    xs = [spine[c] for c in columns if not _is_outside(plan, c)] or [0.0]
    middle = (xs[0] + xs[-1]) / 2
    placed = {}
    for key in plan.nodes:
        name, column = key
        y = -rows.row[name] * grid.row
        at = spine[column] if column is not None else middle
        placed[key] = (at + rows.offset[name] * grid.across, y)
    return placed


def _is_outside(plan: Plan, column: int) -> bool:
    """Whether a column holds ghosts only."""
    return all(node.ghost for key, node in plan.nodes.items() if key[1] == column)


def _spines(plan: Plan, rows: Rows, grid: Grid, columns: list[int]) -> dict[int, float]:
    """x of each column: one pitch for all, as much as the nodes of any two neighbours need."""
    extents: dict[int, dict[int, tuple[float, float]]] = {c: {} for c in columns}
    for name, column in plan.nodes:
        if column is None:
            continue
        row, x = rows.row[name], rows.offset[name] * grid.across
        low, high = extents[column].get(row, (x, x))
        extents[column][row] = min(low, x), max(high, x)
    free = (2 + CLEAR) * grid.radius
    needs = [
        before[row][1] - low + free
        for before, after in pairwise(extents[c] for c in columns)
        for row, (low, _) in after.items()
        if row in before
    ]
    pitch = max([grid.column, *needs])
    return {column: i * pitch for i, column in enumerate(columns)}
