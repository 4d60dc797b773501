"""The native entry's data: a descriptor for each plan, and a frame for each call. Byte offsets, every field one word.

``descriptor`` writes descriptors, ``entry_program`` reads them. An expression is two words, a form and its operand.
"""

from __future__ import annotations

from enum import IntEnum, auto


class Fields(IntEnum):
    """Consecutive 8-byte fields."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:
        return 8 * count


class Form(IntEnum):
    """What an expression's operand is."""

    CONST = 0  # the value
    SYMBOL = 1  # byte offset among the symbols
    CODE = 2  # byte offset of bytecode in the descriptor, whose first word is its size


class Head(Fields):
    """The start of a descriptor. *_END and plain names of sections are offsets in the descriptor."""

    # functions of the Python and NumPy C API
    INCREF = auto()
    DECREF = auto()
    DICT_GET = auto()
    DICT_NEXT = auto()
    DICT_COPY = auto()
    DICT_SET = auto()
    TUPLE_GET = auto()
    TUPLE_NEW = auto()
    LIST_GET = auto()
    LIST_OF = auto()
    LIST_NEW = auto()
    LIST_SET = auto()
    CELL_GET = auto()
    CODE_GET = auto()
    GET_ATTRIBUTE = auto()
    COMPARE = auto()
    AS_INT64 = auto()
    FROM_INT64 = auto()
    VECTORCALL = auto()
    ERROR_OCCURRED = auto()
    ERROR_MATCHES = auto()
    ERROR_CLEAR = auto()
    NO_MEMORY = auto()
    SAVE_THREAD = auto()
    RESTORE_THREAD = auto()
    RAW_MALLOC = auto()
    RAW_FREE = auto()
    NEW_ARRAY = auto()
    NEW_SCALAR = auto()
    COPY_ARRAY = auto()
    NEW_COPY = auto()
    # what makes small arrays, see ``array_fields``
    NEW_OBJECT = auto()  # or 0
    DATA_HANDLER = auto()
    DATA_CONTEXT = auto()
    DATA_MALLOC = auto()
    DATA_FREE = auto()
    # objects
    EXCEPTION_TYPE = auto()
    ARRAY_TYPE = auto()
    CELL_TYPE = auto()
    DICT_TYPE = auto()
    TUPLE_TYPE = auto()
    STR_TYPE = auto()
    INT_TYPE = auto()
    SET_TYPE = auto()
    FROZENSET_TYPE = auto()
    NONE = auto()
    KEYWORDS = auto()  # a tuple of str
    OUT_NAME = auto()
    FALLBACK = auto()
    ON_STATUS = auto()
    GROW = auto()
    # the program
    DRIVER = auto()
    TABLE = auto()
    WORKSPACE = auto()  # address of a Workspace's fields
    POOL = auto()  # address of the pool's fields, or 0
    RELEASE_WORK = auto()  # the GIL is released from this much work on
    # the plan
    NARGS = auto()
    TAKES_OUT = auto()  # 1 or 0
    NSYMBOLS = auto()
    ARENA_FORM = auto()
    ARENA_OPERAND = auto()
    WORK_FORM = auto()
    WORK_OPERAND = auto()
    STEPS = auto()
    STEPS_END = auto()
    CHECKS = auto()
    CHECKS_END = auto()
    INPUTS = auto()
    INPUTS_END = auto()
    DIMS = auto()
    DIMS_END = auto()
    GUARDS = auto()
    GUARDS_END = auto()
    OUTPUTS = auto()
    OUTPUTS_END = auto()
    RESULT = auto()
    RESULT_END = auto()
    OUT_STEPS = auto()
    OUT_STEPS_END = auto()
    OUT_CHECKS = auto()
    OUT_CHECKS_END = auto()
    # the frame: offsets of its parts
    FRAME_BYTES = auto()
    FRAME_HELD = auto()
    FRAME_SYMBOLS = auto()
    FRAME_ARGUMENTS = auto()
    FRAME_OUTPUT_ARGUMENTS = auto()
    FRAME_OUTPUTS = auto()
    FRAME_OUTPUTS_END = auto()
    FRAME_GIVEN = auto()  # for each output the array that ``out`` gives, or 0
    FRAME_STAGED = auto()  # for each output whether the driver writes elsewhere first
    FRAME_EXTENTS = auto()  # start and end of each input's and each given array's memory
    FRAME_SHAPE = auto()
    FRAME_STACK = auto()
    SIZE = auto()


