"""Functions about complex numbers, and which of all others take them.

A function that is composed for real arrays may be wrong for complex ones without a of it (a square where the
square of the size is meant, an order, a sign). So it refuses them, unless it stands in ``TAKES_COMPLEX``: those are
tested.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, ArrayType
from graphc.trace.functions.arguments import Implementation, as_array, qualified


def real(F: Builder, val: Any) -> Value:
    """The real part; of real arrays the array itself."""
    a = as_array(F, val)
    return F.real(a) if a.type.is_complex else a


def imag(F: Builder, val: Any) -> Value:
    """The imaginary part; zeros of real arrays."""
    a = as_array(F, val)
    return F.imag(a) if a.type.is_complex else F.zeros(a.type)


def conjugate(F: Builder, x: Any, /) -> Value:
    a = as_array(F, x)
    if a.type.dtype == BOOL:
        return F.cast(a, np.dtype(np.int8))
    return conjugated(F, a)


def conj(F: Builder, a: Value, /) -> Value:
    """The method, which leaves what is not complex as it is: also truth values, of which the ufunc makes int8."""
    return conjugated(F, a)


def conjugated(F: Builder, a: Value) -> Value:
    """As a factor of an inner product: truth values stay what they are."""
    return F.conj(a) if a.type.is_complex else a


def angle(F: Builder, z: Any, deg: bool = False) -> Value:
    """The angle of complex numbers; 0 for positive real ones and pi for negative ones, with a derivative of zero."""
    a = as_array(F, z)
    if a.type.is_complex:
        found = F.arctan2(F.imag(a), F.real(a))
        return F.mul(found, 180.0 / math.pi) if deg else found
    dtype = a.type.dtype if a.type.is_float else np.arctan2.resolve_dtypes((int, a.type.dtype, None))[2]
    half = F.constant(180.0 if deg else math.pi, ArrayType(dtype))
    found = F.select(F.signbit(F.cast(a, dtype)), half, F.constant(0.0, ArrayType(dtype)))
    return F.select(F.isnan(F.cast(a, dtype)), F.cast(a, dtype), found) if a.type.is_float else found


def sign(F: Builder, x: Any, /) -> Value:
    """The sign; of complex numbers ``z / abs(z)``, and 0 at 0."""
    a = as_array(F, x)
    if not a.type.is_complex:
        return F.sign(a)
    size = F.abs(a)
    at_zero = F.eq(size, 0.0)
    size = F.select(at_zero, 1.0, size)
    found = F.select(at_zero, 0.0, F.complex(F.div(F.real(a), size), F.div(F.imag(a), size)))
    return F.select(F.isinf(size), _direction(F, F.real(a), F.imag(a)), found)


def _direction(F: Builder, real: Value, imag: Value) -> Value:
    """NumPy's sign of infinite numbers: that of the infinite part alone; where both are infinite, NaN."""
    lost = F.eq(F.isinf(real), F.isinf(imag))
    parts = [F.select(F.isinf(part), F.sign(part), 0.0) for part in (real, imag)]
    return F.complex(*(F.select(lost, float("nan"), part) for part in parts))


def squared_size(F: Builder, a: Value) -> Value:
    """``abs(a)**2``, of complex numbers without a root."""
    return F.add(F.square(F.real(a)), F.square(F.imag(a))) if a.type.is_complex else F.square(a)


def is_real(F: Builder, x: Any) -> Value:
    """Where the imaginary part is zero."""
    a = as_array(F, x)
    return F.eq(F.imag(a), 0.0) if a.type.is_complex else F.full(ArrayType(BOOL, a.dims), True)


def iscomplex(F: Builder, x: Any) -> Value:
    """Where the imaginary part is not zero."""
    a = as_array(F, x)
    return F.ne(F.imag(a), 0.0) if a.type.is_complex else F.full(ArrayType(BOOL, a.dims), False)


def is_complex_object(F: Builder, x: Any) -> bool:
    return as_array(F, x).type.is_complex


