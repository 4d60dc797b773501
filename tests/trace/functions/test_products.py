"""Products, einsum, norms, folds of exponentials, selections and ufunc tables against NumPy and SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.errors import ShapeError, UnsupportedError
from graphc.ops.table import OPS
from graphc.trace.functions import NUMPY_FUNCTIONS, UFUNC_FUNCTIONS, UFUNC_METHODS, UFUNCS
from tests.trace.functions.support import check, numpy_call, trace

rng = np.random.default_rng(3)


def normal(*shape):
    return rng.normal(size=shape)


V, M, N, S = normal(4), normal(3, 4), normal(4, 5), np.array(1.5)
MATMULS = [
    (V, V), (M, V), (M[:, :3].T.copy(), M), (V, N), (M, N), (normal(2, 3, 4), N), (normal(2, 3, 4), normal(2, 4, 5)),
    (M, normal(2, 4, 5)), (normal(6, 1, 3, 4), normal(2, 4, 5)), (normal(2, 3, 4), V), (V, normal(2, 4, 5)),
    (normal(3, 0), normal(0, 5)), (normal(0, 4), N), (M.astype("f4"), N.astype("f4")), (M.astype("f4"), N),
    (np.arange(12).reshape(3, 4), np.arange(4)), (M, np.arange(4, dtype="i4")), (normal(1, 4), N), (M, normal(4, 1)),
]  # fmt: skip


@pytest.mark.parametrize("pair", MATMULS, ids=lambda p: f"{p[0].shape}@{p[1].shape}")
def test_matmul(pair):
    check(UFUNC_FUNCTIONS["matmul"], np.matmul, *pair)
    if max(p.ndim for p in pair) <= 2:
        check(*numpy_call("numpy.dot", ..., ...), *pair)


@pytest.mark.parametrize("name", ["dot", "inner", "outer", "kron"])
def test_products(name):
    for pair in [(V, V), (S, M), (M, S), (S, S)]:
        check(*numpy_call(f"numpy.{name}", ..., ...), *pair)
    check(*numpy_call(f"numpy.{name}", ..., 2.0), M.astype("f4"))


def test_products_of_many_axes():
    check(*numpy_call("numpy.dot", ..., ...), normal(2, 3, 4), normal(5, 4, 6))
    check(*numpy_call("numpy.dot", ..., ...), normal(2, 3, 4), V)
    check(*numpy_call("numpy.inner", ..., ...), M, normal(2, 5, 4))
    check(*numpy_call("numpy.vdot", ..., ...), M, normal(4, 3))
    check(*numpy_call("numpy.vdot", ..., ...), M, M + 1)
    check(*numpy_call("numpy.outer", ..., ...), M, V)
    check(*numpy_call("numpy.kron", ..., ...), M, normal(2, 1, 3))
    check(UFUNC_FUNCTIONS["vecdot"], np.vecdot, normal(2, 1, 4), M)
    check(UFUNC_FUNCTIONS["matvec"], np.matvec, normal(2, 3, 4), V)
    check(UFUNC_FUNCTIONS["vecmat"], np.vecmat, normal(2, 3), normal(2, 3, 4))


@pytest.mark.parametrize("axes", [0, 1, 2, ((0, 2), (1, 0)), (0, 0), ((), ()), ((1,), (0,)), ([-1, 0], [0, 1]), 3])
def test_tensordot(axes):
    a, b = (normal(3, 4, 2), normal(4, 2, 5)) if axes in (2, ((1,), (0,))) else (normal(4, 3, 2), normal(2, 4, 3))
    if axes == 1:
        a, b = normal(3, 2), normal(2, 4)
    if axes == (0, 0):
        b = normal(4, 5)
    if axes == 3:
        b = normal(4, 3, 2)
    check(*numpy_call("numpy.tensordot", ..., ..., axes), a, b)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_cross():
    for a, b in [
        ((3,), (3,)),
        ((5, 3), (3,)),
        ((5, 3), (5, 3)),
        ((2,), (2,)),
        ((2,), (3,)),
        ((5, 3), (2,)),
        ((5, 2), (2,)),
    ]:
        check(*numpy_call("numpy.cross", ..., ...), normal(*a), normal(*b))
    check(*numpy_call("numpy.cross", ..., ..., axis=0), normal(3, 5), normal(3, 5))
    check(*numpy_call("numpy.cross", ..., ..., axisa=0, axisc=1), normal(3, 5, 2), normal(5, 2, 3))


def test_multi_dot():
    check(*numpy_call("numpy.linalg.multi_dot", [..., ..., ...]), normal(10, 100), normal(100, 5), normal(5, 50))
    check(*numpy_call("numpy.linalg.multi_dot", [..., ..., ...]), V, N, normal(5))
    check(*numpy_call("numpy.linalg.multi_dot", [..., ..., ..., ...]), M, N, normal(5, 2), normal(2, 7))


EINSUMS = [
    ("ij,jk->ik", (3, 4), (4, 5)), ("ij,jk", (3, 4), (4, 5)), ("ij,jk->ki", (3, 4), (4, 5)),
    ("ij,kj->ik", (3, 4), (5, 4)),
    ("ji,jk->ik", (4, 3), (4, 5)), ("i,i->", (4,), (4,)), ("i,i", (4,), (4,)), ("i,j->ij", (3,), (4,)),
    ("i,j->ji", (3,), (4,)),
    ("ij,ij->", (3, 4), (3, 4)), ("ij,ij->ij", (3, 4), (3, 4)), ("ij,ij->j", (3, 4), (3, 4)), ("ij,j->i", (3, 4), (4,)),
    ("ij->ji", (3, 4)), ("ij->", (3, 4)), ("ij->j", (3, 4)), ("ii->i", (4, 4)), ("ii", (4, 4)), ("ii->", (4, 4)),
    ("iij->ij", (3, 3, 4)),
    ("iji->j", (3, 4, 3)), ("iii->i", (3, 3, 3)), ("ba", (3, 4)), ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
    ("...ij,...jk->...ik", (2, 3, 4), (4, 5)), ("...ij,jk", (2, 6, 3, 4), (4, 5)), ("...i->...", (2, 3, 4)),
    ("i...->...", (2, 3, 4)),
    ("...ii->...i", (2, 3, 3)), ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)), ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("bqhd,bkhd->bhqk", (2, 4, 3, 5), (2, 6, 3, 5)), ("ijk,ijk->k", (2, 3, 4), (2, 3, 4)),
    ("ijk,jil->kl", (2, 3, 4), (3, 2, 5)),
    ("ij,jk,kl->il", (3, 4), (4, 5), (5, 2)), ("i,ij,j->", (3,), (3, 4), (4,)), ("i,i,i->i", (3,), (3,), (3,)),
    ("i,j,k->kji", (2,), (3,), (4,)),
    ("ij,ik,il->jkl", (3, 4), (3, 5), (3, 2)), ("pi,qj,ijkl,rk,sl->pqrs", (2, 3), (3, 4), (3, 4, 5, 2), (4, 5), (3, 2)),
    ("ij,k->ij", (3, 4), (5,)), ("ij,jk->i", (3, 4), (4, 5)), ("ij,ik->", (3, 4), (3, 5)), ("ii,ij->j", (3, 3), (3, 4)),
    (" i j , j k -> i k ", (3, 4), (4, 5)), ("i,->i", (3,), ()), ("ij,ij->ji", (1, 4), (3, 4)),
    ("i,i->i", (1,), (3,)), ("ij,jk->ik", (3, 1), (4, 5)),
    ("...,...->...", (2, 3), (3,)), ("ab,bc,cd,de->ae", (2, 3), (3, 4), (4, 5), (5, 6)),
    ("i...,i...->...", (2, 3), (2, 3)), ("ij,ij,j->i", (3, 4), (3, 4), (4,)),
]  # fmt: skip


@pytest.mark.parametrize("case", EINSUMS, ids=lambda c: c[0])
def test_einsum(case):
    subscripts, *shapes = case
    arrays = [np.asarray(normal(*shape)) for shape in shapes]
    check(*numpy_call("numpy.einsum", subscripts, *(...,) * len(arrays)), *arrays)


def test_einsum_other_forms():
    check(
        lambda F, a, b: NUMPY_FUNCTIONS["numpy.einsum"](F, a, [0, 1], b, [1, 2], [2, 0]),
        lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]),
        M,
        N,
    )
    check(
        lambda F, a, b: NUMPY_FUNCTIONS["numpy.einsum"](F, a, [..., 1], b, [1, 2]),
        lambda a, b: np.einsum(a, [..., 1], b, [1, 2]),
        M,
        N,
    )
    check(*numpy_call("numpy.einsum", "ij,jk->ik", ..., ..., optimize=True), M.astype("f4"), N.astype("f4"))
    check(*numpy_call("numpy.einsum", "ij,j->i", ..., ...), np.arange(12).reshape(3, 4), np.arange(4))
    check(*numpy_call("numpy.einsum", "ij->i", ...), np.arange(12, dtype="i4").reshape(3, 4))
    check(*numpy_call("numpy.einsum", "ij,jk->ik", ..., ...), M, N, again=[(normal(7, 2), normal(2, 9))])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_einsum(data):
    sizes = {"a": 2, "b": 3, "c": 2, "d": 4}
    terms = data.draw(st.lists(st.text("abcd", max_size=3), min_size=1, max_size=3))
    output = data.draw(st.permutations(sorted({c for t in terms for c in t})))
    output = "".join(output[: data.draw(st.integers(0, len(output)))])
    arrays = [np.asarray(normal(*(sizes[c] for c in t))) for t in terms]
    check(*numpy_call("numpy.einsum", ",".join(terms) + "->" + output, *(...,) * len(arrays)), *arrays)


def test_einsum_becomes_one_product_of_matrices():
    def ops(subscripts, *arrays):
        graph, _ = trace(numpy_call("numpy.einsum", subscripts, *(...,) * len(arrays))[0], *arrays)
        return [node.op.name for node in graph.nodes]

    assert ops("ij,jk->ik", M, N) == ["matmul"]
    assert ops("ij,ij->", M, M) == ["mul", "sum"]
    assert ops("i,j->ij", V, V).count("mul") == 1
    assert "matmul" not in ops("ij,ij->i", M, M)
    chain = trace(numpy_call("numpy.einsum", "ab,bc,c->a", ..., ..., ...)[0], normal(9, 8), normal(8, 7), normal(7))[0]
    assert all(1 in node.output.dims for node in chain.nodes if node.op.name == "matmul")  # from the right: no matrix


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("order", [None, 2, 1, 0, np.inf, -np.inf, 3, 0.5, -1, 2.5])
def test_vector_norms(order, keepdims):
    check(*numpy_call("numpy.linalg.norm", ..., ord=order, axis=1, keepdims=keepdims), M)
    check(*numpy_call("numpy.linalg.norm", ..., ord=order, keepdims=keepdims), V.astype("f4"))
    check(*numpy_call("numpy.linalg.norm", ..., ord=order), np.arange(1, 4))
    if order is not None:
        check(*numpy_call("numpy.linalg.vector_norm", ..., ord=order, keepdims=keepdims), M)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("order", [None, "fro", 1, -1, np.inf, -np.inf])
def test_matrix_norms(order, keepdims):
    check(*numpy_call("numpy.linalg.norm", ..., ord=order, keepdims=keepdims), M)
    check(*numpy_call("numpy.linalg.norm", ..., ord=order, axis=(2, 0), keepdims=keepdims), normal(3, 2, 4))
    check(*numpy_call("numpy.linalg.norm", ..., ord=order, axis=(0, 1)), normal(3, 2, 4))
    check(*numpy_call("numpy.linalg.norm", ...), normal(3, 2, 4))
    check(*numpy_call("numpy.linalg.matrix_norm", ..., keepdims=keepdims), normal(3, 2, 4))


SPECIAL = {
    "logsumexp": [
        {},
        {"axis": 1},
        {"axis": (0, 1), "keepdims": True},
        {"axis": 0, "keepdims": True},
        {"return_sign": True},
    ],
    "softmax": [{}, {"axis": 1}, {"axis": (0, 1)}],
    "log_softmax": [{}, {"axis": -1}],
}


@pytest.mark.parametrize(("name", "kwargs"), [(n, k) for n, forms in SPECIAL.items() for k in forms], ids=str)
def test_folds_of_exponentials(name, kwargs):
    ours = lambda F, a: NUMPY_FUNCTIONS[f"scipy.special.{name}"](F, a, **kwargs)  # noqa: E731
    theirs = lambda a: getattr(scipy.special, name)(a, **kwargs)  # noqa: E731
    for x in (M, M * 1000, M.astype("f4"), np.arange(6).reshape(2, 3), np.where(M > 0, M, -np.inf)):
        check(ours, theirs, x)


def test_logsumexp_of_extremes_and_with_weights():
    ours = lambda F, a, b: NUMPY_FUNCTIONS["scipy.special.logsumexp"](F, a, 1, b)  # noqa: E731
    theirs = lambda a, b: scipy.special.logsumexp(a, 1, b)  # noqa: E731
    check(ours, theirs, M, np.abs(normal(3, 4)))
    check(ours, theirs, M, np.array([1.0, 0.0, 2.0, 0.0]))
    infinite = np.array([[-np.inf, -np.inf], [np.inf, 0.0], [-np.inf, 1.0], [np.nan, 0.0]])
    check(
        lambda F, a: NUMPY_FUNCTIONS["scipy.special.logsumexp"](F, a, 1),
        lambda a: scipy.special.logsumexp(a, 1),
        infinite,
    )


def test_logsumexp_of_weighted_infinities():
    a = np.array([[np.inf, 0.0, 1.0], [np.inf, np.inf, 2.0], [-np.inf, np.inf, 3.0], [-np.inf, -np.inf, -np.inf]])
    for return_sign in (False, True):
        for b in itertools.product([-1.0, 1.0, 2.0], repeat=3):  # a weight of 0 silences: SciPy says so, and gives NaN
            check(
                lambda F, a, b: NUMPY_FUNCTIONS["scipy.special.logsumexp"](F, a, 1, b, return_sign=return_sign),  # noqa: B023
                lambda a, b: scipy.special.logsumexp(a, 1, b, return_sign=return_sign),  # noqa: B023
                a,
                np.array(b),
            )


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3)])
def test_logsumexp_of_nothing(shape):
    for kwargs in ({"axis": len(shape) - 1}, {"axis": 0, "keepdims": True}, {"axis": 0, "return_sign": True}):
        check(
            lambda F, a: NUMPY_FUNCTIONS["scipy.special.logsumexp"](F, a, **kwargs),  # noqa: B023
            lambda a: scipy.special.logsumexp(a, **kwargs),  # noqa: B023
            np.zeros(shape),
        )


ORDERS = (np.inf, -np.inf, 0.0, 1.0, 2.0, 3.0, -1.0, 0.5)


@pytest.mark.parametrize("order", ORDERS)
def test_norm_of_an_order_that_is_no_constant(order):
    """Known when the program runs, as an argument or an outside float is; 1/inf would make 1 of the largest element."""
    check(
        lambda F, a, p: NUMPY_FUNCTIONS["numpy.linalg.norm"](F, a, p, axis=1),
        lambda a, p: np.linalg.norm(a, p, axis=1),
        M,
        order,
        again=[(M, other) for other in ORDERS],
    )


def test_selections():
    check(*numpy_call("numpy.where", ..., ..., ...), M > 0, M, V)
    check(*numpy_call("numpy.where", ..., ..., 0), M > 0, M.astype("f4"))
    check(*numpy_call("numpy.where", ..., 1.0, 2), M > 0)
    check(*numpy_call("numpy.where", ..., ..., ...), np.arange(3) - 1, np.arange(3), normal(3))
    check(*numpy_call("numpy.select", [..., ...], [..., ...], 0.0), M > 1, M > 0, M, -M)
    for args in [(-0.5, 0.5), (None, 0.5), (0, None), (0.5, -0.5)]:
        check(*numpy_call("numpy.clip", ..., *args), M)
        check(*numpy_call("numpy.clip", ..., *args), M.astype("f4"))
    check(*numpy_call("numpy.clip", ..., min=0, max=1), M)
    check(*numpy_call("numpy.clip", ..., 1, 3), np.arange(5))
    check(*numpy_call("numpy.clip", ..., ..., ...), M, V, V + 1)
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    for x in (odd, odd.astype("f4"), np.arange(3), odd.astype(complex)):
        check(*numpy_call("numpy.nan_to_num", ...), x, exact=True)
        check(*numpy_call("numpy.nan_to_num", ..., nan=1.5, posinf=2.0, neginf=-3), x, exact=True)


def test_comparisons():
    other = M + np.where(M > 0, 1e-9, 1e-3)
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    check(*numpy_call("numpy.isclose", ..., ...), M, other)
    check(*numpy_call("numpy.isclose", ..., ..., equal_nan=True), odd, odd[::-1].copy())
    check(*numpy_call("numpy.isclose", ..., ..., rtol=0.1), odd, odd)
    check(*numpy_call("numpy.isclose", ..., ...), np.arange(3), np.arange(3))
    check(*numpy_call("numpy.allclose", ..., ...), M, M + 1e-12, again=[(M, other)])
    check(*numpy_call("numpy.array_equal", ..., ...), M, M, again=[(M, other)])
    check(*numpy_call("numpy.array_equal", ..., ...), M, V)
    check(*numpy_call("numpy.array_equal", ..., ..., equal_nan=True), odd, odd)
    check(*numpy_call("numpy.array_equiv", ..., ...), V, np.array([V, V]))
    for decimals in (0, 2, -1):
        check(*numpy_call("numpy.round", ..., decimals), M * 100)
    check(*numpy_call("numpy.round", ...), np.arange(3))


def test_ufunc_tables():
    missing = [name for name in UFUNCS if not hasattr(np, name) and not hasattr(scipy.special, name)]
    assert not missing
    assert not {op for op in UFUNCS.values() if op not in OPS}
    for name in ("add", "multiply", "maximum", "minimum", "logical_and", "logical_or"):
        ufunc = getattr(np, name)
        for x in (M, np.arange(4), S):
            check(UFUNC_METHODS[name, "reduce"], ufunc.reduce, x)
        check(
            lambda F, a, n=name: UFUNC_METHODS[n, "reduce"](F, a, axis=(0, 1)),
            lambda a, u=ufunc: u.reduce(a, axis=(0, 1)),
            M,
        )
        check(
            lambda F, a, n=name: UFUNC_METHODS[n, "reduce"](F, a, 1, keepdims=True),
            lambda a, u=ufunc: u.reduce(a, 1, keepdims=True),
            M,
        )
    for name in ("add", "multiply"):
        check(UFUNC_METHODS[name, "accumulate"], getattr(np, name).accumulate, M)
    for name in ("subtract", "power", "less"):
        check(UFUNC_METHODS[name, "outer"], getattr(np, name).outer, np.abs(M), V)
    check(UFUNC_FUNCTIONS["divmod"], np.divmod, M, V)
    check(UFUNC_FUNCTIONS["modf"], np.modf, np.array([1.5, -2.25, 0.0, np.inf, -np.inf, -3.0]))
    for name in ("modf", "frexp"):
        for dtype in ("?", "i1", "i2", "i4", "u8", "f4"):
            check(UFUNC_FUNCTIONS[name], getattr(np, name), np.array([0, 1, 1], dtype))
    check(UFUNC_FUNCTIONS["conjugate"], np.conjugate, np.array([True, False]))


def test_every_name_exists():
    later_removed = {"numpy.row_stack"} if np.lib.NumpyVersion(np.__version__) >= "2.5.0" else set()
    for name in NUMPY_FUNCTIONS.keys() - later_removed:
        module, *parts = name.split(".")
        found = {"numpy": np, "scipy": scipy}[module]
        for part in parts:
            found = getattr(found, part)
        assert callable(found)


@pytest.mark.parametrize(
    ("name", "args", "arrays", "message"),
    [
        ("matmul", (..., ...), (M, M), r"\(d0_0, d0_1\) and \(d1_0, d1_1\)"),
        ("matmul", (..., ...), (S, M), "scalar"),
        ("dot", (..., ...), (V, M), "do not fit"),
        ("vdot", (..., ...), (V, M), "do not fit"),
        ("tensordot", (..., ..., 3), (M, M), "3 axes"),
        ("einsum", ("ij,jk->ik", ..., ...), (M, M), "do not fit"),
        ("einsum", ("ij,jk->ik", ...), (M,), "2 operands"),
        ("einsum", ("ijk->i", ...), (M,), "does not fit the dimensions"),
        ("einsum", ("ij->k", ...), (M,), "repeats a label"),
        ("einsum", ("i1->i", ...), (M,), "no label"),
        ("cross", (..., ...), (V, V), "do not fit"),
        ("linalg.norm", (..., 1), (normal(2, 2, 2),), "one axis"),
        ("linalg.multi_dot", ([...],), (M,), "at least two"),
    ],
)
def test_shapes_that_do_not_fit_are_named(name, args, arrays, message):
    with pytest.raises(ShapeError, match=message):
        trace(numpy_call(f"numpy.{name}", *args)[0], *arrays)


def test_unsupported_by_name():
    with pytest.raises(UnsupportedError, match=r"matmul: .*axes"):
        trace(lambda F, a, b: UFUNC_FUNCTIONS["matmul"](F, a, b, axes=[0]), M, N)
