"""A complex value as its parts, and arithmetic with those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ir.types import ArrayType


class Parts(NamedTuple):
    """Real and imaginary part, of one type; ``im`` None: zero everywhere, since the number was real."""

    re: Value
    im: Value | None

    @property
    def dims(self) -> tuple:
        return self.re.dims


Split = Parts | Value  # what stands for a value: parts of a complex one
Rule = Callable[[Builder, Node, Sequence[Split]], Split]


def imaginary(F: Builder, z: Parts) -> Value:
    """The imaginary part as a value."""
    return F.full(z.re.type, 0.0) if z.im is None else z.im


def number(F: Builder, like: Value, constant: float) -> Value:
    """A constant of the value's dtype."""
    return F.constant(constant, ArrayType(like.type.dtype))


def broadcast(F: Builder, z: Parts, dims: tuple) -> Parts:
    return Parts(F.broadcast_to(z.re, dims), None if z.im is None else F.broadcast_to(z.im, dims))


# --- pairs: both parts in one array, along one more axis --------------------------------------------------------------


def part_of(F: Builder, pairs: Value, which: int) -> Value:
    """One part of the numbers in an array whose last axis has both."""
    dims = pairs.dims[:-1]
    starts = (*(0 for _ in dims), which)
    sliced = F.slice(pairs, starts=starts, steps=(1,) * pairs.rank, dims=(*dims, 1))
    return F.reshape(sliced, dims)


def joined(F: Builder, z: Parts) -> Value:
    """Both parts along a new last axis; the array that they are the parts of, where they are."""
    im = imaginary(F, z)
    first, second = _source(z.re), _source(im)
    if first is not None and second is not None and first[0] is second[0] and (first[1], second[1]) == (0, 1):
        return first[0]
    rank = z.re.rank
    return F.concat(*(F.expand_dims(part, (rank,)) for part in (z.re, im)), axis=rank)


def _source(part: Value) -> tuple[Value, int] | None:
    """The pairs that ``part_of`` has taken the part of, and which; None for any other value."""
    sliced = part.node.inputs[0].node if part.node is not None and part.node.op.name == "reshape" else None
    if sliced is None or sliced.op.name != "slice":
        return None
    (pairs,), starts = sliced.inputs, sliced.attrs["starts"]
    whole = pairs.dims[-1] == 2 and pairs.dims[:-1] == part.dims and sliced.output.dims == (*part.dims, 1)
    plain = not any(starts[:-1]) and set(sliced.attrs["steps"]) == {1}
    return (pairs, starts[-1]) if whole and plain else None


# --- arithmetic -------------------------------------------------------------------------------------------------------
#
# NumPy gives a real number the imaginary part 0 and computes with it. What that does to the sign of a zero decides on
# which side of a branch cut a root or a logarithm is taken: sqrt(-1.0 * (4+0j)) is 2j, sqrt(-(4+0j)) is -2j.


def zero_of(F: Builder, x: Value) -> Value:
    """0 times x, for finite x."""
    return F.copysign(number(F, x, 0.0), x)


def add(F: Builder, a: Parts, b: Parts) -> Parts:
    re = F.add(a.re, b.re)
    if a.im is None and b.im is None:
        return Parts(re, None)
    return Parts(re, F.broadcast_to(F.add(_or_zero(a), _or_zero(b)), re.dims))


def _or_zero(z: Parts) -> Value | float:
    return 0.0 if z.im is None else z.im


def neg(F: Builder, z: Parts) -> Parts:
    return Parts(F.neg(z.re), F.neg(imaginary(F, z)))


def sub(F: Builder, a: Parts, b: Parts) -> Parts:
    re = F.sub(a.re, b.re)
    if b.im is None:
        return Parts(re, None if a.im is None else F.broadcast_to(a.im, re.dims))
    return Parts(re, F.broadcast_to(F.sub(_or_zero(a), b.im), re.dims))


def mul(F: Builder, a: Parts, b: Parts) -> Parts:
    """As NumPy, but for an infinity times a real number: no NaN is made of the 0 that it lacks."""
    if a.im is not None and b.im is not None:
        re = F.sub(F.mul(a.re, b.re), F.mul(a.im, b.im))
        return Parts(re, F.add(F.mul(a.re, b.im), F.mul(a.im, b.re)))
    real, z = (a, b) if a.im is None else (b, a)
    re = F.mul(real.re, z.re)
    if z.im is None:
        return Parts(re, None)
    return Parts(F.sub(re, zero_of(F, z.im)), F.add(F.mul(real.re, z.im), zero_of(F, z.re)))


def times_i(F: Builder, z: Parts) -> Parts:
    return Parts(F.neg(imaginary(F, z)), z.re)


def over_i(F: Builder, z: Parts) -> Parts:
    return Parts(imaginary(F, z), F.neg(z.re))


def scale(F: Builder, z: Parts, factor: Value | float) -> Parts:
    return Parts(F.mul(z.re, factor), None if z.im is None else F.mul(z.im, factor))


def square(F: Builder, z: Parts) -> Parts:
    if z.im is None:
        return Parts(F.square(z.re), None)
    product = F.mul(z.re, z.im)
    return Parts(F.sub(F.square(z.re), F.square(z.im)), F.add(product, product))


def div(F: Builder, a: Parts, b: Parts) -> Parts:
    """By Smith's method: nothing overflows that the quotient does not."""
    if b.im is None:
        if a.im is None:
            return Parts(F.div(a.re, b.re), None)
        ratio, below = zero_of(F, b.re), F.select(F.eq(b.re, 0.0), F.abs(b.re), b.re)
        re, im = F.mul(zero_of(F, a.im), ratio), F.mul(zero_of(F, a.re), ratio)
        return Parts(F.div(F.add(a.re, re), below), F.div(F.sub(a.im, im), below))
    im = imaginary(F, a)
    wide = F.ge(F.abs(b.re), F.abs(b.im))
    zero = F.logical_and(F.eq(b.re, 0.0), F.eq(b.im, 0.0))
    large, small = F.select(wide, b.re, b.im), F.select(wide, b.im, b.re)
    ratio = F.select(zero, 0.0, F.div(small, F.select(zero, 1.0, large)))
    below = F.add(F.select(zero, F.abs(b.re), large), F.mul(small, ratio))
    top_re = F.select(wide, F.add(a.re, F.mul(im, ratio)), F.add(F.mul(a.re, ratio), im))
    top_im = F.select(wide, F.sub(im, F.mul(a.re, ratio)), F.sub(F.mul(im, ratio), a.re))
    return Parts(F.div(top_re, below), F.div(top_im, below))


def is_zero(F: Builder, z: Parts) -> Value:
    at = F.eq(z.re, 0.0)
    return at if z.im is None else F.logical_and(at, F.eq(z.im, 0.0))


def choose(F: Builder, condition: Value, a: Parts, b: Parts) -> Parts:
    re = F.select(condition, a.re, b.re)
    if a.im is None and b.im is None:
        return Parts(re, None)
    return Parts(re, F.select(condition, imaginary(F, a), imaginary(F, b)))
