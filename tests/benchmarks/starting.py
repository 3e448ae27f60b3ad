"""What comes before the first result: a fresh process, imports, compiling."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import numpy as np

from .problem import SIZES, make_arrays
from .processes import ROOT, apart

FIRST = "import unroll; unroll.template({!r}).run(steps=5)"


def first_run(template: str, times: int = 5) -> float:
    """Median seconds of a process that imports the package and runs a template once."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", FIRST.format(template)], cwd=ROOT, check=True)
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def compile_alone(template: str) -> float:
    """Seconds by which the first run of a template is slower than the next, all else imported.

    Another recurrence runs before, with an objective as well, so that nothing is left to load.
    """
    import unroll

    unroll.parse("p[t] = tanh(w * p[t-1] + x[t]); J = sum(p[t] ** 2, t)").run(steps=5)
    recurrence = unroll.template(template)
    found = []
    for _ in range(6):
        start = time.perf_counter()
        recurrence.run(steps=5)
        found.append(time.perf_counter() - start)
    return found[0] - statistics.median(found[1:])


def compile_problem(kind: str, gates: bool = False) -> float:
    """The same for a problem of the benchmark, at size tiny."""
    from . import ours

    size = SIZES["tiny"]
    make = ours.make_gates if gates else ours.make
    ours.make("rnn", size, np.float64)(make_arrays("rnn", size._replace(hidden=4)))
    run, arrays = make(kind, size, np.float64), make_arrays(kind, size)
    found = []
    for _ in range(6):
        start = time.perf_counter()
        run(arrays)
        found.append(time.perf_counter() - start)
    return found[0] - statistics.median(found[1:])


def compile_time(function: str, *arguments: object, times: int = 5) -> float:
    """Median over fresh processes of one of the two above, named."""
    found: list[float] = [apart(f"starting:{function}", *arguments) for _ in range(times)]
    return statistics.median(found)
