"""The example in each pass's docstring, run."""

from __future__ import annotations

import doctest
import importlib

import pytest

from graphc.ops.table import OPS
from graphc.passes.rewriter import apply_to_text

MODULES = ["algebra", "broadcasts", "casts", "common", "constants", "dead_code", "movement", "sums"]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_example(name: str) -> None:
    module = importlib.import_module(f"graphc.passes.{name}")
    names = {**vars(module), "OPS": OPS, "apply_to_text": lambda run, text, ops=OPS: apply_to_text(run, text, ops)}
    result = doctest.testmod(module, globs=names)
    assert result.attempted > 0
    assert result.failed == 0
