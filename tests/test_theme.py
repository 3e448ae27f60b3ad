"""Themes: contrast, colour vision, signs that survive without colour."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from unroll.drawing.theme import (
    CONTRAST,
    DARK,
    LEVELS,
    LIGHT,
    PRINT,
    THEMES,
    TRANSPARENT,
    contrast,
    luminance,
    palette,
)
from unroll.errors import UnrollError

OPAQUE = (LIGHT, DARK, PRINT, CONTRAST)
WRITTEN = ("ink", "faint", "forward", "backward")
SHADES = [f"{k:+03d}" for k in range(-LEVELS, LEVELS + 1)]

# Machado, Oliveira & Fernandes 2009, "A physiologically-based model for simulation of color vision
# deficiency", the matrices for linear RGB at severity 1.
VISION = {
    "common": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)  # of sRGB with the white D65 (IEC 61966-2-1)


def linear(color):
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* of linear RGB."""
    ratio = _XYZ @ np.clip(rgb, 0, 1) / _XYZ.sum(axis=1)
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one, other, vision):
    """CIE 1976 colour difference as it is seen; about 2.3 is just noticeable."""
    return float(np.linalg.norm(lab(vision @ linear(one)) - lab(vision @ linear(other))))


@pytest.mark.parametrize("theme", OPAQUE, ids=lambda t: t.name)
def test_text_and_lines_stand_out_from_the_ground(theme):
    least = 7.0 if theme is CONTRAST else 4.5
    for paint in WRITTEN:
        assert contrast(theme.color(paint), theme.color("background")) >= least, paint
    for shade in SHADES:
        ground = theme.color(f"signed{shade}")
        assert contrast(theme.color(f"digits{shade}"), ground) >= least, shade


def test_transparent_figures_are_read_on_white_and_on_dark_alike():
    grounds = (LIGHT.color("background"), DARK.color("background"))
    best = contrast(*grounds) ** 0.5  # of what has the same contrast with both
    assert best == pytest.approx(4.35, abs=0.01)
    assert TRANSPARENT.color("background") == "none"
    for paint in WRITTEN:
        least = min(contrast(TRANSPARENT.color(paint), ground) for ground in grounds)
        assert 4.25 <= least <= best, paint


@pytest.mark.parametrize("vision", sorted(VISION))
@pytest.mark.parametrize("theme", [LIGHT, DARK, CONTRAST, TRANSPARENT], ids=lambda t: t.name)
def test_forward_backward_and_ink_are_told_apart_by_every_kind_of_colour_vision(theme, vision):
    for one, other in combinations(("ink", "forward", "backward"), 2):
        seen = difference(theme.color(one), theme.color(other), VISION[vision])
        assert seen >= 20, (one, other, seen)


def test_print_is_grey_and_its_flows_differ_by_lightness_and_by_weight():
    colors = [PRINT.color(p) for p in ("background", *WRITTEN)]
    colors += [PRINT.color(f"signed{s}") for s in SHADES]
    assert all(c[1:3] == c[3:5] == c[5:7] for c in colors)
    forward, backward = (lab(linear(PRINT.color(p)))[0] for p in ("forward", "backward"))
    assert backward - forward >= 30
    assert PRINT.weight("backward") >= 1.5 * PRINT.weight("forward")
    assert PRINT.weight(None) == 1.0


@pytest.mark.parametrize("theme", [PRINT, LIGHT, CONTRAST], ids=lambda t: t.name)
def test_the_sign_of_a_cell_survives_without_colour(theme):
    light = [lab(np.full(3, luminance(theme.color(f"signed{s}"))))[0] for s in SHADES]
    middle = light[LEVELS]
    if theme is PRINT:  # one direction for each sign
        assert all(a < b for a, b in pairwise(light))
        assert light[LEVELS - 1] < middle - 2 < middle + 2 < light[LEVELS + 1]
    else:  # both are darker than zero, and so the sign is printed; the negative end is darker
        assert all(light[LEVELS - k] < middle > light[LEVELS + k] for k in range(1, LEVELS + 1))
        assert light[0] < light[-1]


@pytest.mark.parametrize("theme", [LIGHT, DARK, PRINT, CONTRAST], ids=lambda t: t.name)
def test_each_paint_of_a_theme_has_a_colour_of_its_own(theme):
    colors = [theme.color(p) for p in ("background", *WRITTEN)]
    colors += [theme.color(f"signed{s}") for s in SHADES]
    colors += list(theme.digits) if theme is not CONTRAST else []
    assert len(set(colors)) == len(colors)  # a style sheet tells paints apart by their colours


def test_every_theme_has_a_palette_and_another_name_is_answered_with_the_choices():
    assert [palette(t).name for t in THEMES] == [
        "light", "dark", "light", "print", "contrast", "transparent",
    ]  # fmt: skip
    with pytest.raises(UnrollError, match="no theme 'sepia'") as caught:
        palette("sepia")
    assert "print" in (caught.value.remedy or "")
