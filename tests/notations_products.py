"""Rules 6 to 10: calls and products, brackets, functions without brackets, σ, I and π."""

from notations import Case

# fmt: off
CASES = [
    # 6 call or product
    Case(6, "Cho et al., GRU", r"""
        r_t = \sigma(W_r x_t + U_r h_{t-1}), z_t = \sigma(W_z x_t + U_z h_{t-1})
        \tilde{h}_t = \tanh(W x_t + U(r_t \odot h_{t-1}))
        h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde{h}_t""",
        """
        r[t] = sigmoid(W_r @ x[t] + U_r @ h[t-1])
        z[t] = sigmoid(W_z @ x[t] + U_z @ h[t-1])
        htilde[t] = tanh(W @ x[t] + U @ (r[t] * h[t-1]))
        h[t] = z[t] * h[t-1] + (1 - z[t]) * htilde[t]""",
        """
r = sigmoid(W_r @ x + U_r @ h_)
z = sigmoid(W_z @ x + U_z @ h_)
htilde = tanh(W @ x + U @ (r * h_))
h = z * h_ + (1 - z) * htilde""",
        inputs="x:2", states="h:3", parameters="W_r W_z W:3x2 U_r U_z U:3x3"),
    Case(6, "Wikipedia, Logistic map", r"x_{n+1} = r x_n \left(1 - x_n\right), x_0 = 0.3",
        """
        x[n] = r * x[n-1] * (1 - x[n-1])
        x[0] = 0.3""",
        "x = r * x_ * (1 - x_)", states="x", parameters="r", before={"x": {0: 0.3}}),
    Case(6, "Lotka-Volterra, discretised", r"""
        x_{n+1} = x_n + \Delta t (\alpha x_n - \beta x_n \cdot y_n)
        y_{n+1} = y_n + \Delta t (\delta x_n \cdot y_n - \gamma y_n)
        x_0 = 1, y_0 = 1""",
        """
        x[n] = x[n-1] + Deltat * (alpha * x[n-1] - beta * x[n-1] * y[n-1])
        y[n] = y[n-1] + Deltat * (delta * x[n-1] * y[n-1] - gamma * y[n-1])
        x[0] = 1
        y[0] = 1""",
        "x = x_ + Deltat * (alpha * x_ - beta * x_ * y_)\ny = y_ + Deltat * (delta * x_ * y_ - gamma * y_)",
        states="x y", parameters="Deltat alpha beta delta gamma", before={"x": {0: 1.0}, "y": {0: 1.0}}),
    Case(6, "Euler's method in a course", r"y_{n+1} = y_n + h f(y_n, u_n)",
        "y[n] = y[n-1] + h * f(y[n-1], u[n])",
        "y = y_ + h * (u - y_)", inputs="u", states="y", parameters="h", functions=("f(y, u) = u - y",)),
    Case(6, "an opaque cell", r"\mathbf{h}_t = f_\theta(\mathbf{h}_{t-1}, \mathbf{x}_t), y_t = g(h_t)",
        """
        h[t] = f_theta(h[t-1], x[t])
        y[t] = g(h[t])""",
        "h = tanh(h_ + x)\ny = h ** 2", inputs="x:2", states="h:2",
        functions=("f_theta(h, x) = tanh(h + x)", "g(h) = h ** 2")),
    Case(6, "recurrent least squares", r"w_t = w_{t-1} + K_t (d_t - x_t^\top w_{t-1})",
        "w[t] = w[t-1] + K[t] @ (d[t] - x[t].T @ w[t-1])",
        "w = w_ + K * (d - x @ w_)", inputs="K:3 x:3 d", states="w:3"),
    Case(6, "Wikipedia, Ricker model", r"N_{t+1} = N_t e^{r\left(1 - \frac{N_t}{k}\right)}, N_0 = 1",
        """
        N[t] = N[t-1] @ exp(r * (1 - N[t-1] / k))
        N[0] = 1""",
        "N = N_ * exp(r * (1 - N_ / k))", states="N", parameters="r k", before={"N": {0: 1.0}}),
    # 7 products
    Case(7, "RetNet, recurrent form", r"S_n = \gamma S_{n-1} + K_n^\intercal V_n; o_n = Q_n S_n",
        """
        S[n] = gamma * S[n-1] + K[n].T @ V[n]
        o[n] = Q[n] @ S[n]""",
        "S = gamma * S_ + K.T @ V\no = Q @ S", inputs="K Q:1x2 V:1x3", states="S:2x3", parameters="gamma"),
    Case(7, "DeltaNet", r"S_t = S_{t-1} - \beta_t (S_{t-1} k_t - v_t) k_t^\top, o_t = S_t q_t",
        """
        S[t] = S[t-1] - beta[t] * (S[t-1] @ k[t] - v[t]) @ k[t].T
        o[t] = S[t] @ q[t]""",
        "S = S_ - beta * np.outer(S_ @ k - v, k)\no = S @ q", inputs="v:3 k q:2 beta", states="S:3x2"),
    Case(7, "S4 and Mamba", r"h_t = \bar{A} h_{t-1} + \bar{B} x_t, \quad y_t = C h_t",
        """
        h[t] = Abar @ h[t-1] + Bbar @ x[t]
        y[t] = C @ h[t]""",
        "h = Abar @ h_ + Bbar @ x\ny = C @ h", inputs="x:2", states="h:3", parameters="Abar:3x3 Bbar:3x2 C:1x3"),
    Case(7, "PyTorch documentation, nn.RNN", r"h_t = \tanh(x_t W_{ih}^T + b_{ih} + h_{t-1}W_{hh}^T + b_{hh})",
        "h[t] = tanh(x[t] @ W_ih.T + b_ih + h[t-1] @ W_hh.T + b_hh)",
        "h = tanh(W_ih @ x + b_ih + W_hh @ h_ + b_hh)",
        inputs="x:2", states="h:3", parameters="W_ih:3x2 W_hh:3x3 b_ih b_hh:3"),
    Case(7, "Wikipedia, recursive least squares", r"""
        k_t = \frac{P_{t-1} x_t}{\lambda + x_t^T P_{t-1} x_t}
        P_t = \lambda^{-1} (P_{t-1} - k_t x_t^T P_{t-1}) + Q""",
        """
        k[t] = P[t-1] @ x[t] / (lambda + x[t].T @ P[t-1] @ x[t])
        P[t] = lambda ** -1 * (P[t-1] - k[t] @ x[t].T @ P[t-1]) + Q""",
        """
k = P_ @ x / (vars()['lambda'] + x @ P_ @ x)
P = (P_ - np.outer(k, x) @ P_) / vars()['lambda'] + Q""",
        inputs="x:3", states="P:3x3", parameters="Q:3x3 lambda"),
    Case(7, "minGRU", r"h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \tilde{h}_t; z_t = \sigma(W_z x_t); \tilde{h}_t = W_h x_t",
        """
        h[t] = (1 - z[t]) * h[t-1] + z[t] * htilde[t]
        z[t] = sigmoid(W_z @ x[t])
        htilde[t] = W_h @ x[t]""",
        "z = sigmoid(W_z @ x)\nhtilde = W_h @ x\nh = (1 - z) * h_ + z * htilde",
        inputs="x:2", states="h:3", parameters="W_z W_h:3x2"),
    Case(7, "RWKV", r"""
        wkv_t = \frac{a_{t-1} + e^{u+k_t} \odot v_t}{b_{t-1} + e^{u+k_t}}
        a_t = e^{-w} \odot a_{t-1} + e^{k_t} \odot v_t
        b_t = e^{-w} \odot b_{t-1} + e^{k_t}""",
        """
        wkv[t] = (a[t-1] + exp(u + k[t]) * v[t]) / (b[t-1] + exp(u + k[t]))
        a[t] = exp(-w) * a[t-1] + exp(k[t]) * v[t]
        b[t] = exp(-w) * b[t-1] + exp(k[t])""",
        """
wkv = (a_ + exp(u + k) * v) / (b_ + exp(u + k))
a = exp(-w) * a_ + exp(k) * v
b = exp(-w) * b_ + exp(k)""",
        inputs="k v:3", states="a b:3", parameters="u w:3"),
    Case(7, "xLSTM, mLSTM", r"C_t = f_t C_{t-1} + i_t \cdot v_t k_t^\top; n_t = f_t \cdot n_{t-1} + i_t \cdot k_t; h_t = \frac{C_t q_t}{\max\{|n_t^\top q_t|, 1\}}",
        """
        C[t] = f[t] * C[t-1] + i[t] * v[t] @ k[t].T
        n[t] = f[t] * n[t-1] + i[t] * k[t]
        h[t] = C[t] @ q[t] / maximum(abs(n[t].T @ q[t]), 1)""",
        """
C = f * C_ + i * np.outer(v, k)
n = f * n_ + i * k
h = C @ q / max(abs(n @ q), 1)""",
        inputs="v:3 k q:2 f i", states="C:3x2 n:2"),
    Case(7, "implicit Euler", r"x_{n+1} = (I - \Delta t\, A)^{-1} (x_n + \Delta t\, u_n)",
        "x[n] = inv(identity(Deltat * A) - Deltat * A) @ (x[n-1] + Deltat * u[n])",
        "x = np.linalg.inv(np.eye(2) - Deltat * A) @ (x_ + Deltat * u)", inputs="u:2", states="x:2", parameters="A:2x2 Deltat"),
    Case(7, "information filter", r"Y_t = (A Y_{t-1}^{-1} A^\top + Q)^{-1} + C^\top R^{-1} C, Y_0 = Q",
        """
        Y[t] = inv(A @ inv(Y[t-1]) @ A.T + Q) + C.T @ inv(R) @ C
        Y[0] = Q""",
        """
inv = np.linalg.inv
Y = inv(A @ inv(Q if t == 1 else Y_) @ A.T + Q) + C.T @ inv(R) @ C
del inv""",
        states="Y:2x2", parameters="A Q:2x2 C:1x2 R:1x1"),
    Case(7, "adjoint of a linear system", r"p_t = A^{-\top} p_{t-1} + q_t",
        "p[t] = inv(A.T) @ p[t-1] + q[t]",
        "p = np.linalg.inv(A).T @ p_ + q", inputs="q:2", states="p:2", parameters="A:2x2"),
    # 8 brackets
    Case(8, "colah's blog", r"""
        f_t = \sigma\left(W_f \cdot [h_{t-1}, x_t] + b_f\right), \tilde{C}_t = \tanh(W_C \cdot [h_{t-1}, x_t] + b_C)
        C_t = f_t * C_{t-1} + (1 - f_t) * \tilde{C}_t, h_t = \tanh(C_t)""",
        """
        f[t] = sigmoid(W_f @ concat(h[t-1], x[t]) + b_f)
        Ctilde[t] = tanh(W_C @ concat(h[t-1], x[t]) + b_C)
        C[t] = f[t] * C[t-1] + (1 - f[t]) * Ctilde[t]
        h[t] = tanh(C[t])""",
        """
both = np.concatenate([h_, x])
f, Ctilde = sigmoid(W_f @ both + b_f), tanh(W_C @ both + b_C)
C = f * C_ + (1 - f) * Ctilde
h = tanh(C)
del both""",
        inputs="x:2", states="h C:3", parameters="W_f W_C:3x5 b_f b_C:3"),
    Case(8, "Sutton, TD error in brackets", r"V_t = V_{t-1} + \alpha [r_t + \gamma V_{t-1} - V_{t-1}]",
        "V[t] = V[t-1] + alpha * (r[t] + gamma * V[t-1] - V[t-1])",
        "V = V_ + alpha * (r + gamma * V_ - V_)", inputs="r", states="V", parameters="alpha gamma"),
    Case(8, "augmented state, control", r"z_t = \begin{bmatrix} x_t \\ 1 \end{bmatrix}; x_t = A \begin{pmatrix} x_{t-1} \\ u_t \end{pmatrix}",
        """
        z[t] = concat(x[t], 1)
        x[t] = A @ concat(x[t-1], u[t])""",
        "x = A @ np.concatenate([x_, u])\nz = np.append(x, 1)", inputs="u:1", states="x:2", parameters="A:2x3"),
    Case(8, "code of a framework", "h_t = torch.tanh(W torch.cat([x_t, h_{t-1}]) + b)",
        "h[t] = tanh(W @ concat(x[t], h[t-1]) + b)",
        "h = tanh(W @ np.concatenate([x, h_]) + b)", inputs="x:2", states="h:3", parameters="W:3x5 b:3"),
    Case(8, "Hyndman, Holt-Winters", r"""
        \ell_t = \alpha \{y_t - s_{t-4}\} + (1 - \alpha)[\ell_{t-1} + b_{t-1}]
        b_t = \beta^* (\ell_t - \ell_{t-1}) + (1 - \beta^*) b_{t-1}
        s_t = \gamma (y_t - \ell_{t-1} - b_{t-1}) + (1-\gamma) s_{t-4}""",
        """
        ell[t] = alpha * (y[t] - s[t-4]) + (1 - alpha) * (ell[t-1] + b[t-1])
        b[t] = beta_star * (ell[t] - ell[t-1]) + (1 - beta_star) * b[t-1]
        s[t] = gamma * (y[t] - ell[t-1] - b[t-1]) + (1 - gamma) * s[t-4]""",
        """
ell = alpha * (y - at('s', t - 4)) + (1 - alpha) * (ell_ + b_)
b = beta_star * (ell - ell_) + (1 - beta_star) * b_
s = gamma * (y - ell_ - b_) + (1 - gamma) * at('s', t - 4)""",
        inputs="y", states="ell b s", parameters="alpha beta_star gamma", steps=8),
    # 9 functions without brackets
    Case(9, "an older textbook", r"h_t = \tanh W h_{t-1} + \tanh U x_t",
        "h[t] = tanh(W @ h[t-1]) + tanh(U @ x[t])",
        "h = tanh(W @ h_) + tanh(U @ x)", inputs="x:2", states="h:3", parameters="W:3x3 U:3x2"),
    Case(9, "cross entropy on slides", r"L_t = - y_t^\top \log \hat{y}_t, \hat{y}_t = \mathrm{softmax} \, V x_t, J = \sum_t L_t",
        """
        L[t] = -(y[t].T @ log(yhat[t]))
        yhat[t] = softmax(V @ x[t])
        J = sum(L[t], t)""",
        "yhat = exp(V @ x) / exp(V @ x).sum()\nL = -(y @ log(yhat))", after="J = L.sum()",
        inputs="x:2 y:3", parameters="V:3x2"),
    Case(9, "pendulum, symplectic Euler", r"\omega_{n+1} = \omega_n - \frac{g}{l} \sin\theta_n \, \Delta t; \theta_{n+1} = \theta_n + \omega_{n+1}\, \Delta t; \theta_0 = 1",
        """
        omega[n] = omega[n-1] - g / l * sin(theta[n-1]) * Deltat
        theta[n] = theta[n-1] + omega[n] * Deltat
        theta[0] = 1""",
        "omega = omega_ - g / l * np.sin(theta_) * Deltat\ntheta = theta_ + omega * Deltat",
        states="omega theta", parameters="g l Deltat", before={"theta": {0: 1.0}}),
    Case(9, "derivative of tanh by hand", r"h_t = \tanh(w h_{t-1} + x_t); d_t = w (1 - \tanh^2(w h_{t-1} + x_t))",
        """
        h[t] = tanh(w * h[t-1] + x[t])
        d[t] = w * (1 - tanh(w * h[t-1] + x[t]) ** 2)""",
        "h = tanh(w * h_ + x)\nd = w * (1 - tanh(w * h_ + x) ** 2)", inputs="x", states="h", parameters="w"),
    Case(9, "loss of a regression", r"E_t = \tfrac12 \left\| d_t - W x_t \right\|^2 + \lambda \|x_t\|_2, E = \sum_t E_t",
        """
        E[t] = 1 / 2 * sum((d[t] - W @ x[t]) ** 2) + lambda * norm(x[t])
        E_total = sum(E[t], t)""",
        "E = np.sum((d - W @ x) ** 2) / 2 + vars()['lambda'] * sqrt(np.sum(x ** 2))", after="E_total = E.sum()",
        inputs="d:2 x:3", parameters="W:2x3 lambda"),
    Case(9, "roots and logarithms", r"y_t = \sqrt[3]{x_t} + \sqrt{\alpha}\, x_t + \log_2 x_t + \log_{10}(x_t + 1) + \max(0, x_t - \alpha)",
        "y[t] = x[t] ** (1 / 3) + sqrt(alpha) * x[t] + log(x[t]) / log(2) + log(x[t] + 1) / log(10) + maximum(0, x[t] - alpha)",
        "y = np.cbrt(x) + sqrt(alpha) * x + np.log2(x) + np.log10(x + 1) + maximum(0, x - alpha)",
        inputs="x:2", parameters="alpha"),
    Case(9, "activation written out", "h_t = 1/(1 + e^{-a_t}), a_t = exp(-x_t) + ½ |x_t − 1| + √x_t",
        """
        h[t] = 1 / (1 + exp(-a[t]))
        a[t] = exp(-x[t]) + 0.5 * abs(x[t] - 1) + sqrt(x[t])""",
        "a = exp(-x) + abs(x - 1) / 2 + sqrt(x)\nh = 1 / (1 + exp(-a))", inputs="x:2"),
    # 10 sigma, I, pi
    Case(10, "a gate beside a volatility", r"g_t = \sigma(w x_t), r_t = \sigma_t z_t, \sigma_t = \alpha \sigma_{t-1} + g_t",
        """
        g[t] = sigmoid(w * x[t])
        r[t] = sigma[t] * z[t]
        sigma[t] = alpha * sigma[t-1] + g[t]""",
        "g = sigmoid(w * x)\nsigma = alpha * sigma_ + g\nr = sigma * z", inputs="x z", states="sigma", parameters="w alpha"),
    Case(10, "phase of an oscillator", r"\phi_t = \phi_{t-1} + 2\pi f_t / f_s, y_t = \sin \phi_t",
        """
        phi[t] = phi[t-1] + 2 * 3.141592653589793 * f[t] / f_s
        y[t] = sin(phi[t])""",
        "phi = phi_ + 2 * np.pi * f / f_s\ny = np.sin(phi)", inputs="f", states="phi", parameters="f_s"),
    Case(10, "belief of a hidden state", r"\pi_t = A \pi_{t-1} + b_t",
        "pi[t] = A @ pi[t-1] + b[t]",
        "pi = A @ pi_ + b", inputs="b:2", states="pi:2", parameters="A:2x2"),
    Case(10, "geometric Brownian motion, Euler-Maruyama", r"x_{t+1} = x_t + \mu x_t \Delta t + \sigma x_t \cdot \sqrt{\Delta t} \cdot z_t, x_0 = 1",
        """
        x[t] = x[t-1] + mu * x[t-1] * Deltat + sigma * x[t-1] * sqrt(Deltat) * z[t]
        x[0] = 1""",
        "x = x_ + mu * x_ * Deltat + sigma * x_ * sqrt(Deltat) * z", inputs="z", states="x",
        parameters="mu sigma Deltat", before={"x": {0: 1.0}}),
    Case(10, "a current called I", r"I_t = I_{t-1} e^{-\Delta t / \tau} + x_t, V_t = R I_t",
        """
        t = 1..T
        I[t] = I[t-1] @ exp(-Deltat / tau) + x[t]
        V[t] = R @ I[t]""",
        "I = I_ * exp(-Deltat / tau) + x\nV = R * I", inputs="x", states="I", parameters="Deltat tau R"),
    Case(10, "Wikipedia, Kalman filter, whole", r"""
        \hat{\mathbf{x}}_{k\mid k-1} = \mathbf{F}_k \mathbf{x}_{k-1\mid k-1} + \mathbf{B}_k \mathbf{u}_k
        \hat{\mathbf{P}}_{k\mid k-1} = \mathbf{F}_k \mathbf{P}_{k-1 \mid k-1} \mathbf{F}_k^\textsf{T} + \mathbf{Q}_k
        \tilde{\mathbf{y}}_k = \mathbf{z}_k - \mathbf{H}_k\hat{\mathbf{x}}_{k\mid k-1}
        \mathbf{S}_k = \mathbf{H}_k \hat{\mathbf{P}}_{k\mid k-1} \mathbf{H}_k^\textsf{T} + \mathbf{R}_k
        \mathbf{K}_k = \hat{\mathbf{P}}_{k\mid k-1}\mathbf{H}_k^\textsf{T} \mathbf{S}_k^{-1}
        \mathbf{x}_{k\mid k} = \hat{\mathbf{x}}_{k\mid k-1} + \mathbf{K}_k\tilde{\mathbf{y}}_k
        \mathbf{P}_{k|k} = \left(\mathbf{I} - \mathbf{K}_k \mathbf{H}_k\right) \hat{\mathbf{P}}_{k|k-1}""",
        """
        xhat_pred[k] = F[k] @ x[k-1] + B[k] @ u[k]
        Phat_pred[k] = F[k] @ P[k-1] @ F[k].T + Q[k]
        ytilde[k] = z[k] - H[k] @ xhat_pred[k]
        S[k] = H[k] @ Phat_pred[k] @ H[k].T + R[k]
        K[k] = Phat_pred[k] @ H[k].T @ inv(S[k])
        x[k] = xhat_pred[k] + K[k] @ ytilde[k]
        P[k] = (identity(K[k] @ H[k]) - K[k] @ H[k]) @ Phat_pred[k]""",
        """
xhat_pred = F @ x_ + B @ u
Phat_pred = F @ P_ @ F.T + Q
ytilde = z - H @ xhat_pred
S = H @ Phat_pred @ H.T + R
K = Phat_pred @ H.T @ np.linalg.inv(S)
x = xhat_pred + K @ ytilde
P = (np.eye(3) - K @ H) @ Phat_pred""",
        inputs="F Q:3x3 B:3x2 u:2 H:2x3 R:2x2 z:2", states="x:3 P:3x3"),
    Case(10, "DeltaNet with the identity", r"S_t = S_{t-1}\left(\mathbf{I} - \beta_t k_t k_t^\top\right) + \beta_t v_t k_t^\top",
        "S[t] = S[t-1] @ (identity(beta[t] * k[t] @ k[t].T) - beta[t] * k[t] @ k[t].T) + beta[t] * v[t] @ k[t].T",
        "S = S_ @ (np.eye(2) - beta * np.outer(k, k)) + beta * np.outer(v, k)",
        inputs="v:3 k:2 beta", states="S:3x2"),
    Case(10, "S4, bilinear discretisation", r"x_k = (I - \Delta/2 \cdot A)^{-1} (I + \Delta/2 \cdot A) x_{k-1} + B u_k",
        "x[k] = inv(identity(Delta / 2 * A) - Delta / 2 * A) @ (identity(Delta / 2 * A) + Delta / 2 * A) @ x[k-1] + B @ u[k]",
        "x = np.linalg.inv(np.eye(2) - Delta / 2 * A) @ (np.eye(2) + Delta / 2 * A) @ x_ + B @ u",
        inputs="u:2", states="x:2", parameters="A B:2x2 Delta"),
]
