"""Arrays, sizes and files that a run refuses: one message, before any work is done."""

import time
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

import unroll
from unroll.cli import main
from unroll.errors import UnrollError
from unroll.numeric import memory

RNN = unroll.template("rnn")
TRACE = RNN.run()
ARRAYS = {n: TRACE[n] for n in ("x", "W", "U", "V", "b", "c")} | {"y": np.array([0, 1, 2, 3, 0])}
NAN = float("nan")
AT_7 = np.where(np.arange(20).reshape(5, 4) == 7, NAN, 0)

COUNTS = [0, -1, 2.5, 3.0, True, np.True_, NAN, float("inf"), "3", [3], b"3"]


@pytest.mark.parametrize("steps", COUNTS)
def test_numbers_of_steps_that_make_no_sense(steps):
    for said in (steps, {"tau": steps}, {"t": steps}):
        with pytest.raises(
            UnrollError, match="is no number of steps\nUse a whole number, 1 or more"
        ):
            RNN.run(steps=said)
        with pytest.raises(UnrollError, match="is no number of steps"):
            RNN.cost(steps=said)


@pytest.mark.parametrize("size", [*COUNTS[:9], None, (3, 0), (3, NAN), (3, True), 0.0])
def test_sizes_that_make_no_sense(size):
    for verb in (RNN.run, RNN.cost, RNN.check, RNN.derive):
        with pytest.raises(UnrollError, match=r"dims: h = .* is not a length"):
            verb(dims={"h": size})


def test_sizes_are_given_by_name():
    with pytest.raises(UnrollError, match=r"dims = \[3\] says no sizes by name"):
        RNN.run(dims=[3])
    with pytest.raises(UnrollError, match="arrays are given by name, not as list"):
        RNN.run([1])
    assert RNN.run(dims={"h": np.int64(6)})["h"].shape == (5, 6)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_seeds_that_make_no_sense(seed):
    with pytest.raises(UnrollError, match=r"is no seed\nUse a whole number, 0 or more"):
        RNN.run(seed=seed)


# --- arrays -----------------------------------------------------------------------------

WRONG = {
    "x without values": ("x", np.zeros(5), "x has shape (5,); expected (tau, 4)"),
    "x too narrow": ("x", np.zeros((5, 3)), "x has shape (5, 3); expected (tau, 4)"),
    "x of too many axes": (
        "x",
        np.zeros((5, 2, 2, 4)),
        "x has shape (5, 2, 2, 4); expected (tau, 4)",
    ),
    "x too short": ("x", np.zeros((4, 4)), "x with shape (4, 4) has 4, y with shape (5,) has 5"),
    "y too short": ("y", [0, 1], "x with shape (5, 4) has 5, y with shape (2,) has 2"),
    "W not square": ("W", np.zeros((3, 4)), "W has shape (3, 4); expected (3, 3)"),
    "W a vector": ("W", np.zeros(3), "W has shape (3,); expected (3, 3)"),
    "b too long": ("b", np.zeros(4), "b has shape (4,); expected (3,)"),
    "objects": ("x", np.full((5, 4), None), "x holds object, not numbers"),
    "nothing": ("x", None, "x holds object, not numbers"),
    "complex numbers": ("x", np.zeros((5, 4), complex), "x holds complex128, not numbers"),
    "strings": ("x", np.full((5, 4), "a"), "x holds <U1, not numbers"),
    "one string": ("x", "abc", "x holds <U3, not numbers"),
    "dates": ("x", np.zeros((5, 4), "M8[s]"), "x holds datetime64[s], not numbers"),
    "records": ("x", np.zeros(5, [("a", float)]), "x holds [('a', '<f8')], not numbers"),
    "integers without end": ("x", [[10**30] * 4] * 5, "x holds object, not numbers"),
    "masked entries": ("x", np.ma.masked_all((5, 4)), "x has masked entries"),
    "nan": ("x", AT_7, "x is nan at (1, 3), counted from 0"),
    "inf": ("W", np.full((3, 3), np.inf), "W is inf at (0, 0), counted from 0"),
    "minus inf": ("b", [0, -np.inf, 0], "b is -inf at (1,), counted from 0"),
    "ragged lists": ("x", [[1, 2, 3, 4], [1, 2]], "x is no array: its rows differ in length"),
    "no steps": ("x", [], "x is empty: its shape is (0,)"),
    "no entries": ("x", np.zeros((5, 0)), "x is empty: its shape is (5, 0)"),
    "a class too large": ("y", [0, 1, 2, 3, 4], "y holds the class 4; expected classes 0 to 3"),
    "a class below 0": ("y", [0, 1, -1, 3, 0], "y holds the class -1; expected classes 0 to 3"),
    "classes as floats": (
        "y",
        [0.0, 1, 2, 3, 0],
        "y has shape (5,) of float64; expected integers (tau,), or (tau, 4)",
    ),
    "classes as truth": (
        "y",
        np.full(5, True),
        "y has shape (5,) of bool; expected integers (tau,), or (tau, 4)",
    ),
    "one-hot of other classes": (
        "y",
        np.eye(5),
        "y has shape (5, 5) of float64; expected integers (tau,), or (tau, 4)",
    ),
    "no distributions": ("y", np.ones((5, 4)), "y is a target, but its rows are no distributions"),
    "h[0] too long": ("h[0]", np.zeros(4), "h[0] has shape (4,); expected (3,)"),
    "no index": ("h[1.5]", np.zeros(3), "there is no 'h[1.5]' in this recurrence"),
    "no name": (1, np.zeros(3), "there is no 1 in this recurrence"),
    "a name too many": ("q", 1.0, "there is no 'q' in this recurrence"),
    "what is computed": ("h", np.zeros((5, 3)), "h is computed by the recurrence"),
}


