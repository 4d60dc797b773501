"""Learning rates over time, beside torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
import graphc.optim

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")

CASES: dict[str, dict[str, Any]] = {
    "LambdaLR": {"lr_lambda": lambda step: min(1.0, (step + 1) / 4)},
    "StepLR": {"step_size": 3, "gamma": 0.5},
    "MultiStepLR": {"milestones": [2, 5], "gamma": 0.1},
    "ExponentialLR": {"gamma": 0.9},
    "LinearLR": {"start_factor": 0.25, "total_iters": 4},
    "CosineAnnealingLR": {"T_max": 6, "eta_min": 0.01},
}


@pytest.mark.parametrize("name", CASES)
def test_rates_are_torchs(name: str) -> None:
    found = {}
    for lib in (graphc, torch):
        a, b = (lib.ones(1, requires_grad=True) for _ in range(2))
        optimizer = lib.optim.SGD([{"params": [a]}, {"params": [b], "lr": 2.0}], lr=0.5)
        scheduler = getattr(lib.optim.lr_scheduler, name)(optimizer, **CASES[name])
        rates = [scheduler.get_last_lr()]
        for _ in range(9):
            optimizer.step()
            scheduler.step()
            rates.append([group["lr"] for group in optimizer.param_groups])
        found[lib] = rates
    np.testing.assert_allclose(found[graphc], found[torch], rtol=1e-12)


def test_a_scheduler_goes_on_from_its_state() -> None:
    rates = []
    for resumed in (False, True):
        optimizer = graphc.optim.SGD([graphc.ones(1, requires_grad=True)], lr=0.5)
        scheduler = graphc.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
        for _ in range(4):
            scheduler.step()
        if resumed:
            again = graphc.optim.SGD([graphc.ones(1, requires_grad=True)], lr=0.5)
            again.load_state_dict(optimizer.state_dict())
            state, optimizer = scheduler.state_dict(), again
            scheduler = graphc.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
            scheduler.load_state_dict(state)
        scheduler.step()
        rates.append(scheduler.get_last_lr())
    assert rates[0] == rates[1]


def test_a_warm_up_before_a_wave_is_torchs() -> None:
    found = {}
    for lib in (graphc, torch):
        parts = lib.optim.lr_scheduler
        optimizer = lib.optim.SGD([lib.ones(1, requires_grad=True)], lr=0.5)
        warm_up, wave = parts.LinearLR(optimizer, 0.1, total_iters=3), parts.CosineAnnealingLR(optimizer, 5)
        scheduler = parts.SequentialLR(optimizer, [warm_up, wave, parts.StepLR(optimizer, 2, 0.5)], [3, 8])
        found[lib] = [scheduler.get_last_lr()[0]]
        for k in range(12):
            optimizer.step()
            scheduler.step()
            found[lib].append(optimizer.param_groups[0]["lr"])
            if k == 6:  # one made anew goes on
                state = scheduler.state_dict()
                scheduler.load_state_dict(state)
    np.testing.assert_allclose(found[graphc], found[torch], rtol=1e-12)
    with pytest.raises(ValueError, match="milestone"):
        graphc.optim.lr_scheduler.SequentialLR(optimizer, [warm_up, wave], [])


PLATEAUS: dict[str, dict[str, Any]] = {
    "min": {"patience": 1},
    "max": {"mode": "max", "patience": 2, "factor": 0.5},
    "abs": {"threshold_mode": "abs", "threshold": 0.5, "patience": 1, "cooldown": 2},
    "bounded": {"patience": 0, "min_lr": [0.02, 0.5]},
}


@pytest.mark.parametrize("name", PLATEAUS)
def test_plateaus_are_torchs(name: str) -> None:
    measures = [3.0, 2.0, 2.0, 1.9999, 2.5, 1.2, 1.2, 1.1999, float("nan"), 4.0, 4.0, 4.5, -1.0, -1.0, -1.0, -1.0]
    found = {}
    for lib in (graphc, torch):
        a, b = (lib.ones(1, requires_grad=True) for _ in range(2))
        optimizer = lib.optim.SGD([{"params": [a]}, {"params": [b], "lr": 2.0}], lr=0.5)
        scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **PLATEAUS[name])
        found[lib] = []
        for k, measure in enumerate(measures):
            scheduler.step(lib.tensor(measure) if k % 2 else measure)
            found[lib].append([group["lr"] for group in optimizer.param_groups])
    np.testing.assert_allclose(found[graphc], found[torch], rtol=1e-12)
    assert found[graphc][-1] != found[graphc][0]


def test_a_plateau_goes_on_from_its_state_and_refuses_nonsense() -> None:
    rates = []
    for resumed in (False, True):
        optimizer = graphc.optim.SGD([graphc.ones(1, requires_grad=True)], lr=0.5)
        scheduler = graphc.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2)
        for measure in (1.0, 1.0, 1.0):
            scheduler.step(measure)
        if resumed:
            state = scheduler.state_dict()
            scheduler = graphc.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2)
            scheduler.load_state_dict(state)
        scheduler.step(1.0)
        rates.append(scheduler.get_last_lr())
    assert rates == [[0.05], [0.05]]
    with pytest.raises(ValueError, match="below 1"):
        graphc.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=1.5)


@pytest.mark.parametrize("factors", [(0.0, 1.0), (2.0, 1.0), (0.5, -1.0), (0.5, 1.5)])
def test_warm_ups_begin_above_zero_and_end_at_the_rate(factors: tuple[float, float]) -> None:
    optimizer = graphc.optim.SGD([graphc.tensor([1.0], requires_grad=True)], lr=0.1)
    with pytest.raises(ValueError, match="LinearLR"):
        graphc.optim.lr_scheduler.LinearLR(optimizer, *factors)
