"""What keeps loops from being vector code: order among rounds, strides that a call gives, the wrong axis inside."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.codegen.objects import Source
from graphc.ir.dims import symbol
from graphc.ir.interp import interpret
from graphc.ir.types import F64, I64, ArrayType
from graphc.schedule.dear import DEAR
from graphc.schedule.program import Launch
from graphc.schedule.scalars import walk
from tests.codegen.run_graph import run_compiled
from tests.codegen.vecmath_support import optimised_ir
from tests.schedule.programs import build, final_graph, nests, numbers, printed, program_of, value_graph

N, M = symbol("n"), symbol("m")
VECTOR, MATRIX = ArrayType(F64, (N,)), ArrayType(F64, (N, M))
ALONG = {"axis": 1, "reverse": False, "exclusive": False}
ORDERED = {
    "running sum": lambda F, x, i: F.cumsum(F.exp(x), **ALONG),
    "running sum of a repeated vector": lambda F, x, i: F.cumsum(F.broadcast_to(F.exp(F.reduce("sum", x, [0])), x.dims),
                                                                  **ALONG),
    "scatter": lambda F, x, i: F.scatter_add(F.exp(x), i, axes=(1,), dims=(N, M), checked=False),
    "product of rows": lambda F, x, i: F.reduce("prod", F.exp(x), [1]),
    "product of all": lambda F, x, i: F.reduce("prod", F.exp(x), [0, 1]),
    "product of rows of rows": lambda F, x, i: F.reduce("prod", F.exp(F.reshape(x, (N, 1, M))), [0, 2]),
    "position of the best": lambda F, x, i: F.reduce("argmax", F.exp(x), [1]),
    "position of the best of all": lambda F, x, i: F.reduce("argmax", F.exp(F.reshape(x, (N * M,))), [0]),
    "mask": lambda F, x, i: F.mask_indices(F.gt(F.exp(F.reshape(x, (N * M,))), 1.0), symbol="c"),
}  # fmt: skip


def has_order(phase):
    folds = [*phase.folds, *(total.fold for total in phase.totals)]
    products = any(fold.running or fold.index_of is not None or "*" in fold.step for fold in folds)
    return products or phase.compaction is not None or any(store.gathered for store in phase.stores)


@pytest.mark.parametrize("name", ORDERED)
def test_functions_are_computed_before_a_loop_that_runs_in_order(name):
    graph = build(ORDERED[name], MATRIX, ArrayType(I64, (M,)))
    ordered = [phase for nest in nests(program_of(graph)) for phase in nest.phases if has_order(phase)]
    assert ordered
    for phase in ordered:
        assert not [s for s in walk(phase.scalars()) if s.form == "apply" and s.data.cost >= DEAR]
    if "mask" in name:
        return  # how many results there are shows when it runs
    arrays = [numbers(7, 5) - 1.0, np.array([4, 0, 4, 2, 1])]
    for found, expected in zip(run_compiled(graph, arrays), interpret(graph, arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_a_product_keeps_no_more_than_its_rows_for_that():
    """A product of rows has a row of memory for each block, one of all elements an array of its own."""
    for name, sizes in (("product of rows", M), ("product of all", N * M)):
        program = program_of(build(ORDERED[name], MATRIX, ArrayType(I64, (M,))))
        kept = [s.size for s in program.storage if s.place == "arena"]
        blocks = [nest.blocks for nest in nests(program) if nest.blocks is not None]
        assert sizes in kept or any(size == sizes * count for size in kept for count in blocks)
        assert not any(size == N * M * count for size in kept for count in blocks)


def test_cheap_arithmetic_stays_in_a_loop_that_runs_in_order():
    graph = build(lambda F, x: F.cumsum(F.mul(F.add(x, 1.0), x), axis=0, reverse=False, exclusive=False), VECTOR)
    (nest,) = nests(program_of(graph))
    assert [s.data.cost for s in walk(nest.scalars()) if s.form == "apply"]


@pytest.mark.parametrize(("axes", "shared"), [((1,), True), ((0,), False)])
def test_threads_share_the_rows_that_a_scatter_keeps(axes, shared):
    def make(F, x, i):
        return F.scatter_add(x, i, axes=axes, dims=(N, M), checked=False)

    program = program_of(build(make, MATRIX, ArrayType(I64, (M if shared else N,))))
    (launch,) = (step for step in program.steps if isinstance(step, Launch))
    assert launch.nest.sequential is not shared
    assert launch.count == (N if shared else 1)


STRIDED = {
    "a transpose": lambda x, y: np.sin(x) * y.T,
    "its sum": lambda x, y: np.sum(np.sin(x) * y.T),
    "a column": lambda x, y: np.sin(x[:, 0]),
    "rows": lambda x, y: np.sin(x) * y,
}


@pytest.mark.parametrize("name", STRIDED)
def test_loops_that_jump_by_a_size_are_vector_code(name):
    """LLVM would make the vector loop for a stride of 1 alone, and a scalar one for all others."""
    graph = value_graph(STRIDED[name], numbers(6, 6), numbers(6, 6))
    kernels = [kernel for kernel in printed(graph).kernels if "sin_f64" in kernel.source]
    assert kernels
    for kernel in kernels:
        text = optimised_ir(Source(kernel.name, kernel.source, f"/nowhere/{kernel.name}.py", kernel.signature))
        assert "vector.body:" in text
        assert "ident.check" not in text


IMAGES = {
    "normalised": lambda x, w: np.sum(np.tanh((x - np.mean(x, (2, 3), keepdims=True))
                                              / np.std(x, (2, 3), keepdims=True) * w[:, None, None])),
    "extremes": lambda x, w: np.sum(np.max(x * w[:, None, None], axis=(2, 3)) - np.min(x, axis=(2, 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_sums_for_each_channel_run_along_the_pixels(name):
    """By the weights alone, too: values of each channel that are read beside the pixels are no reason to turn round."""
    graph = final_graph(lambda f: graphc.grad(f, argnums=1), IMAGES[name], numbers(2, 3, 4, 5), numbers(3))
    (nest,) = (nest for nest in nests(program_of(graph)) if len(nest.space) > 1)
    inner = len(nest.space) - 1
    assert all(phase.axes == (inner,) for phase in nest.phases if phase.axes)
    loads = [s for s in walk(nest.scalars()) if s.form == "load" and inner in s.axes]
    assert loads
    assert all(load.data.index.coefficient(inner) == 1 for load in loads)