SCAN = 100  # a step of the descriptor alone: all items of a dict whose keys are known, in one pass


class StepField(Fields):
    OP = auto()
    OPERAND = auto()  # ARG: offset among the arguments; CONST: the object; else: the parent's offset in the frame
    KEY = auto()  # SCAN: offset of its table in the descriptor
    PLACE = auto()  # where the object goes: offset in the frame
    SIZE = auto()


class ScanField(Fields):
    """The table of a SCAN: the number of keys, then for each key in order the object and a place in the frame, or 0."""

    COUNT = auto()
    SIZE = auto()


class CheckField(Fields):
    OP = auto()
    SUBJECT = auto()  # offset in the frame
    EXPECTED = auto()
    LENGTH = auto()  # negative: any
    MASK = auto()  # EQUAL: the bits of a float's first word that must be the same, or 0 for any other object
    SIZE = auto()


class InputField(Fields):
    """Followed by its bindings: pairs (offset among the dims, offset among the symbols)."""

    KIND = auto()
    SUBJECT = auto()  # offset in the frame
    TYPE = auto()
    DTYPE = auto()
    RANK = auto()
    SLOT = auto()  # a scalar's offset in the frame
    BYTES = auto()  # of one element
    BINDINGS = auto()  # how many
    SIZE = auto()


class DimField(Fields):
    """One dim, or the value of an INT leaf, that must equal an expression."""

    SUBJECT = auto()  # offset of the array, or of the scalar, in the frame
    AXIS = auto()  # offset among the dims; negative: the scalar
    FORM = auto()
    OPERAND = auto()
    SIZE = auto()


class GuardField(Fields):
    RELATION = auto()
    FORM = auto()
    OPERAND = auto()
    SIZE = auto()


class OutputField(Fields):
    """Followed by one expression an axis."""

    DTYPE = auto()
    RANK = auto()
    SLOT = auto()  # a scalar's offset in the frame
    TARGET = auto()  # offset in the frame of the array that ``out`` gives, or 0
    BYTES = auto()  # of one element
    SHAPE_BYTES = auto()  # for a new array's shape and strides, at least
    SIZE = auto()


class BuildField(Fields):
    OP = auto()
    OPERAND = auto()  # LEAF: offset in the frame; NONE, CALL: the object; DICT: a template to copy
    COUNT = auto()
    KEYS = auto()  # DICT: offset of the keys' addresses in the descriptor
    SIZE = auto()


class WorkspaceField(Fields):
    BUSY = auto()
    ADDRESS = auto()
    CAPACITY = auto()
    SIZE = auto()


class PoolField(Fields):
    """The state of the pool of memory; the kept blocks' addresses follow, those given back the longest ago first."""

    LIMIT = auto()  # bytes to keep at most
    KEPT = auto()  # bytes kept
    COUNT = auto()  # blocks kept
    MALLOC = auto()
    FREE = auto()
    ADVISE = auto()  # madvise, or 0
    HANDLER = auto()  # the capsule of NumPy's handler
    SIZE = auto()


POOL_SLOTS = 32


class BlockField(Fields):
    """In front of a block's data."""

    ALLOCATED = auto()  # what malloc gave
    CAPACITY = auto()
    SIZE = auto()


class Frame(Fields):
    """The start of a frame; the objects of the steps follow. The descriptor holds the offsets of all further parts."""

    HELD_END = auto()  # the references to give back end here
    OUT = auto()  # whether the call gives arrays to write to
    STRIDED = auto()  # whether an array must be copied to be contiguous
    ARENA = auto()
    POOLED = auto()  # memory to give back to the pool after the call, or 0
    TEMPORARY = auto()  # memory to free after the call, or 0
    LOCKED = auto()  # the workspace to unlock after the call, or 0
    STATUS = auto()  # the driver's result
    EXCEPTION = auto()  # where Numba would put an exception; drivers raise none
    OBJECTS = auto()


SLOT_BYTES = 16  # room for one scalar, up to complex128
DEEPEST_CODE = 32  # values on the stack of a dim expression
LARGEST_STACK_FRAME = 32768  # a larger frame comes from malloc
