"""Several axes in text: how they are found, printed, and refused."""

import pytest

from unroll.errors import UnrollError
from unroll.language.latex import recurrence_latex
from unroll.language.parser import parse
from unroll.language.printer import format_recurrence
from unroll.symbolic.adjoint import differentiate

# (text, canonical text where it differs, axes)
CANONICAL = [
    (
        """h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t] + b[l])
h[0, t] = x[t]""",
        "",
        "t:tau l:n_l",
    ),
    (
        """D[i, j] = min(min(D[i-1, j] + 1, D[i, j-1] + 1), D[i-1, j-1] + c[i, j])
D[i, 0] = i
D[0, j] = j""",
        """D[i, j] = minimum(minimum(D[i-1, j] + 1, D[i, j-1] + 1), D[i-1, j-1] + c[i, j])
D[i, 0] = i
D[0, j] = j""",
        "i:tau j:n_j",
    ),
    (
        """t = 1..n_x; u = 1..n_y
e[u, t] = v @ tanh(W @ s[u-1] + U @ h[t])
alpha[u, t] = softmax(e[u, t], t)
c[u] = sum(alpha[u, t] * h[t], t)
h[t] = tanh(A @ h[t-1] + B @ x[t])
s[u] = tanh(D @ s[u-1] + E @ c[u])""",
        """t = 1..n_x
u = 1..n_y
e[u, t] = v @ tanh(W @ s[u-1] + U @ h[t])
alpha[u, t] = softmax(e[u, t], t)
c[u] = sum(alpha[u, t] * h[t], t)
h[t] = tanh(A @ h[t-1] + B @ x[t])
s[u] = tanh(D @ s[u-1] + E @ c[u])""",
        "t:n_x u:n_y",
    ),
    (
        """alpha[t, s] = softmax(q[t].T @ k[s], s <= t)
y[t] = sum(alpha[t, s] * v[s], s <= t)""",
        """s = 1..tau
alpha[t, s] = softmax(q[t].T @ k[s], s <= t)
y[t] = sum(alpha[t, s] * v[s], s <= t)""",
        "t:tau s:tau",
    ),
    ("y[t] = f(y[<t])", "", "t:tau s:tau"),
    (
        "y[t] = sum(y[<t]) + x[t]",
        """s = 1..tau
y[t] = sum(y[s], s < t) + x[t]""",
        "t:tau s:tau",
    ),
    (
        "y[t] = V @ sum(softmax(q[t].T @ k[<=t]) * v[<=t])",
        """s = 1..tau
y[t] = V @ sum(softmax(q[t].T @ k[s], s <= t) * v[s], s <= t)""",
        "t:tau s:tau",
    ),
    (
        """h[n] = tanh(W @ sum(h[k], k in children(n)) + U @ x[n])
o = V @ h[root]""",
        "",
        "n:n_nodes k:n_nodes",
    ),
    (
        """h[n] = tanh(W @ sum(h[children(n)]) + U @ x[n])
c[n] = sum(f[k] * c[k], k in children(n))""",
        """h[n] = tanh(W @ sum(h[k], k in children(n)) + U @ x[n])
c[n] = sum(f[k] * c[k], k in children(n))""",
        "n:n_nodes k:n_nodes",
    ),
    ("g[n] = tanh(U @ g[parent(n)] + W @ x[n])", "", "n:n_nodes"),
    (
        """h[l, t] = f(h[l, t-1], h[l-1, t]) for l = 2..n_l, t >= 2
h[1, t] = x[t]""",
        """h[l, t] = f(h[l, t-1], h[l-1, t]) for l >= 2, t >= 2
h[1, t] = x[t]""",
        "t:tau l:n_l",
    ),
    (
        """n = 1..5
h[n] = h[n-1] + x[n]""",
        "",
        "n:5",
    ),
    (
        "y[t] = max(v[s], s < t) + sum(v[s], s = 2..t)",
        """s = 1..tau
y[t] = max(v[s], s < t) + sum(v[s], s = 2..t)""",
        "t:tau s:tau",
    ),
    ("y[t] = f(y[<t], x[<=t])", "", "t:tau s:tau"),
    (
        "x(i,j) = a x(i-1,j) + b x(i,j-1) + u(i,j)",
        "x[i, j] = a * x[i-1, j] + b * x[i, j-1] + u[i, j]",
        "i:tau j:n_j",
    ),
    (
        "x[i,j] = a*x[i-1,j] + b*x[i,j-1] + u[i,j]",
        "x[i, j] = a * x[i-1, j] + b * x[i, j-1] + u[i, j]",
        "i:tau j:n_j",
    ),
    (
        "a^{[l]<t>} = g(W^{[l]} [a^{[l]<t-1>}, a^{[l-1]<t>}] + b^{[l]})",
        "a[l, t] = g(W[l] @ concat(a[l, t-1], a[l-1, t]) + b[l])",
        "t:tau l:n_l",
    ),
    (
        "h[l, t] = f(h[l, t-1]) for t >= 2, l = 1..3",
        "h[l, t] = f(h[l, t-1]) for t >= 2, l <= 3",
        "t:tau l:n_l",
    ),
    (
        """t = 1..5, u = 1..7
h[t] = x[t]
s[u] = y[u]""",
        """t = 1..5
u = 1..7
h[t] = x[t]
s[u] = y[u]""",
        "t:5 u:7",
    ),
    (
        "L[t] = x[t]**2; J = mean(L[t], t); M = max(L[t], t); K = max(0, v)",
        """L[t] = x[t] ** 2
J = mean(L[t], t)
M = max(L[t], t)
K = maximum(0, v)""",
        "t:tau",
    ),
    (
        """J = sum(h[l,t], l, t)
h[l,t] = w[l]*h[l,t-1] + x[t]""",
        """J = sum(sum(h[l, t], l), t)
h[l, t] = w[l] * h[l, t-1] + x[t]""",
        "t:tau l:n_l",
    ),
    (
        "y[t] = softmax(mean(x[<=t]))",
        """s = 1..tau
y[t] = softmax(mean(x[s], s <= t))""",
        "t:tau s:tau",
    ),
    ("y[t] = f(y[t-3..t-1])", "", "t:tau s:tau"),
    (
        """z = U @ x[t] + V @ q[l]
h[l,t] = z * h[l,t-1]""",
        """z[t, l] = U @ x[t] + V @ q[l]
h[l, t] = z[t, l] * h[l, t-1]""",
        "t:tau l:n_l",
    ),
]

