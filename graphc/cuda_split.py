"""``vjp`` and ``linearize`` where arrays are on a device: the two programs, and what the second one is given.

What the first program saves stays on the device, in arrays of the library that the arguments are of; Python's numbers
stay Python's. Sizes that the second one needs are known on the host from the arguments' shapes; only those that show
when the first has run (the count of a mask) are read from the device. Behind them goes an array without elements, which
says what the results of the second are like where nothing else does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from numbers import Number
from typing import Any

import numpy as np

from graphc.autodiff.partition import Split
from graphc.compiler import Executable, without_rules
from graphc.cuda_runner import CudaRunner
from graphc.errors import CudaError, GradientError
from graphc.ir.dims import evaluate, symbols_of
from graphc.ir.graph import Graph, Value
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.program import Runner
from graphc.pullback import Seeds
from graphc.runtime.cuda_arrays import DeviceView, view_of
from graphc.runtime.cuda_devices import device
from graphc.runtime.cuda_memory import sent
from graphc.trace.leaves import LeafSpec
from graphc.trace.location import user_location


class OnDevice:
    """See ``pullback.Place``: the device of a number. ``constants``: as for ``CudaRunner``, of the first program."""

    def __init__(self, number: int, constants: Collection[int]):
        self.number, self.constants = number, constants

    def runners(self, parts: Split, specs: Sequence[LeafSpec], kinds: tuple[str, str]) -> tuple[Runner, Runner]:
        first = FirstRunner(parts, self.number, self.constants)
        there = [k for k in range(len(parts.residuals)) if k + first.results not in first.numbers]
        return first, SecondRunner(_runner(parts.backward, self.number, there=there))

    def sizes(self, results: Sequence[Any]) -> list[Any]:
        return list(results)

    def seed(self, given: Any, value: Value, shape: tuple[int, ...], seeds: Seeds, *, turned: bool) -> Any:
        dtype = value.type.dtype
        if given is None:
            given = sent(np.zeros(shape, dtype), self.number) if shape else dtype.type(0)
        view = given if isinstance(given, DeviceView) else view_of(given)
        if view is None:
            if shape or np.shape(given):
                raise CudaError(
                    f"the {seeds.name} is a {type(given).__name__} of the host, and the arguments were on device "
                    f"{self.number}: move it there",
                    location=user_location(),
                )
            return seeds.on_the_host(given, value, shape)
        if view.device != self.number:
            raise CudaError(
                f"the {seeds.name} is on device {view.device}, and the arguments were on device {self.number}: move it",
                location=user_location(),
            )
        if view.shape != shape or view.dtype != dtype:
            raise GradientError(
                f"the {seeds.name} must have shape {shape} and dtype {dtype}, {seeds.like}; on the device it has shape "
                f"{view.shape} and dtype {view.dtype}",
                location=user_location(),
            )
        return view


def _runner(graph: Graph, number: int, constants: Collection[int] = (), *, there: Collection[int] = ()) -> CudaRunner:
    return CudaRunner(without_rules(optimize(graph, OPS)), device(number), constants, there=there)


class FirstRunner:
    """Results and residuals, then sizes as numbers, and an array without elements of the same kind.

    ``numbers``: residuals that are parameters and numbers of Python's, by their places: that of the parameter.
    """

    executable: Executable | None = None

    def __init__(self, parts: Split, number: int, constants: Collection[int]):
        graph, sizes = parts.forward, parts.backward.ints  # the last outputs of the graph
        shown = {str(dim) for param in graph.params for dim in param.dims} | {str(dim) for dim in graph.ints}
        self.sizes = [(size, symbols_of(size) <= shown) for size in sizes]
        self.count = len(graph.outputs) - len(sizes)
        self.results = self.count - len(parts.residuals)
        places = {p: k for k, p in enumerate(graph.params) if p.type.weak and not p.dims}
        saved = list(enumerate(graph.outputs[: self.count]))[self.results :]
        self.numbers = {k: places[value] for k, value in saved if value in places}
        arrays = [value for k, value in enumerate(graph.outputs[: self.count]) if k not in self.numbers]
        late = [value for value, (_, known) in zip(graph.outputs[self.count :], self.sizes, strict=True) if not known]
        outputs = (*arrays, *late)
        kept = Graph(graph.name, graph.params, graph.nodes, outputs, graph.guards, graph.ints)
        self.runner = _runner(kept, number, constants)
        self.sources, self.kernels = self.runner.sources, self.runner.kernels

    def run(self, inputs: Sequence[Any]) -> list[Any] | None:
        found = self.runner.run(inputs)
        if found is None:
            return None
        symbols, left = self.runner.known_sizes(inputs), iter(found)
        values = [inputs[self.numbers[k]] if k in self.numbers else next(left) for k in range(self.count)]
        sizes = [evaluate(size, symbols) if known else _number(next(left)) for size, known in self.sizes]
        like = next(view for view in inputs if isinstance(view, DeviceView))
        with self.runner.device.current():
            empty, _ = like.kind.empty(like, (0,), np.dtype(np.float32))
        return [*values, *sizes, like.kind.finished(empty, None, (0,))]


class SecondRunner:
    """What the first runner left (arrays of a library), views of what a user gave, sizes, and the empty array."""

    executable: Executable | None = None

    def __init__(self, runner: CudaRunner):
        self.runner, self.sources, self.kernels = runner, runner.sources, runner.kernels

    def run(self, inputs: Sequence[Any]) -> list[Any] | None:
        *others, empty = inputs
        seen = [given if isinstance(given, DeviceView | np.generic | Number) else view_of(given) for given in others]
        return self.runner.run(seen, view_of(empty))


def _number(array: Any) -> int:
    """The integer in an array on a device, which is waited for."""
    view, found = view_of(array), np.zeros((), np.int64)
    assert view is not None
    on = device(view.device)
    with on.current():
        on.read([(view.address, found)], view.stream)
    return int(found)
