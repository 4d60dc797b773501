"""Shapes, joining, splitting, rearranging, creation, padding, diagonals against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.errors import IndexRangeError, ShapeError, UnsupportedError
from graphc.ir.interp import interpret
from graphc.trace.functions import METHODS, NUMPY_FUNCTIONS, PROPERTIES
from tests.trace.functions.support import check, numpy_call, trace

rng = np.random.default_rng(2)
CUBE = rng.normal(size=(2, 3, 4))
OTHER = rng.normal(size=(4, 6, 2))
PLANE = rng.normal(size=(3, 4))
LINE = rng.normal(size=5)
SCALAR = np.array(2.5)
ONES = rng.normal(size=(1, 3, 1))


def cases(*rows):
    return pytest.mark.parametrize(
        ("name", "args", "kwargs", "arrays"), rows, ids=lambda r: r if isinstance(r, str) else None
    )


def case(name, *arrays, args=(...,), **kwargs):
    return f"numpy.{name}", args, kwargs, arrays


@cases(
    case("reshape", CUBE, args=(..., (6, 4))), case("reshape", CUBE, args=(..., -1)),
    case("reshape", CUBE, args=(..., (2, -1))), case("reshape", CUBE, args=(..., (4, 3, -1)), order="F"),
    case("reshape", CUBE, args=(..., [24, 1])), case("reshape", SCALAR, args=(..., (1, 1))),
    case("ravel", CUBE), case("ravel", CUBE, order="F"), case("ravel", SCALAR),
    case("transpose", CUBE), case("transpose", CUBE, axes=(1, 2, 0)), case("transpose", CUBE, axes=(-1, 0, 1)),
    case("permute_dims", CUBE, axes=(1, 0, 2)), case("matrix_transpose", CUBE), case("linalg.matrix_transpose", CUBE),
    case("swapaxes", CUBE, args=(..., 0, -1)), case("moveaxis", CUBE, args=(..., 0, -1)),
    case("moveaxis", CUBE, args=(..., (0, 1), (-1, 0))), case("moveaxis", CUBE, args=(..., [2, 0], [0, 1])),
    case("rollaxis", CUBE, args=(..., 2)), case("rollaxis", CUBE, args=(..., 0, 3)),
    case("rollaxis", CUBE, args=(..., 1, -1)), case("expand_dims", CUBE, axis=0), case("expand_dims", CUBE, axis=-1),
    case("expand_dims", CUBE, axis=(0, 2, -1)), case("squeeze", ONES), case("squeeze", ONES, axis=0),
    case("squeeze", ONES, axis=(0, -1)), case("squeeze", CUBE), case("broadcast_to", PLANE, args=(..., (5, 3, 4))),
    case("broadcast_to", ONES, args=(..., (2, 3, 4))), case("broadcast_to", SCALAR, args=(..., 3)),
    case("broadcast_arrays", CUBE, ONES, SCALAR, args=(..., ..., ...)),
    case("atleast_1d", SCALAR), case("atleast_2d", SCALAR), case("atleast_3d", SCALAR), case("atleast_1d", LINE),
    case("atleast_2d", LINE), case("atleast_3d", LINE), case("atleast_3d", PLANE), case("atleast_3d", CUBE),
    case("atleast_2d", LINE, SCALAR, args=(..., ...)), case("copy", CUBE),
)  # fmt: skip
def test_shape(name, args, kwargs, arrays):
    check(*numpy_call(name, *args, **kwargs), *arrays, exact=True)


@cases(
    case("concatenate", PLANE, PLANE, args=([..., ...],)), case("concatenate", PLANE, PLANE, args=([..., ...],),
    axis=-1),
    case("concatenate", PLANE, LINE, args=([..., ...],), axis=None), case("concatenate", PLANE, args=([...],)),
    case("concatenate", PLANE.astype("f4"), np.arange(4)[None], args=([..., ...],)),
    case("concatenate", LINE, LINE, args=([..., ...],), dtype="f4"), case("concat", LINE, LINE, args=([..., ...],)),
    case("concatenate", PLANE[:0], PLANE, args=([..., ...],)), case("concatenate", PLANE[:1], args=(...,)),
    case("stack", PLANE, PLANE, PLANE, args=([..., ..., ...],)), case("stack", PLANE, PLANE, args=([..., ...],),
    axis=-1),
    case("stack", LINE, LINE, args=([..., ...],), axis=1), case("stack", SCALAR, SCALAR, args=([..., ...],)),
    case("hstack", LINE, LINE, args=([..., ...],)), case("hstack", PLANE, PLANE, args=([..., ...],)),
    case("hstack", SCALAR, LINE, args=([..., ...],)), case("vstack", LINE, LINE, args=([..., ...],)),
    case("vstack", PLANE, PLANE[0], args=([..., ...],)), case("dstack", PLANE, PLANE, args=([..., ...],)),
    case("dstack", LINE, LINE, args=([..., ...],)), case("column_stack", LINE, LINE, args=([..., ...],)),
    case("column_stack", PLANE, LINE[:3], args=([..., ...],)), case("append", PLANE, LINE, args=(..., ...)),
    case("append", PLANE, PLANE, args=(..., ...), axis=0), case("append", LINE, args=(..., 2.0)),
    case("split", PLANE, args=(..., 2), axis=1), case("split", LINE, args=(..., [1, 3])),
    case("split", LINE, args=(..., [2, 9])), case("split", LINE, args=(..., [-2])),
    case("array_split", LINE, args=(..., 3)),
    case("array_split", PLANE, args=(..., 5), axis=1), case("array_split", PLANE, args=(..., [1])),
    case("hsplit", PLANE, args=(..., 2)), case("hsplit", LINE, args=(..., 5)), case("vsplit", PLANE, args=(..., 3)),
    case("dsplit", CUBE, args=(..., [1])),
)  # fmt: skip
def test_joining_and_splitting(name, args, kwargs, arrays):
    check(*numpy_call(name, *args, **kwargs), *arrays, exact=True)


@cases(
    case("flip", CUBE), case("flip", CUBE, axis=1), case("flip", CUBE, axis=(0, -1)), case("flipud", PLANE),
    case("fliplr", PLANE), case("flip", CUBE, axis=()), *[case("rot90", PLANE, args=(..., k)) for k in range(-1, 5)],
    case("rot90", CUBE, args=(..., 1, (2, 0))), *[case("roll", LINE, args=(..., k)) for k in (0, 2, -1, 5, 7, -13)],
    case("roll", CUBE, args=(..., 3)), case("roll", CUBE, args=(..., (1, -2)), axis=(1, 2)),
    case("roll", CUBE, args=(..., 1), axis=(0, 2)), case("roll", CUBE, args=(..., (1, 2)), axis=2),
    case("roll", CUBE, args=(..., 1), axis=-1), case("tile", LINE, args=(..., 2)),
    case("tile", PLANE, args=(..., (2, 3))),
    case("tile", PLANE, args=(..., (2, 1, 3))), case("tile", CUBE, args=(..., 2)),
    case("tile", SCALAR, args=(..., (2, 2))),
    case("tile", PLANE, args=(..., (0, 2))), case("repeat", LINE, args=(..., 3)), case("repeat", PLANE, args=(..., 2)),
    case("repeat", PLANE, args=(..., 2), axis=1), case("repeat", PLANE, args=(..., [0, 2, 1]), axis=0),
    case("repeat", PLANE, args=(..., 0), axis=0), case("repeat", LINE, args=(..., [2])),
)  # fmt: skip
def test_rearranging(name, args, kwargs, arrays):
    check(*numpy_call(name, *args, **kwargs), *arrays, exact=True)


@pytest.mark.parametrize("shift", [2, -1, 7])
def test_roll_serves_other_lengths(shift):
    again = [(rng.normal(size=n),) for n in ((9, 10) if shift == 7 else (3, 8, 2) if shift == -1 else (2, 8))]
    check(*numpy_call("numpy.roll", ..., shift), rng.normal(size=8) if shift == 7 else LINE, again=again, exact=True)


def test_splitting_serves_other_lengths():
    check(*numpy_call("numpy.array_split", ..., 3), LINE, again=[(rng.normal(size=n),) for n in (2, 6, 7)], exact=True)
    check(*numpy_call("numpy.split", ..., 2, axis=1), PLANE, again=[(rng.normal(size=(5, 8)),)], exact=True)
    graph, _ = trace(numpy_call("numpy.split", ..., 2, axis=1)[0], PLANE)
    with pytest.raises(ShapeError, match="guard"):
        interpret(graph, [rng.normal(size=(3, 5))])


@pytest.mark.parametrize(
    ("name", "args", "type_"),
    [
        ("reshape", (..., -1), "f64[d0_0*d0_1*d0_2]"),
        ("reshape", (..., (-1, 2)), "f64[floordiv(d0_0*d0_1*d0_2, 2),2]"),
        ("ravel", (...,), "f64[d0_0*d0_1*d0_2]"),
        ("tile", (..., (2, 1, 1)), "f64[2*d0_0,d0_1,d0_2]"),
        ("pad", (..., 1), "f64[d0_0+2,d0_1+2,d0_2+2]"),
        ("diff", (...,), "f64[d0_0,d0_1,d0_2-1]"),
        ("roll", (..., 1), "f64[d0_0,d0_1,d0_2]"),
        ("flip", (...,), "f64[d0_0,d0_1,d0_2]"),
        ("zeros_like", (...,), "f64[d0_0,d0_1,d0_2]"),
    ],
)
def test_sizes_stay_symbolic(name, args, type_):
    graph, _ = trace(numpy_call(f"numpy.{name}", *args)[0], CUBE)
    assert str(graph.outputs[0].type) == type_


def test_reshape_to_the_sizes_of_another():
    check(
        lambda F, a, b: NUMPY_FUNCTIONS["numpy.reshape"](F, a, b.dims),
        lambda a, b: a.reshape(b.shape),
        CUBE.ravel(),
        CUBE,
    )

    def rows(F, a):
        return NUMPY_FUNCTIONS["numpy.reshape"](F, a, (a.dims[0], -1))

    graph = check(rows, lambda a: a.reshape(len(a), -1), CUBE, again=[(OTHER,)])
    assert str(graph.outputs[0].type) == "f64[d0_0,d0_1*d0_2]"
    assert graph.guards == trace(lambda F, a: a, CUBE)[0].guards


def test_a_reshape_to_a_number_is_guarded():
    graph = check(*numpy_call("numpy.reshape", ..., (6, 4)), CUBE, again=[(rng.normal(size=(4, 2, 3)),)])
    with pytest.raises(ShapeError, match="guard"):
        interpret(graph, [OTHER])


@settings(max_examples=60, deadline=None)
@given(st.permutations([2, 2, 3, 5]), st.lists(st.integers(1, 3), max_size=2), st.booleans(), st.integers(0, 3))
def test_any_reshape(factors, cuts, unknown, place):
    x = np.arange(60.0).reshape(4, 15)
    groups = np.split(np.array(factors), sorted({*cuts}))
    shape = [int(np.prod(g)) for g in groups]
    if unknown:
        shape[place % len(shape)] = -1
    check(lambda F, a: NUMPY_FUNCTIONS["numpy.reshape"](F, a, shape), lambda a: a.reshape(shape), x, exact=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0, 1, 1, 2, 3]), max_size=3), min_size=1, max_size=3))
def test_any_broadcast(shapes):
    arrays = [np.arange(float(np.prod(s))).reshape(s) for s in shapes]
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(ShapeError, match="do not broadcast"):
            trace(NUMPY_FUNCTIONS["numpy.broadcast_arrays"], *arrays)
        return
    graph = check(NUMPY_FUNCTIONS["numpy.broadcast_arrays"], np.broadcast_arrays, *arrays, exact=True)
    assert all(o.rank == len(expected) for o in graph.outputs)


@cases(
    *[
        case("pad", PLANE, args=(..., width), mode=mode)
        for mode in ("constant", "edge", "reflect", "symmetric", "wrap", "maximum", "minimum", "mean")
        for width in (1, (2, 0), ((0, 1), (2, 2)), ((1,), (2,)), ((1, 2),), 5)
    ],
    case("pad", LINE, args=(..., (0, 13)), mode="reflect"), case("pad", LINE, args=(..., (11, 3)), mode="symmetric"),
    case("pad", LINE, args=(..., (14, 7)), mode="wrap"), case("pad", ONES, args=(..., 2), mode="reflect"),
    case("pad", PLANE, args=(..., 1), constant_values=3.5), case("pad", PLANE, args=(..., 2), constant_values=(1, 2)),
    case("pad", PLANE, args=(..., ((1, 2), (0, 1))), constant_values=((1, 2), (3, 4))),
    case("pad", PLANE, args=(..., {1: 2, 0: (1, 0)})), case("pad", PLANE.astype("f4"), args=(..., 1),
    constant_values=2),
    *[case("pad", PLANE, args=(..., (2, 1)), mode=mode, **options) for mode, options in [
        ("linear_ramp", {}), ("linear_ramp", {"end_values": (1.5, -2.0)}), ("reflect", {"reflect_type": "odd"}),
        ("symmetric", {"reflect_type": "odd"}), ("median", {}), ("median", {"stat_length": ((2, 1), (3, 9))}),
        ("mean", {"stat_length": 2}), ("maximum", {"stat_length": (1, 2)})]],
    case("pad", np.arange(3), args=(..., 1), constant_values=7), case("pad", PLANE, args=(..., 0), mode="edge"),
)  # fmt: skip
def test_pad(name, args, kwargs, arrays):
    check(*numpy_call(name, *args, **kwargs), *arrays)


def test_pad_serves_other_sizes():
    for mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
        check(*numpy_call("numpy.pad", ..., 1, mode=mode), PLANE, again=[(rng.normal(size=(7, 2)),)])


def test_pad_refuses_by_name():
    for kwargs in (
        {"mode": "linear_ramp", "stat_length": 1},
        {"mode": "reflect", "reflect_type": "odder"},
        {"mode": len},
    ):
        with pytest.raises(UnsupportedError, match="pad"):
            trace(numpy_call("numpy.pad", ..., 1, **kwargs)[0], PLANE)
    with pytest.raises(ShapeError, match="negative"):
        trace(numpy_call("numpy.pad", ..., -1)[0], PLANE)
    with pytest.raises(ShapeError, match="no elements"):
        trace(numpy_call("numpy.pad", ..., 1, mode="edge")[0], PLANE[:0])


@cases(
    *[case("diagonal", PLANE, args=(..., k)) for k in (-4, -3, -2, -1, 0, 1, 3, 4, 5)],
    *[case("diagonal", PLANE.T.copy(), args=(..., k)) for k in (-3, -1, 0, 1, 2)],
    case("diagonal", CUBE, args=(..., 1, 2, 0)), case("diagonal", CUBE, axis1=-2, axis2=-1),
    *[case("diag", LINE, args=(..., k)) for k in (-2, 0, 1)], *[case("diag", PLANE, args=(..., k)) for k in (-1, 0, 1)],
    case("diagflat", PLANE, args=(..., 1)), case("trace", PLANE), case("trace", CUBE, args=(..., -1, 0, 2)),
    case("trace", np.arange(6).reshape(2, 3).astype("i4")), case("trace", PLANE, dtype="f4"),
    *[case(f, PLANE, args=(..., k)) for f in ("tril", "triu") for k in (-2, 0, 1)],
    case("tril", CUBE), case("triu", np.ones((3, 3), bool)), case("tril", LINE),
    case("linalg.diagonal", CUBE, offset=1),
    case("linalg.trace", CUBE),
)  # fmt: skip
def test_diagonals(name, args, kwargs, arrays):
    check(*numpy_call(name, *args, **kwargs), *arrays)


def test_diagonals_serve_other_sizes():
    check(*numpy_call("numpy.trace", ...), PLANE, again=[(rng.normal(size=(5, 9)),)])
    check(*numpy_call("numpy.diag", ..., 1), LINE, again=[(rng.normal(size=8),)])
    check(*numpy_call("numpy.tril", ...), PLANE, again=[(rng.normal(size=(9, 5)),)])


@cases(
    case("diff", LINE), case("diff", LINE, n=2), case("diff", LINE, n=0), case("diff", LINE, n=7),
    case("diff", CUBE, axis=0), case("diff", CUBE, axis=1, prepend=0.0),
    case("diff", PLANE, PLANE[:, :2], args=(..., 1, -1, ...)),
    case("diff", LINE, append=2.0, prepend=1.0), case("diff", np.array([True, False, False])),
    case("diff", np.arange(5) ** 2),
    case("ediff1d", PLANE), case("ediff1d", LINE, to_end=9.0, to_begin=[1.0, 2.0]),
)  # fmt: skip
def test_differences(name, args, kwargs, arrays):
    check(*numpy_call(name, *args, **kwargs), *arrays)


@cases(
    case("zeros_like", PLANE), case("ones_like", PLANE.astype("f4")), case("full_like", PLANE, args=(..., 3)),
    case("full_like", np.arange(3), args=(..., 2.7)), case("zeros_like", PLANE, dtype=int),
    case("ones_like", PLANE, shape=(2, 2)),
    case("full_like", PLANE, LINE[:1], args=(..., ...)), case("meshgrid", LINE, PLANE[0], args=(..., ...)),
    case("meshgrid", LINE, PLANE, args=(..., ...), indexing="ij"),
    case("meshgrid", LINE, PLANE[0], SCALAR, args=(..., ..., ...)),
    case("meshgrid", LINE, PLANE[0], args=(..., ...), sparse=True), case("meshgrid", LINE),
    case("astype", PLANE, args=(..., "f4")),
)  # fmt: skip
def test_creation_like(name, args, kwargs, arrays):
    check(*numpy_call(name, *args, **kwargs), *arrays)


@cases(
    case("zeros", args=((2, 3),)), case("zeros", args=(3,), dtype=int), case("ones", args=((2, 1),)),
    case("full", args=(3, 2.5)),
    case("full", args=((2, 2), 7)), case("full", args=(3, 2.5), dtype="f4"), case("arange", args=(5,)),
    case("arange", args=(2, 9, 3)),
    case("arange", args=(9, 2, -3)), case("arange", args=(0.0, 1.0, 0.25)), case("arange", args=(3.0,)),
    case("arange", args=(3,), dtype="f4"),
    case("arange", args=(5, 2)), case("linspace", args=(0.0, 1.0)), case("linspace", args=(0, 1, 5)),
    case("linspace", args=(2.0, 3.0, 4), endpoint=False),
    case("linspace", args=(2.0, 3.0, 1)), case("linspace", args=(0, 10, 6), dtype=int),
    case("linspace", args=(0.0, 1.0, 5), retstep=True),
    case("eye", args=(3,)), case("eye", args=(3, 4), k=1), case("eye", args=(3,), dtype=int),
    case("identity", args=(2,)),
    case("tri", args=(3,)), case("tri", args=(3, 5), k=-1), case("tri", args=(2, 3), dtype=bool),
)  # fmt: skip
def test_creation(name, args, kwargs, arrays):
    def ours(F):
        return numpy_call(name, *args, **kwargs)[0](F)

    check(ours, numpy_call(name, *args, **kwargs)[1])


def test_creation_of_symbolic_size():
    for name, theirs in {
        "zeros": lambda a: np.zeros(len(a)), "arange": lambda a: np.arange(len(a)), "eye": lambda a: np.eye(len(a)),
        "tri": lambda a: np.tri(len(a)),
    }.items():  # fmt: skip
        graph = check(
            lambda F, a, name=name: NUMPY_FUNCTIONS[f"numpy.{name}"](F, a.dims[0]), theirs, PLANE, again=[(OTHER[0],)]
        )
        assert graph.guards == trace(lambda F, a: a, PLANE)[0].guards
    ends = numpy_call("numpy.linspace", ..., ..., 4)
    check(*ends, LINE, LINE + 1)
    check(
        lambda F, a: NUMPY_FUNCTIONS["numpy.linspace"](F, 0.0, 1.0, a.dims[0]),
        lambda a: np.linspace(0, 1, len(a)),
        LINE,
        again=[(PLANE[0],)],
    )
    check(
        lambda F, a: NUMPY_FUNCTIONS["numpy.arange"](F, 1, a.dims[0], 2),
        lambda a: np.arange(1, len(a), 2),
        LINE,
        again=[(PLANE[0],)],
    )


METHOD_CALLS = [
    ("reshape", (4, 6), {}), ("reshape", ((4, -1),), {}), ("reshape", (-1,), {}), ("transpose", (), {}),
    ("transpose", (1, 0, 2), {}),
    ("transpose", ((2, 0, 1),), {}), ("ravel", (), {}), ("flatten", ("F",), {}), ("squeeze", (), {}),
    ("swapaxes", (0, 1), {}),
    ("sum", (1,), {}), ("sum", (), {"axis": (0, 2), "keepdims": True}), ("mean", (0,), {}), ("prod", (), {}),
    ("min", (1,), {}),
    ("max", (), {"axis": -1}), ("argmax", (), {}), ("argmin", (2,), {}), ("any", (), {}), ("all", (0,), {}),
    ("var", (), {"ddof": 1}),
    ("std", (0,), {}), ("cumsum", (1,), {}), ("cumprod", (), {}), ("clip", (-0.5, 0.5), {}), ("clip", (), {"min": 0}),
    ("clip", (None, 0.1), {}),
    ("take", ([0, -1], 1), {}), ("astype", (np.float32,), {}), ("astype", (int,), {}), ("copy", (), {}), ("round", (),
    {}), ("round", (1,), {}),
    ("repeat", (2,), {"axis": 0}), ("trace", (), {}), ("diagonal", (0, 1, 2), {}), ("dot", (PLANE[0],), {}),
    ("conj", (), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "kwargs"), METHOD_CALLS, ids=lambda c: str(c)[:20])
def test_methods(name, args, kwargs):
    if name == "dot":
        check(METHODS["dot"], lambda a, b: a.dot(b), CUBE, args[0])
        return
    check(lambda F, a: METHODS[name](F, a, *args, **kwargs), lambda a: getattr(a, name)(*args, **kwargs), CUBE)


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_properties(name):
    check(PROPERTIES[name], lambda a: getattr(a, name), CUBE)


@pytest.mark.parametrize(
    ("name", "args", "arrays", "message"),
    [
        ("reshape", (..., (5, 5)), (CUBE,), r"\(d0_0, d0_1, d0_2\) does not fit into shape \(5, 5\)"),
        ("reshape", (..., (-1, -1)), (CUBE,), "only one"),
        ("squeeze", (..., 0), (CUBE,), "not of length 1"),
        ("broadcast_to", (..., (2, 2)), (PLANE,), r"\(d0_0, d0_1\) does not broadcast to \(2, 2\)"),
        ("concatenate", ([..., ...],), (PLANE, CUBE), "number of dimensions"),
        ("concatenate", ([..., ...],), (PLANE, PLANE[:, :3]), r"\(d0_0, d0_1\) and \(d1_0, d1_1\) do not fit"),
        ("stack", ([..., ...],), (PLANE, LINE), "not the same"),
        ("split", (..., 2), (LINE,), "does not divide"),
        ("transpose", (..., (0, 1)), (CUBE,), "each of the 3 axes"),
        ("rot90", (..., 1, (0, 0)), (PLANE,), "twice"),
    ],
)
def test_shapes_that_do_not_fit_are_named(name, args, arrays, message):
    with pytest.raises(ShapeError, match=message):
        trace(numpy_call(f"numpy.{name}", *args)[0], *arrays)


def test_an_axis_outside_is_an_axis_error():
    with pytest.raises(IndexRangeError, match="swapaxes: axis 3"):
        trace(numpy_call("numpy.swapaxes", ..., 0, 3)[0], CUBE)


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "message"),
    [
        ("ravel", (...,), {"order": "K"}, "memory layout"),
        ("concatenate", (...,), {}, "symbolic length"),
        ("repeat", (..., ...), {}, "depend on data"),
        ("nan_to_num", (...,), {"copy": False}, "copy=False"),
        ("zeros_like", (...,), {"like": PLANE}, "like"),
    ],
)
def test_unsupported_forms_say_what_to_do(name, args, kwargs, message):
    with pytest.raises(UnsupportedError, match=message):
        trace(numpy_call(f"numpy.{name}", *args, **kwargs)[0], PLANE, np.arange(3))


@pytest.mark.parametrize(("name", "answer"), [("shape", "(d0_0, 1)"), ("ndim", "2"), ("size", "d0_0")])
def test_questions_about_shapes(name, answer):
    asked = []
    trace(lambda F, a: asked.append(NUMPY_FUNCTIONS[f"numpy.{name}"](F, a)) or a, np.zeros((3, 1)))
    assert str(asked[0]) == answer


def test_result_type_knows_python_numbers():
    asked = []
    trace(lambda F, a, b: asked.append(NUMPY_FUNCTIONS["numpy.result_type"](F, a, b, 2)) or a, np.float32([1]), 1.0)
    assert asked == [np.float32]
