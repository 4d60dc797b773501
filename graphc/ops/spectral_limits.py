"""Limits of adjoints where values are equal, of ``eigh``, ``eig`` and ``svd``: see ``equal_values`` for the idea.

``NEEDS[name](F, node, cotangents)`` tells whether a node's adjoint needs a limit, of any of its matrices: bool[].
``MET[name](F, node)`` tells whether any adjoint or tangent of the node might.
``LIMITS[name](F, node, cotangents, along)`` computes it: the cotangent of the matrix, and whether there was no
derivative (bool[]). ``along(outputs, direction)`` gives the cotangents that these outputs would get, and their
tangents, the values moving by ``direction``.

Vectors of equal values need a limit even where they have no cotangent, since others as good as they might have one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ops.eigen import fixed_components, sure_inverse
from graphc.ops.equal_values import (
    Found,
    Gaps,
    Numerators,
    Pairs,
    any_of,
    beyond,
    both,
    close,
    differ,
    direction,
    groups,
    lengths,
    moved,
    nan_where,
    near,
    orthonormal,
    others,
    over,
    pairs_of,
    quotients,
    scattered,
    shared,
    turning,
)
from graphc.ops.gaps import along as along_columns
from graphc.ops.gaps import turned_back
from graphc.ops.linalg import swap
from graphc.ops.matrices import (
    Slots,
    add_up,
    adjoint,
    columns,
    conjugate,
    conjugates,
    diagonal,
    identity_mask,
    of_lower,
    on_diagonal,
    precision,
    product,
    real_part,
    rounding,
    rows,
    squared_sizes,
)
from graphc.ops.spectra import fixed_row, outside, skew

Along = Callable[[tuple[Value, ...], Value], tuple[Slots, Slots]]


def any_in_rows(F: Builder, flags: Value) -> Value:
    return F.reduce("any", flags, [flags.rank - 1])


def differences(F: Builder, x: Value) -> Value:
    """x_j - x_i in row i, column j."""
    return F.sub(columns(F, x), rows(F, x))


def without_diagonal(F: Builder, x: Value) -> Value:
    return F.select(identity_mask(F, x), 0.0, x)


# --- eigenvalues of Hermitian matrices --------------------------------------------------------------------------------


def hermitian_numerators(F: Builder, v: Value, g: Value) -> Numerators:
    """Of ``eigh``, for cotangents of the inner product."""
    return Numerators(skew(F, F.matmul(adjoint(F, v), g)), both(F, lengths(F, g)))


def eigh_needs(F: Builder, node: Node, cotangents: Slots) -> Value:
    (gw, gv), (w, v) = conjugates(F, cotangents), node.outputs
    equal = others(F, near(F, w))
    if gv is None:
        assert gw is not None
        return any_of(F, F.logical_and(equal, differ(F, gw)))
    lost = F.logical_and(others(F, close(F, w)), hermitian_numerators(F, v, gv).lost(F))
    return any_of(F, F.logical_or(equal, lost))


def eigh_limit(F: Builder, node: Node, cotangents: Slots, along: Along) -> Found:
    """V (diag(gw) + limits of skew(V*G) / gaps) V*, for turned vectors V."""
    (w, v), (gw, gv) = node.outputs, cotangents
    same = groups(F, w)
    if gv is None:
        assert gw is not None
        mean, kink = shared(F, gw, same)
        whole = product(F, v, F.cast(on_diagonal(F, mean), v.type.dtype), adjoint(F, v))
        return conjugate(F, of_lower(F, whole)), kink
    pairs = pairs_of(F, w, same)
    member, step = any_in_rows(F, pairs.two), direction(F, w)
    turned = F.matmul(v, turning(F, same, scattered(F, v.type.dtype, v.dims, 0.0)))
    found, slopes = along((w, turned), step)
    (by_values, g), (_, slope) = conjugates(F, found), conjugates(F, slopes)
    assert g is not None
    assert slope is not None
    if v.type.is_complex:
        g = F.select(columns(F, member), g, turned_back(F, turned, g, fixed_row(F, node)))
    top, limit = hermitian_numerators(F, turned, g), skew(F, F.matmul(adjoint(F, turned), slope))
    divided = quotients(F, pairs, top, limit, Gaps(differences(F, w), differences(F, step), w))
    inner = F.mul(without_diagonal(F, divided.found), 0.5)
    if by_values is not None:
        inner = F.add(inner, F.cast(on_diagonal(F, by_values), inner.type.dtype))
    whole = product(F, turned, inner, adjoint(F, turned))
    again = real_part(F, diagonal(F, product(F, adjoint(F, v), whole, v)))
    wrong = moved(F, whole, again, F.zeros(w.type) if gw is None else gw)
    if v.type.is_complex:
        phase = F.imag(diagonal(F, top.found))
        wrong = F.logical_or(wrong, beyond(F, phase, divided.size))
    wrong = F.logical_or(F.logical_and(member, wrong), any_in_rows(F, divided.absent))
    return conjugate(F, of_lower(F, nan_where(F, wrong, whole))), any_of(F, wrong)


# --- eigenvalues of general matrices ----------------------------------------------------------------------------------


def corrected(F: Builder, v: Value, g: Value, member: Value | None = None) -> Value:
    """A cotangent of eigenvectors of length 1, without what changes their length; but of members of a group their
    phase, too."""
    outward = conjugate(F, g)
    outward = F.sub(outward, F.mul(v, columns(F, F.real(along_columns(F, v, outward)))))
    fixed = turned_back(F, v, outward, fixed_components(F, v))
    return conjugate(F, fixed if member is None else F.select(columns(F, member), outward, fixed))


def defective(F: Builder, v: Value) -> Value:
    """Which vectors are so close to depending on the others that their values have no digits."""
    size = F.reduce("sum", squared_sizes(F, F.inverse(v)), [v.rank - 1])
    return F.gt(size, 2.0**-8 / precision(v))


def eig_needs(F: Builder, node: Node, cotangents: Slots) -> Value:
    (gw, gv), (w, v) = cotangents, node.outputs
    equal, lost = others(F, near(F, w)), any_of(F, defective(F, v))
    if gv is None:
        assert gw is not None
        return F.logical_or(any_of(F, F.logical_and(equal, differ(F, gw))), lost)
    g = corrected(F, v, gv)
    top = Numerators(F.matmul(swap(F, v), g), both(F, lengths(F, g)))
    unsure = F.logical_and(others(F, close(F, w)), top.lost(F))
    return F.logical_or(any_of(F, F.logical_or(equal, unsure)), lost)


def eig_limit(F: Builder, node: Node, cotangents: Slots, along: Along) -> Found:
    """V'^-1 (diag(gw) + limits of V'g / gaps) V', for turned vectors V."""
    (w, v), (gw, gv) = node.outputs, cotangents
    same, lost = groups(F, w), any_of(F, defective(F, v))
    if gv is None:
        assert gw is not None
        mean, kink = shared(F, gw, same)
        found = product(F, swap(F, sure_inverse(F, v)), on_diagonal(F, mean), swap(F, v))
        return found, F.logical_or(kink, lost)
    pairs = pairs_of(F, w, same)
    member, step = any_in_rows(F, pairs.two), direction(F, w)
    turned = F.matmul(v, turning(F, same, scattered(F, v.type.dtype, v.dims, 0.0)))
    turned = F.div(turned, columns(F, lengths(F, turned)))
    (by_values, g), (_, slope) = along((w, turned), F.cast(step, w.type.dtype))
    assert g is not None
    assert slope is not None
    g, slope = (corrected(F, turned, x, member) for x in (g, slope))
    top, limit = (F.matmul(swap(F, turned), x) for x in (g, slope))
    size = both(F, lengths(F, g))
    divided = quotients(F, pairs, Numerators(top, size), limit, Gaps(differences(F, w), differences(F, step), w))
    inner = without_diagonal(F, divided.found)
    if by_values is not None:
        inner = F.add(inner, on_diagonal(F, by_values))
    whole = product(F, swap(F, sure_inverse(F, turned)), inner, swap(F, turned))
    again = diagonal(F, product(F, swap(F, v), whole, swap(F, sure_inverse(F, v))))
    wrong = moved(F, whole, again, F.zeros(w.type) if gw is None else gw)
    wrong = F.logical_or(wrong, beyond(F, diagonal(F, top), divided.size))
    wrong = F.logical_or(F.logical_and(member, wrong), any_in_rows(F, divided.absent))
    return nan_where(F, wrong, whole), F.logical_or(any_of(F, wrong), lost)


