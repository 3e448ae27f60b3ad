"""Where things are: the book's figures, counted; and every picture, searched for overlaps."""

from itertools import pairwise

import pytest
from pictures import circles, complaints

import unroll
from unroll.drawing.columns import numbered
from unroll.drawing.rows import arrange
from unroll.errors import UnrollError
from unroll.graph.folded import fold
from unroll.templates import names

LSTM = """
f[t] = sigmoid(b_f + U_f @ x[t] + W_f @ h[t-1])
g[t] = sigmoid(b_g + U_g @ x[t] + W_g @ h[t-1])
q[t] = sigmoid(b_q + U_q @ x[t] + W_q @ h[t-1])
c[t] = tanh(b + U @ x[t] + W @ h[t-1])
s[t] = f[t] * s[t-1] + g[t] * c[t]
h[t] = tanh(s[t]) * q[t]
o[t] = V @ h[t]
L[t] = cross_entropy(softmax(o[t]), y[t])
"""
GRU = """
z[t] = sigmoid(W_z @ x[t] + U_z @ h[t-1])
r[t] = sigmoid(W_r @ x[t] + U_r @ h[t-1])
g[t] = tanh(W_g @ x[t] + U_g @ (r[t] * h[t-1]))
h[t] = (1 - z[t]) * h[t-1] + z[t] * g[t]
"""
GATED = r"""
i_t = \sigma(W_{xi} x_t + W_{hi} h_{t-1} + b_i)
f_t = \sigma(W_{xf} x_t + W_{hf} h_{t-1} + b_f)
q_t = \sigma(W_{xo} x_t + W_{ho} h_{t-1} + b_o)
\tilde{c}_t = \tanh(W_{xc} x_t + W_{hc} h_{t-1} + b_c)
c_t = f_t \odot c_{t-1} + i_t \odot \tilde{c}_t
h_t = q_t \odot \tanh(c_t)
L_t = squared_error(h_t, y_t)
"""
OTHERS = {
    "lags": "h[t] = tanh(W @ h[t-1] + R @ h[t-2] + U @ x[t])\no[t] = V @ h[t]",
    "states": "h[t] = tanh(W @ h[t-1] + U @ x[t])\ng[t] = tanh(R @ g[t-1] + V @ h[t] + Q @ x[t])",
    "leads": "h[t] = tanh(W @ h[t-1] + U @ x[t])\ng[t] = tanh(R @ g[t+1] + V @ x[t])\n"
    "o[t] = P @ h[t] + Q @ g[t]",
    "total": "h[t] = tanh(W @ h[t-1] + U @ x[t])\nL[t] = squared_error(h[t], y[t])\nJ = sum(L[t], t)",
    "context": "C = mean(x[t], t)\nh[t] = tanh(W @ h[t-1] + U @ x[t] + R @ C)\no[t] = V @ h[t]",
    "initial": "h[0] = tanh(F @ k)\nh[t] = tanh(W @ h[t-1] + U @ x[t])",
    "names": "controller_state[t] = tanh(W @ controller_state[t-1] + U @ sensor_reading[t])",
}
CONTEXTS = {
    "last state": "C = h[tau]; h[t] = tanh(W @ h[t-1] + U @ x[t]); o[t] = V @ h[t] + R @ C; "
    "J = sum(squared_error(o[t], y[t]), t)",
    "mean": "C = mean(x[t], t); h[0] = tanh(F @ C); h[t] = tanh(W @ h[t-1] + U @ x[t] + R @ C); "
    "o[t] = V @ h[t] + Q @ C; L[t] = squared_error(o[t], y[t]); J = sum(L[t], t)",
    "input": "h[0] = C; h[t] = tanh(W @ h[t-1] + U @ x[t] + R @ C); o[t] = V @ h[t] + Q @ C",
}
ALL = {**dict.fromkeys(names()), **OTHERS, "lstm": LSTM, "gated": GATED, "gru cell": GRU}


def recurrence(name):
    return unroll.template(name) if ALL[name] is None else unroll.parse(ALL[name])


def facts(figure, kind, view="unfolded"):
    return [g for g in figure.scene.groups(kind) if g.fact("view") == view]


def edges(figure, view="unfolded"):
    return {(g.fact("source"), g.fact("target")): g for g in facts(figure, "edge", view)}


def place(figure, name, index):
    return next(
        (i.x, i.y)
        for g in figure.scene.groups()
        if g.fact("name") == name and g.fact("index") == index and g.fact("view") == "unfolded"
        for i in g.items[:1]
    )


# --- every picture -------------------------------------------------------------------------------

