"""The PTX of CUDA kernels: for several architectures, without double precision where there is none, without spills."""

from __future__ import annotations

import re
import shutil
import subprocess
from types import FunctionType

import numpy as np
import pytest

import graphc
from benchmarks.gpu.cases import gpu_cases
from graphc.codegen.cuda_chores import CudaKernel, whole_kernel
from graphc.codegen.objects import Source, source_ir
from graphc.codegen.ptx import fitting_blocks, kernel_ptx, with_blocks
from graphc.codegen.targets import CUDA
from graphc.config import settings
from graphc.cuda_numbers import host_numbers
from graphc.cuda_runner import CudaRunner
from graphc.ir.graph import Value
from graphc.ir.types import C128, F64
from tests.control.corpus import PROGRAMS as CORPUS
from tests.cuda.programs import PROGRAMS, X
from tests.nightly import NIGHTLY, part

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")


class Unloaded:
    """A device that takes programs and runs nothing."""

    name, threads, warp, most_blocks, stream, workspace, near = "none", 256, 32, 1000, 0, 0, 0

    def load(self, kernels):
        return list(kernels)


def kernels_of(function, args, *, atomics=False) -> list[CudaKernel]:
    return list(CudaRunner(function.graph("final", *args), Unloaded(), atomics=atomics).loaded.kernels)


def mappings(function, *args) -> list[str]:
    compiled = graphc.jit(function) if type(function) is FunctionType else function
    return [k.mapping for k in kernels_of(compiled, args) if k.printed.name.startswith("cuda_kernel_")]


def test_mappings():
    """Independent elements, rows that threads share, rows of their own for scans; one thread where order matters."""
    x = np.ones((40, 30))
    assert mappings(lambda x: np.sum(np.sin(x)), x) == ["rows"]
    assert mappings(lambda x: np.sin(x) * x[:, :1], x) == ["elements"]
    assert mappings(lambda x: np.cumsum(x, axis=1), x) == ["items"]
    assert mappings(lambda x: x[:, 0] / np.max(x), x) == ["rows", "elements"]
    assert mappings(graphc.jit(np.argmax), x) == ["alone"]
    assert mappings(graphc.jit(np.cumsum), x) == ["scan"]
    index = np.arange(3)
    assert mappings(graphc.grad(lambda x, i: np.sum(np.sin(x[i]))), x, index)[-1] == "columns"
    assert mappings(graphc.grad(lambda x, i: np.sum(np.sin(x[i]))), x[0], index)[-1] == "owners"
    assert mappings(graphc.grad(lambda x, i: np.sum(np.sin(x[i, i]))), x, index)[-1] == "owners"


def assert_no_spills(kernel, text, architecture, folder):
    """As assembled by ``ptxas``, where this machine has it, for as many blocks as the driver would find to fit."""
    assert f".target {architecture}" in text
    assert f".entry {kernel.printed.name}(" in text
    assert ("bar.sync" in text or "barrier.sync" in text) == kernel.waits
    if shutil.which("ptxas") is None:
        return
    reports = {}

    def local_bytes(blocks):
        reports[blocks] = report(with_blocks(text, blocks), architecture, folder)
        return sum(map(int, re.findall(r"(\d+) bytes stack frame", reports[blocks])))

    blocks = fitting_blocks(text, local_bytes)
    spilled = re.findall(r"(\d+) bytes spill", reports[blocks])
    if kernel.mapping in ("elements", "tiles", "rows"):
        assert set(spilled) <= {"0"}, kernel.printed.source
        assert blocks > 1 or ".f64" in text, kernel.printed.source


