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
    axis = r.axes[0]
    if equation.name in {name for a in r.axes for name in (a.name, a.length)}:
        kind = "an index" if equation.name == axis.name else "the length of the axis"
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
    index = equation.index
    if index is not None and index.base == axis.name and index.offset:
        raise r.error(
            f"the left-hand side must stand at {axis.name}, not at {index}",
            equation,
            f"Write {equation.name}[{axis.name}] = ... and shift the right-hand side.",
        )


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
    axis = r.axes[0]
    bound = {axis.name} if equation.index and equation.index.base == axis.name else set()
    target = equation.target
    lengths = {a.length for a in r.axes}
    for node, letters in _with_letters(equation.expression, frozenset(bound)):
        if isinstance(node, Call):
            if node.over is not None and node.over != axis.name:
                raise r.error(
                    f"{node.operation} runs over {node.over or 'nothing'}, "
                    f"but the axis is {axis.name}",
                    node,
                    f"Write {node.operation}(..., {axis.name}).",
                )
            continue
        assert isinstance(node, Reference)
        used = [i.base for i in node.indices] or [node.name]
        for name in used:
            is_letter = name == axis.name or (bool(node.indices) and name not in ("", *lengths))
            if is_letter and name not in letters:
                raise r.error(
                    f"nothing binds the index {name} of {node}" if node.indices else
                    f"nothing binds {name} here",
                    node,
                    f"Put {name} on the left, as in {target.name}[{name}] = ..., "
                    f"or reduce over it: sum({node}, {name}).",
                )  # fmt: skip


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
    """A name is either on the axis or not, everywhere."""
    first: dict[str, Reference] = {}
    per_position = {name for name, role in r.overrides if role == PARAMETER}
    reserved = {name for a in r.axes for name in (a.name, a.length)}
    for equation in r.equations:
        for reference in (equation.target, *references(equation.expression)):
            if len(reference.indices) > 1:
                raise r.error(
                    f"{reference} has {len(reference.indices)} indices; "
                    "only one axis can be read so far",
                    reference,
                    "Write one of them into the name.",
                )
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
                raise _two_ranks(r, other, reference, per_position)


def _two_ranks(
    r: Recurrence, first: Reference, second: Reference, per_position: set[str]
) -> UnrollError:
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
                        "Delete one of the equations, or give them ranges that do not overlap: "
                        f"for {r.axes[0].name} = 2..{r.axes[0].length}.",
                    )


def _lines(earlier: Equation) -> str:
    return f", first in line {earlier.span.line}" if earlier.span else ""


def _overlap(r: Recurrence, one: Equation, other: Equation) -> bool:
    """Whether two ranges share a step, as far as it can be told without the length."""
    first, second = r.range_of(one), r.range_of(other)
    if first is None or second is None:
        return first is second
    return not (_before(first[1], second[0]) or _before(second[1], first[0]))


def _before(one: Index, other: Index) -> bool:
    """Whether an index is surely less than another; the length is larger than any number."""
    if one.base == other.base:
        return one.offset < other.offset
    return not one.base


# --- the order of computation ----------------------------------------------------------


def _check_order(r: Recurrence) -> None:
    """No variable needs itself at the same step, and no cycle goes both ways in time."""
    edges = _edges(r)
    same = {name: {n: e for (n, lag), e in out.items() if lag == 0} for name, out in edges.items()}
    for component in _components({n: set(out) for n, out in same.items()}):
        cycle = _cycle(component, same)
        if cycle:
            axis = r.axes[0].name if r.axis_of(cycle[0]) else None
            shown = [f"{n}[{axis}]" if axis and r.axis_of(n) else n for n in cycle]
            where = same[cycle[0]][cycle[1]]
            if len(shown) > 12:
                shown = [*shown[:8], "...", shown[-1]]
            raise r.error(
                f"an algebraic loop: {' -> '.join(shown)} within one step",
                where,
                f"Put a delay into it, as in {cycle[1]}[{axis or 't'}-1].",
            )
    links = {n: {name for name, _ in out} for n, out in edges.items()}
    for component in _components(links):
        inside = [
            (name, other, lag, reference)
            for name in r.defined if name in component
            for (other, lag), reference in edges[name].items()
            if other in component and lag is not None
        ]  # fmt: skip
        back = next((e for e in inside if e[2] > 0), None)
        ahead = next((e for e in inside if e[2] < 0), None)
        if back and ahead:
            axis_name = r.axes[0].name
            raise r.error(
                "a cycle goes both back and ahead in time: "
                f"{back[0]}[{axis_name}] needs {back[3]}, and "
                f"{ahead[0]}[{axis_name}] needs {ahead[3]}",
                ahead[3],
                "Let every edge of a cycle point the same way: write it with lags alone.",
            )


Edges = dict[str, dict[tuple[str, int], Reference]]


def _edges(r: Recurrence) -> Edges:
    """For each variable what its general equations need, with the lag and one place for it."""
    axis = r.axes[0].name
    edges: Edges = {name: {} for name in r.defined}
    for equation in r.equations:
        index = equation.index
        if index is not None and index.base != axis:
            continue
        for node, letters in _with_letters(equation.expression, frozenset()):
            if not isinstance(node, Reference) or node.name not in edges:
                continue
            lag = 0
            if node.indices:
                if index is not None and node.indices[0].base != axis:
                    continue  # one fixed step
                lag = 0 if axis in letters or index is None else -node.indices[0].offset
            edges[equation.name].setdefault((node.name, lag), node)
    return edges


def _components(links: dict[str, set[str]]) -> list[set[str]]:
    """Strongly connected components (Tarjan 1972), without recursion, in a stable order."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[set[str]] = []
    for root in links:
        if root in index:
            continue
        work = [(root, iter(sorted(links[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, successors = work[-1]
            following = next(successors, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = set()
                    while node not in component:
                        component.add(stack.pop())
                    on_stack -= component
                    found.append(component)
            elif following not in index:
                index[following] = low[following] = len(index)
                stack.append(following)
                on_stack.add(following)
                work.append((following, iter(sorted(links[following]))))
            elif following in on_stack:
                low[node] = min(low[node], index[following])
    return found


def _cycle(component: set[str], links: dict[str, dict[str, Reference]]) -> list[str]:
    """A shortest cycle through the first name of a component; empty where there is none."""
    start = next(n for n in links if n in component)
    previous: dict[str, str] = {}
    queue = [start]
    for name in queue:
        for other in links[name]:
            if other == start:
                path = [name]
                while path[-1] != start:
                    path.append(previous[path[-1]])
                return [*reversed(path), start]
            if other in component and other not in previous:
                previous[other] = name
                queue.append(other)
    return []
