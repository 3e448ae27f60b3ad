"""What an event touches in the picture: nodes, and the arrows between them, seen through hidden variables.

A variable that the picture leaves out lights up where it is used, or else where it comes from. All is
said for any step at once, by indices over the letters of an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from unroll.symbolic.expressions import Call, Expression, Index, Range, Reference
from unroll.symbolic.recurrence import INPUT, PARAMETER, Equation, Recurrence
from unroll.symbolic.trees import INVERSE

FORWARD, BACKWARD = "forward", "backward"
T = TypeVar("T")
Ranges = tuple[Range, ...]
Letters = Mapping[str, Index]
_INNER = "·"  # before the name of a letter that a reduction binds, while it is compared with others


@dataclass(frozen=True, slots=True)
class Place:
    """A variable at indices over the letters of an event. over: letters that run, as inside a sum."""

    name: str
    at: tuple[Index, ...] = ()
    over: Ranges = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow as it is drawn, from its tail to its head; one for each of many where letters run.

    over: letters that run for both of its ends together.
    """

    source: Place
    target: Place
    flow: str
    over: Ranges = ()


@dataclass(frozen=True)
class Picture:
    """The variables that are drawn. forward: all equations; drawn: those of the picture."""

    forward: Recurrence
    drawn: Recurrence

    @cached_property
    def shown(self) -> frozenset[str]:
        return frozenset(n for n in self.drawn.names if self.drawn.role(n) != PARAMETER)

    # --- nodes --------------------------------------------------------------------------------

    def nodes(self, place: Place) -> tuple[Place, ...]:
        """Where a variable is seen: itself, or what it is used for, or what it is made of."""
        return self._found(self._users, place) or self.makers(place)

    def makers(self, place: Place) -> tuple[Place, ...]:
        """A drawn variable itself; what a hidden one is made of."""
        return self._found(self._read, place)

    def users(self, place: Place) -> tuple[Place, ...]:
        """The nodes in which a variable is read, drawn or not."""
        step = self._users(place)
        return _once(node for user in step for node in self._found(self._users, user))

    def _found(self, step: Callable[[Place], Iterable[Place]], place: Place) -> tuple[Place, ...]:
        found: dict[Place, None] = {}
        seen, todo = {place}, [place]
        while todo:
            here = todo.pop(0)
            if here.name in self.shown:
                found[here] = None
                continue
            new = [p for p in step(here) if p not in seen]
            seen.update(new)
            todo += new
        return tuple(found)

    def _users(self, place: Place) -> Iterator[Place]:
        """What the equations compute that read a variable there."""
        whole = self.drawn if place.name in self.shown else self.forward
        for equation in whole.equations:
            for reference, bound in within(equation.expression):
                if reference.name != place.name:
                    continue
                inner = _inner(bound)
                indices = tuple(i.at(inner) for i in reference.indices)
                known = _solved(indices, place.at, self._letters | {_INNER + r.axis for r in bound})
                if known is None:
                    continue
                known |= _parents(bound, known)
                free = [i.base for i in equation.target.indices if self._is_free(i, known)]
                over = (*place.over, *(equation.range(letter) for letter in free))
                at = _moved(equation.target.indices, known)
                if at is not None:
                    yield bare(Place(equation.name, at, over))

    def _read(self, place: Place) -> Iterator[Place]:
        """What the equations of a variable read there."""
        for equation in self.forward.equations_of(place.name):
            known = _solved(equation.target.indices, place.at, self._letters)
            if known is not None:
                yield from self._places(equation.expression, known, place.over)

    def read(self, node: Expression) -> tuple[Place, ...]:
        """The nodes that an expression reads, with what is hidden seen through."""
        read = self._places(node, {}, ())
        return _once(p for place in read for p in self.makers(place))

    def _places(self, node: Expression, known: Letters, over: Ranges) -> Iterator[Place]:
        for reference, bound in within(node):
            name = reference.name
            if name in self.forward.names and self.forward.role(name) != PARAMETER:
                outer = {k: to for k, to in known.items() if k not in {r.axis for r in bound}}
                at = _moved(reference.indices, outer)
                if at is None:
                    continue
                yield bare(Place(name, at, (*over, *(r.at(outer) for r in bound))))

    @property
    def _letters(self) -> frozenset[str]:
        return frozenset(self.forward.letters)

    def _is_free(self, index: Index, known: Letters) -> bool:
        return index.base in self._letters and index.base not in known

    # --- arrows -------------------------------------------------------------------------------

    def into(self, equation: Equation) -> tuple[Edge, ...]:
        """The arrows into the node that an equation of a drawn variable computes."""
        drawn = next(
            (
                e
                for e in self.drawn.equations_of(equation.name)
                if e.target == equation.target and e.ranges == equation.ranges
            ),
            equation,
        )
        target = Place(equation.name, equation.target.indices)
        read = self._places(drawn.expression, {}, ())
        return _once(Edge(s, target, FORWARD) for s in read if s.name in self.shown)

    def sources(self, target: Place) -> tuple[Place, ...]:
        """The nodes from which arrows come to a drawn node, by whatever equation holds there."""
        found: list[Place] = []
        for equation in self.drawn.equations_of(target.name):
            known = _solved(equation.target.indices, target.at, self._letters)
            if known is not None:
                found += self._places(equation.expression, known, ())
        return _once(p for p in found if p.name in self.shown)

    def between(self, source: Place, target: Place, flow: str = FORWARD) -> Edge | None:
        """The arrow between two nodes, where the target's equations read the source there."""
        for equation in self.drawn.equations_of(target.name):
            known = _solved(equation.target.indices, target.at, self._letters, lenient=True)
            if known is None:
                continue
            for reference, bound in within(equation.expression):
                if reference.name != source.name:
                    continue
                inner = _inner(bound)
                there = _moved(reference.indices, {**known, **inner})
                letters = frozenset(i.base for i in inner.values())
                if (
                    there is not None
                    and _solved(there, source.at, letters, lenient=True) is not None
                ):
                    ends = (source, target) if flow == FORWARD else (target, source)
                    return _edge(*ends, flow)
        return None

    def back(self, of: Sequence[Place], sources: Sequence[Place]) -> tuple[Edge, ...]:
        """The arrows along which gradients come from sources back to nodes; none to an input."""
        pairs = (
            self.between(node, source, BACKWARD)
            for node in of
            for source in sources
            if self.drawn.role(node.name) != INPUT
        )
        return _once(edge for edge in pairs if edge is not None)


