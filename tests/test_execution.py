"""Runs against the oracle, for recurrences of every kind that one axis allows."""

import numpy as np
import pytest
from agreement import assert_agrees

import unroll
from unroll import templates
from unroll.errors import NonFiniteWarning, UnrollError
from unroll.language.parser import parse
from unroll.numeric.execution import run

RECURRENCES = {
    "rnn": """a[t] = b + W @ h[t-1] + U @ x[t]
        h[t] = tanh(a[t])
        o[t] = c + V @ h[t]
        yhat[t] = softmax(o[t])
        L[t] = cross_entropy(yhat[t], y[t])
        J = sum(L[t], t)""",
    "learned start": """h[0] = h0
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        L[t] = squared_error(V @ h[t], z[t])
        J = sum(L[t], t)""",
    "computed start": """h[0] = tanh(F @ C)
        h[t] = tanh(W @ h[t-1] + U @ x[t] + R @ C)
        J = sum(sum(h[t] * h[t]), t)""",
    "given start": """h[0] = given
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(sum(h[t] * h[t]), t)""",
    "output recurrence": """h[t] = tanh(b + W @ o[t-1] + U @ x[t])
        o[t] = c + V @ h[t]
        L[t] = cross_entropy(softmax(o[t]), y[t])
        J = sum(L[t], t)""",
    "teacher forcing": """h[t] = tanh(b + W @ y[t-1] + U @ x[t])
        o[t] = c + V @ h[t]
        L[t] = cross_entropy(softmax(o[t]), y[t])
        J = sum(L[t], t)""",
    "single output": """h[t] = tanh(b + W @ h[t-1] + U @ x[t])
        o[tau] = c + V @ h[tau]
        L[tau] = cross_entropy(softmax(o[tau]), y[tau])
        J = L[tau]""",
    "time delay": """h[t] = tanh(A @ x[t] + B @ x[t-1] + C @ x[t-2])
        J = sum(sum(h[t] ** 2), t)""",
    "two lags": """s[t] = tanh(A @ s[t-1] + B @ s[t-2] + U @ x[t])
        J = mean(sum(s[t] ** 2), t)""",
    "lag beyond the start": """s[t] = tanh(A @ s[t-1] + B @ s[t-9] + U @ x[t-8])
        J = sum(sum(s[t] ** 2), t)""",
    "backwards": """g[t] = tanh(W @ g[t+1] + U @ x[t])
        J = sum(sum(g[t] ** 2), t)""",
    "both ways": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        g[t] = tanh(R @ g[t+1] + Q @ x[t])
        o[t] = V @ h[t] + M @ g[t]
        J = sum(sum(exp(0.1 * o[t])), t)""",
    "lstm": """i[t] = sigmoid(bi + Wi @ h[t-1] + Ui @ x[t])
        f[t] = sigmoid(bf + Wf @ h[t-1] + Uf @ x[t])
        g[t] = tanh(bg + Wg @ h[t-1] + Ug @ x[t])
        q[t] = sigmoid(bo + Wo @ h[t-1] + Uo @ x[t])
        s[t] = f[t] * s[t-1] + i[t] * g[t]
        h[t] = q[t] * tanh(s[t])
        L[t] = cross_entropy(softmax(V @ h[t]), y[t])
        J = sum(L[t], t)""",
    "gru": """z[t] = sigmoid(bz + Wz @ h[t-1] + Uz @ x[t])
        r[t] = sigmoid(br + Wr @ h[t-1] + Ur @ x[t])
        n[t] = tanh(bn + Wn @ (r[t] * h[t-1]) + Un @ x[t])
        h[t] = (1 - z[t]) * h[t-1] + z[t] * n[t]
        J = sum(squared_error(h[t], d[t]), t)""",
    "scalars": """s[t] = alpha * s[t-1] + (1 - alpha) * v[t]
        J = sum((s[t] - v[t]) ** 2, t) / tau + 0.1 * alpha ** 2""",
    "the step as a number": """s[t] = s[t-1] + beta ** t * v[t] / t
        J = sum(s[t] ** 2, t)""",
    "penalty": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(sum(h[t] ** 2), t) + 0.5 * sum(W * W)""",
    "extremes": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = max(sum(h[t]), t) + min(sum(h[t] * h[t]), t) + mean(max(h[t]), t)""",
    "ranges": """h[1] = U @ x[1]
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(sum(h[t] ** 2), t)""",
    "first step kept": """h[0] = h0
        h[t] = tanh(W @ h[t-1] + R @ h[0] + U @ x[t])
        J = sum(sum(h[t] ** 2), t)""",
    "only the first step": """h[0] = h0
        h[t] = tanh(R @ h[0] + U @ x[t])
        J = sum(sum(h[t] ** 2), t)""",
    "normalised over time": """e[t] = exp(v.T @ x[t])
        w[t] = e[t] / sum(e[t], t)
        h[t] = tanh(W @ h[t-1] + w[t] * x[t])
        J = sum(sum(h[t] ** 2), t)""",
    "concatenated": """h[t] = tanh(W @ concat(h[t-1], x[t], 1))
        J = sum(sum(h[t] ** 2), t)""",
    "context at every step": """c[t] = tanh(A @ c[t-1] + B @ x[t])
        C = tanh(M @ c[tau])
        h[t] = tanh(W @ h[t-1] + R @ C)
        J = sum(sum(h[t] ** 2), t)""",
    "constants per step": """L[t] = o[t] + c
        o[t] = w * v[t]
        J = sum(L[t], t)""",
    "vectors added to a number": """h[t] = tanh(a * h[t-1] + k + U @ x[t])
        J = sum(sum(h[t] * b), t)""",
    "coupled": """p[t] = tanh(A @ q[t-1] + U @ x[t])
        q[t] = tanh(B @ p[t] + C @ p[t-1])
        J = sum(p[t].T @ q[t], t)""",
    "no objective": """s[t] = tanh(W @ s[t-1] + U @ x[t])
        r[t] = V @ s[t]""",
    "python's words": """lambda[t] = tanh(W @ lambda[t-1] + U @ np[t])
        J = sum(sum(lambda[t] ** 2), t)""",
}
DIMS = {
    "rnn": {"x": 4, "h": 3, "y": 5},
    "learned start": {"x": 2, "h": 3, "z": 4},
    "computed start": {"x": 2, "h": 3, "C": 4},
    "concatenated": {"x": 2, "h": 3},
}


def parsed(name):
    return parse(RECURRENCES[name])


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("name", RECURRENCES)
def test_values_and_gradients_are_the_oracles(name, steps):
    recurrence = parsed(name)
    assert_agrees(recurrence, run(recurrence, steps=steps, dims=DIMS.get(name, {}), seed=3))


@pytest.mark.parametrize("name", RECURRENCES)
def test_a_batch_is_its_entries_one_by_one(name):
    recurrence = parsed(name)
    single = run(recurrence, steps=4, dims=DIMS.get(name, {}))
    random = np.random.default_rng(1)
    arrays = {}
    for key in [*recurrence.names, *(n for n in single.values if "[" in n)]:
        if key in recurrence.defined:
            continue
        value = single.values[key] if "[" in key else single[key]
        if "[" in key:
            value = random.normal(size=(3, *value.shape))
        elif key in recurrence.inputs:
            entries = [value[random.permutation(len(value))] for _ in range(3)]
            value = np.stack(entries, axis=1)
        arrays[key] = value
    trace = run(recurrence, arrays)
    assert trace.batched
    assert_agrees(recurrence, trace)


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("name", templates.names())
def test_templates_are_the_oracles(name, steps):
    recurrence = unroll.template(name)
    if not recurrence.functions:
        assert_agrees(recurrence, recurrence.run(steps=steps))


@pytest.mark.parametrize("dtype", ["float32", np.float32])
@pytest.mark.parametrize("name", RECURRENCES)
def test_float32_stays_float32_and_close(name, dtype):
    recurrence = parsed(name)
    exact = run(recurrence, steps=4, dims=DIMS.get(name, {}))
    trace = run(recurrence, steps=4, dims=DIMS.get(name, {}), dtype=dtype)
    assert {v.dtype for v in trace.values.values()} == {np.dtype(np.float32)}
    for key in trace.gradients:
        assert np.allclose(trace.gradient(key), exact.gradient(key), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [n for n in RECURRENCES if "J =" in RECURRENCES[n]])
def test_contributions_add_up_to_the_gradient(name):
    trace = run(parsed(name), steps=4, dims=DIMS.get(name, {}))
    for parameter in trace.parameters:
        if name in ("penalty", "scalars") and parameter in ("W", "alpha"):
            with pytest.raises(UnrollError, match="belongs to no step"):
                trace.contributions(parameter)
            continue
        found = trace.contributions(parameter)
        assert found.shape == (4, *trace[parameter].shape)
        assert np.allclose(found.sum(axis=0), trace.gradient(parameter), rtol=0, atol=1e-12)


def test_contributions_of_the_book():
    trace = run(parsed("rnn"), steps=5, dims=DIMS["rnn"])
    h = np.concatenate([np.zeros((1, 3)), trace["h"]])
    expected = [
        np.outer((1 - h[t] ** 2) * trace.gradient("h")[t - 1], h[t - 1]) for t in range(1, 6)
    ]
    assert np.allclose(trace.contributions("W"), expected, rtol=0, atol=1e-14)


def test_a_long_sequence_runs_in_one_call():
    trace = run(parsed("rnn"), steps=20_000, dims={"x": 16, "h": 32, "y": 16})
    assert trace.gradient("x").shape == (20_000, 16)
    assert np.isfinite(trace.loss)


def test_results_are_never_overwritten():
    recurrence = parsed("rnn")
    first = run(recurrence, steps=3, seed=1)
    h, gradient = first["h"], first.gradient("W")
    kept = h.copy(), gradient.copy()
    run(recurrence, steps=3, seed=2)
    first["h"][:] = 0
    assert np.array_equal(h, kept[0])
    assert np.array_equal(gradient, kept[1])
    assert np.array_equal(first["h"], kept[0])


def test_given_arrays_are_not_touched_and_do_not_change_the_trace():
    x = np.ones((3, 2))
    trace = run(parse("h[t] = w * h[t-1] + sum(x[t])\nJ = sum(h[t], t)"), {"x": x, "w": 0.5})
    x[:] = 7
    assert np.array_equal(trace["x"], np.ones((3, 2)))
    assert trace["h"].tolist() == [2, 3, 3.5]


def test_random_arrays_do_not_depend_on_other_names():
    one = run(parse("h[t] = tanh(W @ h[t-1] + U @ x[t])"), steps=3, dims={"h": 2, "x": 2}, seed=5)
    two = run(
        parse("h[t] = tanh(A @ q + W @ h[t-1] + U @ x[t])"), steps=3, dims={"h": 2, "x": 2}, seed=5
    )
    assert np.array_equal(one["W"], two["W"])
    assert np.array_equal(one["x"], two["x"])
    assert not np.array_equal(
        one["x"],
        run(parse("h[t] = tanh(W @ h[t-1] + U @ x[t])"), steps=3, dims={"h": 2, "x": 2}, seed=6)[
            "x"
        ],
    )


def test_steps_out_of_the_program_cost_no_new_one():
    from unroll.numeric import execution

    recurrence = parsed("gru")
    run(recurrence, steps=3, seed=1)
    before = execution._compiled.cache_info().misses
    run(recurrence, steps=3, seed=2)
    run(parsed("gru"), steps=3, seed=3)
    assert execution._compiled.cache_info().misses == before


def test_forward_only():
    trace = run(parsed("rnn"), steps=3, gradients=False)
    assert trace.loss == run(parsed("rnn"), steps=3).loss
    with pytest.raises(UnrollError, match="no gradients"):
        trace.gradient("W")


def test_an_objective_by_name():
    recurrence = parse(
        "h[t] = tanh(W @ h[t-1] + x[t])\nA = sum(sum(h[t]), t)\nB = sum(h[t].T @ h[t], t)"
    )
    with pytest.raises(UnrollError, match="several"):
        run(recurrence, steps=3)
    a, b = (run(recurrence, steps=3, of=name) for name in "AB")
    assert not np.allclose(a.gradient("W"), b.gradient("W"))


def test_an_opaque_function_must_be_bound():
    with pytest.raises(UnrollError, match="f is an opaque function") as caught:
        run(parse("s[t] = f(s[t-1], x[t]; theta)"), steps=3)
    assert "bind" in str(caught.value)


def test_extreme_logits_stay_exact():
    recurrence = parse("L[t] = cross_entropy(softmax(o[t]), y[t])\nJ = sum(L[t], t)")
    trace = run(recurrence, {"o": [[1000.0, -1000.0], [-1000.0, 1000.0]], "y": [0, 0]})
    assert trace["L"].tolist() == [0, 2000]
    assert trace.gradient("o").tolist() == [[0, 0], [-1, 1]]
    assert trace.nonfinite is None


def test_where_numbers_overflow_is_said():
    recurrence = parse("s[t] = s[t-1] ** 2 * w\ns[0] = 10\nJ = sum(s[t], t)")
    with pytest.warns(NonFiniteWarning, match="s at step 8"):
        trace = run(recurrence, {"w": 10.0}, steps=12)
    assert trace.nonfinite == ("s", 8)
    assert "not finite from s at step 8" in repr(trace)


def test_a_loss_per_step_as_objective_is_summed_over_steps_and_batch():
    recurrence = parse("h[t] = tanh(w * h[t-1] + v[t])\nL[t] = h[t] ** 2")
    v = np.random.default_rng(0).normal(size=(5, 3))
    trace = run(recurrence, {"v": v, "w": 0.3}, of="L")
    single = [run(recurrence, {"v": v[:, i], "w": 0.3}, of="L") for i in range(3)]
    assert np.isclose(trace.loss, sum(s.loss for s in single), rtol=1e-14)
    assert np.isclose(trace.gradient("w"), sum(s.gradient("w") for s in single), rtol=1e-12)


def test_what_is_the_same_for_every_entry_of_a_batch_counts_for_each():
    recurrence = parse("""k[t] = tanh(w * k[t-1] + 1)
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(sum(h[t]) * k[t] + k[t], t) + w * w""")
    arrays = {"w": 0.4, "W": np.eye(2), "U": np.eye(2)}
    x = np.random.default_rng(0).normal(size=(5, 3, 2))
    trace = run(recurrence, {**arrays, "x": x})
    single = [run(recurrence, {**arrays, "x": x[:, i]}) for i in range(3)]
    assert trace["k"].shape == (5,)
    assert np.isclose(trace.loss, sum(s.loss for s in single), rtol=1e-14)
    for name in ("w", "W", "k"):
        expected = sum(s.gradient(name) for s in single)
        assert np.allclose(trace.gradient(name), expected, rtol=1e-12, atol=0)
