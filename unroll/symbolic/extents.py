"""Where equations hold and variables exist on the axis, and which equation wins where."""

from __future__ import annotations

from unroll.symbolic.expressions import Index, Reference
from unroll.symbolic.recurrence import Equation, Recurrence


def order(index: Index) -> tuple[bool, int]:
    """Numbers come before what counts from the end."""
    return index.base != "", index.offset


def is_point(equation: Equation) -> bool:
    return equation.start is not None and equation.start == equation.stop


def lagged(equation: Equation, reference: Reference) -> bool:
    """Whether a reference reaches to another step than its equation's."""
    if equation.index is None or not reference.indices:
        return False
    index = reference.indices[0]
    return index.base != equation.index.base or index.offset != equation.index.offset


def range_of(recurrence: Recurrence, equation: Equation) -> tuple[Index, Index]:
    """First and last index of an equation over the axis."""
    bounds = recurrence.range_of(equation)
    assert bounds is not None
    return bounds


def overrides(recurrence: Recurrence, other: Equation, equation: Equation) -> bool:
    """Whether `other` replaces the equation at some step of the axis."""
    if is_point(equation) or recurrence.specificity(other) <= recurrence.specificity(equation):
        return False
    return order(range_of(recurrence, other)[1]) >= order(recurrence.axes[0].first)


def extent(recurrence: Recurrence, name: str) -> tuple[Index, Index]:
    """First and last index that an equation of a variable defines; the whole axis for an input."""
    axis = recurrence.axes[0]
    bounds = [recurrence.range_of(e) for e in recurrence.equations_of(name)]
    firsts = [b[0] for b in bounds if b] or [axis.first]
    lasts = [b[1] for b in bounds if b] or [axis.last]
    return min(firsts, key=order), max(lasts, key=order)
