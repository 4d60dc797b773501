"""``python -m benchmarks.memory``: the most memory that a call takes beyond its inputs and its results.

Each library and case in a process of its own, with the same threads. The inputs are made first; a call with small
inputs loads what the library loads once; then the process's memory is read, and the largest it has grown to in the
second call with the real inputs. The first one compiles, and leaves behind what is kept for later calls, which counts
too. Results are subtracted. Linux only: it needs /proc.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.case import Case, find_case, select_cases
from benchmarks.driver import ROOT, Settings, environment
from benchmarks.peers import PEERS
from benchmarks.peers.base import NotOffered, Peer
from benchmarks.report import align
from benchmarks.worker import restrict_cpus

CASES = ["black_scholes", "nbody", "xent"]
SHOWN = ["graphc", "torch", "jax", "autograd"]
REFERENCE = "torch"
ASKED = 0.5  # of the reference's memory
CAN_MEASURE = Path("/proc/self/clear_refs").exists()
RESET_PEAK = "5"  # what proc(5) wants written to clear_refs


def status_bytes(field: str) -> int:
    """A number of /proc/self/status: VmRSS is the memory held now, VmHWM the largest since the peak was reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/self/status has no {field}")


def beyond(peer: Peer, case: Case, mode: str) -> int:
    """Bytes that a call takes beyond inputs and results, in this process."""
    inputs = case.make_inputs()
    peer.load()
    peer.prepare(case, mode, case.make_inputs(small=True))()
    call = peer.prepare(case, mode, inputs)  # torch and JAX copy the inputs here
    gc.collect()
    process = ctypes.CDLL(None)
    if hasattr(process, "malloc_trim"):
        process.malloc_trim(0)
    before = status_bytes("VmRSS")
    results = sum(array.nbytes for array in peer.read(call()))
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    call()
    return max(0, status_bytes("VmHWM") - before - results)


def run_peer(peer: str, case: str, mode: str, threads: int, settings: Settings) -> dict[str, Any]:
    """``bytes``, or why there are none, of one process."""
    with tempfile.TemporaryDirectory(prefix="graphc-bench-") as folder:
        command = [settings.interpreter(peer), "-m", "benchmarks.memory", "--only", peer, case, mode, str(threads)]
        done = subprocess.run(
            command, env=environment(peer, threads, folder), cwd=ROOT, capture_output=True, text=True, check=False
        )
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def table(found: dict[str, dict[str, dict[str, Any]]], names: list[str]) -> str:
    rows = [["case", *names, f"graphc / {REFERENCE}", "asked"]]
    for case, answers in found.items():
        cells = [f"{answer['bytes'] / 2**20:.1f} MiB" if "bytes" in answer else "-" for answer in answers.values()]
        ours, theirs = (answers.get(name, {}).get("bytes") for name in ("graphc", REFERENCE))
        share = f"{ours / theirs:.2f}" if ours is not None and theirs else ""
        rows.append([case, *cells, share, f"at most {ASKED}"])
    return align(rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description="memory beyond inputs and results")
    parser.add_argument("--cases", nargs="+", metavar="CASE", default=CASES)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=SHOWN, metavar="PEER")
    parser.add_argument("--mode", default="grad")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--only", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        peer, case, mode, threads = options.only
        restrict_cpus(int(threads))
        try:
            print(json.dumps({"bytes": beyond(peers.create(peer), find_case(case), mode)}))
        except NotOffered as reason:
            print(json.dumps({"absent": str(reason)}))
        return 0

    if not CAN_MEASURE:
        print("this needs Linux's /proc", file=sys.stderr)
        return 1
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for case in select_cases(options.cases):
        found[case.name] = {}
        for peer in options.peers:
            answer = run_peer(peer, case.name, options.mode, options.threads, Settings())
            found[case.name][peer] = answer
            for reason in {"failed", "absent"} & set(answer):
                print(f"{case.name}, {peer}: {reason}: {answer[reason]}", file=sys.stderr)
    print(table(found, options.peers))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(any("failed" in answer for answers in found.values() for answer in answers.values()))


if __name__ == "__main__":
    sys.exit(main())
