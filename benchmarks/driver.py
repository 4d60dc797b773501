"""Runs the peers of a case side by side: one process each, results compared first, then timed in turn.

While one process is measured the others are stopped (SIGSTOP): thread pools that spin while they wait would take the
CPUs from the one whose turn it is. Turns go round, so that a drift of the machine reaches every peer alike.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from benchmarks import peers, quiet
from benchmarks.case import Case

ROOT = Path(__file__).resolve().parent.parent


class PeerError(Exception):
    """A peer's process failed at what it was asked."""


class PeerAbsent(Exception):
    """A peer has nothing to show here: not installed, or no version of this case. The message says which."""


@dataclass
class Settings:
    threads: int = 2
    turns: int = 10
    turn_seconds: float = 0.1
    patience: float = 30.0  # seconds a case may spend on waiting for a quiet machine
    retries: int = 3  # how often a disturbed turn is taken again
    interpreters: dict[str, str] = field(default_factory=dict)

    def interpreter(self, peer: str) -> str:
        """The Python that runs a peer: the one asked for, one of its own under benchmarks/.venv, else this one."""
        own = ROOT / "benchmarks" / ".venv" / peer / "bin" / "python"
        return self.interpreters.get(peer, str(own) if own.exists() else sys.executable)


def environment(peer: str, threads: int, cache_dir: str) -> dict[str, str]:
    pools = ("OMP", "MKL", "OPENBLAS", "NUMBA", "VECLIB")
    variables = {f"{pool}_NUM_THREADS": str(threads) for pool in pools}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **variables, **peers.PEERS[peer].environment(threads, cache_dir), "PYTHONPATH": path}


