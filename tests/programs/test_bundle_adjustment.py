"""Bundle adjustment: cameras and points from where the cameras saw the points, with a robust loss.

A camera is a rotation vector, a translation, a focal length and two numbers of radial distortion; points are turned by
Rodrigues' formula

    R p = cos(a) p + sin(a) n x p + (1 - cos(a)) (n . p) n,    a = |r|, n = r / a

(Agarwal and others, Bundle Adjustment in the Large, 2010). Observations say by index arrays which camera saw which
point. The loss is Huber's. The first camera is not turned at all: the axis is 0/0 there.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from tests.programs.frame import Program, along, check


def rotate(vectors, points):
    angle = np.linalg.norm(vectors, axis=1)[:, np.newaxis]
    axis = np.divide(vectors, angle, out=np.zeros_like(vectors), where=angle > 0)
    dot = np.sum(points * axis, axis=1)[:, np.newaxis]
    c, s = np.cos(angle), np.sin(angle)
    return c * points + s * np.cross(axis, points) + (1 - c) * dot * axis


def project(points, cameras):
    """Pixels of one point in one camera a row."""
    p = rotate(cameras[:, :3], points) + cameras[:, 3:6]
    p = -p[:, :2] / p[:, 2, np.newaxis]
    focal, k1, k2 = cameras[:, 6:].T
    n = np.sum(p**2, axis=1)
    return p * (focal * (1 + k1 * n + k2 * n**2))[:, np.newaxis]


def loss(parameters, camera_index, point_index, observed):
    cameras, points = parameters["cameras"], parameters["points"]
    r = np.ravel(project(points[point_index], cameras[camera_index]) - observed)
    size = np.abs(r)
    return np.sum(np.where(size < 1.0, 0.5 * r**2, size - 0.5))


def arguments(cameras, points):
    rng = np.random.default_rng(points)
    c = np.column_stack([rng.normal(0, 0.3, (cameras, 3)), rng.normal(0, 0.1, (cameras, 2)), np.full(cameras, -4.0)])
    c = np.column_stack([c, rng.uniform(5, 6, cameras), rng.normal(0, 0.01, (cameras, 2))])
    p = rng.normal(0, 0.7, (points, 3))
    seen = np.argwhere(rng.uniform(size=(cameras, points)) < 0.8)
    observed = project(p[seen[:, 1]], c[seen[:, 0]]) + rng.normal(0, 0.8, (len(seen), 2))
    return {"cameras": c, "points": p}, seen[:, 0], seen[:, 1], observed


def test_reprojection():
    value_and_gradient = check(Program(loss, (arguments(3, 6), arguments(4, 11))), dear=True)
    parameters, *rest = arguments(3, 6)
    parameters["cameras"][0, :3] = 0.0
    value, gradient = value_and_gradient(parameters, *rest)
    np.testing.assert_allclose(value, loss(parameters, *rest), rtol=1e-12)
    assert np.all(np.isfinite(gradient["cameras"]))
    direction = {"cameras": np.zeros((3, 9)), "points": np.random.default_rng(0).normal(size=(6, 3))}
    expected = along(lambda p: loss(p, *rest), parameters, direction)
    np.testing.assert_allclose(np.sum(gradient["points"] * direction["points"]), expected, rtol=1e-7)


def test_rotation_is_that_of_scipy():
    rng = np.random.default_rng(1)
    vectors, points = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    np.testing.assert_allclose(rotate(vectors, points), Rotation.from_rotvec(vectors).apply(points), rtol=1e-12)
