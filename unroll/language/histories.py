"""Histories: `y[<t]`, all earlier values, as long as it is open who gathers them."""

from __future__ import annotations

from dataclasses import dataclass

from unroll.symbolic.expressions import Index, Range

WHOLE = Range("")


@dataclass(frozen=True, slots=True)
class Stretch(Index):
    """An index that stands for many places: those of a range, whose letter is still open.

    base: the letter that it is told from, the `t` of `<t` and the `n` of `children(n)`.
    """

    within: Range = WHOLE

    def __str__(self) -> str:
        return history(self.within)


def history(within: Range) -> str:
    """A range where an index stands: `<t`, `<=t`, `>t`, `2..t`, `children(n)`."""
    start, stop = within.start, within.stop
    if within.parent is not None:
        return str(within.parent)
    if start is not None and stop is not None:
        return f"{start}..{stop}"
    if stop is not None:
        return f"<{stop.shift(1)}" if stop.offset == -1 else f"<={stop}"
    if start is not None:
        return f">{start.shift(-1)}" if start.offset == 1 and start.base else f">={start}"
    return within.axis
