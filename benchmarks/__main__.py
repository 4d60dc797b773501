"""``python -m benchmarks``: time graphc and its peers side by side."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine, report, roofline
from benchmarks.case import MODES, SUITES, Case, select_cases
from benchmarks.driver import Outcome, PeerAbsent, PeerError, Settings, first_calls, run_case
from benchmarks.peers import PEERS


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--cases", nargs="+", metavar="CASE", help="names, or what stands before their _ (default: all)"
    )
    parser.add_argument("--suite", choices=SUITES, default="arrays", help="where no cases are named (%(default)s)")
    parser.add_argument("--main", action="store_true", help="only the main cases")
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS), metavar="PEER")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=["grad"], metavar="MODE", help=", ".join(MODES))
    parser.add_argument("--threads", type=int, default=2, help="for every peer alike (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=10, help="rounds of timing (default: %(default)s)")
    parser.add_argument("--turn-seconds", type=float, default=0.1, help="of one peer and mode (default: %(default)s)")
    parser.add_argument("--patience", type=float, default=30.0, help="seconds a case waits for quiet (%(default)s)")
    parser.add_argument("--first-call", action="store_true", help="also time first calls, with empty and filled cache")
    parser.add_argument("--python", nargs="+", default=[], metavar="PEER=PATH", help="interpreters of peers")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    parser.add_argument("--list", action="store_true", help="print the cases and stop")
    return parser.parse_args()


def measure_first_calls(
    case: Case, names: list[str], mode: str, settings: Settings, outcomes: dict[str, Outcome]
) -> dict[str, dict[str, float]]:
    """Seconds of the first call of each peer that was timed; a failure is written down in its outcome."""
    measured = {}
    for name in names:
        if PEERS[name].has_compile_cache and mode in outcomes[name].samples:
            try:
                measured[name] = first_calls(case, name, mode, settings)
            except (PeerAbsent, PeerError) as reason:
                outcomes[name].failed = f"first call: {reason}"
    return measured


def main() -> int:
    arguments = parse_arguments()
    cases = [case for case in select_cases(arguments.cases, arguments.suite) if case.main or not arguments.main]
    if arguments.list:
        print("\n".join(f"{case.name:20} {case.what}" for case in cases))
        return 0
    settings = Settings(
        threads=arguments.threads,
        turns=arguments.turns,
        turn_seconds=arguments.turn_seconds,
        patience=arguments.patience,
        interpreters=dict(pair.split("=", 1) for pair in arguments.python),
    )
    about = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "threads": settings.threads,
        "machine": machine.describe(),
    }
    results: report.Results = {}
    firsts: report.FirstCalls = {}
    floors = {case.name: roofline.floor(case.work(**case.sizes), settings.threads) for case in cases}
    for case in cases:
        print(f"{case.name}: {case.what}", file=sys.stderr, flush=True)
        results[case.name] = run_case(case, arguments.peers, arguments.modes, settings)
        if arguments.first_call:
            firsts[case.name] = measure_first_calls(
                case, arguments.peers, arguments.modes[0], settings, results[case.name]
            )
        if arguments.json:  # after each case: a long run that is stopped keeps what it has
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(
                report.as_json(results, firsts, floors, about, {case.name: case for case in cases})
            )

    print(report.table(results, arguments.peers, arguments.modes, firsts))
    print("\n" + report.standing(results, arguments.peers, floors))
    if any(case.suite == "loops" for case in cases):
        print("\n" + report.beside_the_primal(results))
    print("\n".join(["", *report.notes(results)]))
    if arguments.plot:
        arguments.plot.parent.mkdir(parents=True, exist_ok=True)
        report.plot(results, arguments.peers, arguments.modes[0], arguments.plot)
    return int(any(outcome.failed for outcomes in results.values() for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
