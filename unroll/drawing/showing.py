"""A figure with a trace: values and gradients at the nodes, parameters' gradients beside them."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np

from unroll.drawing.flows import Accents
from unroll.drawing.flows import legends as flow_legends
from unroll.drawing.labels import Label, math
from unroll.drawing.lanes import Lane
from unroll.drawing.layout import Blocks, Options, lay_out, timelines, unfolded_plan
from unroll.drawing.naming import Naming
from unroll.drawing.scene import Group, Item, Point, Rectangle, Scene, bounds_of, moved
from unroll.drawing.theme import LEVELS
from unroll.drawing.unfolding import Key, Node
from unroll.drawing.values import (
    DIGITS,
    Array,
    Block,
    Scale,
    Trace,
    block,
    cell_size,
    scale_of,
)
from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph
from unroll.symbolic.recurrence import PARAMETER

_CAPTION, _APART = 6.0, 20.0  # below a caption, between matrices, px


def show(graph: FoldedGraph, options: Options, trace: Trace) -> Scene:
    """The scene of a folded graph with the values of a trace over the same steps.

    Gradients are shown where the flow goes backward (and the trace has them).
    """
    options = replace(options, valued=True)
    spread = options.spread or graph
    plan = unfolded_plan(spread, timelines(spread, options), options)
    values = {key: v for key, n in plan.nodes.items() if (v := _value(trace, n)) is not None}
    backward = options.flow in ("both", "backward")
    inputs = {v.name for v in graph.variables if v.role == "input"}
    gradients: dict[Key, Array] = {}
    parameters: dict[str, Array] = {}
    if backward:
        for key, node in plan.nodes.items():
            found = None if node.name in inputs else _gradient(trace, node)
            if found is not None:
                gradients[key] = found
        nodes = {node.name for key, node in plan.nodes.items() if key in gradients}
        for name in (n for n in trace.parameters if n not in nodes):
            array = _array(lambda name=name: trace.gradient(name))
            if array is not None:
                parameters[name] = array
    value_scale = scale_of(values.values())
    losses = {v.name for v in graph.variables if v.role == "loss"}
    telling = [a for key, a in gradients.items() if key[0] not in losses]  # a loss has gradient 1
    gradient_scale = scale_of([*telling, *parameters.values()])
    value_cell = cell_size(values.values(), value_scale)
    gradient_cell = cell_size([*gradients.values(), *parameters.values()], gradient_scale)
    blocks = Blocks(
        {k: block(a, value_scale, value_cell, "ink") for k, a in values.items()},
        {k: block(a, gradient_scale, gradient_cell, "backward") for k, a in gradients.items()},
    )
    matrices = {
        name: block(a, gradient_scale, gradient_cell, "backward") for name, a in parameters.items()
    }
    legends = [("values", value_scale, "ink")] if values else []
    legends += [("gradients", gradient_scale, "backward")] if gradients or parameters else []
    return lay_out(
        graph, options, blocks, _below(_aside(options.naming, matrices, legends), options.accents)
    )


def _value(trace: Trace, node: Node) -> Array | None:
    if _is_copy(trace, node):
        return _array(lambda: trace[node.name])
    if isinstance(node.variable, Lane):
        return _cell(trace, node, node.name)
    return _at(node, _array(lambda: trace[node.name]), lambda: trace.initial(node.name))


def _gradient(trace: Trace, node: Node) -> Array | None:
    if _is_copy(trace, node):
        return _at(node, _array(lambda: trace.contributions(node.name)), lambda: None)
    if isinstance(node.variable, Lane):
        return _cell(trace, node, trace.gradients.get(node.name, ""))
    initial = f"{node.name}[0]"
    return _at(node, _array(lambda: trace.gradient(node.name)), lambda: trace.gradient(initial))


def _is_copy(trace: Trace, node: Node) -> bool:
    """Whether a node is the copy that one step has of a parameter that all of them share."""
    own = trace.rows.get(node.name, ())
    return (
        node.variable.role == PARAMETER and len(node.indices) == 1 and not own and not node.elided
    )


def _cell(trace: Trace, node: Node, name: str) -> Array | None:
    """What a run holds for one place of a variable on several axes, those on a boundary included."""
    rows = trace.rows.get(name, ())
    if node.elided or len(rows) != len(node.indices):
        return None
    at = [i.offset + (trace.sizes[i.base] if i.base else 0) for i in node.indices if i is not None]
    if not all(r.start <= k <= r.stop for r, k in zip(rows, at)):
        return None
    return _array(lambda: trace.values[name][tuple(k - r.first for r, k in zip(rows, at))])


def _at(node: Node, steps: Array | None, initial: Any) -> Array | None:
    """The part of an array of all steps that belongs to a node."""
    if steps is None or node.elided:
        return None
    if node.index is None:
        return steps
    position = len(steps) if node.index.base else node.index.offset
    if position == 0:
        return _array(initial)
    return steps[position - 1] if 1 <= position <= len(steps) else None


def _array(read: Any) -> Array | None:
    try:
        found = read()
    except UnrollError:  # this has no value, or no gradient
        return None
    return None if found is None else np.asarray(found, dtype=float)


# --- beside the figure -----------------------------------------------------------------------


def _aside(
    naming: Naming, matrices: dict[str, Block], legends: list[tuple[str, Scale, str]]
) -> tuple[Item, ...]:
    """The parameters' gradients, each under its name, in one or more columns; then the scales."""
    items: list[Item] = []
    x, y = 0.0, 0.0
    tall = max(3, ceil(len(matrices) / 2)) if len(matrices) > 5 else len(matrices)
    widest = 0.0
    for placed, (name, matrix) in enumerate(matrices.items()):
        if placed and placed % tall == 0:
            x, y, widest = x + widest + _APART, 0.0, 0.0
        caption = naming.parameter_gradient(name)
        items += _captioned(name, caption, matrix, (x, y))
        y += caption.height + _CAPTION + matrix.height + _APART
        widest = max(widest, matrix.width, caption.width)
    below = max((bounds_of([i]).bottom for i in items), default=-_APART) + _APART
    for text, scale, paint in legends:
        legend = _legend(text, scale, paint)
        items.append(moved(legend, 0.0, below))
        below += bounds_of([legend]).height + 12
    return tuple(items)


