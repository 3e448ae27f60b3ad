"""The adjoint of a step in blocks: linear, so that its coefficients can be made in a map.

Walking a step backward, what arrives at a block is a sum of terms: a coefficient, which the forward
values alone decide, times a *basis*: what the later step carries back, what its products give back,
what comes from the losses, or an earlier sum. Where one term arrives it is passed on with its
coefficient multiplied; where several do, their sum becomes a basis of its own. In the end every
gradient of a step is one coefficient times one basis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from unroll.numeric.tape.blocks import (
    Apply,
    Block,
    Builder,
    Form,
    Input,
    Product,
    Read,
    Static,
    Sum,
    Times,
    in_order,
    operands,
    single,
)
from unroll.symbolic.expressions import ONE, Constant, Reference
from unroll.symbolic.operations import OPERATIONS


@dataclass(frozen=True, slots=True)
class Carry:
    """What the step after gives back to a state, entry by entry."""

    state: str


@dataclass(frozen=True, slots=True)
class Dot:
    """What products give back to a block: a state, those of the step after; else of the same."""

    of: str | Block


@dataclass(frozen=True, slots=True)
class Source:
    """What losses give back to a value directly."""

    value: str


@dataclass(frozen=True, slots=True)
class Node:
    """A sum over other bases, by number."""

    number: int


Basis = Carry | Dot | Source | Node


@dataclass(frozen=True, slots=True)
class Scaled:
    """A number times a coefficient (None: 1) times a basis."""

    scale: float
    coefficient: Block | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class Backward:
    """The adjoint of a step.

    nodes: sums, each over bases before it. outputs: what is kept of a step, by block: gradients of
    products, inputs and parameters, and what a state is given back entry by entry.
    """

    nodes: tuple[tuple[Scaled, ...], ...]
    outputs: Mapping[Block, Scaled]


def differentiate_step(
    builder: Builder,
    values: Mapping[str, Block],
    multiplied: frozenset[str],
    carried: frozenset[str],
    sources: frozenset[str],
) -> Backward:
    """The adjoint of a step.

    values: blocks of the states and of what losses read, by name; multiplied: states that products
    of the next step read; carried: states that the next step reads entry by entry; sources: values
    that losses give something back to directly.
    """
    return _Walk(builder).run(values, multiplied, carried, sources)


@dataclass(slots=True)
class _Walk:
    builder: Builder
    arrived: dict[Block, dict[Basis, Form]] = field(default_factory=dict)
    nodes: list[tuple[Scaled, ...]] = field(default_factory=list)

    def run(
        self,
        values: Mapping[str, Block],
        multiplied: frozenset[str],
        carried: frozenset[str],
        sources: frozenset[str],
    ) -> Backward:
        one = Form(constant=1.0)
        for name, block in values.items():
            bases: tuple[Basis, ...] = (
                *([Dot(name)] if name in multiplied else []),
                *([Carry(name)] if name in carried else []),
                *([Source(name)] if name in sources else []),
            )
            for basis in bases:
                self.arrive(block, basis, one)
        outputs: dict[Block, Scaled] = {}
        for block in reversed(in_order(list(values.values()))):
            if block not in self.arrived:
                continue
            total = self.total(block)
            match block:
                case Product():
                    outputs[block] = total
                    for factor in dict.fromkeys(operands(block)):
                        given = isinstance(factor, (Read, Input))
                        if not given and Dot(factor) not in self.arrived.get(factor, {}):
                            self.arrive(factor, Dot(factor), one)  # once, of all products
                case Read() | Input() | Static():
                    outputs[block] = total
                case Sum():
                    for c, term in block.terms:
                        self.pass_on(term, total, Form(constant=c))
                case Times():
                    self.pass_on(block.left, total, single(block.right))
                    self.pass_on(block.right, total, single(block.left))
                case Apply():
                    for i, operand in enumerate(block.operands):
                        if isinstance(operand, Block):
                            self.pass_on(operand, total, self.slope(block, i))
        return Backward(tuple(self.nodes), outputs)

    def arrive(self, block: Block, basis: Basis, coefficient: Form) -> None:
        known = self.arrived.setdefault(block, {})
        known[basis] = known[basis].plus(coefficient) if basis in known else coefficient

    def pass_on(self, block: Block, total: Scaled, factor: Form) -> None:
        scale, inner = self.normal(factor, block.size)
        if scale == 0:
            return
        outer = total.coefficient
        product = self.builder.pair(outer, inner) if outer and inner else outer or inner
        whole = scale * total.scale
        form = Form(((whole, product),)) if product else Form(constant=whole)
        self.arrive(block, total.basis, form)

    def total(self, block: Block) -> Scaled:
        """What arrived, as one term."""
        terms = []
        for basis, form in self.arrived[block].items():
            scale, coefficient = self.normal(form, block.size)
            if scale:
                terms.append(Scaled(scale, coefficient, basis))
        if len(terms) == 1:
            return terms[0]
        self.nodes.append(tuple(terms))
        return Scaled(1.0, None, Node(len(self.nodes) - 1))

    def normal(self, form: Form, size: int) -> tuple[float, Block | None]:
        """A form as a number times a block."""
        if form.is_constant:
            return form.constant, None
        if not form.constant and len(form.terms) == 1 and not form.has_product:
            return form.terms[0]
        form = _flat(form)
        if not form.constant and (common := _common_factor(form)) is not None:
            inner, factor = common
            scale, block = self.normal(inner, size)
            return scale, self.builder.pair(factor, block) if block else factor
        if form.is_constant:
            return form.constant, None
        scale = form.constant or form.terms[0][0]
        return scale, self.builder.value(form.scaled(1 / scale), size)

    def slope(self, block: Apply, place: int) -> Form:
        """The derivative of an entrywise operation by one operand, as the table has it."""
        known = {f"a{i}": o for i, o in enumerate(block.operands)} | {"r": block}

        def leaf(reference: Reference, size: int) -> Form:
            value = known[reference.name]
            return single(value) if isinstance(value, Block) else Form(constant=value)

        arguments = [Reference(f"a{i}") for i in range(len(block.operands))]
        given = [
            Constant(o) if isinstance(o, float) else r for o, r in zip(block.operands, arguments)
        ]
        rule = OPERATIONS[block.operation].gradient(ONE, Reference("r"), *given)[place]
        inner = Builder(self.builder.shapes, leaf, self.builder.made)
        return inner.form(rule, block.size)


def _flat(form: Form) -> Form:
    """A form with sums among its terms written out."""
    found = Form(constant=form.constant)
    for c, block in form.terms:
        inner = Form(block.terms, block.constant) if isinstance(block, Sum) else single(block)
        found = found.plus(inner.scaled(c))
    return found


def _common_factor(form: Form) -> tuple[Form, Block] | None:
    """A form without a factor that all of its terms have, and that factor: a + r a is (1 + r) a."""
    first = form.terms[0][1]
    for factor in (first, *((first.left, first.right) if isinstance(first, Times) else ())):
        found = Form()
        for c, block in form.terms:
            if block is factor:
                found = found.plus(Form(constant=c))
            elif isinstance(block, Times) and factor in (block.left, block.right):
                rest = block.right if block.left is factor else block.left
                found = found.plus(Form(((c, rest),)))
            else:
                break
        else:
            return found, factor
    return None
