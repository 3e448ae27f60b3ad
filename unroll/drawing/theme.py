"""Themes: what colour a paint has on light and on dark ground.

The signed maps run from -16 to +16 in equal steps of perceived lightness (OKLCh): purple, white,
orange on light, where the sign survives in grey because purple is darker; blue, black, red on dark.
"""

from __future__ import annotations

from dataclasses import dataclass

from unroll.errors import UnrollError

LEVELS = 16
THEMES = ("light", "dark", "auto")

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


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by paint, as `#rrggbb`; the signed map from -16 to +16; the digits on it."""

    name: str
    paints: tuple[tuple[str, str], ...]
    signed: str  # 33 colours, one after another
    digits: tuple[str, str]  # on a light and on a dark cell

    def color(self, paint: str) -> str:
        """The colour of a paint: a name, `signed+07`, or `digits+07` for what is written on it."""
        if paint.startswith("signed"):
            return self._cell(int(paint[6:]))
        if paint.startswith("digits"):
            return self._legible(self._cell(int(paint[6:])))
        return dict(self.paints)[paint]

    def _cell(self, level: int) -> str:
        return self.signed.split()[level + LEVELS]

    def _legible(self, ground: str) -> str:
        light = luminance(ground)
        dark_text, light_text = self.digits
        on_dark = (luminance(light_text) + 0.05) / (light + 0.05)
        on_light = (light + 0.05) / (luminance(dark_text) + 0.05)
        return light_text if on_dark > on_light else dark_text


LIGHT = Theme(
    "light",
    (
        ("background", "#ffffff"),
        ("ink", "#1f2328"),
        ("faint", "#8c959f"),
        ("forward", "#0072b2"),
        ("backward", "#b84a00"),
    ),
    _LIGHT,
    ("#010101", "#fefefe"),  # no other paint has these: a style sheet tells them apart
)
DARK = Theme(
    "dark",
    (
        ("background", "#0d1117"),
        ("ink", "#e6edf3"),
        ("faint", "#6e7681"),
        ("forward", "#56b4e9"),
        ("backward", "#ff9e4a"),
    ),
    _DARK,
    ("#010102", "#fefeff"),
)


def palette(theme: str) -> Theme:
    """The colours that a figure has where nothing asks for others: `auto` starts light.

    Raises UnrollError for another name.
    """
    if theme not in THEMES:
        raise UnrollError(
            f"there is no theme {theme!r}", remedy=f"Choose one of: {', '.join(THEMES)}."
        )
    return DARK if theme == "dark" else LIGHT


def level(value: float, largest: float) -> int:
    """Where a value lies on the signed map: -16..16, never 0 for what is not zero."""
    if not largest or value != value:
        return 0
    share = max(-1.0, min(1.0, value / largest))
    nearest = round(share * LEVELS)
    return nearest or (0 if value == 0 else 1 if value > 0 else -1)


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb`, 0..1, as the web's contrast rule defines it."""
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
