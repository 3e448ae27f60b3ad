"""Recursive networks drawn: tidy trees of any shape, fig. 10.14, circuits, flows and values."""

from itertools import pairwise

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import complaints

from unroll.cli import main
from unroll.drawing.trees import Extent, tidy
from unroll.errors import UnrollError
from unroll.interface import _public, parse
from unroll.symbolic.expressions import Index, Range, Reference, call
from unroll.symbolic.recurrence import Axis, Equation, Recurrence
from unroll.symbolic.trees import balanced, chain, from_children

N, K, ROOT = Index("n"), Index("k"), Index("n_nodes")
LEFT, RIGHT, PARENT = (Index("n", 0, via) for via in ("left", "right", "parent"))
LEAVES = (Range("n", None, Index("n_leaves")),)
AXES = (Axis("n", "n_nodes", "n_leaves"), Axis("k", "n_nodes", "n_leaves"))
Q, R, S, U, V, W, B = map(Reference, "QRSUVWb")
DIMS = {"x": 2, "h": 2, "o": 2, "y": 2}


def at(name, *indices):
    return Reference(name, indices)


def children(name):
    return call("sum", at(name, K), over="k", limits=Range("k", parent=Index("n", 0, "children")))


def recurrence(*equations):
    used = {i.base for e in equations for i in e.target.indices}
    over = any(c == "k" for e in equations for c in _bound(e.expression))
    axes = AXES if over else AXES[:1]
    assert used <= {"n", "n_nodes"}
    return _public(Recurrence(tuple(equations), axes))


def _bound(expression):
    for part in getattr(expression, "arguments", ()):
        yield from _bound(part)
    yield getattr(expression, "over", None)


def on_leaves():
    return Equation(at("h", N), V @ at("x", N), LEAVES)


def joined():
    return Equation(at("h", N), call("tanh", U @ at("h", LEFT) + W @ at("h", RIGHT) + B))


def scored(index):
    return (
        Equation(at("o", index), Q @ at("h", index)),
        Equation(at("L", index), call("squared_error", at("o", index), at("y", index))),
    )


def gate(name):
    return Equation(
        at(name, N),
        call(
            "sigmoid",
            Reference(f"U_{name}") @ at("h", LEFT) + Reference(f"W_{name}") @ at("h", RIGHT),
        ),
    )


BOOK = recurrence(on_leaves(), joined(), *scored(ROOT))
SUMMED = Equation(at("h", N), call("tanh", V @ at("x", N) + U @ children("h") + B))
CHILD_SUM = recurrence(SUMMED, *scored(ROOT))
NETWORKS = {
    "book": BOOK,
    "outputs": recurrence(on_leaves(), joined(), Equation(at("o", N), Q @ at("h", N))),
    "losses": recurrence(on_leaves(), joined(), *scored(N)),
    "child sum": CHILD_SUM,
    "child sums scored": recurrence(SUMMED, *scored(N)),
    "up and down": recurrence(
        on_leaves(),
        joined(),
        Equation(at("g", N), call("tanh", R @ at("g", PARENT) + S @ at("h", N))),
    ),
    "total": recurrence(
        on_leaves(),
        joined(),
        Equation(at("o", N), Q @ at("h", N)),
        Equation(Reference("J"), call("sum", call("sum", at("o", N)), over="n")),
    ),
    "memory": recurrence(
        Equation(at("c", N), V @ at("x", N), LEAVES),
        gate("i"),
        Equation(at("c", N), at("i", N) * (at("c", LEFT) + at("c", RIGHT))),
        Equation(at("h", N), call("tanh", at("c", N))),
    ),
}
ragged = [8, 8, 8, 9, 9, 10, 10, 11, 11, 11, 0]  # three and two leaves, one more, and their root
SHAPES = [[0], "balanced", "chain", ragged]


def nodes(figure, name, view="unfolded"):
    """Places of a variable's nodes, by index."""
    return {
        g.fact("index"): (g.items[0].x, g.items[0].y)
        for g in figure.scene.groups("node")
        if (g.fact("name"), g.fact("view")) == (name, view)
    }


def edges(figure, view="unfolded"):
    return {
        (g.fact("source"), g.fact("target")): g
        for g in figure.scene.groups("edge")
        if g.fact("view") == view
    }


# --- placement -------------------------------------------------------------------------------------


@st.composite
def trees(draw):
    """Trees of any shape: neighbours joined until one is left, one to four at a time."""
    count = draw(st.integers(1, 12))
    below = [[] for _ in range(count)]
    tops = list(range(1, count + 1))
    while len(tops) > 1 or (len(below) < 20 and draw(st.booleans())):
        first = draw(st.integers(0, len(tops) - 1))
        size = draw(st.integers(1, min(4, len(tops) - first)))
        if size == 1 and len(below) > 30:
            size = len(tops) - first
            if size == 1:
                first, size = 0, len(tops)
        below.append(tops[first : first + size])
        tops[first : first + size] = [len(below)]
    return from_children(below)


sizes = st.floats(0, 50).map(round)


