"""References, memory and threads: nothing leaks, nothing is freed too early, and calls do not share an arena."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest
from entry_support import F8, Driver, array_leaf, both, const, double, is_miss, make, missed, plan, symbol, view

from graphc.abi import Build, Check, Code, InputLeaf, LeafKind, OutputLeaf, Step
from graphc.runtime import entry, native

CALLS = 10_000


class Box:
    pass


def busy_plan(box, interned):
    """One of everything that counts references."""
    n = symbol(0)
    return plan(
        nargs=2,
        steps=(
            (Step.ARG, 0),
            (Step.DICT_ITEM, 0, "w"),
            (Step.CONST, box),
            (Step.ATTR, 2, "items"),
            (Step.SEQ_ITEM, 3, 1),
            (Step.ARG, 1),
        ),
        checks=((Check.TYPE_LEN, 0, dict, 1), (Check.EQUAL, 4, interned), (Check.IS, 2, box)),
        inputs=(array_leaf(1, 0), InputLeaf(5, LeafKind.FLOAT, F8, 0)),
        outputs=(OutputLeaf(F8, (n,)), OutputLeaf(F8, ()), OutputLeaf("<f4", (n, const(2)))),
        result=(
            *((Build.LEAF, k) for k in (0, 1, 2, 0)),
            (Build.LIST, 2),
            (Build.NONE,),
            (Build.DICT, ("v", "pair", "none")),
            (Build.CALL, lambda *values: values, 2),
            (Build.TUPLE, 1),
        ),
        arena_bytes=(*n, *const(64), Code.MUL),
        guards=((2, (*n, *const(-2), Code.ADD)),),
    )


def quiet_driver(p):
    """A driver that does nothing, in C: Python callbacks would count references of their own."""
    text = "define i32 @entry_test_quiet(ptr %r, ptr %e, ptr %a, ptr %s, i64 %arena, ptr %t) { ret i32 0 }"
    driver = Driver(p, double)
    driver.address = native.load_object(native.compile_module(text), ["entry_test_quiet"])["entry_test_quiet"]
    return driver


def memory_growth(call):
    """Bytes a call that the second half of many calls left behind: a leaked object would be 16 at least."""
    for _ in range(100):
        call()
    gc.collect()
    tracemalloc.start()
    for _ in range(CALLS // 2):
        call()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(CALLS // 2):
        call()
    gc.collect()
    growth = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return growth / (CALLS // 2)


@both
def test_hits_and_misses_keep_reference_counts(how):
    box, key = Box(), "".join(["some", " text"])
    box.items = [None, "some text"]
    p = busy_plan(box, key)
    f = make(p, driver=quiet_driver(p), fallback=lambda *args: None, how=how)
    w, scale = np.zeros(4), 1.5e300
    arguments = {"w": w}
    watched = [w, scale, arguments, box, key, box.items, box.items[1], np.dtype("f8"), np.dtype("f4"), None, np.ndarray]
    wrong_calls = [({"w": np.zeros(1)}, scale), (arguments, 1), ({"x": w}, scale), (None, scale), (arguments,)]

    def every_call():
        result = f(arguments, scale)
        assert type(result[0][0]) is np.ndarray
        for wrong in wrong_calls:
            assert f(*wrong) is None

    every_call()
    before = [sys.getrefcount(item) for item in watched]
    for _ in range(CALLS // 10):
        every_call()
    after = [sys.getrefcount(item) for item in watched]
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) < 20
    if how is entry.native_entry:  # the Python entry counts no references itself
        assert memory_growth(lambda: f(arguments, scale)) < 8


@both
def test_failures_keep_reference_counts(how):
    def refuse(*values):
        raise LookupError

    def failing_status(status, symbols):
        raise ArithmeticError

    failing = make(plan(), lambda call: 3, on_status=failing_status, how=how)
    unbuildable = make(plan(result=((Build.LEAF, 0), (Build.NONE,), (Build.CALL, refuse, 2))), how=how)
    too_large = make(plan(outputs=(OutputLeaf(F8, (symbol(0),)), OutputLeaf(F8, (const(2**60),)))), how=how)
    x = np.zeros(3)

    def every_call():
        for f, error in (
            (failing, ArithmeticError),
            (unbuildable, LookupError),
            (too_large, (MemoryError, ValueError)),
        ):
            with pytest.raises(error):
                f(x)

    every_call()
    gc.collect()  # what other tests left
    before = sys.getrefcount(x), sys.getrefcount(np.dtype("f8"))
    for _ in range(200):
        every_call()
    gc.collect()
    assert abs(sys.getrefcount(x) - before[0]) < 5
    assert abs(sys.getrefcount(np.dtype("f8")) - before[1]) < 20


@both
def test_an_entry_dies_with_what_it_keeps_alive(how):
    kept, fallback = Box(), lambda *args: None
    p = plan()
    driver = Driver(p, double)
    f = how(p, driver.address, 0, fallback, missed, kept)
    f(np.zeros(3))
    watched = [weakref.ref(kept), weakref.ref(fallback)]
    del kept, fallback
    assert all(ref() is not None for ref in watched)
    del f
    gc.collect()
    assert all(ref() is None for ref in watched)


@both
def test_a_cycle_through_the_fallback_is_collected(how):
    program = Box()

    program.itself = lambda *args, held=program: held
    program.entry = make(plan(), fallback=program.itself, how=how)
    assert program.entry() is program
    watched = weakref.ref(program)
    del program
    gc.collect()
    assert watched() is None


@both
def test_inputs_outlive_their_containers_during_a_call(how):
    """The driver drops the only other reference to its input, as another thread might."""
    holder = {"w": np.arange(4.0)}
    p = plan(steps=((Step.ARG, 0), (Step.DICT_ITEM, 0, "w")), inputs=(array_leaf(1, 0),))

    def body(call):
        del holder["w"]
        gc.collect()
        filler = [np.full(4, -1.0) for _ in range(100)]
        double(call)
        del filler

    np.testing.assert_array_equal(make(p, body, how=how)(holder), 2 * np.arange(4.0))


@both
def test_a_call_within_a_call_has_its_own_arena(how):
    seen = []
    p = plan(arena_bytes=(*symbol(0), *const(8), Code.MUL))

    def body(call):
        n = int(call.symbols[0])
        seen.append(call.arena)
        view(call.arena, (n,))[:] = n
        if n > 1:
            np.testing.assert_array_equal(f(np.ones(n - 1)), 2 * np.ones(n - 1))
        assert (view(call.arena, (n,)) == n).all()
        double(call)

    f = make(p, body, how=how)
    np.testing.assert_array_equal(f(np.ones(5)), 2 * np.ones(5))
    assert len(set(seen)) == 5
    assert all(arena % 64 == 0 for arena in seen)
    f(np.ones(1))
    assert seen[-1] == seen[0], "the kept workspace is free again"


@both
@pytest.mark.parametrize("work", [0, 10**9])
def test_threads(how, work):
    """Threads that meet inside the driver use arenas of their own and get their own results."""
    p = plan(arena_bytes=(*symbol(0), *const(8), Code.MUL), work=const(work))
    meeting = threading.Barrier(2, timeout=20)
    arenas, failures = [], []

    def body(call):
        n = int(call.symbols[0])
        scratch = view(call.arena, (n,))
        scratch[:] = 2 * view(call.args[0], (n,))
        arenas.append(call.arena)
        meeting.wait()
        view(call.args[1], (n,))[:] = scratch

    f = make(p, body, how=how)

    def use(seed):
        random = np.random.default_rng(seed)
        for _ in range(20):
            x = random.random(50 + seed)
            if not np.array_equal(f(x), 2 * x):
                failures.append(seed)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert len(arenas) == 40
    assert all(first != second for first, second in zip(arenas[::2], arenas[1::2], strict=True))


def test_the_fallback_of_an_entry_can_be_another_entry():
    second = make(plan(inputs=(array_leaf(0, 0, dtype="<f4"),)), lambda call: None)
    first = make(plan(), fallback=second)
    assert first(np.zeros(3, "f4")).dtype == np.float64
    assert is_miss(first(np.zeros(3, "f2")))
