"""What the grammar's rules make: called bottom up as the parser reduces, so nothing recurses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from unroll.errors import Span, UnrollError
from unroll.language.products import Norm, Product, matrix, merge
from unroll.symbolic.expressions import Call, Constant, Expression, Reference
from unroll.symbolic.operations import ALIASES, OPERATIONS
from unroll.symbolic.recurrence import GIVEN

JOIN = "concat"
WITHIN, MEMBER = "within", "in"  # where a letter runs, among arguments until `reductions` reads it
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_LOGARITHM = re.compile("log_[0-9]+")
LOOKUPS = {row.brackets: name for name, row in OPERATIONS.items() if row.brackets}
INFIX = {row.infix: name for name, row in OPERATIONS.items() if row.infix and row.arity == (2, 2)}


@dataclass(frozen=True, slots=True)
class Bound:
    """One condition on an axis letter: `letter sign value`."""

    letter: Reference
    sign: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Definition:
    """`target = expression`, where all the bounds hold."""

    target: Reference
    expression: Expression
    bounds: tuple[Bound, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """`axis = first..last`."""

    axis: Reference
    first: Expression
    last: Expression


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """`name(arguments) = expression`."""

    name: str
    arguments: tuple[Expression, ...]
    expression: Expression
    span: Span | None


@dataclass(frozen=True, slots=True)
class Joined:
    """Elements in square brackets: one alone is itself, several are joined."""

    elements: tuple[Expression, ...]
    span: Span | None

    def fold(self) -> Expression:
        if len(self.elements) == 1:
            return self.elements[0]
        return Call(JOIN, self.elements, span=self.span)


class Building:
    """One method for each rule of the grammar; each gets the children, tokens included."""

    # --- statements -----------------------------------------------------------------

    def equation(self, children: Sequence[Any]) -> Definition:
        target, _, value, bounds = children
        return Definition(target.value, plain(value), bounds)

    def function_definition(self, children: Sequence[Any]) -> FunctionDefinition:
        name, _, arguments, _, _, value = children
        given = tuple(plain(a) for a in arguments)
        return FunctionDefinition(name.value, given, plain(value), name.span)

    def axis(self, children: Sequence[Any]) -> Declaration:
        name, _, first, _, last = children
        return Declaration(name.value, plain(first), plain(last))

    def ranges(self, children: Sequence[Any]) -> tuple[Bound, ...]:
        return tuple(b for child in children if isinstance(child, tuple) for b in child)

    def from_to(self, children: Sequence[Any]) -> tuple[Bound, ...]:
        name, _, first, _, last = children
        return Bound(name.value, ">=", plain(first)), Bound(name.value, "<=", plain(last))

    def inside(self, children: Sequence[Any]) -> tuple[Bound, ...]:
        name, _, where = children
        return (Bound(name.value, MEMBER, plain(where)),)

    def only(self, children: Sequence[Any]) -> tuple[Bound, ...]:
        name, _, value = children
        return (Bound(name.value, "==", plain(value)),)

    def bounded(self, children: Sequence[Any]) -> tuple[Bound, ...]:
        name, sign, value = children
        return (Bound(name.value, sign.value, plain(value)),)

    def between(self, children: Sequence[Any]) -> tuple[Bound, ...]:
        first, low, name, high, last = children
        return (
            Bound(name.value, _TURNED.get(low.value, low.value), plain(first)),
            Bound(name.value, high.value, plain(last)),
        )

    def chain(self, children: Sequence[Any]) -> tuple[Bound, ...]:
        first, low, middle, high, last = children
        letter = plain(middle)
        if not isinstance(letter, Reference):
            raise UnrollError(
                "two comparisons stand in a row",
                remedy="Write their product: (a < b) * (b < c).",
                span=letter.span,
            )
        return (
            Bound(letter, _TURNED.get(low.value, low.value), plain(first)),
            Bound(letter, high.value, plain(last)),
        )

    def whole(self, children: Sequence[Any]) -> tuple[Bound, ...]:
        return (Bound(children[0].value, "", Constant(0)),)

    # --- operators ------------------------------------------------------------------

    def infix(self, children: Sequence[Any]) -> Expression:
        left, sign, right = children
        name = INFIX[sign.value]
        if name == INFIX["/"] and isinstance(right, Product):
            return _quotient(plain(left), right)
        if isinstance(left, Norm) and name == INFIX["**"] and right == Constant(2):
            return left.squared
        left, right = plain(left), plain(right)
        operands: tuple[Expression, ...] = (left, right)
        if name == INFIX["**"]:
            name, operands = _power(left, right)
        return Call(name, operands, span=merge(left.span, right.span))

    comparison = infix

    def outer(self, children: Sequence[Any]) -> Expression:
        left, right = plain(children[0]), plain(children[2])
        return Call("outer", (left, right), span=merge(left.span, right.span))

    def negative(self, children: Sequence[Any]) -> Expression:
        value = plain(children[1])
        span = merge(children[0].span, value.span)
        if isinstance(value, Constant):
            return Constant(-value.value, span)
        return Call("negative", (value,), span=span)

    def positive(self, children: Sequence[Any]) -> Expression:
        return plain(children[1])

    def side_by_side(self, children: Sequence[Any]) -> Product:
        left, factor = children[0], plain(children[-1])
        if not isinstance(left, Product):
            left = Product((plain(left),), (False,))
        return Product((*left.factors, factor), (*left.signs, len(children) == 3))

    def postfix(self, children: Sequence[Any]) -> Expression:
        value = plain(children[0])
        return Call("transpose", (value,), span=merge(value.span, children[1].span))

    # --- entries --------------------------------------------------------------------

    def lookup(self, children: Sequence[Any]) -> Expression:
        value, (brackets, *places), end = plain(children[0]), children[2], children[3]
        span = merge(value.span, end.span)
        return Call(LOOKUPS[brackets], (value, *places), span=span)

    def entry(self, children: Sequence[Any]) -> tuple[Any, ...]:
        return "{1}", plain(children[0])

    def entries(self, children: Sequence[Any]) -> tuple[Any, ...]:
        return "{1}:{2}", plain(children[0]), plain(children[2])

    def row(self, children: Sequence[Any]) -> tuple[Any, ...]:
        return "{1}, :", plain(children[0])

    def column(self, children: Sequence[Any]) -> tuple[Any, ...]:
        return ":, {1}", plain(children[2])

    # --- atoms ----------------------------------------------------------------------

    def value(self, children: Sequence[Any]) -> Expression:
        value: Expression = children[0].value
        if value == Reference(GIVEN.operation):
            return replace(GIVEN, span=value.span)
        return value

    def bracket(self, children: Sequence[Any]) -> Expression:
        return plain(children[1])

    def concatenation(self, children: Sequence[Any]) -> Joined:
        elements = tuple(plain(element) for element in children[1])
        return Joined(elements, merge(children[0].span, children[2].span))

    def size(self, children: Sequence[Any]) -> Expression:
        return Call("abs", (plain(children[1]),), span=merge(children[0].span, children[2].span))

    def norm(self, children: Sequence[Any]) -> Norm:
        span = merge(children[0].span, children[2].span)
        return Norm(plain(children[1]), span, children[2].value)

    # --- functions ------------------------------------------------------------------

    def call(self, children: Sequence[Any]) -> Expression:
        name, _, arguments, end = children
        if ALIASES.get(name.value, name.value) == JOIN and len(arguments) == 1:
            (joined,) = arguments  # concat([a, b])
            arguments = joined.elements if isinstance(joined, Joined) else arguments
        values = tuple(plain(a) for a in arguments)
        return _called(name.value, values, merge(name.span, end.span))

    def prefix(self, children: Sequence[Any]) -> Expression:
        name, *sign, value = children
        argument = plain(value)
        if sign:
            argument = self.negative((sign[0], argument))
        return _called(name.value, (argument,), merge(name.span, argument.span))

    def sum_sign(self, children: Sequence[Any]) -> Expression:
        sign, body = children[0], plain(children[1])
        reduction: Call = sign.value
        if reduction.arguments:  # over all letters but one
            unequal = Call("not_equal", reduction.arguments, span=sign.span)
            body = Call("where", (unequal, body, Constant(0)), span=merge(sign.span, body.span))
        return replace(reduction, arguments=(body,), span=merge(sign.span, body.span))

    def reduction(self, children: Sequence[Any]) -> Expression:
        return self.sum_sign((children[0], children[2]))

    def arguments(self, children: Sequence[Any]) -> list[Any]:
        return [_argument(c) for c in children if not _is_comma(c)]

    elements = arguments


def plain(value: Any) -> Expression:
    """An expression; factors side by side become their product, bars a norm."""
    result: Expression = value.fold() if isinstance(value, (Product, Norm, Joined)) else value
    return result


def _argument(value: Any) -> Any:
    """An argument; where a letter runs is a call that `reductions` settles."""
    if isinstance(value, Joined):
        return value
    if not isinstance(value, tuple):
        return plain(value)
    bounds = [Call(b.sign, (b.letter, b.value), span=b.letter.span) for b in value]
    return Call(WITHIN, tuple(bounds), span=bounds[0].span)


def _is_comma(child: Any) -> bool:
    return getattr(child, "type", None) == "COMMA"


def _called(name: str, arguments: tuple[Expression, ...], span: Span | None) -> Expression:
    name, _, exponent = name.partition("^")
    if exponent:  # tanh^2(x)
        return Call("power", (_called(name, arguments, span), Constant(int(exponent))), span=span)
    name, _, base = name.partition("_") if _LOGARITHM.fullmatch(name) else (name, "", "")
    if base:  # log_2(x)
        natural = Call("log", (Constant(int(base)),), span=span)
        return Call("divide", (_called(name, arguments, span), natural), span=span)
    name = ALIASES.get(name, name)
    row = OPERATIONS.get(name)
    if row is None:
        return GIVEN if name == GIVEN.operation else Call(name, arguments, span=span)
    return Call(name, arguments, span=span)


def _quotient(left: Expression, right: Product) -> Expression:
    """`1/2 x` is half of x; `a / b c` could be either."""
    first = right.factors[0]
    if isinstance(first, Constant) and right.signs[1]:  # a/2 · b
        return right.fold(Call("divide", (left, first), span=merge(left.span, first.span)))
    if isinstance(left, Constant) and isinstance(first, Constant):
        half = Call("divide", (left, first), span=merge(left.span, first.span))
        return right.fold(half)
    raise UnrollError(
        "it is open how far this division goes",
        remedy="Write a / (b * c), or (a / b) * c.",
        span=merge(left.span, right.factors[-1].span),
    )


def _power(base: Expression, exponent: Expression) -> tuple[str, tuple[Expression, ...]]:
    """A power; of a matrix with the exponent -1 its inverse (shapes decide what is a matrix)."""
    inverse = isinstance(exponent, Constant) and exponent.value == -1
    if inverse and matrix(base):
        return "inv", (base,)
    return INFIX["**"], (base, exponent)
