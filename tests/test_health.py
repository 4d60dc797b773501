"""``graphc.diagnose``: each way in which a gradient can be wrong is seen, and where it went wrong."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn
import graphc.optim
from graphc.config import override
from graphc.health import diagnose
from graphc.health_history import GradientHistory

nn = graphc.nn


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    graphc.manual_seed(0)
    with override(disable_jit=True):
        yield


class Cutting(nn.Module):
    """Every layer but the last loses its gradient in a way of its own."""

    LAYERS = ("frozen", "detached", "compared", "whole", "quiet", "ranked", "rounded", "dropped", "unused", "last")

    def __init__(self) -> None:
        super().__init__()
        for name in self.LAYERS:
            setattr(self, name, nn.Linear(3, 3))
        self.frozen.requires_grad_(False)

    def forward(self, x: Any) -> Any:
        h = self.frozen(x) + self.detached(x).detach()
        h = h + (self.compared(x) > 0).double()
        h = h + self.whole(x).long()
        with graphc.no_grad():
            silent = self.quiet(x)
        h = h + silent + self.ranked(x).argmax(1, keepdim=True)
        h = h + self.rounded(x).round()
        self.dropped(x)
        return self.last(h)


CUTS = {
    "detached": (r"detach\(\)", "self.detached(x)"),
    "compared": (r"comparison \(gt\)", "self.compared"),
    "whole": ("conversion to int64", "self.whole"),
    "quiet": (r"linear under no_grad\(\)", "self.quiet"),
    "ranked": (r"argmax\(\), which gives positions", "self.ranked"),
    "rounded": (r"round\(\), whose derivative is zero", "self.rounded"),
}


def line_of(text: str) -> str:
    lines, first = inspect.getsourcelines(Cutting)
    (number,) = [first + k for k, line in enumerate(lines) if text in line]
    return f"{__file__}:{number}"


@pytest.mark.parametrize("read_before", [False, True])
def test_where_the_way_to_the_loss_was_cut(read_before: bool) -> None:
    model = Cutting()
    loss = model(graphc.ones(2, 3)).sum()
    if read_before:
        loss.item()  # the backward pass then goes through what was computed before
    loss.backward()
    found = diagnose(model)
    statuses = {name: found[f"{name}.weight"].status for name in Cutting.LAYERS}
    assert statuses == {"frozen": "frozen", "rounded": "zero", "last": "healthy"} | dict.fromkeys(
        ("detached", "compared", "whole", "quiet", "ranked", "dropped", "unused"), "unused"
    )
    for name, (what, line) in CUTS.items():
        health = found[f"{name}.weight"]
        assert health.cut_at == line_of(line), name
        assert pytest.importorskip("re").search(what, health.advice), health.advice
        assert health.cut_at in health.advice
    assert "nothing that is computed of it reaches the loss" in found["dropped.bias"].advice
    assert "is its layer called" in found["unused.bias"].advice
    assert {p.name.split(".")[0] for p in found.problems} == set(Cutting.LAYERS) - {"frozen", "last"}


def with_gradients(*gradients: Any) -> dict[str, Any]:
    return {f"w{k}": np.asarray(g) for k, g in enumerate(gradients)}


def test_numbers_that_are_wrong() -> None:
    grads = with_gradients(
        [0.1, -0.2], [0.3, 0.1], [1e-9, 1e-9], [1e5, 2.0], [np.nan, 1.0], [0.0, 0.0], [np.inf, -np.inf]
    )
    grads["frozen"] = None
    weights = {name: np.ones(2) for name in grads}
    found = diagnose(grads, weights)
    assert [p.status for p in found.parameters] == [
        "healthy", "healthy", "vanishing", "exploding", "nan", "zero", "nan", "frozen",
    ]  # fmt: skip
    assert (found["w4"].nans, found["w6"].infs, found["w5"].zeros) == (1, 2, 1.0)
    assert found["w0"].norm == pytest.approx(np.hypot(0.1, 0.2))
    assert found["w0"].weight_norm == pytest.approx(np.sqrt(2))
    rows = json.loads(found.to_json())
    assert [row["status"] for row in rows] == [p.status for p in found.parameters]
    assert rows[4]["norm"] == "nan"
    text = str(found)
    assert "vanishing" in text.splitlines()[3]
    assert "w3: Its steps are large: clip the gradients" in text
    plain = diagnose([np.array([1.0]), {"a": None}])
    assert [(p.name, p.status) for p in plain.parameters] == [("0", "healthy"), ("1.a", "frozen")]
    with pytest.raises(TypeError, match="not str"):
        diagnose({"a": "text"})
    with pytest.raises(TypeError, match="containers of one form"):
        diagnose({"a": np.ones(1)}, {"a": np.ones(1), "b": np.ones(1)})


def test_updates_are_tried_on_copies() -> None:
    model = nn.Linear(3, 2)
    optimizer = graphc.optim.Adam(model.parameters(), lr=0.01)
    model(graphc.ones(4, 3)).square().sum().backward()
    before = model.weight.detach().numpy().copy()
    found = diagnose(model, optimizer=optimizer)
    assert not optimizer.state
    np.testing.assert_array_equal(model.weight.detach().numpy(), before)
    optimizer.step()
    change = np.linalg.norm(model.weight.detach().numpy() - before) / np.linalg.norm(before)
    assert found["weight"].update_ratio == pytest.approx(change)
    state = optimizer.state[model.weight]["exp_avg"].tolist()
    optimizer.param_groups[0]["lr"] = 50.0
    hot = diagnose(model, optimizer=optimizer)
    assert {p.status for p in hot.problems} == {"exploding"}
    assert optimizer.state[model.weight]["exp_avg"].tolist() == state
    optimizer.param_groups[0]["lr"] = 1e-12
    assert {p.status for p in diagnose(model, optimizer=optimizer).problems} == {"vanishing"}
    assert diagnose(model, optimizer=graphc.optim.LBFGS(model.parameters()))["weight"].update_ratio is None


def test_tensors_by_themselves() -> None:
    a, b = graphc.ones(2, requires_grad=True), graphc.ones(2, requires_grad=True)
    (a * 3).sum().backward()
    assert [p.status for p in diagnose([a, b]).parameters] == ["healthy", "unused"]
    assert [p.name for p in diagnose([("first", a), ("second", b)]).parameters] == ["first", "second"]
    assert diagnose(a).parameters[0].shape == (2,)


def test_rich_tables() -> None:
    console = pytest.importorskip("rich.console", reason="rich is not installed")
    out = console.Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115 - as long as the console
    out.print(diagnose(with_gradients([1.0], [np.nan])))
    text = out.export_text()
    assert "not finite" in text
    assert "w1: Some of its gradient is not finite" in text


def test_a_history_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    model[0].bias.requires_grad_(False)
    optimizer = graphc.optim.SGD(model.parameters(), lr=0.05)
    history = GradientHistory(model, optimizer, every=2)
    x = graphc.randn(8, 3)
    for _ in range(6):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        history.record()
        optimizer.step()
    assert history.steps == [1, 3, 5]
    assert history.norms["0.bias"] == [None] * 3
    assert all(0 < ratio < 0.1 for ratio in history.update_ratios["2.weight"])
    assert json.loads(history.to_json())["steps"] == [1, 3, 5]
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    history.save_png(tmp_path / "gradients.png")
    assert (tmp_path / "gradients.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"graphc\[training\]"):
        history.save_png(tmp_path / "more.png")
    with pytest.raises(ValueError, match="every=0"):
        GradientHistory(model, every=0)


def test_layers_near_the_loss_do_not_explode_because_the_others_vanish() -> None:
    graphc.manual_seed(0)
    nn = graphc.nn
    model = nn.Sequential(*[layer for _ in range(24) for layer in (nn.Linear(4, 4), nn.Sigmoid())], nn.Linear(4, 1))
    with override(disable_jit=True):
        model(graphc.randn(16, 4)).square().mean().backward()
    statuses = [p.status for p in graphc.diagnose(model).parameters]
    assert "exploding" not in statuses
    assert statuses[0] == "vanishing"
    assert statuses[-2:] == ["healthy", "healthy"]


def test_one_gradient_beside_others_and_its_parameter() -> None:
    found = graphc.diagnose([np.full(3, 1e9), np.ones(3), np.ones(3)], [np.ones(3)] * 3)
    assert [p.status for p in found.parameters] == ["exploding", "healthy", "healthy"]
