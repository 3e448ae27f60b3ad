"""The BPTT equations as a lecture writes them: boundary case, general step, sums over time.

The adjoint is one equation a variable with leads that run out of range at the end; here each
becomes its cases, with what is out of range left out, next to the chain rule that it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from unroll.symbolic.adjoint import Adjoint
from unroll.symbolic.expressions import (
    ZERO,
    Call,
    Expression,
    Index,
    Range,
    Reference,
    references,
    reindex,
)
from unroll.symbolic.extents import is_point
from unroll.symbolic.ordering import uses
from unroll.symbolic.readings import reading, relative
from unroll.symbolic.recurrence import INPUT, Axis, Equation, Recurrence
from unroll.symbolic.simplification import simplify
from unroll.symbolic.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Through:
    """One path of the chain rule: `source` acts on the objective through `target`.

    over: letters of the target that the source has not: it acts at all of their steps, as a
    parameter does.
    """

    source: Reference
    target: Reference
    over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A gradient in one case.

    of: the name whose gradient it is; equation: for that case's range; paths: the chain rule;
    book: number of the equation in the source, where known; ascending: whether the gradient runs
    from the first step to the last, as that of a state that runs backward does.
    """

    of: str
    equation: Equation
    paths: tuple[Through, ...] = ()
    book: str = ""
    ascending: bool = False

    @property
    def key(self) -> str:
        """What the line is about, as in `h[tau]`, `h[t]`, `W`."""
        return self.of + "".join(f"[{i}]" for i in self.equation.target.indices)


def lines(adjoint: Adjoint, book: Mapping[str, str] | None = None) -> tuple[Line, ...]:
    """The equations of an adjoint, case by case, in the order of the backward pass.

    book: equation numbers of a source by line key (`{"h[tau]": "10.19"}`).
    """
    forward = replace(adjoint.recurrence, equations=adjoint.forward)
    names = sorted(adjoint.gradients, key=lambda n: _place(forward, adjoint, n))
    found: list[Line] = []
    for name in names:
        if name == adjoint.objective and forward.axis_of(name) is None:
            continue
        found += _cases(adjoint, forward, name, adjoint.gradients[name])
    shown: set[str] = set()
    while left := [a for a in adjoint.auxiliaries if a not in shown and _stands_in(found, a)]:
        shown.add(left[0])
        found += _cases(adjoint, forward, left[0], left[0])
    return tuple(replace(x, book=(book or {}).get(x.key, "")) for x in found)


def _place(forward: Recurrence, adjoint: Adjoint, name: str) -> tuple[int, int]:
    """Variables as BPTT meets them, then parameters, vectors first, then inputs."""
    order = list(adjoint.gradients).index(name)
    if name in forward.defined:
        return 0, order
    if forward.role(name) == INPUT:
        return 3, order
    return (1 if len(adjoint.shapes[name]) < 2 else 2), _first_use(forward, adjoint, name)


def _first_use(forward: Recurrence, adjoint: Adjoint, name: str) -> int:
    """Place of the variable whose equation uses a parameter, in the order of the backward pass."""
    order = list(adjoint.gradients)
    users = [
        order.index(e.name)
        for e in forward.equations
        if e.name in order and any(r.name == name for r in references(e.expression))
    ]
    return min(users, default=len(order))


def letter(adjoint: Adjoint) -> str:
    """A total that only adds up the steps of a loss goes by the loss's letter, as in the book."""
    for equation in adjoint.recurrence.equations_of(adjoint.objective):
        call = equation.expression
        if isinstance(call, Call) and call.over and isinstance(call.arguments[0], Reference):
            return call.arguments[0].name
    return adjoint.objective


# --- cases ------------------------------------------------------------------------


def _stands_in(found: list[Line], name: str) -> bool:
    return any(r.name == name for x in found for r in references(x.equation.expression))


def _inlined(adjoint: Adjoint, auxiliary: str) -> bool:
    """Whether an auxiliary is written out: not where it holds for a part of the axis only."""
    equations = adjoint.recurrence.equations_of(auxiliary)
    return len(equations) == 1 and all(map(is_point, equations[0].ranges))


def _cases(adjoint: Adjoint, forward: Recurrence, of: str, name: str) -> list[Line]:
    """A gradient's equation, split where terms run out of range along its one axis."""
    combined = adjoint.recurrence
    found: list[Line] = []
    for equation in combined.equations_of(name):
        axes = combined.axes_of(name)
        if len(axes) == 1 and not axes[0].leaves:
            found += _ranged_cases(adjoint, forward, of, equation, axes[0])
        else:
            value = simplify(_written_out(adjoint, equation.expression))
            paths = _paths(adjoint, forward, of, None, None)
            found.append(Line(of, replace(equation, expression=value), paths))
    return found


