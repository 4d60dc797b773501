"""float16: stored in 16 bits, computed in single precision, rounded after each function."""

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

F16, F32 = np.float16, np.float32


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    graphc.manual_seed(0)
    with override(disable_jit=True):
        yield


def half(*numbers: float, grad: bool = False) -> Any:
    return graphc.tensor(list(numbers), dtype=graphc.float16, requires_grad=grad)


def test_results_are_rounded_after_each_function() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(50).astype(F16) for _ in range(2))
    x, y = graphc.tensor(a), graphc.tensor(b)
    assert (x.dtype, x.nbytes) == (F16, 100)
    for mine, wanted in (
        (x + y, a + b), (x * y - x, a * b - a), (x / y, a / b), (x * 2.0, a * F16(2)), (x.exp(), np.exp(a)),
    ):  # fmt: skip
        assert mine.dtype == F16
        np.testing.assert_array_equal(mine.numpy(), wanted)
    total = x.sum()
    assert total.dtype == F16
    assert total.item() == F16(a.astype(F32).sum(dtype=np.float64))  # added up in float32, rounded once
    assert (graphc.ones(4096).half() * 1).sum().item() == 4096.0  # which halves alone would stop at 2048
    assert half(60000.0).mul(2).tolist() == [np.inf]
    assert (half(1e-7) * 1).tolist() == [float(F16(1e-7))]


def test_dtypes_are_torchs() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
    for lib in (graphc, torch):
        x, n = lib.ones(2, dtype=lib.float16), lib.arange(2)
        single, scalar = lib.ones(2, dtype=lib.float32), lib.tensor(2.0, dtype=lib.float32)
        results = (x + x, x + 1.5, x + n, x + single, x + scalar, scalar + x, x.float(), x.sum(), x > 0, x.argmax(),
                   lib.where(x > 0, x, x), x.reshape(2, 1), x.softmax(0), single.half(), x.double(),
                   lib.cat([x, single]), x.mean(), lib.ones_like(x), lib.nn.functional.mse_loss(x, x),
                   x @ x)  # fmt: skip
        names = [str(r.dtype).removeprefix("torch.") for r in results]
        if lib is graphc:
            mine = names
    assert mine == names


def test_gradients_come_back_as_halves() -> None:
    w = half(0.5, -2.0, 3.0, grad=True)
    x = graphc.tensor([1.0, 2.0, 3.0])
    ((w * w).sum() * 0.5).backward()
    assert (w.grad.dtype, w.grad.tolist()) == (F16, [0.5, -2.0, 3.0])
    w.grad = None
    (w.float() * x.float()).sum().backward()
    assert (w.grad.dtype, w.grad.tolist()) == (F16, [1.0, 2.0, 3.0])
    (w * 40000).sum().backward()
    (w * 40000).sum().backward()
    assert np.isinf(w.grad.tolist()).all()
    tiny = half(1.0, grad=True)
    ((tiny * 1e-5) * 1e-4).sum().backward()
    assert tiny.grad.tolist() == [0.0]  # too small for a half: what a GradScaler is for


def test_a_model_of_halves_is_trained_with_a_scaler(tmp_path: Any) -> None:
    nn = graphc.nn
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).half()
    optimizer = graphc.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scaler = graphc.amp.GradScaler(init_scale=2.0**14, growth_interval=5)
    x = graphc.randn(32, 3).half()
    y = (x[:, :1] * 0.5 - 0.25).detach()
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x).float(), y.float())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]
    assert {p.dtype for p in model.parameters()} == {np.dtype(F16)}
    assert optimizer.state[model[0].weight]["momentum_buffer"].dtype == F16
    if pytest.importorskip("safetensors", reason="safetensors is not installed"):
        graphc.save(model.state_dict(), tmp_path / "half.safetensors")
        again = graphc.load(tmp_path / "half.safetensors")
        assert again["0.weight"].tolist() == model[0].weight.tolist()


def test_autocast_to_halves_multiplies_in_them_and_adds_up_in_single_precision() -> None:
    w, x = graphc.randn(64, 8).requires_grad_(), graphc.randn(4, 64)
    with graphc.autocast(graphc.float16):
        product = x @ w
        loss = graphc.nn.functional.mse_loss(product.tanh(), graphc.ones(4, 8))
        assert (product.dtype, product.softmax(1).dtype, loss.dtype) == (F16, F32, F32)
    exact = x.numpy().astype(F16).astype(F32) @ w.detach().numpy().astype(F16).astype(F32)
    np.testing.assert_allclose(product.detach().numpy(), exact.astype(F16), rtol=2e-3)
    loss.backward()
    assert w.grad.dtype == np.float64
    reference = w.detach().requires_grad_()
    graphc.nn.functional.mse_loss((x @ reference).tanh(), graphc.ones(4, 8)).backward()
    np.testing.assert_allclose(w.grad.numpy(), reference.grad.numpy(), atol=2e-3)


def test_steps_views_and_checkpoints() -> None:
    model = graphc.nn.Linear(4, 2).half()
    step = graphc.optim.compile_step(model, graphc.nn.MSELoss(), graphc.optim.Adam(model.parameters(), lr=0.01))
    x, y = graphc.ones(3, 4).half(), graphc.zeros(3, 2).half()
    losses = [step(x, y).item() for _ in range(5)]
    assert losses[-1] < losses[0]
    assert step(x, y).dtype == model.weight.dtype == F16
    w = half(1.0, 2.0, 3.0, 4.0, grad=True)
    out = graphc.checkpoint(lambda w: (w.reshape(2, 2).T * w[:2]).exp())(w)
    assert out.dtype == F16
    out.float().sum().backward()
    v = w.detach().float().requires_grad_()
    (v.reshape(2, 2).T * v[:2]).exp().sum().backward()
    np.testing.assert_allclose(w.grad.tolist(), v.grad.tolist(), rtol=4e-3)
    z = graphc.zeros(3, dtype=graphc.float16)
    z[1] = 0.1
    z += graphc.ones(3)
    assert (z.dtype, z.tolist()) == (F16, [1.0, float(F16(1) + F16(0.1)), 1.0])


def test_what_it_refuses() -> None:
    with pytest.raises(TypeError, match="float64 or float32, not float16"):
        graphc.set_default_dtype(graphc.float16)
    with pytest.raises(NotImplementedError, match="no linear algebra in it"):
        graphc.grad(lambda x: np.linalg.inv(x).sum())(np.eye(2, dtype=F16))


def test_compiled_code_has_the_bits_of_the_interpreter() -> None:
    rng = np.random.default_rng(1)
    a = rng.standard_normal(1000).astype(F16)
    found = []
    for interpreted in (True, False):
        with override(disable_jit=interpreted):
            x = graphc.tensor(a, requires_grad=True)
            y = x * 3 + x.square() * 1e-4
            y.sum().backward()
            found.append((y.detach().numpy(), x.grad.numpy()))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
