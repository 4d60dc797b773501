"""The entry on single calls: hits, every kind of miss, guards, results. Native and Python entries alike."""

from __future__ import annotations

import pickle
import sys
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from entry_support import (
    F8,
    NOTHING,
    Driver,
    array_leaf,
    both,
    const,
    double,
    is_miss,
    make,
    missed,
    plan,
    symbol,
    view,
)

from graphc.abi import Build, Check, Code, InputLeaf, LeafKind, OutputLeaf, Relation, Step
from graphc.runtime import object_layout

Pair = namedtuple("Pair", "a b")


def test_native_entries_exist_where_the_layout_is_known():
    built_in = type(len)
    assert (type(make(plan())) is built_in) == object_layout.KNOWN


@both
@pytest.mark.parametrize("n", [0, 1, 2, 10, 1000])
def test_one_array(how, n):
    x = np.random.default_rng(0).random(n)
    result = make(plan(), how=how)(x)
    assert type(result) is np.ndarray
    assert result.dtype == np.float64
    assert result.flags.owndata
    assert result.flags.carray
    np.testing.assert_array_equal(result, 2 * x)


@both
def test_what_an_array_may_be(how):
    f = make(plan(), how=how)
    read_only = np.arange(3.0)
    read_only.flags.writeable = False
    unpickled = pickle.loads(pickle.dumps(np.arange(3.0)))
    for fine in (read_only, unpickled, np.arange(6.0)[:3], np.frombuffer(np.arange(3.0).tobytes())):
        np.testing.assert_array_equal(f(fine), 2 * np.arange(3.0))


@both
def test_strided_arrays_are_copied(how):
    n, m = symbol(0), symbol(1)
    p = plan(inputs=(array_leaf(0, 0, 1),), nsymbols=2, outputs=(OutputLeaf(F8, (n, m)),))

    def same(call):
        shape = tuple(map(int, call.symbols))
        view(call.args[1], shape)[...] = view(call.args[0], shape)

    f, a = make(p, same, how=how), np.arange(60.0).reshape(6, 10)
    for strided in (a[::2], a[:, 1::3], a[::-1, ::-1], a[1:4, 2:5], a.T[::2, ::3]):
        before = sys.getrefcount(strided)
        np.testing.assert_array_equal(f(strided), strided)
        assert sys.getrefcount(strided) == before
    one = make(plan(), how=how)
    np.testing.assert_array_equal(one(a[0][::-3]), 2 * a[0][::-3])
    uneven = np.zeros(8 * 9 + 1, "u1")[1:].view("f8")[::2]
    np.testing.assert_array_equal(one(uneven), uneven)


class Subclass(np.ndarray):
    pass


WRONG = {
    "list": [1.0, 2.0],
    "float": 1.0,
    "none": None,
    "scalar": np.float64(1.0),
    "subclass": np.arange(3.0).view(Subclass),
    "masked": np.ma.array([1.0, 2.0]),
    "f4": np.arange(3.0, dtype="f4"),
    "i8": np.arange(3),
    "swapped": np.arange(3.0).astype(">f8"),
    "datetime": np.zeros(3, "M8[s]"),
    "struct": np.zeros(3, [("a", "f8")]),
    "rank 0": np.array(1.0),
    "rank 2": np.zeros((2, 2)),
    "unaligned": np.zeros(33, "u1")[1:].view("f8"),
}


@both
@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_reach_the_fallback(how, name):
    driver = Driver(plan(), double)
    result = make(plan(), how=how, driver=driver)(WRONG[name])
    assert is_miss(result)
    assert result[1][0] is WRONG[name]
    assert driver.calls == 0


@both
def test_argument_count_and_keywords(how):
    f, x = make(plan(), how=how), np.arange(3.0)
    assert is_miss(f())
    assert is_miss(f(x, x))
    result = f(x, scale=2)
    assert is_miss(result)
    assert result[1][0] is x
    assert result[2] == {"scale": 2}


