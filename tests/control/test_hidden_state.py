"""State that no variable of the staged function holds: it is carried like any other, or changes once an iteration."""

from __future__ import annotations

import array
import collections
import contextvars
import ctypes
import decimal
import functools
import io
import itertools
import queue
import threading
from dataclasses import dataclass

import numpy as np
import pytest

import graphc
from graphc.config import override

X = np.array([0.91, 0.35, 0.62, 1.7])
SETS = [X, np.array([0.21, 0.82, 1.3, 0.45])]


def counter():
    k = 0

    def count(v):
        nonlocal k
        k += 1
        return k * v

    return count


def recorder():
    out = []

    def record(v):
        out.append(v)

    return record, out


class Record:
    def __init__(self):
        self.items, self.total, self.count = [], 0.0, 0

    def add(self, v):
        self.items.append(v)
        self.total += v
        self.count += 1
        return v


@dataclass(slots=True)
class Slotted:
    a: float
    b: float


# --- changed in a loop ------------------------------------------------------------------------------------------------


def variable_of_another_function(x):
    count, s = counter(), 0.0
    for i in range(9):
        s += count(x[i % 4])
    return s * count(1.0)


def list_of_another_function(x):
    record, out = recorder()
    for i in range(9):
        record(x[i % 4])
    return len(out) * sum(out)


def list_of_an_object(x):
    record, k = Record(), 0
    while k < 7:
        record.add(x[k % 4])
        k += 1
    return len(record.items) * record.items[-1] * record.total


def bound_methods(x):
    out, record = [], Record()
    push, add = out.append, record.add
    for i in range(7):
        push(add(x[i % 4]))
    return len(out) * out[5] * record.count


def default_that_fills(x):
    def remember(v, seen=[]):  # noqa: B006
        seen.append(v)
        return len(seen) * v

    s = 0.0
    for i in range(7):
        s += remember(x[i % 4])
    return s


def attributes_of_functions_and_classes(x):
    class Shared:
        count = 0

    def f(v):
        f.calls += 1
        Shared.count += 1
        return f.calls * v

    f.calls, s = 0, 0.0
    for i in range(7):
        s += f(x[i % 4])
    return s * Shared.count


def slots(x):
    s = Slotted(x[0], x[1])
    for _ in range(7):
        s.a = s.a * 0.9 + s.b * 0.1
    if x[2] > 0.7:
        s.b = s.a**2
    return s.a * s.b


def iterator_of_a_closure(x):
    it, s = itertools.count(1), 0.0

    def following():
        return next(it)

    for i in range(7):
        s += following() * x[i % 4]
    return s


def keys_that_the_first_iteration_adds(x):
    d, c = collections.defaultdict(float), {}
    for i in range(9):
        d["a"] += x[i % 4] ** 2
        c["b"] = c.get("b", 0.0) + d["a"]
    return c["b"]


def window(x):
    last, s = collections.deque(maxlen=2), 0.0
    for i in range(7):
        last.append(x[i % 4])
        s += sum(last) ** 2
    return s


def sum_of_calls(x):
    count = counter()
    return sum(count(x[i % 4]) for i in range(7)) * count(x[0])


def array_of_calls(x):
    record = Record()
    return np.sum(np.array([record.add(x[i % 4]) * record.count for i in range(7)])) * record.total


# --- changed on one way only ------------------------------------------------------------------------------------------


def counted_in_a_branch(x):
    count = counter()
    y = x[1]
    if x[0] > 0.5:
        y = count(y)
    return y + count(x[2])


def counted_in_an_expression(x):
    count = counter()
    y = count(x[1]) if x[0] > 0.5 else x[2]
    if x[0] > 0.5 and count(x[1]) > 0.1:
        y = y * 2
    return y * count(1.0)


def counted_in_a_condition(x):
    count, s = counter(), x[0]
    while count(s) < 20:
        s = s * 1.1
    return s * count(1.0)


def counted_in_a_lambda(x):
    count = counter()
    f = lambda v: count(v) if v > 0.5 else v  # noqa: E731
    return functools.reduce(lambda s, v: s + f(v), x, 0.0)


def returns_nothing(x):
    u = np.zeros(4)

    def fill(i):
        if x[i] < 0.5:
            return
        u[i] = x[i] ** 2
        for k in range(9):
            if k * x[i] > 3:
                return
            u[i] += 0.1 * x[i]

    for i in range(8):
        fill(i % 4)
    return np.sum(u * x)


# --- of the standard library and of NumPy -----------------------------------------------------------------------------


def two_functions_that_share(x):
    def made():
        n = 0

        def read():
            return n

        def advance():
            nonlocal n
            n += 1

        return read, advance

    (read, advance), s = made(), 0.0
    for i in range(7):
        advance()
        s += read() * x[i % 4]
    return s


