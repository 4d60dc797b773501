"""Every transform of arrays on a device: what it gives for NumPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphc
from graphc import pytree
from graphc.config import override, settings
from graphc.runtime.cuda_memory import DeviceArray, sent

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
V = np.array([0.5, -1.5, 2.0])
T = np.array([1.0, 0.25, -2.0])


@pytest.fixture(autouse=True)
def emulated():
    with override(cuda_emulator=True):
        yield


def there(tree):
    return pytree.tree_map(lambda leaf: sent(leaf, 0) if isinstance(leaf, np.ndarray) else leaf, tree)


def back(tree):
    return pytree.tree_map(lambda leaf: leaf.copy_to_host() if isinstance(leaf, DeviceArray) else leaf, tree)


def twisted(x):
    return np.sin(x) * x[::-1]


def cubes(x):
    return np.sum(x**3 * x[0])


def parts(tree, x):
    """Saved values, a size that nothing saved shows, and one that shows when the program runs."""
    return {"picked": x[x > 0] * tree["a"], "total": np.sum(x), "length": x.shape[0], "aux": (x > 0)}


@graphc.custom_vjp
def halved(x):
    return x / 2


halved.defvjp(lambda x: (x / 2, None), lambda saved, g: (g * 3,))


def ruled(x):
    return np.sum(graphc.checkpoint(twisted)(halved(x)) ** 2)


TRANSFORMS = {
    "rules of the user's": lambda put: graphc.grad(ruled)(put(V)),
    "jvp": lambda put: graphc.jvp(twisted, (put(V),), (put(T),)),
    "jacobian": lambda put: graphc.jacobian(twisted)(put(V)),
    "hessian": lambda put: graphc.hessian(cubes)(put(V)),
    "hvp": lambda put: graphc.hvp(cubes)(put(V), put(T)),
    "vmap": lambda put: graphc.vmap(graphc.grad(cubes))(put(np.stack([V, T]))),
    "linearize": lambda put: graphc.linearize(twisted, put(V))[1](put(T)),
    "nothing saved": lambda put: graphc.vjp(np.sum, put(V))[1](2.0),
    "nothing given": lambda put: graphc.linearize(twisted, put(V))[1](None),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name):
    run = TRANSFORMS[name]
    with override(disable_jit=True):
        expected = run(lambda array: array)
    found = run(there)
    pairs = list(zip(pytree.flatten(found)[0], pytree.flatten(expected)[0], strict=True))
    assert pairs
    for ours, right in pairs:
        assert type(ours) is DeviceArray
        np.testing.assert_allclose(ours.copy_to_host(), right, rtol=1e-12)


def test_a_pullback_is_called_again_and_again():
    tree = {"a": np.array(3.0)}
    out, pullback = graphc.vjp(parts, there(tree), there(V))
    with override(disable_jit=True):
        right, of_the_host = graphc.vjp(parts, tree, V)
    assert out["length"] == 3
    np.testing.assert_array_equal(out["picked"].copy_to_host(), right["picked"])
    assert float(out["total"]) == right["total"] == out["total"].item()
    for seed in (1.0, 2.0):
        cotangent = {"picked": np.array([seed, 0.5]), "total": None, "length": None, "aux": None}
        expected = of_the_host(cotangent)
        found = back(pullback(cotangent | {"picked": sent(cotangent["picked"], 0)}))
        np.testing.assert_allclose(found[0]["a"], expected[0]["a"])
        np.testing.assert_allclose(found[1], expected[1])
    for wrong, error in ((sent(V, 0), "must have shape"), (V[:2], "of the host")):
        with pytest.raises(graphc.GraphcError, match=error):
            pullback({"picked": wrong, "total": None, "length": None, "aux": None})


def test_a_pullback_has_pythons_numbers_from_the_host():
    """So that no kernel of single arrays computes with doubles, and none is sent and read again."""
    years = 2.0

    def paid(x):
        return np.sin(x * math.sqrt(years)) * math.exp(-years) + x**2 / years

    x = V.astype(np.float32)
    for years in (2.0, 3.0):
        out, pullback = graphc.vjp(paid, sent(x, 0))
        np.testing.assert_allclose(out.copy_to_host(), paid(x), rtol=1e-6)
        (found,) = pullback(sent(x, 0))
        expected = np.cos(x * math.sqrt(years)) * math.sqrt(years) * math.exp(-years) + 2 * x / years
        np.testing.assert_allclose(found.copy_to_host(), x * expected, rtol=1e-5)
        first, second = (runner.runner for runner in (pullback._program.runner, pullback._program.backward))
        assert None not in (first.parts.host, second.parts.host)
        for runner in (first, second):
            assert not any(value.type.dtype == np.float64 for n in runner.parts.device.nodes for value in n.inputs)


class Model:
    def __init__(self, w):
        self.w = w

    def loss(self, x):
        return np.sum(np.sin(self.w * x))


def test_arrays_that_a_function_reads_from_outside():
    model = Model(sent(V, 0))
    gradient = graphc.grad(model.loss)
    for step in range(4):
        model.w = sent(V + step, 0)  # read anew at each call
        np.testing.assert_allclose(gradient(sent(T, 0)).copy_to_host(), np.cos((V + step) * T) * (V + step))
    assert gradient.cache_info()["programs"] == 1
    np.testing.assert_allclose(
        graphc.vjp(model.loss, sent(T, 0))[1](1.0)[0].copy_to_host(), np.cos((V + 3) * T) * (V + 3)
    )
    with pytest.raises(graphc.CudaError, match=r"self__.w, .* is on device 0 .* no array of the call is there"):
        gradient(T)
    model.w = V
    with pytest.raises(graphc.CudaError, match="is a NumPy array, and the arguments are on device 0"):
        gradient(sent(T, 0))
