"""Which loss says how much to which state: the lower triangle of ‖∂L^(k)/∂h^(t)‖.

Zero above the diagonal, for what comes later has no part in a loss; the way down a column is how a
state is heard of later. Goodfellow, Bengio & Courville 2016, section 10.7.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from numpy.typing import NDArray

from unroll.errors import UnrollError
from unroll.numeric.contributions import per_step
from unroll.plots.picture import LABEL, Style, blank, decades, name_axes, panel, words
from unroll.plots.preparing import Material, at_radius, state_of, symbol

CELLS = 40  # a side that are drawn one by one
RANGE = 1e-12  # of the largest norm: what is smaller has the colour of this


def norms_of(material: Material, state: str) -> tuple[str, NDArray[Any]]:
    """The name of the loss, and ‖∂L^(k)/∂h^(t)‖ at `[k-1, t-1]`."""
    trace = material.run()
    if trace.objective is None:
        raise UnrollError(
            "this plot needs a loss at each step",
            remedy='Add one, as in "...; L_t = squared_error(h_t, y_t)", or name a scalar with --of.',
        )
    loss = per_step(trace)
    rows = trace.sensitivities(state, of=loss)
    return loss, np.asarray(np.linalg.norm(rows.reshape(*rows.shape[:2], -1), axis=2))


def draw(material: Material, *, radius: float | None, state: str | None) -> tuple[Figure, str]:
    """radius: of the recurrent matrices; None leaves them as they are."""
    look = material.look
    name = state_of(material, state)
    loss, norms = norms_of(at_radius(material, radius) if radius else material, name)
    if not norms.max() > 0:
        raise UnrollError(f"{loss} does not depend on {name}")
    steps = len(norms)
    figure = blank(look, 610, 490)
    axes = panel(figure, look, (82, 66, 400, 400))
    low, high = max(norms[norms > 0].min(), norms.max() * RANGE), float(norms.max())
    scale = LogNorm(low, high if high > low else 10 * low)
    edges = np.arange(steps + 1) + 0.5
    ramp = look.ramp()
    shown = np.ma.masked_equal(norms, 0)
    if steps <= CELLS:
        line: dict[str, Any] = {"edgecolors": look.background, "linewidth": 0.6}
        axes.pcolormesh(edges, edges, shown, cmap=ramp, norm=scale, **line)
    else:  # an image: so many cells make a large file
        corners = (0.5, steps + 0.5, steps + 0.5, 0.5)
        axes.imshow(
            shown, cmap=ramp, norm=scale, interpolation="none", extent=corners, aspect="auto"
        )
    axes.set_xlim(0.5, steps + 0.5)
    axes.set_ylim(steps + 0.5, 0.5)
    every = max(1, -(-steps // 10))
    ticks = [1, *range(every if every > 1 else 2, steps + 1, every)]
    for own in (axes.xaxis, axes.yaxis):
        own.set_major_locator(FixedLocator(ticks))
    name_axes(axes, look, "step $t$ of the state", "step $k$ of the loss")
    _key(figure, look, scale, f"{symbol(loss, above='k')}", symbol(name, above="t"))
    if not norms[np.triu_indices(steps, 1)].any():
        middle = steps * 0.74, steps * 0.24
        zero = rf"$\partial {symbol(loss, above='k')} / \partial {symbol(name, above='t')} = 0$"
        style: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "fontsize": LABEL,
            "color": look.ink,
        }
        axes.text(*middle, words(zero), **style)
    return figure, (
        f"Norms of the gradients of {loss} at step k by {name} at step t, k downward and t to the "
        f"right: from {norms[norms > 0].min():.1e} to {norms.max():.1e}, zero for t > k in a causal "
        "network."
    )


def _key(figure: Figure, look: Style, scale: LogNorm, loss: str, state: str) -> Axes:
    """The colours and what they stand for, in bands of equal factors."""
    axes = panel(figure, look, (502, 66, 18, 368))
    bands = np.geomspace(*_ends(scale), 65)
    middles = np.sqrt(bands[1:] * bands[:-1])[:, None]
    axes.pcolormesh([0, 1], bands, middles, cmap=look.ramp(), norm=scale, edgecolors="face",
                    linewidth=0.3)  # fmt: skip
    decades(axes)
    axes.set_ylim(*_ends(scale))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.text(
        0.5,
        1.045,
        words(rf"$\left\|\frac{{\partial {loss}}}{{\partial {state}}}\right\|$"),
        color=look.ink,
        fontsize=LABEL,
        ha="center",
        va="bottom",
        transform=axes.transAxes,
    )
    return axes


def _ends(scale: LogNorm) -> tuple[float, float]:
    assert scale.vmin is not None
    assert scale.vmax is not None
    return float(scale.vmin), float(scale.vmax)
