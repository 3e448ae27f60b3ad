"""The span: how many operations the longest chain has in which each needs the one before.

No machine, however many processors it has, does it in fewer steps (Cormen et al. 2022, chapter 26).
Found on the unrolled recurrence, point by point; as a function of the lengths of the axes where that
is linear.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from unroll.graph.unrolled import steps_of
from unroll.symbolic.expressions import Call, Expression, Range, Reference
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.readings import letters_in
from unroll.symbolic.recurrence import GIVEN, Box, Equation, Recurrence
from unroll.symbolic.sizes import Sizes

SHORTEST = 5  # length from which on a span may be linear, beyond the largest lag
LONGER = (1, 3, 7, 12, 25)  # than that: where it is seen whether it is
POINTS = 20_000  # of unrolled recurrences that are walked where a formula would do
Point = tuple[int, ...]
Key = tuple[str, Point]


@dataclass(frozen=True, slots=True)
class Linear:
    """A number that grows linearly with lengths: `3 tau + 7`. slopes: (name of a length, factor)."""

    slopes: tuple[tuple[str, int], ...]
    constant: int

    def at(self, sizes: Sizes) -> int:
        return self.constant + sum(slope * sizes[name] for name, slope in self.slopes)

    def __str__(self) -> str:
        terms = [
            (slope, name if abs(slope) == 1 else f"{abs(slope)} {name}")
            for name, slope in self.slopes
            if slope
        ]
        if self.constant or not terms:
            terms.append((self.constant, str(abs(self.constant))))
        (sign, text), *rest = terms
        words = "".join(f" {'+' if s > 0 else '-'} {word}" for s, word in rest)
        return f"{'-' if sign < 0 else ''}{text}{words}"


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from an equation's value down to a reference, over so many operations.

    bound: the letters that reductions on the way bind, outermost first.
    """

    reference: Reference
    bound: tuple[Range, ...]
    weight: int
    outer: tuple[str, ...]  # letters of the equation that say where it leads


def span(recurrence: Recurrence, sizes: Sizes, names: Collection[str]) -> int:
    """Length in operations of the longest chain among the values of `names`; all others are there."""
    return _Walker(recurrence, sizes, frozenset(names)).longest()


def growth(recurrence: Recurrence, sizes: Sizes, names: Collection[str]) -> Linear | None:
    """The span as a linear function of the lengths; None where it is none, or runs over a tree.

    The function is what two lengths of each axis say; it is kept if it holds at all others that are
    tried, several times as long, and at `sizes` itself.
    """
    if sizes.trees or not sizes.lengths:
        return None
    least = SHORTEST + _reach(recurrence)
    base = {name: least for name, _ in sizes.lengths}

    def measure(lengths: Mapping[str, int]) -> int:
        return span(recurrence, _sized(sizes, lengths), names)

    constant = measure(base)
    slopes = {n: measure({**base, n: least + 1}) - constant for n in base}
    constant -= sum(least * slope for slope in slopes.values())
    found = Linear(tuple(slopes.items()), constant)
    together = [dict.fromkeys(base, least + extra) for extra in LONGER]
    alone = [{**base, name: least + extra} for name in base for extra in LONGER[1:3]]
    tried = together + (alone if len(base) > 1 else [])
    if any(measure(lengths) != found.at(_sized(sizes, lengths)) for lengths in tried):
        return None
    if _points(recurrence, sizes) <= POINTS and span(recurrence, sizes, names) != found.at(sizes):
        return None
    return found


def _points(recurrence: Recurrence, sizes: Sizes) -> int:
    """How many values the unrolled recurrence has."""
    total = 0
    for name in recurrence.defined:
        size = 1
        for axis in recurrence.axes_of(name):
            size *= sizes[axis.length]
        total += size
    return total


def short(recurrence: Recurrence, sizes: Sizes) -> Sizes:
    """The lengths, cut where what does not walk along an axis cannot tell the difference."""
    least = SHORTEST + _reach(recurrence)
    return replace(sizes, lengths=tuple((n, min(k, least)) for n, k in sizes.lengths))


def _sized(sizes: Sizes, lengths: Mapping[str, int]) -> Sizes:
    return replace(sizes, lengths=tuple(lengths.items()))


def _reach(recurrence: Recurrence) -> int:
    """The largest offset of any index: of a lag, or of a point that has an equation of its own."""
    found = [0]
    for equation in recurrence.equations:
        found += [abs(i.offset) for i in equation.target.indices]
        for edge in edges_of(recurrence, equation):
            found += [abs(i.offset) for i in edge.reference.indices]
            found += [abs(i.offset) for r in edge.bound for i in r.ends]
        found += [abs(i.offset) for r in equation.ranges for i in r.ends]
    return max(found)


