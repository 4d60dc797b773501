"""Parallel-beam tomography: an image from its line integrals, with a smoothed total variation.

The ray at angle theta and offset s runs through (x, y) = s (cos, sin) + t (-sin, cos); its integral is the sum over
equal steps in t of the image, interpolated between its pixels (Kak and Slaney, Principles of Computerized Tomographic
Imaging, 1988, chapter 7). The reconstruction minimises

    1/2 |A u - b|^2 + weight * sum sqrt(|grad u|^2 + eps)

(Rudin, Osher and Fatemi, 1992). The data term's gradient is A^T (A u - b): the projector A is linear, and its columns
are the projections of single pixels.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from tests.programs.frame import Program, along, check, thorough


class Scanner:
    def __init__(self, angles, offsets, steps):
        self.angles, self.offsets, self.steps = angles, offsets, steps

    def project(self, image):
        """The sinogram: one row an angle, one column an offset."""
        height, width = image.shape
        sinogram = np.zeros((len(self.angles), len(self.offsets)))
        for k, theta in enumerate(self.angles):
            c, s = np.cos(theta), np.sin(theta)
            x = (width - 1) / 2 + self.offsets[:, None] * c - self.steps[None, :] * s
            y = (height - 1) / 2 + self.offsets[:, None] * s + self.steps[None, :] * c
            sinogram[k] = np.sum(bilinear(image, y, x), axis=1) * (self.steps[1] - self.steps[0])
        return sinogram


def bilinear(image, y, x):
    """The image between its pixels, and 0 outside."""
    height, width = image.shape
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    inside = (i >= 0) & (i < height - 1) & (j >= 0) & (j < width - 1)
    i, j = np.where(inside, i, 0), np.where(inside, j, 0)
    u, v = y - i, x - j
    value = (
        (1 - u) * (1 - v) * image[i, j]
        + (1 - u) * v * image[i, j + 1]
        + u * (1 - v) * image[i + 1, j]
        + u * v * image[i + 1, j + 1]
    )
    return np.where(inside, value, 0.0)


def variation(image):
    dx = np.diff(image, axis=1)[:-1, :]
    dy = np.diff(image, axis=0)[:, :-1]
    return np.sum(np.sqrt(dx**2 + dy**2 + 1e-4))


def objective(image, scanner, measured, weight):
    misfit = scanner.project(image) - measured
    return 0.5 * np.sum(misfit**2) + weight * variation(image)


def phantom(n):
    y, x = np.mgrid[:n, :n] / (n - 1)
    return np.where((x - 0.5) ** 2 + (y - 0.45) ** 2 < 0.1, 1.0, 0.0) + np.where(
        abs(x - 0.6) + abs(y - 0.5) < 0.2, 0.5, 0
    )


def arguments(n, angles, bins):
    scanner = Scanner(
        np.linspace(0, np.pi, angles, endpoint=False),
        np.linspace(-0.7, 0.7, bins) * n,
        np.arange(-0.7 * n, 0.7 * n, 0.5),
    )
    start = np.random.default_rng(n).uniform(0.0, 0.2, (n, n))
    return start, scanner, scanner.project(phantom(n)), 0.05


def by_columns(arguments, direction):
    """The slope by the projector's matrix, and that of the variation by differences."""
    image, scanner, measured, weight = arguments
    matrix = np.stack([scanner.project(e.reshape(image.shape)).ravel() for e in np.eye(image.size)], axis=1)
    residual = matrix @ image.ravel() - measured.ravel()
    return direction.ravel() @ matrix.T @ residual + weight * along(variation, image, direction)


PROGRAM = Program(objective, (arguments(8, 5, 9), arguments(11, 8, 13)), derivative=by_columns)


def test_slope():
    check(PROGRAM, dear=True)


@thorough
def test_reconstruction():
    value_and_gradient = check(PROGRAM)
    start, *rest = PROGRAM.calls[1]

    def flat(u):
        value, gradient = value_and_gradient(u.reshape(start.shape), *rest)
        return value, gradient.ravel()

    found = minimize(flat, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    assert np.mean(np.abs(found.x.reshape(start.shape) - phantom(11))) < 0.1
