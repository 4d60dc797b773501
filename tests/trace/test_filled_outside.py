"""What a function computes when it first runs, and keeps outside: there from the first call on, where nothing traced
is in it; an error where the function computes something else once it is there."""

import ctypes
import functools

import numpy as np
import pytest

import graphc
from graphc.errors import SideEffectError

X = np.array([0.3, 1.2, -0.7, 2.1, 0.9])
TABLE = None
TABLES = {}


class Model:
    def __init__(self):
        self.w, self.scale, self.ready, self.cache = None, 2.0, False, {}

    def where_none(self, x):
        if self.w is None:
            self.w = np.linspace(0, 1, 5)
        return np.sum(self.w * x**2)

    def of_ones(self, x):
        if self.w is None:
            self.w = np.ones(5)
        return np.sum(self.w * x**2)

    def by_a_flag(self, x):
        if not self.ready:
            self.build()
        return np.sum(self.w * x**2) * self.factor

    def build(self):
        self.w, self.factor, self.ready = np.linspace(0, 1, 5), 3, True

    def where_missing(self, x):
        if not hasattr(self, "_w"):
            self._w = np.linspace(0, 1, 5)
        return np.sum(self._w * x**2)

    def in_a_dict(self, x):
        if "w" not in self.cache:
            self.cache["w"] = np.linspace(0, 1, 5)
        return np.sum(self.cache["w"] * x**2)

    def of_another_kind_at_first(self, x):
        if not self.ready:
            self.ready = True
            return 2.0 * np.sum(x**2)
        return np.sum(x**2)

    def with_other_numbers_at_first(self, x):
        if self.w is None:
            self.w = np.ones(5)
            return np.sum(2.0 * np.ones(5) * x**2)
        return np.sum(self.w * x**2)

    def of_the_argument(self, x):
        if self.w is None:
            self.w = 2.0 * x
        return np.sum(self.w * x)

    def of_a_number(self, x):
        if self.w is None:
            self.w = np.linspace(0, 1, 5) * self.scale
        return np.sum(self.w * x**2)

    def counted(self, x):
        self.cache["calls"] = self.cache.get("calls", 0) + 1
        return np.sum(x**2) * self.cache["calls"]


def in_a_global(x):
    global TABLE  # noqa: PLW0603
    if TABLE is None:
        TABLE = np.linspace(0, 1, 5)
    return np.sum(TABLE * x**2)


def in_a_global_dict(x):
    key = "five"
    if key not in TABLES:
        TABLES[key] = [1.0, 2.0, 3.0, 4.0, 5.0]
    return np.sum(np.array(TABLES[key]) * x**2)


LINE = np.linspace(0, 1, 5)
KEPT = {"where_none": LINE, "of_ones": np.ones(5), "by_a_flag": 3 * LINE, "where_missing": LINE, "in_a_dict": LINE}


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("transform", [graphc.grad, graphc.jit, graphc.hessian])
def test_what_an_object_keeps_is_there_from_the_first_call(name, transform):
    f = transform(getattr(Model(), name))
    want = transform(lambda x, weights=KEPT[name]: np.sum(weights * x**2))(X)
    for _ in range(3):
        np.testing.assert_allclose(f(X), want)
    assert f.cache_info()["calls_traced"] == 1


@pytest.mark.parametrize("name", ["where_none", "of_ones", "by_a_flag", "where_missing"])
def test_what_is_kept_is_read_again_at_each_call(name):
    model = Model()
    f = graphc.grad(getattr(model, name))
    f(X)
    own = "_w" if name == "where_missing" else "w"
    setattr(model, own, np.arange(5.0))
    np.testing.assert_allclose(f(X), 2 * np.arange(5.0) * X * getattr(model, "factor", 1))
    if name in ("where_none", "of_ones"):
        model.w = None  # it is computed once more
        np.testing.assert_allclose(f(X), 2 * KEPT[name] * X)


