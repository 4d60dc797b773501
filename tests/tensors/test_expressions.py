"""PyTorch's functions over all kinds of inputs: where torch has a result, graphc has that, with its gradient.

What torch refuses is not looked at here but for how graphc refuses it: never by an accident. ``expressions`` prints all
differences.
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import InvalidGraphError
from tests.nightly import NIGHTLY
from tests.tensors.expressions import Expression, compare, expressions

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")

ACCIDENTS = (ArithmeticError, AssertionError, InvalidGraphError, UnboundLocalError)
MEANT = {
    "signs of vectors, which are LAPACK's choice": "svd qr L.svd L.qr L.eigh",
    "poles and infinities, where SciPy and PyTorch differ": "lgamma mvlgamma S.gammaln S.multigammaln S.zeta polygamma",
    "special functions, which have gradients here": "S.airy_ai S.bessel_j0 S.bessel_j1 S.bessel_y0 S.bessel_y1 "
    "S.modified_bessel_i0 S.modified_bessel_i1 S.modified_bessel_k0 S.modified_bessel_k1 S.scaled_modified_bessel_k0 "
    "S.scaled_modified_bessel_k1 S.spherical_bessel_j0",
    "comparisons in place, through which PyTorch passes a gradient": "eq ne lt le gt ge greater less greater_equal "
    "less_equal not_equal logical_and logical_or logical_xor logical_not",
    "the variance over no dimensions, of which PyTorch's gradient is infinite": "var std var_mean std_mean",
    "equal elements: one of them has the gradient, or all share it": "quantile nanquantile cdist nanmedian",
    "piecewise constant functions, which require no grad here": "nextafter unique unique_consecutive norm "
    "L.vector_norm",
    "dtypes of products of integers": "kron einsum trace F.avg_pool1d F.l1_loss add F.conv1d conv1d",
    "rounding, of constants in single precision too": "F.hardsigmoid fmod remainder floor_divide ldexp",
    "integers to negative powers, division of integers by 0": "pow float_power operators div true_divide divide",
    "short integers, or dimensions of what is empty": "F.cosine_embedding_loss cummax cummin roll trapezoid trapz "
    "cumulative_trapezoid",
    "NaN among edges": "searchsorted",
    "weights in another precision than the input": "F.rms_norm",
    "matrices without elements": "L.norm L.matrix_norm L.matrix_rank L.lu_factor F.scaled_dot_product_attention L.lu "
    "L.eigvalsh L.svdvals",
    "matrices without full rank": "L.lstsq lstsq L.pinv pinverse L.cond cholesky_solve cholesky_inverse L.lu",
}
SKIPPED = {name for names in MEANT.values() for name in names.split()}
GRAVE = ("value", "gradient", "dtype", "shape", "requires_grad", "number of results", "graphc refuses")


def problem(expression: Expression) -> str | None:
    """What is wrong with graphc's outcome; None where nothing is."""
    kind, ours, theirs = compare(torch, graphc, expression)
    if isinstance(ours, ACCIDENTS):
        return f"{expression}: {ours!r}, torch {theirs!r}"
    if kind is None or expression[0] in SKIPPED or not kind.startswith(GRAVE):
        return None
    return f"{expression}: {kind}; {ours!r}, torch {theirs!r}"


@pytest.mark.parametrize("first", range(4 if NIGHTLY else 1))
def test_expressions_are_torchs(first: int) -> None:
    chosen = itertools.islice(expressions(torch), first, None, 4 if NIGHTLY else 389)
    with warnings.catch_warnings(), override(disable_jit=True), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = [wrong for wrong in map(problem, chosen) if wrong is not None]
    assert not found, "\n".join(found)
