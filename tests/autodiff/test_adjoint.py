"""The joint graph: what it contains, what it leaves out, where a zero cotangent meets an infinite partial."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.requires_grad import active, mark, useful, varied
from graphc.autodiff.tangent import jvp_graph
from graphc.errors import GradientError
from graphc.ir.builder import Builder, finish
from graphc.ir.dims import symbol
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.shapes import ShapeFacts
from graphc.ir.text import parse
from graphc.ir.types import F32, F64, ArrayType
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize


def ops_in(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def scalar_function(body: Callable[[Builder, Value], Value], dtype: np.dtype = F64) -> Graph:
    """A marked graph of one scalar parameter."""
    F = Builder(OPS, ShapeFacts())
    x = Value(ArrayType(dtype), True, "x")
    return finish(F, "f", [x], [body(F, x)])


def masked(body: Callable[[Builder, Value], Value]) -> Graph:
    """The sum of ``where(x > 0, body(x), 0)``, by x: f64[n]."""
    F = Builder(OPS, ShapeFacts())
    x = Value(ArrayType(F64, (symbol("n"),)), True, "x")
    kept = F.select(F.gt(x, 0.0), body(F, x), 0.0)
    return finish(F, "f", [x], [F.reduce("sum", kept, (0,))])


LOSS = """
graph loss(%x: f64[n,3], %w: f64[3], %y: f64[n]) -> (%3) where n - 2 >= 0 {
  %0: f64[n,3] = mul %x, %w                 # model.py:1
  %1: f64[n] = sum %0 axes=(1,)             # model.py:2
  %2: f64[n] = mul %1, %y                   # model.py:3
  %3: f64[] = sum %2 axes=(0,)              # model.py:3
}
"""


def test_gradients_follow_the_outputs_in_order_of_the_marked_parameters() -> None:
    joint = joint_vjp(mark(parse(LOSS, OPS), (False, True, True)), OPS)
    verify(joint)
    assert [str(v.type) for v in joint.outputs] == ["f64[]", "f64[3]", "f64[n]"]
    x, w, y = np.arange(12.0).reshape(4, 3), np.array([1.0, -2.0, 3.0]), np.array([1.0, 0.5, 2.0, -1.0])
    value, by_w, by_y = interpret(joint, [x, w, y])
    np.testing.assert_allclose(value, ((x @ w) * y).sum())
    np.testing.assert_allclose(by_w, y @ x)
    np.testing.assert_allclose(by_y, x @ w)


def test_a_frozen_input_selects_a_smaller_program() -> None:
    graph = parse(LOSS, OPS)
    sizes = [
        len(optimize(joint_vjp(mark(graph, marks), OPS), OPS).nodes)
        for marks in ((True, True, True), (False, True, True), (False, False, True))
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


def test_backward_nodes_belong_to_the_line_of_their_forward_node() -> None:
    joint = joint_vjp(mark(parse(LOSS, OPS), (False, True, False)), OPS)
    lines = {node.location.line for node in joint.nodes[4:] if node.location}
    assert lines == {1, 2, 3}


def test_a_parameter_without_influence_gets_zeros_of_its_type() -> None:
    text = """
    graph f(%x: f64[], %unused: f32[n,2]) -> (%0) {
      %0: f64[] = square %x
    }"""
    joint = joint_vjp(mark(parse(text, OPS), (True, True)), OPS)
    _, by_x, by_unused = interpret(joint, [3.0, np.ones((4, 2), np.float32)])
    assert by_x == 6.0
    assert by_unused.dtype == np.float32
    np.testing.assert_array_equal(by_unused, np.zeros((4, 2)))


def test_cotangent_parameters_seed_every_float_output() -> None:
    text = """
    graph f(%x: f64[n]) -> (%0, %1, %0, %x) {
      %0: f64[n] = square %x
      %1: bool[n] = gt %x, %0
    }"""
    joint = joint_vjp(mark(parse(text, OPS), (True,)), OPS, seeds="params")
    assert [p.name for p in joint.params] == ["x", "ct0", "ct1", "ct2"]
    x, a, b, c = np.random.default_rng(0).normal(size=(4, 5))
    *_, by_x = interpret(joint, [x, a, b, c])
    np.testing.assert_allclose(by_x, 2 * x * (a + b) + c)


def test_only_active_values_get_an_adjoint() -> None:
    text = """
    graph f(%x: f64[n], %frozen: f64[n]) -> (%5) {
      %0: f64[n] = exp %frozen
      %1: f64[n] = stop_gradient %x
      %2: f64[n] = mul %0, %1
      %3: f64[n] = floor %x
      %4: f64[n] = add %2, %3
      %5: f64[] = sum %4 axes=(0,)
    }"""
    graph = mark(parse(text, OPS), (True, False))
    assert varied(graph) == {graph.params[0]}
    assert graph.params[0] not in useful(graph)
    assert active(graph) == set()
    joint = joint_vjp(graph, OPS)
    assert ops_in(joint) == [*ops_in(graph), "const", "broadcast_to"]  # nothing but the zeros


def test_marks_of_an_earlier_differentiation_are_forgotten() -> None:
    joint = joint_vjp(mark(parse(LOSS, OPS), (False, True, False)), OPS)
    again = mark(joint, (False, False, True))
    assert [p.grad for p in again.params] == [False, False, True]
    assert {v.name for v in varied(again) if v.name} == {"y"}
    verify(again)


@pytest.mark.parametrize("dtype", [F32, F64])
def test_cotangents_have_the_dtype_of_their_values(dtype: np.dtype) -> None:
    F = Builder(OPS, ShapeFacts())
    x = Value(ArrayType(F32, (symbol("n"),)), True, "x")
    scale = Value(ArrayType(dtype), True, "scale")
    product = F.mul(F.tanh(x), F.cast(scale, F32))
    wide = F.cast(product, F64)
    joint = joint_vjp(finish(F, "f", [x, scale], [F.reduce("sum", F.mul(wide, 0.5), (0,))]), OPS)
    verify(joint)
    assert [v.type.dtype for v in joint.outputs] == [F64, F32, dtype]


def test_a_python_float_has_a_gradient_of_float64() -> None:
    F = Builder(OPS, ShapeFacts())
    x = Value(ArrayType(F64, weak=True), True, "x")
    array = Value(ArrayType(F32, (3,)), True, "array")
    loss = F.reduce("sum", F.mul(array, x), (0,))
    graph = finish(F, "f", [x, array], [loss])
    for g in (joint_vjp(graph, OPS), optimize(joint_vjp(optimize(graph, OPS), OPS), OPS)):
        verify(g)
        value, by_x, by_array = interpret(g, [2.0, np.arange(3)])
        assert (value.dtype, by_x.dtype, by_array.dtype) == (F32, F64, F32)
        assert by_x == 3
        np.testing.assert_array_equal(by_array, [2, 2, 2])
    verify(jvp_graph(graph, OPS))


# --- errors -----------------------------------------------------------------------------------------------------------


def test_a_vector_output_is_an_error_that_names_the_line_and_the_way_out() -> None:
    text = """
    graph f(%x: f64[n,2]) -> (%0) {
      %0: f64[n,2] = tanh %x                  # model.py:7
    }"""
    with pytest.raises(GradientError, match=r"model\.py:7: .*shape \(n, 2\).*sum it.*vjp"):
        joint_vjp(mark(parse(text, OPS), (True,)), OPS)


def test_an_integer_output_is_an_error() -> None:
    text = """
    graph f(%x: i64[]) -> (%0) {
      %0: i64[] = mul %x, %x
    }"""
    with pytest.raises(GradientError, match="int64"):
        joint_vjp(parse(text, OPS), OPS)


def test_an_integer_input_cannot_be_marked() -> None:
    with pytest.raises(GradientError, match=r"'k'.*i64"):
        mark(parse("graph f(%k: i64[n]) -> (%k) {\n}", OPS), (True,))


# --- zero cotangents --------------------------------------------------------------------------------------------------

SINGULAR: dict[str, Callable[[Builder, Value], Value]] = {
    "sqrt": lambda F, x: F.sqrt(x),
    "inverse": lambda F, x: F.div(1.0, x),
    "inverse square": lambda F, x: F.pow(x, -2.0),
    "log": lambda F, x: F.log(x),
    "sine of an inverse": lambda F, x: F.sin(F.div(1.0, x)),
    "tanh of nan": lambda F, x: F.tanh(F.div(x, x)),
    "product with infinity": lambda F, x: F.mul(x, F.div(1.0, F.square(x))),
    "distance": lambda F, x: F.sqrt(F.sub(F.square(F.add(x, 1.0)), F.add(F.mul(x, 2.0), 1.0))),
}


@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize("optimized", [False, True])
def test_a_masked_singular_point_poisons_nothing(name: str, optimized: bool) -> None:
    graph = masked(SINGULAR[name])
    x = np.array([0.0, 2.0, 0.5])
    first = joint_vjp(graph, OPS)
    second = jvp_graph(mark(first, (True,)), OPS)
    third = joint_vjp(mark(first, (True,)), OPS, seeds="params")
    if optimized:
        first, second, third = (optimize(g, OPS) for g in (first, second, third))
    gradient = interpret(first, [x])[1]
    tangent = interpret(second, [x, np.ones(3)])[-1]
    pulled = interpret(third, [x, 0.0, np.ones(3)])[-1]
    alone = interpret(joint_vjp(graph, OPS), [x[1:]])[1]
    assert gradient[0] == 0
    assert tangent[0] == 0
    assert pulled[0] == 0
    np.testing.assert_allclose(gradient[1:], alone, rtol=1e-12)
    assert np.isfinite(tangent).all()
    np.testing.assert_allclose(tangent, pulled, rtol=1e-10)


def test_an_unmasked_singular_point_is_infinite() -> None:
    assert interpret(joint_vjp(scalar_function(lambda F, x: F.sqrt(x)), OPS), [0.0])[1] == np.inf


def test_second_derivatives_hold_where_the_first_is_zero() -> None:
    """The guard must not be differentiated as a select: f' is 0 at 0 here, and f'' is 2."""
    graph = scalar_function(lambda F, x: F.square(F.sub(F.exp(x), 1.0)))
    first = joint_vjp(graph, OPS)
    assert "guarded_mul" in ops_in(first)
    assert interpret(first, [0.0])[1] == 0
    reverse = joint_vjp(mark(first, (True,)), OPS, seeds="params")
    forward = jvp_graph(mark(first, (True,)), OPS)
    assert interpret(reverse, [0.0, 0.0, 1.0])[-1] == 2.0
    assert interpret(forward, [0.0, 1.0])[-1] == 2.0


