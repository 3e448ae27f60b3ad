"""What a recurrence costs, before it is run: operations, work, span, parallelism and bytes.

Counted on what a run computes: products told apart, what is off a cycle outside of it, the gradient
equations of BPTT. An operation is a node of the operation-level graph (`unroll.numeric.counting`),
work its floating-point operations (`unroll.symbolic.operations`), the span the longest chain of
operations (`unroll.numeric.spans`). A reduction is one operation, however many values it gathers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from unroll.numeric.arrays import Outline, outline, real
from unroll.numeric.counting import Amount, Counter
from unroll.numeric.hoisting import hoist
from unroll.numeric.layout import batched, extent, rows, wanted
from unroll.numeric.lengths import Steps, Trees
from unroll.numeric.memory import array_bytes, readable
from unroll.numeric.schedule import Scan, Task, manner, plan
from unroll.numeric.spans import Linear, growth, short, span
from unroll.symbolic.adjoint import differentiate
from unroll.symbolic.operations import Shape
from unroll.symbolic.recurrence import Recurrence
from unroll.symbolic.shapes import resolve, shape_of
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.transformations import fuse

FORWARD, BACKWARD = "forward", "backward"


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass costs, everything else being there.

    operations: how many; work: floating-point operations; span: operations in the longest chain;
    formula: the span as a function of the lengths, None where it is not linear.
    """

    operations: int
    work: int
    span: int
    formula: Linear | None = None

    @property
    def parallelism(self) -> float:
        """Floating-point operations for each step of the longest chain: work / span."""
        return self.work / self.span if self.span else 0.0


@dataclass(frozen=True, slots=True)
class TaskCost:
    """What one task of the schedule costs; side: forward or backward."""

    task: Task
    side: str
    operations: int
    work: int
    span: int

    @property
    def parallelism(self) -> float:
        return self.work / self.span if self.span else 0.0


@dataclass(frozen=True, slots=True)
class Bytes:
    """arrays: given, inputs and parameters; values: of all variables, at all steps, kept for the
    backward pass; gradients: of all of these; peak: at once during a run, with what it works with.
    """

    arrays: int
    values: int
    gradients: int
    peak: int


@dataclass(frozen=True)
class Cost:
    """The cost of a recurrence for these sizes: `print(cost)` shows it as a table.

    sizes: lengths of the axes; batch; dtype; objective: None where there is none, and with it no
    backward pass; total: both passes, the second after what it needs of the first.
    """

    sizes: Sizes
    batch: int
    dtype: str
    objective: str | None
    forward: Pass
    backward: Pass | None
    total: Pass
    tasks: tuple[TaskCost, ...]
    memory: Bytes

    def __str__(self) -> str:
        lengths = ", ".join(f"{name} = {n}" for name, n in self.sizes.lengths)
        batch = f", a batch of {self.batch}" if self.batch > 1 else ""
        passes = [(FORWARD, self.forward), (BACKWARD, self.backward), ("both", self.total)]
        shown = [(name, cost) for name, cost in passes if cost is not None]
        shown = shown if self.backward else shown[:1]
        head = ("", "operations", "work", "span", "parallelism")
        lines = [f"{lengths}{batch}, {self.dtype}", ""]
        table = [(n, c.operations, c.work, c.span, c.parallelism) for n, c in shown]
        formulas = [f"= {c.formula}" if c.formula else "" for _, c in shown]
        lines += [
            f"{line}  {formula}".rstrip()
            for line, formula in zip(_table([head, *table]), ["", *formulas])
        ]
        head = ("schedule", "operations", "work", "span", "parallelism")
        rows_ = [
            (_few(t.task.names), t.operations, t.work, t.span, t.parallelism) for t in self.tasks
        ]
        manners = [manner(t.task) for t in self.tasks]
        lines += [""] + [
            f"{line}  {how}".rstrip() for line, how in zip(_table([head, *rows_]), ["", *manners])
        ]
        memory = self.memory
        lines += [
            "",
            f"memory: arrays {readable(memory.arrays)}, values {readable(memory.values)}, "
            f"gradients {readable(memory.gradients)}, at once {readable(memory.peak)}",
        ]
        return "\n".join(lines)

    __repr__ = __str__


def cost_of(
    recurrence: Recurrence,
    arrays: Mapping[str, ArrayLike] | None = None,
    *,
    steps: Steps | None = None,
    dims: Mapping[str, int | Shape] | None = None,
    tree: Trees | None = None,
    batch: int = 1,
    dtype: DTypeLike = np.float64,
    of: str | None = None,
    gradients: bool = True,
) -> Cost:
    """The cost of running a recurrence, without running it.

    arrays, steps, dims, tree, dtype, of and gradients as for `run`; nothing is made up, so that sizes
    may be as large as one likes. batch: how many sequences at once, where no arrays say it.
    Raises UnrollError for sizes that make no sense and functions without a definition.
    """
    kind = real(dtype)
    found = outline(recurrence, arrays, steps=steps, dims=dims, tree=tree, batch=batch)
    task = _Counted.of(found, of, gradients)
    sides = {FORWARD: task.forward, BACKWARD: task.backward}
    amounts = {name: task.counter.of(name) for name in task.whole.defined}
    passes = {side: task.measure(amounts, names) for side, names in sides.items()}
    tasks = tuple(
        TaskCost(
            each,
            BACKWARD if {*each.names} & sides[BACKWARD] else FORWARD,
            *_total(amounts, each.names),
            task.span(each),
        )
        for each in plan(task.whole)
    )
    return Cost(
        sizes=found.sizes,
        batch=found.batch,
        dtype=np.dtype(kind).name,
        objective=task.objective,
        forward=passes[FORWARD],
        backward=passes[BACKWARD] if sides[BACKWARD] else None,
        total=task.measure(amounts, sides[FORWARD] | sides[BACKWARD]),
        tasks=tasks,
        memory=task.bytes(found, np.dtype(kind).itemsize),
    )


