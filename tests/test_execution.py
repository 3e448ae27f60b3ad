"""Runs against the oracle, for recurrences of every kind that one axis allows."""

import numpy as np
import pytest
from agreement import assert_agrees

from unroll.language.parser import parse
from unroll.numeric.execution import run

RECURRENCES = {
    "rnn": """a[t] = b + W @ h[t-1] + U @ x[t]
        h[t] = tanh(a[t])
        o[t] = c + V @ h[t]
        yhat[t] = softmax(o[t])
        L[t] = cross_entropy(yhat[t], y[t])
        J = sum(L[t], t)""",
    "learned start": """h[0] = h0
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        L[t] = squared_error(V @ h[t], z[t])
        J = sum(L[t], t)""",
    "computed start": """h[0] = tanh(F @ C)
        h[t] = tanh(W @ h[t-1] + U @ x[t] + R @ C)
        J = sum(sum(h[t] * h[t]), t)""",
    "given start": """h[0] = given
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(sum(h[t] * h[t]), t)""",
    "output recurrence": """h[t] = tanh(b + W @ o[t-1] + U @ x[t])
        o[t] = c + V @ h[t]
        L[t] = cross_entropy(softmax(o[t]), y[t])
        J = sum(L[t], t)""",
    "teacher forcing": """h[t] = tanh(b + W @ y[t-1] + U @ x[t])
        o[t] = c + V @ h[t]
        L[t] = cross_entropy(softmax(o[t]), y[t])
        J = sum(L[t], t)""",
    "single output": """h[t] = tanh(b + W @ h[t-1] + U @ x[t])
        o[tau] = c + V @ h[tau]
        L[tau] = cross_entropy(softmax(o[tau]), y[tau])
        J = L[tau]""",
    "time delay": """h[t] = tanh(A @ x[t] + B @ x[t-1] + C @ x[t-2])
        J = sum(sum(h[t] ** 2), t)""",
    "two lags": """s[t] = tanh(A @ s[t-1] + B @ s[t-2] + U @ x[t])
        J = mean(sum(s[t] ** 2), t)""",
    "lag beyond the start": """s[t] = tanh(A @ s[t-1] + B @ s[t-9] + U @ x[t-8])
        J = sum(sum(s[t] ** 2), t)""",
    "backwards": """g[t] = tanh(W @ g[t+1] + U @ x[t])
        J = sum(sum(g[t] ** 2), t)""",
    "both ways": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        g[t] = tanh(R @ g[t+1] + Q @ x[t])
        o[t] = V @ h[t] + M @ g[t]
        J = sum(sum(exp(0.1 * o[t])), t)""",
    "lstm": """i[t] = sigmoid(bi + Wi @ h[t-1] + Ui @ x[t])
        f[t] = sigmoid(bf + Wf @ h[t-1] + Uf @ x[t])
        g[t] = tanh(bg + Wg @ h[t-1] + Ug @ x[t])
        q[t] = sigmoid(bo + Wo @ h[t-1] + Uo @ x[t])
        s[t] = f[t] * s[t-1] + i[t] * g[t]
        h[t] = q[t] * tanh(s[t])
        L[t] = cross_entropy(softmax(V @ h[t]), y[t])
        J = sum(L[t], t)""",
    "gru": """z[t] = sigmoid(bz + Wz @ h[t-1] + Uz @ x[t])
        r[t] = sigmoid(br + Wr @ h[t-1] + Ur @ x[t])
        n[t] = tanh(bn + Wn @ (r[t] * h[t-1]) + Un @ x[t])
        h[t] = (1 - z[t]) * h[t-1] + z[t] * n[t]
        J = sum(squared_error(h[t], d[t]), t)""",
    "scalars": """s[t] = alpha * s[t-1] + (1 - alpha) * v[t]
        J = sum((s[t] - v[t]) ** 2, t) / tau + 0.1 * alpha ** 2""",
    "the step as a number": """s[t] = s[t-1] + beta ** t * v[t] / t
        J = sum(s[t] ** 2, t)""",
    "penalty": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(sum(h[t] ** 2), t) + 0.5 * sum(W * W)""",
    "extremes": """h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = max(sum(h[t]), t) + min(sum(h[t] * h[t]), t) + mean(max(h[t]), t)""",
    "ranges": """h[1] = U @ x[1]
        h[t] = tanh(W @ h[t-1] + U @ x[t])
        J = sum(sum(h[t] ** 2), t)""",
    "first step kept": """h[0] = h0
        h[t] = tanh(W @ h[t-1] + R @ h[0] + U @ x[t])
        J = sum(sum(h[t] ** 2), t)""",
    "only the first step": """h[0] = h0
        h[t] = tanh(R @ h[0] + U @ x[t])
        J = sum(sum(h[t] ** 2), t)""",
    "normalised over time": """e[t] = exp(v.T @ x[t])
        w[t] = e[t] / sum(e[t], t)
        h[t] = tanh(W @ h[t-1] + w[t] * x[t])
        J = sum(sum(h[t] ** 2), t)""",
    "concatenated": """h[t] = tanh(W @ concat(h[t-1], x[t], 1))
        J = sum(sum(h[t] ** 2), t)""",
    "context at every step": """c[t] = tanh(A @ c[t-1] + B @ x[t])
        C = tanh(M @ c[tau])
        h[t] = tanh(W @ h[t-1] + R @ C)
        J = sum(sum(h[t] ** 2), t)""",
    "constants per step": """L[t] = o[t] + c
        o[t] = w * v[t]
        J = sum(L[t], t)""",
    "vectors added to a number": """h[t] = tanh(a * h[t-1] + k + U @ x[t])
        J = sum(sum(h[t] * b), t)""",
    "coupled": """p[t] = tanh(A @ q[t-1] + U @ x[t])
        q[t] = tanh(B @ p[t] + C @ p[t-1])
        J = sum(p[t].T @ q[t], t)""",
    "no objective": """s[t] = tanh(W @ s[t-1] + U @ x[t])
        r[t] = V @ s[t]""",
    "python's words": """lambda[t] = tanh(W @ lambda[t-1] + U @ np[t])
        J = sum(sum(lambda[t] ** 2), t)""",
}
DIMS = {
    "rnn": {"x": 4, "h": 3, "y": 5},
    "learned start": {"x": 2, "h": 3, "z": 4},
    "computed start": {"x": 2, "h": 3, "C": 4},
    "concatenated": {"x": 2, "h": 3},
}


def parsed(name):
    return parse(RECURRENCES[name])


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("name", RECURRENCES)
def test_values_and_gradients_are_the_oracles(name, steps):
    recurrence = parsed(name)
    assert_agrees(recurrence, run(recurrence, steps=steps, dims=DIMS.get(name, {}), seed=3))


@pytest.mark.parametrize("name", RECURRENCES)
def test_a_batch_is_its_entries_one_by_one(name):
    recurrence = parsed(name)
    single = run(recurrence, steps=4, dims=DIMS.get(name, {}))
    random = np.random.default_rng(1)
    arrays = {}
    for key in [*recurrence.names, *(n for n in single.values if "[" in n)]:
        if key in recurrence.defined:
            continue
        value = single.values[key] if "[" in key else single[key]
        if "[" in key:
            value = random.normal(size=(3, *value.shape))
        elif key in recurrence.inputs:
            entries = [value[random.permutation(len(value))] for _ in range(3)]
            value = np.stack(entries, axis=1)
        arrays[key] = value
    trace = run(recurrence, arrays)
    assert trace.batched
    assert_agrees(recurrence, trace)
