"""Convolutions in programs: which calls and kernels there are, what they store, what crosses between them."""

import numpy as np
import pytest

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.requires_grad import mark
from graphc.ir.builder import Builder, finish
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import F32, ArrayType
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.schedule.plan import schedule
from graphc.schedule.prepare import prepare
from graphc.schedule.program import Convolve, Launch
from tests.codegen.run_graph import run_compiled

ATTRS = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
SHAPES = {"x": (2, 2, 5, 6), "w": (3, 2, 3, 3), "b": (3,)}


def layer(rectify: bool, keeps: bool = False) -> Graph:
    """The mean square of a convolution, cut off at zero or not; ``keeps``: with the convolution as a result, too."""
    F = Builder(OPS, ShapeFacts())
    params = [Value(ArrayType(F32, shape), name=name) for name, shape in SHAPES.items()]
    y = F.convolution(*params, **ATTRS, sizes=(3, 5, 6))
    cut = F.select(F.le(y, 0.0), 0.0, y) if rectify else y
    outputs = (F.reduce("sum", F.mul(cut, cut), range(4)), *((y,) if keeps else ()))
    return finish(F, "layer", params, outputs)


def arrays() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES.values()]


def gradient(graph: Graph) -> Graph:
    return optimize(joint_vjp(mark(graph, [True] * 3), OPS), OPS)


def rectified_nodes(graph: Graph) -> int:
    return sum(bool(node.attrs.get("rectified")) for node in prepare(graph, OPS)[0].nodes)


@pytest.mark.parametrize("rectify", [False, True])
def test_the_gradient_is_three_calls(rectify):
    """And one kernel over the results between them, which makes their gradient and that of the bias."""
    graph = gradient(layer(rectify))
    program = schedule(graph, OPS)
    calls = [step for step in program.steps if isinstance(step, Convolve)]
    assert [call.flags & 3 for call in calls] in ([0, 1, 2], [0, 2, 1])
    large = [
        s
        for s in program.steps
        if isinstance(s, Launch) and any(program.storage[b].size == 180 for b in s.nest.buffers())
    ]
    assert len(large) == 1
    for found, expected in zip(run_compiled(graph, arrays()), interpret(graph, arrays()), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_what_is_cut_off_is_stored_so():
    """Its sign is told from what is left, and no mask is stored; only two arrays of its size are there at a time."""
    graph = gradient(layer(rectify=True))
    assert rectified_nodes(graph) == 1
    program = schedule(graph, OPS)
    assert not [s for s in program.storage if s.dtype == "u8" and s.size == 180]
    assert sum(s.place == "arena" and s.size == 180 for s in program.storage) == 2


def test_what_is_read_otherwise_is_stored_as_it_is():
    graph = layer(rectify=True, keeps=True)
    assert rectified_nodes(graph) == 0
    given = arrays()
    given[0][0, 0, 2, 3] = np.nan
    for made in (graph, layer(rectify=True)):
        for found, expected in zip(run_compiled(made, given), interpret(made, given), strict=False):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_nothing_to_sum():
    """No channels: the bias alone, and gradients of zeros."""
    F = Builder(OPS, ShapeFacts())
    params = [Value(ArrayType(F32, shape)) for shape in ((2, 0, 5, 6), (3, 0, 3, 3), (3,))]
    y = F.convolution(*params, **ATTRS, sizes=(3, 5, 6))
    graph = finish(F, "none", params, (y,))
    given = [np.zeros(p.dims, np.float32) for p in params[:2]] + [np.arange(3, dtype=np.float32)]
    (found,) = run_compiled(graph, given)
    np.testing.assert_array_equal(found, np.broadcast_to(given[2][:, None, None], found.shape))


def test_a_fold_of_the_first_and_the_last_axes_is_two():
    """Rows are summed in registers, and then added up; no element is added to memory by itself."""
    F = Builder(OPS, ShapeFacts())
    x = Value(ArrayType(F32, (4, 3, 40)))
    graph = finish(F, "sums", [x], (F.reduce("sum", x, (0, 2)),))
    folds = [node.attrs["axes"] for node in prepare(graph, OPS)[0].nodes]
    assert folds == [(2,), (0,)]
    given = np.random.default_rng(1).standard_normal((4, 3, 40)).astype(np.float32)
    (found,) = run_compiled(graph, [given])
    np.testing.assert_allclose(found, given.sum((0, 2)), rtol=1e-5, atol=1e-5)
