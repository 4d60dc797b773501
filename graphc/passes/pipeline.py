"""The order of the passes, and the one place where each can be watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.ir.graph import Graph
from graphc.ir.opdef import Op
from graphc.passes.dead_code import eliminate_dead_code

Pass = Callable[[Graph, Mapping[str, Op]], Graph]
Hook = Callable[[str, Graph, Graph], None]

PASSES: tuple[Pass, ...] = (eliminate_dead_code,)
MAX_ROUNDS = 4  # each round sees what the one before made; graphs settle in two or three


def optimize(graph: Graph, ops: Mapping[str, Op], hook: Hook | None = None) -> Graph:
    """The graph after every pass, in rounds until none changes it. A pass that changes nothing returns its argument.

    ``hook(pass name, before, after)`` is called after each pass that changed the graph: to dump, verify or time.
    """
    for _ in range(MAX_ROUNDS):
        before_round = graph
        for run_pass in PASSES:
            before, graph = graph, run_pass(graph, ops)
            if hook is not None and graph is not before:
                hook(run_pass.__name__, before, graph)
        if graph is before_round:
            break
    return graph
