"""What a traced function changes outside of itself: an error where it may have read that, whatever keeps it."""

import collections
import contextlib
import contextvars
import decimal
import functools
import heapq
import io
import itertools
import logging
import multiprocessing
import operator
import os
import queue
import random
import weakref
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import graphc
from graphc.config import override

X = np.array([0.91, 0.35, 0.62])


class Model:
    log: ClassVar[list] = []

    def __init__(self):
        self.rate, self.done, self.items = 1.0, False, [1.0, 2.0, 3.0]

    def logged(self):
        self.log.append(1)
        return len(self.log)


class Numbers(list):
    def push(self):
        self.append(1.0)
        return len(self)


class Countdown:
    def __init__(self):
        self.left = 9

    def __next__(self):
        self.left -= 1
        return self.left


def remembering(seen=[]):  # noqa: B006
    seen.append(1)
    return len(seen)


def assigned(state):
    before = state.rate
    state.rate = 3.0
    return before


def by_another_name(state):
    other = state
    other.append(1)


def leave_through(log):
    with contextlib.ExitStack() as stack:
        stack.callback(log.append, 1)
    return len(log)


def registering():
    known = []

    class Part:
        def __init__(self):
            known.append(1)

    return lambda: Part() and len(known)


def by_two_names(state):
    state.one.append(1.0)
    return len(state.other)


def two_names():
    one = []
    return SimpleNamespace(one=one, other=one)


def written_and_asked(state):
    state.write("a line")
    return state.tell()


CHANGED = {  # what is outside, what the function does with it, and what the error calls that
    "a float that is read and assigned": (Model, assigned, r"changed state\.rate,"),
    "a list's last": (lambda: [1.0, 2.0], lambda state: state.pop(), r"changed state\[1\]"),
    "a list of an object": (Model, lambda state: state.items.pop(), r"changed state\.items\[2\]"),
    "a list that is counted": (list, lambda state: [state.append(1), len(state)][1], r"changed state\[0\]"),
    "a list by another name": (lambda: [0], by_another_name, r"changed state\[1\]"),
    "a list of two names": (two_names, by_two_names, r"changed state\.one\[0\]"),
    "a file's position": (functools.partial(open, os.devnull, "w"), written_and_asked, r"changed state,"),
    "a method of a list": (lambda: [1.0, 2.0].pop, lambda state: state(), r"changed state\.__self__\[1\]"),
    "a method of a class": (lambda: [1.0, 2.0], list.pop, r"changed state\[1\]"),
    "a heap": (lambda: [1.0, 2.0], heapq.heappop, r"changed state\[0\]"),
    "an operator": (lambda: [1.0], lambda state: operator.setitem(state, 0, 2.0), r"changed state\[0\]"),
    "a dict's last": (lambda: {"a": 1.0}, lambda state: state.popitem()[1], r"changed state\['a'\]"),
    "attributes as a dict": (Model, lambda state: vars(state).update(rate=2.0), r"changed state\.__dict__\['rate'\]"),
    "a list in a tuple": (lambda: ([0],), lambda state: state[0].append(1) or len(state[0]), r"state\[0\]\[1\]"),
    "a list of a class": (Model, lambda state: state.logged(), r"changed state\.log\[\d\]"),
    "a list of the user's kind": (Numbers, lambda state: state.push(), r"changed state\[0\]"),
    "a default": (lambda: remembering, lambda state: state(), r"changed remembering\.__defaults__\[0\]\[\d\]"),
    "what a partial holds": (lambda: functools.partial(list.pop, [1.0]), lambda state: state(), r"args\[0\]\[0\]"),
    "a callback": (list, lambda state: [list(map(state.append, [1])), len(state)][1], r"changed state\[0\]"),
    "a constructor": (registering, lambda state: state(), r"changed known\[0\]"),
    "text that is run": (lambda: {"n": 0}, lambda state: exec("n += 1", state), r"changed state\["),
    "an exit stack": (list, leave_through, r"changed state\[0\]"),
    "an iterator of the user's": (Countdown, next, r"changed state\.left,"),
    "an iterator's method": (lambda: itertools.count().__next__, lambda state: state(), r"state\.__self__ is a count"),
    "an iterator in a partial": (lambda: functools.partial(next, iter([1])), lambda state: state(), r"a list_iterator"),
    "an open file": (lambda: io.StringIO("1\n2\n"), lambda state: float(state.readline()), r"changed state,"),
    "a queue": (queue.SimpleQueue, lambda state: state.put(1), r"changed state,"),
    "a generator of numbers": (random.Random, lambda state: state.random(), r"changed state,"),
    "one in an object": (lambda: SimpleNamespace(r=random.Random()), lambda state: state.r.random(), r"state\.r,"),
    "weak references": (weakref.WeakSet, lambda state: state.add(Model), r"changed state\.data\["),
    "a polynomial": (lambda: np.poly1d([1.0, 2.0]), lambda state: operator.setitem(state.coeffs, 0, 3), r"\.coeffs"),
    "NumPy's settings": (lambda: "ignore", lambda state: np.seterr(over=state), r"changed np\.geterr\(\)"),
    "decimal's settings": (decimal.getcontext, lambda state: setattr(state, "prec", state.prec + 1), r"state\.prec,"),
    "a context variable": (lambda: contextvars.ContextVar("c"), lambda state: state.set(object()), r"changed state,"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "use", "says"), CHANGED.values(), ids=CHANGED)
