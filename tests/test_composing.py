"""Figures beside and below one another, cropped, and as wide as a page wants them."""

import re
import struct

import pytest

import unroll
from tests.pictures import complaints
from unroll.cli import main
from unroll.drawing.scene import bounds_of
from unroll.errors import UnrollError


@pytest.fixture(scope="module")
def panels():
    views = [("rnn", "folded"), ("rnn", "unfolded"), ("jordan", "folded"), ("jordan", "unfolded")]
    return [unroll.template(name).draw(view=view) for name, view in views]


@pytest.mark.parametrize("columns", [1, 2, 3, None])
def test_panels_stand_in_rows_and_never_on_one_another(panels, columns):
    made = unroll.compose(panels, ["a", "b", "c", "d"], columns=columns)
    assert complaints(made.scene) == []
    boxes = [bounds_of([group]) for group in made.scene.groups("panel")]
    count = columns or 4
    for k, box in enumerate(boxes):
        if k % count:
            assert box.left > boxes[k - 1].right
        if k >= count:
            assert box.top > max(b.bottom for b in boxes[k - k % count - count : k - k % count])
    bounds = made.scene.bounds
    assert all(bounds.left < b.left and b.right < bounds.right for b in boxes)
    assert all(bounds.top < b.top and b.bottom < bounds.bottom for b in boxes)


def test_rows_of_the_same_name_are_level_in_each_row(panels):
    made = unroll.compose(panels, columns=2)
    for first, second in ((0, 1), (2, 3)):
        groups = list(made.scene.groups("panel"))
        heights = []
        for panel in (groups[first], groups[second]):
            node = next(g for g in panel.items if g.kind == "node" and g.fact("name") == "h")
            heights.append(node.items[0].y)
        assert heights[0] == pytest.approx(heights[1])


def test_panels_are_as_many_as_asked_for(panels):
    with pytest.raises(UnrollError, match="0 columns"):
        unroll.compose(panels, columns=0)


@pytest.mark.parametrize("margin", [0, 4.5])
def test_a_margin_is_left_around_what_is_drawn(panels, margin):
    scene = panels[1].crop(margin).scene
    assert scene.bounds == bounds_of(scene.items).grown(margin)


def test_a_crop_to_nodes_shows_all_of_them():
    figure = unroll.template("rnn").draw(view="unfolded", steps=4)
    cut = figure.crop("h[2], o[3]").scene.bounds
    for group in figure.scene.groups("node"):
        inside = group.fact("index") in ("2", "3") and group.fact("name") in ("h", "o")
        box = bounds_of([group])
        assert inside == (
            cut.left < box.left < box.right < cut.right
            and cut.top < box.top < box.bottom < cut.bottom
        )
    assert f'width="{cut.width:.2f}"' in figure.crop("h[2], o[3]").svg()[:600]


@pytest.mark.parametrize(
    ("to", "message"),
    [
        (-1, "margin of -1"),
        ("h[9]", "no node 'h[9]'"),
        ("", "no node ''"),
        ("nan", "margin of nan"),
    ],
)
def test_what_cannot_be_cropped_to_is_refused(panels, to, message):
    with pytest.raises(UnrollError, match=re.escape(message)):
        panels[1].crop(to)


def test_formats_are_as_wide_as_asked_for(panels):
    figure = panels[0]
    ratio = figure.scene.bounds.height / figure.scene.bounds.width
    width, height = struct.unpack(">II", figure.render(".png", width=300)[16:24])
    assert (width, height) == (600, pytest.approx(600 * ratio, abs=1))
    page = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", figure.render(".pdf", width="8.6cm"))
    assert float(page[1]) == pytest.approx(8.6 / 2.54 * 72, abs=0.01)
    assert float(page[2]) == pytest.approx(8.6 / 2.54 * 72 * ratio, abs=0.01)
    assert 'width="325.04"' in figure.render(".svg", width="1col")
    eps = figure.render(".eps", width="1in").decode("latin-1")
    assert re.search(r"%%HiResBoundingBox: 0\.0+ 0\.0+ 72\.0+ ", eps)


@pytest.mark.parametrize("suffix", [".tex", ".dot", ".mmd", ".gif", ".html", ".pptx"])
def test_a_width_that_a_format_does_not_have_is_refused(panels, suffix):
    with pytest.raises(UnrollError, match="has no option width"):
        panels[0].render(suffix, width=300)


def test_the_command_line_has_them_all(tmp_path):
    path = tmp_path / "a.svg"
    said = ["compose", "rnn", "jordan", "--columns", "1", "--crop", "0", "--width", "300", "-o"]
    main.main([*said, str(path)], standalone_mode=False)
    one, two = (unroll.template(name).draw() for name in ("rnn", "jordan"))
    made = unroll.compose([one, two], columns=1).crop(0)
    assert path.read_text(encoding="utf-8") == made.render(".svg", width=300)