WHITEBOARD = [
    ("h_t = tanh(W h_{t-1}+U x_t)", "h[t] = tanh(W @ h[t-1] + U @ x[t])", "t:tau"),
    (
        """t = 1..n_x
u = 1..n_y
h[t] = tanh(W @ h[t-1] + U @ x[t])
C = h[n_x]
s[u] = tanh(R @ s[u-1] + Q @ y[u-1] + P @ C)
s[0] = tanh(A @ C)
L[u] = cross_entropy(softmax(V @ s[u]), y[u])
J = sum(L[u], u)""",
        "",
        "t:n_x u:n_y",
    ),
    (
        """h[n] = tanh(U @ h[left(n)] + W @ h[right(n)] + b)
h[n] = V @ x[n] for n in leaves
o = h[root]
L = squared_error(o, y)""",
        "",
        "n:n_nodes",
    ),
    (
        r"h_t^{(l)} = \tanh(W^{(l)} h_{t-1}^{(l)} + U^{(l)} h_t^{(l-1)} + b^{(l)}), h_t^{(0)} = x_t",
        """h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t] + b[l])
h[0, t] = x[t]""",
        "t:tau l:n_l",
    ),
    (
        r"h^{(l)}_t = \tanh(W^{(l)} h^{(l)}_{t-1} + U^{(l)} h^{(l-1)}_t), \quad h^{(0)}_t = x_t",
        """h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t])
h[0, t] = x[t]""",
        "t:tau l:n_l",
    ),
    (
        r"h_t^l = \tanh(W^l h_{t-1}^l + U^l h_t^{l-1} + b^l), h_t^0 = x_t",
        """h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t] + b[l])
h[0, t] = x[t]""",
        "t:tau l:n_l",
    ),
    (
        r"D_{i,j} = \min(D_{i-1,j} + 1, \min(D_{i,j-1} + 1, D_{i-1,j-1} + c_{i,j})), D_{i,0} = i, D_{0,j} = j",
        """D[i, j] = minimum(D[i-1, j] + 1, minimum(D[i, j-1] + 1, D[i-1, j-1] + c[i, j]))
D[i, 0] = i
D[0, j] = j""",
        "i:tau j:n_j",
    ),
    (
        "D_{ij} = D_{i-1,j} + D_{i,j-1} + c_{ij}; D_{i0} = i; D_{0j} = j",
        """D[i, j] = D[i-1, j] + D[i, j-1] + c[i, j]
D[i, 0] = i
D[0, j] = j""",
        "i:tau j:n_j",
    ),
    (
        r"""s_i = f(s_{i-1}, y_{i-1}, c_i)
c_i = \sum_{j=1}^{T_x} \alpha_{ij} h_j
\alpha_{ij} = \frac{\exp(e_{ij})}{\sum_{k=1}^{T_x} \exp(e_{ik})}
e_{ij} = a(s_{i-1}, h_j)""",
        """i = 1..tau
j = 1..T_x
s[i] = f(s[i-1], y[i-1], c[i])
c[i] = sum(alpha[i, j] * h[j], j)
alpha[i, j] = exp(e[i, j]) / sum(exp(e[i, j]), j)
e[i, j] = a(s[i-1], h[j])""",
        "i:tau j:T_x",
    ),
    (
        r"\begin{aligned} h_t &= \tanh(W h_{t-1} + U x_t) \\ c_t &= \sum_{i=1}^{t} \alpha_{t,i} h_i \\ \alpha_{t,i} &= \mathrm{softmax}_i(h_t^\top h_i) \end{aligned}",
        """i = 1..tau
h[t] = tanh(W @ h[t-1] + U @ x[t])
c[t] = sum(alpha[t, i] * h[i], i <= t)
alpha[t, i] = softmax(h[t].T @ h[i], i)""",
        "t:tau i:tau",
    ),
    ("y_t = f(y_{<t})", "y[t] = f(y[<t])", "t:tau s:tau"),
    ("y_t = f(y^{(<t)})", "y[t] = f(y[<t])", "t:tau s:tau"),
    (r"y_t = f(y_{1:t-1}, x_{\le t})", "y[t] = f(y[<t], x[<=t])", "t:tau s:tau"),
    (
        r"c_t = \sum_{s<t} v_s + x_t",
        """c_sum[t] = c_sum[t-1] + v[t-1]
c[t] = c_sum[t] + x[t]""",
        "t:tau",
    ),
    (
        r"m_t = \max_{s \le t} x_s",
        """s = 1..tau
m[t] = max(x[s], s <= t)""",
        "t:tau s:tau",
    ),
    (
        r"h_{k} = x_{k}; m = \max_{k} h_k",
        """h[k] = x[k]
m = max(h[k], k)""",
        "k:tau",
    ),
    (
        r"h_n = \tanh(U h_{\mathrm{left}(n)} + W h_{\mathrm{right}(n)} + b), \quad h_n = V x_n \text{ for } n \in \text{leaves}",
        """h[n] = tanh(U @ h[left(n)] + W @ h[right(n)] + b)
h[n] = V @ x[n] for n in leaves""",
        "n:n_nodes",
    ),
    (
        r"\tilde{h}_j = \sum_{k \in C(j)} h_k, h_j = \tanh(W x_j + U \tilde{h}_j)",
        """htilde[j] = sum(h[k], k in children(j))
h[j] = tanh(W @ x[j] + U @ htilde[j])""",
        "j:n_nodes k:n_nodes",
    ),
    (
        r"""h^{(l)}_{t+1} = \tanh(W^{(l)} h^{(l)}_t + U^{(l)} h^{(l-1)}_{t+1}), \quad l = 1, \dots, L
h^{(0)}_t = x_t""",
        """h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t])
h[0, t] = x[t]""",
        "t:tau l:n_l",
    ),
    (
        r"""h_t = f(h_{t-1}, x_t), t = 1..T_x
s_u = f(s_{u-1}, y_{u-1}, c), \quad u = 1, \dots, T_y
c = h_{T_x}""",
        """u = 1..T_y
h[t] = f(h[t-1], x[t])
s[u] = f(s[u-1], y[u-1], c)
c = h[tau]""",
        "t:tau u:T_y",
    ),
    (
        r"D_{i,j} = \begin{cases} j & i = 0 \\ i & j = 0 \\ D_{i-1,j-1} + c_{ij} & \text{otherwise} \end{cases}",
        """i = 1..tau
D[0, j] = j
D[i, 0] = i
D[i, j] = D[i-1, j-1] + c[i, j]""",
        "i:tau j:n_j",
    ),
    (
        r"""f_i^{(t)} = \sigma(b_i^f + \sum_j U_{i,j}^f x_j^{(t)} + \sum_j W_{i,j}^f h_j^{(t-1)})
h_i^{(t)} = \tanh(f_i^{(t)})""",
        """j = 1..n_i
f[t, i] = sigmoid(b_f[i] + sum(U_f[i, j] @ x[t, j], j) + sum(W_f[i, j] @ h[t-1, j], j))
h[t, i] = tanh(f[t, i])""",
        "t:tau i:n_i j:n_i",
    ),
    (
        "u_i^{n+1} = u_i^n + r (u_{i+1}^n - 2 u_i^n + u_{i-1}^n)",
        "u[n, i] = u[n-1, i] + r(u[n-1, i+1] - 2 * u[n-1, i] + u[n-1, i-1])",
        "n:tau i:n_i",
    ),
    (
        r"o_t = \sum_{i=1}^{t} \frac{\exp(q_t^\top k_i)}{\sum_{j=1}^{t} \exp(q_t^\top k_j)} v_i",
        """i = 1..tau
j = 1..tau
o[t] = sum(exp(q[t].T @ k[i]) / sum(exp(q[t].T @ k[j]), j <= t) * v[i], i <= t)""",
        "t:tau i:tau j:tau",
    ),
    (
        r"V_{k+1}(s) = \max_a (R(s,a) + \gamma V_k(s))",
        "V[k, s] = max(R[s, a] + gamma * V[k-1, s], a)",
        "k:tau s:n_s a:n_a",
    ),
    (
        r"h_t^{(l)} = f(h_t^{(l-1)}) for 2 \le l \le L, t > 1",
        "h[l, t] = f(h[l-1, t]) for l >= 2, t >= 2",
        "t:tau l:n_l",
    ),
    (
        r"J = \sum_{i,j} D_{ij}, D_{ij} = D_{i-1,j} + x_{ij}",
        """J = sum(sum(D[i, j], j), i)
D[i, j] = D[i-1, j] + x[i, j]""",
        "i:tau j:n_j",
    ),
    (
        r"\alpha_t(j) = \sum_i \alpha_{t-1}(i) a_{ij} * b_t(j)",
        """i = 1..n_j
alpha[t, j] = sum(alpha[t-1, i] * a[i, j] * b[t, j], i)""",
        "t:tau j:n_j i:n_j",
    ),
    (
        "h_t = W_{hh} h_{t-1} + W_{t0} x_t + b_{i0}",
        "h[t] = W_hh @ h[t-1] + W_t0 @ x[t] + b_i0",
        "t:tau",
    ),
    ("x_t = a_{t,1} + h_{t-1}", "x[t] = a[t][0] + h[t-1]", "t:tau"),
    (
        r"\alpha_{ts} = \frac{\exp(q_t^\top k_s)}{\sum_{r=1}^{T} \exp(q_t^\top k_r)}, o_t = \sum_s \alpha_{ts} v_s",
        """s = 1..tau
alpha[t, s] = exp(q[t].T @ k[s]) / sum(exp(q[t].T @ k[s]), s)
o[t] = sum(alpha[t, s] * v[s], s)""",
        "t:tau s:tau",
    ),
]


