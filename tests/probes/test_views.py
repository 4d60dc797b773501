"""Writes through views of all kinds: base, view and argument hold afterwards what NumPy's do."""

from __future__ import annotations

import random

import pytest

from tests.nightly import NIGHTLY
from tests.probes.engine import finding
from tests.probes.keywords import FIXED, X
from tests.probes.known import REFUSED, is_known
from tests.probes.views import programs

COUNT = 20_000 if NIGHTLY else 120
ARRAYS = {"x": X, "y": FIXED["y"], "m": FIXED["m"]}
# What NumPy refuses, as the array has no elements, or is one that it makes read-only; the base is none.
ACCEPTED = r"""
accepted: .*(read-only|not writable|cannot replace elements of an empty array)
"""


@pytest.mark.parametrize("text", random.Random(1).sample(programs(), COUNT))
def test_writes_reach_what_they_do_in_numpy(text: str) -> None:
    found = finding(text, ARRAYS)
    known = found is None or is_known(REFUSED, found.removeprefix("refused: ")) or is_known(ACCEPTED, found)
    assert known, found
