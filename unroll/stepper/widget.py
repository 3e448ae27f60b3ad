"""The page as a notebook widget, by anywidget (extra `notebook`): Jupyter, VS Code, marimo, Colab.

It is the page's own module. What happens in it comes back: the event, and arrays that were changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from unroll.numeric.passing import rerun
from unroll.stepper.bundle import module, static
from unroll.stepper.colors import dark_picture

if TYPE_CHECKING:
    from unroll.numeric.trace import Trace
    from unroll.symbolic.recurrence import Recurrence


class Stepper(anywidget.AnyWidget):
    """A run to step through in a notebook.

    state: all that is shown (`page.state_of`); event: the current one, 0 before the first; arrays: those of
    the run, as `run` takes them, changed where an entry was. All three follow what is done in the
    notebook, and setting event or arrays shows there.
    """

    _esm = module()
    _css = static("stepper.css") + dark_picture()

    state = traitlets.Dict().tag(sync=True)
    event = traitlets.Int(0, min=0).tag(sync=True)
    arrays = traitlets.Dict().tag(sync=True)

    def __init__(self, state: Mapping[str, Any], recurrence: Recurrence, trace: Trace) -> None:
        super().__init__(state=dict(state), arrays=dict(state["arrays"]))
        self._recurrence = recurrence
        self._ran = (state["arrays"], trace)

    @property
    def trace(self) -> Trace:
        """The run with the arrays as they are now: computed by NumPy, when it is asked for."""
        arrays, trace = self._ran
        if arrays != self.arrays:
            trace = rerun(trace, self._recurrence, trace.objective, self.arrays)
            self._ran = (self.arrays, trace)
        return trace

    @traitlets.validate("event")
    def _within(self, proposal: Any) -> int:
        return min(int(proposal["value"]), len(self.state["story"]["events"]))