SHOWN = [
    {},
    {"steps": 4},
    {"steps": 30},
    {"flow": "both"},
    {"steps": 3, "flow": "both"},
    {"view": "folded", "flow": "both"},
    {"level": "operations"},
    {"level": "operations", "view": "unfolded", "steps": 2},
]


@pytest.mark.parametrize("options", SHOWN, ids=str)
@pytest.mark.parametrize("name", ALL)
def test_nothing_overlaps(name, options):
    assert complaints(recurrence(name).draw(**options).scene) == []


@pytest.mark.parametrize("options", [{}, {"steps": 4}, {"steps": 3, "flow": "both"}], ids=str)
@pytest.mark.parametrize("view", ["folded", "unfolded", "both"])
@pytest.mark.parametrize("name", CONTEXTS)
def test_contexts_reach_steps_beside_the_columns(name, view, options):
    roles = {"C": "input"} if name == "input" else None
    found = unroll.parse(CONTEXTS[name], roles=roles)
    assert complaints(found.draw(view=view, **options).scene) == []


def test_inputs_of_a_total_stand_beside_what_else_it_needs():
    rows = arrange(fold(unroll.parse(CONTEXTS["last state"])))
    assert rows.row == {"C": 0, "x": 1, "h": 2, "o": 3, "y": 3, "J": 4}


@pytest.mark.parametrize("flow", ["none", "both"])
@pytest.mark.parametrize("name", ["rnn", "output-recurrence", "single-output", "teacher-forcing"])
def test_nothing_overlaps_with_values(name, flow):
    template = unroll.template(name)
    trace = template.run(steps=3, seed=1)
    assert complaints(template.draw(values=trace, flow=flow).scene) == []


# --- the book's figures ----------------------------------------------------------------------------


def test_rnn_window_counts():
    figure = unroll.template("rnn").draw()
    assert len(facts(figure, "node")) == 15
    assert len(facts(figure, "ghost")) == 2
    lags = [g.fact("lag") for g in facts(figure, "edge")]
    assert (lags.count("0"), lags.count("1")) == (12, 4)
    folded = facts(figure, "edge", "folded")
    assert len(facts(figure, "node", "folded")) == 5
    assert sorted(g.fact("lag") for g in folded) == ["0", "0", "0", "0", "1"]
    loop = next(g for g in folded if g.fact("lag") == "1")
    assert (loop.fact("source"), loop.fact("target"), loop.fact("label")) == ("h", "h", "W")
    assert len(facts(figure, "delay", "folded")) == 1


def test_rnn_rows_and_lanes():
    figure = unroll.template("rnn").draw()
    heights = [place(figure, name, "t")[1] for name in ("y", "L", "o", "h", "x")]
    assert heights == sorted(heights)
    assert len({place(figure, "h", index)[1] for index in ("t-1", "t", "t+1")}) == 1
    found = arrange(
        fold(unroll.parse("h[t] = tanh(W@h[t-1] + U@x[t])\nL[t] = squared_error(h[t], y[t])"))
    )
    assert found.row == {"x": 0, "h": 1, "L": 2, "y": 3}


def test_operations_stand_near_what_needs_them_and_states_keep_their_lane():
    figure = unroll.parse(GRU).draw(level="operations", view="unfolded", steps=2)
    keeps = place(figure, "h_2", "2")  # (1 - z) * h[t-1]
    assert keeps[1] == place(figure, "h", "1")[1] == place(figure, "h", "2")[1]
    assert place(figure, "h", "1")[0] < keeps[0] < place(figure, "h", "2")[0]
    sum_, weighed = place(figure, "g_4", "2"), place(figure, "g_1", "2")  # W_g x[t]
    assert sum_[1] < weighed[1]
    assert weighed[1] == place(figure, "g_3", "2")[1]


def test_output_recurrence():
    figure = unroll.template("output-recurrence").draw()
    found = edges(figure)
    assert not any(a.startswith("h[") and b.startswith("h[") for a, b in found)
    assert found["o[t-1]", "h[t]"].fact("label") == "W"
    assert {("o[...]", "h[t-1]"), ("o[t+1]", "h[...]")} <= set(found)
    left, right = place(figure, "o", "..."), place(figure, "h", "...")
    assert left[1] == place(figure, "o", "t")[1]
    assert left[0] < place(figure, "o", "t-1")[0]
    assert right[1] == place(figure, "h", "t")[1]
    assert right[0] > place(figure, "h", "t+1")[0]


