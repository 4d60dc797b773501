"""Convolutions over one or two axes, and the two products that are their derivatives.

``convolution``         x[n, g*c, *s], w[g*o, c, *k], b[g*o]    y[n, g*o, *p]; the bias may be left out
``convolution_source``  y[n, g*o, *p], w[g*o, c, *k]            its transpose in x
``convolution_weight``  x[n, g*c, *s], y[n, g*o, *p]            its transpose in w

With the attrs ``stride``, ``padding``, ``dilation`` (a tuple each, an entry an axis) and ``groups`` (g), y at p sums w
at k times x at ``p * stride + k * dilation - padding``, which is zero outside of x. ``sizes``: the dims of the result
after its first. The three are one form, linear in x, w and y, with each of these taken out in turn, so they are each
other's derivatives. All other axes are a batch.

On the CPU each is one call (``runtime.convolution_code``); elsewhere, and for dtypes without such a call, they are
written out as windows and a matrix product.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, floordiv, product
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import General, Op, Windows
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import F32, F64, ArrayType
from graphc.ops.linalg import swap

Types = Sequence[ArrayType]
Slots = tuple[Value | None, ...]
COMPILED = (F32, F64)  # dtypes with a call of their own


# --- shapes -----------------------------------------------------------------------------------------------------------


def result_type(name: str, facts: ShapeFacts, types: Types, attrs: Attrs, *, keeps: int) -> tuple[ArrayType, ...]:
    """``keeps``: the operand from which the result has the batch and its first dim, at the second one's place if 1."""
    first, second, *bias = types
    spatial, sizes = len(attrs["stride"]), attrs["sizes"]
    axis = first.rank - spatial - 2
    same = all(map(facts.equal, first.dims[:axis], second.dims[:axis]))

    def fitting(b: ArrayType) -> bool:
        return b.rank == axis + 1 and b.dtype == first.dtype and facts.equal(b.dims[-1], sizes[0])

    fits = first.rank == second.rank >= spatial + 2 and first.dtype == second.dtype and first.dtype in COMPILED and same
    if not fits or len(sizes) != spatial + 1 or not all(map(fitting, bias)):
        raise InvalidGraphError(f"{name}: {' and '.join(map(str, types))}")
    head = (*first.dims[:axis], first.dims[axis] if keeps == 0 else second.dims[axis + 1])
    return (ArrayType(first.dtype, (*head, *sizes)),)


def convolution_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    return result_type("convolution", facts, types, attrs, keeps=0)


def source_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    return result_type("convolution_source", facts, types, attrs, keeps=0)


def weight_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    return result_type("convolution_weight", facts, types, attrs, keeps=1)


# --- references -------------------------------------------------------------------------------------------------------


def tap_slices(kernel: Sequence[int], places: Sequence[int], attrs: Attrs) -> Iterator[tuple[Any, Any]]:
    """Each tap of the kernel, and the places of the padded source that it meets: indices of the last axes."""
    for tap in itertools.product(*map(range, kernel)):
        starts = [k * d for k, d in zip(tap, attrs["dilation"], strict=True)]
        steps = zip(starts, places, attrs["stride"], strict=True)
        met = (slice(start, start + (count - 1) * step + 1, step) for start, count, step in steps)
        yield (..., *tap), (..., *met)


def padded_shape(source: Sequence[int], kernel: Sequence[int], places: Sequence[int], attrs: Attrs) -> tuple[int, ...]:
    """The source with its padding before it, and as much after it as any tap meets."""
    axes = zip(source, kernel, places, attrs["stride"], attrs["padding"], attrs["dilation"], strict=True)
    return tuple(max(p + n, (m - 1) * s + (k - 1) * d + 1) for n, k, m, s, p, d in axes)


