"""Hypergeometric functions and orthogonal polynomials of devices: mpmath's values, or SciPy's where they are exact."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.special

from tests.nightly import NIGHTLY
from tests.scalar_special.support import errors, values

COUNT = 12
STEP = 1 if NIGHTLY else 3  # between those points that mpmath computes
RANDOM = np.random.default_rng(9)


def normal(size):
    return RANDOM.normal(size=COUNT) * size


def degrees(most):
    return RANDOM.integers(0, most, COUNT).astype(float)


def positive(size):
    return np.abs(normal(size)) + 0.1


def inner():
    return RANDOM.uniform(-1, 1, COUNT)


# (name, arguments, mpmath's function): around 0, far out, near 1, with parameters that are large, negative or integers
HYPERGEOMETRIC = [
    ("hyp2f1", (normal(3), normal(3), positive(3), inner())),
    ("hyp2f1", (normal(1), normal(1), degrees(4) + 1, 1 - 10 ** RANDOM.uniform(-9, -1, COUNT))),
    ("hyp2f1", (normal(3), normal(3), positive(3), -(10 ** RANDOM.uniform(-1, 3, COUNT)))),
    ("hyp2f1", (-positive(20), positive(20), positive(3), RANDOM.uniform(0, 1, COUNT))),
    ("hyp2f1", (-degrees(30), positive(30), positive(3), inner())),
    ("hyp1f1", (normal(3), positive(3), normal(15))), ("hyp1f1", (-degrees(30), positive(3), normal(30))),
    ("hyp1f1", (normal(10), positive(10), normal(40))), ("hyp1f1", (positive(3), positive(3), normal(60))),
    ("hyperu", (positive(5), normal(5), 10 ** RANDOM.uniform(-3, 2, COUNT))),
    ("hyperu", (-positive(5), normal(5), 10 ** RANDOM.uniform(-2, 2, COUNT))),
    ("hyp0f1", (positive(5), normal(30))), ("hyp0f1", (positive(5), normal(1000))),
]  # fmt: skip


def exact(name):
    def number(*point):
        with mpmath.workdps(40):
            return float(mpmath.re(getattr(mpmath, name)(*map(mpmath.mpf, point))))

    return np.vectorize(number, otypes=[float])


def check(found, reference, arguments, dtype, bound):
    gaps = errors(found, reference, arguments, dtype)
    right = np.abs(reference(*(a.astype(float) for a in arguments)))
    seen = (right < np.finfo(dtype).max) & (right > np.finfo(dtype).tiny)
    assert np.max(np.where(np.isnan(gaps), np.inf, gaps)[seen]) < bound


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", range(len(HYPERGEOMETRIC)))
def test_hypergeometric(case, dtype):
    name, arguments = HYPERGEOMETRIC[case]
    arguments = [a[::STEP].astype(dtype) for a in arguments]
    check(values(name, arguments, dtype), exact(name), arguments, dtype, 50)


@pytest.mark.filterwarnings("ignore")
def test_hypergeometric_edges():
    """SciPy's, and NaN where too many digits are lost: below the poles of the denominator."""
    points = {
        "hyp2f1": [(1, 2, 3, 0), (0, 2, 3, 5), (1, 2, -3, 0.5), (-2, 2, -3, 0.5), (-2, 2, 3, 1.5), (1, 2, 3, 1.5),
                   (1, 2, 4, 1), (1, 2, 3, 1), (-2, 3, 1.5, 1), (np.nan, 1, 1, 0.5), (1, 1, 2, -1e3)],
        "hyp1f1": [(1, 2, 0), (0, 2, 3), (1, -3, 0.5), (-2, -3, 0.5), (2, 2, 3), (3, 2, -4), (np.nan, 1, 1)],
        "hyperu": [(1, 2, 0), (1, 2, -1), (0, 2, 3), (-2, 1.5, 3), (1.5, 0.5, 0), (1, 2.5, 0)],
        "hyp0f1": [(2, 0), (0.5, -100), (0.5, 100), (np.nan, 1)],
    }  # fmt: skip
    for name, rows in points.items():
        arguments = list(np.array(rows, float).T)
        expected = getattr(scipy.special, name)(*arguments)
        np.testing.assert_allclose(values(name, arguments), expected, rtol=1e-13, err_msg=name)
    assert np.isnan(values("hyp2f1", [np.array([v]) for v in (10.0, 20.0, -30.5, -5.0)]))


