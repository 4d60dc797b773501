"""The module of graphc's own gemm services: tiles, the loops around them, and the record of each real type."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.runtime import dot_code, gemm_code, panel_code, scratch_code
from graphc.runtime.dot_tiles import FEW, MANY, dot_functions, tall_of
from graphc.runtime.gemm_layout import REALS, Job, Kind, State
from graphc.runtime.machine_code import llvm_text
from graphc.runtime.tile_code import shape_of, tile_functions

_FUNCTIONS = ("tile", "wide", "narrow", "straight_a", "edge_a", "turned_a", "straight_b", "edge_b", "turned_b")
_SINGLE, _BATCH = Job.BATCH // 8, Job.KIND // 8  # arguments of the services

_HEAD = f"""
@state = internal global [{State.SIZE // 8} x i64] [{{words}}], align 64
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
declare i64 @llvm.smin.i64(i64, i64)

define ptr @graphc_tiled_state_{{bits}}() {{{{
  ret ptr @state
}}}}
"""

_SERVICES = """
@kind_{name} = internal global [{length} x i64] [{fields}]

; Service GEMM_BATCH of graphc.abi.
define i64 @graphc_tiled_batch_{name}_{bits}({parameters}) {{
  %job = alloca [{words} x i64]
{stores}
  %address = ptrtoint ptr %job to i64
  %status = call i64 @multiply(i64 ptrtoint (ptr @kind_{name} to i64), i64 %address)
  ret i64 %status
}}

; Service GEMM.
define i64 @graphc_tiled_{name}_{bits}({single}) {{
  %status = tail call i64 @graphc_tiled_batch_{name}_{bits}({single}, i64 1, i64 1, i64 0, i64 0, i64 0, i64 0, i64 0,
                                                            i64 0)
  ret i64 %status
}}
"""


def tiled_gemm_ir(bits: int, given: Sequence[str] = ()) -> str:
    """The services as textual LLVM IR (str).

    Args: bits: the width of the machine's vectors, 128, 256 or 512. given: the symbols of functions that launch,
        allocate and free, where they are known before the module is loaded (``State``).
    """
    words = [f"i64 ptrtoint (ptr @{symbol} to i64)" for symbol in given]
    words += ["i64 0"] * (State.SIZE // 8 - len(words))
    head = _HEAD.format(bits=bits, words=", ".join(words))
    parts = [head, *(f"declare void @{symbol}(...)" for symbol in given)]
    parts.append(llvm_text([gemm_code, dot_code, panel_code, scratch_code], exported=()))
    for name, real in REALS.items():
        shape = shape_of(real, bits)
        fields = [str(shape.bytes), str(shape.rows), str(shape.columns)]
        fields += [f"ptrtoint (ptr @{function}_{name} to i64)" for function in _FUNCTIONS]
        dots = [f"dots_{rows}_{columns}" for rows in (tall_of(bits), 1) for columns in (MANY, FEW, 1)]
        fields += ["ptrtoint (ptr @state to i64)", str(tall_of(bits))]
        fields += [f"ptrtoint (ptr @{function}_{name} to i64)" for function in dots]
        assert len(fields) == Kind.SIZE // 8
        stores = []
        for k in range(_BATCH):
            stores.append(f"  %at{k} = getelementptr i64, ptr %job, i64 {k}")
            stores.append(f"  store i64 %p{k}, ptr %at{k}")
        parameters = [f"i64 %p{k}" for k in range(_BATCH)]
        parts += [tile_functions(shape), dot_functions(shape)]
        parts.append(
            _SERVICES.format(
                name=name,
                bits=bits,
                length=len(fields),
                fields=", ".join(f"i64 {field}" for field in fields),
                parameters=", ".join(parameters),
                single=", ".join(parameters[:_SINGLE]),
                words=Job.SIZE // 8,
                stores="\n".join(stores),
            )
        )
    return "\n".join(parts)
