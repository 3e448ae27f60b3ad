"""Graphviz as the engine of a layout: the same nodes, edges and facts as with our own, elsewhere."""

import os
import shutil
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from pictures import circles, complaints

import unroll
from unroll import cli, templates
from unroll.drawing import engine
from unroll.drawing.scene import Group, Path
from unroll.errors import UnrollError

VIEWS = {
    "folded": {"view": "folded"},
    "three steps": {"view": "unfolded", "steps": 3},
    "both flows": {"view": "unfolded", "steps": 3, "flow": "both"},
    "operations": {"view": "both", "level": "operations"},
}
NEEDS = pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
CROWDED = {("memory", "operations"), ("attention", "operations")}  # fans leave signs no room


def facts(scene) -> Counter:
    """What the groups of a scene say, but not where."""
    return Counter((g.kind, g.data, g.text) for g in scene.groups())


def columns(scene, name: str) -> list[float]:
    """x of the steps of a variable, in the order of time."""
    nodes = [g for g in scene.groups("node") if g.fact("name") == name]
    return [g.items[0].x for g in sorted(nodes, key=lambda g: int(g.fact("index")))]


@NEEDS
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", templates.names())
def test_the_same_graph_elsewhere(name, view):
    template = unroll.template(name)
    ours = template.draw(**VIEWS[view]).scene
    scene = template.draw(**VIEWS[view], engine="dot").scene
    assert facts(scene) == facts(ours)
    at = np.array([(c.x, c.y) for _, c in circles(scene)])
    assert not np.isnan(at).any()
    found = complaints(scene)
    if (name, view) in CROWDED:
        found = [c for c in found if " runs through label " not in c]
    assert found == []


@NEEDS
@pytest.mark.parametrize("name", templates.names())
def test_edges_lead_from_circle_to_circle(name):
    scene = unroll.template(name).draw(engine="dot", flow="both").scene
    nodes = {}
    for group in scene.groups():
        if group.kind in ("node", "ghost"):
            index = group.fact("index")
            called = group.fact("name") + ("" if index is None else f"[{index}]")
            nodes.setdefault((group.fact("view"), called), []).append(group.items[0])
    for edge in scene.groups("edge"):
        line, head = (i for i in edge.items if isinstance(i, Path))
        for end, path, gap in (("source", line, 0.0), ("target", head, 1.5)):
            x, y = path.commands[0][1]
            circles_there = nodes[edge.fact("view"), edge.fact(end)]
            gaps = [abs(np.hypot(c.x - x, c.y - y) - c.radius - gap) for c in circles_there]
            assert min(gaps) < 2.5, edge.text  # strands of our own routes start beside them


@NEEDS
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "bidirectional", "encoder-decoder"])
def test_time_runs_from_left_to_right(name):
    template = unroll.template(name)
    scene = template.draw(engine="dot", view="unfolded", steps=4).scene
    for variable in {g.fact("name") for g in scene.groups("node") if g.fact("index")}:
        at = columns(scene, variable)
        assert at == sorted(at), variable


@NEEDS
def test_a_step_points_upwards():
    scene = unroll.template("rnn").draw(engine="dot", view="unfolded", steps=3).scene
    height = {g.fact("name"): g.items[0].y for g in scene.groups("node")}
    assert height["x"] > height["h"] > height["o"] > height["L"]


@NEEDS
def test_children_stand_in_their_order_below_their_parent():
    scene = unroll.template("recursive-tree").draw(engine="dot", view="unfolded", steps=4).scene
    at = {int(g.fact("index")): g.items[0] for g in scene.groups("node") if g.fact("name") == "h"}
    assert at[1].x < at[2].x < at[3].x < at[4].x
    assert at[7].y < at[5].y < at[1].y
    assert at[1].x <= at[5].x <= at[2].x


