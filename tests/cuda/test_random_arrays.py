"""Random straight-line programs on the emulated device: the CPU's values and gradients, and no two threads meet."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import graphc
from graphc.config import override, settings
from graphc.errors import AxisRangeError, UndecidedSizeError, UnsupportedError
from tests.cuda.racecheck import race_checker
from tests.nightly import NIGHTLY, RANDOM_PROGRAMS
from tests.random_arrays import KERNELS, Program

pytestmark = [
    pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled"),
    pytest.mark.skipif(not NIGHTLY, reason="for the night: TEST_PROGRAMS=2000"),
]


@pytest.mark.parametrize("seed", range(RANDOM_PROGRAMS // 10))
def test_values_and_gradients_without_races(seed, tmp_path):
    made = Program(seed, lines=5, families=KERNELS, sizes=(1, 2, 3, 7, 9, 17, 33))
    (tmp_path / "program.py").write_text(made.source)
    scope: dict = {}
    exec(compile(made.source, str(tmp_path / "program.py"), "exec"), scope)
    arrays = tuple(made.arrays.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with override(disable_jit=True):
                expected = graphc.value_and_grad(scope["loss"], argnums=(0, 1, 2))(*arrays)
            with override(cuda_emulator=True), race_checker() as checker:
                results = graphc.jit(scope["values"], target="cuda")(*arrays)
                value, gradients = graphc.value_and_grad(scope["loss"], argnums=(0, 1, 2), target="cuda")(*arrays)
        except (UnsupportedError, UndecidedSizeError, AxisRangeError):
            pytest.skip("refused")
        wanted = scope["values"](*[a.copy() for a in arrays])
    assert not checker.races
    for found, right in [*zip(results.values(), wanted.values(), strict=True), (value, expected[0])]:
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-9)
    for found, right in zip(gradients, expected[1], strict=True):
        size = np.abs(right).max(initial=1.0)
        np.testing.assert_allclose(found, right, rtol=1e-8, atol=1e-9 * size)
