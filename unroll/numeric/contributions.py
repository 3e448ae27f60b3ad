"""Who contributes what: each step to a parameter's gradient, the book's ∇W^(t), which add up to ∇W;
each loss L^(k) to the gradient of each state, ∂L^(k)/∂h^(t), which add up to ∇h^(t)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError
from unroll.numeric.codegen import compile_recurrence
from unroll.numeric.jacobians import between
from unroll.symbolic.expressions import Call, Expression, Index, Range, Reference, references
from unroll.symbolic.readings import letters_in
from unroll.symbolic.recurrence import INPUT, Axis, Equation, Recurrence
from unroll.symbolic.simplification import signed_terms

if TYPE_CHECKING:
    from unroll.numeric.trace import Trace


def by_step(trace: Trace, name: str) -> NDArray[Any]:
    """Per step, `(tau, *shape)`; what enters through an initial value is at step 1.

    The steps are those of the first axis that the gradient is summed over: of the decoder for what
    only the decoder uses. Raises UnrollError where part of the gradient belongs to no step, as with a
    penalty on the weights, and for a name that has a gradient at every step anyway.
    """
    gradient = trace.gradients[name]
    recurrence = trace.recurrence
    own = recurrence.axes_of(name)
    if recurrence.axes[0] in own:
        raise UnrollError(
            f"{name} has a gradient of its own at every step", remedy=f'Use gradient("{name}").'
        )
    (equation,) = recurrence.equations_of(gradient)
    terms = [_opened(sign, term) for sign, term in signed_terms(equation.expression)]
    axis = _axis(recurrence, terms)
    lengths = tuple(trace.sizes[a.length] for a in (axis, *own))
    total = np.zeros((*lengths, *trace.shapes[name]), trace.values[gradient].dtype)
    target = f"{gradient}_by_step"
    for ranges, body in terms:
        over = next((r for r in ranges if r.axis == axis.name and not _depends(r, ranges)), None)
        for within in reversed([r for r in ranges if r is not over]):
            limits = None if within.is_whole else within
            body = Call("sum", (body,), over=within.axis, limits=limits)
        if over is not None:
            indices = (Index(axis.name), *equation.target.indices)
            made = Equation(Reference(target, indices), body, () if over.is_whole else (over,))
            total += _evaluate(trace, made)
            continue
        steps = [
            max(1, min(trace.sizes[axis.length], recurrence.position(i, trace.sizes)))
            for i, a in _fixed(recurrence, body)
            if a.length == axis.length
        ]
        if not steps:
            raise UnrollError(f"part of the gradient of {name} belongs to no step")
        total[steps[0] - 1] += _evaluate(
            trace, Equation(Reference(target, equation.target.indices), body)
        )
    return total


def _opened(sign: int, term: Expression) -> tuple[list[Range], Expression]:
    """A term as the sums around it and what they add up."""
    ranges: list[Range] = []
    while isinstance(term, Call) and term.operation == "sum" and term.bound is not None:
        ranges.append(term.bound)
        term = term.arguments[0]
    return ranges, term if sign > 0 else -term


def _axis(recurrence: Recurrence, terms: list[tuple[list[Range], Expression]]) -> Axis:
    """The first axis that terms are summed over, or have a fixed point on; else time."""
    summed = {r.axis for ranges, _ in terms for r in ranges}
    fixed = {a.name for _, body in terms for _, a in _fixed(recurrence, body)}
    for among in (summed, fixed):
        found = next((a for a in recurrence.axes if a.name in among), None)
        if found is not None:
            return found
    return recurrence.axes[0]


def _fixed(recurrence: Recurrence, node: Expression) -> list[tuple[Index, Axis]]:
    """Indices at fixed points, with their axes."""
    return [
        (i, a)
        for r in references(node)
        for i, a in zip(r.indices, recurrence.axes_of(r.name))
        if i.base not in recurrence.letters
    ]


def _depends(within: Range, others: list[Range]) -> bool:
    """Whether the ends of a range name a letter that another sum binds."""
    ends = letters_in(within)
    return any(r.axis in ends for r in others)


def _evaluate(trace: Trace, equation: Equation) -> NDArray[Any]:
    """The values of one more equation, from those of the trace, at the steps of its axes."""
    target, body = equation.name, equation.expression
    names = dict.fromkeys(r.name for r in references(body) if r.name in trace.values)
    small = Recurrence((equation,), trace.recurrence.axes, tuple((n, INPUT) for n in names))
    given = trace.batched & set(names)
    summed = frozenset({target})
    ranges = {n: tuple((r.start, r.stop) for r in trace.rows[n]) for n in names if n in trace.rows}
    program = compile_recurrence(
        small, trace.shapes, trace.sizes, given, summed=summed, ranges=ranges
    )
    arguments = []
    for name in program.arguments:
        rows, values = program.rows.get(name), trace.values[name]
        if rows is None:
            arguments.append(values)
            continue
        own = trace.rows[name]
        padded = np.zeros((*map(len, rows), *values.shape[len(rows) :]), values.dtype)
        sides = [(max(r.first, o.first), min(r.last, o.last)) for r, o in zip(rows, own)]
        padded[tuple(slice(a - r.first, b - r.first + 1) for r, (a, b) in zip(rows, sides))] = (
            values[tuple(slice(a - o.first, b - o.first + 1) for o, (a, b) in zip(own, sides))]
        )
        arguments.append(padded)
    with np.errstate(all="ignore"):
        found: NDArray[Any] = program(trace.batch or 1, *arguments)[target]
    if trace.batch is not None and not given:  # the same for every entry of the batch
        found = found * trace.batch
    lengths = [trace.sizes[a.length] for a in small.axes_of(target)]
    own_rows = program.rows.get(target, ())
    return found[tuple(slice(1 - r.first, 1 - r.first + n) for r, n in zip(own_rows, lengths))]


# --- by loss ----------------------------------------------------------------------------


def by_loss(
    trace: Trace,
    name: str,
    of: str | None = None,
    steps: Sequence[int] | None = None,
    entry: int | None = None,
) -> NDArray[Any]:
    """∂L^(k) / ∂h^(t) for all k and t, `(tau_k, tau_t, *shape)`; `(tau_k, *shape)` of a parameter.

    One run of the adjoint with a batch of one-hot seeds, one for each k. of: the scalar that has a
    value at each step (default: the terms of the objective); steps: the k wanted; entry: which one
    of a batch. Goodfellow, Bengio & Courville 2016, section 10.7. Raises UnrollError where there is
    no such scalar.
    """
    loss = of if of is not None else per_step(trace)
    if trace.shapes.get(loss):
        raise UnrollError(
            f"{loss} is not a number at each step",
            remedy=f'influence("{loss}", "{name}") has the derivatives of all its entries.',
        )
    return between(trace, loss, name, steps, entry)


def per_step(trace: Trace) -> str:
    """The scalar with a value at each step whose sum is the objective: `L` of `J = sum(L[t], t)`."""
    forward, objective = trace.forward, trace.objective
    if objective is None:
        raise UnrollError(
            "this run has no loss", remedy='Name a scalar that has a value at each step: of="L".'
        )
    if forward.axes_of(objective):
        return objective
    found = {
        term.arguments[0].name
        for e in forward.equations_of(objective)
        for _, term in signed_terms(e.expression)
        if isinstance(term, Call)
        and term.operation == "sum"
        and term.over is not None
        and isinstance(term.arguments[0], Reference)
    }
    if len(found) == 1:
        return found.pop()
    raise UnrollError(
        f"{objective} is not the sum of one variable over the steps",
        remedy='Give its terms a name, as in L[t] = ..., J = sum(L[t], t), or say of="L".',
    )
