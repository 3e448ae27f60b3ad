"""Memory, maps and reductions of a recurrence scheduled by hand.

Two tapes hold everything, features first: a step is a (rows, batch) matrix, so any run of rows is
contiguous and one call can serve several gates at once.

`columns`  step t is [h_t | 1 | x_t]: one product with [W b U] gives the gates, with no hoisted
           projection to add, and one product over the tape gives the gradients of W, b and U together.
`tape`     step t + 1 starts with the head's adjoint at t, followed by the gates of step t + 1, which
           the maps replace in place by the coefficients of the (linear) adjoint recurrence, and the
           adjoint scan in place by the adjoints: the product of one such step with [V' W'] is the
           adjoint of h_t.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..problem import Arrays, Result, Size

BLOCK = 2**16  # entries that a map handles at a time, to stay in the cache
COLUMNS = 2000  # columns that a reduction handles at a time

add, subtract, multiply = np.add, np.subtract, np.multiply


Array = NDArray[Any]


class Scheduled:
    """Workspace of one problem; calling it returns (loss, fresh gradients).

    A cell adds its scans, the coefficients of the adjoint one, and which sums it needs.
    """

    scan: Callable[[], None]
    adjoint: Callable[[], None]
    gradients: Callable[[], Arrays]
    coefficients: Callable[[slice], None]
    one: Array
    half: Array
    quarter: Array
    input_weight: Array

    def __init__(self, size: Size, dtype: DTypeLike, rows: int, products: int) -> None:
        """rows: of n entries that a step needs on the tape; products: how many are gates."""
        n, m, tau, batch = self.size = size
        k = self.classes = m
        self.dtype = dtype
        self.constants(one=1.0, half=0.5, quarter=0.25)
        # scans
        self.columns = self.zeros(tau + 1, n + 1 + m, batch)
        self.columns[:, n] = 1
        self.tape = self.zeros(tau + 1, k + rows * n, batch)
        self.backward = self.weight(n, k + products * n)
        # reductions
        self.span = max(1, min(tau + 1, COLUMNS // batch))
        # head
        self.head = self.zeros(k, n + 1)
        self.ones_classes = np.ones(k, dtype)
        self.length = min(tau, max(1, BLOCK // (max(k, n) * batch)))
        steps = max(self.span, self.length) if batch > 1 else 0
        self.scratch = [self.zeros(steps * tape[0].size) for tape in (self.columns, self.tape)]
        self.ones_time = np.ones(self.length * batch, dtype)
        self.position = np.arange(self.length * batch)
        self.logits = self.zeros(k * self.length * batch)
        self.totals = self.zeros(self.length * batch)
        self.blocks = [self.block(t) for t in range(0, tau, self.length)]

    # --- memory -----------------------------------------------------------------

    def constants(self, **values: float) -> None:
        """Set 0-d arrays: a Python scalar would be converted at each call."""
        for name, value in values.items():
            setattr(self, name, np.array(value, self.dtype))

    def zeros(self, *shape: int) -> Array:
        return np.zeros(shape, self.dtype)

    def weight(self, rows: int, columns: int) -> Array:
        """Weight (rows, columns), stored transposed where `products` needs it so."""
        if self.size.batch == 1:
            return self.zeros(columns, rows).T
        return self.zeros(rows, columns)

    def products(self, weight: Array, operands: Iterable[Array]) -> list[tuple[Array, Array]]:
        """Pairs (p, q) with p.dot(q) = weight @ operand; vectors go left of the weight."""
        if self.size.batch == 1:
            return [(operand, weight.T) for operand in operands]
        return [(weight, operand) for operand in operands]

    def matrices(self, tape: Array, start: int, stop: int) -> list[Array]:
        """Rows start..stop of each step: (rows, batch), or (rows,) for a batch of one."""
        steps = tape[:, start:stop]
        return list(steps[:, :, 0] if self.size.batch == 1 else steps)

    def vectors(self, tape: Array, start: int, stop: int) -> list[Array]:
        """Rows start..stop of each step, flattened; they may run into the next step."""
        stride, batch = tape[0].size, self.size.batch
        memory = tape.reshape(-1)
        offsets = range(0, len(tape) * stride, stride)
        return [memory[at + start * batch : at + stop * batch] for at in offsets]

    def stacks(self, tape: Array, start: int, stop: int) -> list[Array]:
        """As vectors, but as matrices with one row per n entries: operands of a sum."""
        length = self.size.hidden * self.size.batch
        return [v.reshape(-1, length) for v in self.vectors(tape, start, stop)[:-1]]

    def flat(self, tape: Array, start: int, stop: int, rows: int | None, scratch: Array) -> Array:
        """Steps start..stop as (rows, steps * batch): a view, but for a batch a copy."""
        part = tape[start:stop, :rows].transpose(1, 0, 2)
        if self.size.batch == 1:
            return part[:, :, 0]
        copy = scratch[: part.size].reshape(part.shape)
        np.copyto(copy, part)
        return copy.reshape(len(part), -1)

    # --- maps -------------------------------------------------------------------

    def block(self, start: int) -> tuple[Any, ...]:
        """Views for the head on one block of steps."""
        k, batch = self.classes, self.size.batch
        stop = min(start + self.length, self.size.tau)
        steps = stop - start
        logits = self.logits[: k * steps * batch].reshape(k, -1)
        total = self.totals[: steps * batch]
        return (
            slice(start, stop),
            slice(start * batch, stop * batch),
            logits,
            logits.reshape(-1),
            total,
            logits.reshape(k, steps, batch),
            total.reshape(steps, batch),
            self.tape[start + 1 : stop + 1, :k].transpose(1, 0, 2),
        )

    def load(self, a: Arrays) -> None:
        """Copy inputs, initial state and head into the workspace."""
        n, k = self.size.hidden, self.classes
        self.columns[:-1, n + 1 :] = a["x"].transpose(0, 2, 1)
        self.columns[0, :n] = a["h0"].T
        self.head[:, :n] = a["V"]
        self.head[:, n] = a["c"]
        self.backward[:, :k] = a["V"].T

    def maps(self, y: Array) -> float:
        """Loss; the head's adjoints and the coefficients of the adjoint scan go to the tape."""
        loss, y, rows = 0.0, y.reshape(-1), self.size.hidden + 1
        for time, span, logits, flat, total, p, t, adjoint in self.blocks:
            h = self.flat(self.columns, time.start + 1, time.stop + 1, rows, self.scratch[0])
            self.head.dot(h, logits)
            np.maximum.reduce(logits, 0, None, total)
            subtract(logits, total, logits)
            position = y[span] * total.size
            position += self.position[: total.size]
            chosen = flat.take(position)
            np.exp(logits, logits)
            self.ones_classes.dot(logits, total)
            flat[position] -= total
            np.divide(p, t, adjoint)
            np.log(total, total)
            total -= chosen
            loss += self.ones_time[: total.size].dot(total)
            self.coefficients(time)
        return loss

    def __call__(self, arrays: Arrays) -> Result:
        self.load(arrays)
        self.scan()
        loss = self.maps(arrays["y"])
        self.adjoint()
        return loss, self.gradients()

    def reduce(self, *pairs: tuple[slice, slice], rows: slice) -> tuple[list[Array], Arrays]:
        """Sums over time, and the gradient of x.

        pairs: for each sum, which rows of the tape to multiply with which of the columns,
        so as to give [V c] first; rows: those of the tape that `input_weight` takes to x.
        """
        n, m, tau, batch = self.size
        pairs = ((slice(self.classes), slice(n + 1)), *pairs)
        x = np.empty(((tau + 1) * batch, m), self.dtype)
        sums: list[Array] = []
        for start in range(0, tau + 1, self.span):
            stop = min(start + self.span, tau + 1)
            columns = self.flat(self.columns, start, stop, None, self.scratch[0])
            d = self.flat(self.tape, start, stop, rows.stop, self.scratch[1])
            parts = [d[left].dot(columns[right].T) for left, right in pairs]
            sums = [add(s, p, s) for s, p in zip(sums, parts)] if sums else parts
            d[rows].T.dot(self.input_weight, x[start * batch : stop * batch])
        (head, *sums) = sums
        return sums, {
            "V": head[:, :n],
            "c": head[:, n],
            "x": x[: tau * batch].reshape(tau, batch, m),
        }
