"""Rules 1 to 5: decoration, definition signs, names, scripts, signals."""

from notations import Case

# fmt: off
CASES = [
    # 1 decoration
    Case(1, "PyTorch documentation, nn.LSTM", r"""\begin{array}{ll} \\
        i_t = \sigma(W_{ii} x_t + b_{ii} + W_{hi} h_{t-1} + b_{hi}) \\
        f_t = \sigma(W_{if} x_t + b_{if} + W_{hf} h_{t-1} + b_{hf}) \\
        g_t = \tanh(W_{ig} x_t + b_{ig} + W_{hg} h_{t-1} + b_{hg}) \\
        o_t = \sigma(W_{io} x_t + b_{io} + W_{ho} h_{t-1} + b_{ho}) \\
        c_t = f_t \odot c_{t-1} + i_t \odot g_t \\
        h_t = o_t \odot \tanh(c_t) \\
        \end{array}""",
        """
        i[t] = sigmoid(W_ii @ x[t] + b_ii + W_hi @ h[t-1] + b_hi)
        f[t] = sigmoid(W_if @ x[t] + b_if + W_hf @ h[t-1] + b_hf)
        g[t] = tanh(W_ig @ x[t] + b_ig + W_hg @ h[t-1] + b_hg)
        o[t] = sigmoid(W_io @ x[t] + b_io + W_ho @ h[t-1] + b_ho)
        c[t] = f[t] * c[t-1] + i[t] * g[t]
        h[t] = o[t] * tanh(c[t])""",
        """
i = sigmoid(W_ii @ x + b_ii + W_hi @ h_ + b_hi)
f = sigmoid(W_if @ x + b_if + W_hf @ h_ + b_hf)
g = tanh(W_ig @ x + b_ig + W_hg @ h_ + b_hg)
o = sigmoid(W_io @ x + b_io + W_ho @ h_ + b_ho)
c = f * c_ + i * g
h = o * tanh(c)""",
        inputs="x:2", states="h c:3",
        parameters="W_ii W_if W_ig W_io:3x2 W_hi W_hf W_hg W_ho:3x3 "
                   "b_ii b_if b_ig b_io b_hi b_hf b_hg b_ho:3"),
    Case(1, "Wikipedia, Long short-term memory", r"""{\displaystyle {\begin{aligned}
        f_{t}&=\sigma (W_{f}x_{t}+U_{f}h_{t-1}+b_{f})\\
        i_{t}&=\sigma (W_{i}x_{t}+U_{i}h_{t-1}+b_{i})\\
        {\tilde {c}}_{t}&=\tanh(W_{c}x_{t}+U_{c}h_{t-1}+b_{c})\\
        c_{t}&=f_{t}\odot c_{t-1}+i_{t}\odot {\tilde {c}}_{t}\\
        h_{t}&=\tanh(c_{t})\end{aligned}}}""",
        """
        f[t] = sigmoid(W_f @ x[t] + U_f @ h[t-1] + b_f)
        i[t] = sigmoid(W_i @ x[t] + U_i @ h[t-1] + b_i)
        ctilde[t] = tanh(W_c @ x[t] + U_c @ h[t-1] + b_c)
        c[t] = f[t] * c[t-1] + i[t] * ctilde[t]
        h[t] = tanh(c[t])""",
        """
f = sigmoid(W_f @ x + U_f @ h_ + b_f)
i = sigmoid(W_i @ x + U_i @ h_ + b_i)
ctilde = tanh(W_c @ x + U_c @ h_ + b_c)
c = f * c_ + i * ctilde
h = tanh(c)""",
        inputs="x:2", states="h c:3", parameters="W_f W_i W_c:3x2 U_f U_i U_c:3x3 b_f b_i b_c:3"),
    Case(1, "MLX documentation, nn.GRU", r"""\[\begin{split}\begin{aligned}
        r_t &= \sigma (W_{xr}x_t + W_{hr}h_t + b_{r}) \\
        z_t &= \sigma (W_{xz}x_t + W_{hz}h_t + b_{z}) \\
        n_t &= \text{tanh}(W_{xn}x_t + b_{n} + r_t \odot (W_{hn}h_t + b_{hn})) \\
        h_{t + 1} &= (1 - z_t) \odot n_t + z_t \odot h_t
        \end{aligned}\end{split}\]""",
        """
        r[t] = sigmoid(W_xr @ x[t] + W_hr @ h[t-1] + b_r)
        z[t] = sigmoid(W_xz @ x[t] + W_hz @ h[t-1] + b_z)
        n[t] = tanh(W_xn @ x[t] + b_n + r[t] * (W_hn @ h[t-1] + b_hn))
        h[t] = (1 - z[t]) * n[t] + z[t] * h[t-1]""",
        """
r = sigmoid(W_xr @ x + W_hr @ h_ + b_r)
z = sigmoid(W_xz @ x + W_hz @ h_ + b_z)
n = tanh(W_xn @ x + b_n + r * (W_hn @ h_ + b_hn))
h = (1 - z) * n + z * h_""",
        inputs="x:2", states="h:3",
        parameters="W_xr W_xz W_xn:3x2 W_hr W_hz W_hn:3x3 b_r b_z b_n b_hn:3"),
    Case(1, "d2l, RNN", r"""$$\mathbf{H}_t = \tanh(\mathbf{X}_t \mathbf{W}_{xh} + \mathbf{H}_{t-1} \mathbf{W}_{hh}  + \mathbf{b}_h).$$
        $$\mathbf{O}_t = \mathbf{H}_t \mathbf{W}_{hq} + \mathbf{b}_q.$$""",
        """
        H[t] = tanh(X[t] @ W_xh + H[t-1] @ W_hh + b_h)
        O[t] = H[t] @ W_hq + b_q""",
        "H = tanh(X @ W_xh + H_ @ W_hh + b_h)\nO = H @ W_hq + b_q",
        inputs="X:2", states="H:3", parameters="W_xh:2x3 W_hh:3x3 W_hq:3x4 b_h:3 b_q:4"),
    Case(1, "SAS documentation, GARCH", r"""\begin{eqnarray*} \epsilon _ t & =& \sqrt{h_ t}e_ t \\
        h_ t & =& \omega + \alpha _1\epsilon ^2_{t-1} + \gamma _1 h_{t-1} \nonumber \end{eqnarray*}""",
        """
        epsilon[t] = sqrt(h[t]) * e[t]
        h[t] = omega + alpha_1 * epsilon[t-1] ** 2 + gamma_1 * h[t-1]""",
        "h = omega + alpha_1 * epsilon_ ** 2 + gamma_1 * h_\nepsilon = sqrt(h) * e",
        inputs="e", states="epsilon h", parameters="omega alpha_1 gamma_1"),
    Case(1, "lecture slides, labelled gates", r"""
        Forget gate:  $f_t = \sigma(W_f x_t + b_f)$,
        Cell state:   $c_t = f_t \circ c_{t-1} + x_t$ \qquad \text{(memory)}    (3.2)
        - $h_t = \tanh c_t$""",
        """
        f[t] = sigmoid(W_f @ x[t] + b_f)
        c[t] = f[t] * c[t-1] + x[t]
        h[t] = tanh(c[t])""",
        "f = sigmoid(W_f @ x + b_f)\nc = f * c_ + x\nh = tanh(c)",
        inputs="x:3", states="c:3", parameters="W_f:3x3 b_f:3"),
    Case(1, "Chinese notes", "隐藏状态：h_t ＝ tanh（W h_{t－1} ＋ U x_t ＋ b），其中 h_0 ＝ 0；输出：y_t ＝ V h_t。",
        """
        h[t] = tanh(W @ h[t-1] + U @ x[t] + b)
        h[0] = 0
        y[t] = V @ h[t]""",
        "h = tanh(W @ h_ + U @ x + b)\ny = V @ h",
        inputs="x:2", states="h:3", parameters="W:3x3 U:3x2 b:3 V:2x3"),
    Case(1, "Japanese notes", r"状態方程式 x_{k+1} = A x_k + B u_k、出力方程式 y_k = C x_k において",
        """
        x[k] = A @ x[k-1] + B @ u[k]
        y[k] = C @ x[k-1]""",
        "x = A @ x_ + B @ u\ny = C @ x_", inputs="u:2", states="x:3", parameters="A:3x3 B:3x2 C:2x3"),
    Case(1, "NumPy code of a course", """hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t-1]) + bh)  # hidden state
        ys[t] = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))""",
        """
        hs[t] = tanh(Wxh @ xs[t] + Whh @ hs[t-1] + bh)
        ys[t] = Why @ hs[t] + by
        ps[t] = exp(ys[t]) / sum(exp(ys[t]))""",
        "hs = tanh(Wxh @ xs + Whh @ hs_ + bh)\nys = Why @ hs + by\nps = exp(ys) / np.sum(exp(ys))",
        inputs="xs:2", states="hs:3", parameters="Wxh:3x2 Whh:3x3 bh:3 Why:4x3 by:4"),
    # 2 definition signs
    Case(2, "Kingma and Ba, Adam", r"""
        m_t \leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t
        v_t \leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^2
        \widehat{m}_t \leftarrow m_t / (1 - \beta_1^t)
        \widehat{v}_t \leftarrow v_t / (1 - \beta_2^t)
        \theta_t \leftarrow \theta_{t-1} - \alpha \cdot \widehat{m}_t / (\sqrt{\widehat{v}_t} + \epsilon)""",
        """
        m[t] = beta_1 * m[t-1] + (1 - beta_1) * g[t]
        v[t] = beta_2 * v[t-1] + (1 - beta_2) * g[t] ** 2
        mhat[t] = m[t] / (1 - beta_1 ** t)
        vhat[t] = v[t] / (1 - beta_2 ** t)
        theta[t] = theta[t-1] - alpha * mhat[t] / (sqrt(vhat[t]) + epsilon)""",
        """
m = beta_1 * m_ + (1 - beta_1) * g
v = beta_2 * v_ + (1 - beta_2) * g ** 2
mhat, vhat = m / (1 - beta_1 ** t), v / (1 - beta_2 ** t)
theta = theta_ - alpha * mhat / (sqrt(vhat) + epsilon)""",
        inputs="g:3", states="m v theta:3", parameters="alpha beta_1 beta_2 epsilon"),
    Case(2, "control text", r"x_k \triangleq A x_{k-1} + u_k, \quad y_k := C x_k",
        """
        x[k] = A @ x[k-1] + u[k]
        y[k] = C @ x[k]""",
        "x = A @ x_ + u\ny = C @ x", inputs="u:2", states="x:2", parameters="A:2x2 C:1x2"),
    Case(2, "a paper's definition", r"s_t \stackrel{\text{def}}{=} \gamma s_{t-1} + r_t; \ a_t \overset{\triangle}{=} 2 s_t",
        """
        s[t] = gamma * s[t-1] + r[t]
        a[t] = 2 * s[t]""",
        "s = gamma * s_ + r\na = 2 * s", inputs="r", states="s", parameters="gamma"),
    Case(2, "a forum's plain text", "θ_t ← θ_{t−1} − α · g_t / (√v_t + ε)\nv_t ≔ ρ v_{t−1} + (1 − ρ) g_t²",
        """
        theta[t] = theta[t-1] - alpha * g[t] / (sqrt(v[t]) + epsilon)
        v[t] = rho * v[t-1] + (1 - rho) * g[t] ** 2""",
        "v = rho * v_ + (1 - rho) * g ** 2\ntheta = theta_ - alpha * g / (sqrt(v) + epsilon)",
        inputs="g:2", states="theta v:2", parameters="alpha epsilon rho"),
    # 3 names
    Case(3, "Goldberg's primer and its copies", r"""
        z_t = \sigma(x_tU^z + h_{t-1}W^z)
        h_t = (1 - z_t) \circ h_{t-1} + z_t \circ \tanh(x_tU^h)""",
        """
        z[t] = sigmoid(x[t] @ U_z + h[t-1] @ W_z)
        h[t] = (1 - z[t]) * h[t-1] + z[t] * tanh(x[t] @ U_h)""",
        "z = sigmoid(x @ U_z + h_ @ W_z)\nh = (1 - z) * h_ + z * tanh(x @ U_h)",
        inputs="x:2", states="h:3", parameters="U_z U_h:2x3 W_z:3x3"),
    Case(3, "a blog's plain text", """z_t=σ(W_zx_t+U_zh_{t-1}+b_z)
        h_t=(1-z_t)∘h_{t-1}+z_t∘tanh(Wx_t+b)""",
        """
        z[t] = sigmoid(W_z @ x[t] + U_z @ h[t-1] + b_z)
        h[t] = (1 - z[t]) * h[t-1] + z[t] * tanh(W @ x[t] + b)""",
        "z = sigmoid(W_z @ x + U_z @ h_ + b_z)\nh = (1 - z) * h_ + z * tanh(W @ x + b)",
        inputs="x:2", states="h:3", parameters="W_z W:3x2 U_z:3x3 b_z b:3"),
    Case(3, "Wikipedia, Verlet integration", r"\vec{x}_{n+1} = 2\vec{x}_n - \vec{x}_{n-1} + \vec{a}_n \, \Delta t^2",
        "x[n] = 2 * x[n-1] - x[n-2] + a[n] * Deltat ** 2",
        "x = 2 * x_ - at('x', t - 2) + a * Deltat ** 2", inputs="a:3", states="x:3", parameters="Deltat"),
    Case(3, "bidirectional encoder, Bahdanau et al.", r"""
        \overrightarrow{h}_i = \tanh(\overrightarrow{W} x_i + \overrightarrow{U}\, \overrightarrow{h}_{i-1})
        \hat{y}_i = \tilde{V} \overrightarrow{h}_i + \bar{b}""",
        """
        hfwd[i] = tanh(Wfwd @ x[i] + Ufwd @ hfwd[i-1])
        yhat[i] = Vtilde @ hfwd[i] + bbar""",
        "hfwd = tanh(Wfwd @ x + Ufwd @ hfwd_)\nyhat = Vtilde @ hfwd + bbar",
        inputs="x:2", states="hfwd:3", parameters="Wfwd:3x2 Ufwd:3x3 Vtilde:2x3 bbar:2"),
    Case(3, "a deep-learning course, plain", "yhat_t = softmax(Why h_t + by); h_t = tanh(Wxh x_t + Whh h_{t-1} + bh)",
        """
        yhat[t] = softmax(Why @ h[t] + by)
        h[t] = tanh(Wxh @ x[t] + Whh @ h[t-1] + bh)""",
        "h = tanh(Wxh @ x + Whh @ h_ + bh)\nq = exp(Why @ h + by)\nyhat = q / q.sum()\ndel q",
        inputs="x:2", states="h:3", parameters="Wxh:3x2 Whh:3x3 Why:4x3 by:4 bh:3"),
    Case(3, "an optimiser in Unicode", "Δθ_t = μ Δθ_{t−1} − η ĝ_t, θ_t = θ_{t−1} + Δθ_t",
        """
        Deltatheta[t] = mu * Deltatheta[t-1] - eta * ghat[t]
        theta[t] = theta[t-1] + Deltatheta[t]""",
        "Deltatheta = mu * Deltatheta_ - eta * ghat\ntheta = theta_ + Deltatheta",
        inputs="ghat:2", states="Deltatheta theta:2", parameters="mu eta"),
    # 4 scripts
    Case(4, "Ng, Sequence Models", r"""
        a^{\langle t \rangle} = \tanh(W_{aa} a^{\langle t-1 \rangle} + W_{ax} x^{\langle t \rangle} + b_a)
        \hat{y}^{\langle t \rangle} = \sigma(W_{ya} a^{\langle t \rangle} + b_y)""",
        """
        a[t] = tanh(W_aa @ a[t-1] + W_ax @ x[t] + b_a)
        yhat[t] = sigmoid(W_ya @ a[t] + b_y)""",
        "a = tanh(W_aa @ a_ + W_ax @ x + b_a)\nyhat = sigmoid(W_ya @ a + b_y)",
        inputs="x:2", states="a:3", parameters="W_aa:3x3 W_ax:3x2 W_ya:2x3 b_a:3 b_y:2"),
    Case(4, "CS224n notes", r"h_t = \sigma(W^{(hh)}h_{t-1} + W^{(hx)}x_{[t]}), \hat{y}_t = \sigma(W^{(S)}h_t)",
        """
        h[t] = sigmoid(W_hh @ h[t-1] + W_hx @ x[t])
        yhat[t] = sigmoid(W_S @ h[t])""",
        "h = sigmoid(W_hh @ h_ + W_hx @ x)\nyhat = sigmoid(W_S @ h)",
        inputs="x:2", states="h:3", parameters="W_hh:3x3 W_hx:3x2 W_S:2x3"),
    Case(4, "Goodfellow et al., 10.8", r"\mathbf{a}^{(t)} = \mathbf{b} + \mathbf{W}\mathbf{h}^{(t-1)} + \mathbf{U}\mathbf{x}^{(t)}, \mathbf{h}^{(t)} = \tanh(\mathbf{a}^{(t)})",
        """
        a[t] = b + W @ h[t-1] + U @ x[t]
        h[t] = tanh(a[t])""",
        "a = b + W @ h_ + U @ x\nh = tanh(a)", inputs="x:2", states="h:3", parameters="b:3 W:3x3 U:3x2"),
    Case(4, "SAS documentation, conditional variance", r"y_ t = \sigma _ t z_ t, \sigma _ t^2 = \omega + \alpha y_{t-1}^2 + \beta \sigma _{t-1}^2, \sigma_t = \sqrt{\sigma_t^2}",
        """
        y[t] = sigma[t] * z[t]
        sigma2[t] = omega + alpha * y[t-1] ** 2 + beta * sigma2[t-1]
        sigma[t] = sqrt(sigma2[t])""",
        "sigma2 = omega + alpha * y_ ** 2 + beta * sigma2_\nsigma = sqrt(sigma2)\ny = sigma * z",
        inputs="z", states="sigma2 y", parameters="omega alpha beta"),
    Case(4, "a knowledge base, GARCH", r"{\sigma_{t}}^{2} = \omega + \lambda {\sigma_{t-1}}^{2} + \beta {\epsilon_{t-1}}^{2}",
        "sigma2[t] = omega + lambda * sigma2[t-1] + beta * epsilon[t-1] ** 2",
        "sigma2 = omega + vars()['lambda'] * sigma2_ + beta * epsilon_ ** 2",
        inputs="epsilon", states="sigma2", parameters="omega lambda beta"),
    Case(4, "Wikipedia, Kalman filter (predict)", r"""
        \hat{\mathbf x}_{k\mid k-1} = \mathbf{F}_k \mathbf x_{k-1\mid k-1} + \mathbf{B}_k \mathbf{u}_k
        \mathbf {P} _{k\mid k-1}=\mathbf {F} _{k}\mathbf {P} _{k-1\mid k-1}\mathbf {F} _{k}^{\textsf {T}}+\mathbf {Q} _{k}
        \mathbf x_{k\mid k} = \hat{\mathbf x}_{k\mid k-1} + \mathbf{K}_k (\mathbf{z}_k - \mathbf{H}_k \hat{\mathbf x}_{k\mid k-1})
        \mathbf P_{k\mid k} = \mathbf P_{k\mid k-1} - \mathbf{K}_k \mathbf{H}_k \mathbf P_{k\mid k-1}""",
        """
        xhat_pred[k] = F[k] @ x[k-1] + B[k] @ u[k]
        P_pred[k] = F[k] @ P[k-1] @ F[k].T + Q[k]
        x[k] = xhat_pred[k] + K[k] @ (z[k] - H[k] @ xhat_pred[k])
        P[k] = P_pred[k] - K[k] @ H[k] @ P_pred[k]""",
        """
xhat_pred = F @ x_ + B @ u
P_pred = F @ P_ @ F.T + Q
x = xhat_pred + K @ (z - H @ xhat_pred)
P = P_pred - K @ H @ P_pred""",
        inputs="F Q:3x3 B:3x2 u:2 K:3x2 H:2x3 z:2", states="x:3 P:3x3"),
    Case(4, "Welch and Bishop, Kalman filter", r"\hat{x}_k^- = A \hat{x}_{k-1} + B u_k; \hat{x}_k = \hat{x}_k^- + K_k(z_k - H \hat{x}_k^-)",
        """
        xhat_minus[k] = A @ xhat[k-1] + B @ u[k]
        xhat[k] = xhat_minus[k] + K[k] @ (z[k] - H @ xhat_minus[k])""",
        "xhat_minus = A @ xhat_ + B @ u\nxhat = xhat_minus + K @ (z - H @ xhat_minus)",
        inputs="u:2 K:3x2 z:2", states="xhat:3", parameters="A:3x3 B:3x2 H:2x3"),
    Case(4, "Wikipedia, Leapfrog integration", r"\begin{aligned} v_{i+1/2} &= v_{i-1/2} + a_{i}\,\Delta t, \\ x_{i+1} &= x_{i} + v_{i+1/2}\,\Delta t. \end{aligned}",
        """
        v_half[i] = v_half[i-1] + a[i] * Deltat
        x[i] = x[i-1] + v_half[i] * Deltat""",
        "v_half = v_half_ + a * Deltat\nx = x_ + v_half * Deltat",
        inputs="a:2", states="v_half x:2", parameters="Deltat"),
    Case(4, "molecular dynamics, velocity Verlet", r"""
        v_{n+1/2} = v_n + \frac{\Delta t}{2} a_n; x_{n+1} = x_n + \Delta t\, v_{n+1/2}
        a_{n+1} = -\omega^2 x_{n+1}; v_{n+1} = v_{n+1/2} + \frac{\Delta t}{2} a_{n+1}; x_0 = 1""",
        """
        v_half[n] = v[n-1] + Deltat / 2 * a[n-1]
        x[n] = x[n-1] + Deltat * v_half[n]
        a[n] = -(omega ** 2 * x[n])
        v[n] = v_half[n] + Deltat / 2 * a[n]
        x[0] = 1""",
        """
v_half = v_ + Deltat / 2 * a_
x = x_ + Deltat * v_half
a = -omega ** 2 * x
v = v_half + Deltat / 2 * a""",
        states="v x a", parameters="Deltat omega", before={"x": {0: 1.0}}),
    Case(4, "Stanford, cross entropy over a vocabulary", r"J = -\frac1T \sum_{t=1}^{T} \sum_{j=1}^{|V|} y_{t,j} \log \hat{y}_{t,j}",
        "J = -(1 / tau * sum(sum(y[t] * log(yhat[t])), t))",
        after="J = -(y * log(yhat)).sum() / tau", inputs="y yhat:4"),
    Case(4, "two components of a state", r"z_t = x_{t,1}^2 + x_{t,2} x_{t-1,1}",
        "z[t] = x[t][0] ** 2 + x[t][1] * x[t-1][0]",
        "z = x[0] ** 2 + x[1] * x_[0]", inputs="x:2"),
    # 5 signals
    Case(5, "Lukoševičius, echo state networks", r"""
        \mathbf{x}(n) = (1-\alpha)\mathbf{x}(n-1)+\alpha\tanh\left(\mathbf{W}^{\text{in}}[1;\mathbf{u}(n)]+\mathbf{W}\mathbf{x}(n-1)\right),
        \mathbf{y}(n)=\mathbf{W}^{\text{out}}[1;\mathbf{u}(n);\mathbf{x}(n)]""",
        """
        x[n] = (1 - alpha) * x[n-1] + alpha * tanh(W_in @ concat(1, u[n]) + W @ x[n-1])
        y[n] = W_out @ concat(1, u[n], x[n])""",
        """
x = (1 - alpha) * x_ + alpha * tanh(W_in @ np.append(1, u) + W @ x_)
y = W_out @ np.concatenate([[1], u, x])""",
        inputs="u:2", states="x:3", parameters="W_in W:3x3 W_out:2x6 alpha"),
    Case(5, "PID, velocity form", "u(k) = u(k-1) + k_p (e(k) - e(k-1)) + k_i e(k) + k_d (e(k) - 2 e(k-1) + e(k-2))",
        "u[k] = u[k-1] + k_p * (e[k] - e[k-1]) + k_i * e[k] + k_d * (e[k] - 2 * e[k-1] + e[k-2])",
        "u = u_ + k_p * (e - e_) + k_i * e + k_d * (e - 2 * e_ + at('e', t - 2))",
        inputs="e", states="u", parameters="k_p k_i k_d"),
    Case(5, "system identification, ARX", "y(t) = -a_1 y(t-1) - a_2 y(t-2) + b_1 u(t-1) + e(t)",
        "y[t] = -(a_1 * y[t-1]) - a_2 * y[t-2] + b_1 * u[t-1] + e[t]",
        "y = -a_1 * y_ - a_2 * at('y', t - 2) + b_1 * u_ + e",
        inputs="u e", states="y", parameters="a_1 a_2 b_1"),
    Case(5, "Elman network by a physicist", "s(t) = tanh(U x(t) + W s(t-1)); o(t) = V s(t)",
        """
        s[t] = tanh(U @ x[t] + W @ s[t-1])
        o[t] = V @ s[t]""",
        "s = tanh(U @ x + W @ s_)\no = V @ s", inputs="x:2", states="s:3", parameters="U:3x2 W:3x3 V:2x3"),
    Case(5, "Wikipedia, Verlet as displacement", r"x(t+\Delta t) = 2x(t) - x(t - \Delta t) + a(t)\,\Delta t^2",
        "x[t] = 2 * x[t-1] - x[t-2] + a[t] * Deltat ** 2",
        "x = 2 * x_ - at('x', t - 2) + a * Deltat ** 2", inputs="a", states="x", parameters="Deltat"),
]
