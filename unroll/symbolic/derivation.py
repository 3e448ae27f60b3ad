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
    Reference,
    references,
    reindex,
    walk,
)
from unroll.symbolic.recurrence import INPUT, Equation, Recurrence
from unroll.symbolic.simplification import simplify


@dataclass(frozen=True, slots=True)
class Through:
    """One path of the chain rule: `source` acts on the objective through `target`.

    summed: whether it does so at every step, as a parameter does.
    """

    source: Reference
    target: Reference
    summed: bool = False


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
    for auxiliary in adjoint.auxiliaries:
        if not _inlined(adjoint, auxiliary):
            found += _cases(adjoint, forward, auxiliary, auxiliary)
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


def _inlined(adjoint: Adjoint, auxiliary: str) -> bool:
    """Whether an auxiliary is written out: not where it holds for a part of the axis only."""
    equations = adjoint.recurrence.equations_of(auxiliary)
    return len(equations) == 1 and equations[0].start is None


def _cases(adjoint: Adjoint, forward: Recurrence, of: str, name: str) -> list[Line]:
    """A gradient's equation, split where terms run out of range."""
    combined = adjoint.recurrence
    found: list[Line] = []
    for equation in combined.equations_of(name):
        if equation.index is None:
            value = simplify(_written_out(adjoint, equation.expression))
            paths = _paths(adjoint, forward, of, None, None)
            found.append(Line(of, replace(equation, expression=value), paths))
        else:
            found += _ranged_cases(adjoint, forward, of, equation)
    return found


def _ranged_cases(adjoint: Adjoint, forward: Recurrence, of: str, equation: Equation) -> list[Line]:
    combined, axis = adjoint.recurrence, adjoint.recurrence.axes[0]
    index = equation.index
    assert index is not None
    reach = 2 + max((abs(i.offset) for e in combined.equations for i in _indices(e)), default=0)
    steps = 3 * reach + 3
    runs: list[tuple[Expression, tuple[Through, ...], int, int]] = []
    for piece, first, last in combined.pieces(equation.name, steps):
        if piece != equation:
            continue
        for at in range(first, last + 1):
            moving = _as_moving(equation, axis.name)
            value = simplify(_at(adjoint, moving, at, steps))
            paths = _paths(adjoint, forward, of, at, steps)
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
        replace(
            _line(equation, axis.name, of, run, steps, reach, len(runs) == 1), ascending=ascending
        )
        for run in (runs if ascending else reversed(runs))
    ]


def _line(
    equation: Equation,
    axis: str,
    of: str,
    run: tuple[Expression, tuple[Through, ...], int, int],
    steps: int,
    reach: int,
    only: bool,
) -> Line:
    """One case as a line: at its point, or over its range."""
    value, paths, first, last = run

    def label(at: int) -> Index:
        return Index("", at) if at <= reach else Index("tau", at - steps)

    if equation.index is not None and equation.index.base != axis:
        where: Index = equation.index
    elif first == last:
        where = label(first)
    else:
        start, stop = (None, None) if only else (label(first), label(last))
        start, stop = (equation.start, equation.stop) if only else (start, stop)
        target = replace(equation.target, indices=(Index(axis),))
        return Line(of, Equation(target, value, start, stop), paths)
    target = replace(equation.target, indices=(where,))
    moved = tuple(
        Through(_to(p.source, axis, where), _to(p.target, axis, where), p.summed) for p in paths
    )
    return Line(of, Equation(target, reindex(value, axis, where)), moved)


def _to(reference: Reference, axis: str, where: Index) -> Reference:
    moved = reindex(reference, axis, where)
    assert isinstance(moved, Reference)
    return moved


def _indices(equation: Equation) -> list[Index]:
    found = [i for r in references(equation.expression) for i in r.indices]
    return [*found, *equation.target.indices, *(i for i in (equation.start, equation.stop) if i)]


