"""How much of a loss arrives so many steps before it: vanishing and exploding gradients.

‖∂L^(τ)/∂h^(t)‖ against τ - t, for several spectral radii of the recurrent matrices, with radius^lag,
what a linear recurrence has in the long run, as dashes. Goodfellow, Bengio & Courville 2016, section
10.7: components scale as the eigenvalues to the power of the lag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unroll.errors import UnrollError
from unroll.numeric.contributions import per_step
from unroll.plots.picture import (
    blank,
    decades,
    labels_apart,
    name_axes,
    note,
    panel,
    whole_steps,
    write_beside,
)
from unroll.plots.preparing import Material, at_radius, scaled_inputs, state_of, symbol

LARGEST = 1e250
SMALLEST = 1e-16  # of a norm that is drawn, relative to that at lag 0


def norms_by_lag(material: Material, state: str) -> tuple[str, NDArray[Any]]:
    """Norms at lags 0, 1, ..., tau-1, and what they are of: the last step's loss, else the last state."""
    trace = material.run()
    if trace.objective is None:
        found = trace.influence(state, state, steps=(trace.steps,))[0]
        flat = found.reshape(trace.steps, int(np.prod(trace.shapes[state])), -1)
        return symbol(state, above=r"\tau"), np.linalg.norm(flat, 2, axis=(1, 2))[::-1]
    try:
        loss = per_step(trace)
    except UnrollError:  # one loss for the whole sequence
        rows = trace.gradient(state)
        return symbol(trace.objective), _norm(rows)[::-1]
    rows = trace.sensitivities(state, of=loss, steps=(trace.steps,))[0]
    return symbol(loss, above=r"\tau"), _norm(rows)[::-1]


def _norm(rows: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.linalg.norm(rows.reshape(len(rows), -1), axis=1))


def draw(
    material: Material, *, radius: Sequence[float], scale: float, state: str | None
) -> tuple[Figure, str]:
    """radius: spectral radii; scale: of inputs and biases, small where units shall not saturate."""
    look = material.look
    name = state_of(material, state)
    if material.steps < 2:
        raise UnrollError("one step has no lag", remedy="Use more --steps.")
    small = scaled_inputs(material, scale)
    curves = []
    for each in radius:
        of, norms = norms_by_lag(at_radius(small, each), name)
        if not np.all(np.isfinite(norms)) or norms.max() > LARGEST:
            raise UnrollError(
                f"at radius {each:g} the gradient of {name} explodes beyond what a number holds",
                remedy="Use fewer --steps, or a smaller --radius.",
            )
        if not norms[0] > 0:
            raise UnrollError(
                f"the gradient of {name} is zero at the last step: there is nothing to compare with",
                remedy="Choose another --state or --of.",
            )
        curves.append(norms / norms[0])
    figure = blank(look, 680, 430)
    axes = panel(figure, look, (92, 66, 500, 340))
    decades(axes)
    lags = np.arange(material.steps)
    colors = look.around(radius, 1.0)
    for each, norms, color in zip(radius, curves, colors):
        axes.plot(lags, each**lags, color=color, linewidth=1, dashes=(4, 3), alpha=0.75)
        shown = np.where(norms > SMALLEST, norms, np.nan)
        axes.plot(lags, shown, color=color, linewidth=2)
    tops = [float(c.max()) for c in curves]
    lows = [np.min(c[c > SMALLEST]) for c in curves]
    axes.set_ylim(min(lows) / 3, max(*tops, 1.0) * 5)
    whole_steps(axes, material.steps - 1)
    _label_ends(axes, look, radius, curves, colors)
    above = rf"\|\nabla_{{{symbol(name, above='t')}}}\,{of}\|"
    below = rf"\|\nabla_{{{symbol(name, above=chr(92) + 'tau')}}}\,{of}\|"
    if of.startswith(symbol(name, above=r"\tau")):
        above, below = (
            rf"\|\partial {of} / \partial {symbol(name, above=i)}\|" for i in ("t", r"\tau")
        )
    note(axes, look, r"dashes: $\rho^{\tau - t}$")
    name_axes(axes, look, r"lag $\;\tau - t$", rf"${above} \;/\; {below}$")
    said = ", ".join(f"{r:g}: {c[-1]:.1e}" for r, c in zip(radius, curves))
    return figure, (
        f"Norm of the gradient by {name} against lag, relative to that at lag 0, for spectral radii; "
        f"at lag {material.steps - 1} it is {said}. Dashes: the radius to the power of the lag."
    )


def _label_ends(axes: Any, look: Any, radius: Sequence[float], curves: Any, colors: Any) -> None:
    """The radius at the right end of each curve, none over another."""
    last = axes.get_xlim()[1]
    ends = [c[np.flatnonzero(c > SMALLEST)[-1]] for c in curves]
    heights = [axes.transData.transform((last, e))[1] for e in ends]
    for each, end, color, y in zip(radius, ends, colors, labels_apart(heights, 19)):
        x = axes.transData.transform((last, end))[0] + 12
        at = axes.transData.inverted().transform((x, y))
        write_beside(axes, rf"$\rho = {each:g}$", at[0], at[1], color)
