"""Plots: their numbers against closed forms, their files, and what a wrong request is told."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner

import unroll
from unroll.cli import load, main
from unroll.errors import UnrollError
from unroll.plots import cliff, composition, gradient_norms, loss_map, time_constants
from unroll.plots.picture import Picture, labels_apart, number, power, style, words
from unroll.plots.preparing import (
    at_radius,
    gather,
    recurrent_matrices,
    scaled_inputs,
    state_of,
)
from unroll.plots.registry import PLOTS, names


def material(text, steps, dims=None, seed=0, of=None):
    recurrence = load(text)
    shapes = recurrence._shapes(dims)
    return gather(recurrence, None, style("light"), steps=steps, dims=shapes, seed=seed, of=of)


def default(name):
    row = PLOTS[name]
    return material(row.recurrence, row.steps, row.dims, row.seed)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["plot", *arguments])


# --- material ---------------------------------------------------------------------------


def test_recurrent_matrices_are_what_multiplies_another_step():
    assert recurrent_matrices(material("rnn", 3)) == ("W",)
    assert set(recurrent_matrices(material("lstm", 3))) == {"W_hi", "W_hf", "W_hg", "W_ho"}
    assert recurrent_matrices(material("linear", 3)) == ("W",)
    assert recurrent_matrices(material("teacher-forcing", 3, {"h": 3, "y": 3})) == ()
    assert recurrent_matrices(material("x[t] = w * x[t-1] + b", 3, {"x": ()})) == ("w",)


@pytest.mark.parametrize("radius", [0.3, 1.0, 2.5])
def test_a_radius_is_the_radius(radius):
    found = at_radius(material("lstm", 3, {"h": 7}), radius)
    for name in ("W_hi", "W_hf", "W_hg", "W_ho"):
        eigenvalues = np.linalg.eigvals(found.arrays[name])
        assert np.abs(eigenvalues).max() == pytest.approx(radius, rel=1e-12)
    assert np.array_equal(found.arrays["W_ii"], material("lstm", 3, {"h": 7}).arrays["W_ii"])


def test_inputs_and_biases_are_scaled_and_nothing_else():
    whole = material("rnn", 3)
    small = scaled_inputs(whole, 0.5)
    for name in ("x", "b", "c"):
        assert np.array_equal(small.arrays[name], whole.arrays[name] * 0.5)
    for name in ("W", "U", "V", "y"):
        assert np.array_equal(small.arrays[name], whole.arrays[name])
    leaky = material("leaky", 3)
    assert np.array_equal(scaled_inputs(leaky, 0.0).arrays["alpha"], leaky.arrays["alpha"])


def test_the_state_is_the_first_that_is_handed_on():
    assert state_of(material("rnn", 3), None) == "h"
    assert state_of(material("lstm", 3), None) == "c"
    assert state_of(material("lstm", 3), "h") == "h"
    with pytest.raises(UnrollError, match="no state 'a'"):
        state_of(material("rnn", 3), "a")
    with pytest.raises(UnrollError, match="no state"):
        state_of(material("o[t] = V @ x[t]", 3), None)


# --- numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.3])
def test_gradients_of_a_number_fade_as_its_power(radius):
    text = "h[t] = w * h[t-1] + x[t]; L[t] = (h[t] - y[t]) ** 2; J = sum(L[t], t)"
    found = at_radius(material(text, 20, {"x": ()}), radius)
    _, norms = gradient_norms.norms_by_lag(found, "h")
    assert np.allclose(norms / norms[0], radius ** np.arange(20), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "what"),
    [("linear", "h"), ("single-output", "L"), ("rnn", "L"), ("driven-system", "h")],
)
def test_gradient_norms_with_one_loss_with_many_and_with_none(text, what):
    recurrence = load(text).runnable()
    found = gather(recurrence, None, style("light"), steps=8, dims=recurrence._shapes(None),
                   seed=0, of=None)  # fmt: skip
    of, norms = gradient_norms.norms_by_lag(found, state_of(found, None))
    assert what in of
    assert norms.shape == (8,)
    assert norms[0] > 0
    if text == "linear":
        W = found.arrays["W"]
        expected = [np.linalg.norm(np.linalg.matrix_power(W, k), 2) for k in range(8)]
        assert np.allclose(norms, expected, rtol=1e-12)


def test_the_map_of_losses_is_the_trace_of_the_run():
    found = material("rnn", 6)
    loss, norms = loss_map.norms_of(found, "h")
    trace = found.run()
    assert loss == "L"
    assert np.array_equal(norms, np.linalg.norm(trace.sensitivities("h"), axis=-1))
    assert not np.any(norms[np.triu_indices(6, 1)])


def test_composition_looks_like_the_book():
    """Fig. 10.15: a line to about 3.7, a falling sigmoid of 0.85, a steeper one of 2.05, all odd."""
    row = PLOTS["composition"]
    assert 1.5 <= row.options["radius"] <= 3
    z, curves = composition.compose(at_radius(default("composition"), row.options["radius"]), "h")
    assert curves.shape == (6, len(z))
    assert (z[0], z[-1]) == (-50, 50)
    assert np.allclose(curves, -curves[:, ::-1], rtol=0, atol=1e-9)
    assert np.abs(curves).max() < 4
    line, once, twice, *rest = curves
    assert np.allclose(line, line[-1] * z / 50)
    assert line[-1] == pytest.approx(3.7, abs=0.2)
    assert once[-1] == pytest.approx(-0.85, abs=0.05)
    assert np.all(np.diff(once) < 0.01)
    assert abs(twice[-1]) == pytest.approx(2.05, abs=0.1)
    steepest = [np.abs(np.gradient(c, z)).max() for c in curves]
    assert steepest[2] > 3 * steepest[1]
    for curve in rest:  # flat far away, wiggles near 0
        far = np.abs(z) > 30
        assert np.abs(np.gradient(curve, z)[far]).max() < 0.05 * np.abs(np.gradient(curve, z)).max()
    turns = [np.count_nonzero(np.diff(np.sign(np.diff(c)))) for c in curves]
    assert max(turns[3:]) >= 4 > turns[1]


def by_hand(w, b, steps=50):
    """Loss and gradient of x[t] = w sigmoid(x[t-1]) + b, x[0] = 0.5, J = (sigmoid(x[tau]) - 0.7)^2."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    xs = [0.5]
    for _ in range(steps):
        xs.append(w * sigmoid(xs[-1]) + b)
    s = sigmoid(xs[-1])
    back, gradient = 2 * (s - 0.7) * s * (1 - s), np.zeros(2)
    for x in reversed(xs[:-1]):
        gradient += back * np.array([sigmoid(x), 1.0])
        back *= w * sigmoid(x) * (1 - sigmoid(x))
    return (s - 0.7) ** 2, gradient


