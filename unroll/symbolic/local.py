"""Local derivatives: what one use of a variable multiplies the gradient by that arrives at its user.

Reverse mode goes through one equation alone, with a letter in place of the gradient that arrives
(Goodfellow, Bengio & Courville 2016, eq. 6.49: the transposed Jacobian); what multiplies that letter
in the end is the derivative.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from unroll.errors import UnrollError
from unroll.symbolic.adjoint import keeps_axis
from unroll.symbolic.expressions import (
    ONE,
    ZERO,
    Call,
    Expression,
    Reference,
    call,
    references,
    reindex,
    substitute,
)
from unroll.symbolic.operations import DIAGONAL, LIKE, OPERATIONS
from unroll.symbolic.recurrence import GIVEN, OPERATION, Equation, Recurrence
from unroll.symbolic.reverse import Reverse, known
from unroll.symbolic.shapes import resolve, shape_of
from unroll.symbolic.signatures import Shape
from unroll.symbolic.simplification import simplify
from unroll.symbolic.transformations import class_names, fresh, fuse, targets

Use = tuple[int, Reference]  # number of an equation, and what it reads


def local_derivatives(
    recurrence: Recurrence, shapes: Mapping[str, Shape]
) -> dict[Use, Expression | None]:
    """The transposed Jacobian of each equation by each of its references, as an expression.

    shapes: of all names. Times the gradient by the left side it is what goes back along that edge: a
    matrix from the left, for a vector entry by entry a diagonal one, for a parameter that a vector is
    multiplied with that vector's transpose, from the right. None where there is no such factor in
    closed form, as for a softmax over steps; nothing for what has no gradient.
    """
    data = targets(recurrence)
    found: dict[Use, Expression | None] = {}
    for position, equation in enumerate(recurrence.equations):
        if equation.expression == GIVEN:
            continue
        for reference, factor in _of_equation(recurrence, equation, shapes).items():
            if reference.name in recurrence.names and reference.name not in data:
                told = None if factor is None else _told(recurrence, factor)
                found[position, reference] = told
    return found


def _of_equation(
    recurrence: Recurrence, equation: Equation, shapes: Mapping[str, Shape]
) -> dict[Reference, Expression | None]:
    """The derivative of one equation by each of its references."""
    alone = replace(recurrence, equations=(equation,))
    try:
        (resolved,) = resolve(alone, shapes).equations
    except UnrollError:  # rows of a picture, written out as operands of one call
        return dict.fromkeys(references(equation.expression))
    one = _Equation.of(recurrence, resolved, shapes)
    sums: dict[Reference, list[Expression | None]] = {}
    for reference, gradient in one.descend(one.equation.expression, one.arriving):
        sums.setdefault(reference, []).append(None if gradient is None else one.factor(gradient))
    return {reference: one.total(factors) for reference, factors in sums.items()}


def _told(recurrence: Recurrence, factor: Expression) -> Expression:
    """A factor in the names of the text: what an operation alone has made is written out."""
    made = {n for n, role in recurrence.overrides if role == OPERATION}

    def definition(reference: Expression) -> Expression | None:
        if not isinstance(reference, Reference) or reference.name not in made:
            return None
        (equation,) = recurrence.equations_of(reference.name)
        places = zip(equation.target.indices, reference.indices)
        here = {i.base: at for i, at in places if i.base in recurrence.letters}
        return _told(recurrence, reindex(equation.expression, here))

    return substitute(factor, definition) if made else factor


@dataclass(frozen=True)
class _Equation:
    """One equation, and the letter that stands for the gradient that arrives at its left side."""

    equation: Equation
    arriving: Reference
    shapes: Mapping[str, Shape]
    reverse: Reverse

    @classmethod
    def of(
        cls, recurrence: Recurrence, equation: Equation, shapes: Mapping[str, Shape]
    ) -> _Equation:
        alone = fuse(replace(recurrence, equations=(equation,)))
        (equation,) = alone.equations
        arriving = Reference(fresh("gradient", recurrence.names), equation.target.indices)
        own = {**shapes, arriving.name: shapes.get(equation.name, ())}
        defined = {e: t for e, t in known(recurrence).items() if t == equation.target}
        reverse = Reverse(own, defined, recurrence.letters, class_names(recurrence))
        return cls(equation, arriving, own, reverse)

    def descend(
        self, node: Expression, gradient: Expression
    ) -> Iterator[tuple[Reference, Expression | None]]:
        """The gradient by each reference of an expression; None behind what joins several steps."""
        if isinstance(node, Reference):
            yield node, self.reverse.shaped(gradient, node)
        if not isinstance(node, Call):
            return
        if node.bound is not None and keeps_axis(node):
            yield from ((r, None) for r in references(node))
            return
        result: Expression = self.equation.target if node == self.equation.expression else node
        for argument, share in zip(node.arguments, self.reverse.shares(node, gradient, result)):
            if share != ZERO:
                yield from self.descend(argument, share)

    def factor(self, node: Expression) -> Expression | None:
        """What multiplies the letter in an expression that is linear in it."""
        if node == self.arriving:
            return ONE
        if not isinstance(node, Call) or node.bound is not None:
            return None
        holds = [p for p, a in enumerate(node.arguments) if self.arriving in set(references(a))]
        if len(holds) == len(node.arguments) and OPERATIONS[node.operation].linear:
            if (
                len({self._rank(a) for a in node.arguments}) > 1
            ):  # a number off each entry of a vector
                return None
            parts = [self.factor(a) for a in node.arguments]
            known = [p for p in parts if p is not None]
            return replace(node, arguments=tuple(known)) if len(known) == len(parts) else None
        if holds == [0] and OPERATIONS.get(node.operation) is LIKE:
            inner = self.factor(node.arguments[0])
            return inner if inner == ONE else None
        if len(holds) != 1 or len(node.arguments) != 2:
            return None
        (at,) = holds
        inner = self.factor(node.arguments[at])
        return None if inner is None else self._times(node, at, inner)

    def total(self, factors: Sequence[Expression | None]) -> Expression | None:
        """The derivative through several uses of one thing; numbers count as multiples of I."""
        terms = [f for f in factors if f is not None]
        if len(terms) < len(factors):
            return None
        matrix = next((f for f in terms if self._rank(f) == 2), None)
        if matrix is not None:
            eye = call("identity", matrix)
            terms = [f if self._rank(f) else f * eye for f in terms]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return simplify(total)

    def _times(self, node: Call, at: int, inner: Expression) -> Expression | None:
        """A product one of whose factors (number `at`) is `inner` times the letter."""
        row, other = OPERATIONS[node.operation], node.arguments[1 - at]
        ranks = self._rank(node.arguments[at]), self._rank(other)
        if row.cases[0].signature == "*,*->*":  # entry by entry
            if row.linear or not (row.product or at == 0):
                return None
            alone = other if row.product else replace(node, arguments=(ONE, other))
            if not all(ranks):
                return self._product(alone, inner, entrywise=True)
            if isinstance(inner, Call) and OPERATIONS.get(inner.operation) is DIAGONAL:
                return call(DIAGONAL.name, alone * inner.arguments[0])
            if max(ranks) > 1:
                return None
            return self._product(call(DIAGONAL.name, alone), inner)
        if not row.product:
            return None
        if at == 1 and ranks == (1, 2):  # a matrix by the gradient
            return self._product(other, inner)
        return other.T if inner == ONE and ranks == (1, 1) else None  # an inner or outer product

    def _product(self, left: Expression, inner: Expression, entrywise: bool = False) -> Expression:
        if inner == ONE:
            return left
        return left * inner if entrywise or not self._rank(inner) else left @ inner

    def _rank(self, node: Expression) -> int:
        return len(shape_of(node, self.shapes).shape)
