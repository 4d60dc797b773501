"""Arguments that are nearly the same: a program never serves a call that its traced function would tell apart."""

from __future__ import annotations

import functools
from array import array
from collections import OrderedDict, defaultdict, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

import graphc
from graphc.config import settings

compiled_only = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")
X = np.arange(1.0, 5.0)
Pair = namedtuple("Pair", "a")


# --- dicts ------------------------------------------------------------------------------------------------------------


def test_the_order_of_a_dict_is_seen():
    def layers(p):
        y = X
        for w in p.values():
            y = y * w + w.sum()
        return y.sum()

    f = graphc.value_and_grad(layers)
    p, q = {"a": X, "b": X + 1}, {"b": X + 1, "a": X}
    for kind in (dict, OrderedDict, functools.partial(defaultdict, list)):
        for item in (kind(p), kind(q)) * 2:
            value, gradient = f(item)
            np.testing.assert_allclose(value, layers(item))
            assert list(gradient) == list(item)
            assert type(gradient) is type(item)
    assert f.cache_info() == {"calls_traced": 6, "programs": 6}
    moved = OrderedDict(q)
    moved.move_to_end("b")
    with pytest.raises(TypeError, match="p is an OrderedDict reordered by move_to_end"):
        graphc.value_and_grad(layers)(moved)
    np.testing.assert_allclose(f(moved.copy())[0], layers(p))
    if not settings.disable_jit:
        np.testing.assert_allclose(f(moved)[0], layers(p))  # natively, the order is seen