def _ranged_cases(
    adjoint: Adjoint, forward: Recurrence, of: str, equation: Equation, axis: Axis
) -> list[Line]:
    combined = adjoint.recurrence
    reach = 2 + max((abs(i.offset) for e in combined.equations for i in _indices(e)), default=0)
    sizes = combined.sizes(3 * reach + 3)
    steps = sizes[axis.length]
    runs: list[tuple[Expression, tuple[Through, ...], int, int]] = []
    for piece, ((first, last),) in combined.boxes(equation.name, sizes):
        if piece != equation:
            continue
        for at in range(first, last + 1):
            moving = _as_moving(adjoint, equation, axis)
            value = simplify(_at(adjoint, moving, {axis.name: at}, sizes))
            paths = _paths(adjoint, forward, of, {axis.name: at}, sizes)
            if runs and runs[-1][:2] == (value, paths) and runs[-1][3] == at - 1:
                value, paths, begin, _ = runs.pop()
                runs.append((value, paths, begin, at))
            else:
                runs.append((value, paths, at, at))
    gradients = {*adjoint.gradients.values(), *adjoint.auxiliaries}
    ascending = any(
        r.name in gradients and any(i.base == axis.name and i.offset < 0 for i in r.indices)
        for r in references(equation.expression)
    )
    return [
        replace(_line(equation, axis, of, run, steps, reach, len(runs) == 1), ascending=ascending)
        for run in (runs if ascending else reversed(runs))
    ]


def _line(
    equation: Equation,
    axis: Axis,
    of: str,
    run: tuple[Expression, tuple[Through, ...], int, int],
    steps: int,
    reach: int,
    only: bool,
) -> Line:
    """One case as a line: at its point, or over its range."""
    value, paths, first, last = run

    def label(at: int) -> Index:
        return Index("", at) if at <= reach else Index(axis.length, at - steps)

    if equation.index is not None and equation.index.base != axis.name:
        where: Index = equation.index
    elif first == last:
        where = label(first)
    else:
        within = Range(axis.name, label(first), label(last))
        target = replace(equation.target, indices=(Index(axis.name),))
        return Line(of, Equation(target, value, equation.ranges if only else (within,)), paths)
    target = replace(equation.target, indices=(where,))
    moved = tuple(
        Through(_to(p.source, axis.name, where), _to(p.target, axis.name, where), p.over)
        for p in paths
    )
    return Line(of, Equation(target, reindex(value, {axis.name: where})), moved)


def _to(reference: Reference, axis: str, where: Index) -> Reference:
    moved = reindex(reference, {axis: where})
    assert isinstance(moved, Reference)
    return moved


def _indices(equation: Equation) -> list[Index]:
    found = [i for r in references(equation.expression) for i in r.indices]
    ends = [i for r in equation.ranges for i in r.ends]
    return [*found, *equation.target.indices, *ends]


def _as_moving(adjoint: Adjoint, equation: Equation, axis: Axis) -> Expression:
    """The right side with the point where the equation holds written as the axis letter."""
    index = equation.index
    assert index is not None
    if index.base == axis.name:
        return equation.expression
    return relative(adjoint.recurrence, equation.expression, index, axis)


def _at(adjoint: Adjoint, node: Expression, at: Mapping[str, int], sizes: Sizes) -> Expression:
    """An expression at a step: auxiliaries written out, gradients out of range zero."""
    if isinstance(node, Reference) and node.indices:
        new = node.name in adjoint.auxiliaries or node.name in adjoint.gradients.values()
        return _known_at(adjoint, node, at, sizes) if new else node
    if isinstance(node, Call):
        inner = {letter: step for letter, step in at.items() if letter != node.over}
        arguments = tuple(_at(adjoint, a, inner, sizes) for a in node.arguments)
        return replace(node, arguments=arguments)
    return _written_out(adjoint, node)


