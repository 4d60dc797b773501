"""Choosing and comparing elements: ``where clip nan_to_num round isclose allclose array_equal``."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, float_limits, is_real_float
from graphc.trace.functions.arguments import Implementation, as_array, as_int, promotes_as, shape_error, unsupported
from graphc.trace.functions.positions import nonzero
from graphc.trace.functions.reductions import all_, truth

LARGEST_POWER = sys.float_info.max_10_exp


def where(F: Builder, condition: Any, x: Any = None, y: Any = None, /) -> Value | tuple[Value, ...]:
    """``x`` where the condition is true, else ``y``; a gradient reaches only the side that was chosen.

    With the condition alone its true positions, see ``nonzero``.
    """
    if x is None and y is None:
        return nonzero(F, condition)
    if x is None or y is None:
        raise shape_error(F, "where: takes the condition alone, or x and y too")
    return F.select(truth(F, as_array(F, condition)), as_array(F, x), as_array(F, y))


def clip(
    F: Builder, a: Any, a_min: Any = None, a_max: Any = None, out: None = None, *, min: Any = None, max: Any = None
) -> Value:
    """The elements moved into ``[a_min, a_max]``; a bound that is None does not bound."""
    result = as_array(F, a)
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    if low is not None:
        result = F.maximum(result, as_array(F, low))
    return result if high is None else F.minimum(result, as_array(F, high))


def nan_to_num(F: Builder, x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Value:
    """NaN and the infinities replaced by numbers: by the dtype's greatest and lowest without others."""
    a = as_array(F, x)
    if copy is False:
        raise unsupported(F, "nan_to_num: copy=False writes into its argument; assign the result instead")
    if a.type.is_complex:
        return F.complex(
            *(nan_to_num(F, part, nan=nan, posinf=posinf, neginf=neginf) for part in (F.real(a), F.imag(a)))
        )
    if not is_real_float(a.type.dtype):
        return a
    dtype = a.type.dtype
    bounds = float_limits(dtype)
    high, low = bounds.max if posinf is None else posinf, bounds.min if neginf is None else neginf
    replaced = F.select(F.isnan(a), _as(F, nan, dtype), a)
    replaced = F.select(F.eq(a, float("inf")), _as(F, high, dtype), replaced)
    return F.select(F.eq(a, float("-inf")), _as(F, low, dtype), replaced)


def _as(F: Builder, number: Any, dtype: np.dtype) -> Value:
    return F.cast(as_array(F, number), dtype)


def round_(F: Builder, a: Any, decimals: Any = 0, out: None = None) -> Value:
    """Rounded to so many decimals, halves to even; the derivative is zero."""
    a, places = as_array(F, a), as_int(F, "round", "decimals", decimals)
    if not is_real_float(a.type.dtype):
        if a.type.is_complex:
            return F.complex(round_(F, F.real(a), places), round_(F, F.imag(a), places))
        if places < 0:
            raise unsupported(F, "round: integers to negative decimals; use (x + 5) // 10 * 10")
        return F.rint(a) if a.type.dtype == BOOL else a
    if places == 0:
        return F.rint(a)
    scale = 10.0 ** abs(places) if abs(places) <= LARGEST_POWER else math.inf  # NumPy's is infinite there
    scaled = F.mul(a, scale) if places > 0 else F.div(a, scale)
    return F.div(F.rint(scaled), scale) if places > 0 else F.mul(F.rint(scaled), scale)


def isclose(F: Builder, a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Value:
    """Whether ``|a - b| <= atol + rtol * |b|``, elementwise; infinities are close to themselves."""
    x, y = as_array(F, a), as_array(F, b)
    if not y.type.is_float:
        y = F.cast(y, np.result_type(y.type.dtype, np.float64))
    near = F.le(F.abs(F.sub(x, y)), F.add(atol, F.mul(rtol, F.abs(y))))
    result = F.logical_or(F.logical_and(near, F.isfinite(y)), F.eq(x, y))
    if equal_nan:
        result = F.logical_or(result, F.logical_and(F.isnan(x), F.isnan(y)))
    return result


def allclose(F: Builder, a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Value:
    """Whether all elements are close: a traced bool."""
    return all_(F, isclose(F, a, b, rtol, atol, equal_nan))


def array_equal(F: Builder, a1: Any, a2: Any, equal_nan: bool = False) -> Value:
    """Whether both have one shape and equal elements: a traced bool. Symbolic shapes are guarded."""
    x, y = as_array(F, a1), as_array(F, a2)
    same = x.rank == y.rank and all(F.facts.equal(d, e) for d, e in zip(x.dims, y.dims, strict=True))
    if not same:
        return F.value(False)
    equal = F.eq(x, y)
    if equal_nan:
        equal = F.logical_or(equal, F.logical_and(F.isnan(x), F.isnan(y)))
    return all_(F, equal)


def array_equiv(F: Builder, a1: Any, a2: Any) -> Value:
    """Whether both are equal after broadcasting: a traced bool."""
    x, y = as_array(F, a1), as_array(F, a2)
    return all_(F, F.eq(x, y)) if F.facts.broadcast([x.dims, y.dims]) is not None else F.value(False)


def result_type(F: Builder, *arrays_and_dtypes: Any) -> np.dtype:
    """The dtype that NumPy's promotion gives; Python numbers are weak."""
    return np.result_type(*(promotes_as(a) for a in arrays_and_dtypes))


def common_type(F: Builder, *arrays: Any) -> type:
    """The type of floating or complex numbers that all of the arrays fit into; integers fit into doubles."""
    return np.common_type(*(np.empty(0, as_array(F, a).type.dtype) for a in arrays))


def select(F: Builder, condlist: Any, choicelist: Any, default: Any = 0) -> Value:
    """The first choice whose condition is true, elementwise."""
    if len(condlist) != len(choicelist) or not condlist:
        raise shape_error(F, f"select: {len(condlist)} conditions for {len(choicelist)} choices")
    choices = [as_array(F, c) for c in (*choicelist, default)]
    result = choices.pop()
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        result = F.select(F.cast(as_array(F, condition), BOOL), choice, result)
    return result


FUNCTIONS: dict[str, Implementation] = {
    "numpy.where": where, "numpy.clip": clip, "numpy.nan_to_num": nan_to_num, "numpy.round": round_,
    "numpy.around": round_, "numpy.isclose": isclose, "numpy.allclose": allclose, "numpy.array_equal": array_equal,
    "numpy.array_equiv": array_equiv, "numpy.result_type": result_type, "numpy.common_type": common_type,
    "numpy.select": select,
}  # fmt: skip
