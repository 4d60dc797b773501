"""``graphc.checkpoint`` of functions of tensors: what they do is one step, which the backward part computes again.

The function records into a recording of its own. Its path is then one step of the thread's: its operands are the
tensors that came in, as arguments or otherwise; its values are those that somebody still holds: what the function
returns, and what it wrote into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import ref

from graphc import pytree
from graphc.autodiff.segments import checkpointed
from graphc.errors import AutogradError
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Value
from graphc.ir.types import ArrayType
from graphc.passes.pipeline import optimize_region
from graphc.tensors.core import Tensor, enter, flush
from graphc.tensors.functions.function import Function
from graphc.tensors.kinds import Kind
from graphc.tensors.recording import LIMIT, Enclosed, Recording, now
from graphc.tensors.replay import replayed
from graphc.trace.location import user_location

_new = object.__new__


def _build(F: Builder, *operands: Any) -> tuple[Value, ...]:
    *given, state, wanted = operands
    region = Builder(F.ops, F.facts)
    params = [Value(ArrayType(v.type.dtype, v.dims, v.type.weak), name=f"x{k}") for k, v in enumerate(given)]
    values = replayed(region, state, params)
    graph = Graph("checkpoint", tuple(params), tuple(region.nodes), tuple(values[p] for p in wanted))
    return checkpointed(F, optimize_region(graph, F.ops, F.facts), given)


CHECKPOINT = Function("checkpoint", _build)


def has_tensors(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a tensor stands among the arguments, however deep in containers."""
    return any(isinstance(leaf, Tensor) for leaf in pytree.flatten_to_objects((tuple(args), dict(kwargs)))[0])


def recomputed(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What the function gives for these arguments; for the backward part nothing of it is kept but what came in.

    Raises ``AutogradError`` where it reads the value of a tensor, writes into an argument, or registers hooks.
    """
    inner = Enclosed()
    leaves, spec = pytree.flatten_to_objects((tuple(args), dict(kwargs)))
    originals = {id(leaf): leaf for leaf in leaves if isinstance(leaf, Tensor)}
    stand_ins = {key: _stand_in(inner, leaf) for key, leaf in originals.items()}
    given, named = pytree.unflatten(spec, [stand_ins.get(id(leaf), leaf) for leaf in leaves])
    outer, now.recording = now.recording, inner
    waiting = outer.refs
    try:
        out = function(*given, **named)
        _check(inner, list(stand_ins.values()))
    except BaseException:
        _undo(inner)
        raise
    finally:
        now.recording = outer if outer.refs is waiting else Recording()  # it needed the values that waited there
    back = {id(stand_in): originals[key] for key, stand_in in stand_ins.items()}
    _join(inner, back)
    found, out_spec = pytree.flatten_to_objects(out)
    return pytree.unflatten(out_spec, [back.get(id(leaf), leaf) for leaf in found])


def _stand_in(inner: Recording, tensor: Tensor) -> Tensor:
    """What the function sees of an argument: a tensor of its kind whose value is not known."""
    made = _new(Tensor)
    made._kind = tensor._kind
    made._position = inner.input(tensor._kind, made, None)
    made._recording = inner
    return made


def _check(inner: Recording, stand_ins: Sequence[Tensor]) -> None:
    message = ""
    if inner.cuts:
        message = "registers a hook or retains a gradient on a tensor that is computed again: do that outside of it"
    if any(x._writes or x._recording is not inner or x._position >= len(stand_ins) for x in stand_ins):
        message = "writes into its argument, which would be written twice: write into a clone() of it"
    if message:
        raise AutogradError(f"checkpoint: the function {message}", location=user_location())


def _undo(inner: Recording) -> None:
    """Give what the function wrote into its values from before."""
    for tensor, array in zip(inner.tensors, inner.arrays, strict=True):
        if tensor is not None and tensor._array is None and array is not None:
            tensor._array, tensor._recording = array, None


def _join(inner: Recording, originals: Mapping[int, Tensor]) -> None:
    """Record all that the inner recording did as one step, and have its tensors stand for that step's values."""
    held = [(p, t) for p, t in inner.alive() if id(t) not in originals]
    if now.recording.state.position >= LIMIT:
        flush(now.recording)
    outer = now.recording
    if not held:
        return
    kinds = [kind for reached in inner.state.path() for kind in reached.kinds]
    wanted = tuple([position for position, _ in held])
    operands = tuple(_operands(inner, outer, originals))
    step = (CHECKPOINT, now.enabled, operands, (inner.state, wanted))
    state = outer.state.next.get(step)
    if state is None:
        state = outer.state.grow(step, tuple([kinds[p] for p in wanted]), user_location())
    outer.state = state
    for number, (_, tensor) in enumerate(held):
        tensor._recording, tensor._position = outer, state.position + number
        tensor._base, tensor._view, tensor._special = None, (), False  # a value of its own
        outer.refs.append(ref(tensor))


def _operands(inner: Recording, outer: Recording, originals: Mapping[int, Tensor]) -> list[int]:
    """The positions in the outer recording of what came into the inner one, in order."""
    steps = [reached.step for reached in inner.state.path() if isinstance(reached.step, Kind)]
    found = []
    for kind, tensor, array in zip(steps, inner.tensors, inner.arrays, strict=True):
        if tensor is None:
            found.append(outer.input(kind, None, array))  # a number
        elif id(tensor) in originals:
            given = originals[id(tensor)]
            found.append(given._position if given._recording is outer else enter(outer, given))
        elif tensor._recording is inner and tensor._array is None:
            found.append(outer.input(kind, tensor, array))  # written into: its values from before
        else:
            found.append(tensor._position if tensor._recording is outer else enter(outer, tensor))
    return found
