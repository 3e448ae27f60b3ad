"""The vocabulary of drawings: bounds, moving, finding groups."""

from itertools import pairwise

import pytest

from unroll.drawing.scene import (
    Bounds,
    Circle,
    Group,
    Ink,
    Outline,
    Path,
    Rectangle,
    Scene,
    Stamp,
    Text,
    bounds_of,
    moved,
)
from unroll.drawing.theme import DARK, LEVELS, LIGHT, level, luminance, palette
from unroll.errors import UnrollError

OUTLINE = Outline((("M", (0.0, 0.0)), ("L", (4.0, 2.0)), ("Z", ())), Bounds(0, 0, 4, 2))
ITEMS = (
    Circle(0, 0, 10, width=2),
    Rectangle(20, 0, 5, 5),
    Path((("M", (0.0, 0.0)), ("C", (0.0, 40.0, 30.0, 40.0, 30.0, 0.0))), width=0.0),
    Ink(OUTLINE, 50, 1),
    Text("状", 80, 0, 10, 10),
)


def test_bounds_include_strokes_and_follow_curves_not_their_control_points():
    assert bounds_of(ITEMS[:1]) == Bounds(-11, -11, 11, 11)
    curve = bounds_of(ITEMS[2:3])
    assert curve.bottom == pytest.approx(30, abs=0.2)
    assert bounds_of(ITEMS).right == 85
    assert bounds_of(()) == Bounds(0, 0, 0, 0)


@pytest.mark.parametrize("item", [*ITEMS, Group("node", ITEMS)], ids=lambda i: type(i).__name__)
def test_moving_an_item_moves_its_bounds(item):
    before, after = bounds_of([item]), bounds_of([moved(item, 3, -2)])
    expected = before.moved(3, -2)
    assert (after.left, after.top, after.right, after.bottom) == pytest.approx(
        (expected.left, expected.top, expected.right, expected.bottom)
    )


def test_stamps_move_by_their_offset():
    assert moved(Stamp("slice", 5), 3, 2) == Stamp("slice", 8, 2)


def test_groups_come_outermost_first():
    inner = Group("label", ITEMS)
    outer = Group("node", (inner,), (("name", "h"),))
    scene = Scene((outer,), Bounds(0, 0, 1, 1), "", "")
    assert [g.kind for g in scene.groups()] == ["node", "label"]
    assert list(scene.groups("label")) == [inner]
    assert outer.fact("name") == "h"
    assert outer.fact("index") is None


def test_signed_map_has_zero_in_the_middle_and_keeps_signs():
    assert level(0.0, 2.0) == 0
    assert level(1e-9, 2.0) == 1
    assert level(-1e-9, 2.0) == -1
    assert level(9.0, 2.0) == LEVELS
    assert level(float("nan"), 2.0) == 0
    for theme in (LIGHT, DARK):
        assert len(theme.signed.split()) == 2 * LEVELS + 1


def test_signed_maps_change_lightness_evenly_in_each_arm():
    for theme in (LIGHT, DARK):
        cells = [luminance(c) ** (1 / 3) for c in theme.signed.split()]
        for arm in (cells[: LEVELS + 1], cells[LEVELS:]):
            steps = [b - a for a, b in pairwise(arm)]
            assert max(steps) * min(steps) > 0


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_everything_written_is_legible(theme):
    ground = luminance(theme.color("background"))
    for paint in ("ink", "forward", "backward"):
        assert _contrast(luminance(theme.color(paint)), ground) >= 4.5
    for k in range(-LEVELS, LEVELS + 1):
        cell, digits = theme.color(f"signed{k:+03d}"), theme.color(f"digits{k:+03d}")
        assert _contrast(luminance(cell), luminance(digits)) >= 4.5


def _contrast(a, b):
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def test_unknown_theme():
    with pytest.raises(UnrollError, match="there is no theme 'blue'"):
        palette("blue")
