"""Returning: what is told of the way back. Contributions to gradients, and their sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from unroll.graph.unrolled import place, unroll
from unroll.stepper import sentences
from unroll.stepper.accumulating import Accumulating
from unroll.stepper.formulas import Formulas, Path, at_path, summand_paths
from unroll.stepper.origins import Live, Origins
from unroll.stepper.picture import BACKWARD, Edge, Picture, Place
from unroll.stepper.sentences import Both
from unroll.stepper.story import Kind
from unroll.stepper.tasks import Task, Walk
from unroll.symbolic.expressions import ZERO, Constant, Expression, references
from unroll.symbolic.recurrence import INPUT, PARAMETER, Equation
from unroll.symbolic.simplification import signed_terms


@dataclass(frozen=True)
class Returning:
    """Tells of the way back."""

    walk: Walk
    picture: Picture
    formulas: Formulas
    origins: Origins

    def kinds(self, equation: Equation, task: Task, live: Live) -> Iterator[Kind]:
        """The events of an equation of the way back, in order. live: what comes back at this point."""
        k, name = task.equation, equation.name
        if task.term is not None:
            yield self.accumulating.kind(equation, k, task.term)
        elif self.walk.is_collected(name):
            return  # its terms have told it
        elif name in self.walk.gradients:
            yield from self._returned(equation, k, live)
            yield from self._ended(equation, k)
        else:
            yield self._auxiliary(equation, k)

    @cached_property
    def accumulating(self) -> Accumulating:
        return Accumulating(self.walk, self.picture, self.formulas, self.origins)

    # --- contributions ------------------------------------------------------------------------------

    def _returned(self, equation: Equation, k: int, live: Live) -> Iterator[Kind]:
        """Contributions to the gradient of a variable, and their sum; without those that are not there."""
        of = Place(self.walk.gradients[equation.name], equation.target.indices)
        paths = list(summand_paths(equation.expression))
        arrows = self._arrows(of, [at_path(equation.expression, path) for path in paths])
        there = [i for i, parts in enumerate(live) if any(parts)]
        for i in there:
            whole = len(there) == 1
            yield self._contribution(equation, k, of, paths[i], arrows[i], live[i], whole)
        if len(there) == 1:
            return
        speaker = self.formulas.speaker(equation)
        target = speaker.place(of.name, of.at)
        said = sentences.said("sum", target=target, count=sentences.count(len(there)))
        if not there:
            said = sentences.said("nothing", target=target)
        yield Kind(
            phase="backward",
            does="sum",
            equation=k,
            path=(),
            letters=self.formulas.letters(equation),
            about=of,
            nodes=self.picture.nodes(of),
            edges=(),
            formula=self.formulas.formula(equation, known=[paths[i] for i in there]),
            sentence=said,
        )

    def _arrows(self, of: Place, terms: Sequence[Expression]) -> list[tuple[Edge, ...]]:
        """The arrows along which each term comes back.

        Those that no term speaks of, as where a loss and a softmax were differentiated as one, belong
        to the terms without a source, or else to the last.
        """
        nodes = self.picture.nodes(of)
        found = []
        for term in terms:
            sources = [
                n for s in self.origins.sources(term) if s != of for n in self.picture.nodes(s)
            ]
            found.append(self.picture.back(nodes, sources))
        told = {edge for edges in found for edge in edges}
        rest = [e for e in self._all_arrows(of) if e not in told and not _covered(e, told)]
        bare = [i for i, term in enumerate(terms) if not self.origins.sources(term)] or [
            len(terms) - 1
        ]
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
        self,
        equation: Equation,
        k: int,
        of: Place,
        path: Path,
        edges: tuple[Edge, ...],
        live: tuple[bool, ...],
        whole: bool,
    ) -> Kind:
        """What comes back to a variable on one way. whole: nothing else does."""
        term = at_path(equation.expression, path)
        parts = [part for (_, part), there in zip(signed_terms(term), live) if there]
        sources = [s for part in parts for s in self.origins.sources(part)]
        nodes = [n for s in (of, *sources) for n in self.picture.nodes(s)]
        nodes += [replace(e.source, over=(*e.over, *e.source.over)) for e in edges]
        came = [s for s in sources if s != of]
        if not all(map(self.origins.sources, parts)):  # a loss that was differentiated at once
            users = [e.source for e in edges] or list(self.picture.users(of))
            nodes += users
            came += [u for u in users if u.name not in {s.name for s in came}]
        seed = isinstance(term, Constant)
        return Kind(
            phase="backward",
            does="seed" if seed else "contribution",
            equation=k,
            path=() if whole else path,
            letters=self.formulas.letters(equation),
            about=of,
            nodes=tuple(dict.fromkeys(nodes)),
            edges=edges,
            formula=self.formulas.formula(equation, path, sign="=" if whole else "+="),
            sentence=self._comes_back(equation, of, term, came, whole),
        )

    def _comes_back(
        self, equation: Equation, of: Place, term: Expression, came: Sequence[Place], whole: bool
    ) -> Mapping[str, str]:
        speaker = self.formulas.speaker(equation)
        target = speaker.place(of.name, of.at)
        if isinstance(term, Constant):
            objective = self.walk.trace.objective or ""
            key = "begin" if of.name == objective else "counts" if term.value else "nothing"
            return sentences.said(
                key, target=target, value=speaker.call(term), objective=sentences.same(objective)
            )
        if not came and of in self.origins.sources(term):
            return sentences.said("alone" if whole else "joins", target=target)
        if not came:
            return sentences.said("local", target=target, what=speaker.call(term))
        sources, through = speaker.places(came), self._through(term)
        return sentences.said("contribution", target=target, sources=sources, through=through)

    def _through(self, term: Expression) -> Both:
        names = [r.name for r in references(term) if self._is_parameter(r.name)]
        if not names:
            return "", ""
        return sentences.phrase(
            "through", names=sentences.listed([sentences.same(n) for n in names])
        )

    def _is_parameter(self, name: str) -> bool:
        forward = self.walk.trace.forward
        return name in forward.names and forward.role(name) == PARAMETER

    # --- inside of an equation ----------------------------------------------------------------------

    def _auxiliary(self, equation: Equation, k: int) -> Kind:
        """A factor that several contributions share; or what comes back to one point of a variable."""
        of = self.origins.origin(equation.name, equation.target.indices) or Place(
            self.origins.owner(equation.name) or equation.name
        )
        nodes = self.picture.nodes(of)
        others = [s for s in self.origins.sources(equation.expression) if s.name != of.name]
        seen = [n for s in others for n in self.picture.nodes(s)]
        edges = self.picture.back(nodes, seen)
        zero = equation.expression == ZERO
        if not zero and not self.origins.sources(
            equation.expression
        ):  # as where a loss is differentiated
            edges = self._all_arrows(of)
            others = [e.source for e in edges]
            seen = [replace(e.source, over=(*e.over, *e.source.over)) for e in edges]
        speaker = self.formulas.speaker(equation)
        target = speaker.place(of.name, of.at)
        if zero:
            name = speaker.formula(equation.target)
            said = sentences.said("ends inside", target=target, name=sentences.same(name))
        elif edges:
            came = speaker.places(others)
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
        known = {(self.walk.gradients.get(name), place(at)) for name, at in self.origins.points}
        return frozenset(
            (source, target)
            for source, target, data in graph.edges(data=True)
            if graph.nodes[source]["boundary"] and not data["cut"] and source not in known
        )


def _covered(edge: Edge, told: set[Edge]) -> bool:
    """Whether arrows that are told of have the same ends, apart from which letters run."""
    return any((e.source, e.target, e.flow) == (edge.source, edge.target, edge.flow) for e in told)
