"""Cases of the Fourier transforms: even and odd numbers of points, one, a prime beyond small factors, and batches."""

from __future__ import annotations

import numpy as np

from tests.ops.case import Case, normal

SHAPES = [(6,), (5,), (1,), (2,), (2, 4), (2, 1, 3), (0, 4), (13,)]


def complex_normal(*shape: int) -> np.ndarray:
    return normal(*shape) + 1j * normal(*shape)


def by_definition(x: np.ndarray, sign: float) -> np.ndarray:
    """The sum that the transform stands for, written as a product with its matrix."""
    n = x.shape[-1]
    places = np.arange(n)
    return x @ np.exp(sign * 2j * np.pi * np.outer(places, places) / n)


def real_by_definition(x: np.ndarray, points: int) -> np.ndarray:
    """The whole of which x is a half: the rest is the conjugate, and what stands for itself is real."""
    half = x.copy()
    half[..., 0] = x[..., 0].real
    if points % 2 == 0:
        half[..., points // 2] = x[..., points // 2].real
    rest = half[..., 1 : points - points // 2][..., ::-1].conj()
    return by_definition(np.concatenate([half, rest], -1), 1).real


def pairs(x: np.ndarray) -> np.ndarray:
    return np.stack([x.real, x.imag], -1)


def numbers(x: np.ndarray) -> np.ndarray:
    return x[..., 0] + 1j * x[..., 1]


def half_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-1], shape[-1] // 2 + 1)


FOURIER_CASES: dict[str, list[Case]] = {
    "fft": [
        Case((complex_normal(*s),), lambda x, sign=2 * inverse - 1: by_definition(x, sign), {"inverse": inverse})
        for s in SHAPES for inverse in (False, True)
    ],
    "rfft": [
        Case((normal(*s),), lambda x: by_definition(x, -1)[..., : x.shape[-1] // 2 + 1], {}) for s in SHAPES
    ],
    "irfft": [
        Case((complex_normal(*half_of(s)),), lambda x, n=s[-1]: real_by_definition(x, n), {"points": s[-1]})
        for s in SHAPES
    ],
    "fft_pairs": [
        Case((normal(*s, 2),), lambda x, sign=2 * inverse - 1: pairs(by_definition(numbers(x), sign)),
             {"inverse": inverse}, 0)
        for s in SHAPES for inverse in (False, True)
    ],
    "rfft_pairs": [
        Case((normal(*s),), lambda x: pairs(by_definition(x, -1)[..., : x.shape[-1] // 2 + 1]), {}, 0) for s in SHAPES
    ],
    "irfft_pairs": [
        Case((normal(*half_of(s), 2),), lambda x, n=s[-1]: real_by_definition(numbers(x), n), {"points": s[-1]}, 0)
        for s in SHAPES
    ],
}  # fmt: skip