class Worker:
    """The driver's end of one peer's process."""

    def __init__(self, peer: str, case: Case, settings: Settings, cache_dir: str, log: Path) -> None:
        self.peer = peer
        self.case = case
        self.log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [settings.interpreter(peer), "-m", "benchmarks.worker", peer, case.name, str(settings.threads)],
                env=environment(peer, settings.threads, cache_dir),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.requests, self.answers = cast(IO[str], self.process.stdin), cast(IO[str], self.process.stdout)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        try:
            self.requests.write(json.dumps({"do": do, **arguments}) + "\n")
            self.requests.flush()
        except BrokenPipeError:
            line = ""
        else:
            line = self.answers.readline()
        if not line:
            raise PeerError(f"process ended with status {self.process.wait()}: {self.last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "not_offered" in answer:
            raise PeerAbsent(answer["not_offered"])
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.answers.close()


@dataclass
class Outcome:
    """What became of one peer on one case. ``absent`` is no failure; ``failed`` is one."""

    versions: dict[str, str] = field(default_factory=dict)
    import_seconds: float | None = None
    first_call: dict[str, float] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    error: dict[str, float] = field(default_factory=dict)
    disturbed: dict[str, list[float]] = field(default_factory=dict)
    disturbed_turns: int = 0
    absent: str | None = None
    failed: str | None = None

    def times(self, mode: str) -> list[float]:
        """Times of the quiet turns; where there was none, those of the disturbed ones."""
        return self.samples.get(mode) or self.disturbed.get(mode, [])

    def median(self, mode: str) -> float | None:
        samples = self.times(mode)
        return float(np.median(samples)) if samples else None


def run_case(case: Case, names: list[str], modes: list[str], settings: Settings) -> dict[str, Outcome]:
    """Every peer on one case: started, compared, timed in turn."""
    modes = [mode for mode in modes if mode in case.modes]
    outcomes = {name: Outcome() for name in names}
    with tempfile.TemporaryDirectory(prefix="graphc-bench-") as folder:
        workers: dict[str, Worker] = {}
        try:
            for name in names:
                cache_dir = Path(folder, "cache", name)
                cache_dir.mkdir(parents=True)
                workers[name] = Worker(name, case, settings, str(cache_dir), Path(folder, f"{name}.log"))
                start(workers[name], outcomes[name], modes, Path(folder))
                workers[name].pause()
            compare(case, outcomes, modes, Path(folder))
            patience = quiet.Patience(settings.patience)
            for _ in range(settings.turns):
                for name, worker in workers.items():
                    take_turn(worker, outcomes[name], settings, patience)
        finally:
            for worker in workers.values():
                worker.close()
    return outcomes


def start(worker: Worker, outcome: Outcome, modes: list[str], folder: Path) -> None:
    """Load the peer and make each mode's call; what it cannot do is written down in ``outcome``."""
    try:
        loaded = worker.ask("load")
        outcome.versions, outcome.import_seconds = loaded["versions"], loaded["seconds"]
        worker.ask("warm_up")
    except PeerAbsent as reason:
        outcome.absent = str(reason)
        return
    except PeerError as error:
        outcome.failed = str(error)
        return
    for mode in modes:
        try:
            answer = worker.ask("prepare", mode=mode, result_file=str(result_path(folder, worker.peer, mode)))
            outcome.first_call[mode] = answer["first_call"]
            outcome.samples[mode] = []
        except PeerAbsent as reason:
            outcome.absent = str(reason)
        except PeerError as error:
            outcome.failed = f"{mode}: {error}"
            return
    if outcome.samples:
        outcome.absent = None


def result_path(folder: Path, peer: str, mode: str) -> Path:
    return folder / f"{peer}.{mode}.npz"


def compare(case: Case, outcomes: dict[str, Outcome], modes: list[str], folder: Path) -> None:
    """Compare every peer's arrays with those of the middle of the field; who disagrees is not timed."""
    for mode in modes:
        results: dict[str, list[np.ndarray]] = {}
        for name, outcome in outcomes.items():
            if mode in outcome.samples:
                with np.load(result_path(folder, name, mode)) as arrays:
                    results[name] = [arrays[f"arr_{index}"] for index in range(len(arrays.files))]
        if len(results) < 2:
            continue
        for name, arrays in results.items():
            others = [difference(arrays, other) for rival, other in results.items() if rival != name]
            # Half of the others must agree: one wrong peer is then named, and not everyone who differs from it.
            outcomes[name].error[mode] = float(np.sort(others)[(len(others) - 1) // 2])
            if not outcomes[name].error[mode] <= case.rtol:
                outcomes[
                    name
                ].failed = (
                    f"{mode}: differs from the others by {outcomes[name].error[mode]:.1e}, allowed is {case.rtol:.0e}"
                )
    for outcome in outcomes.values():
        if outcome.failed:
            outcome.samples = {}


def difference(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """The largest difference, relative to the largest entry of its array; infinite where shapes or NaNs differ."""
    if [array.shape for array in ours] != [array.shape for array in theirs]:
        return float("inf")
    largest = 0.0
    for mine, other in zip(ours, theirs, strict=True):
        scale = float(np.max(np.abs(other), initial=0.0))
        gap = float(np.max(np.abs(mine.astype(np.float64) - other.astype(np.float64)), initial=0.0))
        if gap > 0.0:
            largest = max(largest, gap / scale if scale > 0.0 else float("inf"))
        elif np.isnan(gap):
            return float("inf")
    return largest


def take_turn(worker: Worker, outcome: Outcome, settings: Settings, patience: quiet.Patience) -> None:
    """Time each mode for a while; again where other programs got in the way, and counted where that did not help."""
    if not outcome.samples:
        return
    try:
        for mode, samples in outcome.samples.items():
            for _ in range(settings.retries + 1):
                patience.wait_until_quiet()
                taken, disturbed = timed_samples(worker, mode, settings.turn_seconds)
                if not disturbed:
                    samples.extend(taken)
                    break
            else:
                outcome.disturbed.setdefault(mode, []).extend(taken)
                outcome.disturbed_turns += 1
    except PeerError as error:
        outcome.failed, outcome.samples, outcome.disturbed = str(error), {}, {}


def timed_samples(worker: Worker, mode: str, seconds: float) -> tuple[list[float], bool]:
    """Times of one call, and whether other programs got in the way meanwhile."""
    worker.resume()
    watch = quiet.Watch(worker.process.pid)
    samples = worker.ask("measure", mode=mode, seconds=seconds)["samples"]
    disturbed = watch.disturbed()
    worker.pause()
    return samples, disturbed


def first_calls(case: Case, peer: str, mode: str, settings: Settings) -> dict[str, float]:
    """Seconds to the first result: with an empty compile cache, then in a new process that finds it filled."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="graphc-bench-") as folder:
        for state in ("cold", "warm"):
            worker = Worker(peer, case, settings, folder, Path(folder, "log"))
            try:
                worker.ask("load")
                worker.ask("warm_up")
                seconds[state] = worker.ask("prepare", mode=mode)["first_call"]
            finally:
                worker.close()
    return seconds
