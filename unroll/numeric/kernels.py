"""The few functions that generated code uses beside NumPy's own.

Values are the trailing axes; step and batch lead and broadcast.
"""

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError

Array = NDArray[np.floating[Any]]


def logsumexp(a: Array) -> Array:
    """log(sum(exp(a))) over the last axis, shifted by the largest entry so as not to overflow."""
    top = np.max(a, axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # inf - inf is nan
    shifted = np.subtract(a, top)
    np.exp(shifted, out=shifted)
    total: Array = np.log(np.sum(shifted, axis=-1)) + top[..., 0]
    return total


def log_softmax(a: Array) -> Array:
    """log(softmax(a)) over the last axis; the shift comes first, so that no digits cancel."""
    shifted, total = _shifted(a)
    logs: Array = shifted - total[..., None]
    return logs


def softmax_cross_entropy(o: Array, y: Array) -> Array:
    """-sum(y * log(softmax(o))) over the last axis; the shift comes first, as in `log_softmax`."""
    shifted, total = _shifted(o)
    lost: Array = np.sum(y, axis=-1) * total - np.vecdot(y, shifted)
    return lost


def _shifted(a: Array) -> tuple[Array, Array]:
    """Entries less the largest one, and the logarithm of the sum of their exponentials."""
    shifted = np.subtract(a, np.max(a, axis=-1, keepdims=True))
    return shifted, np.log(np.sum(np.exp(shifted), axis=-1))


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


def pad(a: Array, before: int, after: int, axis: int = -1) -> Array:
    """Entries between so many zeros, along an axis counted from the last."""
    n = a.shape[axis]
    shape = list(a.shape)
    shape[axis] = before + n + after
    padded = np.zeros(shape, a.dtype)
    np.moveaxis(padded, axis, -1)[..., before : before + n] = np.moveaxis(a, axis, -1)
    return padded


def whole(k: Array | float, count: int) -> NDArray[np.intp]:
    """Positions as integers. Raises UnrollError for what is no whole number from 0 to count - 1."""
    places = np.asarray(k)
    found = np.rint(places)
    wrong = (found != places) | ~((found >= 0) & (found < count))
    if np.any(wrong):
        value = float(places[wrong].flat[0])
        raise UnrollError(
            f"{value:g} is used as a position among {count} entries",
            remedy=f"Positions are whole numbers from 0 to {count - 1}.",
        )
    integers: NDArray[np.intp] = found.astype(np.intp)
    return integers


def pick(a: Array, k: Array | float, rank: int) -> Array:
    """`a[k]` along the first of the value's `rank` axes; leading axes broadcast with those of k."""
    places = whole(k, a.shape[-rank])
    if a.ndim == rank:
        picked: Array = a[places]
        return picked
    lead = np.broadcast_shapes(a.shape[:-rank], places.shape)
    last = np.moveaxis(a, -rank, -1)
    last = np.broadcast_to(last, (*lead, *last.shape[-rank:]))
    places = np.broadcast_to(places, lead)[(..., *[None] * rank)]
    found: Array = np.take_along_axis(last, places, axis=-1)[..., 0]
    return found


def one_hot(k: Array | float, count: int, dtype: type[np.floating[Any]]) -> Array:
    """1 at entry k among `count`, along a new last axis."""
    return np.eye(count, dtype=dtype)[whole(k, count)]


def norm(a: Array, rank: int) -> Array:
    """Euclidean norms of values with `rank` axes, which neither overflow nor vanish on the way."""
    axes = tuple(range(-rank, 0))
    largest, scaled = _scaled(a, axes)
    size: Array = np.sqrt(np.sum(np.square(scaled), axis=axes)) * np.reshape(
        largest, np.shape(a)[: np.ndim(a) - rank]
    )
    return size


def normalize(a: Array, rank: int) -> Array:
    """Values, with `rank` axes, over their Euclidean norms; 0 stays 0."""
    axes = tuple(range(-rank, 0))
    _, scaled = _scaled(a, axes)
    size = np.sqrt(np.sum(np.square(scaled), axis=axes, keepdims=True))
    divided: Array = scaled / np.where(size == 0, 1, size)
    return divided


def _scaled(a: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """The largest size of an entry, 1 for none, and values over it: squares of these fit."""
    largest = np.max(np.abs(a), axis=axes, keepdims=True)
    largest = np.where((largest == 0) | ~np.isfinite(largest), 1, largest)
    return largest, a / largest


def inverse(a: Array) -> Array:
    """Inverse of the matrices on the last two axes. Raises UnrollError where there is none."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        raise UnrollError("a matrix without an inverse is inverted") from None


def solve(a: Array, b: Array) -> Array:
    """Solution x of a @ x = b, for matrices on the last two axes. Raises UnrollError for none."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        raise UnrollError("a system of equations without a unique solution is solved") from None


def sum_of_outer(a: Array, b: Array) -> Array:
    """Sum of the outer products over all leading axes, as one matrix product.

    a: (..., m), b: (..., n) with the same leading axes. Returns (m, n).
    """
    return a.reshape(-1, a.shape[-1]).T @ b.reshape(-1, b.shape[-1])


# Coefficients of erf, lowest power first, on |a| < 0.84375, |a| < 1.25, |a| < 1 / 0.35 and beyond
# (the rational approximations of FreeBSD's s_erf.c, Sun Microsystems 1993).
_ERF_NEAR = (
    (
        1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02,
        -5.77027029648944159157e-03, -2.37630166566501626084e-05,
    ),
    (
        1.0, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03,
        1.32494738004321644526e-04, -3.96022827877536812320e-06,
    ),
)  # fmt: skip
_ERF_ONE = 8.45062911510467529297e-01
_ERF_MIDDLE = (
    (
        -2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01,
        3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02,
        -2.16637559486879084300e-03,
    ),
    (
        1.0, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02,
        1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02,
    ),
)  # fmt: skip
_ERF_FAR = (
    (
        -9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01,
        -6.23753324503260060396e+01, -1.62396669462573470355e+02, -1.84605092906711035994e+02,
        -8.12874355063065934246e+01, -9.81432934416914548592e+00,
    ),
    (
        1.0, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02,
        6.45387271733267880336e+02, 4.29008140027567833386e+02, 1.08635005541779435134e+02,
        6.57024977031928170135e+00, -6.04244152148580987438e-02,
    ),
)  # fmt: skip
_ERF_LAST = (
    (
        -9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01,
        -1.60636384855821916062e+02, -6.37566443368389627722e+02, -1.02509513161107724954e+03,
        -4.83519191608651397019e+02,
    ),
    (
        1.0, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03,
        3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02,
        -2.24409524465858183362e+01,
    ),
)  # fmt: skip


def erf(a: Array) -> Array:
    """The error function, by rational approximations that are exact to rounding."""
    size = np.asarray(np.minimum(np.abs(a), 6))  # from 6 on it is 1
    near = size * (1 + _ratio(_ERF_NEAR, size * size))
    middle = _ERF_ONE + _ratio(_ERF_MIDDLE, size - 1)
    away = np.maximum(size, 1.25)
    inverse = 1 / (away * away)
    exponent = np.where(away < 1 / 0.35, _ratio(_ERF_FAR, inverse), _ratio(_ERF_LAST, inverse))
    beyond = 1 - np.exp(exponent - 0.5625 - away * away) / away
    found = np.where(size < 0.84375, near, np.where(size < 1.25, middle, beyond))
    signed: Array = np.copysign(found, a).astype(size.dtype)
    return signed


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    """A quotient of two polynomials, by Horner's rule."""
    above, below = (reduce(lambda sum_, c: sum_ * x + c, c[::-1], 0 * x) for c in coefficients)
    quotient: Array = above / below
    return quotient


KERNELS = {
    f.__name__: f
    for f in (
        *(
            logsumexp,
            log_softmax,
            softmax_cross_entropy,
            softmax,
            like,
            concatenate,
            entry,
            pad,
            pick,
            one_hot,
            norm,
            normalize,
            inverse,
            solve,
            erf,
        ),
        sum_of_outer,
    )
}
