"""Running a recurrence: arrays in, a trace of every value and every gradient out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from unroll.errors import UnrollError
from unroll.numeric.arrays import Data, prepare, real
from unroll.numeric.batches import Lengths, prepare_batch, run_batch
from unroll.numeric.checkpoints import Checkpoints, how_many, run_segments
from unroll.numeric.codegen import Program, compile_recurrence
from unroll.numeric.finiteness import report
from unroll.numeric.lengths import Steps, Trees
from unroll.numeric.memory import refuse_too_large
from unroll.numeric.tape.running import Plan, kind_of, make_plan, plans_of, remember
from unroll.numeric.trace import Trace
from unroll.numeric.truncation import Truncation, run_truncated
from unroll.symbolic.adjoint import Adjoint, differentiate
from unroll.symbolic.operations import Shape
from unroll.symbolic.recurrence import Recurrence
from unroll.symbolic.shapes import resolve
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.transformations import fuse

CACHE = 64  # programs kept; one holds no arrays


def run(
    recurrence: Recurrence,
    arrays: Mapping[str, ArrayLike] | None = None,
    *,
    steps: Steps | None = None,
    dims: Mapping[str, int | Shape] | None = None,
    tree: Trees | None = None,
    seed: int = 0,
    dtype: DTypeLike = np.float64,
    of: str | None = None,
    gradients: bool = True,
    lengths: Lengths | None = None,
    truncate: Truncation | None = None,
    checkpoint: Checkpoints | None = None,
) -> Trace:
    """Values of all variables and, where there is an objective, all gradients.

    arrays: by name, `(tau, n)` or `(tau, batch, n)` for inputs, initial values as `h[0]`, class targets
    as integers `(tau,)` or one-hot; without any, random ones from `steps`, `dims` and `seed`.
    steps: length of the time axis (and of others that nothing else says), or lengths by name; `dims`
    may hold lengths, too (`n_l=3`). tree: "balanced", "chain", or a parent for each node.
    of: the objective, if the recurrence has several; gradients: False runs forward only.
    lengths: how many steps each entry of the batch has, of arrays padded to the longest; by the name
    of an axis' length where there are several. truncate: k, or k1 and k2: gradients end between
    windows of steps. checkpoint: a number of segments, or "sqrt" for as many as save most: between
    them only states are kept, their values are computed a second time on the way back.
    Loss and gradients are sums over the batch, every entry counting as if it were run alone.
    Raises UnrollError for arrays that do not fit, an ambiguous objective, functions without a
    definition, and recurrences that cannot be run in segments.
    """
    kind = real(dtype)
    try:
        if gradients and arrays and not (steps or dims or tree or lengths is not None or truncate):
            trace = run_on_tape(recurrence, arrays, kind, of, checkpoint)
            if trace is not None:
                return trace  # which has looked at its numbers itself
        said = {"steps": steps, "dims": dims, "tree": tree, "seed": seed, "dtype": kind}
        data, ends = prepare_batch(recurrence, arrays, lengths, **said)

        def whole(data: Data, of: str | None, gradients: bool = gradients) -> Trace:
            task = compiled(data, of, gradients, kind)
            refuse_too_large(task.program, data, np.dtype(kind).itemsize)
            return execute(task, data)

        def pieces(data: Data, of: str | None) -> Trace:
            return (
                whole(data, of) if checkpoint is None else run_segments(data, checkpoint, of, whole)
            )

        def entries(data: Data, of: str | None) -> Trace:
            return run_batch(data, ends, of, pieces) if ends else pieces(data, of)

        if truncate is None:
            return report(entries(data, of))
        return report(run_truncated(data, truncate, of, entries))
    except MemoryError:
        raise UnrollError(
            "the arrays of this run do not fit into memory",
            remedy="Use fewer steps, a smaller batch or smaller dims, or dtype float32.",
        ) from None


def run_on_tape(
    recurrence: Recurrence,
    arrays: Mapping[str, ArrayLike],
    dtype: type[np.floating[Any]],
    of: str | None,
    checkpoint: Checkpoints | None,
) -> Trace | None:
    """The run by a program made for its scan; None where that is nothing for this recurrence."""
    shapes = kind_of(arrays)
    if shapes is None:
        return None
    plans, kind = plans_of(recurrence), (dtype, of, checkpoint is None, shapes)
    ready: Mapping[str, NDArray[Any]] = arrays  # type: ignore[assignment]
    if kind not in plans:
        plan_tape(plans, kind, recurrence, ready)
    plan = plans[kind]
    if plan is None:
        return None
    with np.errstate(all="ignore"):
        if checkpoint is None:
            found = plan.run(recurrence, ready)
        else:
            found = plan.run_segments(recurrence, ready, how_many(checkpoint, plan.tau))
    if found is None:
        return None
    trace, finite = found
    return trace if finite else report(trace)


def plan_tape(
    plans: dict[Any, Plan | None],
    kind: tuple[Any, ...],
    recurrence: Recurrence,
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Add the plan for arrays of this kind. Raises UnrollError for arrays that do not fit."""
    dtype, of, whole, _ = kind

    def general(recurrence: Recurrence, given: Mapping[str, NDArray[Any]]) -> Trace:
        data = prepare(replace(recurrence), given, dtype=dtype)
        return execute(compiled(data, of, True, dtype), data)

    same = replace(recurrence)  # caches by value keep what they see, and with it its plans
    data = prepare(same, arrays, dtype=dtype)
    plan = make_plan(same, arrays, data, of, dtype, general, not whole)
    remember(plans, kind, plan)


