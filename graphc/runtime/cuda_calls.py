"""Captured steps that are known, as a table for native code, and the callables that look calls up there.

See ``cuda_call_code``. It serves arrays of libraries with DLPack's table of C functions, PyTorch's above all, and
graphc's own, where the layout of the interpreter's objects is known. All else is served by printed functions
(``cuda_replay``).
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphc.abi import Code, EntryPlan, InputLeaf, LeafKind, OutputLeaf
from graphc.runtime import cache, descriptor, native, object_layout
from graphc.runtime.cuda_arrays import OWN, DeviceView, Quick
from graphc.runtime.cuda_call_layout import OWN_FIELDS, Call, Reads, Table
from graphc.runtime.cuda_memory import DeviceArray, template_of
from graphc.runtime.cuda_program import LoadedProgram
from graphc.runtime.cuda_ready import MOST_READY, Done, Launches
from graphc.runtime.cuda_submit import Submission, address_of
from graphc.runtime.dlpack_exchange import Exchange, exchange_of
from graphc.runtime.entry import new_entry
from graphc.runtime.entry_layout import LARGEST_STACK_FRAME, Fields, Head
from graphc.runtime.object_layout import data_address, word
from graphc.runtime.workspace import Workspace

_SYMBOL = "graphc_replay"
_DUMMY = ((Code.CONST, 0),)


class Leaf(NamedTuple):
    """How an input is read. ``form``, ``dtype``: see ``Input``; ``pending``: methods that must answer False."""

    reads: Reads
    cls: type
    moves: bool = False
    form: int = 0
    dtype: np.dtype | None = None
    mask: int = 0
    pending: tuple[Any, ...] = ()


class Known:
    """The calls of one program that are known. ``cell``: the word that leads native code to their table, or 0."""

    def __init__(self, loaded: LoadedProgram):
        self.loaded, self.cell = loaded, np.zeros(1, np.int64)
        self.table: CallTable | None = None

    def learn(self, objects: Sequence[Any], done: Done, quick: Quick) -> bool:
        """Serve calls like this one, with these arguments, natively from now on; False where that cannot be."""
        if not _is_known():
            return False
        exchange = None if done.like.kind is OWN else _exchange(objects, done)
        found = _described(objects, done, exchange, quick)
        if found is None:
            return False
        device, leaves = found
        with self.loaded.lock:
            table = self.table
            if table is None or (table.device, table.leaves) != found:
                table = CallTable(self.loaded, done, device, leaves, exchange)
            table.add(objects, done, quick)
            self.cell[0] = table.address
            self.table = table  # only now may the one before go: another thread may have been led there until here
        return True

    def entry(self, plan: EntryPlan, fallback: Callable[..., Any]) -> Callable[..., Any]:
        """What serves calls that are known, and hands all others to the fallback.

        ``plan``: of its inputs and outputs only the steps and how many there are count.
        """
        if not _is_known():
            return fallback
        block = descriptor.encode(
            plan, {Head.FALLBACK: fallback, Head.ON_STATUS: None}, {Head.TABLE: data_address(self.cell)}, Workspace()
        )
        if block[Head.FRAME_BYTES // 8] > LARGEST_STACK_FRAME:
            return fallback
        block.kept += [self.cell, self]
        return new_entry(_address(), block)


def bare_plan(
    nargs: int, steps: Sequence[tuple], checks: Sequence[tuple], wanted: Sequence[int], outputs: int,
    result: Sequence[tuple],
) -> EntryPlan:  # fmt: skip
    """An entry's plan that says how objects are reached and results put together, and nothing of arrays."""
    leaves = [InputLeaf(step, LeafKind.ARRAY, "<f8", 0) for step in wanted]
    made = [OutputLeaf("<f8", _DUMMY)] * outputs
    nothing = (Code.CONST, 0)
    return EntryPlan(
        nargs, tuple(steps), tuple(checks), tuple(leaves), 0, (), tuple(made), tuple(result), nothing, nothing
    )


