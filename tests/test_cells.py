"""Templates of cells, filters and sequences against loops and formulas written by hand."""

import numpy as np
import pytest

import unroll


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def run(name, steps=6, **arrays):
    """A template on random arrays, and those arrays by name."""
    recurrence = unroll.template(name)
    trace = recurrence.run(arrays or None, steps=steps, seed=3)
    return trace, {n: trace[n] for n in (*recurrence.parameters, *recurrence.inputs)}


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


# --- gated cells -----------------------------------------------------------------------


def test_lstm_is_the_cell_of_the_documentation():
    trace, p = run("lstm")
    h = c = np.zeros(3)
    for t, x in enumerate(p["x"]):
        i, f, o = (
            sigmoid(p[f"W_i{k}"] @ x + p[f"b_i{k}"] + p[f"W_h{k}"] @ h + p[f"b_h{k}"])
            for k in "ifo"
        )
        g = np.tanh(p["W_ig"] @ x + p["b_ig"] + p["W_hg"] @ h + p["b_hg"])
        c = f * c + i * g
        h = o * np.tanh(c)
        close(trace["c"][t], c)
        close(trace["h"][t], h)


def test_lstm_peephole_shows_the_output_gate_the_new_cell():
    trace, p = run("lstm-peephole")
    h = c = np.zeros(3)
    for t, x in enumerate(p["x"]):
        a = {k: p[f"b_{k}"] + p[f"W_{k}"] @ x + p[f"R_{k}"] @ h for k in "ifzo"}
        i, f = (sigmoid(a[k] + p[f"p_{k}"] * c) for k in "if")
        c = f * c + i * np.tanh(a["z"])
        h = sigmoid(a["o"] + p["p_o"] * c) * np.tanh(c)
        close(trace["c"][t], c)
        close(trace["h"][t], h)


def test_gru_is_the_cell_of_the_documentation():
    trace, p = run("gru")
    h = np.zeros(3)
    for t, x in enumerate(p["x"]):
        r, z = (
            sigmoid(p[f"W_i{k}"] @ x + p[f"b_i{k}"] + p[f"W_h{k}"] @ h + p[f"b_h{k}"]) for k in "rz"
        )
        n = np.tanh(p["W_in"] @ x + p["b_in"] + r * (p["W_hn"] @ h + p["b_hn"]))
        h = (1 - z) * n + z * h
        close(trace["h"][t], h)


def test_gru_reset_before():
    trace, p = run("gru-reset-before")
    h = np.zeros(3)
    for t, x in enumerate(p["x"]):
        u, r = (sigmoid(p[f"b_{k}"] + p[f"U_{k}"] @ x + p[f"W_{k}"] @ h) for k in "ur")
        h = u * h + (1 - u) * np.tanh(p["b"] + p["U"] @ x + p["W"] @ (r * h))
        close(trace["h"][t], h)


def test_gru_of_the_book_is_reset_before_with_x_one_step_late():
    """The candidate is logistic in the one and a tanh in the other: made logistic in both."""
    book, p = run("gru-book")
    late = np.concatenate([np.zeros((1, 4)), p["x"][:-1]])
    usual = unroll.parse(str(unroll.template("gru-reset-before")).replace("tanh", "sigmoid"))
    trace = usual.run(p | {"x": late})
    close(book["h"], trace["h"])
    close(book["u"][:-1], trace["u"][1:])
    close(book["r"][:-1], trace["r"][1:])
    assert abs(book.loss - trace.loss) < 1e-12
    for name in ("W", "U", "b", "W_u", "U_r", "b_r", "V"):
        close(book.gradient(name), trace.gradient(name))


# --- further networks ------------------------------------------------------------------


def test_bidirectional_is_two_loops():
    trace, p = run("bidirectional")
    h, g = np.zeros((8, 3)), np.zeros((8, 3))
    x = np.concatenate([np.zeros((1, 4)), p["x"]])
    for t in range(1, 7):
        h[t] = np.tanh(p["b"] + p["W"] @ h[t - 1] + p["U"] @ x[t])
    for t in range(6, 0, -1):
        g[t] = np.tanh(p["d"] + p["R"] @ g[t + 1] + p["Q"] @ x[t])
    close(trace["h"], h[1:7])
    close(trace["g"], g[1:7])
    close(trace["o"], p["c"] + h[1:7] @ p["V"].T + g[1:7] @ p["P"].T)


def test_elman_and_jordan():
    trace, p = run("elman")
    h = np.zeros(3)
    for t, x in enumerate(p["x"]):
        h = np.tanh(p["W_ih"] @ x + p["b_ih"] + p["W_hh"] @ h + p["b_hh"])
        close(trace["h"][t], h)
    trace, p = run("jordan")
    s, o = np.zeros(2), np.zeros(2)
    for t, x in enumerate(p["x"]):
        s = p["mu"] * s + o
        o = sigmoid(p["c"] + p["V"] @ sigmoid(p["b"] + p["U"] @ x + p["W"] @ s))
        close(trace["o"][t], o)


