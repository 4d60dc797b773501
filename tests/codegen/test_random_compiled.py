"""Random graphs: compiled equals interpreted, values and joint gradients, at sizes that the compiler never saw."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.requires_grad import mark
from graphc.ir.builder import Builder
from graphc.ir.dims import evaluate
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.types import F64
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from tests.codegen.run_graph import Compiled
from tests.random_graphs import ALL_STEPS, Draw, Step, graphs, pick

SIZES = ({"n": 4, "m": 3}, {"n": 2, "m": 2}, {"n": 19, "m": 35})


# --- steps beyond those of tests/random_graphs ------------------------------------------------------------------------


def scan(F: Builder, draw: Draw, values: list[Value]) -> Value:
    x = pick(draw, values)
    if not x.rank:
        return F.sin(x)
    attrs = {"axis": draw(st.integers(0, x.rank - 1)), "reverse": draw(st.booleans()), "exclusive": draw(st.booleans())}
    bounded = F.tanh(x)
    name = draw(st.sampled_from(("cumsum", "cumprod", "linear_scan")))
    operands = (bounded, F.cos(x)) if name == "linear_scan" else (bounded,)
    return F.tanh(F.apply(OPS[name], operands, attrs))


def gather(F: Builder, draw: Draw, values: list[Value]) -> Value:
    """Every second position along an axis, with repeats, forwards or backwards."""
    x = pick(draw, values)
    if not x.rank:
        return F.cos(x)
    axis = draw(st.integers(0, x.rank - 1))
    size = x.dims[axis]
    counted = F.iota(dims=(size,), axis=0)
    position = F.sub(size - 1, counted) if draw(st.booleans()) else F.floor_divide(counted, 2)
    return F.gather(x, position, axes=(axis,), checked=draw(st.booleans()))


def position(F: Builder, draw: Draw, values: list[Value]) -> Value:
    x = pick(draw, values)
    if not x.rank:
        return F.neg(x)
    axis = draw(st.integers(0, x.rank - 1))
    found = F.reduce(draw(st.sampled_from(("argmax", "argmin"))), F.sin(x), [axis], keepdims=True)
    return F.mul(F.cast(found, F64), x)


def product(F: Builder, draw: Draw, values: list[Value]) -> Value:
    x = pick(draw, values)
    axes = [a for a in range(x.rank) if draw(st.booleans())]
    return F.reduce("prod", F.tanh(x), axes, keepdims=draw(st.booleans()))


STEPS: tuple[Step, ...] = (*ALL_STEPS, scan, gather, position, product)
CASES = graphs(steps=STEPS)


# --- the property -----------------------------------------------------------------------------------------------------


def inputs_at(graph: Graph, sizes: dict[str, int], seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.uniform(-1.5, 1.5, tuple(evaluate(d, sizes) for d in p.dims)) for p in graph.params]


def check(graph: Graph, seed: int) -> None:
    program = Compiled(graph)
    for sizes in SIZES:
        arrays = inputs_at(graph, sizes, seed)
        expected = interpret(graph, arrays)
        scale = max([1.0, *(float(np.abs(e).max()) for e in expected if e.size)])
        for number, (found, wanted) in enumerate(zip(program(arrays), expected, strict=True)):
            assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
            np.testing.assert_allclose(
                found, wanted, rtol=1e-9, atol=1e-11 * scale, err_msg=f"output {number} at {sizes}:\n{graph}"
            )


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(CASES, st.booleans(), st.integers(0, 1000))
def test_value_and_gradient(case, optimized, seed):
    graph, _ = case
    joint = joint_vjp(mark(graph, [True] * len(graph.params)), OPS)
    joint = optimize(joint, OPS) if optimized else joint
    verify(joint)
    check(joint, seed)
