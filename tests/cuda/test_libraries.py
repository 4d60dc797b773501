"""Factorisations and transforms on a device: the emulator's references stand in for the vendor's libraries."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import graphc
from graphc import pytree
from graphc.config import override, settings
from graphc.errors import CudaError
from graphc.runtime import cuda_device, cuda_libraries
from graphc.runtime.cuda_blas import WORKSPACE, Blas
from graphc.runtime.cuda_devices import emulator
from graphc.runtime.cuda_references import NumpySolver, NumpyTransforms
from graphc.runtime.cuda_solver import CuFFT, CuSolver
from tests.cuda.fake_cuda import FakeBlas, FakeCuda, FakeDevice
from tests.cuda.test_residency import OnDevice
from tests.nightly import NIGHTLY

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
RNG = np.random.default_rng(11)
A, B = RNG.normal(size=(2, 4, 4)), RNG.normal(size=(2, 4, 3))
WIDE = RNG.normal(size=(3, 5))
SPD = A @ np.swapaxes(A, 1, 2) + 4 * np.eye(4)
ROWS = RNG.normal(size=(3, 6))


def spectral(a):
    values, vectors = np.linalg.eigh(a + np.swapaxes(a, 1, 2))
    return np.sum(values**3) + np.sum(vectors[:, :, 0] ** 4)


def singular(a):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return np.sum(s**2 * np.arange(s.shape[-1])) + np.sum((u * s) @ vt * np.cos(a))


def triangles(a):
    q, r = np.linalg.qr(np.swapaxes(a, -1, -2))
    return np.sum(np.abs(r)) + np.sum((q @ r) ** 3)


def filtered(x):
    half = np.fft.rfft(x)
    return np.sum(np.fft.irfft(half * np.exp(1j * np.arange(half.shape[-1])), x.shape[-1]) ** 3) + np.sum(
        np.abs(np.fft.fft(x[:, :5], axis=0) + np.fft.ifft2(x[:, :5])) ** 2
    )


def of_complex_matrices(a):
    """What does not depend on the library's choice of signs and phases."""
    square = a @ np.conj(a.T)
    values, vectors = np.linalg.eigh(square)
    q, r = np.linalg.qr(np.conj(a.T))
    s, t = (np.linalg.svd(given, full_matrices=False) for given in (a, a.T))
    again = q @ r, (vectors * values) @ np.conj(vectors.T), *[(u * s) @ vt for u, s, vt in (s, t)]
    return np.linalg.inv(square), np.linalg.cholesky(square), values, s[1], np.abs(r), again


def of_a_complex_matrix(a):
    square = a @ np.conj(a.T)
    return np.sum(np.abs(np.linalg.solve(square, a)) ** 2) + np.sum(np.abs(np.linalg.cholesky(square)) ** 3)


PROGRAMS = {
    "solve": (lambda a, b: np.sum(np.linalg.solve(a, b) ** 2) + np.linalg.slogdet(a)[1].sum(), (A, B)),
    "cholesky": (lambda a: np.sum(np.linalg.cholesky(a) ** 3), (SPD,)),
    "symmetric": (spectral, (A,)),
    "singular, wide": (singular, (WIDE,)),
    "triangles": (triangles, (WIDE,)),
    "transforms": (filtered, (ROWS[:, :5].astype(np.float32),)),
}
if NIGHTLY:  # the rules are those that tests of the CPU check, the calls those of ``test_complex_matrices``
    PROGRAMS["complex"] = of_a_complex_matrix, (WIDE[:2, :3] + 1j * WIDE[1:, 2:],)


@pytest.fixture
def emulated():
    with override(cuda_emulator=True):
        yield emulator()


