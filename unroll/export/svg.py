"""SVG: strings, written in one pass; what is text is escaped in `escape` and nowhere else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from unroll.drawing.scene import (
    Circle,
    Command,
    Group,
    Ink,
    Item,
    Outline,
    Path,
    Rectangle,
    Scene,
    Stamp,
    Text,
)
from unroll.drawing.theme import DARK, Theme, palette
from unroll.errors import UnrollError
from unroll.export.measures import scale_to

_FONTS = "'Noto Serif CJK SC','Noto Serif','Songti SC',serif"
_ALLOWED = frozenset("\t\n\r")
_PLAIN = re.compile(r"[\w .,:;=()\[\]{}^*/+@'-]*", re.ASCII)  # nothing to escape
_PREFIX = re.compile(r"[A-Za-z][\w-]*", re.ASCII)
_ID = "\x00"  # stands for what ids start with until all is written: no escaped text has it


def write_svg(
    scene: Scene,
    theme: str = "light",
    *,
    width: float | str | None = None,
    transparent: bool = False,
    prefix: str = "",
) -> str:
    """The scene as a standalone SVG 1.1 document.

    theme: light, dark, or auto (light, with a style sheet for viewers that prefer dark); width: in
    px, or as `measures.width` reads it (the drawing's own where nothing is said); transparent: no
    background; prefix: what ids start with. They go on with a digest of the content, so that two
    figures share a page; the same figure twice on a page needs two prefixes (see `on_one_page`).
    Raises UnrollError for a width or a prefix that is none.
    """
    if prefix and not _PREFIX.fullmatch(prefix):
        raise UnrollError(
            f"ids cannot start with {prefix!r}",
            remedy="Choose a letter, and letters, digits, - and _ after it.",
        )
    scale = scale_to(scene, width)
    writer = _Writer(scene, palette(theme), _ID, theme == "auto", transparent, scale)
    body = "".join(writer.parts())
    digest = "u" + sha256((body.replace(_ID, "@") + theme).encode()).hexdigest()[:8]
    name = f"{prefix}-{digest}" if prefix else digest
    return f"{writer.head()}{body}</svg>\n".replace(_ID, name)


def on_one_page(scenes: Sequence[Scene], theme: str = "light") -> list[str]:
    """Documents whose ids all differ: a scene that comes again gets a number in its ids."""
    seen: Counter[Scene] = Counter()
    found = []
    for scene in scenes:
        seen[scene] += 1
        copy = f"copy{seen[scene]}" if seen[scene] > 1 else ""
        found.append(write_svg(scene, theme, prefix=copy))
    return found


def escape(text: str) -> str:
    """Text for content and attributes alike; characters that XML cannot hold become U+FFFD."""
    if _PLAIN.fullmatch(text):
        return text
    clean = "".join(
        c if _is_xml(ord(c)) or c in _ALLOWED else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        clean = clean.replace(character, entity)
    return clean


def _is_xml(code: int) -> bool:
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


@dataclass(frozen=True)
class _Writer:
    scene: Scene
    theme: Theme
    prefix: str
    auto: bool
    transparent: bool
    scale: float
    names: Counter[str] = field(default_factory=Counter)

    def head(self) -> str:
        """What comes before the parts."""
        b, scale = self.scene.bounds, self.scale
        size = f'width="{number(b.width * scale)}" height="{number(b.height * scale)}"'
        box = f'viewBox="{number(b.left)} {number(b.top)} {number(b.width)} {number(b.height)}"'
        p = self.prefix
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'id="{p}" {size} {box} role="img" aria-labelledby="{p}-title {p}-desc" data-unroll="1">\n'
            f'<title id="{p}-title">{escape(self.scene.title)}</title>\n'
            f'<desc id="{p}-desc">{escape(self.scene.description)}</desc>\n'
            f"{self._style() if self.auto else ''}"
        )

    def parts(self) -> Iterator[str]:
        """Definitions, background and items."""
        b = self.scene.bounds
        shared = self._shared()
        if shared or self.scene.symbols:
            yield "<defs>\n"
            for outline, name in shared.items():
                yield f'<path id="{name}" d="{_relative(outline)}"/>\n'
            for symbol, items in self.scene.symbols:
                yield f'<g id="{self.prefix}-{symbol}">'
                for item in items:
                    yield from self._item(item, shared)
                yield "</g>\n"
            yield "</defs>\n"
        if not self.transparent:
            background = self.theme.color("background")
            yield (
                f'<rect x="{number(b.left)}" y="{number(b.top)}" width="{number(b.width)}" '
                f'height="{number(b.height)}" fill="{background}"/>\n'
            )
        for item in self.scene.items:
            if isinstance(item, Stamp):
                yield self._stamp(item)
                continue
            yield from self._item(item, shared)
            yield "\n"

    def _shared(self) -> dict[Outline, str]:
        """Outlines that occur more than once, with their ids, in the order of appearance."""
        symbols = [i for _, items in self.scene.symbols for i in items]
        counts = Counter(ink.outline for ink in _inks([*symbols, *self.scene.items]))
        often = [outline for outline, count in counts.items() if count > 1]
        return {outline: f"{self.prefix}-o{i}" for i, outline in enumerate(often)}

    def _style(self) -> str:
        used = sorted(_paints(self.scene))
        rules = []
        for paint in used:
            light, dark = self.theme.color(paint), DARK.color(paint)
            for attribute in ("fill", "stroke"):
                rules.append(f'#{self.prefix} [{attribute}="{light}"]{{{attribute}:{dark}}}')
        return f"<style>@media (prefers-color-scheme:dark){{{''.join(rules)}}}</style>\n"

    # --- items ------------------------------------------------------------------

    def _item(self, item: Item, shared: dict[Outline, str]) -> Iterator[str]:
        if isinstance(item, Group):
            yield self._open(item)
            for child in item.items:
                yield from self._item(child, shared)
            yield "</g>"
        elif isinstance(item, Circle):
            at = f'cx="{number(item.x)}" cy="{number(item.y)}" r="{number(item.radius)}"'
            yield f"<circle {at}{self._look(item)}/>"
        elif isinstance(item, Rectangle):
            at = f'x="{number(item.x)}" y="{number(item.y)}"'
            size = f'width="{number(item.w)}" height="{number(item.h)}"'
            yield f"<rect {at} {size}{self._look(item)}/>"
        elif isinstance(item, Path):
            yield f'<path d="{_absolute(item.commands)}"{self._look(item)}/>'
        elif isinstance(item, Ink):
            fill = self.theme.color(item.fill)
            if item.outline in shared:
                yield self._use(shared[item.outline], item.x, item.y, f' fill="{fill}"')
            else:
                start = f"M{number(item.x)} {number(item.y)}"
                yield f'<path d="{start}{_relative(item.outline)}" fill="{fill}"/>'
        elif isinstance(item, Text):
            yield (
                f'<text x="{number(item.x)}" y="{number(item.y + 0.35 * item.size)}" '
                f'font-family="{_FONTS}" font-size="{number(item.size)}" text-anchor="middle" '
                f'fill="{self.theme.color(item.fill)}">{escape(item.text)}</text>'
            )
        else:
            yield self._stamp(item)

    def _stamp(self, stamp: Stamp) -> str:
        kind = f'data-kind="{stamp.kind}"' if stamp.kind else ""
        place = f' x="{number(stamp.dx)}"' if stamp.dx else ""
        place += f' y="{number(stamp.dy)}"' if stamp.dy else ""
        name = f"#{self.prefix}-{stamp.symbol}"
        return f'<use {kind}{_data(stamp.data)} href="{name}" xlink:href="{name}"{place}/>\n'

    def _open(self, group: Group) -> str:
        identity = ""
        if group.kind in ("node", "ghost"):
            facts = (group.fact("view"), group.fact("name"), group.fact("index"))
            name = "-".join([self.prefix, *(_id(f) for f in facts if f is not None)])
            self.names[name] += 1  # the ghosts at both ends are called the same
            identity = f' id="{name}{f"--{self.names[name]}" if self.names[name] > 1 else ""}"'
        spoken = f"<title>{escape(group.text)}</title>" if group.text else ""
        return f'<g{identity} data-kind="{escape(group.kind)}"{_data(group.data)}>{spoken}'

    def _use(self, name: str, x: float, y: float, more: str) -> str:
        return f'<use href="#{name}" xlink:href="#{name}" x="{number(x)}" y="{number(y)}"{more}/>'

    def _look(self, item: Circle | Rectangle | Path) -> str:
        fill = self.theme.color(item.fill) if item.fill else "none"
        look = f' fill="{fill}"'
        if item.stroke:
            width = number(item.width * self.theme.weight(item.stroke))
            look += f' stroke="{self.theme.color(item.stroke)}" stroke-width="{width}"'
            dash = item.dash if isinstance(item, (Circle, Path)) else None
            if dash:
                look += f' stroke-dasharray="{" ".join(number(d) for d in dash)}"'
        return look


def _data(facts: tuple[tuple[str, str], ...]) -> str:
    return "".join(f' data-{key}="{escape(value)}"' for key, value in facts)


def _id(text: str) -> str:
    """Letters and digits as they are, anything else by its code point."""
    return "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}" for c in text)


def _inks(items: list[Item]) -> Iterator[Ink]:
    for item in items:
        if isinstance(item, Group):
            yield from _inks(list(item.items))
        elif isinstance(item, Ink):
            yield item


def _paints(scene: Scene) -> set[str]:
    found = {"background"}
    stack: list[Item] = [*scene.items, *(i for _, items in scene.symbols for i in items)]
    while stack:
        item = stack.pop()
        if isinstance(item, Group):
            stack.extend(item.items)
        elif not isinstance(item, Stamp):
            found.add(item.fill or "background")
            if isinstance(item, (Circle, Rectangle, Path)):
                found.add(item.stroke or "background")
    return found


# --- numbers and paths ---------------------------------------------------------------------------


def number(value: float) -> str:
    """At most two decimals, no trailing zeros, no minus zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _absolute(commands: tuple[Command, ...]) -> str:
    return "".join(letter + _joined(numbers) for letter, numbers in commands)


def _joined(numbers: tuple[float, ...]) -> str:
    text = ""
    for value in numbers:
        part = number(value)
        text += part if not text or part.startswith("-") else " " + part
    return text


@lru_cache(maxsize=8192)
def _relative(outline: Outline) -> str:
    """The outline by relative commands, to be put behind an absolute `M` or to stand alone.

    Differences of rounded positions are written, so that rounding does not add up.
    """
    text, at, start = "", (0, 0), (0, 0)
    for letter, numbers in outline.commands:
        if letter == "Z":
            text += "z"
            at = start
            continue
        cents = [round(v * 100) for v in numbers]
        steps = [v - at[i % 2] for i, v in enumerate(cents)]
        text += letter.lower() + _joined(tuple(s / 100 for s in steps))
        at = (cents[-2], cents[-1])
        if letter == "M":
            start = at
    return text
