"""Derived forms: what they say, and that their numbers are those of the definition."""

import numpy as np
import pytest
from agreement import assert_agrees

import unroll
from unroll.errors import UnrollError

RNN = """h[t] = tanh(b + W @ h[t-1] + U @ x[t])
o[t] = c + V @ h[t]
L[t] = cross_entropy(softmax(o[t]), y[t])
J = sum(L[t], t)"""
DIMS = {"x": 3, "h": 3, "y": 3}


def test_what_is_fed_back_and_back_again():
    forced = unroll.template("teacher-forcing")
    free = forced.free_running()
    assert "W @ o[t-1]" in str(free)
    assert free.teacher_forced() == forced
    assert forced.free_running(y="o") == free
    assert free.run(steps=4).schedule.scans
    assert not forced.run(steps=4).schedule.scans


@pytest.mark.parametrize(
    ("text", "feeds", "message"),
    [
        (RNN, {}, "no target is fed back at an earlier step (targets: y)"),
        (RNN, {"z": "o"}, "there is no 'z' in this recurrence"),
        ("h[t] = tanh(h[t-1] + x[t])", {}, "no target is fed back"),
    ],
)
def test_nothing_to_feed_back(text, feeds, message):
    with pytest.raises(UnrollError) as caught:
        unroll.parse(text).free_running(**feeds)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["rnn", "lstm", "bidirectional", "time-delay", "adam", "gru-book"])
@pytest.mark.parametrize("steps", [1, 4])
def test_reversed_twice_it_is_the_same_and_once_it_runs_the_other_way(name, steps):
    forward = unroll.template(name).runnable()
    backward = forward.reverse()
    assert backward.reverse().run(steps=steps, dims=dims_of(forward)).values.keys()
    first = forward.run(steps=steps, dims=dims_of(forward))
    turned = {
        n: (first[n][::-1] if forward.axes_of(n) else first[n])
        for n in forward.names
        if n not in forward.defined
    }
    given = {f"{n}[tau+1]": first.initial(n) for n in given_at_start(forward)}
    second = backward.run({**turned, **given})
    for name_ in forward.defined:
        there = first[name_][::-1] if forward.axes_of(name_) else first[name_]
        np.testing.assert_allclose(second[name_], there, rtol=1e-13, atol=1e-13)
    for name_ in first.gradients:
        there = first.gradient(name_)
        there = there[::-1] if forward.axes_of(name_) else there
        np.testing.assert_allclose(second.gradient(name_), there, rtol=1e-10, atol=1e-12)


def dims_of(recurrence):
    return {n: d for n, d in DIMS.items() if n in recurrence.names}


def given_at_start(recurrence):
    return [
        e.name for e in recurrence.equations
        if getattr(e.expression, "operation", "") == "given"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_stacked_layers_are_the_layers_run_one_after_the_other(name):
    one = unroll.template(name)
    tall = one.stack()
    steps, dims = {"t": 4, "n_l": 3}, {"x": 3, "h": 3, "y": 3}
    trace = tall.run(steps=steps, dims=dims)
    assert_agrees(tall, trace)
    below = trace["x"]
    per_layer = [n for n in one.parameters if tall.axes_of(n)]
    for layer in range(3):
        arrays = {n: trace[n][layer] for n in per_layer}
        rest = {n: trace[n] for n in (*one.parameters, "y") if n not in per_layer}
        alone = one.run({**arrays, **rest, "x": below})
        np.testing.assert_allclose(trace["h"][layer], alone["h"], atol=1e-14)
        below = alone["h"]
    assert tall.check(steps=steps, dims=dims).passed


def test_what_cannot_be_stacked_is_asked_about():
    with pytest.raises(UnrollError, match="which input leads from layer to layer"):
        unroll.parse("h[t] = tanh(h[t-1] + x[t] + z[t])").stack()
    with pytest.raises(UnrollError, match="which state leads from layer to layer"):
        unroll.parse("h[t] = x[t]").stack()
    stacked = unroll.parse("h[t] = tanh(h[t-1] + x[t] + z[t])").stack(source="x")
    assert "h[l, t] = tanh(h[l, t-1] + h[l-1, t] + z[t])" in str(stacked)


@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_truncated_gradients_are_those_of_the_pieces(every):
    whole = unroll.parse(RNN)
    trace = whole.truncate(every).run(steps=6, dims=DIMS)
    plain = whole.run(steps=6, dims=DIMS)
    assert trace.loss == pytest.approx(plain.loss, abs=1e-14)
    names = [n for n in whole.names if n not in whole.defined]
    total = dict.fromkeys(whole.parameters, 0.0)
    for start in range(0, 6, every):
        part = {n: plain[n][start : start + every] if whole.axes_of(n) else plain[n] for n in names}
        initial = {"h[0]": plain["h"][start - 1]} if start else {}
        piece = whole.run({**part, **initial})
        for name in total:
            total[name] = total[name] + piece.gradient(name)
    for name, expected in total.items():
        np.testing.assert_allclose(trace.gradient(name), expected, atol=1e-12)


def test_a_truncation_needs_a_length():
    with pytest.raises(UnrollError, match="every 0 steps"):
        unroll.parse(RNN).truncate(0)