def test_what_is_changed_and_read_is_refused(make, use, says):
    state = make()

    def f(x):
        used = use(state)
        return x.sum() if used is None else x.sum() * 2.0

    with np.errstate(), decimal.localcontext(), pytest.raises(graphc.SideEffectError, match=says):
        graphc.grad(f)(X)


def default_of_a_key(state):
    return state.rates["late"] + 1.0


def label_of_a_table(state):
    return state["b"] + state.index.get_loc("b") + state.to_frame().at["b", 0]


def counted_by_a_bar(state):
    total = 0.0
    for k in state(range(5), file=io.StringIO()):
        total += k
    return total


class Drawn:
    """Its state is a new one each time it is asked for, as that of matplotlib's callbacks."""

    __module__ = "matplotlib.cbook"  # a library's

    def __init__(self):
        self.asked = itertools.count()

    def __getstate__(self):
        return {"asked": next(self.asked)}

    def get_width(self):
        return 2.0


Drawn.__getstate__.__module__ = Drawn.__module__

UNCHANGED = {  # what the function does that is no change which it could notice
    "the default of a key": (lambda: SimpleNamespace(rates=collections.defaultdict(float)), default_of_a_key),
    "what a table remembers": (lambda: pytest.importorskip("pandas").Series([1.0, 2.0], ["a", "b"]), label_of_a_table),
    "a state that is new each time": (Drawn, lambda state: state.get_width()),
    "a lock of processes": (multiprocessing.Lock, lambda state: [state.acquire(), state.release(), 1.0][2]),
    "a bar": (lambda: pytest.importorskip("tqdm").tqdm, counted_by_a_bar),
    "a log": (functools.partial(open, os.devnull, "w"), lambda state: [state.write("a line"), 2.0][1]),
    "a list that is only added to": (lambda: [].append, lambda state: [state(1), 2.0][1]),
    "observers": (lambda: [[].append, [].append], lambda state: [[each(1) for each in state], 2.0][1]),
}


@pytest.mark.parametrize(("make", "use"), UNCHANGED.values(), ids=UNCHANGED)
def test_what_is_not_changed_is_taken(make, use):
    state, expected = make(), use(make())
    g = graphc.value_and_grad(lambda x: x.sum() * use(state))
    with override(disable_jit=True):
        for _ in range(2):
            assert g(X)[0] == pytest.approx(X.sum() * expected)


def test_the_error_says_where_it_was_stored():
    seen = []

    def f(x):
        seen.append(1)  # here
        return x.sum() * len(seen)

    with pytest.raises(graphc.SideEffectError) as caught:
        graphc.grad(f)(X)
    assert caught.value.location.line == f.__code__.co_firstlineno + 1


class Lazy:
    def __init__(self):
        self.base = 2.0

    @functools.cached_property
    def twice(self):
        return 2.0 * self.base


def test_what_is_stored_and_not_read_happens_once_a_trace():
    """So do caches that are there to be filled, and logging."""
    lazy, model, log = Lazy(), Model(), logging.getLogger(__name__)
    scale = functools.lru_cache(lambda k: k + 1.0)

    def f(x):
        model.done = True
        model.items.append("traced")
        log.debug("called")
        return x.sum() * lazy.twice * scale(2)

    g = graphc.value_and_grad(f)
    with override(disable_jit=True):
        assert [g(X)[0] for _ in range(2)] == pytest.approx([12.0 * X.sum()] * 2)
    assert model.done
    assert model.items[3:] == ["traced"]


# --- what may change between two calls --------------------------------------------------------------------------------


