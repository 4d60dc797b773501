"""``python -m benchmarks.gpu``: checks values, then times every case on a GPU; under 8 minutes, a table last.

It needs a device, PyTorch, and what graphc needs. ``--emulated`` checks values alone, by the emulator.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from benchmarks.gpu.cases import GpuCase, gpu_cases
from benchmarks.gpu.checks import corpus_problems, problem_of, sanitizer_verdict
from benchmarks.gpu.report import table, verdicts
from graphc.config import override

SECONDS, CORPUS_SECONDS, COMPILING_SECONDS = 460.0, 100.0, 360.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The number of wrong values found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("cases", nargs="*", help="names of cases; all of them without")
    parser.add_argument("--emulated", action="store_true", help="values alone, by the emulator on this machine")
    parser.add_argument("--only-values", action="store_true", help="values alone, of the cases alone")
    options = parser.parse_args(arguments)
    cases = [case for case in gpu_cases() if not options.cases or case.name in options.cases]
    start = time.monotonic()
    with override(cuda_emulator=options.emulated):
        wrong = _values(cases, start + CORPUS_SECONDS, corpus=not (options.only_values or options.cases))
        if not (options.emulated or options.only_values):
            _times(cases, start)
    return wrong


def _values(cases: Sequence[GpuCase], deadline: float, *, corpus: bool) -> int:
    """Print what is wrong, and give the number of it."""
    found = [(case.name, problem_of(case)) for case in cases]
    found += list(corpus_problems(deadline)) if corpus else []
    skipped = sum(problem.startswith("skipped") for _, problem in found)
    wrong = [(name, problem) for name, problem in found if problem and not problem.startswith("skipped")]
    for name, problem in wrong:
        print(f"WRONG {name}: {problem}")
    print(
        f"values: {len(found) - len(wrong) - skipped} programs right, {len(wrong)} wrong, {skipped} skipped", flush=True
    )
    return len(wrong)


def _times(cases: Sequence[GpuCase], start: float) -> None:
    import torch

    from benchmarks.gpu.timing import copy_bandwidth, host_seconds_of, ready_step, timed

    device, wait = "cuda", torch.cuda.synchronize
    print(sanitizer_verdict(), flush=True)
    copy = copy_bandwidth(device, wait)
    rows = []
    for case in cases:
        passed = time.monotonic() - start
        if passed > SECONDS:
            print(f"{case.name}: no time left")
            continue
        rows.append(timed(case, device, wait, with_compiled=passed < COMPILING_SECONDS))
        print(f"{case.name}: timed after {time.monotonic() - start:.0f} s", flush=True)
    small = [case for case in cases if case.group == "calls"]
    host = host_seconds_of(ready_step(small[0], device), wait) if small else None
    print(f"\n{torch.cuda.get_device_name()}, torch {torch.__version__}, {time.strftime('%Y-%m-%d')}")
    print(
        f"a copy reads and writes {copy / 1e9:.0f} GB/s; python -m benchmarks.gpu took {time.monotonic() - start:.0f} s"
    )
    print(table(rows, copy))
    print("\n".join(verdicts(rows, copy, host)))


if __name__ == "__main__":
    raise SystemExit(bool(main()))
