"""The same picture whoever paints it: our PNG, the PDF through PDFium, the SVG through resvg, and,
where they are installed, through librsvg and Chromium."""

import shutil
import subprocess
from dataclasses import replace
from functools import cache
from io import BytesIO
from itertools import product

import numpy as np
import pypdfium2
import pytest
import resvg_py
from PIL import Image, ImageFilter

import unroll
from unroll.drawing.scene import Group

# one picture of each kind of thing that is painted: dashes, cuts, cells, glyphs, boxes, frames, words
FIGURES = {
    "both": ("rnn", {}),
    "values": ("rnn", {"view": "unfolded", "flow": "both", "steps": 3, "values": True}),
    "units": ("lstm-book", {"view": "folded", "level": "units", "glyphs": True, "split": ["h"]}),
    "operations": ("gru", {"view": "unfolded", "level": "operations", "steps": 2}),
    "boxes": ("encoder-decoder", {"flow": "backward"}),
    "schematic": ("memory", {"view": "schematic"}),
    "cells": ("edit-distance", {"steps": 3}),
    "tree": ("recursive-tree", {"steps": 4}),
    "norms": ("rnn", {"view": "unfolded", "flow": "both", "steps": 4, "norms": True}),
    "slices": ("rnn", {"view": "unfolded", "steps": 402, "elide": "none"}),
}
THEMES = ("light", "dark", "print")
SHORT = [name for name in FIGURES if name != "slices"]  # that fit a page
ALIKE = 0.24


@cache
def figure(name, theme):
    recurrence, options = FIGURES[name]
    found = unroll.template(recurrence)
    if options.get("values") or options.get("norms"):
        trace = found.run(steps=options["steps"])
        options = {k: trace if k in ("values", "norms") else v for k, v in options.items()}
    return found.draw(**options, theme=theme)


def pixels(image):
    """Colours from 0 to 1, blurred by a few pixels, so that half a pixel makes no difference."""
    return np.asarray(image.convert("RGB").filter(ImageFilter.BoxBlur(4)), dtype=float) / 255


def difference(one, other):
    """How far apart two pictures are where they are farthest apart; 0 as good as 1 pixel aside.

    Painters round a picture's size up or down, and have it begin at the top or at the bottom.
    """
    assert max(abs(a - b) for a, b in zip(one.shape, other.shape)) <= 2
    height, width = (min(a, b) - 8 for a, b in zip(one.shape[:2], other.shape[:2]))
    ours = one[4:height, 4:width]
    apart = []
    for dy, dx in product((-1, 0, 1), repeat=2):
        theirs = other[4 + dy : height + dy, 4 + dx : width + dx]
        apart.append(np.abs(ours - theirs).max())
    return min(apart)


def opened(data):
    return pixels(Image.open(BytesIO(bytes(data))))


@cache
def png(name, theme):
    return opened(figure(name, theme).render(".png"))


def svg(name, theme):
    """Twice as large, as a PNG is; the longest as wide as painters can do."""
    drawn = figure(name, theme)
    width = 2 * drawn.scene.bounds.width
    return drawn.render(".svg", width=min(width, 16_000))


@cache
def by_resvg(name, theme):
    return opened(resvg_py.svg_to_bytes(svg_string=svg(name, theme)))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", SHORT)
def test_pdf_and_png_rasterise_alike(name, theme):
    page = pypdfium2.PdfDocument(figure(name, theme).render(".pdf"))[0]
    assert difference(png(name, theme), pixels(page.render(scale=2 / 0.75).to_pil())) < ALIKE


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", SHORT)
def test_an_svg_looks_like_the_png(name, theme):
    assert difference(png(name, theme), by_resvg(name, theme)) < ALIKE


@pytest.mark.skipif(not shutil.which("rsvg-convert"), reason="librsvg is not installed")
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", FIGURES)
def test_an_svg_looks_alike_in_librsvg_and_resvg(name, theme):
    done = subprocess.run(
        ["rsvg-convert"],
        input=svg(name, theme).encode(),
        capture_output=True,
        check=True,
    )
    assert difference(opened(done.stdout), by_resvg(name, theme)) < ALIKE


@pytest.mark.skipif(not shutil.which("chromium"), reason="Chromium is not installed")
@pytest.mark.parametrize("name", SHORT)
def test_an_svg_looks_alike_in_chromium_and_resvg(name, tmp_path):
    drawn = figure(name, "light")
    (tmp_path / "a.svg").write_text(drawn.svg(), encoding="utf-8")
    width, height = (int(n + 1) for n in (drawn.scene.bounds.width, drawn.scene.bounds.height))
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-background-networking --hide-scrollbars"
    )
    command = ["chromium", *flags.split(), "--disable-component-update", "--disable-sync"]
    window = [f"--window-size={width},{height}", "--force-device-scale-factor=2"]
    shot = f"--screenshot={tmp_path / 'a.png'}"
    page = (tmp_path / "a.svg").as_uri()
    subprocess.run([*command, *window, shot, page], capture_output=True, check=True, timeout=60)
    assert difference(opened((tmp_path / "a.png").read_bytes()), by_resvg(name, "light")) < ALIKE


@pytest.mark.parametrize("kind", ["node", "edge", "label"])
def test_a_part_that_is_missing_is_seen(kind):
    whole = figure("both", "light")
    for group in list(whole.scene.groups(kind))[::3]:
        less = replace(whole, scene=replace(whole.scene, items=without(whole.scene.items, group)))
        assert difference(png("both", "light"), opened(less.render(".png"))) > 1.2 * ALIKE


def without(items, group):
    return tuple(
        replace(i, items=without(i.items, group)) if isinstance(i, Group) else i
        for i in items
        if i is not group
    )
