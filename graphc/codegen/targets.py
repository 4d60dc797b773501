"""The machines that printed functions are compiled for: how a function is declared there, and how it returns.

``HOST``      this machine, in Numba's calling convention (see ``graphc.abi``)
``CUDA``      a kernel of the PTX machine: ``void name(arguments...)``
``EMULATED``  a CUDA kernel for this machine, to check its values: ``void name(int64* place, arguments...)``, where
              ``place`` is the record of ``cuda_intrinsics.Place``
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

from llvmlite import ir

from graphc.codegen.machine import host_target, llvm

STATUS = ir.IntType(32)
PTX_TRIPLE = "nvptx64-nvidia-cuda"
BLOCK_THREADS = 256  # the most of a block of a CUDA kernel
# So many blocks shall fit on a multiprocessor at once: at most 64 registers a thread (see ``ptx.fitting_blocks``).
LAUNCH_LIMITS = (f'"nvvm.maxntid"="{BLOCK_THREADS}"', '"nvvm.minctasm"="4"')


class Target(Protocol):
    """What the front end asks of a machine."""

    def declare(self, name: str, arguments: Sequence[ir.Type]) -> ir.Function:
        """The function in a module of its own."""

    def parameters(self, code: ir.Function) -> Sequence[Any]:
        """Those of the function's arguments that the printed function has."""

    def leave(self, builder: ir.IRBuilder) -> None:
        """Return."""


def _function(name: str, layout: tuple[str, str], result: ir.Type, arguments: Sequence[ir.Type]) -> ir.Function:
    module = ir.Module(name)
    module.triple, module.data_layout = layout
    code = ir.Function(module, ir.FunctionType(result, arguments), name)
    code.attributes.add("nounwind")
    return code


class _Host:
    def declare(self, name: str, arguments: Sequence[ir.Type]) -> ir.Function:
        slots = [ir.IntType(8).as_pointer()] * 2  # the result's place and the exception's
        return _function(name, host_target(), STATUS, [*slots, *arguments])

    def parameters(self, code: ir.Function) -> Sequence[Any]:
        return code.args[2:]

    def leave(self, builder: ir.IRBuilder) -> None:
        builder.ret(STATUS(0))


class _Cuda:
    def declare(self, name: str, arguments: Sequence[ir.Type]) -> ir.Function:
        code = _function(name, ptx_target(), ir.VoidType(), arguments)
        code.calling_convention = "ptx_kernel"
        for limit in LAUNCH_LIMITS:  # llvmlite's own ``add`` takes names that it knows
            set.add(code.attributes, limit)
        return code

    def parameters(self, code: ir.Function) -> Sequence[Any]:
        return code.args

    def leave(self, builder: ir.IRBuilder) -> None:
        builder.ret_void()


class _Emulated:
    def declare(self, name: str, arguments: Sequence[ir.Type]) -> ir.Function:
        return _function(name, host_target(), ir.VoidType(), [ir.IntType(64).as_pointer(), *arguments])

    def parameters(self, code: ir.Function) -> Sequence[Any]:
        return code.args[1:]

    def leave(self, builder: ir.IRBuilder) -> None:
        builder.ret_void()


HOST, CUDA, EMULATED = _Host(), _Cuda(), _Emulated()


@lru_cache(maxsize=1)
def _ptx() -> Any:
    binding = llvm()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    return binding.Target.from_triple(PTX_TRIPLE)


def ptx_machine(architecture: str, version: str = "ptx80") -> Any:
    """LLVM's target machine for an architecture, such as ``"sm_90"``; ``version``: of the PTX language."""
    return _ptx().create_target_machine(cpu=architecture, features=f"+{version}", opt=3)


@lru_cache(maxsize=1)
def ptx_target() -> tuple[str, str]:
    """The triple and data layout of PTX modules (two str)."""
    return PTX_TRIPLE, str(ptx_machine("sm_80").target_data)
