"""unroll: type a recurrence, see its unfolded graph, its values and its BPTT gradients.

>>> import unroll
>>> rnn = unroll.parse("h_t = tanh(W h_{t-1} + U x_t + b)")
>>> print(rnn)
h[t] = tanh(W @ h[t-1] + U @ x[t] + b)
>>> rnn.run(steps=5, dims={"x": 4, "h": 3})["h"].shape
(5, 3)
"""

from typing import Any

from unroll.errors import NonFiniteWarning, UnrollError
from unroll.figure import compose
from unroll.interface import Recurrence, parse, step, template

__version__ = "0.1.0"
__all__ = ["NonFiniteWarning", "Recurrence", "UnrollError", "compose", "parse", "step", "template"]


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext unroll`: the magics `%unroll` and `%%unroll`."""
    from unroll.magic import register

    register(shell)
