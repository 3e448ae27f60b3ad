"""Formats: which file a suffix means, who writes it, and which options it has. One row a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from unroll.drawing.scene import Scene
from unroll.errors import UnrollError

Written = str | bytes
Writer = Callable[..., Written]


@dataclass(frozen=True, slots=True)
class Format:
    """write: from a scene, a theme and the options that there are to text or bytes.

    plays: whether it moves by itself, or from one page to the next; moving: what writes it so where
    it does so only on request.
    """

    write: Writer
    options: frozenset[str] = frozenset()
    plays: bool = False
    moving: Writer | None = None


def _svg(scene: Scene, theme: str, **options: Any) -> str:
    from unroll.export.svg import write_svg

    return write_svg(scene, theme, **options)


def _moving_svg(scene: Scene, theme: str) -> str:
    from unroll.export.animation import write_moving_svg

    return write_moving_svg(scene, theme)


def _raster(kind: str) -> Writer:
    def write(scene: Scene, theme: str, **options: Any) -> bytes:
        from unroll.export.raster import write_raster

        return write_raster(scene, kind, theme, **options)

    return write


def _animation(kind: str) -> Writer:
    def write(scene: Scene, theme: str) -> bytes:
        from unroll.export.animation import write_animation

        return write_animation(scene, kind, theme)

    return write


def _tikz(scene: Scene, theme: str) -> str:
    from unroll.export.tikz import write_tikz

    return write_tikz(scene, theme)


def _beamer(scene: Scene, theme: str) -> str:
    from unroll.export.beamer import write_beamer

    return write_beamer(scene, theme)


def _dot(scene: Scene, theme: str) -> str:
    from unroll.export.dot import write_dot

    return write_dot(scene, theme)


def _mermaid(scene: Scene, theme: str) -> str:
    from unroll.export.mermaid import write_mermaid

    return write_mermaid(scene)


def _reveal(scene: Scene, theme: str) -> str:
    from unroll.export.reveal import write_reveal

    return write_reveal(scene, theme)


def _slides(scene: Scene, theme: str) -> bytes:
    from unroll.export.slides import write_slides

    return write_slides(scene, theme)


_SIZED = frozenset({"width", "transparent"})

FORMATS: Mapping[str, Format] = {
    ".svg": Format(_svg, _SIZED, moving=_moving_svg),
    ".pdf": Format(_raster("pdf"), _SIZED),
    ".png": Format(_raster("png"), _SIZED),
    ".eps": Format(_raster("eps"), _SIZED),
    ".tex": Format(_tikz, moving=_beamer),
    ".dot": Format(_dot),
    ".mmd": Format(_mermaid),
    ".gif": Format(_animation("gif"), plays=True),
    ".apng": Format(_animation("apng"), plays=True),
    ".html": Format(_reveal, plays=True),
    ".pptx": Format(_slides, plays=True),
}
SUFFIXES = tuple(FORMATS)


def check_suffix(suffix: str, path: str) -> None:
    """Raises UnrollError for a suffix that no format has."""
    if suffix not in FORMATS:
        raise UnrollError(
            f"cannot tell the format of {path!r} by its suffix",
            remedy=f"Use one of: {' '.join(SUFFIXES)}",
        )


def write_as(
    scene: Scene,
    suffix: str,
    theme: str,
    *,
    width: float | str | None = None,
    transparent: bool = False,
    animate: bool = False,
) -> Written:
    """The scene in the format of a suffix (`.pdf`).

    Raises UnrollError for an option that the format does not have, and what its writer refuses.
    """
    row = FORMATS[suffix]
    said: dict[str, Any] = {"width": width} if width is not None else {}
    said |= {"transparent": True} if transparent else {}
    for option in said:
        if option not in row.options or animate:
            able = " ".join(s for s, other in FORMATS.items() if option in other.options)
            raise UnrollError(
                f"a {suffix}{' that plays' if animate else ''} has no option {option}",
                remedy=f"Leave it out, or save a still {able}",
            )
    if not animate or row.plays:
        return row.write(scene, theme, **said)
    if row.moving is None:
        able = " ".join(s for s, other in FORMATS.items() if other.plays or other.moving)
        raise UnrollError(f"a {suffix} does not play", remedy=f"Use one of: {able}")
    return row.moving(scene, theme)
