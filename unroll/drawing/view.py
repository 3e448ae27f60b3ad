"""A view: a plan placed, routed and named, ready to be painted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from unroll.drawing.flows import Strand
from unroll.drawing.geometry import Curve
from unroll.drawing.labels import Label
from unroll.drawing.naming import Naming
from unroll.drawing.scene import Group, Point
from unroll.drawing.unfolding import Arrow, Key, Plan
from unroll.drawing.values import Block

DASH = (4.2, 3.2)


@dataclass(frozen=True, slots=True)
class View:
    """What is painted: a plan, where its nodes are and how its arrows run.

    name: folded or unfolded; blocks: values and gradients beside nodes; badges: nodes that show
    the name of their gradient; beside: words at nodes, instead of the sign of what makes them; units:
    nodes that hold a glyph, on grey; sums: whether a sign says where gradients add up; on_path: nodes
    of a path that is pointed out; uneven: whether an engine has placed each step in its own way.
    """

    name: str
    plan: Plan
    points: Mapping[Key, Point]
    curves: Mapping[Arrow, Curve]
    strands: tuple[Strand, ...]
    labels: Mapping[Key, Label]
    radius: float
    naming: Naming
    badges: frozenset[Key] = frozenset()
    values: Mapping[Key, Block] = field(default_factory=dict)
    gradients: Mapping[Key, Block] = field(default_factory=dict)
    beside: Mapping[Key, Label] = field(default_factory=dict)
    units: frozenset[Key] = frozenset()
    sums: bool = False
    on_path: frozenset[Key] | None = None
    uneven: bool = False

    @property
    def data(self) -> tuple[tuple[str, str], ...]:
        return (("view", self.name),)


def marked(view: View, group: Group) -> Group:
    """The group, saying which view it belongs to."""
    return Group(group.kind, group.items, view.data, group.text)
