"""The story of a run: every event in order, with its equation, what it touches and a sentence.

Forward operation by operation and step by step, the losses, then back through time: each
contribution to a gradient, their sum, and what each step adds to the gradients of parameters.
A *kind* is an event of an equation at any step; an *event* is a kind and the numbers of its letters,
so that a story grows by a few digits an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from unroll.graph.unrolled import steps_of
from unroll.stepper.picture import Edge, Place
from unroll.stepper.tasks import Walk
from unroll.symbolic.expressions import Index, Range

Path = tuple[int, ...]
Here = Mapping[str, int]
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Kind:
    """An event at any step.

    phase: forward, loss, backward or accumulate; does: operation (a part of an equation), value,
    contribution, sum, seed or accumulate; equation: its number; path: of the part that is computed,
    argument numbers from the expression down; letters: whose numbers an event has; about: the
    variable; nodes, edges: of the picture; reads: what stands in the equation, in order: variables at
    indices, or paths of parts that are computed already; math, numbers: MathML of the equation and
    of its right side, with places for the reads; text: the equation; sentence: by language.
    """

    phase: str
    does: str
    equation: int
    path: Path
    letters: tuple[str, ...]
    about: Place
    nodes: tuple[Place, ...]
    edges: tuple[Edge, ...]
    reads: tuple[Place | Path, ...]
    math: str
    numbers: str
    text: str
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
            "nodes": [[p.name, _indices(p.at)] for p in self.nodes],
            "edges": [
                {
                    "source": [e.source.name, _indices(e.source.at)],
                    "target": [e.target.name, _indices(e.target.at)],
                    "flow": e.flow,
                    "over": [[r.axis, _range(r)] for r in e.over],
                }
                for e in self.edges
            ],
            "reads": [
                {"name": r.name, "at": _indices(r.at)}
                if isinstance(r, Place)
                else {"path": list(r)}
                for r in self.reads
            ],
            "math": self.math,
            "numbers": self.numbers,
            "text": self.text,
            "sentence": dict(self.sentence),
        }


@dataclass(frozen=True)
class Event:
    """A kind at a step: nodes as `h[2]`, edges as (source, target, flow)."""

    kind: Kind
    letters: Here
    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str, str], ...]
    sentence: Mapping[str, str]


@dataclass(frozen=True)
class Story:
    """kinds, and for each event the number of its kind and the numbers of the kind's letters."""

    walk: Walk
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
        edges = [
            (self._named(edge.source, inner), self._named(edge.target, inner), edge.flow)
            for edge in kind.edges
            for inner in self._inner(edge.over, here)
        ]
        nodes = tuple(self._named(place, here) for place in kind.nodes)
        told = {
            language: _PLACE.sub(lambda m: str(self._number(m[1], here)), text)
            for language, text in kind.sentence.items()
        }
        return Event(kind, here, nodes, tuple(dict.fromkeys(edges)), told)

    def _named(self, place: Place, here: Here) -> str:
        walk = self.walk
        at = ",".join(str(walk.whole.position(i, walk.sizes, here)) for i in place.at)
        return f"{place.name}[{at}]" if place.at else place.name

    def _inner(self, over: Sequence[Range], here: Here) -> Iterator[Here]:
        walk = self.walk
        steps = [steps_of(walk.whole, within, walk.sizes, here) for within in over]
        for numbers in product(*steps):
            yield {**here, **dict(zip((r.axis for r in over), numbers))}

    def _number(self, text: str, here: Here) -> int:
        return self.walk.whole.position(index_of(text), self.walk.sizes, here)


def index_of(text: str) -> Index:
    """The index that `str` wrote: `t-1`, `tau`, `left(n)`, `3`."""
    via = re.fullmatch(r"(\w+)\((\w+)\)", text)
    if via:
        return Index(via[2], 0, via[1])
    match = re.fullmatch(r"([^\W\d]\w*)?([+-]?\d+)?", text)
    assert match is not None, text
    return Index(match[1] or "", int(match[2] or 0))


def _indices(at: Sequence[Index]) -> list[list[Any]]:
    return [[i.base, i.offset, i.via] for i in at]


def _range(within: Range) -> list[Any]:
    ends = (within.start, within.stop, within.parent)
    return [None if i is None else [i.base, i.offset, i.via] for i in ends]
