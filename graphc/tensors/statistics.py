"""Statistics, differences and integrals of tensors, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from graphc.errors import NumberError
from graphc.tensors import methods, shaping
from graphc.tensors.converting import to
from graphc.tensors.core import Tensor, record
from graphc.tensors.creation import as_tensor
from graphc.tensors.declaring import Dims, axis_of, dims_of, given, need_rank, numpy_named
from graphc.tensors.functions.promotion import Default
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.ordering import known
from graphc.tensors.placing import near
from graphc.tensors.recording import now
from graphc.trace.location import user_location


def _quantile(name: str, skips_nan: bool) -> Callable[..., Tensor]:
    def call(
        input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
    ) -> Tensor:
        if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
            known_ = "'linear', 'lower', 'higher', 'midpoint' or 'nearest'"
            message = f"{name}: interpolation={interpolation!r}: expected {known_}"
            raise NumberError(message, location=user_location())
        if isinstance(q, int | float) and not 0.0 <= q <= 1.0:
            raise NumberError(f"{name}: q={q} must lie between 0 and 1", location=user_location())
        if not input.ndim and dim is not None:
            axis_of(name, input, dim)
            dim = None
        return record(FUNCTIONS["quantile"], (input, given(q)), (dim, keepdim, skips_nan, interpolation))

    call.__name__ = name
    call.__doc__ = (
        f"The {name} along the dimension, of all elements by default; NaN is left out where the name says so."
    )
    return call


quantile, nanquantile = _quantile("quantile", False), _quantile("nanquantile", True)


def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum of the elements that are not NaN."""
    x = input if dtype is None else to(input, dtype)
    return record(FUNCTIONS["nansum"], (x,), (dims_of(dim), keepdim))


def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of the elements that are not NaN."""
    x = input if dtype is None else to(input, dtype)
    return record(FUNCTIONS["nanmean"], (x,), (dims_of(dim), keepdim))


def _with_mean(name: str, spread: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    def call(
        input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
    ) -> tuple[Tensor, Tensor]:
        found = spread(input, dim, unbiased, keepdim, correction=correction)
        return found, methods.mean(input, None if isinstance(dim, bool) else dim, keepdim)

    call.__name__ = name
    call.__doc__ = (
        f"The {name[:3]} over the dimensions, divided by the number of elements less ``correction`` (1), and the mean."
    )
    return call


var_mean = numpy_named(_with_mean("var_mean", methods.var))
std_mean = numpy_named(_with_mean("std_mean", methods.std))


class Extremes(NamedTuple):
    """The smallest and the largest."""

    min: Tensor
    max: Tensor


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Extremes:
    """``(min, max)`` of all elements, or along the dimension."""
    return Extremes(methods.amin(input, dim, keepdim), methods.amax(input, dim, keepdim))


def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """How many elements are not 0."""
    return record(FUNCTIONS["count_nonzero"], (input,), (dims_of(dim),))


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of the numbers 0, 1, ... stands there, or the sum of the weights of each."""
    counted = known(input, "bincount()")
    if counted.ndim != 1 or counted.dtype.kind not in "iu" or (counted.size and counted.min() < 0):
        message = f"bincount needs integers of one dimension that are not negative, got {counted.dtype}{counted.shape}"
        raise NumberError(message, location=user_location())
    largest = int(np.max(counted)) if counted.size else -1
    return record(FUNCTIONS["bincount"], (input, weights), (max(largest + 1, minlength),))


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements lie in each of so many equal intervals between ``min`` and ``max``, or of the elements."""
    values = known(input, "histc()")
    low, high = (float(values.min()), float(values.max())) if min == max and values.size else (min, max)
    if not low <= high:
        message = f"histc: min={low} must not be above max={high}, and neither NaN"
        raise NumberError(message, location=user_location())
    low, high = (low, high) if high > low else (low - 1, high + 1)
    counts, _ = np.histogram(values, bins, (low, high))
    return near(counts.astype(values.dtype), input)


def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """The differences of neighbours along the dimension, n times, after others were put in front or behind."""
    return record(FUNCTIONS["diff"], (input, prepend, append), (int(n), int(dim)))


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where the elements agree within ``atol + rtol * |other|``."""
    return record(FUNCTIONS["isclose"], (input, given(other)), (float(rtol), float(atol), equal_nan))


def nan_to_num(input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Numbers in place of NaN and infinities: 0, the largest and the smallest by default."""
    return record(FUNCTIONS["nan_to_num"], (input,), (nan, posinf, neginf))


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Each element no lower than ``min``."""
    return methods.clamp(input, min=min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Each element no higher than ``max``."""
    return methods.clamp(input, max=max)


def frac(input: Tensor) -> Tensor:
    """What stands behind the point, with the sign of the element."""
    return methods.sub(input, methods.BOTH["trunc"](input))


def isin(elements: Any, test_elements: Any, *, invert: bool = False) -> Tensor:
    """Which elements are among the test elements; one of the two may be a number."""
    elements = as_tensor(elements)
    values = known(as_tensor(test_elements), "isin() of traced test elements") if not now.recording.traced else None
    among = as_tensor(test_elements if values is None else values)
    equal = methods.BOTH["eq"](shaping.unsqueeze(elements, -1), shaping.reshape(among, -1))
    found = methods.BOTH["any"](equal, -1)
    return methods.BOTH["logical_not"](found) if invert else found


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1.0, dim: int = -1) -> Tensor:
    """The integral by the trapezoidal rule."""
    return methods.sum(trapezoids(y, x, dx, dim), dim)


def trapezoids(y: Tensor, x: Tensor | None, dx: float, dim: int) -> Tensor:
    """The area over each interval along the dimension."""
    need_rank("trapezoid", y, 1)
    count = max(y.shape[axis_of("trapezoid", y, dim)] - 1, 0)
    y = y if y.is_floating_point() else to(y, Default.dtype)
    x = x if x is None or x.is_floating_point() else to(x, Default.dtype)
    pairs = methods.add(shaping.narrow(y, dim, min(1, y.shape[dim]), count), shaping.narrow(y, dim, 0, count))
    widths: Any = dx if x is None else diff(x, 1, dim if x.ndim == y.ndim else -1)
    if x is not None and x.ndim == 1 < y.ndim:
        axis = axis_of("trapezoid", y, dim)
        widths = shaping.reshape(widths, (-1, *(1,) * (y.ndim - 1 - axis)))
    return methods.BOTH["mul"](pairs, methods.BOTH["mul"](widths, 0.5))


BOTH: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (aminmax, count_nonzero, bincount, histc, diff, isclose, nan_to_num, clamp_min, clamp_max, frac)
} | {f.__name__: numpy_named(f) for f in (nansum, nanmean, quantile, nanquantile)}
ONLY_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "var_mean": var_mean, "std_mean": std_mean, "isin": isin, "trapezoid": trapezoid, "trapz": trapezoid,
}  # fmt: skip
IN_PLACE = ("clamp_min", "clamp_max", "nan_to_num", "frac")
