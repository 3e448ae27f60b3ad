"""The page's numbers are NumPy's: the whole table, every template, and recurrences of all kinds."""

import json

import numpy as np
import pytest
from javascript import EXACT, evaluated, evaluator, modules, needs_node, node_tests, task, worst
from test_operations import POSITIVE, T, cases, complete, patterns

import unroll
from unroll.numeric.execution import run
from unroll.stepper.program import arrays
from unroll.stepper.tasks import Walk, in_order
from unroll.symbolic.expressions import Call, Reference, call
from unroll.symbolic.operations import HISTORY, OPERATIONS
from unroll.symbolic.recurrence import Equation, Recurrence

pytestmark = needs_node
RUNNABLE = [n for n in unroll.templates.names() if not unroll.template(n).runnable().functions]
KINDS = {
    "given": "h[t] = tanh(W @ h[t-1] + U @ x[t])\nh[0] = given\nJ = sum(sum(h[t]), t)",
    "learned": "h[t] = tanh(W @ h[t-1] + U @ x[t])\nh[0] = h0\nL = squared_error(h[tau], y)",
    "computed": "h[t] = tanh(W @ h[t-1])\nh[0] = tanh(F @ C)\nJ = sum(sum(h[t]), t)",
    "far": "h[t] = tanh(W @ h[t-1] + V @ h[t-3])\nh[0] = h0\nJ = sum(sum(h[t]), t)",
    "leads": "g[t] = tanh(W @ g[t+1] + U @ x[t])\nJ = sum(sum(g[t]), t)",
    "ranges": "h[t] = tanh(W @ h[t-1]) for t = 2..tau\nh[1] = a\nJ = sum(sum(h[t]), t)",
    "prefixes": "h[t] = tanh(sum(W @ h[s] + x[s], s < t) + x[t])\nJ = sum(sum(h[t]), t)",
    "letters": "h[t] = h[t-1] / t + tau * x[t]\nJ = sum(sum(h[t]), t)",
    "forward only": "h[t] = tanh(W @ h[t-1] + U @ x[t])",
    "slices": "z[t] = U @ x[t]\nh[t] = tanh(z[t][0:2]) * z[t][2:4] + h[t-1]\nJ = sum(sum(h[t]), t)",
}
SIZES = {"x": 2, "h": 2, "g": 2, "C": 3, "a": 2, "z": 4}


def test_every_operation_has_its_javascript():
    assert [n for n, row in OPERATIONS.items() if not row.javascript] == [HISTORY.name]


def test_the_whole_table_agrees_with_numpy(tmp_path):
    runs, traces = [], []
    for parameter in cases():
        name, shapes = parameter.values
        for moving in patterns(len(shapes)):
            whole, given = complete(name, shapes, moving)
            trace = run(whole, given)
            if trace.batch is None:  # a matrix at each step may also be read as a batch of vectors
                runs.append(f"{parameter.id} {moving}")
                traces.append(trace)
    found = evaluated(traces, tmp_path)
    apart = {r: worst(t, f) for r, t, f in zip(runs, traces, found)}
    assert len(apart) > 200
    assert {r: e for r, e in apart.items() if e > EXACT} == {}


def test_functions_of_entries_agree_with_numpy_far_out_and_near_zero(tmp_path):
    values = np.concatenate([np.linspace(-30, 30, 1200), [-600, -1e-9, -1e-300, 1e-300, 1e-9, 600]])
    names = [n for n, row in OPERATIONS.items() if row.arity[0] == 1 and is_elementwise(row)]
    traces = []
    for name in names:
        whole = Recurrence((Equation(Reference("r"), Call(name, (Reference("a"),))),))
        given = np.abs(values) if name in POSITIVE else values
        traces.append(run(whole, {"a": given}, gradients=False))
    assert len(names) > 25
    for name, trace, found in zip(names, traces, evaluated(traces, tmp_path)):
        ours = np.array([float(x) for x in found["r"]["steps"]])
        np.testing.assert_allclose(ours, trace["r"], rtol=EXACT, atol=1e-14, err_msg=name)


