"""Themes: what colour a paint has on each ground, and how heavy its lines are.

Text and lines have a contrast of at least 4.5:1 with their ground (WCAG 2.2, 1.4.3 and 1.4.11), in
`contrast` 7:1. `print` has greys alone: the way back is lighter and heavier, which a photocopy
keeps. `transparent` is read on white and on #0d1117 alike: no colour has more than 4.35:1 with
both, since the product of the two contrasts is that of the grounds with each other, 18.9:1.

The signed maps run from -16 to +16 in equal steps of perceived lightness (OKLCh): purple, white,
orange on light, where the sign survives in grey because purple is darker; blue, black, red on dark.
That of `print` (CIE L*) is darker than its middle grey below zero and lighter above; that of
`contrast` is light throughout, for black digits. The maps of norms move away from the ground in
equal steps of perceived lightness (OKLCh); that of `transparent`, which may not, turns from blue to
red at one lightness.
"""

from __future__ import annotations

from dataclasses import dataclass

from unroll.errors import UnrollError

LEVELS = 16
NORMS = 16  # colours of the map of norms
THEMES = ("light", "dark", "auto", "print", "contrast", "transparent")

_LIGHT = (
    "#5f3298 #683f9f #704ba6 #7957ad #8263b4 #8b6fbb #947ac1 #9d86c8 #a792ce #b09ed4 #baaada"
    " #c4b6df #cdc2e5 #d7cfea #e1dbef #ebe8f3 #f5f5f5 #f5eae4 #f2e0d5 #f0d6c7 #ecccb9 #e9c2ab"
    " #e5b89e #e1ae91 #dca583 #d89b76 #d39169 #ce875b #c97e4e #c47440 #bf6a30 #ba601d #b45600"
)
_DARK = (
    "#7aaeef #74a4e1 #6d9ad3 #6790c5 #6087b7 #5a7daa #54749c #4e6a8f #486182 #425875 #3c5068"
    " #37475c #313e4f #2c3643 #272e37 #22262b #1e1e1e #2c2423 #392b29 #463330 #533a36 #61423d"
    " #6f4944 #7c514b #8b5953 #99625a #a76a62 #b6726a #c57b71 #d48479 #e38d82 #f2968a #fea195"
)
_GREYS = (
    "#2c2c2c #313131 #373737 #3d3d3d #424242 #484848 #4e4e4e #545454 #5a5a5a #606060 #666666"
    " #6d6d6d #737373 #797979 #808080 #868686 #919191 #9b9b9b #a1a1a1 #a6a6a6 #acacac #b2b2b2"
    " #b8b8b8 #bebebe #c3c3c3 #c9c9c9 #cfcfcf #d5d5d5 #dbdbdb #e1e1e1 #e7e7e7 #ededed #f3f3f3"
)
_PALE = (
    "#a888e0 #ad8fe2 #b296e4 #b79de6 #bca4e7 #c1abe9 #c6b3eb #cbbaed #d0c1ef #d5c8f0 #dacff2"
    " #dfd6f3 #e5ddf5 #eae4f6 #efecf7 #f5f3f9 #fafafa #faf3ed #faebe0 #f9e4d4 #f9ddc7 #f8d5ba"
    " #f7cead #f6c6a0 #f5bf93 #f4b786 #f3b078 #f1a86a #f0a05b #ee984b #ec9038 #ea881f #e68101"
)

