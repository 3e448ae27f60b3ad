"""What makes a system of equations a recurrence: every problem found before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.errors import Source, Span, UnrollError
from unroll.symbolic.expressions import (
    Call,
    Constant,
    Expression,
    Index,
    Reference,
    references,
    walk,
)
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.ordering import Dependence, components, strong_components
from unroll.symbolic.recurrence import PARAMETER, Equation, Recurrence

DEEPEST = 200


def validate(recurrence: Recurrence) -> Recurrence:
    """The recurrence itself, or UnrollError with the place in its source and a remedy."""
    if not recurrence.equations:
        raise UnrollError(
            "there is no equation",
            remedy="Write at least one, as in h[t] = tanh(W @ h[t-1] + U @ x[t]).",
        )
    for equation in recurrence.equations:
        check_depth(equation.expression, recurrence.source, equation.span)
    for equation in recurrence.equations:
        _check_target(recurrence, equation)
        _check_calls(recurrence, equation)
        _check_indices(recurrence, equation)
    _check_ranks(recurrence)
    _check_duplicates(recurrence)
    _check_order(recurrence)
    return recurrence


# --- one equation ---------------------------------------------------------------------


def check_depth(
    expression: Expression, source: Source | None = None, span: Span | None = None
) -> None:
    """Refuse what other functions, which recurse, could not walk through."""
    stack: list[tuple[Expression, int]] = [(expression, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > DEEPEST:
            raise UnrollError(
                f"more than {DEEPEST} operations stand inside one another, or in one chain",
                remedy="Give a part of the formula a name in an equation of its own.",
                source=source,
                span=span,
            )
        if isinstance(node, Call):
            stack += [(a, depth + 1) for a in node.arguments]


def _check_target(r: Recurrence, equation: Equation) -> None:
    lengths = {name: a for a in r.axes for name in (a.length, a.leaves)}
    if equation.name in r.letters or equation.name in lengths:
        axis = r.letters.get(equation.name) or lengths[equation.name]
        kind = "an index" if equation.name in r.letters else "the length of the axis"
        raise r.error(
            f"{equation.name} is {kind} and cannot be defined",
            equation,
            f"Choose another name, or declare a length: {axis.name} = 1..n.",
        )
    if equation.name in r.functions:
        raise r.error(
            f"{equation.name} is a variable here and a function elsewhere",
            equation,
            f"Choose another name for one; a product is written {equation.name} * (...).",
        )
    seen: set[str] = set()
    for index in equation.target.indices:
        if index.base in r.letters and (index.offset or index.via):
            letter = index.base
            raise r.error(
                f"the left-hand side must stand at {letter}, not at {index}",
                equation,
                f"Write {equation.name}[{letter}] = ... and shift the right-hand side.",
            )
        if index.base in seen and index.base in r.letters:
            raise r.error(
                f"{index.base} stands twice on the left of {equation.target}",
                equation,
                "Give each index a letter of its own.",
            )
        seen.add(index.base)


def _check_calls(r: Recurrence, equation: Equation) -> None:
    for node in walk(equation.expression):
        if (
            isinstance(node, Reference)
            and node.name in OPERATIONS
            and r.role(node.name) == PARAMETER
        ):
            raise r.error(
                f"{node.name} is a function and needs an argument",
                node,
                f"Write {node.name}(x), or choose another name for a parameter.",
            )
        if not isinstance(node, Call) or (row := OPERATIONS.get(node.operation)) is None:
            continue
        fewest, most = row.arity
        count = len(node.arguments)
        if count < fewest or (most is not None and count > most):
            raise r.error(
                f"{row.name} takes {_amount(fewest, most)}, not {count}",
                node,
                f"Write {_signature(row.name, fewest, most, row.reduces)}: {row.doc}.",
            )


def _amount(fewest: int, most: int | None) -> str:
    if most is None:
        return f"{fewest} or more arguments"
    return f"{fewest} argument{'s' if fewest != 1 else ''}"


def _signature(name: str, fewest: int, most: int | None, reduces: bool) -> str:
    arguments = ", ".join("abcdefgh"[:fewest]) + (", ..." if most is None else "")
    return f"{name}({arguments})" + (f" or {name}({arguments}[t], t)" if reduces else "")


def _check_indices(r: Recurrence, equation: Equation) -> None:
    """Every index letter is bound by the left-hand side or by a reduction."""
    bound = frozenset(r.letters_of(equation))
    target = equation.target
    for node, letters in _with_letters(equation.expression, bound):
        if isinstance(node, Call):
            if node.over is not None and node.over not in r.letters:
                known = ", ".join(r.letters)
                raise r.error(
                    f"{node.operation} runs over {node.over or 'nothing'}, "
                    + (
                        f"but the axis is {known}"
                        if len(r.axes) == 1
                        else f"which is no axis: {known} are"
                    ),
                    node,
                    f"Write {node.operation}(..., {r.axes[0].name}).",
                )
            row = OPERATIONS.get(node.operation)
            if row is not None and row.keeps and node.over is not None and node.over not in letters:
                raise r.error(
                    f"{row.name} over {node.over} has a value at every {node.over}, "
                    f"and {target} has no {node.over}",
                    node,
                    f"Put {node.over} on the left, as in {_with_index(target, node.over)} = ..., "
                    f"or reduce over it: sum(..., {node.over}).",
                )
            _check_limits(r, node, letters)
            continue
        assert isinstance(node, Reference)
        for name in [i.base for i in node.indices] or [node.name]:
            is_letter = name in r.letters or (
                bool(node.indices) and name != "" and name not in r.lengths
            )
            if is_letter and name not in letters:
                raise r.error(
                    f"nothing binds the index {name} of {node}" if node.indices else
                    f"nothing binds {name} here",
                    node,
                    f"Put {name} on the left, as in {_with_index(target, name)} = ..., "
                    f"or reduce over it: sum({node}, {name}).",
                )  # fmt: skip


def _check_limits(r: Recurrence, node: Call, letters: frozenset[str]) -> None:
    """The ends of a reduction's limits are numbers, lengths, or letters that are bound there."""
    for end in node.limits.ends if node.limits else ():
        if end.base and end.base not in letters | r.lengths:
            raise r.error(
                f"nothing binds {end.base}, where {node.operation} over {node.over} ends",
                node,
                f"Let it end at an index of the left side, as in {node.over} < {r.axes[0].name}.",
            )


