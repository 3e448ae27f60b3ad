"""PyTorch's fused modules: nn.RNN, nn.LSTM, nn.GRU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy, linear

from ..problem import Arrays, Result, Run, Size
from .torch_loop import gradients, tensors

MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def make(kind: str, size: Size, dtype: Any) -> Run:
    """A run of one module over all steps."""
    torch.set_num_threads(1)
    n, m, tau, batch = size
    real = {"float64": torch.float64, "float32": torch.float32}[np.dtype(dtype).name]
    module = MODULES[kind](m, n, dtype=real)
    no_bias = torch.zeros_like(module.bias_hh_l0.detach())

    def run(arrays: Arrays) -> Result:
        p, y = tensors(arrays)
        state = (p["h0"][None], p["s0"][None]) if kind == "lstm" else p["h0"][None]
        weights = {
            "weight_hh_l0": p["W"],
            "weight_ih_l0": p["U"],
            "bias_ih_l0": p["b"],
            "bias_hh_l0": torch.cat((no_bias[: 2 * n], p["d"])) if kind == "gru" else no_bias,
        }
        h, _ = functional_call(module, weights, (p["x"], state))
        logits = linear(h.reshape(tau * batch, n), p["V"], p["c"])
        return gradients(cross_entropy(logits, y.reshape(-1), reduction="sum"), p)

    return run
