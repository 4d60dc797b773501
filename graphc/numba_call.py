"""The generated njit function between a call in ``@njit`` code and a program, and the two intrinsics that it uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from graphc.abi import OUT_OF_MEMORY
from graphc.direct import DirectFunction
from graphc.runtime.direct import find_address
from graphc.runtime.direct_layout import RecordField
from graphc.trace.record import Constant

_WORD = ir.IntType(64)


def caller_source(
    direct: DirectFunction,
    parameters: Sequence[str],
    args: Sequence[types.Type],
    kws: Mapping[str, types.Type],
    out: types.Type | None,
) -> tuple[str, dict[str, Any]]:
    """The function ``call(parameters)`` as source, and the names that it uses beside those of ``numba_ext``.

    ``out``: the type of what is given to write into; None where the results are new.
    """
    kinds = [*args, *kws.values()]
    owned = [n for n, kind in zip(parameters, kinds, strict=True) if not (kind is out and n == "out")]
    leaves = [
        leaf
        for name, kind in zip(parameters, kinds, strict=True)
        if name in owned
        for leaf in _leaves(name, kind)
    ]  # fmt: skip
    lines, passed, sizes, arrays = [], [], [], []
    for k, ((expression, kind), form) in enumerate(zip(leaves, direct.inputs, strict=True)):
        if form.kind == "array":
            name = expression
            if kind.layout == "A":
                name = f"i{k}"
                lines.append(f"{name} = np.ascontiguousarray({expression})")
            axes = range(form.rank)[::-1] if form.fortran else range(form.rank)
            sizes += [f"{name}.shape[{axis}]" for axis in axes]
            arrays.append(name)
            passed.append(f"data({name})")
        else:
            lines.append(f"i{k} = {_CASTS[form.kind]}({expression})")
            sizes += [f"i{k}"] if form.kind == "int" else []
            passed.append(f"i{k}")
    writer = _ResultWriter(direct, arrays)
    lines += [f"sizes = {_tuple(sizes)}", f"program, d = find(SITE, sizes, {_tuple(['0'] * writer.count_dims())})"]
    lines += ["if program == 0:", f"    raise ValueError({_unserved(direct.name)!r})"]
    target = "out" if out is not None else None
    result = writer.tree(direct.result.tree, target, out)
    lines += writer.before
    lines += [f"status = run(program, sizes, {_tuple(passed)}, {_tuple(writer.buffers())})"]
    raising, classes = _raising(direct)
    lines += ["if status[0] != 0:", *raising, f"    raise IndexError({_failed(direct.name)!r})", *writer.after]
    body = "\n    ".join([*lines, f"return {result}"])
    return f"def call({', '.join(parameters)}):\n    {body}\n", writer.names | classes


def _raising(direct: DirectFunction) -> tuple[list[str], dict[str, Any]]:
    """Statements that raise what the first program's status stands for, and the classes that they name.

    Numba raises constants, so they are written out; a program for other sizes has statuses of its own.
    """
    lines = [f"    if status[0] == {OUT_OF_MEMORY}:", f"        raise MemoryError({_failed(direct.name)!r})"]
    classes: dict[str, Any] = {}
    for status, error in direct.failures.items():
        if all(isinstance(arg, str | int) for arg in error.args):
            classes[f"Error{status}"] = type(error)
            lines += [f"    if status[0] == {status} and program == {direct.record.address}:"]
            lines += [f"        raise Error{status}({', '.join(map(repr, error.args))})"]
    return lines, classes


def _unserved(name: str) -> str:
    return (
        f"graphc: no program of {name} serves these sizes, and none could be made here: if this is a thread of a "
        "parallel loop, call it once with such sizes before the loop; else see the error printed above"
    )


def _failed(name: str) -> str:
    return f"graphc: {name} failed: an index is out of range for its axis, or there is no memory left"


_CASTS = {"float": "np.float64", "int": "np.int64", "scalar": "np.float32"}


def _tuple(parts: Sequence[str]) -> str:
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _leaves(expression: str, kind: types.Type) -> list[tuple[str, types.Type]]:
    """The expression and type of each leaf of an argument."""
    if isinstance(kind, types.BaseTuple):
        return [leaf for k, part in enumerate(kind.types) for leaf in _leaves(f"{expression}[{k}]", part)]
    if isinstance(kind, types.NoneType | types.Omitted):
        return []
    return [(expression, kind)]


class _ResultWriter:
    """Where each output of a program goes, and the expression of what the call returns."""

    def __init__(self, direct: DirectFunction, inputs: Sequence[str]):
        self.direct, self.inputs = direct, inputs
        self.names: dict[str, Any] = {}
        self.before: list[str] = []
        self.after: list[str] = []
        self._buffers: dict[int, str] = {}
        self._written: list[str] = []
        starts, start = [], 0
        for _, rank in direct.result.outputs:
            starts.append(start)
            start += rank
        self._starts = starts

    def count_dims(self) -> int:
        return sum(rank for _, rank in self.direct.result.outputs)

    def buffers(self) -> list[str]:
        """What the intrinsic takes for each output: an array, or a number of its dtype."""
        for index, (dtype, rank) in enumerate(self.direct.result.outputs):
            if index not in self._buffers:
                self._new(index, dtype, rank)
        buffers = [self._buffers[index] for index in range(len(self.direct.result.outputs))]
        return [f"data({name})" if name.isidentifier() else name for name in buffers]

    def _shape(self, index: int, rank: int) -> str:
        return _tuple([f"d[{self._starts[index] + axis}]" for axis in range(rank)])

    def _new(self, index: int, dtype: np.dtype, rank: int) -> None:
        self.names[f"dtype{index}"] = dtype.type
        if rank:
            self.before.append(f"o{index} = np.empty({self._shape(index, rank)}, dtype{index})")
        self._buffers[index] = f"o{index}" if rank else f"dtype{index}(0)"

    def tree(self, node: Any, out: str | None, kind: types.Type | None) -> str:
        """The expression of a part of the result; ``out``: what is given for it, of type ``kind``."""
        if isinstance(kind, types.NoneType):
            out = kind = None
        if isinstance(node, Constant):
            return self._constant(node.value)
        if isinstance(node, int):
            return self._leaf(node, out, kind)
        if isinstance(node, tuple):
            if kind is not None and not (isinstance(kind, types.BaseTuple) and len(kind.types) == len(node)):
                raise TypingError(f"graphc: out= for {self.direct.name} must be a tuple of {len(node)}, not {kind}")
            below = [(None, None)] * len(node) if kind is None else [(f"{out}[{k}]", t) for k, t in enumerate(kind)]
            parts = [self.tree(child, *given) for child, given in zip(node, below, strict=True)]
            if type(node) is tuple:
                return _tuple(parts)
            self.names[type(node).__name__] = type(node)
            return f"{type(node).__name__}({', '.join(parts)})"
        raise TypingError(
            f"graphc: {self.direct.name} returns a {type(node).__name__}, which njit code cannot take: return arrays, "
            "numbers and tuples of these"
        )

    def _constant(self, value: Any) -> str:
        if value is None or isinstance(value, bool | int | float | str):
            return repr(value) if not isinstance(value, float) else f"np.float64({float(value)!r})"
        raise TypingError(f"graphc: {self.direct.name} returns a {type(value).__name__}, which njit code cannot take")

    def _leaf(self, index: int, out: str | None, kind: types.Type | None) -> str:
        dtype, rank = self.direct.result.outputs[index]
        if rank == 0 and out is None:
            return f"status[{1 + index}]"
        if out is None:
            if index not in self._buffers:
                self._new(index, dtype, rank)
            return f"o{index}"
        self._given(index, out, kind)
        return out

    def _given(self, index: int, out: str, kind: types.Type | None) -> None:
        """Write into an array: directly where it is contiguous and shares no memory with an input."""
        dtype, rank = self.direct.result.outputs[index]
        if not isinstance(kind, types.Array) or kind.ndim != rank or str(kind.dtype) != dtype.name or not kind.mutable:
            wanted = f"an array of {dtype.name} with {rank} dimensions"
            raise TypingError(f"graphc: out= for {self.direct.name} needs {wanted}, not {kind}")
        self.names |= {f"dtype{index}": dtype.type, "overlap": overlap}
        if rank:
            message = f"graphc: out= for {self.direct.name} has another shape than its result"
            self.before += [f"if {out}.shape != {self._shape(index, rank)}:", f"    raise ValueError({message!r})"]
        for other in self._written:
            message = f"graphc: out= for {self.direct.name}: two of its arrays share memory"
            self.before += [f"if overlap({out}, {other}):", f"    raise ValueError({message!r})"]
        self._written.append(out)
        shared = " or ".join(f"overlap({out}, {name})" for name in self.inputs) or "False"
        fresh = f"np.empty({self._shape(index, rank)}, dtype{index})"
        if kind.layout == "C":
            self.before += [f"s{index} = {shared}", f"o{index} = {fresh} if s{index} else {out}"]
            self.after += [f"if s{index}:", *(f"    {line}" for line in _copy(out, f"o{index}", rank))]
        else:
            self.before.append(f"o{index} = {fresh}")
            self.after += _copy(out, f"o{index}", rank)
        self._buffers[index] = f"o{index}"


@intrinsic
def address(typing_context: Any, array: Any) -> Any:
    """The address of an array's data, a number."""

    def lower(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
        return builder.ptrtoint(context.make_array(array)(context, builder, args[0]).data, _WORD)

    return types.int64(array), lower


@numba.njit
def overlap(a: Any, b: Any) -> Any:
    """Whether the memory from the first to the last element of two arrays has a part in common."""
    low_a, high_a = extent(a)
    low_b, high_b = extent(b)
    return low_a < high_b and low_b < high_a


@numba.njit
def extent(array: Any) -> Any:
    low = high = address(array)
    if array.size == 0:
        return low, low
    for axis in range(array.ndim):
        step = array.strides[axis] * (array.shape[axis] - 1)
        if step < 0:
            low += step
        else:
            high += step
    return low, high + array.itemsize


def _copy(target: str, source: str, rank: int) -> list[str]:
    """Lines that copy an array. Numba takes seconds to compile ``target[...] = source``."""
    axes = range(rank)
    loops = [f"{'    ' * axis}for k{axis} in range({target}.shape[{axis}]):" for axis in axes]
    place = ", ".join(f"k{axis}" for axis in axes) or "()"
    return [*loops, f"{'    ' * rank}{target}[{place}] = {source}[{place}]"]


# --- intrinsics -------------------------------------------------------------------------------------------------------


@intrinsic
def find_program(typing_context: Any, site: Any, sizes: Any, dims: Any) -> Any:
    """``(record, dims of the outputs)`` for the sizes; ``dims`` is a tuple of as many zeros. The record may be 0."""
    count = len(dims)
    result = types.Tuple((types.int64, types.UniTuple(types.int64, count)))

    def lower(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
        find = _pointer(context, builder, find_address(), "graphc_find")
        given = [
            context.cast(builder, value, kind, types.int64)
            for value, kind in zip(cgutils.unpack_tuple(builder, args[1], len(sizes)), sizes, strict=True)
        ]
        found = cgutils.alloca_once(builder, ir.ArrayType(_WORD, max(count, 1)))
        function = ir.FunctionType(_WORD, [_WORD] * 3)
        words = [args[0], _words(builder, given), builder.ptrtoint(found, _WORD)]
        record = builder.call(builder.inttoptr(find, function.as_pointer()), words)
        values = [builder.load(cgutils.gep_inbounds(builder, found, 0, k)) for k in range(count)]
        inner = context.make_tuple(builder, result.types[1], values)
        return context.make_tuple(builder, result, [record, inner])

    return result(site, sizes, dims), lower


@intrinsic
def run_program(typing_context: Any, record: Any, sizes: Any, inputs: Any, outputs: Any) -> Any:
    """Run the record's program: ``(status, ...)`` with the value of each output that is a number, 0 for arrays.

    ``inputs`` and ``outputs`` are tuples of addresses (``array_data``) and numbers; of an output's number the type
    counts. Arrays themselves would be counted references, at 5 ns each.
    """
    numbers = [kind if kind != types.voidptr else types.int64 for kind in outputs]
    result = types.Tuple((types.int64, *numbers))

    def lower(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
        given = [
            context.cast(builder, value, kind, types.int64)
            for value, kind in zip(cgutils.unpack_tuple(builder, args[1], len(sizes)), sizes, strict=True)
        ]
        slots = [
            _address(context, builder, kind, value)
            for tree, kinds in ((args[2], inputs), (args[3], outputs))
            for value, kind in zip(cgutils.unpack_tuple(builder, tree, len(kinds)), kinds, strict=True)
        ]
        addresses = [builder.ptrtoint(slot, _WORD) for slot in slots]
        function = ir.FunctionType(_WORD, [_WORD] * 3).as_pointer()
        at = builder.inttoptr(builder.add(args[0], _WORD(int(RecordField.RUN))), _WORD.as_pointer())
        run = builder.inttoptr(builder.load(at), function)
        status = builder.call(run, [args[0], _words(builder, given), _words(builder, addresses)])
        values = [
            _WORD(0) if kind == types.voidptr else builder.load(slot)
            for kind, slot in zip(outputs, slots[len(inputs) :], strict=True)
        ]
        return context.make_tuple(builder, result, [status, *values])

    return result(record, sizes, inputs, outputs), lower


def _pointer(context: Any, builder: Any, address: int, name: str) -> Any:
    """An address of this process: code that holds one is not kept on disk by Numba."""
    return builder.ptrtoint(context.add_dynamic_addr(builder, address, name), _WORD)


def _words(builder: Any, values: Sequence[Any]) -> Any:
    """The address of an array on the stack that holds these words."""
    array = cgutils.alloca_once(builder, ir.ArrayType(_WORD, max(len(values), 1)))
    for k, value in enumerate(values):
        builder.store(value, cgutils.gep_inbounds(builder, array, 0, k))
    return builder.ptrtoint(array, _WORD)


@intrinsic
def array_data(typing_context: Any, array: Any) -> Any:
    """The address of an array's data."""

    def lower(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
        data = context.make_array(array)(context, builder, args[0]).data
        return builder.bitcast(data, cgutils.voidptr_t)

    return types.voidptr(array), lower


def _address(context: Any, builder: Any, kind: types.Type, value: Any) -> Any:
    """An address itself; that of a number, which is put on the stack."""
    if kind == types.voidptr:
        return value
    slot = cgutils.alloca_once(builder, value.type)
    builder.store(value, slot)
    return slot