def _with_index(target: Reference, letter: str) -> str:
    shown = list(map(str, target.indices))
    fixed = next((i for i, at in enumerate(target.indices) if not at.base), None)
    if fixed is None:
        shown.append(letter)
    else:
        shown[fixed] = letter
    return f"{target.name}[{', '.join(shown)}]"


def _with_letters(
    node: Expression, letters: frozenset[str]
) -> Iterator[tuple[Call | Reference, frozenset[str]]]:
    """References and calls with the index letters that are bound where they stand."""
    stack = [(node, letters)]
    while stack:
        part, bound = stack.pop()
        if isinstance(part, Constant):
            continue
        yield part, bound
        if isinstance(part, Call):
            inner = bound | {part.over} if part.over else bound
            stack += [(a, inner) for a in reversed(part.arguments)]


# --- names ----------------------------------------------------------------------------


def _check_ranks(r: Recurrence) -> None:
    """A name lives on the same axes everywhere."""
    first: dict[str, Reference] = {}
    reserved = {*r.letters, *r.lengths}
    for equation in r.equations:
        for reference in (equation.target, *references(equation.expression)):
            if reference.name in reserved:
                if reference.indices:
                    raise r.error(
                        f"{reference.name} is a number and cannot be indexed",
                        reference,
                        "Choose another name for what is indexed.",
                    )
                continue
            other = first.setdefault(reference.name, reference)
            if bool(other.indices) != bool(reference.indices):
                raise _two_ranks(r, other, reference)
            if len(other.indices) != len(reference.indices):
                raise r.error(
                    f"{reference} has {_indices(reference)}, but {other} has {_indices(other)}",
                    reference,
                    "Give a name the same indices everywhere.",
                )
            _check_axes(r, reference)


def _indices(reference: Reference) -> str:
    count = len(reference.indices)
    return "one index" if count == 1 else f"{count} indices"


def _check_axes(r: Recurrence, reference: Reference) -> None:
    """Each letter of a reference runs as far as the axis of the name that it indexes."""
    for index, axis in zip(reference.indices, r.axes_of(reference.name)):
        own = r.letters.get(index.base)
        if own is not None and own.length not in (axis.length, axis.leaves):
            raise r.error(
                f"{reference.name} runs over {axis.name} = 1..{axis.length}, "
                f"but {own.name} of {reference} runs over 1..{own.length}",
                reference,
                f"Give both the same length, as in {own.name} = 1..{axis.length}, or index "
                f"{reference.name} with {axis.name}.",
            )
        if own is None and index.base and index.base not in (axis.length, axis.leaves):
            raise r.error(
                f"{reference.name} runs over {axis.name} = 1..{axis.length}, and {index.base} "
                "is the length of another axis",
                reference,
                f"Write {reference.name}[{axis.length}] for the last one.",
            )


def _two_ranks(r: Recurrence, first: Reference, second: Reference) -> UnrollError:
    name, axis = first.name, r.axes[0].name
    bare, indexed = (second, first) if first.indices else (first, second)
    defined_bare = any(e.name == name and not e.target.indices for e in r.equations)
    if name in r.defined and not defined_bare:
        remedy = f"Write {name}[{axis}] for the value at this step."
        return r.error(
            f"{name} stands here without an index, and as {indexed} elsewhere", bare, remedy
        )
    remedy = f"Write {name} everywhere, or {name}[{axis}] everywhere."
    kind = "a variable without an axis" if defined_bare else "a parameter, used bare elsewhere"
    return r.error(f"{name} is {kind}, and cannot be indexed as in {indexed}", indexed, remedy)


