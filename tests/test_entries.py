"""Values by their entries: embeddings, slices, one-hot vectors, and what counts them from 0."""

import numpy as np
import pytest
from agreement import assert_agrees

import unroll
from unroll.numeric.checks import check
from unroll.numeric.execution import run

EMBEDDING = "h[t] = tanh(W @ h[t-1] + E[:, x[t]])\nJ = sum(sum(h[t] ** 2), t)"
TAGGER = (
    "h[t] = tanh(W @ h[t-1] + E[:, y[t-1]])\n"
    "L[t] = cross_entropy(softmax(V @ h[t]), y[t])\n"
    "J = sum(L[t], t)"
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("h[t] = E[:, x[t]]", "h[t] = E[:, x[t]]"),
        ("h[t] = column(E, x[t])", "h[t] = E[:, x[t]]"),
        ("h_t = E[:, x_t]", "h[t] = E[:, x[t]]"),
        ("h[t] = E[x[t], :]", "h[t] = E[x[t], :]"),
        ("h[t] = E[x[t]]", "h[t] = E[x[t], :]"),
        ("h[t] = E[x[t]-1]", "h[t] = E[x[t] - 1, :]"),
        ("h[t] = b[x[t]]", "h[t] = b[x[t]]"),
        ("h[t] = entry(b, 2) * x[t]", "h[t] = entry(b, 2) * x[t]"),
        ("h[t] = entry(B, 1, o[t])", "h[t] = entry(B, 1, o[t])"),
        ("h[t] = x[t][1]", "h[t] = x[t][1]"),
        ("h[t] = x[t-1][0:3]", "h[t] = x[t-1][0:3]"),
        ("h[t] = W[2:4] @ x[t]", "h[t] = W[2:4] @ x[t]"),
        ("h[t] = slice(W @ x[t], 0, 2)", "h[t] = slice(W @ x[t], 0, 2)"),
        ("h[t] = E[:, argmax(o[t])]", "h[t] = E[:, argmax(o[t])]"),
        ("h[t] = x[t] * (t mod 4)", "h[t] = x[t] * (t % 4)"),
        (r"h_t = x_t (t \bmod 4)", "h[t] = x[t] * (t % 4)"),
        ("h[t] = mod(t, 4) * x[t]", "h[t] = t % 4 * x[t]"),
        ("h[t] = x[t] * (t % 4 % 2)", "h[t] = x[t] * (t % 4 % 2)"),
        (r"h_t = x_t \mathbb{1}[t = 3]", "h[t] = x[t] * (t == 3)"),
        (r"h_t = \mathbf{1}_{t \ge 3} x_t", "h[t] = (t >= 3) * x[t]"),
        (r"h_t = \mathbf{1}\{t \ne 3\} x_t", "h[t] = (t != 3) * x[t]"),
        ("h_t = 𝟙[t = 3] x_t", "h[t] = (t == 3) * x[t]"),
        (r"h_t = \left\lfloor x_t / 2 \right\rfloor", "h[t] = floor(x[t] / 2)"),
        ("h_t = ⌈x_t + 1⌉", "h[t] = ceil(x[t] + 1)"),
        (r"x_t = A^{-1} x_{t-1}", "x[t] = inv(A) @ x[t-1]"),
        ("h[t] = swish(detach(x[t]))", "h[t] = silu(stop_gradient(x[t]))"),
        (r"h_t = x_{t,2} + h_{t-1}", "h[t] = x[t][1] + h[t-1]"),  # mathematics counts from 1
        (r"h_t = x_{t-1,1}^2 h_{t-1}", "h[t] = x[t-1][0] ** 2 * h[t-1]"),
        ("h[t] = W[W, :] * x[t]", "h[t] = W[W, :] * x[t]"),
        ("h[t] = h[t-1] * W[k, :]", "h[t] = h[t-1] * W[k, :]"),
        (r"h_t = \|x_t\|_1 + \|x_t\|_\infty", "h[t] = sum(abs(x[t])) + max(abs(x[t]))"),
        (r"h_t = \|x_t\| x_t / \|A\|_F", "h[t] = norm(x[t]) * x[t] / norm(A)"),
        (r"h_t = \|A_t\|_F^2 + \|x_t\|_1^2", "h[t] = sum(A[t] ** 2) + sum(abs(x[t])) ** 2"),
        # what was read otherwise before brackets picked entries
        ("h[t] = W[h[t-1], x[t]]", "h[t] = W @ concat(h[t-1], x[t])"),
        ("h[t] = W[h[t-1] + x[t]]", "h[t] = W @ (h[t-1] + x[t])"),
        ("h[t] = W [x[t]]", "h[t] = W @ x[t]"),
    ],
)
def test_brackets_and_signs(text, canonical):
    found = unroll.parse(text)
    assert str(found) == canonical
    assert unroll.parse(canonical) == found


