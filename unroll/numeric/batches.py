"""Batches of sequences of different lengths: each entry as if it were run alone.

Arrays are padded to the longest; what stands behind an entry's end is never looked at. One program
runs all of them, with the lengths as an array. Where that cannot be, because the recurrence has no
such form, or because numbers behind an end grew until they were none, entries of one length at a
time are run, which is slower and always right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unroll.errors import UnrollError
from unroll.numeric.arrays import Data, match, prepare
from unroll.numeric.fitting import axes_of, value_name
from unroll.numeric.layout import Rows, rows
from unroll.numeric.trace import Trace
from unroll.symbolic.ragged import with_own_lengths
from unroll.symbolic.recurrence import PARAMETER, Recurrence
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.transformations import fresh, targets

Array = NDArray[Any]
Lengths = Sequence[int] | NDArray[Any] | Mapping[str, Any]
Ends = Mapping[str, Array]  # name of an axis' length -> the length of each entry
Runner = Callable[[Data, str | None], Trace]


# --- arrays -----------------------------------------------------------------------------


def prepare_batch(
    recurrence: Recurrence,
    arrays: Mapping[str, ArrayLike] | None,
    lengths: Lengths | None,
    **said: Any,
) -> tuple[Data, Ends]:
    """The arrays of a run as `arrays.prepare` makes them, and how long each entry of the batch is.

    lengths: one number for each entry; by name of an axis' length, or its letter, where there are
    several axes; said: arguments of `prepare`. What is behind an entry's end, nan and impossible
    classes included, is replaced by its last value. Without arrays every entry has random inputs
    of its own. Raises UnrollError where lengths do not fit.
    """
    if lengths is None:
        return prepare(recurrence, arrays, **said), {}
    ends = _ends(recurrence, lengths)
    count = len(next(iter(ends.values())))
    if not arrays:
        data = _made_up(recurrence, ends, count, said)
    else:
        data = _held(recurrence, arrays, ends, said)
    if not data.batched:
        raise UnrollError(
            "lengths are given, but the arrays have no batch",
            remedy="Give inputs as (tau, batch, n); one sequence alone needs no lengths.",
        )
    if data.batch != count:
        raise UnrollError(
            f"lengths has {count} numbers, but the arrays have a batch of {data.batch}"
        )
    for length, own in ends.items():
        if own.max() > data.sizes[length]:
            raise UnrollError(
                f"lengths: an entry has {length} = {own.max()}, but the arrays have "
                f"{data.sizes[length]} steps",
                remedy="Pad the arrays to the longest entry.",
            )
    return data, ends


def _ends(recurrence: Recurrence, lengths: Lengths) -> dict[str, Array]:
    """Checked lengths, by the name of the axis' length."""
    known = list(dict.fromkeys(a.length for a in recurrence.axes))
    if not isinstance(lengths, Mapping):
        if len(known) > 1:
            raise UnrollError(
                f"lengths: there are several axes, {', '.join(known)}",
                remedy=f'Say which is meant, as in lengths={{"{known[0]}": [5, 3]}}.',
            )
        lengths = {known[0]: lengths}
    found: dict[str, Array] = {}
    for name, given in lengths.items():
        axis = next((a for a in recurrence.axes if name in (a.name, a.length)), None)
        if axis is None or axis.length.isdigit() or axis.leaves:
            if axis is not None and axis.leaves:
                raise UnrollError(
                    "lengths: a recurrence over a tree has no steps that could end early",
                    remedy="Run each tree by itself.",
                )
            raise UnrollError(
                f"lengths: {name!r} is no axis whose length is open", remedy=f"Axes: {known}."
            )
        own = np.asarray(given)
        if own.ndim != 1 or not own.size or own.dtype.kind not in "iuf" or np.any(own % 1 != 0):
            raise UnrollError(
                f"lengths must be one whole number for each entry of the batch; found {given!r}"
            )
        if own.min() < 1:
            raise UnrollError(f"lengths: an entry has {own.min():g} steps; expected 1 or more")
        found[axis.length] = own.astype(int)
    if len({len(own) for own in found.values()}) != 1:
        sizes = ", ".join(f"{n} has {len(own)}" for n, own in found.items())
        raise UnrollError(f"lengths differ in the size of the batch: {sizes}")
    return found


