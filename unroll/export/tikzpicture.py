"""A scene as a `tikzpicture`: named nodes with their TeX, edges along their routes, a few styles.

y runs upwards from the lower left corner, in big points, so that a picture is as large as its SVG.
The looks of what occurs often are styles, in one block; what differs from them stands with the item.
"""

from __future__ import annotations

from collections import Counter
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
from unroll.export.tex import POINTS, comment, formula, label, number, points, text

_HEAD = 8.5, 6.2, 0.28  # of an arrow at scale 1: length and width, px; the inset, of the length
_GAP = 1.5  # px between an arrowhead and its node
_NEAR = 0.6  # px by which a straight edge may miss the middle of a node
_BODIES = ("node", "ghost")


@dataclass(frozen=True)
class Playing:
    """Which slides show a group faintly, and on which it stands out, by the phase of that moment.

    Read from the facts `moment` and `again`. phases: one a slide, of which the first is 1.
    """

    phases: tuple[str, ...]

    def pending(self, group: Group) -> int:
        """How many slides it is faint on."""
        return int(group.fact("moment") or 1) - 1

    def active(self, group: Group) -> dict[bool, list[int]]:
        """The slides that it stands out on: those of the way forward (True), and all others."""
        marks = f"{group.fact('moment') or ''} {group.fact('again') or ''}".split()
        found: dict[bool, list[int]] = {}
        for slide in sorted({int(mark) for mark in marks}):
            found.setdefault(self.phases[slide - 1] in ("forward", "loss"), []).append(slide)
        return found