@compiled_only
def test_each_order_of_a_dict_is_served_natively():
    f = graphc.jit(lambda p: next(iter(p.values())) * 1.0)
    for item in ({"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}, OrderedDict(b=3.0, a=1.0), OrderedDict(a=1.0, b=3.0)):
        wanted = next(iter(item.values()))
        assert f(item) == wanted
        assert f._entry(type(item)(item)) == wanted
        assert f._entry is f._latest.entry
        f._latest.attempt = None  # the entry alone serves from here on
        assert f._entry(type(item)(item)) == wanted
    assert f.cache_info()["programs"] == 4


def test_equal_keys_of_different_types_are_seen():
    def f(p):
        return sum(w * k for k, w in p.items())

    g = graphc.jit(f)
    w = np.arange(3)
    for key in (1, 1.0, True, np.int64(1), 1):
        for kind in (dict, OrderedDict):
            assert g(kind({key: w})).dtype == f({key: w}).dtype, key
    h = graphc.jit(lambda p: sum(w / k for k, w in p.items()))
    with np.errstate(divide="ignore"):
        for key in (np.float64(0.0), np.float64(-0.0)):
            assert h({key: X})[0] == X[0] / key


def test_the_default_of_a_defaultdict_is_seen():
    f = graphc.jit(lambda p: p["a"] + p.default_factory())
    assert f(defaultdict(float, a=1.0)) == 1.0
    assert f(defaultdict(lambda: 2.0, a=1.0)) == 3.0


@compiled_only
def test_the_order_of_a_dict_that_is_read_from_outside_is_seen():
    outside = {}

    def f(x):
        for w in outside["p"].values():
            x = x * w + w.sum()
        return x

    g = graphc.jit(f)
    p = OrderedDict(a=X, b=X + 1)
    for item in (p, dict(p), {"b": X + 1, "a": X}, p):
        outside["p"] = item
        np.testing.assert_allclose(g(X), f(X))
        np.testing.assert_allclose(g(X), f(X))
    p.move_to_end("a")
    np.testing.assert_allclose(g(X), f(X))
    assert g.cache_info()["programs"] == 4


# --- leaves -----------------------------------------------------------------------------------------------------------


class Number(float):
    __slots__ = ()


class Double(np.float64):
    pass


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class HasT:
    def __init__(self, array):
        self.T = array

    def __array__(self, dtype=None, copy=None):
        return np.zeros((3, 2))


def fold(numbers, x):
    for number in numbers:
        x = x * number + number
    return x


NEARLY_THE_SAME = {
    "bools and ints": (lambda x, k: x if k is True else x * k, [1, True, np.bool_(True), np.int64(1), 1, True]),
    "ints": (lambda x, k: x * k, [2, 2**63 - 1, 2**63, 2**70, -(2**63), -(2**63) - 1, Whole(2), 3]),
    "weak floats": (lambda x, k: x.astype("f4") * k, [1.5, np.float64(1.5), np.float32(1.5), np.array(1.5), 2.5]),
    "float subclasses": (lambda x, k: x / float.__float__(k), [Number(0.0), Number(-0.0), Number(0.0), Number("nan")]),
    "float64 subclasses": (lambda x, k: x * k, [Double(1.5), 2.5, Double(3.5), np.float64(4.5)]),
    "zeros": (lambda x, k: x / k, [0.0, -0.0, np.float64(-0.0), np.float64(0.0), np.array(-0.0), float("nan"), 0.0]),
    "str subclasses": (lambda x, k: x * 2 if type(k) is str else x, ["a", Text("a"), "a"]),
    "tuples": (lambda x, k: x * len(type(k).__name__), [(1.0,), [1.0], {"a": 1.0}, Pair(1.0)]),
    "ranges": (lambda x, k: x * k.stop, [range(0, 3, 2), range(0, 4, 2), range(4), range(True, 4)]),
    "slices": (lambda x, k: x[k], [slice(0, 2), slice(1, 3), slice(1, 3), slice(None), slice(None, None, 2)]),
    "sets": (lambda x, k: fold(k, x), [{8, 1}, {1, 8}, {1.5, 8}, {8}, set(), {0, 8}, {8, 0}, frozenset({8, 0})]),
    "elements": (lambda x, k: np.arange(3) * next(iter(k)), [{1}, {1.0}, frozenset({1}), frozenset({True})]),
    "sizes": (lambda x, k: x[:1] * k * k.shape[0] + k.mean(), [X, X[:1], X[:2], X[::2], X[::-1], X[:3]]),
    "broadcast": (lambda x, k: x + k, [X, X[:1], X[None], np.array(2.0), X[:, None], X.reshape(1, 1, 4)]),
    "layouts": (
        lambda x, k: np.sin(k) * k.shape[-1],
        [np.ones((2, 3), order=order) for order in "CF"] + [np.ones(shape, order="F") for shape in ((1, 3), (3, 1))],
    ),
    "an attribute T": (lambda x, k: np.sin(k), [np.ones((3, 2), order="F"), HasT(np.ones((2, 3)))]),
    "integer types": (lambda x, k: k * 2, [np.arange(3, dtype=c) for c in "lqilqLQ"] + [np.longlong(3), np.int64(3)]),
}


def same(got, wanted):
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(wanted))
    assert got.dtype == wanted.dtype


@pytest.mark.parametrize("name", NEARLY_THE_SAME)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_leaves_that_are_nearly_the_same(name):
    function, leaves = NEARLY_THE_SAME[name]
    f = graphc.jit(function)
    for leaf in (*leaves, *leaves[::-1], *leaves):
        same(f(X, leaf), function(X, leaf))
        same(f(X, leaf), function(X, leaf))
        same(f._slow(X, leaf), function(X, leaf))
    assert f.cache_info()["calls_traced"] <= 2 * len(leaves)


def test_new_objects_at_an_old_address():
    f = graphc.jit(lambda x, part: x[part])
    for k in range(20):
        np.testing.assert_array_equal(f(X, slice(k % 3, k % 3 + 2)), X[k % 3 : k % 3 + 2])


def test_a_memory_map_is_an_array_of_its_dtype(tmp_path):
    f = graphc.jit(lambda x: x / 2)
    for k, dtype in enumerate(("f8", "f4", "i8", "f8", "f4")):
        mapped = np.memmap(tmp_path / f"{k}", dtype=dtype, mode="w+", shape=(3,))
        mapped[:] = k
        assert type(f(mapped)) is np.ndarray
        same(f(mapped), np.asarray(mapped) / 2)
    assert f.cache_info()["programs"] <= 3


@compiled_only
def test_a_container_that_could_change_unseen_is_refused():
    f = graphc.jit(lambda x, k: x * k[0])
    for leaf in (array("d", [1.0]), MappingProxyType({0: 1.0})):
        with pytest.raises(TypeError, match="no container that graphc looks into"):
            f(X, leaf)


@compiled_only
def test_a_float_that_decides_is_seen_with_its_sign():
    outside = {}
    f = graphc.jit(lambda x: x / float(outside["k"]))
    with np.errstate(divide="ignore"):
        for k in (0.0, -0.0, np.float64(0.0), np.float32(-0.0), np.float32(0.0), 2.0, -0.0):
            outside["k"] = k
            same(f(X), X / float(k))
            same(f(X), X / float(k))
            same(f._slow(X), X / float(k))


@compiled_only
def test_sets_ranges_and_slices_from_outside():
    outside = {}
    f = graphc.jit(lambda x: fold(outside["k"], x))
    for k in ({0, 8}, {8, 0}, {8, 0.0}, frozenset({8, 0}), {8}, range(0, 3, 2), range(0, 4, 2)):
        outside["k"] = k
        for _ in range(2):
            same(f(X), fold(k, X))
    stop = graphc.jit(lambda x: x * outside["k"].stop)
    for k in (range(0, 3, 2), range(0, 4, 2), slice(3), slice(2)):
        outside["k"] = k
        for _ in range(2):
            same(stop(X), X * k.stop)