def report(text, architecture, folder) -> str:
    path = folder / "kernel.ptx"
    path.write_text(text)
    command = ["ptxas", f"-arch={architecture}", "-v", str(path), "-o", str(folder / "kernel.cubin")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


# How often a kernel may load and store arrays of all elements: what is read again must stand near.
ACCESSES = {"black_scholes": (2, 2), "xent": (1, 1), "norm_gelu": (1, 1), "adam": (4, 3)}
IN_A_ROW, ALONE = r"\bb\d+\[i0 \* n\d+ \+ i1\]", r"\bb\d+\[i0\]"


def accesses(source: str) -> tuple[int, int]:
    """Of one round of each loop over all elements: loads and stores of arrays that have an element for each."""
    element = IN_A_ROW if re.search(IN_A_ROW, source) else ALONE
    rounds = [part for part in re.split(r"\n(?= *for )", source) if re.match(r" *for (i\d|element) in", part)]
    stores = sum(len(re.findall(rf"^ *{element} = ", part, re.M)) for part in rounds)
    return sum(len(re.findall(element, part)) for part in rounds) - stores, stores


ARCHITECTURES = ("sm_75", "sm_80", "sm_90")


# Single arrays, and numbers in double precision as in NumPy and Python. Nothing else of the corpus may have those.
DOUBLE_NUMBERS = {
    "garch": "the first value of its loss is the logarithm of a Python number, which NumPy gives in double precision",
    "bisection": "the ends of the interval are Python's numbers, and branches in a loop choose the next ones",
    "line_search": "the length of a step is Python's number, which a loop halves",
    "first_passage": "a Python number times the step at which a loop ended",
    "gaussian_elimination_with_pivot": "the determinant's sign is Python's number, turned in branches of a loop",
}
ENDLESS = ("newton_root",)  # its tolerance is below single precision: NumPy comes to no end, either


def doubles(graph) -> set[Value]:
    """What a program for a device has in double precision; what the host computes before it runs is no part of it."""
    here = {value for node in graph.nodes for value in (*node.inputs, *node.outputs)}
    inside = [doubles(region) for node in graph.nodes for region in node.regions]
    return {value for value in here if value.type.dtype in (F64, C128)}.union(*inside)


def assert_fit(function, args, architectures, folder):
    """All kernels assemble without spills, and have no double precision where the program has none; what it has."""
    found = doubles(host_numbers(function.graph("final", *args)).device)
    for kernel in kernels_of(function, args):
        texts = {architecture: kernel_ptx(kernel, architecture) for architecture in architectures or ("sm_80",)}
        for architecture in architectures:
            assert_no_spills(kernel, texts[architecture], architecture, folder)
        assert found or all(".f64" not in text for text in texts.values()), kernel.printed.source
    return found


@pytest.mark.parametrize("case", gpu_cases() if NIGHTLY else gpu_cases()[0:3:2], ids=lambda case: case.name)
def test_kernels_of_the_benchmarks(case, tmp_path):
    args = case.inputs(np.random.default_rng(0), **case.small)
    compiled = graphc.jit(case.function) if case.argnums is None else graphc.grad(case.function, argnums=case.argnums)
    assert not assert_fit(compiled, args, ARCHITECTURES if NIGHTLY else ("sm_80",), tmp_path)
    kernels = kernels_of(compiled, args)
    long = [k for k in kernels if k.printed.name.startswith("cuda_kernel_") and "row_slots" not in k.printed.source]
    assert case.name not in ACCESSES or ACCESSES[case.name] in [accesses(k.printed.source) for k in long]
    for kernel in kernels:
        if kernel.mapping == "elements" and case.name in ("black_scholes", "adam"):
            text = kernel_ptx(kernel, "sm_80")
            assert re.search(r"ld\.global\.nc\.v4\.b32", text)
            assert "st.global.v4.b32" in text


@pytest.mark.parametrize("name", part(CORPUS, 5, 70))
def test_kernels_of_the_corpus(name, tmp_path):
    function, args = CORPUS[name]
    assert_fit(graphc.value_and_grad(function), args, ARCHITECTURES, tmp_path)


@pytest.mark.skipif(not NIGHTLY, reason="the corpus in single precision: TEST_PROGRAMS=2000")
@pytest.mark.parametrize("name", [name for name in CORPUS if name not in ENDLESS])
def test_the_corpus_in_single_precision(name, tmp_path):
    """No kernel has an instruction for doubles, but of programs for which NumPy or Python makes doubles, too."""
    function, args = CORPUS[name]
    single = [a.astype("f4") if isinstance(a, np.ndarray) and a.dtype == np.float64 else a for a in args]
    try:
        found = assert_fit(graphc.value_and_grad(function), single, (), tmp_path)
    except graphc.TraceTypeError as error:
        pytest.skip(str(error))  # branches that would give numbers of two precisions
    assert not found or any(value.dims for value in found) != (name in DOUBLE_NUMBERS)


def test_atomic_additions_are_the_devices_own():
    """One instruction that adds to memory and waits for nothing, also for doubles."""
    for dtype, kind in (("f4", "f32"), ("f8", "f64")):
        args = X[0].astype(dtype), np.arange(3)
        kernels = kernels_of(graphc.grad(lambda x, i: np.sum(np.sin(x[i]))), args, atomics=True)
        (kernel,) = (k for k in kernels if "atomic_add" in k.printed.source)
        assert re.search(rf"(red|atom)[.\w]*\.global\.add\.{kind}", kernel_ptx(kernel))


def test_what_a_lane_carries_stays_in_registers():
    """Arrays that no iteration's values are asked for of are stored once, after the loop."""

    def pendulums(angle, speed):
        for _ in range(1000):
            speed = speed - 0.01 * np.sin(angle)
            angle = angle + 0.01 * speed
        return angle

    kernels = [
        kernel_ptx(k) for k in kernels_of(graphc.jit(pendulums), (X[0], X[0])) if " iteration " in k.printed.source
    ]
    assert [text.count("st.global") for text in kernels] == [4]  # angle and speed, and what they were before


def test_a_value_is_not_handed_on_across_a_barrier():
    """What one thread stores between two barriers the others load, though the buffer is no part of another one."""
    text = """def NAME(b0, b1, count):
    separate_buffers()
    exchanged_buffer(b0)
    thread = thread_index()
    before = b0[0]
    barrier()
    if thread == 0:
        b0[0] = 1.0
    barrier()
    b1[thread] = before + b0[0]
"""
    found = kernel_ptx(whole_kernel("exchange", text, ["f64", "f64"], 0, "rows"))
    assert re.findall(r"ld\.global|bar\.sync|st\.global", found) == [
        "ld.global", "bar.sync", "st.global", "bar.sync", "ld.global", "st.global",
    ]  # fmt: skip
    kernels = kernels_of(graphc.grad(norm), (X, X[0]))
    (kernel,) = (k.printed for k in kernels if k.waits and "near_b1[" in k.printed.source)
    text = source_ir(Source(kernel.name, kernel.source, "<cuda>", kernel.signature), CUDA)
    (head,) = [line for line in text.splitlines() if line.startswith("define")]
    found = dict(re.findall(r'double\* (noalias )?align 16 %"(b\d)"', head)[k][::-1] for k in range(5))
    assert [name for name, apart in found.items() if not apart] == ["b0", "b1"]  # rows that phases keep for each other


def test_as_many_blocks_as_leave_values_in_registers():
    text = kernel_ptx(whole_kernel("half", "def NAME(b0, count):\n    b0[0] = 0.5\n", ["f64"], 0, "elements"))
    for held, wanted in (([0, 0, 0, 0], 4), ([4, 4, 0, 0], 2), ([9, 8, 8, 8], 3), ([8, 8, 8, 8], 4), ([9, 9, 9, 8], 1)):
        assert fitting_blocks(text, lambda blocks, held=held: held[4 - blocks]) == wanted
    assert re.findall(r"minnctapersm \d", text + with_blocks(text, 2)) == ["minnctapersm 4", "minnctapersm 2"]


def norm(x, scale):
    centred = x - np.mean(x, axis=1, keepdims=True)
    return np.sum(np.exp(centred / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5) * scale))


