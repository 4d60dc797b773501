"""Discrete Fourier transforms along the last axis, none of them scaled; all other axes are a batch.

``fft``    c[n]             inverse    y[k] = sum over j of x[j] exp(-2 pi i j k / n), with + where ``inverse``
``rfft``   f[n]                        the first n // 2 + 1 of them, for real x
``irfft``  c[n // 2 + 1]    points     the real y[j] = sum over all k of x[k] exp(2 pi i j k / points), where
                                       x[points - k] is the conjugate of x[k]; of x[0] and x[points / 2] the real part
                                       counts

``fft_pairs``, ``rfft_pairs`` and ``irfft_pairs`` are the same for complex numbers as pairs of real ones, along one more
axis of length 2: what a program calls.

The matrix of ``fft`` is symmetric, so it is its own transpose. That of ``rfft`` is ``irfft`` of the conjugate, halved
where two numbers of the whole transform are one of the half; and the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Linear, NotDifferentiable, Op, Routine
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType, complex_dtype

Types = Sequence[ArrayType]
PAIRS = NotDifferentiable("a transform of pairs, which stands for one of complex numbers")


# --- types ------------------------------------------------------------------------------------------------------------


def require(fits: bool, name: str, type_: ArrayType) -> None:
    if not fits:
        raise InvalidGraphError(f"{name} of {type_}")


def fft_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType]:
    (x,) = types
    require(x.is_complex and x.rank > 0, "fft", x)
    return (ArrayType(x.dtype, x.dims),)


def rfft_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType]:
    (x,) = types
    require(x.dtype.kind == "f" and x.rank > 0, "rfft", x)
    return (ArrayType(complex_dtype(x.dtype), (*x.dims[:-1], x.dims[-1] // 2 + 1)),)


def irfft_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType]:
    (x,), points = types, attrs["points"]
    require(x.is_complex and x.rank > 0 and facts.equal(x.dims[-1], points // 2 + 1), "irfft", x)
    return (ArrayType(x.real_dtype, (*x.dims[:-1], points)),)


def fft_pairs_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType]:
    (x,) = types
    require(x.dtype.kind == "f" and x.rank > 1 and x.dims[-1] == 2, "fft_pairs", x)
    return (ArrayType(x.dtype, x.dims),)


def rfft_pairs_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType]:
    (whole,) = rfft_type(facts, types, attrs)
    return (ArrayType(types[0].dtype, (*whole.dims, 2)),)


def irfft_pairs_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType]:
    fft_pairs_type(facts, types, attrs)
    (x,), points = types, attrs["points"]
    require(facts.equal(x.dims[-2], points // 2 + 1), "irfft_pairs", x)
    return (ArrayType(x.dtype, (*x.dims[:-2], points)),)


# --- references -------------------------------------------------------------------------------------------------------


def fft_ref(x: np.ndarray, inverse: bool) -> np.ndarray:
    if not x.size:
        return x.copy()
    return np.fft.ifft(x, norm="forward") if inverse else np.fft.fft(x)


def rfft_ref(x: np.ndarray) -> np.ndarray:
    return np.fft.rfft(x)


def irfft_ref(x: np.ndarray, points: int) -> np.ndarray:
    return np.fft.irfft(x, n=points, norm="forward")


def whole(pairs: np.ndarray) -> np.ndarray:
    """Pairs as complex numbers."""
    return np.ascontiguousarray(pairs).view(complex_dtype(pairs.dtype))[..., 0]


def pairs(numbers: np.ndarray) -> np.ndarray:
    return np.stack([numbers.real, numbers.imag], -1)


def fft_pairs_ref(x: np.ndarray, inverse: bool) -> np.ndarray:
    return pairs(fft_ref(whole(x), inverse))


def rfft_pairs_ref(x: np.ndarray) -> np.ndarray:
    return pairs(rfft_ref(x))


def irfft_pairs_ref(x: np.ndarray, points: int) -> np.ndarray:
    return irfft_ref(whole(x), points)


# --- transposes -------------------------------------------------------------------------------------------------------


def fft_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    return (F.fft(g, **node.attrs),)


def stands_alone(F: Builder, node: Node, half: Value, alone: float, double: float) -> Value:
    """``alone`` for the numbers of a half transform that stand for themselves, ``double`` for those of two."""
    points = node.attrs["points"] if node.op.name == "irfft" else node.inputs[0].dims[-1]
    place = F.iota(dims=(half.dims[-1],), axis=0)
    single = F.logical_or(F.eq(place, 0), F.eq(F.mul(place, 2), F.value(points)))
    dtype = ArrayType(half.type.real_dtype)
    return F.select(single, F.constant(alone, dtype), F.constant(double, dtype))


def rfft_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    scaled = F.mul(F.conj(g), stands_alone(F, node, g, 1.0, 0.5))
    return (F.irfft(scaled, points=node.inputs[0].dims[-1]),)


def irfft_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    half = F.rfft(g)
    return (F.mul(F.conj(half), stands_alone(F, node, half, 1.0, 2.0)),)


FOURIER = [
    Op("fft", Routine(), fft_ref, Linear(fft_transpose), type=fft_type, cost=40, complex=True),
    Op("rfft", Routine(), rfft_ref, Linear(rfft_transpose), type=rfft_type, cost=20),
    Op("irfft", Routine(), irfft_ref, Linear(irfft_transpose), type=irfft_type, cost=20, complex=True),
    Op("fft_pairs", Routine(), fft_pairs_ref, PAIRS, type=fft_pairs_type, cost=40),
    Op("rfft_pairs", Routine(), rfft_pairs_ref, PAIRS, type=rfft_pairs_type, cost=20),
    Op("irfft_pairs", Routine(), irfft_pairs_ref, PAIRS, type=irfft_pairs_type, cost=20),
]
