"""Variants of a recurrence that lectures ask for, each again a recurrence.

Free running from teacher forcing and back (Goodfellow, Bengio & Courville 2016, fig. 10.6), the same
backward in time, several layers of it (fig. 10.13a).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from unroll.errors import UnrollError, nearest
from unroll.symbolic.expressions import (
    Call,
    Expression,
    Index,
    Range,
    Reference,
    rebuild,
    references,
    substitute,
    walk,
)
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.ordering import components
from unroll.symbolic.recurrence import INPUT, PARAMETER, Axis, Equation, Recurrence
from unroll.symbolic.transformations import R, fresh

# --- what is fed back -------------------------------------------------------------------


def free_running(recurrence: R, feeds: Mapping[str, str] | None = None) -> R:
    """With the network's own outputs fed back where targets of earlier steps are.

    feeds: target -> output, as {"y": "o"}; default: each target and what its loss compares it with.
    Raises UnrollError where no target of an earlier step is used.
    """
    feeds = dict(feeds or {y: o for o, y in compared(recurrence)})
    return _fed(recurrence, feeds, "target", "is fed back at an earlier step")


def teacher_forced(recurrence: R, feeds: Mapping[str, str] | None = None) -> R:
    """With targets of earlier steps in place of the network's own outputs.

    feeds: output -> target, as {"o": "y"}; default: what losses compare. Raises UnrollError where no
    output of an earlier step is used.
    """
    feeds = dict(feeds or dict(compared(recurrence)))
    return _fed(recurrence, feeds, "output", "is used at an earlier step")


def compared(recurrence: Recurrence) -> list[tuple[str, str]]:
    """Pairs (output, target) of losses: what stands in a target's place, and beside it."""
    found = []
    for equation in recurrence.equations:
        for node in walk(equation.expression):
            row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
            if row is None or not row.loss:
                continue
            assert isinstance(node, Call)
            names = [
                [r.name for r in references(a) if recurrence.role(r.name) != PARAMETER]
                for a in node.arguments
            ]
            outputs = [n for n in names[0] if n in recurrence.defined]
            targets = [n for n in names[-1] if recurrence.role(n) == INPUT]
            if outputs and targets:
                found.append((outputs[0], targets[0]))
    return found


def _fed(recurrence: R, feeds: Mapping[str, str], kind: str, what: str) -> R:
    for name in (*feeds, *feeds.values()):
        if name not in recurrence.names:
            close = nearest(name, recurrence.names)
            raise UnrollError(
                f"there is no {name!r} in this recurrence",
                remedy=f"Did you mean {close!r}?" if close else None,
            )
    changed = False

    def other(r: Reference) -> Expression | None:
        nonlocal changed
        if r.name not in feeds or not any(
            i.base in recurrence.letters and i.offset for i in r.indices
        ):
            return None
        changed = True
        return replace(r, name=feeds[r.name])

    equations = tuple(
        replace(e, expression=substitute(e.expression, other)) for e in recurrence.equations
    )
    if not changed:
        pairs = ", ".join(feeds) or "none known"
        raise UnrollError(
            f"no {kind} {what} ({kind}s: {pairs})",
            remedy='Say what takes whose place, as in {"y": "o"}.',
        )
    return replace(recurrence, equations=equations)


# --- backward in time -------------------------------------------------------------------


def reverse(recurrence: R, letter: str | None = None) -> R:
    """The same computation along an axis the other way round: lags become leads, the start the end.

    letter: of the axis (default: time). Run on inputs turned round it gives values turned round.
    Raises UnrollError for a tree's axis.
    """
    axis = _axis(recurrence, letter)
    if axis.leaves:
        raise UnrollError(f"{axis.name} runs over a tree, which has no other way round")

    def turned(index: Index, own: Axis) -> Index:
        if own.length != axis.length:
            return index
        if index.base in recurrence.letters:
            return Index(index.base, -index.offset)
        if index.base:
            return Index("", 1 - index.offset)
        return axis.last.shift(1 - index.offset)

    def reference(r: Reference) -> Reference:
        pairs = zip(r.indices, recurrence.axes_of(r.name))
        return replace(r, indices=tuple(turned(i, a) for i, a in pairs))

    def within(old: Range) -> Range:
        own = recurrence.letters[old.axis]
        start, stop = (None if i is None else turned(i, own) for i in (old.start, old.stop))
        if own.length != axis.length:
            return old
        return replace(old, start=stop, stop=start)

    def change(node: Expression) -> Expression:
        if isinstance(node, Reference):
            if node.name in recurrence.letters and not node.indices:
                own = recurrence.letters[node.name]
                return Reference(axis.length) + 1 - node if own.length == axis.length else node
            return reference(node)
        if isinstance(node, Call) and node.limits is not None:
            return replace(node, limits=within(node.limits))
        return node

    equations = tuple(
        replace(
            e,
            target=reference(e.target),
            expression=rebuild(e.expression, change),
            ranges=tuple(map(within, e.ranges)),
        )
        for e in recurrence.equations
    )
    return replace(recurrence, equations=equations)


