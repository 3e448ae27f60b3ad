"""Blocks: the equations of a scan in the few forms that NumPy does fast.

A block is a vector with one value a step and batch entry. There are products of matrices with other
blocks, sums with plain numbers as weights, entrywise products, and functions of entries. Whatever
is linear stays apart as a `Form` as long as it can, so that its numbers end up in weights: a sigmoid
is (1 + tanh(a / 2)) / 2, its a / 2 is a product of halved matrices, and what the other half
multiplies goes into the sum that comes next. Blocks that are the same are one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from unroll.symbolic.expressions import Call, Constant, Expression, Reference
from unroll.symbolic.operations import OPERATIONS, Shape


class UnsuitedError(Exception):
    """What this path cannot do: the general program does it."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A parameter as the factor of a product: transposed or not, all rows of that or some."""

    name: str
    transposed: bool
    rows: tuple[int, int]
    columns: int


@dataclass(frozen=True, slots=True)
class Bias:
    """Entries of a parameter that is added; no name: ones."""

    name: str
    rows: tuple[int, int]


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """A vector of `size` entries a step and batch entry."""

    size: int


@dataclass(frozen=True, eq=False, slots=True)
class Read(Block):
    """A state at the step before."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Input(Block):
    """What comes from outside at the same step."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Static(Block):
    """A parameter entry by entry, the same at every step; a scalar one repeated."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Product(Block):
    """Matrices times blocks, and what is added to that: `b + W @ h[t-1] + U @ x[t]`."""

    terms: tuple[tuple[float, Matrix, Block], ...]
    biases: tuple[tuple[float, Bias], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Sum(Block):
    """Blocks times numbers, added up, and a number."""

    terms: tuple[tuple[float, Block], ...]
    constant: float


@dataclass(frozen=True, eq=False, slots=True)
class Times(Block):
    """The entrywise product of two blocks."""

    left: Block
    right: Block


@dataclass(frozen=True, eq=False, slots=True)
class Apply(Block):
    """An entrywise operation of the table on blocks and numbers."""

    operation: str
    operands: tuple[Block | float, ...]


def operands(block: Block) -> tuple[Block, ...]:
    """The blocks that a block is computed from."""
    match block:
        case Product():
            return tuple(b for _, _, b in block.terms)
        case Sum():
            return tuple(b for _, b in block.terms)
        case Times():
            return (block.left, block.right)
        case Apply():
            return tuple(o for o in block.operands if isinstance(o, Block))
    return ()


def in_order(roots: Sequence[Block]) -> list[Block]:
    """All blocks that the roots are computed from, each after its operands."""
    found: dict[Block, None] = {}
    stack: list[tuple[Block, bool]] = [(r, False) for r in reversed(roots)]
    while stack:
        block, done = stack.pop()
        if block in found:
            continue
        if done:
            found[block] = None
            continue
        stack.append((block, True))
        stack.extend((o, False) for o in reversed(operands(block)))
    return list(found)


@dataclass(frozen=True, slots=True)
class Form:
    """A sum that is not computed yet: numbers times blocks, a number, products, biases."""

    terms: tuple[tuple[float, Block], ...] = ()
    constant: float = 0.0
    products: tuple[tuple[float, Matrix, Block], ...] = ()
    biases: tuple[tuple[float, Bias], ...] = ()

    @property
    def is_constant(self) -> bool:
        return not (self.terms or self.products or self.biases)

    @property
    def has_product(self) -> bool:
        return bool(self.products or self.biases)

    def scaled(self, by: float) -> Form:
        if by == 0:
            return Form()
        return Form(
            tuple((c * by, b) for c, b in self.terms),
            self.constant * by,
            tuple((c * by, m, b) for c, m, b in self.products),
            tuple((c * by, b) for c, b in self.biases),
        )

    def plus(self, other: Form) -> Form:
        terms: dict[Block, float] = {}
        for c, b in (*self.terms, *other.terms):
            terms[b] = terms.get(b, 0.0) + c
        return Form(
            tuple((c, b) for b, c in terms.items() if c),
            self.constant + other.constant,
            self.products + other.products,
            self.biases + other.biases,
        )


def single(block: Block) -> Form:
    return Form(((1.0, block),))


@dataclass(slots=True)
class Builder:
    """Makes blocks from expressions.

    shapes: of every name's value; leaf: what a reference stands for where so many entries are meant.
    """

    shapes: Mapping[str, Shape]
    leaf: Callable[[Reference, int], Form]
    made: dict[tuple[Any, ...], Block] = field(default_factory=dict)

    def block(self, kind: type[Block], *key: Any) -> Any:
        """The block of this kind, made once."""
        full = (kind, *key)
        if full not in self.made:
            self.made[full] = kind(*key)
        return self.made[full]

    # --- expressions --------------------------------------------------------------

    def form(self, node: Expression, size: int) -> Form:
        """The form of an expression whose value has so many entries. Raises UnsuitedError."""
        if isinstance(node, Constant):
            return Form(constant=float(node.value))
        if isinstance(node, Reference):
            return self.leaf(node, size)
        if node.over is not None:
            raise UnsuitedError("a reduction over steps")
        row = OPERATIONS.get(node.operation)
        if row is None:
            raise UnsuitedError("an opaque function")
        inner = node.arguments
        match node.operation, len(inner):
            case "add", 2:
                return self.form(inner[0], size).plus(self.form(inner[1], size))
            case "subtract", 2:
                return self.form(inner[0], size).plus(self.form(inner[1], size).scaled(-1))
            case "negative", 1:
                return self.form(inner[0], size).scaled(-1)
            case "multiply", 2:
                return self.times(self.form(inner[0], size), self.form(inner[1], size), size)
            case "matmul", 2:
                return self.product(inner[0], inner[1], size)
            case "slice", 3:
                return self.part(inner[0], inner[1], inner[2])
        if row.affine is not None:
            return self.form(row.affine(*inner), size)
        if row.cases[0].signature not in ("*->*", "*,*->*", "*,*,*->*"):
            raise UnsuitedError(node.operation)
        parts = [self.form(a, size) for a in inner]
        return self.apply(node.operation, parts, size)

    def apply(self, operation: str, parts: list[Form], size: int) -> Form:
        match operation:
            case "divide" if parts[1].is_constant and parts[1].constant:
                return parts[0].scaled(1 / parts[1].constant)
            case "power" if parts[1] == Form(constant=2.0):
                return self.times(parts[0], parts[0], size)
        entries = [p.constant if p.is_constant else self.value(p, size) for p in parts]
        return single(self.block(Apply, size, operation, tuple(entries)))

    def times(self, left: Form, right: Form, size: int) -> Form:
        """The product of two forms: what is constant stays outside."""
        if left.is_constant or right.is_constant:
            whole, factor = (right, left) if left.is_constant else (left, right)
            return whole.scaled(factor.constant)
        found = Form(constant=left.constant * right.constant)
        a, inner = self.without_constant(left, size)
        b, other = self.without_constant(right, size)
        found = found.plus(Form(((right.constant * a, inner),)) if right.constant else Form())
        found = found.plus(Form(((left.constant * b, other),)) if left.constant else Form())
        return found.plus(Form(((a * b, self.pair(inner, other)),)))

    def pair(self, left: Block, right: Block) -> Block:
        if left.size != right.size:
            raise UnsuitedError("blocks of two sizes")
        key = (Times, left.size, right, left)
        if key in self.made:
            return self.made[key]
        found: Block = self.block(Times, left.size, left, right)
        return found

    def without_constant(self, form: Form, size: int) -> tuple[float, Block]:
        """A form but for its constant, as a number times a block."""
        rest = Form(form.terms, 0.0, form.products, form.biases)
        if len(rest.terms) == 1 and not rest.has_product:
            return rest.terms[0]
        return 1.0, self.value(rest, size)

    def product(self, matrix: Expression, vector: Expression, size: int) -> Form:
        """A parameter's product with a block."""
        transposed = isinstance(matrix, Call) and matrix.operation == "transpose"
        inner = matrix.arguments[0] if isinstance(matrix, Call) and transposed else matrix
        if not isinstance(inner, Reference) or inner.indices or len(self.shapes[inner.name]) != 2:
            raise UnsuitedError("a product of two values")
        shape = self.shapes[inner.name][:: -1 if transposed else 1]
        m = Matrix(inner.name, transposed, (0, shape[0]), shape[1])
        form = self.form(vector, shape[1])
        if form.constant or form.has_product or len(form.terms) != 1:
            form = single(self.value(form, shape[1]))
        if isinstance(form.terms[0][1], Static):
            raise UnsuitedError("a product of two parameters")
        return Form(products=tuple((c, m, b) for c, b in form.terms))

    def part(self, whole: Expression, first: Expression, stop: Expression) -> Form:
        """Rows of a product."""
        if not (isinstance(first, Constant) and isinstance(stop, Constant)):
            raise UnsuitedError("a slice")
        a, b = int(first.value), int(stop.value)
        form = self.form(whole, 0)
        if form.terms:
            raise UnsuitedError("a slice of what is no product")

        def cut(rows: tuple[int, int]) -> tuple[int, int]:
            return rows[0] + a, rows[0] + b

        return Form(
            (),
            form.constant,
            tuple(
                (c, Matrix(m.name, m.transposed, cut(m.rows), m.columns), v)
                for c, m, v in form.products
            ),
            tuple((c, Bias(v.name, cut(v.rows))) for c, v in form.biases),
        )

    # --- values -------------------------------------------------------------------

    def value(self, form: Form, size: int) -> Block:
        """The block that holds a form's value."""
        terms = self.factored(form.terms, size)
        if form.products:
            biases = form.biases
            if form.constant:
                biases = (*biases, (form.constant, Bias("", (0, size))))
            product = self.block(Product, size, form.products, biases)
            terms = ((1.0, product), *terms)
            constant = 0.0
        else:
            constant = form.constant
            terms = (*terms, *((c, self.static(b, size)) for c, b in form.biases))
        if len(terms) == 1 and terms[0][0] == 1 and not constant:
            return terms[0][1]
        if any(b.size != size for _, b in terms):
            raise UnsuitedError("blocks of two sizes")
        found: Block = self.block(Sum, size, self.through_sums(terms), constant)
        return found

    def static(self, bias: Bias, size: int) -> Block:
        if bias.rows != (0, size):
            raise UnsuitedError("a part of a parameter")
        found: Block = self.block(Static, size, bias.name)
        return found

    def factored(
        self, terms: tuple[tuple[float, Block], ...], size: int
    ) -> tuple[tuple[float, Block], ...]:
        """Products that share a factor as one: z h - z g is z (h - g)."""
        counts: dict[Block, int] = {}
        for _, block in terms:
            if isinstance(block, Times):
                for factor in {block.left, block.right}:
                    counts[factor] = counts.get(factor, 0) + 1
        shared = max(counts, key=lambda b: counts[b], default=None)
        if shared is None or counts[shared] < 2:
            return terms
        inside = [(c, b) for c, b in terms if isinstance(b, Times) and shared in (b.left, b.right)]
        scale = inside[0][0]
        others = tuple((c / scale, b.right if b.left is shared else b.left) for c, b in inside)
        signs = sorted(others, key=lambda term: -term[0])  # a plus first
        total = Form()
        for c, b in signs:
            total = total.plus(Form(((c, b),)))
        rest = tuple(t for t in terms if t not in inside)
        if not total.terms:
            return self.factored(rest, size)
        return self.factored((*rest, (scale, self.pair(shared, self.value(total, size)))), size)

    def through_sums(
        self, terms: tuple[tuple[float, Block], ...]
    ) -> tuple[tuple[float, Block], ...]:
        """The same sum without a state where another sum of the step has it: h' is (h' - g) + g.

        A state lies elsewhere than what the step computes; that lies side by side.
        """
        known = {b: c for c, b in terms}
        for read in [b for b in known if isinstance(b, Read)]:
            for block in [b for b in self.made.values() if isinstance(b, Sum)]:
                inside = {b: c for c, b in block.terms}
                used = any(isinstance(b, Times) and block in (b.left, b.right) for b in known)
                if block.constant or not used or set(inside) - set(known) or read not in inside:
                    continue
                factor = known[read] / inside[read]
                for b, c in inside.items():
                    known[b] -= factor * c
                known[block] = known.get(block, 0.0) + factor
                known = {b: c for b, c in known.items() if c}
                break
        return tuple((c, b) for b, c in known.items())
