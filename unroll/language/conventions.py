"""Conventions that concern whole equations: lengths, ranges, totals, implied and shifted indices.

The numbers are those of the rules of notation: 11 (left sides at t+1), 12 (ranges), 13 (lengths),
14 (totals), 15 (indices that are only implied).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from unroll.errors import UnrollError
from unroll.language.building import Bound, Definition
from unroll.language.products import matrix
from unroll.language.sums import FROM_ZERO, UP_TO
from unroll.language.survey import Survey
from unroll.symbolic.expressions import (
    ONE,
    Call,
    Constant,
    Expression,
    Index,
    Range,
    Reference,
    call,
    rebuild,
    references,
    reindex,
    substitute,
    walk,
)
from unroll.symbolic.recurrence import Axis, Equation

Equations = list[Equation]
_IDENTITY = Reference("I")
_MOST_REPEATED = 100
_MOST_SUMS = 20


def equations(definitions: Sequence[Definition], survey: Survey) -> tuple[Equations, Axis]:
    """The equations that the definitions mean, and their axis."""
    axis = Axis(survey.axis, survey.length)
    definitions = [found for d in definitions for found in _partial(_from_zero(d), axis)]
    definitions = [_one_letter(d, axis) for d in definitions]
    if "I" not in survey.defined | survey.indexed:
        definitions = [_with_identity(d) for d in definitions]
    definitions, axis = _lengths(definitions, survey, axis)
    found = [_ranged(d, axis) for d in definitions]
    found = _shifted(found, axis)
    found = _totals(found, axis)
    return _implied(found, axis), axis


def _change(definition: Definition, values: Callable[[Reference], Expression | None]) -> Definition:
    return replace(definition, expression=substitute(definition.expression, values))


def _with_identity(definition: Definition) -> Definition:
    """`I` beside a matrix, as in `(I - K H) P`, as the identity of that shape: rule 10."""

    def change(part: Expression) -> Expression:
        if not isinstance(part, Call) or part.operation not in ("add", "subtract"):
            return part
        left, right = part.arguments
        if left == _IDENTITY and _is_shape(right):
            return replace(part, arguments=(call("identity", right), right))
        if right == _IDENTITY and _is_shape(left):
            return replace(part, arguments=(left, call("identity", left)))
        return part

    return replace(definition, expression=rebuild(definition.expression, change))


def _is_shape(node: Expression) -> bool:
    """Whether a matrix is simple enough to be repeated for its shape."""
    parts = list(islice(walk(node), _MOST_REPEATED))
    nested = any(isinstance(p, Call) and p.operation == "identity" for p in parts)
    return matrix(node) and not nested and len(parts) < _MOST_REPEATED


def _from_zero(definition: Definition) -> Definition:
    r"""A sum that counts its steps from 0: `\sum_{t=0}^{T-1} \gamma^t r_t` starts with a power 0."""

    def change(part: Expression) -> Expression:
        if not isinstance(part, Call) or not (part.over or "").endswith(FROM_ZERO):
            return part
        letter = str(part.over).removesuffix(FROM_ZERO)
        number = Reference(letter)
        body = substitute(part.arguments[0], lambda r: r - ONE if r == number else None)
        return replace(part, arguments=(body,), over=letter)

    return replace(definition, expression=rebuild(definition.expression, change))


def _partial(definition: Definition, axis: Axis) -> Iterator[Definition]:
    r"""Sums and products so far, `S_t = \sum_{i=1}^t v_i`, as the recurrences that they are."""
    target, here = definition.target, Index(axis.name)
    sums: list[Definition] = []

    def change(part: Expression) -> Expression:
        if not isinstance(part, Call) or UP_TO not in (part.over or ""):
            return part
        letter, _, upper = str(part.over).partition(UP_TO)
        if len(sums) > _MOST_SUMS:
            raise UnrollError(
                f"more than {_MOST_SUMS} sums so far stand in one equation",
                remedy="Give some of them names in equations of their own.",
                span=part.span,
            )
        if axis.name in free_letters(part.arguments[0]):
            raise UnrollError(
                f"the terms of this sum depend on {axis.name}, and change with every step",
                remedy=f"Write its recurrence, as in s[{axis.name}] = a * s[{axis.name}-1] + ...",
                span=part.span,
            )
        whole = part == definition.expression and target.indices == (here,)
        name = (
            target.name
            if whole
            else f"{target.name}_{part.operation}{len(sums) + 1 if sums else ''}"
        )
        term = rebuild(part.arguments[0], lambda p: _renamed(p, letter, axis.name))
        term = reindex(term, {axis.name: Index(axis.name, -upper.endswith("-1"))})
        so_far = Reference(name, (here,), target.span)
        before = Reference(name, (here.shift(-1),))
        late = upper.endswith("-1")
        added = before + term if part.operation == "sum" else before * term
        sums.append(Definition(so_far, added, definition.bounds if whole else ()))
        if part.operation == "prod":  # the product of nothing is 1
            sums.append(Definition(Reference(name, (Index("", int(late)),)), ONE))
        return so_far

    expression = rebuild(definition.expression, change)
    yield from sums
    if not any(s.target == target for s in sums):
        yield replace(definition, expression=expression)


def _one_letter(definition: Definition, axis: Axis) -> Definition:
    r"""A letter that only sums bind stands for the axis: `\sum_k L_k` beside `h_t`."""
    letters = {p.over for p in walk(definition.expression) if isinstance(p, Call)}
    if not letters - {None, "", axis.name}:
        return definition

    def change(part: Expression) -> Expression:
        if not isinstance(part, Call) or part.over in (None, axis.name):
            return part
        assert part.over is not None
        body = part.arguments[0]
        if axis.name in free_letters(body):
            raise UnrollError(
                f"the sum over {part.over} contains {axis.name}; only one axis can be read so far",
                remedy=f"Sum over {axis.name}, or give the sum's terms a name of their own.",
                span=part.span,
            )
        body = rebuild(body, lambda p: _renamed(p, part.over or "", axis.name))
        return replace(part, arguments=(body,), over=axis.name)

    return replace(definition, expression=rebuild(definition.expression, change))


def _renamed(part: Expression, old: str, new: str) -> Expression:
    if not isinstance(part, Reference):
        return part
    if part.name == old and not part.indices:
        return replace(part, name=new)
    indices = tuple(Index(new, i.offset) if i.base == old else i for i in part.indices)
    return replace(part, indices=indices) if indices else part


def sums_up(node: Expression) -> bool:
    """Whether an expression reduces over an axis."""
    return any(isinstance(p, Call) and p.over is not None for p in walk(node))


def free_letters(node: Expression) -> set[str]:
    """Index letters, and letters used as numbers, that no reduction in the expression binds."""
    found: set[str] = set()
    stack: list[tuple[Expression, frozenset[str]]] = [(node, frozenset())]
    while stack:
        part, bound = stack.pop()
        if isinstance(part, Reference):
            names = {i.base for i in part.indices} if part.indices else {part.name}
            found |= {n for n in names if len(n) == 1} - bound
        elif isinstance(part, Call):
            inner = bound | {part.over} if part.over else bound
            stack += [(a, inner) for a in part.arguments]
    return found


# --- rule 13: lengths -----------------------------------------------------------------


def _lengths(
    definitions: Sequence[Definition], survey: Survey, axis: Axis
) -> tuple[list[Definition], Axis]:
    """Names for the length of the axis, where they are one, by the length itself."""
    known = {survey.length, *survey.lengths}
    parameter = not survey.declared and any(
        _mentions(d, axis.length) and not _about_time(d, axis) for d in definitions
    )
    used = any(_about_time(d, axis) and _mentions(d, axis.length) for d in definitions)
    indexed = any(i.base == axis.length for d in definitions for i in _indices(d))
    if parameter and not used and not indexed:
        # `exp(-1/tau)`: a time constant; the axis takes another letter for its length.
        names = {r.name for d in definitions for r in references(d.expression)}
        axis = Axis(axis.name, next(n for n in ("T", "N", "n_t") if n not in names - known))
        definitions = [_end(d, survey.length, axis.length) for d in definitions]
        known.discard(survey.length)

    def value(r: Reference) -> Expression | None:
        if r.indices or r.name not in known:
            return None
        return (
            Constant(int(axis.length), r.span)
            if axis.length.isdigit()
            else replace(r, name=axis.length)
        )

    def number(r: Reference) -> Expression | None:
        named = r.name in survey.indexed | survey.defined
        return Constant(math.pi, r.span) if r == Reference("pi") and not named else None

    found = []
    for definition in definitions:
        if _about_time(definition, axis):
            definition = _change(definition, value)
        bounds = tuple(replace(b, value=substitute(b.value, value)) for b in definition.bounds)
        found.append(replace(_change(definition, number), bounds=bounds))
    return found, axis


def _indices(definition: Definition) -> Iterable[Index]:
    yield from definition.target.indices
    for r in references(definition.expression):
        yield from r.indices


def _mentions(definition: Definition, name: str) -> bool:
    return any(r.name == name and not r.indices for r in references(definition.expression))


def _about_time(definition: Definition, axis: Axis) -> bool:
    """Whether the length of the axis has a meaning here: a reduction, a bound, `t` as a number."""
    if definition.bounds or _mentions(definition, axis.name):
        return True
    return any(isinstance(p, Call) and p.over is not None for p in walk(definition.expression))


def _end(definition: Definition, old: str, new: str) -> Definition:
    """The definition with indices at the axis' end named anew."""

    def at_end(r: Reference) -> Reference:
        indices = tuple(Index(new, i.offset) if i.base == old else i for i in r.indices)
        return replace(r, indices=indices) if indices != r.indices else r

    return replace(_change(definition, at_end), target=at_end(definition.target))


