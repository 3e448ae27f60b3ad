"""How long the axes of a run are: what the text, the arrays, `steps` and `dims` say must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError
from unroll.numeric.fitting import describe_shape
from unroll.symbolic.recurrence import DEFAULT_LAYERS, LAYERS, Axis, Recurrence
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.trees import Tree, tree_of

DEFAULT_STEPS = 5
MOST = 2**31 - 1  # steps, and whatever else is counted
Steps = int | Mapping[str, int]
Trees = str | Tree | Sequence[Any] | Mapping[str, Any]


class Said:
    """What has been said of each length, by whom."""

    def __init__(self) -> None:
        self.lengths: dict[str, dict[str, int]] = {}

    def say(self, length: str, who: str, number: int) -> None:
        self.lengths.setdefault(length, {})[who] = number

    def agreed(self, length: str, what: str) -> int | None:
        """The one number that has been said; None if none. Raises UnrollError if they differ."""
        said = self.lengths.get(length, {})
        if len(set(said.values())) > 1:
            first, *rest = said.items()
            other = next(item for item in rest if item[1] != first[1])
            raise UnrollError(
                f"{what} differs: {first[0]} has {first[1]}, {other[0]} has {other[1]}"
            )
        return next(iter(said.values()), None)


def find_sizes(
    recurrence: Recurrence,
    arrays: Mapping[str, NDArray[Any]],
    steps: Steps | None,
    dims: Mapping[str, int],
    tree: Trees | None = None,
) -> Sizes:
    """The lengths of all axes.

    steps: of the time axis, and of every other one that nothing else says; or by length or axis
    letter. dims: lengths among the sizes (`n_l=3`). tree: "balanced", "chain", a parent or a list of
    children for each node, or one of these by axis letter.
    """
    if tree is not None and not any(a.leaves for a in recurrence.axes):
        raise UnrollError(
            "this recurrence does not run over the nodes of a tree",
            remedy="Leave out the tree, or refer to children, as in h[left(n)].",
        )
    said = Said()
    time = recurrence.axes[0]
    by_name = dict(steps) if isinstance(steps, Mapping) else {}
    for name, number in {**by_name, **dims}.items():
        axis = _axis(recurrence, name)
        length = name if name in recurrence.lengths else _main_length(axis)
        said.say(length, f"{name}={number}", whole_number(name, number))
    if steps is not None and not isinstance(steps, Mapping):
        said.say(_main_length(time), f"steps={steps}", whole_number("steps", steps))
    for name, array in arrays.items():
        _say_shape(said, recurrence, name, array)
    for axis in recurrence.axes:
        if axis.length.isdigit():
            said.say(axis.length, f"the axis {axis.name} = 1..{axis.length}", int(axis.length))
    default: int = said.agreed(_main_length(time), "the number of steps") or DEFAULT_STEPS
    lengths: dict[str, int] = {}
    trees: dict[str, Tree] = {}
    for axis in recurrence.axes:
        length = _main_length(axis)
        what = "the number of steps" if axis == time else f"the length {length} of {axis.name}"
        number = said.agreed(length, what) or (DEFAULT_LAYERS if axis.name in LAYERS else default)
        if axis.leaves:
            trees[axis.length] = grown = _grow(axis, tree, number)
            if said.lengths.get(axis.leaves) and grown.leaves != number:
                raise UnrollError(
                    f"the tree has {grown.leaves} leaves, but {_who(said, axis.leaves)} has {number}"
                )
            nodes = said.agreed(axis.length, f"the number of nodes {axis.length}")
            if nodes is not None and nodes != len(grown):
                raise UnrollError(
                    f"the tree has {len(grown)} nodes, but {_who(said, axis.length)} has {nodes}"
                )
            lengths |= {axis.length: len(grown), axis.leaves: grown.leaves}
        elif not axis.length.isdigit():
            lengths[axis.length] = number
    return Sizes(tuple(lengths.items()), tuple(trees.items()))


def _who(said: Said, length: str) -> str:
    return next(iter(said.lengths[length]))


def _main_length(axis: Axis) -> str:
    """The length that says how long an axis is: a tree's number of leaves."""
    return axis.leaves or axis.length


def _axis(recurrence: Recurrence, name: str) -> Axis:
    for axis in recurrence.axes:
        if name in (axis.name, axis.length, axis.leaves):
            return axis
    known = ", ".join(a.name for a in recurrence.axes)
    raise UnrollError(
        f"steps: there is no axis or length {name!r}", remedy=f"The axes are: {known}."
    )


def whole_number(name: str, number: object, what: str = "number of steps", least: int = 1) -> int:
    """A number of something. Raises UnrollError for what is none: 0, -1, 2.5, True, nan."""
    whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not whole or int(number) < least:  # type: ignore[call-overload]
        raise UnrollError(
            f"{name} = {number!r} is no {what}",
            remedy=f"Use a whole number, {least} or more.",
        )
    if int(number) > MOST:  # type: ignore[call-overload]
        raise UnrollError(f"{name} = {number} is too large a {what}", remedy=f"Use at most {MOST}.")
    return int(number)  # type: ignore[call-overload, no-any-return]


def _say_shape(said: Said, recurrence: Recurrence, name: str, array: NDArray[Any]) -> None:
    if "[" in name:
        _say_shape_of_initial(said, recurrence, name, array)
        return
    for p, (_, last) in enumerate(
        recurrence.extent(name) if name not in recurrence.defined else ()
    ):
        if array.ndim <= p:
            axes = ", ".join(b.base for _, b in recurrence.extent(name))
            raise UnrollError(
                f"{name} has shape {describe_shape(array.shape)}; "
                f"expected one value for each step: ({axes}, ...)"
            )
        length = last.base or str(last.offset)
        said.say(length, f"{name} with shape {describe_shape(array.shape)}", array.shape[p])


def _say_shape_of_initial(
    said: Said, recurrence: Recurrence, name: str, array: NDArray[Any]
) -> None:
    """An initial value on a further axis says how long that is: `M[0, i]`, one for each i."""
    for equation in recurrence.equations:
        if str(equation.target) != name:
            continue
        lead = [i.base for i in equation.target.indices if i.base in recurrence.letters]
        for letter, number in zip(lead, array.shape):
            who = f"{name} with shape {describe_shape(array.shape)}"
            said.say(recurrence.letters[letter].length, who, number)


def _grow(axis: Axis, tree: Trees | None, leaves: int) -> Tree:
    if isinstance(tree, Mapping):
        tree = tree.get(axis.name)
    return tree_of("balanced" if tree is None else tree, leaves)
