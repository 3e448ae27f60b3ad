"""The oracle: a slow interpreter that shares nothing with the executor but the parsed equations.

It walks the unrolled recurrence one node at a time and records every operation on a tape; gradients
go back along the tape by vector-Jacobian products written here by hand. No table, no shapes, no
schedule: a product is told apart by the arrays it meets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from unroll.symbolic.expressions import Call, Constant, Expression, Reference
from unroll.symbolic.recurrence import Axis, Equation, Recurrence
from unroll.symbolic.shapes import shape_of

EMPTY = {"max": -np.inf, "min": np.inf, "prod": 1.0, "logsumexp": -np.inf, "mean": np.nan}
Back = Callable[[np.ndarray], np.ndarray]
Point = tuple[int, ...]
Key = tuple[str, Point]
Here = Mapping[str, int]


@dataclass(eq=False)
class Node:
    """A value on the tape; row: whether a vector lies down."""

    value: np.ndarray
    parents: list[tuple[Node, Back]] = field(default_factory=list)
    row: bool = False


@dataclass
class Oracle:
    """One unrolled run. arrays: by name, without batch, targets one-hot; shapes: of one value.

    lengths: numbers by the name of a length; trees: by the length of a tree's axis the children of
    its nodes. A point is a tuple with one number for each index.
    """

    recurrence: Recurrence
    arrays: Mapping[str, np.ndarray]
    lengths: Mapping[str, int]
    shapes: Mapping[str, tuple[int, ...]]
    trees: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    tape: list[Node] = field(default_factory=list)
    known: dict[Key, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.axes = {a.name: a for a in self.recurrence.axes}

    # --- values -----------------------------------------------------------------

    def node(self, name: str, at: Point) -> Node:
        """The value of a name at a point, and before it, without recursion, all that it needs."""
        todo = [(name, at)]
        while todo:
            key = todo[-1]
            if key in self.known:
                todo.pop()
                continue
            equation, here = self.equation(*key)
            needs = [] if equation is None else self.needs(equation.expression, here)
            missing = [k for k in needs if k not in self.known]
            if missing:
                assert len(todo) < 10**6, "an algebraic loop"
                todo += missing
                continue
            todo.pop()
            self.known[key] = self.compute(key, equation, here)
        return self.known[name, at]

    def compute(self, key: Key, equation: Equation | None, here: Here) -> Node:
        name, at = key
        if equation is None:
            return self.leaf(self.given(name, at))
        if isinstance(equation.expression, Call) and equation.expression.operation == "given":
            array = np.asarray(self.arrays[str(equation.target)], float)
            lead = [here[i.base] for i in equation.target.indices if i.base in here]
            return self.leaf(array[tuple(n - 1 for n in lead)])
        found = self.eval(equation.expression, here)
        whole = np.broadcast_to(found.value, self.shapes[name])
        return self.record(whole, (found, lambda g: unbroadcast(g, found.value.shape)))

    def given(self, name: str, at: Point) -> np.ndarray:
        """A row of an input, zero out of range, or a whole parameter."""
        if not at:
            return np.asarray(self.arrays[name], float)
        defined = any(e.name == name for e in self.recurrence.equations)
        if defined or not all(1 <= n <= size for n, size in zip(at, self.arrays[name].shape)):
            return np.zeros(self.shapes[name])
        return np.asarray(self.arrays[name][tuple(n - 1 for n in at)], float)

    def equation(self, name: str, at: Point) -> tuple[Equation | None, Here]:
        """The equation that defines a name at a point, the most specific one, and its letters."""
        best: tuple[int, Equation | None, Here] = (-1, None, {})
        for equation in self.recurrence.equations:
            if equation.name != name:
                continue
            here, points, ranges, fits = {}, 0, 0, True
            for index, number in zip(equation.target.indices, at):
                if index.base not in self.axes:
                    points += 1
                    fits = fits and self.place(index, {}) == number
                    continue
                here[index.base] = number
                first, last = 1, self.lengths_of(index.base)
                for within in equation.ranges:
                    if within.axis == index.base:
                        ranges += 1
                        first = first if within.start is None else self.place(within.start, {})
                        last = last if within.stop is None else self.place(within.stop, {})
                fits = fits and first <= number <= last
            if fits and 2 * points + ranges > best[0]:
                best = 2 * points + ranges, equation, here
        return best[1], best[2]

    def lengths_of(self, letter: str) -> int:
        return self.length(self.axes[letter])

    def length(self, axis: Axis) -> int:
        return int(axis.length) if axis.length.isdigit() else self.lengths[axis.length]

    def place(self, index, here: Here) -> int:
        if not index.base:
            return index.offset
        if index.base not in self.axes:
            return index.offset + self.lengths[index.base]
        number = here[index.base]
        if not index.via:
            return number + index.offset
        children = self.trees[self.axes[index.base].length]
        if not 1 <= number <= len(children):
            return 0
        if index.via in ("left", "right"):
            own, which = children[number - 1], ("left", "right").index(index.via)
            return own[which] if which < len(own) else 0
        above = [m for m, own in enumerate(children, 1) if number in own]
        if not above or index.via == "parent":
            return above[0] if above else 0
        which = 0 if index.via == "parent_of_left" else 1
        own = children[above[0] - 1]
        return above[0] if which < len(own) and own[which] == number else 0

    def steps(self, node: Call, here: Here) -> list[int]:
        """Where a reduction's letter runs."""
        within, last = node.limits, self.lengths_of(node.over)
        if within is None:
            return list(range(1, last + 1))
        if within.parent is not None:
            number = here[within.parent.base]
            return list(self.trees[self.axes[within.parent.base].length][number - 1])
        start = 1 if within.start is None else self.place(within.start, here)
        stop = last if within.stop is None else self.place(within.stop, here)
        start = start if within.start is None or not within.start.base else max(start, 1)
        return list(range(start, min(stop, last) + 1))

    def needs(self, node: Expression, here: Here) -> list[Key]:
        if isinstance(node, Reference):
            if node.name in self.axes or node.name in self.lengths:
                return []
            return [(node.name, tuple(self.place(i, here) for i in node.indices))]
        if isinstance(node, Call):
            places = (
                [here] if node.over is None
                else [{**here, node.over: s} for s in self.steps(node, here)]
            )  # fmt: skip
            return [k for p in places for a in node.arguments for k in self.needs(a, p)]
        return []

    def eval(self, node: Expression, here: Here) -> Node:
        if isinstance(node, Constant):
            return self.leaf(np.asarray(float(node.value)))
        if isinstance(node, Reference):
            if node.name in self.axes:
                return self.leaf(np.asarray(float(here[node.name])))
            if node.name in self.lengths:
                return self.leaf(np.asarray(float(self.lengths[node.name])))
            return self.known[node.name, tuple(self.place(i, here) for i in node.indices)]
        if node.over is not None:
            steps = self.steps(node, here)
            terms = [self.eval(node.arguments[0], {**here, node.over: s}) for s in steps]
            if node.operation == "softmax":
                return self.normalised(terms, steps, here[node.over])
            if not terms:  # the sum of nothing has the shape of what it would add up
                shape = shape_of(node.arguments[0], self.shapes).shape
                return self.leaf(np.full(shape, EMPTY.get(node.operation, 0.0)))
            return self.along(node.operation, terms)
        return self.operation(node.operation, [self.eval(a, here) for a in node.arguments])

    # --- the tape ---------------------------------------------------------------

    def leaf(self, value: np.ndarray) -> Node:
        return self.record(value)

    def record(self, value, *parents: tuple[Node, Back], row: bool = False) -> Node:
        node = Node(np.asarray(value, float), list(parents), row)
        self.tape.append(node)
        return node

    def points(self, name: str) -> list[Point]:
        """All points of the axes of a name, those before the first step included."""
        axes = self.recurrence.axes_of(name)
        sides = [range(self.length(a) + 1) for a in axes]
        return list(product(*sides))

    def gradients(self, objective: str) -> dict[Key, np.ndarray]:
        """Gradient of the objective (the sum over its steps) by every value of every name."""
        ends = [self.node(objective, at) for at in self.points(objective) if all(at)]
        self.everything()
        found = {id(n): np.zeros(n.value.shape) for n in self.tape}
        for end in ends:
            found[id(end)] = found[id(end)] + 1.0
        for node in reversed(self.tape):
            for parent, back in node.parents:
                found[id(parent)] = found[id(parent)] + back(found[id(node)])
        return {key: found[id(node)] for key, node in self.known.items()}

    def everything(self) -> None:
        """Compute every name at every point at which it is anything."""
        for name in self.recurrence.names:
            for at in self.points(name):
                if all(at) or self.equation(name, at)[0] is not None:
                    self.node(name, at)

    def normalised(self, terms: list[Node], steps: list[int], at: int) -> Node:
        """One entry of a softmax over steps; zero where the step is left out."""
        if at not in steps:
            return self.leaf(np.zeros(()))
        values = np.stack([n.value for n in terms])
        p = np.exp(values - values.max(0))
        p = p / p.sum(0)
        own = steps.index(at)
        backs = [lambda g, i=i: g * p[own] * ((i == own) - p[i]) for i in range(len(terms))]
        return self.record(p[own], *zip(terms, backs))

    # --- operations -------------------------------------------------------------

    def along(self, name: str, terms: list[Node]) -> Node:
        values = np.stack([n.value for n in terms])
        if name in ("sum", "mean"):
            weight = 1.0 if name == "sum" else 1 / len(terms)
            return self.record(weight * values.sum(0), *((n, lambda g: weight * g) for n in terms))
        if name == "prod":
            backs = [lambda g, i=i: g * np.delete(values, i, 0).prod(0) for i in range(len(terms))]
            return self.record(values.prod(0), *zip(terms, backs))
        if name == "logsumexp":
            e = np.exp(values)
            parents = [(n, lambda g, i=i: g * e[i] / e.sum(0)) for i, n in enumerate(terms)]
            return self.record(np.log(e.sum(0)), *parents)
        best = values.max(0) if name == "max" else values.min(0)
        parents = [(n, lambda g, n=n: g * (n.value == best)) for n in terms]
        return self.record(best, *parents)

    def operation(self, name: str, nodes: list[Node]) -> Node:
        values = [n.value for n in nodes]
        if name in ELEMENTWISE:
            result, *backs = ELEMENTWISE[name](*values)
            parents = [
                (n, lambda g, b=b, n=n: unbroadcast(b(g), n.value.shape))
                for n, b in zip(nodes, backs)
            ]
            rows = [n.row for n in nodes if n.value.ndim == 1]
            return self.record(result, *parents, row=bool(rows) and all(rows))
        if name == "matmul":
            return self.product(*nodes)
        if name == "transpose":
            (a,) = nodes
            return self.record(a.value.T, (a, lambda g: g.T), row=a.value.ndim == 1 and not a.row)
        if name == "concat":
            return self.row_of(nodes)
        result, *backs = SPECIAL[name](*values)
        return self.record(result, *((n, b) for n, b in zip(nodes, backs)))

    def product(self, a: Node, b: Node) -> Node:
        x, y = a.value, b.value
        if x.ndim == 0 or y.ndim == 0:
            return self.operation("multiply", [a, b])
        if x.ndim == 2:
            if y.ndim == 2:
                return self.record(x @ y, (a, lambda g: g @ y.T), (b, lambda g: x.T @ g))
            return self.record(x @ y, (a, lambda g: np.outer(g, y)), (b, lambda g: x.T @ g))
        if y.ndim == 2:
            return self.record(x @ y, (a, lambda g: y @ g), (b, lambda g: np.outer(x, g)), row=True)
        if b.row and not a.row:
            return self.record(np.outer(x, y), (a, lambda g: g @ y), (b, lambda g: g.T @ x))
        return self.record(np.sum(x * y), (a, lambda g: g * y), (b, lambda g: g * x))

    def row_of(self, nodes: list[Node]) -> Node:
        parts = [np.atleast_1d(n.value) for n in nodes]
        ends = np.cumsum([len(p) for p in parts])
        parents = [
            (n, lambda g, s=s, e=e, n=n: g[s:e].reshape(n.value.shape))
            for n, s, e in zip(nodes, [0, *ends], ends)
        ]
        return self.record(np.concatenate(parts), *parents)


