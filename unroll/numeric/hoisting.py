"""Hoisting: what a scan computes at every step although the cycle has no part in it moves out.

In `h[t] = tanh(b + W @ h[t-1] + U @ x[t])` the terms `b + U @ x[t]` need no earlier `h`. As a variable
of their own they become a map: one matrix product over all steps instead of one a step.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from unroll.symbolic.expressions import (
    Call,
    Constant,
    Expression,
    Reference,
    letters,
    references,
    walk,
)
from unroll.symbolic.ordering import components
from unroll.symbolic.recurrence import Equation, Recurrence
from unroll.symbolic.simplification import signed_terms


def hoist(recurrence: Recurrence) -> Recurrence:
    """The recurrence with off-cycle subexpressions of its scans as variables of their own.

    A new variable is named after the one it was cut from (`h_in`), and precedes it.
    """
    cycles = {n: frozenset(c.names) for c in components(recurrence) if c.direction for n in c.names}
    taken = set(recurrence.names)
    equations: list[Equation] = []
    for equation in recurrence.equations:
        if equation.name in cycles and recurrence.letters_of(equation):
            cut = _Cut(recurrence, equation, cycles[equation.name], taken)
            equation = replace(equation, expression=cut.apply(equation.expression))
            equations += cut.found
        equations.append(equation)
    return replace(recurrence, equations=tuple(equations))


@dataclass(slots=True)
class _Cut:
    """One equation being cut: the cycle it is part of, and the equations found so far."""

    recurrence: Recurrence
    equation: Equation
    cycle: frozenset[str]
    taken: set[str]
    found: list[Equation] = field(default_factory=list)

    def apply(self, node: Expression) -> Expression:
        if not isinstance(node, Call):
            return node
        if self.is_free(node):
            return self.move(node)
        if node.over is not None:  # along an axis of its own
            return node
        terms = list(signed_terms(node))
        if len(terms) > 1:
            return self.regroup(terms)
        return replace(node, arguments=tuple(self.apply(a) for a in node.arguments))

    def regroup(self, terms: list[tuple[int, Expression]]) -> Expression:
        """The sum, its terms off the cycle in one."""
        free = [(sign, term) for sign, term in terms if self.is_free(term)]
        bound = [(sign, self.apply(term)) for sign, term in terms if not self.is_free(term)]
        if len(free) > 1:
            free = [(1, self.move(_total(free)))]
        elif free:
            free = [(free[0][0], self.move(free[0][1]))]
        return _total([*free, *bound])

    def is_free(self, node: Expression) -> bool:
        return not any(r.name in self.cycle for r in references(node))

    def move(self, node: Expression) -> Expression:
        """A reference to a new variable with this value; what costs nothing stays in place."""
        if _is_cheap(node):
            return node
        free = letters(node)
        indices = tuple(i for i in self.equation.target.indices if i.base in free)
        target = Reference(self.fresh(), indices)
        ranges = tuple(r for r in self.equation.ranges if r.axis in free)
        self.found.append(Equation(target, node, ranges))
        return target

    def fresh(self) -> str:
        stem = f"{self.equation.name}_in"
        names = (stem if i == 1 else f"{stem}{i}" for i in range(1, len(self.taken) + 2))
        name = next(n for n in names if n not in self.taken)
        self.taken.add(name)
        return name


def _is_cheap(node: Expression) -> bool:
    """Whether it is a number, a value that is there, or a view of one (a transpose)."""
    if isinstance(node, Call) and node.operation == "transpose":
        return _is_cheap(node.arguments[0])
    return not isinstance(node, Call) or all(isinstance(n, (Call, Constant)) for n in walk(node))


def _total(terms: list[tuple[int, Expression]]) -> Expression:
    """The sum of signed terms, one with a plus first."""
    ordered = sorted(terms, key=lambda term: -term[0])
    sign, total = ordered[0]
    total = total if sign > 0 else -total
    for sign, term in ordered[1:]:
        total = total + term if sign > 0 else total - term
    return total
