"""The binding of NVIDIA's driver, over a library that records what it is asked: no GPU stands behind these tests."""

from __future__ import annotations

import gc
import re

import numpy as np
import pytest

import graphc
from graphc.codegen.cuda_chores import whole_kernel
from graphc.config import override, settings
from graphc.errors import CudaError
from graphc.runtime import cuda_device
from graphc.runtime.cuda_arrays import DeviceArray
from graphc.runtime.cuda_blas import Blas
from graphc.runtime.cuda_device import CudaDevice
from graphc.runtime.cuda_libraries import CUBLAS
from graphc.runtime.cuda_memory import sent
from tests.cuda.fake_cuda import FakeBlas, FakeCuda, FakeDevice
from tests.cuda.test_residency import OnDevice

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
KERNEL = whole_kernel(
    "twice",
    "def NAME(b0, b1, count):\n"
    "    for i in range(global_index(), count, global_count()):\n"
    "        b1[i] = b0[i] * 2.0\n",
    ["f64", "f64"], 0, "elements",
)  # fmt: skip
X = np.random.default_rng(2).normal(size=(7, 5))


@pytest.fixture
def fake(monkeypatch):
    """The device of all programs, whose kernels nobody assembles."""
    made = FakeDevice()
    monkeypatch.setattr(cuda_device, "image_of", lambda *kernel: b"not assembled here")
    monkeypatch.setattr(cuda_device, "numbered_device", lambda number: made)
    with override(cuda_emulator=False):
        yield made


# --- the binding ------------------------------------------------------------------------------------------------------


def test_memory_goes_there_and_back():
    device = FakeDevice()
    array, found = np.arange(12.0).reshape(3, 4), np.empty((3, 4))
    address = device.allocate(array.nbytes, device.stream)
    device.write(address, array, device.stream)
    device.read([(address, found)], device.stream)
    np.testing.assert_array_equal(found, array)
    device.clear(address, 16, device.stream)
    device.read([(address, found)], device.stream)
    np.testing.assert_array_equal(found.ravel()[:3], [0, 0, 2])
    device.release(address, device.stream)
    assert not device.library.buffers


def test_memory_of_small_arrays_is_used_again(fake):
    def new(size, stream=fake.stream):
        return DeviceArray((size,), np.dtype(np.float32), 0, stream)

    def asked():
        return fake.library.calls["cuMemAllocAsync"], fake.library.calls["cuMemFreeAsync"]

    first, other = new(5), new(5)
    places, before = {first.address, other.address}, asked()
    first, other = None, None
    first, other = new(5), new(5)
    assert {first.address, other.address} == places
    assert asked() == before
    new(6), new(5, fake.stream + 1), new(1 << 20)  # of another size, on another stream, and large
    assert asked() == (before[0] + 3, before[1] + 2)
    many = [new(1 << 14) for _ in range(20)]
    assert len({array.address for array in many}) == 20
    before = asked()
    many.clear()
    assert asked() == (before[0], before[1] + 4)  # a megabyte of one size is kept
    kept = [fake.library.buffers.pop(place) for blocks in fake.spare.values() for place in blocks]
    assert len(kept) == 1 + 16


def test_kernels_are_assembled_once_for_a_device_and_kept_on_disk(tmp_path):
    with override(cache_dir=tmp_path):
        first, second = FakeDevice(), FakeDevice()
        assert (first.name, first.architecture, first.most_blocks) == ("Fake GPU", "sm_86", 240)
        first.load([KERNEL, KERNEL])
        second.load([KERNEL])
    calls = ("cuLinkComplete", "cuModuleLoadData", "cuModuleUnload")
    assert [first.library.calls[name] for name in calls] == [1, 2, 1]  # once to ask whether it spills
    assert b".target sm_86" in first.library.images[0]
    assert [second.library.calls[name] for name in calls] == [0, 1, 0]
    assert second.library.images == first.library.images[:1]


def test_a_kernel_that_spills_is_assembled_for_fewer_blocks(tmp_path, monkeypatch):
    def local_size(library, found, attribute, function):
        assert attribute == 3
        found._obj.value = {b"4": 68, b"3": 4}.get(re.search(rb"minnctapersm (\d)", library.images[-1]).group(1), 0)

    monkeypatch.setattr(FakeCuda, "_cuFuncGetAttribute", local_size, raising=False)
    with override(cache_dir=tmp_path):
        device = FakeDevice()
        device.load([KERNEL])
    asked = [re.search(rb"minnctapersm (\d)", image).group(1) for image in device.library.images]
    assert asked == [b"4", b"1", b"3", b"2", b"2"]


