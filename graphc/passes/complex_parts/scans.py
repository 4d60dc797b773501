"""Products and running folds of complex numbers: a state of two parts, which no fold of the scheduler has: a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.types import I64, ArrayType
from graphc.passes.complex_parts import parts
from graphc.passes.complex_parts.parts import Parts, Split, imaginary

Step = Callable[[Builder, Parts, Sequence[Parts]], Parts]  # the next state from the last one and the elements


def times(F: Builder, state: Parts, elements: Sequence[Parts]) -> Parts:
    return parts.mul(F, state, elements[0])


def linear(F: Builder, state: Parts, elements: Sequence[Parts]) -> Parts:
    """``a * s + b``; where s is exactly 0 it stays 0 beside an infinite a."""
    a, b = elements
    return parts.choose(F, parts.is_zero(F, state), b, parts.add(F, parts.mul(F, a, state), b))


def loop(
    F: Builder, arrays: Sequence[Parts], start: float, step: Step, *, keeps: bool, reverse: bool, exclusive: bool
) -> Parts:
    """The fold along the first axis, or with ``keeps`` every state of it."""
    trips, *rest = arrays[0].dims
    element = ArrayType(arrays[0].re.type.dtype, tuple(rest))
    stored = [part for z in arrays for part in (z.re, imaginary(F, z))]
    B = Builder(F.ops, F.facts)
    index = Value(ArrayType(I64), name="i")
    state = Parts(Value(element, name="re"), Value(element, name="im"))
    inside = [Value(part.type, name=f"x{k}") for k, part in enumerate(stored)]
    rows = [_row(B, part, index, element.dims) for part in inside]
    after = step(B, state, [Parts(re, im) for re, im in zip(rows[::2], rows[1::2], strict=True)])
    kept = state if exclusive else after
    results = [after.re, imaginary(B, after), *((kept.re, imaginary(B, kept)) if keeps else ())]
    body = Graph("body", (index, state.re, imaginary(B, state), *inside), tuple(B.nodes), tuple(results))
    first = [F.full(element, start), F.full(element, 0.0)]
    attrs = {"carried": 2, "stacked": 2 * keeps, "trips": trips, "reverse": reverse}
    made = F.raw(F.ops["for"], (*first, *stored), attrs, (body,))
    return Parts(*made.outputs[-2:])


def _row(F: Builder, array: Value, index: Value, dims: tuple[Dim, ...]) -> Value:
    starts = [index, *(F.constant(0, ArrayType(I64)) for _ in dims)]
    return F.reshape(F.read(array, *starts, steps=(1,) * array.rank, dims=(1, *dims)), dims)


def along_first(F: Builder, z: Parts, perm: Sequence[int]) -> Parts:
    return Parts(F.transpose(z.re, perm), None if z.im is None else F.transpose(z.im, perm))


def scan(start: float, step: Step) -> Callable[[Builder, Node, Sequence[Split]], Parts]:
    def rule(F: Builder, node: Node, inputs: Sequence[Split]) -> Parts:
        axis, rank = node.attrs["axis"], node.output.rank
        perm = [axis, *(a for a in range(rank) if a != axis)]
        arrays = [along_first(F, z, perm) for z in inputs if isinstance(z, Parts)]
        flags = {key: node.attrs[key] for key in ("reverse", "exclusive")}
        found = loop(F, arrays, start, step, keeps=True, **flags)
        return along_first(F, found, [perm.index(a) for a in range(rank)])

    return rule


def prod(F: Builder, node: Node, inputs: Sequence[Split]) -> Parts:
    (z,), axes = inputs, node.attrs["axes"]
    assert isinstance(z, Parts)
    rest = [a for a in range(z.re.rank) if a not in axes]
    moved = along_first(F, z, [*axes, *rest])
    dims = (product(z.dims[a] for a in axes), *(z.dims[a] for a in rest))
    flat = Parts(F.reshape(moved.re, dims), None if moved.im is None else F.reshape(moved.im, dims))
    return loop(F, [flat], 1.0, times, keeps=False, reverse=False, exclusive=False)


SCANS = {"prod": prod, "cumprod": scan(1.0, times), "linear_scan": scan(0.0, linear)}
