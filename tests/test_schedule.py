"""Maps, scans and reduces, found from the equations alone; hoisting."""

import pytest

from unroll.errors import UnrollError
from unroll.language.parser import parse
from unroll.language.printer import format_expression
from unroll.numeric.execution import run
from unroll.numeric.hoisting import hoist
from unroll.numeric.schedule import Map, Reduce, Scan, components, describe, plan
from unroll.symbolic.expressions import Index, Reference, call
from unroll.symbolic.ordering import Walk
from unroll.symbolic.recurrence import Equation, Recurrence

HEAD = """
o[t] = c + V @ h[t]
L[t] = cross_entropy(softmax(o[t]), y[t])
J = sum(L[t], t)"""


def lines(text, steps=None):
    return describe(plan(parse(text)), {} if steps is None else {"t": steps})


def test_a_recurrent_network():
    assert lines("h[t] = tanh(W @ h[t-1] + U @ x[t])" + HEAD, 5) == [
        "h: scan forward over t (5 steps in order)",
        "o, L: map (all t at once)",
        "J: reduce (sum over t)",
    ]


def test_teacher_forcing_leaves_nothing_to_scan_not_even_backwards():
    recurrence = parse("h[t] = tanh(b + W @ y[t-1] + U @ x[t])" + HEAD)
    tasks = run(recurrence, steps=4).schedule
    assert not tasks.scans
    assert {type(task) for task in tasks} == {Map, Reduce}


def test_its_free_running_twin_is_a_scan():
    recurrence = parse("h[t] = tanh(b + W @ o[t-1] + U @ x[t])" + HEAD)
    (scan,) = plan(recurrence).scans
    assert scan == Scan(("h", "o"), (Walk("t", "forward"),))
    assert [s.direction for s in run(recurrence, steps=4).schedule.scans] == ["forward", "backward"]


def test_leads_scan_backwards():
    assert lines("g[t] = tanh(W @ g[t+1] + U @ x[t])") == ["g: scan backward over t"]


def test_both_directions_are_two_scans():
    text = "h[t] = tanh(W @ h[t-1] + x[t])\ng[t] = tanh(R @ g[t+1] + x[t])\no[t] = h[t] + g[t]"
    assert lines(text) == [
        "h: scan forward over t",
        "g: scan backward over t",
        "o: map (all t at once)",
    ]


def test_values_without_a_step():
    text = "C = tanh(M @ c0)\nh[t] = tanh(W @ h[t-1] + R @ C)\nm = max(sum(h[t]), t)"
    assert lines(text) == ["C: once", "h: scan forward over t", "m: reduce (max over t)"]


def test_a_lag_on_an_input_is_no_cycle():
    assert lines("h[t] = tanh(A @ x[t-1] + B @ x[t-2])") == ["h: map (all t at once)"]


def test_fixed_steps_are_no_cycle():
    assert lines("h[0] = h0\nh[t] = tanh(W @ h[0] + x[t])") == ["h: map (all t at once)"]


def test_the_order_follows_the_text_where_it_is_free():
    names = [c.names for c in components(parse("b[t] = x[t]\na[t] = x[t]\nc[t] = a[t] + b[t]"))]
    assert names == [("b",), ("a",), ("c",)]


def test_a_cycle_that_looks_both_ways_is_refused():
    t = Index("t")
    h, g = Reference("h", (t,)), Reference("g", (t,))
    before, after = Reference("h", (t.shift(-1),)), Reference("g", (t.shift(1),))
    with pytest.raises(UnrollError, match=r"h\[t\] needs h\[t-1\], h\[t\] needs g\[t\+1\]"):
        plan(Recurrence((Equation(h, before + after), Equation(g, h + h))))


def test_a_total_that_its_own_terms_wait_for_is_refused():
    t = Index("t")
    h, m = Reference("h", (t,)), Reference("m")
    before = Reference("h", (t.shift(-1),))
    with pytest.raises(UnrollError, match=r"h\[t\] needs m, m needs h\[t\]"):
        plan(Recurrence((Equation(h, before + m), Equation(m, call("mean", h, over="t")))))


# --- hoisting ---------------------------------------------------------------------------


def hoisted(text):
    return [f"{e.target} = {format_expression(e.expression)}" for e in hoist(parse(text)).equations]


def test_what_the_cycle_has_no_part_in_moves_out():
    assert hoisted("h[t] = tanh(b + W @ h[t-1] + U @ x[t])") == [
        "h_in[t] = b + U @ x[t]",
        "h[t] = tanh(h_in[t] + W @ h[t-1])",
    ]


def test_signs_survive():
    assert hoisted("h[t] = tanh(-U @ x[t] - W @ h[t-1] - b)") == [
        "h_in[t] = -U @ x[t] - b",
        "h[t] = tanh(h_in[t] - W @ h[t-1])",
    ]


def test_values_without_a_step_move_out_once():
    assert hoisted("h[t] = exp(a) * h[t-1] + x[t]") == [
        "h_in = exp(a)",
        "h[t] = x[t] + h_in * h[t-1]",
    ]


def test_names_and_views_stay():
    text = "h[t] = tanh(W.T @ h[t-1] + x[t])"
    assert hoisted(text) == ["h[t] = tanh(x[t] + W.T @ h[t-1])"]


def test_a_taken_name_is_avoided():
    found = hoisted("h_in[t] = 2 * x[t]\nh[t] = tanh(h[t-1] + U @ h_in[t])")
    assert found[1:] == ["h_in2[t] = U @ h_in[t]", "h[t] = tanh(h_in2[t] + h[t-1])"]


def test_maps_are_left_alone():
    text = "h[t] = tanh(b + U @ x[t])"
    assert hoist(parse(text)) == parse(text)
