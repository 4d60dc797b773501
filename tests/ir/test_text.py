"""The text form, printed and parsed back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from graphc.errors import InvalidGraphError, Location
from graphc.ir.graph import Graph
from graphc.ir.interp import interpret
from graphc.ir.text import parse, parse_attr, parse_type, print_attr, print_graph
from graphc.ops.table import OPS
from tests.random_graphs import graphs

TEXT = """\
graph loss(%x: f64[n,3], %w: f64[3] grad, %s: weak f64[], k: int) -> (%2, %x) where n-2 >= 0, k-n >= 0 {
  %0: f64[n,3] grad = mul %x, %w                              # my file.py:12
  %1: f64[n] grad = sum %0 axes=(1,)                          # my file.py:13
  %2: f64[n+1,n] grad = broadcast_to %1 dims=(n+1,n)
}"""


def test_round_trip_of_a_text() -> None:
    graph = parse(TEXT, OPS)
    assert print_graph(graph) == TEXT
    assert graph.nodes[0].location == Location("my file.py", 12)
    assert graph.nodes[2].location is None
    assert [str(dim) for dim in graph.ints] == ["k"]
    assert [str(guard) for guard in graph.guards] == ["n-2 >= 0", "k-n >= 0"]


def test_without_locations_the_text_is_the_same_anywhere() -> None:
    assert "#" not in print_graph(parse(TEXT, OPS), locations=False)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_round_trip_of_random_graphs(case: tuple[Graph, list[np.ndarray]]) -> None:
    graph, arrays = case
    text = print_graph(graph)
    again = parse(text, OPS)
    assert print_graph(again) == text
    for got, wanted in zip(interpret(again, arrays), interpret(graph, arrays), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    "attr", [None, True, 0, -3, 1.5, -0.0, math.inf, -math.inf, "text", (), (1,), ((1, 2.0), None), np.dtype("f4")]
)
def test_round_trip_of_attrs(attr: object) -> None:
    again = parse_attr(print_attr(attr))
    assert again == attr
    assert repr(again) == repr(attr)


def test_nan_has_a_text() -> None:
    assert math.isnan(parse_attr(print_attr(math.nan)))
    assert math.isnan(parse_attr(print_attr((1.0, -math.nan)))[1])


@pytest.mark.parametrize(
    "text", ["f64[]", "bool[n]", "i8[3,m*n]", "weak i64[]", "f32[max(m, n)]", "u16[floordiv(n, 2),1]"]
)
def test_round_trip_of_types(text: str) -> None:
    assert str(parse_type(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("graf f() -> () {\n}", "not a graph header"),
        ("graph f(%x: f64[]) -> (%0) {\n  %0: f64[] = no_such_op %x\n}", "not a node"),
        ("graph f(%x: f64[]) -> (%x) {\n}\nmore", "after the end"),
    ],
)
def test_errors_show_the_line(text: str, message: str) -> None:
    with pytest.raises(InvalidGraphError, match=message):
        parse(text, OPS)
