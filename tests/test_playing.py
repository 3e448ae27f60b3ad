"""Formats that play the sweep: animations, fragments, slides; and the text of Mermaid."""

import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import unroll
from unroll import UnrollError
from unroll.drawing.sweeping import sweep

HOSTILE = 'x"]; <script>alert(1)</script> & \\end{x} %'


@pytest.fixture(scope="module")
def figure():
    return unroll.template("rnn").draw(view="unfolded", steps=2, flow="both")


@pytest.mark.parametrize("suffix", [".gif", ".apng"])
def test_frames_are_as_many_as_moments_and_of_one_size(figure, suffix):
    moving = Image.open(BytesIO(figure.render(suffix)))
    assert moving.n_frames <= len(sweep(figure.scene)) + 2
    assert moving.n_frames > len(sweep(figure.scene)) // 2
    moving.seek(0)
    first = np.asarray(moving.convert("RGB"), dtype=int)
    moving.seek(moving.n_frames - 1)
    last = np.asarray(moving.convert("RGB"), dtype=int)
    still = np.asarray(Image.open(BytesIO(figure.render(".png"))).convert("RGB"), dtype=int)
    assert first.shape == last.shape == still.shape
    assert np.abs(last - still).mean() < 1.5 < np.abs(first - still).mean()


def test_an_svg_that_moves_is_finished_for_those_who_want_no_motion(figure):
    svg = figure.render(".svg", animate=True)
    count = len(sweep(figure.scene))
    assert set(re.findall(r'data-moment="(\d+)"', svg)) == {str(k) for k in range(1, count + 1)}
    assert svg.count("@keyframes") == 2 * count  # what appears, and what lights up
    assert "prefers-reduced-motion:reduce" in svg
    with pytest.raises(UnrollError, match=r"a \.png does not play"):
        figure.render(".png", animate=True)


def test_fragments_play_the_sweep_offline(figure):
    page = figure.render(".html")
    indices = {int(i) for i in re.findall(r'data-fragment-index="(\d+)"', page)}
    assert indices == set(range(len(sweep(figure.scene)) + 1))  # and the whole picture
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="https?:', page)


def test_slides_have_notes_vectors_and_texts(figure):
    pptx = pytest.importorskip("pptx")
    data = figure.render(".pptx")
    assert data == figure.render(".pptx")
    deck = pptx.Presentation(BytesIO(data))
    assert len(deck.slides) == len(sweep(figure.scene)) + 2
    slide = deck.slides[3]
    assert slide.notes_slide.notes_text_frame.text == sweep(figure.scene)[2].sentence
    picture = next(s for s in slide.shapes if s.shape_type == 13)
    assert picture._element.nvPicPr.cNvPr.get("descr")
    assert b"svgBlip" in slide.part.blob


def test_mermaid_holds_every_node_and_edge(figure):
    text = figure.render(".mmd")
    nodes = [g for g in figure.scene.groups() if g.kind in ("node", "ghost")]
    edges = list(figure.scene.groups("edge"))
    assert text.count("((") == len(nodes)
    assert text.count("-->") + text.count("-.->") == len(edges)


@pytest.mark.parametrize("suffix", [".html", ".mmd", ".svg"])
def test_titles_are_data(suffix):
    drawn = unroll.template("rnn").draw(steps=1, title=HOSTILE).render(suffix)
    assert "<script>alert" not in drawn