@settings(max_examples=200, deadline=None)
@given(trees(), st.data())
def test_tidy_trees(tree, data):
    kinds = data.draw(
        st.lists(st.builds(Extent, sizes, sizes, sizes, sizes), min_size=1, max_size=3)
    )
    extents = [kinds[n % len(kinds)] for n in range(len(tree))]
    places = tidy(tree, extents, 40.0, 30.0)
    for level in set(tree.heights):
        row = [n for n, height in enumerate(tree.heights) if height == level]
        assert len({places[n][1] for n in row}) == 1
        row.sort(key=lambda n: places[n][0])
        for a, b in pairwise(row):
            gap = places[b][0] - extents[b].left - places[a][0] - extents[a].right
            assert gap >= 40 - 1e-6
    for node, below in enumerate(tree.children):
        xs = [places[c - 1][0] for c in below]
        assert xs == sorted(xs)
        if xs:
            assert places[node][0] == pytest.approx((xs[0] + xs[-1]) / 2, abs=1e-6)
        for child in below:
            low, high = places[child - 1][1], places[node][1]
            assert low - extents[child - 1].above - high - extents[node].below >= 30 - 1e-6


@pytest.mark.parametrize("tree", [chain(7), balanced(16), from_children([[], [], [], [1, 2, 3]])])
def test_bare_leaves_stand_at_the_pitch_in_their_order(tree):
    places = tidy(tree, [Extent()] * len(tree), 10.0, 5.0)
    assert places[: tree.leaves] == [(10.0 * k, 0.0) for k in range(tree.leaves)]


# --- every picture ---------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", ["none", "both"])
@pytest.mark.parametrize("tree", SHAPES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_overlaps(name, tree, flow):
    assert complaints(NETWORKS[name].draw(tree=tree, flow=flow).scene) == []


@pytest.mark.parametrize("leaves", range(1, 10))
@pytest.mark.parametrize("tree", ["balanced", "chain"])
@pytest.mark.parametrize("name", ["book", "losses", "child sum"])
def test_nothing_overlaps_with_any_number_of_leaves(name, tree, leaves):
    figure = NETWORKS[name].draw(tree=tree, steps=leaves, view="unfolded", flow="both")
    assert complaints(figure.scene) == []
    assert len(nodes(figure, "h")) == 2 * leaves - 1


@pytest.mark.parametrize("options", [{"view": "folded"}, {"level": "operations"}], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_overlaps_folded_and_in_operations(name, options):
    assert complaints(NETWORKS[name].draw(**options).scene) == []


@pytest.mark.parametrize("flow", ["none", "both"])
@pytest.mark.parametrize("tree", ["balanced", "chain", ragged], ids=str)
@pytest.mark.parametrize("name", ["book", "losses", "child sum"])
def test_nothing_overlaps_with_values(name, tree, flow):
    network = NETWORKS[name]
    trace = network.run(dims=DIMS, tree=tree, of="L")
    assert complaints(network.draw(values=trace, flow=flow).scene) == []


@pytest.mark.parametrize("tree", ["balanced", "chain"])
def test_large_trees(tree):
    assert complaints(BOOK.draw(tree=tree, steps=64).scene) == []


# --- what they show ----------------------------------------------------------------------------------


def test_fig_10_14():
    figure = BOOK.draw()
    h, x = nodes(figure, "h"), nodes(figure, "x")
    assert list(h) == [str(k) for k in range(1, 8)]
    assert list(x) == ["1", "2", "3", "4"]
    for k in x:
        assert x[k][0] == pytest.approx(h[k][0])
        assert x[k][1] > h[k][1]
    o, y, loss = (nodes(figure, name)["7"] for name in "oyL")
    assert o[0] == h["7"][0]
    assert o[1] == y[1] < h["7"][1]
    assert o[0] < loss[0] < y[0]
    assert loss[1] < o[1]
    labels = {ends: edge.fact("label") for ends, edge in edges(figure).items()}
    assert labels["x[1]", "h[1]"] == "V"
    assert {labels[e, "h[7]"] for e in ("h[5]", "h[6]")} == {"U", "W"}
    assert labels["h[1]", "h[5]"] == labels["h[3]", "h[6]"] == "U"
    assert labels["h[2]", "h[5]"] == labels["h[4]", "h[6]"] == "W"
    assert ("y[7]", "L[7]") in labels
    assert len(labels) == 4 + 6 + 3
    roles = {g.fact("name"): g.fact("role") for g in figure.scene.groups("node")}
    assert roles == {"h": "state", "x": "input", "o": "output", "y": "input", "L": "loss"}


def test_branches_are_straight_and_labelled_on_the_outer_side():
    figure = BOOK.draw(steps=4, tree="chain", view="unfolded")
    for edge in figure.scene.groups("edge"):
        shaft, label = edge.items[0], edge.items[-1]
        assert [letter for letter, _ in shaft.commands] == ["M", "L"]
        if edge.fact("via"):
            (_, (a, _)), (_, (b, _)) = shaft.commands
            outer = min if edge.fact("via") == "left" else max
            middle = sum(s.x + s.outline.bounds.center[0] for s in label.items) / len(label.items)
            assert (middle - (a + b) / 2) * (1 if outer is max else -1) > 0


def test_the_circuit_has_a_delay_for_each_child():
    figure = BOOK.draw(view="folded")
    loops = [g for g in figure.scene.groups("edge") if g.fact("via")]
    assert {(g.fact("via"), g.fact("label")) for g in loops} == {("left", "U"), ("right", "W")}
    ((x, _),) = nodes(figure, "h", "folded").values()
    for loop in loops:
        (delay,) = (i for i in loop.items if getattr(i, "kind", "") == "delay")
        assert (delay.items[0].x < x) == (loop.fact("via") == "left")
        assert any(loop.fact("via") in (getattr(i, "text", None) or "") for i in loop.items)


def test_a_sum_over_children_has_an_edge_from_each():
    found = edges(CHILD_SUM.draw(tree=[4, 4, 4, 0]))
    assert {e for e in found if e[1] == "h[4]"} == {
        *((f"h[{k}]", "h[4]") for k in (1, 2, 3)),
        ("x[4]", "h[4]"),
    }
    assert {found[f"h[{k}]", "h[4]"].fact("label") for k in (1, 2, 3)} == {"U"}


def test_operations_that_lead_nowhere_are_not_drawn():
    figure = NETWORKS["memory"].draw()
    assert list(nodes(figure, "i")) == ["5", "6", "7"]


def test_gradients_run_down_the_tree():
    found = edges(BOOK.draw(flow="backward"))
    assert {("h[7]", "h[5]"), ("h[5]", "h[1]")} <= set(found)
    both = BOOK.draw(flow="both")
    flows = [g.fact("flow") for g in both.scene.groups("edge") if g.fact("view") == "unfolded"]
    assert flows.count("backward") == 6 + 2


def test_values_stand_at_their_nodes():
    trace = BOOK.run(dims=DIMS, tree="chain", steps=3)
    figure = BOOK.draw(values=trace)
    given = {
        (g.fact("name"), g.fact("index")): g.fact("value") for g in figure.scene.groups("node")
    }
    assert given["x", "3"] is not None
    assert {index for name, index in given if name == "h"} == {None, "1", "2", "3", "4", "5"}
    assert list(nodes(figure, "L")) == ["5"]


# --- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": True}, "no window"),
        ({"elide": "2..3"}, "cannot leave out"),
        ({"tree": [2, 1]}, "no tree"),
        ({"tree": [0, 5]}, "parent 5"),
        ({"tree": []}, "no tree"),
        ({"tree": "heap"}, "balanced or chain"),
        ({"tree": [3, 3, 0], "steps": 3}, "2 leaves, not 3"),
        ({"steps": 129}, "too large"),
        ({"steps": 0}, "0 leaves"),
        ({"steps": 10**12}, "too large"),
        ({"tree": [*range(2, 400), 0]}, "too large"),
    ],
    ids=str,
)
def test_nonsense_is_refused(options, message):
    with pytest.raises(UnrollError, match=message):
        BOOK.draw(**options)


