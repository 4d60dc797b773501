"""L-BFGS beside torch's: the same points, as far as rounding lets them be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn
import graphc.optim
from graphc.config import override


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True):
        yield


def rosenbrock(lib: Any, w: Any) -> Any:
    return (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()


def quartic(lib: Any, w: Any) -> Any:
    return ((w - 1) ** 4 * lib.tensor([1.0, 3.0, 0.5, 2.0], dtype=lib.float64)).sum() + (w * 3).sin().sum()


def bowl(lib: Any, w: Any) -> Any:
    return (lib.tensor([1.0, 10.0, 100.0, 3.0], dtype=lib.float64) * w * w).sum() + w[0] * w[2]


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "rosenbrock, line search": (rosenbrock, {"line_search_fn": "strong_wolfe", "max_iter": 8}),
    "quartic, line search": (quartic, {"line_search_fn": "strong_wolfe", "max_iter": 5, "lr": 0.3}),
    "bowl, fixed steps": (bowl, {"max_iter": 6}),
    "bowl, fixed steps, few kept": (bowl, {"max_iter": 5, "history_size": 2, "lr": 0.8}),
    "stops by the change": (bowl, {"max_iter": 50, "tolerance_change": 1e-3, "line_search_fn": "strong_wolfe"}),
    "stops by evaluations": (rosenbrock, {"max_iter": 20, "max_eval": 6, "line_search_fn": "strong_wolfe"}),
    "a wild first step": (quartic, {"line_search_fn": "strong_wolfe", "max_iter": 4, "lr": 40.0}),
}
START = [-1.2, 0.7, -0.3, 1.4]


def run(lib: Any, loss: Any, options: dict[str, Any], calls: int) -> tuple[list[Any], Any, list[float]]:
    w = lib.tensor(START, dtype=lib.float64, requires_grad=True)
    optimizer = lib.optim.LBFGS([w], **options)
    losses: list[float] = []

    def closure() -> Any:
        optimizer.zero_grad()
        value = loss(lib, w)
        value.backward()
        losses.append(value.item())
        return value

    points = []
    for _ in range(calls):
        optimizer.step(closure)
        points.append(w.tolist())
    return points, optimizer, losses


@pytest.mark.parametrize("case", CASES)
def test_it_takes_the_steps_of_torch(case: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
    mine, optimizer, losses = run(graphc, *CASES[case], 3)
    theirs, reference, wanted = run(torch, *CASES[case], 3)
    assert len(losses) == len(wanted)
    np.testing.assert_allclose(losses, wanted, rtol=1e-7, atol=1e-13)
    np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9)
    state, other = (o.state_dict()["state"][0] for o in (optimizer, reference))
    assert (state["func_evals"], state["n_iter"]) == (other["func_evals"], other["n_iter"])


def test_it_finds_the_minimum() -> None:
    points, _, _ = run(graphc, rosenbrock, {"line_search_fn": "strong_wolfe"}, 4)
    np.testing.assert_allclose(points[-1], [1.0] * 4, atol=1e-6)


def test_it_goes_on_from_its_state() -> None:
    options = {"line_search_fn": "strong_wolfe", "max_iter": 4}
    whole, _, _ = run(graphc, rosenbrock, options, 3)
    halfway, optimizer, _ = run(graphc, rosenbrock, options, 2)
    w = graphc.tensor(halfway[-1], requires_grad=True)
    again = graphc.optim.LBFGS([w])
    again.load_state_dict(optimizer.state_dict())

    def closure() -> Any:
        again.zero_grad()
        loss = rosenbrock(graphc, w)
        loss.backward()
        return loss

    again.step(closure)
    assert w.tolist() == whole[-1]


def test_frozen_parameters_stay_and_the_dtype_does() -> None:
    graphc.manual_seed(0)
    nn = graphc.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).float()
    model[0].requires_grad_(False)
    before = model[0].weight._array
    x, y = graphc.randn(16, 3).float(), graphc.ones(16, 1).float()
    optimizer = graphc.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        return loss

    first = optimizer.step(closure).item()
    assert closure().item() < 1e-3 * first
    assert model[0].weight._array is before
    assert model[2].weight.dtype == np.float32


def test_what_it_refuses() -> None:
    w = graphc.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="strong_wolfe"):
        graphc.optim.LBFGS([w], line_search_fn="armijo")
    with pytest.raises(ValueError, match="one group"):
        graphc.optim.LBFGS([{"params": [w]}, {"params": [graphc.ones(1, requires_grad=True)]}])
    with pytest.raises(RuntimeError, match="closure"):
        graphc.optim.LBFGS([w]).step()
    with pytest.raises(RuntimeError, match=r"step\(closure\)"):
        graphc.optim.compile_step(graphc.nn.Linear(2, 1), graphc.nn.MSELoss(), graphc.optim.LBFGS([w]))
