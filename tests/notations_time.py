"""Rules 11 to 17: left sides at t+1, ranges, lengths, totals, implied indices, lags, look-ups."""

from notations import Case

# fmt: off
CASES = [
    # 11 a left side at t+1
    Case(11, "Wikipedia, State-space representation", r"\mathbf{x}(k+1) = \mathbf{A} \mathbf{x}(k) + \mathbf{B} \mathbf{u}(k), \mathbf{y}(k) = \mathbf{C} \mathbf{x}(k) + \mathbf{D} \mathbf{u}(k)",
        """
        x[k] = A @ x[k-1] + B @ u[k]
        y[k] = C @ x[k-1] + D @ u[k]""",
        "x = A @ x_ + B @ u\ny = C @ x_ + D @ u", inputs="u:2", states="x:3", parameters="A:3x3 B:3x2 C:1x3 D:1x2"),
    Case(11, "echo state networks, update at n+1", "x(n+1) = tanh(W_in u(n+1) + W x(n) + W_fb y(n)), y(n+1) = W_out x(n+1)",
        """
        x[n] = tanh(W_in @ u[n] + W @ x[n-1] + W_fb @ y[n-1])
        y[n] = W_out @ x[n]""",
        "x = tanh(W_in @ u + W @ x_ + W_fb @ y_)\ny = W_out @ x",
        inputs="u:2", states="x:3 y:1", parameters="W_in:3x2 W:3x3 W_fb:3x1 W_out:1x3"),
    Case(11, "Sutskever et al., momentum", r"v_{t+1} = \mu v_t - \varepsilon g_t, \theta_{t+1} = \theta_t + v_{t+1}",
        """
        v[t] = mu * v[t-1] - epsilon * g[t]
        theta[t] = theta[t-1] + v[t]""",
        "v = mu * v_ - epsilon * g\ntheta = theta_ + v", inputs="g:2", states="v theta:2", parameters="mu epsilon"),
    Case(11, "Wikipedia, velocity Verlet", r"""
        x_{n+1} = x_n + v_n\,\Delta t + \tfrac12 a_n\,\Delta t^2
        v_{n+1} = v_n + \frac{a_n + a_{n+1}}{2}\Delta t""",
        """
        x[n] = x[n-1] + v[n-1] * Deltat + 1 / 2 * a[n-1] * Deltat ** 2
        v[n] = v[n-1] + (a[n-1] + a[n]) / 2 * Deltat""",
        "x = x_ + v_ * Deltat + a_ * Deltat ** 2 / 2\nv = v_ + (a_ + a) / 2 * Deltat",
        inputs="a:2", states="x v:2", parameters="Deltat"),
    Case(11, "Henon map", r"x_{n+1} = 1 - a x_n^2 + y_n, y_{n+1} = b x_n",
        """
        x[n] = 1 - a * x[n-1] ** 2 + y[n-1]
        y[n] = b * x[n-1]""",
        "x = 1 - a * x_ ** 2 + y_\ny = b * x_", states="x y", parameters="a b"),
    Case(11, "Fibonacci as n+2", "F_{n+2} = F_{n+1} + F_n, F_1 = 1, F_2 = 1",
        """
        F[n] = F[n-1] + F[n-2]
        F[1] = 1
        F[2] = 1""",
        "F = 1.0 if t < 3 else F_ + at('F', t - 2)", states="F", steps=8),
    Case(11, "reinforcement learning, return", r"G_t = R_{t+1} + \gamma G_{t+1}",
        "G[t] = R[t+1] + gamma * G[t+1]",
        "G = at('R', t + 1) + gamma * at('G', t + 1)", inputs="R", states="G", parameters="gamma", backward=True),
    Case(11, "Schulman et al., GAE", r"\hat{A}_t = \delta_t + (\gamma\lambda) \hat{A}_{t+1}, \delta_t = r_t + \gamma V_{t+1} - V_t",
        """
        Ahat[t] = delta[t] + gamma * lambda * Ahat[t+1]
        delta[t] = r[t] + gamma * V[t+1] - V[t]""",
        "delta = r + gamma * at('V', t + 1) - V\nAhat = delta + gamma * vars()['lambda'] * at('Ahat', t + 1)",
        inputs="r V", states="Ahat", parameters="gamma lambda", backward=True),
    Case(11, "Sutton, TD with eligibility traces", r"""
        z_t = \gamma \lambda z_{t-1} + x_t
        \delta_t = r_t + \gamma w_{t-1}^\top y_t - w_{t-1}^\top x_t
        w_t = w_{t-1} + \alpha \delta_t z_t""",
        """
        z[t] = gamma * lambda * z[t-1] + x[t]
        delta[t] = r[t] + gamma @ w[t-1].T @ y[t] - w[t-1].T @ x[t]
        w[t] = w[t-1] + alpha * delta[t] * z[t]""",
        """
z = gamma * vars()['lambda'] * z_ + x
delta = r + gamma * (w_ @ y) - w_ @ x
w = w_ + alpha * delta * z""",
        inputs="x y:3 r", states="z w:3", parameters="gamma alpha lambda"),
    # 12 ranges
    Case(12, "Wikipedia, exponential smoothing", r"\begin{aligned}s_{0}&=0.5\\s_{t}&=\alpha x_{t}+(1-\alpha )s_{t-1},\quad t>0\end{aligned}",
        """
        s[0] = 0.5
        s[t] = alpha * x[t] + (1 - alpha) * s[t-1]""",
        "s = alpha * x + (1 - alpha) * s_", inputs="x", states="s", parameters="alpha", before={"s": {0: 0.5}}),
    Case(12, "smoothing by cases", r"s_t = \begin{cases} x_1 & \text{if } t=1 \\ \alpha x_t + (1-\alpha) s_{t-1} & \text{if } t>1 \end{cases}",
        """
        s[1] = x[1]
        s[t] = alpha * x[t] + (1 - alpha) * s[t-1] for t >= 2""",
        "s = x if t == 1 else alpha * x + (1 - alpha) * s_", inputs="x", states="s", parameters="alpha"),
    Case(12, "Fibonacci by cases", r"F_n = \begin{cases} 0 & n = 0 \\ 1 & n = 1 \\ F_{n-1} + F_{n-2} & \text{otherwise.} \end{cases}",
        """
        F[0] = 0
        F[1] = 1
        F[n] = F[n-1] + F[n-2]""",
        "F = 1.0 if t == 1 else F_ + at('F', t - 2)", states="F", steps=8),
    Case(12, "d2l, hidden states by cases", r"\mathbf{h}_t = \begin{cases} 0, & t = 0\\ \tanh(W h_{t-1} + U x_t), & \mbox{otherwise} \end{cases}",
        """
        h[0] = 0
        h[t] = tanh(W @ h[t-1] + U @ x[t])""",
        "h = tanh(W @ h_ + U @ x)", inputs="x:2", states="h:3", parameters="W:3x3 U:3x2"),
    Case(12, "tent map", r"x_{n+1} = \begin{cases} \mu x_n & \text{for } x_n < \frac12 \\ \mu (1-x_n) & \text{for } \frac12 \le x_n \end{cases}, x_0 = 0.3",
        """
        x[n] = where(x[n-1] < 1 / 2, mu * x[n-1], where(1 / 2 <= x[n-1], mu * (1 - x[n-1]), 0))
        x[0] = 0.3""",
        "x = mu * x_ if x_ < 0.5 else mu * (1 - x_)", states="x", parameters="mu", before={"x": {0: 0.3}}),
    Case(12, "range behind a comma", r"h_t = w h_{t-1} + x_t, \quad t = 2, \ldots, T; \ h_1 = x_1",
        """
        h[t] = w * h[t-1] + x[t] for t >= 2
        h[1] = x[1]""",
        "h = x if t == 1 else w * h_ + x", inputs="x", states="h", parameters="w"),
    Case(12, "range in a set", r"h_t = w h_{t-1} + x_t, \ t \in \{2, \dots, T\}; h_1 = 0",
        """
        h[t] = w * h[t-1] + x[t] for t >= 2
        h[1] = 0""",
        "h = 0.0 if t == 1 else w * h_ + x", inputs="x", states="h", parameters="w"),
    Case(12, "backward algorithm, T down to 1", r"\beta_T = \mathbf{1}, \quad \beta_t = A (b_{t+1} \odot \beta_{t+1}) \text{ for } t = T-1, \ldots, 1",
        """
        beta[tau] = 1
        beta[t] = A @ (b[t+1] * beta[t+1]) for t <= tau-1""",
        "beta = np.ones(2) if t == tau else A @ (at('b', t + 1) * at('beta', t + 1))",
        inputs="b:2", states="beta:2", parameters="A:2x2", backward=True),
    # 13 lengths
    Case(13, "perplexity", r"J = \frac{1}{T} \sum_{t=1}^{T} L_t, \quad PP = e^J, L_t = x_t^2",
        """
        J = 1 / tau * sum(L[t], t)
        PP = exp(J)
        L[t] = x[t] ** 2""",
        "L = x ** 2", after="J = L.mean()\nPP = exp(J)", inputs="x"),
    Case(13, "many to one", r"h_t = \tanh(W h_{t-1} + U x_t); y = V h_T",
        """
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        y = V @ h[tau]""",
        "h = tanh(W @ h_ + U @ x)", after="y = V @ h[-1]",
        inputs="x:2", states="h:3", parameters="W:3x3 U:3x2 V:2x3"),
    Case(13, "leaky integration, time constant", r"V_t = e^{-\Delta t/\tau} V_{t-1} + I_t",
        """
        t = 1..T
        V[t] = exp(-Deltat / tau) * V[t-1] + I[t]""",
        "V = exp(-Deltat / tau) * V_ + I", inputs="I", states="V", parameters="Deltat tau"),
    Case(13, "discounted return from 0", r"J = \sum_{t=0}^{T-1} \gamma^t r_t",
        "J = sum(gamma ** (t - 1) * r[t], t)",
        after="J = sum(gamma ** k * r[k] for k in range(tau))", inputs="r", parameters="gamma"),
    Case(13, "encoder context, T_x", r"c = \frac{1}{T_x}\sum_{i=1}^{T_x} h_i, h_i = \tanh(U x_i)",
        """
        c = 1 / tau * sum(h[i], i)
        h[i] = tanh(U @ x[i])""",
        "h = tanh(U @ x)", after="c = h.mean(0)", inputs="x:2", parameters="U:3x2"),
    Case(13, "Jurafsky and Martin, perplexity", r"PP = \sqrt[T]{\prod_{t=1}^{T} \frac{1}{p_t}}",
        "PP = prod(1 / p[t], t) ** (1 / tau)",
        after="PP = np.prod(1 / p) ** (1 / tau)", inputs="p"),
    # 14 totals
    Case(14, "Goodfellow et al., total loss", r"L = \sum_t L^{(t)}, L^{(t)} = -y^{(t)\top} \log \hat{y}^{(t)}",
        """
        L_total = sum(L[t], t)
        L[t] = -(y[t].T @ log(yhat[t]))""",
        "L = -(y @ log(yhat))", after="L_total = L.sum()", inputs="y yhat:3"),
    Case(14, "CS224n, J and J^{(t)}", r"J(\theta) = \frac1T \sum_{t=1}^{T} J^{(t)}; J^{(t)} = (y_t - w x_t)^2",
        """
        J_total = 1 / tau * sum(J[t], t)
        J[t] = (y[t] - w * x[t]) ** 2""",
        "J = (y - w * x) ** 2", after="J_total = J.mean()", inputs="x y", parameters="w"),
    Case(14, "Ng, loss of a sequence", r"\mathcal{L}(\hat{y}, y) = \sum_{t=1}^{T_y} \mathcal{L}^{<t>}(\hat{y}^{<t>}, y^{<t>})",
        "L_total = sum(L(yhat[t], y[t]), t)",
        after="L_total = ((yhat - y) ** 2).sum()", inputs="yhat y", functions=("L(p, y) = (p - y) ** 2",)),
    # 15 implied indices
    Case(15, "WildML, GRU", r"""
        z = \sigma(x_t U^z + s_{t-1} W^z) \\ r = \sigma(x_t U^r + s_{t-1}W^r) \\
        h = \tanh(x_t U^h + (s_{t-1} \circ r) W^h) \\ s_t = (1 - z) \circ h + z \circ s_{t-1}""",
        """
        z[t] = sigmoid(x[t] @ U_z + s[t-1] @ W_z)
        r[t] = sigmoid(x[t] @ U_r + s[t-1] @ W_r)
        h[t] = tanh(x[t] @ U_h + s[t-1] * r[t] @ W_h)
        s[t] = (1 - z[t]) * h[t] + z[t] * s[t-1]""",
        """
z = sigmoid(x @ U_z + s_ @ W_z)
r = sigmoid(x @ U_r + s_ @ W_r)
h = tanh(x @ U_h + (s_ * r) @ W_h)
s = (1 - z) * h + z * s_""",
        inputs="x:2", states="s:3", parameters="U_z U_r U_h:2x3 W_z W_r W_h:3x3"),
    Case(15, "least mean squares", r"e = d_t - w_{t-1}^\top x_t; w_t = w_{t-1} + \mu e x_t",
        """
        e[t] = d[t] - w[t-1].T @ x[t]
        w[t] = w[t-1] + mu * e[t] * x[t]""",
        "e = d - w_ @ x\nw = w_ + mu * e * x", inputs="x:3 d", states="w:3", parameters="mu"),
    Case(15, "Ng, gates without a time", r"\Gamma_u = \sigma(W_u[c^{<t-1>},x^{<t>}]+b_u), c^{<t>} = \Gamma_u * x^{<t>} + (1-\Gamma_u)*c^{<t-1>}",
        """
        Gamma_u[t] = sigmoid(W_u @ concat(c[t-1], x[t]) + b_u)
        c[t] = Gamma_u[t] * x[t] + (1 - Gamma_u[t]) * c[t-1]""",
        "Gamma_u = sigmoid(W_u @ np.concatenate([c_, x]) + b_u)\nc = Gamma_u * x + (1 - Gamma_u) * c_",
        inputs="x:3", states="c:3", parameters="W_u:3x6 b_u:3"),
    # 16 sums over a lag
    Case(16, "Wikipedia, FIR filter", r"y[n]=\sum _{i=0}^{2}b_{i}\cdot x[n-i]",
        "y[n] = b_0 * x[n] + b_1 * x[n-1] + b_2 * x[n-2]",
        "y = b_0 * x + b_1 * x_ + b_2 * at('x', t - 2)", inputs="x", parameters="b_0 b_1 b_2"),
    Case(16, "Wikipedia, IIR filter", r"y[n] = \frac{1}{a_0} \left(\sum_{i=0}^1 b_i x[n-i] - \sum_{j=1}^2 a_j y[n-j]\right)",
        "y[n] = 1 / a_0 * (b_0 * x[n] + b_1 * x[n-1] - (a_1 * y[n-1] + a_2 * y[n-2]))",
        "y = (b_0 * x + b_1 * x_ - a_1 * y_ - a_2 * at('y', t - 2)) / a_0",
        inputs="x", states="y", parameters="a_0 a_1 a_2 b_0 b_1"),
    Case(16, "Wikipedia, ARMA", r"X_{t}=c+\varepsilon_{t}+\sum_{i=1}^{2}\varphi _{i}X_{t-i}+\sum_{i=1}^{2}\theta_{i}\varepsilon_{t-i}",
        "X[t] = c + epsilon[t] + (phi_1 * X[t-1] + phi_2 * X[t-2]) + (theta_1 * epsilon[t-1] + theta_2 * epsilon[t-2])",
        "X = c + epsilon + phi_1 * X_ + phi_2 * at('X', t - 2) + theta_1 * epsilon_ + theta_2 * at('epsilon', t - 2)",
        inputs="epsilon", states="X", parameters="c phi_1 phi_2 theta_1 theta_2"),
    Case(16, "vector autoregression", r"y_t = \nu + \sum_{i=1}^{2} A_i y_{t-i} + u_t",
        "y[t] = nu + (A_1 @ y[t-1] + A_2 @ y[t-2]) + u[t]",
        "y = nu + A_1 @ y_ + A_2 @ at('y', t - 2) + u", inputs="u:2", states="y:2", parameters="nu:2 A_1 A_2:2x2"),
    Case(16, "GARCH(1,2)", r"\sigma_t^2 = \omega + \sum_{i=1}^{1}\alpha_i\epsilon_{t-i}^2 + \sum_{j=1}^{2}\beta_j\sigma_{t-j}^2",
        "sigma2[t] = omega + alpha_1 * epsilon[t-1] ** 2 + (beta_1 * sigma2[t-1] + beta_2 * sigma2[t-2])",
        "sigma2 = omega + alpha_1 * epsilon_ ** 2 + beta_1 * sigma2_ + beta_2 * at('sigma2', t - 2)",
        inputs="epsilon", states="sigma2", parameters="omega alpha_1 beta_1 beta_2"),
    Case(16, "convolution with h(k)", "y(n) = Σ_{k=0}^{2} h(k) x(n−k)",
        "y[n] = h_0 * x[n] + h_1 * x[n-1] + h_2 * x[n-2]",
        "y = h_0 * x + h_1 * x_ + h_2 * at('x', t - 2)", inputs="x", parameters="h_0 h_1 h_2"),
    Case(16, "moving average by its window", r"m_t = \frac{1}{3}\sum_{i=t-2}^{t} x_i",
        "m[t] = 1 / 3 * (x[t-2] + x[t-1] + x[t])",
        "m = (x + x_ + at('x', t - 2)) / 3", inputs="x"),
    Case(16, "symmetric smoothing", r"y_n = \sum_{k=-1}^{1} w_{k} x_{n-k}",
        "y[n] = w_minus1 * x[n+1] + w_0 * x[n] + w_1 * x[n-1]",
        "y = w_minus1 * at('x', t + 1) + w_0 * x + w_1 * x_", inputs="x", parameters="w_minus1 w_0 w_1"),
    Case(16, "n-step return", r"G_t = \sum_{k=0}^{2} \gamma^k R_{t+k+1} + \gamma^3 V_{t+3}",
        "G[t] = gamma ** 0 * R[t+1] + gamma ** 1 * R[t+2] + gamma ** 2 * R[t+3] + gamma ** 3 * V[t+3]",
        "G = at('R', t + 1) + gamma * at('R', t + 2) + gamma**2 * at('R', t + 3) + gamma**3 * at('V', t + 3)",
        inputs="R V", parameters="gamma"),
    Case(16, "dilated filter", r"y_t = \sum_{k=0}^{2} W_k x_{t-2k}",
        "y[t] = W_0 @ x[t] + W_1 @ x[t-2] + W_2 @ x[t-4]",
        "y = W_0 @ x + W_1 @ at('x', t - 2) + W_2 @ at('x', t - 4)", inputs="x:2", parameters="W_0 W_1 W_2:3x2"),
    Case(16, "running mean as a sum so far", r"m_t = \frac1t \sum_{i=1}^{t} x_i",
        """
        m_sum[t] = m_sum[t-1] + x[t]
        m[t] = 1 / t * m_sum[t]""",
        "m_sum = at('m_sum', t - 1) + x\nm = m_sum / t", inputs="x", states="m_sum"),
    Case(16, "linear attention as a sum so far", r"S_t = \sum_{i \le t} v_i k_i^\top, z_t = \sum_{i \le t} k_i",
        """
        S[t] = S[t-1] + v[t] @ k[t].T
        z[t] = z[t-1] + k[t]""",
        "S = S_ + np.outer(v, k)\nz = z_ + k", inputs="v:3 k:2", states="S:3x2 z:2"),
    Case(16, "Ho et al., diffusion", r"\bar{\alpha}_t = \prod_{s=1}^{t} \alpha_s, y_t = \sqrt{\bar{\alpha}_t}\, z + \sqrt{1 - \bar{\alpha}_t}\, \epsilon_t",
        """
        alphabar[t] = alphabar[t-1] * alpha[t]
        alphabar[0] = 1
        y[t] = sqrt(alphabar[t]) * z + sqrt(1 - alphabar[t]) * epsilon[t]""",
        "alphabar = (1 if t == 1 else alphabar_) * alpha\ny = sqrt(alphabar) * z + sqrt(1 - alphabar) * epsilon",
        inputs="alpha epsilon", states="alphabar", parameters="z"),
    # 17 look-ups
    Case(17, "hidden Markov model, forward", r"\alpha_t = B[:, o_t] \odot (A^\top \alpha_{t-1}) + c",
        "alpha[t] = B[:, o[t]] * (A.T @ alpha[t-1]) + c",
        "alpha = B[:, o] * (A.T @ alpha_) + c", classes="o:4", states="alpha:3", parameters="B:3x4 A:3x3 c:3"),
    Case(17, "Rabiner, with scripts", r"\alpha_t = B_{:,o_t} \odot (A^\top \alpha_{t-1} + c)",
        "alpha[t] = B[:, o[t]] * (A.T @ alpha[t-1] + c)",
        "alpha = B[:, o] * (A.T @ alpha_ + c)", classes="o:4", states="alpha:3", parameters="B:3x4 A:3x3 c:3"),
    Case(17, "PyTorch, embedding by its row", r"h_t = \tanh(W h_{t-1} + E[x_t])",
        "h[t] = tanh(W @ h[t-1] + E[x[t], :])",
        "h = tanh(W @ h_ + E[x])", classes="x:4", states="h:3", parameters="W:3x3 E:4x3"),
    Case(17, "a lecture's embedding by its column", "h[t] = tanh(W @ h[t-1] + E[:, x[t]])",
        "h[t] = tanh(W @ h[t-1] + E[:, x[t]])",
        "h = tanh(W @ h_ + E[:, x])", classes="x:4", states="h:3", parameters="W:3x3 E:3x4"),
    Case(17, "negative log-likelihood of a class", r"L_t = -\log \hat{y}_{t,c_t}, L = \sum_t L_t",
        """
        L[t] = -log(entry(yhat[t], c[t]))
        L_total = sum(L[t], t)""",
        "L = -log(yhat[c])", after="L_total = L.sum()", classes="c:3", inputs="yhat:3"),
    Case(17, "a gain looked up in a table", "y_t = w[s_t] * x_t + y_{t-1}",
        "y[t] = w[s[t]] * x[t] + y[t-1]",
        "y = w[s] * x + y_", classes="s:3", inputs="x", states="y", parameters="w:3"),
]
