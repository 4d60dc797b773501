"""Files of tensors, and training that goes on from one as if it had never stopped."""

from __future__ import annotations

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

safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True):
        yield


class Run:
    """A training with all that has a state: dropout, batch normalisation, momenta, a rate over time, two generators."""

    def __init__(self, name: str) -> None:
        nn = graphc.nn
        self.model = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2)
        )  # fmt: skip
        self.model[0].bias.requires_grad_(False)
        if name == "SGD":
            self.optimizer: Any = graphc.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
        else:
            self.optimizer = getattr(graphc.optim, name)(self.model.parameters(), lr=0.05)
        self.scheduler = graphc.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, 7)
        self.rng = np.random.default_rng(5)

    def parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler, "rng": self.rng}

    def step(self) -> float:
        x = graphc.tensor(self.rng.standard_normal((6, 4)))

        def closure() -> Any:
            self.optimizer.zero_grad()
            loss = (self.model(x) ** 2).mean()
            loss.backward()
            return loss

        loss = self.optimizer.step(closure)
        self.scheduler.step()
        return loss.item()

    def values(self) -> list[Any]:
        return [tensor.tolist() for tensor in self.model.state_dict().values()]


@pytest.mark.parametrize("name", ["SGD", "AdamW", "LBFGS"])
def test_training_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    graphc.manual_seed(1)
    run = Run(name)
    for _ in range(3):
        run.step()
    graphc.save_checkpoint(tmp_path / "run.safetensors", **run.parts(), epoch=3, history=[1.5, float("nan")])
    wanted = [run.step() for _ in range(3)]

    graphc.manual_seed(77)  # another start, other random numbers
    again = Run(name)
    rest = graphc.load_checkpoint(tmp_path / "run.safetensors", **again.parts())
    assert rest["epoch"] == 3
    assert rest["history"][0] == 1.5
    assert [again.step() for _ in range(3)] == wanted
    assert again.values() == run.values()
    assert again.optimizer.param_groups[0]["lr"] == run.optimizer.param_groups[0]["lr"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.safetensors"]


def test_containers_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "tree.safetensors"
    given = {
        "weights": (graphc.ones(2, requires_grad=True), [graphc.arange(3), None, True]),
        3: np.arange(6, dtype=np.int8).reshape(2, 3).T,
        "numbers": {"a": np.float32(0.1), "b": -0.0, "c": float("inf"), "d": "text", "e": 2**70, "f": 1e-320},
        "a.b": graphc.zeros(1), "a": {"b": graphc.ones(1)}, "empty": np.zeros((0, 2)),
    }  # fmt: skip
    graphc.save(given, path)
    found = graphc.load(path)
    assert list(found) == list(given)
    w, rest = found["weights"]
    assert isinstance(found["weights"], tuple)
    assert w.requires_grad
    assert w.is_leaf
    assert (w.tolist(), rest[0].tolist(), rest[1:]) == ([1.0, 1.0], [0, 1, 2], [None, True])
    assert isinstance(found[3], np.ndarray)
    assert (found[3].dtype, found[3].tolist()) == (np.int8, given[3].tolist())
    numbers = found["numbers"]
    assert type(numbers["a"]) is np.float32
    assert {**numbers, "b": str(numbers["b"])} == {**given["numbers"], "b": "-0.0"}
    assert (found["a.b"].tolist(), found["a"]["b"].tolist(), found["empty"].shape) == ([0.0], [1.0], (0, 2))
    w.sum().backward()  # the memory is its own
    w.detach().mul_(2.0)


def test_other_programs_read_the_files_and_write_them(tmp_path: Path) -> None:
    model = graphc.nn.Sequential(graphc.nn.Linear(2, 3))
    graphc.save(model.state_dict(), tmp_path / "a.safetensors")
    arrays = safetensors.load_file(tmp_path / "a.safetensors")
    assert sorted(arrays) == ["0.bias", "0.weight"]
    np.testing.assert_array_equal(arrays["0.weight"], model[0].weight.detach().numpy())
    safetensors.save_file({name: array * 2 for name, array in arrays.items()}, tmp_path / "b.safetensors")
    before = model[0].bias.tolist()
    model.load_state_dict(graphc.load(tmp_path / "b.safetensors"))
    assert model[0].bias.tolist() == [2 * number for number in before]


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.safetensors"
    model = graphc.nn.Linear(2, 1)
    with pytest.raises(TypeError, match=r"test_storage.py:\d+.*layers.0 is a Linear.*state_dict"):
        graphc.save({"layers": [model]}, path)
    with pytest.raises(TypeError, match="key of type tuple"):
        graphc.save({(1, 2): 3}, path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError):
        graphc.load(path)
    graphc.save_checkpoint(path, model=model)
    weight = model.weight.tolist()
    with pytest.raises(KeyError, match="no optimizer; it has model"):
        graphc.load_checkpoint(path, model=graphc.nn.Linear(2, 1), optimizer=None)
    with pytest.raises(RuntimeError, match="weight has shape"):
        graphc.load_checkpoint(path, model=graphc.nn.Linear(3, 1))
    assert model.weight.tolist() == weight
    safetensors.save_file({}, tmp_path / "later.safetensors", {"graphc": json.dumps({"format": 9, "content": {}})})
    with pytest.raises(ValueError, match="format 9"):
        graphc.load(tmp_path / "later.safetensors")
    for name in ("safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"graphc\[training\]"):
        graphc.save({}, path)
