"""The story of a run: every event in order, with its equation, what it touches and a sentence.

Forward operation by operation and step by step, the losses, then back through time: each
contribution to a gradient, their sum, and what each step adds to the gradients of parameters.
A *kind* is an event of an equation at any step; an *event* is a kind and the numbers of its letters,
so that a story grows by a few digits an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from unroll.graph.unrolled import steps_of, unroll
from unroll.language.printer import format_expression
from unroll.stepper.formulas import Formula, Path
from unroll.stepper.picture import Edge, Place
from unroll.stepper.tasks import Walk
from unroll.symbolic.expressions import Call, Constant, Expression, Index, Range, Reference
from unroll.symbolic.recurrence import Recurrence

Here = Mapping[str, int]
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Kind:
    """An event at any step.

    phase: forward, loss, backward or accumulate; does: operation (a part of an equation), value,
    contribution, sum, seed, accumulate, or end (an arrow back to an initial value that has no
    gradient); equation: its number; path: of the part that is computed, argument numbers from the
    expression down; letters: whose numbers an event has; about: the variable; nodes, edges: of the
    picture; formula: of the part; sentence: by language.
    """

    phase: str
    does: str
    equation: int
    path: Path
    letters: tuple[str, ...]
    about: Place
    nodes: tuple[Place, ...]
    edges: tuple[Edge, ...]
    formula: Formula
    sentence: Mapping[str, str]

    def json(self) -> dict[str, Any]:
        """For `static/story.js`."""
        return {
            "phase": self.phase,
            "does": self.does,
            "equation": self.equation,
            "path": list(self.path),
            "letters": list(self.letters),
            "name": self.about.name,
            "at": _indices(self.about.at),
            "nodes": [_place(p) for p in self.nodes],
            "edges": [
                {
                    "source": _place(e.source),
                    "target": _place(e.target),
                    "flow": e.flow,
                    "over": _ranges(e.over),
                }
                for e in self.edges
            ],
            "reads": [
                {"name": r.name, "at": _indices(r.at)}
                if isinstance(r, Place)
                else {"path": list(r)}
                for r in self.formula.reads
            ],
            "math": self.formula.math,
            "numbers": self.formula.numbers,
            "text": self.formula.text,
            "sentence": dict(self.sentence),
        }


@dataclass(frozen=True)
class Event:
    """A kind at a step: nodes as `h[2]`, edges as (source, target, flow), of those in the picture.

    about: the variable's node; text: the equation, its indices numbers; step: the number of the first
    letter, None without one.
    """

    kind: Kind
    letters: Here
    about: str
    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str, str], ...]
    text: str
    sentence: Mapping[str, str]


@dataclass(frozen=True)
class Story:
    """kinds, and for each event the number of its kind and the numbers of the kind's letters.

    drawn: the recurrence of the picture.
    """

    walk: Walk
    drawn: Recurrence
    kinds: tuple[Kind, ...]
    events: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.events)

    def json(self) -> dict[str, Any]:
        """For `static/story.js`."""
        return {"kinds": [k.json() for k in self.kinds], "events": [list(e) for e in self.events]}

    def instance(self, n: int) -> Event:
        """Event n, counted from 1, with the numbers in the places of its indices."""
        number, *numbers = self.events[n - 1]
        kind = self.kinds[number]
        here = dict(zip(kind.letters, numbers))
        nodes = [node for place in kind.nodes for node in self._points(place, here)]
        edges = [
            (source, target, edge.flow)
            for edge in kind.edges
            for inner in self._inner(edge, here)
            for source in self._points(edge.source, inner)
            for target in self._points(edge.target, inner)
        ]
        shown = self._shown
        told = {
            language: _PLACE.sub(lambda m: str(self._number(m[1], here)), text)
            for language, text in kind.sentence.items()
        }
        return Event(
            kind,
            here,
            self._named(kind.about, here),
            tuple(dict.fromkeys(node for node in nodes if node in shown)),
            tuple(dict.fromkeys(e for e in edges if e[0] in shown and e[1] in shown)),
            self._text(kind, here),
            told,
        )

    @cached_property
    def _shown(self) -> frozenset[str]:
        """All nodes of the picture, as it names them."""
        return frozenset(self._called(*node) for node in unroll(self.drawn, self.walk.sizes))

    @staticmethod
    def _called(name: str, at: Any) -> str:
        if at is None:
            return name
        return f"{name}[{','.join(map(str, at if isinstance(at, tuple) else (at,)))}]"

    def _text(self, kind: Kind, here: Here) -> str:
        """The equation of an event with numbers for its letters."""
        equation = self.walk.whole.equations[kind.equation]

        def told(node: Expression) -> str:
            return format_expression(_numbered(node, self.walk, here))

        part = equation.expression
        for i in kind.formula.path:
            assert isinstance(part, Call)
            part = part.arguments[i]
        return f"{told(equation.target)} = {told(part)}" if kind.formula.whole else told(part)

    def _named(self, place: Place, here: Here) -> str:
        walk = self.walk
        at = (walk.whole.position(i, walk.sizes, here) for i in place.at)
        return f"{place.name}[{','.join(map(str, at))}]" if place.at else place.name

    def _points(self, place: Place, here: Here) -> list[str]:
        return [self._named(place, inner) for inner in self._inner(place, here)]

    def _inner(self, thing: Place | Edge, here: Here) -> Iterator[Here]:
        """The numbers of all letters, where some run."""
        yield from _running(self.walk, thing.over, here)

    def _number(self, text: str, here: Here) -> int:
        return self.walk.whole.position(index_of(text), self.walk.sizes, here)


def _running(walk: Walk, over: Sequence[Range], here: Here) -> Iterator[Here]:
    if not over:
        yield here
        return
    for step in steps_of(walk.whole, over[0], walk.sizes, here):
        yield from _running(walk, over[1:], {**here, over[0].axis: step})


def _numbered(node: Expression, walk: Walk, here: Here) -> Expression:
    """An expression with numbers for the letters of an event; what a reduction binds stays."""
    if isinstance(node, Reference):
        if not node.indices:
            return Constant(here[node.name]) if node.name in here else node
        indices = tuple(_number_of(i, walk, here) for i in node.indices)
        return replace(node, indices=indices)
    if not isinstance(node, Call):
        return node
    inner = {letter: n for letter, n in here.items() if letter != node.over}
    limits = node.limits
    if limits is not None:
        start, stop = (i and _number_of(i, walk, inner) for i in (limits.start, limits.stop))
        limits = replace(limits, start=start, stop=stop)
    arguments = tuple(_numbered(a, walk, inner) for a in node.arguments)
    return replace(node, arguments=arguments, limits=limits)


def _number_of(index: Index, walk: Walk, here: Here) -> Index:
    known = index.base in here
    return Index("", walk.whole.position(index, walk.sizes, here)) if known else index


def index_of(text: str) -> Index:
    """The index that `str` wrote: `t-1`, `tau`, `left(n)`, `3`."""
    via = re.fullmatch(r"(\w+)\((\w+)\)", text)
    if via:
        return Index(via[2], 0, via[1])
    match = re.fullmatch(r"([^\W\d]\w*)?([+-]?\d+)?", text)
    assert match is not None, text
    return Index(match[1] or "", int(match[2] or 0))


def _place(place: Place) -> list[Any]:
    own = [place.name, _indices(place.at)]
    return [*own, _ranges(place.over)] if place.over else own


def _ranges(over: Sequence[Range]) -> list[Any]:
    return [[within.axis, _range(within)] for within in over]


def _indices(at: Sequence[Index]) -> list[list[Any]]:
    return [[i.base, i.offset, i.via] for i in at]


def _range(within: Range) -> list[Any]:
    ends = (within.start, within.stop, within.parent)
    return [None if i is None else [i.base, i.offset, i.via] for i in ends]
