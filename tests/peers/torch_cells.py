"""Templates against PyTorch's own cells, values and all gradients in float64.

An optional group: `pip install -e '.[test,torch]' && python -m pytest tests/peers/torch_cells.py`.
"""

import numpy as np
import pytest
import torch

import unroll

STEPS, BATCH, INPUTS, UNITS = 7, 3, 4, 5
TOLERANCE = 1e-10
GATES = {"lstm": "ifgo", "gru": ("r", "z", "n")}


def close(found, expected) -> None:
    expected = expected.detach().numpy()
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


def data(*names: str, size: int = UNITS):
    random = np.random.default_rng(0)
    shapes = {"x": INPUTS, "y": size}
    return {n: random.normal(size=(STEPS, BATCH, shapes[n])) for n in names}


def run_torch(module, x, y, initial=()):
    """The module's outputs, and the gradients of half the squared distance to y."""
    x = torch.tensor(x, requires_grad=True)
    out, _ = module(x, *initial)
    loss = 0.5 * ((out - torch.tensor(y)) ** 2).sum()
    loss.backward()
    return out, loss, x.grad


@pytest.mark.parametrize("name", GATES)
def test_gated_cells(name):
    module = getattr(torch.nn, name.upper())(INPUTS, UNITS, dtype=torch.float64)
    given = data("x", "y")
    blocks = {
        "W_i": "weight_ih_l0",
        "W_h": "weight_hh_l0",
        "b_i": "bias_ih_l0",
        "b_h": "bias_hh_l0",
    }
    arrays, places = dict(given), {}
    for prefix, block in blocks.items():
        whole = getattr(module, block)
        for k, gate in enumerate(GATES[name]):
            places[prefix + gate] = whole, slice(k * UNITS, (k + 1) * UNITS)
            arrays[prefix + gate] = whole.detach().numpy()[k * UNITS : (k + 1) * UNITS]
    start = {"lstm": ("h", "c"), "gru": ("h",)}[name]
    first = {
        n: torch.randn(1, BATCH, UNITS, dtype=torch.float64, requires_grad=True) for n in start
    }
    arrays |= {f"{n}[0]": v.detach().numpy()[0] for n, v in first.items()}
    state = tuple(first.values()) if name == "lstm" else first["h"]
    out, loss, grad_x = run_torch(module, given["x"], given["y"], (state,))
    trace = unroll.template(name).run(arrays)
    close(trace["h"], out)
    assert trace.loss == pytest.approx(loss.item(), abs=TOLERANCE)
    close(trace.gradient("x"), grad_x)
    for parameter, (whole, rows) in places.items():
        close(trace.gradient(parameter), whole.grad[rows])
    for n, value in first.items():
        close(trace.gradient(f"{n}[0]"), value.grad[0])


def test_elman():
    module = torch.nn.RNN(INPUTS, UNITS, dtype=torch.float64)
    read = torch.nn.Linear(UNITS, 2, dtype=torch.float64)
    given = data("x", "y", size=2)
    names = {
        "W_ih": "weight_ih_l0",
        "W_hh": "weight_hh_l0",
        "b_ih": "bias_ih_l0",
        "b_hh": "bias_hh_l0",
    }
    own = {n: getattr(module, a) for n, a in names.items()} | {"V": read.weight, "c": read.bias}
    x = torch.tensor(given["x"], requires_grad=True)
    states, _ = module(x)
    out = read(states)
    loss = 0.5 * ((out - torch.tensor(given["y"])) ** 2).sum()
    loss.backward()
    arrays = {n: a.detach().numpy() for n, a in own.items()}
    trace = unroll.template("elman").run({**given, **arrays})
    close(trace["h"], states)
    close(trace["o"], out)
    assert trace.loss == pytest.approx(loss.item(), abs=TOLERANCE)
    close(trace.gradient("x"), x.grad)
    for n, a in own.items():
        close(trace.gradient(n), a.grad)


def test_bidirectional():
    module = torch.nn.RNN(INPUTS, UNITS, bidirectional=True, dtype=torch.float64)
    given = data("x")
    classes = np.random.default_rng(1).integers(3, size=(STEPS, BATCH))
    read = torch.nn.Linear(2 * UNITS, 3, dtype=torch.float64)
    x = torch.tensor(given["x"], requires_grad=True)
    states, _ = module(x)
    out = read(states)
    loss = torch.nn.functional.cross_entropy(
        out.reshape(-1, 3), torch.tensor(classes).reshape(-1), reduction="sum"
    )
    loss.backward()
    ahead = {"W": "weight_hh_l0", "U": "weight_ih_l0"}
    back = {"R": "weight_hh_l0_reverse", "Q": "weight_ih_l0_reverse"}
    arrays = {n: getattr(module, a).detach().numpy() for n, a in {**ahead, **back}.items()}
    arrays["b"] = (module.bias_ih_l0 + module.bias_hh_l0).detach().numpy()
    arrays["d"] = (module.bias_ih_l0_reverse + module.bias_hh_l0_reverse).detach().numpy()
    weight = read.weight.detach().numpy()
    arrays |= {"V": weight[:, :UNITS], "P": weight[:, UNITS:], "c": read.bias.detach().numpy()}
    trace = unroll.template("bidirectional").run({**given, **arrays, "y": classes})
    close(np.concatenate([trace["h"], trace["g"]], axis=-1), states)
    assert trace.loss == pytest.approx(loss.item(), abs=TOLERANCE)
    close(trace.gradient("x"), x.grad)
    for n, a in {**ahead, **back}.items():
        close(trace.gradient(n), getattr(module, a).grad)
    close(trace.gradient("b"), module.bias_hh_l0.grad)
    close(trace.gradient("d"), module.bias_hh_l0_reverse.grad)
    close(trace.gradient("V"), read.weight.grad[:, :UNITS])
    close(trace.gradient("P"), read.weight.grad[:, UNITS:])
    close(trace.gradient("c"), read.bias.grad)


@pytest.mark.parametrize("name", GATES)
def test_stacked_layers(name):
    layers = 3
    module = getattr(torch.nn, name.upper())(UNITS, UNITS, layers, dtype=torch.float64)
    random = np.random.default_rng(2)
    given = {n: random.normal(size=(STEPS, BATCH, UNITS)) for n in "xy"}
    blocks = {"W_i": "weight_ih", "W_h": "weight_hh", "b_i": "bias_ih", "b_h": "bias_hh"}
    arrays, places = dict(given), {}
    for prefix, block in blocks.items():
        for k, gate in enumerate(GATES[name]):
            rows = slice(k * UNITS, (k + 1) * UNITS)
            own = [getattr(module, f"{block}_l{i}") for i in range(layers)]
            arrays[prefix + gate] = np.stack([a.detach().numpy()[rows] for a in own])
            places[prefix + gate] = own, rows
    out, loss, grad_x = run_torch(module, given["x"], given["y"])
    trace = unroll.template(name).stack().run(arrays)
    close(trace["h"][-1], out)
    assert trace.loss == pytest.approx(loss.item(), abs=TOLERANCE)
    close(trace.gradient("x"), grad_x)
    for parameter, (own, rows) in places.items():
        close(trace.gradient(parameter), torch.stack([a.grad[rows] for a in own]))
