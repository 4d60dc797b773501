"""Folds, scans, movement, gathers, scatters and products through compiled kernels: the interpreter's value.

All cases of an op go into one graph, so that few programs are compiled.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from graphc.autodiff.requires_grad import mark
from graphc.ir.builder import Builder, finish
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.opdef import Composite, Gather, Movement, Reduce, Routine
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import DTYPES, ArrayType
from graphc.ops.table import OPS
from tests.codegen.legal import FLOATS_ONLY, WINDOWS
from tests.codegen.run_graph import run_compiled
from tests.ops.cases import CASES
from tests.ops.one_op import gradient_graph

TOLERANCE = {"f64": 1e-14, "f32": 1e-6}


def in_dtype(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """An array of a case in another dtype; positions and masks stay as they are."""
    if array.dtype.kind != "f":
        return array
    if dtype.kind == "f":
        return array.astype(dtype)
    whole = np.rint(3 * np.nan_to_num(array).clip(-30, 30)).astype(np.int64)
    return array > 0 if dtype.kind == "b" else whole.astype(dtype)


def case_graph(name: str, shorts: Sequence[str]) -> tuple[Graph, list[np.ndarray]]:
    """The op at all of its cases, in each dtype: a graph with an output for each, and its arrays."""
    F = Builder(OPS, ShapeFacts())
    params: list[Value] = []
    arrays: list[np.ndarray] = []
    outputs: list[Value] = []
    for short, case in itertools.product(shorts, CASES[name]):
        attrs = case.attrs | ({"symbol": f"m{len(outputs)}"} if "symbol" in case.attrs else {})
        operands = []
        for array in (in_dtype(a, DTYPES[short]) for a in case.arrays):
            arrays.append(array)
            operands.append(Value(ArrayType(array.dtype, array.shape), name=f"x{len(params)}"))
            params.append(operands[-1])
        made = F.apply(OPS[name], operands, attrs)
        outputs += made if isinstance(made, tuple) else [made]
    return finish(F, name, params, outputs), arrays


def assert_like(found: Sequence[np.ndarray], expected: Sequence[np.ndarray], what: str, scale: float = 1.0) -> None:
    for number, (f, e) in enumerate(zip(found, expected, strict=True)):
        assert (f.shape, f.dtype) == (e.shape, e.dtype), f"{what} {number}"
        if e.dtype.kind not in "fc":
            np.testing.assert_array_equal(f, e, err_msg=f"{what} {number}")
            continue
        tolerance = TOLERANCE["f32" if e.dtype == np.float32 else "f64"] * scale
        np.testing.assert_allclose(f, e, rtol=tolerance, atol=tolerance, err_msg=f"{what} {number}")


MATRICES = [name for name, op in OPS.items() if isinstance(op.kind, Routine | Composite)]
OWN_DTYPES = ("any", "all", "mask_indices", "const", "dim", "iota", "checked_index")  # their cases say which


def case_dtypes(name: str) -> tuple[str, ...]:
    """Folds of one space share a kernel whatever their dtypes; the others, a kernel each, are seen in fewer."""
    if name in OWN_DTYPES or name in MATRICES:
        return ("f64",)
    if name in FLOATS_ONLY:
        return "f64", "f32"
    if isinstance(OPS[name].kind, Reduce):
        return "f64", "f32", "i64", "i32", "u8", "bool"
    if isinstance(OPS[name].kind, Gather | Movement):
        return "f64", "bool"
    return ("f64", "i32") if name == "matmul" else ("f64", "i32", "bool")


COMPILED = [name for name in CASES if name not in ("fft", "rfft", "irfft")]  # their pairs stand for them here


@pytest.mark.parametrize("name", COMPILED)
def test_cases(name: str) -> None:
    graph, arrays = case_graph(name, case_dtypes(name))
    scale = 100.0 if name in MATRICES else 10.0 if name in WINDOWS else 1.0  # sums of some ten products
    assert_like(run_compiled(graph, arrays), interpret(graph, arrays), f"{name}, case", scale)


SMOOTH = [name for name, cases in CASES.items() if OPS[name].differentiable and any(c.orders for c in cases)]
SMOOTH = [
    name for name in SMOOTH if name not in MATRICES and name in COMPILED
]  # of these tests/trace/functions/test_linalg.py has one program


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_of_cases(name: str) -> None:
    """The joint graph's gradient by every float input, from a cotangent of each output."""
    graph, arrays = case_graph(name, ["f64"])
    joint = gradient_graph(mark(graph, [p.type.is_float for p in graph.params]))
    random = np.random.default_rng(5)
    cotangents = [random.normal(size=np.shape(y)).astype(y.dtype) for y in interpret(graph, arrays)]
    inputs = [*arrays, *cotangents]
    assert_like(run_compiled(joint, inputs), interpret(joint, inputs), f"gradient of {name}", scale=10)