def test_the_surface_of_the_cliff_is_the_loss():
    found = default("cliff")
    points = np.random.default_rng(0).uniform([4, -3.2], [7, -2], (40, 2))
    expected = [by_hand(*p)[0] for p in points]
    assert np.allclose(cliff.losses(found, ("w", "b"), points), expected, rtol=0, atol=1e-9)


def test_a_loss_of_each_step_makes_a_surface_too():
    found = material("h[t] = w * h[t-1] + b; L[t] = h[t] ** 2", 3, {"h": ()})
    surface = cliff.losses(found, ("w", "b"), np.array([[2.0, 1.0]]))
    assert np.allclose(surface, 1 + 9 + 49)


def test_descent_goes_by_the_projects_own_gradients():
    """Fig. 10.17: small steps on the floor, up the face, one huge step out; with clipping it stays."""
    found, options = default("cliff"), PLOTS["cliff"].options
    window = cliff.window_of(found, options["over"])
    start = [options["begin"][n] for n in window.names]
    common = (window, start, options["rate"])
    free = cliff.descend(found, *common, None, options["updates"])
    cut = cliff.descend(found, *common, options["clip"], options["updates"])
    for path, clip in ((free, np.inf), (cut, options["clip"])):
        for here, after in pairwise(path):
            _, gradient = by_hand(*here)
            gradient *= min(1.0, clip / np.linalg.norm(gradient))
            assert np.allclose(after, here - options["rate"] * gradient, rtol=1e-3, atol=1e-6)
    steps = np.linalg.norm(np.diff(free, axis=0), axis=1)
    heights = cliff.losses(found, window.names, free)
    assert np.all(steps[:-1] < 0.2)
    assert steps[-1] > 1000  # out of the picture
    assert not window.holds(free[-1])
    assert np.all(heights[:-2] < 0.08)
    assert heights[-2] > 0.15  # on the face
    assert all(map(window.holds, cut))
    assert len(cut) == options["updates"] + 1
    assert np.all(cliff.losses(found, window.names, cut)[len(free) - 1 :] < 0.08)


@pytest.mark.parametrize("alpha", [0.3, 0.5, 0.9, 0.97])
def test_time_constants_are_those_of_the_book(alpha):
    left = time_constants.decay(material("ema", 120, {"v": ()}), "mu", "alpha", alpha)
    assert np.allclose(left, alpha ** np.arange(121), rtol=1e-12)
    assert time_constants.time_constant(left) == pytest.approx(-1 / np.log(alpha), rel=1e-9)


