"""The cliff in the loss of a recurrent network, and gradient descent there without and with clipping.

The loss over two parameters: a plateau, a wall that is steeper the more steps there are, a floor with
a ravine at the wall's foot. Descent meets the wall from below; the gradient there throws the
parameters far away, unless its norm is cut. Goodfellow, Bengio & Courville 2016, section 10.11.1, fig. 10.17, eq. 10.48
and 10.49.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from unroll.errors import UnrollError, nearest
from unroll.plots.picture import LABEL, TICK, Style, blank, number, words
from unroll.plots.preparing import Material, symbol
from unroll.symbolic.expressions import Expression, Index, Reference, substitute
from unroll.symbolic.recurrence import Equation
from unroll.symbolic.transformations import fresh

Array = NDArray[np.float64]
LINES = 31  # of the surface, each way
FINE = 481  # points of each line
TALL = 0.9  # height of the box, its floor being 1 by 1
BEYOND = 0.6  # how far outside of the box a step is drawn


@dataclass(frozen=True)
class Window:
    """Two parameters and where they are drawn: name, from, to."""

    across: tuple[str, float, float]
    along: tuple[str, float, float]

    @property
    def names(self) -> tuple[str, str]:
        return self.across[0], self.along[0]

    def share(self, at: Array) -> Array:
        """A point as shares of the window, 0..1 inside."""
        low = np.array([self.across[1], self.along[1]])
        high = np.array([self.across[2], self.along[2]])
        return np.asarray((at - low) / (high - low))

    def holds(self, at: Array) -> bool:
        shares = self.share(at)
        return bool(np.all((shares >= 0) & (shares <= 1)))


# --- numbers ----------------------------------------------------------------------------


def losses(material: Material, names: Sequence[str], points: Array) -> Array:
    """The loss at points of parameter space, `(points, len(names))`, as one batch.

    Parameters have no batch, inputs have: each becomes an input that is the same at every step.
    """
    recurrence = material.recurrence
    objective = recurrence.objective(material.of)
    assert objective is not None
    time, taken = recurrence.axes[0], set(recurrence.names)
    inputs = {}
    for name in names:
        inputs[name] = fresh(f"{name}_at", taken)
        taken.add(inputs[name])

    def opened(equation: Equation) -> Equation:
        letters = recurrence.letters_of(equation)
        index = Index(time.name) if time.name in letters else time.last

        def other(r: Reference) -> Expression | None:
            return Reference(inputs[r.name], (index,)) if r.name in inputs else None

        return replace(equation, expression=substitute(equation.expression, other))

    whole = replace(recurrence, equations=tuple(opened(e) for e in recurrence.equations))
    arrays = {n: a for n, a in material.arrays.items() if n not in inputs}
    for column, name in enumerate(names):
        arrays[inputs[name]] = np.tile(points[:, column], (material.steps, 1))
    shapes = {n: s for n, s in material.shapes.items() if n not in inputs}
    shapes |= dict.fromkeys(inputs.values(), ())
    many = replace(material, recurrence=whole, arrays=arrays, shapes=shapes)
    indexed = next(n for n in whole.defined if whole.axes_of(n))  # a total is summed over the batch
    trace = many.run(gradients=False, of=indexed if not whole.axes_of(objective) else objective)
    found = trace[objective]
    found = found.sum(axis=0) if whole.axes_of(objective) else found
    if found.shape != (len(points),):
        raise UnrollError(f"{objective} depends on neither of {' and '.join(names)}")
    return np.asarray(found)


def descend(
    material: Material,
    window: Window,
    start: Sequence[float],
    rate: float,
    clip: float | None,
    updates: int,
) -> Array:
    """Gradient descent from a point: `(visited, 2)`, the last one outside where it leaves the window.

    clip: the norm that a gradient is cut to (eq. 10.48-10.49); None cuts nothing.
    """
    at = np.array(start, float)
    visited = [at]
    for _ in range(updates):
        values = dict(zip(window.names, (np.float64(v) for v in at)))
        trace = material.run({n: np.asarray(v) for n, v in values.items()})
        gradient = np.array([float(trace.gradient(n)) for n in window.names])
        norm = float(np.linalg.norm(gradient))
        if not np.isfinite(norm):
            break
        if clip is not None and norm > clip:
            gradient = gradient * clip / norm
        at = at - rate * gradient
        visited.append(at)
        if not window.holds(at):
            break
    return np.array(visited)


def window_of(material: Material, over: Mapping[str, tuple[float, float]]) -> Window:
    """The two parameters drawn. Raises UnrollError unless they are two, and numbers."""
    scalars = [n for n in material.recurrence.parameters if not material.shapes[n]]
    for name, (low, high) in over.items():
        if name not in scalars:
            close = nearest(name, scalars)
            known = ", ".join(scalars) or "none"
            raise UnrollError(
                f"{name!r} is no parameter that is a number",
                remedy=f"Did you mean {close!r}?" if close else f"There are: {known}.",
            )
        if not low < high:
            raise UnrollError(f"{name} cannot run from {low:g} to {high:g}")
    if len(over) != 2:
        raise UnrollError(
            f"the surface is over two parameters, not over {len(over)}",
            remedy="Say which and where: --over w=4..7,b=-3.2..-2.",
        )
    (across, a), (along, b) = over.items()
    return Window((across, *a), (along, *b))


# --- picture ----------------------------------------------------------------------------


def project(shares: Array, height: Array) -> Array:
    """Points of the box on paper: the far corner is where both parameters are smallest."""
    first, second = shares[..., 0], shares[..., 1]
    across = 0.86 * second - 0.62 * first
    up = TALL * height - 0.30 * second - 0.46 * first
    return np.stack([across, up], axis=-1)


def draw(
    material: Material,
    *,
    over: Mapping[str, tuple[float, float]],
    begin: Mapping[str, float],
    rate: float,
    clip: float,
    updates: int,
) -> tuple[Figure, str]:
    """over: where two parameters run; begin: where descent begins; rate: of descent; clip: the norm
    that gradients are cut to; updates: at most."""
    look = material.look
    if material.recurrence.objective(material.of) is None:
        raise UnrollError(
            "this plot needs a loss", remedy="Add one, as in J = (x[tau] - 0.7) ** 2."
        )
    window = window_of(material, over)
    if set(begin) != set(window.names):
        names = ",".join(f"{n}=..." for n in window.names)
        raise UnrollError("nothing says where descent begins", remedy=f"Say it: --begin {names}.")
    start = [begin[n] for n in window.names]
    if not window.holds(np.array(start)):
        raise UnrollError(
            "descent begins outside of what is drawn", remedy="Change --begin or --over."
        )
    lines = _surface(material, window)
    heights = np.concatenate([line[:, 2] for line in lines])
    if not np.all(np.isfinite(heights)):
        raise UnrollError(
            "the loss is not finite everywhere on this window", remedy="Change --over."
        )
    low, high = float(heights.min()), float(heights.max())
    if not high > low:
        raise UnrollError("the loss is the same everywhere on this window", remedy="Change --over.")
    top = _round_up(high)
    base = 0.0 if 0 <= low < top / 2 else low
    figure = blank(look, 1000, 470)
    said = []
    for column, (cut, title) in enumerate(((None, "Without clipping"), (clip, "With clipping"))):
        path = descend(material, window, start, rate, cut, updates)
        axes = _box(figure, look, column, title)
        _frame(axes, look, window, base, top)
        for line in lines:
            drawn = project(line[:, :2], (line[:, 2] - base) / (top - base))
            axes.plot(*_thin(drawn).T, color=look.forward, linewidth=0.8, alpha=0.7)
        _path(axes, look, window, path, losses(material, window.names, path), base, top)
        inside = sum(map(window.holds, path))
        gone = "leaves the picture" if inside < len(path) else "stays"
        said.append(f"{title.lower()}: {len(path) - 1} steps, the path {gone}")
    return figure, (
        f"The loss over {' and '.join(window.names)} after {material.steps} steps, between {low:.3g} "
        f"and {high:.3g}, with gradient descent at rate {rate:g}; {'; '.join(said)} (norms above "
        f"{clip:g} are cut)."
    )


def _surface(material: Material, window: Window) -> list[Array]:
    """Lines of the surface, each `(points, 3)`: shares of the window, and the loss."""
    coarse, fine = np.linspace(0, 1, LINES), np.linspace(0, 1, FINE)
    shares = [np.stack([np.full(FINE, c), fine], axis=1) for c in coarse]
    shares += [np.stack([fine, np.full(FINE, c)], axis=1) for c in coarse]
    every = np.concatenate(shares)
    low = np.array([window.across[1], window.along[1]])
    high = np.array([window.across[2], window.along[2]])
    found = losses(material, window.names, low + every * (high - low))
    return np.split(np.column_stack([every, found]), len(shares))


def _thin(points: Array, tolerance: float = 4e-4) -> Array:
    """A line without the points that lie on it anyway (Ramer, Douglas and Peucker)."""
    keep = np.zeros(len(points), bool)
    keep[[0, -1]] = True
    todo = [(0, len(points) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        a, b = points[first], points[last]
        way = b - a
        rest = points[first + 1 : last] - a
        length = float(np.hypot(*way))
        away = np.abs(way[0] * rest[:, 1] - way[1] * rest[:, 0]) / max(length, 1e-12)
        worst = int(np.argmax(away))
        if away[worst] > tolerance:
            keep[first + 1 + worst] = True
            todo += [(first, first + 1 + worst), (first + 1 + worst, last)]
    return points[keep]


def _round_up(value: float) -> float:
    """The next number of one digit, or of a half."""
    size = 10.0 ** np.floor(np.log10(value))
    return float(np.ceil(value / size * 2) / 2 * size)


def _box(figure: Figure, look: Style, column: int, title: str) -> Axes:
    width, height = figure.get_size_inches() * 72
    axes = figure.add_axes((column * 0.5, 0, 0.5, 1))
    axes.set_axis_off()
    unit = 236.0
    x, y = 0.08, 0.02
    axes.set_xlim(x - width / 4 / unit, x + width / 4 / unit)
    axes.set_ylim(y - height / 2 / unit, y + height / 2 / unit)
    axes.text(0.5, 0.955, words(title), transform=axes.transAxes, ha="center", va="center",
              fontsize=LABEL + 1, color=look.ink)  # fmt: skip
    return axes


def _frame(axes: Axes, look: Style, window: Window, base: float, top: float) -> None:
    """The edges of the box behind and below the surface, with numbers and names."""

    def at(first: float, second: float, height: float) -> Array:
        return project(np.array([first, second]), np.array(height))

    edges = (((1, 0, 0), (1, 1, 0)), ((0, 1, 0), (1, 1, 0)), ((1, 0, 0), (1, 0, 1)))
    for a, b in edges:
        axes.plot(*np.array([at(*a), at(*b)]).T, color=look.faint, linewidth=0.9, zorder=0)
    style: dict[str, Any] = {"color": look.ink, "fontsize": TICK}
    for value in _ticks(*window.across[1:]):
        share = float(window.share(np.array([value, window.along[1]]))[0])
        if share < 0.05:  # in the far corner, where steps out of the window pass
            continue
        x, y = at(share, 1, 0)
        axes.plot([x, x + 0.022], [y, y - 0.01], color=look.faint, linewidth=0.9)
        axes.text(x + 0.035, y - 0.02, number(value), ha="left", va="top", **style)
    for value in _ticks(*window.along[1:]):
        share = float(window.share(np.array([window.across[1], value]))[1])
        x, y = at(1, share, 0)
        axes.plot([x, x - 0.018], [y, y - 0.016], color=look.faint, linewidth=0.9)
        axes.text(x - 0.025, y - 0.025, number(value), ha="right", va="top", **style)
    for value in _ticks(base, top):
        x, y = at(1, 0, (value - base) / (top - base))
        axes.plot([x, x - 0.024], [y, y], color=look.faint, linewidth=0.9)
        axes.text(x - 0.035, y, number(value), ha="right", va="center", **style)
    style["fontsize"] = LABEL + 1
    across, along = (symbol(n) for n in window.names)
    for (x, y), (dx, dy), text, side, end in (
        (at(0.5, 1, 0), (0.15, -0.085), across, "left", "top"),
        (at(1, 0.5, 0), (-0.11, -0.1), along, "right", "top"),
        (at(1, 0, 1), (-0.02, 0.045), f"J({across}, {along})", "center", "bottom"),
    ):
        axes.text(x + dx, y + dy, words(f"${text}$"), ha=side, va=end, **style)


def _ticks(low: float, high: float) -> list[float]:
    return [
        v
        for v in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high)
        if low - 1e-9 <= v <= high + 1e-9
    ]


def _path(
    axes: Axes, look: Style, window: Window, path: Array, heights: Array, base: float, top: float
) -> None:
    """Where descent was: dots joined by lines; a step out of the window ends in an arrow."""
    shares = window.share(path)
    drawn = project(shares, (heights - base) / (top - base))
    inside = np.array([window.holds(p) for p in path])
    stays = drawn[inside]
    axes.plot(*stays.T, color=look.ink, linewidth=1.4, zorder=4)
    axes.plot(*stays.T, color=look.ink, marker="o", markersize=5.5, linestyle="none", zorder=5,
              markeredgecolor=look.background, markeredgewidth=0.7)  # fmt: skip
    if inside.all():
        return
    before, after = drawn[inside][-1], drawn[~inside][0]
    from_, to = shares[inside][-1], shares[~inside][0]
    way = to - from_
    limits = [((1 + BEYOND if w > 0 else -BEYOND) - f) / w for f, w in zip(from_, way) if w]
    end = before + min(1.0, *limits) * (after - before)
    axes.annotate("", xy=end, xytext=before, zorder=4,
                  arrowprops={"arrowstyle": "-|>,head_length=0.55,head_width=0.22", "linewidth": 1.4,
                              "color": look.ink, "shrinkA": 0, "shrinkB": 0})  # fmt: skip
