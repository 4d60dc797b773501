"""graphc's own gemm in this process: its module's code and state."""

from __future__ import annotations

import ctypes

import numpy as np

from graphc.runtime import cache, native, threads
from graphc.runtime.gemm_layout import State

FAST_BITS = 256  # with shorter vectors a BLAS, whose code is made for the CPU, is quicker


def vector_bits() -> int:
    """The width (int) of this CPU's vectors that graphc's products use: 512, 256 or 128."""
    features = native.host_cpu()[1].split(",")
    if "+avx512f" in features:
        return 512
    return 256 if {"+avx2", "+fma"} <= set(features) else 128


def module_object(bits: int) -> bytes:
    """Object code (bytes) of the services for vectors of this width (int), from the disk cache if it has it."""
    name = f"tiled-{bits}"
    cached = cache.get("runtime", name)  # the cache's salt stands for graphc's sources, all versions and the CPU
    if cached is not None:
        return cached.data
    from graphc.runtime.machine_code import compile_text
    from graphc.runtime.tiled_code import tiled_gemm_ir

    data = compile_text(tiled_gemm_ir(bits))
    cache.put("runtime", name, data)
    return data


class TiledGemm:
    """The loaded services: addresses by dtype in ``single`` and ``batched``.

    Args: bits: the width of the vectors that they are compiled for.
    """

    def __init__(self, bits: int) -> None:
        names = [f"graphc_tiled_{batch}{real}_{bits}" for batch in ("", "batch_") for real in ("f64", "f32")]
        state = f"graphc_tiled_state_{bits}"
        addresses = native.load_object(module_object(bits), [*names, state])
        reals = np.dtype(np.float64), np.dtype(np.float32)
        self.single = {real: addresses[name] for real, name in zip(reals, names[:2], strict=True)}
        self.batched = {real: addresses[name] for real, name in zip(reals, names[2:], strict=True)}
        self.state = words = (ctypes.c_int64 * (State.SIZE // 8)).from_address(
            ctypes.CFUNCTYPE(ctypes.c_void_p)(addresses[state])()
        )
        words[State.LAUNCH // 8] = threads.launch_address()
        words[State.ALLOCATE // 8] = address_of(ctypes.pythonapi.PyMem_RawMalloc)
        words[State.FREE // 8] = address_of(ctypes.pythonapi.PyMem_RawFree)


def address_of(function: object) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
