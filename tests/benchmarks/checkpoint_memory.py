"""Peak memory and time of checkpointed runs against whole ones, over the number of steps.

`python -m tests.benchmarks.checkpoint_memory`. Each figure comes from a process of its own. Inputs and
their gradients are counted apart: they are O(tau) either way. What is left grows in proportion to tau
without checkpoints, to its root with them: four times the steps, twice the memory.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np

from unroll.language.parser import parse
from unroll.numeric.execution import run

from .memory import high_water
from .processes import apart

CELLS = {
    "rnn": "h[t] = tanh(b + W @ h[t-1] + U @ x[t])",
    "lstm": """i[t] = sigmoid(W_i @ h[t-1] + U_i @ x[t])
        f[t] = sigmoid(W_f @ h[t-1] + U_f @ x[t])
        g[t] = tanh(W_g @ h[t-1] + U_g @ x[t])
        q[t] = sigmoid(W_q @ h[t-1] + U_q @ x[t])
        s[t] = f[t] * s[t-1] + i[t] * g[t]
        h[t] = q[t] * tanh(s[t])""",
}
HIDDEN, INPUT, BATCH = 64, 1, 16
LENGTHS = (2_000, 8_000)
WARM = 50  # steps of a first run, so that code and workspace of libraries are counted in the base
REPEATS = 5


def made(kind: str, tau: int) -> tuple[object, dict[str, np.ndarray]]:
    """The recurrence of a cell with a loss at each step, and its arrays."""
    recurrence = parse(CELLS[kind] + "\nL[t] = sum(h[t] ** 2) / 2\nJ = sum(L[t], t)")
    random = np.random.default_rng(0)
    arrays = {"x": random.normal(size=(tau, BATCH, INPUT))}
    for name in recurrence.parameters:
        shape = {"W": (HIDDEN, HIDDEN), "U": (HIDDEN, INPUT), "b": (HIDDEN,)}[name[0]]
        arrays[name] = random.uniform(-1, 1, shape) / np.sqrt(HIDDEN)
    return recurrence, arrays


def peak(kind: str, tau: int, checkpoint: str | None) -> float:
    """Peak bytes of a run above those of a short one, without inputs and their gradients."""
    recurrence, arrays = made(kind, tau)
    short = {**arrays, "x": arrays["x"][:WARM]}
    run(recurrence, short, checkpoint=checkpoint)
    before = high_water()
    run(recurrence, arrays, checkpoint=checkpoint)
    return float(high_water() - before - 2 * arrays["x"].nbytes)


def slowdown(kind: str, tau: int) -> float:
    """Time of a checkpointed run over that of a whole one, medians of runs in turns."""
    recurrence, arrays = made(kind, tau)
    times: dict[str | None, list[float]] = {None: [], "sqrt": []}
    for repeat in range(REPEATS + 1):
        for checkpoint, found in times.items():
            start = time.perf_counter()
            run(recurrence, arrays, checkpoint=checkpoint)
            if repeat:
                found.append(time.perf_counter() - start)
    return median(times["sqrt"]) / median(times[None])


def main() -> None:
    short, long = LENGTHS
    slot = 8 * HIDDEN * BATCH
    print(f"slots of {slot} bytes; {long // short} times the steps; time at {short} steps")
    for kind in CELLS:
        for checkpoint in (None, "sqrt"):
            one, four = (apart("checkpoint_memory:peak", kind, n, checkpoint) for n in LENGTHS)
            print(
                f"{kind:5} {checkpoint or 'whole':5}: {one / slot:9.0f} slots at {short}, "
                f"{four / slot:9.0f} at {long}: {four / max(one, 1):.2f} times"
            )
        print(f"{kind:5} time: {apart('checkpoint_memory:slowdown', kind, short):.2f} times")


if __name__ == "__main__":
    main()
