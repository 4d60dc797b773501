"""Forward mode in two programs: ``linearize`` runs the first, and the linear map that it returns the second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.autodiff.partition import split
from graphc.autodiff.prune import prune
from graphc.autodiff.tangent import jvp_graph
from graphc.errors import GradientError
from graphc.ir.graph import Graph, Value
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.program import Program
from graphc.pullback import INT_SPEC, MakeRunner, filled, own, residual_spec
from graphc.trace.location import user_location
from graphc.trace.record import Constant, Output, Traced
from graphc.trace.values import TracedValue


class LinearProgram(Program):
    """Runs the first program; its result is ``(out, linear map)``."""

    def __init__(self, traced: Traced, marked: Graph, out: Any, make_runner: MakeRunner):
        primal, _ = prune(optimize(marked, OPS))
        both = optimize(jvp_graph(primal, OPS, apart=True), OPS)
        count = len(marked.outputs)
        self.parts = parts = split(both, OPS, len(marked.params), count, traced.hints)
        specs = [*(source.spec for source in traced.inputs), *(INT_SPEC for _ in traced.int_leaves)]
        super().__init__(traced, marked, out, make_runner(parts.forward, specs, "linearize"))
        map_specs = [residual_spec(p) for p in parts.backward.params] + [INT_SPEC for _ in parts.backward.ints]
        self.map = make_runner(parts.backward, map_specs, "linear map")
        self.tangents = tangent_template(marked, out, 0)
        pairs = zip(marked.params, traced.inputs, strict=True)
        self.moving = [(p, source) for p, source in pairs if p.grad]

    def attempt(self, arguments: Sequence[Any], leaves: Sequence[Any]) -> Any:
        results = super().attempt(arguments, leaves)
        if results is self.MISSED:
            return results
        out, residuals, sizes = results
        shapes = [np.shape(leaves[source.leaf]) for _, source in self.moving]
        _, spec = pytree.flatten_as_arrays(pytree.bare(tuple(arguments)))
        return out, LinearMap(self, residuals, sizes, shapes, spec)

    def deliver(self, results: Sequence[Any]) -> Any:
        """The function's value, and what the linear map reads: arrays, and sizes."""
        count, saved = len(self.marked.outputs), len(self.parts.residuals)
        residuals = [own(r, results[:count]) for r in results[count : count + saved]]
        return super().deliver(results), residuals, [int(n) for n in results[count + saved :]]


class LinearMap:
    """``linear_map(*tangents)`` -> the derivative along them; may be called again and again."""

    def __init__(
        self,
        program: LinearProgram,
        residuals: Sequence[Any],
        sizes: Sequence[int],
        shapes: Sequence[tuple[int, ...]],
        spec: pytree.TreeSpec,
    ):
        self._program, self._residuals, self._sizes = program, residuals, sizes
        self._shapes, self._spec = shapes, spec

    def __call__(self, *tangents: Any) -> Any:
        """The derivative along tangents of the structure and shapes of the primals; None is zero.

        Raises ``GradientError`` for tangents that are not so.
        """
        program = self._program
        leaves = tangent_leaves(self._spec, tangents)
        pairs = zip(program.moving, self._shapes, strict=True)
        seeds = [as_tangent(leaves[s.leaf], p, shape, turned=s.spec.transposed) for (p, s), shape in pairs]
        results = program.map.run([*self._residuals, *seeds, *self._sizes])
        if results is None:
            raise GradientError("the linear map's saved values do not fit its program", location=user_location())
        return filled(program.tangents, results)


def tangent_leaves(spec: pytree.TreeSpec, tangents: tuple[Any, ...]) -> list[Any]:
    """The leaves of tangents that must have the structure of the primals. Raises ``GradientError``."""
    leaves, given = pytree.flatten_as_arrays(pytree.bare(tangents))
    if given != spec:
        raise GradientError(
            f"tangents must have the structure of the primals, {spec}; they are {given}", location=user_location()
        )
    return leaves


def tangent_template(graph: Graph, out: Any, first: int) -> Any:
    """The result's structure with the tangent of each float output, from output ``first`` on; None for the others."""
    floats = [index for index, value in enumerate(graph.outputs) if value.type.is_float]

    def tangent(leaf: Any) -> Any:
        if isinstance(leaf, Output) and leaf.index in floats:
            return Output(first + floats.index(leaf.index))
        return Constant(None)

    return pytree.tree_map(tangent, out)


def as_tangent(tangent: Any, param: Value, shape: tuple[int, ...], *, turned: bool) -> Any:
    """The tangent as the program takes it. Raises ``GradientError`` for another shape."""
    dtype = param.type.dtype
    if isinstance(tangent, TracedValue):
        raise GradientError(
            "a linear map that was made outside of a trace cannot take traced tangents: call graphc.linearize inside",
            location=user_location(),
        )
    array = np.zeros(shape, dtype) if tangent is None else np.asarray(tangent)
    if array.shape != shape or array.dtype.kind not in ("fiubc" if dtype.kind == "c" else "fiub"):
        kind = "complex" if dtype.kind == "c" else "real"
        raise GradientError(
            f"the tangent must be a {kind} array of shape {shape}, like its argument; it has shape {array.shape} and "
            f"dtype {array.dtype}",
            location=user_location(),
        )
    return np.ascontiguousarray(array.T if turned else array, dtype) if shape else dtype.type(array)
