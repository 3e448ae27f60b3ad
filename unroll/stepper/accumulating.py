"""Accumulating: what each step adds to the gradient of a parameter, one event for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unroll.stepper import sentences
from unroll.stepper.formulas import Formulas, at_path, summand_paths
from unroll.stepper.origins import Origins
from unroll.stepper.picture import Picture, Place
from unroll.stepper.sentences import Speaker
from unroll.stepper.story import Kind
from unroll.stepper.tasks import Walk
from unroll.symbolic.expressions import Call, Expression, Index
from unroll.symbolic.recurrence import Equation


@dataclass(frozen=True)
class Accumulating:
    """Tells of the terms of parameters' gradients."""

    walk: Walk
    picture: Picture
    formulas: Formulas
    origins: Origins

    def kind(self, equation: Equation, k: int, number: int) -> Kind:
        """What one step adds to the gradient of a parameter."""
        name = self.walk.gradients[equation.name]
        path = list(summand_paths(equation.expression))[number]
        term = at_path(equation.expression, path)
        letters = self.formulas.letters(equation)
        bound = term.bound.axis if isinstance(term, Call) and term.bound is not None else ""
        if bound and isinstance(term, Call):
            letters, path, term = (*letters, bound), (*path, 0), term.arguments[0]
        gradients = [n for s in self.origins.sources(term) for n in self.picture.nodes(s)]
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
        came = self.origins.sources(term)
        if indices:
            return sentences.said("own", name=name)
        if came:
            sources = speaker.places(came)
            return sentences.said("collect", name=name, sources=sources)
        return sentences.said("part", name=name)
