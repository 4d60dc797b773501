"""Are the values right? The cases on the device against the CPU's in double precision; the sanitizer's verdict."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import IO, Any

import numpy as np

import graphc
from benchmarks.gpu.cases import GpuCase
from benchmarks.gpu.jobs import command, end
from benchmarks.gpu.machine import limited, reason
from benchmarks.tree import tree_leaves, tree_map
from graphc.config import override

SAMPLE = ("black_scholes", "xent", "norm_gelu", "mlp_small")  # what compute-sanitizer looks at
SANITIZER_SECONDS, CASE_SECONDS = 100.0, 60.0


def compiled(case: GpuCase) -> Callable[..., Any]:
    """graphc's version of what is timed."""
    if case.argnums is None:
        return graphc.jit(case.function, target="cuda")
    return graphc.grad(case.function, argnums=case.argnums, target="cuda")


def problem_of(case: GpuCase) -> str:
    """What is wrong with the case's values at small sizes, or was raised; empty where nothing is."""
    try:
        with limited(CASE_SECONDS):
            return _difference(case)
    except Exception as error:  # noqa: BLE001  it is reported, and the other cases go on
        return reason(error)


def _difference(case: GpuCase) -> str:
    arguments = case.inputs(np.random.default_rng(0), **case.small)
    doubled = tree_map(lambda a: a.astype(float) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a, arguments)
    plain = graphc.jit(case.function) if case.argnums is None else graphc.grad(case.function, argnums=case.argnums)
    with override(disable_jit=case.argnums is not None):
        expected = tree_leaves(plain(*doubled))
    step = compiled(case)
    found, again = (tree_leaves(step(*arguments)) for _ in range(2))
    for number, (ours, repeated, right) in enumerate(zip(found, again, expected, strict=True)):
        if not np.array_equal(ours, repeated):
            return f"result {number} has other bits in the second run"
        scale = float(np.max(np.abs(right))) or 1.0
        error = float(np.max(np.abs(ours - right))) / scale
        if not error <= case.rtol:
            return f"result {number} is off by {error:.1e} of its largest entry"
    return ""


class Sanitizer:
    """``compute-sanitizer`` over the sample, beside whatever else this process does."""

    def __init__(self) -> None:
        folder = "/usr/local/cuda/bin"
        tool = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path=folder)
        self.start = time.monotonic()
        self.process: subprocess.Popen[str] | None = None
        self.said: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115  it lives as long as the process
        if tool is not None:
            self.process = subprocess.Popen(
                self.command(tool), stdout=self.said, stderr=subprocess.STDOUT, text=True, start_new_session=True
            )

    @staticmethod
    def command(tool: str) -> list[str]:
        cases = command("benchmarks.gpu", "--only-values", *SAMPLE)
        return [tool, "--target-processes", "all", "--error-exitcode=9", *cases]

    def verdict(self) -> str:
        """What it says of the sample; waits for it."""
        if self.process is None:
            return "compute-sanitizer is not installed"
        try:
            code = self.process.wait(max(1.0, self.start + SANITIZER_SECONDS - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.stop()
            return f"compute-sanitizer took more than {SANITIZER_SECONDS:.0f} s"
        self.said.seek(0)
        text = self.said.read()
        counts = [int(count) for count in re.findall(r"ERROR SUMMARY: (\d+) error", text)]
        if any(counts) or (code == 9 and not counts):
            return "compute-sanitizer found errors:\n" + text[-2000:]
        return "compute-sanitizer: clean" if code == 0 and counts else f"the sample failed:\n{text[-2000:]}"

    def stop(self) -> None:
        if self.process is not None:
            end(self.process)
