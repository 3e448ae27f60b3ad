"""PNG, PDF, EPS and DOT of the same scene."""

import struct

import pytest

import unroll
from unroll.errors import UnrollError

NASTY = "</svg><script>alert(1)</script> (\\) 循环"


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".eps", b"%!PS-Adobe-3.0 EPSF")]
)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_formats_are_what_they_say_and_deterministic(suffix, magic, theme):
    template = unroll.template("rnn")
    first, second = (template.draw(theme=theme, title=NASTY).render(suffix) for _ in range(2))
    assert first.startswith(magic)
    assert first == second
    assert b"Date" not in first


def test_a_png_has_two_pixels_a_unit():
    figure = unroll.template("rnn").draw()
    width, height = struct.unpack(">II", figure.render(".png")[16:24])
    assert width == pytest.approx(2 * figure.scene.bounds.width, abs=2)
    assert height == pytest.approx(2 * figure.scene.bounds.height, abs=2)


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".eps"])
def test_letters_without_a_font_are_drawn_without_a_warning(suffix):
    assert unroll.parse("状态[t] = tanh(W @ 状态[t-1])").draw(steps=2).render(suffix)


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".eps"])
def test_a_figure_too_long_for_a_format_is_refused(suffix):
    figure = unroll.template("rnn").draw(steps=2000, elide="none")
    with pytest.raises(UnrollError, match="too long"):
        figure.render(suffix)


def test_repeated_slices_are_drawn():
    template = unroll.template("dynamical-system")
    assert template.draw(steps=402, elide="none", view="unfolded").render(".svg")


def test_dot_has_every_node_and_edge_once():
    source = unroll.template("rnn").draw(title=NASTY).render(".dot")
    assert source.count("pos=") == 15 + 2 + 5 + 2 + 16 + 5 + 1  # nodes, edges, and Unfold
    assert source.count("->") == 16 + 5 + 1
    assert '"unfolded/h[...]\'"' in source


def test_dot_quotes_what_a_user_wrote():
    source = unroll.parse("h[t] = f(h[t-1])").draw(title='<b>"\\x"</b>').render(".dot")
    assert source.startswith('digraph "<b>\\"\\x\\"</b>" {')
