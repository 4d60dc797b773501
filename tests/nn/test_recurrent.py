"""Recurrent layers beside torch: outputs, states, gradients, names of weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc import nn
from graphc.config import override

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")

CASES: list[tuple[str, dict[str, Any], tuple[int, ...], bool]] = [
    ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}, (4, 6, 3), True),
    ("LSTM", {"bias": False}, (6, 3), False),
    ("LSTM", {"proj_size": 2, "num_layers": 2}, (1, 1, 3), False),
    ("GRU", {"num_layers": 2, "bidirectional": True}, (6, 4, 3), False),
    ("RNN", {"nonlinearity": "relu"}, (6, 4, 3), True),
]


def pair(name: str, *args: Any, **options: Any) -> tuple[Any, Any]:
    """The module of torch, and graphc's with its weights, in double precision."""
    theirs = getattr(torch.nn, name)(*args, **options).double()
    ours = getattr(nn, name)(*args, **options)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    return ours, theirs


def leaves(lib: Any, arrays: list[np.ndarray]) -> list[Any]:
    return [lib.tensor(a, requires_grad=True) for a in arrays]


def check(ours: Any, theirs: Any, arrays: list[np.ndarray]) -> None:
    """Results and all gradients are the same to rounding. ``arrays``: the input, and states."""
    given, wanted = leaves(graphc, arrays), leaves(torch, arrays)
    results = []
    for module, (x, *states) in ((ours, given), (theirs, wanted)):
        hx = (tuple(states) if len(states) > 1 else states[0],) if states else ()
        found = module(x, *hx)
        parts = found if isinstance(found, tuple) else (found,)
        parts = [t for part in parts for t in (part if isinstance(part, tuple) else (part,))]
        sum((part.sin() * (k + 1)).sum() for k, part in enumerate(parts)).backward()
        results.append([part.detach().numpy() for part in parts])
    for found, right in zip(*results, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-12)
    pairs = [*zip(given, wanted, strict=True), *zip(ours.parameters(), theirs.parameters(), strict=True)]
    for p, q in pairs:
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "options", "shape", "with_states"), CASES)
def test_recurrent_layers_are_torchs(
    name: str, options: dict[str, Any], shape: tuple[int, ...], with_states: bool
) -> None:
    rng = np.random.default_rng(0)
    ours, theirs = pair(name, 3, 5, **options)
    n = shape[0] if options.get("batch_first") else shape[1]
    count = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    states = [rng.standard_normal((count, n, 5)) for _ in range(2 if name == "LSTM" else 1)] if with_states else []
    with override(disable_jit=True):
        check(ours, theirs, [rng.standard_normal(shape), *states])


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
def test_cells_are_torchs(name: str) -> None:
    rng = np.random.default_rng(0)
    ours, theirs = pair(name, 3, 5)
    states = [rng.standard_normal((4, 5)) for _ in range(2 if name == "LSTMCell" else 1)]
    with override(disable_jit=True):
        check(ours, theirs, [rng.standard_normal((4, 3)), *states])


def test_the_steps_of_time_are_a_loop_and_one_program_serves_every_length() -> None:
    ours, theirs = pair("LSTM", 3, 5)
    ours.requires_grad_(False)
    f = graphc.grad(lambda x: (ours(x)[0] ** 2).sum())
    for length, n in ((9, 4), (30, 2)):
        x = np.random.default_rng(1).standard_normal((length, n, 3))
        wanted = torch.tensor(x, requires_grad=True)
        (theirs(wanted)[0] ** 2).sum().backward()
        np.testing.assert_allclose(f(x), wanted.grad.numpy(), rtol=1e-10, atol=1e-13)
    assert f.cache_info()["calls_traced"] == 1
    assert sum(node.op.name == "for" for node in f.graph("traced").nodes) == 1


def test_initial_weights_are_uniform_within_torchs_bound() -> None:
    layer = nn.LSTM(20, 16, num_layers=2)
    values = np.concatenate([p.detach().numpy().ravel() for p in layer.parameters()])
    assert np.abs(values).max() <= 0.25
    np.testing.assert_allclose(values.std(), 0.25 / np.sqrt(3), rtol=0.05)


def test_what_does_not_fit_is_an_error_with_both_sizes() -> None:
    with pytest.raises(graphc.ShapeError, match=r"input_size=3 got an input of \(5, 2, 4\)"):
        nn.LSTM(3, 5)(graphc.zeros(5, 2, 4))
    with pytest.raises(graphc.ShapeError, match="hidden state must have the shape"):
        nn.LSTM(3, 5)(graphc.zeros(5, 2, 3), (graphc.zeros(1, 3, 5), graphc.zeros(1, 2, 5)))
