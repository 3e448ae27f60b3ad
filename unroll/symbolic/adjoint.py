"""The adjoint: reverse-mode rules applied to the equations, so that the gradient is a recurrence.

For every equation, the gradient of its left side is pushed down its right side by the rules of the
table; what arrives at a reference `u[t-k]` is a contribution to the gradient of `u`, k steps later.
Lags turn into leads, contributions add up, and "a reference out of its variable's range is zero"
is the starting condition of BPTT (Goodfellow, Bengio & Courville 2016, eq. 10.17-10.28).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

from unroll.errors import UnrollError
from unroll.symbolic.expressions import (
    ONE,
    ZERO,
    Call,
    Expression,
    Index,
    Reference,
    call,
    rebuild,
    references,
    reindex,
)
from unroll.symbolic.extents import extent, is_point, lagged, order, overrides, range_of
from unroll.symbolic.recurrence import GIVEN, INPUT, PARAMETER, Equation, Recurrence
from unroll.symbolic.reverse import Reverse, known, repeats
from unroll.symbolic.shapes import infer, resolve, shape_of
from unroll.symbolic.signatures import Shape
from unroll.symbolic.transformations import fresh, fuse, targets


@dataclass(frozen=True)
class Adjoint:
    """A recurrence with its gradients.

    recurrence: the forward equations, products told apart, then the gradient equations, in the
    order in which BPTT needs them; gradients: name -> name of its gradient (`grad_h`);
    auxiliaries: names of shared factors (`delta_h`), which are neither; shapes: of all names.
    """

    recurrence: Recurrence
    gradients: Mapping[str, str]
    auxiliaries: tuple[str, ...]
    objective: str
    shapes: Mapping[str, Shape]

    @property
    def forward(self) -> tuple[Equation, ...]:
        """The equations that were differentiated."""
        new = {*self.gradients.values(), *self.auxiliaries}
        return tuple(e for e in self.recurrence.equations if e.name not in new)


def differentiate(
    recurrence: Recurrence,
    of: str | None = None,
    shapes: Mapping[str, Shape] | None = None,
) -> Adjoint:
    """Gradient of an objective by every parameter, input, initial value and variable it depends on.

    of: the objective (default: `Recurrence.objective`); an indexed one stands for its sum.
    shapes: value shapes by name (default: inferred).
    Raises UnrollError where there is no objective, or it is no scalar.
    """
    objective = recurrence.objective(of)
    if objective is None:
        raise UnrollError(
            "there is nothing to differentiate: the recurrence has no objective",
            remedy='Add an equation such as J = sum(L[t], t), or name a variable with of="...".',
        )
    shapes = dict(infer(recurrence) if shapes is None else shapes)
    if shapes.get(objective):
        raise UnrollError(
            f"the objective {objective} is not a number",
            remedy="A gradient needs a scalar: sum it, as in J = sum(sum(o[t]), t).",
        )
    forward = fuse(resolve(recurrence, shapes))
    builder = Builder(forward, objective, shapes, set(forward.names))
    return builder.build()


@dataclass(frozen=True, slots=True)
class Leaf:
    """What arrives at a reference: its gradient along one path, with t free.

    ranged: whether t runs there, in the equation or in a reduction; reduced: in a reduction.
    """

    reference: Reference
    gradient: Expression
    ranged: bool
    reduced: bool

    @property
    def place(self) -> tuple[Reference, bool, bool]:
        return self.reference, self.ranged, self.reduced


@dataclass
class Builder:
    """Collects contributions equation by equation; one instance makes one adjoint."""

    forward: Recurrence
    objective: str
    shapes: dict[str, Shape]
    taken: set[str]
    contributions: dict[str, list[Expression]] = field(default_factory=dict)
    auxiliary: list[Equation] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        length = Reference(self.forward.axes[0].length)
        self.reverse = Reverse(self.shapes, known(self.forward), length)

    @property
    def t(self) -> Index:
        return Index(self.forward.axes[0].name)

    def build(self) -> Adjoint:
        order = self.backward_order()
        for name in order:
            self.names[name] = self.fresh(f"grad_{name}")
            self.shapes[self.names[name]] = self.shapes[name]
        self.contributions[self.objective] = [ONE]
        for name in order:
            for equation in self.forward.equations_of(name):
                self.push(equation)
        variables = [n for n in order if n in self.forward.defined]
        leaves = [n for n in order if n not in self.forward.defined]
        equations = [self.equation(n) for n in variables]
        equations += self.auxiliary
        equations += [self.equation(n) for n in leaves]
        gradients = {n: self.names[n] for n in order}
        combined = replace(self.forward, equations=self.forward.equations + tuple(equations))
        auxiliaries = tuple(dict.fromkeys(e.name for e in self.auxiliary))
        return Adjoint(combined, gradients, auxiliaries, self.objective, self.shapes)

    def backward_order(self) -> list[str]:
        """Variables the objective depends on, users first; then inputs and parameters."""
        active = {self.objective}
        todo = [self.objective]
        while todo:
            for equation in self.forward.equations_of(todo.pop()):
                for r in references(equation.expression):
                    if r.name in self.forward.names and r.name not in active:
                        active.add(r.name)
                        todo.append(r.name)
        order = [n for n in reversed(self.same_step_order()) if n in active]
        data = targets(self.forward)
        leaves = [n for n in self.forward.names if self.forward.role(n) in (INPUT, PARAMETER)]
        return order + [n for n in leaves if n not in data]

    def same_step_order(self) -> list[str]:
        """Variables with what they need in the same step before them."""
        needs = {
            name: [
                r.name
                for e in self.forward.equations_of(name)
                for r in references(e.expression)
                if r.name in self.forward.defined and not lagged(e, r)
            ]
            for name in self.forward.defined
        }
        return list(TopologicalSorter(needs).static_order())

    def fresh(self, stem: str) -> str:
        name = fresh(stem, self.taken)
        self.taken.add(name)
        return name

    # --- one equation -----------------------------------------------------------

    def push(self, equation: Equation) -> None:
        """Distribute the gradient of an equation's left side over its right side."""
        if equation.expression == GIVEN:
            return
        equation = self.moving(equation)
        gradient = Reference(self.names[equation.name], equation.target.indices)
        start: Expression = gradient
        settled = equation.name not in self.forward.states
        if settled and self.contributions.get(equation.name) == [ONE]:
            start = ONE
        leaves: list[Leaf] = []
        self.descend(equation, equation.expression, start, False, leaves)
        for place in dict.fromkeys(leaf.place for leaf in leaves):
            total = _total([leaf.gradient for leaf in leaves if leaf.place == place])
            self.arrive(equation, Leaf(place[0], total, *place[1:]))

    def moving(self, equation: Equation) -> Equation:
        """An equation at one point as one over the axis that starts and stops there."""
        index = equation.index
        if index is None or index.base == self.t.base:
            return equation

        def change(node: Expression) -> Expression:
            if isinstance(node, Reference) and node.indices and node.indices[0].base == index.base:
                return replace(node, indices=(self.t.shift(node.indices[0].offset - index.offset),))
            return node

        target = replace(equation.target, indices=(self.t,))
        expression = rebuild(equation.expression, change)
        return replace(equation, target=target, expression=expression, start=index, stop=index)

    def descend(
        self,
        equation: Equation,
        node: Expression,
        gradient: Expression,
        reduced: bool,
        leaves: list[Leaf],
    ) -> None:
        """Reverse mode inside one expression: each argument gets its share by the table's rule."""
        ranged = reduced or equation.index is not None
        if isinstance(node, Reference):
            if node.name in self.names:
                leaves.append(Leaf(node, self.reverse.shaped(gradient, node), ranged, reduced))
            return
        if not isinstance(node, Call) or not any(r.name in self.names for r in references(node)):
            return
        if node.over is not None and ranged:  # one total for all steps: what they send back adds up
            gradient = self.share(None, call("sum", gradient, over=self.t.base), equation.name)
        result: Expression = node
        if node == equation.expression:
            result = equation.target
        for argument, share in zip(node.arguments, self.reverse.shares(node, gradient, result)):
            if share == ZERO or not any(r.name in self.names for r in references(argument)):
                continue
            inside = reduced or node.over is not None
            if self.worth_sharing(argument, share):
                within = equation if inside or equation.index is not None else None
                share = self.share(within, share, equation.name)
            self.descend(equation, argument, share, inside, leaves)

    def worth_sharing(self, argument: Expression, share: Expression) -> bool:
        """A factor that several references will need is computed once, if it takes computing."""
        uses = sum(r.name in self.names for r in references(argument))
        while isinstance(share, Call) and (len(share.arguments) == 1 or repeats(share)):
            share = share.arguments[0]
        needed = isinstance(argument, Call) and uses > 1
        return needed and isinstance(share, Call) and any(references(share))

    def share(self, equation: Equation | None, value: Expression, name: str) -> Reference:
        """An auxiliary variable for a factor, over the range of the equation it belongs to."""
        target = Reference(self.fresh(f"delta_{name}"), (self.t,) if equation else ())
        self.shapes[target.name] = shape_of(value, self.shapes).shape
        if equation is None:
            self.auxiliary.append(Equation(target, value))
            return target
        self.auxiliary.append(Equation(target, value, equation.start, equation.stop))
        for other in self.forward.equations_of(equation.name):
            if overrides(self.forward, other, equation):
                index = other.index
                assert index is not None
                zero = Equation(replace(target, indices=(index,)), ZERO, other.start, other.stop)
                self.auxiliary.append(zero)
        return target

    # --- one contribution -------------------------------------------------------

    def arrive(self, equation: Equation, leaf: Leaf) -> None:
        """Add what one equation sends to one reference to the gradient of its name."""
        reference, gradient, ranged = leaf.reference, leaf.gradient, leaf.ranged
        terms = self.contributions.setdefault(reference.name, [])
        index = reference.indices[0] if reference.indices else None
        moving = index is not None and index.base == self.t.base
        at_point = is_point(equation) and not leaf.reduced and not moving
        if ranged and not at_point and self.leaks(equation, leaf):
            gradient = self.share(equation, gradient, equation.name)
        if ranged and index is not None and moving:
            if index.offset and not self.safe(gradient):
                gradient = self.share(equation, gradient, equation.name)
            terms.append(reindex(gradient, self.t.base, self.t.shift(-index.offset)))
            return
        if ranged:
            gradient = self.gathered(equation, leaf, gradient)
        if index is None or extent(self.forward, reference.name) == (index, index):
            terms.append(gradient)  # without an axis, or at the only point there is
            return
        pulse = Reference(self.fresh(f"delta_{reference.name}"), (self.t,))
        self.shapes[pulse.name] = self.shapes[reference.name]
        self.auxiliary.append(Equation(replace(pulse, indices=(index,)), gradient))
        terms.append(pulse)

    def gathered(self, equation: Equation, leaf: Leaf, gradient: Expression) -> Expression:
        """The sum over the equation's range; at one point, just what is there."""
        if is_point(equation) and not leaf.reduced:
            assert equation.start is not None
            return reindex(gradient, self.t.base, equation.start)
        return call("sum", gradient, over=self.t.base)

    def leaks(self, equation: Equation, leaf: Leaf) -> bool:
        """Whether a term would be read at a step where its equation does not hold, and not be zero.

        It is zero there if it has a gradient or an auxiliary as a factor that ends no later.
        """
        factors = [r.name for r in references(leaf.gradient) if r.indices]
        equations = self.forward.equations_of(equation.name)
        if not leaf.reduced and any(overrides(self.forward, e, equation) for e in equations):
            own = {e.name for e in self.auxiliary if e.start == equation.start}
            return not own.intersection(factors)
        axis = self.forward.axes[0]
        whole = (axis.first, axis.last)
        first, last = whole if leaf.reduced else range_of(self.forward, equation)
        index = leaf.reference.indices[0] if leaf.reference.indices else None
        moving = index is not None and index.base == self.t.base
        read = self.reach(leaf.reference.name) if moving else whole
        shift = -index.offset if index is not None and moving else 0
        ranges = [self.reach(self.gradient_of(name) or name) for name in factors]
        before = order(read[0].shift(shift)) < order(first)
        after = order(read[1].shift(shift)) > order(last)
        starts = any(order(r[0]) >= order(first) for r in ranges)
        stops = any(order(r[1]) <= order(last) for r in ranges)
        return (before and not starts) or (after and not stops)

    def gradient_of(self, name: str) -> str | None:
        """The variable whose gradient goes by a name."""
        return next((n for n, g in self.names.items() if g == name), None)

    def reach(self, name: str) -> tuple[Index, Index]:
        """First and last index at which a variable, or an auxiliary, exists."""
        axis = self.forward.axes[0]
        for made in self.auxiliary:
            if made.name == name and made.index is not None:
                if made.index.base != axis.name:
                    return made.index, made.index
                return made.start or axis.first, made.stop or axis.last
        return extent(self.forward, name)

    def safe(self, gradient: Expression) -> bool:
        """Whether a term can be shifted: zero times parameters out of range, and nothing else.

        A factor such as 1/x[t+1] would be read out of range, and 0 times infinity is not 0.
        """
        moving = [r for r in references(gradient) if r.indices]
        new = {*self.names.values(), *(e.name for e in self.auxiliary)}
        return len(moving) <= 1 and all(r.name in new for r in moving)

    # --- one gradient -----------------------------------------------------------

    def equation(self, name: str) -> Equation:
        """The equation of a gradient: the sum of what arrived, over its variable's range."""
        terms = sorted(self.contributions.get(name, []), key=self.lead, reverse=True)
        value = self.reverse.tidy(_total(terms))
        gradient = self.names[name]
        if self.forward.axis_of(name) is None:
            return Equation(Reference(gradient), value)
        start, stop = extent(self.forward, name)
        if start == stop:
            target = Reference(gradient, (start,))
            return Equation(target, reindex(value, self.t.base, start))
        axis = self.forward.axes[0]
        if (start, stop) == (axis.first, axis.last):
            return Equation(Reference(gradient, (self.t,)), value)
        return Equation(Reference(gradient, (self.t,)), value, start, stop)

    def lead(self, term: Expression) -> int:
        """How far a term reaches ahead: what comes back through time is written first."""
        offsets = (i.offset for r in references(term) for i in r.indices if i.base == self.t.base)
        return max(offsets, default=0)


def _total(terms: list[Expression]) -> Expression:
    if not terms:
        return ZERO
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