@both
def test_an_exception_of_the_fallback_is_the_calls(how):
    def fail(*args):
        raise KeyError("from the fallback")

    with pytest.raises(KeyError, match="from the fallback"):
        make(plan(), how=how, fallback=fail)(None)


@both
def test_fortran_order(how):
    p = plan(inputs=(array_leaf(0, 0, 1),), nsymbols=2, outputs=(OutputLeaf(F8, (symbol(1), symbol(0))),))

    def transpose(call):
        n, m = map(int, call.symbols)
        view(call.args[1], (m, n))[...] = view(call.args[0], (n, m)).T

    f, a = make(p, transpose, how=how), np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(f(a), a.T)
    assert is_miss(f(np.asfortranarray(a)))
    assert is_miss(f(a.T))
    assert f(np.zeros((0, 5))).shape == (5, 0)


@both
def test_dims_must_agree(how):
    n, m = symbol(0), symbol(1)
    checks = ((0, n), (1, const(3)), (2, (*n, *m, Code.ADD)))
    leaves = (array_leaf(0, 0, 1), InputLeaf(1, LeafKind.ARRAY, F8, 3, (), checks))
    p = plan(
        nargs=2, steps=((Step.ARG, 0), (Step.ARG, 1)), inputs=leaves, nsymbols=2, outputs=(), result=((Build.NONE,),)
    )
    f = make(p, lambda call: None, how=how)
    assert f(np.zeros((2, 4)), np.zeros((2, 3, 6))) is None
    for shape in ((3, 3, 6), (2, 1, 6), (2, 3, 5)):
        assert is_miss(f(np.zeros((2, 4)), np.zeros(shape)))


@both
def test_a_symbol_bound_twice_must_agree(how):
    f = make(plan(inputs=(array_leaf(0, 0, 0),), outputs=(), result=((Build.NONE,),)), lambda call: None, how=how)
    assert f(np.zeros((3, 3))) is None
    assert is_miss(f(np.zeros((3, 4))))


@both
@pytest.mark.parametrize(
    ("relation", "code", "passing"),
    [
        (Relation.EQ, (*symbol(0), *const(-4), Code.ADD), {4}),
        (Relation.NE, (*symbol(0), *const(-4), Code.ADD), set(range(9)) - {4}),
        (Relation.GE, (*symbol(0), *const(-4), Code.ADD), set(range(4, 9))),
        (Relation.EQ, (*symbol(0), *const(3), Code.MOD), {0, 3, 6}),
        (Relation.EQ, (*symbol(0), *const(3), Code.FLOORDIV), {0, 1, 2}),
        (
            Relation.GE,
            (*symbol(0), *const(-7), Code.ADD, *const(2), Code.FLOORDIV, *const(2), Code.ADD),
            set(range(3, 9)),
        ),
        (Relation.EQ, (*symbol(0), *symbol(0), Code.MUL, *const(-9), Code.ADD), {3}),
        (Relation.EQ, (*symbol(0), *const(5), Code.MAX, *const(-5), Code.ADD), set(range(6))),
        (Relation.EQ, (*symbol(0), *const(5), Code.MIN, *const(-5), Code.ADD), {5, 6, 7, 8}),
        (Relation.EQ, (*const(7), *symbol(0), Code.FLOORDIV), {0, 8}),
        (Relation.GE, const(-1), set()),
    ],
)
def test_guards(how, relation, code, passing):
    f = make(plan(guards=((relation, code),)), how=how)
    assert {n for n in range(9) if not is_miss(f(np.zeros(n)))} == passing


