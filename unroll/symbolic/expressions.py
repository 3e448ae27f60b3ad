"""Expressions: frozen values, compared by what they say and not by where they were written.

An expression is a constant, a reference (a name with its indices) or a call. A call holds only
the *name* of its operation, so that this module needs no table; a name that the table of
operations does not know is an opaque function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Union

from unroll.errors import Span


@dataclass(frozen=True, slots=True)
class Index:
    """`base + offset`: base is an axis letter (`t-1`), an axis' length (`tau`) or "" (a number)."""

    base: str
    offset: int = 0

    def __str__(self) -> str:
        if not self.base:
            return str(self.offset)
        return self.base + (f"{self.offset:+d}" if self.offset else "")

    def shift(self, by: int) -> Index:
        return Index(self.base, self.offset + by)


class Operators:
    """Arithmetic that builds expressions, so that gradient rules read like formulas."""

    __slots__ = ()

    def __add__(self, other: Operand) -> Call:
        return call("add", self, other)

    def __radd__(self, other: Operand) -> Call:
        return call("add", other, self)

    def __sub__(self, other: Operand) -> Call:
        return call("subtract", self, other)

    def __rsub__(self, other: Operand) -> Call:
        return call("subtract", other, self)

    def __mul__(self, other: Operand) -> Call:
        return call("multiply", self, other)

    def __rmul__(self, other: Operand) -> Call:
        return call("multiply", other, self)

    def __truediv__(self, other: Operand) -> Call:
        return call("divide", self, other)

    def __rtruediv__(self, other: Operand) -> Call:
        return call("divide", other, self)

    def __pow__(self, other: Operand) -> Call:
        return call("power", self, other)

    def __matmul__(self, other: Operand) -> Call:
        return call("matmul", self, other)

    def __neg__(self) -> Call:
        return call("negative", self)

    @property
    def T(self) -> Call:
        return call("transpose", self)


@dataclass(frozen=True, slots=True)
class Constant(Operators):
    """A number. `1` and `1.0` are the same constant."""

    value: float
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reference(Operators):
    """A name with one index per axis it lives on; none for a parameter."""

    name: str
    indices: tuple[Index, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.name + (f"[{', '.join(map(str, self.indices))}]" if self.indices else "")


@dataclass(frozen=True, slots=True, eq=False)
class Call(Operators):
    """An operation (or opaque function) applied to arguments.

    over: the axis that a reduction binds, as in `sum(L[t], t)`; None for anything else.
    The hash is kept, because deep expressions are looked up again and again.
    """

    operation: str
    arguments: tuple[Expression, ...]
    over: str | None = None
    span: Span | None = field(default=None, compare=False, repr=False)
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.operation, self.arguments, self.over)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Call) or self._hash != other._hash:
            return False
        mine, theirs = (self.operation, self.over), (other.operation, other.over)
        return mine == theirs and self.arguments == other.arguments


@dataclass(frozen=True, slots=True)
class Function:
    """The definition of an opaque function: `name(*parameters) = expression`."""

    name: str
    parameters: tuple[str, ...]
    expression: Expression


Expression = Union[Constant, Reference, Call]
Operand = Union[Operators, float, int]


def expression(value: Operand) -> Expression:
    """A number as a constant; an expression as itself."""
    if isinstance(value, (Constant, Reference, Call)):
        return value
    assert isinstance(value, (int, float))
    return Constant(value)


def call(operation: str, *arguments: Operand, over: str | None = None) -> Call:
    """`Call`, with plain numbers allowed among the arguments."""
    return Call(operation, tuple(expression(a) for a in arguments), over)


ZERO = Constant(0)
ONE = Constant(1)


def walk(node: Expression) -> Iterator[Expression]:
    """The expression and everything inside it, outermost first, left to right."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, Call):
            stack.extend(reversed(current.arguments))


def references(node: Expression) -> Iterator[Reference]:
    """All references in the expression, left to right, repeats included."""
    return (n for n in walk(node) if isinstance(n, Reference))


def rebuild(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The expression with `change` applied to every part of it, innermost first."""
    if isinstance(node, Call):
        arguments = tuple(rebuild(a, change) for a in node.arguments)
        if any(new is not old for new, old in zip(arguments, node.arguments)):
            node = replace(node, arguments=arguments)
    return change(node)


def substitute(node: Expression, values: Callable[[Reference], Expression | None]) -> Expression:
    """The expression with each reference replaced by `values(reference)`, where that is not None."""

    def change(part: Expression) -> Expression:
        new = values(part) if isinstance(part, Reference) else None
        return part if new is None else new

    return rebuild(node, change)


def reindex(node: Expression, axis: str, to: Index) -> Expression:
    """The expression with the free `axis` set to `to`: `t` := `t+1`, or `t` := `tau`.

    An index that a reduction binds stays as it is.
    """
    if isinstance(node, Reference):
        if not any(i.base == axis for i in node.indices):
            return node
        indices = tuple(to.shift(i.offset) if i.base == axis else i for i in node.indices)
        return replace(node, indices=indices)
    if isinstance(node, Call) and node.over != axis:
        return replace(node, arguments=tuple(reindex(a, axis, to) for a in node.arguments))
    return node
