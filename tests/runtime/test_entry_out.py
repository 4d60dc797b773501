"""Calls of the native entry that give arrays for the outputs, and calls with keyword arguments."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from entry_support import F8, Driver, array_leaf, both, const, double, is_miss, make, plan, symbol, view

from graphc.abi import Build, Check, OutPlan, OutputLeaf, Step
from graphc.runtime import entry, object_layout

pytestmark = pytest.mark.skipif(not object_layout.KNOWN, reason="this interpreter has no native entries")

ONE = OutPlan(((Step.ARG, 1),), (), (0,))


def one_output(**fields):
    return plan(out=ONE, **fields)


def pair_plan():
    """x -> (2 x, {"sum": x.sum()}), with arrays for both."""
    steps = ((Step.ARG, 1), (Step.SEQ_ITEM, 0, 0), (Step.SEQ_ITEM, 0, 1), (Step.DICT_ITEM, 2, "sum"))
    checks = (
        (Check.TYPE_LEN, 0, tuple, 2),
        (Check.TYPE_LEN, 2, dict, -1),
        (Check.KEYS, 2, ("sum",)),
    )
    return plan(
        outputs=(OutputLeaf(F8, (symbol(0),)), OutputLeaf(F8, ())),
        result=((Build.LEAF, 0), (Build.LEAF, 1), (Build.DICT, ("sum",)), (Build.TUPLE, 2)),
        out=OutPlan(steps, checks, (1, 3)),
    )


def double_and_sum(call):
    double(call)
    view(call.args[2])[...] = view(call.args[0], (int(call.symbols[0]),)).sum()


def written(call):
    """Where the driver of a one-output plan wrote."""
    return int(call.args[1])


def test_the_driver_writes_to_the_array_given():
    seen = []

    def body(call):
        seen.append(written(call))
        double(call)

    f = make(one_output(), body)
    x, out = np.arange(3.0), np.zeros(3)
    assert f(x, out=out) is out
    assert seen == [out.ctypes.data]
    np.testing.assert_array_equal(out, 2 * x)
    fresh = f(x, out=None)
    assert fresh is not out
    np.testing.assert_array_equal(fresh, 2 * x)
    np.testing.assert_array_equal(f(x), 2 * x)


def test_a_tree_of_arrays_and_none():
    f, x = make(pair_plan(), double_and_sum), np.arange(3.0)
    first, total = np.zeros(3), np.zeros(())
    result = f(x, out=(first, {"sum": total}))
    assert result[0] is first
    assert result[1]["sum"] is total
    assert total == 3.0
    np.testing.assert_array_equal(first, 2 * x)
    result = f(2 * x, out=(None, {"sum": total}))
    assert result[0] is not first
    assert total == 6.0
    result = f(x, out=(first, {"sum": None}))
    assert type(result[1]["sum"]) is np.float64
    assert result[0] is first
    assert total == 6.0
    for wrong in (first, [first, {"sum": total}], (first, {"total": total}), (first, None), (first, {"sum": 0.0})):
        missed = f(x, out=wrong)
        assert is_miss(missed)
        assert missed[2]["out"] is wrong


def read_only():
    array = np.zeros(3)
    array.flags.writeable = False
    return array


class Subclass(np.ndarray):
    pass


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(4),
        np.zeros((3, 1)),
        np.zeros(()),
        np.zeros(3, "f4"),
        np.zeros(3, "i8"),
        np.zeros(3, ">f8"),
        np.zeros(6)[::2],
        np.zeros(3)[::-1],
        np.zeros(25, "u1")[1:].view("f8"),
        read_only(),
        np.zeros(3).view(Subclass),
        [0.0, 0.0, 0.0],
        1.0,
    ],
)
def test_what_does_not_fit_reaches_the_fallback(wrong):
    driver = Driver(plan(), double)
    result = make(one_output(), driver=driver)(np.arange(3.0), out=wrong)
    assert is_miss(result)
    assert result[2]["out"] is wrong
    assert driver.calls == 0


def test_a_plan_without_out_leaves_it_to_the_fallback():
    assert is_miss(make(plan())(np.arange(3.0), out=np.zeros(3)))
    assert is_miss(make(plan())(np.arange(3.0), out=None))


@pytest.mark.parametrize(("source", "target"), [((0, 3), (0, 3)), ((0, 3), (1, 4)), ((1, 4), (0, 3)), ((0, 3), (2, 5))])
def test_an_array_that_shares_memory_with_an_input(source, target):
    def badly_ordered(call):
        """Reads each input again after a part of the output has been written."""
        n = int(call.symbols[0])
        x, out = view(call.args[0], (n,)), view(call.args[1], (n,))
        for i in range(n):
            out[i] = x.sum()

    memory = np.arange(5.0)
    x, out = memory[slice(*source)], memory[slice(*target)]
    expected = np.full(3, x.sum())
    f = make(one_output(), badly_ordered)
    assert f(x, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_touching_is_not_sharing():
    seen = []
    memory = np.arange(6.0)
    x, out = memory[:3], memory[3:]
    f = make(one_output(), lambda call: seen.append(written(call)))
    f(x, out=out)
    assert seen == [out.ctypes.data]


def test_a_scalar_output_inside_an_input_is_left_to_the_fallback():
    p = plan(outputs=(OutputLeaf(F8, ()),), out=ONE)
    x = np.arange(3.0)
    assert is_miss(make(p, lambda call: None)(x, out=x[1:2].reshape(())))


def test_given_arrays_that_share_memory_reach_the_fallback():
    steps = ((Step.ARG, 1), (Step.SEQ_ITEM, 0, 0), (Step.SEQ_ITEM, 0, 1))
    p = plan(
        outputs=(OutputLeaf(F8, (symbol(0),)),) * 2,
        result=((Build.LEAF, 0), (Build.LEAF, 1), (Build.TUPLE, 2)),
        out=OutPlan(steps, ((Check.TYPE_LEN, 0, tuple, 2),), (1, 2)),
    )
    f, memory = make(p, lambda call: None), np.zeros(5)
    assert not is_miss(f(np.zeros(2), out=(memory[:2], memory[2:4])))
    assert is_miss(f(np.zeros(2), out=(memory[:2], memory[1:3])))
    assert is_miss(f(np.zeros(2), out=(memory[:2], memory[:2])))
    assert not is_miss(f(np.zeros(0), out=(memory[:0], memory[:0])))


@both
def test_keyword_arguments_in_the_order_of_the_plan(how):
    p = plan(
        nargs=3,
        keywords=("b", "c"),
        steps=tuple((Step.ARG, k) for k in range(3)),
        inputs=tuple(array_leaf(k, 0) for k in range(3)),
    )

    def weigh(call):
        a, b, c = (view(call.args[k], (int(call.symbols[0]),)) for k in range(3))
        view(call.args[3], a.shape)[:] = a + 10 * b + 100 * c

    f, x = make(p, weigh, how=how), np.ones(2)
    np.testing.assert_array_equal(f(x, b=2 * x, c=3 * x), np.full(2, 321.0))
    name = "".join(["", "b"])
    np.testing.assert_array_equal(f(x, **{name: 2 * x, "c": 3 * x}), np.full(2, 321.0))
    for args, kwargs in (
        ((x,), {"c": x, "b": x}),
        ((x, x), {"c": x}),
        ((x, x, x), {}),
        ((x,), {"b": x}),
        ((x,), {"b": x, "c": x, "d": x}),
        ((x,), {"b": x, "d": x}),
    ):
        assert is_miss(f(*args, **kwargs))


def test_out_after_keyword_arguments():
    p = plan(
        nargs=2,
        keywords=("scale",),
        steps=((Step.ARG, 0), (Step.ARG, 1)),
        inputs=(array_leaf(0, 0), array_leaf(1, 0)),
        out=OutPlan(((Step.ARG, 2),), (), (0,)),
    )

    def multiply(call):
        a, b = (view(call.args[k], (int(call.symbols[0]),)) for k in range(2))
        view(call.args[2], a.shape)[:] = a * b

    f, x, out = make(p, multiply), np.arange(3.0), np.zeros(3)
    assert f(x, scale=x, out=out) is out
    np.testing.assert_array_equal(out, x * x)
    assert is_miss(f(x, out=out, scale=x)), "another order is left to the fallback"
    assert is_miss(f(x, x, out=out))


def test_references():
    f, x = make(pair_plan(), double_and_sum), np.arange(3.0)
    first, total = np.zeros(3), np.zeros(())
    tree, wrong = (first, {"sum": total}), (x, {"sum": np.zeros(3)})
    shared = (x, {"sum": None})
    failing = make(one_output(), lambda call: 3, on_status=lambda *args: None)
    watched = [x, first, total, tree, tree[1], wrong, shared, None, np.dtype("f8")]

    def every_call():
        f(x, out=tree)
        f(x, out=(None, tree[1]))
        f(x, out=wrong)
        f(x, out=shared)
        f(x, out=None)
        with pytest.raises(entry.ProgramError):
            failing(x, out=first)

    every_call()
    before = [sys.getrefcount(item) for item in watched]
    for _ in range(300):
        every_call()
    after = [sys.getrefcount(item) for item in watched]
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) < 100, "a leak is one a call, 300 or more"


def test_a_wrong_plan_of_out():
    for wrong in (
        OutPlan(((Step.ARG, 2),), (), (0,)),
        OutPlan(((Step.ARG, 1),), (), (1,)),
        OutPlan(((Step.ARG, 1),), (), ()),
        OutPlan(((Step.ARG, 1),), ((Check.IS, 1, None),), (0,)),
        OutPlan(((Step.SEQ_ITEM, 0, 0),), (), (0,)),
    ):
        with pytest.raises(ValueError, match="entry plan"):
            make(plan(out=wrong))
    with pytest.raises(ValueError, match="entry plan"):
        make(plan(keywords=("a", "b")))


@both
def test_dict_items_in_one_pass(how):
    """All keys are checked, their order too, and two steps may ask for equal keys of other types."""
    keys = ("a", ("b", 1), 3, "rest")
    p = plan(
        steps=((Step.ARG, 0), (Step.DICT_ITEM, 0, 3), (Step.DICT_ITEM, 0, "a"), (Step.DICT_ITEM, 0, True)),
        checks=((Check.TYPE_LEN, 0, dict, -1), (Check.KEYS, 0, keys)),
        inputs=(array_leaf(1, 0), array_leaf(2, 0)),
        outputs=(),
        result=((Build.NONE,),),
    )
    f, x = make(p, lambda call: None, how=how), np.zeros(2)
    assert is_miss(f(dict.fromkeys(keys, x))), "there is no item True"
    without = plan(steps=p.steps[:3], checks=p.checks, inputs=p.inputs, outputs=(), result=p.result, work=const(10**9))
    f = make(without, lambda call: None, how=how)
    assert f({"a": x, ("b", 1): 2, 3: x, "rest": None}) is None
    assert f({"".join(["", "a"]): x, ("b", 1): 2, 3: x, "rest": None}) is None
    for wrong in (
        {"a": x, 3: x, ("b", 1): 2, "rest": None},
        {"a": x, ("b", True): 2, 3: x, "rest": None},
        {"a": x, ("b", 1): 2, 3.0: x, "rest": None},
        {"a": x, ("b", 1): 2, 3: x},
        {"a": x, ("b", 1): 2, 3: x, "rest": None, "more": None},
        {"a": x, ("b", 1): 2, 3: 1.0, "rest": None},
        [x],
    ):
        assert is_miss(f(wrong))
