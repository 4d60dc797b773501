"""Arrays that are on a device already: here the emulator's, whose addresses are this process' own."""

from __future__ import annotations

import gc
import sys
import types

import numpy as np
import pytest
import scipy.special

import graphc
from graphc.config import override, settings
from graphc.runtime import cuda_arrays
from graphc.runtime.cuda_arrays import DeviceArray
from graphc.runtime.cuda_devices import emulator
from graphc.scalar_special.table import FUNCTIONS
from tests.cuda import fake_cupy

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
X = np.random.default_rng(1).normal(size=(6, 5))


class OnDevice:
    """An array of some library's: NumPy's memory, and the interface of a device array."""

    def __init__(self, values, stream=None):
        self.values, self.stream = values, stream

    @property
    def __cuda_array_interface__(self):
        said = self.values.__array_interface__
        return {key: said[key] for key in ("shape", "typestr", "strides", "data")} | {
            "version": 3,
            "stream": self.stream,
        }


class WithDLPack:
    """An array of a library that follows the array API, with DLPack and nothing else."""

    def __init__(self, values, number=0):
        self.values, self.number = values, number

    def __dlpack_device__(self):
        return 2, self.number

    def __dlpack__(self, *, stream=None):
        return self.values.__dlpack__()

    def __array_namespace__(self):
        return types.SimpleNamespace(from_dlpack=lambda made: WithDLPack(made.copy_to_host()))


@pytest.fixture(autouse=True)
def emulated():
    with override(cuda_emulator=True):
        yield emulator()


def loss(x, w):
    return np.sum(np.tanh(x @ w) ** 2)


def test_results_are_on_the_device():
    w = np.arange(5.0)
    value, gradient = graphc.value_and_grad(loss)(OnDevice(X), OnDevice(w))
    expected = graphc.value_and_grad(loss)(X, w)
    assert type(gradient) is DeviceArray
    assert (gradient.shape, gradient.dtype, value.shape) == (X.shape, X.dtype, ())
    np.testing.assert_allclose(value.copy_to_host(), expected[0], rtol=1e-14)
    np.testing.assert_allclose(gradient.copy_to_host(), expected[1], rtol=1e-13)
    again = graphc.jit(lambda g: 2 * g)(gradient)  # its own arrays are arguments, too
    np.testing.assert_allclose(again.copy_to_host(), 2 * expected[1], rtol=1e-13)


def test_numbers_come_from_the_host_and_from_the_device():
    f = graphc.grad(lambda x, scale, shift: np.sum(scale * x**2 + shift * x))
    for scale in (2.0, 3.0):
        found = f(OnDevice(X), scale, OnDevice(np.array(0.5)))
        np.testing.assert_allclose(found.copy_to_host(), 2 * scale * X + 0.5, rtol=1e-14)
    assert f.cache_info()["programs"] == 1


@pytest.mark.parametrize("make", [
    lambda x: x.T, lambda x: x[::2, 1:], lambda x: x[:, ::-1], lambda x: x[1:], lambda x: np.broadcast_to(x[0], (4, 5)),
])  # fmt: skip
def test_other_layouts_are_copied(make):
    x = make(X)
    found = graphc.jit(lambda x: np.exp(x) + 1)(OnDevice(x))
    np.testing.assert_allclose(found.copy_to_host(), np.exp(x) + 1, rtol=1e-14)


def test_sizes_that_show_when_the_program_has_run():
    found = graphc.jit(lambda x: (x[x > 0], np.sum(x)))(OnDevice(X))
    np.testing.assert_array_equal(found[0].copy_to_host(), X[X > 0])
    assert found[0].shape == (np.sum(X > 0),)


def test_nested_arguments_and_none():
    def f(params, scale):
        return np.sum(params["a"] * params["b"][0]) * scale

    params = {"a": OnDevice(X), "b": [OnDevice(X + 1)]}
    gradient = graphc.grad(f)(params, 2)
    np.testing.assert_allclose(gradient["a"].copy_to_host(), 2 * (X + 1))
    np.testing.assert_allclose(gradient["b"][0].copy_to_host(), 2 * X)


