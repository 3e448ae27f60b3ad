"""Recurrences nobody thought of: made at random, run, and compared with the oracle."""

import numpy as np
from agreement import assert_agrees
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.language.parser import parse
from unroll.numeric.execution import run

TERMS = [
    "{m} @ {v}",
    "{p} * {v}",
    "{v} * {w}",
    "sigmoid({v}) * {w}",
    "{m} @ ({v} * {w})",
    "(1 - {v}) * {p}",
    "exp(-{v} * {v})",
    "{m}.T @ {v}",
    "{v} / (2 + cos({w}))",
    "-{v}",
]
STARTS = ["", "{s}[0] = start_{s}", "{s}[0] = 1", "{s}[0] = given", "{s}[1] = x[1] * start_{s}"]
ENDS = [
    "J = sum(sum({s}[t] ** 2), t)",
    "J = sum({s}[tau] * {s}[tau])",
    "J = mean(sum(exp({s}[t])), t) + 0.5 * sum(A * A)",
    "L[t] = squared_error({s}[t], x[t])\nJ = sum(L[t], t) / tau",
    "m = sum({s}[t], t) / tau\nJ = sum(m * m)",
]


@st.composite
def recurrences(draw):
    """Up to three states in a row, each of what came before at the same or an earlier step."""
    sign = draw(st.sampled_from(["-", "+"]))
    states = ["p", "q", "r"][: draw(st.integers(1, 3))]
    lines = []
    for i, state in enumerate(states):
        lagged = [f"{s}[t{sign}{k}]" for s in states for k in (1, 2)]
        values = [*lagged, *(f"{s}[t]" for s in states[:i]), "x[t]", "x[t-1]"]
        terms = []
        for _ in range(draw(st.integers(1, 3))):
            pick = {k: draw(st.sampled_from(values)) for k in "vw"}
            weights = {"m": draw(st.sampled_from("AB")), "p": draw(st.sampled_from(["a", "b"]))}
            terms.append(draw(st.sampled_from(TERMS)).format(**pick, **weights))
        lines.append(f"{state}[t] = tanh({' + '.join(terms)} + x[t])")
        if sign == "-":
            lines.append(draw(st.sampled_from(STARTS)).format(s=state))
    lines.append(draw(st.sampled_from(ENDS)).format(s=states[-1]))
    return "\n".join(line for line in lines if line)


SHAPES = {"A": (2, 2), "B": (2, 2), "a": (2,), "b": (2,)}


@given(recurrences(), st.integers(1, 5), st.sampled_from([None, 3]))
@settings(max_examples=150, deadline=None)
def test_any_recurrence_is_run_as_its_unrolled_graph(text, steps, batch):
    recurrence = parse(text)
    random = np.random.default_rng(0)
    lead = () if batch is None else (batch,)
    arrays = {"x": random.normal(size=(steps, *lead, 2))}
    for name in recurrence.names:
        if name not in recurrence.defined and name not in arrays:
            arrays[name] = random.normal(size=SHAPES.get(name, (2,)))
    for equation in recurrence.equations:
        if "given" in repr(equation.expression):
            arrays[f"{equation.name}[0]"] = random.normal(size=(*lead, 2))
    assert_agrees(recurrence, run(recurrence, arrays), tolerance=1e-11)
