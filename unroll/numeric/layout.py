"""Layout: which rows an array has, which arrays have a batch axis, and what they are called.

Row t of an array is step t, row 0 its initial value, wherever no reference reaches further back;
rows that nothing defines are zero, and that is what a reference out of range reads.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from unroll.numeric.kernels import KERNELS
from unroll.symbolic.expressions import Call, Expression, Index, Reference
from unroll.symbolic.recurrence import GIVEN, Recurrence

RESERVED = frozenset({"np", "dtype", "run", "batch", *KERNELS, *keyword.kwlist, *dir(builtins)})


@dataclass(frozen=True, slots=True)
class Rows:
    """Steps first..last of an array, in rows 0..; of these, `start..stop` may be other than zero."""

    first: int
    last: int
    start: int
    stop: int

    def holds(self, first: int, last: int) -> bool:
        """Whether any of these steps may be other than zero."""
        return first <= self.stop and last >= self.start


def rows(
    recurrence: Recurrence, steps: int, ranges: Mapping[str, tuple[int, int]] | None = None
) -> dict[str, Rows]:
    """Rows of every indexed name: the steps from 0 to the last, and as far as references reach.

    ranges: first and last step of arrays that are given for other steps than 1..steps.
    """
    found = {}
    for name in recurrence.names:
        if recurrence.axis_of(name) is not None:
            pieces = recurrence.pieces(name, steps)
            given = (ranges or {}).get(name, (1, steps))
            start = min((a for _, a, _ in pieces), default=given[0])
            stop = max((b for _, _, b in pieces), default=given[1])
            found[name] = Rows(min(0, start), max(steps, stop), start, stop)
    for name in recurrence.defined:
        for equation, first, last in recurrence.pieces(name, steps):
            for reference, a, b in reaches(recurrence, equation.expression, steps, first, last):
                own = found[reference.name]
                if own.holds(a, b):  # beyond that a reference is the constant zero
                    lowest, highest = min(own.first, a), max(own.last, b)
                    found[reference.name] = Rows(lowest, highest, own.start, own.stop)
    return found


def reaches(
    recurrence: Recurrence, node: Expression, steps: int, first: int, last: int
) -> Iterator[tuple[Reference, int, int]]:
    """The indexed references of an expression for steps first..last, with the steps they read."""
    if isinstance(node, Call):
        if node.over is not None:
            first, last = 1, steps
        for argument in node.arguments:
            yield from reaches(recurrence, argument, steps, first, last)
    elif isinstance(node, Reference) and node.indices:
        index = node.indices[0]
        yield (
            node,
            recurrence.position(index, steps, first),
            recurrence.position(index, steps, last),
        )


def batched(
    recurrence: Recurrence,
    given: Collection[str],
    gradients: Mapping[str, str],
    summed: Collection[str],
) -> frozenset[str]:
    """Names with a batch axis: those `given` with one, what depends on them, and the gradients of
    all these; but not what is `summed` over the batch.

    A value given at one index goes by that, as in `h[0]`.
    """
    found = set(given)
    todo = [n for n in recurrence.defined if n not in summed]
    while True:
        before = len(found)
        found |= {n for n in todo if n not in found and _touches(recurrence, n, found)}
        found |= {gradient for n, gradient in gradients.items() if n in found}
        if len(found) == before:
            return frozenset(found)


def _touches(recurrence: Recurrence, name: str, found: set[str]) -> bool:
    for equation in recurrence.equations_of(name):
        if equation.expression == GIVEN and given_name(name, equation.index) in found:
            return True
        if any(n in found for n in _names(equation.expression)):
            return True
    return False


def _names(node: Expression) -> Iterator[str]:
    if isinstance(node, Reference):
        yield node.name
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from _names(argument)


def given_name(name: str, index: Index | None) -> str:
    """What a value given at one index is called among the arrays: `h[0]`."""
    return name if index is None else f"{name}[{index}]"


def wanted(recurrence: Recurrence) -> tuple[str, ...]:
    """Names of the arrays that a run needs: inputs, parameters, values given at an index."""
    free = [n for n in recurrence.names if n not in recurrence.defined]
    given = [e for e in recurrence.equations if e.expression == GIVEN]
    return (*free, *(given_name(e.name, e.index) for e in given))


def identifiers(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """A Python identifier for every name, all different: `lambda_` for lambda, `h_0` for h[0]."""
    names = list(names)
    used = {unicodedata.normalize("NFKC", n) for n in (*RESERVED, *taken)}
    found = {}
    for name in sorted(names, key=lambda n: not n.isidentifier()):  # what can stay as it is, does
        word = unicodedata.normalize("NFKC", name)
        word = re.sub(r"\W+", "_", word).strip("_") if not word.isidentifier() else word
        word = word if word.isidentifier() else f"v_{word}"
        while word in used or re.fullmatch(r"_\d+", word):  # `_1` is a temporary's
            word += "_"
        used.add(word)
        found[name] = word
    return {n: found[n] for n in names}
