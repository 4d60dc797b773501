"""Derivatives through eigenvectors and singular vectors where values are equal: limits, along a line, of quotients.

A matrix with equal values has vectors that may be turned within their space, and the derivative by it has quotients 0/0
of what vectors get by differences of values. Let A(t) be the matrices with the same vectors and the values ``w + t d``,
where no two numbers of the direction d are equal. For t > 0 values differ, and the gradient of a loss is found as ever;
the gradient at A is its limit, if the loss is a function of the matrix that has a continuous one. Numerator and
denominator of a quotient vanish linearly, so the limit is that of their derivatives by t: one tangent of the cotangents
along d, with the vectors kept. So V f(w) V* gets the divided differences f'(w) of Daleckii and Krein, what only depends
on the space that the vectors span gets 0, and neither form is looked for.

**What has no derivative** is found out. The vectors are first turned within each space, by a matrix that is the same
for every call and as good as random, and the cotangents computed of those. A loss that is a function of the matrix does
not see that: all numerators are zero, and the diagonal that belongs to the vectors as they were is the cotangent of the
values that was there before. Where either is not so (up to rounding) the loss depends on a choice, and the gradient is
NaN. A function of the values alone may meet a kink (the largest of two equal ones); it shares among them, as ``max``
does.

**Close values** lose digits before they are equal: numerators are differences, too. Where less than half of the digits
is left the limit stands in, if it gives the same numerator up to rounding; so it does for a function of the matrix that
does not vary much between the two values, and for no other loss.

Here is what the limits share; each op's own are in ``spectral_limits``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.ops.gaps import negligible, unknown
from graphc.ops.matrices import (
    columns,
    diagonal,
    identity_mask,
    over_matrix,
    precision,
    real_part,
    rounding,
    rows,
    squared_sizes,
)

Found = tuple[Value, Value]
ROUNDINGS = 256  # by how many roundings a numerator and what the limit says of it may differ

# --- groups of equal values -------------------------------------------------------------------------------------------


def distances(F: Builder, x: Value) -> Value:
    return F.abs(F.sub(columns(F, x), rows(F, x)))


def near(F: Builder, x: Value) -> Value:
    """Which values are equal up to rounding: bool[.., n, n]."""
    return F.le(distances(F, x), over_rows(F, rounding(F, x)))


def close(F: Builder, x: Value) -> Value:
    """Which values agree in half of their digits, measured by the largest: bool[.., n, n]."""
    largest = F.stop_gradient(F.reduce("max", F.abs(x), [x.rank - 1], keepdims=True))
    return F.le(distances(F, x), F.mul(over_rows(F, largest), precision(x) ** 0.5))


def over_rows(F: Builder, x: Value) -> Value:
    """[.., 1] as [.., 1, 1]."""
    return F.expand_dims(x, (x.rank,))


def groups(F: Builder, x: Value) -> Value:
    """``near``, made transitive: values belong to the first one that they are equal to."""
    first = F.reduce("argmax", F.cast(near(F, x), x.type.real_dtype), [x.rank])
    return F.eq(columns(F, first), rows(F, first))


def others(F: Builder, same: Value) -> Value:
    """Pairs of a group without the pairs of a value and itself."""
    return F.logical_and(same, F.logical_not(identity_mask(F, same)))


def both(F: Builder, x: Value) -> Value:
    """The sum of what belongs to the two of each pair."""
    return F.add(columns(F, x), rows(F, x))


def either(F: Builder, x: Value) -> Value:
    return F.logical_or(columns(F, x), rows(F, x))


def any_of(F: Builder, flags: Value) -> Value:
    """Whether any is true, of all matrices: bool[]."""
    return F.reduce("any", flags, range(flags.rank)) if flags.rank else flags


def differ(F: Builder, g: Value) -> Value:
    """Which pairs of numbers are not equal up to rounding, measured by the largest."""
    largest = F.reduce("max", F.abs(g), [g.rank - 1], keepdims=True)
    return beyond(F, distances(F, g), over_rows(F, largest))


def beyond(F: Builder, x: Value, size: Value) -> Value:
    """Where x, a sum of terms of this size, is not zero up to rounding; NaN is not."""
    return F.logical_not(F.le(F.abs(x), negligible(F, size)))


def lengths(F: Builder, g: Value) -> Value:
    """The lengths of columns."""
    return F.sqrt(F.reduce("sum", squared_sizes(F, g), [g.rank - 2]))


class Numerators(NamedTuple):
    """What is divided by differences of values, in row i and column j, and how large its terms are."""

    found: Value
    size: Value

    def lost(self, F: Builder) -> Value:
        """Where they have lost more than half of their digits."""
        lost = F.le(F.abs(self.found), F.mul(self.size, precision(self.found) ** 0.5))
        return F.logical_and(lost, F.gt(self.size, 0.0))


# --- what the limits share --------------------------------------------------------------------------------------------


def direction(F: Builder, x: Value) -> Value:
    """Numbers of which no two are equal, one for each value: 1, 2, ..."""
    count = F.cast(F.iota(dims=x.dims[-1:], axis=0), x.type.real_dtype)
    return F.broadcast_to(F.add(count, 1.0), x.dims)


def scattered(F: Builder, dtype: np.dtype, dims: Sequence[Dim], shift: float) -> Value:
    """A matrix of numbers as good as random between -1 and 1 (of complex ones, both parts)."""
    real = ArrayType(dtype).real_dtype
    i, j = (F.add(F.cast(F.iota(dims=tuple(dims[-2:]), axis=k), real), 1.0) for k in (0, 1))
    phase = F.add(F.add(F.mul(i, 12.9898), F.mul(j, 78.233)), F.mul(F.mul(i, j), 3.7719))
    parts = [F.sin(F.add(phase, shift + k)) for k in range(2)]
    return F.complex(*parts) if dtype.kind == "c" else parts[0]


def orthonormal(F: Builder, x: Value) -> Value:
    """Columns made orthonormal one after the other; those that were so before stay what they are."""
    q, r = F.qr(x)
    signs = F.select(F.lt(real_part(F, diagonal(F, r)), 0.0), -1.0, F.constant(1.0, ArrayType(x.type.real_dtype)))
    return F.mul(q, columns(F, signs))


def turning(F: Builder, same: Value, random: Value) -> Value:
    """What turns the vectors of each group within the space that they span, by these numbers."""
    one = F.select(identity_mask(F, same), 2.0, F.zeros(ArrayType(random.type.dtype, same.dims)))
    wide = F.broadcast_to(random, same.dims)
    return orthonormal(F, F.select(others(F, same), wide, one))


def over(F: Builder, x: Value, by: Value, where: Value) -> Value:
    """x / by where that is wanted, else x."""
    return F.div(x, F.select(where, by, 1.0))


def shared(F: Builder, g: Value, same: Value) -> Found:
    """The mean over each group, and whether that was not what there was."""
    ones = F.cast(same, g.type.real_dtype)
    total = F.reduce("sum", F.mul(ones, columns(F, g)), [ones.rank - 1])
    mean = F.div(total, F.reduce("sum", ones, [ones.rank - 1]))
    return mean, any_of(F, F.logical_and(same, differ(F, g)))


def moved(F: Builder, whole: Value, first: Value, second: Value) -> Value:
    """Which of two diagonals differ, though both belong to the same vectors and this gradient: bool[.., n]."""
    size = F.reduce("max", F.abs(whole), [whole.rank - 2, whole.rank - 1])
    return beyond(F, F.sub(first, second), rows(F, size))


class Pairs(NamedTuple):
    """Pairs of values: those of one group, those of one group that are two, those that are close."""

    same: Value
    two: Value
    close: Value


class Gaps(NamedTuple):
    """What numerators are divided by, and their slopes; and numbers whose largest is what gaps are measured by."""

    gap: Value
    step: Value
    scale: Value


def pairs_of(F: Builder, x: Value, same: Value) -> Pairs:
    return Pairs(same, others(F, same), others(F, F.logical_or(same, close(F, x))))


class Quotients(NamedTuple):
    """What stands for quotients; where nothing does (bool[.., n, n]); the size of what should cancel out ([.., 1])."""

    found: Value
    absent: Value
    size: Value


def quotients(F: Builder, pairs: Pairs, top: Numerators, slope: Value, gaps: Gaps) -> Quotients:
    """Numerators by gaps, or their limits: of their slopes by steps.

    Numerators are as uncertain as the terms that they are made of, and as the values are that these depend on.
    """
    limit = over(F, slope, gaps.step, F.ne(gaps.step, 0.0))
    largest = F.reduce("max", F.abs(gaps.scale), [gaps.scale.rank - 1], keepdims=True)
    size = F.add(top.size, F.mul(F.abs(limit), over_rows(F, largest)))
    total = F.reduce("max", size, [size.rank - 2, size.rank - 1], keepdims=True)
    limits = F.select(pairs.same, negligible(F, total), F.mul(size, ROUNDINGS * precision(top.found)))
    agrees = F.le(F.abs(F.sub(top.found, F.mul(limit, gaps.gap))), limits)
    quotient = over(F, top.found, gaps.gap, F.logical_not(pairs.same))
    found = F.select(F.logical_and(pairs.close, agrees), limit, quotient)
    absent = F.logical_and(pairs.two, F.logical_not(agrees))
    return Quotients(found, absent, F.squeeze(total, (total.rank - 1,)))


def nan_where(F: Builder, wrong: Value, x: Value) -> Value:
    """The matrices, those with any true flag as NaN."""
    some = F.reduce("any", wrong, [wrong.rank - 1])
    return F.select(over_matrix(F, some), unknown(F, x), x)
