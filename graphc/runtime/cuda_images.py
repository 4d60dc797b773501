"""What a device loads: kernels assembled for its compute capability by the driver, and kept on disk."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from graphc.codegen.cuda_chores import CudaKernel
from graphc.codegen.ptx import kernel_ptx
from graphc.runtime import cache

PTX = 1  # CU_JIT_INPUT_PTX
Call = Callable[..., None]


def image_of(kernel: CudaKernel, architecture: str, language: str, call: Call) -> bytes:
    """The kernel's machine code (a cubin).

    Args: architecture: the device's, such as ``"sm_90"``; language: the one that PTX is written for; call: calls a
        function of the driver by its name, in the current context.
    Raises: CudaError: the driver cannot assemble the kernel.
    """
    version = ctypes.c_int()
    call("cuDriverGetVersion", ctypes.byref(version))
    key = f"{architecture}-{version.value}-{cache.content_key(kernel.printed.name, kernel.printed.source)}"
    known = cache.get("cubin", key)
    if known is not None:
        return known.data
    image = assembled(kernel_ptx(kernel, language), kernel.printed.name, call)
    cache.put("cubin", key, image)
    return image


def assembled(ptx: str, name: str, call: Call) -> bytes:
    """The machine code of PTX text, made by the driver's own assembler."""
    state, image, size = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_size_t()
    text = ptx.encode() + b"\0"
    nothing: tuple[Any, ...] = (0, None, None)
    call("cuLinkCreate_v2", *nothing, ctypes.byref(state))
    try:
        call("cuLinkAddData_v2", state, PTX, text, ctypes.c_size_t(len(text)), name.encode(), *nothing)
        call("cuLinkComplete", state, ctypes.byref(image), ctypes.byref(size))
        return ctypes.string_at(image.value or 0, size.value)
    finally:
        call("cuLinkDestroy", state)
