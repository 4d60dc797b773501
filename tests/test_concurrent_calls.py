"""One compiled function called by several threads at once: right answers, each call with memory of its own."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

import graphc
from graphc.config import override, settings

ROUNDS = 15


def cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(log_sum - np.take_along_axis(shifted, labels[:, None], axis=1)[:, 0])


def hidden(w, x):
    """Needs an arena: two products of matrices, the first of which is kept for the gradient."""
    return np.sum(np.tanh(np.tanh(x @ w) @ w) ** 2)


@pytest.fixture
def often_switched():
    """Threads take turns a thousand times more often than they do by themselves."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def run_together(work, count):
    """Run ``work(k)`` in that many threads at once. Raises the first error of any."""
    start, errors = threading.Barrier(count), []

    def body(k):
        try:
            start.wait(30)
            work(k)
        except BaseException as error:  # noqa: BLE001  it is raised below, in the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=body, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


def matrices(k, size=60):
    random = np.random.default_rng(k)
    return random.normal(size=(size, size)) / 8, random.normal(size=(size + k, size))


def expected_gradient(w, x):
    first = np.tanh(x @ w)
    second = np.tanh(first @ w)
    d_second = 2 * second * (1 - second**2)
    d_first = (d_second @ w.T) * (1 - first**2)
    return first.T @ d_second + x.T @ d_first


@pytest.mark.usefixtures("often_switched")
@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize("pool", [1, 2])
def test_each_thread_gets_its_own_answer(count, pool):
    f = graphc.grad(hidden)

    def work(k):
        w, x = matrices(k)
        right, out = expected_gradient(w, x), np.zeros_like(w)
        for turn in range(ROUNDS):
            if turn % 2:
                np.testing.assert_allclose(f(w, x), right, rtol=1e-9, atol=1e-12)
            else:
                f(w, x, out=out)
                np.testing.assert_allclose(out, right, rtol=1e-9, atol=1e-12)

    with override(num_threads=pool):
        f(*matrices(0))
        run_together(work, count)


@pytest.mark.usefixtures("often_switched")
def test_errors_in_one_thread_and_compiling_in_another():
    """One thread's calls fail, one traces and compiles, one gives what does not fit, five just call."""
    f = graphc.grad(cross_entropy)
    random = np.random.default_rng(0)
    logits = [random.normal(size=(300 + k, 40)) for k in range(8)]
    labels = [random.integers(0, 40, size=300 + k) for k in range(8)]
    right = [f(x, y) for x, y in zip(logits, labels, strict=True)]

    def work(k):
        for turn in range(ROUNDS):
            if k == 0:
                wrong = labels[k].copy()
                wrong[turn] = 40
                with pytest.raises(IndexError):
                    f(logits[k], wrong)
            elif k == 1:
                shape = (turn + 2, 3)
                single = f(
                    np.ones(shape, np.float32 if turn % 2 else float),
                    np.zeros(turn + 2, (int, np.int32)[turn % 3 == 0]),
                )
                np.testing.assert_allclose(single.sum(axis=1), 0, atol=1e-6)
            elif k == 2:
                with pytest.raises(graphc.OutputError):
                    f(logits[k], labels[k], out=np.zeros(3))
            else:
                np.testing.assert_allclose(f(logits[k], labels[k]), right[k], rtol=1e-12)

    run_together(work, 8)


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
def test_threads_that_write_into_one_array_do_not_disturb_others():
    """What the user gives is the user's care; what graphc keeps is not shared."""
    f = graphc.grad(hidden)
    shared = np.zeros((60, 60))
    rights = [expected_gradient(*matrices(k)) for k in range(4)]

    def work(k):
        w, x = matrices(k)
        for _ in range(ROUNDS):
            if k < 2:
                f(w, x, out=shared)
            else:
                np.testing.assert_allclose(f(w, x), rights[k], rtol=1e-9, atol=1e-12)

    f(*matrices(0))
    run_together(work, 4)
