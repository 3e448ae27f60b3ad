"""Texts of recurrences as sources write them, each with the numbers that it stands for.

A case's `step` is the same recurrence as NumPy statements for one step, written by hand: names are
the values at this step, `h_` is what `h` was one step before, `at("h", t - 2)` any other (zero where
there is none). `after` holds statements about whole arrays, for what has no step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import unroll

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """rule: its number; source: where such a text stands; canonical: how `fmt` shows its reading.

    inputs, parameters, states: names with their shapes, `W U:3x2 b:3 alpha`; a shape is that of
    all names before it, and what has none is a number. before: values of states before step 1.
    classes: inputs that are integers, `o:3` for one of three;
    functions: definitions of what the text calls; backward: the last step comes first.
    """

    rule: int
    source: str
    text: str
    canonical: str
    step: str = ""
    after: str = ""
    inputs: str = ""
    classes: str = ""
    parameters: str = ""
    states: str = ""
    before: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    functions: tuple[str, ...] = ()
    backward: bool = False
    steps: int = 5

    @property
    def label(self) -> str:
        return f"{self.rule}-{self.source}"


def shapes(text: str) -> dict[str, tuple[int, ...]]:
    """`W U:3x2 b:3 alpha` as a shape for each name."""
    found: dict[str, tuple[int, ...]] = {}
    waiting: list[str] = []
    for word in text.split():
        name, _, shape = word.partition(":")
        waiting.append(name)
        if shape:
            found |= dict.fromkeys(waiting, tuple(int(n) for n in shape.split("x")))
            waiting = []
    return found | dict.fromkeys(waiting, ())


def draw(case: Case) -> Arrays:
    """Random arrays for all that a case is given; positive, so that roots and logarithms exist."""
    rng = np.random.default_rng(1)
    arrays = {n: rng.uniform(0.1, 0.9, s) for n, s in shapes(case.parameters).items()}
    for name, shape in shapes(case.inputs).items():
        arrays[name] = rng.uniform(0.1, 0.9, (case.steps, *shape))
    for name, (count,) in shapes(case.classes).items():
        arrays[name] = rng.integers(0, count, case.steps)
    return arrays


def by_hand(case: Case, arrays: Arrays) -> Arrays:
    """What the statements of a case compute."""
    inputs = [*shapes(case.inputs), *shapes(case.classes)]
    zeros = {n: np.zeros(s) for n, s in (shapes(case.states) | shapes(case.inputs)).items()}
    values: dict[tuple[str, int], Any] = {
        (name, at): value for name, known in case.before.items() for at, value in known.items()
    }
    for name in inputs:
        values |= {(name, at): value for at, value in enumerate(arrays[name], 1)}

    def at(name: str, step: int) -> Any:
        return values.get((name, step), zeros[name])

    known = {n: v for n, v in arrays.items() if n not in inputs}
    known = (
        {"tau": case.steps}
        | known
        | {"at": at, "np": np, "sigmoid": lambda a: 1 / (1 + np.exp(-a))}
    )
    known |= {name: getattr(np, name) for name in ("tanh", "exp", "log", "sqrt", "maximum")}
    found: dict[str, list[Any]] = {}
    order = range(case.steps, 0, -1) if case.backward else range(1, case.steps + 1)
    for t in order:
        space = known | {n: arrays[n][t - 1] for n in inputs} | {"t": t}
        space |= {f"{name}_": at(name, t - 1) for name in zeros}
        given = set(space)
        exec(case.step, space)
        for name in set(space) - given - {"__builtins__"}:
            values[name, t] = space[name]
            found.setdefault(name, []).append(space[name])
    stacked = {n: np.array(v[:: -1 if case.backward else 1]) for n, v in found.items()}
    totals = known | arrays | stacked
    exec(case.after, totals)
    return {n: v for n, v in totals.items() if n not in known | arrays and n != "__builtins__"}


def by_package(case: Case, arrays: Arrays) -> tuple[Arrays, unroll.Recurrence]:
    """What the text computes, and the recurrence that it was read as."""
    recurrence = unroll.parse(case.text)
    bound = recurrence
    for function in case.functions:
        bound = bound.bind(function)
    trace = bound.run(
        arrays, steps=case.steps, dims=shapes(case.inputs) | shapes(case.states), gradients=False
    )
    return {name: trace[name] for name in recurrence.defined}, recurrence


def trimmed(text: str) -> str:
    """A text without the indentation that it has in its table."""
    return re.sub(r"\n[ ]+", "\n", text.strip())
