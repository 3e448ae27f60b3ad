"""Shapes: found by unification over the signatures of the table, defaults where much is open.

A shape is the value's alone, without step and batch: () a scalar, (n,) a vector, (m, n) a matrix.
A length is a number, or a name where nothing fixes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from unroll.errors import UnrollError
from unroll.symbolic.expressions import Call, Constant, Expression, Reference, rebuild
from unroll.symbolic.expressions import references as references_in
from unroll.symbolic.operations import OPERATIONS, Case
from unroll.symbolic.recurrence import PARAMETER, Equation, Recurrence

Dimension = int | str
Shape = tuple[Dimension, ...]


@dataclass(frozen=True, slots=True)
class Oriented:
    """A shape, and whether a vector lies down (the transpose of a column)."""

    shape: Shape
    row: bool = False


SCALAR = Oriented(())
GREEK = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "iota"}
    | {"kappa", "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi"}
    | {"omega"}
)


# --- signatures ---------------------------------------------------------------------


def operands(case: Case, count: int) -> list[str]:
    """The signature's operands, one for each of `count` arguments; "?" where it says nothing."""
    left = case.signature.split("->")[0].split(",")
    if left[-1].endswith("+"):
        return ["?"] * count
    if left[-1] == "...":
        left = left[:-1] + ["?"] * (count - len(left) + 1)
    return left


def result(case: Case) -> str:
    return case.signature.split("->")[1]


def _oriented(pattern: str, letters: Mapping[str, Dimension]) -> Oriented:
    row = pattern.endswith("'")
    return Oriented(tuple(letters[c] for c in pattern.rstrip("'")), row)


def apply(case: Case, arguments: Sequence[Oriented]) -> Oriented | None:
    """Shape of a case's result for these operands; None where the case does not fit them."""
    if case.signature.endswith("+->n"):
        if any(len(a.shape) > 1 for a in arguments):
            return None
        lengths = [a.shape[0] if a.shape else 1 for a in arguments]
        numbers = [n for n in lengths if isinstance(n, int)]
        names = sorted(n for n in lengths if isinstance(n, str))
        if not names:
            return Oriented((sum(numbers),))
        return Oriented(("+".join(names + ([str(sum(numbers))] if numbers else [])),))
    letters: dict[str, Dimension] = {}
    star: Oriented = SCALAR
    for pattern, argument in zip(operands(case, len(arguments)), arguments):
        if pattern == "?":
            continue
        if pattern == "*":
            if argument.shape and star.shape and argument.shape != star.shape:
                return None
            star = Oriented(
                argument.shape or star.shape, argument.row and star in (SCALAR, argument)
            )
            continue
        if len(pattern.rstrip("'")) != len(argument.shape):
            return None
        if len(argument.shape) == 1 and pattern.endswith("'") != argument.row and _strict(case):
            return None
        for letter, length in zip(pattern, argument.shape):
            if letters.setdefault(letter, length) != length:
                return None
    return star if result(case) == "*" else _oriented(result(case), letters)


def _strict(case: Case) -> bool:
    """Whether the case tells rows from columns: only an operation with both does."""
    return any("'" in c.signature for c in _siblings(case))


def _siblings(case: Case) -> tuple[Case, ...]:
    return next(row.cases for row in OPERATIONS.values() if case in row.cases)


# --- inference ----------------------------------------------------------------------


@dataclass(slots=True)
class Cell:
    """What is known of one name's or one call's shape."""

    known: Oriented | None = None


@dataclass(slots=True)
class Knot:
    """A call with the cells of its arguments and its own."""

    call: Call
    equation: Equation
    arguments: list[Cell]
    own: Cell


