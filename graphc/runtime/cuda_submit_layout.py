"""The words that ``cuda_submit_code`` reads."""

from __future__ import annotations

from enum import IntEnum


class Submit(IntEnum):
    """Offsets in bytes. The first five are addresses of the driver's functions."""

    PUSH = 0
    POP = 8
    LAUNCH = 16
    REPLAY = 24
    RECORD = 32
    CONTEXT = 40
    STREAM = 48
    MARK = 56
    GRAPH = 64
    BEFORE = 72  # launches before the graph
    AFTER = 80  # and after it
    LAUNCHES = 88  # of each: kernel, blocks, threads, address of the list that describes its parameters
    LAUNCH_SIZE = 32