@NEEDS
@pytest.mark.parametrize(
    "options",
    [
        {"steps": 12},
        {"steps": 9, "elide": "end"},
        {"window": True},
        {"parameters": "nodes"},
        {"parameters": "copies", "steps": 2, "flow": "backward"},
        {"expand": "t"},
        {"glyphs": True, "level": "units"},
        {"split": ["h"]},
        {"flow": "backward", "sums": True, "steps": 3},
        {"flow": "both", "path": "L[3] -> h[1]", "steps": 3},
        {"flow": "backward", "norms": True, "steps": 3},
        {"theme": "dark", "notation": "pytorch", "language": "zh"},
    ],
    ids=str,
)
def test_what_else_a_figure_shows(options):
    template = unroll.template("rnn")
    options = dict(options)
    if "norms" in options:
        options["norms"] = template.run(steps=3)
    ours = template.draw(**options).scene
    scene = template.draw(**options, engine="dot").scene
    assert facts(scene) == facts(ours)
    assert complaints(scene) == []


@NEEDS
def test_values_have_room():
    template = unroll.template("rnn")
    trace = template.run(steps=3)
    scene = template.draw(values=trace, flow="both", engine="dot").scene
    assert facts(scene) == facts(template.draw(values=trace, flow="both").scene)
    assert complaints(scene) == []


@NEEDS
@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png", ".tex", ".dot", ".mmd", ".html"])
def test_all_formats_have_it(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    unroll.template("rnn").draw(engine="dot", steps=2).save(path)
    assert path.stat().st_size > 500


@NEEDS
def test_the_same_to_the_byte():
    draw = unroll.template("lstm").draw
    assert draw(engine="dot").svg() == draw(engine="dot").svg() != draw().svg()


def test_another_engine_is_refused():
    with pytest.raises(UnrollError, match="no engine 'neato'\nChoose one of: dot"):
        unroll.template("rnn").draw(engine="neato")


def test_a_schematic_has_no_engine():
    with pytest.raises(UnrollError, match="no engine lays it out\nLeave out the engine"):
        unroll.template("memory").draw(view="schematic", engine="dot")


@pytest.mark.parametrize("steps", [600, 100_000])
def test_what_is_too_large_is_refused(steps):
    with pytest.raises(
        UnrollError, match=r"too large for dot, which sees every step\nDraw fewer steps"
    ):
        unroll.template("rnn").draw(steps=steps, elide="none", engine="dot")


def test_without_graphviz_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "a.svg"
    found = CliRunner().invoke(cli.main, ["draw", "rnn", "--engine", "dot", "-o", str(path)])
    assert found.exit_code == 1
    assert found.output.startswith("unroll: the layout by dot needs Graphviz")
    assert "apt install graphviz" in found.output
    assert "leave out the engine" in found.output
    assert not path.exists()
    found = CliRunner().invoke(cli.main, ["draw", "rnn", "-o", str(path)])
    assert found.exit_code == 0


def fails_as(text: str, tmp_path, monkeypatch) -> None:
    program = tmp_path / "dot"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


def test_a_graphviz_that_fails_is_told(tmp_path, monkeypatch):
    fails_as("cat > /dev/null; echo 'Error: lost n0 n1 edge' >&2; exit 1", tmp_path, monkeypatch)
    with pytest.raises(UnrollError, match="could not lay out this graph: Error: lost n0 n1 edge"):
        unroll.template("rnn").draw(engine="dot")


@NEEDS
def test_nothing_that_users_wrote_goes_to_the_engine(monkeypatch):
    asked = []
    ask = engine._ask
    monkeypatch.setattr(engine, "_ask", lambda e, source: (asked.append(source), ask(e, source))[1])
    unroll.parse("Evil_name[t] = f(Evil_name[t-1])").draw(engine="dot", title="Evil")
    assert asked
    assert not any("Evil" in source for source in asked)


@NEEDS
def test_frames_hold_their_own():
    scene = unroll.template("encoder-decoder").draw(engine="dot", view="unfolded").scene
    frames = {g.text: g for g in scene.groups("box")}
    assert set(frames) == {"Encoder", "Decoder"}
    for frame, names in (("Encoder", {"h", "x"}), ("Decoder", {"g", "o", "y", "L"})):
        outline = next(i for i in frames[frame].items if isinstance(i, Path))
        xs = [v for _, p in outline.commands for v in p[0::2]]
        ys = [v for _, p in outline.commands for v in p[1::2]]
        for group in scene.groups():
            if group.kind in ("node", "ghost") and isinstance(group, Group):
                c = group.items[0]
                inside = min(xs) < c.x < max(xs) and min(ys) < c.y < max(ys)
                assert inside == (group.fact("name") in names)
