"""How long the axes are: the numbers that names of lengths stand for, and the trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from unroll.errors import UnrollError
from unroll.symbolic.trees import Tree


@dataclass(frozen=True)
class Sizes:
    """lengths: (name, number) pairs, as `("tau", 5)`; trees: (name of a length, tree) pairs."""

    lengths: tuple[tuple[str, int], ...]
    trees: tuple[tuple[str, Tree], ...] = ()

    @cached_property
    def _by_name(self) -> Mapping[str, int]:
        return dict(self.lengths)

    @cached_property
    def _trees(self) -> Mapping[str, Tree]:
        return dict(self.trees)

    def __getitem__(self, length: str) -> int:
        """The number a length stands for; one written as a number is that number."""
        return int(length) if length.isdigit() else self._by_name[length]

    def __contains__(self, length: str) -> bool:
        return length.isdigit() or length in self._by_name

    def tree(self, length: str) -> Tree:
        """The tree that has so many nodes."""
        found = self._trees.get(length)
        if found is None:
            raise UnrollError(
                f"nothing says which tree it is that has {length} nodes",
                remedy='Give one: tree="balanced", tree="chain", or each node\'s parent.',
            )
        return found
