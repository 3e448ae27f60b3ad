"""The recurrence: equations over axes, and what can be read off them.

Roles are nowhere declared. A name defined with an index is a variable; indexed but never defined,
an input; bare and never defined, a parameter; called and not in the table, an opaque function.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from unroll.errors import Source, Span, UnrollError
from unroll.symbolic.expressions import Call, Expression, Index, Reference, references, walk
from unroll.symbolic.operations import OPERATIONS

INPUT, PARAMETER, STATE, OUTPUT, LOSS, OPERATION = (
    "input",
    "parameter",
    "state",
    "output",
    "loss",
    "operation",
)
LOSS_NAMES = frozenset({"L", "loss", "Loss", "ell"})  # per-step scalars that are losses by name
GIVEN = Call("given", ())  # right-hand side of `h[0] = given`: the value comes with the arrays


@dataclass(frozen=True, slots=True)
class Axis:
    """An index letter that runs 1..length; the length is a name (`tau`) or a number."""

    name: str = "t"
    length: str = "tau"

    @property
    def first(self) -> Index:
        return Index("", 1)

    @property
    def last(self) -> Index:
        return Index("", int(self.length)) if self.length.isdigit() else Index(self.length)


@dataclass(frozen=True, slots=True)
class Equation:
    """`target = expression`, for the whole axis, or from `start` to `stop` where these are given.

    The target's index is the bare axis letter (the general equation), a number or the length
    (an equation at one point), or there is none.
    """

    target: Reference
    expression: Expression
    start: Index | None = None
    stop: Index | None = None
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def index(self) -> Index | None:
        """Index of the target on the time axis, None where it has none."""
        return self.target.indices[0] if self.target.indices else None


@dataclass(frozen=True)
class Recurrence:
    """A system of equations s_t = f(s_{t-1}, x_t; θ), as a frozen value.

    equations: in the order written; axes: those the equations use, time first;
    overrides: (name, role) pairs that differ from what the equations say.
    """

    equations: tuple[Equation, ...]
    axes: tuple[Axis, ...] = (Axis(),)
    overrides: tuple[tuple[str, str], ...] = ()
    source: Source | None = field(default=None, compare=False, repr=False)

    # --- names ------------------------------------------------------------------

    @cached_property
    def defined(self) -> tuple[str, ...]:
        """Names with an equation, in the order of their first one."""
        return tuple(dict.fromkeys(e.name for e in self.equations))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All names: those defined, then inputs and parameters, in the order of appearance."""
        used = (r.name for e in self.equations for r in references(e.expression))
        return tuple(n for n in dict.fromkeys((*self.defined, *used)) if n not in self._reserved)

    @cached_property
    def _reserved(self) -> frozenset[str]:
        return frozenset(a.name for a in self.axes) | frozenset(a.length for a in self.axes)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names indexed but never defined."""
        return tuple(n for n in self.names if self.role(n) == INPUT)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names bare and never defined (or said to be parameters)."""
        return tuple(n for n in self.names if self.role(n) == PARAMETER)

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """Opaque functions: called, and not in the table of operations."""
        calls = (n for e in self.equations for n in walk(e.expression) if isinstance(n, Call))
        names = dict.fromkeys(c.operation for c in calls if c.operation not in OPERATIONS)
        return tuple(n for n in names if n != GIVEN.operation)

    def equations_of(self, name: str) -> tuple[Equation, ...]:
        return self._by_name.get(name, ())

    @cached_property
    def _by_name(self) -> dict[str, tuple[Equation, ...]]:
        return {n: tuple(e for e in self.equations if e.name == n) for n in self.defined}

    def axis_of(self, name: str) -> Axis | None:
        """The axis a name lives on; None for a parameter, a context, a total."""
        return self.axes[0] if name in self._indexed else None

    @cached_property
    def _indexed(self) -> frozenset[str]:
        targets = (e.target for e in self.equations)
        used = (r for e in self.equations for r in references(e.expression))
        return frozenset(r.name for refs in (targets, used) for r in refs if r.indices)

    # --- roles ------------------------------------------------------------------

    def role(self, name: str) -> str:
        """input, parameter, state, output, loss or operation (an intermediate towards a state)."""
        return self._roles[name]

    @cached_property
    def _roles(self) -> dict[str, str]:
        overrides = dict(self.overrides)
        losses = self._losses
        roles = {}
        for name in self.names:
            if name in overrides:
                roles[name] = overrides[name]
            elif name not in self.defined:
                roles[name] = INPUT if name in self._indexed else PARAMETER
            elif name in losses:
                roles[name] = LOSS
            elif name in self.states:
                roles[name] = STATE
            else:
                roles[name] = OPERATION if self._reach(name) & self.states else OUTPUT
        return roles

    @cached_property
    def states(self) -> frozenset[str]:
        """Variables that some equation needs at another step than its own."""
        found = set()
        for equation in self.equations:
            for r in references(equation.expression):
                if r.name in self.defined and r.indices and equation.index is not None:
                    same = equation.index.base == r.indices[0].base
                    if same and equation.index.offset != r.indices[0].offset:
                        found.add(r.name)
        return frozenset(found)

    @cached_property
    def _users(self) -> dict[str, set[str]]:
        users: dict[str, set[str]] = {n: set() for n in self.names}
        for equation in self.equations:
            for r in references(equation.expression):
                if r.name in users:
                    users[r.name].add(equation.name)
        return users

    def _reach(self, name: str) -> set[str]:
        """Variables that depend on a name, directly or not."""
        seen: set[str] = set()
        todo = [name]
        while todo:
            for user in self._users[todo.pop()]:
                if user not in seen:
                    seen.add(user)
                    todo.append(user)
        return seen

    @cached_property
    def _losses(self) -> set[str]:
        """Objective candidates and the per-step terms that they sum."""
        losses = {n for n in self.defined if any(map(_is_loss, self.equations_of(n)))}
        losses |= LOSS_NAMES & set(self.defined)
        losses |= set(self._totals)
        for name in self._totals:
            for equation in self.equations_of(name):
                body = equation.expression
                if isinstance(body, Call) and body.over is not None:
                    losses |= {r.name for r in body.arguments if isinstance(r, Reference)}
        return losses & set(self.defined)

    @cached_property
    def _totals(self) -> tuple[str, ...]:
        """Variables without an axis that reduce over one and that no other equation uses."""
        return tuple(
            n
            for n in self.defined
            if n not in self._indexed
            and not self._users[n]
            and any(
                (isinstance(p, Call) and p.over is not None) or (isinstance(p, Call) and is_loss(p))
                for e in self.equations_of(n)
                for p in walk(e.expression)
            )
        )

    # --- objective --------------------------------------------------------------

    @cached_property
    def objective_candidates(self) -> tuple[str, ...]:
        """What `adjoint`, `run` and `check` could differentiate, in the order of preference."""
        bare = tuple(n for n in self.defined if n not in self._indexed and not self._users[n])
        if bare:
            return bare
        return tuple(n for n in self.defined if n in self._losses)

    def objective(self, of: str | None = None) -> str | None:
        """Name of the objective (a per-step loss stands for its sum); None if there is none.

        Raises UnrollError where several names could be meant, or `of` is not a variable.
        """
        if of is not None:
            if of not in self.defined:
                choices = ", ".join(self.defined)
                raise UnrollError(
                    f"there is no variable {of!r} to differentiate",
                    remedy=f"Name one of: {choices}.",
                )
            return of
        candidates = self.objective_candidates
        if len(candidates) > 1:
            raise UnrollError(
                f"several variables could be the objective: {', '.join(candidates)}",
                remedy=f'Name one, as in of="{candidates[0]}", or add an equation that sums them.',
            )
        return candidates[0] if candidates else None

    # --- ranges -----------------------------------------------------------------

    def range_of(self, equation: Equation) -> tuple[Index, Index] | None:
        """First and last index at which an equation holds; None for one without an axis."""
        index = equation.index
        if index is None:
            return None
        axis = self.axes[0]
        if index.base != axis.name:
            return index, index
        return equation.start or axis.first, equation.stop or axis.last

    def specificity(self, equation: Equation) -> int:
        """2 for one point, 1 for a range, 0 for the whole axis: the larger one wins."""
        index = equation.index
        if index is not None and index.base != self.axes[0].name:
            return 2
        return 1 if equation.start or equation.stop else 0

    def pieces(self, name: str, steps: int) -> list[tuple[Equation, int, int]]:
        """Which equation defines a variable where: (equation, first, last), in the order of time.

        steps: the length of the axis; points that it does not reach (2, or tau-1, at one step) have
        no piece. A variable without an axis has one, (equation, 0, 0).
        """
        if self.axis_of(name) is None:
            return [(e, 0, 0) for e in self.equations_of(name)]
        spans: list[tuple[Equation, int, int]] = []
        for equation in sorted(self.equations_of(name), key=self.specificity):
            bounds = self.range_of(equation)
            assert bounds is not None
            first, last = (self.position(i, steps) for i in bounds)
            first = first if bounds[0].base == "" else max(first, 1)
            last = min(last, steps) if bounds[1].base == "" and bounds[1].offset > 0 else last
            spans.append((equation, first, last))
        cuts = sorted({at for _, first, last in spans for at in (first, last + 1) if first <= last})
        found: list[tuple[Equation, int, int]] = []
        for start, stop in pairwise(cuts):
            covering = [e for e, first, last in spans if first <= start and stop - 1 <= last]
            if not covering:
                continue
            if found and found[-1][0] is covering[-1] and found[-1][2] == start - 1:
                start = found.pop()[1]
            found.append((covering[-1], start, stop - 1))
        return found

    def position(self, index: Index, steps: int, at: int = 0) -> int:
        """The number an index stands for, when the axis has `steps` and its letter is `at`."""
        axis = self.axes[0]
        return {axis.name: at, axis.length: steps, "": 0}[index.base] + index.offset

    # --- text -------------------------------------------------------------------

    def error(
        self, message: str, at: Equation | Expression, remedy: str | None = None
    ) -> UnrollError:
        """An error about a part of this recurrence, with its line and a caret where known."""
        return UnrollError(message, remedy=remedy, source=self.source, span=at.span)


def is_loss(node: Expression) -> bool:
    """Whether an expression's outermost operation is a loss, by the table."""
    return (
        isinstance(node, Call) and (row := OPERATIONS.get(node.operation)) is not None and row.loss
    )


def _is_loss(equation: Equation) -> bool:
    return is_loss(equation.expression)
