"""From printed CUDA kernels to PTX, by LLVM's back end for it: no GPU and no CUDA software is needed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from graphc.codegen.cuda_chores import CudaKernel
from graphc.codegen.machine import LOCK, llvm, parse
from graphc.codegen.objects import Source, source_ir
from graphc.codegen.ptx_pressure import pressure
from graphc.codegen.targets import CUDA, ptx_machine

# Blocks that shall fit on a multiprocessor at once for kernels that hold more than so many registers. Of 92 kernels,
# those with 114 and more spilled with three blocks (ptxas, sm_90), and one above 150 with two.
FEWER = ((1, 150), (2, 110))
_BLOCKS = re.compile(r"(\.minnctapersm )\d+")


@lru_cache(maxsize=8)
def _machine(architecture: str) -> Any:
    return ptx_machine(architecture)


def kernel_ptx(kernel: CudaKernel, architecture: str = "sm_80") -> str:
    """The kernel's PTX text.

    Args: architecture: of the device, such as ``"sm_75"``, ``"sm_80"``, ``"sm_90"``.
    Raises: ProgramError: the kernel cannot be compiled: a defect of the printed source.
    """
    printed = kernel.printed
    text = source_ir(Source(printed.name, printed.source, "<cuda>", printed.signature), CUDA)
    with LOCK:
        machine, module = _machine(architecture), parse(text)
        tuning = llvm().create_pipeline_tuning_options(speed_level=3)
        builder = llvm().create_pass_builder(machine, tuning)
        builder.getModulePassManager().run(module, builder)
        assembly: str = machine.emit_assembly(module)
    return assembly if kernel.mapping == "tiles" else _with_registers(assembly)


def _with_registers(text: str) -> str:
    """The kernel with fewer blocks at a time where so many as ``targets`` asks for would leave it too few registers."""
    needed = pressure(text)
    blocks = next((blocks for blocks, most in FEWER if needed > most), None)
    return text if blocks is None else _BLOCKS.sub(rf"\g<1>{blocks}", text)
