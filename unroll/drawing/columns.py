"""Columns: which steps an unfolded picture shows, and what stands for those that it leaves out.

Every index is a position on a line: numbers from the first step, or, in the symbolic window, numbers
from t, with the first step and the last one very far away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph, Link, Variable
from unroll.symbolic.expressions import Index
from unroll.symbolic.recurrence import Axis, Bounds

FAR = 10**9
DENSE = 8  # steps that a picture shows before it leaves out the middle
_FIRST = 5  # steps that show what a history is


@dataclass(frozen=True, slots=True)
class Column:
    """The positions that a column stands for: one, or many where steps are left out.

    inner: left-out steps between shown ones, drawn as a whole column of dashed nodes.
    """

    first: int
    last: int
    index: Index | None  # None: "..."
    inner: bool = False

    @property
    def is_step(self) -> bool:
        return self.index is not None

    def __contains__(self, position: int) -> bool:
        return self.first <= position <= self.last


@dataclass(frozen=True, slots=True)
class Timeline:
    """The columns of an axis from left to right, and where indices lie on the line.

    start: the number of the first column in the picture.
    """

    columns: tuple[Column, ...]
    axis: str
    length: str
    origin: int
    end: int
    start: int = 0

    def position(self, index: Index, at: int = 0) -> int:
        """Where an index lies when letters stand for position `at`."""
        if index.base == self.length:
            return self.end + index.offset
        return (at if index.base else self.origin) + index.offset

    def each(self) -> Iterator[tuple[int, Column]]:
        """The columns with their numbers."""
        return enumerate(self.columns, self.start)

    def column(self, position: int) -> int | None:
        """Number of the column that stands for a position."""
        return next((i for i, column in self.each() if position in column), None)

    def exists(self, variable: Variable, position: int) -> bool:
        return self.chosen_range(variable, position) is not None

    def chosen_range(self, variable: Variable, position: int) -> Bounds | None:
        """The range that defines a variable at a position: the shortest one that covers it."""
        spans = [
            (self.position(b) - self.position(a), i, ((a, b),))
            for i, ((a, b),) in enumerate(variable.ranges)
            if self.position(a) <= position <= self.position(b)
        ]
        return min(spans)[2] if spans else None

    def holds(self, link: Link, target: Variable, position: int) -> bool:
        """Whether the equation that a link belongs to defines its target at a position."""
        return bool(link.within) and link.within == self.chosen_range(target, position)


def window(graph: FoldedGraph, axis: Axis | None = None, first: bool = False) -> Timeline:
    """…, t-1, t, t+1, …; or …, t-1, t, …, tau where something exists at the end only.

    Where something needs all that came before it, or first is asked for: the first steps, and what
    follows them.
    """
    axis = axis or graph.axes[0]
    letter, length = axis.name, axis.length
    own = _on(graph, axis)
    if first or any(follows(link) for link in graph.links if link.source in own):
        begin = tuple(Column(k, k, Index("", k)) for k in range(1, _FIRST + 1))
        columns: tuple[Column, ...] = (*begin, Column(_FIRST + 1, FAR // 2, None))
        return Timeline(columns, letter, length, 0, FAR)
    ending = any(
        a == b and a.base == length for v in own.values() for ((a, b),) in v.ranges
    ) or any(i.base == length for link in graph.links for i in link.at)
    left = Column(-FAR // 2, -2, None)
    steps = [Column(k, k, Index(letter, k)) for k in (-1, 0, 1)]
    if ending:
        gap = Column(1, FAR - 1, None, inner=True)
        end = Column(FAR, FAR, Index(length))
        columns = (left, *steps[:2], gap, end)
    else:
        columns = (left, *steps, Column(2, FAR // 2, None))
    return Timeline(columns, letter, length, -FAR, FAR)


def spanning(graph: FoldedGraph, axis: Axis) -> Timeline:
    """1, 2, …, n_x, and what comes before: an axis from its start to its end."""
    line = Timeline((), axis.name, axis.length, 0, FAR)
    columns = [Column(p, p, Index("", p)) for p in _outside(graph, line, FAR, None) if p < 1]
    columns += [Column(k, k, Index("", k)) for k in (1, 2)]
    columns += [Column(3, FAR - 1, None, inner=True), Column(FAR, FAR, Index(axis.length))]
    return Timeline(tuple(columns), axis.name, axis.length, 0, FAR)


def numbered(
    graph: FoldedGraph, steps: int, elide: str = "auto", axis: Axis | None = None
) -> Timeline:
    """Steps 1..steps, what reaches beyond them, and an ellipsis for those left out.

    Raises UnrollError for fewer than one step, or an `elide` that is none of auto, middle, none, end, I..J.
    """
    if steps < 1:
        raise UnrollError(f"cannot draw {steps} steps", remedy="Draw at least one.")
    axis = axis or graph.axes[0]
    hidden = _elided(steps, elide)
    bare = Timeline((), axis.name, axis.length, 0, steps)
    outside = _outside(graph, bare, steps, hidden)
    columns = [Column(p, p, Index("", p)) for p in outside if p < 1]
    for p in range(1, steps + 1):
        if hidden and p == hidden[0]:
            columns.append(Column(hidden[0], hidden[1], None, inner=True))
        elif not hidden or not hidden[0] <= p <= hidden[1]:
            columns.append(Column(p, p, Index("", p)))
    columns += [Column(p, p, Index("", p)) for p in outside if p > steps]
    return Timeline(tuple(columns), axis.name, axis.length, 0, steps)


def follows(link: Link) -> bool:
    """Whether a link's reduction ends where its target is, as `y[<t]` does."""
    letters = {i.base for i in link.to if i.base}
    return any(r.stop is not None and r.stop.base in letters for r in link.over)