def _held(
    recurrence: Recurrence, arrays: Mapping[str, ArrayLike], ends: Ends, said: Mapping[str, Any]
) -> Data:
    """Prepared arrays; each entry's last value goes on behind its end."""
    recurrence, given = match(recurrence, arrays)
    count = len(next(iter(ends.values())))
    changed: dict[str, ArrayLike] = {}
    for name, value in given.items():
        axes = axes_of(recurrence, name)
        array = np.asarray(value)
        batched = array.ndim > len(axes) and array.shape[len(axes)] == count
        own = value_name(name)
        if batched and own in recurrence.names and recurrence.role(own) != PARAMETER:
            for p, axis in enumerate(axes):
                if axis.length in ends and array.shape[p] >= ends[axis.length].max():
                    changed[name] = array = _repeated(array, p, len(axes), ends[axis.length])
    data = prepare(recurrence, {**given, **changed}, **said)
    shared = [n for n in changed if n not in data.batched]
    if shared:  # what looked like a batch is a value: the same for all entries
        for name in shared:
            del changed[name]
        data = prepare(recurrence, {**given, **changed}, **said)
    return data


def _repeated(array: Array, along: int, batch: int, own: Array) -> Array:
    steps = np.minimum(np.arange(array.shape[along])[:, None], own - 1)
    shape = [1] * array.ndim
    shape[along], shape[batch] = steps.shape
    return np.take_along_axis(array, steps.reshape(shape), along)


def _made_up(recurrence: Recurrence, ends: Ends, count: int, said: Mapping[str, Any]) -> Data:
    """Random arrays, inputs from a seed of their own for each entry."""
    longest = {n: int(own.max()) for n, own in ends.items()}
    steps = said["steps"]
    if isinstance(steps, Mapping) or len(recurrence.axes) > 1:
        steps = {**longest, **(steps if isinstance(steps, Mapping) else {})}
    else:
        steps = steps or next(iter(longest.values()))
    said = {**said, "steps": steps}
    each = [prepare(recurrence, None, **{**said, "seed": said["seed"] + i}) for i in range(count)]
    first = each[0]
    arrays = dict(first.arrays)
    batched = {n for n in arrays if n in recurrence.inputs or "[" in n}
    for name in batched:
        at = len(axes_of(recurrence, name))
        arrays[name] = np.stack([d.arrays[name] for d in each], axis=at)
    return replace(first, arrays=arrays, batch=count, batched=frozenset(batched))


# --- one program ------------------------------------------------------------------------


def run_batch(data: Data, ends: Ends, of: str | None, run: Runner) -> Trace:
    """The run of these arrays by `run`, every entry as if it were run alone."""
    return replace(_run_batch(data, ends, of, run), ends=ends)


def _run_batch(data: Data, ends: Ends, of: str | None, run: Runner) -> Trace:
    try:
        padded = as_padded(data, ends, of)
    except UnrollError:
        return _by_length(data, ends, of, run)
    trace = run(padded, of)
    if _is_finite(trace):
        return _shown(trace, data, ends)
    return _by_length(data, ends, of, run)


def as_padded(data: Data, ends: Ends, of: str | None) -> Data:
    """Data of one recurrence that knows the lengths. Raises UnrollError where there is none."""
    recurrence, arrays, shapes = data.recurrence, dict(data.arrays), dict(data.shapes)
    objective = of
    if of is None and len(recurrence.objective_candidates) == 1:
        (objective,) = recurrence.objective_candidates
    dtype = next(iter(data.arrays.values())).dtype
    for length, own in ends.items():
        name = fresh(f"length_{length}", {*recurrence.names, *arrays})
        recurrence = with_own_lengths(recurrence, length, name, objective)
        arrays[name], shapes[name] = own.astype(dtype), ()
    new = frozenset(arrays) - frozenset(data.arrays)
    used = {n for n in new if n in recurrence.names}
    arrays = {n: a for n, a in arrays.items() if n not in new or n in used}
    batched = data.batched | used
    return replace(data, recurrence=recurrence, arrays=arrays, shapes=shapes, batched=batched)


def _is_finite(trace: Trace) -> bool:
    names = trace.gradients.values()
    return all(np.isfinite(np.sum(trace.values[n])) for n in names if n in trace.values)


def _shown(trace: Trace, data: Data, ends: Ends) -> Trace:
    """A trace by the names of the recurrence that was asked for, zero behind each entry's end."""
    own = data.recurrence
    names = tuple(n for n in trace.names if n in own.names)
    without = targets(own)
    gradients = {n: g for n, g in trace.gradients.items() if n in own.names and n not in without}
    of = {g: n for n, g in gradients.items()}
    values: dict[str, Array] = dict(trace.values)
    for name in (*names, *of):
        axes = own.axes_of(of.get(name, name))
        layout = trace.rows.get(name, ())
        if name not in values or name not in trace.batched or not layout:
            continue
        for p, (axis, r) in enumerate(zip(axes, layout)):
            if axis.length in ends:
                values[name] = _cut(values[name], p, len(layout), r, ends[axis.length],
                                    data.sizes[axis.length])  # fmt: skip
    return replace(
        trace,
        forward=own,
        names=names,
        values=values,
        gradients=gradients,
        parameters=own.parameters,
    )


