"""The program of a run as JSON, which a page evaluates without a server."""

from __future__ import annotations

import re
from typing import Any

from unroll.errors import UnrollError
from unroll.numeric.trace import Trace, inner
from unroll.stepper.tasks import Walk
from unroll.symbolic.expressions import Call, Constant, Expression, Index, Range, Reference
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import Equation
from unroll.symbolic.shapes import shape_of

Node = float | list[Any]


def program_of(walk: Walk) -> dict[str, Any]:
    """What is computed by `static/program.js`, which finds the order by itself.

    axes: length by letter; lengths: numbers by name; trees: children of each node, by length;
    names: by name the shape of a value, the first and last number of each index that is kept, and
    how many steps of each axis a trace gives; equations: the letters of the target's indices (None
    where one is a number), the boxes of points at which it holds, the expression.
    An expression is a number, or ["letter", t], ["length", tau], ["ref", name, indices],
    ["call", operation, arguments], ["over", operation, letter, [start, stop, parent], shape, argument],
    ["given", array]; an index [base, offset, via]. Raises UnrollError for a batch.
    """
    whole, trace = walk.whole, walk.trace
    if trace.batched:
        name = min(n for n in trace.batched if n in trace.forward.names)
        raise UnrollError(
            f"{name} is a batch of {trace.batch} sequences; one is stepped through at a time",
            remedy="Give the arrays of one of them, without the batch axis.",
        )
    return {
        "axes": {name: axis.length for name, axis in whole.letters.items()},
        "lengths": {name: trace.sizes[name] for name in _lengths(walk)},
        "trees": {
            axis.length: [list(c) for c in trace.sizes.tree(axis.length).children]
            for axis in whole.axes
            if axis.leaves
        },
        "names": {name: _name(walk, name) for name in whole.names},
        "equations": [
            {
                "name": e.name,
                "target": [_index(i) for i in e.target.indices],
                "letters": [i.base if i.base in whole.letters else None for i in e.target.indices],
                "boxes": _boxes(walk, e),
                "expression": _given(e.target, e.expression) or _node(walk, e.expression),
            }
            for e in whole.equations
        ],
    }


def arrays(trace: Trace) -> dict[str, Any]:
    """The arrays of a run as `run` takes them: parameters, inputs, given initial values, as lists."""
    return {
        name: (trace.values[name] if name.endswith("]") else trace[name]).tolist()
        for name in given(trace)
    }


def given(trace: Trace) -> tuple[str, ...]:
    """The names of the arrays of a run."""
    whole = trace.recurrence
    said = [str(e.target) for e in whole.equations if _is_given(e.expression)]
    return (
        *(n for n in trace.forward.names if n not in whole.defined and n in trace.values),
        *said,
    )


def operations_module() -> str:
    """JavaScript: every operation of the table, from values to a value."""
    rows = {name: row.javascript for name, row in OPERATIONS.items() if row.javascript}
    called = {name for source in rows.values() for name in _CALLED.findall(source)}
    lines = [f'import {{ {", ".join(sorted(called | {"each"}))} }} from "./kernels.js";']
    lines.append("export const operations = {")
    lines += [f"  {name}: {_function(source)}," for name, source in rows.items()]
    lines.append("};")
    return "\n".join(lines) + "\n"


_CALLED = re.compile(r"(?<![.\w])[a-z]\w*(?=\()")
_OPERANDS = re.compile(r"\b(?:[A-D]|parts)\b")


def _function(source: str) -> str:
    """Of entries where the source speaks of entries, of values otherwise."""
    operands = sorted(set(_OPERANDS.findall(source)))
    if not operands:
        return f"each((a, b, c) => {source})"
    return f"({', '.join(operands).replace('parts', '...parts')}) => {source}"


def _lengths(walk: Walk) -> list[str]:
    names = {axis.length for axis in walk.whole.letters.values()} | set(walk.whole.lengths)
    return sorted(n for n in names if not n.isdigit())


def _name(walk: Walk, name: str) -> dict[str, Any]:
    trace, of = walk.trace, walk.gradients.get(name, name)
    whole = trace.forward if of in trace.forward.names else walk.whole
    rows = trace.rows.get(name, ())
    return {
        "shape": list(trace.shapes.get(name, ())),
        "rows": [[r.first, r.last] for r in rows],
        "lengths": [s.stop - s.start for s in inner(whole, of, rows, trace.sizes)],
        "role": walk.whole.role(name),
    }


def _boxes(walk: Walk, equation: Equation) -> list[list[list[int]]]:
    """First and last number of each index, for each box of points at which an equation holds."""
    boxes = walk.whole.boxes(equation.name, walk.sizes)
    return [[list(side) for side in box] for one, box in boxes if one is equation]


def _is_given(node: Expression) -> bool:
    return isinstance(node, Call) and node.operation == "given"


def _given(target: Reference, node: Expression) -> Node | None:
    return ["given", str(target)] if _is_given(node) else None


def _node(walk: Walk, node: Expression) -> Node:
    if isinstance(node, Constant):
        return float(node.value)
    if isinstance(node, Reference):
        if node.name in walk.whole.letters:
            return ["letter", node.name]
        if node.name in walk.whole.lengths and not node.indices:
            return ["length", node.name]
        return ["ref", node.name, [_index(i) for i in node.indices]]
    arguments = [_node(walk, a) for a in node.arguments]
    if node.bound is None:
        return ["call", node.operation, arguments]
    shape = list(shape_of(node.arguments[0], walk.trace.shapes).shape)
    return ["over", node.operation, node.bound.axis, _range(walk, node.bound), shape, arguments[0]]


def _index(index: Index) -> list[Any]:
    return [index.base, index.offset, index.via]


def _range(walk: Walk, within: Range) -> list[Any]:
    if within.parent is not None:
        return [None, None, _index(within.parent)]
    start, stop = walk.whole.runs(within.axis, within)
    return [_index(start), _index(stop), None]
