"""Numba for the two scans, written by hand; NumPy's BLAS for everything else.

Sequences are (tau, batch, n); gate blocks are columns of (batch, 4n) or (batch, 3n).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from ..problem import Arrays, Result, Run, Size


@njit(fastmath=True)
def product(x: Any, w: Any, out: Any) -> None:
    """out (batch, n) += x (batch, m) @ w (m, n); BLAS pays only for larger operands."""
    if x.shape[0] * w.size > 20000:
        out += np.dot(x, w)
        return
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            value = x[b, i]
            for j in range(w.shape[1]):
                out[b, j] += value * w[i, j]


@njit(fastmath=True)
def sigmoid(a: Any) -> float:
    return 1 / (1 + math.exp(-a))


@njit(fastmath=True)
def rnn_forward(wt: Any, a: Any, h: Any) -> None:
    """a (tau, batch, n) becomes the pre-activations; h has tau + 1 steps."""
    for t in range(len(a)):
        product(h[t], wt, a[t])
        for b in range(a.shape[1]):
            for j in range(a.shape[2]):
                h[t + 1, b, j] = math.tanh(a[t, b, j])


@njit(fastmath=True)
def rnn_backward(w: Any, h: Any, dh: Any, da: Any) -> None:
    """dh has tau + 1 steps: the head's adjoints of h, to which the scan adds."""
    for t in range(len(da) - 1, -1, -1):
        for b in range(da.shape[1]):
            for j in range(da.shape[2]):
                da[t, b, j] = dh[t + 1, b, j] * (1 - h[t + 1, b, j] ** 2)
        product(da[t], w, dh[t])


@njit(fastmath=True)
def lstm_forward(wt: Any, a: Any, h: Any, s: Any) -> None:
    """a (tau, batch, 4n) becomes the gates i f g o."""
    n = h.shape[2]
    for t in range(len(a)):
        product(h[t], wt, a[t])
        for b in range(a.shape[1]):
            gates = a[t, b]
            for j in range(n):
                gates[j] = sigmoid(gates[j])
                gates[n + j] = sigmoid(gates[n + j])
                gates[2 * n + j] = math.tanh(gates[2 * n + j])
                gates[3 * n + j] = sigmoid(gates[3 * n + j])
                s[t + 1, b, j] = gates[n + j] * s[t, b, j] + gates[j] * gates[2 * n + j]
                h[t + 1, b, j] = gates[3 * n + j] * math.tanh(s[t + 1, b, j])


@njit(fastmath=True)
def lstm_backward(w: Any, a: Any, s: Any, dh: Any, ds: Any) -> None:
    """a turns from gates into adjoints; ds (batch, n) from zero into that of s0."""
    n = ds.shape[1]
    for t in range(len(a) - 1, -1, -1):
        for b in range(a.shape[1]):
            gates = a[t, b]
            for k in range(n):
                i, f, g, o = gates[k], gates[n + k], gates[2 * n + k], gates[3 * n + k]
                squashed = math.tanh(s[t + 1, b, k])
                ds[b, k] += dh[t + 1, b, k] * o * (1 - squashed**2)
                gates[k] = ds[b, k] * g * i * (1 - i)
                gates[n + k] = ds[b, k] * s[t, b, k] * f * (1 - f)
                gates[2 * n + k] = ds[b, k] * i * (1 - g**2)
                gates[3 * n + k] = dh[t + 1, b, k] * squashed * o * (1 - o)
                ds[b, k] *= f
        product(a[t], w, dh[t])


@njit(fastmath=True)
def gru_forward(wt: Any, d: Any, a: Any, q: Any, h: Any) -> None:
    """a (tau, batch, 3n) becomes the gates r z g; q (tau, batch, n) is W_n h' + d."""
    n = h.shape[2]
    hidden = np.empty((h.shape[1], 3 * n), h.dtype)
    for t in range(len(a)):
        hidden[:] = 0
        product(h[t], wt, hidden)
        for b in range(a.shape[1]):
            gates = a[t, b]
            for j in range(n):
                r = sigmoid(gates[j] + hidden[b, j])
                z = sigmoid(gates[n + j] + hidden[b, n + j])
                q[t, b, j] = hidden[b, 2 * n + j] + d[j]
                g = math.tanh(gates[2 * n + j] + r * q[t, b, j])
                gates[j], gates[n + j], gates[2 * n + j] = r, z, g
                h[t + 1, b, j] = (1 - z) * g + z * h[t, b, j]


