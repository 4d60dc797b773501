"""Registration of two images: a turn, a scale and a shift that make one fit the other, by bilinear warping.

The moving image is read at A (x - c) + c + t, with A a rotation times a scale; the score is the normalised cross
correlation (Brown, A Survey of Image Registration Techniques, 1992). Between two pixels the image is linear, so the
score has a gradient wherever no point falls on a pixel.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.optimize import minimize

from tests.programs.frame import Program, check, differences


def warp(image, A, shift):
    h, w = image.shape
    center = np.array([(h - 1) / 2, (w - 1) / 2])
    grid = np.stack(np.meshgrid(np.arange(h), np.arange(w), indexing="ij"), axis=-1)
    place = (grid - center) @ A.T + center + shift
    y, x = place[..., 0], place[..., 1]
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    out = np.zeros((h, w))
    for dy in (0, 1):
        for dx in (0, 1):
            i, j = top + dy, left + dx
            valid = (i >= 0) & (i < h) & (j >= 0) & (j < w)
            weight = (1 - np.abs(y - i)) * (1 - np.abs(x - j))
            out += np.where(valid, image[np.clip(i, 0, h - 1), np.clip(j, 0, w - 1)] * weight, 0.0)
    return out


def turn_and_scale(angle, log_scale):
    return np.exp(log_scale) * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def mismatch(motion, moving, fixed):
    a = warp(moving, turn_and_scale(motion[0], motion[1]), motion[2:])
    a = a - a.mean()
    b = fixed - fixed.mean()
    return 1 - np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2))


def blobs(h, w):
    y, x = np.mgrid[:h, :w]
    wide = np.exp(-((y - h / 2) ** 2 + 0.5 * (x - w / 3) ** 2) / 12)
    return wide + 0.5 * np.exp(-((y - h / 4) ** 2 + (x - w / 1.6) ** 2) / 6)


TRUE = np.array([0.1, -0.05, 0.7, -0.4])


def arguments(h, w):
    moving = blobs(h, w)
    fixed = warp(moving, turn_and_scale(*TRUE[:2]), TRUE[2:])
    return np.array([0.123, 0.031, 0.613, -0.417]), moving, fixed


CALLS = (arguments(13, 15), arguments(16, 20))
PROGRAM = Program(mismatch, CALLS, derivative=differences(mismatch, 1e-6), rtol=1e-6)


def test_mismatch():
    value_and_gradient = check(PROGRAM)
    _, *images = PROGRAM.calls[1]
    found = minimize(lambda motion: value_and_gradient(motion, *images), np.full(4, 0.01), jac=True, method="BFGS")
    np.testing.assert_allclose(found.x, TRUE, atol=1e-3)


def test_warp_is_that_of_scipy():
    image, A, shift = blobs(9, 11), turn_and_scale(0.2, 0.1), np.array([0.3, -0.6])
    center = np.array([[4.0], [5.0]])
    place = A @ (np.indices(image.shape).reshape(2, -1) - center) + center + shift[:, None]
    expected = map_coordinates(image, place, order=1, mode="grid-constant")
    np.testing.assert_allclose(warp(image, A, shift).ravel(), expected, rtol=1e-12, atol=1e-14)
