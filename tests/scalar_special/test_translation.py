"""Functions of a device are translated into their kernel: the values are those of the Python function."""

from __future__ import annotations

import llvmlite.binding
import numpy as np
import pytest
import scipy.special
from llvmlite import ir

import graphc
from graphc.codegen.ptx import kernel_ptx
from graphc.codegen.scalar_code import defined
from graphc.config import override, settings
from graphc.scalar_special.table import FUNCTIONS
from tests.cuda.test_ptx import kernels_of
from tests.nightly import NIGHTLY
from tests.scalar_special.support import values

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
X = np.array([0.3, 2.5, 7.0, 8.2, np.nan, 1e5])


@pytest.mark.parametrize("dtype", [np.float64, np.float32] if NIGHTLY else [np.float32])
def test_a_kernel_has_the_values_of_the_python_function(dtype):
    x = X.astype(dtype)
    with override(cuda_emulator=True):
        found = graphc.jit(lambda x: (scipy.special.j0(x), scipy.special.k1(x)), target="cuda")(x)
    for name, ours in zip(("j0", "k1"), found, strict=True):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, values(name, [x], dtype), rtol=100 * np.finfo(dtype).eps)


def test_gradients_are_of_functions_that_a_device_has():
    """I1's next order, and K beside E."""

    def loss(x):
        return np.sum(scipy.special.i1(x) + scipy.special.ellipe(x / 9) + scipy.special.sici(x)[0])

    with override(disable_jit=True):
        expected = graphc.grad(loss)(X[:4])
    with override(cuda_emulator=True):
        np.testing.assert_allclose(graphc.grad(loss, target="cuda")(X[:4]), expected, rtol=1e-13)


def test_a_kernel_has_each_function_once_and_single_precision_stays_single():
    (kernel,) = kernels_of(graphc.jit(lambda x: scipy.special.k0(x) + scipy.special.k0(x + 1)), (X.astype("f4"),))
    text = kernel_ptx(kernel, "sm_80")
    assert ".f64" not in text
    assert text.count(".func  (.param .b32 func_retval0) device_bessel_01_k0_f32(\n") == 1


LONG = (
    "it2i0k0 it2j0y0 it2struve0 itairy itmodstruve0 itstruve0 modfresnelm modfresnelp pbdv pbvv pbwa besselpoly chndtr "
    "chndtridf chndtrinc chndtrix fdtridfd log_wright_bessel ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc nctdtr "
    "nctdtridf nctdtrinc nctdtrit stdtridf wright_bessel"
)


@pytest.mark.skipif(not NIGHTLY, reason="compiles each function twice")
@pytest.mark.parametrize("name", LONG.split())
def test_long_functions_compile_and_stay_single(name):
    function = getattr(scipy.special, name)
    for dtype in (np.float32, np.float64):
        given = [np.full(3, 0.7, dtype)] * function.nin
        for kernel in kernels_of(graphc.jit(function), tuple(given)):
            assert (".f64" in kernel_ptx(kernel, "sm_80")) == (dtype == np.float64)


def test_a_function_is_made_for_each_function_that_it_is_given():
    """The root finder for the law that it calls; a variable may have a function's name."""
    module = ir.Module()
    defined(module, FUNCTIONS["nctdtrit"], "f32", entry=True, contract=True)
    made = [name for name in module.globals if name.startswith("device_roots_root_")]
    laws = ("positive", "negative")
    assert sorted(made) == sorted(f"device_roots_root_noncentral_inverses_{law}_point_f32" for law in laws)
    llvmlite.binding.parse_assembly(str(module)).verify()
    assert "double" not in str(module)


POINTS = np.array([[0.6, 3.1, 8.0], [0.45, 0.83, 0.2], [2.4, 0.3, 0.7], [0.9, 0.5, 0.8]])
OF_LAWS = "fdtridfd chndtrinc ncfdtri ncfdtridfn nctdtr nctdtrit besselpoly wright_bessel"


@pytest.mark.parametrize("name", OF_LAWS.split() if NIGHTLY else [])
def test_kernels_of_laws_have_the_values_of_the_python_functions(name):
    function = getattr(scipy.special, name)
    given = list(POINTS[: function.nin])
    with override(cuda_emulator=True):
        found = graphc.jit(function, target="cuda")(*given)
    np.testing.assert_allclose(found, values(name, given), rtol=1e-12)
