"""Logistic regression: a matrix-vector product, the log of a sum, and the transposed product back."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import DIVISION, FUNCTION, Work

PENALTY = 1e-3


def logistic_loss(weights, features, signs):
    margins = signs * (features @ weights)
    return np.mean(np.logaddexp(0.0, -margins)) + 0.5 * PENALTY * np.sum(weights**2)


def inputs(rng: np.random.Generator, rows: int, columns: int) -> tuple[Any, ...]:
    features = rng.standard_normal((rows, columns))
    signs = np.sign(features @ rng.standard_normal(columns) + rng.standard_normal(rows))
    return 0.1 * rng.standard_normal(columns), features, signs


def work(rows: int, columns: int) -> Work:
    return Work("float64", 8 * rows * (columns + 1), rows * (4 * columns + FUNCTION + DIVISION))


def autograd_version():
    import autograd.numpy as np

    def logistic_loss(weights, features, signs):
        margins = signs * (features @ weights)
        return np.mean(np.logaddexp(0.0, -margins)) + 0.5 * PENALTY * np.sum(weights**2)

    return logistic_loss


def torch_version():
    import torch.nn.functional as F

    def logistic_loss(weights, features, signs):
        margins = signs * (features @ weights)
        return -F.logsigmoid(margins).mean() + 0.5 * PENALTY * weights.square().sum()

    return logistic_loss


def jax_version():
    import jax
    import jax.numpy as jnp

    def logistic_loss(weights, features, signs):
        margins = signs * (features @ weights)
        return -jnp.mean(jax.nn.log_sigmoid(margins)) + 0.5 * PENALTY * jnp.sum(weights**2)

    return logistic_loss


def pytensor_version():
    import pytensor.tensor as pt

    def logistic_loss(weights, features, signs):
        margins = signs * (features @ weights)
        return pt.mean(pt.softplus(-margins)) + 0.5 * PENALTY * pt.sum(weights**2)

    return logistic_loss


def numba_version():
    from numba import njit

    @njit(fastmath={"contract"})
    def gradient(weights, features, signs):
        slope = np.dot(features, weights)
        for i in range(slope.shape[0]):
            slope[i] = -signs[i] / (1.0 + np.exp(signs[i] * slope[i])) / slope.shape[0]
        return np.dot(slope, features) + PENALTY * weights

    return gradient


CASES = (
    Case(
        "logreg",
        "logistic regression, 1e5 x 100, f64",
        logistic_loss,
        inputs,
        {"rows": 10**5, "columns": 100},
        {"rows": 30, "columns": 4},
        {
            "autograd": autograd_version,
            "torch": torch_version,
            "jax": jax_version,
            "pytensor": pytensor_version,
            "numba": numba_version,
        },
        work=work,
    ),
)
