"""Minimise the Rosenbrock function: a gradient for SciPy's optimizer, and what it saves over differences.

python examples/rosenbrock.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

import graphc


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


def report(what: str, result: OptimizeResult, seconds: float) -> None:
    distance = float(np.max(np.abs(result.x - 1.0)))
    print(f"{what:24} {1e3 * seconds:9.1f} ms  {result.nfev:6d} evaluations  off the minimum by {distance:.1e}")


def main() -> None:
    start = np.zeros(30)
    value_and_gradient = graphc.value_and_grad(rosenbrock)
    _, seconds = timed(lambda: value_and_gradient(start))
    print(f"first call, compiling or loading: {1e3 * seconds:.1f} ms\n")

    report("compiled gradient", *timed(lambda: minimize(value_and_gradient, start, jac=True, method="L-BFGS-B")))
    options = {"maxfun": 10**6}  # differences need one evaluation for each entry of x
    report("finite differences", *timed(lambda: minimize(rosenbrock, start, method="L-BFGS-B", options=options)))

    longer = np.zeros(1_000_000)
    _, seconds = timed(lambda: value_and_gradient(longer))
    print(f"\na million entries, the same compiled program: {1e3 * seconds:.1f} ms")


if __name__ == "__main__":
    main()
