"""Which loss says what of which step: sums, zeros, and the tape of the oracle loss by loss."""

import numpy as np
import pytest
from oracle import Oracle

import unroll
from unroll import templates
from unroll.errors import UnrollError
from unroll.numeric.contributions import per_step
from unroll.numeric.layout import wanted

CAUSAL = ("elman", "gru", "jordan", "leaky", "lstm-book", "rnn", "skip-connections")


def with_losses():
    for name in templates.names():
        trace = unroll.template(name).run(steps=4, seed=2)
        try:
            per_step(trace)
        except UnrollError:
            continue
        yield name


@pytest.mark.parametrize("name", list(with_losses()))
def test_losses_add_up_to_the_gradient(name):
    trace = unroll.template(name).run(steps=4, seed=2)
    for key in trace.gradients:
        if key == trace.objective:
            continue
        found = trace.sensitivities(key)
        gradient = trace.gradient(key)
        assert found.shape == (4, *gradient.shape)
        assert np.allclose(found.sum(axis=0), gradient, rtol=0, atol=1e-12), key


@pytest.mark.parametrize("name", CAUSAL)
def test_each_loss_alone_by_the_oracle(name):
    recurrence = unroll.template(name)
    trace = recurrence.run(steps=4, seed=3)
    loss = per_step(trace)
    arrays = {n: trace[n] for n in wanted(trace.forward)}
    states = [n for n in trace.forward.defined if n in trace.forward.states]
    for k in range(1, 5):
        text = f"{recurrence}\nonly = {loss}[{k}]"
        one = unroll.parse(text)
        oracle = Oracle(one, arrays, dict(trace.sizes.lengths), {**trace.shapes, "only": ()})
        gradients = oracle.gradients("only")
        for state in states:
            found = trace.sensitivities(state)
            for t in range(1, 5):
                expected = gradients[state, (t,)]
                assert np.allclose(found[k - 1, t - 1], expected, rtol=0, atol=1e-13)
                assert np.any(expected) or t > k or not np.any(trace.gradient(state)[t - 1])


@pytest.mark.parametrize("name", CAUSAL)
def test_a_causal_network_hears_of_no_later_step(name):
    trace = unroll.template(name).run(steps=6)
    state = next(n for n in trace.forward.defined if n in trace.forward.states)
    norms = np.linalg.norm(trace.sensitivities(state), axis=-1)
    assert np.all(norms[np.triu_indices(6, 1)] == 0)
    assert np.all(norms[np.diag_indices(6)] > 0)


def test_what_runs_backward_hears_of_later_steps_only():
    trace = unroll.template("bidirectional").run(steps=5)
    norms = np.linalg.norm(trace.sensitivities("g"), axis=-1)
    assert np.all(norms[np.tril_indices(5, -1)] == 0)
    assert np.all(norms[np.triu_indices(5)] > 0)


def test_some_losses_another_scalar_and_parameters():
    text = f"{unroll.template('rnn')}\ns[t] = sum(h[t] ** 2)"
    rnn = unroll.parse(text)
    trace = rnn.run(steps=5, dims={"x": 4, "h": 3, "y": 4}, of="J")
    whole = trace.sensitivities("h")
    assert np.array_equal(trace.sensitivities("h", steps=(2, 5)), whole[[1, 4]])
    own = trace.sensitivities("h", of="s")
    assert np.allclose(own[range(5), range(5)], 2 * trace["h"], rtol=0, atol=1e-15)
    assert trace.sensitivities("W").shape == (5, 3, 3)
    assert not np.any(trace.sensitivities("o")[np.tril_indices(5, -1)])


def test_a_loss_that_does_not_depend_on_it_gives_zeros():
    trace = unroll.parse("h[t] = w * h[t-1] + x[t]; r[t] = h[t] ** 2; L[t] = x[t] ** 2").run(
        steps=3, dims={"x": ()}, of="r"
    )
    assert np.array_equal(trace.sensitivities("h", of="L"), np.zeros((3, 3)))


