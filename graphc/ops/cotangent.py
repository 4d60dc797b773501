"""Products with a cotangent: what the chain rule multiplies with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import General, Op, Pointwise
from graphc.ir.types import ArrayType


def guarded_mul_ref(g: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.where(g == 0, g, g * p)


def guarded_mul_dtypes(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    return (types[0].dtype,) * 3


def guarded_mul_vjp(F: Builder, node: Node, cotangents: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
    (ct,), (g, p) = cotangents, node.inputs
    if ct is None:
        return None, None
    return (F.guarded_mul(ct, p) if g.grad else None), (F.guarded_mul(ct, g) if p.grad else None)


def guarded_mul_jvp(F: Builder, node: Node, tangents: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
    (tg, tp), (g, p) = tangents, node.inputs
    first = F.guarded_mul(tg, p) if tg is not None else None
    second = F.guarded_mul(g, tp) if tp is not None else None  # a masked-out place stays zero, whatever tp is there
    if first is None or second is None:
        return (first if second is None else second,)
    return (F.add(first, second),)


# A cotangent that is exactly zero contributes zero even where the partial is infinite or NaN. This is one op, and no
# ``select(g == 0, 0, g * p)``: the derivative of that select by g is 0 at g == 0, where the product's is p, and second
# derivatives would be silently wrong wherever a first one vanishes.
COTANGENT = [
    Op("guarded_mul", Pointwise(2), guarded_mul_ref, General(guarded_mul_vjp, guarded_mul_jvp),
       expr="select({0} == 0, {0}, {0} * {1})", dtypes=guarded_mul_dtypes),
]  # fmt: skip
