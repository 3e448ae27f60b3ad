"""Mixing: one step drawn finer than the others, in its place among them."""

from __future__ import annotations

from dataclasses import replace

from unroll.drawing.ordering import Name, offsets
from unroll.drawing.parts import Parts
from unroll.drawing.rows import Rows
from unroll.drawing.unfolding import Plan
from unroll.errors import UnrollError


def mixed(plan: Plan, finer: Plan, column: int) -> Plan:
    """The plan, with the nodes of one column, and the arrows into them, as in the finer one.

    Both are of the same recurrence over the same columns: all nodes of the plan are in the finer one,
    too, since only what stands between them differs.
    """
    nodes = {key: node for key, node in plan.nodes.items() if key[1] != column}
    nodes |= {key: node for key, node in finer.nodes.items() if key[1] == column}
    arrows = [arrow for arrow in plan.arrows if arrow.target[1] != column]
    arrows += [arrow for arrow in finer.arrows if arrow.target[1] == column]
    ordered = {key: nodes[key] for key in finer.nodes if key in nodes}
    ordered |= nodes
    return Plan(ordered, tuple(a for a in arrows if a.source in nodes and a.target in nodes))


def mixed_rows(rows: Rows, finer: Rows, plan: Plan, column: int) -> Rows:
    """The finer rows; what stands in other columns keeps its offset from the spine where it can."""
    names = dict.fromkeys(name for name, at in plan.nodes if at not in (column, None))
    placed: dict[str, float] = {}
    for row in range(finer.count):
        beside = sorted((n for n in names if finer.row[n] == row), key=lambda n: finer.offset[n])
        wishes: dict[Name, float] = {n: rows.offset[n] for n in beside}
        placed |= {str(n): x for n, x in offsets(beside, wishes).items()}
    own = {key: placed[key[0]] for key in plan.nodes if key[1] not in (column, None)}
    return replace(finer, own=own)


def column_of(line: Parts, step: str) -> int:
    """The number of the column whose index reads so: `t`, `t-1`, `3`. Raises UnrollError without one."""
    shown = {str(c.index): i for i, c in line.each() if c.index is not None}
    if step not in shown:
        raise UnrollError(
            f"there is no step {step} in this picture", remedy=f"It shows {', '.join(shown)}."
        )
    return shown[step]
