"""Types of values: ``dtype[dims]``, and the short dtype names of the text form and of generated code.

float16 and bfloat16 are dtypes of arrays, in which nothing is computed: see ``ir.halves``. NumPy learns bfloat16 from
the package ``ml_dtypes``, which is imported, and its dtype known, when it is first met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.abi import BFLOAT16, dtype_named
from graphc.ir.dims import Dim

DTYPES: dict[str, np.dtype] = {
    "f64": np.dtype(np.float64),
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "c128": np.dtype(np.complex128),
    "c64": np.dtype(np.complex64),
    "i64": np.dtype(np.int64),
    "i32": np.dtype(np.int32),
    "i16": np.dtype(np.int16),
    "i8": np.dtype(np.int8),
    "u64": np.dtype(np.uint64),
    "u32": np.dtype(np.uint32),
    "u16": np.dtype(np.uint16),
    "u8": np.dtype(np.uint8),
    "bool": np.dtype(np.bool_),
}
HALVES: set[np.dtype] = {DTYPES["f16"]}  # what is stored in 16 bits and computed in float32
REAL_DTYPES = {  # what kernels compute in
    short: dtype for short, dtype in DTYPES.items() if dtype.kind != "c" and dtype not in HALVES
}
SHORT_NAMES: dict[np.dtype, str] = {dtype: name for name, dtype in DTYPES.items()}

F64, F32, I64, BOOL = DTYPES["f64"], DTYPES["f32"], DTYPES["i64"], DTYPES["bool"]
C128, C64 = DTYPES["c128"], DTYPES["c64"]
F16 = DTYPES["f16"]


def bfloat16_dtype() -> np.dtype:
    """The dtype bfloat16, which graphc knows from then on. Raises ``ImportError`` without ``ml_dtypes``."""
    if "bf16" not in DTYPES:
        dtype = dtype_named(BFLOAT16)
        DTYPES["bf16"], SHORT_NAMES[dtype] = dtype, "bf16"
        HALVES.add(dtype)
    return DTYPES["bf16"]


def is_known(dtype: np.dtype) -> bool:
    """Whether graphc has arrays of this dtype.

    >>> is_known(np.dtype(np.float16)), is_known(np.dtype(object))
    (True, False)
    """
    return dtype in SHORT_NAMES or (dtype.name == BFLOAT16 and dtype == bfloat16_dtype())


def known_names(real: bool = False) -> str:
    """The dtypes that graphc has, or the ``real`` ones alone, for a message."""
    return ", ".join(dtype.name for dtype in SHORT_NAMES if not real or dtype.kind != "c")


def dtype_of(given: Any) -> np.dtype:
    """``np.dtype(given)``, in native byte order; of two of one size and kind (long, long long) the one in the tables.

    >>> dtype_of(">f4"), dtype_of(np.longlong).char
    (dtype('float32'), 'l')
    """
    dtype = bfloat16_dtype() if given == BFLOAT16 else np.dtype(given).newbyteorder("=")
    return DTYPES[SHORT_NAMES[dtype]] if is_known(dtype) else dtype


def dtype_text(dtype: np.dtype) -> str:
    """The dtype as ``dtype_of`` reads it, in this or another process: NumPy's own of bfloat16 says nothing.

    >>> dtype_text(np.dtype(np.float32))
    '<f4'
    """
    return BFLOAT16 if dtype.name == BFLOAT16 else dtype.str


def has_bfloat16(dtypes: Sequence[np.dtype]) -> bool:
    """Whether one of them is bfloat16."""
    return any(dtype.kind == "V" and dtype.name == BFLOAT16 for dtype in dtypes)


def result_type(*dtypes: np.dtype) -> np.dtype:
    """The dtype of arrays of these together, as NumPy promotes them; float16 and bfloat16 together are float32.

    >>> result_type(np.dtype(np.float16), np.dtype(np.float32))
    dtype('float32')
    """
    if not has_bfloat16(dtypes):
        return np.result_type(*dtypes)
    found = dtypes[0]
    for dtype in dtypes[1:]:  # ml_dtypes promotes in ufuncs what it does not for np.result_type
        found = np.add.resolve_dtypes((found, dtype, None))[2] if dtype != found else found
    return found


def is_real_float(dtype: np.dtype) -> bool:
    """Floating and not complex; for NumPy bfloat16 is of no such kind.

    >>> is_real_float(np.dtype(np.float16)), is_real_float(C64)
    (True, False)
    """
    return dtype.kind == "f" or (dtype.kind == "V" and dtype.name == BFLOAT16)


def float_limits(dtype: np.dtype) -> Any:
    """``np.finfo`` of the dtype, of bfloat16 that of ``ml_dtypes``."""
    if dtype.kind != "V":
        return np.finfo(dtype)
    import ml_dtypes

    return ml_dtypes.finfo(dtype)


def is_number(dtype: np.dtype, with_complex: bool) -> bool:
    """Whether values of the dtype are numbers: bools, integers and floats, or ``with_complex`` complex ones too."""
    return dtype.kind in ("biuc" if with_complex else "biu") or is_real_float(dtype)


def is_half(dtype: np.dtype) -> bool:
    """float16 or bfloat16.

    >>> is_half(np.dtype(np.float16)), is_half(np.dtype(np.int16))
    (True, False)
    """
    return dtype.itemsize == F16.itemsize and is_real_float(dtype)


def is_floating(dtype: np.dtype) -> bool:
    """Real or complex floating: what can have a derivative."""
    return dtype.kind == "c" or is_real_float(dtype)


def real_part_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of the real part of a complex number; of all else its own."""
    return F32 if dtype == C64 else F64 if dtype == C128 else dtype


def complex_dtype(dtype: np.dtype) -> np.dtype:
    """The complex dtype that holds numbers of this one, as NumPy promotes it: complex64 for the shortest ones."""
    return np.result_type(dtype, C64)


@dataclass(frozen=True, slots=True)
class ArrayType:
    """``dtype[dims]``. ``weak`` marks the type of a Python scalar, which gives way to an array's dtype (NEP 50)."""

    dtype: np.dtype
    dims: tuple[Dim, ...] = ()
    weak: bool = False

    @property
    def rank(self) -> int:
        return len(self.dims)

    @property
    def short(self) -> str:
        """The dtype's short name, such as ``f64``."""
        return SHORT_NAMES[self.dtype]

    @property
    def is_float(self) -> bool:
        """Real or complex floating: what can have a derivative."""
        return self.dtype.kind in "fc" or self.dtype in HALVES  # quicker than ``is_floating``

    @property
    def is_half(self) -> bool:
        """Stored in 16 bits, and computed in float32."""
        return self.dtype in HALVES

    @property
    def is_complex(self) -> bool:
        return self.dtype.kind == "c"

    @property
    def real_dtype(self) -> np.dtype:
        """Of the real part of a complex number; of all else its own.

        >>> str(ArrayType(DTYPES["c64"]).real_dtype)
        'float32'
        """
        return real_part_dtype(self.dtype)

    def __str__(self) -> str:
        weak = "weak " if self.weak else ""
        return f"{weak}{self.short}[{','.join(map(str, self.dims))}]"
