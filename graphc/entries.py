"""The native ways into programs, and the runner of those on a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphc.compiler import without_rules
from graphc.ir.graph import Graph
from graphc.program import CallPlan, Program, call_plan
from graphc.trace.record import Traced
from graphc.transform import Transform

if TYPE_CHECKING:
    from graphc.cuda_runner import CudaRunner


def device_runner(graph: Graph, traced: Traced, number: int | None, transform: Transform) -> CudaRunner:
    from graphc.cuda_runner import cuda_runner

    return cuda_runner(without_rules(graph), traced, number or 0, atomics=transform.atomics)


def give_device_entry(
    program: Program, runner: CudaRunner, args: Sequence[Any], kwargs: Mapping[str, Any], fallback: Callable[..., Any]
) -> None:
    from graphc.cuda_entry import device_entry

    give_entry(program, args, kwargs, fallback, lambda plan, other: device_entry(plan, runner, other))


def give_entry(
    program: Program,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    fallback: Callable[..., Any],
    make: Callable[[CallPlan, Callable[..., Any]], Callable[..., Any]],
    *,
    takes_out: bool = False,
) -> None:
    """The native way into the program, where there is one: ``make(plan, fallback)``."""
    kept, template = program.kept, program.template
    if kept is not None:
        template, takes_out = (template, kept.template), False
    plan = call_plan(program.traced, len(args) + len(kwargs), tuple(kwargs), template, takes_out=takes_out)
    if plan is not None:
        program.entry = make(plan, fallback) if kept is None else kept.entry(plan, make, fallback)