def test_values_of_another_tree_are_refused():
    trace = BOOK.run(dims=DIMS, tree="chain", steps=4)
    with pytest.raises(UnrollError, match="another tree"):
        BOOK.draw(values=trace, tree="balanced")
    with pytest.raises(UnrollError, match=r"not (of )?3"):
        BOOK.draw(values=trace, steps=3)


def test_a_chain_of_steps_has_no_tree():
    steps = parse("h[t] = tanh(W @ h[t-1])")
    with pytest.raises(UnrollError, match="does not run over"):
        steps.draw(tree="chain")
    with pytest.raises(UnrollError, match="does not run over"):
        steps.run(tree="chain")


# --- the command line --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "parents"),
    [
        (["--steps", "3", "--tree", "chain"], {"h[1]": "h[4]", "h[2]": "h[4]", "h[3]": "h[5]"}),
        (["--tree", "4,4,5,5,0"], {"h[1]": "h[5]", "h[2]": "h[4]", "h[4]": "h[5]"}),
        (["--tree", "4,4,5,5,0", "--values"], {"h[2]": "h[4]"}),
    ],
    ids=str,
)
def test_a_tree_on_the_command_line(tmp_path, tree, parents):
    file = tmp_path / "tree.svg"
    result = CliRunner().invoke(main, ["draw", "recursive-tree", *tree, "-o", str(file)])
    assert result.exit_code == 0, result.output
    svg = file.read_text(encoding="utf-8")
    for child, parent in parents.items():
        assert f'data-source="{child}" data-target="{parent}"' in svg


def test_trees_are_run_and_checked():
    for command in ("run", "check"):
        result = CliRunner().invoke(main, [command, "recursive-tree", "--tree", "3,3,0"])
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("tree", "code", "words"),
    [("2,1", 1, "no tree"), ("heap", 1, "heap"), ("3,x,0", 2, "3,3,0"), ("3,,0", 2, "3,3,0")],
)
def test_a_tree_that_is_none_on_the_command_line(tree, code, words):
    for command in (["draw", "-o", "-"], ["run"], ["check"]):
        result = CliRunner().invoke(main, [*command, "recursive-tree", "--tree", tree])
        assert result.exit_code == code
        assert words in result.output
