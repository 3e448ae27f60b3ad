"""JAX: jit of value_and_grad over lax.scan, in the precision of the arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid

from ..problem import Arrays, Result, Run, Size

jax.config.update("jax_enable_x64", True)


def rnn_step(p: Any, state: Any, from_x: Any) -> Any:
    (h,) = state
    h = jnp.tanh(h @ p["W"].T + from_x)
    return (h,), h


def lstm_step(p: Any, state: Any, from_x: Any) -> Any:
    h, s = state
    i, f, g, o = jnp.split(h @ p["W"].T + from_x, 4, axis=1)
    s = sigmoid(f) * s + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(s)
    return (h, s), h


def gru_step(p: Any, state: Any, from_x: Any) -> Any:
    (h,) = state
    r_h, z_h, g_h = jnp.split(h @ p["W"].T, 3, axis=1)
    r_x, z_x, g_x = jnp.split(from_x, 3, axis=1)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    g = jnp.tanh(g_x + r * (g_h + p["d"]))
    h = (1 - z) * g + z * h
    return (h,), h


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}


def make(kind: str, size: Size, dtype: Any) -> Run:
    """A run compiled at its first call."""
    step = STEPS[kind]

    def objective(p: Any, y: Any) -> Any:
        state = (p["h0"], p["s0"]) if kind == "lstm" else (p["h0"],)
        from_x = p["x"] @ p["U"].T + p["b"]
        _, h = jax.lax.scan(lambda *args: step(p, *args), state, from_x)
        logits = jax.nn.log_softmax(h @ p["V"].T + p["c"])
        return -jnp.take_along_axis(logits, y[..., None], axis=-1).sum()

    differentiate = jax.jit(jax.value_and_grad(objective))

    def run(arrays: Arrays) -> Result:
        p = {name: value for name, value in arrays.items() if name != "y"}
        loss, grads = differentiate(p, arrays["y"])
        return float(loss), {name: np.asarray(g) for name, g in grads.items()}

    return run