SHAPES = {
    "eval_jacobi": (positive(3) - 0.9, positive(3) - 0.9), "eval_gegenbauer": (positive(3),),
    "eval_genlaguerre": (positive(3) - 0.9,), "eval_sh_jacobi": (positive(1) + 3.0, positive(1) + 0.5),
}  # fmt: skip
POLYNOMIALS = [
    "eval_chebyt", "eval_chebyu", "eval_chebyc", "eval_chebys", "eval_legendre", "eval_laguerre", "eval_hermite",
    "eval_hermitenorm", "eval_sh_legendre", "eval_sh_chebyt", "eval_sh_chebyu", *SHAPES,
]  # fmt: skip
DEGREES = np.concatenate([[0.0, 1.0, 2.0, 3.0], degrees(25)[4:]])
PLACES = RANDOM.uniform(0, 1, COUNT)
REAL_DEGREES = {"eval_legendre": "legendre", "eval_jacobi": "jacobi", "eval_genlaguerre": "laguerre",
                "eval_gegenbauer": "gegenbauer"}  # fmt: skip
ASSOCIATED = RANDOM.integers(-4, 5, COUNT), 4 + np.concatenate([degrees(12)[:6], positive(5)[6:]]), inner()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name, dtype):
    """Of degrees that are integers; within their intervals."""
    x = PLACES * (15 if "laguerre" in name else 1)
    x = x if "_sh_" in name or "laguerre" in name else 2 * x - 1
    arguments = [a.astype(dtype) for a in (DEGREES, *SHAPES.get(name, ()), x)]
    degree = DEGREES.astype(int)

    def reference(n, *rest):
        return getattr(scipy.special, name)(degree, *rest)

    found = values(name, arguments, dtype)
    size = np.maximum(np.abs(reference(*(a.astype(float) for a in arguments))), 1.0)
    gaps = errors(found, reference, arguments, dtype)
    right = reference(*(a.astype(float) for a in arguments))
    close = np.abs(found - right) <= 300 * np.finfo(dtype).eps * size
    assert np.all(close | (gaps < 100)), np.max(gaps)


@pytest.mark.parametrize("name", REAL_DEGREES)
def test_polynomials_of_real_degrees(name):
    x = PLACES * 15 if "laguerre" in name else PLACES * 2 - 1
    arguments = [a[::STEP] for a in (DEGREES / 2.7, *SHAPES.get(name, ()), x)]
    check(values(name, arguments), exact(REAL_DEGREES[name]), arguments, np.float64, 50)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_associated_legendre_functions(dtype):
    order, degree = (
        RANDOM.integers(-4, 5, COUNT),
        np.where(RANDOM.uniform(size=COUNT) < 0.5, 4 + degrees(12), positive(5) + 4),
    )
    arguments = [a.astype(dtype) for a in (order, degree, inner())]

    def reference(m, v, x):
        return np.vectorize(lambda m, v, x: float(mpmath.re(mpmath.legenp(v, round(m), x))), otypes=[float])(m, v, x)

    gaps = errors(values("lpmv", arguments, dtype), reference, arguments, dtype, fixed=(0,))
    assert np.max(gaps) < 200