# --- singular values --------------------------------------------------------------------------------------------------


class Singular(NamedTuple):
    """Singular values, the direction in which they move, and which are zero."""

    s: Value
    step: Value
    zero: Value


class Vectors(NamedTuple):
    """The left and the right vectors, as columns."""

    left: Value
    right: Value


class Sides(NamedTuple):
    """Their cotangents."""

    left: Value | None
    right: Value | None


def sides(F: Builder, u: Value | None, vt: Value | None) -> Sides:
    return Sides(u, None if vt is None else adjoint(F, vt))


def turns(F: Builder, vectors: Vectors, given: Sides) -> Sides:
    """skew(U*G) and skew(V*H)."""
    pairs = zip(vectors, given, strict=True)
    return Sides(*(None if g is None else skew(F, F.matmul(adjoint(F, v), g)) for v, g in pairs))


def weighted(F: Builder, turn: Sides, left: Value, right: Value) -> Value:
    """``turn.left * left_j + right_i * turn.right``."""
    first = None if turn.left is None else F.mul(turn.left, columns(F, left))
    second = None if turn.right is None else F.mul(rows(F, right), turn.right)
    total = add_up(F, first, second)
    assert total is not None
    return total


def singular_numerators(F: Builder, s: Value, vectors: Vectors, given: Sides) -> Numerators:
    """Of ``svd``, for cotangents of the inner product: skew(U*G) S + S skew(V*H)."""
    sizes = Sides(*(None if g is None else both(F, lengths(F, g)) for g in given))
    return Numerators(weighted(F, turns(F, vectors, given), s, s), weighted(F, sizes, s, s))