def grouped(array: np.ndarray, axis: int, groups: int) -> np.ndarray:
    """With the axis as two: the groups, and what is in each."""
    shape = array.shape
    return array.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def convolution_ref(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, **attrs: Any) -> np.ndarray:
    spatial, groups, (_, *places) = len(attrs["stride"]), attrs["groups"], attrs["sizes"]
    source, kernel = x.shape[x.ndim - spatial :], w.shape[w.ndim - spatial :]
    padded = _padded(x, source, kernel, places, attrs)
    weights = grouped(w, w.ndim - spatial - 2, groups)
    result = np.zeros((*x.shape[: x.ndim - spatial - 1], attrs["sizes"][0], *places), x.dtype)
    out = grouped(result, result.ndim - spatial - 1, groups)
    letters = "xyz"[:spatial]
    for tap, met in tap_slices(kernel, places, attrs):
        read = grouped(padded[met], x.ndim - spatial - 1, groups)
        out += np.einsum(f"...ngc{letters},...goc->...ngo{letters}", read, weights[tap])
    return result if b is None else result + b.reshape(*b.shape[:-1], 1, b.shape[-1], *(1,) * spatial)


def _padded(
    x: np.ndarray, source: Sequence[int], kernel: Sequence[int], places: Sequence[int], attrs: Attrs
) -> np.ndarray:
    shape = padded_shape(source, kernel, places, attrs)
    padded = np.zeros((*x.shape[: x.ndim - len(shape)], *shape), x.dtype)
    padded[_inside(source, attrs)] = x
    return padded


def _inside(source: Sequence[int], attrs: Attrs) -> Any:
    """Where the source stands in the padded one."""
    return (..., *(slice(p, p + n) for p, n in zip(attrs["padding"], source, strict=True)))


def source_ref(y: np.ndarray, w: np.ndarray, **attrs: Any) -> np.ndarray:
    spatial, groups, (channels, *source) = len(attrs["stride"]), attrs["groups"], attrs["sizes"]
    places, kernel = y.shape[y.ndim - spatial :], w.shape[w.ndim - spatial :]
    shape = padded_shape(source, kernel, places, attrs)
    padded = np.zeros((*y.shape[: y.ndim - spatial - 1], groups, channels // groups, *shape), y.dtype)
    given, weights = grouped(y, y.ndim - spatial - 1, groups), grouped(w, w.ndim - spatial - 2, groups)
    letters = "xyz"[:spatial]
    for tap, met in tap_slices(kernel, places, attrs):
        padded[met] += np.einsum(f"...ngo{letters},...goc->...ngc{letters}", given, weights[tap])
    inside = padded[_inside(source, attrs)]
    return np.ascontiguousarray(inside).reshape(*y.shape[: y.ndim - spatial - 1], channels, *source)


def weight_ref(x: np.ndarray, y: np.ndarray, **attrs: Any) -> np.ndarray:
    spatial, groups, (channels, *kernel) = len(attrs["stride"]), attrs["groups"], attrs["sizes"]
    source, places = x.shape[x.ndim - spatial :], y.shape[y.ndim - spatial :]
    padded = _padded(x, source, kernel, places, attrs)
    given, axis = grouped(y, y.ndim - spatial - 1, groups), y.ndim - spatial - 2
    result = np.zeros((*y.shape[:axis], y.shape[axis + 1], channels, *kernel), x.dtype)
    out, letters = grouped(result, axis, groups), "xyz"[:spatial]
    for tap, met in tap_slices(kernel, places, attrs):
        read = grouped(padded[met], x.ndim - spatial - 1, groups)
        out[tap] = np.einsum(f"...ngc{letters},...ngo{letters}->...goc", read, given)
    return result


# --- derivatives ------------------------------------------------------------------------------------------------------


def like(value: Value, attrs: Attrs) -> dict[str, Any]:
    """The attrs of what gives such a value."""
    return {**attrs, "sizes": value.dims[value.rank - len(attrs["stride"]) - 1 :]}


def convolution_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,), (x, w, *bias) = cotangents, node.inputs
    if g is None:
        return (None,) * len(node.inputs)
    by_x = F.convolution_source(g, w, **like(x, node.attrs)) if x.grad else None
    by_w = F.convolution_weight(x, g, **like(w, node.attrs)) if w.grad else None
    first = g.rank - len(node.attrs["stride"]) - 2
    axes = [first, *range(first + 2, g.rank)]
    return by_x, by_w, *(F.reduce("sum", g, axes) if b.grad else None for b in bias)


def source_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,), (y, w) = cotangents, node.inputs
    if g is None:
        return None, None
    by_y = F.convolution(g, w, **like(y, node.attrs)) if y.grad else None
    by_w = F.convolution_weight(g, y, **like(w, node.attrs)) if w.grad else None
    return by_y, by_w


