"""Lettering: how names are written, apart from what they are called in the text.

A lecture has its own letters for the state, its own place for the step, bold vectors or not. None
of it changes a recurrence: a lettering is put between a name and its LaTeX, so that arrays, rows
and data keep the names of the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from unroll.symbolic.expressions import (
    Call,
    Expression,
    Index,
    Range,
    Reference,
    rebuild,
)

INDICES = ("book", "subscript", "angle", "brackets")
GRADIENT = "grad_"


@dataclass(frozen=True)
class Lettering:
    r"""How names are written.

    index: where the step stands: `book` h^{(t)}, `subscript` h_t, `angle` h^{\langle t\rangle},
    `brackets` h[t]; names: others for names of the text, axis letters and lengths (`("h", "a")`);
    bold: names of the text that are vectors, matrices or more.
    """

    index: str = "book"
    names: tuple[tuple[str, str], ...] = ()
    bold: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.index not in INDICES:
            raise ValueError(f"notation {self.index!r} is none of {', '.join(INDICES)}")

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return dict(self.names)

    def name(self, name: str) -> str:
        """What is written for a name of the text."""
        if name.startswith(GRADIENT):
            return GRADIENT + self.name(name.removeprefix(GRADIENT))
        return self._names.get(name, name)

    def renamed(self, node: Expression) -> Expression:
        """An expression with the names that are written."""

        def change(part: Expression) -> Expression:
            if isinstance(part, Reference):
                return self.reference(part)
            if isinstance(part, Call) and part.over is not None:
                limits = self.range(part.limits) if part.limits else None
                return replace(part, over=self.name(part.over), limits=limits)
            return part

        return rebuild(node, change) if self.names else node

    def reference(self, reference: Reference) -> Reference:
        indices = tuple(self.place(i) for i in reference.indices)
        return Reference(self.name(reference.name), indices)

    def place(self, index: Index) -> Index:
        """An index with the letter or length that is written; what is no plain one as it is."""
        if type(index) is not Index or not index.base:
            return index
        return Index(self.name(index.base), index.offset, index.via)

    def range(self, within: Range) -> Range:
        ends = (
            None if i is None else self.place(i) for i in (within.start, within.stop, within.parent)
        )
        return Range(self.name(within.axis), *ends)


def hand_of(notation: str | Lettering) -> Lettering:
    """A notation by its name, or as it is. Raises ValueError for a name that there is not."""
    return notation if isinstance(notation, Lettering) else Lettering(notation)


def bold_names(shapes: Mapping[str, Sequence[object]]) -> frozenset[str]:
    """Names to be written bold, by value shapes: all but scalars."""
    return frozenset(name for name, shape in shapes.items() if len(shape))
