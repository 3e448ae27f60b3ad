"""Whiteboard, LaTeX and plain notation: what each rule of the notation reads as."""

import pytest

from unroll.errors import UnrollError
from unroll.language.parser import parse, parse_function
from unroll.language.printer import format_expression, format_recurrence
from unroll.symbolic.expressions import Index, Reference, call
from unroll.symbolic.recurrence import GIVEN, Axis

DYNAMICAL_SYSTEM = [
    "s[t] = f(s[t-1], x[t], theta)",
    "s_t = f(s_<t-1>, x_t; θ)",
    "s_t = f(s_{t-1}, x_t; θ)",
    "s_t = f(s_{t−1}, x_t; θ).",
    "s_<t> = f(s_<t-1>, x_<t>; theta)",
    "s^{<t>} = f(s^{<t-1>}, x^{<t>}; theta)",
    "s^{(t)} = f(s^{(t-1)}, x^{(t)}; θ)",
    "s^(t) = f(s^(t-1), x^(t); θ)",
    "s_{(t)} = f(s_{(t-1)}, x_{(t)}; θ)",
    "s_{[t]} = f(s_{[t-1]}, x_{[t]}; θ)",
    "sₜ = f(sₜ₋₁, xₜ; θ)",
    "s⁽ᵗ⁾ = f(s⁽ᵗ⁻¹⁾, x⁽ᵗ⁾; θ)",
    "s(t) = f(s(t-1), x(t); theta)",
    "s^{⟨t⟩} = f(s^{⟨t-1⟩}, x^{⟨t⟩}; θ)",
    r"s_t = f(s_{t-1}, x_t; \theta)",
    r"$s^{(t)} = f(s^{(t-1)}, x^{(t)}; \theta)$",
    r"\boldsymbol{s}^{(t)} = f(\boldsymbol{s}^{(t-1)}, \boldsymbol{x}^{(t)}; \boldsymbol{\theta})",
    r"\[ s^{\langle t\rangle} = f\left(s^{\langle t-1\rangle}, x^{\langle t\rangle}; \theta\right) \]",
    r"\begin{aligned} s_{t} &= f(s_{t-1}, x_{t};\, \theta) \tag{10.4} \end{aligned}",
]


@pytest.mark.parametrize("text", DYNAMICAL_SYSTEM)
def test_one_recurrence_in_every_notation(text: str) -> None:
    assert parse(text) == parse(DYNAMICAL_SYSTEM[0])