# --- rule 12: ranges ------------------------------------------------------------------


def _ranged(definition: Definition, axis: Axis) -> Equation:
    target, span = definition.target, definition.target.span
    start = stop = None
    for bound in _upward(definition.bounds, axis):
        sign, value, offset = bound.sign, bound.value, 0
        if bound.letter.name != axis.name or bound.letter.indices:
            raise UnrollError(
                f"the range is about {bound.letter}, which is not the axis {axis.name}",
                remedy=f"Write for {axis.name} = 2..{axis.length}.",
                span=bound.letter.span,
            )
        if not sign:
            continue
        here = next((i for i in target.indices if i.base == axis.name), None)
        if here is None:
            raise UnrollError(
                f"{target} has no index {axis.name} that a range could restrict",
                remedy=f"Define {target.name}[{axis.name}], or leave the range out.",
                span=span,
            )
        at = _index(value, axis)
        offset = {"<": -1, ">": 1}.get(sign, 0)
        if sign == "==":
            expression = reindex(definition.expression, {axis.name: at})
            return Equation(
                replace(target, indices=(at.shift(here.offset),)), expression, span=span
            )
        if sign in ("<", "<="):
            stop = at.shift(offset)
        elif sign in (">", ">="):
            start = at.shift(offset)
        else:
            raise UnrollError(
                f"a range with {sign} cannot be read",
                remedy=f"Give single steps equations of their own, as in {target.name}[1] = 0.",
                span=bound.letter.span,
            )
    ranges = (Range(axis.name, start, stop),) if start or stop else ()
    return _within(Equation(target, definition.expression, ranges, span), axis)


