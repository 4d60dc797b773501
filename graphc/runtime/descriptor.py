"""Writes an ``abi.EntryPlan`` as the block of words that the native entry reads (``entry_layout``)."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CellType
from typing import Any

import numpy as np

from graphc.abi import ANY_LENGTH, Build, Check, Code, EntryPlan, LeafKind, Step
from graphc.runtime.array_fields import array_parts
from graphc.runtime.entry_layout import SCAN, SLOT_BYTES, Form, Frame, Head, InputField
from graphc.runtime.object_layout import numpy_functions
from graphc.runtime.plan_rules import COMPARED_BY_BITS, builtin_dtype, expected_type
from graphc.runtime.workspace import Workspace

OUT_NAME = "out"
_NO_SLOT = 0
_PYTHON_FUNCTIONS = {
    Head.INCREF: "Py_IncRef",
    Head.DECREF: "Py_DecRef",
    Head.DICT_GET: "PyDict_GetItemWithError",
    Head.DICT_NEXT: "PyDict_Next",
    Head.DICT_COPY: "PyDict_Copy",
    Head.DICT_SET: "PyDict_SetItem",
    Head.TUPLE_GET: "PyTuple_GetItem",
    Head.TUPLE_NEW: "PyTuple_New",
    Head.LIST_GET: "PyList_GetItem",
    Head.LIST_OF: "PySequence_List",
    Head.LIST_NEW: "PyList_New",
    Head.LIST_SET: "PyList_SetItem",
    Head.CELL_GET: "PyCell_Get",
    Head.CODE_GET: "PyFunction_GetCode",
    Head.GET_ATTRIBUTE: "PyObject_GetAttr",
    Head.COMPARE: "PyObject_RichCompareBool",
    Head.AS_INT64: "PyLong_AsLongLongAndOverflow",
    Head.FROM_INT64: "PyLong_FromLongLong",
    Head.VECTORCALL: "PyObject_Vectorcall",
    Head.ERROR_OCCURRED: "PyErr_Occurred",
    Head.ERROR_MATCHES: "PyErr_ExceptionMatches",
    Head.ERROR_CLEAR: "PyErr_Clear",
    Head.NO_MEMORY: "PyErr_NoMemory",
    Head.SAVE_THREAD: "PyEval_SaveThread",
    Head.RESTORE_THREAD: "PyEval_RestoreThread",
    Head.RAW_MALLOC: "PyMem_RawMalloc",
    Head.RAW_FREE: "PyMem_RawFree",
}
_TYPES: dict[Head, type] = {
    Head.EXCEPTION_TYPE: Exception,
    Head.ARRAY_TYPE: np.ndarray,
    Head.CELL_TYPE: CellType,
    Head.DICT_TYPE: dict,
    Head.TUPLE_TYPE: tuple,
    Head.STR_TYPE: str,
    Head.INT_TYPE: int,
    Head.SET_TYPE: set,
    Head.FROZENSET_TYPE: frozenset,
}


class Descriptor(np.ndarray):
    """The words of one plan, and the objects that they point to."""

    __slots__ = ("kept",)
    kept: list[Any]


@lru_cache(maxsize=1)
def _process_fields() -> dict[Head, int]:
    """The fields that are the same in every descriptor of this process."""
    addresses = {
        head: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
        for head, name in _PYTHON_FUNCTIONS.items()
    }
    of_numpy = (Head.NEW_ARRAY, Head.NEW_SCALAR, Head.COPY_ARRAY, Head.NEW_COPY)
    addresses |= dict(zip(of_numpy, numpy_functions(), strict=True))
    made_of = (Head.NEW_OBJECT, Head.DATA_HANDLER, Head.DATA_CONTEXT, Head.DATA_MALLOC, Head.DATA_FREE)
    addresses |= dict(zip(made_of, array_parts(), strict=True))
    return addresses | {head: id(type_) for head, type_ in _TYPES.items()}


def encode(plan: EntryPlan, objects: dict[Head, Any], addresses: dict[Head, int], workspace: Workspace) -> Descriptor:
    """Write the descriptor of a valid plan.

    Args:
        plan: the plan.
        objects: FALLBACK and ON_STATUS, kept alive by the descriptor.
        addresses: DRIVER, TABLE and RELEASE_WORK.
        workspace: where the arena lives.
    """
    encoder = _Encoder(plan)
    encoder.head |= _process_fields() | addresses
    encoder.head[Head.WORKSPACE] = workspace.fields.ctypes.data
    kept = {Head.GROW: workspace.grow, Head.NONE: None, Head.KEYWORDS: plan.keywords, Head.OUT_NAME: OUT_NAME}
    for head, item in {**objects, **kept}.items():
        encoder.head[head] = encoder.keep(item)
    encoder.kept += [plan, workspace]
    return encoder.finish()


class _Encoder:
    def __init__(self, plan: EntryPlan) -> None:
        self.plan = plan
        self.kept: list[Any] = []
        self.head: dict[Head, int] = {}
        self.words: list[int] = [0] * (Head.SIZE // 8)
        self.slots = 0  # scalars so far
        self.conditions: list[tuple[int, int, tuple[int, ...]]] = []  # subject, axis and expression of each dim check
        self.plan_frame()

    def keep(self, item: Any) -> int:
        """The address of an object, which the descriptor keeps alive."""
        self.kept.append(item)
        return id(item)

    def plan_frame(self) -> None:
        """Lay out a call's frame: the parts in this order, each a number of bytes."""
        plan = self.plan
        ranks = [len(output.dims) for output in plan.outputs]
        scalars = sum(leaf.kind is not LeafKind.ARRAY for leaf in plan.inputs) + ranks.count(0)
        steps = len(plan.steps) + (len(plan.out.steps) if plan.out else 0)
        self.place = int(Frame.OBJECTS)
        self.part(8 * steps)
        self.head[Head.FRAME_HELD] = self.part(8 * (steps + len(plan.inputs)))  # objects, and copies of strided arrays
        self.head[Head.FRAME_SYMBOLS] = self.part(8 * plan.nsymbols)
        self.head[Head.FRAME_ARGUMENTS] = self.part(8 * len(plan.inputs))
        self.head[Head.FRAME_OUTPUT_ARGUMENTS] = self.part(8 * len(plan.outputs))
        self.head[Head.FRAME_OUTPUTS] = self.part(8 * len(plan.outputs))
        self.head[Head.FRAME_OUTPUTS_END] = self.place
        self.head[Head.FRAME_GIVEN] = self.part(8 * len(plan.outputs))
        self.head[Head.FRAME_STAGED] = self.part(8 * len(plan.outputs))
        self.head[Head.FRAME_EXTENTS] = self.part(16 * (len(plan.inputs) + len(plan.outputs)))
        self.head[Head.FRAME_SHAPE] = self.part(8 * max(ranks, default=0))
        self.head[Head.FRAME_STACK] = self.part(8 * max(len(plan.result), plan.nsymbols + 1))
        self.place += self.place % SLOT_BYTES
        self.first_slot = self.part(SLOT_BYTES * scalars)
        self.head[Head.FRAME_BYTES] = self.place

    def part(self, size: int) -> int:
        start = self.place
        self.place += size
        return start

    def slot(self) -> int:
        self.slots += 1
        return self.first_slot + SLOT_BYTES * (self.slots - 1)

    def finish(self) -> Descriptor:
        plan = self.plan
        self.head[Head.NARGS] = plan.nargs
        self.head[Head.NSYMBOLS] = plan.nsymbols
        self.head[Head.TAKES_OUT] = int(plan.out is not None)
        self.head[Head.ARENA_FORM], self.head[Head.ARENA_OPERAND] = self.expression(plan.arena_bytes)
        self.head[Head.WORK_FORM], self.head[Head.WORK_OPERAND] = self.expression(plan.work)
        self.reach(plan.steps, plan.checks, Head.STEPS, 0)
        if plan.out is not None:
            self.reach(plan.out.steps, plan.out.checks, Head.OUT_STEPS, len(plan.steps))
        self.section(Head.INPUTS, Head.INPUTS_END, self.inputs())
        self.section(Head.DIMS, Head.DIMS_END, ([*c[:2], *self.expression(c[2])] for c in self.conditions))
        self.section(Head.GUARDS, Head.GUARDS_END, ([rel, *self.expression(code)] for rel, code in plan.guards))
        self.section(Head.OUTPUTS, Head.OUTPUTS_END, self.outputs())
        self.section(Head.RESULT, Head.RESULT_END, map(self.build, plan.result))
        for head, word in self.head.items():
            self.words[head // 8] = word
        descriptor = np.array(self.words, np.int64).view(Descriptor)
        descriptor.kept = self.kept
        descriptor.flags.writeable = False
        return descriptor

    def append(self, words: Iterable[int]) -> int:
        """Add words; their offset."""
        start = 8 * len(self.words)
        self.words += words
        return start

    def section(self, start: Head, end: Head, records: Iterable[list[int]]) -> None:
        """Records are made first: making one may append what it points to."""
        words = [word for record in list(records) for word in record]
        self.head[start] = self.append(words)
        self.head[end] = 8 * len(self.words)

    def expression(self, code: tuple[int, ...]) -> list[int]:
        match code:
            case (Code.CONST, constant):
                return [Form.CONST, constant]
            case (Code.SYMBOL, symbol):
                return [Form.SYMBOL, 8 * symbol]
        words, position = [8 * (len(code) + 1)], 0
        while position < len(code):
            op = code[position]
            words.append(op)
            if op in (Code.CONST, Code.SYMBOL):
                position += 1
                words.append(code[position] * (8 if op == Code.SYMBOL else 1))
            position += 1
        return [Form.CODE, self.append(words)]

    def reach(self, steps: Sequence[tuple], checks: Sequence[tuple], section: Head, first: int) -> None:
        """Write steps and checks, in two sections that follow each other; the frame has them from ``first`` on."""
        scans = _scans(steps, checks)
        records: list[list[int]] = []
        for index, step in enumerate(steps):
            scan = scans.get(step[1]) if step[0] == Step.DICT_ITEM else None
            if scan is None or index not in scan.items.values():
                records.append([*self.step(step, first), _object_place(first + index)])
            elif index == min(scan.items.values()):
                records.append([SCAN, _object_place(first + step[1]), self.scan_table(scan, first), 0])
        self.section(section, Head(section + 8), records)
        kept = [check for check in checks if check[1] not in scans or check[0] not in (Check.KEYS, Check.TYPE_LEN)]
        self.section(Head(section + 16), Head(section + 24), [self.check(check, first) for check in kept])

    def scan_table(self, scan: _Scan, first: int) -> int:
        words = [len(scan.keys)]
        for key in scan.keys:
            words += [self.keep(key), _object_place(first + scan.items[key]) if key in scan.items else 0]
        return self.append(words)

    def step(self, step: tuple, first: int) -> list[int]:
        match step:
            case (Step.ARG, k):
                return [Step.ARG, 8 * k, 0]
            case (Step.CONST, item):
                return [Step.CONST, self.keep(item), 0]
            case (Step.SEQ_ITEM, parent, index):
                return [Step.SEQ_ITEM, _object_place(first + parent), index]
            case (Step.CELL, parent):
                return [Step.CELL, _object_place(first + parent), 0]
            case (Step.APPLY, function, argument):
                return [Step.APPLY, _object_place(first + argument), _object_place(first + function)]
            case (op, parent, key):
                return [op, _object_place(first + parent), self.keep(key)]
        raise ValueError(f"no access step: {step!r}")

    def check(self, check: tuple, first: int) -> list[int]:
        op, step, expected, *rest = check
        length = rest[0] if op == Check.TYPE_LEN else ANY_LENGTH
        mask = _float_mask(expected) if op == Check.EQUAL else 0
        return [op, _object_place(first + step), self.keep(expected), length, mask]

    def inputs(self) -> Iterable[list[int]]:
        bound: set[int] = set()
        for leaf in self.plan.inputs:
            dtype = builtin_dtype(leaf.dtype)
            is_array = leaf.kind is LeafKind.ARRAY
            slot = _NO_SLOT if is_array else self.slot()
            place = _object_place(leaf.step) if is_array else slot
            bindings = []
            for axis, symbol in leaf.binds:
                if symbol in bound:  # the first binding defines a symbol, each further one must agree
                    self.conditions.append((place, 8 * axis, (Code.SYMBOL, symbol)))
                else:
                    bindings += [8 * axis, 8 * symbol]
                    bound.add(symbol)
            self.conditions += [(place, 8 * axis, code) for axis, code in leaf.checks]
            record = {
                InputField.KIND: leaf.kind,
                InputField.SUBJECT: _object_place(leaf.step),
                InputField.TYPE: self.keep(expected_type(leaf)),
                InputField.DTYPE: self.keep(dtype),
                InputField.RANK: leaf.rank,
                InputField.SLOT: slot,
                InputField.BYTES: dtype.itemsize,
                InputField.BINDINGS: len(bindings) // 2,
            }
            yield [*record.values(), *bindings]

    def outputs(self) -> Iterable[list[int]]:
        for k, output in enumerate(self.plan.outputs):
            slot = _NO_SLOT if output.dims else self.slot()
            dtype = builtin_dtype(output.dtype)
            shape = 16 * (len(output.dims) + k % 4)  # malloc has few pieces of one size at hand: neighbours differ
            words = [self.keep(dtype), len(output.dims), slot, self.target(k), dtype.itemsize, shape]
            for code in output.dims:
                words += self.expression(code)
            yield words

    def target(self, output: int) -> int:
        """Where in the frame the array is that a call gives for this output; 0 where it gives none."""
        out = self.plan.out
        step = None if out is None else out.targets[output]
        return 0 if step is None else _object_place(len(self.plan.steps) + step)

    def build(self, step: tuple) -> list[int]:
        match step:
            case (Build.LEAF, k):
                return [Build.LEAF, self.head[Head.FRAME_OUTPUTS] + 8 * k, 0, 0]
            case (Build.NONE,):
                return [Build.NONE, id(None), 0, 0]
            case (Build.TUPLE | Build.LIST as op, count):
                return [op, 0, count, 0]
            case (Build.DICT, keys):
                template = dict.fromkeys(keys)
                return [Build.DICT, self.keep(template), len(keys), self.append(self.keep(key) for key in keys)]
            case (Build.CALL, function, count):
                return [Build.CALL, self.keep(function), count, 0]
        raise ValueError(f"no build step: {step!r}")


@dataclass(frozen=True)
class _Scan:
    """A plain dict whose keys are checked: ``items`` leads from a key to the step that fetches its item."""

    keys: tuple
    items: dict[Any, int]


def _scans(steps: Sequence[tuple], checks: Sequence[tuple]) -> dict[int, _Scan]:
    """The dicts that one pass checks and takes the items from, by the step that leads to them."""
    plain = {check[1] for check in checks if check[:1] + check[2:] == (Check.TYPE_LEN, dict, ANY_LENGTH)}
    scans: dict[int, _Scan] = {}
    for check in checks:
        if check[0] == Check.KEYS and check[1] in plain:
            items: dict[Any, int] = {}
            for index, step in enumerate(steps):
                if step[:2] == (Step.DICT_ITEM, check[1]) and step[2] in check[2]:
                    items.setdefault(step[2], index)
            if items:
                scans[check[1]] = _Scan(check[2], items)
    return scans


def _float_mask(item: Any) -> int:
    """The bits of the word at ``Offset.VALUE`` that a float's value takes; 0 for other objects."""
    if type(item) not in COMPARED_BY_BITS:
        return 0
    bits = 64 if type(item) is float else 8 * item.itemsize
    return -1 if bits == 64 else (1 << bits) - 1


def _object_place(step: int) -> int:
    return Frame.OBJECTS + 8 * step
