"""Sizes that blocks of a driver compute: each has a name of its own, also where several blocks compute some."""

import re
from collections import Counter

import numpy as np
import pytest

import graphc


def clustered(centres, points):
    return np.sum(np.min(np.sum((points[:, None, :] - centres[None, :, :]) ** 2, axis=2), axis=1))


def branched(x, y):
    if x[0] > 0:
        z = np.sum(np.cumsum(x[: len(x) // 2]) ** 2) + np.sum(x[::3])
    else:
        z = np.sum(np.cumsum(y[: len(y) // 5]) ** 3) + np.sum(y[::7])
    return z


def looped(x, y):
    total = 0.0
    for _ in range(3):
        total = total + np.sum(np.cumsum(x[: len(x) // 2] * total) ** 2)
    for _ in range(2):
        total = total + np.sum(np.cumsum(y[: len(y) // 5]) ** 2 * 0.1)
    return total


RNG = np.random.default_rng(0)
PROGRAMS = {
    "choice": (clustered, (RNG.normal(size=(40, 3)), RNG.normal(size=(200, 3)))),
    "branch": (branched, (RNG.normal(size=23), RNG.normal(size=57))),
    "loops": (looped, (RNG.normal(size=23), RNG.normal(size=57))),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("transform", [graphc.grad, graphc.value_and_grad])
def test_no_size_of_a_driver_is_named_twice(name, transform):
    function, arguments = PROGRAMS[name]
    compiled = transform(function)
    compiled(*arguments)
    driver = compiled.source().split("\ndef ")[1]
    names = Counter(re.findall(r"^ +(size\d+) = ", driver, re.MULTILINE))
    assert names, driver
    assert set(names.values()) == {1}


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_blocks_with_sizes_of_their_own(sign):
    x, y = PROGRAMS["branch"][1]
    x = np.copysign(x, sign)
    value, gradients = graphc.value_and_grad(branched, argnums=(0, 1))(x, y)
    np.testing.assert_allclose(value, branched(x, y), rtol=1e-13)
    for k, gradient in enumerate(gradients):
        for i in range(0, gradient.size, 6):
            step = [np.zeros_like(x), np.zeros_like(y)]
            step[k][i] = 1e-6
            difference = branched(x + step[0], y + step[1]) - branched(x - step[0], y - step[1])
            np.testing.assert_allclose(gradient[i], difference / 2e-6, rtol=1e-5, atol=1e-6)
