"""Forms of Python in which a traced value decides: methods of all kinds, generators, membership, keys, conversions."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import graphc
from graphc.config import override

X = np.array([0.91, 0.35, 0.62, 1.7])
SETS = [X, np.array([0.21, 0.82, 1.3, 0.45])]


class Base:
    def __init__(self, w):
        self.w, self.calls, self._obj = w, 0, 1.0

    def step(self, v):
        return v * self.w if v > 0.5 else v

    @property
    def scale(self):
        return self._obj * 2 if self._obj > 0.5 else self._obj

    @scale.setter
    def scale(self, value):
        if value > 0.6:
            self._obj = value**2
        else:
            self._obj = value

    def __setitem__(self, k, value):
        self.w[k] = value**2 if value > 0.5 else value

    def __bool__(self):
        return bool(self.w[0] > 0.5)

    def __contains__(self, v):
        return self.w[0] > v


class Derived(Base):
    def __init__(self, w):
        super().__init__(w)
        self.extra = 1.1

    def step(self, v):
        for _ in range(6):
            v = super().step(v) * self.extra
            self.calls += 1
            if v > 5:
                return super().step(v)
        return v * self.calls


def inherited(x):
    return Derived(x[1] + 0.7).step(x[0])


def property_that_is_set(x):
    b = Base(x)
    for i in range(7):
        b.scale = x[i % 4]
    b.scale *= 2
    b._obj *= 1.5
    return b.scale * b._obj


def item_that_is_set(x):
    b = Base(np.zeros(4))
    for i in range(8):
        b[i % 4] = x[i % 4]
    return np.sum(b.w * x)


def class_inside(x):
    class Inner(Base):
        def step(self, v):
            return super().step(v) if v > 0.6 else -v

    return Inner(x[2]).step(x[0]) + Inner(x[2]).step(x[1])


def generator(x):
    def values(n):
        y = x[0]
        for i in range(n):
            y = y * 1.1
            if y > 1:
                y = y - 0.5
            if i == 1:
                continue
            yield y if x[i] > 0.5 else -y
            if i == 5:
                break
        yield x[1] and y

    return sum(values(4)) * np.sum(np.array(list(values(3))))


def truth(x):
    y = x[1] if bool(x[0] > 0.5) else x[2]
    return y * x[3] if Base(x) else y


def membership(x):
    s = x[1] if x[0] in [0.91, 1.0] else x[2]
    s = s * 2 if 0.82 in x else s
    s = s * 3 if x[0] not in (0.21, x[1]) else s
    s = s * 5 if 0.5 in Base(x) else s
    for i in range(8):
        if i in (2, 5):
            s += x[i % 4] * i
    return s


def keys(x):
    seen, memo = set(), {}

    def power(i):
        if i not in memo:
            memo[i] = x[0] if i < 2 else power(i - 1) * x[1] + power(i - 2)
        return memo[i]

    @functools.lru_cache
    def twice(i):
        return 2 * i

    s = 0.0
    for i in range(7):
        if i % 5 in seen:
            continue
        seen.add(i % 5)
        s += power(i) * twice(i)
    return s * len(seen)


def numbers_of_an_object(x):
    b = Base([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    mode, s = "up", 0.0
    for i in range(7):
        s += b.w[i] * x[i % 4] if mode == "up" else x[0]
        mode = "down" if mode == "up" else "up"
    return s


def parts_that_are_set(x):
    z = np.exp(1j * x)
    z.real += x
    z.imag = z.imag * 0.5
    y = x * 2
    y.real = np.sin(x)
    return np.sum(np.abs(z) ** 2 * y)


PROGRAMS = [
    inherited, property_that_is_set, item_that_is_set, class_inside, generator, truth, membership, keys,
    numbers_of_an_object, parts_that_are_set,
]  # fmt: skip


def test_other_attributes_of_arrays_are_refused():
    def f(x):
        x.shape = (2, 2)
        return np.sum(x)

    with pytest.raises(graphc.UnsupportedError, match=r"x.shape = v: .* make a new array, such as x.reshape"):
        graphc.jit(f)(X)


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_and_gradient(program):
    f = graphc.value_and_grad(program)
    for x in SETS:
        with override(disable_jit=True):
            value, gradient = f(x)
        np.testing.assert_allclose(value, program(x), rtol=1e-13)
        if program is membership:
            continue  # its conditions hold at single numbers
        slopes = [(program(x + step) - program(x - step)) / 2e-6 for step in 1e-6 * np.eye(4)]
        np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-8)
    assert f.cache_info()["programs"] == 1
