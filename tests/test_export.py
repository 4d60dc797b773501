"""Shared libraries: the same bits in a process that has neither graphc nor LLVM."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys

import numpy as np
import pytest
import scipy.special

import graphc
from graphc.codegen.machine import LOCK, host_cpu, vector_bits_of
from graphc.errors import ProgramError, UnsupportedError
from graphc.nn.functional import conv2d
from graphc.runtime import blas

needs_compiler = pytest.mark.skipif(
    not (shutil.which("cc") or shutil.which("gcc")), reason="there is no C compiler to link with"
)
OFFSETS = np.arange(3.0)
LOADED = """
import sys
import numpy as np
from {name} import cubes
x = np.linspace(-1.0, 1.0, 1001)
value, grad = np.zeros(1), np.zeros(1001)
print(cubes(1001, x.ctypes.data, value.ctypes.data, grad.ctypes.data), value[0].hex(), grad.sum().hex())
print(cubes(1, x.ctypes.data, value.ctypes.data, grad.ctypes.data))
print(any(name in sys.modules for name in ("graphc", "numba", "llvmlite")))
"""


@needs_compiler
@pytest.mark.parametrize("cpu", ["native", "x86-64-v3"])
def test_another_process_gives_the_same_bits(tmp_path, cpu):
    if cpu != "native" and sys.platform != "linux":
        pytest.skip("a CPU of another architecture")
    f = graphc.value_and_grad(lambda x: np.sum(np.exp(-(x**2)) * x) + np.sum(OFFSETS))
    signature = "int cubes(size_t n, const double x[n], double *value, double grad[n])"
    library = graphc.export(f, signature, tmp_path / "mine", cpu=cpu)
    assert library == tmp_path / "libmine.so"
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(name="mine")],
        cwd=tmp_path, env={"PYTHONPATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    value, grad = f(np.linspace(-1.0, 1.0, 1001))
    first, one, imported = done.stdout.splitlines()
    if cpu == "native":
        assert first == f"0 {float(value).hex()} {grad.sum().hex()}"
    assert first.startswith("0 ")
    assert float.fromhex(first.split()[1]) == pytest.approx(value, rel=1e-14)
    assert one == "-3"  # one element is another program
    assert imported == "False"


@needs_compiler
def test_the_header_compiles_in_c(tmp_path):
    f = graphc.jit(lambda x: np.sum(np.sort(x) * OFFSETS))
    graphc.export(f, "double weigh(const double x[3])", tmp_path / "weigh")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "weigh.h"\nint main(void) {\n'
        '  double x[3] = {3.0, 1.0, 2.0};\n  printf("%.1f", weigh(x));\n  return 0;\n}\n'
    )
    compiler = shutil.which("cc") or shutil.which("gcc") or ""
    build = [compiler, "main.c", "-L.", "-lweigh", "-Wl,-rpath,.", "-o", "main"]
    subprocess.run(build, cwd=tmp_path, check=True)
    run = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == "8.0"


PRODUCTS = """
import sys
import numpy as np
from layers import layers
rows, parts = np.arange(70.0 * 30).reshape(70, 30) % 7 - 3.0, np.arange(30.0 * 40).reshape(30, 40) % 5 - 2.0
value, by_rows, by_parts = np.zeros(1), np.zeros((70, 30)), np.zeros((30, 40))
out = [a.ctypes.data for a in (value, by_rows, by_parts)]
print(layers(70, 30, 40, rows.ctypes.data, parts.ctypes.data, *out), value[0].hex(), by_rows.sum().hex())
print(by_parts.tobytes().hex())
print(any(name in sys.modules for name in ("graphc", "numba", "llvmlite", "scipy")))
"""


@needs_compiler
@pytest.mark.parametrize("cpu", ["native", "x86-64-v3"])
def test_products_of_matrices_are_part_of_the_library(tmp_path, cpu):
    if cpu != "native" and "+avx2" not in host_cpu()[1]:
        pytest.skip("a CPU without vectors of 256 bits")
    f = graphc.value_and_grad(lambda a, b: np.sum(np.tanh(a @ b / 9.0)), argnums=(0, 1))
    rows, parts = np.arange(70.0 * 30).reshape(70, 30) % 7 - 3.0, np.arange(30.0 * 40).reshape(30, 40) % 5 - 2.0
    value, (by_rows, by_parts) = f(rows, parts)
    signature = (
        "int layers(size_t n, size_t k, size_t m, const double a[n][k], const double b[k][m], double *value, "
        "double by_a[n][k], double by_b[k][m])"
    )
    graphc.export(f, signature, tmp_path / "layers", cpu=cpu)
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path = {[str(tmp_path), *sys.path]!r}\n{PRODUCTS}"],
        cwd=tmp_path, env={"PYTHONPATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, gradient, imported = done.stdout.splitlines()
    if cpu == "native" and blas.library() is blas.OWN:  # of other products the bits may differ
        assert first == f"0 {float(value).hex()} {by_rows.sum().hex()}"
        assert gradient == by_parts.tobytes().hex()
    np.testing.assert_allclose(np.frombuffer(bytes.fromhex(gradient)).reshape(30, 40), by_parts, rtol=1e-13, atol=1e-13)
    assert imported == "False"


@needs_compiler
def test_convolutions_are_part_of_the_library(tmp_path):
    weight = np.arange(24.0).reshape(2, 3, 2, 2) % 5 - 2.0
    f = graphc.grad(lambda x: np.sum(conv2d(x, weight, stride=2) ** 2))
    x = np.arange(240.0).reshape(2, 3, 5, 8) % 7 - 3.0
    signature = "int by_source(size_t n, size_t h, size_t l, const double x[n][3][h][l], double gradient[n][3][h][l])"
    graphc.export(f, signature, tmp_path / "by_source")
    found, pointer = np.full_like(x, np.nan), ctypes.POINTER(ctypes.c_double)
    library = ctypes.CDLL(str(tmp_path / "libby_source.so"))
    sizes = [ctypes.c_size_t(k) for k in (2, 5, 8)]
    assert library.by_source(*sizes, x.ctypes.data_as(pointer), found.ctypes.data_as(pointer)) == 0
    np.testing.assert_array_equal(found, f(x))


SPECIAL = """
import sys
import numpy as np
from waves import waves
x, gradient = np.array([0.4, 1.3, 2.6]), np.zeros(3)
print(waves(3, x.ctypes.data, gradient.ctypes.data), gradient.tobytes().hex())
print(any(name in sys.modules for name in ("graphc", "numba", "llvmlite", "scipy")))
"""


@needs_compiler
def test_special_functions_are_part_of_the_library(tmp_path):
    """Of one result and of several, of integers, of complex numbers, and SciPy's and graphc's own alike."""

    def total(x):
        found = scipy.special.j0(x) * scipy.special.pbdv(1.5, x)[0] + scipy.special.airy(x)[2]
        return np.sum(found + scipy.special.spherical_jn(2, x) * np.imag(scipy.special.wofz(x + 0.5j)))

    f = graphc.grad(total)
    graphc.export(f, "int waves(size_t n, const double x[n], double gradient[n])", tmp_path / "waves")
    done = subprocess.run(
        [sys.executable, "-c", SPECIAL],
        cwd=tmp_path, env={"PYTHONPATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, imported = done.stdout.splitlines()
    status, gradient = first.split()
    assert status == "0"
    np.testing.assert_allclose(np.frombuffer(bytes.fromhex(gradient)), f(np.array([0.4, 1.3, 2.6])), rtol=1e-13)
    assert imported == "False"


def test_vectors_of_named_cpus():
    with LOCK:
        found = [vector_bits_of(cpu) for cpu in ("x86-64", "x86-64-v3", "x86-64-v4")]
    assert found == [128, 256, 512]


def test_what_needs_this_process_or_lapack_says_so(tmp_path, monkeypatch):
    opaque = graphc.opaque(np.sort)
    signature = "void f(int n, const double x[n], double y[n])"
    with pytest.raises(UnsupportedError, match=r"in this process only, the opaque sort \(.*test_export.py:\d+\)"):
        graphc.export(graphc.jit(lambda x: 2.0 * opaque(x)), signature, tmp_path / "a")
    solution = graphc.jit(lambda a, b: np.linalg.solve(a, b) * 2.0)
    with pytest.raises(UnsupportedError, match=r"it calls LAPACK \(dgetrf, dtrsm\) at test_export.py:\d+"):
        graphc.export(solution, "int f(int n, const double a[n][n], const double b[n], double x[n])", tmp_path / "b")
    quantile = graphc.jit(lambda x: scipy.special.ndtri(x) * 2.0)
    with pytest.raises(UnsupportedError, match=r"it calls SciPy \(ndtri\) at test_export.py:\d+"):
        graphc.export(quantile, signature, tmp_path / "c")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ProgramError, match="neither cc nor gcc"):
        graphc.export(graphc.jit(np.sin), signature, tmp_path / "c")
