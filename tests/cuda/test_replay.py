"""The short way of calls that come again: what moved is noted, and whatever is not as it was goes the long way."""

from __future__ import annotations

import ctypes
import math
from typing import ClassVar

import numpy as np
import pytest

import graphc
from graphc.config import override, settings
from graphc.cuda_runner import CudaRunner
from graphc.runtime import cuda_calls, cuda_submit
from graphc.runtime.cuda_arrays import view_of
from graphc.runtime.cuda_devices import Prepared, emulator
from graphc.runtime.cuda_memory import sent
from tests.cuda import fake_cupy

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
X = np.random.default_rng(1).normal(size=(6, 5))
LARGE = np.random.default_rng(2).normal(size=9000)  # more than is copied


@pytest.fixture(autouse=True)
def emulated(monkeypatch):
    """The emulator; ``captured``: the graphs, ``long``: how many calls went the long way."""
    device = emulator()
    device.long, run, original = 0, CudaRunner.run, device.capture
    device.captured = []

    def counted(self, inputs):
        device.long += 1
        return run(self, inputs)

    monkeypatch.setattr(CudaRunner, "run", counted)
    monkeypatch.setattr(device, "capture", lambda run: device.captured.append(original(run)) or device.captured[-1])
    with override(cuda_emulator=True):
        yield device


