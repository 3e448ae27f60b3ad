"""Sharing undone on paper: each step gets copies of its own of the parameters that it uses.

Goodfellow, Bengio & Courville 2016, section 10.2.2: the dummy variables W^(t), defined to be copies of W,
of which only step t uses the one at t. The gradient by W is then the sum of those by its copies.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TypeVar

from unroll.symbolic.expressions import Call, Expression, Index, Range, Reference
from unroll.symbolic.recurrence import PARAMETER, Equation, Recurrence
from unroll.symbolic.transformations import fresh

R = TypeVar("R", bound=Recurrence)


def copies(recurrence: R, names: Collection[str]) -> tuple[R, dict[str, str]]:
    """The recurrence in which steps use copies of the parameters `names`, and whose copy each is.

    A copy has the letters of the equation that uses it, `W_copy[t] = W`; where that has none, as in a
    sum over steps, those of the sum. What no step uses has no copies.
    Raises UnrollError for a parameter that is used over several lengths: one copy cannot be both.
    """
    made = _Copies(recurrence, {})
    equations = [
        replace(e, expression=made.read(e.expression, e, frozenset(names), ()))
        for e in recurrence.equations
    ]
    equations += made.found.values()
    of = {equation.name: name for name, equation in made.found.items()}
    overrides = (*recurrence.overrides, *((name, PARAMETER) for name in of))
    return replace(recurrence, equations=tuple(equations), overrides=overrides), of


class _Copies:
    """The copies of one call, by the parameter; found on the way."""

    def __init__(self, recurrence: Recurrence, found: dict[str, Equation]) -> None:
        self.recurrence = recurrence
        self.found = found

    def read(
        self, node: Expression, user: Equation, names: frozenset[str], over: tuple[Range, ...]
    ) -> Expression:
        """An expression of an equation that uses copies. over: the sums that it stands in."""
        if isinstance(node, Reference):
            return self._copy(node, user, over) if node.name in names else node
        if not isinstance(node, Call):
            return node
        if node.bound is not None:
            over = (*over, node.bound)
        arguments = tuple(self.read(a, user, names, over) for a in node.arguments)
        return replace(node, arguments=arguments)

    def _copy(self, node: Reference, user: Equation, over: tuple[Range, ...]) -> Reference:
        letters = self.recurrence.letters
        at = tuple(i for i in user.target.indices if i.base in letters)
        ranges = user.ranges
        if not at:
            at, ranges = tuple(Index(r.axis) for r in over), ()
        if not at:
            return node
        known = self.found.get(node.name)
        if known is None:
            name = fresh(f"{node.name}_copy", self.recurrence.names)
            self.found[node.name] = Equation(Reference(name, at), node, ranges)
            return Reference(name, at)
        ours, theirs = ([letters[i.base].length for i in a] for a in (at, known.target.indices))
        if ours != theirs:
            raise self.recurrence.error(
                f"{node.name} is used over {_listed(theirs)} and over {_listed(ours)}: "
                "its copies cannot be drawn in one line",
                user,
                "Draw it as one node (parameters nodes).",
            )
        if known.ranges != ranges:
            self.found[node.name] = replace(known, ranges=())
        return Reference(known.name, at)


def _listed(lengths: list[str]) -> str:
    return " x ".join(lengths)