def weight_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,), (x, y) = cotangents, node.inputs
    if g is None:
        return None, None
    by_x = F.convolution_source(y, g, **like(x, node.attrs)) if x.grad else None
    by_y = F.convolution(x, g, **like(y, node.attrs)) if y.grad else None
    return by_x, by_y


def bilinear_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (da, db, *by_bias), (a, b, *_) = tangents, node.inputs
    parts = [F.apply(node.op, (da, b), node.attrs)] if da is not None else []
    parts += [F.apply(node.op, (a, db), node.attrs)] if db is not None else []
    parts += [along_channels(F, d, node.output, node.attrs) for d in by_bias if d is not None]
    total = None
    for part in parts:
        total = part if total is None else F.add(total, part)
    return (total,)


def along_channels(F: Builder, bias: Value, y: Value, attrs: Attrs) -> Value:
    """A number a channel, for every example and place."""
    spatial = len(attrs["stride"])
    wide = F.reshape(bias, (*bias.dims[:-1], 1, bias.dims[-1], *(1,) * spatial))
    return F.broadcast_to(wide, y.dims)


# --- written out ------------------------------------------------------------------------------------------------------


def axes_of(x: Value, attrs: Attrs) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
    """The dims before the channels, and those after them."""
    first = x.rank - len(attrs["stride"])
    return x.dims[: first - 1], x.dims[first:]


def taps_of(kernel: Sequence[Any], attrs: Attrs) -> list[tuple[int, ...]]:
    """Where in the padded source each tap of a kernel of these sizes begins."""
    taps = itertools.product(*map(range, kernel))
    return [tuple(k * d for k, d in zip(tap, attrs["dilation"], strict=True)) for tap in taps]


def with_padding(source: Sequence[Dim], attrs: Attrs) -> tuple[Dim, ...]:
    return tuple(n + 2 * p for n, p in zip(source, attrs["padding"], strict=True))


def windows_of(F: Builder, x: Value, taps: Sequence[tuple[int, ...]], places: tuple[Dim, ...], attrs: Attrs) -> Value:
    """What the taps meet, side by side: (..., n, groups, c * taps, places)."""
    head, source = axes_of(x, attrs)
    lead, groups, channels = (0,) * (len(head) + 1), attrs["groups"], x.dims[len(head)]
    if any(attrs["padding"]):
        dims = (*head, channels, *with_padding(source, attrs))
        x = F.embed(x, starts=(*lead, *attrs["padding"]), steps=(1,) * x.rank, dims=dims)
    steps, dims = (*(1 for _ in lead), *attrs["stride"]), (*head, channels, *places)
    met = [F.slice(x, starts=(*lead, *tap), steps=steps, dims=dims) for tap in taps]
    axis = len(head) + 1
    columns = F.concat(*(F.expand_dims(m, (axis,)) for m in met), axis=axis) if len(met) > 1 else met[0]
    return F.reshape(columns, (*head, groups, floordiv(channels, groups) * len(taps), product(places)))


def weight_matrices(F: Builder, w: Value, n: Dim, attrs: Attrs) -> Value:
    """The weight as (..., n, groups, o, c * taps), the same for each example."""
    *head, outputs = axes_of(w, attrs)[0]
    groups, inner = attrs["groups"], product(w.dims[len(head) + 1 :])
    matrix = (groups, floordiv(outputs, groups), inner)
    return F.broadcast_to(F.reshape(w, (*head, 1, *matrix)), (*head, n, *matrix))


