"""Animations: the forward and backward sweep as GIF, APNG, or an SVG that plays by itself."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import numpy as np

from unroll.drawing.scene import Scene
from unroll.drawing.sweeping import played, sweep
from unroll.errors import UnrollError
from unroll.export.colors import in_few_colors
from unroll.export.frames import each_frame
from unroll.export.raster import write_raster
from unroll.export.svg import write_svg

SECONDS, REST = 0.8, 2.4  # of a moment, and of the finished picture at the end
_MOST = 400  # moments


def write_animation(
    scene: Scene, kind: str, theme: str = "light", *, seconds: float = SECONDS
) -> bytes:
    """The scene as a looping picture, every frame of one size; two pixels a unit.

    kind: gif or apng; seconds: of each moment. Raises UnrollError for very many moments.
    """
    from PIL import Image

    _check(scene)
    pictures = [
        Image.open(BytesIO(write_raster(frame, "png", theme))).convert("RGBA")
        for frame in each_frame(scene)
    ]
    times = [round(1000 * seconds)] * (len(pictures) - 1) + [round(1000 * REST)]
    out = BytesIO()
    shown: dict[str, Any] = {"save_all": True, "duration": times, "loop": 0}
    if kind == "gif":
        pictures = in_few_colors([np.asarray(picture) for picture in pictures])
        pictures[0].save(out, "GIF", append_images=pictures[1:], disposal=1, **shown)
    else:
        pictures[0].save(out, "PNG", append_images=pictures[1:], **shown)
    return out.getvalue()


def write_moving_svg(scene: Scene, theme: str = "light", *, seconds: float = SECONDS) -> str:
    """An SVG that plays its sweep over and over; finished where motion is not wanted."""
    _check(scene)
    moments = sweep(scene)
    svg = write_svg(played(scene, moments), theme)
    found = re.search(r'<svg [^>]*?id="([^"]+)"', svg)
    assert found is not None
    style = _style(found[1], len(moments), seconds)
    return svg.replace("</desc>\n", f"</desc>\n{style}", 1)


def _check(scene: Scene) -> None:
    count = len(sweep(scene))
    if count > _MOST:
        raise UnrollError(
            f"the sweep of this figure has {count} moments, more than {_MOST}",
            remedy="Draw fewer steps, or leave some out.",
        )


def _style(name: str, count: int, seconds: float) -> str:
    """A rule for each moment: faint before it, haloed in it, plain after it."""
    whole = (count + 1) * seconds + REST
    rules = []
    for k in range(1, count + 1):
        start, stop = 100 * k * seconds / whole, 100 * (k + 1) * seconds / whole
        halo = "filter:drop-shadow(0 0 1.6px currentColor)"
        rules.append(
            f"@keyframes {name}-{k}{{0%{{opacity:.13;filter:none}}{start:.3f}%{{opacity:1;{halo}}}"
            f"{stop:.3f}%,100%{{opacity:1;filter:none}}}}"
            f'#{name} [data-moment="{k}"]{{animation:{name}-{k} {whole:.2f}s step-end infinite}}'
        )
    still = f"@media (prefers-reduced-motion:reduce){{#{name} [data-moment]{{animation:none}}}}"
    return f"<style>{''.join(rules)}{still}</style>\n"
