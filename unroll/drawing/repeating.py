"""Very long figures: one slice is drawn once and repeated, its number put together from digits.

A short sequence is laid out instead of the long one, with a column for each number of digits in its
middle; these become the slices, what comes after them moves to the end. A slice brings its last two
digits along; those before them stay the same for a hundred steps or more, and are drawn for as many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeGuard

from unroll.drawing.columns import Column, Timeline, numbered
from unroll.drawing.labels import NUMBER, SIZE, math
from unroll.drawing.painting import Painted
from unroll.drawing.scene import Circle, Group, Ink, Item, Outline, Shape, Stamp, moved
from unroll.graph.folded import FoldedGraph
from unroll.symbolic.expressions import Index, references

LONG = 400  # steps from which on slices are repeated
_PLACE = "8"  # the digit in whose place the others are put; all are equally wide
Symbols = tuple[tuple[str, tuple[Item, ...]], ...]


def middle_of(graph: FoldedGraph) -> int:
    """The step that becomes the slice: no start and no end is within its reach."""
    return 4 + max((abs(link.lag) for link in graph.links if link.lag), default=0)


def is_periodic(graph: FoldedGraph, steps: int | None, elide: str) -> bool:
    """Whether all but the first and last steps look the same, and there are many of them."""
    if steps is None or steps <= LONG or elide != "none" or graph.length.isdigit():
        return False
    numbers = [
        index.offset
        for link in graph.links
        for index in (*link.at, *link.to, *(i for side in link.within for i in side))
        if not index.base
    ]
    return (
        all(v.ranges for v in graph.variables)
        and not any(link.cut is not None for link in graph.links)
        and max(numbers, default=0) < middle_of(graph)
        and not any(r.indices for k in graph.links for f in k.factors for r in references(f))
    )


def shortened(graph: FoldedGraph, steps: int) -> Timeline:
    """The columns of a short sequence: the first steps, a slice for each number of digits, the last.

    Slices bear the numbers 8, 88, 888, ...
    """
    before = middle_of(graph) - 1
    digits = _digits(graph, steps)
    line = numbered(graph, 2 * before + len(digits), "none")
    return replace(line, columns=tuple(_renamed(c, before, digits, steps) for c in line.columns))


def _digits(graph: FoldedGraph, steps: int) -> range:
    """How many digits the numbers of repeated slices have."""
    before = middle_of(graph) - 1
    return range(len(str(before + 1)), len(str(steps - before)) + 1)


def _renamed(column: Column, before: int, digits: range, steps: int) -> Column:
    place = column.first - before - 1
    if place < 0:
        return column
    if place < len(digits):
        return replace(column, index=Index("", int(_PLACE * digits[place])))
    assert column.index is not None
    return replace(column, index=column.index.shift(steps - 2 * before - len(digits)))


def repeat(
    graph: FoldedGraph, line: Timeline, painted: Painted, steps: int
) -> tuple[tuple[Item, ...], Symbols]:
    """The items of the long figure, and the symbols that they repeat."""
    before = middle_of(graph) - 1
    digits = _digits(graph, steps)
    first = next(i for i, c in enumerate(line.columns) if c.first == before + 1)
    last = first + len(digits) - 1
    items: list[Item] = [g for column, g in painted.groups if column is None or column < first]
    after = [g for column, g in painted.groups if column is not None and column > last]
    pitch = _pitch(painted, first)
    slices = _Slices(pitch)
    for k, count in enumerate(digits):
        own = [moved(g, -k * pitch, 0.0) for c, g in painted.groups if c == first + k]
        low = max(before + 1, 10 ** (count - 1))
        high = min(steps - before, 10**count - 1)
        items += slices.repeated(own, count, range(low, high + 1), before + 1)
    more = steps - 2 * before - len(digits)
    items += [moved(group, more * pitch, 0.0) for group in after]
    return tuple(items), tuple(slices.symbols.items())


def _pitch(painted: Painted, column: int) -> float:
    """How far the same node of the next column lies to the right."""
    here, there = (
        {g.fact("name"): x for c, g in painted.groups if c == k for x in _centers(g)}
        for k in (column, column + 1)
    )
    return next(there[name] - x for name, x in here.items() if name in there)


def _centers(group: Group) -> Iterator[float]:
    if group.kind == "node":
        yield from (i.x for i in group.items if isinstance(i, Circle))


@dataclass
class _Slices:
    """One call of `repeat`: the symbols made on the way, those that others are made of first."""

    pitch: float
    symbols: dict[str, tuple[Item, ...]] = field(default_factory=dict)

    def repeated(
        self, groups: Sequence[Item], count: int, numbers: range, start: int
    ) -> Iterator[Item]:
        """Slices with the numbers of a range, each with so many digits; that of `start` in place."""
        fixed, places = _split(groups, count)
        plain = f"slice-{count}"
        self.symbols[plain] = fixed
        for place, found in enumerate(places):
            for digit in range(10):
                shapes = tuple(
                    Ink(_ten(ink.outline)[digit], ink.x, ink.y, ink.fill) for ink in found
                )
                self.symbols[f"digits-{count}-{place}-{digit}-0"] = shapes
        yield from self._stamps(plain, count, numbers, start)
        for place in range(count - 2):
            yield from self._runs(count, place, numbers, start)

    def _stamps(self, plain: str, count: int, numbers: range, start: int) -> Iterator[Item]:
        """One stamp for each slice, its last two digits included."""
        ending = 10 ** min(count, 2)
        view = ("view", "unfolded")
        for number in numbers:
            symbol = f"{plain}-{number % ending}"
            if symbol not in self.symbols:
                shown = str(number)[-2:]
                ends = enumerate(shown, count - len(shown))
                self.symbols[symbol] = (
                    Stamp(plain, 0.0),
                    *(Stamp(f"digits-{count}-{place}-{digit}-0", 0.0) for place, digit in ends),
                )
            x = (number - start) * self.pitch
            yield Stamp(symbol, x, 0.0, "slice", (view, ("step", str(number))))

    def _runs(self, count: int, place: int, numbers: range, start: int) -> Iterator[Item]:
        """The digit at a place of all numbers, in runs of a power of ten."""
        largest = count - 1 - place
        number = numbers.start
        while number < numbers.stop:
            power = largest
            while number % 10**power or number + 10**power > numbers.stop:
                power -= 1
            symbol = self._run(count, place, str(number)[place], power)
            yield Stamp(symbol, (number - start) * self.pitch)
            number += 10**power

    def _run(self, count: int, place: int, digit: str, power: int) -> str:
        symbol = f"digits-{count}-{place}-{digit}-{power}"
        if symbol not in self.symbols:
            inner = self._run(count, place, digit, power - 1)
            step = 10 ** (power - 1) * self.pitch
            self.symbols[symbol] = tuple(Stamp(inner, i * step) for i in range(10))
        return symbol


def _split(groups: Sequence[Item], count: int) -> tuple[tuple[Shape, ...], list[list[Ink]]]:
    """The shapes of a slice without its number, and those of each place of its number."""
    fixed: list[Shape] = []
    places: list[list[Ink]] = [[] for _ in range(count)]
    for shape, place in _shapes(groups, _PLACE * count):
        if place is None or not isinstance(shape, Ink):
            fixed.append(replace(shape, tex="") if isinstance(shape, Ink) else shape)
        else:
            places[place].append(shape)
    return tuple(fixed), places


def _shapes(items: Sequence[Item], number: str) -> Iterator[tuple[Shape, int | None]]:
    """Shapes, each with its place in the number if it is a digit of it."""
    numbered = re.compile(rf"[\\[,]{number}[\\],]")
    for item in items:
        if not isinstance(item, Group):
            if not isinstance(item, Stamp):
                yield item, None
            continue
        if not (item.kind == "label" and numbered.search(item.text or "")):
            yield from _shapes(item.items, number)
            continue
        digits = _number_in(item.items, len(number))
        yield from ((s, digits.get(i)) for i, s in enumerate(item.items) if _is_shape(s))


def _number_in(items: Sequence[Item], count: int) -> dict[int, int]:
    """Which items of a label are which digits of its number; none where it has no such number."""
    eights = [isinstance(i, Ink) and _is_place(i.outline) for i in items]
    start = next((k for k in range(len(eights)) if all(eights[k : k + count])), len(eights))
    return {start + place: place for place in range(min(count, len(eights) - start))}


def _is_shape(item: Item) -> TypeGuard[Shape]:
    return not isinstance(item, (Group, Stamp))


@lru_cache(maxsize=1024)
def _is_place(outline: Outline) -> bool:
    """Whether an outline is that of the digit in whose place others are put, at some size."""
    if not outline.commands:
        return False
    same = _ten(outline)[int(_PLACE)].commands
    return [letter for letter, _ in same] == [letter for letter, _ in outline.commands] and all(
        abs(a - b) < 1e-6
        for (_, one), (_, other) in zip(same, outline.commands)
        for a, b in zip(one, other)
    )


@lru_cache(maxsize=1024)
def _ten(outline: Outline) -> tuple[Outline, ...]:
    """The ten digits as large as a digit is."""
    size = SIZE * outline.bounds.height / _digit(int(_PLACE), SIZE).bounds.height
    return tuple(_digit(digit, size) for digit in range(10))


def _digit(digit: int, size: float) -> Outline:
    shape = math(NUMBER, str(digit), size, number=str(digit)).shapes[-1]
    assert isinstance(shape, Ink)
    return shape.outline