@dataclass(frozen=True)
class Picture:
    """A scene about to be written. playing: what slides show of it, in a presentation."""

    scene: Scene
    theme: Theme
    playing: Playing | None = None
    _names: dict[int, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """The environment, line by line."""
        body = list(self._items(self.scene.items))
        b = self.scene.bounds
        yield r"\begin{tikzpicture}[x=1bp, y=1bp]"
        yield from self._colors()
        yield from self._styles()
        yield rf"  \useasboundingbox (0,0) rectangle {self._at(b.right, b.top)};"
        if self.theme.color("background") not in ("none", "#ffffff"):
            yield rf"  \fill[{_paint('background')}] (0,0) rectangle {self._at(b.right, b.top)};"
        yield from body
        yield r"\end{tikzpicture}"

    # --- colours and styles --------------------------------------------------------------

    def _colors(self) -> Iterator[str]:
        """The colours that occur, in the order of their names."""
        others = {"ink", "background"} | ({"forward", "backward"} if self.playing else set())
        for paint in sorted({*_paints(self.scene.items), *_paints(_inside(self.scene)), *others}):
            color = self._color(paint)
            if color is not None:
                yield rf"  \definecolor{{{_paint(paint)}}}{{HTML}}{{{color[1:].upper()}}}"

    def _styles(self) -> Iterator[str]:
        radius, width = self._circle
        node = (
            f"circle, draw={_paint('ink')}, text={_paint('ink')}, line width={points(width)}, "
            f"minimum size={points(2 * radius)}, "
            # no label makes its circle grow
            f"inner sep={points(-radius / 2)}, outer sep=0bp, {_font(self._size)}"
        )
        length, breadth, inset = _HEAD
        tip = (
            f"Stealth[length={points(length)}, width={points(breadth)}, "
            f"inset={points(inset * length)}]"
        )
        dash = "dash pattern=on 3.15bp off 2.4bp"
        gap = f"shorten >={points(_GAP)}"
        yield r"  \tikzset{"
        yield f"    unroll node/.style={{{node}}},"
        yield f"    unroll ghost/.style={{unroll node, {dash}}},"
        yield f"    unroll tip/.tip={{{tip}}},"
        for paint, usual in self._lines.items():
            scale = "" if usual[1] == 1.0 else f"[scale={number(usual[1])}]"
            look = f"draw={_paint(paint)}, line width={points(usual[0])}, -{{unroll tip{scale}}}, {gap}"
            yield f"    {_line_style(paint)}/.style={{{look}}},"
        yield f"    unroll dashed/.style={{{dash}}},"
        look = f"text={_paint('ink')}, inner sep=0bp, outer sep=0bp, {_font(self._size)}"
        yield f"    unroll label/.style={{{look}}},"
        for size in self._sizes:
            if size != self._size:
                yield f"    {_size_style(size)}/.style={{{_font(size)}}},"
        if self.playing is not None:
            yield "    unroll pending/.style={opacity=0.12, text opacity=0.12},"
            halo = "line width=7bp, line cap=round, line join=round, opacity=0.3, -"
            yield f"    unroll halo/.style={{draw={_paint('forward')}, {halo}}},"
            yield f"    unroll halo back/.style={{unroll halo, draw={_paint('backward')}}},"
        yield "    every unroll picture/.try,"
        yield "  }"

    @cached_property
    def _circle(self) -> tuple[float, float]:
        """The usual radius of a node, and the width of its line."""
        found = Counter(
            (i.radius, self._width(i))
            for g in self._bodies
            for i in g.items
            if isinstance(i, Circle)
        )
        return found.most_common(1)[0][0] if found else (20.0, 1.25)

    @cached_property
    def _lines(self) -> dict[str, tuple[float, float]]:
        """The usual width of lines with arrowheads and the scale of these, by paint."""
        found: dict[str, Counter[tuple[float, float]]] = {}
        for group in self.scene.groups():
            for item, head in _with_heads(group.items):
                if isinstance(item, Path) and item.stroke and head is not None:
                    look = self._width(item), _scale(head)
                    found.setdefault(_family(item.stroke), Counter())[look] += 1
        return {paint: found[paint].most_common(1)[0][0] for paint in sorted(found)}

    @cached_property
    def _sizes(self) -> tuple[float, ...]:
        """Font sizes that occur, px, the largest first."""
        found = {i.size for i in _shapes(self.scene.items) if isinstance(i, Ink) and i.tex}
        return tuple(sorted(found, reverse=True))

    @cached_property
    def _size(self) -> float:
        """The usual font size of nodes, px."""
        inside = (s for g in self._bodies for s in _shapes(g.items[:2]))
        found = Counter(s.size for s in inside if isinstance(s, Ink) and s.tex)
        return found.most_common(1)[0][0] if found else max(self._sizes, default=17.0)

    @cached_property
    def _bodies(self) -> tuple[Group, ...]:
        return tuple(g for g in self.scene.groups() if g.kind in _BODIES)

    # --- items ---------------------------------------------------------------------------

    def _items(self, items: Sequence[Item], depth: int = 1) -> Iterator[str]:
        """What has names first: edges may call upon it."""
        edges = [i for i in items if isinstance(i, Group) and i.kind == "edge"]
        others = [i for i in items if not (isinstance(i, Group) and i.kind == "edge")]
        for group in (others, edges):
            for item, head in _with_heads(group):
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
            yield f"{pad}{self._drawn(item)} {at} circle[radius={points(item.radius)}];"
        elif isinstance(item, Rectangle):
            corners = self._at(item.x, item.y + item.h), self._at(item.x + item.w, item.y)
            yield f"{pad}{self._drawn(item)} {corners[0]} rectangle {corners[1]};"
        elif isinstance(item, Path):
            yield f"{pad}{self._line(item, head)};"
        elif isinstance(item, Text):
            look = f"unroll label, text={_paint(item.fill)}, {_font(item.size)}"
            at = self._at(item.x, item.y)
            yield rf"{pad}\node[{look}] at {at} {{{text(item.text)}}};"
        elif item.outline.commands:
            commands = shifted(item.outline.commands, item.x, item.y)
            yield rf"{pad}\fill[{_paint(item.fill)}] {self._way(commands)};"

    def _group(self, group: Group, depth: int) -> Iterator[str]:
        pad = "  " * depth
        played = self.playing is not None and (group.fact("moment") or group.fact("again"))
        if group.kind in (*_BODIES, "edge", "caption", "legend", "unfold", "box") and group.text:
            yield pad + comment(group.text)
        if played and self.playing is not None:
            if count := self.playing.pending(group):
                yield rf"{pad}\begin{{scope}}[onslide=<-{count}>{{unroll pending}}]"
            else:
                yield rf"{pad}\begin{{scope}}"
            yield from self._halo(group, depth + 1)
        inner = depth + 1 if played else depth
        if group.kind in _BODIES:
            yield from self._body(group, inner)
        elif _is_lettering(group.items):
            yield from self._lettering(group.items, inner)
        elif group.kind == "edge":
            yield from self._edge(group, inner)
        else:
            yield from self._mixed(group.items, inner)
        if played:
            yield rf"{pad}\end{{scope}}"

    def _mixed(self, items: Sequence[Item], depth: int) -> Iterator[str]:
        """Items of which runs of letters are formulas, as numbers in cells."""
        run: list[Item] = []
        for item, head in _with_heads(items):
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
        circle = next((i for i in group.items if isinstance(i, Circle)), None)
        if circle is None:
            yield from self._items(group.items, depth)
            return
        inside = next((i for i in group.items if _is_inside(i, circle)), None)
        shapes = inside.items if isinstance(inside, Group) else ()
        written = shapes and isinstance(shapes[0], (Ink, Text)) and _is_lettering(shapes)
        radius, width = self._circle
        looks = [f"unroll {group.kind}"]
        if circle.radius != radius:
            looks.append(f"minimum size={points(2 * circle.radius)}")
        if circle.stroke is None:
            looks.append("draw=none")
        elif circle.stroke != "ink":
            looks.append(f"draw={_paint(circle.stroke)}")
        if self._width(circle) != width:
            looks.append(f"line width={points(self._width(circle))}")
        if circle.fill and self._color(circle.fill):
            looks.append(f"fill={_paint(circle.fill)}")
        body = ""
        if written:
            body, size, paint = _written(shapes)
            looks += [_size_style(size)] if size != self._size and size in self._sizes else []
            looks += [] if paint == "ink" else [f"text={_paint(paint)}"]
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
        for item, head in _with_heads(group.items):
            if (
                isinstance(item, Path)
                and head is not None
                and (ends := self._ends(group, item, head))
            ):
                yield rf"{pad}\draw[{self._look(item, head)}] ({ends[0]}) -- ({ends[1]});"
            else:
                yield from self._item(item, head, depth)

    def _ends(self, group: Group, shaft: Path, head: Path) -> tuple[str, str] | None:
        """The names of the nodes that a straight edge joins, if it runs from middle to middle."""
        if len(shaft.commands) != 2 or shaft.commands[1][0] != "L":
            return None
        start, tip = _point(shaft.commands[0]), _point(head.commands[0])
        found = []
        for end, at in (("source", start), ("target", tip)):
            named = [g for g in self._bodies if id(g) in self._names and _is_called(g, group, end)]
            body = min(named, key=lambda g: _apart(_circle_of(g), at), default=None)
            if body is None or _misses(_circle_of(body), start, tip) > _NEAR:
                return None
            if abs(_apart(_circle_of(body), at) - _circle_of(body).radius) > 3:
                return None
            found.append(self._names[id(body)])
        return found[0], found[1]

    def _halo(self, group: Group, depth: int) -> Iterator[str]:
        """A band under what stands out, so that it is not told by its colour alone."""
        assert self.playing is not None
        for forward, slides in self.playing.active(group).items():
            style = "unroll halo" if forward else "unroll halo back"
            start = rf"{'  ' * depth}\draw<{','.join(map(str, slides))}>[{style}]"
            circle = next((i for i in group.items if isinstance(i, Circle)), None)
            line = next((i for i in group.items if isinstance(i, Path) and i.stroke), None)
            if circle is not None:
                at = self._at(circle.x, circle.y)
                yield f"{start} {at} circle[radius={points(circle.radius)}];"
            elif line is not None:
                yield f"{start} {self._way(line.commands)};"
            else:
                box = bounds_of([group]).grown(2)
                low, high = self._at(box.left, box.bottom), self._at(box.right, box.top)
                yield f"{start} {low} rectangle {high};"

    def _lettering(self, items: Sequence[Item], depth: int) -> Iterator[str]:
        """A label: each formula in it centred where its ink is."""
        for run in _formulas(items):
            box = bounds_of(run)
            if not isinstance(run[0], Ink) or not run[0].tex:
                for item in run:
                    yield from self._item(item, None, depth)
                continue
            body, size, paint = _written(run)
            looks = ["unroll label", *([_size_style(size)] if size != self._size else [])]
            looks += [] if paint == "ink" else [f"text={_paint(paint)}"]
            at = self._at(*box.center)
            yield rf"{'  ' * depth}\node[{', '.join(looks)}] at {at} {{{body}}};"

    # --- paths ---------------------------------------------------------------------------

    def _line(self, item: Path, head: Path | None) -> str:
        if head is None:
            return f"{self._drawn(item)} {self._way(item.commands)}"
        (x, y), tip = _point(item.commands[-1]), _point(head.commands[0])
        more = _GAP / (hypot(tip[0] - x, tip[1] - y) or 1.0)  # the style leaves a gap again
        end = tip[0] + more * (tip[0] - x), tip[1] + more * (tip[1] - y)
        way = self._way((*item.commands, ("L", end)))
        return rf"\draw[{self._look(item, head)}] {way}"

    def _look(self, item: Path, head: Path) -> str:
        """The style of a line with an arrowhead, and what is different about this one."""
        family = _family(item.stroke or "ink")
        width, scale = self._lines[family]
        looks = [_line_style(family)]
        if item.stroke not in (family, None):
            looks.append(f"draw={_paint(item.stroke)}")
        if self._width(item) != width:
            looks.append(f"line width={points(self._width(item))}")
        if _scale(head) != scale:
            looks.append(f"-{{unroll tip[scale={number(_scale(head))}]}}")
        if item.dash:
            looks.append("unroll dashed")
        return ", ".join(looks)

    def _drawn(self, item: Circle | Rectangle | Path) -> str:
        """The command of a shape with its options."""
        looks = []
        stroke = item.stroke if item.stroke and self._color(item.stroke) else None
        fill = item.fill if item.fill and self._color(item.fill) else None
        if fill and not stroke:
            return rf"\fill[{_paint(fill)}]"
        if stroke:
            looks += [f"draw={_paint(stroke)}", f"line width={points(self._width(item))}"]
        if fill:
            looks.append(f"fill={_paint(fill)}")
        dash = None if isinstance(item, Rectangle) else item.dash
        if dash and stroke:
            on, off = (points(d) for d in dash)
            looks.append(f"dash pattern=on {on} off {off}")
        return rf"\path[{', '.join(looks)}]"

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

    def _width(self, item: Circle | Rectangle | Path) -> float:
        return item.width * self.theme.weight(item.stroke)

    def _color(self, paint: str) -> str | None:
        color = self.theme.color(paint)
        return None if color == "none" else color


# --- names of styles -----------------------------------------------------------------------------


def _paint(paint: str) -> str:
    """The colour of a paint: `unroll-signed-p07`."""
    return "unroll-" + paint.replace("+", "-p").replace("-", "-m").replace("-mp", "-p")


def _family(stroke: str) -> str:
    """Lines whose paint has a number are those of gradients."""
    return "backward" if stroke.startswith("norm") else stroke


def _line_style(paint: str) -> str:
    return "unroll edge" if paint == "ink" else f"unroll {paint} edge"


def _size_style(size: float) -> str:
    return f"unroll size {number(size * POINTS).replace('.', '-')}"


def _font(size: float) -> str:
    height = number(size * POINTS)
    return rf"font=\fontsize{{{height}bp}}{{{number(1.2 * size * POINTS)}bp}}\selectfont"


# --- reading groups ------------------------------------------------------------------------------


def _with_heads(items: Iterable[Item]) -> Iterator[tuple[Item, Path | None]]:
    """Each item, a line with the arrowhead that follows it."""
    waiting: Path | None = None
    for item in items:
        if waiting is not None:
            if _is_head(item, waiting):
                yield waiting, item if isinstance(item, Path) else None
                waiting = None
                continue
            yield waiting, None
            waiting = None
        if isinstance(item, Path) and item.stroke and not item.fill:
            waiting = item
        else:
            yield item, None
    if waiting is not None:
        yield waiting, None


def _is_head(item: Item, line: Path) -> bool:
    """Whether a path is the filled stealth at the end of a line."""
    if not isinstance(item, Path) or item.stroke or item.fill != line.stroke:
        return False
    if [letter for letter, _ in item.commands] != ["M", "L", "L", "L", "Z"]:
        return False
    tip, end = _point(item.commands[0]), _point(line.commands[-1])
    return hypot(tip[0] - end[0], tip[1] - end[1]) < 1.2 * _HEAD[0] * _scale(item)


def _scale(head: Path) -> float:
    """How large an arrowhead is, by its width."""
    (ax, ay), (bx, by) = _point(head.commands[1]), _point(head.commands[3])
    return round(hypot(ax - bx, ay - by) / _HEAD[1], 2)


def _point(command: Command) -> Point:
    return command[1][-2], command[1][-1]


def _toward(a: Point, b: Point) -> Point:
    return a[0] + (b[0] - a[0]) * 2 / 3, a[1] + (b[1] - a[1]) * 2 / 3


def _is_lettering(items: Sequence[Item]) -> bool:
    return bool(items) and all(isinstance(i, (Ink, Text)) for i in items)


def _formulas(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Runs that show one formula each: an ink with TeX, and what follows without."""
    run: list[Item] = []
    for item in items:
        leads = isinstance(item, Ink) and bool(item.tex)
        if leads and run and any(isinstance(i, Ink) for i in run):
            yield run
            run = []
        run.insert(0, item) if leads else run.append(item)
    if run:
        yield run


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
    if not isinstance(item, Group) or item.kind != "label" or not _is_lettering(item.items):
        return False
    box = bounds_of([item])
    told = any(isinstance(i, Text) or (isinstance(i, Ink) and i.tex) for i in item.items)
    x, y = box.center
    return told and hypot(x - circle.x, y - circle.y) < 1


def _circle_of(group: Group) -> Circle:
    return next(i for i in group.items if isinstance(i, Circle))


def _is_called(body: Group, edge: Group, end: str) -> bool:
    index, name = body.fact("index"), body.fact("name") or ""
    reference = name if index is None else f"{name}[{index}]"
    return body.fact("view") == edge.fact("view") and reference == edge.fact(end)


def _apart(circle: Circle, at: Point) -> float:
    return hypot(circle.x - at[0], circle.y - at[1])


def _misses(circle: Circle, a: Point, b: Point) -> float:
    """How far the line through two points passes from the middle of a circle."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    return abs(dx * (circle.y - a[1]) - dy * (circle.x - a[0])) / (hypot(dx, dy) or 1.0)


def _shapes(items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        if isinstance(item, Group):
            yield from _shapes(item.items)
        elif not isinstance(item, Stamp):
            yield item


def _inside(scene: Scene) -> list[Item]:
    return [item for _, items in scene.symbols for item in items]


def _paints(items: Iterable[Item]) -> Iterator[str]:
    for item in _shapes(items):
        for paint in (getattr(item, "fill", None), getattr(item, "stroke", None)):
            if paint:
                yield paint
