"""Terms: expressions with their NumPy source chosen, their shape and their leading axes known.

An expression becomes a term in a *frame*, which says for which steps it is evaluated: all of a range
at once, one in a loop, or one for good. Everything about an operation comes from its row of the
table; nothing here knows any by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unroll.errors import UnrollError
from unroll.numeric.layout import Rows
from unroll.symbolic import signatures
from unroll.symbolic.expressions import Call, Constant, Expression, Reference
from unroll.symbolic.operations import OPERATIONS, Case, Operation, Shape
from unroll.symbolic.recurrence import Recurrence

STEP, BATCH = "step", "batch"
Axes = frozenset[str]
NONE: Axes = frozenset()
STEPWISE: Axes = frozenset({STEP})
VIEW = re.compile(
    r"\{0\}(\.\w+(\([^{}]*\))?|\[[^{}]*\])+"
)  # attributes and subscripts cost nothing


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a term is evaluated. ALL: steps first..last at once; LOOP: the step of the loop's letter;
    POINT: step `first`."""

    kind: str
    first: int = 0
    last: int = 0


ALL, LOOP, POINT = "all", "loop", "point"


@dataclass(frozen=True, slots=True)
class Term:
    """Source with `{0}`, `{1}` for the operands and `{out}` for a destination.

    plain: source without one, where that reads more easily.
    shape: of the value; axes: which of step and batch lead it.
    number: whether it is one of Python's own numbers, which raise and overflow.
    simple: a name, a number or a view of one, which costs nothing to repeat.
    """

    source: str
    operands: tuple[Term, ...] = ()
    shape: Shape = ()
    axes: Axes = NONE
    simple: bool = False
    plain: str | None = None
    number: bool = False
    _hash: int = field(default=0, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # terms are keys, and hashing one anew would walk all of it each time
        object.__setattr__(self, "_hash", hash((self.source, self.operands, self.shape, self.axes)))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of the names: value shapes, rows, which have a batch axis, identifiers.

    summed: names that take the sum over the batch of what is assigned to them.
    """

    recurrence: Recurrence
    steps: int
    shapes: Mapping[str, Shape]
    rows: Mapping[str, Rows]
    batched: frozenset[str]
    words: Mapping[str, str]
    summed: frozenset[str] = frozenset()

    # --- leaves -----------------------------------------------------------------

    def term(self, node: Expression, frame: Frame) -> Term:
        """The term of an expression. Raises UnrollError for an opaque function."""
        if isinstance(node, Constant):
            return _python(_number(node.value))
        if isinstance(node, Reference):
            return self.reference(node, frame)
        if node.over is not None:
            return self.reduction(node, NONE)
        return apply(self.row(node), [self.term(a, frame) for a in node.arguments])

    def reference(self, node: Reference, frame: Frame) -> Term:
        axis = self.recurrence.axes[0]
        if node.name == axis.name:
            return self.step_number(frame)
        if node.name == axis.length:
            return _python(self.words[axis.length])
        word, shape = self.words[node.name], self.shapes[node.name]
        axes = frozenset({BATCH}) if node.name in self.batched else NONE
        if not node.indices:
            # an array of rank 0 is no Python number, but broadcasts like one
            return Term(word, shape=shape, axes=axes, simple=True)
        index = node.indices[0]
        moving = index.base == axis.name
        first = self.recurrence.position(index, self.steps, frame.first)
        last = self.recurrence.position(index, self.steps, frame.last)
        if not self.rows[node.name].holds(first, last):
            return self.zero(shape)
        if moving and frame.kind == LOOP:
            row = self.row_of(node, self.words[axis.name])
            return Term(f"{word}[{row}]", (), shape, axes, True)
        if moving and frame.kind == ALL:
            return Term(
                f"{word}{self.slice(node.name, first, last)}", (), shape, axes | STEPWISE, True
            )
        return Term(f"{word}[{self.at(first - self.rows[node.name].first)}]", (), shape, axes, True)

    def step_number(self, frame: Frame) -> Term:
        if frame.kind == LOOP:
            return _python(self.words[self.recurrence.axes[0].name])
        if frame.kind == POINT:
            return _python(self.at(frame.first))
        source = f"np.arange({self.at(frame.first)}, {self.at(frame.last + 1)}, dtype=dtype)"
        return Term(source, axes=STEPWISE)

    def zero(self, shape: Shape) -> Term:
        return Term(f"np.zeros({shape}, dtype)", shape=shape) if shape else Term("0.0", simple=True)

    # --- rows -------------------------------------------------------------------

    def at(self, position: int) -> str:
        """A step as source: counted from the last one where that is near."""
        length = self.words[self.recurrence.axes[0].length]
        if position < 2 or position < self.steps - 2:
            return str(position)
        offset = position - self.steps
        return length if not offset else f"{length} {'+' if offset > 0 else '-'} {abs(offset)}"

    def row_of(self, node: Reference, step: str) -> str:
        """Row of a moving reference, as in `t - 1`."""
        offset = node.indices[0].offset - self.rows[node.name].first
        return step if not offset else f"{step} {'+' if offset > 0 else '-'} {abs(offset)}"

    def slice(self, name: str, first: int, last: int) -> str:
        """Rows of steps first..last; nothing where these are all."""
        own = self.rows[name]
        start = "" if first == own.first else self.at(first - own.first)
        beyond = own.last - last
        stop = "" if not beyond else "-1" if beyond == 1 else self.at(last - own.first + 1)
        return f"[{start}:{stop}]" if start or stop else ""

    # --- reductions and sums ----------------------------------------------------

    def row(self, node: Call) -> Operation:
        row = OPERATIONS.get(node.operation)
        if row is None:
            raise UnrollError(
                f"{node.operation} is an opaque function, which cannot be computed",
                remedy=f'Say what it is, as in bind("{node.operation}(s, x) = tanh(W @ s + U @ x)").',
            )
        return row

    def reduction(self, node: Call, batch: Axes) -> Term:
        """`sum(L[t], t)` and its like; `batch`: sum over the batch on the way."""
        over = self.row(node).over
        if over is None:
            raise UnrollError(
                f"{node.operation} does not reduce over an axis",
                remedy="sum, mean, max and min do.",
            )
        frame = Frame(ALL, 1, self.steps)
        if "{sum}" in over:
            total = self.total(node.arguments[0], frame, STEPWISE | batch)
            if over == "{sum}":
                return total
            source = over.replace("{sum}", "{0}").replace("{count}", self.count(frame))
            return Term(source, (total,), total.shape, total.axes)
        inner = self.term(node.arguments[0], frame)
        if STEP in inner.axes:
            inner = Term(over, (inner,), inner.shape, inner.axes - STEPWISE)
        return self.repeated(add_up(inner, batch), frame, batch - inner.axes)

    def count(self, frame: Frame) -> str:
        length = frame.last - frame.first + 1
        return self.at(length)

    def total(self, node: Expression, frame: Frame, over: Axes) -> Term:
        """The sum of an expression over the step, the batch or both.

        What is the same at every step, or for every entry of the batch, counts that many times.
        """
        term = self.term(node, frame)
        if not over & term.axes:
            return self.repeated(term, frame, over)
        if not isinstance(node, Call):
            return self.repeated(add_up(term, over), frame, over - term.axes)
        if node.over is not None:
            return self.reduction(node, over)
        row = self.row(node)
        if row.linear and any(self.is_product(a) for a in node.arguments):
            return apply(row, [self.total(a, frame, over) for a in node.arguments])
        if row.product:
            total = self.total_product(row, node, frame, over & term.axes)
            return self.repeated(total, frame, over - term.axes)
        return self.repeated(add_up(term, over), frame, over - term.axes)

    def is_product(self, node: Expression) -> bool:
        return isinstance(node, Call) and self.row(node).product

    def repeated(self, term: Term, frame: Frame, over: Axes) -> Term:
        """The sum of a term over axes that it has not."""
        for axis, count in ((STEP, self.count(frame)), (BATCH, "batch")):
            if axis in over:
                term = apply(OPERATIONS["multiply"], [_python(count), term])
        return term

    def total_product(self, row: Operation, node: Call, frame: Frame, over: Axes) -> Term:
        """Sum of a product: what only one factor has is summed before, the rest in one product."""
        inner = [self.term(a, frame) for a in node.arguments]
        common = inner[0].axes & inner[1].axes
        own = [over & a.axes - common for a in inner]
        factors = [
            self.total(argument, frame, alone) if alone else term
            for argument, term, alone in zip(node.arguments, inner, own)
        ]
        left = over & common
        if not left:
            return apply(row, factors)
        case, shape = select(row, factors)
        if case.summed is not None and all(f.axes == left for f in factors):
            return Term(case.summed, tuple(factors), shape)
        return add_up(apply(row, factors), left)


# --- operations -------------------------------------------------------------------------


def select(row: Operation, operands: Sequence[Term]) -> tuple[Case, Shape]:
    """The first case of an operation that fits, and the shape of its result."""
    oriented = [signatures.Oriented(o.shape) for o in operands]
    for case in row.cases:
        if not case.numpy or any(operands[i].axes for i in case.fixed):
            continue
        shape = signatures.apply(case, oriented)
        if shape is not None:
            return case, tuple(int(n) for n in shape.shape)
    shown = " and ".join(str(o.shape) for o in operands)
    raise UnrollError(f"{row.name} does not take values of shape {shown}")


def apply(row: Operation, operands: Sequence[Term]) -> Term:
    """An operation on terms: its source from the table, leading axes brought into line."""
    case, shape = select(row, operands)
    source = case.numpy if isinstance(case.numpy, str) else case.numpy([o.shape for o in operands])
    used = {int(i) for i in re.findall(r"\{(\d+)\}", source)}
    axes = NONE.union(*(operands[i].axes for i in used))
    patterns = signatures.operands(case, len(operands))
    rank = max((len(o.shape) for o, p in zip(operands, patterns) if p == "*"), default=0)
    lined = [
        align(o, axes, rank if p == "*" and not o.shape else 0) for o, p in zip(operands, patterns)
    ]
    if used and all(operands[i].number for i in used):
        lined[0] = Term(f"dtype({lined[0].source})", simple=True)
    simple = bool(VIEW.fullmatch(source)) and lined[0].simple
    return Term(source, tuple(lined), shape, axes, simple, case.plain)


def align(term: Term, axes: Axes, rank: int) -> Term:
    """A term ready to broadcast: a batch axis where others have one after the step, and axes for
    a value of that rank where it is a number."""
    parts = []
    if STEP in term.axes and BATCH in axes and BATCH not in term.axes:
        parts = [":", "None"]
    if rank and (term.axes or term.shape):
        parts += ["..."] + ["None"] * rank
    if not parts:
        return term
    return Term(f"{{0}}[{', '.join(parts)}]", (term,), term.shape, term.axes, term.simple)


def add_up(term: Term, over: Axes) -> Term:
    """The plain sum over leading axes."""
    over &= term.axes
    if not over:
        return term
    leading = [a for a in (STEP, BATCH) if a in term.axes]
    places = [leading.index(a) for a in leading if a in over]
    axis = str(places[0]) if len(places) == 1 else str(tuple(places))
    return Term(f"np.sum({{0}}, axis={axis}{{out}})", (term,), term.shape, term.axes - over)


def _python(number: str) -> Term:
    return Term(number, simple=True, number=True)


def _number(value: float) -> str:
    text = repr(float(value))
    if text in ("inf", "-inf", "nan"):
        return f"float({text!r})"
    return text[:-2] if text.endswith(".0") else text
