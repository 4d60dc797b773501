"""The binding of NVIDIA's driver, over a library that records what it is asked: no GPU stands behind these tests."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import pytest

from graphc.codegen.cuda_driver import CudaKernel
from graphc.codegen.driver import PrintedKernel
from graphc.errors import CudaError
from graphc.runtime import cuda_device
from graphc.runtime.cuda_device import CudaDevice

KERNEL = CudaKernel(
    PrintedKernel(
        "cuda_kernel_twice",
        "from graphc.codegen.cuda_intrinsics import global_count, global_index\n\n\n"
        "def cuda_kernel_twice(b0, b1, count):\n"
        "    for i in range(global_index(), count, global_count()):\n"
        "        b1[i] = b0[i] * 2.0\n",
        "void(CPointer(float64), CPointer(float64), int64)",
    ),
    "elements",
)


class FakeLibrary:
    """Answers as a driver does whose device is an sm_86 with 30 multiprocessors; memory is this process' own."""

    def __init__(self, status: dict[str, int] | None = None):
        self.status, self.calls, self.images = status or {}, [], []
        self.buffers: dict[int, ctypes.Array] = {}

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append(name)
            if name in self.status:
                return self.status[name]
            answer = getattr(type(self), "_" + name, None)
            if answer is not None:
                answer(self, *arguments)
            return 0

        return call

    def _cuDeviceGetName(self, text, size, handle):
        text.value = b"Fake GPU"

    def _cuDeviceGetAttribute(self, found, attribute, handle):
        found._obj.value = {16: 30, 75: 8, 76: 6}[attribute]

    def _cuModuleLoadData(self, module, image):
        self.images.append(image)

    def _cuMemAlloc_v2(self, address, size):
        buffer = ctypes.create_string_buffer(size.value)
        address._obj.value = ctypes.addressof(buffer)
        self.buffers[address._obj.value] = buffer

    def _cuMemFree_v2(self, address):
        del self.buffers[address.value]

    def _cuMemcpyHtoD_v2(self, target, source, size):
        ctypes.memmove(target.value, source, size.value)

    def _cuMemcpyDtoH_v2(self, target, source, size):
        ctypes.memmove(target, source.value, size.value)

    def _cuLaunchKernel(self, kernel, *rest):
        *grid, _, _, places, _ = rest  # shared memory, stream, and more
        values = [ctypes.cast(place, ctypes.POINTER(ctypes.c_int64)).contents.value for place in places]
        self.launched = grid, values


def test_memory_goes_there_and_back():
    device = CudaDevice(library=FakeLibrary())
    array = np.arange(12.0).reshape(3, 4)
    address = device.allocate(array.nbytes)
    device.write(address, array.T)
    np.testing.assert_array_equal(device.read(address, (4, 3), array.dtype), array.T)
    device.release(address)
    assert not device.library.buffers


def test_kernels_are_compiled_for_the_device_and_launched():
    library = FakeLibrary()
    device = CudaDevice(library=library)
    assert (device.name, device.architecture, device.most_blocks) == ("Fake GPU", "sm_86", 240)
    (kernel,) = device.load([KERNEL])
    assert re.search(rb"\.target sm_86\b", library.images[0])
    device.launch(kernel, 7, 256, (1 << 40, 2 << 40, 1000), waits=False)
    assert library.launched == ([7, 1, 1, 256, 1, 1], [1 << 40, 2 << 40, 1000])
    assert library.calls.index("cuInit") < library.calls.index("cuDevicePrimaryCtxRetain")
    assert library.calls.index("cuCtxSetCurrent") < library.calls.index("cuModuleLoadData")


def test_no_gpu_and_no_driver_are_said(monkeypatch):
    with pytest.raises(CudaError, match="finds no GPU"):
        CudaDevice(library=FakeLibrary({"cuInit": 100}))
    with pytest.raises(CudaError, match="cuMemAlloc_v2: error 2"):
        CudaDevice(library=FakeLibrary({"cuMemAlloc_v2": 2})).allocate(10)
    monkeypatch.setattr(cuda_device, "LIBRARY", {})
    with pytest.raises(CudaError, match="needs an NVIDIA GPU and its driver"):
        CudaDevice()
