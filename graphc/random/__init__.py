"""Random numbers as functions of a key, for compiled functions: the names that users of ``jax.random`` know.

A program that is compiled once cannot hold a generator whose state moves on. Here all randomness comes from a *key*, an
array of two uint32 that is an argument like any other: the same key gives the same numbers, another key others.

    >>> key = graphc.random.key(0)
    >>> @graphc.grad
    ... def gradient(scale, key):  # of an expectation, by one reparameterised sample
    ...     z = scale * graphc.random.normal(key, (1000,))
    ...     return np.mean(z**2)
    >>> float(gradient(1.5, key)) == float(gradient(1.5, key))
    True
    >>> key, subkey = graphc.random.split(key)  # to go on: use the subkey, keep the key

Samples are differentiable by the parameters of their law: through a formula where there is one, and for the gamma
family (``gamma beta dirichlet chisquare student_t f``) by implicit differentiation of the distribution function.
Samples of discrete laws are values. The generator is Threefry-2x32 with 20 rounds, each element of its own counter, so
that bits do not depend on threads or batches; keys, bits and uniform numbers are those of ``jax.random`` (``PRNGKey``,
with JAX's default ``jax_threefry_partitionable``). Outside of compiled functions the same functions run as plain NumPy.

Wherever ``shape`` is None it is that of the parameters; ``dtype`` is float64 or float32.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from graphc.errors import absent_names
from graphc.random.continuous import (
    cauchy,
    exponential,
    gumbel,
    laplace,
    logistic,
    lognormal,
    multivariate_normal,
    normal,
    pareto,
    rayleigh,
    truncated_normal,
    uniform,
    weibull_min,
)
from graphc.random.counts import binomial, poisson
from graphc.random.discrete import bernoulli, categorical, choice, geometric, permutation, rademacher, randint
from graphc.random.gammas import beta, chisquare, dirichlet, f, gamma, loggamma, student_t, t
from graphc.random.keys import bits, fold_in, key, split

__all__ = [
    "bernoulli",
    "beta",
    "binomial",
    "bits",
    "categorical",
    "cauchy",
    "chisquare",
    "choice",
    "dirichlet",
    "exponential",
    "f",
    "fold_in",
    "gamma",
    "geometric",
    "gumbel",
    "key",
    "laplace",
    "loggamma",
    "logistic",
    "lognormal",
    "multivariate_normal",
    "normal",
    "pareto",
    "permutation",
    "poisson",
    "rademacher",
    "randint",
    "rayleigh",
    "split",
    "student_t",
    "t",
    "truncated_normal",
    "uniform",
    "weibull_min",
]

__getattr__ = absent_names("graphc.random", dict.fromkeys(__all__))
