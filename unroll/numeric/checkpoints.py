"""Checkpointing: a run that keeps states between segments only, and computes the rest twice.

Forward, each segment leaves its last states and its part of every total. On the way back, from the
last segment to the first, each is run again from the states before it, with the gradient that the
next one has left. Memory for values is O(tau / n + n) with n segments, least for n = sqrt(tau);
inputs and their gradients are O(tau) as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError
from unroll.numeric.arrays import Data
from unroll.numeric.layout import Rows
from unroll.numeric.trace import Trace
from unroll.symbolic.expressions import ZERO, Reference, call
from unroll.symbolic.recurrence import GIVEN, Equation, Recurrence
from unroll.symbolic.segments import Point, Segments, arrays_of, parts_of
from unroll.symbolic.shapes import shape_of
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.transformations import targets

Array = NDArray[Any]
Checkpoints = int | str
Runner = Callable[..., Trace]  # data, objective, with gradients or not
SQRT = "sqrt"
NOTHING = Equation(Reference("no objective"), ZERO)  # so that none is summed over the batch
START = "adjoint of the start"  # the objective of what stands before step 1


def run_segments(data: Data, checkpoint: Checkpoints, of: str | None, run: Runner) -> Trace:
    """The run of these arrays by `run`, in segments; the trace has the loss, and all gradients by
    inputs, parameters and initial values.

    checkpoint: how many segments, or "sqrt". Raises UnrollError for a recurrence that cannot be cut,
    and for one without an objective.
    """
    steps = data.sizes[data.recurrence.axes[0].length]
    count = how_many(checkpoint, steps)
    objective = data.recurrence.objective(of)
    if objective is None:
        raise UnrollError(
            "checkpoints serve gradients, and this recurrence has no objective",
            remedy="Run it without checkpoint=, or write a total over the steps, as in J = sum(L[t], t).",
        )
    parts = parts_of(data.recurrence, objective, steps)
    return Checkpointed(data, parts, steps, count, run).run_all()


def how_many(checkpoint: Checkpoints, steps: int) -> int:
    """The number of segments. Raises UnrollError for what is none."""
    if checkpoint == SQRT:
        return ceil(sqrt(steps))
    whole = isinstance(checkpoint, (int, np.integer)) and not isinstance(checkpoint, bool)
    if not whole or int(checkpoint) < 1:
        raise UnrollError(
            f"checkpoint={checkpoint!r} is no number of segments",
            remedy='Use a whole number from 1, or "sqrt".',
        )
    return min(int(checkpoint), steps)


@dataclass
class Checkpointed:
    """One run in segments. gradients: by name of an array, as far as they are added up."""

    data: Data
    parts: Segments
    steps: int
    count: int
    run: Runner
    gradients: dict[str, Array] = field(default_factory=dict)

    def run_all(self) -> Trace:
        stretches = list(self.stretches())
        states = [self.before()]
        totals: dict[str, list[Array]] = {name: [] for name in self.parts.totals}
        for stretch in stretches:
            rows, added = self.forward(stretch, states[-1])
            states.append(rows)
            for name, value in added.items():
                totals[name].append(value)
        head = self.head(states[-1], totals)
        seeds = self.last_seeds(head, states[-1])
        by_total = {
            n: head.gradient(n) if n in head.gradients else np.zeros_like(np.stack(v))
            for n, v in totals.items()
        }
        segment = None
        for i, stretch in reversed(list(enumerate(stretches))):
            states.pop()
            if not self.parts.seeds and not self.parts.total_seeds:
                break
            seeds, segment = self.backward(
                stretch, states[-1], seeds, {n: g[i] for n, g in by_total.items()}
            )
        self.after_start(seeds)
        return self.trace(head, segment or head)

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Steps before a segment, and its steps: all of one length but the first and the last."""
        deepest = max(self.parts.carried.values(), default=1)
        length = max(ceil(self.steps / self.count), deepest)
        start, size = 0, max(length, self.parts.reach)
        if self.parts.reach > self.steps:
            raise UnrollError(
                f"a run of {self.steps} steps ends before step {self.parts.reach}, of which an "
                "equation speaks: it cannot be run in segments",
                remedy="Run it without checkpoint=.",
            )
        while start < self.steps:
            if self.steps - start - size < deepest:  # too short for all that is carried on
                size = self.steps - start
            yield start, size
            start, size = start + size, length

    # --- parts ------------------------------------------------------------------

    def before(self) -> dict[Point, Array]:
        """Values before step 1."""
        found = {}
        values: Mapping[str, Array] = {}
        if self.parts.start is not None:
            equations = (*self.parts.start.equations, NOTHING)
            start = replace(self.parts.start, equations=equations)
            values = self.run(self.made(start, {}), NOTHING.name, False).values
        wanted = {(v, -k) for v, depth in self.parts.carried.items() for k in range(depth)}
        wanted |= {p for p in self.parts.points.values() if p[1] < 1}
        for name, step in wanted:
            given = self.data.arrays.get(f"{name}[{step}]")
            made = self.parts.before.get((name, step))
            value = given if given is not None else values.get(made or "")
            dtype = next(iter(self.data.arrays.values())).dtype
            shape = self.data.shapes[name]
            if value is None:
                value = np.zeros(shape, dtype)
            found[name, step] = np.broadcast_to(value, (*self.batch, *shape))
        self.initial = found
        return {p: v for p, v in found.items() if p[0] in self.parts.carried}

    def forward(
        self, stretch: tuple[int, int], states: Mapping[Point, Array]
    ) -> tuple[dict[Point, Array], dict[str, Array]]:
        trace = self.run(self.segment(stretch, states, {}, {}), NOTHING.name, False)
        _, size = stretch
        after = {}
        for name, step in self.parts.seeds:
            at = size + step - trace.rows[name][0].first
            after[name, step] = np.array(trace.values[name][at])
        added = {
            n: np.array(np.broadcast_to(trace.values[n], (*self.batch, *self.shape_of(n))))
            for n in self.parts.totals
        }
        return after, added

    def head(self, states: Mapping[Point, Array], totals: Mapping[str, list[Array]]) -> Trace:
        arrays = {n: states[p] for n, p in self.parts.ends.items()}
        arrays |= {n: np.stack(v) for n, v in totals.items()}
        sizes = self.sizes(max(1, len(next(iter(totals.values()), [0]))))
        trace = self.run(self.made(self.parts.head, arrays, sizes), self.parts.objective, True)
        self.gather(trace, None)
        return trace

    def last_seeds(self, head: Trace, states: Mapping[Point, Array]) -> dict[Point, Array]:
        seeds = {p: np.zeros_like(states[p]) for p in self.parts.seeds}
        for name, point in self.parts.ends.items():
            if name in head.gradients:
                seeds[point] = head.gradient(name)
        return seeds

    def backward(
        self,
        stretch: tuple[int, int],
        states: Mapping[Point, Array],
        seeds: Mapping[Point, Array],
        totals: Mapping[str, Array],
    ) -> tuple[dict[Point, Array], Trace]:
        """A segment run again, with gradients; those by its initial values."""
        trace = self.run(self.segment(stretch, states, seeds, totals), self.parts.adjoint, True)
        self.gather(trace, stretch)
        found = {}
        for name, step in seeds:
            known = name in trace.gradients
            whole = (
                trace.gradient(f"{name}[{step}]") if known else np.zeros_like(states[name, step])
            )
            found[name, step] = whole
        return found, trace

    def after_start(self, seeds: Mapping[Point, Array]) -> None:
        """What arrives at the values before step 1 goes to where they come from."""
        by_point = dict(seeds)
        for name, point in self.parts.points.items():
            if point[1] < 1 and name in self.gradients:
                by_point[point] = by_point.get(point, 0) + self.gradients.pop(name)
        computed = {}
        for point, gradient in by_point.items():
            given = f"{point[0]}[{point[1]}]"
            if given in self.data.arrays:
                shared = self.batch and given not in self.data.batched
                self.add(given, gradient.sum(axis=0) if shared else gradient)
            elif point in self.parts.before:
                computed[self.parts.before[point]] = gradient
        if self.parts.start is None or not computed:
            return
        start, objective, names = seeded(self.parts.start, list(computed))
        arrays = {names[n]: g for n, g in computed.items()}
        trace = self.run(self.made(start, arrays), objective, True)
        self.gather(trace, None)

    # --- data -------------------------------------------------------------------

    @property
    def batch(self) -> tuple[int, ...]:
        return (self.data.batch,) if self.data.batched else ()

    def sizes(self, steps: int) -> Sizes:
        length = self.data.recurrence.axes[0].length
        changed = tuple((n, steps if n == length else k) for n, k in self.data.sizes.lengths)
        return replace(self.data.sizes, lengths=changed)

    def shape_of(self, name: str) -> tuple[int, ...]:
        total = self.parts.totals[name]
        shapes = {**self.data.shapes, **self.shapes(), self.parts.offset: ()}
        return tuple(int(n) for n in shape_of(total, shapes).shape)

    def shapes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for names in (self.parts.shifted, self.parts.points, self.parts.ends):
            found |= {n: self.data.shapes[p[0]] for n, p in names.items()}
        return found

    def made(
        self, recurrence: Recurrence, arrays: Mapping[str, Array], sizes: Sizes | None = None
    ) -> Data:
        """Data of one part, with what it needs of the whole."""
        found = dict(arrays)
        for name in arrays_of(recurrence):
            if name in found:
                continue
            if name in self.parts.points:
                found[name] = self.at(self.parts.points[name])
            elif name in self.data.arrays:
                found[name] = self.data.arrays[name]
        for e in recurrence.equations:
            if e.expression == GIVEN and not e.target.indices:
                point = next(p for p, n in self.parts.before.items() if n == e.name)
                found[str(e.target)] = self.data.arrays[f"{point[0]}[{point[1]}]"]
        shapes: dict[str, Any] = {**self.data.shapes, **self.shapes()}
        shapes |= {n: self.shape_of(n) for n in self.parts.totals}
        shapes |= {s: shapes[n] for n, s in self.parts.total_seeds.items()}
        shapes |= {s: shapes[p[0]] for p, s in self.parts.seeds.items()}
        shapes |= {n: self.data.shapes[p[0]] for p, n in self.parts.before.items()}
        shapes |= {f"into_{n}": self.data.shapes[p[0]] for p, n in self.parts.before.items()}
        shapes |= {self.parts.offset: (), self.parts.adjoint: (), START: (), NOTHING.name: ()}
        shapes.setdefault(self.parts.objective, ())
        new = {n for n in found if n not in self.data.arrays and n != self.parts.offset}
        shared = {n for n, p in self.parts.points.items()
                  if p[1] >= 1 and p[0] not in self.data.batched}  # fmt: skip
        shared |= {n for n, p in self.parts.shifted.items() if p[0] not in self.data.batched}
        shared |= {n for n in new for p, m in self.parts.before.items()
                   if m == n and f"{p[0]}[{p[1]}]" in self.data.arrays
                   and f"{p[0]}[{p[1]}]" not in self.data.batched}  # fmt: skip
        batched = (frozenset(found) & self.data.batched) | (
            frozenset(new - shared) if self.batch else frozenset()
        )
        known = {*recurrence.names}
        return replace(
            self.data,
            recurrence=recurrence,
            arrays=found,
            shapes={n: s for n, s in shapes.items() if n in known},
            sizes=sizes or self.data.sizes,
            batched=batched,
        )

    def segment(
        self,
        stretch: tuple[int, int],
        states: Mapping[Point, Array],
        seeds: Mapping[Point, Array],
        totals: Mapping[str, Array],
    ) -> Data:
        start, size = stretch
        recurrence = self.parts.body if start else self.parts.first
        if not seeds and not totals:
            kept = tuple(e for e in recurrence.equations if e.name != self.parts.adjoint)
            recurrence = replace(recurrence, equations=(*kept, NOTHING))
        arrays = {f"{name}[{step}]": value for (name, step), value in states.items()}
        arrays |= {self.parts.seeds[p]: g for p, g in seeds.items()}
        arrays |= {self.parts.total_seeds[n]: g for n, g in totals.items()}
        for name in arrays_of(recurrence):
            of, ahead = self.parts.shifted.get(name, (name, 0))
            if self.data.recurrence.axes_of(of) and of in self.data.arrays:
                arrays[name] = _rows(self.data.arrays[of], start + ahead, size)
        dtype = next(iter(self.data.arrays.values())).dtype
        arrays[self.parts.offset] = np.asarray(start, dtype)
        data = self.made(recurrence, arrays, self.sizes(size))
        given = frozenset(arrays) & {f"{n}[{k}]" for n, k in states}
        return replace(data, batched=data.batched | (given if self.batch else frozenset()))

    def at(self, point: Point) -> Array:
        name, step = point
        return self.initial[point] if step < 1 else self.data.arrays[name][step - 1]

    # --- gradients --------------------------------------------------------------

    def add(self, name: str, gradient: Array) -> None:
        known = self.gradients.get(name)
        self.gradients[name] = gradient if known is None else known + gradient

    def gather(self, trace: Trace, stretch: tuple[int, int] | None) -> None:
        """Add a part's gradients to those of the whole."""
        own = self.data.recurrence
        for name in trace.gradients:
            if name in trace.recurrence.defined or name == self.parts.offset:
                continue
            if stretch is not None and (name in self.parts.shifted or own.axes_of(name)):
                of, ahead = self.parts.shifted.get(name, (name, 0))
                self.add_rows(of, trace.gradient(name), stretch[0] + ahead)
            elif name in self.parts.points and self.parts.points[name][1] >= 1:
                of, step = self.parts.points[name]
                self.add_rows(of, trace.gradient(name)[None], step - 1)
            elif name in self.parts.points or name in self.data.arrays:
                self.add(name, trace.gradient(name))

    def add_rows(self, name: str, gradient: Array, start: int) -> None:
        if name not in self.gradients:
            self.gradients[name] = np.zeros_like(self.data.arrays[name])
        first, last = max(start, 0), min(start + len(gradient), self.steps)
        if first < last:
            self.gradients[name][first:last] += gradient[first - start : last - start]

    # --- the trace --------------------------------------------------------------

    def trace(self, head: Trace, segment: Trace) -> Trace:
        """What was kept: arrays and their gradients, and values without steps."""
        own, data = self.data.recurrence, self.data
        values = {n: a for n, a in data.arrays.items() if "[" not in n}
        names = [n for n in own.names if n in data.arrays]
        objective = self.parts.objective
        for name in head.recurrence.defined:
            if name in own.names and not own.axes_of(name):
                values[name] = head.values[name]
                names.append(name)
        values[objective] = head.values[objective]
        if objective not in names:
            names.append(objective)
        whole = Rows(1, self.steps, 1, self.steps)
        rows = {
            n: (whole,) for n in names if n in own.names and own.axes_of(n) and n in data.arrays
        }
        gradients, points = {}, {}
        without = targets(own)
        for name, gradient in self.gradients.items():
            if name in without:
                continue
            key = f"grad {name}"
            bare, _, step = name.partition("[")
            if step:
                points[bare] = key = f"grad {bare}"
                first, known = -(10**9), values.get(key)
                at = int(step[:-1])
                old = rows.get(key, (Rows(at, at, at, at),))[0]
                first, last = min(old.first, at), max(old.last, at)
                joined = np.zeros((last - first + 1, *np.shape(gradient)), gradient.dtype)
                if known is not None:
                    joined[old.first - first : old.first - first + len(known)] = known
                joined[at - first] = gradient
                values[key], rows[key] = joined, (Rows(first, last, first, last),)
                continue
            values[key], gradients[name] = gradient, key
            if name in rows:
                rows[key] = rows[name]
        key = f"grad {objective}"
        values[key], gradients[objective] = np.ones((), values[objective].dtype), key
        lost = frozenset(own.names) - frozenset(names)
        return replace(
            head,
            recurrence=own,
            forward=own,
            names=tuple(names),
            sizes=data.sizes,
            values=Kept(values, lost=lost, what="values"),
            gradients=Kept(gradients, points, lost=lost, what="gradient"),
            objective=objective,
            rows=rows,
            batch=data.batch if data.batched else None,
            batched=data.batched | (head.batched & frozenset(names)),
            shapes=data.shapes,
            parameters=own.parameters,
            schedule=segment.schedule,
            code=segment.code,
        )


