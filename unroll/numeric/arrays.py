"""Arrays checked against a recurrence before any work is done, or made up where none are given.

An array leads with the axis of its name, then the batch, then the value: `(tau, n)` or
`(tau, batch, n)`. Every complaint names the array, the shape expected and the one found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from unroll.errors import UnrollError, nearest
from unroll.language.scanner import spell
from unroll.numeric.fitting import (
    describe_shape,
    expected_shape,
    fit,
    infer,
    lead_of,
    leading,
    value_name,
)
from unroll.numeric.layout import wanted
from unroll.numeric.lengths import Steps, Trees, find_sizes, whole_number
from unroll.numeric.memory import demand
from unroll.numeric.sampling import sample
from unroll.symbolic.expressions import Constant, Index, Reference
from unroll.symbolic.operations import Shape
from unroll.symbolic.positions import places, ranges
from unroll.symbolic.recurrence import GIVEN, Equation, Recurrence
from unroll.symbolic.shapes import DEFAULT_LENGTH, said_shapes
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.transformations import class_names

Array = NDArray[Any]


@dataclass(frozen=True)
class Data:
    """Arrays that fit a recurrence.

    recurrence: with an equation `h[0] = given` for each initial value that came along; arrays: by
    name, steps 1..tau leading, targets one-hot; shapes: of one value, for all names; batch: its size;
    batched: names of the arrays that have a batch axis.
    """

    recurrence: Recurrence
    arrays: Mapping[str, Array]
    shapes: Mapping[str, Shape]
    sizes: Sizes
    batch: int
    batched: frozenset[str]


@dataclass(frozen=True)
class Outline:
    """What is known of a run before there are arrays; fields as in `Data`.

    given: shape of each array that the run wants.
    """

    recurrence: Recurrence
    given: Mapping[str, Shape]
    shapes: Mapping[str, Shape]
    sizes: Sizes
    batch: int
    batched: frozenset[str]


def prepare(
    recurrence: Recurrence,
    arrays: Mapping[str, ArrayLike] | None = None,
    *,
    steps: Steps | None = None,
    dims: Mapping[str, int | Shape] | None = None,
    tree: Trees | None = None,
    seed: int = 0,
    dtype: type[np.floating[Any]] = np.float64,
) -> Data:
    """The arrays of a run, checked and complete. Raises UnrollError for what does not fit.

    With no arrays at all they are random: reproducible from `dims`, `steps` and `seed`.
    """
    if not isinstance(arrays, Mapping | None):
        raise UnrollError(
            f"arrays are given by name, not as {type(arrays).__name__}",
            remedy='Write {"x": x, "W": W}.',
        )
    recurrence, given = match(recurrence, arrays or {})
    raw = {name: _numbers(name, value) for name, value in given.items()}
    known, sizes = _said(recurrence, raw, steps, dims, tree)
    if not raw:
        return _made_up(_outlined(recurrence, known, sizes), seed, dtype)
    classes = class_names(recurrence) - {p.name for p in places(recurrence)}
    as_classes = {n for n, a in raw.items() if n in classes and _is_classes(recurrence, n, a, raw)}
    full = {n: a for n, a in raw.items() if n not in as_classes}
    for name in sorted(known.keys() & full):
        _check_dimensions(recurrence, name, full[name], known)
    found = fit(recurrence, full, known)
    for name in sorted(classes & full.keys()):
        if not found.shapes[name]:
            raise _no_classes(recurrence, name, full, known)
    shapes, batched, batch = found.shapes, found.batched, found.batch
    missing = [n for n in wanted(recurrence) if n not in raw]
    if missing:
        shown = ", ".join(f"{n} {expected_shape(recurrence, n, shapes)}" for n in missing)
        raise UnrollError(
            f"missing arrays: {shown}",
            remedy="Give all arrays of a recurrence, or none to have random ones.",
        )
    for name in sorted(as_classes):
        raw[name] = _one_hot(name, raw[name], shapes[name])
        if raw[name].ndim == 2 + leading(recurrence, name):
            batched |= {name}
            batch = _same_batch(name, raw[name].shape[leading(recurrence, name)], batch, batched)
    for name, (first, last) in ranges(recurrence, shapes).items():
        _check_positions(name, raw[name], first, last)
    for name in sorted(classes & set(full)):
        _check_distribution(name, raw[name])
    ready = {n: _as_type(n, a, dtype) for n, a in raw.items()}
    return Data(recurrence, ready, shapes, sizes, batch, batched)


def outline(
    recurrence: Recurrence,
    arrays: Mapping[str, ArrayLike] | None = None,
    *,
    steps: Steps | None = None,
    dims: Mapping[str, int | Shape] | None = None,
    tree: Trees | None = None,
    batch: int = 1,
) -> Outline:
    """The shapes of a run's arrays; none is made up. Raises UnrollError as `prepare` does.

    batch: how many sequences, where no arrays say it: each of them has inputs of its own.
    """
    count = whole_number("batch", batch, "number of sequences")
    if arrays:
        data = prepare(recurrence, arrays, steps=steps, dims=dims, tree=tree)
        if count not in (1, data.batch):
            raise UnrollError(f"batch = {batch}, but the arrays have a batch of {data.batch}")
        given = {n: a.shape for n, a in data.arrays.items()}
        return Outline(data.recurrence, given, data.shapes, data.sizes, data.batch, data.batched)
    known, sizes = _said(recurrence, {}, steps, dims, tree)
    return _outlined(recurrence, known, sizes, count)


def _said(
    recurrence: Recurrence,
    raw: Mapping[str, Array],
    steps: Steps | None,
    dims: Mapping[str, int | Shape] | None,
    tree: Trees | None,
) -> tuple[dict[str, Shape], Sizes]:
    """Value shapes that `dims` says, and how long the axes are; `dims` may hold lengths, too."""
    lengths = {n: d for n, d in (dims or {}).items() if n in recurrence.lengths}
    known = _dimensions(recurrence, {n: d for n, d in (dims or {}).items() if n not in lengths})
    return known, find_sizes(recurrence, raw, steps, lengths, tree)  # type: ignore[arg-type]


def extend(
    recurrence: Recurrence, arrays: Mapping[str, ArrayLike], steps: int | None
) -> dict[str, Array]:
    """Arrays for so many steps: what leads with an axis is cut, or goes on with zeros."""
    made = {name: np.array(value) for name, value in arrays.items()}
    if steps is None:
        return made
    for name, value in made.items():
        if recurrence.axis_of(name) == recurrence.axes[0]:
            rest = np.zeros((max(0, steps - len(value)), *value.shape[1:]), value.dtype)
            made[name] = np.concatenate([value[:steps], rest])
    return made


def real(dtype: DTypeLike) -> type[np.floating[Any]]:
    """float64 or float32, however it is said. Raises UnrollError for anything else."""
    if dtype is np.float64:
        return np.float64
    try:
        kind = np.dtype(dtype).type
    except TypeError:
        kind = np.void
    if kind is np.float64:
        return np.float64
    if kind is np.float32:
        return np.float32
    raise UnrollError(f"dtype {dtype!r} is not supported", remedy="Use float64 or float32.")


# --- names ------------------------------------------------------------------------------


def match(
    recurrence: Recurrence, arrays: Mapping[str, ArrayLike]
) -> tuple[Recurrence, dict[str, ArrayLike]]:
    """The arrays under the recurrence's own names, whatever their spelling (`ŷ`, `W_{hh}`).

    An initial value (`h[0]`) becomes an equation `h[0] = given` where there is none. Raises
    UnrollError for a name that the recurrence has not, or computes itself.
    """
    found: dict[str, ArrayLike] = {}
    for key, value in arrays.items():
        name, indices = _parts(str(key))
        own = find_name(recurrence, name)
        if own is None:
            close = nearest(name, recurrence.names)
            raise UnrollError(
                f"there is no {key!r} in this recurrence",
                remedy=f"Did you mean {close!r}?"
                if close
                else f"It wants {', '.join(wanted(recurrence))}.",
            )
        if indices:
            recurrence = _with_given(recurrence, own, indices)
        elif own in recurrence.defined:
            raise UnrollError(
                f"{own} is computed by the recurrence and cannot be given",
                remedy=f"It wants {', '.join(wanted(recurrence))}.",
            )
        full = str(Reference(own, indices))
        if full in found:
            raise UnrollError(f"{full} is given twice, once as {key!r}")
        found[full] = value
    return recurrence, found


def find_name(recurrence: Recurrence, name: str) -> str | None:
    """The recurrence's own spelling of a name: itself, or the only one that reads the same."""
    if name in recurrence.names:
        return name
    same = [n for n in recurrence.names if _plain(n) == _plain(name)]
    return same[0] if len(same) == 1 else None