def convolution_windows(F: Builder, node: Node, inputs: tuple[Value, ...]) -> Sequence[Value]:
    return (by_windows(F, *inputs, **node.attrs),)


def by_windows(F: Builder, x: Value, w: Value, bias: Value | None = None, **attrs: Any) -> Value:
    """A convolution as a matrix product of all its windows, in any dtype that has products."""
    (*head, n), (outputs, *places) = axes_of(x, attrs)[0], attrs["sizes"]
    columns = windows_of(F, x, taps_of(axes_of(w, attrs)[1], attrs), tuple(places), attrs)
    made = F.matmul(weight_matrices(F, w, n, attrs), columns)
    result = F.reshape(made, (*head, n, outputs, *places))
    return result if bias is None else F.add(result, along_channels(F, bias, result, attrs))


def source_windows(F: Builder, node: Node, inputs: tuple[Value, ...]) -> Sequence[Value]:
    """The product with the transposed weight, each tap's part of it added where the tap read."""
    (y, w), attrs = inputs, node.attrs
    ((*head, n), places), (channels, *source) = axes_of(y, attrs), attrs["sizes"]
    taps, groups, outputs = taps_of(axes_of(w, attrs)[1], attrs), attrs["groups"], y.dims[len(head) + 1]
    given = F.reshape(y, (*head, n, groups, floordiv(outputs, groups), product(places)))
    columns = F.matmul(swap(F, weight_matrices(F, w, n, attrs)), given)
    each = F.reshape(columns, (*head, n, channels, len(taps), *places))
    lead, total = (0,) * (len(head) + 2), None
    wide = (*head, n, channels, *with_padding(source, attrs))
    for k, tap in enumerate(taps):
        dims = (*head, n, channels, 1, *places)
        part = F.slice(each, starts=(*lead, k, *(0 for _ in places)), steps=(1,) * each.rank, dims=dims)
        part = F.squeeze(part, (len(lead),))
        placed = F.embed(part, starts=(*lead, *tap), steps=(*(1 for _ in lead), *attrs["stride"]), dims=wide)
        total = placed if total is None else F.add(total, placed)
    assert total is not None
    dims = (*head, n, channels, *source)
    return (F.slice(total, starts=(*lead, *attrs["padding"]), steps=(1,) * total.rank, dims=dims),)


def weight_windows(F: Builder, node: Node, inputs: tuple[Value, ...]) -> Sequence[Value]:
    """The product of the result's gradient and all windows, summed over the examples."""
    (x, y), attrs = inputs, node.attrs
    ((*head, n), places), (channels, *kernel) = axes_of(y, attrs), attrs["sizes"]
    groups, outputs = attrs["groups"], y.dims[len(head) + 1]
    columns = windows_of(F, x, taps_of(kernel, attrs), places, attrs)
    given = F.reshape(y, (*head, n, groups, floordiv(outputs, groups), product(places)))
    made = F.reduce("sum", F.matmul(given, swap(F, columns)), (len(head),))
    return (F.reshape(made, (*head, outputs, channels, *kernel)),)


def work_of(node: Node) -> Dim:
    """Multiplications and additions: for each place and example, all weights."""
    by_name = {"convolution": (1, node.output), "convolution_source": (1, node.inputs[0])}
    w, y = by_name.get(node.op.name, (None, node.inputs[1]))
    weight = node.output if w is None else node.inputs[w]
    head, places = axes_of(y, node.attrs)
    return 2 * product(head) * product(places) * product(weight.dims[-len(node.attrs["stride"]) - 2 :])


CONVOLUTION = [
    Op("convolution", Windows(convolution_windows, work_of), convolution_ref, General(convolution_vjp, bilinear_jvp),
       type=convolution_type),
    Op("convolution_source", Windows(source_windows, work_of), source_ref, General(source_vjp, bilinear_jvp),
       type=source_type),
    Op("convolution_weight", Windows(weight_windows, work_of), weight_ref, General(weight_vjp, bilinear_jvp),
       type=weight_type),
]  # fmt: skip