def zeros_among(F: Builder, s: Value) -> Value:
    """Which singular values are zero up to rounding."""
    return F.le(s, rounding(F, s))


def bent(F: Builder, s: Value, gs: Value) -> Value:
    """Which zero singular values have a slope there, as the absolute value of a number has."""
    largest = F.reduce("max", F.abs(gs), [gs.rank - 1], keepdims=True)
    return F.logical_and(zeros_among(F, s), beyond(F, gs, largest))


def svd_needs(F: Builder, node: Node, cotangents: Slots) -> Value:
    (gu, gs, gvt), (u, s, vt) = conjugates(F, cotangents), node.outputs
    equal = others(F, near(F, s))
    if gu is None and gvt is None:
        assert gs is not None
        return F.logical_or(any_of(F, F.logical_and(equal, differ(F, gs))), any_of(F, bent(F, s, gs)))
    top = singular_numerators(F, s, Vectors(u, adjoint(F, vt)), sides(F, gu, gvt))
    lost = F.logical_and(others(F, close(F, s)), top.lost(F))
    return F.logical_or(any_of(F, F.logical_or(equal, lost)), any_of(F, zeros_among(F, s)))


def of_singular_values(F: Builder, node: Node, gs: Value) -> Found:
    """Of the values alone: equal ones share, and zeros have the slope 0 of a kink."""
    u, s, vt = node.outputs
    kink = any_of(F, bent(F, s, gs))
    mean, uneven = shared(F, gs, groups(F, s))
    mean = F.select(zeros_among(F, s), 0.0, mean)
    inner = F.cast(on_diagonal(F, mean), u.type.dtype)
    return conjugate(F, product(F, u, inner, vt)), F.logical_or(kink, uneven)


def svd_limit(F: Builder, node: Node, cotangents: Slots, along: Along) -> Found:
    """As ``svd_vjp``, with limits, for turned vectors; those of zeros turn on each side for themselves."""
    (u, s, vt), (gu, gs, gvt) = node.outputs, cotangents
    if gu is None and gvt is None:
        assert gs is not None
        return of_singular_values(F, node, gs)
    zero, step = zeros_among(F, s), direction(F, s)
    s = F.select(zero, 0.0, s)
    same = F.logical_and(groups(F, s), F.eq(columns(F, zero), rows(F, zero)))
    pairs = pairs_of(F, s, same)
    vectors = turned_sides(F, node, same, zero)
    found, slopes = along((vectors.left, s, adjoint(F, vectors.right)), step)
    (g_left, by_values, g_right), (s_left, _, s_right) = conjugates(F, found), conjugates(F, slopes)
    given, slope = sides(F, g_left, g_right), sides(F, s_left, s_right)
    inner, wrong = inner_part(F, Singular(s, step, zero), pairs, vectors, given, slope)
    if by_values is not None:
        inner = F.add(inner, F.cast(on_diagonal(F, by_values), inner.type.dtype))
    whole = product(F, vectors.left, inner, adjoint(F, vectors.right))
    for side, (v, g, d) in enumerate(zip(vectors, given, slope, strict=True)):
        if g is None or d is None or v.dims[-2] == v.dims[-1]:
            continue
        by_value = over(F, g, columns(F, s), columns(F, F.logical_not(zero)))
        scaled = F.select(columns(F, zero), F.div(d, columns(F, step)), by_value)
        beside = outside(F, v, scaled)
        other = F.matmul(beside, adjoint(F, vectors.right)) if side == 0 else F.matmul(vectors.left, adjoint(F, beside))
        whole = F.add(whole, other)
        leaves = beyond(F, lengths(F, outside(F, v, g)), lengths(F, g))
        wrong = F.logical_or(wrong, F.logical_and(zero, leaves))
    again = real_part(F, diagonal(F, product(F, adjoint(F, u), whole, adjoint(F, vt))))
    member = F.logical_or(zero, any_in_rows(F, pairs.two))
    differs = moved(F, whole, again, F.zeros(s.type) if gs is None else gs)
    wrong = F.logical_or(wrong, F.logical_and(member, differs))
    return conjugate(F, nan_where(F, wrong, whole)), any_of(F, wrong)


