"""Trees as axes: the points of such an axis are the nodes of a tree, children before parents.

Leaves have the numbers 1..k, from left to right; inner nodes follow, lower ones first; the root is
last. A reference to a neighbour that a node has not is out of range, and reads an initial value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from unroll.errors import UnrollError

LEFT, RIGHT, PARENT, CHILDREN = "left", "right", "parent", "children"
LEFT_PARENT, RIGHT_PARENT = "parent_of_left", "parent_of_right"
NEIGHBOURS = (LEFT, RIGHT, PARENT, LEFT_PARENT, RIGHT_PARENT)
# the node from which a neighbour is seen: what is left(n) of one node has n as its parent
INVERSE = {
    LEFT: LEFT_PARENT,
    RIGHT: RIGHT_PARENT,
    LEFT_PARENT: LEFT,
    RIGHT_PARENT: RIGHT,
    CHILDREN: PARENT,
    PARENT: CHILDREN,
}
UP = frozenset({PARENT, LEFT_PARENT, RIGHT_PARENT})  # these look towards the root


@dataclass(frozen=True)
class Tree:
    """children: for each node 1..n the numbers of its children, from left to right."""

    children: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.children)

    @cached_property
    def leaves(self) -> int:
        return sum(not c for c in self.children)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """Number of the parent of each node; 0 for the root."""
        found = [0] * len(self.children)
        for node, children in enumerate(self.children, 1):
            for child in children:
                found[child - 1] = node
        return tuple(found)

    @cached_property
    def heights(self) -> tuple[int, ...]:
        """Longest way down from each node to a leaf."""
        found: list[int] = []
        for children in self.children:
            found.append(1 + max((found[c - 1] for c in children), default=-1))
        return tuple(found)

    def neighbour(self, via: str, node: int) -> int:
        """Number of a node's neighbour; 0 where it has none."""
        if not 1 <= node <= len(self):
            return 0
        children, parent = self.children[node - 1], self.parents[node - 1]
        if via == LEFT:
            return children[0] if children else 0
        if via == RIGHT:
            return children[1] if len(children) > 1 else 0
        if via == LEFT_PARENT:
            return parent if parent and self.children[parent - 1][0] == node else 0
        if via == RIGHT_PARENT:
            return parent if parent and self.children[parent - 1][1:2] == (node,) else 0
        assert via == PARENT
        return parent


def chain(leaves: int) -> Tree:
    """Every inner node has the one before it on its left and the next leaf on its right."""
    children: list[tuple[int, ...]] = [()] * leaves
    for k in range(2, leaves + 1):
        children.append((1 if k == 2 else len(children), k))
    return Tree(tuple(children))


def balanced(leaves: int) -> Tree:
    """Neighbours joined in pairs, level by level: height ceil(log2(leaves))."""
    children: list[tuple[int, ...]] = [()] * leaves
    level = list(range(1, leaves + 1))
    while len(level) > 1:
        above = []
        for i in range(0, len(level) - 1, 2):
            children.append((level[i], level[i + 1]))
            above.append(len(children))
        level = above + level[len(level) - len(level) % 2 :]
    return Tree(tuple(children))


MAKERS = {"balanced": balanced, "chain": chain}
Shape = str | Tree | Sequence[Any]


def tree_of(shape: Shape, leaves: int) -> Tree:
    """The tree that a word, a parent for each node or a list of children for each node says.

    leaves: how many, where the shape is a word. Raises UnrollError for what is no tree.
    """
    if isinstance(shape, Tree):
        return shape
    if isinstance(shape, str):
        if shape not in MAKERS:
            raise UnrollError(
                f"there is no tree called {shape!r}",
                remedy=f"Choose {' or '.join(MAKERS)}, or give each node's parent, 0 for the root.",
            )
        return MAKERS[shape](leaves)
    nodes: list[Any] = list(shape)
    return from_parents(nodes) if all(isinstance(n, int) for n in nodes) else from_children(nodes)


def from_parents(parents: Sequence[int]) -> Tree:
    """The tree in which node i (counted from 1) has the parent `parents[i - 1]`, 0 for the root.

    Nodes are numbered anew, leaves first. Raises UnrollError for what is no tree.
    """
    count = len(parents)
    children: list[list[int]] = [[] for _ in range(count)]
    for node, parent in enumerate(parents, 1):
        if not isinstance(parent, int) or not 0 <= parent <= count:
            raise _no_tree(f"node {node} has the parent {parent!r}, but nodes are 1..{count}")
        if parent:
            children[parent - 1].append(node)
    return from_children(children)


def from_children(children: Sequence[Sequence[int]]) -> Tree:
    """The tree in which node i (counted from 1) has the children `children[i - 1]`.

    Nodes are numbered anew: leaves first, from left to right, then by height.
    Raises UnrollError for what is no tree.
    """
    count = len(children)
    parent: dict[int, int] = {}
    for node, below in enumerate(children, 1):
        for child in below:
            if not isinstance(child, int) or not 1 <= child <= count:
                raise _no_tree(f"node {node} has the child {child!r}, but nodes are 1..{count}")
            if child in parent:
                raise _no_tree(f"node {child} is a child of both {parent[child]} and {node}")
            parent[child] = node
    roots = [n for n in range(1, count + 1) if n not in parent]
    if len(roots) != 1:
        shown = ", ".join(map(str, roots)) or "none"
        raise _no_tree(f"a tree has one root; here the nodes without a parent are: {shown}")
    order = _downwards(children, roots[0])
    if len(order) != count:
        lost = min(set(range(1, count + 1)) - set(order))
        raise _no_tree(f"node {lost} cannot be reached from the root {roots[0]}: it is in a cycle")
    height: dict[int, int] = {}
    for node in reversed(order):
        height[node] = 1 + max((height[c] for c in children[node - 1]), default=-1)
    ranked = sorted(order, key=lambda n: (height[n], order.index(n)))
    number = {node: i for i, node in enumerate(ranked, 1)}
    return Tree(tuple(tuple(number[c] for c in children[n - 1]) for n in ranked))


def _downwards(children: Sequence[Sequence[int]], root: int) -> list[int]:
    """Nodes that can be reached from the root, each before its children, left before right."""
    found, todo = [], [root]
    while todo:
        node = todo.pop()
        found.append(node)
        todo.extend(reversed(children[node - 1]))
    return found


def _no_tree(message: str) -> UnrollError:
    return UnrollError(
        f"this is no tree: {message}",
        remedy="Give each node's parent, 0 for the root: [3, 3, 0] is a root with two leaves.",
    )
