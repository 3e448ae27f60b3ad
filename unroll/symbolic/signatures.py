"""Signatures of the table read as shapes: which case of an operation fits which operands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from unroll.symbolic.expressions import Expression, Reference
from unroll.symbolic.operations import OPERATIONS, Case

Dimension = int | str
Shape = tuple[Dimension, ...]


@dataclass(frozen=True, slots=True)
class Oriented:
    """A shape, and whether a vector lies down (the transpose of a column).

    number: the value of a plain number, which may be a length.
    """

    shape: Shape
    row: bool = False
    number: float | None = field(default=None, compare=False)


SCALAR = Oriented(())


def operands(case: Case, count: int) -> list[str]:
    """The signature's operands, one for each of `count` arguments; "?" where it says nothing."""
    left = case.signature.split("->")[0].split(",")
    if left[-1].endswith("+"):
        return ["?"] * count
    if left[-1] == "...":
        left = left[:-1] + ["?"] * (count - len(left) + 1)
    return left


def result(case: Case) -> str:
    return case.signature.split("->")[1]


def numbered(case: Case, arguments: Sequence[Oriented | None]) -> dict[str, Dimension] | None:
    """The lengths that plain numbers among the operands say; None where they ought to, and do not."""
    if case.counted is None:
        return {}
    count = case.counted(*(None if a is None else a.number for a in arguments))
    return None if count is None else {"k": count}


def oriented(pattern: str, letters: Mapping[str, Dimension]) -> Oriented:
    row = pattern.endswith("'")
    return Oriented(tuple(letters[c] for c in pattern.rstrip("'")), row)


def apply(case: Case, arguments: Sequence[Oriented]) -> Oriented | None:
    """Shape of a case's result for these operands; None where the case does not fit them."""
    if case.signature.endswith("+->n"):
        if any(len(a.shape) > 1 for a in arguments):
            return None
        lengths = [a.shape[0] if a.shape else 1 for a in arguments]
        numbers = [n for n in lengths if isinstance(n, int)]
        names = sorted(n for n in lengths if isinstance(n, str))
        if not names:
            return Oriented((sum(numbers),))
        return Oriented(("+".join(names + ([str(sum(numbers))] if numbers else [])),))
    patterns = operands(case, len(arguments))
    letters = numbered(case, arguments) if len(patterns) == len(arguments) else None
    if letters is None:
        return None
    star: Oriented = SCALAR
    for pattern, argument in zip(patterns, arguments):
        if pattern == "?":
            continue
        if pattern == "*":
            if argument.shape and star.shape and argument.shape != star.shape:
                return None
            star = Oriented(
                argument.shape or star.shape, argument.row and star in (SCALAR, argument)
            )
            continue
        if len(pattern.rstrip("'")) != len(argument.shape):
            return None
        if len(argument.shape) == 1 and pattern.endswith("'") != argument.row and is_strict(case):
            return None
        for letter, length in zip(pattern, argument.shape):
            if letters.setdefault(letter, length) != length:
                return None
    return star if result(case) == "*" else oriented(result(case), letters)


@cache
def is_strict(case: Case) -> bool:
    """Whether the case tells rows from columns: only an operation with both does."""
    return any("'" in c.signature for c in _siblings(case))


def _siblings(case: Case) -> tuple[Case, ...]:
    return next(row.cases for row in OPERATIONS.values() if case in row.cases)


def in_words(shape: Oriented) -> str:
    if not shape.shape:
        return "a number"
    if len(shape.shape) == 1:
        return f"a vector of {shape.shape[0]}".replace("of ?", "of unknown length ?")
    return "a matrix of " + " x ".join(map(str, shape.shape))


def side(node: Expression) -> str:
    """What a message calls an operand."""
    return str(node) if isinstance(node, Reference) else "the other side"
