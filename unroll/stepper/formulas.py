"""Formulas of events: the equation as mathematics, the same with places for numbers, and as text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from unroll.language.lettering import Lettering
from unroll.language.mathml import Page, with_places
from unroll.language.printer import format_expression
from unroll.stepper.picture import Place
from unroll.stepper.sentences import Speaker
from unroll.stepper.tasks import Walk, summands
from unroll.symbolic.expressions import Call, Expression, Reference, references
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import GIVEN, Equation
from unroll.symbolic.shapes import shape_of

Path = tuple[int, ...]
Read = Place | Path  # a variable at indices, or a part that is computed already


@dataclass(frozen=True)
class Formula:
    """path: of the part that is shown; math: the equation; numbers: its right side with places for
    what it reads; text: canonical, with the left side where `whole`."""

    path: Path
    math: str
    numbers: str
    reads: tuple[Read, ...]
    text: str
    whole: bool


@dataclass(frozen=True)
class Formulas:
    """Writes the formulas of a run's events."""

    walk: Walk
    notation: str | Lettering = "book"
    objective: str = "L"  # as the picture writes it

    def letters(self, equation: Equation) -> tuple[str, ...]:
        return self.walk.whole.letters_of(equation)

    def formula(
        self,
        equation: Equation,
        path: Path = (),
        *,
        sign: str = "=",
        known: Collection[Path] = (),
        letters: Sequence[str] | None = None,
    ) -> Formula:
        """The formula of a part of an equation.

        sign: between the left side and the part; none without it. known: parts that are computed
        already; letters: that have numbers.
        """
        part = at_path(equation.expression, path)
        free = frozenset(self.letters(equation) if letters is None else letters)
        page = Page(free, self.notation, self.objective, self.scalars)
        text = format_expression(part)
        if part == GIVEN:
            left = page.reference(equation.name, equation.target.indices)
            here = Place(equation.name, equation.target.indices)
            value = page.formula(page.latex(with_places(equation.target, lambda node, path: 0)))
            return Formula(path, left, value, (here,), f"{equation.target} = {text}", True)
        reads: list[Read] = []

        def place(node: Expression, inner: Path) -> int | None:
            found = self._read(node, (*path, *inner), known, free)
            if found is None:
                return None
            reads.append(found)
            return len(reads) - 1

        marked = with_places(part, place, self._is_scalar)
        math = page.latex(part)
        if sign:
            math = f"{page.latex(equation.target)} {sign} {math}"
        whole = sign == "="
        if whole:
            text = f"{equation.target} = {text}"
        numbers, written = _compacted(page.formula(page.latex(marked)))
        read = tuple(reads[number] for number in written)
        return Formula(path, page.formula(math), numbers, read, text, whole)

    def speaker(
        self,
        equation: Equation,
        letters: Sequence[str] | None = None,
        known: Collection[Expression] = (),
    ) -> Speaker:
        """What speaks of an equation. letters: those that have numbers."""
        free = frozenset(self.letters(equation) if letters is None else letters)
        return Speaker(self.walk.whole, free, known, self._is_scalar)

    @cached_property
    def scalars(self) -> frozenset[str]:
        """Names that stand for a number at each step."""
        whole, shapes = self.walk.whole, self.walk.trace.shapes
        return frozenset(whole.letters) | whole.lengths | {n for n in shapes if shapes[n] == ()}

    def is_point(self, reference: Reference) -> bool:
        """Whether a reference is to a value, and not to a step's number or how many there are."""
        whole = self.walk.whole
        return reference.name not in whole.letters and reference.name not in whole.lengths

    def _is_scalar(self, node: Expression) -> bool:
        return shape_of(node, self.walk.trace.shapes).shape == ()

    def _read(
        self, node: Expression, path: Path, known: Collection[Path], free: frozenset[str]
    ) -> Read | None:
        if path in known:
            return path
        if not isinstance(node, Reference) or not self.is_point(node):
            return None
        bound = (i.base in self.walk.whole.letters and i.base not in free for i in node.indices)
        return None if any(bound) else Place(node.name, node.indices)


def _compacted(markup: str) -> tuple[str, list[int]]:
    """MathML with its places numbered from 0, and their numbers before: some operands are not written."""
    written = sorted({int(number) for number in _READ.findall(markup)})
    new = {str(number): i for i, number in enumerate(written)}
    return _READ.sub(lambda m: f'data-read="{new[m[1]]}"', markup), written


_READ = re.compile(r'data-read="(\d+)"')


def at_path(node: Expression, path: Path) -> Expression:
    """The part of an expression at the end of a path."""
    for i in path:
        assert isinstance(node, Call)
        node = node.arguments[i]
    return node


def summand_paths(node: Expression, path: Path = ()) -> Iterator[Path]:
    """Where the terms of a sum are, in the order of `tasks.summands`."""
    if isinstance(node, Call) and len(summands(node)) > 1:
        for i, argument in enumerate(node.arguments):
            yield from summand_paths(argument, (*path, i))
    else:
        yield path


def work_paths(node: Expression, path: Path = ()) -> Iterator[Path]:
    """Paths of the operations that are events of their own, innermost first; the whole last.

    A sum of sums is one operation; what makes no new numbers (a view, a size) and what a reduction
    binds are none.
    """
    if isinstance(node, Call) and node.bound is None:
        for inner, at in _operands(node, path):
            if isinstance(inner, Call):
                below = list(work_paths(inner, at))
                yield from below if _is_work(inner) else below[:-1]
    yield path


def _operands(node: Call, path: Path) -> Iterator[tuple[Expression, Path]]:
    """The arguments of a call; those of a sum of sums as of one."""
    for i, argument in enumerate(node.arguments):
        chain = isinstance(argument, Call) and len(summands(argument)) > 1
        if chain and isinstance(argument, Call) and len(summands(node)) > 1:
            yield from _operands(argument, (*path, i))
        else:
            yield argument, (*path, i)


def _is_work(node: Call) -> bool:
    """Whether a call makes new numbers from values."""
    row = OPERATIONS.get(node.operation)
    return any(True for _ in references(node)) and (row is None or row.work is not None)


def nearest(known: Sequence[Path], path: Path) -> tuple[Path, ...]:
    """Of paths those below one, without what is below them."""
    inside = [p for p in known if p != path and p[: len(path)] == path]
    return tuple(p for p in inside if not any(q != p and p[: len(q)] == q for q in inside))