def _check_duplicates(r: Recurrence) -> None:
    for name in r.defined:
        equations = r.equations_of(name)
        for at, later in enumerate(equations):
            for earlier in equations[:at]:
                if r.specificity(earlier) == r.specificity(later) and _overlap(r, earlier, later):
                    raise r.error(
                        f"{later.target} is defined twice{_lines(earlier)}",
                        later,
                        "Delete one of the equations, or give them ranges that do not overlap"
                        + _other_range(r, later),
                    )


def _other_range(r: Recurrence, equation: Equation) -> str:
    letters = r.letters_of(equation) or tuple(a.name for a in r.axes_of(equation.name))
    if not letters:
        return "."
    axis = r.letters[letters[0]]
    return f": for {axis.name} = 2..{axis.length}."


def _lines(earlier: Equation) -> str:
    return f", first in line {earlier.span.line}" if earlier.span else ""


def _overlap(r: Recurrence, one: Equation, other: Equation) -> bool:
    """Whether two equations share a point, as far as it can be told without the lengths."""
    pairs = zip(r.bounds(one), r.bounds(other))
    return not any(_before(a[1], b[0]) or _before(b[1], a[0]) for a, b in pairs)


def _before(one: Index, other: Index) -> bool:
    """Whether an index is surely less than another; the length is larger than any number."""
    if one.base == other.base:
        return one.offset < other.offset
    return not one.base


# --- the order of computation ----------------------------------------------------------


def _check_order(r: Recurrence) -> None:
    """No variable needs itself at the same step, and no cycle goes both ways along an axis."""
    for component in components(r):
        if not component.stuck:
            continue
        loop = _loop([d for d in component.stuck if d.within_step])
        if loop:
            shown = [_shown(r, d.target) for d in loop]
            last = shown[0]
            shown = [*shown[:8], "..."] if len(shown) > 11 else shown
            letter = next((a.name for a in r.axes_of(loop[0].target)), "t")
            raise r.error(
                f"an algebraic loop: {' -> '.join([*shown, last])} within one step",
                loop[0].reference,
                f"Put a delay into it, as in {loop[0].source}[{letter}-1].",
            )
        raise _both_ways(r, component.stuck)


def _shown(r: Recurrence, name: str) -> str:
    letters = ", ".join(a.name for a in r.axes_of(name))
    return f"{name}[{letters}]" if letters else name


def _loop(edges: list[Dependence]) -> list[Dependence]:
    """A shortest cycle through the first variable that is in one, each needing what comes next."""
    needs: dict[str, list[Dependence]] = {}
    for edge in edges:
        needs.setdefault(edge.target, []).append(edge)
    groups = strong_components({n: {d.source for d in needs.get(n, ())} for n in _ends(edges)})
    cyclic = {n for group in groups if len(group) > 1 for n in group}
    cyclic |= {d.source for d in edges if d.source == d.target}
    start = next((d.target for d in edges if d.target in cyclic), None)
    if start is None:
        return []
    came: dict[str, Dependence] = {}
    queue = [start]
    for name in queue:
        for edge in needs.get(name, ()):
            if edge.source == start:
                path = [edge]
                while path[-1].target != start:
                    path.append(came[path[-1].target])
                return path[::-1]
            if edge.source not in came:
                came[edge.source] = edge
                queue.append(edge.source)
    return []


def _ends(edges: list[Dependence]) -> dict[str, None]:
    return dict.fromkeys(n for d in edges for n in (d.target, d.source))


def _both_ways(r: Recurrence, edges: tuple[Dependence, ...]) -> UnrollError:
    for axis in r.axes:
        back = next((d for d in edges if d.along(axis.name)[0] > 0), None)
        ahead = next((d for d in edges if d.along(axis.name)[1] < 0), None)
        if back and ahead:
            where = "in time" if axis == r.axes[0] else f"along {axis.name}"
            return r.error(
                f"a cycle goes both back and ahead {where}: "
                f"{back.equation.target} needs {back.reference}, and "
                f"{ahead.equation.target} needs {ahead.reference}",
                ahead.reference,
                "Let every edge of a cycle point the same way: write it with lags alone.",
            )
    wide = next(
        (d for d in edges if any(low < 0 < high for low, high in d.distances.values())), edges[0]
    )
    return r.error(
        f"{wide.equation.target} needs {wide.reference}, which in turn needs "
        f"{wide.equation.target}: no order serves both",
        wide.reference,
        "Let a cycle reach back only, as in "
        f"{wide.source}[{r.axes[0].name}-1], or gather earlier steps only, as in {wide.source}[<{r.axes[0].name}].",
    )
