"""The Python side of a call: an ``abi.EntryPlan`` carried out step by step, with ctypes for the driver alone.

It serves what the native entry does not: interpreters with another object layout, outputs whose size the driver finds
out, and the compiler's slow path, which has flattened and converted the inputs already. It assumes nothing about
objects that Python does not promise, and is the oracle that tests compare the native entry with.
"""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.abi import Build, Check, Code, EntryPlan, InputLeaf, LeafKind, OutputLeaf, Relation, Step
from graphc.errors import ProgramError
from graphc.runtime import plan_rules
from graphc.runtime.object_layout import data_address
from graphc.runtime.plan_rules import builtin_dtype, expected_type
from graphc.runtime.workspace import Workspace

RELEASE_WORK = 20_000  # rough operations, some microseconds: from here on the native entry releases the GIL

_ADDRESS = ctypes.c_void_p
DRIVER = ctypes.CFUNCTYPE(ctypes.c_int32, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS)
_MISSED = object()


def python_entry(
    plan: EntryPlan,
    driver_address: int,
    table_address: int,
    fallback: Callable[..., Any],
    on_status: Callable[[int, tuple[int, ...]], Any],
    keepalive: object,
) -> Callable[..., Any]:
    """As ``entry.make_entry``, for any plan and any interpreter. Calls that give ``out`` go to the fallback."""
    plan_rules.validate(plan)
    workspace = Workspace()

    def entry(*args: Any, **kwargs: Any) -> Any:
        accepted = len(args) + len(kwargs) == plan.nargs and tuple(kwargs) == plan.keywords
        leaves = reach(plan, (*args, *kwargs.values())) if accepted else None
        symbols = None if leaves is None else bind(plan, leaves)
        if leaves is None or symbols is None:
            return fallback(*args, **kwargs)
        outputs = run_program(
            plan, driver_address, table_address, leaves, symbols, on_status=on_status, workspace=workspace
        )
        return fallback(*args, **kwargs) if outputs is None else build(plan, outputs)

    entry.keepalive = keepalive  # type: ignore[attr-defined]
    return entry


def reach(plan: EntryPlan, args: Sequence[Any]) -> list[Any] | None:
    """Walk the plan's steps from the arguments of a call, those given by name last.

    Returns: the object of each input leaf, or None where a step leads nowhere or a check fails.
    """
    objects: list[Any] = []
    try:
        for step in plan.steps:
            found = _take_step(step, objects, args)
            if found is _MISSED:
                return None
            objects.append(found)
        if not all(check_holds(check, objects) for check in plan.checks):
            return None
    except Exception:  # noqa: BLE001  user code runs here (properties, __eq__); the fallback meets what it raised again
        return None
    return [objects[leaf.step] for leaf in plan.inputs]


def _take_step(step: tuple, objects: list[Any], args: Sequence[Any]) -> Any:
    match step:
        case (Step.ARG, k):
            return args[k]
        case (Step.CONST, item):
            return item
        case (Step.DICT_ITEM, parent, key) if isinstance(objects[parent], dict):
            return dict.get(objects[parent], key, _MISSED)
        case (Step.SEQ_ITEM, parent, index) if isinstance(objects[parent], tuple | list):
            sequence = objects[parent]
            kind = tuple if isinstance(sequence, tuple) else list
            return kind.__getitem__(sequence, index) if index < kind.__len__(sequence) else _MISSED
        case (Step.CELL, parent):
            return objects[parent].cell_contents
        case (Step.ATTR, parent, name):
            return getattr(objects[parent], name)
        case (Step.APPLY, function, argument):
            return objects[function](objects[argument])
    return _MISSED


def check_holds(check: tuple, objects: Mapping[int, Any] | Sequence[Any]) -> bool:
    """Whether a check of a plan holds for the steps' objects."""
    match check:
        case (Check.IS, step, expected):
            return objects[step] is expected
        case (Check.TYPE_LEN, step, kind, length):
            return type(objects[step]) is kind and (length < 0 or len(objects[step]) == length)
        case (Check.KEYS, step, keys):
            iterates = isinstance(objects[step], dict) or type(objects[step]) in (set, frozenset)
            return iterates and _same_parts(tuple(objects[step]), keys)
        case (Check.EQUAL, step, expected):
            actual = objects[step]
            if type(actual) is not type(expected):
                return False
            if type(actual) in plan_rules.COMPARED_BY_BITS:
                return np.asarray(actual).tobytes() == np.asarray(expected).tobytes()
            return actual is expected or bool(actual == expected)
        case (Check.CODE, step, code):
            return objects[step].__code__ is code
    raise ValueError(f"no check: {check!r}")


