"""`unroll run` with lengths, truncation and checkpoints: what it writes, and what it refuses."""

import numpy as np
import pytest
from click.testing import CliRunner

import unroll
from unroll.cli import main

TEXT = "h_t = tanh(W h_{t-1} + U x_t); L_t = sum((h_t - y_t)**2); J = sum(L_t, t)"
DIMS = ("--dims", "h=3,x=2")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["run", *arguments])


@pytest.fixture
def arrays():
    draw = np.random.default_rng(0).normal
    return {
        "W": draw(size=(3, 3)), "U": draw(size=(3, 2)),
        "x": draw(size=(6, 3, 2)), "y": draw(size=(6, 3, 3)),
    }  # fmt: skip


@pytest.mark.parametrize("said", ["option", "file", "both"])
def test_each_sequence_is_as_if_run_alone(run, tmp_path, arrays, said):
    lengths = [6, 2, 3]
    extra = {"file": {"lengths": lengths}, "both": {"lengths": [1, 1, 1]}}.get(said, {})
    np.savez(tmp_path / "in.npz", **arrays, **extra)
    options = () if said == "file" else ("--lengths", "6,2,3")
    assert run(TEXT, "--data", "in.npz", *options, "-o", "out.npz").exit_code == 0
    alone = [
        unroll.parse(TEXT).run({**arrays, "x": arrays["x"][:n, i], "y": arrays["y"][:n, i]})
        for i, n in enumerate(lengths)
    ]
    with np.load(tmp_path / "out.npz") as found:
        np.testing.assert_allclose(found["J"], sum(t["J"] for t in alone), rtol=1e-12)
        for name in ("W", "U"):
            expected = sum(t.gradient(name) for t in alone)
            np.testing.assert_allclose(found[f"grad/{name}"], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "keywords", "as_whole"),
    [
        (["--truncate", "2"], {"truncate": 2}, False),
        (["--truncate", "2,4"], {"truncate": (2, 4)}, False),
        (["--checkpoint", "3"], {}, True),
        (["--checkpoint", "sqrt"], {}, True),
    ],
)
def test_gradients_are_those_of_python(run, tmp_path, options, keywords, as_whole):
    assert run(TEXT, *DIMS, "--steps", "7", *options, "-o", "out.npz").exit_code == 0
    recurrence = unroll.parse(TEXT)
    size = {"steps": 7, "dims": {"h": 3, "x": 2}}
    expected = recurrence.run(**size, **keywords).gradient("W")
    whole = recurrence.run(**size).gradient("W")
    with np.load(tmp_path / "out.npz") as found:
        np.testing.assert_allclose(found["grad/W"], expected, rtol=1e-12)
        assert np.allclose(found["grad/W"], whole) == as_whole


def test_a_run_in_segments_with_an_objective_of_each_step_is_reported(run):
    result = run("y[t] = W @ x[t]; J = sum(y[t]**2)", "--of", "J", "--checkpoint", "2")
    assert result.exit_code == 0, result.exception
    assert "W " in result.output


MISTAKES = [
    (["--lengths", "three"], "3,5,2"),
    (["--lengths", ""], "3,5,2"),
    (["--lengths=-1,2"], "3,5,2"),
    (["--lengths", "3,0"], "0 steps"),
    (["--lengths", "3,6", "--steps", "5"], "Pad"),
    (["--lengths", "n_x=3,2"], "n_x"),
    (["--lengths", "tau=3,2 tau=2,2"], "twice"),
    (["--truncate", "a"], "k1 and k2"),
    (["--truncate", "0"], "1 or more"),
    (["--truncate", "5,2"], "k2 >= k1"),
    (["--truncate", "1,2,3"], "k1 and k2"),
    (["--checkpoint", "0"], "sqrt"),
    (["--checkpoint", "often"], "sqrt"),
]


@pytest.mark.parametrize(("options", "words"), MISTAKES)
def test_a_mistake_gets_one_message(run, tmp_path, options, words):
    refused(run(TEXT, *DIMS, *options, "-o", "out.npz"), words, tmp_path)


UNSUITED = [
    ("bidirectional", ["--checkpoint", "2"], "looks ahead"),
    ("attention", ["--checkpoint", "2"], "one axis"),
    ("attention", ["--lengths", "3,2"], "n_x"),
    ("recursive-tree", ["--truncate", "2"], "tree"),
    ("recursive-tree", ["--lengths", "3,2"], "tree"),
    ("h_t = tanh(w h_{t-1} + x_t)", ["--checkpoint", "2"], "J = sum(L[t], t)"),
]


@pytest.mark.parametrize(("text", "options", "words"), UNSUITED)
def test_an_unsuited_recurrence_gets_one_message(run, tmp_path, text, options, words):
    refused(run(text, *options, "-o", "out.npz"), words, tmp_path)


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([6, 2], "batch of 3"),
        ([6, 2, 9], "Pad"),
        ([6, 2, 2.5], "whole"),
        (["a", "b", "c"], "whole"),
    ],
)
def test_lengths_of_a_file_are_checked(run, tmp_path, arrays, lengths, words):
    np.savez(tmp_path / "in.npz", **arrays, lengths=lengths)
    result = run(TEXT, "--data", "in.npz", "-o", "out.npz")
    (tmp_path / "in.npz").unlink()
    refused(result, words, tmp_path)


def refused(result, words, folder):
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("unroll: ")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert list(folder.iterdir()) == []
