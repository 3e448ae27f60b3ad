"""What an event touches in the picture: nodes, and the edges between them, hidden variables seen through.

A variable that the picture leaves out lights up where it is used; what is read through it comes from
where it was computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from unroll.symbolic.expressions import Call, Expression, Index, Range, Reference
from unroll.symbolic.recurrence import Equation, Recurrence
from unroll.symbolic.trees import INVERSE

FORWARD, BACKWARD = "forward", "backward"


@dataclass(frozen=True, slots=True)
class Place:
    """A variable at indices over the letters of an event."""

    name: str
    at: tuple[Index, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow as it is drawn, from its tail to its head. over: letters that run, inside a sum."""

    source: Place
    target: Place
    flow: str
    over: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Picture:
    """The variables that are drawn. forward: all equations; drawn: those of the picture."""

    forward: Recurrence
    drawn: Recurrence

    @cached_property
    def shown(self) -> frozenset[str]:
        return frozenset(n for n in self.drawn.names if self.drawn.role(n) != "parameter")

    def nodes(self, place: Place) -> tuple[Place, ...]:
        """Where a variable is seen: itself, or what it is used for, or what it is made of."""
        if place.name in self.shown:
            return (place,)
        found = list(dict.fromkeys(self._users(place, frozenset({place.name}))))
        return tuple(found or dict.fromkeys(self._makers(place, frozenset({place.name}))))

    def _users(self, place: Place, seen: frozenset[str]) -> Iterator[Place]:
        for equation, reference, over in self.readings(place.name):
            moved = None if over else seen_from(equation, reference, place.at)
            if moved is None:
                continue
            if moved.name in self.shown:
                yield moved
            elif moved.name not in seen:
                yield from self._users(moved, seen | {moved.name})

    def _makers(self, place: Place, seen: frozenset[str]) -> Iterator[Place]:
        for equation in self.forward.equations_of(place.name):
            to = dict(zip((i.base for i in equation.target.indices), place.at))
            for reference, over in within(equation.expression):
                if over or reference.name in seen:
                    continue
                moved = Place(reference.name, tuple(i.at(to) for i in reference.indices))
                if moved.name in self.shown:
                    yield moved
                elif moved.name in self.forward.defined:
                    yield from self._makers(moved, seen | {moved.name})

    def readings(self, name: str) -> Iterator[tuple[Equation, Reference, tuple[Range, ...]]]:
        """The equations that read a name, with the reference and what sums around it bind."""
        for equation in self.forward.equations:
            for reference, over in within(equation.expression):
                if reference.name == name:
                    yield equation, reference, over

    def into(self, place: Place) -> Iterator[Edge]:
        """The arrows of the forward pass that arrive at a drawn node."""
        for equation in self.drawn.equations_of(place.name):
            to = dict(zip((i.base for i in equation.target.indices), place.at))
            for reference, over in within(equation.expression):
                if reference.name in self.shown:
                    at = tuple(i.at(to) for i in reference.indices)
                    yield Edge(Place(reference.name, at), place, FORWARD, over)

    def back(self, place: Place) -> Iterator[Edge]:
        """The arrows of the way back that arrive at a drawn node."""
        for equation in self.drawn.equations:
            for reference, over in within(equation.expression):
                if reference.name != place.name or equation.name not in self.shown:
                    continue
                if over:  # one node is read by a sum: an arrow from each target that has it
                    letters = {r.axis for r in over}
                    to = {
                        i.base: p
                        for i, p in zip(reference.indices, place.at)
                        if i.base in letters and not i.via and not i.offset and not p.via
                    }
                    free = [i for i in equation.target.indices if i.base]
                    ranges = tuple(Range(i.base) for i in free if not _fixed(i, reference, place))
                    at = tuple(_moved(i, reference, place) or i for i in equation.target.indices)
                    if len(to) == len(letters):
                        yield Edge(Place(equation.name, at), place, BACKWARD, ranges)
                    continue
                moved = seen_from(equation, reference, place.at)
                if moved is not None:
                    yield Edge(moved, place, BACKWARD)


def within(
    node: Expression, over: tuple[Range, ...] = ()
) -> Iterator[tuple[Reference, tuple[Range, ...]]]:
    """The references in an expression, with what the sums around them bind."""
    if isinstance(node, Reference):
        yield node, over
    elif isinstance(node, Call):
        inner = (*over, node.bound) if node.bound is not None else over
        for argument in node.arguments:
            yield from within(argument, inner)


def seen_from(equation: Equation, reference: Reference, at: Sequence[Index]) -> Place | None:
    """The target of an equation where its reference is at given indices: h[t+1] where h[t-1] is h[t].

    None where no target reads it there.
    """
    found = []
    for index in equation.target.indices:
        if not index.base or not any(i.base == index.base for i in reference.indices):
            found.append(index)
            continue
        position = next(k for k, i in enumerate(reference.indices) if i.base == index.base)
        own, to = reference.indices[position], at[position]
        if own.via:
            if to.via or to.offset or own.via not in INVERSE:
                return None
            found.append(Index(to.base, 0, INVERSE[own.via]))
        elif to.via:
            return None
        else:
            found.append(to.shift(-own.offset))
    return Place(equation.name, tuple(found))


def _moved(index: Index, reference: Reference, place: Place) -> Index | None:
    for own, to in zip(reference.indices, place.at):
        if own.base == index.base and index.base and not own.via and not to.via:
            return to.shift(-own.offset)
    return None


def _fixed(index: Index, reference: Reference, place: Place) -> bool:
    return _moved(index, reference, place) is not None
