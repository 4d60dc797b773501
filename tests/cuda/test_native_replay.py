"""Captured steps that native code serves: PyTorch's tensors by DLPack's table, graphc's own arrays by their fields."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import types

import numpy as np
import pytest

import graphc
from benchmarks.gpu.host_cost import idle_device
from graphc.config import override, settings
from graphc.runtime import cuda_calls, dlpack_exchange, object_layout
from graphc.runtime.cuda_call_layout import Table
from graphc.runtime.cuda_devices import emulator
from graphc.runtime.cuda_memory import DeviceArray, SharedArray, sent
from graphc.runtime.cuda_program import LoadedProgram
from graphc.runtime.cuda_submit import Submission, address_of
from graphc.runtime.cuda_submit_layout import Submit
from graphc.runtime.dlpack_exchange import exchange_of

pytestmark = [
    pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled"),
    pytest.mark.skipif(not object_layout.KNOWN, reason="objects of another layout: printed functions serve"),
]
X = np.random.default_rng(1).normal(size=(6, 5))


@pytest.fixture
def torch(monkeypatch):
    """PyTorch, whose tensors say that they are on a device: their memory is the emulator's."""
    library = pytest.importorskip("torch")
    if not hasattr(library.Tensor, "__dlpack_c_exchange_api__"):
        pytest.skip("PyTorch before 2.10")
    monkeypatch.setattr(library.Tensor, "is_cuda", True)
    monkeypatch.setattr(library.cuda, "current_stream", lambda number: types.SimpleNamespace(cuda_stream=0))
    monkeypatch.setattr(library._C, "_cuda_getCurrentRawStream", lambda number: 0, raising=False)
    with override(cuda_emulator=True):
        yield library


def python_functions(call):
    """What the call returns, and the names of graphc's Python functions that it ran."""
    names = set()

    def noted(frame, event, argument):
        if event == "call" and ("graphc" in frame.f_code.co_filename or frame.f_code.co_filename.startswith("<cuda")):
            names.add(frame.f_code.co_name)

    sys.setprofile(noted)
    try:
        result = call()
    finally:
        sys.setprofile(None)
    return result, names


def by_the_short_way(call):
    result, names = python_functions(call)
    assert not names & {"entry", "fast", "learn"}, names
    return result


def test_tensors_are_read_without_python(torch):
    f = graphc.value_and_grad(lambda p, x, scale: np.sum(np.sin(p["w"] * x)) * scale + np.sum(p["b"][0]))
    parameters = {"w": torch.tensor(X, requires_grad=True), "b": [torch.nn.Parameter(torch.tensor(X[0]))]}
    kept = []
    for step in range(8):
        x, scale = X + step, 1.5 + step
        given = torch.tensor(x)

        def call(given=given, scale=scale):
            return f(parameters, given, scale)

        value, gradient = by_the_short_way(call) if step >= 4 else call()
        kept.append((value, gradient, given))  # so that nothing comes to the same place again
        assert type(value) is type(gradient["w"]) is type(gradient["b"][0]) is torch.Tensor
        np.testing.assert_allclose(value.item(), np.sum(np.sin(X * x)) * scale + np.sum(X[0]))
        np.testing.assert_allclose(gradient["w"].numpy(), x * scale * np.cos(X * x), rtol=1e-12, atol=1e-12)
        assert gradient["b"][0].tolist() == [1.0] * 5
    assert f.cache_info() == {"calls_traced": 1, "programs": 1}


def test_what_is_put_off_or_lies_otherwise_goes_the_long_way(torch):
    f = graphc.jit(lambda x: 2 * x + 1)
    x = torch.tensor(X)
    for _ in range(4):
        f(x)
    by_the_short_way(lambda: f(x))
    pair = torch.tensor(X.astype(complex) * (1 + 2j)).conj()
    for given in (
        torch._neg_view(x), x.t().contiguous().t(), pair.imag, x[1:, :], torch.tensor(X[:3]),
        torch.tensor(np.append(0.0, X))[1:].reshape(6, 5),  # not from a multiple of 16 bytes on
    ):  # fmt: skip
        expected = 2 * given.resolve_neg() + 1
        for _ in range(3):
            torch.testing.assert_close(f(given), expected)


def test_results_that_cannot_be_made_so_are_made_the_long_way(torch, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("not here")

    monkeypatch.setattr(torch._C._dynamo.guards, "_empty_strided_cpu", broken)
    f = graphc.jit(lambda x: x - 0.5)
    for _ in range(6):
        torch.testing.assert_close(f(torch.tensor(X)), torch.tensor(X - 0.5))


def test_another_stream_goes_the_long_way(torch, monkeypatch):
    f = graphc.jit(lambda x: x * 3)
    streams = types.SimpleNamespace(cuda_stream=0)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda number: streams)
    x = torch.tensor(X)
    for _ in range(4):
        f(x)
    by_the_short_way(lambda: f(x))
    streams.cuda_stream = 7  # the table of the CPU goes on saying 0
    f(torch.tensor(X[:2]))  # the program moves to the other stream
    torch.testing.assert_close(f(x), 3 * x)


def test_threads_wait_for_each_other():
    with override(cuda_emulator=True):
        f = graphc.jit(lambda x, n: np.sum(np.cos(x) * n, axis=0))
        x = sent(X, 0)
        expected = np.sum(np.cos(X), axis=0)
        failures = []

        def run(number):
            for step in range(15):
                scale = float(100 * number + step)
                found = f(x, scale).copy_to_host()
                if not np.allclose(found, expected * scale, rtol=1e-12):
                    failures.append((number, step))

        run(0)
        team = [threading.Thread(target=run, args=(k,)) for k in range(1, 4)]
        for member in team:
            member.start()
        for member in team:
            member.join()
        assert not failures


