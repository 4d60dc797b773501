"""The PTX of CUDA kernels: for several architectures, without double precision where there is none, without spills."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

import graphc
from graphc.codegen.cuda_chores import CudaKernel
from graphc.codegen.ptx import kernel_ptx
from graphc.config import settings
from graphc.cuda_runner import CudaRunner
from tests.cuda.programs import PROGRAMS

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")


class Unloaded:
    """A device that takes programs and runs nothing."""

    name, threads, warp, most_blocks, stream, workspace = "none", 256, 32, 1000, 0, 0

    def load(self, kernels):
        return list(kernels)


def kernels_of(function, args) -> list[CudaKernel]:
    return list(CudaRunner(function.graph("final", *args), Unloaded()).loaded.kernels)


def mappings(function, *args) -> list[str]:
    return [k.mapping for k in kernels_of(graphc.jit(function), args) if k.printed.name.startswith("cuda_kernel_")]


def test_mappings():
    """Independent elements, rows that threads share, rows of their own for scans; one thread where order matters."""
    x = np.ones((40, 30))
    assert mappings(lambda x: np.sum(np.sin(x)), x) == ["rows"]
    assert mappings(lambda x: np.sin(x) * x[:, :1], x) == ["elements"]
    assert mappings(lambda x: np.cumsum(x, axis=1), x) == ["items"]
    assert mappings(lambda x: x[:, 0] / np.max(x), x) == ["rows", "elements"]


@pytest.mark.parametrize("architecture", ["sm_75", "sm_80", "sm_90"])
def test_kernels_become_ptx(architecture, tmp_path):
    function, args = PROGRAMS["rows"]
    for kernel in kernels_of(graphc.value_and_grad(function), args):
        text = kernel_ptx(kernel, architecture)
        assert f".target {architecture}" in text
        assert f".entry {kernel.printed.name}(" in text
        assert ("bar.sync" in text or "barrier.sync" in text) == ("barrier()" in kernel.printed.source)
        if shutil.which("ptxas") is None:
            continue
        path = tmp_path / "kernel.ptx"
        path.write_text(text)
        command = ["ptxas", f"-arch={architecture}", "-v", str(path), "-o", str(tmp_path / "kernel.cubin")]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        assert re.findall(r"(\d+) bytes spill", report) == ["0", "0"]


def test_single_precision_stays_single():
    function, args = PROGRAMS["single precision"]
    for kernel in kernels_of(graphc.value_and_grad(function), args):
        assert ".f64" not in kernel_ptx(kernel), kernel.printed.source


def test_contiguous_arrays_are_read_and_written_16_bytes_at_once():
    x = np.ones(100, np.float32)
    (kernel,) = kernels_of(graphc.jit(lambda x, y: np.exp(x) * y + 2), (x, x))
    text = kernel_ptx(kernel)
    assert len(re.findall(r"ld\.global\.nc\.v4\.b32", text)) == 2
    assert len(re.findall(r"st\.global\.v4\.b32", text)) == 1
    (kernel,) = kernels_of(graphc.jit(lambda x: x[1:] * x[:-1]), (x,))  # one of them starts 4 bytes later
    assert ".v4" not in kernel_ptx(kernel)
