"""Truncation: a recurrence with the same values whose gradients are cut between windows of steps.

Truncated BPTT (Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training of
recurrent network trajectories"): every k1 steps the losses of the last k1 steps are differentiated
back through k2 steps. With k2 = k1 the windows touch and one adjoint serves all. With k2 > k1 they
overlap; windows that lie `ceil(k2 / k1)` stretches apart do not, so that as many turns, each with
windows of its own, give all gradients: they add up.

What crosses into another window is a `stop_gradient(h[t-1], c)`, whose value is `h[t-1]` and whose
gradient is zero where c is not: a program loses nothing forward.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from unroll.errors import UnrollError
from unroll.symbolic.expressions import (
    ZERO,
    Call,
    Expression,
    Index,
    Reference,
    call,
    references,
)
from unroll.symbolic.readings import number
from unroll.symbolic.recurrence import Axis, Equation, Recurrence
from unroll.symbolic.transformations import R

STOP = "stop_gradient"


def turns(every: int, through: int) -> int:
    """How many turns it takes until each window has had its own. Raises UnrollError for lengths that
    make no sense."""
    if every < 1:
        raise UnrollError(f"gradients cannot be cut every {every} steps", remedy="Take 1 or more.")
    if through < every:
        raise UnrollError(
            f"the losses of {every} steps cannot be taken back through {through} steps",
            remedy=f"Take k2 >= k1, as in truncate=({every}, {2 * every}).",
        )
    return -(-through // every)


def truncate(recurrence: R, every: int, through: int | None = None, turn: Expression = ZERO) -> R:
    """The same values; gradients are cut between windows of steps.

    Stretches of `every` steps (k1) begin at step 1; the window of a stretch are the `through` steps
    (k2) that end with it, `every` of them if not said. Where windows overlap these are the gradients
    of one turn's windows only, `turn` = 0 .. turns(every, through) - 1: the sum over all turns is that
    of all windows. An initial value belongs to the window of step 1; what stands at a fixed step, as
    a context h[0] at every step, is cut nowhere.
    Raises UnrollError for lengths that make no sense, a tree, and, for windows that overlap, several
    axes and totals over steps that other steps need.
    """
    through = every if through is None else through
    turns(every, through)
    axis = recurrence.axes[0]
    if axis.leaves:
        raise UnrollError("a recurrence over a tree has no steps between which to cut gradients")
    windows = Windows(recurrence, axis, every, through, turn)
    if windows.overlap:
        windows.refuse()
    equations = tuple(
        replace(e, expression=windows.cut(e, e.expression, frozenset()))
        for e in recurrence.equations
    )
    return replace(recurrence, equations=equations)


@dataclass(frozen=True)
class Windows:
    """The windows of one turn. Each is the last `through` of a period of steps."""

    recurrence: Recurrence
    axis: Axis
    every: int
    through: int
    turn: Expression

    @property
    def period(self) -> int:
        return self.every * turns(self.every, self.through)

    @property
    def overlap(self) -> bool:
        return self.period > self.every

    # --- expressions ------------------------------------------------------------

    def cut(self, equation: Equation, node: Expression, bound: frozenset[str]) -> Expression:
        """An expression of an equation's right side, its references stopped where they cross.

        bound: letters of the reductions around it.
        """
        if isinstance(node, Call):
            inner = bound | {node.over} if node.over else bound
            arguments = tuple(self.cut(equation, a, inner) for a in node.arguments)
            return replace(node, arguments=arguments)
        if not isinstance(node, Reference) or node.name not in self.recurrence.names:
            return node
        crosses = self.crossing(equation, node, bound)
        return node if crosses is None else call(STOP, node, crosses)

    def crossing(
        self, equation: Equation, reference: Reference, bound: frozenset[str]
    ) -> Expression | None:
        """A number that is not zero where the reference leaves the window; None if it never does."""
        target = self.index(equation.target)
        source = self.index(reference)
        if target is None:
            return self.leaving(reference, source) if self.overlap else None
        if source is None or reference.name not in self.recurrence.defined:
            return None
        letters = self.recurrence.letters
        if source.base in bound or (source.base != target.base and target.base not in letters):
            return self.apart(source, target)
        if source.base != target.base:
            return None  # one step that all steps read
        lag = target.offset - source.offset
        if not lag:
            return None
        here, length = number(target), number(self.axis.last)
        if lag > 0:
            first: Expression = call("minimum", lag, here - 1)
            outside = self.period - self.through
            return call("less", self.within(here), first + outside if outside else first)
        ahead = call("minimum", -lag, length - here)
        return call("greater_equal", self.within(here) + ahead, self.period)

    def leaving(self, reference: Reference, source: Index | None) -> Expression | None:
        """What a total needs: a step outside of the stretches of this turn; what has no step is
        left to turn 0."""
        if source is not None:
            return call("less", self.within(number(source)), self.period - self.every)
        if reference.name in self.totals:
            return None
        return call("not_equal", self.turn, ZERO)

    def apart(self, source: Index, target: Index) -> Expression:
        """Whether two steps lie in different windows, whatever they are."""
        there = call("maximum", number(source), 1)
        other = call("not_equal", self.count(there), self.count(number(target)))
        if self.period == self.through:
            return other
        outside = call("less", self.within(there), self.period - self.through)
        return call("maximum", other, outside)

    # --- steps ------------------------------------------------------------------

    def index(self, reference: Reference) -> Index | None:
        """Where a name stands on the time axis; None if it does not."""
        axes = self.recurrence.axes_of(reference.name)
        pairs = zip(reference.indices, axes)
        return next((i for i, a in pairs if a.length == self.axis.length), None)

    def since(self, step: Expression) -> Expression:
        """Steps before this one since the turn's first period began."""
        return step - 1 if self.turn == ZERO else step - 1 - self.turn * self.every

    def within(self, step: Expression) -> Expression:
        """Which step of its period a step is, from 0."""
        return call("mod", self.since(step), self.period)

    def count(self, step: Expression) -> Expression:
        """Which period a step is in."""
        return call("floor", self.since(step) / self.period)

    # --- totals -----------------------------------------------------------------

    @cached_property
    def totals(self) -> frozenset[str]:
        return totals(self.recurrence)

    def refuse(self) -> None:
        """Refuse what windows that overlap cannot mean."""
        if len({a.length for a in self.recurrence.axes}) > 1:
            raise UnrollError(
                "windows that overlap (k2 > k1) are for one axis of steps; this recurrence has "
                + ", ".join(a.name for a in self.recurrence.axes),
                remedy=f"Cut every {self.every} steps: truncate={self.every}.",
            )
        totals = self.totals
        for e in self.recurrence.equations:
            found = next((r for r in references(e.expression) if r.name in totals), None)
            if found is not None and e.target.indices:
                raise self.recurrence.error(
                    f"windows that overlap (k2 > k1) cannot tell the losses of a step: {e.target} "
                    f"needs {found}, which gathers all steps",
                    e,
                    f"Cut every {self.every} steps: truncate={self.every}.",
                )


def totals(recurrence: Recurrence) -> frozenset[str]:
    """Variables without steps that need, one way or another, some that have."""
    found = {n: bool(recurrence.axes_of(n)) for n in recurrence.names}
    for _ in recurrence.defined:
        for e in recurrence.equations:
            names = (r.name for r in references(e.expression) if r.name in found)
            found[e.name] = found[e.name] or any(found[n] for n in names)
    return frozenset(n for n in recurrence.defined if found[n] and not recurrence.axes_of(n))