def _same_parts(actual: tuple, expected: tuple) -> bool:
    if len(actual) != len(expected):
        return False
    return all(map(operator.is_, actual, expected)) or all(map(_same_key, actual, expected))


def _same_key(actual: Any, expected: Any) -> bool:
    """Whether a function could not tell these two keys apart: == does not see types, nor the sign of zero."""
    if type(actual) is not type(expected):
        return False
    if type(actual) is tuple:
        return _same_parts(actual, expected)
    if isinstance(actual, float | complex | np.inexact):
        return repr(actual) == repr(expected)
    return actual is expected or bool(actual == expected)


def bind(plan: EntryPlan, leaves: Sequence[Any]) -> tuple[int, ...] | None:
    """Check the program's inputs and bind its symbols.

    Args:
        plan: the plan; its steps and checks play no part.
        leaves: one object for each input leaf.
    Returns: the value of each symbol (0 for those that the driver binds), or None where a leaf, a dim or a guard does
        not fit.
    """
    symbols = [0] * plan.nsymbols
    bound: set[int] = set()
    conditions: list[tuple[int, tuple[int, ...]]] = []
    for leaf, item in zip(plan.inputs, leaves, strict=True):
        if not _leaf_fits(leaf, item):
            return None
        sizes = item.shape if leaf.kind is LeafKind.ARRAY else (item,)
        for axis, symbol in leaf.binds:
            if symbol in bound:
                conditions.append((sizes[axis], (Code.SYMBOL, symbol)))
            else:
                symbols[symbol] = sizes[axis]
                bound.add(symbol)
        conditions += [(sizes[axis], code) for axis, code in leaf.checks]
    if all(size == evaluate(code, symbols) for size, code in conditions) and all(
        _relation_holds(relation, evaluate(code, symbols)) for relation, code in plan.guards
    ):
        return tuple(symbols)
    return None


def _leaf_fits(leaf: InputLeaf, item: Any) -> bool:
    expected: Any = expected_type(leaf)
    if type(item) is not expected:
        return False
    if leaf.kind is LeafKind.ARRAY:
        flags, dtype = item.flags, item.dtype
        same_dtype = dtype.num == builtin_dtype(leaf.dtype).num and dtype.isnative
        strided = not (flags.c_contiguous or flags.f_contiguous)  # a copy is made of it
        return same_dtype and item.ndim == leaf.rank and (strided or (flags.c_contiguous and flags.aligned))
    return leaf.kind is not LeafKind.INT or -(2**63) <= item < 2**63


def _relation_holds(relation: Relation, value: int) -> bool:
    return value == 0 if relation == Relation.EQ else value != 0 if relation == Relation.NE else value >= 0


def evaluate(code: Sequence[int], symbols: Sequence[int]) -> int:
    """The value (int) of a dim expression, in 64-bit arithmetic that wraps around as native code does."""
    stack: list[int] = []
    words = iter(code)
    for op in words:
        if op == Code.CONST:
            stack.append(next(words))
        elif op == Code.SYMBOL:
            stack.append(symbols[next(words)])
        else:
            right = stack.pop()
            stack.append(_wrap(_OPERATIONS[Code(op)](stack.pop(), right)))
    return stack.pop()


_OPERATIONS: dict[Code, Callable[[int, int], int]] = {
    Code.ADD: lambda a, b: a + b,
    Code.MUL: lambda a, b: a * b,
    Code.FLOORDIV: lambda a, b: a // b if b else 0,
    Code.MOD: lambda a, b: a % b if b else a,
    Code.MAX: max,
    Code.MIN: min,
}


