"""Settings: what a template asks of its picture beyond its equations.

Coordinates are never among them: rows, frames and words are named, the layout places them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from unroll.errors import UnrollError, nearest


@dataclass(frozen=True)
class Settings:
    """A template's `[figure]` table.

    hide: variables to leave out; rows: top to bottom, each one or more names; boxes: frames by
    title, each around the nodes of some variables; modules: the parts of a schematic by title, each
    with its variables; schematic: their rows, top to bottom, titles in a row parted by `|`; split: states whose earlier value is a node of its own in the circuit;
    names: words beside units, by variable; first: whether the window shows the first steps, not
    those around t; ghosts: whether it shows what comes before and after.
    """

    hide: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    boxes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schematic: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    first: bool = False
    ghosts: bool = True


def read(table: Mapping[str, Any], source: str = "the template") -> Settings:
    """The settings that a table says. Raises UnrollError for an entry that there is not."""
    known = {f.name: f.type for f in fields(Settings)}
    said: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            close = nearest(key, known)
            raise UnrollError(
                f"{source}: [figure] has no entry {key!r}",
                remedy=f"Did you mean {close!r}?" if close else f"It has: {', '.join(known)}.",
            )
        said[key] = _frozen(value)
    return Settings(**said)


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, Mapping):
        return {key: _frozen(each) for key, each in value.items()}
    return value
