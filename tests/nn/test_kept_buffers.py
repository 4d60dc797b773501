"""Buffers that a module writes into while a compiled function calls it: written once a call, as PyTorch would."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc
from graphc import nn
from graphc.config import override
from graphc.nn import functional as F

RANDOM = np.random.default_rng(4)
X, Y = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 2))


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True, nan=True):  # or what stands in ``graphc.jit`` would run plainly
        graphc.manual_seed(1)
        yield


def network(lib: Any = nn, momentum: float | None = 0.1) -> Any:
    if momentum is None:  # a small one, to be compiled
        return lib.Sequential(lib.BatchNorm1d(3, momentum=None, affine=False), lib.Linear(3, 2))
    return lib.Sequential(lib.Linear(3, 4), lib.BatchNorm1d(4, momentum=momentum), lib.Tanh(), lib.Linear(4, 2))


def loss(model: Any, x: Any, y: Any) -> Any:
    return F.mse_loss(model(x), y)


def buffers(model: Any) -> list[Any]:
    return [b.detach().numpy().copy() for b in model.buffers()]


def after_calls(model: Any, count: int, x: Any = X) -> list[Any]:
    """The buffers after so many plain calls, of a copy."""
    model = copy.deepcopy(model)
    for _ in range(count):
        model(graphc.tensor(x))
    return buffers(model)


def assert_same(found: list[Any], wanted: list[Any]) -> None:
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("momentum", "compiled"), [(0.1, False), (None, True)])
def test_training_beside_torch(momentum: float | None, compiled: bool) -> None:
    torch = pytest.importorskip("torch")
    model, theirs = network(momentum=momentum), network(torch.nn, momentum).double()
    theirs.load_state_dict({name: torch.tensor(t.numpy().copy()) for name, t in model.state_dict().items()})
    optimizer, other = graphc.optim.SGD(model.parameters(), lr=0.1), torch.optim.SGD(theirs.parameters(), lr=0.1)
    step = graphc.value_and_grad(loss)
    for _ in range(4):
        x, y = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 2))
        with override(disable_jit=not compiled):
            value, gradients = step(model, x, y)
        for p, gradient in zip(model.parameters(), gradients.parameters(), strict=True):
            p.grad = gradient
        optimizer.step()
        other.zero_grad()
        wanted = torch.nn.functional.mse_loss(theirs(torch.tensor(x)), torch.tensor(y))
        wanted.backward()
        other.step()
        assert value.item() == pytest.approx(wanted.item(), rel=1e-12)
        assert_same(buffers(model), buffers(theirs))
        assert_same([p.detach().numpy() for p in model.parameters()], [p.detach() for p in theirs.parameters()])
    assert [m.num_batches_tracked.item() for m in model if isinstance(m, nn.BatchNorm1d)] == [4]
    assert step.cache_info()["calls_traced"] == 1
    assert f"written into: model_{int(not compiled)}_running_mean has other values after each call" in step.explain()


def looped(model: Any, x: Any, y: Any) -> Any:
    total = 0.0
    for _ in range(3):
        total = total + loss(model, x, y)
    return total


class Outer(nn.Module):
    """Recomputes what its part makes."""

    def __init__(self) -> None:
        super().__init__()
        self.part = network()

    def forward(self, x: Any) -> Any:
        return graphc.checkpoint(self.part)(x)


class Own(nn.Module):
    """Keeps a mean of its own, and reads it after it has written."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("mean", graphc.zeros(2))

    def forward(self, x: Any) -> Any:
        y = self.layer(x)
        with graphc.no_grad():
            self.mean.mul_(0.9).add_(0.1 * y.mean(0))
            self.mean[0] += 1.0
        return y - self.mean


