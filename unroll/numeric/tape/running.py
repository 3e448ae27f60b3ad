"""Runs on tapes: programs and their memory are kept, and whatever else is asked is computed then.

A run gives the loss and the gradients. All else that a trace can say (values of every variable,
gradients by them) comes from the general program, when somebody asks, from the arrays that the
tapes still hold. Memory is used again by the next run; a trace that is still around then takes its
arrays along first.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError
from unroll.numeric.arrays import Data, match
from unroll.numeric.memory import MODEST, demand
from unroll.numeric.tape.blocks import UnsuitedError
from unroll.numeric.tape.program import TapeProgram, compile_scan
from unroll.numeric.tape.runtime import Functions, are_finite
from unroll.numeric.trace import Trace
from unroll.symbolic.recurrence import Recurrence

Array = NDArray[Any]
General = Callable[[Recurrence, Mapping[str, Array]], Trace]
PLANS = 8  # kinds of arrays for which a recurrence keeps a program with its memory


class TapeTrace(Trace):
    """A trace that has the loss and gradients, and gets the rest when it is asked."""

    def __init__(self, loss: float, gradients: dict[str, Array], rest: Rest) -> None:
        self.__dict__["_loss_"] = loss
        self.__dict__["_gradients_"] = gradients
        self.__dict__["_rest_"] = rest

    @property
    def loss(self) -> float | None:
        found: float = self.__dict__["_loss_"]
        return found

    def gradient(self, name: str) -> Array:
        found: Array | None = self.__dict__["_gradients_"].get(name)
        return super().gradient(name) if found is None else found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in Trace.__dataclass_fields__:
            raise AttributeError(name)
        self.__dict__.update(vars(self.__dict__["_rest_"].trace()))
        return self.__dict__[name]


class Rest:
    """What a trace has not yet: the way to get it."""

    __slots__ = ("__weakref__", "arrays", "functions", "general", "lock", "recurrence")

    def __init__(
        self, functions: Functions | None, general: General, recurrence: Recurrence
    ) -> None:
        self.functions, self.general, self.recurrence = functions, general, recurrence
        self.arrays: Mapping[str, Array] = {}
        self.lock = threading.Lock()

    def keep(self) -> None:
        """Take the arrays along: the memory that holds them is about to be used again."""
        with self.lock:
            if self.functions is not None:
                self.arrays, self.functions = self.functions.given(), None

    def trace(self) -> Trace:
        self.keep()
        return self.general(self.recurrence, self.arrays)


class Memory:
    """The functions of a program with the memory they use, and whose arrays that holds."""

    __slots__ = ("functions", "owner")

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.owner: weakref.ref[Rest] | None = None

    def lend(self, rest: Rest) -> None:
        self.owner = weakref.ref(rest)

    def reclaim(self) -> None:
        owner = self.owner() if self.owner is not None else None
        if owner is not None:
            owner.keep()


class Plan:
    """A program for arrays of one kind.

    order: the names under which the arrays come, as the program takes them; general: runs a
    recurrence by the general program. A plan must not hold the recurrence, with which it goes.
    """

    def __init__(
        self, program: TapeProgram, order: tuple[str, ...], tau: int, batch: int, general: General
    ) -> None:
        self.program, self.order, self.tau, self.batch = program, order, tau, batch
        self.general = general
        self.free: list[Memory] = []

    def take(self) -> Memory:
        """Memory that nobody uses now."""
        try:
            memory = self.free.pop()
        except IndexError:
            return Memory(self.program.make(self.tau, self.batch))
        memory.reclaim()
        return memory

    def run(
        self, recurrence: Recurrence, arrays: Mapping[str, Array]
    ) -> tuple[TapeTrace, bool] | None:
        """The trace, and whether all in it is finite; None for arrays that do not fit after all."""
        memory = self.take()
        functions = memory.functions
        found = functions.run(*[arrays[n] for n in self.order])
        if found is None:
            self.free.append(memory)
            return None
        loss, gradients, finite = found
        rest = Rest(functions, self.general, recurrence)
        memory.lend(rest)
        self.free.append(memory)
        return TapeTrace(float(loss), gradients, rest), finite

    def run_segments(
        self, recurrence: Recurrence, arrays: Mapping[str, Array], count: int
    ) -> tuple[TapeTrace, bool] | None:
        """As `run`, with memory for one segment of the steps, which are computed twice."""
        if not self.program.in_segments:
            return None
        return _Segments(self, [arrays[n] for n in self.order], count).run(recurrence)


class _Segments:
    """A run in segments: from one to the next go states, and back what the tape's first row holds."""

    def __init__(self, plan: Plan, arrays: list[Array], count: int) -> None:
        self.plan = plan
        self.arrays = dict(zip(plan.program.arguments, arrays))
        length = ceil(plan.tau / count)
        self.spans = [(a, min(a + length, plan.tau)) for a in range(0, plan.tau, length)]
        self.made: dict[int, Functions] = {}

    def functions(self, span: tuple[int, int]) -> Functions | None:
        """Memory for a segment, with all parameters; None if they are not finite."""
        length = span[1] - span[0]
        if length not in self.made:
            program = self.plan.program
            made = program.make(length, self.plan.batch)
            if not made.load(*[self.arrays[n] for n in program.loading]):
                return None
            self.made[length] = made
        return self.made[length]

    def begin(self, span: tuple[int, int], states: Mapping[str, Array] | None) -> Functions | None:
        functions = self.functions(span)
        program = self.plan.program
        arguments = [
            self.arrays[n][span[0] : span[1]] if n in program.stepwise else self.arrays[n]
            for n in program.beginning
        ]
        if functions is None:
            return None
        for tape, start, stop in functions.states().values():
            tape.steps[0, start:stop] = 0  # where nothing is said, not what a segment has left
        if not functions.begin(*arguments):
            return None
        for name, (tape, start, stop) in functions.states().items():
            if states is not None:
                tape.steps[0, start:stop] = states[name]
        functions.scan()
        return functions

    def run(self, recurrence: Recurrence) -> tuple[TapeTrace, bool] | None:
        states: list[Mapping[str, Array] | None] = [None]
        for span in self.spans[:-1]:
            functions = self.begin(span, states[-1])
            if functions is None:
                return None
            states.append(
                {n: t.steps[-1, a:b].copy() for n, (t, a, b) in functions.states().items()}
            )
        loss, sums, handed = 0.0, None, None
        by_inputs: dict[str, Array] = {}
        for span in reversed(self.spans):
            functions = self.begin(span, states.pop())
            if functions is None:
                return None
            loss += functions.losses()
            lead, tape = functions.lead, functions.tape
            if handed is not None:
                tape.steps[-1, lead:] = handed
            functions.back()
            handed = tape.steps[0, lead:].copy()
            tape.steps[-1, lead:] = 0  # the later segment has counted these
            parts, returned = functions.reduction()
            sums = parts if sums is None else [np.add(s, p, s) for s, p in zip(sums, parts)]
            for name, gradient in functions.by_inputs(returned).items():
                if name not in by_inputs:
                    by_inputs[name] = np.empty((self.plan.tau, *gradient.shape[1:]), gradient.dtype)
                by_inputs[name][span[0] : span[1]] = gradient
        assert functions is not None
        assert sums is not None
        found = {**functions.by_parameters(sums), **by_inputs, **functions.by_start()}
        return TapeTrace(float(loss), found, Rest(None, _not_kept, recurrence)), are_finite(
            loss, sums
        )


