"""Columns: which steps an unfolded picture shows, and what stands for those that it leaves out.

Every index is a position on a line: numbers from the first step, or, in the symbolic window, numbers
from t, with the first step and the last one very far away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph, Link, Variable
from unroll.symbolic.expressions import Index
from unroll.symbolic.recurrence import Bounds

FAR = 10**9
DENSE = 8  # steps that a picture shows before it leaves out the middle


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
    """The columns from left to right, and where indices lie on the line."""

    columns: tuple[Column, ...]
    axis: str
    length: str
    origin: int
    end: int

    def position(self, index: Index, at: int = 0) -> int:
        """Where an index lies when the axis letter stands for position `at`."""
        if index.base == self.axis:
            return at + index.offset
        return (self.end if index.base == self.length else self.origin) + index.offset

    def column(self, position: int) -> int | None:
        """Number of the column that stands for a position."""
        for i, column in enumerate(self.columns):
            if position in column:
                return i
        return None

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


def window(graph: FoldedGraph) -> Timeline:
    """…, t-1, t, t+1, …; or …, t-1, t, …, tau where something exists at the end only."""
    axis, length = graph.axis, graph.length
    ending = any(
        a == b and a.base == length for v in graph.variables for ((a, b),) in v.ranges
    ) or any(i.base == length for link in graph.links for i in link.at)
    left = Column(-FAR // 2, -2, None)
    steps = [Column(k, k, Index(axis, k)) for k in (-1, 0, 1)]
    if ending:
        gap = Column(1, FAR - 1, None, inner=True)
        end = Column(FAR, FAR, Index(length))
        columns = (left, *steps[:2], gap, end)
    else:
        columns = (left, *steps, Column(2, FAR // 2, None))
    return Timeline(columns, axis, length, -FAR, FAR)


def numbered(graph: FoldedGraph, steps: int, elide: str = "auto") -> Timeline:
    """Steps 1..steps, what reaches beyond them, and an ellipsis for those left out.

    Raises UnrollError for fewer than one step, or an `elide` that is none of auto, none, I..J.
    """
    if steps < 1:
        raise UnrollError(f"cannot draw {steps} steps", remedy="Draw at least one.")
    hidden = _elided(steps, elide)
    bare = Timeline((), graph.axis, graph.length, 0, steps)
    outside = _outside(graph, bare, steps, hidden)
    columns = [Column(p, p, Index("", p)) for p in outside if p < 1]
    for p in range(1, steps + 1):
        if hidden and p == hidden[0]:
            columns.append(Column(hidden[0], hidden[1], None, inner=True))
        elif not hidden or not hidden[0] <= p <= hidden[1]:
            columns.append(Column(p, p, Index("", p)))
    columns += [Column(p, p, Index("", p)) for p in outside if p > steps]
    return Timeline(tuple(columns), graph.axis, graph.length, 0, steps)


def elision(elide: str) -> tuple[int, int] | None:
    """The steps that a range such as `5..98` names; None for auto and none.

    Raises UnrollError for anything else.
    """
    if elide in ("auto", "none"):
        return None
    match = re.fullmatch(r"\s*(\d{1,9})\s*\.\.\s*(\d{1,9})\s*", elide)
    if match is None:
        raise UnrollError(
            f"cannot leave out {elide!r}", remedy="Choose auto, none, or a range such as 5..98."
        )
    return int(match[1]), int(match[2])


def _elided(steps: int, elide: str) -> tuple[int, int] | None:
    if elide == "auto":
        return (5, steps - 2) if steps > DENSE else None
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
    variables = {v.name: v for v in graph.variables}
    reach = max((abs(link.lag) for link in graph.links if link.lag), default=0)
    near = {p for k in range(reach + 1) for p in (1 + k, steps - k) if 1 <= p <= steps}
    found = set()
    for link in graph.links:
        if link.to and not 1 <= (p := line.position(link.to[0], 1)) <= steps:
            found.add(p)  # an equation at 0 that needs something
        source, target = variables[link.source], variables[link.target]
        if source.role == "input" or not link.at or link.over:
            continue
        if not link.to:
            found.add(line.position(link.at[0]))
        else:
            for p in near:
                if line.holds(link, target, p):
                    found.add(line.position(link.at[0], p))
    inside_hidden = hidden or (0, -1)
    return sorted(
        p for p in found if not 1 <= p <= steps and not inside_hidden[0] <= p <= inside_hidden[1]
    )
