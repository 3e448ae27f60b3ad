"""Mathematics for a page: LaTeX as MathML, with marks where numbers are to stand.

`<mn data-i="t-1">t−1</mn>` is an index and `<mrow data-read="0"></mrow>` the place of a value. What
operations look like is said once, by the LaTeX of their table; latex2mathml turns it into elements.
MathML Core, which browsers draw, knows no bold letters and no word of several of them, so that these
are put in here. https://www.w3.org/TR/mathml-core/
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING

from unroll.language.latex import SCALARS, expression_latex, name_latex
from unroll.language.lettering import Lettering
from unroll.symbolic.expressions import Call, Constant, Expression, Index, Reference

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Path = tuple[int, ...]
Place = Callable[[Expression, Path], int | None]

# Numbers that stand for something else on their way through LaTeX; no text has such long ones.
_INDEX, _VALUE, _SCALAR = 271_828_182_840_000, 314_159_265_350_000, 161_803_398_870_000
_MOST = 10_000  # of each kind
_STAND_IN = "Q"
_MINUS = "\N{MINUS SIGN}"
_LETTERS = frozenset("\N{DOWN TACK}\N{NABLA}\N{PARTIAL DIFFERENTIAL}\N{PRIME}")  # no operators
_FENCES = frozenset("⟨⟩⌊⌋⌈⌉‖")
_ROWS = frozenset(["mrow", "mstyle", "mtd", "math"])


class Page:
    """Writes what stands in a page, where letters are to be numbers.

    letters: those that are; notation, objective and scalars as for `expression_latex`.
    """

    def __init__(
        self,
        letters: Iterable[str] = (),
        notation: str | Lettering = "book",
        objective: str = "L",
        scalars: frozenset[str] = SCALARS,
    ) -> None:
        self.letters, self.notation = frozenset(letters), notation
        self.objective, self.scalars = objective, scalars
        self._marks: dict[str, int] = {}

    def reference(self, name: str, at: Sequence[Index]) -> str:
        """A reference as MathML."""
        return self.formula(self.latex(Reference(name, tuple(at))))

    def latex(self, node: Expression) -> str:
        """LaTeX, with marks for the indices that are to be numbers."""
        marked = self._marked(node, self.letters)
        return expression_latex(
            marked, self.notation, objective=self.objective, scalars=self.scalars
        )

    def formula(self, tex: str) -> str:
        """MathML of LaTeX that `latex` made, with places for indices and values."""
        texts = {str(mark): text for text, mark in self._marks.items()}
        return _MARKED.sub(lambda m: _place(m[1], texts), _converted(tex))

    def _marked(self, node: Expression, letters: frozenset[str]) -> Expression:
        """An expression whose letters are marks; what a reduction binds stays a letter."""
        if isinstance(node, Reference):
            if not node.indices and node.name in letters:
                return Constant(self._mark(node.name))
            return replace(node, indices=tuple(self._index(i, letters) for i in node.indices))
        if not isinstance(node, Call):
            return node
        inner = letters - {node.over}
        arguments = tuple(self._marked(a, inner) for a in node.arguments)
        limits = node.limits
        if limits is not None:
            start, stop = (i and self._index(i, letters) for i in (limits.start, limits.stop))
            limits = replace(limits, start=start, stop=stop)
        return replace(node, arguments=arguments, limits=limits)

    def _index(self, index: Index, letters: frozenset[str]) -> Index:
        return Index("", self._mark(str(index))) if index.base in letters else index

    def _mark(self, text: str) -> int:
        assert len(self._marks) < _MOST
        return self._marks.setdefault(text, _INDEX + len(self._marks))


def with_places(
    node: Expression,
    place: Place,
    scalar: Callable[[Expression], bool] = lambda part: False,
    path: Path = (),
) -> Expression:
    """The expression with places for values in it.

    place: the number of the value that a part is, given the argument numbers that lead to it; None
    for a part that stays. scalar: whether a part is a number, which may be negative: it gets brackets
    wherever such a one needs them.
    """
    number = place(node, path)
    if number is not None:
        assert number < _MOST
        if scalar(node):
            return Constant(-_SCALAR - number)
        return Reference(f"{_STAND_IN}_{_VALUE + number}")
    if isinstance(node, Call):
        arguments = tuple(
            with_places(a, place, scalar, (*path, i)) for i, a in enumerate(node.arguments)
        )
        return replace(node, arguments=arguments)
    return node


def name_mathml(name: str, notation: str | Lettering = "book", objective: str = "L") -> str:
    """A name without indices as MathML."""
    return _converted(name_latex(name, objective, notation))


_MARKED = re.compile(r"<mn>(\d{15})</mn>")


def _place(mark: str, texts: Mapping[str, str]) -> str:
    if mark in texts:
        text = texts[mark]
        return f'<mn data-i="{text}">{text.replace("-", _MINUS)}</mn>'
    for first in (_VALUE, _SCALAR):
        if _is_mark(mark, first):
            return f'<mrow data-read="{int(mark) - first}"></mrow>'
    return f"<mn>{mark}</mn>"


def _is_mark(text: str | None, first: int) -> bool:
    return text is not None and text.isdigit() and first <= int(text) < first + _MOST


# --- LaTeX to MathML ------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _converted(tex: str) -> str:
    """MathML of LaTeX, in display style, marks as they are."""
    from xml.etree import ElementTree

    from latex2mathml.converter import convert_to_element

    found = convert_to_element(_fenced(tex), display="block")
    root = ElementTree.Element("math", {"displaystyle": "true"})
    root.extend(_in_a_row([_tidy(child) for child in found]))
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _fenced(tex: str) -> str:
    r"""Pairs of brackets as `\left( ... \right)`, one thing with what is raised behind them.

    They grow with the matrices that come to stand in them.
    """
    found: list[str] = []
    open_: list[tuple[str, int]] = []
    for i, sign in enumerate(tex):
        escaped = i > 0 and tex[i - 1] == "\\"
        if sign in "{}([])" and not escaped:
            if sign in "{([":
                open_.append((sign, len(found)))
            elif open_ and open_[-1][0] + sign in ("{}", "()", "[]"):
                opened, at = open_.pop()
                if opened != "{":
                    found[at] = rf"{{\left{opened}"
                    sign = rf"\right{sign}}}"
        found.append(sign)
    return "".join(found)


def _tidy(element: Element) -> Element:
    """An element as MathML Core has it."""
    from xml.etree.ElementTree import Element

    tag, facts = element.tag, dict(element.attrib)
    text = unescape(element.text or "")
    children = [_tidy(child) for child in element]
    if tag in _ROWS:
        children = _in_a_row(children)
    if tag == "mrow" and len(children) == 1:
        return children[0]
    variant = facts.pop("mathvariant", "")
    if tag == "mi" and variant.startswith("bold"):
        text = "".join(_bold(c, "italic" in variant) for c in text)
    if (tag == "mi" and variant == "normal") or text in _LETTERS:
        tag, facts = "mi", {"mathvariant": "normal"}
    elif text in _FENCES:
        tag, facts = "mo", {"stretchy": "false"}
    elif tag == "mo" and len(text) > 1 and text.isalpha() and text != "mod":
        tag, facts = "mi", {}
    elif facts.get("stretchy") == "true":  # of a pair of brackets, see `_in_a_row`
        facts = {}
    if tag in ("msub", "msubsup") and children[0].text == _STAND_IN:
        _, below, *above = children
        if _is_mark(below.text, _VALUE):  # Q_{314...} is the number alone
            if not above:
                return below
            tag, children = "msup", [below, *above]
    made = Element(tag, facts)
    made.text = text or None
    made.extend(children)
    return made


def _bold(letter: str, italic: bool) -> str:
    """A letter as the bold one that Unicode has for mathematics; one that it has not as it is."""
    kind = "MATHEMATICAL BOLD ITALIC" if italic else "MATHEMATICAL BOLD"
    case = "CAPITAL" if letter.isupper() else "SMALL"
    name = unicodedata.name(letter, "")
    if letter.isdigit():
        return unicodedata.lookup(f"MATHEMATICAL BOLD {name}")
    short = name.removeprefix("LATIN ").removeprefix("GREEK ").removeprefix(f"{case} LETTER ")
    try:
        return unicodedata.lookup(f"{kind} {case} {short}")
    except KeyError:
        return letter


# --- what stands side by side ---------------------------------------------------------------------


def _in_a_row(children: Sequence[Element]) -> list[Element]:
    found = _signed(_spaced(_worded(_assigned(children))))
    if found and found[0].tag == "mo" and (found[0].text or "") in ("(", "["):
        tall = any(_is_mark(e.text, _VALUE) for child in found for e in child.iter("mn"))
        if not tall:  # no matrix comes to stand here: brackets as high as everywhere
            for end in (found[0], found[-1]):
                end.set("stretchy", "false")
    return found


def _assigned(children: Sequence[Element]) -> list[Element]:
    """`+=` as the one operator that it is."""
    found: list[Element] = []
    for child in children:
        if found and (found[-1].tag, found[-1].text, child.tag, child.text) == (
            "mo",
            "+",
            "mo",
            "=",
        ):
            found[-1].text = "+="
        else:
            found.append(child)
    return found


def _worded(children: Sequence[Element]) -> list[Element]:
    """Upright letters in a row as the word that they are."""
    found: list[Element] = []
    growing = False
    for child in children:
        upright = child.tag == "mi" and child.get("mathvariant") == "normal"
        upright = upright and child.text not in _LETTERS
        if growing and (upright or child.tag in ("mtext", "mn")):
            last = found[-1]
            last.text = (last.text or "") + (child.text or "")
            last.attrib.clear()  # a word is upright by itself
            continue
        growing = upright
        found.append(child)
    return found


def _spaced(children: Sequence[Element]) -> list[Element]:
    """Words with a thin space before and behind, where no sign or bracket is."""
    from xml.etree.ElementTree import Element

    found: list[Element] = []
    for child in children:
        beside = [found[-1], child] if found else []
        if any(map(_is_word, beside)) and not any(map(_is_sign, beside)):
            found.append(Element("mspace", {"width": "0.167em"}))
        found.append(child)
    return found


def _is_word(element: Element) -> bool:
    """A word of several letters, alone or with what is below it."""
    if element.tag in ("msub", "munder"):
        return _is_word(element[0])
    return element.tag == "mi" and len(element.text or "") > 1


def _is_sign(element: Element) -> bool:
    """An operator, a space, or what begins with a bracket."""
    if element.tag in ("mrow", "msup", "msub") and len(element):
        return _is_sign(element[0])
    return element.tag in ("mo", "mspace")


def _signed(children: Sequence[Element]) -> list[Element]:
    """Signs of single numbers close to them; none before the place of a number, which brings its own."""
    found: list[Element] = []
    for child, after in zip(children, [*children[1:], None]):
        if child.tag == "mo" and child.text == _MINUS:
            if after is not None and after.tag == "mn" and _is_mark(after.text, _SCALAR):
                continue
            if found and found[-1].tag == "mo" and found[-1].text not in (")", "]"):
                child.set("form", "prefix")
        found.append(child)
    return found
