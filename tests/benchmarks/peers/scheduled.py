"""NumPy scheduled by hand, at its limit: the baseline, and the figure that generated code must reach.

The recurrence is cut into *maps* (independent over time: one call over all steps), two *scans* (the
cycle, and its adjoint), and *reductions* (the sums over time of the weight gradients: one matrix product
each). Only the scans loop in Python, so all the work goes into making a step few calls on contiguous,
preallocated, presliced memory. `tapes` has the memory, the maps and the reductions; here are the scans.

Sigmoids are tanh: sigma(a) = (1 + tanh(a/2)) / 2, with a/2 in the weights. One tanh serves all gates,
and the affine part becomes weights of `dot`s that sum adjacent rows: a product like sigma(i) g is
(g + I g) / 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..problem import Arrays, Run, Size
from .tapes import Scheduled

add, subtract, multiply, tanh = np.add, np.subtract, np.multiply, np.tanh


class Rnn(Scheduled):
    """Tape: [head | 1 - h^2, then the adjoint of a].  Calls per step: 2 + 2."""

    def __init__(self, size: Size, dtype: DTypeLike) -> None:
        super().__init__(size, dtype, rows=1, products=1)
        n, m, _, batch = size
        k = self.classes
        self.forward = self.weight(n, n + 1 + m)
        operands = self.matrices(self.columns, 0, n + 1 + m)[:-1]
        states = self.matrices(self.columns, 0, n)[1:]
        self.steps = [(p, q, h) for (p, q), h in zip(self.products(self.forward, operands), states)]
        self.carry = self.zeros(n, batch) if batch > 1 else self.zeros(n)
        operands = self.matrices(self.tape, 0, k + n)
        *pairs, self.first = self.products(self.backward, operands[::-1])
        self.adjoint_steps = [
            (p, q, d) for (p, q), d in zip(pairs, self.matrices(self.tape, k, k + n)[-2::-1])
        ]

    def load(self, a: Arrays) -> None:
        super().load(a)
        n, k = self.size.hidden, self.classes
        self.forward[:, :n] = a["W"]
        self.forward[:, n] = a["b"]
        self.forward[:, n + 1 :] = a["U"]
        self.backward[:, k:] = a["W"].T
        self.input_weight = a["U"]

    def scan(self) -> None:
        for p, q, h in self.steps:
            p.dot(q, h)
            tanh(h, h)

    def coefficients(self, time: slice) -> None:
        h = self.columns[time.start + 1 : time.stop + 1, : self.size.hidden]
        slope = self.tape[time, self.classes :]
        multiply(h, h, slope)
        subtract(self.one, slope, slope)

    def adjoint(self) -> None:
        carry = self.carry
        for p, q, d in self.adjoint_steps:
            p.dot(q, carry)
            multiply(carry, d, d)

    def gradients(self) -> Arrays:
        n, batch = self.size.hidden, self.size.batch
        d = slice(self.classes, self.classes + n)
        (g,), grads = self.reduce((d, slice(None)), rows=d)
        p, q = self.first
        return grads | {
            "W": g[:, :n],
            "b": g[:, n],
            "U": g[:, n + 1 :],
            "h0": p.dot(q).reshape(n, batch).T,
        }


class Lstm(Scheduled):
    """Tape: [head | O I F g | s'], then [head | adjoints of o i f g | .].  Calls: 7 + 4.

    Capitals are tanh(a/2).  The adjoint scan carries twice or four times the
    adjoints, so that the coefficients need no factors; the weights make up for it.
    """

    def __init__(self, size: Size, dtype: DTypeLike) -> None:
        super().__init__(size, dtype, rows=5, products=4)
        n, m, tau, batch = size
        k, tape, columns = self.classes, self.tape, self.columns
        self.forward = self.weight(4 * n, n + 1 + m)
        self.input_weight = self.zeros(4 * n, m)
        self.scale = np.repeat(np.array([0.25, 0.25, 0.25, 0.5], dtype), n)[:, None]
        self.cells = self.zeros(tau + 1, n, batch)  # tanh(s), followed by scratch
        at = [k + i * n for i in range(8)]
        gates = self.matrices(tape, at[0], at[4])
        self.steps = [
            (p, q, *views)
            for (p, q), *views in zip(
                self.products(self.forward, self.matrices(columns, 0, n + 1 + m)[:-1]),
                gates,
                self.vectors(tape, at[1], at[3]),  # I F
                self.vectors(tape, at[3], at[5]),  # g s'
                self.vectors(tape, at[5], at[7]),  # I g, F s': in the next step's rows
                self.stacks(tape, at[3], at[7]),
                self.vectors(tape, at[4], at[5])[1:],  # s
                self.vectors(tape, at[0], at[1]),  # O
                self.vectors(self.cells, 0, n),
                self.vectors(self.cells, n, 2 * n),
                self.stacks(self.cells, 0, 2 * n),
                self.vectors(columns, 0, n)[1:],  # h
            )
        ]
        self.half2, self.half4 = np.full(2, 0.5, dtype), np.full(4, 0.5, dtype)
        # step t: twice [sigma(f) at t, the slope of h_(t-1) in s]
        self.slopes = self.zeros(tau + 1, 2 * n, batch)
        # adjoints [h s s s | h | two parts of s]
        self.carry = self.zeros(7, n * batch)
        self.spread = np.array([[1, 0, 0]] + [[0, 0.5, 0.5]] * 3, dtype)
        *pairs, self.first = self.products(self.backward, self.matrices(tape, 0, at[4])[::-1])
        self.adjoint_steps = [
            (p, q, *views)
            for (p, q), *views in zip(
                pairs,
                self.vectors(self.slopes, 0, 2 * n)[:0:-1],
                self.vectors(tape, at[0], at[4])[-2::-1],
            )
        ]

    def load(self, a: Arrays) -> None:
        super().load(a)
        n, k, forward = self.size.hidden, self.classes, self.forward
        for name, columns in (("W", slice(n)), ("b", n), ("U", slice(n + 1, None))):
            forward[:n, columns] = a[name][3 * n :]
            forward[n:, columns] = a[name][: 3 * n]
        multiply(forward[: 3 * n], self.half, forward[: 3 * n])
        multiply(forward[:, :n].T, self.half, self.backward[:, k:])
        multiply(forward[:, n + 1 :], self.half, self.input_weight)
        self.tape[0, k + 4 * n :] = a["s0"].T

    def scan(self) -> None:
        mix2, mix4 = self.half2.dot, self.half4.dot
        for p, q, gates, if_, gs, parts, cell, s, o, squashed, product, pair, h in self.steps:
            p.dot(q, gates)
            tanh(gates, gates)
            multiply(if_, gs, parts)
            mix4(cell, s)
            tanh(s, squashed)
            multiply(o, squashed, product)
            mix2(pair, h)

    def coefficients(self, time: slice) -> None:
        n, k, one = self.size.hidden, self.classes, self.one
        gates = self.tape[time, k : k + 4 * n]
        o, i, f, g, s = (self.tape[time, k + j * n : k + (j + 1) * n] for j in range(5))
        squashed = self.cells[time]
        add(one, f, self.slopes[time, :n])
        slope = self.slopes[time.start + 1 : time.stop + 1, n:]
        multiply(squashed, squashed, slope)
        subtract(one, slope, slope)
        opened = one + o
        multiply(slope, opened, slope)
        add(one, i, opened)
        tangent = gates * gates
        subtract(one, tangent, tangent)
        multiply(tangent[:, :n], squashed, o)
        multiply(tangent[:, n : 2 * n], g, i)
        multiply(tangent[:, 2 * n : 3 * n], s, f)
        multiply(tangent[:, 3 * n :], opened, g)

    def adjoint(self) -> None:
        n, k, batch, carry = self.size.hidden, self.classes, self.size.batch, self.carry
        self.tape[-1, k : k + 4 * n] = 0
        carry[3] = 0
        h = carry[4] if batch == 1 else carry[4].reshape(n, batch)
        sh, parts = carry[3:5].reshape(-1), carry[5:].reshape(-1)
        h_parts, adjoints, flat = carry[4:], carry[:4], carry[:4].reshape(-1)
        spread = self.spread.dot
        for p, q, slopes, gates in self.adjoint_steps:
            p.dot(q, h)
            multiply(sh, slopes, parts)
            spread(h_parts, adjoints)
            multiply(flat, gates, gates)

    def gradients(self) -> Arrays:
        n, batch = self.size.hidden, self.size.batch
        d = slice(self.classes, self.classes + 4 * n)
        (g,), grads = self.reduce((d, slice(None)), rows=d)
        multiply(g, self.scale, g)
        g = np.concatenate((g[n:], g[:n]))
        p, q = self.first
        s0 = self.carry[3].reshape(n, batch) * self.slopes[0, :n]
        return grads | {
            "W": g[:, :n],
            "b": g[:, n],
            "U": g[:, n + 1 :],
            "h0": p.dot(q).reshape(n, batch).T,
            "s0": multiply(s0, self.half, s0).T,
        }


class Gru(Scheduled):
    """Tape: [head | R Z q Rq p g], then [head | adjoints of q r z g | z h | h].  Calls: 8 + 3.

    Capitals are tanh(a/2), q is half of W_n h' + d, p = b_n + U_n x.
    """

    def __init__(self, size: Size, dtype: DTypeLike) -> None:
        super().__init__(size, dtype, rows=6, products=3)
        n, m, tau, batch = size
        k, tape, columns = self.classes, self.tape, self.columns
        self.forward = self.weight(3 * n, n + 1 + m)
        self.candidate = self.zeros(n, 1 + m)
        self.input_weight = self.zeros(3 * n, m)
        self.scale = np.repeat(np.array([0.25, 0.25, 0.5], dtype), n)[:, None]
        at = [k + i * n for i in range(9)]
        self.steps = [
            (p, q, *views)
            for (p, q), *views in zip(
                self.products(self.forward, self.matrices(columns, 0, n + 1 + m)[:-1]),
                self.matrices(tape, at[0], at[3]),  # R Z q
                self.vectors(tape, at[0], at[2]),  # R Z
                self.vectors(tape, at[0], at[1]),  # R
                self.vectors(tape, at[2], at[3]),  # q
                self.vectors(tape, at[3], at[4]),  # R q
                self.stacks(tape, at[2], at[5]),  # q, R q, p
                self.vectors(tape, at[5], at[6]),  # g
                self.vectors(columns, 0, n),  # h'
                self.vectors(tape, at[1], at[2]),  # Z
                self.vectors(tape, at[6], at[7]),  # h' - g: in the next step's rows
                self.vectors(tape, at[7], at[8]),  # Z (h' - g)
                self.stacks(tape, at[5], at[8]),
                self.vectors(columns, 0, n)[1:],  # h
            )
        ]
        self.ones3 = np.ones(3, dtype)
        self.mix = np.array([1, 0.5, 0.5], dtype)
        self.carry = self.zeros(5, n * batch)
        self.spread = np.array([[0.5, 1]] * 5, dtype)
        pairs = self.products(self.backward, self.matrices(tape, 0, at[3]))
        states = self.matrices(tape, at[5], at[6])
        memory = tape.reshape(tau + 1, -1)
        sums = [step.reshape(2, -1) for step in memory[:, at[4] * batch : at[6] * batch]]
        adjoints = self.vectors(tape, at[0], at[5])
        self.adjoint_steps = [
            (*pairs[t + 1], states[t + 1], sums[t + 1], adjoints[t]) for t in reversed(range(tau))
        ]
        self.first = pairs[0]

    def load(self, a: Arrays) -> None:
        super().load(a)
        n, k, forward = self.size.hidden, self.classes, self.forward
        w, u, b = a["W"], a["U"], a["b"]
        forward[:, :n] = w
        forward[: 2 * n, n] = b[: 2 * n]
        forward[2 * n :, n] = a["d"]
        forward[: 2 * n, n + 1 :] = u[: 2 * n]
        multiply(forward, self.half, forward)
        multiply(w[2 * n :].T, self.quarter, self.backward[:, k : k + n])
        multiply(w[: 2 * n].T, self.quarter, self.backward[:, k + n :])
        multiply(u, self.scale, self.input_weight)
        self.candidate[:, 0] = b[2 * n :]
        self.candidate[:, 1:] = u[2 * n :]
        p = self.tape[:-1, k + 4 * n : k + 5 * n]
        np.matmul(self.candidate, self.columns[:-1, n:], p)

    def scan(self) -> None:
        add3, mix = self.ones3.dot, self.mix.dot
        for p, q, gates, rz, r, c, rc, sum_, g, last, z, change, kept, parts, h in self.steps:
            p.dot(q, gates)
            tanh(rz, rz)
            multiply(r, c, rc)
            add3(sum_, g)
            tanh(g, g)
            subtract(last, g, change)
            multiply(z, change, kept)
            mix(parts, h)

    def coefficients(self, time: slice) -> None:
        n, k, one = self.size.hidden, self.classes, self.one
        rows = [self.tape[time, k + j * n : k + (j + 1) * n] for j in range(6)]
        r, z, q, for_g, for_h, g = rows
        for_q, for_r, for_z = rows[:3]  # take the place of r, z, q
        shut = one - z
        multiply(g, g, for_g)
        subtract(one, for_g, for_g)
        multiply(for_g, shut, for_g)
        add(one, z, for_h)
        change = self.columns[time, :n] - g
        multiply(change, shut, change)
        subtract(one, r, shut)
        add(one, r, for_q)
        multiply(for_q, for_g, for_q)
        multiply(shut, for_q, shut)
        multiply(shut, q, for_r)
        multiply(change, for_h, for_z)

    def adjoint(self) -> None:
        n, k = self.size.hidden, self.classes
        self.tape[-1, k : k + 5 * n] = 0
        carry, flat, spread = self.carry, self.carry.reshape(-1), self.spread.dot
        for p, q, h, parts, adjoints in self.adjoint_steps:
            p.dot(q, h)
            spread(parts, carry)
            multiply(flat, adjoints, adjoints)

    def gradients(self) -> Arrays:
        n, k, batch = self.size.hidden, self.classes, self.size.batch
        to_h, to_x = slice(k, k + 3 * n), slice(k + n, k + 4 * n)
        pairs = (to_h, slice(n + 1)), (to_x, slice(n, None))
        (from_h, from_x), grads = self.reduce(*pairs, rows=to_x)
        multiply(from_h, self.quarter, from_h)
        multiply(from_x, self.scale, from_x)
        p, q = self.first
        h0 = self.tape[0, k + 4 * n : k + 5 * n] * self.half
        return grads | {
            "W": np.concatenate((from_h[n:, :n], from_h[:n, :n])),
            "b": from_x[:, 0],
            "d": from_h[:n, n],
            "U": from_x[:, 1:],
            "h0": (h0 + p.dot(q).reshape(n, batch)).T,
        }


CELLS: dict[str, Any] = {"rnn": Rnn, "lstm": Lstm, "gru": Gru}


def make(kind: str, size: Size, dtype: Any) -> Run:
    """A callable that keeps its workspace between calls."""
    found: Run = CELLS[kind](size, np.dtype(dtype))
    return found
