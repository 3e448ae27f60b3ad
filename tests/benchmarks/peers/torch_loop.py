"""PyTorch, eager: a Python loop of tensor operations and its autograd."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy, linear

from ..problem import Arrays, Result, Run, Size


def rnn_step(p: Any, x: Any, state: Any) -> Any:
    (h,) = state
    return (torch.tanh(linear(h, p["W"]) + linear(x, p["U"], p["b"])),)


def lstm_step(p: Any, x: Any, state: Any) -> Any:
    h, s = state
    i, f, g, o = (linear(h, p["W"]) + linear(x, p["U"], p["b"])).chunk(4, 1)
    s = torch.sigmoid(f) * s + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(s), s


def gru_step(p: Any, x: Any, state: Any) -> Any:
    (h,) = state
    r_h, z_h, g_h = linear(h, p["W"]).chunk(3, 1)
    r_x, z_x, g_x = linear(x, p["U"], p["b"]).chunk(3, 1)
    r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
    g = torch.tanh(g_x + r * (g_h + p["d"]))
    return (g + z * (h - g),)


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}


def tensors(arrays: Arrays) -> tuple[dict[str, Any], Any]:
    """Leaves that require gradients, by name, and the targets."""
    leaves = {
        name: torch.from_numpy(value).requires_grad_()
        for name, value in arrays.items()
        if name != "y"
    }
    return leaves, torch.from_numpy(arrays["y"])


def gradients(loss: Any, leaves: dict[str, Any]) -> Result:
    """Loss and gradients of the leaves, as NumPy."""
    grads = torch.autograd.grad(loss, list(leaves.values()))
    return loss.item(), {name: g.numpy() for name, g in zip(leaves, grads)}


def make(kind: str, size: Size, dtype: Any) -> Run:
    """A run of one step after another."""
    torch.set_num_threads(1)
    step = STEPS[kind]

    def run(arrays: Arrays) -> Result:
        p, y = tensors(arrays)
        state = (p["h0"], p["s0"]) if kind == "lstm" else (p["h0"],)
        outputs = []
        for x in p["x"].unbind():
            state = step(p, x, state)
            outputs.append(state[0])
        logits = linear(torch.cat(outputs), p["V"], p["c"])
        return gradients(cross_entropy(logits, y.reshape(-1), reduction="sum"), p)

    return run
