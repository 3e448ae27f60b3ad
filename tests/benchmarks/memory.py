"""Peak memory: its slope over the steps, and the slope's straightness.

A slot is what one array of `(batch, hidden)` entries takes. Each figure comes from a process of its
own; in the slope, code and compilers drop out. It counts all that a step holds: inputs, values
saved and temporary, and the gradient of x.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from .implementations import find
from .problem import Size, make_arrays
from .processes import apart

HIDDEN, INPUT, BATCH = 64, 64, 16
LENGTHS = (3000, 7000)
STATUS = Path("/proc/self/status")


def peak(name: str, kind: str, tau: int, dtype: str) -> tuple[int, float]:
    """Peak resident bytes of this process after two calls, and the seconds of the second."""
    size = Size(HIDDEN, INPUT, tau, BATCH)
    run = find(name).make(kind, size, np.dtype(dtype))
    arrays = make_arrays(kind, size, dtype)
    run(arrays)
    start = time.perf_counter()
    run(arrays)
    return high_water(), time.perf_counter() - start


def high_water() -> int:
    """Peak resident bytes of this process.

    What getrusage says starts, on Linux, from the peak of the process that made this one.
    """
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def slots(name: str, kind: str, dtype: str, lengths: tuple[int, int] = LENGTHS) -> float:
    """Slots that an implementation holds for each step."""
    short, long = (apart("memory:peak", name, kind, tau, dtype)[0] for tau in lengths)
    slot = BATCH * HIDDEN * np.dtype(dtype).itemsize
    return float((long - short) / (lengths[1] - lengths[0]) / slot)