def test_an_embedding_is_a_product_with_one_hot_vectors():
    random = np.random.default_rng(0)
    arrays = {"E": random.normal(size=(3, 5)), "W": random.normal(size=(3, 3))}
    classes = np.array([4, 0, 4, 2])
    found = run(unroll.parse(EMBEDDING), arrays | {"x": classes})
    product = EMBEDDING.replace("E[:, x[t]]", "E @ x[t]")
    same = run(unroll.parse(product), arrays | {"x": np.eye(5)[classes]})
    np.testing.assert_allclose(found["h"], same["h"], rtol=1e-14)
    np.testing.assert_allclose(found.gradient("E"), same.gradient("E"), rtol=1e-12, atol=1e-15)
    assert not found.gradient("E")[:, [1, 3]].any()  # classes that never come
    assert "x" not in found.gradients


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("h[t] = E[:, x[t]]", "E[:, x^{(t)}]"),
        ("h[t] = x[t][1] ** 2", "(x^{(t)}[1])^{2}"),
        ("h[t] = x[t][0:2]", "x^{(t)}[0:2]"),
        ("h[t] = entry(B, 1, x[t])", r"\mathrm{entry}(B, 1, x^{(t)})"),
        ("h[t] = x[t] * (t % 4)", r"x^{(t)} (t \bmod 4)"),
        ("h[t] = x[t] + t % 4", r"x^{(t)} + t \bmod 4"),
        ("h[t] = floor(x[t] + 1)", r"\lfloor x^{(t)} + 1\rfloor"),
        ("h[t] = inv(A + B) @ x[t]", "(A + B)^{-1} x^{(t)}"),
        ("h[t] = elu(x[t], 2) + elu(x[t])", r"\mathrm{elu}(x^{(t)}, 2) + \mathrm{elu}(x^{(t)})"),
    ],
)
def test_latex(text, latex):
    assert f"h^{{(t)}} &= {latex}\n" in unroll.parse(text)._repr_latex_()


@pytest.mark.parametrize("dtype", [float, int, np.int8, np.float32])
def test_classes_are_whole_numbers_of_any_type(dtype):
    arrays = {"E": np.eye(2, 5), "W": np.eye(2), "x": np.array([1, 0, 4], dtype)}
    assert run(unroll.parse(EMBEDDING), arrays)["h"].shape == (3, 2)


def test_a_batch_of_classes():
    recurrence = unroll.parse(EMBEDDING)
    random = np.random.default_rng(1)
    arrays = {"E": random.normal(size=(3, 5)), "W": random.normal(size=(3, 3))}
    arrays["x"] = random.integers(5, size=(4, 2))
    trace = run(recurrence, arrays)
    assert trace["h"].shape == (4, 2, 3)
    assert_agrees(recurrence, trace)


@pytest.mark.parametrize(
    "text",
    [
        EMBEDDING,
        EMBEDDING.replace("x[t]", "x[t] - 1"),
        EMBEDDING.replace("E[:, x[t]]", "E[x[t], :]"),
        EMBEDDING.replace("E[:, x[t]]", "U @ one_hot(x[t], 4)"),
        EMBEDDING.replace("E[:, x[t]]", "E[:, 5] * entry(b, 7)"),
        TAGGER,
        "a[t] = b + A @ a[t-1][0:2] + x[t]\nJ = sum(sum(a[t]) * a[t][1], t)",
        "P[t] = inv(A @ P[t-1] + B) + outer(x[t], P[t-1][0, :])\nJ = sum(trace(P[t]), t)",
        "J = sum(norm(solve(A @ x[t], b)) + logdet(B), t)".replace("A @ x[t]", "A"),
        "h[t] = where(t % 3 == 0, tanh(h[t-1]), h[t-1] + x[t])\nJ = sum(sum(h[t]), t)",
        "k[t] = argmax(W @ x[t])\nh[t] = E[:, k[t]] * x[t]\nJ = sum(sum(h[t]), t)",
        "J = logsumexp(e[t], t) + prod(f[t], t)",
    ],
)
def test_random_data_fits_and_gradients_agree(text):
    recurrence = unroll.parse(text)
    for steps in (1, 4):
        found = check(recurrence, steps=steps)
        assert found.passed, str(found)
        assert_agrees(recurrence, run(recurrence, steps=steps))
    assert unroll.parse(str(recurrence)) == recurrence
    recurrence.expand()
    recurrence.adjoint()


