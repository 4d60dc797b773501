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
