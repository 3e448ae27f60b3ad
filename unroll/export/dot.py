"""DOT, through the graphviz package: nodes and edges pinned where the scene has them.

`neato -n2` draws the figure as it is, edges along the scene's own curves; `dot` lays it out anew,
in the scene's rows. What Graphviz has no shape for stands in labels that are pinned, too: the
squares of delays, and what is written beside nodes and edges.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import Any

import graphviz

from unroll.drawing.scene import (
    Bounds,
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
)
from unroll.drawing.theme import Theme, palette
from unroll.errors import UnrollError
from unroll.export.unicode import is_plain, markup, plain

_POINTS = 0.75  # of a px
_INCH = 72.0  # points
_ARROW = 10.0  # points, the length of Graphviz's arrowheads
_FONT = "Times,serif"
_SIZE = 12.75  # points, of labels that say nothing else
_WIDTHS = {"ijlft.,:;()[]|'/ ": 0.34, "mwMW∇∑@": 0.9}  # of letters, of their size; about
_RAISED = 0.6  # of the width of a letter has a raised or lowered one
_SMALL = 0.85  # of the size has what is raised or lowered between tags; some renderers take less
_NODES = ("node", "ghost")


def write_dot(scene: Scene, theme: str = "light") -> str:
    """The scene's nodes and edges as DOT source, positions in points, y upwards.

    Raises UnrollError for a figure so long that its slices are repeated.
    """
    if any(isinstance(item, Stamp) for item in scene.items):
        raise UnrollError(
            "the figure is too long for DOT, which repeats no slices",
            remedy="Leave steps out: --elide auto, or draw fewer than 400.",
        )
    return _Writer(scene, palette(theme)).source()


@dataclass
class _Writer:
    """One call of `write_dot`: the names that nodes have been given, by panel, view and reference."""

    scene: Scene
    colors: Theme
    placed: dict[tuple[str, str, str], list[tuple[str, Point]]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def source(self) -> str:
        ink, ground = self.colors.color("ink"), self.colors.color("background")
        digraph = graphviz.Digraph(
            _identifier(self.scene.title.replace("&", "&amp;")),
            graph_attr={
                "bgcolor": "transparent" if ground == "none" else ground,
                "fontcolor": ink,
                "fontname": _FONT,
                "forcelabels": "true",
                "newrank": "true",
                "outputorder": "edgesfirst",
                "pad": "0.125",
                "rankdir": "BT",
                "splines": "true",
            },
            node_attr={
                "fixedsize": "true",
                "fontname": _FONT,
                "shape": "circle",
            },
            edge_attr={"arrowhead": "vee", "fontname": _FONT},
        )
        panels = [
            (f"{g.fact('panel')}/", g.items)
            for g in self.scene.items
            if isinstance(g, Group) and g.kind == "panel"
        ]
        for panel, items in panels or [("", self.scene.items)]:
            self._panel(digraph, panel, items)
        return str(digraph.source)

    def _panel(self, digraph: graphviz.Digraph, panel: str, items: Sequence[Item]) -> None:
        groups = [g for g in items if isinstance(g, Group)]
        used = {g.fact(end) for g in groups if g.kind == "edge" for end in ("source", "target")}
        frames = [g for g in groups if g.kind == "box"]
        rows: dict[tuple[str, float], list[str]] = {}
        for group in groups:
            if group.kind in _NODES or (group.kind == "box" and group.fact("name") in used):
                name, attributes = self._node(panel, group)
                digraph.node(name, _attributes=attributes)
                row = group.fact("view") or "", round(_center(group)[1], 1)
                rows.setdefault(row, []).append(name)
        for number, frame in enumerate(frames):
            if frame.fact("name") not in used:
                self._frame(digraph, f"{panel}{number}", panel, frame)
        for names in rows.values():
            if len(names) > 1:
                with digraph.subgraph() as row_of:
                    row_of.attr(rank="same")
                    for name in names:
                        row_of.node(name)
        for group in groups:
            if group.kind == "edge":
                self._edge(digraph, panel, group)
            elif group.kind == "unfold":
                self._unfold(digraph, panel, group)
            elif group.kind == "caption":
                self._caption(digraph, panel, group)

    # --- nodes ----------------------------------------------------------------------

    def _node(self, panel: str, group: Group) -> tuple[str, dict[str, str]]:
        reference = _reference(group)
        center = _center(group)
        name = self._named(f"{panel}{group.fact('view')}/{reference}")
        key = panel, group.fact("view") or "", reference
        self.placed.setdefault(key, []).append((name, center))
        labels = [i for i in group.items if isinstance(i, Group) and i.kind == "label"]
        own, *others = labels or [Group("label", ())]
        outline = next((i for i in group.items if isinstance(i, (Circle, Path))), None)
        box = bounds_of([outline]) if outline else bounds_of([group])
        line = outline.width if outline else 0.0
        attributes = {
            "pos": self._at(center),
            "width": _number((box.width - line) * _POINTS / _INCH, 4),
            "height": _number((box.height - line) * _POINTS / _INCH, 4),
            **self._label(own, "label", 0.92 * box.width),
        }
        if isinstance(outline, Path):
            attributes["shape"], attributes["style"] = "box", "rounded"
        if outline is not None:
            attributes |= self._outline(outline)
        if isinstance(outline, Circle):
            styles = ["dashed"] if outline.dash else []
            fill = self.colors.color(outline.fill) if outline.fill else "none"
            if fill != "none":
                attributes["fillcolor"], styles = fill, [*styles, "filled"]
            attributes |= {"style": ",".join(styles)} if styles else {}
        attributes |= self._beside(others)
        return name, attributes

    def _outline(self, shape: Circle | Path) -> dict[str, str]:
        paint = shape.stroke or "ink"
        width = shape.width * self.colors.weight(paint) * _POINTS
        return {"color": self.colors.color(paint), "penwidth": _number(width, 3)}

    def _beside(self, labels: Sequence[Group]) -> dict[str, str]:
        """What is written beside a node: Graphviz has one place for it."""
        if not labels:
            return {}
        lines = (self._marked(label, *self._size(label)) for label in labels if _plain(label))
        at = self._at(bounds_of([labels[0]]).center, pin=False)
        return {"xlabel": f"<{'<BR/>'.join(lines)}>", "xlp": at}

    def _frame(self, digraph: graphviz.Digraph, key: str, panel: str, frame: Group) -> None:
        """A cluster: what lies inside of a frame."""
        outline = next(i for i in frame.items if isinstance(i, Path))
        box = bounds_of([outline])
        title = next(i for i in frame.items if isinstance(i, Group))
        with digraph.subgraph(name=f"cluster_{key}") as cluster:
            cluster.attr(
                bb=",".join(
                    (
                        self._at((box.left, box.bottom), pin=False),
                        self._at((box.right, box.top), pin=False),
                    )
                ),
                lp=self._at(bounds_of([title]).center, pin=False),
                **self._label(title, "label"),
                **self._outline(outline),
                style="rounded",
            )
            for (of, view, _), nodes in self.placed.items():
                if (of, view) == (panel, frame.fact("view")):
                    for name, center in nodes:
                        if _holds(box, center):
                            cluster.node(name)

    def _unfold(self, digraph: graphviz.Digraph, panel: str, group: Group) -> None:
        """The arrow between both views, between two points that are not seen."""
        first, head = (i for i in group.items if isinstance(i, Path))
        ends = [self._named(f"{panel}unfold/{end}") for end in ("from", "to")]
        for name, at in zip(ends, (_start(first), _start(head))):
            size = {"width": "0.01", "height": "0.01"}
            hidden = {"shape": "point", "style": "invis", "label": "", **size}
            digraph.node(name, _attributes={"pos": self._at(at), **hidden})
        label = next(i for i in group.items if isinstance(i, Group))
        digraph.edge(*ends, _attributes=self._drawn(first, head) | self._placed(label, "label"))

    def _caption(self, digraph: graphviz.Digraph, panel: str, group: Group) -> None:
        name = self._named(f"{panel}caption")
        digraph.node(
            name,
            _attributes={
                "pos": self._at(bounds_of([group]).center),
                "shape": "plaintext",
                "fixedsize": "false",
                **self._label(next(i for i in group.items if isinstance(i, Group)), "label"),
            },
        )

    # --- edges ----------------------------------------------------------------------

    def _edge(self, digraph: graphviz.Digraph, panel: str, group: Group) -> None:
        line = next(i for i in group.items if isinstance(i, Path) and i.stroke)
        head = next(i for i in group.items if isinstance(i, Path) and not i.stroke)
        view = group.fact("view") or ""
        tail_name, head_name = (
            _nearest(self.placed[panel, view, group.fact(end) or ""], at)
            for end, at in (("source", _start(line)), ("target", _start(head)))
        )
        attributes = self._drawn(line, head)
        inner = [i for i in group.items if isinstance(i, Group)]
        for label in (i for i in inner if i.kind == "label"):
            attributes |= self._placed(label, "label")
        squares = [i for i in inner if i.kind == "delay"]
        for square, place in zip(squares, ("xlabel", "taillabel", "headlabel")):
            attributes |= self._square(square, place)
        for mark in (i for i in inner if i.kind == "cut"):
            paint = next(i.stroke for i in mark.items if isinstance(i, Path))
            attributes |= {
                "xlabel": _colored("<B>//</B>", self.colors.color(paint or "ink"), _SIZE),
                "xlp": self._at(bounds_of([mark]).center, pin=False),
            }
        if group.fact("flow") == "backward":
            attributes["constraint"] = "false"
        elif group.fact("lag") not in (None, "0"):
            attributes["weight"] = "4"
        digraph.edge(tail_name, head_name, _attributes=attributes)

    def _drawn(self, line: Path, head: Path) -> dict[str, str]:
        """The course of a line and the tip of its arrowhead."""
        tip = _start(head)
        size = max(hypot(p[-2] - tip[0], p[-1] - tip[1]) for _, p in head.commands if p)
        pieces = [
            " ".join(self._at(point, pin=False) for point in piece)
            for piece in _curves(line.commands)
        ]
        pieces[-1] = f"e,{self._at(tip, pin=False)} {pieces[-1]}"
        found = {
            "pos": ";".join(pieces),
            "arrowsize": _number(size * _POINTS / _ARROW, 3),
            **self._outline(line),
        }
        return found | ({"style": "dashed"} if line.dash else {})

    def _placed(self, label: Group, place: str) -> dict[str, str]:
        at = self._at(bounds_of([label]).center, pin=False)
        return {**self._label(label, place), "lp": at}

    def _square(self, group: Group, place: str) -> dict[str, str]:
        """A square as a label: a cell of a table."""
        square = next(i for i in group.items if isinstance(i, Rectangle))
        side = round(square.w * _POINTS)
        color = self.colors.color(square.fill or "ink")
        cell = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR><TD BGCOLOR="{color}" FIXEDSIZE="TRUE" WIDTH="{side}" HEIGHT="{side}"></TD></TR></TABLE>'
        at = {"xlabel": "xlp", "taillabel": "tail_lp", "headlabel": "head_lp"}[place]
        return {
            place: f"<{cell}>",
            at: self._at(bounds_of([square]).center, pin=False),
        }

    # --- words ----------------------------------------------------------------------

    def _label(self, label: Group, place: str, room: float = 0.0) -> dict[str, str]:
        """A label's text, size and colour; room: how wide it may be at least, px."""
        paint, size = self._size(label, room)
        if all(is_plain(tex) for tex in _formulas(label)):
            text = _text(_plain(label))
        else:
            text = f"<{self._marked(label, paint, size)}>"
        color = self.colors.color(paint)
        return {place: text, "fontcolor": color, "fontsize": _number(size, 3)}

    def _size(self, label: Group, room: float = 0.0) -> tuple[str, float]:
        """The paint and the size of a label, points: at most as wide as it is in the scene."""
        inks = [i for i in label.items if isinstance(i, Ink)]
        size = max((i.size * _POINTS for i in inks if i.tex), default=_SIZE)
        widths = [_width(line) for line in _lines(label)]
        room = max(room, 1.15 * bounds_of([label]).width if label.items else 0.0)
        if max(widths) > 1:
            size = min(size, room * _POINTS / max(widths))
        paint = next((i.fill for i in label.items if isinstance(i, (Ink, Text))), "ink")
        return paint or "ink", size

    def _marked(self, label: Group, paint: str, size: float) -> str:
        """A label as Graphviz's markup."""
        small = _number(size * _SMALL)
        tags = {
            sign: (f'<{tag}><FONT POINT-SIZE="{small}">', f"</FONT></{tag}>{space}")
            for sign, tag, space in (("^", "SUP", ""), ("_", "SUB", "\N{THIN SPACE}"))
        }
        formulas = _formulas(label)
        lines = [markup(tex, _escaped, tags) for tex in formulas] or [_escaped(_plain(label))]
        text = ("<BR/>" if _is_stacked(label) else " ").join(lines)
        color = self.colors.color(paint)
        return f'<FONT COLOR="{color}" POINT-SIZE="{_number(size, 3)}">{text}</FONT>'

    def _at(self, point: Point, pin: bool = True) -> str:
        """A place in points; pin: with the sign that says that it stays."""
        box = self.scene.bounds
        x, y = (point[0] - box.left) * _POINTS, (box.bottom - point[1]) * _POINTS
        return f"{_number(x)},{_number(y)}" + ("!" if pin else "")

    def _named(self, wanted: str) -> str:
        """A name that no other node has. A colon would mean a port."""
        name = str(_identifier(wanted)).replace(":", "_").replace("\\", "/")
        while name in self.names:
            name += "'"
        self.names.add(name)
        return name


