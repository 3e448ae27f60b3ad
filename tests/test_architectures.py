"""Templates on several axes, and algorithms: against loops written by hand and brute force."""

import itertools

import numpy as np
import pytest
from agreement import assert_agrees

import unroll

RANDOM = np.random.default_rng(0)


def softmax(v):
    e = np.exp(v - v.max())
    return e / e.sum()


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def ran(name, **options):
    """A template's trace with random arrays, checked against the oracle on the way."""
    recurrence = unroll.template(name).runnable()
    trace = recurrence.run(**options)
    assert_agrees(recurrence, trace)
    return trace


def test_vector_to_sequence():
    t = ran("vector-to-sequence", steps=5)
    h, loss = np.zeros(3), 0.0
    for step in range(5):
        h = np.tanh(t["b"] + t["W"] @ h + t["U"] @ t["y"][step] + t["R"] @ t["x"])
        np.testing.assert_allclose(t["h"][step], h)
        if step < 4:
            loss -= np.log(softmax(t["c"] + t["V"] @ h)) @ t["y"][step + 1]
    assert t.loss == pytest.approx(loss)


def test_fully_connected_chain():
    t = unroll.template("fully-connected-chain").run(steps=6)
    past = t["y"][:1].copy()
    np.testing.assert_array_equal(past[0], t.values["y[1]"])
    for step in range(1, 6):
        y = np.tanh(t["b"] + t["W"] @ past.sum(axis=0))
        np.testing.assert_allclose(t["y"][step], y)
        past = np.vstack([past, y])
    graph = unroll.template("fully-connected-chain").unroll(5)
    assert graph.number_of_edges() == 5 * 4 / 2


def test_graphical_model_with_state():
    t = unroll.template("graphical-model-with-state").run(steps=4)
    y, h = t.values["y[1]"], np.zeros(3)
    for step in range(4):
        y = softmax(t["c"] + t["V"] @ h) if step else y
        h = np.tanh(t["b"] + t["W"] @ h + t["U"] @ y)
        np.testing.assert_allclose(t["y"][step], y)
        np.testing.assert_allclose(t["h"][step], h)
    graph = unroll.template("graphical-model-with-state").unroll(4)
    assert not list(graph.predecessors(("y", 1)))


@pytest.mark.parametrize(("n_x", "n_y"), [(1, 1), (3, 5), (5, 2)])
def test_encoder_decoder(n_x, n_y):
    t = ran("encoder-decoder", steps={"n_x": n_x, "n_y": n_y})
    h = np.zeros(3)
    for x in t["x"]:
        h = np.tanh(t["b"] + t["W"] @ h + t["U"] @ x)
    C, g, before, loss = h, np.tanh(t["F"] @ h), np.zeros(4), 0.0
    for y in t["y"]:
        g = np.tanh(t["d"] + t["R"] @ g + t["Q"] @ before + t["S"] @ C)
        loss -= np.log(softmax(t["c"] + t["V"] @ g + t["P"] @ C)) @ y
        before = y
    assert len(t["x"]) == n_x
    assert len(t["y"]) == n_y
    assert t.loss == pytest.approx(loss)


@pytest.mark.parametrize(("n_x", "n_y"), [(1, 1), (4, 3)])
def test_attention(n_x, n_y):
    t = ran("attention", steps={"n_x": n_x, "n_y": n_y})
    h, states = np.zeros(3), []
    for x in t["x"]:
        h = np.tanh(t["b"] + t["W"] @ h + t["U"] @ x)
        states.append(h)
    s, before, loss = np.zeros(3), np.zeros(4), 0.0
    for u, y in enumerate(t["y"]):
        scores = np.array([t["v"] @ np.tanh(t["A"] @ s + t["B"] @ k) for k in states])
        weights = softmax(scores)
        np.testing.assert_allclose(t["alpha"][u], weights)
        c = weights @ np.array(states)
        s = np.tanh(t["d"] + t["R"] @ s + t["Q"] @ before + t["C"] @ c)
        loss -= np.log(softmax(t["V"] @ s)) @ y
        before = y
    assert t.loss == pytest.approx(loss)


