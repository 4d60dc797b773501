"""SciPy's functions that graphc traces as programs of NumPy: values are SciPy's, derivatives those of differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.signal

import graphc
from graphc.config import override
from graphc.trace.algorithms import functional, integrals, sparse_products, special_functions
from graphc.trace.algorithms.table import ALGORITHMS
from tests.trace.test_scipy_interpolation import CASES as INTERPOLATION
from tests.trace.test_scipy_resampling import CASES as RESAMPLING
from tests.trace.test_scipy_roots import CASES as ROOTS
from tests.trace.test_scipy_signals import CASES as SIGNALS
from tests.trace.test_scipy_statistics import CASES as STATISTICS

rng = np.random.default_rng(7)
A, B, E = rng.normal(size=(3, 3, 3))
POSITIVE = A @ A.T + np.eye(3)
WIDE = rng.normal(size=(3, 4))
BAND = rng.normal(size=(4, 4)) + np.array([[0.0], [0.0], [5.0], [0.0]])
SECTIONS = scipy.signal.butter(4, 0.3, output="sos")

CASES: dict[str, list[tuple[Any, ...]]] = {
    "linalg.expm": [(A,), (20 * A,), (np.zeros((2, 2)),), (rng.normal(size=(2, 3, 3)),)],
    "linalg.sqrtm": [(POSITIVE,), (scipy.linalg.expm(A),)],
    "linalg.logm": [(scipy.linalg.expm(0.5 * A),)],
    "linalg.block_diag": [(A, WIDE, WIDE[0])],
    "linalg.toeplitz": [(WIDE[0], WIDE[1, :3]), (WIDE[0],)],
    "linalg.hankel": [(WIDE[0], WIDE[1, :3]), (WIDE[0],)],
    "linalg.circulant": [(WIDE[0],)],
    "linalg.khatri_rao": [(A, WIDE[:2, :3])],
    "linalg.solve_sylvester": [(A, WIDE[:2, :2] + 3 * np.eye(2), WIDE[:, :2])],
    "linalg.solve_continuous_lyapunov": [(A, B)],
    "linalg.solve_discrete_lyapunov": [(0.3 * A, POSITIVE)],
    "linalg.expm_frechet": [(A, E)],
    "linalg.sinhm": [(A,)],
    "linalg.coshm": [(A,)],
    "linalg.tanhm": [(0.5 * A,)],
    "linalg.fractional_matrix_power": [(POSITIVE, 0.3)],
    "linalg.norm": [(A,), (WIDE[0], 3.0)],
    "linalg.cosm": [(A,)],
    "linalg.sinm": [(A,)],
    "linalg.tanm": [(0.5 * A,)],
    "linalg.signm": [(A,)],
    "linalg.funm": [(A, np.exp), (POSITIVE, np.sqrt)],
    "linalg.qr": [(WIDE, False, None, mode, True) for mode in ("full", "economic", "r")] + [(WIDE,), (WIDE.T,)],
    "linalg.hessenberg": [(A, True), (BAND,)],
    "linalg.orth": [(WIDE.T,)],
    "linalg.companion": [(WIDE[0],)],
    "linalg.leslie": [(WIDE[0], WIDE[1, :3])],
    "linalg.fiedler": [(WIDE[0],)],
    "linalg.convolution_matrix": [(WIDE[0], 6), (WIDE[0], 3, "same"), (WIDE[0], 6, "valid"), (WIDE[0], 3, "valid")],
    "linalg.diagsvd": [(WIDE[0], 4, 6)],
    "linalg.solve_toeplitz": [(WIDE[0] + 3 * np.eye(4)[0], WIDE.T)],
    "linalg.matmul_toeplitz": [(WIDE[0], WIDE[1]), (WIDE[0], WIDE.T)],
    "linalg.solve_circulant": [(WIDE[0], WIDE[1]), (WIDE[0], WIDE.T)],
    "linalg.solve_banded": [((1, 2), BAND, WIDE[1]), ((2, 1), BAND, WIDE.T)],
    "linalg.solveh_banded": [(BAND[1:3], WIDE[1]), (BAND[2:0:-1], WIDE.T, False, False, True)],
    "linalg.eig_banded": [(BAND[:3], True, True), (BAND[:3], False, True)],
    "linalg.eigvals_banded": [(BAND[:3],), (BAND[:3], False, False, "i", (1, 2))],
    "linalg.eigh_tridiagonal": [(WIDE[0], WIDE[1, :3], True)],
    "linalg.eigvalsh_tridiagonal": [(WIDE[0], WIDE[1, :3])],
    "linalg.polar": [(A,), (WIDE,), (WIDE.T, "left")],
    "linalg.orthogonal_procrustes": [(WIDE.T, 2.0 * WIDE.T[::-1])],
    "linalg.subspace_angles": [(WIDE.T, WIDE.T[:, :1] + 0.1), (WIDE.T[:, :1] + 1.0, WIDE.T)],
    "linalg.rq": [(A,), (WIDE, False, None, "economic"), (WIDE.T,)],
    "signal.lfilter": [
        (WIDE[0, :3], np.array([1.5, 0.3, -0.2]), rng.normal(size=(2, 6))),
        (WIDE[0, :2], np.array([1.5, 0.3, -0.2]), rng.normal(size=(6, 2)), 0, rng.normal(size=(2, 2))),
    ],
}


def scipys(name: str) -> Callable[..., Any]:
    module, _, last = name.partition(".")
    return getattr({"linalg": scipy.linalg, "signal": scipy.signal}[module], last)  # type: ignore[no-any-return]


def test_every_algorithm_is_tested() -> None:
    # in test_initial_values.py, test_scipy_roots.py, test_sparse_products.py, functions/test_functional.py, and those
    # of scipy.special
    elsewhere = {"scipy.integrate.solve_ivp", "scipy.integrate.odeint"}
    elsewhere |= {f"scipy.optimize.{name}" for name in ("linear_sum_assignment", "nnls")}
    elsewhere |= {f"scipy.linalg.{name}" for name in ("solve_continuous_are", "solve_discrete_are", "null_space")}
    elsewhere |= {*functional.FUNCTIONS, *integrals.FUNCTIONS, *special_functions.FUNCTIONS, *sparse_products.FUNCTIONS}
    elsewhere |= {f"scipy.{tested.name}" for tested in (*STATISTICS, *SIGNALS, *RESAMPLING, *ROOTS, *INTERPOLATION)}
    assert {f"scipy.{name}" for name in CASES} - elsewhere == set(ALGORITHMS) - elsewhere


@pytest.mark.parametrize(("name", "given"), [(name, given) for name, all_ in CASES.items() for given in all_])
def test_values_and_gradients(name: str, given: tuple[Any, ...]) -> None:
    function = scipys(name)
    floats = [i for i, a in enumerate(given) if isinstance(a, np.ndarray | float) and a is not SECTIONS]

    def loss(*some: Any) -> Any:
        known = dict(zip(floats, some, strict=True))
        found = function(*[known.get(i, a) for i, a in enumerate(given)])
        parts = found if isinstance(found, tuple) else (found,)
        total = 0.0
        for part in parts:
            total = total + np.sum(part * np.reshape(np.cos(np.arange(np.size(part))), np.shape(part)))
        return total

    point = [given[i] for i in floats]
    with override(disable_jit=True):
        value, gradients = graphc.value_and_grad(loss, argnums=tuple(range(len(floats))))(*point)
    np.testing.assert_allclose(value, loss(*point), rtol=1e-11, atol=1e-12)
    directions = [rng.normal(size=np.shape(a)) for a in point]
    h = 1e-6
    ends = [loss(*[a + sign * h * d for a, d in zip(point, directions, strict=True)]) for sign in (1, -1)]
    slope = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * h), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("solve", [scipy.linalg.solve_continuous_are, scipy.linalg.solve_discrete_are])
def test_riccati_equations(solve: Any) -> None:
    """Of symmetric weights, as SciPy demands; the gain of a regulator, whose solution must exist, or it is NaN."""
    weights = [POSITIVE, POSITIVE[:2, :2]]

    def loss(a: Any, b: Any, q: Any, r: Any) -> Any:
        return np.sum(np.cos(solve(a, b, (q + q.T) / 2, (r + r.T) / 2) * E))

    given = [A, B[:, :2], *weights]
    with override(disable_jit=True):
        value, gradients = graphc.value_and_grad(loss, argnums=(0, 1, 2, 3))(*given)
        lost = graphc.value_and_grad(loss)(2.0 * np.eye(3), np.zeros((3, 2)), *weights)[0]
    assert value == pytest.approx(loss(*given), rel=1e-10)
    assert np.isnan(lost)
    directions = [rng.normal(size=x.shape) for x in given]
    ends = [loss(*[x + sign * 1e-6 * d for x, d in zip(given, directions, strict=True)]) for sign in (1, -1)]
    slope = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_vectors_of_bands() -> None:
    """Of what does not depend on their signs, which are not those of LAPACK's routine for bands."""

    def loss(d: Any) -> Any:
        w, v = scipy.linalg.eigh_tridiagonal(d, WIDE[1, :3], select="i", select_range=(0, 1))
        return np.sum(((v * w) @ v.T) * np.cos(np.arange(16.0).reshape(4, 4)))

    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(loss)(WIDE[0])
    assert value == pytest.approx(loss(WIDE[0]), rel=1e-12)
    ends = [[loss(WIDE[0] + sign * 1e-6 * e) for e in np.eye(4)] for sign in (1, -1)]
    np.testing.assert_allclose(gradient, (np.array(ends[0]) - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8)


def test_spaces_of_any_rank_and_parts_of_a_spectrum() -> None:
    """Of what does not depend on the choice of the vectors."""
    low = WIDE[:, :2] @ WIDE[:2, :3]

    def loss(part: Any, a: Any) -> Any:
        q = part(a)
        return np.sum(
            (q @ np.conj(q.T)).real * np.cos(np.subtract.outer(2.0 * np.arange(q.shape[0]), np.arange(q.shape[0])))
        )

    def lowest(a: Any) -> Any:
        w, v = scipy.linalg.eigh(a @ a.T, subset_by_index=[0, 1])
        return v * w

    with override(disable_jit=True):
        for part in (scipy.linalg.orth, scipy.linalg.null_space, lowest):
            gradient = graphc.value_and_grad(loss, argnums=1)
            for a in (WIDE, WIDE.T, A):
                value, slope = gradient(part, a)
                ends = [loss(part, a + sign * 1e-6 * np.cos(a)) for sign in (1, -1)]
                assert value == pytest.approx(loss(part, a), rel=1e-12, abs=1e-12)
                assert np.sum(slope * np.cos(a)) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-8)
            assert gradient(part, low)[0] == pytest.approx(loss(part, low), rel=1e-10)