@njit(fastmath=True)
def gru_backward(w: Any, a: Any, q: Any, h: Any, dh: Any, to_h: Any) -> None:
    """a turns from gates into adjoints; to_h (tau, batch, 3n) are those of W h'."""
    n = h.shape[2]
    for t in range(len(a) - 1, -1, -1):
        for b in range(a.shape[1]):
            gates = a[t, b]
            for j in range(n):
                r, z, g = gates[j], gates[n + j], gates[2 * n + j]
                carry = dh[t + 1, b, j]
                dg = carry * (1 - z) * (1 - g**2)
                gates[j] = dg * q[t, b, j] * r * (1 - r)
                gates[n + j] = carry * (h[t, b, j] - g) * z * (1 - z)
                gates[2 * n + j] = dg
                to_h[t, b, j], to_h[t, b, n + j] = gates[j], gates[n + j]
                to_h[t, b, 2 * n + j] = dg * r
                dh[t, b, j] += carry * z
        product(to_h[t], w, dh[t])


def head(h: Any, a: Arrays) -> tuple[Any, Any]:
    """Loss and adjoints (tau * batch, k) of the outputs for states h (tau * batch, n)."""
    o = h @ a["V"].T + a["c"]
    o -= o.max(1, keepdims=True)
    y = a["y"].reshape(-1)
    rows = np.arange(len(y))
    chosen = o[rows, y]
    np.exp(o, out=o)
    total = o.sum(1)
    o /= total[:, None]
    o[rows, y] -= 1
    return (np.log(total) - chosen).sum(), o


def make(kind: str, size: Size, dtype: Any) -> Run:
    """A run whose scans are compiled at the first call."""
    n, m, tau, batch = size

    def run(a: Arrays) -> Result:
        x = a["x"].reshape(-1, m)
        wt = np.ascontiguousarray(a["W"].T)
        gates = (x @ a["U"].T + a["b"]).reshape(tau, batch, -1)
        h = np.empty((tau + 1, batch, n), dtype)
        h[0] = a["h0"]
        if kind == "rnn":
            rnn_forward(wt, gates, h)
        elif kind == "lstm":
            s = np.empty_like(h)
            s[0] = a["s0"]
            lstm_forward(wt, gates, h, s)
        else:
            q = np.empty((tau, batch, n), dtype)
            gru_forward(wt, a["d"], gates, q, h)
        loss, do = head(h[1:].reshape(-1, n), a)
        dh = np.zeros_like(h)
        dh[1:] = (do @ a["V"]).reshape(tau, batch, n)
        grads = {"V": do.T @ h[1:].reshape(-1, n), "c": do.sum(0)}
        to_h = gates
        if kind == "rnn":
            rnn_backward(a["W"], h, dh, gates)
        elif kind == "lstm":
            grads["s0"] = np.zeros((batch, n), dtype)
            lstm_backward(a["W"], gates, s, dh, grads["s0"])
        else:
            to_h = np.empty_like(gates)
            gru_backward(a["W"], gates, q, h, dh, to_h)
            grads["d"] = to_h[:, :, 2 * n :].reshape(-1, n).sum(0)
        to_h, to_x = to_h.reshape(tau * batch, -1), gates.reshape(tau * batch, -1)
        grads["W"] = to_h.T @ h[:-1].reshape(-1, n)
        grads["U"] = to_x.T @ x
        grads["b"] = to_x.sum(0)
        grads["x"] = (to_x @ a["U"]).reshape(tau, batch, m)
        grads["h0"] = dh[0]
        return loss, grads

    return run
