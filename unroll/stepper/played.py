"""What is played: a recurrence with its gradients, and the numbers that it starts from.

The story tells it and the program computes it; both speak of its equations by number
(`whole.equations[k]`) and of a part of an equation by its path: the argument numbers that lead down
from the equation's expression, `()` being all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unroll.errors import UnrollError
from unroll.symbolic.adjoint import differentiate
from unroll.symbolic.expressions import Call, Expression
from unroll.symbolic.operations import Shape
from unroll.symbolic.recurrence import Recurrence
from unroll.symbolic.shapes import resolve
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.transformations import fuse

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unroll.numeric.lengths import Steps, Trees

Path = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Played:
    """A run that is stepped through.

    forward: products told apart by shapes, losses fused; whole: the same equations in the same
    places, then those of the gradients (none without an objective); objective: its name, None for
    none; gradients: name of a variable to that of its gradient (`grad_h`); shapes: of one value, by
    name; sizes: how long the axes are; data: the arrays of the run, by name as `run` takes them, steps
    1.. leading, targets one-hot, initial values as `h[0]`.
    """

    forward: Recurrence
    whole: Recurrence
    objective: str | None
    gradients: Mapping[str, str]
    shapes: Mapping[str, Shape]
    sizes: Sizes
    data: Mapping[str, NDArray[Any]]


def play(
    recurrence: Recurrence,
    arrays: Mapping[str, ArrayLike] | None = None,
    *,
    steps: Steps | None = None,
    dims: Mapping[str, int | Shape] | None = None,
    tree: Trees | None = None,
    seed: int = 0,
    of: str | None = None,
) -> Played:
    """The run that `numeric.execution.run` makes of the same arguments, to be stepped through.

    Raises UnrollError as that does, and for a batch: one sequence is stepped through at a time.
    """
    from unroll.numeric.arrays import prepare

    data = prepare(recurrence, arrays, steps=steps, dims=dims, tree=tree, seed=seed)
    if data.batched:
        name = min(data.batched)
        raise UnrollError(
            f"{name} holds a batch of {data.batch} sequences; one is stepped through at a time",
            remedy=f"Give one of them, as in {name}[:, 0].",
        )
    if recurrence.functions:
        name = recurrence.functions[0]
        raise UnrollError(
            f"{name} is an opaque function, which cannot be computed",
            remedy=f'Say what it is, as in bind("{name}(s, x) = tanh(W @ s + U @ x)").',
        )
    forward = fuse(resolve(data.recurrence, data.shapes))
    objective = recurrence.objective(of)
    if objective is None:
        return Played(forward, forward, None, {}, data.shapes, data.sizes, data.arrays)
    made = differentiate(data.recurrence, objective, data.shapes)
    assert made.forward == forward.equations
    shapes = {name: tuple(int(n) for n in shape) for name, shape in made.shapes.items()}
    return Played(
        forward, made.recurrence, objective, made.gradients, shapes, data.sizes, data.arrays
    )


def part(expression: Expression, path: Path) -> Expression:
    """The part of an expression that a path leads down to."""
    for number in path:
        assert isinstance(expression, Call)
        expression = expression.arguments[number]
    return expression
