"""Descriptions: what is said of every template, and of figures that differ."""

import re

import pytest

import unroll
from unroll import templates
from unroll.drawing.describing import Shown, describe, said, title_of
from unroll.drawing.phrases import PHRASES
from unroll.drawing.wording import LANGUAGES, WORDS, translated, word
from unroll.errors import UnrollError
from unroll.language.dialects import letter_as
from unroll.symbolic.transformations import hide

NOISE = re.compile(r"[\[\]{}\\^_@<>*=#$|]|  |\bNone\b")


def visible(name):
    recurrence = unroll.template(name)
    hidden = [n for n in recurrence.template.figure.get("hide", ()) if n in recurrence.defined]
    return hide(recurrence, hidden)


def shown_of(recurrence, **more):
    tree = any(a.leaves for a in recurrence.axes)
    return Shown(steps=None if tree else 4, leaves=4 if tree else None, **more)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", templates.names())
def test_every_template_is_described_in_sentences(name, language):
    recurrence = visible(name)
    text = describe(recurrence, shown_of(recurrence, flow="both"), language=language)
    for variable in recurrence.names:
        found = re.search(rf"(?<![A-Za-z]){re.escape(said(variable))}(?![A-Za-z])", text)
        assert found, f"{variable} is not mentioned"
    assert text.endswith("." if language == "en" else "。")
    assert not NOISE.search(text), NOISE.search(text)
    title = title_of(recurrence, shown_of(recurrence), language=language)
    assert not NOISE.search(title or "*")
    assert not title.endswith((".", "。"))


@pytest.mark.parametrize("name", templates.names())
def test_one_sentence_says_how_each_variable_is_computed(name):
    recurrence = visible(name)
    text = describe(recurrence)
    said_of = re.findall(r"(?:computed|given|compares|depends on no|gathers)", text)
    alone = text.count("is given.")
    assert len(said_of) >= len(recurrence.equations) - alone


def test_the_network_of_the_book_in_full():
    text = describe(visible("rnn"), Shown(flow="both"))
    assert text == (
        "A recurrence over t from 1 to tau. The state h is computed from h one step before "
        "(through W) and the input x (through U). The output o is computed from h (through V). "
        "The loss L compares o with the target y. The parameters b, W, U, c and V are shared: the "
        "same at every step. On the left stands the folded circuit, where a black square is a delay "
        "of one step; on the right the graph unfolded around step t, dashed where it continues. "
        "Beside each arrow of the forward pass a heavier one runs the other way, along which the "
        "gradient comes back."
    )


def test_the_network_of_the_book_in_chinese():
    text = describe(visible("rnn"), Shown("folded"), language="zh")
    assert text == (
        "这是一个递推，t 从 1 到 tau。状态 h 由前一步的 h（经 W）和输入 x（经 U）计算得到。"
        "输出 o 由 h（经 V）计算得到。损失 L 比较 o 与目标 y。"
        "参数 b、W、U、c 和 V 是共享的：在每一步都相同。"
        "图中是折叠的回路图，黑色方块表示延迟一个时间步。"
    )


SAID = {
    "bidirectional": "g one step later (through R)",
    "skip-connections": "h 3 steps before",
    "attention": "h at all steps (through B)",
    "fully-connected-chain": "y at all earlier steps, by the function f",
    "recursive-tree": "h of its left child (through U) and h of its right child (through W)",
    "single-output": "At the last step, the output o",
    "dynamical-system": "At step 0, the state s is given",
    "edit-distance": "D one step before along i and j",
    "memory": "M one step before at all i",
    "per-position": "have a value of their own at every step",
    "encoder-decoder": "C is computed from h at the last step",
    "vector-to-sequence": "compares o with the target y one step later",
}


@pytest.mark.parametrize("name", sorted(SAID))
def test_where_a_variable_is_read_is_said_in_words(name):
    assert SAID[name] in describe(visible(name))


def test_specific_cases_come_first_and_the_general_one_is_everywhere_else():
    text = describe(visible("recursive-tree"))
    assert text.index("At the leaves") < text.index("Everywhere else")
    assert "D where i is m and j is n" in describe(visible("edit-distance"))


def test_layers_are_below_and_above():
    stacked = unroll.parse("h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t])\nh[0, t] = x[t]")
    text = describe(stacked)
    assert "h in the layer below (through U)" in text
    assert "In layer 0, the state h is computed from the input x" in text


def test_the_objective_gathers_the_losses():
    assert "The objective J gathers L over all steps" in describe(unroll.template("rnn"))


def test_what_is_shown_is_said():
    recurrence = visible("rnn")
    assert "unfolded over 3 steps" in describe(recurrence, Shown("unfolded", steps=3))
    assert "over one step." in describe(recurrence, Shown("unfolded", steps=1))
    assert "On the left" not in describe(recurrence, Shown("unfolded"))
    assert "Every operation is a node" in describe(recurrence, Shown(operations=True))
    assert "Heavy arrows" in describe(recurrence, Shown(flow="backward"))
    assert "stand their values" in describe(recurrence, Shown(steps=3, values=True))
    assert "A plus stands" in describe(recurrence, Shown(flow="both", sums=True))
    assert "logarithmic scale." in describe(recurrence, Shown(flow="both", norms=True))
    assert "as boxes" in describe(recurrence, Shown("schematic"))
    assert "black square" not in describe(unroll.parse("o[t] = V @ x[t]"))


def test_names_are_said_as_they_are_written():
    recurrence = visible("rnn")
    text = describe(recurrence, notation=letter_as(recurrence, "ng"))
    assert "The state a is computed from a one step before (through W aa)" in text
    assert said("yhat") == "y hat"
    assert said("W_hh") == "W hh"
    assert said("grad_h") == "gradient of h"
    assert said("somewhat") == "somewhat"


def test_titles():
    assert title_of(visible("rnn"), Shown(steps=4)) == (
        "Recurrence of h with the input x, unfolded over 4 steps"
    )
    assert title_of(visible("recursive-tree"), Shown(leaves=4)).endswith("on a tree of 4 leaves")
    assert title_of(visible("rnn"), Shown("folded", steps=4)).endswith("the input x")


def test_the_tables_are_complete_and_take_the_same_parts():
    for key, row in (*PHRASES.items(), *WORDS.items()):
        assert len(row) == len(LANGUAGES), key
        assert all(row) or key == "apart", key
        parts = [len(re.findall(r"\{\d*\}", text)) for text in row]
        assert parts[0] == parts[1], key


def test_words_are_looked_up_by_key_or_by_their_english_text():
    assert word("unfold") == "Unfold"
    assert word("unfold", "zh") == "展开"
    assert translated("Train time", "zh") == "训练时"
    assert translated("My own caption", "zh") == "My own caption"
    assert translated("Train time", "en") == "Train time"
    with pytest.raises(UnrollError, match="no language 'fr'") as caught:
        word("unfold", "fr")
    assert "zh" in (caught.value.remedy or "")


@pytest.mark.parametrize("name", templates.names())
def test_the_words_of_every_template_s_picture_are_in_the_table(name):
    figure = unroll.template(name).template.figure
    words = [
        *figure.get("boxes", ()),
        *figure.get("modules", ()),
        *figure.get("names", {}).values(),
    ]
    for text in words:
        assert translated(text, "zh") != text
