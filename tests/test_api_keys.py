"""Arguments that are nearly the same: a program never serves a call that its traced function would tell apart."""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict

import numpy as np
import pytest

import graphc
from graphc.config import settings

compiled_only = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")
X = np.arange(1.0, 5.0)


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
        f(moved)
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
