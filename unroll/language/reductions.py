"""Which letter a reduction binds, and where it runs: `sum(L[t], t)`, `max(v[s], s < t)`, `sum(y[<t])`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from unroll.errors import UnrollError
from unroll.language.building import INFIX, MEMBER, WITHIN
from unroll.language.histories import Stretch
from unroll.language.survey import LEAVES
from unroll.symbolic.expressions import (
    Call,
    Constant,
    Expression,
    Index,
    Range,
    Reference,
    letters,
    rebuild,
    references,
)
from unroll.symbolic.operations import HISTORY, OPERATIONS
from unroll.symbolic.trees import CHILDREN, NEIGHBOURS

FRESH = "skjimpqruvwnlabcdefghoxyzt"  # letters for what has none, the likelier first
_SIGNS = {INFIX[sign]: sign for sign in ("<", "<=", ">", ">=")}


def bind(node: Expression, known: Collection[str]) -> Expression:
    """The expression with its reductions settled; known: the index letters.

    With a letter or a range behind it a reduction runs over an axis; `max(0, v)` compares two values.
    Raises UnrollError for a range that stands elsewhere.
    """
    return _settled(rebuild(node, lambda part: _bound(part, known)))


def _bound(node: Expression, known: Collection[str]) -> Expression:
    if not isinstance(node, Call) or node.over is not None or len(node.arguments) < 2:
        return node
    row = OPERATIONS.get(node.operation)
    if row is None or not row.reduces:
        return node
    body, *places = node.arguments
    pairwise = row.pairwise is not None and len(places) == 1
    ranges = [_limits(place, body, known, pairwise) for place in places]
    found = [r for r in ranges if r is not None]
    if len(found) == len(ranges):
        for within in found:
            limits = None if within.is_whole else within
            body = Call(node.operation, (body,), within.axis, node.span, limits)
        return body
    if row.pairwise is None or any(found):
        return node
    for place in places:  # max(a, b, c) compares two at a time
        body = Call(row.pairwise, (body, place), span=node.span)
    return body


def _limits(
    place: Expression, body: Expression, known: Collection[str], pairwise: bool
) -> Range | None:
    """Where a letter runs, by the argument of a reduction that says so."""
    if isinstance(place, Reference):
        return Range(place.name) if not place.indices and place.name in known else None
    if isinstance(place, Constant):
        return None
    if place.operation != WITHIN:
        place = Call(WITHIN, (place,), span=place.span)
    within = None
    for bound in place.arguments:
        sign = _SIGNS.get(bound.operation, bound.operation) if isinstance(bound, Call) else ""
        if not isinstance(bound, Call) or sign not in ("<", "<=", ">", ">=", MEMBER):
            return None
        letter, value = bound.arguments
        if not isinstance(letter, Reference) or letter.indices or letter.name not in known:
            return None
        if pairwise and letter.name not in letters(body):
            return None
        within = narrowed(within or Range(letter.name), sign, value, known)
    return within


def narrowed(within: Range, sign: str, value: Expression, known: Collection[str]) -> Range:
    """A range with one more condition on its letter."""
    if sign == MEMBER:
        return _member(within, value, known)
    at = index_of(value, within.axis)
    at = at.shift({"<": -1, ">": 1}.get(sign, 0))
    return replace(within, stop=at) if sign[0] == "<" else replace(within, start=at)


def _member(within: Range, value: Expression, known: Collection[str]) -> Range:
    """`n in leaves`, `k in children(n)`."""
    if value == Reference(LEAVES):
        return replace(within, stop=Index(LEAVES))
    if isinstance(value, Call) and value.operation == CHILDREN and len(value.arguments) == 1:
        node = value.arguments[0]
        if isinstance(node, Reference) and node.name in known:
            return replace(within, parent=Index(node.name, 0, CHILDREN))
    raise UnrollError(
        f"nothing says what {within.axis} is a member of",
        remedy=f"Write {within.axis} in leaves, or {within.axis} in children(n) of a node n.",
        span=value.span,
    )


def index_of(value: Expression, letter: str) -> Index:
    """A bound as an index: a number, a letter or a length, with an offset."""
    offset = 0
    whole = value
    while isinstance(value, Call) and value.operation in ("add", "subtract"):
        left, right = value.arguments
        if not isinstance(right, Constant) or right.value % 1:
            break
        offset += int(right.value) * (1 if value.operation == "add" else -1)
        value = left
    if isinstance(value, Constant) and math.isfinite(value.value) and value.value % 1 == 0:
        return Index("", int(value.value) + offset)
    if isinstance(value, Reference) and not value.indices:
        return Index(value.name, offset)
    raise UnrollError(
        "this bound is neither a number nor the length of the axis",
        remedy=f"Write for {letter} = 2..tau, or the number where it ends.",
        span=whole.span,
    )


def _settled(node: Expression) -> Expression:
    """The expression itself, unless a range or a neighbour stands where neither can."""
    stack = [node]
    while stack:
        part = stack.pop()
        if not isinstance(part, Call):
            continue
        if part.operation == WITHIN:
            raise UnrollError(
                "a range stands where no reduction reads it",
                remedy="Write it behind what is summed, as in sum(y[s], s = 2..t).",
                span=part.span,
            )
        if part.operation in (*NEIGHBOURS, CHILDREN) and len(part.arguments) == 1:
            of = part.arguments[0]
            if isinstance(of, Reference) and not of.indices:
                raise UnrollError(
                    f"{part.operation}({of}) stands outside of an index",
                    remedy=f"It is a node, not a value: write h[{part.operation}({of})].",
                    span=part.span,
                )
        stack.extend(part.arguments)
    return node


# --- histories ------------------------------------------------------------------------


def gather(
    node: Expression, around: Collection[str], fresh: Callable[[str, Collection[str]], str]
) -> Expression:
    """The expression with a letter for each history: that of the reduction around it, if any.

    A reduction of one argument that holds histories runs over them; elsewhere, as in `f(y[<t])`, a
    history is an argument of its own. fresh: a letter as long as another, none of those in use.
    """
    if not any(isinstance(i, Stretch) for r in references(node) for i in r.indices):
        return node
    return _gathered(node, frozenset(around), {}, fresh)


Held = dict[Range, str]  # letters of the reductions around, by the range that they run over


def _gathered(
    node: Expression,
    around: frozenset[str],
    held: Held,
    fresh: Callable[[str, Collection[str]], str],
) -> Expression:
    if isinstance(node, Reference):
        return _placed(node, around, held, fresh)
    if not isinstance(node, Call):
        return node
    row = OPERATIONS.get(node.operation)
    if row is None:
        held = {}
    inner = around | {node.over} if node.over else around
    if row is None or not row.reduces or node.over is not None or len(node.arguments) != 1:
        arguments = tuple(_gathered(a, inner, held, fresh) for a in node.arguments)
        return replace(node, arguments=arguments)
    stretches = [s for s in _open(node.arguments[0]) if s.within not in held or row.keeps]
    if not stretches:
        arguments = tuple(_gathered(a, inner, held, fresh) for a in node.arguments)
        return replace(node, arguments=arguments)
    first = stretches[0]
    other = next((s for s in stretches if s.within != first.within), None)
    if other is not None:
        raise UnrollError(
            f"this {node.operation} gathers two histories, {first} and {other}",
            remedy=f"Write the same one for both, or a letter: {node.operation}(a[s] * b[s], s < t).",
            span=node.span,
        )
    letter = held.get(first.within) or fresh(first.base, around | letters(node) | {*held.values()})
    held = {**held, first.within: letter}
    body = _gathered(node.arguments[0], around | {letter}, held, fresh)
    return replace(node, arguments=(body,), over=letter, limits=replace(first.within, axis=letter))


def _open(node: Expression) -> Sequence[Stretch]:
    """Histories in an expression that no opaque function takes, and no reduction in it gathers."""
    if isinstance(node, Reference):
        return [i for i in node.indices if isinstance(i, Stretch)]
    row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
    if row is None or (row.reduces and not row.keeps):
        return []
    assert isinstance(node, Call)
    return [s for a in node.arguments for s in _open(a)]


def _placed(
    node: Reference,
    around: frozenset[str],
    held: Held,
    fresh: Callable[[str, Collection[str]], str],
) -> Expression:
    """A reference with the letters that its histories have; those that nothing gathers stay so."""
    result: Expression = node
    indices = list(node.indices)
    kept: list[Range] = []
    taken = set(around) | {i.base for i in indices} | {*held.values()}
    for position, index in enumerate(indices):
        if isinstance(index, Stretch):
            letter = held.get(index.within)
            if letter is None:
                letter = fresh(index.base, taken)
                taken.add(letter)
                kept.append(replace(index.within, axis=letter))
            indices[position] = Index(letter)
    result = replace(node, indices=tuple(indices))
    for within in kept:
        result = Call(HISTORY.name, (result,), within.axis, node.span, within)
    return result