def is_real_object(F: Builder, x: Any) -> bool:
    return not as_array(F, x).type.is_complex


def real_if_close(F: Builder, a: Any, tol: Any = 100) -> Value:
    """The array itself: whether the imaginary parts are close to zero is not known when the program is made."""
    return as_array(F, a)


def complex_dtype_of(values: Iterable[Any]) -> np.dtype | None:
    """The first complex dtype among the arguments, however deep in lists; None where there is none."""
    for value in values:
        if isinstance(value, Value):
            found = value.type.dtype if value.type.is_complex else None
        elif isinstance(value, list | tuple):
            found = complex_dtype_of(value)
        else:
            found = np.dtype(type(value)) if isinstance(value, complex | np.complexfloating) else None
        if found is not None:
            return found
    return None


FUNCTIONS: dict[str, Implementation] = {
    "numpy.real": real, "numpy.imag": imag, "numpy.angle": angle, "numpy.isreal": is_real,
    "numpy.iscomplex": iscomplex, "numpy.iscomplexobj": is_complex_object, "numpy.isrealobj": is_real_object,
    "numpy.real_if_close": real_if_close,
}  # fmt: skip

_MOVING = """
    append array_split atleast_1d atleast_2d atleast_3d block broadcast_arrays broadcast_to choose column_stack
    compress concat concatenate copy delete diag diagflat diagonal dsplit dstack ediff1d empty_like expand_dims
    extract flip fliplr flipud full full_like hsplit hstack insert linalg.diagonal linalg.matrix_transpose
    matrix_transpose meshgrid moveaxis ndim ones_like pad permute_dims ravel repeat reshape resize roll rollaxis rot90
    row_stack select shape size split squeeze stack swapaxes take take_along_axis tile transpose tril triu unstack
    vsplit vstack where zeros_like astype result_type
"""
_COMPUTING = """
    all allclose any array_equal array_equiv average count_nonzero cross cumsum cumulative_sum diff dot einsum inner
    isclose kron convolve correlate linalg.cross linalg.matmul linalg.multi_dot linalg.norm linalg.outer
    linalg.tensordot linalg.trace linalg.vecdot linalg.vector_norm linspace matmul matvec mean nonzero flatnonzero
    argwhere outer polyadd polyder polyint polymul polysub polyval prod cumprod cumulative_prod std sum tensordot
    trace trapezoid gradient nansum nanprod nanmean nancumsum nancumprod round around var vdot vecdot vecmat vander
    conjugate linalg.matrix_norm nan_to_num roots
"""
_MATRICES = """
    cholesky det eig eigh eigvals eigvalsh inv lstsq pinv solve svd svdvals
"""
_OF_NUMPY = "qr cond matrix_power matrix_rank slogdet tensorinv tensorsolve"
_OF_SCIPY = "cho_factor cho_solve lu lu_factor lu_solve pinvh solve_triangular"
_METHODS = """
    all any astype choose compress conj conjugate copy cumprod cumsum diagonal dot fill flatten mean nonzero prod
    ravel repeat reshape squeeze std sum swapaxes take trace transpose var
"""
_WRITING = "copyto fill_diagonal place put put_along_axis putmask"

TAKES_COMPLEX = frozenset(
    [
        *FUNCTIONS,
        *qualified("numpy.linalg", f"{_MATRICES} {_OF_NUMPY}"),
        *qualified("scipy.linalg", f"{_MATRICES} {_OF_SCIPY}"),
        *qualified("numpy", f"{_MOVING} {_COMPUTING} {_WRITING}"),
        *qualified("ndarray", f"{_METHODS} put"),
        *qualified(
            "numpy",
            "add.reduce add.accumulate multiply.reduce multiply.accumulate logical_and.reduce logical_or.reduce",
        ),
        *(
            f"numpy.{name}.outer"
            for name in ["add", "subtract", "multiply", "divide", "true_divide", "power", "equal", "not_equal"]
        ),
    ]
)