def _exchange(objects: Sequence[Any], done: Done) -> Exchange | None:
    """The functions that all of the call's arrays have."""
    arrays = [obj for obj, given in zip(objects, done.given, strict=True) if isinstance(given, DeviceView)]
    found = {exchange_of(type(array)) for array in arrays}
    return found.pop() if len(found) == 1 else None


def _described(
    objects: Sequence[Any], done: Done, exchange: Exchange | None, quick: Quick
) -> tuple[int, list[Leaf]] | None:
    """DLPack's word for the device, and how each input is read; None where native code cannot."""
    moving, devices, leaves = {k for k, _ in done.moving}, set(), []
    packed = {k: dtype for k, _, dtype in done.numbers}
    for k, (obj, given) in enumerate(zip(objects, done.given, strict=True)):
        cls = type(obj)
        if isinstance(given, DeviceView):
            if given.kind is OWN:
                leaves.append(Leaf(Reads.OWN, cls, k in moving, len(given.shape), given.dtype))
                continue
            words = None if exchange is None else exchange.described(obj)
            if words is None:
                return None
            devices.add(words[0])
            pending = tuple([getattr(cls, name) for name in quick.asked(given.dtype)])
            leaves.append(Leaf(Reads.TENSOR, cls, k in moving, words[1], None, 0, pending))
        elif k in packed:
            size = packed[k].itemsize
            if not (cls is float and size == 8) and not (isinstance(obj, np.generic) and obj.dtype == packed[k]):
                return None
            leaves.append(Leaf(Reads.NUMBER, cls, mask=-1 if size == 8 else (1 << 8 * size) - 1))
        else:
            leaves.append(Leaf(Reads.INT if cls is int else Reads.NOTHING, cls))
    return (devices.pop() if devices else 0, leaves) if len(devices) < 2 else None


class CallTable:
    """The words of ``cuda_call_layout.Table`` and of all that they lead to."""

    def __init__(self, loaded: LoadedProgram, done: Done, device: int, leaves: list[Leaf], exchange: Exchange | None):
        self.loaded, self.device, self.leaves, self.exchange = loaded, device, leaves, exchange
        self.calls: dict[tuple[int, ...], KnownCall] = {}
        self.kept: list[Any] = [loaded.lock.acquire, loaded.lock.release, leaves]
        keys = [_key_words(leaf, shape) for leaf, shape in zip(leaves, _shapes(done), strict=True)]
        sizes = [sum(keys), sum(leaf.moves for leaf in leaves), sum(leaf.reads is Reads.NUMBER for leaf in leaves)]
        starts = [8 * sum(sizes[:k]) for k in range(4)]
        self.starts = starts
        inputs = np.array([_input_words(leaf) for leaf in leaves], np.int64).reshape(-1)
        first = data_address(inputs)
        self.list = np.zeros(0, np.int64)
        context, push, pop = loaded.device.entering
        self.words = _words(Table, {
            Table.OWNER: id(self), Table.INPUTS: first, Table.INPUTS_END: first + inputs.nbytes,
            Table.KEY_BYTES: starts[1], Table.FRAME_MOVING: starts[1], Table.FRAME_NUMBERS: starts[2],
            Table.FRAME_RESULTS: starts[3], Table.FRAME_BYTES: starts[3] + 8 * len(done.results) + 8,
            Table.DEVICE: device, Table.CONTEXT: context, Table.PUSH: push, Table.POP: pop,
            Table.ACQUIRE: id(self.kept[0]), Table.RELEASE: id(self.kept[1]), Table.FALSE: id(False),
            Table.TRUE: id(True), Table.LIVE: data_address(loaded.live), Table.LOADED: id(loaded),
            Table.SET_ASIDE: address_of(ctypes.pythonapi.PyErr_Fetch),
            Table.RAISE: address_of(ctypes.pythonapi.PyErr_Restore),
            Table.SET_ATTRIBUTE: address_of(ctypes.pythonapi.PyObject_SetAttr), Table.ASKED: id(_ASKED),
            Table.OWN_DEVICE: id(loaded.device), **_of_own(),
            **({} if exchange is None else {Table.DESCRIBE: exchange.describe, Table.STREAM_OF: exchange.stream}),
        })  # fmt: skip
        self.kept.append(inputs)
        self.address = data_address(self.words)

    def add(self, objects: Sequence[Any], done: Done, quick: Quick) -> None:
        """Know a call, with the graph that served it."""
        key = _key(self.leaves, objects, done, quick)
        known = self.calls.get(key)
        if known is None or known.version != self.loaded.version:
            known = KnownCall(self, key, done, quick)
        known.add(done)
        is_full = key not in self.calls and len(self.calls) >= MOST_READY
        calls = ({} if is_full else self.calls) | {key: known}
        places = np.array([call.address for call in calls.values()], np.int64)
        first = Table.COUNT // 8
        self.words[first : first + 2] = len(places), data_address(places)  # at once: native code may read them now
        self.calls, self.list = calls, places  # only now may calls go that were known until here


