"""NVIDIA's driver, called through ctypes: no package is needed beside the driver itself.

One context for each device, its primary one, which other libraries in the process share. Memory comes from the device's
default pool, in the order of a stream. Signatures and codes are those of the CUDA driver API (cuda.h, version 12).
"""

from __future__ import annotations

import ctypes
import functools
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import numpy as np

from graphc.codegen.cuda_chores import CudaKernel
from graphc.codegen.cuda_intrinsics import SHARED_ELEMENTS, WARP
from graphc.codegen.targets import BLOCK_THREADS
from graphc.errors import CudaError, CudaMemoryError
from graphc.runtime.cuda_blas import WORKSPACE, Blas, open_blas
from graphc.runtime.cuda_devices import Outside, Prepared, Product, repeated_by
from graphc.runtime.cuda_errors import OUT_OF_MEMORY, driver_error
from graphc.runtime.cuda_images import image_of
from graphc.runtime.cuda_libraries import CUFFT, CUSOLVER
from graphc.runtime.cuda_solver import CuFFT, CuSolver
from graphc.runtime.cuda_submit import SUBMITTED, Submission, address_of

LIBRARY = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
BLOCKS_OF_A_MULTIPROCESSOR = 8
SHARED_BYTES = 1024 + 2 * 8 * SHARED_ELEMENTS  # of each block: the driver's, and two of ``cuda_intrinsics``
NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: apart from the legacy default stream
THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may do as they like meanwhile
RELEASE_THRESHOLD = 4  # CU_MEMPOOL_ATTR_RELEASE_THRESHOLD
DEVICE_ORDINAL = 9  # CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
NO_TIMING = 2  # CU_EVENT_DISABLE_TIMING
MOST_SHARED = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
BUFFER, BUFFER_SIZE = 1, 2  # CU_LAUNCH_PARAM_BUFFER_POINTER, CU_LAUNCH_PARAM_BUFFER_SIZE
PINNED_PAGE = 4096
NEWEST = 90  # the compute capability that kernels are written for where the device's is higher
Word = ctypes.c_uint64
Size = ctypes.c_size_t
Handle = ctypes.c_void_p


class Attribute(IntEnum):
    """CUdevice_attribute."""

    MULTIPROCESSORS = 16
    MAJOR = 75
    MINOR = 76
    SHARED_OF_A_BLOCK = 97  # bytes, where a kernel asks for more than 48 KB
    MEMORY_POOLS = 115


