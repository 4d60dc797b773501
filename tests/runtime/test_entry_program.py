"""``bind`` and ``run_program``: the program below trees and paths; and drivers compiled by Numba and LLVM."""

from __future__ import annotations

import numpy as np
import pytest
from entry_support import F8, Driver, array_leaf, both, const, is_miss, make, missed, plan, symbol, view

from graphc.abi import Build, Code, InputLeaf, LeafKind, OutputLeaf, Relation, Step
from graphc.runtime import entry
from graphc.runtime.workspace import Workspace


def test_bind():
    n, m = symbol(0), symbol(1)
    p = plan(
        inputs=(array_leaf(0, 0, 1), InputLeaf(0, LeafKind.INT, "<i8", 0, ((-1, 2),))),
        nsymbols=4,
        guards=((Relation.GE, (*n, *m, *const(-1), Code.MUL, Code.ADD)),),
    )
    assert entry.bind(p, [np.zeros((5, 3)), 7]) == (5, 3, 7, 0)
    assert entry.bind(p, [np.zeros((3, 5)), 7]) is None
    assert entry.bind(p, [np.zeros((5, 3)), 7.0]) is None
    assert entry.bind(p, [np.zeros((5, 3)).T, 7]) is None


def test_run_program():
    p = plan(inputs=(array_leaf(0, 0), InputLeaf(0, LeafKind.SCALAR, "<f4", 0)), outputs=(OutputLeaf("<f4", ()),) * 2)

    def body(call):
        view(call.args[2], (), "f4")[...] = view(call.args[0], (3,)).sum()
        view(call.args[3], (), "f4")[...] = view(call.args[1], (), "f4")

    driver = Driver(p, body)
    total, copied = entry.run_program(p, driver.address, 0, [np.arange(3.0), np.float32(1.5)], (3,))
    assert (total, copied) == (3, 1.5)
    assert type(total) is type(copied) is np.float32


def test_run_program_status():
    p = plan()
    driver = Driver(p, lambda call: 4)
    with pytest.raises(entry.ProgramError, match="status 4"):
        entry.run_program(p, driver.address, 0, [np.zeros(3)], (3,))

    def on_status(status, symbols):
        raise ZeroDivisionError(status, symbols)

    with pytest.raises(ZeroDivisionError) as caught:
        entry.run_program(p, driver.address, 0, [np.zeros(3)], (3,), on_status=on_status)
    assert caught.value.args == (4, (3,))


def test_run_program_keeps_a_workspace():
    seen = []
    p = plan(arena_bytes=(*symbol(0), *const(100), Code.MUL))
    driver = Driver(p, lambda call: seen.append(call.arena))
    workspace = Workspace()
    for n in (5, 3, 5):
        entry.run_program(p, driver.address, 0, [np.zeros(n)], (n,), workspace=workspace)
    assert len(set(seen)) == 1
    assert seen[0] % 64 == 0


def positive_plan():
    """x[x > 0] and its count, which the driver finds out: symbol 1."""
    n, count = symbol(0), symbol(1)
    return plan(
        nsymbols=2,
        outputs=(
            OutputLeaf(F8, (count,), capacity=n),
            OutputLeaf(F8, (const(2), count), capacity=(*const(2), *n, Code.MUL)),
        ),
        result=((Build.LEAF, 0), (Build.LEAF, 1), (Build.TUPLE, 2)),
    )


def keep_positive(call):
    x = view(call.args[0], (int(call.symbols[0]),))
    kept = x[x > 0]
    call.symbols[1] = kept.size
    view(call.args[1], kept.shape)[:] = kept
    view(call.args[2], (2, kept.size))[:] = kept, -kept


def test_outputs_whose_size_the_driver_finds_out():
    p = positive_plan()
    f = make(p, keep_positive)
    for x in (np.array([1.0, -2.0, 3.0, -4.0]), -np.ones(3), np.zeros(0)):
        kept, both_signs = f(x)
        np.testing.assert_array_equal(kept, x[x > 0])
        np.testing.assert_array_equal(both_signs, [x[x > 0], -x[x > 0]])
        assert kept.base is None
        assert kept.flags.owndata
    with pytest.raises(ValueError, match="no native entry"):
        entry.native_entry(p, 0, 0, missed, missed, None)


