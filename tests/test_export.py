"""Shared libraries: the same bits in a process that has neither graphc nor LLVM."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

import graphc
from graphc.errors import ProgramError, UnsupportedError

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
    f = graphc.jit(lambda x: np.sum(x * OFFSETS))
    graphc.export(f, "double weigh(const double x[3])", tmp_path / "weigh")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "weigh.h"\nint main(void) {\n'
        '  double x[3] = {1.0, 2.0, 3.0};\n  printf("%.1f", weigh(x));\n  return 0;\n}\n'
    )
    compiler = shutil.which("cc") or shutil.which("gcc") or ""
    build = [compiler, "main.c", "-L.", "-lweigh", "-Wl,-rpath,.", "-o", "main"]
    subprocess.run(build, cwd=tmp_path, check=True)
    run = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == "8.0"


def test_what_needs_python_or_a_blas_says_so(tmp_path, monkeypatch):
    opaque = graphc.opaque(np.sort)
    signature = "void f(int n, const double x[n], double y[n])"
    with pytest.raises(UnsupportedError, match="it calls an opaque function"):
        graphc.export(graphc.jit(opaque), signature, tmp_path / "a")
    product = graphc.jit(lambda a: a @ a.T)
    with pytest.raises(UnsupportedError, match="it has products of matrices or linear systems"):
        graphc.export(product, "void f(int n, const double a[n][n], double y[n][n])", tmp_path / "b")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ProgramError, match="neither cc nor gcc"):
        graphc.export(graphc.jit(np.sin), signature, tmp_path / "c")
