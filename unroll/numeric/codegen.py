"""From schedule to straight-line NumPy source: one function, which a lecturer can put on a slide.

Row t of every array is step t, row 0 its initial value. A map is one call over all rows, a scan a
Python loop, a reduce one product or sum. Nothing branches on an operation: the table says all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np

from unroll.numeric import layout
from unroll.numeric.emission import INDENT, Text, wrapped
from unroll.numeric.hoisting import hoist
from unroll.numeric.kernels import KERNELS
from unroll.numeric.layout import Rows, identifiers, rows, wanted
from unroll.numeric.needs import Need, Piece, needs_of, side, within
from unroll.numeric.schedule import BACKWARD, Scan, Schedule, Task, manner, plan
from unroll.numeric.terms import (
    ALL,
    ARRAY,
    BATCH,
    LOOP,
    NONE,
    POINT,
    WAVE,
    Axes,
    Place,
    Scope,
    Term,
)
from unroll.numeric.wavefronts import Wavefront, levels, wavefront, waves
from unroll.symbolic.expressions import Index
from unroll.symbolic.operations import Shape
from unroll.symbolic.ordering import Walk, walk_along
from unroll.symbolic.recurrence import GIVEN, Box, Recurrence
from unroll.symbolic.shapes import shape_of
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.trees import NEIGHBOURS


@dataclass(frozen=True)
class Program:
    """A compiled recurrence.

    code: the source; arguments: names of the arrays it takes, in order (`x`, `W`, `h[0]`);
    results: names of the arrays it returns; rows: of every indexed name.
    """

    schedule: Schedule
    code: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    shapes: Mapping[str, Shape]
    batched: frozenset[str]
    rows: Mapping[str, tuple[Rows, ...]]
    sizes: Sizes
    function: Callable[..., dict[str, Any]]

    def __call__(self, batch: int, *arrays: Any) -> dict[str, Any]:
        """Run it: every result by name, its rows leading."""
        lengths = [length for _, length in self.sizes.lengths]
        return self.function(*lengths, batch, *arrays)


def compile_recurrence(
    recurrence: Recurrence,
    shapes: Mapping[str, Shape],
    sizes: Sizes,
    given: frozenset[str] = frozenset(),
    gradients: Mapping[str, str] | None = None,
    summed: frozenset[str] = frozenset(),
    dtype: type[np.floating[Any]] = np.float64,
    ranges: Mapping[str, Box] | None = None,
) -> Program:
    """The program of a recurrence whose products are told apart (`shapes.resolve`).

    shapes: value shapes of its names, those of variables off any cycle may be missing; given: arrays
    with a batch axis; gradients: name of a variable to that of its gradient; summed: names that take
    the sum over the batch; ranges: first and last steps of arrays that are not on their whole axes.
    Raises UnrollError for an opaque function and for what has no schedule.
    """
    whole = hoist(recurrence)
    schedule = plan(whole)
    batched = layout.batched(whole, given, gradients or {}, summed)
    reach = rows(whole, sizes, ranges or {})
    scope = _scope(whole, schedule, shapes, sizes, reach, batched, summed)
    writer = _Writer(scope, wanted(recurrence))
    code = writer.function(schedule, recurrence.defined)
    namespace: dict[str, Any] = {"np": np, "dtype": dtype, **KERNELS, **_trees(scope)}
    namespace |= {"waves": waves, "levels": levels}
    exec(compile(code, f"<{recurrence.defined[0]}: generated>", "exec"), namespace)
    return Program(
        schedule,
        code,
        writer.arguments,
        recurrence.defined,
        dict(scope.shapes),
        batched - (set(whole.names) - set(recurrence.names)),
        scope.rows,
        sizes,
        namespace["run"],
    )


def _scope(
    recurrence: Recurrence,
    schedule: Schedule,
    shapes: Mapping[str, Shape],
    sizes: Sizes,
    reach: Mapping[str, tuple[Rows, ...]],
    batched: frozenset[str],
    summed: frozenset[str],
) -> Scope:
    known = dict(shapes)
    for task in schedule:
        for name in (n for n in task.names if n not in known):
            bodies = [e.expression for e in recurrence.equations_of(name)]
            found = [shape_of(b, known).shape for b in bodies if b != GIVEN]
            known[name] = tuple(int(n) for n in max(found, key=len))
    given = [str(e.target) for e in recurrence.equations if e.expression == GIVEN]
    lengths = [name for name, _ in sizes.lengths]
    trees = [f"{w} {a.name}" for a in recurrence.axes if a.leaves for w in ("tree", *NEIGHBOURS)]
    words = identifiers([*recurrence.letters, *lengths, *recurrence.names, *given, *trees])
    return Scope(recurrence, sizes, known, reach, batched, words, summed)


def _trees(scope: Scope) -> dict[str, Any]:
    """For each tree and kind of neighbour the numbers of the nodes' neighbours, 0 for none."""
    found: dict[str, Any] = {}
    for axis in scope.recurrence.axes:
        if axis.leaves:
            tree = scope.sizes.tree(axis.length)
            for via in NEIGHBOURS:
                numbers = [tree.neighbour(via, node) for node in range(len(tree) + 1)]
                found[scope.words[f"{via} {axis.name}"]] = np.array(numbers)
            found[scope.words[f"tree {axis.name}"]] = tree
    return found


