"""Functions that kernels call in SciPy: derivatives against differences, compiled values equal to SciPy's."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.special

import graphc
from graphc.abi import OWN_SPECIAL, SCIPY_PART, scipy_signature
from graphc.config import settings
from graphc.errors import GradientError
from graphc.ir.builder import Builder, finish
from graphc.ir.graph import Value
from graphc.ir.interp import interpret
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ops.law_rules import LAW_RULES
from graphc.ops.scipy_functions import EXTERNAL, OWN, RULES, VALUES
from graphc.ops.scipy_parts import SCIPY_PARTS
from graphc.ops.table import OPS
from tests.codegen.run_graph import run_compiled
from tests.nightly import NIGHTLY, part
from tests.ops.one_op import check_orders, one_op
from tests.ops.scipy_domains import EVERY, FIRST, ONCE, SCIPY_DOMAINS

EXACT = {
    "stdtr": lambda df, t: (mpmath.betainc(df / 2, df / 2, 0, (1 + t / mpmath.sqrt(df + t * t)) / 2, regularized=True)),
    "owens_t": lambda h, a: (
        mpmath.quad(lambda x: mpmath.exp(-h * h * (1 + x * x) / 2) / (1 + x * x), [0, a]) / (2 * mpmath.pi)),
}  # fmt: skip


def test_every_rule_is_checked():
    assert sorted(SCIPY_DOMAINS) == sorted([*RULES, *(op.name for op in [*OWN, *SCIPY_PARTS])])


# Their rules are those of others: of the other tail, of given characteristic values, scaled by nothing
TWINS = frozenset(
    """
    betaincc betainccinv gammaincc gammainccinv chdtrc gdtrc fdtrc pdtrc bdtrc nbdtrc jve yve
    pro_ang1_cv__0 pro_ang1_cv__1 pro_rad1_cv__0 pro_rad1_cv__1 pro_rad2_cv__0 pro_rad2_cv__1
    obl_ang1_cv__0 obl_ang1_cv__1 obl_rad1_cv__0 obl_rad1_cv__1 obl_rad2_cv__0 obl_rad2_cv__1
    """.split()  # noqa: SIM905
)


def test_twins_are_known():
    assert frozenset(SCIPY_DOMAINS) > TWINS


@pytest.mark.parametrize("name", sorted(name for name in SCIPY_DOMAINS if NIGHTLY or name not in TWINS))
def test_derivatives(name):
    arrays = SCIPY_DOMAINS[name]
    last = 0 if name in FIRST else len(arrays) - 1
    marks = [name in EVERY or k == last for k in range(len(arrays))]
    check_orders(one_op(name, arrays), arrays, marks, orders=1 if name in ONCE or name in LAW_RULES else 2)


@pytest.mark.parametrize("name", part(["gammainc", "betainc"], 0, 2))
def test_second_derivatives_by_shapes(name):
    """At one point: laws of other names have the same ops."""
    arrays = [row[3:] for row in SCIPY_DOMAINS[name]]
    check_orders(one_op(name, arrays), arrays, [True] * (len(arrays) - 1) + [name == "gammainc"])


@pytest.mark.parametrize("name", sorted(EXACT))
def test_values_against_mpmath(name):
    arrays = SCIPY_DOMAINS[name]
    (found,) = interpret(one_op(name, arrays), arrays)
    exact = [float(EXACT[name](*map(mpmath.mpf, numbers))) for numbers in zip(*arrays, strict=True)]
    np.testing.assert_allclose(found, exact, rtol=1e-13)


def test_dtypes_are_scipys():
    for op in (op for op in (*EXTERNAL, *OWN) if not scipy_signature(op.name, 1).startswith("n")):
        for dtype in map(np.dtype, ["f4", "f8", "i1", "i8"]):
            *_, wanted = getattr(scipy.special, op.name).resolve_dtypes((*(dtype,) * op.kind.arity, None))
            assert op.dtypes([ArrayType(dtype)] * op.kind.arity)[-1] == wanted, op.name


@pytest.mark.parametrize("name", ["struve", "chndtr", "hyp2f1", "pbdv__0"])
def test_a_parameter_without_a_rule_is_an_error(name):
    arrays = SCIPY_DOMAINS[name]
    with pytest.raises(GradientError, match="stop_gradient"):
        check_orders(one_op(name, arrays), arrays, [True] * len(arrays))


def test_a_function_of_values_alone_says_so():
    def function(x):
        return scipy.special.smirnovi(5.0, x)

    with pytest.raises(GradientError, match="smirnovi has no derivative in graphc"):
        graphc.grad(lambda x: function(x).sum())(np.full(2, 0.5))
    with pytest.raises(GradientError, match="smirnovi has no derivative in graphc"):
        graphc.jvp(function, (np.full(2, 0.5),), (np.ones(2),))


WITHOUT_RULE = {
    "smirnov": (np.array([3.0, 4.0, 5.0, 6.0]), np.array([0.3, 0.4, 0.5, 0.6])),
    "nctdtridf": (np.array([0.58, 0.62, 0.65, 0.67]), np.full(4, 0.7), np.full(4, 1.3)),
}


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
@pytest.mark.parametrize("dtype", part([np.float64, np.float32], 0, 2))
def test_compiled_values_are_scipys(dtype):
    """Each function at its points, all in one program: in float64 the same bits where they are SciPy's."""
    F, params, arrays, outputs = Builder(OPS, ShapeFacts()), [], [], []
    for op in [*(OPS[name] for name in (*SCIPY_DOMAINS, *WITHOUT_RULE))]:
        rows = SCIPY_DOMAINS.get(op.name) or WITHOUT_RULE[op.name]
        values = [Value(ArrayType(np.dtype(dtype), (4,)), name=f"x{len(params) + k}") for k in range(len(rows))]
        params += values
        arrays += [row.astype(dtype) for row in rows]
        outputs.append(F.apply(op, values, {}))
    graph = finish(F, "all", params, outputs)
    with np.errstate(all="ignore"):
        for output, found in zip(outputs, run_compiled(graph, arrays), strict=True):
            op = output.node.op  # SciPy's own loops over float32 are off by more than the function over float64
            exact = op.ref(*(arrays[params.index(v)].astype(np.float64) for v in output.node.inputs))
            is_own = op.name.partition(SCIPY_PART)[0] in OWN_SPECIAL  # exp and its like round otherwise than NumPy's
            bits = 64 if is_own else 2 if dtype == np.float32 or op in OWN else 0
            tolerance = bits * np.finfo(dtype).eps
            np.testing.assert_allclose(found, exact.astype(dtype), rtol=tolerance, atol=0, err_msg=op.name)


def test_names_are_scipys():
    for name in (*RULES, *VALUES):
        assert callable(getattr(scipy.special, name)), name
