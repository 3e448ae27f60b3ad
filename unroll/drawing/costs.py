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
        gaps = _distances(grid, others).min(axis=(1, 2)) - radius
        cost += np.where(gaps < clearance, 1000 - 10 * gaps, 0.0)
        cost += 4 * np.clip(clearance + 8 - gaps, 0, None) / radius
    own = _distances(grid[:, 1:-1], ends).min(axis=(1, 2)) - radius
    return np.asarray(cost + np.where(own < 0, 500.0, 0.0))


def line_cost(grid: Array, lines: Array, close: float, apart: float) -> Array:
    """How much of each curve lies close to other lines; of its middle, not far enough apart."""
    if not len(lines):
        return np.zeros(len(grid))
    near = _distances(grid[:, 1:-1], lines).min(axis=2)
    cost = 0.45 * (near < close).sum(axis=1)
    if apart > close:
        cost = cost + 0.6 * (near[:, 8:-8] < apart).sum(axis=1)
    return np.asarray(cost)


def _distances(grid: Array, points: Array) -> Array:
    """From each point of each curve to each of the points."""
    gaps = grid[:, :, None] - points
    return np.asarray(np.hypot(gaps[..., 0], gaps[..., 1]))