def test_a_program_that_another_thread_runs_is_waited_for():
    with override(cuda_emulator=True):
        f = graphc.jit(lambda x: x + 0.25)
        x = sent(X, 0)
        for _ in range(4):
            f(x)
        (loaded,) = [o for o in gc.get_objects() if type(o) is LoadedProgram and o.program.name in f.source()]
        found = []
        other = threading.Thread(target=lambda: found.append(f(x)))
        with loaded.lock:
            other.start()
            other.join(0.2)
            assert not found
        other.join()
        np.testing.assert_array_equal(found[0].copy_to_host(), X + 0.25)


def test_references_and_memory_stay_as_they_were():
    with idle_device() as library:
        f = graphc.value_and_grad(lambda p, x, scale: np.sum(p["w"] * x) * scale)
        w, x, scale = sent(X, 0), sent(X, 0), 2.5
        for _ in range(5):
            f({"w": w}, x, scale)
        library.results_have_no_memory()
        f({"w": w}, x, scale)
        gc.collect()
        objects = (w, x, scale, w.shape, w.dtype, w.on, DeviceArray, False, True, None)
        before, blocks = [sys.getrefcount(item) for item in objects], sys.getallocatedblocks()
        for _ in range(2000):
            by_name = f({"w": w}, x, scale)
        del by_name
        gc.collect()
        after = [sys.getrefcount(item) for item in objects]
        assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 500  # of 2000 calls
        assert abs(sys.getallocatedblocks() - blocks) < 500


def test_what_the_driver_answers_is_raised():
    failing = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 700)
    with idle_device():
        f = graphc.jit(lambda x: x * 7)
        x = sent(X, 0)
        for _ in range(5):
            f(x)
        for asked in [item for item in gc.get_objects() if type(item) is Submission]:
            words, _ = asked.kept
            words[Submit.REPLAY // 8] = address_of(failing)
        for _ in range(2):  # the lock is free again
            with pytest.raises(graphc.CudaError, match="cuGraphLaunch"):
                f(x)


def test_memory_of_small_results_is_used_again():
    with idle_device() as library:
        f = graphc.jit(lambda x: x * 5)
        x = sent(X, 0)
        for _ in range(5):
            f(x)
        library.results_have_no_memory()
        first = f(x)
        address = first.address
        del first
        again = by_the_short_way(lambda: f(x))
        assert (again.address, again.shape, again.dtype, again.stream) == (address, X.shape, X.dtype, x.stream)
        assert type(again) is DeviceArray
        assert gc.is_tracked(again)


def test_the_table_of_a_known_version_is_found_and_nobody_elses_prototype_changed(monkeypatch):
    known = dlpack_exchange._Table(major=1, minor=3, describe=30, stream=40)
    newer = dlpack_exchange._Table(major=2, older=ctypes.addressof(known), describe=50, stream=60)
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
        ("PyCapsule_New", ctypes.pythonapi)
    )
    capsules = [new(ctypes.addressof(table), dlpack_exchange.NAME, None) for table in (newer, known)]
    monkeypatch.setattr(ctypes.pythonapi.PyCapsule_GetPointer, "argtypes", None)
    for capsule in capsules:
        assert exchange_of(type("Array", (), {"__dlpack_c_exchange_api__": capsule})) == (30, 40)
    known.stream = None
    assert exchange_of(type("Array", (), {"__dlpack_c_exchange_api__": capsules[0]})) is None
    assert exchange_of(np.ndarray) is None
    assert ctypes.pythonapi.PyCapsule_GetPointer.argtypes is None


def test_while_a_call_is_learnt_native_code_is_led_to_what_is_alive(monkeypatch):
    seen = []

    class Watching(cuda_calls.KnownCall):
        """What another thread would find while this is made."""

        def __init__(self, table, *arguments):
            (known,) = [o for o in gc.get_objects() if type(o) is cuda_calls.Known and o.loaded is table.loaded]
            assert known.cell[0] == (known.table.address if known.table else 0)
            count, place = (int(table.words[field // 8]) for field in (Table.COUNT, Table.CALLS))
            listed = [object_layout.word(place + 8 * k) for k in range(count)]
            assert listed == [call.address for call in table.calls.values()]
            seen.append((table, count))
            super().__init__(table, *arguments)

    monkeypatch.setattr(cuda_calls, "MOST_READY", 2)
    monkeypatch.setattr(cuda_calls, "KnownCall", Watching)
    with idle_device():
        f = graphc.jit(lambda x: x * 9)
        for x in [sent(X[:n], 0) for n in (6, 5, 4, 3)]:
            for _ in range(4):
                f(x)
        shared = SharedArray(x, x.address, x.shape, x.dtype, x.number, x.stream)
        for _ in range(4):
            f(shared)
    assert [count for _, count in seen] == [0, 0, 1, 2, 0]  # of a program of one size, and of one of any
    assert len({id(table) for table, _ in seen}) == 3


def test_graphs_that_are_gone_are_not_asked_for(monkeypatch):
    from graphc.runtime import cuda_program

    monkeypatch.setattr(cuda_program, "MOST_GRAPHS", 2)
    with override(cuda_emulator=True):
        f = graphc.jit(lambda x: x * 2 + 3)
        arrays = [sent(X[:n], 0) for n in (1, 2, 3, 4, 5)]
        for _ in range(3):
            for x in arrays:
                for _ in range(3):
                    np.testing.assert_array_equal(f(x).copy_to_host(), x.copy_to_host() * 2 + 3)
        assert emulator().graph is None
