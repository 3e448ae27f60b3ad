"""Layout: which rows an array has, which arrays have a batch axis, and what they are called.

Row t of an array is step t, row 0 its initial value, wherever no reference reaches further back;
rows that nothing defines are zero, and that is what a reference out of range reads. An array on
several axes has such rows along each.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from unroll.numeric.kernels import KERNELS
from unroll.symbolic.expressions import Call, Expression, Index, Range, Reference
from unroll.symbolic.recurrence import GIVEN, Box, Equation, Recurrence
from unroll.symbolic.sizes import Sizes

RESERVED = frozenset(
    {"np", "dtype", "run", "batch", "waves", "levels", *KERNELS, *keyword.kwlist, *dir(builtins)}
)
Spans = Mapping[str, tuple[int, int]]  # letter -> first and last step


@dataclass(frozen=True, slots=True)
class Rows:
    """Steps first..last along an axis, in rows 0..; `start..stop` may be other than zero."""

    first: int
    last: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def holds(self, first: int, last: int) -> bool:
        """Whether any of these steps may be other than zero."""
        return first <= self.stop and last >= self.start


def rows(
    recurrence: Recurrence, sizes: Sizes, ranges: Mapping[str, Box] | None = None
) -> dict[str, tuple[Rows, ...]]:
    """Rows of every indexed name: the steps from 0 to the last, and as far as references reach.

    ranges: first and last step of arrays that are given for other steps than their axes'.
    """
    found: dict[str, tuple[Rows, ...]] = {}
    for name in recurrence.names:
        axes = recurrence.axes_of(name)
        if not axes:
            continue
        boxes = [box for _, box in recurrence.boxes(name, sizes)]
        given = (ranges or {}).get(name) or extent(recurrence, name, sizes)
        own = []
        for p, axis in enumerate(axes):
            start = min((box[p][0] for box in boxes), default=given[p][0])
            stop = max((box[p][1] for box in boxes), default=given[p][1])
            own.append(Rows(min(0, start), max(sizes[axis.length], stop), start, stop))
        found[name] = tuple(own)
    for name in recurrence.defined:
        for equation, box in recurrence.boxes(name, sizes):
            spans = spans_of(equation, box)
            for reference, read in reaches(recurrence, equation.expression, sizes, spans):
                grown = found[reference.name]
                if all(r.holds(*side) for r, side in zip(grown, read)):
                    # beyond that a reference is the constant zero
                    found[reference.name] = tuple(
                        Rows(min(r.first, a), max(r.last, b), r.start, r.stop)
                        for r, (a, b) in zip(grown, read)
                    )
    return found


def extent(recurrence: Recurrence, name: str, sizes: Sizes) -> Box:
    """First and last step of an input along each of its axes."""
    return tuple(
        (recurrence.position(a, sizes), recurrence.position(b, sizes))
        for a, b in recurrence.extent(name)
    )


def spans_of(equation: Equation, box: Box) -> dict[str, tuple[int, int]]:
    """Where the letters of an equation's left side run in a box."""
    return {i.base: side for i, side in zip(equation.target.indices, box) if i.base}


def reaches(
    recurrence: Recurrence, node: Expression, sizes: Sizes, spans: Spans
) -> Iterator[tuple[Reference, Box]]:
    """The indexed references of an expression, with the steps they read along each axis."""
    if isinstance(node, Call):
        if node.bound is not None:
            spans = {**spans, node.bound.axis: span_of(recurrence, node.bound, sizes, spans)}
        for argument in node.arguments:
            yield from reaches(recurrence, argument, sizes, spans)
    elif isinstance(node, Reference) and node.indices:
        yield node, tuple(read(recurrence, i, sizes, spans) for i in node.indices)


def read(recurrence: Recurrence, index: Index, sizes: Sizes, spans: Spans) -> tuple[int, int]:
    """First and last step that an index reads."""
    if index.via:
        return 0, sizes[recurrence.letters[index.base].length]
    first, last = (recurrence.position(index, sizes, at) for at in _ends(spans))
    return first, last


def span_of(recurrence: Recurrence, within: Range, sizes: Sizes, spans: Spans) -> tuple[int, int]:
    """First and last step of a reduction's letter, for whatever steps the outer letters are at."""
    if within.parent is not None:
        return 1, sizes[recurrence.letters[within.axis].length]
    low, high = _ends(spans)
    return recurrence.span(within, sizes, low, high)


def _ends(spans: Spans) -> tuple[dict[str, int], dict[str, int]]:
    """Where letters are first, and where they are last."""
    low = {letter: side[0] for letter, side in spans.items()}
    return low, {letter: side[1] for letter, side in spans.items()}


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
        if equation.expression == GIVEN and str(equation.target) in found:
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


def wanted(recurrence: Recurrence) -> tuple[str, ...]:
    """Names of the arrays that a run needs: inputs, parameters, values given at an index (`h[0]`)."""
    free = [n for n in recurrence.names if n not in recurrence.defined]
    given = [e for e in recurrence.equations if e.expression == GIVEN]
    return (*free, *(str(e.target) for e in given))


def identifiers(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """A Python identifier for every name, all different: `lambda_` for lambda, `h_0` for h[0]."""
    names = list(dict.fromkeys(names))
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
