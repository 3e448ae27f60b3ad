"""Colours of the stepper's picture in the dark."""

from __future__ import annotations

from unroll.drawing.theme import palette


def dark_picture() -> str:
    """Style sheet: the picture's paints in the dark theme."""
    light, dark = palette("light"), palette("dark")
    rules = []
    for paint in ("ink", "background", "forward", "backward", "faint", "shade"):
        for attribute in ("fill", "stroke"):
            rules.append((attribute, light.color(paint), dark.color(paint)))
    found = []
    for attribute, one, other in dict.fromkeys(rules):
        rule = f'svg [{attribute}="{one}"]{{{attribute}:{other}}}'
        found.append(f'.unroll[data-theme="dark"] {rule}')
        found.append(f'@media (prefers-color-scheme: dark) {{.unroll[data-theme="auto"] {rule}}}')
    return "\n" + "\n".join(found) + "\n"
