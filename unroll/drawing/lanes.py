"""Lanes: a recurrence on several axes as one over the columns of a picture alone.

A picture has columns for the steps of time. What else a variable is indexed by becomes rows: of
`h[l, t]` one lane for each layer, as if h^(1), h^(2), ... were variables over time. A lane is a
variable of a recurrence like any other, so that all that draws one axis draws several.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph, Variable, build, fold, with_derivatives
from unroll.symbolic.expressions import Call, Constant, Expression, Index, Range, Reference, walk
from unroll.symbolic.recurrence import (
    INPUT,
    LAYERS,
    PARAMETER,
    Axis,
    Bounds,
    Equation,
    Recurrence,
)
from unroll.symbolic.signatures import Shape
from unroll.symbolic.sizes import Sizes
from unroll.symbolic.transformations import inline

_MOST = 24  # lanes of one variable that a picture can show
_WIDEST = 5  # lanes of one variable that lead to the same node in a picture that can be read
_NOWHERE: tuple[Bounds, ...] = (((Index("", 1), Index("", 0)),),)


@dataclass(frozen=True, slots=True)
class Lane(Variable):
    """A variable at one value of each of its indices but the columns'.

    of: the variable; places: its indices, None where that of the column goes.
    """

    of: str = ""
    places: tuple[Index | None, ...] = ()


def origin(variable: Variable) -> str:
    """The name in the text: that of the variable that a lane is a part of."""
    return variable.of if isinstance(variable, Lane) else variable.name


@dataclass(frozen=True)
class Division:
    """Which index of each variable counts columns, and which ones rows.

    An axis counts rows where it counts layers, or where a variable on several axes waits along it
    and it is not time. Of several others, columns count the one that no reduction takes away.
    shown: parameters that are nodes; shapes: of all names, where local derivatives are wanted.
    """

    recurrence: Recurrence
    graph: FoldedGraph
    shown: frozenset[str] = frozenset()
    shapes: Mapping[str, Shape] | None = None

    @cached_property
    def rows(self) -> frozenset[str]:
        """Letters that never count columns."""
        time = self.recurrence.axes[0].name
        found = LAYERS & {a.name for v in self.graph.variables for a in self._axes(v.name)[1:]}
        found |= LAYERS & {v.axes[0] for v in self.graph.variables if len(v.axes) > 1}
        for link in self.graph.links:
            letters = self.graph.nodes[link.source]["variable"].axes
            if len(letters) > 1:
                found |= {a for a, lag in zip(letters, link.lags) if lag and a != time}
        return frozenset(found)

    @cached_property
    def column(self) -> Mapping[str, int | None]:
        """For each variable which of its indices counts columns; None where none does."""
        bound: dict[str, set[int]] = {}
        for link in self.graph.links:
            letters = {r.axis for r in link.over}
            bound.setdefault(link.source, set()).update(
                p for p, i in enumerate(link.at) if i.base in letters
            )
        return {
            v.name: self._column(v.axes, bound.get(v.name, set())) for v in self.graph.variables
        }

    def _column(self, letters: Sequence[str], bound: set[int]) -> int | None:
        able = [p for p, a in enumerate(letters) if a not in self.rows]
        free = [p for p in able if p not in bound] or able
        time = self.recurrence.axes[0].name
        return next((p for p in free if letters[p] == time), next(iter(free), None))

    @cached_property
    def columns(self) -> tuple[Axis, ...]:
        """The axes that count columns, time first; of those with one length the first."""
        used = {v.axes[p] for v in self.graph.variables if (p := self.column[v.name]) is not None}
        axes = [a for a in self.recurrence.axes if a.name in used]
        return tuple({a.length: a for a in reversed(axes)}.values())[::-1]

    @cached_property
    def crossed(self) -> tuple[Axis, ...]:
        """The axes that count rows of some variable."""
        letters = {
            a
            for v in self.graph.variables
            for p, a in enumerate(v.axes)
            if p != self.column[v.name]
        }
        return tuple(a for a in self.recurrence.axes if a.name in letters)

    @property
    def grid(self) -> bool:
        """Whether rows count anything but layers: such a picture is one of numbered cells."""
        return any(a.name not in LAYERS for a in self.crossed)

    def _axes(self, name: str) -> tuple[Axis, ...]:
        return self.recurrence.axes_of(name)


def divide(
    recurrence: Recurrence,
    shown: Collection[str] = (),
    shapes: Mapping[str, Shape] | None = None,
) -> Division:
    """How a recurrence is divided into columns and rows; see `Division`."""
    graph = fold(recurrence, shown)
    if shapes is not None:
        graph = with_derivatives(graph, recurrence, shapes)
    return Division(recurrence, graph, frozenset(shown), shapes)


def spread(division: Division, sizes: Sizes) -> FoldedGraph:
    """The folded graph of a recurrence whose variables live on columns alone.

    sizes: at least of the axes that count rows. Raises UnrollError where there would be too many
    rows, and for a sum whose end moves with the column.
    """
    if not division.crossed:
        return division.graph
    for axis in division.crossed:
        if sizes[axis.length] > _MOST:
            raise UnrollError(
                f"cannot draw {sizes[axis.length]} rows, one for each {axis.name}",
                remedy=f"Give fewer, as in steps={{{axis.length!r}: 3}}.",
            )
    graph = _Spreader(division, sizes).graph()
    of = {v.name: origin(v) for v in graph.variables}
    fans = Counter((of[k.source], k.target) for k in graph.links if not k.lag)
    for (source, target), count in fans.items():
        if count > _WIDEST:
            raise UnrollError(
                f"cannot draw {of[target]}, each row of which needs {count} rows of {source}",
                remedy=f"Hide {of[target]} or {source}, or draw at most {_WIDEST} steps.",
            )
    return graph


@dataclass
class _Spreader:
    """One call of `spread`. lanes: what each lane is, found on the way."""

    division: Division
    sizes: Sizes

    def __post_init__(self) -> None:
        self.recurrence = self.division.recurrence
        self.lanes: dict[str, tuple[str, tuple[Index | None, ...]]] = {}

    def graph(self) -> FoldedGraph:
        equations = tuple(e for name in self.recurrence.defined for e in self._equations(name))
        overrides = dict.fromkeys(self.recurrence.parameters, PARAMETER)
        for lane, (name, _) in self.lanes.items():
            said = dict(self.recurrence.overrides)
            if name in said:
                overrides[lane] = said[name]
            if self.recurrence.role(name) in (INPUT, PARAMETER):
                overrides[lane] = self.recurrence.role(name)
        overrides |= dict(self.recurrence.overrides)
        axes = sorted(self.recurrence.axes, key=lambda a: a not in self.division.columns)
        made = Recurrence(equations, tuple(axes), tuple(overrides.items()))
        shown = {lane for lane, (name, _) in self.lanes.items() if name in self.division.shown}
        made = self._without_copies(made)
        folded = fold(made, self.division.shown | shown)
        if (shapes := self.division.shapes) is not None:
            of_lanes = {lane: shapes[name] for lane, (name, _) in self.lanes.items()}
            folded = with_derivatives(folded, made, {**shapes, **of_lanes})
        variables = tuple(self._variable(made, v) for v in folded.variables)
        return build(variables, folded.links, folded.axes)

    def _variable(self, made: Recurrence, variable: Variable) -> Variable:
        """A variable as the text has it: its role, its function, its sign."""
        name, places = self.lanes.get(variable.name, (variable.name, ()))
        own: Variable = self.division.graph.nodes[name]["variable"]
        ranges = variable.ranges
        if own.role not in (INPUT, PARAMETER) and variable.name not in made.defined:
            ranges = _NOWHERE if variable.axes else ()
        facts = (own.role, variable.axes, ranges, own.function, own.sign, own.made)
        if not places:
            return Variable(variable.name, *facts)
        return Lane(variable.name, *facts, of=name, places=places)

    def _without_copies(self, made: Recurrence) -> Recurrence:
        """Without the lanes outside of their axes that are another variable: `h[0, t] = x[t]`."""
        for lane in made.defined:
            if self._is_outside(lane) and _is_copy(made.equations_of(lane)):
                with suppress(UnrollError):  # other steps need it: it stays
                    made = inline(made, lane)
        return made

    def _is_outside(self, lane: str) -> bool:
        name, places = self.lanes.get(lane, (lane, ()))
        axes = self.recurrence.axes_of(name)
        return any(
            i is not None and not 1 <= i.offset <= self.sizes[a.length]
            for i, a in zip(places, axes)
        )

    # --- equations --------------------------------------------------------------

    def _equations(self, name: str) -> Iterator[Equation]:
        across = self._across(name)
        cells: dict[tuple[int, ...], list[Equation]] = {}
        for equation in sorted(self.recurrence.equations_of(name), key=self.recurrence.specificity):
            box = self.recurrence.box(equation, self.sizes)
            for values in product(*(range(box[p][0], box[p][1] + 1) for p in across)):
                cells.setdefault(values, []).append(equation)
        for values, equations in sorted(cells.items()):
            for equation in self._not_hidden(name, equations):
                yield self._at_cell(equation, values)

    def _not_hidden(self, name: str, equations: list[Equation]) -> list[Equation]:
        """Those that hold at some column: no more specific one holds at all of theirs."""
        column = self.division.column[name]

        def runs(equation: Equation) -> tuple[Index, Index] | None:
            return None if column is None else self.recurrence.bounds(equation)[column]

        whole = None if column is None else self.recurrence.axes_of(name)[column].ends
        return [
            e
            for k, e in enumerate(equations)
            if not any(runs(later) in (runs(e), whole) for later in equations[k + 1 :])
        ]

    def _at_cell(self, equation: Equation, values: tuple[int, ...]) -> Equation:
        target = equation.target
        across, column = self._across(target.name), self.division.column[target.name]
        here = {target.indices[p].base: v for p, v in zip(across, values)}
        here.pop("", None)
        kept = () if column is None else (target.indices[column],)
        letters = {i.base for i in kept}
        return Equation(
            Reference(self._lane(target.name, values), kept),
            self._at(equation.expression, here),
            tuple(r for r in equation.ranges if r.axis in letters),
        )

    def _across(self, name: str) -> list[int]:
        """Which indices of a variable count rows."""
        count = len(self.recurrence.axes_of(name))
        return [p for p in range(count) if p != self.division.column[name]]

    def _lane(self, name: str, values: tuple[int, ...]) -> str:
        if not values:
            return name
        rest = iter(values)
        column = self.division.column[name]
        count = len(self.recurrence.axes_of(name))
        places = tuple(None if p == column else Index("", next(rest)) for p in range(count))
        lane = f"{name}[{','.join('*' if i is None else str(i) for i in places)}]"
        self.lanes[lane] = name, places
        return lane

    # --- expressions ------------------------------------------------------------

    def _at(self, node: Expression, here: Mapping[str, int]) -> Expression:
        """An expression where letters of rows are these numbers."""
        if isinstance(node, Reference):
            return self._reference(node, here)
        if not isinstance(node, Call):
            return node
        if node.over is None:
            return replace(node, arguments=tuple(self._at(a, here) for a in node.arguments))
        letter = node.over
        outer = {k: v for k, v in here.items() if k != letter}
        places = {k: Index("", v) for k, v in here.items()}
        limits = node.limits.at(places) if node.limits else None
        if not self._crosses(node, letter):
            arguments = tuple(self._at(a, outer) for a in node.arguments)
            return replace(node, arguments=arguments, limits=limits)
        arguments = tuple(
            self._at(a, {**outer, letter: v})
            for v in self._steps(node, letter, limits)
            for a in node.arguments
        )
        return replace(node, arguments=arguments, over=None, limits=None)

    def _reference(self, node: Reference, here: Mapping[str, int]) -> Expression:
        if not node.indices:
            return Constant(here[node.name]) if node.name in here else node
        places = {k: Index("", v) for k, v in here.items()}
        indices = tuple(i.at(places) for i in node.indices)
        column = self.division.column.get(node.name, -1)
        if column == -1:  # a parameter
            return replace(node, indices=indices)
        across = self._across(node.name)
        if not across:
            return replace(node, indices=indices)
        values = tuple(self._number(indices[p]) for p in across)
        if self.recurrence.role(node.name) == INPUT:
            axes = self.recurrence.axes_of(node.name)
            if not all(1 <= v <= self.sizes[axes[p].length] for p, v in zip(across, values)):
                return Constant(0)
        kept = () if column is None else (indices[column],)
        return Reference(self._lane(node.name, values), kept)

    def _number(self, index: Index) -> int:
        if index.base in self.sizes:
            return self.sizes[index.base] + index.offset
        if index.base or index.via:
            raise UnrollError(
                f"cannot draw rows whose index {index} moves with the columns",
                remedy="Hide the variables on several axes, or draw the folded view.",
            )
        return index.offset

    def _crosses(self, node: Call, letter: str) -> bool:
        """Whether a reduction's letter counts rows of something that it reads."""
        return any(
            r.indices[p].base == letter
            for a in node.arguments
            for r in walk(a)
            if isinstance(r, Reference) and r.name in self.division.column and r.indices
            for p in self._across(r.name)
        )

    def _steps(self, node: Call, letter: str, limits: Range | None) -> range:
        first, last = self.recurrence.runs(letter, limits)
        length = self.sizes[self.recurrence.letters[letter].length]
        return range(max(1, self._number(first)), min(length, self._number(last)) + 1)


def _is_copy(equations: tuple[Equation, ...]) -> bool:
    copy = equations[0].expression
    return len(equations) == 1 and isinstance(copy, Reference) and bool(copy.indices)
