"""What the entry reads by access paths: cells, attributes, dict items, and the user's code that may run on the way."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from types import CellType, SimpleNamespace

import numpy as np
import pytest
from entry_support import array_leaf, both, is_miss, make, plan

from graphc.abi import Build, Check, Step


@both
def test_outside_values(how):
    """Steps from constants: a closure cell, an attribute of an object, a module's globals."""

    cell = CellType(np.arange(3.0))
    model = SimpleNamespace(flag=True, name="small")
    names = {"scale": 2}
    p = plan(
        nargs=0,
        steps=(
            (Step.CONST, cell),
            (Step.CELL, 0),
            (Step.CONST, model),
            (Step.ATTR, 2, "name"),
            (Step.ATTR, 2, "flag"),
            (Step.CONST, names),
            (Step.DICT_ITEM, 5, "scale"),
        ),
        checks=((Check.EQUAL, 3, "small"), (Check.IS, 4, True), (Check.EQUAL, 6, 2)),
        inputs=(array_leaf(1, 0),),
    )
    f = make(p, how=how)
    np.testing.assert_array_equal(f(), 2 * np.arange(3.0))
    cell.cell_contents = np.ones(5)
    np.testing.assert_array_equal(f(), 2 * np.ones(5))
    model.name = "".join(["sm", "all"])
    assert not is_miss(f())
    for change in ({"name": "big"}, {"flag": 1}):
        before = dict(vars(model))
        vars(model).update(change)
        assert is_miss(f())
        vars(model).update(before)
    del model.name
    assert is_miss(f())
    model.name = "small"
    names["scale"] = 2.0
    assert is_miss(f())
    del names["scale"]
    assert is_miss(f())
    names["scale"] = 2
    assert not is_miss(f())
    del cell.cell_contents
    assert is_miss(f()), "an empty cell"


@both
def test_code_of_a_function(how):
    def helper():
        return 1

    p = plan(steps=((Step.ARG, 0), (Step.CONST, helper)), checks=((Check.CODE, 1, helper.__code__),))
    f = make(p, how=how)
    assert not is_miss(f(np.zeros(2)))
    helper.__code__ = (lambda: 2).__code__
    assert is_miss(f(np.zeros(2)))


@both
def test_exceptions_in_user_code_do_not_leak(how):
    class Odd:
        def __eq__(self, other):
            raise ValueError("compared")

        __hash__ = None

        @property
        def broken(self):
            raise RuntimeError("read")

    odd = Odd()
    steps, checks = ((Step.ARG, 0), (Step.CONST, odd)), ((Check.EQUAL, 1, Odd()),)
    assert is_miss(make(plan(steps=steps, checks=checks), how=how)(np.zeros(2)))
    steps = (*steps, (Step.ATTR, 1, "broken"))
    assert is_miss(make(plan(steps=steps), how=how)(np.zeros(2)))


@both
def test_an_interrupt_is_not_a_miss(how):
    class Interrupted:
        @property
        def value(self):
            raise KeyboardInterrupt

    p = plan(steps=((Step.ARG, 0), (Step.CONST, Interrupted()), (Step.ATTR, 1, "value")))
    with pytest.raises(KeyboardInterrupt):
        make(p, how=how)(np.zeros(2))


@both
def test_type_alone(how):
    @dataclass
    class Model:
        w: np.ndarray

    p = plan(
        steps=((Step.ARG, 0), (Step.ATTR, 0, "w")),
        checks=((Check.TYPE_LEN, 0, Model, -1),),
        inputs=(array_leaf(1, 0),),
        result=((Build.LEAF, 0), (Build.CALL, Model, 1)),
    )
    f = make(p, how=how)
    assert isinstance(f(Model(np.ones(2))), Model)
    assert is_miss(f(SimpleNamespace(w=np.ones(2))))


class Text(str):
    __slots__ = ()


class Sorted(dict):
    def __iter__(self):
        return iter(sorted(dict.keys(self)))


def keyed(keys, how, *checks):
    """An entry that serves dicts with these keys, on their first item."""
    steps = ((Step.ARG, 0), (Step.DICT_ITEM, 0, keys[0]))
    return make(plan(steps=steps, checks=((Check.KEYS, 0, keys), *checks), inputs=(array_leaf(1, 0),)), how=how)


