"""Arranging: an order of blocks in memory in which what is worked on together lies side by side.

A call costs as much for one block as for four, if the four are one run of memory. What should be a
run is a *wish*; wishes are granted one after the other as long as an order grants all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from unroll.numeric.tape.blocks import Block

LIMIT = 20_000  # orders tried for one wish


@dataclass(frozen=True, eq=False, slots=True)
class Wish:
    """Sets of blocks, each to be a run; `aligned`: and all in the same order, entry by entry."""

    runs: tuple[tuple[Block, ...], ...]
    aligned: bool = False

    @property
    def blocks(self) -> frozenset[Block]:
        return frozenset(b for run in self.runs for b in run)


def arrange(
    items: Sequence[Block], wishes: Iterable[Sequence[Wish]], last: frozenset[Block]
) -> tuple[list[list[Block]], list[Wish | None]]:
    """Rows of blocks, each of which is one piece of memory, and for each wish the way it is granted.

    wishes: each as alternatives, of which one will do; last: blocks better placed at the end.
    """
    granted: list[Wish] = []
    answers: list[Wish | None] = []
    for alternatives in wishes:
        answer = None
        for wish in alternatives:
            if not wish.blocks <= set(items):
                continue
            group = _connected([*granted, wish], wish.blocks)
            inside = [w for w in (*granted, wish) if w.blocks <= group]
            if _order([i for i in items if i in group], inside, last) is not None:
                answer = wish
                granted.append(wish)
                break
        answers.append(answer)
    rows: list[list[Block]] = []
    left = list(items)
    while left:
        group = _connected(granted, {left[0]})
        inside = [w for w in granted if w.blocks <= group]
        order = _order([i for i in left if i in group], inside, last)
        assert order is not None
        rows.append(order)
        left = [i for i in left if i not in group]
    return rows, answers


def _connected(wishes: Sequence[Wish], start: Iterable[Block]) -> set[Block]:
    """The blocks that wishes tie to some."""
    found = set(start)
    grown = True
    while grown:
        grown = False
        for wish in wishes:
            if wish.blocks & found and not wish.blocks <= found:
                found |= wish.blocks
                grown = True
    return found


def _order(
    items: Sequence[Block], wishes: Sequence[Wish], last: frozenset[Block]
) -> list[Block] | None:
    """An order of blocks that grants all wishes, with `last` ones at the end if that can be."""
    if len(items) == 1:
        return list(items)
    runs = [frozenset(run) for w in wishes for run in w.runs]
    first = sorted(items, key=lambda b: b in last)
    best: list[Block] | None = None
    tried = 0
    stack: list[tuple[list[Block], list[Block]]] = [([], first)]
    while stack and tried < LIMIT:
        placed, left = stack.pop()
        tried += 1
        if not left:
            if all(_is_aligned(w, placed) for w in wishes if w.aligned):
                if _tail(placed, last) == len(last & set(items)):
                    return placed
                if best is None or _tail(placed, last) > _tail(best, last):
                    best = placed
            continue
        open_ = [r for r in runs if 0 < len(r.intersection(placed)) < len(r)]
        for block in reversed(left):
            if all(block in r for r in open_):
                stack.append(([*placed, block], [b for b in left if b is not block]))
    return best


def _is_aligned(wish: Wish, order: Sequence[Block]) -> bool:
    """Whether all runs have their blocks in the same order."""
    place = {b: i for i, b in enumerate(order)}
    ranks = [sorted(range(len(run)), key=lambda i: place[run[i]]) for run in wish.runs]
    return all(a == b for a, b in pairwise(ranks))


def _tail(order: Sequence[Block], last: frozenset[Block]) -> int:
    """How many blocks at the end are among `last`."""
    count = 0
    for block in reversed(order):
        if block not in last:
            break
        count += 1
    return count