def test_arrays_that_move_are_found_again(emulated):
    f = graphc.value_and_grad(lambda p, x, scale: np.sum(np.sin(p["w"] * x)) * scale + np.sum(p["b"][0]))
    w, kept = sent(X, 0), []
    for step in range(8):
        x, scale = X + step, 1.5 + step
        value, gradient = f({"w": w, "b": [sent(X[0] * step, 0)]}, sent(x, 0), scale)
        kept.append((value, gradient))  # so that nothing comes to the same place again
        np.testing.assert_allclose(value.copy_to_host(), np.sum(np.sin(X * x)) * scale + np.sum(X[0] * step))
        np.testing.assert_allclose(gradient["w"].copy_to_host(), x * scale * np.cos(X * x), rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(gradient["b"][0].copy_to_host(), 1.0)
    assert emulated.long <= 4
    assert len(emulated.captured) <= 2
    assert f.cache_info() == {"calls_traced": 1, "programs": 1}


def test_what_is_not_as_it_was_goes_the_long_way(emulated):
    f = graphc.jit(lambda x, n: x * n)
    x = sent(X, 0)
    for _ in range(4):
        f(x, 2.0)
    before = emulated.long
    assert f(x, 3.0).copy_to_host()[0, 0] == 3 * X[0, 0]
    assert emulated.long == before
    for given, number in ((sent(X[:3], 0), 2.0), (sent(X.astype(np.float32), 0), 2.0), (x, 2), (x, np.float32(2))):
        expected = given.copy_to_host() * number
        np.testing.assert_allclose(f(given, number).copy_to_host(), expected, rtol=1e-6)
    np.testing.assert_array_equal(f(x=x, n=2.0).copy_to_host(), 2 * X)
    np.testing.assert_array_equal(f(X, 2.0), 2 * X)  # NumPy's: another program
    with pytest.raises(TypeError):
        f(x)


@pytest.mark.parametrize("way", ["native", "printed"])
def test_the_host_computes_with_pythons_numbers(emulated, monkeypatch, way):
    """In double precision, as Python does, at each call anew; kernels read what is left of it in single precision."""
    if way == "printed":
        monkeypatch.setattr(cuda_calls, "_is_known", lambda: False)

    def f(x, years, rate):
        return x * math.sqrt(years), x * (1 - rate**years), x * rate, x / math.sqrt(x.shape[1])

    compiled, x = graphc.jit(f), X.astype(np.float32)
    there = sent(x, 0)
    for years in (2.0, 3.0, 4.0, 5.0, 6.0):
        found = compiled(there, years, 0.999999)
        numbers = math.sqrt(years), 1 - 0.999999**years, 0.999999
        for result, number in zip(found, (*numbers, None), strict=True):
            expected = x / np.float32(np.sqrt(5.0)) if number is None else x * np.float32(number)
            np.testing.assert_array_equal(result.copy_to_host(), expected)
        before = emulated.long
    found = compiled(there, 7.0, 0.5)
    np.testing.assert_array_equal(found[1].copy_to_host(), x * np.float32(1 - 0.5**7))
    np.testing.assert_array_equal(compiled(sent(x[:, :4], 0), 7.0, 0.5)[3].copy_to_host(), x[:, :4] / 2)
    assert emulated.long == before + 1 <= 5


def test_numbers_that_are_on_the_device_are_read(emulated):
    """As the second program of a ``vjp`` gets them, whose first one has saved them."""
    graph = graphc.jit(lambda x, scale: x * math.exp(scale)).graph("final", X.astype(np.float32), 0.5)
    runner = CudaRunner(graph, emulated)
    given = [view_of(sent(array, 0)) for array in (X.astype(np.float32), np.array(0.5))]
    (found,) = runner.run(given)
    np.testing.assert_array_equal(found.copy_to_host(), X.astype(np.float32) * np.float32(np.exp(0.5)))


def test_large_arrays_stay_where_they_are(emulated):
    f = graphc.jit(lambda x, y: (x * y, np.sum(x)))
    y, results = sent(LARGE, 0), []
    for step in range(5):
        product, total = f(sent(LARGE + step, 0), y)
        results.append(product)
        np.testing.assert_array_equal(product.copy_to_host(), (LARGE + step) * LARGE)
        np.testing.assert_allclose(total.copy_to_host(), np.sum(LARGE + step))
    assert not emulated.captured  # each call has other addresses
    x = sent(LARGE, 0)
    for _ in range(4):
        product = None  # its memory is free for the next one
        product, _ = f(x, y)
    np.testing.assert_array_equal(product.copy_to_host(), LARGE * LARGE)


class Counted(fake_cupy.ndarray):
    """``read``: the names of what is asked of such arrays."""

    __module__ = "cupy"
    read: ClassVar[list[str]] = []

    def __getattribute__(self, name):
        Counted.read.append(name)
        return super().__getattribute__(name)


def test_of_cupys_arrays_as_little_is_read_as_there_can_be(emulated):
    f = graphc.value_and_grad(lambda p, x, scale: np.sum(np.sin(p["w"] * x)) * scale + np.sum(p["b"]))
    with fake_cupy.installed():
        w, b = (Counted(v.shape, v.dtype, v) for v in (X, X[0].copy()))
        for step in range(8):
            moved = Counted(X.shape, X.dtype, X + step)
            Counted.read, before, entered = [], emulated.long, fake_cupy.Device.entered
            value, gradient = f({"w": w, "b": b}, moved, 1.5)
            np.testing.assert_allclose(value.values, np.sum(np.sin(X * (X + step))) * 1.5 + np.sum(X[0]))
            np.testing.assert_allclose(gradient["w"].values, 1.5 * (X + step) * np.cos(X * (X + step)), rtol=1e-12)
    assert emulated.long == before
    assert sorted(Counted.read) == sorted(3 * ["_c_contiguous", "data", "dtype", "shape"] + ["data"])
    assert fake_cupy.Device.entered == entered + 1  # for all three results


def test_a_small_array_of_another_device_is_no_known_one(emulated):
    f = graphc.jit(lambda x, y: x * y)
    with fake_cupy.installed():
        y, *arrays = [fake_cupy.array(X + step) for step in range(6)]
        for x in arrays:
            f(x, y)
        before = emulated.long
        f(arrays[0], y)
        assert emulated.long == before
        with fake_cupy.DEVICES[1]:
            elsewhere = fake_cupy.array(X)
        with pytest.raises(graphc.CudaError, match=r"argument 0 is on device 1, and argument 1 on device 0"):
            f(elsewhere, y)


def test_a_wrong_index_is_reported_with_the_sizes_that_it_had():
    pick = graphc.jit(lambda x, i: x[i] * 2)
    good = sent(np.array([1, -1]), 0)
    for _ in range(4):
        pick(sent(np.arange(4.0), 0), good)
        pick(sent(np.arange(7.0), 0), good)
    found = pick(sent(np.arange(4.0), 0), sent(np.array([4, 0]), 0))
    assert np.isnan(found.copy_to_host()).all()
    with pytest.raises(graphc.IndexRangeError, match="size 4"):
        pick(sent(np.arange(7.0), 0), good)
    np.testing.assert_array_equal(pick(sent(np.arange(7.0), 0), good).copy_to_host(), [2.0, 12.0])


def test_recorded_tensors_take_it_too(emulated):
    weight = graphc.tensor(X, device="cuda", requires_grad=True)
    found = []
    for step in range(6):
        loss = (weight * graphc.tensor(X * step, device="cuda")).sum()
        (gradient,) = graphc.autograd.grad(loss, [weight])
        found.append(gradient)
        before = emulated.long
    np.testing.assert_array_equal(found[-1].cpu().numpy(), X * 5)
    assert emulated.long == before <= 4


def test_one_native_call_asks_the_driver_for_all_of_it():
    asked = []

    def noting(name, count, status=0):
        def call(*arguments):
            asked.append((name, *arguments[:2]))
            if name == "launch":
                address = ctypes.c_int64.from_address(arguments[10] + 8).value
                asked.append((arguments[4], *(ctypes.c_int64 * 3).from_address(address)))
            return status

        return ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_int64] * count)(call)

    counts = {"push": 1, "pop": 1, "launch": 11, "replay": 2, "record": 2}
    functions = [noting(name, count) for name, count in counts.items()]
    words = np.array([5, 6, 1], np.int64)
    before, after = Prepared(ctypes.c_void_p(71), 2, 64, words), Prepared(ctypes.c_void_p(72), 3, 32, words)
    failures = []
    repeat = cuda_submit.Submission(functions, (11, 12, 13, 14), [before], [after], lambda *what: failures.append(what))
    words[0] = 9
    repeat()
    assert [entry[0] for entry in asked] == ["push", "launch", 64, "replay", "launch", 32, "record", "pop"]
    assert asked[0][1] == 11
    assert asked[1][1:] == (71, 2)
    assert asked[2] == (64, 9, 6, 1)
    assert asked[3][1:] == (14, 12)
    assert asked[6][1:] == (13, 12)
    assert not failures
    functions[3] = noting("replay", 2, 700)
    cuda_submit.Submission(functions, (11, 12, 13, 14), [], [], lambda *what: failures.append(what))()
    assert failures == [("cuGraphLaunch", 700)]
    assert asked[-1][0] == "pop"
