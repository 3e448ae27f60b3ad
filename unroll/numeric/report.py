"""What `unroll run` prints: the schedule, the number of parameters, values and gradients."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.numeric.schedule import describe
from unroll.numeric.trace import Trace, length
from unroll.symbolic.recurrence import PARAMETER


@dataclass(frozen=True, slots=True)
class Count:
    """How many numbers the parameters hold.

    total: for the steps of the run; shared: with one set for all steps, whatever their number.
    """

    total: int
    shared: int


def count_parameters(trace: Trace) -> Count:
    """The parameters' numbers, those of each position (`W[t]`) counted once a step or once at all."""
    recurrence = trace.recurrence
    total = shared = 0
    for name in trace.parameters:
        size = prod(np.shape(trace[name]))
        total += size
        per_step = recurrence.axes[0] in recurrence.axes_of(name)
        shared += size // trace.steps if per_step else size
    return Count(total, shared)


def summarize(trace: Trace) -> str:
    """The whole account of a run, as text."""
    head = f"{trace.steps} steps"
    if trace.objective is not None:
        head += f", {trace.objective} = {trace.loss:.6g}"
    lengths = {a.name: trace.sizes[a.length] for a in trace.recurrence.axes}
    lines = [head, "", "schedule", *(f"  {x}" for x in describe(trace.schedule, lengths))]
    if trace.parameters:
        lines += ["", _parameters(trace)]
    lines += ["", *_table(trace)]
    if trace.nonfinite is not None:
        name, step = trace.nonfinite
        at = f" at step {step}" if step is not None else ""
        lines += ["", f"not finite: {name}{at} is the first to be infinite or not a number"]
    return "\n".join(lines)


def _parameters(trace: Trace) -> str:
    count = count_parameters(trace)
    sizes = ", ".join(
        f"{n} {'x'.join(map(str, np.shape(trace[n]))) or 1}" for n in trace.parameters
    )
    numbers = f"parameters: {count.total} numbers ({sizes})"
    if count.total == count.shared:
        return f"{numbers}, the same for any number of steps"
    return f"{numbers} for {trace.steps} steps; shared over time they would be {count.shared}"


def _table(trace: Trace) -> list[str]:
    """A row a name: its shape, its last value (or its size), the size of its gradient."""
    known = set(trace.recurrence.names)  # a sum that only a run in segments has is not among them
    rows = [("name", "shape", "last value", "|gradient|")]
    for name in trace.names:
        array = np.asarray(trace[name])
        shape = "x".join(map(str, array.shape)) or "number"
        axes = trace.recurrence.axes_of(name) if name in known else ()
        last = array[(-1,) * len(axes)]
        gradient = ""
        if name in trace.gradients:
            gradient = f"{length(trace.gradient(name)):.4g}"
        rows.append((name, shape, _value(np.asarray(last)), gradient))
    roles = {n: trace.recurrence.role(n) for n in trace.names if n in known}
    rows[1:] = sorted(rows[1:], key=lambda r: roles.get(r[0]) == PARAMETER)
    widths = [max(len(r[i]) for r in rows) for i in range(4)]
    return ["  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in rows]


def _value(array: NDArray[Any]) -> str:
    if array.size > 6 or array.ndim > 1:
        return f"{array.size} numbers of size {length(array):.4g}"
    return " ".join(f"{x:.4g}" for x in array.reshape(-1))