@dataclass(slots=True)
class Inference:
    """State of one inference: cells by name, knots in the order of the text, equal lengths."""

    recurrence: Recurrence
    names: dict[str, Cell] = field(default_factory=dict)
    knots: list[Knot] = field(default_factory=list)
    same: list[tuple[Cell, Cell, Equation]] = field(default_factory=list)
    lengths: dict[str, Dimension] = field(default_factory=dict)
    counter: int = 0
    changed: bool = True

    # lengths

    def fresh(self) -> str:
        self.counter += 1
        return f"?{self.counter}"

    def find(self, length: Dimension) -> Dimension:
        while isinstance(length, str) and length in self.lengths:
            length = self.lengths[length]
        return length

    def shape(self, cell: Cell) -> Oriented | None:
        if cell.known is None:
            return None
        return Oriented(tuple(self.find(n) for n in cell.known.shape), cell.known.row)

    def unify(self, a: Dimension, b: Dimension) -> bool:
        a, b = self.find(a), self.find(b)
        if a == b:
            return True
        if isinstance(a, str):
            self.lengths[a] = b
        elif isinstance(b, str):
            self.lengths[b] = a
        else:
            return False
        self.changed = True
        return True

    def meet(self, cell: Cell, shape: Oriented) -> bool:
        """Learn that a cell has a shape; False where it is known to have another."""
        if cell.known is None:
            cell.known = shape
            self.changed = True
            return True
        if len(cell.known.shape) != len(shape.shape):
            return False
        agreed = [self.unify(a, b) for a, b in zip(cell.known.shape, shape.shape)]
        return all(agreed)

    # constraints

    def cell(self, node: Expression, equation: Equation) -> Cell:
        if isinstance(node, Constant):
            return Cell(SCALAR)
        if isinstance(node, Reference):
            if node.name not in self.recurrence.names:  # the step or the length as a number
                return Cell(SCALAR)
            return self.names.setdefault(node.name, Cell())
        arguments = [self.cell(a, equation) for a in node.arguments]
        own = Cell()
        self.knots.append(Knot(node, equation, arguments, own))
        return own

    def load(self, known: Mapping[str, Sequence[Dimension]]) -> None:
        for name in self.recurrence.names:
            self.names.setdefault(name, Cell())
        for name, shape in known.items():
            if name in self.names:
                self.names[name].known = Oriented(tuple(shape))
        for equation in self.recurrence.equations:
            own = self.cell(equation.expression, equation)
            self.same.append((self.names[equation.name], own, equation))

    def propagate(self) -> None:
        while self.changed:
            self.changed = False
            for knot in self.knots:
                self.step(knot)
            for target, own, equation in self.same:
                self.equate(target, own, equation)

    def equate(self, target: Cell, own: Cell, equation: Equation) -> None:
        a, b = self.shape(target), self.shape(own)
        if a is None and b is not None:
            self.meet(target, Oriented(b.shape))
        elif b is None and a is not None:
            self.meet(own, a)
        elif a is not None and b is not None and a.shape != b.shape:
            if not b.shape:  # a number fills any shape: h[0] = 0
                return
            if not self.meet(target, Oriented(b.shape)):
                self.mismatch(
                    equation.expression,
                    equation,
                    f"{equation.target} is {_text(a)}, but the right-hand side is {_text(b)}",
                )

    def step(self, knot: Knot) -> None:
        row = OPERATIONS.get(knot.call.operation)
        if row is None:
            return
        if knot.call.over is not None:
            self.pair(knot.arguments[0], knot.own, knot)
            return
        fitting = [c for c in row.cases if self.fits(c, knot)]
        patterns = {c.signature: c for c in fitting}
        if not patterns:
            sides = " and ".join(
                f"{_name(a)} is {_text(s)}"
                for a, cell in zip(knot.call.arguments, knot.arguments)
                if (s := self.shape(cell)) is not None
            )
            if (own := self.shape(knot.own)) is not None:
                sides += f", where {_text(own)} is needed"
            self.mismatch(knot.call, knot.equation, f"shapes do not fit: {sides}")
        elif len(patterns) == 1:
            self.settle(fitting[0], knot)

    def pair(self, a: Cell, b: Cell, knot: Knot) -> None:
        for one, other in ((a, b), (b, a)):
            shape = self.shape(one)
            if shape is not None and not self.meet(other, shape):
                self.mismatch(knot.call, knot.equation, "shapes do not fit")

    def fits(self, case: Case, knot: Knot) -> bool:
        """Whether a case agrees with all that is known; lengths not yet known agree."""
        patterns = [*operands(case, len(knot.arguments)), result(case)]
        letters: dict[str, int] = {}
        stars: list[Shape] = []
        for pattern, cell in zip(patterns, [*knot.arguments, knot.own]):
            known = self.shape(cell)
            if known is None or pattern == "?":
                continue
            if pattern == "*":
                stars.append(known.shape)
                continue
            if len(pattern.rstrip("'")) != len(known.shape):
                return False
            lying = len(known.shape) == 1 and cell is not knot.own and _strict(case)
            if lying and pattern.endswith("'") != known.row:
                return False
            for letter, length in zip(pattern, known.shape):
                if isinstance(length, int) and letters.setdefault(letter, length) != length:
                    return False
        return _agree(stars)

    def settle(self, case: Case, knot: Knot) -> None:
        """Learn all that the one fitting case says."""
        if case.signature.endswith("+->n"):
            self.settle_row(case, knot)
            return
        letters: dict[str, Dimension] = {}
        patterns = [*operands(case, len(knot.arguments)), result(case)]
        stars = []
        for pattern, cell in zip(patterns, [*knot.arguments, knot.own]):
            if cell.known is not None and pattern not in ("*", "?"):
                for letter, length in zip(pattern, cell.known.shape):
                    letters.setdefault(letter, length)
        for pattern, cell in zip(patterns, [*knot.arguments, knot.own]):
            if pattern == "*":
                stars.append(cell)
            elif pattern != "?":
                for letter in pattern.rstrip("'"):
                    letters.setdefault(letter, self.fresh())
                if not self.meet(cell, _oriented(pattern, letters)):
                    self.mismatch(knot.call, knot.equation, "shapes do not fit")
        if stars:
            self.broadcast(stars, result(case) == "*", knot)

    def broadcast(self, cells: list[Cell], with_result: bool, knot: Knot) -> None:
        """Scalars and one other shape: as much as follows from what is known."""
        arguments = cells[:-1] if with_result else cells
        full = [s for c in cells if (s := self.shape(c)) is not None and s.shape]
        for shape in full[1:]:
            if not self.meet(Cell(full[0]), shape):
                self.mismatch(
                    knot.call,
                    knot.equation,
                    f"{_text(full[0])} and {_text(shape)} do not fit elementwise",
                )
        if not with_result:
            return
        own = cells[-1]
        if any((s := self.shape(c)) is not None and s.shape for c in arguments):
            rows = all(s.row for c in arguments if (s := self.shape(c)) is not None and s.shape)
            self.meet(own, Oriented(full[0].shape, rows))
        elif all(c.known is not None for c in arguments):
            if own.known is None:
                self.meet(own, SCALAR)
        elif own.known is not None and not own.known.shape:
            for cell in arguments:
                self.meet(cell, SCALAR)
        elif own.known is not None:
            open_ = [c for c in arguments if c.known is None]
            if len({id(c) for c in open_}) == 1:
                self.meet(open_[0], Oriented(own.known.shape))

    def settle_row(self, case: Case, knot: Knot) -> None:
        """Operands in a row: their lengths add up."""
        shapes = [self.shape(c) for c in knot.arguments]
        self.meet(knot.own, Oriented((self.fresh(),))) if knot.own.known is None else None
        whole = self.shape(knot.own)
        assert whole is not None
        if all(s is not None for s in shapes):
            total = apply(case, [s for s in shapes if s is not None])
            if total is None:
                self.mismatch(knot.call, knot.equation, "only vectors and scalars stand in a row")
            elif isinstance(total.shape[0], int) and not self.unify(whole.shape[0], total.shape[0]):
                message = f"the parts have {total.shape[0]} entries together, not {whole.shape[0]}"
                self.mismatch(knot.call, knot.equation, message)

    def mismatch(self, node: Expression, equation: Equation, message: str) -> None:
        where = node if node.span is not None else equation
        raise self.recurrence.error(
            message,
            where,
            f"This is in the equation of {equation.target}; check the sizes given for its names.",
        )

    # defaults

    def decide(self) -> bool:
        """Take the likeliest reading of the first thing left open; False if nothing is."""
        for knot in self.knots:
            row = OPERATIONS.get(knot.call.operation)
            if row is None or knot.call.over is not None or len(row.cases) < 2:
                continue
            fitting = [c for c in row.cases if self.fits(c, knot)]
            if len({c.signature for c in fitting}) > 1:
                best = min(fitting, key=lambda c: _strangeness(c, knot.call))
                if any(c.known is None for c in (*knot.arguments, knot.own)):
                    self.settle(best, knot)
                    if self.changed:
                        return True
        for knot in self.knots:
            whole = self.shape(knot.own)
            if whole is None or not whole.shape:
                continue
            for argument, cell in zip(knot.call.arguments, knot.arguments):
                if cell.known is None:
                    small = self.is_small(argument)
                    self.meet(cell, SCALAR if small else Oriented(whole.shape))
                    return True
        for cell in (*self.names.values(), *(k.own for k in self.knots)):
            if cell.known is None:
                self.meet(cell, SCALAR)
                return True
        return False

    def is_small(self, node: Expression) -> bool:
        """Whether an expression that scales a vector is likelier a number: α, 1 - α."""
        names = {r.name for r in references_in(node)} & set(self.recurrence.names)
        return all(self.recurrence.role(n) == PARAMETER and n.split("_")[0] in GREEK for n in names)

    def free(self) -> Iterator[str]:
        """Lengths that nothing fixes, in the order of the names."""
        for cell in self.names.values():
            shape = self.shape(cell)
            yield from (n for n in (shape.shape if shape else ()) if isinstance(n, str))


