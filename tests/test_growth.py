"""A compiled function that is called ten thousand times takes no more memory than one called a few times."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np
import pytest

import graphc
from graphc.config import settings

CALLS = 10_000
STATM = Path("/proc/self/statm")
PAGE = 4096
X = np.arange(1.0, 5.0)
PARAMETERS = {f"w{k}": np.full(3, float(k)) for k in range(8)}

square = graphc.value_and_grad(lambda x: np.sum(x**2))
many = graphc.grad(lambda p: sum(np.sum(v * v) for v in p.values()))
named = graphc.grad(lambda x, *, scale: scale * np.sum(x**2))
item = graphc.jit(lambda x, i: x[i])
large = graphc.grad(lambda x: np.sum(np.exp(x - np.max(x, axis=1, keepdims=True)) ** 2))
updated = graphc.jit(np.tanh)
value, pullback = graphc.vjp(lambda x: x * x, X)


class Model:
    def __init__(self):
        self.scale = 2.0

    @graphc.grad
    def loss(self, x):
        return self.scale * np.sum(x**2)


MODEL = Model()
OUT = (np.zeros(()), np.zeros(4))
OUTS = {name: np.zeros(3) for name in PARAMETERS}
FORTRAN = np.zeros((3, 4), order="F")
MATRIX = np.ones((3, 4))
ROWS = np.ones((300, 40))
STATE = X.copy()
INDEX = np.int64(1)


def failing():
    with pytest.raises(IndexError):
        item(X, np.int64(9))


def refused():
    with pytest.raises(graphc.OutputError):
        square(X, out=OUT[::-1])


KINDS = {
    "array": lambda: square(X),
    "dict": lambda: many(PARAMETERS),
    "keyword": lambda: named(X, scale=2.0),
    "method": lambda: MODEL.loss(X),
    "arena": lambda: large(ROWS),
    "out": lambda: square(X, out=OUT),
    "out, dict": lambda: many(PARAMETERS, out=OUTS),
    "out, shared": lambda: updated(STATE, out=STATE),
    "out, copied": lambda: updated(MATRIX, out=FORTRAN),
    "alternating": lambda: (updated(X), updated(MATRIX), updated(2.0)),
    "keywords in another order": lambda: named(scale=2.0, x=X),
    "pullback": lambda: pullback(X),
    "index out of bounds": failing,
    "index": lambda: item(X, INDEX),
    "wrong out": refused,
}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_grows(kind):
    call = KINDS[kind]
    if settings.disable_jit:
        pytest.skip("GRAPHC_DISABLE_JIT: nothing is compiled")
    calls = CALLS if kind not in ("wrong out", "index out of bounds", "out, copied") else CALLS // 4
    for _ in range(calls // 10):
        call()
    gc.collect()
    blocks, resident = sys.getallocatedblocks(), pages()
    for _ in range(calls):
        call()
    gc.collect()
    assert sys.getallocatedblocks() - blocks < calls // 10, "a leak would be one object a call"
    assert (pages() - resident) * PAGE < 32 * calls + 2**18, "a leak of a small array would be 100 bytes a call"


def pages() -> int:
    return int(STATM.read_text().split()[1]) if STATM.exists() else 0
