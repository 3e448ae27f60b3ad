"""Figures: a recurrence drawn, and the drawing saved in the format that a suffix names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.errors import UnrollError, nearest
from unroll.files import write
from unroll.symbolic.recurrence import Recurrence

if TYPE_CHECKING:
    from unroll.drawing.flows import Accents
    from unroll.drawing.naming import Naming
    from unroll.drawing.parameters import Parameters
    from unroll.drawing.scene import Scene
    from unroll.drawing.settings import Settings
    from unroll.drawing.values import Trace
    from unroll.graph.folded import FoldedGraph
    from unroll.graph.unrolled import UnrolledGraph
    from unroll.language.lettering import Lettering
    from unroll.symbolic.trees import Shape

_CHOICES = {
    "view": ("both", "folded", "unfolded", "schematic"),
    "level": ("variables", "units", "operations"),
    "flow": ("none", "forward", "backward", "both"),
    "derivatives": ("weights", "local"),
    "engine": ("dot",),
    "notation": (
        *("book", "subscript", "angle", "brackets"),
        *("ng", "karpathy", "d2l", "pytorch", "control"),
    ),
    "font": ("cm", "stix"),
    "language": ("en", "zh"),
    "theme": ("light", "dark", "auto", "print", "contrast", "transparent"),
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

    def crop(self, to: float | str = 0.0) -> Figure:
        """The figure with less around it.

        to: a margin in px around what is drawn, or the nodes that stay in the picture, `h[2], o[4]`.
        Raises UnrollError for a negative margin and a node that is not there.
        """
        from unroll.drawing.composing import cropped

        return replace(self, scene=cropped(self.scene, to))

    def svg(self) -> str:
        """The figure as an SVG document."""
        from unroll.export.svg import write_svg

        return write_svg(self.scene, self.theme)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        width: float | str | None = None,
        transparent: bool = False,
        animate: bool = False,
    ) -> None:
        """Write the figure, whole or not at all, in the format of the path's suffix.

        .svg .pdf .png .eps .tex (TikZ) .dot .mmd (Mermaid); what plays the forward and backward
        sweep: .gif .apng .html (reveal.js) .pptx, and animate for an .svg that does. width: of an
        .svg .png .pdf .eps, in px or as "8.6cm"; transparent: their background. Raises UnrollError for another suffix, a path that cannot be written, a figure
        too long for the format, and what the format does not have.
        """
        from unroll.export.formats import check_suffix

        suffix = Path(path).suffix.lower()
        check_suffix(suffix, os.fspath(path))
        write(path, self.render(suffix, width=width, transparent=transparent, animate=animate))

    def render(
        self,
        suffix: str,
        *,
        width: float | str | None = None,
        transparent: bool = False,
        animate: bool = False,
    ) -> str | bytes:
        """The figure in the format of a suffix (`.pdf`), as text or bytes; options as for `save`."""
        from unroll.export.formats import write_as

        options = {"transparent": transparent, "animate": animate}
        return write_as(self.scene, suffix, self.theme, width=width, **options)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": self.scene.title or repr(self)}


def compose(
    figures: Sequence[Figure],
    captions: Sequence[str] = (),
    *,
    title: str | None = None,
    columns: int | None = None,
) -> Figure:
    """Figures side by side, at one scale, each with its caption below.

    Rows with the same name stand at the same height. columns: after how many figures those that
    follow stand below (None: never). The theme is that of the first figure.
    Raises UnrollError without a figure, and for captions that are not as many as figures.
    """
    from unroll.drawing.composing import side_by_side

    scene = side_by_side([figure.scene for figure in figures], captions, title, columns)
    return Figure(scene, figures[0].theme)


def draw(
    recurrence: Recurrence,
    *,
    view: str = "both",
    steps: int | Mapping[str, int] | None = None,
    sizes: Mapping[str, int] | None = None,
    window: bool = False,
    level: str = "variables",
    hide: Sequence[str] = (),
    flow: str = "none",
    values: Trace | None = None,
    sums: bool = False,
    norms: Trace | bool = False,
    path: str | None = None,
    elide: str = "auto",
    notation: str = "book",
    bold: bool = False,
    horizon: str = "",
    font: str = "cm",
    language: str = "en",
    theme: str = "light",
    rows: Sequence[str] = (),
    settings: Settings | None = None,
    expand: int | str | None = None,
    glyphs: bool = False,
    split: Sequence[str] | None = None,
    engine: str | None = None,
    parameters: str = "labels",
    derivatives: str = "weights",
    dims: Mapping[str, tuple[int, ...]] | None = None,
    tree: Shape | None = None,
    title: str | None = None,
    description: str | None = None,
) -> Figure:
    """The folded circuit of a recurrence, its unfolded graph, or both.

    view: both, folded, unfolded, or schematic (the parts that a template names); steps: draw t = 1..steps, or as many as named for each axis or
    length (`{"t": 4, "n_l": 3}`; layers are 2 where nothing is said); sizes: lengths of axes that
    count rows, which a number of steps leaves as they are; window: draw …, t-1, t, t+1, …, as
    happens without steps and values; level: variables, units (functions of weighted sums, and what
    joins them), or operations (a node for each); hide: variables to leave out; flow: none, forward, backward or both; values: a trace whose values (and
    gradients, if the flow shows them) stand at the nodes; sums: a plus where several gradients arrive;
    norms: a trace (True: that of the values) by whose gradients the lines of the way back are wide;
    path: nodes between which the shortest paths stand out, as in "L[5] -> h[1]"; elide: auto (the middle,
    beyond 8 steps), middle, end, none, or I..J; notation: book h^(t), subscript h_t, angle h^<t>, brackets h[t], or the names of a course or
    library: ng, karpathy, d2l, pytorch, control; bold: vectors and matrices bold; horizon: what the
    number of steps is called; font: cm or stix; language: en or zh, of words; theme: light, dark,
    auto, print, contrast or transparent; rows: top
    to bottom, each one or more names; parameters: labels (of edges), nodes (which all steps share) or
    copies (W^(t) for each step, whose gradients add up to that of W), of some only as in `copies:W,U`; derivatives:
    what stands on the way back, weights (W^T) or local (the whole transposed Jacobian of each edge, for
    which dims say what is a matrix where the text leaves it open); tree: balanced, chain, or each node's parent (0 for the root),
    for a recurrence over the nodes of a tree, which has `steps` leaves (4); engine: dot, where Graphviz is
    installed and is to lay the graph out; title, description: for
    screen readers and files.

    Raises UnrollError for a choice that there is not, a name that there is not, steps that a
    trace does not have, a batch.
    """
    from unroll.drawing import parameters as sharing
    from unroll.drawing.columns import elision
    from unroll.drawing.extents import count_of, lengths_of, with_few_rows
    from unroll.drawing.flows import legends
    from unroll.drawing.growing import grown, tree_in
    from unroll.drawing.layout import Options, lay_out
    from unroll.drawing.settings import Settings
    from unroll.drawing.showing import show
    from unroll.symbolic import transformations

    _check({"view": view, "level": level, "flow": flow, "notation": notation, "theme": theme})
    _check({"font": font, "language": language, "derivatives": derivatives})
    _check({} if engine is None else {"engine": engine})
    elision(elide)
    _check_names(recurrence, [*hide, *(split or ())], rows)
    told = transformations.hide(recurrence, hide) if hide else recurrence  # by its variables
    settings = replace(settings or Settings(), rows=tuple(rows))
    if split is not None:
        settings = replace(settings, split=tuple(split))
    written = _Written(notation, bold, horizon, font, language, title, description)
    if view == "schematic":
        _check_schematic(engine)
        lengths = {**(sizes or {}), **lengths_of(recurrence, steps)}
        return Figure(_schematic(recurrence, settings, written, lengths), theme)
    finest = transformations.expand(told, units=level == "units")
    visible = told
    if expand is None and level != "variables":
        visible = finest
        settings = replace(settings, rows=())
    if level != "units":
        settings = replace(settings, names={})
    if values is not None:
        _check_batch(values)
    measured = values if isinstance(norms, bool) else norms
    run = measured.sizes if measured is not None else None
    lengths = lengths_of(visible, steps, run)
    shared = sharing.read(parameters, visible, (dims or {}) if derivatives == "local" else None)
    divided = shared.divided(visible)
    if isinstance(steps, int) and run is None:
        lengths = with_few_rows(divided, lengths, sizes or {})
    count = count_of(visible, lengths)
    branches = grown(visible, count, tree, run)
    if branches is not None:
        _check_tree(window, elide, shared if view != "folded" else sharing.Parameters())
        count = tree_in(branches).leaves
    elif divided.grid and not window:  # cells have no window: they are numbered
        lengths = {a.length: 3 for a in divided.columns} | lengths
        count = count_of(visible, lengths)
    if window:
        count = None
        lengths = {n: k for n, k in lengths.items() if n not in {a.length for a in divided.columns}}
    naming = written.naming(visible)
    about = written.about(
        told,
        view=view,
        flow=flow,
        steps=count if branches is None else None,
        leaves=count if branches is not None else None,
        operations=level == "operations" and expand is None,
        values=values is not None,
        sums=sums,
        norms=bool(norms),
    )
    options = Options(
        view=view,
        steps=count,
        flow=flow,
        elide=elide,
        settings=settings,
        glyphs=_curves(visible) if glyphs else {},
        naming=naming,
        accents=_accents(visible, naming.objective, sums, measured if norms else False, path),
        grown=branches,
        lengths=lengths,
        spread=shared.columns(visible, lengths) if branches is None and view != "folded" else None,
        finer=_finer(finest, lengths, branches, shared) if expand is not None else None,
        opened=str(expand),
        engine=engine or "",
        title=about[0],
        description=about[1],
    )
    if values is None or options.steps is None or view == "folded":
        scene = lay_out(divided.graph, options, aside=legends(options.accents))
    else:
        scene = show(divided.graph, options, values)
    return Figure(scene, theme)


@dataclass(frozen=True)
class _Written:
    """In which hand and language a figure is written."""

    notation: str
    bold: bool
    horizon: str
    font: str
    language: str
    title: str | None
    description: str | None

    def letters(self, recurrence: Recurrence) -> Lettering | str:
        from unroll.language.dialects import letter_as
        from unroll.language.lettering import INDICES

        if self.notation in INDICES and not self.bold and not self.horizon:
            return self.notation
        return letter_as(recurrence, self.notation, bold=self.bold, horizon=self.horizon)

    def naming(self, recurrence: Recurrence) -> Naming:
        from unroll.drawing.naming import Naming

        letters = self.letters(recurrence)
        return Naming(letters, _objective(recurrence), self.font, self.language)

    def about(self, recurrence: Recurrence, **shown: Any) -> tuple[str, str]:
        """Title and description of what is shown of a recurrence, as for `describing.Shown`."""
        from unroll.drawing.describing import Shown, describe, title_of

        said, letters = Shown(**shown), self.letters(recurrence)
        return (
            self.title or title_of(recurrence, said, notation=letters, language=self.language),
            self.description
            or describe(recurrence, said, notation=letters, language=self.language),
        )


def _schematic(
    recurrence: Recurrence, settings: Settings, written: _Written, lengths: Mapping[str, int]
) -> Scene:
    from unroll.drawing.schematic import draw_schematic
    from unroll.graph.folded import fold

    about = written.about(recurrence, view="schematic")
    return draw_schematic(fold(recurrence), settings, written.naming(recurrence), lengths, *about)


def _accents(
    visible: Recurrence, objective: str | None, sums: bool, trace: Any, path: str | None
) -> Accents:
    """What is shown of flows. trace: whose gradients are measured, if any."""
    from unroll.drawing.flows import Accents
    from unroll.drawing.norms import norms_of
    from unroll.drawing.paths import waypoints

    norms = None
    if trace:
        from unroll.numeric.passing import norms_along

        norms = norms_of(norms_along(trace, visible, objective))
    elif trace is None:
        raise UnrollError(
            "there are no gradients to take the norms of", remedy="Give the trace of a run."
        )
    return Accents(sums=sums, path=waypoints(path) if path else (), norms=norms)


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


def _check_schematic(engine: str | None) -> None:
    if engine is not None:
        raise UnrollError(
            "a schematic stands in the rows that its template names: no engine lays it out",
            remedy="Leave out the engine, or draw another view: folded, unfolded, both.",
        )


def _check_tree(window: bool, elide: str, parameters: Parameters) -> None:
    if parameters.names or parameters.dims is not None:
        raise UnrollError(
            "a tree is drawn with its weights on the edges: no parameters as nodes, no local derivatives",
            remedy="Leave out parameters and derivatives, or draw the folded view (view folded).",
        )
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


def _finer(
    recurrence: Recurrence,
    lengths: Mapping[str, int],
    tree: UnrolledGraph | None,
    parameters: Parameters,
) -> FoldedGraph:
    """The graph of a step that is drawn finer than the others, over the same columns."""
    if tree is not None:
        raise UnrollError(
            "cannot draw one node of a tree finer than the others",
            remedy='Draw all of it so: level="units" or level="operations".',
        )
    return parameters.columns(recurrence, lengths) or parameters.divided(recurrence).graph


def _objective(recurrence: Recurrence) -> str | None:
    """The objective, if there is one and only one."""
    try:
        return recurrence.objective()
    except UnrollError:
        return None


def _curves(recurrence: Recurrence) -> Mapping[str, Sequence[float]]:
    from unroll.numeric.curves import curves_of

    return curves_of(recurrence)
