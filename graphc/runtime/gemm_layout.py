"""What the code of graphc's own products (``gemm_code``, ``panel_code``) agrees on: sizes, records, kept memory."""

from __future__ import annotations

from enum import IntEnum

REALS = {"f64": "double", "f32": "float"}  # LLVM's names
DEPTH = 256  # of k that a tile sums at a time
PANELS_OF_A = 20  # in a block that stays in the second level of cache
BYTES_OF_B = 2048  # of a row of a block of B
SCRATCH = 1100000  # bytes of a thread's blocks of A and B
BLOCK_OF_A = 524288  # the part of it that A's block has
CLOSE = 1024  # bytes from one k to the next up to which an operand need not be packed
FEW_PANELS = 2  # so many readers make packing worth its while
LONG = 2048  # columns of long rows that are multiplied without packing, and summed at a time
LONG_SHARE = 48  # of m n in m + n up to which packing would take longer
LARGEST_SHARED = 33554432  # bytes of the operand packed for all threads
SLOTS = 64  # blocks of scratch memory that are kept
PROBES = 4  # slots where a thread looks for one
STACK = 1048576  # bytes: the stacks of two threads are farther apart
PAGE = 4096
PARALLEL_WORK = 800000  # multiplications of a product from which on threads share it
LEAST_WORK = 400000  # of a part
LEAST_PACKED = 65536  # elements of a part of a packed operand
CAPACITY, ALLOCATED = 16, 8  # before the data of a block of scratch memory: how much it holds, and where it begins


class Kind(IntEnum):
    """Byte offsets in the record of a real type: sizes and the functions of ``tile_code``."""

    BYTES = 0
    ROWS = 8
    COLUMNS = 16
    TILE = 24
    WIDE = 32
    NARROW = 40
    STRAIGHT_A = 48
    EDGE_A = 56
    TURNED_A = 64
    STRAIGHT_B = 72
    EDGE_B = 80
    TURNED_B = 88
    STATE = 96
    TALL = 104  # rows of a tile of ``dot_tiles``, whose functions follow: of so many rows and of one, three each
    DOTS = 112
    SIZE = 160


class State(IntEnum):
    """Byte offsets of what all products share; the last two begin lists of ``SLOTS`` blocks of scratch memory."""

    LAUNCH = 0
    ALLOCATE = 8
    FREE = 16
    SCRATCH = 64
    SHARED = 576
    SIZE = 1088


class Job(IntEnum):
    """Byte offsets of a product's description; the first fields are in the order of the service's arguments."""

    FLAGS = 0
    M = 8
    N = 16
    K = 24
    A = 32
    LDA = 40
    B = 48
    LDB = 56
    C = 64
    LDC = 72
    BATCH = 80
    INNER = 88
    A_OUTER = 96
    A_INNER = 104
    B_OUTER = 112
    B_INNER = 120
    C_OUTER = 128
    C_INNER = 136
    KIND = 144
    BY_ROWS = 152
    PACKED = 160  # the operand that all threads read
    WIDTH = 168  # its elements for one k
    START = 176  # what of k the shared operand holds: from here
    STOP = 184
    FAILED = 192  # whether memory was missing
    SIZE = 200


class Block(IntEnum):
    """Byte offsets: where panels of A and B lie, elements from one k to the next, bytes from one panel to the next.

    ``A_ROW``: elements from one row of A to the next. ``SCRATCH``: where the operands may be packed.
    """

    A = 0
    A_STEP = 8
    A_PANEL = 16
    A_ROW = 24
    B = 32
    B_STEP = 40
    B_PANEL = 48
    SCRATCH = 56
    SIZE = 64
