"""NumPy's own transforms by address: the loops of the ufuncs that ``numpy.fft`` calls (pocketfft).

A loop is a C function over a batch with strides of its own, ``loop(char **arrays, intp *sizes, intp *steps, void
*data)``, which needs no GIL. It is read from the ufunc's fields, which NumPy publishes (``ufuncobject.h``).
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from graphc.abi import Fourier
from graphc.errors import ConfigError

_FUNCTIONS, _DATA, _COUNT = 32, 40, 48  # offsets in a ufunc: tables of loops and of their data, and how many there are
_SIGNATURES = {"FFT": "(n),()->(m)", "IFFT": "(m),()->(n)", "RFFT_N_EVEN": "(n),()->(m)", "RFFT_N_ODD": "(n),()->(m)",
               "IRFFT": "(m),()->(n)"}  # fmt: skip
_LOOPS = {"FFT": "{c}{f}->{c}", "IFFT": "{c}{f}->{c}", "RFFT_N_EVEN": "{f}{f}->{c}", "RFFT_N_ODD": "{f}{f}->{c}",
          "IRFFT": "{c}{f}->{f}"}  # fmt: skip
_LETTERS = {"F64": {"c": "D", "f": "d"}, "F32": {"c": "F", "f": "f"}}


def _word(address: int) -> int:
    return ctypes.c_int64.from_address(address).value


def _loop(ufunc: Any, signature: str, types: str) -> list[int]:
    """The loop for these types, and its data. Raises ``LookupError`` where the ufunc is not the one that is known."""
    if not isinstance(ufunc, np.ufunc) or ufunc.signature != signature:
        raise LookupError(signature)
    place = ufunc.types.index(types) if types in ufunc.types else len(ufunc.types)
    if place >= ctypes.c_int32.from_address(id(ufunc) + _COUNT).value:
        raise LookupError(types)
    functions, data = _word(id(ufunc) + _FUNCTIONS), _word(id(ufunc) + _DATA)
    return [_word(functions + 8 * place), _word(data + 8 * place) if data else 0]


@lru_cache(maxsize=1)
def words() -> list[int] | None:
    """Loop and data of each entry of ``abi.Fourier``, in its order; None where this NumPy has them not, or others."""
    try:
        module = import_module("numpy.fft._pocketfft_umath")
        found: list[int] = []
        for entry in Fourier:
            name, _, kind = entry.name.rpartition("_")
            ufunc = getattr(module, name.lower(), None)
            found += _loop(ufunc, _SIGNATURES[name], _LOOPS[name].format(**_LETTERS[kind]))
    except (ImportError, LookupError):
        return None
    return found


def require_fourier() -> None:
    """Raises: ConfigError: NumPy's transforms are not to be had by address."""
    if words() is None:
        raise ConfigError("numpy.fft is not as it was: this NumPy has no transforms that compiled code can call")
