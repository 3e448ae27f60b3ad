"""Every template: reads, prints, runs, checks, folds, derives and draws."""

import re
from itertools import product

import numpy as np
import pytest
from agreement import assert_agrees

import unroll
from unroll import templates
from unroll.numeric.fitting import leading
from unroll.numeric.layout import wanted
from unroll.numeric.report import count_parameters

ALL = templates.names()
OPAQUE = ("dynamical-system", "driven-system")


@pytest.mark.parametrize("name", ALL)
def test_says_what_it_is(name):
    found = templates.load(name)
    assert found.title
    assert re.search(r"\b\d{4}\b|documentation", found.source)
    assert len(found.note.split()) > 15


@pytest.mark.parametrize("name", ALL)
def test_prints_as_what_it_reads(name):
    recurrence = unroll.template(name)
    again = unroll.parse(str(recurrence), roles=recurrence.template.roles)
    assert again == recurrence
    assert str(again) == str(recurrence)


@pytest.mark.parametrize("name", ALL)
def test_the_canonical_text_is_what_the_template_says(name):
    assert str(unroll.template(name)) == templates.load(name).equations.strip()


@pytest.mark.parametrize(("name", "steps"), list(product(ALL, [1, 2, 7])))
def test_every_gradient_agrees_with_finite_differences(name, steps):
    result = unroll.template(name).check(steps=steps)
    assert result.passed
    assert result.worst < 1e-6


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("view", ["folded", "unfolded", "both"])
@pytest.mark.parametrize("steps", [None, 1, 4])
def test_draws(name, view, steps):
    assert unroll.template(name).draw(view=view, steps=steps).svg().startswith("<svg")


@pytest.mark.parametrize("name", [n for n in ALL if n not in OPAQUE])
def test_derives(name):
    recurrence = unroll.template(name)
    if recurrence.objective() is None:
        with pytest.raises(unroll.UnrollError, match="no objective"):
            recurrence.derive()
    else:
        derivation = recurrence.derive()
        for parameter in recurrence.parameters:
            assert f"grad_{parameter}" in str(derivation)
        assert derivation.latex().startswith(r"\begin{align*}")


def test_teacher_forcing_needs_no_loop_and_its_twin_does():
    forced = unroll.template("teacher-forcing").run(steps=5)
    assert "for t in" not in forced.code
    assert "for t in" in unroll.template("free-running").run(steps=5).code


def test_the_parameters_of_a_net_without_sharing_grow_with_the_length():
    counts = [count_parameters(unroll.template("per-position").run(steps=n)) for n in (2, 4, 8)]
    assert [c.total for c in counts] == [80, 160, 320]
    assert {c.shared for c in counts} == {40}
    shared = [count_parameters(unroll.template("rnn").run(steps=n)) for n in (2, 4, 8)]
    assert {(c.total, c.shared) for c in shared} == {(40, 40)}


def test_a_time_delay_net_sees_its_window_and_nothing_else():
    """Influence of x[s] on h[t]: exactly zero outside of the last three inputs."""
    recurrence = unroll.parse(
        "h[t] = tanh(b + U_0 @ x[t] + U_1 @ x[t-1] + U_2 @ x[t-2]); C = h[6]; J = sum(C)"
    )
    gradient = recurrence.run(steps=8, dims={"x": 4, "h": 3}).gradient("x")
    assert (np.abs(gradient).sum(axis=1) > 0).tolist() == [0, 0, 0, 1, 1, 1, 0, 0]


def bits(numbers, steps):
    return np.array([[n >> k & 1 for k in range(steps)] for n in numbers], dtype=float)


