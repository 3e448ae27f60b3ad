"""Pictures of recurrences on several axes: rows for layers, two lengths, histories; nothing overlaps."""

import pytest
from pictures import complaints

import unroll
from unroll.errors import UnrollError

STACK = """
h[0, t] = x[t]
h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t] + b[l])
o[t] = V @ h[n_l, t]
J = sum(squared_error(o[t], y[t]), t)
"""
TEXTS = {
    "stack": STACK,
    "bidirectional": "h[0, t] = x[t]\ng[0, t] = x[t]\n"
    "h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t] + P[l] @ g[l-1, t])\n"
    "g[l, t] = tanh(R[l] @ g[l, t+1] + Q[l] @ g[l-1, t])\no[t] = V @ h[n_l, t] + Z @ g[n_l, t]",
    "image": "h[i, j] = tanh(W @ h[i-1, j] + V @ h[i, j-1] + U @ x[i, j])",
    "causal": "v[t] = V @ x[t]\no[t] = sum(v[s], s <= t)",
}
TEMPLATES = ("edit-distance", "encoder-decoder", "attention", "fully-connected-chain")


def recurrence(name):
    return unroll.template(name) if name in TEMPLATES else unroll.parse(TEXTS[name])


def edges(figure, view="unfolded"):
    groups = (g for g in figure.scene.groups("edge") if g.fact("view") == view)
    return {(g.fact("source"), g.fact("target")): g for g in groups}


def nodes(figure, kind="node", view="unfolded"):
    return {
        (g.fact("name"), g.fact("index")): g.items[0]
        for g in figure.scene.groups(kind)
        if g.fact("view") == view
    }


@pytest.mark.parametrize("options", [{}, {"steps": 3}, {"steps": 3, "flow": "both"}], ids=str)
@pytest.mark.parametrize("view", ["folded", "unfolded", "both"])
@pytest.mark.parametrize("name", [*TEXTS, *TEMPLATES])
def test_nothing_overlaps(name, view, options):
    assert complaints(recurrence(name).draw(view=view, **options).scene) == []


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stack", {"steps": {"t": 3, "n_l": 3}}),
        ("stack", {"steps": 20}),
        ("edit-distance", {"steps": 4}),
        ("encoder-decoder", {"steps": {"n_x": 3, "u": 4}}),
        ("attention", {"steps": {"n_x": 3, "n_y": 2}, "hide": ["e", "J"]}),
        ("attention", {"steps": 12}),
    ],
    ids=str,
)
def test_nothing_overlaps_at_other_sizes(name, options):
    assert complaints(recurrence(name).draw(view="unfolded", **options).scene) == []


def test_layers_are_rows_from_the_bottom_and_their_input_is_no_layer():
    figure = recurrence("stack").draw(hide=["J"])
    shown = nodes(figure)
    assert {k for k in shown if k[0] == "h"} == {
        ("h", f"{layer},{at}") for layer in (1, 2) for at in ("t-1", "t", "t+1")
    }
    assert shown["x", "t"].y > shown["h", "1,t"].y > shown["h", "2,t"].y > shown["o", "t"].y
    assert shown["h", "1,t"].x == shown["h", "2,t"].x
    assert {("h", "1,..."), ("h", "2,...")} <= set(nodes(figure, "ghost"))
    found = edges(figure)
    assert found["h[1,t]", "h[2,t]"].fact("label") == "U[2]"
    assert found["h[1,t]", "h[2,t]"].fact("lag") == "1,0"
    assert found["h[2,t-1]", "h[2,t]"].fact("label") == "W[2]"
    assert found["h[2,t-1]", "h[2,t]"].fact("lag") == "0,1"
    assert found["x[t]", "h[1,t]"].fact("label") == "U[1]"


def test_the_circuit_says_which_axis_a_delay_waits_along():
    figure = recurrence("stack").draw(view="folded")
    loops = [g for g in figure.scene.groups("edge") if g.fact("source") == g.fact("target") == "h"]
    assert {g.fact("lag"): [i.text for i in g.items if getattr(i, "kind", "") == "label"] for g in loops} == {
        "0,1": ["W[l] t-1"],
        "1,0": ["U[l] l-1"],
    }  # fmt: skip


