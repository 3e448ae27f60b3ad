"""The sweep: every template played in an order that its arrows allow, each thing once."""

import re
from functools import cache

import pytest

import unroll
from unroll import templates
from unroll.drawing.scene import Bounds, Circle, Group, Scene
from unroll.drawing.sweeping import played, state, sweep
from unroll.figure import compose

PLAYED = ("node", "ghost", "edge")


@cache
def views(name):
    """Pictures of a template of every kind that can be played."""
    template = unroll.template(name)
    return (
        template.draw(flow="both", steps=3).scene,
        template.draw(flow="both", view="folded").scene,
        template.draw(flow="backward", steps=2, view="unfolded").scene,
        template.draw(steps=12, view="unfolded").scene,
        template.draw(level="operations", steps=2).scene,
    )


def shown(scene):
    """The groups of the view that is played."""
    found = [g for g in scene.groups() if g.kind in PLAYED]
    unfolded = [g for g in found if g.fact("view") == "unfolded"]
    return unfolded or found


def called(group):
    index = group.fact("index")
    return group.fact("name") if index is None else f"{group.fact('name')}[{index}]"


def waits(edge):
    lags = (edge.fact("lag") or "0").split(",")
    itself = edge.fact("source") == edge.fact("target")
    return itself or edge.fact("via") or any(lag not in ("0", "*") for lag in lags)


@pytest.mark.parametrize("name", templates.names())
def test_everything_becomes_active_once_and_is_done_in_the_end(name):
    for scene in views(name):
        moments = sweep(scene)
        active = [id(g) for m in moments for g in m.active]
        assert len(active) == len(set(active))
        assert {id(g) for g in shown(scene)} <= set(active)
        marked = played(scene, moments)
        before = {state(g, 0) for g in shown(marked)}
        after = {state(g, len(moments) + 1) for g in marked.groups()}
        assert before == {"pending"}
        assert after <= {"done", None}
        assert {state(g, len(moments) + 1) for g in shown(marked)} == {"done"}
        for k in range(1, len(moments) + 1):
            assert "active" in {state(g, k) for g in marked.groups()}


@pytest.mark.parametrize("name", templates.names())
def test_the_order_respects_the_arrows(name):
    for scene in views(name):
        moments = sweep(scene)
        first = {id(g): k for k, m in enumerate(moments) for g in m.active}
        nodes = {}
        for group in shown(scene):
            if group.kind != "edge":
                nodes.setdefault(called(group), []).append(group)
        folded = shown(scene)[0].fact("view") == "folded"
        complete = {}  # when the last gradient arrives at a node
        for edge in shown(scene):
            if edge.fact("flow") == "backward" and not (folded and waits(edge)):
                head = edge.fact("target")
                complete[head] = max(complete.get(head, 0), first[id(edge)])
        for edge in shown(scene):
            if edge.kind != "edge" or "[...]" in edge.fact("source") + edge.fact("target"):
                continue
            (tail,), (head,) = nodes[edge.fact("source")], nodes[edge.fact("target")]
            if edge.fact("flow") == "backward":
                assert first[id(tail)] <= first[id(edge)]
                if not (folded and waits(edge)):
                    assert complete.get(edge.fact("source"), -1) < first[id(edge)]
                own = [
                    k for k, m in enumerate(moments) if m.phase == "backward" and head in m.along
                ]
                assert own == [first[id(edge)]]
            else:
                assert first[id(edge)] == first[id(head)]
                if not (folded and waits(edge)):
                    assert first[id(tail)] <= first[id(head)]


@pytest.mark.parametrize("name", templates.names())
def test_phases_follow_one_another_and_sentences_name_what_is_there(name):
    for scene in views(name):
        moments = sweep(scene)
        phases = [{"loss": "forward"}.get(m.phase, m.phase) for m in moments]
        assert phases == sorted(phases, key=("forward", "backward", "accumulate").index)
        references = {called(g) for g in shown(scene) if g.kind != "edge"}
        for moment in moments:
            assert moment.sentence.endswith(".")
            assert moment.sentence[0].isalpha()
            for mentioned in re.findall(r"\w+\[[^]]*\]", moment.sentence):
                assert mentioned in references
                assert (
                    mentioned in {called(g) for g in (*moment.active, *moment.along)} | references
                )


def test_the_story_of_the_recurrent_network():
    moments = sweep(unroll.template("rnn").draw(steps=2, flow="both").scene)
    assert [(m.phase, m.step, m.sentence) for m in moments] == [
        ("forward", "1", "h[1] is computed from h[0] and x[1]."),
        ("forward", "1", "o[1] is computed from h[1]."),
        ("loss", "1", "L[1] is computed from o[1] and y[1]."),
        ("forward", "2", "h[2] is computed from h[1] and x[2]."),
        ("forward", "2", "o[2] is computed from h[2]."),
        ("loss", "2", "L[2] is computed from o[2] and y[2]."),
        ("backward", None, "The gradient starts at L[1] and L[2]."),
        ("backward", "2", "The gradient of o[2] arrives from L[2]."),
        ("backward", "2", "The gradient of h[2] arrives from o[2]."),
        ("backward", "1", "The gradient of o[1] arrives from L[1]."),
        (
            "backward",
            "1",
            "The gradient of h[1] arrives from h[2] and o[1]; the two contributions are summed.",
        ),
        ("backward", "0", "The gradient of h[0] arrives from h[1]."),
    ]


