"""Complex numbers through compiled programs: functions at awkward points, scalars, layouts, loops, batches, modes."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numba
import numpy as np
import pytest

import graphc
from graphc.config import override

rng = np.random.default_rng(1)
PARTS = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -0.3, 2.0, -3.7, 1e-9, 30.0, -25.0])
GRID = np.array([complex(x, y) for x in PARTS for y in PARTS])
FUNCTIONS = [
    "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "square", "reciprocal", "conjugate", "negative",
    "absolute", "angle",
]  # fmt: skip


@graphc.jit
def all_functions(z):
    return {name: getattr(np, name)(z) for name in FUNCTIONS}


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
def test_functions(dtype):
    """To 16 units of the size of the result, as near as NumPy's own are; on NumPy's side of each branch cut."""
    z = GRID.astype(dtype)
    found = all_functions(z)
    with np.errstate(all="ignore"):
        for name in FUNCTIONS:
            expected = getattr(np, name)(z)
            exact = getattr(np, name)(z.astype(np.complex128))
            if name == "log1p":  # NumPy's is blunt near 0
                exact = np.where(np.abs(z) < 1e-6, z - z * z / 2, exact)
            plain = np.isfinite(exact) & np.isfinite(expected)
            assert found[name].dtype == expected.dtype
            error = np.abs(found[name] - exact)[plain]
            bound = 16 * np.finfo(dtype).eps * np.maximum(np.abs(exact[plain]), 1e-30)
            worst = np.argmax(error / bound)
            assert (error <= bound).all(), (name, z[plain][worst], found[name][plain][worst], exact[plain][worst])
            real = np.asarray(exact)[plain]
            if np.iscomplexobj(real) and name not in ("tan", "tanh"):
                signs = np.sign(real.imag) * (np.abs(real.imag) > 1e-3 * np.abs(real))
                np.testing.assert_array_equal(np.where(signs, np.sign(found[name][plain].imag), 0), signs)


REALS = np.array([0.0, -0.0, 0.5, -0.5, 2.0, -3.0])
SIGNED = np.array([complex(x, y) for x in REALS for y in REALS])


def test_zeros_have_the_signs_that_numpy_gives_them():
    """With a real number, too: they decide on the side of a branch cut."""

    def arithmetic(z, w, x):
        products = z * w, x * z, -1 * z, z * 2.0, 1j * x, z * 1j
        sums = z + w, z - w, x + z, x - z, z - x, x + 1j * x, x - 1j * x, 0 - z, z + 0
        quotients = z / w, x / z, z / x, 1 / z, z / 2, z / 1j
        return products, sums, quotients, (np.conj(x.astype(complex)), -x.astype(complex), np.reciprocal(z), np.sign(z))

    z, w = (a.ravel() for a in np.meshgrid(SIGNED, SIGNED))
    arguments = z, w, np.resize(REALS, z.size)
    with np.errstate(all="ignore"):
        found, wanted = graphc.jit(arithmetic)(*arguments), arithmetic(*arguments)
        for a, b in zip(sum(found, ()), sum(wanted, ()), strict=True):
            for part, other in ((a.real, b.real), (a.imag, b.imag)):
                np.testing.assert_allclose(part, other, rtol=1e-15, atol=1e-15)
                zero = (part == 0) & (other == 0)
                np.testing.assert_array_equal(np.signbit(part)[zero], np.signbit(other)[zero])


EDGES = np.array([1 + 1e-200j, -1 - 1e-200j, 800j, 800 + 0j, -800 - 0j, 1e200 + 3j, 2 - 1e160j, 9e307 + 9e307j])
FAR = np.array([complex(x, y) for x in (np.inf, -np.inf, 0.0, -0.0, -3.0) for y in (np.inf, -np.inf, 0.0, -2.0)])
INFINITE = np.concatenate([FAR[np.isinf(FAR)], EDGES])


def test_inverse_functions_at_infinity_and_at_poles():
    def inverses(z):
        return [f(z) for f in (np.arcsin, np.arccos, np.arctan, np.arcsinh, np.arccosh, np.arctanh, np.sqrt, np.log)]

    for found, wanted in zip(graphc.jit(inverses)(INFINITE), inverses(INFINITE), strict=True):
        np.testing.assert_allclose(found.real, wanted.real, rtol=1e-14)
        np.testing.assert_allclose(found.imag, wanted.imag, rtol=1e-14)


def test_division_neither_overflows_nor_underflows():
    a = np.array([1e200 + 1e200j, 1e-200 + 1e-200j, 3 - 4j, 1j, 1 + 1j, 2.0])
    b = np.array([2e200 - 1e200j, 2e-200 + 1e-200j, 1e150 + 1j, 1e-300j, -0.0 + 2j, 3 + 1e-320j])
    np.testing.assert_allclose(graphc.jit(np.divide)(a, b), a / b, rtol=4e-16)


def test_powers():
    def powers(z, w):
        return z**2, z**-3, z**0.5, z**w, z**0, z ** (1 + 2j), 0j**z

    z, w = np.array([1 + 2j, -0.5 - 1j]), np.array([0.5 - 1j, 2.0])
    for found, expected in zip(graphc.jit(powers)(z, w), powers(z, w), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-15)
    assert graphc.jit(lambda z, w: z**w)(0j, 0j) == 1


def test_python_and_numpy_scalars():
    f = graphc.jit(lambda z, x: (z * z + x, abs(z)))
    for z in (1 + 2j, np.complex128(1 + 2j)):
        value, size = f(z, 2.0)
        assert type(value) is np.complex128
        assert value == z * z + 2
        assert size == abs(z)
    assert type(f(np.complex64(1j), 2.0)[0]) is np.complex64
    assert type(graphc.jit(lambda x: x * 1j)(np.float32(2))) is np.complex64
    assert graphc.grad(lambda z: abs(z) ** 2)(1 + 2j) == 2 - 4j
    assert f.cache_info()["programs"] == 3


def test_layouts_and_out():
    z = rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4))
    f = graphc.jit(lambda z: z @ z.conj().T)
    expected = z @ z.conj().T
    for given in (z, np.asfortranarray(z), np.repeat(z, 2, axis=1)[:, ::2]):
        np.testing.assert_allclose(f(given), expected, rtol=1e-14, atol=1e-14)
    gradient = graphc.grad(lambda z: np.sum(np.abs(z) ** 2 * np.arange(4)))
    np.testing.assert_allclose(gradient(np.asfortranarray(z)), 2 * z.conj() * np.arange(4), rtol=1e-15)
    out = np.empty((3, 3), complex)
    assert f(z, out=out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-14)
    in_place = z.copy()
    graphc.jit(lambda z: z[::-1] * 2j)(in_place, out=in_place)
    np.testing.assert_array_equal(in_place, z[::-1] * 2j)


def test_one_program_for_all_sizes():
    f = graphc.value_and_grad(lambda z, w: np.sum(np.abs(z @ w)))
    for n, m in ((2, 3), (5, 4), (33, 17)):
        z, w = (rng.normal(size=s) + 1j * rng.normal(size=s) for s in ((n, m), (m,)))
        value, gradient = f(z, w)
        product = z @ w
        assert value == pytest.approx(np.sum(np.abs(product)), rel=1e-14)
        np.testing.assert_allclose(gradient, np.outer(product.conj() / np.abs(product), w), rtol=1e-13)
    assert f.cache_info()["programs"] == 1


def mandelbrot(c, steps):
    z = c * 0
    size = 0.0
    for _ in range(steps):
        z = z * z + c
        if abs(z) > 2:
            size += np.log(abs(z))
            z = z / abs(z)
    return size + (z * np.conj(c)).real


def test_loops_and_branches():
    for c in (0.3 + 0.5j, -1.2 + 0.4j):
        value, gradient = graphc.value_and_grad(mandelbrot)(c, 9)
        assert value == pytest.approx(mandelbrot(c, 9), rel=1e-12)
        step = 1e-6
        differences = [(mandelbrot(c + d, 9) - mandelbrot(c - d, 9)) / (2 * step) for d in (step, 1j * step)]
        assert gradient == pytest.approx(differences[0] - 1j * differences[1], rel=1e-7)


def test_products_and_running_products():
    z = rng.normal(size=(4, 3)) + 1j * rng.normal(size=(4, 3))
    z[1, 1] = 0
    f = graphc.jit(lambda z: (np.prod(z, axis=1), np.cumprod(z, axis=0), np.cumsum(z)))
    for found, expected in zip(f(z), (np.prod(z, axis=1), np.cumprod(z, axis=0), np.cumsum(z)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    gradient = graphc.grad(lambda z: np.abs(np.prod(z)) ** 2 + np.abs(np.cumprod(z[:, 0])[-1]))(z)
    column = np.prod(z[:, 0])
    np.testing.assert_allclose(gradient[:, 0], np.conj(column) / abs(column) * column / z[:, 0], rtol=1e-12)


def wave(z, x):
    return np.exp(z * x) * np.conj(z) / (1 + z * z)


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
def test_every_mode(mode):
    z, x = rng.normal(size=3) + 1j * rng.normal(size=3), rng.normal(size=3)
    with override(disable_jit=mode == "interpreted"):
        _, (by_z, by_x) = graphc.value_and_grad(lambda z, x: np.sum(np.abs(wave(z, x))), argnums=(0, 1))(z, x)
        out, pullback = graphc.vjp(wave, z, x)
        _, tangent = graphc.jvp(wave, (z, x), (by_z, by_x))
        batch = graphc.vmap(wave)(z, x)
        jacobian = graphc.jacobian(wave, argnums=1)(z, x)
    theirs = autograd.grad(lambda z, x: anp.sum(anp.abs(anp.exp(z * x) * anp.conj(z) / (1 + z * z))), argnum=(0, 1))
    for found, expected in zip((by_z, by_x), theirs(z, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert by_x.dtype == np.float64
    np.testing.assert_allclose(out, wave(z, x), rtol=1e-14)
    np.testing.assert_allclose(batch, out, rtol=1e-14)
    cotangent = np.conj(out) / np.abs(out)
    for found, expected in zip(pullback(cotangent), (by_z, by_x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    moved = np.sum(cotangent * tangent).real
    assert moved == pytest.approx(np.sum(by_z * by_z).real + np.sum(by_x * by_x), rel=1e-12)
    np.testing.assert_allclose(jacobian, np.diag(z * out), rtol=1e-12)


def test_holomorphic_functions():
    z = np.array([1 + 2j, 0.5 - 1j])
    cubes = graphc.grad(lambda z: np.sum(z**3), holomorphic=True)
    np.testing.assert_allclose(cubes(z), 3 * z**2, rtol=1e-14)
    np.testing.assert_allclose(graphc.jacobian(np.sin, holomorphic=True)(z), np.diag(np.cos(z)), rtol=1e-14)
    hessian = graphc.hessian(lambda z: np.sum(z**3), holomorphic=True)(z)
    np.testing.assert_allclose(hessian, np.diag(6 * z), rtol=1e-14)
    with pytest.raises(graphc.GradientError, match="complex128, no real number: return its real part"):
        graphc.grad(lambda z: np.sum(z**3))(z)
    with pytest.raises(graphc.GradientError, match="complex results of complex arguments: say holomorphic=True"):
        graphc.jacobian(np.sin)(z)
    with pytest.raises(graphc.GradientError, match="in mode 'fwd'"):
        graphc.jacobian(np.abs, mode="fwd")(z)
    with pytest.raises(graphc.GradientError, match="must be a real array"):
        graphc.vjp(np.abs, z)[1](1j * np.ones(2))


def test_systems_of_equations():
    a = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    b = rng.normal(size=4) + 0j
    value, gradient = graphc.value_and_grad(lambda a, b: np.sum(np.abs(np.linalg.solve(a, b)) ** 2))(a, b)
    x = np.linalg.solve(a, b)
    assert value == pytest.approx(np.sum(np.abs(x) ** 2), rel=1e-12)
    np.testing.assert_allclose(gradient, -2 * np.outer(np.linalg.solve(a.T, x.conj()), x), rtol=1e-10)
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        graphc.jit(np.linalg.inv)(np.zeros((2, 2), complex))


def test_from_numba():
    f = graphc.jit(lambda z: np.sum(np.exp(z)))

    @numba.njit
    def call(z):
        return f(z)

    z = np.array([1 + 2j, 0.5j])
    assert call(z) == pytest.approx(np.sum(np.exp(z)), rel=1e-15)


def test_tensors_refuse_them():
    with pytest.raises(TypeError, match="complex128"):
        graphc.tensor(np.ones(2, complex))
