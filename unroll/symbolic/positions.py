"""Positions: data that counts the entries of something else, as the `x[t]` of `E[:, x[t]]`.

They count from 0, as arrays do. What is counted along comes from the table of operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from unroll.symbolic.expressions import Call, Constant, Expression, Reference, references, walk
from unroll.symbolic.operations import OPERATIONS, Along
from unroll.symbolic.recurrence import Recurrence
from unroll.symbolic.shapes import shape_of
from unroll.symbolic.signatures import Shape
from unroll.symbolic.simplification import signed_terms


@dataclass(frozen=True, slots=True)
class Position:
    """Where a name stands as a position: `name + shift` counts along an axis of `operand`."""

    name: str
    shift: int
    operand: Expression
    along: Along


def ranges(recurrence: Recurrence, shapes: Mapping[str, Shape]) -> dict[str, tuple[int, int]]:
    """The first and the last class that each input or parameter may hold that is a position."""
    found: dict[str, tuple[int, int]] = {}
    for position in places(recurrence):
        count = _count(position, shapes)
        if count is None:
            continue
        first, last = -position.shift, count - 1 - position.shift
        if position.name in found:
            earlier = found[position.name]
            first, last = max(first, earlier[0]), min(last, earlier[1])
        found[position.name] = first, last
    return found


def places(recurrence: Recurrence) -> Iterator[Position]:
    """Inputs and parameters that stand as positions, alone or with a number added."""
    given = {*recurrence.names} - {*recurrence.defined}
    for equation in recurrence.equations:
        for node in walk(equation.expression):
            row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
            for at, along in row.positions.items() if row else ():
                assert isinstance(node, Call)
                if at >= len(node.arguments):
                    continue
                shifted = _shifted(node.arguments[at])
                if shifted is not None and shifted[0] in given:
                    yield Position(*shifted, node.arguments[along.operand], along)


def untestable(recurrence: Recurrence, objective: str) -> tuple[frozenset[str], frozenset[str]]:
    """Names whose gradient is on purpose not the derivative, and the operations that see to it.

    These names act on the objective through an argument that an operation detaches.
    """
    users: dict[str, set[str]] = {}
    for equation in recurrence.equations:
        for r in references(equation.expression):
            users.setdefault(r.name, set()).add(equation.name)
    names: set[str] = set()
    operations: set[str] = set()
    for equation in recurrence.equations:
        if equation.name != objective and objective not in _reached(equation.name, users):
            continue
        for node in walk(equation.expression):
            row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
            for at in row.detached if row else ():
                assert isinstance(node, Call)
                names |= {r.name for r in references(node.arguments[at])}
                operations.add(node.operation)
    return frozenset(n for n in users if n in names or names & _reached(n, users)), frozenset(
        operations
    )


def _reached(name: str, users: Mapping[str, set[str]]) -> set[str]:
    """All variables that need a name, one way or another."""
    found: set[str] = set()
    todo = [name]
    while todo:
        for user in users.get(todo.pop(), ()):
            if user not in found:
                found.add(user)
                todo.append(user)
    return found


def _shifted(node: Expression) -> tuple[str, int] | None:
    """A name and the whole number that is added to it."""
    shift = 0.0
    name = None
    for sign, term in signed_terms(node):
        if isinstance(term, Constant):
            shift += sign * term.value
        elif isinstance(term, Reference) and sign > 0 and name is None:
            name = term.name
        else:
            return None
    return None if name is None or shift != int(shift) else (name, int(shift))


def _count(position: Position, shapes: Mapping[str, Shape]) -> int | None:
    """How many classes a position tells apart."""
    if isinstance(position.operand, Constant):
        return int(position.operand.value)
    shape = shape_of(position.operand, shapes).shape
    if position.along.axis >= len(shape):
        return None
    length = shape[position.along.axis]
    return length + position.along.end if isinstance(length, int) else None