def _cut(array: Array, along: int, batch: int, own: Rows, ends: Array, last: int) -> Array:
    """Zero at steps behind each entry's end; what stands behind the longest stays."""
    steps = own.first + np.arange(len(own))
    kept = (steps[:, None] <= ends) | (steps[:, None] > last)
    shape = [1] * array.ndim
    shape[along], shape[batch] = kept.shape
    return np.where(kept.reshape(shape), array, array.dtype.type(0))


# --- one length at a time ---------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """Entries of the same lengths, and their run."""

    entries: Array
    trace: Trace


def _by_length(data: Data, ends: Ends, of: str | None, run: Runner) -> Trace:
    table = np.stack(list(ends.values()))
    parts = []
    for column in sorted(set(map(tuple, table.T.tolist())), reverse=True):
        entries = np.flatnonzero(np.all(np.asarray(column) == table.T, axis=1))
        lengths = dict(zip(ends, column))
        parts.append(Part(entries, run(_taken(data, entries, lengths), of)))
    return _joined(parts, data)


def _taken(data: Data, entries: Array, lengths: Mapping[str, int]) -> Data:
    """Some entries of a batch, of the same lengths."""
    arrays = {}
    for name, array in data.arrays.items():
        axes = axes_of(data.recurrence, name)
        if name in data.batched:
            array = np.take(array, entries, axis=len(axes))
        for p, axis in enumerate(axes):
            if axis.length in lengths:
                array = np.take(array, range(lengths[axis.length]), axis=p)
        arrays[name] = np.array(array, order="C")
    sizes = replace(
        data.sizes, lengths=tuple((n, lengths.get(n, size)) for n, size in data.sizes.lengths)
    )
    return replace(data, arrays=arrays, sizes=sizes, batch=len(entries))


def _joined(parts: Sequence[Part], data: Data) -> Trace:
    """One trace of parts of a batch: entries in their places, sums over the batch added up."""
    first = parts[0].trace
    whole = rows(first.recurrence, data.sizes)
    adjoint = {*first.values} - {*first.names}
    values: dict[str, Array] = {}
    for name, array in first.values.items():
        layout = whole.get(name, ()) if name in first.rows else ()
        behind = array.shape[len(layout) + (name in first.batched) :]
        middle = (data.batch,) if name in first.batched else ()
        joined = np.zeros((*map(len, layout), *middle, *behind), array.dtype)
        for part in parts:
            value = part.trace.values[name]
            read, at = _places(part, name, layout, data.sizes)
            if name in first.batched:
                joined[np.ix_(*at, part.entries)] = value[
                    np.ix_(*read, np.arange(len(part.entries)))
                ]
                continue
            value = value[np.ix_(*read)] if read else value
            place: Any = np.ix_(*at) if at else ()
            if name == first.objective and not layout and data.batched:
                joined += value
            elif name in adjoint and name in first.gradients.values():
                share = 1.0 if _is_sum(first, name) else len(part.entries) / data.batch
                joined[place] += share * value
            elif part is parts[0]:
                joined[place] = value
        values[name] = joined
    batch = data.batch if data.batched else None
    return replace(first, values=values, sizes=data.sizes, rows=whole, batch=batch)


def _is_sum(trace: Trace, gradient: str) -> bool:
    """Whether the program sums a gradient over the batch: that of what no equation defines."""
    of = next(n for n, g in trace.gradients.items() if g == gradient)
    return of not in trace.recurrence.defined


def _places(
    part: Part, name: str, layout: tuple[Rows, ...], sizes: Sizes
) -> tuple[list[Array], list[Array]]:
    """Rows of a part along each axis, and where they are among those of all: what stands behind the
    part's own end comes to stand behind the longest one's."""
    read, at = [], []
    trace = part.trace
    own = trace.rows.get(name, ())
    for mine, all_, axis in zip(own, layout, trace.recurrence.axes_of(name)):
        steps = np.arange(mine.first, mine.last + 1)
        last, longest = trace.sizes[axis.length], sizes[axis.length]
        moved = np.where(steps > last, steps - last + longest, steps)
        kept = (moved >= all_.first) & (moved <= all_.last)
        read.append(np.flatnonzero(kept))
        at.append(moved[kept] - all_.first)
    return read, at
