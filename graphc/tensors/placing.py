"""Tensors on a device: where values are computed, how they get there and back, and what may not meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.abi import OnDevice
from graphc.errors import CudaError
from graphc.ir.dims import substitute, symbols_of
from graphc.ir.graph import Graph
from graphc.ir.rewrite import drop_dead, map_dims
from graphc.tensors.core import Tensor, compute, from_array, record
from graphc.tensors.devices import device_of
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.kinds import Kind, kind_of_array
from graphc.tensors.recording import State, now
from graphc.trace.location import user_location

TO_DEVICE = FUNCTIONS["to_device"]
POSITIONS = {FUNCTIONS[name] for name in ("index", "index_put")}  # their positions may come from the CPU, as in PyTorch


def on_host(tensor: Tensor) -> Any:
    """The tensor's values as a NumPy array or scalar: its own, or a copy of what is on the device."""
    return as_host(compute(tensor))


def as_host(array: Any) -> Any:
    """An array as one of NumPy's, a scalar where it has no dimensions."""
    if not isinstance(array, OnDevice):
        return array
    copied = array.copy_to_host()  # type: ignore[attr-defined]
    return copied if copied.ndim else copied[()]


def placed(array: Any, place: int | None) -> Any:
    """The array in this place: itself where it is there. Raises ``CudaError`` where there is no such device."""
    if (array.number if isinstance(array, OnDevice) else None) == place:
        return array
    if place is None:
        return as_host(array)
    from graphc.runtime.cuda_memory import sent

    return sent(as_host(array), place)


def near(array: Any, like: Tensor, requires_grad: bool = False) -> Tensor:
    """A leaf of a NumPy array or scalar, in the place of a tensor that it is used with."""
    place = None if now.recording.traced else like._kind.place
    return from_array(placed(array, place), requires_grad)


def moved(tensor: Tensor, place: int | None) -> Tensor:
    """The tensor in this place: itself where it is there, else a copy, through which gradients flow.

    What is computed already and needs no gradient is copied at once; anything else is a step of its recording, so that
    it moves when its program runs.
    """
    if tensor._kind.place == place or now.recording.traced:
        return tensor
    is_known = tensor._array is not None and not (tensor._kind.requires_grad and now.enabled)
    if is_known and not (now.recording.redraws or now.recording.enclosed):
        return from_array(placed(compute(tensor), place))
    if tensor._kind.place is not None and place is not None:
        raise CudaError(
            f"a tensor on {device_of(tensor._kind.place)} that is not computed yet, or that requires grad, cannot go "
            f"to {device_of(place)} by itself: detach() it, or go by way of the CPU",
            location=user_location(),
        )
    return record(TO_DEVICE, (tensor,), (place,))


def moved_in_place(tensor: Tensor, place: int | None) -> None:
    """Give the tensor, a parameter or buffer, its values in another place, and its gradient too."""
    if tensor._kind.place == place:
        return
    tensor._array = placed(compute(tensor), place)
    tensor._kind = kind_of_array(tensor._array, tensor._kind.requires_grad)
    tensor._recording, tensor._shared, tensor._special = None, None, tensor._base is not None
    tensor._writes += 1
    if tensor._grad is not None:
        tensor._grad = from_array(placed(compute(tensor._grad), place))


# --- what may meet ----------------------------------------------------------------------------------------------------


def place_of_result(function: Function, operands: Sequence[Any], statics: tuple[Any, ...]) -> int | None:
    """Where the function's results are. Raises ``CudaError`` for operands in different places.

    A tensor without dimensions may come from the CPU, as a number may; and so may the positions of an index.
    """
    if function is TO_DEVICE:
        return statics[0]
    tensors = [x for x in operands if isinstance(x, Tensor)]
    places = {x._kind.place for x in tensors}
    if len(places) < 2:
        return next(iter(places), None)
    asked = tensors[:1] if function in POSITIONS else []
    for x in tensors:
        by_itself = not x._kind.shape or (function in POSITIONS and x._kind.dtype.kind in "iu")
        if x._kind.place is not None or not by_itself:
            asked.append(x)
    found = list(dict.fromkeys(device_of(x._kind.place) for x in asked))
    if len(found) > 1:
        raise CudaError(
            f"expected all tensors on one device, found {' and '.join(found)} in {function.name}: move one of them, "
            f'x.to("{next(name for name in found if name != "cpu")}") or x.cpu()',
            location=user_location(),
        )
    return asked[0]._kind.place