def test_an_entry_of_a_batch_as_if_it_were_alone():
    generator = np.random.default_rng(0)
    rnn = unroll.template("rnn")
    arrays = {n: generator.normal(size=s) for n, s in
              {"W": (3, 3), "U": (3, 2), "V": (4, 3), "b": (3,), "c": (4,)}.items()}  # fmt: skip
    x, y = generator.normal(size=(5, 6, 2)), generator.integers(4, size=(5, 6))
    whole = rnn.run({**arrays, "x": x, "y": y})
    alone = rnn.run({**arrays, "x": x[:, 2], "y": y[:, 2]})
    found = whole.sensitivities("h", entry=2)
    assert np.allclose(found, alone.sensitivities("h"), rtol=0, atol=1e-15)
    assert np.allclose(whole.jacobian("h", entry=2), alone.jacobian("h"), rtol=0, atol=1e-15)
    with pytest.raises(UnrollError, match="batch of 6"):
        whole.sensitivities("h")
    with pytest.raises(UnrollError, match="batch of 6"):
        whole.sensitivities("h", entry=6)
    with pytest.raises(UnrollError, match="no batch"):
        alone.sensitivities("h", entry=0)


def test_an_entry_has_the_steps_of_its_own():
    generator = np.random.default_rng(1)
    rnn = unroll.template("rnn")
    arrays = {n: generator.normal(size=s) for n, s in
              {"W": (3, 3), "U": (3, 2), "V": (4, 3), "b": (3,), "c": (4,)}.items()}  # fmt: skip
    x, y = generator.normal(size=(5, 3, 2)), generator.integers(4, size=(5, 3))
    whole = rnn.run({**arrays, "x": x, "y": y}, lengths=[5, 3, 4])
    alone = rnn.run({**arrays, "x": x[:3, 1], "y": y[:3, 1]})
    found = whole.sensitivities("h", entry=1)
    assert found.shape == (3, 3, 3)
    assert np.allclose(found, alone.sensitivities("h"), rtol=0, atol=1e-15)
    assert np.allclose(whole.jacobian("h", entry=1), alone.jacobian("h"), rtol=0, atol=1e-15)
    own = whole.influence("h", "x", entry=2)
    assert own.shape == (4, 4, 3, 2)


def test_float32_stays_float32():
    trace = unroll.template("lstm").run(steps=4, dtype="float32")
    assert trace.sensitivities("c").dtype == trace.jacobian("c").dtype == np.float32


def test_one_run_for_all_losses_and_not_one_each(monkeypatch):
    from unroll.numeric import execution

    trace = unroll.template("rnn").run(steps=30)
    runs = []
    original = execution.run
    monkeypatch.setattr(execution, "run", lambda *a, **k: runs.append(1) or original(*a, **k))
    assert trace.sensitivities("h").shape == (30, 30, 3)
    assert len(runs) == 1


@pytest.mark.parametrize(
    ("text", "name", "of", "words"),
    [
        ("h[t] = tanh(W @ h[t-1] + x[t])", "h", None, "no loss"),
        ("h[t] = tanh(W @ h[t-1] + x[t]); J = mean(sum(h[t]), t)", "h", None, "not the sum of one"),
        ("h[t] = tanh(W @ h[t-1] + x[t]); L[t] = sum(h[t])", "h", "h", "not a number at each step"),
        ("h[t] = tanh(W @ h[t-1] + x[t]); L[t] = sum(h[t])", "hh", None, "no name 'hh'"),
        ("h[t] = tanh(W @ h[t-1] + x[t]); L[t] = sum(h[t])", "h", "K", "no variable 'K'"),
    ],
)
def test_what_cannot_be_answered_is_refused(text, name, of, words):
    trace = unroll.parse(text).run(steps=3, dims={"h": 2})
    with pytest.raises(UnrollError, match=words):
        trace.sensitivities(name, of)


def test_a_step_that_there_is_not():
    trace = unroll.template("rnn").run(steps=3)
    with pytest.raises(UnrollError, match="no step 4 of L"):
        trace.sensitivities("h", steps=(4,))
