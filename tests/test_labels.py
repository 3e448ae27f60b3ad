"""Labels: centred ink, shared digits, letters that no font has, text that is not TeX."""

import numpy as np
import pytest

from unroll.drawing.labels import SIZE, escape, math, tight, words
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
    assert escape("a_b") == r"a\_b"


def test_labels_scale_with_their_size():
    small, large = math("h", "h", 10.0), math("h", "h", 20.0)
    assert np.allclose([small.width * 2, small.height * 2], [large.width, large.height])
