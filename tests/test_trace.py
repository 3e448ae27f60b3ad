"""What a trace gives back, and how it is kept."""

import numpy as np
import pytest

from unroll.errors import UnrollError
from unroll.language.parser import parse
from unroll.numeric.execution import run

RNN = parse("""h[0] = h0
h[t] = tanh(W @ h[t-1] + U @ x[t])
o[tau] = V @ h[tau]
J = squared_error(o[tau], z)""")


@pytest.fixture
def trace():
    return run(RNN, steps=4, dims={"h": 3, "x": 2, "z": 2})


def test_values_by_name(trace):
    assert trace["h"].shape == (4, 3)
    assert np.array_equal(trace.initial("h"), trace["h0"])
    assert trace.initial("x") is None
    assert not trace["o"][:-1].any()
    assert trace.loss == trace["J"]
    assert trace.steps == 4
    assert set(trace.names) == {"h", "o", "J", "h0", "W", "U", "x", "V", "z"}
    assert set(trace.parameters) == {"h0", "W", "U", "V", "z"}
    assert np.array_equal(trace.gradient("h[0]"), trace.gradient("h0"))


def test_unknown_names_are_refused_with_the_nearest(trace):
    with pytest.raises(UnrollError, match="no 'H0'"):
        trace["H0"]
    with pytest.raises(UnrollError, match="Did you mean 'h0'"):
        trace["h00"]
    with pytest.raises(UnrollError, match="no gradient of 'grad'"):
        trace.gradient("grad")
    with pytest.raises(UnrollError, match=r"no gradient of x\[0\]"):
        trace.gradient("x[0]")


def test_saved_whole_and_the_same_each_time(trace, tmp_path):
    path = tmp_path / "trace.npz"
    trace.save(path)
    again = run(RNN, steps=4, dims={"h": 3, "x": 2, "z": 2})
    assert path.read_bytes() == again.to_bytes()
    with np.load(path) as found:
        assert np.array_equal(found["h"], trace["h"])
        assert np.array_equal(found["h[0]"], trace["h0"])
        assert np.array_equal(found["grad/W"], trace.gradient("W"))
    assert [p.name for p in tmp_path.iterdir()] == ["trace.npz"]


def test_what_cannot_be_written_leaves_nothing(trace, tmp_path):
    with pytest.raises(UnrollError, match="cannot write"):
        trace.save(tmp_path / "missing" / "trace.npz")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnrollError, match="cannot write"):
        trace.save(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_shown_in_a_few_lines(trace):
    lines = repr(trace).splitlines()
    assert lines[0].startswith("Trace of 4 steps, J = ")
    assert any(line.startswith("  h: 4x3, |gradient| ") for line in lines)
