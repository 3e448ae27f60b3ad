"""Curves: what the functions of a recurrence look like, sampled from the table's own programs."""

from __future__ import annotations

import numpy as np

from unroll.language.parser import parse
from unroll.numeric.execution import run
from unroll.symbolic.expressions import Call
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import Recurrence

_REACH, _POINTS = 3.2, 41


def curves_of(recurrence: Recurrence) -> dict[str, tuple[float, ...]]:
    """For each variable that a function of one number makes, entry by entry: the function's values.

    At equally spaced arguments around zero; functions that are lines are left out.
    """
    found = {}
    for equation in recurrence.equations:
        node = equation.expression
        row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
        if row is None or row.linear or row.infix or [c.signature for c in row.cases] != ["*->*"]:
            continue
        values = _sampled(row.name)
        if np.isfinite(values).all() and np.ptp(values):
            found[equation.name] = values
    return found


def _sampled(operation: str) -> tuple[float, ...]:
    grid = np.linspace(-_REACH, _REACH, _POINTS)[:, None]
    trace = run(parse(f"y[t] = {operation}(x[t])"), {"x": grid})
    return tuple(np.asarray(trace["y"])[:, 0].tolist())
