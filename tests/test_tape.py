"""Runs on tapes: the same numbers as the general program, whatever the recurrence, and kept apart."""

import gc
import threading
import weakref

import numpy as np
import pytest

import unroll
from unroll import templates
from unroll.errors import NonFiniteWarning, UnrollError
from unroll.numeric.arrays import prepare
from unroll.numeric.execution import compiled, execute, run
from unroll.numeric.tape.program import compile_scan
from unroll.numeric.tape.running import TapeTrace

HEAD = "\no[t] = c + V @ h[t]\nL[t] = cross_entropy(softmax(o[t]), y[t])\nJ = sum(L[t], t)"
CELLS = {
    "rnn": "h[0] = given\nh[t] = tanh(b + W @ h[t-1] + U @ x[t])",
    "lstm": """h[0] = given
s[0] = given
a[t] = b + W @ h[t-1] + U @ x[t]
i[t] = sigmoid(a[t][0:3])
f[t] = sigmoid(a[t][3:6])
g[t] = tanh(a[t][6:9])
q[t] = sigmoid(a[t][9:12])
s[t] = f[t] * s[t-1] + i[t] * g[t]
h[t] = q[t] * tanh(s[t])""",
    "gru": """h[0] = given
r[t] = sigmoid(b_r + W_r @ h[t-1] + U_r @ x[t])
z[t] = sigmoid(b_z + W_z @ h[t-1] + U_z @ x[t])
g[t] = tanh(b_g + U_g @ x[t] + r[t] * (W_g @ h[t-1] + d))
h[t] = (1 - z[t]) * g[t] + z[t] * h[t-1]""",
}
OTHERS = {
    "minimal gated": """f[t] = sigmoid(W_f @ h[t-1] + U_f @ x[t] + b_f)
g[t] = tanh(W_h @ (f[t] * h[t-1]) + U_h @ x[t] + b_h)
h[t] = (1 - f[t]) * h[t-1] + f[t] * g[t]
J = sum(dot(v, h[t]), t)""",
    "two states": """h[t] = tanh(W @ h[t-1] + A @ k[t-1] + U @ x[t])
k[t] = sigmoid(B @ h[t-1] + C @ k[t-1] + b)
J = sum(sum(h[t] * k[t]), t)""",
    "tied": "h[t] = tanh(W @ h[t-1] + W.T @ x[t] + b)\no[t] = W @ h[t] + b\nJ = sum(sum(o[t]**2), t)",
    "end": "h[0] = given\nh[t] = tanh(W @ h[t-1] + U @ x[t])\nJ = dot(v, h[tau])",
    "entries": "c[t] = sigmoid(a) * c[t-1] + w * x[t]\nJ = sum(sum(tanh(c[t])), t)",
    "three terms": """p[t] = tanh(A @ (x[t] * p[t-1]) + b * q[t-1] + x[t])
q[t] = sigmoid(A @ x[t]) * q[t-1] + sigmoid(p[t-1]) * p[t-1] + x[t]
J = sum(sum(q[t] * q[t]), t)""",
    "operand of two products": """p[t] = B @ (p[t-1] * q[t-1]) + x[t]
q[t] = p[t] + A @ q[t-1]
J = sum(sum(q[t] * q[t]), t)""",
    "scratch of a coefficient": """p[t] = a * p[t-1] + (1 - a) * tanh(exp(-p[t-1] * p[t-1]) + sigmoid(x[t]) * p[t-1])
J = sum(sum(p[t] ** 2), t)""",
    "in place of a hoisted product": """p[t] = tanh(tanh(A @ x[t] + a) * sigmoid(x[t]) + sigmoid(p[t-1]) * p[t-1])
J = sum(sum(p[t] * p[t]), t)""",
    "a state called one": "one[t] = tanh(W @ one[t-1] + U @ x[t] + b)\nJ = sum(sum(one[t]), t)",
    "cancels": "p[t] = sigmoid((1 - p[t-1]) * x[t] + p[t-1] * x[t] + A @ p[t-1])\nJ = sum(sum(p[t]), t)",
}
SIZE = 3