def test_the_binary_adder_adds_all_pairs_of_8_bit_numbers():
    steps = 9
    a, b = (np.ravel(m) for m in np.meshgrid(np.arange(256), np.arange(256)))
    x = np.stack([bits(a, steps), bits(b, steps)], axis=-1).transpose(1, 0, 2)
    adder = unroll.template("binary-adder")
    weights = {k: np.array(v, dtype=float) for k, v in adder.template.arrays.items() if k != "x"}
    trace = adder.run({**weights, "x": x})
    assert trace["o"].shape == (steps, 65536, 1)
    sums = (trace["o"][:, :, 0] * 2.0 ** np.arange(steps)[:, None]).sum(axis=0)
    np.testing.assert_array_equal(sums, a + b)


def test_the_binary_adder_adds_numbers_of_any_length():
    adder = unroll.template("binary-adder")
    weights = {k: np.array(v, dtype=float) for k, v in adder.template.arrays.items() if k != "x"}
    rng = np.random.default_rng(0)
    for length in (1, 50, 300):
        numbers = [int.from_bytes(rng.bytes(length), "little") for _ in range(2)]
        steps = 8 * length + 1
        x = bits(numbers, steps).T
        out = adder.run({**weights, "x": x})["o"][:, 0]
        assert sum(int(bit) << k for k, bit in enumerate(out)) == sum(numbers)


def test_a_template_with_arrays_keeps_its_weights_for_any_number_of_steps():
    adder = unroll.template("binary-adder")
    assert adder.run()["o"][:, 0].tolist() == [1, 0, 0, 0, 1]  # 11 + 6 = 17
    assert adder.run(steps=7)["o"][:, 0].tolist() == [1, 0, 0, 0, 1, 0, 0]
    assert adder.run(steps=2)["o"][:, 0].tolist() == [1, 0]


def test_sizes_that_are_said_go_before_those_of_the_template():
    trace = unroll.template("rnn").run(dims={"h": 7})
    assert trace["W"].shape == (7, 7)
    assert trace["x"].shape == (5, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("equations = ", "not a template"),
        ("title = 'x'", "no equations"),
        ("equations = 'h[t] = h[t-1]'\ncolour = 'red'", "no entry 'colour'"),
    ],
)
def test_a_file_that_is_no_template_says_why(text, words):
    with pytest.raises(unroll.UnrollError, match=words):
        templates.read(text, "mine.toml")


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(unroll.UnrollError, match="Did you mean 'teacher-forcing'"):
        unroll.template("teacher-forcng")


@pytest.mark.parametrize(
    "name", [n for n in ALL if not templates.load(n).arrays and unroll.template(n).inputs]
)
def test_a_batch_is_its_entries_one_by_one(name):
    """Inputs of three sequences at once: every value and gradient is that of each run alone."""
    recurrence = unroll.template(name).runnable()
    alone = [recurrence.run(steps=3, seed=seed) for seed in range(3)]
    arrays = {}
    for n in wanted(recurrence):
        each = [t.values[n] if "[" in n else t[n] for t in alone]
        lead = leading(recurrence, n)
        batched = n in recurrence.inputs and lead
        arrays[n] = np.stack(each, axis=lead) if batched else each[0]
    trace = recurrence.run(arrays, dims={n: alone[0].shapes[n] for n in recurrence.names})
    assert trace.batch == 3
    assert_agrees(recurrence, trace, 1e-11)


NO_STEP = {("echo-state", "beta"), ("recursive-tree", "c")}  # a penalty, and a bias at the root


@pytest.mark.parametrize("name", [n for n in ALL if unroll.template(n).objective()])
def test_what_steps_contribute_adds_up_to_the_gradient(name):
    recurrence = unroll.template(name)
    trace = recurrence.run(steps=3)
    for parameter in recurrence.parameters:
        if recurrence.axis_of(parameter) == recurrence.axes[0]:
            continue
        if (name, parameter) in NO_STEP:
            with pytest.raises(unroll.UnrollError, match="belongs to no step"):
                trace.contributions(parameter)
            continue
        found = trace.contributions(parameter).sum(axis=0)
        np.testing.assert_allclose(found, trace.gradient(parameter), atol=1e-12)
