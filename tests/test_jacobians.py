"""Jacobians against closed forms, against differences of forward runs, and against each other."""

import numpy as np
import pytest

import unroll
from unroll.errors import UnrollError
from unroll.numeric.jacobians import norms, products, singular_values, spectral_radius
from unroll.numeric.layout import wanted

EXACT = {"rtol": 0, "atol": 1e-14}


def diagonal(rows):
    return rows[:, :, None] * np.eye(rows.shape[1])


def before(trace, name):
    first = trace.initial(name)
    first = np.zeros(trace.shapes[name]) if first is None else first
    return np.concatenate([[first], trace[name][:-1]])


def steps_by_difference(recurrence, trace, stacked, size=1e-6):
    """∂s^(t)/∂s^(t-1), one step at a time: runs of length one from the state before, moved."""
    arrays = {n: trace[n] for n in wanted(trace.forward)}
    shared = {n: a for n, a in arrays.items() if not trace.forward.axes_of(n)}
    found = []
    for t in range(trace.steps):
        own = {n: a[t : t + 1] for n, a in arrays.items() if n not in shared}
        start = {n: before(trace, n)[t] for n in trace.forward.states}

        def after(start, own=own):
            given = {f"{n}[0]": v for n, v in start.items()}
            run = recurrence.run({**shared, **own, **given}, gradients=False)
            return np.concatenate([run[n][0] for n in stacked])

        columns = []
        for name in stacked:
            for i in range(len(start[name])):
                shift = size * (np.arange(len(start[name])) == i)
                ahead, behind = (after({**start, name: start[name] + s}) for s in (shift, -shift))
                columns.append((ahead - behind) / (2 * size))
        found.append(np.stack(columns, axis=1))
    return np.stack(found)


def test_rnn_by_its_equation():
    trace = unroll.template("rnn").run(steps=6, seed=1)
    slope = 1 - trace["h"] ** 2
    assert np.allclose(trace.jacobian("h"), slope[:, :, None] * trace["W"], **EXACT)
    assert np.allclose(trace.jacobian("h", by="x"), slope[:, :, None] * trace["U"], **EXACT)
    assert np.allclose(trace.jacobian("h", by="a"), diagonal(slope), **EXACT)
    both = trace.jacobian("a", "h", by="h")
    assert np.allclose(both[:, :3], np.broadcast_to(trace["W"], (6, 3, 3)), **EXACT)
    assert np.array_equal(both[:, 3:], trace.jacobian("h"))


def test_lstm_cell_by_its_forget_gate():
    trace = unroll.template("lstm").run(steps=6, seed=1)
    assert np.allclose(trace.jacobian("c"), diagonal(trace["f"]), **EXACT)
    book = unroll.template("lstm-book").run(steps=6, seed=1)
    assert np.allclose(book.jacobian("s"), diagonal(book["f"]), **EXACT)


def test_leaky_unit_and_linear_by_their_equations():
    ema = unroll.template("ema").run(steps=4)
    assert np.allclose(ema.jacobian("mu"), ema["alpha"] * np.eye(3), **EXACT)
    linear = unroll.template("linear").run(steps=4)
    power = np.linalg.matrix_power(linear["W"].T, 3)
    assert np.allclose(linear.jacobian("h"), linear["W"].T, **EXACT)
    assert np.allclose(products(linear.jacobian("h"))[4, 1], power, **EXACT)


def test_output_recurrence_through_the_hidden_layer():
    trace = unroll.template("output-recurrence").run(steps=4)
    slope = 1 - trace["h"] ** 2
    expected = trace["V"] @ (slope[:, :, None] * trace["W"])
    assert np.allclose(trace.jacobian("o"), expected, **EXACT)


