"""Modules: what they list, how state moves between them and torch's, how they begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc
from graphc import nn
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


def test_scipys_minimize_leaves_frozen_parameters_and_buffers() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(0)
    x, y = (graphc.tensor(rng.normal(size=(20, size))) for size in (2, 1))
    with override(disable_jit=True):
        model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 1)).eval()
        model[0].requires_grad_(False)

        def loss(model: Any) -> Any:
            return nn.functional.mse_loss(model(x), y)

        f, start, unflatten = graphc.optim.flatten(graphc.value_and_grad(loss), model)
        assert start.shape == (3 + 3 + 3 + 1,)
        found = optimize.minimize(f, start, jac=True, method="BFGS", options={"maxiter": 5})
        (fitted,) = unflatten(found.x)
        assert loss(fitted).item() == pytest.approx(found.fun, rel=1e-12)
        assert found.fun < loss(model).item()
        assert fitted[0].weight.tolist() == model[0].weight.tolist()
        assert (fitted[3].weight.requires_grad, fitted[0].weight.requires_grad) == (True, False)
        assert fitted[1].running_var.tolist() == [1.0] * 3


def test_lists_and_dicts_of_modules_and_parameters_behave_as_pythons() -> None:
    relu, tanh, gelu = nn.ReLU(), nn.Tanh(), nn.GELU()
    for make in (lambda parts: nn.Sequential(*parts), nn.ModuleList):
        many = make([relu, tanh])
        many[1] = gelu
        many.insert(1, tanh).extend([relu])
        assert list(many) == [relu, tanh, gelu, relu]
        assert list(many[1:3]) == [tanh, gelu]
        assert many.pop(1) is tanh
        del many[-1]
        many += [tanh]
        assert [name for name, _ in many.named_children()] == ["0", "1", "2"]
        assert list(many + make([relu])) == [relu, gelu, tanh, relu]
    named = nn.ModuleDict([("a", relu), ("b", tanh)])
    named.update({"c": gelu})
    assert named.pop("a") is relu
    assert list(named.items()) == [("b", tanh), ("c", gelu)]
    assert "b" in named
    assert "a" not in named
    del named["b"]
    assert list(named.values()) == [gelu]
    with pytest.raises(KeyError, match="forward"):
        named["forward"] = relu
    named.clear()
    assert len(named) == 0
    shared = nn.Parameter(graphc.ones(2))
    values = nn.ParameterList([shared, graphc.zeros(1), shared])
    assert len(values) == 3
    assert [name for name, _ in values.named_parameters()] == ["0", "1"]
    assert [name for name, _ in values.named_parameters(remove_duplicate=False)] == ["0", "1", "2"]
    assert isinstance(nn.ParameterDict({"w": graphc.ones(1)})["w"], nn.Parameter)


def test_states_with_a_prefix_vectors_of_parameters_and_other_modules_in_place() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Tanh())
    assert list(model.state_dict(prefix="net.")) == ["net.0.weight", "net.0.bias"]
    assert model.state_dict(keep_vars=True)["0.weight"] is model[0].weight
    values = nn.utils.parameters_to_vector(model.parameters())
    nn.utils.vector_to_parameters(values * 2, model.parameters())
    np.testing.assert_allclose(nn.utils.parameters_to_vector(model.parameters()).tolist(), (values * 2).tolist())
    with pytest.raises(graphc.ShapeError, match="3 elements"):
        nn.utils.vector_to_parameters(values[:2], model.parameters())
    weight = model[0].weight
    model.load_state_dict({name: t.to(graphc.float32) for name, t in model.state_dict().items()}, assign=True)
    assert model[0].weight is weight
    assert weight.dtype == np.float32
    assert nn.Linear(1, 1).to(weight).weight.dtype == np.float32
    model.set_submodule("1", nn.Identity())
    assert model(graphc.ones(1, 2, dtype=graphc.float32)).item() == pytest.approx(sum(values.tolist()) * 2)
    model.register_buffer("shift", graphc.ones(1))
    del model.shift
    assert "shift" not in model.state_dict()


def test_hooks_see_named_arguments_and_steps() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Any, by: float = 1.0) -> Any:
            return x * by

    model, seen = Scaled(), []
    model.register_forward_pre_hook(lambda module, args, named: (args, {**named, "by": 3.0}), with_kwargs=True)
    model.register_forward_hook(lambda module, args, named, out: seen.append(named["by"]), with_kwargs=True)
    assert model(graphc.ones(1), by=2.0).item() == 3.0
    w = graphc.ones(1, requires_grad=True)
    optimizer = graphc.optim.SGD([w], lr=1.0)
    before = optimizer.register_step_pre_hook(lambda *given: seen.append("before"))
    optimizer.register_step_post_hook(lambda *given: seen.append("after"))
    optimizer.step()
    before.remove()
    optimizer.step()
    assert seen == [3.0, "before", "after", "after"]
