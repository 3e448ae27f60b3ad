"""Parameters as nodes that all steps share, and as copies whose gradients add up."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import unroll
from tests.pictures import complaints
from unroll import templates
from unroll.cli import main
from unroll.errors import UnrollError
from unroll.graph.folded import fold
from unroll.symbolic.expressions import Reference, references, substitute
from unroll.symbolic.sharing import copies

TEMPLATES = [
    name
    for name in templates.names()
    if (found := unroll.template(name)).parameters and not any(a.leaves for a in found.axes)
]


def facts(figure, kind="node", view="unfolded"):
    return [
        {**dict(g.data)} for g in figure.scene.groups() if g.kind == kind and g.fact("view") == view
    ]


def edges(figure, flow="forward"):
    found = facts(figure, "edge")
    return {(e["source"], e["target"]) for e in found if e["flow"] == flow}


# --- the recurrence ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_step_uses_its_own_copies_and_nothing_else_changes(name):
    """The dummy variables W^(t) of section 10.2.2 of the book."""
    found = unroll.template(name)
    copied, of = copies(found, found.parameters)
    back = {c.target: c.expression for c in copied.equations if c.name in of}
    for equation, before in zip(copied.equations, found.equations):
        steps = any(i.base in copied.letters for i in equation.target.indices)
        used = {r.name for r in references(equation.expression)}
        assert not (steps and used & set(of.values()))
        restored = substitute(
            equation.expression,
            lambda r: (
                Reference(of[r.name], r.indices[: len(_own(found, of[r.name]))])
                if r.name in of
                else None
            ),
        )
        if not any(_own(found, n) for n in of.values()):
            assert restored == before.expression
    assert {e.name for e in back.values()} == set(of.values())


def _own(recurrence, name):
    return recurrence.axes_of(name)


def test_numbers_of_copies():
    rnn = unroll.template("rnn")
    trace = rnn.run(steps=4, dims={"x": 2, "h": 3, "y": 2})
    copied, of = copies(rnn, ["W", "b"])
    assert of == {"W_copy": "W", "b_copy": "b"}
    given = {n: trace[n] for n in (*trace.parameters, "x", "y")}
    again = unroll.parse(str(copied)).run(given)
    assert again.loss == pytest.approx(trace.loss, rel=1e-14)
    assert np.allclose(again.gradient("W"), trace.gradient("W"), atol=1e-14)
    assert np.allclose(again.gradient("W_copy"), trace.contributions("W"), atol=1e-14)
    assert np.allclose(again.gradient("W_copy").sum(0), trace.gradient("W"), atol=1e-14)


def test_a_parameter_over_two_lengths_has_no_copies():
    text = """
    h[s] = tanh(W @ h[s-1] + x[s])
    s = 1..n_x
    g[t] = tanh(W @ g[t-1] + U @ h[n_x])
    t = 1..n_y
    """
    found = unroll.parse(text)
    with pytest.raises(UnrollError, match="W is used over") as caught:
        found.draw(steps=2, parameters="copies:W")
    assert "one node" in str(caught.value)
    assert ("U", "U[1]") in edges(found.draw(steps=2, parameters="copies:U"))
    assert ("W", "h[1]") in edges(found.draw(steps=2, parameters="nodes:W"))


def test_parameters_are_no_nodes_of_the_folded_graph_unless_asked_for():
    rnn = unroll.template("rnn")
    assert "W" not in fold(rnn)
    graph = fold(rnn, ["W"])
    assert graph.nodes["W"]["role"] == "parameter"
    assert graph.has_edge("W", "a")
    (link,) = (d["link"] for _, _, d in graph.edges("h", data=True) if d["lag"] == 1)
    assert link.factors == ()
    assert {link.label for link in graph.links} == {"", "U", "V"}


# --- pictures ------------------------------------------------------------------------------------


def test_one_node_for_all_steps():
    figure = unroll.template("rnn").draw(steps=3, parameters="nodes:W,U")
    assert {("W", "h[1]"), ("W", "h[2]"), ("W", "h[3]"), ("U", "h[2]")} <= edges(figure)
    nodes = [n for n in facts(figure) if n["role"] == "parameter"]
    assert sorted((n["name"], n.get("index")) for n in nodes) == [("U", None), ("W", None)]
    labels = {e.get("label") for e in facts(figure, "edge")}
    assert labels == {None, "V"}  # the node says it, no edge does


def test_a_copy_for_each_step():
    figure = unroll.template("rnn").draw(steps=3, parameters="copies:W", flow="both")
    assert {("W", "W[2]"), ("W[2]", "h[2]")} <= edges(figure)
    assert {("h[2]", "W[2]"), ("W[2]", "W")} <= edges(figure, "backward")
    assert not any(s == "W" and t.startswith("h") for s, t in edges(figure))
    window = unroll.template("rnn").draw(window=True, parameters="copies:W")
    assert ("W", "W[t-1]") in edges(window)


def test_copies_show_what_each_step_adds():
    rnn = unroll.template("rnn")
    trace = rnn.run(steps=3, dims={"x": 2, "h": 2, "y": 2})
    figure = rnn.draw(values=trace, flow="both", parameters="copies:W")
    shown = {
        (n["name"], n.get("index")): json.loads(n["gradient"])
        for n in facts(figure)
        if "gradient" in n
    }
    for step in (1, 2, 3):
        assert np.allclose(shown["W", str(step)], trace.contributions("W")[step - 1], atol=1e-11)
    assert np.allclose(shown["W", None], trace.gradient("W"), atol=1e-11)
    values = {(n["name"], n.get("index")): n.get("value") for n in facts(figure)}
    assert values["W", "2"] == values["W", None] is not None
    beside = {g.fact("name") for g in figure.scene.groups() if g.kind == "caption"}
    assert "W" not in beside
    assert "U" in beside


def test_every_operation_with_its_parameters():
    figure = unroll.template("lstm").draw(
        steps=2, level="operations", parameters="copies:W_ii,b_ii"
    )
    assert {("W_ii", "W_ii[1]"), ("b_ii", "b_ii[2]")} <= edges(figure)
    assert complaints(figure.scene) == []


@pytest.mark.parametrize("way", ["nodes", "copies"])
@pytest.mark.parametrize("options", [{"steps": 3}, {"steps": 3, "flow": "both"}, {"window": True}])
@pytest.mark.parametrize("name", TEMPLATES)
def test_no_overlaps_around_a_parameter(name, options, way):
    found = unroll.template(name)
    hidden = set(found.template.figure.get("hide", ()))
    first = next(n for n in found.parameters if n not in hidden)
    figure = found.draw(parameters=f"{way}:{first}", **options)
    assert complaints(figure.scene) == []
    assert any(n["role"] == "parameter" for n in facts(figure))


# --- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("boxes", "Choose labels, nodes or copies"),
        ("nodes:w", "Its parameters are: b, W, U, c, V"),
        ("labels:W", "Choose labels, nodes or copies"),
        ("copies:zzzz", "Its parameters are: b, W, U, c, V"),
    ],
)
def test_what_is_asked_for_wrongly(asked, says, tmp_path):
    path = tmp_path / "a.svg"
    done = CliRunner().invoke(main, ["draw", "rnn", "--parameters", asked, "-o", str(path)])
    assert done.exit_code == 1
    assert says in done.output
    assert not path.exists()


def test_trees_refuse():
    with pytest.raises(UnrollError, match="tree"):
        unroll.template("recursive-tree").draw(steps=4, parameters="nodes")
