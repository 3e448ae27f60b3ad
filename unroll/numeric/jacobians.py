"""Jacobians: what a small change at one step does to another, by batched runs of the adjoint.

The adjoint of a recurrence is a recurrence that is linear in what it starts from. Started from
`sum(seed[t] * h[t], t)` with one one-hot seed for each entry of a batch, one run of it gives all
rows of a Jacobian, for all steps at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unroll.errors import UnrollError, nearest
from unroll.numeric.fitting import axes_of
from unroll.numeric.layout import wanted
from unroll.symbolic.adjoint import differentiate
from unroll.symbolic.expressions import Call, Expression, Index, Reference, call, references
from unroll.symbolic.recurrence import GIVEN, PARAMETER, Axis, Equation, Recurrence
from unroll.symbolic.transformations import fresh

if TYPE_CHECKING:
    from unroll.numeric.trace import Trace

Array = NDArray[Any]
Shape = tuple[int, ...]


# --- from any step to any other ---------------------------------------------------------


def between(
    trace: Trace,
    of: str,
    by: str,
    steps: Sequence[int] | None = None,
    entry: int | None = None,
) -> Array:
    """∂of^(k) / ∂by^(t) for all k and t, `(tau_k, tau_t, *shape of `of`, *shape of `by`)`.

    It is total: through everything that lies between. What has no axis has no such side. steps: the
    k wanted, along the first axis of `of`. entry: which one of a batch, counted
    from 0, over its own steps. Goodfellow,
    Bengio & Courville 2016, section 10.7. Raises UnrollError for names that the trace has not.
    """
    trace = of_entry(trace, entry)
    forward = trace.forward
    _known(trace, of, forward.defined, "variable")
    _known(trace, by, forward.names, "name")
    taken = set(forward.names)
    axes = forward.axes_of(of)
    lead = tuple(trace.sizes[a.length] for a in axes)
    shape = trace.shapes[of]
    single = np.eye(prod(lead) * prod(shape)).reshape(*lead, *shape, -1)
    chosen = [_step(k, trace, of, axes) for k in steps] if steps is not None else None
    if chosen is not None:
        cut = single.reshape(*lead, *shape, *lead, *shape)
        single = np.take(cut, chosen, len(lead) + len(shape)).reshape(*lead, *shape, -1)
        lead = (len(chosen), *lead[1:])
    seed = np.moveaxis(single, -1, len(axes))
    functional, name = _functional(forward, {of: of}, taken)
    if not axes:  # an input has an axis, else it could have no batch
        seed = np.zeros((trace.steps, *seed.shape))
        seed[0] = single.T.reshape(seed.shape[1:])
    whole = replace(forward, equations=(*forward.equations, functional))
    shapes = {**trace.shapes, functional.name: (), name[of]: shape}
    found = _pull(trace, whole, functional.name, {name[of]: seed}, shapes, (by,))[by]
    where = len(forward.axes_of(by))
    rows = np.moveaxis(found, where, 0)
    rows = rows.reshape(*lead, *shape, *rows.shape[1:])
    own, behind = range(len(lead), len(lead) + len(shape)), len(lead) + where
    return np.array(np.moveaxis(rows, tuple(own), tuple(range(behind, behind + len(shape)))))


def _step(k: int, trace: Trace, of: str, axes: tuple[Axis, ...]) -> int:
    length = trace.sizes[axes[0].length] if axes else 0
    if not 1 <= k <= length:
        raise UnrollError(f"there is no step {k} of {of}", remedy=f"It has steps 1..{length}.")
    return k - 1


# --- from one step to the next ----------------------------------------------------------


def one_step(
    trace: Trace,
    names: Sequence[str],
    by: str | Sequence[str] | None = None,
    lag: int | None = None,
    entry: int | None = None,
) -> Array:
    """∂s^(t) / ∂s^(t-1) at each step, `(tau, n, n)`: through everything within the step.

    names: variables, stacked in this order (`"h", "c"`); by: what to differentiate by (default: the
    same variables), read `lag` steps before: one for a state (one ahead where it runs backward in
    time), none for anything else. All other values of other steps are held fixed; row t of step 1 is
    by the initial value. A variable on several axes, or one that is a matrix, is laid out as a
    vector. entry: which one of a batch, counted
    from 0, over its own steps. Goodfellow, Bengio & Courville 2016, eq.
    10.20 and 10.21 (its factors), section 10.8.
    """
    trace = of_entry(trace, entry)
    forward = trace.forward
    columns = tuple(names) if by is None else (by,) if isinstance(by, str) else tuple(by)
    if not names:
        raise UnrollError("a Jacobian is of something", remedy='Name a state, as in jacobian("h").')
    for name in names:
        _known(trace, name, forward.defined, "variable")
    for name in columns:
        _known(trace, name, forward.names, "name")
    axis = _time(forward, names[0])
    for name in (*names, *columns):
        if axis not in forward.axes_of(name):
            raise UnrollError(
                f"{name} is not on the axis {axis.name}, along which steps are taken",
                remedy=f"sensitivities and influence take it: it has no value at each {axis.name}.",
            )
    if axis.leaves:
        raise UnrollError(
            f"{axis.name} runs over the nodes of a tree, where no step is before another",
            remedy=f'influence("{names[0]}", "{columns[0]}") is between any two nodes.',
        )
    read = {(n, _lag(forward, n, axis, by is None) if lag is None else lag) for n in columns}
    for name, steps_before in sorted(read):
        if steps_before == 0 and name in names:
            raise UnrollError(
                f"{name} by itself at the same step is the identity", remedy="Give another lag."
            )
    step = _Step(forward, axis, tuple(names), tuple(sorted(read)))
    whole = step.recurrence
    copies = {n: step.copies[n] for n in names}
    functional, seeds = _functional(whole, copies, {*whole.names})
    shapes = {**trace.shapes, functional.name: ()}
    shapes |= {seeds[n]: trace.shapes[n] for n in names}
    shapes |= {made: trace.shapes[n] for n, made in step.copies.items()}
    shapes |= {made: trace.shapes[n] for (n, _), made in step.before.items()}
    whole = replace(whole, equations=(*whole.equations, functional))
    arrays = _one_hot(trace, names, seeds, axis)
    wanted_names = {n: step.before[n, k] for n, k in read}
    found = _pull(trace, whole, functional.name, arrays, shapes, tuple(wanted_names.values()))
    blocks = [_as_rows(found[wanted_names[n]], forward.axes_of(n), axis) for n in columns]
    return np.concatenate(blocks, axis=2)


@dataclass(frozen=True)
class _Step:
    """A recurrence with a copy of its step, which reads what is before it from variables of their own.

    names: what the step is to compute; read: (name, lag) pairs that it reads from `before`.
    """

    forward: Recurrence
    axis: Axis
    names: tuple[str, ...]
    read: tuple[tuple[str, int], ...]

    @property
    def before(self) -> dict[tuple[str, int], str]:
        """Names of what is read from before the step."""
        return self._fresh("before", self.read, [n for n, _ in self.read])

    @property
    def copies(self) -> dict[str, str]:
        """Names of the copies of what is computed within the step."""
        inside = dict.fromkeys(self.names)
        todo = list(self.names)
        while todo:
            for equation in self.steps_of(todo.pop()):
                for r in self._within(equation.target, equation.expression):
                    if r.name in self.forward.defined and r.name not in inside:
                        inside[r.name] = None
                        todo.append(r.name)
        return self._fresh("step", list(inside), list(inside))

    @property
    def recurrence(self) -> Recurrence:
        copies, before = self.copies, self.before
        made = []
        for (name, lag), new in before.items():
            letters = tuple(Index(a.name) for a in self.forward.axes_of(name))
            at = self.forward.axes_of(name).index(self.axis)
            source = (*letters[:at], letters[at].shift(-lag), *letters[at + 1 :])
            made.append(Equation(Reference(new, letters), Reference(name, source)))
        for name, new in copies.items():
            for e in self.steps_of(name):
                self._check_reductions(e)
                given = e.expression == GIVEN
                expression = (
                    e.target if given else self._copied(e.target, e.expression, copies, before)
                )
                made.append(replace(e, target=replace(e.target, name=new), expression=expression))
        return replace(self.forward, equations=(*self.forward.equations, *made))

    def steps_of(self, name: str) -> list[Equation]:
        """The equations of a variable but those of its initial values."""
        at = self.forward.axes_of(name).index(self.axis)
        equations = self.forward.equations_of(name)
        return [e for e in equations if (i := e.target.indices[at]).base or i.offset > 0]

    def _check_reductions(self, equation: Equation) -> None:
        """Refuse a reduction over the steps of what is differentiated by: one of them is before."""
        here = equation.target.indices[self.forward.axes_of(equation.name).index(self.axis)]
        for r in references(equation.expression):
            axes = self.forward.axes_of(r.name)
            if r.name not in {n for n, _ in self.read} or self.axis not in axes:
                continue
            index = r.indices[axes.index(self.axis)]
            if index.base in self.forward.letters and index.base != here.base:
                raise UnrollError(
                    f"{equation.name} reads {r.name} at many steps at once, not at one before",
                    remedy=f'influence("{self.names[0]}", "{r.name}") is between any two steps.',
                )

    def lag(self, target: Reference, r: Reference) -> int | None:
        """How many steps before its equation's a reference is; None where that is not said."""
        axes = self.forward.axes_of(r.name)
        if self.axis not in axes:
            return None
        here = target.indices[self.forward.axes_of(target.name).index(self.axis)]
        there = r.indices[axes.index(self.axis)]
        return None if there.via or there.base != here.base else here.offset - there.offset

    def _within(self, target: Reference, node: Expression) -> Iterable[Reference]:
        """References to the equation's own step, but those that are read from before."""
        if isinstance(node, Reference):
            if self.lag(target, node) == 0 and (node.name, 0) not in self.read:
                yield node
        elif isinstance(node, Call) and not self._binds(target, node):
            for argument in node.arguments:
                yield from self._within(target, argument)

    def _copied(
        self,
        target: Reference,
        node: Expression,
        copies: Mapping[str, str],
        before: Mapping[tuple[str, int], str],
    ) -> Expression:
        if isinstance(node, Reference):
            lag = self.lag(target, node)
            if lag is not None and (node.name, lag) in before:
                at = self.forward.axes_of(node.name).index(self.axis)
                indices = (*node.indices[:at], node.indices[at].shift(lag), *node.indices[at + 1 :])
                return replace(node, name=before[node.name, lag], indices=indices)
            return (
                replace(node, name=copies[node.name]) if lag == 0 and node.name in copies else node
            )
        if not isinstance(node, Call) or self._binds(target, node):
            return node
        arguments = tuple(self._copied(target, a, copies, before) for a in node.arguments)
        return replace(node, arguments=arguments)

    def _binds(self, target: Reference, node: Call) -> bool:
        """Whether a reduction gives the step's letter another meaning."""
        here = target.indices[self.forward.axes_of(target.name).index(self.axis)]
        return node.over is not None and node.over == here.base

    def _fresh(self, word: str, keys: Iterable[Any], names: Iterable[str]) -> dict[Any, str]:
        taken = set(self.forward.names)
        found = {}
        for key, name in zip(keys, names):
            found[key] = fresh(f"{word}_{name}", taken)
            taken.add(found[key])
        return found


