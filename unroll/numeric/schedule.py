"""The schedule: which work is done for all steps at once, and which has to wait its turn.

The strongly connected components of the folded graph decide. A component without a cycle is
independent over time, a *map*; a cycle is a *scan*, backwards where it looks ahead; a sum over time
is a *reduce*. Nobody says that a network trained with teacher forcing is parallel over time: it is
seen from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from unroll.errors import UnrollError
from unroll.symbolic.expressions import Call, walk
from unroll.symbolic.ordering import BACKWARD, FORWARD, Component, Walk, components
from unroll.symbolic.recurrence import Recurrence

__all__ = ["BACKWARD", "FORWARD", "Map", "Reduce", "Scan", "Schedule", "components", "plan"]


@dataclass(frozen=True, slots=True)
class Map:
    """Variables computed for all steps of their axes at once; no axes: values that have no step."""

    names: tuple[str, ...]
    axes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """Variables that need one another at other steps, computed one step after the other.

    walks: the axes they wait along, the outermost first; along all others they are parallel.
    """

    names: tuple[str, ...]
    walks: tuple[Walk, ...]

    @property
    def axis(self) -> str:
        return self.walks[0].axis

    @property
    def direction(self) -> str:
        return self.walks[0].direction


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


def plan(recurrence: Recurrence) -> Schedule:
    """The schedule of a recurrence's variables. Raises UnrollError where no order serves all."""
    tasks: list[Task] = []
    for component in components(recurrence):
        if component.stuck:
            raise _stuck(component)
        name = component.names[0]
        gathered = _reduction(recurrence, name)
        if component.walks:
            tasks.append(Scan(component.names, component.walks))
        elif not recurrence.axes_of(name) and gathered is not None:
            tasks.append(Reduce(name, *gathered))
        else:
            axes = tuple(a.name for a in recurrence.axes_of(name))
            before = tasks[-1] if tasks else None
            if isinstance(before, Map) and before.axes == axes:
                tasks[-1] = Map(before.names + component.names, axes)
            else:
                tasks.append(Map(component.names, axes))
    return Schedule(tuple(tasks))


def describe(schedule: Schedule, lengths: Mapping[str, int] | None = None) -> list[str]:
    """One line a task, as in `h: scan forward over t (5 steps in order)`.

    lengths: how many steps each axis letter runs over.
    """
    return [f"{', '.join(task.names)}: {manner(task, lengths)}" for task in schedule]


def manner(task: Task, lengths: Mapping[str, int] | None = None) -> str:
    """How a task is done, in words."""
    if isinstance(task, Scan):
        ways = []
        for walk in task.walks:
            steps = (lengths or {}).get(walk.axis)
            order = f" ({steps} steps in order)" if steps is not None else ""
            ways.append(f"{walk.direction} over {walk.axis}{order}")
        return f"scan {', '.join(ways)}"
    if isinstance(task, Reduce):
        return f"reduce ({task.operation} over {task.axis})"
    return f"map (all {', '.join(task.axes)} at once)" if task.axes else "once"


def _reduction(recurrence: Recurrence, name: str) -> tuple[str, str] | None:
    """The axis that a variable gathers, and the operation that does so."""
    for equation in recurrence.equations_of(name):
        for node in walk(equation.expression):
            if isinstance(node, Call) and node.over is not None:
                return node.over, node.operation
    return None


def _stuck(component: Component) -> UnrollError:
    first = component.stuck[0]
    others = ", ".join(f"{d.equation.target} needs {d.reference}" for d in component.stuck[:3])
    return UnrollError(
        f"no order of the steps serves all: {others}",
        remedy=f"Let {first.target} reach back only, or ahead only.",
    )
