"""Arrays written in place: values as NumPy's, gradients as the limit of differences, in both modes and orders."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override, settings
from graphc.testing import check_grads

X = np.array([1.0, 1.3, 1.15, 1.05])
A = np.arange(12.0).reshape(3, 4) / 7 + 0.5


def fresh_and_filled(x, a):
    y = np.zeros(4)
    y[0] = x[1]
    y[1:] = x[:3] * 2
    y[-1] += x[0] * y[0]
    return y


def every_kind_of_key(x, a):
    y = np.zeros((2, 3, 4))
    y[0, 1] = x
    y[1, ..., 2] = a[:, 0]
    y[:, ::-2, 1:3] += x[1:3]
    y[1, None, :2] -= a[None, :2]
    y[-1, -1, -1] = x[0] * x[1]
    y[0, 0, ::-1] = x
    y[..., 0] *= a[:2, :3]
    y[()] = y * 1.5
    return y


def positions_that_are_traced(x, a):
    y = np.zeros(x.shape[0])
    best = np.argmax(x)
    y[best] = x[0]
    y[best - 1] += x[1] ** 2
    b = a * 1.0
    b[np.argmin(x), 1:] *= x[1:]
    row = b[best]
    row += x
    return y, b


def arrays_of_positions(x, a):
    y = a * 1.0
    y[[2, 0]] = x
    y[:, [1, 1]] = a[:, :2]  # the last one stays
    y[[0, 1, 0], [3, -1, 3]] = x[:3]
    y[np.array([[0], [2]]), [0, 1]] += x[2]
    return y


def arrays_among_slices(x, a):
    y = np.zeros((2, 3, 4))
    y[:, [0, 2], 1:3] = x[1:3]
    y[0, :, [1, 1, 3]] = a[:, :3]
    y[1, [0, 1], [2, 3]] = x[:2]
    y[[0, 1], ..., [3, 0]] = x[:3]
    return y


def masks(x, a):
    y = a * 1.0
    y[y > 1.5] = 0.0
    y[a < 0.9] *= 3
    y[1, x > 1.1] = x[0]
    y[:, x > 1.1] += 1
    y2 = x * 1.0
    y2[x > 1.1] = (x[x > 1.1]) ** 2
    z = np.zeros((4, 2))
    z[x > 1.1] = a[0, :2]
    return y[:, :2], y2, z


def swapped(x, a):
    y = x.copy()
    y[0], y[1] = y[1], y[0]
    b = a.copy()
    b[[0, 1]] = b[[1, 0]]
    b[:, 0], b[:, 1] = b[:, 1].copy(), b[:, 0].copy()
    return y, b


def overlapping(x, a):
    y = x.copy()
    y[1:] += y[:-1]
    y[:-1] = y[1:] * y[:-1]
    y[:] = y[::-1]
    b = a.copy()
    b[1:, 1:] = b[:-1, :-1]
    return y, b


def through_views(x, a):
    b = a * 1.0
    row = b[1]
    row[1:] += x[1:]
    column = b[:, 2]
    column *= 2
    b.T[0, 1] = 7 * x[0]
    part = b[::2][:, ::-1]
    part[1] = x
    part -= 1
    b.reshape(-1)[5] = x[3]
    b.ravel()[::5] *= x[0]
    b.swapaxes(0, 1)[3] = x[:3]
    np.flip(b, 0)[0] += 1
    np.moveaxis(b, 0, 1)[2, 2] = x[1]
    b[None, :, None][0, 0, 0, 0] = x[2]
    b.flat[7] = x[0] * 2
    b.view()[2, 0] = x[1] * 3
    return b, row, column, part


def older_views_see_later_writes(x, a):
    b = a * 1.0
    row, turned, flat, whole = b[0], b.T, b.reshape(-1), b[...]
    before = row * 1.0
    b[:, 1] = x[:3]
    b += 1
    return before, row * 2, turned @ row[:3], flat[3:7], whole


def copies_do_not(x, a):
    b = a * 1.0
    parts = [b.copy(), b[[0, 1]], b[b > 0.7], b.T.reshape(-1), b[:, ::2].ravel(), b.flatten(), +b, b.astype(float)]
    for part in parts:
        part += x[0]  # noqa: PLW2901 (in place)
    b[0] = x
    c = b[:, 1:].reshape(9)
    c[0] = 100.0
    return b, parts[0], parts[3], parts[4], c


def names_share_the_array(x, a):
    y = x * 1.0
    z = y

    def change(u, v):
        u[0] = v[1] * 2
        v += 1
        return u

    w = change(z, y)
    return y, w is y


def rows_of_a_loop(x, a):
    y = np.zeros((3, 4))
    for k, row in enumerate(y):
        row += x * k  # noqa: PLW2901 (in place)
        row[0] *= 2
    for i in range(1, 3):
        y[i] += y[i - 1] * a[i]
    first, *_ = np.split(y, 3)
    first[:] = x
    return y


def augmented(x, a):
    y = a * 1.0
    y += x
    y -= 0.5
    y *= x
    y /= 2
    y **= 2
    y @= np.eye(4) * 2
    i = np.arange(5)
    i //= 2
    i %= 3
    i <<= 1
    i |= 1
    i ^= 3
    f = np.ones(4, np.float32)
    f += x
    m = x > 1.1
    m &= x < 1.2
    return y, i, f, np.where(m, x, 0)


def outputs(x, a):
    y = np.empty_like(a)
    z = np.multiply(a, x, out=y)
    total = np.zeros(4)
    np.sum(a, axis=0, out=total)
    a.max(axis=0, out=y[1])
    np.add(x, 1, out=y[0], where=x > 1.1)
    np.exp(x, y[2])
    np.cumsum(x, out=total[:])
    np.clip(y, 0.2, 2.0, out=y)
    low, high = np.empty(4), np.empty(4)
    np.modf(x + 0.07, low, high)
    return y, z is y, total, low


def functions_that_write(x, a):
    y, b = x * 1.0, a * 1.0
    y.fill(x[0])
    np.copyto(b, x, where=a > 1)
    np.put(b, [0, -1, 5], x)
    b.put([2, 2], [x[0], x[1]])
    np.putmask(b, a > 1.8, a * x)
    np.place(b, a < 0.8, [x[0], x[2]])
    np.fill_diagonal(b, x[:3])
    np.put_along_axis(b, np.array([[1], [0], [2]]), x[3], axis=1)
    np.copyto(y[1:], x[0])
    return y, b


def added_at(x, a):
    y = np.zeros(5)
    np.add.at(y, [0, 0, 1, 4], x)
    np.subtract.at(y, [4, 4], x[:2])
    np.multiply.at(y, slice(0, 3), 2.0)
    b = a * 1.0
    np.add.at(b, ([0, 0, 2], [1, 1, 3]), x[:3])
    np.maximum.at(b, 1, x)
    np.add.at(b, (slice(None), [0, 0]), 1.0)
    np.multiply.at(y, [4, 1, 4], x[1:])
    np.minimum.at(y, np.array([[3, 0], [3, 2]]), x.reshape(2, 2) * 0.5)
    np.divide.at(b, ([0, 0, 2], [1, 1, 3]), 1.0 + x[0])
    np.negative.at(b, [1, 1, 2])
    return y, b


def made_of_constants_first(x, a):
    steps = np.arange(4) * 0.5
    steps[0] = 3.0
    grid = np.linspace(0, 1, 4)
    view = grid[1:]
    line = view.reshape(3, 1)
    line += 1
    before = grid * x
    view[0] = x[0]
    unit = np.eye(3)
    unit[0] += x[:3]
    mixed = np.array([x[0], 1.0, x[2]])
    mixed[1] = x[1]
    table = np.full((2, 4), 2.0)
    table[1, [0, 2]] = x[:2]
    counts = np.zeros(3, dtype=int)
    counts[np.array([0, 2])] += 5
    numbers = [int(c) for c in counts] + [len(grid), float(steps[0])]
    return steps * x, before, grid, line * 1.0, unit, mixed, table, counts, numbers


def numbers_stay_numbers(x, a):
    total = 0.0
    for i in range(3):
        total += x[i] ** 2
    alias = total
    total *= 2
    zero = np.zeros(())
    same = zero
    same += x[0]
    zero[...] += 1
    zero[x[0] > 5] = 7.0
    zero[zero > 1] = x[1]
    return total, alias, zero * 1.0


def arguments_are_copies(x, a):
    before = x * 1.0
    x[0] = 9.0 * a[0, 0]
    a += x
    return before, x * 2, a


def casts(x, a):
    i = np.zeros(4, dtype=int)
    i[0] = 3.7
    i[1:3] = a[0, :2] * 10
    f = np.zeros(4, np.float32)
    f[:] = x
    return i, f


def empty_is_zero(x, a):
    y = np.empty(4)
    y[1] = x[0]
    return y


PROGRAMS = [
    fresh_and_filled, every_kind_of_key, positions_that_are_traced, arrays_of_positions, arrays_among_slices, masks,
    swapped, overlapping, through_views, older_views_see_later_writes, copies_do_not, names_share_the_array,
    rows_of_a_loop, augmented, outputs, functions_that_write, added_at, made_of_constants_first, numbers_stay_numbers,
    arguments_are_copies, casts,
]  # fmt: skip
compiled = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")


def leaves(result):
    return list(result) if isinstance(result, tuple) else [result]


@compiled
@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_values_are_numpys(f):
    expected, x, a = leaves(f(X.copy(), A.copy())), X.copy(), A.copy()
    found = leaves(graphc.jit(f)(x, a))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(a, A)


def smooth(f):
    """The floating results alone."""

    def g(x, a):
        return [r * 1.0 for r in leaves(f(x, a)) if not isinstance(r, bool | list) and r.dtype == np.float64]

    return g


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_derivatives_are_the_limits_of_differences(f):
    with override(disable_jit=True):
        check_grads(smooth(f), (X, A), order=2)


@compiled
@pytest.mark.parametrize("f", [through_views, arrays_of_positions, masks], ids=lambda f: f.__name__)
def test_compiled_derivatives(f):
    check_grads(smooth(f), (X, A), order=1)


@compiled
def test_what_was_never_written_is_zero():
    np.testing.assert_array_equal(graphc.jit(empty_is_zero)(X, A), [0, 1, 0, 0])


@compiled
def test_one_program_serves_all_sizes():
    def f(x):
        y = np.zeros(x.shape[0] + 1)
        y[1:-1] = x[1:]
        y[0] = 2.0
        z = np.zeros_like(x)
        z[::2] = x[::2]
        row = z.reshape(1, -1)[0]
        row += 1
        return y[:-1] + z

    g = graphc.jit(f)
    for n in (4, 7, 30):
        x = np.linspace(1, 2, n)
        np.testing.assert_allclose(g(x), f(x))
    assert g.cache_info()["programs"] == 1


@compiled
def test_an_index_outside_is_found_when_the_program_runs():
    def f(x, i):
        y = x * 1.0
        y[i] = 0.0
        return y

    g = graphc.jit(f)
    np.testing.assert_array_equal(g(X, np.array([-4, 1])), f(X, np.array([-4, 1])))
    with pytest.raises(IndexError):
        g(X, np.array([4, 1]))


@compiled
def test_a_gradient_inside_does_not_write_outside():
    def f(x):
        def inner(y):
            y[0] = y[1] * 3
            return np.sum(y**2)

        return graphc.grad(inner)(x) + x

    np.testing.assert_allclose(graphc.jit(f)(X), np.array([0, 20 * X[1], 2 * X[2], 2 * X[3]]) + X)


@compiled
def test_a_view_whose_memory_is_not_known_is_refused_when_it_is_written():
    def f(x):
        turned = (x.T * 2.0).reshape(-1)
        turned[0] = 1.0
        return turned

    with pytest.raises(graphc.UnsupportedError, match="lies in memory"):
        graphc.jit(f)(A)


def test_reads_make_no_other_graph():
    """Without writes, the views leave nothing in the graph but what was read."""

    def f(x):
        return x[1:].reshape(-1, 1).T.sum() + x[0]

    ops = [
        line.split(" = ")[1].split()[0] for line in str(graphc.jit(f).graph("traced", X)).splitlines() if " = " in line
    ]
    assert ops == ["slice", "reshape", "transpose", "sum", "slice", "reshape", "add"]


KEPT = []


@compiled
def test_constants_that_are_kept_outside_are_numpys():
    KEPT.clear()

    def f(x):
        table = np.arange(3.0)
        table[1] = 7.0
        KEPT.append(table)
        lookup = {int(i): "even" for i in np.arange(4)[::2]}
        KEPT.extend([isinstance(table, np.ndarray), len(lookup) == len(table) - 1])
        return x[:3] * table + np.linalg.solve(np.eye(3) * 2, table)

    np.testing.assert_allclose(graphc.jit(f)(X), X[:3] * [0, 7, 2] + [0, 3.5, 1])
    assert type(KEPT[0]) is np.ndarray
    np.testing.assert_array_equal(KEPT[0], [0, 7, 2])
    assert KEPT[1:] == [True, True]


@compiled
def test_batches():
    def f(x, i, a):
        y = np.zeros((5, 2))
        y[i] = x[:, None] * a
        y[[0, 1]] += x[:2, None]
        np.add.at(y, i, 1.0)
        y[i[0]] *= 2
        b = np.zeros((2, 3, 4))
        b[:, i[:2], i[1:3]] = x[:2]
        return y, b[..., ::-1]

    x, i, a = np.arange(9.0).reshape(3, 3), np.array([[0, 2, 0], [1, 1, 1], [2, 0, 1]]), np.array([1.0, 2.0])
    for axes, indices in (((0, 0, None), i), ((0, None, None), i[0])):
        found = graphc.vmap(f, in_axes=axes)(x, indices, a)
        each = [f(row, index, a) for row, index in zip(x, i if axes[1] == 0 else [i[0]] * 3, strict=True)]
        for ours, theirs in zip(found, zip(*each, strict=True), strict=True):
            np.testing.assert_allclose(ours, np.stack(theirs))


def transposed_by_einsum(y):
    view = np.einsum("ij->ji", y)
    view[0, 1] = 50.0
    return view, y


def diagonal_by_einsum(y):
    view = np.einsum("ii->i", y)
    y[0, 0] = 50.0
    view[1:] *= 2.0
    return view, y


def sum_by_einsum(y):
    total = np.einsum("ij->i", y)
    y[0, 0] = 50.0
    return total, y


def broadcast_together(y):
    first, second = np.broadcast_arrays(y[0], y)
    y[0, 1] = 50.0
    return first * 1.0, second * 1.0


def grids_of_one_memory(y):
    line = y[0]
    across, down = np.meshgrid(line, line, copy=False)
    line[1] = 50.0
    return across * 1.0, down * 1.0


def grids(y):
    line = y[0]
    across, down = np.meshgrid(line, line)
    line[1] = 50.0
    return across, down


@pytest.mark.parametrize(
    "function",
    [transposed_by_einsum, diagonal_by_einsum, sum_by_einsum, broadcast_together, grids_of_one_memory, grids],
)
def test_results_that_share_memory_with_arguments(function):
    x = np.arange(9.0).reshape(3, 3)
    for ours, numpys in zip(graphc.jit(lambda x: function(x.copy()))(x), function(x.copy()), strict=True):
        np.testing.assert_array_equal(ours, numpys)


def test_positions_that_are_counted_are_checked_where_they_may_be_outside():
    """Of a length of their own: what they count is known in the program, and is checked there."""

    def filled(x, marks):
        y = x.copy()
        y[np.arange(len(marks))] += marks
        y[np.diag_indices(len(x), 1)] *= 2.0
        return y

    compiled = graphc.jit(filled)
    for length in (2, 3):
        marks = np.arange(1.0, 1.0 + length)
        np.testing.assert_array_equal(compiled(np.ones(3), marks), filled(np.ones(3), marks))
    with pytest.raises(graphc.errors.IndexRangeError, match="axis 0 with size 3"):
        compiled(np.ones(3), np.ones(4))


def test_what_is_made_of_a_number_is_new_memory():
    """``ravel`` of a sum is an array of its own; of an array without dimensions it is a view."""

    def written(x):
        total, array = np.sum(x) + 0.0, np.array(x[0])
        total.ravel()[0] = 7.0
        array.reshape(1)[0] += 1.0
        return total, array

    with override(disable_jit=True):
        found, _ = graphc.vjp(written, np.ones(3))
    np.testing.assert_array_equal(found, written(np.ones(3)))
