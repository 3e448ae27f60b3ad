"""Dialects and lettering: names by what things do, never two alike, bold by shape."""

import pytest

import unroll
from unroll import templates
from unroll.cli import main
from unroll.errors import UnrollError
from unroll.language.dialects import DIALECTS, NOTATIONS, letter_as
from unroll.language.latex import recurrence_latex, reference_latex
from unroll.language.lettering import Lettering, bold_names
from unroll.symbolic.expressions import Call, Index, Range, Reference
from unroll.symbolic.shapes import DEFAULT_LENGTH, infer

ELMAN = """
h[t] = tanh(W @ h[t-1] + U @ x[t] + b)
o[t] = V @ h[t] + c
p[t] = softmax(o[t])
L[t] = cross_entropy(p[t], y[t])
"""
# Each line as its source writes it, read off the code or the documentation.
WRITTEN = {
    "ng": [
        r"a^{\langle t\rangle} = \tanh(W_{aa} a^{\langle t-1\rangle} + "
        r"W_{ax} x^{\langle t\rangle} + b_{a})",
        r"o^{\langle t\rangle} = W_{ya} a^{\langle t\rangle} + b_{y}",
        r"\hat{y}^{\langle t\rangle} = \mathrm{softmax}(o^{\langle t\rangle})",
    ],
    "karpathy": [
        r"\mathrm{hs}[t] = \tanh(\mathrm{Whh} \mathrm{hs}[t-1] + \mathrm{Wxh} \mathrm{xs}[t] + "
        r"\mathrm{bh})",
        r"\mathrm{ys}[t] = \mathrm{Why} \mathrm{hs}[t] + \mathrm{by}",
        r"\mathrm{ps}[t] = \mathrm{softmax}(\mathrm{ys}[t])",
    ],
    "d2l": [
        r"H_{t} = \tanh(W_{hh} H_{t-1} + W_{xh} X_{t} + b_{h})",
        r"O_{t} = W_{hq} H_{t} + b_{q}",
        r"P_{t} = \mathrm{softmax}(O_{t})",
    ],
    "pytorch": [
        r"h_{t} = \tanh(W_{hh} h_{t-1} + W_{ih} x_{t} + b)",
        r"o_{t} = V h_{t} + c",
        r"p_{t} = \mathrm{softmax}(o_{t})",
    ],
    "control": [
        r"x_{k} = \tanh(A x_{k-1} + B u_{k} + b)",
        r"y_{k} = C x_{k} + c",
        r"p_{k} = \mathrm{softmax}(y_{k})",
    ],
}


def lines(recurrence, hand):
    body = recurrence_latex(recurrence, hand).splitlines()[1:-1]
    return [line.removesuffix(r" \\").replace(" &= ", " = ") for line in body]


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_network_is_written_as_its_source_writes_it(dialect):
    recurrence = unroll.parse(ELMAN)
    assert lines(recurrence, letter_as(recurrence, dialect))[:3] == WRITTEN[dialect]


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_names_follow_from_the_structure_and_not_from_the_names_of_the_text(dialect):
    other = unroll.parse(
        """
        q[t] = tanh(E @ q[t-1] + F @ k[t] + d)
        s[t] = G @ q[t] + m
        j[t] = softmax(s[t])
        Q[t] = cross_entropy(j[t], w[t])
        """
    )
    both = [
        letter_as(r, dialect, shapes=infer(r, {"h": (3,), "q": (3,)}, DEFAULT_LENGTH))
        for r in (unroll.parse(ELMAN), other)
    ]
    pairs = dict(zip("hxoypWUVbct", "qkswrEFGdmt"))
    pairs["y"], pairs["p"] = "w", "j"
    for old, new in both[0].names:
        if old == "tau" or (dialect == "d2l" and old == "p"):  # only its capital is the dialect's
            continue
        assert both[1].name(pairs[old]) == new


def test_two_biases_of_a_sum_are_those_of_their_weights():
    recurrence = unroll.parse("s[t] = tanh(A @ u[t] + p + B @ s[t-1] + q)")
    found = dict(letter_as(recurrence, "pytorch").names)
    expected = {"s": "h", "u": "x", "A": "W_ih", "B": "W_hh", "p": "b_ih", "q": "b_hh"}
    assert found == expected


def test_the_gates_of_a_cell_keep_their_letters():
    recurrence = unroll.template("lstm")
    assert dict(letter_as(recurrence, "pytorch").names) == {}
    assert letter_as(recurrence, "ng").name("W_hf") == "W_fa"
    assert letter_as(recurrence, "d2l").name("f") == "F"


def test_a_preactivation_leads_to_its_state_and_makes_room_for_its_letter():
    recurrence = unroll.template("rnn")
    hand = letter_as(recurrence, "ng")
    assert [hand.name(n) for n in ("a", "h", "W", "b")] == ["z", "a", "W_aa", "b_a"]


