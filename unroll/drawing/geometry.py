"""Curves: chains of cubic Béziers, and what drawing needs to know about them."""

from __future__ import annotations

from itertools import pairwise
from math import atan2, cos, hypot, sin
from typing import Any

import numpy as np

from unroll.drawing.scene import Bounds, Command, Point

Cubic = tuple[Point, Point, Point, Point]
Curve = tuple[Cubic, ...]
Array = np.ndarray[Any, Any]

ARROW_LENGTH, ARROW_WIDTH, ARROW_GAP = 8.5, 6.2, 1.5


def along(a: Point, b: Point, share: float) -> Point:
    """The point between two points, at a share of the way."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def straight(*points: Point) -> Curve:
    """The polyline through the points."""
    return tuple((a, along(a, b, 1 / 3), along(a, b, 2 / 3), b) for a, b in pairwise(points))


def polar(center: Point, radius: float, angle: float) -> Point:
    """The point at an angle (radians, counterclockwise as seen) around a centre."""
    return center[0] + radius * cos(angle), center[1] - radius * sin(angle)


def rounded(points: tuple[Point, ...], radius: float) -> Curve:
    """The polyline through the points with its corners rounded."""
    pieces: list[Cubic] = []
    at = points[0]
    for before, corner, after in zip(points, points[1:], points[2:]):
        reach = min(radius, _distance(before, corner) / 2, _distance(corner, after) / 2)
        enter = along(corner, before, reach / max(_distance(corner, before), 1e-9))
        leave = along(corner, after, reach / max(_distance(corner, after), 1e-9))
        pieces += straight(at, enter)
        pieces.append((enter, along(enter, corner, 0.55), along(leave, corner, 0.55), leave))
        at = leave
    pieces += straight(at, points[-1])
    return tuple(pieces)


def _distance(a: Point, b: Point) -> float:
    return hypot(b[0] - a[0], b[1] - a[1])


def point_at(curve: Curve, t: float) -> Point:
    """The point at t in 0..1, each cubic taking an equal part of it."""
    cubic, u = _locate(curve, t)
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = cubic
    v = 1 - u
    k = v * v * v, 3 * v * v * u, 3 * v * u * u, u * u * u
    return (
        k[0] * ax + k[1] * bx + k[2] * cx + k[3] * dx,
        k[0] * ay + k[1] * by + k[2] * cy + k[3] * dy,
    )


def direction_at(curve: Curve, t: float) -> Point:
    """The unit tangent at t in 0..1."""
    a, b = point_at(curve, max(0.0, t - 1e-3)), point_at(curve, min(1.0, t + 1e-3))
    length = _distance(a, b) or 1.0
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length


def sample(curve: Curve, count: int = 33) -> Array:
    """Points along the curve, (count * cubics, 2)."""
    u = np.linspace(0, 1, count)[:, None]
    v = 1 - u
    weights = np.concatenate([v**3, 3 * v * v * u, 3 * v * u * u, u**3], axis=1)
    return np.concatenate([weights @ np.asarray(c, dtype=float) for c in curve])


def arc_fraction(curve: Curve, share: float) -> float:
    """The parameter t at a share of the curve's length."""
    points = sample(curve, 33)
    steps = np.hypot(*np.diff(points, axis=0).T)
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    at = float(np.searchsorted(travelled, share * travelled[-1]))
    piece, inside = divmod(at, 33)
    return min(1.0, (piece + inside / 32) / len(curve))


def cut(curve: Curve, start: float, stop: float) -> Curve:
    """The part of the curve between two parameters."""
    n = len(curve)
    pieces = []
    for i, cubic in enumerate(curve):
        a, b = max(0.0, start * n - i), min(1.0, stop * n - i)
        if b > a + 1e-9:
            pieces.append(_part(cubic, a, b))
    return tuple(pieces)


def trimmed(curve: Curve, tail: Point, head: Point, radius: float, gap: float) -> Curve:
    """The curve without what lies inside the circle at its tail and (with a gap) at its head."""
    start = _leaves(curve, tail, radius, forward=True)
    stop = _leaves(curve, head, radius + gap, forward=False)
    return cut(curve, start, stop)


def _leaves(curve: Curve, center: Point, radius: float, *, forward: bool) -> float:
    """The parameter where the curve leaves a circle, seen from its tail or from its head."""
    inside, outside = (0.0, 1.0) if forward else (1.0, 0.0)
    grid = np.linspace(inside, outside, 65)
    for t in grid:
        if _distance(point_at(curve, float(t)), center) >= radius:
            outside = float(t)
            break
        inside = float(t)
    for _ in range(30):
        middle = (inside + outside) / 2
        if _distance(point_at(curve, middle), center) >= radius:
            outside = middle
        else:
            inside = middle
    return outside