def _time(forward: Recurrence, name: str) -> Axis:
    """The axis along which steps are taken: time, or the first one that a variable has."""
    axes = forward.axes_of(name)
    if not axes:
        raise UnrollError(
            f"{name} has no steps", remedy="Name a variable with an index, such as a state."
        )
    return forward.axes[0] if forward.axes[0] in axes else axes[0]


def _lag(forward: Recurrence, name: str, axis: Axis, as_state: bool) -> int:
    """1 for what is read a step later, -1 for what is only read a step earlier, else 0."""
    at = forward.axes_of(name).index(axis)
    offsets = {
        r.indices[at].offset
        for e in forward.equations
        for r in references(e.expression)
        if r.name == name and r.indices[at].base == axis.name
    }
    fixed = name in forward.states and not any(offsets)  # as h[0] in an equation of h[1]
    if name in forward.defined and (fixed or any(offsets)):
        return 1 if fixed or min(offsets) < 0 else -1
    if as_state:
        raise UnrollError(
            f"{name} is no state: nothing reads it at another step",
            remedy=f'Say by what, as in jacobian("{name}", by="{_some_state(forward, name)}").',
        )
    return 0


def _some_state(forward: Recurrence, name: str) -> str:
    return next((n for n in forward.defined if n in forward.states and n != name), "x")


