"""The order in which everything happens: forward step by step, then back through time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import product

from unroll.graph.unrolled import steps_of
from unroll.numeric.trace import Trace
from unroll.symbolic.expressions import Call, Expression, Range, Reference
from unroll.symbolic.recurrence import Equation, Recurrence
from unroll.symbolic.sizes import Sizes

Here = Mapping[str, int]
Point = tuple[str, tuple[int, ...]]  # a name and the numbers of its indices


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to compute: an equation at a point; or one term of a sum that runs over steps.

    equation: its number in the recurrence; at: the numbers of the target's indices; term: which
    summand of the equation; step: the number of the letter that the summand's sum binds.
    """

    equation: int
    at: tuple[int, ...]
    term: int | None = None
    step: int | None = None


@dataclass(frozen=True)
class Walk:
    """A run, walked point by point. trace: of one sequence."""

    trace: Trace

    @property
    def whole(self) -> Recurrence:
        """What was run, gradient equations included."""
        return self.trace.recurrence

    @property
    def sizes(self) -> Sizes:
        return self.trace.sizes

    @cached_property
    def number(self) -> Mapping[Equation, int]:
        return {equation: k for k, equation in enumerate(self.whole.equations)}

    @cached_property
    def gradients(self) -> Mapping[str, str]:
        """The name of what a gradient is the gradient of, by the name of the gradient."""
        return {gradient: name for name, gradient in self.trace.gradients.items()}

    @cached_property
    def backward(self) -> frozenset[str]:
        """Everything that is computed on the way back: gradients, and what only they need."""
        forward = {*self.trace.forward.names}
        return frozenset(n for n in self.whole.defined if n not in forward)

    def here(self, equation: Equation, at: tuple[int, ...]) -> dict[str, int]:
        """The numbers of the letters of an equation at a point."""
        return {
            index.base: n
            for index, n in zip(equation.target.indices, at)
            if index.base in self.whole.letters
        }

    def points(self) -> Iterator[Task]:
        """Every point of every equation."""
        for name in self.whole.defined:
            for equation, box in self.whole.boxes(name, self.sizes):
                for at in product(*(range(a, b + 1) for a, b in box)):
                    yield Task(self.number[equation], at)

    def is_collected(self, name: str) -> bool:
        """Whether a gradient is that of a parameter, to which every step adds its part."""
        return self.gradients.get(name) in self.trace.parameters

    def reads(self, node: Expression, here: Here) -> Iterator[Point]:
        """The points that an expression reads where its letters have these numbers."""
        if isinstance(node, Reference):
            if node.name not in self.whole.letters and node.name not in self.whole.lengths:
                at = (self.whole.position(i, self.sizes, here) for i in node.indices)
                yield node.name, tuple(at)
        elif isinstance(node, Call):
            for inner in self.within(node, here):
                for argument in node.arguments:
                    yield from self.reads(argument, inner)

    def within(self, node: Call, here: Here) -> Iterator[Here]:
        """The numbers of all letters inside a call: many where it is a sum over steps."""
        if node.bound is None:
            yield here
            return
        for step in steps_of(self.whole, node.bound, self.sizes, here):
            yield {**here, node.bound.axis: step}

    def range_of(self, within: Range, here: Here) -> list[int]:
        return list(steps_of(self.whole, within, self.sizes, here))


def in_order(walk: Walk) -> tuple[Task, ...]:
    """All tasks, each after everything that it reads.

    Forward along the time axis, then backward; the terms of a parameter's gradient right after what
    their step computes, and before the gradient itself.
    """
    tasks: list[Task] = []
    reads: list[list[Point]] = []
    made: dict[Point, int] = {}
    for task in walk.points():
        equation = walk.whole.equations[task.equation]
        here = walk.here(equation, task.at)
        needs = list(walk.reads(equation.expression, here))
        if walk.is_collected(equation.name):
            needs = []
            for j, term in enumerate(summands(equation.expression)):
                inside = walk.within(term, here) if isinstance(term, Call) else iter([here])
                for inner in inside:
                    bound = term.bound if isinstance(term, Call) else None
                    tasks.append(
                        Task(task.equation, task.at, j, inner[bound.axis] if bound else None)
                    )
                    body = term.arguments[0] if bound and isinstance(term, Call) else term
                    reads.append(list(walk.reads(body, inner)))
                    needs.append(("", (len(tasks) - 1,)))
        made[equation.name, task.at] = len(tasks)
        tasks.append(task)
        reads.append(needs)
    return _sorted(walk, tasks, reads, made)


def _sorted(
    walk: Walk, tasks: list[Task], reads: list[list[Point]], made: Mapping[Point, int]
) -> tuple[Task, ...]:
    """Topologically, and what comes first among what is ready."""
    after: list[list[int]] = [[] for _ in tasks]
    waiting = [0] * len(tasks)
    for i, needs in enumerate(reads):
        for point in set(needs):
            j = point[1][0] if not point[0] else made.get(point)
            if j is not None and j != i:
                after[j].append(i)
                waiting[i] += 1
    rank = [(*_rank(walk, task), i) for i, task in enumerate(tasks)]
    ready = [rank[i] for i, count in enumerate(waiting) if not count]
    heapify(ready)
    found = []
    while ready:
        i = heappop(ready)[-1]
        found.append(tasks[i])
        for j in after[i]:
            waiting[j] -= 1
            if not waiting[j]:
                heappush(ready, rank[j])
    assert len(found) == len(tasks), "a cycle within a run"
    return tuple(found)


def _rank(walk: Walk, task: Task) -> tuple[int, int, int, int]:
    """The pass; the step, as it runs; terms of sums after what they need; the equation."""
    equation = walk.whole.equations[task.equation]
    back = equation.name in walk.backward
    step = task.at[0] if task.at else (_FAR if back else 0)  # the seed begins the way back
    axes = walk.whole.axes_of(equation.name)
    time = walk.whole.axes[0].length
    for axis, n in zip(axes, task.at):
        if axis.length == time:
            step = n
    if task.term is not None:
        step = task.step if task.step is not None else -_FAR
    return int(back), -step if back else step, int(task.term is not None), task.equation


_FAR = 10**9


def summands(node: Expression) -> tuple[Expression, ...]:
    """The terms of a sum, left to right; anything else is its own only term."""
    if isinstance(node, Call) and node.operation == "add":
        return tuple(term for argument in node.arguments for term in summands(argument))
    return (node,)
