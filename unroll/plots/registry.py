"""All plots, one row each: what it is called and shows, what it is of where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from unroll.errors import UnrollError, nearest

if TYPE_CHECKING:
    from unroll.plots.picture import Picture
    from unroll.symbolic.recurrence import Recurrence


@dataclass(frozen=True)
class Plot:
    """A row: `module.draw(material, **options)` draws it.

    about: one sentence; recurrence: a template or equations that it is of by default, and then with
    these dims and this seed; steps: how many by default; options: what it takes, with defaults.
    """

    name: str
    about: str
    module: str
    recurrence: str
    steps: int
    options: Mapping[str, Any]
    dims: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


_RADII = (0.5, 0.9, 1.0, 1.1, 1.5)

PLOTS = {
    row.name: row
    for row in (
        Plot(
            "gradient-norms",
            "Norm of the gradient against lag: vanishing and exploding, by spectral radius.",
            "gradient_norms",
            "rnn",
            50,
            {"radius": _RADII, "scale": 0.01, "state": None},
            {"x": 4, "h": 32, "y": 4},
        ),
        Plot(
            "sensitivities",
            "Which loss says how much to which state: the triangle of norms of dL^(k)/dh^(t).",
            "loss_map",
            "rnn",
            30,
            {"radius": None, "state": None},
            {"x": 4, "h": 32, "y": 4},
        ),
        Plot(
            "eigenvalues",
            "Eigenvalues of a step on the unit circle, and the norm of the product of steps.",
            "eigenvalues",
            "linear",
            40,
            {"radius": (0.8, 1.0, 1.2), "scale": 0.01, "state": None},
            {"h": 16},
        ),
        Plot(
            "composition",
            "A function composed with itself: flat, and very steep in a few places (fig. 10.15).",
            "composition",
            "h[t] = tanh(W @ h[t-1]); h[0] = given",
            5,
            {"radius": 3.0, "scale": 0.0, "state": None},
            {"h": 100},
            seed=1278379,  # one of few with the book's amplitudes: 3.7, -0.85, 2.05
        ),
        Plot(
            "cliff",
            "A cliff in the loss, and descent there without and with clipping (fig. 10.17).",
            "cliff",
            "x[t] = w * sigmoid(x[t-1]) + b; x[0] = 0.5; J = (sigmoid(x[tau]) - 0.7) ** 2",
            50,
            {
                "over": {"w": (4.0, 7.0), "b": (-3.2, -2.0)},
                "begin": {"w": 5.5, "b": -2.25},
                "rate": 1.25,
                "clip": 0.28,
                "updates": 11,
            },
            {"x": ()},
        ),
        Plot(
            "time-constants",
            "How long leaky units remember, by alpha, the time constant marked.",
            "time_constants",
            "ema",
            60,
            {"alpha": (0.5, 0.8, 0.9, 0.95, 0.98), "leak": "alpha", "state": None},
            {"v": ()},
        ),
    )
}


def names() -> tuple[str, ...]:
    """The names of all plots."""
    return tuple(PLOTS)


def find(name: str) -> Plot:
    """The row of a plot. Raises UnrollError if there is none of this name."""
    if name in PLOTS:
        return PLOTS[name]
    close = nearest(name, PLOTS, 0.5)
    raise UnrollError(
        f"there is no plot {name!r}",
        remedy=f"Did you mean {close!r}?" if close else f"The plots are: {', '.join(PLOTS)}.",
    )


def plot(
    recurrence: Recurrence,
    name: str,
    arrays: Mapping[str, Any] | None = None,
    *,
    steps: Any = None,
    dims: Mapping[str, Any] | None = None,
    seed: int = 0,
    of: str | None = None,
    theme: str = "light",
    title: str | None = None,
    **options: Any,
) -> Picture:
    """The plot of this name, from runs of a recurrence.

    arrays, steps, dims, seed, of: as for `run`; options: those of the plot's row. Raises UnrollError
    for a plot or an option that there is not, and as the runs do.
    """
    row = find(name)
    chosen = _options(row, options)
    from unroll.plots.picture import Picture, settings, style
    from unroll.plots.preparing import gather

    look = style(theme)
    known = steps if steps is not None or arrays else row.steps
    material = gather(recurrence, arrays, look, steps=known, dims=dims or {}, seed=seed, of=of)
    draw = import_module(f"unroll.plots.{row.module}").draw
    with settings():
        figure, description = draw(material, **chosen)
    return Picture(figure, theme, title or row.about.rstrip("."), description)


def _options(row: Plot, said: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a plot: what is said of them, else its defaults."""
    found = dict(row.options)
    for name, value in said.items():
        if name not in found:
            takes = ", ".join(found)
            raise UnrollError(f"the plot {row.name} takes no {name}", remedy=f"It takes: {takes}.")
        found[name] = _checked(row, name, value)
    return found


def _checked(row: Plot, name: str, value: Any) -> Any:
    if name in ("state", "leak"):
        return value
    if name in ("over", "begin"):
        return dict(value)
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for each in values:
        low, high = _LIMITS[name]
        if not low < each < high:
            raise UnrollError(
                f"{name} = {each:g} makes no sense",
                remedy=f"Use a number between {low:g} and {high:g}.",
            )
    if isinstance(row.options[name], tuple):
        if not values:
            raise UnrollError(f"{name} is empty", remedy="Give at least one number.")
        return tuple(dict.fromkeys(values))
    if len(values) != 1:
        raise UnrollError(f"the plot {row.name} takes one {name}, not {len(values)}")
    return values[0]


_LIMITS = {  # exclusive
    "radius": (0.0, 100.0),
    "scale": (-1e-12, 1e6),
    "alpha": (0.0, 1.0),
    "rate": (0.0, 1e6),
    "clip": (0.0, 1e9),
    "updates": (0, 10_001),
}
