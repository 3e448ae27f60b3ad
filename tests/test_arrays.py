"""What is checked before a run: names, shapes, batches, targets."""

import numpy as np
import pytest

import unroll
from unroll.errors import UnrollError
from unroll.language.parser import parse
from unroll.numeric.arrays import prepare
from unroll.numeric.execution import run

RNN = parse("""h[t] = tanh(b + W_hh @ h[t-1] + U @ x[t])
yhat[t] = softmax(V @ h[t])
J = sum(cross_entropy(yhat[t], y[t]), t)""")


def arrays(**changes):
    random = np.random.default_rng(0)
    shapes = {"b": (3,), "W_hh": (3, 3), "U": (3, 2), "V": (4, 3), "x": (5, 2)}
    found = {n: random.normal(size=s) for n, s in shapes.items()} | {"y": np.array([0, 1, 2, 3, 0])}
    found.update(changes)
    return {n: a for n, a in found.items() if a is not None}


@pytest.mark.parametrize("name", ["W_{hh}", "Whh", "W_hh"])
def test_every_spelling_finds_its_name(name):
    given = arrays(**{"W_hh": None, name: np.eye(3)})
    assert np.array_equal(prepare(RNN, given).arrays["W_hh"], np.eye(3))


def test_unicode_spellings():
    recurrence = parse("ŷ[t] = θ * ŷ[t-1] + x[t]")
    for name in ("θ", "theta", r"\theta"):
        assert run(recurrence, {name: 0.5, "x": [1.0, 1.0]})["yhat"].tolist() == [1, 1.5]


def test_classes_and_one_hot_are_the_same():
    by_class, one_hot = run(RNN, arrays()), run(RNN, arrays(y=np.eye(4)[[0, 1, 2, 3, 0]]))
    whole = run(RNN, arrays(y=np.eye(4, dtype=int)[[0, 1, 2, 3, 0]]))
    assert by_class.loss == one_hot.loss == whole.loss


def test_a_batch_of_classes():
    x, y = np.ones((5, 6, 2)), np.arange(30).reshape(5, 6) % 4
    trace = run(RNN, arrays(x=x, y=y))
    assert trace["y"].shape == (5, 6, 4)
    assert trace["h"].shape == (5, 6, 3)
    assert trace.gradient("x").shape == (5, 6, 2)
    assert trace.gradient("U").shape == (3, 2)


def test_a_batch_as_large_as_a_vector_is_no_matrix():
    trace = run(
        parse("h[t] = tanh(W @ h[t-1] + U @ x[t])"),
        {
            "W": np.eye(2),
            "U": np.eye(2),
            "x": np.ones((4, 2, 2)),
        },
    )
    assert trace.batched == {"x", "h"}
    assert trace.shapes["h"] == (2,)


def test_a_given_initial_value():
    for start in (np.ones(3), np.ones((6, 3))):
        batch = np.ones((5, 6, 2))
        trace = run(RNN, arrays(x=batch, y=np.zeros((5, 6), int), **{"h[0]": start}))
        assert trace.gradient("h[0]").shape == start.shape
        assert trace.initial("h").shape == (6, 3)
    assert run(RNN, arrays()).initial("h") is None


WRONG = {
    "missing: V": (arrays(V=None), r"missing arrays: V \(n_V, 3\)|missing arrays: V \(.*3\)"),
    "unknown": (arrays(Q=np.eye(2)), "no 'Q'"),
    "misspelt": (arrays(yha=np.eye(2)), "Did you mean 'yhat'"),
    "computed": (arrays(h=np.eye(2)), "h is computed"),
    "input's length": (arrays(x=np.ones((5, 7))), r"x has shape \(5, 7\); expected \(tau, 2\)"),
    "parameter": (arrays(W_hh=np.ones((3, 4))), r"W_hh has shape \(3, 4\); expected \(3, 3\)"),
    "rank": (arrays(b=np.ones((3, 3, 3))), r"b has shape \(3, 3, 3\); expected \(3,\)"),
    "steps": (arrays(x=np.ones((4, 2))), r"number of steps differs.*shape \(4, 2\)"),
    "batch": (
        arrays(x=np.ones((5, 6, 2)), y=np.zeros((5, 7), int)),
        "y has a batch of 7; expected 6",
    ),
    "class": (arrays(y=np.array([0, 1, 2, 3, 4])), "class 4; expected classes 0 to 3"),
    "distribution": (arrays(y=np.ones((5, 4))), "y is a target"),
    "nan": (arrays(U=np.full((3, 2), np.nan)), r"U is nan at \(0, 0\)"),
    "infinite": (arrays(x=np.array([[0, 0]] * 4 + [[0, np.inf]])), r"x is inf at \(4, 1\)"),
    "text": (arrays(U=np.array([["a"]])), "U holds <U1"),
    "complex": (arrays(U=np.ones((3, 2), complex)), "U holds complex128"),
    "ragged": (arrays(U=[[1, 2], [3]]), "rows differ in length"),
    "empty": (arrays(x=np.ones((0, 2))), r"x is empty: its shape is \(0, 2\)"),
    "no steps": (arrays(x=np.float64(1)), r"x has shape \(\)"),
    "twice": (arrays(Whh=np.eye(3)), "W_hh is given twice"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_said(name):
    given, message = WRONG[name]
    with pytest.raises(UnrollError, match=message):
        run(RNN, given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps = 0"),
        ({"steps": 2.5}, "steps = 2.5"),
        ({"steps": 10**30}, "steps = 10"),
        ({"steps": 2**31 - 1, "dims": {"x": 2**20}}, "of memory"),
        ({"dims": {"q": 3}}, "there is no 'q'"),
        ({"dims": {"x": 0}}, "x = 0 is not a length"),
        ({"dims": {"x": "a"}}, "is not a length"),
        ({"dtype": int}, "not supported"),
        ({"dtype": "float16"}, "not supported"),
        ({"of": "Q"}, "no variable 'Q'"),
    ],
)
def test_arguments_that_make_no_sense(arguments, message):
    with pytest.raises(UnrollError, match=message):
        run(RNN, **arguments)


def test_given_steps_must_agree_with_the_arrays():
    with pytest.raises(UnrollError, match="number of steps differs"):
        run(RNN, arrays(), steps=4)


def test_a_computed_initial_value_cannot_be_given():
    recurrence = parse("h[0] = tanh(k)\nh[t] = a * h[t-1]")
    with pytest.raises(UnrollError, match="given"):
        run(recurrence, {"h[0]": 1.0, "a": 1.0, "k": 1.0}, steps=2)


def test_an_axis_whose_length_the_text_says_needs_no_steps():
    recurrence = unroll.parse("t = 1..7\nh[t] = h[t-1] + x[t]")
    assert recurrence.run()["h"].shape == (7,)
