"""Checks: every gradient against central differences of the forward run alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from unroll.graph.folded import fold
from unroll.numeric.arrays import Data
from unroll.numeric.batches import Lengths, as_padded, prepare_batch
from unroll.numeric.execution import Compiled, compiled, execute, padded
from unroll.numeric.fitting import value_name
from unroll.numeric.lengths import Steps, Trees
from unroll.numeric.sampling import sample
from unroll.numeric.trace import inner
from unroll.symbolic.expressions import Call, Expression, Index, Reference, call
from unroll.symbolic.operations import Shape
from unroll.symbolic.positions import places, untestable
from unroll.symbolic.recurrence import Equation, Recurrence
from unroll.symbolic.transformations import fresh, targets

STEP = 3e-4  # of a difference, relative to an entry's size: errors of order STEP**4 and eps / STEP
ENTRIES = 400  # checked of each array, at most
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Row:
    """One name: the largest error of its gradient relative to its largest entry, and that entry.

    checked, entries: how many entries were compared, of how many.
    """

    name: str
    error: float
    largest: float
    checked: int
    entries: int


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome for all names, and the objective that was differentiated.

    of: its name, None where the recurrence has none and a random linear functional of its outputs
    stood in. left_out: names whose gradient is on purpose not the derivative, which no difference
    can tell; because_of: the operations that see to it.
    """

    rows: tuple[Row, ...]
    steps: str
    of: str | None
    left_out: tuple[str, ...] = ()
    because_of: tuple[str, ...] = ()

    @property
    def worst(self) -> float:
        """The largest relative error of all."""
        return max((row.error for row in self.rows), default=0.0)

    @property
    def passed(self) -> bool:
        """Whether every error is below 1e-6; nan is not."""
        return all(row.error < TOLERANCE for row in self.rows)

    def __str__(self) -> str:
        what = self.of or "a random linear functional of the outputs (there is no objective)"
        width = max((len(row.name) for row in self.rows), default=4)
        lines = [f"gradients of {what} against central differences, {self.steps}"]
        lines.append(f"  {'name':<{width}}  worst relative error  largest entry  entries")
        for row in self.rows:
            count = str(row.checked) + (f" of {row.entries}" if row.checked < row.entries else "")
            mark = "" if row.error < TOLERANCE else "  wrong"
            lines.append(
                f"  {row.name:<{width}}  {row.error:>20.1e}  {row.largest:>13.3g}  {count:>7}{mark}"
            )
        if self.left_out:
            lines.append(
                f"not compared: {', '.join(self.left_out)}, since {' and '.join(self.because_of)} "
                "gives a gradient that is on purpose not the derivative"
            )
        lines.append(f"worst: {self.worst:.1e}" if self.rows else "nothing was compared")
        return "\n".join(lines)

    __repr__ = __str__


def check(
    recurrence: Recurrence,
    arrays: Mapping[str, ArrayLike] | None = None,
    *,
    steps: Steps | None = None,
    dims: Mapping[str, int | Shape] | None = None,
    tree: Trees | None = None,
    seed: int = 0,
    of: str | None = None,
    lengths: Lengths | None = None,
) -> Check:
    """Compare the gradient by every parameter, input and initial value with central differences.

    Arguments as for `run`. What is a target or a position (a class) has no gradient; what passes a
    `stop_gradient` or the like on its way to the objective is left out. The error of a name
    is that of its worst entry, relative to its largest one, or to the smallest that differences can
    tell from zero where all are smaller (vanishing gradients).
    Raises UnrollError as `run` does.
    """
    data, ends = prepare_batch(
        recurrence, arrays, lengths, steps=steps, dims=dims, tree=tree, seed=seed
    )
    objective = data.recurrence.objective(of)
    if objective is None:
        data, of = _with_functional(data, seed)
    if ends:
        data = as_padded(data, ends, of)
    trace = execute(compiled(data, of, True, np.float64), data)
    forward = compiled(data, of, False, np.float64)
    assert forward.objective is not None
    skipped = targets(data.recurrence) | {p.name for p in places(data.recurrence)}
    detached, operations = untestable(data.recurrence, forward.objective)
    rows, left_out = [], []
    for name in forward.program.arguments:
        if name in skipped or value_name(name) not in recurrence.names:
            continue
        if value_name(name) in detached:
            left_out.append(name)
            continue
        known = name in trace.gradients or "[" in name
        exact = trace.gradient(name) if known else np.zeros(np.shape(data.arrays[name]))
        rows.append(_compare(forward, data, name, exact, seed))
    because_of = tuple(sorted(operations)) if left_out else ()
    return Check(tuple(rows), in_words(data), objective, tuple(left_out), because_of)


