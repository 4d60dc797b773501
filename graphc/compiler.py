"""Graph -> Executable: the one module that sees every layer.

A graph is looked up on disk by its text before any pass. Where it is known, its object code is loaded and neither a
pass nor Numba runs; else it is optimised, scheduled, printed and compiled, and kept.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphc.abi import OutputLeaf
from graphc.config import settings
from graphc.ir.dims import dim_sum, product, substitute, symbols_of, to_code
from graphc.ir.graph import Graph, Value
from graphc.ir.text import print_graph
from graphc.ir.types import dtype_text
from graphc.runtime import cache, native, scipy_special

if TYPE_CHECKING:
    from graphc.schedule.prepare import IndexCheck
    from graphc.schedule.program import Program

Transform = Callable[[Graph], Graph]


@dataclass
class Executable:
    """A loaded program. ``symbols`` are the dim symbols in the order of the driver's array.

    ``kernels``: names of those that compute, without the chores beside them (clearing, copying, combining).
    ``arena`` and ``work`` are dim codes over them, ``outputs`` what a call allocates; ``keepalive`` owns the table.
    ``index_checks()``: the driver returns status k + 1 where the k-th of them fails. They are found when asked for,
    since what is kept on disk does not know the lines of this function.
    """

    driver: int
    table: int
    symbols: tuple[str, ...]
    outputs: tuple[OutputLeaf, ...]
    arena: tuple[int, ...]
    work: tuple[int, ...]
    name: str
    kernels: tuple[str, ...]
    source: str
    kernel_sources: tuple[str, ...]
    functions: tuple[tuple[str, str, str], ...]  # name, source and signature of each kernel, and of the driver
    index_checks: Callable[[], Sequence[IndexCheck]]
    keepalive: object = field(repr=False, default=None)


def compile_graph(traced: Graph, finish: Transform, *, kind: str, given: Mapping[int, int] = {}) -> Executable:
    """The executable for ``finish(traced)``; ``kind`` names the transformation in the key on disk.

    ``given``: outputs, by number, that the driver writes over the parameter with this number, and does not give.
    """

    def transform(traced: Graph) -> Graph:
        return without_rules(finish(traced))

    key = cache.content_key(
        f"{kind} {sorted(given.items())}" if given else kind,
        repr(settings.code_key()),
        print_graph(traced, locations=False),
    )
    known = cache.get("program", key)

    @functools.cache
    def index_checks() -> Sequence[IndexCheck]:
        from graphc.ops.table import OPS
        from graphc.passes.lowering import lowered
        from graphc.schedule.plan import schedule

        return schedule(lowered(transform(traced), OPS), OPS).checks

    if known is not None:
        return _load(known.metadata, _addresses(known.metadata["functions"]), index_checks)
    from concurrent.futures import ThreadPoolExecutor  # 8 ms, which a process with a warm cache need not pay

    # LLVM and the imports of Numba take turns with the GIL.
    with garbage_left(), ThreadPoolExecutor(1, "graphc-prepare") as beside:
        ready = beside.submit(_prepare_runtime)
        metadata = _build(transform(traced), given)
        addresses = _addresses(metadata["functions"])
        ready.result()
    cache.put("program", key, b"", metadata)
    return _load(metadata, addresses, index_checks)


def without_rules(graph: Graph) -> Graph:
    """The graph in which what carried a derivative rule of the user's is plain."""
    from graphc.ops.table import OPS
    from graphc.passes import custom
    from graphc.passes.pipeline import optimize

    return optimize(custom.without_rules(graph, OPS), OPS) if custom.has_rules(graph) else graph


