"""Recurrence to recurrence: hide variables, show every operation, give functions a definition."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from unroll.errors import UnrollError, nearest
from unroll.symbolic.expressions import (
    Call,
    Expression,
    Function,
    Index,
    Reference,
    rebuild,
    references,
    reindex,
    substitute,
    walk,
)
from unroll.symbolic.operations import HISTORY, OPERATIONS
from unroll.symbolic.recurrence import GIVEN, OPERATION, PARAMETER, Equation, Recurrence

TARGET, POSITION = "target", "position"
R = TypeVar("R", bound=Recurrence)  # a transformation keeps the class of what it is given


def fresh(stem: str, taken: Collection[str]) -> str:
    """`stem`, or with a number behind it where that name is taken."""
    if stem not in taken:
        return stem
    return next(n for i in range(2, len(taken) + 3) if (n := f"{stem}_{i}") not in taken)


def inline(recurrence: R, name: str) -> R:
    """The recurrence without the variable `name`, its definition put where it was used.

    Raises UnrollError for what is no variable, and for a variable that other steps need (a state)
    or that several equations define: it cannot go without changing the values.
    """
    equation = _only_equation(recurrence, name)
    for user in recurrence.equations:
        for r in references(user.expression):
            if r.name == name and not _same_step(recurrence, user, r, equation):
                raise recurrence.error(
                    f"{name} cannot be hidden: the equation of {user.target} needs {r}",
                    user,
                    "A variable that other steps need is a state; hide one that is used in its "
                    "own step only.",
                )

    def definition(r: Reference) -> Expression | None:
        if r.name != name:
            return None
        return reindex(equation.expression, _places(recurrence, equation.target, r))

    equations = tuple(
        replace(e, expression=substitute(e.expression, definition))
        for e in recurrence.equations
        if e.name != name
    )
    return replace(recurrence, equations=equations)


def _only_equation(recurrence: Recurrence, name: str) -> Equation:
    equations = recurrence.equations_of(name)
    if not equations:
        known = nearest(name, recurrence.defined)
        raise UnrollError(
            f"there is no variable {name!r}" + (f"; did you mean {known!r}?" if known else ""),
            remedy=f"The variables are: {', '.join(recurrence.defined)}.",
        )
    if len(equations) > 1:
        raise recurrence.error(
            f"{name} cannot be hidden: {len(equations)} equations define it", equations[1]
        )
    return equations[0]


def _places(recurrence: Recurrence, target: Reference, reference: Reference) -> dict[str, Index]:
    """Where the letters of a left side are when it stands for a reference."""
    pairs = zip(target.indices, reference.indices)
    return {i.base: at for i, at in pairs if i.base in recurrence.letters}


def _same_step(
    recurrence: Recurrence, user: Equation, reference: Reference, definition: Equation
) -> bool:
    """Whether a reference is to the step where it stands, or to one that its definition is about."""
    if not definition.target.indices or not user.target.indices:
        return True
    own = {i.base: i.offset for i in user.target.indices}
    for index, defined in zip(reference.indices, definition.target.indices):
        if defined.base not in recurrence.letters:
            if index != defined:
                return False
        elif index.via or index.base not in recurrence.letters or index.offset:
            if index not in user.target.indices:
                return False
        elif own.get(index.base, 0):
            return False
    return True


def hide(recurrence: R, names: Iterable[str]) -> R:
    """Without the variables `names`: inlined where something uses them, dropped where nothing does.

    Raises UnrollError as `inline` does.
    """
    for name in names:
        used = any(
            r.name == name
            for e in recurrence.equations
            for r in references(e.expression)
            if e.name != name
        )
        if used:
            recurrence = inline(recurrence, name)
        elif not recurrence.equations_of(name):
            _only_equation(recurrence, name)
        else:
            kept = tuple(e for e in recurrence.equations if e.name != name)
            if not kept:
                raise UnrollError(f"hiding {name} would leave nothing to show")
            recurrence = replace(recurrence, equations=kept)
    return recurrence


def expand(recurrence: R, units: bool = False) -> R:
    """One operation an equation: every intermediate result becomes a variable, `h_1[t]`, ...

    units: a function together with the weighted sum that it is given stays one equation, as the
    units of a network are drawn: `i[t] = sigmoid(b + W @ h[t-1] + U @ x[t])`.
    """
    return _Expansion(recurrence, units, set(recurrence.names)).expanded(recurrence)


@dataclass(frozen=True)
class _Expansion:
    """The state of one expansion: names that are taken."""

    recurrence: Recurrence
    units: bool
    taken: set[str]

    def expanded(self, recurrence: R) -> R:
        equations: list[Equation] = []
        roles = list(recurrence.overrides)
        for equation in recurrence.equations:
            if not isinstance(equation.expression, Call):
                equations.append(equation)
                continue
            pieces, expression = self._without_parts(equation.expression, equation)
            equations += [*pieces, replace(equation, expression=expression)]
            roles += [(p.name, OPERATION) for p in pieces]
        return replace(recurrence, equations=tuple(equations), overrides=tuple(roles))

    def _without_parts(
        self, node: Call, equation: Equation, kept: bool = False
    ) -> tuple[list[Equation], Call]:
        """Equations for all calls inside of a call, and the call on their results.

        kept: whether weighted sums inside stay where they are.
        """
        found: list[Equation] = []
        arguments = []
        for argument in node.arguments:
            pieces, reference = self._named(argument, equation, node.over is not None, kept)
            found += pieces
            arguments.append(reference)
        return found, replace(node, arguments=tuple(arguments))

    def _named(
        self, node: Expression, equation: Equation, bound: bool, kept: bool
    ) -> tuple[list[Equation], Expression]:
        if not isinstance(node, Call) or node == GIVEN or bound:
            return [], node
        if self.units and _is_of_parameters(self.recurrence, node):
            return [], node
        if self.units and _is_linear(self.recurrence, node) and (kept or self._has_weights(node)):
            return self._without_parts(node, equation, kept=True)
        found, expression = self._without_parts(node, equation)
        stem = equation.name
        name = next(
            n for i in range(1, len(self.taken) + 2) if (n := f"{stem}_{i}") not in self.taken
        )
        self.taken.add(name)
        target = Reference(name, equation.target.indices)
        found.append(Equation(target, expression, equation.ranges, equation.span))
        return found, target

    def _has_weights(self, node: Expression) -> bool:
        """Whether a parameter is among what a sum adds up or weighs."""
        if isinstance(node, Call) and _is_linear(self.recurrence, node):
            return any(self._has_weights(a) for a in node.arguments)
        return _is_of_parameters(self.recurrence, node)


def _is_linear(recurrence: Recurrence, node: Call) -> bool:
    """Whether a call only adds up, or weighs by parameters."""
    row = OPERATIONS.get(node.operation)
    if row is None or node.over is not None:
        return False
    weighs = row.product and any(_is_of_parameters(recurrence, a) for a in node.arguments)
    return row.linear or weighs


def _is_of_parameters(recurrence: Recurrence, node: Expression) -> bool:
    """Whether parameters and numbers are all that an expression holds, and there is a parameter."""
    names = {r.name for r in references(node)}
    return bool(names) and all(
        n in recurrence.names and recurrence.role(n) == PARAMETER for n in names
    )


def bind(recurrence: R, functions: Iterable[Function]) -> R:
    """The recurrence with opaque functions replaced by their definitions.

    Raises UnrollError for a function that is not called, or called with another number of arguments.
    """
    for function in functions:
        if function.name not in recurrence.functions:
            known = ", ".join(recurrence.functions) or "none"
            raise UnrollError(
                f"the recurrence has no opaque function {function.name!r}",
                remedy=f"Its opaque functions are: {known}.",
            )
        equations = tuple(
            replace(e, expression=_bound(recurrence, e.expression, function))
            for e in recurrence.equations
        )
        recurrence = replace(recurrence, equations=equations)
    return recurrence


def _bound(recurrence: Recurrence, node: Expression, function: Function) -> Expression:
    def change(part: Expression) -> Expression:
        if not isinstance(part, Call) or part.operation != function.name:
            return part
        if len(part.arguments) != len(function.parameters):
            raise recurrence.error(
                f"{function.name} is called with {len(part.arguments)} arguments, "
                f"but its definition has {len(function.parameters)}",
                part,
                f"Define it as {function.name}({', '.join('abcdefgh'[: len(part.arguments)])}).",
            )
        values = dict(zip(function.parameters, part.arguments))
        return gathered(substitute(function.expression, lambda r: values.get(str(r))))

    return rebuild(node, change)


def gathered(node: Expression) -> Expression:
    """The expression with reductions of a history over its steps: `sum(W @ y)` for `y[<t]`."""

    def change(part: Expression) -> Expression:
        row = OPERATIONS.get(part.operation) if isinstance(part, Call) else None
        if row is None or not row.reduces:
            return part
        assert isinstance(part, Call)
        past = [n for n in walk(part) if isinstance(n, Call) and n.operation == HISTORY.name]
        if part.over is not None or not past:
            return part

        def one_step(inner: Expression) -> Expression:
            return inner.arguments[0] if inner in past and isinstance(inner, Call) else inner

        arguments = tuple(rebuild(a, one_step) for a in part.arguments)
        return replace(part, arguments=arguments, over=past[0].over, limits=past[0].limits)

    return rebuild(node, change)


def fuse(recurrence: R) -> R:
    """Pairs that the table computes better together: cross_entropy(softmax(o), y), by log-sum-exp.

    The inner operation is found through the variable that it defines, too.
    """
    definitions = {
        e.target: e.expression
        for e in recurrence.equations
        if len(recurrence.equations_of(e.name)) == 1
    }

    def look(node: Expression) -> Expression:
        return definitions.get(node, node) if isinstance(node, Reference) else node

    def change(node: Expression) -> Expression:
        row = OPERATIONS.get(node.operation) if isinstance(node, Call) else None
        if row is None or not row.fuses:
            return node
        assert isinstance(node, Call)
        inner = look(node.arguments[0])
        fused = row.fuses.get(inner.operation) if isinstance(inner, Call) else None
        if fused is None:
            return node
        assert isinstance(inner, Call)
        if inner.over is not None:  # along an axis, and not over entries
            return node
        if callable(fused):
            return fused(inner, look) or node
        return replace(node, operation=fused, arguments=inner.arguments + node.arguments[1:])

    equations = tuple(
        replace(e, expression=rebuild(e.expression, change)) for e in recurrence.equations
    )
    return replace(recurrence, equations=equations)


def class_names(recurrence: Recurrence) -> frozenset[str]:
    """Names that stand where a loss wants a class or a distribution, as `y` in a cross entropy."""
    return frozenset(n for n, use in _all_uses(recurrence) if use == TARGET) - {*recurrence.defined}


def targets(recurrence: Recurrence) -> frozenset[str]:
    """Inputs that are nothing but classes: targets of a loss or positions, without gradient."""
    uses = list(_all_uses(recurrence))
    otherwise = {n for n, use in uses if not use}
    return frozenset(n for n, use in uses if use and n not in otherwise) & {*recurrence.inputs}


def _all_uses(recurrence: Recurrence) -> Iterator[tuple[str, str]]:
    for equation in recurrence.equations:
        yield from _uses(equation.expression)


def _uses(node: Expression, use: str = "") -> Iterator[tuple[str, str]]:
    """Names with what they are used as: a target, a position (a number may be added), or neither."""
    if isinstance(node, Reference):
        yield node.name, use
    elif isinstance(node, Call):
        row = OPERATIONS.get(node.operation)
        for at, argument in enumerate(node.arguments):
            inner = ""
            if row is not None and at in row.targets:
                inner = TARGET
            elif row is not None and (at in row.positions or (row.linear and use == POSITION)):
                inner = POSITION
            yield from _uses(argument, inner)
