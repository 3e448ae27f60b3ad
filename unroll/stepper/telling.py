"""Telling: the kinds of events that the equations of a run have, and the order of the events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from unroll.errors import UnrollError
from unroll.language.lettering import Lettering
from unroll.language.mathml import Page, with_places
from unroll.language.printer import format_expression
from unroll.stepper import sentences
from unroll.stepper.picture import Edge, Picture, Place, within
from unroll.stepper.story import Kind, Path, Story
from unroll.stepper.tasks import Task, Walk, in_order, summands
from unroll.symbolic.expressions import Call, Constant, Expression, Reference, references
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import Equation, Recurrence, is_loss

LONGEST = 400_000  # events


def tell(walk: Walk, drawn: Recurrence, notation: str | Lettering = "book") -> Story:
    """The story of a run. drawn: the recurrence of the picture, whose nodes and edges light up.

    Raises UnrollError for a run of a batch, and one with more events than can be told.
    """
    if walk.trace.batch is not None:
        raise UnrollError(
            "cannot step through a batch", remedy="Run one sequence, and step through that."
        )
    teller = _Teller(walk, Picture(walk.trace.forward, drawn), notation)
    kinds: dict[tuple[int, int | None], tuple[int, ...]] = {}
    made: list[Kind] = []
    events: list[tuple[int, ...]] = []
    for task in in_order(walk):
        key = (task.equation, task.term)
        if key not in kinds:
            own = list(teller.kinds(task))
            kinds[key] = tuple(range(len(made), len(made) + len(own)))
            made += own
        equation = walk.whole.equations[task.equation]
        here = walk.here(equation, task.at)
        for number in kinds[key]:
            letters = made[number].letters
            numbers = (here.get(n, task.step or 0) for n in letters)
            events.append((number, *numbers))
        if len(events) > LONGEST:
            raise UnrollError(
                f"there are more than {LONGEST} events to tell", remedy="Take fewer steps."
            )
    return Story(walk, tuple(made), tuple(events))


@dataclass(frozen=True)
class _Teller:
    walk: Walk
    picture: Picture
    notation: str | Lettering

    @cached_property
    def objective(self) -> str:
        return self.walk.trace.objective or ""

    def kinds(self, task: Task) -> Iterator[Kind]:
        """The events of an equation at a point, in order; of one term of a sum, its one event."""
        equation = self.walk.whole.equations[task.equation]
        if task.term is not None:
            yield self._accumulated(equation, task)
        elif self.walk.is_collected(equation.name):
            return  # its terms have told it
        elif equation.name in self.walk.gradients:
            yield from self._returned(equation, task.equation)
        else:
            yield from self._computed(equation, task.equation)

    # --- forward ------------------------------------------------------------------

    def _computed(self, equation: Equation, k: int) -> Iterator[Kind]:
        back = equation.name in self.walk.backward
        phase = "backward" if back else "loss" if self._is_loss(equation) else "forward"
        known = list(self._parts(equation.expression))
        for path in known[:-1]:
            yield self._kind(equation, k, phase, "operation", path, known)
        yield self._kind(equation, k, phase, "value", (), known)

    def _is_loss(self, equation: Equation) -> bool:
        return is_loss(equation.expression) or equation.name == self.objective

    def _parts(self, node: Expression, path: Path = ()) -> Iterator[Path]:
        """Paths of the operations that are events of their own, innermost first; the whole last."""
        if isinstance(node, Call) and node.bound is None:
            for inner, at in _operands(node, path):
                if isinstance(inner, Call) and _is_work(inner):
                    yield from self._parts(inner, at)
                elif isinstance(inner, Call):
                    yield from list(self._parts(inner, at))[:-1]
        yield path

    def _kind(
        self, equation: Equation, k: int, phase: str, does: str, path: Path, known: Sequence[Path]
    ) -> Kind:
        part = at_path(equation.expression, path)
        target = Place(equation.name, equation.target.indices)
        inside = [p for p in known if p != path and p[: len(path)] == path]
        nearest = [p for p in inside if not any(q != p and p[: len(q)] == q for q in inside)]
        reads, numbers = self._numbers(equation, part, path, nearest)
        read = [Place(r.name, r.indices) for r, over in within(part) if self._is_point(r)]
        nodes, edges = self._touched(target, read if does == "operation" else None)
        page = self._page(equation)
        left = page.reference(target.name, target.at)
        body = page.formula(page.latex(part))
        math = _joined(left, "=", body) if not path else body
        if equation.expression == part and isinstance(part, Call) and part.operation == "given":
            math, numbers = left, left
        return Kind(
            phase,
            does,
            k,
            path,
            self._letters(equation),
            target,
            nodes,
            edges,
            reads,
            math,
            numbers,
            self._text(equation, part, path),
            self._sentence(equation, part, phase, does, known, path),
        )

    # --- backward -----------------------------------------------------------------

    def _returned(self, equation: Equation, k: int) -> Iterator[Kind]:
        """Contributions to the gradient of a variable, and their sum."""
        of = Place(self.walk.gradients[equation.name], equation.target.indices)
        terms = list(paths_of(equation.expression))
        arrows = list(self.picture.back(of)) if of.name in self.picture.shown else []
        used: set[Edge] = set()
        page = self._page(equation)
        left = page.reference(equation.name, equation.target.indices)
        for path in terms:
            term = at_path(equation.expression, path)
            sources = [
                Place(self.walk.gradients[r.name], r.indices)
                for r in references(term)
                if r.name in self.walk.gradients
            ]
            nodes = [n for s in (of, *sources) for n in self.picture.nodes(s)]
            names = {n.name for s in sources for n in self.picture.nodes(s)}
            own = [e for e in arrows if e.source.name in names and e not in used]
            exact = [e for e in own if e.source in nodes]
            taken = exact or own
            if path == terms[-1]:  # what no term speaks of comes along with the last
                taken = taken + [e for e in arrows if e not in used and e not in taken]
            used |= set(taken)
            reads, numbers = self._numbers(equation, term, path, [])
            seed = isinstance(equation.expression, Constant)
            whole = len(terms) == 1
            does = "seed" if seed else "contribution"
            sign = "=" if whole else "+="
            said = self._back_sentence(of, term, sources, seed)
            yield Kind(
                "backward",
                does,
                k,
                () if whole else path,
                self._letters(equation),
                of,
                _once(
                    nodes[:_MOST_NODES]
                    if not taken
                    else [*nodes, *(e.source for e in taken if not e.over)]
                ),
                tuple(taken),
                reads,
                _joined(left, sign, page.formula(page.latex(term))),
                numbers,
                self._text(equation, term, () if whole else path),
                said,
            )
        if len(terms) > 1:
            reads = tuple(terms)
            marked = with_places(
                equation.expression, lambda node, path: terms.index(path) if path in terms else None
            )
            yield Kind(
                "backward",
                "sum",
                k,
                (),
                self._letters(equation),
                of,
                self.picture.nodes(of),
                (),
                reads,
                _joined(left, "=", page.formula(page.latex(equation.expression))),
                page.formula(page.latex(marked)),
                self._text(equation, equation.expression, ()),
                sentences.said(
                    "sum",
                    target=sentences.node(of.name, of.at),
                    count=sentences.number(len(terms)),
                ),
            )

    def _accumulated(self, equation: Equation, task: Task) -> Kind:
        """What one step adds to the gradient of a parameter."""
        name = self.walk.gradients[equation.name]
        assert task.term is not None
        path = list(paths_of(equation.expression))[task.term]
        term = at_path(equation.expression, path)
        letters = self._letters(equation)
        if isinstance(term, Call) and term.bound is not None:
            letters, path, term = (*letters, term.bound.axis), (*path, 0), term.arguments[0]
        sources = [
            Place(self.walk.gradients.get(r.name, r.name), r.indices)
            for r, over in within(term)
            if self._is_point(r) and not over
        ]
        nodes = _once([n for s in sources for n in self.picture.nodes(s)])
        gradients = {
            n.name
            for r in references(term)
            if r.name in self.walk.gradients
            for n in self.picture.nodes(Place(self.walk.gradients[r.name], r.indices))
        }
        reading = [e for n in nodes if n.name in gradients for e in self.picture.into(n)]
        edges = tuple(e for e in reading if e.source in nodes and not e.over)
        page = self._page(equation, letters)
        reads, numbers = self._numbers(equation, term, path, [], letters)
        left = page.reference(equation.name, equation.target.indices)
        bound = letters[-1] if len(letters) > len(self._letters(equation)) else ""
        key = "accumulate" if bound else "collect"
        parts = {"name": (name, name)}
        if bound:
            parts["at"] = (f"{{{bound}}}", f"{{{bound}}}")
        return Kind(
            "accumulate",
            "accumulate",
            task.equation,
            path,
            letters,
            Place(name, equation.target.indices),
            nodes or self._any(),
            edges,
            reads,
            _joined(left, "+=", page.formula(page.latex(term))),
            numbers,
            self._text(equation, term, path),
            sentences.said(key, **parts),
        )

    def _any(self) -> tuple[Place, ...]:
        """Where nothing of the picture is read: the objective, or nothing."""
        place = Place(self.objective)
        return (
            (place,)
            if self.objective in self.picture.shown and not self.walk.whole.axes_of(self.objective)
            else ()
        )

    # --- pieces ---------------------------------------------------------------------

    def _letters(self, equation: Equation) -> tuple[str, ...]:
        return tuple(i.base for i in equation.target.indices if i.base in self.walk.whole.letters)

    def _page(self, equation: Equation, letters: Sequence[str] = ()) -> Page:
        whole = self.walk.whole
        scalars = frozenset(whole.letters) | whole.lengths
        objective = self.objective or "L"
        return Page(letters or self._letters(equation), self.notation, objective, scalars)

    def _is_point(self, reference: Reference) -> bool:
        whole = self.walk.whole
        return reference.name not in whole.letters and reference.name not in whole.lengths

    def _numbers(
        self,
        equation: Equation,
        part: Expression,
        path: Path,
        known: Sequence[Path],
        letters: Sequence[str] = (),
    ) -> tuple[tuple[Place | Path, ...], str]:
        """What a part reads, and MathML of it with places for that."""
        free = set(letters or self._letters(equation))
        reads: list[Place | Path] = []

        def place(node: Expression, inner: Path) -> int | None:
            at = (*path, *inner)
            found: Place | Path
            if at in known:
                found = at
            elif isinstance(node, Reference) and self._is_point(node):
                if not all(
                    i.base in free or i.base not in self.walk.whole.letters for i in node.indices
                ):
                    return None
                found = Place(node.name, node.indices)
            else:
                return None
            reads.append(found)
            return len(reads) - 1

        page = self._page(equation, letters)
        marked = with_places(part, place)
        return tuple(reads), page.formula(page.latex(marked))

    def _touched(
        self, target: Place, read: Sequence[Place] | None
    ) -> tuple[tuple[Place, ...], tuple[Edge, ...]]:
        """Nodes and arrows of a computation. read: of a part, what it reads; None for all."""
        nodes = self.picture.nodes(target)
        edges = [e for node in nodes for e in self.picture.into(node)]
        if read is not None:
            edges = [e for e in edges if e.source in read or e.over]
        elif target.name not in self.picture.shown:
            read = [
                Place(r.name, r.indices)
                for equation in self.walk.trace.forward.equations_of(target.name)
                for r, _ in within(equation.expression)
            ]
            edges = [e for e in edges if e.source in read]
        sources = [e.source for e in edges if not e.over]
        return _once([*nodes, *sources]), tuple(edges)

    def _text(self, equation: Equation, part: Expression, path: Path) -> str:
        text = format_expression(part)
        return f"{equation.target} = {text}" if not path else text

    def _sentence(
        self,
        equation: Equation,
        part: Expression,
        phase: str,
        does: str,
        known: Sequence[Path],
        path: Path,
    ) -> Mapping[str, str]:
        target = sentences.node(equation.name, equation.target.indices)
        if isinstance(part, Call) and part.operation == "given":
            return sentences.said("given", target=target)
        reads = [
            sentences.node(r.name, r.indices)
            for r, over in within(part)
            if self._is_point(r) and not over
        ] or [sentences.node(r.name, ()) for r in references(part) if self._is_point(r)]
        if not reads:
            return sentences.said("constant", target=target)
        if isinstance(part, Reference):
            return sentences.said("copy", target=target, reads=sentences.listed(reads))
        assert isinstance(part, Call)
        row = OPERATIONS.get(part.operation)
        doc = row.doc.split(",")[0].split(";")[0].split(":")[0] if row else part.operation
        what = (doc, row.name.replace("_", " ") if row else part.operation)
        key = "loss" if phase == "loss" else "value" if does == "value" else "operation"
        return sentences.said(key, target=target, what=what, reads=sentences.listed(reads))

    def _back_sentence(
        self, of: Place, term: Expression, sources: Sequence[Place], seed: bool
    ) -> Mapping[str, str]:
        target = sentences.node(of.name, of.at)
        objective = (self.objective, self.objective)
        if seed:
            return sentences.said("seed", target=target, objective=objective)
        if not sources:
            reads = [
                sentences.node(r.name, r.indices) for r in references(term) if self._is_point(r)
            ]
            if not reads:
                return sentences.said("seed", target=target, objective=objective)
            return sentences.said(
                "local", target=target, objective=objective, reads=sentences.listed(reads)
            )
        factors = [r.name for r in references(term) if self.walk.whole.role(r.name) == "parameter"]
        came = sentences.listed([sentences.node(s.name, s.at) for s in sources])
        return sentences.said(
            "contribution",
            target=target,
            sources=came,
            through=sentences.through(list(dict.fromkeys(factors))),
        )


_MOST_NODES = 4


def _once(places: Sequence[Place]) -> tuple[Place, ...]:
    return tuple(dict.fromkeys(places))


def _operands(node: Call, path: Path) -> Iterator[tuple[Expression, Path]]:
    """The arguments of a call; those of a sum of sums as of one."""
    for i, argument in enumerate(node.arguments):
        nested = isinstance(argument, Call) and argument.operation == node.operation == "add"
        if nested:
            assert isinstance(argument, Call)
            yield from _operands(argument, (*path, i))
        else:
            yield argument, (*path, i)


def _is_work(node: Call) -> bool:
    """Whether a call makes new numbers from other values; a view, and a number, do not."""
    row = OPERATIONS.get(node.operation)
    return any(True for _ in references(node)) and (row is None or row.work is not None)


def paths_of(node: Expression, path: Path = ()) -> Iterator[Path]:
    """Where the terms of a sum are."""
    if isinstance(node, Call) and len(summands(node)) > 1:
        for i, argument in enumerate(node.arguments):
            yield from paths_of(argument, (*path, i))
    else:
        yield path


def at_path(node: Expression, path: Path) -> Expression:
    """The part of an expression at the end of a path."""
    for i in path:
        assert isinstance(node, Call)
        node = node.arguments[i]
    return node


def _joined(left: str, sign: str, right: str) -> str:
    """Two formulas with a sign between, as one."""
    inner = right.split(">", 1)[1].removesuffix("</math>")
    signs = "".join(f"<mo>{s}</mo>" for s in sign)
    return f"{left.removesuffix('</math>')}{signs}{inner}</math>"
