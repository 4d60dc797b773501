"""``compile_step``: the same numbers as the steps one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn
import graphc.optim
from graphc.config import override
from graphc.errors import NanError
from graphc.tensors import programs


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True):
        yield


def model_of(seed: int, *more: Any) -> Any:
    graphc.manual_seed(seed)
    nn = graphc.nn
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), *more, nn.Linear(5, 2))


def batch(rows: int, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return graphc.tensor(rng.standard_normal((rows, 3))), graphc.tensor(rng.standard_normal((rows, 2)))


def one_by_one(model: Any, loss: Any, optimizer: Any) -> Any:
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value

    return step


def both(make: Any, steps: Any) -> list[list[Any]]:
    """Losses and parameters after the steps, one by one and compiled."""
    found = []
    for build in (one_by_one, graphc.optim.compile_step):
        model, loss, optimizer = make()
        graphc.manual_seed(9)
        step = build(model, loss, optimizer)
        losses = [value.item() for value in steps(model, optimizer, step)]
        found.append([losses, *[p.tolist() for p in model.parameters()]])
    return found


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_it_gives_what_the_steps_give(name: str) -> None:
    options = {"lr": 0.05, **({"momentum": 0.9} if name == "SGD" else {})}

    def make() -> Any:
        model = model_of(1)
        return model, graphc.nn.MSELoss(), getattr(graphc.optim, name)(model.parameters(), **options)

    def steps(model: Any, optimizer: Any, step: Any) -> Any:
        for k in range(6):
            yield step(*batch(4, k))
        optimizer.param_groups[0]["lr"] = 0.01
        yield step(*batch(4, 7))
        yield step(*batch(2, 8))
        model[0].requires_grad_(False)
        yield step(*batch(4, 9))

    plain, compiled = both(make, steps)
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_random_numbers_are_drawn_at_each_step() -> None:
    def make() -> Any:
        model = model_of(1, graphc.nn.Dropout(0.5))
        return model, graphc.nn.MSELoss(), graphc.optim.SGD(model.parameters(), lr=0.1)

    def steps(model: Any, optimizer: Any, step: Any) -> Any:
        for _ in range(4):
            yield step(*batch(4))
        model.eval()
        yield step(*batch(4))

    found = both(make, steps)
    assert len(set(found[1][0])) == 5  # every step has another mask
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-12)  # and each draws once, as the steps one by one do


def test_what_a_model_draws_is_drawn_at_each_step() -> None:
    fixed = graphc.randn(3)

    class Noisy(graphc.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = graphc.nn.Linear(3, 2)

        def forward(self, x: Any) -> Any:
            return self.layer(x + fixed) + graphc.randn(x.shape[0], 2) * graphc.rand(1)

    def make() -> Any:
        graphc.manual_seed(0)
        model = Noisy()
        return model, graphc.nn.MSELoss(), graphc.optim.SGD(model.parameters(), lr=0.0)

    def steps(model: Any, optimizer: Any, step: Any) -> Any:
        for _ in range(3):
            yield step(*batch(4))

    plain, compiled = both(make, steps)
    assert len(set(plain[0])) == 3
    np.testing.assert_allclose(plain[0], compiled[0], rtol=1e-12)


def test_a_buffer_that_the_model_writes_is_kept() -> None:
    class Counting(graphc.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = graphc.nn.Linear(3, 2)
            self.register_buffer("mean", graphc.zeros(3))

        def forward(self, x: Any) -> Any:
            with graphc.no_grad():
                self.mean.mul_(0.5).add_(x.mean(0) * 0.5)
            return self.layer(x - self.mean)

    def make() -> Any:
        graphc.manual_seed(0)
        model = Counting()
        model.register_parameter("unused", None)
        return model, graphc.nn.MSELoss(), graphc.optim.Adam(model.parameters(), lr=0.1)

    def steps(model: Any, optimizer: Any, step: Any) -> Any:
        for k in range(4):
            yield step(*batch(4, k))
        yield model.mean.sum()

    plain, compiled = both(make, steps)
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_it_meets_no_new_program_after_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    original = programs.program_of
    monkeypatch.setattr("graphc.optim.compiled.program_of", lambda *a: made.append(a) or original(*a))
    model = model_of(1)
    step = graphc.optim.compile_step(model, graphc.nn.MSELoss(), graphc.optim.Adam(model.parameters()))
    for k in range(3):
        step(*batch(4, k))
    assert len(made) == 1


def test_what_it_refuses() -> None:
    model = model_of(1)
    optimizer = graphc.optim.SGD(model.parameters(), lr=0.1)
    x, y = batch(4)
    for loss, match in (
        (lambda a, b: a - b, "scalar"),
        (lambda a, b: (a - b).sum() * (a - b).sum().item(), "reads the value"),
        (lambda a, b: (b * b).sum(), "does not require grad"),
    ):
        with pytest.raises(RuntimeError, match=match):
            graphc.optim.compile_step(model, loss, optimizer)(x, y)
    assert graphc.is_grad_enabled()
    before = graphc.ones(2, requires_grad=True) * 2
    before.tolist()
    with pytest.raises(RuntimeError, match="computed before"):
        graphc.optim.compile_step(model, lambda a, b: (a * before).sum(), optimizer)(x, y)


def test_compiled_code_does_the_same() -> None:
    x, y = batch(4)
    found = []
    for interpreted in (True, False):
        with override(disable_jit=interpreted):
            model = model_of(3)
            step = graphc.optim.compile_step(model, graphc.nn.MSELoss(), graphc.optim.AdamW(model.parameters(), lr=0.1))
            found.append([step(x, y).item() for _ in range(4)])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_a_step_looks_for_nan_only_while_that_is_asked() -> None:
    model, (x, y) = model_of(1), batch(4)
    step = graphc.optim.compile_step(
        model, lambda out, y: (out - y).sum().log() * 0.0, graphc.optim.SGD(model.parameters(), lr=0.0)
    )
    y = y + 100.0  # logarithms of negative numbers
    with override(nan=True), pytest.raises(NanError):
        step(x, y)
    assert np.isnan(step(x, y).item())