@pytest.mark.parametrize("name", WRONG)
def test_arrays_that_do_not_fit(name):
    key, value, message = WRONG[name]
    for verb in (RNN.run, RNN.check, RNN.cost):
        with pytest.raises(UnrollError) as caught:
            verb({**ARRAYS, key: value})
        assert message in str(caught.value)


def test_batches_that_differ():
    for x, y in (((5, 2, 4), (5, 3)), ((5, 3, 4), (5, 2))):
        arrays = {**ARRAYS, "x": np.zeros(x), "y": np.zeros(y, int)}
        with pytest.raises(UnrollError, match=f"y has a batch of {y[1]}; expected {x[1]}"):
            RNN.run(arrays)


def test_what_is_said_beside_arrays_must_agree():
    with pytest.raises(UnrollError, match=r"x has shape \(5, 4\); dims say \(tau, 3\)"):
        RNN.run(ARRAYS, dims={"x": 3})
    with pytest.raises(UnrollError, match=r"W has shape \(3, 3\); dims say \(2, 3\)"):
        RNN.run(ARRAYS, dims={"W": (2, 3)})
    with pytest.raises(UnrollError, match=r"steps=4 has 4, x with shape \(5, 4\) has 5"):
        RNN.run(ARRAYS, steps=4)
    assert RNN.run(ARRAYS, dims={"x": 4, "h": 3}, steps=5).steps == 5


# --- memory -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("s[t] = w * s[t-1]", {"steps": 2**31 - 1}),
        ("s[t] = w * s[t-1] + x[t]", {"steps": 2**31 - 1}),
        ("h[t] = W @ h[t-1]", {"dims": {"h": 10**9}}),
        ("h[t] = W @ h[t-1]", {"dims": {"h": 10**30}}),
    ],
)
def test_what_does_not_fit_is_refused_at_once(text, options, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, "2 GB")
    started = time.perf_counter()
    with pytest.raises(UnrollError, match="of memory; 2 GB are available\nUse fewer steps"):
        unroll.parse(text).run(**options)
    assert time.perf_counter() - started < 5  # and not after filling the memory


