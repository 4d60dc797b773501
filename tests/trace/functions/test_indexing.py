"""``x[key]`` against NumPy: every form of key, sizes kept symbolic, and the guards hold for other sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.errors import IndexRangeError, ShapeError, UnsupportedError
from graphc.ir.dims import symbol
from graphc.ir.graph import Value
from graphc.ir.interp import interpret
from graphc.trace.functions import METHODS
from graphc.trace.functions.indexing import getitem
from tests.trace.functions.support import check, numpy_call, trace

rng = np.random.default_rng(1)
CUBE = rng.normal(size=(4, 5, 6))
BIGGER = rng.normal(size=(7, 9, 8))


class Placeholder:
    """Stands in a key for the next array argument; its text is the same in every test process."""

    def __repr__(self) -> str:
        return "ARRAY"


ARRAY = Placeholder()


def fill(key, arrays):
    arrays = iter(arrays)
    parts = tuple(next(arrays) if part is ARRAY else part for part in (key if isinstance(key, tuple) else (key,)))
    return parts if isinstance(key, tuple) else parts[0]


def check_key(key, x, *indices, again=()):
    return check(
        lambda F, a, *values: getitem(F, a, fill(key, values)), lambda a, *i: a[fill(key, i)], x, *indices, again=again
    )


BASIC = [
    0, -1, 3, np.s_[1:], np.s_[:-1], np.s_[1:-1], np.s_[::2], np.s_[1::2], np.s_[::-1], np.s_[::-2], np.s_[-2::-1],
    np.s_[3:0:-1], np.s_[3:0:-2], np.s_[2:2], np.s_[3:1], np.s_[10:], np.s_[:10], np.s_[-10:], np.s_[:-10],
    np.s_[-3:-1], np.s_[..., 0], np.s_[..., -2:], np.s_[0, ...], np.s_[None], np.s_[:, None], np.s_[..., None],
    np.s_[None, 0, ..., None, 1:], np.s_[1, 2, 3], np.s_[-1, ::2, 1:-1], np.s_[:, 1], np.s_[...], (), np.s_[:, :, ::-1],
    np.s_[np.int64(1)], np.s_[:, np.int32(-1)], np.s_[None, None], np.s_[1:3, ..., None, ::3],
]  # fmt: skip


@pytest.mark.parametrize("key", BASIC, ids=str)
def test_basic(key):
    check_key(key, CUBE)


@pytest.mark.parametrize(
    "key",
    [np.s_[1:], np.s_[:-1], np.s_[1:-1], np.s_[::2], np.s_[1::3], np.s_[::-1], np.s_[-1], np.s_[..., ::-2]],
    ids=str,
)
def test_one_trace_serves_other_sizes(key):
    check_key(key, CUBE, again=[(BIGGER,), (CUBE[:2, :2, :2],)])


@pytest.mark.parametrize(
    ("key", "type_"),
    [
        (np.s_[1:], "f64[d0_0-1,d0_1,d0_2]"),
        (np.s_[:, 1:-1], "f64[d0_0,d0_1-2,d0_2]"),
        (np.s_[..., :3], "f64[d0_0,d0_1,3]"),
        (np.s_[:, -2:, ::-1], "f64[d0_0,2,d0_2]"),
        (np.s_[..., :-1, 0], "f64[d0_0,d0_1-1]"),
        (np.s_[::2, None], "f64[floordiv(d0_0+1, 2),1,d0_1,d0_2]"),
    ],
)
def test_lengths_are_clean_expressions(key, type_):
    graph, _ = trace(lambda F, a: getitem(F, a, key), CUBE)
    assert str(graph.outputs[0].type) == type_


def test_a_trivial_bound_guards_nothing():
    before = trace(lambda F, a: a, CUBE)[0].guards
    assert trace(lambda F, a: getitem(F, a, np.s_[1:, :-1, ::-1]), CUBE)[0].guards == before


def test_a_deeper_bound_is_guarded():
    graph, _ = trace(lambda F, a: getitem(F, a, np.s_[3]), CUBE)
    with pytest.raises(ShapeError, match="guard"):
        interpret(graph, [CUBE[:3]])


def test_symbolic_bounds():
    check(
        lambda F, a, b: getitem(F, a, slice(b.dims[0], None)), lambda a, b: a[len(b) :], BIGGER[:, 0, 0], CUBE[:, 0, 0]
    )
    check(lambda F, a: getitem(F, a, slice(None, a.dims[0] - 2)), lambda a: a[: len(a) - 2], CUBE, again=[(BIGGER,)])
    graph = check(lambda F, a: getitem(F, a, a.dims[0] - 1), lambda a: a[-1], CUBE, again=[(BIGGER,)])
    assert graph.guards == trace(lambda F, a: a, CUBE)[0].guards


def test_every_slice_of_short_axes():
    bounds = [None, *range(-5, 6)]
    for size in range(4):
        x = np.arange(float(size))
        for start in bounds:
            for stop in bounds:
                for step in (1, 2, -1, -3):
                    check_key(slice(start, stop, step), x)


SLICES = st.builds(
    slice, st.none() | st.integers(-8, 8), st.none() | st.integers(-8, 8), st.sampled_from([None, 1, 2, 3, -1, -2])
)
ITEMS = st.one_of(SLICES, st.integers(-2, 1), st.just(None), st.just(Ellipsis))


@settings(max_examples=150, deadline=None)
@given(st.lists(ITEMS, max_size=5), st.lists(st.integers(2, 5), min_size=1, max_size=3))
def test_any_basic_key(items, shape):
    key, x = tuple(items), np.arange(float(np.prod(shape))).reshape(shape)
    try:
        expected = x[key]
    except IndexError:
        with pytest.raises(IndexError):
            trace(lambda F, a: getitem(F, a, key), x)
        return
    graph, _ = trace(lambda F, a: getitem(F, a, key), x)
    np.testing.assert_array_equal(interpret(graph, [x])[0], expected)


ROW, TABLE = np.array([2, 0, 1]), np.array([[1, -1, 0], [3, 2, -2]])
ADVANCED = [
    (ARRAY,), (slice(None), ARRAY), (slice(None), slice(None), ARRAY), (ARRAY, slice(1, 3)), (slice(1, None), ARRAY, 0),
    (0, ARRAY), (ARRAY, 0), (0, slice(None), ARRAY), (ARRAY, slice(None), 0), (ARRAY, Ellipsis), (Ellipsis, ARRAY),
    (None, ARRAY), (ARRAY, None), (slice(None), None, ARRAY), (None, slice(None), ARRAY, None, slice(None, None, -1)),
    (0, None, ARRAY), (slice(None), ARRAY, 1), (slice(None), 1, ARRAY), (ARRAY, None, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    "index", [ROW, TABLE, np.array(1), ROW.astype(np.int32), ROW.astype(np.uint8)], ids=lambda i: f"{i.dtype}{i.shape}"
)
@pytest.mark.parametrize("key", ADVANCED, ids=str)
def test_one_index_array(key, index):
    check_key(key, CUBE, index)


@pytest.mark.parametrize(
    "key",
    [
        (ARRAY, ARRAY), (ARRAY, slice(None), ARRAY), (slice(None), ARRAY, ARRAY), (ARRAY, ARRAY, slice(1, None)),
        (Ellipsis, ARRAY, ARRAY), (ARRAY, None, ARRAY), (ARRAY, ARRAY, 0), (ARRAY, 0, ARRAY), (0, ARRAY, ARRAY),
        (None, ARRAY, slice(2), ARRAY), (ARRAY, slice(None), ARRAY, None),
    ],
    ids=str,
)  # fmt: skip
def test_two_index_arrays(key):
    check_key(key, CUBE, ROW, TABLE)
    check_key(key, CUBE, TABLE, ROW)
    check_key(key, CUBE, TABLE[:, :1], ROW)
    check_key(key, CUBE, np.array(1), ROW)


def test_three_index_arrays_and_lists():
    check_key((ARRAY, ARRAY, ARRAY), CUBE, ROW, TABLE, ROW)
    check_key([0, -1, 2], CUBE)
    check_key((slice(None), [1, 0]), CUBE)


@pytest.mark.parametrize(
    ("key", "covered"),
    [
        ((ARRAY,), 1), ((ARRAY,), 2), ((ARRAY,), 3), ((slice(None), ARRAY), (1, 2)), ((Ellipsis, ARRAY), (2, 3)),
        ((slice(None), ARRAY), (1, 3)), ((ARRAY, 0), 1), ((ARRAY, None, slice(1, 3)), 1), ((0, ARRAY), (1, 2)),
        ((slice(None, None, -1), 1, ARRAY), (2, 3)), ((0, slice(None), ARRAY), (2, 3)),
    ],
    ids=str,
)  # fmt: skip
def test_masks(key, covered):
    first, last = covered if isinstance(covered, tuple) else (0, covered)
    masks = [CUBE.sum(axis=tuple(i for i in range(3) if not first <= i < last)) > 0 for _ in range(1)]
    other = BIGGER.sum(axis=tuple(i for i in range(3) if not first <= i < last)) > 0
    check_key(key, CUBE, *masks, again=[(BIGGER, other), (CUBE, np.zeros_like(masks[0])), (CUBE, ~masks[0])])


def test_mask_with_an_index_array():
    mask = np.array([True, False, True, True])
    check_key((ARRAY, slice(None), ARRAY), CUBE, mask, np.array(2))


def test_the_same_condition_has_the_same_count():
    def ours(F, x, y):
        return F.mul(getitem(F, x, F.gt(x, 0)), getitem(F, y, F.gt(x, 0)))

    graph = check(ours, lambda x, y: x[x > 0] * y[x > 0], CUBE, CUBE + 1)
    assert sum(node.op.name == "mask_indices" for node in graph.nodes) == 1


def test_a_selection_is_like_any_array():
    def selected(F, x):
        return getitem(F, x, F.gt(x, 0))

    check(lambda F, x: METHODS["mean"](F, selected(F, x)), lambda x: x[x > 0].mean(), CUBE)
    check(lambda F, x: METHODS["max"](F, selected(F, x)), lambda x: x[x > 0].max(), CUBE)
    check(lambda F, x: getitem(F, selected(F, x), slice(3)), lambda x: x[x > 0][:3], CUBE, again=[(-np.abs(CUBE),)])
    check(lambda F, x: getitem(F, selected(F, x), slice(-2, None)), lambda x: x[x > 0][-2:], CUBE)
    check(lambda F, x: getitem(F, selected(F, x), np.s_[::-1]), lambda x: x[x > 0][::-1], CUBE)
    check(lambda F, x: getitem(F, selected(F, x), -1), lambda x: x[x > 0][-1], CUBE)
    graph, _ = trace(lambda F, x: getitem(F, selected(F, x), 0), CUBE)
    with pytest.raises(IndexError):
        interpret(graph, [-np.abs(CUBE)])


def test_a_size_known_at_run_time_is_not_guessed():
    with pytest.raises(ShapeError, match="known only when the program runs"):
        trace(lambda F, x, y: F.add(getitem(F, x, F.gt(x, 0)), y), CUBE[0, 0], CUBE[0, 0])


@pytest.mark.parametrize(
    "key", [4, -5, (0, 5), (0, 0, 0, 0), (Ellipsis, Ellipsis), (slice(None, None, 0),), 1.5], ids=str
)
def test_wrong_keys_are_index_errors(key):
    with pytest.raises(IndexRangeError):
        trace(lambda F, a: getitem(F, a, key), CUBE)


def test_an_index_outside_names_the_shape():
    with pytest.raises(IndexError, match=r"index 4 .* axis 0 with size 4 of shape \(4, 5, 6\)"):
        trace(lambda F, a: getitem(F, a, 4), CUBE)


def test_keys_of_other_kinds_say_what_to_do():
    with pytest.raises(UnsupportedError, match=r"x\[None\]"):
        trace(lambda F, a: getitem(F, a, True), CUBE)
    with pytest.raises(ShapeError, match="mask"):
        trace(getitem, CUBE, np.ones(3, bool))
    with pytest.raises(IndexRangeError, match="f64"):
        trace(getitem, CUBE, CUBE)


def test_positions_outside_fail_when_run():
    graph, _ = trace(getitem, CUBE, ROW)
    with pytest.raises(IndexError):
        interpret(graph, [CUBE, np.array([0, 9, 0])])


@pytest.mark.parametrize("mode", ["raise", "clip", "wrap"])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_take(axis, mode):
    index = TABLE if mode == "raise" else TABLE * 7
    check(*numpy_call("numpy.take", ..., ..., axis=axis, mode=mode), CUBE, index)


def test_take_along_axis():
    order = np.argsort(CUBE, axis=1)
    check(*numpy_call("numpy.take_along_axis", ..., ..., axis=1), CUBE, order, again=[(BIGGER, np.argsort(BIGGER, 1))])
    check(*numpy_call("numpy.take_along_axis", ..., ..., axis=1), CUBE, CUBE.argmax(1, keepdims=True))
    check(*numpy_call("numpy.take_along_axis", ..., ..., axis=0), CUBE[:, :1], order[:2] % 4)
    check(*numpy_call("numpy.take_along_axis", ..., ..., axis=None), CUBE, np.array([3, -1]))


def test_compress_and_extract():
    keep = np.array([True, False, True, True])
    check(*numpy_call("numpy.compress", ..., ..., axis=0), keep, CUBE)
    check(*numpy_call("numpy.extract", ..., ...), CUBE > 0, CUBE)
    check(lambda F, c, a: METHODS["compress"](F, a, c, axis=0), lambda c, a: a.compress(c, axis=0), keep, CUBE)


def test_an_integer_argument_as_a_position():
    n = symbol("n")

    def ours(F, a):
        F.facts.new_symbol("n", 2, 0)
        return getitem(F, a, n)

    graph, result = trace(ours, CUBE)
    assert isinstance(result, Value)
    assert any("n" in str(guard) for guard in graph.guards)


COUNTS = {
    "the count": lambda x: x[x > 2.0].shape[0],
    "its double": lambda x: 2 * len(x[x > 2.0]) + len(x) - 1,
    "a quotient": lambda x: x.sum() / len(x[x > 2.0]),
    "beside the elements": lambda x: len(x[x > 2.0]) * x.sum() + x[x > 2.0].sum(),
    "of a slice": lambda x: x[x > 2.0][:2].mean(),
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_count_of_a_mask_is_a_number_where_nothing_else_is_left_of_the_mask(name):
    x = np.arange(1.0, 8.0)
    result, expected = graphc.jit(COUNTS[name])(x), COUNTS[name](x)
    assert result == pytest.approx(expected)
    assert type(result) is type(expected)


def test_the_count_of_a_mask_keeps_float32():
    x = np.arange(1.0, 8.0, dtype=np.float32)
    gradient = graphc.grad(lambda x: (x * x).sum() / len(x[x > 2.0]))(x)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, 2 * x / 5)


@pytest.mark.parametrize(
    "use",
    [
        lambda x: 1.0 if len(x[x > 2.0]) > 3 else 0.0,
        lambda x: np.zeros(len(x[x > 2.0])) + x.sum(),
    ],
)
def test_the_count_of_a_mask_decides_nothing(use):
    with pytest.raises(graphc.GraphcError, match=r"known only when the program runs.*np.count_nonzero"):
        graphc.jit(use)(np.arange(1.0, 8.0))


def test_a_loop_over_the_count_of_a_mask_that_nothing_else_reads():
    def total(x):
        sum_ = 0.0
        for i in range(len(x[x > 2.0])):
            sum_ += i * x[0]
        return sum_ + sum(i * x[1] for i in range(len(x[x > 3.0])))

    x = np.arange(1.0, 8.0)
    value, gradient = graphc.value_and_grad(total)(x)
    assert value == total(x) == 10 + 6 * 2
    np.testing.assert_array_equal(gradient, [10.0, 6.0, 0, 0, 0, 0, 0])
