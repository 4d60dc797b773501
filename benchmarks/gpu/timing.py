"""How long a step takes: graphc's, PyTorch's eager and compiled, and a copy's, which says what bandwidth there is."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
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

STEPS = ("graphc", "eager", "compiled")
Step = Callable[[], Any]


@dataclass
class Times:
    """Seconds of a step; None where it was not timed, with the reason in ``notes``."""

    case: GpuCase
    graphc: float | None = None
    eager: float | None = None
    compiled: float | None = None
    notes: str = ""

    @staticmethod
    def of(case: GpuCase, said: Mapping[str, Any], problem: str) -> Times:
        """What the process of the case said, and how it ended if badly."""
        notes = [f"{name}: {said[f'{name}_failed']}" for name in STEPS if f"{name}_failed" in said]
        notes += [problem] if problem else []
        return Times(case, *[said.get(name) for name in STEPS], notes="; ".join(notes))

    def line(self) -> str:
        """What is known, in a line."""
        known = [f"{name} {value * 1e3:.4g} ms" for name in STEPS if (value := getattr(self, name)) is not None]
        return ", ".join(known + ([self.notes] if self.notes else [])) or "nothing"

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


def timed(case: GpuCase, machine: Machine, say: Callable[..., None]) -> None:
    """All steps of a case at its full sizes, one after another: ``say(<name>=seconds)`` as soon as each is known.

    What fails or takes too long is said as ``<name>_failed``; of the case about calls ``host``, a call's cost, too.
    """
    arguments = ready_arguments(case, machine)
    ours = compiled(case)
    steps: dict[str, Callable[[], Step]] = {"graphc": lambda: lambda: ours(*arguments)}
    if machine.peers:
        steps["eager"] = lambda: torch_step(case, arguments, compile_it=False)
        steps["compiled"] = lambda: torch_step(case, arguments, compile_it=True)
    for name, make in steps.items():
        try:
            with limited(STEP_SECONDS):
                step = make()
                say(**{name: seconds_of(step, machine.wait)})
                if name == "graphc" and case.group == "calls":
                    say(host=host_seconds_of(step, machine.wait))
        except Exception as error:  # noqa: BLE001  whatever one step raises, the others are timed
            say(**{f"{name}_failed": reason(error)})
        if machine.peers:
            import torch

            torch.cuda.empty_cache()


def geometric_mean(numbers: list[float]) -> float:
    return math.exp(sum(map(math.log, numbers)) / len(numbers)) if numbers else math.nan