def check(function, args, tolerance):
    wanted = tuple(range(len(args)))
    with override(disable_jit=True):
        value, gradients = graphc.value_and_grad(function, argnums=wanted)(*args)
    compiled = graphc.value_and_grad(function, argnums=wanted, target="cuda")
    found = compiled(*args)
    np.testing.assert_allclose(found[0], value, rtol=tolerance)
    for ours, expected in zip(pytree.flatten(found[1])[0], pytree.flatten(gradients)[0], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient_are_the_cpus(name, emulated):
    function, args = PROGRAMS[name]
    check(function, args, 1e-9 if args[0].dtype == np.float64 else 2e-4)


def test_complex_matrices(emulated):
    z = WIDE + 1j * np.cos(WIDE)
    found = pytree.flatten(graphc.jit(of_complex_matrices, target="cuda")(z))[0]
    for ours, expected in zip(found, pytree.flatten(of_complex_matrices(z))[0], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-12)


def test_failures_and_empty_matrices(emulated):
    inverse = graphc.jit(np.linalg.inv, target="cuda")
    assert inverse(np.zeros((0, 3, 3))).shape == (0, 3, 3)
    assert inverse(np.zeros((2, 0, 0))).shape == (2, 0, 0)
    with pytest.raises(np.linalg.LinAlgError):
        inverse(np.zeros((2, 2)))


class FakeSolver:
    """``libcusolver`` by the references, on a fake driver's streams, none of which may be captured.

    ``asked``: the functions that were called.
    """

    def __init__(self, library):
        self.library, self.asked, self.done = library, [], NumpySolver(lambda action: action())

    def __getattr__(self, name):
        if not name.startswith("cusolverDn"):
            raise AttributeError(name)

        def call(*arguments):
            self.asked.append(name)
            assert self.library.capturing is None
            if name.endswith("_bufferSize"):
                arguments[-1]._obj.value = 5
            elif name == "cusolverDnCreate":
                arguments[0]._obj.value = 1
            elif name == "cusolverDnSetStream":
                self.stream = arguments[1].value
            else:
                self.library.order.append((name[10:], self.stream or 0))
                routine = {"heevd": "syevd", "ungqr": "orgqr"}.get(name[11:], name[11:])
                getattr(self, routine)("f64" if name[10] == "D" else "c128", *arguments[1:])
            return 0

        return call

    def getrf(self, dtype, m, n, a, lda, room, pivots, info):
        assert lda == m
        self.done.getrf(dtype, m, n, a.value, pivots.value, info.value, 0)

    def potrf(self, dtype, uplo, n, a, lda, room, size, info):
        assert (uplo, lda, size) == (1, n, 5)
        self.done.potrf(dtype, n, a.value, info.value, 0)

    def syevd(self, dtype, *arguments):
        job, uplo, n, a, lda, values, _room, size, info = arguments
        assert (job, uplo, lda, size) == (1, 0, n, 5)
        self.done.syevd(dtype, n, a.value, values.value, info.value, 0)

    def gesvd(self, dtype, *arguments):
        jobu, jobvt, m, n, a, lda, s, u, ldu, vt, ldvt, _room, size, reals, info = arguments
        assert (jobu.value, jobvt.value, lda, ldu, ldvt, size, reals) == (ord("S"), ord("S"), m, m, n, 5, None)
        self.done.gesvd(dtype, m, n, a.value, (s.value, u.value, vt.value), info.value, 0)

    def geqrf(self, dtype, *arguments):
        m, n, a, _lda, tau, _room, _size, info = arguments
        self.done.geqrf(dtype, m, n, a.value, tau.value, info.value, 0)

    def orgqr(self, dtype, *arguments):
        m, n, k, a, _lda, tau, _room, _size, info = arguments
        assert k == n
        self.done.orgqr(dtype, m, n, a.value, tau.value, info.value, 0)


class FakeTransforms:
    """``libcufft`` by the references, on a fake driver's streams."""

    def __init__(self, library):
        self.library, self.plans, self.stream = library, [None], None

    def cufftPlanMany(self, plan, rank, sizes, *layout):
        inembed, istride, _idist, onembed, ostride, _odist, kind, count = layout
        assert (rank, inembed, istride, onembed, ostride) == (1, None, 1, None, 1)
        names = {0x69: "fft_pairs", 0x6A: "rfft_pairs", 0x6C: "irfft_pairs"}
        self.plans.append((names[kind], "f64", sizes[0], count))
        plan._obj.value = len(self.plans) - 1
        return 0

    def cufftSetStream(self, plan, stream):
        self.stream = stream
        return 0

    def cufftExecZ2Z(self, plan, source, target, direction=1):
        done = NumpyTransforms(lambda action: self.library._do(action, self.stream))
        done.run(self.plans[plan.value], source.value, target.value, direction == 1, 0)
        return 0

    cufftExecD2Z = cufftExecZ2D = cufftExecZ2Z

    def cufftDestroy(self, plan):
        return 0


class FakeTriangles(FakeBlas):
    """Which may be captured; with the program's workspace, as others may work at once."""

    def __init__(self, library):
        super().__init__()
        self.library = library

    def cublasDtrsm_v2(self, handle, *arguments, dtype="f64"):
        side, uplo, trans, diag, m, n, alpha, t, ldt, b, ldb = arguments
        assert (side, ldt, ldb, [*alpha._obj]) == (1, n, m, [1.0, 0.0] if dtype == "c128" else [1.0])
        flags = tuple(name for name, code in (("upper", uplo), ("transposed", trans), ("unit", diag)) if code)
        stream, (workspace, size) = self.settings[-2:]
        assert workspace
        assert size == WORKSPACE
        done = NumpySolver(lambda action: self.library._do(action, ctypes.c_void_p(stream)))
        done.trsm(dtype, flags, (m, n), (t.value, b.value), workspace, stream)
        return 0

    def cublasZtrsm_v2(self, handle, *arguments):
        return self.cublasDtrsm_v2(handle, *arguments, dtype="c128")


def half_filtered(x):
    return np.fft.irfft(np.fft.rfft(x) * 2j, 6) + np.abs(np.fft.ifft(np.fft.fft(x)))


ASKED = {
    "getrf": (np.linalg.inv, A), "potrf": (np.linalg.cholesky, SPD), "syevd": (np.linalg.eigvalsh, SPD),
    "gesvd": (lambda a: np.linalg.svd(a, full_matrices=False)[1], WIDE.T.copy()),
    "orgqr": (lambda a: np.abs(np.linalg.qr(a)[0]), WIDE.T.copy()), "": (half_filtered, ROWS),
    "Zgetrf": (np.linalg.inv, A[0, :2, :2] * 1j), "Zheevd": (np.linalg.eigvalsh, SPD + 0j),
    "Zungqr": (lambda a: np.abs(np.linalg.qr(a)[0]), WIDE.T * 1j),
}  # fmt: skip


def device_with_libraries(monkeypatch):
    """A fake device, and its fake ``libcusolver``."""
    library = FakeCuda()
    device = FakeDevice(library, blas=lambda: Blas(FakeTriangles(library)))
    solver = FakeSolver(library)
    device.solver = CuSolver(solver, device.blas, device.allocate, device.release)
    device.transforms = CuFFT(FakeTransforms(library))
    monkeypatch.setattr(cuda_device, "numbered_device", lambda number: device)
    return device, solver


@pytest.mark.parametrize("name", ASKED)
def test_what_the_libraries_are_asked(name, monkeypatch):
    device, solver = device_with_libraries(monkeypatch)
    with override(cuda_emulator=False):
        compiled, (function, given) = graphc.jit(ASKED[name][0], target="cuda"), ASKED[name]
        for _ in range(3):  # launched, captured and replayed
            np.testing.assert_allclose(compiled(given), function(given), rtol=1e-9, atol=1e-12)
    letter = "" if name.startswith("Z") else "D"
    assert (f"cusolverDn{letter}{name}" in solver.asked) == bool(name)
    assert device.library.calls["cuGraphLaunch"] > 0


def test_graphs_stand_around_what_may_not_be_captured(monkeypatch):
    """Of a step whose results stay on the device: nothing waits, and all is asked of the arrays' stream, in order."""
    device, solver = device_with_libraries(monkeypatch)
    library, function = device.library, graphc.jit(lambda a, b: np.linalg.solve(a + a, b) * 2)
    a, b, orders, results = OnDevice(A, stream=7), OnDevice(B, stream=7), [], []
    with override(cuda_emulator=False):
        for _ in range(4):
            library.order.clear()
            allocated = library.calls["cuMemAllocAsync"]
            results.append(function(a, b))
            orders.append([name for name, _ in library.order])
            assert {stream for _, stream in library.order} == {7}
        assert library.calls["cuMemAllocAsync"] - allocated == 3  # the result, and what each factorisation works in
        assert library.calls["cuStreamSynchronize"] == 0
        for found in results:
            np.testing.assert_allclose(found.copy_to_host(), np.linalg.solve(A + A, B) * 2, rtol=1e-9)
    first, *_, last = orders
    assert [name for name in first if name != "kernel"] == ["Dgetrf", "Dgetrf"]
    assert first.index("Dgetrf") > 0  # what is added, and turned over
    assert last == ["graph", "Dgetrf", "Dgetrf", "graph", "kernel"]  # triangular systems are in the second one
    assert library.calls["cuGraphInstantiateWithFlags"] == 2
    assert solver.asked.count("cusolverDnDgetrf_bufferSize") == 1


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(cuda_device, "numbered_device", lambda number: device)
    monkeypatch.setattr(ctypes, "CDLL", _none)
    monkeypatch.setattr(cuda_libraries.importlib.util, "find_spec", lambda name: None)
    device = FakeDevice(FakeCuda(runs=False))
    with override(cuda_emulator=False):
        with pytest.raises(CudaError, match=r"a factorisation on a GPU needs NVIDIA's library libcusolver"):
            graphc.jit(np.linalg.cholesky, target="cuda")(SPD)
        with pytest.raises(CudaError, match="a Fourier transform on a GPU needs NVIDIA's library libcufft"):
            graphc.jit(np.fft.rfft, target="cuda")(ROWS)


def _none(path, *rest, **options):
    raise OSError(path)
