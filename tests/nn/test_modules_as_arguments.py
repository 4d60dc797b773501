"""Modules as arguments of compiled functions, and as what these read from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import optree
import pytest

import graphc
from graphc import nn
from graphc.config import override
from graphc.nn import functional as F


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True):
        graphc.manual_seed(1)
        yield


class Net(nn.Module):
    """A module with a number, and parts in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 2)])
        self.scale = 2.0

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x).tanh()
        return x * self.scale


def loss(model: nn.Module, x: Any, y: Any) -> Any:
    return F.mse_loss(model(x), y) + 0.1 * sum((p**2).sum() for p in model.parameters())


X, Y = np.arange(15.0).reshape(5, 3) / 10, np.ones((5, 2))


def eager(model: nn.Module, function: Any = loss) -> tuple[float, dict[str, Any]]:
    """The value and the gradients by name, as ``backward`` gives them."""
    model.zero_grad()
    value = function(model, graphc.tensor(X), graphc.tensor(Y))
    value.backward()
    return value.item(), {n: None if p.grad is None else p.grad.tolist() for n, p in model.named_parameters()}


def test_the_gradient_by_a_module_is_a_module_of_its_structure() -> None:
    model = Net()
    value, gradients = graphc.value_and_grad(loss)(model, X, Y)
    wanted, by_name = eager(model)
    assert isinstance(gradients, Net)
    assert value.item() == pytest.approx(wanted, rel=1e-14)
    found = dict(gradients.named_parameters())
    assert list(found) == list(by_name)
    for name, gradient in found.items():
        assert not gradient.requires_grad
        np.testing.assert_allclose(gradient.tolist(), by_name[name], rtol=1e-12)
    np.testing.assert_array_equal(gradients.layers[0].weight.tolist(), found["layers.0.weight"].tolist())
    value, _ = graphc.value_and_grad(loss)(model, graphc.tensor(X), graphc.tensor(Y))
    assert value.item() == pytest.approx(wanted, rel=1e-14)


def test_frozen_parameters_and_buffers_have_no_gradient_and_no_adjoint() -> None:
    model = Net()
    f = graphc.value_and_grad(loss)
    f(model, X, Y)
    full = len(f.graph("final").nodes)
    model.layers[0].requires_grad_(False)
    _, gradients = f(model, X, Y)
    assert gradients.layers[0].weight is None
    assert gradients.layers[1].weight is not None
    assert len(f.graph("final").nodes) < full
    assert "model_layers_0_weight is not differentiated" in f.explain()
    normal = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).eval()
    _, gradients = f(normal, X, Y)
    assert gradients[1].weight is not None
    assert gradients[1].running_mean is None


def test_other_numbers_and_flags_of_a_module_are_another_program() -> None:
    model = Net()
    f = graphc.value_and_grad(loss)
    for _ in range(2):
        f(model, X, Y)
    model.scale = 3.0
    assert f(model, X, Y)[0].item() == pytest.approx(eager(model)[0], rel=1e-14)
    assert f.cache_info()["calls_traced"] == 2
    other = Net()  # of the same structure
    other.scale = 3.0
    f(other, X, Y)
    assert f.cache_info()["calls_traced"] == 2


def test_tied_parameters_have_one_gradient() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    model[2].weight = model[0].weight

    def total(model: Any, x: Any, y: Any) -> Any:
        return (model(x) ** 2).sum() + sum(p.sum() for p in model.parameters())

    _, gradients = graphc.value_and_grad(total)(model, X, Y)
    assert gradients[0].weight is gradients[2].weight
    np.testing.assert_allclose(gradients[0].weight.tolist(), eager(model, total)[1]["0.weight"], rtol=1e-12)


def test_what_forward_keeps_in_the_module_is_an_error() -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x: Any) -> Any:
            self.last = self.layer(x)
            return self.last

    with pytest.raises(graphc.SideEffectError, match="'last'"):
        graphc.value_and_grad(loss)(Keeps(), X, Y)


