"""Rearranging elements: the few index maps that every NumPy shape function is composed of.

``broadcast_to``  dims        NumPy's rule: aligned at the right, axes of length 1 stretch
``reshape``       dims        C order
``transpose``     perm        axis ``perm[i]`` of the input is axis i of the result
``slice``         starts steps dims    result[i] = x[starts + steps * i]; a step may be negative, never 0
``embed``         starts steps dims    the transpose of ``slice``: zeros, with x[i] at starts + steps * i
``concat``        axis        any number of inputs, joined along the axis
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Linear, Movement, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType

Types = Sequence[ArrayType]
Result = tuple[ArrayType, ...]


def broadcast_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> Result:
    (x,), dims = types, attrs["dims"]
    extra = len(dims) - x.rank
    old = [facts.resolve(dim) for dim in x.dims]  # n - 1 is 1 where the trace has found that n is 2
    if extra < 0 or any(a != 1 and not facts.equal(a, b) for a, b in zip(old, dims[extra:], strict=True)):
        raise InvalidGraphError(f"broadcast_to: {x} does not broadcast to {dims}")
    return (ArrayType(x.dtype, dims),)


def reshape_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> Result:
    (x,), dims = types, attrs["dims"]
    if not facts.equal(product(x.dims), product(dims)):
        raise InvalidGraphError(f"reshape: {x} has another size than {dims}")
    return (ArrayType(x.dtype, dims),)


def transpose_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> Result:
    (x,), perm = types, attrs["perm"]
    if sorted(perm) != list(range(x.rank)):
        raise InvalidGraphError(f"transpose: {perm} is no permutation of the axes of {x}")
    return (ArrayType(x.dtype, tuple(x.dims[p] for p in perm)),)


def strided_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> Result:
    (x,) = types
    if not len(attrs["starts"]) == len(attrs["steps"]) == len(attrs["dims"]) == x.rank or 0 in attrs["steps"]:
        raise InvalidGraphError(f"slice or embed: starts, steps and dims do not fit {x}: {dict(attrs)}")
    return (ArrayType(x.dtype, attrs["dims"]),)


def concat_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> Result:
    first, axis = types[0], attrs["axis"]
    length: Dim = 0
    for type_ in types:
        others = [(a, b) for i, (a, b) in enumerate(zip(type_.dims, first.dims, strict=True)) if i != axis]
        if type_.dtype != first.dtype or any(not facts.equal(a, b) for a, b in others):
            raise InvalidGraphError(f"concat: {type_} does not join {first} along axis {axis}")
        length = length + type_.dims[axis]
    return (ArrayType(first.dtype, (*first.dims[:axis], length, *first.dims[axis + 1 :])),)


def region(starts: Sequence[int], steps: Sequence[int], dims: Sequence[int]) -> tuple[slice, ...]:
    """NumPy slices of the ``dims`` positions ``starts + steps * i``."""
    slices = []
    for start, step, size in zip(starts, steps, dims, strict=True):
        stop = start + step * size
        slices.append(slice(start, None if stop < 0 else stop, step) if size else slice(0, 0))
    return tuple(slices)


def slice_ref(x: np.ndarray, starts: Any, steps: Any, dims: Any) -> np.ndarray:
    return x[region(starts, steps, dims)]


def embed_ref(x: np.ndarray, starts: Any, steps: Any, dims: Any) -> np.ndarray:
    result = np.zeros(dims, x.dtype)
    result[region(starts, steps, x.shape)] = x
    return result


def slice_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    return (F.embed(g, starts=node.attrs["starts"], steps=node.attrs["steps"], dims=node.inputs[0].dims),)


def embed_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    return (F.slice(g, starts=node.attrs["starts"], steps=node.attrs["steps"], dims=node.inputs[0].dims),)


def transpose_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    perm = node.attrs["perm"]
    return (F.transpose(g, [perm.index(axis) for axis in range(len(perm))]),)


def concat_transpose(F: Builder, g: Value, node: Node) -> tuple[Value, ...]:
    axis, parts = node.attrs["axis"], []
    offset: Dim = 0
    for value in node.inputs:
        starts = tuple(offset if a == axis else 0 for a in range(value.rank))
        parts.append(F.slice(g, starts=starts, steps=(1,) * value.rank, dims=value.dims))
        offset = offset + value.dims[axis]
    return tuple(parts)


MOVEMENT = [
    Op(
        "broadcast_to", Movement(), lambda x, dims: np.broadcast_to(x, shape=dims),
        Linear(lambda F, g, node: (F.unbroadcast(g, node.inputs[0].dims),)), type=broadcast_type,
    ),
    Op(
        "reshape", Movement(), lambda x, dims: x.reshape(dims),
        Linear(lambda F, g, node: (F.reshape(g, node.inputs[0].dims),)), type=reshape_type,
    ),
    Op("transpose", Movement(), lambda x, perm: x.transpose(perm), Linear(transpose_transpose), type=transpose_type),
    Op("slice", Movement(), slice_ref, Linear(slice_transpose), type=strided_type),
    Op("embed", Movement(), embed_ref, Linear(embed_transpose), type=strided_type),
    Op("concat", Movement(), lambda *xs, axis: np.concatenate(xs, axis), Linear(concat_transpose), type=concat_type),
]  # fmt: skip
