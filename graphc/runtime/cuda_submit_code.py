"""A captured step with what stands around it, in the restricted Python of ``machine_code``: one call from Python.

``block`` is the address of words: the driver's functions, what they are called with, and the launches (``Submit``).
"""

from __future__ import annotations

from graphc.runtime.cuda_submit_layout import Submit
from graphc.runtime.machine_code import call_int, load, stack


def graphc_submit(block: int) -> int:
    """Launches, the graph, launches, and the mark behind them, in the device's context; the first failure's status."""
    status = call_int(load(block + Submit.PUSH), load(block + Submit.CONTEXT))
    if status != 0:
        return status
    before = load(block + Submit.BEFORE)
    status = launched(block, 0, before)
    if status == 0:
        status = call_int(load(block + Submit.REPLAY), load(block + Submit.GRAPH), load(block + Submit.STREAM))
    if status == 0:
        status = launched(block, before, load(block + Submit.AFTER))
    if status == 0:
        status = call_int(load(block + Submit.RECORD), load(block + Submit.MARK), load(block + Submit.STREAM))
    popped = stack(8)
    call_int(load(block + Submit.POP), popped)
    return status


def launched(block: int, first: int, count: int) -> int:
    """Start ``count`` kernels from the ``first`` one on."""
    k = 0
    while k < count:
        at = block + Submit.LAUNCHES + (first + k) * Submit.LAUNCH_SIZE
        status = call_int(
            load(block + Submit.LAUNCH), load(at), load(at + 8), 1, 1, load(at + 16), 1, 1, 0,
            load(block + Submit.STREAM), 0, load(at + 24),
        )  # fmt: skip
        if status != 0:
            return status
        k = k + 1
    return 0
