"""Modules: what they list, how state moves between them and torch's, how they begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn
from graphc.config import override

Lib = Any


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True):
        yield


@pytest.fixture(params=["graphc", "torch"])
def lib(request: pytest.FixtureRequest) -> Any:
    return graphc if request.param == "graphc" else pytest.importorskip("torch", reason="torch is not installed")


def model_of(lib: Lib) -> Any:
    class Model(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = lib.nn.Sequential(lib.nn.Linear(4, 5), lib.nn.ReLU(), lib.nn.Dropout(0.5), lib.nn.Linear(5, 5))
            self.scale = lib.nn.Parameter(lib.ones(5))
            self.register_buffer("offset", lib.zeros(5))
            self.register_buffer("scratch", lib.zeros(2), persistent=False)
            self.head = lib.nn.Linear(5, 3, bias=False)
            self.layers = lib.nn.ModuleList([lib.nn.Linear(1, 1), lib.nn.Embedding(3, 2)])

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x) * self.scale + self.offset)

    return Model()


def test_names_shapes_and_order(lib: Lib) -> None:
    model = model_of(lib)
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == {
        "scale": (5,), "offset": (5,), "body.0.weight": (5, 4), "body.0.bias": (5,), "body.3.weight": (5, 5),
        "body.3.bias": (5,), "head.weight": (3, 5), "layers.0.weight": (1, 1), "layers.0.bias": (1,),
        "layers.1.weight": (3, 2),
    }  # fmt: skip
    assert list(model.state_dict())[:3] == ["scale", "offset", "body.0.weight"]
    assert [name for name, _ in model.named_parameters()] == [name for name in model.state_dict() if name != "offset"]
    assert [name for name, _ in model.named_buffers()] == ["offset", "scratch"]
    assert [name for name, _ in model.named_children()] == ["body", "head", "layers"]
    assert len(list(model.modules())) == 10
    assert sum(p.numel() for p in model.parameters()) == 5 + 25 + 30 + 15 + 2 + 6


def test_training_and_freezing(lib: Lib) -> None:
    model = model_of(lib)
    assert model.eval() is model
    assert not model.body[2].training
    assert model.train().body[2].training
    model.eval()
    model.body.requires_grad_(False)
    model(lib.ones(2, 4)).sum().backward()
    assert model.body[0].weight.grad is None
    assert model.scale.grad is not None
    model.zero_grad(set_to_none=False)
    assert model.scale.grad.tolist() == [0.0] * 5
    model.zero_grad()
    assert model.scale.grad is None


def test_state_shares_memory_and_loads_strictly(lib: Lib) -> None:
    model = lib.nn.Linear(2, 1)
    state = model.state_dict()
    with lib.no_grad():
        model.weight.fill_(3.0)
    assert state["weight"].tolist() == [[3.0, 3.0]]
    for wrong in ({"weight": lib.ones(1, 2)}, {**state, "more": lib.ones(1)}, {**state, "bias": lib.ones(2)}):
        with pytest.raises(RuntimeError):
            model.load_state_dict(wrong)
    missing = model.load_state_dict({"weight": lib.ones(1, 2)}, strict=False)
    assert list(missing.missing_keys) == ["bias"]
    assert model.weight.tolist() == [[1.0, 1.0]]
    assert model.weight.requires_grad


def test_repr(lib: Lib) -> None:
    model = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.Tanh())
    assert repr(model) == ("Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): Tanh()\n)")


def test_weights_from_torch_give_the_same_logits() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    theirs, ours = model_of(torch).eval(), model_of(graphc).float().eval()
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    np.testing.assert_allclose(
        ours(graphc.tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6
    )
    theirs.load_state_dict({name: torch.from_dlpack(value) for name, value in ours.state_dict().items()})


def test_initialisers_have_the_spread_of_torchs() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    graphc.manual_seed(0)
    torch.manual_seed(0)
    for name in ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "normal_", "uniform_"):
        ours = getattr(graphc.nn.init, name)(graphc.zeros(300, 200)).numpy()
        theirs = getattr(torch.nn.init, name)(torch.zeros(300, 200)).numpy()
        np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.02)
        np.testing.assert_allclose(np.abs(ours).max(), np.abs(theirs).max(), rtol=0.15)
    for made, wanted in (
        (graphc.nn.Linear(300, 200), torch.nn.Linear(300, 200)),
        (graphc.nn.Embedding(300, 200), torch.nn.Embedding(300, 200)),
    ):  # fmt: skip
        for mine, reference in zip(made.parameters(), wanted.parameters(), strict=True):
            np.testing.assert_allclose(mine.detach().numpy().std(), reference.detach().numpy().std(), rtol=0.1)
    with pytest.raises(ValueError, match="nonlinearity"):
        graphc.nn.init.calculate_gain("unknown")


def test_the_same_seed_gives_the_same_weights() -> None:
    weights = []
    for _ in range(2):
        graphc.manual_seed(7)
        weights.append(graphc.nn.Linear(3, 2).weight.tolist())
    assert weights[0] == weights[1]


def test_clipping_gradients(lib: Lib) -> None:
    def params() -> list[Any]:
        a, b = lib.ones(2, requires_grad=True), lib.ones(3, requires_grad=True)
        ((a * 3).sum() + (b * 4).sum()).backward()
        return [a, b, lib.ones(1, requires_grad=True)]

    tensors = params()
    total = lib.nn.utils.clip_grad_norm_(tensors, 2.0)
    np.testing.assert_allclose(total.item(), np.sqrt(2 * 9 + 3 * 16), rtol=1e-6)
    np.testing.assert_allclose(tensors[0].grad.tolist(), [3 * 2 / total.item()] * 2, rtol=1e-5)
    tensors = params()
    lib.nn.utils.clip_grad_norm_(tensors, 100.0, norm_type=float("inf"))
    assert tensors[0].grad.tolist() == [3.0, 3.0]
    lib.nn.utils.clip_grad_value_(tensors, 3.5)
    assert tensors[1].grad.tolist() == [3.5] * 3


def test_losses_as_modules(lib: Lib) -> None:
    x, y = lib.tensor([[1.0, 2.0]]), lib.tensor([[0.0, 4.0]])
    nn = lib.nn
    found = [
        nn.MSELoss()(x, y), nn.L1Loss(reduction="sum")(x, y), nn.HuberLoss(delta=0.5)(x, y), nn.SmoothL1Loss()(x, y),
        nn.CrossEntropyLoss(label_smoothing=0.1)(x, lib.tensor([1])), nn.NLLLoss()(x, lib.tensor([0])),
        nn.BCEWithLogitsLoss()(x, y / 4), nn.BCELoss()(x / 3, y / 4),
    ]  # fmt: skip
    np.testing.assert_allclose(
        [value.item() for value in found], [2.5, 3.0, 0.625, 1.0, 0.36326169, -1.0, 0.7200949, 0.405465], rtol=1e-5
    )


def test_layers_and_parameters_are_not_lost_by_assignment() -> None:
    model = graphc.nn.Sequential(graphc.nn.Linear(2, 2))
    with pytest.raises(TypeError, match="cannot replace"):
        model[0].weight = graphc.zeros(2, 2)
    with pytest.raises(TypeError, match="cannot replace"):
        setattr(model, "0", 3)
    model[0].weight = graphc.nn.Parameter(graphc.zeros(2, 2))
    model[0].bias = None
    assert [name for name, _ in model.named_parameters()] == ["0.weight"]
