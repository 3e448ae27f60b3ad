"""Ragged batches: a recurrence over an axis whose length is a number of each sequence's own.

Arrays are padded to the longest, so that a step may lie behind a sequence's end. What is computed
there never reaches back where equations look back; it is kept out where something looks ahead
(`g[t+1]`), at the end (`h[tau]`), at one fixed step (`h[3]`) or over all steps (`sum(L[t], t)`).
There a value counts as it would if the sequence were run alone: as zero, as the value given behind
the end (`g[tau+1]`), or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

from unroll.errors import UnrollError
from unroll.symbolic.expressions import (
    ONE,
    ZERO,
    Call,
    Constant,
    Expression,
    Index,
    Range,
    Reference,
    call,
)
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.readings import number, relative
from unroll.symbolic.recurrence import Axis, Equation, Recurrence
from unroll.symbolic.transformations import R


def with_own_lengths(recurrence: R, length: str, own: str, objective: str | None = None) -> R:
    """The recurrence with the number `own`, an array of the batch, in place of an axis' length.

    length: name of the axis' length (`tau`). objective: where it has steps, those behind the end do
    not count. Steps of a variable behind the end are undefined.
    Raises UnrollError for what has no meaning in a padded batch: a tree, an equation over a range
    behind the end.
    """
    axis = next(a for a in recurrence.axes if length in (a.length, a.leaves))
    if axis.leaves:
        raise UnrollError(
            "sequences of a batch share one tree: their lengths cannot differ",
            remedy="Run each tree alone.",
        )
    return Padding(recurrence, axis, Reference(own)).rewritten(objective)


@dataclass(frozen=True)
class Padding:
    """A padded axis. own: the length of each sequence."""

    recurrence: Recurrence
    axis: Axis
    own: Reference

    def rewritten(self, objective: str | None) -> R:  # type: ignore[type-var]
        equations: list[Equation] = []
        for name in self.recurrence.defined:
            equations += self.equations(name, name == objective)
        return replace(self.recurrence, equations=tuple(equations))  # type: ignore[return-value]

    # --- left sides -------------------------------------------------------------

    def equations(self, name: str, ends: bool) -> list[Equation]:
        """The equations of a variable, those that begin or stop near the end as one over the axis.

        ends: whether it is zero behind the end.
        """
        position = self.position(name)
        known = self.recurrence.equations_of(name)
        if position is None:
            return [replace(e, expression=self.padded(e.expression)) for e in known]
        near = [e for e in known if self.is_near_end(e, position)]
        rest = [e for e in known if e not in near]
        if not near and not ends:
            return [replace(e, expression=self.padded(e.expression)) for e in rest]
        behind = [e for e in near if self.is_behind(e, position)]
        inside = [e for e in near if e not in behind]
        made = [replace(e, expression=self.padded(e.expression)) for e in behind]
        if all(self.is_point(e, position) for e in inside) and not any(
            self.covers(e, position) for e in rest
        ):
            return made + self.ended(name, position, inside, rest, ends)
        merge = [*inside, *(e for e in rest if self.covers(e, position))]
        made += [replace(e, expression=self.padded(e.expression)) for e in rest if e not in merge]
        for e in rest:
            if e not in merge and inside and self.recurrence.bounds(e)[position][1].offset > 0:
                raise self.recurrence.error(
                    f"sequences of different lengths cannot tell which holds: {inside[0].target} "
                    f"or {e.target}",
                    e,
                    "Run each length alone.",
                )
        body: Expression = ZERO
        for e in sorted(merge, key=self.recurrence.specificity):
            body = self.held(e, position, body)
        first = merge[0]
        others = {self.moved(e.target, position, Index("")) for e in merge}
        if len(others) > 1:
            raise self.recurrence.error(
                f"sequences of different lengths cannot tell which equation of {name} holds", first
            )
        indices = tuple(
            Index(self.axis.name) if p == position else i
            for p, i in enumerate(first.target.indices)
        )
        ranges = tuple(r for r in first.ranges if r.axis != self.axis.name)
        target = replace(first.target, indices=indices)
        return [*made, Equation(target, body, ranges, first.span)]

    def ended(
        self, name: str, position: int, inside: list[Equation], rest: list[Equation], ends: bool
    ) -> list[Equation]:
        """A variable at single steps near the end: computed once, then put where each sequence ends."""
        made = [replace(e, expression=self.padded(e.expression)) for e in rest]
        body: Expression = ZERO
        here = Reference(self.axis.name)
        for e in inside:
            at = call("equal", here, self.step(e.target.indices[position]))
            body = call("where", at, self.padded(e.expression), body)
        if not inside:
            return made
        indices = tuple(
            Index(self.axis.name) if p == position else i
            for p, i in enumerate(inside[0].target.indices)
        )
        target = Reference(name, indices, inside[0].target.span)
        return [*made, Equation(target, body, inside[0].ranges, inside[0].span)]

    def held(self, equation: Equation, position: int, otherwise: Expression) -> Expression:
        """A body that holds where an equation does, as one over the whole axis."""
        here = Reference(self.axis.name)
        index = equation.target.indices[position]
        if index.base != self.axis.name:
            body = relative(self.recurrence, equation.expression, index, self.axis)
            return call(
                "where", call("equal", here, self.step(index)), self.padded(body), otherwise
            )
        body = self.padded(equation.expression)
        within = equation.range(index.base)
        for end, comparison in ((within.start, "greater_equal"), (within.stop, "less_equal")):
            if end is not None:
                body = call("where", call(comparison, here, self.step(end)), body, otherwise)
        if within.stop is None:
            body = call("where", call("less_equal", here, self.own), body, otherwise)
        return body

    def is_near_end(self, equation: Equation, position: int) -> bool:
        first, last = self.recurrence.bounds(equation)[position]
        whole = (first, last) == self.axis.ends or (last == self.axis.last and not first.base)
        return self.axis.length in (first.base, last.base) and not whole

    def is_behind(self, equation: Equation, position: int) -> bool:
        first, last = self.recurrence.bounds(equation)[position]
        if first.base != self.axis.length or first.offset < 1:
            return False
        if first != last:
            raise self.recurrence.error(
                "values behind the end of sequences of different lengths must be given one by one",
                equation,
                f"Write an equation for each, as in {equation.name}[{self.axis.length}+1] = given.",
            )
        return True

    def is_point(self, equation: Equation, position: int) -> bool:
        return equation.target.indices[position].base != self.axis.name

    def covers(self, equation: Equation, position: int) -> bool:
        """Whether an equation reaches steps near the end."""
        return self.axis.length in {i.base for i in self.recurrence.bounds(equation)[position]}

    # --- right sides ------------------------------------------------------------

    def padded(self, node: Expression) -> Expression:
        """An expression, nothing of which comes from behind a sequence's end."""
        if isinstance(node, Reference):
            if node.name == self.axis.length and not node.indices:
                return call("stop_gradient", self.own)
            return self.reference(node)
        if not isinstance(node, Call):
            return node
        arguments = tuple(self.padded(a) for a in node.arguments)
        within = node.bound
        if within is None or self.recurrence.letters[within.axis].length != self.axis.length:
            return replace(node, arguments=arguments)
        return self.gathered(replace(node, arguments=arguments), within)

    def gathered(self, node: Call, within: Range) -> Expression:
        """A reduction over steps, without those behind the end."""
        letter = Reference(within.axis)
        inside: list[Expression] = []
        start, stop = within.start, within.stop
        length = self.axis.length
        if stop is None or stop.base == length or (not stop.base and stop.offset > 1):
            end = self.own if stop is None or not stop.base else self.step(stop)
            inside.append(call("less_equal", letter, end))
        if start is not None and start.base == length:
            inside.append(call("greater_equal", letter, self.step(start)))
            start = None
        if stop is not None and stop.base == length:
            stop = None
        if not inside:
            return node
        row = OPERATIONS[node.operation]
        limits = None if start is None and stop is None else replace(within, start=start, stop=stop)
        holds = reduce(lambda a, b: a * b, inside)

        def over(operation: str, body: Expression, neutral: float) -> Call:
            kept = call("where", holds, body, Constant(neutral))
            return Call(operation, (kept,), within.axis, node.span, limits)

        (body,) = node.arguments
        if node.operation == "mean":
            return over("sum", body, 0) / over("sum", ONE, 0)
        return over(node.operation, body, row.neutral)

    def reference(self, node: Reference) -> Expression:
        """What a reference reads, zero behind the end."""
        position = self.position(node.name)
        if position is None:
            return node
        index = node.indices[position]
        letters = self.recurrence.letters
        if index.base in letters:
            if index.offset <= 0:
                return node
            here = number(index)
            value = call("where", call("less_equal", here, self.own), node, ZERO)
            return self.beyond(node, position, value, index.offset, here)
        if index.base == self.axis.length:
            return self.at_end(node, position, index)
        if index.offset <= 1:
            return node
        value = call("where", call("greater_equal", self.own, index.offset), node, ZERO)
        return self.beyond(node, position, value, index.offset - 1, Constant(index.offset))

    def beyond(
        self, node: Reference, position: int, value: Expression, reach: int, here: Expression
    ) -> Expression:
        """A reading `reach` steps ahead: the values that stand behind the end, where it finds them."""
        for e in self.recurrence.equations_of(node.name):
            first, _ = self.recurrence.bounds(e)[position]
            if first.base == self.axis.length and 1 <= first.offset <= reach:
                given = self.moved(node, position, first)
                value = call("where", call("equal", here, self.step(first)), given, value)
        return value

    def at_end(self, node: Reference, position: int, index: Index) -> Expression:
        """What a reference reads at each sequence's own end: the one step that is it."""
        if index.offset > 0:
            return node  # there is one value behind the end
        letter = self.letter(node)
        at = call("equal", Reference(letter), self.step(index))
        read = self.moved(node, position, Index(letter))
        value: Expression = Call("sum", (call("where", at, read, ZERO),), letter)
        if node.name in self.recurrence.defined:
            first, _ = self.recurrence.extent(node.name)[position]
            for early in range(1 + index.offset, 1):
                if not first.base and first.offset <= early:
                    before = self.moved(node, position, Index("", early))
                    is_there = call("equal", self.step(index), early)
                    value = value + call("where", is_there, before, ZERO)
        return value

    def letter(self, node: Reference) -> str:
        """A letter of the axis that does not index a reference already."""
        taken = {i.base for i in node.indices}
        found = [a.name for a in self.recurrence.axes if a.length == self.axis.length]
        return next(n for n in found if n not in taken)

    @staticmethod
    def moved(node: Reference, position: int, index: Index) -> Reference:
        indices = tuple(index if p == position else i for p, i in enumerate(node.indices))
        return replace(node, indices=indices)

    def step(self, index: Index) -> Expression:
        """The step that an index means, counted from a sequence's own end."""
        if index.base != self.axis.length:
            return number(index)
        return self.own + index.offset if index.offset else self.own

    def position(self, name: str) -> int | None:
        axes = self.recurrence.axes_of(name)
        return next((p for p, a in enumerate(axes) if a.length == self.axis.length), None)
