"""Recursive networks: the unfolded picture of a recurrence over the nodes of a tree."""

from __future__ import annotations

from collections import defaultdict

import networkx as nx

from unroll.drawing.placing import Grid
from unroll.drawing.rows import Rows
from unroll.drawing.scene import Point
from unroll.drawing.slices import LEFT, RIGHT, ROOT, Slice, arrange_slice, extent
from unroll.drawing.trees import tidy
from unroll.drawing.unfolding import Arrow, Key, Node, Plan
from unroll.errors import UnrollError
from unroll.graph.unrolled import UnrolledGraph, unroll
from unroll.symbolic.expressions import Index
from unroll.symbolic.recurrence import OPERATION, Recurrence
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.trees import Shape, Tree, tree_of

LARGEST = 128  # leaves that a picture holds
LEAVES = 4  # drawn where nothing says how many


def grown(
    recurrence: Recurrence, leaves: int | None, shape: Shape | None, run: Sizes | None = None
) -> UnrolledGraph | None:
    """The recurrence unrolled over a tree; None where it has no axis over the nodes of one.

    leaves: how many; shape: see `trees.tree_of`; run: the sizes of a run whose values are shown.
    Raises UnrollError for a shape that is no tree, or has another number of leaves.
    """
    axis = next((a for a in recurrence.axes if a.leaves), None)
    if axis is None:
        if shape is not None:
            raise UnrollError(
                "this recurrence does not run over the nodes of a tree",
                remedy="Leave out the tree, or refer to children, as in h[left(n)].",
            )
        return None
    if run is not None and shape is None:
        shape = run.tree(axis.length)
    _check_leaves(leaves)
    tree = tree_of("balanced" if shape is None else shape, LEAVES if leaves is None else leaves)
    if leaves is not None and tree.leaves != leaves:
        raise UnrollError(
            f"the tree has {tree.leaves} leaves, not {leaves}", remedy="Leave out the steps."
        )
    if run is not None and tree != run.tree(axis.length):
        raise UnrollError(
            "the values are those of another tree", remedy="Draw the tree that was run."
        )
    letters = [a.name for a in recurrence.axes if a.leaves]
    return unroll(recurrence, recurrence.sizes(tree.leaves, dict.fromkeys(letters, tree)))


def grow(graph: UnrolledGraph) -> Plan:
    """Nodes and arrows of the picture.

    Not drawn are neighbours that a node has not, and what leads to nothing there although the same
    variable does elsewhere, as the gates of a leaf that has no use for them.
    Raises UnrollError for a tree with too many leaves, and for a second axis.
    """
    _check(graph)
    shown = _shown(graph)
    nodes: dict[Key, Node] = {}
    for key, data in graph.nodes(data=True):
        if key in shown:
            index = None if key[1] is None else Index("", key[1])
            nodes[key] = Node(key, data["variable"], index)
    arrows = [
        Arrow(link, source, target)
        for source, target, data in graph.edges(data=True)
        for link in data["links"]
        if source in nodes and target in nodes
    ]
    order = {link: i for i, link in enumerate(graph.fold().links)}
    return Plan(nodes, tuple(sorted(arrows, key=lambda a: order[a.link])))


def _shown(graph: UnrolledGraph) -> set[Key]:
    shown = {key for key, boundary in graph.nodes(data="boundary") if not boundary}
    role = {key: graph.nodes[key]["variable"].role for key in shown}
    for key in reversed(list(nx.topological_sort(graph))):
        if role.get(key) == OPERATION and shown.isdisjoint(graph.successors(key)):
            shown.discard(key)
    linked = {key for edge in graph.edges if shown.issuperset(edge) for key in edge}
    used = {key[0] for key in linked}
    return {key for key in shown if key in linked or key[0] not in used}


def _check(graph: UnrolledGraph) -> None:
    others = sorted({k for _, d in graph.nodes(data=True) for k in d["variable"].axes[1:]})
    if others:
        raise UnrollError(
            f"a tree with another axis ({others[0]}) has no unfolded picture",
            remedy='Draw it folded: view="folded".',
        )
    _check_leaves(tree_in(graph).leaves)
    if len(tree_in(graph)) > 2 * LARGEST:
        raise UnrollError(
            f"a tree with {len(tree_in(graph))} nodes is too large for a picture",
            remedy=f"Draw one with at most {2 * LARGEST} nodes.",
        )