def lag_of(link: Link) -> int | None:
    """How many steps back the source lies, along the axis where it is farthest; as `Link.lag`."""
    waits = [lag for lag in link.lags if lag]
    return max(waits, key=abs) if waits else 0 if 0 in link.lags else link.lag


def _on(graph: FoldedGraph, axis: Axis) -> dict[str, Variable]:
    """The variables whose steps an axis counts, those of axes with the same length included."""
    letters = {a.name for a in graph.axes if a.length == axis.length}
    return {v.name: v for v in graph.variables if v.axes and v.axes[0] in letters}


def elision(elide: str) -> tuple[int, int] | None:
    """The steps that a range such as `5..98` names; None for auto, middle, none and end.

    Raises UnrollError for anything else.
    """
    if elide in ("auto", "middle", "none", "end"):
        return None
    match = re.fullmatch(r"\s*(\d{1,9})\s*\.\.\s*(\d{1,9})\s*", elide)
    if match is None:
        raise UnrollError(
            f"cannot leave out {elide!r}",
            remedy="Choose auto, middle, none, end, or a range such as 5..98.",
        )
    return int(match[1]), int(match[2])


def _elided(steps: int, elide: str) -> tuple[int, int] | None:
    if elide == "auto":
        return (5, steps - 2) if steps > DENSE else None
    if elide == "middle":
        return (3, steps - 1) if steps > 3 else None
    if elide == "end":
        return (_FIRST + 1, steps) if steps > _FIRST + 1 else None
    hidden = elision(elide)
    if hidden is not None and not 1 <= hidden[0] <= hidden[1] <= steps:
        raise UnrollError(
            f"steps {hidden[0]}..{hidden[1]} are not all among 1..{steps}",
            remedy="Leave out a range inside of the steps, its first one first.",
        )
    return hidden


def _outside(
    graph: FoldedGraph, line: Timeline, steps: int, hidden: tuple[int, int] | None
) -> list[int]:
    """Positions before the first or after the last step that something drawn reads or defines."""
    own = _on(graph, Axis(line.axis, line.length))
    reach = max((abs(link.lag) for link in graph.links if link.lag), default=0)
    near = {p for k in range(reach + 1) for p in (1 + k, steps - k) if 1 <= p <= steps}
    found = set()
    for link in graph.links:
        target = own.get(link.target)
        if target and not 1 <= (p := line.position(link.to[0], 1)) <= steps:
            found.add(p)  # an equation at 0 that needs something
        source = own.get(link.source)
        if source is None or source.role == "input" or link.over:
            continue
        if target is None:
            found.add(line.position(link.at[0], 1))
        else:
            for p in near:
                if line.holds(link, target, p):
                    found.add(line.position(link.at[0], p))
    ranges = [(v, a) for v in own.values() for ((a, b),) in v.ranges if a == b and a.offset < 1]
    found |= {line.position(a) for v, a in ranges if not a.base and v.role != "input"}
    inside_hidden = hidden or (0, -1)
    return sorted(
        p for p in found if not 1 <= p <= steps and not inside_hidden[0] <= p <= inside_hidden[1]
    )
