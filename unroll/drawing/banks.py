"""Banks: many parameters side by side below a figure, where a row for each would make a tower.

From each, a stem leads to a track of its own, and from there a tap into all that need it (see
`unroll.drawing.taps`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from unroll.drawing.rows import Rows
from unroll.graph.folded import FoldedGraph

_FEW = 3  # parameters that have rows of their own
_SIDE_BY_SIDE = 9  # in one row of a bank, about; further ones stand in the gaps of the next row
TRACK = 0.55  # between two tracks, in node radii
EDGE = 1.35  # of the outer ones from the middle of the nodes beside them


def banked(graph: FoldedGraph, rows: Rows) -> Rows:
    """The rows of a figure, its parameters in a bank if they are many."""
    names = _parameters(graph, rows)
    if len(names) <= _FEW:
        return rows
    count = -(-len(names) // _SIDE_BY_SIDE)
    kept = sorted({r for n, r in rows.row.items() if n not in names})
    row = {n: kept.index(r) + count for n, r in rows.row.items() if n not in names}
    offset = dict(rows.offset)
    for i, name in enumerate(names):
        row[name] = count - 1 - i % count
        offset[name] = (i - (len(names) - 1) / 2) / count  # of pitches of the bank
    return replace(rows, row=row, offset=offset, bank=tuple(names))


def depth(rows: Rows) -> float:
    """How much farther than a row below the others a bank stands, for its tracks; in node radii."""
    return TRACK * len(rows.bank)


def _parameters(graph: FoldedGraph, rows: Rows) -> Sequence[str]:
    """What all steps share and nothing makes, from left to right as what needs it stands."""
    made = {k.target for k in graph.links}
    users: dict[str, list[str]] = {}
    for link in graph.links:
        users.setdefault(link.source, []).append(link.target)
    lowest = min((r for n, r in rows.row.items() if n not in rows.single), default=0)
    found = [
        v.name
        for v in graph.variables
        if v.role == "parameter"
        and v.name in rows.single
        and v.name in rows.offset
        and v.name not in made
        and v.name not in rows.stands
        and rows.row[v.name] < lowest
    ]
    return sorted(found, key=lambda n: _middle(users.get(n, ()), rows.offset))


def _middle(names: Sequence[str], offset: Mapping[str, float]) -> float:
    found = [offset[n] for n in names if n in offset]
    return round(sum(found) / max(len(found), 1), 6)