def _known_at(adjoint: Adjoint, node: Reference, at: Mapping[str, int], sizes: Sizes) -> Expression:
    """A gradient or an auxiliary at a step, as far as its letters are known."""
    combined = adjoint.recurrence
    places = [
        None if i.via or (i.base in combined.letters and i.base not in at)
        else combined.position(i, sizes, at)
        for i in node.indices
    ]  # fmt: skip
    holding = [
        e for e, box in combined.boxes(node.name, sizes)
        if all(p is None or a <= p <= b for p, (a, b) in zip(places, box))
    ]  # fmt: skip
    if all(e.expression == ZERO for e in holding):
        return ZERO
    if None in places:
        return _written_out(adjoint, node)
    if node.name not in adjoint.auxiliaries or not _inlined(adjoint, node.name):
        return node
    (axis, *others) = combined.axes_of(node.name)
    if others:
        return _written_out(adjoint, node)
    moved = reindex(_as_moving(adjoint, holding[0], axis), {axis.name: node.indices[0]})
    return _at(adjoint, moved, at, sizes)


def _written_out(adjoint: Adjoint, node: Expression) -> Expression:
    """Auxiliaries replaced by what they stand for, wherever that holds on the whole axis."""
    if isinstance(node, Reference) and node.name in adjoint.auxiliaries:
        letters = adjoint.recurrence.letters
        definition = adjoint.recurrence.equations_of(node.name)[0]
        target = definition.target.indices
        fits = all(
            i.base in letters and definition.range(i.base).start in (None, to) and not to.via
            for i, to in zip(target, node.indices)
        )
        if not _inlined(adjoint, node.name) or not fits:
            return node
        places = {i.base: to for i, to in zip(target, node.indices)}
        return _written_out(adjoint, reindex(definition.expression, places))
    if isinstance(node, Call):
        return replace(node, arguments=tuple(_written_out(adjoint, a) for a in node.arguments))
    return node


# --- chain rule ---------------------------------------------------------------------


def _paths(
    adjoint: Adjoint,
    forward: Recurrence,
    of: str,
    at: Mapping[str, int] | None,
    sizes: Sizes | None,
) -> tuple[Through, ...]:
    """Through which variables a name acts on the objective, the later steps first."""
    paths: dict[Through, None] = {}
    for equation in forward.equations:
        if equation.name not in adjoint.gradients:
            continue
        for r, bound in uses(equation.expression):
            if r.name == of and (path := _path(forward, equation, r, bound, at, sizes)):
                paths[path] = None

    def lead(path: Through) -> int:
        return -sum(i.offset for i in path.target.indices if i.base in forward.letters)

    return tuple(sorted(paths, key=lead))


def _path(
    forward: Recurrence,
    equation: Equation,
    reference: Reference,
    bound: Mapping[str, Range],
    at: Mapping[str, int] | None,
    sizes: Sizes | None,
) -> Through | None:
    """How a reference acts through the variable whose equation it stands in.

    The source is at its own letters; the target where it reads that. None where it does not hold.
    """
    axes, target = forward.axes_of(reference.name), equation.target
    scope = {i.base: Range(i.base) for i in target.indices if i.base not in bound}
    read = reading(forward, reference, {k: r for k, r in scope.items() if k in forward.letters})
    places = read.places | {k: r.parent for k, r in read.below.items() if r.parent is not None}
    fixed: dict[Index, Index] = {}
    for position, index in read.fixed.items():
        letter = axes[position].name
        if index.base in bound:
            continue
        if same := next((i for i in target.indices if i.base == index.base), None):
            fixed[same] = Index(letter, same.offset - index.offset)
        elif at and sizes and forward.position(index, sizes, at) != at.get(letter):
            return None
    over = tuple(i.base for i in target.indices
                 if i.base in forward.letters and i.base not in places)  # fmt: skip
    moved = tuple(fixed.get(i, i.at(places)) for i in target.indices)
    if at and sizes and not _holds(forward, equation, moved, at, sizes):
        return None
    own = {a.name for a in axes}
    free = [letter for letter in places if letter not in own]
    names = {n: free.pop() if n in own and free else n for n in over}
    moved = tuple(
        Index(names[i.base]) if old.base in over else i for i, old in zip(moved, target.indices)
    )
    here = replace(reference, indices=tuple(Index(a.name) for a in axes))
    return Through(here, replace(target, indices=moved), tuple(names.values()))


def _holds(
    forward: Recurrence,
    equation: Equation,
    indices: tuple[Index, ...],
    at: Mapping[str, int],
    sizes: Sizes,
) -> bool:
    """Whether an equation holds at some place with these indices, as far as they are known."""
    places = [
        forward.position(i, sizes, at) if i.base in at and not i.via else None for i in indices
    ]
    return any(
        e == equation and all(p is None or a <= p <= b for p, (a, b) in zip(places, box))
        for e, box in forward.boxes(equation.name, sizes)
    )
