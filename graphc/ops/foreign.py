"""``foreign``: results of a function that graphc knows nothing of, called by its address.

    results = foreign(address, arguments...)        address: i64[], attrs dtypes and shapes of the results

The function has the C signature ``int64 f(int64 argument addresses..., int64 result addresses..., int64 sizes...)``,
the sizes being the shapes of the arguments and then of the results; all arrays are C-contiguous. It gives 0, or another
number where it failed. It must be a function of its arguments alone: a call whose result nobody reads is left out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from graphc.errors import ForeignCallError, GradientError, InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Foreign, General, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType


def foreign_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    if not types or types[0].dtype != I64 or types[0].rank:
        raise InvalidGraphError("foreign: the first operand is the function's address")
    return tuple(ArrayType(dtype, dims) for dtype, dims in zip(attrs["dtypes"], attrs["shapes"], strict=True))


def foreign_ref(
    address: np.ndarray,
    *arguments: np.ndarray,
    dtypes: Sequence[np.dtype],
    shapes: Sequence[tuple[int, ...]],
    name: str,
) -> Any:
    given = [np.ascontiguousarray(a).reshape(a.shape) for a in map(np.asarray, arguments)]
    results = [np.empty(shape, dtype) for dtype, shape in zip(dtypes, shapes, strict=True)]
    words = [a.ctypes.data for a in (*given, *results)] + [size for a in (*given, *results) for size in a.shape]
    function = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * len(words))(int(address))
    if function(*words):
        raise ForeignCallError(f"{name} failed")
    return results if len(results) > 1 else results[0]


def _no_derivative(F: Builder, node: Node, given: tuple[Value | None, ...]) -> NoReturn:
    name = node.attrs["name"]
    raise GradientError(
        f"{name} is opaque, and has no derivative here: give graphc.opaque a rule, vjp= for reverse mode and jvp= for "
        "forward mode; or wrap its argument in graphc.stop_gradient",
        location=node.location,
    )


FOREIGN = [Op("foreign", Foreign(), foreign_ref, General(_no_derivative, _no_derivative), type=foreign_type, cost=100)]
