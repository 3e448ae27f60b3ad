"""Systems of equations that are no recurrence."""

import pytest

from unroll.errors import UnrollError
from unroll.language.parser import parse
from unroll.symbolic.expressions import Index, Reference, call
from unroll.symbolic.recurrence import Equation, Recurrence
from unroll.symbolic.validation import validate

t = (Index("t"),)
h, x = Reference("h", t), Reference("x", t)

REFUSED = [
    ("h[t] = o[t]; o[t] = h[t]", "an algebraic loop: h[t] -> o[t] -> h[t] within one step"),
    ("a[t] = b[t]; b[t] = c[t]; c[t] = a[t] + x[t]", "a[t] -> b[t] -> c[t] -> a[t]"),
    ("h[t] = tanh(h[t])", "an algebraic loop: h[t] -> h[t] within one step"),
    ("a = b + 1; b = a", "an algebraic loop: a -> b -> a"),
    ("h[t] = h[t-1] + h[t+1]", "h[t] needs h[t-1], and h[t] needs h[t+1]"),
    ("h[t] = g[t-1]; g[t] = h[t+2]", "h[t] needs g[t-1], and g[t] needs h[t+2]"),
    ("h[t] = x[t]; h[t] = y[t]", "h[t] is defined twice"),
    ("h[t] = x[t] for t >= 2; h[t] = y[t] for t <= 3", "h[t] is defined twice"),
    ("h[0] = 1; h[0] = 2; h[t] = h[t-1]", "h[0] is defined twice"),
    ("c = 1; c = 2", "c is defined twice"),
    ("h[t] = c; h = c", "h is a variable without an axis, and cannot be indexed"),
    ("h[t] = W[t] @ x[t] + W", "W is a parameter, used bare elsewhere"),
    ("h[t] = h[t-1]; y[1] = h", "h stands here without an index, and as h[t] elsewhere"),
    ("h[0] = x[t]; h[t] = h[t-1]", "nothing binds the index t of x[t]"),
    ("h[0] = t; h[t] = h[t-1]", "nothing binds t here"),
    ("h[t] = tanh(x[t], 1)", "tanh takes 1 argument, not 2"),
    ("h[t] = where(x[t], 1)", "where takes 3 arguments, not 2"),
    ("h[t] = concat()", "concat takes 1 or more arguments, not 0"),
    ("t = 3", "t is an index and cannot be defined"),
    ("tau = 3", "tau is the length of the axis and cannot be defined"),
    ("f[t] = f(x[t], 1)", "f is a variable here and a function elsewhere"),
    ("h[t] = log", "log is a function and needs an argument"),
    ("", "there is no equation"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(UnrollError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "h[t] = h[t-1] + h[t-2]",
        "g[t] = g[t+1] + h[t]; h[t] = h[t-1]",
        "h[t] = x[t] for t = 2..5; h[t] = y[t] for t >= 6; h[1] = 0",
        "h[t] = x[t] for t <= tau-1; h[tau] = 0",
        "h[t] = tanh(W @ h[t-1]); c = V @ h[tau]; s[t] = s[t-1] + c",
        "L_total = sum(L[t], t); L[t] = x[t]",
        "h[0] = h[tau]; h[t] = x[t]",
    ],
)
def test_accepted(text: str) -> None:
    recurrence = parse(text)
    assert validate(recurrence) is recurrence


def test_expressions_built_by_hand_are_checked_too() -> None:
    deep = x
    for _ in range(300):
        deep = call("tanh", deep)
    for equation in (
        Equation(h, deep),
        Equation(h, Reference("x", (Index("k"),))),
        Equation(h, call("sum", x, over="k")),
        Equation(Reference("h", (Index("t", 1),)), x),
        Equation(Reference("h", (Index("t"), Index("t"))), x),
        Equation(Reference("c"), x),
    ):
        with pytest.raises(UnrollError):
            validate(Recurrence((equation,)))
