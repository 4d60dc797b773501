"""What a ``Transform`` means for a graph.

What a process with a warm cache does not need, it does not import: the passes and the derivatives.

A transform acts on a traced graph in three steps: ``mark`` the parameters that are differentiated; ``apply`` autodiff,
which adds the gradients to the outputs; and ``template``, the Python object that a call returns with ``Output`` and
``Constant`` leaves in place of arrays, which does not need ``apply`` to have run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc import pytree
from graphc.autodiff.requires_grad import mark
from graphc.errors import GradientError, TraceTypeError
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import drop_dead
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType, is_floating, is_real_float
from graphc.trace.arguments import ArgumentLeaf
from graphc.trace.leaves import is_table
from graphc.trace.record import Constant, GradientOutput, Input, Output
from graphc.trace.target import Target
from graphc.transform import Transform

if TYPE_CHECKING:
    from graphc.autodiff.equal_values import Rule
    from graphc.autodiff.prune import PruneReport
    from graphc.passes.pipeline import Hook


@dataclass(frozen=True)
class Differentiated:
    """Which arguments are differentiated: their positions in the call, and whether the result is one or a tuple."""

    positions: tuple[int, ...]
    single: bool


def differentiated(
    transform: Transform, target: Target, count: int, keywords: Sequence[str], offset: int
) -> Differentiated:
    """Positions of the differentiated arguments, keyword arguments counting on after the ``count`` positional ones.

    ``offset``: 1 for a method called with its ``self``. Raises ``GradientError`` for arguments that the call lacks.
    """
    if transform.is_split:
        return Differentiated(tuple(range(offset, count)), single=False)
    numbers = transform.argnums if transform.argnums is not None else ()
    names = transform.argnames if transform.argnames is not None else ()
    single = (isinstance(numbers, int) and not names) or (isinstance(names, str) and numbers == ())
    numbers = (numbers,) if isinstance(numbers, int) else numbers
    names = (names,) if isinstance(names, str) else names
    positions = [_by_number(n, target, count, keywords, offset) for n in numbers]
    positions += [_by_name(name, target, count, keywords) for name in names]
    if len(set(positions)) < len(positions):
        raise GradientError(f"an argument of {target.name} stands twice in argnums and argnames",
                            location=target.location)  # fmt: skip
    return Differentiated(tuple(positions), single)


def _parameters(target: Target) -> list[str]:
    signature = target.signature
    return [
        p.name
        for p in (signature.parameters.values() if signature else ())
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]


def _by_number(number: int, target: Target, count: int, keywords: Sequence[str], offset: int) -> int:
    position = number + offset if number >= 0 else count + number
    if offset <= position < count:
        return position
    parameters = _parameters(target)
    if 0 <= position < len(parameters) and parameters[position] in keywords:
        return count + list(keywords).index(parameters[position])
    passed = count - offset
    message = f"argnums={number}: {target.name} was called with {passed} positional argument{'s' * (passed != 1)}"
    if 0 <= position < len(parameters):
        message += f"; pass {parameters[position]!r}, also where it has a default"
    raise GradientError(message, location=target.location)


def _by_name(name: str, target: Target, count: int, keywords: Sequence[str]) -> int:
    if name in keywords:
        return count + list(keywords).index(name)
    parameters = _parameters(target)
    if name in parameters and parameters.index(name) < count:
        return parameters.index(name)
    what = f"was called without {name!r}" if name in parameters else f"has no argument {name!r}"
    raise GradientError(f"argnames: {target.name} {what}", location=target.location)


def leaf_marks(
    arguments: Sequence[ArgumentLeaf], positions: Sequence[int], target: Target, *, strict: bool = True
) -> list[bool]:
    """Which argument leaves are differentiated. ``strict``: ``TraceTypeError`` for a whole argument that cannot be."""
    marks = []
    for argument in arguments:
        wanted = argument.argument in positions and not argument.frozen and not argument.quiet
        dtype = getattr(argument.leaf, "dtype", None)
        has_numbers = isinstance(dtype, np.dtype) and is_floating(dtype) and not is_table(argument.leaf)
        is_float = type(argument.leaf) in (float, complex) or has_numbers
        if strict and wanted and argument.whole and not is_float:
            raise TraceTypeError(_not_differentiable(argument, target, dtype), location=target.location)
        marks.append(wanted and is_float)
    return marks


def _not_differentiable(argument: ArgumentLeaf, target: Target, dtype: np.dtype | None) -> str:
    kind = f"an array of dtype {dtype}" if isinstance(argument.leaf, np.ndarray) else type(argument.leaf).__name__
    if is_table(argument.leaf):
        remedy = f"pass {argument.name}.to_numpy(), or choose other argnums"
    elif dtype is not None or isinstance(argument.leaf, int):
        remedy = f"convert it first ({argument.name}.astype(float), float({argument.name})), or choose other argnums"
    else:
        remedy = "only arrays and floats have a gradient; choose other argnums"
    return f"{target.name}: argument {argument.name!r} is to be differentiated, and it is {kind}: {remedy}"


def mark_inputs(graph: Graph, inputs: Sequence[Input], leaf_is_marked: Sequence[bool]) -> Graph:
    """The graph with its marks; what is read from outside is never differentiated."""
    return mark(graph, [i.leaf >= 0 and leaf_is_marked[i.leaf] for i in inputs])


# --- the result -------------------------------------------------------------------------------------------------------


def split_aux(transform: Transform, out: Any, target: Target) -> tuple[Any, Any]:
    """The differentiated part of a result and the rest (nothing without ``has_aux``)."""
    if isinstance(out, Constant) and out.value is None:
        raise GradientError(f"{target.name} returns nothing: it needs a return statement", location=target.location)
    if not transform.has_aux:
        return out, Constant(None)
    if not isinstance(out, tuple) or len(out) != 2:
        raise GradientError(
            f"has_aux=True: {target.name} must return a pair (value, aux), it returns {_kind(out)}",
            location=target.location,
        )
    return out


def check_scalar(transform: Transform, out: Any, graph: Graph, target: Target, sizes: Mapping[str, int]) -> Output:
    """The differentiated output, as such or as a tensor's. Raises ``GradientError`` unless it is one float scalar."""
    if pytree.is_tensor(type(out)):
        (out,) = pytree.flatten(out)[0]
    what = f"grad needs a function with one scalar output, and {target.name}"
    if not isinstance(out, Output):
        raise GradientError(
            f"{what} returns {_kind(out)}: return a scalar (has_aux=True for more), or use graphc.vjp",
            location=target.location,
        )
    value = graph.outputs[out.index]
    location = (value.node.location if value.node else None) or target.location
    if value.dims:
        shape = tuple(sizes_of(value, sizes))
        raise GradientError(f"{what} returns an array of shape {shape}: sum it, or use graphc.vjp", location=location)
    if not value.type.is_float:
        raise GradientError(f"{what} returns {value.type.dtype}: it has no derivative", location=location)
    if value.type.is_complex and not transform.holomorphic:
        remedy = "return its real part or its size (abs), or say holomorphic=True of a function that is"
        raise GradientError(f"{what} returns {value.type.dtype}, no real number: {remedy}", location=location)
    return out


