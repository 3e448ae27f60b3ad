"""Extents: how long the axes of a picture are, by what was asked for, what ran, and what fits."""

from __future__ import annotations

from collections.abc import Mapping

from unroll.drawing.columns import DENSE
from unroll.drawing.lanes import Division, spread
from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph
from unroll.symbolic.recurrence import DEFAULT_LAYERS, LAYERS, Recurrence
from unroll.symbolic.sizes import Sizes


def lengths_of(
    recurrence: Recurrence, steps: int | Mapping[str, int] | None, run: Sizes | None = None
) -> dict[str, int]:
    """How long axes are, by the names of their lengths: as said, or as long as they were in a run.

    A number is meant for all axes but those that count layers. Raises UnrollError for a name that
    is no axis or length, a length below one, and another length than that of the run.
    """
    said = dict(steps) if isinstance(steps, Mapping) else {}
    names = {n: a.leaves or a.length for a in recurrence.axes for n in (a.name, a.length, a.leaves)}
    for name, length in said.items():
        if name not in names or not name:
            raise UnrollError(
                f"there is no axis or length {name!r} in this recurrence",
                remedy=f"Its lengths are: {', '.join(sorted(recurrence.lengths))}.",
            )
        if length < 1:
            raise UnrollError(f"cannot draw {length} steps", remedy="Draw at least one.")
    found = {names[name]: length for name, length in said.items()}
    if isinstance(steps, int):
        counted = [a for a in recurrence.axes if a.name not in LAYERS] or list(recurrence.axes)
        counted = counted[:1] if run is not None else counted  # the run says the other lengths
        found = {a.leaves or a.length: steps for a in counted}
    ran = dict(run.lengths) if run is not None else {}
    for axis in recurrence.axes:
        length = ran.get(axis.length, 0)
        if length and not axis.leaves and found.get(axis.length, length) != length:
            raise UnrollError(
                f"the values are those of {length} steps, not of {found[axis.length]}",
                remedy="Draw as many steps as were run.",
            )
    return ran | found


def count_of(recurrence: Recurrence, lengths: Mapping[str, int]) -> int | None:
    """How many steps the time axis has, a tree how many leaves; None where nothing says it."""
    time = next((a for a in recurrence.axes if a.leaves), recurrence.axes[0])
    return lengths.get(time.leaves or time.length)


def with_few_rows(
    divided: Division, lengths: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, int]:
    """The lengths that a number of steps means: rows are as many as the sizes say, and few.

    Columns are left out where there are many; rows are not, and so there are no more of them than
    are shown without leaving any out.
    """
    across = {a.length for a in divided.crossed} - {a.length for a in divided.columns}
    few = {n: sizes.get(n, min(k, DENSE)) for n, k in lengths.items() if n in across}
    return {**lengths, **few}


def spread_over(divided: Division, lengths: Mapping[str, int]) -> FoldedGraph | None:
    """The graph over columns alone, of a recurrence on several axes."""
    if not divided.crossed:
        return None
    default = {a.length: DEFAULT_LAYERS if a.name in LAYERS else 3 for a in divided.recurrence.axes}
    return spread(divided, Sizes(tuple((default | dict(lengths)).items())))
