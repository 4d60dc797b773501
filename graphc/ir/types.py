"""Types of values: ``dtype[dims]``, and the short dtype names of the text form and of generated code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.ir.dims import Dim

DTYPES: dict[str, np.dtype] = {
    "f64": np.dtype(np.float64),
    "f32": np.dtype(np.float32),
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
REAL_DTYPES = {short: dtype for short, dtype in DTYPES.items() if dtype.kind != "c"}  # what kernels compute in
SHORT_NAMES: dict[np.dtype, str] = {dtype: name for name, dtype in DTYPES.items()}

F64, F32, I64, BOOL = DTYPES["f64"], DTYPES["f32"], DTYPES["i64"], DTYPES["bool"]
C128, C64 = DTYPES["c128"], DTYPES["c64"]


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
        return self.dtype.kind in "fc"

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