def edges_of(recurrence: Recurrence, equation: Equation) -> list[Edge]:
    """The ways down an equation, of several to the same values the longest; constants are none."""
    longest: dict[tuple[Reference, tuple[Range, ...]], int] = {}
    own = {i.base for i in equation.target.indices}

    def visit(node: Expression, bound: tuple[Range, ...], weight: int) -> None:
        if isinstance(node, Reference):
            key = (node, bound)
            longest[key] = max(weight, longest.get(key, 0))
        elif isinstance(node, Call) and node != GIVEN:
            inner = bound if node.bound is None else (*bound, node.bound)
            for argument in node.arguments:
                visit(argument, inner, weight + weight_of(node))

    visit(equation.expression, (), 0)
    found = []
    for (reference, bound), weight in longest.items():
        named = {i.base for i in reference.indices} | {x for r in bound for x in letters_in(r)}
        outer = sorted((named & own & {*recurrence.letters}) - {r.axis for r in bound})
        found.append(Edge(reference, bound, weight, tuple(outer)))
    return found


def weight_of(node: Call) -> int:
    """1 for an operation, 0 for a view."""
    row = OPERATIONS.get(node.operation)
    return 0 if row is not None and row.work is None else 1


def depth(node: Expression) -> int:
    """Operations on the longest way through an expression alone."""
    if not isinstance(node, Call) or node == GIVEN:
        return 0
    return weight_of(node) + max((depth(a) for a in node.arguments), default=0)


@dataclass
class _Walker:
    """When each value is done if every operation takes one unit of time and none has to wait.

    done: by name and point; gathered: by edge and outer letters, what it leads to.
    """

    recurrence: Recurrence
    sizes: Sizes
    names: frozenset[str]
    done: dict[Key, int] = field(default_factory=dict)
    needed: dict[tuple[int, Point], list[Key]] = field(default_factory=dict)
    cases: dict[str, list[tuple[Box, Equation, list[Edge], int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.names:
            self.cases[name] = [
                (box, e, self._inside(e), depth(e.expression))
                for e, box in self.recurrence.boxes(name, self.sizes)
            ]

    def _inside(self, equation: Equation) -> list[Edge]:
        """Edges to values that are part of the walk."""
        return [e for e in edges_of(self.recurrence, equation) if e.reference.name in self.names]

    def longest(self) -> int:
        best = 0
        for name in self.recurrence.defined:
            for box, *_ in self.cases.get(name, ()):
                for point in product(*(range(a, b + 1) for a, b in box)):
                    best = max(best, self.at((name, point)))
        return best

    def at(self, key: Key) -> int:
        """When a value is done; before it, without recursion, all that it needs."""
        todo = [key]
        while todo:
            current = todo[-1]
            if current in self.done:
                todo.pop()
                continue
            first, edges = self.ways(current)
            missing = [k for _, keys in edges for k in keys if k not in self.done]
            if missing:
                todo += missing
                continue
            todo.pop()
            ends = [w + max((self.done[k] for k in keys), default=0) for w, keys in edges]
            self.done[current] = max([first, *ends])
        return self.done[key]

    def ways(self, key: Key) -> tuple[int, list[tuple[int, list[Key]]]]:
        """What a value needs, by how many operations it is away; and those on constants alone."""
        name, point = key
        for box, equation, edges, first in self.cases[name]:
            if all(a <= p <= b for p, (a, b) in zip(point, box)):
                letters = (i.base for i in equation.target.indices)
                here = {x: p for x, p in zip(letters, point) if x in self.recurrence.letters}
                return first, [(e.weight, self.leads(e, here)) for e in edges]
        return 0, []  # an initial value

    def leads(self, edge: Edge, here: Mapping[str, int]) -> list[Key]:
        """The values that an edge leads to."""
        key = (id(edge), tuple(here[x] for x in edge.outer))
        found = self.needed.get(key)
        if found is None:
            name, indices = edge.reference.name, edge.reference.indices
            found = [
                (name, tuple(self.recurrence.position(i, self.sizes, inner) for i in indices))
                for inner in self.places(edge.bound, here)
            ]
            if edge.bound and len(edge.outer) < len(here):  # asked for again at other points
                self.needed[key] = found
        return found

    def places(self, bound: tuple[Range, ...], here: Mapping[str, int]) -> list[Mapping[str, int]]:
        if not bound:
            return [here]
        first, *rest = bound
        return [
            inner
            for step in steps_of(self.recurrence, first, self.sizes, here)
            for inner in self.places(tuple(rest), {**here, first.axis: step})
        ]