def test_values_come_with_the_forward_pass_and_gradients_with_the_backward_pass():
    template = unroll.template("rnn")
    trace = template.run(steps=3, dims={"x": 2, "h": 3, "y": 2}, seed=0)
    scene = template.draw(values=trace, flow="both").scene
    moments = sweep(scene)
    assert "where it is 1" in next(m.sentence for m in moments if m.phase == "backward")
    marked = played(scene, moments)
    last_forward = max(k for k, m in enumerate(moments, 1) if m.phase in ("forward", "loss"))
    nodes = [g for g in marked.groups("node") if g.fact("view") == "unfolded"]
    for node in nodes:
        assert state(node, last_forward + 1) in ("done", "active")
        marks = [i for i in node.items if isinstance(i, Group) and i.fact("moment")]
        assert bool(marks) == (node.fact("gradient") is not None and node.kind == "node")
        assert {state(i, last_forward) for i in marks} <= {"pending"}
        shown_values = [i for i in node.items if isinstance(i, Group) and not i.fact("moment")]
        assert {state(i, 0) for i in shown_values} == {None}
    assert [m.active[0].fact("name") for m in moments if m.phase == "accumulate"] == list(
        trace.parameters
    )
    sums = {m.active[0].fact("name"): m for m in moments if m.phase == "accumulate"}
    assert sums["W"].sentence == "The gradient of W is the sum over all 3 places where W is used."
    assert {e.fact("label") for e in sums["W"].along} == {"W"}


def test_the_circuit_lights_up_along():
    scene = unroll.template("time-delay").draw(steps=3).scene
    moment = next(m for m in sweep(scene) if m.sentence.startswith("h[2] "))
    assert all(g.fact("view") == "folded" for g in moment.along)
    lit = {(g.fact("source"), g.fact("lag")) for g in moment.along if g.kind == "edge"}
    assert lit == {("x", "0"), ("x", "1")}  # two steps back there is no input yet


def test_steps_that_are_left_out_are_one_moment():
    moments = sweep(unroll.template("rnn").draw(steps=20, flow="both").scene)
    left_out = [m for m in moments if m.step == "..."]
    assert [m.phase for m in left_out] == ["forward", "backward"]
    assert all("left out" in m.sentence for m in left_out)


def test_variables_that_run_backward_in_time():
    moments = sweep(unroll.template("bidirectional").draw(steps=3, view="unfolded").scene)
    order = [m.sentence.split()[0] for m in moments]
    assert order[:6] == ["h[1]", "h[2]", "h[3]", "g[3]", "g[2]", "g[1]"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("skip-connections", "h is computed from the h before it, the h 3 steps before it and x."),
        (
            "recursive-tree",
            "h is computed from the h of its left child, the h of its right child and x.",
        ),
        ("edit-distance", "D is computed from neighbouring D, a and b."),
    ],
)
def test_a_circuit_says_how_its_arrows_wait(name, sentence):
    assert sweep(unroll.template(name).draw(view="folded").scene)[0].sentence == sentence


def test_a_picture_without_edges_or_without_nodes():
    circle = Circle(0, 0, 5)
    node = Group("node", (circle,), (("view", "unfolded"), ("name", "x"), ("index", "1")))
    scene = Scene((node,), Bounds(0, 0, 1, 1), "", "")
    (moment,) = sweep(scene)
    assert (moment.sentence, moment.active) == ("x[1] is given.", (node,))
    assert sweep(Scene((), Bounds(0, 0, 1, 1), "", "")) == ()


def test_a_picture_of_the_backward_pass_starts_with_all_that_was_computed():
    scene = unroll.template("rnn").draw(flow="backward", steps=2, view="unfolded").scene
    first, second, *_ = sweep(scene)
    assert first.sentence == "The forward pass is done, and what it computed is kept."
    assert {id(g) for g in scene.groups("node")} <= {id(g) for g in first.active}
    assert second.phase == "backward"


def test_figures_side_by_side_are_played_one_after_another():
    rnn = unroll.template("rnn")
    one, other = rnn.draw(steps=2, view="unfolded"), rnn.draw(view="folded", flow="both")
    moments = sweep(compose([one, other], ["train", "test"]).scene)
    told = [m.sentence for m in moments]
    assert told == [m.sentence for f in (one, other) for m in sweep(f.scene)]
    active = [id(g) for m in moments for g in m.active]
    assert len(active) == len(set(active))


def test_sums_appear_with_the_gradients_that_they_add():
    scene = unroll.template("rnn").draw(steps=2, flow="both", sums=True, view="unfolded").scene
    marked = played(scene, sweep(scene))
    summed = list(marked.groups("sum"))
    assert summed
    told = {int(g.fact("moment")): sweep(scene)[int(g.fact("moment")) - 1] for g in summed}
    assert all("are summed" in m.sentence and m.phase == "backward" for m in told.values())


def test_the_sweep_of_the_same_picture_is_the_same():
    draw = unroll.template("lstm").draw
    assert sweep(draw(steps=3, flow="both").scene) == sweep(draw(steps=3, flow="both").scene)
