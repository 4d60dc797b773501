"""The verifier catches every kind of broken graph."""

from __future__ import annotations

import pytest

from graphc.errors import InvalidGraphError
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.text import parse
from graphc.ir.types import BOOL, F32, F64, ArrayType
from graphc.ir.verify import verify
from graphc.ops.table import OPS

VECTOR = ArrayType(F64, (3,))


def one_node(op: str, *params: Value, type_: ArrayType = VECTOR, grad: bool = False) -> Graph:
    node = Node(OPS[op], params, {}, [type_], grad=grad)
    return Graph("f", params, (node,), (node.output,))


def test_a_good_graph() -> None:
    verify(one_node("mul", Value(VECTOR), Value(VECTOR)))


def test_a_wrong_type() -> None:
    with pytest.raises(InvalidGraphError, match=r"shape rule gives f64\[3\], the node says f64\[4\]"):
        verify(one_node("neg", Value(VECTOR), type_=ArrayType(F64, (4,))))


def test_inputs_of_another_dtype_than_the_loop() -> None:
    with pytest.raises(InvalidGraphError, match="computes in"):
        verify(one_node("mul", Value(VECTOR), Value(ArrayType(F32, (3,)))))


def test_a_value_from_elsewhere() -> None:
    node = Node(OPS["neg"], (Value(VECTOR, name="stranger"),), {}, [VECTOR])
    with pytest.raises(InvalidGraphError, match=r"stranger.*before it is defined"):
        verify(Graph("f", (), (node,), (node.output,)))


def test_nodes_out_of_order() -> None:
    x = Value(VECTOR)
    first = Node(OPS["neg"], (x,), {}, [VECTOR])
    second = Node(OPS["neg"], (first.output,), {}, [VECTOR])
    with pytest.raises(InvalidGraphError, match="before it is defined"):
        verify(Graph("f", (x,), (second, first), (second.output,)))


def test_a_node_that_stands_twice() -> None:
    x = Value(VECTOR)
    node = Node(OPS["neg"], (x,), {}, [VECTOR])
    with pytest.raises(InvalidGraphError, match="twice"):
        verify(Graph("f", (x,), (node, node), (node.output,)))


def test_a_parameter_that_stands_twice() -> None:
    x = Value(VECTOR)
    with pytest.raises(InvalidGraphError, match="twice"):
        verify(Graph("f", (x, x), (), (x,)))


def test_an_output_from_elsewhere() -> None:
    with pytest.raises(InvalidGraphError, match="output"):
        verify(Graph("f", (), (), (Value(VECTOR),)))


def test_a_mark_out_of_nowhere() -> None:
    with pytest.raises(InvalidGraphError, match="no input is on a differentiable path"):
        verify(one_node("neg", Value(VECTOR), grad=True))


def test_a_mark_on_a_comparison() -> None:
    x = Value(VECTOR, grad=True)
    with pytest.raises(InvalidGraphError, match="differentiable path"):
        verify(one_node("gt", x, Value(VECTOR), type_=ArrayType(BOOL, (3,)), grad=True))


def test_undecidable_dims_are_a_defect_not_a_guess() -> None:
    text = """
    graph f(%x: f64[n], %y: f64[m]) -> (%0) {
      %0: f64[n] = add %x, %y
    }"""
    with pytest.raises(InvalidGraphError):
        verify(parse(text, OPS))
