"""scipy.stats' descriptions and comparisons of samples, scipy.spatial.distance, helpers of scipy.optimize."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import cumulative_simpson, dblquad, fixed_quad, nquad, quad, tplquad
from scipy.spatial import distance

import graphc
from graphc.config import override
from tests.nightly import part
from tests.trace.scipy_cases import Case, case, check

rng = np.random.default_rng(3)
X, Y = rng.uniform(0.5, 3, (2, 4, 5))
V, W = rng.uniform(0.5, 3, (2, 7))
U = rng.uniform(0.5, 3, 5)
P, Q = rng.normal(size=(8, 3)), rng.normal(size=(7, 3))
THREE = np.array([1.0, 2.0, 0.5])
ALONG = (
    "zscore",
    "gzscore",
    "gmean",
    "hmean",
    "skew",
    "kurtosis",
    "variation",
    "sem",
    "median_abs_deviation",
    "entropy",
)
METRICS = (
    "euclidean", "sqeuclidean", "cityblock", "chebyshev", "minkowski", "cosine", "correlation", "canberra",
    "braycurtis", "hamming",
)  # fmt: skip

DESCRIPTIONS = [
    *(case(f"stats.{name}", X, axis=axis) for name in ALONG for axis in (0, 1)),
    case("stats.zmap", X, Y), case("stats.pmean", X, 2.5), case("stats.pmean", X, p=0),
    case("stats.gmean", V, call=lambda v, w: stats.gmean(v, weights=w), w=W),
    case("stats.gmean", V, W, call=lambda v, w: stats.gmean(v, weights=w)),
    case("stats.hmean", V, keepdims=True),
    case("stats.moment", V, order=[1, 2, 3]), case("stats.moment", V, order=3, center=1.0),
    case("stats.skew", X, axis=None, bias=False), case("stats.kurtosis", X, fisher=False, bias=False),
    case("stats.kurtosis", X, keepdims=True), case("stats.iqr", V), case("stats.iqr", X, axis=1, scale="normal"),
    case("stats.median_abs_deviation", X, scale="normal", axis=None),
    *(case(f"stats.{name}", V) for name in ("circmean", "circvar", "circstd")),
    *(case(f"stats.{name}", 40 * X, high=180, low=-180, axis=0) for name in ("circmean", "circvar", "circstd")),
    case("stats.entropy", V, W), case("stats.entropy", V, W, base=2),
    case("stats.boxcox", V, 0.3), case("stats.boxcox_llf", 0.3, V),
    *(case("stats.rankdata", np.round(X), method=method, axis=axis, smooth=False)
      for method in ("average", "min", "max", "dense", "ordinal") for axis in (None, 1)),
]  # fmt: skip
COMPARISONS = [
    case("stats.pearsonr", V, W), case("stats.pearsonr", V, W, alternative="less"),
    case("stats.spearmanr", V, W, smooth=False), case("stats.linregress", V, W),
    case("stats.ttest_1samp", X, 1.5), case("stats.ttest_rel", X, Y, axis=1, alternative="less"),
    case("stats.ttest_ind", X, Y, alternative="greater"), case("stats.ttest_ind", X, Y[:3], equal_var=False),
    case("stats.wasserstein_distance", V, U), case("stats.wasserstein_distance", V, U, W),
    case("stats.energy_distance", V, U),
    *(case("stats.gaussian_kde", V, U, call=lambda v, u, bw: stats.gaussian_kde(v, bw_method=bw)(u), bw=bw)
      for bw in (None, "silverman", 0.4)),
    case("stats.gaussian_kde", X, U, Y[:, :3], rtol=1e-9,
         call=lambda x, w, p: stats.gaussian_kde(x, weights=w).logpdf(p)),
]  # fmt: skip
DISTANCES = [
    *(case("spatial.distance.cdist", P, Q, metric=metric) for metric in (*METRICS, "seuclidean", "mahalanobis")),
    *(case("spatial.distance.pdist", P, metric=metric) for metric in (*METRICS, "seuclidean", "mahalanobis")),
    *(case("spatial.distance.pdist", P, metric=metric, w=THREE) for metric in METRICS),
    *(case(f"spatial.distance.{metric}", V, W) for metric in METRICS),
    case("spatial.distance.minkowski", V, W, 3.5), case("spatial.distance.mahalanobis", V, W, np.eye(7) + 0.1),
    case("spatial.distance.seuclidean", V, W, W**2),
    case("spatial.distance.squareform", U[:3]), case("spatial.distance.squareform", X[:, :4], checks=False),
    case("spatial.distance.jensenshannon", V, W), case("spatial.distance.jensenshannon", X, Y, base=2, axis=1),
    case("optimize.rosen", V), case("optimize.rosen_der", V), case("optimize.rosen_hess", V),
    case("optimize.rosen_hess_prod", V, W),
]  # fmt: skip
SPACED = 0.4 * np.arange(9.0) + rng.uniform(0, 0.2, 9)
SAMPLES = rng.normal(size=(3, 9))
INTEGRALS = [
    *(case("integrate.simpson", SAMPLES[0, :n], SPACED[:n]) for n in (2, 3, 4, 8, 9)),
    *(case("integrate.cumulative_simpson", SAMPLES[0, :n], SPACED[:n], call=lambda y, x: cumulative_simpson(y, x=x))
      for n in (3, 4, 9)),
    case("integrate.cumulative_simpson", SAMPLES.T, initial=1.5, axis=0, dx=0.2),
    case("integrate.simpson", SAMPLES, dx=0.3, axis=0), case("integrate.romb", SAMPLES, 0.3),
    case("integrate.fixed_quad", 0.1, 2.0, 1.3, call=lambda a, b, c: fixed_quad(lambda t: np.exp(c * t), a, b, n=7)[0]),
    case("integrate.quad", 0.1, 2.0, 1.3, call=lambda a, b, c: quad(lambda t: np.exp(c * t), b, a)[0]),
    case("integrate.quad", 0.3, 1.3, call=lambda a, c: quad(lambda t, c: a * np.exp(-c * t * t), 0, np.inf, args=c)[0]),
    case("integrate.quad", 0.3, 1.3, call=lambda a, c: quad(lambda t: a * np.exp(c * t), -np.inf, a)[0]),
    case("integrate.quad", 0.3, 1.3, call=lambda a, c: quad(lambda t: a / (c + t * t), np.inf, -np.inf)[0]),
    case("integrate.quad", 0.3, 1.3, call=lambda a, c: quad(lambda t: t**-a, 0.0, c)[0], rtol=1e-8),  # its epsrel
    case("integrate.dblquad", 0.7, 1.3, call=lambda a, b: dblquad(
        lambda y, x, c: c * np.exp(-a * x * y) * np.sin(b + x), 0.0, b, lambda x: 0.1 * a * x, 1.5, args=(2.0,))[0]),
    case("integrate.dblquad", 0.7, call=lambda a: dblquad(
        lambda y, x: np.exp(-a * x * x - y * y), -np.inf, np.inf, 0.0, np.inf)[0], rtol=1e-9),
    case("integrate.tplquad", 0.7, call=lambda a: tplquad(
        lambda z, y, x: a * x * y * z, 0, 1, 0, lambda x: 1 - x, 0, lambda x, y: 1 - x - y * a)[0]),
    case("integrate.nquad", 0.7, 0.3, call=lambda a, c: nquad(
        lambda x, y, c: np.cos(a * x) + c * y, [lambda y, c: (0, y), (0, a)], args=(c,), opts={"epsabs": 1e-10})[0]),
    case("integrate.fixed_quad", 0.1, 1.3, call=lambda a, c: fixed_quad(lambda t, c: t**c, a, 2.0, args=(c,))[0]),
]  # fmt: skip
EDGES: list[tuple[Any, tuple[Any, ...]]] = [
    (stats.rankdata, (np.array([3.0, 1.0, np.nan]),)),
    (lambda a, b: stats.spearmanr(a, b).statistic, (np.array([3.0, 1.0, np.nan]), U[:3])),
    (lambda a: stats.skew(a, bias=False), (V[:2],)), (lambda a: stats.kurtosis(a, bias=False), (V[:3],)),
    (lambda a: stats.iqr(a, rng=(75, 25)), (V,)), (lambda a, b: stats.entropy(a, b, axis=None), (X[:1], Y[:1])),
    (lambda a, b: stats.entropy(a, b, axis=1), (X, Y[:1])),
    (lambda a: stats.skew(a, axis=None, keepdims=True), (X,)), (lambda a: stats.sem(a, axis=None, keepdims=True), (X,)),
]  # fmt: skip
CASES = [*DESCRIPTIONS, *COMPARISONS, *DISTANCES, *INTEGRALS]


@pytest.mark.parametrize("tested", part(CASES, 2, 23), ids=lambda tested: tested.label)
def test_values_and_derivatives(tested: Case) -> None:
    check(tested)


@pytest.mark.parametrize(("call", "args"), EDGES)
def test_edges_are_scipys(call: Any, args: tuple[Any, ...]) -> None:
    with override(disable_jit=True):
        found, _ = graphc.vjp(call, *args)
    np.testing.assert_allclose(found, call(*args), rtol=1e-12, strict=True)


class Line:
    def __init__(self, slope: Any) -> None:
        self.slope = slope

    def __call__(self, x: Any) -> Any:
        return self.slope * x

    def squared(self, x: Any) -> Any:
        return (self.slope * x) ** 2


def nested(a: Any) -> Any:
    line, given = (lambda x: a * x), {"half": a / 2}
    return lambda x: line(x / 2) + given["half"] * x


@pytest.mark.parametrize(
    ("integral", "value", "slope"),
    [
        (lambda a: quad(Line(a), 0, 1)[0], 0.35, 0.5),
        (lambda a: quad(Line(a).squared, 0, 1)[0], 0.49 / 3, 1.4 / 3),
        (lambda a: quad(functools.partial(lambda b, x: b * x, a), 0, 1)[0], 0.35, 0.5),
        (lambda a: quad(nested(a), 0, 1)[0], 0.35, 0.5),
    ],
)
def test_a_function_may_reach_traced_values_by_objects(integral: Any, value: float, slope: float) -> None:
    with override(disable_jit=True):
        np.testing.assert_allclose(graphc.value_and_grad(integral)(0.7), (value, slope), rtol=1e-12)


def test_a_density_made_outside() -> None:
    kde = stats.gaussian_kde(V)
    with override(disable_jit=True):
        value, slope = graphc.jvp(lambda u: np.log(kde(u)) + kde.logpdf(u), (U,), (np.ones(5),))
        ends = [kde.logpdf(U + sign * 1e-6) for sign in (1, -1)]
    np.testing.assert_allclose(value, 2 * kde.logpdf(U), rtol=1e-12)
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 1e-6, rtol=1e-7, atol=1e-7)


def test_equal_points_have_distance_zero_and_a_finite_gradient() -> None:
    with override(disable_jit=True):
        found = graphc.grad(lambda p: np.sum(distance.cdist(p, p)))(P)
    assert np.all(np.isfinite(found))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: stats.zscore(x, nan_policy="omit"), "nan_policy='omit' is not supported.*leave nan_policy= out"),
        (lambda x: stats.pearsonr(x, x, axis=0, alternative="two-sided").statistic, None),
        (lambda x: stats.pearsonr(x, x, axis=1), "axis= is not supported.*arguments are"),
        (lambda x: stats.rankdata(x, "first"), "method='first'.*'ordinal'"),
        (lambda x: distance.cdist(x[:, None], x[:, None], "yule"), "metric='yule'.*'cosine'"),
        (lambda x: stats.boxcox(x)[0], "without lmbda= it is a search"),
        (lambda x: stats.mannwhitneyu(x, x).statistic, "scipy.stats.mannwhitneyu cannot be traced"),
    ],
)
def test_what_is_not_there_is_refused_by_name(call: Any, text: str | None) -> None:
    if text is None:  # SciPy's default, said
        graphc.jit(call)(V)
        return
    with pytest.raises(graphc.GraphcError, match=text):
        graphc.jit(call)(V)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: distance.squareform(np.outer(x, x + 1.0)), "must be symmetric"),
        (lambda x: stats.rankdata(x * np.nan, "min"), "no rank of NaN"),
    ],
)
def test_numbers_that_have_no_answer_are_an_error(call: Any, text: str) -> None:
    with override(disable_jit=True), pytest.raises(ValueError, match=text):
        graphc.vjp(call, V)