@pytest.mark.parametrize(("text", "canonical", "axes"), CANONICAL + WHITEBOARD)
def test_several_axes_are_read(text: str, canonical: str, axes: str) -> None:
    recurrence = parse(text)
    assert format_recurrence(recurrence) == (canonical or text)
    assert " ".join(f"{a.name}:{a.length}" for a in recurrence.axes) == axes
    assert parse(format_recurrence(recurrence)) == recurrence


DIFFERENTIABLE = {
    "stack": """h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t] + b[l])
h[0, t] = x[t]
L[t] = squared_error(h[n_l, t], y[t])
J = sum(L[t], t)""",
    "grid": """D[i, j] = tanh(a * D[i-1, j] + b * D[i, j-1] + c[i, j])
J = sum(sum(D[i, j], i), j)""",
    "encdec": """t = 1..n_x
u = 1..n_y
h[t] = tanh(W @ h[t-1] + U @ x[t])
C = h[n_x]
s[u] = tanh(R @ s[u-1] + Q @ y[u-1] + P @ C)
s[0] = tanh(A @ C)
L[u] = squared_error(V @ s[u], y[u])
J = sum(L[u], u)""",
    "bahdanau": """t = 1..n_x
u = 1..n_y
h[t] = tanh(A @ h[t-1] + B @ x[t])
e[u, t] = v.T @ tanh(W @ s[u-1] + U @ h[t])
alpha[u, t] = softmax(e[u, t], t)
c[u] = sum(alpha[u, t] * h[t], t)
s[u] = tanh(D @ s[u-1] + E @ c[u])
L[u] = squared_error(s[u], y[u])
J = sum(L[u], u)""",
    "causal": """a[t, s] = softmax(q[t].T @ k[s], s <= t)
o[t] = sum(a[t, s] * v[s], s <= t)
L[t] = squared_error(o[t], y[t])
J = sum(L[t], t)""",
    "history": """y[t] = tanh(W @ sum(y[<t]) + U @ x[t])
J = sum(sum(y[t]), t)""",
    "opaque": """y[t] = f(y[<t], theta)
J = sum(L[t], t)
L[t] = squared_error(y[t], z[t])""",
    "tree": """h[n] = tanh(U @ h[left(n)] + W @ h[right(n)] + b)
h[n] = V @ x[n] for n in leaves
L = squared_error(h[root], y)""",
    "treelstm": """h[n] = tanh(W @ sum(h[k], k in children(n)) + U @ x[n])
L = squared_error(h[root], y)""",
    "parent": """g[n] = tanh(U @ g[parent(n)] + W @ x[n])
J = sum(sum(g[n]), n)""",
    "max": """y[t] = max(v[s], s < t) + sum(v[s], s = 2..t)
J = sum(y[t], t)
v[t] = w * x[t]""",
    "ranges": """h[l, t] = tanh(w[l] * h[l, t-1] + h[l-1, t]) for l = 2..n_l, t >= 2
h[1, t] = x[t]
J = sum(h[n_l, t], t)""",
}


