"""The check against finite differences finds what is wrong, and nothing where all is right."""

import numpy as np
import pytest
from test_execution import DIMS, RECURRENCES

from unroll.language.parser import parse
from unroll.numeric import checks
from unroll.numeric.checks import check, sinks


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("name", RECURRENCES)
def test_every_gradient_is_right(name, steps):
    found = check(parse(RECURRENCES[name]), steps=steps, dims=DIMS.get(name, {}))
    assert found.passed, str(found)
    assert found.worst < 1e-8


def test_all_leaves_are_checked_but_targets():
    found = check(parse(RECURRENCES["rnn"]), steps=3, dims=DIMS["rnn"])
    assert {row.name for row in found.rows} == {"b", "W", "U", "x", "c", "V"}
    given = check(parse(RECURRENCES["given start"]), steps=3)
    assert {row.name for row in given.rows} == {"h[0]", "W", "U", "x"}


def test_a_batch_is_checked_too():
    recurrence = parse(
        "h[t] = tanh(W @ h[t-1] + U @ x[t] + k)\nJ = sum(h[t].T @ h[t], t) + sum(W * W)"
    )
    random = np.random.default_rng(0)
    arrays = {"W": random.normal(size=(3, 3)), "U": random.normal(size=(3, 2)), "k": 0.1}
    found = check(recurrence, {**arrays, "x": random.normal(size=(4, 5, 2))})
    assert found.passed, str(found)


def test_without_an_objective_the_outputs_are_weighted_at_random():
    found = check(parse("s[t] = tanh(W @ s[t-1] + x[t])\nr[t] = V @ s[t]"), steps=3)
    assert found.of is None
    assert "random linear functional" in str(found)
    assert {row.name for row in found.rows} == {"W", "x", "V"}


def test_sinks_are_what_nothing_else_needs():
    assert sinks(parse("s[t] = s[t-1] + x[t]\na[t] = s[t]\nb[t] = s[t]")) == ("a", "b")
    assert sinks(parse("s[t] = s[t-1] + o[t-1]\no[t] = tanh(s[t])")) == ("s", "o")


def test_a_wrong_gradient_is_found(monkeypatch):
    from unroll.numeric.trace import Trace

    right = Trace.gradient
    monkeypatch.setattr(Trace, "gradient", lambda self, n: right(self, n) * (1 + 1e-5 * (n == "W")))
    found = check(parse(RECURRENCES["rnn"]), steps=3, dims=DIMS["rnn"])
    assert not found.passed
    assert [row.name for row in found.rows if row.error > 1e-6] == ["W"]
    assert "wrong" in str(found)


def test_nan_is_no_pass():
    found = checks.Check((checks.Row("W", float("nan"), 1.0, 1, 1),), 3, "J")
    assert not found.passed


def test_large_arrays_are_sampled_and_it_is_said():
    found = check(
        parse("s[t] = tanh(W @ s[t-1] + x[t])\nJ = sum(sum(s[t]), t)"), steps=2, dims={"s": 25}
    )
    (row,) = [row for row in found.rows if row.name == "W"]
    assert (row.checked, row.entries) == (400, 625)
    assert "400 of 625" in str(found)
