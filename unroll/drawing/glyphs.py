"""Glyphs: a function drawn as its own curve, as in the units of a cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.drawing.geometry import Array
from unroll.drawing.labels import Label
from unroll.drawing.scene import Bounds, Command, Ink, Outline

_WIDTH = 1.6  # of the curve, px


def glyph(values: Sequence[float], text: str, size: float) -> Label:
    """A curve through equally spaced values, as a label of the given width, px.

    values: of a function from left to right; its height is scaled to two thirds of the width.
    """
    heights = np.asarray(values, dtype=float)
    low, high = float(heights.min()), float(heights.max())
    scaled = (heights - (low + high) / 2) / ((high - low) or 1.0)
    points = np.stack(
        [np.linspace(-size / 2, size / 2, len(heights)), -scaled * size / 1.5], axis=1
    )
    outline = _ribbon(points)
    box = Bounds(*outline.min(axis=0).tolist(), *outline.max(axis=0).tolist())
    commands: list[Command] = [("M", tuple(outline[0].tolist()))]
    commands += [("L", tuple(point)) for point in outline[1:].tolist()]
    ink = Ink(Outline((*commands, ("Z", ())), box), 0.0, 0.0)
    return Label(text, (ink,), box.width, box.height)


def _ribbon(points: Array) -> Array:
    """The contour of a line of some width along points."""
    along = np.gradient(points, axis=0)
    along /= np.hypot(*along.T)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * _WIDTH / 2
    return np.concatenate([points + across, (points - across)[::-1]])