@dataclass(frozen=True)
class _Counted:
    """A recurrence as it is run: whole, its names by the pass that computes them, what counts them."""

    whole: Recurrence
    forward: frozenset[str]
    backward: frozenset[str]
    gradients: Mapping[str, str]
    objective: str | None
    counter: Counter

    @classmethod
    def of(cls, found: Outline, of: str | None, gradients: bool) -> _Counted:
        recurrence, names = found.recurrence, dict[str, str]()
        shapes: dict[str, Shape] = dict(found.shapes)
        objective = recurrence.objective(of) if gradients or of else None
        if gradients and objective is not None:
            adjoint = differentiate(recurrence, of=objective, shapes=shapes)
            flat, names = adjoint.recurrence, dict(adjoint.gradients)
            shapes = {n: _numbers(shape) for n, shape in adjoint.shapes.items()}
        else:
            flat = fuse(resolve(recurrence, shapes))
        whole = hoist(flat)
        leaves = {g for n, g in names.items() if n not in flat.defined and n not in found.batched}
        if objective is not None and not flat.axes_of(objective):
            leaves.add(objective)
        with_batch = batched(whole, found.batched, names, leaves)
        for task in plan(whole):
            for name in task.names:
                if name not in shapes:  # cut from another equation
                    bodies = [e.expression for e in whole.equations_of(name)]
                    shapes[name] = max(
                        (_numbers(shape_of(b, shapes).shape) for b in bodies), key=len
                    )
        first = set(recurrence.defined)
        sides: dict[str, str] = {}
        side = FORWARD
        for equation in reversed(whole.equations):  # what was cut precedes what it was cut from
            if equation.name in flat.defined:
                side = FORWARD if equation.name in first else BACKWARD
            sides[equation.name] = side
        counter = Counter(whole, found.sizes, shapes, with_batch, found.batch, frozenset(leaves))
        return cls(
            whole,
            frozenset(n for n, s in sides.items() if s == FORWARD),
            frozenset(n for n, s in sides.items() if s == BACKWARD),
            names,
            objective,
            counter,
        )

    def measure(self, amounts: Mapping[str, Amount], names: frozenset[str]) -> Pass:
        sizes = self.counter.sizes
        formula = growth(self.whole, sizes, names)
        longest = span(self.whole, sizes, names) if formula is None else formula.at(sizes)
        return Pass(*_total(amounts, names), longest, formula)

    def span(self, task: Task) -> int:
        """The span of one task: what walks along no axis has the same for any length."""
        sizes = self.counter.sizes
        if isinstance(task, Scan):
            formula = growth(self.whole, sizes, task.names)
            return span(self.whole, sizes, task.names) if formula is None else formula.at(sizes)
        return span(self.whole, sizes if sizes.trees else short(self.whole, sizes), task.names)

    def bytes(self, found: Outline, itemsize: int) -> Bytes:
        """Bytes of the arrays, of what a trace gives out, and of all that a run holds at once."""
        counter, recurrence = self.counter, found.recurrence

        def size(name: str) -> int:
            lead = [b - a + 1 for a, b in extent(recurrence, name, found.sizes)]
            if name in recurrence.defined:
                lead = [found.sizes[a.length] for a in recurrence.axes_of(name)]
            times = found.batch if name in counter.batched else 1
            return itemsize * prod(lead) * times * prod(counter.shapes[name])

        given = {n: itemsize * prod(found.given[n]) for n in wanted(recurrence)}
        own = array_bytes(
            counter.shapes,
            rows(self.whole, found.sizes),
            counter.batched,
            found.batch,
            itemsize,
        )
        maps = [own[n] for t in plan(self.whole) if not isinstance(t, Scan) for n in t.names]
        kept = sum(own[n] for n in self.whole.defined)
        return Bytes(
            arrays=sum(given.values()),
            values=sum(size(n) for n in recurrence.defined),
            gradients=sum(size(n) for n in self.gradients),
            peak=2 * sum(given.values()) + kept + 2 * max(maps, default=0),
        )


def _numbers(shape: Sequence[int | str]) -> Shape:
    return tuple(int(n) for n in shape)


def _total(amounts: Mapping[str, Amount], names: Collection[str]) -> tuple[int, int]:
    found = [amounts[n] for n in names]
    return sum(a.operations for a in found), sum(a.work for a in found)


def _table(table: list[tuple[object, ...]]) -> list[str]:
    """Rows of text and numbers, the first column to the left, the others to the right."""
    cells = [[_number(x) for x in row] for row in table]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
        for row in cells
    ]


def _few(names: tuple[str, ...]) -> str:
    """Names with commas; the first of many."""
    shown = names if len(names) <= 5 else (*names[:4], f"... ({len(names)} in all)")
    return ", ".join(shown)


def _number(x: object) -> str:
    if isinstance(x, int):
        return f"{x:,}".replace(",", " ")
    return f"{x:,.1f}".replace(",", " ") if isinstance(x, float) else str(x)
