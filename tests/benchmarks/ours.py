"""The problems in the language of this package, through its public interface.

Two ways to write the gated cells. Stacked: the arrays of the problem as they are, each gate a slice of
the pre-activation, whose ends are numbers, since a size has no name in the language. Gates: an equation and weights for each gate, as books print it; then cutting the
arrays and putting the gradients together belong to the call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import unroll

from .problem import Arrays, Result, Run, Size

HEAD = """
o[t] = c + V @ h[t]
L[t] = cross_entropy(softmax(o[t]), y[t])
J = sum(L[t], t)
"""
STACKED = {
    "rnn": "h[t] = tanh(b + W @ h[t-1] + U @ x[t])",
    "lstm": """
a[t] = b + W @ h[t-1] + U @ x[t]
i[t] = sigmoid(a[t][0:{n}])
f[t] = sigmoid(a[t][{n}:{n2}])
g[t] = tanh(a[t][{n2}:{n3}])
q[t] = sigmoid(a[t][{n3}:{n4}])
s[t] = f[t] * s[t-1] + i[t] * g[t]
h[t] = q[t] * tanh(s[t])""",
    "gru": """
a[t] = W @ h[t-1]
e[t] = b + U @ x[t]
r[t] = sigmoid(e[t][0:{n}] + a[t][0:{n}])
z[t] = sigmoid(e[t][{n}:{n2}] + a[t][{n}:{n2}])
g[t] = tanh(e[t][{n2}:{n3}] + r[t] * (a[t][{n2}:{n3}] + d))
h[t] = (1 - z[t]) * g[t] + z[t] * h[t-1]""",
}
GATES = {
    "lstm": """
i[t] = sigmoid(b_i + W_i @ h[t-1] + U_i @ x[t])
f[t] = sigmoid(b_f + W_f @ h[t-1] + U_f @ x[t])
g[t] = tanh(b_g + W_g @ h[t-1] + U_g @ x[t])
q[t] = sigmoid(b_q + W_q @ h[t-1] + U_q @ x[t])
s[t] = f[t] * s[t-1] + i[t] * g[t]
h[t] = q[t] * tanh(s[t])""",
    "gru": """
r[t] = sigmoid(b_r + W_r @ h[t-1] + U_r @ x[t])
z[t] = sigmoid(b_z + W_z @ h[t-1] + U_z @ x[t])
g[t] = tanh(b_g + U_g @ x[t] + r[t] * (W_g @ h[t-1] + d))
h[t] = (1 - z[t]) * g[t] + z[t] * h[t-1]""",
}
LETTERS = {"lstm": "ifgq", "gru": "rzg"}
INITIAL = {"h0": "h[0]", "s0": "s[0]"}


def stacked(kind: str, hidden: int) -> str:
    """Equations with all gates in one W."""
    ends = {"n": hidden, **{f"n{k}": k * hidden for k in (2, 3, 4)}}
    return STACKED[kind].format(**ends) + HEAD


def make(kind: str, size: Size, dtype: Any, **options: Any) -> Run:
    """Stacked weights; options go to `run`."""
    recurrence = unroll.parse(stacked(kind, size.hidden))

    def run(arrays: Arrays) -> Result:
        named = {INITIAL.get(name, name): value for name, value in arrays.items()}
        trace = recurrence.run(named, dtype=dtype, **options)
        assert trace.loss is not None
        gradients = {n: trace.gradient(INITIAL.get(n, n)) for n in arrays if n != "y"}
        return trace.loss, gradients

    return run


def make_gates(kind: str, size: Size, dtype: Any) -> Run:
    """Weights for each gate."""
    if kind not in GATES:
        raise NotImplementedError(f"{kind} has no gates")
    recurrence = unroll.parse(GATES[kind] + HEAD)
    n = size.hidden
    places = [(f"_{gate}", slice(k * n, (k + 1) * n)) for k, gate in enumerate(LETTERS[kind])]

    def run(arrays: Arrays) -> Result:
        named: Arrays = {}
        for name, value in arrays.items():
            if name in "WUb":
                named |= {name + gate: value[rows] for gate, rows in places}
            else:
                named[INITIAL.get(name, name)] = value
        trace = recurrence.run(named, dtype=dtype)
        assert trace.loss is not None
        gradients = {}
        for name in arrays:
            if name in "WUb":
                gradients[name] = np.concatenate([trace.gradient(name + g) for g, _ in places])
            elif name != "y":
                gradients[name] = trace.gradient(INITIAL.get(name, name))
        return trace.loss, gradients

    return run