def test_steps_that_repeat_are_captured(emulated):
    f = graphc.jit(lambda x: np.sum(np.sin(x), axis=0) * x)
    x = OnDevice(X.copy())
    captured = []
    original = emulated.capture
    emulated.capture = lambda run: captured.append(original(run)) or captured[-1]
    try:
        for _ in range(4):
            found = f(x)
            np.testing.assert_allclose(found.copy_to_host(), np.sum(np.sin(x.values), axis=0) * x.values, rtol=1e-14)
            x.values += 0.25  # in place: the same addresses
            keep, found = id(found), None
            gc.collect()
            assert keep
    finally:
        del emulated.capture
    assert len(captured) <= 1  # where the pool gives the same memory again


def test_mixed_residency_is_an_error():
    f = graphc.grad(lambda p, y: np.sum(p["w"] * y))
    with pytest.raises(graphc.CudaError, match=r"argument 0\['w'\] is on device 0 .* and argument 1 is a NumPy array"):
        f({"w": OnDevice(X)}, X)
    with pytest.raises(graphc.CudaError, match=r"and y is a NumPy array"):
        f({"w": OnDevice(X)}, y=X)
    with pytest.raises(graphc.CudaError, match="argument 1 a WithDLPack: convert one"):
        f({"w": OnDevice(X)}, WithDLPack(X))
    with pytest.raises(graphc.CudaError, match="X, which the function reads from outside, is a NumPy array"):
        graphc.jit(lambda x: x * X)(OnDevice(X))
    found = graphc.jit(lambda x: x * np.arange(5.0))(OnDevice(X))  # made by the function: part of the program
    np.testing.assert_array_equal(found.copy_to_host(), X * np.arange(5.0))


def test_what_is_not_there_for_the_device_yet(monkeypatch):
    monkeypatch.delitem(FUNCTIONS, "mathieu_a")
    with pytest.raises(graphc.UnsupportedError, match='mathieu_a is not there for target="cuda"'):
        graphc.jit(lambda x: scipy.special.mathieu_a(2, x))(OnDevice(np.eye(3)))
    with override(disable_jit=True), pytest.raises(graphc.UnsupportedError, match="cannot be interpreted"):
        graphc.grad(np.sum)(OnDevice(X))


def test_a_wrong_index_makes_nan_and_the_next_call_raises():
    pick = graphc.jit(lambda x, i: (x[i] * 2, i + 1))
    x, good, bad = OnDevice(np.arange(4.0)), OnDevice(np.array([3, -1])), OnDevice(np.array([0, 4]))
    np.testing.assert_array_equal(pick(x, good)[0].copy_to_host(), [6.0, 6.0])
    values, positions = pick(x, bad)
    assert np.isnan(values.copy_to_host()).all()
    np.testing.assert_array_equal(positions.copy_to_host(), [1, 5])
    with pytest.raises(graphc.IndexRangeError, match="size 4"):
        pick(x, good)
    np.testing.assert_array_equal(pick(x, good)[0].copy_to_host(), [6.0, 6.0])


def test_streams_wait_for_each_other(emulated, monkeypatch):
    gc.collect()  # programs of other tests wait when they end
    waits = []
    monkeypatch.setattr(emulated, "follow", lambda stream, other: waits.append((stream, other)))
    monkeypatch.setattr(emulated, "wait_for", lambda mark, stream: waits.append(stream))
    f = graphc.jit(lambda x, y: x + y)
    f(OnDevice(X, 7), OnDevice(X, 7))
    assert waits == []
    f(OnDevice(X, 7), OnDevice(X, 9))
    assert waits == [(7, 9), (9, 7)]
    found = f(OnDevice(X, 1), OnDevice(X))  # both are the legacy default stream
    assert waits[2:] == [0]  # until the step before it is done: the program's memory is one block
    assert found.__cuda_array_interface__["stream"] == 1
    found.__dlpack__(stream=5)
    assert waits[3:] == [(5, 0)]