@pytest.mark.parametrize("function", [in_a_global, in_a_global_dict])
def test_what_a_module_keeps(function, monkeypatch):
    monkeypatch.setitem(globals(), "TABLE", None)
    monkeypatch.setitem(globals(), "TABLES", {})
    f = graphc.grad(function)
    first = f(X)
    np.testing.assert_allclose(first, f(X))
    weights = np.linspace(0, 1, 5) if function is in_a_global else np.arange(1.0, 6.0)
    np.testing.assert_allclose(first, 2 * weights * X)


@pytest.mark.parametrize("name", ["of_another_kind_at_first", "with_other_numbers_at_first", "counted"])
def test_what_computes_something_else_from_then_on_is_refused(name):
    with pytest.raises(SideEffectError, match="which it reads from outside"):
        graphc.grad(getattr(Model(), name))(X)


@pytest.mark.parametrize("name", ["of_the_argument", "of_a_number"])
def test_what_depends_on_traced_values_is_refused(name):
    f = graphc.grad(getattr(Model(), name))
    for _ in range(2):
        with pytest.raises(SideEffectError, match="a traced value is stored in attribute 'w' of a Model") as error:
            f(X)
    assert "compute it before the call" in str(error.value)


def test_a_list_that_is_sorted_outside_is_refused():
    numbers = [3.0, 1.0, 2.0]

    def f(x):
        numbers.sort()
        return np.sum(x[:3] * np.array(numbers))

    for _ in range(2):
        with pytest.raises(SideEffectError, match="numbers"):
            graphc.jit(f)(X)


# --- caches made inside, memory of C ----------------------------------------------------------------------------------


def test_a_cache_made_inside_sees_what_is_outside():
    held = {"rate": 2.0}

    def f(x):
        @functools.cache
        def scaled(n):
            return held["rate"] * n * n

        @functools.lru_cache
        def fibonacci(n):
            return x[0] if n < 2 else 0.5 * fibonacci(n - 1) + fibonacci(n - 2)

        return np.sum(x**2) * scaled(3) + fibonacci(9)

    g = graphc.grad(f)
    for rate in (2.0, 5.0):
        held["rate"] = rate
        fresh = graphc.grad(f)(X)
        np.testing.assert_allclose(g(X), fresh)
        np.testing.assert_allclose(fresh[1:], 18 * rate * X[1:])


class Pair(ctypes.Structure):
    _fields_ = (("x", ctypes.c_double), ("n", ctypes.c_int))


def test_numbers_of_ctypes_are_read_at_each_call():
    numbers, pair, single = (ctypes.c_double * 5)(1, 2, 3, 4, 5), Pair(2.0, 3), ctypes.c_double(4.0)
    pointer = ctypes.pointer(single)
    functions = [
        lambda x: np.sum(x * np.array(numbers)),
        lambda x: np.sum(x * np.ctypeslib.as_array(numbers)),
        lambda x: np.sum(x * np.frombuffer(numbers)) + x[0] * len(numbers),
        lambda x: np.sum(x) * sum(numbers) * numbers[2],
        lambda x: np.sum(x) * pair.x * pair.n,
        lambda x: np.sum(x) * single.value * pointer.contents.value * pointer[0],
    ]
    compiled = [graphc.jit(f) for f in functions]
    for _ in range(2):
        for f, g in zip(functions, compiled, strict=True):
            np.testing.assert_allclose(g(X), f(X))
        numbers[2], pair.x, pair.n, single.value = 20.0, 7.0, 5, 9.0


def test_dtypes_that_are_equal_and_another_object():
    """As those of a foreign buffer, or with metadata: such arrays were refused."""
    strange = np.array((ctypes.c_double * 5)(1, 2, 3, 4, 5))
    described = np.arange(5.0).astype(np.dtype(float, metadata={"unit": "m"}))
    for given in (strange, described):
        assert given.dtype is not np.dtype(float)
        f = graphc.value_and_grad(lambda x, given=given: np.sum(x**2 * given))
        value, slope = f(given)
        np.testing.assert_allclose(value, np.sum(given**3))
        np.testing.assert_allclose(slope, 2 * given**2)
