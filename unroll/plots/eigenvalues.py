"""Eigenvalues of one step on the unit circle, and how the steps together stretch.

Left the eigenvalues of ∂h^(t)/∂h^(t-1), at all steps; right ‖∂h^(t)/∂h^(0)‖, the norm of the product
of the first t Jacobians, with radius^t as dashes. Goodfellow, Bengio & Courville 2016, eq. 10.36-10.39 and section 10.8:
inside the circle things shrink, outside they grow, in the long run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from matplotlib.figure import Figure

from unroll.errors import UnrollError
from unroll.numeric.jacobians import norms, spectral_radius
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


def draw(
    material: Material, *, radius: Sequence[float], scale: float, state: str | None
) -> tuple[Figure, str]:
    """radius: spectral radii of the recurrent matrices; scale: of inputs and biases."""
    look = material.look
    name = state_of(material, state)
    small = scaled_inputs(material, scale)
    steps = [at_radius(small, r).run(gradients=False).jacobian(name) for r in radius]
    figure = blank(look, 880, 420)
    circle = panel(figure, look, (76, 66, 330, 330))
    course = panel(figure, look, (510, 66, 300, 330))
    colors = look.around(radius, 1.0)
    angle = np.linspace(0, 2 * np.pi, 181)
    circle.plot(np.cos(angle), np.sin(angle), color=look.ink, linewidth=1.2)
    for side in ("left", "bottom"):
        circle.spines[side].set_visible(True)
    circle.axhline(0, color=look.faint, linewidth=0.7)
    circle.axvline(0, color=look.faint, linewidth=0.7)
    decades(course)
    ends: list[float] = []
    reached: list[float] = []
    for each, jacobians, color in zip(radius, steps, colors):
        values = np.linalg.eigvals(jacobians)
        values = values[:1] if np.ptp(jacobians, axis=0).max() == 0 else values
        order = np.lexsort((values.imag.ravel(), values.real.ravel().round(9)))  # LAPACK has none
        circle.plot(
            values.real.ravel()[order],
            values.imag.ravel()[order],
            linestyle="none",
            marker="o",
            markersize=6 if len(values) == 1 else 3.5,
            color=color,
            markeredgecolor=look.background,
            markeredgewidth=0.6 if len(values) == 1 else 0.3,
        )
        whole = list(accumulate(jacobians, lambda so_far, step: step @ so_far))
        stretch = np.array([1.0, *norms(np.array(whole))])
        if not np.all((stretch > 1 / LARGEST) & (stretch < LARGEST)):
            raise UnrollError(
                f"at radius {each:g} the product of {material.steps} steps is beyond what a number holds",
                remedy="Use fewer --steps.",
            )
        times = np.arange(len(stretch))
        course.plot(times, each**times, color=color, linewidth=1, dashes=(4, 3), alpha=0.75)
        course.plot(times, stretch, color=color, linewidth=2)
        ends.append(stretch[-1])
        reached += [stretch.min(), stretch.max()]
    widest = 1.12 * max(1.0, *(float(spectral_radius(j).max()) for j in steps))
    for place in (circle.set_xlim, circle.set_ylim):
        place(-widest, widest)
    name_axes(circle, look, r"$\mathrm{Re}\;\lambda$", r"$\mathrm{Im}\;\lambda$")
    whole_steps(course, material.steps)
    course.set_ylim(min(reached) / 3, max(reached) * 3)
    heights = [course.transData.transform((0, e))[1] for e in ends]
    for each, color, y in zip(radius, colors, labels_apart(heights, 19)):
        x = course.transData.transform((material.steps, 1))[0] + 10
        at = course.transData.inverted().transform((x, y))
        write_beside(course, rf"$\rho = {each:g}$", at[0], at[1], color)
    now, first = symbol(name, above="t"), symbol(name, above="0")
    note(course, look, r"dashes: $\rho^t$")
    name_axes(course, look, "step $t$", rf"$\|\partial {now} / \partial {first}\|$")
    said = ", ".join(f"{r:g}: {e:.1e}" for r, e in zip(radius, ends))
    return figure, (
        f"Eigenvalues of one step's Jacobian of {name} with the unit circle, and the norm of the "
        f"product of {material.steps} of them, by spectral radius: {said}."
    )
