"""``python -m benchmarks.gpu``: checks values, then times every case on a GPU; under 8 minutes, a table last.

It needs a device and what graphc needs. PyTorch, where it is installed, is timed beside it. Each case is a process of
its own, which is stopped when its time is up; what it has said until then counts. The table is printed whatever
happens, and what is known so far stands in a file. ``--emulated`` checks values alone, by the emulator; ``--host-cost``
times what a call costs the host, over a driver that does nothing: neither needs a GPU.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.gpu.cases import GpuCase, gpu_cases
from benchmarks.gpu.checks import Sanitizer
from benchmarks.gpu.corpus import CorpusCheck
from benchmarks.gpu.jobs import command, outcome
from benchmarks.gpu.report import report
from benchmarks.gpu.timing import Times

SECONDS = 450.0  # of a whole run; a process that is stopped takes some more
VALUES_SECONDS, ALL_VALUES_SECONDS = 60.0, 150.0  # of one case, and from the start until all are checked
LEAST, MOST = 20.0, 110.0  # seconds for timing one case
RESULTS = Path("gpu_results.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """The number of wrong values found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("cases", nargs="*", help="names of cases; all of them without")
    parser.add_argument("--emulated", action="store_true", help="values alone, by the emulator on this machine")
    parser.add_argument("--only-values", action="store_true", help="values alone, of the cases alone")
    parser.add_argument("--host-cost", action="store_true", help="the host's part of a call, over no driver at all")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"where what is known stands ({RESULTS})")
    options = parser.parse_args(arguments)
    if options.host_cost:
        from benchmarks.gpu.host_cost import host_costs, show  # of the tests' stand-ins

        print(show(host_costs()))
        return 0
    cases = [case for case in gpu_cases() if not options.cases or case.name in options.cases]
    only = options.emulated or options.only_values
    run = Run(cases, emulated=options.emulated, results=None if only else options.results)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        run.values(corpus=not (options.only_values or options.cases), sanitizer=not only)
        if not only:
            run.times()
    except KeyboardInterrupt:
        print("interrupted: what is known so far")
    if not only:
        print(run.report())
    return len(run.wrong)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class Run:
    """One run, and what is known so far: ``said``, of each case; ``wrong``, programs whose values are not right."""

    def __init__(self, cases: Sequence[GpuCase], *, emulated: bool = False, results: Path | None = None):
        self.cases, self.results, self.start = cases, results, time.monotonic()
        self.flags = ["--emulated"] if emulated else []
        self.said: dict[str, dict[str, Any]] = {case.name: {} for case in cases}
        self.problems: dict[str, str] = {}
        self.wrong: dict[str, str] = {}
        self.right = 0
        self.sanitizer = ""

    @property
    def passed(self) -> float:
        return time.monotonic() - self.start

    def values(self, *, corpus: bool, sanitizer: bool) -> None:
        """Are they right? The corpus and the sanitizer are other processes' meanwhile."""
        beside = CorpusCheck(emulated=bool(self.flags)) if corpus else None
        verdict = Sanitizer() if sanitizer else None
        try:
            for case in self.cases:
                seconds = min(VALUES_SECONDS, ALL_VALUES_SECONDS - self.passed)
                said, problem = outcome(command("benchmarks.gpu.one", case.name, *self.flags), seconds)
                self._checked(case.name, problem or said.get("values", "its process said nothing"))
                print(f"values of {case.name}: {self.wrong.get(case.name, 'right')}", flush=True)
            for name, problem in [] if beside is None else beside.problems():
                self._checked(name, problem)
            self.sanitizer = "" if verdict is None else verdict.verdict()
        finally:
            for part in (beside, verdict):
                if part is not None:
                    part.stop()
        for name, problem in self.wrong.items():
            print(f"WRONG {name}: {problem}")
        print(f"values: {self.right} programs right, {len(self.wrong)} wrong; after {self.passed:.0f} s", flush=True)
        if self.sanitizer:
            print(self.sanitizer, flush=True)
        self._keep()

    def _checked(self, name: str, problem: str) -> None:
        self.right += not problem
        if problem:
            self.wrong[name] = problem

    def times(self) -> None:
        """How long does each case take? What time is left is shared."""
        for number, case in enumerate(self.cases):
            left = SECONDS - self.passed
            if left < LEAST:
                self.problems[case.name] = "not timed: no time left"
                continue
            seconds = min(left, MOST, max(LEAST, 2 * left / (len(self.cases) - number)))
            found = outcome(command("benchmarks.gpu.one", case.name, "--times", *self.flags), seconds)
            self.said[case.name], self.problems[case.name] = found
            row = Times.of(case, *found)
            print(f"{case.name}: {row.line()}; after {self.passed:.0f} s", flush=True)
            self._keep()

    def _keep(self) -> None:
        """Write down what is known, in case that nobody sees the end."""
        if self.results is None:
            return
        known = {"said": self.said, "problems": self.problems, "wrong": self.wrong, "right": self.right}
        try:
            self.results.write_text(json.dumps(known | {"sanitizer": self.sanitizer}, indent=1))
        except OSError as error:
            print(f"{self.results}: {error}; nothing is written down")
            self.results = None

    def report(self) -> str:
        """The table, with what there is."""
        rows = [Times.of(case, self.said[case.name], self.problems.get(case.name, "not timed")) for case in self.cases]
        first = f"values: {self.right} programs right, {len(self.wrong)} wrong" + "".join(
            f"\nWRONG {name}: {problem}" for name, problem in list(self.wrong.items())[:5]
        )
        return f"\n{first}\n{self.sanitizer}\n" + report(rows, list(self.said.values()), self.passed)


if __name__ == "__main__":
    raise SystemExit(bool(main()))