def _one_hot(
    trace: Trace, names: Sequence[str], seeds: Mapping[str, str], axis: Axis
) -> dict[str, Array]:
    """For each name a seed with a batch: entry i is one at entry i of what is stacked, at all steps."""
    sides = []
    for name in names:
        lengths = tuple(trace.sizes[a.length] for a in trace.forward.axes_of(name) if a != axis)
        sides.append((name, lengths, trace.shapes[name]))
    sizes = [prod(lengths) * prod(shape) for _, lengths, shape in sides]
    blocks = np.split(np.eye(sum(sizes)), np.cumsum(sizes)[:-1], axis=1)
    found = {}
    for (name, lengths, shape), block in zip(sides, blocks):
        at = trace.forward.axes_of(name).index(axis)
        rows = np.moveaxis(block.reshape(-1, *lengths, *shape), 0, len(lengths))
        found[seeds[name]] = np.stack([rows] * trace.sizes[axis.length], axis=at)
    return found


def _as_rows(found: Array, axes: tuple[Axis, ...], axis: Axis) -> Array:
    """`(axes..., batch, shape...)` as `(tau, batch, everything else)`."""
    at = axes.index(axis)
    first = np.moveaxis(found, (at, len(axes)), (0, 1))
    return first.reshape(*first.shape[:2], -1)