def _as_moving(equation: Equation, axis: str) -> Expression:
    """The right side with the point where the equation holds written as the axis letter."""
    index = equation.index
    assert index is not None
    return (
        equation.expression
        if index.base == axis
        else reindex(equation.expression, index.base, Index(axis, -index.offset))
    )


def _at(adjoint: Adjoint, node: Expression, at: int, steps: int) -> Expression:
    """An expression at a step: auxiliaries written out, gradients out of range zero."""
    combined = adjoint.recurrence
    axis = combined.axes[0].name
    if isinstance(node, Reference):
        new = node.name in adjoint.auxiliaries or node.name in adjoint.gradients.values()
        if not new or not node.indices:
            return _written_out(adjoint, node)
        index = node.indices[0]
        position = combined.position(index, steps, at)
        piece = next(
            (e for e, a, b in combined.pieces(node.name, steps) if a <= position <= b), None
        )
        if piece is None or piece.expression == ZERO:
            return ZERO
        if node.name in adjoint.auxiliaries and (_inlined(adjoint, node.name)):
            shifted = reindex(_as_moving(piece, axis), axis, index)
            return _at(adjoint, shifted, at, steps)
        return node
    if isinstance(node, Call) and node.over is None:
        return replace(node, arguments=tuple(_at(adjoint, a, at, steps) for a in node.arguments))
    return _written_out(adjoint, node)


def _written_out(adjoint: Adjoint, node: Expression) -> Expression:
    """Auxiliaries replaced by what they stand for, wherever that holds on the whole axis."""
    axis = adjoint.recurrence.axes[0].name
    if isinstance(node, Reference) and node.name in adjoint.auxiliaries:
        if not _inlined(adjoint, node.name):
            return node
        definition = adjoint.recurrence.equations_of(node.name)[0]
        if not node.indices:
            return _written_out(adjoint, definition.expression)
        if definition.index is not None and definition.index.base == axis:
            return _written_out(adjoint, reindex(definition.expression, axis, node.indices[0]))
        return node
    if isinstance(node, Call):
        return replace(node, arguments=tuple(_written_out(adjoint, a) for a in node.arguments))
    return node


# --- chain rule ---------------------------------------------------------------------


def _paths(
    adjoint: Adjoint, forward: Recurrence, of: str, at: int | None, steps: int | None
) -> tuple[Through, ...]:
    """Through which variables a name acts on the objective, the later steps first."""
    axis = forward.axes[0].name
    paths: dict[Through, None] = {}
    for equation in forward.equations:
        if equation.name not in adjoint.gradients:
            continue
        for r in references(equation.expression):
            if r.name == of and (path := _path(adjoint, forward, equation, r, at, steps)):
                paths[path] = None

    def lead(path: Through) -> int:
        return -sum(i.offset for i in path.target.indices if i.base == axis)

    return tuple(sorted(paths, key=lead))


def _path(
    adjoint: Adjoint,
    forward: Recurrence,
    equation: Equation,
    reference: Reference,
    at: int | None,
    steps: int | None,
) -> Through | None:
    axis = forward.axes[0].name
    t = Index(axis)
    if not reference.indices:  # a parameter or a context: its copy of each step, all summed
        summed = equation.index is not None and equation.index.base == axis
        return Through(reference, equation.target, summed)
    index = reference.indices[0]
    if at is None or steps is None:
        return None
    bound = any(
        isinstance(n, Call) and n.over == axis and reference in walk(n)
        for n in walk(equation.expression)
    )
    if bound:
        return Through(replace(reference, indices=(t,)), equation.target)
    if equation.index is None or index.base != equation.index.base:
        if index.base == axis or forward.position(index, steps, at) != at:
            return None
        summed = equation.index is not None and equation.index.base == axis
        return Through(replace(reference, indices=(t,)), equation.target, summed)
    shift = equation.index.offset - index.offset
    holds = any(
        e == equation and first <= at + shift <= last
        for e, first, last in forward.pieces(equation.name, steps)
    )
    if not holds:
        return None
    source = replace(reference, indices=(t,))
    return Through(source, replace(equation.target, indices=(t.shift(shift),)))
