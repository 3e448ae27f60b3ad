"""The templates: one TOML file a recurrence, found in the package or in the repository."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from unroll.errors import UnrollError, nearest

_PACKAGED = Path(__file__).parent / "_templates"
_REPOSITORY = Path(__file__).parent.parent / "templates"  # an editable install has no packaged copy


@dataclass(frozen=True)
class Template:
    """What a template file says. All but the equations may be left out.

    functions: definitions of opaque functions, for running; roles: names whose role the equations
    do not tell; dims: value shapes; arrays: values for a run; figure: `hide`, `rows`; derive:
    `hide`, and `book`, equation numbers by line (`h[tau]`).
    """

    name: str
    equations: str
    title: str = ""
    source: str = ""
    note: str = ""
    functions: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    dims: Mapping[str, int | list[int]] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)
    figure: Mapping[str, Any] = field(default_factory=dict)
    derive: Mapping[str, Any] = field(default_factory=dict)


def folder() -> Path:
    """Where the template files are."""
    return _PACKAGED if _PACKAGED.is_dir() else _REPOSITORY


@cache
def names() -> tuple[str, ...]:
    """Names of all templates, sorted."""
    return tuple(sorted(p.stem for p in folder().glob("*.toml")))


def load(name: str) -> Template:
    """The template of this name. Raises UnrollError if there is none, naming the nearest."""
    if name not in names():
        close = nearest(name, names(), 0.6)
        remedy = (
            f"Did you mean {close!r}?" if close else f"The templates are: {', '.join(names())}."
        )
        raise UnrollError(f"there is no template {name!r}", remedy=remedy)
    return read((folder() / f"{name}.toml").read_text(encoding="utf-8"), name)


def read(text: str, name: str) -> Template:
    """A template from the text of its file. Raises UnrollError for what is not one."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise UnrollError(f"{name} is not a template: {problem}") from None
    known = {f.name for f in fields(Template)} - {"name"}
    unknown = sorted(set(data) - known)
    if unknown:
        raise UnrollError(
            f"{name}: a template has no entry {unknown[0]!r}",
            remedy=f"Its entries are: {', '.join(sorted(known))}.",
        )
    if not isinstance(data.get("equations"), str):
        raise UnrollError(f'{name} has no equations: write equations = """ ... """')
    data["functions"] = tuple(data.get("functions", ()))
    return Template(name=name, **data)
