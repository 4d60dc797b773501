"""Every op of the table through compiled kernels: the value is NumPy's, and the gradient the interpreter's.

Many ops go into one graph, so that few kernels are compiled.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from graphc.autodiff.requires_grad import mark
from graphc.ir.builder import Builder, finish
from graphc.ir.dims import symbol
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import F32, F64, REAL_DTYPES, ArrayType
from graphc.ops.table import OPS
from tests.codegen.compare import assert_close
from tests.codegen.legal import POINTWISE, computes_in, input_dtypes, inputs_for, special_points
from tests.codegen.run_graph import Compiled, run_compiled
from tests.ops.domains import DOMAINS, FIXED
from tests.ops.one_op import gradient_graph

N = symbol("n")
ULPS = 2  # unless said otherwise
MORE_ULPS = {"logaddexp": 8, "logaddexp2": 8, "gammaln": 4, "digamma": 4, "polygamma": 8, "erfinv": 3}
FROM_ONE = ("gammaln", "digamma", "polygamma")  # near their zeros the error is that of a rounded argument: ulps of 1
EITHER_ZERO = ("minimum", "maximum", "fmin", "fmax", "erfinv")  # of two zeros NumPy picks any; erfinv here is odd
# Where NumPy or SciPy itself is off by more (ndtr(-30.0) by 376 ulp), the exact value decides.
EXACT: dict[str, Any] = {
    "erfc": mpmath.erfc,
    "erfinv": mpmath.erfinv,
    "erfcx": lambda x: mpmath.exp(x * x) * mpmath.erfc(x),
    "ndtr": mpmath.ncdf,
    "log_ndtr": lambda x: mpmath.log(mpmath.ncdf(x)) if x < 0 else mpmath.log1p(-mpmath.ncdf(-x)),
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "logaddexp": lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)),
    "logaddexp2": lambda a, b: mpmath.log(mpmath.power(2, a) + mpmath.power(2, b), 2),
    "gammaln": lambda x: mpmath.log(abs(mpmath.gamma(x))),
    "digamma": mpmath.digamma,
    "polygamma": mpmath.polygamma,
}


class Collected:
    """A graph under construction: ops over parameters of one symbolic length, an output each."""

    def __init__(self) -> None:
        self.F = Builder(OPS, ShapeFacts())
        self.params: list[Value] = []
        self.arrays: list[np.ndarray] = []
        self.outputs: list[Value] = []

    def param(self, array: np.ndarray) -> Value:
        self.params.append(Value(ArrayType(array.dtype, (N,)), name=f"x{len(self.params)}"))
        self.arrays.append(array)
        return self.params[-1]

    def graph(self) -> Graph:
        return finish(self.F, "many", self.params, self.outputs)


def arguments_for(name: str, dtypes: tuple[np.dtype, ...]) -> list[np.ndarray]:
    """Special and ordinary points at which NumPy answers too."""
    arrays = inputs_for(dtypes)
    if name == "pow" and dtypes[0].kind == "i":
        arrays[1] = np.maximum(arrays[1], 0)  # NumPy raises for an integer to a negative power
    if name == "polygamma":  # SciPy takes ever longer below 0, and the sign of its -0.0 is lost
        arrays = [np.resize(np.arange(6.0), arrays[0].size).astype(dtypes[0]), np.maximum(arrays[1], -30) + 0]
    return arrays


GROUPS = [
    (short, arity)
    for short, dtype in REAL_DTYPES.items()
    for arity in (1, 2, 3)
    if any(op.kind.arity == arity and computes_in(op, input_dtypes(op, dtype)) for op in POINTWISE.values())
]


def pointwise_graph(short: str, arity: int) -> tuple[list[str], Collected, dict[str, list[int]]]:
    """All ops of so many arguments in one dtype: their names, the graph, and which of its arrays each reads."""
    names = [
        name for name, op in POINTWISE.items()
        if op.kind.arity == arity and computes_in(op, input_dtypes(op, REAL_DTYPES[short]))
    ]  # fmt: skip
    many, shared, reads = Collected(), {}, {}
    for name in names:
        dtypes = input_dtypes(OPS[name], REAL_DTYPES[short])
        key = name if name in ("pow", "polygamma") else dtypes
        if key not in shared:
            shared[key] = [many.param(x) for x in arguments_for(name, dtypes)]
        reads[name] = [many.params.index(p) for p in shared[key]]
        many.outputs.append(many.F.apply(OPS[name], shared[key], {}))
    return names, many, reads


@pytest.mark.parametrize(("short", "arity"), GROUPS)
def test_pointwise_values(short, arity):
    """All ops of so many arguments in one dtype, at every combination of special points."""
    names, many, reads = pointwise_graph(short, arity)
    size = min(a.size for a in many.arrays)
    arrays = [a[:size] for a in many.arrays]
    graph = many.graph()
    program = Compiled(graph)
    for cut in (size, 1, 7):  # shorter than a vector, and with a remainder: one program for all of them
        shorter = [a[-cut:] for a in arrays]
        results = zip(names, program(shorter), interpret(graph, shorter), strict=True)
        for name, found, expected in results:
            check_pointwise(name, found, expected, [shorter[k] for k in reads[name]])


def check_pointwise(name: str, found: np.ndarray, expected: np.ndarray, arguments: list[np.ndarray]) -> None:
    bound = MORE_ULPS.get(name, ULPS)
    assert_close(
        found, expected, arguments, bound,
        exact=EXACT.get(name), signed_zeros=name not in EITHER_ZERO, least=float(name in FROM_ONE), what=f"{name} of ",
    )  # fmt: skip


# --- casts ------------------------------------------------------------------------------------------------------------


def test_casts():
    """Between all dtypes: integers wrap, a float goes towards zero; what C leaves undefined is not asked."""
    many = Collected()
    size = 40
    for source in REAL_DTYPES.values():
        points = special_points(source)
        if source.kind == "f":
            points = np.array([0.0, -0.0, 1.0, 0.5, 2.0, 3.7, 100.0, 126.9, 1e-10, 0.999], source)
        x = many.param(np.resize(points, size))
        many.outputs += [many.F.cast(x, target) for target in REAL_DTYPES.values() if target != source]
    signed = many.param(np.resize(np.array([-1.0, -3.7, -100.0, -0.5]), size))
    wide = many.param(np.resize(np.array([1e300, np.inf, -np.inf, np.nan, 1e-50, 16777217.0]), size))
    targets = [dtype for dtype in REAL_DTYPES.values() if dtype.kind == "i"]
    many.outputs += [many.F.cast(signed, dtype) for dtype in targets] + [many.F.cast(wide, F32)]
    graph = many.graph()
    for value, found, expected in zip(
        graph.outputs, run_compiled(graph, many.arrays), interpret(graph, many.arrays), strict=True
    ):
        source = value.node.inputs[0]
        inputs = [many.arrays[graph.params.index(source)]]
        assert_close(found, expected, inputs, 0, what=f"{source.type.short} to {value.type.short}: ")


# --- gradients --------------------------------------------------------------------------------------------------------


def all_smooth_ops(dtype: np.dtype) -> tuple[Graph, list[np.ndarray]]:
    """Every differentiable op over marked parameters of its own, at every combination of its domain's samples."""
    many, marks = Collected(), []
    for name, domain in DOMAINS.items():
        if name == "cast" or (name == "float_power" and dtype == F32):
            continue  # these are asked for dtypes of their own
        grid = np.meshgrid(*(x.astype(dtype) if x.dtype == F64 else x for x in domain), indexing="ij")
        params = [many.param(np.resize(x, 64)) for x in grid]
        marks += [p.type.is_float and k not in FIXED.get(name, ()) for k, p in enumerate(params)]
        many.outputs.append(many.F.apply(OPS[name], params, {}))
    return mark(many.graph(), marks), many.arrays


