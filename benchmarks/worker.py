"""The process of one peer: takes one request a line on stdin, answers one JSON line each.

Started by ``driver.Worker`` as ``python -m benchmarks.worker PEER CASE THREADS``, with the peer's interpreter and
environment. What the peer itself prints goes to stderr, so that it cannot garble the answers.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.case import Case, find_case
from benchmarks.peers.base import NotOffered, Peer

SHORTEST_SAMPLE = 2e-3  # seconds: calls shorter than this are timed several at a time, to stay above the clock's grain


class Session:
    """One peer and one case; a prepared call for each mode."""

    def __init__(self, peer: Peer, case: Case) -> None:
        self.peer = peer
        self.case = case
        self.calls: dict[str, Callable[[], Any]] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        return getattr(self, request.pop("do"))(**request)

    def load(self) -> dict[str, Any]:
        start = time.perf_counter()
        versions = self.peer.load()
        return {"versions": versions, "seconds": time.perf_counter() - start}

    def warm_up(self) -> dict[str, Any]:
        self.peer.warm_up()
        return {}

    def prepare(self, mode: str, result_file: str | None = None) -> dict[str, Any]:
        """Make the call of this mode and run it once, timed: what compiling costs."""
        inputs = self.case.make_inputs()
        start = time.perf_counter()
        call = self.peer.prepare(self.case, mode, inputs)
        result = call()
        first_call = time.perf_counter() - start
        self.calls[mode] = call
        if result_file is not None:
            np.savez(result_file, *self.peer.read(result))
        return {"first_call": first_call}

    def measure(self, mode: str, seconds: float) -> dict[str, Any]:
        """Times of one call, sampled for about this long."""
        call = self.calls[mode]
        per_call = min(elapsed(call, 1), elapsed(call, 1))  # these two also bring caches and threads back to life
        calls_per_sample = max(1, round(SHORTEST_SAMPLE / per_call))
        samples: list[float] = []
        deadline = time.perf_counter() + seconds
        while not samples or time.perf_counter() < deadline:
            samples.append(elapsed(call, calls_per_sample) / calls_per_sample)
        return {"samples": samples, "calls_per_sample": calls_per_sample}


def elapsed(call: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in repeat(None, calls):
        call()
    return time.perf_counter() - start


def restrict_cpus(threads: int) -> None:
    """Let the process see as many CPUs as it may use threads: every library sizes its pools by that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def serve(session: Session) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            answer = session.answer(json.loads(line))
        except NotOffered as reason:
            answer = {"not_offered": str(reason)}
        except ImportError as error:
            answer = {"not_offered": f"not installed ({error})"}
        except Exception as error:  # noqa: BLE001  (reported to the driver, which shows it and fails the run)
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    peer, case, threads = sys.argv[1:]
    restrict_cpus(int(threads))
    serve(Session(peers.create(peer), find_case(case)))


if __name__ == "__main__":
    main()
