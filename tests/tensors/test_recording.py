"""Recording: what is compiled, and that a loop compiles nothing after its second round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.tensors import programs
from graphc.tensors.recording import Recording, now
from graphc.tensors.replay import Replay


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """A list that grows by one entry with each program that is made."""
    made: list[object] = []
    original: Callable[..., object] = programs.program_of

    def counted(*args: object) -> object:
        made.append(args)
        return original(*args)

    monkeypatch.setattr(programs, "program_of", counted)
    monkeypatch.setattr(now, "recording", Recording())
    with override(disable_jit=True):
        yield made


def test_a_compiled_program_gives_value_and_gradient() -> None:
    x = graphc.tensor([1.0, 2.0, 3.0], requires_grad=True)
    z = (x * x * 2).sum()
    assert z.shape == ()
    assert z.requires_grad
    z.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 8.0, 12.0])
    assert z.item() == 28.0


def test_a_loop_finds_its_program_from_the_second_round_on(compilations: list[object]) -> None:
    w = graphc.tensor([0.5, -0.5], requires_grad=True)
    counts = []
    for _ in range(4):
        loss = ((w * 3.0 - 1.0) * w).sum()
        loss.backward()
        counts.append(len(compilations))
        w.grad = None
    assert counts == [1, 1, 1, 1]


def test_a_running_total_meets_no_new_program_after_the_second_round(compilations: list[object]) -> None:
    w = graphc.tensor([0.5, -0.5], requires_grad=True)
    total = 0
    counts = []
    for _ in range(5):
        loss = (w * w).sum()
        loss.backward()
        total += loss
        counts.append(len(compilations))
    assert counts == [1, 2, 2, 2, 2]
    assert total.item() == 2.5


def test_a_number_that_changes_becomes_an_input(compilations: list[object]) -> None:
    x = graphc.tensor([1.0, 2.0])
    counts = []
    for k in range(5):
        value = (x * (0.5 + k)).numpy()
        np.testing.assert_array_equal(value, (0.5 + k) * np.array([1.0, 2.0]))
        counts.append(len(compilations))
    assert counts == [1, 2, 2, 2, 2]


def test_numbers_that_are_equal_and_not_the_same(compilations: list[object]) -> None:
    x = graphc.tensor([1.0, -1.0])
    for zero in (0.0, -0.0, 0.0):
        assert np.signbit((x * zero).numpy()).tolist() == np.signbit(np.array([1.0, -1.0]) * zero).tolist()
    n = graphc.tensor([1, 2])
    assert [(n * k).dtype for k in (1, 1.0, True)] == [np.int64, np.float64, np.int64]


def test_a_long_chain_is_cut_and_stays_right(compilations: list[object]) -> None:
    x = graphc.tensor([1.0], requires_grad=True)
    y = x
    for _ in range(600):
        y = y + x
    y.sum().backward()
    assert y.tolist() == [601.0]
    assert x.grad.tolist() == [601.0]
    before = len(compilations)
    x.grad = None
    y = x
    for _ in range(600):
        y = y + x
    y.sum().backward()
    assert x.grad.tolist() == [601.0]
    assert len(compilations) == before


def test_other_shapes_are_other_steps_of_one_path() -> None:
    for n in (2, 3, 4):
        x = graphc.ones(n, requires_grad=True)
        (x * x).sum().backward()
        assert x.grad.tolist() == [2.0] * n


def test_nothing_is_computed_that_no_tensor_holds(compilations: list[object]) -> None:
    x = graphc.tensor([1.0, 2.0])
    y = x * 2
    del y
    z = x + 1
    assert z.tolist() == [2.0, 3.0]
    ((_state, wanted),) = compilations  # type: ignore[misc]
    assert len(wanted) == 1


def test_a_frozen_layer_has_no_adjoint_in_the_program(compilations: list[object]) -> None:
    x, w1, w2 = (graphc.ones(3, 3) for _ in range(3))
    for mask in ((True, True), (True, False), (False, True), (False, False)):
        now.recording = Recording()
        for w, flag in zip((w1, w2), mask, strict=True):
            w.requires_grad_(flag)
        loss = ((x @ w1).tanh() @ w2).sum()
        if any(mask):
            loss.backward()
        loss.item()
    products = []
    for state, wanted in compilations:  # type: ignore[misc]
        graph = optimize(Replay(state, wanted).graph(), OPS)
        products.append(sum(node.op.name == "matmul" for node in graph.nodes))
    assert products == [5, 4, 3, 2]


def runs_of(compilations: list[object], round_: Callable[[], None]) -> list[str]:
    """For each program that runs in the third round of a loop: whether it has a product, and one in its gradient."""
    ran: list[str] = []
    original = programs.program_of

    def noted(state: Any, wanted: Any) -> Any:
        run = original(state, wanted)
        graph = optimize(Replay(state, wanted).graph(), OPS)
        text = f"{sum(node.op.name == 'tanh' for node in graph.nodes)} tanh"

        def call(inputs: Any) -> Any:
            ran.append(text)
            return run(inputs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "program_of", noted)
        for _ in range(2):
            round_()
        ran.clear()
        round_()
    return ran


def test_the_forward_part_runs_once_where_a_loop_reads_its_loss_before_backward(compilations: list[object]) -> None:
    w = graphc.tensor([[0.5, -0.5], [1.0, 2.0]], requires_grad=True)
    gradients = []

    def round_() -> None:
        w.grad = None
        loss = (w @ w).tanh().sum()
        assert np.isfinite(loss.item())
        loss.backward()
        gradients.append(w.grad.tolist())

    assert runs_of(compilations, round_) == ["1 tanh"]
    np.testing.assert_allclose(gradients[2], gradients[0], rtol=1e-14)


def test_gradients_are_not_computed_ahead_where_none_followed_the_last_time(compilations: list[object]) -> None:
    w = graphc.tensor([0.5, -0.5], requires_grad=True)

    def loss() -> Any:
        made = (w * w).tanh().sum()
        made.item()
        return made

    counts = []
    for differentiated in (True, True, False, False, True, True):
        w.grad = None
        made = loss()
        if differentiated:
            made.backward()
            np.testing.assert_allclose(w.grad.numpy(), 2 * w.detach().numpy() / np.cosh(w.detach().numpy() ** 2) ** 2)
        counts.append(made._history[0].ahead[1] is not None)
    assert counts == [False, True, True, False, False, True]
    made = loss()  # gradients are there, and what they need is overwritten
    with graphc.no_grad():
        w.mul_(2.0)
    with pytest.raises(graphc.GraphcError, match="modified by an inplace"):
        made.backward()


def test_autograd_grad_runs_one_program_and_differentiates_by_what_is_asked_for(compilations: list[object]) -> None:
    w, v = (graphc.tensor([[0.5, -0.5], [1.0, 2.0]], requires_grad=True) for _ in range(2))

    def round_() -> None:
        (found,) = graphc.autograd.grad((w @ v).tanh().sum(), w)
        assert found.shape == (2, 2)

    assert runs_of(compilations, round_) == ["1 tanh"]
    state, wanted = compilations[-1]  # type: ignore[misc]
    graph = optimize(Replay(state, wanted).graph(), OPS)
    assert sum(node.op.name == "matmul" for node in graph.nodes) == 2
    assert w.grad is None
    assert v.grad is None
