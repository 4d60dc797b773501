"""The package's table, its import and what a calling loop compiles to."""

import subprocess
import sys

import graphc.codegen.vecmath as vecmath
from graphc.codegen.vecmath_names import NAMES


def test_the_names_without_numba_are_the_functions():
    assert {name for name, _ in vecmath.FUNCTIONS} == NAMES
    assert {dtype for _, dtype in vecmath.FUNCTIONS} == {"f64", "f32"}
    for name, dtype in vecmath.FUNCTIONS:
        assert getattr(vecmath, f"{name}_{dtype}") is vecmath.FUNCTIONS[name, dtype]


def test_the_names_do_not_import_numba():
    code = "import sys, graphc.codegen.vecmath_names; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
