"""What a device loads: kernels assembled for its compute capability by the driver, and kept on disk."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from graphc.codegen.cuda_chores import CudaKernel
from graphc.codegen.ptx import fitting_blocks, kernel_ptx, with_blocks
from graphc.runtime import cache

PTX = 1  # CU_JIT_INPUT_PTX
LOCAL_SIZE = 3  # CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES
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
    image = _fitting(kernel_ptx(kernel, language), kernel.printed.name, call)
    cache.put("cubin", key, image)
    return image


def _fitting(ptx: str, name: str, call: Call) -> bytes:
    """The machine code for as many blocks of threads as fit without spilling registers: the assembler knows."""
    images: dict[int, bytes] = {}

    def local_bytes(blocks: int) -> int:
        if blocks not in images:
            images[blocks] = assembled(with_blocks(ptx, blocks), name, call)
        return _local_bytes(images[blocks], name, call)

    return images[fitting_blocks(ptx, local_bytes)]


def _local_bytes(image: bytes, name: str, call: Call) -> int:
    """The memory of each thread that the machine code has: what it spills, and its arrays."""
    module, function, found = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_int()
    call("cuModuleLoadData", ctypes.byref(module), image)
    try:
        call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
        call("cuFuncGetAttribute", ctypes.byref(found), LOCAL_SIZE, function)
    finally:
        call("cuModuleUnload", module)
    return found.value


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
