"""The generated source: readable, straight-line, and free of what a name could break."""

import os
import subprocess
import sys

import numpy as np
import pytest

from unroll.language.parser import parse
from unroll.numeric.execution import run
from unroll.numeric.layout import identifiers, rows

RNN = """h[t] = tanh(b + W @ h[t-1] + U @ x[t])
o[t] = c + V @ h[t]
L[t] = cross_entropy(softmax(o[t]), y[t])
J = sum(L[t], t)"""

SOURCE = '''\
def run(tau, batch, b, W, U, x, c, V, y):
    """Row t of every array is step t."""
    # h_in: map (all t at once)
    h_in = np.zeros((tau + 1, 3), dtype)
    np.add(b, x[1:] @ U.T, out=h_in[1:])
    # h: scan forward over t
    h = np.zeros((tau + 1, 3), dtype)
    for t in range(1, tau + 1):
        np.tanh(h_in[t] + np.dot(W, h[t - 1]), out=h[t])
    # o, L: map (all t at once)
    o = np.zeros((tau + 1, 4), dtype)
    np.add(c, h[1:] @ V.T, out=o[1:])
    L = np.zeros(tau + 1, dtype)
    L[1:] = softmax_cross_entropy(o[1:], y[1:])
    # J: reduce (sum over t)
    J = np.sum(L[1:], axis=0)
    return {'h': h, 'o': o, 'L': L, 'J': J}
'''


def code(text, **options):
    return run(parse(text), **{"steps": 9, **options}).code


def test_a_function_for_a_slide():
    assert code(RNN, dims={"h": 3, "x": 2, "y": 4}, gradients=False) == SOURCE


def test_gradients_of_weights_are_one_product_over_all_steps():
    source = code(RNN)
    assert "grad_W = sum_of_outer(delta_h[1:-1], h[:-1])" in source
    assert source.count("for t in") == 2
    assert "for t in reversed(range(1, tau + 1)):" in source


@pytest.mark.parametrize("steps", [7, 50, 20_000])
def test_the_source_does_not_grow_with_the_steps(steps):
    assert code(RNN, steps=steps) == code(RNN, steps=9)


def test_a_batch_multiplies_from_the_left():
    x, weights = np.ones((4, 2, 3)), {"W": np.eye(3), "U": np.eye(3)}
    trace = run(parse("h[t] = tanh(W @ h[t-1] + U @ x[t])"), {"x": x, **weights})
    assert "np.tanh(h_in[t] + h[t - 1] @ W.T, out=h[t])" in trace.code


def test_what_occurs_twice_is_computed_once():
    source = code("s[t] = exp(U @ x[t]) + tanh(exp(U @ x[t]))")
    assert source.count("np.exp") == 1
    assert "_1 = np.exp(x[1:] @ U.T)" in source


def test_initial_values_are_peeled():
    source = code("h[0] = h0\nh[t] = tanh(W @ h[t-1])")
    assert "    h[0] = h0\n    for t in range(1, tau + 1):\n" in source


def test_nothing_of_a_name_reaches_the_source_but_an_identifier():
    names = [
        "lambda",
        "np",
        "θ",
        "dtype",
        "h[0]",
        "a b",
        "import os",
        "x'",
        "_1",
        "print",
        "1x",
        "",
    ]
    words = identifiers([*names, "lambda_", "h_0"])
    assert len(set(words.values())) == len(words)
    assert all(w.isidentifier() for w in words.values())
    assert words["θ"] == "θ"
    assert words["lambda_"] != words["lambda"]
    assert not {"np", "dtype", "lambda", "print", "_1", "sum"} & set(words.values())


def test_rows_reach_as_far_as_references_do():
    recurrence = parse("h[t] = tanh(h[t-3] + x[t+2] + x[t-1] + z[t-100])")
    found = {n: r for n, (r,) in rows(recurrence, recurrence.sizes(10)).items()}
    assert (found["h"].first, found["h"].last) == (-2, 10)
    assert (found["x"].first, found["x"].last) == (0, 12)
    assert (found["z"].first, found["z"].last) == (0, 10)  # always out of range: a constant zero


def test_what_would_make_a_line_too_long_is_computed_before():
    terms = " + ".join(f"a_{i} * y[t-1]" for i in range(30))
    source = code(f"y[t] = {terms}", gradients=False)
    assert max(map(len, source.splitlines())) <= 110
    assert "        _1 = a_0 * y[t - 1] + a_1 * y[t - 1]" in source


def test_hash_order_does_not_reach_the_source():
    script = "import unroll; print(unroll.template('rnn').run(steps=3).code)"
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(found) == 1
