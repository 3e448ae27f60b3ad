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
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, prod
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


@dataclass(frozen=True, slots=True)
class Case:
    """What an operation does to operands of one kind.

    signature: dimensions by letter, as in `mn,n->m`; `n'` is a row vector, nothing a scalar; `*` any
    one shape, scalars broadcasting; a last `...` any further operands; `n+` operands in a row.
    numpy: source, or a function from the operands' value shapes to it.
    plain: source that reads more easily, for where no destination is given.
    becomes: for operands that another operation serves better, the expression to take instead.
    fixed: operands that must have no step or batch axis for this source.
    summed: source of the sum over all leading axes, where there is a better way than adding up.
    """

    signature: str
    numpy: Source
    plain: str | None = None
    fixed: tuple[int, ...] = ()
    summed: str | None = None
    becomes: Callable[..., Expression] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table.

    latex: `{0}`, `{1}` for the arguments, `{...}` for all of them with commas.
    infix, precedence: how the canonical text writes it; a larger precedence binds tighter.
    associates: which operand may be the same operator without brackets: left, right or none.
    arity: fewest and most arguments (None: any number).
    fuses: {inner: fused}: `operation(inner(a), b)` is `fused(a, b)`, which is computed better.
    pairwise: the operation that a reduction's name means with two operands: `max(0, v)`.
    targets: arguments that may be given as classes (integers) instead of one-hot vectors.
    product: whether it is linear in each argument, so that one can be the weight of the other.
    value: the result for constants, as a function of numbers; None where it has no exact one.
    simpler: from the arguments to a simpler expression of the same value, or None.
    linear: whether it is linear in all arguments together, so that a sum passes through it.
    value: the result for constants, as a function of numbers; None where it has no exact one.
    simpler: from the arguments to a simpler expression of the same value, or None.
    over: source of a reduction over an axis, whose number is `{axis}`; `{sum}` stands for the best
    way to add up over it, `{count}` for its length.
    neutral: what a step counts that is left out of such a reduction.
    keeps: whether it has a value at every step of the axis, as a softmax over time.
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
    fuses: dict[str, str] = field(default_factory=dict)
    targets: tuple[int, ...] = ()
    pairwise: str | None = None
    product: bool = False
    linear: bool = False
    value: Callable[..., float | None] | None = None
    simpler: Callable[..., Expression | None] | None = None

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


def _unary(
    name: str, doc: str, numpy: str, gradient: Gradient, latex: str, aliases: tuple[str, ...] = ()
) -> Operation:
    return Operation(name, doc, (Case("*->*", numpy),), gradient, latex, (1, 1), aliases=aliases)


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