@dataclass(slots=True)
class _Writer:
    """Writes one function. arguments: names of the arrays it takes."""

    scope: Scope
    arguments: tuple[str, ...]
    text: Text = field(default_factory=Text)
    allocated: set[str] = field(default_factory=set)

    @property
    def recurrence(self) -> Recurrence:
        return self.scope.recurrence

    # --- tasks ------------------------------------------------------------------

    def function(self, schedule: Schedule, results: Iterable[str]) -> str:
        words = self.scope.words
        lengths = [words[name] for name, _ in self.scope.sizes.lengths]
        arguments = [*lengths, "batch", *(words[n] for n in self.arguments)]
        for task in schedule:
            self.task(task)
        letter = words[self.recurrence.axes[0].name]
        head = wrapped("def run(", arguments, "):", "")
        doc = f'{INDENT}"""Row {letter} of every array is step {letter}."""'
        pairs = [f"{n!r}: {words[n]}" for n in results]
        return "\n".join(
            [*head, doc, *self.text.lines, *wrapped("return {", pairs, "}", INDENT), ""]
        )

    def task(self, task: Task) -> None:
        self.text.write(f"# {', '.join(task.names)}: {manner(task)}")
        pieces = [
            Piece(*piece)
            for name in task.names
            for piece in self.recurrence.boxes(name, self.scope.sizes)
        ]
        held = {p.name for p in pieces} if not isinstance(task, Scan) else set()
        for name in task.names:  # in a scan before the loop, and what so few steps leave undefined
            if self.recurrence.axes_of(name) and name not in held:
                self.allocate(name)
        self.nest(pieces, {}, 1)

    def nest(self, pieces: list[Piece], at: Mapping[str, Place], depth: int) -> None:
        """Pieces in an order in which each finds what it needs.

        at: the axes that loops around them walk along. Pieces that need one another are cut where
        others begin and end, if that undoes the cycle; else they are walked along another axis, and
        what that leaves in a cycle, inside, along yet another.
        """
        needs = needs_of(self.recurrence, self.scope.sizes, pieces, at)
        graph = nx.DiGraph((n.source, n.target) for n in needs)
        graph.add_nodes_from(range(len(pieces)))
        condensed = nx.condensation(graph)
        members = {c: sorted(data["members"]) for c, data in condensed.nodes(data=True)}
        for c in nx.lexicographical_topological_sort(condensed, key=lambda c: members[c][0]):
            inside = [n for n in needs if n.source in members[c] and n.target in members[c]]
            component = [pieces[i] for i in members[c]]
            if not inside:
                self.assign(component[0], at, depth)
                continue
            cut = self.cut(component, at)
            walk = self.way(component, inside, at)
            if len(cut) > len(component) and (
                walk is None or self.is_wide(component) or self.has_order(cut, at)
            ):
                self.nest(cut, at, depth)
                continue
            assert walk is not None, "no order of the steps"
            front = wavefront(self.recurrence, self.scope, component, inside, walk, at)
            if front is None:
                self.loop(component, walk, at, depth)
            else:
                self.sweep(component, front, at, depth)

    def sweep(
        self, pieces: list[Piece], front: Wavefront, at: Mapping[str, Place], depth: int
    ) -> None:
        """A loop over waves of points, all of one wave at once."""
        words = [self.scope.words[a] for a in front.axes]
        self.allocate_all(pieces)
        self.text.write(f"for {', '.join(words)} in {front.source}:", depth)
        places = {
            axis: Place(ARRAY, *side, word, WAVE)
            for axis, side, word in zip(front.axes, front.sides, words)
        }
        self.nest(pieces, {**at, **places}, depth + 1)

    def allocate_all(self, pieces: list[Piece]) -> None:
        for name in dict.fromkeys(p.name for p in pieces):
            if name not in self.allocated:
                self.allocate(name)

    def is_wide(self, pieces: Sequence[Piece]) -> bool:
        """Whether boundaries are better left to maps: then what remains may go in waves."""
        axes = [self.recurrence.axes_of(p.name) for p in pieces]
        return any(len(a) > 1 or a[0].leaves for a in axes if a)

    def has_order(self, pieces: Sequence[Piece], at: Mapping[str, Place]) -> bool:
        """Whether no piece needs another that needs it."""
        needs = needs_of(self.recurrence, self.scope.sizes, pieces, at)
        return bool(nx.is_directed_acyclic_graph(nx.DiGraph((n.source, n.target) for n in needs)))

    def loop(self, pieces: list[Piece], walk: Walk, at: Mapping[str, Place], depth: int) -> None:
        """A loop for each stretch of steps in which the same equations hold."""
        axis = self.recurrence.letters[walk.axis]
        sides = [side(self.recurrence, p, walk.axis) for p in pieces]
        cuts = sorted({place for a, b in sides for place in (a, b + 1)})
        stretches = list(pairwise(cuts))
        word = self.scope.words[axis.name]
        self.allocate_all(pieces)
        for start, stop in reversed(stretches) if walk.direction == BACKWARD else stretches:
            active = [
                within(self.recurrence, p, walk.axis, (start, stop - 1))
                for p, (a, b) in zip(pieces, sides)
                if a <= start and stop - 1 <= b
            ]
            if not active:
                continue
            if stop - start == 1:
                self.nest(active, {**at, axis.name: Place(POINT, start, start)}, depth)
                continue
            span = f"range({self.scope.at(start, axis.length)}, {self.scope.at(stop, axis.length)})"
            span = f"reversed({span})" if walk.direction == BACKWARD else span
            self.text.write(f"for {word} in {span}:", depth)
            place = Place(LOOP, start, stop - 1, word)
            self.nest(active, {**at, axis.name: place}, depth + 1)

    def way(
        self, pieces: Sequence[Piece], needs: Sequence[Need], at: Mapping[str, Place]
    ) -> Walk | None:
        """An axis of all pieces along which no need points the other way, and some points forth."""
        for axis in reversed(self.recurrence.axes):
            everywhere = all(axis in self.recurrence.axes_of(p.name) for p in pieces)
            if axis.name in at or not everywhere:
                continue
            walk = walk_along(axis.name, [n.along(axis.name) for n in needs])
            if walk is not None:
                return walk
        return None

    def cut(self, pieces: list[Piece], at: Mapping[str, Place]) -> list[Piece]:
        """Pieces cut along each axis where one of them begins or ends."""
        for axis in self.recurrence.axes:
            own = [p for p in pieces if axis in self.recurrence.axes_of(p.name)]
            if axis.name in at or not own:
                continue
            sides = [side(self.recurrence, p, axis.name) for p in own]
            cuts = sorted({place for a, b in sides for place in (a, b + 1)})
            found = [p for p in pieces if p not in own]
            for piece, (first, last) in zip(own, sides):
                found += [
                    within(self.recurrence, piece, axis.name, (start, stop - 1))
                    for start, stop in pairwise(cuts)
                    if first <= start and stop - 1 <= last
                ]
            pieces = found
        return pieces

    # --- statements -------------------------------------------------------------

    def axes(self, name: str) -> Axes:
        return frozenset({BATCH}) if name in self.scope.batched else NONE

    def allocate(self, name: str) -> None:
        scope = self.scope
        self.allocated.add(name)
        lengths = [a.length for a in self.recurrence.axes_of(name)]
        dimensions = [scope.at(len(r), n) for r, n in zip(scope.rows[name], lengths)]
        dimensions += ["batch"] if self.axes(name) else []
        dimensions += [str(n) for n in scope.shapes[name]]
        shape = dimensions[0] if len(dimensions) == 1 else f"({', '.join(dimensions)})"
        self.text.write(f"{scope.words[name]} = np.zeros({shape}, dtype)")

    def frame(self, piece: Piece, at: Mapping[str, Place]) -> dict[str, Place]:
        """Where the letters of a piece's left side are: in loops, or all of their steps at once."""
        found = {}
        axes = self.recurrence.axes_of(piece.name)
        for index, axis, steps in zip(piece.equation.target.indices, axes, piece.box):
            if index.base in self.recurrence.letters:
                found[index.base] = at.get(axis.name) or Place(ALL, *steps)
        return found

    def right_hand_side(self, piece: Piece, frame: Mapping[str, Place]) -> Term:
        """What a piece assigns, summed over the batch where its target has none."""
        name, target = piece.name, piece.equation.target
        if piece.equation.expression == GIVEN:
            given = str(target)
            lead = [i.base for i in target.indices if i.base in frame]
            axes = frozenset({BATCH}) if given in self.scope.batched else NONE
            shape = self.scope.shapes[name]
            return Term(self.scope.words[given], (), shape, axes | frozenset(lead), True)
        over = frozenset({BATCH}) if name in self.scope.summed and self.scope.batched else NONE
        return self.scope.total(piece.equation.expression, frame, over)

    def assign(self, piece: Piece, at: Mapping[str, Place], depth: int) -> None:
        """A variable without an axis, or rows of one with some."""
        frame = self.frame(piece, at)
        term = self.right_hand_side(piece, frame)
        if not piece.box:
            self.value(piece.name, term)
            return
        name, scope = piece.name, self.scope
        if name not in self.allocated:
            self.allocate(name)
        shape = scope.shapes[name]
        parts: list[str] = []
        lead: list[str] = []
        axes = self.recurrence.axes_of(name)
        for index, axis, rows_, steps in zip(
            piece.equation.target.indices, axes, scope.rows[name], piece.box
        ):
            place = frame.get(index.base, Place(POINT, *steps))
            if place.kind == ALL:
                parts.append(scope.slice(rows_, *steps, axis.length))
                lead.append(index.base)
            elif place.kind in (LOOP, ARRAY):
                parts.append(scope.shifted(place.source, Index(index.base), rows_.first))
                lead += [WAVE] if place.kind == ARRAY and WAVE not in lead else []
            else:
                parts.append(scope.at(place.first - rows_.first, axis.length))
        while len(parts) > 1 and parts[-1] == ":":
            parts.pop()
        target = f"{scope.words[name]}[{', '.join(parts)}]"
        whole = frozenset(lead) | self.axes(name)
        order = [*lead, *self.axes(name)]
        fits = term.shape == shape and term.axes == whole and WAVE not in lead
        fits = fits and order == scope.ordered(whole)
        if "{out}" in term.source and fits and (shape or whole):
            self.text.write(self.text.source(term, depth, out=target), depth)
            return
        if term.axes:
            term = scope.align(term, order, len(shape) - len(term.shape))
        self.text.write(f"{target} = {self.text.source(term, depth)}", depth)

    def value(self, name: str, term: Term) -> None:
        """A variable without an axis."""
        word, shape = self.scope.words[name], self.scope.shapes[name]
        source = self.text.source(term)
        if term.shape != shape or term.axes != self.axes(name):
            dimensions = [*(["batch"] if self.axes(name) else []), *map(str, shape)]
            if term.axes and term.shape != shape:
                source = f"({source})[..., {', '.join(['None'] * len(shape))}]"
            source = f"np.full(({', '.join(dimensions)},), {source}, dtype)"
        elif term.number:
            source = f"dtype({source})"
        self.text.write(f"{word} = {source}")