def test_the_limit_is_about_what_a_run_needs(monkeypatch):
    said = RNN.cost(steps=2000).memory.peak
    monkeypatch.setenv(memory.VARIABLE, str(2 * said))
    assert RNN.run(steps=2000).steps == 2000
    monkeypatch.setenv(memory.VARIABLE, str(said // 3))
    with pytest.raises(UnrollError, match=r"a run with tau = 2000 needs \d+ kB of memory"):
        RNN.run(steps=2000)
    RNN.run(steps=500)


def test_a_batch_counts(monkeypatch):
    x, y = np.zeros((5, 400, 4)), np.zeros((5, 400), int)
    monkeypatch.setenv(memory.VARIABLE, "500kB")
    with pytest.raises(UnrollError, match="a run with tau = 5 and a batch of 400 needs"):
        RNN.run({**ARRAYS, "x": x, "y": y}, steps=5)


@pytest.mark.parametrize(
    ("text", "count"),
    [("8e9", 8 * 10**9), ("500 MB", 5 * 10**8), ("2GiB", 2 << 30), (" 1 tb ", 10**12), ("7", 7)],
)
def test_numbers_of_bytes(text, count, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, text)
    assert memory.available() == count


@pytest.mark.parametrize("text", ["", "x", "GB", "1 PB", "1e999", "nan"])
def test_what_is_no_number_of_bytes(text, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, text)
    with pytest.raises(UnrollError, match="is no number of bytes"):
        memory.available()


def test_what_is_available_is_a_part_of_what_there_is(monkeypatch):
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    assert 1 << 20 < memory.available() < 1 << 50


# --- files ------------------------------------------------------------------------------


def written(folder, name):
    """A file of this name that is not what --data wants."""
    path = folder / name
    if name == "empty.npz":
        path.write_bytes(b"")
    elif name == "text.npz":
        path.write_text("x = 1")
    elif name == "none.npz":
        np.savez(path)
    elif name == "objects.npz":
        np.savez(path, x=np.array([None, {}], object))
    elif name == "single.npy":
        np.save(path, np.zeros(3))
    elif name == "cut.npz":
        np.savez(path, **ARRAYS)
        path.write_bytes(path.read_bytes()[:300])
    elif name == "positional.npz":
        np.savez(path, np.zeros(3))
    elif name == "names.npz":
        np.savez(path, **ARRAYS, Q=np.zeros(3))
    elif name == "nan.npz":
        np.savez(path, **{**ARRAYS, "x": AT_7})
    elif name == "foreign.npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "hello")
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.npz", "cannot read {}: No such file or directory"),
        ("empty.npz", "{} holds no arrays by name"),
        ("text.npz", "{} holds no arrays by name"),
        ("none.npz", "{} holds no arrays by name"),
        ("cut.npz", "{} holds no arrays by name"),
        ("single.npy", "{} holds no arrays by name"),
        ("objects.npz", "{} holds Python objects, which are not read"),
        ("positional.npz", "there is no 'arr_0' in this recurrence"),
        ("foreign.npz", "there is no 'readme.txt' in this recurrence"),
        ("names.npz", "there is no 'Q' in this recurrence"),
        ("nan.npz", "x is nan at (1, 3), counted from 0"),
    ],
)
def test_files_that_hold_something_else(name, message, tmp_path):
    path = written(tmp_path, name)
    for command in ("run", "check"):
        found = CliRunner().invoke(main, [command, "rnn", "--data", str(path)])
        assert found.exit_code == 1
        assert found.stdout == ""
        assert found.stderr.splitlines()[0] == f"unroll: {message.format(path)}"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--steps", "99999999999"], 1, "too large a number of steps"),
        (["--steps", "0"], 2, "0 is not in the range"),
        (["--steps", "2.5"], 2, "not a valid integer"),
        (["--dims", "h=0"], 2, "'h=0' is not a size"),
        (["--dims", "h=99999999999"], 1, "of memory"),
        (["--dims", "q=3"], 1, "there is no 'q'"),
        (["--seed", "-1"], 1, "seed = -1"),
    ],
)
def test_numbers_on_the_command_line(arguments, code, words):
    found = CliRunner().invoke(main, ["run", "rnn", *arguments])
    assert found.exit_code == code
    assert words in found.stderr


# --- and it costs little ----------------------------------------------------------------


def test_small_runs_ask_nothing_of_the_machine(monkeypatch):
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.setattr(memory, "available", lambda: pytest.fail("asked"))
    assert RNN.run(steps=50).steps == 50