def test_third_derivative_by_nesting() -> None:
    graph = scalar_function(lambda F, x: F.mul(F.sin(x), F.exp(x)))
    for _ in range(3):
        joint = joint_vjp(graph, OPS)
        verify(joint)
        graph = mark(Graph("d", joint.params, joint.nodes, joint.outputs[1:]), (True,))
    x = 0.7
    np.testing.assert_allclose(interpret(graph, [x])[0], 2 * np.exp(x) * (np.cos(x) - np.sin(x)), rtol=1e-12)


def test_an_inner_gradient_can_be_differentiated_by_what_it_captured() -> None:
    """x * d/dy (x + y**2 * x) at y = x, by x: the inner mark is on y, the outer on x."""
    inner = parse("graph inner(%y: f64[], %x: f64[]) -> (%2) {\n %0: f64[] = square %y\n"
                  " %1: f64[] = mul %0, %x\n %2: f64[] = add %x, %1\n}", OPS)  # fmt: skip
    joint = joint_vjp(mark(inner, (True, False)), OPS)
    F = Builder(OPS, ShapeFacts())
    x = Value(ArrayType(F64), True, "x")
    new = dict(zip(joint.params, (x, x), strict=True))
    for node in joint.nodes:
        new.update(
            zip(node.outputs, F.raw(node.op, tuple(new[v] for v in node.inputs), node.attrs).outputs, strict=True)
        )
    outer = joint_vjp(finish(F, "outer", [x], [F.mul(x, new[joint.outputs[1]])]), OPS)
    value, gradient = interpret(outer, [1.5])
    assert value == 2 * 1.5**3
    np.testing.assert_allclose(gradient, 6 * 1.5**2)