def _axis(recurrence: Recurrence, letter: str | None) -> Axis:
    if letter is None:
        return recurrence.axes[0]
    if letter not in recurrence.letters:
        known = ", ".join(recurrence.letters)
        raise UnrollError(f"there is no axis {letter!r}", remedy=f"The axes are: {known}.")
    return recurrence.letters[letter]


# --- several layers ---------------------------------------------------------------------


def stack(recurrence: R, state: str | None = None, source: str | None = None) -> R:
    """Layers of the same recurrence, each fed with the state of the one below (fig. 10.13a).

    Everything between the input and the state gets an index l = 1..n_l, its parameters too; what
    comes after reads the top layer. state, source: names of the state that is handed up and of the
    input that it takes the place of, where there are several.
    Raises UnrollError where they cannot be told, or the recurrence has several axes.
    """
    if len(recurrence.axes) > 1:
        raise UnrollError("a recurrence on several axes cannot be stacked", remedy="Write h[l, t].")
    t = recurrence.axes[0]
    cells = [set(c.names) for c in components(recurrence) if c.walks]
    state = _only(
        state, [n for n in recurrence.defined if _is_handed_up(recurrence, n, cells)], "state"
    )
    inside = next((c for c in cells if state in c), {state})
    inside = inside | _between(recurrence, inside)
    fed = [n for n in recurrence.inputs if any(_uses(recurrence, n, m) for m in inside)]
    source = _only(source, fed, "input")
    letter = fresh("l", set(recurrence.names))
    layer, top = Axis(letter, f"n_{letter}"), Index(f"n_{letter}")
    shared = {
        n for n in recurrence.parameters if any(_uses(recurrence, n, m) for m in inside)
        and not any(_uses(recurrence, n, m) for m in recurrence.defined if m not in inside)
    }  # fmt: skip
    here = Index(letter)

    def inner(r: Reference) -> Reference | None:
        if r.name == source:
            return Reference(state, (here.shift(-1), *r.indices), r.span)
        if r.name in inside or r.name in shared:
            return replace(r, indices=(here, *r.indices))
        return None

    def outer(r: Reference) -> Reference | None:
        return replace(r, indices=(top, *r.indices)) if r.name in inside else None

    equations = [
        Equation(
            Reference(state, (Index("", 0), Index(t.name))), Reference(source, (Index(t.name),))
        )
    ]
    for e in recurrence.equations:
        if e.name in inside:
            target = replace(e.target, indices=(here, *e.target.indices))
            e = replace(e, target=target, expression=substitute(e.expression, inner))
        else:
            e = replace(e, expression=substitute(e.expression, outer))
        equations.append(e)
    return replace(recurrence, equations=tuple(equations), axes=(t, layer))


def _is_handed_up(recurrence: Recurrence, name: str, cells: list[set[str]]) -> bool:
    """Whether a variable of a cycle is what something outside of it reads; or nothing is."""
    cell = next((c for c in cells if name in c), None)
    if cell is None:
        return False
    readers = {
        m for m in cell
        for e in recurrence.equations
        if e.name not in cell and any(r.name == m for r in references(e.expression))
    }  # fmt: skip
    return name in readers or (not readers and name in recurrence.states)


def _between(recurrence: Recurrence, cell: set[str]) -> set[str]:
    """Variables on the axis that a cycle needs: they are part of each layer."""
    found = set(cell)
    todo = list(cell)
    while todo:
        for equation in recurrence.equations_of(todo.pop()):
            for r in references(equation.expression):
                if r.name in recurrence.defined and r.indices and r.name not in found:
                    found.add(r.name)
                    todo.append(r.name)
    return found


def _uses(recurrence: Recurrence, name: str, user: str) -> bool:
    return any(
        r.name == name for e in recurrence.equations_of(user) for r in references(e.expression)
    )


def _only(given: str | None, found: list[str], what: str) -> str:
    if given is not None:
        return given
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise UnrollError(
            f"which {what} leads from layer to layer cannot be told (there are: {names})",
            remedy=f'Name it, as in stack({"state" if what == "state" else "source"}="h").',
        )
    return found[0]
