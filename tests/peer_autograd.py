"""Evaluates a graph with HIPS autograd's NumPy, so that its gradient is an independent one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import grad
from autograd.extend import defvjp, primitive

from graphc.ir.graph import Graph, Value
from graphc.ir.interp import concrete
from graphc.ops.movement import embed_ref, region

embed = primitive(embed_ref)
defvjp(embed, lambda ans, x, starts, steps, dims: lambda g: g[region(starts, steps, x.shape)])

stop_gradient = primitive(np.copy)
defvjp(stop_gradient, lambda ans, x: np.zeros_like)

NAMES = {
    "neg": "negative", "add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "guarded_mul": "multiply",
    "abs": "abs", "gt": "greater", "lt": "less", "pow": "power",
}  # fmt: skip


def select(c: Any, a: Any, b: Any) -> Any:
    """autograd's ``where`` does not sum over what it broadcast, so its operands are broadcast before."""
    ones = np.ones(np.broadcast_shapes(c.shape, a.shape, b.shape))
    return anp.where(c, a * ones, b * ones)


SPECIAL: dict[str, Callable[..., Any]] = {
    "const": lambda value, dtype, weak: np.array(value, dtype),
    "dim": lambda dim: np.asarray(dim, np.int64),
    "cast": lambda x, dtype: x if x.dtype == dtype else x.astype(dtype),
    "stop_gradient": stop_gradient,
    "select": select,
    "expit": lambda x: 0.5 * (anp.tanh(0.5 * x) + 1),
    "sum": lambda x, axes: anp.sum(x, axis=axes),
    "max": lambda x, axes: anp.max(x, axis=axes),
    "min": lambda x, axes: anp.min(x, axis=axes),
    "broadcast_to": lambda x, dims: x * np.ones(dims) if x.dtype.kind == "f" else np.broadcast_to(x, dims),
    "reshape": lambda x, dims: anp.reshape(x, dims) if x.shape != dims else x,
    "transpose": lambda x, perm: anp.transpose(x, axes=perm),
    "slice": lambda x, starts, steps, dims: x[region(starts, steps, dims)],
    "embed": embed,
    "concat": lambda *xs, axis: anp.concatenate(xs, axis),
}  # fmt: skip


def function_of(op_name: str) -> Callable[..., Any]:
    return SPECIAL.get(op_name) or getattr(anp, NAMES.get(op_name, op_name))


def evaluate(graph: Graph, arrays: list[Any], sizes: dict[str, int]) -> list[Any]:
    """The outputs of the graph, differentiable by autograd."""
    values: dict[Value, Any] = dict(zip(graph.params, arrays, strict=True))
    for node in graph.nodes:
        attrs = {key: concrete(attr, sizes) for key, attr in node.attrs.items()}
        values[node.output] = function_of(node.op.name)(*(values[v] for v in node.inputs), **attrs)
    return [values[v] for v in graph.outputs]


def gradients(graph: Graph, arrays: list[np.ndarray], sizes: dict[str, int]) -> list[np.ndarray]:
    """The gradient of output 0 by every parameter."""
    by_all = grad(lambda *xs: evaluate(graph, list(xs), sizes)[0] * 1.0, argnum=tuple(range(len(arrays))))
    return list(by_all(*arrays))
