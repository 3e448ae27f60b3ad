"""Reductions over a part of an axis, and references whose indices meet: values and gradients."""

import numpy as np
import pytest
from agreement import assert_agrees

import unroll

TEXTS = {
    "weights above the diagonal have no gradient": "o[t] = sum(m[t, s] * v[s], s < t)",
    "a window is cut at the first step": "o[t] = mean(v[s] * w[t], s = t-2..t)",
    "a window of the largest": "o[t] = max(v[s], s = t-1..t)",
    "the rest of the sequence": "o[t] = sum(v[s] * w[t], s > t)",
    "from a fixed step on": "o[t] = w[t] * sum(v[s], s = 2..tau)",
    "the diagonal": "o[t] = m[t, t] * w[t]",
    "beside the diagonal": "o[t] = m[t, t-1] * w[t] + m[t-1, t]",
    "a table and its transpose": "g[t, s] = m[t, s] * v[s]\no[t] = sum(g[t, s] * g[s, t], s)",
    "the diagonal of a variable": "g[t, s] = m[t, s] * v[s]\no[t] = g[t, t] + sum(g[s, t], s)",
    "normalised over the past": "o[t] = sum(softmax(m[t, s], s <= t) * v[s], s <= t)",
    "a product of sums": "o[t] = sum(v[s], s <= t) * sum(w[s], s >= t)",
    "sums in sums": "o[t] = sum(sum(m[s, k], k <= s) * v[s], s <= t)",
    "a sum that the total shares": "o[t] = v[t] / (1 + sum(v[s] ** 2, s))",
}


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("name", TEXTS)
def test_values_and_gradients_are_the_oracles(name, steps):
    recurrence = unroll.parse(TEXTS[name] + "\nJ = sum(o[t] ** 2, t)")
    trace = recurrence.run(steps=steps, seed=1)
    assert_agrees(recurrence, trace)
    assert recurrence.check(steps=steps, seed=1).passed
    assert unroll.parse(str(recurrence)) == recurrence


def test_what_lies_above_the_diagonal_is_not_read():
    recurrence = unroll.parse("o[t] = sum(m[t, s] * v[s], s < t)\nJ = sum(o[t] ** 2, t)")
    trace = recurrence.run(steps=4)
    gradient = trace.gradient("m")
    assert np.any(gradient)
    np.testing.assert_array_equal(gradient, np.tril(gradient, -1))


def test_a_cycle_through_all_of_the_past():
    recurrence = unroll.parse("y[t] = x[t] + w * sum(y[<t])\nJ = y[tau]")
    trace = recurrence.run({"x": np.ones(6), "w": 1.0})
    np.testing.assert_array_equal(trace["y"], [1, 2, 4, 8, 16, 32])
    assert_agrees(recurrence, trace)
