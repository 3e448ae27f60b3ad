"""Folded and unrolled graphs."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unroll
from unroll import templates

ALL = templates.names()


def edges(graph):
    return {(link.source, link.target, link.lag, link.label) for link in graph.links}


def test_the_circuit_of_the_book():
    graph = unroll.template("rnn").hide("a", "yhat", "J").fold()
    assert set(graph) == {"h", "o", "L", "x", "y"}
    assert edges(graph) == {
        ("h", "h", 1, "W"),
        ("x", "h", 0, "U"),
        ("h", "o", 0, "V"),
        ("o", "L", 0, ""),
        ("y", "L", 0, ""),
    }
    assert {k.label: unroll_text(k.backward) for k in graph.links}["W"] == "W.T"


def unroll_text(expressions):
    from unroll.language.printer import format_expression

    return ", ".join(map(format_expression, expressions))


def test_a_folded_graph_is_a_networkx_graph():
    graph = unroll.template("rnn").fold()
    assert isinstance(graph, nx.MultiDiGraph)
    assert {"a", "h"} in list(nx.strongly_connected_components(graph))
    assert nx.is_frozen(graph)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("steps", [3, 4, 7])
def test_folding_the_unrolled_graph_gives_the_folded_one(name, steps):
    recurrence = unroll.template(name)
    assert recurrence.unroll(steps).fold() == recurrence.fold()


@pytest.mark.parametrize("name", ALL)
def test_unrolling_makes_a_dag(name):
    assert nx.is_directed_acyclic_graph(unroll.template(name).unroll(4))


def test_the_unrolled_graph_grows_and_the_folded_does_not():
    recurrence = unroll.template("rnn").hide("a", "yhat", "J")
    sizes = [len(recurrence.unroll(n)) for n in (10, 20, 40)]
    assert sizes == [51, 101, 201]  # five nodes a step, and h[0]
    assert len(recurrence.fold()) == 5


def test_what_lies_before_the_first_step_is_a_boundary():
    graph = unroll.template("rnn").unroll(3)
    assert [n for n, data in graph.nodes(data=True) if data["boundary"]] == [("h", 0)]


def test_the_critical_path_is_the_books_claim():
    """With teacher forcing no path leads from one step to the next (section 10.2.1)."""
    free = unroll.template("free-running").unroll(9)
    forced = unroll.template("teacher-forcing").hide("J").unroll(9)
    assert nx.dag_longest_path_length(free) >= 17
    assert nx.dag_longest_path_length(forced) == 3


@given(lags=st.sets(st.integers(1, 4), min_size=1), inputs=st.sets(st.integers(0, 3)))
def test_fold_undoes_unroll_for_any_lags(lags, inputs):
    terms = [f"w_{k} * h[t-{k}]" for k in sorted(lags)]
    terms += [f"u_{k} * x[t-{k}]".replace("t-0", "t") for k in sorted(inputs)]
    recurrence = unroll.parse(f"h[t] = tanh({' + '.join(terms)})")
    assert recurrence.unroll(5).fold() == recurrence.fold()


def test_no_steps_are_refused():
    with pytest.raises(unroll.UnrollError, match="0 steps"):
        unroll.template("rnn").unroll(0)


def test_several_uses_of_one_reference_are_one_edge_with_all_its_factors():
    graph = unroll.parse("h[t] = tanh(W @ h[t-1]) + R @ h[t-1] + h[t-1]").fold()
    (link,) = graph.links
    assert link.label == "W, R"
    assert unroll_text(link.backward) == "W.T, R.T"


def test_factors_of_factors_are_one_product():
    labels = [k.label for k in unroll.parse("h[t] = V @ (W @ h[t-1]) + alpha * x[t]").fold().links]
    assert labels == ["V @ W", "alpha"]
