"""Polynomials by their coefficients, the highest power first: ``polyval polymul polyder polyfit roots`` and more."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType, complex_dtype
from graphc.ops.index import LEADING_ZERO
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dim,
    as_flag,
    as_int,
    larger,
    mean_dtype,
    promoted,
    require_equal,
    shape_error,
    unsupported,
)
from graphc.trace.functions.products import matmul
from graphc.trace.functions.rearranging import flip
from graphc.trace.functions.signals import convolve
from graphc.trace.functions.slicing import take_range
from graphc.trace.functions.spectra import lstsq
from graphc.trace.functions.systems import inv


def coefficients(F: Builder, name: str, p: Any) -> Value:
    value = as_array(F, p)
    value = value if value.rank else F.expand_dims(value, (0,))
    if value.rank != 1:
        raise shape_error(F, f"{name}: the coefficients {value.type} must have one dimension")
    return value


def polyval(F: Builder, p: Any, x: Any) -> Value:
    """The polynomial at x: by Horner's scheme, or by powers where the number of coefficients is symbolic."""
    c, at = coefficients(F, "polyval", p), as_array(F, x)
    (size,) = c.dims
    if isinstance(size, int):
        result = F.mul(at, F.cast(F.value(0), np.result_type(at.type.dtype, c.type.dtype)))
        for k in range(size):
            result = F.add(F.mul(result, at), F.squeeze(take_range(F, c, 0, k, 1), (0,)))
        return result
    c, at = promoted(F, [c, at])
    wide = F.expand_dims(at, (at.rank,))
    powers = _powers(F, wide, size, at.rank)
    return F.reduce("sum", F.mul(powers, flip(F, c)), (at.rank,))


def _powers(F: Builder, wide: Value, size: Any, axis: int) -> Value:
    """1, x, x**2, ... along the last axis: running products, so that x = 0 and derivatives are exact."""
    factors = F.broadcast_to(wide, (*wide.dims[:-1], size))
    return F.cumprod(factors, axis=axis, reverse=False, exclusive=True)


def _joined(F: Builder, name: str, a1: Any, a2: Any, *, minus: bool) -> Value:
    first, second = promoted(F, [coefficients(F, name, a1), coefficients(F, name, a2)])
    size = larger(F, first.dims[0], second.dims[0])
    both = [F.embed(c, starts=(size - c.dims[0],), steps=(1,), dims=(size,)) for c in (first, second)]
    return F.sub(*both) if minus else F.add(*both)


def polyadd(F: Builder, a1: Any, a2: Any) -> Value:
    return _joined(F, "polyadd", a1, a2, minus=False)


def polysub(F: Builder, a1: Any, a2: Any) -> Value:
    return _joined(F, "polysub", a1, a2, minus=True)


def polymul(F: Builder, a1: Any, a2: Any) -> Value:
    """The coefficients of the product; zeros that lead stay, which NumPy drops: numbers decide no shape here."""
    return convolve(F, coefficients(F, "polymul", a1), coefficients(F, "polymul", a2))


def polyder(F: Builder, p: Any, m: Any = 1) -> Value:
    """The coefficients of the m-th derivative."""
    c = coefficients(F, "polyder", p)
    for _ in range(as_int(F, "polyder", "m", m)):
        n = c.dims[0] - 1
        if not F.facts.at_least(n, 0):
            return c  # there is nothing left
        c = F.mul(take_range(F, c, 0, 0, n), F.sub(F.value(n), F.iota(dims=(n,), axis=0)))
    return c


def polyint(F: Builder, p: Any, m: Any = 1, k: Any = None) -> Value:
    """The coefficients of the m-th integral, with constants ``k``."""
    c = coefficients(F, "polyint", p)
    times = as_int(F, "polyint", "m", m)
    given = [0] * times if k is None else list(k) if isinstance(k, list | tuple) else [k] * times
    for i in range(times):
        n = c.dims[0]
        raised = F.div(c, F.sub(F.value(n), F.iota(dims=(n,), axis=0)))
        end = F.reshape(F.cast(as_array(F, given[i]), raised.type.dtype), (1,))
        c = F.concat(raised, end, axis=0)
    return c


def polydiv(F: Builder, u: Any, v: Any) -> tuple[Value, Value]:
    """Quotient and remainder. The remainder keeps zeros in front, which NumPy takes off where it finds some."""
    first, second = promoted(F, [coefficients(F, "polydiv", u), coefficients(F, "polydiv", v)])
    n, m = first.dims[0], second.dims[0]
    if not (isinstance(n, int) and isinstance(m, int)):
        raise unsupported(F, "polydiv: the numbers of coefficients must be known; write them as lists: [a, b, c]")
    rest = F.cast(first, mean_dtype(first.type.dtype))
    lead = take_range(F, second, 0, 0, 1)
    if n < m:
        return F.mul(take_range(F, rest, 0, 0, 1), 0.0), rest
    quotient = []
    for k in range(n - m + 1):
        factor = F.div(take_range(F, rest, 0, k, 1), lead)
        quotient.append(factor)
        rest = F.sub(rest, F.embed(F.mul(factor, second), starts=(k,), steps=(1,), dims=(n,)))
    return F.concat(*quotient, axis=0), take_range(F, rest, 0, n - m + 1, m - 1)


