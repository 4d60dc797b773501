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
    "MultiplicativeLR": {"lr_lambda": [lambda step: 0.9, lambda step: 1.0 / step]},
    "ConstantLR": {"factor": 0.5, "total_iters": 3},
    "PolynomialLR": {"total_iters": 12, "power": 2.0},
    "LinearLR to 0": {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 7},
    "CosineAnnealingWarmRestarts": {"T_0": 3, "T_mult": 2, "eta_min": 0.01},
    "CosineAnnealingWarmRestarts again": {"T_0": 4},
    "CyclicLR": {"base_lr": 0.1, "max_lr": [0.5, 1.0], "step_size_up": 3, "step_size_down": 5, "mode": "triangular2"},
    "CyclicLR falling": {"base_lr": 0.1, "max_lr": 0.4, "step_size_up": 2, "mode": "exp_range", "gamma": 0.9},
    "CyclicLR of one's own": {
        "base_lr": 0.1, "max_lr": 0.4, "step_size_up": 4, "scale_fn": lambda step: 1.0 / (1.0 + step),
        "scale_mode": "iterations", "cycle_momentum": False,
    },
    "OneCycleLR": {"max_lr": [1.0, 2.0], "total_steps": 20},
    "OneCycleLR in phases": {
        "max_lr": 1.0, "epochs": 5, "steps_per_epoch": 4, "three_phase": True, "anneal_strategy": "linear",
        "div_factor": 10.0, "base_momentum": 0.6,
    },
}  # fmt: skip


def optimizer_of(lib: Any, name: str = "SGD") -> Any:
    a, b = (lib.ones(1, requires_grad=True) for _ in range(2))
    options = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(lib.optim, name)([{"params": [a]}, {"params": [b], "lr": 2.0}], lr=0.5, **options)


def numbers(optimizer: Any) -> list[float]:
    return [n for group in optimizer.param_groups for n in (group["lr"], group.get("momentum", group.get("betas")))]


@pytest.mark.parametrize("case", CASES)
def test_rates_are_torchs(case: str) -> None:
    found, name = {}, case.partition(" ")[0]
    for lib in (graphc, torch):
        optimizer = optimizer_of(lib)
        scheduler = getattr(lib.optim.lr_scheduler, name)(optimizer, **CASES[case])
        rates = [numbers(optimizer)]
        for k in range(19):
            optimizer.step()
            scheduler.step()
            rates.append(numbers(optimizer))
            if k == 8 and name not in ("MultiStepLR", "LambdaLR", "MultiplicativeLR", "CyclicLR"):
                scheduler.load_state_dict(found.setdefault("state", scheduler.state_dict()))  # torch's, of ours
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        found[lib] = rates
    np.testing.assert_allclose(found[graphc], found[torch], rtol=1e-12, atol=1e-15)


def test_momentum_of_adam_cycles_and_parts_of_epochs_count() -> None:
    found = {}
    for lib in (graphc, torch):
        optimizer = optimizer_of(lib, "Adam")
        one = lib.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, 10)
        found[lib] = []
        for _ in range(10):
            found[lib].append([optimizer.param_groups[0]["betas"][0], optimizer.param_groups[0]["lr"]])
            optimizer.step()
            one.step()
        with pytest.raises(ValueError, match=r"1[01]"):
            one.step()
        optimizer = optimizer_of(lib)
        waves = lib.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 3)
        for epoch in (0.5, 1.75, 2.0, 3.5, 9.0, 30.25):
            optimizer.step()
            waves.step(epoch)
            found[lib].append(numbers(optimizer)[:2])
    np.testing.assert_allclose(found[graphc], found[torch], rtol=1e-12)
    with pytest.raises(ValueError, match="momentum"):
        graphc.optim.lr_scheduler.OneCycleLR(optimizer_of(graphc, "Adagrad"), 1.0, 10)


def test_schedulers_act_on_each_other() -> None:
    found = {}
    for lib in (graphc, torch):
        optimizer, other = optimizer_of(lib), optimizer_of(lib)
        parts = lib.optim.lr_scheduler
        chain = parts.ChainedScheduler([
            parts.ConstantLR(optimizer, 0.1, 4), parts.ExponentialLR(optimizer, 0.9), parts.LinearLR(optimizer),
            parts.CosineAnnealingLR(optimizer, 6),
        ])  # fmt: skip
        first, second = parts.MultiStepLR(other, [3, 6], 0.5), parts.PolynomialLR(other, 9)
        found[lib] = []
        for k in range(12):
            optimizer.step(), other.step()
            chain.step(), first.step(), second.step()
            found[lib].append([*chain.get_last_lr(), *numbers(optimizer), *first.get_last_lr(), *numbers(other)])
            if k == 5:
                chain.load_state_dict(chain.state_dict())
    np.testing.assert_allclose(found[graphc], found[torch], rtol=1e-11, atol=1e-15)
    with pytest.raises(ValueError, match="one and the same"):
        graphc.optim.lr_scheduler.ChainedScheduler([first, chain])


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
