"""The gallery is the golden set: what is committed is what its commands draw."""

import re
import shutil
from pathlib import Path

import pytest

from unroll.cli import main
from unroll.gallery import arguments, entries, page

GALLERY = Path(__file__).parent.parent / "gallery"
NUMBER = re.compile(r"-?\d*\.?\d+(?:e-?\d+)?")
NEAR = 0.02  # px: fonts and processors may round the last digit otherwise


def same_picture(one: str, other: str) -> bool:
    """The same elements and text, and every number as good as equal."""
    plain = [re.sub(r"\bu[0-9a-f]{7,}\b", "id", text) for text in (one, other)]
    words = [NUMBER.sub("#", text) for text in plain]
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in plain]
    pairs = zip(*numbers, strict=True)  # a colour may be read as infinite: #6e7681
    return words[0] == words[1] and all(a == b or abs(a - b) <= NEAR for a, b in pairs)


@pytest.mark.parametrize("entry", entries(), ids=lambda e: e.name)
def test_the_committed_figure_is_what_its_command_draws(entry, tmp_path):
    drawn = tmp_path / entry.file
    main.main(arguments(entry, drawn), standalone_mode=False)
    golden = GALLERY / entry.file
    if not golden.exists() or not same_picture(drawn.read_text(), golden.read_text()):
        beside = GALLERY / f"{entry.name}.new.svg"  # to be looked at beside the old one
        shutil.copy(drawn, beside)
        pytest.fail(f"{entry.file} has changed: look at {beside.name}, then run `unroll gallery`")


def test_a_moved_node_or_another_word_is_another_picture():
    svg = '<svg id="u12345678"><text x="1.00">a</text></svg>'
    assert same_picture(svg, svg.replace("u12345678", "uabcdef12").replace("1.00", "1.01"))
    assert not same_picture(svg, svg.replace("1.00", "1.10"))
    assert not same_picture(svg, svg.replace(">a<", ">b<"))
    assert same_picture(svg + "#6e7681", svg + "#6e7681")


def test_the_page_shows_every_figure():
    assert (GALLERY / "README.md").read_text(encoding="utf-8") == page()


def test_nothing_is_left_over():
    files = {p.name for p in GALLERY.iterdir()}
    pages = {"stepper.png", "stepper-dark.png"}  # what a browser shows of `unroll step`
    assert files == {"README.md", "figures.toml", *pages, *(e.file for e in entries())}
