"""Animations: the forward and backward sweep as GIF, APNG, or an SVG that plays by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from unroll.drawing.scene import Scene
from unroll.drawing.theme import palette
from unroll.errors import UnrollError
from unroll.export.colors import in_few_colors
from unroll.export.frames import each_frame
from unroll.export.raster import PIXELS
from unroll.export.staging import EMPHASIS, FAINT, Stage, stage, still

SECONDS = 0.8  # a moment
_REST = 4  # moments that the finished picture is shown
_FADE = 0.2  # of a moment: how long it takes to appear
_SCREEN, _LARGEST = 2.5e6, 40e6  # pixels of a frame: as many as do, and as can be


def write_animation(
    scene: Scene,
    kind: str,
    theme: str = "light",
    *,
    seconds: float = SECONDS,
    pixels: float | None = None,
) -> bytes:
    """The sweep as a GIF or an animated PNG that starts again at its end.

    kind: gif or apng; seconds: per moment, the finished picture rests four times as long; pixels:
    per px of the scene (two, as in a PNG, or as many as make frames that a screen can show). The
    last frame is the still picture (a GIF's has 256 colours). Raises
    UnrollError for what `stage` refuses, a figure too large, a GIF without a ground, and seconds
    that are not above zero.
    """
    _check(seconds)
    ready = stage(scene)
    b = scene.bounds
    if pixels is None:
        pixels = max(1.0, min(PIXELS, (_SCREEN / (b.width * b.height)) ** 0.5))
    if b.width * b.height * pixels**2 > _LARGEST:
        raise UnrollError(
            f"the figure is too large for an animation, {b.width:.0f} by {b.height:.0f} px",
            remedy='Leave out steps in the middle (elide="auto"), or play it as .svg.',
        )
    if kind == "gif" and palette(theme).color("background") == "none":
        raise UnrollError(
            "a GIF cannot be partly transparent",
            remedy="Choose another theme (light, dark), or save it as .apng.",
        )
    lasting = round(1000 * seconds)
    times = [lasting] * (len(ready.moments) + 1) + [_REST * lasting]
    shown: dict[str, Any] = {"save_all": True, "duration": times, "loop": 0}
    out = BytesIO()
    if kind == "gif":
        first, *others = in_few_colors(list(each_frame(ready, theme, pixels)))
        first.save(out, "GIF", append_images=others, **shown)
    else:
        facts = PngInfo()
        facts.add_itxt("Title", scene.title.replace("\x00", "\N{REPLACEMENT CHARACTER}"))
        first, *others = map(Image.fromarray, each_frame(ready, theme, pixels))
        first.save(out, "PNG", append_images=others, pnginfo=facts, **shown)
    return out.getvalue()


def write_moving_svg(scene: Scene, theme: str = "light", *, seconds: float = SECONDS) -> str:
    """The scene as an SVG document that plays the sweep again and again, wherever it is shown.

    seconds: per moment. What is still to come is faint. The finished picture is what is seen where
    style sheets are not applied, and by those who prefer reduced motion. Raises UnrollError for
    what `stage` refuses, and seconds that are not above zero.
    """
    _check(seconds)
    ready = stage(scene)
    text = still(ready, theme)
    name = re.search(r'id="([^"]+)"', text)
    assert name is not None
    rules = "".join(_rules(ready, name[1], seconds))
    style = f"<style>@media not all and (prefers-reduced-motion:reduce){{{rules}}}</style>\n"
    return text.replace("</desc>\n", f"</desc>\n{style}", 1)


def _check(seconds: float) -> None:
    if not seconds >= 0.02:
        raise UnrollError(
            f"a moment cannot last {seconds:g} seconds", remedy="Choose 0.02 seconds or more."
        )


def _rules(ready: Stage, name: str, seconds: float) -> Iterator[str]:
    """Style rules: groups appear at their moments, and the emphasis of each comes and goes."""
    count = len(ready.moments)
    total = count + 1 + _REST
    for k in range(1, count + 1):
        before, at = _share(k, total), _share(k + _FADE, total)
        late, after = _share(k + 1, total), _share(k + 1 + _FADE, total)
        yield (
            f"@keyframes {name}-a{k}{{0%,{before}{{opacity:{FAINT}}}{at},100%{{opacity:1}}}}"
            f"@keyframes {name}-e{k}{{0%,{before}{{opacity:0}}{at},{late}{{opacity:1}}"
            f"{after},100%{{opacity:0}}}}"
            f'#{name} [data-moment="{k}"]{{animation:{name}-a{k} {total * seconds:g}s infinite}}'
            f'#{name} [data-kind="{EMPHASIS}"][data-moment="{k}"]{{animation-name:{name}-e{k}}}'
        )


def _share(moments: float, total: int) -> str:
    return f"{100 * moments / total:.3f}".rstrip("0").rstrip(".") + "%"
