"""Compiled functions in threads, in other processes, pickled; and what importing graphc costs."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import graphc
from graphc.config import override

X = np.arange(1.0, 5.0)


@graphc.value_and_grad
def decorated(x):
    return (x**2).sum()


def plain(x):
    return (x**3).sum()


def in_child(x):
    return decorated(x), graphc.grad(plain)(x)


def test_pickling():
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    copy = pickle.loads(pickle.dumps(graphc.grad(plain, argnums=(0,), has_aux=False)))
    np.testing.assert_array_equal(copy(X)[0], 3 * X**2)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(graphc.grad(lambda x: x))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    decorated(X)
    with multiprocessing.get_context(method).Pool(1) as pool:
        (value, gradient), cubic = pool.apply(in_child, (X,))
    assert value == 30.0
    np.testing.assert_array_equal(gradient, 2 * X)
    np.testing.assert_array_equal(cubic, 3 * X**2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_while_another_thread_holds_the_lock():
    function = graphc.grad(plain)
    holding, finish = threading.Event(), threading.Event()

    def hold():
        with function._lock:
            holding.set()
            finish.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if (function(X) == 3 * X**2).all() else 1)
    finish.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


def test_threads_trace_one_function_at_once():
    traced = []

    def f(x, y):
        traced.append(1)
        return (np.sin(x) * y).sum()

    g = graphc.grad(f, argnums=(0, 1))
    results: dict[int, bool] = {}
    start = threading.Barrier(4)

    def work(k):
        start.wait()
        right = True
        for n in (3, 4, 5):
            x = np.arange(float(n)) + k
            for _ in range(20):
                dx, dy = g(x, x * 2)
                right &= bool(np.allclose(dx, np.cos(x) * x * 2) and np.allclose(dy, np.sin(x)))
        results[k] = right

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(4), True)
    assert len(traced) == 1


def test_a_trace_in_one_thread_does_not_disturb_another():
    """The threads wait for each other by pipes: to set an event would be a change outside of the traced function."""
    is_inside, inside = os.pipe()
    may_finish, finish = os.pipe()
    function = graphc.grad(plain)
    expected, found = function(X), []

    def slow(x):
        os.write(inside, b".")
        os.read(may_finish, 1)
        return x.sum()

    thread = threading.Thread(target=lambda: found.append(graphc.grad(slow)(X)))
    thread.start()
    os.read(is_inside, 1)
    result = function(X)
    os.write(finish, b"....")
    thread.join()
    for end in (is_inside, inside, may_finish, finish):
        os.close(end)
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(found, [np.ones_like(X)])


def test_settings_are_looked_at_after_they_change():
    f = graphc.jit(lambda x: (type(x).__name__ == "ndarray", x.sum())[1])
    g = graphc.grad(plain)
    for disabled in (False, True, False):
        with override(disable_jit=disabled):
            assert f(X) == 10.0
            np.testing.assert_array_equal(g(X), 3 * X**2)
            assert ("GRAPHC_DISABLE_JIT" in g.source()) == disabled


def test_an_error_in_the_users_function_leaves_nothing_behind():
    def f(x, fail):
        if fail:
            raise KeyError("mine")
        return x.sum()

    g = graphc.grad(f)
    with pytest.raises(KeyError, match="mine"):
        g(X, True)
    assert graphc.trace.session.current() is None
    assert not graphc.trace.session.traces_running
    np.testing.assert_array_equal(g(X, False), np.ones(4))


def test_importing_graphc_imports_neither_numba_nor_scipy():
    code = (
        "import sys, graphc\n"
        "f = graphc.grad(lambda x: x)\n"
        "found = [m for m in ('numba', 'llvmlite', 'scipy', 'torch', 'jax') if m in sys.modules]\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_program_does_not_keep_the_arrays_of_its_first_call():
    outside = {"w": np.ones(4)}
    model = Model()

    def f(p, model):
        return (p["x"] * outside["w"] * model.w).sum() + p["more"][0].sum()

    g = graphc.value_and_grad(f)
    p = {"x": np.ones(4), "more": (np.ones((2, 2)),)}
    g(p, model)
    alive = [weakref.ref(a) for a in (p["x"], p["more"][0], outside["w"], model.w, model)]
    del p, model
    outside["w"] = np.zeros(4)
    gc.collect()
    assert [ref() is None for ref in alive] == [True] * 5
    assert g({"x": np.ones(4), "more": (np.ones((2, 2)),)}, Model())[0] == 4.0


class Model:
    def __init__(self):
        self.w = np.ones(4)


def test_dump(capsys):
    with override(dump=("traced", "marked", "joint_vjp", "final"), disable_jit=True):
        graphc.grad(plain)(X)
    printed = capsys.readouterr().err
    for stage in ("traced", "marked", "joint_vjp", "final"):
        assert f"--- {stage}\ngraph plain(" in printed
