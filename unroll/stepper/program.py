"""The program of a run as JSON, which a page evaluates without a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unroll.numeric.trace import Trace
from unroll.stepper.tasks import Task, Walk
from unroll.symbolic.expressions import Call, Constant, Expression, Index, Range, Reference
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.shapes import shape_of

Node = float | list[Any]


def program_of(walk: Walk, order: Sequence[Task]) -> dict[str, Any]:
    """What is computed, in which order, by `static/program.js`.

    axes: length by letter; lengths: numbers by name; trees: children of each node, by length;
    names: by name the shape of a value, the first and last number of each index in `rows`, its axes;
    equations: the numbers' letters (None where the target has a number), the expression;
    order: equation and numbers of the target's indices.
    An expression is a number, or ["letter", t], ["length", tau], ["ref", name, indices],
    ["call", operation, arguments], ["over", operation, letter, [start, stop, parent], shape, argument],
    ["given", array]; an index [base, offset, via].
    """
    whole, trace = walk.whole, walk.trace
    return {
        "axes": {name: axis.length for name, axis in whole.letters.items()},
        "lengths": {name: trace.sizes[name] for name in _lengths(walk)},
        "trees": {
            axis.length: [list(c) for c in trace.sizes.tree(axis.length).children]
            for axis in whole.axes
            if axis.leaves
        },
        "names": {name: _name(trace, name) for name in whole.names},
        "equations": [
            {
                "name": e.name,
                "letters": [i.base if i.base in whole.letters else None for i in e.target.indices],
                "expression": _given(e.target, e.expression) or _node(walk, e.expression),
            }
            for e in whole.equations
        ],
        "order": [[t.equation, *t.at] for t in order if t.term is None],
    }


def arrays(trace: Trace) -> dict[str, Any]:
    """The arrays of a run as `run` takes them: parameters, inputs, given initial values, as lists."""
    found = {}
    for name in given(trace):
        rows = trace.rows.get(name, ())
        own = tuple(slice(1 - r.first, r.stop - r.first + 1) for r in rows)
        found[name] = trace.values[name][own].tolist()
    return found


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
    lines = ['import * as K from "./kernels.js";']
    names = ["each", "softplus", "clip", "rint", "erf"]
    lines.append(f"const {{ {', '.join(names)} }} = K;")
    lines.append("export const operations = {")
    for name, row in OPERATIONS.items():
        if row.javascript:
            lines.append(f"  {name}: {_function(row.javascript)},")
    lines.append("};")
    return "\n".join(lines) + "\n"


def _function(source: str) -> str:
    """Of entries where the source speaks of entries, of values otherwise."""
    if "(...parts)" in source:
        return f"K.{source.removesuffix('(...parts)')}"
    if any(letter in source for letter in ("(A", ", B", ", C")):
        return f"(A, B, C) => K.{source.replace(', D)', ')')}"
    return f"each((a, b, c) => {source})"


def _lengths(walk: Walk) -> list[str]:
    names = {axis.length for axis in walk.whole.letters.values()} | set(walk.whole.lengths)
    return sorted(n for n in names if not n.isdigit())


def _name(trace: Trace, name: str) -> dict[str, Any]:
    return {
        "shape": list(trace.shapes.get(name, ())),
        "rows": [[r.first, r.last] for r in trace.rows.get(name, ())],
        "role": trace.recurrence.role(name),
    }


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