def _check_leaves(leaves: int | None) -> None:
    if leaves is not None and leaves < 1:
        raise UnrollError(f"cannot draw a tree with {leaves} leaves", remedy="Draw at least one.")
    if leaves is not None and leaves > LARGEST:
        raise UnrollError(
            f"a tree with {leaves} leaves is too large for a picture",
            remedy=f"Draw one with at most {LARGEST} leaves.",
        )


def tree_in(graph: UnrolledGraph) -> Tree:
    """The tree that an unrolled graph was grown on."""
    length = next(a.length for a in graph.graph["axes"] if a.leaves)
    return graph.sizes.tree(length)


def place_tree(
    plan: Plan, graph: UnrolledGraph, grid: Grid, rows: Rows, given: tuple[str, ...] = ()
) -> dict[Key, Point]:
    """Where each node's centre lies; the whole at the height of the circuit, whose `rows` these are."""
    tree = tree_in(graph)
    parts = _slices(plan, tree)
    known = {part: arrange_slice(part, grid, given) for part in dict.fromkeys(parts.values())}
    extents = [extent(known[parts[n]].values()) for n in range(1, len(tree) + 1)]
    anchors = tidy(tree, extents, grid.column, grid.row)
    placed: dict[Key, Point] = {}
    waiting: list[Key] = []
    for key, at in _homes(plan, tree).items():
        if at is None:
            waiting.append(key)
            continue
        (x, y), (dx, dy) = anchors[at - 1], known[parts[at]][key[0]]
        placed[key] = x + dx, y + dy
    low = max((y for _, y in placed.values()), default=0.0)
    middle = (anchors[0][0] + anchors[tree.leaves - 1][0]) / 2
    for i, key in enumerate(waiting, 1):
        placed[key] = middle, low + i * grid.row
    return _centred(placed, -grid.row * (rows.count - 1) / 2)


def _centred(placed: dict[Key, Point], height: float) -> dict[Key, Point]:
    ys = [y for _, y in placed.values()]
    by = height - (min(ys) + max(ys)) / 2 if ys else 0.0
    return {key: (x, y + by) for key, (x, y) in placed.items()}


def _homes(plan: Plan, tree: Tree) -> dict[Key, int | None]:
    """The tree's node at which each node stands; None for what stands below the whole tree.

    What has no axis belongs to the root, unless the tree needs it.
    """
    reached = nx.DiGraph((a.source, a.target) for a in plan.arrows)
    found: dict[Key, int | None] = {}
    for key in plan.nodes:
        if key[1] is not None:
            found[key] = key[1] if 1 <= key[1] <= len(tree) else None
        else:
            after = nx.descendants(reached, key) if key in reached else set()
            found[key] = None if any(k[1] is not None for k in after) else len(tree)
    return found


def _slices(plan: Plan, tree: Tree) -> dict[int, Slice]:
    """What each node of the tree holds."""
    homes = _homes(plan, tree)
    states = {a.link.source for a in plan.arrows if a.link.via}
    states |= {n.name for n in plan.nodes.values() if n.variable.role == "state"}
    members: dict[int, list[Key]] = {n: [] for n in range(1, len(tree) + 1)}
    pairs: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for key, home in homes.items():
        if home is not None:
            members[home].append(key)
    for arrow in plan.arrows:
        home = homes[arrow.source]
        if home is not None and home == homes[arrow.target]:
            pairs[home].add((arrow.source[0], arrow.target[0]))
    return {
        node: Slice(
            tuple(plan.nodes[key].variable for key in keys),
            frozenset(pairs[node]),
            frozenset(states),
            _side(tree, node),
            bool(tree.children[node - 1]),
        )
        for node, keys in members.items()
    }


def _side(tree: Tree, node: int) -> int:
    parent = tree.parents[node - 1]
    if not parent:
        return ROOT
    siblings = tree.children[parent - 1]
    return LEFT if 2 * siblings.index(node) < len(siblings) - 1 else RIGHT
