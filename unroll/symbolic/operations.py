"""The table of operations: one row says everything the package knows about an operation.

A row's gradient rule is written in the expressions themselves, so the gradient of a recurrence is
again a recurrence. A rule gets `g`, the gradient of the objective by the result; `r`, the result;
and the arguments, and answers with the gradient by each argument. Arguments that broadcast need no
care there: whoever applies a rule sums the gradient over what was broadcast.

Vectors are columns: `A @ v`, `v @ w.T` (outer), `v.T @ w` (inner). Matrix products that shapes have
told apart are `matmul`, `outer`, `dot` and `multiply` (scaling).

A NumPy source has `{0}`, `{1}` for the operands, whose leading axes (step, batch) are broadcast
already and whose trailing axes are the value, and `{out}` where a destination may stand. It may use
`np`, `dtype` (of the arrays) and the functions of `unroll.numeric.kernels`.

Work is counted in floating-point operations: one for each elementary function (an addition, a
product, a quotient, exp, tanh) of each entry, n for the sum or the largest of n entries, 2mn for an
m x n matrix by a vector (Golub & Van Loan 2013, section 1.1). Moving entries costs none, nor do the
guards that keep an extreme value finite.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor, inf, pi, prod, sqrt
from typing import Any

from unroll.symbolic.expressions import (
    ONE,
    ZERO,
    Call,
    Constant,
    Expression,
    Range,
    call,
    rebuild,
)

Shape = tuple[int, ...]
Gradient = Callable[..., tuple[Expression, ...]]
Source = str | Callable[[Sequence[Shape]], str]
Work = int | Callable[[Sequence[Shape]], int]
Look = Callable[[Expression], Expression]  # from a variable to what defines it
Fusion = str | Callable[[Call, Look], Expression | None]


@dataclass(frozen=True, slots=True)
class Case:
    """What an operation does to operands of one kind.

    signature: dimensions by letter, as in `mn,n->m`; `n'` is a row vector, nothing a scalar; `*` any
    one shape, scalars broadcasting; a last `...` any further operands; `n+` operands in a row.
    numpy: source, or a function from the operands' value shapes to it.
    plain: source that reads more easily, for where no destination is given.
    becomes: for operands that another operation serves better, the expression to take instead.
    counted: length of the result's dimension `k` from the operands that are plain numbers (None for
    those that are not); None where they do not say it.
    fixed: operands that must have no step or batch axis for this source.
    summed: source of the sum over all leading axes, where there is a better way than adding up.
    """

    signature: str
    numpy: Source
    plain: str | None = None
    fixed: tuple[int, ...] = ()
    summed: str | None = None
    becomes: Callable[..., Expression] | None = None
    counted: Callable[..., int | None] | None = None


@dataclass(frozen=True, slots=True)
class Along:
    """What a position counts along, from 0: an axis of an operand's value.

    end: whether it may also stand behind the last entry, as the end of a slice does.
    """

    operand: int
    axis: int
    end: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table.

    latex: `{0}`, `{1}` for the arguments, `{...}` for all of them with commas.
    infix, precedence: how the canonical text writes it; a larger precedence binds tighter.
    associates: which operand may be the same operator without brackets: left, right or none.
    arity: fewest and most arguments (None: any number).
    fuses: {inner: fused}: `operation(inner(a), b)` is `fused(a, b)`, which is computed better; or a
    function from the inner call to what to take instead, None for nothing.
    pairwise: the operation that a reduction's name means with two operands: `max(0, v)`.
    targets: arguments that may be given as classes (integers) instead of one-hot vectors.
    product: whether it is linear in each argument, so that one can be the weight of the other.
    linear: whether it is linear in all arguments together, so that a sum passes through it.
    value: the result for constants, as a function of numbers; None where it has no exact one.
    simpler: from the arguments to a simpler expression of the same value, or None.
    over: source of a reduction over an axis, whose number is `{axis}`; `{sum}` stands for the best
    way to add up over it, `{count}` for its length.
    neutral: what a step counts that is left out of such a reduction.
    keeps: whether it has a value at every step of the axis, as a softmax over time.
    brackets: what stands in brackets behind a name to mean it, as in `E[:, k]`.
    positions: arguments that are whole numbers and count the entries of another one; data that stands
    there is classes and has no gradient.
    detached: arguments whose gradient is on purpose not the derivative of the value, so that no
    difference can tell whether it is right.
    work: floating-point operations for each entry of the result, or a function from the operands'
    value shapes to them all; None for what makes no new numbers (a view, a size).
    javascript: source of one entry, from the entries `a`, `b`, `c` of operands that broadcast; or of the
    value, from the operands `A`, `B`, `C`, or all `parts`, by the functions of `stepper/static/kernels.js`.
    words: English and Chinese for a sentence: a noun ("the sum" of its operands), or a phrase with `{0}`,
    `{1}` for the operands; None where its name is the noun.
    affine: the same value as another operation of the table, scaled and shifted before and after, so
    that one call of that serves both.
    """

    name: str
    doc: str
    cases: tuple[Case, ...]
    gradient: Gradient
    latex: str
    arity: tuple[int, int | None]
    infix: str | None = None
    precedence: int = 100
    associates: str = "left"
    aliases: tuple[str, ...] = ()
    over: str | None = None
    neutral: float = 0
    keeps: bool = False
    loss: bool = False
    fuses: Mapping[str, Fusion] = field(default_factory=dict)
    targets: tuple[int, ...] = ()
    pairwise: str | None = None
    product: bool = False
    linear: bool = False
    value: Callable[..., float | None] | None = None
    simpler: Callable[..., Expression | None] | None = None
    brackets: str | None = None
    positions: Mapping[int, Along] = field(default_factory=dict)
    detached: tuple[int, ...] = ()
    work: Work | None = 1
    affine: Callable[..., Expression] | None = None
    javascript: str = ""
    words: tuple[str, str] | None = None

    @property
    def reduces(self) -> bool:
        """Whether it may bind an axis, as in `sum(L[t], t)`."""
        return self.over is not None


def like(g: Expression, a: Expression) -> Call:
    """`g` repeated over the entries of `a`."""
    return call("like", g, a)


def size(a: Expression) -> Call:
    """How many entries `a` has."""
    return call("size", a)


def _no_gradient(count: int) -> Gradient:
    return lambda g, r, *arguments: (ZERO,) * count


def _value_axes(shapes: Sequence[Shape]) -> str:
    rank = len(shapes[0])
    return "-1" if rank == 1 else str(tuple(range(-rank, 0)))


def _reduce(source: str) -> Callable[[Sequence[Shape]], str]:
    """Source of a reduction over the value's axes, which `{value}` stands for."""
    return lambda shapes: source.replace("{value}", _value_axes(shapes))


LEAK = Constant(0.01)  # slope of the leaky rectifier below zero


def _unary(
    name: str,
    doc: str,
    numpy: str,
    gradient: Gradient,
    latex: str,
    aliases: tuple[str, ...] = (),
    work: Work = 1,
    **columns: Any,
) -> Operation:
    cases = (Case("*->*", numpy),)
    return Operation(
        name, doc, cases, gradient, latex, (1, 1), aliases=aliases, work=work, **columns
    )


