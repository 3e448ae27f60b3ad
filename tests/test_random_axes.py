"""Recurrences on several axes that nobody thought of: random lags, leads, boundaries, reductions.

Each is run against the oracle, its gradients against finite differences, its graph folded back, its
text read again.
"""

from __future__ import annotations

from dataclasses import replace

from agreement import assert_agrees
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from unroll.graph.folded import fold
from unroll.graph.unrolled import unroll
from unroll.language.parser import parse
from unroll.language.printer import format_recurrence
from unroll.numeric.checks import check
from unroll.numeric.execution import run
from unroll.symbolic.expressions import (
    Call,
    Constant,
    Expression,
    Index,
    Range,
    Reference,
    call,
    rebuild,
    walk,
)
from unroll.symbolic.recurrence import Axis, Equation, Recurrence
from unroll.symbolic.validation import validate

WORLDS = [
    (Axis("t", "tau"),),
    (Axis("t", "tau"), Axis("l", "n_l")),
    (Axis("i", "n_i"), Axis("j", "n_j")),
    (Axis("t", "tau"), Axis("s", "tau")),
    (Axis("t", "n_x"), Axis("u", "n_y")),
    (Axis("n", "n_nodes", "n_leaves"),),
]
SQUASHING = ("tanh", "sigmoid", "sin")


@st.composite
def worlds(draw) -> Recurrence:
    """Up to three variables, each on some of the axes, and an objective that sums them.

    All are numbers, or all vectors of two, which a matrix A multiplies where numbers have w.
    """
    axes, wide = draw(st.sampled_from(WORLDS)), draw(st.booleans())
    made: list[tuple[str, tuple[Axis, ...]]] = []
    equations: list[Equation] = []
    for name in draw(st.sampled_from([("a",), ("a", "b"), ("a", "b", "c")])):
        own = axes if axes[0].length == axes[-1].length else draw(st.sampled_from(subsets(axes)))
        own = own[:1] if len({a.length for a in own}) < len(own) else own
        equations += draw(variable(name, own, axes, made))
        made.append((name, own))
    used = {r.name for e in equations for r in names_in(e.expression)}
    total: Expression = Constant(0)
    for name, own in made:
        if name == made[-1][0] or name not in used:
            term: Expression = Reference(name, tuple(Index(a.name) for a in own)) ** 2
            term = call("sum", term) if wide else term
            for axis in reversed(own):
                term = Call("sum", (term,), over=axis.name)
            total = term if total == Constant(0) else total + term
    whole = Recurrence((*equations, Equation(Reference("J"), total)), axes_used(axes, equations))
    return replace(whole, equations=tuple(map(widened, whole.equations))) if wide else whole


def widened(equation: Equation) -> Equation:
    """With matrix products for those with w."""

    def change(part: Expression) -> Expression:
        if isinstance(part, Call) and part.operation == "multiply":
            left, right = part.arguments
            if left == Reference("w") and isinstance(right, Reference) and right.indices:
                return Reference("A") @ right
        return part

    return replace(equation, expression=rebuild(equation.expression, change))


def dims(recurrence: Recurrence) -> dict[str, int]:
    """Sizes: of vectors where the objective adds up entries."""
    wide = any(
        isinstance(n, Call) and n.operation == "sum" and n.over is None
        for n in walk(recurrence.equations[-1].expression)
    )
    names = (n for n in recurrence.names if n not in "wvJA" and not n.startswith("J"))
    return dict.fromkeys(names, 2) if wide else {}


def subsets(axes):
    return [axes, axes[:1], axes[1:]] if len(axes) > 1 else [axes]


def names_in(node):
    if isinstance(node, Reference):
        yield node
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from names_in(argument)


def axes_used(axes, equations):
    letters = set()
    for e in equations:
        letters |= {i.base for i in e.target.indices}
        letters |= {i.base for r in names_in(e.expression) for i in r.indices}
    return tuple(a for a in axes if a.name in letters)


@st.composite
def variable(draw, name, own, axes, made) -> list[Equation]:
    here = tuple(Index(a.name) for a in own)
    terms = [draw(term(name, own, axes, made)) for _ in range(draw(st.integers(1, 3)))]
    if draw(st.booleans()):
        terms.append(draw(itself(name, own, axes)))
    body = terms[0]
    for other in terms[1:]:
        body = body + other if draw(st.booleans()) else body * other
    if draw(st.integers(0, 2)):
        body = call(draw(st.sampled_from(SQUASHING)), body)
    equations = [Equation(Reference(name, here), body)]
    if own[0].leaves and draw(st.booleans()):
        x = Reference("leaf_x", here)
        leaves = (Range(own[0].name, None, Index(own[0].leaves)),)
        equations.append(Equation(Reference(name, here), call("tanh", x), leaves))
    elif not own[0].leaves and draw(st.integers(0, 2)) == 0:
        place = draw(st.integers(0, len(own) - 1))
        at = tuple(
            Index("", draw(st.integers(0, 1))) if p == place else i for p, i in enumerate(here)
        )
        start = Reference(f"start_{name}", tuple(i for i in at if i.base))
        equations.append(Equation(Reference(name, at), start))
    return equations


