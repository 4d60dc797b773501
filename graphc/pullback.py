"""Reverse mode in two programs: ``vjp`` runs the forward one, and the pullback that it returns the backward one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from graphc import pytree
from graphc.abi import LeafKind
from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.equal_values import with_checks
from graphc.autodiff.limits import Limits
from graphc.autodiff.partition import Split, split
from graphc.autodiff.prune import prune
from graphc.differentiate import turn_gradients
from graphc.errors import GradientError
from graphc.ir.graph import Graph, Value
from graphc.ir.types import is_number
from graphc.kept import kept_writes
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.program import Program, Runner, deliver_leaf
from graphc.results import write_into
from graphc.trace.leaves import LeafSpec
from graphc.trace.location import user_location
from graphc.trace.record import Constant, Output, Traced
from graphc.trace.session import Vectors
from graphc.trace.values import TracedValue

MakeRunner = Callable[[Graph, Sequence[LeafSpec], str], Runner]


class Seeds(NamedTuple):
    """Cotangents or tangents: for messages, their name and whom they are like."""

    name: str
    like: str

    def on_the_host(self, given: Any, value: Value, shape: tuple[int, ...], *, turned: bool = False) -> Any:
        """One in the dtype of ``value``; zeros for None. Raises ``GradientError`` for another shape.

        ``turned``: the program takes the transpose.
        """
        dtype = value.type.dtype
        array = np.zeros(shape, dtype) if given is None else np.asarray(given)
        if array.shape != shape or not is_number(array.dtype, value.type.is_complex):
            kind = "complex" if value.type.is_complex else "real"
            raise GradientError(
                f"the {self.name} must be a {kind} array of shape {shape}, {self.like}; it has shape {array.shape} "
                f"and dtype {array.dtype}",
                location=user_location(),
            )
        return np.ascontiguousarray(array.T if turned else array, dtype) if shape else dtype.type(array)


COTANGENTS = Seeds("cotangent", "like the result")


class Place(Protocol):
    """Where the two programs of a function run."""

    def runners(self, parts: Split, specs: Sequence[LeafSpec], kinds: tuple[str, str]) -> tuple[Runner, Runner]:
        """What runs the forward and the backward part."""

    def sizes(self, results: Sequence[Any]) -> list[Any]:
        """What is handed from the first to the second behind arrays, of the first one's last results."""

    def seed(self, given: Any, value: Value, shape: tuple[int, ...], seeds: Seeds, *, turned: bool) -> Any:
        """One cotangent or tangent as the second program takes it. Raises ``GradientError``, ``CudaError``."""


class OnHost:
    """Both are made by ``make_runner``."""

    def __init__(self, make_runner: MakeRunner):
        self.make_runner = make_runner

    def runners(self, parts: Split, specs: Sequence[LeafSpec], kinds: tuple[str, str]) -> tuple[Runner, Runner]:
        forward = self.make_runner(parts.forward, specs, kinds[0])
        later = [residual_spec(p) for p in parts.backward.params] + [INT_SPEC for _ in parts.backward.ints]
        return forward, self.make_runner(parts.backward, later, kinds[1])

    def sizes(self, results: Sequence[Any]) -> list[Any]:
        return [int(size) for size in results]

    def seed(self, given: Any, value: Value, shape: tuple[int, ...], seeds: Seeds, *, turned: bool) -> Any:
        return seeds.on_the_host(given, value, shape, turned=turned)


def split_graph(marked: Graph, transposed: Sequence[bool], sizes: Mapping[str, int], vectors: Vectors) -> Split:
    """The marked graph as a forward and a backward program; a cotangent parameter for each float output.

    ``vectors``: how equal eigenvalues are treated; whether a limit might be needed shows in the forward part.
    """
    primal, _ = prune(optimize(marked, OPS))
    if vectors == "checked":
        primal = with_checks(primal, OPS)
    count = len(marked.outputs)
    joint = joint_vjp(primal, OPS, "params", vectors=Limits() if vectors == "limits" else None)
    joint = turn_gradients(joint, OPS, count, transposed)
    return split(optimize(joint, OPS), OPS, len(marked.params), count, sizes)


