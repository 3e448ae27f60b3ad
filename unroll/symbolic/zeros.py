"""Zeros: where a term of a gradient is zero, so that it may be read, and summed, beyond its equation.

A gradient is zero where its variable is not defined, an auxiliary where its equation does not hold;
a product with one of them is zero there, too. What is not must become an auxiliary of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from unroll.symbolic.expressions import (
    ZERO,
    Expression,
    Index,
    Range,
    Reference,
    references,
    substitute,
)
from unroll.symbolic.extents import before, is_point, overrides
from unroll.symbolic.readings import Leaf, letters_in
from unroll.symbolic.recurrence import Axis, Equation, Recurrence, place
from unroll.symbolic.simplification import simplify


@dataclass(frozen=True, slots=True)
class Zeros:
    """What is known while an adjoint is built; the collections grow with it.

    names: of gradients, by that of the variable; auxiliary: equations of shared factors; owners: the
    equation outside of which an auxiliary is zero.
    """

    forward: Recurrence
    names: Mapping[str, str]
    auxiliary: list[Equation]
    owners: Mapping[str, Equation]

    def matters(self, gradient: Expression, within: Range) -> bool:
        """Whether a sum over a range is another one than that over the whole axis."""
        early = within.start is not None and place(within.start) < place(Index("", 1))
        return is_point(within) or early or not self.vanishes(gradient, within)

    def vanishes(self, gradient: Expression, within: Range) -> bool:
        """Whether a term is zero wherever a letter is outside of a range."""
        if within.is_whole:
            return True
        if within.parent is not None or letters_in(within) & set(self.forward.letters):
            return False
        axis = self.forward.letters[within.axis]
        first, last = self.forward.runs(within.axis, within)
        return vanishes_with(
            gradient,
            lambda r: (
                (reach := self.reach(r, axis)) is not None
                and not before(reach[0], first, axis)
                and not before(last, reach[1], axis)
            ),
        )

    def leaks(self, equation: Equation, leaf: Leaf, places: Mapping[str, Index]) -> bool:
        """Whether a term would be read at a step where its equation does not hold, and not be zero.

        It is zero there if gradients and auxiliaries that end no later make it so.
        """
        bound = {r.axis: r for r in leaf.bound}
        outer = {i.base: equation.range(i.base) for i in equation.target.indices}
        if self.is_overridden(equation) and not self.is_owned(equation, leaf.gradient):
            return True
        for letter, within in {**outer, **bound}.items():
            to = places.get(letter)
            if to is None:
                continue  # summed over where the equation holds
            if to.via:
                if not self.vanishes(leaf.gradient, within):
                    return True
                continue
            axis = self.forward.letters[letter]
            position = next(p for p, i in enumerate(leaf.reference.indices) if i.base == letter)
            read = self.forward.extent(leaf.reference.name)[position]
            depends = within.parent is not None or letters_in(within) & set(self.forward.letters)
            first, last = self.forward.runs(letter, None if depends else within)
            early = before(read[0].shift(to.offset), first, axis)
            late = before(last, read[1].shift(to.offset), axis)
            if early and not self.starts(leaf.gradient, first, axis):
                return True
            if late and not self.stops(leaf.gradient, last, axis):
                return True
        return False

    def starts(self, gradient: Expression, first: Index, axis: Axis) -> bool:
        """Whether a term is zero before a step."""
        return vanishes_with(
            gradient,
            lambda r: (
                (reach := self.reach(r, axis)) is not None and not before(reach[0], first, axis)
            ),
        )

    def stops(self, gradient: Expression, last: Index, axis: Axis) -> bool:
        """Whether a term is zero after a step."""
        return vanishes_with(
            gradient,
            lambda r: (
                (reach := self.reach(r, axis)) is not None and not before(last, reach[1], axis)
            ),
        )

    def is_overridden(self, equation: Equation) -> bool:
        """Whether a more specific equation replaces one at some of its points."""
        return any(
            overrides(self.forward, other, equation)
            for other in self.forward.equations_of(equation.name)
        )

    def is_owned(self, equation: Equation, gradient: Expression) -> bool:
        """Whether a term is zero where an equation does not hold, by its auxiliaries."""
        return vanishes_with(gradient, lambda r: self.owners.get(r.name) == equation)

    def reach(self, reference: Reference, axis: Axis) -> tuple[Index, Index] | None:
        """First and last place of a letter at which a gradient or an auxiliary exists; None for
        what is not indexed by the plain letter, and for other names."""
        if Index(axis.name) not in reference.indices:
            return None
        position = reference.indices.index(Index(axis.name))
        for made in self.auxiliary:
            if made.name == reference.name:
                if made.target.indices[position] != Index(axis.name):
                    return None
                return self.forward.runs(axis.name, made.range(axis.name))
        of = next((n for n, g in self.names.items() if g == reference.name), None)
        return None if of is None else self.forward.extent(of)[position]

    def safe(self, gradient: Expression) -> bool:
        """Whether a term can be shifted: zero times parameters out of range, and nothing else.

        A factor such as 1/x[t+1] would be read out of range, and 0 times infinity is not 0.
        """
        moving = [r for r in references(gradient) if r.indices]
        numbers = [r for r in references(gradient) if r.name in self.forward.letters]
        new = {*self.names.values(), *(e.name for e in self.auxiliary)}
        return len(moving) <= 1 and not numbers and all(r.name in new for r in moving)


def vanishes_with(gradient: Expression, zero: Callable[[Reference], bool]) -> bool:
    """Whether a term is zero where all references are that `zero` says are."""
    return simplify(substitute(gradient, lambda r: ZERO if zero(r) else None)) == ZERO
