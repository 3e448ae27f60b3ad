"""What a plot starts from: a recurrence with arrays, its state, its recurrent matrices at a radius."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError, nearest
from unroll.graph.folded import fold
from unroll.language.latex import name_latex
from unroll.numeric.arrays import prepare
from unroll.numeric.execution import run
from unroll.numeric.trace import Trace
from unroll.plots.picture import Style
from unroll.symbolic.expressions import Index, references
from unroll.symbolic.recurrence import INPUT, Recurrence
from unroll.symbolic.transformations import targets

Array = NDArray[Any]


@dataclass(frozen=True)
class Material:
    """A recurrence with all arrays that a run of it takes.

    arrays: by name; shapes: of one value, for all names; lengths: of the axes; of: the objective,
    None where the recurrence says it.
    """

    recurrence: Recurrence
    arrays: Mapping[str, Array]
    shapes: Mapping[str, tuple[int, ...]]
    lengths: Mapping[str, int]
    seed: int
    of: str | None
    look: Style

    @property
    def steps(self) -> int:
        """Length of the time axis."""
        return self.lengths[self.recurrence.axes[0].length]

    def run(self, arrays: Mapping[str, Array] | None = None, **options: Any) -> Trace:
        """A run with some arrays put in place of others."""
        return run(
            self.recurrence,
            {**self.arrays, **(arrays or {})},
            steps=self.lengths,
            dims=dict(self.shapes),
            **{"of": self.of, **options},
        )

    def random(self, what: str, size: Any) -> Array:
        """Normal numbers that depend on the seed and on what they are for, alone."""
        return np.asarray(np.random.default_rng([self.seed, *what.encode()]).normal(size=size))


def gather(
    recurrence: Recurrence,
    arrays: Mapping[str, Any] | None,
    look: Style,
    *,
    steps: Any,
    dims: Mapping[str, Any],
    seed: int,
    of: str | None,
) -> Material:
    """The material of a plot: arrays as given, or made up. Raises UnrollError as `run` does."""
    data = prepare(recurrence, arrays, steps=steps, dims=dims, seed=seed)
    if data.batched:
        raise UnrollError("a plot is of one sequence, not of a batch")
    if any(axis.leaves for axis in data.recurrence.axes):
        raise UnrollError("a plot runs over steps, not over the nodes of a tree")
    lengths = dict(data.sizes.lengths)
    return Material(data.recurrence, data.arrays, data.shapes, lengths, seed, of, look)


# --- state ------------------------------------------------------------------------------


def state_of(material: Material, name: str | None) -> str:
    """The state that a plot is about: the one named, or the first that a step reads of the one before."""
    recurrence = material.recurrence
    found = [n for sign in (-1, 1) for n in recurrence.defined if _read_at(recurrence, n, sign)]
    states = list(dict.fromkeys(found))  # those that run forward come first
    if name is None and states:
        return states[0]
    if name is None or name not in states:
        close = nearest(name or "", states)
        raise UnrollError(
            f"there is no state {name!r}" if name else "the recurrence has no state",
            remedy=f"Did you mean {close!r}?" if close else _which(states),
        )
    return name


def _which(states: list[str]) -> str:
    if states:
        return f"Its states are: {', '.join(states)}."
    return "A state is what a step reads of the one before it, as in h_t = tanh(W h_{t-1} + x_t)."


def _read_at(recurrence: Recurrence, name: str, sign: int) -> bool:
    """Whether a variable over time alone is read before (-1) or after (1) the step where it stands."""
    time = recurrence.axes[0]
    return recurrence.axes_of(name) == (time,) and any(
        r.name == name and r.indices[0].base == time.name and r.indices[0].offset * sign > 0
        for e in recurrence.equations
        for r in references(e.expression)
    )


def symbol(name: str, *, above: str | None = None) -> str:
    """A name as mathematics with an index above it: `h^{(t)}`."""
    tex = name_latex(name)
    return tex if above is None else rf"{{{tex}}}^{{\!({above})}}"


# --- radius -----------------------------------------------------------------------------


def recurrent_matrices(material: Material) -> tuple[str, ...]:
    """Parameters that multiply a variable of another step: square matrices, and numbers."""
    recurrence = material.recurrence
    found: dict[str, None] = {}
    for source, _, link in fold(recurrence).edges(data="link"):
        if source not in recurrence.defined or not any(link.lags) or None in link.lags:
            continue
        for factor in link.factors:
            for r in references(factor):
                shape = material.shapes.get(r.name, (0,))
                square = len(shape) == 2 and shape[0] == shape[1]
                if r.name in recurrence.parameters and (square or not shape):
                    found[r.name] = None
    return tuple(found)


def at_radius(material: Material, radius: float) -> Material:
    """The same with each recurrent matrix scaled to a spectral radius."""
    names = recurrent_matrices(material)
    if not names:
        raise UnrollError(
            "the recurrence has no recurrent matrix whose radius could be set",
            remedy="It is a square parameter that multiplies a state of the step before, as W h_{t-1}.",
        )
    scaled = {}
    for name in names:
        matrix = np.atleast_2d(material.arrays[name])
        own = float(np.abs(np.linalg.eigvals(matrix)).max())
        if own < 1e-9:
            raise UnrollError(f"the eigenvalues of {name} are zero: no factor gives it a radius")
        scaled[name] = material.arrays[name] * (radius / own)
    return replace(material, arrays={**material.arrays, **scaled})


def scaled_inputs(material: Material, factor: float) -> Material:
    """The same with inputs and biases (vectors among the parameters) multiplied by a factor."""
    recurrence = material.recurrence
    left = targets(recurrence)
    scaled = {
        name: array * factor
        for name, array in material.arrays.items()
        if name in recurrence.names
        and name not in left
        and (recurrence.role(name) == INPUT or _is_bias(material, name))
    }
    return replace(material, arrays={**material.arrays, **scaled})


def _is_bias(material: Material, name: str) -> bool:
    """Whether a parameter is added and multiplies nothing."""
    if name not in material.recurrence.parameters or len(material.shapes[name]) != 1:
        return False
    factors = {
        r.name
        for _, _, link in fold(material.recurrence).edges(data="link")
        for factor in link.factors
        for r in references(factor)
    }
    return name not in factors


def start(material: Material, state: str) -> str:
    """The name of a state's initial value, as arrays have it."""
    own = [e.target for e in material.recurrence.equations_of(state)]
    given = [r for r in own if r.indices and not r.indices[0].base]
    return str(given[0]) if given else f"{state}[{Index('', 0)}]"
