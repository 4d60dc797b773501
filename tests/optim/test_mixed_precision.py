"""Autocast, the scaling of losses, gradients of micro-batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.amp
import graphc.nn
import graphc.optim
from graphc.config import override

F32, F64 = np.float32, np.float64


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True):
        yield


# --- autocast ---------------------------------------------------------------------------------------------------------


def single(tensor: Any) -> Any:
    """The numbers rounded to single precision, as a float64 tensor."""
    return graphc.tensor(tensor.detach().numpy().astype(F32).astype(F64))


def test_tensors_are_computed_in_single_precision() -> None:
    graphc.manual_seed(0)
    nn = graphc.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    x, y = graphc.randn(8, 3), graphc.ones(8, 2)
    with graphc.autocast(graphc.float32):
        assert graphc.is_autocast_enabled()
        out = model(x)
        loss = nn.functional.mse_loss(out, y)
    assert not graphc.is_autocast_enabled()
    loss.backward()
    assert (out.dtype, loss.dtype) == (F32, F32)
    assert all(p.dtype == p.grad.dtype == F64 for p in model.parameters())
    assert model[1].running_mean.dtype == F64

    exact = model.double()
    mixed = [p.grad.detach().numpy().copy() for p in exact.parameters()]
    model.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    for p, found in zip(model.parameters(), mixed, strict=True):
        difference = np.max(np.abs(p.grad.detach().numpy() - found))
        assert 0 < difference < 1e-5


def test_it_is_single_precision_bit_for_bit() -> None:
    graphc.manual_seed(1)
    w, x = graphc.randn(5, 4).requires_grad_(), graphc.randn(6, 5)
    with graphc.amp.autocast("cpu", dtype=graphc.float32):
        mixed = ((x @ w).tanh() * x[:, :4]).exp().sum()
    mixed.backward()
    low = w.detach().float().requires_grad_()
    x32 = x.float()
    ((x32 @ low).tanh() * x32[:, :4]).exp().sum().backward()
    assert mixed.dtype == F32
    np.testing.assert_array_equal(w.grad.detach().numpy(), low.grad.detach().numpy().astype(F64))


def test_blocks_nest_and_decorate() -> None:
    x = graphc.ones(2)

    @graphc.autocast(graphc.float32)
    def doubled(x: Any) -> Any:
        return x * 2

    with graphc.autocast(graphc.float32):
        with graphc.autocast(graphc.float32, enabled=False):
            assert (x * 2).dtype == F64
        with graphc.no_grad():
            assert (x * 2).dtype == F32
        assert (x + 1).dtype == F32
        assert x.reshape(1, 2).dtype == F64  # what only rearranges stays
        y = graphc.zeros(2)
        y.add_(x)  # and what is written keeps its dtype
        assert y.dtype == F64
        assert (graphc.arange(2) * 2).dtype == np.int64
    assert doubled(x).dtype == F32
    assert (x * 2).dtype == F64
    with pytest.raises(RuntimeError, match="inside"), graphc.autocast(graphc.float32):
        raise RuntimeError("inside")
    assert (x * 2).dtype == F64
    with pytest.raises(TypeError, match="float16 or bfloat16, not in int64"):
        graphc.autocast(graphc.int64)
    with pytest.raises(ValueError, match="'cuda'"):
        graphc.autocast("cuda", dtype=graphc.float32)


def test_traced_functions_have_blocks_of_their_own() -> None:
    w, x = np.linspace(0.1, 1.0, 3), np.ones((2, 3)) / 3.0

    def scores(w: Any, x: Any) -> Any:
        total = np.zeros(2)
        for k in range(3):
            total = total + np.tanh(x @ w) * k
        return np.sum(total)

    value, gradient = graphc.value_and_grad(graphc.autocast(F32)(scores))(w, x)
    assert (value.dtype, gradient.dtype) == (F32, F64)
    low = graphc.value_and_grad(scores)(w.astype(F32), x.astype(F32))
    exact = graphc.value_and_grad(scores)(w, x)
    np.testing.assert_array_equal(gradient, low[1].astype(F64))
    np.testing.assert_allclose(gradient, exact[1], rtol=1e-5)
    assert np.any(gradient != exact[1])

    @graphc.grad
    def partly(w: Any, x: Any) -> Any:
        with graphc.autocast(F32):
            inside = x @ w
        return np.sum(inside.astype(F64) ** 2)

    expected = 2 * (x.astype(F32) @ w.astype(F32)).astype(F64) @ x.astype(F32)
    np.testing.assert_allclose(partly(w, x), expected, rtol=1e-6)
    with graphc.autocast(F32):  # around a compiled function: it does not reach in
        assert graphc.value_and_grad(scores)(w, x)[0].dtype == F64


def test_a_compiled_step_is_cast_too() -> None:
    graphc.manual_seed(0)
    model = graphc.nn.Linear(3, 2)
    step = graphc.optim.compile_step(model, graphc.nn.MSELoss(), graphc.optim.SGD(model.parameters(), lr=0.1))
    x, y = graphc.randn(4, 3), graphc.ones(4, 2)
    assert step(x, y).dtype == F64
    with graphc.autocast(graphc.float32):
        assert step(x, y).dtype == F32
    assert step(x, y).dtype == F64
    assert model.weight.dtype == F64


# --- the scaler -------------------------------------------------------------------------------------------------------


def scaled_training(lib: Any, factors: list[float], clip: bool) -> tuple[list[Any], dict[str, Any]]:
    w = lib.tensor([1.0, -2.0, 3.0], dtype=lib.float64, requires_grad=True)
    frozen = lib.tensor([1.0], dtype=lib.float64)
    optimizer = lib.optim.SGD([w, frozen], lr=0.1, momentum=0.9)
    scaler = lib.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    found = []
    for factor in factors:
        optimizer.zero_grad()
        loss = (w * w * frozen).sum() * factor
        scaler.scale(loss).backward()
        if clip:
            scaler.unscale_(optimizer)
            lib.nn.utils.clip_grad_norm_([w], 1.0)
        scaler.step(optimizer)
        scaler.update()
        found.append([*w.tolist(), scaler.get_scale()])
    return found, scaler.state_dict()


@pytest.mark.parametrize("clip", [False, True])
def test_the_scaler_does_what_torchs_does(clip: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
    factors = [1.0, 0.5, 1.0, float("inf"), 1.0, float("nan"), 1.0, 1.0, 1.0]
    mine, state = scaled_training(graphc, factors, clip)
    theirs, wanted = scaled_training(torch, factors, clip)
    np.testing.assert_allclose(mine, theirs, rtol=1e-6 if clip else 1e-12)
    assert state == wanted


def test_the_scaler_goes_on_from_its_state_and_can_be_off() -> None:
    scaler = graphc.amp.GradScaler(init_scale=4.0, growth_interval=7)
    again = graphc.GradScaler()
    again.load_state_dict(scaler.state_dict())
    assert again.state_dict() == scaler.state_dict()
    off = graphc.amp.GradScaler(enabled=False)
    w = graphc.ones(1, requires_grad=True)
    optimizer = graphc.optim.SGD([w], lr=0.5)
    off.scale(w.sum()).backward()
    off.unscale_(optimizer)
    off.step(optimizer)
    off.update()
    assert (w.tolist(), off.get_scale(), off.state_dict()) == ([0.5], 1.0, {})
    assert [t.item() for t in scaler.scale((w.sum(), w.sum()))] == [2.0, 2.0]


def test_what_the_scaler_refuses() -> None:
    w = graphc.ones(1, requires_grad=True)
    optimizer = graphc.optim.SGD([w], lr=0.5)
    scaler = graphc.amp.GradScaler(init_scale=4.0)
    with pytest.raises(RuntimeError, match="no gradients were looked at"):
        scaler.update()
    scaler.scale(w.sum()).backward()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="closure"):
        scaler.step(optimizer, lambda: None)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(ValueError, match="above 1"):
        graphc.amp.GradScaler(growth_factor=0.5)


# --- micro-batches ----------------------------------------------------------------------------------------------------


def test_gradients_of_micro_batches_add_up_to_those_of_the_batch() -> None:
    graphc.manual_seed(0)
    nn = graphc.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x, y = graphc.randn(12, 3), graphc.ones(12, 2)
    nn.functional.mse_loss(model(x), y).backward()
    whole = [p.grad.detach().numpy().copy() for p in model.parameters()]
    model.zero_grad()
    for first in range(0, 12, 4):
        loss = nn.functional.mse_loss(model(x[first : first + 4]), y[first : first + 4])
        (loss / 3).backward()
    for p, wanted in zip(model.parameters(), whole, strict=True):
        np.testing.assert_allclose(p.grad.detach().numpy(), wanted, rtol=1e-12, atol=1e-15)
