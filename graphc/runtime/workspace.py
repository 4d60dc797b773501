"""The memory that a program's arena lives in between calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from graphc.abi import ALIGNMENT
from graphc.runtime.entry_layout import WorkspaceField
from graphc.runtime.object_layout import data_address


class Workspace:
    """Memory that grows to the largest arena asked for and is kept, however large. One call at a time uses it.

    The native entry reads and locks it through ``fields``; Python code through :meth:`borrow`. One workspace serves
    one of the two.
    """

    def __init__(self) -> None:
        self.fields = np.zeros(WorkspaceField.SIZE // 8, np.int64)
        self._memory = np.empty(0, np.uint8)
        self._lock = threading.Lock()

    def grow(self, size: int) -> None:
        """Make room for ``size`` bytes (int). Only the holder of the lock may call this. Raises MemoryError."""
        self._memory = np.empty(0, np.uint8)  # first give the old memory back: its content is not needed
        self.fields[WorkspaceField.CAPACITY // 8] = 0
        self._memory, address = _aligned_memory(size)
        self.fields[WorkspaceField.ADDRESS // 8] = address
        self.fields[WorkspaceField.CAPACITY // 8] = size

    @contextmanager
    def borrow(self, size: int) -> Iterator[int]:
        """Address (int) of ``size`` aligned bytes: the kept memory, or memory for this call alone when it is taken."""
        if not self._lock.acquire(blocking=False):
            memory, address = _aligned_memory(size)
            yield address
            del memory
            return
        try:
            if self.fields[WorkspaceField.CAPACITY // 8] < size:
                self.grow(size)
            yield int(self.fields[WorkspaceField.ADDRESS // 8])
        finally:
            self._lock.release()


def _aligned_memory(size: int) -> tuple[np.ndarray, int]:
    memory = np.empty(size + ALIGNMENT, np.uint8)
    return memory, (data_address(memory) + ALIGNMENT - 1) & -ALIGNMENT
