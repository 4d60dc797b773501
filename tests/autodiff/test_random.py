"""Properties of derivatives on random graphs, all through the interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.requires_grad import mark
from graphc.autodiff.tangent import jvp_graph
from graphc.ir.graph import Graph
from graphc.ir.interp import interpret
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from tests.peer_autograd import gradients
from tests.random_graphs import SIZES, SMOOTH_STEPS, graphs

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
Case = tuple[Graph, list[np.ndarray]]


def marked(graph: Graph) -> Graph:
    return mark(graph, [True] * len(graph.params))


def assert_same(got: np.ndarray, wanted: np.ndarray, scale: float = 1.0) -> None:
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11 * max(scale, 1.0))


def size_of(results: list[np.ndarray]) -> float:
    return max((float(np.abs(r).max()) for r in results if r.size), default=0.0)


@pytest.mark.filterwarnings("ignore:Output seems independent of input")
@FEW
@given(graphs())
def test_gradient_equals_autograds(case: Case) -> None:
    graph, arrays = case
    joint = joint_vjp(marked(graph), OPS)
    verify(joint)
    value, _, *found = interpret(joint, arrays)
    wanted = gradients(graph, arrays, SIZES)
    assume(all(np.isfinite(w).all() for w in wanted))
    assert_same(value, interpret(graph, arrays)[0])
    for g, w, array in zip(found, wanted, arrays, strict=True):
        assert g.shape == array.shape
        assert g.dtype == array.dtype
        assert_same(g, w, size_of(wanted))


@FEW
@given(graphs())
def test_optimising_before_and_after_changes_no_gradient(case: Case) -> None:
    graph, arrays = case
    plain = interpret(joint_vjp(marked(graph), OPS), arrays)
    optimized = optimize(joint_vjp(optimize(marked(graph), OPS), OPS), OPS)
    verify(optimized)
    for got, wanted in zip(interpret(optimized, arrays), plain, strict=True):
        assert_same(got, wanted, size_of(plain))


@FEW
@given(graphs(), st.integers(0, 100))
def test_forward_and_reverse_mode_agree(case: Case, seed: int) -> None:
    """<ct, J t> == <J^T ct, t> for the vector output."""
    graph, arrays = case
    random = np.random.default_rng(seed)
    graph = marked(graph)
    forward, reverse = jvp_graph(graph, OPS), joint_vjp(graph, OPS, seeds="params")
    verify(forward)
    verify(reverse)
    tangents = [random.normal(size=a.shape) for a in arrays]
    *outputs, moved_loss, moved = interpret(forward, [*arrays, *tangents])
    seeds = [random.normal(size=o.shape) for o in outputs]
    pulled = interpret(reverse, [*arrays, *seeds])[2:]
    left = np.sum(seeds[0] * moved_loss) + np.sum(seeds[1] * moved)
    terms = [np.sum(g * t) for g, t in zip(pulled, tangents, strict=True)]
    assert_same(left, np.sum(terms), sum(map(abs, terms)))


@FEW
@given(graphs(max_ops=15, steps=SMOOTH_STEPS), st.integers(0, 100))
def test_second_derivatives(case: Case, seed: int) -> None:
    """Reverse over reverse, forward over reverse and differences of the gradient give one Hessian-vector product."""
    graph, arrays = case
    random = np.random.default_rng(seed)
    t = [random.normal(size=a.shape) for a in arrays]
    joint = joint_vjp(marked(graph), OPS)
    n = len(arrays)
    gradient = lambda at: interpret(joint, at)[2:]  # noqa: E731
    forward = jvp_graph(marked(joint), OPS)
    hvp_forward = interpret(forward, [*arrays, *t])[-n:]
    reverse = joint_vjp(marked(joint), OPS, seeds="params")
    verify(reverse)
    zeros = [np.zeros(o.shape) for o in interpret(joint, arrays)[:2]]
    hvp_reverse = interpret(optimize(reverse, OPS), [*arrays, *zeros, *t])[-n:]
    step = 1e-5
    ahead, behind = (gradient([a + s * d for a, d in zip(arrays, t, strict=True)]) for s in (step, -step))
    for f, r, a, b in zip(hvp_forward, hvp_reverse, ahead, behind, strict=True):
        scale = size_of([*hvp_forward, *ahead])
        assert_same(f, r, scale)
        np.testing.assert_allclose(f, (a - b) / (2 * step), rtol=1e-5, atol=1e-6 * max(scale, 1.0))


@FEW
@given(graphs(steps=SMOOTH_STEPS), st.integers(0, 100))
def test_gradient_against_differences(case: Case, seed: int) -> None:
    graph, arrays = case
    t = [np.random.default_rng(seed).normal(size=a.shape) for a in arrays]
    found = interpret(joint_vjp(marked(graph), OPS), arrays)[2:]
    step = 1e-5
    ahead, behind = (interpret(graph, [a + s * d for a, d in zip(arrays, t, strict=True)])[0] for s in (step, -step))
    terms = [np.sum(g * d) for g, d in zip(found, t, strict=True)]
    np.testing.assert_allclose(
        np.sum(terms), (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8 * (1 + sum(map(abs, terms)))
    )
