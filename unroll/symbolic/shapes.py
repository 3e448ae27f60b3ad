"""Shapes of a recurrence's names, and its products told apart by them.

A shape is the value's alone, without step and batch: () a scalar, (n,) a vector, (m, n) a matrix.
A length is a number, or a name where nothing fixes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import index

from unroll.errors import UnrollError
from unroll.symbolic.expressions import Constant, Expression, Reference
from unroll.symbolic.inference import Inference
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import Recurrence
from unroll.symbolic.signatures import SCALAR, Dimension, Oriented, Shape, apply, in_words, side

DEFAULT_LENGTH = 3  # of what nothing says the length of


def said_shapes(dims: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """Value shapes as users say them: 3 is a vector's length, (3, 4) a matrix, () a number.

    Raises UnrollError for what is no shape: 0, 2.5, True, nan.
    """
    if not isinstance(dims, Mapping):
        raise UnrollError(
            f"dims = {dims!r} says no sizes by name", remedy='Write dims={"x": 4, "h": 3}.'
        )
    return {str(name): _shape(str(name), size) for name, size in dims.items()}


def read_sizes(text: str) -> dict[str, tuple[int, ...]]:
    """`x=4,W=3x4,a=number`: a number is a vector's length. Raises UnrollError for anything else."""
    sizes = {}
    for part in text.split(","):
        name, _, size = part.partition("=")
        numbers = [] if size.strip() == "number" else [n.strip() for n in size.split("x")]
        if not name.strip() or not all(n.isdecimal() and int(n) for n in numbers):
            raise UnrollError(
                f"{part!r} is not a size",
                remedy="Write x=4 for a vector, W=3x4 for a matrix, a=number.",
            )
        sizes[name.strip()] = tuple(int(n) for n in numbers)
    return sizes


def _shape(name: str, size: object) -> tuple[int, ...]:
    lengths = size if isinstance(size, (tuple, list)) else (size,)
    try:
        found = tuple(index(n) for n in lengths if not isinstance(n, bool))
    except TypeError:
        found = ()
    if len(found) != len(lengths) or any(n < 1 for n in found):
        raise UnrollError(
            f"dims: {name} = {size!r} is not a length",
            remedy="Use whole numbers > 0: 3 for a vector, (3, 4) for a matrix.",
        )
    return found


def infer(
    recurrence: Recurrence,
    known: Mapping[str, Sequence[Dimension]] | None = None,
    default: int | None = None,
) -> dict[str, Shape]:
    """Value shapes of all names: from `known` ones, by unification, then by convention.

    Capitals are matrices and small letters vectors where a product asks; a Greek parameter that
    scales is a number; a name that only elementwise operations touch is a number too unless it is
    known to be more. A length that nothing fixes becomes `default`, or stays a name such as `n_h`.
    Raises UnrollError where shapes contradict each other.
    """
    state = Inference(recurrence)
    state.load(known or {})
    state.propagate()
    while state.decide():
        state.propagate()
    while default is not None and (length := next(state.free(), None)) is not None:
        state.unify(length, max(default, state.least(length)))
        state.propagate()
    labels: dict[Dimension, Dimension] = {}
    shapes = {}
    for name, cell in state.names.items():
        shape = state.shape(cell)
        assert shape is not None
        shapes[name] = tuple(
            labels.setdefault(n, f"n_{name}") if isinstance(n, str) else n for n in shape.shape
        )
    return shapes


def shape_of(node: Expression, shapes: Mapping[str, Shape]) -> Oriented:
    """Shape of an expression whose names have these shapes. Raises UnrollError if none fits."""
    return resolve_expression(node, shapes)[1]


def resolve_expression(
    node: Expression, shapes: Mapping[str, Shape]
) -> tuple[Expression, Oriented]:
    """The expression with products told apart by shapes, and its shape."""
    if isinstance(node, Constant):
        return node, Oriented((), number=node.value)
    if isinstance(node, Reference):
        return node, Oriented(tuple(shapes.get(node.name, ())))
    parts = [resolve_expression(a, shapes) for a in node.arguments]
    arguments = tuple(p[0] for p in parts)
    node = replace(node, arguments=arguments)
    row = OPERATIONS.get(node.operation)
    if node.over is not None:
        return node, parts[0][1]
    if row is None:  # opaque: nothing is known of its result but by its equation
        return node, SCALAR
    for case in row.cases:
        shape = apply(case, [p[1] for p in parts])
        if shape is not None:
            if case.becomes is None:
                return node, shape
            return resolve_expression(case.becomes(*arguments), shapes)[0], shape
    sides = " and ".join(f"{side(p[0])} is {in_words(p[1])}" for p in parts)
    raise UnrollError(f"{node.operation} does not fit: {sides}")


def resolve(recurrence: Recurrence, shapes: Mapping[str, Shape]) -> Recurrence:
    """The recurrence with every product told apart: scaling, matrix, inner, outer."""
    equations = []
    for equation in recurrence.equations:
        try:
            expression, _ = resolve_expression(equation.expression, shapes)
        except UnrollError as problem:
            raise recurrence.error(problem.message, equation) from None
        equations.append(replace(equation, expression=expression))
    return replace(recurrence, equations=tuple(equations))
