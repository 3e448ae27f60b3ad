"""The few functions that generated code uses beside NumPy's own.

Values are the trailing axes; step and batch lead and broadcast.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def logsumexp(a: Array) -> Array:
    """log(sum(exp(a))) over the last axis, shifted by the largest entry so as not to overflow."""
    top = np.max(a, axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # inf - inf is nan
    shifted = np.subtract(a, top)
    np.exp(shifted, out=shifted)
    total: Array = np.log(np.sum(shifted, axis=-1)) + top[..., 0]
    return total


def softmax(a: Array, axis: int = -1) -> Array:
    """exp(a) over its sum along an axis, shifted by the largest entry; zeros where all are -inf."""
    top = np.max(a, axis=axis, keepdims=True)
    if axis != -1:  # over steps, which may all be left out
        top = np.where(np.isneginf(top), 0, top)
    shifted: Array = np.subtract(a, top)
    np.exp(shifted, out=shifted)
    total = np.sum(shifted, axis=axis, keepdims=True)
    shifted /= total if axis == -1 else np.where(total == 0, 1, total)
    return shifted


def like(a: Array, b: Array) -> Array:
    """`a` repeated over the entries of `b`, as a view."""
    values = np.asarray(a, np.asarray(b).dtype)
    return np.broadcast_to(values, np.broadcast_shapes(values.shape, np.shape(b)))


def concatenate(*parts: Array) -> Array:
    """Vectors one after the other, along the last axis."""
    lead = np.broadcast_shapes(*(p.shape[:-1] for p in parts))
    return np.concatenate([np.broadcast_to(p, (*lead, p.shape[-1])) for p in parts], axis=-1)


def entry(a: Array | float, dtype: type[np.floating[Any]]) -> Array:
    """A scalar as a vector of one entry."""
    return np.asarray(a, dtype)[..., None]


def pad(a: Array, before: int, after: int) -> Array:
    """A vector between so many zeros, along the last axis."""
    n = a.shape[-1]
    padded = np.zeros((*a.shape[:-1], before + n + after), a.dtype)
    padded[..., before : before + n] = a
    return padded


def sum_of_outer(a: Array, b: Array) -> Array:
    """Sum of the outer products over all leading axes, as one matrix product.

    a: (..., m), b: (..., n) with the same leading axes. Returns (m, n).
    """
    return a.reshape(-1, a.shape[-1]).T @ b.reshape(-1, b.shape[-1])


KERNELS = {f.__name__: f for f in (logsumexp, softmax, like, concatenate, entry, pad, sum_of_outer)}
