"""Forward mode in two programs: ``linearize`` runs the first, and the linear map that it returns the second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.autodiff.partition import split
from graphc.autodiff.prune import prune
from graphc.errors import GradientError
from graphc.ir.graph import Graph
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.program import Program
from graphc.pullback import INT_SPEC, Place, Seeds, filled, own, require_untraced
from graphc.trace.location import user_location
from graphc.trace.record import Constant, Output, Traced
from graphc.trace.session import Vectors
from graphc.vector_rules import tangents_of

TANGENTS = Seeds("tangent", "like its argument")


class LinearProgram(Program):
    """Runs the first program; its result is ``(out, linear map)``."""

    def __init__(self, traced: Traced, marked: Graph, out: Any, place: Place, vectors: Vectors):
        primal, _ = prune(optimize(marked, OPS))
        both = optimize(tangents_of(primal, vectors, apart=True), OPS)
        count = len(marked.outputs)
        self.parts = parts = split(both, OPS, len(marked.params), count, traced.hints)
        specs = [*(source.spec for source in traced.inputs), *(INT_SPEC for _ in traced.int_leaves)]
        first, self.map = place.runners(parts, specs, ("linearize", "linear map"))
        super().__init__(traced, marked, out, first)
        self.place = place
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
        return super().deliver(results), residuals, self.place.sizes(results[count + saved :])


class LinearMap:
    """``linear_map(*tangents)`` -> the derivative along them; may be called again and again."""

    def __init__(
        self,
        program: LinearProgram,
        residuals: Sequence[Any],
        sizes: Sequence[Any],
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
        seeds = []
        for (param, source), shape in pairs:
            require_untraced(leaves[source.leaf], "a linear map", "tangents", "linearize")
            turned = source.spec.transposed
            seeds.append(program.place.seed(leaves[source.leaf], param, shape, TANGENTS, turned=turned))
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
