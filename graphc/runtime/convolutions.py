"""graphc's own convolutions in this process: code and state, made for each dtype when the first program needs it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache

from graphc.runtime import (
    cache,
    convolution_code,
    convolution_plans,
    convolution_sources,
    convolution_weights,
    native,
    panel_code,
    scratch_code,
    threads,
    tiled,
)
from graphc.runtime.convolution_layout import Job, Kind
from graphc.runtime.convolution_tiles import (
    FEW_SHIFTS,
    MANY_SHIFTS,
    VECTORS,
    Tiles,
    convolution_functions,
    powers,
    tiles_of,
)
from graphc.runtime.gemm_layout import REALS, State
from graphc.runtime.machine_code import compile_text, llvm_text

ARGUMENTS = Job.KIND // 8  # of the service
_MODULES = (convolution_code, convolution_plans, convolution_sources, convolution_weights, scratch_code, panel_code)

_HEAD = f"""
@state = internal global [{State.SIZE // 8} x i64] [{{words}}], align 64

define ptr @graphc_convolution_state_{{name}}_{{bits}}() {{{{
  ret ptr @state
}}}}
"""

_SERVICE = """
@kind_{name} = internal global [{length} x i64] [{fields}]

; Service CONVOLUTION of graphc.abi.
define i64 @graphc_convolution_{name}_{bits}({parameters}) {{
  %job = alloca [{words} x i64]
{stores}
  %address = ptrtoint ptr %job to i64
  %status = call i64 @convolve(i64 ptrtoint (ptr @kind_{name} to i64), i64 %address)
  ret i64 %status
}}
"""


def kind_fields(tiles: Tiles) -> list[str]:
    """The words of ``Kind`` for a real type."""
    shape = tiles.shape

    def table(names: list[str], first: int, last: int) -> list[str]:
        found = [f"ptrtoint (ptr @{name}_{shape.name} to i64)" for name in names]
        return found + ["0"] * ((last - first) // 8 - len(found))

    spread = [f"spread_{rows}_{v}" for rows in powers(tiles.wide) for v in range(1, VECTORS + 1)]
    collect = [f"collect_{rows}_{s}" for rows in powers(tiles.tall) for s in (1, FEW_SHIFTS, MANY_SHIFTS)]
    others = table(["lay", "clear", "pick", "put", "sum", "finite", "masked"], Kind.LAY, Kind.STATE)
    sizes = [str(number) for number in (shape.bytes, shape.lanes, tiles.wide, tiles.tall)]
    tables = [*table(spread, Kind.SPREAD, Kind.COLLECT), *table(collect, Kind.COLLECT, Kind.LAY)]
    return [*sizes, *tables, *others, "ptrtoint (ptr @state to i64)"]


def convolution_ir(real: str, bits: int, given: Sequence[str] = ()) -> str:
    """The service of a real type as textual LLVM IR (str).

    Args: real: ``"f64"`` or ``"f32"``. bits: the width of the machine's vectors, 128, 256 or 512. given: the symbols of
        functions that launch, allocate and free, where they are known before the module is loaded (``State``).
    """
    words = [f"i64 ptrtoint (ptr @{symbol} to i64)" for symbol in given]
    words += ["i64 0"] * (State.SIZE // 8 - len(words))
    tiles = tiles_of(REALS[real], bits)
    fields = kind_fields(tiles)
    assert len(fields) == Kind.SIZE // 8
    stores = []
    for k in range(ARGUMENTS):
        stores += [f"  %at{k} = getelementptr i64, ptr %job, i64 {k}", f"  store i64 %p{k}, ptr %at{k}"]
    service = _SERVICE.format(
        name=real,
        bits=bits,
        length=len(fields),
        fields=", ".join(f"i64 {field}" for field in fields),
        parameters=", ".join(f"i64 %p{k}" for k in range(ARGUMENTS)),
        words=Job.SIZE // 8,
        stores="\n".join(stores),
    )
    head = _HEAD.format(name=real, bits=bits, words=", ".join(words))
    declared = [f"declare void @{symbol}(...)" for symbol in given]
    return "\n".join([head, *declared, llvm_text(_MODULES, exported=()), convolution_functions(tiles), service])


def module_object(real: str, bits: int) -> bytes:
    """Object code (bytes) of a service, from the disk cache if it has it; the arguments are ``convolution_ir``'s."""
    name = f"convolution-{real}-{bits}"
    cached = cache.get("runtime", name)  # the cache's salt stands for graphc's sources, all versions and the CPU
    if cached is not None:
        return cached.data
    data = compile_text(convolution_ir(real, bits))
    cache.put("runtime", name, data)
    return data


class Convolution:
    """The loaded service of a real type: its ``address`` and its ``state``.

    Args: real: ``"f64"`` or ``"f32"``. bits: the width of the vectors that it is compiled for.
    """

    def __init__(self, real: str, bits: int) -> None:
        names = [f"graphc_convolution_{real}_{bits}", f"graphc_convolution_state_{real}_{bits}"]
        addresses = native.load_object(module_object(real, bits), names)
        self.address = addresses[names[0]]
        start = ctypes.CFUNCTYPE(ctypes.c_void_p)(addresses[names[1]])()
        self.state = words = (ctypes.c_int64 * (State.SIZE // 8)).from_address(start)
        words[State.LAUNCH // 8] = threads.launch_address()
        words[State.ALLOCATE // 8] = tiled.address_of(ctypes.pythonapi.PyMem_RawMalloc)
        words[State.FREE // 8] = tiled.address_of(ctypes.pythonapi.PyMem_RawFree)


@lru_cache(maxsize=2)
def loaded(real: str) -> Convolution:
    """The service of a real type (str), for this machine's vectors."""
    return Convolution(real, tiled.vector_bits())


def convolution_address(real: str) -> int:
    """Address (int) of service CONVOLUTION of ``graphc.abi`` for ``"f64"`` or ``"f32"``."""
    return loaded(real).address
