"""The laws of scipy.stats: values are SciPy's own, gradients those of differences of SciPy's values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

import graphc
from graphc.config import override
from graphc.trace.laws import calls, discrete, further_continuous
from graphc.trace.laws.calls import CONTINUOUS
from tests.nightly import part

SHAPES: dict[str, tuple[float, ...]] = {
    "t": (3.3,), "gamma": (2.3,), "invgamma": (2.6,), "beta": (1.7, 2.4), "chi2": (3.6,), "lognorm": (0.7,),
    "weibull_min": (1.6,), "weibull_max": (1.6,), "pareto": (2.7,), "poisson": (2.4,), "binom": (7.0, 0.3),
    "bernoulli": (0.3,), "geom": (0.3,), "nbinom": (3.5, 0.4),
    "f": (3.3, 5.2), "betaprime": (1.7, 3.4), "chi": (2.4,), "nakagami": (1.4,), "invgauss": (0.8,), "fisk": (2.6,),
    "powerlaw": (1.7,), "gompertz": (0.6,), "skewnorm": (1.3,), "exponnorm": (1.2,), "vonmises": (1.6,),
    "truncnorm": (-0.6, 1.9), "loguniform": (0.4, 3.1), "reciprocal": (0.4, 3.1), "triang": (0.3,),
    "genextreme": (-0.2,), "genpareto": (0.3,), "lomax": (2.3,), "invweibull": (2.6,), "burr": (2.3, 1.4),
    "burr12": (2.3, 1.4), "genlogistic": (1.7,), "gennorm": (1.4,), "foldnorm": (0.8,), "johnsonsu": (0.4, 1.3),
    "johnsonsb": (0.4, 1.3),
}  # fmt: skip
NAMES = [
    *(name for name in CONTINUOUS if name not in further_continuous.MAKERS),
    *part(further_continuous.MAKERS, 1, 5),
    *discrete.MAKERS,
]
LOC, SCALE = 0.3, 1.7
INNER = {
    **dict.fromkeys(("beta", "powerlaw", "triang", "truncnorm", "semicircular", "johnsonsb"), (0.5, 0.9, 1.4)),
    **dict.fromkeys(("loguniform", "reciprocal"), (1.2, 2.3, 4.0)),
    "uniform": (0.5, 0.9, 1.4), "pareto": (2.2, 3.3, 5.0), "weibull_max": (-3.0, -1.0, 0.0),
}  # fmt: skip


@pytest.fixture
def interpreted() -> Any:
    """Gradients and jvp by the interpreter; ``graphc.jit`` would run the plain function, which is SciPy's own."""
    with override(disable_jit=True), np.errstate(all="ignore"):
        yield


def traced_value(function: Callable[..., Any], given: Sequence[Any], positions: Sequence[int] | None = None) -> Any:
    """The value that the traced program gives; ``positions``: the arguments that are traced, all without."""
    traced = range(len(given)) if positions is None else positions

    def call(*some: Any) -> Any:
        known = dict(zip(traced, some, strict=True))
        return function(*[known.get(i, a) for i, a in enumerate(given)])

    primals = tuple(given[i] for i in traced)
    return graphc.jvp(call, primals, tuple(np.zeros_like(a) for a in primals))[0]


def arguments(name: str, x: Any) -> list[Any]:
    place = [LOC, SCALE] if name in CONTINUOUS else [1.0]
    return [*([] if x is None else [x]), *SHAPES.get(name, ()), *place]


def is_moment(method: str) -> bool:
    return method in ("mean", "var", "std", "entropy", "median")


def method_of(name: str, method: str) -> Callable[..., Any]:
    """A function in which the call of SciPy's method is traced."""

    def call(*args: Any) -> Any:
        return getattr(getattr(stats, name), method)(*args)

    return call


def points(name: str, method: str) -> Any:
    """Inside, at the ends and outside of where the method is defined."""
    if is_moment(method):
        return None
    if method in ("ppf", "isf") and name in CONTINUOUS:
        return np.array([0.01, 0.2, 0.5, 0.77, 0.99, 0.0, 1.0, 1.2, -0.1, np.nan])
    if name in CONTINUOUS:
        ends = [] if "pdf" in method else [np.inf, -np.inf]  # where SciPy's densities are NaN, some of them
        return np.array([*np.linspace(-5.7, 6.3, 13), LOC, LOC + SCALE, np.nan, *ends])
    if method in ("ppf", "isf"):
        return np.array([0.01, 0.2, 0.5, 0.77, 0.999, 0.0, 1.0, 1.2, -0.1, np.nan])
    return np.array([*np.arange(-2.0, 10.0), 1.5, np.nan])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("interpreted")
