"""What PyTorch users know of requires_grad: every test runs in graphc and in torch, with one outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.tensors.conftest import values

Lib = Any


class TestRequiresGrad:
    """1, 2: who requires grad."""

    def test_the_default_is_false(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0])
        assert x.requires_grad is False
        assert x.is_leaf
        assert x.grad is None
        assert x.grad_fn is None

    @pytest.mark.parametrize("data", [[1, 2], [True, False]])
    def test_only_floating_dtypes_may_require_it(self, lib: Lib, data: list[int]) -> None:
        with pytest.raises(RuntimeError, match=r"(?i)only tensors of floating"):
            lib.tensor(data, requires_grad=True)

    def test_a_result_requires_it_where_an_input_does(self, lib: Lib) -> None:
        x, c = lib.tensor([1.0, 2.0], requires_grad=True), lib.tensor([3.0, 4.0])
        assert (x * c).requires_grad
        assert not (c * c).requires_grad
        assert not (x > 1).requires_grad
        assert not x.argmax().requires_grad
        assert x.is_leaf
        assert (c * c).is_leaf
        assert not (x * c).is_leaf

    def test_repr_names_what_made_it(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        assert repr(x) == "tensor([1., 2.], requires_grad=True)"
        assert repr(x * x) == "tensor([1., 4.], grad_fn=<MulBackward0>)"
        assert repr(x.detach()) == "tensor([1., 2.])"
        assert "SumBackward0" in repr(x.sum())
        assert "ExpBackward0" in repr(x.exp())


class TestBackward:
    """3, 4, 9: backward passes."""

    def test_of_a_scalar(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        z = (x * x * 2).sum()
        assert x.grad is None
        z.backward()
        assert values(x.grad) == [4.0, 8.0]
        assert x.grad.requires_grad is False

    def test_of_a_tensor_needs_a_vector_of_its_shape(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
        with pytest.raises(RuntimeError, match="only for scalar outputs"):
            (x * x * 2).backward()
        (x * x * 2).backward(lib.tensor([1.0, 0.5, 0.0]))
        assert values(x.grad) == [4.0, 4.0, 0.0]
        with pytest.raises(RuntimeError):
            (x * x).backward(lib.tensor([1.0, 1.0]))

    def test_one_element_is_a_scalar(self, lib: Lib) -> None:
        x = lib.tensor([[3.0]], requires_grad=True)
        (x * x).backward()
        assert values(x.grad) == [[6.0]]

    def test_a_tensor_that_requires_nothing_has_none(self, lib: Lib) -> None:
        with pytest.raises(RuntimeError, match="does not require grad"):
            lib.tensor(1.0).backward()

    def test_a_leaf_is_its_own_gradient(self, lib: Lib) -> None:
        x = lib.tensor(2.0, requires_grad=True)
        x.backward()
        assert values(x.grad) == 1.0

    def test_gradients_accumulate_in_place(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        (x * x).sum().backward()
        first = x.grad
        (x * 3).sum().backward()
        assert values(x.grad) == [5.0, 7.0]
        assert x.grad is first

    def test_gradients_only_of_leaves(self, lib: Lib) -> None:
        x, c = lib.tensor([1.0], requires_grad=True), lib.tensor([2.0])
        y = x * c
        y.retain_grad()
        z = y * 3
        z.sum().backward()
        assert values(x.grad) == [6.0]
        assert values(y.grad) == [3.0]
        assert c.grad is None
        with pytest.raises(RuntimeError):
            c.retain_grad()

    def test_retain_grad_after_the_value_was_read(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        assert values(y) == [2.0, 4.0]
        y.retain_grad()
        (y * y).sum().backward()
        assert values(y.grad) == [4.0, 8.0]
        assert values(x.grad) == [8.0, 16.0]

    def test_clearing_gradients(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        (x * x).sum().backward()
        x.grad.zero_()
        assert values(x.grad) == [0.0, 0.0]
        (x * x).sum().backward()
        assert values(x.grad) == [2.0, 4.0]
        x.grad = None
        assert x.grad is None

    def test_a_second_backward_needs_retain_graph(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        z = (x * x).sum()
        z.backward(retain_graph=True)
        z.backward()
        assert values(x.grad) == [4.0, 8.0]
        with pytest.raises(RuntimeError, match="second time"):
            z.backward()

    def test_a_second_backward_through_what_saves_nothing(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        z = (x + 1).sum()
        z.backward()
        z.backward()
        assert values(x.grad) == [2.0, 2.0]

    def test_two_results_of_one_computation(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        a, b = (x * x).sum(), (x * 3).sum()
        a.backward()
        b.backward()
        assert values(x.grad) == [5.0, 7.0]
        y = x * x
        a, b = y.sum(), (2 * y).sum()
        a.backward()
        with pytest.raises(RuntimeError, match="second time"):
            b.backward()

    def test_reading_a_value_in_between(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x * x
        assert values(y) == [1.0, 4.0]
        z = (y * x).sum()
        assert z.item() == 9.0
        z.backward()
        assert values(x.grad) == [3.0, 12.0]

    def test_a_value_used_in_two_recordings(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x.exp() * x
        y.tolist()
        a = (y * y).sum()
        a.tolist()
        b = y.sum() + a * 2 + x.sum()
        b.backward()
        e = np.exp([1.0, 2.0])
        v = np.array([1.0, 2.0])
        np.testing.assert_allclose(values(x.grad), (e * v + e) * (1 + 4 * e * v) + 1, rtol=1e-14)


class TestChangingTheFlag:
    """5: requires_grad_."""

    def test_on_and_off(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0])
        assert x.requires_grad_() is x
        (x * x).sum().backward()
        assert values(x.grad) == [2.0, 4.0]
        x.requires_grad_(False)
        assert not (x * x).requires_grad
        x.requires_grad = True
        assert (x * x).requires_grad

    def test_off_is_for_leaves(self, lib: Lib) -> None:
        y = lib.tensor([1.0], requires_grad=True) * 2
        with pytest.raises(RuntimeError, match=r"(?s)leaf.*detach"):
            y.requires_grad_(False)
        assert y.requires_grad_(True) is y

    def test_it_affects_what_is_built_afterwards(self, lib: Lib) -> None:
        x, w = lib.tensor([2.0], requires_grad=True), lib.tensor([3.0])
        y = x * w
        w.requires_grad_(True)
        (y + w).sum().backward()
        assert values(x.grad) == [3.0]
        assert values(w.grad) == [1.0]

    def test_off_after_the_graph_was_built(self, lib: Lib) -> None:
        x, w = lib.tensor([2.0], requires_grad=True), lib.tensor([3.0], requires_grad=True)
        y = (x * w).sum()
        w.requires_grad_(False)
        y.backward()
        assert values(x.grad) == [3.0]


class TestDetach:
    """6: detach shares memory, and writing there is noticed."""

    def test_it_cuts_the_path(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        d = x.detach()
        assert not d.requires_grad
        (x * d).sum().backward()
        assert values(x.grad) == [1.0, 2.0]

    def test_it_shares_memory(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        d = x.detach()
        d[0] = 5.0
        assert values(x) == [5.0, 2.0]
        assert x.requires_grad
        assert x.is_leaf
        d.add_(1.0)
        assert values(x) == [6.0, 3.0]
        d.numpy()[1] = 7.0
        assert values(x) == [6.0, 7.0]
        (x * x).sum().backward()
        assert values(x.grad) == [12.0, 14.0]

    @pytest.mark.parametrize("read_first", [False, True])
    def test_writing_what_was_saved_is_an_error(self, lib: Lib, read_first: bool) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        z = (x * x).sum()
        if read_first:
            assert z.item() == 5.0
        x.detach().mul_(2.0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            z.backward()
        assert x.grad is None

    def test_writing_what_was_not_saved_is_none(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        z = (x + 1).sum()
        x.detach().mul_(2.0)
        z.backward()
        assert values(x.grad) == [1.0, 1.0]
        assert z.item() == 5.0

    def test_writing_a_result_that_was_saved(self, lib: Lib) -> None:
        x = lib.tensor([0.0, 1.0], requires_grad=True)
        y = x.exp()
        y.detach().zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()

    def test_a_leaf_of_shared_memory(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        d = x.detach().requires_grad_()
        (d * d).sum().backward()
        assert values(d.grad) == [2.0, 4.0]
        assert x.grad is None
        with lib.no_grad():
            x[0] = 9.0
        assert values(d) == [9.0, 2.0]
        assert d.requires_grad


class TestModes:
    """7: no_grad and its kin."""

    def test_results_do_not_require_grad(self, lib: Lib) -> None:
        x = lib.tensor([1.0], requires_grad=True)
        with lib.no_grad():
            assert not lib.is_grad_enabled()
            assert not (x * 2).requires_grad
            inside = lib.tensor([1.0], requires_grad=True)
        assert lib.is_grad_enabled()
        assert x.requires_grad
        assert inside.requires_grad
        assert (x * 2).requires_grad

    def test_nested(self, lib: Lib) -> None:
        x = lib.tensor([1.0], requires_grad=True)
        with lib.no_grad():
            with lib.enable_grad():
                assert (x * 2).requires_grad
                with lib.set_grad_enabled(False):
                    assert not (x * 2).requires_grad
                assert (x * 2).requires_grad
            assert not (x * 2).requires_grad
        with lib.inference_mode():
            assert lib.is_inference_mode_enabled()
            assert not (x * 2).requires_grad
        assert not lib.is_inference_mode_enabled()
        assert (x * 2).requires_grad

    def test_after_an_error(self, lib: Lib) -> None:
        with pytest.raises(KeyError), lib.no_grad():
            raise KeyError
        assert lib.is_grad_enabled()

    def test_as_a_decorator(self, lib: Lib) -> None:
        x = lib.tensor([1.0], requires_grad=True)

        @lib.no_grad()
        def double(v: Any) -> Any:
            return v * 2

        @lib.no_grad
        def triple(v: Any) -> Any:
            return v * 3

        @lib.inference_mode()
        def several() -> Any:
            yield x * 2
            yield x * 3

        assert not double(x).requires_grad
        assert not triple(x).requires_grad
        for value in several():
            assert not value.requires_grad
            assert lib.is_grad_enabled()
        assert double.__name__ == "double"

    def test_set_at_once(self, lib: Lib) -> None:
        x = lib.tensor([1.0], requires_grad=True)
        lib.set_grad_enabled(False)
        try:
            assert not (x * 2).requires_grad
        finally:
            lib.set_grad_enabled(True)
        assert (x * 2).requires_grad

    def test_a_part_computed_without_gradients_is_a_constant(self, lib: Lib) -> None:
        x = lib.tensor([3.0], requires_grad=True)
        with lib.no_grad():
            y = x * x
        (x * y).sum().backward()
        assert values(x.grad) == [9.0]


class TestFrozen:
    """8: what does not require grad gets none, and lets gradients through."""

    def test_gradients_flow_through_a_frozen_layer(self, lib: Lib) -> None:
        first = lib.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        frozen = lib.tensor([[1.0, -1.0], [0.5, 2.0]])
        x = lib.tensor([[1.0, 1.0]])
        ((x @ first) @ frozen).sum().backward()
        assert frozen.grad is None
        assert values(first.grad) == [[0.0, 2.5], [0.0, 2.5]]


class TestHigherOrder:
    """9: gradients of gradients, and autograd.grad."""

    def test_create_graph(self, lib: Lib) -> None:
        x = lib.tensor(3.0, requires_grad=True)
        (first,) = lib.autograd.grad(x**3, x, create_graph=True)
        assert first.requires_grad
        (second,) = lib.autograd.grad(first, x, create_graph=True)
        (third,) = lib.autograd.grad(second, x)
        assert (first.item(), second.item(), third.item()) == (27.0, 18.0, 6.0)
        assert x.grad is None

    def test_create_graph_in_backward(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        (x**3).sum().backward(create_graph=True)
        first = x.grad
        assert first.requires_grad
        x.grad = None
        (first * first).sum().backward()
        np.testing.assert_allclose(values(x.grad), [36.0, 288.0])

    def test_of_a_value_inside(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x * x
        z = (y * x).sum()
        by_y, by_x = lib.autograd.grad(z, (y, x))
        assert values(by_y) == [1.0, 2.0]
        assert values(by_x) == [3.0, 12.0]

    def test_unused_inputs(self, lib: Lib) -> None:
        x, w = (lib.tensor([1.0], requires_grad=True) for _ in range(2))
        with pytest.raises(RuntimeError, match="to not have been used"):
            lib.autograd.grad((x * x).sum(), (x, w))
        found = lib.autograd.grad((x * x).sum(), (x, w), allow_unused=True)
        assert values(found[0]) == [2.0]
        assert found[1] is None

    def test_vectors_for_outputs(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        (found,) = lib.autograd.grad([x * x, x.sum()], [x], grad_outputs=[lib.tensor([1.0, 10.0]), None])
        assert values(found) == [3.0, 41.0]


class TestHooks:
    """10: hooks."""

    def test_on_a_leaf(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        handle = x.register_hook(lambda g: g * 10)
        (x * x).sum().backward()
        assert values(x.grad) == [20.0, 40.0]
        handle.remove()
        x.grad = None
        (x * x).sum().backward()
        assert values(x.grad) == [2.0, 4.0]

    def test_on_a_value_inside(self, lib: Lib) -> None:
        seen = []
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x * x
        y.register_hook(lambda g: seen.append(values(g)))
        z = y * 3
        z.register_hook(lambda g: g * 2)
        (z.sum() + y.sum()).backward()
        assert seen == [[7.0, 7.0]]
        assert values(x.grad) == [14.0, 28.0]

    def test_it_needs_a_gradient(self, lib: Lib) -> None:
        with pytest.raises(RuntimeError, match="doesn't require grad"):
            lib.tensor([1.0]).register_hook(lambda g: g)


class TestInPlace:
    """11: in-place operations."""

    def test_a_leaf_that_requires_grad_refuses(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        for write in (lambda: x.add_(1.0), lambda: x.mul_(2.0), lambda: x.__setitem__(0, 1.0), x[0].zero_):
            with pytest.raises(RuntimeError, match="leaf"):
                write()
        with lib.no_grad():
            x -= 1.0
            x[1] = 5.0
        assert values(x) == [0.0, 5.0]
        assert x.requires_grad
        assert x.is_leaf

    def test_others_get_right_gradients(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x * 2
        y.add_(1.0)
        y[1] = 0.0
        y *= 3.0
        assert not y.is_leaf
        y.sum().backward()
        assert values(y) == [9.0, 0.0, 21.0]
        assert values(x.grad) == [6.0, 0.0, 6.0]

    def test_writing_what_requires_grad_into_what_does_not(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        out = lib.zeros(3)
        out[1:] = x * x
        out[0] = x[0]
        assert out.requires_grad
        (out * lib.tensor([1.0, 10.0, 100.0])).sum().backward()
        assert values(x.grad) == [21.0, 400.0]

    def test_writing_a_value_that_was_saved(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        z = y * y
        y.add_(1.0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            z.sum().backward()

    def test_writing_a_value_that_was_not_saved(self, lib: Lib) -> None:
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        z = y + 1
        y.add_(5.0)
        (z.sum() + y.sum()).backward()
        assert values(x.grad) == [4.0, 4.0]
        assert values(z) == [3.0, 5.0]

    def test_through_a_view(self, lib: Lib) -> None:
        x = lib.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        y = x * 1
        row, column = y[0], y.t()[1]
        row.mul_(10.0)
        assert values(y) == [[10.0, 20.0], [3.0, 4.0]]
        assert values(column) == [20.0, 4.0]
        column += 1.0
        assert values(row) == [10.0, 21.0]
        (y * y).sum().backward()
        assert values(x.grad) == [[200.0, 420.0], [6.0, 10.0]]

    def test_views_of_what_requires_none(self, lib: Lib) -> None:
        a = lib.zeros(2, 3)
        a[0].fill_(1.0)
        a.view(-1)[4] = 2.0
        a[:, 2] += 5.0
        a.t()[0].sub_(3.0)
        assert values(a) == [[-2.0, 1.0, 6.0], [-3.0, 2.0, 5.0]]

    def test_memory_shared_with_numpy(self, lib: Lib) -> None:
        a = np.array([1.0, 2.0, 3.0])
        x = lib.from_numpy(a)
        y = x * 2
        first = values(y)
        a[0] = 10.0
        assert first == [2.0, 4.0, 6.0]
        assert values(x) == [10.0, 2.0, 3.0]
        x.mul_(2.0)
        assert a.tolist() == [20.0, 4.0, 6.0]
        x[1:].zero_()
        assert a.tolist() == [20.0, 0.0, 0.0]

    def test_shapes_and_dtypes_that_do_not_fit(self, lib: Lib) -> None:
        with pytest.raises(RuntimeError):
            lib.zeros(2).add_(lib.zeros(3, 2))
        with pytest.raises(RuntimeError):
            lib.tensor([1, 2]).mul_(0.5)
        x = lib.zeros(2, 2)
        with pytest.raises(RuntimeError, match=r"(?s)single memory location.*clone"):
            lib.zeros(1, 2).expand(2, 2).add_(1.0)
        x += lib.ones(2)
        assert values(x) == [[1.0, 1.0], [1.0, 1.0]]

    def test_an_operation_sees_its_inputs_as_they_were(self, lib: Lib) -> None:
        x = lib.zeros(2)
        y = x + 1
        x.add_(5.0)
        z = x + 1
        assert values(y) == [1.0, 1.0]
        assert values(z) == [6.0, 6.0]
