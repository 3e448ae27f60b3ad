"""Naming: what stands on nodes and edges, as labels, and in which hand and language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unroll.drawing.labels import NUMBER, SIZE, Label, math, words
from unroll.drawing.lanes import Lane
from unroll.drawing.unfolding import Node
from unroll.drawing.wording import translated, word
from unroll.language.latex import expression_latex, index_latex, name_latex, reference_latex
from unroll.language.lettering import Lettering, hand_of
from unroll.language.printer import format_expression
from unroll.symbolic.expressions import Expression, Index, Reference, reindex

_MARK = 271828182  # a number that no name contains: shows where the index stands in the TeX
BADGE = 0.85 * SIZE


@dataclass(frozen=True, slots=True)
class Naming:
    """How names are written.

    notation: a place for the step (book, subscript, angle, brackets), or a lettering with other
    names and bold ones; font: cm (Computer Modern) or stix; language: en or zh, of words.
    What is machine-readable keeps the names of the text.
    """

    notation: str | Lettering = "book"
    objective: str | None = None
    font: str = "cm"
    language: str = "en"

    def node(self, node: Node, size: float = SIZE) -> Label:
        """The label inside a node: an operation's sign, or the variable."""
        if node.variable.made and node.variable.sign is not None:
            return self.formula(node.variable.sign, node.reference, size)
        return self._indexed(node, "{}", self.spoken(node), size)

    def gradient(self, node: Node, size: float = BADGE) -> Label:
        """The gradient of the objective by a node."""
        text = self._spoken_gradient(self.spoken(node))
        return self._indexed(node, r"\nabla_{{{}}}" + self._letter(), text, size)

    def parameter_gradient(self, name: str, size: float = BADGE) -> Label:
        """The gradient of the objective by a parameter."""
        text = self._spoken_gradient(self._hand.name(name))
        tex = rf"\nabla_{{{name_latex(name, notation=self.notation)}}}{self._letter()}"
        return self.formula(tex, text, size)

    def factors(
        self, factors: tuple[Expression, ...], axis: str = "", at: Index | None = None
    ) -> Label:
        """The parameters on an edge; those that have an index, at that of the edge's target."""
        if at is not None:
            factors = tuple(reindex(f, {axis: at}) for f in factors)
        tex = r",\,".join(expression_latex(f, self.notation) for f in factors)
        spoken = (format_expression(self._hand.renamed(f)) for f in factors)
        return self.formula(tex, ", ".join(spoken))

    def derivative(self, of: Node, by: Node) -> Label:
        """The transposed Jacobian of one node by another, in name only."""
        pair = [self._reference(node) for node in (of, by)]
        spoken = "d {} / d {}".format(*map(self.spoken, (of, by)))
        return self.formula(r"(\partial {}/\partial {})^{{\top}}".format(*pair), spoken)

    def function(self, name: str) -> Label:
        """An opaque function beside what it makes."""
        return self.formula(name_latex(name, notation=self.notation), name)

    def sign(self, tex: str) -> Label:
        """An operation beside the variable that it makes."""
        return self.formula(tex, tex)

    def index(self, index: Index, size: float = SIZE) -> Label:
        """A step or another index on its own."""
        return self.formula(index_latex(index, self.notation), str(self._hand.place(index)), size)

    def places(
        self, indices: Sequence[Index], size: float = SIZE, sign: str = "", spoken: str = ""
    ) -> Label:
        """Indices with commas, behind a sign: `< t`, `t-1, l`."""
        tex = r",\,".join(index_latex(i, self.notation) for i in indices)
        text = ", ".join(str(self._hand.place(i)) for i in indices)
        return self.formula(f"{sign} {tex}".strip(), f"{spoken} {text}".strip(), size)

    def formula(self, tex: str, text: str, size: float = SIZE, number: str | None = None) -> Label:
        """Any formula in the figure's font."""
        return math(tex, text, size, number, self.font)

    def words(self, text: str, size: float = SIZE) -> Label:
        """Upright text in the figure's font, as it is."""
        return words(text, size, self.font)

    def title(self, text: str, size: float = SIZE) -> Label:
        """What a template says, in the figure's language where that has a word for it."""
        return self.words(translated(text, self.language), size)

    def phrase(self, key: str, size: float = SIZE) -> Label:
        """One of the figure's own words, in its language; see `wording.WORDS`."""
        return self.words(word(key, self.language), size)

    def spoken(self, node: Node) -> str:
        """What a screen reader says for a node: `h[t-1]`, in the names that are written."""
        places = ("..." if i is None else str(self._hand.place(i)) for i in node.indices)
        at = ",".join(places)
        return self._hand.name(node.name) + (f"[{at}]" if at else "")

    @property
    def _hand(self) -> Lettering:
        return hand_of(self.notation)

    def _spoken_gradient(self, of: str) -> str:
        objective = "" if self.objective is None else self._hand.name(self.objective)
        frame = word("gradient by", self.language)
        return frame.format(objective=objective or word("the loss", self.language), of=of)

    def _letter(self) -> str:
        if self.objective is None:
            return ""
        return name_latex(self.objective.removesuffix("_total"), notation=self.notation)

    def _indexed(self, node: Node, frame: str, text: str, size: float) -> Label:
        if node.elided or not node.indices or _is_named(node):
            return self.formula(frame.format(self._reference(node)), text, size)
        assert node.index is not None
        tex = frame.format(self._marked(node, NUMBER))
        return self.formula(tex, text, size, number=str(node.index.offset))

    def _reference(self, node: Node) -> str:
        if not node.indices:
            return self._bare(node)
        if node.elided:
            return self._marked(node, r".\!.\!.\!")
        indexed = Reference(node.name, tuple(i for i in node.indices if i is not None))
        return reference_latex(indexed, self.notation)

    def _bare(self, node: Node) -> str:
        return name_latex(node.name.removesuffix("_total"), notation=self.notation)

    def _marked(self, node: Node, shown: str) -> str:
        """A reference with something else in the place of the column's index."""
        places = node.variable.places if isinstance(node.variable, Lane) else (None,)
        indices = tuple(Index("", _MARK) if i is None else i for i in places)
        reference = Reference(node.name, indices)
        return reference_latex(reference, self.notation).replace(str(_MARK), shown)


def _is_named(node: Node) -> bool:
    """Whether the index of a node's column is anything but a number."""
    return node.index is None or bool(node.index.base) or node.index.offset < 0
