"""Who computes the problem: a row each."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from .problem import Run, Size

Make = Callable[[str, Size, Any], Run]
"""From a kind, a size and a dtype; raises NotImplementedError for a problem that it leaves out."""


@dataclass(frozen=True)
class Implementation:
    """module:function makes its runs; needs: the package that it cannot do without."""

    name: str
    what: str
    module: str
    function: str = "make"
    needs: str | None = None

    @property
    def missing(self) -> str | None:
        """Why it cannot run here; None if it can."""
        if self.needs is None or find_spec(self.needs) is not None:
            return None
        return f"{self.needs} is not installed (pip install -e '.[benchmarks]')"

    def make(self, kind: str, size: Size, dtype: Any) -> Run:
        """A run; what it allocates or compiles here, or at its first call, is not timed."""
        package = __package__ if self.module.startswith(".") else None
        make: Make = getattr(importlib.import_module(self.module, package), self.function)
        return make(kind, size, dtype)


BASELINE = "scheduled"
REFERENCE = "textbook"
OURS = "unroll"

TABLE = {
    row.name: row
    for row in (
        Implementation(
            "scheduled",
            "NumPy scheduled by hand, at its limit: maps, scans, reductions",
            ".peers.scheduled",
        ),
        Implementation(
            "unroll", "`unroll.parse(equations).run(arrays)`, all gates in one `W`", ".ours"
        ),
        Implementation(
            "unroll_gates",
            "the same with a `W_i`, `W_f`, ... for each gate, as books print it",
            ".ours",
            "make_gates",
        ),
        Implementation(
            "textbook", "NumPy as in a course: a loop, a sum of products a step", ".peers.textbook"
        ),
        Implementation("hips", "HIPS autograd of that loop", ".peers.hips", needs="autograd"),
        Implementation("torch_loop", "PyTorch, eager loop", ".peers.torch_loop", needs="torch"),
        Implementation(
            "torch_fused", "`nn.RNN`, `nn.LSTM`, `nn.GRU`", ".peers.torch_fused", needs="torch"
        ),
        Implementation(
            "jax_scan", "`jit(value_and_grad)` over `lax.scan`", ".peers.jax_scan", needs="jax"
        ),
        Implementation(
            "numba_scan",
            "scans written by hand and compiled, BLAS for the rest",
            ".peers.numba_scan",
            needs="numba",
        ),
    )
}


def find(name: str) -> Implementation:
    """An implementation of the table, or one more: `name=module:function`.

    Raises ValueError for neither.
    """
    if name in TABLE:
        return TABLE[name]
    title, _, place = name.rpartition("=")
    module, colon, function = place.partition(":")
    if not colon:
        raise ValueError(f"there is no {name}; choose from {', '.join(TABLE)}, or name=module:make")
    return Implementation(title or module, place, module, function)


def titles() -> str:
    """Markdown: what each name stands for."""
    lines = [f"| {row.name} | {row.what} |" for row in TABLE.values()]
    return "\n".join(["| name | what it is |", "|---|---|", *lines])
