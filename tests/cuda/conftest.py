"""Emulated kernels are compiled quickly here: most of a test's time is LLVM's, and its kernels run on few elements.

A nightly run compiles them as users' calls do, so that what LLVM's passes make of them is run, too.
"""

from __future__ import annotations

from graphc.runtime.cuda_emulator import Emulator
from tests.nightly import NIGHTLY

if not NIGHTLY:
    Emulator.optimisation = 0