def _plain(name: str) -> str:
    name = re.sub(r"\\(\w+)\{(\w+)\}", r"\2\1", name)
    return spell(re.sub(r"[\\{}_^\s]", "", name))


def _parts(key: str) -> tuple[str, tuple[Index, ...]]:
    """`h[0]` as a name and its indices; a bare name with none."""
    whole = re.fullmatch(r"(.+)\[([^\[\]]*)\]", key)
    if whole is None:
        return key, ()
    found = []
    for part in whole[2].split(","):
        index = re.fullmatch(r"\s*([^\W\d]\w*)?\s*([+-]?\s*\d+)?\s*", part)
        if index is None:
            return key, ()
        found.append(Index(index[1] or "", int(index[2].replace(" ", "")) if index[2] else 0))
    return whole[1], tuple(found)


def _with_given(recurrence: Recurrence, name: str, indices: tuple[Index, ...]) -> Recurrence:
    """The recurrence with `name[indices] = given`, in place of a plain number there."""
    target = Reference(name, indices)
    key, given = str(target), Equation(target, GIVEN)
    if name not in recurrence.defined or len(recurrence.axes_of(name)) != len(indices):
        raise UnrollError(
            f"{key} cannot be given: {name} has no equation over {recurrence.axes[0].name}"
        )
    for i, equation in enumerate(recurrence.equations):
        if equation.target == target:
            if equation.expression == GIVEN:
                return recurrence
            if not isinstance(equation.expression, Constant):
                raise UnrollError(
                    f"{key} is computed by its equation and cannot be given",
                    remedy=f"Write {key} = given in the recurrence.",
                )
            equations = (*recurrence.equations[:i], given, *recurrence.equations[i + 1 :])
            return replace(recurrence, equations=equations)
    return replace(recurrence, equations=(*recurrence.equations, given))


