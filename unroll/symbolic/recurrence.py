"""The recurrence: equations over axes, and what can be read off them.

Roles are nowhere declared. A name defined with an index is a variable; indexed but never defined,
an input; bare and never defined, a parameter; called and not in the table, an opaque function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise, product

from unroll.errors import Source, Span, UnrollError
from unroll.symbolic.expressions import Call, Expression, Index, Range, Reference, references, walk
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.trees import Tree, balanced

INPUT, PARAMETER, STATE, OUTPUT, LOSS, OPERATION = (
    "input",
    "parameter",
    "state",
    "output",
    "loss",
    "operation",
)
LOSS_NAMES = frozenset({"L", "loss", "Loss", "ell"})  # per-step scalars that are losses by name
LAYERS = frozenset(
    {"l"}
)  # letters that count layers: what is indexed by these alone is a parameter
DEFAULT_LAYERS = 2  # where nothing says how many
GIVEN = Call("given", ())  # right-hand side of `h[0] = given`: the value comes with the arrays


@dataclass(frozen=True, slots=True)
class Axis:
    """An index letter that runs 1..length; the length is a name (`tau`) or a number.

    leaves: for an axis over the nodes of a tree, the name of the number of its leaves, else "".
    """

    name: str = "t"
    length: str = "tau"
    leaves: str = ""

    @property
    def first(self) -> Index:
        return Index("", 1)

    @property
    def last(self) -> Index:
        return Index("", int(self.length)) if self.length.isdigit() else Index(self.length)

    @property
    def ends(self) -> tuple[Index, Index]:
        return self.first, self.last


@dataclass(frozen=True, slots=True)
class Equation:
    """`target = expression`, for the whole of its axes, or where `ranges` say.

    Each of the target's indices is a bare axis letter, or a number or a length (an equation at one
    point of that axis). ranges: one for each letter that does not run over its whole axis.
    """

    target: Reference
    expression: Expression
    ranges: tuple[Range, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def index(self) -> Index | None:
        """First index of the target, None where it has none."""
        return self.target.indices[0] if self.target.indices else None

    def range(self, letter: str) -> Range:
        """Where a letter of the target runs."""
        return next((r for r in self.ranges if r.axis == letter), Range(letter))


Bounds = tuple[tuple[Index, Index], ...]  # first and last, for each index
Box = tuple[tuple[int, int], ...]  # the same in numbers


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
        return self.lengths | {a.name for a in self.axes}

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

    # --- axes -------------------------------------------------------------------

    @cached_property
    def letters(self) -> Mapping[str, Axis]:
        """The axes by their letters."""
        return {a.name: a for a in self.axes}

    @cached_property
    def lengths(self) -> frozenset[str]:
        """Names of the axes' lengths."""
        return frozenset(n for a in self.axes for n in (a.length, a.leaves) if n)

    def axes_of(self, name: str) -> tuple[Axis, ...]:
        """The axes a name lives on, one an index; none for a parameter, a context, a total."""
        return self._axes.get(name, ())

    def axis_of(self, name: str) -> Axis | None:
        """The first axis a name lives on; None for a parameter, a context, a total."""
        return next(iter(self.axes_of(name)), None)

    @cached_property
    def _axes(self) -> dict[str, tuple[Axis, ...]]:
        """By the letters of the most general equation; else by those of the uses."""
        general = sorted(self.equations, key=lambda e: sum(not self._is_letter(i) for i in _at(e)))
        uses = [e.target for e in general]
        uses += [r for e in self.equations for r in references(e.expression)]
        found: dict[str, list[Axis | None]] = {}
        for r in uses:
            if not r.indices:
                continue
            own = found.setdefault(r.name, [None] * len(r.indices))
            for position, index in enumerate(r.indices[: len(own)]):
                axis = self.letters.get(index.base) or self._with_length(index.base)
                if own[position] is None and axis is not None:
                    own[position] = axis
        last = len(self.axes) - 1
        whole = {
            name: [a or self.axes[min(p, last)] for p, a in enumerate(own)]
            for name, own in found.items()
        }
        return {name: tuple(self._apart(axes)) for name, axes in whole.items()}

    def _apart(self, axes: list[Axis]) -> list[Axis]:
        """Axes with a letter of its own for each index: `A[t, t]` lives on two axes of one length."""
        found: list[Axis] = []
        for axis in axes:
            if axis in found:
                taken = {a.name for a in found} | {*self.letters, *self.lengths}
                other = next(
                    (a for a in self.axes if a.length == axis.length and a not in (*found, *axes)),
                    replace(axis, name=next(c for c in "stuvkjmnpqrw" if c not in taken)),
                )
                axis = other
            found.append(axis)
        return found

    def _is_letter(self, index: Index) -> bool:
        return index.base in self.letters

    def _with_length(self, length: str) -> Axis | None:
        return next((a for a in self.axes if length and length in (a.length, a.leaves)), None)

    def letters_of(self, equation: Equation) -> tuple[str, ...]:
        """The axis letters on an equation's left side."""
        return tuple(i.base for i in equation.target.indices if self._is_letter(i))

    def runs(self, letter: str, within: Range | None = None) -> tuple[Index, Index]:
        """First and last place of a letter: in a range, or on its whole axis."""
        axis = self.letters[letter]
        start, stop = (within.start, within.stop) if within else (None, None)
        return start or axis.first, stop or axis.last

    def span(
        self, within: Range, sizes: Sizes, low: Mapping[str, int], high: Mapping[str, int]
    ) -> tuple[int, int]:
        """First and last step of a reduction's letter, its start where letters around are `low`, its
        stop where they are `high`; cut at the ends of the axis, where no number says otherwise."""
        start, stop = self.runs(within.axis, within)
        first, last = self.position(start, sizes, low), self.position(stop, sizes, high)
        length = sizes[self.letters[within.axis].length]
        return max(first, 1) if start.base else first, min(last, length)

    def extent(self, name: str) -> Bounds:
        """First and last index that the equations of a variable define, on each of its axes.

        An input exists on the whole of its axes; on the leaves, where only their equations use it.
        """
        return self._extents[name]

    @cached_property
    def _extents(self) -> dict[str, Bounds]:
        return {name: self._extent(name) for name in self.names}

    def _extent(self, name: str) -> Bounds:
        if name in self.defined:
            bounds = [self.bounds(e) for e in self.equations_of(name)]
            return tuple(
                (
                    min((b[p][0] for b in bounds), key=place),
                    max((b[p][1] for b in bounds), key=lambda i: (*place(i), i == axis.last)),
                )
                for p, axis in enumerate(self.axes_of(name))
            )
        return tuple(
            (a.first, Index(a.leaves) if self._only_leaves(name, p) else a.last)
            for p, a in enumerate(self.axes_of(name))
        )

    def _only_leaves(self, name: str, position: int) -> bool:
        axis = self.axes_of(name)[position]
        stops = {
            e.range(axis.name).stop
            for e in self.equations
            for r in references(e.expression)
            if r.name == name
        }
        return bool(axis.leaves) and stops == {Index(axis.leaves)}

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
                roles[name] = PARAMETER if self._is_shared(name) else INPUT
            elif name in losses:
                roles[name] = LOSS
            elif name in self.states:
                roles[name] = STATE
            else:
                roles[name] = OPERATION if self._reach(name) & self.states else OUTPUT
        return roles

    def _is_shared(self, name: str) -> bool:
        """Whether a name is the same at every step: bare, or one for each layer."""
        return all(a.name in LAYERS for a in self.axes_of(name))

    @cached_property
    def states(self) -> frozenset[str]:
        """Variables that some equation needs at another step than its own."""
        return frozenset(
            r.name
            for equation in self.equations
            for r in references(equation.expression)
            if r.name in self.defined and self._elsewhere(equation, r)
        )

    def _elsewhere(self, equation: Equation, reference: Reference) -> bool:
        """Whether an index differs by an offset from the same one on the left side."""
        offsets = {i.base: i.offset for i in equation.target.indices}
        return any(
            i.via or offsets.get(i.base, i.offset) != i.offset
            or (reference.name == equation.name and i.base not in offsets)
            for i in reference.indices
        )  # fmt: skip

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
            if not self.axes_of(n)
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
        bare = tuple(n for n in self.defined if not self.axes_of(n) and not self._users[n])
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

    def bounds(self, equation: Equation) -> Bounds:
        """First and last index at which an equation holds, for each index of its target."""
        return tuple(
            self.runs(i.base, equation.range(i.base)) if self._is_letter(i) else (i, i)
            for i in equation.target.indices
        )

    def specificity(self, equation: Equation) -> int:
        """For each index 2 for one point, 1 for a range, 0 for a whole axis: the larger sum wins."""
        return sum(
            equation.range(i.base).specificity if self._is_letter(i) else 2
            for i in equation.target.indices
        )

    def sizes(
        self, steps: int | Mapping[str, int], trees: Mapping[str, Tree] | None = None
    ) -> Sizes:
        """The lengths of all axes: `steps` for each that is open, or by length or axis letter.

        A tree's axis has `steps` leaves, joined in pairs, unless a tree is given for its letter.
        """
        known = dict(steps) if isinstance(steps, Mapping) else {}
        default = None if isinstance(steps, Mapping) else steps
        lengths: dict[str, int] = {}
        grown: dict[str, Tree] = {}
        for axis in self.axes:
            if axis.leaves:
                leaves = known.get(axis.leaves, known.get(axis.name, default))
                tree = (trees or {}).get(axis.name) or balanced(leaves or 1)
                grown[axis.length] = tree
                lengths |= {axis.length: len(tree), axis.leaves: tree.leaves}
            elif not axis.length.isdigit():
                length = known.get(axis.length, known.get(axis.name, default))
                assert length is not None, axis
                lengths[axis.length] = length
        return Sizes(tuple(lengths.items()), tuple(grown.items()))

    def boxes(self, name: str, sizes: Sizes) -> list[tuple[Equation, Box]]:
        """Which equation defines a variable where: disjoint boxes of steps, in the order of time.

        Points that the axes do not reach (2, or tau-1, at one step) have none. A variable without
        an axis has one, without sides.
        """
        spans: list[tuple[Equation, Box]] = []
        for equation in sorted(self.equations_of(name), key=self.specificity):
            box = self.box(equation, sizes)
            if all(first <= last for first, last in box):
                spans.append((equation, box))
        sides = [
            sorted({at for _, box in spans for at in (box[p][0], box[p][1] + 1)})
            for p in range(len(self.axes_of(name)))
        ]
        found: list[tuple[Equation, Box]] = []
        for cell in product(*(list(pairwise(side)) for side in sides)):
            box = tuple((start, stop - 1) for start, stop in cell)
            covering = [e for e, outer in spans if _contains(outer, box)]
            if covering:
                found.append((covering[-1], box))
        for position in reversed(range(len(sides))):
            found = _joined(found, position)
        return found

    def box(self, equation: Equation, sizes: Sizes) -> Box:
        """Where an equation holds, if no other one is more specific there."""
        found = []
        for axis, bounds in zip(self.axes_of(equation.name), self.bounds(equation)):
            first, last = (self.position(i, sizes) for i in bounds)
            length = sizes[axis.length]
            first = first if not bounds[0].base else max(first, 1)
            last = min(last, length) if not bounds[1].base and bounds[1].offset > 0 else last
            found.append((first, last))
        return tuple(found)

    def position(self, index: Index, sizes: Sizes, at: Mapping[str, int] | None = None) -> int:
        """The number an index stands for, where the letters of axes are `at` these numbers."""
        if not index.base:
            return index.offset
        if index.base in self.letters:
            here = (at or {})[index.base]
            if index.via:
                return sizes.tree(self.letters[index.base].length).neighbour(index.via, here)
            return here + index.offset
        return sizes[index.base] + index.offset

    # --- text -------------------------------------------------------------------

    def error(
        self, message: str, at: Equation | Expression, remedy: str | None = None
    ) -> UnrollError:
        """An error about a part of this recurrence, with its line and a caret where known."""
        return UnrollError(message, remedy=remedy, source=self.source, span=at.span)


