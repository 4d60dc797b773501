"""How long a step takes: graphc's, PyTorch's eager and compiled, and a copy's, which says what bandwidth there is."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.gpu.cases import GpuCase
from benchmarks.gpu.checks import compiled
from benchmarks.gpu.machine import Machine, limited, reason
from benchmarks.tree import tree_leaves, tree_map

BATCHES, BATCH_SECONDS = 5, 0.08
COPIED = 1 << 29  # bytes of the array whose copy is timed
STEP_SECONDS = 60.0  # for compiling and timing one step
CALLS = 2000  # of which the host's cost is the mean

Step = Callable[[], Any]


@dataclass
class Times:
    """Seconds of a step; None where it was not timed, with the reason in ``notes``."""

    case: GpuCase
    graphc: float | None = None
    eager: float | None = None
    compiled: float | None = None
    notes: str = ""

    def bandwidth(self, copy: float) -> float | None:
        """Which part of a copy's bytes a second graphc's step reaches, counting what any program must move."""
        if self.graphc is None or self.case.moved is None:
            return None
        return self.case.moved(**self.case.sizes) / self.graphc / copy


def seconds_of(step: Step, wait: Callable[[], None]) -> float:
    """The median time of a step, asked for in batches without waiting in between."""
    step()
    step()
    wait()
    start = time.perf_counter()
    step()
    wait()
    count = max(1, min(1000, int(BATCH_SECONDS / (time.perf_counter() - start))))
    found = []
    for _ in range(BATCHES):
        start = time.perf_counter()
        for _ in range(count):
            step()
        wait()
        found.append((time.perf_counter() - start) / count)
    return statistics.median(found)


def host_seconds_of(step: Step, wait: Callable[[], None]) -> float:
    """What a call costs the host: the mean over calls that nothing waits for, few enough not to fill the queue."""
    for _ in range(20):
        step()
    found = []
    for _ in range(max(1, CALLS // 100)):
        wait()
        start = time.perf_counter()
        for _ in range(100):
            step()
        found.append((time.perf_counter() - start) / 100)
    wait()
    return statistics.median(found)


def copy_bandwidth(machine: Machine) -> float:
    """Bytes read and written in a second by a copy on the device."""
    return 2 * COPIED / seconds_of(machine.copying(COPIED), machine.wait)


def ready_arguments(case: GpuCase, machine: Machine) -> tuple[Any, ...]:
    """The case's arguments at full size, arrays on the device."""
    given = case.inputs(np.random.default_rng(0), **case.sizes)
    arguments: tuple[Any, ...] = tree_map(lambda a: machine.put(a) if isinstance(a, np.ndarray) else a, given)
    return arguments


def ready_step(case: GpuCase, machine: Machine) -> Step:
    """graphc's step, its arguments on the device."""
    step, arguments = compiled(case), ready_arguments(case, machine)
    return lambda: step(*arguments)


def torch_step(case: GpuCase, arguments: tuple[Any, ...], *, compile_it: bool) -> Step:
    """PyTorch's step with the same results."""
    import torch

    function = torch.compile(case.torch()) if compile_it else case.torch()
    if case.argnums is None:

        def update() -> Any:
            with torch.no_grad():
                return function(*arguments)

        return update
    leaves = [leaf for number in case.argnums for leaf in tree_leaves(arguments[number])]
    for leaf in leaves:
        leaf.requires_grad_(True)
    return lambda: torch.autograd.grad(function(*arguments), leaves)


def timed(case: GpuCase, machine: Machine, *, with_compiled: bool) -> Times:
    """All steps of a case at its full sizes, one after another; what fails or takes too long is a note."""
    times = Times(case)
    arguments = ready_arguments(case, machine)
    ours = compiled(case)
    steps: dict[str, Callable[[], Step]] = {"graphc": lambda: lambda: ours(*arguments)}
    if machine.peers:
        steps["eager"] = lambda: torch_step(case, arguments, compile_it=False)
        steps["compiled"] = lambda: torch_step(case, arguments, compile_it=True)
    for name, make in steps.items():
        if name == "compiled" and not with_compiled:
            times.notes += "torch.compile: no time left; "
            continue
        try:
            with limited(STEP_SECONDS):
                setattr(times, name, seconds_of(make(), machine.wait))
        except Exception as error:  # noqa: BLE001  whatever one step raises, the others are timed
            times.notes += f"{name}: {reason(error)}; "
        if machine.peers:
            import torch

            torch.cuda.empty_cache()
    return times


def geometric_mean(numbers: list[float]) -> float:
    return math.exp(sum(map(math.log, numbers)) / len(numbers)) if numbers else math.nan