def test_a_launch_packs_its_arguments():
    device = FakeDevice(FakeCuda(runs=False))
    (kernel,) = device.load([KERNEL])
    device.launch(kernel, 7, 256, (1 << 40, -2, 1000), 5)
    assert device.library.launches == [(KERNEL.printed.name, 7, 256, 5, (1 << 40, -2, 1000), 0)]


def test_every_use_restores_the_context_of_the_thread():
    device = FakeDevice()
    calls = device.library.calls
    with pytest.raises(ZeroDivisionError), device.current():
        1 / 0
    assert calls["cuCtxPushCurrent_v2"] == calls["cuCtxPopCurrent_v2"] > 0
    assert calls["cuCtxSetCurrent"] == 0


def test_no_gpu_and_no_driver_are_said(monkeypatch):
    with pytest.raises(CudaError, match="finds no GPU"):
        CudaDevice(library=FakeCuda({"cuInit": 100}))
    with pytest.raises(CudaError, match="there is no device 3"):
        CudaDevice(3, library=FakeCuda())
    for status, said in ((700, "compute-sanitizer"), (400, "that is gone"), (3, "'spawn'"), (999, "error 999$")):
        with pytest.raises(CudaError, match=said):
            CudaDevice(library=FakeCuda({"cuMemAllocAsync": status})).allocate(10, 0)
    monkeypatch.setattr(cuda_device, "LIBRARY", {})
    function = graphc.grad(np.sum, target="cuda")
    with override(cuda_emulator=False), pytest.raises(CudaError, match="needs an NVIDIA GPU and its driver"):
        function(X)


def test_the_mark_of_a_step_comes_after_all_of_it(fake, monkeypatch):
    """Another stream waits for the mark, and memory is given back after it: results are copied before."""
    asked, launch = [], FakeCuda._cuLaunchKernel

    def noted(name):
        return lambda library, *arguments: asked.append((name, arguments[-1].value or 0))

    def launched(library, *arguments):
        asked.append(("launch", arguments[-3].value or 0))
        launch(library, *arguments)

    monkeypatch.setattr(FakeCuda, "_cuLaunchKernel", launched)
    monkeypatch.setattr(FakeCuda, "_cuEventRecord", noted("mark"), raising=False)
    monkeypatch.setattr(FakeCuda, "_cuMemsetD8Async", noted("clear"))
    double = graphc.jit(lambda x: x * 2)
    kept = []
    for step in range(5):
        given = sent(X + step, 0)
        asked.clear()
        kept.append(double(given))
        stream = double(given).stream
        assert asked[-1] == ("mark", stream), asked
        assert "launch" in dict(asked)
        np.testing.assert_array_equal(kept[-1].copy_to_host(), 2 * (X + step))


def test_no_memory_is_said_and_harms_no_later_call(fake):
    double = graphc.jit(lambda x: x * 2, target="cuda")
    np.testing.assert_array_equal(double(X), X * 2)
    spare = DeviceArray((3,), X.dtype, 0, fake.stream)
    del spare
    fake.library.status["cuMemAllocAsync"] = 2
    large = np.ones((700, 5))
    with pytest.raises(MemoryError, match=r"device 0 \(Fake GPU\) has no memory of \d+ bytes: 5 of its 7 are free"):
        double(large)
    assert not any(fake.spare.values())  # given back first
    with pytest.raises(graphc.CudaMemoryError):
        double(X)  # its block is not there any more
    del fake.library.status["cuMemAllocAsync"]
    np.testing.assert_array_equal(double(X), X * 2)
    np.testing.assert_array_equal(double(large), large * 2)


# --- programs ---------------------------------------------------------------------------------------------------------


def loss(x, w, scale):
    return np.sum(np.tanh(x @ w) ** 2) * scale


def test_a_step_is_launched_then_captured_then_replayed(fake):
    f, w = graphc.value_and_grad(loss, target="cuda"), np.ones((5, 3))
    library, launched = fake.library, []
    for scale in (1.0, 2.0, 3.0, 4.0):
        library.launches.clear()
        value, gradient = f(X, w, scale)
        expected = graphc.value_and_grad(loss)(X, w, scale)
        np.testing.assert_allclose(value, expected[0], rtol=1e-13)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-12)
        launched.append([launch.kernel.split("_")[1] for launch in library.launches])
    assert launched[0][0] == "pack"  # the single number, in one launch
    assert len(launched[0]) > 2
    assert launched[1:] == [["pack"]] * 3
    assert len(library.graphs) == 1
    assert library.calls["cuGraphLaunch"] == 3
    assert library.calls["cuMemAllocAsync"] == 1
    assert library.calls["cuStreamSynchronize"] == 4  # one for the results of each call
    assert {launch.stream for launch in library.launches} == {fake.stream}