def _comparison(name: str, doc: str, ufunc: str, infix: str, latex: str) -> Operation:
    numpy = f"np.{ufunc}({{0}}, {{1}}).astype(dtype)"
    return _binary(
        name, doc, numpy, _no_gradient(2), "{0} " + latex + " {1}", infix, 5, associates="none"
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
    ),
    _binary(
        "power",
        "elementwise power",
        "{0} ** {1}",
        lambda g, r, a, b: (g * (b * a ** (b - ONE)), g * (r * call("log", a))),
        "{0}^{{1}}",
        "**",
        40,
        associates="right",
        simpler=lambda a, b: ONE if b == ZERO else a if b == ONE else None,
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
    ),
    Operation(
        "concat",
        "vectors one after the other",
        (Case("n+->n", _concat_source),),
        _concat_gradient,
        "[{...}]",
        (1, None),
        aliases=("concatenate", "cat", "stack"),
    ),
    Operation(
        "part",
        "the part of a concatenation that has the second operand's length, after all others'",
        (Case("n,*,...->*", _part_source),),
        _part_gradient,
        r"\mathrm{part}({...})",
        (2, None),
    ),
    Operation(
        "unpart",
        "a part back in its place among zeros",
        (Case("*,n,...->n", _unpart_source),),
        lambda g, r, *a: (call("part", g, *a[2:]),) + (ZERO,) * (len(a) - 1),
        r"\mathrm{unpart}({...})",
        (3, None),
    ),
    Operation(
        "diag",
        "the diagonal matrix of a vector",
        (Case("n->nn", lambda shapes: f"{{0}}[..., None] * np.eye({shapes[0][0]}, dtype=dtype)"),),
        lambda g, r, a: (call("diagonal", g),),
        r"\operatorname{diag}({0})",
        (1, 1),
    ),
    Operation(
        "diagonal",
        "the diagonal of a square matrix",
        (Case("nn->n", "np.diagonal({0}, axis1=-2, axis2=-1)"),),
        lambda g, r, a: (call("diag", g),),
        r"\mathrm{diagonal}({0})",
        (1, 1),
    ),
    # elementwise functions
    _unary("exp", "exponential", "np.exp({0}{out})", lambda g, r, a: (g * r,), r"\exp({0})"),
    _unary(
        "log",
        "natural logarithm",
        "np.log({0}{out})",
        lambda g, r, a: (g / a,),
        r"\log({0})",
        ("ln",),
    ),
    _unary(
        "sqrt",
        "square root",
        "np.sqrt({0}{out})",
        lambda g, r, a: (g / (2 * r),),
        r"\sqrt{{0}}",
    ),
    _unary(
        "abs",
        "absolute value",
        "np.abs({0}{out})",
        lambda g, r, a: (g * call("sign", a),),
        r"|{0}|",
    ),
    _unary(
        "tanh",
        "hyperbolic tangent",
        "np.tanh({0}{out})",
        lambda g, r, a: ((1 - r**2) * g,),
        r"\tanh({0})",
    ),
    _unary(
        "sigmoid",
        "logistic function 1 / (1 + exp(-a)), written with tanh so that it cannot overflow",
        "np.multiply(0.5, 1 + np.tanh(0.5 * {0}){out})",
        lambda g, r, a: (r * (1 - r) * g,),
        r"\sigma({0})",
        ("logistic", "expit"),
    ),
    _unary(
        "relu",
        "rectifier max(a, 0)",
        "np.maximum({0}, 0{out})",
        lambda g, r, a: (call("step", a) * g,),
        r"\mathrm{relu}({0})",
    ),
    _unary(
        "softplus",
        "log(1 + exp(a))",
        "np.logaddexp({0}, 0{out})",
        lambda g, r, a: (call("sigmoid", a) * g,),
        r"\zeta({0})",
    ),
    _unary("sin", "sine", "np.sin({0}{out})", lambda g, r, a: (g * call("cos", a),), r"\sin({0})"),
    _unary(
        "cos", "cosine", "np.cos({0}{out})", lambda g, r, a: (-(g * call("sin", a)),), r"\cos({0})"
    ),
    _unary("sign", "sign", "np.sign({0}{out})", _no_gradient(1), r"\mathrm{sign}({0})", ("sgn",)),
    _unary(
        "step",
        "1 where the argument is positive, else 0; its gradient is zero",
        "np.heaviside({0}, 0{out})",
        _no_gradient(1),
        r"\mathrm{step}({0})",
        ("heaviside",),
    ),
    # choices
    _binary(
        "minimum",
        "elementwise minimum",
        "np.minimum({0}, {1}{out})",
        lambda g, r, a, b: (g * call("less_equal", a, b), g * call("greater", a, b)),
        r"\min({0}, {1})",
    ),
    _binary(
        "maximum",
        "elementwise maximum",
        "np.maximum({0}, {1}{out})",
        lambda g, r, a, b: (g * call("greater_equal", a, b), g * call("less", a, b)),
        r"\max({0}, {1})",
    ),
    Operation(
        "where",
        "the second argument where the first is not zero, else the third",
        (Case("*,*,*->*", "np.where({0}, {1}, {2})"),),
        lambda g, r, c, a, b: (ZERO, call("where", c, g, ZERO), call("where", c, ZERO, g)),
        r"\mathrm{where}({0}, {1}, {2})",
        (3, 3),
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
    ),
    Operation(
        "mean",
        "mean over the entries, or over an axis",
        (Case("*->", _reduce("np.mean({0}, axis={value}{out})")),),
        lambda g, r, a: (like(g, a) / size(a),),
        r"\mathrm{mean}({0})",
        (1, 1),
        over="{sum} / {count}",
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
    ),
    Operation(
        "logsumexp",
        "log of the sum of exponentials of a vector",
        (Case("n->", "logsumexp({0})"),),
        lambda g, r, a: (g * call("softmax", a),),
        r"\mathrm{logsumexp}({0})",
        (1, 1),
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
    ),
    Operation(
        "log_softmax",
        "logarithm of the softmax",
        (Case("n->n", "np.subtract({0}, logsumexp({0})[..., None]{out})"),),
        lambda g, r, a: (g - call("softmax", a) * call("sum", g),),
        r"\log\mathrm{softmax}({0})",
        (1, 1),
    ),
    Operation(
        "history",
        "all earlier values, as an argument of an opaque function: f(y[<t])",
        (),
        _no_gradient(1),
        r"{0}",
        (1, 1),
    ),
    # losses
    Operation(
        "cross_entropy",
        "-sum(y * log(p)): p probabilities, y a distribution or a class",
        (Case("n,n->", "-np.sum({1} * np.log(np.where({1} > 0, {0}, 1)), axis=-1)"),),
        lambda g, r, p, y: (
            -(g * (y / call("where", call("greater", y, ZERO), p, ONE))),
            -(g * call("log", p)),
        ),
        r"-{1}^{\top} \log {0}",
        (2, 2),
        loss=True,
        fuses={"softmax": "softmax_cross_entropy"},
        targets=(1,),
    ),
    Operation(
        "softmax_cross_entropy",
        "cross entropy of softmax(o) with the distribution or class y, by log-sum-exp",
        (Case("n,n->", "np.sum({1}, axis=-1) * logsumexp({0}) - np.vecdot({1}, {0})"),),
        lambda g, r, o, y: (g * (call("softmax", o) - y), -(g * call("log_softmax", o))),
        r"-{1}^{\top} \log\mathrm{softmax}({0})",
        (2, 2),
        loss=True,
        targets=(1,),
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
    ),
    # shapes, for gradients
    Operation(
        "like",
        "the first argument, repeated to the shape of the second",
        (Case("*,*->*", "like({0}, {1})"),),
        lambda g, r, a, b: (g, ZERO),
        "{0}",
        (2, 2),
    ),
    Operation(
        "size",
        "how many entries the argument has",
        (Case("*->", lambda shapes: str(float(prod(shapes[0])))),),
        _no_gradient(1),
        r"|{0}|",
        (1, 1),
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
