"""Training scripts with one outcome in torch and in graphc under its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override
from tests.nightly import part
from tests.tensors.scripts import SCRIPTS

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")


@pytest.mark.parametrize("script", part(SCRIPTS, 4, 6), ids=lambda script: script.__name__)
def test_a_script_gives_torchs_losses(script: Callable[[Any], list[float]]) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        theirs = script(torch)
    finally:
        torch.set_default_dtype(before)
    with override(disable_jit=True):
        ours = script(graphc)
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)
