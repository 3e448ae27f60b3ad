"""Names, references and equations in LaTeX."""

import shutil
import subprocess
from pathlib import Path

import pytest

import unroll
from unroll.language.latex import (
    NOTATIONS,
    equation_latex,
    expression_latex,
    name_latex,
    recurrence_latex,
    reference_latex,
)
from unroll.language.parser import parse
from unroll.symbolic.expressions import Call, Index, Reference
from unroll.symbolic.operations import OPERATIONS

NAMES = {
    "h": "h", "yhat": r"\hat{y}", "theta": r"\theta", "W_hh": "W_{hh}", "ctilde": r"\tilde{c}",
    "hbar": r"\bar{h}", "Deltat": r"\Delta t", "L_total": "L", "net": r"\mathrm{net}",
    "sigma2": r"\sigma^{2}", "beta_1": r"\beta_{1}", "W_in": r"W_{\mathrm{in}}", "h1": "h_{1}",
    "W_x_f": "W_{x,f}", "beta_star": r"\beta^{*}", "thetahat": r"\hat{\theta}", "ell": r"\ell",
    "xhat_pred": r"\hat{x}_{\mathrm{pred}}", "grad_W": r"\nabla_{W} L",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(NAMES))
def test_names(name: str) -> None:
    assert name_latex(name) == NAMES[name]


@pytest.mark.parametrize(
    ("name", "index", "book", "subscript", "angle"),
    [
        ("h", Index("t", -1), "h^{(t-1)}", "h_{t-1}", r"h^{\langle t-1\rangle}"),
        ("h", Index("", 0), "h^{(0)}", "h_{0}", r"h^{\langle 0\rangle}"),
        ("o", Index("tau"), r"o^{(\tau)}", r"o_{\tau}", r"o^{\langle \tau\rangle}"),
        ("delta_h", Index("t"), r"\delta_{h}^{(t)}", r"\delta_{h,t}",
         r"\delta_{h}^{\langle t\rangle}"),
        ("sigma2", Index("t"), r"{\sigma^{2}}^{(t)}", r"\sigma_{t}^{2}",
         r"{\sigma^{2}}^{\langle t\rangle}"),
        ("grad_h", Index("t", 1), r"\nabla_{h^{(t+1)}} J", r"\nabla_{h_{t+1}} J",
         r"\nabla_{h^{\langle t+1\rangle}} J"),
    ],
)  # fmt: skip
def test_references(name: str, index: Index, book: str, subscript: str, angle: str) -> None:
    reference = Reference(name, (index,))
    for notation, text in zip(NOTATIONS, (book, subscript, angle)):
        assert reference_latex(reference, notation, objective="J") == text


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("b + W @ h[t-1] + U @ x[t]", "b + W h^{(t-1)} + U x^{(t)}"),
        ("z[t] * h[t-1]", r"z^{(t)} \odot h^{(t-1)}"),
        ("2 * x[t] + alpha * x[t]", r"2 x^{(t)} + \alpha x^{(t)}"),
        ("(1 - z[t]) * x[t]", r"(1 - z^{(t)}) \odot x^{(t)}"),
        ("r[t] * (W @ x[t])", r"r^{(t)} \odot W x^{(t)}"),
        ("W @ (r[t] * x[t])", r"W (r^{(t)} \odot x^{(t)})"),
        ("h[t-1] ** 2", "(h^{(t-1)})^{2}"),
        ("beta_1 ** t", r"\beta_{1}^{t}"),
        ("W.T @ x[t] + x[t] @ h[t-1].T", r"W^{\top} x^{(t)} + x^{(t)} h^{(t-1)\top}"),
        ("(W @ x[t]).T", r"(W x^{(t)})^{\top}"),
        ("x[t] / (a + b)", r"\frac{x^{(t)}}{a + b}"),
        ("a - (b - c)", "a - (b - c)"),
        ("a - -b", "a - (-b)"),
        ("sigmoid(tanh(x[t]))", r"\sigma(\tanh(x^{(t)}))"),
        ("D1_f(s[t-1], x[t])", r"\partial_{1} f(s^{(t-1)}, x^{(t)})"),
        ("cross_entropy(x[t], y[t])", r"-y^{(t)\top} \log x^{(t)}"),
        ("[x[t], 1]", "[x^{(t)}, 1]"),
        ("W.T @ (grad_h[t+1] * (1 - h[t+1] ** 2))",
         r"W^{\top} (\nabla_{h^{(t+1)}} L \odot (1 - (h^{(t+1)})^{2}))"),
        ("sum(grad_o[t] @ h[t].T, t)", r"\sum_{t} (\nabla_{o^{(t)}} L) h^{(t)\top}"),
    ],
)  # fmt: skip
def test_expressions(text: str, latex: str) -> None:
    equation = parse(f"q[t] = {text}").equations[0]
    assert expression_latex(equation.expression) == latex


def test_equations() -> None:
    first, second = parse("h[t] = x[t] for t = 2..5; h[0] = given").equations
    assert equation_latex(first) == r"h^{(t)} = x^{(t)}, \quad t = 2, \dots, 5"
    assert equation_latex(second) == r"h^{(0)} \ \text{given}"


def every_operation() -> list[str]:
    x, y, z = (Reference(n, (Index("t"),)) for n in ("x", "y", "h"))
    formulas = []
    for row in OPERATIONS.values():
        node = Call(row.name, (x, y, z)[: row.arity[0]])
        formulas += [
            expression_latex(e, n)
            for e in (node, node**2, -node, node.T, node * node)
            for n in NOTATIONS
        ]
    return formulas


def test_labels_can_be_drawn_by_mathtext() -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    labels = list(NAMES.values())
    labels += [
        reference_latex(Reference(n, (Index("t", -1),)), s) for n in NAMES for s in NOTATIONS
    ]
    for label in labels:
        parser.parse(f"${label}$")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_everything_compiles(tmp_path: Path) -> None:
    recurrence = parse("h[t] = tanh(W @ h[t-1] + U @ x[t]); h[0] = given; J = sum(h[t], t)")
    body = [f"\\[{formula}\\]" for formula in every_operation()]
    body.append(f"\\[{recurrence_latex(recurrence)}\\]")
    for name in ("rnn", "single-output", "per-position"):
        body += [unroll.template(name).derive().latex(n) for n in NOTATIONS]
    text = "\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n"
    (tmp_path / "a.tex").write_text(text + "\n".join(body) + "\n\\end{document}")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "a.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-800:]
