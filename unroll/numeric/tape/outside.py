"""What stands outside of a scan: losses and whatever leads to them, done by the general program.

From the recurrence with its gradients the equations are left that do not need the scan's gradients.
Of a gradient that has terms of both kinds the terms outside are kept: for a value of the scan they
are what losses give back to it (its source), for a parameter the part that the scan does not add.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.numeric.codegen import Program, compile_recurrence
from unroll.numeric.layout import wanted
from unroll.numeric.tape.blocks import UnsuitedError
from unroll.numeric.tape.runtime import sum_of_squares
from unroll.symbolic.adjoint import Adjoint
from unroll.symbolic.expressions import ZERO, Call, Expression, Reference, references
from unroll.symbolic.operations import Shape
from unroll.symbolic.positions import places
from unroll.symbolic.recurrence import Equation, Recurrence
from unroll.symbolic.simplification import signed_terms
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.transformations import class_names

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Outside:
    """Equations outside of a scan.

    recurrence: where values of the scan are given; values: those that it reads; sources: for each
    value of the scan that losses give something back to, the name of that; gradients: names of
    gradients by those of arrays, as far as they come from outside; objective: its name; arrays: what
    it takes apart from values; classes: arrays that come as classes.
    """

    recurrence: Recurrence
    values: tuple[str, ...]
    sources: Mapping[str, str]
    gradients: Mapping[str, str]
    objective: str
    arrays: tuple[str, ...]
    classes: frozenset[str]


def find_outside(adjoint: Adjoint, scanned: frozenset[str], classes: frozenset[str]) -> Outside:
    """The equations outside of the scan of these variables. Raises UnsuitedError."""
    whole = adjoint.recurrence
    if any(True for _ in places(whole)):
        raise UnsuitedError("positions")
    forward = {e.name for e in adjoint.forward}
    inner = _users(whole, {g for n, g in adjoint.gradients.items() if n in scanned}, forward)
    equations = [e for e in whole.equations if e.name in forward - scanned]
    equations += [e for e in whole.equations if e.name not in forward | inner]
    taken = set(whole.names)
    sources: dict[str, str] = {}
    gradients: dict[str, str] = {}
    for name, gradient in adjoint.gradients.items():
        if name in forward - scanned:
            continue
        if gradient not in inner:
            gradients[name] = gradient
            continue
        own = whole.equations_of(gradient)
        parts = [_outer(e.expression, inner) for e in own]
        if all(p == ZERO for p in parts):
            continue
        made = f"{gradient}_outside"
        while made in taken:
            made += "_"
        (sources if name in scanned else gradients)[name] = made
        for equation, part in zip(own, parts):
            target = Reference(made, equation.target.indices)
            equations.append(Equation(target, part, equation.ranges))
    keep = [adjoint.objective, *sources.values(), *gradients.values()]
    small = replace(whole, equations=tuple(_needed(equations, keep)))
    values = tuple(n for n in small.names if n in scanned)
    arrays = tuple(n for n in wanted(small) if n not in scanned)
    return Outside(small, values, sources, gradients, adjoint.objective, arrays, classes)


def _users(recurrence: Recurrence, start: set[str], without: set[str]) -> set[str]:
    """Names whose values depend on some, these included."""
    found = set(start)
    grown = True
    while grown:
        grown = False
        for equation in recurrence.equations:
            if equation.name in found or equation.name in without:
                continue
            if any(r.name in found for r in references(equation.expression)):
                found.add(equation.name)
                grown = True
    return found


def _outer(node: Expression, inner: set[str]) -> Expression:
    """The terms of a sum that need none of some names."""
    found: Expression = ZERO
    for sign, term in signed_terms(node):
        if any(r.name in inner for r in references(term)):
            if not isinstance(term, Call) or term.over is None:
                continue
            part = _outer(term.arguments[0], inner)
            if part == ZERO:
                continue
            term = replace(term, arguments=(part, *term.arguments[1:]))
        if found == ZERO:
            found = term if sign > 0 else -term
        else:
            found = found + term if sign > 0 else found - term
    return found


def _needed(equations: list[Equation], names: list[str]) -> list[Equation]:
    """The equations that some names are computed from."""
    of: dict[str, list[Equation]] = {}
    for equation in equations:
        of.setdefault(equation.name, []).append(equation)
    found: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name in found:
            continue
        found.add(name)
        stack += [r.name for e in of.get(name, ()) for r in references(e.expression)]
    return [e for e in equations if e.name in found]


def _bare(name: str) -> str:
    return name.partition("[")[0]


def _is_distribution(array: Array) -> bool:
    """Whether rows may be targets of a cross entropy."""
    return bool(array.min() >= 0 and np.allclose(array.sum(axis=-1), 1, atol=1e-6))


class OutsideProgram:
    """The general program of what stands outside, with memory for the arrays that it takes."""

    def __init__(
        self,
        outside: Outside,
        shapes: Mapping[str, Shape],
        batched: frozenset[str],
        tau: int,
        batch: int,
        dtype: Any,
    ) -> None:
        self.outside, self.batch = outside, batch
        recurrence = outside.recurrence
        sizes = Sizes(((recurrence.axes[0].length, tau),))
        many = batch > 1
        given = frozenset((batched if many else frozenset()) & set(outside.arrays))
        if many:
            given |= set(outside.values)
        leaves = {g for n, g in outside.gradients.items() if n not in given}
        names = {**outside.gradients, **outside.sources}
        known = {n: s for n, s in shapes.items() if n in recurrence.names}
        known |= {names[n]: shapes[n] for n in names}
        axis = recurrence.axis_of(outside.objective)
        summed = frozenset(leaves | (set() if axis else {outside.objective}))
        ranges = dict.fromkeys(outside.values, ((0, tau),))
        self.program: Program = compile_recurrence(
            recurrence, known, sizes, given, outside.gradients, summed, dtype, ranges
        )
        self.shapes, self.batched, self.tau = shapes, batched, tau
        self.buffers: dict[str, Array] = {}
        self.parts: dict[str, Array] = {}
        for name in outside.arrays:
            rows = self.program.rows.get(name)
            lead = () if rows is None else (len(rows[0]),)
            shape = (*lead, *((batch,) if name in given else ()), *shapes[_bare(name)])
            self.buffers[name] = np.zeros(shape, dtype)
            start = 0 if rows is None else 1 - rows[0].first
            whole = self.buffers[name]
            self.parts[name] = whole if rows is None else whole[start : start + tau]
        self.one_hot = {n: np.eye(shapes[n][-1], dtype=dtype) for n in outside.classes}
        self.targets = class_names(recurrence) - outside.classes
        self.results: dict[str, Any] = {}

    def begin(self, *arrays: Array) -> bool:
        """Take the arrays, in the order of `outside.arrays`; whether they are finite, and classes."""
        total = 0.0
        for name, array in zip(self.outside.arrays, arrays):
            part = self.parts[name]
            if name in self.one_hot:
                table = self.one_hot[name]
                if array.min() < 0 or array.max() >= len(table):
                    return False
                array = table[array]
            elif name in self.targets and not _is_distribution(array):
                return False
            part[...] = array.reshape(part.shape)
            total += sum_of_squares(part)
        return bool(np.isfinite(total))

    def run(self, *values: Array) -> float:
        """The loss. values: of the scan, a row a step from 0 on, in the order of `outside.values`."""
        known = {n: self.long_enough(n, v) for n, v in zip(self.outside.values, values)}
        arguments = [known[n] if n in known else self.buffers[n] for n in self.program.arguments]
        self.results = self.program(self.batch, *arguments)
        return float(np.sum(self.results[self.outside.objective]))

    def long_enough(self, name: str, value: Array) -> Array:
        """Values with a row for every step that references reach."""
        rows = self.program.rows.get(name)
        if rows is None or (rows[0].first, rows[0].last) == (0, self.tau):
            return value
        if name not in self.buffers:
            self.buffers[name] = np.zeros((len(rows[0]), *value.shape[1:]), value.dtype)
        start = -rows[0].first
        self.buffers[name][start : start + len(value)] = value
        return self.buffers[name]

    def source(self, name: str) -> Array:
        """What losses give back to a value at steps 0 to tau."""
        made = self.outside.sources[name]
        rows, found = self.program.rows[made][0], self.results[made]
        if self.batch > 1 and made not in self.program.batched:  # the same for all
            found = np.repeat(found[:, None], self.batch, axis=1)
        whole = np.zeros((self.tau + 1, *found.shape[1:]), found.dtype)
        first, last = max(rows.first, 0), min(rows.last, self.tau)
        whole[first : last + 1] = found[first - rows.first : last + 1 - rows.first]
        return whole

    def add_to(self, found: dict[str, Array]) -> None:
        """Put the gradients from outside to those of the scan."""
        for name, made in self.outside.gradients.items():
            gradient, rows = np.asarray(self.results[made]), self.program.rows.get(made)
            if rows is not None:
                start = 1 - rows[0].first
                gradient = gradient[start : start + self.tau]
            shape = self.shape(name)
            found[name] = gradient.reshape(shape) + found.get(name, 0)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an array as it is given."""
        lead = (self.tau,) if name in self.program.rows else ()
        batch = (self.batch,) if name in self.batched else ()
        return (*lead, *batch, *self.shapes[_bare(name)])

    def given(self) -> dict[str, Array]:
        """The arrays as they were given."""
        found = {}
        for name in self.outside.arrays:
            shape = self.shape(name)
            whole = self.parts[name]
            if name in self.one_hot:
                found[name] = whole.argmax(axis=-1).reshape(shape[:-1])
            else:
                found[name] = whole.reshape(shape).copy()
        return found
