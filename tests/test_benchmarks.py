"""The benchmarks compare like with like: every implementation computes the same, and a table says so."""

import numpy as np
import pytest
from benchmarks import commands, implementations, measuring, memory, problem, processes, report

SMALL = {"one": problem.Size(3, 2, 5, 1), "batch": problem.Size(4, 3, 6, 2)}
NAMES = [name for name in implementations.TABLE if name != implementations.REFERENCE]


def finite_difference(run, arrays, name, place, step=1e-6):
    sides = []
    for sign in (1, -1):
        moved = {n: v.copy() for n, v in arrays.items()}
        moved[name][place] += sign * step
        sides.append(run(moved)[0])
    return (sides[0] - sides[1]) / (2 * step)


@pytest.mark.parametrize("kind", problem.KINDS)
def test_the_reference_has_the_gradients_of_its_loss(kind):
    size = SMALL["batch"]
    arrays = problem.make_arrays(kind, size)
    run = implementations.TABLE[implementations.REFERENCE].make(kind, size, np.dtype("float64"))
    _, gradients = run(arrays)
    assert set(gradients) == set(problem.shapes(kind, size)) == set(arrays) - {"y"}
    random = np.random.default_rng(1)
    for name, gradient in gradients.items():
        place = tuple(random.integers(gradient.shape))
        expected = finite_difference(run, arrays, name, place)
        assert gradient[place] == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("dtype", problem.DTYPES)
@pytest.mark.parametrize("size", SMALL)
@pytest.mark.parametrize("kind", problem.KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_everyone_agrees_with_the_reference(name, kind, size, dtype):
    row = implementations.TABLE[name]
    if row.missing:
        pytest.skip(row.missing)
    arrays = problem.make_arrays(kind, SMALL[size], dtype)
    ready, refused = measuring.prepare(kind, SMALL[size], dtype, [row], arrays)
    if name == "unroll_gates" and kind == "rnn":
        assert refused == {name: "rnn has no gates"}
        return
    assert not refused
    run, error = ready[name]
    assert error <= measuring.TOLERANCE[dtype]
    kept = {n: g.copy() for n, g in run(arrays)[1].items()}
    fresh = run(arrays)[1]
    run({n: v if n == "y" else 2 * v for n, v in arrays.items()})
    for n, gradient in fresh.items():  # a later call changes nothing of an earlier answer
        np.testing.assert_array_equal(gradient, kept[n])


def almost(kind, size, dtype):
    run = implementations.TABLE["textbook"].make(kind, size, dtype)

    def wrong(arrays):
        loss, gradients = run(arrays)
        return loss, gradients | {"b": gradients["b"] * (1 + 1e-6)}

    return wrong


def test_what_differs_is_refused_and_not_timed():
    row = implementations.Implementation("almost", "", __name__, "almost")
    records = measuring.measure("rnn", "one", SMALL["one"], "float64", [row], seconds=0.01)
    assert records[-1].name == "almost"
    assert records[-1].found == "its loss or gradients differ by 1.0e-06"
    assert "almost" not in report.ratios(records)


def test_a_gradient_left_out_is_a_difference():
    assert problem.disagreement((1.0, {}), (1.0, {"W": np.ones(2)})) == np.inf


def test_a_ratio_is_to_the_baseline():
    rows = [implementations.TABLE["textbook"]]
    records = measuring.measure("gru", "one", SMALL["one"], "float64", rows, seconds=0.01)
    baseline, other = (record.found for record in records)
    assert (records[0].name, baseline.ratio) == ("scheduled", 1)
    assert baseline.rounds == other.rounds >= measuring.LEAST
    assert other.ratio > 0


def test_the_command_prints_markdown_and_says_what_is_missing(monkeypatch, capsys):
    row = implementations.Implementation("absent", "", ".peers.absent", needs="no_such_package")
    monkeypatch.setitem(implementations.TABLE, "absent", row)
    words = ["--kinds", "rnn", "--sizes", "tiny", "--dtype", "float64", "--seconds", "0.01"]
    commands.main([*words, "--peers", "unroll", "absent"])
    out, err = capsys.readouterr()
    head, _, line = out.strip().splitlines()[2:]
    assert head == "| problem | scheduled | unroll |"
    assert line.startswith("| rnn tiny | 0.")
    assert err.count("left out: absent: no_such_package is not installed") == 1


def test_an_unknown_name_gets_the_known_ones():
    with pytest.raises(ValueError, match=r"there is no jaxx; choose from scheduled, unroll"):
        implementations.find("jaxx")
    assert implementations.find("mine=some.module:make").name == "mine"


def test_the_aims():
    def records(size, ratio):
        base = measuring.Timing(1e-4, 1.0, 3, 0.0)
        own = measuring.Timing(ratio * 1e-4, ratio, 3, 0.0)
        pairs = (("scheduled", base), ("unroll", own))
        return [measuring.Record("rnn", size, "float64", name, found) for name, found in pairs]

    assert not report.beyond(records("small", 1.09))
    assert "at most 1.1 is the aim" in report.beyond(records("small", 1.2))[0]
    assert not report.beyond(records("tiny", 1.74))
    assert "at most 1.75 is the aim" in report.beyond(records("tiny", 1.8))[0]


def test_peak_memory_is_that_of_a_fresh_process():
    ballast = np.ones(2**26)  # 512 MiB that a process made from this one must not count
    (peak, seconds) = processes.apart("memory:peak", "scheduled", "rnn", 50, "float64")
    assert ballast[-1] == 1
    assert 2**23 < peak < 2**28
    assert seconds > 0
    assert memory.high_water() > 2**29


def test_a_failure_in_another_process_is_told():
    with pytest.raises(RuntimeError, match="there is no nobody"):
        processes.apart("memory:peak", "nobody", "rnn", 5, "float64")
