"""Functions that programs call by their address (``ops.foreign``): Python's, and C's with a prototype."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.runtime import native

FAILED = 1  # what a Python function gives that raised


class _Raised(threading.local):
    """What a Python function raised below a program of this thread."""

    error: BaseException | None = None


_raised = _Raised()


def take_error() -> BaseException | None:
    """What the last failing Python function of this thread raised; it is forgotten then."""
    error, _raised.error = _raised.error, None
    return error


def python_address(
    function: Callable[..., Any], name: str, arguments: Sequence[tuple[np.dtype, int]], results: Sequence[tuple]
) -> tuple[int, object]:
    """The address of a C function that calls a Python function, and what keeps it alive.

    Args: arguments, results: dtype and rank of each. The Python function gets NumPy arrays (NumPy scalars for rank 0)
        that it may keep, and returns one array or a tuple of them.
    """
    kinds = [*arguments, *results]
    count = len(kinds) + sum(rank for _, rank in kinds)

    def call(*words: int) -> int:
        try:
            arrays, sizes = [], list(words[len(kinds) :])
            for address, (dtype, rank) in zip(words, kinds, strict=False):
                shape, sizes = tuple(sizes[:rank]), sizes[rank:]
                arrays.append(_view(address, dtype, shape))
            given = [array.copy() if array.ndim else array[()] for array in arrays[: len(arguments)]]
            _store(name, function(*given), arrays[len(arguments) :])
        except BaseException as error:  # noqa: BLE001  it is raised where the program was called
            _raised.error = error
            return FAILED
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * count)(call)
    return ctypes.cast(callback, ctypes.c_void_p).value or 0, callback


def _view(address: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if not size:
        return np.empty(shape, dtype)
    return np.frombuffer(memoryview((ctypes.c_char * size).from_address(address)), dtype).reshape(shape)


def _store(name: str, found: Any, targets: Sequence[np.ndarray]) -> None:
    values = found if isinstance(found, tuple | list) and len(targets) != 1 else (found,)
    if len(values) != len(targets):
        raise ValueError(f"{name} returned {len(values)} arrays, where result= says {len(targets)}")
    for value, target in zip(values, targets, strict=True):
        array = np.asarray(value)
        if array.shape != target.shape:
            raise ValueError(f"{name} returned an array of shape {array.shape}, where result= says {target.shape}")
        target[...] = array


def c_address(lines: Sequence[str], name: str) -> int:
    """The address (int) of a function in textual LLVM IR, compiled now."""
    return native.load_object(native.compile_module("\n".join(lines), 1), [name])[name]
