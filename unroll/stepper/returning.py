"""Returning: what is told of the way back. Contributions to gradients, their sums, and what each step
adds to the gradients of parameters.

Gradient equations use auxiliaries, shared factors that belong to a variable as its gradient does: what
comes from `delta_h[t+1]` comes from the node of `h[t+1]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from unroll.graph.unrolled import place, unroll
from unroll.stepper import sentences
from unroll.stepper.formulas import Formulas, Path, at_path, summand_paths
from unroll.stepper.picture import BACKWARD, Edge, Picture, Place, within
from unroll.stepper.sentences import Both, Speaker
from unroll.stepper.story import Kind
from unroll.stepper.tasks import Task, Walk
from unroll.symbolic.expressions import ZERO, Call, Constant, Expression, Index, references
from unroll.symbolic.recurrence import INPUT, PARAMETER, Equation


@dataclass(frozen=True)
class Returning:
    walk: Walk
    picture: Picture
    formulas: Formulas

    def kinds(self, equation: Equation, task: Task) -> Iterator[Kind]:
        """The events of an equation of the way back, in order."""
        k, name = task.equation, equation.name
        if task.term is not None:
            yield self._accumulated(equation, k, task.term)
        elif self.walk.is_collected(name):
            return  # its terms have told it
        elif name in self.walk.gradients:
            yield from self._returned(equation, k)
            yield from self._ended(equation, k)
        else:
            yield self._auxiliary(equation, k)

    # --- whose a gradient is ----------------------------------------------------------------------

    def owner(self, name: str) -> str | None:
        """The variable to which a gradient or an auxiliary belongs."""
        if name in self.walk.gradients:
            return self.walk.gradients[name]
        if name not in self.walk.backward:
            return None
        stem = name.partition("_")[2]
        forward = self.walk.trace.forward.names
        return stem if stem in forward else re.sub(r"_\d+$", "", stem)

    def origin(self, name: str, at: Sequence[Index]) -> Place | None:
        """The point of a variable to which a gradient or an auxiliary at these indices belongs."""
        owner = self.owner(name)
        if owner is None or owner not in self.walk.trace.forward.names:
            return None
        whole = self.walk.whole
        axes = [axis.length for axis in self.walk.trace.forward.axes_of(owner)]
        own = [axis.length for axis in whole.axes_of(name)]
        found: list[Index] = []
        taken: set[int] = set()
        for length in axes:
            position = next((p for p, n in enumerate(own) if n == length and p not in taken), None)
            if position is None:
                return None
            taken.add(position)
            found.append(at[position])
        return Place(owner, tuple(found))

    def sources(self, node: Expression) -> tuple[Place, ...]:
        """Whose gradients an expression reads."""
        found = []
        for reference, over in within(node):
            origin = self.origin(reference.name, reference.indices)
            if origin is not None:
                found.append(replace(origin, over=over))
        return tuple(dict.fromkeys(found))

    # --- contributions ------------------------------------------------------------------------------

    def _returned(self, equation: Equation, k: int) -> Iterator[Kind]:
        """Contributions to the gradient of a variable, and their sum."""
        of = Place(self.walk.gradients[equation.name], equation.target.indices)
        paths = list(summand_paths(equation.expression))
        edges = self._arrows(of, [at_path(equation.expression, path) for path in paths])
        for path, own in zip(paths, edges):
            yield self._contribution(equation, k, of, path, own)
        if len(paths) > 1:
            speaker = self.formulas.speaker(equation)
            yield Kind(
                phase="backward",
                does="sum",
                equation=k,
                path=(),
                letters=self.formulas.letters(equation),
                about=of,
                nodes=self.picture.nodes(of),
                edges=(),
                formula=self.formulas.formula(equation, known=paths),
                sentence=sentences.said(
                    "sum",
                    target=speaker.place(of.name, of.at),
                    count=sentences.count(len(paths)),
                ),
            )

    def _arrows(self, of: Place, terms: Sequence[Expression]) -> list[tuple[Edge, ...]]:
        """The arrows along which each term comes back.

        Those that no term speaks of, as where a loss and a softmax were differentiated as one, belong
        to the terms without a source, or else to the last.
        """
        nodes = self.picture.nodes(of)
        found = []
        for term in terms:
            sources = [n for s in self.sources(term) if s != of for n in self.picture.nodes(s)]
            found.append(self.picture.back(nodes, sources))
        told = {edge for edges in found for edge in edges}
        rest = [e for e in self._all_arrows(of) if e not in told and not _covered(e, told)]
        bare = [i for i, term in enumerate(terms) if not self.sources(term)] or [len(terms) - 1]
        found[bare[-1]] = (*found[bare[-1]], *rest)
        return found

    def _all_arrows(self, of: Place) -> tuple[Edge, ...]:
        """All arrows back to a node, and on through nodes that have no gradient of their own."""
        if of.name not in self.picture.shown:
            return ()
        found: dict[Edge, None] = {}
        todo, seen = [of], {of}
        while todo:
            here = todo.pop(0)
            users = self.picture.users(here)
            found |= dict.fromkeys(self.picture.back([here], users))
            for user in users:
                if user.name not in self.walk.trace.gradients and user not in seen:
                    seen.add(user)
                    todo.append(user)
        return tuple(found)

    def _contribution(
        self, equation: Equation, k: int, of: Place, path: Path, edges: tuple[Edge, ...]
    ) -> Kind:
        term = at_path(equation.expression, path)
        sources = [s for s in self.sources(term) if s != of]
        nodes = [*self.picture.nodes(of)]
        for source in sources:
            nodes += self.picture.nodes(source)
        nodes += [replace(e.source, over=(*e.over, *e.source.over)) for e in edges]
        seed = isinstance(term, Constant)
        if seed:
            nodes += self.picture.users(of)
        return Kind(
            phase="backward",
            does="seed" if seed else "contribution",
            equation=k,
            path=path,
            letters=self.formulas.letters(equation),
            about=of,
            nodes=tuple(dict.fromkeys(nodes)),
            edges=edges,
            formula=self.formulas.formula(equation, path, sign="+=" if path else "="),
            sentence=self._comes_back(equation, of, term, sources, edges),
        )

    def _comes_back(
        self,
        equation: Equation,
        of: Place,
        term: Expression,
        sources: Sequence[Place],
        edges: Sequence[Edge],
    ) -> Mapping[str, str]:
        speaker = self.formulas.speaker(equation)
        target = speaker.place(of.name, of.at)
        if isinstance(term, Constant):
            objective = self.walk.trace.objective or ""
            key = "begin" if of.name == objective else "counts" if term.value else "nothing"
            return sentences.said(
                key, target=target, value=speaker.call(term), objective=sentences.same(objective)
            )
        came = list(sources) or [e.source for e in edges]
        if not came:
            if of in self.sources(term):
                return sentences.said("joins", target=target)
            return sentences.said("local", target=target, what=speaker.call(term))
        return sentences.said(
            "contribution",
            target=target,
            sources=self._places(speaker, came),
            through=self._through(term),
        )

    def _places(self, speaker: Speaker, places: Sequence[Place]) -> Both:
        return sentences.listed([speaker.place(p.name, p.at) for p in places])

    def _through(self, term: Expression) -> Both:
        names = [r.name for r in references(term) if self._is_parameter(r.name)]
        if not names:
            return "", ""
        return sentences.phrase("through", sentences.listed([sentences.same(n) for n in names]))

    def _is_parameter(self, name: str) -> bool:
        forward = self.walk.trace.forward
        return name in forward.names and forward.role(name) == PARAMETER

    # --- inside of an equation ----------------------------------------------------------------------

    def _auxiliary(self, equation: Equation, k: int) -> Kind:
        """A factor that several contributions share; or what comes back to one point of a variable."""
        of = self.origin(equation.name, equation.target.indices) or Place(
            self.owner(equation.name) or equation.name
        )
        nodes = self.picture.nodes(of)
        others = [s for s in self.sources(equation.expression) if s.name != of.name]
        seen = [n for s in others for n in self.picture.nodes(s)]
        edges = self.picture.back(nodes, seen)
        zero = equation.expression == ZERO
        if not zero and not self.sources(equation.expression):  # as where a loss is differentiated
            edges = self._all_arrows(of)
            others = [e.source for e in edges]
            seen = [replace(e.source, over=(*e.over, *e.source.over)) for e in edges]
        speaker = self.formulas.speaker(equation)
        target = speaker.place(of.name, of.at)
        if zero:
            name = speaker.formula(equation.target)
            said = sentences.said("ends inside", target=target, name=sentences.same(name))
        elif edges:
            came = self._places(speaker, others)
            through = self._through(equation.expression)
            said = sentences.said("contribution", target=target, sources=came, through=through)
        else:
            name = speaker.formula(equation.target)
            said = sentences.said("inside", target=target, name=sentences.same(name))
        return Kind(
            phase="backward",
            does="value",
            equation=k,
            path=(),
            letters=self.formulas.letters(equation),
            about=of,
            nodes=tuple(dict.fromkeys((*nodes, *seen))),
            edges=edges,
            formula=self.formulas.formula(equation),
            sentence=said,
        )

    # --- where it ends ------------------------------------------------------------------------------

    def _ended(self, equation: Equation, k: int) -> Iterator[Kind]:
        """Arrows back to initial values, which have no gradient: they are drawn, and end there."""
        name = self.walk.gradients[equation.name]
        if name not in self.picture.shown or self.picture.drawn.role(name) == INPUT:
            return
        target = Place(name, equation.target.indices)
        for source in self._ends_of(equation, name):
            edge = Edge(target, source, BACKWARD)
            speaker = self.formulas.speaker(equation)
            yield Kind(
                phase="backward",
                does="end",
                equation=k,
                path=(),
                letters=self.formulas.letters(equation),
                about=source,
                nodes=(target, source),
                edges=(edge,),
                formula=self.formulas.formula(equation),
                sentence=sentences.said(
                    "end",
                    source=speaker.place(target.name, target.at),
                    target=speaker.place(source.name, source.at),
                ),
            )

    def _ends_of(self, equation: Equation, name: str) -> Iterator[Place]:
        """What the equations of a drawn variable read, of variables that begin outside of their range."""
        seen = set()
        target = Place(name, equation.target.indices)
        for source in self.picture.sources(target):
            boundary = source.name in self.walk.trace.forward.defined and not source.over
            if boundary and source not in seen and source.at != target.at:
                seen.add(source)
                yield source

    def ends(self, kind: Kind, here: Mapping[str, int]) -> bool:
        """Whether an arrow ends at a value outside of the range of its variable."""
        numbers = tuple(self.walk.whole.position(i, self.walk.sizes, here) for i in kind.about.at)
        (edge,) = kind.edges
        there = tuple(self.walk.whole.position(i, self.walk.sizes, here) for i in edge.source.at)
        return ((kind.about.name, place(numbers)), (edge.source.name, place(there))) in self._last

    @cached_property
    def _last(self) -> frozenset[tuple[object, object]]:
        """The arrows from initial values that no equation gives a gradient."""
        graph = unroll(self.picture.drawn, self.walk.sizes)
        known = {(self.walk.gradients.get(e.name), task.at) for task in self.walk.points()
                 for e in [self.walk.whole.equations[task.equation]]}  # fmt: skip
        points = {(name, place(at)) for name, at in known}
        return frozenset(
            (source, target)
            for source, target, data in graph.edges(data=True)
            if graph.nodes[source]["boundary"] and not data["cut"] and source not in points
        )

    # --- accumulation -------------------------------------------------------------------------------

    def _accumulated(self, equation: Equation, k: int, number: int) -> Kind:
        """What one step adds to the gradient of a parameter."""
        name = self.walk.gradients[equation.name]
        path = list(summand_paths(equation.expression))[number]
        term = at_path(equation.expression, path)
        letters = self.formulas.letters(equation)
        bound = term.bound.axis if isinstance(term, Call) and term.bound is not None else ""
        if bound and isinstance(term, Call):
            letters, path, term = (*letters, bound), (*path, 0), term.arguments[0]
        gradients = [n for s in self.sources(term) for n in self.picture.nodes(s)]
        reads = list(self.picture.read(term))
        edges = [e for n in gradients for r in reads if (e := self.picture.between(r, n))]
        nodes = [*gradients, *reads] or self._fallback()
        speaker = self.formulas.speaker(equation, letters)
        return Kind(
            phase="accumulate",
            does="accumulate",
            equation=k,
            path=path,
            letters=letters,
            about=Place(name, equation.target.indices),
            nodes=tuple(dict.fromkeys(nodes)),
            edges=tuple(dict.fromkeys(edges)),
            formula=self.formulas.formula(equation, path, sign="+=", letters=letters),
            sentence=self._adds(equation, term, bound, speaker),
        )

    def _fallback(self) -> list[Place]:
        """What lights up for what reads nothing of the picture: where the parameter is used."""
        return list(self.picture.nodes(Place(self.walk.trace.objective or "")))

    def _adds(
        self, equation: Equation, term: Expression, bound: str, speaker: Speaker
    ) -> Mapping[str, str]:
        indices = equation.target.indices
        name = speaker.place(self.walk.gradients[equation.name], indices)
        if bound:
            where = speaker.whose([Index(bound)], [self.walk.whole.letters[bound]])
            return sentences.said("accumulate", name=name, where=where)
        came = self.sources(term)
        if indices:
            return sentences.said("own", name=name)
        if came:
            sources = self._places(speaker, came)
            return sentences.said("collect", name=name, sources=sources)
        return sentences.said("part", name=name)


def _covered(edge: Edge, told: set[Edge]) -> bool:
    """Whether arrows that are told of have the same ends, apart from which letters run."""
    return any((e.source, e.target, e.flow) == (edge.source, edge.target, edge.flow) for e in told)