@pytest.mark.parametrize(
    ("name", "stacked"),
    [("rnn", ("h",)), ("gru", ("h",)), ("gru-reset-before", ("h",)), ("lstm", ("h", "c")),
     ("lstm-book", ("s", "h")), ("elman", ("h",)), ("leaky", ("h",)), ("jordan", ("o", "s")),
     ("deep-stacked", ("h", "z")), ("lstm-peephole", ("h", "c"))],
)  # fmt: skip
def test_against_differences(name, stacked):
    recurrence = unroll.template(name)
    trace = recurrence.run(steps=4, seed=2)
    expected = steps_by_difference(recurrence, trace, stacked)
    assert np.allclose(trace.jacobian(*stacked), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "stacked"),
    [("rnn", ("h",)), ("gru", ("h",)), ("lstm", ("h", "c")), ("deep-stacked", ("h", "z"))],
)
def test_products_are_what_lies_between(name, stacked):
    trace = unroll.template(name).run(steps=5, seed=4)
    whole = products(trace.jacobian(*stacked))
    n = trace.shapes[stacked[0]][0]
    assert np.allclose(trace.influence(stacked[0], stacked[0]), whole[1:, 1:, :n, :n], **EXACT)


def test_products_begin_with_the_identity():
    steps = np.random.default_rng(0).normal(size=(3, 2, 2))
    found = products(steps)
    assert found.shape == (4, 4, 2, 2)
    assert np.array_equal(found[2, 2], np.eye(2))
    assert not np.any(found[1, 2])
    assert np.allclose(found[3, 0], steps[2] @ steps[1] @ steps[0], **EXACT)


def test_influence_against_differences():
    recurrence, size = unroll.template("gru"), 1e-6
    trace = recurrence.run(steps=4, seed=5)
    arrays = {n: trace[n] for n in wanted(trace.forward)}
    found = trace.influence("h", "x")
    assert found.shape == (4, 4, 3, 4)
    for s, i in np.ndindex(arrays["x"].shape):
        move = np.zeros_like(arrays["x"])
        move[s, i] = size
        ahead, behind = (
            recurrence.run({**arrays, "x": arrays["x"] + m}, gradients=False)["h"]
            for m in (move, -move)
        )
        assert np.allclose(found[:, s, :, i], (ahead - behind) / (2 * size), rtol=0, atol=1e-8)


def test_a_convolution_hears_its_window_alone_and_a_network_the_whole_past():
    """Goodfellow, Bengio & Courville 2016, the beginning of chapter 10."""
    delay = unroll.template("time-delay").run(steps=9)
    window = np.abs(delay.influence("o", "x")).sum(axis=(2, 3)) > 0
    lags = {int(k) for k in np.subtract(*np.nonzero(window))}
    assert lags == set(range(max(lags) + 1))
    assert 0 < max(lags) < 8
    network = np.abs(unroll.template("rnn").run(steps=9).influence("o", "x")).sum(axis=(2, 3)) > 0
    assert np.array_equal(network, np.tri(9, dtype=bool))


def test_a_state_is_a_summary_of_its_size():
    """The rank of ∂h^(t)/∂x^(1..t) is at most that of the state (section 10.1)."""
    trace = unroll.template("output-recurrence").run(steps=6, dims={"x": 5, "h": 4, "y": 2})
    whole = trace.influence("h", "x", steps=(6,))[0]
    assert np.linalg.matrix_rank(np.concatenate(whole[:5], axis=1)) == 2  # all passes through o
    assert np.linalg.matrix_rank(np.concatenate(whole, axis=1)) == 4


def test_what_runs_backward_is_by_the_step_after():
    trace = unroll.template("bidirectional").run(steps=4)
    found = trace.jacobian("g")
    between = trace.influence("g", "g")
    assert np.allclose(found[:3], between[range(3), range(1, 4)], **EXACT)
    assert np.any(found[:3])


def test_longer_lags_by_their_number():
    text = "h[t] = tanh(W @ h[t-1] + V @ h[t-3] + x[t])"
    trace = unroll.parse(text).run(steps=5, dims={"h": 2})
    slope = (1 - trace["h"] ** 2)[:, :, None]
    assert np.allclose(trace.jacobian("h"), slope * trace["W"], **EXACT)
    assert np.allclose(trace.jacobian("h", lag=3), slope * trace["V"], **EXACT)
    assert not np.any(trace.jacobian("h", lag=2))


