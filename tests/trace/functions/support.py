"""Build a small graph through NumPy-level functions, run it by the interpreter, compare with NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.ir.builder import Builder, finish
from graphc.ir.dims import Dim, symbols_of
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.rewrite import resolve_dims
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.trace.functions import NUMPY_FUNCTIONS

Function = Callable[..., Any]


def symbolic_param(facts: ShapeFacts, array: Any, position: int) -> Value:
    """A parameter as a trace makes it: sizes 0 and 1 stay, each other one is a symbol; Python numbers are weak."""
    if isinstance(array, float):
        return Value(ArrayType(np.dtype(np.float64), (), weak=True), name=f"p{position}")
    array = np.asarray(array)
    dims = tuple(
        size if size < 2 else facts.new_symbol(f"d{position}_{axis}", size, 2) for axis, size in enumerate(array.shape)
    )
    return Value(ArrayType(array.dtype, dims), name=f"p{position}")


def trace(function: Function, *arrays: Any) -> tuple[Graph, Any]:
    """The verified graph of ``function(F, *values)``, and the structure of its result (a Value, or a sequence)."""
    facts = ShapeFacts(hints={})
    params = [symbolic_param(facts, array, i) for i, array in enumerate(arrays)]
    F = Builder(OPS, facts)
    result = function(F, *params)
    outputs = [result] if isinstance(result, Value) else list(result)
    graph = resolve_dims(finish(F, "test", params, outputs), facts)
    verify(graph)
    return graph, result


def run(graph: Graph, result: Any, arrays: Sequence[Any]) -> Any:
    found = interpret(graph, arrays)
    return found[0] if isinstance(result, Value) else found


def numpy_call(name: str, *args: Any, **kwargs: Any) -> tuple[Function, Function]:
    """The implementation and NumPy's function of that name, both as functions of the array arguments alone.

    ``...`` among ``args`` takes the next array; a list of ``...`` takes that many.
    """
    module: Any = np
    for part in name.split(".")[1:]:
        module = getattr(module, part)
    return (
        lambda F, *values: NUMPY_FUNCTIONS[name](F, *_fill(args, iter(values)), **kwargs),
        lambda *arrays: module(*_fill(args, iter(arrays)), **kwargs),
    )


def _fill(args: Sequence[Any], values: Any) -> list[Any]:
    filled: list[Any] = []
    for arg in args:
        if arg is Ellipsis:
            filled.append(next(values))
        elif isinstance(arg, list) and arg and all(a is Ellipsis for a in arg):
            filled.append([next(values) for _ in arg])
        else:
            filled.append(arg)
    return filled


def assert_same(found: Any, expected: Any, exact: bool = False) -> None:
    """Equal in shape, dtype and, to rounding, in value."""
    if isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other, exact)
        return
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    if exact or expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected)
    else:
        tolerance = 200 * np.finfo(expected.dtype).eps
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def check(
    ours: Function, theirs: Function, *arrays: Any, again: Sequence[Sequence[Any]] = (), exact: bool = False
) -> Graph:
    """Trace with ``arrays``; the graph must give NumPy's result for them, and for each other set in ``again``."""
    graph, result = trace(ours, *arrays)
    for inputs in (arrays, *again):
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):  # of empty means, not of results
            expected = theirs(*inputs)
        assert_same(run(graph, result, inputs), expected, exact)
    return graph


def is_symbolic(dims: Sequence[Dim]) -> bool:
    return any(symbols_of(dim) for dim in dims)
