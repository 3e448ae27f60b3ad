"""Sentences: what happens at a moment of the sweep, in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from unroll.drawing.scene import Group

REMEMBERED = "The forward pass is done, and what it computed is kept."
_LEFT_OUT = "The steps that are left out go the same way."
_COUNT = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_FEW = 3  # nodes of one variable that are named one by one

Source = tuple[Group, Group]  # a node, and the edge that comes from it


def reference(node: Group) -> str:
    """The name of a node with its index, as edges call it: h[t-1]; in the circuit h."""
    index = node.fact("index")
    name = node.fact("name") or ""
    return name if index is None else f"{name}[{index}]"


def is_left_out(index: str | None) -> bool:
    """Whether an index stands for steps that are not drawn."""
    return index is not None and "..." in index


def computed(node: Group, sources: Sequence[Source]) -> str:
    """A node's value, from those of others."""
    if is_left_out(node.fact("index")):
        return _LEFT_OUT
    if not sources:
        return f"{reference(node)} is given."
    return f"{reference(node)} is computed from {_listed(_spoken(sources, -1))}."


def started(nodes: Sequence[Group]) -> str:
    """Where the gradient comes from."""
    shown = [n for n in nodes if not is_left_out(n.fact("index"))]
    if not shown:
        return "The gradient comes from steps that are not drawn."
    one = {n.fact("gradient") for n in shown} <= {"1", "1.0"}
    more = "; more of it comes from steps that are not drawn" if len(shown) < len(nodes) else ""
    return (
        f"The gradient starts at {_listed(_runs(shown))}{', where it is 1' if one else ''}{more}."
    )


def arrived(node: Group, sources: Sequence[Source]) -> str:
    """A node's gradient, from those of others."""
    if is_left_out(node.fact("index")):
        return "The gradient goes on through the steps that are left out."
    count = len(sources)
    number = _COUNT[count] if count < len(_COUNT) else str(count)
    added = f"; the {number} contributions are summed" if count > 1 else ""
    origin = f" from {_listed(_spoken(sources, 1))}" if sources else ""
    return f"The gradient of {reference(node)} arrives{origin}{added}."


def accumulated(name: str, uses: int) -> str:
    """A parameter's gradient, from all places where the parameter is used."""
    if uses > 1:
        return f"The gradient of {name} is the sum over all {uses} places where {name} is used."
    return f"The gradient of {name} is complete."


def _spoken(sources: Sequence[Source], way: int) -> list[str]:
    """How other nodes are called; way: -1 looking along the arrows of the forward pass, else 1."""
    named: list[Group] = []
    others: list[str] = []
    for node, edge in sources:
        phrase = _seen_from_here(node, edge, way)
        if phrase is None:
            named.append(node)
        else:
            others.append(phrase)
    return list(dict.fromkeys([*others, *_runs(named)]))


def _seen_from_here(node: Group, edge: Group, way: int) -> str | None:
    """A node that has no number of its own, by how it lies to the one that is spoken about."""
    name, index, lag = node.fact("name"), node.fact("index"), edge.fact("lag")
    if index is not None and not is_left_out(index):
        return None
    if edge.fact("via"):
        return f"the {name} of its {edge.fact('via')} child" if way < 0 else f"the {name} above it"
    if lag is not None and lag.lstrip("-").isdigit() and int(lag):
        before = (int(lag) > 0) == (way < 0)
        count = abs(int(lag))
        far = f"{count} steps " if count > 1 else ""
        return f"the {name} {far}{'before' if before else 'after'} it"
    if lag is not None and set(lag.split(",")) - {"0", "*"}:
        return f"neighbouring {name}"
    return f"{name} of the steps that are left out" if is_left_out(index) else None


def _runs(nodes: Iterable[Group]) -> list[str]:
    """References, many of the same variable from the first to the last."""
    found: list[str] = []
    for _, same in groupby(nodes, lambda n: n.fact("name")):
        each = list(dict.fromkeys(map(reference, same)))
        found += each if len(each) <= _FEW else [f"{each[0]} to {each[-1]}"]
    return found


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