def vander(F: Builder, x: Any, N: Any = None, increasing: Any = False) -> Value:
    """The powers of each element as a row."""
    at = as_array(F, x)
    if at.rank != 1:
        raise shape_error(F, f"vander: {at.type} must have one dimension")
    count = at.dims[0] if N is None else as_dim(F, "vander", N)
    at = F.cast(at, np.result_type(at.type.dtype, np.int64))
    powers = _powers(F, F.expand_dims(at, (1,)), count, 1)
    return powers if as_flag(F, "vander", "increasing", increasing) else flip(F, powers, 1)


def poly(F: Builder, seq_of_zeros: Any) -> Value:
    """The coefficients of the polynomial with these zeros."""
    zeros = coefficients(F, "poly", seq_of_zeros)
    (size,) = zeros.dims
    if not isinstance(size, int):
        raise unsupported(F, "poly: the number of zeros must be known; write them as a list: [a, b, c]")
    zeros = F.cast(zeros, mean_dtype(zeros.type.dtype))
    one = F.cast(F.value(1.0), zeros.type.dtype)
    result = F.reshape(one, (1,))
    for k in range(size):
        moved = F.mul(result, take_range(F, zeros, 0, k, 1))
        wide = F.embed(result, starts=(0,), steps=(1,), dims=(k + 2,))
        result = F.sub(wide, F.embed(moved, starts=(1,), steps=(1,), dims=(k + 2,)))
    return result


def polyfit(
    F: Builder, x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """Least squares by columns of powers, scaled as NumPy scales them.

    ``full``: with what ``lstsq`` tells, and the cutoff; ``cov``: with the covariance of the coefficients, scaled by the
    residuals unless it is "unscaled".
    """
    at, values = promoted(F, [as_array(F, x), as_array(F, y)])
    at, values = (F.cast(v, mean_dtype(v.type.dtype)) for v in (at, values))
    require_equal(F, "polyfit", at.dims[0], values.dims[0], (at.dims, values.dims))
    columns = vander(F, at, as_int(F, "polyfit", "deg", deg) + 1)
    if w is not None:
        weights = F.cast(as_array(F, w), at.type.dtype)
        columns = F.mul(columns, F.expand_dims(weights, (1,)))
        values = F.mul(values, F.expand_dims(weights, range(1, values.rank)))
    scale = F.length(F.reduce("sum", F.square(columns), (0,)))
    cutoff = float(np.finfo(at.type.dtype).eps) if rcond is None else rcond
    relative = F.mul(F.cast(F.value(at.dims[0]), at.type.dtype), cutoff) if rcond is None else cutoff
    scaled = F.div(columns, scale)
    solution, *told = lstsq(F, scaled, values, relative)
    found = F.div(solution, F.expand_dims(scale, range(1, solution.rank)))
    if full:
        return found, *told, relative
    if not cov:
        return found
    return found, _covariance(F, scaled, scale, F.sub(values, matmul(F, scaled, solution)), cov == "unscaled")


def _covariance(F: Builder, columns: Value, scale: Value, rest: Value, unscaled: bool) -> Value:
    """Of the coefficients of a fit that leaves ``rest`` of the values: a matrix for each column of it."""
    count, order = columns.dims
    inverse = inv(F, matmul(F, F.transpose(columns, (1, 0)), columns))
    found = F.div(inverse, F.mul(F.expand_dims(scale, (1,)), F.expand_dims(scale, (0,))))
    found = F.expand_dims(found, (2,)) if rest.rank == 2 else found
    if unscaled:
        return found
    if not F.facts.at_least(count, order + 1):
        raise shape_error(F, "polyfit: to scale the covariance there must be more points than coefficients")
    spread = F.div(F.reduce("sum", F.square(rest), (0,)), F.cast(F.value(count - order), rest.type.dtype))
    return F.mul(found, spread)


def roots(F: Builder, p: Any) -> Value:
    """The roots, complex, as eigenvalues of the companion matrix.

    Raises: the leading coefficient is 0, where NumPy gives fewer roots: an error of the program.
    """
    value = coefficients(F, "roots", p)
    value = F.cast(value, mean_dtype(value.type.dtype))
    if not F.facts.at_least(value.dims[0], 2):
        return F.zeros(ArrayType(complex_dtype(value.type.dtype), (0,)))
    leading = F.squeeze(take_range(F, value, 0, 0, 1), (0,))
    failed = F.checked_index(F.cast(F.eq(leading, 0), I64), axis=LEADING_ZERO, size=1)
    leading = F.select(F.gt(failed, 0), 1, leading)
    degree = value.dims[0] - 1
    first = F.neg(F.div(take_range(F, value, 0, 1, degree), leading))
    rows, columns = (F.iota(dims=(degree, degree), axis=axis) for axis in (0, 1))
    below = F.cast(F.eq(rows, F.add(columns, 1)), value.type.dtype)
    companion = F.select(F.eq(rows, 0), F.expand_dims(first, (0,)), below)
    return F.eig(companion)[0]


FUNCTIONS: dict[str, Implementation] = {
    "numpy.polyval": polyval, "numpy.polyadd": polyadd, "numpy.polysub": polysub, "numpy.polymul": polymul,
    "numpy.polyder": polyder, "numpy.polyint": polyint, "numpy.polydiv": polydiv, "numpy.vander": vander,
    "numpy.poly": poly, "numpy.polyfit": polyfit, "numpy.roots": roots,
}  # fmt: skip
