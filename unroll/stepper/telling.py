"""Telling: the kinds of events that the equations of a run have, and the order of the events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from unroll.errors import UnrollError
from unroll.language.lettering import Lettering
from unroll.stepper import sentences
from unroll.stepper.formulas import Formulas, Path, at_path, nearest, work_paths
from unroll.stepper.origins import Live, Origins
from unroll.stepper.picture import FORWARD, Edge, Picture, Place
from unroll.stepper.returning import Returning
from unroll.stepper.story import Kind, Story
from unroll.stepper.tasks import Task, Walk, in_order
from unroll.symbolic.expressions import Constant, Expression, Reference
from unroll.symbolic.recurrence import GIVEN, Equation, Recurrence, is_loss

LONGEST = 400_000  # events


def tell(walk: Walk, drawn: Recurrence, notation: str | Lettering = "book") -> Story:
    """The story of a run. drawn: the recurrence of the picture, whose nodes and arrows light up.

    Raises UnrollError for a run of a batch, and one with more events than can be told.
    """
    if walk.trace.batch is not None:
        raise UnrollError(
            "cannot step through a batch", remedy="Run one sequence, and step through that."
        )
    teller = _Teller(
        walk, Picture(walk.trace.forward, drawn), Formulas(walk, notation, written_objective(drawn))
    )
    kinds: dict[tuple[object, ...], tuple[int, ...]] = {}
    made: list[Kind] = []
    events: list[tuple[int, ...]] = []
    for task in in_order(walk):
        live = teller.origins.live(task)
        key = (task.equation, task.term, live)
        if key not in kinds:
            own = list(teller.kinds(task, live))
            kinds[key] = tuple(range(len(made), len(made) + len(own)))
            made += own
        here = walk.here(walk.whole.equations[task.equation], task.at)
        for number in kinds[key]:
            letters = made[number].letters
            event = (number, *(here.get(n, task.step or 0) for n in letters))
            if made[number].does != "end" or teller.returning.ends(made[number], here):
                events.append(event)
        if len(events) > LONGEST:
            raise UnrollError(
                f"there are more than {LONGEST} events to tell", remedy="Take fewer steps."
            )
    return Story(walk, drawn, tuple(made), tuple(events))


def written_objective(drawn: Recurrence) -> str:
    """What gradients are of, as the picture writes it: the total that is drawn, or `L`."""
    try:
        return drawn.objective() or "L"
    except UnrollError:  # several that could be it
        return "L"


@dataclass(frozen=True)
class _Teller:
    walk: Walk
    picture: Picture
    formulas: Formulas

    def kinds(self, task: Task, live: Live) -> Iterator[Kind]:
        """The events of an equation at a point, in order; of one term of a sum, its one event.

        live: what comes back there, of a gradient.
        """
        equation = self.walk.whole.equations[task.equation]
        if equation.name in self.walk.backward:
            yield from self.returning.kinds(equation, task, live)
        else:
            yield from self._computed(equation, task.equation)

    @cached_property
    def origins(self) -> Origins:
        return Origins(self.walk)

    @cached_property
    def returning(self) -> Returning:
        return Returning(self.walk, self.picture, self.formulas, self.origins)

    def _computed(self, equation: Equation, k: int) -> Iterator[Kind]:
        """The operations of an equation, innermost first, then its value."""
        loss = is_loss(equation.expression) or equation.name == self.walk.trace.objective
        paths = list(work_paths(equation.expression))
        for path in paths:
            part = at_path(equation.expression, path)
            formula = self.formulas.formula(
                equation, path, sign="" if path else "=", known=nearest(paths, path)
            )
            nodes, edges = self._touched(equation, part if path else None)
            yield Kind(
                phase="loss" if loss else "forward",
                does="operation" if path else "value",
                equation=k,
                path=path,
                letters=self.formulas.letters(equation),
                about=Place(equation.name, equation.target.indices),
                nodes=nodes,
                edges=edges,
                formula=formula,
                sentence=self._sentence(equation, path, paths, loss),
            )

    def _touched(
        self, equation: Equation, part: Expression | None
    ) -> tuple[tuple[Place, ...], tuple[Edge, ...]]:
        """The node that is computed, or a part of it; what is read for that; the arrows between."""
        target = Place(equation.name, equation.target.indices)
        nodes = self.picture.nodes(target)
        if part is None and target.name in self.picture.shown:
            edges = self.picture.into(equation)
            sources = tuple(e.source for e in edges)
            if isinstance(equation.expression, Reference):  # a copy may be drawn as what it copies
                users = [u for u in self.picture.users(target) if u.name == target.name]
                edges += tuple(Edge(s, u, FORWARD) for s in sources for u in users)
        else:
            sources = self.picture.read(equation.expression if part is None else part)
            found = (self.picture.between(s, node) for node in nodes for s in sources)
            edges = tuple(dict.fromkeys(e for e in found if e is not None))
        return tuple(dict.fromkeys((*nodes, *sources))), edges

    def _sentence(
        self, equation: Equation, path: Path, paths: list[Path], loss: bool
    ) -> dict[str, str]:
        part = at_path(equation.expression, path)
        known = [at_path(equation.expression, p) for p in paths]
        speaker = self.formulas.speaker(equation, known=known)
        target = speaker.place(equation.name, equation.target.indices)
        if part == GIVEN:
            return sentences.said("given", target=target)
        if isinstance(part, Constant):
            return sentences.said("constant", target=target, what=speaker.call(part))
        key = "operation" if path else "loss" if loss else "value"
        return sentences.said(key, target=target, what=speaker.call(part))