@both
def test_a_driver_compiled_by_numba(how):
    numba = pytest.importorskip("numba")
    types = numba.types
    words = types.CPointer(types.int64)

    @numba.extending.intrinsic
    def as_doubles(context, address):
        def generate(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

        return types.CPointer(types.float64)(types.int64), generate

    @numba.njit(
        types.int64(words, words, types.int64, words), _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )
    def driver(args, symbols, arena, table):
        n = symbols[0]
        x, out, scratch = as_doubles(args[0]), as_doubles(args[1]), as_doubles(arena)
        for i in range(n):
            scratch[i] = x[i] * x[i]
        for i in range(n):
            if scratch[i] > 100.0:
                return i + 1
            out[i] = scratch[i] + table[0]
        return 0

    overload = driver.overloads[driver.signatures[0]]
    address = overload.library.get_pointer_to_function(overload.fndesc.llvm_func_name)
    table = np.array([5], np.int64)
    p = plan(arena_bytes=(*symbol(0), *const(8), Code.MUL), work=(*symbol(0), *const(100), Code.MUL))

    def on_status(status, symbols):
        raise ArithmeticError(status, symbols)

    f = how(p, address, table.ctypes.data, missed, on_status, (driver, table))
    for n in (0, 3, 1000):
        x = np.linspace(-1, 1, n)
        np.testing.assert_allclose(f(x), x * x + 5, rtol=1e-15)
    with pytest.raises(ArithmeticError) as caught:
        f(np.array([1.0, 20.0, 3.0]))
    assert caught.value.args == (2, (3,))


def test_a_plan_that_contradicts_itself():
    outputs = (OutputLeaf(F8, (symbol(0),)),)
    wrong = [
        {"steps": ((Step.ARG, 1),)},
        {"steps": ((Step.SEQ_ITEM, 0, 0),)},
        {"steps": ((Step.ARG, 0), (Step.SEQ_ITEM, 0, -1))},
        {"steps": ((17, 0),)},
        {"checks": ((0, 3, None),)},
        {"checks": ((1, 0, dict, 2, 3),)},
        {"checks": ((1, 0, set, 2),)},
        {"inputs": (array_leaf(1, 0),)},
        {"inputs": (array_leaf(0, 1),)},
        {"inputs": (array_leaf(0, 0, dtype="O"),)},
        {"inputs": (array_leaf(0, 0, dtype="M8[s]"),)},
        {"inputs": (array_leaf(0, 0, checks=((1, const(2)),)),)},
        {"guards": ((0, ()),)},
        {"guards": ((0, (Code.CONST,)),)},
        {"guards": ((0, (Code.ADD,)),)},
        {"guards": ((0, (*const(1), *const(2))),)},
        {"guards": ((0, symbol(1)),)},
        {"guards": ((9, const(1)),)},
        {"guards": ((0, const(2**63)),)},
        {"guards": ((0, const(1) * 40 + (Code.ADD,) * 39),)},
        {"outputs": (OutputLeaf(F8, (symbol(1),)),)},
        {"outputs": (OutputLeaf(F8, (symbol(1),)),), "nsymbols": 2},
        {"outputs": (OutputLeaf(F8, (symbol(1),), capacity=symbol(1)),), "nsymbols": 2},
        {"arena_bytes": symbol(1), "nsymbols": 2},
        {"outputs": (OutputLeaf("<g", ()),)},
        {"result": ()},
        {"result": ((Build.LEAF, 1),)},
        {"result": ((Build.LEAF, 0), (Build.LEAF, 0))},
        {"result": ((Build.TUPLE, 1),)},
        {"result": ((Build.LEAF, 0), (Build.TUPLE, -1))},
        {"result": ((Build.LEAF, 0), (Build.LEAF, 0), (Build.DICT, ("a", "a")))},
    ]
    for fields in wrong:
        with pytest.raises(ValueError, match="entry plan"):
            make(plan(**{"outputs": outputs, **fields}))


def test_native_code_refuses_what_it_cannot_know(monkeypatch):
    monkeypatch.setattr(entry.object_layout, "KNOWN", False)
    f = make(plan())
    np.testing.assert_array_equal(f(np.ones(3)), 2 * np.ones(3))
    assert is_miss(f(None))
    assert type(f) is not type(len)
    with pytest.raises(ValueError, match="no native entry"):
        make(plan(), how=entry.native_entry)
