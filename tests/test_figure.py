"""Figures: choices and names checked, files whole or not at all, values of a run."""

import warnings

import numpy as np
import pytest

import unroll
from unroll.errors import UnrollError
from unroll.export.formats import SUFFIXES
from unroll.figure import draw


@pytest.fixture
def rnn():
    return unroll.template("rnn")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_saves_by_suffix(rnn, tmp_path, suffix):
    path = tmp_path / f"figure{suffix.upper()}"
    rnn.draw(steps=2).save(path)
    assert path.stat().st_size > 500
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["figure", "figure.bmp", "figure.svg.txt"])
def test_unknown_suffix_lists_the_known(rnn, tmp_path, name):
    with pytest.raises(UnrollError, match=r"\.svg \.pdf \.png \.eps \.tex \.dot \.mmd"):
        rnn.draw().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_unwritable_path_is_a_clear_error(rnn, tmp_path):
    with pytest.raises(UnrollError, match="cannot write"):
        rnn.draw().save(tmp_path / "missing" / "figure.svg")


@pytest.mark.parametrize(
    "options",
    [{"view": "side"}, {"flow": "up"}, {"level": "bytes"}, {"notation": "x"}, {"theme": "blue"}],
    ids=str,
)
def test_unknown_choices_list_the_known(rnn, options):
    with pytest.raises(UnrollError, match="Choose one of"):
        rnn.draw(**options)


def test_unknown_names_suggest_the_nearest(rnn):
    with pytest.raises(UnrollError, match="Did you mean 'yhat'"):
        rnn.draw(hide=["yhatt"])
    with pytest.raises(UnrollError, match="no variable 'q'"):
        rnn.draw(rows=["h", "q"])


def test_shows_itself_in_a_notebook(rnn):
    bundle = rnn.draw()._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")


def test_window_and_steps(rnn):
    assert rnn.draw().svg() == rnn.draw(window=True).svg() == rnn.draw(window=True, steps=5).svg()
    assert rnn.draw(steps=3).svg() != rnn.draw().svg()


def test_hidden_variables_do_not_show(rnn):
    names = {g.fact("name") for g in rnn.draw().scene.groups("node")}
    assert names == {"x", "h", "o", "L", "y"}
    assert {"a", "yhat"} <= {g.fact("name") for g in rnn.draw(hide=["J"]).scene.groups("node")}


def test_operations_have_nodes_of_their_own(rnn):
    few = list(rnn.draw(view="folded", hide=["J"]).scene.groups("node"))
    many = list(rnn.draw(view="folded", hide=["J"], level="operations").scene.groups("node"))
    assert len(many) > len(few)


def test_badges_use_the_letter_of_what_is_shown(rnn):
    texts = [g.text for g in rnn.draw(steps=2, flow="both").scene.groups("label")]
    assert "gradient of L by h[1]" in texts
    assert not any("gradient of L by x" in t for t in texts if t)


def test_values_set_the_steps_and_must_agree(rnn):
    trace = rnn.run(steps=3, seed=0)
    indices = {g.fact("index") for g in rnn.draw(values=trace).scene.groups("node")}
    assert indices == {None, "1", "2", "3"}
    with pytest.raises(UnrollError, match="those of 3 steps"):
        rnn.draw(values=trace, steps=4)


def test_a_batch_is_refused(rnn):
    one = rnn.run(steps=3, seed=0)
    arrays = {name: one[name] for name in one.parameters}
    batch = {name: np.stack([one[name]] * 2, axis=1) for name in ("x", "y")}
    trace = rnn.run(arrays | batch)
    with pytest.raises(UnrollError, match="batch"):
        rnn.draw(values=trace)


@pytest.mark.parametrize("sizes", [{"x": 1, "h": 1, "y": 2}, {"x": 40, "h": 64, "y": 10}], ids=str)
def test_values_of_any_size(rnn, sizes):
    trace = rnn.run(steps=2, dims=sizes, seed=0)
    assert rnn.draw(values=trace, flow="both", theme="dark").svg()


def test_a_trace_needs_no_gradients():
    system = unroll.parse("h[t] = tanh(W @ h[t-1] + U @ x[t])")
    trace = system.run(steps=3, dims={"x": 2, "h": 2}, seed=0)
    scene = draw(system, values=trace, flow="both").scene
    assert not list(scene.groups("caption"))
    assert list(scene.groups("value"))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9, 1e-9, 0.0])
def test_numbers_beyond_the_usual_are_shown(value):
    system = unroll.parse("h[t] = exp(h[t-1]) + x[t]")
    steps = 2 if np.isfinite(value) else 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", unroll.NonFiniteWarning)
        trace = system.run({"x": np.full((steps, 1), value if np.isfinite(value) else 5.0)})
    svg = draw(system, values=trace).svg()
    assert "NaN" not in svg
    assert "Infinity" not in svg
