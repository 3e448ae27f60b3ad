"""The order of computation: which variables need one another, and along which axes they wait.

A reference `h[l-1, t]` in the equation of `h[l, t]` lies at the distance 1 along l and 0 along t. A
cycle can be walked along an axis if no edge of it points the other way; the edges that point along it
are then in order, and what is left of the cycle is walked along another axis (Allen & Kennedy 1987).
A lag gives one distance, a history or a child of a tree node any that is larger than 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf

from unroll.symbolic.expressions import Call, Expression, Index, Range, Reference, references
from unroll.symbolic.recurrence import Equation, Recurrence
from unroll.symbolic.trees import CHILDREN, UP

FORWARD, BACKWARD = "forward", "backward"
Distance = tuple[float, float]  # smallest and largest
ANY: Distance = (-inf, inf)


@dataclass(frozen=True)
class Dependence:
    """`target` needs `source`, that far back along each axis; references say where."""

    source: str
    target: str
    distances: Mapping[str, Distance]
    reference: Reference
    equation: Equation

    def along(self, letter: str) -> Distance:
        return self.distances.get(letter, ANY)

    @property
    def within_step(self) -> bool:
        """Whether it may be in the same step along all axes."""
        return all(low <= 0 <= high for low, high in self.distances.values())


@dataclass(frozen=True, slots=True)
class Walk:
    """A cycle's way along one axis."""

    axis: str
    direction: str


@dataclass(frozen=True, slots=True)
class Component:
    """Variables that need one another, and the axes along which they wait, outermost first."""

    names: tuple[str, ...]
    walks: tuple[Walk, ...] = ()
    stuck: tuple[Dependence, ...] = ()  # a cycle that no axis puts in order

    @property
    def direction(self) -> str | None:
        return self.walks[0].direction if self.walks else None


def dependences(recurrence: Recurrence) -> list[Dependence]:
    """One for each reference of an equation that holds along an axis, in the order of the text."""
    found = []
    for equation in recurrence.equations:
        if equation.target.indices and not recurrence.letters_of(equation):
            continue  # one fixed point
        for reference, bound in uses(equation.expression):
            if reference.name not in recurrence.defined:
                continue
            fixed = not any(i.base in recurrence.letters for i in reference.indices)
            if fixed and reference.indices and equation.target.indices:
                continue
            distances = distances_of(recurrence, equation, reference, bound)
            found.append(Dependence(reference.name, equation.name, distances, reference, equation))
    return found


def uses(node: Expression) -> Iterator[tuple[Reference, Mapping[str, Range]]]:
    """References, left to right, each with the letters that reductions around it bind."""
    stack: list[tuple[Expression, Mapping[str, Range]]] = [(node, {})]
    while stack:
        part, around = stack.pop()
        if isinstance(part, Reference):
            yield part, around
        elif isinstance(part, Call):
            inner = {**around, part.bound.axis: part.bound} if part.bound is not None else around
            stack += [(a, inner) for a in reversed(part.arguments)]


def distances_of(
    recurrence: Recurrence, equation: Equation, reference: Reference, bound: Mapping[str, Range]
) -> dict[str, Distance]:
    """How far back a reference lies along each axis of its name or of the target."""
    target = recurrence.axes_of(equation.name)
    place = {
        i.base: axis.name for i, axis in zip(equation.target.indices, target) if i.base
    }  # letter -> axis
    found = {}
    own = recurrence.axes_of(reference.name)
    names = {a.name for a in own}
    for index, axis in zip(reference.indices, own):
        letter = axis.name
        if not any(
            a.name == letter for a in target
        ):  # an axis of the same length under another name
            same = [a.name for a in target if a.length == axis.length and a.name not in names]
            letter = same[0] if same else letter
        if index.base in bound:
            found[letter] = _bound_distance(bound[index.base], index, place, letter)
        elif place.get(index.base) == letter and index.base in recurrence.letters:
            found[letter] = _distance(index)
        elif any(a.name == letter for a in target):
            found[letter] = ANY
    return found


def _distance(index: Index) -> Distance:
    if index.via:
        return (-inf, -1) if index.via in UP else (1, inf)
    return -index.offset, -index.offset


def _bound_distance(within: Range, index: Index, place: Mapping[str, str], letter: str) -> Distance:
    """Of a letter that runs up to, or from, the step of the equation."""
    low, high = ANY
    if within.parent is not None:
        return (1, inf) if within.parent.via in ("", CHILDREN) else ANY
    if within.stop is not None and place.get(within.stop.base) == letter:
        low = -within.stop.offset - index.offset
    if within.start is not None and place.get(within.start.base) == letter:
        high = -within.start.offset - index.offset
    return low, high