def test_layers_are_laid_out_as_one_vector():
    text = "h[0, t] = x[t]; h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t])"
    trace = unroll.parse(text).run(steps=4, dims={"x": 2, "h": 2, "n_l": 3})
    found = trace.jacobian("h")
    assert found.shape == (4, 6, 6)
    between = trace.influence("h", "h")  # (l, t, l, t, n, n)
    for t in range(1, 4):
        total = between[:, t, :, t - 1]  # by a layer with those above it, in its own step, too
        alone = found[t].reshape(3, 2, 3, 2).swapaxes(1, 2)
        assert np.allclose(alone[:, 2], total[:, 2], **EXACT)
        assert np.array_equal(alone[0, 1:], np.zeros((2, 2, 2)))


def test_a_matrix_as_a_state():
    trace = unroll.template("linear-attention").run(steps=3)
    size = int(np.prod(trace.shapes["S"]))
    assert np.allclose(trace.jacobian("S"), np.broadcast_to(np.eye(size), (3, size, size)), **EXACT)


def test_given_and_computed_initial_values():
    text = "h[t] = tanh(W @ h[t-1]); h[0] = tanh(F @ C)"
    trace = unroll.parse(text).run(steps=3, dims={"h": 2, "C": 2})
    slope = (1 - trace["h"] ** 2)[:, :, None]
    assert np.allclose(trace.jacobian("h"), slope * trace["W"], **EXACT)
    assert np.any(trace.influence("h", "C"))
    given = unroll.parse("h[t] = h[t-1] ** 2; h[0] = given").run({"h[0]": np.array([3.0, 2.0])},
                                                                  steps=2)  # fmt: skip
    assert np.array_equal(given.jacobian("h"), [np.diag([6.0, 4.0]), np.diag([18.0, 8.0])])


def test_a_context_and_a_tree():
    trace = unroll.template("encoder-decoder").run(steps=4)
    assert trace.influence("C", "h").shape == (4, 3, 3)
    last = np.broadcast_to(np.eye(3), (3, 3))
    assert np.allclose(trace.influence("C", "h")[3], last, **EXACT)
    tree = unroll.template("recursive-tree").run(steps=4)
    assert np.any(tree.influence("h", "x"))
    with pytest.raises(UnrollError, match="nodes of a tree"):
        tree.jacobian("h")


def test_the_numbers_of_numpy():
    trace = unroll.template("linear").run(steps=3, seed=8)
    found = trace.jacobian("h")
    W = trace["W"]
    assert np.allclose(spectral_radius(found), np.abs(np.linalg.eigvals(W)).max())
    assert np.allclose(singular_values(found)[0] ** 2, np.linalg.eigvalsh(W @ W.T)[::-1])
    assert np.allclose(norms(found), np.linalg.norm(W, 2))


def test_a_radius_below_one_does_not_mean_that_nothing_grows():
    """Not for a matrix that is not normal: its norm decides (section 10.8)."""
    trace = unroll.parse("h[t] = W @ h[t-1]; h[0] = given").run(
        {"W": np.array([[0.5, 10.0], [0.0, 0.5]]), "h[0]": np.array([0.0, 1.0])}, steps=8
    )
    assert spectral_radius(trace.jacobian("h"))[0] == pytest.approx(0.5)
    stretch = norms(products(trace.jacobian("h"))[:, 0])
    assert stretch[1] > 10 > 1 > stretch[8]


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((), {}, "of something"),
        (("q",), {}, "no variable 'q'"),
        (("x",), {}, "no variable 'x'"),
        (("o",), {}, "o is no state"),
        (("J",), {}, "J has no steps"),
        (("h",), {"by": "W"}, "W is not on the axis t"),
        (("h",), {"by": "h", "lag": 0}, "identity"),
    ],
)
def test_what_has_no_answer_says_so(arguments, options, words):
    trace = unroll.template("rnn").run(steps=3)
    with pytest.raises(UnrollError, match=words):
        trace.jacobian(*arguments, **options)


def test_a_history_has_no_one_step_before():
    trace = unroll.template("fully-connected-chain").run(steps=4)
    with pytest.raises(UnrollError, match="at many steps at once"):
        trace.jacobian("y")
    found = trace.influence("y", "y")
    assert np.any(found[3, 0])
