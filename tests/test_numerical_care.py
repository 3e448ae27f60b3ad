"""Extreme numbers: finite where the true value is, exact, no warning of NumPy's, said where not."""

import warnings

import numpy as np
import pytest

import unroll
from unroll.errors import NonFiniteWarning, UnrollError
from unroll.numeric import finiteness
from unroll.numeric.execution import run
from unroll.symbolic.operations import OPERATIONS

KINDS = pytest.mark.parametrize("dtype", ["float64", "float32"])
L = "L[t] = {}\nJ = sum(L[t], t)"


def run_one(text, arrays, dtype="float64"):
    return unroll.parse(L.format(text)).run(arrays, dtype=dtype)


def close(found, expected, dtype):
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    assert np.asarray(found).dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=1e-300)


# --- softmax and its losses -------------------------------------------------------------

LOGITS = [[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 1000.0], [-1000.0, -1000.0, -1000.0]]
TARGETS = [[0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]
LOSSES = [2000.0, 1000 + np.log(2), np.log(3)]
BY_LOGITS = [[1.0, -1.0, 0.0], [-0.5, 0.0, 0.5], [-2 / 3, 1 / 3, 1 / 3]]


@KINDS
@pytest.mark.parametrize(
    "loss",
    [
        "cross_entropy(softmax(x[t]), y[t])",
        "softmax_cross_entropy(x[t], y[t])",
        "-sum(y[t] * log_softmax(x[t]))",
        "-sum(y[t] * log(softmax(x[t])))",
        "-y[t].T @ log(softmax(x[t]))",
    ],
)
def test_cross_entropies_of_extreme_logits(loss, dtype):
    trace = run_one(loss, {"x": LOGITS, "y": TARGETS}, dtype)
    close(trace["L"], LOSSES, dtype)
    close(trace.gradient("x") + 1, np.add(BY_LOGITS, 1), dtype)


def test_a_softmax_of_its_own_is_found_by_the_loss():
    text = "p[t] = softmax(x[t])\nL[t] = -sum(y[t] * log(p[t]))\nJ = sum(L[t], t)"
    trace = unroll.parse(text).run({"x": LOGITS, "y": TARGETS})
    close(trace["L"], LOSSES, "float64")
    close(trace["p"][0], [1, 0, 0], "float64")


@KINDS
def test_softmax_and_its_logarithm(dtype):
    text = "p[t] = softmax(x[t])\nq[t] = log_softmax(x[t])\nz[t] = logsumexp(x[t])"
    trace = unroll.parse(text).run({"x": LOGITS}, dtype=dtype)
    close(trace["p"], [[1, 0, 0], [0, 0.5, 0.5], [1 / 3] * 3], dtype)
    half, third = -np.log(2), -np.log(3)
    close(trace["q"], [[0, -2000, -1000], [-2000 + half, half, half], [third] * 3], dtype)
    close(trace["z"], [1000, 1000 + np.log(2), -1000 + np.log(3)], dtype)


@KINDS
def test_softmax_over_steps(dtype):
    text = "w[t] = softmax(e[t], t)\nz = logsumexp(e[t], t)\nJ = sum(w[t] * v[t], t)"
    arrays = {"e": [1000.0, -1000.0, 1000.0], "v": [1.0, 2.0, 3.0]}
    trace = unroll.parse(text).run(arrays, of="J", dtype=dtype)
    close(trace["w"], [0.5, 0, 0.5], dtype)
    close(trace["z"], 1000 + np.log(2), dtype)
    close(trace.gradient("e"), [-0.5, 0, 0.5], dtype)


@KINDS
def test_a_class_of_probability_zero_that_is_not_the_target_costs_nothing(dtype):
    trace = run_one("cross_entropy(p[t], y[t])", {"p": [[0.0, 1.0]], "y": [[0.0, 1.0]]}, dtype)
    assert trace["L"].tolist() == [0]
    assert not np.signbit(trace["L"][0])
    assert trace.gradient("p").tolist() == [[0, -1]]


# --- sigmoid and its losses -------------------------------------------------------------

ENDS = [1000.0, -1000.0, 1000.0, -1000.0, 40.0, -40.0]
BITS = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0]


