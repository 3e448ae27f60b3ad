"""The sweep: the moments in which a picture is played, read from a scene and nothing but the scene.

Forward, one moment a node: what it is computed from, the edges that arrive, the node. Then backward
where the scene has backward edges: the gradients that arrive at a node, in reverse. Then the
gradients of parameters. Where both views are shown the unfolded one is played, and the circuit,
which is there all the time, lights up along with it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import groupby
from math import hypot
from typing import Literal

from unroll.drawing import telling
from unroll.drawing.scene import Circle, Group, Item, Path, Point, Scene, Stamp
from unroll.drawing.telling import is_left_out, reference

Phase = Literal["forward", "loss", "backward", "accumulate"]
State = Literal["pending", "active", "done"]


@dataclass(frozen=True, slots=True)
class Moment:
    """What becomes active at one time.

    step: the index of the node that it is about, as its data says; active: groups of the scene that
    appear now, and only now; along: groups that are there already and light up once more (a node
    whose gradient arrives, the circuit); sentence: what happens.
    """

    phase: Phase
    step: str | None
    active: tuple[Group, ...]
    sentence: str
    along: tuple[Group, ...] = ()


def sweep(scene: Scene) -> tuple[Moment, ...]:
    """The moments of a scene, in an order that respects its arrows; none where there is no node.

    Every node, ghost and edge of the view that is played is active exactly once; so is what shows a
    gradient inside a node, and every caption of a parameter's gradient. Figures that stand side by
    side are played one after another.
    """
    panels = [i for i in scene.items if isinstance(i, Group) and i.kind == "panel"]
    if panels:
        return tuple(m for panel in panels for m in sweep(replace(scene, items=panel.items)))
    picture = _read(scene)
    return (*_forward(picture), *_backward(picture), *_accumulate(picture))


def played(scene: Scene, moments: Sequence[Moment]) -> Scene:
    """The scene whose groups know when they play, for writers.

    A group that becomes active bears the fact `moment`, its number counted from 1; one that lights
    up along with others `again`, numbers with spaces between them.
    """
    active = {id(g): k for k, m in enumerate(moments, 1) for g in m.active}  # the very same groups
    again: dict[int, list[str]] = defaultdict(list)
    for k, moment in enumerate(moments, 1):
        for group in moment.along:
            again[id(group)].append(str(k))

    def marked(item: Item) -> Item:
        if not isinstance(item, Group):
            return item
        facts = [("moment", str(active[id(item)]))] if id(item) in active else []
        if id(item) in again:
            facts.append(("again", " ".join(again[id(item)])))
        return replace(item, items=tuple(map(marked, item.items)), data=(*item.data, *facts))

    return replace(scene, items=tuple(map(marked, scene.items)))


def state(group: Group, k: int) -> State | None:
    """The state of a group of a played scene at moment k (0: before the first); None: as around it.

    A group inside another has its own: a gradient is pending while its node is done.
    """
    own = group.fact("moment")
    if str(k) in (group.fact("again") or "").split() or own == str(k):
        return "active"
    return None if own is None else "pending" if int(own) > k else "done"


# --- reading a scene -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Node:
    """A node of the played view. marks: what in it shows its gradient."""

    group: Group
    at: Point
    marks: tuple[Group, ...] = ()


@dataclass(frozen=True)
class _Edge:
    """An edge and the numbers of the nodes at its ends; None where a node is not a group."""

    group: Group
    tail: int | None
    head: int | None
    marks: tuple[Group, ...] = ()

    @property
    def ahead(self) -> bool:
        return self.group.fact("flow") != "backward"


@dataclass(frozen=True)
class _Picture:
    """The played view, in the order of the forward pass; the circuit beside it; the captions."""

    nodes: tuple[_Node, ...]
    edges: tuple[_Edge, ...]
    order: tuple[int, ...]
    circuit: tuple[Group, ...]
    captions: tuple[Group, ...]

    def arriving(self, *, ahead: bool) -> Mapping[int, list[_Edge]]:
        """The edges of a flow by the node at which they arrive (or leave, where that is no group)."""
        found: dict[int, list[_Edge]] = {i: [] for i in self.order}
        for edge in self.edges:
            end = edge.tail if edge.head is None else edge.head
            if edge.ahead == ahead and end is not None:
                found[end].append(edge)
        return found

    def sources(self, edges: Iterable[_Edge]) -> list[telling.Source]:
        """The nodes that edges come from, with the edges."""
        return [(self.nodes[e.tail].group, e.group) for e in edges if e.tail is not None]

    def along(self, node: int, edges: Iterable[_Edge]) -> tuple[Group, ...]:
        """What lights up in the circuit with a node and edges that arrive there."""
        names = {self.nodes[node].group.fact("name")}
        ends = {frozenset(self._names(e)) for e in edges if None not in (e.tail, e.head)}
        lags = {(frozenset(self._names(e)), e.group.fact("lag")) for e in edges}
        found = [g for g in self.circuit if g.kind != "edge" and g.fact("name") in names]
        for group in self.circuit:
            pair = frozenset((group.fact("source"), group.fact("target")))
            same = pair in ends and group.kind == "edge"
            if same and (group.fact("lag") is None or (pair, group.fact("lag")) in lags):
                found.append(group)
        return tuple(found)

    def _names(self, edge: _Edge) -> list[str | None]:
        ends = (edge.tail, edge.head)
        return [self.nodes[end].group.fact("name") for end in ends if end is not None]


def _read(scene: Scene) -> _Picture:
    groups = list(scene.groups())
    bodies = [g for g in groups if g.kind in ("node", "ghost") and _circle(g) is not None]
    view = "unfolded" if any(g.fact("view") == "unfolded" for g in bodies) else "folded"
    nodes: list[_Node] = []
    named: dict[str, list[int]] = defaultdict(list)
    for group in bodies:
        circle = _circle(group)
        if group.fact("view") == view and circle is not None:
            named[reference(group)].append(len(nodes))
            marks = tuple(i for i in group.items if isinstance(i, Group) and _is_gradient(i))
            nodes.append(_Node(group, (circle.x, circle.y), marks))
    edges = []
    for group in groups:
        if group.kind == "edge" and group.fact("view") == view:
            ends = [
                _nearest(nodes, named.get(group.fact(end) or "", []), at)
                for end, at in zip(("source", "target"), _ends(group))
            ]
            inner = (i for i in group.items if isinstance(i, Group))
            ahead = group.fact("flow") != "backward"
            marks = tuple(i for i in inner if ahead and _is_gradient(i))
            edges.append(_Edge(group, ends[0], ends[1], marks))
    circuit = [g for g in groups if g.fact("view") != view and g.kind in ("node", "ghost", "edge")]
    captions = [g for g in groups if g.kind == "caption" and g.fact("gradient") is not None]
    order = _order(nodes, edges, delays=view == "folded")
    return _Picture(tuple(nodes), tuple(edges), order, tuple(circuit), tuple(captions))


def _circle(group: Group) -> Circle | None:
    return next((i for i in group.items if isinstance(i, Circle)), None)


def _ends(edge: Group) -> tuple[Point, Point]:
    """Where an edge starts, and the tip of its arrow: the first point of its line and of its head."""
    found = [i.commands[0][1] for i in edge.items if isinstance(i, Path)][:2]
    if not found:
        return (0.0, 0.0), (0.0, 0.0)
    return (found[0][0], found[0][1]), (found[-1][0], found[-1][1])


def _nearest(nodes: list[_Node], called: list[int], at: Point) -> int | None:
    """Of nodes called the same (as the ghosts at both ends), the one that an edge touches."""
    apart = {i: hypot(nodes[i].at[0] - at[0], nodes[i].at[1] - at[1]) for i in called}
    return min(apart, key=apart.__getitem__, default=None)


def _is_gradient(item: Item) -> bool:
    """Whether a group is painted as the backward pass is."""
    if isinstance(item, Stamp):
        return False
    if isinstance(item, Group):
        return any(map(_is_gradient, item.items))
    paints = (item.fill, getattr(item, "stroke", None))
    return any(p is not None and p.startswith("backward") for p in paints)


def _order(nodes: list[_Node], edges: list[_Edge], *, delays: bool) -> tuple[int, ...]:
    """The nodes in topological order; among those that are ready from left to right, then upwards.

    delays: the arrows of a circuit that pass through a delay do not count, and where a cycle is left
    the next one in the picture is taken.
    """
    after: dict[int, set[int]] = {i: set() for i in range(len(nodes))}
    waiting: dict[int, set[int]] = {i: set() for i in range(len(nodes))}
    for edge in edges:
        tail, head = (edge.tail, edge.head) if edge.ahead else (edge.head, edge.tail)
        if tail is None or head is None or tail == head or (delays and _is_delayed(edge.group)):
            continue
        after[tail].add(head)
        waiting[head].add(tail)
    rank = [(round(n.at[0], 1), -round(n.at[1], 1), i) for i, n in enumerate(nodes)]
    ready = [rank[i] for i in waiting if not waiting[i]]
    heapify(ready)
    found: dict[int, None] = {}
    while len(found) < len(nodes):
        if not ready:
            heappush(ready, min(rank[i] for i in waiting if i not in found))
        here = heappop(ready)[-1]
        if here in found:
            continue
        found[here] = None
        for other in after[here]:
            waiting[other].discard(here)
            if not waiting[other] and other not in found:
                heappush(ready, rank[other])
    return tuple(found)


def _is_delayed(edge: Group) -> bool:
    lags = (edge.fact("lag") or "0").split(",")
    return bool(edge.fact("via")) or any(lag not in ("0", "*") for lag in lags)


# --- the passes --------------------------------------------------------------------------------


def _forward(picture: _Picture) -> Iterator[Moment]:
    pairs = {frozenset((e.tail, e.head)) for e in picture.edges if e.ahead}
    backward = {frozenset((e.tail, e.head)) for e in picture.edges if not e.ahead}
    if backward and not pairs & backward:  # a picture of the backward pass alone
        given = [n.group for n in picture.nodes] + [e.group for e in picture.edges if e.ahead]
        yield Moment("forward", None, tuple(given), telling.REMEMBERED)
        return
    arriving = picture.arriving(ahead=True)
    used = {e.tail for e in picture.edges if e.ahead and e.head is not None}
    shown: set[int] = set()
    moments: list[Moment] = []
    for i in picture.order:
        node, edges = picture.nodes[i], arriving[i]
        if not edges and i in used:  # appears together with the first that needs it
            continue
        tails = dict.fromkeys(e.tail for e in edges if e.tail is not None)
        sources = [t for t in tails if not arriving[t] and t not in shown]
        shown.update(sources)
        groups = [picture.nodes[t].group for t in sources] + [e.group for e in edges] + [node.group]
        phase: Phase = "loss" if node.group.fact("role") == "loss" else "forward"
        sentence = telling.computed(node.group, picture.sources(edges))
        step = node.group.fact("index")
        moments.append(Moment(phase, step, tuple(groups), sentence, picture.along(i, edges)))
    yield from _joined(moments)


def _backward(picture: _Picture) -> Iterator[Moment]:
    leaving = {e.tail for e in picture.edges if not e.ahead}
    arriving = picture.arriving(ahead=False)
    marks: Mapping[int, list[Group]] = {i: list(picture.nodes[i].marks) for i in picture.order}
    for edge in picture.edges:
        if edge.marks and (at := edge.head if edge.tail is None else edge.tail) is not None:
            marks[at].extend(edge.marks)
    starts = [i for i in picture.order if not arriving[i] and (i in leaving or marks[i])]
    if starts:
        groups = [picture.nodes[i].group for i in starts]
        found = tuple(g for i in starts for g in marks[i])
        along = [*groups, *(g for i in starts for g in picture.along(i, ()))]
        yield Moment("backward", None, found, telling.started(groups), tuple(_once(along)))
    moments = []
    for i in reversed(picture.order):
        node, edges = picture.nodes[i].group, arriving[i]
        if not edges:
            continue
        found = (*(e.group for e in edges), *marks[i])
        sentence = telling.arrived(node, picture.sources(edges))
        along = [node, *picture.along(i, edges)]
        moments.append(Moment("backward", node.fact("index"), found, sentence, tuple(along)))
    yield from _joined(moments)


def _accumulate(picture: _Picture) -> Iterator[Moment]:
    for caption in picture.captions:
        name = caption.fact("name") or ""
        used = [e.group for e in picture.edges if e.ahead and _bears(e.group, name)]
        sentence = telling.accumulated(name, len(used))
        yield Moment("accumulate", None, (caption,), sentence, tuple(used))


def _bears(edge: Group, name: str) -> bool:
    """Whether a parameter stands on an edge."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", edge.fact("label") or "") is not None


def _joined(moments: Iterable[Moment]) -> Iterator[Moment]:
    """The moments, those of a column that stands for many steps as one."""
    for left_out, found in groupby(moments, lambda m: is_left_out(m.step)):
        several = list(found)
        if not left_out or len(several) == 1:
            yield from several
            continue
        active = tuple(g for m in several for g in m.active)
        along = tuple(_once([g for m in several for g in m.along]))
        yield replace(several[0], active=active, along=along)


def _once(groups: Iterable[Group]) -> Iterator[Group]:
    """Each group once, in order."""
    yield from {id(g): g for g in groups}.values()