def components(recurrence: Recurrence) -> tuple[Component, ...]:
    """Strongly connected components of the variables, each after those that it needs."""
    edges = dependences(recurrence)
    needs: dict[str, set[str]] = {name: set() for name in recurrence.defined}
    for equation in recurrence.equations:  # what stands at one point is needed first, too
        used = {r.name for r in references(equation.expression)}
        needs[equation.name] |= used & needs.keys()
    inside: dict[frozenset[str], list[Dependence]] = {}
    groups = strong_components(needs)
    of = {name: group for group in groups for name in group}
    for edge in edges:
        if of[edge.source] is of[edge.target]:
            inside.setdefault(of[edge.source], []).append(edge)
    rank = {name: i for i, name in enumerate(recurrence.defined)}
    found = []
    for group in _in_order(groups, of, needs, rank):
        walks, stuck = _walks(recurrence, inside.get(group, []), ())
        names = tuple(sorted(group, key=rank.__getitem__))
        found.append(Component(names, walks, stuck))
    return tuple(found)


def strong_components(links: Mapping[str, Collection[str]]) -> list[frozenset[str]]:
    """Strongly connected components (Tarjan 1972), without recursion.

    Networkx has them, too, but takes longer to import than a text to read.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    open_: set[str] = set()
    found: list[frozenset[str]] = []
    for root in links:
        work = [(root, iter(sorted(links[root])))] if root not in index else []
        while work:
            node, successors = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                open_.add(node)
            following = next(successors, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    found.append(frozenset(stack[at:]))
                    open_ -= found[-1]
                    del stack[at:]
            elif following not in index:
                work.append((following, iter(sorted(links[following]))))
            elif following in open_:
                low[node] = min(low[node], index[following])
    return found


def _in_order(
    groups: list[frozenset[str]],
    of: Mapping[str, frozenset[str]],
    needs: Mapping[str, Collection[str]],
    rank: Mapping[str, int],
) -> Iterator[frozenset[str]]:
    """Components, each after those that it needs; among those that may come, as in the text."""
    waiting = {g: {of[n] for name in g for n in needs[name]} - {g} for g in groups}
    users: dict[frozenset[str], list[frozenset[str]]] = {g: [] for g in groups}
    for group, needed in waiting.items():
        for other in needed:
            users[other].append(group)
    first = {g: min(rank[n] for n in g) for g in groups}
    by_rank = {first[g]: g for g in groups}
    ready = [first[g] for g in groups if not waiting[g]]
    heapify(ready)
    while ready:
        group = by_rank[heappop(ready)]
        yield group
        for user in users[group]:
            waiting[user].discard(group)
            if not waiting[user]:
                heappush(ready, first[user])


def _walks(
    recurrence: Recurrence, edges: list[Dependence], done: tuple[str, ...]
) -> tuple[tuple[Walk, ...], tuple[Dependence, ...]]:
    """The axes along which a component is walked; what is stuck in spite of them."""
    links: dict[str, set[str]] = {}
    for edge in edges:
        links.setdefault(edge.target, set()).add(edge.source)
        links.setdefault(edge.source, set())
    walks: tuple[Walk, ...] = ()
    for group in strong_components(links):
        if len(group) == 1 and not group <= links[next(iter(group))]:
            continue
        inside = [d for d in edges if d.source in group and d.target in group]
        walk = way(recurrence, inside, done)
        if walk is None:
            return walks, tuple(inside)
        left = [d for d in inside if not carried(d, walk)]
        inner, stuck = _walks(recurrence, left, (*done, walk.axis))
        walks = tuple(dict.fromkeys((*walks, walk, *inner)))
        if stuck:
            return walks, stuck
    return walks, ()


def way(recurrence: Recurrence, edges: list[Dependence], done: tuple[str, ...]) -> Walk | None:
    """An axis along which no edge points the other way, and some edge points forth."""
    for axis in reversed(recurrence.axes):  # time is the innermost, where there is a choice
        if axis.name in done:
            continue
        if (walk := walk_along(axis.name, [d.along(axis.name) for d in edges])) is not None:
            return walk
    return None


def walk_along(axis: str, distances: Sequence[Distance]) -> Walk | None:
    """The way along an axis that puts distances in order: none points the other way, one forth."""
    if all(low >= 0 for low, _ in distances) and any(low > 0 for low, _ in distances):
        return Walk(axis, FORWARD)
    if all(high <= 0 for _, high in distances) and any(high < 0 for _, high in distances):
        return Walk(axis, BACKWARD)
    return None


def carried(edge: Dependence, walk: Walk) -> bool:
    """Whether walking along the axis puts an edge in order."""
    low, high = edge.along(walk.axis)
    return low > 0 if walk.direction == FORWARD else high < 0