@both
def test_scalars(how):
    kinds = (LeafKind.FLOAT, LeafKind.INT, LeafKind.SCALAR, LeafKind.SCALAR)
    dtypes = (F8, "<i8", "<f4", "<c16")
    leaves = [InputLeaf(k, kind, dtype, 0) for k, (kind, dtype) in enumerate(zip(kinds, dtypes, strict=True))]
    leaves[1] = InputLeaf(1, LeafKind.INT, "<i8", 0, ((-1, 0),))
    outputs = tuple(OutputLeaf(dtype, ()) for dtype in dtypes)
    result = (*((Build.LEAF, k) for k in range(4)), (Build.TUPLE, 4))
    p = plan(
        nargs=4, steps=tuple((Step.ARG, k) for k in range(4)), inputs=tuple(leaves), outputs=outputs, result=result
    )

    def copy(call):
        assert call.symbols[0] == view(call.args[1], (), "<i8")
        for k, dtype in enumerate(dtypes):
            view(call.args[4 + k], (), dtype)[...] = view(call.args[k], (), dtype)

    f = make(p, copy, how=how)
    values = (1.5, -7, np.float32(2.5), np.complex128(1 - 2j))
    got = f(*values)
    assert got == values
    assert [type(item) for item in got] == [np.float64, np.int64, np.float32, np.complex128]
    assert f(1.5, 2**63 - 1, *values[2:])[1] == 2**63 - 1
    for position, wrong in (
        (0, 1),
        (0, np.float64(1)),
        (1, True),
        (1, 2**63),
        (1, 1.0),
        (2, 2.5),
        (2, np.float64(2)),
        (3, 1j),
    ):
        assert is_miss(f(*(wrong if k == position else value for k, value in enumerate(values))))


@both
def test_an_int_that_is_checked(how):
    leaves = (InputLeaf(0, LeafKind.INT, "<i8", 0, (), ((-1, const(3)),)),)
    f = make(plan(inputs=leaves, outputs=(), result=((Build.NONE,),)), lambda call: None, how=how)
    assert f(3) is None
    assert is_miss(f(4))


@both
def test_dict_of_arrays(how):
    p = plan(
        steps=((Step.ARG, 0), (Step.DICT_ITEM, 0, "a"), (Step.DICT_ITEM, 0, ("b", 1))),
        checks=((Check.TYPE_LEN, 0, dict, 2),),
        inputs=(array_leaf(1, 0), array_leaf(2, 1)),
        nsymbols=2,
        outputs=(OutputLeaf(F8, ()), OutputLeaf(F8, (symbol(0),)), OutputLeaf(F8, (symbol(1),))),
        result=(*((Build.LEAF, k) for k in range(3)), (Build.DICT, ("a", ("b", 1))), (Build.TUPLE, 2)),
    )

    def body(call):
        a, b = (view(call.args[k], (int(call.symbols[k]),)) for k in range(2))
        view(call.args[2])[...] = a.sum() + b.sum()
        view(call.args[3], a.shape)[...] = -a
        view(call.args[4], b.shape)[...] = -b

    f = make(p, body, how=how)
    a, b = np.arange(3.0), np.arange(4.0)
    value, gradient = f({("b", 1): b, "a": a})
    assert value == 9.0
    assert list(gradient) == ["a", ("b", 1)]
    np.testing.assert_array_equal(gradient["a"], -a)
    np.testing.assert_array_equal(gradient["b", 1], -b)
    assert list(f({"a": a, ("b", 1): b})[1]) == ["a", ("b", 1)], "the template has not been changed"
    wrong = [{"a": a}, {"a": a, "c": b}, {"a": a, ("b", 1): b, "c": b}, OrderedDict({"a": a, ("b", 1): b}), [a, b], {}]
    for item in wrong:
        assert is_miss(f(item))