RULES = [
    # 1 decoration
    (1, r"$$h_t = \tanh\left(W h_{t-1} + U x_t\right)$$", "h[t] = tanh(W @ h[t-1] + U @ x[t])"),
    (1, r"h_t &= \mathbf{W}_{hh} \mathbf{h}_{t-1} \nonumber \\", "h[t] = W_hh @ h[t-1]"),
    (1, "h_t = x_t   (10.8)", "h[t] = x[t]"),
    (1, "h[t] = np.tanh(np.dot(Wxh, x[t]))  # code", "h[t] = tanh(Wxh @ x[t])"),
    (1, "\ufeffh_t\u00a0= x_t\r\ny_t = h_t。", "h[t] = x[t]\ny[t] = h[t]"),
    (1, r"h_t = \underbrace{W x_t}_{\text{input}} + b", "h[t] = W @ x[t] + b"),
    (1, r"a_t = x_t, \quad b_t = a_t", "a[t] = x[t]\nb[t] = a[t]"),
    # 2 definition signs
    (2, "h_t := x_t", "h[t] = x[t]"),
    (2, r"\mu^{(t)} \leftarrow \alpha\mu^{(t-1)}", "mu[t] = alpha * mu[t-1]"),
    (2, r"h_t \triangleq x_t", "h[t] = x[t]"),
    (2, "m_t ← β₁ m_{t−1}", "m[t] = beta_1 * m[t-1]"),
    # 3 names
    (3, "h_t = tanh(Wx_t + Uh_{t-1})", "h[t] = tanh(W @ x[t] + U @ h[t-1])"),
    (3, r"z_t = \sigma(x_tU^z + h_{t-1}W^z)", "z[t] = sigmoid(x[t] @ U_z + h[t-1] @ W_z)"),
    (3, "net_t = Wxh @ x_t", "net[t] = Wxh @ x[t]"),
    (3, r"\hat{y}_t = \tilde{c}_t + \bar{h}_t", "yhat[t] = ctilde[t] + hbar[t]"),
    (3, "ŷ_t = h̃_t", "yhat[t] = htilde[t]"),
    (3, r"x_t = x_{t-1} + \Delta t \, v_t", "x[t] = x[t-1] + Deltat * v[t]"),
    # 4 scripts
    (4, r"h_t = \sigma(W^{(hh)}h_{t-1} + W^{(hx)}x_{[t]})", "h[t] = sigmoid(W_hh @ h[t-1] + W_hx @ x[t])"),
    (4, r"f_t = \sigma(W_{if} x_t + b_{if} + W_{hf} h_{(t-1)} + b_{hf})",
     "f[t] = sigmoid(W_if @ x[t] + b_if + W_hf @ h[t-1] + b_hf)"),
    (4, "f[t] = W_if @ x[t] + W_for @ f[t-1] for t >= 2", "f[t] = W_if @ x[t] + W_for @ f[t-1] for t >= 2"),
    (4, "h_t = W_if x_t for t > 1", "h[t] = W_if @ x[t] for t >= 2"),
    (4, r"y_t = W^{out} x_t^2", "y[t] = W_out @ x[t] ** 2"),
    (4, r"h^{(t)} = (W^t)^\top h^{(0)}", "h[t] = (W ** t).T @ h[0]"),
    (4, r"g_t = W_{hh}^T \delta_t", "g[t] = W_hh.T @ delta[t]"),
    (4, r"\hat{m}_t = m_t / (1 - \beta_1^t)", "mhat[t] = m[t] / (1 - beta_1 ** t)"),
    (4, r"\sigma_t^2 = \alpha \sigma_{t-1}^2", "sigma2[t] = alpha * sigma2[t-1]"),
    (4, r"\hat{x}_{k|k-1} = A \hat{x}_{k-1|k-1}; \hat{x}_{k|k} = \hat{x}_{k|k-1}",
     "xhat_pred[k] = A @ xhat[k-1]\nxhat[k] = xhat_pred[k]"),
    # 5 signals
    (5, "y(n) = y(n-1) + x(n)", "y[n] = y[n-1] + x[n]"),
    (5, "x(n) = (1-a)x(n-1) + a tanh(W_in u(n) + W x(n-1))",
     "x[n] = (1 - a) * x[n-1] + a * tanh(W_in @ u[n] + W @ x[n-1])"),
    (5, "y(t) = y(t-1) + K e(t)\ny(0) = 1", "y[t] = y[t-1] + K @ e[t]\ny[0] = 1"),
    # 6 call or product
    (6, "h_t = U_h (r_t ⊙ h_{t-1})", "h[t] = U_h @ (r[t] * h[t-1])"),
    (6, r"h_t = \phi(x_t)", "h[t] = phi(x[t])"),
    (6, r"h_t = \mathbf{A}(\mathbf{x}_t)", "h[t] = A(x[t],)"),
    (6, r"f_t = \sigma_g(W_f x_t + b_f)", "f[t] = sigma_g(W_f @ x[t] + b_f)"),
    (6, r"m_t = m_{t-1} + \alpha (x_t - m_{t-1})", "m[t] = m[t-1] + alpha * (x[t] - m[t-1])"),
    # 7 products
    (7, "S_t = S_{t-1} + v_t k_t^T", "S[t] = S[t-1] + v[t] @ k[t].T"),
    (7, r"h_t = x_t W_{ih}^T + b_{ih} + h_{t-1}W_{hh}^T",
     "h[t] = x[t] @ W_ih.T + b_ih + h[t-1] @ W_hh.T"),
    (7, "c_t = f_t ∘ c_{t-1} + i_t · g_t", "c[t] = f[t] * c[t-1] + i[t] * g[t]"),
    (7, "c_t = r_t ⊙ W h_{t-1}", "c[t] = r[t] * (W @ h[t-1])"),
    (7, "S_t = a_t ⊗ b_t", "S[t] = outer(a[t], b[t])"),
    # 8 brackets
    (8, "z_t = σ(W_z · [h_{t−1}, x_t])", "z[t] = sigmoid(W_z @ concat(h[t-1], x[t]))"),
    (8, r"v_t = \begin{bmatrix} x_t \\ 1 \end{bmatrix}", "v[t] = concat(x[t], 1)"),
    (8, "y_t = V [1; u_t; x_t]", "y[t] = V @ concat(1, u[t], x[t])"),
    # 9 functions without brackets
    (9, r"h_t = \tanh W h_{t-1} + b", "h[t] = tanh(W @ h[t-1]) + b"),
    (9, r"s_t = e^{-x_t} + \exp -x_t + 1", "s[t] = exp(-x[t]) + exp(-x[t]) + 1"),
    (9, r"L_t = \frac12 \|y_t - x_t\|_2^2", "L[t] = 1 / 2 * sum((y[t] - x[t]) ** 2)"),
    (9, r"r_t = \max(0, x_t) + |x_t| + ½", "r[t] = maximum(0, x[t]) + abs(x[t]) + 0.5"),
    # 10 sigma, pi
    (10, r"h_t = \sigma(x_t)", "h[t] = sigmoid(x[t])"),
    (10, r"h_t = \sigma x_t", "h[t] = sigma * x[t]"),
    (10, r"\pi_t = \pi_{t-1}", "pi[t] = pi[t-1]"),
    # 11 a left side at t+1
    (11, "x_{k+1} = A x_k + B u_k, y_k = C x_k", "x[k] = A @ x[k-1] + B @ u[k]\ny[k] = C @ x[k-1]"),
    (11, "F_{n+2} = F_{n+1} + F_n", "F[n] = F[n-1] + F[n-2]"),
    (11, "x[t+1] = (1-a)*x[t] + a*tanh(u[t+1] + W@x[t]); y[t+1] = V@x[t+1]",
     "x[t] = (1 - a) * x[t-1] + a * tanh(u[t] + W @ x[t-1])\ny[t] = V @ x[t]"),
    # 12 ranges
    (12, "F_n = F_{n-1} + F_{n-2}, F_1 = 1, F_0 = 0", "F[n] = F[n-1] + F[n-2]\nF[1] = 1\nF[0] = 0"),
    (12, r"h_t = f(h_{t-1}), \quad t = 2, \dots, T", "h[t] = f(h[t-1]) for t >= 2"),
    (12, r"h_t = f(h_{t-1}) (1 \le t < T)", "h[t] = f(h[t-1]) for t <= tau-1"),
    (12, r"h_t = \begin{cases} b & t = 1 \\ W h_{t-1} & \text{otherwise} \end{cases}",
     "h[1] = b\nh[t] = W @ h[t-1]"),
    # 13 lengths
    (13, r"J = \frac{1}{T} \sum_{t=1}^{T} L_t", "J = 1 / tau * sum(L[t], t)"),
    (13, "h_t = x_t, o_T = V h_T", "h[t] = x[t]\no[tau] = V @ h[tau]"),
    (13, r"x_t = e^{-1/\tau} x_{t-1}", "t = 1..T\nx[t] = exp(-1 / tau) * x[t-1]"),
    # 14 totals
    (14, r"L = \sum_t L^{(t)}", "L_total = sum(L[t], t)"),
    (14, r"L_t = x_t^2; L = \sum_{k} L_k", "L[t] = x[t] ** 2\nL_total = sum(L[t], t)"),
    (14, "L = sum(L[t], t); L[t] = x[t]", "L_total = sum(L[t], t)\nL[t] = x[t]"),
    # 15 implied indices
    (15, r"z = \sigma(U x_t); h_t = z ∘ h_{t-1}", "z[t] = sigmoid(U @ x[t])\nh[t] = z[t] * h[t-1]"),
    # 16 sums over a lag
    (16, r"y[n] = \sum_{k=0}^{2} b_k x[n-k]", "y[n] = b_0 * x[n] + b_1 * x[n-1] + b_2 * x[n-2]"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "text", "canonical"), RULES)