@pytest.mark.parametrize("name", sorted(DIFFERENTIABLE))
def test_gradients_are_read_as_they_are_printed(name: str) -> None:
    adjoint = differentiate(parse(DIFFERENTIABLE[name])).recurrence
    assert parse(format_recurrence(adjoint), roles=dict(adjoint.overrides)) == adjoint


MESSAGES = [
    (
        "h[t] = x[j]",
        """recurrence, line 1, column 8: nothing binds the index j of x[j]
  h[t] = x[j]
         ^^^^
Put j on the left, as in h[t, j] = ..., or reduce over it: sum(x[j], j).""",
    ),
    (
        """h[t] = W[t] @ x[t]
o[t] = W @ h[t]""",
        """recurrence, line 1, column 8: W is a parameter, used bare elsewhere, and cannot be indexed as in W[t]
  h[t] = W[t] @ x[t]
         ^^^^
Write W everywhere, or W[t] everywhere.""",
    ),
    (
        """t = 1..5
t = 1..6
h[t] = x[t]""",
        """recurrence, line 2, column 1: the length of t is given twice: 5 and 6
  t = 1..6
  ^
Keep one of the two, or let another letter run over 1..6.""",
    ),
    (
        """t = 1..n_x
u = 1..n_y
h[t] = x[t]
s[u] = x[u]""",
        """recurrence, line 4, column 8: x runs over t = 1..n_x, but u of x[u] runs over 1..n_y
  s[u] = x[u]
         ^^^^
Give both the same length, as in u = 1..n_x, or index x with t.""",
    ),
    (
        """h[t] = h[t-1] + g[t+1]
g[t] = g[t+1] + h[t]""",
        """recurrence, line 1, column 17: a cycle goes both back and ahead in time: h[t] needs h[t-1], and h[t] needs g[t+1]
  h[t] = h[t-1] + g[t+1]
                  ^^^^^^
Let every edge of a cycle point the same way: write it with lags alone.""",
    ),
    (
        "h[l, t] = h[l-1, t] + h[t-1]",
        """recurrence, line 1, column 23: h[t-1] has one index, but h[l, t] has 2 indices
  h[l, t] = h[l-1, t] + h[t-1]
                        ^^^^^^
Give a name the same indices everywhere.""",
    ),
    (
        "h[n] = left(n) + h[right(n)]",
        """recurrence, line 1, column 8: left(n) stands outside of an index
  h[n] = left(n) + h[right(n)]
         ^^^^^^^
It is a node, not a value: write h[left(n)].""",
    ),
    (
        "h[n] = f(h[middle(n)], h[left(n)])",
        """recurrence, line 1, column 11: middle(n) is no neighbour of a node
  h[n] = f(h[middle(n)], h[left(n)])
            ^^^^^^^^^^^
Write h[left(n)]; the neighbours are left, right, parent and children.""",
    ),
    (
        "h[t] = h[t-1] + 1 for x[t] > 0",
        """recurrence, line 1, column 23: the range is about x[t], which is a value and no index
  h[t] = h[t-1] + 1 for x[t] > 0
                        ^^^^
Choose by values in the formula: where(x[t] > 0, ..., ...).""",
    ),
    (
        "h[t] = h[left(t)] + h[t-1]",
        """recurrence, line 1, column 21: t runs over the nodes of a tree, and h[t-1] steps along a line
  h[t] = h[left(t)] + h[t-1]
                      ^^^^^^
Write h[left(t)] for a tree, or h[t-1] everywhere for a chain.""",
    ),
    (
        """h[t] = x[t] for l >= 2
g[l] = y[l]""",
        """recurrence, line 1, column 1: h[t] has no index l that a range could restrict
  h[t] = x[t] for l >= 2
  ^^^^
Define h[l], or leave the range out.""",
    ),
    (
        "D[i, j] = D[i-1, j] + x[i, j] for j <= i",
        """recurrence, line 1, column 35: the range of j ends where another index is
  D[i, j] = D[i-1, j] + x[i, j] for j <= i
                                    ^
Write where(j <= ..., ..., 0) for the values that are left out.""",
    ),
    (
        "h[t] = tanh(x[t], s < t)",
        """recurrence, line 1, column 8: tanh takes 1 argument, not 2
  h[t] = tanh(x[t], s < t)
         ^^^^^^^^^^^^^^^^^
Write tanh(a): hyperbolic tangent.""",
    ),
    (
        "h[n] = sum(h[k], k in friends(n)) + h[left(n)]",
        """recurrence, line 1, column 23: nothing says what k is a member of
  h[n] = sum(h[k], k in friends(n)) + h[left(n)]
                        ^^^^^^^^^^
Write k in leaves, or k in children(n) of a node n.""",
    ),
    (
        "y[t] = sum(a[<t] * b[<=t])",
        """recurrence, line 1, column 8: this sum gathers two histories, <t and <=t
  y[t] = sum(a[<t] * b[<=t])
         ^^^^^^^^^^^^^^^^^^^
Write the same one for both, or a letter: sum(a[s] * b[s], s < t).""",
    ),
    (
        "h[t][l] = x[t]",
        """recurrence, line 1, column 5: h has indices in two places, t and l
  h[t][l] = x[t]
      ^^^
Write them in one bracket, as in h[t, l].""",
    ),
    (
        "h[l, t] = h[l, t]",
        """recurrence, line 1, column 11: an algebraic loop: h[l, t] -> h[l, t] within one step
  h[l, t] = h[l, t]
            ^^^^^^^
Put a delay into it, as in h[l-1].""",
    ),
    (
        """h[l, t] = W @ h[l, t-1]
o[t] = h[t]""",
        """recurrence, line 2, column 8: h[t] has one index, but h[l, t] has 2 indices
  o[t] = h[t]
         ^^^^
Give a name the same indices everywhere.""",
    ),
    (
        "h[left(n)] = x[n]",
        """recurrence, line 1, column 1: the left-hand side must stand at n, not at left(n)
  h[left(n)] = x[n]
  ^^^^^^^^^^
Write h[n] = ... and shift the right-hand side.""",
    ),
    (
        "D[i, i] = x[i]",
        """recurrence, line 1, column 1: i stands twice on the left of D[i, i]
  D[i, i] = x[i]
  ^^^^^^^
Give each index a letter of its own.""",
    ),
    (
        "h[t] = sum(x[s], s < u)",
        """recurrence, line 1, column 8: nothing binds u, where sum over s ends
  h[t] = sum(x[s], s < u)
         ^^^^^^^^^^^^^^^^
Let it end at an index of the left side, as in s < t.""",
    ),
    (
        """h[l, t] = h[l-1, t]
h[l, t] = x[l, t]""",
        """recurrence, line 2, column 1: h[l, t] is defined twice, first in line 1
  h[l, t] = x[l, t]
  ^^^^^^^
Delete one of the equations, or give them ranges that do not overlap: for l = 2..n_l.""",
    ),
    (
        "h[t] = x[t] for s in leaves",
        """recurrence, line 1, column 1: h[t] has no index s that a range could restrict
  h[t] = x[t] for s in leaves
  ^^^^
Define h[s], or leave the range out.""",
    ),
    (
        "y[t] = y[<=t]",
        """recurrence, line 1, column 8: an algebraic loop: y[t] -> y[t] within one step
  y[t] = y[<=t]
         ^^^^^^
Put a delay into it, as in y[t-1].""",
    ),
    (
        "y[t] = f(y[<=t])",
        """recurrence, line 1, column 10: an algebraic loop: y[t] -> y[t] within one step
  y[t] = f(y[<=t])
           ^^^^^^
Put a delay into it, as in y[t-1].""",
    ),
    (
        "h[t] = x[<0]",
        """recurrence, line 1, column 9: nothing binds the index 0
  h[t] = x[<0]
          ^^^^
The axis is t: write x[t], or declare a length: t = 1..0.""",
    ),
    (
        "h[l, t = 2] = x[t]",
        """recurrence, line 1, column 2: the index [l,t=2] of h cannot be read
  h[l, t = 2] = x[t]
   ^^^^^^^^^^
An index is t, t-1, t+1 or a number, as in h[t-1]; several are separated by commas, as in h[l, t-1].""",
    ),
]


