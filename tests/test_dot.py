"""DOT: what Graphviz makes of a file is the scene, point by point, and says what users wrote."""

import html
import json
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest
from pictures import points_of

import unroll
from unroll import templates
from unroll.drawing.scene import Circle, Group, Path, Rectangle
from unroll.drawing.theme import palette
from unroll.errors import UnrollError
from unroll.export.unicode import is_plain, markup, plain

NEEDS = pytest.mark.skipif(not shutil.which("neato"), reason="Graphviz is not installed")
NEAR = 0.5  # points
VIEWS = {
    "both": {},
    "folded": {"view": "folded", "flow": "both"},
    "flows": {"view": "unfolded", "flow": "both", "steps": 3},
    "operations": {"view": "unfolded", "level": "operations", "steps": 2},
}
NASTY = r'\N \G "x" <b>bold</b> &amp; {a|b} 循环' + "\n\\"


def through(program: list[str], source: str) -> bytes:
    done = subprocess.run(program, input=source.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr, done.stderr.decode()
    return done.stdout


def laid_out(source: str, *program: str) -> dict:
    return json.loads(through([*(program or ("neato", "-n2")), "-Tjson0"], source))


def numbers(text: str) -> np.ndarray:
    return np.array([[float(n) for n in pair.split(",")] for pair in text.split()])


def curves(pos: str) -> tuple[np.ndarray, np.ndarray]:
    """An edge's tip, and points along its splines."""
    tip, found = None, []
    for spline in pos.split(";"):
        head, _, rest = spline.partition(" ")
        if head.startswith("e,"):
            tip, spline = numbers(head.removeprefix("e,"))[0], rest
        points = numbers(spline)
        assert len(points) % 3 == 1
        u = np.linspace(0, 1, 60)[:, None]
        for k in range(0, len(points) - 1, 3):
            a, b, c, d = points[k : k + 4]
            v = 1 - u
            found.append(v**3 * a + 3 * v * v * u * b + 3 * v * u * u * c + u**3 * d)
    return tip, np.concatenate(found)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far the points of each set are from those of the other, at most."""
    gaps = np.hypot(*(one[:, None] - other[None]).T)
    return max(gaps.min(axis=0).max(), gaps.min(axis=1).max())


def to_points(xy) -> np.ndarray:
    return np.asarray(xy) * [0.75, -0.75]


def called(group: Group) -> str:
    index = group.fact("index")
    return f"{group.fact('view')}/{group.fact('name')}" + ("" if index is None else f"[{index}]")


def compared(scene, graph: dict) -> None:
    """Nodes stand and edges run where they do in the scene, but for a shift of the whole."""
    drawn = [g for g in scene.groups() if g.kind in ("node", "ghost")]
    nodes = [n for n in graph["objects"] if "/" in n["name"] and "unfold/" not in n["name"]]
    nodes = [n for n in nodes if not n["name"].startswith("cluster")]
    assert len(nodes) == len(drawn)
    centers = [next(i for i in g.items if isinstance(i, Circle)) for g in drawn]
    at = np.array([to_points((c.x, c.y)) for c in centers])
    there = np.array([numbers(n["pos"].rstrip("!"))[0] for n in nodes])
    shift = there[0] - at[0]
    assert np.abs(there - at - shift).max() < NEAR
    assert [n["name"].rstrip("'") for n in nodes] == [called(g) for g in drawn]
    for circle, node in zip(centers, nodes, strict=True):
        assert abs(float(node["width"]) * 72 - 2 * 0.75 * circle.radius) < NEAR
    name = {n["_gvid"]: n["name"] for n in graph["objects"]}
    left: dict[tuple[str, str], list[dict]] = {}
    for edge in graph["edges"]:
        ends = tuple(name[edge[end]].rstrip("'") for end in ("tail", "head"))
        left.setdefault(ends, []).append(edge)
    for group in scene.groups("edge"):
        line = next(i for i in group.items if isinstance(i, Path) and i.stroke)
        head = next(i for i in group.items if isinstance(i, Path) and not i.stroke)
        ours = to_points(points_of(line)) + shift
        tip = to_points(head.commands[0][1]) + shift
        key = tuple(f"{group.fact('view')}/{group.fact(end)}" for end in ("source", "target"))
        found = [(edge, *curves(edge["pos"])) for edge in left[key]]
        edge, their_tip, theirs = min(found, key=lambda each: apart(ours, each[2]))
        assert apart(ours, theirs) < NEAR, group.text
        assert np.hypot(*(their_tip - tip)) < NEAR, group.text
        left[key].remove(edge)
    more = [
        ends for ends, edges in left.items() for _ in edges if "unfold" not in ends[0].split("/")
    ]
    assert not more


@NEEDS
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", templates.names())
def test_graphviz_draws_the_scene(name, view):
    figure = unroll.template(name).draw(**VIEWS[view])
    source = figure.render(".dot")
    compared(figure.scene, laid_out(source))


@NEEDS
@pytest.mark.parametrize("name", templates.names())
def test_dot_lays_the_file_out_anew(name):
    graph = laid_out(unroll.template(name).draw(flow="both").render(".dot"), "dot")
    nodes = [n for n in graph["objects"] if "pos" in n and "/" in n["name"]]
    at = np.array([numbers(n["pos"].rstrip("!"))[0] for n in nodes if "unfold/" not in n["name"]])
    gaps = np.hypot(*(at[:, None] - at[None]).T) + 1e9 * np.eye(len(at))
    assert gaps.min() > 39


@NEEDS
def test_rows_stay_rows_where_dot_lays_out():
    graph = laid_out(unroll.template("rnn").draw(view="unfolded").render(".dot"), "dot")
    at = {n["name"]: numbers(n["pos"].rstrip("!"))[0] for n in graph["objects"] if "pos" in n}
    states = [at[f"unfolded/h[{t}]"] for t in ("t-1", "t", "t+1")]
    assert np.ptp([y for _, y in states]) < 1
    assert states[0][0] < states[1][0] < states[2][0]
    assert (
        at["unfolded/x[t]"][1] < states[1][1] < at["unfolded/o[t]"][1]
    )  # as in the scene: upwards


def seen(source: str) -> ElementTree.Element:
    return ElementTree.fromstring(through(["neato", "-n2", "-Tsvg"], source))


def said(element: ElementTree.Element) -> list[str]:
    return ["".join(t.itertext()) for t in element.iter("{http://www.w3.org/2000/svg}text")]


@NEEDS
@pytest.mark.parametrize(
    ("notation", "written"),
    [
        ("book", "h⁽ᵗ⁻¹⁾"),
        ("subscript", "hₜ₋₁"),
        ("brackets", "h[t−1]"),
        ("d2l", "Hₜ₋₁"),
    ],
)
def test_labels_are_mathematics_in_unicode(notation, written):
    figure = unroll.template("rnn").draw(notation=notation, flow="backward")
    texts = said(seen(figure.render(".dot")))
    assert written in texts
    assert notation == "d2l" or "Wᵀ" in texts


@NEEDS
def test_what_unicode_has_no_letters_for_is_raised_or_lowered_by_graphviz():
    source = unroll.parse("h_t = tanh(W_hf h_{t-1} + U x_t)").draw(view="folded").render(".dot")
    (label,) = [e["label"] for e in laid_out(source)["edges"] if "hf" in e["label"]]
    assert "W<SUB>" in label
    assert "hf" in said(seen(source))


@NEEDS
def test_text_of_users_is_data():
    recurrence = unroll.parse("循环[t] = f(循环[t-1], x_N[t])")
    figure = recurrence.draw(title=NASTY)
    svg = seen(figure.render(".dot"))
    title = next(svg.iter("{http://www.w3.org/2000/svg}title"))
    assert title.text.split() == NASTY.split()
    assert any("循" in text for text in said(svg))
    composed = unroll.compose([figure], [" ".join(NASTY.split())]).render(".dot")
    assert any(text.split() == NASTY.split() for text in said(seen(composed)))
    compared(figure.scene, laid_out(figure.render(".dot")))


@pytest.mark.parametrize("theme", ["light", "dark", "print", "contrast", "auto"])
def test_colours_are_those_of_the_theme(theme):
    source = unroll.template("rnn").draw(flow="both", theme=theme).render(".dot")
    colors = palette(theme)
    for paint in ("background", "ink", "forward", "backward"):
        assert colors.color(paint) in source
    others = palette("dark" if theme != "dark" else "light")
    assert others.color("background") not in source


def test_a_transparent_figure_has_no_ground():
    source = unroll.template("rnn").draw(theme="transparent", level="units").render(".dot")
    assert "bgcolor=transparent" in source
    assert "none" not in source


@NEEDS
def test_squares_stand_on_their_edges():
    figure = unroll.parse("h[t] = f(h[t-1], h[t-3], x[t])").draw(view="folded")
    svg = seen(figure.render(".dot"))
    squares = [i for g in figure.scene.groups("delay") for i in g.items if isinstance(i, Rectangle)]
    assert len(squares) == 4
    shift = svg.find(".//*[@class='graph']").get("transform").partition("translate(")[2]
    assert shift
    found = []
    for polygon in svg.iter("{http://www.w3.org/2000/svg}polygon"):
        corners = numbers(polygon.get("points"))
        if len(corners) == 5 and polygon.get("fill") == palette("light").color("ink"):
            box = np.ptp(corners, axis=0)
            if abs(box[0] - box[1]) < 0.1:
                found.append(corners[:4].mean(axis=0))
                assert abs(box[0] - 0.75 * squares[0].w) < 0.6
    assert len(found) == 4
    centers = np.array([(s.x + s.w / 2, s.y + s.h / 2) for s in squares]) * 0.75
    found = np.array(found)
    low, high = (each[np.lexsort(np.rint(each).T)] for each in (centers, found))
    assert np.abs((high - high[0]) - (low - low[0])).max() < 1.1  # whole points


@NEEDS
def test_ghosts_and_what_is_left_out_are_dashed():
    graph = laid_out(unroll.template("rnn").draw(view="unfolded").render(".dot"))
    dashed = {n["name"] for n in graph["objects"] if "dashed" in n.get("style", "")}
    assert dashed == {"unfolded/h[...]", "unfolded/h[...]'"}
    assert sum("dashed" in e.get("style", "") for e in graph["edges"]) == 2


@NEEDS
def test_a_cut_line_has_its_gap():
    figure = unroll.template("rnn").truncate(2).draw(view="unfolded", steps=4, flow="backward")
    graph = laid_out(figure.render(".dot"))
    assert any(";" in edge["pos"] for edge in graph["edges"])
    compared(figure.scene, graph)


@NEEDS
def test_frames_are_clusters():
    figure = unroll.template("encoder-decoder").draw(view="unfolded")
    graph = laid_out(figure.render(".dot"))
    frames = {c["label"]: c for c in graph["objects"] if c["name"].startswith("cluster")}
    assert set(frames) == {g.text for g in figure.scene.groups("box")}
    assert all(frame["nodes"] for frame in frames.values())


@NEEDS
def test_panels_of_a_composed_figure_keep_their_nodes_apart():
    rnn = unroll.template("rnn")
    figure = unroll.compose([rnn.draw(view="folded"), rnn.draw(view="folded")], ["a", "b"])
    graph = laid_out(figure.render(".dot"))
    names = [n["name"] for n in graph["objects"]]
    assert names.count("1/folded/h") == names.count("2/folded/h") == 1
    by_number = {n["_gvid"]: n["name"] for n in graph["objects"]}
    for edge in graph["edges"]:
        assert by_number[edge["tail"]][0] == by_number[edge["head"]][0]


@NEEDS
def test_a_schematic_has_boxes():
    figure = unroll.template("memory").draw(view="schematic")
    graph = laid_out(figure.render(".dot"))
    boxes = [n for n in graph["objects"] if "pos" in n]
    assert {n["label"] for n in boxes} == {g.text for g in figure.scene.groups("box")}
    assert {n["shape"] for n in boxes} == {"box"}
    assert len(graph["edges"]) == len(list(figure.scene.groups("edge")))


def test_a_figure_of_repeated_slices_is_refused():
    figure = unroll.template("dynamical-system").draw(steps=402, elide="none", view="unfolded")
    with pytest.raises(UnrollError, match="too long for DOT"):
        figure.render(".dot")


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"h^{(t{-}1)}", "h⁽ᵗ⁻¹⁾"),
        (r"W^{\!\top}", "Wᵀ"),
        (r"\hat{y}_{t}", "ŷₜ"),
        (r"\alpha^{(\tau)}", "α^(τ)"),
        (r"W_{hf}", "W_{hf}"),
        (r"\nabla_{h^{(t)}} L", "∇_{h⁽ᵗ⁾} L"),
        (r"h^{\langle t-1\rangle}", "h^⟨t−1⟩"),
        (r"\frac{1}{1 + x}", "1/(1 + x)"),
        (r"\sqrt{v} + \epsilon", "√v + ϵ"),
        (r"\mathrm{diag}(1 - h \odot h)", "diag(1 − h ⊙ h)"),
        (
            r"\text{a\textbackslash{}N \textless{}b\textgreater{} \char34{} \& \#}",
            '\\a\\N <b> " & #'[1:],
        ),
        (r"\unknown{x}", "unknownx"),
        ("", ""),
        ("}{^_", ""),
    ],
)
def test_formulas_as_text(tex, text):
    assert plain(tex) == text
    assert is_plain(tex) == ("_{" not in text and "^" not in text)


def test_formulas_between_tags():
    tags = {"^": ("<sup>", "</sup>"), "_": ("<sub>", "</sub>")}
    assert markup(r"\text{a < b}_{xy}", html.escape, tags) == "a &lt; b<sub>xy</sub>"
    assert markup("h_{\ue002b}", html.escape, tags) == "h<sub>b</sub>"
