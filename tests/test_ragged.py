"""Batches of sequences of different lengths: every entry is what it is alone."""

import numpy as np
import pytest
from agreement import assert_agrees
from hypothesis import given, settings
from hypothesis import strategies as st
from test_execution import DIMS, RECURRENCES
from test_random_recurrences import recurrences

import unroll
from unroll import templates
from unroll.errors import UnrollError
from unroll.language.parser import parse
from unroll.numeric import batches
from unroll.numeric.execution import run
from unroll.numeric.fitting import axes_of

pytestmark = pytest.mark.filterwarnings("ignore:.*infinite or not a number")
TOLERANCE = 1e-12
LENGTHS = (3, 6, 1, 4)
EXTRA = {
    "a given end": """g[tau+1] = given
        g[t] = tanh(W @ g[t+1] + U @ x[t])
        J = sum(sum(g[t] ** 2), t)""",
    "a learned end, far ahead": """g[tau+1] = g1
        g[tau+2] = g2
        g[t] = tanh(W @ g[t+1] + R @ g[t+2] + U @ x[t])
        J = sum(sum(g[t] ** 2), t)""",
    "another last step": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        h[tau] = 2 * h[tau-1] + U @ x[tau]
        J = sum(sum(h[t] ** 2), t)""",
    "a range near the end": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        o[t] = V @ h[t] for t = 1..tau-1
        o[tau] = R @ h[tau]
        J = sum(sum(o[t] ** 2), t)""",
    "all kinds of totals": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        s[t] = sum(h[t])
        a[t] = softmax(s[t], t)
        c = sum(a[t] * h[t], t)
        J = sum(c * c) + logsumexp(s[t], t) + max(s[t], t) + mean(s[t] ** 2, t) + prod(2 + s[t], t)""",
    "the past of each step": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        m[t] = mean(h[s], s < t) for t >= 2
        m[1] = U @ x[1]
        J = sum(sum(m[t] * h[t]), t)""",
    "what is to come": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        f[t] = sum(h[s], s > t)
        J = sum(sum(f[t] * h[t]), t)""",
    "near the end": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(h[tau] * h[tau-1]) + sum(x[tau-2] * h[3])""",
    "inputs ahead": """h[t] = tanh(W @ h[t-1] + U @ x[t+1] + R @ x[t+2])
        J = sum(sum(h[t] ** 2), t) / tau""",
    "a loss of each step": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        L[t] = sum(h[t] ** 2)""",
    "the same for all": """k[t] = tanh(w * k[t-1] + 1)
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(sum(h[t]) * k[t] + k[t], t) + w * w""",
}
ALL = {**{n: parse(t) for n, t in {**RECURRENCES, **EXTRA}.items()}}
SEVERAL = {
    "attention": {"n_x": [3, 5, 1, 4], "n_y": [2, 1, 4, 3]},
    "encoder-decoder": {"n_x": [3, 5, 1, 4], "n_y": [2, 1, 4, 3]},
    "edit-distance": {"m": [3, 5, 1, 4], "n": [2, 1, 4, 3]},
    "memory": {"tau": [3, 5, 1, 4]},
}
REFUSED = {"fibonacci": "no batch", "recursive-tree": "over a tree has no steps"}


def alone(recurrence, arrays, batched, ends, entry, of=None, sizes=None):
    """The run of one entry."""
    own = {}
    for name, array in arrays.items():
        axes = axes_of(trace_recurrence(recurrence, arrays), name)
        value = np.take(array, entry, axis=len(axes)) if name in batched else array
        for p, axis in enumerate(axes):
            value = np.take(value, range(min(len_of(ends, axis, entry), value.shape[p])), axis=p)
        own[name] = value
    steps = {**(sizes or {}), **{n: lengths[entry] for n, lengths in ends.items()}}
    return run(recurrence, own, steps=steps, of=of)


def trace_recurrence(recurrence, arrays):
    from unroll.numeric.arrays import match

    return match(recurrence, {n: 0 for n in arrays if "[" in n})[0]


def len_of(ends, axis, entry):
    return ends[axis.length][entry] if axis.length in ends else 10**9


def by_name(recurrence, lengths):
    return lengths if isinstance(lengths, dict) else {recurrence.axes[0].length: list(lengths)}


def assert_alone(recurrence, trace, ends):
    """Values, loss and gradients of each entry are those of its own run; zero behind its end."""
    count = len(next(iter(ends.values())))
    given_ = [n for n in trace.values if "[" in n]
    arrays = {n: trace[n] for n in recurrence.names if n not in recurrence.defined}
    arrays |= {n: trace.values[n] for n in given_}
    of = trace.objective
    sizes = dict(trace.sizes.lengths)
    each = [alone(recurrence, arrays, trace.batched, ends, i, of, sizes) for i in range(count)]
    if of is not None:
        assert trace.loss == pytest.approx(sum(e.loss for e in each), rel=TOLERANCE, nan_ok=True)
    for name in trace.names:
        if name != of:
            assert_same(trace, trace[name], [e[name] for e in each], name, ends, first=True)
    for name in (*trace.gradients, *given_):
        if name == of:
            continue
        found = [gradient(e, name) for e in each]
        assert_same(trace, gradient(trace, name), found, name, ends)


def gradient(trace, name):
    """The gradient by a name, zero where nothing reads it; what is behind the end by its number."""
    if "[" not in name:
        return trace.gradient(name) if name in trace.gradients else np.zeros_like(trace[name])
    try:
        return trace.gradient(name.replace("tau+1", str(trace.steps + 1)))
    except UnrollError:
        return np.zeros_like(trace.values[name])


def assert_same(trace, found, each, name, ends, first=False):
    axes = axes_of(trace.forward, name)
    batched = name in trace.batched
    expected = np.zeros_like(found)
    for entry, value in enumerate(each):
        place = tuple(slice(0, n) for n in np.shape(value)[: len(axes)])
        if batched:
            expected[(*place, entry)] = value
        elif first:
            expected[place] = np.where(np.abs(expected[place]) > 0, expected[place], value)
        else:
            expected[place] += value
    assert np.array_equal(np.isnan(found), np.isnan(expected)), name
    found, expected = np.nan_to_num(found), np.nan_to_num(expected)
    scale = max(1.0, np.max(np.abs(expected), initial=0))
    assert np.max(np.abs(found - expected), initial=0) / scale < TOLERANCE, name


@pytest.mark.parametrize("lengths", [LENGTHS, (1, 1), (5, 5, 5), (2,)])
@pytest.mark.parametrize("name", ALL)
def test_every_entry_is_what_it_is_alone(name, lengths):
    recurrence = ALL[name]
    trace = run(recurrence, lengths=lengths, dims=DIMS.get(name, {}), seed=2, of=objective(name))
    assert_alone(recurrence, trace, by_name(recurrence, lengths))


def objective(name):
    return "L" if name == "a loss of each step" else None


@pytest.mark.parametrize("name", ALL)
def test_one_length_at_a_time_is_the_same(name, monkeypatch):
    def refuse(*_):
        raise UnrollError("no form")

    recurrence = ALL[name]
    said = {"lengths": LENGTHS, "dims": DIMS.get(name, {}), "seed": 2, "of": objective(name)}
    together = run(recurrence, **said)
    monkeypatch.setattr(batches, "as_padded", refuse)
    apart = run(recurrence, **said)
    assert_alone(recurrence, apart, by_name(recurrence, LENGTHS))
    assert together.loss == (apart.loss and pytest.approx(apart.loss, rel=TOLERANCE))


APART = {"the past of each step"}  # 0 / 0 where the mean of nothing is not used


@pytest.mark.parametrize("name", sorted({*ALL} - APART))
def test_one_program_serves_all(name, monkeypatch):
    monkeypatch.setattr(batches, "_by_length", None)
    run(ALL[name], lengths=LENGTHS, dims=DIMS.get(name, {}), of=objective(name))


@pytest.mark.parametrize("name", templates.names())
def test_templates(name):
    recurrence = unroll.template(name)
    if recurrence.functions:
        return
    lengths = SEVERAL.get(name, LENGTHS)
    if name in REFUSED:
        with pytest.raises(UnrollError, match=REFUSED[name]):
            run(recurrence, lengths=lengths)
        return
    trace = run(recurrence, lengths=lengths, dims=recurrence._shapes(None))
    assert_alone(recurrence, trace, by_name(recurrence, lengths))


@given(recurrences(), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_any_recurrence(text, lengths, seed):
    recurrence = parse(text)
    shapes = {"A": (2, 2), "B": (2, 2)}
    dims = {n: shapes.get(n, (2,)) for n in recurrence.names if n not in recurrence.defined}
    trace = run(recurrence, lengths=lengths, dims=dims, seed=seed)
    assert_alone(recurrence, trace, by_name(recurrence, lengths))


def test_an_entry_alone_is_the_oracles():
    recurrence = ALL["both ways"]
    trace = run(recurrence, lengths=[4, 2], seed=1)
    arrays = {n: trace[n] for n in recurrence.names if n not in recurrence.defined}
    for entry in range(2):
        own = alone(recurrence, arrays, trace.batched, {"tau": [4, 2]}, entry)
        assert_agrees(recurrence, own)


# --- what is behind an end --------------------------------------------------------------


def test_what_is_behind_an_end_does_not_matter():
    recurrence = parse(RECURRENCES["rnn"])
    random = np.random.default_rng(0)
    arrays = {"W": np.eye(3), "U": random.normal(size=(3, 2)), "b": np.zeros(3), "c": np.zeros(4),
              "V": random.normal(size=(4, 3)), "x": random.normal(size=(5, 3, 2)),
              "y": random.integers(4, size=(5, 3))}  # fmt: skip
    clean = run(recurrence, arrays, lengths=[5, 2, 3])
    x, y = arrays["x"].copy(), arrays["y"].copy()
    x[2:, 1], x[3:, 2], y[2:, 1], y[3:, 2] = np.nan, 1e300, -100, -1
    dirty = run(recurrence, {**arrays, "x": x, "y": y}, lengths=[5, 2, 3])
    assert dirty.loss == clean.loss
    for name in clean.gradients:
        assert np.array_equal(dirty.gradient(name), clean.gradient(name))
    assert not np.any(dirty["h"][2:, 1])
    assert not np.any(dirty.gradient("x")[2:, 1])
    padded = np.eye(4)[np.maximum(y, 0)] * (y >= 0)[..., None]  # targets padded with zeros
    assert run(recurrence, {**arrays, "y": padded}, lengths=[5, 2, 3]).loss == clean.loss


def test_numbers_that_grow_behind_an_end_do_not_come_back():
    recurrence = parse("s[t] = s[t-1] ** 2 + x[t]\nJ = sum(s[t], t)")
    x = np.full((40, 2), 2.0)
    x[:, 1] = 0.1
    trace = run(recurrence, {"x": x}, lengths=[3, 40])
    assert_alone(recurrence, trace, {"tau": [3, 40]})
    assert np.isfinite(trace.gradient("x")).all()


def test_a_value_that_looks_like_a_batch_is_whole():
    recurrence = parse("h[t] = tanh(W @ h[t-1] + U @ x[t] + V @ z[t])\nJ = sum(sum(h[t]), t)")
    random = np.random.default_rng(0)
    arrays = {"W": np.eye(3), "U": np.ones((3, 2)), "V": random.normal(size=(3, 2)),
              "x": random.normal(size=(4, 2, 2)), "z": random.normal(size=(4, 2))}  # fmt: skip
    trace = run(recurrence, arrays, lengths=[2, 4])
    assert np.array_equal(trace["z"], arrays["z"])
    assert_alone(recurrence, trace, {"tau": [2, 4]})


def test_contributions_still_add_up():
    trace = run(parse(RECURRENCES["rnn"]), lengths=LENGTHS, dims=DIMS["rnn"])
    found = trace.contributions("W").sum(axis=0)
    assert np.allclose(found, trace.gradient("W"), rtol=0, atol=1e-12)


def test_an_end_may_reach_back_before_the_start():
    recurrence = unroll.parse("""h[0] = h0
        h[-1] = h1
        h[t] = tanh(W @ h[t-1] + R @ h[t-2] + U @ x[t])
        J = sum(h[tau-1] * h[tau-2])""")
    assert recurrence.check(lengths=[1, 3, 2, 5]).passed


def test_checks_have_lengths():
    assert unroll.template("bidirectional").check(lengths=[3, 5, 1]).passed
    assert unroll.template("free-running").check(lengths=[3, 1]).passed


# --- refusals ---------------------------------------------------------------------------

X = {"x": np.ones((4, 2, 3)), "W": np.eye(3), "U": np.eye(3)}
LINEAR = parse("h[t] = W @ h[t-1] + U @ x[t]\nJ = sum(sum(h[t]), t)")


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([1, 2, 3], "lengths has 3 numbers, but the arrays have a batch of 2"),
        ([1, 5], "an entry has tau = 5, but the arrays have 4 steps"),
        ([0, 4], "an entry has 0 steps; expected 1 or more"),
        ([1.5, 4], "one whole number for each entry"),
        ("ab", "one whole number for each entry"),
        ([[1, 2]], "one whole number for each entry"),
        ([], "one whole number for each entry"),
        ({"n": [1, 2]}, "'n' is no axis whose length is open"),
    ],
)
def test_lengths_that_do_not_fit(lengths, message):
    with pytest.raises(UnrollError, match=message):
        run(LINEAR, X, lengths=lengths)


def test_lengths_without_a_batch():
    with pytest.raises(UnrollError, match="no batch"):
        run(LINEAR, {**X, "x": np.ones((4, 3))}, lengths=[4])


def test_lengths_of_several_axes_need_names():
    with pytest.raises(UnrollError, match="several axes, n_x, n_y"):
        unroll.template("attention").run(lengths=[3, 2])
    with pytest.raises(UnrollError, match="differ in the size of the batch"):
        unroll.template("attention").run(lengths={"n_x": [3, 2], "n_y": [1]})
