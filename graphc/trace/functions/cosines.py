"""Cosine and sine transforms of ``scipy.fft``, types 1 to 4: Fourier transforms of sequences made longer.

Types 2 and 3 are each other's inverse, 1 and 4 their own; a sine transform is a cosine transform with signs or order
changed (type 1: the Fourier transform of an odd sequence). "ortho" scales the ends that make the matrix orthogonal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.ir.types import F64, ArrayType
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_flag,
    as_int,
    axis_of,
    shape_error,
    unsupported,
)
from graphc.trace.functions.fourier import SWAPPED, along_last, as_complex, norm_of, points_of, resized, sizes_and_axes
from graphc.trace.functions.rearranging import flip
from graphc.trace.functions.slicing import take_range

Rows = Callable[[Builder, Value], Value]  # a transform of the last axis, unscaled
INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


def number(F: Builder, like: Value, constant: float) -> Value:
    return F.constant(constant, ArrayType(like.type.real_dtype))


def places(F: Builder, x: Value, size: Dim) -> Value:
    """0, 1, ..., as floats."""
    return F.cast(F.iota(dims=(size,), axis=0), x.type.real_dtype)


def turned(F: Builder, angle: Value) -> Value:
    """exp(i angle)."""
    return F.complex(F.cos(angle), F.sin(angle))


def ratio(F: Builder, x: Value, size: Dim) -> Value:
    """pi / size."""
    return F.div(number(F, x, math.pi), F.cast(F.value(size), x.type.real_dtype))


def backwards(F: Builder, x: Value) -> Value:
    return flip(F, x, x.rank - 1)


def alternating(F: Builder, x: Value) -> Value:
    """Every second element with its sign changed."""
    odd = F.eq(F.remainder(F.iota(dims=(x.dims[-1],), axis=0), 2), 1)
    return F.mul(x, F.select(odd, number(F, x, -1.0), number(F, x, 1.0)))


def first(F: Builder, x: Value, start: int, size: Dim) -> Value:
    return take_range(F, x, x.rank - 1, start, size)


# --- cosines ----------------------------------------------------------------------------------------------------------


def cosines_1(F: Builder, x: Value) -> Value:
    n = x.dims[-1]
    return first(F, F.irfft(as_complex(F, x), points=2 * (n - 1)), 0, n)


def cosines_2(F: Builder, x: Value) -> Value:
    n = x.dims[-1]
    spectrum = F.rfft(F.concat(x, backwards(F, x), axis=x.rank - 1))
    angle = F.mul(places(F, x, n + 1), F.mul(ratio(F, x, 2 * n), -1.0))
    return first(F, F.real(F.mul(spectrum, turned(F, angle))), 0, n)


def cosines_3(F: Builder, x: Value) -> Value:
    n = x.dims[-1]
    half = F.mul(as_complex(F, x), turned(F, F.mul(places(F, x, n), ratio(F, x, 2 * n))))
    return first(F, F.irfft(resized(F, half, x.rank - 1, n + 1), points=2 * n), 0, n)


def cosines_4(F: Builder, x: Value) -> Value:
    n = x.dims[-1]
    place, step = places(F, x, n), F.mul(ratio(F, x, 4 * n), -1.0)
    moved = F.mul(as_complex(F, x), turned(F, F.mul(place, F.mul(step, 2.0))))
    spectrum = first(F, F.fft(resized(F, moved, x.rank - 1, 2 * n), inverse=False), 0, n)
    angle = F.mul(F.add(F.mul(place, 2.0), 1.0), step)
    return F.mul(F.real(F.mul(spectrum, turned(F, angle))), 2.0)


# --- sines ------------------------------------------------------------------------------------------------------------


def sines_1(F: Builder, x: Value) -> Value:
    n, last = x.dims[-1], x.rank - 1
    zero = F.zeros(ArrayType(x.type.dtype, (*x.dims[:-1], 1)))
    odd = F.concat(zero, x, zero, F.neg(backwards(F, x)), axis=last)
    return F.neg(first(F, F.imag(F.rfft(odd)), 1, n))


def sines_2(F: Builder, x: Value) -> Value:
    return backwards(F, cosines_2(F, alternating(F, x)))


def sines_3(F: Builder, x: Value) -> Value:
    return alternating(F, cosines_3(F, backwards(F, x)))


def sines_4(F: Builder, x: Value) -> Value:
    return alternating(F, cosines_4(F, backwards(F, x)))


COSINES: dict[int, Rows] = {1: cosines_1, 2: cosines_2, 3: cosines_3, 4: cosines_4}
SINES: dict[int, Rows] = {1: sines_1, 2: sines_2, 3: sines_3, 4: sines_4}


# --- scales -----------------------------------------------------------------------------------------------------------


def ends_scaled(F: Builder, x: Value, factor: float, *, start: bool, stop: bool) -> Value:
    place = F.iota(dims=(x.dims[-1],), axis=0)
    is_end = F.eq(place, 0) if start else F.eq(place, F.value(x.dims[-1] - 1))
    if start and stop:
        is_end = F.logical_or(is_end, F.eq(place, F.value(x.dims[-1] - 1)))
    return F.mul(x, F.select(is_end, number(F, x, factor), number(F, x, 1.0)))


def transformed(F: Builder, x: Value, rows: Rows, kind: int, period: Dim, norm: str, *, sines: bool) -> Value:
    """The transform of the last axis in this norm; ``period``: of the longer sequence."""
    own_ends = norm == "ortho" and not (sines and kind == 1)
    if own_ends and kind in (1, 3):
        x = ends_scaled(F, x, math.sqrt(2.0), start=not sines, stop=kind == 1 or sines)
    y = rows(F, x)
    if own_ends and kind in (1, 2):
        y = ends_scaled(F, y, math.sqrt(0.5), start=not sines, stop=kind == 1 or sines)
    if norm == "backward":
        return y
    size = F.cast(F.value(period), y.type.dtype)
    return F.div(y, F.sqrt(size) if norm == "ortho" else size)


def one_axis(name: str, family: dict[int, Rows], *, inverse: bool) -> Implementation:
    sines = family is SINES

    def transform(  # noqa: PLR0913, PLR0917 - SciPy's own parameters
        F: Builder, x: Any, type: Any = 2, n: Any = None, axis: Any = -1, norm: Any = None, overwrite_x: Any = False,
        workers: Any = None, orthogonalize: Any = None,
    ) -> Value:  # fmt: skip
        value = as_array(F, x)
        value = value if value.type.is_float else F.cast(value, F64)
        kind = as_int(F, name, "type", type)
        if kind not in family:
            raise shape_error(F, f"{name}: type {kind} is none of 1, 2, 3, 4")
        scale = norm_of(F, name, norm)
        if as_flag(F, name, "orthogonalize", orthogonalize) not in (None, scale == "ortho"):
            raise unsupported(F, f"{name}: orthogonalize={orthogonalize!r} goes with another norm; leave it out")
        kind, scale = (INVERSE[kind], SWAPPED[scale]) if inverse else (kind, scale)
        place = axis_of(F, name, axis, value.rank)
        points = points_of(F, name, n, value.dims[place])
        if kind == 1 and not sines and not F.facts.at_least(points, 2):
            raise shape_error(F, f"{name}: type 1 needs at least 2 points")
        period = 2 * points if kind > 1 else 2 * (points + 1) if sines else 2 * (points - 1)
        rows, given = family[kind], resized(F, value, place, points)
        return along_last(F, given, place, lambda a: transformed(F, a, rows, kind, period, scale, sines=sines))

    return transform


def several_axes(name: str, one: Implementation) -> Implementation:
    def transform(  # noqa: PLR0913 - SciPy's own parameters
        F: Builder, x: Any, type: Any = 2, s: Any = None, axes: Any = None, norm: Any = None, overwrite_x: Any = False,
        workers: Any = None, *, orthogonalize: Any = None,
    ) -> Value:  # fmt: skip
        value = as_array(F, x)
        for n, axis in zip(*sizes_and_axes(F, name, value, s, axes), strict=True):
            value = one(F, value, type, n, axis, norm, orthogonalize=orthogonalize)
        return value

    return transform


_FAMILIES = {"dct": (COSINES, False), "idct": (COSINES, True), "dst": (SINES, False), "idst": (SINES, True)}
_ONE = {name: one_axis(name, family, inverse=inverse) for name, (family, inverse) in _FAMILIES.items()}
FUNCTIONS: dict[str, Implementation] = {
    **{f"scipy.fft.{name}": one for name, one in _ONE.items()},
    **{f"scipy.fft.{name}n": several_axes(f"{name}n", one) for name, one in _ONE.items()},
}
