"""The interpreter: evaluates a graph with the ops' NumPy references. It is the oracle for compiled programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.errors import IndexRangeError, LinearAlgebraError, NumberError, ShapeError
from graphc.ir.dims import Dim, Expr, evaluate, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Bind

AT_RUN_TIME = (IndexRangeError, LinearAlgebraError, NumberError)  # they name the line
Watch = Callable[[Node, Sequence[np.ndarray], Sequence[np.ndarray]], None]


def interpret(graph: Graph, arrays: Sequence[Any], ints: Sequence[int] = ()) -> list[np.ndarray]:
    """The graph's outputs for these inputs (one array or number a parameter, one int for each of ``graph.ints``).

    Raises ``ShapeError`` where the inputs do not fit the parameters' types or break a guard.
    """
    values = interpret_all(graph, arrays, ints)
    return [values[v] for v in graph.outputs]


def interpret_all(
    graph: Graph, arrays: Sequence[Any], ints: Sequence[int] = (), watch: Watch | None = None
) -> dict[Value, np.ndarray]:
    """Every value of the graph, but for those in regions. ``watch``: is told of every node that has run, in them too.

    Raises what ``interpret`` raises.
    """
    values: dict[Value, np.ndarray] = {}
    symbols: dict[str, int] = {}
    for param, array in zip(graph.params, arrays, strict=True):
        values[param] = np.asarray(array, dtype=param.type.dtype)
        _bind(param.dims, values[param].shape, symbols)
    _bind(graph.ints, tuple(ints), symbols)
    for param in graph.params:
        _check_shape(param, values[param].shape, symbols)
    for guard in graph.guards:
        if not guard.holds(symbols):
            raise ShapeError(f"graph {graph.name}: the guard {guard} does not hold for {symbols}")
    _run(graph, values, symbols, watch)
    return values


def _run(graph: Graph, values: dict[Value, np.ndarray], symbols: dict[str, int], watch: Watch | None) -> None:
    """Add the value of every node."""
    for node in graph.nodes:
        attrs = {key: concrete(attr, symbols) for key, attr in node.attrs.items()}
        regions = [_function(region, symbols, watch) for region in node.regions]
        try:
            with np.errstate(all="ignore"):
                result = node.op.ref(*regions, *(values[v] for v in node.inputs), **attrs)
        except AT_RUN_TIME as error:
            raise error if error.location else type(error)(error.message, location=node.location) from None
        results = result if regions or len(node.outputs) > 1 else (result,)
        for output, found in zip(node.outputs, results, strict=True):
            if found is None:  # entries of a loop that did not run
                found = np.zeros(concrete(output.dims, symbols), output.type.dtype)  # noqa: PLW2901
            if isinstance(node.op.kind, Bind):
                symbols[node.attrs["symbol"]] = int(found)
            array = np.asarray(found, order="C")  # sums round by memory order: keep that out of the oracle
            _bind(output.dims, array.shape, symbols)
            values[output] = array.astype(output.type.dtype, copy=False)
            _check_shape(output, array.shape, symbols)
        if watch is not None:
            watch(node, [values[v] for v in node.inputs], [values[v] for v in node.outputs])


def _function(region: Graph, symbols: Mapping[str, int], watch: Watch | None) -> Callable[..., list[np.ndarray]]:
    """The region as a function of its parameters, at these sizes of the graph around it."""

    def call(*arguments: Any) -> list[np.ndarray]:
        values = {p: np.asarray(a, p.type.dtype) for p, a in zip(region.params, arguments, strict=True)}
        _run(region, values, dict(symbols), watch)
        return [values[v] for v in region.outputs]

    return call


def _bind(dims: Sequence[Dim], sizes: Sequence[int], symbols: dict[str, int]) -> None:
    for dim, size in zip(dims, sizes, strict=True):
        if isinstance(dim, Expr) and len(symbols_of(dim)) == 1:
            (name,) = symbols_of(dim)
            if str(dim) == name:
                symbols.setdefault(name, size)


def _check_shape(value: Value, shape: tuple[int, ...], symbols: Mapping[str, int]) -> None:
    expected = tuple(evaluate(d, symbols) for d in value.dims)
    if expected != shape:
        raise ShapeError(f"{value!r}: expected shape {expected}, got {shape}")


def concrete(attr: Any, symbols: Mapping[str, int]) -> Any:
    """An attr with its dims evaluated."""
    if isinstance(attr, tuple):
        return tuple(concrete(part, symbols) for part in attr)
    return evaluate(attr, symbols) if isinstance(attr, Expr) else attr
