"""Run time against the loop of a textbook, in the same run, and its growth with the steps.

Not part of the default run: `pytest -s tests/benchmarks/bench_execution.py`. Nothing here knows a
second: only ratios are compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from unroll.language.parser import parse
from unroll.numeric.execution import run

RNN = parse("""h[0] = h0
h[t] = tanh(b + W @ h[t-1] + U @ x[t])
o[t] = c + V @ h[t]
L[t] = cross_entropy(softmax(o[t]), y[t])
J = sum(L[t], t)""")
SIZES = {  # hidden, input = classes, steps, batch
    "tiny": (3, 2, 5, 1),
    "small": (16, 8, 50, 1),
    "medium": (64, 64, 200, 16),
    "long": (32, 16, 10_000, 1),
}


def make(hidden: int, classes: int, steps: int, batch: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    bound = 1 / np.sqrt(hidden)
    shapes = {
        "W": (hidden, hidden),
        "U": (hidden, classes),
        "b": (hidden,),
        "V": (classes, hidden),
        "c": (classes,),
        "h0": (batch, hidden),
    }
    arrays = {n: random.uniform(-bound, bound, s) for n, s in shapes.items()}
    arrays["x"] = random.normal(size=(steps, batch, classes))
    arrays["y"] = random.integers(classes, size=(steps, batch))
    return arrays


def textbook(a: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """One Python loop forward, one backward, a sum of products for each step."""
    steps, rows = len(a["x"]), np.arange(len(a["h0"]))
    states, probabilities, loss = [a["h0"]], [], 0.0
    for x, y in zip(a["x"], a["y"]):
        states.append(np.tanh(states[-1] @ a["W"].T + x @ a["U"].T + a["b"]))
        o = states[-1] @ a["V"].T + a["c"]
        o = o - o.max(1, keepdims=True)
        p = np.exp(o)
        total = p.sum(1, keepdims=True)
        loss += (np.log(total[:, 0]) - o[rows, y]).sum()
        probabilities.append(p / total)
    gradients = {n: np.zeros_like(v) for n, v in a.items() if n != "y"}
    dh = np.zeros_like(a["h0"])
    for t in reversed(range(steps)):
        do = probabilities[t].copy()
        do[rows, a["y"][t]] -= 1
        gradients["V"] += do.T @ states[t + 1]
        gradients["c"] += do.sum(0)
        da = (1 - states[t + 1] ** 2) * (dh + do @ a["V"])
        gradients["W"] += da.T @ states[t]
        gradients["U"] += da.T @ a["x"][t]
        gradients["b"] += da.sum(0)
        gradients["x"][t] = da @ a["U"]
        dh = da @ a["W"]
    gradients["h0"] = dh
    return loss, gradients


def ours(a: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    trace = run(RNN, a)
    assert trace.loss is not None
    return trace.loss, {n: trace.gradient(n) for n in a if n != "y"}


def ratio(first: Callable[[], object], second: Callable[[], object], rounds: int = 15) -> float:
    """Median of time(first) / time(second), taken in turns so that both meet the same weather."""
    found = []
    for _ in range(rounds):
        before = time.perf_counter()
        first()
        between = time.perf_counter()
        second()
        found.append((between - before) / (time.perf_counter() - between))
    return float(np.median(found))


@pytest.mark.parametrize("size", SIZES)
def test_against_the_textbook_loop(size):
    arrays = make(*SIZES[size])
    (loss, gradients), (expected, wanted) = ours(arrays), textbook(arrays)
    assert np.isclose(loss, expected, rtol=1e-10)
    for name, gradient in wanted.items():
        scale = np.abs(gradient).max()
        assert np.abs(gradients[name] - gradient).max() <= 1e-9 * scale
    found = ratio(
        lambda: ours(arrays), lambda: textbook(arrays), rounds=7 if size == "long" else 31
    )
    print(f"\n{size}: {found:.2f} of the textbook loop's time")
    if SIZES[size][3] == 1 and SIZES[size][2] >= 50:
        assert found < 1


def test_time_grows_linearly_with_the_steps():
    short, long = make(16, 8, 2_000, 1), make(16, 8, 16_000, 1)
    ours(short)
    ours(long)
    found = ratio(lambda: ours(long), lambda: ours(short), rounds=9)
    print(f"\n8 times the steps take {found:.1f} times as long")
    assert found < 16
