"""Truncated BPTT of a run: one adjoint run where windows touch, one a turn where they overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from unroll.errors import UnrollError
from unroll.numeric.arrays import Data
from unroll.numeric.trace import Trace
from unroll.symbolic.expressions import Index, Reference, call
from unroll.symbolic.recurrence import Equation
from unroll.symbolic.transformations import fresh
from unroll.symbolic.truncation import STOP, totals, truncate, turns

Truncation = int | Sequence[int]
Runner = Callable[[Data, str | None], Trace]


def windows(truncation: Truncation) -> tuple[int, int]:
    """k1 and k2: `5` or `(5, 10)`. Raises UnrollError for anything else."""
    pair = truncation if isinstance(truncation, Sequence) else (truncation, truncation)
    whole = all(isinstance(k, (int, np.integer)) and not isinstance(k, bool) for k in pair)
    if len(pair) != 2 or not whole or isinstance(pair, str):
        raise UnrollError(
            f"truncate={truncation!r} is no number of steps",
            remedy="Write truncate=5, or k1 and k2 as in truncate=(5, 10).",
        )
    return int(pair[0]), int(pair[1])


def run_truncated(data: Data, truncation: Truncation, of: str | None, run: Runner) -> Trace:
    """The run of these arrays by `run`, its gradients cut at the edges of windows.

    Values and loss are those of the whole.
    """
    every, through = windows(truncation)
    count = turns(every, through)
    recurrence = data.recurrence
    if count == 1:
        return run(replace(data, recurrence=truncate(recurrence, every)), of)
    objective = recurrence.objective(of)
    taken = set(recurrence.names)
    turn = fresh("turn", taken)
    shapes = {**data.shapes, turn: ()}
    if objective is not None and recurrence.axes_of(objective):  # a loss of each step: their sum
        total = fresh("J", {*taken, turn})
        body: Any = Reference(
            objective, tuple(Index(a.name) for a in recurrence.axes_of(objective))
        )
        for axis in reversed(recurrence.axes_of(objective)):
            body = call("sum", body, over=axis.name)
        equations = (*recurrence.equations, Equation(Reference(total), body))
        recurrence = replace(recurrence, equations=equations)
        shapes[total], of = (), total
    cut = truncate(recurrence, every, through, call(STOP, Reference(turn)))
    traces = []
    for number in range(count):
        arrays = {**data.arrays, turn: np.asarray(number, _dtype(data))}
        traces.append(run(replace(data, recurrence=cut, arrays=arrays, shapes=shapes), of))
    return _added(traces, data, objective)


def _dtype(data: Data) -> Any:
    return next(iter(data.arrays.values())).dtype if data.arrays else np.float64


def _added(traces: Sequence[Trace], data: Data, objective: str | None) -> Trace:
    """The first trace, with all that belongs to gradients summed over the turns."""
    first, *rest = traces
    made = (*data.recurrence.names, *(n for n in first.values if "[" in n))
    names = tuple(n for n in first.names if n in data.recurrence.names)
    values = dict(first.values)
    shared = {first.gradients.get(n) for n in totals(data.recurrence)}  # the same in every turn
    for name in dict.fromkeys((*first.recurrence.defined, *first.gradients.values())):
        if name in values and name not in made and name not in shared:
            values[name] = np.sum([t.values[name] for t in (first, *rest)], axis=0)
    gradients = {n: g for n, g in first.gradients.items() if n in data.recurrence.names}
    if objective is not None and first.objective != objective:
        values[gradients[objective]] = np.ones_like(values[objective])  # not of each turn
    return replace(
        first,
        forward=data.recurrence,
        names=names,
        values=values,
        gradients=gradients,
        objective=objective,
        parameters=data.recurrence.parameters,
    )