class Kept(dict[str, Any]):
    """What a run in segments has kept. Asked for what it has not, it says why.

    points: found by `get` only.
    """

    def __init__(
        self,
        kept: Mapping[str, Any],
        points: Mapping[str, Any] | None = None,
        *,
        lost: frozenset[str],
        what: str,
    ) -> None:
        super().__init__(kept)
        self.points = dict(points or {})
        self.lost, self.what = lost, what

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.lost

    def __missing__(self, name: str) -> Any:
        if name not in self.lost:
            raise KeyError(name)
        raise UnrollError(
            f"the {self.what} of {name} were not kept: a run with checkpoints keeps states between "
            "its segments only",
            remedy="Run it without checkpoint= to have them.",
        )

    def get(self, name: str, default: Any = None) -> Any:
        found = super().get(name)
        return self.points.get(name, default) if found is None else found


def seeded(start: Recurrence, names: list[str]) -> tuple[Recurrence, str, dict[str, str]]:
    """The start with an objective: its values weighed with the gradients that arrive there."""
    seeds = {n: f"into_{n}" for n in names}
    terms = [call("sum", Reference(s) * Reference(n)) for n, s in seeds.items()]
    goal = Equation(Reference(START), reduce(lambda a, b: a + b, terms))
    whole = replace(start, equations=(*start.equations, goal))
    return whole, goal.name, seeds


def _rows(array: Array, start: int, size: int) -> Array:
    """Rows of an array, zero where it has none."""
    first, last = max(start, 0), min(start + size, len(array))
    if (first, last) == (start, start + size):
        return array[first:last]
    found = np.zeros((size, *array.shape[1:]), array.dtype)
    if first < last:
        found[first - start : last - start] = array[first:last]
    return found