class CudaDevice:
    """The device with this number, see ``runtime.cuda_program.Device``. Raises ``CudaError``."""

    threads, warp = BLOCK_THREADS, WARP

    def __init__(self, number: int = 0, library: Any = None, blas: Callable[[], Any] = open_blas):
        self.number, self.library = number, open_library() if library is None else library
        self._call("cuInit", 0)
        count, handle, self.context = ctypes.c_int(), ctypes.c_int(), Handle()
        self._call("cuDeviceGetCount", ctypes.byref(count))
        if number >= count.value:
            raise CudaError(f'target="cuda": there is no device {number}, the driver finds {count.value}')
        self.devices = count.value
        self._call("cuDeviceGet", ctypes.byref(handle), number)
        text = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", text, len(text), handle)
        self.name = text.value.decode()
        capability = 10 * self._attribute(handle, Attribute.MAJOR) + self._attribute(handle, Attribute.MINOR)
        self.architecture = f"sm_{capability}"
        self.language = f"sm_{min(capability, NEWEST)}"
        self.most_blocks = BLOCKS_OF_A_MULTIPROCESSOR * self._attribute(handle, Attribute.MULTIPROCESSORS)
        # Two blocks of threads at least are to fit on a multiprocessor, with what folds meet in.
        self.near = self._attribute(handle, Attribute.SHARED_OF_A_BLOCK) // 2 - SHARED_BYTES
        if not self._attribute(handle, Attribute.MEMORY_POOLS):
            raise CudaError(f"{self.name}: the device or its driver has no stream-ordered memory (CUDA 11.2)")
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(self.context), handle)
        self.lock, self.find_blas = threading.RLock(), blas
        self.functions: dict[str, Handle] = {}
        self.page, self.page_left = 0, 0
        self.spare: dict[int, Any] | None = {}
        with self.current():
            self._keep_memory(handle)
            self.stream, self.capturing = self._new_stream(), self._new_stream()
            self.event = self.new_mark()

    def _attribute(self, handle: ctypes.c_int, attribute: Attribute) -> int:
        found = ctypes.c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(found), int(attribute), handle)
        return found.value

    def _keep_memory(self, handle: ctypes.c_int) -> None:
        """Have the pool keep what is given back: else it returns memory to the system whenever a stream is idle."""
        pool, most = Handle(), Word(2**64 - 1)
        self._call("cuDeviceGetDefaultMemPool", ctypes.byref(pool), handle)
        self._call("cuMemPoolSetAttribute", pool, RELEASE_THRESHOLD, ctypes.byref(most))

    def _new_stream(self) -> int:
        stream = Handle()
        self._call("cuStreamCreate", ctypes.byref(stream), NON_BLOCKING)
        return stream.value or 0

    @functools.cached_property
    def blas(self) -> Blas | None:
        """cuBLAS, where it is found; it is looked for when a program first multiplies matrices."""
        return self.find_blas()

    @functools.cached_property
    def solver(self) -> CuSolver:
        """cuSOLVER, looked for when a program first factors a matrix. Raises ``CudaError``."""
        return CuSolver(CUSOLVER.required("a factorisation"), self.blas, self.allocate, self.release)

    @functools.cached_property
    def transforms(self) -> CuFFT:
        """cuFFT, looked for when a program first transforms. Raises ``CudaError``."""
        return CuFFT(CUFFT.required("a Fourier transform"))

    @property
    def workspace(self) -> int:
        return 0 if self.blas is None else WORKSPACE

    def _call(self, name: str, *arguments: Any) -> None:
        self._require(name, getattr(self.library, name)(*arguments))

    def _require(self, name: str, status: int) -> None:
        """Raise ``CudaError`` for a status other than 0."""
        if status:
            text = ctypes.c_char_p()
            self.library.cuGetErrorString(status, ctypes.byref(text))
            raise driver_error(name, status, text.value.decode() if text.value else None)

    def number_of(self, address: int) -> int:
        if self.devices == 1:
            return 0
        found = ctypes.c_int()
        self._call("cuPointerGetAttribute", ctypes.byref(found), DEVICE_ORDINAL, Word(address))
        return found.value

    @contextmanager
    def current(self) -> Iterator[None]:
        """The block asks the driver for this device. Contexts belong to threads, and others use this thread too."""
        self._call("cuCtxPushCurrent_v2", self.context)
        try:
            yield
        finally:
            self._call("cuCtxPopCurrent_v2", ctypes.byref(Handle()))

    # --- kernels ------------------------------------------------------------------------------------------------------

    def load(self, kernels: Sequence[CudaKernel]) -> list[Any]:
        with self.lock, self.current():
            return [self._function(kernel) for kernel in kernels]

    def _function(self, kernel: CudaKernel) -> Handle:
        """Programs share kernels: a name holds the hash of what it stands for."""
        name = kernel.printed.name
        if name not in self.functions:
            module, function = Handle(), Handle()
            image = image_of(kernel, self.architecture, self.language, self._call)
            self._call("cuModuleLoadData", ctypes.byref(module), image)
            self._call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
            if kernel.has_near:
                self._call("cuFuncSetAttribute", function, MOST_SHARED, self.near)
            self.functions[name] = function
        return self.functions[name]

    def launch(self, kernel: Any, blocks: int, threads: int, words: Sequence[int], stream: int, near: int = 0) -> None:
        """All parameters are words of 8 bytes: one buffer holds them."""
        values, size = (ctypes.c_int64 * len(words))(*words), Size(8 * len(words))
        extra = (Handle * 5)(BUFFER, ctypes.addressof(values), BUFFER_SIZE, ctypes.addressof(size), None)
        self._call("cuLaunchKernel", kernel, blocks, 1, 1, threads, 1, 1, near, Handle(stream), None, extra)

    def multiply(self, product: Product, workspace: int, stream: int) -> bool:
        if self.blas is None:
            return False
        self.blas.multiply(product, workspace, stream)
        return True

    # --- memory -------------------------------------------------------------------------------------------------------

    def allocate(self, size: int, stream: int) -> int:
        address = Word()
        asked = ctypes.byref(address), Size(max(size, 1)), Handle(stream)
        status = self.library.cuMemAllocAsync(*asked)
        if status == OUT_OF_MEMORY:
            self._give_back_spare()
            self._call("cuCtxSynchronize")  # what is given back in order is free when all is done
            status = self.library.cuMemAllocAsync(*asked)
        if status == OUT_OF_MEMORY:
            free, total = Size(), Size()
            self._call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
            raise CudaMemoryError(
                f"device {self.number} ({self.name}) has no memory of {size} bytes: {free.value} of its {total.value} "
                "are free; take smaller batches, delete arrays, or have other libraries give back what they keep "
                "(torch.cuda.empty_cache())"
            )
        self._require("cuMemAllocAsync", status)
        return address.value

    def _give_back_spare(self) -> None:
        for blocks in list((self.spare or {}).values()):  # arrays that are alive know these lists
            while blocks:
                self.release(blocks.pop(), self.stream)

    def release(self, address: int, stream: int) -> None:
        self._call("cuMemFreeAsync", Word(address), Handle(stream))

    def clear(self, address: int, size: int, stream: int) -> None:
        self._call("cuMemsetD8Async", Word(address), ctypes.c_ubyte(0), Size(size), Handle(stream))

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        self._call("cuMemcpyDtoDAsync_v2", Word(target), Word(source), Size(size), Handle(stream))

    def write(self, address: int, array: np.ndarray, stream: int) -> None:
        source = Handle(array.ctypes.data)
        self._call("cuMemcpyHtoDAsync_v2", Word(address), source, Size(array.nbytes), Handle(stream))

    def read(self, places: Sequence[tuple[int, np.ndarray]], stream: int) -> None:
        for address, array in places:
            target = Handle(array.ctypes.data)
            self._call("cuMemcpyDtoHAsync_v2", target, Word(address), Size(array.nbytes), Handle(stream))
        self._call("cuStreamSynchronize", Handle(stream))

    def send(self, target: int, source: int, size: int, stream: int) -> None:
        self._call("cuMemcpyDtoHAsync_v2", Handle(target), Word(source), Size(size), Handle(stream))

    def pinned(self, size: int) -> int:
        if size > self.page_left:
            page = Handle()
            self._call("cuMemAllocHost_v2", ctypes.byref(page), Size(PINNED_PAGE))
            self.page, self.page_left = page.value or 0, PINNED_PAGE
            ctypes.memset(self.page, 0, PINNED_PAGE)
        self.page_left -= size
        return self.page + self.page_left

    # --- streams and graphs -------------------------------------------------------------------------------------------

    def follow(self, stream: int, other: int) -> None:
        with self.lock:
            self.mark(self.event, other)
            self.wait_for(self.event, stream)

    def new_mark(self) -> Any:
        event = Handle()
        self._call("cuEventCreate", ctypes.byref(event), NO_TIMING)
        return event

    def mark(self, mark: Any, stream: int) -> None:
        self._call("cuEventRecord", mark, Handle(stream))

    def wait_for(self, mark: Any, stream: int) -> None:
        self._call("cuStreamWaitEvent", Handle(stream), mark, 0)

    def capture(self, run: Callable[[int, Outside], None]) -> Any:
        """Handles of graphs, and actions between them. Captured on a stream of its own: the legacy default stream
        cannot be."""
        parts: list[Any] = []

        def outside(action: Callable[[int], None]) -> None:
            self._end_capture(parts, is_part=True)
            parts.append(action)
            self._begin_capture()

        with self.lock:
            done = False
            try:
                self._begin_capture()
                try:
                    run(self.capturing, outside)
                finally:  # fails where a call was not one to capture
                    self._end_capture(parts, is_part=bool(parts))
                done = True
            finally:
                if not done:
                    self.drop(parts)
        return parts

    def _begin_capture(self) -> None:
        self._call("cuStreamBeginCapture_v2", Handle(self.capturing), THREAD_LOCAL)

    def _end_capture(self, parts: list[Any], *, is_part: bool) -> None:
        """One more graph; what is part of a step may have nothing in it, and then is none."""
        graph, executable, nodes = Handle(), Handle(), Size()
        self._call("cuStreamEndCapture", Handle(self.capturing), ctypes.byref(graph))
        if is_part:
            self._call("cuGraphGetNodes", graph, None, ctypes.byref(nodes))
        if nodes.value or not is_part:
            self._call("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, Word(0))
            parts.append(executable)
        self._call("cuGraphDestroy", graph)

    def replay(self, graph: Any, stream: int) -> None:
        for part in graph:
            if isinstance(part, Handle):
                self._call("cuGraphLaunch", part, Handle(stream))
            else:
                part(stream)

    def drop(self, graph: Any) -> None:
        for part in graph:
            if isinstance(part, Handle):
                self._call("cuGraphExecDestroy", part)

    def repeated(
        self, graph: Any, before: Sequence[Prepared], after: Sequence[Prepared], mark: Any, stream: int
    ) -> Callable[[], None]:
        if not self._is_native or len(graph) != 1 or not isinstance(graph[0], Handle):
            return repeated_by(self, graph, before, after, mark, stream)
        functions = [getattr(self.library, name) for name in SUBMITTED]
        things = [int(thing.value or 0) for thing in (self.context, Handle(stream), mark, graph[0])]
        return Submission(functions, things, before, after, self._require)

    @property
    def _is_native(self) -> bool:
        """Whether the library has C functions, and is no stand-in."""
        return hasattr(self.library.cuGraphLaunch, "restype")

    @property
    def entering(self) -> tuple[int, int, int]:
        if not self._is_native:
            return 0, 0, 0
        push, pop, *_ = SUBMITTED
        functions = [getattr(self.library, name) for name in (push, pop)]
        return int(self.context.value or 0), *map(address_of, functions)  # type: ignore[return-value]


def open_library() -> Any:
    """The driver's library. Raises ``CudaError`` where the machine has none."""
    name = LIBRARY.get(sys.platform)
    try:
        if name is None:
            raise OSError(f"there is none for {sys.platform}")
        return ctypes.CDLL(name)
    except OSError as error:
        raise CudaError(
            f'target="cuda" needs an NVIDIA GPU and its driver ({name or "libcuda"}): {error}; GRAPHC_CUDA_EMULATOR=1 '
            "runs the same kernels on this machine, slowly"
        ) from error


@functools.cache
def numbered_device(number: int) -> CudaDevice:
    """The process' device of this number. Raises ``CudaError`` where there is no GPU or no driver."""
    return CudaDevice(number)
