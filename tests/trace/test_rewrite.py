"""A rewritten function runs as the function does, and tells its own lines; what it reads is recorded."""

from __future__ import annotations

import contextlib
import functools
import math
import traceback
import types

import numpy as np
import pytest

import graphc
from graphc.trace.rewrite import rewritten
from graphc.trace.source import function_tree

SCALE = 2.0
TABLE = {"a": [1.0, 2.0], "n": 2}


def helper(x, *, power=1):
    return x**power * SCALE


class Base:
    factor = 3.0

    def __init__(self):
        self.__private = 5.0

    def value(self, x):
        return x * self.factor

    @property
    def private(self):
        return self.__private

    @classmethod
    def make(cls):
        return cls()

    def __getitem__(self, key):
        return self.factor + key


class Derived(Base):
    def value(self, x):
        return super().value(x) + super().value(x) + self.private

    def uses_class_cell(self):
        return __class__.__name__


def comprehensions(n):
    squares = [i * i for i in range(n) if i % 2]
    table = {k: v * SCALE for k, v in zip("abc", squares, strict=False)}
    unique = {i % 3 for i in range(n)}
    nested = [[i * j for j in range(i)] for i in range(n)]
    return squares, table, unique, nested, sum(i for i in range(n)), [-SCALE for SCALE in range(2)], SCALE


def closures(n):
    total = 0

    def add(k):
        nonlocal total
        total += k
        return total

    def factorial(k):
        return 1 if k == 0 else k * factorial(k - 1)

    return add(n), add(n), factorial(n), (lambda y, z=n: y * z + total)(3)  # noqa: PLC3002


def statements(x):
    result = []
    with contextlib.suppress(ZeroDivisionError):
        result.append(1 / x)
    try:
        result.append(TABLE["missing"])
    except KeyError as error:
        result.append(error.args[0])
    else:
        result.append("never")
    finally:
        result.append("finally")
    while True:
        x += 1
        if x > 3:
            break
    (first, *rest), last = (1, 2, 3), 4
    del last
    result += [first, rest, f"{x!r:>4} {SCALE:.2f}", (y := x + 1), y, not x, -x, x if x else y]
    match {"kind": "point", "at": (1, 2)}:
        case {"kind": "point", "at": (a, b), **others}:
            result.append((a, b, others))
    match x:
        case math.pi:
            result.append("pi")
        case int():
            result.append("int")
    result[0:1] = [0]
    assert result, "never empty"
    from os import path

    return result, path.basename("a/b"), TABLE["a"][-1], TABLE["a"][0:1], 1 < x <= 9


def generator(n):
    received = yield SCALE
    yield from (i * received for i in range(n))


def class_inside(x):
    class Local(Base):
        offset = SCALE + x

        def value(self, y):
            return super().value(y) + self.offset

    return Local().value(x)


def defaults(x, /, y=SCALE, *args, z: float = SCALE, **kwargs):
    kept: int = x
    return kept, y, args, z, kwargs


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (helper, (3.0,)), (comprehensions, (5,)), (closures, (4,)), (class_inside, (2.0,)), (defaults, (1, 2, 3)),
        (Derived().value, (2.0,)), (Derived().uses_class_cell, ()), (Base.make, ()), (lambda x: x * SCALE, (2.0,)),
    ],
)  # fmt: skip
def test_a_rewritten_function_computes_the_same(function, args):
    plain = function.__func__ if isinstance(function, types.MethodType) else function
    new = rewritten(plain)
    assert new is not plain
    bound = types.MethodType(new, function.__self__) if isinstance(function, types.MethodType) else new
    expected, actual = function(*args), bound(*args)
    assert (type(expected), str(actual).split(" at ")[0]) == (type(actual), str(expected).split(" at ")[0])
    assert new.__name__ == plain.__name__
    assert new.__qualname__ == plain.__qualname__


def test_statements_with_a_file_without_assertion_rewriting(tmp_path):
    import inspect

    source = "import contextlib, math\nSCALE = 2.0\nTABLE = {'a': [1.0, 2.0], 'n': 2}\n" + inspect.getsource(statements)
    file = tmp_path / "statements_module.py"
    file.write_text(source)
    namespace: dict = {"__name__": "statements_module"}
    exec(compile(source, str(file), "exec"), namespace)
    plain = namespace["statements"]
    assert function_tree(plain.__code__) is not None
    assert rewritten(plain)(0) == plain(0)
    assert rewritten(plain)(2) == plain(2)


def test_generators():
    run, again = generator(3), rewritten(generator)(3)
    assert next(run) == next(again)
    assert run.send(2.0) == again.send(2.0)
    assert list(run) == list(again)


def test_tracebacks_show_the_users_lines():
    def f(x):
        np.sin(x)
        raise ValueError("from the user")  # here

    with pytest.raises(ValueError, match="from the user") as caught:
        graphc.grad(f)(np.ones(3))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].filename == __file__
    assert "here" in frames[-1].line
    assert frames[-1].name == "f"


def test_source_that_changed_is_not_believed(tmp_path):
    file = tmp_path / "edited.py"
    file.write_text("def f(x):\n    return (x * 2.0).sum()\n")
    namespace: dict = {"__name__": "edited"}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    file.write_text("def f(x):\n    return (x * 3.0).sum()\n")
    assert function_tree(namespace["f"].__code__) is None
    np.testing.assert_array_equal(graphc.grad(namespace["f"])(np.ones(2)), [2.0, 2.0])


def test_two_lambdas_on_a_line():
    f, g = (lambda x: (x * 2.0).sum()), (lambda x: (x * SCALE * 3.0).sum())
    np.testing.assert_array_equal(graphc.grad(f)(np.ones(2)), [2.0, 2.0])
    np.testing.assert_array_equal(graphc.grad(g)(np.ones(2)), [6.0, 6.0])


def test_decorated_functions_and_wrappers():
    def twice(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs) * SCALE

        return wrapper

    @twice
    def f(x):
        return (x * SCALE).sum()

    g = graphc.grad(f)
    np.testing.assert_array_equal(g(np.ones(2)), [4.0, 4.0])
    global SCALE  # noqa: PLW0603
    SCALE = 3.0
    try:
        np.testing.assert_array_equal(g(np.ones(2)), [9.0, 9.0])
        assert g.cache_info()["programs"] == 1
    finally:
        SCALE = 2.0


def test_recursion_to_itself():
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    np.testing.assert_allclose(graphc.grad(lambda x: power(x, 3))(2.0), 12.0)


def test_without_source():
    namespace = {"np": np, "W": np.array([1.0, 2.0]), "k": 3.0, "__name__": "typed_in"}
    exec("def helper(z): return z * k\ndef f(x): return (helper(x) * W.mean()).sum()", namespace)
    g = graphc.value_and_grad(namespace["f"])
    assert g(np.ones(2))[0] == 9.0
    namespace["k"] = 4.0
    assert g(np.ones(2))[0] == 12.0
    namespace["W"] = np.array([3.0, 3.0])
    assert g(np.ones(2))[0] == 24.0
    assert g.cache_info()["programs"] == 1
    exec("def helper(z): return z + k", namespace)
    assert g(np.ones(2))[0] == 30.0
