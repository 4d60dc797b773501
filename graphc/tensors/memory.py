"""Who may read and write the memory of a tensor.

An array that recordings and segments hold is never written into: they hold what it was. Memory that was given to NumPy
(``_shared``) may change unseen: a recording takes a copy of it, and what is written into the tensor goes there.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.abi import OnDevice
from graphc.tensors.core import Tensor, compute, from_array, record
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.kinds import known_dtype
from graphc.tensors.placing import host_values, placed
from graphc.tensors.recording import now, switched

FOREVER = object()  # ``_shared`` of memory that came from NumPy: who else has it is not known


references = sys.getrefcount


class _Probe:
    held: Any = None


def _count_of_one_holder() -> int:
    """What ``references`` says of an object that one attribute holds."""
    probe = _Probe()
    probe.held = np.empty(1)
    return references(probe.held)


ONE_HOLDER = _count_of_one_holder()


def is_shared(tensor: Tensor) -> bool:
    """Whether NumPy has the tensor's memory, now."""
    shared = tensor._shared
    if shared is None or shared is FOREVER:
        return shared is FOREVER
    if any(reference() is not None for reference in shared):
        return True
    tensor._shared, tensor._special = None, tensor._base is not None
    tensor._array = settled(tensor._array)
    return False


def settled(array: Any) -> Any:
    """The array as programs take it: C-contiguous, aligned, in native byte order; without dimensions a NumPy scalar.

    On a device arrays are so already.
    """
    if isinstance(array, OnDevice):
        return array
    if not array.ndim:
        return array[()]
    if array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative and type(array) is np.ndarray:
        return array
    return np.array(array, known_dtype(array.dtype), order="C")


def own(array: Any) -> Any:
    """Values that nobody else writes into: a copy; on a device the very array, into which nobody writes."""
    return array if isinstance(array, OnDevice) else settled(np.array(array))


def snapshot(tensor: Tensor) -> Any:
    """The values as they are now, in memory that does not change."""
    array = tensor._array
    if not is_shared(tensor):
        return tensor._array
    return array[()] if not array.ndim else np.array(array, known_dtype(array.dtype), order="C")


def writable(tensor: Tensor) -> np.ndarray:
    """The tensor's memory, to be written into: its own, held by nobody else but NumPy where that has it."""
    compute(tensor)
    if is_shared(tensor):
        return tensor._array
    if not isinstance(tensor._array, np.ndarray):
        tensor._array = np.array(tensor._array)
        tensor._shared, tensor._special = (), True
    elif references(tensor._array) > ONE_HOLDER or not tensor._array.flags.writeable:
        tensor._array = tensor._array.copy()
    return tensor._array


def given_to_numpy(tensor: Tensor) -> np.ndarray:
    """An array over the tensor's memory, which NumPy may keep as long as it likes."""
    array = writable(tensor)
    if tensor._shared is FOREVER:
        return array.view()
    is_plain = array.dtype.kind != "V"  # Python's buffers know no bfloat16
    base = np.asarray(memoryview((array if is_plain else array.view(np.uint16)).data))
    living = [reference for reference in tensor._shared or () if reference() is not None]
    tensor._shared, tensor._special = (*living, weakref.ref(base)), True
    return base if is_plain else base.view(array.dtype)  # views of either have ``base`` as theirs, and keep it alive


def change(tensor: Tensor, write: Callable[[np.ndarray], object]) -> None:
    """Have ``write`` change the tensor's memory; of one on a device a copy, which goes back."""
    place = tensor._kind.place
    memory = writable(tensor) if place is None else host_values(tensor)
    with np.errstate(over="ignore", invalid="ignore"):  # silent, as all of graphc's arithmetic is
        write(memory)
    if place is not None:
        tensor._array = placed(memory, place)
    was_written(tensor)


def add_into(tensor: Tensor, other: Any) -> None:
    """``tensor += other`` in memory, for an array or a tensor of its shape."""
    if tensor._kind.place is not None:
        _add_there(tensor, other)
        return
    array = compute(other) if isinstance(other, Tensor) else other
    memory = writable(tensor)
    with np.errstate(over="ignore", invalid="ignore"):  # silent, as all of graphc's arithmetic is
        memory += array
    was_written(tensor)


def _add_there(tensor: Tensor, other: Any) -> None:
    """The same on a device, where the sum is another array."""
    part = other if isinstance(other, Tensor) else from_array(other)
    with switched(False):
        total = record(FUNCTIONS["add"], (tensor, part))
    tensor._array = compute(total)
    was_written(tensor)


def was_written(tensor: Tensor) -> None:
    """Count a write into the tensor's memory: what was recorded of it reads what it was."""
    recording = now.recording
    if tensor._recording is recording:
        recording.overwritten |= 1 << tensor._position
    tensor._writes += 1
    tensor._recording = None
