"""Terms: expressions with their NumPy source chosen, their shape and their leading axes known.

An expression becomes a term in a *frame*, which says for each axis letter at which steps it is
evaluated: all of a range at once, one in a loop, one for good, or those in an array of numbers.
Everything about an operation comes from its row of the table; nothing here knows any by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from unroll.errors import UnrollError
from unroll.numeric.layout import Rows, read, span_of
from unroll.symbolic import signatures
from unroll.symbolic.expressions import (
    Call,
    Constant,
    Expression,
    Index,
    Range,
    Reference,
    call,
    reindex,
)
from unroll.symbolic.operations import OPERATIONS, Case, Operation, Shape
from unroll.symbolic.recurrence import Recurrence
from unroll.symbolic.shapes import shape_of
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.trees import PARENT

BATCH, WAVE = "batch", "wave"
Axes = frozenset[str]  # letters of axes, BATCH and WAVE
NONE: Axes = frozenset()
VIEW = re.compile(
    r"\{0\}(\.\w+(\([^{}]*\))?|\[[^{}]*\])+"
)  # attributes and subscripts cost nothing
ALL, LOOP, POINT, ARRAY = "all", "loop", "point", "array"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one letter is. ALL: at steps first..last at once; LOOP: at the step in the variable
    `source`; POINT: at step `first`; ARRAY: at the steps in the array `source`, which lead the
    values as the axis `axis`."""

    kind: str
    first: int
    last: int
    source: str = ""
    axis: str = ""


