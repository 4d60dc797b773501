"""Compile a graph and run it, without a trace: what tests compare with the interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.abi import LeafKind
from graphc.compiler import Executable, compile_graph
from graphc.errors import ProgramError
from graphc.ir.graph import Graph, Value
from graphc.ir.types import ArrayType
from graphc.program import INT, CompiledRunner
from graphc.trace.leaves import LeafSpec


def spec_of(type_: ArrayType) -> LeafSpec:
    """How a parameter of the type is handed over: an array, or, where it is 0-d, a scalar of NumPy's."""
    kind = LeafKind.ARRAY if type_.dims else LeafKind.SCALAR
    return LeafSpec(kind, type_.dtype, tuple(d if isinstance(d, int) else None for d in type_.dims))


class Compiled:
    """A graph as a compiled program: call it with one array for each parameter, and then each of ``graph.ints``."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.executable: Executable = compile_graph(graph, lambda same: same, kind="test")
        specs = [*(spec_of(p.type) for p in graph.params), *(INT for _ in graph.ints)]
        self.runner = CompiledRunner(graph, self.executable, specs)

    def __call__(self, arrays: Sequence[Any], ints: Sequence[int] = ()) -> list[np.ndarray]:
        """The outputs. Raises ``AssertionError`` where the inputs do not fit, ``ProgramError`` if the program fails."""
        inputs = [as_input(param, array) for param, array in zip(self.graph.params, arrays, strict=True)]
        results = self.runner.run([*inputs, *ints])
        assert results is not None, "the inputs do not fit the program"
        return [np.asarray(result) for result in results]

    @property
    def kernels(self) -> tuple[str, ...]:
        """The sources of its kernels."""
        return self.executable.kernel_sources


def as_input(param: Value, array: Any) -> Any:
    array = np.ascontiguousarray(array, dtype=param.type.dtype) if param.rank else np.asarray(array, param.type.dtype)
    return array if param.rank else array[()]


def run_compiled(graph: Graph, arrays: Sequence[Any], ints: Sequence[int] = ()) -> list[np.ndarray]:
    """Compile the graph and run it once."""
    return Compiled(graph)(arrays, ints)


__all__ = ["Compiled", "ProgramError", "run_compiled", "spec_of"]
