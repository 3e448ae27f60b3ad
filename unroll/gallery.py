"""The gallery: one command line a figure, run as it stands."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unroll.files import write

_PACKAGED = Path(__file__).parent / "_gallery" / "figures.toml"
_REPOSITORY = Path(__file__).parent.parent / "gallery" / "figures.toml"


@dataclass(frozen=True)
class Entry:
    """A figure: its name, title, the equations in the book, the command that makes it."""

    name: str
    title: str
    source: str
    command: str

    @property
    def file(self) -> str:
        return f"{self.name}.svg"


def entries() -> tuple[Entry, ...]:
    """The figures of the gallery, in order."""
    path = _PACKAGED if _PACKAGED.is_file() else _REPOSITORY
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(Entry(**entry) for entry in data["figure"])


def arguments(entry: Entry, path: Path) -> list[str]:
    """The arguments of the command line that draws an entry to `path`."""
    return [*shlex.split(entry.command)[1:], "--title", entry.title, "-o", str(path)]


def make(directory: Path, run: Callable[[list[str]], object]) -> Iterator[str]:
    """Draw every figure into a folder, and a page that shows them; says what it wrote.

    run: the command line, as a function of its arguments.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for entry in entries():
        run(arguments(entry, directory / entry.file))
        yield str(directory / entry.file)
    write(directory / "README.md", page())
    yield str(directory / "README.md")


def page() -> str:
    """The gallery as a page: each figure with its title, source and command."""
    parts = ["# Gallery\n", "Every figure is drawn from its equations by the command under it.\n"]
    for entry in entries():
        parts.append(
            f"## {entry.title}\n\n![{entry.title}]({entry.file})\n\n"
            f"Goodfellow, Bengio & Courville 2016, {entry.source}\n\n"
            f"```\n{entry.command} -o {entry.file}\n```\n"
        )
        if said := equations(entry):
            parts.append(
                f"<details><summary>Equations</summary>\n\n```\n{said}\n```\n\n</details>\n"
            )
    return "\n".join(parts)


def equations(entry: Entry) -> str:
    """What an entry draws, in canonical form; nothing for a plot of a recurrence of its own."""
    from unroll.interface import parse, template
    from unroll.templates import names

    command, *words = shlex.split(entry.command)[1:]
    said = {"draw": words[:1], "plot": words[1:2], "compose": words}[command]
    first = (
        [shlex.split(w)[0] for w in said if not w.startswith("-")] if command == "compose" else said
    )
    found = []
    for text in first:
        if text in names():
            found.append(str(template(text)))
        elif "=" in text and "[" in text:
            found.append(str(parse(text)))
    return "\n\n".join(dict.fromkeys(found))