@KINDS
@pytest.mark.parametrize(
    "loss",
    [
        "binary_cross_entropy(sigmoid(x[t]), y[t])",
        "sigmoid_cross_entropy(x[t], y[t])",
        "softplus(x[t]) - y[t] * x[t]",
        "-(y[t] * log(sigmoid(x[t])) + (1 - y[t]) * log(1 - sigmoid(x[t])))",
        "-(y[t] * log_sigmoid(x[t]) + (1 - y[t]) * log_sigmoid(-x[t]))",
    ],
)
def test_binary_cross_entropies_of_extreme_logits(loss, dtype):
    trace = run_one(loss, {"x": ENDS, "y": BITS}, dtype)
    close(trace["L"], [0, 0, 1000, 1000, 40, 40], dtype)
    close(trace.gradient("x"), [0, 0, 1, -1, 1, -1], dtype)


@pytest.mark.filterwarnings("ignore::unroll.NonFiniteWarning")  # the gradient by y is infinite
def test_binary_cross_entropy_of_probabilities_at_the_ends():
    arrays = {"p": [1.0, 0.0, 0.25], "y": [1.0, 0.0, 0.5]}
    trace = run_one("binary_cross_entropy(p[t], y[t])", arrays)
    close(trace["L"], [0, 0, -0.5 * np.log(0.25 * 0.75)], "float64")
    close(trace.gradient("p"), [-1, 1, -0.5 / 0.25 + 0.5 / 0.75], "float64")


@KINDS
@pytest.mark.parametrize(
    ("function", "values", "slopes"),
    [
        ("sigmoid", [0, 0.5, 1], [0, 0.25, 0]),
        ("log_sigmoid", [-1000, -np.log(2), 0], [1, 0.5, 0]),
        ("softplus", [0, np.log(2), 1000], [0, 0.5, 1]),
        ("tanh", [-1, 0, 1], [0, 1, 0]),
        ("silu", [0, 0, 1000], [0, 0.5, 1]),
        ("gelu", [0, 0, 1000], [0, 0.5, 1]),
        ("elu", [-1, 0, 1000], [0, 1, 1]),
        ("erf", [-1, 0, 1], [0, 2 / np.sqrt(np.pi), 0]),
        ("relu", [0, 0, 1000], [0, 0, 1]),
        ("leaky_relu", [-10, 0, 1000], [0.01, 0.01, 1]),
        ("arctan", np.arctan([-1000, 0, 1000]), [1 / 1000001, 1, 1 / 1000001]),
        ("log1p", [np.nan, 0, np.log(1001)], [np.nan, 1, 1 / 1001]),
        ("norm", [1000, 0, 1000], [-1, 0, 1]),
        ("normalize", [-1, 0, 1], [0, 0, 0]),
        ("abs", [1000, 0, 1000], [-1, 0, 1]),
    ],
)
def test_functions_at_their_ends(function, values, slopes, dtype):
    inside = np.isfinite(values)
    arrays = {"x": np.array([-1000.0, 0.0, 1000.0])[inside]}
    trace = run_one(f"{function}(x[t])", arrays, dtype)
    close(trace["L"], np.asarray(values)[inside], dtype)
    close(trace.gradient("x"), np.asarray(slopes)[inside], dtype)


def test_the_slope_of_silu_does_not_cancel():
    trace = run_one("silu(x[t])", {"x": [1e8, 1e18]}, "float32")
    assert trace.gradient("x").tolist() == [1, 1]


@KINDS
def test_norms_neither_overflow_nor_vanish(dtype):
    size = 1e200 if dtype == "float64" else 1e30
    vectors = [[3 * size, 4 * size], [3 / size, 4 / size], [0, 0]]
    trace = run_one("norm(x[t])", {"x": vectors}, dtype)
    close(trace["L"], [5 * size, 5 / size, 0], dtype)
    close(trace.gradient("x"), [[0.6, 0.8], [0.6, 0.8], [0, 0]], dtype)
    trace = run_one("sum(w * normalize(x[t]))", {"x": vectors, "w": [1.0, 2.0]}, dtype)
    close(trace["L"], [2.2, 2.2, 0], dtype)
    assert trace.gradient("x")[2].tolist() == [0, 0]


