"""CUDA programs by the emulator, which runs the kernels' own code on this machine: the values are the CPU's."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from scipy import special

import graphc
from graphc.config import override, settings
from graphc.runtime.cuda_devices import emulator
from tests.cuda.programs import PROGRAMS, RNG, W, X, steps

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")


@pytest.fixture(autouse=True)
def emulated():
    with override(cuda_emulator=True):
        yield emulator()


def check(found, expected, tolerance):
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient_are_the_cpus(name):
    function, args = PROGRAMS[name]
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(function)(*args)
    found = graphc.value_and_grad(function, target="cuda")(*args)
    tolerance = 1e-13 if args[0].dtype == np.float64 else 2e-6
    check(found[0], value, tolerance)
    check(found[1], gradient, tolerance)


def test_loops_and_decisions():
    compiled = graphc.jit(steps, target="cuda")
    np.testing.assert_allclose(compiled(X, W), steps(X, W), rtol=1e-14)
    np.testing.assert_allclose(compiled(X[:5], W), steps(X[:5], W), rtol=1e-14)
    assert compiled.cache_info()["programs"] == 1


def test_a_loop_by_lanes_is_a_launch_for_any_number_of_steps(emulated):
    """One kernel and one thread for the time; a stencil's lanes meet, so its steps are launches."""
    function, (x, forces) = PROGRAMS["lanes"]

    def meeting(x, forces):
        for k in range(len(forces)):
            x = x + forces[k] * np.roll(x, 1)
        return np.sum(x)

    counts = []
    for compiled in (graphc.jit(function, target="cuda"), graphc.jit(meeting, target="cuda")):
        for size in (2, 23):
            emulated.launches.clear()
            compiled(x, forces[:size])
            counts.append(len(emulated.launches))
    assert counts[0] == counts[1]
    assert counts[3] - counts[2] >= 21


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1), (3, 1), (1, 300)])
def test_shapes_at_the_edge(shape):
    def both(x):
        return np.sum(np.exp(x), axis=1), np.sum(x, axis=0), np.cumsum(x, axis=1)

    x = np.random.default_rng(0).normal(size=shape)
    for found, expected in zip(graphc.jit(both, target="cuda")(x), both(x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def test_lengths_that_are_no_multiple_of_a_wide_access():
    compiled = graphc.jit(lambda x: x * x + 1, target="cuda")
    for size in (0, 1, 3, 4, 5, 97):
        x = np.arange(size, dtype=np.float32)
        np.testing.assert_array_equal(compiled(x), x * x + 1)


def test_whole_arrays_in_order():
    """Running folds by parts, forward and back; the first of the largest."""

    def both(x):
        return np.sum(np.cumsum(np.diff(x)) ** 2) + np.sum(np.cumprod(1 + x / 9)) + x[np.argmax(x)]

    gradient = graphc.value_and_grad(both, target="cuda")
    for size in (2, 3, 4, 5, 97):
        x = np.sin(np.arange(size) * 1.7)
        with override(disable_jit=True):
            value, expected = graphc.value_and_grad(both)(x)
        found = gradient(x)
        np.testing.assert_allclose(found[0], value, rtol=1e-13)
        np.testing.assert_allclose(found[1], expected, rtol=1e-12)


def test_updates_that_meet_are_made_in_order():
    """By columns where rows are written, else by owners of parts of the target: the bits are NumPy's."""
    index, x = RNG.integers(-6, 6, size=40), X[:6]
    rows, numbers = RNG.normal(size=(40, 11)), RNG.normal(size=40)

    def replaced(x, i, v):
        y = x.copy()
        y[i] = v
        return y

    def added(x, i, v):
        y = x.copy()
        np.add.at(y, i, v)
        return y

    for function in (replaced, added):
        for args in ((x, index, rows), (x[:, 0].copy(), index, numbers)):
            np.testing.assert_array_equal(graphc.jit(function, target="cuda")(*args), function(*args))


def test_sums_by_atomic_additions(emulated):
    """Where the order may be any, updates are shared by all threads, and blocks add to the result themselves."""

    def both(x, i, v):
        return np.sum(np.sin(x[i]) * v) + np.sum(np.sum(x * x, axis=0) ** 3)

    index, v = RNG.integers(-6, 6, size=40), RNG.normal(size=(40, 11))
    compiled = graphc.grad(both, target="cuda", atomics=True)
    with override(disable_jit=True):
        expected = graphc.grad(both)(X, index, v)
    check(compiled(X, index, v), expected, 1e-13)
    assert compiled.source().count("import atomic_add_f64") == 3  # kernels: short rows have one of their own
    assert compiled.source().count("# combine") == 1  # whether an index is wrong
    picked = graphc.grad(lambda x, i: np.sum(np.sin(x[i])), target="cuda")
    with override(cuda_atomics=True):
        assert "atomic_add_f64(" in picked.source(W, index[:3])
        with override(deterministic=True):
            assert "atomic_add" not in picked.source(W, index[:3])


def test_complex_numbers_and_routines():
    """A complex array is a real one of the same bytes; rows are sorted, elements searched for."""
    z, scale = X + 1j * X[::-1], 2 - 1j
    product = graphc.jit(lambda z, s: (np.conj(z) * s).T, target="cuda")
    for _ in range(3):
        np.testing.assert_allclose(product(z, scale), (np.conj(z) * scale).T, rtol=1e-14)
    order = graphc.jit(lambda x: (np.sort(x, axis=1), np.argsort(x, axis=0)), target="cuda")
    np.testing.assert_array_equal(order(X)[0], np.sort(X, axis=1))
    np.testing.assert_array_equal(order(X)[1], np.argsort(X, axis=0))
    long = RNG.normal(size=(2, 1100))  # by digits
    np.testing.assert_array_equal(order(long)[0], np.sort(long, axis=1))
    middle = graphc.jit(lambda x: np.median(x, axis=1), target="cuda")
    np.testing.assert_array_equal(middle(long), np.median(long, axis=1))
    find = graphc.jit(np.searchsorted, target="cuda")
    np.testing.assert_array_equal(find(np.sort(W), X), np.searchsorted(np.sort(W), X))


def test_functions_of_scipy():
    """graphc's own, and those that are elementary functions there."""

    def several(x, y):
        return special.gamma(x), special.log_expit(y), special.ndtri(x), special.rel_entr(x, x * x), y.astype(np.int32)

    x, y = np.array([1e-9, 0.25, 0.5, 0.999]), np.array([-800.0, -1.7, 0.0, 40.5])
    for found, expected in zip(graphc.jit(several, target="cuda")(x, y), several(x, y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_ties_and_nan_are_numpys():
    x = np.array([[1.0, 3.0, 3.0, 2.0, 3.0], [np.nan, 1.0, np.nan, 5.0, 0.0], [-np.inf] * 5])
    found = graphc.jit(lambda x: (np.argmax(x, axis=1), np.argmin(x, axis=1), np.max(x, axis=1)), target="cuda")(x)
    expected = np.argmax(x, axis=1), np.argmin(x, axis=1), np.max(x, axis=1)
    for ours, numpys in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, numpys)


def test_what_depends_on_values():
    pick = graphc.jit(lambda x, i: (x[x > 0.5], x[i]), target="cuda")
    x = np.array([0.1, 0.7, 0.9, 0.2])
    for ours, numpys in zip(pick(x, np.array([3, -1])), (x[x > 0.5], x[[3, -1]]), strict=True):
        np.testing.assert_array_equal(ours, numpys)
    with pytest.raises(graphc.IndexRangeError, match="size 4"):
        pick(x, np.array([0, 4]))


def test_memory_is_kept_and_given_back_and_launches_are_few(emulated):
    gc.collect()
    before = set(emulated.memory)
    compiled = graphc.grad(lambda x: np.sum(np.sin(x) * x), target="cuda")
    compiled(X)
    (block,) = set(emulated.memory) - before
    emulated.launches.clear()
    compiled(X)
    ((name, blocks, threads),) = emulated.launches
    assert compiled.kernels() == (name,)
    assert blocks == emulated.most_blocks
    assert threads == emulated.threads
    assert set(emulated.memory) - before == {block}
    assert "# programs" not in compiled.source()
    assert name in compiled.source()
    del compiled
    gc.collect()
    assert set(emulated.memory) == before


def test_another_target():
    with pytest.raises(ValueError, match="'cpu' or 'cuda'"):
        graphc.grad(np.sum, target="gpu")


def test_rows_of_a_block_are_near_where_there_is_room(emulated):
    """What a softmax keeps for its second pass, and sums by column: the same bits wherever they stand."""

    def loss(x, scale):
        shares = np.exp(x - np.max(x, axis=1, keepdims=True))
        return np.sum((shares / np.sum(shares, axis=1, keepdims=True) * scale) ** 2)

    compiled = graphc.grad(loss, argnums=(0, 1), target="cuda")
    for size in (7, 40, 300):  # a thread runs a row; a block does; it has no room for a row
        x, scale = RNG.normal(size=(5, size)), RNG.normal(size=size)
        found = compiled(x, scale)
        with override(disable_jit=True):
            expected = graphc.grad(loss, argnums=(0, 1))(x, scale)
        for ours, right in zip(found, expected, strict=True):
            check(ours, right, 1e-13)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(emulated, "near", 0)
            for ours, again in zip(compiled(x, scale), found, strict=True):
                np.testing.assert_array_equal(ours, again)
