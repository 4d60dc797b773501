"""Random graphs and their derivatives in batches: as a loop over the elements; Jacobians by both modes; compiled."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.batch import batch_graph
from graphc.autodiff.requires_grad import mark
from graphc.autodiff.tangent import jvp_graph
from graphc.ir.dims import product, symbol
from graphc.ir.graph import Graph
from graphc.ir.interp import interpret
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from tests.codegen.run_graph import run_compiled
from tests.random_graphs import SMOOTH_STEPS, graphs

SIZE = 3
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
COMPILED = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
Case = tuple[Graph, list[np.ndarray]]


def batch_of(case: Case, choice: int) -> tuple[list[str], list[np.ndarray]]:
    """Some of the inputs as a batch of three, the choice's bits saying which."""
    random = np.random.default_rng(choice)
    roles = ["batched" if choice >> k & 1 else "shared" for k in range(len(case[1]))]
    given = [
        np.stack([x + 0.1 * k * random.normal(size=x.shape) for k in range(SIZE)]) if role == "batched" else x
        for x, role in zip(case[1], roles, strict=True)
    ]
    return roles, given


def expected(graph: Graph, roles: list[str], given: list[np.ndarray], flags: tuple[bool, ...]) -> list[np.ndarray]:
    rows = [
        interpret(graph, [x[k] if role == "batched" else x for x, role in zip(given, roles, strict=True)])
        for k in range(SIZE)
    ]
    return [np.stack(parts) if flag else parts[0] for flag, *parts in zip(flags, *rows, strict=True)]


def assert_close(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    scale = max((float(np.nanmax(np.abs(w), initial=0.0)) for w in wanted), default=0.0)
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, w, rtol=1e-9, atol=1e-11 * max(scale, 1.0))


def gradient(graph: Graph) -> Graph:
    return joint_vjp(mark(graph, [True] * len(graph.params)), OPS)


@FEW
@given(graphs(), st.integers(0, 31))
def test_a_batch_is_a_loop(case: Case, choice: int) -> None:
    graph = case[0]
    roles, given = batch_of(case, choice)
    for each in (graph, gradient(graph)):
        batched, flags = batch_graph(each, OPS, roles, symbol("b"))
        verify(batched)
        wanted = expected(each, roles, given, flags)
        assert_close(interpret(batched, given), wanted)
        assert_close(interpret(optimize(batched, OPS), given), wanted)


@FEW
@given(graphs(steps=SMOOTH_STEPS))
def test_the_gradient_of_a_batch_is_the_batch_of_gradients(case: Case) -> None:
    graph = case[0]
    roles, given = batch_of(case, 31)
    each = gradient(graph)
    ones, flags = batch_graph(each, OPS, roles, symbol("b"))
    whole, _ = batch_graph(graph, OPS, roles, symbol("b"))
    total = joint_vjp(mark(whole, [True] * len(given)), OPS, "params")
    losses, *rest = interpret(whole, given)
    seeds = [np.ones(losses.shape), *(np.zeros(o.shape) for o in rest)]
    verify(total)
    found, wanted = interpret(total, [*given, *seeds]), interpret(ones, given)
    pairs = zip(wanted[len(graph.outputs) :], flags[len(graph.outputs) :], strict=True)
    repeated = [w if flag else np.broadcast_to(w, (SIZE, *w.shape)) for w, flag in pairs]
    assert_close(found[len(graph.outputs) :], repeated)


@FEW
@given(graphs(max_ops=15, steps=SMOOTH_STEPS))
def test_both_modes_give_one_jacobian(case: Case) -> None:
    """Of the first output that is no scalar (or of the scalar), by each parameter."""
    graph, arrays = case
    output = graph.outputs[-1]
    one = Graph(graph.name, graph.params, graph.nodes, (output,), graph.guards, graph.ints)
    shared = ["shared"] * len(arrays)
    reverse = joint_vjp(mark(one, [True] * len(arrays)), OPS, "params")
    rows, flags = batch_graph(reverse, OPS, [*shared, "basis"], product(output.dims))
    count = int(np.prod(interpret(one, arrays)[0].shape))
    by_rows = interpret(optimize(rows, OPS), arrays)[1:]
    for position, array in enumerate(arrays):
        forward = jvp_graph(mark(one, [k == position for k in range(len(arrays))]), OPS)
        dims = graph.params[position].dims
        columns, moved = batch_graph(forward, OPS, [*shared, "basis"], product(dims))
        verify(columns)
        by_columns = interpret(optimize(columns, OPS), arrays)[1]
        left = by_columns.reshape(array.size, count) if moved[1] else np.zeros((array.size, count))
        right = by_rows[position].reshape(count, array.size) if flags[1 + position] else np.zeros((count, array.size))
        assert_close([left], [right.T])


@COMPILED
@given(graphs(max_ops=20), st.integers(1, 31))
def test_compiled_is_interpreted(case: Case, choice: int) -> None:
    roles, given = batch_of(case, choice)
    batched, _ = batch_graph(gradient(case[0]), OPS, roles, symbol("b"))
    final = optimize(batched, OPS)
    assert_close(run_compiled(final, given), interpret(final, given))
