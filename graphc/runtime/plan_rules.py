"""What an ``abi.EntryPlan`` must fulfil: native code trusts its numbers, so a wrong one must not get that far."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from types import CodeType, FunctionType

import numpy as np

from graphc.abi import (
    ANY_LENGTH,
    BFLOAT16,
    Build,
    Check,
    Code,
    EntryPlan,
    InputLeaf,
    LeafKind,
    Relation,
    Step,
    dtype_named,
)
from graphc.runtime.entry_layout import DEEPEST_CODE

MAX_RANK = 32  # NumPy 1's limit, the lower one
COMPARED_BY_BITS = (float, np.float64, np.float32, np.float16)  # by ``Check.EQUAL``: == does not see the sign of 0
_INT64 = range(-(2**63), 2**63)
_TYPES: dict[LeafKind, type] = {LeafKind.ARRAY: np.ndarray, LeafKind.FLOAT: float, LeafKind.INT: int}


def validate(plan: EntryPlan) -> None:
    """Raise ValueError for a plan that contradicts itself."""
    bound = {symbol for leaf in plan.inputs for _, symbol in leaf.binds}
    _require(bound <= set(range(plan.nsymbols)), "inputs: symbol")
    _validate_access(plan.steps, plan.checks, plan.nargs)
    _require(len(plan.keywords) <= plan.nargs and all(type(name) is str for name in plan.keywords), "keywords")
    if plan.out is not None:
        _validate_access(plan.out.steps, plan.out.checks, plan.nargs + 1)
        targets = [target for target in plan.out.targets if target is not None]
        _require(len(plan.out.targets) == len(plan.outputs), "out: targets")
        _require(all(target in range(len(plan.out.steps)) for target in targets), "out: targets")
    for leaf in plan.inputs:
        _require(leaf.step in range(len(plan.steps)), f"input {leaf!r}: no such step")
        _require(_is_numeric(leaf.dtype), f"input {leaf!r}: dtype")
        axes = range(leaf.rank) if leaf.kind is LeafKind.ARRAY else [-1] if leaf.kind is LeafKind.INT else []
        _require(all(axis in axes for axis, _ in (*leaf.binds, *leaf.checks)), f"input {leaf!r}: axis")
        _require_codes(bound, (code for _, code in leaf.checks))
    for output in plan.outputs:
        _require(_is_numeric(output.dtype) and len(output.dims) <= MAX_RANK, f"output {output!r}")
        _require_codes(bound if output.capacity is None else set(range(plan.nsymbols)), output.dims)
        _require_codes(bound, () if output.capacity is None else (output.capacity,))
    _require(all(relation in tuple(Relation) for relation, _ in plan.guards), "guards: relation")
    _require_codes(bound, (*(code for _, code in plan.guards), plan.arena_bytes, plan.work))
    _validate_result(plan)


@lru_cache(maxsize=64)
def builtin_dtype(name: str) -> np.dtype:
    """NumPy's own dtype object of this name, which arrays share."""
    return np.dtype(dtype_named(name).type)


def expected_type(leaf: InputLeaf) -> type:
    """The exact type that a leaf's object must have."""
    if leaf.kind is LeafKind.FLOAT and builtin_dtype(leaf.dtype).kind == "c":
        return complex
    return _TYPES.get(leaf.kind) or builtin_dtype(leaf.dtype).type


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(f"entry plan: {what} is not valid")


def _require_codes(symbols: Container[int], codes: Iterable[tuple[int, ...]]) -> None:
    """Codes are well formed and use these symbols alone: others have no value yet when the code is evaluated."""
    for code in codes:
        _require(_code_is_valid(symbols, code), f"code {code!r}")


def _validate_access(steps: Sequence[tuple], checks: Sequence[tuple], nargs: int) -> None:
    for index, step in enumerate(steps):
        _require(_step_is_valid(nargs, index, step), f"step {index}: {step!r}")
    for check in checks:
        _require(_check_is_valid(steps, check), f"check {check!r}")


def _step_is_valid(nargs: int, index: int, step: tuple) -> bool:
    match step:
        case (Step.ARG, k):
            return k in range(nargs)
        case (Step.CONST, _):
            return True
        case (Step.SEQ_ITEM, parent, i):
            return parent in range(index) and isinstance(i, int) and i >= 0
        case (Step.ATTR, parent, name):
            return parent in range(index) and isinstance(name, str)
        case (Step.CELL, parent) | (Step.DICT_ITEM, parent, _):
            return parent in range(index)
        case (Step.APPLY, function, argument):
            return function in range(index) and argument in range(index)
    return False


def _check_is_valid(steps: Sequence[tuple], check: tuple) -> bool:
    count = len(steps)
    match check:
        case (Check.IS | Check.EQUAL, step, _):
            return step in range(count)
        case (Check.KEYS, step, keys):
            return step in range(count) and type(keys) is tuple
        case (Check.CODE, step, code):
            is_function = step in range(count) and steps[step][0] == Step.CONST and type(steps[step][1]) is FunctionType
            return is_function and type(code) is CodeType
        case (Check.TYPE_LEN, step, kind, length):
            sized = isinstance(kind, type) and issubclass(kind, tuple | list | dict)
            return step in range(count) and isinstance(kind, type) and (length == ANY_LENGTH or sized)
    return False


def _is_numeric(name: str) -> bool:
    if name == BFLOAT16:
        return True
    return np.dtype(name).kind in "biufc" and np.dtype(name).itemsize <= 16 and np.dtype(name).char not in "gG"


def _code_is_valid(symbols: Container[int], code: tuple[int, ...]) -> bool:
    depth, position = 0, 0
    while position < len(code):
        op = code[position]
        if op in (Code.CONST, Code.SYMBOL):
            position += 1
            if position == len(code) or code[position] not in (symbols if op == Code.SYMBOL else _INT64):
                return False
            depth += 1
        elif op in tuple(Code) and depth >= 2:
            depth -= 1
        else:
            return False
        if depth > DEEPEST_CODE:
            return False
        position += 1
    return depth == 1


def _validate_result(plan: EntryPlan) -> None:
    depth = 0
    for step in plan.result:
        match step:
            case (Build.LEAF, k) if k in range(len(plan.outputs)):
                taken = 0
            case (Build.NONE,):
                taken = 0
            case (Build.TUPLE | Build.LIST, count) | (Build.CALL, _, count):
                taken = count
            case (Build.DICT, keys):
                taken = len(keys)
                _require(len(set(keys)) == taken, f"result step {step!r}")
            case _:
                taken = -1
        _require(0 <= taken <= depth, f"result step {step!r}")
        depth += 1 - taken
    _require(depth == 1, "result")
