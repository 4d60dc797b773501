"""Integer scalars of a graph as dims: a position that is known before the loop around it runs its body."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.ir.types import I64

_ARITHMETIC: dict[str, Callable[[Dim, Dim], Dim]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
}


NOTHING: Mapping[Value, Dim] = {}


def as_dim(value: Value, known: Mapping[Value, Dim] = NOTHING) -> Dim | None:
    """The int64 scalar as an expression over sizes and loop indices; None where it is computed from arrays.

    ``known``: values, parameters of regions above all, of which the expression is known.
    """
    if value in known:
        return known[value]
    node = value.node
    if node is None or value.rank or value.type.dtype != I64:
        return None
    if node.op.name == "const":
        return int(node.attrs["value"])
    if node.op.name == "dim":
        return node.attrs["dim"]
    if node.op.name in ("cast", "reshape", "broadcast_to"):
        return as_dim(node.inputs[0], known)
    if node.op.name == "neg":
        inner = as_dim(node.inputs[0], known)
        return None if inner is None else -inner
    if node.op.name in _ARITHMETIC:
        a, b = (as_dim(v, known) for v in node.inputs)
        return None if a is None or b is None else _ARITHMETIC[node.op.name](a, b)
    return None
