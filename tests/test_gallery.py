"""The gallery is the golden set: what is committed is what its commands draw."""

import shutil
from pathlib import Path

import pytest

from unroll.cli import main
from unroll.gallery import arguments, entries, page

GALLERY = Path(__file__).parent.parent / "gallery"


@pytest.mark.parametrize("entry", entries(), ids=lambda e: e.name)
def test_the_committed_figure_is_what_its_command_draws(entry, tmp_path):
    drawn = tmp_path / entry.file
    main.main(arguments(entry, drawn), standalone_mode=False)
    golden = GALLERY / entry.file
    if not golden.exists() or drawn.read_bytes() != golden.read_bytes():
        beside = GALLERY / f"{entry.name}.new.svg"  # to be looked at beside the old one
        shutil.copy(drawn, beside)
        pytest.fail(f"{entry.file} has changed: look at {beside.name}, then run `unroll gallery`")


def test_the_page_shows_every_figure():
    assert (GALLERY / "README.md").read_text(encoding="utf-8") == page()


def test_nothing_is_left_over():
    files = {p.name for p in GALLERY.iterdir()}
    assert files == {"README.md", "figures.toml", *(e.file for e in entries())}
