"""Truncated BPTT: gradients cut between windows, against loops that detach by hand."""

import re

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
from unroll.symbolic.derived import reverse

RNN = parse("""h[0] = h0
h[t] = tanh(b + W @ h[t-1] + R @ h[t-2] + U @ x[t])
o[t] = c + V @ h[t]
L[t] = squared_error(o[t], y[t])
J = sum(L[t], t)""")
STEPS = 11


def arrays(batch=None):
    random = np.random.default_rng(0)
    lead = (STEPS,) if batch is None else (STEPS, batch)
    shapes = {"h0": (3,), "b": (3,), "W": (3, 3), "R": (3, 3), "U": (3, 2), "c": (2,), "V": (2, 3)}
    made = {n: random.normal(size=s) for n, s in shapes.items()}
    return made | {n: random.normal(size=(*lead, 2)) for n in "xy"}


def detached(a, every, through):
    """Williams & Peng's algorithm by hand: at the end of each stretch the losses of its steps are
    taken back through `through` steps; the states before them are data."""
    steps = len(a["x"])
    h = {-1: np.zeros(3), 0: a["h0"]}
    for t in range(1, steps + 1):
        h[t] = np.tanh(a["b"] + a["W"] @ h[t - 1] + a["R"] @ h[t - 2] + a["U"] @ a["x"][t - 1])
    grads = {n: np.zeros_like(v) for n, v in a.items()}
    for end in range(every, steps + every, every):
        first = max(end - through + 1, 1)
        back = {t: np.zeros(3) for t in range(-2, steps + 3)}
        for t in range(min(end, steps), first - 1, -1):
            dh = back[t].copy()
            if t > end - every:
                do = a["c"] + a["V"] @ h[t] - a["y"][t - 1]
                grads["c"] += do
                grads["V"] += np.outer(do, h[t])
                grads["y"][t - 1] -= do
                dh += a["V"].T @ do
            da = (1 - h[t] ** 2) * dh
            grads["b"] += da
            grads["W"] += np.outer(da, h[t - 1])
            grads["R"] += np.outer(da, h[t - 2])
            grads["U"] += np.outer(da, a["x"][t - 1])
            grads["x"][t - 1] += a["U"].T @ da
            back[t - 1] += a["W"].T @ da
            back[t - 2] += a["R"].T @ da
        if first == 1:  # the start belongs to the window of step 1
            grads["h0"] += back[0]
    return grads


@pytest.mark.parametrize("every", [1, 2, 3, 5, 11, 20])
@pytest.mark.parametrize("more", [0, 1, 2, 4, 9])
def test_gradients_are_those_of_a_loop_that_detaches(every, more):
    a = arrays()
    trace = run(RNN, a, truncate=(every, every + more))
    whole = run(RNN, a)
    assert trace.loss == whole.loss
    assert np.array_equal(trace["h"], whole["h"])
    for name, expected in detached(a, every, every + more).items():
        assert np.allclose(trace.gradient(name), expected, rtol=0, atol=1e-12), name


@pytest.mark.parametrize("truncate", [3, (2, 5), (4, 4)])
def test_a_batch_adds_up(truncate):
    a = arrays(3)
    trace = run(RNN, a, truncate=truncate)
    pair = truncate if isinstance(truncate, tuple) else (truncate, truncate)
    each = [detached({**a, "x": a["x"][:, i], "y": a["y"][:, i]}, *pair) for i in range(3)]
    for name in ("W", "R", "U", "b", "V", "h0"):
        expected = sum(e[name] for e in each)
        assert np.allclose(trace.gradient(name), expected, rtol=0, atol=1e-11), name
    assert np.allclose(trace.gradient("x"), np.stack([e["x"] for e in each], 1), rtol=0, atol=1e-12)


def test_against_torch():
    torch = pytest.importorskip("torch")
    a = arrays()
    p = {n: torch.tensor(v, requires_grad=True) for n, v in a.items()}
    last, before, loss = p["h0"], torch.zeros(3, dtype=torch.float64), 0.0
    for t in range(STEPS):
        if t and t % 4 == 0:
            last, before = last.detach(), before.detach()
        h = torch.tanh(p["b"] + p["W"] @ last + p["R"] @ before + p["U"] @ p["x"][t])
        last, before = h, last
        loss = loss + ((p["c"] + p["V"] @ h - p["y"][t]) ** 2).sum() / 2
    loss.backward()
    trace = run(RNN, a, truncate=4)
    for name, tensor in p.items():
        assert np.allclose(trace.gradient(name), tensor.grad.numpy(), rtol=0, atol=1e-12), name


