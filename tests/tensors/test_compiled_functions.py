"""Tensors as arguments, results and outside values of compiled functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override


@pytest.fixture(autouse=True)
def interpreted() -> Any:
    """Gradients through the interpreter, which compiled code equals; what is native is tested in tests of its own."""
    with override(disable_jit=True):
        yield


def test_tensors_in_tensors_out_and_arrays_in_arrays_out() -> None:
    f = graphc.value_and_grad(lambda x: (x * x).sum())
    value, gradient = f(graphc.tensor([1.0, 2.0]))
    assert isinstance(value, graphc.Tensor)
    assert value.item() == 5.0
    assert not value.requires_grad
    assert isinstance(gradient, graphc.Tensor)
    assert gradient.tolist() == [2.0, 4.0]
    assert not gradient.requires_grad
    value, gradient = f(np.array([1.0, 2.0]))
    assert isinstance(value, np.float64)
    assert isinstance(gradient, np.ndarray)


def test_among_tensors_in_a_container_those_are_differentiated_that_require_grad() -> None:
    f = graphc.grad(lambda p: (p["a"] * p["b"]).sum())
    a, b = graphc.tensor([1.0, 2.0], requires_grad=True), graphc.tensor([3.0, 4.0])
    found = f({"a": a, "b": b})
    assert found["a"].tolist() == [3.0, 4.0]
    assert found["b"] is None
    both = f({"a": a.detach(), "b": b})
    assert both["b"].tolist() == [1.0, 2.0]


def test_a_tensor_that_is_the_argument_is_differentiated_whatever_it_says() -> None:
    assert graphc.grad(lambda x: (x**2).sum())(graphc.tensor([3.0])).tolist() == [6.0]
    frozen = graphc.grad(lambda x: (x**2).sum())(graphc.frozen(graphc.tensor([3.0])))
    assert frozen is None


def test_methods_have_the_meaning_that_they_have_for_tensors() -> None:
    def f(x: Any) -> Any:
        values, indices = x.max(1)
        return (x.std() + values.sum() + x.norm() + x[indices[0]].mean() + x.softmax(0).square().sum()).reshape(())

    x = graphc.tensor([[1.0, 5.0, 2.0], [4.0, 3.0, 0.5]], requires_grad=True)
    value, gradient = graphc.value_and_grad(f)(x)
    f(x).backward()
    np.testing.assert_allclose(value.item(), f(x).item(), rtol=1e-14)
    np.testing.assert_allclose(gradient.tolist(), x.grad.tolist(), rtol=1e-13)


def test_numpy_functions_take_traced_tensors() -> None:
    value, gradient = graphc.value_and_grad(lambda x: np.mean(np.sin(x) * np.ones(2)))(graphc.tensor([0.5, 1.0]))
    assert isinstance(value, graphc.Tensor)
    np.testing.assert_allclose(value.item(), np.mean(np.sin([0.5, 1.0])))
    np.testing.assert_allclose(gradient.tolist(), np.cos([0.5, 1.0]) / 2)


def test_loops_and_branches_of_traced_tensors_are_compiled() -> None:
    def f(x: Any, steps: int) -> Any:
        h = graphc.zeros(2)
        for _ in range(steps):
            h = (h + x).tanh()
        if h.sum() > 0:
            h = h * 2
        return h.sum()

    gradient = graphc.grad(f)
    x = graphc.tensor([0.5, 0.25])
    found = gradient(x, 20)
    assert "for" in str(gradient.graph("traced"))
    wanted = x.clone().requires_grad_()
    f(wanted, 20).backward()
    np.testing.assert_allclose(found.tolist(), wanted.grad.tolist(), rtol=1e-12)


def test_tensors_of_the_function_are_written_into_and_views_see_it() -> None:
    def f(x: Any) -> Any:
        out = graphc.zeros(3, 2)
        row = out[1]
        out[1] = x * 2
        row += 1
        out.mul_(3)
        return (out * out).sum()

    x = graphc.tensor([1.0, 2.0])
    value, gradient = graphc.value_and_grad(f)(x)
    assert value.item() == (3 * 3.0) ** 2 + (3 * 5.0) ** 2
    assert gradient.tolist() == [4 * 9 * 3.0, 4 * 9 * 5.0]


def test_writing_into_a_tensor_from_outside_is_an_error() -> None:
    weight = graphc.tensor([1.0, 2.0])

    def argument(x: Any) -> Any:
        x.mul_(2)
        return x.sum()

    def closure(x: Any) -> Any:
        weight[0] = x.sum()
        return x.sum()

    def view(x: Any) -> Any:
        x[:1].add_(1.0)
        return x.sum()

    for f in (argument, closure, view):
        with pytest.raises(graphc.SideEffectError, match="outside of the"):
            graphc.grad(f)(graphc.tensor([1.0, 2.0]))


def test_tensors_from_outside_are_read_at_each_call() -> None:
    weight = graphc.tensor([1.0, 2.0])
    f = graphc.grad(lambda x: (x * weight).sum())
    x = graphc.tensor([1.0, 1.0])
    assert f(x).tolist() == [1.0, 2.0]
    weight.mul_(3)
    assert f(x).tolist() == [3.0, 6.0]
    assert f.cache_info()["calls_traced"] == 1


def test_no_grad_and_detach_inside_cut_the_path() -> None:
    def f(x: Any) -> Any:
        with graphc.no_grad():
            a = x * 3
        return (x * a).sum() + (x * x.detach()).sum()

    assert graphc.grad(f)(graphc.tensor([2.0])).tolist() == [3 * 2.0 + 2.0]
    with graphc.no_grad():  # around the call it says nothing about what is computed inside
        assert graphc.grad(lambda x: (x * x).sum())(graphc.tensor([2.0])).tolist() == [4.0]


def test_random_numbers_are_new_at_each_call_and_those_that_tensors_would_get() -> None:
    f = graphc.value_and_grad(lambda x: (x * graphc.randn(3)).sum())
    x = graphc.ones(3)
    graphc.manual_seed(3)
    found = [f(x)[0].item() for _ in range(3)]
    graphc.manual_seed(3)
    np.testing.assert_allclose(found, [(x * graphc.randn(3)).sum().item() for _ in range(3)], rtol=1e-14)

    def loop(x: Any) -> Any:
        for _ in range(10):
            x = x * graphc.randn(3)
        return x.sum()

    with pytest.raises(graphc.SideEffectError, match="same in every iteration"):
        graphc.grad(loop)(x)


def test_where_gradients_are_recorded_the_operations_of_a_jitted_function_are_too() -> None:
    weight = graphc.tensor([1.0, 2.0], requires_grad=True)
    with override(disable_jit=False):
        f = graphc.jit(lambda x: (x * weight).sum())
        x = graphc.tensor([3.0, 4.0])
        for _ in range(2):
            f(x).backward()
        assert weight.grad.tolist() == [6.0, 8.0]
        with graphc.no_grad():
            assert [f(x).item() for _ in range(2)] == [11.0, 11.0]
            assert not f(x).requires_grad
        assert f(x).requires_grad


@pytest.mark.parametrize("what", [graphc.jacobian, graphc.hessian])
def test_jacobians_of_tensors_are_tensors(what: Any) -> None:
    found = what(lambda x: (x**3).sum(0))(graphc.tensor([1.0, 2.0]))
    assert isinstance(found, graphc.Tensor)
    wanted = [3.0, 12.0] if what is graphc.jacobian else [[6.0, 0.0], [0.0, 12.0]]
    assert found.tolist() == wanted


def test_vjp_jvp_and_vmap_take_tensors() -> None:
    x, v = graphc.tensor([1.0, 2.0], requires_grad=True), graphc.tensor([1.0, 0.5])
    out, pullback = graphc.vjp(lambda a: a * a, x)
    assert out.tolist() == [1.0, 4.0]
    assert pullback(v)[0].tolist() == [2.0, 2.0]
    out, tangent = graphc.jvp(lambda a, b: a * b, (x, v), (v, None))
    assert out.tolist() == [1.0, 1.0]
    assert tangent.tolist() == [1.0, 0.25]
    assert graphc.vmap(lambda a: a.sum())(graphc.ones(4, 2)).tolist() == [2.0] * 4


def test_gradients_of_gradients() -> None:
    inner = graphc.grad(lambda x: (x**3).sum())
    assert graphc.grad(lambda x: (inner(x) * x).sum())(graphc.tensor([2.0])).tolist() == [9 * 4.0]


def test_asking_a_traced_tensor_for_its_values_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(graphc.ConcretizationError, match=r"test_compiled_functions.py:\d+"):
        graphc.grad(lambda x: x.sum() * float(x.numpy()[0]))(graphc.tensor([1.0]))
    with pytest.raises(graphc.UnsupportedError, match=r"backward\(\) inside a compiled function"):
        graphc.grad(lambda x: x.sum().backward())(graphc.tensor([1.0]))
