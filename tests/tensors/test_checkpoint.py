"""``graphc.checkpoint`` of modules and functions of tensors: the same numbers, less memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn
import graphc.optim
from graphc.config import override
from graphc.ops.table import OPS
from graphc.passes.composites import expand_composites
from graphc.passes.pipeline import optimize
from graphc.schedule.plan import schedule
from graphc.tensors import programs
from tests.schedule.programs import arena


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True):
        yield


def blocks(count: int, *more: Callable[[], Any]) -> Any:
    nn = graphc.nn
    return nn.Sequential(*[
        nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Tanh(), *[make() for make in more]) for _ in range(count)
    ])  # fmt: skip


def deep(model: Any, x: Any, *, saving: bool) -> Any:
    for block in model:
        x = graphc.checkpoint(block)(x) if saving else block(x)
    return x


def once(saving: bool) -> list[Any]:
    graphc.manual_seed(3)
    model = blocks(3, lambda: graphc.nn.Dropout(0.3))
    x = graphc.randn(16, 8).requires_grad_()
    model[1][0].bias.requires_grad_(False)
    loss = (deep(model, x, saving=saving) ** 2).mean()
    loss.backward()
    gradients = [None if p.grad is None else p.grad.tolist() for p in model.parameters()]
    return [loss.item(), x.grad.tolist(), gradients, [b.tolist() for b in model.buffers()]]


def test_values_gradients_and_buffers_are_the_same_bit_for_bit() -> None:
    assert once(True) == once(False)


def test_compiled_steps_train_with_it() -> None:
    found = []
    for saving in (False, True):
        graphc.manual_seed(3)
        model = blocks(2, lambda: graphc.nn.Dropout(0.3))

        class Whole(graphc.nn.Module):
            def __init__(self, model: Any, saving: bool) -> None:
                super().__init__()
                self.model, self.saving = model, saving

            def forward(self, x: Any) -> Any:
                return deep(self.model, x, saving=self.saving)

        optimizer = graphc.optim.Adam(model.parameters(), lr=0.05)
        step = graphc.optim.compile_step(Whole(model, saving), graphc.nn.MSELoss(), optimizer)
        x, y = graphc.randn(16, 8), graphc.ones(16, 8)
        found.append([[step(x, y).item() for _ in range(4)], [t.tolist() for t in model.state_dict().values()]])
    assert found[0] == found[1]


def bytes_of_a_step(monkeypatch: pytest.MonkeyPatch, group: int) -> int:
    """What the program of forward and backward needs beside its inputs and results."""
    made: list[Any] = []
    original = programs.make_runner
    monkeypatch.setattr(programs, "make_runner", lambda graph, *rest: made.append(graph) or original(graph, *rest))
    rows, width, depth = 512, 64, 12
    rng = np.random.default_rng(0)
    layers = [graphc.tensor(rng.standard_normal((width, width)) / 8, requires_grad=True) for _ in range(depth)]

    def part(h: Any, first: int) -> Any:
        for w in layers[first : first + group]:
            h = (h @ w).tanh()
        return h

    h = graphc.tensor(rng.standard_normal((rows, width)))
    for first in range(0, depth, group):
        h = part(h, first) if group == depth else graphc.checkpoint(part)(h, first)
    h.sum().backward()
    graph = expand_composites(optimize(made[-1], OPS), OPS)
    program = schedule(graph, OPS)
    sizes = {str(d): s for p, a in zip(graph.params, [h, *layers], strict=False) for d, s in zip(p.dims, a.shape,
             strict=True)}  # fmt: skip
    return arena(program, **{name: sizes.get(name, width) for name in program.symbols})


def test_it_saves_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    activation = 512 * 64 * 8
    plain, saving = (bytes_of_a_step(monkeypatch, group) for group in (12, 4))
    assert plain >= 11 * activation  # one for each layer
    assert saving <= 10.01 * activation  # two between the parts, those of the one that is computed again, gradients


def test_what_is_kept_and_what_comes_back() -> None:
    w = graphc.tensor([1.0, 2.0], requires_grad=True)
    kept = []

    def function(pair: Any, scale: float, *, other: Any) -> Any:
        h, _ = pair
        kept.append(h * 3)
        return {"value": h.exp() * scale + other, "given": h, "number": scale, "cut": h.detach()}

    h = w * 2
    out = graphc.checkpoint(function)((h, None), 0.5, other=w)
    assert out["given"] is h
    assert out["number"] == 0.5
    assert not out["cut"].requires_grad
    assert out["value"].grad_fn == "<CheckpointBackward0>"
    (out["value"].sum() + kept[0].sum()).backward()
    np.testing.assert_allclose(w.grad.tolist(), np.exp([2.0, 4.0]) + 7.0, rtol=1e-12)
    assert out["cut"].tolist() == [2.0, 4.0]
    with graphc.no_grad():
        assert not graphc.checkpoint(lambda x: x * w)(w).requires_grad
    assert graphc.checkpoint(lambda x: x + 1.0)(np.ones(1)).tolist() == [2.0]  # no tensors: the function itself


def test_a_second_pass_and_second_derivatives() -> None:
    x = graphc.tensor([0.5, 1.5], requires_grad=True)
    y = graphc.checkpoint(lambda x: (x * x).sin())(x).sum()
    (first,) = graphc.autograd.grad(y, x, create_graph=True)
    first.sum().backward()
    v = np.array([0.5, 1.5])
    np.testing.assert_allclose(first.detach().numpy(), 2 * v * np.cos(v * v), rtol=1e-12)
    np.testing.assert_allclose(x.grad.tolist(), 2 * np.cos(v * v) - 4 * v * v * np.sin(v * v), rtol=1e-12)


def test_what_it_refuses() -> None:
    w = graphc.ones(2, requires_grad=True)
    model = graphc.nn.BatchNorm1d(2)
    before = model.running_mean.tolist()

    def reads(x: Any) -> Any:
        model(x)
        return x * x.sum().item()

    for function, match in (
        (reads, r"test_checkpoint.py:\d+: checkpoint: the function asks for the value"),
        (lambda h: h.add_(1.0), "writes into its argument"),
        (lambda h: (h * 2).retain_grad(), "registers a hook"),
    ):
        with pytest.raises(RuntimeError, match=match):
            graphc.checkpoint(function)((w * 2).reshape(1, 2).expand(3, 2))
    assert model.running_mean.tolist() == before
    with pytest.raises(NotImplementedError, match="loops of compiled functions"):
        graphc.checkpoint(lambda h: h, every=2)(w)
    assert (w * 2).tolist() == [2.0, 2.0]