def _within(equation: Equation, axis: Axis, by: int = 0) -> Equation:
    """The equation with its range shifted, and without bounds that are those of the axis."""
    if equation.index is None or equation.index.offset or not equation.ranges:
        return equation  # a left side at t+1 is brought to t first
    held = equation.ranges[0]
    start, stop = (i and i.shift(by) for i in (held.start, held.stop))
    held = replace(
        held,
        start=None if start == axis.first else start,
        stop=None if stop == axis.last else stop,
    )
    return replace(equation, ranges=() if held.is_whole else (held,))


def _upward(bounds: tuple[Bound, ...], axis: Axis) -> tuple[Bound, ...]:
    """Bounds in the order of the axis: `t = T-1, …, 1` holds where `t = 1, …, T-1` does."""
    if len(bounds) != 2 or [b.sign for b in bounds] != [">=", "<="]:
        return bounds
    first, last = (_index(b.value, axis) for b in bounds)
    if first.base == last.base:
        downward = first.offset > last.offset
    else:
        downward = first.base == axis.length and not last.base
    if not downward:
        return bounds
    low, high = bounds
    return replace(low, value=high.value), replace(high, value=low.value)


def _index(value: Expression, axis: Axis) -> Index:
    """A bound as an index: a number, or the length with an offset."""
    offset = 0
    if isinstance(value, Call) and value.operation in ("add", "subtract"):
        left, right = value.arguments
        if isinstance(right, Constant) and right.value == int(right.value):
            offset = int(right.value) * (1 if value.operation == "add" else -1)
            value = left
    if isinstance(value, Constant) and math.isfinite(value.value) and value.value % 1 == 0:
        return Index("", int(value.value) + offset)
    if isinstance(value, Reference) and not value.indices:
        return Index(value.name, offset)
    raise UnrollError(
        "this bound is neither a number nor the length of the axis",
        remedy=f"Write for {axis.name} = 2..{axis.length}.",
        span=value.span,
    )


