"""Units, mixed levels, glyphs, frames, schematics and composed figures."""

import numpy as np
import pytest

import unroll
from tests.pictures import complaints
from unroll import UnrollError, templates
from unroll.drawing.scene import Circle
from unroll.symbolic.transformations import expand

STATEFUL = [n for n in templates.names() if n not in ("memory", "adam")]


def nodes(figure, view="unfolded"):
    return {
        (g.fact("name"), g.fact("index")): g
        for g in figure.scene.groups("node")
        if g.fact("view") == view
    }


@pytest.mark.parametrize("name", templates.names())
def test_units_compute_the_same(name):
    template = unroll.template(name).runnable()
    try:
        assert template.objective()
        assert template.run(seed=3).loss is not None
    except (UnrollError, AssertionError):
        pytest.skip("nothing to compare")
    whole, parts = template.run(seed=3), expand(template, units=True).run(seed=3)
    assert np.isclose(whole.loss, parts.loss, rtol=1e-10)


def test_a_unit_keeps_its_weighted_sum_and_products_of_variables_are_nodes():
    found = str(expand(unroll.template("lstm"), units=True)).splitlines()
    assert "i[t] = sigmoid(W_ii @ x[t] + b_ii + W_hi @ h[t-1] + b_hi)" in found
    assert "c_1[t] = f[t] * c[t-1]" in found
    assert "h[t] = o[t] * h_1[t]" in found


@pytest.mark.parametrize("view", ["folded", "unfolded"])
@pytest.mark.parametrize("name", STATEFUL)
def test_nothing_overlaps_in_units(name, view):
    assert complaints(unroll.template(name).draw(level="units", view=view).scene) == []


def test_a_glyph_is_the_curve_of_its_function():
    figure = unroll.template("lstm-book").draw(
        level="units", view="folded", glyphs=True, split=["h"], hide=["J", "L"]
    )
    shown = nodes(figure, "folded")
    assert ("h", "t-1") in shown
    gate, product = shown["f", None], shown["h", None]
    assert gate.items[0].fill == "shade"
    assert product.items[0].fill is None
    (curve,) = gate.items[1].items
    heights = [p[1] for _, p in curve.outline.commands[:41] if p]
    assert heights == sorted(heights, reverse=True)  # a sigmoid rises


@pytest.mark.parametrize("level", ["units", "operations"])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "deep-stacked"])
def test_one_step_is_drawn_finer_in_its_place(name, level):
    template = unroll.template(name)
    bare = set(nodes(template.draw(view="unfolded", steps=3)))
    figure = template.draw(view="unfolded", steps=3, expand=2, level=level)
    more = set(nodes(figure)) - bare
    assert bare <= set(nodes(figure))
    assert more or name == "rnn"
    assert all(index.split(",")[-1] == "2" for _, index in more)
    assert complaints(figure.scene) == []


def test_a_step_that_is_not_shown_cannot_be_drawn_finer():
    with pytest.raises(UnrollError, match="there is no step 9"):
        unroll.template("rnn").draw(steps=3, expand=9)


def test_frames_hold_the_nodes_that_they_name():
    scene = unroll.template("encoder-decoder").draw(view="unfolded").scene
    boxes = {g.fact("name"): g for g in scene.groups("box")}
    assert set(boxes) == {"Encoder", "Decoder"}
    xs = [p[0] for _, p in boxes["Encoder"].items[0].commands if p]
    for group in scene.groups("node"):
        (circle,) = (i for i in group.items if isinstance(i, Circle))
        inside = min(xs) < circle.x - circle.radius and circle.x + circle.radius < max(xs)
        if group.fact("name") in ("h", "x"):
            assert inside


def test_the_schematic_shows_what_passes_between_the_parts_of_the_equations():
    scene = unroll.template("memory").draw(view="schematic").scene
    ways = {
        (g.fact("source"), g.fact("target"), g.fact("label"), g.fact("lag"))
        for g in scene.groups("edge")
    }
    assert ("Writing", "Memory cells", "a", "0") in ways
    assert ("Memory cells", "Reading", "M", "1") in ways
    assert ("Task network", "Task network", "h", "1") in ways
    with pytest.raises(UnrollError, match="no schematic"):
        unroll.template("rnn").draw(view="schematic")


def test_the_first_steps_and_what_follows():
    figure = unroll.template("graphical-model-with-state").draw(view="unfolded")
    assert {i for n, i in nodes(figure) if n == "y"} == {"1", "2", "3", "4", "5"}


def test_composed_figures_stand_side_by_side_with_captions():
    train = unroll.template("teacher-forcing").draw(view="unfolded")
    test = unroll.template("free-running").draw(view="unfolded")
    both = unroll.compose([train, test], ["Train time", "Test time"])
    one, other = both.scene.groups("panel")
    heights = [
        {
            i.y
            for g in panel.items
            if getattr(g, "kind", "") == "node" and g.fact("name") == "h"
            for i in g.items[:1]
        }
        for panel in (one, other)
    ]
    assert heights[0] == heights[1] != set()
    assert [g.text for g in both.scene.groups("caption")] == ["Train time", "Test time"]
    assert complaints(both.scene) == []
    svg = both.svg()
    ids = [part.split('"')[0] for part in svg.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    with pytest.raises(UnrollError, match="2 figures have 1 captions"):
        unroll.compose([train, test], ["one"])


def test_composed_long_figures_keep_their_slices_apart():
    long = [
        unroll.template(n).draw(view="unfolded", steps=500, elide="none") for n in ("rnn", "elman")
    ]
    scene = unroll.compose(long).scene
    names = [name for name, _ in scene.symbols]
    assert len(names) == len(set(names))
    assert {n.split("-")[1] for n in names} == {"1", "2"}
    unroll.compose(long).svg()


@pytest.mark.parametrize("elide", ["end", "auto"])
def test_steps_are_left_out_at_the_end(elide):
    figure = unroll.template("rnn").draw(view="unfolded", steps=20, elide=elide)
    last = ("h", "20") in nodes(figure)
    assert last == (elide == "auto")
    assert complaints(figure.scene) == []


@pytest.mark.parametrize("notation", ["subscript", "ng", "karpathy", "d2l", "pytorch", "control"])
@pytest.mark.parametrize("font", ["cm", "stix"])
def test_notations_and_fonts_change_labels_and_not_what_is_machine_readable(notation, font):
    plain = unroll.template("rnn").draw(steps=2)
    other = unroll.template("rnn").draw(steps=2, notation=notation, font=font)
    assert set(nodes(plain)) == set(nodes(other))
    assert complaints(other.scene) == []
    assert plain.svg() != other.svg()
