"""No two threads meet in memory without a barrier between them, in any schedule."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.codegen.cuda_chores import whole_kernel
from graphc.config import override, settings
from tests.control.corpus import PROGRAMS as CORPUS
from tests.cuda.programs import LABELS, PROGRAMS, best_of_each, columns, cross_entropy, running
from tests.cuda.racecheck import RaceChecker, race_checker
from tests.nightly import NIGHTLY

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")


def races(text):
    """Of a kernel over 64 numbers, by two blocks of four threads."""
    checker, memory = RaceChecker(), np.zeros(64)
    kernel = whole_kernel("raced", f"def NAME(b0, count):\n{text}", ["f64"], 0, "rows")
    checker._run(checker._function(kernel), 2, 4, (memory.ctypes.data, 64), 64)
    return checker.races


HANDED_ON = """
    thread = thread_index()
    start = block_index() * 8
    b0[start + thread] = 1.0
    {}
    b0[start + 4 + thread] = b0[start + (thread + 1) % 4]
"""


def test_planted_races_are_found():
    assert not races(HANDED_ON.format("barrier()"))
    assert "meet" in races(HANDED_ON.format("start = start + 0"))[0]
    in_step = races(HANDED_ON.format("moved = shuffle_down_f64(b0[0 * thread + 60], 1)"))  # is no barrier
    assert "threads [(0, 1), (3, 0)] meet" in in_step[0]
    apart = "    thread = thread_index()\n    b0[thread] = 2.0\n"
    assert "blocks meet" in races(apart)[0]
    assert not races("    atomic_add_f64(b0, 0, 1.0)\n")
    shared = "    thread = thread_index()\n    m = shared_f64()\n    m[0] = 1.0\n    b0[0 * thread + 1] = m[0]\n"
    assert any("meet" in race for race in races(shared))


def check(function, arguments, near=None):
    with override(cuda_emulator=True), race_checker() as checker:
        checker.near = checker.near if near is None else near
        graphc.value_and_grad(function, target="cuda")(*arguments)
    assert checker.checked
    assert not checker.races, checker.races[:3]


def norm(x, scale):
    centred = x - np.mean(x, axis=1, keepdims=True)
    return np.sum(np.exp(centred / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5) * scale))


def pairs(x):
    apart = x[:, None, :] - x[None, :, :]
    return np.sum(1 / np.sqrt(np.sum(apart * apart, axis=2) + 0.1))


LONG = np.random.default_rng(3).normal(size=(9, 70))  # rows that the threads of a block share
ALL = PROGRAMS | {
    "long rows": (cross_entropy, (LONG, LABELS[:9])), "norm": (norm, (LONG, LONG[0])), "sums": (columns, (LONG,)),
    "lanes of pairs": (pairs, (LONG[:, :3],)), "best of long": (best_of_each, (LONG,)),
    "running": (running, (LONG[:4],)), "alone": (np.max, (LONG.ravel(),)),
}  # fmt: skip


@pytest.mark.parametrize("near", [None, 0] if NIGHTLY else [None], ids=["near", "far"] if NIGHTLY else ["near"])
@pytest.mark.parametrize("name", ALL if NIGHTLY else ["long rows"])
def test_programs(name, near):
    """With what phases keep for each other near to a block, and in the device's memory."""
    check(*ALL[name], near=near)


@pytest.mark.skipif(not NIGHTLY, reason="the whole corpus: TEST_PROGRAMS=2000")
@pytest.mark.parametrize("name", CORPUS)
def test_corpus(name):
    check(*CORPUS[name])
