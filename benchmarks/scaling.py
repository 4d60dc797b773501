"""``python -m benchmarks.scaling``: how the first call grows with the number of operations.

Each function is plain NumPy whose Python loops write out so many operations (loops over containers do, those over
``range`` stay loops). Its gradient is compiled with an empty cache, after one trivial compile, in a process of its own.
Ten times the operations should take about ten times as long. Seconds are CPU time, of all threads: such a compile takes
long enough to meet whatever else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


def chain(x: Any, count: int) -> Any:
    """Pointwise operations, each on the result of the one before."""
    y = x
    for k in tuple(range(count // 2)):
        y = np.sin(y) if k % 10 == 9 else y * 0.9 + 0.1
    return np.sum(y)


def wide_sum(x: Any, count: int) -> Any:
    """A sum of many terms that share nothing but the input."""
    total = 0.0
    for k in tuple(range(count // 3)):
        total = total + np.abs(x - k) * 0.5
    return np.sum(total)


def reductions(x: Any, count: int) -> Any:
    """Small sums, each scaling what the next one reads."""
    y, total = x, 0.0
    for _ in tuple(range(count // 4)):
        s = np.sum(y * y)
        y = y / (1.0 + s)
        total = total + s
    return total


def products(x: Any, count: int) -> Any:
    """Products of small matrices with a pointwise function between them."""
    y = x
    for _ in tuple(range(count // 2)):
        y = np.tanh(x @ y)
    return np.sum(y)


def euler(x: Any, count: int) -> Any:
    """Steps of a predator and its prey: the state is a small array, stacked anew from its parts at each step."""
    state = x
    for _ in tuple(range(count // 9)):
        prey, hunters = state[0], state[1]
        state = state + 0.01 * np.stack([prey * (1.0 - hunters), hunters * (prey - 1.0)])
    return np.sum(state)


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "chain": (chain, (1000,)),
    "wide_sum": (wide_sum, (1000,)),
    "reductions": (reductions, (20,)),
    "products": (products, (8, 8)),
    "euler": (euler, (2,)),
}


def first_call(name: str, count: int) -> dict[str, Any]:
    """CPU seconds of the first call of the gradient, and what was compiled for it. Runs in a fresh process."""
    import graphc

    graphc.grad(lambda x: np.sum(x * x))(np.ones(3))
    function, shape = FUNCTIONS[name]
    x = np.random.default_rng(0).uniform(0.4, 0.6, shape)
    gradient = graphc.grad(lambda x: function(x, count))
    start = time.process_time()
    gradient(x)
    seconds = time.process_time() - start
    return {"seconds": seconds, "ops": len(gradient.graph("traced", x).nodes), "kernels": len(gradient.kernels(x))}


def in_new_process(name: str, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="graphc-scaling-") as folder:
        environment = {**os.environ, "GRAPHC_CACHE_DIR": folder}
        command = [sys.executable, "-m", "benchmarks.scaling", "--one", name, str(count)]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--functions", nargs="+", choices=list(FUNCTIONS), default=list(FUNCTIONS))
    parser.add_argument("--sizes", nargs=2, type=int, default=[1000, 10_000], metavar="OPS")
    parser.add_argument("--one", nargs=2, metavar=("FUNCTION", "OPS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(first_call(arguments.one[0], int(arguments.one[1]))))
        return
    small, large = arguments.sizes
    columns = f"{'ops':>7} {'seconds':>8} {'kernels':>8}"
    print(f"{'function':12} {columns} {columns} {'ratio':>6}")
    for name in arguments.functions:
        rows = [in_new_process(name, count) for count in (small, large)]
        columns = " ".join(f"{r['ops']:7d} {r['seconds']:8.2f} {r['kernels']:8d}" for r in rows)
        print(f"{name:12} {columns} {rows[1]['seconds'] / rows[0]['seconds']:6.1f}", flush=True)


if __name__ == "__main__":
    main()