def _wrap(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def run_program(
    plan: EntryPlan,
    driver_address: int,
    table_address: int,
    leaves: Sequence[Any],
    symbols: Sequence[int],
    *,
    on_status: Callable[[int, tuple[int, ...]], Any] | None = None,
    workspace: Workspace | None = None,
) -> list[Any] | None:
    """Run a program on inputs that ``bind`` has accepted, below argument trees and access paths.

    Args:
        plan: the plan; its steps, checks, guards and result play no part.
        driver_address: the program's driver (int).
        table_address: its table of services and kernels (int).
        leaves: one object for each input leaf: an array, a float, an int or a NumPy scalar.
        symbols: what ``bind`` returned.
        on_status: called with (status, symbols) when the driver fails, to raise a fitting error; it may return True.
        workspace: memory for the arena that is kept between calls; without one it is allocated for this call.
    Returns: list of the outputs: new arrays, NumPy scalars for 0-d ones; None where ``on_status`` returned True.
    Raises:
        ProgramError: the driver failed, and ``on_status`` raised nothing.
        MemoryError: the outputs or the arena do not fit in memory.
    """
    buffers = [_allocate(leaf, symbols) for leaf in plan.outputs]
    values = (ctypes.c_int64 * max(1, plan.nsymbols))(*symbols)
    inputs = [_readable(leaf, item) for leaf, item in zip(plan.inputs, leaves, strict=True)]
    arguments = np.array([data_address(array) for array in (*inputs, *buffers)], np.int64)
    result, exception = ctypes.c_int64(), ctypes.c_int64()
    with (workspace or Workspace()).borrow(max(0, evaluate(plan.arena_bytes, symbols))) as arena:
        failed = DRIVER(driver_address)(
            ctypes.addressof(result),
            ctypes.addressof(exception),
            data_address(arguments),
            ctypes.addressof(values),
            arena,
            table_address,
        )
    status, final = failed or result.value, tuple(values)[: plan.nsymbols]
    if status:
        if on_status is not None and on_status(status, final):
            return None
        raise ProgramError(f"the program failed with status {status}")
    return [_deliver(leaf, buffer, final) for leaf, buffer in zip(plan.outputs, buffers, strict=True)]


def _readable(leaf: InputLeaf, item: Any) -> np.ndarray:
    """An array that holds an input where the driver can read it."""
    if leaf.kind is LeafKind.ARRAY:
        return item if item.flags.c_contiguous and item.flags.aligned else item.copy(order="C")
    return np.array(item, builtin_dtype(leaf.dtype))


def _allocate(leaf: OutputLeaf, symbols: Sequence[int]) -> np.ndarray:
    """The memory that the driver writes an output to."""
    dtype = builtin_dtype(leaf.dtype)
    if leaf.capacity is not None:
        return np.empty(evaluate(leaf.capacity, symbols), dtype)
    return np.empty(tuple(evaluate(code, symbols) for code in leaf.dims), dtype)


def _deliver(leaf: OutputLeaf, buffer: np.ndarray, symbols: Sequence[int]) -> Any:
    """What the caller gets for an output."""
    if leaf.capacity is not None:
        shape = tuple(evaluate(code, symbols) for code in leaf.dims)
        return buffer[: int(np.prod(shape, dtype=np.int64))].reshape(shape).copy()
    return buffer if leaf.dims else buffer[()]


def build(plan: EntryPlan, outputs: Sequence[Any]) -> Any:
    """Put the outputs together by the plan's recipe."""
    stack: list[Any] = []
    for step in plan.result:
        match step:
            case (Build.LEAF, k):
                stack.append(outputs[k])
            case (Build.NONE,):
                stack.append(None)
            case (Build.TUPLE, count):
                stack.append(tuple(_pop(stack, count)))
            case (Build.LIST, count):
                stack.append(_pop(stack, count))
            case (Build.DICT, keys):
                stack.append(dict(zip(keys, _pop(stack, len(keys)), strict=True)))
            case (Build.CALL, function, count):
                stack.append(function(*_pop(stack, count)))
    return stack.pop()


def _pop(stack: list[Any], count: int) -> list[Any]:
    start = len(stack) - count
    values = stack[start:]
    del stack[start:]
    return values