# --- rule 11: a left side at t+1 --------------------------------------------------------


def _shifted(found: Equations, axis: Axis) -> Equations:
    """Left sides at t+1 brought to t, as what step t produces."""
    shifts = {
        e.name: e.target.indices[0].offset
        for e in found
        if e.target.indices and e.target.indices[0].base == axis.name
        and e.target.indices[0].offset
    }  # fmt: skip
    if not shifts:
        return found
    defined = {e.name for e in found}
    inputs = {
        i.offset - shifts[e.name]
        for e in found
        if e.name in shifts and e.target.indices[0].offset == shifts[e.name]
        for r in references(e.expression)
        if r.name not in shifts
        for i in r.indices
        if i.base == axis.name and r.name not in defined
    }
    others = {
        i.offset - shifts[e.name]
        for e in found
        if e.name in shifts
        for r in references(e.expression)
        if r.name in defined - set(shifts)
        for i in r.indices
        if i.base == axis.name
    }
    relabel = bool(inputs or others) and max(inputs or others) < 0 < min(shifts.values())
    if relabel:
        return [_relabelled(e, shifts, axis, found) for e in found]
    moved = []
    for e in found:
        offset = shifts.get(e.name, 0)
        if offset and e.index is not None and e.index.base == axis.name:
            offset = e.index.offset
            e = replace(
                e,
                target=replace(e.target, indices=(Index(axis.name),)),
                expression=reindex(e.expression, {axis.name: Index(axis.name, -offset)}),
            )
            e = _within(e, axis, offset)
        moved.append(e)
    return moved


def _relabelled(
    equation: Equation, shifts: dict[str, int], axis: Axis, found: Equations
) -> Equation:
    """Each variable in `shifts` renamed so that x[t+1] is called x[t]; the rest stays."""
    starts = {e.name: e.index.offset for e in found if e.index is not None and not e.index.base}

    def moved(r: Reference) -> Reference:
        if r.name not in shifts or not r.indices:
            return r
        index = r.indices[0]
        fixed = not index.base and starts.get(r.name, 0) != 0
        if index.base == axis.name or fixed:
            index = index.shift(-shifts[r.name])
        return replace(r, indices=(index,))

    by = 0
    if equation.ranges and equation.ranges[0].start == Index(""):
        by = 1  # k = 0, …, N-1 counts the same steps as k = 1, …, N
    expression = substitute(equation.expression, moved)
    target = moved(equation.target)
    return _within(replace(equation, target=target, expression=expression), axis, by)


# --- rules 14 and 15: totals, implied indices -------------------------------------------


def _totals(found: Equations, axis: Axis) -> Equations:
    r"""`L = \sum_t L_t`: the total is another variable than its terms."""
    indexed = {e.name for e in found if e.target.indices}
    indexed |= {r.name for e in found for r in references(e.expression) if r.indices}
    indexed |= {p.operation for e in found for p in walk(e.expression) if isinstance(p, Call)}
    totals = {
        e.name
        for e in found
        if not e.target.indices
        and e.name in indexed
        and any(isinstance(p, Call) and p.over == axis.name for p in walk(e.expression))
    }

    def total(r: Reference) -> Reference:
        return r if r.indices or r.name not in totals else replace(r, name=r.name + "_total")

    return [
        replace(e, target=total(e.target), expression=substitute(e.expression, total))
        for e in found
    ]


def _implied(found: Equations, axis: Axis) -> Equations:
    """The axis letter for variables that depend on it and are written without an index."""
    at = (Index(axis.name),)
    while True:
        names = {
            e.name
            for e in found
            if not e.target.indices and axis.name in free_letters(e.expression)
        }
        if not names:
            return found

        def indexed(r: Reference, names: set[str] = names) -> Reference:
            return replace(r, indices=at) if r.name in names and not r.indices else r

        found = [
            replace(e, target=indexed(e.target), expression=substitute(e.expression, indexed))
            for e in found
        ]
