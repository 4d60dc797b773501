"""``python -m benchmarks.startup``: what it costs to start.

Three things, each a whole process, medians of several taken in turn:

- what ``import graphc`` costs beyond ``import numpy``;
- from ``python`` to the first gradient of a case, with an empty cache and with one that an earlier process filled,
  beside jax.jit with its persistent cache off, empty, and filled;
- which of the heavy modules a warm process imported.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.driver import ROOT, environment
from benchmarks.report import align, show_time

HEAVY = ("numba", "llvmlite", "scipy", "jax")

FIRST_GRADIENT = """
from benchmarks import peers
from benchmarks.case import find_case
case = find_case({case!r})
peers.create({peer!r}).prepare(case, "grad", case.make_inputs())()
"""
LOADED = f"""
import sys
print(*(name for name in {HEAVY!r} if name in sys.modules))
"""


class Failed(Exception):
    """A process ended with an error; the message is the last line it printed."""


def run(code: str, peer: str, threads: int, cache_dir: str, extra: dict[str, str] | None = None) -> tuple[float, str]:
    """Seconds that a whole process takes for ``code``, and what it printed."""
    variables = {**environment(peer, threads, cache_dir), **(extra or {})}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, cwd=ROOT, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Failed(lines[-1] if lines else f"process ended with status {done.returncode}")
    return seconds, done.stdout.strip()


def start_up_jobs(case: str, threads: int, folder: Path) -> dict[str, Callable[[], float]]:
    """What is timed: name -> a function that runs one process and returns its seconds."""

    def gradient(peer: str, cache: str | None, **extra: str) -> Callable[[], float]:
        def job() -> float:
            with tempfile.TemporaryDirectory(dir=folder) as empty:
                cache_dir = str(folder / cache) if cache else empty
                return run(FIRST_GRADIENT.format(case=case, peer=peer), peer, threads, cache_dir, extra)[0]

        return job

    def plain(code: str) -> Callable[[], float]:
        return lambda: run(code, "graphc", threads, str(folder / "imports"))[0]

    return {
        "import numpy": plain("import numpy"),
        "import graphc": plain("import numpy, graphc"),
        f"graphc, {case}, empty cache": gradient("graphc", None),
        f"graphc, {case}, filled cache": gradient("graphc", "graphc"),
        f"jax, {case}, no cache": gradient("jax", None, JAX_ENABLE_COMPILATION_CACHE="false"),
        f"jax, {case}, filled cache": gradient("jax", "jax"),
    }


def measure(jobs: dict[str, Callable[[], float]], repeats: int) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Seconds of each job, taken in turn after one run each that fills caches; and the jobs that failed, with why."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    failures: dict[str, str] = {}
    for repeat in range(repeats + 1):
        for name, job in jobs.items():
            if name in failures:
                continue
            try:
                taken = job()
            except Failed as reason:
                failures[name] = str(reason)
                continue
            if repeat:
                seconds[name].append(taken)
    return seconds, failures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description="what it costs to start")
    parser.add_argument("--case", default="mlp_small")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="graphc-bench-") as folder:
        jobs = start_up_jobs(arguments.case, arguments.threads, Path(folder))
        seconds, failures = measure(jobs, arguments.repeats)
        medians = {name: float(np.median(taken)) for name, taken in seconds.items() if taken}
        warm_modules = ""
        if f"graphc, {arguments.case}, filled cache" in medians:
            code = FIRST_GRADIENT.format(case=arguments.case, peer="graphc") + LOADED
            warm_modules = run(code, "graphc", arguments.threads, str(Path(folder, "graphc")))[1]

    rows = [[name, show_time(medians.get(name)), failures.get(name, "")] for name in jobs]
    print(align([["whole process", "median", "failed"], *rows]))
    if "import graphc" in medians:
        print(f"\nimport graphc costs {show_time(medians['import graphc'] - medians['import numpy'])} beyond NumPy")
        print(f"heavy modules that the warm process held: {warm_modules or 'none'}")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"seconds": seconds, "failures": failures, "warm": warm_modules}, indent=2)
        )
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