def test_values_are_scipys(name: str) -> None:
    groups: dict[Any, list[str]] = {}  # of methods that are asked at the same points: a trace each
    for method in calls.methods_of(name):
        groups.setdefault(np.array_str(np.asarray(points(name, method))), []).append(method)
    for methods in groups.values():
        given = arguments(name, points(name, methods[0]))
        found = traced_value(lambda *args, ms=methods: tuple(method_of(name, m)(*args) for m in ms), given)
        for method, value in zip(methods, found, strict=True):
            noise = 4e-16 if method in ("logcdf", "logsf") else 0  # SciPy takes the logarithm of a number close to 1
            want = method_of(name, method)(*given)
            np.testing.assert_allclose(value, want, rtol=1e-12, atol=noise, err_msg=method)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("interpreted")
def test_gradients_are_those_of_differences(name: str) -> None:
    """All methods at points in one loss, and so those of quantiles and the moments: a trace each."""
    kinds: dict[str, list[str]] = {}
    for method in calls.methods_of(name):
        kind = "moment" if is_moment(method) else "quantile" if method in ("ppf", "isf") else "point"
        kinds.setdefault(kind, []).append(method)
    for kind, methods in kinds.items():
        inner = (0.2, 0.5, 0.77) if kind == "quantile" else INNER.get(name, (0.7, 1.3, 4.0))
        x = None if kind == "moment" else np.array(inner if name in CONTINUOUS else (2.0, 3.0, 5.0))
        if kind == "quantile" and name in discrete.MAKERS:
            continue  # steps
        given = arguments(name, x)
        finite = [m for m in methods if np.all(np.isfinite(getattr(getattr(stats, name), m)(*given)))]
        if finite:  # not the moments of Cauchy's law
            check_gradients(name, finite, given, x is not None)


def check_gradients(name: str, methods: list[str], given: list[Any], has_variable: bool) -> None:
    is_discrete = name in discrete.MAKERS
    positions = list(range(len(given) - is_discrete))  # a location between the integers has no mass
    if is_discrete and has_variable:
        positions.remove(0)
    if name == "binom":
        positions.remove(has_variable)  # n

    def loss(*args: Any) -> Any:
        found = 0.0
        for k, method in enumerate(methods):
            found = found + np.sum(method_of(name, method)(*args) * np.array([0.3, 1.0, -0.7])) * np.cos(k)
        return found

    gradients = graphc.grad(loss, argnums=tuple(positions))(*given)
    for position, found in zip(positions, gradients, strict=True):
        np.testing.assert_allclose(
            found, differences(loss, given, position), rtol=3e-6, atol=1e-8, err_msg=str(methods)
        )


def differences(loss: Callable[..., Any], given: list[Any], position: int) -> Any:
    at = np.asarray(given[position], float)
    found = np.empty(at.shape)
    for index in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[index] = 1e-6
        ends = [loss(*given[:position], at + sign * step, *given[position + 1 :]) for sign in (1, -1)]
        found[index] = (ends[0] - ends[1]) / 2e-6
    return found


@pytest.mark.usefixtures("interpreted")
def test_outside_of_the_support_the_gradient_is_zero() -> None:
    def total(x: Any, a: Any) -> Any:
        return np.sum(np.maximum(stats.gamma.logpdf(x, a), -1e3)) + np.sum(stats.lognorm.cdf(x, a))

    by_x, by_a = graphc.grad(total, argnums=(0, 1))(np.array([-1.0, 0.0, 2.0]), 1.5)
    assert by_x[0] == by_x[1] == 0
    assert by_x[2] != 0
    assert np.isfinite(by_a)


