"""Loops over the rows of arrays, ``enumerate``, ``zip`` and ``reversed``."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import NumberError, UnsupportedError

X = np.array([0.4, 1.1, 0.7, 0.9, 1.3, 0.6])
W = np.linspace(0.1, 1, 6)


def elements_of(x):
    s = 0.0
    for v in x:
        s = s * 0.5 + v**2
    return s


def rows_of(x):
    a = np.outer(x, x)
    s = np.zeros(6)
    for row in a:
        s = s * 0.5 + np.sin(row)
    return s.sum()


def nested_rows(x):
    a = np.outer(x, x)
    s = 0.0
    for row in a:
        for v in row:
            s = s * 0.9 + v
    return s


def enum(x):
    s = 0.0
    for k, v in enumerate(x):
        s = s + k * v**2
    return s


def enum_start(x):
    s = 0.0
    for k, v in enumerate(x, start=2):
        s = s + k * v**2 + x[k - 2]
    return s


def zips(x):
    s = 0.0
    for a, b in zip(x[:-1], x[1:]):  # noqa: B905, RUF007
        s = s + a * b * s + a
    return s


def zip_uneven(x):
    s = 0.0
    for a, b in zip(x[:-2], x, strict=False):
        s = s + a * b
    return s


def zip_range(x):
    s = 0.0
    for i, v in zip(range(1, 100, 2), x, strict=False):
        s = s + i * v**2
    return s


def enum_zip(x):
    s = 0.0
    for i, (a, b) in enumerate(zip(x, W, strict=False)):
        s = s + i * a**b
    return s


def rev(x):
    s = 0.0
    for i in reversed(range(x.shape[0])):
        s = s * 0.5 + x[i]
    return s


def rev2(x):
    s = 0.0
    for v in reversed(x):
        s = s * 0.5 + v
    return s


def rev3(x):
    s = 0.0
    for i in reversed(range(1, 6, 2)):
        s = s * 0.5 + x[i]
    for i, v in enumerate(reversed(x)):
        s = s * 0.5 + v * i
    return s


def unpack(x):
    pts = np.stack([x, x * 2, x**2], axis=1)
    s = 0.0
    for a, b, c in pts:
        s = s * 0.5 + a * b + c
    return s


def writes_rows(x):
    a = np.outer(x, x)
    for row in a:
        row *= 0.5  # noqa: PLW2901
        row[1] += row[0]
    return (a**2).sum()


def writes_while_reading(x):
    a = x * 1.0
    for i, v in enumerate(a):
        if i < 5:
            a[i + 1] += v
    return (a * x).sum()


def rebinds(x):
    a = x * 1.0
    for v in a:
        a = a * v
    return a.sum()


def row_kept(x):
    a = np.outer(x, x)
    for row in a:
        last = row
    return last.sum()


def breaks(x):
    for v in x:
        if v > 1.0:
            break
    return v**2


def best_index(x):
    best = -1.0
    k = 0
    for i, v in enumerate(x):
        if v > best:
            best = v
            k = i
    return best * (k + 1) * x[k]


def over_arange(x):
    s = 0.0
    for i in np.arange(6):
        s = s + x[i] * i
    return s


def over_linspace(x):
    y = x[0]
    for t in np.linspace(0, 1, 50):
        y = y + 0.02 * (x[1] * t - y)
    return y


def ts_diff(x):
    ts = np.linspace(0, 1, 20)
    y = x[0]
    for t0, t1 in zip(ts[:-1], ts[1:], strict=True):  # noqa: RUF007
        y = y + (t1 - t0) * (x[1] * t0 - y)
    return y


def layers(x):
    ws = [np.outer(x, x), np.outer(x, x**2)]
    bs = [x, x * 2]
    h = x
    for w, b in zip(ws, bs, strict=False):
        h = np.tanh(w @ h + b)
    return h.sum()


def pairs(x):
    s = 0.0
    for i, a in enumerate(x):
        for j, b in enumerate(x):
            if j < i:
                s = s + a * b * (i - j)
    return s


def tri(x):
    s = 0.0
    for i in range(6):
        for j in range(i):
            s = s + x[i] * x[j] * (i - j)
    return s


def tri_rev(x):
    s = 0.0
    for i in range(6):
        for j in reversed(range(i)):
            s = s * 0.9 + x[i] * x[j]
    return s


def tri_enum(x):
    s = 0.0
    for i in range(1, 6):
        for j, v in enumerate(x[:i]):
            s = s * 0.9 + x[i] * v * j
    return s


def dict_items(x):
    d = {"a": x[0], "b": x[1]}
    s = 0.0
    for k, v in d.items():
        s = s + v * (2 if k == "a" else 3)
    return s


def rows_2d_unpack_nested(x):
    a = np.stack([x, x**2], 1)
    b = np.outer(x, x)
    s = 0.0
    for (p, q), row in zip(a, b, strict=False):
        s = s * 0.3 + p * q * row.sum()
    return s


def strict_zip(x):
    s = 0.0
    for a, b in zip(x, x**2, strict=True):
        s = s + a * b
    return s


def transposed(x):
    s = 0.0
    for col in np.outer(x, x**2).T:
        s = s * 0.5 + (col * x).sum()
    return s


PROGRAMS = [
    elements_of, rows_of, nested_rows, enum, enum_start, zips, zip_uneven, zip_range, enum_zip, rev, rev2,
    rev3, unpack, writes_rows, writes_while_reading, rebinds, row_kept, breaks, best_index, over_arange,
    over_linspace, ts_diff, layers, pairs, tri, tri_rev, tri_enum, dict_items, rows_2d_unpack_nested,
    strict_zip, transposed,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_and_gradient(program):
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(program)(X)
    np.testing.assert_allclose(value, program(X), rtol=1e-13)
    slopes = [(program(X + step) - program(X - step)) / 2e-6 for step in 1e-6 * np.eye(6)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("program", [elements_of, rev2, enum, zips])
def test_the_program_does_not_grow_with_the_array(program):
    long, short = (str(graphc.jit(program).graph("traced", x)) for x in (np.ones(60), np.ones(6)))
    assert long == short


def test_one_program_serves_every_size():
    f = graphc.grad(zips)
    with override(disable_jit=True):
        for size in (5, 6, 9):
            x = np.linspace(0.4, 1.2, size)
            step = 1e-6 * np.eye(size)[1]
            np.testing.assert_allclose(f(x)[1], (zips(x + step) - zips(x - step)) / 2e-6, rtol=1e-7)
    assert f.cache_info()["programs"] == 1


# --- errors -----------------------------------------------------------------------------------------------------------


def row_kept_written(x):
    a = np.outer(x, x)
    for row in a:
        last = row
    last[0] = 5.0 * x[0]
    return a.sum()


def strict_bad(x):
    s = 0.0
    for a, b in zip(x, x[1:], strict=True):  # noqa: RUF007
        s = s + a * b
    return s


@pytest.mark.parametrize(
    ("program", "error", "message"),
    [
        (row_kept_written, UnsupportedError, "may share memory"),
        (strict_bad, NumberError, r"zip\(strict=True\)"),
    ],
)
def test_errors_name_the_line(program, error, message):
    with pytest.raises(error, match=message) as caught:
        graphc.jit(program)(X)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__