def _entrywise(each: int, once: int = 0) -> Work:
    """So much work for each entry of the first operand, and some once."""
    return lambda shapes: each * prod(shapes[0]) + once


def _product_work(shapes: Sequence[Shape]) -> int:
    """Of (m, n) by (n,) or (n, k): a product and an addition for each pair that meets."""
    return 2 * prod(shapes[0]) * prod(shapes[1][1:])


def _cubed(over: int, shapes: Sequence[Shape]) -> int:
    """2 n^3 / over, of a matrix factorised by Gauss."""
    return 2 * shapes[0][0] ** 3 // over


def _solve_work(shapes: Sequence[Shape]) -> int:
    """A factorisation, then two triangular systems for each right side."""
    return _cubed(3, shapes) + 2 * shapes[0][0] * prod(shapes[1])


def _binary(
    name: str,
    doc: str,
    numpy: str,
    gradient: Gradient,
    latex: str,
    infix: str | None = None,
    precedence: int = 100,
    **columns: Any,
) -> Operation:
    plain = f"{{0}} {infix} {{1}}" if infix and "{out}" in numpy else None
    cases = (Case("*,*->*", numpy, plain),)
    return Operation(name, doc, cases, gradient, latex, (2, 2), infix, precedence, **columns)


COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def _comparison(name: str, doc: str, ufunc: str, infix: str, latex: str) -> Operation:
    numpy = f"np.{ufunc}({{0}}, {{1}}).astype(dtype)"
    return _binary(
        name,
        doc,
        numpy,
        _no_gradient(2),
        "{0} " + latex + " {1}",
        infix,
        5,
        associates="none",
        value=lambda a, b: float(COMPARED[infix](a, b)),
        javascript=f"+(a {infix} b)",
        words=(f"whether {{0}} {infix} {{1}}", f"是否 {{0}} {infix} {{1}}"),
    )


def _concat_source(shapes: Sequence[Shape]) -> str:
    operands = (f"{{{i}}}" if s else f"entry({{{i}}}, dtype)" for i, s in enumerate(shapes))
    return f"concatenate({', '.join(operands)})"


def _part_source(shapes: Sequence[Shape]) -> str:
    """Entries of the first operand as long as the second, after those the others take up."""
    start = sum(prod(s) for s in shapes[2:])
    if not shapes[1]:
        return f"{{0}}[..., {start}]"
    return f"{{0}}[..., {start}:{start + prod(shapes[1])}]"


def _concat_gradient(g: Expression, r: Expression, *parts: Expression) -> tuple[Expression, ...]:
    return tuple(call("part", g, part, *parts[:i]) for i, part in enumerate(parts))


def _part_gradient(g: Expression, r: Expression, *arguments: Expression) -> tuple[Expression, ...]:
    whole = arguments[0]
    return (call("unpart", g, whole, *arguments[1:]),) + (ZERO,) * (len(arguments) - 1)


def _unpart_source(shapes: Sequence[Shape]) -> str:
    start = sum(prod(s) for s in shapes[3:])
    after = prod(shapes[1]) - start - prod(shapes[2])
    value = "{0}" if shapes[2] else "entry({0}, dtype)"
    return f"pad({value}, {start}, {after})"


def _power_gradient(
    g: Expression, r: Expression, a: Expression, b: Expression
) -> tuple[Expression, ...]:
    log = call("where", call("greater", a, ZERO), call("log", a), ZERO)
    return (g * (b * a ** (b - ONE)), g * (r * log))


def _silu_gradient(g: Expression, r: Expression, a: Expression) -> tuple[Expression, ...]:
    slope = call("sigmoid", a)  # not r + slope * (1 - r), which cancels where a is large
    return (g * (slope * (1 + a * (1 - slope))),)


def _normalize_gradient(g: Expression, r: Expression, a: Expression) -> tuple[Expression, ...]:
    size = call("norm", a)
    return (call("where", size, (g - r * call("sum", g * r)) / size, ZERO),)


def _bernoulli_gradient(
    g: Expression, r: Expression, p: Expression, y: Expression
) -> tuple[Expression, ...]:
    on = y / call("where", call("greater", y, ZERO), p, ONE)
    off = (1 - y) / call("where", call("less", y, ONE), 1 - p, ONE)
    return (g * (off - on), g * (call("log1p", -p) - call("log", p)))


def _complement_log(inner: Call, look: Look) -> Expression | None:
    """log(1 - sigmoid(a)), which loses all digits where a is large, is log_sigmoid(-a)."""
    one, gate = inner.arguments[0], look(inner.arguments[1])
    if one == ONE and (a := _argument(gate, "sigmoid")) is not None:
        return call("log_sigmoid", -a)
    return None


def _gelu_gradient(g: Expression, r: Expression, a: Expression) -> tuple[Expression, ...]:
    below = (1 + call("erf", a / sqrt(2))) / 2
    density = call("exp", -(a**2) / 2) / sqrt(2 * pi)
    return (g * (below + a * density),)


def _erf_gradient(g: Expression, r: Expression, a: Expression) -> tuple[Expression, ...]:
    return (g * (call("exp", -(a**2)) * (2 / sqrt(pi))),)


def _leaky_gradient(
    g: Expression, r: Expression, a: Expression, slope: Expression = LEAK
) -> tuple[Expression, ...]:
    """The slope is 1 above zero."""
    by_slope = g * call("minimum", a, ZERO)
    return (g * call("where", call("greater", a, ZERO), ONE, slope), by_slope)


def _elu_gradient(
    g: Expression, r: Expression, a: Expression, size: Expression = ONE
) -> tuple[Expression, ...]:
    below = call("exp", call("minimum", a, ZERO))
    by_size = g * (below - ONE)
    return (g * call("where", call("greater", a, ZERO), ONE, size * below), by_size)


def _clip_gradient(
    g: Expression, r: Expression, a: Expression, low: Expression, high: Expression
) -> tuple[Expression, ...]:
    inside = call("greater_equal", a, low) * call("less_equal", a, high)
    by_low = call("less", a, low) * call("less_equal", low, high)
    return (g * inside, g * by_low, g * call("greater", call("maximum", a, low), high))


def _reversed_sum(a: Expression) -> Call:
    """The sum of each entry and all after it."""
    return call("flip", call("cumsum", call("flip", a)))


def _inverse_gradient(g: Expression, r: Expression, a: Expression) -> tuple[Expression, ...]:
    return (-(r.T @ g @ r.T),)


def _solve_gradient(
    g: Expression, r: Expression, a: Expression, b: Expression
) -> tuple[Expression, ...]:
    by_right = call("solve", a.T, g)
    return (-(by_right @ r.T), by_right)


def _entry_gradient(
    g: Expression, r: Expression, a: Expression, *places: Expression
) -> tuple[Expression, ...]:
    """The gradient at the entry's place, zero elsewhere."""
    found: Expression = g * call("one_hot", places[0], a)
    if len(places) == 2:
        found = g * call("outer", call("one_hot", places[0], a), call("one_hot", places[1], a.T))
    return (found,) + (ZERO,) * len(places)