def test_dlpack_and_the_array_api():
    found = graphc.grad(lambda x: np.sum(x**3))(WithDLPack(X[:, ::2]))
    assert type(found) is WithDLPack
    np.testing.assert_allclose(found.values, 3 * X[:, ::2] ** 2)


def test_own_arrays_are_read_by_others(emulated):
    before = set(emulated.memory)
    made = graphc.jit(lambda x: x + 1)(OnDevice(X))
    capsule = made.__dlpack__()
    said = cuda_arrays.dlpack.described(capsule)
    assert (said.address, said.shape, said.dtype) == (made.address, X.shape, X.dtype)
    address = made.address
    del made
    gc.collect()
    assert address in emulated.memory  # the capsule's consumer may still read it
    del capsule
    gc.collect()
    assert address not in emulated.memory
    assert len(set(emulated.memory) - before) <= 1


def test_torch_tensors_give_torch_tensors(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)  # their memory is the emulator's
    monkeypatch.setattr(torch.cuda, "current_stream", lambda number: types.SimpleNamespace(cuda_stream=0))
    x = torch.arange(12.0, dtype=torch.float32).reshape(3, 4).requires_grad_()
    value, gradient = graphc.value_and_grad(lambda x: np.sum(x.T**2))(x)
    assert type(gradient) is torch.Tensor
    assert (gradient.dtype, tuple(gradient.shape)) == (torch.float32, (3, 4))
    torch.testing.assert_close(gradient, 2 * x.detach())
    assert float(value) == float((x.detach() ** 2).sum())
    picked = graphc.jit(lambda x: x[x > 4])(x.T)
    torch.testing.assert_close(picked, x.detach().T[x.T > 4])
    pytest.importorskip("ml_dtypes")
    doubled = graphc.jit(lambda x: x * 2)(torch.ones(3, dtype=torch.bfloat16))
    assert (doubled.dtype, doubled.tolist()) == (torch.bfloat16, [2.0, 2.0, 2.0])
    put_off = torch.tensor([1 + 2j, 3 - 1j])  # PyTorch conjugates where the values are read
    twice = graphc.jit(lambda z: z * 2)
    for given in (put_off, put_off, put_off, put_off.conj(), put_off.conj().imag[:1]):
        torch.testing.assert_close(twice(given), 2 * given.resolve_conj().resolve_neg())


def test_a_tensor_that_is_not_on_a_device_stays_what_it_was():
    torch = pytest.importorskip("torch")
    with pytest.raises(graphc.TraceTypeError, match="it is Tensor"):
        graphc.grad(np.sum)(torch.ones(3))


def test_cupys_arrays_give_their_own():
    with fake_cupy.installed():
        found = graphc.jit(lambda x: (x * 2, x[x > 0]))(fake_cupy.array(X))
    assert type(found[0]) is type(found[1]) is fake_cupy.ndarray
    np.testing.assert_array_equal(found[0].values, X * 2)
    np.testing.assert_array_equal(found[1].values, X[X > 0])


def test_numbas_arrays_give_their_own(monkeypatch):
    class Array(OnDevice):
        __module__ = "numba.cuda.devicearray"

        def __getitem__(self, key):
            return Array(self.values[key])

        def reshape(self, shape):
            return Array(self.values.reshape(shape))

    def device_array(shape, dtype, stream):
        aligned = np.empty(int(np.prod(shape)) * dtype.itemsize + 16, np.uint8)
        return Array(np.ndarray(shape, dtype, aligned.data, -aligned.ctypes.data % 16))

    monkeypatch.setitem(sys.modules, "numba.cuda", types.SimpleNamespace(device_array=device_array))
    found = graphc.jit(lambda x: (x * 2, x[x > 0]))(Array(X))
    assert type(found[0]) is type(found[1]) is Array
    np.testing.assert_array_equal(found[0].values, X * 2)
    np.testing.assert_array_equal(found[1].values, X[X > 0])
