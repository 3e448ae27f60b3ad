r"""Variables of a node and its child, `f_{jk}` with `k \in C(j)`: they belong to the child alone.

A node has one parent, so that a value for each pair of them is a value for each child; what the
equation says of the node `j` is then said of `parent(k)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from unroll.language.building import Definition
from unroll.symbolic.expressions import (
    Index,
    Range,
    Reference,
    reindex,
    substitute,
    walk,
)
from unroll.symbolic.ordering import uses
from unroll.symbolic.trees import PARENT


def of_children(definitions: Sequence[Definition]) -> list[Definition]:
    """The definitions with each variable of a node and its child as one of the child."""
    found = list(definitions)
    for name in dict.fromkeys(d.target.name for d in definitions):
        places = {
            _place(r, around.values())
            for d in found
            for r, around in uses(d.expression)
            if r.name == name
        }
        place = places.pop() if len(places) == 1 else None
        if place is not None and all(_fits(d, place) for d in found if d.target.name == name):
            found = [_moved(d, name, place) for d in found]
    return found


def _place(reference: Reference, around: Iterable[Range]) -> int | None:
    """Where the child stands among two indices of a node and its child."""
    if len(reference.indices) != 2:
        return None
    for within in around:
        if within.parent is None:
            continue
        pair = (Index(within.parent.base), Index(within.axis))
        if reference.indices in (pair, pair[::-1]):
            return reference.indices.index(pair[1])
    return None


def _fits(definition: Definition, place: int) -> bool:
    """Whether the equation is for any node and child, and does not count nodes."""
    indices = definition.target.indices
    if len(indices) != 2 or any(i.offset or i.via or len(i.base) != 1 for i in indices):
        return False
    node = indices[1 - place].base
    parts = [p for p in walk(definition.expression) if isinstance(p, Reference)]
    return not definition.bounds and not any(
        (r.name == node and not r.indices) or any(i.base == node and i.via for i in r.indices)
        for r in parts
    )


def _moved(definition: Definition, name: str, place: int) -> Definition:
    target, expression = definition.target, definition.expression
    if target.name == name:
        node, child = target.indices[1 - place], target.indices[place]
        places = {child.base: node, node.base: Index(node.base, 0, PARENT)}
        expression = reindex(expression, places)
        target = replace(target, indices=(node,))

    def of_child(r: Reference) -> Reference | None:
        return replace(r, indices=(r.indices[place],)) if r.name == name else None

    return replace(definition, target=target, expression=substitute(expression, of_child))