def _entries(first: float | None, stop: float | None) -> int | None:
    """How many entries a slice has."""
    if first is None or stop is None or first != int(first) or stop != int(stop):
        return None
    return int(stop - first) if 0 <= first < stop else None


def _slice_gradient(
    g: Expression, r: Expression, a: Expression, first: Expression, stop: Expression
) -> tuple[Expression, ...]:
    return (call("unslice", g, a, first, stop), ZERO, ZERO)


def _unslice_source(shapes: Sequence[Shape]) -> str:
    return f"pad({{0}}, {{2}}, {shapes[1][0]} - {{3}}, {-len(shapes[1])})"


def _stopped(
    g: Expression, r: Expression, a: Expression, where: Expression | None = None
) -> tuple[Expression, ...]:
    return (ZERO,) if where is None else (call("where", where, ZERO, g), ZERO)


def _repeated_source(shapes: Sequence[Shape]) -> str:
    """The first operand, in the shape of the value."""
    return "{0}" if shapes[0] or not shapes[1] else "like({0}, {1})"


def _count(number: float | None) -> int | None:
    """A number as a length."""
    if number is None or number != int(number) or number < 1:
        return None
    return int(number)


def _exact_remainder(a: float, b: float) -> float | None:
    return a % b if b else None


def _argument(a: Expression, operation: str) -> Expression | None:
    """The argument of a call of this operation."""
    return a.arguments[0] if isinstance(a, Call) and a.operation == operation else None


def _simpler_sum(a: Expression, b: Expression) -> Expression | None:
    if ZERO in (a, b):
        return b if a == ZERO else a
    if (minus := _argument(b, "negative")) is not None:
        return a - minus
    if (minus := _argument(a, "negative")) is not None:
        return b - minus
    return None


def _simpler_difference(a: Expression, b: Expression) -> Expression | None:
    if b == ZERO:
        return a
    if a == ZERO:
        return -b
    if (minus := _argument(b, "negative")) is not None:
        return a + minus
    return None


def _exact_quotient(a: float, b: float) -> float | None:
    """a / b where a floating-point number says it exactly: 1/2, but not 1/3."""
    return a / b if b and Fraction(a / b) == Fraction(a) / Fraction(b) else None


def _simpler_product(a: Expression, b: Expression) -> Expression | None:
    if isinstance(a, Constant) and isinstance(b, Call) and b.operation == "multiply":
        inner = b.arguments[0]
        if isinstance(inner, Constant):
            return Constant(a.value * inner.value) * b.arguments[1]
    if ZERO in (a, b):
        return ZERO
    if ONE in (a, b):
        return b if a == ONE else a
    if (minus := _argument(a, "negative")) is not None:
        return -(minus * b)
    if (minus := _argument(b, "negative")) is not None:
        return -(a * minus)
    return None


def _zero_if_any(*arguments: Expression) -> Expression | None:
    return ZERO if ZERO in arguments else None


_MATMUL = (
    Case("mn,n->m", "np.dot({0}, {1}{out})", fixed=(0, 1)),
    Case("mn,n->m", "np.matmul({1}, {0}.T{out})", "{1} @ {0}.T", fixed=(0,)),
    Case("mn,n->m", "np.matmul({0}, {1}[..., None])[..., 0]"),
    Case("mn,nk->mk", "np.matmul({0}, {1}{out})", "{0} @ {1}"),
    Case("n',n->", "", becomes=lambda a, b: call("dot", a, b)),
    Case("m,n'->mn", "", becomes=lambda a, b: call("outer", a, b)),
    Case("m',mn->n'", "", becomes=lambda a, b: b.T @ a),
    Case("m,mn->n", "", becomes=lambda a, b: b.T @ a),
    Case(",*->*", "", becomes=lambda a, b: a * b),
    Case("*,->*", "", becomes=lambda a, b: a * b),
)
_TRANSPOSE = (
    Case("mn->nm", "{0}.T", fixed=(0,)),
    Case("mn->nm", "{0}.swapaxes(-1, -2)"),
    Case("n->n'", "", becomes=lambda a: a),
    Case("n'->n", "", becomes=lambda a: a),
    Case("->", "", becomes=lambda a: a),
)
_BERNOULLI = (
    "{1} * np.log(np.where({1} > 0, {0}, 1)) + (1 - {1}) * np.log1p(-np.where({1} < 1, {0}, 0))"
)
_OUTER = Case(
    "m,n->mn",
    "np.multiply({0}[..., :, None], {1}[..., None, :]{out})",
    summed="sum_of_outer({0}, {1})",
)

