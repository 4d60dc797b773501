"""The Hessian of a logistic loss in 50 dimensions, forward over reverse: derivatives of derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import DIVISION, FUNCTION, Work


def logistic_loss(weights, features, signs):
    return np.mean(np.log1p(np.exp(-signs * (features @ weights))))


def inputs(rng: np.random.Generator, rows: int, columns: int) -> tuple[Any, ...]:
    features = rng.standard_normal((rows, columns))
    return 0.1 * rng.standard_normal(columns), features, np.sign(rng.standard_normal(rows))


def work(rows: int, columns: int) -> Work:
    """The margins, and one symmetric product of the features with themselves."""
    operations = rows * (columns * (columns + 4) + FUNCTION + DIVISION)
    return Work("float64", 8 * (rows * (columns + 1) + columns * (columns + 1)), operations)


def autograd_version():
    import autograd.numpy as np

    def logistic_loss(weights, features, signs):
        return np.mean(np.log1p(np.exp(-signs * (features @ weights))))

    return logistic_loss


def torch_version():
    import torch

    def logistic_loss(weights, features, signs):
        return torch.log1p(torch.exp(-signs * (features @ weights))).mean()

    return logistic_loss


def jax_version():
    import jax.numpy as jnp

    def logistic_loss(weights, features, signs):
        return jnp.mean(jnp.log1p(jnp.exp(-signs * (features @ weights))))

    return logistic_loss


def pytensor_version():
    import pytensor.tensor as pt

    def logistic_loss(weights, features, signs):
        return pt.mean(pt.log1p(pt.exp(-signs * (features @ weights))))

    return logistic_loss


CASES = (
    Case(
        "hessian",
        "Hessian of a logistic loss, 500 x 50, f64",
        logistic_loss,
        inputs,
        {"rows": 500, "columns": 50},
        {"rows": 9, "columns": 3},
        {"autograd": autograd_version, "torch": torch_version, "jax": jax_version, "pytensor": pytensor_version},
        derivative="hessian",
        work=work,
        modes=("grad",),
    ),
)
