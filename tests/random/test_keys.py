"""Keys and bits: the paper's known answers, JAX's, and the same ones in every way of calling."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc import config, random
from graphc.errors import ShapeError, SideEffectError, TraceTypeError
from graphc.ops.threefry import threefry

KEY = random.key(42)


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        (0, 0, 0x6B20015999BA4EFE),
        (2**64 - 1, 2**64 - 1, 0x1CB996FCBB002BE7),
        (0x13198A2E03707344, 0x243F6A8885A308D3, 0xC4923A9C483DF7A0),
    ],
)
def test_known_answers_of_random123(key, counter, expected):
    """Threefry-2x32 with 20 rounds, the vectors published with the paper's library."""
    assert int(threefry(key, counter)) == expected


def test_keys_and_numbers_are_those_of_jax():
    """What ``jax.random`` 0.10 gives for ``PRNGKey(42)``, in double precision."""
    np.testing.assert_array_equal(random.key(2**40 + 3), [256, 3])
    np.testing.assert_array_equal(random.key(-1), [2**32 - 1] * 2)
    np.testing.assert_array_equal(random.split(KEY), [[1832780943, 270669613], [64467757, 2916123636]])
    np.testing.assert_array_equal(random.fold_in(KEY, 7), [2547012911, 1371500959])
    np.testing.assert_array_equal(random.bits(KEY, (3,)), [2098992034, 2919706841, 2646866425])
    np.testing.assert_array_equal(random.bits(KEY, (2,), np.uint64), [7871734211187709741, 276886910877598708])
    np.testing.assert_array_equal(random.randint(KEY, (5,), -5, 117), [104, 73, 34, 52, 112])
    np.testing.assert_array_equal(random.uniform(KEY, (2,)), [0.4267275666499091, 0.015010069515314584])
    np.testing.assert_array_equal(random.uniform(KEY, (2,), np.float32), np.float32([0.48870957, 0.6797972]))
    np.testing.assert_allclose(random.normal(KEY, (2,)), [-0.18471174528191162, -2.169824560397754], 1e-14)
    np.testing.assert_allclose(random.gumbel(KEY, (2,)), [0.16062720630382138, -1.4348544993307841], 1e-14)
    np.testing.assert_allclose(random.laplace(KEY, (1,)), 0.15846230602649014, 1e-13)  # -log(1 - u) near 0


def draw_all(key, size):
    """One program of several laws: of each, its samples."""
    first, second, third = random.split(key, 3)
    return {
        "bits": random.bits(first, size.shape, np.uint8),
        "normal": random.normal(first, size.shape),
        "single": random.normal(first, size.shape, np.float32),
        "gamma": random.gamma(second, size),
        "counts": random.poisson(third, 3 * size),
        "order": random.permutation(third, size.shape[0]),
    }


def same(found, expected, places=14):
    assert found.keys() == expected.keys()
    for name, samples in expected.items():
        assert found[name].dtype == samples.dtype
        if samples.dtype.kind == "f":
            rtol = 1e-6 if samples.dtype == np.float32 else 10.0**-places
            np.testing.assert_allclose(found[name], samples, rtol=rtol)
        else:
            np.testing.assert_array_equal(found[name], samples)


def test_compiled_plain_batched_and_threaded_samples_are_the_same():
    size = np.linspace(0.5, 4.0, 30)
    compiled = graphc.jit(draw_all)
    same(compiled(KEY, size), draw_all(KEY, size))
    long = np.linspace(0.5, 4.0, 60_000)  # the same program, and enough work for threads
    several = compiled(KEY, long)
    with config.override(num_threads=1):
        for name, samples in compiled(KEY, long).items():
            np.testing.assert_array_equal(samples, several[name])


def test_vmap_over_keys():
    keys = random.split(KEY, 3)
    with config.override(disable_jit=True):
        batched = graphc.vmap(lambda key: random.normal(key, (2,)) * random.gamma(key, 0.7))(keys)
    rows = [random.normal(key, (2,)) * random.gamma(key, 0.7) for key in keys]
    np.testing.assert_allclose(batched, rows, rtol=1e-13)


def test_a_key_that_a_loop_carries():
    def walk(step, key, count):
        place = 0.0
        for k in range(count):
            key, now = random.split(key)
            place = 0.9 * place + step * random.normal(random.fold_in(now, k))
        return place

    value, slope = graphc.value_and_grad(walk)(0.3, KEY, 20)
    np.testing.assert_allclose(value, walk(0.3, KEY, 20), rtol=1e-12)
    np.testing.assert_allclose(slope, walk(1.0, KEY, 20), rtol=1e-12)  # it is linear


def test_a_seed_that_is_an_argument():
    found = graphc.jit(random.key)(2**33 + 5)
    np.testing.assert_array_equal(found, [2, 5])


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: random.key(1.5), TraceTypeError, "integer of up to 64 bits"),
        (lambda: random.key(2**70), TraceTypeError, "integer of up to 64 bits"),
        (lambda: random.normal(np.zeros(2)), TraceTypeError, "made by graphc.random.key"),
        (lambda: random.normal(random.split(KEY, 3)), ShapeError, "graphc.vmap"),
        (lambda: random.fold_in(KEY, 0.5), TraceTypeError, "takes an integer"),
        (lambda: random.bits(KEY, (2,), np.int32), TraceTypeError, "uint64, uint32"),
        (lambda: random.normal(KEY, (2,), np.int64), TraceTypeError, "float64 or float32"),
    ],
)
def test_what_is_no_key_is_refused(call, error, says):
    with pytest.raises(error, match=says) as caught:
        call()
    assert caught.value.location.file == __file__


def test_a_missing_name_names_the_nearest():
    with pytest.raises(AttributeError, match="did you mean 'gamma'"):
        _ = random.gama


GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda x: x * GENERATOR.standard_normal(3), r"graphc\.random\.normal\(key, shape\)"),
        (lambda x: x * GENERATOR.integers(0, 5, 3), r"graphc\.random\.randint\(key, shape, low, high\)"),
        (lambda x: x + np.random.gamma(2.0), r"graphc\.random\.gamma\(key, a\)"),
        (lambda x: GENERATOR.permutation(x) + 1, r"graphc\.random\.permutation\(key, x\)"),
        (lambda x: x * GENERATOR.vonmises(1.0, 2.0), r"graphc\.random\.normal.* or another"),
    ],
)
def test_generators_of_numpy_name_their_counterpart(draw, says):
    with pytest.raises(SideEffectError, match=f"same ones at every call; .*{says}"):
        graphc.grad(lambda x: np.sum(draw(x)))(np.ones(3))
