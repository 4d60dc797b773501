"""Stand-ins for NVIDIA's libraries: they record what they are asked, and run kernels by the emulator."""

from __future__ import annotations

import ctypes
from collections import Counter
from typing import NamedTuple

import numpy as np

from graphc.runtime.cuda_device import CudaDevice
from graphc.runtime.cuda_emulator import THREADS, WARP, Emulator


class Launch(NamedTuple):
    kernel: str
    grid: int
    threads: int
    stream: int
    words: tuple[int, ...]
    near: int = 0


class FakeCuda:
    """``libcuda`` with one sm_86 of 30 multiprocessors, whose memory is this process' own.

    ``calls``: how often each function was called. ``launches``: in order, those that a graph stands for not among them.
    ``runs``: whether kernels are run at all. ``status``: what functions answer instead of working.
    """

    def __init__(self, status=None, *, runs=True):
        self.status, self.runs = status or {}, runs
        self.calls: Counter[str] = Counter()
        self.launches: list[Launch] = []
        self.images: list[bytes] = []
        self.buffers: dict[int, np.ndarray] = {}
        self.kernels: dict[str, object] = {}  # what the device loaded, by name
        self.functions: list[str] = []
        self.graphs: list[list] = []
        self.order: list[tuple[str, int]] = []  # of kernels, graphs and calls of other libraries, each with its stream
        self.capturing: int | None = None  # the stream
        self.streams = 100
        self.emulator = Emulator()

    def __getattr__(self, name):
        if not name.startswith("cu"):
            raise AttributeError(name)

        def call(*arguments):
            self.calls[name] += 1
            if name in self.status:
                return self.status[name]
            answer = getattr(type(self), "_" + name, None)
            if answer is not None:
                answer(self, *arguments)
            return 0

        return call

    @property
    def bytes(self):
        """What is allocated."""
        return sum(len(buffer) for buffer in self.buffers.values())

    def _do(self, action, stream):
        if self.capturing is not None and self.capturing == stream.value:
            self.graphs[-1].append(action)
        else:
            action()

    # --- devices ------------------------------------------------------------------------------------------------------

    def _cuDeviceGetCount(self, count):
        count._obj.value = 1

    def _cuDeviceGetName(self, text, size, handle):
        text.value = b"Fake GPU"

    def _cuDeviceGetAttribute(self, found, attribute, handle):
        found._obj.value = {16: 30, 75: 8, 76: 6, 97: 101376, 115: 1}[attribute]

    def _cuDriverGetVersion(self, version):
        version._obj.value = 12040

    # --- memory -------------------------------------------------------------------------------------------------------

    def _new(self, address, size):
        buffer = np.full(size.value, 0xFF, np.uint8)
        address._obj.value = buffer.ctypes.data
        self.buffers[buffer.ctypes.data] = buffer

    def _cuMemAllocAsync(self, address, size, stream):
        assert self.capturing is None
        buffer = np.full(size.value + 256, 0xFF, np.uint8)
        start = buffer.ctypes.data + -buffer.ctypes.data % 256
        self.buffers[start] = buffer
        address._obj.value = start

    def _cuMemGetInfo_v2(self, free, total):
        free._obj.value, total._obj.value = 5, 7

    def _cuMemAllocHost_v2(self, address, size):
        self.page = ctypes.create_string_buffer(size.value)
        address._obj.value = ctypes.addressof(self.page)

    def _cuMemFreeAsync(self, address, stream):
        del self.buffers[address.value]

    def _cuMemsetD8Async(self, address, value, size, stream):
        self._do(lambda: ctypes.memset(address.value, value.value, size.value), stream)

    def _cuMemcpyDtoDAsync_v2(self, target, source, size, stream):
        self._do(lambda: ctypes.memmove(target.value, source.value, size.value), stream)

    def _cuMemcpyHtoDAsync_v2(self, target, source, size, stream):
        assert self.capturing is None
        ctypes.memmove(target.value, source.value, size.value)

    def _cuMemcpyDtoHAsync_v2(self, target, source, size, stream):
        self._do(lambda: ctypes.memmove(target.value, source.value, size.value), stream)

    # --- kernels ------------------------------------------------------------------------------------------------------

    def _cuLinkAddData_v2(self, state, kind, text, *rest):
        self.image = ctypes.create_string_buffer(b"assembled " + text)

    def _cuLinkComplete(self, state, image, size):
        image._obj.value = ctypes.addressof(self.image)
        size._obj.value = len(self.image)

    def _cuModuleLoadData(self, module, image):
        self.images.append(image)

    def _cuModuleGetFunction(self, function, module, name):
        self.functions.append(name.decode())
        function._obj.value = len(self.functions)

    def _cuLaunchKernel(self, kernel, *rest):
        grid, y, z, threads, ty, tz, shared, stream, parameters, extra = rest
        assert (y, z, ty, tz, parameters) == (1, 1, 1, 1, None)
        assert shared <= 101376 // 2
        count = ctypes.c_size_t.from_address(extra[3]).value // 8
        words = tuple((ctypes.c_int64 * count).from_address(extra[1]))
        launch = Launch(self.functions[kernel.value - 1], grid, threads, stream.value or 0, words, shared)
        if self.capturing != launch.stream:
            self.launches.append(launch)
            self.order.append(("kernel", launch.stream))
        self._do(lambda: self._run(launch), stream)

    def _run(self, launch):
        if self.runs:
            function = self.emulator._function(self.kernels[launch.kernel])
            self.emulator._run(function, launch.grid, launch.threads, launch.words, launch.near)

    # --- streams and graphs -------------------------------------------------------------------------------------------

    def _cuStreamCreate(self, stream, flags):
        assert flags == 1
        self.streams += 1
        stream._obj.value = self.streams

    def _cuStreamBeginCapture_v2(self, stream, mode):
        assert mode == 1
        self.capturing = stream.value
        self.graphs.append([])

    def _cuStreamEndCapture(self, stream, graph):
        self.capturing = None
        graph._obj.value = len(self.graphs)

    def _cuGraphGetNodes(self, graph, nodes, count):
        assert nodes is None
        count._obj.value = len(self.graphs[graph.value - 1])

    def _cuGraphInstantiateWithFlags(self, executable, graph, flags):
        executable._obj.value = graph.value

    def _cuGraphLaunch(self, graph, stream):
        self.order.append(("graph", stream.value or 0))
        for action in self.graphs[graph.value - 1]:
            action()


