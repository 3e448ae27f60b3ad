"""Costs against what is counted independently: on an unrolled graph, on arrays, in NumPy's calls."""

import tracemalloc
from math import prod

import networkx as nx
import numpy as np
import pytest
from oracle import Oracle

import unroll
from unroll.errors import UnrollError
from unroll.numeric import cost as costs
from unroll.numeric.arrays import outline, prepare
from unroll.numeric.schedule import Map, Scan, plan
from unroll.symbolic.expressions import Call, Constant, Reference
from unroll.symbolic.operations import OPERATIONS

SIZES = {"encoder-decoder": {"n_x": 3, "n_y": 4}, "edit-distance": None}  # as long as its arrays


def steps_for(name, steps):
    return SIZES.get(name, steps)


# --- the table --------------------------------------------------------------------------


class Counted(np.ndarray):
    """An array that counts floating-point operations as NumPy is asked for them."""

    work = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        plain = [np.asarray(a) for a in inputs]
        if out is not None:
            options["out"] = tuple(np.asarray(o) for o in out)
        result = getattr(ufunc, method)(*plain, **options)
        sizes = [a.size for a in plain]
        if ufunc is np.matmul:
            Counted.work += 2 * plain[0].size * (plain[1].shape[-1] if plain[1].ndim > 1 else 1)
        elif ufunc is np.vecdot:
            Counted.work += 2 * max(sizes)
        elif ufunc not in COMPARISONS:
            Counted.work += max(sizes) if method != "__call__" else np.size(result)
        return counted(result)

    def __array_function__(self, function, types, arguments, options):
        if function is np.dot:
            a, b = map(np.asarray, arguments[:2])
            Counted.work += 2 * a.size * (b.size // a.shape[-1])
            return counted(a @ b)
        if function in (np.clip,):
            Counted.work += 2 * np.size(arguments[0])
        elif function in (np.argmax, np.argmin, np.cumsum, np.cumprod):
            Counted.work += np.size(arguments[0])
        elif function in REDUCTIONS:
            Counted.work += np.size(arguments[0]) + (function is np.mean)
        elif function is np.trace:
            Counted.work += len(np.asarray(arguments[0]))
        else:
            result = super().__array_function__(function, types, arguments, options)
            return counted(result) if isinstance(result, np.ndarray) else result
        return counted(function(*map(plainly, arguments), **options))


COMPARISONS = {
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.isfinite,
    np.bitwise_or, np.invert,
}  # fmt: skip
REDUCTIONS = {np.sum, np.mean, np.max, np.min, np.prod}
EXPENSIVE = {"inv", "solve", "det", "logdet", "erf", "gelu"}  # not made of NumPy's ufuncs
MOVING = {"diag"}  # by a product with ones and zeros
CHOICES = {"where", "elu", "leaky_relu"} | {  # what compares or chooses counts one an entry
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
}  # fmt: skip


def counted(value):
    return np.asarray(value).view(Counted)


def plainly(value):
    return np.asarray(value) if isinstance(value, Counted) else value


def table():
    from test_operations import cases

    for case in cases():
        name, _ = case.values
        row = OPERATIONS[name]
        if name not in EXPENSIVE | CHOICES | MOVING and row.work is not None:
            yield case


@pytest.mark.parametrize(("name", "shapes"), list(table()))
def test_the_table_says_what_numpy_is_asked_for(name, shapes):
    from unroll.numeric.kernels import KERNELS
    from unroll.symbolic.signatures import Oriented, apply

    row = OPERATIONS[name]
    oriented = [Oriented((), number=s) if isinstance(s, int) else Oriented(s) for s in shapes]
    case, result = next(
        (c, r) for c in row.cases if (r := apply(c, oriented)) is not None and not c.becomes
    )
    values = [s if isinstance(s, int) else counted(np.full(s, 0.5)) for s in shapes]
    if row.positions:
        values = [
            v if isinstance(v, int) or i not in row.positions else 1 for i, v in enumerate(values)
        ]
    own = [() if isinstance(s, int) else s for s in shapes]
    source = case.numpy(own) if callable(case.numpy) else case.numpy
    words = [f"v{i}" for i in range(len(values))]
    text = source.replace("{out}", "").format(*words)
    Counted.work = 0
    eval(text, {"np": np, "dtype": np.float64, **KERNELS, **dict(zip(words, values))})
    said = row.work(own) if callable(row.work) else row.work * prod(result.shape)
    same = len({s for s in own if s}) < 2 and all(own)
    assert Counted.work == said if same else Counted.work <= said


# --- the unrolled graph -----------------------------------------------------------------


class Unrolled:
    """The graph of all operations at all points, as the oracle walks it; flops by its arrays."""

    def __init__(self, recurrence, oracle):
        self.recurrence, self.oracle = recurrence, oracle
        self.graph, self.flops = nx.DiGraph(), {}
        for name in recurrence.defined:
            for at in oracle.points(name):
                equation, here = oracle.equation(name, at)
                if equation is None or equation.expression == Call("given", ()):
                    continue
                key = ("value", name, at)
                self.graph.add_node(key, name=name)
                before, _ = self.visit(equation, equation.expression, (), here)
                self.graph.add_edges_from((source, key) for source in before)

    def visit(self, equation, node, path, here):
        """Nodes that a part of an equation is made from, and the letters that tell it from others."""
        if isinstance(node, Constant):
            return [], frozenset()
        if isinstance(node, Reference):
            if node.name in self.oracle.axes:
                return [], frozenset({node.name})
            at = tuple(self.oracle.place(i, here) for i in node.indices)
            used = frozenset(i.base for i in node.indices if i.base in self.oracle.axes)
            return [("value", node.name, at)], used
        places, used = [here], frozenset()
        if node.over is not None:
            places = [{**here, node.over: s} for s in self.oracle.steps(node, here)]
            limits = node.limits
            if limits is not None:
                ends = (limits.start, limits.stop, limits.parent)
                used |= {i.base for i in ends if i is not None and i.base in self.oracle.axes}
        sources = []
        for place in places:
            for i, argument in enumerate(node.arguments):
                found, letters = self.visit(equation, argument, (*path, i), place)
                sources += found
                used |= letters - {node.over}
        row = OPERATIONS[node.operation]
        if row.work is None:
            return sources, used
        letters = tuple(sorted((x, here[x]) for x in used))
        key = (str(equation.target), id(equation), path, letters)
        if key not in self.flops:
            shapes = [[self.oracle.eval(a, p).value.shape for a in node.arguments] for p in places]
            self.flops[key] = flops(row, node, shapes, self.oracle, here)
            self.graph.add_node(key, name=equation.name)
        self.graph.add_edges_from((source, key) for source in sources)
        return [key], used

    def among(self, names):
        """Operations, their flops and the longest chain of those that belong to names."""
        own = [n for n, d in self.graph.nodes(data=True) if d.get("name") in names]
        operations = [n for n in own if n in self.flops]
        part = self.graph.subgraph(own)
        weighted = nx.DiGraph()
        weighted.add_nodes_from(part)
        weighted.add_edges_from(("start", n) for n in part)
        weighted.add_edges_from(part.edges)
        for source, target in weighted.edges:
            weighted.edges[source, target]["weight"] = int(target in self.flops)
        longest = nx.dag_longest_path_length(weighted) if own else 0
        return len(operations), sum(self.flops[n] for n in operations), longest


def flops(row, node, shapes, oracle, here):
    if node.over is not None:
        entries = prod(shapes[0][0]) if shapes else 1
        return row.work([(len(shapes),)]) * entries
    if callable(row.work):
        return row.work(shapes[0])
    return row.work * prod(oracle.eval(node, here).value.shape)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("name", unroll.templates.names())
def test_counts_are_those_of_the_unrolled_graph(name, steps):
    recurrence = unroll.template(name).runnable()
    known = recurrence._data(None, steps_for(name, steps), None)
    data = prepare(recurrence, **known)
    found = recurrence.cost(steps=steps_for(name, steps))
    task = costs._Counted.of(outline(recurrence, **known), None, True)
    shapes = task.counter.shapes
    trees = {letter: tree.children for letter, tree in data.sizes.trees}
    oracle = Oracle(task.whole, data.arrays, dict(data.sizes.lengths), shapes, trees)
    with np.errstate(all="ignore"):
        oracle.everything()
        graph = Unrolled(task.whole, oracle)

    def measured(cost):
        return cost.operations, cost.work, cost.span

    assert measured(found.forward) == graph.among(task.forward)
    if found.backward is not None:
        assert measured(found.backward) == graph.among(task.backward)
    assert measured(found.total) == graph.among({*task.forward, *task.backward})
    for each in found.tasks:
        assert measured(each) == graph.among({*each.task.names}), each.task
    assert sum(t.operations for t in found.tasks) == found.total.operations
    assert [t.task for t in found.tasks] == list(plan(task.whole))


@pytest.mark.parametrize("name", unroll.templates.names())
def test_a_formula_holds_at_other_lengths(name):
    recurrence = unroll.template(name)
    if recurrence.template.arrays:
        pytest.skip("its arrays say how long it is")
    found = recurrence.cost(steps=11)
    if any(a.leaves for a in recurrence.axes):
        assert found.total.formula is None
        return
    assert found.total.formula is not None
    for steps in (17, 31):
        other = recurrence.cost(steps=steps)
        lengths = dict(other.sizes.lengths)
        for one, two in ((found.forward, other.forward), (found.total, other.total)):
            slopes = sum(slope * lengths[n] for n, slope in one.formula.slopes)
            assert two.span == slopes + one.formula.constant
            assert two.formula == one.formula


# --- what the book says -----------------------------------------------------------------


def test_teacher_forcing_takes_a_constant_time_and_hidden_recurrence_a_linear_one():
    forced, hidden = unroll.template("teacher-forcing"), unroll.template("rnn")
    assert str(forced.cost().total.formula) == "12"
    assert str(hidden.cost().total.formula) == "6 tau + 7"
    few, many = forced.cost(steps=10), forced.cost(steps=10_000)
    assert few.total.span == many.total.span
    assert many.total.parallelism > 900 * few.total.parallelism
    assert not any(isinstance(t.task, Scan) for t in many.tasks)
    few, many = hidden.cost(steps=10), hidden.cost(steps=10_000)
    assert many.total.span == 60_007
    assert many.total.parallelism < 1.2 * few.total.parallelism
    scans = [t for t in many.tasks if isinstance(t.task, Scan)]
    assert [(t.side, t.span) for t in scans] == [("forward", 30_000), ("backward", 30_000)]
    assert all(t.span < 10 for t in many.tasks if isinstance(t.task, Map))


def test_a_carry_travels_the_whole_adder():
    assert str(unroll.template("binary-adder").cost().forward.formula) == "3 tau + 4"


def test_a_grid_takes_as_many_waves_as_both_sides_together():
    found = unroll.template("edit-distance").cost(steps={"m": 100, "n": 50})
    assert str(found.forward.formula) == "3 m + 3 n - 3"
    assert found.forward.operations == 6 * 100 * 50


def test_a_balanced_tree_takes_logarithmic_time_and_a_chain_linear():
    tree = unroll.template("recursive-tree")
    spans = [tree.cost(steps=n).forward.span for n in (16, 64, 256)]
    assert spans[1] - spans[0] == spans[2] - spans[1] > 0
    chained = [tree.cost(steps=n, tree="chain").forward.span for n in (16, 32, 48)]
    assert chained[1] - chained[0] == chained[2] - chained[1] > spans[2] - spans[1]


def test_a_depth_of_two_lags_has_no_linear_span():
    skipping = unroll.parse("y[t] = a * y[t-2]")
    assert [skipping.cost(steps=n).forward.span for n in (5, 6, 7, 8)] == [3, 3, 4, 4]
    assert skipping.cost().forward.formula is None


@pytest.mark.parametrize(
    ("text", "dims", "work"),
    [
        ("h[t] = W @ x[t]", {"h": 3, "x": 4}, 5 * 2 * 3 * 4),
        ("h[t] = W @ X[t]", {"W": (3, 4), "X": (4, 6), "h": (3, 6)}, 5 * 2 * 3 * 4 * 6),
        ("h[t] = u.T @ x[t]", {"u": 7}, 5 * 2 * 7),
        ("h[t] = tanh(x[t])", {"x": 7}, 5 * 7),
        ("p[t] = softmax(x[t])", {"x": 7}, 5 * 5 * 7),
        ("s = sum(sum(x[t]), t)", {"x": 7}, 5 * 7 + 5),
        ("s = sum(sum(x[t], t))", {"x": 7}, 5 * 7 + 7),
        ("s[t] = sum(x[k], k = 1..t)", {"x": 7}, (1 + 2 + 3 + 4 + 5) * 7),
        ("s[t] = sum(W @ x[k], k = 1..t)", {"x": 7, "W": (2, 7)}, 5 * 2 * 14 + 15 * 2),
        ("h[t] = W @ c + x[t]", {"c": 2, "x": 3}, 2 * 3 * 2 + 5 * 3),
    ],
)
def test_work_by_hand(text, dims, work):
    assert unroll.parse(text).cost(steps=5, dims=dims).forward.work == work


def test_a_batch_multiplies_what_depends_on_the_inputs():
    rnn = unroll.template("rnn")
    one, two, four = (rnn.cost(batch=n) for n in (1, 2, 4))
    assert one.total.operations == four.total.operations
    assert one.total.span == four.total.span
    assert four.total.work - two.total.work == 2 * (two.total.work - four.total.work // 4)
    assert four.forward.work == 4 * one.forward.work + 4  # the loss is summed over the batch
    parameters = sum(np.size(rnn.run()[n]) for n in rnn.run().parameters)
    assert four.backward.work == 4 * one.backward.work + 4 * parameters


def test_a_batch_does_not_multiply_what_is_the_same_for_all():
    recurrence = unroll.parse("h[t] = W @ c + x[t]")
    found = recurrence.cost(steps=5, dims={"c": 2, "x": 3}, batch=4)
    assert found.forward.work == 2 * 3 * 2 + 4 * 5 * 3


# --- bytes ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", unroll.templates.names())
def test_bytes_are_those_of_a_trace(name, dtype):
    recurrence = unroll.template(name)
    found, trace = recurrence.cost(dtype=dtype), recurrence.run(dtype=dtype)
    free = [n for n in trace.forward.names if n not in trace.forward.defined]
    given = [n for n in trace.values if n.endswith("]")]
    assert found.memory.values == sum(trace[n].nbytes for n in trace.forward.defined)
    assert found.memory.gradients == sum(trace.gradient(n).nbytes for n in trace.gradients)
    arrays = sum(trace[n].nbytes for n in free) + sum(trace.values[n].nbytes for n in given)
    assert found.memory.arrays == arrays


def test_bytes_of_a_batch_are_those_of_a_trace():
    rnn = unroll.template("rnn")
    arrays = {n: rnn.run()[n] for n in ("W", "U", "V", "b", "c")}
    random = np.random.default_rng(0)
    arrays |= {"x": random.normal(size=(6, 3, 4)), "y": random.integers(4, size=(6, 3))}
    trace, found = rnn.run(arrays), rnn.cost(steps=6, batch=3)
    assert found.memory.values == sum(trace[n].nbytes for n in trace.forward.defined)
    assert found.memory.gradients == sum(trace.gradient(n).nbytes for n in trace.gradients)
    assert rnn.cost(arrays) == found


@pytest.mark.parametrize("name", ["rnn", "lstm", "teacher-forcing", "attention"])
def test_a_run_needs_no_more_memory_than_was_said(name):
    recurrence = unroll.template(name)
    dims = {"h": 32}
    recurrence.run(steps=600, dims=dims)
    tracemalloc.start()
    try:
        trace = recurrence.run(steps=600, dims=dims)
        _, measured = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    said = recurrence.cost(steps=600, dims=dims).memory
    assert said.values <= measured <= 1.1 * said.peak
    assert trace.steps == 600


# --- as a user --------------------------------------------------------------------------


def test_nothing_is_run_however_large():
    found = unroll.template("rnn").cost(steps=10**9, dims={"h": 10**4}, batch=1000)
    assert found.forward.span == 3 * 10**9 + 5
    assert found.memory.values > 10**16


def test_without_an_objective_there_is_no_backward_pass():
    found = unroll.template("fibonacci").cost()
    assert found.backward is None
    assert found.forward == found.total
    assert unroll.template("rnn").cost(gradients=False).backward is None


def test_a_table_in_a_terminal():
    lines = str(unroll.template("rnn").cost(steps=5)).splitlines()
    assert lines[0] == "tau = 5, float64"
    assert lines[2].split() == ["operations", "work", "span", "parallelism"]
    assert lines[3].endswith("20         32.8  = 3 tau + 5")
    assert "a, h " in str(lines)
    assert lines[-1].startswith("memory: arrays 640 bytes, values 608 bytes")
    assert max(map(len, lines)) < 110


@pytest.mark.parametrize("batch", [0, -1, 2.5, True, "3", None, float("nan")])
def test_a_batch_that_makes_no_sense(batch):
    with pytest.raises(UnrollError, match="is no number of sequences"):
        unroll.template("rnn").cost(batch=batch)


def test_a_batch_that_the_arrays_have_not():
    rnn = unroll.template("rnn")
    trace = rnn.run()
    arrays = {n: trace[n] for n in ("x", "y", "W", "U", "V", "b", "c")}
    with pytest.raises(UnrollError, match="batch = 3, but the arrays have a batch of 1"):
        rnn.cost(arrays, batch=3)
