"""Styles of a TikZ picture: its colours by name, how its nodes and lines usually look, what differs.

The looks of what occurs often are styles, in one block; what differs from them stands with the item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from unroll.drawing.scene import Circle, Group, Ink, Item, Path, Rectangle, Scene
from unroll.drawing.theme import Theme
from unroll.export.reading import BODIES, HEAD, scale_of, shapes, with_heads
from unroll.export.tex import POINTS, number, points

GAP = 1.5  # px between an arrowhead and its node


@dataclass(frozen=True)
class Styles:
    """The styles of a scene in a theme."""

    scene: Scene
    theme: Theme

    def colors(self) -> Iterator[str]:
        """The definitions of the colours that occur, in the order of their names."""
        others = ("ink", "background")
        inside = [item for _, items in self.scene.symbols for item in items]
        for paint in sorted({*_paints(self.scene.items), *_paints(inside), *others}):
            color = self.color(paint)
            if color is not None:
                yield rf"\definecolor{{{named(paint)}}}{{HTML}}{{{color[1:].upper()}}}"

    def definitions(self) -> Iterator[str]:
        """What stands in `\\tikzset`, which `every unroll picture` may change."""
        radius, width = self._circle
        node = (
            f"circle, draw={named('ink')}, text={named('ink')}, line width={points(width)}, "
            f"minimum size={points(2 * radius)}, "
            # no label makes its circle grow
            f"inner sep={points(-radius / 2)}, outer sep=0bp, {font(self.size)}"
        )
        length, breadth, inset = HEAD
        tip = (
            f"Stealth[length={points(length)}, width={points(breadth)}, "
            f"inset={points(inset * length)}]"
        )
        dash = "dash pattern=on 3.15bp off 2.4bp"
        gap = f"shorten >={points(GAP)}"
        yield f"unroll node/.style={{{node}}},"
        yield f"unroll ghost/.style={{unroll node, {dash}}},"
        yield f"unroll tip/.tip={{{tip}}},"
        for paint, usual in self._lines.items():
            scale = "" if usual[1] == 1.0 else f"[scale={number(usual[1])}]"
            look = (
                f"draw={named(paint)}, line width={points(usual[0])}, -{{unroll tip{scale}}}, {gap}"
            )
            yield f"{_line_style(paint)}/.style={{{look}}},"
        yield f"unroll dashed/.style={{{dash}}},"
        look = f"text={named('ink')}, inner sep=0bp, outer sep=0bp, {font(self.size)}"
        yield f"unroll label/.style={{{look}}},"
        for size in self.sizes:
            if size != self.size:
                yield f"{_size_style(size)}/.style={{{font(size)}}},"
        yield "every unroll picture/.try,"

    def body(self, group: Group, circle: Circle) -> list[str]:
        """The looks of a node."""
        radius, width = self._circle
        looks = [f"unroll {group.kind}"]
        if circle.radius != radius:
            looks.append(f"minimum size={points(2 * circle.radius)}")
        if circle.stroke is None:
            looks.append("draw=none")
        elif circle.stroke != "ink":
            looks.append(f"draw={named(circle.stroke)}")
        if self._width(circle) != width:
            looks.append(f"line width={points(self._width(circle))}")
        if circle.fill and self.color(circle.fill):
            looks.append(f"fill={named(circle.fill)}")
        return looks

    def lettering(self, size: float, paint: str) -> list[str]:
        """What is different about letters of this font size, px, and paint."""
        sizes = [_size_style(size)] if size != self.size and size in self.sizes else []
        return sizes + ([] if paint == "ink" else [f"text={named(paint)}"])

    def arrow(self, item: Path, head: Path) -> str:
        """The style of a line with an arrowhead, and what is different about this one."""
        family = _family(item.stroke or "ink")
        width, scale = self._lines[family]
        looks = [_line_style(family)]
        if item.stroke not in (family, None):
            looks.append(f"draw={named(item.stroke)}")
        if self._width(item) != width:
            looks.append(f"line width={points(self._width(item))}")
        if scale_of(head) != scale:
            looks.append(f"-{{unroll tip[scale={number(scale_of(head))}]}}")
        if item.dash:
            looks.append("unroll dashed")
        return ", ".join(looks)

    def drawn(self, item: Circle | Rectangle | Path) -> str:
        """The command of a shape with its options."""
        looks = []
        stroke = item.stroke if item.stroke and self.color(item.stroke) else None
        fill = item.fill if item.fill and self.color(item.fill) else None
        if fill and not stroke:
            return rf"\fill[{named(fill)}]"
        if stroke:
            looks += [f"draw={named(stroke)}", f"line width={points(self._width(item))}"]
        if fill:
            looks.append(f"fill={named(fill)}")
        dash = None if isinstance(item, Rectangle) else item.dash
        if dash and stroke:
            on, off = (points(d) for d in dash)
            looks.append(f"dash pattern=on {on} off {off}")
        return rf"\path[{', '.join(looks)}]"

    def color(self, paint: str) -> str | None:
        """The colour of a paint; None for what is not painted."""
        color = self.theme.color(paint)
        return None if color == "none" else color

    @cached_property
    def bodies(self) -> tuple[Group, ...]:
        """The nodes and ghosts."""
        return tuple(g for g in self.scene.groups() if g.kind in BODIES)

    @cached_property
    def sizes(self) -> tuple[float, ...]:
        """Font sizes that occur, px, the largest first."""
        found = {i.size for i in shapes(self.scene.items) if isinstance(i, Ink) and i.tex}
        return tuple(sorted(found, reverse=True))

    @cached_property
    def size(self) -> float:
        """The usual font size of nodes, px."""
        inside = (s for g in self.bodies for s in shapes(g.items[:2]))
        found = Counter(s.size for s in inside if isinstance(s, Ink) and s.tex)
        return found.most_common(1)[0][0] if found else max(self.sizes, default=17.0)

    @cached_property
    def _circle(self) -> tuple[float, float]:
        """The usual radius of a node, and the width of its line."""
        found = Counter(
            (i.radius, self._width(i))
            for g in self.bodies
            for i in g.items
            if isinstance(i, Circle)
        )
        return found.most_common(1)[0][0] if found else (20.0, 1.25)

    @cached_property
    def _lines(self) -> dict[str, tuple[float, float]]:
        """The usual width of lines with arrowheads and the scale of these, by paint."""
        found: dict[str, Counter[tuple[float, float]]] = {}
        for group in self.scene.groups():
            for item, head in with_heads(group.items):
                if isinstance(item, Path) and item.stroke and head is not None:
                    look = self._width(item), scale_of(head)
                    found.setdefault(_family(item.stroke), Counter())[look] += 1
        return {paint: found[paint].most_common(1)[0][0] for paint in sorted(found)}

    def _width(self, item: Circle | Rectangle | Path) -> float:
        return item.width * self.theme.weight(item.stroke)


def named(paint: str) -> str:
    """The colour of a paint: `unroll-signed-p07`."""
    return "unroll-" + paint.replace("+", "-p").replace("-", "-m").replace("-mp", "-p")


def font(size: float) -> str:
    """The option that sets a font size, px."""
    height = number(size * POINTS)
    return rf"font=\fontsize{{{height}bp}}{{{number(1.2 * size * POINTS)}bp}}\selectfont"


def _family(stroke: str) -> str:
    """Lines whose paint has a number are those of gradients."""
    return "backward" if stroke.startswith("norm") else stroke


def _line_style(paint: str) -> str:
    return "unroll edge" if paint == "ink" else f"unroll {paint} edge"


def _size_style(size: float) -> str:
    return f"unroll size {number(size * POINTS).replace('.', '-')}"


def _paints(items: Iterable[Item]) -> Iterator[str]:
    for item in shapes(items):
        for paint in (getattr(item, "fill", None), getattr(item, "stroke", None)):
            if paint:
                yield paint
