"""Reverse mode at one call: what its arguments get of the gradient that arrives at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from unroll.symbolic.expressions import (
    ONE,
    ZERO,
    Call,
    Expression,
    Range,
    Reference,
    call,
    letters,
    rebuild,
    reindex,
    substitute,
    walk,
)
from unroll.symbolic.operations import LIKE, OPERATIONS, Operation, along_axis, like
from unroll.symbolic.recurrence import Axis, Recurrence
from unroll.symbolic.shapes import resolve_expression, shape_of
from unroll.symbolic.signatures import Shape
from unroll.symbolic.simplification import simplify


@dataclass(frozen=True, slots=True)
class Reverse:
    """The rules of the table, applied in the shapes of one recurrence.

    shapes: of all names, those of gradients as they come up; known: expressions that a variable
    defines already, and that variable; axes: by letter; distributions: inputs that add up to one.
    """

    shapes: Mapping[str, Shape]
    known: Mapping[Expression, Expression]
    axes: Mapping[str, Axis]
    distributions: frozenset[str] = frozenset()

    def shares(self, node: Call, gradient: Expression, result: Expression) -> list[Expression]:
        """The gradient by each argument, in its shape, as simple as it gets.

        result: the call, or the variable that it defines.
        """
        row = OPERATIONS.get(node.operation)
        if row is None:
            shares = _opaque(node, gradient)
        elif node.bound is None:
            shares = row.gradient(gradient, result, *node.arguments)
        else:
            shares = self.along(row, node.bound, gradient, result, *node.arguments)
        pairs = zip(shares, node.arguments)
        return [self.tidy(self.shaped(share, argument)) for share, argument in pairs]

    def along(self, row: Operation, within: Range, *values: Expression) -> tuple[Expression, ...]:
        """The shares of a reduction over an axis: the rule for entries, read for steps.

        Only the rule is read so, and not what it is applied to: hence names that stand for that.
        """
        names = [Reference(f"argument {i}") for i in range(len(values))]
        count = self.count(within)
        rule = (along_axis(share, count, within) for share in row.gradient(*names))
        known = dict(zip(names, values))
        return tuple(substitute(share, known.get) for share in rule)

    def count(self, within: Range) -> Expression:
        """How many steps a reduction runs over."""
        if not within.is_whole:
            return call("sum", ONE, over=within.axis, limits=within)
        return reindex(Reference("i"), {"i": self.axes[within.axis].last})

    def shaped(self, gradient: Expression, argument: Expression) -> Expression:
        """The gradient in the shape of the argument: summed, or repeated, where that broadcast."""
        if any(isinstance(n, Call) and n.operation not in OPERATIONS for n in _calls(gradient)):
            return gradient
        have = shape_of(gradient, self.shapes).shape
        want = shape_of(argument, self.shapes).shape
        if have == want or gradient == ZERO:
            return gradient
        if not want:
            return self.inner(gradient) or call("sum", gradient)
        return like(gradient, argument) if not have else gradient

    def inner(self, node: Expression) -> Expression | None:
        """The sum of an elementwise product of two vectors, as their inner product."""
        row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
        if row is None or row.cases[0].signature != "*,*->*" or not row.product:
            return None
        assert isinstance(node, Call)
        ranks = {len(shape_of(a, self.shapes).shape) for a in node.arguments}
        return call("dot", *node.arguments) if ranks == {1} else None

    def tidy(self, node: Expression) -> Expression:
        """Simplified, products told apart, and written with the variables that are there already."""
        if all(n.operation in OPERATIONS for n in _calls(node)):
            node = resolve_expression(node, self.shapes)[0]
        node = rebuild(node, lambda part: self.withoutrepeats(self.known.get(part, part)))
        return simplify(rebuild(node, self.added_up))

    def added_up(self, node: Expression) -> Expression:
        """One, for the sum of a target; but not of one at another step, which may be out of range."""
        if not isinstance(node, Call) or node.operation != "sum" or node.over is not None:
            return node
        (whole,) = node.arguments
        if not isinstance(whole, Reference) or whole.name not in self.distributions:
            return node
        return node if any(i.offset or i.via for i in whole.indices if i.base) else ONE

    def withoutrepeats(self, node: Expression) -> Expression:
        """An elementwise operation broadcasts by itself: `like(g, a) * b` is `g * b`."""
        row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
        if row is None or {c.signature for c in row.cases} != {"*,*->*"} or row is LIKE:
            return node
        assert isinstance(node, Call)
        for position, argument in enumerate(node.arguments):
            if isinstance(argument, Call) and repeats(argument):
                shorter = list(node.arguments)
                shorter[position] = argument.arguments[0]
                new = replace(node, arguments=tuple(shorter))
                if shape_of(new, self.shapes) == shape_of(node, self.shapes):
                    return self.withoutrepeats(new)
        return node


def known(recurrence: Recurrence) -> dict[Expression, Expression]:
    """Expressions that a variable defines, and that variable: where they stand, its letters are."""
    return {
        e.expression: e.target
        for e in recurrence.equations
        if isinstance(e.expression, Call)
        and len(recurrence.equations_of(e.name)) == 1
        and not e.ranges
        and letters(e.expression) >= {i.base for i in e.target.indices}
    }


def repeats(node: Call) -> bool:
    """Whether a call only repeats its first argument to another's shape."""
    return OPERATIONS.get(node.operation) is LIKE


def _calls(node: Expression) -> list[Call]:
    return [n for n in walk(node) if isinstance(n, Call)]


def _opaque(node: Call, gradient: Expression) -> tuple[Expression, ...]:
    """Shares of an opaque function: the transposed Jacobian by each argument, in name only."""
    return tuple(
        Call(f"D{i}_{node.operation}", node.arguments).T @ gradient
        for i in range(1, len(node.arguments) + 1)
    )
