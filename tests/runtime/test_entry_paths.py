"""What the entry reads by access paths: cells, attributes, dict items, and the user's code that may run on the way."""

from __future__ import annotations

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
