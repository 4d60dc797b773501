"""Plain NumPy functions, the graphs that are compiled for them, and what their programs are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtr

from graphc import config
from graphc.codegen.driver import PrintedProgram, arena_bytes, print_program
from graphc.ir.builder import Builder, finish
from graphc.ir.dims import evaluate
from graphc.ir.graph import Graph, Value
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.schedule.bufferize import size_in_bytes
from graphc.schedule.loopnest import Nest
from graphc.schedule.plan import schedule
from graphc.schedule.program import Choice, Inline, Launch, Program, Storage, step_buffers
from graphc.trace.record import trace
from graphc.trace.target import make_target

# --- functions --------------------------------------------------------------------------------------------------------


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def mlp(params, x, y):
    hidden = np.tanh(x @ params["w1"] + params["b1"])
    hidden = np.tanh(hidden @ params["w2"] + params["b2"])
    return np.mean((hidden @ params["w3"] + params["b3"] - y) ** 2)


def black_scholes(spot, strike, maturity, rate, volatility):
    spread = volatility * np.sqrt(maturity)
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * maturity) / spread
    return np.sum(spot * ndtr(d1) - strike * np.exp(-rate * maturity) * ndtr(d1 - spread))


def cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_total = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(log_total - shifted[np.arange(labels.shape[0]), labels])


def cross_entropy_of_shares(logits, shares):
    """The same against a distribution over the classes instead of one label."""
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_total = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(log_total - np.sum(shares * shifted, axis=1))


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.5, 1.5, shape)


def mlp_inputs() -> tuple[Any, ...]:
    shapes = {"w1": (10, 32), "b1": (32,), "w2": (32, 32), "b2": (32,), "w3": (32, 1), "b3": (1,)}
    return {name: numbers(*shape) for name, shape in shapes.items()}, numbers(32, 10), numbers(32, 1)


def black_scholes_inputs() -> tuple[Any, ...]:
    return numbers(9), numbers(9), numbers(9), 0.02, 0.3


LABELS = np.array([0, 2, 1, 4, 3, 1, 1, 0])


# --- programs ---------------------------------------------------------------------------------------------------------


def final_graph(transform: Callable[..., Any], function: Callable[..., Any], *args: Any) -> Graph:
    """The optimised joint graph of ``transform(function)`` for these arguments; nothing is compiled."""
    with config.override(disable_jit=True):
        graph: Graph = transform(function).graph("final", *args)
    return graph


def value_graph(function: Callable[..., Any], *args: Any) -> Graph:
    """The optimised graph of the plain function."""
    return optimize(trace(make_target(function), args, {}, OPS).graph, OPS)


def build(make: Callable[..., Any], *types: ArrayType) -> Graph:
    """The graph of ``make(F, *params)``, which gives the outputs."""
    F = Builder(OPS, ShapeFacts())
    params = [Value(type_, name=f"p{k}") for k, type_ in enumerate(types)]
    outputs = make(F, *params)
    return finish(F, "built", params, [outputs] if isinstance(outputs, Value) else list(outputs))


def program_of(graph: Graph) -> Program:
    """The graph's program; of one that has two ways, the way for large sizes."""
    program = schedule(graph, OPS)
    if len(program.steps) == 1 and isinstance(program.steps[0], Choice):
        large = program.steps[0].first
        return replace(program, storage=large.storage, steps=large.steps)
    return program


def printed(graph: Graph) -> PrintedProgram:
    return print_program(schedule(graph, OPS), len(graph.params), "")


def steps(program: Program) -> Counter[str]:
    """How many steps of each kind the driver takes."""
    return Counter(type(step).__name__ for step in program.steps)


def nests(program: Program) -> list[Nest]:
    return [step.nest for step in program.steps if isinstance(step, Launch | Inline)]


def kernels(graph: Graph) -> int:
    return steps(program_of(graph))["Launch"]


def readers(program: Program, parameter: int) -> int:
    """The kernels that read an input: how often it comes from memory."""
    return sum(nest.buffers().get(parameter) in ("read", "both") for nest in nests(program))


def arena(program: Program, **symbols: int) -> int:
    """Bytes of temporaries at these sizes."""
    return evaluate(arena_bytes(program), symbols)


def most_alive(program: Program, **symbols: int) -> int:
    """Bytes of the temporaries that are there at once, at their most: no arena of these steps can be smaller."""
    lives: dict[int, tuple[Storage, int, int]] = {}
    for time, step in enumerate(program.steps):
        for place in (program.storage[b] for b in step_buffers(step)):
            if place.place == "arena":
                _, first, _ = lives.setdefault(id(place), (place, time, time))
                lives[id(place)] = place, first, time
    sizes = [(evaluate(size_in_bytes(place), symbols), first, last) for place, first, last in lives.values()]
    return max(sum(s for s, first, last in sizes if first <= t <= last) for t in range(len(program.steps)))
