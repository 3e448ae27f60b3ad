"""What generated code calls beside NumPy: memory in steps, losses, and sums over time.

A step is a matrix of rows and batch entries, so that any run of rows is one piece of memory. A batch
of one has no axis of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite as is_finite
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
BLOCK = 2**16  # entries that a map handles at a time, to stay in the cache
COLUMNS = 2000  # columns that a product handles at a time: far apart they cost twice the time


class Tape:
    """So many rows for each of so many steps, in one piece of memory.

    over: rows that the last step may run over. `steps` is the memory as (steps, rows, batch), or
    (steps, rows) for a batch of one.
    """

    def __init__(self, count: int, rows: int, batch: int, dtype: Any, over: int = 0) -> None:
        self.count, self.rows, self.batch = count, rows, batch
        self.memory = np.zeros((count * rows + over) * batch, dtype)
        shape = (count, rows) if batch == 1 else (count, rows, batch)
        self.steps = self.memory[: count * rows * batch].reshape(shape)

    def flat(self, start: int, stop: int) -> list[Array]:
        """Rows of each step in one piece; they may run over into the next step."""
        width, batch = self.rows * self.batch, self.batch
        a, b = start * batch, stop * batch
        if stop <= self.rows:
            return list(self.memory[: self.count * width].reshape(self.count, width)[:, a:b])
        return [self.memory[at + a : at + b] for at in range(0, self.count * width, width)]

    def matrix(self, start: int, stop: int) -> list[Array]:
        """Rows of each step as (rows, batch), or (rows,) for a batch of one."""
        if stop <= self.rows:
            return list(self.steps[:, start:stop])
        return [
            part if self.batch == 1 else part.reshape(-1, self.batch)
            for part in self.flat(start, stop)
        ]

    def stack(self, start: int, stop: int, blocks: int) -> list[Array]:
        """Rows of each step as (blocks, rows of a block * batch)."""
        return [part.reshape(blocks, -1) for part in self.flat(start, stop)]

    def columns(self, start: int, stop: int, rows: slice, scratch: Array | None = None) -> Array:
        """Steps side by side, (rows, steps * batch): a view; for a batch a copy in the scratch."""
        part = self.steps[start:stop, rows]
        if scratch is None or self.batch == 1:
            return part.T
        part = part.transpose(1, 0, 2)
        copy = scratch[: part.size].reshape(part.shape)
        np.copyto(copy, part)
        return copy.reshape(len(part), -1)


@dataclass(frozen=True, slots=True)
class Functions:
    """What a program can do with its memory. run: all of it; the others its parts, in order.

    lead: rows of the tape that losses fill.
    """

    run: Callable[..., tuple[float, dict[str, Array], bool] | None]
    load: Callable[..., bool]
    begin: Callable[..., bool]
    scan: Callable[[], None]
    losses: Callable[[], float]
    back: Callable[[], None]
    by_parameters: Callable[[list[Array]], dict[str, Array]]
    by_inputs: Callable[[list[Array]], dict[str, Array]]
    by_start: Callable[[], dict[str, Array]]
    states: Callable[[], dict[str, tuple[Tape, int, int]]]
    given: Callable[[], dict[str, Array]]
    reduction: Reduction
    columns: Tape
    tape: Tape
    lead: int


def sum_of_squares(a: Array) -> float:
    """The sum of squares: finite if all entries are, and do not overflow."""
    flat = a.reshape(-1)
    return float(flat.dot(flat))


def are_finite(loss: float, sums: list[Array]) -> bool:
    """Whether a loss and sums are finite; also False where their squares overflow."""
    for total in sums:
        flat = total.reshape(-1)
        loss += flat.dot(flat)
    return is_finite(loss)


def block_length(rows: int, batch: int, tau: int) -> int:
    """Steps that a map handles at a time."""
    return min(tau, max(1, BLOCK // (rows * batch)))


class SoftmaxCrossEntropy:
    """Sum over steps and batch of the cross entropy of softmax(weights @ rows) with classes.

    Rows `operands` of the step after (states) are what the weights multiply; the gradient by the
    logits goes to the first rows of the step after.
    """

    def __init__(self, columns: Tape, tape: Tape, operands: slice, classes: int, length: int):
        self.columns, self.operands, self.classes = columns, operands, classes
        dtype, batch = tape.memory.dtype, tape.batch
        tau, self.batch = tape.count - 1, batch
        rows = operands.stop - operands.start
        self.weights = np.zeros((classes, rows), dtype)
        self.ones = np.ones(classes, dtype)
        self.ones_time = np.ones(length * batch, dtype)
        self.position = np.arange(length * batch)
        self.scratch = np.zeros(rows * length * batch if batch > 1 else 0, dtype)
        logits: Array = np.zeros(classes * length * batch, dtype)
        totals: Array = np.zeros(length * batch, dtype)
        self.blocks: list[tuple[Any, ...]] = []
        for start in range(0, tau, length):
            stop = min(start + length, tau)
            count = (stop - start) * batch
            flat, total = logits[: classes * count], totals[:count]
            table = flat.reshape(classes, count)
            out: Array = tape.steps[start + 1 : stop + 1, :classes]
            probabilities: Array
            norm: Array
            if batch == 1:
                probabilities, norm, out = table, total, out.T
            else:
                probabilities = table.reshape(classes, stop - start, batch)
                norm, out = total.reshape(stop - start, batch), out.transpose(1, 0, 2)
            span = slice(start * batch, stop * batch)
            states = columns.columns(start + 1, stop + 1, operands) if batch == 1 else None
            sides = (probabilities, norm, out, self.position[:count], self.ones_time[:count])
            self.blocks.append((start, stop, span, states, flat, table, total, *sides))

    def __call__(self, number: int, targets: Array) -> float:
        """The loss of one block of steps. targets: classes, (tau * batch,)."""
        start, stop, span, h, flat, table, total, p, norm, out, position, ones = self.blocks[number]
        if h is None:
            h = self.columns.columns(start + 1, stop + 1, self.operands, self.scratch)
        self.weights.dot(h, table)
        np.maximum.reduce(table, 0, None, total)
        np.subtract(table, total, table)
        at = targets[span] * len(position)
        at += position
        chosen = flat.take(at)
        np.exp(table, table)
        self.ones.dot(table, total)
        flat[at] -= total
        np.divide(p, norm, out)
        np.log(total, total)
        np.subtract(total, chosen, total)
        loss: float = ones.dot(total)
        return loss


class Reduction:
    """Sums over time of products of tape rows with column rows, and products of tape rows with weights.

    pairs: (tape rows, column rows) of each sum; returned: tape rows and weights of each product,
    whose result is (steps * batch, columns of the weights).
    """

    def __init__(
        self,
        tape: Tape,
        columns: Tape,
        pairs: list[tuple[slice, slice]],
        returned: list[tuple[slice, Array]],
    ) -> None:
        self.tape, self.columns, self.pairs, self.returned = tape, columns, pairs, returned
        self.dtype, batch = tape.memory.dtype, tape.batch
        self.rows = slice(
            min([r.start for r, _ in (*pairs, *returned)], default=0),
            max([r.stop for r, _ in (*pairs, *returned)], default=0),
        )
        span = max(1, min(tape.count, COLUMNS // batch))
        some = range(0, tape.count, span) if pairs or returned else ()
        self.spans = [(a, min(a + span, tape.count)) for a in some]
        size = span * batch if batch > 1 else 0
        self.scratch = np.zeros((self.rows.stop - self.rows.start) * size, self.dtype)
        self.scratch_columns = np.zeros(columns.rows * size, self.dtype)
        self.views = [self.operands(*s) for s in self.spans] if batch == 1 else []

    def operands(self, start: int, stop: int) -> tuple[list[Any], list[Any]]:
        """What is multiplied for some steps: pairs for the sums, pairs for the products."""
        first = self.rows.start
        c = self.columns.columns(start, stop, slice(None), self.scratch_columns)
        d = self.tape.columns(start, stop, self.rows, self.scratch)
        return (
            [(d[r.start - first : r.stop - first], c[k].T) for r, k in self.pairs],
            [(d[r.start - first : r.stop - first].T, w) for r, w in self.returned],
        )

    def __call__(self) -> tuple[list[Array], list[Array]]:
        batch = self.tape.batch
        given = [
            np.empty((self.tape.count * batch, w.shape[1]), self.dtype) for _, w in self.returned
        ]
        sums: list[Array] = []
        for number, (start, stop) in enumerate(self.spans):
            pairs, returned = self.views[number] if batch == 1 else self.operands(start, stop)
            parts = [d.dot(c) for d, c in pairs]
            if sums:
                for s, p in zip(sums, parts):
                    np.add(s, p, s)
            else:
                sums = parts
            for out, (d, w) in zip(given, returned):
                d.dot(w, out[start * batch : stop * batch])
        return sums, given