def is_elementwise(row):
    return row.cases and row.cases[0].signature == "*->*" and "(A" not in row.javascript


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_reductions_over_an_axis_agree_with_numpy(tmp_path, shape):
    random = np.random.default_rng(1)
    names = [n for n, row in OPERATIONS.items() if row.reduces]
    traces = []
    for name in names:
        reduced = Call(name, (Reference("a", (T,)),), over="t")
        target = Reference("m", (T,) if OPERATIONS[name].keeps else ())
        total = call("sum", Reference("w") * target)
        total = Call("sum", (total * Reference("v", (T,)),), over="t") if target.indices else total
        whole = Recurrence((Equation(target, reduced), Equation(Reference("J"), total)))
        given = {"a": random.normal(size=(4, *shape)), "w": random.normal(size=shape)}
        if target.indices:
            given["v"] = random.normal(size=4)
        traces.append(run(whole, given, dims={"w": shape}))
    found = evaluated(traces, tmp_path)
    apart = {n: worst(t, f) for n, t, f in zip(names, traces, found)}
    assert {n: e for n, e in apart.items() if e > EXACT} == {}


@pytest.mark.parametrize("steps", [None, 1, 2, 7])
def test_all_templates_agree_with_numpy(tmp_path, steps):
    traces = [unroll.template(name).run(steps=steps) for name in RUNNABLE]
    found = evaluated(traces, tmp_path)
    apart = {n: worst(t, f) for n, t, f in zip(RUNNABLE, traces, found)}
    assert len(apart) > 35
    assert {n: e for n, e in apart.items() if e > EXACT} == {}


def test_all_kinds_of_references_agree_with_numpy(tmp_path):
    traces = []
    for text in KINDS.values():
        recurrence = unroll.parse(text)
        dims = {n: d for n, d in SIZES.items() if n in recurrence.names}
        traces.append(recurrence.run(steps=5, dims=dims, seed=1))
    found = evaluated(traces, tmp_path)
    apart = {n: worst(t, f) for n, t, f in zip(KINDS, traces, found)}
    assert {n: e for n, e in apart.items() if e > EXACT} == {}


def test_a_wrong_operation_is_noticed(tmp_path):
    trace = unroll.template("rnn").run(steps=3)
    source = modules(tmp_path) / "operations.js"
    source.write_text(source.read_text().replace("Math.tanh(a)", "Math.tanh(a * (1 + 1e-9))"))
    with evaluator(tmp_path) as evaluate:
        assert worst(trace, evaluate(trace)) > EXACT


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_order_has_everything_once_and_after_what_it_reads(name):
    trace = unroll.template(name).run(steps=None)
    walk = Walk(trace)
    tasks = in_order(walk)
    assert len(set(tasks)) == len(tasks)
    assert {t for t in tasks if t.term is None} == set(walk.points())
    known = set()
    computed = {(walk.whole.equations[t.equation].name, t.at) for t in tasks if t.term is None}
    for one in tasks:
        equation = walk.whole.equations[one.equation]
        if one.term is None:
            reads = set(walk.reads(equation.expression, walk.here(equation, one.at)))
            assert reads & computed <= known
            known.add((equation.name, one.at))


def test_a_batch_is_refused():
    given = {n: np.ones(2) for n in ("W", "b")} | {"x": np.ones((4, 3, 2))}
    trace = unroll.parse("h[t] = tanh(W * h[t-1] + b + x[t])\nJ = sum(sum(h[t]), t)").run(given)
    with pytest.raises(unroll.UnrollError, match="a batch of 3 sequences"):
        task(trace)


def test_kernels_at_the_edge(tmp_path):
    node_tests("kernels.test.mjs", tmp_path)


def test_programs_written_by_hand_and_a_long_one(tmp_path):
    """Node's own tests; the long one has 1000 steps of 16 units."""
    trace = unroll.template("rnn").run(steps=1000, dims={"x": 16, "h": 16, "y": 16})
    path = tmp_path / "task.json"
    path.write_text(json.dumps(task(trace)), encoding="utf-8")
    node_tests("program.test.mjs", tmp_path, UNROLL_TASK=str(path))


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_arrays_of_a_page_give_the_same_run_in_python(name):
    recurrence = unroll.template(name).runnable()
    trace = recurrence.run(steps=None)
    again = recurrence.run(arrays(trace))
    assert again.loss == trace.loss
    for variable in trace.gradients:
        assert np.array_equal(again.gradient(variable), trace.gradient(variable))
