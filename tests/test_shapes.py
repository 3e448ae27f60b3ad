"""Shape inference: unification, conventions, contradictions."""

import pytest

import unroll
from unroll.symbolic.shapes import infer, resolve

RNN = unroll.template("rnn")


def shapes(text, **known):
    return infer(unroll.parse(text), known)


def test_a_few_sizes_give_all_the_others():
    found = infer(RNN, {"x": (4,), "h": (3,), "y": (2,)})
    assert found["W"] == (3, 3)
    assert found["U"] == (3, 4)
    assert found["V"] == (2, 3)
    assert found["b"] == (3,)
    assert found["c"] == found["o"] == found["yhat"] == (2,)
    assert found["L"] == found["J"] == ()


def test_sizes_that_nothing_fixes_stay_names():
    found = infer(RNN)
    assert found["W"] == (found["h"][0], found["h"][0])
    assert found["U"] == (found["h"][0], found["x"][0])
    assert len({found["h"], found["x"], found["y"]}) == 3


def test_open_sizes_take_the_default():
    assert infer(RNN, {"x": (4,)}, default=2)["U"] == (2, 4)


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("mu[t] = alpha * mu[t-1] + (1 - alpha) * v[t]", {"v": (3,)}, {"alpha": (), "mu": (3,)}),
        ("h[t] = a * h[t-1] + x[t]", {"x": (3,)}, {"a": (3,), "h": (3,)}),
        ("F[t] = F[t-1] + F[t-2]", {}, {"F": ()}),
        ("h[t] = W @ concat(h[t-1], x[t])", {"h": (3,), "x": (2,)}, {"W": (3, 5)}),
        ("S[t] = S[t-1] + k[t] @ v[t].T", {"k": (2,), "v": (3,)}, {"S": (2, 3)}),
        ("a[t] = k[t].T @ q[t]", {"k": (2,)}, {"a": (), "q": (2,)}),
        ("H[t] = tanh(x[t] @ W_xh + H[t-1] @ W_hh + b_h)", {"x": (4,), "H": (3,)},
         {"W_xh": (4, 3), "W_hh": (3, 3), "b_h": (3,)}),
        ("y[t] = softmax(o[t])", {"o": (3,)}, {"y": (3,)}),
        ("L[t] = squared_error(o[t], y[t])", {"o": (3,)}, {"y": (3,), "L": ()}),
    ],
)  # fmt: skip
def test_products_and_broadcasting_follow_the_letters(text, known, expected):
    found = shapes(text, **known)
    assert {name: found[name] for name in expected} == expected


def test_open_sizes_of_a_concatenation_add_up():
    found = infer(unroll.parse("h[t] = W @ concat(h[t-1], x[t], 1)"), default=3)
    assert found == {"h": (3,), "W": (3, 7), "x": (3,)}


def test_resolving_tells_products_apart():
    recurrence = unroll.parse(
        "H[t] = x[t] @ W + H[t-1] @ R; S[t] = k[t] @ v[t].T; a[t] = k[t].T @ k[t]; z[t] = eta @ k[t]"
    )
    found = infer(recurrence, {"x": (4,), "H": (3,), "k": (2,), "v": (5,), "eta": ()})
    texts = str(interface(resolve(recurrence, found))).splitlines()
    assert texts == [
        "H[t] = W.T @ x[t] + R.T @ H[t-1]",
        "S[t] = outer(k[t], v[t])",
        "a[t] = dot(k[t], k[t])",
        "z[t] = eta * k[t]",
    ]


def interface(recurrence):
    from unroll.language.printer import format_recurrence

    return format_recurrence(recurrence)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"U": (3, 5), "x": (4,)}, ["U is a matrix of 3 x 5", "x[t] is a vector of 4"]),
        ({"h": (3,), "b": (2,)}, ["3", "2"]),
        ({"V": (3,)}, ["V"]),
        ({"yhat": (2,), "y": (3,)}, ["2", "3"]),
    ],
)
def test_a_contradiction_names_both_sides_and_the_place(known, words):
    with pytest.raises(unroll.UnrollError) as caught:
        infer(RNN, known)
    text = str(caught.value)
    assert all(word in text for word in words)
    assert all(word in text for word in ("line", "column", "^"))