WAYS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], int]] = {
    "grad": (network, lambda m: graphc.grad(loss)(m, X, Y), 1),
    "by an input": (network, lambda m: graphc.grad(loss, argnums=1)(m, X, Y), 1),
    "by keyword": (network, lambda m: graphc.grad(loss, argnames="x")(model=m, x=X, y=Y), 1),
    "in a container": (network, lambda m: graphc.grad(lambda d: loss(d["model"], X, Y))({"model": m}), 1),
    "auxiliary": (network, graphc.grad(lambda m: (loss(m, X, Y), m(X)), has_aux=True), 2),
    "the module itself": (network, lambda m: graphc.vjp(m, X), 1),
    "vjp": (network, lambda m: graphc.vjp(loss, m, X, Y)[1](1.0), 1),
    "from outside": (network, lambda m: graphc.grad(lambda x: loss(m, x, Y))(X), 1),
    "loop": (network, lambda m: graphc.grad(looped)(m, X, Y), 3),
    "checkpoint": (Outer, lambda m: graphc.grad(loss)(m, X, Y), 1),
    "a step in jit": (network, lambda m: graphc.jit(lambda m, x: graphc.value_and_grad(loss)(m, x, Y))(m, X), 1),
    "vjp in jit": (network, lambda m: graphc.jit(lambda m, x: graphc.vjp(loss, m, x, Y)[1](1.0)[1])(m, X), 1),
    "jit in grad": (network, lambda m: graphc.grad(lambda m, x: graphc.jit(lambda z: m(z).sum())(x))(m, X), 1),
    "second derivative": (
        network, lambda m: graphc.grad(lambda x, m: (graphc.grad(loss, argnums=1)(m, x, Y) ** 2).sum())(X, m), 1,
    ),
    "a module of one's own": (Own, lambda m: graphc.grad(loss)(m, X, Y), 1),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_call_writes_once_what_a_plain_call_would(way: str) -> None:
    make, call, count = WAYS[way]
    model = make()
    wanted = after_calls(model, count)
    with graphc.no_grad() if "jit" in way else graphc.enable_grad():
        call(model)
    assert_same(buffers(model), wanted)


def test_a_value_written_before_it_is_read_is_the_one_differentiated() -> None:
    model = Own()
    found = graphc.grad(loss)(model, X, Y)
    model = copy.deepcopy(model)
    model.mean = graphc.zeros(2)
    loss(model, graphc.tensor(X), graphc.tensor(Y)).backward()
    np.testing.assert_allclose(found.layer.weight.numpy(), model.layer.weight.grad.numpy(), rtol=1e-12)


def test_memory_that_numpy_has_sees_it_and_evaluation_leaves_it() -> None:
    model = network()
    shown = model[1].running_mean.numpy()
    step = graphc.value_and_grad(loss)
    step(model, X, Y)
    np.testing.assert_array_equal(shown, after_calls(network(), 0)[0] + model[1].running_mean.numpy())
    assert shown.any()
    before = buffers(model)
    step(model.eval(), X, Y)
    assert_same(buffers(model), before)


def test_a_call_that_fails_writes_nothing() -> None:
    with override(disable_jit=False):
        model = Own()
        step = graphc.grad(lambda model, x, k: (model(x)[:, 0] * x[k].sum()).sum())
        step(model, X, np.int64(1))
        before = buffers(model)
        with pytest.raises(IndexError):
            step(model, X, np.int64(9))
    assert_same(buffers(model), before)


class Assigns(Own):
    def forward(self, x: Any) -> Any:
        self.mean = 0.9 * self.mean + x.mean()
        return self.layer(x)


class WritesParameter(Own):
    def forward(self, x: Any) -> Any:
        with graphc.no_grad():
            self.layer.weight.mul_(0.5)
        return self.layer(x)


REFUSED: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], str]] = {
    "vmap": (network, lambda m: graphc.vmap(lambda x: m(x).sum())(X[:, None]), "vmap, jacobian"),
    "jacobian": (network, lambda m: graphc.jacobian(lambda x, m: m(x))(X, m), "vmap, jacobian"),
    "hessian": (network, lambda m: graphc.hessian(lambda x, m: loss(m, x, Y))(X, m), "vmap, jacobian"),
    "jvp": (network, lambda m: graphc.jvp(m, (X,), (X,)), "vmap, jacobian"),
    "two arguments": (network, lambda m: graphc.grad(lambda a, b: (a(X) * b(X)).sum())(m, m), "by two ways"),
    "outside too": (network, lambda m: graphc.grad(lambda a: (a(X) * m(X)).sum())(m), "by two ways"),
    "its buffer": (
        network, lambda m: graphc.grad(lambda x, t, m: (m(x) * t.sum()).sum())(X, m[1].running_mean, m), "by two ways",
    ),
    "assigned": (Assigns, lambda m: graphc.grad(loss)(m, X, Y), "write into the tensor that is there"),
    "a parameter": (WritesParameter, lambda m: graphc.grad(loss)(m, X, Y), "but for buffers of modules"),
    "an argument": (network, lambda m: graphc.grad(lambda x, t: (x * t.add_(1.0)).sum())(X, graphc.ones(3)), "clone"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_where_it_has_no_meaning_there_is_an_error_and_nothing_is_written(what: str) -> None:
    make, call, message = REFUSED[what]
    model = make()
    before = buffers(model)
    with pytest.raises(graphc.SideEffectError, match=message):
        call(model)
    assert_same(buffers(model), before)


def test_an_inner_function_writes_into_a_tensor_of_the_outer_one() -> None:
    def outer(x: Any) -> Any:
        t = graphc.tensor(x).clone()
        graphc.jit(lambda u: u.add_(1.0))(t)
        return (t * t).sum()

    np.testing.assert_allclose(graphc.grad(outer)(X), 2.0 * (X + 1.0), rtol=1e-14)


class Counts(nn.Module):
    """Counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", graphc.zeros(1))

    def forward(self, x: Any) -> Any:
        self.count.add_(1.0)
        return x * self.count


def test_compiled_callers_are_refused() -> None:
    model = Counts()
    counted = graphc.grad(lambda x: model(x).sum())
    with override(disable_jit=False), pytest.raises(graphc.UnsupportedError, match="call it from Python"):
        counted.cfunc("int64_t f(uint64_t n, const double x[n], double grad[n])")
