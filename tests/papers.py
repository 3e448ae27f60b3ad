"""Recurrences of papers and textbooks in their own notation, each with a loop written by hand.

None of them is like a template. A paper's `values` computes, from the arrays that are given, what the
text defines; positions count from 0 there, and what lies before the first is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Values = Callable[[SimpleNamespace], Mapping[str, Any]]


@dataclass(frozen=True)
class Paper:
    """source: who writes so; given: names with the shapes of their arrays, `x:5x2 b:3 alpha`; a shape
    is that of all names before it, `o:5%3` are integers below 3, and what has none is a number.
    values: the loop; loss: an objective for the gradients, where the text has none;
    functions: definitions of what the text calls; dims: sizes that no array shows; tree: parents.
    """

    source: str
    text: str
    given: str
    values: Values
    loss: str = ""
    functions: tuple[str, ...] = ()
    dims: Mapping[str, Any] = field(default_factory=dict)
    steps: int | Mapping[str, int] = 5
    tree: tuple[int, ...] | None = None


def draw(paper: Paper) -> Arrays:
    """Random arrays for all that a paper is given; positive, so that roots and logarithms exist."""
    rng = np.random.default_rng(1)
    arrays: Arrays = {}
    waiting: list[str] = []
    for word in paper.given.split():
        name, _, shape = word.partition(":")
        waiting.append(name)
        if shape:
            sizes, _, below = shape.partition("%")
            size = tuple(int(n) for n in sizes.split("x"))
            for each in waiting:
                arrays[each] = (
                    rng.integers(0, int(below), size) if below else rng.uniform(0.1, 0.9, size)
                )
            waiting = []
    return arrays | {each: rng.uniform(0.1, 0.9) for each in waiting}


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def softplus(a: Any) -> Any:
    return np.log1p(np.exp(a))


def before(values: list[Any], at: int, like: Any) -> Any:
    """The value at a position, zero before the first."""
    return values[at] if 0 <= at < len(values) else np.zeros_like(like)


def looped(step: Callable[..., Mapping[str, Any]], count: int, **start: Any) -> Arrays:
    """What a step makes of its state, again and again: `step(t, **state)` answers with new values."""
    state, found = dict(start), {}
    for t in range(count):
        made = step(t, **state)
        state = {name: made.get(name, value) for name, value in state.items()}
        for name, value in made.items():
            found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


# --- gated cells ------------------------------------------------------------------------


def janet(a: SimpleNamespace) -> Arrays:
    def step(t: int, c: Any) -> Mapping[str, Any]:
        f = sigmoid(a.U_f @ c + a.W_f @ a.x[t] + a.b_f)
        c = f * c + (1 - f) * np.tanh(a.U_c @ c + a.W_c @ a.x[t] + a.b_c)
        return {"f": f, "c": c, "h": c}

    return looped(step, 5, c=np.zeros(3))


def minimal_gated(a: SimpleNamespace) -> Arrays:
    def step(t: int, h: Any) -> Mapping[str, Any]:
        f = sigmoid(a.W_f @ np.r_[h, a.x[t]] + a.b_f)
        new = np.tanh(a.W_h @ np.r_[f * h, a.x[t]] + a.b_h)
        return {"f": f, "htilde": new, "h": (1 - f) * h + f * new}

    return looped(step, 5, h=np.zeros(3))


def sru(a: SimpleNamespace) -> Arrays:
    def step(t: int, c: Any) -> Mapping[str, Any]:
        f = sigmoid(a.W_f @ a.x[t] + a.v_f * c + a.b_f)
        r = sigmoid(a.W_r @ a.x[t] + a.v_r * c + a.b_r)
        c = f * c + (1 - f) * (a.W @ a.x[t])
        return {"f": f, "c": c, "r": r, "h": r * c + (1 - r) * a.x[t]}

    return looped(step, 5, c=np.zeros(3))


def qrnn(a: SimpleNamespace) -> Arrays:
    def step(t: int, c: Any) -> Mapping[str, Any]:
        old = a.x[t - 1] if t else np.zeros(2)
        z = np.tanh(a.W1_z @ old + a.W2_z @ a.x[t])
        f = sigmoid(a.W1_f @ old + a.W2_f @ a.x[t])
        o = sigmoid(a.W1_o @ old + a.W2_o @ a.x[t])
        c = f * c + (1 - f) * z
        return {"z": z, "f": f, "o": o, "c": c, "h": o * c}

    return looped(step, 5, c=np.zeros(3))


def mut1(a: SimpleNamespace) -> Arrays:
    def step(t: int, h: Any) -> Mapping[str, Any]:
        z = sigmoid(a.W_xz @ a.x[t] + a.b_z)
        r = sigmoid(a.W_xr @ a.x[t] + a.W_hr @ h + a.b_r)
        new = np.tanh(a.W_hh @ (r * h) + np.tanh(a.x[t]) + a.b_h)
        return {"z": z, "r": r, "h": new * z + h * (1 - z)}

    return looped(step, 5, h=np.zeros(3))


def mogrifier(a: SimpleNamespace) -> Arrays:
    def step(t: int, h: Any, c: Any) -> Mapping[str, Any]:
        x1 = 2 * sigmoid(a.Q1 @ h) * a.x[t]
        h1 = 2 * sigmoid(a.R1 @ x1) * h
        f = sigmoid(a.W_fx @ x1 + a.W_fh @ h1 + a.b_f)
        i = sigmoid(a.W_ix @ x1 + a.W_ih @ h1 + a.b_i)
        j = np.tanh(a.W_jx @ x1 + a.W_jh @ h1 + a.b_j)
        o = sigmoid(a.W_ox @ x1 + a.W_oh @ h1 + a.b_o)
        c = f * c + i * j
        return {"x1": x1, "h1": h1, "f": f, "i": i, "j": j, "o": o, "c": c, "h": o * np.tanh(c)}

    return looped(step, 5, h=np.zeros(3), c=np.zeros(3))


def nested(a: SimpleNamespace) -> Arrays:
    def step(t: int, h: Any, c: Any, ctilde: Any) -> Mapping[str, Any]:
        i = sigmoid(a.x[t] @ a.W_xi + h @ a.W_hi)
        f = sigmoid(a.x[t] @ a.W_xf + h @ a.W_hf)
        htilde = f * c
        xtilde = i * np.tanh(a.x[t] @ a.W_xc + h @ a.W_hc)
        ftilde = sigmoid(xtilde @ a.Wtilde_xf + htilde @ a.Wtilde_hf)
        ctilde = ftilde * ctilde + (1 - ftilde) * xtilde
        c = np.tanh(ctilde)
        return {
            "i": i, "f": f, "htilde": htilde, "xtilde": xtilde, "ftilde": ftilde,
            "ctilde": ctilde, "c": c, "h": np.tanh(c),
        }  # fmt: skip

    return looped(step, 5, h=np.zeros(3), c=np.zeros(3), ctilde=np.zeros(3))


def slstm(a: SimpleNamespace) -> Arrays:
    def step(t: int, h: Any, c: Any, n: Any, m: Any) -> Mapping[str, Any]:
        zt, it, ft, ot = (
            getattr(a, f"w_{k}") @ a.x[t] + getattr(a, f"r_{k}") * h + getattr(a, f"b_{k}")
            for k in "zifo"
        )
        new = max(ft + m, it)
        i, f = np.exp(it - new), np.exp(ft + m - new)
        z, o = np.tanh(zt), sigmoid(ot)
        c, n = f * c + i * z, f * n + i
        return {
            "c": c, "n": n, "h": o * c / n, "htilde": c / n, "z": z, "ztilde": zt, "i": i,
            "itilde": it, "f": f, "ftilde": ft, "o": o, "otilde": ot, "m": new,
        }  # fmt: skip

    return looped(step, 5, h=0.0, c=0.0, n=0.0, m=0.0)


# --- several layers, grids, trees -----------------------------------------------------------


def stacked(a: SimpleNamespace) -> Arrays:
    found = {name: np.zeros((2, 4, 3)) for name in "ifogch"}
    for t in range(4):
        for n in range(2):
            below = found["h"][n - 1, t] if n else a.x[t]
            old, cell = (found[k][n, t - 1] if t else np.zeros(3) for k in "hc")
            i, f, o, g = (
                getattr(a, f"W_{k}")[n] @ below + getattr(a, f"U_{k}")[n] @ old for k in "ifog"
            )
            i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
            c = f * cell + i * g
            for name, value in zip("ifogch", (i, f, o, g, c, o * np.tanh(c))):
                found[name][n, t] = value
    return found


def highway(a: SimpleNamespace) -> Arrays:
    h, T, s = (np.zeros((4, 2, 3)) for _ in range(3))
    state = np.zeros(3)
    for t in range(4):
        state = state + a.W @ a.x[t]
        for n in range(2):
            h[t, n] = np.tanh(a.R[n] @ state + a.b[n])
            T[t, n] = sigmoid(a.Q[n] @ state + a.d[n])
            state = s[t, n] = h[t, n] * T[t, n] + state * (1 - T[t, n])
    return {"h": h, "T": T, "s": s}


def multidimensional(a: SimpleNamespace) -> Arrays:
    names = ("a", "f1", "f2", "g", "s", "h")
    found = {name: np.zeros((3, 4, 2)) for name in names}
    for r in range(3):
        for c in range(4):
            up, above = (found[k][r - 1, c] if r else np.zeros(2) for k in "hs")
            left, beside = (found[k][r, c - 1] if c else np.zeros(2) for k in "hs")

            def gate(k: str, r: int = r, c: int = c, up: Any = up, left: Any = left) -> Any:
                W, U, V = (getattr(a, f"{n}_{k}") for n in "WUV")
                return W @ a.x[r, c] + U @ up + V @ left

            i, f, e, g = (
                sigmoid(gate("i")),
                sigmoid(gate("f")),
                sigmoid(gate("e")),
                np.tanh(gate("g")),
            )
            s = i * g + f * above + e * beside
            for name, value in zip(names, (i, f, e, g, s, np.tanh(s))):
                found[name][r, c] = value
    return found


def child_sum(a: SimpleNamespace) -> Arrays:
    parents = (5, 4, 4, 5, 0)
    names = ("htilde", "i", "f", "o", "u", "c", "h")
    found = {name: np.zeros((5, 3)) for name in names}
    for j in range(5):
        children = [k for k in range(5) if parents[k] == j + 1]
        hs = sum((found["h"][k] for k in children), np.zeros(3))
        i, o, u = (getattr(a, f"W_{g}") @ a.x[j] + getattr(a, f"U_{g}") @ hs for g in "iou")
        i, o, u = sigmoid(i + a.b_i), sigmoid(o + a.b_o), np.tanh(u + a.b_u)
        for k in children:
            found["f"][k] = sigmoid(a.W_f @ a.x[j] + a.U_f @ found["h"][k] + a.b_f)
        c = i * u + sum((found["f"][k] * found["c"][k] for k in children), np.zeros(3))
        for name, value in zip(
            ("htilde", "i", "o", "u", "c", "h"), (hs, i, o, u, c, o * np.tanh(c))
        ):
            found[name][j] = value
    found["f"][4] = sigmoid(a.U_f @ found["h"][4] + a.b_f)  # the root has no parent
    return found


def warping(a: SimpleNamespace) -> Arrays:
    D = np.full((5, 6), 1e3)
    D[0, 0] = 0
    for i in range(1, 5):
        for j in range(1, 6):
            D[i, j] = abs(a.x[i - 1] - a.y[j - 1]) + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return {"D": D[1:, 1:]}


def alignment(a: SimpleNamespace) -> Arrays:
    F = np.zeros((5, 6))
    F[1:, 0], F[0, 1:] = -a.d * np.arange(1, 5), -a.d * np.arange(1, 6)
    for i in range(1, 5):
        for j in range(1, 6):
            s = a.x[i - 1] * a.y[j - 1]
            F[i, j] = max(F[i - 1, j - 1] + s, F[i - 1, j] - a.d, F[i, j - 1] - a.d)
    return {"F": F[1:, 1:]}


def subsequence(a: SimpleNamespace) -> Arrays:
    C = np.zeros((5, 6))
    for i in range(1, 5):
        for j in range(1, 6):
            same = a.x[i - 1] == a.y[j - 1]
            C[i, j] = C[i - 1, j - 1] + 1 if same else max(C[i, j - 1], C[i - 1, j])
    return {"C": C[1:, 1:]}


def stirling(a: SimpleNamespace) -> Arrays:
    S = np.zeros((6, 6))
    S[0, 0] = 1
    for n in range(1, 6):
        for k in range(1, 6):
            S[n, k] = k * S[n - 1, k] + S[n - 1, k - 1]
    return {"S": S[1:, 1:]}


# --- states that are matrices ---------------------------------------------------------------


def gated_linear(a: SimpleNamespace) -> Arrays:
    def step(t: int, S: Any) -> Mapping[str, Any]:
        S = np.diag(a.alpha[t]) @ S + np.outer(a.k[t], a.v[t])
        return {"S": S, "o": S.T @ a.q[t]}

    return looped(step, 5, S=np.zeros((3, 2)))


def gated_delta(a: SimpleNamespace) -> Arrays:
    def step(t: int, S: Any) -> Mapping[str, Any]:
        erased = a.alpha[t] * (np.eye(2) - a.beta[t] * np.outer(a.k[t], a.k[t]))
        S = S @ erased + a.beta[t] * np.outer(a.v[t], a.k[t])
        return {"S": S, "o": S @ a.q[t]}

    return looped(step, 5, S=np.zeros((3, 2)))


def fast_weights(a: SimpleNamespace) -> Arrays:
    found: dict[str, list[Any]] = {"h_0": [], "h": [], "A": []}
    h, A = np.zeros(3), np.zeros((3, 3))
    for t in range(5):
        A = a.gamma * A + a.eta * np.outer(h, h)
        first = np.tanh(a.W @ h + a.C @ a.x[t])
        h = np.tanh(a.W @ h + a.C @ a.x[t] + A @ first)
        for name, value in zip(found, (first, h, A)):
            found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


def mamba(a: SimpleNamespace) -> Arrays:
    def step(t: int, h: Any) -> Mapping[str, Any]:
        delta = softplus(a.w @ a.x[t] + a.b)
        A, B, C = np.exp(delta * a.A), a.W_B @ a.x[t], a.W_C @ a.x[t]
        h = A * h + delta * B * a.u[t]
        return {"Delta": delta, "Abar": A, "Bbar": delta * B, "B": B, "C": C, "h": h, "y": C @ h}

    return looped(step, 5, h=np.zeros(3))


def bilinear(a: SimpleNamespace) -> Arrays:
    half = a.Delta / 2 * a.A
    A = np.linalg.inv(np.eye(3) - half) @ (np.eye(3) + half)
    B = np.linalg.inv(np.eye(3) - half) @ (a.Delta * a.B)

    def step(k: int, x: Any) -> Mapping[str, Any]:
        x = A @ x + B @ a.u[k]
        return {"x": x, "y": a.Cbar @ x}

    return {"Abar": A, "Bbar": B, **looped(step, 5, x=np.zeros(3))}


# --- probability, learning, numerical methods -------------------------------------------------


def forward(a: SimpleNamespace) -> Arrays:
    alpha = [a.pi * a.b[:, a.o[0]]]
    for t in range(1, 5):
        alpha.append((alpha[-1] @ a.a) * a.b[:, a.o[t]])
    return {"alpha": np.array(alpha), "P": alpha[-1].sum()}


def viterbi(a: SimpleNamespace) -> Arrays:
    delta = [a.pi * a.b[:, a.o[0]]]
    for t in range(1, 5):
        delta.append((delta[-1][:, None] * a.a).max(axis=0) * a.b[:, a.o[t]])
    return {"delta": np.array(delta)}


def backward(a: SimpleNamespace) -> Arrays:
    beta = [np.ones(3)]
    for t in range(3, -1, -1):
        beta.insert(0, a.a @ (a.b[:, a.o[t + 1]] * beta[0]))
    return {"beta": np.array(beta)}


def crf(a: SimpleNamespace) -> Arrays:
    alpha = [a.psi[0]]
    for t in range(1, 5):
        alpha.append(a.psi[t] + np.log(np.exp(alpha[-1][:, None] + a.A).sum(axis=0)))
    return {"alpha": np.array(alpha), "Z": np.log(np.exp(alpha[-1]).sum())}


def traces(a: SimpleNamespace) -> Arrays:
    def step(t: int, w: Any, z: Any) -> Mapping[str, Any]:
        following, reward = (v[t + 1] if t < 4 else 0 * v[0] for v in (a.x, a.R))
        delta = reward + a.gamma * w @ following - w @ a.x[t]
        z = a.gamma * a.kappa * z + a.x[t]
        return {"delta": delta, "z": z, "w": w + a.alpha * delta * z}

    return looped(step, 5, w=np.zeros(3), z=np.zeros(3))


def advantage(a: SimpleNamespace) -> Arrays:
    delta = a.r + a.gamma * np.append(a.V[1:], 0) - a.V
    found = [delta[4]]
    for t in range(3, -1, -1):
        found.insert(0, delta[t] + a.gamma * a.kappa * found[0])
    return {"delta": delta, "Ahat": np.array(found)}


def values(a: SimpleNamespace) -> Arrays:
    def step(k: int, v: Any) -> Mapping[str, Any]:
        each = [getattr(a, f"r_{i}") + a.gamma * getattr(a, f"P_{i}") @ v for i in (1, 2, 3)]
        return {"v": np.max(each, axis=0)}

    return looped(step, 5, v=np.zeros(3))


def least_mean_squares(a: SimpleNamespace) -> Arrays:
    def step(n: int, w: Any) -> Mapping[str, Any]:
        e = a.d[n] - w @ a.x[n]
        return {"e": e, "w": w + a.mu * e * a.x[n]}

    return looped(step, 5, w=np.zeros(3))


def holt_winters(a: SimpleNamespace) -> Arrays:
    level, trend, season = [], [], []
    ahead = []
    for t in range(9):
        old, slope = before(level, t - 1, 0.0), before(trend, t - 1, 0.0)
        s = before(season, t - 4, 0.0)
        ahead.append(old + slope + s)
        level.append(a.alpha * (a.y[t] - s) + (1 - a.alpha) * (old + slope))
        trend.append(a.beta_star * (level[t] - old) + (1 - a.beta_star) * slope)
        season.append(a.gamma * (a.y[t] - old - slope) + (1 - a.gamma) * s)
    return {
        "ell": np.array(level),
        "b": np.array(trend),
        "s": np.array(season),
        "yhat_pred": np.array(ahead),
    }


def arma(a: SimpleNamespace) -> Arrays:
    X: list[Any] = []
    for t in range(5):
        old = a.phi_1 * before(X, t - 1, 0.0) + a.phi_2 * before(X, t - 2, 0.0)
        X.append(a.c + a.epsilon[t] + old + a.theta_1 * (a.epsilon[t - 1] if t else 0))
    return {"X": np.array(X)}


def garch(a: SimpleNamespace) -> Arrays:
    def step(t: int, sigma2: Any, epsilon: Any) -> Mapping[str, Any]:
        sigma2 = a.omega + a.alpha_1 * epsilon**2 + a.beta_1 * sigma2
        return {"sigma2": sigma2, "epsilon": np.sqrt(sigma2) * a.z[t]}

    return looped(step, 5, sigma2=0.0, epsilon=0.0)


def verlet(a: SimpleNamespace) -> Arrays:
    x = [0.9, 1.0]
    for _ in range(5):
        x.append(2 * x[-1] - x[-2] - a.omega**2 * x[-1] * a.Deltat**2)
    return {"x": np.array(x[2:])}


def lorenz(a: SimpleNamespace) -> Arrays:
    def step(n: int, x: float, y: float, z: float) -> Mapping[str, Any]:
        dt = a.Deltat / 10
        return {
            "x": x + dt * 10 * (y - x),
            "y": y + dt * (x * (a.rho - z) - y),
            "z": z + dt * (x * y - a.beta * z),
        }

    return looped(step, 5, x=1.0, y=1.0, z=1.0)


def epidemic(a: SimpleNamespace) -> Arrays:
    def step(n: int, S: float, I: float, R: float) -> Mapping[str, Any]:  # noqa: E741
        new, healed = a.beta / a.N * S * I * a.Deltat, a.gamma * I * a.Deltat
        return {"S": S - new, "I": I + new - healed, "R": R + healed}

    return looped(step, 5, S=99.0, I=1.0, R=0.0)


def controller(a: SimpleNamespace) -> Arrays:
    e = a.r - a.y
    slope = np.diff(e, prepend=0) / a.Deltat
    return {
        "e": e,
        "u_sum": np.cumsum(e),
        "u": a.K_p * e + a.K_i * a.Deltat * np.cumsum(e) + a.K_d * slope,
    }


def runge_kutta(a: SimpleNamespace) -> Arrays:
    def f(y: Any) -> Any:
        return -y + y**2

    def step(n: int, y: Any) -> Mapping[str, Any]:
        k_1 = f(y)
        k_2 = f(y + a.h * k_1 / 2)
        k_3 = f(y + a.h * k_2 / 2)
        k_4 = f(y + a.h * k_3)
        y = y + a.h / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4)
        return {"k_1": k_1, "k_2": k_2, "k_3": k_3, "k_4": k_4, "y": y}

    return looped(step, 5, y=0.5)


def conjugate_gradient(a: SimpleNamespace) -> Arrays:
    def step(k: int, x: Any, r: Any, p: Any) -> Mapping[str, Any]:
        alpha = r @ r / (p @ a.A @ p)
        new = r - alpha * a.A @ p
        beta = new @ new / (r @ r)
        return {"alpha": alpha, "x": x + alpha * p, "r": new, "beta": beta, "p": new + beta * p}

    return looped(step, 3, x=np.zeros(4), r=a.b, p=a.b)


def power(a: SimpleNamespace) -> Arrays:
    def step(k: int, b: Any) -> Mapping[str, Any]:
        return {"b": a.A @ b / np.linalg.norm(a.A @ b)}

    return looped(step, 5, b=a.v)


def lion(a: SimpleNamespace) -> Arrays:
    def step(t: int, m: Any, theta: Any) -> Mapping[str, Any]:
        c = a.beta_1 * m + (1 - a.beta_1) * a.g[t]
        theta = theta - a.eta * (np.sign(c) + a.kappa * theta)
        return {"c": c, "theta": theta, "m": a.beta_2 * m + (1 - a.beta_2) * a.g[t]}

    return looped(step, 5, m=np.zeros(3), theta=np.zeros(3))


def amsgrad(a: SimpleNamespace) -> Arrays:
    def step(t: int, m: Any, v: Any, vhat: Any, x: Any) -> Mapping[str, Any]:
        m = a.beta_1 * m + (1 - a.beta_1) * a.g[t]
        v = a.beta_2 * v + (1 - a.beta_2) * a.g[t] ** 2
        vhat = np.maximum(vhat, v)
        return {"m": m, "v": v, "vhat": vhat, "x": x - a.alpha[t] / np.sqrt(vhat) * m}

    return looped(step, 5, m=np.zeros(3), v=np.zeros(3), vhat=np.zeros(3), x=np.zeros(3))


def newton(a: SimpleNamespace) -> Arrays:
    return looped(lambda n, x: {"x": x - (x**2 - a.a) / (2 * x)}, 5, x=1.0)


def fraction(a: SimpleNamespace) -> Arrays:
    h, k = [0.0, 1.0], [1.0, 0.0]
    for n in range(5):
        h.append(a.a[n] * h[-1] + h[-2])
        k.append(a.a[n] * k[-1] + k[-2])
    return {"h": np.array(h[2:]), "k": np.array(k[2:])}


def collatz(a: SimpleNamespace) -> Arrays:
    return looped(lambda n, a: {"a": a / 2 if a % 2 == 0 else 3 * a + 1}, 9, a=7.0)


def congruential(a: SimpleNamespace) -> Arrays:
    return looped(lambda n, X: {"X": (5 * X + 3) % 16}, 9, X=7.0)


# --- networks of another kind -----------------------------------------------------------------


def hopfield(a: SimpleNamespace) -> Arrays:
    beta = a.beta

    def step(t: int, xi: Any) -> Mapping[str, Any]:
        e = np.exp(beta * a.X.T @ xi)
        return {"xi": a.X @ (e / e.sum())}

    return looped(step, 5, xi=a.v)


def continuous(a: SimpleNamespace) -> Arrays:
    def step(t: int, y: Any) -> Mapping[str, Any]:
        drive = a.w.T @ sigmoid(y + a.theta)
        return {"y": y + a.Deltat / a.tau * (-y + drive + a.I[:, t])}

    return {"y": looped(step, 5, y=np.zeros(3))["y"].T}


def spiking(a: SimpleNamespace) -> Arrays:
    def step(t: int, U: Any, S: Any) -> Mapping[str, Any]:
        U = a.beta * U + a.W @ a.X[t] - S * a.U_thr
        return {"U": U, "S": (a.U_thr < U) * 1.0}

    return looped(step, 5, U=np.zeros(3), S=np.zeros(3))


def general_attention(a: SimpleNamespace) -> Arrays:
    h, found = np.zeros(3), {"h": [], "a": [], "c": [], "htilde": []}
    for t in range(4):
        h = np.tanh(a.W @ h + a.U @ a.x[t])
        e = np.exp(np.array([h @ a.W_a @ s for s in a.hbar]))
        weights = e / e.sum()
        c = weights @ a.hbar
        new = np.tanh(a.W_c @ np.r_[c, h])
        for name, value in zip(found, (h, weights, c, new)):
            found[name].append(value)
    return {name: np.array(value) for name, value in found.items()}


def self_attention(a: SimpleNamespace) -> Arrays:
    q, k, v = (a.x @ W.T for W in (a.W_Q, a.W_K, a.W_V))
    e = np.tril(np.exp(q @ k.T / np.sqrt(a.d)))
    return {"q": q, "k": k, "v": v, "y": e / e.sum(axis=1, keepdims=True) @ v}


def pointer(a: SimpleNamespace) -> Arrays:
    e = looped(lambda j, e: {"e": np.tanh(a.A @ e + a.B @ a.x[j])}, 4, e=np.zeros(3))["e"]
    d = looped(lambda i, d: {"d": np.tanh(a.C @ d + a.D @ a.y[i])}, 5, d=np.zeros(3))["d"]
    u = np.array([[a.v @ np.tanh(a.W_1 @ one + a.W_2 @ other) for one in e] for other in d])
    p = np.exp(u) / np.exp(u).sum(axis=1, keepdims=True)
    return {"u": u, "p": p, "e": e, "d": d}


# fmt: off
_SQUARES = "J = sum(sum(h[t] ** 2), t)"
PAPERS = [
    Paper("van der Westhuizen and Lasenby 2018, JANET", r"""
        f_t = \sigma(U_f h_{t-1} + W_f x_t + b_f)
        c_t = f_t \odot c_{t-1} + (1-f_t) \odot \tanh(U_c h_{t-1} + W_c x_t + b_c)
        h_t = c_t""",
        "x:5x2 U_f U_c:3x3 W_f W_c:3x2 b_f b_c:3", janet, _SQUARES),
    Paper("Zhou et al. 2016, minimal gated unit", r"""\begin{align}
        \mathbf{f}_t &= \sigma\left(W_f \left[\mathbf{h}_{t-1}, \mathbf{x}_t\right] + \mathbf{b}_f\right), \\
        \tilde{\mathbf{h}}_t &= \tanh\left(W_h \left[\mathbf{f}_t \odot \mathbf{h}_{t-1}, \mathbf{x}_t\right] + \mathbf{b}_h\right), \\
        \mathbf{h}_t &= \left(1 - \mathbf{f}_t\right) \odot \mathbf{h}_{t-1} + \mathbf{f}_t \odot \tilde{\mathbf{h}}_t.
        \end{align}""",
        "x:5x2 W_f W_h:3x5 b_f b_h:3", minimal_gated, _SQUARES),
    Paper("Lei et al. 2018, SRU", r"""
        \mathbf{f}_t = \sigma(\mathbf{W}_f \mathbf{x}_t + \mathbf{v}_f \odot \mathbf{c}_{t-1} + \mathbf{b}_f)
        \mathbf{c}_t = \mathbf{f}_t \odot \mathbf{c}_{t-1} + (1 - \mathbf{f}_t) \odot (\mathbf{W}\mathbf{x}_t)
        \mathbf{r}_t = \sigma(\mathbf{W}_r\mathbf{x}_t + \mathbf{v}_r \odot \mathbf{c}_{t-1} + \mathbf{b}_r)
        \mathbf{h}_t = \mathbf{r}_t \odot \mathbf{c}_t + (1 - \mathbf{r}_t) \odot \mathbf{x}_t""",
        "x:5x3 W W_f W_r:3x3 v_f v_r b_f b_r:3", sru, _SQUARES),
    Paper("Bradbury et al. 2017, QRNN", r"""
        \mathbf{z}_t = \tanh(\mathbf{W}^1_z \mathbf{x}_{t-1} + \mathbf{W}^2_z \mathbf{x}_t)
        \mathbf{f}_t = \sigma(\mathbf{W}^1_f \mathbf{x}_{t-1} + \mathbf{W}^2_f \mathbf{x}_t)
        \mathbf{o}_t = \sigma(\mathbf{W}^1_o \mathbf{x}_{t-1} + \mathbf{W}^2_o \mathbf{x}_t)
        \mathbf{c}_t = \mathbf{f}_t \odot \mathbf{c}_{t-1} + (1 - \mathbf{f}_t) \odot \mathbf{z}_t
        \mathbf{h}_t = \mathbf{o}_t \odot \mathbf{c}_t""",
        "x:5x2 W1_z W1_f W1_o W2_z W2_f W2_o:3x2", qrnn, _SQUARES),
    Paper("Jozefowicz et al. 2015, MUT1", r"""
        z = \mathrm{sigm}(W_{xz} x_t + b_z)
        r = \mathrm{sigm}(W_{xr} x_t + W_{hr} h_t + b_r)
        h_{t+1} = \tanh(W_{hh}(r \odot h_t) + \tanh(x_t) + b_h) \odot z + h_t \odot (1 - z)""",
        "x:5x3 W_xz W_xr W_hr W_hh:3x3 b_z b_r b_h:3", mut1, _SQUARES),
    Paper("Melis et al. 2020, Mogrifier LSTM", r"""
        x^1_t = 2\sigma(Q^1 h_{t-1}) \odot x_t
        h^1_t = 2 \sigma(R^1 x^1_t) \odot h_{t-1}
        f_t = \sigma(W^{fx} x^1_t + W^{fh} h^1_t + b^f)
        i_t = \sigma(W^{ix} x^1_t + W^{ih} h^1_t + b^i)
        j_t = \tanh(W^{jx} x^1_t + W^{jh} h^1_t + b^j)
        o_t = \sigma(W^{ox} x^1_t + W^{oh} h^1_t + b^o)
        c_t = f_t \odot c_{t-1} + i_t \odot j_t
        h_t = o_t \odot \tanh(c_t)""",
        "x:5x2 Q1:2x3 R1 W_fx W_ix W_jx W_ox:3x2 W_fh W_ih W_jh W_oh:3x3 b_f b_i b_j b_o:3", mogrifier, _SQUARES),
    Paper("Moniz and Krueger 2017, nested LSTM", r"""
        i_t = \sigma(x_t W_{xi} + h_{t-1} W_{hi})
        f_t = \sigma(x_t W_{xf} + h_{t-1} W_{hf})
        \tilde{h}_{t-1} = f_t \odot c_{t-1}
        \tilde{x}_t = i_t \odot \tanh(x_t W_{xc} + h_{t-1} W_{hc})
        \tilde{f}_t = \sigma(\tilde{x}_t \tilde{W}_{xf} + \tilde{h}_{t-1} \tilde{W}_{hf})
        \tilde{c}_t = \tilde{f}_t \odot \tilde{c}_{t-1} + (1-\tilde{f}_t) \odot \tilde{x}_t
        c_t = \tanh(\tilde{c}_t)
        h_t = \tanh(c_t)""",
        "x:5x2 W_xi W_xf W_xc:2x3 W_hi W_hf W_hc Wtilde_xf Wtilde_hf:3x3", nested, _SQUARES),
    Paper("Beck et al. 2024, xLSTM: sLSTM", r"""
        c_t = f_t c_{t-1} + i_t z_t
        n_t = f_t n_{t-1} + i_t
        h_t = o_t \tilde{h}_t, \qquad \tilde{h}_t = c_t / n_t
        z_t = \tanh(\tilde{z}_t), \qquad \tilde{z}_t = w_z^\top x_t + r_z h_{t-1} + b_z
        i_t = \exp(\tilde{i}_t - m_t), \quad \tilde{i}_t = w_i^\top x_t + r_i h_{t-1} + b_i
        f_t = \exp(\tilde{f}_t + m_{t-1} - m_t), \quad \tilde{f}_t = w_f^\top x_t + r_f h_{t-1} + b_f
        o_t = \sigma(\tilde{o}_t), \quad \tilde{o}_t = w_o^\top x_t + r_o h_{t-1} + b_o
        m_t = \max(\tilde{f}_t + m_{t-1}, \tilde{i}_t)""",
        "x:5x2 w_z w_i w_f w_o:2 r_z r_i r_f r_o b_z b_i b_f b_o", slstm, "J = sum(h[t] ** 2, t)"),
    Paper("stacked LSTM, layers above", r"""
        i_t^{(\ell)} = \sigma(W_i^{(\ell)} h_t^{(\ell-1)} + U_i^{(\ell)} h_{t-1}^{(\ell)})
        f_t^{(\ell)} = \sigma(W_f^{(\ell)} h_t^{(\ell-1)} + U_f^{(\ell)} h_{t-1}^{(\ell)})
        o_t^{(\ell)} = \sigma(W_o^{(\ell)} h_t^{(\ell-1)} + U_o^{(\ell)} h_{t-1}^{(\ell)})
        g_t^{(\ell)} = \tanh(W_g^{(\ell)} h_t^{(\ell-1)} + U_g^{(\ell)} h_{t-1}^{(\ell)})
        c_t^{(\ell)} = f_t^{(\ell)} \odot c_{t-1}^{(\ell)} + i_t^{(\ell)} \odot g_t^{(\ell)}
        h_t^{(\ell)} = o_t^{(\ell)} \odot \tanh(c_t^{(\ell)})
        h_t^{(0)} = x_t""",
        "x:4x3 W_i W_f W_o W_g U_i U_f U_o U_g:2x3x3", stacked, "J = sum(sum(sum(h[l, t] ** 2), l), t)",
        steps={"tau": 4, "n_l": 2}),
    Paper("Zilly et al. 2017, recurrent highway network", r"""
        h_\ell^{[t]} = \tanh(R_\ell s_{\ell-1}^{[t]} + b_\ell)
        T_\ell^{[t]} = \sigma(Q_\ell s_{\ell-1}^{[t]} + d_\ell)
        s_\ell^{[t]} = h_\ell^{[t]} \odot T_\ell^{[t]} + s_{\ell-1}^{[t]} \odot (1 - T_\ell^{[t]}), \quad \ell = 1, \dots, L
        s_0^{[t]} = s_L^{[t-1]} + W x^{[t]}""",
        "x:4x2 W:3x2 R Q:2x3x3 b d:2x3", highway, "J = sum(sum(sum(s[t, l] ** 2), l), t)",
        steps={"tau": 4, "L": 2}),
    Paper("Graves et al. 2007, multi-dimensional LSTM", r"""
        a_{r,c} = \sigma(W_i x_{r,c} + U_i h_{r-1,c} + V_i h_{r,c-1})
        f^1_{r,c} = \sigma(W_f x_{r,c} + U_f h_{r-1,c} + V_f h_{r,c-1})
        f^2_{r,c} = \sigma(W_e x_{r,c} + U_e h_{r-1,c} + V_e h_{r,c-1})
        g_{r,c} = \tanh(W_g x_{r,c} + U_g h_{r-1,c} + V_g h_{r,c-1})
        s_{r,c} = a_{r,c} \odot g_{r,c} + f^1_{r,c} \odot s_{r-1,c} + f^2_{r,c} \odot s_{r,c-1}
        h_{r,c} = \tanh(s_{r,c})""",
        "x:3x4x2 W_i W_f W_e W_g U_i U_f U_e U_g V_i V_f V_e V_g:2x2", multidimensional,
        "J = sum(sum(sum(h[r, c] ** 2), c), r)", steps={"tau": 3, "n_c": 4}),
    Paper("Tai et al. 2015, child-sum Tree-LSTM", r"""
        \tilde{h}_j = \sum_{k \in C(j)} h_k
        i_j = \sigma(W^{(i)} x_j + U^{(i)} \tilde{h}_j + b^{(i)})
        f_{jk} = \sigma(W^{(f)} x_j + U^{(f)} h_k + b^{(f)})
        o_j = \sigma(W^{(o)} x_j + U^{(o)} \tilde{h}_j + b^{(o)})
        u_j = \tanh(W^{(u)} x_j + U^{(u)} \tilde{h}_j + b^{(u)})
        c_j = i_j \odot u_j + \sum_{k \in C(j)} f_{jk} \odot c_k
        h_j = o_j \odot \tanh(c_j)""",
        "x:5x2 W_i W_f W_o W_u:3x2 U_i U_f U_o U_u:3x3 b_i b_f b_o b_u:3", child_sum,
        "J = sum(h[root] ** 2)", tree=(5, 4, 4, 5, 0), steps=3),
    Paper("Sakoe and Chiba 1978, dynamic time warping", r"""
        D(i,j) = |x_i - y_j| + \min\{D(i-1,j), D(i,j-1), D(i-1,j-1)\}
        D(0,0) = 0, D(i,0) = 1000, D(0,j) = 1000""",
        "x:4 y:5", warping, "J = D[tau, n_j]", steps={"tau": 4, "n_j": 5}),
    Paper("Needleman and Wunsch 1970, with cases", r"""
        F(i,j) = \max\begin{cases} F(i-1,j-1) + s(x_i, y_j) \\ F(i-1,j) - d \\ F(i,j-1) - d \end{cases}
        F(i,0) = -i d
        F(0,j) = -j d""",
        "x:4 y:5 d", alignment, "J = F[tau, n_j]", ("s(a, b) = a * b",), steps={"tau": 4, "n_j": 5}),
    Paper("Cormen et al., longest common subsequence", r"""
        C[i,j] = \begin{cases} 0 & \text{if } i = 0 \text{ or } j = 0 \\
        C[i-1,j-1] + 1 & \text{if } i, j > 0 \text{ and } x_i = y_j \\
        \max(C[i,j-1], C[i-1,j]) & \text{if } i, j > 0 \text{ and } x_i \ne y_j \end{cases}""",
        "x:4%2 y:5%2", subsequence, steps={"tau": 4, "n_j": 5}),
    Paper("Stirling numbers of the second kind", "S(n,k) = k S(n-1,k) + S(n-1,k-1), S(0,0) = 1",
        "", stirling, steps={"tau": 5, "n_k": 5}),
    Paper("Yang et al. 2024, gated linear attention", r"""
        \mathbf{S}_t = \mathrm{Diag}(\alpha_t) \mathbf{S}_{t-1} + \mathbf{k}_t \mathbf{v}_t^\top
        \mathbf{o}_t = \mathbf{S}_t^\top \mathbf{q}_t""",
        "alpha k q:5x3 v:5x2", gated_linear, "J = sum(sum(o[t] ** 2), t)"),
    Paper("Yang et al. 2025, gated delta rule", r"""
        S_t = S_{t-1}\left(\alpha_t (I - \beta_t k_t k_t^\top)\right) + \beta_t v_t k_t^\top
        o_t = S_t q_t""",
        "alpha beta:5 k q:5x2 v:5x3", gated_delta, "J = sum(sum(o[t] ** 2), t)"),
    Paper("Ba et al. 2016, fast weights, one inner step", r"""
        A(t) = \gamma A(t-1) + \eta h(t) h(t)^T
        h_0(t+1) = \tanh(W h(t) + C x(t))
        h(t+1) = \tanh(W h(t) + C x(t) + A(t) h_0(t+1))""",
        "x:5x2 W:3x3 C:3x2 gamma eta", fast_weights, _SQUARES),
    Paper("Gu and Dao 2023, Mamba, one channel", r"""
        \Delta_t = \mathrm{softplus}(w^\top x_t + b)
        \bar{A}_t = \exp(\Delta_t A), \quad \bar{B}_t = \Delta_t B_t
        B_t = W_B x_t, \quad C_t = W_C x_t
        h_t = \bar{A}_t \odot h_{t-1} + \bar{B}_t u_t, \quad y_t = C_t^\top h_t""",
        "x:5x2 u:5 w:2 A:3 W_B W_C:3x2 b", mamba, "J = sum(y[t] ** 2, t)"),
    Paper("Gu et al. 2022, S4, bilinear discretisation", r"""
        \overline{A} = (I - \Delta/2 \cdot A)^{-1}(I + \Delta/2 \cdot A)
        \overline{B} = (I - \Delta/2 \cdot A)^{-1} \Delta B
        x_k = \overline{A} x_{k-1} + \overline{B} u_k, \quad y_k = \overline{C} x_k""",
        "u:5x2 A:3x3 B:3x2 Cbar:1x3 Delta", bilinear, "J = sum(sum(y[k] ** 2), k)"),
    Paper("Rabiner 1989, forward procedure", r"""
        \alpha_t(j) = \left[\sum_{i=1}^N \alpha_{t-1}(i) a_{ij}\right] b_j(o_t), \quad 1 < t \le T, 1 \le j \le N
        \alpha_1(j) = \pi_j b_j(o_1)
        P = \sum_{i=1}^N \alpha_T(i)""",
        "pi:3 a:3x3 b:3x4 o:5%4", forward, "J = log(P)"),
    Paper("Jurafsky and Martin, Viterbi", r"""
        \delta_t(j) = \max_{i=1}^{N} \delta_{t-1}(i) a_{ij} b_j(o_t)
        \delta_1(j) = \pi_j b_j(o_1)""",
        "pi:3 a:3x3 b:3x4 o:5%4", viterbi, "J = sum(delta[tau, j], j)"),
    Paper("Rabiner 1989, backward procedure", r"""
        \beta_t(i) = \sum_{j=1}^N a_{ij} b_j(o_{t+1}) \beta_{t+1}(j)
        \beta_T(i) = 1""",
        "a:3x3 b:3x4 o:5%4", backward, "J = sum(beta[1, i], i)"),
    Paper("Lafferty et al. 2001, CRF forward in logarithms", r"""
        \alpha_t(j) = \psi_t(j) + \log \sum_i \exp(\alpha_{t-1}(i) + A_{ij})
        \alpha_1(j) = \psi_1(j)
        Z = \log \sum_j \exp(\alpha_T(j))""",
        "psi:5x3 A:3x3", crf),
    Paper("Sutton and Barto, semi-gradient TD(lambda)", r"""
        \delta_t = R_{t+1} + \gamma \mathbf{w}_t^\top \mathbf{x}_{t+1} - \mathbf{w}_t^\top \mathbf{x}_t
        \mathbf{z}_t = \gamma\kappa \mathbf{z}_{t-1} + \mathbf{x}_t
        \mathbf{w}_{t+1} = \mathbf{w}_t + \alpha \delta_t \mathbf{z}_t""",
        "R:5 x:5x3 gamma kappa alpha", traces, "J = sum(sum(delta[t] ** 2), t)"),
    Paper("Schulman et al. 2016, generalised advantage", r"""
        \delta_t = r_t + \gamma V_{t+1} - V_t
        \hat{A}_t = \delta_t + \gamma\kappa \hat{A}_{t+1}""",
        "r V:5 gamma kappa", advantage, "J = sum(Ahat[t] ** 2, t)"),
    Paper("Bellman 1957, value iteration", r"""
        v_{k+1} = \max(r_1 + \gamma P_1 v_k, r_2 + \gamma P_2 v_k, r_3 + \gamma P_3 v_k)""",
        "r_1 r_2 r_3:3 P_1 P_2 P_3:3x3 gamma", values, "J = sum(sum(v[k] ** 2), k)"),
    Paper("Haykin, least mean squares", r"""
        e(n) = d(n) - \mathbf{w}^T(n) \mathbf{x}(n)
        \mathbf{w}(n+1) = \mathbf{w}(n) + \mu e(n) \mathbf{x}(n)""",
        "d:5 x:5x3 mu", least_mean_squares, "J = sum(sum(e[n] ** 2), n)"),
    Paper("Hyndman and Athanasopoulos, Holt-Winters, m = 4", r"""
        \ell_t = \alpha(y_t - s_{t-4}) + (1 - \alpha)(\ell_{t-1} + b_{t-1})
        b_t = \beta^*(\ell_t - \ell_{t-1}) + (1 - \beta^*) b_{t-1}
        s_t = \gamma (y_t - \ell_{t-1} - b_{t-1}) + (1-\gamma)s_{t-4}
        \hat{y}_{t|t-1} = \ell_{t-1} + b_{t-1} + s_{t-4}""",
        "y:9 alpha beta_star gamma", holt_winters, "J = sum((y[t] - yhat_pred[t]) ** 2, t)", steps=9),
    Paper("Box and Jenkins, ARMA(2, 1)", r"""
        X_t = c + \varepsilon_t + \sum_{i=1}^{2} \varphi_i X_{t-i} + \sum_{i=1}^1 \theta_i \varepsilon_{t-i}""",
        "epsilon:5 c phi_1 phi_2 theta_1", arma, "J = sum(X[t] ** 2, t)"),
    Paper("Bollerslev 1986, GARCH(1, 1)", r"""
        \epsilon_t = \sigma_t z_t
        \sigma_t^2 = \omega + \alpha_1 \epsilon_{t-1}^2 + \beta_1 \sigma_{t-1}^2""",
        "z:5 omega alpha_1 beta_1", garch, "J = sum(sigma2[t], t)"),
    Paper("Verlet 1967", r"""
        x_{n+1} = 2 x_n - x_{n-1} - \omega^2 x_n \Delta t^2
        x_0 = 1, x_{-1} = 0.9""",
        "omega Deltat", verlet, "J = sum(x[n] ** 2, n)"),
    Paper("Lorenz 1963, by Euler's method", r"""
        x_{n+1} = x_n + \tfrac{\Delta t}{10}\, 10 (y_n - x_n)
        y_{n+1} = y_n + \tfrac{\Delta t}{10}\, (x_n (\rho - z_n) - y_n)
        z_{n+1} = z_n + \tfrac{\Delta t}{10}\, (x_n y_n - \beta z_n)
        x_0 = 1, y_0 = 1, z_0 = 1""",
        "Deltat rho beta", lorenz, "J = sum(x[n] ** 2, n)"),
    Paper("Kermack and McKendrick 1927, SIR", r"""
        S_{n+1} = S_n - \frac{\beta}{N} S_n I_n \Delta t
        I_{n+1} = I_n + \left(\frac{\beta}{N} S_n I_n - \gamma I_n\right)\Delta t
        R_{n+1} = R_n + \gamma I_n \Delta t
        S_0 = 99, I_0 = 1, R_0 = 0""",
        "beta gamma N Deltat", epidemic, "J = sum(sum(R[n]), n)",
        dims={"S": (), "I": (), "R": ()}),
    Paper("Astrom and Murray, PID controller", r"""
        e_k = r_k - y_k
        u_k = K_p e_k + K_i \Delta t \sum_{j=1}^{k} e_j + K_d \frac{e_k - e_{k-1}}{\Delta t}""",
        "r y:5 K_p K_i K_d Deltat", controller, "J = sum(u[k] ** 2, k)"),
    Paper("Kutta 1901, fourth order", r"""
        k_1 = f(y_n)
        k_2 = f(y_n + h k_1/2)
        k_3 = f(y_n + h k_2/2)
        k_4 = f(y_n + h k_3)
        y_{n+1} = y_n + \frac{h}{6}(k_1 + 2k_2 + 2k_3 + k_4)
        y_0 = 0.5""",
        "h", runge_kutta, "J = sum(y[n], n)", ("f(y) = -y + y ** 2",)),
    Paper("Hestenes and Stiefel 1952, conjugate gradients", r"""
        \alpha_k = \frac{\mathbf{r}_k^\mathsf{T} \mathbf{r}_k}{\mathbf{p}_k^\mathsf{T} \mathbf{A p}_k}
        \mathbf{x}_{k+1} = \mathbf{x}_k + \alpha_k \mathbf{p}_k
        \mathbf{r}_{k+1} = \mathbf{r}_k - \alpha_k \mathbf{A p}_k
        \beta_k = \frac{\mathbf{r}_{k+1}^\mathsf{T} \mathbf{r}_{k+1}}{\mathbf{r}_k^\mathsf{T} \mathbf{r}_k}
        \mathbf{p}_{k+1} = \mathbf{r}_{k+1} + \beta_k \mathbf{p}_k
        \mathbf{r}_0 = \mathbf{b}, \mathbf{p}_0 = \mathbf{b}""",
        "A:4x4 b:4", conjugate_gradient, "J = sum(x[tau] ** 2)", steps=3),
    Paper("von Mises 1929, power iteration", r"b_{k+1} = \frac{A b_k}{\|A b_k\|}, \quad b_0 = v",
        "A:3x3 v:3", power, "J = sum(b[tau] ** 3)"),
    Paper("Chen et al. 2023, Lion", r"""
        c_t = \beta_1 m_{t-1} + (1-\beta_1) g_t
        \theta_t = \theta_{t-1} - \eta (\mathrm{sign}(c_t) + \kappa \theta_{t-1})
        m_t = \beta_2 m_{t-1} + (1-\beta_2) g_t""",
        "g:5x3 beta_1 beta_2 eta kappa", lion, "J = sum(sum(theta[t] ** 2), t)"),
    Paper("Reddi et al. 2018, AMSGrad", r"""
        m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t
        v_t = \beta_2 v_{t-1} + (1-\beta_2) g_t^2
        \hat{v}_t = \max(\hat{v}_{t-1}, v_t)
        x_{t+1} = x_t - \frac{\alpha_t}{\sqrt{\hat{v}_t}} m_t""",
        "g:5x3 alpha:5 beta_1 beta_2", amsgrad, "J = sum(sum(x[t] ** 2), t)"),
    Paper("Newton's method for a root", r"x_{n+1} = x_n - \frac{x_n^2 - a}{2 x_n}, \quad x_0 = 1",
        "a", newton, "J = x[tau]"),
    Paper("Euler, continued fraction", r"""
        h_n = a_n h_{n-1} + h_{n-2}, \quad k_n = a_n k_{n-1} + k_{n-2}
        h_{-1} = 0, h_0 = 1, k_{-1} = 1, k_0 = 0""",
        "a:5", fraction, "J = h[tau] / k[tau]"),
    Paper("Collatz 1937", r"""
        a_{n+1} = \begin{cases} a_n/2 & \text{if } a_n \equiv 0 \pmod 2 \\ 3a_n + 1 & \text{if } a_n \equiv 1 \pmod 2 \end{cases}
        a_0 = 7""",
        "", collatz, steps=9),
    Paper("Lehmer 1951, linear congruential generator", r"X_{n+1} \equiv 5 X_n + 3 \pmod{16}, X_0 = 7",
        "", congruential, steps=9),
    Paper("Ramsauer et al. 2021, Hopfield update", r"\xi_{t+1} = X \, \mathrm{softmax}(\beta X^T \xi_t), \quad \xi_0 = v",
        "X:3x4 v:3 beta", hopfield, "J = sum(sum(xi[t] ** 2), t)"),
    Paper("Beer 1995, continuous-time network", r"""
        y_i(t+1) = y_i(t) + \frac{\Delta t}{\tau_i}\left(-y_i(t) + \sum_j w_{ji} \sigma(y_j(t) + \theta_j) + I_i(t)\right)""",
        "tau theta:3 w:3x3 I:3x5 Deltat", continuous, "J = sum(sum(y[i, t] ** 2, i), t)"),
    Paper("Neftci et al. 2019, spiking cell", r"""
        U_t = \beta U_{t-1} + W X_t - S_{t-1} U_{thr}
        S_t = \begin{cases} 1 & U_t > U_{thr} \\ 0 & \text{otherwise} \end{cases}""",
        "X:5x2 W:3x2 beta U_thr", spiking, "J = sum(sum(U[t] ** 2), t)"),
    Paper("Luong et al. 2015, general attention", r"""
        h_t = \tanh(W h_{t-1} + U x_t)
        a_{ts} = \frac{\exp(h_t^\top W_a \bar{h}_s)}{\sum_{s'} \exp(h_t^\top W_a \bar{h}_{s'})}
        c_t = \sum_s a_{ts} \bar{h}_s
        \tilde{h}_t = \tanh(W_c [c_t; h_t])""",
        "x:4x2 hbar:5x3 W W_a:3x3 U:3x2 W_c:3x6", general_attention, "J = sum(sum(htilde[t] ** 2), t)",
        steps={"tau": 4, "n_s": 5}),
    Paper("Vaswani et al. 2017, causal self-attention", r"""
        q_t = W_Q x_t, k_t = W_K x_t, v_t = W_V x_t
        y_t = \sum_{s=1}^{t} \frac{\exp(q_t^\top k_s/\sqrt{d})}{\sum_{j=1}^t \exp(q_t^\top k_j/\sqrt{d})} v_s""",
        "x:5x2 W_Q W_K W_V:3x2 d", self_attention, "J = sum(sum(y[t] ** 2), t)"),
    Paper("Vinyals et al. 2015, pointer network", r"""
        e_j = \tanh(A e_{j-1} + B x_j)
        d_i = \tanh(C d_{i-1} + D y_i)
        u_{ij} = v^\top \tanh(W_1 e_j + W_2 d_i)
        p_{ij} = \mathrm{softmax}_j(u_{ij})""",
        "x:4x2 y:5x2 A C W_1 W_2:3x3 B D:3x2 v:3", pointer, "J = sum(sum(p[i, j] ** 2, j), i)",
        steps={"tau": 4, "n_i": 5}),
]