def test_rules_of_notation(rule: int, text: str, canonical: str) -> None:
    recurrence = parse(text)
    assert format_recurrence(recurrence) == canonical
    assert parse(canonical) == recurrence


def test_lstm_from_an_encyclopedia() -> None:
    text = r"""
    \begin{aligned}
    f_t &= \sigma(W_f x_t + U_f h_{t-1} + b_f) \\
    i_t &= \sigma(W_i x_t + U_i h_{t-1} + b_i) \\
    o_t &= \sigma(W_o x_t + U_o h_{t-1} + b_o) \\
    \tilde{c}_t &= \tanh(W_c x_t + U_c h_{t-1} + b_c) \\
    c_t &= f_t \odot c_{t-1} + i_t \odot \tilde{c}_t \\
    h_t &= o_t \odot \tanh(c_t)
    \end{aligned}"""
    recurrence = parse(text)
    assert recurrence.inputs == ("x",)
    assert recurrence.states == {"c", "h"}
    assert len(recurrence.parameters) == 12


def test_indices_numbers_and_boundaries() -> None:
    recurrence = parse(
        "h[t] = g[t+1] + h[t-2] * t / tau\nh[0] = given\nh[-1] = h0\no[tau-1] = g[1]"
    )
    assert [str(e.target) for e in recurrence.equations] == ["h[t]", "h[0]", "h[-1]", "o[tau-1]"]
    assert recurrence.equations[1].expression == GIVEN
    assert recurrence.equations[3].target.indices == (Index("tau", -1),)
    assert Reference("t") in recurrence.equations[0].expression.arguments[1].arguments[0].arguments


