"""What is wrong with a picture: overlaps found by reading a scene, and nothing but the scene."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from unroll.drawing.geometry import box_distance
from unroll.drawing.scene import Bounds, Circle, Group, Path, Rectangle, Scene, bounds_of

SAME = 1.5  # px between crossings that are one


def complaints(scene: Scene) -> list[str]:
    """All overlaps in a scene, in words; none in a good picture."""
    return list(_complaints(scene))


def circles(scene: Scene) -> list[tuple[str, Circle]]:
    """Nodes and ghosts with a name for messages."""
    return [
        (f"{g.kind} {g.fact('name')}[{g.fact('index')}]", i)
        for g in scene.groups()
        if g.kind in ("node", "ghost")
        for i in g.items
        if isinstance(i, Circle)
    ]


def boxes(scene: Scene) -> list[tuple[str, Bounds, bool]]:
    """Labels, values, captions and delays: name, bounds, whether it is a node's own label."""
    found = []
    for group in scene.groups():
        if group.kind in ("node", "ghost", "edge"):
            inner = [i for i in group.items if isinstance(i, Group)]
            for position, item in enumerate(inner):
                own = group.kind != "edge" and position == 0
                found.append((f"{item.kind} {item.text} of {group.text}", bounds_of([item]), own))
        elif group.kind in ("unfold", "caption", "legend"):
            found.append((f"{group.kind} {group.text}", bounds_of([group]), False))
    return found


def lines(scene: Scene) -> list[tuple[str, np.ndarray]]:
    """Edges as points about 2 px apart."""
    found = []
    for group in scene.groups("edge"):
        stroke = next(i for i in group.items if isinstance(i, Path) and i.stroke)
        found.append((group.text or "", points_of(stroke)))
    return found


def points_of(path: Path, count: int = 60) -> np.ndarray:
    u = np.linspace(0, 1, count)[:, None]
    at = np.zeros(2)
    pieces = []
    for letter, numbers in path.commands:
        p = np.asarray(numbers, dtype=float).reshape(-1, 2)
        if letter == "L":
            pieces.append(at + u * (p[0] - at))
        elif letter == "C":
            a, b, c = p
            v = 1 - u
            pieces.append(v**3 * at + 3 * v * v * u * a + 3 * v * u * u * b + u**3 * c)
        if len(p):
            at = p[-1]
    return np.concatenate(pieces)


def _complaints(scene: Scene) -> Iterator[str]:
    nodes, labels, edges = circles(scene), boxes(scene), lines(scene)
    for (a, one), (b, other) in combinations(nodes, 2):
        if np.hypot(one.x - other.x, one.y - other.y) < one.radius + other.radius + 2:
            yield f"{a} overlaps {b}"
    for name, box, own in labels:
        for of, node in nodes:
            gap = box_distance(np.array([[node.x, node.y]]), box) - node.radius
            if own and box_distance(np.array([[node.x, node.y]]), box) == 0:
                corners = [(x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
                if any(np.hypot(x - node.x, y - node.y) > node.radius for x, y in corners):
                    yield f"{name} does not fit into {of}"
            elif gap < 1:
                yield f"{name} lies on {of}"
    for (a, one, _), (b, other, _) in combinations(labels, 2):
        if one.overlaps(other):
            yield f"{a} overlaps {b}"
    for text, points in edges:
        for of, node in nodes:
            gap = np.hypot(points[:, 0] - node.x, points[:, 1] - node.y).min() - node.radius
            if gap < -0.3:
                yield f"edge {text} runs through {of}"
        for name, box, _ in labels:
            own_cut = name.startswith("cut") and name.endswith(f" of {text}")
            if name.startswith("delay") or own_cut:
                continue
            if box_distance(points, box) < 1:
                yield f"edge {text} runs through {name}"
    for group in scene.groups():
        for item in group.items:
            if isinstance(item, Rectangle) and not np.isfinite([item.x, item.y]).all():
                yield f"{group.kind} has no place"


def crossings(scene: Scene) -> int:
    """At how many places edges of the unfolded view cross, those that share an end excepted.

    Edges that lie on one trunk cross another one at one place. Both strands of an arrow count as
    one edge: backward ones are left out where there are others.
    """
    edges = [g for g in scene.groups("edge") if g.fact("view") == "unfolded"]
    forward = [g for g in edges if g.fact("flow") == "forward"] or edges
    found = []
    for group in forward:
        stroke = next(i for i in group.items if isinstance(i, Path) and i.stroke)
        ends = {group.fact("source"), group.fact("target")}
        found.append((ends, _corners(stroke)))
    places: list[np.ndarray] = []
    for (ends, one), (others, other) in combinations(found, 2):
        if not ends & others and _boxes_meet(one, other):
            for place in _meetings(one, other):
                if not places or np.hypot(*(np.asarray(places) - place).T).min() > SAME:
                    places.append(place)
    return len(places)


def _corners(path: Path) -> np.ndarray:
    """The path as a polyline: straight pieces by their ends, curves by 24 chords."""
    pieces = []
    at = None
    for command in path.commands:
        if at is not None:
            piece = Path((("M", at), command))
            points = points_of(piece, 2 if command[0] == "L" else 25)
            pieces.append(points[1:] if pieces else points)
        at = command[1][-2:]
    return np.concatenate(pieces)


def _boxes_meet(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(
        (one.min(axis=0) <= other.max(axis=0)).all()
        and (other.min(axis=0) <= one.max(axis=0)).all()
    )


def _meetings(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where segments of two polylines cross, (n, 2)."""
    a, b = one[:-1, None], one[1:, None]
    c, d = other[None, :-1], other[None, 1:]

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        u, v = q - p, r - p
        return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]

    first, second = side(c, d, a), side(c, d, b)
    cross = (side(a, b, c) * side(a, b, d) < 0) & (first * second < 0)
    at, _ = np.nonzero(cross)
    share = (first[cross] / (first[cross] - second[cross]))[:, None]
    return one[at] + share * (one[at + 1] - one[at])
