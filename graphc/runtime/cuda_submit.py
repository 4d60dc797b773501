"""Captured steps as one native call that asks the driver for all of it: each call of ctypes takes a microsecond."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from graphc.runtime import cache, cuda_submit_code, native
from graphc.runtime.cuda_devices import Prepared
from graphc.runtime.cuda_submit_layout import Submit

SUBMITTED = ("cuCtxPushCurrent_v2", "cuCtxPopCurrent_v2", "cuLaunchKernel", "cuGraphLaunch", "cuEventRecord")
BUFFER, BUFFER_SIZE = 1, 2  # CU_LAUNCH_PARAM_BUFFER_POINTER, CU_LAUNCH_PARAM_BUFFER_SIZE
_SYMBOL = "graphc_submit"


@lru_cache(maxsize=1)
def _submit() -> Callable[[int], int]:
    """The compiled function; kept on disk."""
    from graphc.runtime.machine_code import compile_text, llvm_text

    entry = cache.get("runtime", _SYMBOL)  # the cache's salt stands for graphc's sources
    data = compile_text(llvm_text([cuda_submit_code], exported=(_SYMBOL,))) if entry is None else entry.data
    if entry is None:
        cache.put("runtime", _SYMBOL, data)
    address = native.load_object(data, [_SYMBOL])[_SYMBOL]
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)


class Submission:
    """What does all of it when it is called. ``block``: where what native code reads of it stands."""

    def __init__(
        self,
        functions: Sequence[Any],
        things: Sequence[int],
        before: Sequence[Prepared],
        after: Sequence[Prepared],
        require: Callable[[str, int], None],
    ):
        """``functions``: of ctypes, those ``SUBMITTED``; ``things``: context, stream, mark, graph.

        ``require(name, status)`` raises for a status other than 0.
        """
        launches = [*before, *after]
        words = np.zeros(Submit.LAUNCHES // 8 + len(launches) * (Submit.LAUNCH_SIZE // 8), np.int64)
        words[: len(functions)] = [address_of(function) for function in functions]
        context, stream, mark, graph = things
        fields = {
            Submit.CONTEXT: context, Submit.STREAM: stream, Submit.MARK: mark, Submit.GRAPH: graph,
            Submit.BEFORE: len(before), Submit.AFTER: len(after),
        }  # fmt: skip
        for place, word in fields.items():
            words[place // 8] = word
        kept = []
        for number, launch in enumerate(launches):
            size = np.array([launch.words.nbytes], np.int64)
            described = np.array([BUFFER, launch.words.ctypes.data, BUFFER_SIZE, size.ctypes.data, 0], np.int64)
            at = (Submit.LAUNCHES + number * Submit.LAUNCH_SIZE) // 8
            words[at : at + 4] = launch.kernel.value or 0, launch.blocks, launch.threads, described.ctypes.data
            kept.append((size, described, launch.words))
        self.kept, self.require, self.submit, self.block = (words, kept), require, _submit(), words.ctypes.data

    def __call__(self, status: int | None = None) -> None:
        """Ask for all of it, or raise what the status means with which native code was answered."""
        if status is None:
            status = self.submit(self.block)
        if status:
            self.require("cuGraphLaunch", status)


def address_of(function: Any) -> int:
    """Of a function of ctypes."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0
