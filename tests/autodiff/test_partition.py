"""Forward and backward as two programs: right together, and saving what is cheapest to save."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.mincut import INFINITE, Network
from graphc.autodiff.partition import Split, recomputed, split
from graphc.autodiff.requires_grad import mark
from graphc.ir.graph import Graph
from graphc.ir.interp import interpret
from graphc.ir.text import parse
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from tests.random_graphs import SIZES, graphs


def run(parts: Split, arrays: list[np.ndarray], cotangents: list[np.ndarray], n_outputs: int) -> list[np.ndarray]:
    """The gradients by way of forward, then backward."""
    results = interpret(parts.forward, arrays)
    kept = results[n_outputs : n_outputs + len(parts.residuals)]
    ints = [int(size) for size in results[n_outputs + len(parts.residuals) :]]
    return interpret(parts.backward, [*kept, *cotangents], ints)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_both_parts_together_give_the_joint_gradients(case: tuple[Graph, list[np.ndarray]]) -> None:
    graph, arrays = case
    marked = mark(graph, [True] * len(arrays))
    joint = optimize(joint_vjp(marked, OPS, seeds="params"), OPS)
    parts = split(joint, OPS, len(arrays), 2, SIZES)
    verify(parts.forward)
    verify(parts.backward)
    outputs = interpret(graph, arrays)
    cotangents = [np.random.default_rng(1).normal(size=o.shape) for o in outputs]
    wanted = interpret(joint, [*arrays, *cotangents])[2:]
    for got, expected in zip(run(parts, arrays, cotangents, 2), wanted, strict=True):
        np.testing.assert_array_equal(got, expected)


def parts_of(text: str, sizes: dict[str, int] | None = None) -> Split:
    graph = parse(text, OPS)
    joint = joint_vjp(mark(graph, [True] * len(graph.params)), OPS, seeds="params")
    return split(optimize(joint, OPS), OPS, len(graph.params), len(graph.outputs), sizes)


def saved_by(parts: Split) -> list[str]:
    return sorted(v.node.op.name if v.node else v.name for v in parts.residuals)


def test_a_heavy_function_is_saved_and_cheap_work_is_done_again() -> None:
    parts = parts_of("graph f(%x: f64[n]) -> (%2) {\n %0: f64[n] = mul %x, %x\n %1: f64[n] = exp %0\n"
                     " %2: f64[n] = mul %1, %0\n}")  # fmt: skip
    assert saved_by(parts) == ["exp", "x"]
    assert "mul" in [node.op.name for node in parts.backward.nodes]
    assert "exp" not in [node.op.name for node in parts.backward.nodes]


def test_what_is_small_is_saved_before_it_is_broadcast() -> None:
    parts = parts_of("graph f(%x: f64[n]) -> (%2) {\n %0: f64[n] = tanh %x\n"
                     " %1: f64[m,n] = broadcast_to %0 dims=(m,n)\n %2: f64[m,n] = mul %1, %1\n}")  # fmt: skip
    assert saved_by(parts) == ["tanh"]


@pytest.mark.parametrize(("sizes", "saved"), [({"n": 10, "m": 10}, ["reshape", "sum"]), ({"n": 1, "m": 100}, ["add"])])
def test_sizes_decide(sizes: dict[str, int], saved: list[str]) -> None:
    """(u[:, None] + v)**2: the two sums of n and m numbers, or what they add up to, n * m of them."""
    text = """
    graph f(%x: f64[n,k], %y: f64[m,k]) -> (%4) {
      %0: f64[n] = sum %x axes=(1,)
      %1: f64[m] = sum %y axes=(1,)
      %2: f64[n,1] = reshape %0 dims=(n,1)
      %3: f64[n,m] = add %2, %1
      %4: f64[n,m] = mul %3, %3
    }"""
    assert saved_by(parts_of(text, sizes)) == saved


def test_a_size_that_no_parameter_shows_is_handed_over() -> None:
    parts = parts_of("graph f(%x: f64[n]) -> (%0) {\n %0: f64[] = sum %x axes=(0,)\n}")
    assert [str(i) for i in parts.backward.ints] == ["n"]
    assert len(parts.forward.outputs) == 2
    np.testing.assert_array_equal(run(parts, [np.ones(3)], [np.array(2.0)], 1)[0], [2.0, 2.0, 2.0])


def test_the_joint_graph_is_told_what_to_compute_again() -> None:
    graph = parse("graph f(%x: f64[n]) -> (%3) {\n %0: f64[n] = mul %x, %x\n %1: f64[n] = exp %0\n"
                  " %2: f64[n] = mul %1, %0\n %3: f64[] = sum %2 axes=(0,)\n}", OPS)  # fmt: skip
    joint = optimize(joint_vjp(mark(graph, (True,)), OPS), OPS)
    names = {v.node.op.name for v in recomputed(joint, 1, {"n": 1000}) if v.node}
    assert "mul" in names
    assert not names & {"exp", "sum"}


# --- the cut itself ---------------------------------------------------------------------------------------------------

EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 9)), max_size=30)


@settings(max_examples=200, deadline=None)
@given(EDGES)
def test_the_cut_is_as_small_as_scipys_flow(edges: list[tuple[int, int, int]]) -> None:
    network, capacities = Network(8), np.zeros((8, 8), np.int32)
    for tail, head, capacity in edges:
        if tail != head:
            network.connect(tail, head, capacity)
            capacities[tail, head] += capacity
    side = network.cut_near_sink(0, 1)
    assert 1 in side
    assert 0 not in side
    crossing = sum(capacities[tail, head] for tail in range(8) for head in side if tail not in side)
    assert crossing == maximum_flow(csr_array(capacities), 0, 1).flow_value


def test_an_infinite_edge_is_never_cut() -> None:
    network = Network(4)
    for tail, head, capacity in ((0, 2, INFINITE), (2, 3, 7), (3, 1, INFINITE)):
        network.connect(tail, head, capacity)
    assert network.cut_near_sink(0, 1) == {1, 3}


@pytest.mark.parametrize("length", [1500])
def test_long_chains_need_no_recursion(length: int) -> None:
    lines = [f" %{i + 1}: f64[n] = tanh %{i}" for i in range(length)]
    text = "graph f(%x: f64[n]) -> (%" + str(length) + ") {\n %0: f64[n] = neg %x\n" + "\n".join(lines) + "\n}"
    parts = parts_of(text)
    assert len(parts.residuals) == length


def test_a_size_that_is_known_only_when_running_is_handed_over() -> None:
    """The count of a mask: the backward part scatters back what the forward part gathered."""
    text = """
    graph f(%x: f64[n], %y: f64[n]) -> (%3) where n - 2 >= 0 {
      %0: bool[n] = gt %x, %y
      %1: i64[u] = mask_indices %0 symbol='u'
      %2: f64[u] = gather %x, %1 axes=(0,) checked=False
      %3: f64[] = sum %2 axes=(0,)
    }"""
    parts = parts_of(text)
    verify(parts.forward)
    verify(parts.backward)
    x, y = np.array([1.0, -1.0, 3.0]), np.zeros(3)
    by_x, by_y = run(parts, [x, y], [np.array(2.0)], 1)
    np.testing.assert_array_equal(by_x, [2.0, 0.0, 2.0])
    np.testing.assert_array_equal(by_y, np.zeros(3))
