"""The memory of tensors that a program writes new values into: parameters, the states of an optimizer.

The program reads such a tensor as an input, and writes over it (``given`` of ``make_runner``). The memory must be the
tensor's alone: what a recording or a segment holds stays what it was, so then the tensor gets a copy. NumPy may have
it, and sees the new values; what comes in by another way, in the same memory, is read from a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.config import settings
from graphc.tensors.core import Tensor, compute
from graphc.tensors.kinds import Kind
from graphc.tensors.memory import ONE_HOLDER, is_shared, references, settled, writable
from graphc.tensors.views import memory_of, root_of

_TWO_HOLDERS = ONE_HOLDER + 1  # an attribute and a variable


def can_lend(kind: Kind) -> bool:
    """Whether a program may write over such tensors: of several elements, on the CPU. None while it is looked for NaN,
    since a program then runs again to find it."""
    return bool(kind.shape) and kind.place is None and not settings.nan


class Targets:
    """Tensors that a program gives new values, after ``results`` other outputs.

    ``numbers``: of the inputs that their old values are; ``given``: the outputs that are written over inputs, as
    ``make_runner`` takes them.
    """

    def __init__(self, tensors: Sequence[Tensor], numbers: Sequence[int], results: int = 0):
        self.tensors, self.results = tensors, results
        self.lent: list[tuple[Tensor, int]] = []
        self.rest: list[tuple[Tensor, int]] = []
        self.given: dict[int, int] = {}
        for k, (tensor, number) in enumerate(zip(tensors, numbers, strict=True), start=results):
            if can_lend(tensor._kind):
                self.lent.append((tensor, number))
                self.given[k] = number
            else:
                self.rest.append((tensor, number))

    def run(self, program: Callable[[Sequence[Any]], Any], inputs: list[Any]) -> list[Any]:
        """Run the program, after which the tensors have their new values; the results before those.

        ``inputs``: without those of the tensors, which are put there for the call; not to be kept.
        """
        special = []  # where the memory is not the tensor's alone
        for tensor, number in self.rest:
            inputs[number] = as_input(tensor)
        for tensor, number in self.lent:  # a few hundred: this loop is what the call costs
            array = tensor._array
            if tensor._special or tensor._views is not None or array is None:
                special.append((tensor, number))
            elif array.base is not None or references(array) > _TWO_HOLDERS:
                array = tensor._array = np.array(array)
            inputs[number] = array
            tensor._recording = None  # what is recorded from now on reads it anew
        array = None
        if special:
            self._lend_special(inputs, special)
        made = program(inputs)
        assert made is not None, "the sizes of a recording are those of its program"
        for tensor, number in special:
            if inputs[number] is not tensor._array:
                _write_back(tensor, inputs[number])
            tensor._recording = None
        for tensor, _ in self.lent:
            tensor._writes += 1
        for (tensor, _), value in zip(self.rest, made[self.results :], strict=True):
            store(tensor, value)
        return list(made[: self.results])

    def _lend_special(self, inputs: list[Any], special: Sequence[tuple[Tensor, int]]) -> None:
        for tensor, number in special:
            inputs[number] = None  # which would hold its memory
            inputs[number] = overwritable(tensor)
        self._keep_apart(inputs)

    def _keep_apart(self, inputs: list[Any]) -> None:
        """Copies for inputs that share memory with one that is lent."""
        seen: list[Any] = []
        lent = {number for _, number in self.lent}
        for number in [*sorted(lent), *(n for n in range(len(inputs)) if n not in lent)]:
            array = inputs[number]
            if isinstance(array, np.ndarray):
                if any(np.may_share_memory(array, other) for other in seen):
                    inputs[number] = np.array(array)
                elif number in lent:
                    seen.append(array)


def overwritable(tensor: Tensor) -> Any:
    """The tensor's values where a program may write over them: its memory, or a copy where that is not so."""
    if tensor._base is not None:
        return np.array(compute(tensor))
    if tensor._array is None or tensor._special:
        compute(tensor)
        if is_shared(tensor):
            memory = settled(tensor._array)
            return memory if memory.flags.writeable else np.array(memory)
    if tensor._array.base is not None or references(tensor._array) > ONE_HOLDER:
        tensor._array = np.array(tensor._array)
    return tensor._array


def _write_back(tensor: Tensor, array: Any) -> None:
    root = root_of(tensor)
    memory_of(tensor, writable(root))[...] = array
    if root is not tensor:
        was_replaced(root)


def as_input(tensor: Any) -> Any:
    """The tensor's values as a program takes them."""
    array = tensor._array
    if array is None or tensor._special:
        return settled(compute(tensor))
    return array


def store(tensor: Tensor, array: Any) -> None:
    """Give the tensor new values: into the memory that NumPy has, else in place of the old array."""
    assert array.dtype == tensor._kind.dtype
    if tensor._shared is not None and is_shared(tensor):
        tensor._array[...] = array
    else:
        tensor._array = array
    was_replaced(tensor)


def was_replaced(tensor: Tensor) -> None:
    """Count the write: what is recorded from now on reads the new values."""
    tensor._writes += 1
    tensor._recording = None
