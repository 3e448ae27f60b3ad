"""The command line, as a user meets it: files, standard streams, mistakes."""

import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

from unroll.cli import main

SAME = [
    "s_t = f(s_<t-1>, x_t; θ)",
    "s_t = f(s_{t-1}, x_t; θ)",
    "s^{(t)} = f(s^{(t-1)}, x^{(t)}; θ)",
    "s^(t) = f(s^(t-1), x^(t); theta)",
    "s^{<t>} = f(s^{<t-1>}, x^{<t>}; θ)",
    "s[t] = f(s[t-1], x[t], theta)",
    r"\boldsymbol{s}^{(t)} = f(\boldsymbol{s}^{(t-1)}, \boldsymbol{x}^{(t)}; \boldsymbol{\theta})",
    r"$s_t = f(s_{t-1}, x_t; \theta)$",
    "sₜ = f(sₜ₋₁, xₜ; θ)",
    "s_t := f(s_{t-1}, x_t; θ)  # a comment",
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments, **options):
        result = CliRunner().invoke(main, arguments, **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def count(svg, kind, view=None):
    elements = ET.fromstring(svg).iter()
    found = [e for e in elements if e.get("data-kind") == kind]
    return len([e for e in found if view is None or e.get("data-view") == view])


def test_every_notation_draws_the_same_bytes(run, tmp_path):
    drawn = set()
    for text in SAME:
        assert run("draw", text, "--steps", "4", "-o", "a.svg").exit_code == 0
        drawn.add((tmp_path / "a.svg").read_bytes())
    assert len(drawn) == 1
    svg = drawn.pop().decode()
    names = re.findall(r'data-kind="node"[^>]*data-name="(\w)"[^>]*data-index="(\d+)"', svg)
    assert {i for n, i in names if n == "s"} - {"0"} == set("1234")
    assert {i for n, i in names if n == "x"} == set("1234")
    assert count(svg, "delay") == 1
    assert count(svg, "ghost", "unfolded") == 1 or ("s", "0") in names


def test_files_and_standard_streams(run, tmp_path):
    (tmp_path / "mine.txt").write_text("h_t = tanh(W h_{t-1})\n", encoding="utf-8")
    from_file = run("fmt", "mine.txt").output
    from_stdin = run("fmt", "-", input="h_t = tanh(W h_{t-1})\n").output
    assert from_file == from_stdin == "h[t] = tanh(W @ h[t-1])\n"
    drawn = run("draw", "mine.txt", "-o", "-").output
    assert drawn.startswith("<svg")
    ET.fromstring(drawn)


def test_a_template_file_of_ones_own(run, tmp_path):
    (tmp_path / "mine.toml").write_text(
        'title = "mine"\nequations = "h[t] = tanh(W @ h[t-1] + x[t])"\ndims = { h = 2 }\n'
    )
    assert "h     5x2" in run("run", "mine.toml").output


def test_run_writes_values_and_gradients(run, tmp_path):
    assert run("run", "rnn", "--steps", "4", "-o", "trace.npz").exit_code == 0
    with np.load(tmp_path / "trace.npz") as trace:
        assert trace["h"].shape == (4, 3)
        assert trace["grad/W"].shape == (3, 3)
    first = (tmp_path / "trace.npz").read_bytes()
    run("run", "rnn", "--steps", "4", "-o", "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == first


def test_run_takes_arrays(run, tmp_path):
    np.savez(tmp_path / "data.npz", W=np.eye(2), x=np.ones((3, 2)))
    out = run("run", "h_t = W h_{t-1} + x_t", "--data", "data.npz").output
    assert out.startswith("3 steps")
    assert "3 3" in out


def test_run_says_how_it_is_scheduled(run):
    forced = run("run", "teacher-forcing").output
    assert "map (all t at once)" in forced
    assert "scan" not in forced
    assert "scan forward over t (5 steps in order)" in run("run", "free-running").output


def test_run_counts_parameters_both_ways(run):
    out = run("run", "per-position", "--steps", "6").output
    assert "240 numbers" in out
    assert "shared over time they would be 40" in out


def test_show_code_is_the_program(run):
    out = run("run", "rnn", "--show-code").output
    compile(out, "code", "exec")
    assert "for t in range(1, tau + 1):" in out


def test_version_needs_no_numpy():
    code = "import sys; from unroll.cli import main; main(['--version'], standalone_mode=False); "
    code += "print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"


MISTAKES = [
    (["fmt", "h_t = "], "right-hand side"),
    (["fmt", "h_t = tanh(W h_{t-1}"], "("),
    (["fmt", "h[t] = tanh(W @ h[t-1]) +"], "+"),
    (["fmt", "h[t] = h[t-1]; h[t] = x[t]"], "h[t]"),
    (["fmt", "h[t] = tanh(o[t]); o[t] = V @ h[t]"], "h[t]"),
    (["fmt", "h[t] = h[t-1] + g[t]; g[t] = h @ h[t]"], "h"),
    (["fmt", "h[t] = tanh(h[t-1], x[t])"], "tanh"),
    (["fmt", "h[t] = sofmax(h[t-1])"], "softmax"),
    (["fmt", "h[t] = 3[t-1] + x[t]"], "3"),
    (["fmt", "h[t] = W[t-1] @ h[t-1] + W @ x[t]"], "W"),
    (["fmt", "rrn"], "rnn"),
    (["fmt", "h" * 5000], "there is no template"),
    (["fmt", "h[t] x[t]"], "this is not an equation"),
    (["fmt", "nowhere.txt"], "nowhere.txt"),
    (["fmt", ""], "no"),
    (["draw", "rnn", "-o", "no/such/folder/a.svg"], "cannot write"),
    (["draw", "rnn", "-o", "a.bmp"], ".svg"),
    (["draw", "rnn", "--hide", "h", "-o", "a.svg"], "h cannot be hidden"),
    (["draw", "rnn", "--hide", "q", "-o", "a.svg"], "no variable 'q'"),
    (["draw", "rnn", "--elide", "soon", "-o", "a.svg"], "soon"),
    (["run", "s_t = f(s_{t-1})"], "f"),
    (["run", "rnn", "--data", "nowhere.npz"], "nowhere.npz"),
    (["run", "rnn", "-o", "no/such/folder/a.npz"], "cannot write"),
    (["run", "rnn", "--dims", "x=4,h=3,W=2x2"], "W"),
    (["derive", "h_t = tanh(h_{t-1})"], "objective"),
    (["templates", "rnnn"], "rnn"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_a_mistake_gets_one_clear_message(run, tmp_path, arguments, words):
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("unroll: ")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["draw", "rnn"], ["draw", "rnn", "--steps", "0", "-o", "a.svg"], ["nonsense"],
     ["run", "rnn", "--dims", "x"], ["run", "rnn", "--dims", "x=0"]],
)  # fmt: skip
def test_wrong_usage_exits_with_2(run, arguments):
    assert run(*arguments).exit_code == 2


def test_a_file_that_cannot_be_replaced_is_left_as_it_was(run, tmp_path):
    target = tmp_path / "a.svg"
    target.mkdir()
    result = run("draw", "rnn", "-o", "a.svg")
    assert result.exit_code == 1
    assert "cannot write a.svg" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_files_get_ordinary_permissions(run, tmp_path):
    run("draw", "rnn", "-o", "a.svg")
    assert stat.S_IMODE((tmp_path / "a.svg").stat().st_mode) & 0o400


def test_text_that_is_not_utf8_is_refused(run, tmp_path):
    (tmp_path / "latin.txt").write_bytes("h_t = tanh(\xe9 h_{t-1})".encode("latin-1"))
    result = run("fmt", "latin.txt")
    assert result.exit_code == 1
    assert "UTF-8" in result.stderr


def test_a_hostile_title_is_only_text(run, tmp_path):
    title = "</svg><script>alert(1)</script>"
    (tmp_path / "t.toml").write_text(f"title = '{title}'\nequations = 'h[t] = tanh(h[t-1])'\n")
    for suffix in ("svg", "pdf", "png", "eps", "dot"):
        assert run("draw", "t.toml", "-o", f"a.{suffix}").exit_code == 0
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<script" not in svg
    assert ET.fromstring(svg).findtext("{http://www.w3.org/2000/svg}title") == title


def test_a_closed_pipe_is_no_problem(tmp_path):
    command = f"{sys.executable} -m unroll.cli draw rnn -o - | head -c 10"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert "Traceback" not in done.stderr
