"""What pictures say of flows: cuts, sums, norms, one path; and what flows back along each edge."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from pictures import complaints

import unroll
from unroll.drawing.marks import set_back
from unroll.drawing.norms import THIN, WIDE, norms_of
from unroll.drawing.paths import waypoints
from unroll.drawing.scene import Circle, Group, Path, Rectangle
from unroll.drawing.theme import NORMS, THEMES, contrast, palette
from unroll.errors import UnrollError
from unroll.numeric.passing import norms_along, passed_back

BASE = {"hide": ["a", "yhat", "J"], "view": "unfolded"}


@pytest.fixture(scope="module")
def rnn():
    return unroll.template("rnn")


def edges(figure, flow=None):
    found = figure.scene.groups("edge")
    return [g for g in found if flow is None or g.fact("flow") == flow]


def within(group, kind):
    return [i for i in group.items if isinstance(i, Group) and i.kind == kind]


def stroke(group):
    return next(i for i in group.items if isinstance(i, Path) and i.stroke)


# --- cuts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flow", "paint", "pieces"),
    [
        ("none", "ink", 1),
        ("forward", "backward", 1),
        ("both", "backward", 1),
        ("backward", "backward", 2),
    ],
)
def test_a_cut_is_marked_where_no_gradient_passes(rnn, flow, paint, pieces):
    figure = rnn.truncate(2).draw(steps=6, flow=flow, **BASE)
    assert complaints(figure.scene) == []
    cut = [g for g in edges(figure) if within(g, "cut")]
    ends = {(g.fact("source"), g.fact("target")) for g in cut}
    assert ends == {("h[2]", "h[3]"), ("h[4]", "h[5]")}
    for group in cut:
        (mark,) = within(group, "cut")
        assert group.fact("cut") == "true"
        assert group.fact("flow") == "forward"
        assert mark.text == "cut: no gradient passes"
        assert {s.stroke for s in mark.items} == {paint}
        assert [letter for letter, _ in stroke(group).commands].count("M") == pieces
    assert not any(within(g, "cut") for g in edges(rnn.draw(steps=6, flow=flow, **BASE)))


def test_no_gradient_is_drawn_across_a_cut(rnn):
    back = edges(rnn.truncate(2).draw(steps=6, flow="both", **BASE), "backward")
    states = {(g.fact("source"), g.fact("target")) for g in back if g.fact("target")[0] == "h"}
    assert ("h[3]", "h[2]") not in states
    assert ("h[2]", "h[1]") in states


# --- sums -------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", ["both", "backward"])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "bidirectional", "deep-stacked"])
def test_a_sum_stands_at_every_node_where_several_gradients_arrive(name, flow):
    figure = unroll.template(name).draw(steps=3, view="unfolded", flow=flow, sums=True)
    assert complaints(figure.scene) == []
    arriving = Counter(g.fact("target") for g in edges(figure, "backward"))
    seen = 0
    for node in figure.scene.groups("node"):
        index = node.fact("index")
        count = arriving[f"{node.fact('name')}[{index}]" if index else node.fact("name")]
        texts = [g.text for g in within(node, "sum")]
        assert texts == ([f"sum of {count} gradients"] if count > 1 else [])
        seen += count > 1
    assert seen


def test_no_sum_without_gradients_or_unasked(rnn):
    for figure in (rnn.draw(steps=3, sums=True, **BASE), rnn.draw(steps=3, flow="both", **BASE)):
        assert not list(figure.scene.groups("sum"))


# --- what flows back along each edge ----------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "rnn",
        "lstm",
        "gru",
        "bidirectional",
        "encoder-decoder",
        "deep-stacked",
        "recursive-tree",
        "edit-distance",
        "linear-attention",
        "time-delay",
    ],
)
def test_what_flows_into_a_node_adds_up_to_its_gradient(name):
    recurrence = unroll.template(name)
    trace = recurrence.run(steps=4, seed=1)
    total = {}
    for (source, _), term in passed_back(trace, recurrence, trace.objective).items():
        total[source] = total.get(source, 0) + term
    checked = 0
    for variable in set(trace.gradients) & set(recurrence.defined) - {trace.objective}:
        key = trace.gradients[variable]
        rows = trace.rows.get(key, ())
        for point in product(*(range(r.start, r.stop + 1) for r in rows)):
            node = f"{variable}[{','.join(map(str, point))}]" if point else variable
            wanted = trace.values[key][tuple(k - r.first for r, k in zip(rows, point))]
            assert np.allclose(total.get(node, 0), wanted, rtol=1e-9, atol=1e-12), node
            checked += bool(np.any(wanted))
    assert checked


def test_each_term_is_the_gradient_at_the_target_times_the_local_jacobian(rnn):
    trace = rnn.run(steps=4, dims={"x": 2, "h": 3, "y": 3}, seed=2)
    found = passed_back(trace, rnn, "J")
    W, V = trace["W"], trace["V"]
    gradient_a, gradient_o = trace.gradient("a"), trace.gradient("o")
    for t in (1, 2, 3):
        assert np.allclose(found[f"h[{t}]", f"a[{t + 1}]"], W.T @ gradient_a[t])
        assert np.allclose(found[f"h[{t}]", f"o[{t}]"], V.T @ gradient_o[t - 1])
    slope = 1 - trace["h"] ** 2
    assert np.allclose(found["a[2]", "h[2]"], slope[1] * trace.gradient("h")[1])


def test_what_one_equation_reads_in_two_ways_is_one_term():
    recurrence = unroll.parse("h[t] = U @ x[t]\ns[t] = sum(h[k], k) + h[t]\nJ = sum(sum(s[t]), t)")
    trace = recurrence.run({"x": np.ones((3, 2)), "U": np.eye(2)})
    found = passed_back(trace, recurrence, "J")
    assert found["h[2]", "s[2]"].tolist() == [2, 2]
    assert found["h[1]", "s[2]"].tolist() == [1, 1]


def test_what_goes_through_a_softmax_over_steps_is_not_told():
    recurrence = unroll.template("attention")
    found = passed_back(recurrence.run(steps=3, seed=0), recurrence, "J")
    named = {tuple(end.partition("[")[0] for end in ends) for ends in found}
    assert ("alpha", "c") in named
    assert ("h", "c") in named
    assert ("e", "alpha") not in named


def test_nothing_flows_back_across_a_cut(rnn):
    cut = rnn.truncate(2)
    trace = cut.run(steps=4, seed=0)
    found = norms_along(trace, cut, "J")
    assert found["h[2]", "a[3]"] == 0
    assert found["h[1]", "a[2]"] > 0


def test_a_run_that_was_cut_is_not_measured_by_equations_that_are_not(rnn):
    trace = rnn.run(steps=6, seed=0, truncate=2)
    if np.allclose(trace.gradient("W"), rnn.run(steps=6, seed=0).gradient("W")):
        pytest.fail("the cut changes nothing")
    found = passed_back(trace, trace.forward, trace.objective)
    assert not np.any(found["h[2]", "a[3]"])
    with pytest.raises(UnrollError, match="another gradient of"):
        passed_back(trace, rnn, "J")


def test_a_batch_is_refused():
    recurrence = unroll.parse("h[t] = tanh(W @ h[t-1] + x[t])\nJ = sum(sum(h[t]), t)")
    trace = recurrence.run({"x": np.ones((3, 2, 4)), "W": np.eye(4)})
    with pytest.raises(UnrollError, match="batch"):
        passed_back(trace, recurrence, "J")


# --- norms ------------------------------------------------------------------------------


def vanishing(radius, steps=12):
    """One loss at the end, and a linear network of this spectral radius: norms shrink by it."""
    text = "h[t] = W @ h[t-1] + U @ x[t]\nJ = sum(h[tau] * h[tau]) / 2"
    recurrence = unroll.parse(text)
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    arrays = {"x": np.ones((steps, 2)), "W": radius * turn, "U": np.eye(2)}
    return recurrence, recurrence.run(arrays)


@pytest.mark.parametrize("radius", [0.5, 1.5])
def test_widths_say_whether_gradients_vanish_or_explode(radius):
    recurrence, trace = vanishing(radius)
    figure = recurrence.draw(
        steps=12, view="unfolded", flow="backward", norms=trace, elide="none", hide=()
    )
    assert complaints(figure.scene) == []
    back = {g.fact("source"): g for g in edges(figure, "backward") if g.fact("source")[0] == "h"}
    norms = [float(back[f"h[{t}]"].fact("norm")) for t in range(2, 13)]
    widths = [stroke(back[f"h[{t}]"]).width for t in range(2, 13)]
    paints = [int(stroke(back[f"h[{t}]"]).stroke[4:]) for t in range(2, 13)]
    assert np.allclose(np.divide(norms[:-1], norms[1:]), radius, rtol=1e-4)  # to six digits
    order = 1 if radius < 1 else -1
    assert widths == sorted(widths)[::order]
    assert paints == sorted(paints)[::order]
    assert len(set(widths)) > 4
    assert abs(widths[0] - widths[-1]) > 1
    assert "norm" in next(figure.scene.groups("legend")).text


def test_norms_are_logarithmic_and_never_colour_alone():
    norms = norms_of({("a", "b"): 1e-6, ("b", "c"): 1.0})
    widths = [norms.width(10.0**k) for k in range(-6, 1)]
    assert (widths[0], widths[-1]) == (THIN, WIDE)
    assert np.allclose(np.diff(widths), np.diff(widths)[0], atol=0.11)
    assert norms.paint(1e-6) == "norm+00"
    assert norms.paint(1.0) == f"norm+{NORMS - 1:02d}"
    for odd, width in ((0.0, THIN), (float("nan"), THIN), (float("inf"), WIDE), (1e-99, THIN)):
        assert norms.width(odd) == width
    narrow = norms_of({("a", "b"): 2.0, ("b", "c"): 3.0})
    assert narrow.high - narrow.low >= 2
    assert norms_of({}).width(0.0) == THIN


@pytest.mark.parametrize("name", [t for t in THEMES if t != "auto"])
def test_every_colour_of_the_map_is_seen_on_its_ground(name):
    theme = palette(name)
    colors = [theme.color(f"norm+{i:02d}") for i in range(NORMS)]
    assert len(set(colors)) == NORMS
    grounds = [g for g in [theme.color("background")] if g != "none"] or ["#ffffff", "#0d1117"]
    assert min(contrast(c, g) for c in colors for g in grounds) >= 3
    if name != "transparent":
        apart = [contrast(c, grounds[0]) for c in colors]
        assert apart == sorted(apart)


def test_norms_without_a_trace_are_refused(rnn):
    with pytest.raises(UnrollError, match="no gradients to take the norms of"):
        rnn.draw(steps=3, norms=True)


def test_as_many_steps_are_drawn_as_were_measured(rnn):
    trace = rnn.run(steps=5, seed=0)
    assert len(list(rnn.draw(flow="backward", norms=trace, **BASE).scene.groups("node"))) == 5 * 5
    with pytest.raises(UnrollError, match="5 steps, not of 3"):
        rnn.draw(steps=3, flow="backward", norms=trace, **BASE)


@pytest.mark.parametrize("name", ["lstm", "bidirectional", "edit-distance", "linear-attention"])
def test_all_backward_arrows_of_a_run_are_measured(name):
    recurrence = unroll.template(name)
    trace = recurrence.run(steps=3, seed=0)
    figure = recurrence.draw(view="unfolded", flow="backward", norms=trace, elide="none")
    back = edges(figure, "backward")
    assert back
    assert [g.text for g in back if g.fact("norm") is None] == []


def test_norms_at_the_level_of_operations(rnn):
    trace = rnn.run(steps=3, seed=0)
    figure = rnn.draw(
        level="operations", steps=3, view="unfolded", flow="backward", norms=trace, elide="none"
    )
    back = edges(figure, "backward")
    assert back
    assert all(g.fact("norm") is not None for g in back)


# --- one path ---------------------------------------------------------------------------


def on_path(figure, kind):
    return [g for g in figure.scene.groups(kind) if g.fact("path") == "true"]


def test_a_path_runs_back_along_gradients_and_forward_along_values(rnn):
    back = rnn.draw(steps=5, flow="both", path="L[5] -> h[1]", **BASE)
    assert complaints(back.scene) == []
    assert {g.fact("flow") for g in on_path(back, "edge")} == {"backward"}
    ends = [(g.fact("source"), g.fact("target")) for g in on_path(back, "edge")]
    steps = [(f"h[{t}]", f"h[{t - 1}]") for t in (5, 4, 3, 2)]
    assert set(ends) == {("L[5]", "o[5]"), ("o[5]", "h[5]"), *steps}
    ahead = rnn.draw(steps=5, flow="both", path="h[1] -> L[5]", **BASE)
    assert {(b, a) for a, b in ends} == {
        (g.fact("source"), g.fact("target")) for g in on_path(ahead, "edge")
    }
    assert {g.fact("flow") for g in on_path(ahead, "edge")} == {"forward"}
    assert {g.fact("name") for g in on_path(back, "node")} == {"h", "o", "L"}


def test_a_path_stands_out_by_width_and_the_rest_is_faint(rnn):
    figure = rnn.draw(steps=4, path="h[1] -> h[4]", **BASE)
    shown, rest = on_path(figure, "edge"), edges(figure)
    rest = [g for g in rest if g not in shown]
    assert min(stroke(g).width for g in shown) > 1.5 * max(stroke(g).width for g in rest)
    assert {stroke(g).stroke for g in rest} == {"faint"}
    for node in figure.scene.groups("node"):
        circle = next(i for i in node.items if isinstance(i, Circle))
        assert circle.stroke == ("ink" if node in on_path(figure, "node") else "faint")


def test_a_path_goes_through_its_waypoints(rnn):
    text = "L[2] -> h[2] -> h[3]"
    with pytest.raises(UnrollError, match=r"from L\[2\] to h\[3\]"):
        rnn.draw(steps=3, path="L[2] -> h[3]", **BASE)
    with pytest.raises(UnrollError, match="no path leads"):
        rnn.draw(steps=3, path=text, **BASE)  # back and then forward again is no way
    figure = rnn.draw(steps=4, path="L[4] -> h[3] -> h[2]", **BASE)
    assert len(on_path(figure, "edge")) == 4


def test_no_gradient_runs_through_a_cut(rnn):
    cut = rnn.truncate(2)
    with pytest.raises(UnrollError, match=r"from L\[3\] to h\[1\]"):
        cut.draw(steps=4, path="L[3] -> h[1]", **BASE)
    assert on_path(cut.draw(steps=4, path="h[1] -> L[3]", **BASE), "edge")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("L[5]", "is no path between two nodes"),
        ("-> h[1]", "is no path between two nodes"),
        ("L[5] -> g[1]", r"no node g\[1\]"),
        ("L[9] -> h[1]", r"no node L\[9\]"),
        ("x[1] -> y[2]", r"from x\[1\] to y\[2\]"),
    ],
)
def test_a_path_that_is_not_there_is_refused(rnn, text, message):
    with pytest.raises(UnrollError, match=message):
        rnn.draw(steps=5, path=text, **BASE)


def test_waypoints_are_read_with_either_arrow():
    assert waypoints(" L[ 5 ]→h[1] -> x[1]") == ("L[5]", "h[1]", "x[1]")


def test_what_is_set_back_keeps_the_colours_that_mean_numbers():
    cell, line = Rectangle(0, 0, 1, 1, "ink", "signed+07"), Path((), "norm+03", "forward")
    assert set_back(Group("value", (cell,))).items == (Rectangle(0, 0, 1, 1, "faint", "signed+07"),)
    assert set_back(line) == Path((), "faint", "faint")


# --- together ---------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [3, 5])
def test_everything_at_once_has_no_overlaps(rnn, steps):
    trace = rnn.run(steps=steps, dims={"x": 2, "h": 2, "y": 3}, seed=0)
    figure = rnn.draw(
        flow="both",
        values=trace,
        norms=True,
        sums=True,
        path=f"L[{steps}] -> h[1]",
        hide=BASE["hide"],
    )
    assert complaints(figure.scene) == []
    assert len(list(figure.scene.groups("sum"))) == steps - 1
    assert on_path(figure, "edge")
    assert len(list(figure.scene.groups("legend"))) == 3
