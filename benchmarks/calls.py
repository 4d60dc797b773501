"""``python -m benchmarks.calls``: what a call costs where there is next to nothing to compute.

Arrays of four numbers, one thread. Each library in a process of its own; there its calls are timed in turn, a hundred
at a time, and the median is printed. What each further argument or result costs is a seventh of the difference between
eight and one. NumPy's own ``x + 1.0`` is timed in turn with the calls of each process: it tells how quick the machine
was meanwhile, and whether a number says something about the library or about the machine.
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
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import quiet
from benchmarks.driver import ROOT, environment
from benchmarks.report import align, show_time
from benchmarks.tree import tree_leaves, tree_map
from benchmarks.worker import restrict_cpus

PEERS = ("graphc", "numpy", "jax", "torch")
MANY = 8
CALLS_A_SAMPLE = 100

Call = Callable[[], Any]
Seconds = dict[str, float]


@dataclass(frozen=True)
class Row:
    """``show`` makes the number out of the medians; ``asked`` is its limit in seconds."""

    name: str
    show: Callable[[Seconds], float | None]
    asked: float | None = None


def single(name: str) -> Callable[[Seconds], float | None]:
    return lambda seconds: seconds.get(name)


def each_further(name: str) -> Callable[[Seconds], float | None]:
    return lambda seconds: (seconds[name] - seconds["one"]) / (MANY - 1) if name in seconds else None


ROWS = (
    Row("one array in, one array out", single("one"), 0.5e-6),
    Row("each further argument", each_further("arguments"), 0.1e-6),
    Row("each further result", each_further("results"), 0.15e-6),
    Row(f"a dict of {MANY} arrays in, the dict of gradients out", single("gradients"), 2.5e-6),
    Row("one array in, one given by out=", single("one, out="), None),
    Row(f"a dict of {MANY} arrays in, their gradients in out=", single("gradients, out="), None),
    Row("one array in by keyword, one array out", single("one, keyword"), None),
    Row("NumPy's own x + 1.0 meanwhile", single("yardstick"), None),
)


def one(x: Any) -> Any:
    return x + 1.0


def arguments(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    return a + b + c + d + e + f + g + h


def results(x: Any) -> Any:
    return tuple(x + float(k) for k in range(MANY))


def squares(parameters: Any) -> Any:
    return sum((value * value).sum() for value in parameters.values())


def small_arrays() -> dict[str, np.ndarray]:
    return {f"w{k}": np.arange(4.0) + k for k in range(MANY)}


def graphc_calls() -> dict[str, Call]:
    import graphc

    tree = small_arrays()
    x, values, out = tree["w0"], tuple(tree.values()), np.empty(4)
    first, many, spread, gradient = graphc.jit(one), graphc.jit(arguments), graphc.jit(results), graphc.grad(squares)
    named = graphc.jit(one)
    outs = tree_map(np.empty_like, tree)
    return {
        "one": lambda: first(x),
        "arguments": lambda: many(*values),
        "results": lambda: spread(x),
        "gradients": lambda: gradient(tree),
        "one, out=": lambda: first(x, out=out),
        "gradients, out=": lambda: gradient(tree, out=outs),
        "one, keyword": lambda: named(x=x),
    }


def numpy_calls() -> dict[str, Call]:
    x, *others = small_arrays().values()
    out = np.empty(4)
    return {
        "one": lambda: one(x),
        "arguments": lambda: arguments(x, *others),
        "results": lambda: results(x),
        "one, out=": lambda: np.add(x, 1.0, out=out),
    }


def jax_calls() -> dict[str, Call]:
    import jax

    tree = tree_map(jax.numpy.asarray, small_arrays())
    x, values = tree["w0"], tuple(tree.values())
    first, many, spread, gradient = map(jax.jit, (one, arguments, results, jax.grad(squares)))
    return {
        "one": lambda: waited_for(first(x)),
        "arguments": lambda: waited_for(many(*values)),
        "results": lambda: waited_for(spread(x)[0]),
        "gradients": lambda: waited_for(gradient(tree)["w0"]),
    }


def waited_for(array: Any) -> Any:
    return array.block_until_ready()


def torch_calls() -> dict[str, Call]:
    import torch

    torch.set_num_threads(1)
    tree = tree_map(torch.from_numpy, small_arrays())
    x, values = tree["w0"].clone(), tuple(leaf.clone() for leaf in tree.values())
    leaves = [leaf.requires_grad_(True) for leaf in tree_leaves(tree)]
    return {
        "one": lambda: one(x),
        "arguments": lambda: arguments(*values),
        "results": lambda: results(x),
        "gradients": lambda: torch.autograd.grad(squares(tree), leaves),
    }


CALLS: dict[str, Callable[[], dict[str, Call]]] = {
    "graphc": graphc_calls,
    "numpy": numpy_calls,
    "jax": jax_calls,
    "torch": torch_calls,
}


def measure(calls: dict[str, Call], seconds: float) -> Seconds:
    """The median time of each call, and of NumPy's own work, sampled in turn for about this long in all."""
    x = small_arrays()["w0"]
    calls = {**calls, "yardstick": lambda: one(x)}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        sample(call)
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        for name, call in calls.items():
            samples[name].append(sample(call))
    nothing = float(np.median([sample(lambda: None) for _ in range(50)]))  # the loop, and the call of the lambda
    return {name: float(np.median(taken)) - nothing for name, taken in samples.items()}


def sample(call: Call) -> float:
    start = time.perf_counter()
    for _ in repeat(None, CALLS_A_SAMPLE):
        call()
    return (time.perf_counter() - start) / CALLS_A_SAMPLE


def run_peer(peer: str, seconds: float, folder: str) -> tuple[Seconds, str]:
    """The times of a library, taken in a process of its own, and why there are none."""
    quiet.Patience(30.0).wait_until_quiet()
    command = [sys.executable, "-m", "benchmarks.calls", "--only", peer, "--seconds", str(seconds)]
    variables = environment(peer, 1, folder)
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return {}, (done.stderr.strip().splitlines() or ["no message"])[-1]
    return json.loads(done.stdout), ""


def table(times: dict[str, Seconds]) -> str:
    rows = [["call", *times, "asked of graphc"]]
    for row in ROWS:
        cells = [show_time(row.show(seconds)) for seconds in times.values()]
        rows.append([row.name, *cells, f"at most {show_time(row.asked)}" if row.asked else ""])
    ours = times.get("graphc")
    if not ours:
        return align(rows)
    share = ours["one"] / ours["yardstick"]
    return f"{align(rows)}\n\none array in, one array out: {share:.2f} of the time of NumPy's own x + 1.0"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls", description="what a call costs")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each library (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--only", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        restrict_cpus(1)
        print(json.dumps(measure(CALLS[options.only](), options.seconds)))
        return 0

    times: dict[str, Seconds] = {}
    with tempfile.TemporaryDirectory(prefix="graphc-bench-") as folder:
        for peer in options.peers:
            os.makedirs(os.path.join(folder, peer))
            times[peer], failure = run_peer(peer, options.seconds, os.path.join(folder, peer))
            if failure:
                print(f"{peer}: {failure}", file=sys.stderr)
    print(table(times))
    if options.json:
        options.json.write_text(json.dumps(times, indent=2) + "\n")
    return int(not times.get("graphc", {}) and "graphc" in options.peers)


if __name__ == "__main__":
    sys.exit(main())
