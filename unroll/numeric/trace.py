"""What a run found out: every value, every gradient, and how it was computed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError, nearest
from unroll.files import write
from unroll.graph.unrolled import Place
from unroll.numeric.finiteness import first_nonfinite
from unroll.numeric.kernels import norm
from unroll.numeric.layout import Rows
from unroll.numeric.schedule import Schedule
from unroll.symbolic.operations import Shape
from unroll.symbolic.recurrence import Recurrence
from unroll.symbolic.sizes import Sizes

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """Values and gradients of one run.

    recurrence: what was run, gradient equations included; forward: without them; names: of these;
    values: arrays by name, row 0 being step `rows[name].first`; gradients: name of a variable to that
    of its gradient; ends: by the name of a length the lengths of the entries of a batch, where they
    differ.
    """

    recurrence: Recurrence
    forward: Recurrence
    names: tuple[str, ...]
    sizes: Sizes
    values: Mapping[str, Array]
    gradients: Mapping[str, str]
    objective: str | None
    rows: Mapping[str, tuple[Rows, ...]]
    batch: int | None
    batched: frozenset[str]
    shapes: Mapping[str, Shape]
    parameters: tuple[str, ...]
    schedule: Schedule
    code: str
    ends: Mapping[str, Array] | None = None

    @property
    def steps(self) -> int:
        """Length of the time axis."""
        return self.sizes[self.recurrence.axes[0].length]

    # --- values -----------------------------------------------------------------

    def __getitem__(self, name: str) -> Array:
        """Values of a name at t = 1..tau: `(tau, n)` or `(tau, batch, n)`; whole for one without steps,
        `(n_l, tau, n)` for one on several axes.

        Where no equation defines it, it is zero. Raises UnrollError for an unknown name.
        """
        return self._steps(self._known(name, self.values))

    def initial(self, name: str) -> Array | None:
        """Value at index 0 of its one axis, `(n,)` or `(batch, n)`; None where there is none."""
        name = self._known(name, self.values)
        return self._at(name, 0)

    @property
    def loss(self) -> float | None:
        """The objective, summed over steps (if it has any) and batch; None without one."""
        if self.objective is None:
            return None
        with np.errstate(all="ignore"):
            total = float(np.sum(self[self.objective]))
        whole = self.objective in self.batched or self.objective not in self.rows
        return total if whole or self.batch is None else total * self.batch

    # --- gradients --------------------------------------------------------------

    def gradient(self, name: str) -> Array:
        """Gradient of the loss: of a parameter, a variable or an input at t = 1..tau, or of a value
        at one index, as `h[0]`.

        It has the shape of what it is the gradient of. Raises UnrollError where there is none.
        """
        if name.endswith("]"):
            return self._point_gradient(name)
        if not self.gradients:
            raise UnrollError(
                "this run has no gradients",
                remedy="Add an objective, as in J = sum(L[t], t), or name one with of=.",
            )
        key = self.gradients[self._known(name, self.gradients, "gradient of ")]
        return self._summed(self._steps(key), name, key, len(self.rows.get(key, ())))

    def contributions(self, name: str) -> Array:
        """What each step adds to a parameter's gradient, `(tau, *shape)`: the book's ∇W^(t).

        They add up to `gradient(name)`. Raises UnrollError for what belongs to no step.
        """
        from unroll.numeric.contributions import by_step

        name = self._known(name, self.gradients, "gradient of ")
        if not self.recurrence.equations_of(self.gradients[name]):
            raise UnrollError(
                f"what each step adds to the gradient of {name} was not kept",
                remedy="Run it without checkpoint= to have it.",
            )
        return by_step(self, name)

    def sensitivities(
        self,
        name: str,
        of: str | None = None,
        *,
        steps: Sequence[int] | None = None,
        entry: int | None = None,
    ) -> Array:
        """What each step's loss says of each step, ∂L^(k)/∂h^(t): `(tau_k, tau_t, *shape)`.

        They add up over k to `gradient(name)`, and are zero for t > k where nothing runs backward.
        of: another scalar with a value at each step; steps: the k wanted; entry: of a batch, the one
        meant. Raises UnrollError where the loss is no sum over steps.
        """
        from unroll.numeric.contributions import by_loss

        return by_loss(self, name, of, steps, entry)

    def influence(
        self,
        of: str,
        by: str,
        *,
        steps: Sequence[int] | None = None,
        entry: int | None = None,
    ) -> Array:
        """The total derivative of each step of a variable by each of another, ∂o^(t)/∂x^(s).

        `(tau_t, tau_s, *shape of o, *shape of x)`. steps: the t wanted; entry: of a batch, the one
        meant.
        """
        from unroll.numeric.jacobians import between

        return between(self, of, by, steps, entry)

    def jacobian(
        self,
        *names: str,
        by: str | Sequence[str] | None = None,
        lag: int | None = None,
        entry: int | None = None,
    ) -> Array:
        """One step's Jacobian ∂h^(t)/∂h^(t-1), `(tau, n, n)`, through everything within the step.

        names: states, stacked where there are several, `jacobian("h", "c")`; by: other names, a state
        of the step before or an input of the same; lag: how many steps before. What else is read from
        other steps is held fixed. entry: of a batch, the one meant.
        """
        from unroll.numeric.jacobians import one_step

        return one_step(self, names, by, lag, entry)

    def _point_gradient(self, name: str) -> Array:
        """Gradient of a value at one index, `h[0]`; at each step of its other axes, `M[0, i]`."""
        bare, _, rest = name[:-1].partition("[")
        key = self.gradients.get(bare, "")
        axes, rows = self.recurrence.axes_of(bare), self.rows.get(key, ())
        words = [word.strip() for word in rest.split(",")]
        if not rows or len(words) != len(rows):
            raise UnrollError(f"there is no gradient of {name}")
        places: list[int | slice] = []
        for word, axis, own in zip(words, axes, rows):
            if word == axis.name:
                places.append(slice(1 - own.first, 1 - own.first + self.sizes[axis.length]))
                continue
            step = self.sizes[axis.length] if word == axis.length else _number(word)
            if step is None or not own.start <= step <= own.stop:
                raise UnrollError(f"there is no gradient of {name}")
            places.append(step - own.first)
        found = np.array(self.values[key][tuple(places)])
        lead = sum(isinstance(p, slice) for p in places)
        return self._summed(found, name if name in self.values else bare, key, lead)

    def _summed(self, found: Array, name: str, key: str, axis: int) -> Array:
        """A gradient summed over the batch where what it is the gradient of has no batch axis."""
        done = name in self.batched or name not in self._computed or name == self.objective
        if self.batch is None or done:
            return found
        return np.asarray(found.sum(axis=axis) if key in self.batched else found * self.batch)

    @cached_property
    def _computed(self) -> frozenset[str]:
        """Names whose gradients are not summed over the batch by the program: all but the leaves."""
        return frozenset(n for n in self.values if n in self.recurrence.defined or "[" in n)

    # --- numbers that went wrong ------------------------------------------------

    @cached_property
    def nonfinite(self) -> tuple[str, Place] | None:
        """Where inf or nan appears first, in the order of computation: (name, step); None nowhere.

        The step is None for what has none, a point such as (2, 3) on several axes.
        """
        return first_nonfinite(self)

    # --- out --------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The trace as an npz archive: `h`, `h[0]`, `grad/W`; the same bytes for the same run."""
        arrays: dict[str, Array] = {}
        for name in self.names:
            arrays[name] = self[name]
            initial = self.initial(name)
            if initial is not None:
                arrays[f"{name}[0]"] = initial
        for name in self.gradients:
            arrays[f"grad/{name}"] = self.gradient(name)
            if self._at(self.gradients[name], 0) is not None:
                arrays[f"grad/{name}[0]"] = self.gradient(f"{name}[0]")
        buffer = BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `to_bytes()` to a file, whole or not at all. Raises UnrollError if it cannot."""
        write(path, self.to_bytes())

    def __repr__(self) -> str:
        lines = [f"Trace of {self.steps} steps" + (", " + self._loss() if self.objective else "")]
        for name in self.names:
            shape = "x".join(map(str, np.shape(self[name]))) or "scalar"
            gradient = f", |gradient| {self._size(name)}" if name in self.gradients else ""
            lines.append(f"  {name}: {shape}{gradient}")
        if self.nonfinite is not None:
            name, step = self.nonfinite
            lines.append(
                f"  not finite from {name}" + (f" at step {step}" if step is not None else "")
            )
        return "\n".join(lines)

    def _loss(self) -> str:
        return f"{self.objective} = {self.loss:.6g}"

    def _size(self, name: str) -> str:
        return f"{length(self.gradient(name)):.3g}"

    # --- rows -------------------------------------------------------------------

    def _known(self, name: str, among: Mapping[str, Any], what: str = "") -> str:
        if name in among:
            return name
        close = nearest(name, among)
        raise UnrollError(
            f"this trace has no {what}{name!r}",
            remedy=f"Did you mean {close!r}?" if close else f"It has {', '.join(among)}.",
        )

    def _steps(self, name: str) -> Array:
        """A copy of rows 1..tau, or of the whole value."""
        values = self.values[name]
        if name not in self.rows:
            return np.array(values)
        of = next((n for n, gradient in self.gradients.items() if gradient == name), name)
        whole = self.forward if of in self.forward.names else self.recurrence
        return values[inner(whole, of, self.rows[name], self.sizes)].copy()

    def _at(self, name: str, step: int) -> Array | None:
        rows = self.rows.get(name, ())
        if len(rows) != 1 or not rows[0].start <= step <= rows[0].stop:
            return None
        return np.array(self.values[name][step - rows[0].first])


def length(array: Array) -> float:
    """Euclidean length of all entries, whatever their size."""
    with np.errstate(all="ignore"):
        return float(norm(array, array.ndim))


def _number(word: str) -> int | None:
    try:
        return int(word)
    except ValueError:
        return None


def inner(
    recurrence: Recurrence, name: str, rows: tuple[Rows, ...], sizes: Sizes
) -> tuple[slice, ...]:
    """The rows of an array that are steps of its axes, and not before or behind them."""
    ends = [last.base for _, last in recurrence.extent(name)]
    axes = recurrence.axes_of(name)
    lengths = [sizes[e if e and e == a.leaves else a.length] for e, a in zip(ends, axes)]
    return tuple(slice(1 - r.first, 1 - r.first + n) for r, n in zip(rows, lengths))