def _below(items: tuple[Item, ...], accents: Accents) -> tuple[Item, ...]:
    """What stands beside the figure, and the legends of its flows under it."""
    for legend in flow_legends(accents):
        top, left = bounds_of([legend]).top, bounds_of([legend]).left
        under = bounds_of(items).bottom + _APART if items else 0.0
        items = (*items, moved(legend, bounds_of(items).left - left, under - top))
    return items


def _captioned(name: str, caption: Label, matrix: Block, at: Point) -> list[Item]:
    x, y = at
    label = caption.at(x + caption.width / 2, y + caption.height / 2, "backward")
    cells = matrix.at(x, y + caption.height + _CAPTION, "unfolded")
    data = (("view", "unfolded"), ("name", name), ("gradient", matrix.json))
    return [Group("caption", (label, cells), data, f"{caption.text}: {matrix.json}")]


def _legend(text: str, scale: Scale, paint: str) -> Group:
    """The signed map from the smallest to the largest number it shows, with its ends and zero."""
    w, h = 4.0, 8.0
    cells: list[Item] = [
        Rectangle(i * w, 0.0, w + 0.3, h, fill=f"signed{k:+03d}")
        for i, k in enumerate(range(-LEVELS, LEVELS + 1))
    ]
    width = (2 * LEVELS + 1) * w
    cells.append(Rectangle(0.0, 0.0, width, h, paint, None, 0.9))
    for value, x in ((-scale.largest, 0.0), (0.0, width / 2), (scale.largest, width)):
        number = math(scale.text(value, value == 0), str(value), DIGITS)
        cells += number.shapes_at(x, h + 5 + number.height / 2, paint)
    name = math(rf"\mathrm{{{text}}}", text, 11.0)
    cells += name.shapes_at(width / 2, -4 - name.height / 2, paint)
    return Group(
        "legend",
        tuple(cells),
        (("view", "unfolded"),),
        f"{text}, -{scale.largest:g} to {scale.largest:g}",
    )
