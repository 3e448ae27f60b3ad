"""The functions that generated code calls, each against a plain definition of it."""

import math

import numpy as np
import pytest

from unroll.errors import UnrollError
from unroll.numeric.kernels import erf, pad, pick, whole


def test_the_error_function_is_exact_to_rounding():
    ends = [0.84375, 1.25, 1 / 0.35, 6, 30]
    near = np.array([e * (1 + s * 1e-12) for e in ends for s in (-1, 0, 1)])
    x = np.concatenate([np.linspace(-7, 7, 20001), 1e-9 * np.arange(9), near, -near])
    expected = np.array([math.erf(v) for v in x])
    assert np.max(np.abs(erf(x) - expected)) < 3e-16
    assert erf(np.array([np.inf, -np.inf])).tolist() == [1, -1]
    assert np.isnan(erf(np.array(np.nan)))
    assert erf(np.float32([0.5])).dtype == np.float32


@pytest.mark.parametrize(
    ("lead", "places"), [((), (4,)), ((4,), (4,)), ((4, 1), (4, 2)), ((2,), (4, 2))]
)
def test_picking_broadcasts_what_leads(lead, places):
    random = np.random.default_rng(0)
    a, k = random.normal(size=(*lead, 3, 5)), random.integers(3, size=places)
    found = pick(a, k, 2)
    full = np.broadcast_to(a, (*np.broadcast_shapes(lead, places), 3, 5))
    for at in np.ndindex(full.shape[:-2]):
        assert np.array_equal(found[at], full[at][np.broadcast_to(k, full.shape[:-2])[at]])


def test_padding_along_either_axis():
    a = np.arange(6.0).reshape(1, 2, 3)
    assert pad(a, 1, 2).tolist() == [[[0, 0, 1, 2, 0, 0], [0, 3, 4, 5, 0, 0]]]
    assert pad(a, 1, 0, -2).tolist() == [[[0, 0, 0], [0, 1, 2], [3, 4, 5]]]


@pytest.mark.parametrize("k", [3, -1, 0.5, np.nan, [0, 7]])
def test_positions_are_checked(k):
    with pytest.raises(UnrollError, match="among 3 entries"):
        whole(k, 3)