@pytest.mark.parametrize(("text", "message"), MESSAGES)
def test_messages(text: str, message: str) -> None:
    with pytest.raises(UnrollError) as caught:
        parse(text)
    assert str(caught.value) == message


LATEX = [
    "y[t] = f(y[<t], x[<=t])",
    "h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t] + b[l])\nh[0, t] = x[t]",
    "alpha[u, t] = softmax(a(s[u-1], h[t]), t)\nc[u] = sum(alpha[u, t] * h[t], t)",
    "h[n] = tanh(U @ h[left(n)] + W @ h[right(n)])\nh[n] = V @ x[n] for n in leaves\no = h[root]",
    "h[n] = tanh(W @ sum(h[k], k in children(n)) + U @ x[n])",
]


@pytest.mark.parametrize("notation", ["book", "subscript", "angle"])
@pytest.mark.parametrize("text", LATEX)
def test_latex_of_several_axes_is_read_again(text: str, notation: str) -> None:
    recurrence = parse(text)
    assert parse(recurrence_latex(recurrence, notation)) == recurrence


def test_a_word_with_a_letter_below_it_takes_its_bracket_alone() -> None:
    text = r"a_{ti} = \mathrm{softmax}_i(e_{ti}) \odot z_t, h_t = W h_{t-1}, m = \max_t (h_t) + 1"
    assert format_recurrence(parse(text)).splitlines()[0] == "a[t, i] = softmax(e[t, i], i) * z[t]"
