"""Parts of a run as processes of their own: one that hangs, or brings its device down, leaves the others to theirs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

REAPED_SECONDS = 5.0  # a process that waits for a broken device may not even die


class Outcome(NamedTuple):
    """``said``: what the process printed as JSON, later lines over earlier ones; ``problem``: how it ended, if ill."""

    said: dict[str, Any]
    problem: str


def command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def say(**what: Any) -> None:
    """Print a line of the outcome."""
    print(json.dumps(what), flush=True)


def outcome(argv: Sequence[str], seconds: float) -> Outcome:
    """Run a process for so many seconds at most; what it said until then counts."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(argv, stdout=out, stderr=errors, text=True, start_new_session=True)
        try:
            code = process.wait(max(1.0, seconds))
            problem = f"ended with {code}: {_last_line(errors)}" if code else ""
        except subprocess.TimeoutExpired:
            problem = f"stopped after {seconds:.0f} s"
        finally:
            end(process)
        out.seek(0)
        said: dict[str, Any] = {}
        for line in out:
            said |= _spoken(line)
        return Outcome(said, problem)


def end(process: subprocess.Popen[str]) -> None:
    """Stop the process, and those that it has started."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):  # all of them have ended
        pass
    try:
        process.wait(REAPED_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"process {process.pid} does not end", flush=True)


def _spoken(line: str) -> dict[str, Any]:
    """Libraries print, too, and a line may have been cut."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _last_line(errors: Any) -> str:
    errors.seek(0)
    lines = errors.read().strip().splitlines()
    return lines[-1][:200] if lines else "without a word"