def test_dropout_draws_new_numbers_at_each_call() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
    f = graphc.value_and_grad(loss)
    graphc.manual_seed(5)
    found = [f(model, X, Y)[0].item() for _ in range(3)]
    graphc.manual_seed(5)
    np.testing.assert_allclose(found, [eager(model)[0] for _ in range(3)], rtol=1e-13)
    assert len(set(found)) == 3


def test_a_module_from_outside_is_read_at_each_call() -> None:
    model = Net().requires_grad_(False)
    f = graphc.grad(lambda x: model(x).sum())
    first = f(X)
    assert isinstance(first, np.ndarray)
    with graphc.no_grad():
        model.layers[1].weight.mul_(2.0)
    x = graphc.tensor(X, requires_grad=True)
    model(x).sum().backward()
    np.testing.assert_allclose(f(X), x.grad.tolist(), rtol=1e-12)
    assert f.cache_info()["calls_traced"] == 1


def test_optree_maps_over_modules_and_parameters_stay_parameters() -> None:
    model = Net()
    _, gradients = graphc.value_and_grad(loss)(model, X, Y)
    stepped = optree.tree_map(lambda p, g: p - 0.1 * g, model, gradients)
    assert isinstance(stepped, Net)
    assert [p.requires_grad for p in stepped.parameters()] == [True] * 4
    np.testing.assert_allclose(
        stepped.layers[0].bias.tolist(), model.layers[0].bias.detach().numpy() - 0.1 * gradients.layers[0].bias.numpy()
    )
    assert optree.tree_paths(model)[0] == (("layers.0.weight"),)


def test_a_compiled_training_step_takes_and_gives_a_module() -> None:
    def step(model: Any, x: Any, y: Any) -> Any:
        value, gradients = graphc.value_and_grad(loss)(model, x, y)
        return value, optree.tree_map(lambda p, g: p - 0.1 * g, model, gradients)

    with override(disable_jit=False), graphc.no_grad():
        compiled, model = graphc.jit(step), Net()
        values = []
        for _ in range(3):
            wanted, by_name = eager_step(model)
            value, model = compiled(model, X, Y)
            values.append(value.item())
            assert value.item() == pytest.approx(wanted, rel=1e-13)
            for name, p in model.named_parameters():
                np.testing.assert_allclose(p.detach().tolist(), by_name[name], rtol=1e-12)
        assert compiled.cache_info()["calls_traced"] == 1
        assert values[2] < values[0]


def eager_step(model: nn.Module) -> tuple[float, dict[str, Any]]:
    with graphc.enable_grad():
        value, gradients = eager(model)
    return value, {n: p.detach().numpy() - 0.1 * np.array(gradients[n]) for n, p in model.named_parameters()}


def test_gradients_of_a_module_by_name_go_into_an_optimizer() -> None:
    model = Net()
    optimizer = graphc.optim.SGD(model.parameters(), lr=0.1)
    wanted = eager_step(model)[1]
    _, gradients = graphc.value_and_grad(loss)(model, X, Y)
    for name, gradient in gradients.named_parameters():
        model.get_parameter(name).grad = gradient
    optimizer.step()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.detach().tolist(), wanted[name], rtol=1e-12)


def test_a_module_that_is_itself_the_function_is_read_at_each_call() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.9)).eval()
    called, forward = graphc.vjp, graphc.grad(lambda x: model.forward(x).sum())
    x = graphc.tensor(X)
    for _ in range(2):
        np.testing.assert_allclose(called(model, x)[0].tolist(), model(x).tolist(), rtol=1e-14)
        np.testing.assert_allclose(called(model.forward, x)[0].tolist(), model(x).tolist(), rtol=1e-14)
        np.testing.assert_allclose(forward(X)[0], model[0].weight.sum(0).tolist(), rtol=1e-14)
        model[0].weight = nn.Parameter(graphc.ones(2, 3))
    with graphc.no_grad(), override(disable_jit=False):
        compiled = graphc.jit(model[1])
        assert (compiled(x) == x).all()
        model.train()
        assert (compiled(x) == 0.0).any()
        assert compiled.cache_info()["calls_traced"] == 2
