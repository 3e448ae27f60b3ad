"""Recurrences of papers in their own notation: each works at once, in every command."""

from types import SimpleNamespace

import numpy as np
import pytest
from papers import PAPERS, Arrays, Paper, draw
from pictures import complaints

import unroll

# (what a paper writes, how it is read)
READINGS = [
    ("v_t = max(a v_{t-1}, b, c x_t)", "v[t] = maximum(maximum(a * v[t-1], b), c * x[t])"),
    (r"v_t = \min\{v_{t-1}, x_t, y_t\}", "v[t] = minimum(minimum(v[t-1], x[t]), y[t])"),
    ("x_n = 5 x_{n-1} + 3 (mod 16)", "x[n] = (5 * x[n-1] + 3) % 16"),
    (r"x_n \equiv a x_{n-1} \pmod m", "x[n] = a * x[n-1] % m"),
    (
        r"a_n = \begin{cases} 1 & n = 1 \text{ or } n = 2 \\ a_{n-1} & \text{otherwise} \end{cases}",
        "a[1] = 1\na[2] = 1\na[n] = a[n-1]",
    ),
    (
        r"a_n = \begin{cases} 1 & x_n > 1 \text{ or } x_n < 0 \\ a_{n-1} & \text{otherwise} \end{cases}",
        "a[n] = where(maximum(x[n] > 1, x[n] < 0), 1, a[n-1])",
    ),
    (r"h_t = W_\Delta x_t + \Delta B u_t - \Delta/2", "h[t] = W_Delta @ x[t] + Delta * B @ u[t] - Delta / 2"),
    (r"h_t = W^1 x_t + W^2 x_{t-1}", "h[t] = W1 @ x[t] + W2 @ x[t-1]"),
    (r"h_t = \sum_{k=1}^2 A^k x_{t-k}", "h[t] = A ** 1 @ x[t-1] + A ** 2 @ x[t-2]"),
    (r"e(n) = d(n) - w^T(n) x(n), g(n) = e(n) x(n), w(n) = w(n-1)",
     "e[n] = d[n] - w[n].T @ x[n]\ng[n] = e[n] * x[n]\nw[n] = w[n-1]"),
    (r"\mathbf{h}_t = f_t \mathbf{h}_{t-1} + \mathbf{x}_t", "h[t] = f[t] * h[t-1] + x[t]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "canonical"), READINGS, ids=[t for t, _ in READINGS])
def test_is_read_as(text: str, canonical: str) -> None:
    recurrence = unroll.parse(text)
    assert str(recurrence) == canonical
    assert unroll.parse(canonical) == recurrence


def bound(paper: Paper, text: str) -> unroll.Recurrence:
    recurrence = unroll.parse(text)
    for function in paper.functions:
        recurrence = recurrence.bind(function)
    return recurrence


def with_loss(paper: Paper) -> unroll.Recurrence:
    return bound(paper, f"{unroll.parse(paper.text)}\n{paper.loss}")


def options(paper: Paper, arrays: Arrays) -> dict[str, object]:
    steps = {} if paper.tree else {"steps": paper.steps}
    return {"arrays": arrays, "dims": paper.dims, "tree": paper.tree, **steps}


@pytest.mark.parametrize("paper", PAPERS, ids=[p.source for p in PAPERS])
class TestPaper:
    def test_reads_back(self, paper: Paper) -> None:
        recurrence = unroll.parse(paper.text)
        assert unroll.parse(str(recurrence)) == recurrence

    def test_computes_what_its_loop_does(self, paper: Paper) -> None:
        arrays = draw(paper)
        recurrence = bound(paper, paper.text)
        trace = recurrence.run(**options(paper, arrays), gradients=False)
        expected = paper.values(SimpleNamespace(**arrays))
        assert set(expected) == set(recurrence.defined)
        for name, values in expected.items():
            np.testing.assert_allclose(trace[name], values, rtol=1e-10, atol=1e-12, err_msg=name)

    def test_gradients_are_right(self, paper: Paper) -> None:
        if not (paper.loss or "Z" in unroll.parse(paper.text).defined):
            return  # whole numbers, which have no gradients
        recurrence = with_loss(paper)
        assert recurrence.check(**options(paper, draw(paper))).passed
        shapes = recurrence.run(**options(paper, draw(paper)), gradients=False).shapes
        assert str(recurrence.derive(dims={n: shapes[n] for n in recurrence.names}))

    def test_is_drawn_without_overlaps(self, paper: Paper) -> None:
        recurrence = unroll.parse(paper.text)
        several = len(recurrence.axes) > 1
        view = "folded" if several else "both"
        figure = recurrence.draw(view=view, steps=3)
        # a lag of four and one of one step from the same source: the delays lie on each other
        if not several and "m = 4" not in paper.source:
            assert complaints(figure.scene) == []