@pytest.mark.parametrize("tree", ["balanced", "chain", [5, 5, 4, 5, 0], [7, 4, 4, 7, 6, 7, 0]])
def test_recursive_tree(tree):
    recurrence = unroll.template("recursive-tree")
    t = recurrence.run(steps=5 if isinstance(tree, str) else None, tree=tree)
    assert_agrees(recurrence, t)
    grown = t.sizes.trees[0][1]
    inputs = iter(t["x"])

    def state(node):
        below = grown.children[node - 1]
        if not below:
            return t["V"] @ t["x"][node - 1]
        left, right = (state(below[i]) if i < len(below) else np.zeros(3) for i in (0, 1))
        return np.tanh(t["b"] + t["U"] @ left + t["W"] @ right)

    root = state(len(grown))
    assert t.loss == pytest.approx(-np.log(softmax(t["c"] + t["M"] @ root)) @ t["y"])
    assert len(list(inputs)) == grown.leaves
    assert recurrence.check(tree=tree, steps=5 if isinstance(tree, str) else None).passed


def test_a_balanced_tree_is_as_deep_as_the_logarithm_and_a_chain_as_its_length():
    import networkx as nx

    from unroll.graph.unrolled import unroll as unrolled
    from unroll.symbolic.trees import balanced, chain

    recurrence = unroll.template("recursive-tree")
    for leaves, grow, longest in [(16, balanced, 4), (16, chain, 15)]:
        sizes = recurrence.sizes(leaves, {"n": grow(leaves)})
        graph = unrolled(recurrence, sizes)
        inner = graph.subgraph([n for n in graph if n[0] == "h" and n[1]])
        assert nx.dag_longest_path_length(inner) == longest


def test_lstm_of_the_book():
    t = ran("lstm-book", steps=5)
    h = s = np.zeros(3)
    for x, shown in zip(t["x"], t["h"]):
        f, g, q = (
            sigmoid(t[f"b_{k}"] + t[f"U_{k}"] @ x + t[f"W_{k}"] @ h) for k in ("f", "g", "o")
        )
        s = f * s + g * sigmoid(t["b"] + t["U"] @ x + t["W"] @ h)
        h = np.tanh(s) * q
        np.testing.assert_allclose(shown, h)


def test_skip_connections():
    t = ran("skip-connections", steps=7)
    past = [np.zeros(3)] * 3
    for x, shown in zip(t["x"], t["h"]):
        past.append(np.tanh(t["b"] + t["W"] @ past[-1] + t["D"] @ past[-3] + t["U"] @ x))
        np.testing.assert_allclose(shown, past[-1])


def test_clockwork_groups_stand_still_between_their_ticks():
    t = ran("clockwork", steps=9)
    for name, period in (("m", 2), ("s", 4)):
        values = np.vstack([np.zeros(3), t[name]])
        for step in range(1, 10):
            moved = not np.array_equal(values[step], values[step - 1])
            assert moved == (step % period == 0)
    f, m, s = np.zeros(3), np.zeros(3), np.zeros(3)
    for step, x in enumerate(t["x"], 1):
        f = np.tanh(t["b_f"] + t["W_ff"] @ f + t["W_fm"] @ m + t["W_fs"] @ s + t["U_f"] @ x)
        if step % 2 == 0:
            m = np.tanh(t["b_m"] + t["W_mm"] @ m + t["W_ms"] @ s + t["U_m"] @ x)
        if step % 4 == 0:
            s = np.tanh(t["b_s"] + t["W_ss"] @ s + t["U_s"] @ x)
        np.testing.assert_allclose(t["f"][step - 1], f)


def test_echo_state_outputs_are_the_least_squares_solution():
    steps = 60
    signal = np.sin(np.arange(steps + 1) / 4)
    units = 20
    W = RANDOM.normal(size=(units, units))
    W *= 0.9 / np.abs(np.linalg.eigvals(W)).max()
    given = {
        "x": signal[:-1, None], "y": signal[1:, None], "W": W,
        "W_in": RANDOM.uniform(-1, 1, size=(units, 1)), "alpha": 0.5, "beta": 1e-8,
    }  # fmt: skip
    t = unroll.template("echo-state").run(given)
    states = t["h"]
    ridge = np.vstack([states, 1e-4 * np.eye(units)])
    wanted = np.vstack([given["y"], np.zeros((units, 1))])
    solution = np.linalg.lstsq(ridge, wanted, rcond=None)[0]
    np.testing.assert_allclose(t["o"], states @ solution, atol=1e-4)
    assert t.loss < 0.01 * 0.5 * np.sum(given["y"] ** 2)  # it predicts the sine one step ahead


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_hidden_markov_model_is_the_sum_over_all_paths(steps):
    A = RANDOM.dirichlet(np.ones(3), size=3)
    B = RANDOM.dirichlet(np.ones(4), size=3)
    start = RANDOM.dirichlet(np.ones(3))
    seen = RANDOM.integers(4, size=steps)
    total = 0.0
    for path in itertools.product(range(3), repeat=steps):
        p = start[path[0]] * B[path[0], seen[0]]
        for k in range(1, steps):
            p *= A[path[k - 1], path[k]] * B[path[k], seen[k]]
        total += p
    recurrence = unroll.template("hmm-forward")
    given = {"A": A, "B": B, "start": start, "o": seen}
    t = recurrence.run(given)
    assert t["p"] == pytest.approx(total, rel=1e-12)
    assert t.loss == pytest.approx(-np.log(total))
    assert recurrence.check(given).passed


