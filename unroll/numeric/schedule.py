"""The schedule: which work is done for all steps at once, and which has to wait its turn.

The strongly connected components of the folded graph decide. A component without a cycle is
independent over time, a *map*; a cycle is a *scan*, backwards where it looks ahead; a sum over time
is a *reduce*. Nobody says that a network trained with teacher forcing is parallel over time: it is
seen from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from unroll.errors import UnrollError
from unroll.graph.folded import FoldedGraph, Link, fold
from unroll.symbolic.expressions import Call, walk
from unroll.symbolic.recurrence import Recurrence

FORWARD, BACKWARD = "forward", "backward"


@dataclass(frozen=True, slots=True)
class Map:
    """Variables computed for all steps at once; axis None: values that have no step."""

    names: tuple[str, ...]
    axis: str | None


@dataclass(frozen=True, slots=True)
class Scan:
    """Variables that need one another at other steps, computed one step after the other."""

    names: tuple[str, ...]
    axis: str
    direction: str


@dataclass(frozen=True, slots=True)
class Reduce:
    """A variable without an axis that gathers one, by the operation named."""

    name: str
    axis: str
    operation: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)


Task = Map | Scan | Reduce


@dataclass(frozen=True, slots=True)
class Schedule:
    """Tasks in an order in which they can be done."""

    tasks: tuple[Task, ...]

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    @property
    def scans(self) -> tuple[Scan, ...]:
        """What cannot be done in parallel over time."""
        return tuple(t for t in self.tasks if isinstance(t, Scan))


@dataclass(frozen=True, slots=True)
class Component:
    """Variables that need one another; direction None where none waits for another step."""

    names: tuple[str, ...]
    direction: str | None


def components(recurrence: Recurrence) -> tuple[Component, ...]:
    """Strongly connected components of the folded graph, each after those that it needs.

    Raises UnrollError where variables need each other in the same step, or at both earlier and
    later ones.
    """
    graph = fold(recurrence)
    order = {name: i for i, name in enumerate(recurrence.defined)}
    condensed = nx.condensation(nx.DiGraph(graph.subgraph(order)))
    members = {
        c: tuple(sorted(data["members"], key=order.__getitem__))
        for c, data in condensed.nodes(data=True)
    }
    found = []
    for c in nx.lexicographical_topological_sort(condensed, key=lambda c: order[members[c][0]]):
        found.append(Component(members[c], _direction(recurrence, graph, members[c])))
    return tuple(found)


def plan(recurrence: Recurrence) -> Schedule:
    """The schedule of a recurrence's variables. Raises UnrollError as `components` does."""
    axis = recurrence.axes[0].name
    tasks: list[Task] = []
    for component in components(recurrence):
        name = component.names[0]
        over = _reduction(recurrence, name)
        if component.direction is not None:
            tasks.append(Scan(component.names, axis, component.direction))
        elif recurrence.axis_of(name) is None and over is not None:
            tasks.append(Reduce(name, axis, over))
        else:
            on = axis if recurrence.axis_of(name) else None
            before = tasks[-1] if tasks else None
            if isinstance(before, Map) and before.axis == on:
                tasks[-1] = Map(before.names + component.names, on)
            else:
                tasks.append(Map(component.names, on))
    return Schedule(tuple(tasks))


def describe(schedule: Schedule, steps: int | None = None) -> list[str]:
    """One line a task, as in `h: scan forward over t (5 steps in order)`."""
    return [f"{', '.join(task.names)}: {manner(task, steps)}" for task in schedule]


def manner(task: Task, steps: int | None = None) -> str:
    """How a task is done, in words."""
    if isinstance(task, Scan):
        order = f" ({steps} steps in order)" if steps is not None else ""
        return f"scan {task.direction} over {task.axis}{order}"
    if isinstance(task, Reduce):
        return f"reduce ({task.operation} over {task.axis})"
    return f"map (all {task.axis} at once)" if task.axis else "once"


def _reduction(recurrence: Recurrence, name: str) -> str | None:
    """The operation by which a variable gathers an axis."""
    for equation in recurrence.equations_of(name):
        for node in walk(equation.expression):
            if isinstance(node, Call) and node.over is not None:
                return node.operation
    return None


def _direction(recurrence: Recurrence, graph: FoldedGraph, names: tuple[str, ...]) -> str | None:
    """Which way a component has to be walked; None for none: its links are to fixed steps only."""
    members = set(names)
    inner = [k for k in graph.links if k.source in members and k.target in members]
    same = nx.DiGraph((k.source, k.target) for k in inner if k.lag == 0)
    if not nx.is_directed_acyclic_graph(same):
        loop = [edge[0] for edge in nx.find_cycle(same)]
        raise UnrollError(
            f"{', '.join(loop)} need each other in the same step",
            remedy=f"Let one of them reach back, as in {loop[0]}[{graph.axis}-1].",
        )
    back = [k for k in inner if k.lag is not None and k.lag > 0]
    ahead = [k for k in inner if k.lag is not None and k.lag < 0]
    if back and ahead:
        raise UnrollError(
            f"{_words(back[0], graph)} and {_words(ahead[0], graph)}: no order of the steps serves both",
            remedy="Let the cycle reach back only (t-1) or ahead only (t+1).",
        )
    bare = [n for n in names if recurrence.axis_of(n) is None]
    if bare and len(names) > 1:
        raise UnrollError(
            f"{bare[0]} gathers steps that themselves wait for {bare[0]}",
            remedy=f"Use {bare[0]} only in what does not lead to it.",
        )
    return FORWARD if back else BACKWARD if ahead else None


def _words(link: Link, graph: FoldedGraph) -> str:
    return f"{link.target}[{graph.axis}] needs {link.source}[{link.at}]"
