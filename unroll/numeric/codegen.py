"""From schedule to straight-line NumPy source: one function, which a lecturer can put on a slide.

Row t of every array is step t, row 0 its initial value. A map is one call over all rows, a scan a
Python loop, a reduce one product or sum. Nothing branches on an operation: the table says all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np

from unroll.numeric import layout
from unroll.numeric.emission import INDENT, Text, grouped, wrapped
from unroll.numeric.hoisting import hoist
from unroll.numeric.kernels import KERNELS
from unroll.numeric.layout import Rows, given_name, identifiers, reaches, rows, wanted
from unroll.numeric.schedule import BACKWARD, Scan, Schedule, Task, manner, plan
from unroll.numeric.terms import ALL, BATCH, LOOP, NONE, POINT, STEP, Axes, Frame, Scope, Term
from unroll.symbolic.expressions import Index, references
from unroll.symbolic.operations import Shape
from unroll.symbolic.recurrence import GIVEN, Equation, Recurrence
from unroll.symbolic.shapes import shape_of


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
    rows: Mapping[str, Rows]
    function: Callable[..., dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Piece:
    """An equation and the steps first..last at which it is the one that holds."""

    equation: Equation
    first: int
    last: int

    @property
    def name(self) -> str:
        return self.equation.name


def compile_recurrence(
    recurrence: Recurrence,
    shapes: Mapping[str, Shape],
    steps: int,
    given: frozenset[str] = frozenset(),
    gradients: Mapping[str, str] | None = None,
    summed: frozenset[str] = frozenset(),
    dtype: type[np.floating[Any]] = np.float64,
    ranges: Mapping[str, tuple[int, int]] | None = None,
) -> Program:
    """The program of a recurrence whose products are told apart (`shapes.resolve`).

    shapes: value shapes of its names, those of variables off any cycle may be missing; given: arrays
    with a batch axis; gradients: name of a variable to that of its gradient; summed: names that take
    the sum over the batch; ranges: first and last step of arrays that are not 1..steps.
    Raises UnrollError for an opaque function and for what has no schedule.
    """
    whole = hoist(recurrence)
    schedule = plan(whole)
    batched = layout.batched(whole, given, gradients or {}, summed)
    reach = rows(whole, steps, ranges or {})
    scope = _scope(whole, schedule, shapes, steps, reach, batched, summed)
    writer = _Writer(scope, wanted(recurrence))
    code = writer.function(schedule, recurrence.defined)
    namespace: dict[str, Any] = {"np": np, "dtype": dtype, **KERNELS}
    exec(compile(code, f"<{recurrence.defined[0]}: generated>", "exec"), namespace)
    return Program(
        schedule,
        code,
        writer.arguments,
        recurrence.defined,
        dict(scope.shapes),
        batched - (set(whole.names) - set(recurrence.names)),
        scope.rows,
        namespace["run"],
    )


def _scope(
    recurrence: Recurrence,
    schedule: Schedule,
    shapes: Mapping[str, Shape],
    steps: int,
    reach: Mapping[str, Rows],
    batched: frozenset[str],
    summed: frozenset[str],
) -> Scope:
    known = dict(shapes)
    for task in schedule:
        for name in (n for n in task.names if n not in known):
            bodies = [e.expression for e in recurrence.equations_of(name)]
            found = [shape_of(b, known).shape for b in bodies if b != GIVEN]
            known[name] = tuple(int(n) for n in max(found, key=len))
    axis = recurrence.axes[0]
    given = [given_name(e.name, e.index) for e in recurrence.equations if e.expression == GIVEN]
    words = identifiers([axis.name, axis.length, *recurrence.names, *given])
    return Scope(recurrence, steps, known, reach, batched, words, summed)


@dataclass(slots=True)
class _Writer:
    """Writes one function. arguments: names of the arrays it takes."""

    scope: Scope
    arguments: tuple[str, ...]
    text: Text = field(default_factory=Text)

    @property
    def recurrence(self) -> Recurrence:
        return self.scope.recurrence

    # --- tasks ------------------------------------------------------------------

    def function(self, schedule: Schedule, results: Iterable[str]) -> str:
        words = self.scope.words
        axis = self.recurrence.axes[0]
        arguments = [words[axis.length], "batch", *(words[n] for n in self.arguments)]
        for task in schedule:
            self.task(task)
        head = wrapped("def run(", arguments, "):", "")
        doc = f'{INDENT}"""Row {axis.name} of every array is step {axis.name}."""'
        pairs = [f"{n!r}: {words[n]}" for n in results]
        return "\n".join(
            [*head, doc, *self.text.lines, *wrapped("return {", pairs, "}", INDENT), ""]
        )

    def task(self, task: Task) -> None:
        self.text.write(f"# {', '.join(task.names)}: {manner(task)}")
        pieces = [
            Piece(*piece)
            for name in task.names
            for piece in self.recurrence.pieces(name, self.scope.steps)
        ]
        if isinstance(task, Scan):
            for name in task.names:
                self.allocate(name)
            self.scan(pieces, task.direction)
            return
        held = {piece.name for piece in pieces}
        for name in task.names:  # so few steps that its equation holds at none
            if self.recurrence.axis_of(name) is not None and name not in held:
                self.allocate(name)
        seen = set()
        for piece in self.ordered(pieces):
            if piece.equation.index is None:
                self.value(piece)
                continue
            if piece.name not in seen:
                seen.add(piece.name)
                self.allocate(piece.name)
            self.assign(piece, self.frame(piece))

    def frame(self, piece: Piece) -> Frame:
        at_point = piece.equation.index is not None and self.is_point(piece.equation.index)
        return Frame(POINT if at_point else ALL, piece.first, piece.last)

    def is_point(self, index: Index) -> bool:
        return index.base != self.recurrence.axes[0].name

    def ordered(self, pieces: list[Piece]) -> list[Piece]:
        """Pieces in an order in which each finds what it needs.

        One that needs part of what in turn needs part of it is cut where the others begin and end.
        """
        graph = self.needs(pieces)
        if not nx.is_directed_acyclic_graph(graph):
            pieces = [
                Piece(p.equation, start, stop - 1)
                for p in pieces
                for start, stop in _stretches(pieces)
                if p.first <= start and stop - 1 <= p.last
            ]
            graph = self.needs(pieces)
        return [pieces[i] for i in nx.lexicographical_topological_sort(graph)]

    def needs(self, pieces: list[Piece]) -> nx.DiGraph:
        """A graph over the numbers of the pieces, with edges from what a piece needs to it."""
        by_name: dict[str, list[int]] = {}
        for i, piece in enumerate(pieces):
            by_name.setdefault(piece.name, []).append(i)
        graph = nx.DiGraph()
        graph.add_nodes_from(range(len(pieces)))
        for i, piece in enumerate(pieces):
            for r, a, b in self.reads(piece):
                for j in by_name.get(r, ()):
                    if a <= pieces[j].last and b >= pieces[j].first:
                        graph.add_edge(j, i)
        return graph

    def reads(self, piece: Piece) -> Iterator[tuple[str, int, int]]:
        """Names that a piece reads, with the steps it reads of them."""
        node = piece.equation.expression
        for r in references(node):
            if not r.indices:
                yield r.name, 0, 0
        moving = reaches(self.recurrence, node, self.scope.steps, piece.first, piece.last)
        yield from ((r.name, a, b) for r, a, b in moving)

    def scan(self, pieces: list[Piece], direction: str) -> None:
        """A loop for each stretch of steps in which the same equations hold."""
        stretches = _stretches(pieces)
        for start, stop in reversed(stretches) if direction == BACKWARD else stretches:
            active = [p for p in pieces if p.first <= start and stop - 1 <= p.last]
            if not active:
                continue
            active = self.within_step(active, start)
            if stop - start == 1:
                for piece in active:
                    self.assign(piece, Frame(POINT, start, start))
                continue
            letter = self.scope.words[self.recurrence.axes[0].name]
            span = f"range({self.scope.at(start)}, {self.scope.at(stop)})"
            span = f"reversed({span})" if direction == BACKWARD else span
            self.text.write(f"for {letter} in {span}:")
            for piece in active:
                self.assign(piece, Frame(LOOP, start, stop - 1), depth=2)

    def within_step(self, active: list[Piece], step: int) -> list[Piece]:
        """The equations of one step, each after those that it needs of the same step."""
        return self.ordered([Piece(p.equation, step, step) for p in active])

    # --- statements -------------------------------------------------------------

    def axes(self, name: str) -> Axes:
        return frozenset({BATCH}) if name in self.scope.batched else NONE

    def allocate(self, name: str) -> None:
        own = self.scope.rows[name]
        count = self.scope.at(own.last - own.first + 1)
        dimensions = [count, *(["batch"] if self.axes(name) else [])]
        dimensions += [str(n) for n in self.scope.shapes[name]]
        shape = dimensions[0] if len(dimensions) == 1 else f"({', '.join(dimensions)})"
        self.text.write(f"{self.scope.words[name]} = np.zeros({shape}, dtype)")

    def right_hand_side(self, piece: Piece, frame: Frame) -> Term:
        """What a piece assigns, summed over the batch where its target has none."""
        name = piece.name
        if piece.equation.expression == GIVEN:
            given = given_name(name, piece.equation.index)
            axes = frozenset({BATCH}) if given in self.scope.batched else NONE
            return Term(self.scope.words[given], (), self.scope.shapes[name], axes, True)
        over = frozenset({BATCH}) if name in self.scope.summed and self.scope.batched else NONE
        return self.scope.total(piece.equation.expression, frame, over)

    def value(self, piece: Piece) -> None:
        """A variable without an axis."""
        name = piece.name
        word, term = self.scope.words[name], self.right_hand_side(piece, Frame(POINT))
        shape = self.scope.shapes[name]
        source = self.text.source(term)
        if term.shape != shape or term.axes != self.axes(name):
            dimensions = [*(["batch"] if self.axes(name) else []), *map(str, shape)]
            if term.axes and term.shape != shape:
                source = f"({source})[..., {', '.join(['None'] * len(shape))}]"
            source = f"np.full(({', '.join(dimensions)},), {source}, dtype)"
        elif term.number:
            source = f"dtype({source})"
        self.text.write(f"{word} = {source}")

    def assign(self, piece: Piece, frame: Frame, depth: int = 1) -> None:
        """Rows of a variable."""
        name, scope = piece.name, self.scope
        word, shape, axes = scope.words[name], scope.shapes[name], self.axes(name)
        first = scope.rows[name].first
        term = self.right_hand_side(piece, frame)
        if frame.kind == ALL:
            rows_ = scope.slice(name, frame.first, frame.last)
            target, axes = f"{word}{rows_ or '[:]'}", axes | {STEP}
        elif frame.kind == LOOP:
            letter = scope.words[self.recurrence.axes[0].name]
            target = f"{word}[{letter}{f' + {-first}' if first else ''}]"
        else:
            target = f"{word}[{scope.at(frame.first - first)}]"
        is_array = bool(shape or axes)
        fits = term.shape == shape and term.axes == axes
        if "{out}" in term.source and fits and is_array:
            self.text.write(self.text.source(term, depth, out=target), depth)
            return
        source = self.text.source(term, depth)
        fill = [":", "None"] if STEP in term.axes and BATCH in axes - term.axes else []
        if term.axes and shape and not term.shape:
            fill += ["..."] + ["None"] * len(shape)
        if fill:
            source = f"{grouped(source)}[{', '.join(fill)}]"
        self.text.write(f"{target} = {source}", depth)


def _stretches(pieces: list[Piece]) -> list[tuple[int, int]]:
    """Ranges start..stop-1 of steps inside which no piece begins or ends."""
    return list(pairwise(sorted({at for p in pieces for at in (p.first, p.last + 1)})))