@dataclass(frozen=True)
class Compiled:
    """A program with what its results mean.

    gradients: name of a variable to the name of its gradient; objective: None if there is none.
    """

    program: Program
    recurrence: Recurrence
    gradients: Mapping[str, str]
    objective: str | None


def compiled(
    data: Data, of: str | None, gradients: bool, dtype: type[np.floating[Any]]
) -> Compiled:
    """The program for data of this kind: made once, then kept."""
    shapes = tuple(data.shapes.items())
    kind: Any = dtype
    return _compiled(data.recurrence, shapes, data.sizes, data.batched, of, gradients, kind)


@lru_cache(maxsize=CACHE)
def _compiled(
    recurrence: Recurrence,
    shapes: tuple[tuple[str, Shape], ...],
    sizes: Sizes,
    given: frozenset[str],
    of: str | None,
    gradients: bool,
    dtype: Any,
) -> Compiled:
    known: Mapping[str, Any] = dict(shapes)
    objective = recurrence.objective(of) if gradients or of else _only_objective(recurrence)
    adjoint: Adjoint | None = None
    if gradients and objective is not None:
        adjoint = differentiate(recurrence, of=objective, shapes=known)
        objective, known = adjoint.objective, adjoint.shapes
    whole = adjoint.recurrence if adjoint else fuse(resolve(recurrence, known))
    names = adjoint.gradients if adjoint else {}
    leaves = {
        gradient for n, gradient in names.items() if n not in whole.defined and n not in given
    }
    if objective is not None and whole.axis_of(objective) is None:
        leaves.add(objective)
    program = compile_recurrence(whole, known, sizes, given, names, frozenset(leaves), dtype)
    return Compiled(program, whole, names, objective)


def _only_objective(recurrence: Recurrence) -> str | None:
    candidates = recurrence.objective_candidates
    return candidates[0] if len(candidates) == 1 else None


def execute(task: Compiled, data: Data) -> Trace:
    """Run a compiled program on data that it was compiled for."""
    program = task.program
    arguments = [padded(program, name, data) for name in program.arguments]
    with np.errstate(all="ignore"):  # `Trace.nonfinite` says where inf and nan come from
        values = program(data.batch, *arguments)
    names = data.recurrence.names
    if task.objective is not None and task.objective not in names:
        names = (*names, task.objective)
    return Trace(
        recurrence=task.recurrence,
        forward=data.recurrence,
        names=names,
        sizes=data.sizes,
        values={**values, **dict(zip(program.arguments, arguments))},
        gradients=task.gradients,
        objective=task.objective,
        rows=program.rows,
        batch=data.batch if data.batched else None,
        batched=program.batched,
        shapes=program.shapes,
        parameters=data.recurrence.parameters,
        schedule=program.schedule,
        code=program.code,
    )


def padded(program: Program, name: str, data: Data) -> NDArray[Any]:
    """An array with a row for every step that references reach, zero where there is none."""
    array: NDArray[Any] = data.arrays[name]
    rows = program.rows.get(name)
    if rows is None:
        return array.copy()
    padded = np.zeros((*map(len, rows), *array.shape[len(rows) :]), array.dtype)
    padded[tuple(slice(1 - r.first, 1 - r.first + n) for r, n in zip(rows, array.shape))] = array
    return padded
