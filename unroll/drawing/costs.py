"""What a curve costs, for many curves at once: arrays (curves, points along each, 2)."""

from __future__ import annotations

import numpy as np

from unroll.drawing.geometry import Array

CLEARANCE = 6.0  # between a line and a node that it does not belong to, px
HOPELESS = 400.0  # what hits a node costs more than this
_SAMPLES = 25


def sample_all(curves: Array) -> Array:
    """Points of cubic curves, (curves, 4, 2) to (curves, 25, 2)."""
    u = np.linspace(0, 1, _SAMPLES)[:, None]
    v = 1 - u
    weights = np.concatenate([v**3, 3 * v * v * u, 3 * v * u * u, u**3], axis=1)
    return np.asarray(np.einsum("pk,nkd->npd", weights, curves))


def shape_cost(grid: Array, radius: float) -> Array:
    """Length in node radii, and a penalty for sharp turns."""
    steps = np.diff(grid, axis=1)
    length = np.hypot(steps[..., 0], steps[..., 1]).sum(axis=1) / radius
    heading = np.unwrap(np.arctan2(steps[..., 1], steps[..., 0]), axis=1)
    sharpest = np.abs(np.diff(heading, axis=1)).max(axis=1)
    return np.asarray(length + 6 * np.clip(sharpest - 0.22, 0, None))


def node_cost(grid: Array, others: Array, ends: Array, radius: float, clearance: float) -> Array:
    """Closeness to nodes; prohibitive where one is hit, the curve's own ends included."""
    cost = np.zeros(len(grid))
    if len(others):
        near = _nearest(grid.reshape(-1, 2), others, radius + clearance + 8)
        gaps = near.reshape(grid.shape[:2]).min(axis=1) - radius
        cost += np.where(gaps < clearance, 1000 - 10 * gaps, 0.0)
        cost += 4 * np.clip(clearance + 8 - gaps, 0, None) / radius
    own = _distances(grid[:, 1:-1], ends).min(axis=(1, 2)) - radius
    return np.asarray(cost + np.where(own < 0, 500.0, 0.0))


def line_cost(grid: Array, lines: Array, close: float, apart: float) -> Array:
    """How much of each curve lies close to other lines; of its middle, not far enough apart."""
    if not len(lines):
        return np.zeros(len(grid))
    inner = grid[:, 1:-1]
    near = _nearest(inner.reshape(-1, 2), lines, max(close, apart)).reshape(inner.shape[:2])
    cost = 0.45 * (near < close).sum(axis=1)
    if apart > close:
        cost = cost + 0.6 * (near[:, 8:-8] < apart).sum(axis=1)
    return np.asarray(cost)


def _distances(grid: Array, points: Array) -> Array:
    """From each point of each curve to each of the points."""
    gaps = grid[:, :, None] - points
    return np.asarray(np.hypot(gaps[..., 0], gaps[..., 1]))


def _nearest(places: Array, points: Array, within: float) -> Array:
    """How far from each place the nearest of the points is; infinite where none is within reach.

    Points lie in square cells as wide as the reach, so that each place looks into nine cells only:
    a dense picture has thousands of points, and nearly all of them are far away.
    """
    low = np.minimum(places.min(axis=0), points.min(axis=0)) - within
    cells = ((places - low) // within).astype(int)
    filled = ((points - low) // within).astype(int)
    stride = max(cells[:, 1].max(), filled[:, 1].max()) + 2
    keys = filled[:, 0] * stride + filled[:, 1]
    order = np.argsort(keys, kind="stable")
    keys, points = keys[order], points[order]
    found = np.full(len(places), np.inf)
    for aside in (-1, 0, 1):
        key = (cells[:, 0] + aside) * stride + cells[:, 1]
        start = np.searchsorted(keys, key - 1, "left")
        count = np.searchsorted(keys, key + 1, "right") - start
        used = np.flatnonzero(count)
        start, count = start[used], count[used]
        if not len(used):
            continue
        first = np.cumsum(count) - count  # where the points of each place begin
        looked = np.arange(int(count.sum())) + np.repeat(start - first, count)
        gaps = np.hypot(*(np.repeat(places[used], count, axis=0) - points[looked]).T)
        found[used] = np.minimum(found[used], np.minimum.reduceat(gaps, first))
    return found