def place(index: Index) -> tuple[bool, int]:
    """Sorts indices on one axis: numbers come before what counts from the end."""
    return index.base != "", index.offset


def _at(equation: Equation) -> tuple[Index, ...]:
    return equation.target.indices


def _contains(outer: Box, box: Box) -> bool:
    return all(a <= c and d <= b for (a, b), (c, d) in zip(outer, box))


def _joined(pieces: list[tuple[Equation, Box]], position: int) -> list[tuple[Equation, Box]]:
    """Boxes of one equation that touch along an axis, as one."""
    found: list[tuple[Equation, Box]] = []
    open_: dict[tuple[int, Box], int] = {}
    for equation, box in pieces:
        rest = box[:position] + box[position + 1 :]
        key = (id(equation), rest)
        before = open_.get(key)
        if before is not None and found[before][1][position][1] == box[position][0] - 1:
            old = found[before][1]
            side = (old[position][0], box[position][1])
            found[before] = equation, (*old[:position], side, *old[position + 1 :])
            continue
        open_[key] = len(found)
        found.append((equation, box))
    return found


def is_loss(node: Expression) -> bool:
    """Whether an expression's outermost operation is a loss, by the table."""
    return (
        isinstance(node, Call) and (row := OPERATIONS.get(node.operation)) is not None and row.loss
    )


def _is_loss(equation: Equation) -> bool:
    return is_loss(equation.expression)