@st.composite
def term(draw, name, own, axes, made) -> Expression:
    """A parameter, an input, an earlier variable, a number of the step, or a reduction of one."""
    kind = draw(st.sampled_from(["parameter", "input", "variable", "number", "reduction"]))
    if kind == "parameter":
        return Reference("w") * draw(st.sampled_from([1, 2, -1]))
    if kind == "number":
        return Reference(own[-1].name) / 10
    if kind == "variable" and made:
        other, theirs = draw(st.sampled_from(made))
        if all(a in own for a in theirs):
            return Reference(other, tuple(draw(shifted(a)) for a in theirs)) * Reference("v")
    if kind == "reduction":
        inner = [a for a in axes if a not in own and not a.leaves]
        if inner:
            return draw(reduction(own, inner[0], axes, made))
    theirs = draw(st.sampled_from(subsets(own)))
    label = "x" + "".join(str(1 + axes.index(a)) for a in theirs)
    return Reference(label, tuple(draw(shifted(a)) for a in theirs))


@st.composite
def shifted(draw, axis) -> Index:
    if axis.leaves:
        via = draw(st.sampled_from(["", "", "left", "right", "parent"]))
        return Index(axis.name, 0, via)
    return Index(axis.name, draw(st.integers(-2, 2)))


@st.composite
def reduction(draw, own, axis, axes, made) -> Expression:
    letter = Index(axis.name)
    same = [a for a in own if a.length == axis.length]
    body: Expression = Reference(f"z{1 + axes.index(axis)}", (letter,))
    fitting = [n for n, theirs in made if theirs == (axis,) or (same and theirs == tuple(same))]
    if fitting and draw(st.booleans()):
        body = body * Reference(draw(st.sampled_from(fitting)), (letter,))
    if draw(st.booleans()):
        body = body * Reference(f"x{1 + axes.index(own[-1])}", (Index(own[-1].name),))
    limits = None
    if same and draw(st.booleans()):
        stop = Index(same[0].name, draw(st.integers(-1, 0)))
        start = draw(st.sampled_from([None, Index(same[0].name, -2)]))
        limits = Range(axis.name, start, stop)
    operation = draw(st.sampled_from(["sum", "sum", "sum", "mean", "logsumexp", "max"]))
    if limits is not None and operation != "sum":  # of no step at all they are not finite
        limits = Range(axis.name, None, Index(same[0].name))
    return Call(operation, (body,), over=axis.name, limits=limits)


@st.composite
def itself(draw, name, own, axes) -> Expression:
    """The variable at an earlier place: lags all one way along a first axis, or all of the past."""
    if own[0].leaves:
        way = draw(st.sampled_from([("left", "right"), ("left",), ("parent",)]))
        total: Expression = Constant(0)
        for via in way:
            total = total + Reference("w") * Reference(name, (Index(own[0].name, 0, via),))
        return total
    other = next((a for a in axes if a.length == own[0].length and a not in own), None)
    if other is not None and draw(st.booleans()):
        past = Reference("w") * Reference(name, (Index(other.name),))
        return Call(
            "sum", (past,), over=other.name, limits=Range(other.name, None, Index(own[0].name, -1))
        )
    sign = draw(st.sampled_from([-1, 1]))
    total = Constant(0)
    for _ in range(draw(st.integers(1, 2))):
        first = draw(st.integers(0, len(own) - 1))
        offsets = [0] * len(own)
        for p in range(first, len(own)):
            offsets[p] = draw(st.integers(1, 2)) if p == first else draw(st.integers(0, 1))
        indices = tuple(Index(a.name, sign * o) for a, o in zip(own, offsets))
        total = total + Reference("w") * Reference(name, indices)
    return total


def lengths(recurrence: Recurrence, number: int) -> dict[str, int]:
    """Every axis a little longer than the one before."""
    names = dict.fromkeys(a.leaves or a.length for a in recurrence.axes)
    return {name: number + i for i, name in enumerate(names)}


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(), st.integers(1, 4))
def test_the_executor_is_the_interpreter_of_the_unrolled_graph(recurrence, number):
    validate(recurrence)
    sizes = dims(recurrence)
    trace = run(recurrence, steps=lengths(recurrence, number), dims=sizes, seed=number)
    assert_agrees(recurrence, trace, 1e-10)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(), st.integers(1, 3))
def test_gradients_are_finite_differences(recurrence, number):
    sizes = dims(recurrence)
    found = check(recurrence, steps=lengths(recurrence, number), dims=sizes, seed=number)
    kinked = "max(" in format_recurrence(recurrence)
    assert kinked or found.passed, str(found)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_the_graph_folds_back(recurrence):
    assert unroll(recurrence, recurrence.sizes(lengths(recurrence, 4))).fold() == fold(recurrence)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_the_text_reads_back(recurrence):
    text = format_recurrence(recurrence)
    assume(not recurrence.axes[0].leaves or "(n)" in text or "leaves" in text)  # says it is a tree
    assert parse(text) == recurrence, text