def test_what_outlasts_the_run_has_no_time_constant():
    left = time_constants.decay(material("ema", 10, {"v": ()}), "mu", "alpha", 0.99)
    assert time_constants.time_constant(left) is None


# --- pictures ---------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", names())
def test_every_plot_in_every_format(run, tmp_path, name, theme):
    for suffix in ("svg", "png", "pdf"):
        done = run(name, "--theme", theme, "-o", f"a.{suffix}")
        assert done.exit_code == 0, done.output
        assert done.output == ""
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert len(text) < 400_000
    root = ET.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.findtext(f"{space}title") == PLOTS[name].about.rstrip(".")
    assert len(root.findtext(f"{space}desc")) > 40
    assert not list(root.iter(f"{space}text"))
    assert not list(root.iter(f"{space}image"))
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))
    assert used <= set(ids)
    assert all(i.startswith(root.get("id")) for i in ids)
    background = {"light": "#ffffff", "dark": "#0d1117"}[theme]
    assert background in text
    assert "nan" not in text


@pytest.mark.parametrize("name", names())
def test_the_same_bytes_each_time_and_no_date(run, tmp_path, name):
    for suffix in ("svg", "png", "pdf"):
        for file in ("a", "b"):
            run(name, "-o", f"{file}.{suffix}")
        one, other = ((tmp_path / f"{f}.{suffix}").read_bytes() for f in "ab")
        assert one == other
        assert not re.search(rb"CreationDate|dc:date|20\d\d-\d\d", one)


def test_light_and_dark_on_one_page_share_no_id(run):
    found = [run("time-constants", "--theme", t, "-o", "-").output for t in ("light", "dark")]
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in found]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_settings_of_ones_own_change_nothing(run, tmp_path):
    import matplotlib as mpl

    run("time-constants", "-o", "a.svg")
    with mpl.rc_context({"lines.linewidth": 9, "mathtext.fontset": "stix", "svg.fonttype": "none"}):
        run("time-constants", "-o", "b.svg")
        assert mpl.rcParams["lines.linewidth"] == 9
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_title_is_only_text(run, tmp_path):
    title = "</title><script>alert(1)</script> $\\frac$ & \x00"
    for suffix in ("svg", "png", "pdf"):
        assert run("time-constants", "--title", title, "-o", f"a.{suffix}").exit_code == 0
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "script>alert(1)" in ET.fromstring(text).findtext("{http://www.w3.org/2000/svg}title")


@pytest.mark.parametrize("name", ["h_x", "h\u0302", "状态", "lambda", "state_of_things"])
def test_whatever_a_state_is_called(run, name):
    text = f"{name}[t] = tanh(W @ {name}[t-1] + U @ x[t])"
    done = run("gradient-norms", text, "--dims", f"{name}=3", "--steps", "6", "-o", "a.svg")
    assert done.exit_code == 0, done.output


def test_from_python_with_arrays_of_ones_own():
    W, first = np.array([[0.5, 10.0], [0.0, 0.5]]), np.array([0.0, 1.0])
    linear = unroll.parse("h[t] = W @ h[t-1]; h[0] = given")
    picture = linear.plot("eigenvalues", {"W": W, "h[0]": first}, steps=12, radius=(0.5,))
    assert isinstance(picture, Picture)
    assert picture._repr_mimebundle_()["image/svg+xml"] == picture.svg()
    transient = np.linalg.norm(np.linalg.matrix_power(W, 12), 2)
    assert f"0.5: {transient:.1e}" in picture.description
    assert "880 x 420" in repr(picture)


def test_templates_of_all_kinds(run):
    for name, arguments in {
        "gradient-norms": ["lstm", "gru", "elman", "leaky", "single-output", "echo-state"],
        "sensitivities": ["lstm", "gru-book", "bidirectional", "leaky"],
        "eigenvalues": ["rnn", "gru", "linear-ssm"],
        "composition": ["linear", "rnn"],
        "time-constants": ["ema", "leaky"],
    }.items():
        for template in arguments:
            done = run(name, template, "--steps", "7", "-o", "a.svg")
            assert done.exit_code == 0, (name, template, done.output)


def test_a_state_that_runs_backward(run):
    assert run("sensitivities", "bidirectional", "--state", "g", "-o", "a.svg").exit_code == 0


def test_many_steps_make_no_large_file(run, tmp_path):
    assert run("sensitivities", "--steps", "120", "-o", "a.svg").exit_code == 0
    assert (tmp_path / "a.svg").stat().st_size < 400_000