class KnownCall:
    """The words of ``cuda_call_layout.Call`` and of all that they lead to."""

    def __init__(self, table: CallTable, key: tuple[int, ...], done: Done, quick: Quick):
        self.version, self.launches = table.loaded.version, Launches(table.loaded, done)
        self.repeats: dict[tuple[int, ...], tuple[Any, Callable[[], None]]] = {}
        _, moving, numbers, results = table.starts
        launches, host = self.launches, self.launches.compute
        found = [(moving + 8 * k, launches.all[at].words, number) for k, (at, number) in enumerate(launches.moves)]
        found += [(numbers + 8 * k, words, number) for k, words, number in launches.packs]
        found += [(results + 8 * k, launches.all[at].words, number) for k, at, number in launches.copies]
        writes = np.array([(source, data_address(words) + 8 * number) for source, words, number in found], np.int64)
        fixed = np.array([results + 8 * k for k in self.launches.fixed], np.int64)
        makers, self.kept = _makers([quick.quickest(done.like, shape, dtype) for shape, dtype, _ in done.results])
        fields: dict[Fields, int] = {Call.OWNER: id(self), Call.STREAM: done.like.stream, Call.VERSION: self.version}
        fields |= {Call.REPORT: done.report, Call.SIZES: id(done.sizes) if done.report else 0}
        fields |= {Call.HOST: 0 if host is None else data_address(host.words)}
        for start, block in ((Call.RESULTS, makers), (Call.WRITES, writes), (Call.FIXED, fixed)):
            fields |= {start: data_address(block), Call(start + 8): data_address(block) + block.nbytes}
        self.kept += [makers, writes, fixed, done.sizes]
        self.words = np.concatenate([_words(Call, fields)[: Call.KEY // 8], np.array(key, np.int64)])
        self.address = data_address(self.words)
        self.list = np.zeros(0, np.int64)

    def add(self, done: Done) -> None:
        """Know the graph for results at these addresses."""
        known = self.repeats.get(done.fixed)
        if known is not None and known[0] is done.graph:
            return
        if len(self.repeats) >= MOST_READY:
            self.repeats.clear()
        self.repeats[done.fixed] = done.graph, self.launches.repeated(done.graph)
        found: list[int] = []
        for fixed, (_, repeat) in self.repeats.items():
            found += [id(repeat), repeat.block if isinstance(repeat, Submission) else 0, *fixed]
        words = np.array(found, np.int64)
        first = Call.REPEATS // 8
        self.words[first : first + 2] = data_address(words), data_address(words) + words.nbytes  # at once
        self.list = words


_ASKED = "asked"


def _words(fields: type[Fields], values: dict[Any, int]) -> np.ndarray:
    last = max(fields)
    words = np.zeros(int(last) // 8 + 1, np.int64)
    for field, value in values.items():
        words[int(field) // 8] = value
    return words


def _shapes(done: Done) -> list[tuple[int, ...]]:
    return [given.shape if isinstance(given, DeviceView) else () for given in done.given]


def _key_words(leaf: Leaf, shape: tuple[int, ...]) -> int:
    arrays = {Reads.TENSOR: len(shape), Reads.OWN: len(shape) + 1, Reads.INT: 1}
    return arrays.get(leaf.reads, 0) + (leaf.reads in (Reads.TENSOR, Reads.OWN) and not leaf.moves)


def _key(leaves: Sequence[Leaf], objects: Sequence[Any], done: Done, quick: Quick) -> tuple[int, ...]:
    """The words by which native code knows the call again."""
    key: list[int] = []
    for leaf, obj in zip(leaves, objects, strict=True):
        if leaf.reads is Reads.INT:
            key.append(obj)
        elif leaf.reads in (Reads.TENSOR, Reads.OWN):
            key += obj.shape
            key += [obj.stream] if leaf.reads is Reads.OWN else []
            key += [] if leaf.moves else [quick.address(obj)]
    return tuple(key)


def _input_words(leaf: Leaf) -> list[int]:
    pending = [id(method) for method in leaf.pending] + [0, 0]
    dtype = 0 if leaf.dtype is None else id(leaf.dtype)
    return [int(leaf.reads), id(leaf.cls), int(leaf.moves), leaf.form, dtype, leaf.mask, *pending[:2]]


def _makers(makers: Sequence[Callable[[], Any]]) -> tuple[np.ndarray, list[Any]]:
    """The words of ``Result``, and what they stand for; a partial function's arguments are taken out of it."""
    words, kept = [], []
    for maker in makers:
        is_plain = isinstance(maker, functools.partial) and not maker.keywords
        function, given = (maker.func, maker.args) if is_plain else (maker, ())  # type: ignore[attr-defined]
        places = np.array([id(item) for item in given] or [0], np.int64)
        template = None if function is not DeviceArray else template_of(*given)
        words.append(
            [id(function), data_address(places), len(given), id(template), id(template.spare)]
            if template is not None
            else [id(function), data_address(places), len(given), 0, 0]
        )
        kept += [function, given, places, template]
    return np.array(words, np.int64), kept


def _offset(name: str) -> int:
    """Where a ``DeviceArray`` keeps a field: as CPython's descriptor of the slot says (``PyMemberDef.offset``)."""
    member, offset = 40, 16
    return word(word(id(getattr(DeviceArray, name)) + member) + offset)


@functools.lru_cache(maxsize=1)
def _of_own() -> dict[Table, int]:
    """What native code knows of graphc's own arrays."""
    return {
        Table.NEW_OBJECT: address_of(ctypes.pythonapi.PyType_GenericAlloc), Table.POP_ITEM: id(list.pop),
        Table.OWN_CLASS: id(DeviceArray), Table.OWN_ADDRESS: _offset("address"), Table.OWN_SHAPE: _offset("shape"),
        Table.OWN_DTYPE: _offset("dtype"), Table.OWN_STREAM: _offset("stream"), Table.OWN_ON: _offset("on"),
    }  # fmt: skip


@functools.lru_cache(maxsize=1)
def _is_known() -> bool:
    """Whether objects are laid out as native code takes them to be."""
    places = [_offset(name) for name in sorted(DeviceArray.__slots__) if name != "__weakref__"]
    in_order = places == [places[0] + 8 * k for k in range(OWN_FIELDS)] and places[0] == _offset("address")
    return object_layout.KNOWN and in_order


@functools.lru_cache(maxsize=1)
def _address() -> int:
    """The compiled function's; it is kept on disk."""
    entry = cache.get("runtime", _SYMBOL)  # the cache's salt stands for graphc's sources
    data = _object() if entry is None else entry.data
    if entry is None:
        cache.put("runtime", _SYMBOL, data)
    return native.load_object(data, [_SYMBOL])[_SYMBOL]


def _object() -> bytes:
    from graphc.runtime import (
        cuda_asking_code,
        cuda_call_code,
        cuda_submit_code,
        entry_accept,
        entry_expressions,
        entry_references,
        entry_result,
    )
    from graphc.runtime.machine_code import compile_text, llvm_text

    modules = [
        cuda_call_code, cuda_asking_code, cuda_submit_code, entry_accept, entry_expressions, entry_references,
        entry_result,
    ]  # fmt: skip
    return compile_text(llvm_text(modules, exported=(_SYMBOL,)))