@both
def test_the_keys_of_a_dict_and_their_order(how):
    long_key = "a long key, made anew".replace("anew", "again")
    keys = ("a", ("b", 1), 1, 2**70, None, long_key)
    f = keyed(keys, how)
    fine = dict.fromkeys(keys, np.ones(2))
    again = {"".join(["a"]): fine["a"], ("b", int("1")): 0, 1: 0, 2**35 * 2**35: 0, None: 0, "".join(list(long_key)): 0}
    moved = {key: fine[key] for key in reversed(keys)}
    for item in (fine, again):
        np.testing.assert_array_equal(f(item), 2 * np.ones(2))
    removed = dict(fine, last=0)
    del removed["last"]
    assert not is_miss(f(removed)), "a hole among the entries"
    fewer = {key: fine[key] for key in keys[:-1]}
    others = [{(other if key == like else key): value for key, value in fine.items()} for like, other in (
        (1, True), (1, 1.0), (1, np.int64(1)), ("a", Text("a")), (("b", 1), ("b", True)), (("b", 1), ("b", 1, 1)),
    )]  # fmt: skip
    for item in (moved, fewer, dict(fine, more=0), {}, *others, list(fine), set(fine), None):
        assert is_miss(f(item)), item


@both
def test_the_order_in_which_a_subclass_of_dict_iterates(how):
    f, x = keyed(("a", "b"), how), np.ones(2)
    moved = OrderedDict(b=x, a=x)
    assert is_miss(f(moved))
    moved.move_to_end("b")
    for item in (moved, OrderedDict(a=x, b=x), defaultdict(list, a=x, b=x), Sorted(b=x, a=x)):
        assert not is_miss(f(item)), item
    for item in (defaultdict(list, b=x, a=x), OrderedDict(a=x), OrderedDict(a=x, b=x, c=x)):
        assert is_miss(f(item)), item
    exact = keyed(("a", "b"), how, (Check.TYPE_LEN, 0, dict, -1))
    assert is_miss(exact(moved))
    assert not is_miss(exact({"a": x, "b": x}))


@both
def test_a_dict_that_fails_to_iterate(how):
    class Broken(dict):
        def __iter__(self):
            raise ValueError("iterated")

    class Interrupted(dict):
        def __iter__(self):
            raise KeyboardInterrupt

    f = keyed(("a",), how)
    assert is_miss(f(Broken(a=np.ones(2))))
    with pytest.raises(KeyboardInterrupt):
        f(Interrupted(a=np.ones(2)))


@both
def test_equal_keys_that_differ_are_other_keys(how):
    for key, other in ((0.0, -0.0), (0.0, np.float64(0.0)), ((0.0, 1), (-0.0, 1))):
        f = keyed((key,), how)
        assert not is_miss(f({key: np.ones(2)}))
        assert is_miss(f({other: np.ones(2)}))


@both
def test_many_keys(how):
    keys = tuple(f"key {k}" for k in range(2000))
    f = keyed(keys, how)
    fine = {f"key {k}": np.ones(1) for k in range(2000)}
    assert not is_miss(f(fine))
    assert is_miss(f({**{"key 1999": fine["key 1999"]}, **fine}))


@both
def test_keys_that_are_no_tuple_are_no_plan(how):
    with pytest.raises(ValueError, match="check"):
        keyed(["a"], how)


@both
@pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.float16])
def test_equal_floats_have_the_same_bits(how, kind):
    for value in (0.0, -0.0, 1.5, float("nan"), float("inf")):
        f = make(plan(nargs=2, steps=((Step.ARG, 0), (Step.ARG, 1)), checks=((Check.EQUAL, 1, kind(value)),)), how=how)
        for other in (0.0, -0.0, 1.5, float("nan"), float("inf"), -1.5):
            assert is_miss(f(np.ones(2), kind(other))) == (repr(other) != repr(value))
        assert is_miss(f(np.ones(2), 1))


@both
def test_the_elements_of_a_set_and_their_order(how):
    steps = ((Step.ARG, 0), (Step.ARG, 1))
    for kind in (set, frozenset):
        f = make(plan(nargs=2, steps=steps, checks=((Check.KEYS, 1, tuple(kind([0, 8]))),)), how=how)
        for item in (kind([0, 8]), kind([8, 0]), kind([0]), kind([False, 8]), kind([0, 8, 1]), dict.fromkeys([0, 8])):
            assert is_miss(f(np.ones(2), item)) == (list(map(repr, item)) != list(map(repr, kind([0, 8]))))
        for item in ([0, 8], (0, 8), np.array([0, 8])):
            assert is_miss(f(np.ones(2), item))