# --- other recurrences ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "two lags", "coupled", "time delay"])
def test_one_window_is_the_whole(name):
    recurrence, dims = parse(RECURRENCES[name]), DIMS.get(name, {})
    whole = run(recurrence, steps=6, dims=dims)
    for truncate in (6, (6, 20), (3, 9), (1, 7)):
        trace = run(recurrence, steps=6, dims=dims, truncate=truncate)
        for key in whole.gradients:
            assert np.allclose(trace.gradient(key), whole.gradient(key), rtol=0, atol=1e-12), key


@given(recurrences(), st.integers(1, 7), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_windows_of_any_recurrence_add_up_to_the_whole(text, steps, every):
    """With windows as long as the run all turns together have each path once."""
    recurrence = parse(text)
    dims = {n: (2, 2) if n in "AB" else (2,) for n in recurrence.names}
    dims = {n: d for n, d in dims.items() if n not in recurrence.defined}
    whole = run(recurrence, steps=steps, dims=dims)
    if (
        "+ 1]" in text or "t+" in text
    ):  # a window ends where its stretch does: what looks ahead is cut
        every = steps
    trace = run(recurrence, steps=steps, dims=dims, truncate=(every, steps + every))
    assert trace.loss == whole.loss
    for key in whole.gradients:
        assert np.allclose(trace.gradient(key), whole.gradient(key), rtol=1e-9, atol=1e-9), key


def test_a_backward_scan_is_cut_at_the_same_steps():
    there = parse("h[t] = tanh(W @ h[t-1] + U @ x[t])\nJ = sum(sum(h[t] ** 2), t)")
    back = reverse(there)
    random = np.random.default_rng(0)
    a = {"W": random.normal(size=(3, 3)), "U": random.normal(size=(3, 2))}
    x = random.normal(size=(8, 2))
    one = run(there, {**a, "x": x}, truncate=4)
    two = run(back, {**a, "x": x[::-1]}, truncate=4)
    assert np.allclose(one.gradient("W"), two.gradient("W"), rtol=0, atol=1e-12)
    assert np.allclose(one.gradient("x"), two.gradient("x")[::-1], rtol=0, atol=1e-12)


def test_what_gathers_the_past_is_cut_too():
    recurrence = parse("c[t] = sum(v[s], s <= t)\nJ = sum(c[t] ** 2, t)\nv[t] = w * x[t]")
    x = np.arange(1.0, 7)
    trace = run(recurrence, {"x": x, "w": 2.0}, truncate=2)
    c = np.cumsum(2 * x)
    expected = [2 * sum(2 * c[s] for s in range(t, t - t % 2 + 2)) for t in range(6)]
    assert np.allclose(trace.gradient("x"), expected)


def test_a_penalty_counts_once():
    recurrence = parse("h[t] = tanh(W @ h[t-1] + U @ x[t])\nJ = sum(sum(h[t]), t) + sum(W * W) / 2")
    plain = parse("h[t] = tanh(W @ h[t-1] + U @ x[t])\nJ = sum(sum(h[t]), t)")
    random = np.random.default_rng(0)
    a = {"W": random.normal(size=(3, 3)), "U": random.normal(size=(3, 2)),
         "x": random.normal(size=(7, 2))}  # fmt: skip
    found = run(recurrence, a, truncate=(2, 5)).gradient("W")
    assert np.allclose(found - run(plain, a, truncate=(2, 5)).gradient("W"), a["W"])


def test_a_loss_of_each_step_is_an_objective():
    recurrence = parse("h[t] = tanh(W @ h[t-1] + U @ x[t])\nL[t] = sum(h[t] ** 2)")
    total = parse("h[t] = tanh(W @ h[t-1] + U @ x[t])\nL[t] = sum(h[t] ** 2)\nJ = sum(L[t], t)")
    one = run(recurrence, steps=7, of="L", truncate=(2, 4))
    two = run(total, steps=7, truncate=(2, 4))
    assert one.objective == "L"
    assert one.loss == pytest.approx(two.loss)
    assert np.allclose(one.gradient("W"), two.gradient("W"))
    assert np.array_equal(one.gradient("L"), np.ones(7))


def test_contributions_add_up():
    trace = run(RNN, arrays(), truncate=(2, 5))
    for name in ("W", "U", "V"):
        found = trace.contributions(name).sum(axis=0)
        assert np.allclose(found, trace.gradient(name), rtol=0, atol=1e-12)


# --- templates and refusals -------------------------------------------------------------

OVERLAP_REFUSED = {"attention", "edit-distance", "encoder-decoder", "memory", "recursive-tree",
                   "echo-state"}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*infinite or not a number")
@pytest.mark.parametrize("name", templates.names())
def test_templates(name):
    recurrence = unroll.template(name)
    if recurrence.functions:
        return
    if name == "recursive-tree":
        with pytest.raises(UnrollError, match="tree"):
            recurrence.run(truncate=2)
        return
    whole = recurrence.run(steps=6)
    trace = recurrence.run(steps=6, truncate=2)
    assert trace.loss == whole.loss or np.isnan(whole.loss)
    if name in OVERLAP_REFUSED:
        with pytest.raises(UnrollError, match="windows that overlap"):
            recurrence.run(steps=6, truncate=(2, 4))
        return
    assert recurrence.run(steps=6, truncate=(2, 4)).loss in (whole.loss, None) or np.isnan(
        whole.loss
    )


@pytest.mark.parametrize(
    ("truncate", "message"),
    [
        (0, "every 0 steps"),
        ((3, 2), "3 steps cannot be taken back through 2"),
        ("5", "no number of steps"),
        (2.5, "no number of steps"),
        ((1, 2, 3), "no number of steps"),
    ],
)
def test_what_is_no_truncation(truncate, message):
    with pytest.raises(UnrollError, match=message):
        run(RNN, arrays(), truncate=truncate)


# --- the drawing knows ------------------------------------------------------------------


def test_the_unrolled_graph_marks_edges_that_are_cut():
    recurrence = unroll.template("skip-connections").truncate(4)
    graph = recurrence.unroll(9)
    cut = {(s, t) for s, t, data in graph.edges(data=True) if data["cut"]}
    crossing = {(4, 5), (8, 9), (2, 5), (3, 6), (4, 7), (6, 9)}
    assert cut == {(("h", s), ("h", t)) for s, t in crossing}
    assert graph.fold() == recurrence.fold()
    plain = unroll.template("rnn").unroll(4)
    assert not any(data["cut"] for _, _, data in plain.edges(data=True))


def test_what_is_stopped_everywhere_is_cut_everywhere():
    graph = unroll.parse("h[t] = tanh(stop_gradient(h[t-1]) + x[t])").unroll(3)
    assert sorted(t for _, (_, t), data in graph.edges(data=True) if data["cut"]) == [1, 2, 3]
    both = unroll.parse("h[t] = stop_gradient(h[t-1]) * h[t-1]").unroll(2)
    assert not any(data["cut"] for _, _, data in both.edges(data=True))


@pytest.mark.parametrize("flow", ["both", "backward", "forward", "none"])
def test_a_picture_marks_edges_that_are_cut(flow):
    def edges(recurrence):
        svg = recurrence.draw(steps=5, flow=flow, view="unfolded").svg()
        return [e for e in re.findall("<g [^>]*>", svg) if 'data-kind="edge"' in e]

    rnn = unroll.template("rnn")
    whole, cut = edges(rnn), edges(rnn.truncate(2))
    marked = [e for e in cut if 'data-cut="true"' in e]
    ends = [re.findall('data-(?:source|target)="([^"]*)"', e) for e in marked]
    assert ends == [["h[2]", "h[3]"], ["h[4]", "h[5]"]]
    assert not any('data-flow="backward"' in e for e in marked)
    backward = sum('data-flow="backward"' in e for e in whole)
    assert sum('data-flow="backward"' in e for e in cut) == max(0, backward - 2)
    assert not any("data-cut" in e for e in whole)
