"""Colours of a GIF: one table of 256 for all of its frames, so that nothing flickers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]

_COLORS = 256
_EXACT = 48  # the most frequent colours are kept as they are: grounds, lines, cells
_LOOKED_AT = 8  # frames that colours are chosen from, all through the animation


def in_few_colors(frames: Sequence[Array]) -> list[Image.Image]:
    """Frames (rows, columns, 4) as pictures with one table of colours; exact if 256 are enough.

    The most frequent colours are kept, the others stand for the rest by median cut.
    """
    packed = [_packed(f) for f in frames]
    apart = max(1, len(packed) // _LOOKED_AT)
    counts = sum(
        (np.bincount(p.ravel(), minlength=1 << 24) for p in (*packed[::apart], packed[-1])),
        np.zeros(1 << 24, np.int64),
    )
    table = _table(counts)
    nearest = np.full(1 << 24, -1, np.int16)
    pictures = []
    for frame in packed:
        unknown = np.unique(frame[nearest[frame] < 0])
        nearest[unknown] = _nearest(unknown, table)
        picture = Image.fromarray(nearest[frame].astype(np.uint8), "P")
        picture.putpalette(_unpacked(table).astype(np.uint8).tobytes())
        pictures.append(picture)
    return pictures


def _packed(frame: Array) -> Array:
    """Colours as whole numbers, 0xrrggbb."""
    red, green, blue = (frame[..., i].astype(np.int32) for i in range(3))
    packed: Array = (red << 16) | (green << 8) | blue
    return packed


def _unpacked(colors: Array) -> Array:
    return np.stack([colors >> 16 & 255, colors >> 8 & 255, colors & 255], axis=-1)


def _table(counts: Array) -> Array:
    """The colours that stand for all that were counted."""
    found = np.flatnonzero(counts)
    if len(found) <= _COLORS:
        return found
    often = found[np.argsort(-counts[found], kind="stable")]
    exact, rest = often[:_EXACT], np.sort(often[_EXACT:])
    sheet = Image.fromarray(_unpacked(rest).astype(np.uint8)[None], "RGB")
    few = sheet.quantize(_COLORS - _EXACT, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    flat = np.array((few.getpalette() or [])[: 3 * (_COLORS - _EXACT)], np.int64).reshape(-1, 3)
    return np.concatenate([exact, flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]])


def _nearest(colors: Array, table: Array) -> Array:
    """For each colour the place of the nearest one in the table."""
    wanted, there = _unpacked(colors).astype(np.int64), _unpacked(table).astype(np.int64)
    places = np.empty(len(colors), np.int16)
    for start in range(0, len(colors), 4096):
        part = wanted[start : start + 4096]
        apart = ((part[:, None] - there[None]) ** 2).sum(axis=-1)
        places[start : start + 4096] = apart.argmin(axis=1)
    return places