@pytest.mark.usefixtures("interpreted")
def test_a_law_with_its_parameters_given() -> None:
    outside = stats.norm(0.5, 2.0)
    x = np.array([0.2, 1.0])

    def inside(m: Any, s: Any) -> Any:
        return np.sum(stats.norm(m, scale=s).logpdf(x)) + stats.norm(m, s).entropy()

    want = outside.logpdf(x).sum() + outside.entropy()
    np.testing.assert_allclose(traced_value(inside, (0.5, 2.0)), want, rtol=1e-14)
    np.testing.assert_allclose(graphc.grad(inside)(0.5, 2.0), np.sum((x - 0.5) / 4), rtol=1e-13)
    np.testing.assert_allclose(graphc.grad(lambda y: np.sum(outside.logcdf(y)))(x),
                               outside.pdf(x) / outside.cdf(x), rtol=1e-12)  # fmt: skip


def test_integers_and_float32_are_computed_in_float64() -> None:
    for x in (np.arange(3), np.arange(3, dtype=np.float32)):
        found = graphc.jit(method_of("expon", "logpdf"))(x)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, stats.expon.logpdf(x))


POINTS = np.array([[0.3, -0.2], [1.0, 0.4], [-0.5, 2.0]])
COVARIANCE = np.array([[1.5, 0.3], [0.3, 0.8]])


@pytest.mark.parametrize(
    ("name", "method", "given"),
    [
        ("multivariate_normal", "logpdf", (POINTS, np.array([0.1, 0.2]), COVARIANCE)),
        ("multivariate_normal", "pdf", (POINTS[0], np.array([0.1, 0.2]), np.array([0.4, 2.0]))),
        ("multivariate_normal", "logpdf", (POINTS[:, 0], 0.3, 1.7)),
        ("multivariate_normal", "logpdf", (POINTS, np.array([0.1, 0.2]), 0.7)),
        ("multivariate_normal", "entropy", (np.array([0.1, 0.2]), COVARIANCE)),
        ("dirichlet", "logpdf", (np.array([0.2, 0.3]), np.array([1.2, 2.0, 0.7]))),
        ("dirichlet", "mean", (np.array([1.2, 2.0, 0.7]),)),
        ("dirichlet", "var", (np.array([1.2, 2.0, 0.7]),)),
        ("dirichlet", "entropy", (np.array([1.2, 2.0, 0.7]),)),
        ("multivariate_t", "logpdf", (POINTS, np.array([0.1, 0.2]), COVARIANCE, 3.5)),
        ("multivariate_t", "pdf", (POINTS[0], np.zeros(2), COVARIANCE, 3.5)),
        ("multivariate_t", "logpdf", (POINTS[:, 0], 0.3, 1.7, 2.0)),
        ("wishart", "logpdf", (COVARIANCE, 3.5, COVARIANCE + 1.5 * np.eye(2))),
        ("wishart", "pdf", (0.7, 3.5, 1.3)),
        ("invwishart", "logpdf", (COVARIANCE, 3.5, COVARIANCE + 1.5 * np.eye(2))),
        ("invwishart", "logpdf", (np.stack([COVARIANCE, np.eye(2)], axis=-1), 4.0, np.array([0.5, 0.8]))),
        ("matrix_normal", "logpdf", (POINTS.T, POINTS[::-1].T, COVARIANCE, np.diag([1.0, 2.0, 0.5]))),
        ("matrix_normal", "logpdf", (np.stack([POINTS, 2 * POINTS]), np.zeros((3, 2)), np.eye(3) + 0.1, COVARIANCE)),
    ],
)
@pytest.mark.usefixtures("interpreted")
def test_laws_of_vectors(name: str, method: str, given: tuple[Any, ...]) -> None:
    function = method_of(name, method)
    want = getattr(getattr(stats, name), method)(*given)
    np.testing.assert_allclose(traced_value(function, given), want, rtol=1e-12)

    def loss(*args: Any) -> Any:
        found = function(*args)
        return np.sum(found * np.cos(np.arange(np.size(found))))

    def symmetric(*args: Any) -> Any:  # SciPy's own checks the symmetry that a difference would break
        return loss(*(_symmetric(a) for a in args))

    for position in range(len(given)):
        found = graphc.grad(symmetric, argnums=position)(*given)
        np.testing.assert_allclose(found, differences(symmetric, list(given), position), rtol=1e-6, atol=1e-8)


def _symmetric(a: Any) -> Any:
    return (a + np.swapaxes(a, 0, 1)) / 2 if np.ndim(a) in (2, 3) and a.shape[0] == a.shape[1] else a


