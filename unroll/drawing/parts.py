"""Parts: the columns of a picture whose recurrence runs over several lengths, those of each together.

An encoder over t = 1..n_x and a decoder over u = 1..n_y stand side by side. Where every step of one
reads all steps of the other (attention), the reader stands above, so that the fan is short.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from unroll.drawing.columns import Column, Timeline
from unroll.graph.folded import FoldedGraph, Variable


@dataclass(frozen=True)
class Parts:
    """The timelines from left to right; stacked: from bottom to top. letters: of each, its axes."""

    lines: tuple[Timeline, ...]
    letters: tuple[frozenset[str], ...]
    stacked: bool = False

    def of(self, variable: Variable) -> Timeline:
        """The line whose steps a variable's index counts."""
        return self.lines[self.number(variable)]

    def number(self, variable: Variable) -> int:
        """Which part a variable with an axis belongs to."""
        own = (i for i, letters in enumerate(self.letters) if variable.axes[0] in letters)
        return next(own, 0)

    def each(self) -> Iterator[tuple[int, Column]]:
        """All columns with their numbers."""
        for line in self.lines:
            yield from line.each()


def in_parts(graph: FoldedGraph, lines: tuple[Timeline, ...]) -> Parts:
    """Timelines as parts of one picture, their columns numbered."""
    found, start = [], 0
    for line in lines:
        found.append(replace(line, start=start))
        start += len(line.columns)
    letters = tuple(
        frozenset(a.name for a in graph.axes if a.length == line.length) for line in lines
    )
    flat = Parts(tuple(found), letters)
    return replace(flat, stacked=_is_read_through(graph, flat))


def _is_read_through(graph: FoldedGraph, flat: Parts) -> bool:
    """Whether a variable of one part reads many steps of another."""
    if len(flat.lines) < 2:
        return False
    moving = {v.name: v for v in graph.variables if v.axes}
    reads: Counter[tuple[str, str]] = Counter()
    for link in graph.links:
        if link.source in moving and link.target in moving:
            source, target = moving[link.source], moving[link.target]
            if flat.number(source) != flat.number(target):
                reads[source.name, target.name] += 2 if link.over else 1
    readers = Counter(source for source, _ in reads)
    return any(n > 1 for n in reads.values()) or any(n > 1 for n in readers.values())