Frame = Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Term:
    """Source with `{0}`, `{1}` for the operands and `{out}` for a destination.

    plain: source without one, where that reads more easily.
    shape: of the value; axes: which axes and whether the batch lead it, in the scope's order.
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
    sizes: Sizes
    shapes: Mapping[str, Shape]
    rows: Mapping[str, tuple[Rows, ...]]
    batched: frozenset[str]
    words: Mapping[str, str]
    summed: frozenset[str] = frozenset()

    # --- axes -------------------------------------------------------------------

    def ordered(self, axes: Iterable[str]) -> list[str]:
        """Leading axes in the order in which they lead: letters as the recurrence has them."""
        order = [WAVE, *self.recurrence.letters, BATCH]
        return sorted(axes, key=order.index)

    def spans(self, frame: Frame) -> dict[str, tuple[int, int]]:
        return {letter: (place.first, place.last) for letter, place in frame.items()}

    # --- leaves -----------------------------------------------------------------

    def term(self, node: Expression, frame: Frame) -> Term:
        """The term of an expression. Raises UnrollError for an opaque function."""
        if isinstance(node, Constant):
            return _python(_number(node.value))
        if isinstance(node, Reference):
            return self.reference(node, frame)
        if node.over is not None:
            return self.reduction(node, frame, NONE)
        return self.apply(self.row(node), [self.term(a, frame) for a in node.arguments])

    def reference(self, node: Reference, frame: Frame) -> Term:
        if not node.indices and node.name in self.recurrence.letters:
            return self.step_number(Index(node.name), frame)
        if not node.indices and node.name in self.recurrence.lengths:
            return _python(self.words[node.name])
        word, shape = self.words[node.name], self.shapes[node.name]
        axes = frozenset({BATCH}) if node.name in self.batched else NONE
        if not node.indices:
            # an array of rank 0 is no Python number, but broadcasts like one
            return Term(word, shape=shape, axes=axes, simple=True)
        spans = self.spans(frame)
        sides = [read(self.recurrence, i, self.sizes, spans) for i in node.indices]
        if not all(r.holds(*side) for r, side in zip(self.rows[node.name], sides)):
            return self.zero(shape)
        parts, lead = self.subscripts(node, frame)
        source = f"{word}[{', '.join(parts)}]" if any(p != ":" for p in parts) else word
        gathers = any(frame[i.base].kind == ARRAY for i in node.indices if i.base in frame)
        term = Term(source, (), shape, axes | frozenset(lead), not gathers)
        return self.in_order(term, lead)

    def subscripts(self, node: Reference, frame: Frame) -> tuple[list[str], list[str]]:
        """What stands in the brackets behind an array, and the axes of what that reads."""
        letters = [i.base for i in node.indices]
        parts: list[str] = []
        lead: list[str] = []
        gathered = False
        for p, index in enumerate(node.indices):
            rows = self.rows[node.name][p]
            place = frame.get(index.base)
            length = self.recurrence.axes_of(node.name)[p].length
            if place is None or place.kind == POINT:
                at = read(self.recurrence, index, self.sizes, self.spans(frame))[0]
                if place is not None and index.via:
                    at = self.recurrence.position(index, self.sizes, {index.base: place.first})
                parts.append(self.at(at - rows.first, length))
            elif place.kind == LOOP:
                parts.append(self.shifted(place.source, index, rows.first))
            elif place.kind == ARRAY or index.via or letters.count(index.base) > 1:
                array = place.source or self.steps(place, length)
                parts.append(self.shifted(array, index, rows.first))
                axis = place.axis or index.base
                if axis not in lead:
                    lead.insert(0 if gathered and len(parts) > 1 else len(lead), axis)
                gathered = True
            else:
                first, last = place.first + index.offset, place.last + index.offset
                parts.append(self.slice(rows, first, last, length))
                lead.append(index.base)
        while parts and parts[-1] == ":" and len(parts) > 1:
            parts.pop()
        return parts, lead

    def shifted(self, step: str, index: Index, first: int) -> str:
        """Row of a moving index, as in `t - 1`; of a neighbour in a tree, as in `left_n[n]`."""
        if index.via:
            step = f"{self.words[f'{index.via} {index.base}']}[{step}]"
        offset = index.offset - first
        return step if not offset else f"{step} {'+' if offset > 0 else '-'} {abs(offset)}"

    def steps(self, place: Place, length: str) -> str:
        return f"np.arange({self.at(place.first, length)}, {self.at(place.last + 1, length)})"

    def in_order(self, term: Term, lead: Sequence[str]) -> Term:
        """A term whose axes come as `lead`, batch after them, brought into the scope's order."""
        have = [*lead, *(a for a in (BATCH,) if a in term.axes)]
        return turned(term, have, self.ordered(have))

    def step_number(self, index: Index, frame: Frame) -> Term:
        """A letter, or a neighbour in a tree, as a number."""
        letter = index.base
        place = frame[letter]
        if place.kind == POINT:
            at = self.recurrence.position(index, self.sizes, {letter: place.first})
            return _python(self.at(at, self.recurrence.letters[letter].length))
        if place.kind == LOOP:
            return _python(self.shifted(place.source, index, 0))
        length = self.recurrence.letters[letter].length
        if place.kind == ALL and not index.via:
            first = self.at(place.first + index.offset, length)
            last = self.at(place.last + index.offset + 1, length)
            return Term(f"np.arange({first}, {last}, dtype=dtype)", axes=frozenset({letter}))
        array = self.shifted(place.source or self.steps(place, length), index, 0)
        return Term(f"np.asarray({array}, dtype)", axes=frozenset({place.axis or letter}))

    def zero(self, shape: Shape) -> Term:
        return Term(f"np.zeros({shape}, dtype)", shape=shape) if shape else Term("0.0", simple=True)

    # --- rows -------------------------------------------------------------------

    def at(self, position: int, length: str) -> str:
        """A step as source: counted from the last one where that is near."""
        steps = self.sizes[length]
        if position < 2 or position < steps - 2 or length.isdigit():
            return str(position)
        offset, word = position - steps, self.words[length]
        return word if not offset else f"{word} {'+' if offset > 0 else '-'} {abs(offset)}"

    def slice(self, own: Rows, first: int, last: int, length: str) -> str:
        """Rows of steps first..last."""
        start = "" if first == own.first else self.at(first - own.first, length)
        beyond = own.last - last
        stop = "" if not beyond else "-1" if beyond == 1 else self.at(last - own.first + 1, length)
        return f"{start}:{stop}"

    # --- reductions and sums ----------------------------------------------------

    def row(self, node: Call) -> Operation:
        row = OPERATIONS.get(node.operation)
        if row is None or not row.cases:
            raise UnrollError(
                f"{node.operation} is an opaque function, which cannot be computed",
                remedy=f'Say what it is, as in bind("{node.operation}(s, x) = tanh(W @ s + U @ x)").',
            )
        return row

    def reduction(self, node: Call, frame: Frame, batch: Axes) -> Term:
        """`sum(L[t], t)` and its like; `batch`: sum over the batch on the way."""
        row, within = self.row(node), node.bound
        assert within is not None
        if row.over is None:
            raise UnrollError(
                f"{node.operation} does not reduce over an axis",
                remedy="sum, mean, max and min do.",
            )
        letter, axis = within.axis, frozenset({within.axis})
        first, last = span_of(self.recurrence, within, self.sizes, self.spans(frame))
        if first > last:
            shape = self.shape(node.arguments[0])
            value = _number(0 if row.keeps else row.neutral)
            return Term(f"np.full({shape}, {value}, dtype)" if shape else value, shape=shape)
        inner = {**frame, letter: Place(ALL, first, last)}
        kept = self.conditions(within, frame)
        if "{sum}" in row.over:
            if kept is None:
                total = self.total(node.arguments[0], inner, axis | batch)
            else:
                total = self.masked(node.arguments[0], kept, inner, row)
                total = self.repeated(self.add_up(total, axis | batch), inner, batch - total.axes)
            if row.over == "{sum}":
                return total
            count = self.count(letter, inner)
            if kept is not None:
                ones = self.masked(Constant(1), kept, inner, row)
                return self.apply(OPERATIONS["divide"], [total, self.add_up(ones, axis)])
            source = row.over.replace("{sum}", "{0}").replace("{count}", count)
            return Term(source, (total,), total.shape, total.axes)
        body = node.arguments[0]
        term = self.term(body, inner) if kept is None else self.masked(body, kept, inner, row)
        if letter not in term.axes and row.keeps:
            term = self.spread(term, letter, inner)
        if letter in term.axes:
            position = str(self.ordered(term.axes).index(letter))
            axes = term.axes if row.keeps else term.axes - axis
            term = Term(row.over.replace("{axis}", position), (term,), term.shape, axes)
        if row.keeps:
            term = self.selected(term, letter, first, frame)
        return self.repeated(self.add_up(term, batch), inner, batch - term.axes)

    def shape(self, node: Expression) -> Shape:
        return tuple(int(n) for n in shape_of(node, self.shapes).shape)

    def spread(self, term: Term, letter: str, frame: Frame) -> Term:
        """A term that is the same at all steps of an axis, once for each of them."""
        ones = Term(f"np.ones({self.count(letter, frame)}, dtype)", axes=frozenset({letter}))
        return self.apply(OPERATIONS["multiply"], [ones, term])

    def selected(self, term: Term, letter: str, first: int, frame: Frame) -> Term:
        """Of a value at every step of an axis, what is at the step where the frame is."""
        place, before = frame[letter], self.ordered(term.axes).index(letter)
        length = self.recurrence.letters[letter].length
        axes = term.axes
        if place.kind == POINT:
            part, axes = self.at(place.first - first, length), axes - {letter}
        elif place.kind == LOOP:
            part, axes = f"{place.source} - {first}", axes - {letter}
        elif place.kind == ARRAY:
            raise UnrollError(f"a {letter} that is gathered cannot be normalised over")
        else:
            start = place.first - first
            count = self.at(start + place.last - place.first + 1, length)
            part = f"{start}:{count}"
        lead = ":, " * before
        return Term(f"{{0}}[{lead}{part}]", (term,), term.shape, axes)

    def conditions(self, within: Range, frame: Frame) -> Expression | None:
        """What holds where a reduction's letter may be, as numbers; None if that is everywhere."""
        letter = Reference(within.axis)
        if within.parent is not None:
            parent = Reference(within.axis, (Index(within.axis, 0, PARENT),))
            return call("equal", parent, Reference(within.parent.base))
        found: Expression | None = None
        for end, comparison in ((within.start, "greater_equal"), (within.stop, "less_equal")):
            place = frame.get(end.base) if end is not None and end.base else None
            if end is None or place is None or place.kind == POINT:
                continue
            holds = call(comparison, letter, reindex(Reference("i"), {"i": end}))
            found = holds if found is None else found * holds
        return found

    def masked(self, body: Expression, kept: Expression, frame: Frame, row: Operation) -> Term:
        """A term with the neutral element where a condition does not hold."""
        value = self.term(body, frame)
        neutral = Term(_number(row.neutral), simple=True)
        return self.apply(OPERATIONS["where"], [self.condition(kept, frame), value, neutral])

    def condition(self, kept: Expression, frame: Frame) -> Term:
        if isinstance(kept, Call):
            row = OPERATIONS[kept.operation]
            return self.apply(row, [self.condition(a, frame) for a in kept.arguments])
        if isinstance(kept, Reference) and kept.indices:
            return self.step_number(kept.indices[0], frame)
        return self.term(kept, frame)

    def count(self, letter: str, frame: Frame) -> str:
        place = frame[letter]
        return self.at(place.last - place.first + 1, self.recurrence.letters[letter].length)

    def total(self, node: Expression, frame: Frame, over: Axes) -> Term:
        """The sum of an expression over some letters, the batch or both.

        What is the same at every step, or for every entry of the batch, counts that many times.
        """
        term = self.term(node, frame)
        if not over & term.axes:
            return self.repeated(term, frame, over)
        if not isinstance(node, Call):
            return self.repeated(self.add_up(term, over), frame, over - term.axes)
        row = self.row(node)
        if node.over is not None:
            inner = node.bound
            if row.over != "{sum}" or inner is None or self.conditions(inner, frame) is not None:
                return self.repeated(self.add_up(term, over), frame, over - term.axes)
            span = span_of(self.recurrence, inner, self.sizes, self.spans(frame))
            if inner.axis in over or span[0] > span[1]:
                return self.repeated(self.add_up(term, over), frame, over - term.axes)
            return self.total(
                node.arguments[0], {**frame, inner.axis: Place(ALL, *span)}, over | {inner.axis}
            )
        if row.linear and any(self.is_product(a) for a in node.arguments):
            return self.apply(row, [self.total(a, frame, over) for a in node.arguments])
        if row.product:
            total = self.total_product(row, node, frame, over & term.axes)
            return self.repeated(total, frame, over - term.axes)
        return self.repeated(self.add_up(term, over), frame, over - term.axes)

    def is_product(self, node: Expression) -> bool:
        return isinstance(node, Call) and self.row(node).product

    def repeated(self, term: Term, frame: Frame, over: Axes) -> Term:
        """The sum of a term over axes that it has not."""
        for axis in self.ordered(over):
            count = "batch" if axis == BATCH else self.count(axis, frame)
            term = self.apply(OPERATIONS["multiply"], [_python(count), term])
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
            return self.apply(row, factors)
        case, shape = select(row, factors)
        together = all(f.axes == left for f in factors)
        if case.summed is not None and together:
            return Term(case.summed, tuple(factors), shape)
        if not together:
            return self.contracted(case, factors, shape, left)
        return self.add_up(self.apply(row, factors), left)

    def contracted(self, case: Case, factors: Sequence[Term], shape: Shape, over: Axes) -> Term:
        """The sum of a product over axes of which both factors have some that are kept."""
        letters = {
            axis: chr(ord("A") + i)
            for i, axis in enumerate(self.ordered(factors[0].axes | factors[1].axes))
        }
        rank = max(len(f.shape) for f in factors)
        subscripts = []
        for factor, pattern in zip(factors, signatures.operands(case, 2)):
            value = "abcdefgh"[:rank] if pattern == "*" and factor.shape else pattern.strip("*'")
            subscripts.append("".join(letters[a] for a in self.ordered(factor.axes)) + value)
        axes = (factors[0].axes | factors[1].axes) - over
        result = signatures.result(case)
        value = "abcdefgh"[: len(shape)] if result == "*" else result.strip("'")
        result = "".join(letters[a] for a in self.ordered(axes)) + value
        source = f"np.einsum('{','.join(subscripts)}->{result}', {{0}}, {{1}}, optimize=True)"
        return Term(source, tuple(factors), shape, axes)

    # --- operations -------------------------------------------------------------

    def apply(self, row: Operation, operands: Sequence[Term]) -> Term:
        """An operation on terms: its source from the table, leading axes brought into line."""
        case, shape = select(row, operands)
        source = (
            case.numpy if isinstance(case.numpy, str) else case.numpy([o.shape for o in operands])
        )
        used = {int(i) for i in re.findall(r"\{(\d+)\}", source)}
        axes = NONE.union(*(operands[i].axes for i in used))
        patterns = signatures.operands(case, len(operands))
        rank = max((len(o.shape) for o, p in zip(operands, patterns) if p == "*"), default=0)
        lined = [
            self.align(o, self.ordered(axes), rank if p == "*" and not o.shape else 0)
            for o, p in zip(operands, patterns)
        ]
        if used and all(operands[i].number for i in used):
            lined[0] = Term(f"dtype({lined[0].source})", simple=True)
        simple = bool(VIEW.fullmatch(source)) and lined[0].simple
        return Term(source, tuple(lined), shape, axes, simple, case.plain)

    def align(self, term: Term, order: Sequence[str], rank: int) -> Term:
        """A term ready to broadcast with axes in an order: one of length one where it has none
        behind its first, and axes for a value of that rank where it is a number."""
        have = self.ordered(term.axes)
        term = turned(term, have, [a for a in order if a in term.axes])
        present = [a in term.axes for a in order]
        first = present.index(True) if True in present else len(order)
        parts = [":" if has else "None" for has in present[first:]]
        if "None" not in parts:
            parts = []
        if rank and (term.axes or term.shape):
            parts += ["..."] + ["None"] * rank
        if not parts:
            return term
        return Term(f"{{0}}[{', '.join(parts)}]", (term,), term.shape, term.axes, term.simple)

    def add_up(self, term: Term, over: Axes) -> Term:
        """The plain sum over leading axes."""
        over &= term.axes
        if not over:
            return term
        leading = self.ordered(term.axes)
        places = [leading.index(a) for a in leading if a in over]
        axis = str(places[0]) if len(places) == 1 else str(tuple(places))
        return Term(f"np.sum({{0}}, axis={axis}{{out}})", (term,), term.shape, term.axes - over)


