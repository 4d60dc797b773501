"""The compiled program of a recorded path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.build import make_runner
from graphc.tensors.kinds import Kind
from graphc.tensors.recording import State
from graphc.tensors.replay import Replay


def program_of(state: State, wanted: Sequence[int]) -> Callable[[Sequence[Any]], Any]:
    """What computes the values at these positions from those that came from outside, in their order."""
    graph = Replay(state, wanted).graph()
    specs = [reached.step.spec for reached in state.path() if isinstance(reached.step, Kind)]
    return make_runner(graph, specs, "tensors").run