def _agree(shapes: list[Shape]) -> bool:
    """Whether shapes can be broadcast: all full ones of one rank, known lengths equal."""
    full = [s for s in shapes if s]
    for a in full[1:]:
        if len(a) != len(full[0]):
            return False
        if any(isinstance(m, int) and isinstance(n, int) and m != n for m, n in zip(a, full[0])):
            return False
    return True


def _strangeness(case: Case, node: Call) -> int:
    """How far a case is from what the letters suggest: capitals matrices, small letters vectors."""
    strange = 0
    for pattern, argument in zip(operands(case, len(node.arguments)), node.arguments):
        lying = False
        while isinstance(argument, Call) and "n->n'" in _signatures(argument):
            argument, lying = argument.arguments[0], not lying
        if isinstance(argument, Reference) and pattern not in ("*", "?"):
            rank = len(pattern.rstrip("'"))
            capital = argument.name[:1].isupper()
            strange += (capital and rank < 2) or (not capital and rank == 2)
            strange += not capital and rank == 1 and pattern.endswith("'") != lying
    return strange


def _signatures(node: Call) -> set[str]:
    row = OPERATIONS.get(node.operation)
    return {c.signature for c in row.cases} if row else set()


def infer(
    recurrence: Recurrence,
    known: Mapping[str, Sequence[Dimension]] | None = None,
    default: int | None = None,
) -> dict[str, Shape]:
    """Value shapes of all names: from `known` ones, by unification, then by convention.

    Capitals are matrices and small letters vectors where a product asks; a Greek parameter that
    scales is a number; a name that only elementwise operations touch is a number too unless it is
    known to be more. A length that nothing fixes becomes `default`, or stays a name such as `n_h`.
    Raises UnrollError where shapes contradict each other.
    """
    state = Inference(recurrence)
    state.load(known or {})
    state.propagate()
    while state.decide():
        state.propagate()
    while default is not None and (length := next(state.free(), None)) is not None:
        state.unify(length, default)
        state.propagate()
    labels: dict[Dimension, Dimension] = {}
    shapes = {}
    for name, cell in state.names.items():
        shape = state.shape(cell)
        assert shape is not None
        shapes[name] = tuple(
            labels.setdefault(n, f"n_{name}") if isinstance(n, str) else n for n in shape.shape
        )
    return shapes


