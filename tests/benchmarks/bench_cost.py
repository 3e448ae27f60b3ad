"""Counted work against measured time: what costs more takes longer, in about that ratio.

Not part of the default run: `pytest -s tests/benchmarks/bench_cost.py`. Sizes are large enough for
products of matrices to take most of the time; nothing here knows a second.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

import unroll


def median_time(recurrence: unroll.Recurrence, arrays: dict[str, np.ndarray]) -> float:
    """Seconds of a run, the median of several; compiled before."""
    recurrence.run(arrays)
    found = []
    for _ in range(7):
        started = time.perf_counter()
        recurrence.run(arrays)
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def arrays_of(hidden: int, steps: int, batch: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    bound = 1 / np.sqrt(hidden)
    shapes = {"W": (hidden, hidden), "U": (hidden, hidden), "V": (16, hidden)}
    found = {n: random.uniform(-bound, bound, s) for n, s in shapes.items()}
    found |= {"b": np.zeros(hidden), "c": np.zeros(16)}
    found["x"] = random.normal(size=(steps, batch, hidden))
    found["y"] = random.integers(16, size=(steps, batch))
    return found


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ((256, 40, 32), (512, 40, 32)),
        ((256, 40, 32), (256, 80, 32)),
        ((256, 40, 32), (256, 40, 64)),
    ],
)
def test_time_grows_as_work_does(small, large):
    rnn = unroll.template("rnn")
    costs = [rnn.cost(arrays_of(*sizes)).total.work for sizes in (small, large)]
    times = [median_time(rnn, arrays_of(*sizes)) for sizes in (small, large)]
    said, measured = costs[1] / costs[0], times[1] / times[0]
    print(f"\n{small} -> {large}: work x {said:.2f}, time x {measured:.2f}")
    assert said / 2 < measured < said * 2