# --- where values are computed ----------------------------------------------------------------------------------------


def places_of(state: State) -> list[int | None]:
    """For each value of the path the device that computes it, or that it came in on.

    What is made of a value on a device is computed there, also where it is brought back to the CPU: the whole path from
    one end to the other is one program.
    """
    found: list[int | None] = []
    for reached in state.path():
        if isinstance(reached.step, Kind):
            found.append(reached.step.place)
            continue
        function, _, operands, statics = reached.step
        places = {found[x] for x in operands if isinstance(x, int)} - {None}
        if function is TO_DEVICE and statics[0] is not None:
            places.add(statics[0])
        for static in statics:
            if isinstance(static, State):  # a function that is recomputed: its own steps
                places.update(set(places_of(static)) - {None})
        if len(places) > 1:
            names = " and ".join(device_of(place) for place in sorted(places, key=str))
            message = f"one value depends on {names}: detach() and move one of them by way of the CPU"
            raise CudaError(message, location=reached.location)
        found += [next(iter(places), None)] * len(reached.kinds)
    return found


def with_used_inputs(graph: Graph, kinds: Sequence[Kind]) -> tuple[Graph, list[int]]:
    """The graph without the parameters whose values nothing reads; the numbers of those that are left.

    Sizes that only the others would tell are those of ``kinds``, the parameters' kinds.
    """
    graph = drop_dead(graph)
    read = {value for node in graph.nodes for value in node.inputs} | set(graph.outputs)
    kept = [k for k, param in enumerate(graph.params) if param in read]
    bound = {name for k in kept for dim in graph.params[k].dims for name in symbols_of(dim)}
    sizes: dict[str, int] = {}
    for param, kind in zip(graph.params, kinds, strict=True):
        sizes.update((str(dim), n) for dim, n in zip(param.dims, kind.shape, strict=True) if str(dim) not in bound)
    graph = map_dims(graph, lambda dim: substitute(dim, sizes))
    params = tuple([graph.params[k] for k in kept])
    guards = tuple([guard for guard in graph.guards if symbols_of(guard.expr) <= bound])
    return Graph(graph.name, params, graph.nodes, graph.outputs, guards, graph.ints), kept


def on_device(run: Callable[[Sequence[Any]], Any], results: Sequence[Kind]) -> Callable[[Sequence[Any]], Any]:
    """A program of a device, whose results of the CPU's kinds are brought back."""
    back = [k for k, kind in enumerate(results) if kind.place is None]

    def run_there(arrays: Sequence[Any]) -> Any:
        made = run(arrays)
        for k in back if made is not None else ():
            made[k] = as_host(made[k])
        return made

    return run_there


def joined(parts: Sequence[tuple[Sequence[int], Sequence[int], Callable[[Sequence[Any]], Any]]], count: int) -> Any:
    """Programs of several places as one: each with the numbers of its inputs and of its results."""

    def run(arrays: Sequence[Any]) -> Any:
        made: list[Any] = [None] * count
        for inputs, outputs, part in parts:
            found = part([arrays[k] for k in inputs])
            if found is None:
                return None
            for k, array in zip(outputs, found, strict=True):
                made[k] = array
        return made

    return run


def host_values(tensor: Tensor) -> np.ndarray:
    """The values as an array of NumPy's, also without dimensions."""
    return np.asarray(on_host(tensor))
