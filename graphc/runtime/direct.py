"""Programs that other compiled code calls: no Python object is touched and the GIL plays no part.

A caller gives the sizes of what it passes and addresses; generated code, a few lines a program, checks the sizes as the
native entry does, binds the symbols, finds memory for the arena and calls the driver. A *site* is a list of such
programs, and may make a new one (through Python) where none serves the sizes at hand.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from graphc.abi import ALIGNMENT, OUT_OF_MEMORY, Code, EntryPlan, InputLeaf, LeafKind, Relation
from graphc.runtime import cache, native
from graphc.runtime.direct_layout import LARGEST_STACK_ARENA, RecordField, SiteField

_RESOLVE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.POINTER(ctypes.c_int64))
_NOTICE = ctypes.CFUNCTYPE(None, ctypes.c_int64)


class Record:
    """One program. ``sources``: for each input the place of its address among the caller's arguments, or (from -1
    downwards) that of the hidden one; ``hidden``: arrays and numbers that stay as they are now.

    ``hand_on`` names another record, which serves the calls at which this one stops.
    """

    def __init__(
        self, plan: EntryPlan, driver: int, table: int, sources: Sequence[int], hidden: Sequence[Any], keepalive: object
    ):
        self.hidden = [np.array(item, order="C") for item in hidden]
        prepare, run = _addresses(direct_source(plan, sources, [array.shape for array in self.hidden]))
        self.words = np.zeros(RecordField.HIDDEN // 8 + len(hidden), np.int64)
        self.address: int = self.words.ctypes.data
        values = {
            RecordField.PREPARE: prepare,
            RecordField.RUN: run,
            RecordField.DRIVER: driver,
            RecordField.TABLE: table,
            RecordField.MALLOC: _c_address("PyMem_RawMalloc"),
            RecordField.FREE: _c_address("PyMem_RawFree"),
        }
        for place, word in values.items():
            self.words[place // 8] = word
        for number, array in enumerate(self.hidden):
            self.words[RecordField.HIDDEN // 8 + number] = array.ctypes.data
        self.keepalive = keepalive

    def hand_on(self, other: Record, notice: Callable[[int], None] | None = None) -> None:
        """Calls at which this one stops are served by the other; ``notice`` is told the status, in threads of Python's.

        Both must take the same arguments.
        """
        self.other = other
        self.words[RecordField.OTHER // 8] = other.address
        if notice is not None:
            self.notice = _NOTICE(notice)
            self.words[RecordField.NOTICE // 8] = ctypes.cast(self.notice, ctypes.c_void_p).value or 0
            self.words[RecordField.KNOWN_THREAD // 8] = _c_address("PyGILState_GetThisThreadState")


class Site:
    """Where compiled code calls a function with one signature. It is never freed: code that holds its address may run.

    ``resolve(sizes)`` is called, with the GIL, for sizes that no record serves; it may ``add`` one, and says whether
    it did.
    """

    def __init__(self, count: int, resolve: Callable[[list[int]], bool] | None):
        self.words = np.zeros(SiteField.SIZE // 8, np.int64)
        self.address: int = self.words.ctypes.data
        self.records: list[Record] = []
        if resolve is not None:
            self._callback = _RESOLVE(lambda sizes: int(resolve(sizes[:count])))
            self.words[SiteField.RESOLVE // 8] = ctypes.cast(self._callback, ctypes.c_void_p).value or 0
            self.words[SiteField.KNOWN_THREAD // 8] = _c_address("PyGILState_GetThisThreadState")
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))

    def add(self, record: Record) -> None:
        """Put the program in front of the others."""
        record.words[RecordField.NEXT // 8] = self.words[SiteField.FIRST // 8]
        self.records.append(record)
        self.words[SiteField.FIRST // 8] = record.address


@lru_cache(maxsize=1)
def find_address() -> int:
    """Address (int) of ``find(site, sizes, dims)``: the record of a program that serves these sizes, or 0."""
    from graphc.runtime import direct_code
    from graphc.runtime.machine_code import compile_text, llvm_text

    entry = cache.get("runtime", "find")
    data = compile_text(llvm_text([direct_code], ("graphc_find",))) if entry is None else entry.data
    if entry is None:
        cache.put("runtime", "find", data)
    return native.load_object(data, ["graphc_find"])["graphc_find"]


def _addresses(source: str) -> list[int]:
    """The functions ``prepare`` and ``run`` of a generated source: loaded already, kept on disk, or compiled now."""
    key = cache.content_key(source)
    names = [f"graphc_prepare_{key}", f"graphc_run_{key}"]
    known = [native.loaded_address(name) for name in names]
    if None not in known:
        return [address for address in known if address is not None]
    entry = cache.get("direct", key)
    if entry is None:
        from graphc.runtime.machine_code import compile_text

        data = compile_text(direct_ir(source, names))
        cache.put("direct", key, data)
    else:
        data = entry.data
    return list(native.load_object(data, names).values())


def direct_ir(source: str, names: Sequence[str]) -> str:
    """Textual LLVM IR (str) of the functions ``prepare`` and ``run`` of a source, under these names."""
    from graphc.runtime import direct_code, entry_expressions
    from graphc.runtime.machine_code import llvm_text

    for short, name in zip(("prepare", "run"), names, strict=True):
        source = source.replace(f"def {short}(", f"def {name}(")
    return llvm_text([direct_code, entry_expressions], tuple(names), source)


def direct_source(plan: EntryPlan, sources: Sequence[int], hidden: Sequence[tuple[int, ...]]) -> str:
    """The functions ``prepare(sizes, dims)`` and ``run(record, sizes, arguments)`` (str), in restricted Python.

    Args: plan: its inputs, guards, outputs, arena. sources: see ``Record``. hidden: the shapes of hidden inputs.
    ``sizes`` holds, in the order of the caller's arguments, the shape of each array and the value of each int;
    ``arguments`` the addresses of the arguments and then of the outputs.
    """
    binds, conditions = _bindings(plan, _sizes(plan.inputs, sources, hidden))
    lines = ["def prepare(sizes, dims):", *binds]
    lines += [f"if {left} != {right}: return 0" for left, right in conditions]
    comparisons = {Relation.EQ: "!=", Relation.NE: "==", Relation.GE: "<"}
    lines += [f"if {expression(code)} {comparisons[relation]} 0: return 0" for relation, code in plan.guards]
    dims = [code for output in plan.outputs for code in output.dims]
    lines += [f"store(dims + {8 * k}, {expression(code)})" for k, code in enumerate(dims)]
    lines += ["return 1"]
    return "\n    ".join(lines) + "\n\n" + "\n    ".join(_run_lines(plan, sources, binds)) + "\n"


def _run_lines(plan: EntryPlan, sources: Sequence[int], binds: Sequence[str]) -> list[str]:
    inputs, arguments = len(plan.inputs), sum(source >= 0 for source in sources)
    lines = ["def run(record, sizes, arguments):", *binds]
    lines += [f"args = stack({8 * (inputs + len(plan.outputs) + 1)})", f"symbols = stack({8 * (plan.nsymbols + 1)})"]
    for position, source in enumerate(sources):
        hidden = f"record + {RecordField.HIDDEN + 8 * (-1 - source)}"
        lines.append(f"store(args + {8 * position}, load({hidden if source < 0 else f'arguments + {8 * source}'}))")
    for position in range(len(plan.outputs)):
        place = f"arguments + {8 * (arguments + position)}"
        lines.append(f"store(args + {8 * (inputs + position)}, load({place}))")
    bound = {symbol for leaf in plan.inputs for _, symbol in leaf.binds}
    lines += [f"store(symbols + {8 * k}, {f's{k}' if k in bound else 0})" for k in range(plan.nsymbols)]
    lines += ["status = stack(16)", "store(status, 0)", f"size = {expression(plan.arena_bytes)}"]
    lines += ["kept = 0", f"if size > {LARGEST_STACK_ARENA}:", "    kept = take_arena(record, size)"]
    lines += [f"    if kept == 0: return {OUT_OF_MEMORY}", "    arena = kept", "else:"]
    lines += [f"    arena = (stack(size + {ALIGNMENT}) + {ALIGNMENT - 1}) & -{ALIGNMENT}"]
    driver, table = f"load(record + {int(RecordField.DRIVER)})", f"load(record + {int(RecordField.TABLE)})"
    lines += [f"code = call_int({driver}, status, status + 8, args, symbols, arena, {table})"]
    lines += ["if kept: keep_arena(record, kept)", "if code == 0: code = load(status)"]
    lines += ["if code != 0: return hand_on(record, code, sizes, arguments)", "return 0"]
    return lines


def _sizes(
    inputs: Sequence[InputLeaf], sources: Sequence[int], hidden: Sequence[tuple[int, ...]]
) -> list[tuple[str, ...]]:
    """The sizes of each input, as expressions."""
    sizes: list[tuple[str, ...]] = [()] * len(inputs)
    start = 0
    for position in sorted(range(len(inputs)), key=lambda k: sources[k]):
        leaf, source = inputs[position], sources[position]
        if source < 0:
            sizes[position] = tuple(f"({size})" for size in hidden[-1 - source])
            continue
        count = leaf.rank if leaf.kind is LeafKind.ARRAY else int(leaf.kind is LeafKind.INT)
        sizes[position] = tuple(f"load(sizes + {8 * (start + k)})" for k in range(count))
        start += count
    return sizes


def _bindings(plan: EntryPlan, sizes: Sequence[tuple[str, ...]]) -> tuple[list[str], list[tuple[str, str]]]:
    """Assignments of the symbols, and pairs that must be equal."""
    lines: list[str] = []
    conditions: list[tuple[str, str]] = []
    bound: set[int] = set()
    for leaf, own in zip(plan.inputs, sizes, strict=True):
        for axis, symbol in leaf.binds:  # of an int the axis is -1
            if symbol in bound:
                conditions.append((own[axis], f"s{symbol}"))
            else:
                bound.add(symbol)
                lines.append(f"s{symbol} = {own[axis]}")
        conditions += [(own[axis], expression(code)) for axis, code in leaf.checks]
    return lines, conditions


def expression(code: Sequence[int]) -> str:
    """A dim expression (``abi.Code``) in restricted Python; symbol k is the variable ``s<k>``."""
    stack: list[str] = []
    words = iter(code)
    for op in words:
        if op == Code.CONST:
            stack.append(f"({next(words)})")
        elif op == Code.SYMBOL:
            stack.append(f"s{next(words)}")
        else:
            right, left = stack.pop(), stack.pop()
            forms = {Code.ADD: f"({left} + {right})", Code.MUL: f"({left} * {right})"}
            stack.append(forms.get(Code(op), f"combine_ints({op:d}, {left}, {right})"))
    return stack.pop()


def _c_address(name: str) -> int:
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
