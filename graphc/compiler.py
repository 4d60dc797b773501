"""Graph -> Executable: the one module that sees every layer.

A graph is looked up on disk by its text before any pass. Where it is known, its object code is loaded and neither a
pass nor Numba runs; else it is optimised, scheduled, printed and compiled, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphc.abi import OutputLeaf
from graphc.config import settings
from graphc.ir.dims import parse_dim, product, substitute, symbols_of, to_code
from graphc.ir.graph import Graph, Value
from graphc.ir.text import print_graph
from graphc.ir.types import DTYPES
from graphc.runtime import cache, native

if TYPE_CHECKING:
    from graphc.schedule.loopnest import Program

Transform = Callable[[Graph], Graph]


@dataclass
class Executable:
    """A loaded program. ``symbols`` are the dim symbols in the order of the driver's array.

    ``arena`` and ``work`` are dim codes over them, ``outputs`` what a call allocates; ``keepalive`` owns the table.
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
    failures: tuple[str, ...]
    keepalive: object = field(repr=False, default=None)


def compile_graph(traced: Graph, transform: Transform, *, kind: str) -> Executable:
    """The executable for ``transform(traced)``; ``kind`` names the transformation in the key on disk."""
    key = cache.content_key(kind, repr(settings.code_key()), print_graph(traced, locations=False))
    known = cache.get("program", key)
    if known is None:
        metadata = _build(transform(traced))
        cache.put("program", key, b"", metadata)
    else:
        metadata = known.metadata
    return _load(metadata)


def _build(graph: Graph) -> dict[str, Any]:
    """Schedule, print and compile; returns what a warm process needs to load the program."""
    from graphc.codegen.driver import DRIVER_SIGNATURE, arena_bytes, print_program
    from graphc.ops.table import OPS
    from graphc.schedule.loopnest import Launch
    from graphc.schedule.plan import schedule

    program = schedule(graph, OPS)
    printed = print_program(program, len(graph.params) + len(graph.ints), repr(settings.code_key()))
    parts = [(k.name, k.source, k.signature) for k in printed.kernels]
    parts.append((printed.name, printed.source, DRIVER_SIGNATURE))
    compile_missing(parts)
    work: Any = 0
    for step in program.steps:
        if isinstance(step, Launch):
            work = work + substitute(step.work * step.count, program.bounds)
    return {
        "name": printed.name,
        "kernels": [k.name for k in printed.kernels],
        "symbols": program.symbols,
        "outputs": [[v.type.short, [str(d) for d in v.dims], _capacity(v, program)] for v in graph.outputs],
        "failures": program.failures,
        "arena": str(arena_bytes(program)),
        "work": str(work),
        "source": printed.source,
        "kernel_sources": [k.source for k in printed.kernels],
    }


def _capacity(value: Value, program: Program) -> str | None:
    """The most elements that the output can have, where its dims hold symbols bound at run time."""
    size = product(value.dims)
    return str(substitute(size, program.bounds)) if symbols_of(size) & set(program.bounds) else None


def compile_missing(parts: Sequence[tuple[str, str, str]]) -> None:
    """Compile the functions (name, module source, signature) whose object code is not kept yet."""
    missing = [part for part in parts if cache.get("object", part[0]) is None]
    if not missing:
        return
    from graphc.codegen.objects import compile_functions

    for name, source, signature in missing:
        path = cache.write_module(name, source)
        (compiled,) = compile_functions(path, [(name, signature)], source=source)
        cache.put("object", name, compiled.object_bytes, {"symbol": compiled.symbol})


def _load(metadata: dict[str, Any]) -> Executable:
    from graphc.runtime.launch import make_table

    addresses = [_address(name) for name in metadata["kernels"]]
    table, keepalive = make_table(addresses)
    symbols = tuple(metadata["symbols"])
    index = {name: k for k, name in enumerate(symbols)}
    outputs = tuple(
        OutputLeaf(
            DTYPES[short].str,
            tuple(to_code(parse_dim(d), index) for d in dims),
            None if capacity is None else to_code(parse_dim(capacity), index),
        )
        for short, dims, capacity in metadata["outputs"]
    )
    return Executable(
        driver=_address(metadata["name"]),
        table=table,
        symbols=symbols,
        outputs=outputs,
        arena=to_code(parse_dim(metadata["arena"]), index),
        work=to_code(parse_dim(metadata["work"]), index),
        name=metadata["name"],
        kernels=tuple(metadata["kernels"]),
        source=metadata["source"],
        kernel_sources=tuple(metadata["kernel_sources"]),
        failures=tuple(metadata["failures"]),
        keepalive=keepalive,
    )


def _address(name: str) -> int:
    entry = cache.get("object", name)
    assert entry is not None, f"no object code for {name}"
    symbol = entry.metadata["symbol"]
    return native.load_object(entry.data, [symbol])[symbol]
