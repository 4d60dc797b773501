"""Every pass preserves what a graph computes, and leaves a valid graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from graphc.ir.graph import Graph
from graphc.ir.interp import interpret
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.algebra import simplify_algebra
from graphc.passes.broadcasts import hoist_broadcasts
from graphc.passes.casts import simplify_casts
from graphc.passes.common import eliminate_common
from graphc.passes.constants import fold_constants
from graphc.passes.dead_code import eliminate_dead_code
from graphc.passes.movement import simplify_movement
from graphc.passes.pipeline import optimize
from graphc.passes.rewriter import Pass
from graphc.passes.sums import simplify_sums
from tests.random_graphs import EVERY_DTYPE, graphs

FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
Case = tuple[Graph, list[np.ndarray]]

EXACT = [
    eliminate_common,
    eliminate_dead_code,
    fold_constants,
    hoist_broadcasts,
    simplify_casts,
    simplify_movement,
]


@pytest.mark.parametrize("run_pass", EXACT, ids=lambda run_pass: run_pass.__name__)
def test_values_stay_bit_for_bit(run_pass: Pass) -> None:
    @FEW
    @given(graphs(steps=EVERY_DTYPE))
    def check(case: Case) -> None:
        graph, arrays = case
        after = run_pass(graph, OPS)
        verify(after)
        for got, wanted in zip(interpret(after, arrays), interpret(graph, arrays), strict=True):
            assert got.dtype == wanted.dtype
            np.testing.assert_array_equal(got, wanted)
            np.testing.assert_array_equal(np.signbit(got), np.signbit(wanted))

    check()


@pytest.mark.parametrize(
    "run_pass", [simplify_algebra, simplify_sums, optimize], ids=lambda run_pass: run_pass.__name__
)
def test_values_stay_within_rounding(run_pass: Pass) -> None:
    @FEW
    @given(graphs())
    def check(case: Case) -> None:
        graph, arrays = case
        after = run_pass(graph, OPS)
        verify(after)
        for got, wanted in zip(interpret(after, arrays), interpret(graph, arrays), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)

    check()


@FEW
@given(graphs(steps=EVERY_DTYPE))
def test_every_pass_in_the_pipeline_leaves_a_valid_graph(case: Case) -> None:
    graph, _ = case
    watched: list[str] = []

    def hook(name: str, before: Graph, after: Graph) -> None:
        watched.append(name)
        assert after is not before
        verify(after)

    settled = optimize(graph, OPS, hook)
    assert not watched or settled is not graph
    assert optimize(settled, OPS) is settled  # nothing is left to do
