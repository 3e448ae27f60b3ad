"""Which product is meant where none is written: rule 7 of the notation."""

from __future__ import annotations

from dataclasses import dataclass

from unroll.errors import Span, UnrollError
from unroll.language.indices import is_matrix
from unroll.language.scanner import GREEK
from unroll.symbolic.expressions import Call, Constant, Expression, Reference, call
from unroll.symbolic.operations import OPERATIONS

BESIDE = "beside"  # a product that the whole text decides: `scalars`
_MATRICES = frozenset({"diag", "outer", "identity", "inv"})


@dataclass(frozen=True, slots=True)
class Product:
    """Factors side by side; signs[i]: a dot stands before factor i."""

    factors: tuple[Expression, ...]
    signs: tuple[bool, ...]

    def fold(self, so_far: Expression | None = None) -> Expression:
        """The product as calls from the left; so_far: what the first factor was replaced by."""
        result = self.factors[0] if so_far is None else so_far
        scaled = False  # a matrix, with nothing but scalars behind it
        for before, factor, signed in zip(self.factors, self.factors[1:], self.signs[1:]):
            scaled = matrix(before) or (scaled and _scale(before))
            if not signed and _word(before) and _word(factor):
                raise _prose(before, factor)
            span = merge(result.span, factor.span)
            if not signed and _vector(before) and _vector(factor):
                result = Call(BESIDE, (result, factor), span=span)
                continue
            last = factor is self.factors[-1]
            matmul = _is_matmul(before, factor) or (scaled and not isinstance(factor, Constant))
            matmul = matmul and (last or not _scale(factor))  # K Δt e: first the scale
            operation = "matmul" if matmul else "multiply"
            result = Call(operation, (result, factor), span=span)
        return result


def merge(first: Span | None, last: Span | None) -> Span | None:
    """The span from one to the other, where both stand on one line."""
    if first is None or last is None:
        return first or last
    if first.line != last.line or last.column < first.column:
        return first
    return Span(first.line, first.column, last.column + last.width - first.column)


def _is_matmul(left: Expression, right: Expression) -> bool:
    if isinstance(left, Constant) or isinstance(right, Constant):
        return False
    if matrix(left) or _transposed(right):
        return True
    bare = isinstance(right, Reference) and not right.indices and is_matrix(right.name)
    scales = isinstance(left, Reference) and not left.indices
    return bare and not scales


def matrix(node: Expression) -> bool:
    """Whether an expression is a matrix by the look of it: capitals, transposes, sums of them."""
    while True:
        if isinstance(node, Reference):
            return is_matrix(node.name)
        if isinstance(node, Constant) or not node.arguments:
            return False
        if _transposed(node) or node.operation in _MATRICES:
            return True
        row = OPERATIONS.get(node.operation)
        if row is None or node.over is not None or row.reduces:
            return False
        if len(node.arguments) == 2 and row.infix and node.operation != "matmul":
            left, node = node.arguments
            if matrix_leaf(left):
                return True
        elif len(node.arguments) == 1 or node.operation == "matmul":
            node = node.arguments[-1]
        else:
            return False


def matrix_leaf(node: Expression) -> bool:
    """Whether the left operand of a sum or product shows a matrix, without a deep search."""
    for _ in range(200):
        if isinstance(node, Reference):
            return is_matrix(node.name)
        if isinstance(node, Constant) or not node.arguments:
            return False
        if _transposed(node):
            return True
        node = node.arguments[-1]
    return False


def _transposed(node: Expression) -> bool:
    return isinstance(node, Call) and node.operation == "transpose"


def _vector(node: Expression) -> bool:
    """An indexed lower-case name; Greek ones are mostly scalars."""
    return (
        isinstance(node, Reference)
        and bool(node.indices)
        and not is_matrix(node.name)
        and node.name.split("_")[0] not in GREEK
    )


def _scale(node: Expression) -> bool:
    """Whether a factor is a number by its look: a Greek letter, a difference like Δt."""
    if isinstance(node, Reference):
        return node.name.split("_")[0] in GREEK or node.name.startswith("Delta")
    return isinstance(node, Constant)


def _word(node: Expression) -> bool:
    """A bare name that looks like a word of a sentence."""
    if not isinstance(node, Reference) or node.indices or node.name in GREEK:
        return False
    return len(node.name) > 2 and node.name.isalpha() and node.name.islower()


def _prose(left: Expression, right: Expression) -> UnrollError:
    return UnrollError(
        f"{left} and {right} stand side by side, as in a sentence",
        remedy=f"Write {left} * {right} if they are variables; remarks begin with #.",
        span=merge(left.span, right.span),
    )


def undecided(left: Expression, right: Expression) -> UnrollError:
    return UnrollError(
        f"{left} and {right} stand side by side, and it is open which product is meant",
        remedy=f"Write {left} * {right} for the product entry by entry, "
        f"or {left}.T @ {right} for the inner product.",
        span=merge(left.span, right.span),
    )


@dataclass(frozen=True, slots=True)
class Norm:
    r"""`\|v\|` and `\|v\|_2`: the Euclidean norm; squared, the sum of squares.

    kind: `1` for the sum of the entries' sizes, `∞` for the largest of them, as in `\|v\|_1`.
    """

    argument: Expression
    span: Span | None
    kind: str = "2"

    @property
    def squared(self) -> Expression:
        if self.kind != "2":
            return Call("power", (self.fold(), Constant(2)), span=self.span)
        return Call("sum", (call("power", self.argument, 2),), span=self.span)

    def fold(self) -> Expression:
        if self.kind == "2":
            return Call("norm", (self.argument,), span=self.span)
        sizes = call("abs", self.argument)
        return Call("sum" if self.kind == "1" else "max", (sizes,), span=self.span)
