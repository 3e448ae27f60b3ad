"""TikZ and Beamer through pdfLaTeX, where it is installed, and what they say without it."""

import re
import shutil
import subprocess
from functools import cache
from itertools import pairwise

import numpy as np
import pypdfium2
import pytest

import unroll
from unroll import cli, gallery
from unroll.drawing.sweeping import sweep
from unroll.errors import UnrollError
from unroll.export.beamer import write_beamer
from unroll.export.tikz import write_tikz
from unroll.figure import Figure

NASTY = r"50% of \h_1 & #2 {x} ~ ^ $ <b> 循环"
NEEDS = pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
PACKAGES = r"\usepackage{amsmath,amssymb,tikz}\usetikzlibrary{arrows.meta}"
PLAYED = {
    "rnn": {},
    "bptt": {"view": "unfolded", "flow": "both", "steps": 2, "values": True},
    "lstm": {"view": "unfolded", "flow": "both", "steps": 2, "theme": "print"},
}


@cache
def drawings():
    """The figures of the gallery that are drawn, not plotted, as the command line makes them."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for entry in gallery.entries():
            if "draw" in entry.command or "compose" in entry.command:
                patch.setattr(
                    Figure, "save", lambda self, *_, e=entry, **__: found.update({e: self})
                )
                cli.main(gallery.arguments(entry, entry.file), standalone_mode=False)
    return {entry.name: figure for entry, figure in found.items()}


@cache
def played(name):
    options = dict(PLAYED[name])
    template = unroll.template("lstm" if name == "lstm" else "rnn")
    if options.get("values"):
        options["values"] = template.run(steps=options["steps"])
    return template.draw(**options)


def compiled(folder, name, source):
    """The PDF of a document; fails with the errors and complaints of its log."""
    (folder / f"{name}.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=240, check=False)
    log = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
    found = re.findall(r"^(?:!|Overfull|Missing character|LaTeX Warning: Ref).*", log, re.MULTILINE)
    assert not found, found[:5]
    assert done.returncode == 0
    return pypdfium2.PdfDocument(folder / f"{name}.pdf")


def pixels(page, scale=1.0):
    return np.asarray(page.render(scale=scale).to_pil().convert("RGB"), dtype=int)


def said(page):
    return re.sub(r"\s", "", page.get_textpage().get_text_bounded())


def ink(image):
    """The box of what is not ground: left, top, right, bottom."""
    rows, columns = np.nonzero((image < 250).any(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


@NEEDS
def test_the_gallery_compiles_each_picture_as_large_as_its_scene(tmp_path):
    figures = drawings()
    assert len(figures) >= 30
    for name, figure in figures.items():
        (tmp_path / f"{name}.tex").write_text(write_tikz(figure.scene, figure.theme), "utf-8")
    inputs = "\n".join(rf"\input{{{name}}}" for name in figures)
    document = (
        rf"\RequirePackage{{fix-cm}}\documentclass[tikz,border=0bp]{{standalone}}{PACKAGES}"
        rf"\begin{{document}}{inputs}\end{{document}}"
    )
    pdf = compiled(tmp_path, "all", document)
    assert len(pdf) == len(figures)
    for page, figure in zip(pdf, figures.values()):
        box = figure.scene.bounds
        assert page.get_size() == pytest.approx((0.75 * box.width, 0.75 * box.height), abs=0.5)
    whole = pixels(pdf[list(figures).index("fig-10-3")])
    assert (whole < 128).any()


@NEEDS
@pytest.mark.parametrize("name", PLAYED)
def test_a_presentation_has_a_slide_a_moment_and_says_what_happens(name, tmp_path):
    scene = played(name).scene
    moments = sweep(scene)
    pdf = compiled(tmp_path, name, write_beamer(scene))
    assert len(pdf) == len(moments) + 1
    for page, moment in zip(pdf, moments):
        assert re.sub(r"\s", "", moment.sentence)[:40] in said(page)
    assert re.sub(r"\s", "", scene.title)[:30] in said(pdf[len(moments)])


@NEEDS
def test_pictures_in_frames_of_a_presentation_do_not_jump(tmp_path):
    for name in PLAYED:
        figure = played(name)
        source = write_beamer(figure.scene, figure.theme)
        (tmp_path / f"{name}.tex").write_text(source, encoding="utf-8")
    frames = "\n".join(rf"\begin{{frame}}\input{{{name}}}\end{{frame}}" for name in PLAYED)
    document = (
        rf"\RequirePackage{{fix-cm}}\documentclass{{beamer}}{PACKAGES}"
        r"\setbeamertemplate{navigation symbols}{}\newcommand\unrollcaption[1]{}"
    )
    text = rf"{document}\begin{{document}}{frames}\end{{document}}"
    pdf = compiled(tmp_path, "talk", text)
    counts = [len(sweep(played(name).scene)) + 1 for name in PLAYED]
    assert len(pdf) == sum(counts)
    pages = iter(pdf)
    for count in counts:
        images = [pixels(next(pages), 2.0) for _ in range(count)]
        boxes = np.array([ink(image) for image in images])
        assert np.ptp(boxes, axis=0).max() <= 3  # lines that are wider while they are active
        dark = [int((image.max(axis=2) < 140).sum()) for image in images]
        assert dark[0] < dark[-1] / 2  # what is to come is faint
        assert all((a != b).any() for a, b in pairwise(images))
    handout = text.replace(r"\documentclass{beamer}", r"\documentclass[handout]{beamer}")
    assert len(compiled(tmp_path, "handout", handout)) == len(PLAYED)


@NEEDS
def test_only_the_slides_of_a_moment_are_in_the_colour_of_the_pass(tmp_path):
    pdf = compiled(tmp_path, "rnn", write_beamer(played("rnn").scene))
    blue = [int((np.ptp(pixels(page), axis=2) > 60).sum()) for page in pdf]
    assert min(blue[:-1]) > 20
    assert blue[-1] == 0


@NEEDS
def test_the_last_slide_is_the_picture_wherever_there_are_no_slides(tmp_path):
    (tmp_path / "rnn.tex").write_text(write_beamer(played("rnn").scene), encoding="utf-8")
    start = r"\RequirePackage{fix-cm}\documentclass{article}\pagestyle{empty}"
    text = rf"{start}{PACKAGES}\begin{{document}}\input{{rnn}}\end{{document}}"
    (page,) = compiled(tmp_path, "paper", text)
    assert (np.ptp(pixels(page), axis=2) > 60).sum() == 0
    assert (pixels(page) < 80).any()


@NEEDS
def test_what_users_wrote_is_data(tmp_path):
    written = unroll.parse("my_state[t] = tanh(W @ my_state[t-1] + 状态[t])")
    figure = written.draw(steps=2, title=NASTY, notation="subscript")
    (page,) = compiled(tmp_path, "still", write_tikz(figure.scene))
    assert "state" in said(page)
    assert len(compiled(tmp_path, "played", write_beamer(figure.scene))) > 2


def test_playing_tex_is_deterministic_and_told_by_its_option():
    figure = played("rnn")
    assert figure.render(".tex", animate=True) == write_beamer(figure.scene)
    assert figure.render(".tex") == write_tikz(figure.scene)
    assert write_beamer(figure.scene) == write_beamer(figure.scene)


def test_many_moments_share_slides_by_step():
    scene = unroll.template("rnn").draw(view="unfolded", steps=24, elide="none").scene
    assert len(sweep(scene)) > 60
    slides = {int(k) for k in re.findall(r"unrollonly<(\d+)>", write_beamer(scene))}
    assert slides == set(range(1, len(slides) + 1))
    assert 20 <= len(slides) <= 60


def test_what_cannot_be_played_is_refused():
    template = unroll.template("rnn")
    with pytest.raises(UnrollError, match=r"too many steps|too long"):
        write_beamer(template.draw(steps=402, elide="none", view="unfolded").scene)
    with pytest.raises(UnrollError, match="nothing to play"):
        write_beamer(unroll.template("memory").draw(view="schematic").scene)
