"""Conventions that concern whole equations: lengths, ranges, totals, implied and shifted indices.

The numbers are those of the rules of notation: 11 (left sides at t+1), 12 (ranges), 13 (lengths),
14 (totals), 15 (indices that are only implied).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise

from unroll.errors import UnrollError
from unroll.language.building import MEMBER, Bound, Definition
from unroll.language.families import of_children
from unroll.language.lengths import DEFAULT, Lengths, at_lengths, letters_of, range_at
from unroll.language.products import matrix
from unroll.language.reductions import bind, gather, index_of, narrowed
from unroll.language.scalars import products
from unroll.language.sums import FROM_ZERO, UP_TO
from unroll.language.survey import LEAVES, ROOT, Survey
from unroll.symbolic.expressions import (
    ONE,
    Call,
    Constant,
    Expression,
    Index,
    Range,
    Reference,
    call,
    letters,
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


def equations(
    definitions: Sequence[Definition], survey: Survey
) -> tuple[Equations, tuple[Axis, ...]]:
    """The equations that the definitions mean, and their axes, time first."""
    found = [_change_all(d, lambda node: bind(node, survey.letters)) for d in definitions]
    found = of_children(products(found, survey))
    found = [part for d in found for part in _partial(_from_zero(d), survey.axis)]
    lengths = Lengths(found, survey)
    found = [_gathered(d, lengths) for d in found]
    found = [_fewer_letters(d, found, lengths) for d in found]
    if "I" not in survey.defined | survey.indexed:
        found = [_with_identity(d) for d in found]
    found = _lengths(found, survey, lengths)
    check_trees(found, lengths)
    axes = {letter: lengths.axis(letter) for letter in lengths.order}
    result = _implied(_totals([_ranged(d, axes) for d in found]), lengths.order)
    for axis in axes.values():
        result = _shifted(result, axis)
    used = [x for e in result for part in (e.target, e.expression) for x in letters_of(part)]
    return result, lengths.axes(used)


def _change_all(definition: Definition, change: Callable[[Expression], Expression]) -> Definition:
    return replace(definition, expression=change(definition.expression))


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


def _partial(definition: Definition, axis: str) -> Iterator[Definition]:
    r"""Sums and products so far, `S_t = \sum_{i=1}^t v_i`, as the recurrences that they are."""
    target, here = definition.target, Index(axis)
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
        stop = Index(axis, -upper.endswith("-1"))
        if axis in letters(part.arguments[0]) or target.indices != (here,):
            return replace(part, over=letter, limits=Range(letter, None, stop))
        whole = part == definition.expression and target.indices == (here,)
        name = (
            target.name
            if whole
            else f"{target.name}_{part.operation}{len(sums) + 1 if sums else ''}"
        )
        term = reindex(part.arguments[0], {letter: stop})
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


def _gathered(definition: Definition, lengths: Lengths) -> Definition:
    around = {i.base for i in definition.target.indices}
    return _change_all(definition, lambda node: gather(node, around, lengths.fresh))


def _fewer_letters(
    definition: Definition, found: Sequence[Definition], lengths: Lengths
) -> Definition:
    r"""A letter that only sums bind stands for one on left sides: `\sum_k L_k` beside `L_t`."""

    def change(part: Expression) -> Expression:
        if not isinstance(part, Call) or part.over is None:
            return part
        bound = part.over
        if bound not in lengths.group or bound in lengths.free:
            return part
        body = part.arguments[0]
        taken = letters(body) | {i.base for i in (part.limits.ends if part.limits else ())}
        others = [x for x in lengths.members(bound) if x in lengths.free and x not in taken]
        if not others:
            return part
        positions = {
            (r.name, p)
            for r in references(body)
            for p, i in enumerate(r.indices)
            if i.base == bound
        }
        there = [
            i.base
            for d in found
            for p, i in enumerate(d.target.indices)
            if (d.target.name, p) in positions and i.base in others
        ]
        letter = (there or others)[0]
        limits = replace(part.limits, axis=letter) if part.limits else None
        body = reindex(body, {bound: Index(letter)})
        return replace(part, arguments=(body,), over=letter, limits=limits)

    return _change_all(definition, lambda node: rebuild(node, change))


def sums_up(node: Expression) -> bool:
    """Whether an expression reduces over an axis."""
    return any(isinstance(p, Call) and p.over is not None for p in walk(node))


# --- rule 13: lengths -----------------------------------------------------------------


def _lengths(
    definitions: Sequence[Definition], survey: Survey, lengths: Lengths
) -> list[Definition]:
    """Names for the lengths of axes, where they are one, by the lengths themselves."""
    time = lengths.axis(survey.axis) if survey.axis in lengths.group else Axis()
    known = {DEFAULT, *survey.lengths} if time.length == DEFAULT else {*survey.lengths}
    parameter = time.length == DEFAULT and any(
        _mentions(d, DEFAULT) and not _about_time(d, lengths) for d in definitions
    )
    used = any(_about_time(d, lengths) and _mentions(d, DEFAULT) for d in definitions)
    indexed = any(i.base == DEFAULT for d in definitions for i in _indices(d))
    named = any(r.name == DEFAULT and r.indices for d in definitions for r in _all(d))
    if (parameter and not used and not indexed) or named:
        # `exp(-1/tau)`: a time constant; the axis takes another letter for its length.
        lengths.default = next(n for n in ("T", "N", "n_t") if n not in lengths.names - known)
        known.discard(DEFAULT)
    names = {*lengths.aliases, *survey.lengths, *_bases(definitions), LEAVES, ROOT}
    places = {name: at for name in names if (at := lengths.value(name)) is not None}

    def value(r: Reference) -> Expression | None:
        if r.indices or r.name not in known or r.name not in places:
            return None
        at = places[r.name]
        return replace(r, name=at.base) if at.base else Constant(at.offset, r.span)

    def number(r: Reference) -> Expression | None:
        named = r.name in survey.indexed | survey.defined
        return Constant(math.pi, r.span) if r == Reference("pi") and not named else None

    found = []
    for definition in definitions:
        if _about_time(definition, lengths):
            definition = _change(definition, value)
        bounds = tuple(replace(b, value=substitute(b.value, value)) for b in definition.bounds)
        expression = at_lengths(_change(definition, number).expression, places)
        target = at_lengths(definition.target, places)
        assert isinstance(target, Reference)
        expression = rebuild(expression, lambda part: _without_limits(part, lengths))
        found.append(Definition(target, expression, bounds))
    return found


def _all(definition: Definition) -> Iterator[Reference]:
    yield definition.target
    yield from references(definition.expression)


def _bases(definitions: Sequence[Definition]) -> set[str]:
    """Names like `T_x`, which no bound mentions, where an index stands."""
    bases = {i.base for d in definitions for i in _indices(d)}
    return {base for base in bases if re.fullmatch("T_[a-z]", base)}


def _without_limits(part: Expression, lengths: Lengths) -> Expression:
    """A reduction whose limits are those of the axis runs over the whole of it."""
    if not isinstance(part, Call) or part.limits is None or part.over not in lengths.group:
        return part
    within = trimmed(part.limits, lengths.axis(part.over))
    return replace(part, limits=None if within.is_whole else within)


def trimmed(within: Range, axis: Axis) -> Range:
    """A range without ends that are those of its axis."""
    start = None if within.start == axis.first else within.start
    return replace(within, start=start, stop=None if within.stop == axis.last else within.stop)


def _indices(definition: Definition) -> Iterable[Index]:
    yield from definition.target.indices
    for part in walk(definition.expression):
        if isinstance(part, Reference):
            yield from part.indices
        elif isinstance(part, Call):
            yield from (part.limits.ends if part.limits else ())


def _mentions(definition: Definition, name: str) -> bool:
    return any(r.name == name and not r.indices for r in references(definition.expression))


def _about_time(definition: Definition, lengths: Lengths) -> bool:
    """Whether lengths have a meaning here: a reduction, a bound, `t` as a number."""
    if definition.bounds or any(_mentions(definition, letter) for letter in lengths.order):
        return True
    return sums_up(definition.expression)


# --- rule 12: ranges ------------------------------------------------------------------


def _ranged(definition: Definition, axes: Mapping[str, Axis]) -> Equation:
    target, expression = definition.target, definition.expression
    ranges: dict[str, Range] = {}
    for bound in _upward(definition.bounds, axes):
        letter, sign = bound.letter.name, bound.sign
        axis = _restricted(bound, target, axes)
        if not sign:
            continue
        if sign == "==":
            at = index_of(bound.value, letter)
            expression = reindex(expression, {letter: at})
            target = replace(target, indices=tuple(i.at({letter: at}) for i in target.indices))
            continue
        if sign not in ("<", "<=", ">", ">=", MEMBER):
            raise UnrollError(
                f"a range with {sign} cannot be read",
                remedy=f"Give single steps equations of their own, as in {target.name}[1] = 0.",
                span=bound.letter.span,
            )
        within = narrowed(ranges.get(letter, Range(letter)), sign, bound.value, axes)
        within = range_at(within, {LEAVES: Index(axis.leaves)} if axis.leaves else {})
        if any(i.base in axes for i in (within.ends if within else ())):
            raise UnrollError(
                f"the range of {letter} ends where another index is",
                remedy=f"Write where({letter} {sign} ..., ..., 0) for the values that are left out.",
                span=bound.letter.span,
            )
        ranges[letter] = within
    equation = Equation(target, expression, tuple(ranges.values()), target.span)
    for axis in axes.values():
        equation = _within(equation, axis)
    return equation


def _restricted(bound: Bound, target: Reference, axes: Mapping[str, Axis]) -> Axis:
    """The axis that a bound is about. Raises UnrollError where the left side has it not."""
    letter = bound.letter
    if letter.indices:
        value = "" if isinstance(bound.value, Call) and bound.value.arguments else bound.value
        shown = value.value if isinstance(value, Constant) else value
        shown = f"{shown:g}" if isinstance(shown, float) else shown
        raise UnrollError(
            f"the range is about {letter}, which is a value and no index",
            remedy=f"Choose by values in the formula: where({letter} {bound.sign} {shown}, ..., ...).",
            span=letter.span,
        )
    axis = axes.get(letter.name)
    if axis is None:
        known = next(iter(axes.values()), Axis())
        raise UnrollError(
            f"the range is about {letter}, which is no index",
            remedy=f"Write for {known.name} = 2..{known.length}.",
            span=letter.span,
        )
    if not any(i.base == letter.name for i in target.indices) and bound.sign:
        raise UnrollError(
            f"{target} has no index {letter} that a range could restrict",
            remedy=f"Define {target.name}[{letter}], or leave the range out.",
            span=target.span,
        )
    return axis


def _within(equation: Equation, axis: Axis, by: int = 0) -> Equation:
    """The equation with its range shifted, and without bounds that are those of the axis."""
    held = next((r for r in equation.ranges if r.axis == axis.name), None)
    here = _here(equation, axis)
    if held is None or here is None or here.offset:
        return equation  # a left side at t+1 is brought to t first
    start, stop = (i and i.shift(by) for i in (held.start, held.stop))
    moved = trimmed(replace(held, start=start, stop=stop), axis)
    ranges = (moved if r == held else r for r in equation.ranges)
    return replace(equation, ranges=tuple(r for r in ranges if not r.is_whole))


def _here(equation: Equation, axis: Axis) -> Index | None:
    """The index of the left side along an axis."""
    return next((i for i in equation.target.indices if i.base == axis.name), None)


def _upward(bounds: tuple[Bound, ...], axes: Mapping[str, Axis]) -> tuple[Bound, ...]:
    """Bounds in the order of the axis: `t = T-1, …, 1` holds where `t = 1, …, T-1` does."""
    found = list(bounds)
    for at, (low, high) in enumerate(pairwise(bounds)):
        axis = axes.get(low.letter.name)
        if axis is None or low.letter != high.letter or [low.sign, high.sign] != [">=", "<="]:
            continue
        first, last = (index_of(b.value, axis.name) for b in (low, high))
        if first.base == last.base:
            downward = first.offset > last.offset
        else:
            downward = first.base == axis.length and not last.base
        if downward:
            found[at : at + 2] = replace(low, value=high.value), replace(high, value=low.value)
    return tuple(found)


def check_trees(definitions: Sequence[Definition], lengths: Lengths) -> None:
    """A node has neighbours and no lags: `h[left(n)]` and `h[n-1]` are of different axes."""
    for definition in definitions:
        for r in references(definition.expression):
            for i in r.indices:
                if i.offset and i.base in lengths.order and lengths.axis(i.base).leaves:
                    raise UnrollError(
                        f"{i.base} runs over the nodes of a tree, and {r} steps along a line",
                        remedy=f"Write {r.name}[left({i.base})] for a tree, or "
                        f"{r.name}[{i.base}-1] everywhere for a chain.",
                        span=r.span,
                    )


# --- rule 11: a left side at t+1 --------------------------------------------------------


def _shifted(found: Equations, axis: Axis) -> Equations:
    """Left sides at t+1 brought to t, as what step t produces."""
    shifts = {e.name: i.offset for e in found if (i := _here(e, axis)) is not None and i.offset}
    if not shifts:
        return found
    defined = {e.name for e in found}
    inputs = {
        i.offset - shifts[e.name]
        for e in found
        if e.name in shifts and (at := _here(e, axis)) and at.offset == shifts[e.name]
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
    first, last = min(shifts.values()), max(shifts.values())
    relabel = bool(inputs or others) and max(inputs or others) < 0 < first
    relabel = relabel or (last < 0 < max(inputs | others, default=0))
    if relabel:
        return [_relabelled(e, shifts, axis, found) for e in found]
    moved = []
    for e in found:
        here = _here(e, axis)
        if here is not None and here.offset and e.name in shifts:
            place = {axis.name: Index(axis.name, -here.offset)}
            e = replace(
                e,
                target=replace(e.target, indices=tuple(i.at(place) for i in e.target.indices)),
                expression=reindex(e.expression, place),
            )
            e = _within(e, axis, here.offset)
        moved.append(e)
    return moved


def _relabelled(
    equation: Equation, shifts: dict[str, int], axis: Axis, found: Equations
) -> Equation:
    """Each variable in `shifts` renamed so that x[t+1] is called x[t]; the rest stays."""
    positions = {
        e.name: next(p for p, i in enumerate(e.target.indices) if i.base == axis.name)
        for e in found
        if e.name in shifts and _here(e, axis) is not None
    }
    starts = {
        e.name
        for e in found
        if e.name in positions
        for i in e.target.indices[positions[e.name] :][:1]
        if not i.base and i.offset
    }

    def moved(r: Reference) -> Reference:
        if r.name not in positions or len(r.indices) <= positions[r.name]:
            return r
        indices = list(r.indices)
        index = indices[positions[r.name]]
        if index.base == axis.name or (not index.base and r.name in starts):
            indices[positions[r.name]] = index.shift(-shifts[r.name])
        return replace(r, indices=tuple(indices))

    held = next((r for r in equation.ranges if r.axis == axis.name), Range(axis.name))
    by = int(held.start == Index(""))  # k = 0, …, N-1 counts the same steps as k = 1, …, N
    expression = substitute(equation.expression, moved)
    target = moved(equation.target)
    return _within(replace(equation, target=target, expression=expression), axis, by)


# --- rules 14 and 15: totals, implied indices -------------------------------------------


def _totals(found: Equations) -> Equations:
    r"""`L = \sum_t L_t`: the total is another variable than its terms."""
    indexed = {e.name for e in found if e.target.indices}
    indexed |= {r.name for e in found for r in references(e.expression) if r.indices}
    indexed |= {p.operation for e in found for p in walk(e.expression) if isinstance(p, Call)}
    totals = {
        e.name
        for e in found
        if not e.target.indices and e.name in indexed and sums_up(e.expression)
    }

    def total(r: Reference) -> Reference:
        return r if r.indices or r.name not in totals else replace(r, name=r.name + "_total")

    return [
        replace(e, target=total(e.target), expression=substitute(e.expression, total))
        for e in found
    ]


def _implied(found: Equations, order: Sequence[str]) -> Equations:
    """Index letters for variables that depend on them and are written without."""
    while True:
        missing = {
            e.name: free
            for e in found
            if not e.target.indices and (free := _free(e.expression, order))
        }
        if not missing:
            return found

        def indexed(r: Reference, missing: dict[str, tuple[Index, ...]] = missing) -> Reference:
            return r if r.indices or r.name not in missing else replace(r, indices=missing[r.name])

        found = [
            replace(e, target=indexed(e.target), expression=substitute(e.expression, indexed))
            for e in found
        ]


def _free(node: Expression, order: Sequence[str]) -> tuple[Index, ...]:
    """The index letters that an expression depends on, as its longest reference orders them."""
    free = letters(node) & {*order}
    if any(isinstance(p, Call) and p.over and not _holds(p) for p in walk(node)):
        return ()  # a sum over what its terms do not have is a slip
    found = [[i.base for i in r.indices] for r in references(node)]
    appearing = [x for own in sorted(found, key=len, reverse=True) for x in own]
    return tuple(Index(x) for x in dict.fromkeys((*appearing, *order)) if x in free)


def _holds(reduction: Call) -> bool:
    return any(reduction.over in letters(a) for a in reduction.arguments)
