"""Readings: where the letters of an equation are, seen from what a reference in it reads.

The gradient of `u[t]` gathers what equations send to their references `u[t-1]`: from there the
equation's t is one step ahead. On a tree, what is `left(n)` of one node sees that node as its parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from unroll.symbolic.expressions import (
    ZERO,
    Call,
    Expression,
    Index,
    Range,
    Reference,
    call,
    reindex,
)
from unroll.symbolic.recurrence import Axis, Recurrence
from unroll.symbolic.trees import CHILDREN, INVERSE, PARENT

Ranges = tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """What arrives at a reference: its gradient along one path, with the equation's letters free.

    bound: where the letters run of the reductions around it.
    """

    reference: Reference
    gradient: Expression
    bound: Ranges

    @property
    def end(self) -> tuple[Reference, Ranges]:
        return self.reference, self.bound


@dataclass(frozen=True)
class Reading:
    """What a reference reads, seen from there.

    places: where each letter that indexes it is; fixed: its other indices, by position; equal: pairs
    that must be the same, where a letter indexes it twice; below: letters that run over the children
    of what is read, where the reference is to a parent.
    """

    places: dict[str, Index]
    fixed: dict[int, Index]
    equal: list[tuple[Index, Index]]
    below: dict[str, Range]


def reading(forward: Recurrence, reference: Reference, scope: Mapping[str, Range]) -> Reading:
    """The reading of a reference; scope: where the letters run that are bound around it."""
    found = Reading({}, {}, [], {})
    for position, axis in enumerate(forward.axes_of(reference.name)):
        index = reference.indices[position]
        if index.base not in scope:
            found.fixed[position] = index
        elif index.via == PARENT:
            found.below[index.base] = Range(index.base, parent=Index(axis.name, 0, CHILDREN))
        elif index.base in found.places:
            found.equal.append((found.places[index.base], Index(axis.name, -index.offset)))
        else:
            via = INVERSE[index.via] if index.via else ""
            found.places[index.base] = Index(axis.name, -index.offset, via)
    return found


def relative(forward: Recurrence, node: Expression, point: Index, axis: Axis) -> Expression:
    """What stands relative to a point of an axis, relative to its letter; but in no sum over that."""
    if isinstance(node, Reference):
        indices = tuple(
            Index(axis.name, i.offset - point.offset)
            if i.base == point.base and a.length == axis.length
            else i
            for i, a in zip(node.indices, forward.axes_of(node.name))
        )
        return replace(node, indices=indices)
    if isinstance(node, Call) and node.over != axis.name:
        arguments = tuple(relative(forward, a, point, axis) for a in node.arguments)
        return replace(node, arguments=arguments)
    return node


def letters_in(within: Range) -> set[str]:
    """Bases of the ends of a range."""
    return {i.base for i in within.ends}


def number(index: Index) -> Expression:
    """An index as the number that it stands for."""
    return reindex(Reference("i"), {"i": index})


def guarded(value: Expression, within: Range) -> Expression:
    """A value where a letter is in a range; else zero."""
    letter = Reference(within.axis)
    for end, comparison in ((within.start, "greater_equal"), (within.stop, "less_equal")):
        if end is not None:
            value = call("where", call(comparison, letter, number(end)), value, ZERO)
    return value
