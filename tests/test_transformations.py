"""Recurrence to recurrence: hide, expand, bind; and the values stay what they were."""

import numpy as np
import pytest

import unroll

RNN = unroll.template("rnn")


def test_inline_puts_the_definition_where_it_was_used():
    hidden = RNN.inline("a")
    assert "h[t] = tanh(b + W @ h[t-1] + U @ x[t])" in str(hidden)
    assert "a" not in hidden.names


def test_inlining_keeps_every_value_and_gradient():
    full = RNN.run(steps=4, seed=3)
    hidden = RNN.inline("a", "yhat").run(steps=4, seed=3)
    for name in ("h", "o", "L", "J"):
        np.testing.assert_allclose(hidden[name], full[name], rtol=1e-14)
    for name in ("W", "U", "V", "b", "c", "x"):
        np.testing.assert_allclose(hidden.gradient(name), full.gradient(name), rtol=1e-12)


def test_hiding_what_nothing_uses_drops_it():
    assert "J" not in RNN.hide("J").names


@pytest.mark.parametrize(
    ("name", "words"),
    [("h", "h cannot be hidden"), ("g", "no variable 'g'"), ("yhet", "did you mean 'yhat'")],
)
def test_what_cannot_be_hidden_says_why(name, words):
    with pytest.raises(unroll.UnrollError, match=words):
        RNN.inline(name)


def test_expand_gives_one_operation_an_equation():
    expanded = RNN.expand()
    assert "a_1[t] = W @ h[t-1]" in str(expanded)
    for equation in expanded.equations:
        for argument in getattr(equation.expression, "arguments", ()):
            assert not hasattr(argument, "arguments")


def test_expand_keeps_every_value_and_gradient():
    full, expanded = RNN.run(steps=4, seed=3), RNN.expand().run(steps=4, seed=3)
    for name in ("h", "o", "J"):
        np.testing.assert_allclose(expanded[name], full[name], rtol=1e-14)
    for name in ("W", "U", "V", "b", "c", "x"):
        np.testing.assert_allclose(expanded.gradient(name), full.gradient(name), rtol=1e-12)


def test_bind_defines_an_opaque_function():
    opaque = unroll.parse("s_t = f(s_<t-1>, x_t; θ)")
    bound = opaque.bind("f(s, x, theta) = tanh(theta @ concat(s, x))")
    assert str(bound) == "s[t] = tanh(theta @ concat(s[t-1], x[t]))"


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("g(s) = tanh(s)", "no opaque function 'g'"),
        ("f(s) = tanh(s)", "called with 3 arguments"),
    ],
)
def test_a_definition_that_does_not_fit_is_refused(definition, words):
    with pytest.raises(unroll.UnrollError, match=words):
        unroll.parse("s_t = f(s_<t-1>, x_t; θ)").bind(definition)
