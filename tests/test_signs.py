"""Operations alone: every row of the table has a sign that labels can show."""

import pytest
from matplotlib.mathtext import MathTextParser

import unroll
from unroll.drawing.labels import tight
from unroll.graph.folded import fold
from unroll.language.signs import sign_latex
from unroll.symbolic.expressions import Reference, call
from unroll.symbolic.operations import OPERATIONS


@pytest.mark.parametrize("row", OPERATIONS.values(), ids=lambda row: row.name)
def test_every_operation_has_a_sign(row):
    arguments = [Reference(n) for n in "abc"[: max(row.arity[0], 1)]]
    sign = sign_latex(call(row.name, *arguments), lambda name: True)
    assert sign
    assert not any(f"{{{i}}}" in sign for i in range(3))
    assert MathTextParser("path").parse(f"${tight(sign)}$").width > 0


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("h[t] = 2 * (1 - x[t])", "1 -"),
        ("h[t] = 2 * (x[t] + b)", "+ b"),
        ("h[t] = 2 * (W @ x[t])", r"\times"),
        ("h[t] = 2 * (x[t] * y[t])", r"\odot"),
        ("h[t] = 2 * (x[t] / y[t])", r"\div"),
        ("h[t] = 2 * tanh(x[t])", r"\tanh"),
        ("h[t] = 2 * x[t] ** 2", r"\cdot^{2}"),
        ("h[t] = 2 * (3 * x[t])", r"3 \cdot"),
        ("h[t] = 2 * cross_entropy(x[t], y[t])", r"\mathrm{cross\ entropy}"),
        ("h[t] = 2 * f(x[t])", "f"),
    ],
)
def test_signs_keep_what_has_no_node(text, sign):
    made = [v for v in fold(unroll.parse(text).expand()).variables if v.made]
    assert [v.sign for v in made] == [sign]


def test_operations_show_their_signs_and_keep_their_names():
    figure = unroll.parse("h[t] = tanh(W @ h[t-1] + U @ x[t])").draw(
        level="operations", view="folded"
    )
    nodes = {g.fact("name"): g for g in figure.scene.groups("node")}
    assert {nodes[n].fact("role") for n in ("h_1", "h_2", "h_3")} == {"operation"}
    assert [i.text for i in nodes["h_1"].items if hasattr(i, "text")] == ["h_1"]
    assert r"\tanh" in [getattr(i, "text", None) for i in nodes["h"].items]
