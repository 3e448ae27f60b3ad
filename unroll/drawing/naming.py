"""What stands on nodes and edges, as labels."""

from __future__ import annotations

from dataclasses import dataclass

from unroll.drawing.labels import NUMBER, SIZE, Label, math
from unroll.drawing.lanes import Lane
from unroll.drawing.unfolding import Node
from unroll.language.latex import expression_latex, name_latex, reference_latex
from unroll.language.printer import format_expression
from unroll.symbolic.expressions import Expression, Index, Reference, reindex

_MARK = 271828182  # a number that no name contains: shows where the index stands in the TeX
BADGE = 0.85 * SIZE


@dataclass(frozen=True, slots=True)
class Naming:
    """How names are written: notation is book, subscript or angle."""

    notation: str = "book"
    objective: str | None = None

    def node(self, node: Node, size: float = SIZE) -> Label:
        """The label inside a node: an operation's sign, or the variable."""
        if node.variable.made and node.variable.sign is not None:
            return math(node.variable.sign, node.reference, size)
        return self._indexed(node, "{}", node.reference, size)

    def gradient(self, node: Node, size: float = BADGE) -> Label:
        """The gradient of the objective by a node."""
        loss = self._letter()
        text = f"gradient of {self.objective or 'the loss'} by {node.reference}"
        return self._indexed(node, r"\nabla_{{{}}}" + loss, text, size)

    def parameter_gradient(self, name: str, size: float = BADGE) -> Label:
        """The gradient of the objective by a parameter."""
        text = f"gradient of {self.objective or 'the loss'} by {name}"
        return math(rf"\nabla_{{{name_latex(name)}}}{self._letter()}", text, size)

    def factors(
        self, factors: tuple[Expression, ...], axis: str = "", at: Index | None = None
    ) -> Label:
        """The parameters on an edge; those that have an index, at that of the edge's target."""
        if at is not None:
            factors = tuple(reindex(f, {axis: at}) for f in factors)
        tex = r",\,".join(expression_latex(f, self.notation) for f in factors)
        return math(tex, ", ".join(format_expression(f) for f in factors))

    def function(self, name: str) -> Label:
        """An opaque function beside what it makes."""
        return math(name_latex(name), name)

    def sign(self, tex: str) -> Label:
        """An operation beside the variable that it makes."""
        return math(tex, tex)

    def _letter(self) -> str:
        return "" if self.objective is None else name_latex(self.objective.removesuffix("_total"))

    def _indexed(self, node: Node, frame: str, text: str, size: float) -> Label:
        if not node.indices:
            return math(frame.format(name_latex(node.name.removesuffix("_total"))), text, size)
        if node.elided:
            return math(frame.format(self._marked(node, r".\!.\!.\!")), text, size)
        if node.index is None or node.index.base or node.index.offset < 0:
            indexed = Reference(node.name, tuple(i for i in node.indices if i is not None))
            return math(frame.format(reference_latex(indexed, self.notation)), text, size)
        tex = frame.format(self._marked(node, NUMBER))
        return math(tex, text, size, number=str(node.index.offset))

    def _marked(self, node: Node, shown: str) -> str:
        """A reference with something else in the place of the column's index."""
        places = node.variable.places if isinstance(node.variable, Lane) else (None,)
        indices = tuple(Index("", _MARK) if i is None else i for i in places)
        reference = Reference(node.name, indices)
        return reference_latex(reference, self.notation).replace(str(_MARK), shown)
