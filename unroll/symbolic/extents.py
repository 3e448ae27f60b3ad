"""Where equations hold and variables exist on their axes, and which equation wins where."""

from __future__ import annotations

from unroll.symbolic.expressions import Index, Range
from unroll.symbolic.recurrence import Axis, Equation, Recurrence


def before(one: Index, other: Index, axis: Axis) -> bool:
    """Whether an index comes before another on an axis, whatever its length.

    Numbers come before what counts from the end, leaves before other nodes.
    """
    return _rank(one, axis) < _rank(other, axis)


def _rank(index: Index, axis: Axis) -> tuple[bool, bool, int]:
    return index.base != "", index.base == axis.length, index.offset


def is_point(within: Range) -> bool:
    return within.start is not None and within.start == within.stop


def overrides(recurrence: Recurrence, other: Equation, equation: Equation) -> bool:
    """Whether `other` replaces the equation at some of its points."""
    if recurrence.specificity(other) <= recurrence.specificity(equation):
        return False
    sides = zip(
        recurrence.bounds(other), recurrence.bounds(equation), recurrence.axes_of(equation.name)
    )
    return not any(
        before(mine[1], theirs[0], axis) or before(theirs[1], mine[0], axis)
        for mine, theirs, axis in sides
    )
