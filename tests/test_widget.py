"""The notebook's widget: the page's own module, and what comes back from it."""

import copy
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import unroll
from unroll.errors import UnrollError

anywidget = pytest.importorskip("anywidget", reason="the extra `notebook` is not installed")


def edited(arrays, name, *at, by=0.25):
    found = copy.deepcopy(arrays)
    holder = found[name]
    for place in at[:-1]:
        holder = holder[place]
    holder[at[-1]] += by
    return found


def test_what_a_notebook_gets():
    page = unroll.step("rnn", steps=3)
    data, _ = page._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert ElementTree.fromstring(data["image/svg+xml"]).tag.endswith("svg")
    assert data["text/plain"] == repr(page)
    assert page._display_() is page.widget
    assert "events" in repr(page)
    assert len(repr(page)) < 200  # and not the whole state


def test_without_the_extra_there_is_a_picture_and_a_word(monkeypatch):
    monkeypatch.setitem(sys.modules, "unroll.stepper.widget", None)
    page = unroll.step("rnn", steps=2)
    bundle = page._repr_mimebundle_()
    assert "pip install" in bundle["text/plain"]
    assert bundle["image/svg+xml"].startswith("<svg")
    with pytest.raises(UnrollError, match="anywidget"):
        _ = page.widget
    assert page.trace is page.ran
    assert page.event == 0
    assert page._display_().svg() == bundle["image/svg+xml"]


@pytest.mark.parametrize(
    ("name", "options", "changed"),
    [
        ("rnn", {"steps": 4}, ("W", 1, 2)),
        ("lstm", {"steps": 3}, ("x", 2, 0)),
        ("attention", {"steps": {"n_x": 3, "n_y": 2}}, ("A", 0, 1)),
        ("recursive-tree", {"steps": 4}, ("W", 0, 1)),
        ("deep-stacked", {"steps": 3}, ("R", 0, 0)),
    ],
)
def test_arrays_that_come_back_are_run_again(name, options, changed):
    recurrence = unroll.template(name)
    page = recurrence.step(**options)
    before = page.trace
    assert page.widget.trace is before  # nothing has changed, nothing is run
    array, *at = changed
    page.widget.arrays = edited(page.widget.arrays, array, *at)
    assert page.trace is page.trace
    assert page.trace.loss != before.loss
    # the same by hand, from a difference of the loss
    up, down = (unroll.template(name).step(**options).widget for _ in range(2))
    for widget, by in ((up, 1e-6), (down, -1e-6)):
        widget.arrays = edited(widget.arrays, array, *at, by=0.25 + by)
    slope = (up.trace.loss - down.trace.loss) / 2e-6
    assert page.trace.gradient(array)[tuple(at)] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_equal_to_a_fresh_run():
    rnn = unroll.template("rnn")
    page = rnn.step(steps=3)
    page.widget.arrays = edited(page.widget.arrays, "W", 0, 0)
    fresh = rnn.run(page.widget.arrays)
    assert page.trace.loss == fresh.loss
    assert np.array_equal(page.trace.gradient("W"), fresh.gradient("W"))


def test_the_event_follows_and_stays_inside():
    page = unroll.step("rnn", steps=2)
    page.widget.event = 7
    assert page.event == 7
    page.widget.event = 10**6
    assert page.event == len(page.state["story"]["events"])
    with pytest.raises(Exception, match="less than 0"):
        page.widget.event = -1


def test_marimo_shows_the_widget():
    """marimo asks for `_display_`, and shows widgets of anywidget by itself."""
    assert isinstance(unroll.step("rnn", steps=2)._display_(), anywidget.AnyWidget)