def beside(curve: Curve, distance: float) -> Curve:
    """The curve moved to its left-hand side (seen in its direction)."""
    if not distance:
        return curve
    return tuple(_beside(c, distance) for c in curve)


def _beside(cubic: Cubic, distance: float) -> Cubic:
    a, b, c, d = cubic
    legs = ((a, b), (a, d) if _distance(b, c) < 1e-6 else (b, c), (c, d))
    normals = [_left(p, q) if _distance(p, q) > 1e-6 else _left(a, d) for p, q in legs]
    mixed = (normals[0], _mean(normals[0], normals[1]), _mean(normals[1], normals[2]), normals[2])
    moved = [(p[0] + n[0] * distance, p[1] + n[1] * distance) for p, n in zip(cubic, mixed)]
    return moved[0], moved[1], moved[2], moved[3]


def _left(a: Point, b: Point) -> Point:
    length = _distance(a, b) or 1.0
    return (b[1] - a[1]) / length, -(b[0] - a[0]) / length


def _mean(a: Point, b: Point) -> Point:
    """The direction between two, longer where they differ, as in a mitre (up to twice)."""
    x, y = a[0] + b[0], a[1] + b[1]
    square = max(x * x + y * y, 1.0)
    return 2 * x / square, 2 * y / square


def reverse(curve: Curve) -> Curve:
    return tuple((d, c, b, a) for a, b, c, d in reversed(curve))


def arrowhead(curve: Curve, scale: float = 1.0) -> tuple[Curve, tuple[Point, ...]]:
    """The curve, shortened, and the filled stealth at its end."""
    tip = curve[-1][3]
    back = _leaves(curve, tip, ARROW_LENGTH * scale, forward=False)
    heel = point_at(curve, back)
    angle = atan2(tip[1] - heel[1], tip[0] - heel[0])
    length, half = ARROW_LENGTH * scale, ARROW_WIDTH * scale / 2

    def turned(x: float, y: float) -> Point:
        return tip[0] + x * cos(angle) - y * sin(angle), tip[1] + x * sin(angle) + y * cos(angle)

    notch = 0.72 * length
    polygon = (tip, turned(-length, -half), turned(-notch, 0), turned(-length, half))
    stop = _leaves(curve, tip, notch - 0.4, forward=False)
    return cut(curve, 0.0, stop), polygon


def commands(curve: Curve) -> tuple[Command, ...]:
    """Path commands; straight cubics become lines."""
    found: list[Command] = [("M", curve[0][0])]
    for a, b, c, d in curve:
        flat = abs(_cross(a, d, b)) < 1e-6 and abs(_cross(a, d, c)) < 1e-6
        found.append(("L", d) if flat else ("C", (*b, *c, *d)))
    return tuple(found)


def _cross(a: Point, b: Point, p: Point) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def box_distance(points: Array, box: Bounds) -> float:
    """The least distance of points from a rectangle, 0 inside."""
    dx = np.maximum(np.maximum(box.left - points[:, 0], points[:, 0] - box.right), 0)
    dy = np.maximum(np.maximum(box.top - points[:, 1], points[:, 1] - box.bottom), 0)
    return float(np.min(np.hypot(dx, dy)))


def _locate(curve: Curve, t: float) -> tuple[Cubic, float]:
    scaled = min(max(t, 0.0), 1.0) * len(curve)
    i = min(int(scaled), len(curve) - 1)
    return curve[i], scaled - i


def _part(cubic: Cubic, start: float, stop: float) -> Cubic:
    _, right = _halves(cubic, start)
    left, _ = _halves(right, (stop - start) / (1 - start) if start < 1 else 1.0)
    return left


def _halves(cubic: Cubic, u: float) -> tuple[Cubic, Cubic]:
    a, b, c, d = cubic
    ab, bc, cd = along(a, b, u), along(b, c, u), along(c, d, u)
    abc, bcd = along(ab, bc, u), along(bc, cd, u)
    mid = along(abc, bcd, u)
    return (a, ab, abc, mid), (mid, bcd, cd, d)


def length(curve: Curve) -> float:
    """The curve's length, px."""
    points = sample(curve)
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def moved(curve: Curve, dx: float, dy: float) -> Curve:
    """The curve at another place."""
    return tuple(
        (
            (a[0] + dx, a[1] + dy),
            (b[0] + dx, b[1] + dy),
            (c[0] + dx, c[1] + dy),
            (d[0] + dx, d[1] + dy),
        )
        for a, b, c, d in curve
    )
