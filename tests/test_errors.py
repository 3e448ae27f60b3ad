"""Errors: the message, the line, the caret, and what counts as a misspelling."""

import pytest

from unroll.errors import Source, Span, UnrollError, nearest, slip

WORDS = ("tanh", "softmax", "step", "cos", "cross_entropy", "greater", "log")


def test_a_message_shows_the_line_with_a_caret():
    error = UnrollError(
        "no", remedy="Do.", source=Source("a\nh[t] = ?", "mine"), span=Span(2, 8, 1)
    )
    assert str(error) == "mine, line 2, column 8: no\n  h[t] = ?\n         ^\nDo."


def test_a_long_line_is_cut_around_the_caret():
    text = "x" * 300 + "?" + "y" * 300
    lines = str(UnrollError("no", source=Source(text), span=Span(1, 301, 1))).splitlines()
    assert len(lines[1]) < 120
    assert lines[1][lines[2].index("^")] == "?"


def test_the_caret_stands_below_wide_characters():
    lines = str(UnrollError("no", source=Source("状態 ?"), span=Span(1, 4, 1))).splitlines()
    assert lines[2] == " " * 7 + "^"  # two columns for each of the two characters


def test_control_characters_are_never_echoed():
    text = str(UnrollError("no", source=Source("a\x1b[31m\u202eb"), span=Span(1, 1, 1)))
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("word", "meant"),
    [("tnah", "tanh"), ("sofmax", "softmax"), ("softmaxx", "softmax"), ("crosentropy", "cross_entropy"),
     ("cross_entrpy", "cross_entropy"), ("gate", None), ("cost", None), ("logit", None),
     ("phi", None), ("f", None), ("stop", "step"), ("cell", None), ("prob", None),
     ("bound", None), ("mode", None), ("node", None), ("form", None)],
)  # fmt: skip
def test_a_slip_of_the_keys(word, meant):
    assert slip(word, WORDS) == meant


def test_the_nearest_is_less_strict():
    assert nearest("teacher", ("teacher-forcing", "rnn"), 0.6) == "teacher-forcing"
    assert nearest("zzz", WORDS) is None
