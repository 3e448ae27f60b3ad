"""What can be read off a recurrence: names, roles, the objective, and which equation holds where."""

import pytest

import unroll


def pieces(text, name, steps):
    recurrence = unroll.parse(text)
    found = recurrence.boxes(name, recurrence.sizes(steps))
    return [(str(e.target), *(box[0] if box else (0, 0))) for e, box in found]


def test_roles_are_read_off_the_equations():
    recurrence = unroll.template("rnn")
    roles = {name: recurrence.role(name) for name in recurrence.names}
    assert roles == {
        "a": "operation", "h": "state", "o": "output", "yhat": "output", "L": "loss", "J": "loss",
        "x": "input", "y": "input",
        "b": "parameter", "W": "parameter", "U": "parameter", "c": "parameter", "V": "parameter",
    }  # fmt: skip


def test_what_is_called_and_not_known_is_opaque():
    assert unroll.parse("s[t] = f(tanh(s[t-1]), theta)").functions == ("f",)


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("h[t] = tanh(h[t-1]); J = sum(h[t], t)", "J"),
        ("h[t] = tanh(h[t-1]); L[t] = squared_error(h[t], y[t])", "L"),
        ("h[t] = tanh(h[t-1]); L[t] = (h[t] - y[t]) ** 2", "L"),
        ("h[t] = tanh(h[t-1])", None),
    ],
)
def test_the_objective_is_found(text, objective):
    assert unroll.parse(text).objective() == objective


def test_an_ambiguous_objective_lists_the_candidates():
    with pytest.raises(unroll.UnrollError, match="J, K"):
        unroll.parse("h[t] = tanh(h[t-1]); J = sum(h[t], t); K = sum(h[t], t)").objective()


@pytest.mark.parametrize(
    ("text", "steps", "expected"),
    [
        ("h[t] = h[t-1]", 4, [("h[t]", 1, 4)]),
        ("h[0] = h0; h[t] = h[t-1]", 4, [("h[0]", 0, 0), ("h[t]", 1, 4)]),
        ("h[t] = h[t-1]; h[3] = x[3]", 5, [("h[t]", 1, 2), ("h[3]", 3, 3), ("h[t]", 4, 5)]),
        ("h[t] = h[t-1]; h[3] = x[3]", 2, [("h[t]", 1, 2)]),
        ("h[t] = h[t-1]; h[tau] = x[tau]", 3, [("h[t]", 1, 2), ("h[tau]", 3, 3)]),
        ("h[t] = h[t-1]; h[tau] = x[tau]", 1, [("h[tau]", 1, 1)]),
        ("h[t] = x[t]; h[tau-1] = x[tau]", 1, [("h[t]", 1, 1)]),
        ("h[t] = x[t] for t = 1..2; h[t] = h[t-1] for t = 3..tau", 4,
         [("h[t]", 1, 2), ("h[t]", 3, 4)]),
        ("h[t] = x[t] for t = 1..2; h[t] = h[t-1] for t = 3..tau", 1, [("h[t]", 1, 1)]),
        ("J = sum(x[t], t)", 4, [("J", 0, 0)]),
    ],
)  # fmt: skip
def test_the_more_specific_equation_holds(text, steps, expected):
    name = expected[0][0].split("[")[0]
    assert pieces(text, name, steps) == expected


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_gradients_are_right_where_points_lie_beyond_the_last_step(steps):
    text = "h[t] = tanh(w * h[t-1] + x[t]); h[3] = tanh(v * x[3]); J = sum(h[t] ** 2, t)"
    assert unroll.parse(text).check(steps=steps).worst < 1e-6
