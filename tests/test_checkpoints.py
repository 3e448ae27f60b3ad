"""Checkpointed runs: the same loss and gradients, with states kept between segments only."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_execution import DIMS, RECURRENCES
from test_random_recurrences import recurrences

import unroll
from unroll import templates
from unroll.errors import UnrollError
from unroll.language.parser import parse
from unroll.numeric.execution import run

TOLERANCE = 1e-12
EXTRA = {
    "all kinds of totals": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        s[t] = sum(h[t])
        m = mean(s[t], t)
        J = m * m + logsumexp(s[t], t) + max(s[t], t) + prod(2 + s[t], t) + sum(s[t], t=2..tau-1)""",
    "near the end": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(h[tau] * h[tau-1]) + sum(x[tau] * x[1])""",
    "deep starts": """h[0] = h0
        h[-1] = tanh(F @ h0)
        h[t] = tanh(W @ h[t-1] + R @ h[t-2] + U @ x[t])
        J = sum(sum(h[t] ** 2), t)""",
    "inputs around": """h[t] = tanh(W @ h[t-1] + U @ x[t+1] + R @ x[t-2] + Q @ x[tau] + P @ x[1])
        J = sum(sum(h[t] ** 2), t)""",
    "the step": """s[t] = s[t-1] * beta + v[t] / t ** 2 + t / tau
        J = sum(s[t] ** 2 * t, t) / tau""",
    "several first steps": """h[1] = U @ x[1]
        h[2] = 0.5 * h[1] + U @ x[2]
        h[t] = tanh(W @ h[t-1] + U @ x[t]) for t >= 3
        J = sum(sum(h[t] ** 2), t)""",
    "an early variable": """C = tanh(M @ c)
        h[0] = tanh(F @ C)
        h[t] = tanh(W @ h[t-1] + R @ C + U @ x[t])
        o[tau] = V @ h[tau] + C
        J = sum(o[tau] ** 2)""",
    "the same for all": """k[t] = tanh(w * k[t-1] + 1)
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(sum(h[t]) * k[t] + k[t], t) + w * w + k[tau]""",
    "a loss of each step": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        L[t] = sum(h[t] ** 2)""",
    "no state": """o[t] = tanh(V @ x[t])
        J = sum(sum(o[t] ** 2), t)""",
}
LOOKS_AHEAD = "looks ahead, at"
REFUSED = {
    "backwards": LOOKS_AHEAD,
    "both ways": LOOKS_AHEAD,
    "normalised over time": r"w\[t\] needs a sum over t",
    "context at every step": r"h\[t\] needs C, which needs all steps",
    "no objective": "no objective",
}
ALL = {n: parse(t) for n, t in {**RECURRENCES, **EXTRA}.items()}
TEMPLATES = {
    "adam": "no objective",
    "attention": "one axis",
    "bidirectional": LOOKS_AHEAD,
    "binary-adder": "no objective",
    "echo-state": "needs all steps",
    "edit-distance": "one axis",
    "ema": "no objective",
    "encoder-decoder": "one axis",
    "fibonacci": "no objective",
    "free-running": "no objective",
    "linear": "no objective",
    "linear-ssm": "no objective",
    "logistic-map": "no objective",
    "memory": "one axis",
    "recursive-tree": "one axis",
}


def assert_same(recurrence, whole, pieces):
    assert pieces.loss == pytest.approx(whole.loss, rel=TOLERANCE)
    names = [n for n in whole.gradients if n not in recurrence.defined]
    names += [n for n in whole.values if n.endswith("]")]
    for name in names:
        found = pieces.gradient(name) if name in pieces.gradients or "[" in name else 0
        expected = whole.gradient(name)
        scale = max(1.0, np.max(np.abs(expected), initial=0))
        assert np.shape(found) in ((), np.shape(expected)), name
        assert np.max(np.abs(found - expected), initial=0) / scale < TOLERANCE, name


def objective(name):
    return "L" if name == "a loss of each step" else None


@pytest.mark.parametrize("checkpoint", [1, 2, 3, 9, 100, "sqrt"])
@pytest.mark.parametrize("name", ALL)
def test_gradients_are_those_of_the_whole(name, checkpoint):
    recurrence = ALL[name]
    said = {"steps": 9, "dims": DIMS.get(name, {}), "of": objective(name), "seed": 1}
    if name in REFUSED:
        with pytest.raises(UnrollError, match=REFUSED[name]):
            run(recurrence, checkpoint=checkpoint, **said)
        return
    assert_same(recurrence, run(recurrence, **said), run(recurrence, checkpoint=checkpoint, **said))


