"""``graphc.numpy`` beside the Python array API standard, version 2024.12: every function, argument and dtype.

The standard's own test suite is no package, so its checks are written here as calls of every function as the standard
spells them (``forms``), traced and interpreted, against NumPy, which implements it. Special values (infinities, NaN,
signed zeros) of the compiled functions are compared in ``tests/codegen/test_table_compiled.py``.

By default each form is checked for one of its dtypes; ``TEST_ARRAY_API=1`` checks all.
"""

from __future__ import annotations

import linecache
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import UnsupportedError
from tests.array_api.forms import ELSEWHERE, FUNCTIONS, GROUPS, KINDS

ALL = bool(os.environ.get("TEST_ARRAY_API"))
DTYPES = {
    "f": ["f8", "f4"], "c": ["c16", "c8"], "i": ["i8", "i4", "i2", "i1"], "u": ["u8", "u4", "u2", "u1"], "b": ["?"],
}  # fmt: skip
MATRIX = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
RNG = np.random.default_rng(8)
REAL = RNG.uniform(0.3, 3.0, (2, 3, 4)) * RNG.choice([-1.0, 1.0], (2, 3, 4))
WHOLE = RNG.integers(1, 5, (2, 3, 4))


def arrays(letter: str, dtype: str) -> dict[str, np.ndarray]:
    """The two arrays that the letter names, of this dtype."""
    if letter == "s":
        return {"s": MATRIX.astype(dtype), "s1": MATRIX[:, :2].astype(dtype)}
    kind = np.dtype(dtype).kind
    values = {"b": REAL > 0, "u": WHOLE, "i": WHOLE * np.sign(REAL), "f": REAL, "c": REAL + 1j * REAL[::-1]}[kind]
    return {letter: values[0].astype(dtype), f"{letter}1": values[1].astype(dtype)}


def letters_of(form: str) -> list[str]:
    """The letters in a form; the one whose dtypes are gone through first."""
    found = [letter for letter in (*KINDS, "s") if re.search(rf"\b{letter}1?\b", form)] or ["x"]
    return sorted(found, key=lambda letter: letter == "b")


def cases(group: str) -> list[tuple[str, str]]:
    """Forms of the group, each with a dtype of its first letter."""
    found = []
    for number, form in enumerate(GROUPS[group]):
        letter = letters_of(form)[0]
        dtypes = DTYPES["f"] if letter == "s" else [d for kind in KINDS[letter] for d in DTYPES[kind]]
        found += [(form, d) for d in (dtypes if ALL else [dtypes[number % len(dtypes)]])]
    return found


def arguments(form: str, dtype: str) -> dict[str, np.ndarray]:
    first, *rest = letters_of(form)
    found = arrays(first, dtype)
    for letter in rest:
        found |= arrays(letter, "?" if letter == "b" else "f8")
    return found


def function_of(forms: list[tuple[str, str]], xp: Any, name: str) -> tuple[Any, list[np.ndarray]]:
    """A function that computes all of the forms, and its arguments."""
    lines, given = [], []
    for number, (form, dtype) in enumerate(forms):
        found = arguments(form, dtype)
        names = [f"{letter}_{number}" for letter in found]
        given += found.values()
        lines.append(f"    out.append((lambda {', '.join(found)}: {form})({', '.join(names)}))")
    parameters = [f"{letter}_{number}" for number, case in enumerate(forms) for letter in arguments(*case)]
    text = "\n".join([f"def f({', '.join(parameters)}):", "    out = []", *lines, "    return out\n"])
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    namespace = {"xp": xp}
    exec(compile(text, name, "exec"), namespace)
    return namespace["f"], given


def same(found: Any, expected: Any) -> None:
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        assert getattr(found, "_fields", None) == getattr(expected, "_fields", None)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    elif isinstance(expected, str | bool):
        assert found == expected
    else:
        found, expected = np.asarray(found), np.asarray(expected)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        narrow = expected.dtype in (np.float32, np.complex64)
        np.testing.assert_allclose(found, expected, rtol=2e-5 if narrow else 1e-12, atol=1e-5 if narrow else 1e-13)