_ROWS = (
    # arithmetic
    _binary(
        "add",
        "sum",
        "np.add({0}, {1}{out})",
        lambda g, r, a, b: (g, g),
        "{0} + {1}",
        "+",
        10,
        value=operator.add,
        simpler=_simpler_sum,
        linear=True,
        javascript="a + b",
        words=("the sum", "和"),
    ),
    _binary(
        "subtract",
        "difference",
        "np.subtract({0}, {1}{out})",
        lambda g, r, a, b: (g, -g),
        "{0} - {1}",
        "-",
        10,
        value=operator.sub,
        simpler=_simpler_difference,
        linear=True,
        javascript="a - b",
        words=("{0} minus {1}", "{0} 减 {1}"),
    ),
    _binary(
        "multiply",
        "elementwise product",
        "np.multiply({0}, {1}{out})",
        lambda g, r, a, b: (g * b, a * g),
        r"{0} \odot {1}",
        "*",
        20,
        product=True,
        value=operator.mul,
        simpler=_simpler_product,
        javascript="a * b",
        words=("the elementwise product", "逐元素乘积"),
    ),
    _binary(
        "divide",
        "elementwise quotient",
        "np.divide({0}, {1}{out})",
        lambda g, r, a, b: (g / b, -(g * r / b)),
        r"\frac{{0}}{{1}}",
        "/",
        20,
        value=_exact_quotient,
        simpler=lambda a, b: ZERO if a == ZERO else a if b == ONE else None,
        javascript="a / b",
        words=("{0} over {1}", "{0} 除以 {1}"),
    ),
    _binary(
        "power",
        "elementwise power; by the exponent its gradient is 0 where the base is not positive",
        "{0} ** {1}",
        _power_gradient,
        "{0}^{{1}}",
        "**",
        40,
        associates="right",
        simpler=lambda a, b: ONE if b == ZERO else a if b == ONE else None,
        javascript="power(a, b)",
        words=("{0} to the power {1}", "{0} 的 {1} 次幂"),
    ),
    Operation(
        "negative",
        "negative",
        (Case("*->*", "np.negative({0}{out})"),),
        lambda g, r, a: (-g,),
        "-{0}",
        (1, 1),
        "-",
        30,
        value=operator.neg,
        simpler=lambda a: _argument(a, "negative"),
        linear=True,
        javascript="-a",
        words=("minus {0}", "{0} 取负"),
    ),
    # products of vectors and matrices
    Operation(
        "matmul",
        "matrix product",
        _MATMUL,
        lambda g, r, a, b: (g @ b.T, a.T @ g),
        "{0} {1}",
        (2, 2),
        "@",
        20,
        product=True,
        simpler=_zero_if_any,
        work=_product_work,
        javascript="matmul(A, B)",
        words=("{0} times {1}", "{0} 乘 {1}"),
    ),
    Operation(
        "transpose",
        "transpose",
        _TRANSPOSE,
        lambda g, r, a: (g.T,),
        r"{0}^{\top}",
        (1, 1),
        ".T",
        50,
        simpler=lambda a: _argument(a, "transpose") or (a if isinstance(a, Constant) else None),
        work=None,
        javascript="transpose(A)",
        words=("the transpose", "转置"),
    ),
    Operation(
        "outer",
        "outer product of two vectors",
        (_OUTER,),
        lambda g, r, a, b: (g @ b, g.T @ a),
        r"{0}\, {1}^{\top}",
        (2, 2),
        product=True,
        simpler=_zero_if_any,
        javascript="outer(A, B)",
        words=("the outer product", "外积"),
    ),
    Operation(
        "dot",
        "inner product of two vectors",
        (Case("n,n->", "np.vecdot({0}, {1}{out})"),),
        lambda g, r, a, b: (g * b, g * a),
        r"{0}^{\top} {1}",
        (2, 2),
        product=True,
        aliases=("inner",),
        simpler=_zero_if_any,
        work=_entrywise(2),
        javascript="dot(A, B)",
        words=("the inner product", "内积"),
    ),
    Operation(
        "concat",
        "vectors one after the other",
        (Case("n+->n", _concat_source),),
        _concat_gradient,
        "[{...}]",
        (1, None),
        aliases=("concatenate", "cat", "stack"),
        work=0,
        javascript="concat(...parts)",
        words=("the concatenation", "拼接"),
    ),
    Operation(
        "part",
        "the part of a concatenation that has the second operand's length, after all others'",
        (Case("n,*,...->*", _part_source),),
        _part_gradient,
        r"\mathrm{part}({...})",
        (2, None),
        work=None,
        javascript="part(...parts)",
        words=("a part of {0}", "{0} 的一部分"),
    ),
    Operation(
        "unpart",
        "a part back in its place among zeros",
        (Case("*,n,...->n", _unpart_source),),
        lambda g, r, *a: (call("part", g, *a[2:]),) + (ZERO,) * (len(a) - 1),
        r"\mathrm{unpart}({...})",
        (3, None),
        work=0,
        javascript="unpart(...parts)",
        words=("{0}, back in its place", "放回原位的 {0}"),
    ),
    Operation(
        "slice",
        "entries first to stop - 1 of a vector, or rows of a matrix, counted from 0: x[t][0:3]",
        (
            Case("n,,->k", "{0}[..., {1}:{2}]", counted=lambda v, i, j: _entries(i, j)),
            Case("mn,,->kn", "{0}[..., {1}:{2}, :]", counted=lambda v, i, j: _entries(i, j)),
        ),
        _slice_gradient,
        "{0}[{1}:{2}]",
        (3, 3),
        brackets="{1}:{2}",
        positions={1: Along(0, 0), 2: Along(0, 0, end=True)},
        work=None,
        javascript="slice(A, B, C)",
        words=("entries {1} to {2} - 1 of {0}", "{0} 的第 {1} 到 {2} - 1 个分量"),
    ),
    Operation(
        "unslice",
        "a slice back in its place among zeros in the shape of the second argument",
        (Case("k,n,,->n", _unslice_source), Case("kn,mn,,->mn", _unslice_source)),
        lambda g, r, a, b, i, j: (call("slice", g, i, j), ZERO, ZERO, ZERO),
        r"\mathrm{unslice}({...})",
        (4, 4),
        positions={2: Along(1, 0), 3: Along(1, 0, end=True)},
        work=0,
        javascript="unslice(A, B, C, D)",
        words=("{0}, back in its place", "放回原位的 {0}"),
    ),
    Operation(
        "entry",
        "entry k of a vector, or entry j, k of a matrix, counted from 0",
        (Case("n,->", "pick({0}, {1}, 1)"), Case("mn,,->", "pick(pick({0}, {1}, 2), {2}, 1)")),
        _entry_gradient,
        "{0}[{1}]",
        (2, 3),
        brackets="{1}",
        positions={1: Along(0, 0), 2: Along(0, 1)},
        work=0,
        javascript="entry(...parts)",
        words=("one entry", "一个分量"),
    ),
    Operation(
        "row",
        "row k of a matrix, counted from 0: E[k, :]",
        (
            Case("mn,->n", "pick({0}, {1}, 2)"),
            Case("n,->", "", becomes=lambda a, k: call("entry", a, k)),
        ),
        lambda g, r, a, k: (call("outer", call("one_hot", k, a), g), ZERO),
        "{0}[{1}, :]",
        (2, 2),
        brackets="{1}, :",
        positions={1: Along(0, 0)},
        work=0,
        javascript="row(A, B)",
        words=("the row of {0} that {1} names", "{0} 中由 {1} 指定的行"),
    ),
    Operation(
        "column",
        "column k of a matrix, counted from 0: the embedding E[:, x[t]]",
        (Case("mn,->m", "pick({0}.swapaxes(-1, -2), {1}, 2)"),),
        lambda g, r, a, k: (call("outer", g, call("one_hot", k, a.T)), ZERO),
        "{0}[:, {1}]",
        (2, 2),
        brackets=":, {1}",
        positions={1: Along(0, 1)},
        work=0,
        javascript="column(A, B)",
        words=("the column of {0} that {1} names", "{0} 中由 {1} 指定的列"),
    ),
    Operation(
        "one_hot",
        "1 at entry k, counted from 0, among zeros: one_hot(k, 5), or as many as a vector v has "
        "entries (a matrix rows): one_hot(k, v)",
        (
            Case(",n->n", lambda shapes: f"one_hot({{0}}, {shapes[1][0]}, dtype)"),
            Case(",mn->m", lambda shapes: f"one_hot({{0}}, {shapes[1][0]}, dtype)"),
            Case(",->k", "one_hot({0}, {1}, dtype)", counted=lambda k, n: _count(n)),
        ),
        _no_gradient(2),
        r"\mathrm{one\ hot}({0}, {1})",
        (2, 2),
        aliases=("onehot",),
        positions={0: Along(1, 0)},
        work=0,
        javascript="oneHot(...parts)",
        words=("the one-hot vector", "one-hot 向量"),
    ),
    Operation(
        "argmax",
        "place of the largest entry, counted from 0 (the first of several); its gradient is zero",
        (Case("n->", "np.argmax({0}, axis=-1).astype(dtype)"),),
        _no_gradient(1),
        r"\mathrm{argmax}({0})",
        (1, 1),
        work=_entrywise(1),
        javascript="argmax(A)",
        words=("the place of the largest entry", "最大分量的位置"),
    ),
    Operation(
        "argmin",
        "place of the smallest entry, counted from 0 (the first of several); its gradient is zero",
        (Case("n->", "np.argmin({0}, axis=-1).astype(dtype)"),),
        _no_gradient(1),
        r"\mathrm{argmin}({0})",
        (1, 1),
        work=_entrywise(1),
        javascript="argmin(A)",
        words=("the place of the smallest entry", "最小分量的位置"),
    ),
    Operation(
        "inv",
        "inverse of a square matrix",
        (Case("nn->nn", "inverse({0})"), Case("->", "", becomes=lambda a: a**-ONE)),
        _inverse_gradient,
        "{0}^{-1}",
        (1, 1),
        simpler=lambda a: _argument(a, "inv"),
        work=lambda shapes: _cubed(1, shapes),
        javascript="inv(A)",
        words=("the inverse", "逆矩阵"),
    ),
    Operation(
        "solve",
        "the x with A @ x = b, for a vector or a matrix b: inv(A) @ b, computed better",
        (
            Case("nn,n->n", "solve({0}, {1}[..., None])[..., 0]"),
            Case("nn,nk->nk", "solve({0}, {1})"),
            Case(",*->*", "", becomes=lambda a, b: b / a),
        ),
        _solve_gradient,
        "{0}^{-1} {1}",
        (2, 2),
        work=_solve_work,
        javascript="solve(A, B)",
        words=("the solution x of {0} @ x = {1}", "{0} @ x = {1} 的解 x"),
    ),
    Operation(
        "trace",
        "sum of the diagonal of a square matrix",
        (
            Case("nn->", "np.trace({0}, axis1=-2, axis2=-1)"),
            Case("->", "", becomes=lambda a: a),
        ),
        lambda g, r, a: (g * call("identity", a),),
        r"\mathrm{tr}({0})",
        (1, 1),
        aliases=("tr",),
        work=lambda shapes: shapes[0][0],
        javascript="trace(A)",
        words=("the trace", "迹"),
    ),
    Operation(
        "identity",
        "the identity matrix in the shape of a square matrix",
        (
            Case("nn->nn", lambda shapes: f"np.eye({shapes[0][0]}, dtype=dtype)"),
            Case("->", "", becomes=lambda a: ONE),
        ),
        _no_gradient(1),
        "I",
        (1, 1),
        work=0,
        javascript="identity(A)",
        words=("the identity matrix as large as {0}", "与 {0} 同阶的单位矩阵"),
    ),
    Operation(
        "det",
        "determinant of a square matrix",
        (Case("nn->", "np.linalg.det({0})"), Case("->", "", becomes=lambda a: a)),
        lambda g, r, a: (g * r * call("inv", a).T,),
        r"\det({0})",
        (1, 1),
        work=lambda shapes: _cubed(3, shapes),
        javascript="det(A)",
        words=("the determinant", "行列式"),
    ),
    Operation(
        "logdet",
        "logarithm of the size of the determinant of a square matrix",
        (
            Case("nn->", "np.linalg.slogdet({0})[1]"),
            Case("->", "", becomes=lambda a: call("log", call("abs", a))),
        ),
        lambda g, r, a: (g * call("inv", a).T,),
        r"\mathrm{logdet}({0})",
        (1, 1),
        work=lambda shapes: _cubed(3, shapes),
        javascript="logdet(A)",
        words=("the logarithm of the determinant", "行列式的对数"),
    ),
    Operation(
        "diag",
        "the diagonal matrix of a vector",
        (Case("n->nn", lambda shapes: f"{{0}}[..., None] * np.eye({shapes[0][0]}, dtype=dtype)"),),
        lambda g, r, a: (call("diagonal", g),),
        r"\operatorname{diag}({0})",
        (1, 1),
        work=0,
        javascript="diag(A)",
        words=("the diagonal matrix", "对角矩阵"),
    ),
    Operation(
        "diagonal",
        "the diagonal of a square matrix",
        (Case("nn->n", "np.diagonal({0}, axis1=-2, axis2=-1)"),),
        lambda g, r, a: (call("diag", g),),
        r"\mathrm{diagonal}({0})",
        (1, 1),
        work=None,
        javascript="diagonal(A)",
        words=("the diagonal", "对角线"),
    ),
    # elementwise functions
    _unary(
        "exp",
        "exponential",
        "np.exp({0}{out})",
        lambda g, r, a: (g * r,),
        r"\exp({0})",
        javascript="Math.exp(a)",
        words=("the exponential", "指数函数值"),
    ),
    Operation(
        "log",
        "natural logarithm",
        (Case("*->*", "np.log({0}{out})"),),
        lambda g, r, a: (g / a,),
        r"\log({0})",
        (1, 1),
        aliases=("ln",),
        fuses={"softmax": "log_softmax", "sigmoid": "log_sigmoid", "subtract": _complement_log},
        javascript="Math.log(a)",
        words=("the logarithm", "对数"),
    ),
    _unary(
        "log_sigmoid",
        "logarithm of the logistic function, finite and exact for any argument",
        "-np.logaddexp(0, -{0})",
        lambda g, r, a: (g * call("sigmoid", -a),),
        r"\log\sigma({0})",
        ("logsigmoid",),
        work=3,
        javascript="-softplus(-a)",
        words=("the log of the sigmoid", "sigmoid 的对数"),
    ),
    _unary(
        "sqrt",
        "square root; its gradient at 0 is infinite (that of norm is 0)",
        "np.sqrt({0}{out})",
        lambda g, r, a: (g / (2 * r),),
        r"\sqrt{{0}}",
        javascript="Math.sqrt(a)",
        words=("the square root", "平方根"),
    ),
    _unary(
        "abs",
        "absolute value",
        "np.abs({0}{out})",
        lambda g, r, a: (g * call("sign", a),),
        r"|{0}|",
        javascript="Math.abs(a)",
        words=("the absolute value", "绝对值"),
    ),
    _unary(
        "tanh",
        "hyperbolic tangent",
        "np.tanh({0}{out})",
        lambda g, r, a: ((1 - r**2) * g,),
        r"\tanh({0})",
        javascript="Math.tanh(a)",
    ),
    _unary(
        "sigmoid",
        "logistic function 1 / (1 + exp(-a)), written with tanh so that it cannot overflow",
        "np.multiply(0.5, 1 + np.tanh(0.5 * {0}){out})",
        lambda g, r, a: (r * (1 - r) * g,),
        r"\sigma({0})",
        ("logistic", "expit", "sigm"),
        work=4,
        affine=lambda a: (1 + call("tanh", a / 2)) / 2,
        javascript="0.5 * (1 + Math.tanh(0.5 * a))",
        words=("the sigmoid", "sigmoid"),
    ),
    _unary(
        "relu",
        "rectifier max(a, 0)",
        "np.maximum({0}, 0{out})",
        lambda g, r, a: (call("step", a) * g,),
        r"\mathrm{relu}({0})",
        javascript="Math.max(a, 0)",
        words=("the rectifier", "整流（ReLU）值"),
    ),
    _unary(
        "softplus",
        "log(1 + exp(a))",
        "np.logaddexp({0}, 0{out})",
        lambda g, r, a: (call("sigmoid", a) * g,),
        r"\zeta({0})",
        javascript="softplus(a)",
    ),
    _unary(
        "sin",
        "sine",
        "np.sin({0}{out})",
        lambda g, r, a: (g * call("cos", a),),
        r"\sin({0})",
        javascript="Math.sin(a)",
        words=("the sine", "正弦"),
    ),
    _unary(
        "cos",
        "cosine",
        "np.cos({0}{out})",
        lambda g, r, a: (-(g * call("sin", a)),),
        r"\cos({0})",
        javascript="Math.cos(a)",
        words=("the cosine", "余弦"),
    ),
    _unary(
        "tan",
        "tangent",
        "np.tan({0}{out})",
        lambda g, r, a: ((1 + r**2) * g,),
        r"\tan({0})",
        javascript="Math.tan(a)",
        words=("the tangent", "正切"),
    ),
    _unary(
        "arctan",
        "inverse of the tangent",
        "np.arctan({0}{out})",
        lambda g, r, a: (g / (1 + a**2),),
        r"\arctan({0})",
        ("atan",),
        javascript="Math.atan(a)",
        words=("the arctangent", "反正切"),
    ),
    _unary(
        "sinh",
        "hyperbolic sine",
        "np.sinh({0}{out})",
        lambda g, r, a: (g * call("cosh", a),),
        r"\sinh({0})",
        javascript="Math.sinh(a)",
    ),
    _unary(
        "cosh",
        "hyperbolic cosine",
        "np.cosh({0}{out})",
        lambda g, r, a: (g * call("sinh", a),),
        r"\cosh({0})",
        javascript="Math.cosh(a)",
    ),
    _unary(
        "log1p",
        "log(1 + a), exact for small a",
        "np.log1p({0}{out})",
        lambda g, r, a: (g / (1 + a),),
        r"\mathrm{log1p}({0})",
        javascript="Math.log1p(a)",
    ),
    _unary(
        "expm1",
        "exp(a) - 1, exact for small a",
        "np.expm1({0}{out})",
        lambda g, r, a: (g * (r + 1),),
        r"\mathrm{expm1}({0})",
        javascript="Math.expm1(a)",
    ),
    _unary(
        "erf",
        "error function",
        "erf({0})",
        _erf_gradient,
        r"\mathrm{erf}({0})",
        javascript="erf(a)",
        words=("the error function", "误差函数值"),
    ),
    _unary(
        "silu",
        "a * sigmoid(a)",
        "{0} * (0.5 + 0.5 * np.tanh(0.5 * {0}))",
        _silu_gradient,
        r"\mathrm{silu}({0})",
        ("swish",),
        work=5,
        javascript="a * (0.5 + 0.5 * Math.tanh(0.5 * a))",
    ),
    _unary(
        "gelu",
        "a times the normal distribution below a, by the error function and not by tanh",
        "0.5 * {0} * (1 + erf({0} / np.sqrt(dtype(2))))",
        _gelu_gradient,
        r"\mathrm{gelu}({0})",
        work=5,
        javascript="0.5 * a * (1 + erf(a / Math.SQRT2))",
    ),
    Operation(
        "elu",
        "a above zero, size * (exp(a) - 1) below; elu(a, size), of size 1 where it is left out",
        (
            Case("*->*", "np.where({0} > 0, {0}, np.expm1(np.minimum({0}, 0)))"),
            Case("*,*->*", "np.where({0} > 0, {0}, {1} * np.expm1(np.minimum({0}, 0)))"),
        ),
        _elu_gradient,
        r"\mathrm{elu}({...})",
        (1, 2),
        work=lambda shapes: (len(shapes) + 2) * max(map(prod, shapes)),
        javascript="a > 0 ? a : (b ?? 1) * Math.expm1(Math.min(a, 0))",
    ),
    Operation(
        "leaky_relu",
        "a above zero, slope * a below; leaky_relu(a, slope), of slope 0.01 where it is left out",
        (
            Case("*->*", "np.where({0} > 0, {0}, 0.01 * {0})"),
            Case("*,*->*", "np.where({0} > 0, {0}, {1} * {0})"),
        ),
        _leaky_gradient,
        r"\mathrm{leaky\ relu}({...})",
        (1, 2),
        work=2,
        javascript="a > 0 ? a : (b ?? 0.01) * a",
    ),
    _unary(
        "hard_tanh",
        "a kept within -1 and 1",
        "np.clip({0}, -1, 1{out})",
        lambda g, r, a: (g * call("less", call("abs", a), ONE),),
        r"\mathrm{hard\ tanh}({0})",
        ("hardtanh",),
        work=2,
        javascript="clip(a, -1, 1)",
    ),
    _unary(
        "hard_sigmoid",
        "a / 6 + 1 / 2 kept within 0 and 1",
        "np.clip({0} / 6 + 0.5, 0, 1{out})",
        lambda g, r, a: (g * call("less", call("abs", a), 3) / 6,),
        r"\mathrm{hard\ sigmoid}({0})",
        ("hardsigmoid",),
        work=4,
        javascript="clip(a / 6 + 0.5, 0, 1)",
    ),
    _unary(
        "floor",
        "the largest whole number that is not larger; its gradient is zero",
        "np.floor({0}{out})",
        _no_gradient(1),
        r"\lfloor {0}\rfloor",
        value=lambda a: float(floor(a)),
        javascript="Math.floor(a)",
        words=("the floor", "向下取整"),
    ),
    _unary(
        "ceil",
        "the smallest whole number that is not smaller; its gradient is zero",
        "np.ceil({0}{out})",
        _no_gradient(1),
        r"\lceil {0}\rceil",
        javascript="Math.ceil(a)",
        words=("the ceiling", "向上取整"),
    ),
    _unary(
        "round",
        "the nearest whole number, of two the even one; its gradient is zero",
        "np.rint({0}{out})",
        _no_gradient(1),
        r"\mathrm{round}({0})",
        javascript="rint(a)",
        words=("the nearest whole number", "四舍五入"),
    ),
    _binary(
        "mod",
        "remainder a - b * floor(a / b), with the sign of b: t % 4",
        "np.mod({0}, {1}{out})",
        lambda g, r, a, b: (g, -(g * call("floor", a / b))),
        r"{0} \bmod {1}",
        "%",
        20,
        value=_exact_remainder,
        javascript="mod(a, b)",
        words=("the remainder of {0} by {1}", "{0} 除以 {1} 的余数"),
    ),
    # gradients on purpose other than the derivative
    Operation(
        "stop_gradient",
        "the argument itself, as if it were data: its gradient is zero; with a second argument, where "
        "that is not zero",
        (Case("*->*", "{0}"), Case("*,*->*", _repeated_source)),
        _stopped,
        r"\mathrm{sg}({...})",
        (1, 2),
        aliases=("detach", "sg"),
        detached=(0,),
        work=None,
        javascript="a",
        words=("{0}, through which no gradient goes back", "{0}（梯度不由此传回）"),
    ),
    Operation(
        "straight_through",
        "the first argument, whose gradient goes to the second: straight_through(step(a), a)",
        (Case("*,*->*", _repeated_source),),
        lambda g, r, a, b: (ZERO, g),
        r"\mathrm{straight\ through}({0}, {1})",
        (2, 2),
        detached=(0, 1),
        work=None,
        javascript="a",
        words=("{0}, whose gradient goes to {1}", "{0}（其梯度传给 {1}）"),
    ),
    _unary(
        "sign",
        "sign",
        "np.sign({0}{out})",
        _no_gradient(1),
        r"\mathrm{sign}({0})",
        ("sgn",),
        javascript="Math.sign(a)",
        words=("the sign", "符号"),
    ),
    _unary(
        "step",
        "1 where the argument is positive, else 0; its gradient is zero",
        "np.heaviside({0}, 0{out})",
        _no_gradient(1),
        r"\mathrm{step}({0})",
        ("heaviside",),
        javascript="a > 0 ? 1 : a <= 0 ? 0 : a",
        words=("the step function", "阶跃函数值"),
    ),
    # choices
    Operation(
        "clip",
        "the first argument kept within the second and the third",
        (Case("*,*,*->*", "np.minimum(np.maximum({0}, {1}), {2})"),),
        _clip_gradient,
        r"\mathrm{clip}({0}, {1}, {2})",
        (3, 3),
        aliases=("clamp",),
        work=2,
        javascript="clip(a, b, c)",
        words=("{0} kept between {1} and {2}", "限制在 {1} 与 {2} 之间的 {0}"),
    ),
    _binary(
        "minimum",
        "elementwise minimum",
        "np.minimum({0}, {1}{out})",
        lambda g, r, a, b: (g * call("less_equal", a, b), g * call("greater", a, b)),
        r"\min({0}, {1})",
        value=min,
        javascript="Math.min(a, b)",
        words=("the smaller", "较小者"),
    ),
    _binary(
        "maximum",
        "elementwise maximum",
        "np.maximum({0}, {1}{out})",
        lambda g, r, a, b: (g * call("greater_equal", a, b), g * call("less", a, b)),
        r"\max({0}, {1})",
        value=max,
        javascript="Math.max(a, b)",
        words=("the larger", "较大者"),
    ),
    Operation(
        "where",
        "the second argument where the first is not zero, else the third",
        (Case("*,*,*->*", "np.where({0}, {1}, {2})"),),
        lambda g, r, c, a, b: (ZERO, call("where", c, g, ZERO), call("where", c, ZERO, g)),
        r"\mathrm{where}({0}, {1}, {2})",
        (3, 3),
        javascript="a !== 0 ? b : c",
        words=("{1} if {0}, else {2}", "若 {0} 则取 {1}，否则取 {2}"),
    ),
    _comparison("less", "1 where a < b", "less", "<", "<"),
    _comparison("less_equal", "1 where a <= b", "less_equal", "<=", r"\le"),
    _comparison("greater", "1 where a > b", "greater", ">", ">"),
    _comparison("greater_equal", "1 where a >= b", "greater_equal", ">=", r"\ge"),
    _comparison("equal", "1 where a == b", "equal", "==", "="),
    _comparison("not_equal", "1 where a != b", "not_equal", "!=", r"\ne"),
    # reductions
    Operation(
        "sum",
        "sum over the entries, or over an axis: sum(L[t], t)",
        (Case("*->", _reduce("np.sum({0}, axis={value}{out})")),),
        lambda g, r, a: (like(g, a),),
        r"\sum {0}",
        (1, 1),
        simpler=_zero_if_any,
        over="{sum}",
        work=_entrywise(1),
        javascript="total(A)",
        words=("the sum", "和"),
    ),
    Operation(
        "mean",
        "mean over the entries, or over an axis",
        (Case("*->", _reduce("np.mean({0}, axis={value}{out})")),),
        lambda g, r, a: (like(g, a) / size(a),),
        r"\mathrm{mean}({0})",
        (1, 1),
        over="{sum} / {count}",
        work=_entrywise(1, once=1),
        javascript="mean(A)",
        words=("the mean", "平均值"),
    ),
    Operation(
        "max",
        "largest entry, or largest over an axis; where several are, each gets the gradient",
        (Case("*->", _reduce("np.max({0}, axis={value}{out})")),),
        lambda g, r, a: (g * call("equal", a, r),),
        r"\max({0})",
        (1, 1),
        pairwise="maximum",
        over="np.max({0}, axis={axis})",
        neutral=-inf,
        work=_entrywise(1),
        javascript="largest(A)",
        words=("the largest", "最大值"),
    ),
    Operation(
        "min",
        "smallest entry, or smallest over an axis; where several are, each gets the gradient",
        (Case("*->", _reduce("np.min({0}, axis={value}{out})")),),
        lambda g, r, a: (g * call("equal", a, r),),
        r"\min({0})",
        (1, 1),
        pairwise="minimum",
        over="np.min({0}, axis={axis})",
        neutral=inf,
        work=_entrywise(1),
        javascript="smallest(A)",
        words=("the smallest", "最小值"),
    ),
    Operation(
        "prod",
        "product of the entries, or over an axis; the gradient asks for entries that are not 0",
        (Case("*->", _reduce("np.prod({0}, axis={value}{out})")),),
        lambda g, r, a: (g * r / a,),
        r"\prod {0}",
        (1, 1),
        over="np.prod({0}, axis={axis})",
        neutral=1,
        work=_entrywise(1),
        javascript="prod(A)",
        words=("the product", "乘积"),
    ),
    Operation(
        "norm",
        "Euclidean norm of a vector, Frobenius norm of a matrix; its gradient at 0 is 0",
        (Case("*->", lambda shapes: f"norm({{0}}, {len(shapes[0])})"),),
        lambda g, r, a: (g * call("normalize", a),),
        r"\|{0}\|",
        (1, 1),
        work=_entrywise(5, once=2),
        javascript="norm(A)",
        words=("the norm", "范数"),
    ),
    Operation(
        "normalize",
        "a vector or matrix over its norm; 0 stays 0, and its gradient there is 0",
        (Case("*->*", lambda shapes: f"normalize({{0}}, {len(shapes[0])})"),),
        _normalize_gradient,
        r"\frac{{0}}{\|{0}\|}",
        (1, 1),
        work=_entrywise(6, once=1),
        javascript="normalize(A)",
        words=("{0} over its norm", "{0} 除以其范数"),
    ),
    Operation(
        "logsumexp",
        "log of the sum of exponentials of the entries, or over an axis",
        (Case("n->", "logsumexp({0})"),),
        lambda g, r, a: (g * call("exp", a - r),),
        r"\mathrm{logsumexp}({0})",
        (1, 1),
        over="np.logaddexp.reduce({0}, axis={axis})",
        neutral=-inf,
        work=_entrywise(4, once=2),
        javascript="logsumexp(A)",
    ),
    Operation(
        "cumsum",
        "the sum of each entry and all before it",
        (Case("n->n", "np.cumsum({0}, axis=-1)"),),
        lambda g, r, a: (_reversed_sum(g),),
        r"\mathrm{cumsum}({0})",
        (1, 1),
        javascript="cumsum(A)",
        words=("the running sum", "累积和"),
    ),
    Operation(
        "cumprod",
        "the product of each entry and all before it; the gradient asks for entries that are not 0",
        (Case("n->n", "np.cumprod({0}, axis=-1)"),),
        lambda g, r, a: (_reversed_sum(g * r) / a,),
        r"\mathrm{cumprod}({0})",
        (1, 1),
        javascript="cumprod(A)",
        words=("the running product", "累积乘积"),
    ),
    Operation(
        "flip",
        "the entries of a vector, last to first",
        (Case("n->n", "{0}[..., ::-1]"),),
        lambda g, r, a: (call("flip", g),),
        r"\mathrm{flip}({0})",
        (1, 1),
        work=None,
        javascript="flip(A)",
        words=("the reversal", "逆序"),
    ),
    Operation(
        "softmax",
        "exp(a) over its sum",
        (Case("n->n", "softmax({0})"),),
        lambda g, r, a: (r * (g - call("dot", g, r)),),
        r"\mathrm{softmax}({0})",
        (1, 1),
        over="softmax({0}, {axis})",
        neutral=-inf,
        keeps=True,
        work=_entrywise(5),
        javascript="softmax(A)",
        words=("the softmax", "softmax"),
    ),
    Operation(
        "log_softmax",
        "logarithm of the softmax",
        (Case("n->n", "log_softmax({0})"),),
        lambda g, r, a: (g - call("softmax", a) * call("sum", g),),
        r"\log\mathrm{softmax}({0})",
        (1, 1),
        work=_entrywise(5, once=1),
        javascript="logSoftmax(A)",
        words=("the log of the softmax", "softmax 的对数"),
    ),
    Operation(
        "history",
        "all earlier values, as an argument of an opaque function: f(y[<t])",
        (),
        _no_gradient(1),
        r"{0}",
        (1, 1),
        work=None,
    ),
    # losses
    Operation(
        "cross_entropy",
        "-sum(y * log(p)): p probabilities, y a distribution or a class",
        (
            Case("n,n->", "0 - np.sum({1} * np.log(np.where({1} > 0, {0}, 1)), axis=-1)"),
            Case("n,->", "", becomes=lambda p, y: call("cross_entropy", p, call("one_hot", y, p))),
        ),
        lambda g, r, p, y: (
            -(g * (y / call("where", call("greater", y, ZERO), p, ONE))),
            -(g * call("log", p)),
        ),
        r"-{1}^{\top} \log {0}",
        (2, 2),
        loss=True,
        fuses={"softmax": "softmax_cross_entropy"},
        targets=(1,),
        work=_entrywise(3, once=1),
        javascript="crossEntropy(A, B)",
        words=("the cross entropy of {1} and {0}", "{1} 与 {0} 的交叉熵"),
    ),
    Operation(
        "softmax_cross_entropy",
        "cross entropy of softmax(o) with the distribution or class y, by log-sum-exp",
        (
            Case("n,n->", "softmax_cross_entropy({0}, {1})"),
            Case(
                "n,->",
                "",
                becomes=lambda o, y: call("softmax_cross_entropy", o, call("one_hot", y, o)),
            ),
        ),
        lambda g, r, o, y: (
            g * (call("sum", y) * call("softmax", o) - y),
            -(g * call("log_softmax", o)),
        ),
        r"-{1}^{\top} \log\mathrm{softmax}({0})",
        (2, 2),
        loss=True,
        targets=(1,),
        work=_entrywise(7, once=3),
        javascript="softmaxCrossEntropy(A, B)",
        words=(
            "the cross entropy of {1} and the softmax of {0}",
            "{1} 与 {0} 的 softmax 之间的交叉熵",
        ),
    ),
    Operation(
        "binary_cross_entropy",
        "-sum(y * log(p) + (1 - y) * log(1 - p)): p probabilities, y between 0 and 1, entry by entry",
        (
            Case("n,n->", f"0 - np.sum({_BERNOULLI}, axis=-1)"),
            Case(",->", f"0 - ({_BERNOULLI})"),
        ),
        _bernoulli_gradient,
        r"-{1}^{\top} \log {0} - (1 - {1})^{\top} \log(1 - {0})",
        (2, 2),
        aliases=("bce",),
        loss=True,
        fuses={"sigmoid": "sigmoid_cross_entropy"},
        work=lambda shapes: (7 + len(shapes[0])) * prod(shapes[0]) + 1,
        javascript="binaryCrossEntropy(A, B)",
        words=("the binary cross entropy of {1} and {0}", "{1} 与 {0} 的二元交叉熵"),
    ),
    Operation(
        "sigmoid_cross_entropy",
        "binary cross entropy of sigmoid(o) with y, finite and exact for any o",
        (
            Case("n,n->", "np.sum(np.logaddexp({0}, 0) - {1} * {0}, axis=-1)"),
            Case(",->", "np.logaddexp({0}, 0) - {1} * {0}"),
        ),
        lambda g, r, o, y: (g * (call("sigmoid", o) - y), -(g * o)),
        r"\sum \zeta({0}) - {1}^{\top} {0}",
        (2, 2),
        loss=True,
        work=lambda shapes: (3 + len(shapes[0])) * prod(shapes[0]),
        javascript="sigmoidCrossEntropy(A, B)",
        words=(
            "the binary cross entropy of {1} and the sigmoid of {0}",
            "{1} 与 {0} 的 sigmoid 之间的二元交叉熵",
        ),
    ),
    Operation(
        "squared_error",
        "half the squared distance: sum((a - y)**2) / 2",
        (
            Case("n,n->", "0.5 * np.sum(np.square({0} - {1}), axis=-1)"),
            Case(",->", "0.5 * np.square({0} - {1})"),
            Case("mn,mn->", "0.5 * np.sum(np.square({0} - {1}), axis=(-2, -1))"),
        ),
        lambda g, r, a, y: (g * (a - y), g * (y - a)),
        r"\tfrac12\|{0} - {1}\|^2",
        (2, 2),
        loss=True,
        work=lambda shapes: 3 * prod(shapes[0]) + (1 if shapes[0] else 0),
        javascript="squaredError(A, B)",
        words=("half the squared distance between {0} and {1}", "{0} 与 {1} 的距离平方的一半"),
    ),
    # shapes, for gradients
    Operation(
        "like",
        "the first argument, repeated to the shape of the second",
        (Case("*,*->*", "like({0}, {1})"),),
        lambda g, r, a, b: (g, ZERO),
        "{0}",
        (2, 2),
        work=None,
        javascript="like(A, B)",
        words=("{0}, repeated", "重复的 {0}"),
    ),
    Operation(
        "size",
        "how many entries the argument has",
        (Case("*->", lambda shapes: str(float(prod(shapes[0])))),),
        _no_gradient(1),
        r"|{0}|",
        (1, 1),
        work=None,
        javascript="size(A)",
        words=("the number of entries", "分量个数"),
    ),
)


OPERATIONS: dict[str, Operation] = {row.name: row for row in _ROWS}
LIKE, DIAGONAL, HISTORY = OPERATIONS["like"], OPERATIONS["diag"], OPERATIONS["history"]
ALIASES: dict[str, str] = {a: row.name for row in _ROWS for a in row.aliases}


def along_axis(node: Expression, length: Expression, within: Range) -> Expression:
    """A gradient rule for entries, read for the steps of an axis: `length` of them, within a range."""
    limits = None if within.is_whole else within

    def change(part: Expression) -> Expression:
        if isinstance(part, Call) and part.operation == "like":
            return part.arguments[0]
        if isinstance(part, Call) and part.operation == "size":
            return length
        if isinstance(part, Call) and part.operation == "dot":
            product = part.arguments[0] * part.arguments[1]
            return call("sum", product, over=within.axis, limits=limits)
        return part

    return rebuild(node, change)
