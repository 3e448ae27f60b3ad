"""The scan of a recurrence, taken out of it: what goes in, what comes out, its step in blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from unroll.errors import UnrollError
from unroll.numeric.tape.blocks import (
    Bias,
    Block,
    Builder,
    Form,
    Input,
    Product,
    Read,
    Static,
    UnsuitedError,
    in_order,
    operands,
    single,
)
from unroll.symbolic.expressions import Constant, Expression, Index, Reference, references
from unroll.symbolic.operations import Shape
from unroll.symbolic.ordering import FORWARD, components
from unroll.symbolic.recurrence import GIVEN, INPUT, PARAMETER, Recurrence
from unroll.symbolic.transformations import inline


@dataclass(frozen=True, slots=True)
class Scan:
    """The variables of a cycle, and one step of it.

    names: the variables; values: blocks of the states, and of what is used outside; initial: what
    a state starts from, a name of an array or a number; builder: where its blocks were made.
    """

    names: frozenset[str]
    values: Mapping[str, Block]
    initial: Mapping[str, str | float]
    builder: Builder

    @property
    def multiplied(self) -> frozenset[str]:
        """States that products of a step read."""
        products = [b for b in in_order(list(self.values.values())) if isinstance(b, Product)]
        return frozenset(o.name for p in products for o in operands(p) if isinstance(o, Read))


def separate(recurrence: Recurrence) -> Recurrence:
    """The recurrence with all that its scan needs of other variables written out in it.

    What is left outside needs the scan, or has nothing to do with it. Raises UnsuitedError where there is
    no scan, or more than one.
    """
    while True:
        names = scanned(recurrence)
        before = [
            r.name
            for n in recurrence.defined
            if n in names
            for e in recurrence.equations_of(n)
            for r in references(e.expression)
            if r.name in recurrence.defined and r.name not in names
        ]
        if not before:
            return recurrence
        try:
            recurrence = inline(recurrence, before[0])
        except UnrollError as problem:
            raise UnsuitedError(problem.message) from None


def scanned(recurrence: Recurrence) -> frozenset[str]:
    """The variables of the one scan, forward in time. Raises UnsuitedError."""
    if len(recurrence.axes) != 1 or recurrence.axes[0].leaves:
        raise UnsuitedError("several axes")
    found = [c for c in components(recurrence) if c.walks]
    if len(found) != 1 or len(found[0].walks) != 1 or found[0].direction != FORWARD:
        raise UnsuitedError("no scan, more than one, or one backward in time")
    return frozenset(found[0].names)


def read_scan(recurrence: Recurrence, shapes: Mapping[str, Shape], used: frozenset[str]) -> Scan:
    """The scan of a resolved recurrence.

    used: names of its variables that are used outside of it. Raises UnsuitedError.
    """
    return _Reader(recurrence, shapes, scanned(recurrence)).scan(used)


def rank(shape: Shape) -> int:
    """Entries of a vector, 1 for a number. Raises UnsuitedError for a matrix."""
    if len(shape) > 1:
        raise UnsuitedError("matrices as values")
    return shape[0] if shape else 1


@dataclass(slots=True)
class _Reader:
    recurrence: Recurrence
    shapes: Mapping[str, Shape]
    names: frozenset[str]
    forms: dict[str, Form] = field(default_factory=dict)
    builder: Builder = field(init=False)

    def __post_init__(self) -> None:
        self.builder = Builder(self.shapes, self.leaf)

    def scan(self, used: frozenset[str]) -> Scan:
        axis = self.recurrence.axes[0]
        initial: dict[str, str | float] = {}
        bodies: dict[str, Expression] = {}
        states: dict[str, None] = {}
        for equation in self.recurrence.equations:
            if equation.name not in self.names:
                continue
            (index,) = equation.target.indices
            if index == Index(axis.name) and not equation.ranges:
                bodies[equation.name] = equation.expression
                for reference in references(equation.expression):
                    if reference.name in self.names and reference.indices[0].offset == -1:
                        states[reference.name] = None
            elif index == Index("", 0):
                initial[equation.name] = self.start(equation.expression, str(equation.target))
            else:
                raise UnsuitedError("an equation for some steps")
        if set(bodies) != self.names:
            raise UnsuitedError("an equation for some steps")
        if not set(initial) <= set(states):
            raise UnsuitedError("an initial value that no step reads")
        self.bodies = bodies
        values: dict[str, Block] = {}
        for name in (*states, *sorted(used - set(states))):
            block = self.builder.value(self.value(name), rank(self.shapes[name]))
            if isinstance(block, (Read, Input, Static)) or block in values.values():
                raise UnsuitedError("a state that is only handed on")
            values[name] = block
        return Scan(self.names, values, initial, self.builder)

    bodies: dict[str, Expression] = field(default_factory=dict)

    def start(self, expression: Expression, target: str) -> str | float:
        if expression == GIVEN:
            return target
        if isinstance(expression, Constant):
            return float(expression.value)
        if isinstance(expression, Reference) and not expression.indices:
            return expression.name
        raise UnsuitedError("an initial value that is computed")

    def value(self, name: str) -> Form:
        if name not in self.forms:
            size = rank(self.shapes[name])
            self.forms[name] = self.builder.form(self.bodies[name], size)
        return self.forms[name]

    def leaf(self, reference: Reference, size: int) -> Form:
        name = reference.name
        if reference.indices:
            (index,) = reference.indices
            own = rank(self.shapes[name])
            if size and own != size:
                raise UnsuitedError("values of two sizes")
            if index.base != self.recurrence.axes[0].name or index.via:
                raise UnsuitedError("a value at one step")
            if name in self.names and index.offset == 0:
                return self.value(name)
            if name in self.names and index.offset == -1:
                return single(self.builder.block(Read, own, name))
            if name not in self.names and index.offset == 0 and self.is_given(name):
                return single(self.builder.block(Input, own, name))
            raise UnsuitedError("a lag of two steps or more, or a lead")
        if name not in self.recurrence.names or self.recurrence.role(name) != PARAMETER:
            raise UnsuitedError("a number that depends on the step")
        shape = self.shapes[name]
        if not shape and size > 1:
            return single(self.builder.block(Static, size, name))
        if len(shape) > 1 or (size and rank(shape) != size):
            raise UnsuitedError("a parameter of another size")
        return Form(biases=((1.0, Bias(name, (0, rank(shape)))),))

    def is_given(self, name: str) -> bool:
        return self.recurrence.role(name) == INPUT and name not in self.recurrence.defined
