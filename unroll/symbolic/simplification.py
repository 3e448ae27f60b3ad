"""Simplification by the table: constants folded, zeros and ones dropped, double signs undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from unroll.symbolic.expressions import Call, Constant, Expression, rebuild
from unroll.symbolic.operations import OPERATIONS


def simplify(node: Expression) -> Expression:
    """An expression of the same value that is no longer than the given one."""
    return rebuild(node, _simpler)


def _simpler(node: Expression) -> Expression:
    while isinstance(node, Call) and (row := OPERATIONS.get(node.operation)) is not None:
        constants = [a.value for a in node.arguments if isinstance(a, Constant)]
        if row.value is not None and len(constants) == len(node.arguments):
            value = row.value(*constants)
            return node if value is None else Constant(value)
        simpler = row.simpler(*node.arguments) if row.simpler else None
        if simpler is None:
            break
        if isinstance(simpler, Call):  # what a rule builds is new and may be simplified further
            arguments = tuple(_simpler(a) for a in simpler.arguments)
            simpler = replace(simpler, arguments=arguments)
        node = simpler
    return node


def signed_terms(node: Expression, sign: int = 1) -> Iterator[tuple[int, Expression]]:
    """The terms of a sum, left to right, each with its sign (1 or -1)."""
    if isinstance(node, Call) and node.operation in ("add", "subtract"):
        left, right = node.arguments
        yield from signed_terms(left, sign)
        yield from signed_terms(right, sign if node.operation == "add" else -sign)
    elif isinstance(node, Call) and node.operation == "negative":
        yield from signed_terms(node.arguments[0], -sign)
    else:
        yield sign, node
