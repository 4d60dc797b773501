"""Mathieu and spheroidal wave functions beside mpmath, at the edges, and as a device computes them.

SciPy's are right for small parameters, where they are the reference for all results. Its other values are not: it has
``obl_ang1(0, 0, 30, 0.1)`` and ``obl_rad2(0, 0, 1, 1)`` wrong in their first digit, ``pro_rad1(0, 0, 30, 2)`` and
``mathieu_cem(0, 300, 7)`` in the fourth, small ones as ``mathieu_modcem1(10, 0.01, 1)`` are what rounding left.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import graphc
from graphc.codegen.ptx import kernel_ptx
from graphc.config import override, settings
from graphc.scalar_special.table import BY_FILE, FUNCTIONS, mathieu, spheroidal_waves
from tests.cuda.test_ptx import kernels_of
from tests.nightly import NIGHTLY
from tests.scalar_special import wave_reference as exact
from tests.scalar_special.support import errors, values

NAMES = [*BY_FILE[mathieu].split(), *BY_FILE[spheroidal_waves].split()]
PERIODIC, MODIFIED = ("cem", "sem"), ("modcem1", "modcem2", "modsem1", "modsem2")
INF, NAN = np.inf, np.nan
COMPILED = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")


def given_values(name, rows):
    """The rows of arguments with the characteristic value before the last one."""
    shape = name[:3]
    return [*rows[:3], getattr(scipy.special, f"{shape}_cv")(*rows[:3]), rows[3]]


def places(name):
    """Where SciPy's are right."""
    if name in ("mathieu_a", "mathieu_b"):
        return [np.array([1.0, 2, 3, 6, 10]), np.array([0.3, -5, 12, 30, -60])]
    if name.startswith("mathieu_mod"):
        return [np.array([1.0, 2, 3]), np.array([0.5, 5, 12]), np.array([0.4, 0.9, 1.7])]
    if name.startswith("mathieu"):
        return [np.array([1.0, 2, 3, 6]), np.array([0.3, -5, 12, 3]), np.array([140.0, 25, -70, 400])]
    rows = [np.array([0.0, 1, 2]), np.array([1.0, 3, 2]), np.array([1.5, 4, 2])]
    if name.endswith("_cv") and len(name) == 6:
        return rows
    rows.append(np.array([2.0, 3, 4]) if "rad" in name else np.array([0.3, -0.6, 0.1]))
    return given_values(name, rows) if name.endswith("_cv") else rows


@pytest.mark.parametrize("name", NAMES)
def test_values_are_scipys_where_those_are_right(name):
    rows = places(name)
    found = values(name, rows)
    expected = np.moveaxis(np.array(getattr(scipy.special, name)(*rows)), 0, -1) if found.ndim > 1 else None
    expected = getattr(scipy.special, name)(*rows) if expected is None else expected
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def reference(name):
    """The reference of each result, and whether it has derivatives by mpmath, else by the first result's."""
    kind = name.removeprefix("mathieu_")
    if kind in ("a", "b"):
        return [exact.characteristic("ce" if kind == "a" else "se")]
    if kind in PERIODIC:
        return [exact.periodic(kind[:2], k) for k in (0, 1)]
    if kind in MODIFIED:
        return [exact.products(kind[3:5], int(kind[-1]))]
    if len(name) == 6:
        return [exact.spheroidal_value(name[:3])]
    if "ang" in name:
        return [exact.angular(name[:3], k) for k in (0, 1)]
    return [exact.radial(name[:3], int(name[-1]))]


def over_rows(function):
    """The function of numbers over arrays."""

    def over(*arguments):
        found = [float(function(*map(float, point))) for point in zip(*arguments, strict=True)]
        return np.array(found)

    return over