@KINDS
def test_powers_at_zero(dtype):
    trace = run_one("x[t] ** p", {"x": [0.0, 2.0], "p": 3.0}, dtype)
    close(trace["L"], [0, 8], dtype)
    close(trace.gradient("x"), [0, 12], dtype)
    close(trace.gradient("p"), 8 * np.log(2), dtype)
    assert run_one("x[t] ** 2", {"x": [0.0, -3.0]}, dtype).gradient("x").tolist() == [0, -6]


# --- no noise ---------------------------------------------------------------------------


SINGULAR = {"inv", "solve", "det", "logdet"}  # refused, by themselves or on the way back


def extremes():
    from test_operations import cases

    return [case for case in cases() if not OPERATIONS[case.values[0]].positions]


@KINDS
@pytest.mark.parametrize("size", [0.0, 1e-30, -1000.0, 1e30])
@pytest.mark.parametrize(("name", "shapes"), extremes())
def test_no_warning_of_numpy_comes_out(name, shapes, size, dtype):
    """pytest turns warnings into errors; ours says where numbers cease to be finite."""
    from test_operations import recurrence

    made = recurrence(name, shapes, (True,) * len(shapes))
    arrays = {
        f"a{i}": np.full((2, *s), size, dtype)
        for i, s in enumerate(shapes)
        if not isinstance(s, int)
    }
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            trace = run(made, {**arrays, "w": _weights(made, arrays)}, dtype=dtype)
        except UnrollError:
            assert name in SINGULAR or OPERATIONS[name].targets
            return
        repr(trace), trace.loss, [trace.gradient(n) for n in trace.gradients]
    assert {w.category for w in said} <= {NonFiniteWarning}
    assert bool(said) <= (trace.nonfinite is not None)


def _weights(made, arrays):
    from unroll.numeric.fitting import infer

    known = tuple((n, a.shape[1:]) for n, a in arrays.items())
    return np.ones((2, *infer(made, known, 3)["w"]))


# --- where it ceases to be finite -------------------------------------------------------


def nonfinite(text, arrays, steps=None, **options):
    with pytest.warns(NonFiniteWarning) as said:
        trace = run(unroll.parse(text), arrays, steps=steps, **options)
    (one,) = said
    assert (one.message.name, one.message.step) == trace.nonfinite
    return trace, str(one.message)


def test_forward_the_first_step_is_said():
    trace, message = nonfinite(
        "s[0] = 10\ns[t] = s[t-1] ** 2 * w\nJ = sum(s[t], t)", {"w": 10.0}, 12
    )
    assert trace.nonfinite == ("s", 8)
    assert np.isfinite(trace["s"][:7]).all()
    assert not np.isfinite(trace["s"][7:]).any()
    assert message.startswith("s at step 8 is infinite or not a number")
    assert "float64" not in message


def test_float32_ends_earlier_and_says_so():
    text = "s[0] = 10\ns[t] = s[t-1] ** 2 * w\nJ = sum(s[t], t)"
    trace, message = nonfinite(text, {"w": 10.0}, 12, dtype="float32")
    assert trace.nonfinite == ("s", 5)
    assert "dtype float64" in message


def test_backward_the_last_step_is_the_first():
    """h vanishes in the first steps only for its square root: its slope is infinite at 0."""
    text = "h[t] = w * h[t-1] + x[t]\nL[t] = sqrt(h[t])\nJ = sum(L[t], t)"
    arrays = {"x": [1.0, -1.0, 0.0, 2.0, 1.0], "w": 1.0}  # h = 1, 0, 0, 2, 3
    trace, message = nonfinite(text, arrays)
    assert trace.nonfinite == (trace.gradients["h"], 3)
    assert np.isfinite(trace.loss)
    assert message.startswith("the gradient of h at step 3")
    assert "Gradients explode" in message


