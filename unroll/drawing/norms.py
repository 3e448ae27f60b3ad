"""Norms: how large the gradients are that flow along arrows, as widths and colours on a log scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from unroll.drawing.labels import math
from unroll.drawing.scene import Group, Item, Path
from unroll.drawing.theme import NORMS
from unroll.drawing.unfolding import Arrow, Plan

Ends = tuple[str, str]  # the nodes that an arrow leads from and to: `h[1]`, `a[2]`
THIN, WIDE = 0.9, 5.2  # px
_LENGTH, _TICK, _DIGITS = 190.0, 4.0, 10.0  # of the legend, its ticks and its numbers, px
_MOST = 8  # numbers in the legend


@dataclass(frozen=True)
class Norms:
    """The Euclidean norm of what flows back along each arrow; and decades, from low to high.

    A norm of zero, and one too small for a number, is as thin as any.
    """

    found: Mapping[Ends, float]
    low: int
    high: int

    def of(self, plan: Plan, arrow: Arrow) -> float | None:
        """The norm along an arrow; None where it is not known, as where steps are left out."""
        ends = plan.nodes[arrow.source].reference, plan.nodes[arrow.target].reference
        return self.found.get(ends)

    def share(self, norm: float) -> float:
        """Where a norm lies on the scale, 0..1."""
        if not norm > 0:
            return 0.0
        if not isfinite(norm):
            return 1.0
        return min(1.0, max(0.0, (log10(norm) - self.low) / (self.high - self.low)))

    def width(self, norm: float) -> float:
        """The width of a line, px: to a tenth, so that equal lines are worked out once."""
        return round(THIN + (WIDE - THIN) * self.share(norm), 1)

    def paint(self, norm: float) -> str:
        return f"norm+{round(self.share(norm) * (NORMS - 1)):02d}"


def norms_of(found: Mapping[Ends, float]) -> Norms:
    """Norms with whole decades around them, two at least: what differs little shall look alike."""
    known = [log10(n) for n in found.values() if n > 0 and isfinite(n)]
    low, high = (floor(min(known)), ceil(max(known))) if known else (0, 0)
    if high - low < 2:
        low, high = min(low, high - 2), high
    return Norms(found, low, high)


def legend(norms: Norms) -> Group:
    """A wedge in the colours of the scale with a tick at each decade, its upper left corner at 0, 0."""
    items: list[Item] = []
    parts = 2 * NORMS
    top = WIDE / 2
    for i in range(parts):
        left, right = (_LENGTH * k / parts for k in (i, i + 1))
        share = (i + 0.5) / parts
        half = (THIN + (WIDE - THIN) * share) / 2
        outline = (
            ("M", (left, top - half)),
            ("L", (right + 0.3, top - half)),
            ("L", (right + 0.3, top + half)),
            ("L", (left, top + half)),
            ("Z", ()),
        )
        items.append(Path(outline, None, f"norm+{round(share * (NORMS - 1)):02d}"))
    decades = range(norms.low, norms.high + 1)
    every = ceil(len(decades) / _MOST)
    for decade in decades:
        x = _LENGTH * (decade - norms.low) / (norms.high - norms.low)
        y = WIDE + 3
        items.append(Path((("M", (x, y)), ("L", (x, y + _TICK))), width=0.9))
        if (decade - norms.low) % every == 0:
            number = math(power(decade), f"1e{decade}", _DIGITS)
            items += number.shapes_at(x, y + _TICK + 4 + number.height / 2)
    name = math(r"\mathrm{norm\ of\ the\ gradient}", "norm of the gradient", 11.0)
    items += name.shapes_at(_LENGTH / 2, -5 - name.height / 2)
    text = f"width and colour: norm of the gradient, 1e{norms.low} to 1e{norms.high}, logarithmic"
    return Group("legend", tuple(items), (("view", "unfolded"),), text)


def power(decade: int) -> str:
    """A power of ten in LaTeX; the small ones as they are."""
    return {0: "1", 1: "10"}.get(decade, f"10^{{{decade}}}")