@contextmanager
def garbage_left() -> Iterator[None]:
    """Collect no garbage meanwhile. Nearly all that tracing and compiling make is alive until their end, and to look at
    all of it again and again took a third of the time of long programs."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _build(graph: Graph, given: Mapping[int, int]) -> dict[str, Any]:
    """Schedule and print: as JSON-able metadata, what a warm process needs to load the program."""
    from graphc.codegen.driver import DRIVER_SIGNATURE, arena_bytes, print_program
    from graphc.ops.table import OPS
    from graphc.passes.lowering import lowered
    from graphc.schedule.plan import schedule
    from graphc.schedule.program import launches

    program = schedule(lowered(graph, OPS), OPS, given)
    printed = print_program(program, len(graph.params) + len(graph.ints), repr(settings.code_key()))
    work = dim_sum(
        substitute(step.work * step.count * times, program.bounds) for step, times in launches(program.steps)
    )
    work = substitute(work, dict.fromkeys(symbols_of(work) - set(program.symbols), 1))  # what a loop binds counts once
    index = {name: k for k, name in enumerate(program.symbols)}
    return {
        "functions": [
            *([k.name, k.source, k.signature] for k in printed.kernels),
            [printed.name, printed.source, DRIVER_SIGNATURE],
        ],
        "symbols": program.symbols,
        "outputs": [_described(v, program, index) for k, v in enumerate(graph.outputs) if k not in given],
        "arena": to_code(arena_bytes(program), index),
        "work": to_code(work, index),
        "libraries": sorted(printed.libraries),
        "convolutions": printed.convolutions,
    }


def _prepare_runtime() -> None:
    """Compile the run-time parts that every program needs, where this machine's cache does not hold them yet."""
    from graphc.runtime.entry import prepare
    from graphc.runtime.launch import services_table

    services_table()
    prepare()


def _described(value: Value, program: Program, index: dict[str, int]) -> list[Any]:
    """An output's dtype, the codes of its dims, and that of its capacity where they hold symbols bound at run time."""
    size = product(value.dims)
    is_bound = bool(symbols_of(size) & set(program.bounds))
    capacity = to_code(substitute(size, program.bounds), index) if is_bound else None
    return [dtype_text(value.type.dtype), [to_code(d, index) for d in value.dims], capacity]


def _addresses(functions: Sequence[tuple[str, str, str]]) -> list[int]:
    """The address of each function (name, module source, signature): loaded already, kept on disk, or compiled now."""
    found: dict[str, int] = {}
    missing = []
    for name, source, signature in functions:
        loaded = native.loaded_address(name)
        if loaded is None:
            scipy_special.define(scipy_special.names_in(source))
        if loaded is None and (entry := cache.get("object", name)) is not None:
            loaded = native.load_object(entry.data, [name])[name]
        if loaded is None:
            missing.append((name, source, signature))
        else:
            found[name] = loaded
    if missing:
        from graphc.codegen.objects import Source, compile_all

        sources = [Source(name, text, cache.write_module(name, text), signature) for name, text, signature in missing]
        for compiled in compile_all(sources):
            cache.put("object", compiled.name, compiled.object_bytes)
            found |= native.load_object(compiled.object_bytes, [compiled.symbol])
    return [found[name] for name, _, _ in functions]


def _load(
    metadata: dict[str, Any], addresses: Sequence[int], index_checks: Callable[[], Sequence[IndexCheck]]
) -> Executable:
    from graphc.runtime.launch import make_table

    *kernels, (name, source, _) = metadata["functions"]
    *kernel_addresses, driver = addresses
    table, keepalive = make_table(kernel_addresses, metadata["convolutions"], metadata["libraries"])
    symbols = tuple(metadata["symbols"])
    outputs = tuple(
        OutputLeaf(dtype, tuple(map(tuple, dims)), None if capacity is None else tuple(capacity))
        for dtype, dims, capacity in metadata["outputs"]
    )
    return Executable(
        driver=driver,
        table=table,
        symbols=symbols,
        outputs=outputs,
        arena=tuple(metadata["arena"]),
        work=tuple(metadata["work"]),
        name=name,
        kernels=tuple(kernel[0] for kernel in kernels if kernel[0].startswith("kernel_")),
        source=source,
        functions=tuple((f[0], f[1], f[2]) for f in metadata["functions"]),
        kernel_sources=tuple(kernel[1] for kernel in kernels),
        index_checks=index_checks,
        keepalive=keepalive,
    )