def textbook_distance(one, other):
    """Wagner & Fischer 1974, algorithm X."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("kitten", "sitting", 3), ("intention", "execution", 5), ("a", "a", 0), ("a", "b", 1)],
)
def test_edit_distance(one, other, distance):
    letters = {"a": [ord(c) for c in one], "b": [ord(c) for c in other]}
    t = unroll.template("edit-distance").run(letters)
    assert t["d"] == distance == textbook_distance(one, other)
    assert len(one) == 1 or "waves(" in t.code  # all entries with the same i + j at once


def test_edit_distance_of_random_words():
    for m, n in itertools.product([1, 3, 8], [1, 4, 9]):
        one, other = RANDOM.integers(3, size=m), RANDOM.integers(3, size=n)
        t = unroll.template("edit-distance").run({"a": one, "b": other})
        assert t["d"] == textbook_distance(one, other)
    assert unroll.template("edit-distance").run()["d"] == 3


def test_memory():
    t = ran("memory", steps=4)
    M, h, r = t.values["M[0, i]"].copy(), np.zeros(3), np.zeros(2)
    for step, x in enumerate(t["x"]):
        h = np.tanh(t["b"] + t["W"] @ h + t["U"] @ x + t["R"] @ r)
        w = softmax(M @ (t["K"] @ h))
        r = w @ M
        M = M + w[:, None] * (t["A"] @ h - M)
        np.testing.assert_allclose(t["w"][step], w)
        np.testing.assert_allclose(t["M"][step], M)
        np.testing.assert_allclose(t["o"][step], t["c"] + t["V"] @ r)
    assert t.gradient("M[0, i]").shape == (3, 2)


def test_causal_attention_sees_the_past_only():
    text = """
    q[t] = Q @ x[t]
    k[t] = K @ x[t]
    v[t] = V @ x[t]
    e[t, s] = q[t].T @ k[s] / 2
    o[t] = sum(softmax(e[t, s], s <= t) * v[s], s <= t)
    J = sum(sum(o[t] ** 2), t)
    """
    recurrence = unroll.parse(text)
    t = recurrence.run(steps=5, dims={"x": 3, "q": 4, "v": 2})
    assert_agrees(recurrence, t)
    scores = t["q"] @ t["k"].T / 2
    for step in range(5):
        weights = softmax(scores[step, : step + 1])
        np.testing.assert_allclose(t["o"][step], weights @ t["v"][: step + 1])
    assert not t.schedule.scans


def test_wavefronts_give_what_nested_loops_do():
    text = """
    D[i, j] = tanh(a * D[i-1, j] + b[j] * D[i, j-1] + x[i, j] * D[i-1, j-1] + x[i, j])
    D[i, 0] = u[i]
    D[0, j] = i_0
    J = sum(sum(D[i, j] ** 2, j), i)
    """
    recurrence = unroll.parse(text)
    random = np.random.default_rng(1)
    m, n = 5, 4
    given = {"a": 0.3, "b": random.normal(size=n), "x": random.normal(size=(m, n)),
             "u": random.normal(size=m), "i_0": 0.2}  # fmt: skip
    t = recurrence.run(given)
    D = np.zeros((m + 1, n + 1))
    D[1:, 0], D[0, 1:] = given["u"], 0.2
    for i, j in itertools.product(range(1, m + 1), range(1, n + 1)):
        x = given["x"][i - 1, j - 1]
        D[i, j] = np.tanh(
            0.3 * D[i - 1, j] + given["b"][j - 1] * D[i, j - 1] + x * D[i - 1, j - 1] + x
        )
    np.testing.assert_allclose(t["D"], D[1:, 1:])
    assert t.code.count("waves(") == 2  # forward and backward
    assert recurrence.check(given).passed
