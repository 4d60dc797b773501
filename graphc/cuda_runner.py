"""Programs for CUDA: from a graph to what runs it on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.codegen.cuda_driver import print_cuda_program
from graphc.codegen.driver import arena_bytes
from graphc.compiler import Executable
from graphc.config import settings
from graphc.errors import ProgramError, UnsupportedError
from graphc.ir.dims import evaluate, product, substitute, symbols_of
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Composite, Pointwise, Routine
from graphc.ops.index import range_error
from graphc.ops.scipy_functions import PREFIX
from graphc.ops.table import OPS
from graphc.program import sizes_fit
from graphc.runtime.cuda_program import Device, LoadedProgram
from graphc.schedule.plan import schedule


def require_on_device(graph: Graph) -> None:
    """Raises: UnsupportedError: at the user's line, what is computed by a library of the CPU or by its routines."""
    for node in graph.nodes:
        op = node.op
        in_library = isinstance(op.kind, Pointwise) and isinstance(op.expr, str) and op.expr.startswith(PREFIX)
        if in_library or isinstance(op.kind, Routine | Composite):
            message = f'{op.name} is not there for target="cuda" yet: compute it in a function for the CPU'
            raise UnsupportedError(message, location=node.location)
        for region in node.regions:
            require_on_device(region)


class CudaRunner:
    """Runs a graph on a device: NumPy arrays are copied there, and the results back (a ``program.Runner``)."""

    executable: Executable | None = None

    def __init__(self, graph: Graph, device: Device):
        self.graph, self.device = graph, device
        require_on_device(graph)
        program = schedule(graph, OPS)
        printed = print_cuda_program(program, len(graph.params) + len(graph.ints), repr(settings.code_key()))
        self.symbols, self.bounds, self.checks = program.symbols, program.bounds, program.checks
        self.arena = arena_bytes(program)
        self.sources = (printed.source, *(kernel.printed.source for kernel in printed.kernels))
        names = [kernel.printed.name for kernel in printed.kernels]
        self.kernels = tuple(name for name in names if name.startswith("cuda_kernel_"))
        self.loaded = LoadedProgram(printed, device)

    def run(self, inputs: Sequence[Any]) -> list[Any] | None:
        """The outputs, or None where the sizes do not fit the program. Raises ``IndexRangeError``, ``CudaError``."""
        if not sizes_fit(self.graph, inputs):
            return None
        sizes = self._sizes(inputs)
        held: list[int] = []

        def new(size: int) -> int:
            held.append(self.device.allocate(max(size, 1)))
            return held[-1]

        try:
            addresses = []
            for param, given in zip(self.graph.params, inputs, strict=False):
                array = np.asarray(given, param.type.dtype)
                addresses.append(new(array.nbytes))
                self.device.write(addresses[-1], array)
            addresses += [0] * len(self.graph.ints)  # they bind symbols, and have no memory
            outputs = [new(self._capacity(value, sizes)) for value in self.graph.outputs]
            values = [sizes.get(name, 0) for name in self.symbols]
            status = self.loaded.run([*addresses, *outputs], values, new(evaluate(self.arena, sizes)))
            after = sizes | dict(zip(self.symbols, values, strict=True))
            if status:
                raise self._error(status, after)
            return [self._result(v, place, after) for v, place in zip(self.graph.outputs, outputs, strict=True)]
        finally:
            for address in held:
                self.device.release(address)

    def _sizes(self, inputs: Sequence[Any]) -> dict[str, int]:
        """What each symbol is in this call."""
        found: dict[str, int] = {}
        for param, array in zip(self.graph.params, inputs, strict=False):
            for dim, size in zip(param.dims, np.shape(array), strict=True):
                if str(dim) in symbols_of(dim):
                    found.setdefault(str(dim), size)
        for dim, number in zip(self.graph.ints, inputs[len(self.graph.params) :], strict=True):
            if str(dim) in symbols_of(dim):
                found.setdefault(str(dim), int(number))
        return found

    def _capacity(self, value: Value, sizes: dict[str, int]) -> int:
        """The most bytes that the output can have."""
        return evaluate(substitute(product(value.dims), self.bounds), sizes) * value.type.dtype.itemsize

    def _result(self, value: Value, address: int, sizes: dict[str, int]) -> Any:
        array = self.device.read(address, tuple(evaluate(d, sizes) for d in value.dims), value.type.dtype)
        return array if array.ndim else array[()]

    def _error(self, status: int, sizes: dict[str, int]) -> Exception:
        if not 0 < status <= len(self.checks):
            return ProgramError(f"the program failed with status {status}")
        check = self.checks[status - 1]
        return range_error(check.axis, evaluate(check.size, sizes), location=check.location)