def unbroadcast(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of a value that was broadcast to the shape of `g`."""
    g = np.asarray(g, float)
    return g if g.shape == shape else np.full(shape, g.sum())


def _none(g):
    return np.zeros(np.shape(g))


def _nothing(g):
    return 0.0


def _softmax(a):
    e = np.exp(a - a.max())
    return e / e.sum()


def _unary(function, derivative):
    return lambda a: (function(a), lambda g: g * derivative(a))


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _softmax_row(a):
    p = _softmax(a)
    return p, lambda g: p * g - p * np.sum(p * g)


def _log_softmax(a):
    p = _softmax(a)
    return np.log(p), lambda g: g - p * np.sum(g)


def _of_class(loss):
    """A loss for a distribution, for a class as well, which has no gradient."""

    def function(a, y):
        if np.ndim(y):
            return loss(a, y)
        return (*loss(a, (np.arange(len(a)) == y) * 1.0)[:2], _nothing)

    return function


@_of_class
def _cross_entropy(p, y):
    hit = y > 0
    safe = np.where(hit, p, 1)
    return -np.sum(y[hit] * np.log(p[hit])), lambda g: -g * y / safe, lambda g: -g * np.log(p)


@_of_class
def _fused(o, y):
    p = _softmax(o)
    return -np.sum(y * np.log(p)), lambda g: g * (p * y.sum() - y), lambda g: -g * np.log(p)


def _bernoulli(p, y):
    value = -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))
    return value, lambda g: g * (p - y) / (p * (1 - p)), lambda g: g * np.log((1 - p) / p)


def _sigmoid_bernoulli(o, y):
    p = _sigmoid(o)
    return _bernoulli(p, y)[0], lambda g: g * (p - y), lambda g: -g * o


def _part(whole, like, *before):
    start = sum(np.size(b) for b in before)

    def back(g):
        full = np.zeros(whole.shape)
        full[start : start + np.size(like)] = np.ravel(g)
        return full

    return (
        whole[start : start + np.size(like)].reshape(like.shape),
        back,
        *([lambda g: 0.0] * (1 + len(before))),
    )


def _unpart(part, whole, like, *before):
    start = sum(np.size(b) for b in before)
    full = np.zeros(whole.shape)
    full[start : start + np.size(like)] = np.ravel(part)
    return full, lambda g: g[start : start + np.size(like)].reshape(part.shape)


def _at(places):
    """A choice of entries: the gradient goes back to where they were taken from."""

    def function(a, *rest):
        index = places(*(int(r) for r in rest))

        def back(g):
            full = np.zeros(a.shape)
            full[index] += g
            return full

        return (a[index], back, *([_nothing] * len(rest)))

    return function


def _put(part, whole, first, stop):
    full = np.zeros(whole.shape)
    full[int(first) : int(stop)] = part
    return full, lambda g: g[int(first) : int(stop)], _nothing, _nothing, _nothing


def _one_hot(k, like):
    count = len(like) if np.ndim(like) else int(like)
    return (np.arange(count) == k) * 1.0, _nothing, _nothing


def _inverse(a):
    b = np.linalg.inv(a)
    return b, lambda g: -np.einsum("ji,jk,lk->il", b, g, b)


def _solve(a, b):
    back = np.linalg.inv(a)
    x = back @ b
    if b.ndim == 1:
        return x, lambda g: -np.outer(back.T @ g, x), lambda g: back.T @ g
    return x, lambda g: -back.T @ g @ x.T, lambda g: back.T @ g


def _cofactors(a):
    minors = [
        [np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(len(a))]
        for i in range(len(a))
    ]
    return np.array(minors) * (-1.0) ** np.add.outer(np.arange(len(a)), np.arange(len(a)))


def _determinant(a):
    c = _cofactors(a)
    return np.sum(a[0] * c[0]), lambda g: g * c


def _log_determinant(a):
    c = _cofactors(a)
    d = np.sum(a[0] * c[0])
    return np.log(abs(d)), lambda g: g * c / d


def _cumulative_sum(a):
    return np.cumsum(a), lambda g: np.array([g[i:].sum() for i in range(len(a))])


def _cumulative_product(a):
    def entry(g, j):
        rest = [np.delete(a[: i + 1], j).prod() for i in range(j, len(a))]
        return np.sum(g[j:] * rest)

    return np.cumprod(a), lambda g: np.array([entry(g, j) for j in range(len(a))])


def _product(a):
    flat = np.ravel(a)
    rest = np.array([np.delete(flat, i).prod() for i in range(flat.size)]).reshape(a.shape)
    return flat.prod(), lambda g: g * rest


def _normalize(a):
    size = np.sqrt(np.sum(a * a))
    return a / size, lambda g: g / size - a * np.sum(g * a) / size**3


def _normal(a):
    """Distribution function and density of the standard normal distribution."""
    below = np.vectorize(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)))(a)
    return below, np.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)


def _gelu(a):
    below, density = _normal(a)
    return a * below, lambda g: g * (below + a * density)


def _elu(a, size=1.0):
    above, e = a > 0, np.exp(a)
    return (
        np.where(above, a, size * (e - 1)),
        lambda g: g * np.where(above, 1, size * e),
        lambda g: g * np.where(above, 0, e - 1),
    )


def _leaky(a, slope=0.01):
    above = a > 0
    return (
        np.where(above, a, slope * a),
        lambda g: g * np.where(above, 1, slope),
        lambda g: g * np.where(above, 0, a),
    )


def _clip(a, low, high):
    kind = np.where(np.maximum(a, low) > high, 2, np.where(a < low, 1, 0))
    values = np.choose(kind, [a, low, high])
    return (values, *(lambda g, i=i: g * (kind == i) for i in range(3)))


def _compare(test):
    return lambda a, b: (test(a, b).astype(float), _none, _none)


def _pick(test):
    return lambda a, b: (
        np.where(test(a, b), a, b),
        lambda g: g * test(a, b),
        lambda g: g * ~np.asarray(test(a, b)),
    )


def _power(a, b):
    log = np.log(np.where(a > 0, a, 1.0))
    return a**b, lambda g: g * b * a ** (b - 1), lambda g: g * a**b * log


ELEMENTWISE = {
    "add": lambda a, b: (a + b, lambda g: g, lambda g: g),
    "subtract": lambda a, b: (a - b, lambda g: g, lambda g: -g),
    "multiply": lambda a, b: (a * b, lambda g: g * b, lambda g: g * a),
    "divide": lambda a, b: (a / b, lambda g: g / b, lambda g: -g * a / b**2),
    "power": _power,
    "negative": lambda a: (-a, lambda g: -g),
    "exp": _unary(np.exp, np.exp),
    "log": _unary(np.log, lambda a: 1 / a),
    "sqrt": _unary(np.sqrt, lambda a: 0.5 / np.sqrt(a)),
    "abs": _unary(np.abs, np.sign),
    "tanh": _unary(np.tanh, lambda a: 1 / np.cosh(a) ** 2),
    "sigmoid": _unary(_sigmoid, lambda a: _sigmoid(a) * (1 - _sigmoid(a))),
    "log_sigmoid": _unary(lambda a: np.log(_sigmoid(a)), lambda a: _sigmoid(-a)),
    "relu": _unary(lambda a: a * (a > 0), lambda a: 1.0 * (a > 0)),
    "softplus": _unary(lambda a: np.log1p(np.exp(a)), _sigmoid),
    "sin": _unary(np.sin, np.cos),
    "cos": _unary(np.cos, lambda a: -np.sin(a)),
    "tan": _unary(np.tan, lambda a: 1 / np.cos(a) ** 2),
    "arctan": _unary(np.arctan, lambda a: 1 / (1 + a * a)),
    "sinh": _unary(np.sinh, np.cosh),
    "cosh": _unary(np.cosh, np.sinh),
    "log1p": _unary(lambda a: np.log(1 + a), lambda a: 1 / (1 + a)),
    "expm1": _unary(lambda a: np.exp(a) - 1, np.exp),
    "erf": _unary(np.vectorize(math.erf), lambda a: 2 / math.sqrt(math.pi) * np.exp(-a * a)),
    "silu": _unary(lambda a: a * _sigmoid(a), lambda a: _sigmoid(a) * (1 + a * (1 - _sigmoid(a)))),
    "gelu": _gelu,
    "elu": _elu,
    "leaky_relu": _leaky,
    "hard_tanh": _unary(lambda a: np.clip(a, -1, 1), lambda a: (a > -1) & (a < 1)),
    "hard_sigmoid": _unary(
        lambda a: np.clip(a / 6 + 0.5, 0, 1), lambda a: ((a > -3) & (a < 3)) / 6
    ),
    "clip": _clip,
    "floor": _unary(np.floor, np.zeros_like),
    "ceil": _unary(np.ceil, np.zeros_like),
    "round": _unary(np.round, np.zeros_like),
    "mod": lambda a, b: (a - b * np.floor(a / b), lambda g: g, lambda g: -g * np.floor(a / b)),
    "stop_gradient": lambda a, c=1.0: (a + 0 * c, lambda g: np.where(c, 0, g), _none),
    "straight_through": lambda a, b: (a + 0 * b, _none, lambda g: g),
    "sign": _unary(np.sign, np.zeros_like),
    "step": _unary(lambda a: 1.0 * (a > 0), np.zeros_like),
    "minimum": _pick(lambda a, b: a <= b),
    "maximum": _pick(lambda a, b: a >= b),
    "where": lambda c, a, b: (
        np.where(c != 0, a, b),
        _none,
        lambda g: g * (c != 0),
        lambda g: g * (c == 0),
    ),
    "less": _compare(lambda a, b: a < b),
    "less_equal": _compare(lambda a, b: a <= b),
    "greater": _compare(lambda a, b: a > b),
    "greater_equal": _compare(lambda a, b: a >= b),
    "equal": _compare(lambda a, b: a == b),
    "not_equal": _compare(lambda a, b: a != b),
}

SPECIAL = {
    "outer": lambda a, b: (np.outer(a, b), lambda g: g @ b, lambda g: g.T @ a),
    "dot": lambda a, b: (np.sum(a * b), lambda g: g * b, lambda g: g * a),
    "diag": lambda a: (np.diag(a), np.diag),
    "diagonal": lambda a: (np.diag(a), np.diag),
    "sum": lambda a: (np.sum(a), lambda g: np.full(a.shape, g)),
    "mean": lambda a: (np.mean(a), lambda g: np.full(a.shape, g / a.size)),
    "max": lambda a: (np.max(a), lambda g: g * (a == np.max(a))),
    "min": lambda a: (np.min(a), lambda g: g * (a == np.min(a))),
    "prod": _product,
    "normalize": _normalize,
    "identity": lambda a: (np.eye(len(a)), _nothing),
    "norm": lambda a: (np.linalg.norm(a), lambda g: g * a / np.linalg.norm(a)),
    "cumsum": _cumulative_sum,
    "cumprod": _cumulative_product,
    "flip": lambda a: (a[::-1], lambda g: g[::-1]),
    "slice": _at(lambda first, stop: slice(first, stop)),
    "unslice": _put,
    "entry": _at(lambda *k: k),
    "row": _at(lambda k: k),
    "column": _at(lambda k: (slice(None), k)),
    "one_hot": _one_hot,
    "argmax": lambda a: (float(np.argmax(a)), _nothing),
    "argmin": lambda a: (float(np.argmin(a)), _nothing),
    "inv": _inverse,
    "solve": _solve,
    "trace": lambda a: (np.trace(a), lambda g: g * np.eye(len(a))),
    "det": _determinant,
    "logdet": _log_determinant,
    "logsumexp": lambda a: (np.log(np.sum(np.exp(a))), lambda g: g * _softmax(a)),
    "softmax": _softmax_row,
    "log_softmax": _log_softmax,
    "cross_entropy": _cross_entropy,
    "softmax_cross_entropy": _fused,
    "binary_cross_entropy": _bernoulli,
    "sigmoid_cross_entropy": _sigmoid_bernoulli,
    "squared_error": lambda a, y: (
        0.5 * np.sum((a - y) ** 2),
        lambda g: unbroadcast(g * (a - y), a.shape),
        lambda g: unbroadcast(g * (y - a), y.shape),
    ),
    "like": lambda a, b: (
        np.broadcast_to(a, b.shape),
        lambda g: unbroadcast(g, a.shape),
        lambda g: np.zeros(b.shape),
    ),
    "size": lambda a: (float(a.size), lambda g: np.zeros(a.shape)),
    "part": _part,
    "unpart": _unpart,
}
