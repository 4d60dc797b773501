"""``python -m benchmarks.gpu``: checks values, then times every case on a GPU; under 8 minutes, a table last.

It needs a device and what graphc needs. PyTorch, where it is installed, is timed beside it. A case that fails is a line
of the report, and the others go on. ``--emulated`` checks values alone, by the emulator; ``--host-cost`` times what a
call costs the host, over a driver that does nothing: neither needs a GPU.
"""

from __future__ import annotations

import argparse
import faulthandler
import time
from collections.abc import Sequence

from benchmarks.gpu.cases import GpuCase, gpu_cases
from benchmarks.gpu.checks import problem_of, sanitizer_verdict
from benchmarks.gpu.corpus import CorpusCheck
from benchmarks.gpu.machine import Machine, reason, this_machine
from benchmarks.gpu.report import table, verdicts
from benchmarks.gpu.timing import Times, copy_bandwidth, host_seconds_of, ready_step, timed
from graphc.config import override, settings

# From here on no case is timed, nor compiled by PyTorch; correctness is checked first, and never left out.
SECONDS, COMPILING_SECONDS = 450.0, 340.0
AT_LAST = 478  # a device that hangs does not hang the script: it says where it was, and ends


def main(arguments: Sequence[str] | None = None) -> int:
    """The number of wrong values found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("cases", nargs="*", help="names of cases; all of them without")
    parser.add_argument("--emulated", action="store_true", help="values alone, by the emulator on this machine")
    parser.add_argument("--only-values", action="store_true", help="values alone, of the cases alone")
    parser.add_argument("--host-cost", action="store_true", help="the host's part of a call, over no driver at all")
    options = parser.parse_args(arguments)
    if options.host_cost:
        from benchmarks.gpu.host_cost import host_costs, show  # of the tests' stand-ins

        print(show(host_costs()))
        return 0
    cases = [case for case in gpu_cases() if not options.cases or case.name in options.cases]
    start = time.monotonic()
    if not options.emulated:
        faulthandler.dump_traceback_later(AT_LAST, exit=True)
    with override(cuda_emulator=options.emulated):
        wrong = _values(cases, corpus=not (options.only_values or options.cases))
        if not (options.emulated or options.only_values):
            _times(cases, start)
    faulthandler.cancel_dump_traceback_later()
    return wrong


def _values(cases: Sequence[GpuCase], *, corpus: bool) -> int:
    """Print what is wrong, and give the number of it. The corpus is checked by other processes meanwhile."""
    beside = CorpusCheck(emulated=settings.cuda_emulator) if corpus else None
    found = []
    for case in cases:
        found.append((case.name, problem_of(case)))
        print(f"values of {case.name}: {found[-1][1] or 'right'}", flush=True)
    found += [] if beside is None else beside.problems()
    wrong = [(name, problem) for name, problem in found if problem]
    for name, problem in wrong:
        print(f"WRONG {name}: {problem}")
    print(f"values: {len(found) - len(wrong)} programs right, {len(wrong)} wrong", flush=True)
    return len(wrong)


def _times(cases: Sequence[GpuCase], start: float) -> None:
    machine = this_machine()
    print(sanitizer_verdict(), flush=True)
    copy = copy_bandwidth(machine)
    rows = []
    for case in cases:
        passed = time.monotonic() - start
        if passed > SECONDS:
            rows.append(Times(case, notes="not timed: no time left"))
            continue
        try:
            rows.append(timed(case, machine, with_compiled=passed < COMPILING_SECONDS))
        except Exception as error:  # noqa: BLE001  it is reported, and the other cases go on
            rows.append(Times(case, notes=reason(error)))
        print(f"{case.name}: done after {time.monotonic() - start:.0f} s", flush=True)
    host = _host_seconds(cases, machine)
    print(f"\n{machine.title}, {time.strftime('%Y-%m-%d')}")
    print(
        f"a copy reads and writes {copy / 1e9:.0f} GB/s; python -m benchmarks.gpu took {time.monotonic() - start:.0f} s"
    )
    print("\n".join(verdicts(rows, copy, host)))
    print(table(rows, copy))


def _host_seconds(cases: Sequence[GpuCase], machine: Machine) -> float | None:
    """What a call of the small step costs the host; None where it is not among the cases, or fails."""
    small = [case for case in cases if case.group == "calls"]
    if not small:
        return None
    try:
        return host_seconds_of(ready_step(small[0], machine), machine.wait)
    except Exception as error:  # noqa: BLE001  it is reported
        print(f"the host's cost of a call: {reason(error)}")
        return None


if __name__ == "__main__":
    raise SystemExit(bool(main()))