# --- resolution ---------------------------------------------------------------------


def shape_of(node: Expression, shapes: Mapping[str, Shape]) -> Oriented:
    """Shape of an expression whose names have these shapes. Raises UnrollError if none fits."""
    return resolve_expression(node, shapes)[1]


def resolve_expression(
    node: Expression, shapes: Mapping[str, Shape]
) -> tuple[Expression, Oriented]:
    """The expression with products told apart by shapes, and its shape."""
    if isinstance(node, Constant):
        return node, SCALAR
    if isinstance(node, Reference):
        return node, Oriented(tuple(shapes.get(node.name, ())))
    parts = [resolve_expression(a, shapes) for a in node.arguments]
    arguments = tuple(p[0] for p in parts)
    node = Call(node.operation, arguments, node.over, node.span)
    row = OPERATIONS.get(node.operation)
    if node.over is not None:
        return node, parts[0][1]
    if row is None:  # opaque: nothing is known of its result but by its equation
        return node, SCALAR
    for case in row.cases:
        shape = apply(case, [p[1] for p in parts])
        if shape is not None:
            if case.becomes is None:
                return node, shape
            return resolve_expression(case.becomes(*arguments), shapes)[0], shape
    sides = " and ".join(f"{_name(p[0])} is {_text(p[1])}" for p in parts)
    raise UnrollError(f"{node.operation} does not fit: {sides}")


def resolve(recurrence: Recurrence, shapes: Mapping[str, Shape]) -> Recurrence:
    """The recurrence with every product told apart: scaling, matrix, inner, outer."""
    from dataclasses import replace

    equations = []
    for equation in recurrence.equations:
        try:
            expression, _ = resolve_expression(equation.expression, shapes)
        except UnrollError as problem:
            raise recurrence.error(problem.message, equation) from None
        equations.append(replace(equation, expression=expression))
    return replace(recurrence, equations=tuple(equations))


def _text(shape: Oriented) -> str:
    if not shape.shape:
        return "a number"
    if len(shape.shape) == 1:
        return f"a vector of {shape.shape[0]}".replace("of ?", "of unknown length ?")
    return "a matrix of " + " x ".join(map(str, shape.shape))


def _name(node: Expression) -> str:
    return str(node) if isinstance(node, Reference) else "the other side"


__all__ = ["Dimension", "Oriented", "Shape", "infer", "rebuild", "resolve", "shape_of"]
