"""The compiled program of a recorded path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.config import settings
from graphc.ir.graph import Graph
from graphc.limits import LimitRunner
from graphc.ops.index import EQUAL_VALUES
from graphc.passes.derivative_checks import derivative_checks
from graphc.program import Runner
from graphc.runners import make_device_runner, make_runner
from graphc.tensors.functions.table import GRADIENT
from graphc.tensors.kinds import Kind
from graphc.tensors.placing import joined, on_device, places_of, with_used_inputs
from graphc.tensors.recording import State
from graphc.tensors.replay import Replay

Run = Callable[[Sequence[Any]], Any]


def program_of(state: State, wanted: Sequence[int], given: Mapping[int, int] = {}) -> Run:
    """What computes the values at these positions from those that came from outside, in their order.

    ``given``: wanted ones, by number, that are written over the input with this number instead (``lending``).
    """
    places = places_of(state)
    taken = [reached.step for reached in state.path() if isinstance(reached.step, Kind)]
    if any(place is not None for place in places):
        return _of_places(state, wanted, given, places, taken)
    graph = Replay(state, wanted, "checked").graph()
    specs = [kind.spec for kind in taken]

    def with_limits() -> Runner:
        return make_runner(Replay(state, wanted, "limits").graph(), specs, "tensors", given)

    runner = make_runner(graph, specs, "tensors", given)
    if EQUAL_VALUES in derivative_checks(graph):
        runner = LimitRunner(runner, with_limits)
    return (_checked(runner, state, graph) if settings.nan else runner).run


def _kinds_at(state: State, wanted: Sequence[int]) -> list[Kind]:
    kinds = [kind for reached in state.path() for kind in reached.kinds]
    return [kinds[position] for position in wanted]


def _of_places(
    state: State, wanted: Sequence[int], given: Mapping[int, int], places: Sequence[int | None], taken: Sequence[Kind]
) -> Run:
    """A program for each place that computes some of the wanted values; ``given`` ones are copied where they belong."""
    parts: list[tuple[list[int], list[int], Run]] = []
    for place in dict.fromkeys(places[position] for position in wanted):
        outputs = [k for k, position in enumerate(wanted) if places[position] == place]
        positions = [wanted[k] for k in outputs]
        graph, inputs = with_used_inputs(Replay(state, positions).graph(), taken)
        own, made = [taken[k] for k in inputs], _kinds_at(state, positions)
        if place is None:
            runner = make_runner(graph, [kind.spec for kind in own], "tensors")
            parts.append((inputs, outputs, runner.run))
        else:
            runner = make_device_runner(graph, place)
            parts.append((inputs, outputs, on_device(runner.run_at_home, made)))
    run = joined(parts, len(wanted))
    if not given:
        return run

    def into_inputs(inputs: Sequence[Any]) -> list[Any]:
        made = run(inputs)
        for number, place in given.items():
            inputs[place][...] = made[number]
        return [array for number, array in enumerate(made) if number not in given]

    return into_inputs


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