# --- one run of the adjoint -------------------------------------------------------------


def _functional(
    recurrence: Recurrence, variables: Mapping[str, str], taken: set[str]
) -> tuple[Equation, dict[str, str]]:
    """An objective: variables weighted by seeds, added up; and the names of the seeds."""
    total: Expression | None = None
    seeds = {}
    for key, name in variables.items():
        seeds[key] = fresh(f"seed_{key}", taken)
        taken.add(seeds[key])
        axes = recurrence.axes_of(name)
        indices = tuple(Index(a.name) for a in axes)
        weighted = tuple(Index(a.name) for a in axes or recurrence.axes[:1])
        term: Expression = call("sum", Reference(seeds[key], weighted) * Reference(name, indices))
        for axis in reversed(axes or recurrence.axes[:1]):
            term = Call("sum", (term,), over=axis.name)
        total = term if total is None else total + term
    assert total is not None
    return Equation(Reference(fresh("functional", taken)), total), seeds


def _pull(
    trace: Trace,
    whole: Recurrence,
    functional: str,
    seeds: Mapping[str, Array],
    shapes: Mapping[str, Shape],
    by: Sequence[str],
) -> dict[str, Array]:
    """The gradients of a functional by some names, `(axes..., batch of seeds, shape...)`.

    The equations of the adjoint run forward as a recurrence of their own, those alone that are
    needed for these gradients.
    """
    from unroll.numeric.execution import run

    arrays = {n: trace[n] for n in wanted(trace.forward)}
    (batch,) = {a.shape[len(whole.axes_of(n))] for n, a in seeds.items()}
    zeros = {n: (*_lengths(trace, whole, n), batch, *shapes[n]) for n in by}
    known = tuple((n, s) for n, s in shapes.items() if n in whole.names)
    pulled = _pulled(whole, functional, known, tuple(by))
    found: dict[str, Array] = {}
    if pulled is not None:
        small, made, dims = pulled
        own = {**arrays, **seeds}
        kind = next((v.dtype for v in trace.values.values()), np.dtype(float))
        result = run(
            small,
            {n: own[n].astype(kind) for n in wanted(small)},
            steps={n: k for n, k in trace.sizes.lengths if n in small.lengths},
            tree=_trees(trace, small),
            dims=dict(dims),
            dtype=kind,
            of=next((n for n in small.defined if small.axes_of(n)), None),
            gradients=False,
        )
        for name, gradient in made:
            at = len(whole.axes_of(name))
            value = result[gradient]
            if gradient not in result.batched:  # zero, whatever the seeds
                value = np.repeat(np.expand_dims(value, at), batch, at)
            found[name] = value
    nothing = {n: np.zeros(shape) for n, shape in zeros.items()}  # it does not depend on these
    return nothing | found


@lru_cache(maxsize=64)
def _pulled(
    whole: Recurrence, functional: str, shapes: tuple[tuple[str, Shape], ...], by: tuple[str, ...]
) -> tuple[Recurrence, tuple[tuple[str, str], ...], tuple[tuple[str, Any], ...]] | None:
    """The adjoint's equations for some gradients, as a recurrence; names with those of their gradients;
    shapes. None where the functional depends on none of them."""
    whole = reaching(whole, (functional,))
    known = {n: s for n, s in shapes if n in whole.names}
    adjoint = differentiate(whole, of=functional, shapes=known)
    made = tuple((n, adjoint.gradients[n]) for n in by if n in adjoint.gradients)
    if not made:
        return None
    small = reaching(adjoint.recurrence, [gradient for _, gradient in made])
    return small, made, tuple((n, s) for n, s in adjoint.shapes.items() if n in small.names)


