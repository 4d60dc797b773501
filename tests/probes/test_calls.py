"""NumPy's functions and an array's methods with all of their keywords and arrays of many kinds: results, slopes.

A run by day takes every so many lines of the tables, and arrays of two kinds; a nightly one all.
"""

from __future__ import annotations

import pytest

from tests.nightly import NIGHTLY, part
from tests.probes.calls import ATTRIBUTES, FUNCTIONS, METHODS
from tests.probes.engine import finding
from tests.probes.keywords import INPUTS, arrays_of, expanded, lines
from tests.probes.known import ACCEPTED, DIFFERENT, REFUSED, is_known

KINDS = list(INPUTS) if NIGHTLY else ["f8", "i8"]
LINES = [*part(lines(FUNCTIONS), 3, 40), *part(lines(METHODS), 1, 12)]
SLOPES = ("f8", "column", "1d", "F")


def new_findings(call: str) -> list[str]:
    """What is wrong with the call, of arrays of each kind, and in no table."""
    found = []
    for kind in KINDS:
        what = f"{kind}: {call}"
        result = finding(call, arrays_of(call, INPUTS[kind]), slopes=kind in SLOPES)
        verdict, _, detail = (result or "").partition(": ")
        known = {
            "": True,
            "refused": is_known(REFUSED, detail),
            "accepted": is_known(ACCEPTED, what),
            "wrong": any(is_known(expression, what) for expression, _ in DIFFERENT),
        }
        if not known.get(verdict):
            found.append(f"{what} {result}")
    return found


@pytest.mark.parametrize("line", LINES)
def test_calls_are_numpys(line: str) -> None:
    assert [problem for call in expanded(line) for problem in new_findings(call)] == []


@pytest.mark.parametrize("name", part(ATTRIBUTES.split(), 0, 4))
def test_attributes_are_numpys(name: str) -> None:
    assert new_findings(f"x.{name}") == []