@pytest.mark.parametrize("name", templates.names())
def test_templates(name):
    recurrence = unroll.template(name)
    if recurrence.functions:
        return
    if name in TEMPLATES:
        with pytest.raises(UnrollError, match=TEMPLATES[name]):
            recurrence.run(steps=10, checkpoint=3)
        return
    for checkpoint in (3, "sqrt"):
        pieces = recurrence.run(steps=10, checkpoint=checkpoint)
        assert_same(recurrence, recurrence.run(steps=10), pieces)


@given(recurrences(), st.integers(1, 9), st.integers(1, 5), st.sampled_from([None, 3]))
@settings(max_examples=60, deadline=None)
def test_any_recurrence(text, steps, checkpoint, batch):
    recurrence = parse(text)
    random = np.random.default_rng(0)
    lead = () if batch is None else (batch,)
    arrays = {"x": random.normal(size=(steps, *lead, 2))}
    for name in recurrence.names:
        if name not in recurrence.defined and name not in arrays:
            arrays[name] = random.normal(size=(2, 2) if name in "AB" else (2,))
    for equation in recurrence.equations:
        if "given" in repr(equation.expression):
            arrays[f"{equation.name}[0]"] = random.normal(size=(*lead, 2))
    whole = run(recurrence, arrays)
    if "t+" in text:
        with pytest.raises(UnrollError, match=LOOKS_AHEAD):
            run(recurrence, arrays, checkpoint=checkpoint)
        return
    pieces = run(recurrence, arrays, checkpoint=checkpoint)
    assert_gradients(recurrence, whole, pieces)


def assert_gradients(recurrence, whole, pieces):
    assert pieces.loss == pytest.approx(whole.loss, rel=1e-11)
    for name in [n for n in whole.gradients if n not in recurrence.defined]:
        found = pieces.gradient(name) if name in pieces.gradients else 0
        expected = whole.gradient(name)
        scale = max(1.0, np.max(np.abs(expected)))
        assert np.max(np.abs(found - expected)) / scale < 1e-11, name


@pytest.mark.parametrize("start", ["shared", "own"])
@pytest.mark.parametrize("name", ["learned", "given"])
def test_initial_values_of_a_batch(name, start):
    first = "h[0] = h0\n" if name == "learned" else ""
    recurrence = parse(first + "h[t] = tanh(W @ h[t-1] + U @ x[t])\nJ = sum(sum(h[t] ** 2), t)")
    random = np.random.default_rng(0)
    key = "h0" if name == "learned" else "h[0]"
    arrays = {"W": random.normal(size=(3, 3)), "U": random.normal(size=(3, 2)),
              "x": random.normal(size=(7, 4, 2)),
              key: random.normal(size=(3,) if start == "shared" else (4, 3))}  # fmt: skip
    assert_same(recurrence, run(recurrence, arrays), run(recurrence, arrays, checkpoint=3))


@pytest.mark.parametrize("truncate", [2, (2, 5)])
def test_with_lengths_and_truncation(truncate):
    recurrence = parse(RECURRENCES["lstm"])
    said = {"lengths": [4, 9, 1], "truncate": truncate, "dims": {"x": 2, "h": 3, "y": 4}}
    assert_same(recurrence, run(recurrence, **said), run(recurrence, checkpoint=3, **said))


def test_float32():
    recurrence = parse(RECURRENCES["gru"])
    whole = run(recurrence, steps=9)
    pieces = run(recurrence, steps=9, checkpoint="sqrt", dtype="float32")
    for name in pieces.gradients:
        found = pieces.gradient(name)
        assert found.dtype == np.float32
        assert np.allclose(found, whole.gradient(name), rtol=1e-3, atol=1e-4)


def test_what_was_not_kept_is_said():
    trace = run(parse(RECURRENCES["rnn"]), steps=9, checkpoint=3, dims=DIMS["rnn"])
    for ask in (lambda: trace["h"], lambda: trace.gradient("h"), lambda: trace.contributions("W")):
        with pytest.raises(UnrollError, match="not kept") as caught:
            ask()
        assert "without checkpoint=" in str(caught.value)
    with pytest.raises(UnrollError, match="no 'zz'"):
        trace["zz"]
    assert "J = " in repr(trace)
    assert trace["x"].shape == (9, 4)
    assert len(np.load(BytesIO(trace.to_bytes())).files) > 5


@pytest.mark.parametrize("checkpoint", [0, -1, 1.5, "root", True])
def test_what_is_no_number_of_segments(checkpoint):
    with pytest.raises(UnrollError, match="no number of segments"):
        run(parse(RECURRENCES["rnn"]), steps=4, checkpoint=checkpoint)


def test_a_run_too_short_for_its_equations():
    recurrence = ALL["several first steps"]
    with pytest.raises(UnrollError, match="cannot be run in segments"):
        run(recurrence, steps=2, checkpoint=2)
