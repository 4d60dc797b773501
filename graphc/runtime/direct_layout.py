"""Records of programs that compiled code calls without Python (``direct``): int64 words, byte offsets."""

from __future__ import annotations

from enum import IntEnum

KEPT_BLOCKS = 8  # arenas that a program keeps between calls: as many threads call it without asking malloc
LARGEST_STACK_ARENA = 16384  # bytes; threads of other libraries may have small stacks

UNSERVED = -3  # the status of a call that no program serves
WRONG_OUTPUT = -4  # the status of a call that gives an array of another shape than the result has


class SiteField(IntEnum):
    """A site: what calls a function with one signature, and finds the program for the sizes at hand."""

    FIRST = 0  # the record of the program that was made last, or 0
    RESOLVE = 8  # resolve(sizes) -> 1 where it has put a program that serves them in front; 0: no programs are made
    KNOWN_THREAD = 16  # whether the calling thread is one of Python's: others might wait for ever for the GIL
    SIZE = 24


class RecordField(IntEnum):
    """A program's record."""

    NEXT = 0  # the program that is tried next, or 0
    PREPARE = 8  # prepare(sizes, dims) -> 1 where the program serves these sizes; the dims of the outputs follow
    RUN = 16  # run(record, sizes, arguments) -> status
    DRIVER = 24
    TABLE = 32
    MALLOC = 40
    FREE = 48
    OTHER = 56  # the record that serves a call at which this one stops, or 0
    NOTICE = 64  # notice(status), a function of Python's that is told of that, or 0
    KNOWN_THREAD = 72  # as of a site
    BLOCKS = 80  # arenas that are kept, or 0
    HIDDEN = 80 + 8 * KEPT_BLOCKS  # addresses of the inputs that no argument gives


class BlockField(IntEnum):
    """Before an arena that is kept."""

    ALLOCATED = 0
    CAPACITY = 8
    SIZE = 64