class FakeDevice(CudaDevice):
    """A device over a fake library; few threads where its kernels run, since each is a thread of this machine."""

    def __init__(self, library=None, blas=lambda: None):
        super().__init__(0, FakeCuda() if library is None else library, blas)
        if self.library.runs:
            self.threads, self.warp = THREADS, WARP

    def _function(self, kernel):
        self.library.kernels[kernel.printed.name] = kernel
        return super()._function(kernel)


class FakeBlas:
    """``libcublas`` by NumPy; ``calls``: the products that it was asked for, by their number and sizes."""

    def __init__(self):
        self.calls = []
        self.settings = []

    def cublasCreate_v2(self, handle):
        handle._obj.value = 1
        return 0

    def cublasSetStream_v2(self, handle, stream):
        self.settings.append(stream.value)
        return 0

    def cublasSetWorkspace_v2(self, handle, address, size):
        self.settings.append((address.value, size.value))
        return 0

    def cublasDgemmStridedBatched(self, *arguments):
        return self._multiply(ctypes.c_double, *arguments)

    def cublasSgemmStridedBatched(self, *arguments):
        return self._multiply(ctypes.c_float, *arguments)

    def _multiply(self, kind, handle, ta, tb, m, n, k, alpha, *rest):
        a, lda, sa, b, ldb, sb, beta, c, ldc, sc, count = rest
        self.calls.append((count, m, n, k))
        size = ctypes.sizeof(kind)
        for number in range(count):
            one = _columns(kind, a.value + number * sa.value * size, (k, m) if ta else (m, k), lda)
            other = _columns(kind, b.value + number * sb.value * size, (n, k) if tb else (k, n), ldb)
            result = _columns(kind, c.value + number * sc.value * size, (m, n), ldc)
            product = alpha._obj.value * ((one.T if ta else one) @ (other.T if tb else other))
            result[...] = product + (beta._obj.value * result if beta._obj.value else 0)
        return 0


def _columns(kind, address, shape, leading):
    """A Fortran-ordered matrix in memory."""
    rows, columns = shape
    length = leading * max(columns - 1, 0) + rows
    flat = np.ctypeslib.as_array((kind * length).from_address(address))
    return np.lib.stride_tricks.as_strided(flat, shape, (flat.itemsize, leading * flat.itemsize))
