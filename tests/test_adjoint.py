"""The adjoint and the derivation, as text; their numbers are checked in test_execution."""

import pytest

import unroll


def adjoint(text, **options):
    lines = str(unroll.parse(text).adjoint(**options)).splitlines()
    return dict(line.split(" = ", 1) for line in lines)


def test_bptt_is_the_books():
    found = dict(
        line.split(" = ", 1) for line in str(unroll.template("rnn").adjoint()).splitlines()
    )
    assert found["grad_L[t]"] == "1"
    assert found["grad_o[t]"] == "yhat[t] - y[t]"
    assert found["grad_h[t]"] == "W.T @ grad_a[t+1] + V.T @ grad_o[t]"
    assert found["grad_a[t]"] == "(1 - h[t] ** 2) * grad_h[t]"
    assert found["grad_c"] == "sum(grad_o[t], t)"
    assert found["grad_b"] == "sum(grad_a[t], t)"
    assert found["grad_V"] == "sum(outer(grad_o[t], h[t]), t)"
    assert found["grad_W"] == "sum(outer(grad_a[t], h[t-1]), t)"
    assert found["grad_U"] == "sum(outer(grad_a[t], x[t]), t)"


def test_derived_lines_carry_the_books_numbers_in_the_order_of_bptt():
    text = str(unroll.template("rnn").derive())
    numbers = [line.split("# (")[1].rstrip(")") for line in text.splitlines()[1:] if "# (" in line]
    assert numbers == [
        "10.17", "10.18", "10.19", "10.20, 10.21", "10.22", "10.23", "10.24",
        "10.25, 10.26", "10.27, 10.28",
    ]  # fmt: skip
    # errata of 10.21: the diagonal stands between W.T and the gradient
    assert "W.T @ ((1 - h[t+1] ** 2) * grad_h[t+1]) + V.T @ grad_o[t] for t = 1..tau-1" in text


def test_the_latex_states_every_equation():
    text = unroll.template("rnn").derive().latex()
    for number in range(17, 29):
        assert f"10.{number})" in text
    assert r"W^{\top} \operatorname{diag}(1 - (h^{(t+1)})^{2}) (\nabla_{h^{(t+1)}} L)" in text
    assert text.count(r"\begin") == text.count(r"\end")
    assert text.count("{") == text.count("}")


def test_tanh_sigmoid_and_exp_are_differentiated_through_the_variable_they_define():
    found = adjoint("h[t] = sigmoid(w * h[t-1]); g[t] = exp(h[t]); J = sum(g[t], t)")
    assert found["delta_h[t]"] == "h[t] * (1 - h[t]) * grad_h[t]"
    assert "g[t]" in found["grad_h[t]"]
    assert "exp" not in found["grad_h[t]"]


def test_a_gradient_by_an_initial_value_is_the_gradient_at_0():
    found = adjoint("h[0] = h0; h[t] = tanh(W @ h[t-1]); J = sum(sum(h[t]), t)")
    assert found["grad_h0"] == "grad_h[0]"


def test_an_equation_at_one_point_sends_its_gradient_there():
    text = str(unroll.template("single-output").derive())
    assert "grad_h[tau] = V.T @ grad_o[tau]" in text
    assert "grad_h[t] = W.T @ ((1 - h[t+1] ** 2) * grad_h[t+1]) for t = 1..tau-1" in text
    assert "grad_c = grad_o[tau]" in text


def test_several_lags_have_as_many_boundary_cases():
    text = str(unroll.parse("y[t] = a*y[t-1] + b*y[t-2] + x[t]; J = sum(y[t]**2, t)").derive())
    assert "grad_y[tau] = 2 * y[tau]" in text
    assert "grad_y[tau-1] = " in text
    assert "for t = 1..tau-2" in text


def test_an_opaque_function_is_differentiated_in_name():
    recurrence = unroll.parse("s[t] = f(s[t-1], theta); J = sum(squared_error(s[t], y[t]), t)")
    text = str(recurrence.derive())
    assert "D1_f(s[t], theta).T @ grad_s[t+1] + (s[t] - y[t]) for t = 1..tau-1" in text
    assert "grad_theta = sum(D2_f(s[t-1], theta).T @ grad_s[t], t)" in text


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("h[t] = tanh(h[t-1])", {}, "no objective"),
        ("h[t] = tanh(W @ h[t-1]); J = sum(h[t], t)", {}, "not a number"),
        ("h[t] = tanh(h[t-1]); J = sum(h[t], t); K = sum(h[t]**2, t)", {}, "several"),
        ("h[t] = tanh(h[t-1]); J = sum(h[t], t)", {"of": "Q"}, "no variable 'Q'"),
    ],
)
def test_what_cannot_be_differentiated_says_why(text, options, words):
    with pytest.raises(unroll.UnrollError, match=words):
        unroll.parse(text).adjoint(**options)


def test_of_chooses_among_several_objectives():
    found = adjoint("h[t] = tanh(h[t-1]); J = sum(h[t], t); K = sum(h[t]**2, t)", of="K")
    assert "grad_K" in found
    assert "grad_J" not in found


def test_the_adjoint_reads_back_as_a_recurrence():
    made = unroll.template("rnn").adjoint()
    assert str(unroll.parse(str(made))) == str(made)


def test_the_gradient_of_a_state_that_runs_backward_runs_forward():
    text = "g[t] = tanh(R @ g[t+1] + Q @ x[t]); L[t] = squared_error(g[t], y[t]); J = sum(L[t], t)"
    lines = str(unroll.parse(text).derive()).splitlines()
    assert lines[2] == "grad_g[1] = g[1] - y[1]"
    assert lines[3].startswith("grad_g[t] = ")
    assert lines[3].endswith("for t = 2..tau")
    assert r"t = 2, \dots, \tau" in unroll.parse(text).derive().latex()


def test_a_factor_is_a_diagonal_matrix_on_whichever_side_it_stands():
    text = (
        "q[t] = x[t]; c[t] = tanh(W @ c[t-1]); h[t] = q[t] * c[t]; L[t] = squared_error(h[t], y[t])"
    )
    found = unroll.parse(f"{text}; J = sum(L[t], t)").derive().latex()
    assert r"\nabla_{q^{(t)}} L" in found
    assert r"= \operatorname{diag}(c^{(t)}) (\nabla_{h^{(t)}} L)" in found
    assert r"\operatorname{diag}(q^{(t)}) (\nabla_{h^{(t)}} L)" in found
