"""numpy.fft and scipy.fft: values against theirs, derivatives against differences, for all norms, sizes and axes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.fft

import graphc
from graphc.config import override
from graphc.errors import ShapeError, TraceTypeError
from graphc.testing import check_grads

rng = np.random.default_rng(3)
X = rng.normal(size=(3, 6))
Z = X + 1j * rng.normal(size=(3, 6))
OF_REAL = {"rfft", "ihfft", "rfftn", "rfft2"}
ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
SEVERAL = ["fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2", "irfft2"]


def interpreted(f, *args):
    """The traced graph, run by the interpreter: a function that is not differentiated would not be traced for it."""
    with override(disable_jit=True):
        return graphc.vjp(f, *args)[0]


def check(f, argument, *, derivative=True):
    found, expected = interpreted(f, argument), f(argument)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
    if derivative:
        with override(disable_jit=True):
            check_grads(f, (argument,), order=1, modes=("rev",))


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
def test_one_axis(name, norm):
    argument = X if name in OF_REAL else Z
    numpys = getattr(np.fft, name)
    for n, axis in [(None, -1), (6, 1), (5, -1), (7, -1), (1, 1), (4, 0), (None, 0)]:
        check(lambda a, n=n, axis=axis: numpys(a, n, axis, norm), argument, derivative=n in (5, 7) or axis == 0)


@pytest.mark.parametrize("name", SEVERAL)
def test_several_axes(name):
    argument = X if name in OF_REAL else Z
    argument = np.stack([argument, 2 * argument + 1])
    numpys = getattr(np.fft, name)
    check(numpys, argument)
    for s, axes, norm in [((4, 5), (0, 2), "ortho"), ((3, 7), (-2, -1), "forward"), (None, (1, 0), None)]:
        check(lambda a, s=s, axes=axes, norm=norm: numpys(a, s, axes, norm), argument)


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_order_of_frequencies(name):
    numpys = getattr(np.fft, name)
    for axes in (None, 0, (1,)):
        check(lambda a, axes=axes: numpys(a[:, :5], axes), Z)


def test_frequencies_of_any_size():
    """One program for all sizes."""

    @graphc.jit
    def frequencies(x):
        return np.fft.fftfreq(x.size, 0.5) * x, np.fft.rfftfreq(x.size) * 1.0

    for n in (4, 5, 8):
        found = frequencies(np.ones(n))
        np.testing.assert_allclose(found[0], np.fft.fftfreq(n, 0.5), rtol=1e-15)
        np.testing.assert_allclose(found[1], np.fft.rfftfreq(n), rtol=1e-15)
    assert frequencies.cache_info()["programs"] == 1


def ours(name):
    def call(a):
        return getattr(scipy.fft, name)(a, norm="ortho", workers=1)

    return call


@pytest.mark.parametrize("name", ONE + SEVERAL)
def test_scipys_functions(name):
    argument = X if name in OF_REAL else Z
    check(ours(name), argument, derivative=False)


def test_real_numbers_and_integers_promote():
    for array in (X, X.astype(np.float32), np.arange(6), Z.astype(np.complex64)):
        for f in (np.fft.fft, np.fft.irfft):
            found, expected = interpreted(f, array + 0), f(array)
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def test_batches_and_the_gradient_of_a_compiled_program():
    """A spectrum of each row, in one call of the library, for float64 and float32; the gradient against differences."""

    def energy(x, window):
        spectrum = np.fft.rfft(x * window)
        return np.sum(np.abs(spectrum) ** 2 * np.arange(spectrum.shape[-1]))

    window = np.hanning(8) + 0.1
    for n in (8, 7):
        with override(disable_jit=True):
            check_grads(energy, (rng.normal(size=n), window[:n]), order=2)
    rows = rng.normal(size=(5, 8))
    found = graphc.vmap(graphc.grad(energy), in_axes=(0, None))(rows, window)
    for row, gradient in zip(rows, found, strict=True):
        np.testing.assert_allclose(gradient, graphc.grad(energy)(row, window), rtol=1e-13)
    single = graphc.grad(energy)(rows[0].astype(np.float32), window.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, graphc.grad(energy)(rows[0], window), rtol=1e-4, atol=1e-4)


def test_a_transform_is_undone():
    """fft and its inverse of a compiled program, on several threads, in every number of points up to 20."""
    f = graphc.jit(lambda z: (np.fft.ifft(np.fft.fft(z)), np.fft.fft(z)))
    for n in itertools.chain(range(1, 20), (97, 4096)):
        z = rng.normal(size=(40, n)) + 1j * rng.normal(size=(40, n))
        back, forth = f(z)
        np.testing.assert_allclose(back, z, atol=1e-13)
        np.testing.assert_array_equal(forth, np.fft.fft(z))


def test_errors():
    with pytest.raises(TraceTypeError, match=r"rfft takes real numbers; of complex ones use np\.fft\.fft"):
        graphc.jit(lambda z: np.fft.rfft(z))(Z)  # noqa: PLW0108
    with pytest.raises(ShapeError, match="norm='none'"):
        graphc.jit(lambda z: np.fft.fft(z, norm="none"))(Z)
    with pytest.raises(ShapeError, match="no number of points"):
        graphc.jit(lambda z: np.fft.fft(z, 0))(Z)


@pytest.mark.parametrize("name", ["dct", "idct", "dst", "idst"])
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_cosines_and_sines(name, kind):
    scipys = getattr(scipy.fft, name)

    def transform(x, n=None, axis=-1, norm=None):
        return getattr(scipy.fft, name)(x, kind, n, axis, norm)

    for n, axis, norm in [(None, -1, None), (7, -1, "ortho"), (5, 1, "forward"), (None, 0, "ortho")]:

        def call(x, n=n, axis=axis, norm=norm):
            return transform(x, n, axis, norm)

        np.testing.assert_allclose(interpreted(call, X), scipys(X, kind, n, axis, norm), rtol=1e-13, atol=1e-13)
        if norm == "ortho":
            with override(disable_jit=True):
                check_grads(call, (X,), order=1, modes=("rev",))


def test_cosines_of_several_axes():
    def spectrum(x):
        return scipy.fft.idctn(scipy.fft.dctn(x, norm="ortho") ** 3, norm="ortho")

    check(spectrum, X)
    single = interpreted(spectrum, X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, spectrum(X), rtol=1e-4, atol=1e-5)
