"""Which variables are numbers, by what the text says of them; it decides a product of two names.

Two indexed names side by side, `e_t x_t`, could be multiplied entry by entry or summed up (rule 7).
Where one of them is a number there is but one product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

from unroll.language.building import Definition
from unroll.language.indices import is_matrix
from unroll.language.products import BESIDE, undecided
from unroll.language.scanner import GREEK
from unroll.language.survey import Survey
from unroll.symbolic.expressions import (
    Call,
    Constant,
    Expression,
    Reference,
    letters,
    references,
    walk,
)
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import LAYERS

_NUMBERS = frozenset({"norm", "dot", "trace"})  # what these answer is a number
_SUMS = frozenset({"add", "subtract"})
_PRODUCTS = frozenset({"multiply", "divide", "power", "matmul", BESIDE})


def products(definitions: Sequence[Definition], survey: Survey) -> list[Definition]:
    """The definitions with their products of two names decided. Raises UnrollError on an open one."""
    if not any(_besides(d.expression) for d in definitions):
        return list(definitions)
    numbers = _numbers(definitions, survey)

    def decided(node: Expression, bound: Set[str]) -> Expression:
        if not isinstance(node, Call):
            return node
        inner = bound | {node.over} if node.over else bound
        node = replace(node, arguments=tuple(decided(a, inner) for a in node.arguments))
        if node.operation != BESIDE:
            return node
        left, right = (_last(a) for a in node.arguments)
        summed = letters(left) & letters(right) & bound
        if not summed and not {left.name, right.name} & numbers:
            raise undecided(left, right)
        return replace(node, operation="multiply")

    return [replace(d, expression=decided(d.expression, frozenset())) for d in definitions]


def _besides(node: Expression) -> Iterator[Call]:
    return (p for p in walk(node) if isinstance(p, Call) and p.operation == BESIDE)


def _last(node: Expression) -> Reference:
    """The last factor of a product, which stands beside what follows."""
    while isinstance(node, Call):
        node = node.arguments[-1]
    assert isinstance(node, Reference)
    return node


def _numbers(definitions: Sequence[Definition], survey: Survey) -> Set[str]:
    """Names of numbers: with entries' indices, set in light where vectors are bold, given a
    number as a value, or computed as one."""
    found = {r.name for d in definitions for r in _all(d) if _is_entry(r)}
    found |= {d.target.name for d in definitions if _is_value(d.expression)}
    if survey.bold:
        found |= {r.name for d in definitions for r in _all(d) if r.indices} - survey.bold
    while True:
        more = {d.target.name for d in definitions if _is_number(d.expression, found)} - found
        if not more:
            return found
        found |= more


def _all(definition: Definition) -> Iterator[Reference]:
    yield definition.target
    yield from references(definition.expression)


def _is_entry(reference: Reference) -> bool:
    """Whether several letters index a name, `a_{ij}`; those of layers index vectors."""
    bases = {i.base for i in reference.indices if len(i.base) == 1}
    return len(bases - LAYERS) > 1 and not is_matrix(reference.name)


def _is_value(node: Expression) -> bool:
    return isinstance(node, Constant) and node.value != 0


def _is_number(node: Expression, numbers: Set[str]) -> bool:
    """Whether an expression is surely a number."""
    if isinstance(node, Constant):
        return False
    if isinstance(node, Reference):
        return node.name in numbers
    row = OPERATIONS.get(node.operation)
    counts = row is not None and (row.loss or row.reduces or row.name in _NUMBERS)
    if row is not None and counts and node.over is None and not row.keeps:
        return True
    if node.operation == "matmul" and _is_row(node.arguments[0]) and _is_column(node.arguments[1]):
        return True
    shown = [a for a in node.arguments if not isinstance(a, Constant)]
    if node.operation == "where":
        shown = shown[-1:]
    if node.operation in _PRODUCTS:
        shown = [a for a in shown if not _is_factor(a)]
        return bool(shown) and all(_is_number(a, numbers) for a in shown)
    elementwise = row is not None and row.cases and row.cases[0].signature.startswith("*")
    if node.operation in _SUMS or node.over is not None or elementwise:
        return any(_is_number(a, numbers) for a in shown)
    return row is None and bool(shown) and all(_is_number(a, numbers) for a in shown)


def _is_factor(node: Expression) -> bool:
    """A Greek letter without an index, which scales what it stands with."""
    return isinstance(node, Reference) and not node.indices and node.name.split("_")[0] in GREEK


def _is_row(node: Expression) -> bool:
    """A transposed vector, or one times matrices."""
    while isinstance(node, Call) and node.operation == "matmul":
        node = node.arguments[0]
    return (
        isinstance(node, Call) and node.operation == "transpose" and _is_column(node.arguments[0])
    )


def _is_column(node: Expression) -> bool:
    """A vector by its look: a lower-case name, or what is computed of one."""
    while isinstance(node, Call):
        if node.operation == "transpose" or not node.arguments:
            return False
        node = node.arguments[-1]
    return isinstance(node, Reference) and not is_matrix(node.name)
