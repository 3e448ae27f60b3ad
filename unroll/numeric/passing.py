"""What flows back along each edge of the unrolled graph: the terms that a gradient is the sum of.

Every reference of an equation is read through a variable of its own, `tap[t] = h[t-1]`. Values stay
as they are, and the gradient of the tap is what this one edge passes on: the gradient that arrives at
its target times its local Jacobian (Goodfellow, Bengio & Courville 2016, eq. 6.49, term by term).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError
from unroll.numeric.layout import wanted
from unroll.symbolic.adjoint import keeps_axis
from unroll.symbolic.expressions import (
    Call,
    Expression,
    Index,
    Range,
    Reference,
    rebuild,
    reindex,
)
from unroll.symbolic.recurrence import GIVEN, INPUT, PARAMETER, Equation, Recurrence
from unroll.symbolic.transformations import fresh

if TYPE_CHECKING:
    from unroll.numeric.trace import Trace

Array = NDArray[Any]
Ends = tuple[str, str]  # source and target of an edge, as in `h[1]`, `a[2]`


@dataclass(frozen=True, slots=True)
class Tap:
    """A variable that stands for a reference in an equation of `target`.

    joint: whether it is read by all steps of an operation that has a value at each, as a softmax
    over steps: what comes back from them is one sum.
    """

    name: str
    reference: Reference
    target: Reference
    letters: tuple[Index, ...]
    joint: bool


def passed_back(trace: Trace, recurrence: Recurrence, of: str | None = None) -> dict[Ends, Array]:
    """What each edge adds to the gradient of its source, by the nodes that it joins.

    recurrence: what was run, or another with the same values, as after `hide` and `expand`; of: its
    objective. Parameters, and inputs, are no nodes here, and edges into a softmax over steps
    are left out. Raises UnrollError for a batch, for sums
    over the children of a node, and where the run had other gradients than this recurrence has.
    """
    if trace.batch is not None:
        raise UnrollError(
            "what flows back is not told for a batch", remedy="Run one sequence, and draw that."
        )
    tapped, taps = _tapped(recurrence)
    result = rerun(trace, tapped, of)
    _check_same(trace, result, recurrence)
    sizes = trace.sizes
    found: dict[Ends, Array] = {}
    for tap in taps:
        if tap.joint or tap.name not in result.gradients:
            continue
        key = result.gradients[tap.name]
        values, rows = result.values[key], result.rows.get(key, ())
        for _, box in tapped.boxes(tap.name, sizes):
            for point in product(*(range(a, b + 1) for a, b in box)):
                here = {i.base: k for i, k in zip(tap.letters, point)}
                ends = tuple(
                    _node(r.name, [tapped.position(i, sizes, here) for i in r.indices])
                    for r in (tap.reference, tap.target)
                )
                term = _row(values, rows, point)
                before = found.get((ends[0], ends[1]))
                found[ends[0], ends[1]] = term if before is None else before + term
    joint = {(tap.reference.name, tap.target.name) for tap in taps if tap.joint}
    names = {ends: tuple(end.partition("[")[0] for end in ends) for ends in found}
    return {ends: term for ends, term in found.items() if names[ends] not in joint}


def norms_along(trace: Trace, recurrence: Recurrence, of: str | None = None) -> dict[Ends, float]:
    """The Euclidean norm of what flows back along each edge; see `passed_back`."""
    from unroll.numeric.trace import length

    return {ends: length(term) for ends, term in passed_back(trace, recurrence, of).items()}


def rerun(
    trace: Trace,
    recurrence: Recurrence,
    of: str | None = None,
    arrays: Mapping[str, Any] | None = None,
) -> Trace:
    """A run of another recurrence, or with other arrays than those of this one. of: its objective."""
    from unroll.numeric.execution import run

    lengths = dict(trace.sizes.trees)
    return run(
        recurrence,
        {n: trace[n] for n in wanted(recurrence)} if arrays is None else arrays,
        steps={n: k for n, k in trace.sizes.lengths if n in recurrence.lengths},
        tree={a.name: lengths[a.length] for a in recurrence.axes if a.leaves} or None,
        dims={n: s for n, s in trace.shapes.items() if n in recurrence.names},
        dtype=next((v.dtype for v in trace.values.values()), np.dtype(float)),
        of=of,
    )


def _node(name: str, at: list[int]) -> str:
    return f"{name}[{','.join(map(str, at))}]" if at else name


def _row(values: Array, rows: Any, point: tuple[int, ...]) -> Array:
    """An entry of an array over steps; zero where it was not computed."""
    if not all(r.start <= k <= r.stop for r, k in zip(rows, point)):
        return np.zeros(values.shape[len(rows) :])
    return np.asarray(values[tuple(k - r.first for r, k in zip(rows, point))])


def _check_same(trace: Trace, result: Trace, recurrence: Recurrence) -> None:
    for name in recurrence.parameters:
        if name in trace.gradients and name in result.gradients:
            ours, theirs = result.gradient(name), trace.gradient(name)
            if not np.allclose(ours, theirs, rtol=1e-4, atol=1e-8, equal_nan=True):
                raise UnrollError(
                    f"the run has another gradient of {name} than these equations",
                    remedy="Cut the equations themselves, by truncate(k), and run those.",
                )


# --- taps -------------------------------------------------------------------------------


def _tapped(recurrence: Recurrence) -> tuple[Recurrence, list[Tap]]:
    """The recurrence with a tap at every reference to a variable, and the taps."""
    taken = set(recurrence.names)
    taps: list[Tap] = []
    equations: list[Equation] = []
    recurrence = _with_letters_apart(recurrence, taken)
    for equation in recurrence.equations:
        if equation.expression == GIVEN:
            equations.append(equation)
            continue
        own: dict[tuple[Reference, tuple[Range, ...]], Tap] = {}
        expression = _read(recurrence, equation, equation.expression, (), own, taken)
        for (reference, bound), tap in own.items():
            ranges = (*equation.ranges, *(r for r in bound if not r.is_whole and _is_apart(r)))
            target = Reference(tap.name, tap.letters)
            equations.append(Equation(target, reference, ranges))
        equations.append(replace(equation, expression=expression))
        taps += own.values()
    known = dict.fromkeys(recurrence.parameters, PARAMETER) | dict(recurrence.overrides)
    kept = tuple((n, role) for n, role in known.items() if role in (PARAMETER, INPUT))
    return replace(recurrence, equations=tuple(equations), overrides=kept), taps


def _with_letters_apart(recurrence: Recurrence, taken: set[str]) -> Recurrence:
    """The same equations; no reduction takes a letter that their left side has.

    An operation with a value at each step keeps its letter: it is that of the left side.
    """
    axes = list(recurrence.axes)
    spare: dict[str, str] = {}

    def told_apart(equation: Equation) -> Equation:
        own = {i.base for i in equation.target.indices}

        def change(node: Expression) -> Expression:
            if not isinstance(node, Call) or node.over not in own or keeps_axis(node):
                return node
            assert node.over is not None
            if node.over not in spare:
                spare[node.over] = fresh(f"{node.over}_inside", taken | {a.name for a in axes})
                axis = recurrence.letters[node.over]
                axes.append(replace(axis, name=spare[node.over]))
            letter = spare[node.over]
            arguments = tuple(reindex(a, {node.over: Index(letter)}) for a in node.arguments)
            limits = None if node.limits is None else replace(node.limits, axis=letter)
            return replace(node, arguments=arguments, over=letter, limits=limits)

        return replace(equation, expression=rebuild(equation.expression, change))

    equations = tuple(told_apart(e) for e in recurrence.equations)
    return replace(recurrence, equations=equations, axes=tuple(axes))


def _is_apart(within: Range) -> bool:
    """Whether a range ends at numbers and lengths, and at no other letter."""
    return all(i is None or not i.via for i in (within.start, within.stop))


def _read(
    recurrence: Recurrence,
    equation: Equation,
    node: Expression,
    bound: tuple[Range, ...],
    own: dict[tuple[Reference, tuple[Range, ...]], Tap],
    taken: set[str],
) -> Expression:
    if isinstance(node, Reference):
        defined = node.name in recurrence.defined
        if not defined and (node.name not in recurrence.names or _is_leaf(recurrence, node.name)):
            return node
        used = tuple(r for r in bound if r.axis in {i.base for i in node.indices})
        if any(r.parent is not None for r in used):
            raise UnrollError(
                f"what flows back into the children of a node is not told for {equation.name}"
            )
        if (node, used) not in own:
            name = fresh(f"tap_{node.name}", taken)
            taken.add(name)
            free = equation.target.indices
            letters = (*free, *(i for r in used if (i := Index(r.axis)) not in free))
            joint = len(letters) < len(free) + len(used)
            own[node, used] = Tap(name, node, equation.target, letters, joint)
        tap = own[node, used]
        return Reference(tap.name, tap.letters)
    if not isinstance(node, Call):
        return node
    if node.bound is not None:
        bound = (*(r for r in bound if r.axis != node.over), node.bound)
    arguments = (_read(recurrence, equation, a, bound, own, taken) for a in node.arguments)
    return replace(node, arguments=tuple(arguments))


def _is_leaf(recurrence: Recurrence, name: str) -> bool:
    return recurrence.role(name) in (PARAMETER, INPUT)
