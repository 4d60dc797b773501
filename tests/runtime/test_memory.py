"""malloc keeps freed memory only where nobody else has a say."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = "from graphc.runtime.memory import keep_freed_memory; print(keep_freed_memory())"


def kept(**variables: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_", "LD_PRELOAD"))}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=clean | variables, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc is not glibc's")
def test_kept_by_default():
    assert kept() == "True"


@pytest.mark.parametrize("variable", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"])
def test_the_users_own_tuning_stands(variable):
    assert kept(**{variable: "131072"}) == "False"


def test_switched_off():
    assert kept(GRAPHC_KEEP_MEMORY="0") == "False"
