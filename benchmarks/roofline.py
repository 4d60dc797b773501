"""How far a case stands from what the machine can do: bytes that must move, operations that must be done.

The floor of a case is the larger of two times: its compulsory bytes at the bandwidth of a copy of that size, and its
operations at the rate of a large matrix product, which keeps the vector units as busy as they get. No program reaches
it: it knows no call, no latency and no reduction's last step. It says how much there is left to gain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np

# Multiply-adds of one call of a vectorised function, counted as two operations each: a polynomial of degree 11 with its
# range reduction; a division or square root takes a vector unit about as long as eight multiply-adds.
FUNCTION, DIVISION = 40.0, 16.0
GEMM_WIDTH = 1024
SHARED = 2**20  # bytes from which on several threads copy: NumPy's call, and its lock, cost more than a smaller part
REPEATS = 7


@dataclass(frozen=True)
class Work:
    """What a gradient cannot avoid.

    ``moved``       bytes: inputs read once, results written once
    ``operations``  additions and multiplications; elementary functions as ``FUNCTION``, divisions and roots as
                    ``DIVISION`` each
    """

    dtype: str
    moved: float
    operations: float


@dataclass(frozen=True)
class Floor:
    """Seconds of a case's work on this machine."""

    memory: float
    arithmetic: float

    @property
    def seconds(self) -> float:
        return max(self.memory, self.arithmetic)

    @property
    def bound(self) -> str:
        return "memory" if self.memory >= self.arithmetic else "arithmetic"


def floor(work: Work, threads: int) -> Floor:
    return Floor(
        work.moved / bandwidth(_size_class(work.moved), threads), work.operations / operation_rate(work.dtype, threads)
    )


def _size_class(moved: float) -> int:
    """A power of two, so that cases of about one size share a measurement; at least what one page holds."""
    return 1 << max(12, round(np.log2(max(moved, 1.0))))


def _best(call: Callable[[], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


@cache
def operation_rate(dtype: str, threads: int) -> float:
    """Operations a second of NumPy's own matrix product."""
    from threadpoolctl import threadpool_limits  # peers with an environment of their own need not have it

    a = np.ones((GEMM_WIDTH, GEMM_WIDTH), dtype)
    result = np.empty_like(a)
    with threadpool_limits(threads, user_api="blas"):
        return 2.0 * GEMM_WIDTH**3 / _best(lambda: np.matmul(a, a, out=result))


@cache
def bandwidth(size: int, threads: int) -> float:
    """Bytes a second, read and written, of threads that each copy their part of an array; ``size``: both together."""
    threads = threads if size >= SHARED else 1
    source, target = np.ones(size // 16), np.zeros(size // 16)
    parts = list(zip(np.array_split(source, threads), np.array_split(target, threads), strict=True))
    rounds = max(1, 2**26 // size)  # long enough beside the start of the threads

    def copy(part: tuple[np.ndarray, np.ndarray]) -> None:
        for _ in range(rounds):
            np.copyto(part[1], part[0])

    with ThreadPoolExecutor(threads) as pool:
        return size * rounds / _best(lambda: list(pool.map(copy, parts)))