def hard_places(name):
    """Where functions are small, or large, or SciPy's wrong."""
    random = np.random.default_rng(7)
    count = 12 if NIGHTLY else 0
    if name.startswith("mathieu"):
        m, q = [3.0, 2.0], [-7.0, 300.0]
        m, q = np.append(m, random.integers(1, 15, count)), np.append(q, 10 ** random.uniform(-3, 3, count))
        if len(name) == 9:
            return [m, q]
        if "mod" in name:
            return [m[1:], q[1:], np.append([0.3], random.uniform(0, 3, count))]
        return [m, q * random.choice([1.0, -1.0], len(q)), np.append([40.0, 7.0], random.uniform(-90, 500, count))]
    m, over, c = [1.0, 0.0], [3.0, 0.0], [6.0, 30.0]
    m, over = np.append(m, random.integers(0, 8, count)), np.append(over, random.integers(0, 15, count))
    rows = [m, m + over, np.append(c, 10 ** random.uniform(-2, 1.7, count))]
    if len(name) == 6:
        return rows
    x = random.uniform(1.5, 6, count + 2) if "rad" in name else random.uniform(-1, 1, count + 2)
    return [*rows, x]


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("_cv") or len(name) == 6])
def test_values(name):
    rows = hard_places(name)
    found = values(name, rows).reshape(len(rows[0]), -1)
    fixed = (0, 1) if name[0] in "po" else (0,)
    for k, function in enumerate(map(over_rows, reference(name))):
        if NIGHTLY:
            assert np.max(errors(found[:, k], function, rows, fixed=fixed)) < 40
        else:
            np.testing.assert_allclose(found[:, k], function(*rows), rtol=2e-13)


# Radial functions of the second kind near the ends, by mpmath's odefun from the sum at x = 3: m, n, c, x, value, slope
NEAR_ENDS = {
    "pro_rad2": [
        (0, 0, 1, 1.05, -1.5958528978464229, 11.043606998518909),
        (1, 3, 5, 1.1, -0.351153470644905, 2.9829598533957779),
        (0, 2, 20, 1.05, -0.091308674703846191, 0.94310660530078449),
    ],
    "obl_rad2": [
        (0, 0, 1, 0.2, -1.0237498682997467, 1.1526745378623092),
        (1, 3, 5, 0.1, -0.39624414367214599, 0.79959162738457593),
        (0, 2, 15, 0.3, -0.029450767960608772, -0.77253395998840317),
        (2, 2, 0.5, 0.4, -35.175694520770158, 67.061828732387979),
    ],
}


@pytest.mark.parametrize("name", NEAR_ENDS)
def test_second_radial_functions_near_the_ends(name):
    rows = np.array(NEAR_ENDS[name], float).T
    np.testing.assert_allclose(values(name, rows[:4]).T, rows[4:], rtol=2e-14)


SINGLE = {
    "mathieu_": [5, 7, 0.8], "mathieu_cem": [2, 40, 10], "mathieu_sem": [4, -9, 70],
    "ang1": [1, 4, 6, 0.4], "rad": [1, 3, 4, 1.4], "pro_cv": [1, 4, 6], "obl_cv": [1, 4, 6],
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in NAMES if name[-3:] != "_cv" or len(name) == 6])
def test_single_precision(name):
    """Beside double precision."""
    point = SINGLE.get(name) or SINGLE[next(key for key in ("mathieu_", "ang1", "rad") if key in name)]
    point = point[:2] if len(name) == 9 and name[0] == "m" else point
    rows = [np.array([number], float) for number in point]
    found = values(name, rows, np.float32).reshape(1, -1)
    fixed = (0, 1) if name[0] in "po" else (0,)
    for k in range(found.shape[1]) if NIGHTLY else [found.shape[1] - 1]:
        double = lambda *given, k=k: values(name, given).reshape(1, -1)[:, k]  # noqa: E731
        assert np.max(errors(found[:, k], double, rows, np.float32, fixed=fixed)) < 20


@pytest.mark.parametrize("name", NAMES)
def test_orders_and_places_that_are_none(name):
    spheroidal = name[0] in "po"
    wrong = [(-1, 1), (1.5, 2), (0, 0.5), (2, 1), (0, 199), (NAN, 1)] if spheroidal else [(-1,), (1.5,), (NAN,), (INF,)]
    rest = len(places(name)) - len(wrong[0])
    x = 0.5 if "ang1" in name else 2.0
    for orders in wrong:
        assert np.all(np.isnan(values(name, [[number] for number in (*orders, *[x] * rest)]))), orders
    good = [0.0, 1.0] if spheroidal else [1.0]
    for position in range(rest):
        rows = [[number] for number in (*good, *(NAN if k == position else x for k in range(rest)))]
        assert np.all(np.isnan(values(name, rows)))
    outside = {"ang1": [1.0, -1.0, 1.5, INF], "pro_rad": [1.0, 0.5, -2.0], "obl_rad": [-0.1]}
    for end in next((ends for key, ends in outside.items() if key in name), ()):
        assert np.all(np.isnan(values(name, [[number] for number in (*good, *[2.0] * (rest - 1), end)])))


