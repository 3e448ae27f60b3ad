"""How many operations an equation asks for, and how many floating-point operations these are.

An operation is one call of the table at one point, on values that make new numbers: `W @ h[t-1]` is
one for each t. What has the same value at several points is one for all of them, as a context that
every step uses; a reduction is one, however much it gathers. Views (a transpose, a part) are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from unroll.graph.unrolled import steps_of
from unroll.numeric.layout import spans_of
from unroll.symbolic.expressions import Call, Expression, Range, letters, references
from unroll.symbolic.operations import OPERATIONS, Operation, Shape
from unroll.symbolic.readings import letters_in
from unroll.symbolic.recurrence import GIVEN, Box, Equation, Recurrence
from unroll.symbolic.shapes import shape_of
from unroll.symbolic.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Amount:
    """operations: how many; work: the floating-point operations that they are made of."""

    operations: int = 0
    work: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.operations + other.operations, self.work + other.work)


@dataclass(frozen=True)
class Counter:
    """Counts for one recurrence, its products told apart.

    shapes: of one value, for all names; batched: names with a batch axis, of size `batch`; summed:
    names that take the sum over it.
    """

    recurrence: Recurrence
    sizes: Sizes
    shapes: Mapping[str, Shape]
    batched: frozenset[str] = frozenset()
    batch: int = 1
    summed: frozenset[str] = frozenset()
    _seen: dict[Expression, Shape] = field(default_factory=dict, repr=False, compare=False)

    def of(self, name: str) -> Amount:
        """All that the equations of a variable ask for."""
        total = Amount()
        for equation, box in self.recurrence.boxes(name, self.sizes):
            total += self.equation(equation, box)
        return total

    def equation(self, equation: Equation, box: Box) -> Amount:
        """What an equation asks for in a box of steps; the sum over a batch is part of it."""
        if equation.expression == GIVEN:
            return Amount()
        total = self._visit(equation.expression, spans_of(equation, box), ())
        if equation.name in self.summed and self._is_batched(equation.expression):
            points = prod(last - first + 1 for first, last in box)
            total += Amount(0, points * self.batch * prod(self.shapes[equation.name]))
        return total

    def _visit(
        self, node: Expression, spans: Mapping[str, tuple[int, int]], bound: tuple[Range, ...]
    ) -> Amount:
        if not isinstance(node, Call):
            return Amount()
        row = OPERATIONS.get(node.operation)
        if row is None:
            raise self.recurrence.error(
                f"{node.operation} is an opaque function, whose cost nothing says",
                node,
                f'Bind it, as in bind("{node.operation}(s, x) = tanh(W @ s + U @ x)").',
            )
        inner, below = bound, spans
        if node.bound is not None:  # its letter hides one of the same name outside
            inner = (*bound, node.bound)
            below = {letter: side for letter, side in spans.items() if letter != node.over}
        total = Amount()
        for argument in node.arguments:
            total += self._visit(argument, below, inner)
        if row.work is None:
            return total
        points = self._points(letters(node), spans, bound)
        if node.bound is not None:
            terms = self._points(letters(node) | {node.bound.axis}, below, inner)
            work = _gathering(row, points, terms) * prod(self._shape(node.arguments[0]))
        elif callable(row.work):
            work = points * row.work([self._shape(a) for a in node.arguments])
        else:
            work = points * row.work * prod(self._shape(node))
        times = self.batch if self._is_batched(node) else 1
        return total + Amount(points, times * work)

    def _points(
        self,
        free: frozenset[str],
        spans: Mapping[str, tuple[int, int]],
        bound: tuple[Range, ...],
    ) -> int:
        """At how many different points letters are, of those that an equation and sums bind."""
        own = {letter for letter in spans if letter in free}
        sums = tuple(r for r in bound if r.axis in free and r.axis not in own)
        if not sums:
            return prod(_length(spans[letter]) for letter in own)
        named = {letter for r in sums for letter in letters_in(r)}
        while more := {x for r in bound if r.axis in named for x in letters_in(r)} - named:
            named |= more
        around = tuple(r for r in bound if r in sums or r.axis in named)
        moving = [letter for letter in spans if letter in named]
        still = prod(_length(spans[letter]) for letter in own if letter not in named)
        kept = [x for x in (*moving, *(r.axis for r in around)) if x in free]
        if set(moving) <= free and {r.axis for r in around} <= free:
            return still * sum(
                self._length(around[-1], here)
                for outer in _places(moving, spans)
                for here in self._within(around[:-1], outer)
            )
        found = {
            tuple(here[x] for x in kept)
            for outer in _places(moving, spans)
            for here in self._within(around, outer)
        }
        return still * len(found)

    def _within(
        self, around: tuple[Range, ...], here: Mapping[str, int]
    ) -> Iterator[Mapping[str, int]]:
        if not around:
            yield here
            return
        for step in steps_of(self.recurrence, around[0], self.sizes, here):
            yield from self._within(around[1:], {**here, around[0].axis: step})

    def _length(self, within: Range, here: Mapping[str, int]) -> int:
        return len(steps_of(self.recurrence, within, self.sizes, here))

    def _shape(self, node: Expression) -> Shape:
        found = self._seen.get(node)
        if found is None:
            found = self._seen[node] = tuple(int(n) for n in shape_of(node, self.shapes).shape)
        return found

    def _is_batched(self, node: Expression) -> bool:
        return any(r.name in self.batched for r in references(node))


def _gathering(row: Operation, results: int, terms: int) -> int:
    """Work of a reduction of so many terms to so many results, entry by entry.

    The rules of the table are linear in the length of a vector.
    """
    assert callable(row.work)
    once = row.work([(0,)])
    return once * results + (row.work([(1,)]) - once) * terms


def _length(side: tuple[int, int]) -> int:
    return side[1] - side[0] + 1


def _places(moving: list[str], spans: Mapping[str, tuple[int, int]]) -> Iterator[Mapping[str, int]]:
    """Where the letters of an equation are, for each of their steps."""
    if not moving:
        yield {}
        return
    first, last = spans[moving[0]]
    for rest in _places(moving[1:], spans):
        for step in range(first, last + 1):
            yield {**rest, moving[0]: step}
