"""What a mask of its own selects in each element of a batch: values beside NumPy's loop, derivatives beside
differences, and what has no shape in a batch."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.errors import IndexRangeError, NumberError, UnsupportedError
from graphc.testing import check_grads

M = np.random.default_rng(3).normal(size=(4, 6))


def chosen(r):
    return r[r > -0.4]


def shrunk(r):
    q = chosen(r)
    q[q > 0.5] = 0.5 * r[0]
    return np.sum(q**2)


def bins(r):
    total = 0.0
    for k in range(3):
        inside = (r > k - 1) & (r <= k)
        total += np.sum(r[inside] ** 2) * (k + 1)
    return total


def one_of_two(r):
    return np.mean(r[r > 0] ** 2) if np.sum(r) > 0 else np.sum(r[r < 0])


def spread_out(r):
    found = np.zeros_like(r)
    inside = r > -0.4
    found[inside] = np.cumsum(r[inside] ** 2)
    return np.sum(found * r)


def twice_written(r):
    found = np.zeros_like(r)
    found[(2 * r[r > 0]).astype(int)] = r[r > 0]
    return np.sum(found * r)


IN_PLACE = {  # whatever the order of the entries is
    "sum": lambda r: np.sum(chosen(r) ** 2),
    "mean": lambda r: chosen(r).mean() * chosen(r).size,
    "logarithms": lambda r: np.sum(np.log(r[r > 0])),
    "prod": lambda r: np.prod(chosen(r)),
    "max": lambda r: np.max(chosen(r)) - np.min(chosen(r)),
    "std": lambda r: np.std(chosen(r)),
    "moment": lambda r: np.mean((chosen(r) - np.mean(chosen(r))) ** 3),
    "norm": lambda r: np.linalg.norm(chosen(r)),
    "dot": lambda r: chosen(r) @ np.sin(chosen(r)),
    "beside": lambda r: np.sum(chosen(r) * np.exp(r)[r > -0.4]),
    "positions": lambda r: np.sum(r[np.flatnonzero(r > 0)] ** 3),
    "shifted positions": lambda r: np.sum(r[np.nonzero(r[:-1] > 0)[0] + 1] ** 3),
    "pairs": lambda r: np.sum(np.cos(chosen(r)[:, None] - chosen(r))),
    "rows": lambda r: np.sum(np.outer(r, r**2)[r > 0.1] @ r),
    "columns": lambda r: np.sum(np.outer(r, r**2)[:, r > 0.1] @ np.outer(r, r)[r > 0.1]),
    "of a matrix": lambda r: np.sum(np.outer(r, r)[np.outer(r, r) > 0.1] ** 2),
    "any": lambda r: np.sum(r) * np.any(chosen(r) > 1.0) + np.sum(r**2) * np.all(chosen(r) < 1.5),
    "of what is chosen": lambda r: np.sum(np.exp(chosen(r)[chosen(r) ** 2 < 0.9])),
    "written": shrunk,
    "in a loop": bins,
    "in a branch": one_of_two,
}
IN_ORDER = {
    "first": lambda r: chosen(r)[0] * 2 + chosen(r)[-1],
    "differences": lambda r: np.sum(np.diff(chosen(r)) ** 2),
    "backwards": lambda r: np.sum(np.cumsum(chosen(r)[::-1]) ** 2),
    "end": lambda r: np.sum(chosen(r)[-2:] ** 2) + chosen(r)[1:-1][0] * r[2],
    "every other": lambda r: np.sum(chosen(r)[1::2] ** 2) + np.sum(np.outer(chosen(r), r)[1:, 2:] ** 3),
    "beginning": lambda r: np.sum(chosen(r)[:2] ** 2),
    "numbered": lambda r: np.sum(chosen(r) ** 2 * np.arange(chosen(r).size)),
    "cumsum": lambda r: np.sum(np.cumsum(chosen(r)) ** 2),
    "cumprod": lambda r: np.sum(np.cumprod(chosen(r)) * np.arange(chosen(r).size)),
    "sorted": lambda r: np.sort(chosen(r))[-1] * 2 + np.sort(chosen(r))[0] ** 2,
    "products of sorted": lambda r: np.sum(np.outer(np.sort(chosen(r)), r) @ r),
    "products of logarithms": lambda r: np.sum(np.outer(np.log(r[r > 0]), r) @ r),
    "argmax": lambda r: np.argmax(chosen(r)) * r[0] + chosen(r)[np.argmin(chosen(r))],
    "joined": lambda r: np.sum(np.cumsum(np.concatenate([r, chosen(r)])) ** 2),
    "of what is first": lambda r: np.sum(np.cumsum(chosen(r)[1:][chosen(r)[1:] < 0.9])),
    "joined behind": lambda r: np.sum(np.cumsum(np.concatenate([chosen(r), r, r[r > 0]])) * r[0]),
    "joined rows": lambda r: np.sum(
        np.cumsum(np.concatenate([np.outer(chosen(r), r), np.eye(6), np.outer(r, r)[r < 0]]), 0)
    ),
    "appended": lambda r: np.sort(np.append(chosen(r), 0.5))[0] + np.append(chosen(r), r[1] ** 2)[-1],
    "written out": spread_out,
    "written out, twice": lambda r: np.sum(spread_out(chosen(r)) * r),
}


@pytest.mark.parametrize("name", [*IN_PLACE, *IN_ORDER])
def test_values_and_derivatives(name):
    f = (IN_PLACE | IN_ORDER)[name]
    batched = graphc.vmap(f)
    np.testing.assert_allclose(batched(M), [f(r) for r in M], rtol=1e-12, atol=1e-12)
    check_grads(lambda m: np.sum(batched(m) ** 2), (M,), order=2, modes=("fwd", "rev"))
    each = np.stack([graphc.grad(f)(r) for r in M])
    np.testing.assert_allclose(graphc.vmap(graphc.grad(f))(M), each, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", IN_PLACE)
def test_entries_keep_their_places_where_nothing_asks_for_their_order(name):
    program = graphc.jit(graphc.vmap(IN_PLACE[name]))
    names = program.graph("traced", M).op_names
    assert "mask_indices" not in names
    assert "cumsum" not in names


def test_batches_of_batches():
    both = np.stack([M, 2 * M])
    want = [[chosen(r).std() for r in m] for m in both]
    np.testing.assert_allclose(graphc.vmap(graphc.vmap(lambda r: chosen(r).std()))(both), want)
    hessians = graphc.vmap(graphc.hessian(lambda r: np.sum(chosen(r) ** 3)))(M)
    np.testing.assert_allclose(hessians, [np.diag(np.where(r > -0.4, 6 * r, 0)) for r in M])


def test_what_is_left_out_does_no_harm():
    """Neither the NaN among them, nor what functions make of other entries, reaches a value or a derivative."""
    data = np.array([[np.nan, 1.0, 2.0], [3.0, np.nan, -1.0]])
    known = graphc.vmap(lambda r: np.sum(r[~np.isnan(r)] ** 2))
    np.testing.assert_allclose(known(data), [5.0, 10.0])
    np.testing.assert_allclose(graphc.grad(lambda m: np.sum(known(m)))(data), [[0, 2, 4], [6, 0, -2]])
    roots = graphc.vmap(graphc.grad(lambda r: np.sum(np.sqrt(r[r > 0]))))
    np.testing.assert_allclose(roots(np.array([[0.0, 4.0, -1.0]])), [[0.0, 0.25, 0.0]])
    products = graphc.vmap(lambda r: r[~np.isnan(r)] @ np.array([1.0, 2.0, 4.0])[~np.isnan(r)])
    np.testing.assert_allclose(products(data), [10.0, -1.0])
    np.testing.assert_allclose(graphc.vmap(lambda r: np.sort(r[r < 2])[-1])(data), [1.0, -1.0])


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32, np.complex128, bool])
def test_other_kinds_of_numbers(dtype):
    data = (M * 3).astype(dtype)

    def total(r):
        return np.sum(r[np.abs(r) > 1]) if dtype is not bool else np.sum(r[r])

    found = graphc.vmap(total)(data)
    want = np.stack([total(r) for r in data])
    assert found.dtype == want.dtype
    np.testing.assert_allclose(found, want, rtol=1e-6)
    if dtype not in (np.complex128, bool):
        extremes = graphc.vmap(lambda r: (np.max(r[r < 2]), np.min(r[r > -2]), np.sort(r[r > -2])[0]))(data)
        for column, f in zip(extremes, (lambda r: max(r[r < 2]), lambda r: min(r[r > -2])), strict=False):
            np.testing.assert_array_equal(column, [f(r) for r in data])
        np.testing.assert_array_equal(extremes[2], [min(r[r > -2]) for r in data])


def test_masks_without_elements():
    nothing = np.zeros((3, 0))
    np.testing.assert_array_equal(graphc.vmap(lambda r: np.sum(chosen(r)))(nothing), np.zeros(3))
    np.testing.assert_array_equal(graphc.vmap(lambda r: np.sum(np.sort(chosen(r))))(nothing), np.zeros(3))
    none = -np.ones((3, 2))
    np.testing.assert_array_equal(graphc.vmap(lambda r: np.sum(chosen(r)))(none), np.zeros(3))
    with pytest.raises(NumberError, match="the mask selects none"):
        graphc.vmap(lambda r: np.max(chosen(r)))(np.array([[1.0, 2.0], [-1.0, -1.0]]))
    with pytest.raises(IndexRangeError):  # the second element has one entry: its own, not one beside it
        graphc.vmap(lambda r: chosen(r)[1])(np.array([[1.0, 2.0], [1.0, -1.0]]))


@pytest.mark.parametrize(
    ("f", "reason"),
    [
        (chosen, "the results would have different lengths"),
        (lambda r: sum(v**2 for v in chosen(r)), "a loop or branch reads them"),
        (twice_written, "they are written to places that could be the same"),
    ],
)
def test_what_has_no_shape_in_a_batch_is_refused(f, reason):
    with pytest.raises(UnsupportedError, match=reason) as error:
        graphc.vmap(f)(M)
    assert "test_batch_masks.py" in str(error.value)
    assert "np.where(mask, x, 0)" in str(error.value)


def test_a_mask_that_all_share_selects_as_ever():
    mask = np.array([True, False, True, True, False, True])
    np.testing.assert_allclose(graphc.vmap(lambda r: r[mask][::-1] ** 2)(M), M[:, mask][:, ::-1] ** 2)
