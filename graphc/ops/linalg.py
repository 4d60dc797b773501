"""Matrix products.

``matmul`` takes two inputs of the same rank >= 2 and the same leading (batch) dims: broadcasting of batches, vectors
and transposes are movement ops around it, which the scheduler folds into the flags of the library call.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Contract, General, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType


def matmul_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    a, b = types
    if a.rank < 2 or a.rank != b.rank or a.dtype != b.dtype:
        raise InvalidGraphError(f"matmul: {a} and {b}")
    pairs = [*zip(a.dims[:-2], b.dims[:-2], strict=True), (a.dims[-1], b.dims[-2])]
    if any(not facts.equal(x, y) for x, y in pairs):
        raise InvalidGraphError(f"matmul: {a} and {b}")
    return (ArrayType(a.dtype, (*a.dims[:-1], b.dims[-1])),)


def swap(F: Builder, x: Value) -> Value:
    """The matrices transposed."""
    return F.transpose(x, [*range(x.rank - 2), x.rank - 1, x.rank - 2])


def matmul_vjp(F: Builder, node: Node, cotangents: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
    (g,), (a, b) = cotangents, node.inputs
    if g is None:
        return None, None
    return (F.matmul(g, swap(F, b)) if a.grad else None), (F.matmul(swap(F, a), g) if b.grad else None)


def matmul_jvp(F: Builder, node: Node, tangents: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
    (ta, tb), (a, b) = tangents, node.inputs
    left = F.matmul(ta, b) if ta is not None else None
    right = F.matmul(a, tb) if tb is not None else None
    if left is None or right is None:
        return (left if right is None else right,)
    return (F.add(left, right),)


LINALG = [Op("matmul", Contract(), np.matmul, General(matmul_vjp, matmul_jvp), type=matmul_type, cost=2, complex=True)]