def test_single_precision_stays_single():
    x = X.astype("f4")
    programs = [PROGRAMS["single precision"], (lambda x: np.sum(np.cumsum(np.tanh(x), axis=1)), (x,))]
    for function, args in programs:
        for kernel in kernels_of(graphc.value_and_grad(function), args):
            text = kernel_ptx(kernel)
            assert ".f64" not in text, kernel.printed.source
            assert set(re.findall(r"graphc_sin_f32_v(\d+)", text)) <= {"1"}  # one lane, where a CPU has sixteen


GOLDEN = {
    "cuda_cross_entropy": (graphc.value_and_grad, *PROGRAMS["rows"]),
    "cuda_columns": (graphc.grad, *PROGRAMS["columns"]),
    "cuda_layer": (graphc.grad, *PROGRAMS["single precision"]),
    "cuda_lanes": (graphc.grad, *PROGRAMS["lanes"]),
    "cuda_scans": (graphc.jit, *PROGRAMS["scans"]),
    "cuda_pointwise": (graphc.jit, lambda x, y: np.exp(x) * y + 2, (np.ones(9, np.float32),) * 2),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name, golden):
    """The driver and the kernels, with numbers for hashes and no lines of this file."""
    transform, function, args = GOLDEN[name]
    runner = CudaRunner(transform(function).graph("final", *args), Unloaded())
    text = "\n\n".join(source.strip() for source in runner.sources) + "\n"
    for number, kernel in enumerate(runner.loaded.kernels):
        text = text.replace(kernel.printed.name, f"kernel_{number}")
    golden(f"{name}.txt", re.sub(r"\.py:\d+", ".py:LINE", text.replace(runner.loaded.program.name, "program_HASH")))


def test_all_threads_take_a_few_neighbours_at_once():
    """A warp's chunk: what it loads is asked for before any of it is used, and the rest goes one by one."""
    kernel, of_short_rows = kernels_of(graphc.jit(lambda x: np.sum(x * x, axis=1)), (X,))[::-1]
    assert "barrier" not in of_short_rows.printed.source
    source = kernel.printed.source
    assert source.count("chunk = 4 * warp_size()") == 1
    assert [source.count(f"v0_{copy} = b0") for copy in range(5)] == [1, 1, 1, 1, 0]
    loads, uses = source.index("v0_3 = "), source.index("add_to(")
    assert loads < uses


def test_contiguous_arrays_are_read_and_written_16_bytes_at_once():
    x = np.ones(100, np.float32)
    (kernel,) = kernels_of(graphc.jit(lambda x, y: np.exp(x) * y + 2), (x, x))
    text = kernel_ptx(kernel)
    assert len(re.findall(r"ld\.global\.nc\.v4\.b32", text)) == 2
    assert len(re.findall(r"st\.global\.v4\.b32", text)) == 1
    (kernel,) = kernels_of(graphc.jit(lambda x: x[1:] * x[:-1]), (x,))  # one of them starts 4 bytes later
    assert ".v4" not in kernel_ptx(kernel)
