"""From Python to a program: makes the callable that a user's call goes through.

A *native* entry is a built-in function whose machine code, the same for every program, reads a descriptor of the plan
(0.1 us for an array in and an array out). A plan or an interpreter that it cannot serve gets a Python entry
(``pycall``), which does the same more slowly.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from graphc.abi import EntryPlan
from graphc.config import settings
from graphc.errors import ProgramError
from graphc.runtime import cache, descriptor, native, object_layout, plan_rules
from graphc.runtime.entry_layout import Head
from graphc.runtime.memory import HANDLER_FUNCTIONS, Pool
from graphc.runtime.pycall import RELEASE_WORK, bind, python_entry, run_program
from graphc.runtime.workspace import Workspace

__all__ = [
    "bind",
    "entry_object",
    "is_native",
    "make_entry",
    "native_entry",
    "python_entry",
    "result_pool",
    "run_program",
]

_SYMBOL = "graphc_enter"
_METH_FASTCALL_KEYWORDS = 0x80 | 0x02


class _MethodDef(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


def make_entry(
    plan: EntryPlan,
    driver_address: int,
    table_address: int,
    fallback: Callable[..., Any],
    on_status: Callable[[int, tuple[int, ...]], Any],
    keepalive: object,
) -> Callable[..., Any]:
    """Make the callable that checks its arguments against the plan and runs the program.

    Args:
        plan: what a call must look like, and what to make of it.
        driver_address: the program's driver (int).
        table_address: its table of services and kernels (int).
        fallback: called with exactly the same arguments when they do not fit the plan; its result is the result.
        on_status: called with (status, symbols) when the driver fails, to raise a fitting error; where it returns True
            the call goes to the fallback.
        keepalive: whatever must live as long as the entry: what holds the driver and the table.
    Returns: a built-in function, or a Python function where ``is_native`` says no.
    Raises: ValueError: a plan that contradicts itself.
    """
    make = native_entry if is_native(plan) else python_entry
    return make(plan, driver_address, table_address, fallback, on_status, keepalive)


def is_native(plan: EntryPlan) -> bool:
    """Whether this plan gets a native entry here (bool)."""
    return object_layout.KNOWN and all(output.capacity is None for output in plan.outputs)


def native_entry(
    plan: EntryPlan,
    driver_address: int,
    table_address: int,
    fallback: Callable[..., Any],
    on_status: Callable[[int, tuple[int, ...]], Any],
    keepalive: object,
) -> Callable[..., Any]:
    """As ``make_entry``. Raises ValueError for a plan or an interpreter that native code does not serve."""
    if not is_native(plan):
        raise ValueError("no native entry for this plan or this interpreter")
    plan_rules.validate(plan)

    def raise_status(status: int, *symbols: int) -> None:
        if on_status(status, symbols):
            return
        raise ProgramError(f"the program failed with status {status}")

    block = descriptor.encode(
        plan,
        {Head.FALLBACK: fallback, Head.ON_STATUS: raise_status},
        {
            Head.DRIVER: driver_address,
            Head.TABLE: table_address,
            Head.RELEASE_WORK: RELEASE_WORK,
            Head.POOL: result_pool().address if settings.keep_memory else 0,
        },
        Workspace(),
    )
    block.kept.append(keepalive)
    return new_entry(code_addresses()[_SYMBOL], block)


def new_entry(address: int, block: descriptor.Descriptor) -> Callable[..., Any]:
    """The built-in function of this code whose ``self`` is the descriptor."""
    method, new_function = _method(address)
    block.kept.append(method)  # two threads that come first at once may each have made a method
    return new_function(ctypes.addressof(method), block, None)


def entry_object() -> bytes:
    """Object code (bytes) of the native entry for this CPU, compiled anew: it holds no address of this process."""
    from graphc.runtime import (
        entry_accept,
        entry_arrays,
        entry_execute,
        entry_expressions,
        entry_out,
        entry_program,
        entry_references,
        entry_result,
        memory_code,
    )
    from graphc.runtime.machine_code import compile_text, llvm_text

    modules = [
        entry_program,
        entry_accept,
        entry_arrays,
        entry_execute,
        entry_expressions,
        entry_out,
        entry_references,
        entry_result,
        memory_code,
    ]
    return compile_text(llvm_text(modules, exported=(_SYMBOL, *HANDLER_FUNCTIONS)))


def prepare() -> None:
    """Have the native entry's code ready, so that the first program need not wait for it."""
    if object_layout.KNOWN:
        code_addresses()


@lru_cache(maxsize=1)
def code_addresses() -> dict[str, int]:
    """The addresses of the functions that every native entry shares, from the disk cache if it has them."""
    cached = cache.get("runtime", "entry")  # the cache's salt stands for graphc's sources, all versions and the CPU
    data = entry_object() if cached is None else cached.data
    if cached is None:
        cache.put("runtime", "entry", data)
    return native.load_object(data, [_SYMBOL, *HANDLER_FUNCTIONS])


@lru_cache(maxsize=1)
def result_pool() -> Pool:
    """The pool that this process's large results come from, where ``settings.keep_memory`` does not forbid it."""
    return Pool(code_addresses())


@lru_cache(maxsize=4)
def _method(address: int) -> tuple[_MethodDef, Callable[..., Any]]:
    """What every native entry of this code shares, and the way to make functions."""
    new_function = ctypes.pythonapi.PyCFunction_NewEx
    new_function.restype = ctypes.py_object
    new_function.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return _MethodDef(b"graphc_entry", address, _METH_FASTCALL_KEYWORDS, None), new_function
