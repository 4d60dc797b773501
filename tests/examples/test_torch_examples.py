"""The walk-throughs for PyTorch users: the same functions run in graphc and in torch."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["graphc", "torch"])
def lib(request: pytest.FixtureRequest) -> Any:
    return graphc if request.param == "graphc" else pytest.importorskip("torch", reason="torch is not installed")


def test_a_vector(lib: Any) -> None:
    once, accumulated = example("torch_vector").gradients(lib)
    assert once == [4.0, 8.0, 12.0]
    np.testing.assert_allclose(accumulated, [4.4, 16.0, 132.0], rtol=1e-6)


def test_five_epochs(lib: Any) -> None:
    losses, gradients = example("torch_epochs").epochs(lib)
    np.testing.assert_allclose(losses, [7.2 - 1.296 * k for k in range(5)], rtol=1e-6)
    np.testing.assert_allclose(gradients, [[1.8] * 4] * 5, rtol=1e-6)


def test_linear_regression(lib: Any, capsys: pytest.CaptureFixture[str]) -> None:
    regression = example("torch_regression")
    losses, weights, offset = regression.fit(lib)
    assert losses[-1] < 2e-4
    np.testing.assert_allclose(weights, regression.SLOPES, atol=5e-3)
    assert abs(offset - regression.OFFSET) < 5e-3
    if lib is graphc:
        regression.main()
        assert "after 300 steps" in capsys.readouterr().out


def test_gradients_of_micro_batches_in_mixed_precision(lib: Any) -> None:
    with override(disable_jit=True):
        losses, accuracy = example("torch_accumulate").train(lib, epochs=4)
        assert losses[-1] < 0.9 * losses[0]
        assert accuracy > 0.6
        if lib is graphc:
            with graphc.autocast(graphc.float32):
                mixed, _ = example("torch_accumulate").train(lib, epochs=1)
            np.testing.assert_allclose(mixed[0], example("torch_accumulate").train(lib, epochs=1)[0][0], rtol=1e-5)


def test_a_training_with_checkpoints(tmp_path: Path) -> None:
    for library in ("sklearn", "safetensors"):
        pytest.importorskip(library, reason=f"{library} is not installed")
    module = example("training")
    training, test = module.images()
    training = tuple(part[:320] for part in training)
    with override(disable_jit=True):
        whole, halves = module.Digits(), []
        losses = whole.train(training, 4, tmp_path / "whole.safetensors").losses
        first = module.Digits()
        halves += first.train(training, 2, tmp_path / "half.safetensors").losses
        second = module.Digits()
        second.load(tmp_path / "half.safetensors")
        halves += second.train(training, 2, tmp_path / "half.safetensors").losses
        assert halves == losses
        assert second.done == 4
        assert second.accuracy(test) == whole.accuracy(test) > 0.2
        assert not second.health(training).problems


def test_a_cnn_is_trained_and_fine_tuned() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: no images")
    lib = graphc
    cnn = example("torch_cnn")
    before = lib.get_default_dtype()
    lib.set_default_dtype(lib.float32)
    try:
        lib.manual_seed(0)
        training, test = cnn.images()
        training = tuple(part[:640] for part in training)  # twenty batches of one size, for the time's sake
        model = cnn.network(lib)
        cnn.train(lib, model, training, epochs=4, rate=5e-3)
        first = cnn.accuracy(lib, model, test)
        model.zero_grad()
        model[0].requires_grad_(False)
        weight = model[0].weight.tolist()
        cnn.train(lib, model, training, epochs=1, rate=1e-3)
        assert model[0].weight.tolist() == weight
        assert model[0].weight.grad is None
        assert first > 0.9
        assert cnn.accuracy(lib, model, test) > 0.9
    finally:
        lib.set_default_dtype(before)
