"""The axes of a text: which letters run equally far, and what their lengths are called (rule 13)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from unroll.errors import UnrollError
from unroll.language.building import Bound, Definition
from unroll.language.histories import Stretch
from unroll.language.reductions import FRESH, index_of
from unroll.language.survey import LEAVES, ROOT, Survey
from unroll.symbolic.expressions import (
    Call,
    Expression,
    Index,
    Range,
    Reference,
    rebuild,
    references,
    walk,
)
from unroll.symbolic.recurrence import Axis, Equation

DEFAULT = Axis().length
_NODES, _LEAVES = "n_nodes", "n_leaves"


class Lengths:
    """Letters in groups that run equally far: they index one name, or have one length."""

    def __init__(self, definitions: Sequence[Definition], survey: Survey) -> None:
        self.survey = survey
        self.names = {r.name for d in definitions for r in (d.target, *references(d.expression))}
        self.order = list(dict.fromkeys((*_appearance(definitions, survey), *survey.letters)))
        self.group = {letter: letter for letter in self.order}
        self.free = _free(definitions, survey) | {*survey.declared}
        self.default = DEFAULT
        self.aliases: dict[str, str] = {}  # names of lengths, each with a letter
        for letter, length in survey.declared.items():
            self.alias(length, letter)
        self.collect(definitions)
        self.alias_time()

    # --- groups -----------------------------------------------------------------------

    def collect(self, definitions: Sequence[Definition]) -> None:
        places: dict[tuple[str, int], str] = {}
        for definition in definitions:
            for bound in definition.bounds:
                if bound.sign in ("<", "<=") and bound.letter.name in self.group:
                    self.bounded(bound.letter.name, _end(bound))
            for part in (definition.target, *walk(definition.expression)):
                if isinstance(part, Call) and part.over in self.group and part.limits:
                    self.bounded(part.over, part.limits.stop)
                    self.bounded(part.over, part.limits.parent)
                if not isinstance(part, Reference):
                    continue
                for position, index in enumerate(part.indices):
                    if index.base not in self.group:
                        continue
                    first = places.setdefault((part.name, position), index.base)
                    self.join(first, index.base)

    def bounded(self, letter: str, end: Index | None) -> None:
        """What a letter runs up to: another letter of its axis, or a name for the length."""
        if end is None or not end.base:
            return
        if end.base in self.group:
            self.join(letter, end.base)
        elif not self.of_tree(end.base) and not (len(end.base) == 1 and end.offset):
            self.alias(end.base, letter)

    def of_tree(self, name: str) -> bool:
        """Whether a name is of a tree: of all its nodes, its leaves or its root."""
        named = name in (LEAVES, ROOT) or name.startswith((_NODES, _LEAVES))
        return bool(self.survey.trees) and named

    def alias(self, length: str, letter: str) -> None:
        if not length.isdigit():
            self.join(self.aliases.setdefault(length, letter), letter)

    def alias_time(self) -> None:
        """`T` and `tau` are the length of time, unless another axis has that name."""
        for name in (DEFAULT, "T"):
            if self.survey.axis == "t" or name not in self.aliases:
                if self.survey.axis in self.group and not self.survey.declared.get(
                    self.survey.axis
                ):
                    self.alias(name, self.survey.axis)
                self.aliases.setdefault(name, self.survey.axis)
        for letter in self.order:
            self.aliases.setdefault(f"n_{letter}", letter)

    def join(self, one: str, other: str) -> None:
        """Let two letters run equally far, unless the text gives them different lengths."""
        one, other = self.root(one), self.root(other)
        lengths = [self.declared(one), self.declared(other)]
        if one == other or (all(lengths) and lengths[0] != lengths[1]):
            return
        self.group[max(one, other, key=self.order.index)] = min(one, other, key=self.order.index)

    def root(self, letter: str) -> str:
        while self.group[letter] != letter:
            letter = self.group[letter]
        return letter

    def members(self, letter: str) -> list[str]:
        root = self.root(letter)
        return [other for other in self.order if self.root(other) == root]

    def declared(self, letter: str) -> str | None:
        """The length that the text gives one of the letters of a group."""
        found = (self.survey.declared.get(other) for other in self.members(letter))
        return next((length for length in found if length), None)

    # --- axes -------------------------------------------------------------------------

    def axis(self, letter: str) -> Axis:
        """The axis of a letter, with the name of its length."""
        members = self.members(letter)
        trees = [other for other in members if other in self.survey.trees]
        own = self.survey.declared.get(letter) or self.declared(letter)
        if trees:
            several = {self.root(other) for other in self.survey.trees if other in self.group}
            mark = f"_{trees[0]}" if len(several) > 1 else ""
            return Axis(letter, own or _NODES + mark, _LEAVES + mark)
        if own:
            return Axis(letter, own)
        if self.survey.axis in members:
            return Axis(letter, self.default)
        first = next((other for other in members if other in self.free), members[0])
        known = [n for n in self.aliases if self.root(self.aliases[n]) == self.root(letter)]
        named = [n for n in known if "_" in n and not n.startswith("n_") and n not in self.names]
        return Axis(letter, named[0] if named else f"n_{first}")

    def value(self, name: str, letter: str = "") -> Index | None:
        """The length that a name stands for, as an index; letter: where the name is of no axis."""
        if name in (ROOT, LEAVES):
            node = letter if letter in self.survey.trees else min(self.survey.trees, default="")
            if not node:
                return None
            axis = self.axis(node)
            return axis.last if name == ROOT else Index(axis.leaves)
        for node in sorted(self.survey.trees & {*self.group}):
            if name in (self.axis(node).length, self.axis(node).leaves):
                return Index(name)
        if name in self.aliases:
            return self.axis(self.aliases[name]).last
        if name in self.survey.lengths or re.fullmatch("T_[a-z]", name):
            return self.axis(self.survey.lengths.get(name, self.survey.axis)).last
        return None

    def fresh(self, letter: str, taken: Collection[str]) -> str:
        """A letter that runs as far as another: one that does already, or a new one."""
        for other in self.order:
            bound = other not in self.free or other in self.survey.declared
            if other not in taken and other != letter and bound and self.same(other, letter):
                return other
        for other in self.order:
            if other not in taken and other != letter and self.same(other, letter):
                return other
        new = next(c for c in FRESH if c not in self.names and c not in self.group)
        self.order.append(new)
        self.group[new] = self.root(letter)
        return new

    def same(self, one: str, other: str) -> bool:
        return self.root(one) == self.root(other)

    def axes(self, used: Iterable[str]) -> tuple[Axis, ...]:
        """The axes of the letters that are used, time first."""
        order = [letter for letter in dict.fromkeys(used) if letter in self.group]
        time = self.survey.axis
        others = [self.axis(letter) for letter in order if letter != time]
        if time not in order and others:
            return tuple(others)
        first = self.axis(time) if time in self.group else Axis(time or "t", self.default)
        return (first, *others)


def _end(bound: Bound) -> Index | None:
    try:
        return index_of(bound.value, bound.letter.name)
    except UnrollError:
        return None


def letters_of(node: Expression | Reference) -> Iterator[str]:
    """Index letters and names as they appear, those that reductions bind included."""
    for part in walk(node):
        if isinstance(part, Reference):
            yield from (i.base for i in part.indices)
            if not part.indices:
                yield part.name
        elif isinstance(part, Call) and part.over:
            yield part.over


def _appearance(definitions: Sequence[Definition], survey: Survey) -> Iterator[str]:
    for definition in definitions:
        for part in (definition.target, definition.expression):
            yield from (x for x in letters_of(part) if x in survey.letters)


def _free(definitions: Sequence[Definition], survey: Survey) -> set[str]:
    """Letters that left sides have."""
    return {i.base for d in definitions for i in d.target.indices if i.base in survey.letters}


# --- names by lengths -----------------------------------------------------------------


def at_lengths(node: Expression, lengths: Mapping[str, Index]) -> Expression:
    """An expression with the names of lengths in indices and ranges by the lengths themselves."""

    def change(part: Expression) -> Expression:
        if isinstance(part, Reference) and part.indices:
            indices = tuple(_at(i, lengths) for i in part.indices)
            return part if indices == part.indices else replace(part, indices=indices)
        if isinstance(part, Call) and part.limits is not None:
            return replace(part, limits=range_at(part.limits, lengths))
        return part

    return rebuild(node, change)


def range_at(within: Range, lengths: Mapping[str, Index]) -> Range:
    start, stop = (i and _at(i, lengths) for i in (within.start, within.stop))
    return replace(within, start=start, stop=stop)


def _at(index: Index, lengths: Mapping[str, Index]) -> Index:
    if isinstance(index, Stretch):
        return replace(index, within=range_at(index.within, lengths))
    to = lengths.get(index.base)
    return index if to is None or index.via else to.shift(index.offset)


def in_words(equation: Equation, axes: Sequence[Axis]) -> Equation:
    """An equation with the root and the leaves of a tree by name, as in `h[root]`, `n in leaves`."""
    trees = [axis for axis in axes if axis.leaves][:1]
    places = {n: Index(to) for a in trees for n, to in ((a.length, ROOT), (a.leaves, LEAVES))}
    if not places:
        return equation
    target = at_lengths(equation.target, places)
    assert isinstance(target, Reference)
    ranges = tuple(range_at(r, places) for r in equation.ranges)
    return Equation(target, at_lengths(equation.expression, places), ranges, equation.span)