def test_classes_are_targets_and_inputs_at_once():
    recurrence = unroll.parse(TAGGER)
    arrays = {"W": np.eye(2), "E": np.ones((2, 4)), "V": np.ones((4, 2)), "y": np.array([3, 0, 1])}
    trace = run(recurrence, arrays)
    np.testing.assert_allclose(trace.loss, 3 * np.log(4))
    assert "y" not in trace.gradients


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([0, 5, 1], r"x is used as a position and holds 5 at \(1,\); expected whole numbers from 0 to 4"),
        ([0, -1, 1], "holds -1 at"),
        ([0, 0.5, 1], "holds 0.5 at"),
    ],
)  # fmt: skip
def test_what_is_no_class_is_refused_before_anything_runs(x, message):
    arrays = {"E": np.ones((2, 5)), "W": np.eye(2), "x": np.array(x)}
    with pytest.raises(unroll.UnrollError, match=message):
        run(unroll.parse(EMBEDDING), arrays)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h[t] = x[t][3:1]", "the bounds of slice must be plain whole numbers"),
        ("h[t] = x[t][k:3]", "the bounds of slice must be plain whole numbers"),
        ("h[t] = x[t][0:9]", "there is no position 9 among 5"),
        ("h[t] = x[t][5]", "there is no position 5 among 5"),
    ],
)
def test_slices_that_do_not_fit(text, message):
    arrays = {"x": np.ones((2, 5))} | ({"k": np.array(1.0)} if "k" in text else {})
    with pytest.raises(unroll.UnrollError, match=message):
        run(unroll.parse(text), arrays)


def test_a_position_that_is_computed_must_be_one_too():
    with pytest.raises(unroll.UnrollError, match=r"2\.5 is used as a position among 3 entries"):
        run(unroll.parse("h[t] = x[t][2] + entry(x[t], 2 * k)"), {"x": np.eye(3), "k": 1.25})


def test_a_matrix_without_inverse():
    with pytest.raises(unroll.UnrollError, match="without an inverse"):
        run(unroll.parse("h[t] = inv(A) @ x[t]"), {"A": np.ones((2, 2)), "x": np.ones((3, 2))})


def test_gradients_that_are_stopped_or_go_straight_through():
    text = "s[t] = straight_through(step(w * x[t]), sigmoid(w * x[t]))\nJ = sum(v * s[t], t)"
    arrays = {"w": 2.0, "v": 3.0, "x": np.array([0.5, -0.25])}
    trace = run(unroll.parse(text), arrays)
    assert trace["s"].tolist() == [1, 0]
    p = 1 / (1 + np.exp(-2.0 * arrays["x"]))
    np.testing.assert_allclose(trace.gradient("w"), np.sum(3 * p * (1 - p) * arrays["x"]))
    found = check(unroll.parse(text), arrays)
    assert found.left_out == ("w", "x")
    assert found.because_of == ("straight_through",)
    assert [row.name for row in found.rows] == ["v"]
    assert "not compared: w, x, since straight_through gives a gradient" in str(found)


def test_only_what_acts_through_a_stop_is_left_out():
    text = "s[t] = tanh(a * s[t-1] + u * x[t])\nJ = sum((s[t] - stop_gradient(c * x[t])) ** 2, t)"
    found = check(unroll.parse(text), steps=4)
    assert found.left_out == ("x", "c")
    assert {row.name for row in found.rows} == {"a", "u"}
    assert found.passed


def test_straight_through_takes_any_choice():
    text = (
        "p[t] = softmax(o[t])\n"
        "z[t] = straight_through(one_hot(argmax(o[t]), o[t]), p[t])\n"
        "J = sum(z[t].T @ c, t)"
    )
    o = np.array([[1.0, 3.0, 2.0]])
    trace = run(unroll.parse(text), {"o": o, "c": np.array([1.0, 2.0, 3.0])})
    assert trace["z"].tolist() == [[0, 1, 0]]
    p = np.exp(o[0]) / np.exp(o[0]).sum()
    c = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(trace.gradient("o")[0], p * (c - p @ c))