def test_an_output_that_is_fed_back_is_no_state():
    hand = letter_as(unroll.template("output-recurrence"), "control")
    assert hand.name("o") == "y"


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("name", templates.names())
def test_no_two_things_are_called_the_same(name, dialect):
    recurrence = unroll.template(name)
    hand = letter_as(recurrence, dialect)
    axes = [n for a in recurrence.axes for n in (a.name, a.length, a.leaves) if n]
    everything = list(dict.fromkeys([*recurrence.names, *axes, *recurrence.functions]))
    written = [hand.name(n) for n in everything]
    assert len(set(written)) == len(written)
    assert r"\begin{aligned}" in recurrence_latex(recurrence, hand)


def test_a_name_that_is_taken_is_left_out_and_what_is_called_after_it_follows():
    recurrence = unroll.parse("h[t] = tanh(a * (W @ h[t-1]) + U @ x[t])")  # a scales: it stays
    hand = letter_as(recurrence, "ng")
    assert hand.name("h") == "h"
    assert hand.name("W") == "W_hh"


def test_bold_is_what_has_entries():
    recurrence = unroll.template("rnn")
    hand = letter_as(recurrence, bold=True)
    text = recurrence_latex(recurrence, hand)
    assert r"\boldsymbol{h}^{(t)} &= \tanh(\boldsymbol{a}^{(t)})" in text
    assert r"\boldsymbol{W} \boldsymbol{h}^{(t-1)}" in text
    assert r"\hat{\boldsymbol{y}}^{(t)}" in text
    assert r"L^{(t)} &= " in text  # a number is light
    assert bold_names({"h": (3,), "L": (), "W": (3, 3)}) == {"h", "W"}


def test_bold_heads():
    hand = Lettering(bold=frozenset({"theta", "net", "Deltax"}))
    assert reference_latex(Reference("theta"), hand) == r"\boldsymbol{\theta}"
    assert reference_latex(Reference("net", (Index("t"),)), hand) == r"\mathbf{net}^{(t)}"
    assert reference_latex(Reference("Deltax"), hand) == r"\Delta \boldsymbol{x}"


def test_the_horizon_is_called_as_said():
    recurrence = unroll.template("single-output")
    assert "T_{x}" in recurrence_latex(recurrence, letter_as(recurrence, horizon="T_x"))
    with pytest.raises(UnrollError, match="cannot be called 'L'"):
        letter_as(recurrence, horizon="L")


def test_the_derivation_is_written_in_a_dialect():
    recurrence = unroll.template("rnn")
    text = recurrence.derive().latex(letter_as(recurrence, "ng", bold=True))
    assert r"\nabla_{\boldsymbol{a}^{\langle T_{x}\rangle}} L" in text
    assert r"{o}_i" in text  # an entry of a vector is a number
    assert r"\boldsymbol{W}_{aa}^{\top}" in text
    subscript = recurrence.derive().latex("subscript")
    assert r"o_{t,i}" in subscript
    with pytest.raises(ValueError, match="roman"):
        recurrence.derive().latex("roman")


def test_letters_that_a_reduction_binds_are_renamed_with_their_axis():
    hand = Lettering(names=(("t", "k"), ("tau", "N"), ("h", "x")))
    total = Call(
        "sum", (Reference("h", (Index("t", -1),)),), "t", limits=Range("t", stop=Index("tau"))
    )
    written = hand.renamed(total)
    assert written == Call(
        "sum", (Reference("x", (Index("k", -1),)),), "k", limits=Range("k", stop=Index("N"))
    )
    assert hand.name("grad_h") == "grad_x"


def test_an_unknown_notation_is_answered_with_the_nearest():
    with pytest.raises(UnrollError, match="no notation 'karpaty'") as caught:
        letter_as(unroll.template("rnn"), "karpaty")
    assert "karpathy" in (caught.value.remedy or "")
    assert set(NOTATIONS) == {"book", "subscript", "angle", "brackets", *DIALECTS}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_equations_and_their_derivation_are_written_in_every_notation(notation, capsys):
    rnn = unroll.template("rnn")
    text = rnn.latex(notation)
    assert text.startswith(r"\begin{aligned}")
    main.main(["derive", "rnn", "--format", "latex", "--notation", notation], standalone_mode=False)
    derived = capsys.readouterr().out
    assert derived == rnn.derive().latex(letter_as(rnn, notation)) + "\n"
    if notation == "ng":
        assert r"a^{\langle t-1\rangle}" in text
        assert "W_{ya}" in derived


def test_another_notation_is_refused():
    with pytest.raises(UnrollError, match="there is no notation 'wrong'"):
        unroll.template("rnn").latex("wrong")