class Doubled(dict):
    def __getitem__(self, key):
        return 2.0 * dict.__getitem__(self, key)

    def get(self, key):
        return 3.0 * super().get(key)


def set_rate(state):
    next(iter(state)).rate += 1


READ = {  # what is outside, what the function reads of it, what changes it between two calls
    "a method of a dict": (lambda: {"a": 1.0}, lambda state: state.get, lambda get: get("a")),
    "a partial of one": (lambda: {"a": 1.0}, lambda state: functools.partial(state.get, "a"), lambda get: get()),
    "a method of an array": (lambda: {"a": np.ones(2)}, lambda state: state["a"].sum, lambda total: total()),
    "a method of a length": (lambda: {"a": 1.0}, lambda state: state.__len__, lambda size: size()),
    "a dict of the user's": (lambda: Doubled(a=1.0), lambda state: state, lambda state: state["a"] + state.get("a")),
    "a method of a class": (lambda: {"a": 1.0}, lambda state: state, lambda state: dict.get(state, "a")),
    "names of an object": (lambda: {"a": 1.0}, lambda state: SimpleNamespace(**state), lambda space: len(dir(space))),
}  # fmt: skip


@pytest.mark.parametrize(("make", "shown", "read"), READ.values(), ids=READ)
def test_what_is_read_through_another_object_is_read_again(make, shown, read):
    state = make()
    outside = shown(state)
    g = graphc.value_and_grad(lambda x: x.sum() * read(outside))
    with override(disable_jit=True):
        for value in (1.0, 5.0):
            state["a"] = value if not isinstance(state["a"], np.ndarray) else state["a"]
            if isinstance(state["a"], np.ndarray):
                state["a"][:] = value
            state.setdefault(f"b{value}", 0.0)
            if isinstance(outside, SimpleNamespace):
                vars(outside).update(state)
            assert g(X)[0] == pytest.approx(X.sum() * read(outside))


@pytest.mark.parametrize("kind", [set, frozenset, dict.fromkeys])
def test_objects_in_sets_and_as_keys(kind):
    model = Model()
    state = kind([model])
    g = graphc.value_and_grad(lambda x: x.sum() * sum(part.rate for part in state))
    with override(disable_jit=True):
        for model.rate in (1.0, 5.0):
            assert g(X)[0] == pytest.approx(X.sum() * model.rate)
    assert g.cache_info()["programs"] == 1


def test_what_an_object_does_not_have():
    class Plain:
        pass

    plain = Plain()
    g = graphc.value_and_grad(lambda x: x.sum() * (2.0 if hasattr(plain, "twice") else 1.0))
    with override(disable_jit=True):
        assert g(X)[0] == X.sum()
        Plain.twice = True
        assert g(X)[0] == 2.0 * X.sum()


def test_an_open_file_is_asked_again():
    file = io.StringIO()
    g = graphc.value_and_grad(lambda x: x.sum() * file.tell() * len(file.getvalue()))
    with override(disable_jit=True):
        for text in ("a", "bc"):
            file.write(text)
            assert g(X)[0] == pytest.approx(X.sum() * file.tell() ** 2)


def test_views_of_a_dict_are_refused():
    values = collections.OrderedDict(a=1.0).values()
    with pytest.raises(graphc.TraceTypeError, match="values is a odict_values, which may change unseen"):
        graphc.grad(lambda x: x.sum() * sum(values))(X)


def set_back(state):
    state.rate, before = 5.0, state.rate
    state.rate = 1.0
    return before


def turned_around(state):
    state.items.reverse()
    first = state.items[0]
    state.items.reverse()
    return first


@pytest.mark.parametrize("use", [set_back, turned_around])
def test_what_is_as_it_was_in_the_end_was_changed_still(use):
    """A loop would do it once an iteration, and another call with another value to begin with."""
    state = Model()
    with pytest.raises(graphc.SideEffectError, match=r"changed state\.(rate|items)"):
        graphc.grad(lambda x: x.sum() * use(state))(X)


def stores_in_a_branch(x):
    if x[0] > 100.0:
        MODEL.done = True
    return x.sum()


def stores_in_a_loop(x):
    s = 0.0
    for value in range(9):
        s += x[0] * value
        MODEL.items.append("again")
    return s


MODEL = Model()


@pytest.mark.parametrize("f", [stores_in_a_branch, stores_in_a_loop])
def test_a_store_that_a_loop_or_branch_would_repeat_or_leave_out_is_refused(f):
    with pytest.raises(graphc.SideEffectError, match="in a loop or branch of the compiled program"):
        graphc.grad(f)(X)