# Parameters far above and below the others: the series by itself, polynomials of the lower degree, recurrences in c
HARD = {
    "hyp2f1": [
        (4.03, 3.81, 1599.07, -2.0), (0.9, 8.56, 3210.9, 0.94), (0.4, 10.05, 141.8, -4.6), (-15.6, -0.03, 2743.4, -2.9),
        (-0.1, -0.3, 1798.4, -0.95), (10.0, -0.0017, -22.7, 0.43), (-2.5, 0.49, -33.8, 0.72), (5.5, 9.3, -9.5, -2.4),
        (-105.0, -7.1, -1906.9, -0.05), (60.0, 9.5, 5.0, -7.0), (800.5, 900.2, 1300.0, 0.5), (5.5, -3.2, 200.0, 0.97),
    ],
    "hyp1f1": [
        (133.4, 1.0, 126.1), (12.0, -8.5, -7.83), (10.48, -0.5, -8.67), (45.7, -4.5, -84.0), (-3.3, -2.6, 40.0),
        (0.657, 1057.9, 778.8), (-0.72, 7308.2, 12.0), (-2.5, 2050.0, 300.0), (0.5, 500.0, 800.0),
        (9.3, -3266.3, 1158.9), (0.5, 200.0, 800.0), (-199.5, 0.5, -300.0), (-3.3, 2000.0, -900.0),
        (0.15, 139.0, -68.4),
    ],
    "hyperu": [
        (1e-9, 11.4, 0.61), (2.2e-7, 60.3, 10.0), (0.03, 3.0, 0.01), (0.56, 1.3e-9, 0.006), (1e-12, 1.5, 2.0),
    ],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", HARD)
def test_hard_parameters(name):
    with mpmath.workdps(120):
        expected = [float(getattr(mpmath, name)(*map(mpmath.mpf, row), maxprec=10**5)) for row in HARD[name]]
    np.testing.assert_allclose(values(name, np.array(HARD[name]).T), expected, rtol=2e-12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_hard_parameters_in_single_precision():
    rows = np.array([(0.15, 139.0, -68.4), (0.5, 60.0, 120.0), (-20.5, 0.5, -60.0), (3.3, 2.2, 70.0)], np.float32)
    expected = [float(mpmath.hyp1f1(*map(float, row))) for row in rows]
    np.testing.assert_allclose(values("hyp1f1", rows.T, np.float32), expected, rtol=2e-5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_polynomials_beyond_1():
    """A power of 1 - z times a polynomial of it (DLMF 15.8.1), which is real where that power is an integer."""
    rows = np.array([(6.0, 7.0, 4.0, 9.1), (9.0, 3.5, -5.5, 4.2), (11.0, 10.0, 11.0, 8.0)])
    expected = [float(mpmath.re(mpmath.hyp2f1(*row))) for row in rows]
    np.testing.assert_allclose(values("hyp2f1", rows.T), expected, rtol=1e-13)
    at_one = np.array([(0.7, 11.2, 3.6), (0.7, -1.2, -0.7)])
    nearly = [float(mpmath.hyp2f1(*row, 1 - mpmath.mpf(10) ** -12)) for row in at_one]
    np.testing.assert_array_equal(values("hyp2f1", [*at_one.T, 1.0]), np.copysign(np.inf, nearly))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kummers_limits_and_huge_degrees(dtype):
    inf = np.inf
    rows = [(0.5, 1.0), (-0.5, 1.0), (-2.0, 1.0), (-3.0, 1.0), (-2.0, -3.0), (0.5, -1.5), (0.0, 2.0), (3.0, 1.0)]
    a, b = np.array(rows).T
    assert values("hyp1f1", [a, b, inf], dtype).tolist() == [inf, -inf, inf, -inf, inf, inf, 1.0, inf]
    assert values("hyp1f1", [a, b, -inf], dtype).tolist() == [0.0, inf, inf, inf, inf, 0.0, 1.0, 0.0]
    assert np.all(np.isnan(values("hyp1f1", [[1e20, -1e30, -inf], [40.0, 0.5, 1.0], [-0.5, 40.0, 1.0]], dtype)))
