"""Segments: a recurrence cut into stretches of steps, each a recurrence of its own.

One stretch is the *body*: the same equations, its initial values given, with the total that it adds
to each sum over all steps. What stands before step 1 is the *start*, what gathers all steps or stands
at the end the *head*, over the segments' totals and the last states. Gradients go back through them
as through any recurrence: the head's gradients by the last states are what the last body starts from,
its gradients by its initial values what the one before it starts from (checkpointing: Griewank 1992,
"Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation";
Chen et al. 2016, arXiv:1604.06174, for O(sqrt(tau)) memory).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from unroll.errors import UnrollError
from unroll.symbolic.expressions import (
    Call,
    Constant,
    Expression,
    Index,
    Range,
    Reference,
    call,
    references,
    reindex,
    substitute,
    walk,
)
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import GIVEN, Axis, Equation, Recurrence
from unroll.symbolic.transformations import class_names, fresh, targets

Point = tuple[str, int]  # a name and a step, counted from 1, or from the end for a state: 0, -1
REMEDY = "Run it without checkpoint=."


@dataclass(frozen=True)
class Segments:
    """The parts of a recurrence.

    first, body: of the first and of every other segment; objective: of the head; carried: how many
    last values of each variable the next segment needs; totals: name -> what a segment adds to it,
    on the head's axis; shifted: name -> input and how many steps ahead it is read; points: name -> the
    one step of an input, or before step 1 of a variable, that it stands for; ends: name -> the
    variable and how far before the end; seeds, total_seeds: names of incoming gradients; adjoint: the
    objective of a body; before: targets of the start's equations; offset: steps before the segment.
    reach: the first segment has at least so many steps.
    """

    first: Recurrence
    body: Recurrence
    head: Recurrence
    start: Recurrence | None
    objective: str
    carried: Mapping[str, int]
    totals: Mapping[str, Expression]
    shifted: Mapping[str, Point]
    points: Mapping[str, Point]
    ends: Mapping[str, Point]
    before: Mapping[Point, str]
    seeds: Mapping[Point, str]
    total_seeds: Mapping[str, str]
    adjoint: str
    offset: str
    reach: int


def parts_of(recurrence: Recurrence, objective: str, steps: int) -> Segments:
    """A recurrence of so many steps in parts. objective: by name, its sum where it has steps.

    Raises UnrollError for what keeps it whole: a variable that looks ahead, steps that need what
    gathers all of them, several axes, equations at single steps further on.
    """
    return Cutter(recurrence, objective, steps).parts()


@dataclass
class Cutter:
    """Collects what the parts need of one another; one instance cuts one recurrence."""

    recurrence: Recurrence
    objective: str
    steps: int
    taken: set[str] = field(default_factory=set)
    carried: dict[str, int] = field(default_factory=dict)
    totals: dict[str, Expression] = field(default_factory=dict)
    shifted: dict[str, Point] = field(default_factory=dict)
    points: dict[str, Point] = field(default_factory=dict)
    ends: dict[str, Point] = field(default_factory=dict)

    def parts(self) -> Segments:
        recurrence, axis = self.recurrence, self.axis
        if len({a.length for a in recurrence.axes}) > 1 or axis.leaves:
            raise UnrollError(
                f"a recurrence over {', '.join(a.name for a in recurrence.axes)} cannot be run in "
                "segments of steps: there must be one axis",
                remedy=REMEDY,
            )
        self.taken = {*recurrence.names, *recurrence.lengths, *recurrence.letters}
        self.offset = self.fresh("offset")
        gathered = self.gathered()
        before: dict[Point, Equation] = {}
        first: list[Equation] = []
        body: list[Equation] = []
        head: list[Equation] = []
        early: list[Equation] = []
        reach = 1
        for e in recurrence.equations:
            if not e.target.indices:
                (head if e.name in gathered else early).append(e)
                continue
            (index,) = e.target.indices
            if index.base == axis.length:
                self.at_end(e, index)
                head.append(e)
            elif not index.base and index.offset < 1:
                before[e.name, index.offset] = e
            elif not index.base:
                reach = max(reach, index.offset)
                first.append(replace(e, expression=self.early_step(e)))
            else:
                numbers = self.numbers(e)
                reach = max(reach, *numbers, 1)
                moved = replace(e, expression=self.step(e, e.expression, gathered))
                first.append(moved)
                if e.range(index.base).stop is None:
                    body.append(replace(moved, ranges=()))
        if recurrence.axes_of(self.objective) and not self.only_at_end(self.objective):
            objective = self.fresh("J")
            total = Call("sum", (Reference(self.objective, (Index(axis.name),)),), axis.name)
            head.append(Equation(Reference(objective), total))
        else:
            objective = self.objective
        heads = [Equation(Reference(e.name), self.final(e.expression), (), e.span) for e in head]
        starts = [
            Equation(Reference(self.before_name(*at)), self.initial(e), (), e.span)
            for at, e in before.items()
        ]
        sums = [Equation(Reference(n), t) for n, t in self.totals.items()]
        seeds = {
            (v, -k): self.fresh(f"into_{v}_{k}") for v, depth in self.carried.items()
            for k in range(depth)
        }  # fmt: skip
        total_seeds = {n: self.fresh(f"into_{n}") for n in self.totals}
        given = [
            Equation(Reference(v, (Index("", -k),)), GIVEN)
            for v, depth in self.carried.items()
            for k in range(depth)
        ]
        adjoint = self.fresh("adjoint")
        weighed = [
            (Reference(s), Reference(v, (Index(axis.length, k),))) for (v, k), s in seeds.items()
        ]
        weighed += [(Reference(s), Reference(n)) for n, s in total_seeds.items()]
        inner = [call("sum", a * b) for a, b in weighed]
        used = self.not_targets_alone()
        goal = [Equation(Reference(adjoint), reduce(lambda a, b: a + b, inner))] if inner else []
        return Segments(
            self.made([*early, *given, *first, *sums, *used, *goal]),
            self.made([*early, *given, *body, *sums, *used, *goal]),
            self.made([*early, *heads, *self.not_targets_alone(at_points=True)]),
            self.made([*early, *starts]) if any(e.expression != GIVEN for e in starts) else None,
            objective,
            dict(self.carried),
            dict(self.totals),
            dict(self.shifted),
            dict(self.points),
            dict(self.ends),
            {at: self.before_name(*at) for at in before},
            seeds,
            total_seeds,
            adjoint,
            self.offset,
            reach,
        )

    # --- names ------------------------------------------------------------------

    @property
    def axis(self) -> Axis:
        return self.recurrence.axes[0]

    def fresh(self, stem: str) -> str:
        name = fresh(stem, self.taken)
        self.taken.add(name)
        return name

    def named(self, found: dict[str, Point], stem: str, point: Point) -> str:
        """The name that stands for a point: one for each."""
        known = next((n for n, p in found.items() if p == point), None)
        if known is None:
            known = self.fresh(stem)
            found[known] = point
        return known

    def before_name(self, name: str, step: int) -> str:
        return self.named(self.points, f"{name}_start_{-step}", (name, step))

    def made(self, equations: list[Equation]) -> Recurrence:
        """Those of the equations that count: without early ones that nothing needs."""
        kept = list(equations)
        early = {e.name for e in self.recurrence.equations if not e.target.indices}
        while True:
            used = {r.name for e in kept for r in references(e.expression)}
            unused = [
                e for e in kept
                if e.name in early - self.gathered() and e.name not in used
                and e.name != self.objective and any(o.name != e.name for o in kept)
            ]  # fmt: skip
            if not unused:
                break
            kept = [e for e in kept if e not in unused]
        return Recurrence(tuple(kept), self.recurrence.axes, self.recurrence.overrides)

    def gathered(self) -> frozenset[str]:
        """Names without steps that need some that have, and those that stand at the end only."""
        recurrence = self.recurrence
        found = {n: bool(recurrence.axes_of(n)) for n in recurrence.names}
        for _ in recurrence.defined:
            for e in recurrence.equations:
                names = [r for r in references(e.expression) if r.name in found]
                found[e.name] |= any(found[r.name] for r in names)
        return frozenset(
            n for n in recurrence.defined
            if found[n] and (not recurrence.axes_of(n) or self.only_at_end(n))
        )  # fmt: skip

    def only_at_end(self, name: str) -> bool:
        targets = [e.target.indices for e in self.recurrence.equations_of(name)]
        return bool(targets) and all(i and i[0].base == self.axis.length for i in targets)

    def not_targets_alone(self, at_points: bool = False) -> list[Equation]:
        """A use, of no effect, of each array that holds targets of an input with other uses, too.

        It has a gradient in the whole; in a part where all uses but one went to an array for another
        step, it would be taken for a target only.
        """
        known = class_names(self.recurrence) - targets(self.recurrence)
        names: dict[str, tuple[Index, ...]]
        if at_points:
            names = {n: () for n, p in self.points.items() if p[0] in known}
        else:
            names = {n: (self.axis.last,) for n in self.recurrence.inputs if n in known}
        return [
            Equation(
                Reference(self.fresh(f"use_of_{n}")),
                call("stop_gradient", call("sum", Reference(n, indices))),
            )
            for n, indices in names.items()
        ]

    # --- equations --------------------------------------------------------------

    def at_end(self, equation: Equation, index: Index) -> None:
        if index.offset or not self.only_at_end(equation.name):
            raise self.refusal(
                f"{equation.target} stands near the end, beside other equations", equation
            )

    def numbers(self, equation: Equation) -> list[int]:
        """The steps between which an equation holds, where it says so."""
        found = []
        for end in (i for r in equation.ranges for i in r.ends):
            if end.base or end.offset < 1:
                raise self.refusal(f"{equation.target} holds up to {end} only", equation)
            found.append(end.offset)
        return found

    def early_step(self, equation: Equation) -> Expression:
        """The right side at one of the first steps, which are those of the first segment."""
        for r in references(equation.expression):
            for i in r.indices:
                if i.base:
                    raise self.refusal(f"{equation.target} needs {r}", equation)
                if i.offset < 1 and r.name in self.recurrence.defined:
                    self.carry(r.name, 1 - i.offset)
        return self.constants(equation.expression)

    def step(self, equation: Equation, node: Expression, gathered: frozenset[str]) -> Expression:
        """A right side as it stands in a segment."""
        if isinstance(node, Call):
            if node.over is not None:
                raise self.refusal(
                    f"{equation.target} needs a {node.operation} over {node.over}", equation
                )
            return replace(
                node, arguments=tuple(self.step(equation, a, gathered) for a in node.arguments)
            )
        if not isinstance(node, Reference):
            return node
        if node.name in gathered:
            raise self.refusal(f"{equation.target} needs {node}, which needs all steps", equation)
        if not node.indices:
            return self.constants(node)
        (index,) = node.indices
        if index.base not in self.recurrence.letters:
            return self.point(node, index, equation)
        return self.moving(node, index, equation)

    def is_target(self, name: str) -> bool:
        return name in class_names(self.recurrence)

    def moving(self, node: Reference, index: Index, equation: Equation | None) -> Expression:
        """A reference that moves with the step."""
        if node.name not in self.recurrence.defined:
            if not index.offset:
                return node
            name = self.named(self.shifted, f"{node.name}_shifted", (node.name, index.offset))
            read = Reference(name, (Index(index.base),), node.span)
            # it may be zero, out of range of the whole, and no rule must take it for a distribution
            return call("straight_through", read, read) if self.is_target(node.name) else read
        if index.offset > 0:
            raise self.refusal(
                f"{equation.target if equation else self.objective} looks ahead, at {node}",
                equation,
            )
        self.carry(node.name, -index.offset)
        return node

    def point(self, node: Reference, index: Index, equation: Equation | None) -> Reference:
        """What all steps read at one step: an array of its own."""
        step = self.steps + index.offset if index.base else index.offset
        is_input = node.name not in self.recurrence.defined
        if is_input and 1 <= step <= self.steps:
            return Reference(self.named(self.points, f"{node.name}_at", (node.name, step)))
        if is_input or step >= 1:
            raise self.refusal(
                f"{equation.target if equation else 'a total'} needs {node}", equation
            )
        return Reference(self.before_name(node.name, step))

    def carry(self, name: str, depth: int) -> None:
        if depth > 0:
            self.carried[name] = max(depth, self.carried.get(name, 0))

    def initial(self, equation: Equation) -> Expression:
        """The right side before step 1."""

        def change(node: Reference) -> Expression | None:
            if not node.indices:
                return None
            (index,) = node.indices
            if index.base or node.name not in self.recurrence.defined or index.offset > 0:
                raise self.refusal(f"{equation.target} needs {node}", equation)
            return Reference(self.before_name(node.name, index.offset))

        return self.constants(substitute(equation.expression, change))

    # --- totals -----------------------------------------------------------------

    def final(self, node: Expression) -> Expression:
        """A right side of the head: sums over steps as sums of the segments' totals."""
        if isinstance(node, Call):
            if node.over is not None:
                return self.total(node)
            return replace(node, arguments=tuple(map(self.final, node.arguments)))
        if not isinstance(node, Reference):
            return node
        if not node.indices:
            return self.constants(node)
        (index,) = node.indices
        if self.only_at_end(node.name):
            if index != self.axis.last:
                raise self.refusal(f"a total needs {node}", None)
            return Reference(node.name)
        if node.name not in self.recurrence.defined or not index.base:
            return self.point(node, index, None)
        if index.offset > 0 or index.base != self.axis.length:
            raise self.refusal(f"a total needs {node}", None)
        if self.steps + index.offset < 1:
            return self.point(node, index, None)
        self.carry(node.name, 1 - index.offset)
        stem = f"{node.name}_end_{-index.offset}"
        return Reference(self.named(self.ends, stem, (node.name, index.offset)))

    def total(self, node: Call) -> Expression:
        letter = self.axis.name
        assert node.over is not None
        for inner in node.arguments:
            nested = next((n for n in walk(inner) if isinstance(n, Call) and n.over), None)
            if nested is not None:
                raise self.refusal(f"a {node.operation} over steps needs another one", None)
        operation = "sum" if node.operation == "mean" else node.operation
        neutral = OPERATIONS[operation].neutral
        body = reindex(node.arguments[0], {node.over: Index(letter)})
        body = self.inside(self.terms(body), node.bound, neutral)
        made: Expression = Call(operation, (body,), letter)
        name = next((n for n, t in self.totals.items() if t == made), None)
        if name is None:
            name = self.fresh(f"total_{len(self.totals) + 1}")
            self.totals[name] = made
        gathered: Expression = Call(operation, (Reference(name, (Index(letter),)),), letter)
        if node.operation == "mean":
            first, last = self.ends_of(node.bound)
            return gathered / Constant(last - first + 1)
        return gathered

    def terms(self, node: Expression) -> Expression:
        """What is summed over the steps, as it stands in a segment."""
        if isinstance(node, Call):
            return replace(node, arguments=tuple(map(self.terms, node.arguments)))
        if not isinstance(node, Reference) or not node.indices:
            return self.constants(node)
        (index,) = node.indices
        if index.base != self.axis.name:
            return self.point(node, index, None)
        return self.moving(node, index, None)

    def inside(self, body: Expression, within: Range | None, neutral: float) -> Expression:
        """A term that counts in a range only."""
        first, last = self.ends_of(within)
        here = self.here()
        if first > 1:
            body = call("where", call("greater_equal", here, first), body, neutral)
        if last < self.steps:
            body = call("where", call("less_equal", here, last), body, neutral)
        return body

    def ends_of(self, within: Range | None) -> tuple[int, int]:
        """The steps of a range, as numbers."""
        found = []
        for end, default in (
            (within.start if within else None, 1),
            (within.stop if within else None, self.steps),
        ):
            if end is not None and end.base not in ("", self.axis.length):
                raise self.refusal(f"a total needs a range that ends at {end}", None)
            step = default if end is None else end.offset + (self.steps if end.base else 0)
            found.append(min(max(step, 1), self.steps))
        return found[0], found[1]

    # --- numbers ----------------------------------------------------------------

    def here(self) -> Expression:
        """The step, counted from the beginning of the whole."""
        return Reference(self.axis.name) + call("stop_gradient", Reference(self.offset))

    def constants(self, node: Expression) -> Expression:
        """An expression with its step and the number of steps those of the whole."""

        def change(r: Reference) -> Expression | None:
            if r.indices:
                return None
            if r.name == self.axis.length:
                return Constant(self.steps)
            return self.here() if r.name in self.recurrence.letters else None

        return substitute(node, change)

    def refusal(self, what: str, equation: Equation | None) -> UnrollError:
        message = f"this recurrence cannot be run in segments of steps: {what}"
        if equation is None:
            return UnrollError(message, remedy=REMEDY)
        return self.recurrence.error(message, equation, REMEDY)


def arrays_of(recurrence: Recurrence) -> Iterator[str]:
    """Names without an equation."""
    return (n for n in recurrence.names if n not in recurrence.defined)