def arrays_of(recurrence, steps=7, batch=2, seed=0, size=SIZE):
    """Arrays of the right shapes: vectors and square matrices, or what the stacked cells take."""
    random = np.random.default_rng(seed)
    lead = () if batch is None else (batch,)
    stacked = {"W": (4 * size, size), "U": (4 * size, size), "b": (4 * size,)}
    wide = "a" in recurrence.defined
    found = {}
    for name in recurrence.names:
        if name in recurrence.defined:
            continue
        if name == "x":
            found[name] = random.normal(size=(steps, *lead, size))
        elif name == "y":
            found[name] = random.integers(0, size, size=(steps, *lead))
        elif wide and name in stacked:
            found[name] = random.normal(size=stacked[name]) / 2
        else:
            shape = (size, size) if name[0].isupper() else (size,)
            found[name] = random.normal(size=shape) / 2
    for equation in recurrence.equations:
        if "given" in repr(equation.expression):
            found[f"{equation.name}[0]"] = random.normal(size=(*lead, size))
    return found


def general(recurrence, arrays, dtype=np.float64):
    data = prepare(recurrence, arrays, dtype=dtype)
    return execute(compiled(data, None, True, dtype), data)


def assert_same(trace, expected, arrays, tolerance=1e-10):
    assert isinstance(trace, TapeTrace)
    assert trace.loss == pytest.approx(expected.loss, rel=tolerance)
    for name in arrays:
        if name == "y" and "y" not in expected.gradients:
            continue
        gradient, wanted = trace.gradient(name), expected.gradient(name)
        assert gradient.shape == wanted.shape
        assert gradient.dtype == wanted.dtype
        scale = max(1.0, np.abs(wanted).max())
        assert np.abs(gradient - wanted).max() <= tolerance * scale, name


def texts():
    return {**{n: t + HEAD for n, t in CELLS.items()}, **OTHERS}


@pytest.mark.parametrize("batch", [None, 1, 3])
@pytest.mark.parametrize("name", texts())
def test_gradients_are_those_of_the_general_program(name, batch):
    recurrence = unroll.parse(texts()[name])
    arrays = arrays_of(recurrence, batch=batch)
    assert_same(run(recurrence, arrays), general(recurrence, arrays), arrays)


@pytest.mark.parametrize("name", CELLS)
def test_single_precision(name):
    recurrence = unroll.parse(CELLS[name] + HEAD)
    arrays = arrays_of(recurrence)
    expected = general(recurrence, arrays, np.float32)
    assert_same(run(recurrence, arrays, dtype=np.float32), expected, arrays, 1e-4)


def suited():
    """Templates that have an objective and data, with their arrays."""
    for name in templates.names():
        recurrence = unroll.template(name).runnable()
        if len(recurrence.axes) > 1 or recurrence.template.arrays:
            continue
        trace = recurrence.run(steps=6)
        if trace.objective is not None:
            given = {n: trace[n] for n in trace.names if n not in trace.recurrence.defined}
            yield name, recurrence, given


def test_templates_that_run_on_tapes():
    found = []
    for name, recurrence, arrays in suited():
        trace = recurrence.run(arrays)
        if isinstance(trace, TapeTrace):
            assert_same(trace, general(recurrence, arrays), arrays)
            found.append(name)
    assert {
        "deep-transition", "elman", "gru", "gru-reset-before", "leaky", "lstm",
        "lstm-book", "lstm-peephole", "output-recurrence", "rnn", "single-output",
    } <= set(found)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "forward", "backward"), [("rnn", 2, 2), ("lstm", 7, 4), ("gru", 8, 3)]
)
def test_calls_of_a_step(name, forward, backward):
    """No more than scheduled by hand."""
    recurrence = unroll.parse(CELLS[name] + HEAD)
    arrays = arrays_of(recurrence, batch=1)
    data = prepare(recurrence, arrays)
    code = compile_scan(
        data.recurrence, data.shapes, data.batched, True, frozenset("y"), None, np.float64
    ).code
    for function, calls in (("scan", forward), ("back", backward)):
        body = code.split(f"def {function}(")[1].split("\n\n")[0]
        loop = body.split("forward:\n" if function == "scan" else "backward:\n")[1]
        assert len(loop.strip().splitlines()) == calls


# --- traces -----------------------------------------------------------------------------


@pytest.fixture
def rnn():
    return unroll.parse(CELLS["rnn"] + HEAD)


