"""The corpus of the tests on the device, each part of it in a process of its own: values and gradients are compared.

``python -m benchmarks.gpu.corpus FIRST STEP [--emulated]`` checks every STEP-th program and prints a line of JSON for
each: its name, and what is wrong. A program that brings its process down leaves the others to theirs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import numpy as np

import graphc
from benchmarks.gpu.jobs import end
from benchmarks.gpu.machine import limited, reason
from graphc import pytree
from graphc.config import override, usable_cpus

MOST_PROCESSES = 8
PROGRAM_SECONDS, ALL_SECONDS = 60.0, 150.0


def programs() -> dict[str, Any]:
    from tests.control.corpus import PROGRAMS

    return PROGRAMS


def problem_of(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """What is wrong with a program's value and gradient; empty where nothing is."""
    try:
        with limited(PROGRAM_SECONDS):
            right = _is_right(function, arguments)
    except Exception as error:  # noqa: BLE001  it is reported, and the other programs go on
        return reason(error)
    return "" if right else "another value or gradient than the interpreter's"


def _is_right(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(function)(*arguments)
    found = graphc.value_and_grad(function, target="cuda")(*arguments)
    pairs = [(found[0], value), *zip(pytree.flatten(found[1])[0], pytree.flatten(gradient)[0], strict=True)]
    return all(np.allclose(ours, expected, rtol=1e-9, atol=1e-11) for ours, expected in pairs)


class CorpusCheck:
    """Runs the parts beside whatever else this process does; ``problems`` waits for them."""

    def __init__(self, *, emulated: bool):
        self.start = time.monotonic()
        count = max(1, min(MOST_PROCESSES, usable_cpus() // 2))
        self.parts = [self._started(number, count, emulated) for number in range(count)]

    @staticmethod
    def command(number: int, count: int, emulated: bool) -> list[str]:
        flags = ["--emulated"] if emulated else []
        return [sys.executable, "-m", "benchmarks.gpu.corpus", str(number), str(count), *flags]

    def _started(self, number: int, count: int, emulated: bool) -> tuple[subprocess.Popen[str], IO[str]]:
        said = tempfile.TemporaryFile("w+")  # noqa: SIM115  it lives as long as the process
        command = self.command(number, count, emulated)
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        return process, said

    def stop(self) -> None:
        """End what still runs."""
        for process, _ in self.parts:
            end(process)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Each program's name and what is wrong with it; a program that no process has reported is wrong, too."""
        found: dict[str, str] = {}
        ends = []
        for process, said in self.parts:
            try:
                code = process.wait(max(1.0, self.start + ALL_SECONDS - time.monotonic()))
                ends += [f"exit code {code}"] if code else []
            except subprocess.TimeoutExpired:
                end(process)
                ends.append(f"more than {ALL_SECONDS:.0f} s")
            said.seek(0)
            found |= dict(json.loads(line) for line in said if line.endswith("\n"))
            said.close()
        missing = "not reported: its process ended early" + (f" ({', '.join(sorted(set(ends)))})" if ends else "")
        for name in programs():
            yield name, found.get(name, missing)


def main(arguments: Sequence[str]) -> None:
    first, step = int(arguments[0]), int(arguments[1])
    with override(cuda_emulator="--emulated" in arguments):
        for name, (function, given) in list(programs().items())[first::step]:
            print(json.dumps([name, problem_of(function, given)]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