def test_names_are_listed_with_a_line_each(run):
    lines = run("--names").output.splitlines()
    assert [line.split()[0] for line in lines] == list(names())
    assert all(line.endswith(".") and len(line) < 110 for line in lines)


MISTAKES = [
    (["gradient-norm", "-o", "a.svg"], "Did you mean 'gradient-norms'?"),
    (["cliff", "--radius", "1", "-o", "a.svg"], "takes no radius"),
    (["composition", "--radius", "1,2", "-o", "a.svg"], "one radius, not 2"),
    (["gradient-norms", "--radius", "-1", "-o", "a.svg"], "radius = -1 makes no sense"),
    (["gradient-norms", "--radius", "nan", "-o", "a.svg"], "makes no sense"),
    (["time-constants", "--alpha", "1.5", "-o", "a.svg"], "alpha = 1.5 makes no sense"),
    (["time-constants", "rnn", "-o", "a.svg"], "no parameter 'alpha'"),
    (["gradient-norms", "ema", "--radius", "1", "--state", "nu", "-o", "a.svg"], "no state 'nu'"),
    (["gradient-norms", "rrn", "-o", "a.svg"], "Did you mean the template 'rnn'?"),
    (["sensitivities", "linear", "-o", "a.svg"], "needs a loss at each step"),
    (["cliff", "rnn", "-o", "a.svg"], "'w' is no parameter that is a number"),
    (["cliff", "--over", "w=4..7", "-o", "a.svg"], "over two parameters, not over 1"),
    (["cliff", "--over", "w=7..4,b=-3..-2", "-o", "a.svg"], "cannot run from 7 to 4"),
    (["cliff", "--begin", "w=9,b=-2.5", "-o", "a.svg"], "begins outside"),
    (["cliff", "--begin", "w=5", "-o", "a.svg"], "nothing says where descent begins"),
    (["cliff", "linear", "-o", "a.svg"], "needs a loss"),
    (["eigenvalues", "recursive-tree", "-o", "a.svg"], "tree"),
    (["composition", "o_t = V x_t", "-o", "a.svg"], "no state"),
    (["gradient-norms", "--steps", "1", "-o", "a.svg"], "no lag"),
    (
        [
            "gradient-norms",
            "h_t = W h_{t-1} + x_t; L_t = squared_error(h_t, y_t)",
            "--radius",
            "3",
            "--steps",
            "900",
            "-o",
            "a.svg",
        ],
        "explodes beyond",
    ),
    (["eigenvalues", "--steps", "9000", "-o", "a.svg"], "beyond what a number holds"),
    (["cliff", "-o", "a.bmp"], ".svg .pdf .png"),
    (["cliff", "-o", "no/such/folder/a.svg"], "cannot write"),
    (["gradient-norms", "s_t = f(s_{t-1})", "-o", "a.svg"], "f"),
]


@pytest.mark.parametrize(("arguments", "told"), MISTAKES)
def test_a_mistake_gets_one_clear_message(run, tmp_path, arguments, told):
    done = run(*arguments)
    assert done.exit_code == 1, done.output
    assert done.stderr.startswith("unroll: ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["cliff"], ["cliff", "--theme", "auto", "-o", "a.svg"], ["cliff", "--over", "w", "-o", "a.svg"],
     ["gradient-norms", "--radius", "big", "-o", "a.svg"]],
)  # fmt: skip
def test_wrong_usage_exits_with_2(run, arguments):
    assert run(*arguments).exit_code == 2


def test_auto_is_no_theme_of_a_plot():
    with pytest.raises(UnrollError, match="light or dark"):
        unroll.template("rnn").plot("sensitivities", theme="auto")


# --- letters ----------------------------------------------------------------------------


def test_words_and_numbers():
    assert words("step $t$") == r"$\mathrm{step\ }t$"
    assert words("") == ""
    assert [number(v) for v in (0.0, -0.5, 12, 1e-7)] == ["$0$", "$-0.5$", "$12$", "$10^{-7}$"]
    assert [power(v) for v in (1, 10, 1e5, 2e-3)] == [
        "$1$",
        "$10$",
        "$10^{5}$",
        r"$2 \cdot 10^{-3}$",
    ]


def test_labels_move_apart_and_keep_their_order():
    found = labels_apart([10, 0, 12, 11], 5)
    assert sorted(range(4), key=lambda i: found[i]) == [1, 0, 3, 2]
    assert np.all(np.diff(sorted(found)) >= 5 - 1e-6)
    assert labels_apart([0, 100], 5) == [0, 100]