# --- numbers ----------------------------------------------------------------------------


def _numbers(name: str, value: ArrayLike) -> Array:
    if np.ma.is_masked(value):
        raise UnrollError(
            f"{name} has masked entries", remedy="Fill them, as in x.filled(0), or leave them out."
        )
    try:
        array = np.asarray(value)
    except ValueError:
        raise UnrollError(f"{name} is no array: its rows differ in length") from None
    if array.dtype.kind not in "biuf":
        raise UnrollError(
            f"{name} holds {array.dtype}, not numbers",
            remedy="Give an array of floats or integers.",
        )
    if array.dtype.kind == "f" and not _is_finite(array):
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise UnrollError(f"{name} is {array[at]} at {describe_shape(at)}, counted from 0")
    if array.size == 0:
        raise UnrollError(f"{name} is empty: its shape is {describe_shape(array.shape)}")
    return array


def _is_finite(array: Array) -> bool:
    """Whether no entry is inf or nan: by the sum of squares, which takes no memory, if that serves."""
    flat = array.reshape(-1)
    with np.errstate(all="ignore"):
        return bool(np.isfinite(flat.dot(flat))) or bool(np.all(np.isfinite(array)))


def _as_type(name: str, array: Array, dtype: type[np.floating[Any]]) -> Array:
    """A copy of this type. Raises UnrollError where it cannot hold the largest entry."""
    if array.dtype.kind == "f" and array.dtype.itemsize > np.dtype(dtype).itemsize:
        largest = array.flat[int(np.argmax(np.abs(array)))]
        if abs(largest) > np.finfo(dtype).max:
            raise UnrollError(
                f"{name} holds {largest:g}, which is too large for {np.dtype(dtype).name}"
            )
    return np.array(array, dtype, order="C")


def _dimensions(recurrence: Recurrence, dims: Mapping[str, int | Shape]) -> dict[str, Shape]:
    """Value shapes from `dims`: a number is a vector's length."""
    found = {}
    for key, size in dims.items():
        name = find_name(recurrence, key)
        if name is None:
            close = nearest(key, recurrence.names)
            hint = f"Did you mean {close!r}?" if close else f"Names: {', '.join(recurrence.names)}."
            raise UnrollError(f"dims: there is no {key!r} in this recurrence", remedy=hint)
        found[name] = said_shapes({key: size})[key]
    return found


def _check_dimensions(
    recurrence: Recurrence, name: str, array: Array, dims: Mapping[str, Shape]
) -> None:
    """Refuse an array whose values have not the shape that `dims` says, with a batch or without."""
    own = array.shape[leading(recurrence, name) :]
    if dims[name] not in (own, own[1:]):
        expected = expected_shape(recurrence, name, dims)
        found = describe_shape(array.shape)
        raise UnrollError(f"{name} has shape {found}; dims say {expected}")


