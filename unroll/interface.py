"""The public face: a recurrence with every verb of the package as a method.

What each verb does lives in the layer it belongs to; that layer is imported when the verb is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from unroll import templates
from unroll.symbolic import recurrence as symbolic
from unroll.symbolic import transformations
from unroll.symbolic.expressions import references
from unroll.symbolic.shapes import said_shapes
from unroll.templates import Template

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from unroll.figure import Figure
    from unroll.graph.folded import FoldedGraph
    from unroll.graph.unrolled import UnrolledGraph
    from unroll.language.derivation import Derivation
    from unroll.numeric.checks import Check
    from unroll.numeric.cost import Cost
    from unroll.numeric.trace import Trace
    from unroll.plots.picture import Picture
    from unroll.stepper.page import Page


@dataclass(frozen=True)
class Recurrence(symbolic.Recurrence):
    """A recurrence s_t = f(s_{t-1}, x_t; θ), made by `unroll.parse` or `unroll.template`.

    A frozen value: the methods answer with new ones. `str()` is the canonical text; in a notebook
    the equations show as mathematics.
    """

    template: Template | None = field(default=None, compare=False, repr=False)

    # --- equations --------------------------------------------------------------

    def __str__(self) -> str:
        from unroll.language.printer import format_recurrence

        return format_recurrence(self)

    def __repr__(self) -> str:
        return f"unroll.parse({str(self)!r})"

    def latex(self, notation: str = "book") -> str:
        """The equations as LaTeX.

        notation: `book` (h^{(t)}), `subscript`, `angle`, `brackets`, or the names of a course or library:
        `ng`, `karpathy`, `d2l`, `pytorch`, `control`. Raises UnrollError for another one.
        """
        from unroll.language.dialects import letter_as
        from unroll.language.latex import NOTATIONS, recurrence_latex

        hand = notation if notation in NOTATIONS else letter_as(self, notation)
        return recurrence_latex(self, hand)

    def _repr_latex_(self) -> str:
        return f"$${self.latex()}$$"

    def expand(self) -> Self:
        """One operation an equation: the operation-level recurrence."""
        return transformations.expand(self)

    def inline(self, *names: str) -> Self:
        """Without the variables `names`, their definitions put where they were used.

        Raises UnrollError for a variable that other steps need.
        """
        recurrence = self
        for name in names:
            recurrence = transformations.inline(recurrence, name)
        return recurrence

    def hide(self, *names: str) -> Self:
        """As `inline`, and a variable that nothing uses is dropped."""
        return transformations.hide(self, names)

    def bind(self, *definitions: str) -> Self:
        """With opaque functions defined: `bind("f(s, x) = tanh(W @ s + U @ x)")`."""
        from unroll.language.parser import parse_function

        return transformations.bind(self, [parse_function(d) for d in definitions])

    def free_running(self, **feeds: str) -> Self:
        """With the network's own outputs fed back in place of earlier targets: `free_running(y="o")`.

        Without names, each target and what its loss compares it with.
        """
        from unroll.symbolic import derived

        return derived.free_running(self, feeds)

    def teacher_forced(self, **feeds: str) -> Self:
        """With earlier targets in place of the network's own outputs: `teacher_forced(o="y")`."""
        from unroll.symbolic import derived

        return derived.teacher_forced(self, feeds)

    def reverse(self, axis: str | None = None) -> Self:
        """The same computation the other way round in time, or along another axis."""
        from unroll.symbolic import derived

        return derived.reverse(self, axis)

    def stack(self, state: str | None = None, source: str | None = None) -> Self:
        """Layers of it: `h[l, t]`, each fed with the state of the layer below.

        state, source: what is handed up, and the input that it replaces, where there are several;
        it gets the size of the state.
        """
        from unroll.symbolic import derived

        stacked = derived.stack(self, state, source)
        if self.template is None:
            return stacked
        fed = {r.name for r in references(stacked.equations[0].expression)}
        dims = {n: d for n, d in self.template.dims.items() if n not in fed}
        return replace(stacked, template=replace(self.template, dims=dims))

    def truncate(self, every: int) -> Self:
        """The same values; gradients end at each crossing into a new stretch of `every` steps."""
        from unroll.symbolic import truncation

        return truncation.truncate(self, every)

    def adjoint(self, of: str | None = None, dims: Mapping[str, Any] | None = None) -> Self:
        """The recurrence together with its gradients: BPTT as a recurrence that runs backward.

        of: the objective, where there is more than one candidate; dims: sizes, where the text leaves
        open what is a matrix and what a number.
        """
        from unroll.symbolic.adjoint import differentiate
        from unroll.symbolic.shapes import DEFAULT_LENGTH, infer

        made = differentiate(self, of, infer(self, self._shapes(dims), DEFAULT_LENGTH))
        return replace(self, equations=made.recurrence.equations, template=None)

    def derive(
        self,
        of: str | None = None,
        hide: Sequence[str] | None = None,
        dims: Mapping[str, Any] | None = None,
    ) -> Derivation:
        """The BPTT equations, case by case: prints as text, shows as LaTeX in a notebook.

        of: the objective; hide: variables to leave out first (default: what the template says);
        dims: sizes, where the text leaves open what is a matrix and what a number.
        """
        from unroll.language.derivation import derive
        from unroll.symbolic.adjoint import differentiate
        from unroll.symbolic.shapes import DEFAULT_LENGTH, infer

        said = self.template.derive if self.template else {}
        names = said.get("hide", ()) if hide is None else hide
        shown = transformations.hide(self, [n for n in names if n in self.defined or hide])
        adjoint = differentiate(shown, of, infer(shown, shown._shapes(dims), DEFAULT_LENGTH))
        return derive(adjoint, said.get("book", {}))

    # --- graphs -----------------------------------------------------------------

    def fold(self) -> FoldedGraph:
        """The folded graph, a networkx multigraph: a node a variable, an edge a reference."""
        from unroll.graph.folded import fold

        return fold(self)

    def unroll(self, steps: int | Mapping[str, int]) -> UnrolledGraph:
        """The unrolled graph, a networkx DAG on (name, step); steps: as for `run`."""
        from unroll.graph.unrolled import unroll

        return unroll(self, steps)

    # --- numbers ----------------------------------------------------------------

    def run(
        self,
        arrays: Mapping[str, ArrayLike] | None = None,
        *,
        steps: int | Mapping[str, int] | None = None,
        dims: Mapping[str, Any] | None = None,
        seed: int = 0,
        of: str | None = None,
        **options: Any,
    ) -> Trace:
        """Values and gradients, by a NumPy program made for this recurrence.

        arrays: by name, inputs `(tau, n)` or `(tau, batch, n)`, class targets as integers `(tau,)`
        or one-hot; without them random ones from `steps`, `dims` (`{"x": 4, "h": 3}`) and `seed`,
        or those of the template. steps: length of the time axis, or lengths by name
        (`{"n_x": 3, "n_y": 4}`). of: the objective. options: `dtype`, `gradients`, `tree` ("balanced",
        "chain", or a parent for each node), `lengths` (one for each sequence of a batch, padded to
        the longest), `truncate` (k, or k1 and k2: gradients end between windows of steps),
        `checkpoint` ("sqrt" or a number of segments: less memory for one more forward pass).
        Raises UnrollError for arrays that do not fit and functions that have no definition.
        """
        from unroll.numeric.execution import run

        if self.template is None and not dims and arrays is not None:  # nothing to fill in
            return run(self, arrays, steps=steps, seed=seed, of=of, **options)
        data = self._data(arrays, steps, dims)
        return run(self.runnable(), **data, seed=seed, of=of, **options)

    def check(
        self,
        arrays: Mapping[str, ArrayLike] | None = None,
        *,
        steps: int | Mapping[str, int] | None = None,
        dims: Mapping[str, Any] | None = None,
        seed: int = 0,
        of: str | None = None,
        tree: Any = None,
        lengths: Any = None,
    ) -> Check:
        """Every gradient against central differences: the worst relative error by name.

        Arguments as for `run`.
        """
        from unroll.numeric.checks import check

        data = self._data(arrays, steps, dims)
        return check(self.runnable(), **data, tree=tree, seed=seed, of=of, lengths=lengths)

    def cost(
        self,
        arrays: Mapping[str, ArrayLike] | None = None,
        *,
        steps: int | Mapping[str, int] | None = None,
        dims: Mapping[str, Any] | None = None,
        of: str | None = None,
        **options: Any,
    ) -> Cost:
        """What a run costs, without running it: operations, work, span, parallelism, bytes.

        Forward, backward and for each task of the schedule; the span as a function of the lengths,
        as in `3 tau + 5`. Arguments as for `run`; options: `batch`, `dtype`, `tree`, `gradients`.
        Raises UnrollError for sizes that make no sense and functions that have no definition.
        """
        from unroll.numeric.cost import cost_of

        data = self._data(arrays, steps, dims)
        if arrays is None and steps is not None and data["arrays"]:  # others, of the same shapes
            from unroll.numeric.arrays import outline

            assert self.template is not None
            data["dims"] = {**outline(self, self.template.arrays).shapes, **data["dims"]}
            data["arrays"] = None
        return cost_of(self.runnable(), **data, of=of, **options)

    def runnable(self) -> Self:
        """With the template's definitions of opaque functions."""
        functions = self.template.functions if self.template else ()
        needed = [f for f in functions if f.split("(")[0].strip() in self.functions]
        return self.bind(*needed) if needed else self

    def _data(
        self,
        arrays: Mapping[str, ArrayLike] | None,
        steps: int | Mapping[str, int] | None,
        dims: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """Arrays, steps and sizes to run with, the template's where none are given."""
        shapes = self._shapes(dims) if arrays is None else self._said(dims)
        if arrays is None and self.template and self.template.arrays:
            from unroll.numeric.arrays import extend

            arrays = extend(self, self.template.arrays, steps if isinstance(steps, int) else None)
        return {"arrays": arrays, "steps": steps, "dims": shapes}

    def _shapes(self, dims: Mapping[str, Any] | None) -> dict[str, tuple[int, ...]]:
        """Value shapes that are said, then the template's: {"h": 3} is a vector of 3."""
        own = self.template.dims if self.template else {}
        known = {*self.names, *self.lengths}
        return self._said({n: d for n, d in own.items() if n in known}) | self._said(dims)

    def _said(self, dims: Mapping[str, Any] | None) -> dict[str, Any]:
        """Value shapes, and lengths as numbers. Raises UnrollError for what is neither."""
        shapes = said_shapes({} if dims is None else dims)
        return {n: d[0] if n in self.lengths and len(d) == 1 else d for n, d in shapes.items()}

    # --- pictures ---------------------------------------------------------------

    def draw(
        self,
        *,
        hide: Sequence[str] | None = None,
        rows: Sequence[str] | None = None,
        title: str | None = None,
        dims: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Figure:
        """The picture: folded, unfolded or both; shows itself in a notebook, `save` writes it.

        options: `view`, `steps`, `window`, `level`, `flow`, `values` (a trace), `elide`, `tree`,
        `notation`, `theme`: as `unroll.figure.draw`. hide, rows, title: default to the template's; dims: sizes,
        where local derivatives are drawn and the text leaves open what is a matrix.
        """
        from unroll.drawing.settings import read
        from unroll.figure import draw

        said = read(self.template.figure, self.template.name) if self.template else read({})
        hidden = [n for n in said.hide if n in self.defined] if hide is None else hide
        lanes = said.rows if rows is None else rows
        name = self.template.title if self.template and title is None else title
        own = self.template.dims if self.template else {}
        sizes = {n: d for n, d in own.items() if n in self.lengths and isinstance(d, int)}
        shapes = self._shapes(dims)
        return draw(
            self,
            hide=hidden,
            rows=lanes,
            settings=said,
            title=name,
            sizes=sizes,
            dims=shapes,
            **options,
        )

    def step(
        self,
        trace: Trace | None = None,
        *,
        steps: int | Mapping[str, int] | None = None,
        dims: Mapping[str, Any] | None = None,
        seed: int = 0,
        of: str | None = None,
        tree: Any = None,
        notation: str = "book",
        language: str = "en",
        theme: str = "auto",
    ) -> Page:
        """The page that steps through a run, forward and back through time: `save` writes it.

        In a notebook it shows itself (extra `notebook`); its `event` and `trace` follow what is done there.

        trace: a run of this recurrence (default: one of 5 steps, with arrays as `run` makes them up
        from steps, dims and seed); notation: book, subscript, angle or brackets; language: en or zh;
        theme: light, dark or auto. Raises UnrollError for a batch, and as `run` and `draw` do.
        """
        from unroll.stepper.page import Page, state_of

        found = self.runnable()
        if trace is None:
            own = self.template is not None and bool(self.template.arrays)
            count = 5 if steps is None and not own and not isinstance(tree, list) else steps
            trace = found.run(steps=count, dims=dims, seed=seed, of=of, tree=tree)
        state = state_of(found, trace, notation=notation, language=language, theme=theme)
        return Page(state, found, trace)

    def plot(
        self,
        name: str,
        arrays: Mapping[str, ArrayLike] | None = None,
        *,
        steps: int | Mapping[str, int] | None = None,
        dims: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Picture:
        """A plot of a lecture, from runs of this recurrence; shows itself in a notebook.

        name: gradient-norms, sensitivities, eigenvalues, composition, cliff or time-constants;
        arrays, steps, dims: as for `run`; options: `seed`, `of`, `theme` (light or dark), `title`,
        and those of the plot, as `radius` (`unroll plot --help`). Raises UnrollError for what there is
        not, and as `run` does.
        """
        from unroll.plots.registry import find, plot

        default = None if arrays is not None else find(name).steps
        data = self._data(arrays, default if steps is None else steps, dims)
        return plot(self.runnable(), name, **data, **options)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/latex": self._repr_latex_()}


def _public(recurrence: symbolic.Recurrence, template: Template | None = None) -> Recurrence:
    values = {f.name: getattr(recurrence, f.name) for f in fields(symbolic.Recurrence)}
    return Recurrence(**values, template=template)


def parse(
    text: str, *, name: str = "recurrence", roles: Mapping[str, str] | None = None
) -> Recurrence:
    """The recurrence that a text says, canonical or as on the whiteboard.

    name: what messages call the text; roles: roles that the equations do not tell
    (`{"W": "parameter"}` makes `W[t]` a parameter of each position).
    Raises UnrollError with line, column and what to write instead.
    """
    from unroll.language.parser import parse as read

    return _public(read(text, name=name, roles=roles))


def template(name: str) -> Recurrence:
    """The recurrence of a template. Raises UnrollError if there is none of this name."""
    found = templates.load(name)
    return from_template(found)


def from_template(found: Template) -> Recurrence:
    """The recurrence that a template's equations say, with its dims, arrays and figure."""
    from unroll.language.parser import parse as read

    recurrence = read(found.equations, name=found.name, roles=found.roles or None)
    return _public(recurrence, found)


def step(recurrence: Recurrence | str, trace: Trace | None = None, **options: Any) -> Page:
    """The page that steps through a run of a recurrence: `unroll.step(rnn, trace).save("bptt.html")`.

    recurrence: one, or the name of a template, or equations; the rest as for `Recurrence.step`.
    """
    if isinstance(recurrence, str):
        known = recurrence in templates.names()
        recurrence = template(recurrence) if known else parse(recurrence)
    return recurrence.step(trace, **options)
