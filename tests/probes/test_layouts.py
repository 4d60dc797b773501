"""Arguments that lie in memory in every way, of many sizes, on one thread and on two, and are left as they were."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
from graphc import config
from tests.nightly import NIGHTLY, part

SHAPES = [
    (7,), (3, 4), (), (0,), (1,), (64,), (1000,), (4097,), (0, 4), (4, 0), (1, 5), (5, 1), (33, 65), (2, 3, 4),
    (64, 64), (130, 7),
]  # fmt: skip
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "pointwise": lambda x: x * 2 + x * x, "sum": np.sum, "columns": lambda x: np.sum(x, axis=0) if x.ndim else x * 1,
    "rows": lambda x: np.sum(x, axis=-1) if x.ndim else x * 1, "cumsum": np.cumsum, "itself": lambda x: x,
    "reversed": lambda x: x[::-1] * 3 if x.ndim else x * 1, "transposed": lambda x: x.T + 1,
    "every other": lambda x: x.reshape(-1)[::2], "gathered": lambda x: x.ravel()[np.arange(x.size) // 2],
    "stacked": lambda x: np.stack([x, x], axis=-1), "differences": lambda x: np.diff(x, axis=0) if x.ndim else x * 1,
    "product": lambda x: x @ x.T if x.ndim == 2 else x * 1, "flags": lambda x: x != 0,
}  # fmt: skip
DTYPES = ("f8", "i4", "c16", "f4", "?", "u1", "i8", "c8")
rng = np.random.default_rng(3)


def unaligned(a: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.ndarray(a.shape, a.dtype, buffer=np.empty(a.nbytes + 1, np.uint8)[1:].data)
    found[...] = a
    return found


def of_record(a: np.ndarray) -> np.ndarray:
    records = np.zeros(a.shape, [("before", "u1"), ("value", a.dtype)])
    records["value"] = a
    return records["value"]


def backwards(a: np.ndarray) -> np.ndarray:
    turn = (slice(None, None, -1),) * a.ndim
    return np.ascontiguousarray(a[turn])[turn]


def read_only(a: np.ndarray) -> np.ndarray:
    found = a.copy()
    found.setflags(write=False)
    return found


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": lambda a: a, "Fortran": np.asfortranarray, "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "rows apart": lambda a: np.repeat(a, 3, axis=0)[::3], "backwards": backwards, "read-only": read_only,
    "one row": lambda a: np.broadcast_to(a[:1], a.shape), "one column": lambda a: np.broadcast_to(a[..., :1], a.shape),
    "unaligned": unaligned, "of a record": of_record, "other byte order": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "axes turned": lambda a: np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0),
}  # fmt: skip
WITHOUT_AXES = ("C", "read-only", "unaligned", "of a record", "other byte order")


def numbers(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    real = 3 * rng.normal(size=shape)
    return np.asarray(real + 1j * rng.normal(size=shape) if dtype[0] == "c" else real).astype(dtype)


def arguments(shape: tuple[int, ...], dtype: str) -> list[np.ndarray]:
    base = numbers(shape, dtype)
    made = [LAYOUTS[name](base) for name in (LAYOUTS if shape else WITHOUT_AXES)]
    return [a for a in made if a.shape == shape]


def check(compiled: Callable[[Any], Any], function: Callable[[Any], Any], x: np.ndarray, is_product: bool) -> None:
    before = x.copy()
    native = x.astype(x.dtype.newbyteorder("="))
    results = []
    for threads in (1, 2):
        with config.override(num_threads=threads), warnings.catch_warnings(action="ignore"):
            results.append(np.asarray(compiled(x)))
    expected = np.asarray(function(native))
    assert (results[0].dtype, results[0].shape) == (expected.dtype, expected.shape)
    eps = np.finfo(expected.dtype).eps if expected.dtype.kind in "fc" else 0
    bound = 64 * eps * np.abs(expected).max(initial=1) if eps else 0
    np.testing.assert_allclose(results[0], expected, rtol=0, atol=bound)
    assert is_product or results[0].tobytes() == results[1].tobytes()
    assert x.tobytes() == before.tobytes()


@pytest.mark.parametrize("dtype", part(DTYPES, 0, 3))
@pytest.mark.parametrize("name", part(FUNCTIONS, 1, 5))
def test_results_are_numpys(name: str, dtype: str) -> None:
    function = FUNCTIONS[name]
    compiled = graphc.jit(function)
    for shape in SHAPES if NIGHTLY else SHAPES[:3]:
        for x in arguments(shape, dtype):
            check(compiled, function, x, name == "product")


@pytest.mark.parametrize("name", part([name for name in FUNCTIONS if name != "flags"], 0, 13))
def test_gradients_do_not_depend_on_the_layout(name: str) -> None:
    gradient = graphc.grad(lambda x: np.sum(FUNCTIONS[name](x) ** 2))
    for shape in SHAPES if NIGHTLY else SHAPES[1:3]:
        for x in arguments(shape, "f8"):
            found = gradient(x)
            assert (found.dtype, found.shape) == (np.float64, shape)
            expected = gradient(np.array(x, "f8", order="C"))  # another program adds up in another order
            bound = 64 * np.finfo("f8").eps * max(shape, default=1) * np.abs(expected).max(initial=1)
            np.testing.assert_allclose(found, expected, rtol=0, atol=bound)
