"""``fit``: the loop of a training, and its progress bar."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn
import graphc.optim
from graphc.config import override
from graphc.errors import ConfigError
from graphc.progress import ProgressBar

fit, nn, schedulers = graphc.optim.fit, graphc.nn, graphc.optim.lr_scheduler


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    graphc.manual_seed(0)
    with override(disable_jit=True):
        yield


def data(rows: int = 20) -> tuple[np.ndarray, Any]:
    x = np.random.default_rng(0).standard_normal((rows, 3))
    return x, graphc.tensor(x @ np.array([[1.0], [-2.0], [0.5]]) + 0.3)


def test_every_example_is_seen_once_an_epoch() -> None:
    model = nn.Linear(3, 1)
    optimizer = graphc.optim.SGD(model.parameters(), lr=0.1)
    epochs: list[tuple[int, float]] = []
    result = fit(model, nn.MSELoss(), optimizer, data(), epochs=3, batch_size=8, callback=lambda *e: epochs.append(e))
    assert result.steps == 9  # 8 + 8 + 4 rows
    assert [e for e, _ in epochs] == [0, 1, 2]
    assert [value for _, value in epochs] == result.losses
    assert result.losses[-1] < result.losses[0]
    assert result.seconds > 0
    still = graphc.optim.SGD(model.parameters(), lr=0.0)  # then the mean over an epoch is that over all rows
    x, y = data()
    whole = nn.MSELoss()(model(graphc.tensor(x)), y).item()
    assert fit(model, nn.MSELoss(), still, (x, y), batch_size=8).losses[0] == pytest.approx(whole, rel=1e-12)


def test_it_does_what_the_steps_do() -> None:
    x, y = data()
    found = []
    for by_hand in (True, False):
        graphc.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        optimizer = graphc.optim.Adam(model.parameters(), lr=0.05)
        rng = np.random.default_rng(7)
        if by_hand:
            step = graphc.optim.compile_step(model, nn.MSELoss(), optimizer)
            for _ in range(2):
                order = rng.permutation(20)
                for first in range(0, 20, 8):
                    rows = graphc.tensor(order[first : first + 8])
                    step(graphc.tensor(x)[rows], y[rows])
        else:
            fit(model, nn.MSELoss(), optimizer, (x, y), epochs=2, batch_size=8, generator=rng)
        found.append([p.tolist() for p in model.parameters()])
    assert found[0] == found[1]


def test_schedulers_callbacks_and_closures() -> None:
    x, y = data()
    model = nn.Linear(3, 1)
    optimizer = graphc.optim.SGD(model.parameters(), lr=0.1)
    fit(model, nn.MSELoss(), optimizer, (x, y), epochs=4, scheduler=schedulers.StepLR(optimizer, 2, 0.5))
    assert optimizer.param_groups[0]["lr"] == 0.025
    plateau = schedulers.ReduceLROnPlateau(optimizer, patience=0, threshold=10.0, threshold_mode="abs")
    stopped = fit(
        model, nn.MSELoss(), optimizer, (x, y), epochs=9, scheduler=plateau, callback=lambda epoch, loss: epoch == 2
    )
    assert len(stopped.losses) == 3
    assert plateau.last_epoch == 3
    assert optimizer.param_groups[0]["lr"] < 0.025
    lbfgs = graphc.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")
    assert fit(model, nn.MSELoss(), lbfgs, (x, y), epochs=2).losses[-1] < 1e-8


def test_what_it_refuses() -> None:
    model = nn.Linear(3, 1)
    optimizer = graphc.optim.SGD(model.parameters(), lr=0.1)
    for wrong in ((np.ones((4, 3)), np.ones((3, 1))), (np.ones((0, 3)), np.ones((0, 1))), (np.ones(()), np.ones(()))):
        with pytest.raises(RuntimeError, match="one row for each example"):
            fit(model, nn.MSELoss(), optimizer, wrong)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("library", ["rich", "tqdm"])
def test_the_bar_shows_loss_and_rate(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    monkeypatch.setattr("graphc.progress._library", lambda: library)
    monkeypatch.setattr("graphc.progress.INTERVAL", 0.0)
    shown = Terminal()
    with ProgressBar(4, "fit", file=shown) as bar:
        for _ in range(4):
            bar.advance(loss=0.125)
    assert re.search(r"fit.*4/4.*loss 0.125 [\d.e+]+/s", shown.getvalue(), re.DOTALL)


def test_it_is_quiet_where_nobody_looks(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    quiet = io.StringIO()
    with ProgressBar(2, file=quiet) as bar:
        bar.advance(2)
    assert quiet.getvalue() == ""
    model = nn.Linear(3, 1)
    fit(model, nn.MSELoss(), graphc.optim.SGD(model.parameters(), lr=0.1), data(), epochs=2)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    monkeypatch.setattr("graphc.progress._library", lambda: None)
    with ProgressBar(1, file=Terminal()) as bar:
        bar.advance()
    with pytest.raises(ConfigError, match=r"graphc\[training\]"):
        ProgressBar(1, show=True)
