"""What LLVM is told of loops: outer indices are no expressions to it, and ends of few elements get no vectors."""

from __future__ import annotations

import ast

import numpy as np
import pytest

import graphc
from graphc.codegen.frontend import function_ir
from graphc.codegen.targets import CUDA, HOST

SIGNATURE = "void(CPointer(float64), int64, int64)"
NESTED = """
def rows(b, n, m):
    for i in range(n):
        for j in range(m):
            b[i * m + j] = 1.0
"""
INNER_OF_KNOWN_LENGTH = """
def rows(b, n, m):
    for i in range(n):
        for j in range(4):
            b[i * 4 + j] = 1.0
"""


def ir_of(text, target=HOST):
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    return function_ir(function, {}, SIGNATURE, target)


@pytest.mark.parametrize(
    ("text", "target", "count"),
    [(NESTED, HOST, 1), (INNER_OF_KNOWN_LENGTH, HOST, 0), (NESTED, CUDA, 0)],
    ids=["nested", "inner of known length", "on a device"],
)
def test_the_index_of_an_outer_loop_is_opaque(text, target, count):
    assert ir_of(text, target).count('call i64 @"llvm.umul.fix.i64"') == count


def kernels_of(function, x):
    compiled = graphc.grad(function)
    slopes = [(function(x + step) - function(x - step)) / 2e-6 for step in 1e-6 * np.eye(len(x))]
    np.testing.assert_allclose(compiled(x), slopes, rtol=1e-6, atol=1e-8)
    return compiled.source(x)


def test_ends_of_few_elements_get_no_vectors():
    text = kernels_of(lambda x: np.sum(np.sin(x[1:] * x[:-1])), np.linspace(0.0, 1.0, 20))
    assert text.count("few_rounds()") == 2


def test_ends_that_may_be_long_do():
    text = kernels_of(lambda x: np.sum(np.sin(x[x.shape[0] // 2 :]) * x[: x.shape[0] - x.shape[0] // 2]), np.ones(20))
    assert "in range(inner, outer)" in text
    assert "few_rounds()" not in text
