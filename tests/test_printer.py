"""Canonical text reads back as the same recurrence, whatever the recurrence."""

from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.language.parser import parse
from unroll.language.printer import format_equation, format_expression, format_recurrence
from unroll.symbolic.expressions import (
    Call,
    Constant,
    Expression,
    Index,
    Range,
    Reference,
    call,
)
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import GIVEN, Axis, Equation, Recurrence

W, U, b = Reference("W"), Reference("U"), Reference("b")
h, x = Reference("h", (Index("t", -1),)), Reference("x", (Index("t"),))


def numbers() -> st.SearchStrategy[Expression]:
    finite = st.floats(allow_nan=False, allow_infinity=False)
    return st.builds(Constant, st.integers(-20, 20) | finite)


def leaves(letter: str) -> st.SearchStrategy[Expression]:
    bare = st.sampled_from(["W", "U_hh", "W_x_f", "b", "theta", "beta_1", "Wxh", "Deltat"])
    indexed = st.sampled_from(["h", "x", "yhat", "grad_h", "s2", "H"])
    indices = st.builds(Index, st.just(letter), st.integers(-3, 3)) | st.sampled_from(
        [Index("", 0), Index("", 3), Index("", -1), Index("tau"), Index("tau", -2)]
    )
    return (
        numbers()
        | st.builds(Reference, bare)
        | st.builds(lambda name, index: Reference(name, (index,)), indexed, indices)
        | st.sampled_from([Reference(letter), Reference("tau"), GIVEN])
    )


def calls(children: st.SearchStrategy[Expression], letter: str) -> st.SearchStrategy[Expression]:
    rows = st.sampled_from(sorted(OPERATIONS))
    opaque = st.sampled_from(["f", "g", "phi", "D1_f", "F", "net_in", "alpha", "sigma_g"])

    @st.composite
    def known(draw: st.DrawFn) -> Expression:
        row = OPERATIONS[draw(rows)]
        least, most = row.arity
        count = draw(st.integers(least, least + 2 if most is None else most))
        over = letter if row.over and draw(st.booleans()) else None
        return Call(row.name, tuple(draw(children) for _ in range(count)), over)

    @st.composite
    def unknown(draw: st.DrawFn) -> Expression:
        return Call(draw(opaque), tuple(draw(st.lists(children, max_size=3))))

    return known() | unknown()


def expressions(letter: str) -> st.SearchStrategy[Expression]:
    return st.recursive(leaves(letter), lambda c: calls(c, letter), max_leaves=12)


@st.composite
def recurrences(draw: st.DrawFn) -> Recurrence:
    """One equation for `q`, with any expression, range and axis."""
    letter = draw(st.sampled_from(["t", "k", "n", "i"]))
    axis = Axis(letter, draw(st.sampled_from(["tau", "n_x", "12", "T"])))

    def at_end(node: Expression) -> Expression:
        if isinstance(node, Reference) and node.name == "tau":
            return Reference(axis.length) if not axis.length.isdigit() else Constant(12)
        if isinstance(node, Reference) and node.indices and node.indices[0].base == "tau":
            return Reference(node.name, (axis.last.shift(node.indices[0].offset),))
        if isinstance(node, Call):
            return Call(node.operation, tuple(map(at_end, node.arguments)), node.over)
        return node

    body = at_end(draw(expressions(letter)))
    start = draw(st.sampled_from([None, Index("", 2), Index("", -1)]))
    stop = draw(st.sampled_from([None, axis.last.shift(-1), Index("", 7)]))
    target = Reference("q", (Index(letter),))
    ranges = (Range(letter, start, stop),) if start or stop else ()
    return Recurrence((Equation(target, body, ranges),), (axis,))


@settings(max_examples=400, deadline=None)
@given(recurrences())
def test_text_reads_back_as_the_same_recurrence(recurrence: Recurrence) -> None:
    text = format_recurrence(recurrence)
    again = parse(text)
    assert again == recurrence, text
    assert format_recurrence(again) == text


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_is_written_and_read(name: str) -> None:
    row = OPERATIONS[name]
    count = row.arity[0]
    node = Call(name, tuple([h, x, W, b][:count]))
    for shown in (node, call("negative", node), node**2, node.T, node + node, W @ node, node * x):
        equation = Equation(Reference("q", (Index("t"),)), shown)
        assert parse(format_equation(equation)).equations == (equation,)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (b + W @ h + U @ x, "b + W @ h[t-1] + U @ x[t]"),
        (b + (W @ h + U @ x), "b + (W @ h[t-1] + U @ x[t])"),
        (b - (h - x), "b - (h[t-1] - x[t])"),
        ((h - x) - b, "h[t-1] - x[t] - b"),
        (h * (x + b), "h[t-1] * (x[t] + b)"),
        ((h * x) @ W, "h[t-1] * x[t] @ W"),
        (h * (x @ W), "h[t-1] * (x[t] @ W)"),
        (-(h * x), "-(h[t-1] * x[t])"),
        ((-h) * x, "-h[t-1] * x[t]"),
        (-(h**2), "-h[t-1] ** 2"),
        ((-h) ** 2, "(-h[t-1]) ** 2"),
        (h ** (-x), "h[t-1] ** -x[t]"),
        ((h**x) ** b, "(h[t-1] ** x[t]) ** b"),
        (h ** (x**b), "h[t-1] ** x[t] ** b"),
        (W.T @ h, "W.T @ h[t-1]"),
        ((W @ h).T, "(W @ h[t-1]).T"),
        (-(W.T), "-W.T"),
        ((-W).T, "(-W).T"),
        (Constant(-2) * x, "-2 * x[t]"),
        (Constant(-2) ** x, "(-2) ** x[t]"),
        (call("negative", 2), "negative(2)"),
        (1 - h, "1 - h[t-1]"),
        (Constant(0.1) + Constant(1e-8), "0.1 + 1e-08"),
        (call("less", h, x) * 2, "(h[t-1] < x[t]) * 2"),
        (call("sum", x, over="t"), "sum(x[t], t)"),
        (call("F", x), "F(x[t],)"),
        (call("F", x, b), "F(x[t], b)"),
        (GIVEN, "given"),
    ],
)
def test_brackets_stand_only_where_they_are_needed(expression: Expression, text: str) -> None:
    assert format_expression(expression) == text


def test_long_chains_are_written_without_brackets() -> None:
    terms = [Reference(f"b{i}") for i in range(50)]
    assert format_expression(reduce(lambda a, c: a + c, terms)) == " + ".join(t.name for t in terms)


def test_a_range_is_written_behind_its_equation() -> None:
    text = (
        "h[t] = x[t] for t >= 2\n"
        "o[t] = x[t] for t <= tau-1\n"
        "s[t] = x[t] for t = 2..5\n"
        "h[1] = 0\n"
        "o[tau] = 0"
    )
    assert format_recurrence(parse(text)) == text


def test_an_axis_is_declared_only_where_its_length_has_a_name() -> None:
    assert format_recurrence(parse("k = 1..n_x\nh[k] = x[k]")) == "k = 1..n_x\nh[k] = x[k]"
    assert format_recurrence(parse("h_k = x_k")) == "h[k] = x[k]"
    assert format_recurrence(parse("t = 1..10\nh[t] = x[t]\no[10] = 0")).startswith("t = 1..10\n")


def test_a_time_constant_called_tau_stays_a_parameter() -> None:
    recurrence = parse(r"x_t = e^{-1/\tau} x_{t-1} + u_t")
    assert recurrence.axes == (Axis("t", "T"),)
    assert "tau" in recurrence.parameters
    assert parse(format_recurrence(recurrence)) == recurrence
