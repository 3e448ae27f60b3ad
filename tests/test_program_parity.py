"""The page's numbers are NumPy's for recurrences nobody thought of, and for those of papers."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from javascript import EXACT, evaluator, modules, needs_node, worst
from papers import PAPERS, draw
from test_papers import options, with_loss
from test_random_axes import dims, lengths, worlds
from test_random_recurrences import SHAPES, recurrences

from unroll.language.parser import parse
from unroll.numeric.execution import run
from unroll.symbolic.validation import validate

pytestmark = needs_node
LOOSE = 1e-10  # sums of random terms cancel


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory):
    with evaluator(modules(tmp_path_factory.mktemp("modules"))) as found:
        yield found


@settings(max_examples=150, deadline=None)
@given(text=recurrences(), steps=st.integers(1, 5))
def test_any_recurrence(evaluate, text, steps):
    recurrence = parse(text)
    random = np.random.default_rng(0)
    arrays = {"x": random.normal(size=(steps, 2))}
    for name in recurrence.names:
        if name not in recurrence.defined and name not in arrays:
            arrays[name] = random.normal(size=SHAPES.get(name, (2,)))
    for equation in recurrence.equations:
        if "given" in repr(equation.expression):
            arrays[f"{equation.name}[0]"] = random.normal(size=2)
    trace = run(recurrence, arrays)
    assert worst(trace, evaluate(trace)) < LOOSE


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(recurrence=worlds(), number=st.integers(1, 4))
def test_any_recurrence_on_several_axes(evaluate, recurrence, number):
    validate(recurrence)
    sizes = dims(recurrence)
    trace = run(recurrence, steps=lengths(recurrence, number), dims=sizes, seed=number)
    assert worst(trace, evaluate(trace)) < LOOSE


@pytest.mark.parametrize("paper", PAPERS, ids=[p.source for p in PAPERS])
def test_papers(evaluate, paper):
    trace = with_loss(paper).run(**options(paper, draw(paper)))
    # some gradients are zero but for rounding, as that of the stabilizer of an sLSTM
    assert worst(trace, evaluate(trace), least=1e-3) < EXACT