@pytest.mark.usefixtures("interpreted")
def test_a_law_of_matrices_with_its_parameters_given() -> None:
    def loss(nu: Any, a: Any) -> Any:
        return stats.wishart(nu, np.eye(2)).logpdf(a @ a.T) + stats.multivariate_t([0.0, 0.0], a @ a.T, nu).logpdf(a[0])

    outside = stats.matrix_normal(np.zeros((2, 2)), COVARIANCE, np.eye(2))
    for function in (loss, lambda nu, a: nu * outside.logpdf(a)):
        np.testing.assert_allclose(
            graphc.grad(function)(4.0, COVARIANCE), differences(function, [4.0, COVARIANCE], 0), rtol=1e-6
        )


@pytest.mark.usefixtures("interpreted")
def test_laws_of_matrices_with_too_few_degrees_of_freedom_are_none() -> None:
    for law, df in (stats.wishart, 1.0), (stats.wishart, 0.5), (stats.invwishart, 1.5):
        value, slope = graphc.value_and_grad(lambda df, law=law: law.logpdf(COVARIANCE, df, np.eye(2)))(df)
        assert np.isnan(value)
        assert np.isnan(slope)
    assert np.isnan(graphc.vjp(lambda x: stats.multivariate_t.logpdf(x, df=-1.5), np.ones(1))[0])


def test_many_points_of_dirichlet_are_columns() -> None:
    x = np.array([[0.2, 0.5], [0.3, 0.1], [0.5, 0.4]])
    alpha = np.array([1.2, 2.0, 0.7])
    np.testing.assert_allclose(
        graphc.jit(lambda a: stats.dirichlet.pdf(x, a))(alpha), stats.dirichlet.pdf(x, alpha), rtol=1e-12
    )


def test_a_posterior_is_compiled() -> None:
    counts = np.array([3.0, 1.0, 4.0, 1.0, 5.0])

    def posterior(rate: Any, shape: Any) -> Any:
        return np.sum(stats.poisson.logpmf(counts, rate)) + stats.gamma.logpdf(rate, shape, scale=0.5)

    value, (by_rate, by_shape) = graphc.value_and_grad(posterior, argnums=(0, 1))(2.5, 2.0)
    np.testing.assert_allclose(value, posterior(2.5, 2.0), rtol=1e-13)
    np.testing.assert_allclose(by_rate, counts.sum() / 2.5 - 5 + 1 / 2.5 - 2, rtol=1e-12)
    np.testing.assert_allclose(by_shape, differences(posterior, [2.5, 2.0], 1), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (method_of("norm", "rvs"), graphc.SideEffectError, "draw them outside"),
        (method_of("norm", "fit"), graphc.UnsupportedError, "norm.fit is not supported.*logpdf"),
        (lambda x: stats.levy_stable.logpdf(x, 2.0, 0.0), graphc.UnsupportedError, "levy_stable.*supported"),
        (method_of("gamma", "logpdf"), graphc.TraceTypeError, r"gamma\.logpdf needs a"),
        (lambda x: stats.norm.logpdf(x, sd=1.0), graphc.TraceTypeError, "no parameter sd"),
        (lambda x: stats.norm.logpdf(x, 0, 1, 2), graphc.TraceTypeError, r"at most 2 parameters \(loc, scale\)"),
        (lambda x: stats.multivariate_normal.logpdf(x, np.zeros(2), np.eye(2), allow_singular=True),
         graphc.UnsupportedError, "allow_singular"),
        (lambda x: stats.multivariate_normal.logpdf(x, np.zeros(2), np.eye(3)), graphc.ShapeError, "cov of shape"),
        (lambda x: stats.dirichlet.logpdf(x, np.ones(5)), graphc.ShapeError, "5 numbers"),
    ],
)  # fmt: skip
def test_errors_name_the_law(call: Callable[..., Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text) as caught:
        graphc.jit(call)(np.array([0.5, 0.5]))
    assert "test_laws.py" in str(caught.value)


def test_invalid_parameters_give_nan() -> None:
    def found(s: Any, a: Any, p: Any) -> Any:
        return stats.norm.logpdf(0.3, 0, s), stats.gamma.cdf(0.3, a), stats.binom.pmf(1, 3, p)

    assert np.all(np.isnan(graphc.jit(found)(-1.0, -1.0, 1.5)))
