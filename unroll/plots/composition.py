"""One function composed with itself again and again, along a line through its inputs (fig. 10.15).

h^(0) = z d for a unit vector d drawn at random; a random projection of h^(k), k = 0..5, against z: mostly flat, and very
steep in a few places. Goodfellow, Bengio & Courville 2016, section 10.7.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unroll.plots.picture import blank, legend, name_axes, panel
from unroll.plots.preparing import Material, at_radius, scaled_inputs, start, state_of

REACH = 50.0  # of the input coordinate
POINTS = 801


def compose(material: Material, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The input coordinate, and the projections of h^(0), h^(1), ...: `(points,)`, `(steps+1, points)`."""
    size = material.shapes[name]
    direction = material.random("direction", size)
    direction = direction / np.linalg.norm(direction)
    projection = material.random("projection", size) / np.sqrt(np.prod(size))
    share = np.linspace(-1, 1, POINTS)
    z = REACH * share * (0.02 + 0.98 * share**2)  # close to one another where curves are steep
    first = np.multiply.outer(z, direction)
    trace = material.run({start(material, name): first}, gradients=False)
    states = np.concatenate([first[None], trace[name]])
    flat = states.reshape(*states.shape[:2], -1)
    return z, np.asarray(flat @ projection.ravel())


def draw(
    material: Material, *, radius: float | None, scale: float, state: str | None
) -> tuple[Figure, str]:
    """radius: of the recurrent matrices; None leaves them as they are; scale: of inputs and biases."""
    look = material.look
    name = state_of(material, state)
    chosen = at_radius(material, radius) if radius else material
    z, curves = compose(scaled_inputs(chosen, scale), name)
    figure = blank(look, 680, 430)
    axes = panel(figure, look, (76, 66, 510, 340))
    colors = look.distinct(len(curves))
    for curve, color in zip(curves, colors):
        axes.plot(z, curve, color=color, linewidth=1.8, solid_joinstyle="round")
    axes.set_xlim(-1.2 * REACH, 1.2 * REACH)
    tallest = float(np.abs(curves).max())
    reach = max(1.0, np.ceil(tallest)) if tallest < 20 else 1.05 * tallest
    axes.set_ylim(-reach, reach)
    name_axes(axes, look, "Input coordinate", "Projection of output")
    legend(axes, look, [f"${k}$" for k in range(len(curves))], colors, "times")
    said = ", ".join(f"{k}: {c[-1]:.2f}" for k, c in enumerate(curves))
    return figure, (
        f"A projection of {name} against a coordinate of its initial value, after 0 to "
        f"{len(curves) - 1} steps. At the right end, by the number of steps: {said}."
    )
