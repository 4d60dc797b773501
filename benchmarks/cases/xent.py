"""Softmax cross-entropy by the logits: few passes over a large array."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import FUNCTION, Work


def cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_total = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(log_total - shifted[np.arange(labels.shape[0]), labels])


def inputs(rng: np.random.Generator, rows: int, classes: int) -> tuple[Any, ...]:
    return 3.0 * rng.standard_normal((rows, classes), dtype=np.float32), rng.integers(0, classes, rows)


def work(rows: int, classes: int) -> Work:
    return Work("float32", moved=8 * rows * classes, operations=rows * classes * (FUNCTION + 5))


def autograd_version():
    import autograd.numpy as np

    def cross_entropy(logits, labels):
        shifted = logits - np.max(logits, axis=1, keepdims=True)
        log_total = np.log(np.sum(np.exp(shifted), axis=1))
        return np.mean(log_total - shifted[np.arange(labels.shape[0]), labels])

    return cross_entropy


def torch_version():
    import torch.nn.functional as F

    return F.cross_entropy


def jax_version():
    import jax
    import jax.numpy as jnp

    def cross_entropy(logits, labels):
        log_probabilities = jax.nn.log_softmax(logits, axis=1)
        return -jnp.mean(jnp.take_along_axis(log_probabilities, labels[:, None], axis=1))

    return cross_entropy


def pytensor_version():
    import pytensor.tensor as pt

    def cross_entropy(logits, labels):
        log_probabilities = pt.special.log_softmax(logits, axis=1)
        return -pt.mean(log_probabilities[pt.arange(labels.shape[0]), labels])

    return cross_entropy


def numba_version():
    from numba import njit, prange

    @njit(fastmath={"contract", "reassoc"}, parallel=True)
    def gradient(logits, labels):
        rows, classes = logits.shape
        result = np.empty_like(logits)
        for i in prange(rows):
            largest = np.max(logits[i])
            total = np.float32(0.0)
            for j in range(classes):
                result[i, j] = np.exp(logits[i, j] - largest)
                total += result[i, j]
            scale = np.float32(1.0) / (total * np.float32(rows))
            for j in range(classes):
                result[i, j] *= scale
            result[i, labels[i]] -= np.float32(1.0) / np.float32(rows)
        return result

    return gradient


CASES = (
    Case(
        "xent",
        "softmax cross-entropy, 4096 x 1000, f32",
        cross_entropy,
        inputs,
        {"rows": 4096, "classes": 1000},
        {"rows": 6, "classes": 5},
        {
            "autograd": autograd_version,
            "torch": torch_version,
            "jax": jax_version,
            "pytensor": pytensor_version,
            "numba": numba_version,
        },
        rtol=1e-4,
        work=work,
    ),
)
