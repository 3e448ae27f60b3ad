"""Expressions: frozen values, compared by what they say and not by where they were written.

An expression is a constant, a reference (a name with its indices) or a call. A call holds only
the *name* of its operation, so that this module needs no table; a name that the table of
operations does not know is an opaque function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Union

from unroll.errors import Span


@dataclass(frozen=True, slots=True)
class Index:
    """`base + offset`: base is an axis letter (`t-1`), an axis' length (`tau`) or "" (a number).

    via: on a tree, the neighbour of the node `base` that is meant, as in `left(n)`; it has no offset.
    """

    base: str
    offset: int = 0
    via: str = ""

    def __str__(self) -> str:
        if self.via:
            return f"{self.via}({self.base})"
        if not self.base:
            return str(self.offset)
        return self.base + (f"{self.offset:+d}" if self.offset else "")

    def shift(self, by: int) -> Index:
        assert not (self.via and by)
        return Index(self.base, self.offset + by, self.via)

    def at(self, places: Mapping[str, Index]) -> Index:
        """The index with its letter put at another place: `t-1` at t := `t+1` is `t`."""
        to = places.get(self.base) if self.base else None
        if to is None:
            return self
        if self.via:
            assert not to.via, "a neighbour of a neighbour"
            assert not to.offset
            return Index(to.base, 0, self.via)
        return to.shift(self.offset)


@dataclass(frozen=True, slots=True)
class Range:
    """Where an axis letter runs: from `start` to `stop` (None: as far as the axis goes).

    parent: on a tree, the node whose children these are: `k in children(n)`.
    """

    axis: str
    start: Index | None = None
    stop: Index | None = None
    parent: Index | None = None

    @property
    def is_whole(self) -> bool:
        return self.start is None and self.stop is None and self.parent is None

    @property
    def ends(self) -> tuple[Index, ...]:
        """The indices that say where it runs."""
        return tuple(i for i in (self.start, self.stop, self.parent) if i is not None)

    @property
    def specificity(self) -> int:
        """0 for the whole axis, 1 for a part of it, 2 for one point."""
        if self.is_whole:
            return 0
        return 2 if self.start is not None and self.start == self.stop else 1

    def at(self, places: Mapping[str, Index]) -> Range:
        """The range with the letters of its ends put at other places."""
        ends = (None if i is None else i.at(places) for i in (self.start, self.stop, self.parent))
        return Range(self.axis, *ends)


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
    limits: where that axis letter runs, as in `sum(y[s], s < t)`; None for the whole axis.
    The hash is kept, because deep expressions are looked up again and again.
    """

    operation: str
    arguments: tuple[Expression, ...]
    over: str | None = None
    span: Span | None = field(default=None, compare=False, repr=False)
    limits: Range | None = None
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        key = (self.operation, self.arguments, self.over, self.limits)
        object.__setattr__(self, "_hash", hash(key))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Call) or self._hash != other._hash:
            return False
        mine = (self.operation, self.over, self.limits)
        theirs = (other.operation, other.over, other.limits)
        return mine == theirs and self.arguments == other.arguments

    @property
    def bound(self) -> Range | None:
        """Where the letter that a reduction binds runs; None for what is no reduction."""
        return None if self.over is None else self.limits or Range(self.over)


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


def call(
    operation: str, *arguments: Operand, over: str | None = None, limits: Range | None = None
) -> Call:
    """`Call`, with plain numbers allowed among the arguments."""
    return Call(operation, tuple(expression(a) for a in arguments), over, limits=limits)


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


def reindex(node: Expression, places: Mapping[str, Index]) -> Expression:
    """The expression with free axis letters put at other places, all at once: `t` := `t+1`.

    A letter that stands for its number moves, too. What a reduction binds stays as it is; where its
    letter is among the new places it trades names with the one that they replace, which runs over
    the same axis.
    """
    if isinstance(node, Constant) or not places:
        return node
    if isinstance(node, Reference):
        if not node.indices:
            return _number_at(node, places)
        indices = tuple(i.at(places) for i in node.indices)
        return node if indices == node.indices else replace(node, indices=indices)
    if node.over is None:
        return replace(node, arguments=tuple(reindex(a, places) for a in node.arguments))
    limits = node.limits.at(places) if node.limits else None
    inner = {letter: to for letter, to in places.items() if letter != node.over}
    over = node.over
    free = frozenset[str]().union(*(letters(a) for a in node.arguments))
    captured = next((k for k, to in inner.items() if to.base == over and k in free), None)
    if captured is not None:
        over = captured
        inner[node.over] = Index(over)
    limits = replace(limits, axis=over) if limits else None
    arguments = tuple(reindex(a, inner) for a in node.arguments)
    return replace(node, arguments=arguments, over=over, limits=limits)


def _number_at(node: Reference, places: Mapping[str, Index]) -> Expression:
    to = places.get(node.name)
    if to is None:
        return node
    assert not to.via
    if not to.base:
        return Constant(to.offset, node.span)
    letter = Reference(to.base, span=node.span)
    if not to.offset:
        return letter
    return letter + to.offset if to.offset > 0 else letter - -to.offset


def letters(node: Expression) -> frozenset[str]:
    """Bases of free indices and names that stand bare: the axis letters among them are free."""
    if isinstance(node, Reference):
        return frozenset(i.base for i in node.indices) if node.indices else frozenset({node.name})
    if not isinstance(node, Call):
        return frozenset()
    found = frozenset[str]().union(*(letters(a) for a in node.arguments))
    if node.over is None:
        return found
    ends = node.limits.ends if node.limits else ()
    return (found - {node.over}) | {i.base for i in ends}
