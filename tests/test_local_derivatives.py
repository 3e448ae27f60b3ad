"""Local derivatives on the way back: each, times the gradient that arrives, is what its edge passes on."""

import numpy as np
import pytest

import unroll
from tests.pictures import complaints
from unroll import templates
from unroll.errors import UnrollError
from unroll.language.printer import format_expression
from unroll.numeric.passing import passed_back
from unroll.symbolic.expressions import Call, Constant, Reference
from unroll.symbolic.local import local_derivatives
from unroll.symbolic.shapes import DEFAULT_LENGTH, infer

TEMPLATES = [n for n in templates.names() if not any(a.leaves for a in unroll.template(n).axes)]


def softmax(v):
    e = np.exp(v - v.max())
    return e / e.sum()


NUMPY = {  # written anew, and not the table's
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "negate": lambda a: -a,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "diag": np.diag,
    "transpose": lambda a: a.reshape(1, -1) if np.ndim(a) == 1 else np.transpose(a),
    "matmul": lambda a, b: a @ b,
    "outer": np.outer,
    "dot": np.dot,
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "exp": np.exp,
    "identity": lambda a: np.eye(len(a)),
    "softmax": softmax,
}


def value(node, at):
    """The number that an expression is. at: from a reference to its value."""
    if isinstance(node, Constant):
        return float(node.value)
    if isinstance(node, Reference):
        return at(node)
    if not isinstance(node, Call) or node.bound is not None or node.operation not in NUMPY:
        raise LookupError(str(node))
    return NUMPY[node.operation](*(value(a, at) for a in node.arguments))


def derivatives(recurrence, dims=None):
    return local_derivatives(
        recurrence, infer(recurrence, recurrence._shapes(dims), DEFAULT_LENGTH)
    )


def told(recurrence, dims=None):
    return {
        (str(recurrence.equations[k].target), str(reference)): factor and format_expression(factor)
        for (k, reference), factor in derivatives(recurrence, dims).items()
    }


# --- formulas ------------------------------------------------------------------------------------


def test_the_jacobian_of_the_book():
    """Section 10.2.2: W^T diag(1 - (h^(t+1))^2), there at the step above."""
    rnn = unroll.template("rnn").hide("a", "yhat")
    found = told(rnn)
    assert found["h[t]", "h[t-1]"] == "W.T @ diag(1 - h[t] ** 2)"
    assert found["h[t]", "b"] == "diag(1 - h[t] ** 2)"
    assert found["o[t]", "h[t]"] == "V.T"
    assert found["o[t]", "V"] == "h[t].T"
    assert found["L[t]", "o[t]"] == "softmax(o[t]) - y[t]"
    assert ("L[t]", "y[t]") not in found  # a class has no gradient


def test_operations_written_in_the_names_of_the_text():
    found = told(unroll.template("lstm").expand())
    assert found["h[t]", "o[t]"] == "diag(tanh(c[t]))"
    assert found["c_1[t]", "f[t]"] == "diag(c[t-1])"
    assert found["c[t]", "c_1[t]"] == "1"


def test_what_has_no_closed_form_is_left_out():
    assert told(unroll.template("rnn"))["yhat[t]", "o[t]"] is None  # r * (g - (r . g))
    two = unroll.parse("h[t] = a * h[t-1] + b * h[t-1] + x[t]\nJ = sum(h[t], t)")
    assert told(two, {"h": (), "a": (), "b": ()})["h[t]", "h[t-1]"] == "a + b"


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["variables", "operations"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_times_the_arriving_gradient_it_is_what_the_edge_passes_on(name, level):
    recurrence = unroll.template(name).runnable()
    if recurrence.objective() is None:
        pytest.skip("nothing flows back: it has no objective")
    if (name, level) == ("attention", "operations"):
        pytest.skip("what flows back through a softmax over steps, alone, is not told yet")
    trace = recurrence.run(steps=None if recurrence.template.arrays else 6)
    shown = recurrence.expand() if level == "operations" else recurrence
    passed = passed_back(trace, shown, trace.objective)
    # values of all that is shown, from a run of it with the same arrays
    names = [n for n in shown.names if n in trace.values]
    checked = 0
    for (k, reference), factor in derivatives(shown).items():
        target = shown.equations[k].target
        if len(target.indices) != 1 or factor is None or target.name not in trace.gradients:
            continue
        if reference.name not in names or len(reference.indices) > 1:
            continue
        step = 2  # inside: all that it reads is there
        ends = str(_at(reference, step)), str(_at(target, step))
        if ends not in passed or len(_uses(shown, k, reference)) > 1:
            continue
        try:
            number = value(factor, lambda r, step=step: _value(trace, r, step))
        except LookupError:
            continue
        arriving = trace.gradient(target.name)[step - 1]
        want = passed[ends]
        got = applied(number, arriving, np.ndim(want))
        assert np.allclose(got, want, rtol=1e-8, atol=1e-10), (
            str(target),
            str(reference),
            str(factor),
        )
        checked += 1
    CHECKED[name, level] = checked


def applied(number, arriving, rank):
    if np.shape(number)[:1] == (1,) and np.ndim(number) == 2 and rank == 2:  # a row, from the right
        return np.outer(arriving, number)
    if np.ndim(number) == 2 and np.ndim(arriving):
        got = number @ arriving
        return got if rank else got.item()
    return number * arriving


CHECKED = {}


def _uses(recurrence, k, reference):
    return [e for j, e in enumerate(recurrence.equations) if e.name == recurrence.equations[k].name]


def _at(reference, step):
    indices = tuple(type(i)("", i.offset + (step if i.base else 0)) for i in reference.indices)
    return Reference(reference.name, indices)


def _value(trace, reference, step):
    if reference.name not in trace.values or len(reference.indices) > 1:
        raise LookupError(str(reference))
    if not reference.indices:
        return trace[reference.name]
    (index,) = reference.indices
    at = index.offset + (step if index.base else 0)
    array = trace[reference.name]
    if not 1 <= at <= len(array):
        raise LookupError(str(reference))
    return array[at - 1]


# --- pictures ------------------------------------------------------------------------------------


def test_labels_of_the_way_back():
    figure = unroll.template("rnn").draw(steps=3, flow="both", derivatives="local")
    labels = {
        (g.fact("source"), g.fact("target")): g.fact("label")
        for g in figure.scene.groups()
        if g.kind == "edge" and g.fact("flow") == "backward"
    }
    assert labels["h[3]", "h[2]"] == "W.T @ diag(1 - h[3] ** 2)"
    assert labels["o[2]", "h[2]"] == "V.T"
    plain = unroll.template("rnn").draw(steps=3, flow="both")
    assert "diag" not in plain.svg()


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("options", [{"window": True}, {"steps": 3}])
def test_no_overlaps(name, options):
    if name == "memory" and "window" in options:
        pytest.skip("three rows of fans with a label each: too much for one picture")
    try:
        figure = unroll.template(name).draw(flow="both", derivatives="local", **options)
    except UnrollError as error:
        pytest.fail(str(error))
    assert complaints(figure.scene) == []


def test_a_tree_refuses():
    with pytest.raises(UnrollError, match="tree"):
        unroll.template("recursive-tree").draw(steps=4, flow="both", derivatives="local")
    folded = unroll.template("recursive-tree").draw(
        view="folded", flow="both", derivatives="local", parameters="nodes"
    )
    assert "diag" in folded.svg()