def test_exploding_gradients_of_a_finite_loss():
    text = "h[0] = 0\nh[t] = w * h[t-1] + x[t]\nJ = sum(0 * h[t], t) + h[tau] / 10 ** 300"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(unroll.parse(text), {"w": 2.0, "x": np.ones(100)}, of="J")
    text = "h[t] = w * h[t-1] + x[t]\nL[t] = 1000 * tanh(h[t])\nJ = sum(L[t], t)"
    arrays = {"w": 10.0, "x": np.zeros(400)}  # h stays 0, where nothing damps the gradient
    trace, _ = nonfinite(text, arrays)
    assert np.isfinite(trace.loss)
    name, step = trace.nonfinite
    assert name == trace.gradients["h"]
    gradient = trace.gradient("h")
    assert not np.isfinite(gradient[step - 1])
    assert np.isfinite(gradient[step:]).all()


def test_within_a_step_what_the_others_follow_from():
    text = "b[t] = a[t] - a[t]\na[t] = exp(c[t])\nc[t] = 10 * c[t-1] + b[t-1] + 1\nJ = sum(b[t], t)"
    recurrence = unroll.parse(text)
    with pytest.warns(NonFiniteWarning, match="a at step 4"):
        trace = run(recurrence, steps=6)
    assert trace.nonfinite == ("a", 4)


def test_a_value_without_steps_and_a_point_on_two_axes():
    with pytest.warns(NonFiniteWarning, match="C is infinite"):
        assert run(
            unroll.parse("C = exp(w)\nJ = sum(x[t] * C, t)"), {"w": 1e3, "x": [1.0]}
        ).nonfinite == (
            "C",
            None,
        )
    grid = unroll.parse("i = 1..m; j = 1..k; D[i, j] = D[i-1, j] ** 2 + D[i, j-1] + a[i] * b[j]")
    with pytest.warns(NonFiniteWarning, match="at step"):
        trace = run(grid, {"a": np.full(12, 10.0), "b": np.full(3, 10.0)})
    name, at = trace.nonfinite
    values = trace["D"]
    assert name == "D"
    assert not np.isfinite(values[at[0] - 1, at[1] - 1])
    assert at[0] == 1 or np.isfinite(values[at[0] - 2, at[1] - 1])
    assert at[1] == 1 or np.isfinite(values[at[0] - 1, at[1] - 2])


def test_without_an_objective_all_values_are_looked_at():
    with pytest.warns(NonFiniteWarning, match="s at step 2"):
        run(unroll.parse("s[t] = exp(1000 * s[t-1] + 1)\nr[t] = tanh(s[t])"), steps=3)


def test_a_sum_that_overflows_is_nothing_to_warn_of():
    trace = run_one("tanh(x[t])", {"x": [1.0]})
    big = np.full(3, 1.5e308)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recurrence = unroll.parse("y[t] = x[t]\nz[t] = tanh(y[t])")
        assert finiteness.report(run(recurrence, {"x": big})).nonfinite is None
    assert trace.nonfinite is None


def test_only_the_loss_and_parameters_are_looked_at_where_all_is_well(monkeypatch):
    trace = unroll.template("rnn").run()
    seen = []

    class Values(dict):
        def __getitem__(self, name):
            seen.append(name)
            return super().__getitem__(name)

    object.__setattr__(trace, "values", Values(trace.values))
    finiteness.report(trace)
    assert seen == ["J", *(trace.gradients[n] for n in trace.parameters)]


def test_the_command_line_says_it_in_one_line_and_goes_on():
    from click.testing import CliRunner

    from unroll.cli import main

    text = "s[0] = 10\ns[t] = s[t-1] ** 2 * (1 + w - w)\nJ = sum(s[t], t)"
    found = CliRunner().invoke(main, ["run", text, "--steps", "12"])
    assert found.exit_code == 0
    (line,) = found.stderr.splitlines()
    assert line.startswith("unroll: s at step 9 is infinite or not a number")
    assert "J = inf" in found.stdout


def test_float32_cannot_hold_everything():
    with pytest.raises(UnrollError, match=r"x holds 1e\+300, which is too large for float32"):
        run(unroll.parse("y[t] = x[t]"), {"x": [1.0, 1e300]}, dtype="float32")
