"""Unification of shapes: what the signatures of the table force, and the likeliest of what is left.

Every name and every call has a cell; constraints are applied until nothing changes, then the first
open question is decided by convention, and so on until nothing is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from unroll.symbolic.expressions import Call, Constant, Expression, Reference, references
from unroll.symbolic.operations import OPERATIONS, Case, Operation
from unroll.symbolic.recurrence import PARAMETER, Equation, Recurrence
from unroll.symbolic.signatures import (
    SCALAR,
    Dimension,
    Oriented,
    Shape,
    apply,
    in_words,
    is_strict,
    numbered,
    operands,
    oriented,
    result,
    side,
)
from unroll.symbolic.simplification import signed_terms

GREEK = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "iota"}
    | {"kappa", "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi"}
    | {"omega"}
)


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
        shape = tuple(self.find(n) for n in cell.known.shape)
        return Oriented(shape, cell.known.row, cell.known.number)

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
            return Cell(Oriented((), number=node.value))
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
            others = len(self.recurrence.equations_of(equation.name)) > 1
            if not (
                others and isinstance(equation.expression, Constant)
            ):  # h[0] = 0 fills any shape
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
                    f"{equation.target} is {in_words(a)}, but the right-hand side is {in_words(b)}",
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
            if any(c.counted is not None for c in row.cases) and self.miscounted(row, knot):
                self.mismatch(
                    knot.call,
                    knot.equation,
                    f"the bounds of {row.name} must be plain whole numbers in their order, from 0 on",
                )
            sides = " and ".join(
                f"{side(a)} is {in_words(s)}"
                for a, cell in zip(knot.call.arguments, knot.arguments)
                if (s := self.shape(cell)) is not None
            )
            if (own := self.shape(knot.own)) is not None:
                sides += f", where {in_words(own)} is needed"
            self.mismatch(knot.call, knot.equation, f"shapes do not fit: {sides}")
        elif len(patterns) == 1:
            self.settle(fitting[0], knot)
        self.check_positions(row, knot)

    def miscounted(self, row: Operation, knot: Knot) -> bool:
        """Whether the numbers of a call say no length, whatever its operands are."""
        known = [self.shape(c) for c in knot.arguments]
        return all(numbered(c, known) is None for c in row.cases)

    def check_positions(self, row: Operation, knot: Knot) -> None:
        """Refuse a plain number as a position where nothing stands."""
        for argument, length, spare in self.positions(row, knot):
            place = argument.known.number if argument.known else None
            if place is None or not isinstance(length, int):
                continue
            if place != int(place) or not 0 <= place <= length - spare:
                self.mismatch(
                    knot.call,
                    knot.equation,
                    f"there is no position {place:g} among {length}: they are counted from 0",
                )

    def positions(self, row: Operation, knot: Knot) -> Iterator[tuple[Cell, Dimension, int]]:
        """Positions of a call, the length that each counts along, and 1 if it is no last one."""
        for at, along in row.positions.items():
            if at < len(knot.arguments):
                shape = self.shape(knot.arguments[along.operand])
                if shape is not None and along.axis < len(shape.shape):
                    yield knot.arguments[at], shape.shape[along.axis], int(not along.end)

    def least(self, length: Dimension) -> int:
        """How long something must be for the plain numbers that count along it."""
        needed = 1
        for knot in self.knots:
            row = OPERATIONS.get(knot.call.operation)
            for argument, own, spare in self.positions(row, knot) if row else ():
                place = argument.known.number if argument.known else None
                if place is not None and own == self.find(length):
                    needed = max(needed, int(place) + spare)
        return needed

    def pair(self, a: Cell, b: Cell, knot: Knot) -> None:
        for one, other in ((a, b), (b, a)):
            shape = self.shape(one)
            if shape is not None and not self.meet(other, shape):
                self.mismatch(knot.call, knot.equation, "shapes do not fit")

    def fits(self, case: Case, knot: Knot) -> bool:
        """Whether a case agrees with all that is known; lengths not yet known agree."""
        patterns = [*operands(case, len(knot.arguments)), result(case)]
        letters = numbered(case, [self.shape(c) for c in knot.arguments])
        if letters is None or len(patterns) != len(knot.arguments) + 1:
            return False
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
            lying = len(known.shape) == 1 and cell is not knot.own and is_strict(case)
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
        letters = numbered(case, [self.shape(c) for c in knot.arguments]) or {}
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
                if not self.meet(cell, oriented(pattern, letters)):
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
                    f"{in_words(full[0])} and {in_words(shape)} do not fit elementwise",
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

    def mismatch(self, node: Expression, equation: Equation, message: str) -> NoReturn:
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
                    self.meet(cell, self.likely(knot, argument, whole))
                    return True
        for cell in (*self.names.values(), *(k.own for k in self.knots)):
            if cell.known is None:
                self.meet(cell, SCALAR)
                return True
        return False

    def likely(self, knot: Knot, argument: Expression, whole: Oriented) -> Oriented:
        """Shape of an open operand of something that is no number: a part of its own, or the same."""
        if self.is_small(argument) or self.has_scalar_term(argument):
            return SCALAR
        in_a_row = _signatures(knot.call) == {"n+->n"}
        return Oriented((self.fresh(),)) if in_a_row else Oriented(whole.shape)

    def has_scalar_term(self, node: Expression) -> bool:
        """Whether a variable is a sum with an inner product or another number computed from
        vectors in it: then it is likelier a number, too, as the error `d[n] - w.T @ x[n]`."""
        if not isinstance(node, Reference):
            return False
        terms = [
            term
            for e in self.recurrence.equations_of(node.name)
            for _, term in signed_terms(e.expression)
        ]
        if len(terms) < 2:
            return False
        return any(k.call is term and k.own.known == SCALAR for k in self.knots for term in terms)

    def is_small(self, node: Expression) -> bool:
        """Whether an expression that scales a vector is likelier a number: α, 1 - α."""
        names = {r.name for r in references(node)} & set(self.recurrence.names)
        return all(self.recurrence.role(n) == PARAMETER and n.split("_")[0] in GREEK for n in names)

    def free(self) -> Iterator[str]:
        """Lengths that nothing fixes: those of variables and inputs first, parameters follow."""
        parameters = set(self.recurrence.parameters)
        for name in sorted(self.names, key=parameters.__contains__):
            shape = self.shape(self.names[name])
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
