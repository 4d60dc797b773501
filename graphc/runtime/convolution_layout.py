"""What the code of convolutions (``convolution_code``, ``convolution_weights``) agrees on: sizes and records."""

from __future__ import annotations

from enum import IntEnum

TAPS = 256  # weights of a result that are summed at a time, for as many whole channels as have no more
POSITIONS = 1024  # of a result, about so many that are computed from one block of rows of the source
RESULTS = 64  # channels of a result that are computed from it
CHANNELS = 16  # of a source, in the weight's gradient: those whose weights are computed together
PARTS = 16  # parts of a weight's gradient that are computed apart, and summed
BYTES_OF_PARTS = 16777216  # that these may take
CLOSE_BYTES = 40960  # of a source and a gradient that stay in the first level of cache
BYTES_OF_CHUNK = 1048576  # and in the second
FEW_UNITS = 8  # with fewer, rows are divided further, so that threads have something to share
PARALLEL_WORK = 800000  # multiplications from which on threads share a convolution
LEAST_WORK = 400000  # of a part
SUMMED = 4096  # elements of a part of a sum


class Kind(IntEnum):
    """Byte offsets in the record of a real type: sizes and the functions of ``convolution_tiles``."""

    BYTES = 0
    LANES = 8
    WIDE = 16  # channels of the largest tile
    TALL = 24  # rows of a gradient of the largest tile of weights
    SPREAD = 32  # the tiles of a result: three for each number of channels, from 1 to WIDE in powers of two
    COLLECT = 128  # the tiles of weights: three for each number of rows, from 1 to TALL in powers of two
    LAY = 200
    CLEAR = 208
    PICK = 216
    PUT = 224
    SUM = 232
    FINITE = 240
    MASKED = 248  # the tile of one weight that reads under masks
    STATE = 256
    SIZE = 264


class Axis(IntEnum):
    """Byte offsets of one spatial axis as it comes: sizes of source, kernel and result, and the three numbers."""

    SOURCE = 0
    KERNEL = 8
    RESULT = 16
    STRIDE = 24
    PADDING = 32
    DILATION = 40
    SIZE = 48


class Plan(IntEnum):
    """Byte offsets of an axis as it is computed.

    What is read is laid out in ``STEP`` phases: place p of phase f holds what stands at ``STEP * p + f - LEAD``, or
    zero. The result at ``OUT_STEP * j + r - OUT_LEAD`` (phase r of the results) reads places from j to ``j + REACH``.
    """

    READ = 0  # size of what is read
    STEP = 8
    LEAD = 16
    MADE = 24  # size of what is made
    OUT_STEP = 32
    OUT_LEAD = 40
    REACH = 48
    COUNT = 56  # of the j
    BACKWARDS = 64  # whether it is the gradient by the source
    SIZE = 72


class Job(IntEnum):
    """Byte offsets of a convolution's description; the first fields are in the order of the service's arguments."""

    FLAGS = 0
    BATCH = 8
    N = 16
    GROUPS = 24
    C = 32  # channels of a source, in a group
    K = 40  # channels of a result, in a group
    HEIGHT = 48  # an Axis
    WIDTH = 96
    X = 144
    WEIGHT = 152
    Y = 160
    BIAS = 168
    KIND = 176
    FAILED = 184
    ROWS = 192  # a Plan
    COLUMNS = 264
    READ = 336  # address of what is read, MADE that of what is made
    MADE = 344
    INPUTS = 352  # channels that are read, OUTPUTS those that are made, in a group
    OUTPUTS = 360
    BY_INPUT = 368  # elements of the weight from one of them to the next
    BY_OUTPUT = 376
    BLOCK = 384  # channels that are summed at a time
    PITCH = 392  # places from one row to the next
    BAND = 400  # rows of j that are computed together
    BANDS = 408
    SHARES = 416  # blocks of channels that are made
    PLANE = 424  # places of a channel
    TAPS = 432  # of a kernel
    TABLES = 440  # address of the phases' tables
    PARTS = 448  # address of parts of a weight's gradient
    SPLITS = 456  # their number
    CHUNKS = 464  # bands of all examples
    EACH = 472  # of them, in a part
    TOGETHER = 480  # of them, at a time
    STRIP = 488  # places of a channel of a result's gradient
    SIZE = 496


class Table(IntEnum):
    """Byte offsets in the record of a phase of the results: how many taps it has, where it reads, its weights."""

    COUNT = 0
    PLACES = 8
    PACKED = 16
    SIZE = 24


class Part(IntEnum):
    """Byte offsets: which results are computed from what is laid out, and where that is."""

    SOURCE = 0
    TILE = 8
    PIECES = 16
    ZERO = 24  # a zero
    EXAMPLE = 32  # and group: a group of one example after another
    FIRST = 40  # channel that is made
    CHANNEL = 48  # the first that is read, and how many
    CHANNELS = 56
    BAND = 64  # rows from here to the end
    END = 72
    TABLE = 80  # of the phase, whose j run from TOP to BOTTOM and from LEFT to RIGHT
    TOP = 88
    BOTTOM = 96
    LEFT = 104
    RIGHT = 112
    DOWN = 120  # what a j times the step lacks to the place of the result
    ACROSS = 128
    SIZE = 136