def test_axes() -> None:
    assert parse("h_k = h_{k-1}").axes == (Axis("k", "tau"),)
    assert parse("t = 1..n_x\nc = V @ h[n_x]\nh[t] = x[t]").axes == (Axis("t", "n_x"),)
    assert parse("i_t = W_i x_t; k_t = i_t").axes == (Axis("t", "tau"),)


def test_roles_are_kept() -> None:
    recurrence = parse("h[t] = W[t] @ h[t-1]", roles={"W": "parameter"})
    assert recurrence.overrides == (("W", "parameter"),)
    assert recurrence.parameters == ("W",)
    assert recurrence.inputs == ()


def test_spans_lead_back_to_the_text() -> None:
    recurrence = parse("# remark\nh_t = \\tanh(W h_{t-1})")
    span = recurrence.equations[0].expression.span
    assert span is not None
    assert (span.line, span.column, span.width) == (2, 7, 16)


def test_functions() -> None:
    function = parse_function("f(s, x; θ) = tanh(W s + U x) * θ")
    assert function.name == "f"
    assert function.parameters == ("s", "x", "theta")
    assert format_expression(function.expression) == "tanh(W @ s + U @ x) * theta"
    assert parse_function("g(a) = a").expression == Reference("a")
    assert parse_function(r"f(x) = \sigma(x)").expression == call("sigmoid", Reference("x"))
    for text in ("f = 3", "f(1) = 2", "f(x, x) = x", "", "f(x) = x; g(x) = x"):
        with pytest.raises(UnrollError):
            parse_function(text)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("L_t = ||h_t - y_t||^2", "L[t] = sum((h[t] - y[t]) ** 2)"),
        ("a_t = 2 ||x_t|| + ||y_t||_1", "a[t] = 2 * norm(x[t]) + sum(abs(y[t]))"),
        ("a_t = |x_t||y_t|", "a[t] = abs(x[t]) * abs(y[t])"),
        ("a_t = ||x_t| - |y_t||", "a[t] = abs(abs(x[t]) - abs(y[t]))"),
        ("a_t = |x_t| + ||y_t||", "a[t] = abs(x[t]) + norm(y[t])"),
    ],
)
def test_two_bars_are_a_norm(written, read):
    assert format_recurrence(parse(written)) == read
