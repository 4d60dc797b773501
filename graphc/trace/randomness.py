"""Why random numbers of NumPy, SciPy and Python cannot be drawn in a traced function, and what to call instead."""

from __future__ import annotations

from typing import Any, NoReturn

from graphc.errors import SideEffectError
from graphc.trace.location import user_location

# method of a generator, or law of scipy.stats -> the function of graphc.random, with its arguments
COUNTERPARTS = {
    **dict.fromkeys(("random", "rand", "random_sample", "ranf", "sample"), "uniform(key, shape)"),
    "uniform": "uniform(key, shape, minval=low, maxval=high)",
    **dict.fromkeys(("standard_normal", "randn", "gauss", "norm"), "normal(key, shape)"),
    **dict.fromkeys(("normal", "normalvariate"), "normal(key, shape), times the scale, plus the mean"),
    **dict.fromkeys(("integers", "randint", "random_integers", "randrange"), "randint(key, shape, low, high)"),
    **dict.fromkeys(("permutation", "shuffle", "permuted"), "permutation(key, x)"),
    **dict.fromkeys(("choice", "choices"), "choice(key, a, shape)"),
    **dict.fromkeys(("standard_gamma", "gamma", "gammavariate"), "gamma(key, a), times the scale"),
    **dict.fromkeys(
        ("exponential", "standard_exponential", "expovariate", "expon"), "exponential(key, shape), times the scale"
    ),
    **dict.fromkeys(("laplace", "logistic", "gumbel"), "{}(key, shape), times the scale, plus the location"),
    **dict.fromkeys(("lognormal", "lognormvariate", "lognorm"), "lognormal(key, sigma)"),
    **dict.fromkeys(("standard_cauchy", "cauchy"), "cauchy(key, shape)"),
    **dict.fromkeys(("standard_t", "t"), "student_t(key, df)"),
    **dict.fromkeys(("beta", "betavariate"), "beta(key, a, b)"),
    **dict.fromkeys(("chisquare", "chi2"), "chisquare(key, df)"),
    **dict.fromkeys(("multivariate_normal", "dirichlet", "binomial", "geometric"), "{}(key, ...)"),
    **dict.fromkeys(("pareto", "rayleigh", "poisson", "weibull_min"), "{}(key, ...)"),
    "binom": "binomial(key, n, p)", "geom": "geometric(key, p)", "bernoulli": "bernoulli(key, p)",
    "f": "f(key, dfnum, dfden)", "bytes": "bits(key, shape, np.uint8)", "weibull": "weibull_min(key, 1.0, a)",
    "truncnorm": "truncated_normal(key, lower, upper)", "paretovariate": "pareto(key, b)",
}  # fmt: skip


def refuse_random(drawn: str) -> NoReturn:
    """Raise for a call of the name, such as ``Generator.standard_normal``."""
    raise SideEffectError(f"{drawn} {WHY}; {instead_of(drawn)}", location=user_location())


WHY = "draws random numbers: a compiled program would use the same ones at every call"


def instead_of(drawn: str) -> str:
    """What to do instead.

    >>> instead_of("RandomState.randn")
    'draw them outside and pass them in, or make the key an argument and call graphc.random.normal(key, shape)'
    """
    name = drawn.rpartition(".")[2]
    found = COUNTERPARTS.get(name, "normal(key, shape) or another of its functions").format(name)
    return f"draw them outside and pass them in, or make the key an argument and call graphc.random.{found}"


def is_of_a_generator(function: Any) -> bool:
    """Whether it is a method of a generator of Python's or NumPy's."""
    owner = type(getattr(function, "__self__", None)).__module__
    return owner == "random" or owner.startswith("numpy.random")