def test_a_grid_is_regular_and_has_its_boundaries():
    figure = recurrence("edit-distance").draw(steps=4, view="unfolded")
    shown = {k[1]: c for k, c in nodes(figure).items() if k[0] == "D"}
    assert set(shown) == {f"{i},{j}" for i in range(5) for j in range(5)} - {"0,0"}
    assert len({round(c.x) for c in shown.values()}) == 5
    assert len({round(c.y) for c in shown.values()}) == 5
    found = edges(figure)
    sources = {a for a, b in found if b == "D[2,3]"}
    assert sources == {"D[1,3]", "D[2,2]", "D[1,2]", "a[2]", "b[3]"}


def test_an_encoder_stands_before_its_decoder_with_the_context_between():
    figure = recurrence("encoder-decoder").draw(steps=3)
    shown = nodes(figure)
    assert shown["h", "3"].x < shown["C", None].x < shown["g", "0"].x < shown["g", "1"].x
    assert shown["h", "1"].y == shown["g", "1"].y
    into = {b for a, b in edges(figure) if a == "C"}
    assert into == {"g[0]", *(f"{n}[{k}]" for n in "go" for k in (1, 2, 3))}
    assert ("h[3]", "C") in edges(figure)
    symbolic = {i for n, i in nodes(recurrence("encoder-decoder").draw()) if n == "h"}
    assert symbolic == {"1", "2", "n_x"}


def test_a_reader_of_all_steps_stands_above_them():
    figure = recurrence("attention").draw(steps={"n_x": 3, "n_y": 2})
    shown = nodes(figure)
    assert shown["c", "1"].y < shown["h", "1"].y
    assert shown["c", "1"].x == shown["h", "1"].x
    found = edges(figure)
    assert {a for a, b in found if b == "c[2]"} >= {"h[1]", "h[2]", "h[3]"}


def test_a_history_is_drawn_as_arcs_into_all_later_steps():
    figure = recurrence("fully-connected-chain").draw()
    found = edges(figure)
    inner = {(a, b) for a, b in found if b != "y[...]"}
    assert inner == {(f"y[{i}]", f"y[{k}]") for k in range(2, 6) for i in range(1, k)}
    into = [g for (_, b), g in found.items() if b == "y[...]"]
    assert len(into) == 5
    assert all(g.items[0].dash for g in into)
    tops = {k: min(p[1] for _, p in [(c, n[-2:]) for c, n in found["y[1]", f"y[{k}]"].items[0].commands]) for k in (2, 5)}  # fmt: skip
    assert tops[5] <= tops[2]
    loop = edges(figure, "folded")["y", "y"]
    assert [i.text for i in loop.items if getattr(i, "kind", "") == "label"] == ["f < t"]
    assert [i.kind for i in loop.items if getattr(i, "kind", "") == "delay"] == ["delay"]


def test_values_stand_at_every_cell():
    table = recurrence("edit-distance")
    trace = table.run()
    figure = table.draw(values=trace, view="unfolded")
    found = {
        g.fact("index"): g.fact("value")
        for g in figure.scene.groups()
        if g.kind in ("node", "ghost") and g.fact("name") == "D"
    }
    assert float(found["6,7"]) == float(trace["d"])
    assert [float(found[f"{i},0"]) for i in range(1, 4)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("stack", {"steps": {"n_x": 3}}, "no axis or length 'n_x'"),
        ("stack", {"steps": {"t": 0}}, "cannot draw 0 steps"),
        ("stack", {"steps": {"t": 3, "n_l": 40}}, "cannot draw 40 rows"),
        ("attention", {"steps": 12, "hide": ["J"]}, "cannot draw"),
    ],
)
def test_what_no_picture_can_show_is_refused(name, options, message):
    with pytest.raises(UnrollError, match=message):
        recurrence(name).draw(**options)
