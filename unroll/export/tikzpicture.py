"""A scene as a `tikzpicture`: named nodes with their TeX, edges along their routes, a few styles.

y runs upwards from the lower left corner, in big points, so that a picture is as large as its SVG.
What plays is in scopes that know their moment; what a moment brings out is drawn on its slide alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import hypot

from unroll.drawing.scene import (
    Circle,
    Command,
    Group,
    Ink,
    Item,
    Path,
    Point,
    Rectangle,
    Scene,
    Stamp,
    Text,
    bounds_of,
    moved,
    shifted,
)
from unroll.drawing.theme import Theme
from unroll.export.reading import (
    BODIES,
    apart,
    circle_of,
    end_of,
    formulas,
    is_called,
    is_lettering,
    with_heads,
)
from unroll.export.staging import EMPHASIS
from unroll.export.tex import POINTS, comment, formula, label, number, points, text
from unroll.export.tikzstyles import GAP, Styles, font, named

_NEAR = 0.6  # px by which a straight edge may miss the middle of a node
_TOLD = (*BODIES, "edge", "caption", "legend", "unfold", "box")  # what a comment introduces


@dataclass(frozen=True)
class Picture:
    """A scene about to be written; one that `stage` made ready has scopes and slides."""

    scene: Scene
    theme: Theme
    _names: dict[int, str] = field(default_factory=dict)

    @cached_property
    def styles(self) -> Styles:
        return Styles(self.scene, self.theme)

    def lines(self) -> Iterator[str]:
        """The environment, line by line."""
        body = list(self._items(self.scene.items))
        b = self.scene.bounds
        yield r"\begin{tikzpicture}[x=1bp, y=1bp]"
        yield from (f"  {line}" for line in self.styles.colors())
        yield r"  \tikzset{"
        yield from (f"    {line}" for line in self.styles.definitions())
        yield "  }"
        yield rf"  \useasboundingbox (0,0) rectangle {self._at(b.right, b.top)};"
        if self.theme.color("background") not in ("none", "#ffffff"):
            yield rf"  \fill[{named('background')}] (0,0) rectangle {self._at(b.right, b.top)};"
        yield from body
        yield r"\end{tikzpicture}"

    # --- items ---------------------------------------------------------------------------

    def _items(self, items: Sequence[Item], depth: int = 1) -> Iterator[str]:
        """What has names first: edges may call upon it."""
        edges = [i for i in items if isinstance(i, Group) and i.kind == "edge"]
        over = [i for i in items if isinstance(i, Group) and i.kind == EMPHASIS]
        others = [i for i in items if not (isinstance(i, Group) and i.kind in ("edge", EMPHASIS))]
        for group in (others, edges, over):
            for item, head in with_heads(group):
                yield from self._item(item, head, depth)

    def _item(self, item: Item, head: Path | None, depth: int) -> Iterator[str]:
        pad = "  " * depth
        if isinstance(item, Stamp):
            inside = dict(self.scene.symbols)[item.symbol]
            yield from self._items([moved(i, item.dx, item.dy) for i in inside], depth)
        elif isinstance(item, Group):
            yield from self._group(item, depth)
        elif isinstance(item, Circle):
            at = self._at(item.x, item.y)
            yield f"{pad}{self.styles.drawn(item)} {at} circle[radius={points(item.radius)}];"
        elif isinstance(item, Rectangle):
            corners = self._at(item.x, item.y + item.h), self._at(item.x + item.w, item.y)
            yield f"{pad}{self.styles.drawn(item)} {corners[0]} rectangle {corners[1]};"
        elif isinstance(item, Path):
            yield f"{pad}{self._line(item, head)};"
        elif isinstance(item, Text):
            look = f"unroll label, text={named(item.fill)}, {font(item.size)}"
            at = self._at(item.x, item.y)
            yield rf"{pad}\node[{look}] at {at} {{{text(item.text)}}};"
        elif item.outline.commands:
            commands = shifted(item.outline.commands, item.x, item.y)
            yield rf"{pad}\fill[{named(item.fill)}] {self._way(commands)};"

    def _group(self, group: Group, depth: int) -> Iterator[str]:
        """A group; in a scope where it is faint until its moment."""
        pad = "  " * depth
        moment = int(group.fact("moment") or 1)
        if group.kind == EMPHASIS:
            yield rf"{pad}\unrollonly<{moment}>{{%"
            yield from self._items(group.items, depth + 1)
            yield f"{pad}}}"
            return
        if group.kind in _TOLD and group.text:
            yield pad + comment(group.text)
        if moment > 1:
            yield rf"{pad}\begin{{scope}}[unroll from={moment}]"
            yield from self._inside(group, depth + 1)
            yield rf"{pad}\end{{scope}}"
        else:
            yield from self._inside(group, depth)

    def _inside(self, group: Group, depth: int) -> Iterator[str]:
        if group.kind in BODIES:
            yield from self._body(group, depth)
        elif is_lettering(group.items):
            yield from self._lettering(group.items, depth)
        elif group.kind == "edge":
            yield from self._edge(group, depth)
        else:
            yield from self._mixed(group.items, depth)

    def _mixed(self, items: Sequence[Item], depth: int) -> Iterator[str]:
        """Items of which runs of letters are formulas, as numbers in cells."""
        run: list[Item] = []
        for item, head in with_heads(items):
            if run and isinstance(item, (Ink, Text)) and not (isinstance(item, Ink) and item.tex):
                run.append(item)
                continue
            yield from self._lettering(run, depth)
            run = []
            if isinstance(item, Ink) and item.tex:
                run = [item]
            else:
                yield from self._item(item, head, depth)
        yield from self._lettering(run, depth)

    def _body(self, group: Group, depth: int) -> Iterator[str]:
        """A node with its name and label, then what stands at it."""
        circle = circle_of(group)
        if circle is None:
            yield from self._items(group.items, depth)
            return
        inside = next((i for i in group.items if _is_inside(i, circle)), None)
        letters = inside.items if isinstance(inside, Group) else ()
        written = letters and isinstance(letters[0], (Ink, Text)) and is_lettering(letters)
        looks, body = self.styles.body(group, circle), ""
        if written:
            body, size, paint = _written(letters)
            looks += self.styles.lettering(size, paint)
        name = self._names[id(group)] = self._name(group)
        at = self._at(circle.x, circle.y)
        yield rf"{'  ' * depth}\node[{', '.join(looks)}] ({name}) at {at} {{{body}}};"
        rest = [i for i in group.items if i is not circle and not (written and i is inside)]
        yield from self._items(rest, depth)

    def _name(self, group: Group) -> str:
        """`h-2`, `h-t-1`, `h-dots`; `folded-h` in the circuit; primes tell equal ones apart."""
        index = (group.fact("index") or "").replace("...", "dots").replace(",", "-")
        parts = [group.fact("name") or group.kind, *([index] if index else [])]
        if group.fact("view") == "folded":
            parts.insert(0, "folded")
        name = label("-".join(parts))
        taken = set(self._names.values())
        while name in taken:
            name += "'"
        return name

    def _edge(self, group: Group, depth: int) -> Iterator[str]:
        pad = "  " * depth
        for item, head in with_heads(group.items):
            if (
                isinstance(item, Path)
                and head is not None
                and (ends := self._ends(group, item, head))
            ):
                look = self.styles.arrow(item, head)
                yield rf"{pad}\draw[{look}] ({ends[0]}) -- ({ends[1]});"
            else:
                yield from self._item(item, head, depth)

    def _ends(self, group: Group, shaft: Path, head: Path) -> tuple[str, str] | None:
        """The names of the nodes that a straight edge joins, if it runs from middle to middle."""
        if len(shaft.commands) != 2 or shaft.commands[1][0] != "L":
            return None
        start, tip = end_of(shaft.commands[0]), end_of(head.commands[0])
        found = []
        for end, at in (("source", start), ("target", tip)):
            circles = {
                self._names[id(g)]: circle
                for g in self.styles.bodies
                if id(g) in self._names and is_called(g, group, end) and (circle := circle_of(g))
            }
            name = min(circles, key=lambda n: apart(circles[n], at), default=None)
            if name is None or _misses(circles[name], start, tip) > _NEAR:
                return None
            if abs(apart(circles[name], at) - circles[name].radius) > 3:
                return None
            found.append(name)
        return found[0], found[1]

    def _lettering(self, items: Sequence[Item], depth: int) -> Iterator[str]:
        """A label: each formula in it centred where its ink is."""
        for run in formulas(items):
            box = bounds_of(run)
            if not isinstance(run[0], Ink) or not run[0].tex:
                for item in run:
                    yield from self._item(item, None, depth)
                continue
            body, size, paint = _written(run)
            looks = ["unroll label", *self.styles.lettering(size, paint)]
            at = self._at(*box.center)
            yield rf"{'  ' * depth}\node[{', '.join(looks)}] at {at} {{{body}}};"

    # --- paths ---------------------------------------------------------------------------

    def _line(self, item: Path, head: Path | None) -> str:
        if head is None:
            return f"{self.styles.drawn(item)} {self._way(item.commands)}"
        (x, y), tip = end_of(item.commands[-1]), end_of(head.commands[0])
        more = GAP / (hypot(tip[0] - x, tip[1] - y) or 1.0)  # the style leaves a gap again
        end = tip[0] + more * (tip[0] - x), tip[1] + more * (tip[1] - y)
        way = self._way((*item.commands, ("L", end)))
        return rf"\draw[{self.styles.arrow(item, head)}] {way}"

    def _way(self, commands: Iterable[Command]) -> str:
        """A path in TikZ's words; a quadratic curve as the cubic that is equal to it."""
        found: list[str] = []
        at = (0.0, 0.0)
        for letter, values in commands:
            ends = list(zip(values[0::2], values[1::2]))
            if letter == "M":
                found.append(self._at(*ends[0]))
            elif letter == "L":
                found.append(f"-- {self._at(*ends[0])}")
            elif letter == "Z":
                found.append("-- cycle")
            else:
                first, second = ends[0], ends[1]
                if letter == "Q":
                    first, second = _toward(at, ends[0]), _toward(ends[1], ends[0])
                pulls = f"{self._at(*first)} and {self._at(*second)}"
                found.append(f".. controls {pulls} .. {self._at(*ends[-1])}")
            at = ends[-1] if ends else at
        return " ".join(found)

    def _at(self, x: float, y: float) -> str:
        b = self.scene.bounds
        return f"({number((x - b.left) * POINTS)},{number((b.bottom - y) * POINTS)})"


