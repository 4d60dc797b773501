"""``python -m benchmarks.training``: steps of training beside PyTorch's, and the memory that they take.

Both libraries run the same script, each in a process of its own with the same threads; they take turns, and while one
is timed the other is stopped. The CNN has two 3x3 convolutions (16 and 32 channels) with ReLU and a dense layer, on 32
images of 3x32x32 in 10 classes, float32; a step is forward, backward and SGD's update. The MLP is 10-32-32-1 on 32
examples, float64, trained by Adam; graphc's ``compiled`` step is one program. Memory is what a step takes beyond
parameters and inputs at its highest (Linux only).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.driver import ROOT, environment
from benchmarks.memory import CAN_MEASURE, RESET_PEAK, status_bytes
from benchmarks.report import align, show_time
from benchmarks.worker import restrict_cpus

LIBRARIES = ("graphc", "torch")
BATCH = 32
FULL = "CNN, step"
# Work: what graphc's time is asked to be, as a share of torch's, and as a share of graphc's full step.
ASKED: dict[str, tuple[float, float | None]] = {
    FULL: (1.0, None),
    "CNN, first convolution frozen": (1.0, 0.75),
    "CNN, both frozen": (1.0, 0.42),
    "CNN, inference": (1.0, 0.40),
    "MLP, compiled": (1 / 8, None),
    "MLP, loop": (1 / 3, None),
}
MEMORY = 0.6  # of torch's in the full step


def library(name: str, threads: int) -> Any:
    if name == "torch":
        import torch

        torch.set_num_threads(threads)
        return torch
    import graphc
    import graphc.nn
    import graphc.optim

    return graphc


def step_of(model: Any, criterion: Any, optimizer: Any, x: Any, y: Any) -> Callable[[], float]:
    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def cnn(lib: Any, work: str) -> Callable[..., Callable[[], Any]]:
    """What makes the step for so many images."""
    nn, rng = lib.nn, np.random.default_rng(0)
    lib.set_default_dtype(lib.float32)
    first, second = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 32, 3)
    model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), nn.Linear(32 * 28 * 28, 10))
    for layer, names in ((first, ("first", "both")), (second, ("both",))):
        layer.requires_grad_(not any(name in work for name in names))
    optimizer = lib.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-4)

    def make(images: int) -> Callable[[], Any]:
        x = lib.from_numpy(rng.standard_normal((images, 3, 32, 32)).astype(np.float32))
        y = lib.from_numpy(rng.integers(0, 10, images))
        if "inference" not in work:
            return step_of(model, nn.CrossEntropyLoss(), optimizer, x, y)

        def infer() -> Any:
            with lib.no_grad():
                return model(x).numpy()

        return infer

    return make


def mlp(lib: Any, work: str) -> Callable[..., Callable[[], Any]]:
    """What makes the step for so many examples."""
    nn, rng = lib.nn, np.random.default_rng(0)
    lib.set_default_dtype(lib.float64)
    model = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-4)

    def make(examples: int) -> Callable[[], Any]:
        x, y = (lib.from_numpy(rng.standard_normal((examples, width))) for width in (10, 1))
        if "compiled" in work and lib.__name__ == "graphc":
            step = lib.optim.compile_step(model, nn.MSELoss(), optimizer)
            return lambda: step(x, y).item()
        return step_of(model, nn.MSELoss(), optimizer, x, y)

    return make


def maker(name: str, work: str, threads: int) -> Callable[..., Callable[[], Any]]:
    lib = library(name, threads)
    lib.manual_seed(0)
    return cnn(lib, work) if work.startswith("CNN") else mlp(lib, work)


# --- the process of one library ---------------------------------------------------------------------------------------


def serve(name: str, work: str, threads: int) -> None:
    """Each line asks for some seconds of steps; the answer is their times."""
    call = maker(name, work, threads)(BATCH)
    for _ in range(5):
        call()
    for line in sys.stdin:
        samples: list[float] = []
        end = time.perf_counter() + float(line)
        while time.perf_counter() < end or len(samples) < 3:
            start = time.perf_counter()
            call()
            samples.append(time.perf_counter() - start)
        print(json.dumps(samples), flush=True)


def peak(name: str, work: str, threads: int) -> int:
    """Bytes that a step takes beyond what a step with two examples leaves behind: parameters, gradients, programs."""
    make = maker(name, work, threads)
    make(2)()
    call = make(BATCH)
    gc.collect()
    process = ctypes.CDLL(None)
    if hasattr(process, "malloc_trim"):
        process.malloc_trim(0)
    before = status_bytes("VmRSS")
    call()
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    call()
    return max(0, status_bytes("VmHWM") - before)


# --- the driver -------------------------------------------------------------------------------------------------------


def command(name: str, work: str, threads: int, what: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.training", "--only", what, name, work, "--threads", str(threads)]


def timed(work: str, options: argparse.Namespace, folder: str) -> dict[str, float]:
    """The median time of a step by library, from turns that go round."""
    processes = {
        name: subprocess.Popen(
            command(name, work, options.threads, "time"),
            env=environment(name, options.threads, folder),
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name in LIBRARIES
    }  # fmt: skip
    samples: dict[str, list[float]] = {name: [] for name in LIBRARIES}
    try:
        for turn in range(options.turns + 1):  # the first one prepares
            for name, process in processes.items():
                process.send_signal(signal.SIGCONT)
                assert process.stdin is not None
                assert process.stdout is not None
                print(options.turn_seconds if turn else 0.0, file=process.stdin, flush=True)
                answer = json.loads(process.stdout.readline())
                samples[name] += answer if turn else []
                process.send_signal(signal.SIGSTOP)
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    return {name: float(np.median(times)) for name, times in samples.items()}


def memory_of(work: str, threads: int, folder: str) -> dict[str, int]:
    found = {}
    for name in LIBRARIES:
        done = subprocess.run(
            command(name, work, threads, "memory"),
            env=environment(name, threads, folder),
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found[name] = int(done.stdout.splitlines()[-1])
    return found


def time_table(times: dict[str, dict[str, float]]) -> str:
    rows = [["work", *LIBRARIES, "graphc / torch", "asked", "of the full step", "asked"]]
    full = times.get(FULL, {}).get("graphc")
    for work, found in times.items():
        ours, theirs = found["graphc"], found["torch"]
        limit, share = ASKED[work]
        of_full = f"{ours / full:.2f}" if full and share is not None else ""
        limits = f"at most {limit:.3g}", "" if share is None else f"at most {share}"
        rows.append([work, show_time(ours), show_time(theirs), f"{ours / theirs:.2f}", limits[0], of_full, limits[1]])
    return align(rows)


def memory_table(peaks: dict[str, dict[str, int]]) -> str:
    rows = [["work", *LIBRARIES, "graphc / torch", "asked"]]
    for work, found in peaks.items():
        ours, theirs = found["graphc"], found["torch"]
        cells = [f"{found[name] / 2**20:.1f} MiB" for name in LIBRARIES]
        rows.append([work, *cells, f"{ours / theirs:.2f}", f"at most {MEMORY}" if work == FULL else ""])
    return align(rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description="training beside PyTorch")
    parser.add_argument("--work", nargs="+", choices=list(ASKED), default=list(ASKED), metavar="WORK")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--turn-seconds", type=float, default=0.1)
    parser.add_argument("--no-memory", action="store_true", help="times alone")
    parser.add_argument("--only", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        what, name, work = options.only
        restrict_cpus(options.threads)
        if what == "time":
            serve(name, work, options.threads)
        else:
            print(peak(name, work, options.threads))
        return 0
    with tempfile.TemporaryDirectory(prefix="graphc-bench-") as folder:
        print(time_table({work: timed(work, options, folder) for work in options.work}))
        if CAN_MEASURE and not options.no_memory:
            works = [work for work in options.work if work.startswith("CNN")]
            print("\n" + memory_table({work: memory_of(work, options.threads, folder) for work in works}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