def _reference(group: Group) -> str:
    index = group.fact("index")
    name = group.fact("name") or ""
    return name if index is None else f"{name}[{index}]"


def _center(group: Group) -> Point:
    for item in group.items:
        if isinstance(item, Circle):
            return item.x, item.y
        if isinstance(item, Path):
            return bounds_of([item]).center
    return bounds_of([group]).center


def _start(path: Path) -> Point:
    x, y = path.commands[0][1]
    return x, y


def _nearest(nodes: Sequence[tuple[str, Point]], at: Point) -> str:
    """Of nodes called the same (as the ghosts at both ends), the one that an edge touches."""
    return min(nodes, key=lambda node: hypot(node[1][0] - at[0], node[1][1] - at[1]))[0]


def _holds(box: Bounds, point: Point) -> bool:
    return box.left < point[0] < box.right and box.top < point[1] < box.bottom


def _curves(commands: Sequence[Command]) -> Iterator[list[Point]]:
    """Each stretch of a path as the 3n + 1 points of its cubics."""
    piece: list[Point] = []
    for letter, numbers in commands:
        points = list(zip(numbers[0::2], numbers[1::2]))
        if letter == "M":
            if len(piece) > 1:
                yield piece
            piece = points
        elif letter == "L":
            (ax, ay), (bx, by) = piece[-1], points[0]
            thirds = [(ax + (bx - ax) * k / 3, ay + (by - ay) * k / 3) for k in (1, 2)]
            piece += [*thirds, points[0]]
        elif letter == "C":
            piece += points
    yield piece