def test_a_trace_keeps_its_numbers(rnn):
    """Memory is used again by the next run, arrays may be changed in place: a trace stays."""
    first = arrays_of(rnn, seed=1)
    expected = general(rnn, {n: a.copy() for n, a in first.items()})
    trace = rnn.run(first)
    gradient = trace.gradient("W").copy()
    first["W"] += 1
    rnn.run(arrays_of(rnn, seed=2))
    rnn.run(arrays_of(rnn, seed=3))
    assert np.array_equal(trace.gradient("W"), gradient)
    assert np.allclose(trace["h"], expected["h"], rtol=1e-12)
    assert np.allclose(trace.gradient("h"), expected.gradient("h"), rtol=1e-9)


def test_memory_goes_with_its_recurrence():
    recurrence = unroll.parse(CELLS["rnn"] + HEAD)
    trace = recurrence.run(arrays_of(recurrence))
    gone = weakref.ref(recurrence)
    assert trace.loss is not None
    del recurrence, trace
    gc.collect()
    assert gone() is None


def test_threads_do_not_share_memory(rnn):
    jobs = [arrays_of(rnn, steps=200, seed=s) for s in range(4)]
    expected = [general(rnn, a).gradient("W") for a in jobs]
    wrong = []

    def work(arrays, wanted):
        for _ in range(30):
            if not np.allclose(rnn.run(arrays).gradient("W"), wanted, rtol=1e-9):
                wrong.append(arrays)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(jobs, expected)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("count", [1, 3, 7, "sqrt"])
@pytest.mark.parametrize("start", ["given", "zero", "1", "start"])
@pytest.mark.parametrize("name", CELLS)
def test_checkpoints_give_the_same_gradients(name, start, count):
    text = CELLS[name]
    if start != "zero":
        text = text.replace("given", start).replace("s[0] = start", "s[0] = first")
    lines = [x for x in text.splitlines() if start != "zero" or "given" not in x]
    recurrence = unroll.parse("\n".join(lines) + HEAD)
    arrays = arrays_of(recurrence, steps=17)
    trace = run(recurrence, arrays, checkpoint=count)
    assert_same(trace, general(recurrence, arrays), arrays)
    with pytest.raises(UnrollError, match="not kept"):
        trace["h"]


@pytest.mark.parametrize("name", ["x", "W", "b", "c", "h[0]"])
def test_what_is_not_finite_is_refused_in_later_runs_too(rnn, name):
    arrays = arrays_of(rnn)
    rnn.run(arrays)
    arrays[name] = arrays[name].copy()
    arrays[name].flat[0] = np.inf
    with pytest.raises(UnrollError, match="inf"):
        rnn.run(arrays)


@pytest.mark.parametrize("wrong", [-1, SIZE])
def test_wrong_classes_are_refused_in_later_runs_too(rnn, wrong):
    arrays = arrays_of(rnn)
    rnn.run(arrays)
    arrays["y"] = arrays["y"].copy()
    arrays["y"].flat[0] = wrong
    with pytest.raises(UnrollError, match="class"):
        rnn.run(arrays)


def test_targets_that_are_no_distributions_are_refused_in_later_runs_too():
    recurrence = unroll.parse(CELLS["rnn"] + HEAD)
    arrays = arrays_of(recurrence, batch=None)
    arrays["y"] = np.eye(SIZE)[arrays["y"]]
    recurrence.run(arrays)
    arrays["y"] = arrays["y"] * 2
    with pytest.raises(UnrollError, match="distributions"):
        recurrence.run(arrays)


def test_what_explodes_is_reported():
    recurrence = unroll.parse("h[t] = W @ h[t-1] + x[t]\nJ = sum(sum(h[t]), t)")
    arrays = {"W": 1e200 * np.eye(2), "x": np.ones((5, 2))}
    with pytest.warns(NonFiniteWarning, match=r"h"):
        recurrence.run(arrays)


def test_the_program_is_the_same_each_time():
    recurrence = unroll.parse(CELLS["lstm"] + HEAD)
    data = prepare(recurrence, arrays_of(recurrence))
    codes = {
        compile_scan(
            data.recurrence, data.shapes, data.batched, False, frozenset("y"), None, np.float64
        ).code
        for _ in range(2)
    }
    assert len(codes) == 1
