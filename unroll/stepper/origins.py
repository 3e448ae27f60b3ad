"""Origins: to whom gradients belong, and where anything comes back.

Gradient equations use auxiliaries, shared factors that belong to a variable as its gradient does: what
comes from `delta_h[t+1]` comes from the node of `h[t+1]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from unroll.stepper.formulas import at_path, summand_paths
from unroll.stepper.picture import Place, bare, within
from unroll.stepper.tasks import Point, Task, Walk
from unroll.symbolic.expressions import ZERO, Expression, Index
from unroll.symbolic.simplification import signed_terms

Live = tuple[tuple[bool, ...], ...]  # of each term of a gradient, which signed parts are there


@dataclass(frozen=True)
class Origins:
    """What comes back from where in a run."""

    walk: Walk

    def owner(self, name: str) -> str | None:
        """The variable to which a gradient or an auxiliary belongs."""
        if name in self.walk.gradients:
            return self.walk.gradients[name]
        if name not in self.walk.backward:
            return None
        stem = name.partition("_")[2]
        forward = self.walk.trace.forward.names
        return stem if stem in forward else re.sub(r"_\d+$", "", stem)

    def origin(self, name: str, at: Sequence[Index]) -> Place | None:
        """The point of a variable to which a gradient or an auxiliary at these indices belongs."""
        owner = self.owner(name)
        if owner is None or owner not in self.walk.trace.forward.names:
            return None
        whole = self.walk.whole
        axes = [axis.length for axis in self.walk.trace.forward.axes_of(owner)]
        own = [axis.length for axis in whole.axes_of(name)]
        found: list[Index] = []
        taken: set[int] = set()
        for length in axes:
            position = next((p for p, n in enumerate(own) if n == length and p not in taken), None)
            if position is None:
                return None
            taken.add(position)
            found.append(at[position])
        return Place(owner, tuple(found))

    def sources(self, node: Expression) -> tuple[Place, ...]:
        """Whose gradients an expression reads."""
        found = []
        for reference, over in within(node):
            origin = self.origin(reference.name, reference.indices)
            if origin is not None:
                found.append(bare(replace(origin, over=over)))
        return tuple(dict.fromkeys(found))

    def live(self, task: Task) -> Live:
        """Of each term of a gradient, which of its parts are there at a point.

        A part that reads gradients is not where all of them are out of range, as behind the last step.
        """
        equation = self.walk.whole.equations[task.equation]
        if equation.name not in self.walk.gradients or self.walk.is_collected(equation.name):
            return ()
        here = self.walk.here(equation, task.at)
        terms = (at_path(equation.expression, p) for p in summand_paths(equation.expression))
        return tuple(
            tuple(self._is_there(part, here) for _, part in signed_terms(t)) for t in terms
        )

    def _is_there(self, part: Expression, here: Mapping[str, int]) -> bool:
        if not self.sources(part):
            return True
        return any(point in self.points for point in self.walk.reads(part, here))

    @cached_property
    def points(self) -> frozenset[Point]:
        """Where something comes back: all points of gradients and auxiliaries that are not set to 0."""
        equations = self.walk.whole.equations
        return frozenset(
            (equations[task.equation].name, task.at)
            for task in self.walk.points()
            if equations[task.equation].name in self.walk.backward
            and equations[task.equation].expression != ZERO
        )
