"""The derivation as text and as LaTeX: every gradient by the chain rule, and worked out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from unroll.language.latex import (
    expression_latex,
    index_latex,
    name_latex,
    range_latex,
    reference_latex,
)
from unroll.language.lettering import Lettering, hand_of
from unroll.language.printer import format_equation
from unroll.symbolic.adjoint import Adjoint
from unroll.symbolic.derivation import Line, Through, letter, lines
from unroll.symbolic.expressions import (
    Call,
    Expression,
    Index,
    Range,
    Reference,
    rebuild,
    references,
)
from unroll.symbolic.operations import DIAGONAL, OPERATIONS
from unroll.symbolic.shapes import shape_of
from unroll.symbolic.simplification import signed_terms

LINE = 50  # letters on a line of LaTeX
Term = tuple[int, str]  # sign and LaTeX


@dataclass(frozen=True)
class Derivation:
    """The BPTT equations of a recurrence.

    `str()` gives canonical text, which parses again; in a notebook they show as mathematics.
    adjoint: where they come from; letter: how the objective is written; lines: one a case.
    """

    adjoint: Adjoint
    letter: str
    lines: tuple[Line, ...]

    def __str__(self) -> str:
        axes = self.adjoint.recurrence.axes
        texts = [format_equation(line.equation, axes) for line in self.lines]
        width = max(len(text) for text in texts)
        about = f"# gradients of {self.adjoint.objective}, from the last step back to the first"
        rows = [
            f"{text:{width}}  # ({line.book})" if line.book else text
            for text, line in zip(texts, self.lines)
        ]
        return "\n".join([about, *rows])

    __repr__ = __str__

    def latex(self, notation: str | Lettering = "book") -> str:
        """An `align*` environment (amsmath): chain rule, result, range, number in the book.

        notation: `book` (h^{(t)}), `subscript`, `angle`, `brackets`, or a lettering.
        """
        hand = hand_of(notation)
        body = " \\\\\n".join(self._latex(line, hand) for line in self.lines)
        return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"

    def _repr_latex_(self) -> str:
        return self.latex()

    # --- one line ---------------------------------------------------------------

    def _latex(self, line: Line, notation: Lettering) -> str:
        target = self._gradient(line.equation.target, notation)
        terms = signed_terms(line.equation.expression)
        values = [(sign, self._value(term, notation)) for sign, term in terms]
        chain = [(1, self._path(p, notation)) for p in self._paths(line)]
        numbers = [n.strip() for n in line.book.split(",")] if line.book else []
        where = _range_latex(line, notation)
        apart = len(numbers) > 1 or _width(chain) + _width(values) > LINE
        if not chain:
            return f"{target} &= {_sum(values)}{where}{_tag(numbers)}"
        if apart:
            first, rest = numbers[: len(numbers) > 1], numbers[len(numbers) > 1 :]
            head = f"{target} &= {_sum(chain)}{_tag(first)}"
            return f"{head} \\\\\n&= {_sum(values)}{where}{_tag(rest)}"
        return f"{target} &= {_sum(chain)} = {_sum(values)}{where}{_tag(numbers)}"

    def _gradient(self, reference: Reference, notation: Lettering) -> str:
        """`\\nabla_{h^{(t)}} L`, and for a number `\\frac{\\partial L}{\\partial L^{(t)}}`."""
        of = self._of(reference.name)
        if of is None or self.adjoint.shapes[of]:
            return reference_latex(reference, notation, objective=self.letter)
        return self._partial(Reference(of, reference.indices), notation)

    def _partial(self, reference: Reference, notation: Lettering) -> str:
        below = reference_latex(reference, notation, objective=self.letter)
        return (
            rf"\frac{{\partial {name_latex(self.letter, notation=notation)}}}{{\partial {below}}}"
        )

    def _of(self, name: str) -> str | None:
        """Whose gradient a name is."""
        return next((n for n, g in self.adjoint.gradients.items() if g == name), None)

    def _value(self, expression: Expression, notation: Lettering) -> str:
        """The result, elementwise products with a gradient as the book's diagonal matrices."""
        shapes = self.adjoint.shapes
        scalars = frozenset(n for n, s in shapes.items() if not s)

        def change(node: Expression) -> Expression:
            row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
            if row is None or not row.product or {c.signature for c in row.cases} != {"*,*->*"}:
                return node
            assert isinstance(node, Call)
            factor, gradient = node.arguments
            if self._moves(factor) and not self._moves(gradient):
                factor, gradient = gradient, factor
            vectors = all(len(shape_of(a, shapes).shape) == 1 for a in (factor, gradient))
            if not vectors or self._moves(factor) or not self._moves(gradient):
                return node
            return Call(DIAGONAL.name, (factor,)) @ gradient

        return expression_latex(
            rebuild(expression, change), notation, objective=self.letter, scalars=scalars
        )

    def _moves(self, node: Expression) -> bool:
        """Whether a gradient stands in an expression."""
        return any(self._of(r.name) is not None for r in references(node))

    # --- the chain rule -----------------------------------------------------------

    def _paths(self, line: Line) -> tuple[Through, ...]:
        """By which variables a name acts on the objective; none where it is the total's own term."""
        direct = [p for p in line.paths if p.target.name == self.adjoint.objective]
        return () if direct and not direct[0].target.indices else line.paths

    def _path(self, path: Through, notation: Lettering) -> str:
        shapes = self.adjoint.shapes
        over = rf"\sum_{{{', '.join(map(notation.name, path.over))}}} " if path.over else ""
        source, target = path.source, path.target
        if path.over and not source.indices:  # the book's copy of a parameter, used at one step
            source = replace(source, indices=tuple(map(Index, path.over)))
        below = reference_latex(source, notation)
        above = reference_latex(target, notation)
        if not shapes[target.name]:
            outer = self._partial(target, notation)
            if not shapes[source.name]:
                return rf"{over}{outer} \frac{{\partial {above}}}{{\partial {below}}}"
            return rf"{over}{outer} \nabla_{{{below}}} {above}"
        gradient = reference_latex(
            Reference(self.adjoint.gradients[target.name], target.indices),
            notation,
            objective=self.letter,
        )
        if len(shapes[source.name]) == 2:
            entry = _entry(target, notation)
            partial = rf"\frac{{\partial {name_latex(self.letter, notation=notation)}}}{{\partial {entry}}}"
            return rf"{over}\sum_i {partial} \nabla_{{{below}}} {entry}"
        jacobian = rf"\left(\frac{{\partial {above}}}{{\partial {below}}}\right)^{{\top}}"
        return rf"{over}{jacobian} {gradient}"