def _not_kept(recurrence: Recurrence, arrays: Mapping[str, Array]) -> Trace:
    raise UnrollError(
        "values were not kept: a run with checkpoints keeps states between its segments only",
        remedy="Run it without checkpoint= to have them.",
    )


_PLANS: dict[int, tuple[weakref.ref[Recurrence], dict[Any, Plan | None]]] = {}


def plans_of(recurrence: Recurrence) -> dict[Any, Plan | None]:
    """The plans of a recurrence, by kind of arrays; they go when it goes.

    By identity: to hash a recurrence would take longer than a small run.
    """
    entry = _PLANS.get(id(recurrence))
    if entry is not None and entry[0]() is recurrence:
        return entry[1]
    plans: dict[Any, Plan | None] = {}
    key, all_plans = id(recurrence), _PLANS

    def forget(_: weakref.ref[Recurrence]) -> None:
        all_plans.pop(key, None)

    _PLANS[key] = (weakref.ref(recurrence, forget), plans)
    return plans


def remember(plans: dict[Any, Plan | None], kind: Any, plan: Plan | None) -> None:
    """Keep a plan for arrays of a kind, and the oldest ones no more where there are too many."""
    while len(plans) >= PLANS:
        plans.pop(next(iter(plans)))
    plans[kind] = plan


def kind_of(arrays: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What decides on a program: names, shapes and types; None for what are no arrays yet."""
    try:
        return tuple([(n, a.shape, a.dtype.char) for n, a in arrays.items()])
    except AttributeError:
        return None


def make_plan(
    recurrence: Recurrence,
    arrays: Mapping[str, Array],
    data: Data,
    of: str | None,
    dtype: type[np.floating[Any]],
    general: General,
    in_segments: bool,
) -> Plan | None:
    """The plan for arrays that `data` has made ready; None where the recurrence is not suited."""
    names = {next(iter(match(recurrence, {key: a})[1])): key for key, a in arrays.items()}
    if set(names) != set(data.arrays):
        return None
    classes = frozenset(n for n, k in names.items() if data.arrays[n].ndim == arrays[k].ndim + 1)
    try:
        if data.recurrence.objective(of) is None:
            return None
        program = compile_scan(
            data.recurrence, data.shapes, data.batched, data.batch == 1, classes, of, dtype
        )
    except (UnsuitedError, UnrollError):  # the general program says what is wrong
        return None
    if set(names) != set(program.arguments):  # one that the loss does not depend on
        return None
    tau = data.sizes[recurrence.axes[0].length]
    given = sum(a.nbytes for a in data.arrays.values())
    kept = program.rows * (tau + 1) * data.batch * np.dtype(dtype).itemsize
    if kept > MODEST and not in_segments:
        demand(kept + 2 * given, data.sizes, data.batch)
    order = tuple(names[n] for n in program.arguments)
    return Plan(program, order, tau, data.batch, general)
