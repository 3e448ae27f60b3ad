"""Rails: how a variable without an axis (a single) and the steps reach each other.

Each step has a riser beside its column, in a lane that no node stands in; it ends on the rail
along the single's row. What a single feeds and what feeds it run at two levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from unroll.drawing.geometry import Curve, rounded
from unroll.drawing.scene import Point

APART = 0.42  # of two levels from the middle of their row, in node radii
_FAR = (1.5, 1.8, 2.1, 2.6, 3.2, 3.8, 4.4, 5.0, 5.6, 6.2, 6.8)  # in node radii, on both sides
_LANES = (0.0, *(side * x for x in _FAR for side in (1, -1)))
_BETWEEN = 0.6  # two risers of one column, at least; in node radii
_TURN = 1.5  # height of the slope from a node to its lane, at most; in node radii


@dataclass(frozen=True, slots=True)
class Rail:
    """A way from a step's node to a single. riser: the part beside the column, at x = lane."""

    curve: Curve
    riser: Curve
    lane: float
    low: float
    high: float

    def is_apart(self, others: Iterable[Rail], radius: float) -> bool:
        """Whether the riser can be told from others."""
        return not any(
            abs(self.lane - other.lane) < _BETWEEN * radius
            and self.low < other.high
            and other.low < self.high
            for other in others
        )


def candidates(start: Point, end: Point, level: float, radius: float) -> Iterator[Rail]:
    """Ways from a step's node to a single, the nearest lanes first.

    level: how much lower than the single its rail runs, px.
    """
    (x, y), (sx, sy) = start, end
    sy += level
    down = 1 if sy > y else -1
    for lane in _LANES:
        to = x + lane * radius
        corner = (to, y + down * radius * min(abs(lane), _TURN))
        points = [start, *([corner] if lane else []), (to, sy)]
        riser = rounded(tuple(points), 0.7 * radius)
        if abs(to - sx) > 1:
            points.append((sx, sy))
        curve = rounded(tuple(points), 0.7 * radius)
        yield Rail(curve, riser, to, min(y, sy), max(y, sy))
