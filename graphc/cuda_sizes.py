"""What follows from the shapes and ints of a call of a program on a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphc.ir.dims import Dim, evaluate, product, substitute, symbols_of
from graphc.ir.graph import Graph
from graphc.program import sizes_fit

MOST_SIZES = 64  # of a program that are remembered


class Sizes(NamedTuple):
    """What follows from the shapes and ints of a call.

    ``known``: of each symbol; ``symbols``: in the driver's order; ``capacities``: the most elements of each output;
    ``shapes``: of the outputs, None where some of them show when the program has run.
    """

    known: dict[str, int]
    symbols: tuple[int, ...]
    arena: int
    capacities: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...] | None


class ProgramSizes:
    """The sizes of a graph's calls. ``symbols``: the driver's; ``bounds``: of those that show when it runs."""

    def __init__(self, graph: Graph, symbols: Sequence[str], bounds: Mapping[str, Dim], arena: Dim):
        self.graph, self.symbols, self.bounds, self.arena = graph, tuple(symbols), dict(bounds), arena
        self.by_inputs: dict[tuple, Sizes] = {}

    def of(self, inputs: Sequence[Any]) -> Sizes | None:
        """Those of the inputs; None where they do not fit the graph."""
        key = self._key(inputs)
        if key not in self.by_inputs:
            if not sizes_fit(self.graph, inputs):
                return None
            if len(self.by_inputs) >= MOST_SIZES:
                self.by_inputs.clear()
            self.by_inputs[key] = self._new(inputs)
        return self.by_inputs[key]

    def shapes(self, sizes: Sizes, symbols: Sequence[int]) -> Sequence[tuple[int, ...]]:
        """Of the outputs, when the program has left these symbols."""
        if sizes.shapes is not None:
            return sizes.shapes
        after = self.after(sizes, symbols)
        return [tuple([evaluate(d, after) for d in v.dims]) for v in self.graph.outputs]

    def after(self, sizes: Sizes, symbols: Sequence[int]) -> dict[str, int]:
        """Each symbol when the program has left these."""
        return sizes.known | dict(zip(self.symbols, symbols, strict=True))

    def _key(self, inputs: Sequence[Any]) -> tuple:
        shapes = [i.shape for p, i in zip(self.graph.params, inputs, strict=False) if p.dims]
        return (*shapes, *inputs[len(self.graph.params) :])

    def _new(self, inputs: Sequence[Any]) -> Sizes:
        graph = self.graph
        known: dict[str, int] = {}
        for param, array in zip(graph.params, inputs, strict=False):
            for dim, size in zip(param.dims, np.shape(array), strict=True):
                if str(dim) in symbols_of(dim):
                    known.setdefault(str(dim), size)
        for dim, number in zip(graph.ints, inputs[len(graph.params) :], strict=True):
            if str(dim) in symbols_of(dim):
                known.setdefault(str(dim), int(number))
        symbols = tuple([known.get(name, 0) for name in self.symbols])
        capacities = [evaluate(substitute(product(v.dims), self.bounds), known) for v in graph.outputs]
        late = any(symbols_of(dim) & set(self.bounds) for v in graph.outputs for dim in v.dims)
        shapes = None if late else tuple([tuple([evaluate(d, known) for d in v.dims]) for v in graph.outputs])
        return Sizes(known, symbols, evaluate(self.arena, known), tuple(capacities), shapes)