def derive(adjoint: Adjoint, book: Mapping[str, str] | None = None) -> Derivation:
    """The derivation of an adjoint; book: equation numbers by line, as in `{"h[tau]": "10.19"}`."""
    return Derivation(adjoint, letter(adjoint), lines(adjoint, book))


def _width(terms: list[Term]) -> int:
    """How wide some LaTeX comes out, in letters: commands, braces and scripts take little."""
    return sum(len(re.sub(r"\\[a-z]+|[{}^_ ]", "", text)) + 3 for _, text in terms)


def _sum(terms: list[Term]) -> str:
    """Terms with their signs, in several lines where one would be too wide."""
    out = ""
    row: list[Term] = []
    for term in terms:
        if row and _width([*row, term]) > LINE:
            out += " \\\\\n&\\quad"
            row = []
        row.append(term)
        sign, text = term
        out += f" {'+' if sign > 0 else '-'} {text}" if out else f"{'-' if sign < 0 else ''}{text}"
    return out


def _entry(reference: Reference, notation: Lettering) -> str:
    """Entry i of a vector, a number and so not bold: `h_i^{(t)}`."""
    notation = replace(notation, bold=notation.bold - {reference.name})
    bare = name_latex(reference.name, notation=notation)
    if notation.index == "subscript":
        whole = reference_latex(reference, notation)
        return whole[:-1] + ",i}" if whole.endswith("}") else f"{whole[:-2]}_{{{whole[-1]},i}}"
    whole = reference_latex(reference, notation)
    return f"{{{bare}}}_i{whole.removeprefix(bare)}" if whole.startswith(bare) else f"({whole})_i"


def _tag(numbers: list[str]) -> str:
    return rf" \tag*{{({', '.join(numbers)})}}" if numbers else ""


def _range_latex(line: Line, notation: Lettering) -> str:
    """Where a case holds: `t < \\tau`, or its first and last step in the order of the pass."""
    ranges = [r for r in line.equation.ranges if not r.is_whole]
    return "".join(_one_range(line, notation.range(r)) for r in ranges)


def _one_range(line: Line, within: Range) -> str:
    start, stop, axis = within.start, within.stop, within.axis
    if start is None or stop is None:
        return rf", \quad {range_latex(within)}"
    if start == Index("", 1) and stop.base:
        return rf", \quad {axis} < {index_latex(stop.shift(1))}"
    if line.ascending:
        return rf", \quad {axis} = {index_latex(start)}, \dots, {index_latex(stop)}"
    return rf", \quad {axis} = {index_latex(stop)}, \dots, {index_latex(start)}"