def containers_of_collections(x):
    counts, s = collections.UserDict(a=0), collections.ChainMap({"s": 0.0})
    for i in range(7):
        counts["a"] += 1
        s["s"] += counts["a"] * x[i % 4]
    return s["s"]


def numbers_that_are_not_traced(x):
    raw, numbers, s = bytearray(2), array.array("d", [0.0]), 0.0
    table = np.zeros(1, dtype=[("n", float)])
    for i in range(7):
        raw[0] += 1
        numbers[0] += 0.5
        table["n"][0] += raw[0]
        s += (raw[0] + numbers[0] + table["n"][0]) * x[i % 4]
    return s


def class_made_by_type(x):
    counted, s = type("Counted", (), {"n": 0}), 0.0
    for i in range(7):
        counted.n += 1
        s += counted.n * x[i % 4]
    return s


PROGRAMS = [
    variable_of_another_function, list_of_another_function, list_of_an_object, bound_methods, default_that_fills,
    attributes_of_functions_and_classes, slots, iterator_of_a_closure, keys_that_the_first_iteration_adds, window,
    sum_of_calls, array_of_calls, counted_in_a_branch, counted_in_an_expression, counted_in_a_condition,
    counted_in_a_lambda, returns_nothing, two_functions_that_share, containers_of_collections,
    numbers_that_are_not_traced, class_made_by_type,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_and_gradient(program):
    f = graphc.value_and_grad(program)
    for x in SETS:
        with override(disable_jit=True):
            value, gradient = f(x)
        np.testing.assert_allclose(value, program(x), rtol=1e-13)
        slopes = [(program(x + step) - program(x - step)) / 2e-6 for step in 1e-6 * np.eye(4)]
        np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-8)
    assert f.cache_info()["programs"] == 1


def test_a_list_that_one_way_fills_is_refused_as_before():
    def f(x):
        record, out = recorder()
        y = record(x[0]) if x[0] > 0.5 else None
        return x[0] * len(out) if y is None else y

    with pytest.raises(graphc.errors.UnsupportedError, match="'out', a list, is changed in a loop or branch"):
        graphc.jit(f)(X)


def _write_into_a_view(view):
    view[0] += 1


REFUSED = {  # what is changed in a loop, how, and what the error calls it
    "an open file": (io.StringIO, lambda state: state.write("a"), "'state', of a StringIO"),
    "a queue": (queue.SimpleQueue, lambda state: state.put(1), "'state', of a SimpleQueue"),
    "a flag between threads": (threading.Event, lambda state: state.set(), r"'state\._flag', of a Event"),
    "a masked array": (lambda: np.ma.array([0.0, 1.0]), _write_into_a_view, "'state', of a MaskedArray"),
    "records": (lambda: np.recarray(1, dtype=[("a", int)]), lambda state: _write_into_a_view(state.a), "of a recarray"),
    "objects in an array": (lambda: np.array([0, None]), _write_into_a_view, r"'state\.0', of a ndarray"),
    "a polynomial": (lambda: np.poly1d([1.0, 2.0]), lambda state: _write_into_a_view(state.coeffs), "of a ndarray"),
    "memory": (lambda: memoryview(bytearray(2)), _write_into_a_view, "'state.obj', of a bytearray"),
    "a number of C": (ctypes.c_int, lambda state: setattr(state, "value", 3), "'state', of a c_int"),
    "a context": (decimal.Context, lambda state: setattr(state, "prec", state.prec + 1), "'state', of a Context"),
    "a context variable": (lambda: contextvars.ContextVar("c"), lambda state: state.set(object()), "of a ContextVar"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "change", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_carried_is_refused(make, change, says):
    def in_a_loop(x):
        state, s = make(), 0.0
        for i in range(9):
            change(state)
            s += x[i % 4]
        return s

    def in_a_branch(x):
        state = make()
        if x[0] > 0.5:
            change(state)
        return x[0]

    for f in (in_a_loop, in_a_branch):
        with pytest.raises(graphc.UnsupportedError, match=f"{says}.* is changed in a loop or branch"):
            graphc.grad(f)(X)


def test_what_is_made_in_the_loop_may_change():
    def f(x):
        s = 0.0
        for i in range(9):
            text, flags = io.StringIO(), np.ma.array([1.0, 2.0])
            text.write("abc")
            flags[0] = 5.0
            s += text.tell() * float(flags[0]) * x[i % 4]
        return s

    with override(disable_jit=True):
        assert graphc.value_and_grad(f)(X)[0] == pytest.approx(f(X), rel=1e-13)
