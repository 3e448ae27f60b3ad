"""The three recurrences that every implementation computes, their sizes and their arrays.

Sequences are `(tau, batch, n)`, states `(batch, n)`. With h' for the state of the step before and
sigma for the logistic function, one step reads

rnn     a = b + W h' + U x                     W (n,n)   U (n,m)   b (n)
        h = tanh(a)

lstm    [i f g o] = b + W h' + U x             W (4n,n)  U (4n,m)  b (4n)
        s = sigma(f) s' + sigma(i) tanh(g)     PyTorch's order of gates; s is the
        h = sigma(o) tanh(s)                   cell, its two biases are one b

gru     [r z .] = b + W h' + U x               W (3n,n)  U (3n,m)  b (3n)
        q = W_n h' + d                         d (n): PyTorch's b_hh of the candidate
        g = tanh(b_n + U_n x + sigma(r) q)     (the reset gate acts after W_n)
        h = (1 - sigma(z)) g + sigma(z) h'

head    o = c + V h                            V (k,n)   c (k)     k = m classes
        J = sum over t and batch of  logsumexp(o) - o[y]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Result = tuple[float, Arrays]
"""The loss and a fresh gradient for every array but the targets y."""
Run = Callable[[Arrays], Result]

KINDS = ("rnn", "lstm", "gru")
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
DTYPES = ("float64", "float32")


class Size(NamedTuple):
    """Extent of a problem; there are as many classes as entries of an input."""

    hidden: int
    input: int
    tau: int
    batch: int


SIZES = {
    "tiny": Size(3, 2, 5, 1),
    "small": Size(16, 8, 50, 1),
    "medium": Size(64, 64, 200, 16),
    "large": Size(256, 256, 500, 32),
    "long": Size(32, 16, 10_000, 1),
}


def shapes(kind: str, size: Size) -> dict[str, tuple[int, ...]]:
    """Shapes of the real arrays of a problem, by name."""
    n, m, tau, batch = size
    rows = GATES[kind] * n
    found: dict[str, tuple[int, ...]]
    found = {"W": (rows, n), "U": (rows, m), "b": (rows,), "V": (m, n), "c": (m,)}
    if kind == "gru":
        found["d"] = (n,)
    found |= {"x": (tau, batch, m), "h0": (batch, n)}
    if kind == "lstm":
        found["s0"] = (batch, n)
    return found


def make_arrays(kind: str, size: Size, dtype: Any = np.float64, seed: int = 0) -> Arrays:
    """Random arrays: weights uniform in +-1/sqrt(n), the rest normal, y `(tau, batch)` integers.

    The weights make the recurrence contract, so that gradients over ten thousand steps can be
    compared to the last digits.
    """
    random = np.random.default_rng(seed)
    bound = size.hidden**-0.5
    arrays: Arrays = {}
    for name, shape in shapes(kind, size).items():
        data = name in ("x", "h0", "s0")
        value = random.standard_normal(shape) if data else random.uniform(-bound, bound, shape)
        arrays[name] = value.astype(dtype)
    arrays["y"] = random.integers(0, size.input, (size.tau, size.batch))
    return arrays


def disagreement(result: Result, reference: Result) -> float:
    """Largest error of the loss and the gradients, each relative to its reference's largest entry."""
    loss, gradients = result
    expected, wanted = reference
    errors = [abs(float(loss) - expected) / abs(expected)]
    for name, value in wanted.items():
        found = gradients.get(name)
        if found is None or np.shape(found) != value.shape:
            return np.inf
        errors.append(float(np.abs(found - value).max() / np.abs(value).max()))
    return float(np.max(errors))
