"""The whole table, every case: values against the oracle, gradient rules against differences."""

import numpy as np
import pytest
from agreement import assert_agrees

from unroll.numeric.checks import check
from unroll.numeric.execution import run
from unroll.symbolic.expressions import Call, Constant, Index, Reference, call
from unroll.symbolic.operations import ALIASES, HISTORY, OPERATIONS
from unroll.symbolic.recurrence import Equation, Recurrence

T = Index("t")
POSITIVE = {"log", "log1p", "sqrt", "power", "divide", "mod"}
SIZES = {"m": 3, "n": 2, "k": 4}
MATRIX, VECTOR, SCALAR = (2, 3), (3,), ()


def shapes_of(signature):
    """Shapes of the operands to try for a signature: all of them, where it leaves them open."""
    left = signature.split("->")[0].split(",")
    if left[-1].endswith("+"):
        return [[(2,), (), (3,)]]
    if "*" in left and all(p in ("*", "") for p in left):
        full = [MATRIX, VECTOR, SCALAR]
        same = [[s] * len(left) for s in full]
        mixed = [[VECTOR if i == j else SCALAR for i in range(len(left))] for j in range(len(left))]
        return same + (mixed if len(left) > 1 else [])
    return [[tuple(SIZES[c] for c in p.rstrip("'")) for p in left if p not in ("*", "...")]]


SPECIAL = {  # a number stands for itself; operands that their operation relates in a way no signature says
    "part": [[(5,), (2,)], [(5,), (2,), (3,)], [(5,), (), (2,)]],
    "unpart": [[(2,), (5,), (2,)], [(2,), (5,), (2,), (3,)], [(), (5,), (), (2,)]],
    "like": [[(), (3,)], [(), (2, 3)], [(3,), (3,)]],
    "cross_entropy": [[(3,), (3,)]],  # classes instead: test_entries.py
    "softmax_cross_entropy": [[(3,), (3,)]],
    "slice": [[(5,), 1, 3], [(5,), 0, 5], [(4, 2), 1, 4]],
    "unslice": [[(2,), (5,), 1, 3], [(3, 2), (4, 2), 1, 4]],
    "entry": [[(3,), ()], [(3,), 2], [(3, 2), (), ()], [(3, 2), 0, ()]],
    "row": [[(3, 2), ()], [(3, 2), 1]],
    "column": [[(3, 2), ()], [(3, 2), 1]],
    "one_hot": [[(), (3,)], [(), (4, 3)], [(), 4], [2, (3,)]],
}


def cases():
    return list(_cases())


def _cases():
    for name, row in OPERATIONS.items():
        found = SPECIAL.get(name)
        if found is None:
            found = [s for case in row.cases if case.numpy for s in shapes_of(case.signature)]
        for shapes in dict.fromkeys(tuple(s) for s in found):
            yield pytest.param(name, shapes, id=f"{name} {' '.join(map(str, shapes))}")


def recurrence(name, shapes, moving):
    """`r[t] = operation(...)` with a weighted sum as objective; operands moving or not."""
    operands = [
        Constant(s) if isinstance(s, int) else Reference(f"a{i}", (T,) if m else ())
        for i, (s, m) in enumerate(zip(shapes, moving))
    ]
    if name == "cross_entropy":
        operands[0] = call("softmax", operands[0])
    if name == "binary_cross_entropy":
        operands[0] = (2 + call("tanh", operands[0])) / 4
        operands[1] = (2 + call("tanh", operands[1])) / 4
    result = Call(name, tuple(operands))
    weighted = Reference("w", (T,)) * Reference("r", (T,))
    equations = (
        Equation(Reference("r", (T,)), result),
        Equation(Reference("L", (T,)), call("sum", weighted)),
        Equation(Reference("J"), call("sum", Reference("L", (T,)), over="t")),
    )
    return Recurrence(equations)


def arrays(name, shapes, moving, batch=None):
    random = np.random.default_rng(7)
    found = {}
    for i, (shape, moves) in enumerate(zip(shapes, moving)):
        if isinstance(shape, int):
            continue
        lead = (4, *([] if batch is None else [batch])) if moves else ()
        values = random.normal(size=(*lead, *shape))
        if name in POSITIVE:
            values = 0.5 + np.abs(values)
        if name.endswith("cross_entropy") and i == 1:
            values = np.exp(values) / np.exp(values).sum(axis=-1, keepdims=True)
        if (along := OPERATIONS[name].positions.get(i)) is not None:
            whole = shapes[along.operand]
            count = whole if isinstance(whole, int) else whole[along.axis]
            values = random.integers(count, size=values.shape)
        found[f"a{i}"] = values
    return found


def complete(name, shapes, moving, batch=None):
    """The recurrence and all its arrays, the weights in the shape of the result."""
    whole = recurrence(name, shapes, moving)
    given = arrays(name, shapes, moving, batch)
    from unroll.symbolic.shapes import infer

    known = {f"a{i}": s for i, s in enumerate(shapes) if not isinstance(s, int)}
    shape = infer(whole, known)["r"]
    given["w"] = np.random.default_rng(8).normal(size=(4, *shape))
    return whole, given


def patterns(count):
    return [(True,) * count, (False,) + (True,) * (count - 1)] if count > 1 else [(True,)]


@pytest.mark.parametrize(("name", "shapes"), cases())
def test_values_are_the_oracles(name, shapes):
    for moving in patterns(len(shapes)):
        whole, given = complete(name, shapes, moving)
        assert_agrees(whole, run(whole, given))


@pytest.mark.parametrize(("name", "shapes"), cases())
def test_gradient_rules_are_right(name, shapes):
    for moving in patterns(len(shapes)):
        whole, given = complete(name, shapes, moving)
        if OPERATIONS[name].detached:  # no difference can tell; the oracle has their rule
            continue
        found = check(whole, given)
        assert found.worst < 1e-8, str(found)


@pytest.mark.parametrize("name", [n for n, row in OPERATIONS.items() if row.reduces])
@pytest.mark.parametrize("shape", [SCALAR, VECTOR, MATRIX])
def test_reductions_over_the_axis(name, shape):
    reduced = Call(name, (Reference("a", (T,)),), over="t")
    target = Reference("m", (T,) if OPERATIONS[name].keeps else ())
    total = call("sum", Reference("w") * target)
    total = Call("sum", (total * Reference("v", (T,)),), over="t") if target.indices else total
    whole = Recurrence((Equation(target, reduced), Equation(Reference("J"), total)))
    random = np.random.default_rng(1)
    given = {"a": random.normal(size=(4, *shape)), "w": random.normal(size=shape)}
    if target.indices:
        given["v"] = random.normal(size=4)
    assert_agrees(whole, run(whole, given))
    assert check(whole, given).worst < 1e-8


def test_rows_are_complete():
    for name, row in OPERATIONS.items():
        assert row.name == name
        assert row.doc
        assert row.latex
        assert row.cases or row is HISTORY
        assert not set(row.aliases) & set(OPERATIONS)
        assert all(ALIASES[a] == name for a in row.aliases)
        assert row.arity[1] is None or row.arity[0] <= row.arity[1]


def test_constants_alone_do_not_upset_numpy():
    whole = Recurrence((Equation(Reference("r", (T,)), call("power", Constant(2), Constant(-1))),))
    assert run(whole, steps=2)["r"].tolist() == [0.5, 0.5]
