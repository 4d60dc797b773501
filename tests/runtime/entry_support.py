"""Plans, and drivers written in Python, for the tests of the entry."""

from __future__ import annotations

import ctypes
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from graphc.abi import Build, Code, EntryPlan, InputLeaf, LeafKind, OutputLeaf, Step
from graphc.runtime import entry, object_layout

F8 = "<f8"
both = pytest.mark.parametrize(
    "how",
    [
        pytest.param(
            entry.native_entry,
            id="native",
            marks=pytest.mark.skipif(not object_layout.KNOWN, reason="this interpreter has no native entries"),
        ),
        pytest.param(entry.python_entry, id="python"),
    ],
)
DRIVER_TYPE = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 6)


def const(value: int) -> tuple[int, ...]:
    return (Code.CONST, value)


def symbol(k: int) -> tuple[int, ...]:
    return (Code.SYMBOL, k)


NOTHING = const(0)


def array_leaf(step: int, *binds: int, dtype: str = F8, checks: tuple = ()) -> InputLeaf:
    """An array whose every axis binds the symbol given."""
    return InputLeaf(step, LeafKind.ARRAY, dtype, len(binds), tuple(enumerate(binds)), checks)


def plan(**fields: Any) -> EntryPlan:
    """By default: one argument, f64[n], and one result of its shape."""
    standard: dict[str, Any] = {
        "nargs": 1,
        "steps": ((Step.ARG, 0),),
        "checks": (),
        "inputs": (array_leaf(0, 0),),
        "nsymbols": 1,
        "guards": (),
        "outputs": (OutputLeaf(F8, (symbol(0),)),),
        "result": ((Build.LEAF, 0),),
        "arena_bytes": NOTHING,
        "work": NOTHING,
    }
    return EntryPlan(**{**standard, **fields})


def view(address: int, shape: tuple[int, ...] = (), dtype: Any = np.float64) -> np.ndarray:
    """The array at an address."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    return np.ndarray(shape, dtype, (ctypes.c_char * max(1, size)).from_address(int(address)))


class Driver:
    """A driver that runs a Python function ``body(call) -> status``.

    ``call`` has ``args`` and ``symbols``, arrays of int64, and ``arena`` and ``table``, addresses.
    """

    def __init__(self, p: EntryPlan, body: Callable[[Any], int | None]) -> None:
        self.calls = 0

        def run(result: int, _exception: int, args: int, symbols: int, arena: int | None, table: int | None) -> int:
            self.calls += 1
            call = SimpleNamespace(
                args=view(args, (len(p.inputs) + len(p.outputs),), np.int64),
                symbols=view(symbols, (p.nsymbols,), np.int64),
                arena=arena or 0,
                table=table or 0,
            )
            try:
                ctypes.c_int64.from_address(result).value = body(call) or 0
            except Exception:  # noqa: BLE001  it cannot pass through native code; the test meets the status
                traceback.print_exc()
                return -99
            return 0

        self.function = DRIVER_TYPE(run)
        self.address: int = ctypes.cast(self.function, ctypes.c_void_p).value or 0


def double(call: Any) -> None:
    """The driver body of the standard plan: twice the input."""
    shape = (int(call.symbols[0]),)
    view(call.args[1], shape)[:] = 2 * view(call.args[0], shape)


def is_miss(result: Any) -> bool:
    return isinstance(result, tuple) and len(result) == 3 and result[0] == "missed"


def missed(*args: Any, **kwargs: Any) -> tuple:
    """A fallback that shows what it was called with."""
    return ("missed", args, kwargs)


def refuse_status(status: int, symbols: tuple[int, ...]) -> None:
    raise ArithmeticError(status, symbols)


def make(p: EntryPlan, body: Callable[[Any], int | None] = double, *, how: Any = entry.make_entry, **other: Any) -> Any:
    """An entry for the plan that keeps its driver alive."""
    driver = other.pop("driver", None) or Driver(p, body)
    fallback = other.pop("fallback", missed)
    on_status = other.pop("on_status", refuse_status)
    assert not other
    return how(p, driver.address, 0, fallback, on_status, driver)
