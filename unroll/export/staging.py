"""Staging: a scene made ready to be played: what lights up at each moment, drawn over it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from unroll.drawing.scene import (
    Circle,
    Group,
    Path,
    Rectangle,
    Scene,
    Shape,
    Stamp,
    bounds_of,
)
from unroll.drawing.sweeping import Moment, played, sweep
from unroll.errors import UnrollError
from unroll.export.svg import write_svg

EMPHASIS = "emphasis"  # the kind of groups that are seen only while their moment is active
FAINT = 0.16  # how much of what is pending is seen
MOST = 600  # moments that can be played
_PLAYED = re.compile(r'<g(?P<rest>[^>]* data-kind="(?P<kind>\w+)"[^>]* data-moment="(?P<k>\d+)")')
_WIDER = 2.4  # lines, while they are active
_EDGE = 1.6  # around what is filled, px


@dataclass(frozen=True, slots=True)
class Stage:
    """A scene whose groups know their moments (the fact `moment`), and the moments.

    The emphasis of each moment is a group of its own, in front of everything.
    """

    scene: Scene
    moments: tuple[Moment, ...]


def stage(scene: Scene) -> Stage:
    """The scene, ready to be played. Raises UnrollError for one that has too much to play, or nothing."""
    moments = sweep(scene)
    if not moments:
        raise UnrollError("there is nothing to play in a figure without nodes")
    if len(moments) > MOST or any(isinstance(i, Stamp) for i in scene.items):
        raise UnrollError(
            "the figure has too many steps to be played one after another",
            remedy='Leave out steps in the middle (elide="auto").',
        )
    return staged(scene, moments)


def staged(scene: Scene, moments: Sequence[Moment]) -> Stage:
    """The scene with these moments."""
    marked = played(scene, moments)
    groups = [
        Group(EMPHASIS, tuple(_emphasis(moment)), (("moment", str(k)),))
        for k, moment in enumerate(moments, 1)
    ]
    return Stage(replace(marked, items=(*marked.items, *groups)), tuple(moments))


def still(ready: Stage, theme: str, at: int | None = None) -> str:
    """A staged scene as SVG: the finished picture, or one moment of it with its emphasis.

    Every group bears its `data-moment`; the emphasis of other moments is there, but not seen.
    """
    text = write_svg(ready.scene, theme)  # what users wrote is escaped in it: it holds no quotes

    def opened(match: re.Match[str]) -> str:
        k, emphasis = int(match["k"]), match["kind"] == EMPHASIS
        if emphasis and k != at:
            return f'<g opacity="0" aria-hidden="true"{match["rest"]}'
        if emphasis or at is None or k <= at:
            return match[0]
        return f'<g opacity="{FAINT}"{match["rest"]}'

    return _PLAYED.sub(opened, text)


def gathered(moments: Sequence[Moment]) -> tuple[Moment, ...]:
    """Moments of the same pass and step that follow one another, as one."""
    found: list[Moment] = []
    for moment in moments:
        last = found[-1] if found else None
        if last is None or (last.phase, _step(last)) != (moment.phase, _step(moment)):
            found.append(moment)
            continue
        along = {id(g): g for g in (*last.along, *moment.along)}
        found[-1] = replace(
            last,
            active=last.active + moment.active,
            along=tuple(along.values()),
            sentence=f"{last.sentence} {moment.sentence}",
        )
    return tuple(found)


def _step(moment: Moment) -> str | None:
    """The step of a moment; on several axes, that along the first."""
    return moment.step.split(",")[0] if moment.step is not None else None


def _emphasis(moment: Moment) -> Iterator[Shape]:
    """Wider lines in the paint of the pass, over all that is active."""
    paint = "forward" if moment.phase in ("forward", "loss") else "backward"
    for group in (*moment.along, *moment.active):
        if group.kind in ("label", "caption"):
            box = bounds_of([group]).grown(2.5)
            yield Rectangle(box.left, box.top, box.width, box.height, paint, None, _EDGE)
        else:
            yield from _lines(group, paint, outermost=True)


def _lines(group: Group, paint: str, *, outermost: bool) -> Iterator[Shape]:
    """The lines of a group, and of what belongs to it; not what plays at another moment."""
    for item in group.items:
        if isinstance(item, Group):
            if item.kind == "delay" or (
                outermost and item.kind == "value" and _is_own(item, paint)
            ):
                yield from _lines(item, paint, outermost=False)
        elif isinstance(item, (Circle, Rectangle, Path)) and item.stroke:
            yield replace(item, stroke=paint, fill=None, width=_WIDER * item.width)
        elif isinstance(item, Path) or (isinstance(item, Rectangle) and group.kind == "delay"):
            yield replace(item, stroke=paint, fill=paint, width=_EDGE)  # arrowheads, squares


def _is_own(value: Group, paint: str) -> bool:
    """Whether a value in a node belongs to the pass of this paint: its frame says so."""
    frames = {i.stroke for i in value.items if isinstance(i, Rectangle) and i.stroke}
    return ("backward" in frames) == (paint == "backward")
