"""Functions of each element alone that are no ufuncs: ``fix sinc i0 isposinf isneginf`` and bits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import Implementation, as_array, as_int, axis_of, mean_dtype, unsupported
from graphc.trace.functions.slicing import take_range

BYTE = np.dtype(np.uint8)


def fix(F: Builder, x: Any, /, out: None = None) -> Value:
    """Rounded towards zero; the derivative is zero."""
    return F.trunc(as_array(F, x))


def sinc(F: Builder, x: Any) -> Value:
    """``sin(pi x) / (pi x)``, and 1 at 0; near 0 by its series, so that derivatives of every order are exact there."""
    a = as_array(F, x)
    a = F.cast(a, mean_dtype(a.type.dtype))
    angle = F.mul(a, math.pi)
    near = F.lt(F.abs(angle), 0.5)
    safe = F.select(near, 1.0, angle)
    square = F.square(F.select(near, angle, 0.0))
    series = F.mul(square, 0.0)
    for k in range(9, 0, -1):  # the term in (0.5)**20 / 21! is far below the precision
        series = F.div(F.mul(F.sub(1.0, series), square), 2 * k * (2 * k + 1))
    return F.select(near, F.sub(1.0, series), F.div(F.sin(safe), safe))


def i0(F: Builder, x: Any) -> Value:
    """The modified Bessel function of order 0."""
    a = as_array(F, x)
    dtype = mean_dtype(a.type.dtype)
    return F.cast(F.i0(F.cast(a, dtype)), dtype)


def isposinf(F: Builder, x: Any, out: None = None) -> Value:
    a = as_array(F, x)
    return F.logical_and(F.isinf(a), F.logical_not(F.signbit(a)))


def isneginf(F: Builder, x: Any, out: None = None) -> Value:
    a = as_array(F, x)
    return F.logical_and(F.isinf(a), F.signbit(a))


# --- bits -------------------------------------------------------------------------------------------------------------


def packbits(F: Builder, a: Any, /, axis: Any = None, bitorder: str = "big") -> Value:
    """Eight truth values as the bits of one byte."""
    value = as_array(F, a)
    if axis is None:
        value, axis = F.reshape(value, (_size(value),)), 0
    along = axis_of(F, "packbits", axis, value.rank)
    size = value.dims[along]
    count = (size + 7) // 8
    steps = tuple(1 for _ in value.dims)
    wide = tuple(count * 8 if i == along else d for i, d in enumerate(value.dims))
    padded = F.embed(F.cast(F.ne(value, 0), BYTE), starts=(0,) * value.rank, steps=steps, dims=wide)
    split = F.reshape(padded, (*value.dims[:along], count, 8, *value.dims[along + 1 :]))
    bits = F.reshape(F.cast(_powers_of_two(F, bitorder), BYTE), (8, *(1,) * (value.rank - along - 1)))
    return F.cast(F.reduce("sum", F.mul(split, bits), (along + 1,)), BYTE)


def _size(value: Value) -> Any:
    from graphc.ir.dims import product

    return product(value.dims)


def _powers_of_two(F: Builder, bitorder: str) -> Value:
    if bitorder not in ("big", "little"):
        raise unsupported(F, f"bitorder={bitorder!r} is neither 'big' nor 'little'")
    place = F.iota(dims=(8,), axis=0)
    return F.left_shift(1, place if bitorder == "little" else F.sub(7, place))


def unpackbits(F: Builder, a: Any, /, axis: Any = None, count: Any = None, bitorder: str = "big") -> Value:
    """The bits of bytes as eight numbers 0 or 1 each."""
    value = as_array(F, a)
    if value.type.dtype != BYTE:
        raise unsupported(F, f"unpackbits: {value.type} is no array of uint8")
    if axis is None:
        value, axis = F.reshape(value, (_size(value),)), 0
    along = axis_of(F, "unpackbits", axis, value.rank)
    bits = F.cast(_powers_of_two(F, bitorder), BYTE)
    found = F.ne(
        F.bitwise_and(F.expand_dims(value, (along + 1,)), F.reshape(bits, (8, *(1,) * (value.rank - along - 1)))), 0
    )
    flat = F.reshape(F.cast(found, BYTE), (*value.dims[:along], value.dims[along] * 8, *value.dims[along + 1 :]))
    if count is None:
        return flat
    wanted = as_int(F, "unpackbits", "count", count)
    if wanted < 0:
        return take_range(F, flat, along, 0, flat.dims[along] + wanted)
    if F.facts.at_least(flat.dims[along], wanted):
        return take_range(F, flat, along, 0, wanted)
    dims = tuple(wanted if i == along else d for i, d in enumerate(flat.dims))
    return F.embed(flat, starts=(0,) * flat.rank, steps=(1,) * flat.rank, dims=dims)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.fix": fix, "numpy.i0": i0, "numpy.sinc": sinc, "numpy.isposinf": isposinf,
    "numpy.isneginf": isneginf, "numpy.packbits": packbits, "numpy.unpackbits": unpackbits,
}  # fmt: skip
