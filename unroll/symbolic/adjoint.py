"""The adjoint: reverse-mode rules applied to the equations, so that the gradient is a recurrence.

For every equation, the gradient of its left side is pushed down its right side by the rules of the
table; what arrives at a reference `u[t-k]` is a contribution to the gradient of `u`, k steps later.
Lags turn into leads, contributions add up, and "a reference out of its variable's range is zero"
is the starting condition of BPTT (Goodfellow, Bengio & Courville 2016, eq. 10.17-10.28).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

from unroll.errors import UnrollError
from unroll.symbolic.expressions import (
    ONE,
    ZERO,
    Call,
    Expression,
    Index,
    Range,
    Reference,
    call,
    letters,
    references,
    reindex,
)
from unroll.symbolic.extents import is_point, overrides
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.ordering import dependences
from unroll.symbolic.readings import Leaf, Ranges, guarded, letters_in, number, reading, relative
from unroll.symbolic.recurrence import (
    GIVEN,
    INPUT,
    PARAMETER,
    Axis,
    Equation,
    Recurrence,
)
from unroll.symbolic.reverse import Reverse, known, repeats
from unroll.symbolic.shapes import infer, resolve, shape_of
from unroll.symbolic.signatures import Shape
from unroll.symbolic.transformations import class_names, fresh, fuse, targets
from unroll.symbolic.trees import CHILDREN, INVERSE
from unroll.symbolic.zeros import Zeros


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


@dataclass
class Builder:
    """Collects contributions equation by equation; one instance makes one adjoint."""

    forward: Recurrence
    objective: str
    shapes: dict[str, Shape]
    taken: set[str]
    contributions: dict[str, list[Expression]] = field(default_factory=dict)
    auxiliary: list[Equation] = field(default_factory=list)
    owners: dict[str, Equation] = field(default_factory=dict)  # auxiliaries zero where it is not
    names: dict[str, str] = field(default_factory=dict)
    axes: list[Axis] = field(default_factory=list)

    def __post_init__(self) -> None:
        used = (a for name in self.forward.names for a in self.forward.axes_of(name))
        self.axes = list(dict.fromkeys((*self.forward.axes, *used)))
        data = class_names(self.forward)
        self.zeros = Zeros(self.forward, self.names, self.auxiliary, self.owners)
        self.reverse = Reverse(self.shapes, known(self.forward), self.forward.letters, data)

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
        combined = replace(
            self.forward,
            equations=self.forward.equations + tuple(equations),
            axes=tuple(self.axes),
        )
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
        needs: dict[str, list[str]] = {name: [] for name in self.forward.defined}
        for edge in dependences(self.forward):
            if edge.within_step:
                needs[edge.target].append(edge.source)
        return list(TopologicalSorter(needs).static_order())

    def fresh(self, stem: str) -> str:
        name = fresh(stem, self.taken)
        self.taken.add(name)
        return name

    def fresh_letter(self, axis: Axis, taken: Iterable[str]) -> str:
        """Another letter that runs as far as an axis, one that is there already if possible."""
        taken = set(taken)
        for other in self.axes:
            if other.name not in taken and other.length == axis.length:
                return other.name
        letter = next(c for c in "stuvkjmnpqrw" if c not in taken | self.taken)
        self.axes.append(replace(axis, name=letter))
        self.taken.add(letter)
        return letter

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
        self.descend(equation, equation.expression, start, (), leaves)
        for reference, bound in dict.fromkeys(leaf.end for leaf in leaves):
            same = [leaf.gradient for leaf in leaves if leaf.end == (reference, bound)]
            self.arrive(equation, Leaf(reference, _total(same), bound))

    def moving(self, equation: Equation) -> Equation:
        """An equation at one point of an axis as one over the axis that starts and stops there."""
        for position, axis in enumerate(self.forward.axes_of(equation.name)):
            index = equation.target.indices[position]
            if index.base in self.forward.letters:
                continue
            indices = list(equation.target.indices)
            indices[position] = Index(axis.name)
            equation = replace(
                equation,
                target=replace(equation.target, indices=tuple(indices)),
                expression=relative(self.forward, equation.expression, index, axis),
                ranges=(*equation.ranges, Range(axis.name, index, index)),
            )
        return equation

    def descend(
        self,
        equation: Equation,
        node: Expression,
        gradient: Expression,
        bound: Ranges,
        leaves: list[Leaf],
    ) -> None:
        """Reverse mode inside one expression: each argument gets its share by the table's rule."""
        if isinstance(node, Reference):
            if node.name in self.names:
                leaves.append(Leaf(node, self.reverse.shaped(gradient, node), bound))
            return
        if not isinstance(node, Call) or not any(r.name in self.names for r in references(node)):
            return
        result: Expression = node
        if node == equation.expression:
            result = equation.target
        if node.bound is not None:
            if not keeps_axis(node):
                gradient, bound = self.totalled(equation, node.bound, gradient, bound)
            elif not equation.range(node.bound.axis).is_whole:
                result = node
            bound = (*(r for r in bound if r.axis != node.over), node.bound)
        for argument, share in zip(node.arguments, self.reverse.shares(node, gradient, result)):
            if share == ZERO or not any(r.name in self.names for r in references(argument)):
                continue
            if self.worth_sharing(argument, share):
                share = self.share(equation, share, bound)
            self.descend(equation, argument, share, bound, leaves)

    def totalled(
        self, equation: Equation, within: Range, gradient: Expression, bound: Ranges
    ) -> tuple[Expression, Ranges]:
        """A reduction over a letter that is free around it is one total for all of its steps:
        what they send back adds up.

        Ranges that end at that letter become conditions of what is added up.
        """
        around = {*self.forward.letters_of(equation), *(r.axis for r in bound)}
        if within.axis not in around:
            return gradient, bound
        for ended in (r for r in bound if within.axis in letters_in(r)):
            gradient = guarded(gradient, ended)
        bound = tuple(Range(r.axis) if within.axis in letters_in(r) else r for r in bound)
        own = next((r for r in bound if r.axis == within.axis), equation.range(within.axis))
        limits = None if self.zeros.vanishes(gradient, own) else own
        total = call("sum", gradient, over=within.axis, limits=limits)
        return self.share(equation, total, bound, without=within.axis), bound

    def worth_sharing(self, argument: Expression, share: Expression) -> bool:
        """A factor that several references will need is computed once, if it takes computing."""
        uses = sum(r.name in self.names for r in references(argument))
        while isinstance(share, Call) and (len(share.arguments) == 1 or repeats(share)):
            if share.over is not None:
                break
            share = share.arguments[0]
        needed = isinstance(argument, Call) and uses > 1
        return needed and isinstance(share, Call) and any(references(share))

    def share(
        self,
        equation: Equation,
        value: Expression,
        bound: Ranges,
        keep: Iterable[str] = (),
        without: str = "",
    ) -> Reference:
        """An auxiliary variable for a factor, over the range of the equation it belongs to.

        keep: letters of reductions that it has in any case; without: a letter that it has not.
        """
        free = letters(value) | {*keep}
        inner = [r for r in bound if r.axis in free and r.axis != without]
        own = [i for i in equation.target.indices
               if i.base != without and i.base not in {r.axis for r in inner}]  # fmt: skip
        indices = (*own, *(Index(r.axis) for r in inner))
        name = self.fresh(f"delta_{equation.name}")
        target = Reference(name, indices)
        self.shapes[name] = shape_of(value, self.shapes).shape
        ranges = tuple(r for r in equation.ranges if Index(r.axis) in own)
        for within in inner:
            if letters_in(within) & set(self.forward.letters):
                value = guarded(value, within)
            elif not within.is_whole:
                ranges += (within,)
        self.auxiliary.append(Equation(target, value, ranges))
        if without or len(own) < len(equation.target.indices):
            return target
        self.owners[name] = equation
        for other in self.forward.equations_of(equation.name):
            if overrides(self.forward, other, equation):
                place = (*other.target.indices, *(Index(r.axis) for r in inner))
                zero = Equation(replace(target, indices=place), ZERO, other.ranges)
                self.auxiliary.append(zero)
        return target

    # --- one contribution -------------------------------------------------------

    def arrive(self, equation: Equation, leaf: Leaf) -> None:
        """Add what one equation sends to one reference to the gradient of its name.

        Where a letter of the equation indexes the reference, the gradient is read at the step that
        the reference came from; over all other letters it is summed.
        """
        reference, gradient = leaf.reference, leaf.gradient
        axes = self.forward.axes_of(reference.name)
        scope = {i.base: equation.range(i.base) for i in equation.target.indices}
        scope |= {r.axis: r for r in leaf.bound}
        read = reading(self.forward, reference, scope)
        places = read.places
        if self.must_share(equation, leaf, places):
            keep = {letter for letter in places if letter in {r.axis for r in leaf.bound}}
            gradient = self.share(equation, gradient, leaf.bound, keep)
        gradient, summed = self.limited(gradient, {**scope, **read.below}, places)
        names = self.renamed(summed, axes, places)
        moves = {**places, **{r.axis: Index(names[r.axis]) for r in summed}}
        for within in reversed(summed):
            if is_point(within):
                assert within.start is not None
                moves[within.axis] = within.start
        gradient = reindex(gradient, moves)
        for first, second in read.equal:
            gradient = call("where", call("equal", number(first), number(second)), gradient, ZERO)
        for within in reversed(summed):
            if not is_point(within):
                letter = names[within.axis]
                moved = within if within.axis in read.below else within.at(moves)
                limits = None if moved.is_whole else replace(moved, axis=letter)
                gradient = call("sum", gradient, over=letter, limits=limits)
        terms = self.contributions.setdefault(reference.name, [])
        if all(self.forward.extent(reference.name)[p] == (i, i) for p, i in read.fixed.items()):
            terms.append(gradient)  # at the only point there is
            return
        here = tuple(Index(a.name) for a in axes)
        pulse = Reference(self.fresh(f"delta_{reference.name}"), here)
        self.shapes[pulse.name] = self.shapes[reference.name]
        target = replace(pulse, indices=tuple(read.fixed.get(p, i) for p, i in enumerate(here)))
        self.auxiliary.append(Equation(target, gradient))
        terms.append(pulse)

    def limited(
        self, gradient: Expression, scope: Mapping[str, Range], places: dict[str, Index]
    ) -> tuple[Expression, list[Range]]:
        """The ranges over which a gradient is summed, and the gradient without what is excluded.

        A range may depend on another letter: `s < t` says as much of t as of s, and a child is
        summed over where its node is known, a node known where its child is.
        """
        for letter, within in scope.items():
            if within.parent is not None and letter in places:
                above = within.parent.base
                if above in places:
                    raise UnrollError(f"{letter} in {within.parent} cannot be differentiated here")
                places[above] = Index(places[letter].base, 0, INVERSE[CHILDREN])
        summed = {
            letter: within if self.zeros.matters(gradient, within) else Range(letter)
            for letter, within in scope.items()
            if letter not in places
        }
        for letter, within in scope.items():
            if letter not in places or not letters_in(within) & set(scope):
                continue
            for end, is_start in ((within.start, True), (within.stop, False)):
                other = summed.get(end.base) if end is not None else None
                if end is None or end.base not in scope:
                    continue
                limit = Index(letter, -end.offset)
                if other is not None and is_start and other.stop is None:
                    summed[end.base] = replace(other, stop=limit)
                elif other is not None and not is_start and other.start is None:
                    summed[end.base] = replace(other, start=limit)
                else:
                    gradient = guarded(gradient, within)
                    break
        return gradient, list(summed.values())

    def renamed(
        self, summed: list[Range], axes: tuple[Axis, ...], places: Mapping[str, Index]
    ) -> dict[str, str]:
        """Letters for sums: another one where the gradient is indexed by the same letter."""
        free = {a.name for a in axes}
        names = {r.axis: r.axis for r in summed}
        for within in summed:
            if within.axis in free:
                partners = [k for k, to in places.items() if to.base == within.axis]
                partner = next((k for k in partners if k not in free | {*names.values()}), None)
                if partner is None:
                    axis = self.forward.letters[within.axis]
                    partner = self.fresh_letter(axis, free | {*names.values()})
                names[within.axis] = partner
        return names

    def must_share(self, equation: Equation, leaf: Leaf, places: Mapping[str, Index]) -> bool:
        """Whether a term would be read where it may not: it needs a variable that is zero there."""
        shifted = any(to.offset or to.via for to in places.values())
        if shifted and not self.zeros.safe(leaf.gradient):
            return True
        return self.zeros.leaks(equation, leaf, places)

    # --- one gradient -----------------------------------------------------------

    def equation(self, name: str) -> Equation:
        """The equation of a gradient: the sum of what arrived, over its variable's range."""
        terms = sorted(self.contributions.get(name, []), key=self.lead, reverse=True)
        value = self.reverse.tidy(_total(terms))
        indices: list[Index] = []
        ranges: list[Range] = []
        for axis, ends in zip(self.forward.axes_of(name), self.forward.extent(name)):
            if ends[0] == ends[1]:
                value = reindex(value, {axis.name: ends[0]})
                indices.append(ends[0])
                continue
            indices.append(Index(axis.name))
            if ends != axis.ends:
                start, stop = (end if end != whole else None for end, whole in zip(ends, axis.ends))
                ranges.append(Range(axis.name, start, stop))
        return Equation(Reference(self.names[name], tuple(indices)), value, tuple(ranges))

    def lead(self, term: Expression) -> int:
        """How far a term reaches ahead: what comes back through time is written first."""
        offsets = (i.offset for r in references(term) for i in r.indices
                   if i.base in self.forward.letters)  # fmt: skip
        return max(offsets, default=0)


def _total(terms: list[Expression]) -> Expression:
    if not terms:
        return ZERO
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def keeps_axis(node: Call) -> bool:
    """Whether a call over an axis has a value at every step, as a softmax over time."""
    row = OPERATIONS.get(node.operation)
    return node.over is not None and row is not None and row.keeps
