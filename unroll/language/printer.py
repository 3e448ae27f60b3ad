"""Recurrence to canonical text, which reads back as the same recurrence.

Operators and how tightly they bind come from the table of operations; nothing here knows an
operation by its name.
"""

from __future__ import annotations

import re

from unroll.language.calls import reads_as_call
from unroll.language.histories import history
from unroll.language.indices import is_matrix
from unroll.language.lengths import in_words
from unroll.language.reductions import FRESH
from unroll.language.survey import LEAVES
from unroll.symbolic.expressions import Call, Constant, Expression, Index, Range, Reference, walk
from unroll.symbolic.operations import HISTORY, OPERATIONS, Operation
from unroll.symbolic.recurrence import GIVEN, Axis, Equation, Recurrence

ATOM = 100  # binds tighter than any operator
_SIGN = min(r.precedence for r in OPERATIONS.values() if r.infix and r.arity == (1, 1))


def format_recurrence(recurrence: Recurrence) -> str:
    """The canonical text of a recurrence: one equation a line, no newline at the end."""
    time, *others = recurrence.axes
    silent = _silent(recurrence)
    declared = [a for a in others if _is_named(a) and a.name != silent]
    if _declares(time, recurrence) or (declared and time.name != Axis().name and not time.leaves):
        declared = [time, *declared]
    lines = [f"{a.name} = 1..{a.length}" for a in declared]
    lines += [format_equation(e, recurrence.axes) for e in recurrence.equations]
    return "\n".join(lines)


def _is_named(axis: Axis) -> bool:
    """Whether an axis has another length than its letter tells."""
    if axis.leaves:
        return not axis.length.startswith("n_nodes")
    return axis.length != f"n_{axis.name}"


def _declares(axis: Axis, recurrence: Recurrence) -> bool:
    """Whether an axis needs a line: its letter or its length cannot be told from the equations."""
    if axis.leaves:
        return False
    if axis.length != Axis().length:
        return True
    nodes = [n for e in recurrence.equations for n in walk(e.expression)]
    if any(_looks_free(e, axis) for e in recurrence.equations):
        return True
    letters = {i.base for n in nodes if isinstance(n, Reference) for i in n.indices}
    letters |= {i.base for e in recurrence.equations for i in e.target.indices}
    if axis.name not in letters:
        return axis.name != Axis().name or any("_" in e.name for e in recurrence.equations)
    several = len(recurrence.axes) > 1 and axis.name != Axis().name
    return several and axis.name != _first_letter(recurrence)


def _first_letter(recurrence: Recurrence) -> str:
    """The letter that a left side has first: time, where no `t` is an index."""
    found = (i.base for e in recurrence.equations for i in e.target.indices)
    return next((base for base in found if base in recurrence.letters), "")


def _silent(recurrence: Recurrence) -> str:
    """The letter of histories, where it is the one that `y[<t]` reads back with by itself."""
    parts = [n for e in recurrence.equations for n in walk(e.expression)]
    histories = {n.over for n in parts if isinstance(n, Call) and _is_history(n)}
    shown = {n.over for n in parts if isinstance(n, Call) and not _is_history(n)}
    shown |= {i.base for e in recurrence.equations for i in e.target.indices}
    if len(histories) != 1 or histories & shown:
        return ""
    (letter,) = histories
    axis = recurrence.letters.get(str(letter))
    names = {*recurrence.names, *recurrence.letters}
    same = [a for a in recurrence.axes if axis is not None and a.length == axis.length]
    first = next((c for c in FRESH if c == letter or c not in names), "")
    return first if first == letter and len(same) == 2 else ""


def _looks_free(equation: Equation, axis: Axis) -> bool:
    """Whether the length of the axis stands where it would be taken for a parameter."""
    nodes = list(walk(equation.expression))
    return (
        not equation.ranges
        and Reference(axis.length) in nodes
        and not any(n == Reference(axis.name) or (isinstance(n, Call) and n.over) for n in nodes)
    )


def format_equation(equation: Equation, axes: tuple[Axis, ...] = ()) -> str:
    """`target = expression`, and the ranges where it does not hold on its whole axes."""
    equation = in_words(equation, axes)
    text = f"{equation.target} = {format_expression(equation.expression)}"
    ranges = [format_range(r) for r in equation.ranges if not r.is_whole]
    return f"{text} for {', '.join(ranges)}" if ranges else text


