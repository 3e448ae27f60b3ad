"""Figures: a recurrence drawn, and the drawing saved in the format that a suffix names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.errors import UnrollError, nearest
from unroll.files import write
from unroll.symbolic.recurrence import Recurrence

if TYPE_CHECKING:
    from unroll.drawing.scene import Scene
    from unroll.drawing.values import Trace
    from unroll.graph.unrolled import UnrolledGraph
    from unroll.symbolic.trees import Shape

SUFFIXES = (".svg", ".pdf", ".png", ".eps", ".dot")
_CHOICES = {
    "view": ("both", "folded", "unfolded"),
    "level": ("variables", "operations"),
    "flow": ("none", "forward", "backward", "both"),
    "notation": ("book", "subscript", "angle"),
    "theme": ("light", "dark", "auto"),
}


@dataclass(frozen=True)
class Figure:
    """A drawn recurrence. In a notebook it shows itself.

    scene: what is drawn, in px; theme: light, dark or auto.
    """

    scene: Scene
    theme: str = "light"

    def __repr__(self) -> str:
        box = self.scene.bounds
        return f"<Figure {self.scene.title!r}, {box.width:.0f} x {box.height:.0f} px>"

    def svg(self) -> str:
        """The figure as an SVG document."""
        from unroll.export.svg import write_svg

        return write_svg(self.scene, self.theme)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the figure, whole or not at all, in the format of the path's suffix.

        .svg .pdf .png .eps .dot. Raises UnrollError for another suffix, a path that cannot be
        written, and a figure too long for the format.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in SUFFIXES:
            raise UnrollError(
                f"cannot tell the format of {os.fspath(path)!r} by its suffix",
                remedy=f"Use one of: {' '.join(SUFFIXES)}",
            )
        write(path, self.render(suffix))

    def render(self, suffix: str) -> str | bytes:
        """The figure in the format of a suffix (`.pdf`), as text or bytes."""
        if suffix == ".svg":
            return self.svg()
        if suffix == ".dot":
            from unroll.export.dot import write_dot

            return write_dot(self.scene, self.theme)
        from unroll.export.raster import write_raster

        return write_raster(self.scene, suffix[1:], self.theme)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": self.scene.title or repr(self)}


def draw(
    recurrence: Recurrence,
    *,
    view: str = "both",
    steps: int | None = None,
    window: bool = False,
    level: str = "variables",
    hide: Sequence[str] = (),
    flow: str = "none",
    values: Trace | None = None,
    elide: str = "auto",
    notation: str = "book",
    theme: str = "light",
    rows: Sequence[str] = (),
    tree: Shape | None = None,
    title: str | None = None,
    description: str | None = None,
) -> Figure:
    """The folded circuit of a recurrence, its unfolded graph, or both.

    view: both, folded or unfolded; steps: draw t = 1..steps; window: draw …, t-1, t, t+1, …, as
    happens without steps and values; level: variables, or operations (a node for each); hide:
    variables to leave out; flow: none, forward, backward or both; values: a trace whose values (and
    gradients, if the flow shows them) stand at the nodes; elide: auto (beyond 8 steps), none, or
    I..J; notation: book h^(t), subscript h_t or angle h^<t>; theme: light, dark or auto; rows: top
    to bottom, each one or more names; tree: balanced, chain, or each node's parent (0 for the root),
    for a recurrence over the nodes of a tree, which has `steps` leaves (4); title, description: for
    screen readers and files.

    Raises UnrollError for a choice that there is not, a name that there is not, steps that a
    trace does not have, a batch.
    """
    from unroll.drawing.columns import elision
    from unroll.drawing.growing import grown, tree_in
    from unroll.drawing.layout import Options, lay_out
    from unroll.drawing.naming import Naming
    from unroll.drawing.showing import show
    from unroll.graph.folded import fold
    from unroll.symbolic import transformations

    _check({"view": view, "level": level, "flow": flow, "notation": notation, "theme": theme})
    elision(elide)
    _check_names(recurrence, hide, rows)
    visible = transformations.hide(recurrence, hide) if hide else recurrence
    if level == "operations":
        visible = transformations.expand(visible)
        rows = ()
    if values is not None:
        _check_batch(values)
    branches = grown(visible, steps, tree, values.sizes if values is not None else None)
    if branches is not None:
        _check_tree(window, elide)
        steps = tree_in(branches).leaves
    elif values is not None and not window:
        steps = _steps(values, steps)
    graph = fold(visible)
    naming = Naming(notation, _objective(visible))
    options = Options(
        view=view,
        steps=None if window else steps,
        flow=flow,
        elide=elide,
        rows=tuple(rows),
        naming=naming,
        grown=branches,
        title=title or _title(visible),
        description=description
        or _description(recurrence, view, None if window else steps, branches),
    )
    if values is None or options.steps is None or view == "folded":
        return Figure(lay_out(graph, options), theme)
    return Figure(show(graph, options, values), theme)


def _check(chosen: Mapping[str, str]) -> None:
    for option, value in chosen.items():
        if value not in _CHOICES[option]:
            choices = ", ".join(_CHOICES[option])
            raise UnrollError(
                f"there is no {option} {value!r}", remedy=f"Choose one of: {choices}."
            )


def _check_names(recurrence: Recurrence, hide: Sequence[str], rows: Sequence[str]) -> None:
    from unroll.drawing.rows import names_in

    for name in (*hide, *names_in(rows)):
        if name not in recurrence.names:
            close = nearest(name, recurrence.names)
            raise UnrollError(
                f"there is no variable {name!r} in this recurrence",
                remedy=f"Did you mean {close!r}?" if close else None,
            )


def _check_tree(window: bool, elide: str) -> None:
    if window:
        raise UnrollError(
            "a tree has no window of steps around t",
            remedy="Say how many leaves it has (steps), and its shape (tree).",
        )
    if elide not in ("auto", "none"):
        raise UnrollError(
            f"cannot leave out {elide} of a tree", remedy="Draw one with fewer leaves (steps)."
        )


def _check_batch(trace: Trace) -> None:
    if getattr(trace, "batch", None) is not None:
        raise UnrollError(
            "cannot draw the values of a batch", remedy="Run one sequence, and draw that."
        )


def _steps(trace: Trace, steps: int | None) -> int:
    if steps is not None and steps != trace.steps:
        raise UnrollError(
            f"the values are those of {trace.steps} steps, not of {steps}",
            remedy="Draw as many steps as were run.",
        )
    return trace.steps


def _objective(recurrence: Recurrence) -> str | None:
    """The objective, if there is one and only one."""
    try:
        return recurrence.objective()
    except UnrollError:
        return None


def _title(recurrence: Recurrence) -> str:
    return "Recurrence of " + ", ".join(recurrence.defined)


def _description(
    recurrence: Recurrence, view: str, steps: int | None, tree: UnrolledGraph | None
) -> str:
    from unroll.language.printer import format_recurrence

    what = {
        "both": "Folded and unfolded graph",
        "folded": "Folded graph",
        "unfolded": "Unfolded graph",
    }
    length = "" if view == "folded" else f", {steps} steps" if steps else ", around step t"
    if length and tree is not None:
        length = f", a tree of {steps} leaves"
    return f"{what[view]} of this recurrence{length}: " + "; ".join(
        format_recurrence(recurrence).splitlines()
    )