def test_of_a_capture_that_fails_at_its_end_no_graph_stays(fake):
    def run(stream, outside):
        fake.library.graphs[-1].append(lambda: None)
        outside(lambda stream: None)
        fake.library.status["cuStreamEndCapture"] = 901  # CUDA_ERROR_STREAM_CAPTURE_INVALIDATED

    with pytest.raises(CudaError):
        fake.capture(run)
    calls = fake.library.calls
    assert calls["cuGraphExecDestroy"] == calls["cuGraphInstantiateWithFlags"] == 1


def test_another_size_is_another_graph_in_the_same_memory(fake):
    f = graphc.grad(lambda x: np.sum(np.sin(x) ** 2), target="cuda")
    for x in (X, X[:3], X, X[:3], X, X[:3]):
        np.testing.assert_allclose(f(x), np.sin(2 * x), rtol=1e-13)
    assert len(fake.library.graphs) == 2
    assert fake.library.calls["cuMemAllocAsync"] == 1
    f(np.ones((70, 5)))  # too large for it
    assert fake.library.calls["cuMemAllocAsync"] == 2
    assert fake.library.calls["cuGraphExecDestroy"] == 2
    assert len(fake.library.buffers) == 1


def test_nothing_waits_where_results_stay_on_the_device(fake):
    f = graphc.grad(lambda x, i: np.sum(x[i] ** 2))
    x, index = OnDevice(X), OnDevice(np.array([1, -1, 2]))
    for _ in range(3):
        found = f(x, index)
        assert type(found) is DeviceArray
    assert fake.library.calls["cuStreamSynchronize"] == 0
    expected = np.zeros_like(X)
    expected[[1, -1, 2]] = 2 * X[[1, -1, 2]]
    np.testing.assert_allclose(found.copy_to_host(), expected)


def test_a_loop_that_decides_is_no_graph(fake):
    def halved(x):
        while np.sum(x) > 1:
            x = x / 2
        return x

    f = graphc.jit(halved, target="cuda")
    for start in (8.0, 32.0, 32.0):
        np.testing.assert_allclose(f(np.full(4, start)), np.full(4, 0.25))
    assert not fake.library.graphs


def test_memory_of_dead_programs_is_given_back(fake):
    f = graphc.jit(lambda x: x + 1, target="cuda")
    f(X)
    assert fake.library.bytes > 0
    del f
    gc.collect()
    assert fake.library.bytes == 0


# --- matrix products --------------------------------------------------------------------------------------------------


def products(a, b, c, d):
    """Transposes, batches with one and with two strides, a sum of products."""
    scores = np.swapaxes(c.reshape(2, 4, 3, 2), 1, 2) @ np.swapaxes(d.reshape(2, 4, 3, 2), 1, 2).swapaxes(2, 3)
    return np.sum(np.tanh(a @ b + a @ b[:, ::-1]) ** 2) + np.sum(np.sin(scores)) + np.sum((a.T @ a) ** 3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_products_by_a_vendors_library(monkeypatch, dtype):
    library = FakeBlas()
    device = FakeDevice(blas=lambda: Blas(library))
    monkeypatch.setattr(cuda_device, "image_of", lambda *kernel: b"not assembled here")
    monkeypatch.setattr(cuda_device, "numbered_device", lambda number: device)
    rng = np.random.default_rng(0)
    args = [rng.normal(size=s).astype(dtype) for s in ((6, 5), (5, 4), (2, 4, 6), (2, 4, 6))]
    wanted = (0, 1, 2, 3)
    with override(cuda_emulator=False):
        found = graphc.value_and_grad(products, argnums=wanted, target="cuda")(*args)
    expected = graphc.value_and_grad(products, argnums=wanted)(*args)
    tolerance = 1e-12 if dtype == np.float64 else 2e-4
    np.testing.assert_allclose(found[0], expected[0], rtol=tolerance)
    for ours, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, other, rtol=tolerance, atol=tolerance)
    assert len(library.calls) >= 6
    assert max(count for count, *_ in library.calls) >= 3
    assert not any("gemm" in launch.kernel for launch in device.library.launches)
    assert device.stream in library.settings


def test_where_cublas_is_looked_for():
    names = list(CUBLAS.candidates())
    assert names[0] == "libcublas.so.13"
    assert all("libcublas.so" in name for name in names)
    large = cuda_device.Product(0, "f64", 1, (0, 0, 0), (2**31, 1, 1), (1, 1, 1), 1, ((0, 0),) * 3)
    with pytest.raises(CudaError, match="above 2"):
        Blas(FakeBlas()).multiply(large, 0, 0)