def format_range(within: Range, strict: bool = False) -> str:
    """Where a letter runs, as in `t = 2..tau`, `n in leaves`, `k in children(n)`.

    strict: `s < t` for `s <= t-1`, as in sums.
    """
    letter, start, stop = within.axis, within.start, within.stop
    if within.parent is not None:
        return f"{letter} in {within.parent}"
    if start is None and stop == Index(LEAVES):
        return f"{letter} in leaves"
    if start is not None and stop is not None:
        return f"{letter} = {start}..{stop}"
    if start is not None:
        after = strict and start.base and start.offset == 1
        return f"{letter} > {start.shift(-1)}" if after else f"{letter} >= {start}"
    if stop is None:
        return letter
    before = strict and stop.base and stop.offset == -1
    return f"{letter} < {stop.shift(1)}" if before else f"{letter} <= {stop}"


def format_expression(expression: Expression) -> str:
    """An expression with as few brackets as its reading needs."""
    return _write(expression)[0]


def _write(node: Expression) -> tuple[str, int]:
    """The text of an expression, and how tightly its outermost operator binds."""
    if isinstance(node, Constant):
        return _number(node.value), ATOM if node.value >= 0 else _SIGN
    if isinstance(node, Reference):
        return str(node), ATOM
    if node == GIVEN:
        return node.operation, ATOM
    row = OPERATIONS.get(node.operation)
    if row is not None and row.infix is not None and _fits(node, row):
        return _infix(node, row), row.precedence
    if _is_history(node) and node.limits is not None and isinstance(node.arguments[0], Reference):
        return _history(node.arguments[0], node.limits), ATOM
    if row is not None and row.brackets and _is_place(node, row):
        places = {f"{{{i}}}": _write(a)[0] for i, a in enumerate(node.arguments)}
        inside = re.sub(r"\{\d\}", lambda match: places[match[0]], row.brackets)
        return f"{places['{0}']}[{inside}]", ATOM
    arguments = [_write(a)[0] for a in node.arguments]
    if node.bound is not None:
        arguments.append(format_range(node.bound, strict=True))
    text = ", ".join(arguments)
    if row is None and len(arguments) == 1 and not reads_as_call(node.operation, text):
        text += ","  # `A(x)` would be a product
    return f"{node.operation}({text})", ATOM


def _is_history(node: Call) -> bool:
    return OPERATIONS.get(node.operation) is HISTORY


def _history(reference: Reference, limits: Range) -> str:
    """All earlier values, as in `y[<t]`."""
    shown = [history(limits) if i.base == limits.axis else str(i) for i in reference.indices]
    return f"{reference.name}[{', '.join(shown)}]"


def _is_place(node: Call, row: Operation) -> bool:
    """Whether a call reads back from brackets behind a name: `E[:, x[t]]`, `x[t][1]`."""
    whole, *places = node.arguments
    if not isinstance(whole, Reference) or len(node.arguments) != row.arity[0]:
        return False
    if ":" in str(row.brackets):
        return True
    place = places[0]
    if whole.indices:
        return isinstance(place, Constant) and place.value >= 0 and place.value == int(place.value)
    return isinstance(place, Reference) and bool(place.indices) and not is_matrix(whole.name)


def _fits(node: Call, row: Operation) -> bool:
    """Whether a call can be written with its operator; `-2` is a number and no call."""
    if node.over is not None or len(node.arguments) != row.arity[0]:
        return False
    return len(node.arguments) == 2 or _postfix(row) or not isinstance(node.arguments[0], Constant)


def _postfix(row: Operation) -> bool:
    return str(row.infix).startswith(".")


def _infix(node: Call, row: Operation) -> str:
    texts = [_write(a) for a in node.arguments]
    sign, level = row.infix, row.precedence
    if len(texts) == 1:
        operand = _inside(texts[0], level)
        return f"{operand}{sign}" if _postfix(row) else f"{sign}{operand}"
    left = _inside(texts[0], level if row.associates == "left" else level + 1)
    right = _inside(texts[1], _SIGN if row.associates == "right" else level + 1)
    return f"{left} {sign} {right}"


def _inside(part: tuple[str, int], least: int) -> str:
    return part[0] if part[1] >= least else f"({part[0]})"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
