"""The page: one self-contained file that works offline, under a strict content security policy."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from unroll.drawing.theme import palette
from unroll.errors import UnrollError
from unroll.files import write
from unroll.language.mathml import Page as Mathematics
from unroll.language.mathml import name_mathml
from unroll.stepper.bundle import module, static
from unroll.stepper.colors import dark_picture
from unroll.stepper.drawn import picture_of
from unroll.stepper.program import arrays, given, program_of
from unroll.stepper.tasks import Walk
from unroll.stepper.telling import tell, written_objective
from unroll.symbolic import recurrence as symbolic
from unroll.symbolic.expressions import Constant, Index, Reference, call
from unroll.symbolic.recurrence import Equation
from unroll.symbolic.transformations import hide

if TYPE_CHECKING:
    from unroll.figure import Figure
    from unroll.interface import Recurrence
    from unroll.numeric.trace import Trace
    from unroll.stepper.widget import Stepper

_SHADES = 16  # on either side of zero


@dataclass(frozen=True)
class Page:
    """A run to step through: a file, or, in a notebook, a widget.

    state: all that the page is made of; see `state_of`; recurrence, ran: what was run, and its trace.
    """

    state: Mapping[str, Any] = field(repr=False)
    recurrence: Recurrence = field(repr=False, compare=False)
    ran: Trace = field(repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<Page {self.state['title']!r}, {len(self.state['story']['events'])} events>"

    @cached_property
    def widget(self) -> Stepper:
        """The widget that a notebook shows. Raises UnrollError without the extra `notebook`."""
        try:
            from unroll.stepper.widget import Stepper
        except ImportError:
            raise UnrollError("there is no anywidget to show this with", remedy=_EXTRA) from None
        return Stepper(self.state, self.recurrence, self.ran)

    @property
    def trace(self) -> Trace:
        """The run, with what was changed in the notebook."""
        return self.widget.trace if self._shown else self.ran

    @property
    def event(self) -> int:
        """The event that the notebook shows, 0 before the first."""
        return int(self.widget.event) if self._shown else 0

    @property
    def _shown(self) -> bool:
        return "widget" in self.__dict__

    def html(self) -> str:
        """The whole page: no request leaves it, and nothing in it is evaluated but its own script."""
        script = f"{_script()}\nstart(JSON.parse(document.getElementById('state').textContent), {_ROOT});\n"
        style = static("stepper.css") + _PAGE + dark_picture()
        policy = (
            f"default-src 'none'; script-src {policy_hash(script)}; style-src {policy_hash(style)}; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        )
        title = html.escape(str(self.state["title"]))
        return (
            '<!doctype html>\n<html lang="en" data-unroll="1">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
            '<main id="unroll" class="unroll"></main>\n'
            f'<script type="application/json" id="state">{_embedded(self.state)}</script>\n'
            f'<script type="module">{script}</script>\n</body>\n</html>\n'
        )

    def _repr_mimebundle_(self, **_: Any) -> Any:
        """The widget where it can live, and a picture that stays in the notebook's file."""
        figure = self._figure()
        still = {"image/svg+xml": figure.svg(), "text/plain": repr(self)}
        try:
            live = self.widget._repr_mimebundle_()
        except UnrollError:
            return still | {"text/plain": f"{self!r}\n{_EXTRA}"}
        data, facts = live if isinstance(live, tuple) else (live or {}, {})
        return {**data, **still}, facts

    def _display_(self) -> Any:
        """As marimo asks."""
        try:
            return self.widget
        except UnrollError:
            return self._figure()

    def _figure(self) -> Figure:
        flow = "both" if self.ran.gradients else "forward"
        return self.recurrence.draw(view="unfolded", flow=flow, values=self.ran)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all. Raises UnrollError for a path that cannot be written."""
        write(path, self.html())


_EXTRA = 'Install it with: pip install "unroll-graph[notebook]"'
_ROOT = "document.getElementById('unroll')"
_PAGE = (
    "\nhtml, body { margin: 0; }\nbody { min-height: 100vh; }\nmain.unroll { min-height: 100vh; }\n"
)


def state_of(
    recurrence: Recurrence,
    trace: Trace,
    *,
    notation: str = "book",
    language: str = "en",
    theme: str = "auto",
) -> dict[str, Any]:
    """Everything that a page shows: the program, the story, the picture and the arrays of a run.

    Raises UnrollError for a batch, and for a run that is too long to be told.
    """
    walk = Walk(trace)
    hidden = hidden_in(recurrence)
    drawn = hide(recurrence, hidden) if hidden else recurrence
    story = tell(walk, drawn, notation)
    whole, objective = trace.recurrence, written_objective(drawn)
    time = whole.axes[0].length
    return {
        "version": 1,
        "title": recurrence.template.title
        if recurrence.template
        else str(recurrence).split("\n")[0],
        "text": str(recurrence),
        "language": language,
        "theme": theme,
        "steps": trace.steps,
        "time": [name for name, axis in whole.letters.items() if axis.length == time],
        "program": program_of(walk),
        "story": story.json(),
        "arrays": arrays(trace),
        "given": {name: _outline(walk, name) for name in given(trace)},
        "gradients": dict(trace.gradients),
        "parameters": {
            name: {
                "gradient": trace.gradients[name],
                "label": name_mathml(f"grad_{name}", notation, objective),
            }
            for name in trace.parameters
            if name in trace.gradients
        },
        "labels": {n: _label(trace, n, notation) for n in trace.forward.names},
        "computed": list(whole.defined),
        "shown": [n for n in trace.forward.names if whole.role(n) not in ("parameter", "loss")],
        "influence": _influence(walk),
        "seeds": _seeds(walk),
        "diagram": picture_of(
            recurrence, trace, story, hidden, notation=notation, language=language
        ),
        "palettes": {
            name: [palette(name).color(f"signed{k:+03d}") for k in range(-_SHADES, _SHADES + 1)]
            for name in ("light", "dark")
        },
        "python": _call(recurrence),
        "options": _options(recurrence, trace),
    }


def hidden_in(recurrence: Recurrence) -> list[str]:
    """What the template leaves out of its picture."""
    if recurrence.template is None:
        return []
    return [n for n in recurrence.template.figure.get("hide", ()) if n in recurrence.defined]


def _call(recurrence: Recurrence) -> str:
    if recurrence.template is not None:
        return f"unroll.template({recurrence.template.name!r})"
    return f"unroll.parse({str(recurrence)!r})"


def _options(recurrence: Recurrence, trace: Trace) -> str:
    """What `run` has to be told beside the arrays to do the same again."""
    forward, found = trace.forward, ""
    names = [n for n in given(trace) if n in forward.names]
    said = {axis.length for n in names for axis in forward.axes_of(n)}
    lengths = {n: count for n, count in trace.sizes.lengths if n not in said}
    if trees := trace.sizes.trees:
        found += f", tree={[list(own) for own in trees[0][1].children]}"
    elif lengths:
        found += f", steps={lengths}"
    if trace.objective and _named_by_itself(recurrence) != trace.objective:
        found += f", of={trace.objective!r}"
    return found


def _named_by_itself(recurrence: Recurrence) -> str | None:
    """The objective that a run takes where none is named."""
    try:
        return recurrence.objective()
    except UnrollError:
        return None


def _label(trace: Trace, name: str, notation: str) -> dict[str, Any]:
    """A name at indices, as mathematics with places for their numbers."""
    letters = [axis.name for axis in trace.forward.axes_of(name)]
    page = Mathematics(letters, notation, trace.objective or "L")
    return {"letters": letters, "math": page.reference(name, [Index(n) for n in letters])}


def _outline(walk: Walk, name: str) -> dict[str, Any]:
    """Shape of a value that can be changed, and how many steps lead it; None for no steps."""
    array = arrays_shape(walk, name)
    lead = len(walk.trace.rows.get(name, ()))
    return {"dims": list(array[lead:]), "axes": list(array[:lead]) or None}


def arrays_shape(walk: Walk, name: str) -> tuple[int, ...]:
    import numpy as np

    return np.shape(arrays(walk.trace)[name])


def _seeds(walk: Walk) -> list[str]:
    """Gradients with which the way back begins at every step: grad_L[t] = 1."""
    return [
        e.name
        for e in walk.whole.equations
        if e.name in walk.gradients and isinstance(e.expression, Constant)
    ]


def _influence(walk: Walk) -> dict[str, Any] | None:
    """The program of the same run with a weight for each step's loss: how far each reaches back.

    With one weight 1 and all others 0 the gradient of a state is ∂L^(k)/∂h^(t) (section 10.7 of
    Goodfellow, Bengio & Courville 2016). None where the loss is no sum over steps, or there is no
    state.
    """
    from unroll.numeric.contributions import per_step
    from unroll.numeric.execution import run

    trace, forward = walk.trace, walk.trace.forward
    time = forward.axes[0]
    try:
        loss = per_step(trace)
    except UnrollError:
        return None
    states = [
        n
        for n in forward.names
        if n in forward.states
        and n in trace.gradients
        and [a.length for a in forward.axes_of(n)] == [time.length]
    ]
    if not states or [a.length for a in forward.axes_of(loss)] != [time.length] or time.leaves:
        return None
    letter = forward.axes_of(loss)[0].name
    weights = _new("weight", forward.names)
    at = (Index(letter),)
    product = Reference(weights, at) * Reference(loss, at)
    total = Equation(Reference(_new("weighted", forward.names)), call("sum", product, over=letter))
    others = tuple(e for e in forward.equations if e.name != trace.objective)
    if trace.objective == loss:
        others = forward.equations
    weighted = symbolic.Recurrence((*others, total), forward.axes)
    given_arrays = {**arrays(trace), weights: [1.0] * trace.steps}
    try:
        traced = run(weighted, given_arrays, of=total.name)
    except UnrollError:  # a recurrence whose arrays do not tell it all, as one on trees
        return None
    return {
        "program": program_of(Walk(traced)),
        "weights": weights,
        "of": loss,
        "by": states[0],
        "gradient": traced.gradients[states[0]],
    }


def _new(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name


# --- embedding -----------------------------------------------------------------------------------


def _script() -> str:
    """The stepper's module as a script of a page, where nothing is exported."""
    return module().split("export {")[0]


def _embedded(state: Mapping[str, Any]) -> str:
    """JSON inside an HTML element: no text of a user's can end the element."""
    text = json.dumps(state, ensure_ascii=False, separators=(",", ":"), allow_nan=True)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def policy_hash(text: str) -> str:
    """What a content security policy calls an element with this text."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