def _compare(forward: Compiled, data: Data, name: str, exact: NDArray[Any], seed: int) -> Row:
    """Differences by the entries of one array; of a large one, by some at random."""
    program = forward.program
    arguments = [padded(program, n, data) for n in program.arguments]
    own = arguments[program.arguments.index(name)]
    rows = program.rows.get(name)
    values = own if rows is None else own[inner(data.recurrence, name, rows, data.sizes)]
    assert values.shape == exact.shape
    places = list(np.ndindex(values.shape))
    if len(places) > ENTRIES:
        chosen = np.random.default_rng(seed).choice(len(places), ENTRIES, replace=False)
        places = [places[i] for i in sorted(chosen)]

    def loss() -> float:
        with np.errstate(all="ignore"):
            values = program(data.batch, *arguments)
        assert forward.objective is not None
        return float(np.sum(values[forward.objective]))

    found = [_difference(loss, values, place) for place in places]
    analytic = np.array([exact[place] for place in places])
    numeric, noise = (np.array(column) for column in zip(*found))
    largest = float(max(np.max(np.abs(analytic)), np.max(np.abs(numeric))))
    scale = max(largest, float(np.max(noise)) / TOLERANCE)  # nothing smaller can be told from zero
    error = float(np.max(np.abs(analytic - numeric))) / scale if largest > 0 else 0.0
    return Row(name, error, largest, len(places), int(np.prod(values.shape)))


def _difference(
    loss: Callable[[], float], values: NDArray[Any], place: tuple[int, ...]
) -> tuple[float, float]:
    """Derivative by one entry from four evaluations, and how much of it rounding may have made."""
    value = float(values[place])
    step = STEP * max(1.0, abs(value))
    losses = []
    for shift in (step, -step, 2 * step, -2 * step):
        values[place] = value + shift
        losses.append(loss())
    values[place] = value
    near, far = losses[0] - losses[1], losses[2] - losses[3]
    noise = 10 * np.finfo(float).eps * max(abs(x) for x in losses) / step
    return (8 * near - far) / (12 * step), float(noise)


# --- without an objective ---------------------------------------------------------------


def _with_functional(data: Data, seed: int) -> tuple[Data, str]:
    """The data with an objective: outputs, weighted at random, added up over everything."""
    recurrence = data.recurrence
    taken = set(recurrence.names)
    name = fresh("J", taken)
    arrays, shapes, total = dict(data.arrays), dict(data.shapes), None
    for sink in sinks(recurrence):
        weight = fresh(f"weight_{sink}", taken)
        taken.add(weight)
        axes = recurrence.axes_of(sink)
        indices = tuple(Index(a.name) for a in axes)
        product: Expression = Reference(weight, indices) * Reference(sink, indices)
        if shapes[sink]:
            product = call("sum", product)
        term = product
        for axis in reversed(axes):
            term = Call("sum", (term,), over=axis.name)
        total = term if total is None else total + term
        shapes[weight] = shapes[sink]
        lead = tuple(data.sizes[a.length] for a in axes)
        arrays[weight] = sample(recurrence, weight, shapes[sink], lead, seed)
    assert total is not None
    shapes[name] = ()
    equations = (*recurrence.equations, Equation(Reference(name), total))
    whole = replace(recurrence, equations=equations)
    return replace(data, recurrence=whole, arrays=arrays, shapes=shapes), name


def in_words(data: Data) -> str:
    """How long the axes are, as in `5 steps` or `n_x = 3, n_y = 2`."""
    if len(data.recurrence.axes) == 1 and not data.sizes.trees:
        return f"{data.sizes[data.recurrence.axes[0].length]} steps"
    return ", ".join(f"{name} = {length}" for name, length in data.sizes.lengths)


def sinks(recurrence: Recurrence) -> tuple[str, ...]:
    """Variables that nothing needs but those that they need themselves."""
    graph = fold(recurrence)
    condensed = nx.condensation(nx.DiGraph(graph.subgraph(recurrence.defined)))
    last = [condensed.nodes[c]["members"] for c in condensed if condensed.out_degree(c) == 0]
    return tuple(n for n in recurrence.defined if any(n in members for members in last))
