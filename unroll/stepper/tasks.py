"""The order in which everything happens: forward step by step, then back through time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import product
from typing import Any

import networkx as nx

from unroll.graph.unrolled import steps_of
from unroll.numeric.trace import Trace
from unroll.symbolic.expressions import Call, Expression, Reference, references
from unroll.symbolic.recurrence import LAYERS, Equation, Recurrence
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


def in_order(walk: Walk) -> tuple[Task, ...]:
    """All tasks, each after everything that it reads.

    Forward along the time axis, then backward; the terms of a parameter's gradient right after what
    their step computes, and before the gradient itself.
    """
    needs = _Needs(walk)
    for task in walk.points():
        equation = walk.whole.equations[task.equation]
        here = walk.here(equation, task.at)
        if walk.is_collected(equation.name):
            terms = enumerate(summands(equation.expression))
            found: list[Point | int] = [
                n for j, term in terms for n in needs.terms(task, j, term, here)
            ]
        else:
            found = list(needs.of(equation.expression, here))
        needs.made[equation.name, task.at] = needs.add(task, found)
    return needs.sorted()


@dataclass
class _Needs:
    """What has to be done before what: tasks by number, and the numbers or points that each needs.

    A sum over steps that many tasks read, as a softmax over all steps does at each of them, has a
    number of its own and no task, so that there are as many needs as readers and terms, not their
    product.
    """

    walk: Walk
    tasks: list[Task | None] = field(default_factory=list)
    needs: list[list[Point | int]] = field(default_factory=list)
    made: dict[Point, int] = field(default_factory=dict)
    gathered: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def add(self, task: Task | None, needs: list[Point | int]) -> int:
        self.tasks.append(task)
        self.needs.append(needs)
        return len(self.tasks) - 1

    def of(self, node: Expression, here: Here) -> Iterator[Point | int]:
        """What an expression needs where its letters have these numbers."""
        if isinstance(node, Reference):
            yield from self.walk.reads(node, here)
        elif isinstance(node, Call) and node.bound is not None:
            others = ((letter, n) for letter, n in here.items() if letter != node.over)
            key = (id(node), *others)
            if key not in self.gathered:
                inside = self.walk.within(node, here)
                found = [n for inner in inside for a in node.arguments for n in self.of(a, inner)]
                self.gathered[key] = self.add(None, found)
            yield self.gathered[key]
        elif isinstance(node, Call):
            for argument in node.arguments:
                yield from self.of(argument, here)

    def terms(self, task: Task, j: int, term: Expression, here: Here) -> Iterator[int]:
        """The tasks of one summand of a parameter's gradient: of a sum over steps one for each."""
        if not isinstance(term, Call) or term.bound is None:
            yield self.add(replace(task, term=j), list(self.of(term, here)))
            return
        for inner in self.walk.within(term, here):
            own = replace(task, term=j, step=inner[term.bound.axis])
            yield self.add(own, list(self.of(term.arguments[0], inner)))

    def sorted(self) -> tuple[Task, ...]:
        """Topologically, and what comes first among what is ready."""
        after: list[list[int]] = [[] for _ in self.tasks]
        waiting = [0] * len(self.tasks)
        for i, needs in enumerate(self.needs):
            for need in set(needs):
                j = need if isinstance(need, int) else self.made.get(need)
                if j is not None and j != i:
                    after[j].append(i)
                    waiting[i] += 1
        parts = _parts(self.walk)
        rank = [(*_rank(self.walk, task, parts), i) for i, task in enumerate(self.tasks)]
        ready = [rank[i] for i, count in enumerate(waiting) if not count]
        heapify(ready)
        found, count = [], 0
        while ready:
            i = heappop(ready)[-1]
            count += 1
            if (task := self.tasks[i]) is not None:
                found.append(task)
            for j in after[i]:
                waiting[j] -= 1
                if not waiting[j]:
                    heappush(ready, rank[j])
        assert count == len(self.tasks), "a cycle within a run"
        return tuple(found)


def _rank(
    walk: Walk, task: Task | None, parts: Mapping[str, int]
) -> tuple[int, int, int, int, int]:
    """The pass; its part, as of an encoder and a decoder; the step, as it runs; terms of sums after
    what they need; the equation."""
    if task is None:
        return -1, 0, 0, 0, 0
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
    part = parts[equation.name]
    if back:
        part, step = -part, -step
    return int(back), part, step, int(task.term is not None), task.equation


def _parts(walk: Walk) -> dict[str, int]:
    """For each variable the part of the run that it belongs to, from 0: lengths that others need
    come before these. Where they need each other, all is one part.
    """
    whole = walk.whole
    own = {
        name: {a.length for a in whole.axes_of(name) if a.name not in LAYERS}
        for name in whole.names
    }
    reads = nx.DiGraph()
    for equation in whole.equations:
        reads.add_node(equation.name)
        if equation.name not in walk.backward:
            used = {r.name for r in references(equation.expression)}
            reads.add_edges_from((name, equation.name) for name in used & own.keys())
    lengths = nx.DiGraph()
    lengths.add_nodes_from(sorted(set().union(*own.values())))
    for name in reads:
        if len(own[name]) == 1:
            for later in nx.descendants(reads, name):
                if len(own[later]) == 1:
                    lengths.add_edge(*own[name], *own[later])
    joined = nx.condensation(lengths)
    order = {
        length: k
        for k, level in enumerate(nx.topological_generations(joined))
        for group in level
        for length in joined.nodes[group]["members"]
    }
    found = {name: max((order[n] for n in own[name]), default=0) for name in own}
    for equation in whole.equations:
        if not own[equation.name]:
            used = {r.name for r in references(equation.expression)} & own.keys()
            found[equation.name] = max((found[n] for n in used), default=0)
    return found


_FAR = 10**9


def summands(node: Expression) -> tuple[Expression, ...]:
    """The terms of a sum, left to right; anything else is its own only term."""
    if isinstance(node, Call) and node.operation == "add":
        return tuple(term for argument in node.arguments for term in summands(argument))
    return (node,)
