"""What ``cuda_call_code`` reads: a table for each program of what calls look like that are known. Byte offsets."""

from __future__ import annotations

from enum import IntEnum, auto

from graphc.runtime.entry_layout import Fields

OWN_FIELDS = 7  # of a ``DeviceArray``, one behind the other, its address first


class Reads(IntEnum):
    """What is read of an input."""

    NOTHING = 0  # part of the program
    TENSOR = 1  # an array of a library with DLPack's table
    OWN = 2  # one of graphc's own
    NUMBER = 3  # the word in a Python float or a NumPy scalar
    INT = 4  # a Python int that fits


class Table(Fields):
    """``FRAME_*``: offsets in the memory of a call: what identifies it, then what is written into launches."""

    OWNER = auto()  # the object that all of this belongs to
    COUNT = auto()
    CALLS = auto()  # address of the addresses of so many calls
    INPUTS = auto()  # addresses
    INPUTS_END = auto()
    KEY_BYTES = auto()
    FRAME_MOVING = auto()
    FRAME_NUMBERS = auto()
    FRAME_RESULTS = auto()
    FRAME_BYTES = auto()
    DEVICE = auto()  # DLPack's kind and number
    DESCRIBE = auto()  # of ``dlpack_exchange``, or 0
    STREAM_OF = auto()
    CONTEXT = auto()  # or 0: there is none
    PUSH = auto()
    POP = auto()
    ACQUIRE = auto()  # the lock's methods
    RELEASE = auto()
    FALSE = auto()
    TRUE = auto()
    SET_ASIDE = auto()  # PyErr_Fetch and PyErr_Restore
    RAISE = auto()
    LIVE = auto()  # address of the program's version and stream
    SET_ATTRIBUTE = auto()
    LOADED = auto()
    ASKED = auto()  # the name of its attribute
    NEW_OBJECT = auto()  # PyType_GenericAlloc
    POP_ITEM = auto()  # of lists
    OWN_CLASS = auto()
    OWN_DEVICE = auto()  # of graphc's own arrays: ``on``
    OWN_ADDRESS = auto()  # offsets in these objects
    OWN_SHAPE = auto()
    OWN_DTYPE = auto()
    OWN_STREAM = auto()
    OWN_ON = auto()
    SIZE = auto()


class Input(Fields):
    READS = auto()
    TYPE = auto()
    MOVES = auto()  # 1: its address is written into a launch; 0: it identifies the call
    FORM = auto()  # TENSOR: the word of a DLTensor; OWN: the rank
    DTYPE = auto()  # OWN
    MASK = auto()  # NUMBER: its bits in the word
    FIRST_PENDING = auto()  # methods that must answer False, or 0
    SECOND_PENDING = auto()
    SIZE = auto()


class Call(Fields):
    """The words that identify it follow."""

    OWNER = auto()
    STREAM = auto()
    VERSION = auto()
    REPORT = auto()  # address of the word of a failed check, or 0
    HOST = auto()  # address of what computes numbers, or 0
    SIZES = auto()  # the object for the attribute ``ASKED``, or 0
    RESULTS = auto()  # addresses
    RESULTS_END = auto()
    WRITES = auto()
    WRITES_END = auto()
    FIXED = auto()
    FIXED_END = auto()
    REPEATS = auto()
    REPEATS_END = auto()
    KEY = auto()


class Host(Fields):
    """A program over single numbers, and what its driver is called with; all places stay."""

    DRIVER = auto()
    ARGUMENTS = auto()
    SYMBOLS = auto()
    ARENA = auto()
    TABLE = auto()
    SIZE = auto()


class Result(Fields):
    MAKER = auto()
    ARGUMENTS = auto()  # address of the objects
    COUNT = auto()
    TEMPLATE = auto()  # an array of graphc's own that differs in its address alone, or 0
    SPARE = auto()  # the list of addresses that the template's kind may have
    SIZE = auto()


class Write(Fields):
    """A word of the call's memory that goes to a launch."""

    SOURCE = auto()  # offset
    TARGET = auto()  # address
    SIZE = auto()


class Repeat(Fields):
    """Followed by the addresses of the results that the graph writes, of which ``FIXED`` has the offsets."""

    OWNER = auto()  # what is called where there is no block
    BLOCK = auto()  # of ``cuda_submit_code``, or 0
    SIZE = auto()
