"""HIPS autograd of the plain NumPy loop."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np
from autograd import value_and_grad

from ..problem import Arrays, Result, Run, Size, shapes


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def rnn_step(p: Any, x: Any, state: Any) -> Any:
    (h,) = state
    return (np.tanh(np.dot(h, p["W"].T) + np.dot(x, p["U"].T) + p["b"]),)


def lstm_step(p: Any, x: Any, state: Any) -> Any:
    h, s = state
    a = np.dot(h, p["W"].T) + np.dot(x, p["U"].T) + p["b"]
    i, f, g, o = np.split(a, 4, axis=1)
    s = sigmoid(f) * s + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(s), s


def gru_step(p: Any, x: Any, state: Any) -> Any:
    (h,) = state
    r_h, z_h, g_h = np.split(np.dot(h, p["W"].T), 3, axis=1)
    r_x, z_x, g_x = np.split(np.dot(x, p["U"].T) + p["b"], 3, axis=1)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    g = np.tanh(g_x + r * (g_h + p["d"]))
    return ((1 - z) * g + z * h,)


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}


def make(kind: str, size: Size, dtype: Any) -> Run:
    """A run that traces the loop anew at each call."""
    step = STEPS[kind]
    rows = np.arange(size.batch)

    def objective(p: Any, y: Any) -> Any:
        p = {name: p[name] for name in shapes(kind, size)}  # else indexed at each use
        state = (p["h0"], p["s0"]) if kind == "lstm" else (p["h0"],)
        loss = 0.0
        for t in range(size.tau):
            state = step(p, p["x"][t], state)
            o = np.dot(state[0], p["V"].T) + p["c"]
            o = o - np.max(o, axis=1, keepdims=True)
            loss = loss + np.sum(np.log(np.sum(np.exp(o), axis=1)) - o[rows, y[t]])
        return loss

    differentiate = value_and_grad(objective)

    def run(arrays: Arrays) -> Result:
        real = {name: value for name, value in arrays.items() if name != "y"}
        loss, gradients = differentiate(real, arrays["y"])
        return float(loss), gradients

    return run
