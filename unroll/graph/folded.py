"""The folded graph: one node a variable, one edge a reference, a lag where it reaches back in time.

Parameters are no nodes: those that multiply a reference become the label of its edge. The graph's
size does not depend on the number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import networkx as nx

from unroll.language.printer import format_expression
from unroll.language.signs import sign_latex
from unroll.symbolic.expressions import Call, Expression, Index, Reference, references, walk
from unroll.symbolic.operations import OPERATIONS
from unroll.symbolic.recurrence import INPUT, OPERATION, PARAMETER, Recurrence


@dataclass(frozen=True, slots=True)
class Variable:
    """A node.

    role: `Recurrence.role`. ranges: where it exists, (first, last) pairs; () without an axis.
    function: name of the opaque function that makes it, as the book's `f`. sign: LaTeX of the
    operation that makes it, where every operation is a node. made: whether it stands for nothing
    but that operation, and for no variable of the text.
    """

    name: str
    role: str
    ranges: tuple[tuple[Index, Index], ...] = ()
    function: str | None = None
    sign: str | None = None
    made: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """An edge: `target` needs `source`.

    at: index of the source as the equation writes it (`t-1`, `tau`, `0`), None without an axis.
    to: index of the target (`t`, `tau`), None without an axis.
    within: first and last index of the target for which this holds; None without an axis.
    factors: parameter expressions that multiply the source, one a product (`W`).
    backward: what multiplies the gradient on the way back, one a factor (`W.T`).
    over: the axis, where a reduction runs over all of the source.
    """

    source: str
    target: str
    at: Index | None
    to: Index | None
    within: tuple[Index, Index] | None = None
    factors: tuple[Expression, ...] = ()
    backward: tuple[Expression, ...] = ()
    over: str | None = None

    @property
    def lag(self) -> int | None:
        """How many steps back the source lies; None where the two do not move together."""
        if self.over is not None or self.at is None or self.to is None:
            return None
        return self.to.offset - self.at.offset if self.at.base == self.to.base else None

    @property
    def label(self) -> str:
        """The factors in canonical text, as in `W`."""
        return ", ".join(format_expression(f) for f in self.factors)


class FoldedGraph(nx.MultiDiGraph):  # type: ignore[misc]
    """A networkx multigraph whose nodes carry a `Variable` and whose edges carry a `Link`.

    Two are equal when their variables and links are.
    """

    @property
    def axis(self) -> str:
        """The letter of the time axis."""
        return str(self.graph["axis"])

    @property
    def length(self) -> str:
        """Name (or number) of the axis' length, as in `tau`."""
        return str(self.graph["length"])

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
    variables: tuple[Variable, ...], links: tuple[Link, ...], axis: str, length: str
) -> FoldedGraph:
    """The graph of these variables and links, in this order."""
    graph = FoldedGraph(axis=axis, length=length)
    for variable in variables:
        graph.add_node(variable.name, variable=variable, role=variable.role)
    for link in links:
        data = {"link": link, "lag": link.lag, "label": link.label}
        graph.add_edge(link.source, link.target, **data)
    nx.freeze(graph)
    return graph


def fold(recurrence: Recurrence) -> FoldedGraph:
    """The folded graph (the book's circuit) of a recurrence."""
    links = merge(links_of(recurrence))
    variables = tuple(
        Variable(
            name,
            recurrence.role(name),
            _ranges(recurrence, name, links),
            _function(recurrence, name),
            _sign(recurrence, name),
            (name, OPERATION) in recurrence.overrides,
        )
        for name in recurrence.names
        if recurrence.role(name) != PARAMETER
    )
    axis = recurrence.axes[0]
    return build(variables, links, axis.name, axis.length)


def links_of(recurrence: Recurrence) -> Iterator[Link]:
    """One link a reference, in the order of the text."""
    for equation in recurrence.equations:
        for reference, factor, backward, over in _uses(recurrence, equation.expression):
            yield Link(
                source=reference.name,
                target=equation.name,
                at=reference.indices[0] if reference.indices else None,
                to=equation.index,
                within=recurrence.range_of(equation),
                factors=(factor,) if factor is not None else (),
                backward=(backward,) if backward is not None else (),
                over=over,
            )


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


_Use = tuple[Reference, Expression | None, Expression | None, str | None]


def _uses(recurrence: Recurrence, node: Expression, over: str | None = None) -> Iterator[_Use]:
    """References to variables and inputs, each with the parameters that multiply it."""
    if isinstance(node, Reference):
        if node.name in recurrence.names and recurrence.role(node.name) != PARAMETER:
            yield node, None, None, over
    elif isinstance(node, Call):
        over = node.over or over
        for position, argument in enumerate(node.arguments):
            for reference, factor, backward, inner in _uses(recurrence, argument, over):
                if _is_chain(argument, factor):
                    own, back = _weight(recurrence, node, position)
                    factor, backward = _compose(own, factor), _compose(backward, back)
                yield reference, factor, backward, inner


def _is_chain(argument: Expression, factor: Expression | None) -> bool:
    """Whether a factor found inside the argument may still grow: products of products do."""
    if factor is None:
        return True
    row = OPERATIONS.get(argument.operation) if isinstance(argument, Call) else None
    return row is not None and row.product


def _weight(
    recurrence: Recurrence, node: Call, position: int
) -> tuple[Expression | None, Expression | None]:
    """What a product multiplies its argument by, if parameters only; and the same backwards."""
    row = OPERATIONS.get(node.operation)
    if row is None or not row.product:
        return None, None
    factor = node.arguments[1 - position]
    names = {r.name for r in references(factor)}
    if not names or not all(_is_parameter(recurrence, n) for n in names):
        return None, None
    g = Reference("gradient")
    rule = row.gradient(g, node, *node.arguments)[position]
    backward = [a for a in rule.arguments if a != g] if isinstance(rule, Call) else []
    return factor, backward[0] if backward else factor


def _is_parameter(recurrence: Recurrence, name: str) -> bool:
    return name in recurrence.names and recurrence.role(name) == PARAMETER


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


def _sign(recurrence: Recurrence, name: str) -> str | None:
    """The one operation that makes a name, after `expand`."""
    equations = recurrence.equations_of(name)
    if len(equations) != 1 or OPERATION not in dict(recurrence.overrides).values():
        return None
    expression = equations[0].expression
    if not isinstance(expression, Call) or _function(recurrence, name):
        return None
    return sign_latex(expression, lambda n: not _is_parameter(recurrence, n))


def _ranges(
    recurrence: Recurrence, name: str, links: tuple[Link, ...]
) -> tuple[tuple[Index, Index], ...]:
    """Where a variable is defined; for an input, where it is used."""
    axis = recurrence.axis_of(name)
    if axis is None:
        return ()
    if recurrence.role(name) != INPUT:
        bounds = (recurrence.range_of(e) for e in recurrence.equations_of(name))
        return tuple(dict.fromkeys(b for b in bounds if b is not None))
    found: dict[tuple[Index, Index], None] = {}
    for link in links:
        if link.source == name and link.at is not None:
            moving = link.over is not None or link.at.base == axis.name
            found[(axis.first, axis.last) if moving else (link.at, link.at)] = None
    whole = (axis.first, axis.last)
    return (whole,) if whole in found else tuple(found)
