"""The method: verify, then time in turns.

Every implementation is first compared with the textbook loop in float64, and refused where loss or
gradients differ. Then all of a problem run in one process, in rounds of one sample each, so that they
meet the same noise; a ratio is the median over the rounds of its time to that of `scheduled` in the round.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from .implementations import BASELINE, REFERENCE, TABLE, Implementation
from .problem import Arrays, Result, Run, Size, disagreement, make_arrays

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
SAMPLE = 0.005  # seconds that one sample should take at least
LEAST, MOST = 3, 200  # rounds
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Timing:
    """seconds: median of a call; ratio: median of those to the baseline; error: from the reference."""

    seconds: float
    ratio: float
    rounds: int
    error: float


@dataclass(frozen=True)
class Record:
    """What became of one implementation of one problem: a timing, or why there is none."""

    kind: str
    size: str
    dtype: str
    name: str
    found: Timing | str


def reference(kind: str, size: Size, arrays: Arrays) -> Result:
    """Loss and gradients of the textbook loop in float64."""
    exact = {n: v if n == "y" else v.astype(np.float64) for n, v in arrays.items()}
    return TABLE[REFERENCE].make(kind, size, np.dtype(np.float64))(exact)


def prepare(
    kind: str, size: Size, dtype: str, among: Iterable[Implementation], arrays: Arrays
) -> tuple[dict[str, tuple[Run, float]], dict[str, str]]:
    """By name, runs that agree with the reference with their errors, and why others are refused."""
    expected = reference(kind, size, arrays)
    ready, refused = {}, {}
    for row in among:
        if row.missing:
            refused[row.name] = row.missing
            continue
        try:
            run = row.make(kind, size, np.dtype(dtype))
            error = disagreement(run(arrays), expected)
        except NotImplementedError as reason:
            refused[row.name] = str(reason)
            continue
        if error <= TOLERANCE[dtype]:
            ready[row.name] = run, error
        else:
            refused[row.name] = f"its loss or gradients differ by {error:.1e}"
    return ready, refused


def sample(run: Run, arrays: Arrays, calls: int, clock: Callable[[], float]) -> float:
    """Seconds a call."""
    start = clock()
    for _ in range(calls):
        run(arrays)
    return (clock() - start) / calls


def measure(
    kind: str,
    size: str,
    extent: Size,
    dtype: str,
    among: Iterable[Implementation],
    seconds: float = 10.0,
    clock: str = "wall",
) -> list[Record]:
    """One record for each implementation of one problem; the baseline always comes first.

    One too slow for its share of the seconds is sampled once. Raises RuntimeError where the baseline
    itself differs from the reference.
    """
    rows = [TABLE[BASELINE], *(row for row in among if row.name != BASELINE)]
    arrays = make_arrays(kind, extent, dtype)
    ready, refused = prepare(kind, extent, dtype, rows, arrays)
    if BASELINE in refused:
        raise RuntimeError(f"{BASELINE}, {kind} {size}: {refused[BASELINE]}")
    times = take_turns({n: run for n, (run, _) in ready.items()}, arrays, seconds, CLOCKS[clock])
    found: dict[str, Timing | str] = dict(refused)
    for name, (_, error) in ready.items():
        ratios = [own / base for own, base in zip(times[name], times[BASELINE])]
        median = statistics.median(times[name])
        found[name] = Timing(median, statistics.median(ratios), len(ratios), error)
    return [Record(kind, size, dtype, row.name, found[row.name]) for row in rows]


def take_turns(
    runs: dict[str, Run], arrays: Arrays, seconds: float, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Seconds a call by name, one entry a round; a single one for what is too slow."""
    first = {name: sample(run, arrays, 1, clock) for name, run in runs.items()}
    calls = {name: max(1, round(SAMPLE / max(once, 1e-9))) for name, once in first.items()}
    share = seconds / (LEAST * len(runs))
    slow = {name for name, once in first.items() if once > share and name != BASELINE}
    times: dict[str, list[float]] = {name: [] for name in runs}
    deadline, rounds = time.perf_counter() + seconds, 0
    while rounds < LEAST or (time.perf_counter() < deadline and rounds < MOST):
        for name, run in runs.items():
            if rounds == 0 or name not in slow:
                times[name].append(sample(run, arrays, calls[name], clock))
        rounds += 1
    return times
