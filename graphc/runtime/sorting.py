"""NumPy's own sorting functions by address: vectorised ones where the processor has them.

``PyDataType_GetArrFuncs`` of NumPy's C API gives the table of a dtype's functions (``PyArray_ArrFuncs``, whose layout
is public and the same since NumPy 1), and a sorting function there is ``int sort(void *start, npy_intp count, void
*array)``. Those of numbers look at no array and need no GIL.
"""

from __future__ import annotations

import ctypes

import numpy as np

from graphc.abi import Sorter
from graphc.runtime.object_layout import numpy_api, word

_API_FUNCTIONS_OF_DTYPE = 365
_SORT = 264  # the offset of the first sorting function: behind 21 casts and 12 functions
_SAMPLE = (3, 1, 2, 1, 0, 1)


def words() -> list[int] | None:
    """The function of each entry of ``abi.Sorter``, in its order; None where this NumPy has them not."""
    table = numpy_api()
    if table is None or np.lib.NumpyVersion(np.__version__) < "2.0.0":
        return None
    functions_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(table[_API_FUNCTIONS_OF_DTYPE])
    found = [_sorter(functions_of(dtype), dtype) for dtype in map(_dtype, Sorter)]
    return None if 0 in found else found


def _dtype(entry: Sorter) -> np.dtype:
    return np.dtype(np.bool_ if entry == Sorter.BOOL else f"{entry.name[0].lower()}{int(entry.name[1:]) // 8}")


def _sorter(functions: int | None, dtype: np.dtype) -> int:
    """The address of the first sorting function, which sorts a sample; else 0."""
    address = word(functions + _SORT) if functions else 0
    if not address:
        return 0
    sample = np.array(_SAMPLE, dtype)
    sort = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p)(address)
    status = sort(sample.ctypes.data, sample.size, None)
    return address if status == 0 and (sample == np.sort(np.array(_SAMPLE, dtype))).all() else 0