def test_what_has_too_few_eigenvectors_has_no_function_by_them() -> None:
    with override(disable_jit=True), np.errstate(all="ignore"):
        for a, function in ((np.triu(np.ones((3, 3))), np.exp), (-POSITIVE, np.sqrt)):  # the latter is complex
            assert np.all(np.isnan(graphc.vjp(lambda a, function=function: scipy.linalg.funm(a, function), a)[0]))


def test_reflections_of_complex_matrices_are_lapacks() -> None:
    given = A + 1j * B
    with override(disable_jit=True):
        found = graphc.vjp(lambda a: scipy.linalg.hessenberg(a, calc_q=True), given)[0]
    for one, other in zip(found, scipy.linalg.hessenberg(given, calc_q=True), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def test_second_derivatives_of_matrix_functions() -> None:
    for function, at in ((scipy.linalg.expm, A), (scipy.linalg.logm, POSITIVE)):  # a logarithm begins with roots

        def loss(M: Any, function: Any = function) -> Any:
            return np.sum(function(M) * B)

        with override(disable_jit=True):
            gradient = graphc.grad(loss)
            ends = [gradient(at + sign * 1e-5 * E) for sign in (1, -1)]
            found = graphc.hvp(loss)(at, E)
        np.testing.assert_allclose(found, (ends[0] - ends[1]) / 2e-5, rtol=1e-5, atol=1e-7)


def test_compiled_for_every_number_of_squarings() -> None:
    compiled = graphc.jit(lambda M: scipy.linalg.expm(1.0 * M))
    for size in (0.1, 3.0, 40.0):
        np.testing.assert_allclose(compiled(size * A), scipy.linalg.expm(size * A), rtol=1e-11)
    assert compiled.cache_info()["programs"] == 1


def test_float32_stays() -> None:
    single = POSITIVE.astype(np.float32)
    with override(disable_jit=True):
        found = graphc.jvp(scipy.linalg.sqrtm, (single,), (single,))[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scipy.linalg.sqrtm(POSITIVE), rtol=1e-5, atol=1e-5)


def test_what_has_no_real_root_is_nan() -> None:
    negative = np.diag([-1.0, 2.0])
    with override(disable_jit=True), np.errstate(all="ignore"):
        for function in (scipy.linalg.sqrtm, scipy.linalg.logm):
            found = graphc.jvp(lambda M, function=function: function(M), (negative,), (negative,))[0]
            assert np.all(np.isnan(found))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (scipy.linalg.expm, r"expm.*\(3, 4\)"),
        (scipy.linalg.toeplitz, r"toeplitz.*no vector"),
    ],
)
def test_errors(call: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        graphc.jit(call)(WIDE)


# --- functions of functions -------------------------------------------------------------------------------------------


def test_a_traced_value_in_the_closure_of_a_function_is_seen():
    """The equation, or the function that is solved, is often the only argument that knows the traced parameter."""
    from scipy.integrate import odeint, solve_ivp

    def end(rate, solver):
        if solver == "odeint":
            return odeint(lambda s, t: -rate * s, [1.0], [0.0, 1.0], rtol=1e-10, atol=1e-12)[1, 0]
        return solve_ivp(lambda t, s: -rate * s, (0.0, 1.0), [1.0], t_eval=[1.0], rtol=1e-10, atol=1e-12).y[0, -1]

    with override(disable_jit=True):
        for solver in ("odeint", "solve_ivp"):
            found = graphc.grad(end, argnums=0)(0.7, solver)
            np.testing.assert_allclose(found, -np.exp(-0.7), rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "arguments", "instead"),
    [("least_squares", (np.ones(1),), "implicit_minimum"), ("minimize", (np.zeros(1),), "implicit_minimum")],
)  # fmt: skip
def test_a_solver_says_what_differentiates_its_solution(name, arguments, instead):
    import scipy.optimize

    def solution(a):
        return getattr(scipy.optimize, name)(lambda z: z**2 - a, *arguments)

    with pytest.raises(graphc.UnsupportedError, match=f"scipy.optimize.{name}.*graphc.{instead}"):
        graphc.grad(solution)(2.0)
