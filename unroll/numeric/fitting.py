"""Fitting arrays to a recurrence: value shapes of all names, and which arrays have a batch axis.

`(tau, 4, 3)` is four vectors a step or one matrix: what else is known decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError
from unroll.numeric.layout import extent
from unroll.symbolic import shapes as shaping
from unroll.symbolic.expressions import Reference
from unroll.symbolic.operations import Shape
from unroll.symbolic.recurrence import Axis, Recurrence
from unroll.symbolic.sizes import Sizes

Array = NDArray[Any]
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fit:
    """One reading of the arrays: value shapes by name, arrays with a batch axis, its size."""

    shapes: dict[str, Shape]
    batched: frozenset[str]
    batch: int


def fit(recurrence: Recurrence, arrays: Mapping[str, Array], dims: Mapping[str, Shape]) -> Fit:
    """The likeliest reading of the arrays that contradicts nothing.

    Parameters have no batch axis, so they tell the ranks of everything else. Raises UnrollError
    naming an array, the shape expected and the one found.
    """
    problem: UnrollError | None = None
    second: Fit | None = None
    for batched in _readings(recurrence, arrays, dims):
        try:
            found = _fit(recurrence, arrays, dims, batched)
        except UnrollError as error:
            problem = problem or error
            continue
        if not any(found.shapes[n] for n in recurrence.objective_candidates):
            return found
        second = second or found  # an objective is a number: rather another reading
    if second is not None:
        return second
    assert problem is not None
    _blame(recurrence, arrays, dims)
    raise problem


@lru_cache(maxsize=256)
def infer(
    recurrence: Recurrence, known: tuple[tuple[str, Shape], ...], default: int | None = None
) -> dict[str, Shape]:
    """`shapes.infer`, remembered."""
    return shaping.infer(recurrence, dict(known), default)  # type: ignore[return-value]


def value_name(name: str) -> str:
    """The name whose value an array holds: `h` for `h[0]`."""
    return name.split("[")[0]


def leading(recurrence: Recurrence, name: str) -> int:
    """How many axes of an array come before batch and value."""
    return len(axes_of(recurrence, name))


def axes_of(recurrence: Recurrence, name: str) -> tuple[Axis, ...]:
    """The axes that lead an array: those of its name; of a value given at an index, the others."""
    if "[" not in name:
        return recurrence.axes_of(name)
    target = next(e.target for e in recurrence.equations if str(e.target) == name)
    pairs = zip(target.indices, recurrence.axes_of(target.name))
    return tuple(axis for index, axis in pairs if index.base in recurrence.letters)


def lead_of(recurrence: Recurrence, name: str, sizes: Sizes) -> tuple[int, ...]:
    """Lengths of the axes that lead an array."""
    if "[" in name:
        return tuple(sizes[a.length] for a in axes_of(recurrence, name))
    return tuple(b - a + 1 for a, b in extent(recurrence, name, sizes))


def describe_shape(shape: tuple[Any, ...]) -> str:
    """A shape as Python writes it, names unquoted: `(tau, 3)`."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def expected_shape(
    recurrence: Recurrence, name: str, shapes: Mapping[str, Any], batch: int | None = None
) -> str:
    """The shape an array should have, in words."""
    lead = [a.length for a in axes_of(recurrence, name)]
    middle = [str(batch)] if batch is not None and (lead or "[" in name) else []
    return describe_shape((*lead, *middle, *shapes[value_name(name)]))


# --- readings ---------------------------------------------------------------------------


def _can_have_batch(recurrence: Recurrence, arrays: Mapping[str, Array]) -> list[str]:
    """Inputs and initial values; parameters have no batch axis."""
    initial = {
        e.expression.name
        for e in recurrence.equations
        if isinstance(e.expression, Reference) and not e.expression.indices
    }
    return [n for n in arrays if leading(recurrence, n) or "[" in n or n in initial]


def _readings(
    recurrence: Recurrence, arrays: Mapping[str, Array], dims: Mapping[str, Shape]
) -> Iterator[frozenset[str]]:
    """Sets of arrays that may have a batch axis, the likeliest first."""
    candidates = _can_have_batch(recurrence, arrays)
    known = {**dims, **{n: a.shape for n, a in arrays.items() if n not in candidates}}
    extra = {n: arrays[n].ndim - leading(recurrence, n) for n in candidates}
    sizes = {n: arrays[n].shape[leading(recurrence, n)] for n in candidates if extra[n]}
    try:
        ranks = {n: len(s) for n, s in infer(recurrence, tuple(known.items())).items()}
    except UnrollError:
        ranks = {}
    sure = {n for n in candidates if extra[n] == ranks.get(value_name(n), -2) + 1}
    found = {sizes[n] for n in sure}
    same = {n for n in sizes if extra[n] != ranks.get(value_name(n)) and {sizes[n]} == found}
    likely = frozenset(sure | same)
    if any(ranks[value_name(n)] for n in sure):
        yield likely
        yield NOBODY
    else:  # nothing says that these are numbers, and not vectors
        yield NOBODY
        yield likely
    for size in sorted(set(sizes.values())):
        yield frozenset(n for n in sizes if sizes[n] == size)


def _fit(
    recurrence: Recurrence,
    arrays: Mapping[str, Array],
    dims: Mapping[str, Shape],
    batched: frozenset[str],
) -> Fit:
    known: dict[str, Shape] = dict(dims)
    for name, array in arrays.items():
        shape = array.shape[leading(recurrence, name) + (name in batched) :]
        own = value_name(name)
        if known.get(own, shape) != shape and () not in (shape, known[own]):
            found, wanted = array.shape, expected_shape(recurrence, name, known)
            raise UnrollError(f"{name} has shape {describe_shape(found)}; expected {wanted}")
        known[own] = shape
    sizes = {n: arrays[n].shape[leading(recurrence, n)] for n in sorted(batched)}
    if len(set(sizes.values())) > 1:
        shown = ", ".join(f"{n} has {size}" for n, size in sizes.items())
        raise UnrollError(f"the size of the batch differs: {shown}")
    shapes = infer(recurrence, tuple(known.items()))
    return Fit(dict(shapes), batched, next(iter(sizes.values()), 1))


def _blame(recurrence: Recurrence, arrays: Mapping[str, Array], dims: Mapping[str, Shape]) -> None:
    """Raise an error about the one array without which the others agree, if there is one."""
    candidates = _can_have_batch(recurrence, arrays)
    for name in (*candidates, *(n for n in arrays if n not in candidates)):
        others = {n: a for n, a in arrays.items() if n != name}
        for batched in _readings(recurrence, others, dims):
            try:
                rest = _fit(recurrence, others, dims, batched)
            except UnrollError:
                continue
            shape = rest.shapes[value_name(name)]
            own = np.shape(arrays[name])[leading(recurrence, name) :]
            if all(isinstance(n, str) for n in shape) and len(own) == len(shape):
                continue  # its shape is right: something else is wrong with it
            shown = expected_shape(
                recurrence, name, rest.shapes, rest.batch if rest.batched else None
            )
            found = describe_shape(np.shape(arrays[name]))
            raise UnrollError(f"{name} has shape {found}; expected {shown}")