_LIGHT_NORMS = (
    "#a26d05 #9e6300 #9a5b05 #965101 #924800 #8e3e03 #8a3301 #842a0a"
    " #7e2111 #771816 #700d1a #68021d #5d0120 #530022 #490022 #3f0022"
)
_DARK_NORMS = (
    "#ca517e #d3597b #db6278 #e36c75 #e97573 #ef7f72 #f58a71 #fa9471"
    " #fe9f73 #ffab7a #ffb782 #fec38e #fece9a #fed8a8 #ffe3b6 #ffedc8"
)
_PRINT_NORMS = (
    "#747474 #6c6c6c #636363 #5b5b5b #535353 #4b4b4b #434343 #3c3c3c"
    " #343434 #2d2d2d #262626 #1f1f1f #181818 #111111 #0b0b0b #060606"
)
_CONTRAST_NORMS = (
    "#864900 #814202 #7c3a01 #773302 #732a00 #6d2302 #671c05 #611408"
    " #5a0d0a #53050c #4c010e #43000f #3a0010 #31000f #29000e #21000c"
)
_TRANSPARENT_NORMS = (
    "#417dc7 #0984c2 #0188ae #098b9d #068d8f #0a8f80 #0a916d #10944d"
    " #4a902b #6c8805 #838106 #947902 #a17206 #b06804 #c25900 #cc4b2b"
)


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by paint, as `#rrggbb`; the signed map from -16 to +16; the digits on it.

    weights: factors of the width of lines, by paint, where it is not 1. The background of a
    transparent theme is `none`. norms: the map of norms from the smallest, one after another.
    """

    name: str
    paints: tuple[tuple[str, str], ...]
    signed: str  # 33 colours, one after another
    digits: tuple[str, str]  # on a light and on a dark cell
    weights: tuple[tuple[str, float], ...] = ()
    norms: str = ""

    def color(self, paint: str) -> str:
        """The colour of a paint: a name, `signed+07`, `digits+07` for what is written on it, or
        `norm+07`."""
        if paint.startswith("norm"):
            return self.norms.split()[int(paint[4:])]
        if paint.startswith("signed"):
            return self._cell(int(paint[6:]))
        if paint.startswith("digits"):
            return self._legible(self._cell(int(paint[6:])))
        return dict(self.paints)[paint]

    def weight(self, paint: str | None) -> float:
        """By how much lines of this paint are wider than the scene says."""
        return dict(self.weights).get(paint or "", 1.0)

    def _cell(self, level: int) -> str:
        return self.signed.split()[level + LEVELS]

    def _legible(self, ground: str) -> str:
        dark_text, light_text = self.digits
        better = contrast(light_text, ground) > contrast(dark_text, ground)
        return light_text if better else dark_text


LIGHT = Theme(
    "light",
    (
        ("background", "#ffffff"),
        ("ink", "#1f2328"),
        ("faint", "#656d76"),
        ("shade", "#dde3e9"),
        ("forward", "#0072b2"),
        ("backward", "#b84a00"),
    ),
    _LIGHT,
    ("#010101", "#fefefe"),  # no other paint has these: a style sheet tells them apart
    norms=_LIGHT_NORMS,
)
DARK = Theme(
    "dark",
    (
        ("background", "#0d1117"),
        ("ink", "#e6edf3"),
        ("faint", "#7d8590"),
        ("shade", "#2d333b"),
        ("forward", "#56b4e9"),
        ("backward", "#ff9e4a"),
    ),
    _DARK,
    ("#010102", "#fefeff"),
    norms=_DARK_NORMS,
)
PRINT = Theme(
    "print",
    (
        ("background", "#ffffff"),
        ("ink", "#000000"),
        ("faint", "#757575"),
        ("shade", "#dcdcdc"),
        ("forward", "#1c1c1c"),
        ("backward", "#6b6b6b"),
    ),
    _GREYS,
    ("#010101", "#fefefe"),
    (("backward", 1.7),),
    norms=_PRINT_NORMS,
)
CONTRAST = Theme(
    "contrast",
    (
        ("background", "#ffffff"),
        ("ink", "#000000"),
        ("faint", "#575757"),
        ("shade", "#e0e0e0"),
        ("forward", "#004f91"),
        ("backward", "#943600"),
    ),
    _PALE,
    ("#000000", "#ffffff"),
    (("ink", 1.2), ("forward", 1.2), ("backward", 1.2)),
    norms=_CONTRAST_NORMS,
)
TRANSPARENT = Theme(
    "transparent",
    (
        ("background", "none"),
        ("ink", "#78797c"),
        ("faint", "#777a7d"),
        ("shade", "none"),
        ("forward", "#1f7fc0"),
        ("backward", "#bd600f"),
    ),
    _LIGHT,
    ("#010101", "#fefefe"),
    norms=_TRANSPARENT_NORMS,
)
_PALETTES = {t.name: t for t in (LIGHT, DARK, PRINT, CONTRAST, TRANSPARENT)}


def palette(theme: str) -> Theme:
    """The colours that a figure has where nothing asks for others: `auto` starts light.

    Raises UnrollError for another name.
    """
    if theme not in THEMES:
        raise UnrollError(
            f"there is no theme {theme!r}", remedy=f"Choose one of: {', '.join(THEMES)}."
        )
    return _PALETTES.get(theme, LIGHT)


def level(value: float, largest: float) -> int:
    """Where a value lies on the signed map: -16..16, never 0 for what is not zero."""
    if not largest or value != value:
        return 0
    share = max(-1.0, min(1.0, value / largest))
    nearest = round(share * LEVELS)
    return nearest or (0 if value == 0 else 1 if value > 0 else -1)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours `#rrggbb`, 1..21, as the web's contrast rule defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb`, 0..1, as the web's contrast rule defines it."""
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
