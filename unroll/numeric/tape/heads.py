"""The loss at the head of a scan: softmax and cross entropy of an affine function of its states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unroll.numeric.tape.blocks import Bias, Builder, Form, Product, Read, UnsuitedError, single
from unroll.symbolic.expressions import Call, Expression, Index, Reference
from unroll.symbolic.operations import Shape
from unroll.symbolic.recurrence import PARAMETER, Recurrence


@dataclass(frozen=True, slots=True)
class Head:
    """states: what the logits are computed from; product: the logits, of the states as `Read`
    blocks; target: the name of the classes; classes: how many; loss: its name."""

    states: tuple[str, ...]
    product: Product
    target: str
    classes: int
    loss: str


def find_head(
    recurrence: Recurrence,
    scanned: frozenset[str],
    shapes: Mapping[str, Shape],
    objective: str,
    classes: frozenset[str],
) -> Head | None:
    """The head of a resolved and fused recurrence; None if it has another one."""
    try:
        return _find(recurrence, scanned, shapes, objective, classes)
    except UnsuitedError:
        return None


def _find(
    recurrence: Recurrence,
    scanned: frozenset[str],
    shapes: Mapping[str, Shape],
    objective: str,
    classes: frozenset[str],
) -> Head:
    (equation,) = recurrence.equations_of(objective)
    total = equation.expression
    bodies = {
        e.name: e.expression
        for e in recurrence.equations
        if e.name not in scanned and not e.ranges and len(recurrence.equations_of(e.name)) == 1
    }
    outside = [n for n in recurrence.defined if n not in scanned]
    if not isinstance(total, Call) or total.operation != "sum" or total.limits is not None:
        raise UnsuitedError("an objective that is no sum over steps")
    axis = recurrence.axes[0].name
    loss = _resolved(total.arguments[0], bodies, axis)
    if (
        total.over != axis
        or not isinstance(loss, Call)
        or loss.operation != "softmax_cross_entropy"
    ):
        raise UnsuitedError("another loss")
    logits, target = loss.arguments
    if (
        not isinstance(target, Reference)
        or target.name not in classes
        or target.indices != (Index(axis),)
    ):
        raise UnsuitedError("targets that are no classes")
    used: dict[str, None] = {}

    def leaf(reference: Reference, size: int) -> Form:
        name = reference.name
        if name in bodies and reference.indices == (Index(axis),):
            seen.add(name)
            return builder.form(bodies[name], size)
        if name in scanned and reference.indices == (Index(axis),):
            used[name] = None
            return single(builder.block(Read, shapes[name][0], name))
        if not reference.indices and recurrence.role(name) == PARAMETER and len(shapes[name]) == 1:
            return Form(biases=((1.0, Bias(name, (0, shapes[name][0]))),))
        raise UnsuitedError("another loss")

    seen = {objective}
    if isinstance(total.arguments[0], Reference):
        seen.add(total.arguments[0].name)
    builder = Builder(shapes, leaf)
    if isinstance(logits, Reference):
        (count,) = shapes[logits.name]
    else:
        raise UnsuitedError("logits without a name")
    form = builder.form(logits, count)
    if form.terms or not form.products or not all(len(shapes[n]) == 1 for n in used):
        raise UnsuitedError("logits that are no product of states")
    product = builder.value(form, count)
    if not isinstance(product, Product) or set(outside) - seen - _dead(recurrence, outside):
        raise UnsuitedError("more than one loss")
    name = str(total.arguments[0])
    return Head(tuple(used), product, target.name, count, name)


def _resolved(node: Expression, bodies: Mapping[str, Expression], axis: str) -> Expression:
    while isinstance(node, Reference) and node.name in bodies and node.indices == (Index(axis),):
        node = bodies[node.name]
    return node


def _dead(recurrence: Recurrence, names: list[str]) -> set[str]:
    """Variables that nothing uses, like probabilities that are only shown."""
    from unroll.symbolic.expressions import references

    used = {
        r.name for e in recurrence.equations for r in references(e.expression) if r.name != e.name
    }
    return {n for n in names if n not in used}
