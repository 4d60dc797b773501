"""What derivatives of eigenvectors and singular vectors divide by: differences of values; and the phases of vectors.

Where two values are equal up to rounding their vectors may turn within their plane, and nothing at this one point tells
how. A quotient by such a difference is NaN, but 0 where nothing that is differentiated uses the values or the vectors.

**Phases.** A complex vector keeps its length and its value when it is turned by a phase. Where LAPACK fixes the phase
by one component, which is real, the derivative is that of the vector so fixed. A loss that does not depend on the phase
has a cotangent without a part along it; then the component does not matter, also where it is zero.
"""

from __future__ import annotations

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.ops.matrices import (
    columns,
    conjugate,
    identity_mask,
    inverse_where,
    precision,
    real_part,
    rounding,
    rows,
)

SURE = 1e-3  # a component of a unit vector from which on dividing by it loses no digits to speak of


def used(F: Builder, values: Value | None, *vectors: Value | None) -> Value:
    """Which values matter to a result, themselves or by a vector (cotangents, vectors as columns): bool[.., n]."""
    flags = [F.ne(values, 0.0)] if values is not None else []
    flags += [F.reduce("any", F.ne(v, 0.0), [v.rank - 2]) for v in vectors if v is not None]
    result, *rest = flags
    for flag in rest:
        result = F.logical_or(result, flag)
    return result


def inverse_gaps(F: Builder, x: Value, matters: Value | None = None) -> Value:
    """1 / (x_j - x_i) in row i, column j, 0 on the diagonal.

    Where both are equal up to rounding NaN; but 0 where neither of the two ``matters``.
    """
    gaps = F.sub(columns(F, x), rows(F, x))
    apart = F.gt(F.abs(gaps), F.expand_dims(rounding(F, x), (x.rank,)))
    both = identity_mask(F, gaps)
    if matters is not None:
        both = F.logical_or(both, F.logical_not(F.logical_or(columns(F, matters), rows(F, matters))))
    inverse = F.div(1.0, F.select(apart, gaps, 1.0))
    return F.select(apart, inverse, F.select(both, 0.0, unknown(F, x)))


def singular_gaps(F: Builder, s: Value, matters: Value | None = None) -> Value:
    """1 / (s_j**2 - s_i**2) in row i, column j; where both are equal up to rounding as ``inverse_gaps`` has it."""
    sums = F.add(columns(F, s), rows(F, s))
    return F.mul(inverse_gaps(F, s, matters), inverse_where(F, sums, F.gt(sums, 0.0)))


def inverse_singular(F: Builder, s: Value, matters: Value | None = None) -> Value:
    """1/s; for those that are zero up to rounding NaN, but 0 where they do not matter."""
    there = F.gt(s, rounding(F, s))
    absent = unknown(F, s) if matters is None else F.select(matters, unknown(F, s), 0.0)
    return F.select(there, F.div(1.0, F.select(there, s, 1.0)), absent)


def unknown(F: Builder, x: Value) -> Value:
    """NaN of the value's precision."""
    return F.constant(float("nan"), ArrayType(x.type.real_dtype))


# --- phases -----------------------------------------------------------------------------------------------------------


def along(F: Builder, v: Value, g: Value) -> Value:
    """The products ``v* g`` of columns: [.., n]."""
    return F.reduce("sum", F.mul(conjugate(F, v), g), [v.rank - 2])


def sizes_along(F: Builder, v: Value, g: Value) -> Value:
    """What ``along`` could be at most."""
    return F.reduce("sum", F.mul(F.abs(v), F.abs(g)), [v.rank - 2])


def negligible(F: Builder, size: Value) -> Value:
    """Up to where a sum of terms of this size is zero up to rounding, as it is of what does not depend on a phase."""
    return F.mul(size, precision(size) ** (2 / 3))


def component(F: Builder, v: Value, place: Value) -> Value:
    """The real part of the component at the place, where ``place`` is true, of each column."""
    return F.reduce("sum", F.select(place, real_part(F, v), 0.0), [v.rank - 2])


def turned(F: Builder, v: Value, dv: Value, place: Value) -> Value:
    """Tangents of columns without the turn by which the component at ``place`` (bool, one a column) leaves the real
    axis: ``dv - i v Im(dv_k) / v_k``."""
    out = F.reduce("sum", F.select(place, F.imag(dv), 0.0), [v.rank - 2])
    turn = F.guarded_mul(out, F.div(1.0, component(F, v, place)))
    return F.sub(dv, F.mul(v, columns(F, F.complex(F.zeros(turn.type), turn))))


def turned_back(F: Builder, v: Value, g: Value, place: Value) -> Value:
    """The transpose of ``turned``, for cotangents of the inner product."""
    turn, size = F.imag(along(F, v, g)), component(F, v, place)
    nothing = F.le(F.abs(turn), negligible(F, sizes_along(F, v, g)))
    harmless = F.logical_and(F.lt(F.abs(size), SURE), nothing)
    share = F.select(harmless, 0.0, F.div(turn, F.select(harmless, 1.0, size)))
    part = columns(F, F.complex(F.zeros(share.type), F.neg(share)))
    return F.add(g, F.select(place, part, 0.0))
