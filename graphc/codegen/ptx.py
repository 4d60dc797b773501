"""From printed CUDA kernels to PTX, by LLVM's back end for it: no GPU and no CUDA software is needed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from graphc.codegen.cuda_chores import CudaKernel
from graphc.codegen.machine import LOCK, llvm, parse
from graphc.codegen.objects import Source, source_ir
from graphc.codegen.targets import CUDA, ptx_machine


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
    return assembly
