"""Needs: which pieces of a program read what others write, and how far back along each axis.

A piece is an equation in a box of steps where it is the one that holds. Boxes tell more than names:
the boundary `h[0, t] = x[t]` is in no cycle, though `h` is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from unroll.numeric.layout import reaches, spans_of
from unroll.symbolic.expressions import Reference, references
from unroll.symbolic.ordering import ANY, Distance, distances_of, uses
from unroll.symbolic.recurrence import Box, Equation, Recurrence
from unroll.symbolic.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Piece:
    """An equation and the box of steps in which it is the one that holds."""

    equation: Equation
    box: Box

    @property
    def name(self) -> str:
        return self.equation.name


@dataclass(frozen=True, slots=True)
class Need:
    """Piece number `target` reads what piece `source` writes, that far back along each axis."""

    source: int
    target: int
    distances: Mapping[str, Distance]

    def along(self, axis: str) -> Distance:
        return self.distances.get(axis, ANY)


def side(recurrence: Recurrence, piece: Piece, axis: str) -> tuple[int, int]:
    """First and last step of a piece along an axis."""
    return piece.box[_position(recurrence, piece, axis)]


def within(recurrence: Recurrence, piece: Piece, axis: str, steps: tuple[int, int]) -> Piece:
    """The part of a piece between two steps of an axis."""
    p = _position(recurrence, piece, axis)
    return Piece(piece.equation, (*piece.box[:p], steps, *piece.box[p + 1 :]))


def _position(recurrence: Recurrence, piece: Piece, axis: str) -> int:
    return [a.name for a in recurrence.axes_of(piece.name)].index(axis)


def needs_of(
    recurrence: Recurrence, sizes: Sizes, pieces: Sequence[Piece], around: Collection[str]
) -> list[Need]:
    """What pieces need of one another; not what loops around them, along axes, put in order."""
    by_name: dict[str, list[int]] = {}
    for i, piece in enumerate(pieces):
        by_name.setdefault(piece.name, []).append(i)
    found = []
    for i, piece in enumerate(pieces):
        expression = piece.equation.expression
        bound = list(uses(expression))
        spans = spans_of(piece.equation, piece.box)
        reads = dict.fromkeys(reaches(recurrence, expression, sizes, spans))
        bare: list[tuple[Reference, Box]] = [
            (r, ()) for r in references(expression) if not r.indices
        ]
        for reference, box in (*reads, *bare):
            for j in by_name.get(reference.name, ()):
                if not _meet(box, pieces[j].box):
                    continue
                for other, letters in bound:
                    if other == reference:
                        known = distances_of(recurrence, piece.equation, reference, letters)
                        need = Need(j, i, _bounded(recurrence, pieces[j], piece, known, box))
                        if not any(_is_carried(need.along(axis)) for axis in around):
                            found.append(need)
    return found


def _is_carried(distance: Distance) -> bool:
    """Whether what is needed was done, or will be, in another turn of a loop."""
    return distance[0] > 0 or distance[1] < 0


def _bounded(
    recurrence: Recurrence,
    source: Piece,
    target: Piece,
    distances: Mapping[str, Distance],
    read: Box,
) -> Mapping[str, Distance]:
    """Distances; where one is not the same everywhere, as the boxes bound it."""
    known = dict(distances)
    own = {a.name: s for a, s in zip(recurrence.axes_of(target.name), target.box)}
    for axis, (first, last), written in zip(recurrence.axes_of(source.name), read, source.box):
        if axis.name in own and known.get(axis.name, ANY) == ANY:
            start, stop = own[axis.name]
            known[axis.name] = (start - min(last, written[1]), stop - max(first, written[0]))
    return known


def _meet(one: Box, other: Box) -> bool:
    return all(a <= d and c <= b for (a, b), (c, d) in zip(one, other))