@pytest.mark.parametrize("name", ["deep-transition", "deep-transition-skip"])
def test_a_transition_with_a_layer_of_its_own(name):
    trace, p = run(name)
    h, m = np.zeros(3), np.zeros(3)
    for t, x in enumerate(p["x"]):
        e = np.tanh(p["b_e"] + p["U"] @ x)
        skip = p["S"] @ h if "S" in p else 0
        h = np.tanh(p["b"] + p["P"] @ e + p["Q"] @ m + skip)
        m = np.tanh(p["b_m"] + p["W"] @ h)
        close(trace["o"][t], p["c"] + p["V"] @ np.tanh(p["b_d"] + p["R"] @ h))


def test_deep_stacked_and_conditional():
    trace, p = run("deep-stacked")
    h, z = np.zeros(3), np.zeros(3)
    for t, x in enumerate(p["x"]):
        h = np.tanh(p["b"] + p["W"] @ h + p["U"] @ x)
        z = np.tanh(p["d"] + p["R"] @ z + p["Q"] @ h)
        close(trace["z"][t], z)
    trace, p = run("conditional")
    h, last = np.zeros(3), np.zeros(4)
    for t, (x, y) in enumerate(zip(p["x"], p["y"], strict=True)):
        h = np.tanh(p["b"] + p["W"] @ h + p["U"] @ x + p["R"] @ last)
        last = y
        close(trace["h"][t], h)


def test_leaky_units_without_recurrent_weights_are_weighted_sums():
    recurrence = unroll.template("leaky")
    _, arrays = run("leaky")
    alpha = np.array([0.0, 0.5, 0.9])
    trace = recurrence.run(arrays | {"W": np.zeros((3, 3)), "alpha": alpha})
    new = np.tanh(arrays["b"] + arrays["x"] @ arrays["U"].T)
    for t in range(6):
        weights = (1 - alpha) * alpha ** np.arange(t, -1, -1)[:, None]
        close(trace["h"][t], (weights * new[: t + 1]).sum(axis=0))


def test_linear_attention_is_causal_attention_without_softmax():
    trace, p = run("linear-attention")
    k, v, q = (p["x"] @ p[f"W_{n}"].T for n in "kvq")
    close(trace["o"], np.tril(q @ k.T) @ v)
    assert trace["S"].shape == (6, 2, 3)
    close(trace["S"][-1], v.T @ k)


# --- filters, maps, sequences ----------------------------------------------------------


def test_running_average_in_closed_form():
    v = np.random.default_rng(0).normal(size=(9, 2))
    trace = unroll.template("ema").run({"v": v, "alpha": 0.8})
    weights = np.tril(0.2 * 0.8 ** (np.arange(9)[:, None] - np.arange(9)))
    close(trace["mu"], weights @ v)


def test_fibonacci():
    found = unroll.template("fibonacci").run(steps=20)["F"]
    assert found.tolist() == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987,
                              1597, 2584, 4181, 6765]  # fmt: skip


def test_logistic_map():
    trace = unroll.template("logistic-map").run({"r": 3.2, "x[0]": 0.3}, steps=400)
    x = 0.3
    for value in trace["x"]:
        x = 3.2 * x * (1 - x)
        assert abs(value - x) < 1e-12
    root = np.sqrt((3.2 + 1) * (3.2 - 3))  # the two values it swings between
    close(np.sort(trace["x"][-2:]), (3.2 + 1 + np.array([-root, root])) / (2 * 3.2))


def test_a_template_with_arrays_and_no_input_takes_any_number_of_steps():
    logistic = unroll.template("logistic-map")
    assert [len(logistic.run(steps=n)["x"]) for n in (None, 1, 7)] == [5, 1, 7]


def test_linear_is_a_power_of_its_matrix():
    rng = np.random.default_rng(0)
    W, start = rng.normal(size=(4, 4)) / 2, rng.normal(size=4)
    trace = unroll.template("linear").run({"W": W, "h[0]": start}, steps=12)
    for t in range(1, 13):
        close(trace["h"][t - 1], np.linalg.matrix_power(W, t).T @ start)
    symmetric = W + W.T
    values, Q = np.linalg.eigh(symmetric)
    trace = unroll.template("linear").run({"W": symmetric, "h[0]": start}, steps=5)
    close(trace["h"][-1], Q @ np.diag(values**5) @ Q.T @ start)


def test_linear_state_space_is_a_convolution_with_its_impulse_response():
    trace, p = run("linear-ssm", steps=10)
    response = [p["D"] + p["C"] @ p["B"]]
    response += [p["C"] @ np.linalg.matrix_power(p["A"], k) @ p["B"] for k in range(1, 10)]
    for t in range(10):
        close(trace["y"][t], sum(response[k] @ p["u"][t - k] for k in range(t + 1)))


def test_adam_is_the_loop_of_the_paper():
    g = np.random.default_rng(0).normal(size=(30, 4))
    start, alpha, beta_1, beta_2, epsilon = np.arange(4.0), 0.01, 0.9, 0.999, 1e-8
    trace = unroll.template("adam").run(
        {"g": g, "theta[0]": start, "alpha": alpha, "epsilon": epsilon}
        | {"beta_1": beta_1, "beta_2": beta_2}
    )
    m = v = np.zeros(4)
    theta = start
    for t in range(1, 31):
        m = beta_1 * m + (1 - beta_1) * g[t - 1]
        v = beta_2 * v + (1 - beta_2) * g[t - 1] ** 2
        theta = theta - alpha * (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
        close(trace["theta"][t - 1], theta)
    first = trace["theta"][0] - start
    np.testing.assert_allclose(first, -alpha * np.sign(g[0]), rtol=1e-6)
