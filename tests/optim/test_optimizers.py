"""The optimisers against torch's, over 100 steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn
import graphc.optim
from graphc.config import override

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 0.05}),
    "momentum": ("SGD", {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.01}),
    "dampening": ("SGD", {"lr": 0.02, "momentum": 0.8, "dampening": 0.3}),
    "nesterov": ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "maximize": ("SGD", {"lr": 0.001, "maximize": True}),
    "adam": ("Adam", {"lr": 0.02}),
    "adam decay": ("Adam", {"lr": 0.02, "weight_decay": 0.1, "betas": (0.8, 0.95)}),
    "amsgrad": ("Adam", {"lr": 0.05, "amsgrad": True}),
    "adamw": ("AdamW", {"lr": 0.02, "weight_decay": 0.1}),
    "adamw maximize": ("AdamW", {"lr": 0.002, "maximize": True, "amsgrad": True, "weight_decay": 0.05}),
    "nesterov decay": ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    "rmsprop": ("RMSprop", {"lr": 0.01}),
    "rmsprop centered": ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.5, "weight_decay": 0.01}),
    "adagrad": ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.01, "initial_accumulator_value": 0.1}),
    "adam decoupled": ("Adam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True, "foreach": False}),
    "nadam": ("NAdam", {"lr": 0.02, "maximize": True}),
    "nadam decay": ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "momentum_decay": 0.01}),
    "nadam decoupled": ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "radam": ("RAdam", {"lr": 0.02, "weight_decay": 0.1}),
    "radam decoupled": (
        "RAdam",
        {"lr": 0.02, "betas": (0.8, 0.9), "weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
    "adadelta": ("Adadelta", {"weight_decay": 0.01}),
    "adadelta maximize": ("Adadelta", {"lr": 0.5, "rho": 0.8, "maximize": True}),
    "adamax": ("Adamax", {"lr": 0.02, "weight_decay": 0.1}),
    "asgd": ("ASGD", {"lr": 0.05, "t0": 40.0, "weight_decay": 0.01}),
    "asgd maximize": ("ASGD", {"lr": 0.01, "lambd": 0.01, "alpha": 0.5, "maximize": True}),
    "rprop": ("Rprop", {"lr": 0.02}),
    "rprop maximize": ("Rprop", {"etas": (0.4, 1.3), "step_sizes": (1e-3, 0.2), "maximize": True}),
}


def _model(lib: Any, start: dict[str, np.ndarray]) -> Any:
    model = lib.nn.Sequential(lib.nn.Linear(3, 5), lib.nn.Tanh(), lib.nn.Linear(5, 1)).double()
    model.load_state_dict({name: lib.tensor(value) for name, value in start.items()})
    return model


def _start() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    shapes = {"0.weight": (5, 3), "0.bias": (5,), "2.weight": (1, 5), "2.bias": (1,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def _train(lib: Any, name: str, options: dict[str, Any], steps: int) -> tuple[list[Any], Any, Any]:
    rng = np.random.default_rng(2)
    x, y = lib.tensor(rng.standard_normal((8, 3))), lib.tensor(rng.standard_normal((8, 1)))
    model = _model(lib, _start())
    optimizer = getattr(lib.optim, name)(model.parameters(), **options)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = lib.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
    return [p.detach().numpy() for p in model.parameters()], optimizer, model


def _descend(lib: Any, name: str, options: dict[str, Any], steps: int) -> tuple[list[Any], Any]:
    """Two parameters after so many steps along gradients that are functions of them, which change their signs."""
    given = [lib.tensor(value) for value in list(_start().values())[:2]]
    for p in given:
        p.requires_grad_()
    optimizer = getattr(lib.optim, name)(given, **options)
    for k in range(steps):
        for p in given:
            array = p.detach().numpy()
            p.grad = lib.tensor(np.sin(3.0 * array + 0.1 * k) + 0.3 * array)
        optimizer.step()
    return [p.detach().numpy() for p in given], optimizer


@pytest.fixture
def in_double() -> Any:
    """Torch keeps numbers of NAdam and ASGD in its default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("in_double")
@pytest.mark.parametrize("case", CASES)
def test_a_hundred_steps_agree_with_torch(case: str) -> None:
    with override(disable_jit=True):
        ours, optimizer = _descend(graphc, *CASES[case], 100)
    theirs, reference = _descend(torch, *CASES[case], 100)
    for mine, wanted in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-9, atol=1e-11)
    state, wanted_state = optimizer.state_dict(), reference.state_dict()
    for number, values in wanted_state["state"].items():
        assert {n for n, value in values.items() if value is not None} == set(state["state"][number])
        for name, value in state["state"][number].items():
            np.testing.assert_allclose(np.asarray(value), values[name], rtol=1e-8, atol=1e-12)
    assert set(state["param_groups"][0]) == set(wanted_state["param_groups"][0])


