"""What runs graphs that are differentiated already: of updates, recorded tensors, and functions in two programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphc.compiler import compile_graph, without_rules
from graphc.config import settings
from graphc.errors import UnsupportedError
from graphc.ir.graph import Graph
from graphc.limits import WarningRunner
from graphc.ops.index import EQUAL_VALUES
from graphc.ops.table import OPS
from graphc.program import CompiledRunner, InterpretedRunner, Runner
from graphc.trace.leaves import LeafSpec

if TYPE_CHECKING:
    from graphc.cuda_runner import CudaRunner

NOT_INTERPRETED = "GRAPHC_DISABLE_JIT: arrays on a device cannot be interpreted; pass NumPy arrays"


def runner_maker(results: int) -> Callable[[Graph, Sequence[LeafSpec], str], Runner]:
    """``make_runner`` for the two programs of a split function, the first of which has so many results."""
    if not settings.nan:
        return make_runner
    from graphc.nan_search import BACKWARD, FORWARD, NanCheckedRunner

    def make(graph: Graph, specs: Sequence[LeafSpec], kind: str) -> Runner:
        runner = make_runner(graph, specs, kind)
        if kind in ("vjp forward", "linearize"):
            return NanCheckedRunner(runner, lambda: [(FORWARD, graph)], results)
        return NanCheckedRunner(runner, lambda: [(BACKWARD, graph)])

    return make


def make_runner(graph: Graph, specs: Sequence[LeafSpec], kind: str, given: Mapping[int, int] = {}) -> Runner:
    """What runs a graph that is differentiated already.

    ``given``: outputs, by number, that are written into the array of the input with this number, and not returned. Such
    inputs must be writable, and share no memory with any other.
    """
    from graphc.passes.derivative_checks import derivative_checks, without_derivative_checks

    checks = derivative_checks(graph)
    if not checks:
        return _runner(graph, specs, kind, given)
    if given:
        return GivingRunner(make_runner(graph, specs, kind), given)
    if checks == {EQUAL_VALUES}:
        return _runner(graph, specs, kind)
    silent = without_derivative_checks(graph, OPS)
    return WarningRunner(_runner(graph, specs, kind), lambda: _runner(silent, specs, kind))


def _runner(graph: Graph, specs: Sequence[LeafSpec], kind: str, given: Mapping[int, int] = {}) -> Runner:
    from graphc.passes.pipeline import optimize

    if settings.disable_jit:
        return InterpretedRunner(graph, given)
    executable = compile_graph(graph, lambda g: optimize(g, OPS), kind=kind, given=given)
    return CompiledRunner(graph, executable, specs)


class GivingRunner:
    """Writes outputs over inputs when the program has run, which may find that another one serves the call.

    ``given``: as for ``make_runner``.
    """

    def __init__(self, runner: Runner, given: Mapping[int, int]):
        self.inner, self.given = runner, given
        self.executable = runner.executable
        self.sources, self.kernels = runner.sources, runner.kernels

    def run(self, inputs: Sequence[Any]) -> list[Any] | None:
        made = self.inner.run(inputs)
        if made is None:
            return None
        for number, place in self.given.items():
            inputs[place][...] = made[number]
        return [array for number, array in enumerate(made) if number not in self.given]


def make_device_runner(graph: Graph, number: int) -> CudaRunner:
    """As ``make_runner``, on the device of this number: NumPy arrays are copied there, results are there.

    Raises: UnsupportedError: what a device does not compute, or while nothing is compiled.
    """
    from graphc.cuda_runner import CudaRunner
    from graphc.passes.pipeline import optimize
    from graphc.runtime.cuda_arrays import at_home
    from graphc.runtime.cuda_devices import device

    if settings.disable_jit:
        raise UnsupportedError(NOT_INTERPRETED)
    return CudaRunner(without_rules(optimize(graph, OPS)), device(number), home=at_home(number))
