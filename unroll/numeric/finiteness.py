"""Where a run ceases to be finite: the first name and step with inf or nan, and a warning that says so.

First means first computed: forward before backward, tasks in the order of the schedule, steps in the
order in which a scan walks, and in a step what needs none of the others. All later ones follow from it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import NonFiniteWarning
from unroll.graph.unrolled import Place, place
from unroll.numeric.schedule import Scan, Task
from unroll.symbolic.ordering import BACKWARD, dependences

if TYPE_CHECKING:
    from unroll.numeric.trace import Trace

Point = tuple[int, ...]


def report(trace: Trace) -> Trace:
    """The trace, with a `NonFiniteWarning` if its loss or a gradient of it is not finite.

    Only these are looked at, a sum each, unless something is wrong.
    """
    if not all(isfinite(total) for total in _totals(trace)):
        found = trace.nonfinite
        if found is not None:  # and not only a sum that is too large
            warnings.warn(NonFiniteWarning(_message(trace, *found), *found), stacklevel=4)
    return trace


def first_nonfinite(trace: Trace) -> tuple[str, Place] | None:
    """The name and the step (a point, where there are several axes) of the first inf or nan.

    The step is None for what has none. None where everything is finite.
    """
    back = frozenset(trace.gradients.values())
    for task in trace.schedule:
        found = [(n, p) for n in task.names for p in _places(trace, n, task, n in back)]
        if found:
            name, at = _earliest(trace, task, found)
            return name, place(at)
    computed = {n for task in trace.schedule for n in task.names}
    for name in trace.names:  # what was given
        if name not in computed:
            for at in _places(trace, name, None, False):
                return name, place(at)
    return None


def _totals(trace: Trace) -> Iterator[float]:
    """The loss and sums of the gradients by parameters; without these, of what there is."""
    values, named = trace.values, trace.gradients
    if trace.objective is None:
        ends: Sequence[str] = [n for n in trace.names if n in trace.recurrence.defined]
    else:
        leaves = [named[n] for n in trace.parameters if n in named]
        ends = [trace.objective, *(leaves or named.values())]
    with np.errstate(all="ignore"):
        for name in ends:
            yield float(np.add.reduce(values[name], axis=None))


def _places(trace: Trace, name: str, task: Task | None, back: bool) -> list[Point]:
    """The first point at which a name is not finite, in the order of its task; none if it always is."""
    values = trace.values.get(name)
    if values is None:
        return []
    with np.errstate(all="ignore"):
        if np.isfinite(values.sum()):
            return []
    rows = trace.rows.get(name, ())
    wrong: NDArray[Any] = ~np.isfinite(values)
    bad = np.any(wrong.reshape(*wrong.shape[: len(rows)], -1), axis=-1)
    if not bad.any():
        return []
    if not rows:
        return [()]
    points = np.argwhere(bad) + [r.first for r in rows]
    axes = [a.name for a in trace.recurrence.axes_of(name)]
    signs = [-1 if back else 1] * len(axes)
    order = list(range(len(axes)))
    if isinstance(task, Scan):
        walked = [w for w in task.walks if w.axis in axes]
        for walk in walked:
            signs[axes.index(walk.axis)] = -1 if walk.direction == BACKWARD else 1
        first = [axes.index(w.axis) for w in walked]
        order = first + [i for i in order if i not in first]
    return [
        min((tuple(map(int, p)) for p in points), key=lambda p: [signs[i] * p[i] for i in order])
    ]


def _earliest(trace: Trace, task: Task, found: list[tuple[str, Point]]) -> tuple[str, Point]:
    """Of the first points of several names, the one that follows from none of the others."""
    if isinstance(task, Scan):
        walk = task.walks[0]
        sign = -1 if walk.direction == BACKWARD else 1

        def step(entry: tuple[str, Point]) -> int:
            axes = [a.name for a in trace.recurrence.axes_of(entry[0])]
            return sign * entry[1][axes.index(walk.axis)] if walk.axis in axes else 0

        first = min(map(step, found))
        found = [entry for entry in found if step(entry) == first]
    names = {name for name, _ in found}
    after = {
        d.target
        for d in dependences(trace.recurrence)
        if d.within_step and d.source in names and d.source != d.target
    }
    return next((entry for entry in found if entry[0] not in after), found[0])


def _message(trace: Trace, name: str, at: Place) -> str:
    """What is not finite from where on, and what helps."""
    by_name = {gradient: of for of, gradient in trace.gradients.items()}
    what = f"the gradient of {by_name[name]}" if name in by_name else name
    where = "" if at is None else f" at step {at}"
    single = trace.values[name].dtype == np.float32
    wider = ", dtype float64" if single else ""
    if name in by_name or name not in trace.forward.names:
        remedy = f"Gradients explode: try smaller weights or truncated BPTT (truncate=){wider}."
    else:
        remedy = f"Try smaller weights or inputs, or a bounded function such as tanh{wider}."
    return (
        f"{what}{where} is infinite or not a number, and so is all that follows from it\n{remedy}"
    )
