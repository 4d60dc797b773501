"""From printed CUDA kernels to PTX, by LLVM's back end for it: no GPU and no CUDA software is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from graphc.codegen.cuda_chores import CudaKernel
from graphc.codegen.machine import LOCK, llvm, parse
from graphc.codegen.objects import Source, source_ir
from graphc.codegen.targets import CUDA, ptx_machine

BLOCKS_OF_TILES = 3  # which hold a part of the product in registers
_BLOCKS = re.compile(r"(\.minnctapersm )(\d+)")


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
    return with_blocks(assembly, BLOCKS_OF_TILES) if kernel.mapping == "tiles" else assembly


def with_blocks(text: str, blocks: int) -> str:
    """The PTX of a kernel, asking for so few registers that these blocks of threads fit on a multiprocessor at once."""
    return _BLOCKS.sub(rf"\g<1>{blocks}", text)


def fitting_blocks(text: str, local_bytes: Callable[[int], int]) -> int:
    """As many blocks as fit without what registers would hold standing in memory; at most those of the text.

    Args: local_bytes: tells the memory of a thread where so many blocks are to fit, some of which may be its arrays.
    """
    found = _BLOCKS.search(text)
    assert found is not None, "a kernel says how many blocks are to fit"
    blocks = int(found.group(2))
    held = local_bytes(blocks)
    if held:
        least = local_bytes(1)
        while blocks > 1 and held > least:
            blocks -= 1
            held = local_bytes(blocks)
    return blocks
