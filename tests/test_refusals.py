"""What is refused, and in which words: the whole message, with the caret."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.errors import UnrollError
from unroll.language.parser import parse
from unroll.language.printer import format_recurrence

MESSAGES = [
    (
        "h_t = tanh(W h_{t-1}",
        "recurrence, line 1, column 11: this ( is never closed\n"
        "  h_t = tanh(W h_{t-1}\n"
        "            ^\n"
        "Add the ) that belongs to it.",
    ),
    (
        "h_t = \\tanh(W_{hh h_{t-1})",
        "recurrence, line 1, column 15: this { is never closed\n"
        "  h_t = \\tanh(W_{hh h_{t-1})\n"
        "                ^\n"
        "Add the } that belongs to it.",
    ),
    (
        "h_t = W h_{t-1})",
        "recurrence, line 1, column 16: this ) closes nothing\n"
        "  h_t = W h_{t-1})\n"
        "                 ^\n"
        "Delete it, or open one before it.",
    ),
    (
        "h_t = (x_t]",
        "recurrence, line 1, column 11: this ] closes a (\n"
        "  h_t = (x_t]\n"
        "            ^\n"
        "Write ) here, or open another bracket before.",
    ),
    (
        "h_t =",
        "recurrence, line 1, column 5: the equation has no right-hand side\n"
        "  h_t =\n"
        "      ^\n"
        "Write what follows the =.",
    ),
    (
        "h_t = W +",
        "recurrence, line 1, column 9: the equation ends where something should follow +\n"
        "  h_t = W +\n"
        "          ^\n"
        "Write what is missing, or delete it.",
    ),
    (
        "h_t = * W",
        "recurrence, line 1, column 7: = is followed by *\n"
        "  h_t = * W\n"
        "        ^\n"
        "Put a name or a number between them.",
    ),
    (
        "h_t = x^2^3",
        "recurrence, line 1, column 10: two exponents stand on one name\n"
        "  h_t = x^2^3\n"
        "           ^^\n"
        "Write which power is meant: (x ** 2) ** 3, or x ** (2 ** 3).",
    ),
    (
        "h_t = (x)^2^3",
        "recurrence, line 1, column 12: two exponents stand on one name\n"
        "  h_t = (x)^2^3\n"
        "             ^\n"
        "Write which power is meant: (x ** 2) ** 3, or x ** (2 ** 3).",
    ),
    (
        "h[t] = x[j]",
        "recurrence, line 1, column 8: nothing binds the index j of x[j]\n"
        "  h[t] = x[j]\n"
        "         ^^^^\n"
        "Put j on the left, as in h[t, j] = ..., or reduce over it: sum(x[j], j).",
    ),
    (
        "h[0] = W @ x[t]",
        "recurrence, line 1, column 12: nothing binds the index t of x[t]\n"
        "  h[0] = W @ x[t]\n"
        "             ^^^^\n"
        "Put t on the left, as in h[t] = ..., or reduce over it: sum(x[t], t).",
    ),
    (
        "J = sum(L[k], t)\nL[t]=x[t]",
        "recurrence, line 1, column 9: nothing binds the index k of L[k]\n"
        "  J = sum(L[k], t)\n"
        "          ^^^^\n"
        "Put k on the left, as in J[k] = ..., or reduce over it: sum(L[k], k).",
    ),
    (
        "h_t = x_1 + \\dots + x_t",
        "recurrence, line 1, column 13: dots stand inside the formula\n"
        "  h_t = x_1 + \\dots + x_t\n"
        "              ^^^^^\n"
        "Write out what stands between, or a sum over the axis: sum(x[t], t).",
    ),
    (
        "self.h = tanh(x)",
        "recurrence, line 1, column 5: the attribute .h is not part of an equation\n"
        "  self.h = tanh(x)\n"
        "      ^^\n"
        "Write bare names, as in h[t]; .T alone is read, as the transpose.",
    ),
    (
        "h[t] = self.W @ x[t]",
        "recurrence, line 1, column 12: the attribute .W is not part of an equation\n"
        "  h[t] = self.W @ x[t]\n"
        "             ^^\n"
        "Write bare names, as in h[t]; .T alone is read, as the transpose.",
    ),
    (
        "the state is updated at each step",
        "recurrence, line 1, column 1: this is not an equation\n"
        "  the state is updated at each step\n"
        "  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "Write name[t] = expression, one equation a line; remarks begin with #.",
    ),
    (
        "h_t = the new state if x",
        "recurrence, line 1, column 7: the and new stand side by side, as in a sentence\n"
        "  h_t = the new state if x\n"
        "        ^^^^^^^\n"
        "Write the * new if they are variables; remarks begin with #.",
    ),
    (
        "\\write18{rm}",
        "recurrence, line 1, column 1: the command \\write is not known here\n"
        "  \\write18{rm}\n"
        "  ^^^^^^\n"
        "Write it in plain text, or leave it out.",
    ),
    (
        "\\input{file}",
        "recurrence, line 1, column 1: the command \\input is not known here\n"
        "  \\input{file}\n"
        "  ^^^^^^\n"
        "Write it in plain text, or leave it out.",
    ),
    (
        "h_t = \\tanhh x_t",
        "recurrence, line 1, column 7: the command \\tanhh is not known here\n"
        "  h_t = \\tanhh x_t\n"
        "        ^^^^^^\n"
        "Did you mean \\tanh?",
    ),
    (
        "h_t = x\u202e_t",
        "recurrence, line 1, column 8: the text contains U+202E (right-to-left override), which cannot be seen\n"
        "  h_t = x�_t\n"
        "         ^\n"
        "Delete it, or type the line again.",
    ),
    (
        "h_t = x\x00",
        "recurrence, line 1, column 8: the text contains U+0000 (a control character), which cannot be seen\n"
        "  h_t = x�\n"
        "         ^\n"
        "Delete it, or type the line again.",
    ),
    (
        "a = b = c",
        "recurrence, line 1, column 7: a second = stands in one equation\n"
        "  a = b = c\n"
        "        ^\n"
        "Write an equation for each, one a line; equality as a number is ==.",
    ),
    (
        "h_t = tnah(x_t)",
        "recurrence, line 1, column 7: there is no function tnah\n"
        "  h_t = tnah(x_t)\n"
        "        ^^^^\n"
        "Did you mean tanh?",
    ),
    (
        "y_t = sofmax(o_t)",
        "recurrence, line 1, column 7: there is no function sofmax\n"
        "  y_t = sofmax(o_t)\n"
        "        ^^^^^^\n"
        "Did you mean softmax?",
    ),
    (
        "h_t = f_t c_{t-1}\nc_t = h_t",
        "recurrence, line 1, column 7: f[t] and c[t-1] stand side by side, and it is open which product is meant\n"
        "  h_t = f_t c_{t-1}\n"
        "        ^^^^^^^^^^^\n"
        "Write f[t] * c[t-1] for the product entry by entry, or f[t].T @ c[t-1] for the inner product.",
    ),
    (
        "h_t = a_t / b_t c_t",
        "recurrence, line 1, column 7: it is open how far this division goes\n"
        "  h_t = a_t / b_t c_t\n"
        "        ^^^^^^^^^^^^^\n"
        "Write a / (b * c), or (a / b) * c.",
    ),
    (
        "h[t] = 3[t]",
        "recurrence, line 1, column 9: a number cannot be indexed\n"
        "  h[t] = 3[t]\n"
        "          ^^^\n"
        "Index names only: tanh(h[t-1]), not tanh(h)[t-1].",
    ),
    (
        "h[t] = tanh(x)[t]",
        "recurrence, line 1, column 15: what stands in brackets cannot be indexed\n"
        "  h[t] = tanh(x)[t]\n"
        "                ^^^\n"
        "Index names only: tanh(h[t-1]), not tanh(h)[t-1].",
    ),
    (
        "h[t] = tanh(x[t])_{t-1}",
        "recurrence, line 1, column 18: an index stands behind a bracket\n"
        "  h[t] = tanh(x[t])_{t-1}\n"
        "                   ^\n"
        "Index the names inside: tanh(h[t-1]), not tanh(h)[t-1].",
    ),
    (
        "h[t] = W[t-1] @ x[t]\no[t] = W @ h[t]",
        "recurrence, line 1, column 8: W is a parameter, used bare elsewhere, and cannot be indexed as in W[t-1]\n"
        "  h[t] = W[t-1] @ x[t]\n"
        "         ^^^^^^\n"
        "Write W everywhere, or W[t] everywhere.",
    ),
    (
        "h[t] = o[t]\no[t] = h[t]",
        "recurrence, line 1, column 8: an algebraic loop: h[t] -> o[t] -> h[t] within one step\n"
        "  h[t] = o[t]\n"
        "         ^^^^\n"
        "Put a delay into it, as in o[t-1].",
    ),
    (
        "h[t] = h[t-1] + g[t]\ng[t] = g[t+1] + h[t]",
        "recurrence, line 1, column 17: an algebraic loop: h[t] -> g[t] -> h[t] within one step\n"
        "  h[t] = h[t-1] + g[t]\n"
        "                  ^^^^\n"
        "Put a delay into it, as in g[t-1].",
    ),
    (
        "h[t] = x[t]\nh[t] = y[t]",
        "recurrence, line 2, column 1: h[t] is defined twice, first in line 1\n"
        "  h[t] = y[t]\n"
        "  ^^^^\n"
        "Delete one of the equations, or give them ranges that do not overlap: for t = 2..tau.",
    ),
    (
        "h[t] = x[t] for t >= 2\nh[t] = y[t] for t = 5..9",
        "recurrence, line 2, column 1: h[t] is defined twice, first in line 1\n"
        "  h[t] = y[t] for t = 5..9\n"
        "  ^^^^\n"
        "Delete one of the equations, or give them ranges that do not overlap: for t = 2..tau.",
    ),
    (
        "h[t] = tanh(x[t], y[t])",
        "recurrence, line 1, column 8: tanh takes 1 argument, not 2\n"
        "  h[t] = tanh(x[t], y[t])\n"
        "         ^^^^^^^^^^^^^^^^\n"
        "Write tanh(a): hyperbolic tangent.",
    ),
    (
        "h[t] = cross_entropy(x[t])",
        "recurrence, line 1, column 8: cross_entropy takes 2 arguments, not 1\n"
        "  h[t] = cross_entropy(x[t])\n"
        "         ^^^^^^^^^^^^^^^^^^^\n"
        "Write cross_entropy(a, b): -sum(y * log(p)): p probabilities, y a distribution or a class.",
    ),
    (
        "t = 3",
        "recurrence, line 1, column 1: t is an index and cannot be defined\n"
        "  t = 3\n"
        "  ^\n"
        "Choose another name, or declare a length: t = 1..n.",
    ),
    (
        "tau = 4",
        "recurrence, line 1, column 1: tau is the length of the axis and cannot be defined\n"
        "  tau = 4\n"
        "  ^^^\n"
        "Choose another name, or declare a length: t = 1..n.",
    ),
    (
        "",
        "there is no equation\nWrite at least one, as in h[t] = tanh(W @ h[t-1] + U @ x[t]).",
    ),
    (
        "# nothing",
        "there is no equation\nWrite at least one, as in h[t] = tanh(W @ h[t-1] + U @ x[t]).",
    ),
    (
        "f(x) = tanh(x)",
        "recurrence, line 1, column 1: f(...) on the left defines a function, and not a variable\n"
        "  f(x) = tanh(x)\n"
        "  ^^^^\n"
        'Write f[t] = ..., or bind the function: recurrence.bind("f(...) = ...").',
    ),
    (
        "W h_t = x_t",
        "recurrence, line 1, column 3: the left-hand side must be one name\n"
        "  W h_t = x_t\n"
        "    ^^^\n"
        "Write name[t] = expression, and bring everything else to the right.",
    ),
    (
        "h_t = , x_t",
        "recurrence, line 1, column 7: a comma stands outside a function's brackets\n"
        "  h_t = , x_t\n"
        "        ^\n"
        "Write one equation a line; join vectors as [a, b].",
    ),
    (
        "h_t = () + 1",
        "recurrence, line 1, column 7: the brackets are empty\n"
        "  h_t = () + 1\n"
        "        ^^\n"
        "Put something inside.",
    ),
    (
        "h_t = ∇L",
        "recurrence, line 1, column 7: a derivative stands in the equation\n"
        "  h_t = ∇L\n"
        "        ^\n"
        "Write the forward equations only: the derivatives are derived from them.",
    ),
    (
        "h_t = \\frac{\\partial L}{\\partial x}",
        "recurrence, line 1, column 13: a derivative stands in the equation\n"
        "  h_t = \\frac{\\partial L}{\\partial x}\n"
        "              ^^^^^^^^\n"
        "Write the forward equations only: the derivatives are derived from them.",
    ),
    (
        "h_t = tanh",
        "recurrence, line 1, column 7: tanh is a function and needs an argument\n"
        "  h_t = tanh\n"
        "        ^^^^\n"
        "Write tanh(x), or choose another name for a parameter.",
    ),
    (
        "h_t = \\tanh^{-1}(x_t)",
        "recurrence, line 1, column 13: tanh^-1 could be a power or the inverse function\n"
        "  h_t = \\tanh^{-1}(x_t)\n"
        "              ^^^^\n"
        "Write the power behind the bracket, as in tanh(x) ** 2.",
    ),
    (
        "h_t = |x_t",
        "recurrence, line 1, column 8: a | is opened and never closed\n"
        "  h_t = |x_t\n"
        "         ^\n"
        "Write |x| or abs(x).",
    ),
    (
        "h_t = x_t for s > 1",
        "recurrence, line 1, column 1: h_t has no index s that a range could restrict\n"
        "  h_t = x_t for s > 1\n"
        "  ^^^\n"
        "Define h_t[s], or leave the range out.",
    ),
    (
        "c = x for t > 1",
        "recurrence, line 1, column 1: c has no index t that a range could restrict\n"
        "  c = x for t > 1\n"
        "  ^\n"
        "Define c[t], or leave the range out.",
    ),
    (
        "h[t] = x[t-k]",
        "recurrence, line 1, column 9: the index [t-k] of x cannot be read\n"
        "  h[t] = x[t-k]\n"
        "          ^^^^^\n"
        "An index is t, t-1, t+1 or a number, as in x[t-1]; several are separated by commas, as in x[l, t-1].",
    ),
    (
        "\\sum_{t=2}^{T} x_t = 3",
        "recurrence, line 1, column 1: the left-hand side must be one name\n"
        "  \\sum_{t=2}^{T} x_t = 3\n"
        "  ^^^^^^^^^^^^^^\n"
        "Write name[t] = expression, and bring everything else to the right.",
    ),
    (
        "h[t] = x[t] ? 2",
        "recurrence, line 1, column 13: the character '?' is not part of an equation\n"
        "  h[t] = x[t] ? 2\n"
        "              ^\n"
        "Delete it.",
    ),
    (
        "h[t] = h[0] = 1",
        "recurrence, line 1, column 13: a second = stands in one equation\n"
        "  h[t] = h[0] = 1\n"
        "              ^\n"
        "Write an equation for each, one a line; equality as a number is ==.",
    ),
    (
        "= 3",
        "recurrence, line 1, column 1: the equation has no left-hand side\n"
        "  = 3\n"
        "  ^\n"
        "Write what it defines, as in h[t] =",
    ),
    (
        "h_t = f(x_t) = 3",
        "recurrence, line 1, column 14: a second = stands in one equation\n"
        "  h_t = f(x_t) = 3\n"
        "               ^\n"
        "Write an equation for each, one a line; equality as a number is ==.",
    ),
    (
        "h[t]=c\nc=h[t]",
        "recurrence, line 1, column 6: an algebraic loop: h[t] -> c[t] -> h[t] within one step\n"
        "  h[t]=c\n"
        "       ^\n"
        "Put a delay into it, as in c[t-1].",
    ),
    (
        "x[t] = y[t]; y[1]=x",
        "recurrence, line 1, column 19: x stands here without an index, and as x[t] elsewhere\n"
        "  x[t] = y[t]; y[1]=x\n"
        "                    ^\n"
        "Write x[t] for the value at this step.",
    ),
    (
        "ℎ[t] = h[t] + 1",
        "recurrence, line 1, column 8: an algebraic loop: h[t] -> h[t] within one step\n"
        "  ℎ[t] = h[t] + 1\n"
        "         ^^^^\n"
        "Put a delay into it, as in h[t-1].",
    ),
    (
        "h_t = the new state",
        "recurrence, line 1, column 7: the and new stand side by side, as in a sentence\n"
        "  h_t = the new state\n"
        "        ^^^^^^^\n"
        "Write the * new if they are variables; remarks begin with #.",
    ),
    (
        "h_t = h_{t-1} for x = 2..tau",
        "recurrence, line 1, column 1: h[t] has no index x that a range could restrict\n"
        "  h_t = h_{t-1} for x = 2..tau\n"
        "  ^^^\n"
        "Define h[x], or leave the range out.",
    ),
]


@pytest.mark.parametrize(("text", "message"), MESSAGES)
def test_messages(text: str, message: str) -> None:
    with pytest.raises(UnrollError) as caught:
        parse(text)
    assert str(caught.value) == message


REFUSED = {
    "an infinite sum": (
        r"G_t = \sum_{k=0}^{\infty} \gamma^k R_{t+k+1}",
        r"\infty",
        "G[t] = R[t+1]",
    ),
    "a symbolic order": (r"y[n] = \sum_{k=0}^{M} b_k x[n-k]", r"\sum", "numbers"),
    "a season of unknown length": ("s_t = a s_{t-m}", "_{t-m}", "s[t-12]"),
    "a convolution": (r"y_t = \sum_{i=0}^{k} w_i x_{t-i}", r"\sum", "numbers"),
    "a grandchild": ("h[n] = tanh(h[left(right(n))] + x[n])", "[left(right(n))]", "g[n] ="),
    "a neighbour before": ("h[n] = tanh(h[left(n-1)] + x[n])", "[left(n-1)]", "g[n] ="),
    "a look-up": (r"h_t = W h_{t-1} + E_{x_t}", "_{x_t}", "E[x[t], :]"),
    "a remark": (r"h_t = x_t, where x_t is the input", "where", "#"),
    "a stacked letter": (r"h_t = \overset{a}{W} x_t", r"\overset", "name"),
    "an inverse function": (r"h_t = \tanh^{-1}(x_t)", "{-1}", "tanh(x) ** 2"),
    "two vectors": (r"h_t = f_t c_{t-1}", "f_t c_{t-1}", "f[t] * c[t-1]"),
    "a chain": ("a_t = b_t = x_t", "= x", "=="),
    "dots": (r"h_t = x_1 + \cdots + x_t", r"\cdots", "sum(x[t], t)"),
    "object code": ("self.h = tanh(x)", ".h", "h[t]"),
    "a shell": (r"h_t = \write18{ls}", r"\write", "plain text"),
    "a hidden sign": ("h_t = x_t\u202e", "\u202e", "Delete"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refusals_show_the_place_and_the_way_out(name: str) -> None:
    text, place, remedy = REFUSED[name]
    with pytest.raises(UnrollError) as caught:
        parse(text)
    span = caught.value.span
    assert span is not None
    assert span.column == text.index(place) + 1
    assert remedy in str(caught.value.remedy)


SIZE = 18_000
HOSTILE = {
    "open brackets": "h_t = " + "(" * SIZE,
    "closed brackets": "h_t = " + "(" * 9000 + "x" + ")" * 9000,
    "open braces": "h_t = " + "{" * SIZE,
    "calls": "h_t = " + "f(" * 190 + "+".join(["x"] * 4000) + ")" * 190,
    "signs": "h_t = " + "-" * SIZE + "x",
    "sums": "h_t = " + "+".join(["x"] * 9000),
    "factors": "h_t = " + "x " * 9000,
    "squares": "h_t = " + "x²" * 9000,
    "powers": "h_t = x" + "**x" * 6000,
    "transposes": "h_t = x" + ".T" * 6000,
    "primes": "h_t = W" + "'" * SIZE,
    "bars": "h_t = " + "|" * SIZE,
    "underscores": "h_t = " + "_" * SIZE,
    "functions": "h_t = " + "tanh " * 3800 + "x",
    "accents": "h_t = " + r"\hat" * 4000,
    "fractions": r"\frac" * 3800,
    "signs of sums": "J = " + "Σ_t " * 4500 + "x_t",
    "sums so far": "h_t = " + r"\sum_{i=1}^{t} " * 1000 + "x_i",
    "windows": "h_t = " + r"\sum_{i=t-60}^{t}" * 9 + "x_i",
    "products": "h_t = " + r"\prod_{k=0}^{60}" * 9 + "x_{t-k}",
    "connectives": "h_t = x_t " + "and " * 4500,
    "names in braces": "h_t = " + "{x_(}" * 3600,
    "roots": "h_t = " + "√" * 17_000 + "x",
    "stacks": "h_t " + r"\overset{a}" * 1500 + "{=} x",
    "look-ups": "h_t = " + "E_{" * 180 + "x_t" + "}" * 180,
    "choices": r"h_t = \begin{cases} " + r"1 & x_t > 0 \\ " * 900 + r"\end{cases}",
    "sums of sums": "h_t = " + r"\sum_{k=0}^{60}" * 9 + "x_{t-k}",
    "matrices": "h_t = " + r"\begin{bmatrix}" * 1000,
    "cases": "h_t = " + r"\begin{cases}" * 1000,
    "equations": "h_t = x_t\n" * 5000,
    "semicolons": ";" * 50_000,
    "equals": "=" * SIZE,
    "digits": "h_t = " + "9" * SIZE,
    "index": "h[t-" + "9" * SIZE + "] = ",
    "dots": "h_t = " + "…" * SIZE,
    "long": "h_t = " + "a" * 70_000,
    "backslashes": "\\" * SIZE,
    "words": "the cat sat " * 1500,
    "loop": "\n".join(f"a{i}[t] = a{(i + 1) % 900}[t]" for i in range(900)),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_texts_are_refused_at_once(name: str) -> None:
    parse("h_t = x_t")  # the parser is built once
    start = time.process_time()
    for _ in range(20):
        parse("h_t = tanh(W h_{t-1} + U x_t + b)")
    ordinary = (time.process_time() - start) / 20
    start = time.process_time()
    with pytest.raises(UnrollError) as caught:
        parse(HOSTILE[name])
    assert time.process_time() - start < 6000 * ordinary  # under a second, said as a ratio
    assert len(str(caught.value)) < 1000


def test_deep_texts_that_are_not_too_deep_are_read() -> None:
    for text in (
        "h_t = " + "(" * 190 + "x_t" + ")" * 190,
        "h_t = " + "f(" * 190 + "x_t" + ")" * 190,
        "h_t = " + r"\frac{" * 90 + "1" + "}{2}" * 90,
        "h_t = " + "e^{" * 150 + "x_t" + "}" * 150,
    ):
        assert parse(format_recurrence(parse(text))) == parse(text)


def test_hidden_characters_are_named_and_never_echoed() -> None:
    for char in "\x00\x1b\x7f\u202e\u2066\u200f\u2028":
        with pytest.raises(UnrollError) as caught:
            parse(f"h_t = x_t {char} + 1")
        assert f"U+{ord(char):04X}" in str(caught.value)
        assert char not in str(caught.value)


SEEDS = [
    r"h_t = \tanh\left(W_{hh} h_{t-1} + U x_t\right), \hat{y}_t = softmax(V h_t)",
    r"L = \frac1T \sum_{t=1}^{T} \|y_t - \hat{y}_t\|_2^2",
    "h[t] = tanh(W @ h[t-1] + U @ x[t]) for t = 2..tau\nh[1] = given",
    r"h_t = \begin{cases} 0 & t = 1 \\ f(h_{t-1}; θ) & \text{otherwise} \end{cases}",
    "z_t = σ(W_z·[h_{t−1}, x_t]); y[n] = Σ_{k=0}^{2} b_k x[n-k]",
]
PIECES = st.sampled_from(
    [
        *"abtTWhx_^{}()[]<>|\\.,;:=+-*/@&$ \n0129'⊤ₜ²⟨⟩‖…∑",
        r"\frac",
        r"\sum",
        r"\hat",
        "_{t-1}",
        r"\begin{cases}",
        r"\end{cases}",
        "for t",
        "1..n",
        r"\mathrm{",
        "[t]",
        "**",
        "np.",
        ".T",
    ]
)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 4))
        text = text[:at] + draw(PIECES | st.just("")) + text[at + cut :]
    return text


@settings(max_examples=500, deadline=1000)
@given(mutations() | st.text(max_size=60))
def test_only_our_own_error_comes_out(text: str) -> None:
    try:
        recurrence = parse(text)
    except UnrollError as error:
        message = str(error)
    else:
        message = format_recurrence(recurrence)
    assert message
