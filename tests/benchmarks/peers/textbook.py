"""NumPy as in a course: a loop forward, a loop backward, a sum of products for each step.

A step maps (arrays, x, *state) to (next state, what its way back needs); the way back maps (arrays, x,
that, *adjoints of the next state, *state) to the gradients of the weights, of x and of the state.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Arrays, Result, Run, Size


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def rnn_step(a: Arrays, x: Any, h: Any) -> Any:
    h_next = np.tanh(h @ a["W"].T + x @ a["U"].T + a["b"])
    return (h_next,), (h_next,)


def rnn_back(a: Arrays, x: Any, saved: Any, dh: Any, h: Any) -> Any:
    (h_next,) = saved
    da = (1 - h_next**2) * dh
    return {"W": da.T @ h, "U": da.T @ x, "b": da.sum(0)}, da @ a["U"], (da @ a["W"],)


def lstm_step(a: Arrays, x: Any, h: Any, s: Any) -> Any:
    i, f, g, o = np.split(h @ a["W"].T + x @ a["U"].T + a["b"], 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    s_next = f * s + i * g
    return (o * np.tanh(s_next), s_next), (i, f, g, o, s_next)


def lstm_back(a: Arrays, x: Any, saved: Any, dh: Any, ds: Any, h: Any, s: Any) -> Any:
    i, f, g, o, s_next = saved
    squashed = np.tanh(s_next)
    ds = ds + dh * o * (1 - squashed**2)
    parts = (
        ds * g * i * (1 - i),
        ds * s * f * (1 - f),
        ds * i * (1 - g**2),
        dh * squashed * o * (1 - o),
    )
    da = np.concatenate(parts, axis=1)
    weights = {"W": da.T @ h, "U": da.T @ x, "b": da.sum(0)}
    return weights, da @ a["U"], (da @ a["W"], ds * f)


def gru_step(a: Arrays, x: Any, h: Any) -> Any:
    n = h.shape[1]
    from_h = h @ a["W"].T
    from_x = x @ a["U"].T + a["b"]
    r = sigmoid(from_x[:, :n] + from_h[:, :n])
    z = sigmoid(from_x[:, n : 2 * n] + from_h[:, n : 2 * n])
    q = from_h[:, 2 * n :] + a["d"]
    g = np.tanh(from_x[:, 2 * n :] + r * q)
    return ((1 - z) * g + z * h,), (r, z, q, g)


def gru_back(a: Arrays, x: Any, saved: Any, dh: Any, h: Any) -> Any:
    r, z, q, g = saved
    dg = dh * (1 - z) * (1 - g**2)
    dr = dg * q * r * (1 - r)
    dz = dh * (h - g) * z * (1 - z)
    to_h = np.concatenate((dr, dz, dg * r), axis=1)
    to_x = np.concatenate((dr, dz, dg), axis=1)
    weights = {
        "W": to_h.T @ h,
        "U": to_x.T @ x,
        "b": to_x.sum(0),
        "d": (dg * r).sum(0),
    }
    return weights, to_x @ a["U"], (to_h @ a["W"] + z * dh,)


STEPS: dict[str, Any] = {
    "rnn": (rnn_step, rnn_back, ("h0",)),
    "lstm": (lstm_step, lstm_back, ("h0", "s0")),
    "gru": (gru_step, gru_back, ("h0",)),
}


def make(kind: str, size: Size, dtype: Any) -> Run:
    """A run that adds up the gradients of the weights step by step."""
    step, back, initial = STEPS[kind]
    rows = np.arange(size.batch)

    def run(a: Arrays) -> Result:
        loss, states, saved, probabilities = 0.0, [tuple(a[s] for s in initial)], [], []
        for x, y in zip(a["x"], a["y"]):
            state, values = step(a, x, *states[-1])
            states.append(state)
            saved.append(values)
            o = state[0] @ a["V"].T + a["c"]
            o = o - o.max(1, keepdims=True)
            p = np.exp(o)
            total = p.sum(1, keepdims=True)
            loss += (np.log(total[:, 0]) - o[rows, y]).sum()
            probabilities.append(p / total)
        grads = {name: np.zeros_like(value) for name, value in a.items() if name != "y"}
        d_state = tuple(np.zeros_like(a[s]) for s in initial)
        for t in reversed(range(size.tau)):
            do = probabilities[t].copy()
            do[rows, a["y"][t]] -= 1
            grads["V"] += do.T @ states[t + 1][0]
            grads["c"] += do.sum(0)
            d_state = (d_state[0] + do @ a["V"], *d_state[1:])
            weights, grads["x"][t], d_state = back(a, a["x"][t], saved[t], *d_state, *states[t])
            for name, value in weights.items():
                grads[name] += value
        return loss, grads | dict(zip(initial, d_state))

    return run