def _formulas(label: Group) -> list[str]:
    return [i.tex for i in label.items if isinstance(i, Ink) and i.tex]


def _is_stacked(label: Group) -> bool:
    """Whether the formulas of a label stand below each other."""
    heights = [i.y for i in label.items if isinstance(i, Ink) and i.tex]
    return bool(heights) and max(heights) - min(heights) > 8


def _plain(label: Group) -> str:
    """What a label says."""
    if formulas := [plain(tex) for tex in _formulas(label)]:
        return ("\n" if _is_stacked(label) else " ").join(formulas)
    letters = "".join(i.text for i in label.items if isinstance(i, Text))
    return letters or label.text or ""


def _lines(label: Group) -> list[str]:
    """What a label says, line by line, scripts that Unicode does not have between two marks."""
    tags = dict.fromkeys("^_", ("\x0e", "\x0f"))
    formulas = [markup(tex, str, tags) for tex in _formulas(label)] or [_plain(label)]
    return formulas if _is_stacked(label) else [" ".join(formulas)]


def _width(text: str) -> float:
    """How wide a line is, in its size, about."""
    found, raised = 0.0, False
    for c in text:
        raised = c == "\x0e" or (raised and c != "\x0f")
        if c in "\x0e\x0f" or unicodedata.combining(c):
            continue
        width = next((w for letters, w in _WIDTHS.items() if c in letters), 0.5)
        if unicodedata.east_asian_width(c) == "W":
            width = 1.0
        elif c.isupper() and width == 0.5:
            width = 0.7
        small = unicodedata.decomposition(c).startswith(("<super>", "<sub>"))
        found += width * (_RAISED if raised or small else 1.0)
    return found


def _printable(text: str) -> str:
    spaced = (" " if c.isspace() and c != "\n" else c for c in text)
    return "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in spaced
    )


def _identifier(text: str) -> Any:
    """Text as a name: no markup, and no backslash that would escape the quote at its end."""
    name = " ".join(_printable(text).split())
    return graphviz.nohtml(name + " " if name.endswith("\\") else name)


def _text(text: str) -> Any:
    """Text as it is: no escapes as `\\N`, no character references, no markup."""
    lines = _printable(text).replace("&", "&amp;").split("\n")
    return graphviz.nohtml("\\n".join(line.replace("\\", "\\\\") for line in lines))


def _escaped(text: str) -> str:
    """Text amid markup; the marks of formulas stay."""
    return html.escape("".join(c if "\ue000" <= c <= "\ue003" else _printable(c) for c in text))


def _colored(markup: str, color: str, size: float) -> str:
    return f'<<FONT COLOR="{color}" POINT-SIZE="{_number(size, 2)}">{markup}</FONT>>'


def _number(value: float, digits: int = 2) -> str:
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
