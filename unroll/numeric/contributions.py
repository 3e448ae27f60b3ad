"""What each step adds to a parameter's gradient: the book's ∇W^(t), which add up to ∇W."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError
from unroll.numeric.codegen import compile_recurrence
from unroll.symbolic.expressions import Call, Expression, Index, Reference, references
from unroll.symbolic.recurrence import INPUT, Equation, Recurrence
from unroll.symbolic.simplification import signed_terms

if TYPE_CHECKING:
    from unroll.numeric.trace import Trace


def by_step(trace: Trace, name: str) -> NDArray[Any]:
    """Per step, `(tau, *shape)`; what enters through an initial value counts at step 1.

    Raises UnrollError where part of the gradient belongs to no step, as with a penalty on the
    weights, and for a name that has a gradient at every step anyway.
    """
    gradient = trace.gradients[name]
    recurrence, axis = trace.recurrence, trace.recurrence.axes[0]
    if recurrence.axis_of(name) is not None:
        raise UnrollError(
            f"{name} has a gradient of its own at every step", remedy=f'Use gradient("{name}").'
        )
    (equation,) = recurrence.equations_of(gradient)
    target = f"{gradient}_by_step"
    general: list[Expression] = []
    at_point: dict[int, list[Expression]] = {}
    for sign, term in signed_terms(equation.expression):
        if isinstance(term, Call) and term.over == axis.name:
            body = term.arguments[0]
            general.append(body if sign > 0 else -body)
            continue
        steps = [
            max(1, min(trace.steps, recurrence.position(r.indices[0], trace.steps)))
            for r in references(term)
            if r.indices
        ]
        if not steps:
            raise UnrollError(f"part of the gradient of {name} belongs to no step")
        at_point.setdefault(steps[0], []).append(term if sign > 0 else -term)
    total = np.zeros((trace.steps, *trace.shapes[name]), trace.values[gradient].dtype)
    if general:
        total += _evaluate(trace, target, general, Index(axis.name))
    for step, terms in at_point.items():
        total[step - 1] += _evaluate(trace, target, terms, None)
    return total


def _evaluate(
    trace: Trace, target: str, terms: list[Expression], index: Index | None
) -> NDArray[Any]:
    """The sum of some terms, from the values of the trace; at all steps where there is an index."""
    body = terms[0]
    for term in terms[1:]:
        body = body + term
    equation = Equation(Reference(target, () if index is None else (index,)), body)
    names = dict.fromkeys(r.name for r in references(body) if r.name in trace.values)
    small = Recurrence((equation,), trace.recurrence.axes, tuple((n, INPUT) for n in names))
    given = trace.batched & set(names)
    summed = frozenset({target})
    ranges = {n: (trace.rows[n].start, trace.rows[n].stop) for n in names if n in trace.rows}
    program = compile_recurrence(
        small, trace.shapes, trace.steps, given, summed=summed, ranges=ranges
    )
    arguments = []
    for name in program.arguments:
        rows, values = program.rows.get(name), trace.values[name]
        if rows is None:
            arguments.append(values)
            continue
        own = trace.rows[name]
        padded = np.zeros((rows.last - rows.first + 1, *values.shape[1:]), values.dtype)
        first, last = max(rows.first, own.first), min(rows.last, own.last)
        padded[first - rows.first : last - rows.first + 1] = values[
            first - own.first : last - own.first + 1
        ]
        arguments.append(padded)
    with np.errstate(all="ignore"):
        found: NDArray[Any] = program.function(trace.steps, trace.batch or 1, *arguments)[target]
    if trace.batch is not None and not given:  # the same for every entry of the batch
        found = found * trace.batch
    if index is None:
        return found
    start = 1 - program.rows[target].first
    return found[start : start + trace.steps]
