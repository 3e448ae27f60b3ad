"""Slides and fragments that play the sweep."""

import re
import zipfile
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

import unroll
from unroll.drawing.sweeping import sweep
from unroll.errors import UnrollError
from unroll.export.reveal import write_reveal
from unroll.export.slides import write_slides
from unroll.export.staging import gathered

pptx = pytest.importorskip("pptx")

NASTY = '</style></section><script>alert(1)</script> " onload="x 循环 \x00\x1b <!-- &amp; %'
NAMES = ["rnn", "bidirectional", "recursive-tree"]


def opened(data):
    return pptx.Presentation(BytesIO(data))


def pictures(slide):
    return [s for s in slide.shapes if s.shape_type == pptx.enum.shapes.MSO_SHAPE_TYPE.PICTURE]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_slide_a_moment_with_picture_title_and_notes(name, theme):
    scene = unroll.template(name).draw(steps=2, flow="both", title="A title").scene
    moments = sweep(scene)
    deck = opened(write_slides(scene, theme))
    assert len(deck.slides) == len(moments) + 2
    titles = [s.shapes.title.text_frame.text for s in deck.slides]
    assert titles == ["A title", *(m.sentence for m in moments), "A title"]
    sizes = set()
    for slide in deck.slides:
        (picture,) = pictures(slide)
        sizes.add((picture.left, picture.top, picture.width, picture.height))
        assert picture.left >= 0
        assert picture.top + picture.height <= deck.slide_height
        assert picture.left + picture.width <= deck.slide_width
        assert (
            picture._element.nvPicPr.cNvPr.get("descr") == slide.notes_slide.notes_text_frame.text
        )
        with Image.open(BytesIO(picture.image.blob)) as image:
            shape = scene.bounds.width / scene.bounds.height
            assert image.width / image.height == pytest.approx(shape, rel=0.01)
    assert len(sizes) == 1  # nothing jumps
    notes = [s.notes_slide.notes_text_frame.text for s in deck.slides]
    assert notes[1:-1] == [m.sentence for m in moments]


def test_the_vectors_are_those_of_the_moment():
    scene = unroll.template("rnn").draw(steps=2, flow="both").scene
    count = len(sweep(scene))
    for k, slide in enumerate(opened(write_slides(scene)).slides):
        (blip,) = slide.part._element.xpath(".//a:blip/a:extLst/a:ext/*")
        assert blip.tag.endswith("svgBlip")
        (relation,) = blip.attrib.values()
        svg = slide.part.related_part(relation)
        assert svg.content_type == "image/svg+xml"
        text = svg.blob.decode()
        groups = re.findall(r"<g([^>]*data-moment=\"(\d+)\"[^>]*)>", text)
        for attributes, number in groups:
            moment, emphasis = int(number), 'data-kind="emphasis"' in attributes
            seen = moment == k if emphasis else moment <= k
            assert (" opacity=" in attributes) == (not seen)
        assert {int(n) for _, n in groups} == set(range(1, count + 1))


def test_many_moments_share_slides_by_step():
    scene = unroll.template("lstm").draw(steps=6, flow="both").scene
    moments = sweep(scene)
    assert len(moments) > 60
    deck = opened(write_slides(scene))
    few = gathered(moments)
    assert len(deck.slides) == len(few) + 2 < 40
    titles = [s.shapes.title.text_frame.text for s in deck.slides]
    assert titles[1] == "Forward, step 1"
    notes = " ".join(s.notes_slide.notes_text_frame.text for s in list(deck.slides)[1:-1])
    assert notes == " ".join(m.sentence for m in moments)


def test_slides_are_deterministic_and_without_a_clock():
    draw = unroll.template("rnn").draw
    first, second = (write_slides(draw(steps=1, flow="both").scene) for _ in range(2))
    assert first == second
    with zipfile.ZipFile(BytesIO(first)) as archive:
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2000-01-01" in archive.read("docProps/core.xml")


def test_hostile_titles_in_slides():
    scene = unroll.template("rnn").draw(steps=1, title=NASTY * 6, description=NASTY).scene
    deck = opened(write_slides(scene))
    assert deck.slides[0].shapes.title.text_frame.text.startswith("</style></section><script>")
    assert len(deck.core_properties.title) == 255


def test_slides_without_the_library(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pptx", None)
    with pytest.raises(UnrollError, match="python-pptx") as caught:
        write_slides(unroll.template("rnn").draw().scene)
    assert "unroll-graph[slides]" in str(caught.value)


class Page(HTMLParser):
    """Elements with their attributes, the texts of styles and scripts, and what was not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.held, self.open = [], {"style": [], "script": []}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in self.held:
            self.held[self.open[-1]].append(data)


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
@pytest.mark.parametrize("name", NAMES)
def test_fragments_are_the_moments_and_the_policy_knows_every_style(name, theme):
    scene = unroll.template(name).draw(steps=2, flow="both").scene
    moments = sweep(scene)
    page = Page(write_reveal(scene, theme))
    assert page.open == []
    fragments = [a for _, a in page.elements if "fragment" in a.get("class", "").split()]
    assert {int(a["data-fragment-index"]) for a in fragments} == set(range(len(moments) + 1))
    told = [a["data-notes"] for a in fragments if "data-notes" in a]
    assert told == [*(m.sentence for m in moments), scene.title]
    for attributes in fragments:
        if "data-moment" in attributes:
            assert int(attributes["data-moment"]) == int(attributes["data-fragment-index"]) + 1
    (policy,) = [a["content"] for _, a in page.elements if a.get("http-equiv")]
    assert "unsafe" not in policy
    for texts, kind in ((page.held["style"], "style"), (page.held["script"], "script")):
        allowed = re.search(rf"{kind}-src ([^;]*)", policy)[1]
        for text in texts:
            assert b64encode(sha256(text.encode()).digest()).decode() in allowed
    assert all("style" not in a for _, a in page.elements)
    assert [a for t, a in page.elements if t == "aside"] == [{"class": "notes"}]


def test_hostile_titles_in_fragments():
    scene = unroll.template("rnn").draw(steps=1, title=NASTY, description=NASTY).scene
    page = Page(write_reveal(scene))
    assert page.open == []
    assert [t for t, _ in page.elements].count("script") == 1
    assert not [a for _, a in page.elements if "onload" in a]
    assert write_reveal(scene) == write_reveal(scene)