def turned_sides(F: Builder, node: Node, same: Value, zero: Value) -> Vectors:
    """Both vectors of a pair turn alike, but those of zeros, which may leave the space that they span, too."""
    u, _, vt = node.outputs
    random = scattered(F, u.type.dtype, same.dims, 0.0)
    alike = F.logical_and(same, F.logical_not(F.logical_and(columns(F, zero), rows(F, zero))))
    result = []
    for shift, v in enumerate((u, adjoint(F, vt))):
        own = scattered(F, u.type.dtype, same.dims, 2.0 + shift)
        turned = F.matmul(v, turning(F, same, F.select(alike, random, own)))
        if v.dims[-2] != v.dims[-1]:
            outward = F.broadcast_to(scattered(F, u.type.dtype, v.dims, 4.0 + shift), v.dims)
            turned = orthonormal(F, F.add(turned, F.select(columns(F, zero), outward, 0.0)))
        result.append(turned)
    return Vectors(*result)


def inner_part(F: Builder, values: Singular, pairs: Pairs, vectors: Vectors, given: Sides, slope: Sides) -> Found:
    """What stands between the vectors, without the values' own part; and which values have no derivative."""
    s, step, zero = values
    top, turn, limit = singular_numerators(F, s, vectors, given), turns(F, vectors, given), turns(F, vectors, slope)
    tangent = F.add(weighted(F, limit, s, s), weighted(F, turn, step, step))
    gap = F.mul(differences(F, s), both(F, s))
    by = F.mul(differences(F, F.mul(s, step)), 2.0)
    divided = quotients(F, pairs, top, tangent, Gaps(gap, by, F.square(s)))
    both_zero = F.logical_and(columns(F, zero), rows(F, zero))
    two = F.logical_and(both_zero, pairs.two)
    squares = differences(F, F.square(step))
    inner = F.select(two, over(F, weighted(F, limit, step, step), squares, two), divided.found)
    absent = F.logical_and(divided.absent, F.logical_not(both_zero))
    for t, g in zip(turn, given, strict=True):
        if t is not None and g is not None:
            depends = beyond(F, t, both(F, lengths(F, g)))
            absent = F.logical_or(absent, F.logical_and(two, depends))
    inner = without_diagonal(F, inner)
    wrong = any_in_rows(F, absent)
    if inner.type.is_complex:
        phases, none = phase_part(F, values, vectors, given, slope)
        inner = F.add(inner, on_diagonal(F, phases))
        wrong = F.logical_or(wrong, none)
    return inner, wrong


def phase_part(F: Builder, values: Singular, vectors: Vectors, given: Sides, slope: Sides) -> Found:
    """What turns the vectors of each pair by a phase (see ``spectra.by_phase``), and where that matters."""
    s, step, zero = values
    flags, total, size = [], F.zeros(s.type), F.zeros(s.type)
    for v, g in zip(vectors, given, strict=True):
        if g is not None:
            phase, length = F.imag(along_columns(F, v, g)), lengths(F, g)
            total, size = F.add(total, phase), F.add(size, length)
            flags.append(F.logical_and(zero, beyond(F, phase, length)))
    flags.append(beyond(F, total, size))
    share = F.zeros(s.type)
    if given.left is not None and slope.left is not None:
        by_gap = over(F, F.imag(along_columns(F, vectors.left, given.left)), s, F.logical_not(zero))
        share = F.select(zero, F.div(F.imag(along_columns(F, vectors.left, slope.left)), step), by_gap)
    wrong = flags[0]
    for flag in flags[1:]:
        wrong = F.logical_or(wrong, flag)
    return F.complex(F.zeros(s.type), share), wrong


def eigh_met(F: Builder, node: Node) -> Value:
    return any_of(F, others(F, close(F, node.outputs[0])))


def eig_met(F: Builder, node: Node) -> Value:
    w, v = node.outputs
    return F.logical_or(any_of(F, others(F, close(F, w))), any_of(F, defective(F, v)))


def svd_met(F: Builder, node: Node) -> Value:
    s = node.outputs[1]
    return F.logical_or(any_of(F, others(F, close(F, s))), any_of(F, zeros_among(F, s)))


NEEDS: Mapping[str, Callable[[Builder, Node, Slots], Value]] = {
    "eigh": eigh_needs, "eig": eig_needs, "svd": svd_needs,
}  # fmt: skip
MET: Mapping[str, Callable[[Builder, Node], Value]] = {"eigh": eigh_met, "eig": eig_met, "svd": svd_met}
LIMITS: Mapping[str, Callable[[Builder, Node, Slots, Along], Found]] = {
    "eigh": eigh_limit, "eig": eig_limit, "svd": svd_limit,
}  # fmt: skip
VALUES: Mapping[str, int] = {"eigh": 0, "eig": 0, "svd": 1}  # which output the values are