def _toward(a: Point, b: Point) -> Point:
    return a[0] + (b[0] - a[0]) * 2 / 3, a[1] + (b[1] - a[1]) * 2 / 3


def _written(run: Sequence[Item]) -> tuple[str, float, str]:
    """What stands in TeX for a formula, its font size and paint."""
    first = run[0]
    if isinstance(first, Ink) and first.tex:
        return formula(first.tex), first.size, first.fill
    letters = [i for i in run if isinstance(i, Text)]
    if not letters:
        return "", 0.0, "ink"
    return text("".join(i.text for i in letters)), letters[0].size, letters[0].fill


def _is_inside(item: Item, circle: Circle) -> bool:
    """Whether an item is the label in the middle of a node, in letters."""
    if not isinstance(item, Group) or item.kind != "label" or not is_lettering(item.items):
        return False
    box = bounds_of([item])
    told = any(isinstance(i, Text) or (isinstance(i, Ink) and i.tex) for i in item.items)
    x, y = box.center
    return told and hypot(x - circle.x, y - circle.y) < 1


def _misses(circle: Circle, a: Point, b: Point) -> float:
    """How far the line through two points passes from the middle of a circle."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    return abs(dx * (circle.y - a[1]) - dy * (circle.x - a[0])) / (hypot(dx, dy) or 1.0)