def reaching(recurrence: Recurrence, names: Sequence[str]) -> Recurrence:
    """The recurrence with those equations alone that some of its variables need."""
    needed = set(names)
    todo = list(names)
    while todo:
        for equation in recurrence.equations_of(todo.pop()):
            for r in references(equation.expression):
                if r.name not in needed:
                    needed.add(r.name)
                    todo.append(r.name)
    kept = tuple(e for e in recurrence.equations if e.name in needed)
    overrides = dict.fromkeys(recurrence.parameters, PARAMETER) | dict(recurrence.overrides)
    roles = tuple((n, role) for n, role in overrides.items() if n in needed)
    return replace(recurrence, equations=kept, overrides=roles)


def of_entry(trace: Trace, entry: int | None) -> Trace:
    """The trace of one entry of a batch, run alone over its own steps; one without a batch as it is."""
    from unroll.numeric.execution import run

    if trace.batch is None:
        if entry is not None:
            raise UnrollError("this run has no batch to take an entry of")
        return trace
    if entry is None or not 0 <= entry < trace.batch:
        raise UnrollError(
            f"this run has a batch of {trace.batch}, and every entry Jacobians of its own",
            remedy="Choose one, counted from 0: entry=0.",
        )
    forward, ends = trace.forward, trace.ends or {}
    own = {n: int(ends[n][entry]) if n in ends else k for n, k in trace.sizes.lengths}
    arrays = {}
    for name in wanted(forward):
        axes, array = axes_of(forward, name), trace[name]
        if name in trace.batched:
            array = np.take(array, entry, len(axes))
        kept = tuple(slice(own[a.length]) if a.length in ends else slice(None) for a in axes)
        arrays[name] = array[kept]
    return run(
        forward,
        arrays,
        steps=own,
        tree=_trees(trace, forward),
        dims={n: s for n, s in trace.shapes.items() if n in forward.names},
        dtype=next((v.dtype for v in trace.values.values()), np.dtype(float)),
        of=trace.objective,
        gradients=False,
    )


def _trees(trace: Trace, recurrence: Recurrence) -> dict[str, Any] | None:
    lengths = dict(trace.sizes.trees)
    return {a.name: lengths[a.length] for a in recurrence.axes if a.leaves} or None


def _lengths(trace: Trace, recurrence: Recurrence, name: str) -> Shape:
    """How many steps a name has along each of its axes, as `trace[name]` has them."""
    ends = [last.base for _, last in recurrence.extent(name)]
    axes = recurrence.axes_of(name)
    return tuple(trace.sizes[e if e and e == a.leaves else a.length] for e, a in zip(ends, axes))


def _known(trace: Trace, name: str, among: Collection[str], what: str) -> None:
    if name in among:
        return
    close = nearest(name, among)
    raise UnrollError(
        f"this trace has no {what} {name!r}",
        remedy=f"Did you mean {close!r}?" if close else f"It has {', '.join(among)}.",
    )


# --- what Jacobians say -----------------------------------------------------------------


def products(jacobians: Array) -> Array:
    """∂s^(t) / ∂s^(k) for all t and k in 0..tau, `(tau+1, tau+1, n, n)`: J^(t) ... J^(k+1).

    jacobians: `(tau, n, n)` of one step each. The identity where t = k, zero where t < k. Total where
    what is stacked is all that a step hands on to the next. Goodfellow, Bengio & Courville 2016,
    section 10.7.
    """
    tau, n, _ = jacobians.shape
    found = np.zeros((tau + 1, tau + 1, n, n), jacobians.dtype)
    found[np.arange(tau + 1), np.arange(tau + 1)] = np.eye(n)
    for t in range(1, tau + 1):
        found[t, :t] = jacobians[t - 1] @ found[t - 1, :t]
    return found


def singular_values(jacobians: Array) -> Array:
    """Singular values of each matrix, the largest first: by what factors it stretches."""
    return np.asarray(np.linalg.svd(jacobians, compute_uv=False))


def spectral_radius(jacobians: Array) -> Array:
    """The largest absolute value of an eigenvalue, of each matrix (section 10.8)."""
    return np.asarray(np.abs(np.linalg.eigvals(jacobians)).max(axis=-1))


def norms(jacobians: Array) -> Array:
    """The spectral norm of each matrix, its largest singular value: above 1 something is stretched."""
    return singular_values(jacobians)[..., 0]