def test_single_output():
    figure = unroll.template("single-output").draw()
    for name in ("o", "y", "L"):
        assert [g.fact("index") for g in facts(figure, "node") if g.fact("name") == name] == ["tau"]
    o, y, loss, h = (place(figure, name, "tau") for name in ("o", "y", "L", "h"))
    assert o[0] == h[0]
    assert y[1] == o[1]
    assert y[0] < loss[0] < o[0]
    assert loss[1] < o[1] < h[1]
    xs = [g.fact("index") for g in figure.scene.groups() if g.fact("name") == "x"][1:]
    assert xs == ["t-1", "t", "...", "tau"]
    dashes = [bool(e.items[0].dash) for ends, e in edges(figure).items() if "W" in e.text]
    assert dashes == [False, False, True, True]


def test_dynamical_system_has_f_below_its_arrows():
    figure = unroll.template("dynamical-system").draw(view="unfolded")
    assert len(edges(figure)) == 4
    height = place(figure, "s", "t")[1]
    for edge in facts(figure, "edge"):
        label = next(i for i in edge.items if getattr(i, "kind", None) == "label")
        assert label.text == "f"
        assert all(shape.y > height for shape in label.items)


def test_driven_system_has_f_at_what_is_updated():
    figure = unroll.template("driven-system").draw()
    labelled = [
        g
        for g in (*facts(figure, "node"), *facts(figure, "ghost"))
        if any(getattr(i, "text", None) == "f" for i in g.items)
    ]
    assert [g.fact("index") for g in labelled] == ["t-1", "t", "t+1", "..."]
    circuit = next(g for g in facts(figure, "edge", "folded") if g.fact("source") == "x")
    label = next(i for i in circuit.items if getattr(i, "kind", None) == "label")
    line = circuit.items[0].commands[0][1][0]
    assert all(shape.x > line for shape in label.items)


def test_teacher_forcing_feeds_the_target_and_draws_no_input_before_the_first():
    template = unroll.template("teacher-forcing")
    assert ("y[t-1]", "h[t]") in edges(template.draw())
    indices = {g.fact("index") for g in facts(template.draw(steps=3), "node")}
    assert indices == {"1", "2", "3"}
    assert not facts(template.draw(steps=3), "ghost")


# --- steps ---------------------------------------------------------------------------------------


def test_numbered_steps_start_at_a_dashed_initial_state():
    figure = unroll.parse("s_t = f(s_<t-1>, x_t; θ)").draw(steps=4)
    assert [g.fact("index") for g in facts(figure, "ghost")] == ["0"]
    nodes = [(g.fact("name"), g.fact("index")) for g in facts(figure, "node")]
    assert nodes == [("s", str(k)) for k in range(1, 5)] + [("x", str(k)) for k in range(1, 5)]
    assert len(facts(figure, "delay", "folded")) == 1


def test_an_initial_state_with_an_equation_is_a_node():
    figure = unroll.parse("h[0] = z\nh[t] = tanh(W @ h[t-1] + U @ x[t])").draw(steps=2)
    assert "0" in [g.fact("index") for g in facts(figure, "node")]


def test_long_sequences_leave_out_the_middle():
    rnn = unroll.template("rnn")
    shown = [g.fact("index") for g in facts(rnn.draw(steps=100), "node") if g.fact("name") == "h"]
    assert shown == ["1", "2", "3", "4", "99", "100"]
    figure = rnn.draw(steps=10, elide="2..9")
    assert {g.fact("index") for g in facts(figure, "node")} == {"1", "10"}
    assert ("h[1]", "h[...]") in edges(figure)
    assert ("h[...]", "h[10]") in edges(figure)


@pytest.mark.parametrize("elide", ["some", "0..3", "5..2", "3..11", ".."])
def test_nonsense_is_refused(elide):
    with pytest.raises(UnrollError):
        unroll.template("rnn").draw(steps=10, elide=elide)


def test_no_steps_are_refused():
    with pytest.raises(UnrollError, match="cannot draw 0 steps"):
        numbered(fold(unroll.template("rnn")), 0)


def test_placement_is_periodic():
    figure = unroll.template("rnn").draw(steps=8, view="unfolded")
    xs = [place(figure, "h", str(k))[0] for k in range(1, 9)]
    gaps = [b - a for a, b in pairwise(xs)]
    assert max(gaps) == pytest.approx(min(gaps))
    assert len({circle.radius for _, circle in circles(figure.scene)}) == 1


def test_rows_may_hold_several_names_and_each_name_once():
    graph = fold(unroll.template("single-output"))
    assert (
        arrange(graph, ("L", "y, o", "h", "x")).row["y"]
        == arrange(graph, ("L", "o", "h", "x")).row["o"]
    )
    with pytest.raises(UnrollError, match="two rows"):
        arrange(graph, ("L", "o", "o h", "x"))