@both
def test_sequences(how):
    p = plan(
        steps=((Step.ARG, 0), (Step.SEQ_ITEM, 0, 1), (Step.SEQ_ITEM, 1, 0)),
        checks=((Check.TYPE_LEN, 0, list, 2), (Check.TYPE_LEN, 1, Pair, 2)),
        inputs=(array_leaf(2, 0),),
        result=((Build.NONE,), (Build.LEAF, 0), (Build.CALL, Pair, 2), (Build.LEAF, 0), (Build.LIST, 2)),
    )
    f, x = make(p, how=how), np.arange(3.0)
    (none, first), second = f([None, Pair(x, 2)])
    assert none is None
    assert first is second
    np.testing.assert_array_equal(first, 2 * x)
    for wrong in ([None], [None, (x, 2)], (None, Pair(x, 2)), [Pair(x, 2), None], [None, {0: x}], [], None):
        assert is_miss(f(wrong))


@both
def test_results_that_cannot_be_made(how):
    def refuse(*args):
        raise LookupError("constructor")

    result = ((Build.NONE,), (Build.LEAF, 0), (Build.CALL, refuse, 1), (Build.TUPLE, 2))
    with pytest.raises(LookupError, match="constructor"):
        make(plan(result=result), how=how)(np.zeros(3))
    huge = (OutputLeaf(F8, (symbol(0),)), OutputLeaf(F8, (const(2**45), const(2**3))))
    with pytest.raises(MemoryError):
        make(plan(outputs=huge), how=how)(np.zeros(3))
    with pytest.raises(ValueError, match="negative dim"):
        make(plan(outputs=(OutputLeaf(F8, (const(-1),)),)), how=how)(np.zeros(3))


@both
def test_a_failing_driver_raises(how):
    p = plan(nsymbols=2, inputs=(array_leaf(0, 0),))

    def fail(call):
        call.symbols[1] = 17
        return 5

    with pytest.raises(ArithmeticError) as caught:
        make(p, fail, how=how)(np.zeros(3))
    assert caught.value.args == (5, (3, 17))
    with pytest.raises(RuntimeError, match="status 5"):
        make(p, fail, how=how, on_status=lambda status, symbols: None)(np.zeros(3))


@both
def test_table_and_arena_addresses(how):
    seen = []
    p = plan(arena_bytes=(*symbol(0), *const(8), Code.MUL))

    def body(call):
        seen.append((call.arena, call.table))
        if call.arena:
            view(call.arena, (int(call.symbols[0]),))[:] = 1.0

    driver = Driver(p, body)
    f = how(p, driver.address, 4096, missed, missed, driver)
    for n in (3, 1000, 2, 1000, 0, 5000):
        f(np.zeros(n))
    assert all(arena % 64 == 0 and table == 4096 for arena, table in seen)
    assert seen[1] == seen[2] == seen[3], "the workspace is kept"


@both
def test_many_leaves_need_a_large_frame(how):
    count = 3000
    p = plan(
        steps=((Step.ARG, 0), *((Step.SEQ_ITEM, 0, k) for k in range(count))),
        checks=((Check.TYPE_LEN, 0, list, count),),
        inputs=tuple(array_leaf(k + 1, k) for k in range(count)),
        nsymbols=count,
        outputs=tuple(OutputLeaf(F8, (symbol(k),)) for k in range(count)),
        result=(*((Build.LEAF, k) for k in range(count)), (Build.LIST, count)),
    )
    result = make(p, lambda call: None, how=how)([np.zeros(k % 5) for k in range(count)])
    assert [item.size for item in result] == [k % 5 for k in range(count)]


@both
def test_work_decides_about_the_gil_and_not_about_the_result(how):
    f = make(plan(work=(*symbol(0), *const(1000), Code.MUL)), how=how)
    for n in (1, 100):
        np.testing.assert_array_equal(f(np.ones(n)), 2 * np.ones(n))


@both
def test_no_program_at_all(how):
    """A plan without inputs and outputs still checks its constants."""
    p = plan(nargs=0, steps=(), inputs=(), nsymbols=0, outputs=(), result=((Build.NONE,),), arena_bytes=NOTHING)
    assert make(p, lambda call: None, how=how)() is None
