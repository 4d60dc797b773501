"""From complex numbers to their parts and back: ``real imag conj complex``.

**Derivatives of complex values.** A cotangent c of a value z is the number for which a real loss changes by
``Re(c dz)``; so the gradient of a loss by ``z = x + iy`` is ``df/dx - i df/dy``, the conjugate of the direction of
steepest ascent, as JAX and autograd define it. Then the transpose of a linear op is the same for complex numbers as
for real ones, without a conjugate, and ``Partials`` of a holomorphic function are its derivative. Of a real function of
z they are ``df/dx - i df/dy``; the real part of what comes out is taken wherever a real value is due.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Linear, Op, Pointwise
from graphc.ir.types import F64, ArrayType, complex_dtype


def part_dtypes(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """The loop of ``real`` and ``imag``."""
    (z,) = types
    if not z.is_complex:
        raise InvalidGraphError(f"a part of the real {z}")
    return z.dtype, z.real_dtype


def whole_dtypes(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """The loop of ``complex``: both parts in one dtype of floats."""
    part = np.result_type(*([t.dtype for t in types if not t.weak] or [F64]), np.float32)
    if part.kind != "f":
        raise InvalidGraphError(f"complex of {', '.join(map(str, types))}")
    return part, part, complex_dtype(part)


def conj_dtypes(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    return types[0].dtype, types[0].dtype


def of_parts(re: np.ndarray, im: np.ndarray) -> np.ndarray:
    re, im = np.broadcast_arrays(re, im)
    result = np.empty(re.shape, complex_dtype(re.dtype))
    result.real, result.imag = re, im
    return result


def real_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    return (F.cast(g, node.inputs[0].type.dtype),)


def imag_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    """The imaginary part is the real part of -iz."""
    return (F.complex(F.zeros(g.type), F.neg(g)),)


def conj_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    return (F.conj(g),)


def complex_transpose(F: Builder, g: Value, node: Node) -> tuple[Value, Value]:
    return F.real(g), F.neg(F.imag(g))


def never_printed(short: str) -> str:
    """Programs hold no complex numbers: ``passes.complex_parts`` has put parts in their place."""
    raise InvalidGraphError(f"an op on complex numbers reached code generation, for {short}")


COMPLEX = [
    Op("real", Pointwise(1), np.real, Linear(real_transpose), dtypes=part_dtypes, expr=never_printed, complex=True),
    Op("imag", Pointwise(1), np.imag, Linear(imag_transpose), dtypes=part_dtypes, expr=never_printed, complex=True),
    Op("conj", Pointwise(1), np.conjugate, Linear(conj_transpose), dtypes=conj_dtypes, expr=never_printed,
       complex=True),
    Op("complex", Pointwise(2), of_parts, Linear(complex_transpose), dtypes=whole_dtypes, expr=never_printed,
       complex=True),
]  # fmt: skip