@pytest.mark.usefixtures("in_double")
@pytest.mark.parametrize("case", ["momentum", "amsgrad", "nadam decay", "radam", "asgd", "rprop"])
def test_states_go_to_torch_and_come_from_there(case: str) -> None:
    name, options = CASES[case]
    with override(disable_jit=True):
        (ours, optimizer), (theirs, reference) = (_descend(lib, name, options, 7) for lib in (graphc, torch))
        state = optimizer.state_dict()
        moved = {k: {n: torch.tensor(np.asarray(v)) if isinstance(v, graphc.Tensor) else v for n, v in values.items()}
                 for k, values in state["state"].items()}  # fmt: skip
        found = []
        for lib, start, loaded in (
            (graphc, theirs, reference.state_dict()), (torch, ours, {**state, "state": moved}), (torch, theirs, None),
        ):  # fmt: skip
            p = [lib.tensor(array).requires_grad_() for array in start]
            again = reference if loaded is None else getattr(lib.optim, name)(p)
            if loaded is None:
                p = reference.param_groups[0]["params"]
            else:
                again.load_state_dict(loaded)
            for part in p:
                part.grad = lib.tensor(np.cos(part.detach().numpy()))
            again.step()
            found.append([part.detach().numpy() for part in p])
    for other in found[:2]:
        for a, b in zip(other, found[2], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_ways_of_computing_are_accepted_and_a_differentiable_step_is_refused() -> None:
    w = graphc.ones(2, requires_grad=True)
    for name in ("SGD", "Adam", "AdamW", "Adagrad"):
        getattr(graphc.optim, name)([w], foreach=True, fused=None)
        with pytest.raises(graphc.UnsupportedError, match="differentiable"):
            getattr(graphc.optim, name)([w], differentiable=True)
    with pytest.raises(ValueError, match="etas"):
        graphc.optim.Rprop([w], etas=(1.5, 1.2))


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_single_precision_stays(name: str) -> None:
    options = {"lr": 0.01, **({"momentum": 0.9, "weight_decay": 0.1} if name == "SGD" else {})}
    found = {}
    for lib in (graphc, torch):
        with override(disable_jit=True):
            w = lib.tensor([1.0, -2.0, 0.5], dtype=lib.float32, requires_grad=True)
            optimizer = getattr(lib.optim, name)([w], **options)
            for _ in range(20):
                optimizer.zero_grad()
                (w * w).sum().backward()
                optimizer.step()
            assert w.dtype == lib.float32
            found[lib] = w.tolist()
    np.testing.assert_allclose(found[graphc], found[torch], rtol=2e-6)


def test_compiled_steps_agree_with_interpreted_ones() -> None:
    compiled, _, _ = _train(graphc, "Adam", {"lr": 0.02}, 5)
    with override(disable_jit=True):
        plain, _, _ = _train(graphc, "Adam", {"lr": 0.02}, 5)
    for a, b in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.fixture
def interpreted() -> Any:
    with override(disable_jit=True):
        yield


@pytest.mark.usefixtures("interpreted")
class TestGroups:
    def test_a_frozen_parameter_has_no_state_and_is_never_touched(self) -> None:
        model = _model(graphc, _start())
        model[0].requires_grad_(False)
        optimizer = graphc.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
        before = model[0].weight._array
        model(graphc.ones(2, 3)).sum().backward()
        optimizer.step()
        assert model[0].weight._array is before
        assert set(optimizer.state) == {model[2].weight, model[2].bias}
        assert model[0].weight.grad is None

    def test_groups_have_options_of_their_own(self) -> None:
        a, b = graphc.ones(2, requires_grad=True), graphc.ones(2, requires_grad=True)
        optimizer = graphc.optim.SGD([{"params": [a]}, {"params": [b], "lr": 1.0}], lr=0.5)
        (a.sum() + b.sum()).backward()
        optimizer.step()
        assert (a.tolist(), b.tolist()) == ([0.5, 0.5], [0.0, 0.0])
        with pytest.raises(ValueError, match="more than one parameter group"):
            optimizer.add_param_group({"params": [a]})

    def test_parameters_that_begin_later_count_their_own_steps(self) -> None:
        results = {}
        for lib in (graphc, torch):
            a, b = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
            optimizer = lib.optim.Adam([a, b], lr=0.1)
            for k in range(4):
                optimizer.zero_grad()
                (a.sum() + (b * b).sum() if k >= 2 else (a * 3).sum()).backward()
                optimizer.step()
            results[lib] = [*a.tolist(), *b.tolist()]
        np.testing.assert_allclose(results[graphc], results[torch], rtol=1e-6)

    def test_memory_that_numpy_has_is_written(self) -> None:
        w = graphc.ones(2, requires_grad=True)
        memory = w.detach().numpy()
        w.sum().backward()
        graphc.optim.SGD([w], lr=0.25).step()
        assert memory.tolist() == [0.75, 0.75]

    def test_what_was_recorded_before_sees_the_old_values(self) -> None:
        w = graphc.ones(2, requires_grad=True)
        (w * w).sum().backward()
        pending = w * 10
        graphc.optim.SGD([w], lr=0.25).step()
        assert pending.tolist() == [10.0, 10.0]
        assert w.tolist() == [0.5, 0.5]
        loss = (w * w).sum()
        loss.backward(retain_graph=True)
        graphc.optim.SGD([w], lr=0.25).step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()

    def test_state_moves_between_optimizers_and_libraries(self) -> None:
        options = {"lr": 0.02, "amsgrad": True}
        _, theirs, model = _train(torch, "Adam", options, 3)
        ours = _model(graphc, {name: value.numpy() for name, value in model.state_dict().items()})
        optimizer = graphc.optim.Adam(ours.parameters(), lr=1.0)
        optimizer.load_state_dict(theirs.state_dict())
        for lib, net, opt in ((graphc, ours, optimizer), (torch, model, theirs)):
            opt.zero_grad()
            net(lib.ones(2, 3, dtype=lib.float64)).sum().backward()
            opt.step()
        for a, b in zip(ours.parameters(), model.parameters(), strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9)

    @pytest.mark.parametrize("make", [
        lambda: graphc.optim.SGD([]), lambda: graphc.optim.SGD([graphc.ones(1)], lr=-1.0),
        lambda: graphc.optim.Adam([graphc.ones(1)], betas=(1.0, 0.9)),
        lambda: graphc.optim.SGD([graphc.ones(1, requires_grad=True) * 2]),
    ])  # fmt: skip
    def test_what_it_refuses(self, make: Any) -> None:
        with pytest.raises(ValueError, match=r"empty|invalid|leaf"):
            make()