class VjpProgram(Program):
    """Runs the forward program; its result is ``(out, pullback)``, with ``has_aux`` ``(out, pullback, aux)``."""

    def __init__(
        self, traced: Traced, marked: Graph, out: Any, aux: Any, gradients: Any, place: Place, vectors: Vectors
    ) -> None:
        transposed = [source.spec.transposed for source in traced.inputs]
        parts = split_graph(marked, transposed, traced.hints, vectors)
        specs = [*(source.spec for source in traced.inputs), *(INT_SPEC for _ in traced.int_leaves)]
        forward, self.backward = place.runners(parts, specs, ("vjp forward", "vjp backward"))
        super().__init__(traced, marked, (out, aux), forward, kept_writes(traced))
        self.parts, self.place = parts, place
        self.out_template, self.aux_template, self.gradients = out, aux, gradients

    def deliver(self, results: Sequence[Any]) -> Any:
        count = len(self.marked.outputs)
        out = filled(self.out_template, results)
        saved = len(self.parts.residuals)
        residuals = [own(r, results[:count]) for r in results[count : count + saved]]
        sizes = self.place.sizes(results[count + saved :])
        pullback = Pullback(self, residuals, sizes, [np.shape(r) for r in results[:count]])
        if isinstance(self.aux_template, Constant):
            return out, pullback
        return out, pullback, filled(self.aux_template, results)


INT_SPEC = LeafSpec(LeafKind.INT, np.dtype(np.int64), ())


def own(residual: Any, outputs: Sequence[Any]) -> Any:
    """The residual, copied where it shares memory with an output that the user may write into."""
    if isinstance(residual, np.ndarray) and any(np.may_share_memory(residual, o) for o in outputs):
        return residual.copy()
    return residual


def residual_spec(value: Value) -> LeafSpec:
    """A parameter of the backward program: an array, or a NumPy scalar."""
    kind = LeafKind.ARRAY if value.dims else LeafKind.SCALAR
    return LeafSpec(kind, value.type.dtype, (None,) * value.rank)


def filled(template: Any, results: Sequence[Any]) -> Any:
    return pytree.tree_map(lambda leaf: deliver_leaf(leaf, results), template)


class Pullback:
    """``pullback(cotangent)`` -> a tuple with a gradient for each argument; may be called again and again."""

    def __init__(
        self, program: VjpProgram, residuals: Sequence[Any], sizes: Sequence[Any], shapes: Sequence[tuple[int, ...]]
    ):
        self._program, self._residuals, self._sizes, self._shapes = program, residuals, sizes, shapes

    def __call__(self, cotangent: Any, *, out: Any = None) -> Any:
        """The gradients for this cotangent, which has the structure and shapes of the function's result.

        ``out``: arrays to write them into, as any compiled function takes it. Raises ``GradientError`` for a cotangent
        that does not fit, ``OutputError`` for such an ``out``.
        """
        program = self._program
        given = cotangents_by_output(program.out_template, cotangent)
        seeds = []
        for index, value in enumerate(program.marked.outputs):
            if value.type.is_float:
                require_untraced(given.get(index), "a pullback", "cotangents", "vjp")
                seed = program.place.seed(given.get(index), value, self._shapes[index], COTANGENTS, turned=False)
                seeds.append(seed)
        results = program.backward.run([*self._residuals, *seeds, *self._sizes])
        if results is None:
            raise GradientError("the pullback's saved values do not fit its program", location=user_location())
        gradients = filled(program.gradients, results)
        return gradients if out is None else write_into(out, gradients)


def cotangents_by_output(template: Any, cotangent: Any) -> dict[int, Any]:
    """The cotangent of each output of the graph, by its index. Raises ``GradientError`` for another structure."""
    leaves, spec = pytree.flatten_as_arrays(template)
    given, given_spec = pytree.flatten_as_arrays(cotangent)
    if given_spec != spec:
        raise GradientError(
            f"the cotangent must have the structure of the function's result, {spec}; it is {given_spec}",
            location=user_location(),
        )
    return {leaf.index: ct for leaf, ct in zip(leaves, given, strict=True) if isinstance(leaf, Output)}


def require_untraced(given: Any, maker: str, what: str, function: str) -> None:
    """Raises: GradientError: what is given to something that was made outside of the trace is traced."""
    if isinstance(given, TracedValue):
        raise GradientError(
            f"{maker} that was made outside of a trace cannot take traced {what}: call graphc.{function} inside",
            location=user_location(),
        )
