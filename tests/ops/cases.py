"""Inputs and attrs for every op that is not pointwise, with the value that NumPy (or a plain loop) gives.

An op without cases fails the test. ``orders``: how many derivatives are checked; 0 for an op that has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.ir.types import F64
from tests.ops.case import RNG, Case, distinct, normal
from tests.ops.complex_matrix_cases import ALL_MATRIX_CASES
from tests.ops.fourier_cases import FOURIER_CASES
from tests.ops.window_cases import WINDOW_CASES


def with_zeros(zeros: tuple[tuple[int, ...], ...], *shape: int) -> np.ndarray:
    x = RNG.uniform(0.5, 1.5, shape) * RNG.choice([-1.0, 1.0], shape)
    for place in zeros:
        x[place] = 0.0
    return x


# --- folds ------------------------------------------------------------------------------------------------------------


def folds(function: Callable[..., Any], make: Callable[..., np.ndarray], orders: int) -> list[Case]:
    """Every choice of axes, size-1 axes, and no elements to fold over or to give."""
    shapes = [((4,), (0,)), ((2, 3), (0,)), ((2, 3), (1,)), ((2, 3), (0, 1)), ((2, 1, 3), (0, 2)), ((2, 1, 3), (1,))]
    shapes += [((0, 3), (1,)), ((2, 0, 2), (0, 2))]
    if function not in (np.max, np.min):
        shapes += [((0,), (0,)), ((3, 0), (1,)), ((0, 3), (0, 1))]
    return [
        Case((make(*shape),), lambda x, axes=axes: function(x, axis=axes), {"axes": axes}, orders)
        for shape, axes in shapes
    ]


def product_by_loop(axes: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.prod(x, axis=axes)


def products_with_zeros() -> list[Case]:
    """None, one, two and three zeros in a fold, to the third order."""
    lines = [(), ((1,),), ((0,), (3,)), ((0,), (1,), (2,))]
    cases = [Case((with_zeros(z, 4),), product_by_loop((0,)), {"axes": (0,)}, 3) for z in lines]
    table = with_zeros(((0, 0), (1, 1), (1, 2)), 2, 3)
    return [*cases, Case((table,), product_by_loop((1,)), {"axes": (1,)}), Case((table,), np.prod, {"axes": (0, 1)})]


def truths(*shape: int) -> np.ndarray:
    return RNG.random(shape) < 0.5


def positions(function: Callable[..., Any]) -> list[Case]:
    nan, inf = np.nan, np.inf
    lines = [[3.0, 1.0, 3.0, 1.0], [nan, 1.0, nan], [1.0, nan, 5.0, nan, -9.0], [-inf, -inf], [inf, inf], [2.0]]
    cases = [Case((np.array(x),), function, {"axes": (0,)}, 0) for x in lines]
    ints = np.array([[3, 1, 3], [0, 0, -2]])
    for axis in (0, 1):
        for x in (normal(3, 4), ints, ints > 0, normal(0, 2) if axis else normal(2, 0)):
            cases.append(Case((x,), lambda x, axis=axis: function(x, axis=axis), {"axes": (axis,)}, 0))
    return cases


# --- scans ------------------------------------------------------------------------------------------------------------


def scan_by_loop(
    step: Callable[..., np.ndarray], init: float, axis: int, reverse: bool, exclusive: bool
) -> Callable[..., np.ndarray]:
    def expected(*arrays: np.ndarray) -> np.ndarray:
        rows = [np.moveaxis(a, axis, 0) for a in arrays]
        result = np.empty_like(rows[-1])
        state = np.full(result.shape[1:], init)
        for i in range(len(result))[:: -1 if reverse else 1]:
            fresh = step(state, *(row[i] for row in rows))
            result[i] = state if exclusive else fresh
            state = fresh
        return np.moveaxis(result, 0, axis)

    return expected


def scans(
    step: Callable[..., np.ndarray], init: float, inputs: list[tuple[np.ndarray, ...]], orders: int
) -> list[Case]:
    cases = []
    for arrays in inputs:
        for reverse in (False, True):
            for exclusive in (False, True):
                axis = arrays[0].ndim - 1 if reverse else 0
                attrs = {"axis": axis, "reverse": reverse, "exclusive": exclusive}
                cases.append(Case(arrays, scan_by_loop(step, init, **attrs), attrs, orders))
    return cases


ONE_INPUT = [(normal(4),), (normal(2, 3),), (normal(1),), (normal(0),), (normal(2, 0),)]
PRODUCTS = [*ONE_INPUT[1:], (with_zeros(((1,),), 4),), (with_zeros(((0,), (2,)), 4),)]
RECURRENCES = [(normal(4), normal(4)), (normal(2, 3), normal(2, 3)), (normal(0), normal(0)), (normal(1), normal(1))]
RECURRENCES += [(with_zeros(((2,),), 4), with_zeros(((0,),), 4))]


# --- positions --------------------------------------------------------------------------------------------------------


def index(*numbers: Any) -> np.ndarray:
    return np.array(numbers, np.int64)


def gather_case(x: np.ndarray, axes: tuple[int, ...], *indices: np.ndarray, key: Any) -> Case:
    return Case((x, *indices), lambda x, *_: x[key], {"axes": axes, "checked": True})


I, J = index(1, 0, 1, 2), index(0, 1, 1, 0)  # noqa: E741
GATHERS = [
    gather_case(normal(3), (0,), I, key=I),
    gather_case(normal(3), (0,), np.array(2), key=2),
    gather_case(normal(3), (0,), index(), key=index()),
    gather_case(normal(0, 2), (0,), index(), key=index()),
    gather_case(normal(3, 2), (0,), I, key=I),
    gather_case(normal(2, 3), (1,), I, key=(slice(None), I)),
    gather_case(normal(2, 3), (1,), I.reshape(2, 2), key=(slice(None), I.reshape(2, 2))),
    gather_case(normal(3, 2), (0, 1), I, J, key=(I, J)),
    gather_case(normal(3, 2), (0, 1), I[:, None], index(1, 0), key=np.ix_(I, [1, 0])),
    gather_case(normal(2, 3, 2), (1, 2), I, J, key=(slice(None), I, J)),
    gather_case(normal(3, 2, 2), (0, 1), np.array(2), J, key=(2, J)),
    Case(
        (normal(3, 2, 2), I, J),
        lambda x, i, j: x[i, :, j],
        {"axes": (0, 2), "checked": True},
    ),
]


def scatter_by_loop(axes: tuple[int, ...], dims: tuple[int, ...]) -> Callable[..., np.ndarray]:
    """Each update in turn, one element at a time."""

    def expected(updates: np.ndarray, *indices: np.ndarray) -> np.ndarray:
        joined = np.broadcast_arrays(*indices)
        own = joined[0].ndim
        result = np.zeros(dims)
        for place in np.ndindex(updates.shape):
            inner = place[axes[0] : axes[0] + own]
            rest = list(place[: axes[0]] + place[axes[0] + own :])
            target = [int(joined[axes.index(a)][inner]) if a in axes else rest.pop(0) for a in range(len(dims))]
            result[tuple(target)] += updates[place]
        return result

    return expected


def scatter_case(updates: np.ndarray, axes: tuple[int, ...], dims: tuple[int, ...], *indices: np.ndarray) -> Case:
    attrs = {"axes": axes, "dims": dims, "checked": True}
    return Case((updates, *indices), scatter_by_loop(axes, dims), attrs)


SCATTERS = [
    scatter_case(normal(4), (0,), (3,), I),
    scatter_case(normal(), (0,), (3,), np.array(2)),
    scatter_case(normal(0), (0,), (3,), index()),
    scatter_case(normal(4, 2), (0,), (3, 2), I),
    scatter_case(normal(2, 2, 2), (1,), (2, 3), I.reshape(2, 2)),
    scatter_case(normal(4), (0, 1), (3, 2), I, J),
    scatter_case(normal(4, 2), (0, 1), (3, 2), I[:, None], index(1, 0)),
    scatter_case(normal(4, 2), (0, 2), (3, 2, 2), I, J),
]

MASKS = [truths(5), truths(2, 3), np.zeros(3, bool), np.zeros((0, 2), bool), np.array(True), np.ones(4, bool)]


# --- movement ---------------------------------------------------------------------------------------------------------


def slice_case(x: np.ndarray, starts: Any, steps: Any, dims: Any, key: Any) -> Case:
    return Case((x,), lambda x: x[key], {"starts": starts, "steps": steps, "dims": dims})


def embed_case(x: np.ndarray, starts: Any, steps: Any, dims: Any, key: Any) -> Case:
    def expected(x: np.ndarray) -> np.ndarray:
        result = np.zeros(dims)
        result[key] = x
        return result

    return Case((x,), expected, {"starts": starts, "steps": steps, "dims": dims})


REVERSED = np.s_[::-1, 1::2]
MOVEMENT = {
    "broadcast_to": [
        Case((normal(*shape),), lambda x, dims=dims: np.broadcast_to(x, dims), {"dims": dims})
        for shape, dims in [((3,), (2, 3)), ((2, 1), (2, 3)), ((), (2,)), ((1,), (0,)), ((2, 1, 1), (2, 1, 3))]
    ],
    "reshape": [
        Case((normal(*shape),), lambda x, dims=dims: np.reshape(x, dims), {"dims": dims})
        for shape, dims in [((2, 3), (6,)), ((6,), (3, 2)), ((), (1, 1)), ((1,), ()), ((0, 2), (5, 0))]
    ],
    "transpose": [
        Case((normal(*shape),), lambda x, perm=perm: np.transpose(x, perm), {"perm": perm})
        for shape, perm in [((2, 3), (1, 0)), ((2, 1, 3), (2, 0, 1)), ((), ()), ((0, 2), (1, 0))]
    ],
    "slice": [
        slice_case(normal(5), (1,), (1,), (3,), np.s_[1:4]),
        slice_case(normal(5), (4,), (-2,), (3,), np.s_[::-2]),
        slice_case(normal(3, 4), (2, 1), (-1, 2), (3, 2), REVERSED),
        slice_case(normal(5), (5,), (1,), (0,), np.s_[5:]),
        slice_case(normal(), (), (), (), ()),
    ],
    "embed": [
        embed_case(normal(3), (1,), (1,), (5,), np.s_[1:4]),
        embed_case(normal(3), (4,), (-2,), (5,), np.s_[::-2]),
        embed_case(normal(3, 2), (2, 1), (-1, 2), (3, 4), REVERSED),
        embed_case(normal(0), (2,), (1,), (3,), np.s_[2:2]),
    ],
    "concat": [
        Case(tuple(normal(*s) for s in shapes), lambda *xs, axis=axis: np.concatenate(xs, axis), {"axis": axis})
        for shapes, axis in [([(2,), (3,)], 0), ([(2, 1), (2, 2), (2, 0)], 1), ([(1, 2), (2, 2)], 0), ([(3,)], 0)]
    ],
}


def written(x: np.ndarray, v: np.ndarray, place: Any, *, added: bool) -> np.ndarray:
    result = x.copy()
    result[place] = result[place] + v if added else v
    return result


BLOCK_PLACES = [
    ((5,), (1,), (2,), (1,), np.s_[1:3]),
    ((5,), (4,), (2,), (-2,), np.s_[4:1:-2]),
    ((3, 4), (2, 1), (1, 2), (1, 2), np.s_[2:3, 1:4:2]),
    ((3, 4), (0, 0), (0, 4), (1, 1), np.s_[0:0]),
    ((), (), (), (), ()),
]
READS = [
    Case((normal(*dims), *map(np.int64, starts)), lambda x, *_, place=place: x[place],
         {"steps": steps, "dims": block})
    for dims, starts, block, steps, place in BLOCK_PLACES
]  # fmt: skip


def writes(added: bool) -> list[Case]:
    return [
        Case((normal(*dims), normal(*block), *map(np.int64, starts)),
             lambda x, v, *_, place=place: written(x, v, place, added=added), {"steps": steps})
        for dims, starts, block, steps, place in BLOCK_PLACES
    ]  # fmt: skip


SCATTER_PLACES = [
    ((5,), (3,), (0,), (np.array([4, 0, 4]),)),
    ((3, 4), (2, 4), (0,), (np.array([2, 0]),)),
    ((3, 4), (3, 2), (1,), (np.array([1, 1]),)),
    ((3, 2, 4), (2, 2, 2), (0, 2), (np.array([[0], [2]]), np.array([3, 3]))),
    ((3, 4), (4,), (0,), (np.array(1),)),
    ((3, 4), (0, 4), (0,), (np.zeros(0, int),)),
]


def scattered(x: np.ndarray, v: np.ndarray, *indices: np.ndarray, axes: tuple[int, ...], added: bool) -> np.ndarray:
    """One element of the index arrays after another."""
    result, own = x.copy(), np.broadcast_shapes(*(i.shape for i in indices))
    for place in np.ndindex(own):
        key: list[Any] = [slice(None)] * x.ndim
        for axis, index in zip(axes, indices, strict=True):
            key[axis] = np.broadcast_to(index, own)[place]
        part = np.moveaxis(v, range(axes[0], axes[0] + len(own)), range(len(own)))[place]
        result[tuple(key)] = result[tuple(key)] + part if added else part
    return result


def scattering(added: bool) -> list[Case]:
    return [
        Case((normal(*dims), normal(*block), *indices),
             lambda x, v, *i, axes=axes: scattered(x, v, *i, axes=axes, added=added), {"axes": axes})
        for dims, block, axes, indices in SCATTER_PLACES
    ]  # fmt: skip


CASES: dict[str, list[Case]] = {
    **ALL_MATRIX_CASES,
    **FOURIER_CASES,
    "const": [Case((), lambda: np.array(2.5), {"value": 2.5, "dtype": F64, "weak": False}, 0)],
    "dim": [Case((), lambda: np.array(3), {"dim": 3}, 0)],
    "iota": [Case((), lambda: np.indices((2, 3))[1], {"dims": (2, 3), "axis": 1}, 0)],
    "sum": folds(np.sum, normal, 2),
    "prod": folds(np.prod, normal, 2) + products_with_zeros(),
    "max": folds(np.max, distinct, 2),
    "min": folds(np.min, distinct, 2),
    "any": folds(np.any, truths, 0),
    "all": folds(np.all, truths, 0),
    "argmax": positions(np.argmax),
    "argmin": positions(np.argmin),
    "cumsum": scans(lambda s, x: s + x, 0.0, ONE_INPUT, 2),
    "cumprod": scans(lambda s, x: s * x, 1.0, PRODUCTS, 3),
    "linear_scan": scans(lambda s, a, b: a * s + b, 0.0, RECURRENCES, 3),
    **MOVEMENT,
    "checked_index": [Case((np.array([0, 3, 1]),), lambda i: i, {"axis": 1, "size": 4}, 0)],
    "gather": GATHERS,
    "scatter_add": SCATTERS,
    "bind_size": [Case((np.int64(3),), lambda n: n, {"symbol": "t"}, 0)],
    "read": READS,
    "update": writes(added=False),
    "accumulate": writes(added=True),
    "scatter_update": scattering(added=False),
    "scatter_accumulate": scattering(added=True),
    "mask_indices": [Case((m,), np.flatnonzero, {"symbol": "m"}, 0) for m in MASKS],
    **WINDOW_CASES,
    "matmul": [
        Case((normal(*a), normal(*b)), lambda a, b: np.einsum("...ij,...jk->...ik", a, b))
        for a, b in [((2, 3), (3, 2)), ((1, 2), (2, 1)), ((2, 2, 3), (2, 3, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 2))]
    ],
}
