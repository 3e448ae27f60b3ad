"""The folded graph: one node a variable, one edge a reference, a lag where it reaches back in time.

Parameters are no nodes unless that is asked for: those that multiply a reference become the label of
its edge. The graph's size does not depend on the number of steps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import networkx as nx

from unroll.language.printer import format_expression
from unroll.language.signs import sign_latex
from unroll.symbolic.expressions import (
    ONE,
    ZERO,
    Call,
    Constant,
    Expression,
    Index,
    Range,
    Reference,
    references,
    substitute,
    walk,
)
from unroll.symbolic.local import local_derivatives
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import (
    INPUT,
    OPERATION,
    PARAMETER,
    Axis,
    Bounds,
    Recurrence,
)
from unroll.symbolic.signatures import Shape
from unroll.symbolic.simplification import simplify
from unroll.symbolic.trees import CHILDREN


@dataclass(frozen=True, slots=True)
class Variable:
    """A node.

    role: `Recurrence.role`. axes: letters of the axes it lives on. ranges: where it exists, each with
    (first, last) for every axis; () without an axis.
    function: name of the opaque function that makes it, as the book's `f`. sign: LaTeX of the
    operation that makes it, where every operation is a node. made: whether it stands for nothing
    but that operation, and for no variable of the text.
    """

    name: str
    role: str
    axes: tuple[str, ...] = ()
    ranges: tuple[Bounds, ...] = ()
    function: str | None = None
    sign: str | None = None
    made: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """An edge: `target` needs `source`.

    at: indices of the source as the equation writes them (`t-1`, `tau`, `0`).
    to: indices of the target (`t`, `tau`).
    within: first and last of each index of the target for which this holds.
    factors: parameter expressions that multiply the source, one a product (`W`).
    backward: what multiplies the gradient on the way back, one a factor (`W.T`).
    local: whether `backward` is the whole local derivative, () where that has no closed form.
    over: where letters of `at` run that a reduction binds.
    cut: a number that is not zero where no gradient goes back along it; None where it always does.
    """

    source: str
    target: str
    at: tuple[Index, ...] = ()
    to: tuple[Index, ...] = ()
    within: Bounds = ()
    factors: tuple[Expression, ...] = ()
    backward: tuple[Expression, ...] = ()
    over: tuple[Range, ...] = ()
    cut: Expression | None = None
    local: bool = False

    def is_cut(self, steps: Mapping[str, int]) -> bool:
        """Whether no gradient goes back along it. steps: what letters and lengths stand for."""
        if self.cut is None:
            return False
        known = substitute(self.cut, lambda r: Constant(steps[str(r)]) if str(r) in steps else None)
        number = simplify(known)
        return isinstance(number, Constant) and number.value != 0

    @property
    def lags(self) -> tuple[int | None, ...]:
        """How many steps back the source lies along each of its indices.

        None where an index does not move together with one of the target's.
        """
        bound = {r.axis for r in self.over}
        one = len(self.to) == len(self.at) == 1
        own = {i.base: i.offset for i in self.to if i.base not in bound and (i.base or one)}
        return tuple(
            None if i.via or i.base not in own else own[i.base] - i.offset for i in self.at
        )

    @property
    def lag(self) -> int | None:
        """`lags` of a source on one axis; on several, None where they are not all the same step."""
        lags = self.lags
        if len(lags) == 1:
            return lags[0]
        return 0 if lags and not any(lag != 0 for lag in lags) else None

    @property
    def via(self) -> str:
        """Which neighbours on a tree the source is read at: left, right, parent, children; or ""."""
        if any(r.parent is not None for r in self.over):
            return CHILDREN
        return next((i.via for i in self.at if i.via), "")

    @property
    def label(self) -> str:
        """The factors in canonical text, as in `W`."""
        return ", ".join(format_expression(f) for f in self.factors)


class FoldedGraph(nx.MultiDiGraph):  # type: ignore[misc]
    """A networkx multigraph whose nodes carry a `Variable` and whose edges carry a `Link`.

    Two are equal when their variables and links are.
    """

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, time first."""
        axes: tuple[Axis, ...] = self.graph["axes"]
        return axes

    @property
    def axis(self) -> str:
        """The letter of the time axis."""
        return self.axes[0].name

    @property
    def length(self) -> str:
        """Name (or number) of the axis' length, as in `tau`."""
        return self.axes[0].length

    @property
    def variables(self) -> tuple[Variable, ...]:
        return tuple(data["variable"] for _, data in self.nodes(data=True))

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple(data["link"] for _, _, data in self.edges(data=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FoldedGraph):
            return NotImplemented
        return set(self.variables) == set(other.variables) and set(self.links) == set(other.links)

    __hash__ = nx.MultiDiGraph.__hash__


def build(
    variables: tuple[Variable, ...], links: tuple[Link, ...], axes: tuple[Axis, ...]
) -> FoldedGraph:
    """The graph of these variables and links, in this order."""
    graph = FoldedGraph(axes=axes)
    for variable in variables:
        graph.add_node(variable.name, variable=variable, role=variable.role)
    for link in links:
        data = {"link": link, "lag": link.lag, "label": link.label}
        graph.add_edge(link.source, link.target, **data)
    nx.freeze(graph)
    return graph


def fold(recurrence: Recurrence, shown: Collection[str] = ()) -> FoldedGraph:
    """The folded graph (the book's circuit) of a recurrence. shown: parameters that are nodes."""
    links = merge(links_of(recurrence, shown))
    variables = tuple(
        Variable(
            name,
            recurrence.role(name),
            tuple(a.name for a in recurrence.axes_of(name)),
            _ranges(recurrence, name, links),
            _function(recurrence, name),
            _sign(recurrence, name, shown),
            (name, OPERATION) in recurrence.overrides,
        )
        for name in recurrence.names
        if not _is_parameter(recurrence, name, shown)
    )
    return build(variables, links, recurrence.axes)


def links_of(recurrence: Recurrence, shown: Collection[str] = ()) -> Iterator[Link]:
    """One link a reference, in the order of the text."""
    for equation in recurrence.equations:
        uses = _uses(recurrence, equation.expression, shown)
        for reference, factor, backward, over, cut in uses:
            yield Link(
                source=reference.name,
                target=equation.name,
                at=reference.indices,
                to=equation.target.indices,
                within=recurrence.bounds(equation),
                factors=(factor,) if factor is not None else (),
                backward=(backward,) if backward is not None else (),
                over=over,
                cut=cut,
            )


def with_derivatives(
    graph: FoldedGraph, recurrence: Recurrence, shapes: Mapping[str, Shape]
) -> FoldedGraph:
    """The graph of a recurrence with its local derivatives on the way back, where there is one.

    shapes: of the recurrence's names.
    """
    found: dict[tuple[object, ...], Expression | None] = {}
    for (position, reference), factor in local_derivatives(recurrence, shapes).items():
        equation = recurrence.equations[position]
        bounds, target = recurrence.bounds(equation), equation.target
        found[target, bounds, reference] = factor
    links = []
    for link in graph.links:
        ends = Reference(link.target, link.to), link.within, Reference(link.source, link.at)
        if ends in found:
            factor = found[ends]
            link = replace(link, backward=() if factor is None else (factor,), local=True)
        links.append(link)
    return build(graph.variables, tuple(links), graph.axes)


def merge(links: Iterator[Link]) -> tuple[Link, ...]:
    """Links that differ in their factors only, as one with all of them."""
    merged: dict[Link, Link] = {}
    for link in links:
        key = replace(link, factors=(), backward=())
        old = merged.get(key, key)
        if link.factors and link.factors[0] not in old.factors:
            factors, backward = old.factors + link.factors, old.backward + link.backward
            old = replace(old, factors=factors, backward=backward)
        merged[key] = old
    return tuple(merged.values())


_Use = tuple[Reference, Expression | None, Expression | None, tuple[Range, ...], Expression | None]


def _uses(
    recurrence: Recurrence,
    node: Expression,
    shown: Collection[str],
    over: tuple[Range, ...] = (),
) -> Iterator[_Use]:
    """References to what is a node, each with the parameters that multiply it."""
    if isinstance(node, Reference):
        if node.name in recurrence.names and not _is_parameter(recurrence, node.name, shown):
            letters = {i.base for i in node.indices}
            yield node, None, None, tuple(r for r in over if r.axis in letters), None
    elif isinstance(node, Call):
        if node.bound is not None:
            over = (*(r for r in over if r.axis != node.over), node.bound)
        for position, argument in enumerate(node.arguments):
            stopped = _stopped(node, position)
            uses = _uses(recurrence, argument, shown, over)
            for reference, factor, backward, inner, cut in uses:
                if _is_chain(argument, factor):
                    own, back = _weight(recurrence, node, position, shown)
                    factor, backward = _compose(own, factor), _compose(backward, back)
                yield reference, factor, backward, inner, stopped or cut


def _stopped(node: Call, position: int) -> Expression | None:
    """Where an operation that stops gradients on purpose sends none to its argument: a number that
    is not zero there; None for any other."""
    row = OPERATIONS.get(node.operation)
    if row is None or position not in row.detached:
        return None
    share = row.gradient(Reference("gradient"), node, *node.arguments)[position]
    if isinstance(share, Call) and len(share.arguments) == 3 and share.arguments[1] == ZERO:
        return share.arguments[0]
    return ONE if share == ZERO else None


def _is_chain(argument: Expression, factor: Expression | None) -> bool:
    """Whether a factor found inside the argument may still grow: products of products do."""
    if factor is None:
        return True
    row = OPERATIONS.get(argument.operation) if isinstance(argument, Call) else None
    return row is not None and row.product


def _weight(
    recurrence: Recurrence, node: Call, position: int, shown: Collection[str]
) -> tuple[Expression | None, Expression | None]:
    """What a product multiplies its argument by, if parameters only; and the same backwards."""
    row = OPERATIONS.get(node.operation)
    if row is None or not row.product:
        return None, None
    factor = node.arguments[1 - position]
    names = {r.name for r in references(factor)}
    if not names or not all(_is_parameter(recurrence, n, shown) for n in names):
        return None, None
    g = Reference("gradient")
    rule = row.gradient(g, node, *node.arguments)[position]
    backward = [a for a in rule.arguments if a != g] if isinstance(rule, Call) else []
    return factor, backward[0] if backward else factor


def _is_parameter(recurrence: Recurrence, name: str, shown: Collection[str]) -> bool:
    """Whether a name is a parameter that labels edges."""
    if name in shown or name not in recurrence.names:
        return False
    return recurrence.role(name) == PARAMETER


def _compose(outer: Expression | None, inner: Expression | None) -> Expression | None:
    if outer is None or inner is None:
        return outer if inner is None else inner
    return outer @ inner


def _function(recurrence: Recurrence, name: str) -> str | None:
    """The opaque function that makes a variable of the text."""
    if (name, OPERATION) in recurrence.overrides:
        return None
    for equation in recurrence.equations_of(name):
        for node in walk(equation.expression):
            if isinstance(node, Call) and node.operation in recurrence.functions:
                return node.operation
    return None


def _sign(recurrence: Recurrence, name: str, shown: Collection[str]) -> str | None:
    """The one operation that makes a name, after `expand`."""
    equations = recurrence.equations_of(name)
    if len(equations) != 1 or OPERATION not in dict(recurrence.overrides).values():
        return None
    expression = equations[0].expression
    if not isinstance(expression, Call) or _function(recurrence, name):
        return None
    return sign_latex(expression, lambda n: not _is_parameter(recurrence, n, shown))


def _ranges(recurrence: Recurrence, name: str, links: tuple[Link, ...]) -> tuple[Bounds, ...]:
    """Where a variable is defined; for an input, where it is used."""
    axes = recurrence.axes_of(name)
    if not axes:
        return ()
    if recurrence.role(name) != INPUT:
        bounds = (recurrence.bounds(e) for e in recurrence.equations_of(name))
        return tuple(dict.fromkeys(bounds))
    whole = recurrence.extent(name)
    found: dict[Bounds, None] = {}
    for link in links:
        if link.source == name:
            moving = [i.base in recurrence.letters for i in link.at]
            found[tuple(all_ if m else (i, i) for m, i, all_ in zip(moving, link.at, whole))] = None
    return (whole,) if whole in found else tuple(found)
