"""MathML for pages: everything that can be written, indices and places marked, nothing else left over."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

import unroll
from unroll.language.dialects import letter_as
from unroll.language.mathml import Page, name_mathml, with_places
from unroll.symbolic.expressions import Call, Reference, references
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import GIVEN

NAMES = [n for n in unroll.templates.names() if not unroll.template(n).runnable().functions]
# what browsers draw (MathML Core) and `latex2mathml` makes of our formulas
ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mstyle"),
    *("msub", "msup", "msubsup", "mover", "munder"),
}
TALL = '<mo>(</mo><mrow data-read="0"></mrow>'


def page(recurrence, equation, **options):
    return Page(recurrence.letters_of(equation), **options)


def whole(name):
    trace = unroll.template(name).run()
    return trace.recurrence


def expression(text):
    return unroll.parse(f"z[t] = {text}").equations[0].expression


def written(text, letters=("t",), **options):
    own = Page(letters, **options)
    return own.formula(own.latex(expression(text)))


def content(markup):
    return "".join(ElementTree.fromstring(markup).itertext())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("notation", ["book", "subscript", "angle", "brackets", "d2l"])
def test_every_equation_of_every_template(name, notation):
    recurrence = whole(name)
    hand = letter_as(recurrence, notation, bold=notation == "book") if notation else notation
    for equation in recurrence.equations:
        own = page(recurrence, equation, notation=hand)
        left = own.reference(equation.target.name, equation.target.indices)
        if equation.expression == GIVEN:
            continue
        right = own.formula(own.latex(equation.expression))
        for markup in (left, right):
            root = ElementTree.fromstring(markup)
            assert {e.tag for e in root.iter()} <= ELEMENTS
            assert "\\" not in markup
            assert not re.search(r"\d{15}", markup)
            for words in root.iter("mi"):
                assert not words.get("mathvariant") or len(words.text) == 1
        free = {
            str(i)
            for r in references(equation.expression)
            for i in r.indices
            if i.base in own.letters
        }
        bound = {n.over for n in walk(equation.expression)} & own.letters
        assert bound or set(re.findall('data-i="([^"]*)"', right)) >= free


def walk(node):
    if isinstance(node, Call):
        yield node
        for argument in node.arguments:
            yield from walk(argument)


@pytest.mark.parametrize("row", OPERATIONS.values(), ids=lambda row: row.name)
def test_every_operation_has_a_look(row):
    count = row.arity[0] if row.arity[1] is not None else max(row.arity[0], 2)
    node = Call(row.name, tuple(Reference(name) for name in "ABCDE"[:count]))
    own = Page()
    markup = own.formula(own.latex(node))
    root = ElementTree.fromstring(markup)
    assert {e.tag for e in root.iter()} <= ELEMENTS
    assert "\\" not in markup
    shown = content(markup)
    assert all(
        name in shown for name in "ABCDE"[:count] if f"{{{'ABCDE'.index(name)}}}" in row.latex
    )


def test_an_equation_to_the_letter():
    assert written("tanh(a[t-1])") == (
        '<math displaystyle="true"><mrow><mi>tanh</mi><mrow><mo stretchy="false">(</mo><msup><mi>a</mi>'
        '<mrow><mo stretchy="false">(</mo><mn data-i="t-1">t−1</mn><mo stretchy="false">)</mo></mrow>'
        '</msup><mo stretchy="false">)</mo></mrow></mrow></math>'
    )


def test_what_a_sum_binds_stays_a_letter():
    markup = written("sum(x[s] * h[t-1], s < t)")
    assert re.findall('data-i="([^"]*)"', markup) == ["t-1", "t-1"]  # below the sign: s <= t-1
    assert "<mi>s</mi>" in markup
    free = written("sum(x[s] * h[t-1], s)", letters=("t", "s"))
    assert re.findall('data-i="([^"]*)"', free) == ["t-1"]


def test_letters_that_are_numbers_and_lengths():
    markup = written("beta ** t + tau")
    assert 'data-i="t"' in markup
    assert "τ" in content(markup)
    tree = unroll.template("recursive-tree")
    own = page(tree, tree.equations[0])
    assert 'data-i="left(n)"' in own.formula(own.latex(tree.equations[0].expression))


def test_words_are_words_and_functions_keep_off():
    assert "<mi>softmax</mi>" in written("softmax(o[t])")
    assert "<mi>hard tanh</mi>" in written("hard_tanh(o[t])").replace("\xa0", " ")
    both = written("log_softmax(o[t])")
    assert '<mi>log</mi><mspace width="0.167em"></mspace><mi>softmax</mi>' in both
    assert "mspace" not in name_mathml("W_out")
    assert "<mi>out</mi>" in name_mathml("W_out")


def test_signs_of_two_signs():
    assert "<mo>+=</mo>" in Page().formula("a += b")
    assert '<mo>=</mo><mo form="prefix">−</mo>' in Page().formula("a = -b")


def test_bold_letters_are_letters():
    recurrence = unroll.template("rnn")
    own = Page(("t",), letter_as(recurrence, "book", bold=True))
    markup = own.formula(own.latex(expression("W @ h[t-1] + yhat[t]")))
    assert content(markup).startswith("𝑾𝒉")
    assert "mathvariant" not in markup


def places(text, scalar=lambda part: False):
    count = iter(range(99))
    node = expression(text)

    def place(part, path):
        return next(count) if isinstance(part, Reference) else None

    own = Page(("t",))
    return own.formula(own.latex(with_places(node, place, scalar)))


def test_places_for_values():
    assert places("a[t]") == '<math displaystyle="true"><mrow data-read="0"></mrow></math>'
    markup = places("b + W @ h[t-1] - x[t] + outer(u, v)")
    assert re.findall('data-read="([^"]*)"', markup) == list("012345")
    assert content(markup) == "+−+⊤"
    assert '<msup><mrow data-read="5"></mrow><mi mathvariant="normal">⊤</mi></msup>' in markup


def test_brackets_are_as_high_as_what_is_in_them():
    assert TALL in places("tanh(a[t])")
    assert TALL not in written("tanh(a[t])")
    raised = places("tanh(a[t]) ** 2")
    assert "<msup><mrow><mo>(</mo>" in raised  # of both brackets, and not of the last one


def test_a_number_has_brackets_where_a_negative_one_needs_them():
    def single(part):
        return part.name in ("c", "d")

    assert (
        content(places("c * h[t]", single)) == "()⊙" or content(places("c * h[t]", single)) == "()"
    )
    assert content(places("c + h[t]", single)) == "+"
    assert content(places("h[t] - d", single)) == "−()"
    assert content(places("h[t] + W @ x[t]", single)) == "+"


def test_paths_lead_to_the_parts():
    seen = {}
    node = expression("b + W @ h[t-1]")
    with_places(node, lambda part, path: seen.setdefault(path, part) and None)
    assert seen[()] == node
    assert seen[1, 1] == node.arguments[1].arguments[1]
    assert len(seen) == 5


def test_what_means_something_in_markup_is_escaped():
    root = ElementTree.fromstring(Page().formula("a < b & c > d"))
    assert "".join(root.itertext()) == "a<b&c>d"


def test_the_converter_is_loaded_when_it_is_needed():
    code = "import sys, unroll.language.mathml; sys.exit('latex2mathml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