def turned(term: Term, have: Sequence[str], want: Sequence[str]) -> Term:
    """A term whose leading axes come in one order, brought into another."""
    if list(have) == list(want):
        return term
    places = [have.index(a) for a in want]
    places += range(len(have), len(have) + len(term.shape))
    order = ", ".join(map(str, places))
    return Term(f"{{0}}.transpose({order})", (term,), term.shape, term.axes, term.simple)


def select(row: Operation, operands: Sequence[Term]) -> tuple[Case, Shape]:
    """The first case of an operation that fits, and the shape of its result."""
    oriented = [signatures.Oriented(o.shape, number=_literal(o)) for o in operands]
    for case in row.cases:
        if not case.numpy or any(operands[i].axes for i in case.fixed):
            continue
        shape = signatures.apply(case, oriented)
        if shape is not None:
            return case, tuple(int(n) for n in shape.shape)
    shown = " and ".join(str(o.shape) for o in operands)
    raise UnrollError(f"{row.name} does not take values of shape {shown}")


def _python(number: str) -> Term:
    return Term(number, simple=True, number=True)


def _literal(term: Term) -> float | None:
    """The value of a plain number; None for a step and for all that is computed."""
    try:
        return float(term.source) if term.number else None
    except ValueError:
        return None


def _number(value: float) -> str:
    if abs(value) == inf or value != value:
        return f"float({str(value)!r})"
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text
