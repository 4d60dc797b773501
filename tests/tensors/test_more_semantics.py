"""More of what PyTorch users know, in graphc and in torch with one outcome: writing, flags, hooks, printing."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import graphc
from tests.tensors.conftest import values

Lib = Any


class TestInPlaceAsPyTorchSavesIt:
    """What a function in place saves of what it overwrites is a copy, so it can be differentiated."""

    @pytest.mark.parametrize(
        "write",
        [
            lambda y, x: y.mul_(x), lambda y, x: y.div_(x), lambda y, x: y.pow_(2), lambda y, x: y.clamp_(2.0, 4.0),
            lambda y, x: y.log_(), lambda y, x: y.sin_(), lambda y, x: y.abs_(), lambda y, x: y.square_(),
        ],
    )  # fmt: skip
    def test_gradients_go_through(self, lib: Lib, write: Any) -> None:
        x = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x * 1.5
        write(y, x)
        (y * y).sum().backward()
        again = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
        copied = (again * 1.5).clone()
        expected = {
            "mul_": lambda: copied * again, "div_": lambda: copied / again, "pow_": lambda: copied**2,
            "clamp_": lambda: copied.clamp(2.0, 4.0), "log_": copied.log, "sin_": copied.sin, "abs_": copied.abs,
            "square_": copied.square,
        }[write.__code__.co_names[0]]()  # fmt: skip
        (expected * expected).sum().backward()
        np.testing.assert_allclose(values(x.grad), values(again.grad), rtol=1e-14)

    def test_what_another_function_saved_is_still_missed(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x * 1.5
        z = y * y
        y.mul_(x)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            (y + z).sum().backward()

    def test_results_that_were_saved(self, lib: Lib) -> None:
        for make in (
            lambda x: x.prod(),
            lambda x: x.max(),
            lambda x: x.norm(),
            lambda x: x.std(),
            lambda x: x.logsumexp(0),
        ):
            x = lib.tensor([1.0, 2.0], requires_grad=True)
            y = make(x)
            y.detach().zero_()
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                y.backward()

    def test_places_that_were_saved_are_freed(self, lib: Lib) -> None:
        x = lib.tensor([3.0, 2.0], requires_grad=True)
        for make in (lambda: x.sort()[0], lambda: x.topk(1)[0], lambda: x.max(0)[0], lambda: x.median(0)[0]):
            y = make().sum()
            y.backward()
            with pytest.raises(RuntimeError, match="second time"):
                y.backward()

    def test_a_view_of_what_was_written_before_is_no_error(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x * 1.0
        y.add_(1.0)
        v = y.view(2, 1)
        z = (v * v).sum()
        assert z.item() == 13.0
        z.backward()
        assert values(x.grad) == [4.0, 6.0]

    def test_an_expanded_view_of_the_same_size_may_be_written(self, lib: Lib) -> None:
        x = lib.zeros(2)
        x.broadcast_to(1, 2).fill_(3.0)
        assert values(x) == [3.0, 3.0]


class TestOtherHabits:
    def test_a_flag_switched_off_before_backward(self, lib: Lib) -> None:
        x, w = lib.tensor([2.0], requires_grad=True), lib.tensor([3.0], requires_grad=True)
        y = (x * w).sum()
        w.requires_grad_(False)
        z = (x * w).sum()
        (y + z).backward()
        assert values(x.grad) == [6.0]
        assert w.grad is None

    def test_gradients_of_some_inputs(self, lib: Lib) -> None:
        x, w = (lib.tensor([2.0], requires_grad=True) for _ in range(2))
        (x * x * w).sum().backward(inputs=[w])
        assert x.grad is None
        assert values(w.grad) == [4.0]
        y = x * w
        lib.autograd.backward(y.sum(), inputs=(y, x))
        assert (values(y.grad), values(x.grad)) == ([1.0], [2.0])
        with pytest.raises(RuntimeError):
            (x * x).backward(inputs=[])
        with pytest.raises(RuntimeError):
            lib.autograd.grad((x * x).sum(), [])

    def test_a_gradient_is_deleted_and_must_fit(self, lib: Lib) -> None:
        x = lib.tensor([2.0], requires_grad=True)
        (x * x).backward()
        del x.grad
        assert x.grad is None
        for wrong in (lib.ones(2), lib.ones(1, dtype=lib.float32), x):
            with pytest.raises(RuntimeError):
                x.grad = wrong

    def test_hooks_give_tensors_of_the_gradients_shape(self, lib: Lib) -> None:
        for wrong, error in ((lib.ones(3), RuntimeError), ("a", TypeError)):
            x = lib.tensor([1.0, 2.0], requires_grad=True)
            x.register_hook(lambda g, wrong=wrong: wrong)
            with pytest.raises(error):
                (x * x).sum().backward()

    def test_hooks_after_accumulation(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        seen: list[Any] = []
        handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(values(p.grad)))
        for _ in range(2):
            (x * 3).sum().backward()
        handle.remove()
        (x * 3).sum().backward()
        assert seen == [[3.0, 3.0], [6.0, 6.0]]

    def test_versions(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0])
        y = x[0]
        y.mul_(2.0)
        x[1] = 5.0
        x += 1
        assert (x._version, y._version, x.detach()._version) == (3, 3, 3)
        assert x.data_ptr() == x.view(2, 1).data_ptr() == y.data_ptr()

    def test_copies_share_or_do_not(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0])
        copy.copy(x).zero_()
        assert values(x) == [0.0, 0.0]
        copy.deepcopy(x).add_(1.0)
        assert values(x) == [0.0, 0.0]

    def test_numbers_in_text(self, lib: Lib) -> None:
        x = lib.tensor([1.5, 2.0])
        assert f"{x[0]:.3f} {lib.tensor(3):d}" == "1.500 3"
        assert 2.0 in x
        assert 7 not in x
        with pytest.raises(TypeError):
            f"{x:.2f}"


PRINTED = [
    lambda t: t.tensor([[1.0, 2.0], [3.0, 4.5]]), lambda t: t.tensor([1.0, 1e6, 1e-5]), lambda t: t.tensor(1.5),
    lambda t: t.tensor([float("nan"), float("inf"), 1.0, 0.0]), lambda t: t.zeros(2, 0), lambda t: t.arange(2000),
    lambda t: t.tensor([True, False]), lambda t: t.arange(60.0) * 0.37, lambda t: t.arange(4000.0).reshape(40, 10, 10),
    lambda t: t.tensor([0.123456789] * 7, requires_grad=True) * 1, lambda t: t.tensor([-1.0, 100.0]) / 3,
    lambda t: t.tensor([1e10, 1.0]), lambda t: t.tensor([[1, -2], [30, 4]]), lambda t: t.tensor([0.0, -0.0]),
    lambda t: t.ones(3, dtype=t.float32), lambda t: t.zeros(0, dtype=t.int64), lambda t: t.ones(40, requires_grad=True),
]  # fmt: skip


@pytest.mark.parametrize("make", PRINTED)
def test_tensors_print_as_in_torch(make: Any) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        theirs = repr(make(torch))
    finally:
        torch.set_default_dtype(before)
    assert repr(make(graphc)) == theirs.replace("torch.", "")


@pytest.mark.parametrize(
    ("function", "varies"),
    [
        (lambda x, y: (x * 3).sum() + x[0], [False]), (lambda x, y: (x * x).sum(), [True]),
        (lambda x, y: x.exp().sum(), [True]), (lambda x, y: (x * y).sum(), [True, True]),
        (lambda x, y: (x * x + y * 3).sum(), [True, False]), (lambda x, y: x.sort().values[0] * 2, [False]),
        (lambda x, y: (x.detach() * x).sum(), [False]), (lambda x, y: (x * 2).matmul(y), [True, True]),
    ],
)  # fmt: skip
def test_a_recorded_gradient_requires_grad_where_it_varies(lib: Lib, function: Any, varies: list[bool]) -> None:
    x, y = (lib.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    found = lib.autograd.grad(function(x, y), (x, y)[: len(varies)], create_graph=True)
    assert [gradient.requires_grad for gradient in found] == varies


@pytest.mark.parametrize("write", [lambda base, view, x: view.copy_(x), lambda base, view, x: base[1:].copy_(x)])
def test_a_view_that_is_older_than_a_recorded_write_requires_grad(lib: Lib, write: Any) -> None:
    """The base did not require grad when the view was made: what is written then flows through both."""
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    base = lib.zeros(3, dtype=lib.float64)
    view, cut = base[1:], base.detach()
    write(base, view, x)
    assert (base.requires_grad, view.requires_grad, cut.requires_grad) == (True, True, False)
    (view**2).sum().backward()
    np.testing.assert_allclose(values(x.grad), [2.0, 4.0])
