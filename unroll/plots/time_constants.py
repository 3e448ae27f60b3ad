"""How long a leaky unit remembers: from 1 on without input, and the time at which 1/e is left.

For μ^(t) = α μ^(t-1) + (1 - α) v^(t) that is -1 / ln α steps, about 1 / (1 - α) for α near 1; the
curve is α^t, the product of derivatives, as well. Goodfellow, Bengio & Courville 2016, section 10.9.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unroll.errors import UnrollError, nearest
from unroll.plots.picture import LABEL, blank, legend, name_axes, panel, whole_steps, words
from unroll.plots.preparing import Material, scaled_inputs, start, state_of, symbol

LEFT = float(np.exp(-1))  # the share that is left after one time constant


def decay(material: Material, name: str, leak: str, alpha: float) -> NDArray[np.float64]:
    """What is left of a state that begins at 1, at steps 0..tau: the root of the mean square."""
    shape = material.shapes[name]
    arrays = {
        leak: np.full(material.shapes[leak], alpha),
        start(material, name): np.ones(shape),
    }
    rows = scaled_inputs(material, 0.0).run(arrays, gradients=False)[name]
    left = np.sqrt(np.mean(rows.reshape(len(rows), -1) ** 2, axis=1))
    return np.concatenate([[1.0], left])


def time_constant(left: NDArray[np.float64]) -> float | None:
    """When 1/e is left, exponential between steps; None where more is left to the end."""
    below = np.flatnonzero(left < LEFT)
    if not len(below):
        return None
    after = int(below[0])
    high, low = np.log(left[after - 1]), np.log(max(left[after], 1e-300))
    return float(after - 1 + (high + 1) / (high - low))


def _between_steps(left: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exponential between steps, as a time constant has it."""
    logs = np.log(np.maximum(left, 1e-300))
    return np.asarray(np.exp(np.interp(times, np.arange(len(left)), logs)))


def draw(
    material: Material, *, alpha: Sequence[float], leak: str, state: str | None
) -> tuple[Figure, str]:
    """alpha: values of the parameter `leak`, the share of the past that is kept."""
    look = material.look
    name = state_of(material, state)
    if leak not in material.recurrence.parameters:
        close = nearest(leak, material.recurrence.parameters)
        raise UnrollError(
            f"the recurrence has no parameter {leak!r} that says how leaky it is",
            remedy=f"Did you mean {close!r}?" if close else
            "Name it with --leak, or write alpha for it, as in ema and leaky.",
        )  # fmt: skip
    curves = [decay(material, name, leak, a) for a in alpha]
    figure = blank(look, 720, 430)
    axes = panel(figure, look, (76, 66, 470, 340))
    colors = look.distinct(len(curves))
    axes.axhline(LEFT, color=look.faint, linewidth=1, dashes=(4, 3))
    fine = np.linspace(0, material.steps, 8 * material.steps + 1)
    said, labels = [], []
    for a, curve, color in zip(alpha, curves, colors):
        axes.plot(fine, _between_steps(curve, fine), color=color, linewidth=2)
        constant = time_constant(curve)
        shown = f"{constant:.1f}" if constant is not None else f"> {material.steps}"
        labels.append(rf"$\alpha = {a:g}$: ${shown}$ steps")
        said.append(f"{a:g}: {shown}")
        if constant is not None:
            axes.plot([constant] * 2, [0, LEFT], color=color, linewidth=1, dashes=(2, 2))
            axes.plot([constant], [LEFT], marker="o", markersize=7, color=color, linestyle="none",
                      markeredgecolor=look.background, zorder=5)  # fmt: skip
    whole_steps(axes, material.steps)
    axes.set_ylim(0, 1.04)
    axes.text(
        material.steps,
        LEFT + 0.02,
        words("$1/e$"),
        color=look.ink,
        fontsize=LABEL,
        ha="right",
        va="bottom",
    )
    name_axes(axes, look, "step $t$", f"what is left of ${symbol(name, above='0')}$")
    legend(axes, look, labels, colors, "time constant")
    return figure, (
        f"{name} from 1 on without input, for several {leak}; the time constant, when 1/e is left, is "
        f"{', '.join(said)} steps."
    )
