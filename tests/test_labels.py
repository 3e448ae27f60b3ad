"""Labels: centred ink, shared digits, letters that no font has, text that is not TeX."""

import numpy as np
import pytest

from unroll.drawing.labels import FONTS, SIZE, escape, math, tight, words
from unroll.drawing.scene import Ink, Text, bounds_of


@pytest.mark.parametrize(
    "tex", ["h^{(t-1)}", r"\hat{y}^{(t)}", "L_{t+1}", r"\nabla_{W}L", r"W^\top"]
)
def test_ink_is_centred(tex):
    box = bounds_of(math(tex, "x").shapes)
    assert box.center == pytest.approx((0, 0), abs=1e-9)


@pytest.mark.parametrize(
    "frame", ["h^{(#)}", r"\hat{y}_{#}", r"\nabla_{h^{(#)}}L", r"x^{\langle #\rangle}"]
)
@pytest.mark.parametrize("number", ["7", "10", "365", "9999"])
def test_numbers_put_together_from_digits_look_like_those_set_as_a_whole(frame, number):
    composed = bounds_of(math(frame, "x", number=number).shapes)
    whole = bounds_of(math(frame.replace("#", number), "x").shapes)
    assert (composed.width, composed.height) == pytest.approx((whole.width, whole.height), abs=0.05)


def test_digits_are_shared_between_labels():
    one, two = (math("h^{(#)}", "x", number=n) for n in ("12", "21"))
    outlines = [{s.outline for s in label.shapes if isinstance(s, Ink)} for label in (one, two)]
    assert outlines[0] == outlines[1]


def test_letters_without_a_font_keep_one_em_each():
    label = math("状态^{(t)}", "状态[t]")
    letters = [s for s in label.shapes if isinstance(s, Text)]
    assert "".join(s.text for s in letters) == "状态"
    assert letters[1].x - letters[0].x == pytest.approx(SIZE, abs=0.1)


@pytest.mark.parametrize(
    "text", ["</svg>", "a_b^c", "50% & #1", "$x$", "{", "\\write18", "a~b", "\x07"]
)
def test_any_text_can_be_set(text):
    assert words(text).width > 0


@pytest.mark.parametrize("tex", ["h^{(", r"\undefined{x}", "}{", "a^b^c"])
def test_what_is_not_mathtext_is_shown_as_letters(tex):
    assert math(tex, "x").width >= 0


def test_spacing_is_that_of_tex():
    assert tight("h^{(t-1)}") == r"h^{\!(t{-}1)}"
    assert tight(r"W^{\top}") == r"W^{\!\top}"
    assert tight("h^{(t-1)}", "stix") == r"h^{(t{-}1)}"
    assert tight(r"\hat{\boldsymbol{y}}^{(t)}") == r"\hat{\boldsymbol{y}}^{(t)}"
    assert tight(r"\overrightarrow{h}^{(t)}") == r"\overrightarrow{h}^{\;(t)}"
    assert escape("a_b") == r"a\_b"


def test_labels_scale_with_their_size():
    small, large = math("h", "h", 10.0), math("h", "h", 20.0)
    assert np.allclose([small.width * 2, small.height * 2], [large.width, large.height])


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("tex", ["h^{(t-1)}", r"\hat{\boldsymbol{y}}^{(t)}", r"\mathbf{hs}[t]"])
def test_both_fonts_set_labels_with_their_ink_centred(font, tex):
    label = math(tex, "x", font=font)
    assert bounds_of(label.shapes).center == pytest.approx((0, 0), abs=1e-9)
    others = [math(tex, "x", font=f).shapes for f in FONTS]
    assert others[0] != others[1]


@pytest.mark.parametrize("font", FONTS)
def test_numbers_are_put_together_in_both_fonts(font):
    composed = math(r"\boldsymbol{h}^{(#)}", "x", number="365", font=font)
    whole = math(r"\boldsymbol{h}^{(365)}", "x", font=font)
    assert len([s for s in composed.shapes if isinstance(s, Ink)]) == 4  # what stays, three digits
    assert (composed.width, composed.height) == pytest.approx((whole.width, whole.height), abs=0.05)


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("letter", ["h", "W", r"\theta"])
def test_bold_letters_are_heavier_and_of_the_same_font(font, letter):
    light, bold = (math(tex, "x", 100, font=font) for tex in (letter, rf"\boldsymbol{{{letter}}}"))
    assert light.width < bold.width < 1.5 * light.width
    if font == "cm":  # printed over itself, as matplotlib has no bold italic of it
        assert bold.width - light.width == pytest.approx(3, abs=0.05)


def test_only_what_is_said_to_be_bold_is():
    label = math(r"\boldsymbol{h}^{(t)}", "x", 100)
    light = math("h^{(t)}", "x", 100)
    assert label.width - light.width == pytest.approx(1.5, abs=0.05)  # the index stays where it is


@pytest.mark.parametrize("font", FONTS)
def test_letters_without_a_font_have_one_em_each_in_both_fonts(font):
    label = words("训练时", 20, font)
    places = [s.x for s in label.shapes if isinstance(s, Text)]
    assert np.diff(places) == pytest.approx([20, 20], abs=0.1)
    assert bounds_of(label.shapes).center == pytest.approx((0, 0), abs=1e-9)
