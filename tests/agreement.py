"""Executor against oracle: every value and every gradient, batch entries one by one."""

from __future__ import annotations

import numpy as np
from oracle import Oracle

from unroll.numeric.fitting import leading
from unroll.numeric.trace import Trace
from unroll.symbolic.recurrence import Recurrence

TOLERANCE = 1e-12


def assert_agrees(recurrence: Recurrence, trace: Trace, tolerance: float = TOLERANCE) -> None:
    """The trace of this recurrence has the oracle's values and gradients at every step.

    A batch is run by the oracle one entry after the other; what has no batch axis gets the sum of
    the entries' gradients.
    """
    given = [n for n in trace.values if "[" in n]
    names = [n for n in recurrence.names if n not in recurrence.defined]
    arrays = {n: trace[n] for n in names} | {n: trace.values[n] for n in given}
    lead = {n: leading(recurrence, n) for n in arrays}
    sizes = {np.shape(arrays[n])[lead[n]] for n in arrays if n in trace.batched}
    batch = sizes.pop() if sizes else 1
    with_given = with_given_values(recurrence, given)
    lengths = dict(trace.sizes.lengths)
    trees = {letter: tree.children for letter, tree in trace.sizes.trees}
    losses, summed = 0.0, {}
    for entry in range(batch):
        single = {
            n: np.take(a, entry, axis=lead[n]) if n in trace.batched else a
            for n, a in arrays.items()
        }
        oracle = Oracle(with_given, single, lengths, trace.shapes, trees)
        if trace.objective is not None and trace.gradients:
            for key, value in oracle.gradients(trace.objective).items():
                summed.setdefault(key, []).append(value)
        else:
            oracle.everything()
        for (name, at), node in oracle.known.items():
            if name == trace.objective:
                losses += node.value if all(at) else 0.0
                continue
            found = read(trace, name, at)
            if found is None:  # out of range, where everything is zero
                assert not np.any(node.value)
                continue
            found = found[entry] if name in trace.batched else found
            close(found, node.value, f"{name}{list(at)}", tolerance)
    if trace.objective is not None:
        close(trace.loss, losses, "loss", tolerance)
    for (name, at), values in summed.items():
        if name not in trace.gradients or name == trace.objective:
            continue
        found = gradient(trace, name, at)
        if found is None:  # nothing says what is there, or nothing reads it
            continue
        is_batched = name in trace.batched and np.ndim(found) > np.ndim(values[0])
        expected = np.stack(values) if is_batched else sum(values)
        close(found, expected, f"gradient of {name}{list(at)}", tolerance)


def with_given_values(recurrence: Recurrence, given: list[str]) -> Recurrence:
    from unroll.numeric.arrays import match

    return match(recurrence, dict.fromkeys(given, 0.0))[0] if given else recurrence


def read(trace: Trace, name: str, at: tuple[int, ...]) -> np.ndarray | None:
    rows = trace.rows.get(name, ())
    if not all(r.first <= n <= r.last for r, n in zip(rows, at)):
        return None
    return trace.values[name][tuple(n - r.first for r, n in zip(rows, at))]


def gradient(trace: Trace, name: str, at: tuple[int, ...]) -> np.ndarray | None:
    """The gradient of a value, by its name as users ask for it; None before the first step where
    the trace has no initial value or none that anything reads."""
    if not at:
        return trace.gradient(name)
    if at == (0,):
        read_ = trace._at(trace.gradients[name], 0) is not None
        return trace.gradient(f"{name}[0]") if read_ and trace.initial(name) is not None else None
    found = trace.gradient(name)
    if not all(1 <= n <= size for n, size in zip(at, found.shape)):
        return None
    return found[tuple(n - 1 for n in at)]


def close(found, expected, what: str, tolerance: float) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: {found.shape} is not {expected.shape}"
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    error = float(np.max(np.abs(found - expected), initial=0)) / scale
    assert error <= tolerance, f"{what}: off by {error:.2e}\n{found}\n{expected}"