def check_gradient(graph: Graph, arrays: list[np.ndarray], tolerance: float) -> tuple[Graph, list[np.ndarray]]:
    """Compiled equals interpreted; returns the gradient's graph and its inputs."""
    joint = gradient_graph(graph)
    random = np.random.default_rng(len(arrays))
    cotangents = [random.normal(size=64).astype(v.type.dtype) for v in graph.outputs]
    inputs = [*arrays, *cotangents]
    found, expected = run_compiled(joint, inputs), interpret(joint, inputs)
    for value, f, e in zip((p for p in joint.params if p.grad), found, expected, strict=True):
        scale = max(float(np.abs(e).max()), 1.0)
        np.testing.assert_allclose(f, e, rtol=tolerance, atol=tolerance * scale, err_msg=f"by {reader(joint, value)}")
    return joint, inputs


def reader(graph: Graph, param: Value) -> str:
    """The op that a parameter was made for."""
    return next((node.op.name for node in graph.nodes if param in node.inputs), "nothing")


@pytest.mark.parametrize("dtype", [F64, F32])
def test_gradients(dtype):
    """The joint gradient of every differentiable op, all in one program: compiled equals interpreted."""
    graph, arrays = all_smooth_ops(dtype)
    joint = gradient_graph(graph)
    random = np.random.default_rng(0)
    inputs = [*arrays, *(random.normal(size=64).astype(v.type.dtype) for v in graph.outputs)]
    found, expected = run_compiled(joint, inputs), interpret(joint, inputs)
    tolerance = 1e-12 if dtype == F64 else 2e-4
    for param, f, e in zip((p for p in joint.params if p.grad), found, expected, strict=True):
        scale = max(float(np.abs(e).max()), 1.0)
        op = next(node.op.name for node in graph.nodes for v in node.inputs if v.name == param.name)
        np.testing.assert_allclose(f, e, rtol=tolerance, atol=tolerance * scale, err_msg=f"of {op}")