def test_edges():
    """Limits, functions of nothing, and of negative parameters."""
    assert np.isnan(values("mathieu_b", [[0], [2]]))
    np.testing.assert_array_equal(values("mathieu_sem", [[0], [2], [3]]), [[0, 0]])
    np.testing.assert_array_equal(values("mathieu_cem", [[3, 3], [25, 0], [90, 90]])[:, 0], 0)
    np.testing.assert_array_equal(values("mathieu_modcem1", [[0, 2, 2], [0, 0, 5], [1, 1, INF]])[:, 0], [1, 0, 0])
    assert np.all(np.isnan(values("mathieu_modsem2", [[2], [-5], [1]])))
    ends = [[0, 0, 1], [0, 1, 1], [2, 0, 0], [INF, 2, 2]]
    np.testing.assert_array_equal(values("pro_rad1", ends), [[0, 0], [0, 0], [0, 0]])
    np.testing.assert_array_equal(values("obl_rad2", ends), [[0, 0], [-INF, INF], [-INF, INF]])
    tiny = [[8], [23], [0.8], [1.000003]]
    np.testing.assert_array_equal(values("pro_rad2", tiny, np.float32), [[-INF, INF]])
    np.testing.assert_array_equal(values("pro_rad1", tiny, np.float32), [[0, 0]])
    for name, rows in (("pro_cv", [0, 3]), ("obl_ang1", [1, 2]), ("obl_rad1", [0, 2]), ("pro_rad2", [1, 2])):
        x = [] if name.endswith("cv") else [[0.5 if "ang" in name else 2.0]]
        plus, minus = (values(name, [*([k] for k in rows), [c], *x]) for c in (3.0, -3.0))
        np.testing.assert_array_equal(minus, -plus if name == "pro_rad2" and rows[1] % 2 == 0 else plus)
    left, right = (values("mathieu_modcem1", [[3], [5], [z]])[0] for z in (-0.7, 0.7))
    np.testing.assert_allclose(left, right * [1, -1], rtol=1e-14)


def test_what_would_take_too_many_steps_is_nan():
    assert np.isnan(values("mathieu_a", [[2], [1e12]]))
    assert np.all(np.isnan(values("pro_rad2", [[0], [0], [1e6], [1.5]])))


# --- in kernels -------------------------------------------------------------------------------------------------------


def of_waves(q, x):
    special = scipy.special
    found = special.mathieu_cem(2, 5.0, x)[0] * special.mathieu_b(3, q) + special.mathieu_modcem2(1, 3.0, x / 40)[1]
    found = found + special.pro_ang1(1, 3, 4.0, x / 200)[0] * special.obl_cv(1, 3, q)
    return np.sum(found + special.obl_rad1(1, 2, 5.0, x / 30)[0] + special.pro_rad2(0, 1, 5.0, 2 + x / 90)[1])


@COMPILED
@pytest.mark.skipif(not NIGHTLY, reason="only in the nightly run")
def test_gradients_are_the_cpus():
    given = np.array([0.7, 3.0, 6.0]), np.array([40.0, 70.0, 95.0])
    with override(disable_jit=True):
        expected = graphc.value_and_grad(of_waves, argnums=(0, 1))(*given)
    with override(cuda_emulator=True):
        found = graphc.value_and_grad(of_waves, argnums=(0, 1), target="cuda")(*given)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-11)
    for ours, cpus in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, cpus, rtol=1e-10)


@COMPILED
@pytest.mark.parametrize("name", NAMES if NIGHTLY else [])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kernels_have_the_values_of_the_python_functions(name, dtype):
    rows = [row.astype(dtype) for row in places(name)]

    def compute(*given):
        return getattr(scipy.special, name)(*given)

    with override(cuda_emulator=True):
        found = graphc.jit(compute, target="cuda")(*rows)
    found = np.moveaxis(np.array(found), 0, -1) if isinstance(found, tuple) else found
    room = 200 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, values(name, rows, dtype), rtol=room, atol=room * np.max(np.abs(found)))
    texts = [kernel_ptx(kernel, "sm_80") for kernel in kernels_of(graphc.jit(compute), rows)]
    assert dtype == np.float64 or not any(".f64" in text for text in texts)


def test_huge_orders_take_no_loop_of_their_own_length():
    with np.errstate(all="ignore"):
        assert spheroidal_waves.at_zero(np.float64(1e18), np.float64(1e18)) == np.inf


def test_every_wave_function_is_there():
    assert set(NAMES) <= set(FUNCTIONS)