def sizes_of(value: Value, sizes: Mapping[str, int]) -> Iterator[int]:
    from graphc.ir.dims import evaluate

    return (evaluate(d, sizes) for d in value.dims)


def _kind(out: Any) -> str:
    if isinstance(out, Output):
        return "an array or number alone"
    return type(out.value if isinstance(out, Constant) else out).__name__


def gradients_template(
    arguments: Sequence[Any], wanted: Differentiated, leaf_is_marked: Sequence[bool], first_output: int
) -> Any:
    """The gradients in the structure of the arguments: ``GradientOutput`` at marked leaves, None elsewhere."""
    _, spec = pytree.flatten(tuple(arguments))
    leaves: list[Any] = []
    for is_marked in leaf_is_marked:
        leaves.append(GradientOutput(first_output) if is_marked else Constant(None))
        first_output += is_marked
    gradients = pytree.unflatten(spec, leaves)
    chosen = tuple(gradients[position] for position in wanted.positions)
    return chosen[0] if wanted.single else chosen


def float_constant(graph: Graph, out: Any, ops: Mapping[str, Op]) -> tuple[Graph, Any]:
    """A differentiated output that is a constant float as an output of the graph: its gradients are zeros."""
    if not isinstance(out, Constant) or not is_real_float(np.asarray(out.value).dtype):
        return graph, out
    F = Builder(ops, ShapeFacts(graph.guards))
    value = F.constant(float(out.value), ArrayType(np.asarray(out.value).dtype))
    nodes, outputs = (*graph.nodes, *F.nodes), (*graph.outputs, value)
    made = Graph(graph.name, graph.params, nodes, outputs, graph.guards, graph.ints)
    return made, Output(len(graph.outputs))


# --- graphs -----------------------------------------------------------------------------------------------------------


def differentiate(
    marked: Graph,
    ops: Mapping[str, Op],
    transposed: Sequence[bool] = (),
    *,
    dropped: int = 0,
    hook: Hook | None = None,
    vectors: Rule | None = None,
) -> tuple[Graph, PruneReport]:
    """The joint graph: the outputs, then the gradient of each marked parameter; optimised before and after.

    ``transposed[i]``: parameter i is the transpose of the user's array, and so is its gradient. Output 0 must be a
    float scalar. ``dropped``: how many outputs, from the first, are left out of the result. ``vectors``: the rule of
    nodes that may meet equal eigenvalues.
    """
    from graphc.autodiff.adjoint import joint_vjp
    from graphc.autodiff.prune import prune
    from graphc.passes.pipeline import optimize

    primal, report = prune(optimize(marked, ops, hook), 1)
    joint = joint_vjp(primal, ops, vectors=vectors)
    if hook is not None:
        hook("joint_vjp", primal, joint)
    joint = turn_gradients(joint, ops, len(marked.outputs), transposed)
    return optimize(with_outputs(joint, range(dropped, len(joint.outputs))), ops, hook), report


def turn_gradients(joint: Graph, ops: Mapping[str, Op], first: int, transposed: Sequence[bool]) -> Graph:
    """The gradients of Fortran-ordered arrays as the user sees those: transposed again."""
    turn = [t for t, param in zip(transposed, joint.params, strict=False) if param.grad]
    if not any(turn):
        return joint
    F = Builder(ops, ShapeFacts(joint.guards))
    end = first + len(turn)
    gradients = [
        F.transpose(g, range(g.rank)[::-1]) if t else g for t, g in zip(turn, joint.outputs[first:end], strict=True)
    ]
    nodes, outputs = (*joint.nodes, *F.nodes), (*joint.outputs[:first], *gradients, *joint.outputs[end:])
    return Graph(joint.name, joint.params, nodes, outputs, joint.guards, joint.ints)


def with_outputs(graph: Graph, indices: Sequence[int]) -> Graph:
    """The graph with these of its outputs only."""
    outputs = tuple(graph.outputs[i] for i in indices)
    return drop_dead(Graph(graph.name, graph.params, graph.nodes, outputs, graph.guards, graph.ints))