@pytest.mark.parametrize("group", GROUPS)
def test_values_and_dtypes_are_numpys(group: str) -> None:
    wanted = cases(group)
    theirs, given = function_of(wanted, np, f"<numpy {group}>")
    ours, _ = function_of(wanted, graphc.numpy, f"<graphc {group}>")
    with override(disable_jit=True), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = theirs(*given)
        found, _ = graphc.vjp(ours, *given)  # interpreted
    for (form, dtype), one, other in zip(wanted, found, expected, strict=True):
        try:
            same(one, np.sort(other) if "unique_values" in form else other)
        except AssertionError as error:
            pytest.fail(f"{form} of {dtype}: {error}")


def test_every_function_of_the_standard_has_a_form() -> None:
    called = {
        name for forms in GROUPS.values() for form in forms for name in re.findall(r"xp\.((?:\w+\.)?\w+)\(", form)
    }
    missing = {name for names in FUNCTIONS.values() for name in names.split()} - called - ELSEWHERE.keys()
    assert not missing


def test_the_page_has_the_numbers() -> None:
    page = (Path(__file__).parents[2] / "docs" / "array_api.md").read_text()
    forms = sum(map(len, GROUPS.values()))
    functions = sum(len(names.split()) for names in FUNCTIONS.values())
    assert f"{functions} functions" in page
    assert f"{forms} forms" in page


# --- the namespace ----------------------------------------------------------------------------------------------------


def test_a_function_written_against_the_namespace() -> None:
    def standardised(x):
        xp = x.__array_namespace__(api_version="2024.12")
        y = xp.asarray(x, dtype=xp.float64)
        scale = xp.std(y, correction=1)
        return xp.sum(xp.zeros(y.shape) + ((y - xp.mean(y)) / scale) ** 3)

    x = np.array([0.5, 1.0, 4.0])
    step = 1e-6 * np.eye(3)
    expected = [(standardised(x + s) - standardised(x - s)) / 2e-6 for s in step]
    np.testing.assert_allclose(graphc.grad(standardised)(x), expected, rtol=1e-6)


def test_code_that_is_not_rewritten() -> None:
    """As that of another library, or without source."""
    namespace: dict[str, Any] = {}
    body = "xp = x.__array_namespace__()\n    return xp.sum(xp.asarray([x[0], 2 * x[1]]) + xp.ones(2) * x)\n"
    exec(f"def f(x):\n    {body}", namespace)
    with override(disable_jit=True):
        np.testing.assert_array_equal(graphc.grad(namespace["f"])(np.ones(2)), [2.0, 3.0])


def test_array_api_compat_finds_it() -> None:
    compat = pytest.importorskip("scipy._lib.array_api_compat", reason="SciPy's copy of array_api_compat")

    def total(x):
        xp = compat.array_namespace(x)
        return xp.sum(xp.concat([x, xp.ones_like(x)]) * xp.asarray(2.0)) + compat.size(x), xp.__name__

    with override(disable_jit=True):
        (value, name), pullback = graphc.vjp(total, np.ones(2))
    assert (value, name) == (10.0, "graphc.numpy")
    np.testing.assert_array_equal(pullback((1.0, None))[0], [2.0, 2.0])


def test_names_and_versions() -> None:
    assert graphc.numpy.sin is np.sin
    assert graphc.numpy.linalg is np.linalg
    assert graphc.numpy.float32 is np.float32
    assert {"sum", "__array_api_version__", "__array_namespace_info__"} <= set(dir(graphc.numpy))
    assert graphc.numpy.__array_api_version__ == np.__array_api_version__
    np.testing.assert_array_equal(graphc.numpy.zeros(2), np.zeros(2))
    with pytest.raises(AttributeError, match="did you mean 'cumulative_sum'"):
        _ = graphc.numpy.cumulativ_sum
    with pytest.raises(ValueError, match="1999"), override(disable_jit=True):
        graphc.grad(lambda x: x.__array_namespace__(api_version="1999.01").sum(x))(np.ones(2))
    with pytest.raises(UnsupportedError, match="to_device"), override(disable_jit=True):
        graphc.grad(lambda x: np.sum(x.to_device("gpu")))(np.ones(2))
