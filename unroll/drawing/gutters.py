"""Gutters: how far apart columns and rows stand so that trunks find their way between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from unroll.drawing.columns import lag_of
from unroll.graph.folded import FoldedGraph

FAR = 2  # rows that an arrow into an operation passes at most without a gutter
_WORD = 1.6  # for the name of a function left of a node, in node radii
_GUTTER, _TRACK = 2.2, 0.7  # between nodes for one trunk, and for each further one, in node radii


def fanned(graph: FoldedGraph, row: Mapping[str, int]) -> dict[str, set[str]]:
    """What a trunk leads to from each variable: its users at another step, several rows away."""
    found: dict[str, set[str]] = defaultdict(set)
    for link in graph.links:
        carried = lag_of(link) and not link.over and not link.via
        if carried and link.target in row and row[link.source] != row[link.target]:
            found[link.source].add(link.target)
    chosen = {}
    for source, targets in found.items():
        made = any(graph.nodes[n]["variable"].made for n in targets)
        least = 1 if len(targets) > 1 else FAR if made else len(row)
        if max(abs(row[source] - row[n]) for n in targets) > least:
            chosen[source] = targets
    return chosen


def pitch(
    fans: Mapping[str, set[str]],
    row: Mapping[str, int],
    offset: Mapping[str, float],
    wide: Collection[str] = (),
) -> float:
    """Of columns so far apart that each trunk finds a gutter between them, in node radii."""
    passed: set[int] = set()
    for source, targets in fans.items():
        rows = {row[n] for n in targets}
        between = range(min(*rows, row[source] + 1), max(*rows, row[source] - 1) + 1)
        passed |= {r for r in between if r != row[source]}
    places = [x for name, x in offset.items() if row[name] in passed]
    if not places:
        return 0.0
    left = min(x - _WORD * (name in wide) for name, x in offset.items() if row[name] in passed)
    return max(places) - left + 2 + _GUTTER + _TRACK * (len(fans) - 1)


def raised(
    graph: FoldedGraph, fans: Mapping[str, set[str]], row: Mapping[str, int]
) -> frozenset[str]:
    """Variables below which labels need room where a state of another step branches into their row."""
    labelled = {(k.source, k.target) for k in graph.links if lag_of(k) and k.factors}
    named = {v.name for v in graph.variables if v.sign and not v.made}
    found: set[str] = set()
    for source, targets in fans.items():
        rows = [row[n] for n in targets if (source, n) in labelled or n in named]
        found |= {n for n in targets if rows.count(row[n]) > 1}
    return frozenset(found)


def named(graph: FoldedGraph, fans: Mapping[str, set[str]]) -> frozenset[str]:
    """Variables that several trunks lead to and at which the name of a function stands."""
    reached = [n for targets in fans.values() for n in targets]
    return frozenset(
        v.name for v in graph.variables if v.sign and not v.made and reached.count(v.name) > 1
    )
