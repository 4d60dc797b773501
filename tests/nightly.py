"""How much a run of the suite tests: ``TEST_PROGRAMS`` random programs, and from 2,000 on all of every corpus."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
RANDOM_PROGRAMS = int(os.environ.get("TEST_PROGRAMS", "200"))
NIGHTLY = RANDOM_PROGRAMS >= 2000


def part(cases: Iterable[T], first: int, step: int) -> list[T]:
    """The cases from the first one on in steps, where compiling all of them would take minutes; all in the night."""
    return list(cases) if NIGHTLY else list(cases)[first::step]