# --- targets ----------------------------------------------------------------------------


def _is_classes(
    recurrence: Recurrence, name: str, array: Array, arrays: Mapping[str, Array]
) -> bool:
    """Whether whole numbers are classes: `(tau,)` always are, more axes unless rows are one-hot."""
    if array.dtype.kind not in "iu":
        return False
    lead = leading(recurrence, name)
    if array.ndim <= lead:
        return True
    one_hot = bool(np.all((array >= 0) & (array <= 1)) and np.all(array.sum(axis=-1) == 1))
    return not one_hot


def _one_hot(name: str, classes: Array, shape: Shape) -> Array:
    count = shape[-1] if shape else 0
    if not isinstance(count, int) or not shape:
        raise UnrollError(f"{name} holds classes, but nothing says how many there are")
    if classes.min() < 0 or classes.max() >= count:
        wrong = int(classes.max()) if classes.max() >= count else int(classes.min())
        raise UnrollError(f"{name} holds the class {wrong}; expected classes 0 to {count - 1}")
    return np.eye(count)[classes]


def _no_classes(
    recurrence: Recurrence, name: str, arrays: Mapping[str, Array], dims: Mapping[str, Shape]
) -> UnrollError:
    """Numbers where classes or distributions are wanted."""
    others = {n: a for n, a in arrays.items() if n != name}
    expected = expected_shape(recurrence, name, fit(recurrence, others, dims).shapes)
    lead = describe_shape(tuple(a.length for a in recurrence.axes_of(name)))
    array = arrays[name]
    return UnrollError(
        f"{name} has shape {describe_shape(array.shape)} of {array.dtype}; "
        f"expected integers {lead}, or {expected}",
        remedy="A target is a class, counted from 0, or a distribution such as a one-hot vector.",
    )


def _same_batch(name: str, size: int, batch: int, batched: frozenset[str]) -> int:
    """The size of the batch, once classes have one too."""
    if batched != {name} and size != batch:
        raise UnrollError(f"{name} has a batch of {size}; expected {batch}")
    return size


def _check_distribution(name: str, array: Array) -> None:
    if array.min() >= 0 and np.allclose(array.sum(axis=-1), 1, atol=1e-6):
        return
    raise UnrollError(
        f"{name} is a target, but its rows are no distributions: they must be >= 0 and add up to 1",
        remedy="Give classes as integers, (tau,), or rows such as one-hot vectors.",
    )


def _check_positions(name: str, array: Array, first: int, last: int) -> None:
    """Refuse what is no class: it says which entry of something else is meant."""
    wrong = (array != np.floor(array)) | (array < first) | (array > last)
    if not np.any(wrong):
        return
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    raise UnrollError(
        f"{name} is used as a position and holds {array[at]:g} at {describe_shape(at)}; "
        f"expected whole numbers from {first} to {last}",
        remedy="Positions count from 0: give classes 0, 1, ... of which there are as many as entries.",
    )


# --- made up ----------------------------------------------------------------------------


def _outlined(
    recurrence: Recurrence, dims: Mapping[str, Shape], sizes: Sizes, batch: int = 1
) -> Outline:
    shapes = infer(recurrence, tuple(dims.items()), DEFAULT_LENGTH)
    own = [n for n in wanted(recurrence) if n in recurrence.inputs] if batch > 1 else []
    given = {
        name: (
            *lead_of(recurrence, name, sizes),
            *((batch,) if name in own else ()),
            *shapes[value_name(name)],
        )
        for name in wanted(recurrence)
    }
    return Outline(recurrence, given, shapes, sizes, batch, frozenset(own))


def _made_up(outlined: Outline, seed: int, dtype: type[np.floating[Any]]) -> Data:
    recurrence, shapes, sizes = outlined.recurrence, outlined.shapes, outlined.sizes
    whole_number("seed", seed, "seed", least=0)
    count = sum(prod(shape) for shape in outlined.given.values())
    demand(2 * count * np.dtype(dtype).itemsize, sizes)  # made in float64, given once more
    classes = class_names(recurrence)
    counted = ranges(recurrence, shapes)
    arrays = {
        name: sample(
            recurrence,
            name,
            shapes[value_name(name)],
            lead_of(recurrence, name, sizes),
            seed,
            classes,
            counted,
        ).astype(dtype)
        for name in wanted(recurrence)
    }
    return Data(recurrence, arrays, shapes, sizes, 1, frozenset())