def within(node: Expression, over: Ranges = ()) -> Iterator[tuple[Reference, Ranges]]:
    """The references in an expression, with what the reductions around them bind."""
    if isinstance(node, Reference):
        yield node, over
    elif isinstance(node, Call):
        inner = (*over, node.bound) if node.bound is not None else over
        for argument in node.arguments:
            yield from within(argument, inner)


def _inner(bound: Ranges) -> dict[str, Index]:
    """Names of their own for letters that reductions bind."""
    return {r.axis: Index(_INNER + r.axis) for r in bound}


def _edge(source: Place, target: Place, flow: str) -> Edge:
    """An arrow; letters that run for both of its ends run together."""
    both = tuple(r for r in source.over if r in target.over)
    tail, head = (
        replace(p, over=tuple(r for r in p.over if r not in both)) for p in (source, target)
    )
    return Edge(tail, head, flow, both)


def _solved(
    indices: Sequence[Index],
    at: Sequence[Index],
    letters: frozenset[str],
    lenient: bool = False,
) -> dict[str, Index] | None:
    """Where letters are so that indices are at given places; None where they cannot be there.

    `h[t-1]` is at `h[t]` where t is `t+1`; what is `left(n)` of a node has that as its parent.
    lenient: what may be the same at some step is taken to be, as `o[tau]` and `o[t]`.
    """
    found: dict[str, Index] = {}
    for own, to in zip(indices, at):
        if own.base not in letters:
            if own != to and not (lenient and (own.base, own.via) != (to.base, to.via)):
                return None
            continue
        if own.via:
            if to.via or to.offset or not to.base or own.via not in INVERSE:
                return None
            value = Index(to.base, 0, INVERSE[own.via])
        elif own.offset and to.via:
            return None
        else:
            value = to.shift(-own.offset)
        if found.setdefault(own.base, value) != value:
            return None
    return found


def _moved(indices: Sequence[Index], known: Letters) -> tuple[Index, ...] | None:
    """Indices where letters are at other places; `left(n)` where n is that parent is the child.

    None for another neighbour of a neighbour, which has no name.
    """
    found = []
    for index in indices:
        to = known.get(index.base)
        if to is not None and index.via and to.via:
            if INVERSE.get(index.via) != to.via:
                return None
            found.append(Index(to.base))
        elif to is not None and ((index.offset and to.via) or (index.via and to.offset)):
            return None
        else:
            found.append(index.at(known))
    return tuple(found)


def _parents(bound: Ranges, known: Letters) -> dict[str, Index]:
    """Where the nodes are whose children reductions run over, where the child is known."""
    return {
        r.parent.base: Index(to.base, 0, INVERSE[r.parent.via])
        for r in bound
        if r.parent is not None and (to := known.get(r.axis)) is not None
        if r.parent.via and to.base and not (to.via or to.offset)
    }


def bare(place: Place) -> Place:
    """A place without letters that run and that nothing of it, or of what runs, depends on."""
    used = {i.base for i in place.at}
    over: list[Range] = []
    for within_ in reversed(_once(place.over)):
        if within_.axis in used:
            over.insert(0, within_)
            used |= {i.base for i in within_.ends}
    return replace(place, over=tuple(over))


def _once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
