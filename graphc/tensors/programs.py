"""The compiled program of a recorded path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.build import make_runner
from graphc.config import settings
from graphc.ir.graph import Graph
from graphc.program import Runner
from graphc.tensors.functions.table import GRADIENT
from graphc.tensors.halves import with_bits
from graphc.tensors.kinds import Kind
from graphc.tensors.recording import State
from graphc.tensors.replay import Replay


def program_of(state: State, wanted: Sequence[int]) -> Callable[[Sequence[Any]], Any]:
    """What computes the values at these positions from those that came from outside, in their order."""
    graph = Replay(state, wanted).graph()
    specs = [reached.step.spec for reached in state.path() if isinstance(reached.step, Kind)]
    runner = make_runner(graph, specs, "tensors")
    run = (_checked(runner, state, graph) if settings.nan else runner).run
    kinds = [kind for reached in state.path() for kind in reached.kinds]
    taken = [reached.step for reached in state.path() if isinstance(reached.step, Kind)]
    return with_bits(run, taken, [kinds[position] for position in wanted])


def _checked(runner: Runner, state: State, graph: Graph) -> Runner:
    """The runner, which raises ``NanError`` for values with NaN. What is before a gradient is the forward part."""
    from graphc.nan_search import BACKWARD, FORWARD, NanCheckedRunner

    def graphs() -> list[tuple[str, Graph]]:
        forward: list[int] = []
        for reached in state.path():
            if not isinstance(reached.step, Kind):
                if reached.step[0] is GRADIENT:
                    return [(FORWARD, Replay(state, forward).graph()), (BACKWARD, graph)]
                forward += range(reached.position, reached.end)
        return [(FORWARD, graph)]

    return NanCheckedRunner(runner, graphs)
