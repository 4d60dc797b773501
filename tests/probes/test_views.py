"""Writes through views of all kinds: base, view and argument hold afterwards what NumPy's do."""

from __future__ import annotations

import random

import pytest

from tests.nightly import NIGHTLY
from tests.probes.engine import finding
from tests.probes.keywords import FIXED, X
from tests.probes.known import REFUSED, is_known
from tests.probes.views import programs

SEEDS = range(300) if NIGHTLY else range(2)  # how often programs are drawn
DRAWN = 60
ARRAYS = {"x": X, "y": FIXED["y"], "m": FIXED["m"]}
# What NumPy refuses, as the array has no elements, or is one that it makes read-only; the base is none.
ACCEPTED = r"""
accepted: .*(read-only|not writable|cannot replace elements of an empty array)
"""


def is_as_expected(found: str | None) -> bool:
    return found is None or is_known(REFUSED, found.removeprefix("refused: ")) or is_known(ACCEPTED, found)


@pytest.mark.parametrize("seed", SEEDS)
def test_writes_reach_what_they_do_in_numpy(seed: int) -> None:
    drawn = random.Random(seed).sample(programs(), DRAWN)
    findings = {text: finding(text, ARRAYS) for text in drawn}
    assert {text: found for text, found in findings.items() if not is_as_expected(found)} == {}
